"""The tables of the annex in the county's own layout: which rows, in which order, and what each cell says.

The layout is data (:class:`~geoplan.provisions.Annex`); this module fills it
from the plan's villages. What is printed adds up: every sub-total and total is
the sum of the cells above it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from geoplan.columns import ROUTES, plan_columns
from geoplan.explain import messages, value_label
from geoplan.provisions import Annex, AnnexColumn, matching
from geoplan.units import FUZZ, apportion

Cell = str | int | float | None
RowKind = Literal["row", "subtotal", "total"]
Positions = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class AnnexTable:
    """A table as it is printed.

    Attributes
    ----------
    title, unit, mark : str
        Heading, the 单位 line, and the words above the title (附件2).
    head : tuple of tuple of str
        Heading of each column; two entries are a two-level one.
    rows : tuple of tuple
        Cells; None is a blank one, 待定 an amount that the document leaves open.
    kinds : tuple of {"row", "subtotal", "total"}
        What each row is.
    merged : tuple of int
        Columns in which equal neighbours of one group are one cell.
    sums : tuple of int
        Columns of sums: the label of a total stands in the columns before.
    decimals : tuple of int
        How many each column is printed with.
    """

    title: str
    unit: str
    head: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[Cell, ...], ...]
    kinds: tuple[RowKind, ...]
    merged: tuple[int, ...] = ()
    sums: tuple[int, ...] = ()
    decimals: tuple[int, ...] = ()
    mark: str = ""


def annex_table(villages: pd.DataFrame, annex: Annex) -> AnnexTable:
    """Fill the layout of an annex from the plan's villages.

    Parameters
    ----------
    villages : DataFrame
        The plan's villages.
    annex : Annex
        Layout. A row is a village, or all villages that one row of the report
        books; only villages with households to convert that `annex.where` names.

    Returns
    -------
    AnnexTable
        Rows in the order of `annex.order`, what it does not name after that by
        the first village id; inside a town by ``report_order``, then village id.

    Examples
    --------
    >>> frame = pd.DataFrame({
    ...     "village_id": ["1", "2", "3"], "name": ["甲村", "乙村", "丙村"], "town": ["东镇", "东镇", "西镇"],
    ...     "report_row": [None] * 3, "report_order": [None] * 3, "households": [41, 22, 7]})
    >>> layout = Annex(title="任务表", unit="户", columns=(
    ...     AnnexColumn(head=("序号",), cell="number"), AnnexColumn(head=("镇",), cell="row"),
    ...     AnnexColumn(head=("户数",), sum="households")))
    >>> annex_table(frame, layout).rows
    ((1, '东镇', 63), (2, '西镇', 7), ('合计', None, 70))
    """
    frame = _booked(villages, annex)
    place: Positions = pd.factorize(frame["place"])[0]
    row = place if annex.rows == "town" else np.arange(len(frame))
    group = place[np.unique(row, return_index=True)[1]]
    sums = {i: _sums(c, frame, row) for i, c in enumerate(annex.columns) if c.sum is not None}
    columns = [
        [_number(v, annex.columns[i].decimals, zeros=annex.zeros) for v in sums[i]]
        if i in sums
        else _cells(column, frame, row, _numbers(group, restart=annex.restart_numbers))
        for i, column in enumerate(annex.columns)
    ]
    body = list(zip(*columns, strict=True))
    rows: list[tuple[Cell, ...]] = []
    kinds: list[RowKind] = []
    for block in _blocks(group):
        rows += body[block]
        kinds += ["row"] * (block.stop - block.start)
        if annex.subtotal:
            rows.append(_sum_row(sums, block, annex, label=annex.subtotal))
            kinds.append("subtotal")
    if annex.total and rows:
        rows.append(_sum_row(sums, slice(0, len(body)), annex, label=annex.total, last=True))
        kinds.append("total")
    town = [i for i, c in enumerate(annex.columns) if c.cell == "town" and annex.rows == "village"]
    return AnnexTable(
        title=annex.title,
        unit=annex.unit.removeprefix("单位："),
        head=tuple(column.head for column in annex.columns),
        rows=tuple(rows),
        kinds=tuple(kinds),
        merged=tuple(town),
        sums=tuple(sums),
        decimals=tuple(column.decimals for column in annex.columns),
        mark=annex.mark,
    )


def left_out(villages: pd.DataFrame, annex: Annex, *, key: str) -> dict[str, int]:
    """Households that the total of a table counts and none of its columns by `key` does, by route.

    Parameters
    ----------
    villages : DataFrame
        The plan's villages.
    annex : Annex
    key : str
        Column of the plan that the table is split by, such as ``route`` or ``year``.

    Examples
    --------
    >>> frame = pd.DataFrame({
    ...     "village_id": ["1", "2"], "town": ["东镇"] * 2, "households": [41, 22],
    ...     "report_row": [None] * 2, "report_order": [None] * 2, "route": ["gas", "deferred"]})
    >>> layout = Annex(title="任务表", columns=(
    ...     AnnexColumn(head=("镇",), cell="row"),
    ...     AnnexColumn(head=("煤改气",), sum="households", where={"route": ("gas",)}),
    ...     AnnexColumn(head=("合计",), sum="households")))
    >>> left_out(frame, layout, key="route")
    {'deferred': 22}
    """
    frame = _booked(villages, annex)
    counts = [c for c in annex.columns if c.sum == "households"]
    parts = [_asked(c, frame) for c in counts if key in c.where]
    if not parts or not any(not c.where and c.filled is None for c in counts):
        return {}
    rest = frame[~np.logical_or.reduce(parts)]
    found = rest["households"].astype(int).groupby(rest["route"]).sum()
    return {route: int(found[route]) for route in ROUTES if route in found.index}


def adding_up(values: Sequence[float], *, decimals: int) -> list[float]:
    """Round numbers so that they add up to their rounded sum, by largest remainder.

    A number that is not known (NaN) stays so; then there is no sum to keep and
    each of the others is rounded by itself.

    Examples
    --------
    >>> adding_up([33.335, 33.335, 33.33], decimals=2)
    [33.34, 33.33, 33.33]
    >>> adding_up([0.125, float("nan")], decimals=2)
    [0.13, nan]
    """
    unit = 10.0**-decimals
    if np.isfinite(values).all():
        return apportion(values, unit=unit).tolist()
    return np.round(np.floor(np.asarray(values) / unit + 0.5 + FUZZ) * unit, decimals).tolist()


def _booked(villages: pd.DataFrame, annex: Annex) -> pd.DataFrame:
    """The villages of the table in its order; ``place`` is the row or the town that books each."""
    task = villages["households"].to_numpy(dtype=float, na_value=np.nan) > 0
    frame = villages[task & matching(villages, annex.where)].sort_values("village_id").reset_index(drop=True)
    own = _given(frame["report_row"])
    frame["row"] = frame["report_row"].astype(object).where(own, frame["town"].astype(object))
    frame["place"] = frame["row"] if annex.rows == "town" else frame["town"]
    known = {name: i for i, name in enumerate(dict.fromkeys((*annex.order, *frame["place"])))}
    inside = pd.to_numeric(frame["report_order"]).to_numpy(dtype=float, na_value=np.inf)
    order = np.lexsort((np.nan_to_num(inside, nan=np.inf), frame["place"].map(known).to_numpy(dtype=float)))
    return frame.iloc[order].reset_index(drop=True)


def _given(values: pd.Series) -> Bools:
    """Where a column says something."""
    found: Bools = (values.notna() & (values.astype(object) != "")).to_numpy(dtype=bool)
    return found


def _numbers(group: Positions, *, restart: bool) -> list[int]:
    """Running number of each row, in its group or in the table."""
    rows = pd.Series(group)
    return ((rows.groupby(group).cumcount() if restart else rows.index.to_series()) + 1).tolist()


def _blocks(group: Positions) -> list[slice]:
    """Rows of each group, in order."""
    edges = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(group)]
    return [slice(a, b) for a, b in itertools.pairwise(edges) if b > a]


def _asked(column: AnnexColumn, frame: pd.DataFrame) -> Bools:
    """The villages that a column means."""
    mask = matching(frame, column.where).to_numpy(dtype=bool)
    return mask if column.filled is None else mask & _given(frame[column.filled])


def _sums(column: AnnexColumn, frame: pd.DataFrame, row: Positions) -> list[float]:
    """What is printed in each row of a column of sums."""
    amounts = pd.to_numeric(frame[column.sum]).to_numpy(dtype=float, na_value=np.nan) * column.scale
    amounts = np.where(_asked(column, frame), amounts, 0.0)
    return adding_up(np.bincount(row, amounts).tolist(), decimals=column.decimals)


def _sum_row(
    sums: Mapping[int, list[float]], block: slice, annex: Annex, *, label: str, last: bool = False
) -> tuple[Cell, ...]:
    """A sub-total or the total; where the document numbers it, the label stands beside the number."""
    cells: list[Cell] = [None] * len(annex.columns)
    for i, printed in sums.items():
        cells[i] = _number(sum(printed[block]), annex.columns[i].decimals, zeros=annex.zeros)
    at = 0
    if last and annex.number_total:
        at = next(i for i, column in enumerate(annex.columns) if column.cell == "number") + 1
        cells[at - 1] = block.stop + 1
    cells[at] = label
    return tuple(cells)


def _number(value: float, decimals: int, *, zeros: bool) -> Cell:
    """A number as printed: whole without decimals, blank where it is 0, 待定 where it is not known."""
    if np.isnan(value):
        return str(messages()["unstated"])
    value = round(value, decimals)
    if value == 0 and not zeros:
        return None
    return int(value) if decimals == 0 else value


def _cells(column: AnnexColumn, frame: pd.DataFrame, row: Positions, numbers: list[int]) -> list[Cell]:
    """Each cell of a column that is no sum."""
    if column.cell == "number":
        return list(numbers)
    if column.cell == "blank":
        return [None] * len(numbers)
    if column.text is not None:
        every = np.bincount(row, ~_asked(column, frame)) == 0
        return [column.text if yes else None for yes in every.tolist()]
    said: list[dict[Cell, None]] = [{} for _ in numbers]
    for position, value in zip(row.tolist(), frame[column.cell].astype(object), strict=True):
        cell = _word(value, column)
        if cell is not None:
            said[position][cell] = None
    return [None if not s else next(iter(s)) if len(s) == 1 else "、".join(map(str, s)) for s in said]


def _word(value: Any, column: AnnexColumn) -> Cell:
    """One value of a village as the reader's word or number."""
    about = plan_columns().get(str(column.cell))
    if about is None or about.dtype in ("text", "boolean"):
        return (value_label(about, value) if about else str(value)) or None
    if pd.isna(value):
        return str(messages()["unstated"]) if about.unit.startswith("CNY") else None
    return _number(
        adding_up([float(value) * column.scale], decimals=column.decimals)[0], column.decimals, zeros=True
    )
