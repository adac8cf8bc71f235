"""CSV and XLSX tables as Chinese plans print them: titles, merged towns, sub-totals, notes."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import openpyxl
import shapely

from geoplan.columns import LAYER_GEOMETRY
from geoplan.errors import Problem
from geoplan.io.annex import Body, Grid, above_heading, body_of
from geoplan.io.cells import CellError, as_number, is_blank, key, reading, visible
from geoplan.io.headings import column_of, match
from geoplan.io.raw import Objects, Raw, Source, objects
from geoplan.io.sniff import Unreadable

#: Rows in which the heading is looked for; above it stand a title and the unit.
HEADING_ROWS = 10
#: Headings that must be known for a row to be the heading.
KNOWN_HEADINGS = 2
#: Largest table read: twenty times the villages of the largest county.
MAX_ROWS, MAX_COLUMNS = 100_000, 300

_ZEROS = re.compile("0+")


def read_csv(data: bytes, source: Source) -> Raw:
    """Cells and points of a CSV table.

    Parameters
    ----------
    data : bytes
        Content of the file: UTF-8 with or without mark, or GB18030.
    source : Source
        Where it comes from.

    Raises
    ------
    Unreadable
        If it is no text, no table, or has no heading.
    """
    text = _decoded(data)
    lines = text.splitlines()[:HEADING_ROWS]
    delimiter = max(",\t;", key=lambda d: sum(line.count(d) for line in lines))
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        grid: Grid = [list(row) for row in reader]
    except csv.Error as error:
        raise Unreadable(f"is a broken CSV ({error})", "save it again as CSV UTF-8") from None
    return _raw(_bounded(grid), source, ragged=True)


def _decoded(data: bytes) -> str:
    for codec in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            continue
    raise Unreadable("is neither UTF-8 nor GB18030 text", "save it as CSV UTF-8")


def read_xlsx(data: bytes, source: Source) -> Raw:
    """Cells and points of the one sheet of a workbook that holds the table.

    Parameters
    ----------
    data : bytes
        Content of the file.
    source : Source
        Where it comes from.

    Raises
    ------
    Unreadable
        If it is no workbook, or not exactly one visible sheet has the heading.
    """
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        grids = {s.title: _grid(s) for s in book.worksheets if s.sheet_state == "visible"}
    except Unreadable:
        raise
    except Exception as error:  # noqa: BLE001  a damaged workbook fails wherever its parser happens to be
        raise Unreadable(f"is a broken workbook ({visible(error)})", "save it again") from None
    found = {title: grid for title, grid in grids.items() if _heading(grid, source.stem)}
    named = {title: grid for title, grid in found.items() if key(title) == source.stem}
    if len(named or found) > 1:
        titles = ", ".join(visible(t) for t in found)
        raise Unreadable(f"several sheets hold the table: {titles}", f"name the right one {source.stem!r}")
    return _raw(next(iter((named or found).values()), []), source, ragged=False)


def _grid(sheet: Any) -> Grid:
    return _bounded(
        [[_cell(c) for c in row] for row in sheet.iter_rows(max_row=MAX_ROWS + 1, max_col=MAX_COLUMNS)]
    )


def _cell(cell: Any) -> object:
    """Value of a cell; a number shown with leading zeros keeps them."""
    if isinstance(cell.value, int) and _ZEROS.fullmatch(str(cell.number_format)):
        return str(cell.value).zfill(len(cell.number_format)) if len(cell.number_format) > 1 else cell.value
    return cell.value


def _bounded(grid: Grid) -> Grid:
    if len(grid) > MAX_ROWS:
        raise Unreadable(f"has more than {MAX_ROWS:,} rows", "keep only the table of the layer")
    return grid


def _raw(grid: Grid, source: Source, *, ragged: bool) -> Raw:
    geometry = LAYER_GEOMETRY[source.stem]
    if geometry not in ("Point", "Any"):
        raise Unreadable(
            f"a table holds points, but {source.stem} needs {geometry.lower()}s",
            "export it as GeoPackage or GeoJSON",
        )
    heading = _heading(grid, source.stem)
    if heading is None:
        raise Unreadable(
            f"no heading in the first {HEADING_ROWS} rows names two known columns",
            "head the columns as `geoplan describe` lists them, for example 村代码, 村名, 乡镇, 户数",
        )
    top, first, labels = heading
    matched = match(labels, stem=source.stem).columns
    at = {column: labels.index(label) for column, label in matched.items()}
    body = body_of(grid, first, labels=labels, at=at, stem=source.stem)
    x, y, problems = _coordinate_columns(labels)
    if x is None and not problems and "unlocated" not in at:
        remedy = "add lon and lat (经度, 纬度), or 东坐标 and 北坐标"
        problems.append(Problem("has no columns of coordinates", remedy=remedy))
    shapes, faults, broken = _points(body, x, y)
    if problems:
        broken = frozenset(range(len(shapes)))
    problems += [
        *faults,
        *above_heading(grid[:top]),
        *body.problems,
        *_stray(grid, body, labels, ragged=ragged),
    ]
    cells, twice = _cells(body, labels, leave={x, y})
    return Raw(
        source=source,
        columns=cells,
        shapes=shapes,
        rows=np.array([r + 1 for r in body.rows], dtype=np.intp),
        broken=broken,
        problems=tuple(source.own(p) for p in [*problems, *twice]),
    )


def _heading(grid: Grid, stem: str) -> tuple[int, int, list[str]] | None:
    """First row of the heading, first row under it, and the label of every column.

    Two rows may make one heading; they do when together they name more columns than any row alone.
    """
    rows = grid[:HEADING_ROWS]
    found = [(i, i + 1, _labels(row)) for i, row in enumerate(rows)]
    found += [(i, i + 2, _stacked(a, b, stem)) for i, (a, b) in enumerate(itertools.pairwise(rows))]
    best = max(found, key=lambda heading: _known(heading[2], stem), default=None)
    return best if best and _known(best[2], stem) >= KNOWN_HEADINGS else None


def _labels(row: Sequence[object]) -> list[str]:
    return ["" if is_blank(cell) else str(cell).strip() for cell in row]


def _stacked(upper: Sequence[object], lower: Sequence[object], stem: str) -> list[str]:
    """Labels of a heading in two rows: the lower cell, or the upper where the lower says nothing."""
    width = max(len(upper), len(lower))
    above, below = (_labels([*row, *[None] * (width - len(row))]) for row in (upper, lower))
    return [b or (a if column_of(a, stem)[0] or _axis(a) else "") for a, b in zip(above, below, strict=True)]


def _known(labels: Sequence[str], stem: str) -> int:
    return len({column_of(label, stem)[0] or _axis(label) for label in labels} - {None})


def _axis(label: str) -> str | None:
    """``x`` or ``y`` when a label heads a column of coordinates; a bracket behind it is not read."""
    word = re.sub(r"[(\[].*", "", key(label))
    for pair in reading()["coordinates"].values():
        for axis in ("x", "y"):
            if word in pair[axis]:
                return axis
    return None


def _coordinate_columns(labels: Sequence[str]) -> tuple[int | None, int | None, list[Problem]]:
    found = {axis: [i for i, label in enumerate(labels) if _axis(label) == axis] for axis in ("x", "y")}
    if len(found["x"]) > 1 or len(found["y"]) > 1:
        names = ", ".join(visible(labels[i]) for i in sorted(found["x"] + found["y"]))
        return None, None, [Problem(f"more than one pair of coordinates: {names}", remedy="keep one pair")]
    if len(found["x"]) != len(found["y"]):
        name = visible(labels[(found["x"] + found["y"])[0]])
        return None, None, [Problem(f"only one column of coordinates: {name}", remedy="add the other")]
    return (found["x"][0], found["y"][0], []) if found["x"] else (None, None, [])


def _points(body: Body, x: int | None, y: int | None) -> tuple[Objects, list[Problem], frozenset[int]]:
    shapes = np.full(len(body.cells), None, dtype=object)
    if x is None or y is None:
        return shapes, [], frozenset()
    broken = []
    for i, row in enumerate(body.cells):
        pair = (row[x], row[y])
        if is_blank(pair[0]) and is_blank(pair[1]):
            continue
        try:
            shapes[i] = shapely.Point(float(as_number(pair[0])), float(as_number(pair[1])))
        except CellError:
            broken.append(i)
    if not broken:
        return shapes, [], frozenset()
    got = ", ".join(visible(body.cells[broken[0]][c]) for c in (x, y))
    where = tuple(f"row {body.rows[i] + 1}" for i in broken)
    fault = Problem(f"coordinates must be two numbers; got {got}", ids=where, remedy="write decimal numbers")
    return shapes, [fault], frozenset(broken)


def _stray(grid: Grid, body: Body, labels: Sequence[str], *, ragged: bool) -> list[Problem]:
    """Cells that stand under no heading."""
    problems = []
    long = [r for r in body.rows if any(not is_blank(c) for c in grid[r][len(labels) :])]
    if long and ragged:
        where = tuple(f"row {r + 1}" for r in long)
        problems.append(
            Problem("has more cells than headings", ids=where, remedy="quote texts that hold a comma")
        )
    bare = [
        i for i, label in enumerate(labels) if not label and any(not is_blank(row[i]) for row in body.cells)
    ]
    if bare:
        columns = ", ".join(openpyxl.utils.get_column_letter(i + 1) for i in bare)
        problems.append(Problem(f"columns without heading not used: {columns}", severity="warning"))
    return problems


def _cells(
    body: Body, labels: Sequence[str], *, leave: set[int | None]
) -> tuple[dict[str, Objects], list[Problem]]:
    cells: dict[str, Objects] = {}
    problems = []
    for i, label in enumerate(labels):
        if i in leave or not label:
            continue
        if label in cells:
            problems.append(Problem(f"column {visible(label)!r} stands twice", remedy="keep one of the two"))
        cells.setdefault(label, objects(row[i] for row in body.cells))
    return cells, problems
