"""Cells of a layer turned into the columns of its table, each checked by its one declared row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from geoplan.columns import LAYER_GEOMETRY, Column, table
from geoplan.errors import Problem, Severity
from geoplan.io.cells import CellError, convert, is_blank, joined, visible
from geoplan.io.geometry import shaped
from geoplan.io.headings import match
from geoplan.io.raw import Objects, Raw, Source, objects

#: dtype of each column in the county's tables: whole numbers and truth values keep their empty cells.
DTYPES = {"text": object, "integer": "Int64", "number": "float64", "boolean": "boolean"}
#: The column that must differ from row to row.
ID_COLUMNS = ("village_id", "source_id")
#: What to write in an empty cell, where the description of the column does not say it.
EMPTY = {"town": "write the town, or 县直 for a unit of the county itself; no town is carried across a sum"}
#: Rows shown for one repeated id.
SHOWN_ROWS = 5


@dataclass(frozen=True)
class Layer:
    """A layer with typed columns, and shapes still in the coordinates of its file.

    Attributes
    ----------
    source : Source
    frame : DataFrame
        Every column of the table, in its order.
    shapes : ndarray of shapely geometry or None
        One for each row of `frame`.
    labels : tuple of str
        How each row is named in a finding.
    problems : tuple of Problem
    """

    source: Source
    frame: pd.DataFrame
    shapes: Objects
    labels: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


def typed(raw: Raw) -> Layer:
    """Columns and shapes of a layer, checked.

    Parameters
    ----------
    raw : Raw
        As the file holds it.

    Returns
    -------
    Layer
        With every problem of the cells and the shapes; the rows are as many
        as the single parts of the shapes.
    """
    source = raw.source
    if not len(raw.rows):
        empty = source.problem("holds no rows", remedy="export it again, or delete the file")
        nothing = pd.DataFrame(columns=list(table(source.stem)))
        said = any(p.severity == "error" for p in raw.problems)
        return Layer(source, nothing, raw.shapes, (), (*raw.problems, *(() if said else (empty,))))
    frame, labels, problems = _cells(raw)
    shapes, rows, misshapen = _shapes(raw, frame, labels)
    found = (*raw.problems, *(source.own(p) for p in (*problems, *misshapen)))
    frame = frame.iloc[rows].reset_index(drop=True)
    return Layer(source, frame, shapes, tuple(labels[i] for i in rows), found)


def _cells(raw: Raw) -> tuple[pd.DataFrame, list[str], list[Problem]]:
    """Typed columns, the name of each row, and what is wrong with the cells."""
    stem, columns = raw.source.stem, table(raw.source.stem)
    matched = match(list(raw.columns), stem=stem, cut=raw.cut_names)
    given = {name: raw.columns[heading] for name, heading in matched.columns.items()}
    nothing = objects([None] * len(raw.rows))
    read = {name: _converted(given.get(name, nothing), column) for name, column in columns.items()}
    frame = pd.DataFrame({n: pd.Series(read[n][0], dtype=DTYPES[c.dtype]) for n, c in columns.items()})
    problems = [*matched.problems, *_joined(frame, stem, _labels(frame, raw.rows))]
    labels = _labels(frame, raw.rows)
    said = {p.column for p in matched.problems if p.severity == "error"}
    for name, column in columns.items():
        if name in given:
            problems += _faulty(given[name], read[name][1], column, labels)
            problems += _checked(frame[name], read[name][1], column, labels)
        elif column.required and name not in said:
            problems.append(_absent(column))
    return frame, labels, [*problems, *_repeated(frame, raw.rows)]


def _converted(given: Objects, column: Column) -> tuple[list[Any], dict[int, str]]:
    values: list[Any] = []
    faults: dict[int, str] = {}
    for i, cell in enumerate(given):
        value = None
        if not is_blank(cell):
            try:
                value = convert(cell, column)
            except CellError as error:
                faults[i] = str(error)
        values.append(value)
    return values, faults


def _labels(frame: pd.DataFrame, rows: Iterable[int]) -> list[str]:
    """Name of each row: its id and name where it has an id, else its number."""
    ids = next((frame[c] for c in ID_COLUMNS if c in frame), pd.Series([None] * len(frame)))
    names = frame["name"] if "name" in frame else pd.Series([None] * len(frame))
    return [
        visible(f"{i} {n}" if isinstance(n, str) else i) if isinstance(i, str) else f"row {row}"
        for i, n, row in zip(ids, names, rows, strict=True)
    ]


def _absent(column: Column) -> Problem:
    return Problem(
        f"required column {column.name} ({column.zh}) is missing",
        column=column.name,
        remedy=f"add it: {column.description}",
    )


def _faulty(
    given: Objects, faults: Mapping[int, str], column: Column, labels: Sequence[str]
) -> list[Problem]:
    """Cells that could not be converted, one finding for each way to be wrong."""
    ways: dict[str, list[int]] = defaultdict(list)
    for i, message in faults.items():
        ways[message].append(i)
    return [
        _problem(column, message, rows, labels, got=[given[i] for i in rows], remedy=column.description)
        for message, rows in ways.items()
    ]


def _problem(
    column: Column,
    message: str,
    rows: Sequence[int],
    labels: Sequence[str],
    *,
    got: Sequence[object] = (),
    remedy: str = "",
    severity: Severity = "error",
) -> Problem:
    unit = f" [{column.unit}]" if column.unit else ""
    text = f"{column.name} {message}{unit}"
    if len(got):
        text += f"; got {', '.join(dict.fromkeys(_shown(v) for v in list(got)[:3]))}"
    return Problem(
        text, column=column.name, ids=tuple(labels[i] for i in rows), remedy=remedy, severity=severity
    )


def _shown(value: object) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.15g}"
    return visible(repr(value) if isinstance(value, str) else value, most=40)


def _checked(
    values: pd.Series, faults: Mapping[int, str], column: Column, labels: Sequence[str]
) -> list[Problem]:
    problems = []
    empty = [i for i in _rows(values.isna()) if i not in faults]
    if column.required and empty:
        usual = f"write it ({column.description}); an empty cell is never taken as 0"
        remedy = EMPTY.get(column.name, usual)
        problems.append(_problem(column, "is empty", empty, labels, remedy=remedy))
    if column.dtype in ("integer", "number"):
        problems += _beyond(values.astype("float64"), column, labels)
    return problems


def _rows(mask: Any) -> list[int]:
    return [int(i) for i in np.flatnonzero(mask)]


def _beyond(numbers: pd.Series, column: Column, labels: Sequence[str]) -> list[Problem]:
    """Numbers that cannot be (errors) and numbers that hardly can (warnings)."""
    impossible = (numbers < column.min) | (numbers > column.max)
    odd = ((numbers < column.plausible_min) | (numbers > column.plausible_max)) & ~impossible
    no_task = odd & (numbers == 0) & (column.name == "households")
    usual = f"is usually {_range(column.plausible_min, column.plausible_max)}"
    check = f"check the unit ({column.description})"
    found: list[tuple[pd.Series, str, str, Severity]] = [
        (impossible, f"must be {_range(column.min, column.max)}", column.description, "error"),
        (no_task, "is usually more than 0", "right where every household is converted already", "warning"),
        (odd & ~no_task, usual, check, "warning"),
    ]
    return [
        _problem(column, message, _rows(m), labels, got=numbers[m].tolist(), remedy=remedy, severity=severity)
        for m, message, remedy, severity in found
        if m.any()
    ]


def _range(low: float, high: float) -> str:
    if np.isfinite(low) and np.isfinite(high):
        return f"{low:,g} to {high:,g}" if abs(high) < 1e6 else f"{low:,g} to {high:,.0f}"
    return f">= {low:,g}" if np.isfinite(low) else f"<= {high:,g}"


def _joined(frame: pd.DataFrame, stem: str, labels: Sequence[str]) -> list[Problem]:
    """Take the spaces out of Chinese names, in place; tables pad them to equal width."""
    problems = []
    for name in (c for c in ("name", "town") if c in frame and stem in ("villages", "towns")):
        plain = frame[name].map(joined, na_action="ignore")
        rows = _rows(frame[name].notna() & (plain != frame[name]))
        if rows:
            frame[name] = plain.astype(object)
            problems.append(
                _problem(table(stem)[name], "written without spaces", rows, labels, severity="repair")
            )
    return problems


def _repeated(frame: pd.DataFrame, rows: npt.NDArray[np.intp]) -> list[Problem]:
    problems = []
    for column in (c for c in ID_COLUMNS if c in frame):
        ids = frame[column]
        again = ids[ids.notna() & ids.duplicated(keep=False)]
        where: dict[str, list[int]] = defaultdict(list)
        for i, value in again.items():
            where[value].append(int(rows[i]))
        if where:
            told = tuple(f"{visible(v)} (rows {_some(found)})" for v, found in where.items())
            problems.append(
                Problem(f"{column} repeats", column=column, ids=told, remedy="give every row its own")
            )
    return problems


def _some(rows: Sequence[int]) -> str:
    more = len(rows) - SHOWN_ROWS
    return ", ".join(str(r) for r in rows[:SHOWN_ROWS]) + (f" and {more} more" if more > 0 else "")


def _shapes(raw: Raw, frame: pd.DataFrame, labels: Sequence[str]) -> tuple[Objects, Any, list[Problem]]:
    """Checked shapes; a village that says it is unlocated may be without one."""
    excused = np.zeros(len(frame), dtype=bool)
    if "unlocated" in frame:
        excused |= frame["unlocated"].fillna(False).to_numpy(dtype=bool)
    excused[list(raw.broken)] = True
    return shaped(raw.shapes, kind=LAYER_GEOMETRY[raw.source.stem], labels=labels, excused=excused)
