"""The workbook: the plan's tables as cells of text and numbers, never a formula."""

from __future__ import annotations

import datetime as dt
import io
import math
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from geoplan.model import Plan
from geoplan.tables import Sheet, sheets

#: Written into the file's properties in place of the clock: same input, same bytes.
EPOCH = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - a workbook knows no time zone
WIDEST = 60.0
#: Characters that an A3 page takes side by side and a reader can still read.
PAGE_WIDTH = 260.0
#: Height of one line of text. [pt]
LINE_PT = 13.5
FONT = "宋体"


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
    }
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties({"created": EPOCH, "title": plan.policy.title})
        formats = _formats(book)
        for sheet in sheets(plan):
            _write(book.add_worksheet(sheet.name), sheet, title=plan.policy.title, formats=formats)
    return buffer.getvalue()


def _formats(book: xlsxwriter.Workbook) -> dict[str, Format]:
    base = {"font_name": FONT, "font_size": 10, "valign": "vcenter"}
    framed = base | {"border": 1}
    return {
        "title": book.add_format(base | {"bold": True, "font_size": 14, "align": "center"}),
        "unit": book.add_format(base | {"align": "right"}),
        "head": book.add_format(
            framed | {"bold": True, "align": "center", "text_wrap": True, "bg_color": "#E8EEF4"}
        ),
        "text": book.add_format(framed | {"text_wrap": True}),
        "number": book.add_format(framed),
        "total": book.add_format(framed | {"bold": True}),
    }


def _write(page: Worksheet, sheet: Sheet, *, title: str, formats: dict[str, Format]) -> None:
    """Title, 单位 line, heading and rows of one table, set up to print on A3."""
    frame = sheet.frame
    last = max(len(frame.columns) - 1, 0)
    heading = f"{title}：{sheet.name}"
    if last:
        page.merge_range(0, 0, 0, last, heading, formats["title"])
    else:
        page.write_string(0, 0, heading, formats["title"])
    page.write_string(1, last, f"单位：{sheet.unit}" if sheet.unit else "", formats["unit"])
    widths = [_width(frame[name], str(name)) for name in frame.columns]
    for column, name in enumerate(frame.columns):
        page.write_string(2, column, str(name), formats["head"])
        page.set_column(column, column, widths[column])
    for row, values in enumerate(frame.itertuples(index=False), start=3):
        page.set_row(row, LINE_PT * _lines(values, widths))
        total = sheet.total and row == len(frame) + 2
        for column, value in enumerate(values):
            _cell(page, row, column, value, formats["total"] if total else None, formats)
    if sheet.merge:
        _merge(page, frame, sheet, formats["text"])
    page.freeze_panes(3, 0)
    page.set_landscape()
    page.set_paper(8)
    page.fit_to_pages(math.ceil(sum(widths) / PAGE_WIDTH), 0)
    page.repeat_rows(0, 2)
    if sum(widths) > PAGE_WIDTH:
        page.repeat_columns(0, 1)


def _cell(
    page: Worksheet, row: int, column: int, value: Any, forced: Format | None, formats: dict[str, Format]
) -> None:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        page.write_blank(row, column, None, forced or formats["text"])
    elif isinstance(value, bool | np.bool_):
        page.write_string(row, column, "是" if value else "否", forced or formats["text"])
    elif isinstance(value, Real):
        page.write_number(row, column, float(value), forced or formats["number"])
    else:
        page.write_string(row, column, str(value), forced or formats["text"])


def _merge(page: Worksheet, frame: pd.DataFrame, sheet: Sheet, style: Format) -> None:
    """Draw equal neighbours of one column as one cell."""
    column = list(frame.columns).index(sheet.merge)
    values = frame[sheet.merge].tolist()[: len(frame) - sheet.total]
    start = 0
    for end in range(1, len(values) + 1):
        if end == len(values) or values[end] != values[start]:
            if end - start > 1:
                page.merge_range(3 + start, column, 2 + end, column, str(values[start]), style)
            start = end


def _lines(values: tuple[Any, ...], widths: list[float]) -> int:
    """Lines that the longest cell of a row wraps to; no program works it out when it opens the file."""
    return max(
        (math.ceil(_length(str(v)) / (w - 1.0)) for v, w in zip(values, widths, strict=True)), default=1
    )


def _length(text: str) -> int:
    """Width of a text; a Chinese character counts as two."""
    return sum(2 if ord(c) > 0x2E7F else 1 for c in text)


def _width(values: pd.Series, heading: str) -> float:
    """Width that shows most cells."""
    texts = [str(v) for v in values.head(200) if v is not None and not (isinstance(v, float) and pd.isna(v))]
    lengths = sorted(map(_length, texts))
    typical = lengths[int(0.9 * (len(lengths) - 1))] if lengths else 0
    head = max((2 * len(part) for part in heading.replace("（", " （").split()), default=0)
    return float(min(max(typical, head, 6) + 2, WIDEST))
