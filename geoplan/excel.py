"""The workbook: the plan's tables as cells of text and numbers, never a formula, ready to print."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import math
from collections.abc import Iterator

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from geoplan.annex import Cell
from geoplan.model import Plan
from geoplan.paper import (
    MM_PER_INCH,
    OFFICIAL,
    PT_PER_INCH,
    REGISTER,
    Look,
    broken,
    groups,
    laid_out,
    number_format,
    units,
    whole_pages,
)
from geoplan.tables import Sheet, sheets

#: Written into the file's properties in place of the clock: same input, same bytes.
EPOCH = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - a workbook knows no time zone
#: Fonts and sizes of what stands around a table. [pt]
TITLE_FONT, MARK_FONT = "宋体", "黑体"
TITLE_PT, MARK_PT = 18.0, 16.0
TITLE_ROW_PT, ROW_PT = 30.0, 22.0
#: Number of the page, as official documents print it.
FOOTER = '&C&"宋体,Regular"&12— &P —'


def workbook(plan: Plan) -> bytes:
    """The plan's workbook.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    bytes
        An xlsx file; the same plan gives the same bytes.
    """
    buffer = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "nan_inf_to_errors": False,
        # Widths of columns are counted in its digits: a font that has the same ones everywhere.
        "default_format_properties": {"font_name": "Arial", "font_size": 11},
    }
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties({"created": EPOCH, "title": plan.policy.title})
        styles = _Styles(book)
        for sheet in sheets(plan):
            _Writer(book.add_worksheet(sheet.name), sheet, styles).write()
    return buffer.getvalue()


class _Styles:
    """Formats of a workbook, each made once."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        self._made: dict[tuple[object, ...], Format] = {}

    def __call__(self, look: Look, **properties: object) -> Format:
        """A format of the body's font with some properties of its own."""
        base = {"font_name": look.font, "font_size": look.font_pt, "valign": "vcenter"}
        key = (look.font, *sorted(properties.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format(base | properties)
        return self._made[key]


class _Writer:
    """Writes one sheet from the top down."""

    def __init__(self, page: Worksheet, sheet: Sheet, styles: _Styles) -> None:
        self.page, self.sheet, self.table = page, sheet, sheet.table
        self.look = REGISTER if sheet.register else OFFICIAL
        self.styles = styles
        self.formats: dict[tuple[int, bool, type], Format] = {}
        self.last = len(self.table.head) - 1
        self.above = list(self._above())
        self.levels = max(len(head) for head in self.table.head)
        self.top = len(self.above) + self.levels
        self.notes = [f"注：{note}" for note in sheet.notes]
        above_pt = sum(height for *_, height in self.above)
        self.pages = laid_out(self.table, self.look, above_pt=above_pt, notes=self.notes)

    def write(self) -> None:
        """Everything of the sheet."""
        for row, (text, style, height) in enumerate(self.above):
            self.page.set_row(row, height)
            self._span(row, 0, row, self.last, text, style)
        for column, width in enumerate(self.pages.widths):
            self.page.set_column(column, column, width)
        self._heading()
        self._body()
        self._notes()
        self._print_setup()

    def _above(self) -> Iterator[tuple[str, Format, float]]:
        """Mark, title and 单位 line, each with its height."""
        table, look = self.table, self.look
        if table.mark:
            yield table.mark, self.styles(look, font_name=MARK_FONT, font_size=MARK_PT), ROW_PT
        title = self.styles(
            look, font_name=TITLE_FONT, font_size=TITLE_PT, bold=True, align="center", text_wrap=True
        )
        page_pt = look.across_mm / MM_PER_INCH * PT_PER_INCH
        lines = 1 if look.whole_list else math.ceil(units(table.title) * TITLE_PT / 2 / page_pt)
        yield table.title, title, TITLE_ROW_PT * lines
        if self.sheet.lead:
            across_pt = look.down_mm / MM_PER_INCH * PT_PER_INCH if look.whole_list else page_pt
            lines = math.ceil(units(self.sheet.lead) * look.font_pt / 2 / across_pt)
            yield self.sheet.lead, self.styles(look, text_wrap=True), ROW_PT * lines
        if table.unit:
            yield f"单位：{table.unit}", self.styles(look, align="right"), ROW_PT

    def _heading(self) -> None:
        """One row, or two with what belongs together under one cell."""
        style = self.styles(self.look, border=1, bold=True, align="center", text_wrap=True)
        first = len(self.above)
        for level, height in enumerate(self.pages.head_pt):
            self.page.set_row(first + level, height)
        for name, columns in groups(self.table):
            split = len(self.table.head[columns.start]) > 1
            down = first if split else self.top - 1
            self._span(first, columns.start, down, columns.stop - 1, broken(name), style)
            for column in columns if split else ():
                self.page.write_string(first + 1, column, broken(self.table.head[column][1]), style)

    def _body(self) -> None:
        """The rows; a sum is bold, its label spreads to the left of the numbers."""
        for row, (cells, kind) in enumerate(zip(self.table.rows, self.table.kinds, strict=True)):
            self.page.set_row(self.top + row, self.pages.heights_pt[row])
            for column, cell in enumerate(cells):
                self._cell(self.top + row, column, cell, bold=kind != "row")
            if kind != "row" and not self.sheet.register:
                self._label(row)
        for column in self.table.merged:
            self._merge(column)

    def _cell(self, row: int, column: int, cell: Cell, *, bold: bool) -> None:
        key = (column, bold, type(cell))
        style = self.formats.get(key) or self.formats.setdefault(key, self._format(*key))
        if cell is None:
            self.page.write_blank(row, column, None, style)
        elif isinstance(cell, str):
            self.page.write_string(row, column, cell, style)
        else:
            self.page.write_number(row, column, cell, style)

    def _format(self, column: int, bold: bool, kind: type) -> Format:
        """Format of the cells of one type in one column."""
        properties: dict[str, object] = {"border": 1, "text_wrap": True}
        if bold:
            properties["bold"] = True
        if not self.sheet.register:
            properties["align"] = "left" if kind is str and self._long(column) else "center"
        decimals = self.table.decimals[column] if self.table.decimals else 0
        if kind in (int, float):
            properties["num_format"] = number_format(whole=kind is int, decimals=decimals)
        return self.styles(self.look, **properties)

    def _long(self, column: int) -> bool:
        """Whether a column holds sentences."""
        return self.pages.widths[column] >= 0.6 * self.look.widest

    def _label(self, row: int) -> None:
        """Spread the label of a sum over the blank cells before the first number."""
        cells = self.table.rows[row]
        start = next((i for i, cell in enumerate(cells) if isinstance(cell, str)), None)
        if start is None:
            return
        end = start
        while end < self.last and cells[end + 1] is None and end + 1 not in self.table.sums:
            end += 1
        style = self.styles(self.look, border=1, text_wrap=True, bold=True, align="center")
        self._span(self.top + row, start, self.top + row, end, str(cells[start]), style)

    def _merge(self, column: int) -> None:
        """Draw equal neighbours as one cell on each page, so that every page says what they are."""
        style = self.styles(self.look, border=1, text_wrap=True, align="center")
        values = [cells[column] for cells in self.table.rows]
        runs = itertools.groupby(range(len(values)), key=lambda r: (values[r], self.pages.page_of(r)))
        for (value, _), members in runs:
            rows = list(members)
            if isinstance(value, str) and len(rows) > 1:
                self._span(self.top + rows[0], column, self.top + rows[-1], column, value, style)

    def _notes(self) -> None:
        """Lines under the table."""
        style = self.styles(self.look, text_wrap=True)
        row = self.top + len(self.table.rows)
        for offset, (text, height) in enumerate(zip(self.notes, self.pages.notes_pt, strict=True)):
            self.page.set_row(row + offset, height)
            self._span(row + offset, 0, row + offset, self.last, text, style)

    def _span(self, row: int, column: int, to_row: int, to_column: int, text: str, style: Format) -> None:
        """A text over several cells."""
        if (row, column) == (to_row, to_column):
            self.page.write_string(row, column, text, style)
        else:
            self.page.merge_range(row, column, to_row, to_column, "", style)
            self.page.write_string(row, column, text, style)

    def _print_setup(self) -> None:
        """Paper, margins, repeated headings, page breaks and numbers."""
        page, pages = self.page, self.pages
        page.set_paper(self.look.paper)
        page.freeze_panes(self.top, 0)
        page.repeat_rows(len(self.above), self.top - 1)
        page.set_footer(FOOTER)
        left, right, top, bottom = (mm / MM_PER_INCH for mm in self.look.margins_mm)
        if self.sheet.register:
            page.set_landscape()
            page.set_margins(left, right, top, bottom)
            across = whole_pages(pages.widths)
            page.fit_to_pages(across, 0)
            if across > 1:
                page.repeat_columns(0, 1)
            return
        if pages.landscape:
            page.set_landscape()
            left, right, top, bottom = bottom, top, left, right  # the page is turned with its margins
        page.set_margins(left, right, top, bottom)
        page.center_horizontally()
        page.set_print_scale(pages.scale)
        page.set_h_pagebreaks([self.top + start for start in pages.starts[1:]])
