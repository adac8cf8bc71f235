"""How a table lies on paper: widths of columns, heights of rows, and where a page begins.

Row heights and page breaks are set here because no program works them out
when it opens the file: a merged cell must end where the page does.
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from geoplan.annex import AnnexTable, Cell

#: Points of an inch, and millimetres.
PT_PER_INCH, MM_PER_INCH = 72.0, 25.4
#: Width of a digit of the workbook's default font, the unit of column widths, and of the padding. [pt]
CHARACTER_PT, PADDING_PT = 6.12, 4.4
#: Height of a line in parts of the font size.
LEADING = 1.35
#: Part of a page that is filled: programs round heights and widths differently.
FILLED = 0.96
#: Half-width letters that a digit or a Latin letter takes in the widest font that stands in for
#: 仿宋 where a computer does not have it, and how much wider a bold one is.
LATIN, BOLD = 1.28, 1.1


@dataclass(frozen=True)
class Look:
    """A kind of page.

    Attributes
    ----------
    paper : int
        Number of the paper size in a workbook.
    across_mm, down_mm : float
        Printed area of the page held upright. [mm]
    margins_mm : tuple of float
        Left, right, top and bottom of the page held upright. [mm]
    font, font_pt : str, float
        Of the body. [pt]
    row_pt : float
        Least height of a row. [pt]
    widest : float
        Widest column; longer texts wrap. [characters]
    whole_list : bool
        Whether columns keep their widths and go on to further pages.
    """

    paper: int
    across_mm: float
    down_mm: float
    margins_mm: tuple[float, float, float, float]
    font: str
    font_pt: float
    row_pt: float
    widest: float
    whole_list: bool = False


#: A4 with the margins of official documents, and A3 for what is wide.
OFFICIAL = Look(9, 156.0, 225.0, (28.0, 26.0, 37.0, 35.0), "仿宋", 12.0, 22.0, 44.0)
REGISTER = Look(8, 261.0, 384.0, (18.0, 18.0, 18.0, 18.0), "宋体", 10.0, 14.0, 60.0, whole_list=True)

#: What a register's page takes side by side. [characters]
REGISTER_WIDTH = 260.0
#: What it takes in letters that are almost as large as the body's. [characters]
EASY_WIDTH = 200.0
#: Decimals of a number in a column that does not say how many.
MOST_DECIMALS = 4
#: Headings that are not broken. [half-width letters]
SHORT_NAME = 8
#: Columns of texts that are no wider are not cut; the second where the first is not enough. [characters]
NARROW = (18.0, 14.0)
#: Dates, years and amounts with a unit up to this width are kept on one line. [half-width letters]
WORD = 16
#: The first Chinese character.
IDEOGRAPH = "\u4e00"
#: A table that is longer than a page by less than this part is made smaller until it fits. [share]
SLIGHTLY = 0.3
#: Smallest scale that a reader can still read, and the one at which a page is turned. [%]
SMALLEST, TURNED = 70, 80


@dataclass(frozen=True)
class Pages:
    """A table laid on pages.

    Attributes
    ----------
    widths : tuple of float
        Of the columns. [characters]
    head_pt : tuple of float
        Heights of the rows of the heading. [pt]
    heights_pt, notes_pt : tuple of float
        Heights of the rows and of the lines under them. [pt]
    starts : tuple of int
        First row of each page.
    landscape : bool
    scale : int
        [%]
    """

    widths: tuple[float, ...]
    head_pt: tuple[float, ...]
    heights_pt: tuple[float, ...]
    notes_pt: tuple[float, ...]
    starts: tuple[int, ...]
    landscape: bool
    scale: int

    def page_of(self, row: int) -> int:
        """Number of the page that a row stands on, from 0."""
        return sum(start <= row for start in self.starts) - 1


def laid_out(table: AnnexTable, look: Look, *, above_pt: float = 0.0, notes: Sequence[str] = ()) -> Pages:
    """Lay a table on pages.

    Parameters
    ----------
    table : AnnexTable
    look : Look
    above_pt : float
        Height of what stands above the heading on the first page. [pt]
    notes : sequence of str
        Lines under the table.

    Examples
    --------
    >>> rows = tuple((i, "甲镇", "一个村") for i in range(60))
    >>> table = AnnexTable("表", "户", (("序号",), ("乡镇",), ("村名",)), rows, ("row",) * 60)
    >>> pages = laid_out(table, OFFICIAL)
    >>> pages.landscape, pages.starts
    (False, (0, 26, 52))
    """
    natural = [_natural(table, i, look) for i in range(len(table.head))]
    upright, turned = (_characters(mm, len(natural)) for mm in (look.across_mm, look.down_mm))
    widths = [usual for _, usual, _ in natural]
    landscape = look.whole_list or sum(widths) > upright * 100 / TURNED
    room = turned if landscape else upright
    longest = [whole for *_, whole in natural]
    if look.whole_list:
        across = whole_pages(widths) * REGISTER_WIDTH
        widths = _filled(widths, longest, across if sum(widths) > EASY_WIDTH else EASY_WIDTH)
    elif sum(longest) <= room:
        widths = longest
    else:
        widths = _fitted(natural, room * 100 / (SMALLEST if landscape else TURNED))
    scale = min(100, math.floor(100 * room / sum(widths)))
    if sum(widths) < room:
        widths = [w * room / sum(widths) for w in widths]
    heads = tuple(_height(lines, look) for lines in _heading_lines(table, widths, look))
    heights = _heights(table, widths, look)
    notes_pt = tuple(look.row_pt * math.ceil(units(text) * _letter(look) / sum(widths)) for text in notes)
    page_pt = (look.across_mm if landscape else look.down_mm) / MM_PER_INCH * PT_PER_INCH * FILLED
    whole_pt = above_pt + sum(heads) + sum(heights) + sum(notes_pt)
    if page_pt < whole_pt * scale / 100 < page_pt * (1 + SLIGHTLY):
        scale = math.floor(100 * page_pt / whole_pt)
    rest_pt = page_pt * 100 / scale - sum(heads)
    starts = (0,) if look.whole_list else _starts(heights, table.kinds, rest_pt, first_pt=rest_pt - above_pt)
    return Pages(tuple(round(w, 2) for w in widths), heads, heights, notes_pt, starts, landscape, scale)


def groups(table: AnnexTable) -> list[tuple[str, range]]:
    """First entries of the headings with the columns that each spans.

    Examples
    --------
    >>> head = (("序号",), ("煤改电", "小计"), ("煤改电", "居民户"))
    >>> groups(AnnexTable("表", "户", head, (), ()))
    [('序号', range(0, 1)), ('煤改电', range(1, 3))]
    """
    found: list[tuple[str, range]] = []
    for column, head in enumerate(table.head):
        if column and len(head) > 1 and table.head[column - 1][:-1] == head[:-1]:
            found[-1] = (head[0], range(found[-1][1].start, column + 1))
        else:
            found.append((head[0], range(column, column + 1)))
    return found


def _heading_lines(table: AnnexTable, widths: Sequence[float], look: Look) -> list[int]:
    """Lines of each level of the heading; a heading of one entry stands over both levels."""
    two = max(len(head) for head in table.head) > 1
    lines = [[1, 1] if two else [1]]
    for name, columns in groups(table):
        split = len(table.head[columns.start]) > 1
        own = [_lines(broken(table.head[i][-1]), widths[i], look) for i in columns]
        if split:
            lines.append([_lines(broken(name), sum(widths[i] for i in columns), look), max(own)])
        elif not two:
            lines.append(own)
    found = [max(level) for level in zip(*lines, strict=True)]
    whole = [_lines(broken(h[0]), w, look) for h, w in zip(table.head, widths, strict=True) if len(h) == 1]
    return [*found[:-1], max(found[-1], max(whole, default=1) - sum(found[:-1]))]


def _heights(table: AnnexTable, widths: Sequence[float], look: Look) -> tuple[float, ...]:
    """Heights of the rows; what is drawn as one cell over several rows needs their height together. [pt]"""
    lines = [[_lines(cell, w, look) for cell, w in zip(row, widths, strict=True)] for row in table.rows]
    for column in table.merged:
        for _, run in itertools.groupby(range(len(lines)), key=lambda r: table.rows[r][column]):
            rows = list(run)
            for row in rows:
                lines[row][column] = math.ceil(lines[row][column] / len(rows))
    return tuple(
        _height(max((own[i] for i in _own(table, kind)), default=1), look)
        for own, kind in zip(lines, table.kinds, strict=True)
    )


def _own(table: AnnexTable, kind: str) -> Sequence[int]:
    """Columns in which a row's cell stands by itself; the label of a sum spreads over several."""
    return range(len(table.head)) if kind == "row" else table.sums


def _characters(mm: float, columns: int) -> float:
    """Widths of columns that fit side by side. [characters]"""
    return (mm / MM_PER_INCH * PT_PER_INCH * FILLED - columns * PADDING_PT) / CHARACTER_PT


@lru_cache(maxsize=100_000)
def units(text: str) -> int:
    """Width of a text in half-width letters; a Chinese character or sign counts as two.

    Examples
    --------
    >>> units("村名"), units("2024—2026")
    (4, 13)
    """
    wide = 0 if text.isascii() else sum(unicodedata.east_asian_width(c) in "WFA" for c in text)
    return math.ceil(2 * wide + LATIN * (len(text) - wide))


def _letter(look: Look) -> float:
    """Width of a half-width letter of the body. [characters of a column]"""
    return look.font_pt / 2 / CHARACTER_PT


def _natural(table: AnnexTable, column: int, look: Look) -> tuple[float, float, float]:
    """Widths for every number, for most texts on one line and a long heading on two, and for all texts.

    [characters]
    """
    decimals = table.decimals[column] if table.decimals else 0
    rows = [(row[column], kind) for row, kind in zip(table.rows, table.kinds, strict=True)]
    cells = [(cell, kind) for cell, kind in rows if column in _own(table, kind)]
    numbers = max(
        (
            math.ceil(units(printed(cell, decimals)) * (1.0 if kind == "row" else BOLD))
            for cell, kind in cells
            if not isinstance(cell, str)
        ),
        default=0,
    )
    lines = [part for cell, _ in cells if isinstance(cell, str) for part in cell.split("\n") if part]
    texts = sorted(map(units, lines)) or [0]
    figures = (units(part) for part in lines if part[0].isdecimal() and max(part) < IDEOGRAPH)
    words = max((n for n in figures if n <= WORD), default=0)
    most = texts[math.ceil(0.95 * (len(texts) - 1))]
    names = [units(part) for part in broken(table.head[column][-1]).split("\n")]
    head = max(n if n <= 1.5 * SHORT_NAME else math.ceil(n / 4) * 2 for n in names)
    sure = max(numbers, words, 3)
    least, usual, whole = (
        n * _letter(look) + 2.0 for n in (sure, max(sure, most, head), max(sure, texts[-1], head))
    )
    return least, min(usual, max(look.widest, least)), whole


def broken(heading: str) -> str:
    r"""A long heading with its unit on a line of its own.

    Examples
    --------
    >>> broken("面积（万㎡）"), broken("镇（街）")
    ('面积\n（万㎡）', '镇（街）')
    """
    name, bracket, unit = heading.partition("（")
    whole = not name or not unit or units(heading) <= SHORT_NAME or units(unit) > SHORT_NAME
    return heading if whole else f"{name}\n{bracket}{unit}"


def printed(cell: float | None, decimals: int) -> str:
    """A number as its cell shows it.

    Examples
    --------
    >>> printed(457600, 0), printed(3.5, 2), printed(0.25, 0)
    ('457600', '3.50', '0.25')
    """
    if cell is None:
        return ""
    if isinstance(cell, int):
        return str(cell)
    return f"{cell:.{decimals}f}" if decimals else f"{cell:.{MOST_DECIMALS}f}".rstrip("0").rstrip(".")


def number_format(*, whole: bool, decimals: int) -> str:
    """Format of the numbers of a column; one without it turns to powers of ten in a narrow column.

    Examples
    --------
    >>> number_format(whole=True, decimals=2), number_format(whole=False, decimals=2)
    ('0', '0.00')
    """
    if whole:
        return "0"
    return "0." + ("0" * decimals if decimals else "#" * MOST_DECIMALS)


def _fitted(widths: Sequence[tuple[float, float, float]], room: float) -> list[float]:
    """Widths cut until they fit, each by its part of what is long; none below what its numbers need."""
    found = [usual for _, usual, _ in widths]
    for narrow in NARROW:
        long = [max(w - max(least, narrow), 0.0) for w, (least, *_) in zip(found, widths, strict=True)]
        over = sum(found) - room
        part = min(1.0, over / sum(long)) if over > 0 and sum(long) > 0 else 0.0
        found = [w - part * cut for w, cut in zip(found, long, strict=True)]
    return found


def _filled(widths: Sequence[float], longest: Sequence[float], room: float) -> list[float]:
    """Widths of a list with the room that its pages leave given to the texts that wrap."""
    short = [max(whole - w, 0.0) for w, whole in zip(widths, longest, strict=True)]
    part = min(1.0, (room - sum(widths)) / sum(short)) if sum(short) > 0 else 0.0
    return [w + part * more for w, more in zip(widths, short, strict=True)]


def whole_pages(widths: Sequence[float]) -> int:
    """Pages of a register side by side."""
    return max(1, math.ceil(round(sum(widths) / REGISTER_WIDTH, 3)))


def _lines(cell: Cell, width: float, look: Look) -> int:
    """Lines that a cell wraps to; a line that is broken between words is not quite filled."""
    if not isinstance(cell, str):
        return 1
    letters = max((width - 1.2) / _letter(look), 2.0)
    lengths = [units(part) for part in cell.split("\n")]
    return sum(1 if n <= letters else math.ceil(n / (0.82 * letters)) for n in lengths)


def _height(lines: int, look: Look) -> float:
    """Height of a row of some lines. [pt]"""
    return max(look.row_pt, lines * look.font_pt * LEADING + 4.0)


def _starts(
    heights: Sequence[float], kinds: Sequence[str], page_pt: float, *, first_pt: float
) -> tuple[int, ...]:
    """First row of each page; a page does not begin with a sum."""
    starts, left = [0], first_pt
    for row, height in enumerate(heights):
        if height > left and row > starts[-1]:
            start = row
            while kinds[start] != "row" and start - 1 > starts[-1]:
                start -= 1
            starts.append(start)
            left = page_pt - sum(heights[start:row])
        left -= height
    return tuple(starts)
