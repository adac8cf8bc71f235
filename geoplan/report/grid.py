"""Real Word tables: widths of columns, repeated headings, rows that stay whole, cells that are one."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from docx.oxml.ns import nsdecls

from geoplan.annex import AnnexTable, Cell
from geoplan.paper import IDEOGRAPH, broken, groups, units
from geoplan.report.listing import shown
from geoplan.report.words import words

#: Room left and right of a cell's text, both together. [pt]
PADDING_PT = 7.0
#: Room above and below it. [pt]
ABOVE_PT = 1.5
#: Headings up to this are kept on a line where there is room. [half-width letters]
LINE = 16
#: Width above which a column of texts does not turn the page. [pt]
CAP_PT = 260.0
#: Part of the texts of a column that stand on one line where there is room.
USUAL = 0.9
#: What a narrow column of texts needs. [half-width letters]
NARROW = 12
#: Rows up to which a table is kept on one page.
WHOLE_ROWS = 8
#: Height up to which equal neighbours are one cell, on a page held upright and on a turned one. [pt]
MERGED_PT, MERGED_TURNED_PT = 600.0, 330.0
#: Height of a line in parts of the font size, and least height of a row.
LEADING, ROW = 1.35, 1.7
#: What XML cannot hold.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
#: A piece of Latin letters or figures, or a short remark in brackets, that is not broken.
WORD = re.compile(r"（[^（）]{1,4}）|[!-~]+")
#: A list of numbers, whose figures are not broken either.
NUMBERS = re.compile(r"[-\d.、]+")
#: Pieces of a heading: what stands in brackets, after a stroke, in figures, or in Chinese.
PIECE = re.compile(r"（[^（）]*）|/|[!-.0-~]+|[^!-~（）]+|[（）]")
#: Signs that stand with the word before them.
AFTER = frozenset("+）%")
#: Fonts that a table is tried with, upright and turned, and those in which only its headings break. [pt]
UPRIGHT, TURNED, SMALL = (12.0, 10.5), (12.0, 10.5, 9.0), (9.0, 8.0, 7.5)


@dataclass(frozen=True)
class Fit:
    """How a table lies on its page.

    Attributes
    ----------
    widths_pt : tuple of float
        Of the columns. [pt]
    font_pt : float
        [pt]
    landscape : bool
    """

    widths_pt: tuple[float, ...]
    font_pt: float
    landscape: bool = False


def clean(text: str) -> str:
    r"""Text that XML can hold.

    Examples
    --------
    >>> clean("a\x00<b>")
    'a<b>'
    """
    return FORBIDDEN.sub("", text)


def run(text: str, *, bold: bool = False, font_pt: float = 0.0) -> str:
    """A run of text; quotation marks are Chinese ones.

    Examples
    --------
    >>> "&lt;b&gt;" in run("<b>")
    True
    """
    size = f'<w:sz w:val="{round(font_pt * 2)}"/><w:szCs w:val="{round(font_pt * 2)}"/>' if font_pt else ""
    about = f'<w:rPr><w:rFonts w:hint="eastAsia"/>{"<w:b/>" if bold else ""}{size}</w:rPr>'
    lines = (f'<w:t xml:space="preserve">{escape(part)}</w:t>' for part in clean(text).split("\n"))
    return f"<w:r>{about}{'<w:br/>'.join(lines)}</w:r>"


def body_fit(table: AnnexTable, room_pt: float) -> Fit:
    """A table beside its text, upright, in the largest letters in which its numbers stay whole."""
    for font_pt in UPRIGHT:
        if _sum(_columns(table, font_pt), capped=True) <= room_pt:
            return Fit(_shared(_columns(table, font_pt), room_pt), font_pt)
    if sum(c.need for c in _columns(table, font_pt)) > room_pt:
        font_pt = _small(table, room_pt)
    return Fit(_shared(_columns(table, font_pt), room_pt), font_pt)


def _small(table: AnnexTable, room_pt: float) -> float:
    """The largest of the small fonts in which no word of a heading is broken. [pt]"""
    fonts = (font for font in SMALL if sum(c.least for c in _columns(table, font)) <= room_pt)
    return next(fonts, SMALL[-1])


def annex_fit(table: AnnexTable, *, upright_pt: float, turned_pt: float) -> Fit:
    """A table on pages of its own: upright where its texts have room, turned where they do not."""
    for font_pt in UPRIGHT:
        columns = _columns(table, font_pt)
        if _sum(columns, capped=True) <= upright_pt:
            return Fit(_shared(columns, upright_pt), font_pt)
    for font_pt in TURNED:
        columns = _columns(table, font_pt)
        if _sum(columns, capped=True) <= turned_pt:
            break
    if sum(c.need for c in columns) > turned_pt:
        font_pt = _small(table, turned_pt)
        columns = _columns(table, font_pt)
    return Fit(_shared(columns, turned_pt), font_pt, landscape=True)


@dataclass(frozen=True)
class _Width:
    """Of one column: for numbers and words, for headings on few lines, for most texts, for all. [pt]"""

    least: float
    need: float
    usual: float
    most: float


def _columns(table: AnnexTable, font_pt: float) -> list[_Width]:
    """Widths of the columns in letters of one size."""
    return [
        _Width(*(n * font_pt / 2 + PADDING_PT for n in _letters(table, column)))
        for column in range(len(table.head))
    ]


def _letters(table: AnnexTable, column: int) -> tuple[float, float, float, float]:
    """Half-width letters that a column needs at least, needs for its heading, wants and takes at most."""
    pairs = zip(table.rows, table.kinds, strict=True)
    own = [row[column] for row, kind in pairs if kind == "row" or column in table.sums]
    texts = [part for c in own if c is not None for part in shown(table, c, column).split("\n")] or [""]
    latin = [min(units(word), 16) for text in texts for word in WORD.findall(text)]
    numbers = [units(shown(table, c, column)) for c in own if c is not None and not isinstance(c, str)]
    numbers += [units(text) for text in texts if NUMBERS.fullmatch(text)]
    names = [units(part) for part in broken(table.head[column][-1]).split("\n")]
    heading = max(min(n, max(NARROW, math.ceil(n / 6) * 2)) for n in names)
    lengths = sorted(map(units, texts))
    usual = lengths[math.ceil(USUAL * (len(lengths) - 1))]
    least = max(min(lengths[-1], NARROW), _longest_piece(table, column), *numbers, *latin, 3)
    need = max(least, heading)
    return least, need, max(need, usual, min(max(names), LINE)), max(need, lengths[-1], *names)


def _longest_piece(table: AnnexTable, column: int) -> int:
    """The longest piece of a column's headings that stands on a line. [half-width letters]"""
    alone = [name for name, own in groups(table) if own == range(column, column + 1)]
    return max(units(piece) for name in (*alone, table.head[column][-1]) for piece in word_pieces(name))


def word_pieces(heading: str) -> list[str]:
    """Pieces between which a heading may be broken: known words, else two characters, an odd one with them.

    Examples
    --------
    >>> word_pieces("空气源热泵"), word_pieces("占收入（%）"), word_pieces("财政支出/预算")
    (['空气源', '热泵'], ['占收入', '（%）'], ['财政', '支出', '/预算'])
    """
    found: list[str] = []
    for part in PIECE.findall(heading):
        own = _chinese_pieces(part) if part[0] >= IDEOGRAPH and part[0] not in "（）" else [part]
        if found and (found[-1] == "/" or set(part) <= AFTER):
            own = [found.pop() + own[0], *own[1:]]
        found += own
    return found


def _chinese_pieces(text: str) -> list[str]:
    """Words of a text without signs."""
    found: list[str] = []
    while text:
        known = max((w for w in words()["pieces"]["words"] if text.startswith(w)), key=len, default=text[:2])
        if len(known) == 1 and found:
            found[-1] += known
        else:
            found.append(known)
        text = text[len(known) :]
    return found


def wrapped(heading: str, letters: float) -> str:
    r"""A heading on lines that a column has room for, broken between its pieces.

    Examples
    --------
    >>> wrapped("空气源热泵", 8.0), wrapped("空气源热泵", 10.0), wrapped("占收入（%）", 14.0)
    ('空气源\n热泵', '空气源热泵', '占收入\n（%）')
    """
    lines = []
    for line in broken(heading).split("\n"):
        own = ""
        for piece in word_pieces(line):
            if own and units(own + piece) > letters:
                lines.append(own)
                own = ""
            own += piece
        lines.append(own)
    return "\n".join(lines)


def _sum(columns: Sequence[_Width], *, capped: bool) -> float:
    return sum(max(c.need, min(c.usual, CAP_PT)) if capped else c.usual for c in columns)


def _shared(columns: Sequence[_Width], room_pt: float) -> tuple[float, ...]:
    """Widths that fill the room: what is needed first, the rest by what is wanted. [pt]"""
    names = ("least", "need", "usual", "most")
    least, need, usual, most = (sum(getattr(c, name) for c in columns) for name in names)
    if most <= room_pt:
        return tuple(c.most * room_pt / most for c in columns)
    if least >= room_pt:
        return tuple(c.least * room_pt / least for c in columns)
    if need >= room_pt:
        part = (room_pt - least) / (need - least)
        return tuple(c.least + part * (c.need - c.least) for c in columns)
    if usual <= room_pt:
        part = (room_pt - usual) / (most - usual)
        return tuple(c.usual + part * (c.most - c.usual) for c in columns)
    return _even(columns, room_pt)


def _even(columns: Sequence[_Width], room_pt: float) -> tuple[float, ...]:
    """Widths in which the texts of long columns take as many lines in one as in the other. [pt]"""
    low, high = 1.0, 1000.0
    for _ in range(50):
        lines = (low + high) / 2
        widths = [max(c.least, (c.usual - PADDING_PT) / lines + PADDING_PT) for c in columns]
        low, high = (lines, high) if sum(widths) > room_pt else (low, lines)
    return tuple(w * room_pt / sum(widths) for w in widths)


def table_xml(table: AnnexTable, fit: Fit, *, table_style: str, text_style: str, noted: bool = False) -> str:
    """A table as WordprocessingML.

    Parameters
    ----------
    table : AnnexTable
    fit : Fit
    table_style, text_style : str
        Ids of the styles of the table and of its paragraphs.
    noted : bool
        Whether a note follows that its last row stays with.
    """
    writer = _Writer(table, fit, text_style, noted=noted)
    twips = [round(w * 20) for w in fit.widths_pt]
    columns = "".join(f'<w:gridCol w:w="{w}"/>' for w in twips)
    sides = {"top": ABOVE_PT * 20, "left": PADDING_PT * 8, "bottom": ABOVE_PT * 20, "right": PADDING_PT * 8}
    margins = "".join(f'<w:{side} w:w="{round(w)}" w:type="dxa"/>' for side, w in sides.items())
    return (
        f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblStyle w:val="{table_style}"/>'
        f'<w:tblW w:w="{sum(twips)}" w:type="dxa"/>'
        f'<w:jc w:val="center"/><w:tblLayout w:type="fixed"/><w:tblCellMar>{margins}</w:tblCellMar>'
        f'<w:tblLook w:val="0020" w:firstRow="1"/></w:tblPr><w:tblGrid>{columns}</w:tblGrid>'
        f"{writer.head()}{writer.body()}</w:tbl>"
    )


class _Writer:
    """Rows of one table."""

    def __init__(self, table: AnnexTable, fit: Fit, text_style: str, *, noted: bool) -> None:
        self.table, self.fit, self.text_style, self.noted = table, fit, text_style, noted
        self.twips = [round(w * 20) for w in fit.widths_pt]
        letters = [(w - PADDING_PT) / fit.font_pt * 2 for w in fit.widths_pt]
        texts = [[str(row[i]) for row in table.rows if isinstance(row[i], str)] for i in range(len(letters))]
        self.letters = letters
        self.long = [any(units(t) > n for t in own) for own, n in zip(texts, letters, strict=True)]

    def head(self) -> str:
        """The heading, repeated on every page; one level or two."""
        table = self.table
        two = max(len(head) for head in table.head) > 1
        first, second = [], []
        for name, columns in groups(table):
            split = len(table.head[columns.start]) > 1
            merge = "" if not two or split else "restart"
            text = self._wrapped(name, columns)
            first.append(self._cell(text, columns, bold=True, centred=True, keep=True, merge=merge))
            for column in columns:
                one = range(column, column + 1)
                if split:
                    text = self._wrapped(table.head[column][1], one)
                    second.append(self._cell(text, one, bold=True, centred=True, keep=True))
                else:
                    second.append(self._cell("", one, centred=True, keep=True, merge="continue"))
        rows = [first, second] if two else [first]
        return "".join(self._row("".join(cells), heading=True) for cells in rows)

    def _wrapped(self, heading: str, columns: range) -> str:
        """A heading on the lines that its columns have room for."""
        room_pt = sum(self.fit.widths_pt[c] for c in columns) - PADDING_PT
        return wrapped(heading, room_pt / self.fit.font_pt * 2 + 0.01)

    def body(self) -> str:
        """The rows; a sum is bold, its label spreads over the blank cells before the numbers."""
        table, starts = self.table, self._starts()
        last = len(table.rows) - 1
        return "".join(
            self._row(
                "".join(
                    self._cell(
                        shown(table, cells[columns.start], columns.start),
                        columns,
                        bold=kind != "row",
                        centred=self._centred(cells[columns.start], columns.start) or kind != "row",
                        keep=self._kept(row, last),
                        merge=starts.get((row, columns.start), ""),
                    )
                    for columns in self._spans(cells, kind)
                )
            )
            for row, (cells, kind) in enumerate(zip(table.rows, table.kinds, strict=True))
        )

    def _centred(self, cell: Cell, column: int) -> bool:
        """Whether a cell stands in the middle: a number, or a text of a column of short ones."""
        return not isinstance(cell, str) or not self.long[column]

    def _kept(self, row: int, last: int) -> bool:
        """Whether a row stays with the next: in short tables, after the heading, and before the last sum."""
        if row == last:
            return self.noted
        return last < WHOLE_ROWS or row == 0 or row >= last - 2

    def _spans(self, cells: Sequence[Cell], kind: str) -> Iterator[range]:
        """Columns of each cell of a row; only the label of a sum spreads, no 待定 and no unit after it."""
        label = next((i for i in range(len(cells)) if i not in self.table.merged), 0)
        label = 0 if cells[0] is not None and cells[1:2] == (None,) else label
        start = 0
        while start < len(cells):
            end = start + 1
            if kind != "row" and start == label and isinstance(cells[start], str):
                while end < len(cells) and cells[end] is None and end not in self.table.sums:
                    end += 1
            yield range(start, end)
            start = end

    def _starts(self) -> dict[tuple[int, int], str]:
        """Cells that begin or go on with a cell over several rows; long tables repeat the text instead."""
        found: dict[tuple[int, int], str] = {}
        if self._height() > (MERGED_TURNED_PT if self.fit.landscape else MERGED_PT):
            return found
        for column in self.table.merged:
            rows = range(len(self.table.rows))
            for value, run_ in itertools.groupby(rows, key=lambda r: self.table.rows[r][column]):
                members = list(run_)
                if isinstance(value, str) and len(members) > 1:
                    found |= {(r, column): "continue" for r in members}
                    found[members[0], column] = "restart"
        return found

    def _height(self) -> float:
        """About what the rows take together. [pt]"""
        pairs = (zip(row, self.letters, strict=True) for row in self.table.rows)
        lines = [max(math.ceil(units(str(cell or "-")) / room) for cell, room in row) for row in pairs]
        return sum(max(n * LEADING * self.fit.font_pt + 2 * ABOVE_PT, ROW * self.fit.font_pt) for n in lines)

    def _row(self, cells: str, *, heading: bool = False) -> str:
        height = round(self.fit.font_pt * ROW * 20)
        repeated = "<w:tblHeader/>" if heading else ""
        about = f'<w:cantSplit/><w:trHeight w:val="{height}" w:hRule="atLeast"/>{repeated}'
        return f"<w:tr><w:trPr>{about}</w:trPr>{cells}</w:tr>"

    def _cell(
        self, text: str, columns: range, *, bold: bool = False, centred: bool, keep: bool, merge: str = ""
    ) -> str:
        width = sum(self.twips[columns.start : columns.stop])
        span = f'<w:gridSpan w:val="{len(columns)}"/>' if len(columns) > 1 else ""
        merged = {"": "", "restart": '<w:vMerge w:val="restart"/>', "continue": "<w:vMerge/>"}[merge]
        said = run(text, bold=bold, font_pt=self.fit.font_pt) if text and merge != "continue" else ""
        return (
            f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{span}{merged}<w:vAlign w:val="center"/>'
            "</w:tcPr>"
            f'<w:p><w:pPr><w:pStyle w:val="{self.text_style}"/>{"<w:keepNext/>" if keep else ""}'
            f'<w:jc w:val="{"center" if centred else "left"}"/></w:pPr>{said}</w:p></w:tc>'
        )
