"""Reads a report back as a reader does: its paragraphs, its tables, and every number with its unit."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import docx
from docx.table import Table
from docx.text.paragraph import Paragraph

#: Units, the longer before those they begin with.
UNITS = (
    "万元/年", "万元", "元/户·年", "元/户", "元/㎡", "元/kWh", "元/m³", "元/t", "元", "户", "万㎡", "㎡",
    "个村", "个采暖季", "个", "处", "项", "倍", "km", "kWh", "MWh/(m·a)", "MWh", "MW", "m³/日", "m³", "m",
    "kVA", "kW", "吨/年", "千克/年", "吨", "%", "℃", "天", "年", "月", "日", "行", "台（套）", "t",
)  # fmt: skip
NUMBER = re.compile(r"(?<![\d.])(-?\d+(?:\.\d+)?)(" + "|".join(map(re.escape, UNITS)) + ")?")
#: Headings of columns that say what they count.
COUNTED = {"户数": "户", "村数": "个村", "目标": "户", "规划": "户", "差额": "户"}
#: What is referred to, not counted.
REFERENCES = re.compile(r"(表|图|附件)\d+|^\d+\.(?!\d)")
#: Label of a row of shares.
SHARE = "占比（%）"
ALIKE = {"个村": "个", "倍": "", "元/户": "元"}


@dataclass(frozen=True)
class Read:
    """What stands in a report."""

    paragraphs: list[tuple[str, str]]
    tables: dict[str, list[list[str]]]
    units: dict[str, str]

    def of(self, style: str) -> list[str]:
        return [text for name, text in self.paragraphs if name == style]

    @property
    def text(self) -> list[str]:
        """Sentences of the report: neither headings of tables nor notes."""
        return [t for name, t in self.paragraphs if name in ("Body Text", "Heading 2", "Heading 3")]


def read(content: bytes) -> Read:
    document = docx.Document(io.BytesIO(content))
    paragraphs, tables, units = [], {}, {}
    title, unit, mark = "", "", ""
    for part in document.iter_inner_content():
        if isinstance(part, Paragraph):
            name, text = part.style.name, part.text
            paragraphs.append((name, text))
            if name == "Caption":
                title, unit = text, ""
            elif name == "附件标记":
                mark, unit = text, ""
            elif name == "附件标题":
                title = f"{mark} {text}"
            elif name == "单位行":
                unit = text.removeprefix("单位：")
        elif isinstance(part, Table):
            tables[title], units[title] = rows_of(part), unit
    return Read(paragraphs, tables, units)


def rows_of(table: Table) -> list[list[str]]:
    """Cells of each row; one that spreads over several columns or rows stands in each."""
    rows: list[list[str]] = []
    for row in table._tbl.tr_lst:
        cells: list[str] = []
        for cell in row.tc_lst:
            text = "\n".join(p.text for p in Paragraphs(cell))
            above = rows[-1][len(cells)] if cell.vMerge == "continue" and rows else text
            cells += [above if cell.vMerge == "continue" else text] * (cell.grid_span or 1)
        rows.append(cells)
    return rows


def Paragraphs(cell) -> Iterator[Paragraph]:  # noqa: N802 - makes paragraphs
    return (Paragraph(p, None) for p in cell.p_lst)


def numbers(text: str) -> Iterator[tuple[str, str]]:
    """Numbers of a text with their units."""
    # Both ends of a span of years are years.
    spans = re.sub(r"(\d{4})—(\d{4})年", r"\1年—\2年", text.replace(" ", ""))
    for found in NUMBER.finditer(REFERENCES.sub("", spans)):
        yield found[1], ALIKE.get(found[2] or "", found[2] or "")


def proofs(found: Read) -> set[tuple[str, str]]:
    """Every number of the tables, with each unit that its row, column or table gives it."""
    known: set[tuple[str, str]] = set()
    for title, rows in found.tables.items():
        two = any(above == below for above, below in zip(*rows[:2], strict=True)) if len(rows) > 1 else False
        head = rows[: 2 if two else 1]
        for row in rows:
            own = [row[i] for i, name in enumerate(head[0]) if name == "单位"]
            own += ["%"] if SHARE in row else []
            for column, cell in enumerate(row):
                names = [line[column] for line in head if column < len(line)]
                for number, unit in numbers(cell):
                    units = {unit} if unit else _units(names, own, found.units[title])
                    known |= {(number, ALIKE.get(u, u)) for u in units}
    return known


def _units(names: Iterable[str], own: list[str], line: str) -> set[str]:
    """Units that a bare number may have where it stands."""
    bracketed = {u for name in names for u in re.findall(r"（([^（）]+)）", name)}
    counted = {unit for name, unit in COUNTED.items() if name in names}
    return (
        set(own)
        if own == ["%"]
        else bracketed or counted or set(own) or {u for u in line.split("、") if u} or {""}
    )


def unproved(sentences: Iterable[str], known: set[tuple[str, str]], *, names: Iterable[str]) -> list[str]:
    """Numbers of sentences that no table has, each with its sentence; digits in names are none."""
    longest = sorted({n for n in names if n and any(c.isdigit() for c in n)}, key=len, reverse=True)
    wrong = []
    for sentence in sentences:
        bare = sentence
        for name in longest:
            bare = bare.replace(name, "")
        wrong += [f"{n}{u}: {sentence}" for n, u in numbers(bare) if (n, u) not in known]
    return wrong
