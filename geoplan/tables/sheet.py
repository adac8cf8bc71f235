"""One sheet of the workbook, and how a frame of the plan becomes one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from geoplan.annex import AnnexTable, Cell, RowKind
from geoplan.columns import Column
from geoplan.explain import messages, value_label
from geoplan.model import Plan
from geoplan.units import FUZZ

#: Columns of the part that a document states of an amount.
STATED = "_stated_cny"
#: Under a table whose rounding moved a number so that its parts add up.
ROUNDED = "各分项取整后与合计一致，个别数与分别取整的（如图上）可能相差一个末位。"


@dataclass(frozen=True)
class Sheet:
    """One sheet of the workbook.

    Attributes
    ----------
    name : str
        Name on its tab.
    table : AnnexTable
        Cells as the reader sees them.
    notes : tuple of str
        Lines under the table.
    lead : str
        A line between the title and the table.
    register : bool
        Whether it is a wide list to look things up in, not a table of the annex.
    """

    name: str
    table: AnnexTable
    notes: tuple[str, ...] = ()
    lead: str = ""
    register: bool = False


def titled(plan: Plan, name: str) -> str:
    """Title of a table of a plan: whose it is, and what it holds."""
    return f"{plan.policy.county}{name}" if plan.policy.county else f"{plan.policy.title}：{name}"


def framed(
    frame: pd.DataFrame,
    *,
    title: str,
    unit: str = "",
    kinds: Sequence[RowKind] | None = None,
    merged: Sequence[str] = (),
    decimals: Mapping[str, int] | None = None,
) -> AnnexTable:
    """A frame as a table: headings from its columns, an empty cell where nothing is known.

    Parameters
    ----------
    frame : DataFrame
        A heading that is a tuple is a two-level one.
    kinds : sequence of {"row", "subtotal", "total"}, optional
        What each row is; without it all are rows.
    merged : sequence of str
        Headings of columns whose equal neighbours are one cell.
    decimals : mapping of str to int, optional
        Decimals that a column is printed with, by heading.

    Examples
    --------
    >>> framed(pd.DataFrame({"乡镇": ["甲镇"], "户数": [3.0]}), title="表").rows
    (('甲镇', 3),)
    """
    headings = list(frame.columns)
    places = dict(decimals or {})
    cells = [[_cell(v, places.get(h, 0)) for v in frame[h].astype(object)] for h in headings]
    rows: list[RowKind] = ["row"] * len(frame)
    numeric = [any(isinstance(c, int | float) for c in column) for column in cells]
    return AnnexTable(
        title=title,
        unit=unit,
        head=tuple((h,) if isinstance(h, str) else tuple(h) for h in headings),
        rows=tuple(zip(*cells, strict=True)),
        kinds=tuple(rows if kinds is None else kinds),
        merged=tuple(headings.index(name) for name in merged),
        sums=tuple(np.flatnonzero(numeric).tolist()),
        decimals=tuple(places.get(h, 0) for h in headings),
    )


def _cell(value: Any, decimals: int) -> Cell:
    """A value as a cell: a whole number without decimals where the column has none."""
    if isinstance(value, str):
        return value or None
    if pd.isna(value):
        return None
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return int(number) if number.is_integer() and not decimals else number
    return str(value)


def rounding_note(exact: ArrayLike, printed: ArrayLike, *, decimals: int = 0) -> tuple[str, ...]:
    """A note where a printed number is not the nearest to its amount; what is not known says nothing.

    Examples
    --------
    >>> rounding_note([1.4, 1.4], [1, 1]), len(rounding_note([1.4, 1.4], [2, 1]))
    ((), 1)
    """
    unit = 10.0**-decimals
    amounts, said = (np.asarray(values, dtype=float) for values in (exact, printed))
    moved = np.abs(np.floor(amounts / unit + 0.5 + FUZZ) * unit - said) > unit / 2
    return (ROUNDED,) if moved.any() else ()


def tabled(rows: Sequence[Mapping[Any, Any]]) -> pd.DataFrame:
    """Rows as a frame that leaves every cell as it is; a heading that is a tuple stays one.

    Examples
    --------
    >>> tabled([{"户数": 3}, {"户数": None}])["户数"].tolist()
    [3, None]
    """
    headings = list(dict.fromkeys(heading for row in rows for heading in row))
    cells = [[row.get(heading) for heading in headings] for row in rows]
    frame = pd.DataFrame(cells, dtype=object)
    frame.columns = pd.Index(headings, tupleize_cols=False)
    return frame


def years_said(years: Sequence[int]) -> str:
    """Years as a reader writes them.

    Examples
    --------
    >>> years_said([2021, 2022, 2023]), years_said([2021, 2023])
    ('2021—2023', '2021、2023')
    """
    if len(years) > 2 and list(years) == list(range(years[0], years[-1] + 1)):
        return f"{years[0]}—{years[-1]}"
    return "、".join(map(str, years))


def labelled(frame: pd.DataFrame, columns: Mapping[str, Column]) -> pd.DataFrame:
    """Declared columns in their order under their labels: codes in words, whole money, lengths and loads."""
    said = {c.label(): _said(frame[name], c) for name, c in columns.items() if name in frame}
    return pd.DataFrame(said, index=frame.index)


def saying(frame: pd.DataFrame, columns: Mapping[str, Column]) -> pd.DataFrame:
    """The columns that say something of any row; money that is left open does, and then what is stated of it.

    Examples
    --------
    >>> from geoplan.columns import table
    >>> rows = pd.DataFrame({"name": [None, ""], "capacity": [0.0, 0.0], "used": [0.0, 2.0]})
    >>> list(saying(rows, table("sources")))
    ['used']
    """
    said = (frame.notna() & (frame != "")).any()
    for name, column in columns.items():
        if name in frame and column.dtype in ("integer", "number"):
            open_ = column.unit.startswith("CNY") and frame[name].isna().any()
            said[name] = open_ or frame[name].dropna().ne(0).any()
    for name in frame.columns[frame.columns.str.endswith(STATED)]:
        said[name] &= frame[name.replace(STATED, "_cny")].isna().any()
    return frame[frame.columns[said]]


def alike(said: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """A list without the texts that are the same in every row, and a line that says them.

    Examples
    --------
    >>> rows = pd.DataFrame({"村名": ["甲村", "乙村"], "住房类型": ["平房", "平房"]})
    >>> alike(rows)[1]
    ('各行相同：住房类型 平房。',)
    """
    same = {
        name: said[name].iloc[0]
        for name in said
        if len(said) > 1 and isinstance(said[name].iloc[0], str) and said[name].eq(said[name].iloc[0]).all()
    }
    words = "；".join(f"{name} {text}" for name, text in same.items())
    return said.drop(columns=list(same)), (f"各行相同：{words}。",) if same else ()


def _said(values: pd.Series, column: Column) -> pd.Series:
    """One column in the reader's words and digits; money that is left open says so."""
    if column.dtype in ("text", "boolean"):
        return values.map(lambda v: value_label(column, v)).astype(object)
    numbers = pd.to_numeric(values).astype("Float64")
    whole = column.dtype == "integer" or column.unit.startswith("CNY") or column.unit == "m"
    rounded = numbers.round(0 if whole else 3).astype(object)
    return open_money(rounded) if column.unit.startswith("CNY") else rounded


def open_money(values: pd.Series) -> pd.Series:
    """Amounts with 待定 where the document leaves them open.

    Examples
    --------
    >>> open_money(pd.Series([1.5, float("nan")])).tolist()
    [1.5, '待定']
    """
    return values.astype(object).where(values.notna(), messages()["unstated"])
