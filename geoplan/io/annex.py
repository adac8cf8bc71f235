"""The rows of a printed table: which are villages, and whether its sums are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from geoplan.columns import table
from geoplan.errors import Problem
from geoplan.io.cells import CellError, as_number, is_blank, key, reading

Grid = list[list[object]]
RowKind = Literal["place", "blank", "heading", "subtotal", "total", "note"]

#: Difference that rounding of printed decimals can make in a sum.
ROUNDING = 0.05


@dataclass(frozen=True)
class Body:
    """The rows that are places.

    Attributes
    ----------
    rows : tuple of int
        Positions in the grid, from 0.
    cells : tuple of list
        Their cells, each as wide as the heading.
    problems : tuple of Problem
        Repairs that were made, and printed sums that are wrong.
    """

    rows: tuple[int, ...]
    cells: tuple[list[object], ...]
    problems: tuple[Problem, ...]


def body_of(grid: Grid, first: int, *, labels: Sequence[str], at: Mapping[str, int], stem: str) -> Body:
    """The places of a table, with towns filled down and sums checked.

    Parameters
    ----------
    grid : list of list
        All cells of the sheet.
    first : int
        Position of the first row under the heading.
    labels : sequence of str
        Headings.
    at : mapping of str to int
        Position of each known column.
    stem : str
        Name of the layer.

    Returns
    -------
    Body

    Examples
    --------
    >>> head = ["乡镇", "村名", "户数"]
    >>> grid = [head, ["金积镇", "关渠村", 120], [None, "大庙桥村", 80], ["小计", None, 200]]
    >>> body = body_of(grid, 1, labels=head, at={"town": 0, "name": 1, "households": 2}, stem="villages")
    >>> [row[:2] for row in body.cells]
    [['金积镇', '关渠村'], ['金积镇', '大庙桥村']]
    """
    width = len(labels)
    cells = [[*row[:width], *[None] * (width - len(row))] for row in grid]
    kinds: dict[int, RowKind] = {r: _kind(cells[r], labels, at) for r in range(first, len(cells))}
    places = [r for r, kind in kinds.items() if kind == "place"]
    filled = _filled_towns(cells, kinds, at)
    for r, town in filled.items():
        cells[r][at["town"]] = town
    problems = [
        *_said(kinds, "heading", "repeated headings left out"),
        *_said(kinds, "note", "notes under the table left out"),
        *_sums(cells, kinds, at=at, stem=stem),
    ]
    if filled:
        problems.append(_repair("town filled down from the row above", filled, column="town"))
    return Body(tuple(places), tuple(cells[r] for r in places), tuple(problems))


def _kind(row: Sequence[object], labels: Sequence[str], at: Mapping[str, int]) -> RowKind:
    given = [(i, cell) for i, cell in enumerate(row) if not is_blank(cell)]
    if not given:
        return "blank"
    if len(given) > 1 and all(key(cell) == key(labels[i]) for i, cell in given):
        return "heading"
    named = [row[at[c]] for c in ("name", "town", "village_id", "source_id") if c in at]
    words = [key(cell) for cell in [given[0][1], *named] if isinstance(cell, str)]
    if any(word.endswith(tuple(reading()["subtotal_words"])) for word in words):
        return "subtotal"
    if any(word.endswith(tuple(reading()["total_words"])) for word in words):
        return "total"
    is_note = len(given) <= 2 and key(given[0][1]).startswith(tuple(reading()["note_words"]))
    return "note" if is_note else "place"


def _filled_towns(cells: Grid, kinds: Mapping[int, RowKind], at: Mapping[str, int]) -> dict[int, object]:
    """Towns of the rows that a merged cell covers: the town of the row just above.

    A sum that closes its block ends the cell; one that opens a block may carry its town.
    """
    if "town" not in at or "name" not in at:
        return {}
    filled: dict[int, object] = {}
    town: object = None
    closed: set[str] = set()
    for r, kind in kinds.items():
        own = cells[r][at["town"]]
        if kind == "blank":
            town = None
        elif kind in ("subtotal", "total"):
            opens = not is_blank(own) and not _is_sum_word(own) and key(own) not in closed
            town = own if opens else None
        elif kind == "place" and not is_blank(own):
            town = own
            closed.add(key(own))
        elif kind == "place" and town is not None and not is_blank(cells[r][at["name"]]):
            filled[r] = town
    return filled


def _is_sum_word(cell: object) -> bool:
    return key(cell).endswith((*reading()["subtotal_words"], *reading()["total_words"]))


def above_heading(rows: Grid) -> list[Problem]:
    """What is said of the rows above the heading: left out, but a scaled unit there changes every number.

    Examples
    --------
    >>> [p.severity for p in above_heading([["附表1"], ["单位：万户"]])]
    ['repair', 'error']
    """
    texts = [(r, key(cell)) for r, row in enumerate(rows) for cell in row if not is_blank(cell)]
    if not texts:
        return []
    problems = [_repair("titles above the heading left out", sorted({r for r, _ in texts}))]
    units = [text for _, text in texts if "单位" in text]
    scaled = [word for word in reading()["scaled_unit_words"] if any(word in text for text in units)]
    if scaled:
        message = f"the line above the heading says the unit is {scaled[0]}"
        problems.append(Problem(message, remedy="write single units"))
    return problems


def _said(kinds: Mapping[int, RowKind], kind: RowKind, message: str) -> list[Problem]:
    rows = [r for r, k in kinds.items() if k == kind]
    return [_repair(message, rows)] if rows else []


def _repair(message: str, rows: Sequence[int] | Mapping[int, object], *, column: str = "") -> Problem:
    return Problem(message, column=column, ids=tuple(f"row {r + 1}" for r in rows), severity="repair")


def _sums(cells: Grid, kinds: Mapping[int, RowKind], *, at: Mapping[str, int], stem: str) -> list[Problem]:
    """Check every printed sum against the rows it can mean; say that the row is not a place."""
    sum_rows = [r for r, kind in kinds.items() if kind in ("subtotal", "total")]
    if not sum_rows:
        return []
    problems = [_repair("rows of sums are not places and were left out", sum_rows)]
    units = set(reading()["sums"]["units"])
    for column, position in at.items():
        if table(stem)[column].unit not in units:
            continue
        numbers = {r: _number(cells[r][position]) for r in kinds}
        for r in sum_rows:
            printed = numbers[r]
            sums = [sum(numbers[i] or 0 for i in rows) for rows in _meant(r, cells, kinds, at)]
            if printed is not None and not any(abs(printed - s) <= ROUNDING for s in sums):
                message = f"the printed sum of {column} is {printed:,g}, but the rows add up to {sums[0]:,g}"
                where = (f"row {r + 1}",)
                problems.append(
                    Problem(message, column=column, ids=where, remedy="correct the rows or the sum")
                )
    return problems


def _number(cell: object) -> float | None:
    try:
        return None if is_blank(cell) else as_number(cell)
    except CellError:
        return None


def _meant(r: int, cells: Grid, kinds: Mapping[int, RowKind], at: Mapping[str, int]) -> list[list[int]]:
    """Sets of rows that a sum row can add up, the likeliest first."""
    places = [i for i, kind in kinds.items() if kind == "place"]
    borders = [i for i, kind in kinds.items() if kind in ("subtotal", "total")]
    last = max((i for i in borders if i < r), default=-1)
    following = min((i for i in borders if i > r), default=len(cells))
    block = [i for i in places if last < i < r] or [i for i in places if r < i < following]
    if kinds[r] == "subtotal":
        town = _town_of_sum(cells[r], at)
        same = [i for i in places if town and key(cells[i][at["town"]]) == town]
        return [same, block] if same else [block]
    above = [i for i in places if i < r]
    return [above or places, block, places]


def _town_of_sum(row: Sequence[object], at: Mapping[str, int]) -> str:
    """Town that a row of a sub-total names, as in 金积镇小计."""
    if "town" not in at or is_blank(row[at["town"]]):
        return ""
    word = key(row[at["town"]])
    for ending in reading()["subtotal_words"]:
        word = word.removesuffix(ending)
    return word
