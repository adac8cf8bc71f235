"""How a table of the report lies: words of headings stay whole, labels of sums spread, rows are notes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from geoplan.annex import AnnexTable
from geoplan.folder import read_plan
from geoplan.paper import units
from geoplan.report import report_tables
from geoplan.report.annexes import OFTEN, _said_once
from geoplan.report.grid import PADDING_PT, annex_fit, body_fit, table_xml, wrapped
from geoplan.report.listing import Listing
from geoplan.report.words import plain
from geoplan.tables.sheet import ROUNDED, rounding_note
from geoplan.tables.work import emissions_sheet

MAPS = Path(__file__).parents[1] / "maps"
COUNTIES = sorted(
    p.parent.name for p in MAPS.glob("*/manifest.json") if not p.parent.name.endswith("-optimum")
)
#: Room of a page held upright and turned. [pt]
ROOM, TURNED = 442.0, 638.0


def cells(xml):
    """Texts of each row with the columns that each spans."""
    rows = re.findall(r"<w:tr>.*?</w:tr>", xml)
    found = []
    for row in rows:
        own = re.findall(r"<w:tc>.*?</w:tc>", row)
        spans = [int(m[1]) if (m := re.search(r'gridSpan w:val="(\d+)"', c)) else 1 for c in own]
        texts = ["".join(re.findall(r"<w:t [^>]*>([^<]*)</w:t>", c)) for c in own]
        found.append(list(zip(texts, spans, strict=True)))
    return found


def drawn(table):
    return cells(table_xml(table, body_fit(table, ROOM), table_style="t", text_style="p"))


@pytest.fixture(scope="module", params=COUNTIES)
def tables(request):
    return report_tables(read_plan(MAPS / request.param))


def test_an_open_amount_does_not_spread_over_the_blank_cells_after_it():
    head = (("口径",), ("项目",), ("户数",), ("总投资",), ("市级",), ("区县",), ("占比（%）",))
    rows = (("甲", "煤改气", 3, "待定", "待定", 1, None), ("甲", "合计", None, "待定", "待定", None, None))
    table = AnnexTable("表", "万元", head, rows, ("row", "total"), merged=(0,), sums=(2, 5))
    assert drawn(table)[-1][1:] == [("合计", 1), ("", 1), ("待定", 1), ("待定", 1), ("", 1), ("", 1)]
    plain_rows = (("煤改气", 1, "t"), ("合计", None, "t"))
    table = AnnexTable("表", "", (("方式",), ("直径",), ("单位",)), plain_rows, ("row", "total"))
    assert drawn(table)[-1] == [("合计", 2), ("t", 1)]


def test_no_word_of_a_heading_is_broken(tables):
    """In every table of every county the longest piece of a heading has room on a line."""
    for key, listing in tables.items():
        table = listing.table
        annex = key in ("funding_full", "pipes", "parameters", "reconciliation", "made") or key.startswith(
            "tasks"
        )
        fit = annex_fit(table, upright_pt=ROOM, turned_pt=TURNED) if annex else body_fit(table, ROOM)
        assert sum(fit.widths_pt) == pytest.approx(TURNED if fit.landscape else ROOM)
        for head, width in zip(table.head, fit.widths_pt, strict=True):
            letters = (width - PADDING_PT) / fit.font_pt * 2 + 0.01
            assert all(units(line) <= letters for line in wrapped(head[-1], letters).split("\n")), (key, head)


def test_headings_break_between_words():
    assert wrapped("分布式煤改电", 8.0) == "分布式\n煤改电"
    assert wrapped("太阳能+", 6.0) == "太阳能+"
    assert wrapped("市级建设补助", 8.0) == "市级建设\n补助"
    assert wrapped("村数", 2.0) == "村数"


def test_a_column_without_values_is_left_out(tables):
    for key in ("efficiency", "milestones", "equipment", "subsidies"):
        if key in tables:
            table = tables[key].table
            assert all(any(row[i] is not None for row in table.rows) for i in range(len(table.head))), key


def test_what_is_avoided_is_what_was_less_what_is(tables):
    for key in ("emissions", "avoided"):
        for row in tables[key].table.rows:
            before, after, avoided = (
                float(row[_column(tables[key], h)] or 0) for h in ("改造前", "改造后", "减排")
            )
            assert avoided == pytest.approx(before - after, abs=1e-9), row


def _column(listing, name):
    return [head[-1] for head in listing.table.head].index(name)


def test_a_note_says_where_the_rounding_moved_a_number():
    assert rounding_note([1.4, 1.4, 2.8], [2, 1, 3]) == (ROUNDED,)
    assert rounding_note([1.5, float("nan")], [2, 7]) == ()
    assert rounding_note([0.125], [0.13], decimals=2) == ()


def test_large_amounts_are_said_in_tonnes():
    plan = read_plan(MAPS / COUNTIES[0])
    few = replace(plan, villages=plan.villages.head(1))
    said = {row[0]: row[5] for row in emissions_sheet(plan).table.rows}
    assert set(said.values()) == {"吨/年"}
    assert {row[5] for row in emissions_sheet(few).table.rows if row[0] == "NOx"} == {"千克/年"}


def test_what_many_rows_say_is_said_once():
    text = "村规模、管线和能力都是为此而编的示意"
    rows = tuple((i, text if i <= OFTEN + 1 else "仅此一行的说明，照旧印在行内") for i in range(1, OFTEN + 3))
    table = AnnexTable("表", "", (("序号",), ("说明",)), rows, ("row",) * len(rows))
    found = _said_once(Listing("t", table, notes=("甲",)), "说明")
    assert [row[1] for row in found.table.rows] == ["见注2"] * (OFTEN + 1) + ["仅此一行的说明，照旧印在行内"]
    assert found.notes == ("甲", f"{text}。")
    assert _said_once(Listing("t", replace(table, rows=rows[1:]), notes=()), "说明").notes == ()


def test_quotation_marks_are_of_one_kind():
    assert plain("「甲」和“乙”") == "“甲”和“乙”"
    assert plain("「甲“乙”」") == "“甲‘乙’”"
