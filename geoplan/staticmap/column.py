"""The column beside the map: legend, tables, charts and notes, one below the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, product

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from geoplan.staticmap import charts, draw
from geoplan.staticmap.content import BarChart, Block, Content, Mark, Pole, Row, ScatterChart
from geoplan.staticmap.fonts import fitted, width, wrapped
from geoplan.staticmap.view import Box

#: Sizes of letters. [pt]
TEXT, FINE = 9.5, 8.5
#: Heights of a line, of a title, and between blocks. [mm]
LINE, HEAD, BETWEEN, FINE_LINE = 4.9, 6.2, 3.4, 4.2
#: Width of a sign, the space after it, and between cells. [mm]
SIGN, AFTER, CELL = 8.0, 2.2, 3.0
#: A column wider than this is two. [mm]
TWO_COLUMNS, BETWEEN_COLUMNS = 150.0, 8.0
#: More parts than this keep their order.
MANY = 10
#: A chart lower than this says nothing. [mm]
LEAST_CHART = 44.0
RULE, PAPER = "#c3c9ce", "#fdf5e6"

Part = Block | BarChart | ScatterChart


def filled(
    ax: Axes, content: Content, *, room: Box, last: Sequence[str], heading: str, more: str
) -> list[Box]:
    """Everything beside the map: legend and tables from the top, notes and last lines at the bottom.

    Parameters
    ----------
    ax : Axes
        Of the sheet.
    content : Content
    room : tuple
        [mm]
    last : sequence of str
        Lines at the very bottom.
    heading : str
        Stands above the legend.
    more : str
        Pattern that says how many rows of a table were left out.

    Returns
    -------
    list of tuple
        Boxes that stay free. [mm]
    """
    left, top, right, bottom = room
    count = 2 if right - left > TWO_COLUMNS else 1
    wide = (right - left - (count - 1) * BETWEEN_COLUMNS) / count
    lefts = [left + i * (wide + BETWEEN_COLUMNS) for i in range(count)]
    closing = _closing(ax, content.notes, last, box=(left, top, right, bottom))
    bottoms = [closing] * count
    draw.text(ax, left, top + 2.6, fitted(heading, wide, size=14.0, weight="bold"), size=14.0, weight="bold")
    tops = [top + 8.0, *[top] * (count - 1)]
    parts = [p for p in (*content.legend, *content.tables) if not isinstance(p, Block) or p.rows]
    heights = [height(part, wide) for part in parts]
    seats = _balanced(heights) if count > 1 else [0] * len(parts)
    for seat, tall, part in zip(seats, heights, parts, strict=True):
        at, need = seat, tall
        if tops[at] + need > bottoms[at]:
            at = next((c for c in range(count) if tops[c] + need <= bottoms[c]), at)
        if tops[at] + need > bottoms[at]:
            part = lowered(part, bottoms[at] - tops[at], wide, more=more)  # noqa: PLW2901
            need = height(part, wide)
        if tops[at] + need <= bottoms[at]:
            _drawn(ax, part, x=lefts[at], y=tops[at], wide=wide)
            tops[at] += need + BETWEEN
    free = [(x, y, x + wide, end - 2.0) for x, y, end in zip(lefts, tops, bottoms, strict=True)]
    return [*free, (left, max(tops), right, closing - 2.0)]


def _balanced(heights: Sequence[float]) -> list[int]:
    """Which of two columns each part stands in, so that most stays free below both.

    The first stands in the first; parts keep their order as far as that costs no more than two lines.

    Examples
    --------
    >>> _balanced([50.0, 20.0, 20.0, 70.0]), _balanced([50.0, 70.0, 20.0]), _balanced([])
    ([0, 0, 1, 1], [0, 1, 0], [])
    """

    def cost(seats: tuple[int, ...]) -> tuple[float, tuple[int, ...]]:
        ends = [8.0, 0.0]
        for at, high in zip(seats, heights, strict=True):
            ends[at] += high + BETWEEN
        return max(ends) + 2.0 * LINE * sum(a > b for a, b in pairwise(seats)), seats

    # With many parts only the cuts of the row are tried.
    count = len(heights)
    tried: Iterator[tuple[int, ...]] = product((0, 1), repeat=count) if count <= MANY else _cuts(count)
    allowed: list[tuple[int, ...]] = [seats for seats in tried if not any(seats[:1])]
    best = min(allowed, key=cost)
    return list(best)


def _cuts(count: int) -> Iterator[tuple[int, ...]]:
    return ((0,) * n + (1,) * (count - n) for n in range(count, -1, -1))


def height(part: Part, wide: float) -> float:
    """Height of a part in a column. [mm]"""
    if isinstance(part, BarChart):
        return charts.bar_height(part, wide)
    if isinstance(part, ScatterChart):
        return part.high + charts.keys_height(part.keys, wide)
    lines = [max(_row_height(row) for row in line) for line in _lines(part, wide)]
    return (HEAD if part.title else 0.0) + (LINE if part.head else 0.0) + sum(lines)


def lowered(part: Part, room: float, wide: float, *, more: str) -> Part:
    """A part as low as the room for it, where it can be."""
    if isinstance(part, ScatterChart):
        return replace(part, high=max(room - charts.keys_height(part.keys, wide), LEAST_CHART))
    return shortened(part, room, wide, more=more) if isinstance(part, Block) else part


def shortened(block: Block, room: float, wide: float, *, more: str) -> Block:
    """A table with as many rows as fit, its totals kept, and a line that says how many were left out.

    Examples
    --------
    >>> table = Block("表", tuple(Row((str(i), "1")) for i in range(9)) + (Row(("合计", "9"), strong=True),))
    >>> short = shortened(table, 40.0, 90.0, more="其余 {} 行略")
    >>> [row.cells[0] for row in short.rows][-2:], height(short, 90.0) <= 40
    (['其余 5 行略', '合计'], True)
    """
    rows = [row for row in block.rows if not row.strong]
    totals = tuple(row for row in block.rows if row.strong)
    for kept in range(len(rows) - 1, 0, -1):
        said = Row((more.format(len(rows) - kept),))
        short = replace(block, rows=(*rows[:kept], said, *totals))
        if height(short, wide) <= room:
            return short
    return block


def _closing(ax: Axes, notes: Sequence[str], last: Sequence[str], *, box: Box) -> float:
    """Notes and last lines from the bottom up; where they begin. [mm]"""
    left, _, right, y = box
    lines = [line for text in last for line in wrapped(text, right - left, size=TEXT)]
    for line in reversed(lines):
        y -= LINE
        draw.text(ax, left, y + LINE / 2, line, size=TEXT)
    y -= 1.0
    _rule(ax, left, right, y)
    y -= 1.5
    for note in reversed(notes):
        lines = wrapped(note, right - left - 4.0, size=FINE)
        top = y - len(lines) * FINE_LINE - 2.0
        ax.add_patch(Rectangle((left, top), right - left, y - top, color=PAPER, linewidth=0, zorder=18))
        ax.add_patch(Rectangle((left, top), 0.9, y - top, color="#c98a1b", linewidth=0, zorder=19))
        for i, line in enumerate(lines):
            draw.text(ax, left + 2.6, top + 1.0 + (i + 0.5) * FINE_LINE, line, size=FINE, color="#6b4a0c")
        y = top - 1.5
    return y - 1.5


def _drawn(ax: Axes, part: Part, *, x: float, y: float, wide: float) -> None:
    if isinstance(part, BarChart):
        charts.bars(ax, part, x=x, y=y, wide=wide)
    elif isinstance(part, ScatterChart):
        charts.scatter(ax, part, x=x, y=y, wide=wide)
    else:
        _block(ax, part, x=x, y=y, wide=wide)


def _block(ax: Axes, block: Block, *, x: float, y: float, wide: float) -> None:
    if block.title:
        charts.heading(ax, block.title, block.unit, x=x, y=y, wide=wide)
        y += HEAD
    rights = _rights(block, x=x, wide=wide)
    if block.head:
        _cells(ax, block.head, x=x, rights=rights, y=y + LINE / 2, size=FINE, color="#5b6670")
        y += LINE
        _rule(ax, x, x + wide, y)
    indent, lines = _indent(block), _lines(block, wide)
    for line in lines:
        high = max(_row_height(row) for row in line)
        for i, row in enumerate(line):
            start = x + i * wide / 2
            if row.strong:
                _rule(ax, x, x + wide, y)
            draw.sign(ax, row.sign, x=start, y=y + high / 2, wide=indent - AFTER)
            weight = "bold" if row.strong else "normal"
            ends = rights if len(lines) == len(block.rows) else [start + wide / 2]
            _cells(ax, row.cells, x=start + indent, rights=ends, y=y + high / 2, size=TEXT, weight=weight)
        y += high


def _cells(
    ax: Axes, cells: Sequence[str], *, x: float, rights: Sequence[float], y: float, size: float, **more: str
) -> None:
    """Cells of a line: the first from the left, the others up to their right edges."""
    weight = more.get("weight", "normal")
    draw.text(ax, x, y, fitted(cells[0], rights[0] - x, size=size, weight=weight), size=size, **more)
    for cell, right in zip(cells[1:], rights[1:], strict=False):
        draw.text(ax, right, y, cell, size=size, ha="right", **more)


def _rights(block: Block, *, x: float, wide: float) -> list[float]:
    """Right edges of the cells: the numbers as wide as they are, the first takes the rest."""
    count = max((len(row.cells) for row in block.rows), default=1)
    widths = []
    for i in range(1, count):
        cells = [
            width(r.cells[i], size=TEXT, weight="bold" if r.strong else "normal")
            for r in block.rows
            if len(r.cells) > i
        ]
        head = width(block.head[i], size=FINE) if len(block.head) > i else 0.0
        widths.append(max([*cells, head]))
    rights = [x + wide]
    for cell in reversed(widths):
        rights.append(rights[-1] - cell - CELL)
    return [rights[-1], *reversed(rights[:-1])]


def _lines(block: Block, wide: float) -> list[tuple[Row, ...]]:
    """Rows of a block as they stand; signs with short names stand two in a line."""
    room = wide / 2 - _indent(block) - CELL
    short = all(
        row.sign and len(row.cells) == 1 and width(row.cells[0], size=TEXT) <= room for row in block.rows
    )
    step = 2 if short and not block.head else 1
    return [tuple(block.rows[i : i + step]) for i in range(0, len(block.rows), step)]


def _row_height(row: Row) -> float:
    if isinstance(row.sign, Mark):
        return max(LINE, 2.0 * row.sign.radius + 0.8)
    return max(LINE, max(row.sign.before, row.sign.after) + 1.6) if isinstance(row.sign, Pole) else LINE


def _indent(block: Block) -> float:
    """Room of the signs of a block with the space after it; none without signs. [mm]"""
    signs = [row.sign for row in block.rows if row.sign]
    if not signs:
        return 0.0
    largest = max([2.0 * s.radius for s in signs if isinstance(s, Mark)], default=0.0)
    lines = any(not isinstance(s, Mark | Pole) for s in signs)  # a sample of a label is as wide as a line
    return max(SIGN if lines else 4.4, largest) + AFTER


def _rule(ax: Axes, left: float, right: float, y: float) -> None:
    ax.plot([left, right], [y, y], color=RULE, linewidth=0.7, zorder=18, solid_capstyle="butt")
