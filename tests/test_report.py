"""The report read back: every number of its text stands in its tables, and the tables are the plan's."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import docx
import openpyxl
import pytest
from click.testing import CliRunner
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from PIL import Image

import geoplan.report
from geoplan import staticmap
from geoplan.annex import AnnexTable
from geoplan.cli import cli
from geoplan.emissions import POLLUTANTS, avoided_column
from geoplan.errors import InputError
from geoplan.excel import workbook
from geoplan.explain import route_label
from geoplan.folder import read_plan
from geoplan.planner import assign
from geoplan.policy import load_policy
from geoplan.report import chapters, report_blocks, report_docx, report_tables
from geoplan.report.blocks import Annex, Heading, Picture, Text
from geoplan.report.listing import Listing
from geoplan.report.save import write_report
from geoplan.report.sheet import template_paper
from geoplan.report.words import words
from geoplan.staticmap import THEMES, title_of
from geoplan.staticmap.view import View
from geoplan.tables import parameters, sheets
from geoplan.tables.naming import parameter_label
from tests.docx_reader import NUMBER, numbers, proofs, read, unproved
from tests.worlds import county, heat_source, line, main, substation, village

MAPS = Path(__file__).parents[1] / "maps"
EVERY = sorted(p.parent.name for p in MAPS.glob("*/manifest.json"))
OPTIMA = [name for name in EVERY if name.endswith("-optimum")]
#: All counties, and one optimum in which villages moved.
PLANS = [name for name in EVERY if name not in OPTIMA] + ["litong-optimum"]
CHAPTERS = (
    "总体要求", "基本情况", "目标任务", "技术路径与建设布局", "能力校核", "投资估算与资金来源", "分年度计划",
    "补贴与农户负担", "减排效益", "保障措施",
)  # fmt: skip
POLICY = """
title = "测试县清洁取暖规划"
[subsidies.national]
level = "central"
routes = ["heat_pump", "district_heating"]
cny_per_household = "unstated"
[subsidies.power]
level = "district"
kind = "operating"
routes = ["heat_pump"]
cny_per_kwh = 0.2
cap_units = 5000
taper = [1.0, 0.5]
[targets]
households = 950
"""


def picture(theme: str = "") -> bytes:
    """A picture that stands for a map."""
    buffer = io.BytesIO()
    Image.new("RGB", (140, 99), (len(theme), 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def written(plan, **more):
    return report_docx(plan, pictures=picture, **more)


@pytest.fixture(scope="module")
def world():
    rows = [
        village(n, 400.0 * n, 300.0 * (n % 2), 300 + 20 * n, name=f"{'甲乙丙'[n - 1]}村") for n in (1, 2, 3)
    ]
    rows.append(village(4, 9000.0, 0.0, 40, name="丁村"))
    layers = {"heat_sources": [heat_source(9.0)], "roads": [{"geometry": line((0, 0), (9000, 0))}]}
    return assign(county(rows, policy=POLICY, **layers))


@pytest.fixture(scope="module", params=PLANS)
def real(request):
    plan = read_plan(MAPS / request.param)
    content = written(plan)
    return plan, content, read(content)


def names_of(plan):
    """Texts of the plan that may hold digits and are no facts of the report."""
    scopes = {s for row in plan.policy.funding.values() for s in row.scope}
    policy = plan.policy
    said = {policy.title, policy.document, policy.county, policy.disclaimer}
    said |= {f"{policy.disclaimer.rstrip('。')}。", *(rule.text for rule in policy.rules.values())}
    return said | scopes | {*plan.villages["name"], *plan.sources["name"].dropna()}


# --- numbers ------------------------------------------------------------------------------------------


def test_every_number_of_the_text_stands_in_a_table(real):
    plan, _, found = real
    known = proofs(found)
    assert sum(1 for s in found.text for _ in numbers(s)) > 50
    assert unproved(found.text, known, names=names_of(plan)) == []


def test_a_changed_number_is_found(real):
    plan, _, found = real
    known, names = proofs(found), names_of(plan)
    for sentence in found.text:
        bare = sentence
        for name in sorted((n for n in names if n), key=len, reverse=True):
            bare = bare.replace(name, "")
        for place in NUMBER.finditer(bare.replace(" ", "")):
            if re.search(r"(表|图|附件)$", bare.replace(" ", "")[: place.start()]):
                continue
            if place.start() == 0 and bare[place.end() :].startswith("."):
                continue
            changed = bare.replace(" ", "")
            changed = f"{changed[: place.start()]}98765{place[0].lstrip('-')}{changed[place.end() :]}"
            assert unproved([changed], known, names=()), sentence


def test_a_number_written_into_a_sentence_is_found(world, monkeypatch):
    sentence = words()["text"]["villages"]
    monkeypatch.setitem(words()["text"], "villages", sentence.replace("{area}", "31.7"))
    found = read(written(world))
    assert len(unproved(found.text, proofs(found), names=names_of(world))) == 1


def test_no_sentence_holds_a_digit():
    parts = {**words()["text"], **{k: v for k, v in words()["headings"].items() if isinstance(v, str)}}
    assert [name for name, text in parts.items() if re.search(r"\d", text)] == []


def test_the_sentences_say_the_plan(real):
    plan, _, found = real
    text = "".join(found.text).replace("+ ", "+")
    task = plan.villages[plan.villages["households"].astype(int) > 0]
    assert re.search(rf"改造任务.*?，改造{int(task['households'].sum())}户（见表", text)
    for route, households in task.groupby("route")["households"].sum().items():
        assert f"{route_label(route)}{int(households)}户" in text
    load = f"{task['heat_load_kw'].sum() / 1e3:.2f}".rstrip("0").rstrip(".")
    assert f"设计热负荷{load}MW" in text
    for year, rows in task.dropna(subset="year").groupby("year"):
        assert f"{year}年安排{len(rows)}个村{int(rows['households'].sum())}户" in text
    near = task[task["margin_pct"].abs() <= plan.policy.selection.near_tie_pct]
    said = f"有{len(near)}个村{int(near['households'].sum())}户的采用方式与次选方式"
    assert (said in text) == bool(len(near))
    for column, unit in zip(POLLUTANTS, ("吨/年", *["千克/年"] * 3), strict=True):
        avoided = plan.villages[avoided_column(column)].sum()
        spoken = [float(n) for n, u in numbers(text) if u == unit]
        spoken += [1e3 * float(n) for n, u in numbers(text) if u == "吨/年" != unit]
        assert any(abs(n - avoided) <= (2 if unit == "吨/年" else 20) for n in spoken)
    assert not re.search(r"nan|None|NaN|<NA>|\{|\}|[\ue000-\ue003]", text)


def test_the_tables_are_those_of_the_workbook(real):
    plan, _, found = real
    book = openpyxl.load_workbook(io.BytesIO(workbook(plan)))
    by_title = {title.partition(" ")[2]: rows for title, rows in found.tables.items()}
    own = {"资金表": "资金明细表", "建设投资": "建设投资估算（按方式）"}
    own = own if plan.policy.funding else {"资金表": own["建设投资"]}
    pairs = {"汇总表": "分乡镇分方式户数汇总表", "分年度资金": "分年度财政资金", "分年度计划": "分年度计划",
             "负担能力": "农户负担", **own}  # fmt: skip
    for name, title in pairs.items():
        if name not in book.sheetnames:
            continue
        ours = {values(row) for row in by_title[title]}
        for row in book[name].iter_rows(values_only=True):
            if sum(isinstance(v, int | float) for v in row) > 1:
                assert values(row) in ours, name


def values(row):
    """Numbers of a row, as both files have them."""
    texts = ("" if v is None else str(v) for v in row)
    return tuple(round(float(t), 6) for t in texts if re.fullmatch(r"-?\d+(\.\d+)?", t))


def test_rounded_money_adds_up(real):
    plan, *_ = real
    tables = report_tables(plan)
    for key, label in (("capex", "方式"), ("funding", "项目")):
        if key not in tables:
            continue
        table = tables[key].table
        first = 1 if table.head[0] == ("口径",) else 0
        scopes = {row[0] for row in table.rows} if first else {None}
        for scope in scopes:
            rows = [
                (row, kind) for row, kind in zip(table.rows, table.kinds, strict=True)
                if not first or row[0] == scope
            ]  # fmt: skip
            total = next((row for row, kind in rows if kind == "total"), None)
            for column in range(first + 1, len(table.head)):
                head = table.head[column][-1]
                parts = [row[column] for row, kind in rows if kind == "row"]
                if total is None or not isinstance(total[column], int) or head in (label, "占比（%）"):
                    continue
                assert sum(p for p in parts if isinstance(p, int)) == total[column], (key, scope, head)


def test_the_parts_of_the_investment_make_it(real):
    plan, _, found = real
    table = report_tables(plan)["capex"].table
    heads = [head[-1] for head in table.head]
    parts = range(heads.index("总投资") + 1, heads.index("占比（%）"))
    for row in table.rows[:-1]:
        assert sum(row[c] for c in parts if isinstance(row[c], int)) == row[heads.index("总投资")]
    total = round(plan.villages["capex_cny"].sum() / 1e4)
    assert table.rows[-2][heads.index("总投资")] == total
    assert f"建设投资{total}万元" in "".join(found.text)
    payers = [f"subsidy_{level}_cny" for level in ("central", "province", "city", "district")]
    task = plan.villages[plan.villages["households"].astype(int) > 0]
    open_ = task[[*payers, "household_capex_cny"]].isna().any(axis=None)
    assert ("待定" in heads) == open_
    assert ("文件未载明由谁承担" in "".join(found.text)) == open_


def test_what_is_left_open_is_said(real):
    plan, _, found = real
    open_ = any("待定" in str(c) for s in sheets(plan) if s.name == "资金表" for r in s.table.rows for c in r)
    assert ("待定" in "".join(found.text)) or not open_


# --- what the report is made of --------------------------------------------------------------------------


def test_chapters_pictures_and_tables(real):
    plan, content, found = real
    chapters = [h.partition("、")[2] for h in found.of("Heading 1")]
    assert tuple(chapters) == CHAPTERS
    document = docx.Document(io.BytesIO(content))
    pictures = list(document.element.body.iter(qn("wp:docPr")))
    assert len(pictures) >= 5
    for about in pictures:
        assert plan.policy.title in about.get("descr")
        assert about.get("name") in {title_of(plan, theme) for theme in THEMES}
    captions = found.of("Caption")
    tables = [c for c in captions if c.startswith("表")]
    assert len(tables) >= 6
    assert [int(re.match(r"表(\d+)", t)[1]) for t in tables] == list(range(1, len(tables) + 1))
    figures = [c for c in captions if c.startswith("图")]
    assert [int(re.match(r"图(\d+)", t)[1]) for t in figures] == list(range(1, len(pictures) + 1))
    text = "".join(found.text)
    for caption in captions:
        assert re.search(rf"{caption.partition(' ')[0]}(?!\d)", text), caption
    marks = found.of("附件标记")
    assert marks == [f"附件{n}" for n in range(1, len(marks) + 1)]
    keys = [block.listing.key for block in report_blocks(plan) if isinstance(block, Annex)]
    for mark, key in zip(marks, keys, strict=True):
        assert re.search(rf"{mark}(?!\d)", text), key


def test_made_data_is_said_first_and_under_every_table_that_uses_it(real):
    plan, _, found = real
    position = next(i for i, (s, t) in enumerate(found.paragraphs) if (s, t) == ("Heading 1", "二、基本情况"))
    first = next(t for s, t in found.paragraphs[position:] if s == "Body Text")
    made = plan.villages["provenance"].astype(str).str.startswith("illustrative").any()
    assert made
    assert "示意数据，不是实测或统计数据" in first
    assert "村庄" in first
    noted = [t for t in found.of("表注") if "示意数据：" in t]
    pictures = [c for c in found.of("Caption") if c.startswith("图")]
    assert len(noted) >= len(pictures) + 6
    assert any("示意数据清单" in title for title in found.tables)


def test_notes_are_those_of_the_tables(real):
    plan, _, found = real
    known = {note for listing in report_tables(plan).values() for note in listing.notes}
    for line_ in found.of("表注"):
        text = re.sub(r"^(注：)?(\d+\. )?", "", line_)
        assert not text or text in known or re.fullmatch(r"本[表图]含示意数据：[^\d]+。", text)


def test_the_page_is_the_official_one(real):
    _, content, _ = real
    document = docx.Document(io.BytesIO(content))
    first = document.sections[0]
    margins = (first.top_margin, first.bottom_margin, first.left_margin, first.right_margin)
    assert [round(m.mm) for m in margins] == [37, 35, 28, 26]
    assert (round(first.page_width.mm), round(first.page_height.mm)) == (210, 297)
    assert document.settings.odd_and_even_pages_header_footer
    assert first.footer.paragraphs[0].text == "— 1 —"
    assert " PAGE " in first.footer._element.xml
    assert 'w:jc w:val="right"' in first.footer._element.xml
    assert 'w:jc w:val="left"' in first.even_page_footer._element.xml
    fonts = {"Title": ("方正小标宋简体", 22), "Heading 1": ("黑体", 16), "Heading 2": ("楷体_GB2312", 16),
             "Heading 3": ("仿宋_GB2312", 16), "Body Text": ("仿宋_GB2312", 16)}  # fmt: skip
    for name, (font, size) in fonts.items():
        style = document.styles[name]
        assert style.element.rPr.rFonts.get(qn("w:eastAsia")) == font
        assert style.element.rPr.rFonts.get(qn("w:ascii")) == "Times New Roman"
        assert style.font.size == Pt(size)
    spacing = document.styles["Body Text"].element.pPr.find(qn("w:spacing"))
    assert (spacing.get(qn("w:line")), spacing.get(qn("w:lineRule"))) == ("560", "exact")
    assert document.styles["Body Text"].element.pPr.find(qn("w:ind")).get(qn("w:firstLineChars")) == "200"
    assert "TOC \\o" in document.element.xml
    assert "SEQ 表" in document.element.xml


def test_maps_stand_on_fold_outs_at_the_end_of_their_chapter(real):
    _, content, _ = real
    document = docx.Document(io.BytesIO(content))
    sections = list(document.sections)
    shown = 0
    for child in document.element.body:
        sizes = [int(extent.get(side)) for extent in child.iter(qn("wp:extent")) for side in ("cx", "cy")]
        if sizes:
            shown += 1
            page = sections[0]
            assert (round(page.page_width.mm), round(page.page_height.mm)) == (420, 297)
            assert sizes[0] <= page.page_width - page.left_margin - page.right_margin
            # Caption, note and page number have room under it.
            assert sizes[1] <= page.page_height - page.top_margin - page.bottom_margin - Mm(20)
            assert sizes[0] >= Mm(340)
        if child.tag == qn("w:tbl") or (style := child.find(f".//{qn('w:pStyle')}")) is None:
            continue
        if style.get(qn("w:val")) in {"Heading1", "Heading2", "BodyText"}:
            assert round(sections[0].page_width.mm) == 210
        if child.find(f".//{qn('w:sectPr')}") is not None:
            sections.pop(0)
    assert shown >= 5


def test_parameters_say_their_unit(real):
    _, _, found = real
    (rows,) = (rows for title, rows in found.tables.items() if title.endswith("参数取值及来源"))
    head = rows[0].index("单位")
    units = {row[1]: row[head] for row in rows[1:]}
    assert units["采暖期天数"] == "天"
    assert units["热网供热·CO2 排放因子"] == "kg/GJ"
    assert units["折现率"] == ""
    assert units.get("目标·目标户数", "户") == "户"
    assert not [name for name in units if re.search(r"[a-z]{3}", name.replace("peak_valley", ""))]


def test_tables_repeat_their_heading_and_keep_rows_whole(real):
    _, content, _ = real
    document = docx.Document(io.BytesIO(content))
    assert len(document.tables) > 12
    for section, width in widths_by_section(document):
        for table in section:
            rows = table._tbl.tr_lst
            assert rows[0].trPr.find(qn("w:tblHeader")) is not None
            assert all(row.trPr.find(qn("w:cantSplit")) is not None for row in rows)
            grid = [int(c.get(qn("w:w"))) for c in table._tbl.tblGrid.gridCol_lst]
            assert sum(grid) <= width + 20
            assert min(grid) >= 300


def widths_by_section(document):
    """Tables of each section with the width of its printed area. [twips]"""
    sections, tables = list(document.sections), []
    for child in document.element.body:
        if child.tag == qn("w:tbl"):
            tables.append(docx.table.Table(child, document))
        ends = child.tag == qn("w:sectPr") or child.find(f".//{qn('w:sectPr')}") is not None
        if ends:
            s = sections.pop(0)
            yield tables, (s.page_width - s.left_margin - s.right_margin) // 635
            tables = []


def test_contents_lead_to_the_chapters_and_annexes(real):
    _, content, found = real
    document = docx.Document(io.BytesIO(content))
    links = {link.get(qn("w:anchor")) for link in document.element.body.iter(qn("w:hyperlink"))}
    marks = {mark.get(qn("w:name")) for mark in document.element.body.iter(qn("w:bookmarkStart"))}
    assert links <= marks
    assert len(links) == len(CHAPTERS) + len(found.of("附件标记"))
    ids = [mark.get(qn("w:id")) for mark in document.element.body.iter(qn("w:bookmarkStart"))]
    assert len(ids) == len(set(ids))
    asked = set(re.findall(r"REF ([a-z_0-9]+) ", document.element.xml))
    assert asked <= marks


def test_an_optimum_is_compared_with_the_cascade():
    assert len(OPTIMA) >= 5
    for name in OPTIMA:
        plan = read_plan(MAPS / name)
        found = read(written(plan))
        assert [t.replace("\n", "") for t in found.of("Title")] == [f"{plan.policy.title}（优化方案）"]
        text = "".join(found.text)
        said = re.search(r"规则方案目标值([\d.]+)万元/年，优化方案([\d.]+)万元/年", text)
        both = plan.summary["optimum"]
        assert float(said[1]) == pytest.approx(both["cascade"]["cost_cny_per_a"] / 1e4, abs=0.01)
        assert float(said[2]) == pytest.approx(both["optimum"]["cost_cny_per_a"] / 1e4, abs=0.01)
        moved = len(both["moved"])
        assert (f"共{moved}个村换了方式" if moved else "没有村换方式") in text


def test_headings_are_numbered_as_documents_are(world):
    headings = [b.text for b in report_blocks(world) if isinstance(b, Heading)]
    assert headings[:3] == ["一、总体要求", "（一）编制依据", "（二）规划范围和期限"]
    assert "十、保障措施" in headings
    assert any(h.startswith("1.") for h in headings) is bool(world.policy.funding)


def test_subsidies_taper_and_end(world):
    found = read(written(world))
    text = "".join(found.text)
    assert "2个采暖季，逐季100%、50%" in text
    assert "期满后农户按无补助的费用承担" in text
    (standards,) = (rows for title, rows in found.tables.items() if title.endswith("补贴标准"))
    assert "0.2元/kWh，每户每季不超过5000kWh" in {cell for row in standards for cell in row}


# --- what the tables and sentences say of single things ---------------------------------------------------


def said_of(plan, **more):
    return "".join(b.text for b in report_blocks(plan, **more) if isinstance(b, Text))


def electric_world(*stations, policy="", **more):
    """Three villages that can only have heat pumps, on one or more points of the grid."""
    rows = [village(n, 100.0 * n, 0.0, 100, name=f"{'甲乙丙'[n - 1]}村", **more) for n in (1, 2, 3)]
    text = f'order = ["heat_pump"]\n{policy}'
    return assign(county(rows, text, substations=stations))


def test_what_is_still_to_be_added_to_a_substation_stands_apart_and_comes_first():
    station = substation(600.0, upgrade_kva=5400.0, name="东变")
    plan = electric_world(station, substation(0.0, x=90_000.0, source_id="S2", name="西变"))
    table = report_tables(plan)["capacity"]
    used = round(float(plan.sources["used"].sum()), 1)
    assert used > 600.0
    cells = [float(table.cell("东变", h)) for h in ("现有能力", "可增容", "占用", "须先增容", "余量")]
    assert cells == pytest.approx([600.0, 5400.0, used, used - 600.0, 6000.0 - used], abs=0.05)
    assert float(table.cell("东变", "负载率（%）")) == pytest.approx(used / 60.0, abs=0.05)
    assert table.cell("西变", "负载率（%）") == "—"
    text = said_of(plan)
    assert "（电网含可增容部分）" in text
    assert f"须先增容的为东变（增容{table.cell('东变', '须先增容')}kVA）" in text
    assert "没有须先行落实" not in text
    before = report_tables(plan)["before"]
    assert before.cell(("东变须先增容",), "户数") == "300"
    assert unproved(read(written(plan)).text, proofs(read(written(plan))), names=names_of(plan)) == []
    book = openpyxl.load_workbook(io.BytesIO(workbook(plan)))
    head, row = list(book["供应能力"].iter_rows(min_row=2, max_row=3, values_only=True))
    by_head = dict(zip([str(h).replace("\n", "") for h in head], row, strict=True))
    assert (by_head["其中可增容"], by_head["须先增容"]) == (5400, pytest.approx(used - 600.0, abs=0.05))
    public = read(written(plan, public=True))
    rows = {tuple(r) for title, found in public.tables.items() if "须先行" in title for r in found}
    assert ("空气源热泵", "所属变电站须先增容", "3", "300") in rows
    assert "kVA" not in "".join(public.text)


def test_a_substation_that_holds_without_its_upgrade_need_not_wait():
    plan = electric_world(substation(90_000.0, upgrade_kva=10.0))
    assert "before" not in report_tables(plan)
    assert report_tables(plan)["capacity"].cell("变电站", "须先增容") == "0"
    plain = electric_world(substation(90_000.0))
    assert not report_tables(plain)["capacity"].has("可增容")
    assert "含可增容部分" not in said_of(plain)


def test_every_route_that_has_to_be_argued_for_its_cost_is_in_the_table(real):
    plan, *_ = real
    argued = plan.villages[plan.villages["reason"].str.contains("【需论证】比可行的")]
    counted = argued.groupby("route")["households"].agg(["size", "sum"])
    limit = f"{plan.policy.selection.argue_pct:g}%"
    table = report_tables(plan).get("before")
    rows = [r for r in table.rows("方式", "事项", "村数", "户数") if limit in r[1]] if table else []
    assert {(r[0], int(r[2]), int(r[3])) for r in rows} == {
        (route_label(route), row["size"], row["sum"]) for route, row in counted.iterrows()
    }


@pytest.mark.parametrize(
    ("origin", "said"),
    [("S-H", "政策限值1.2"), ("E-M", "本规划参考限值1.2"), ("", "本规划参考限值1.3")],
)
def test_a_limit_is_called_the_policys_only_where_its_document_states_it(origin, said):
    limit = f'parity_max = {{ value = 1.2, source = "某文件", confidence = "{origin}" }}'
    policy = f"[affordability]\n{limit}\n" if origin else ""
    rows = [village(1, 0.0, 300.0, 900, name="甲村"), village(2, 90_000.0, 0.0, 40, name="乙村")]
    mains = [main((-400, 0), (400, 0))]
    plan = assign(county(rows, policy, heat_sources=[heat_source(90.0, -400)], heat_mains=mains))
    assert f"，{said}，" in said_of(plan)
    notes = "".join(n for s in sheets(plan) if s.name == "负担能力" for n in s.notes)
    assert f"超过{said[:-3]} {said[-3:]}。" in notes


def test_a_pipe_that_begins_on_a_planned_main_says_so():
    for status, label in (("planned", "规划干管接点"), ("existing", "现状干管接点")):
        rows = [village(1, 0.0, 300.0, 900, name="甲村")]
        mains = [main((-4000, 0), (4000, 0)) | {"status": status}]
        plan = assign(
            county(
                rows,
                'order = ["district_heating"]',
                heat_sources=[heat_source(90.0, -4000)],
                heat_mains=mains,
                roads=[{"geometry": line((0, 0), (0, 400))}],
            )
        )
        tables = report_tables(plan)
        assert tables["pipes"].table.rows[0][1].startswith(label)
        for key in ("pipes", "works"):
            assert any("规划干管本身" in n for n in tables[key].notes) == (status == "planned")
        assert ("不含规划干管" in said_of(plan)) == (status == "planned")


def whynot_of(*rows):
    head = (("方式",), ("原因",), ("村数",), ("户数",))
    table = AnnexTable("表", "", head, rows, ("row",) * len(rows))
    blocks = chapters._causes(chapters.Book(None, {"whynot": Listing("whynot", table)}))
    return next(b.text for b in blocks if isinstance(b, Text))


def test_the_most_frequent_cause_is_one_that_failed_and_ties_are_all_named():
    able = ("乙", "可行，次序在后或费用较高", 9, 90)
    said = whynot_of(able, ("甲", "太远", 5, 50), ("丙", "太小", 5, 40), ("丁", "已满", 4, 99))
    assert said.endswith("不满足条件的原因中，涉及村数最多的是甲“太远”（5个村50户）、丙“太小”（5个村40户）。")
    assert "均可行" in whynot_of(able)


@pytest.mark.parametrize(
    ("amount", "said", "note"),
    [("", "文件没有载明", "没有载明金额"), ("900", "已载明的部分见", "已载明部分 27 万元")],
    ids=["nothing", "a part"],
)
def test_what_is_known_of_the_subsidies_is_said_where_it_stands(amount, said, note):
    rows = "[subsidies.{}]\nlevel = 'central'\nroutes = ['heat_pump']\ncny_per_household = {}\n"
    policy = rows.format("a", "'unstated'") + (rows.format("b", amount) if amount else "")
    plan = electric_world(substation(90_000.0), policy=policy)
    assert said in said_of(plan)
    assert any(note in n for n in report_tables(plan)["cash"].notes)


def test_running_subsidies_of_other_routes_are_not_the_plans():
    running = "[subsidies.r]\nlevel = 'city'\nkind = 'operating'\nroutes = ['{}']\ncny_per_kwh = 0.1\n"
    policy = 'order = ["heat_pump", "electric_direct"]\n'
    rows = [village(1, 0.0, 0.0, 100)]
    unused = said_of(assign(county(rows, policy + running.format("electric_direct"))))
    assert "所采用的方式没有运行补助" in unused
    assert "没有载明期限" not in unused
    assert "运行补助没有载明期限" in said_of(assign(county(rows, policy + running.format("heat_pump"))))


@pytest.mark.parametrize(
    ("name", "label"),
    [("10 kV 甲线", "变电站（线路）"), ("甲村外网（示例）", "变电站（线路）"), ("35 kV 甲变", "变电站"),
     ("110 kV 线庄变", "变电站"), ("0.4kV 台区", "变电站（线路）")],
)  # fmt: skip
def test_a_line_is_not_called_a_substation(name, label):
    plan = electric_world(substation(90_000.0, name=name))
    for public in (False, True):
        assert f"{label}共1处，" in said_of(plan, public=public)


def test_institutions_are_no_villages_and_their_town_is_none():
    rows = [
        village(1, 0.0, 0.0, 100, name="甲村"),
        village(2, 500.0, 0.0, 0, name="乙村", town="乙街道", households_converted=70),
        village(3, 0.0, 0.0, 16, name="交警队", town="县直单位", user_kind="institution", geometry=None),
    ]
    plan = assign(county(rows, "[targets]\nhouseholds = 116\n"))
    text = said_of(plan)
    said = "2个乡镇（街道），共2个村（庄点）和1个集体户单位，其中有改造任务的村（庄点）1个，改造116户"
    assert said in text
    assert "另有1个村（庄点）没有改造任务。" in text
    assert "村庄资料所列已改造户为70户" in text
    assert unproved(read(written(plan)).text, proofs(read(written(plan))), names=names_of(plan)) == []
    alone = said_of(assign(county(rows[:1])))
    assert "1个乡镇，共1个村（庄点），均有改造任务" in alone
    assert "村庄资料没有列入已改造户数" in alone
    assert "政策参数没有录入目标任务数" in alone


def test_years_one_after_another_are_a_span():
    years = "[targets.by_year]\n2021 = 100\n2022 = 100\n2023 = 100\n"
    rows = [village(n, 900.0 * n, 0.0, 100, name="甲村") for n in (1, 2, 3)]
    plan = assign(county(rows, years))
    assert "规划期为2021—2023年。" in said_of(plan)
    found = read(written(plan))
    assert unproved(found.text, proofs(found), names=names_of(plan)) == []


def test_no_two_parameters_are_called_the_same(real):
    plan, *_ = real
    labels = [row[0] for row in report_tables(plan)["parameters"].rows("参数")]
    assert [label for label in set(labels) if labels.count(label) > 1] == []
    paths = parameters(plan.policy)["参数"]
    assert len({parameter_label(path, plan.policy) for path in paths}) == len(paths)


def test_entries_that_are_alike_are_told_apart():
    rule = "routes = ['heat_pump']\ncolumn = 'households'\nmin = {}\nlevel = '{}'\n"
    text = "".join(
        f"[rules.{key}]\n{rule.format(n, level)}"
        for key, n, level in (("a", 5, "warn"), ("b", 3, "exclude"), ("c", 2, "exclude"))
    )
    policy = load_policy([("policy.toml", text)])
    said = [parameter_label(f"rules.{key}.min", policy) for key in "abc"]
    assert said == [
        f"规则·空气源热泵改造户数（{mark}）·下限" for mark in ("须论证", "排除，其二", "排除，其三")
    ]


# --- the file ---------------------------------------------------------------------------------------------


def test_the_same_plan_gives_the_same_bytes(world):
    first, second = written(world), written(world)
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as file:
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    about = docx.Document(io.BytesIO(first)).core_properties
    assert (about.author, about.last_modified_by, about.comments) == ("", "", "")
    assert about.title == world.policy.title
    assert about.created.year == 2000


def own_template():
    """A document as an office keeps one: its margins, its heading, a letterhead, and an old text."""
    document = docx.Document()
    section = document.sections[0]
    section.left_margin = section.right_margin = Mm(40)
    section.header.paragraphs[0].text = "某县发展和改革局"
    style = document.styles["Heading 1"]
    style.font.size, style.font.color.rgb = Pt(13), RGBColor(0xAA, 0, 0)
    document.add_paragraph("旧文件的正文")
    document.add_table(1, 1).style = "Table Grid"
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def test_a_template_keeps_its_page_and_styles(world):
    content = written(world, template=own_template())
    document = docx.Document(io.BytesIO(content))
    assert "旧文件的正文" not in document.element.body.xml
    assert document.sections[0].header.paragraphs[0].text == "某县发展和改革局"
    assert {round(s.left_margin.mm) for s in document.sections if s.orientation == 0} == {40}
    assert document.styles["Heading 1"].font.size == Pt(13)
    assert document.styles["Heading 1"].font.color.rgb == RGBColor(0xAA, 0, 0)
    assert {t.style.name for t in document.tables} == {"Table Grid"}
    assert document.styles["表格文字"].font.size == Pt(12)
    found = read(content)
    assert tuple(h.partition("、")[2] for h in found.of("Heading 1")) == CHAPTERS
    assert unproved(found.text, proofs(found), names=names_of(world)) == []


def test_a_template_without_a_style_gets_ours(world):
    document = docx.Document(io.BytesIO(own_template()))
    for name in ("Heading 2", "Caption", "Table Grid"):
        element = document.styles[name].element
        element.getparent().remove(element)
    buffer = io.BytesIO()
    document.save(buffer)
    made = docx.Document(io.BytesIO(written(world, template=buffer.getvalue())))
    assert made.styles["Heading 2"].element.rPr.rFonts.get(qn("w:eastAsia")) == "楷体_GB2312"
    assert {t.style.name for t in made.tables} == {"Table Grid"}


@pytest.mark.parametrize("top", ["1133.85", None, "2cm", "inf", "nan"])
def test_a_margin_of_a_template_need_not_be_whole_or_there(top):
    document = docx.Document(io.BytesIO(own_template()))
    margins = document.sections[0]._sectPr.find(qn("w:pgMar"))
    for side in ("top", "header", "footer"):
        del margins.attrib[qn(f"w:{side}")]
        if top is not None:
            margins.set(qn(f"w:{side}"), top)
    buffer = io.BytesIO()
    document.save(buffer)
    paper = template_paper(buffer.getvalue())
    for lie in ("upright", "turned", "folded"):
        assert min(paper.room(lie)) > 300
    kept = int(paper.section.find(qn("w:pgMar")).get(qn("w:top")))
    assert kept == (1134 if top == "1133.85" else round(37 / 25.4 * 1440))


def zipped(name):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"no document", zipped("a.txt"), own_template()[:3000]],
    ids=["empty", "text", "zip", "half"],
)
def test_what_is_no_document_is_refused(world, content):
    with pytest.raises(InputError, match=r"mine\.docx(.|\n)*not a Word document(.|\n)*save it as \.docx"):
        written(world, template=content, template_name="mine.docx")


def test_a_workbook_is_no_template(world):
    with pytest.raises(InputError, match="not a Word document"):
        written(world, template=workbook(world))


def test_the_public_version_tells_no_sizes():
    plan = read_plan(MAPS / next(n for n in PLANS if (len(read_plan(MAPS / n).links))))
    found = read(written(plan, public=True))
    cells = [
        c
        for title, rows in found.tables.items()
        if not title.endswith(("参数取值及来源", "规划结果与文件校核表"))
        for r in rows
        for c in r
    ]
    everything = "".join([*found.text, *cells])
    assert not re.search(r"\d\s*kV|\d\s*kVA|DN\s*\d|公称直径|中压|高压", everything)
    assert "不在公开版列出" in everything
    assert re.search(
        r"\d\s*kV", "".join(c for rows in read(written(plan)).tables.values() for r in rows for c in r)
    )


@pytest.mark.parametrize(
    "rows",
    [
        [village(1, 0, 0, 100, name="甲村")],
        [village(1, 0, 0, 0, name="甲村")],
        [village(1, 0, 0, 100, name="甲村") | {"geometry": None}],
    ],
    ids=["one", "without a task", "without a place"],
)
def test_a_plan_of_almost_nothing_is_still_a_report(rows):
    plan = assign(county(rows))
    found = read(written(plan))
    assert tuple(h.partition("、")[2] for h in found.of("Heading 1")) == CHAPTERS
    assert unproved(found.text, proofs(found), names=names_of(plan)) == []


def test_a_plan_without_years_has_no_picture_of_them():
    plan = assign(county([village(1, 0, 0, 100, name="甲村")]))
    blocks = list(report_blocks(plan))
    assert "years" not in {b.theme for b in blocks if isinstance(b, Picture)}
    text = "".join(b.text for b in blocks if isinstance(b, Text))
    assert "各村未安排年度。" in text
    assert "气象参数为软件缺省（银川 53614）" in text
    assert "户均散煤用量、散煤价格、电价、气价、农户收入没有本地数据" in text


CLIMATE = "[climate]\nstation = 'x'\noutdoor_design_c = -6.2\nseason_mean_c = 0.1\nseason_days = 120\n"


def test_a_county_with_its_own_weather_is_not_told_so():
    plan = assign(
        county([village(1, 0, 0, 100, name="甲村")], CLIMATE + "[baseline]\ncoal_t_per_household = 2\n")
    )
    text = "".join(b.text for b in report_blocks(plan) if isinstance(b, Text))
    assert "气象参数为软件缺省" not in text
    assert "散煤价格、电价、气价、农户收入没有本地数据" in text
    assert "散煤用量、" not in text


@pytest.mark.parametrize(
    ("origins", "said", "made"),
    [
        (["台账"] * 3, "资料中没有标为示意的数据。各行资料均注明来源。", False),
        (["台账", "", None], "资料中没有标为示意的数据。有2行资料没有注明来源", False),
        (["台账", "illustrative（示意点位）", " "], "重新计算。有1行资料没有注明来源", True),
    ],
)
def test_rows_without_a_source_and_made_rows_are_counted(origins, said, made):
    rows = [
        village(n, 500.0 * n, 0.0, 100, name="甲村", provenance=origin) for n, origin in enumerate(origins, 1)
    ]
    plan = assign(county(rows, CLIMATE))
    found = read(written(plan))
    assert said in "".join(found.text)
    assert unproved(found.text, proofs(found), names=names_of(plan)) == []
    assert (found.paragraphs[1] == ("封面说明", "本报告含示意数据")) == made
    notes = {
        sheet.name: [n for n in sheet.notes if "含示意数据：村庄（示意点位）" in n] for sheet in sheets(plan)
    }
    assert {len(lines) for lines in notes.values()} == {int(made)}


def test_villages_that_emit_more_than_their_coal_are_named_in_the_text(world):
    text = "".join(b.text for b in report_blocks(world) if isinstance(b, Text))
    avoided = world.villages[avoided_column(next(iter(POLLUTANTS)))]
    more = avoided[avoided < -0.5]
    assert len(more)
    table = report_tables(world)["rising"]
    assert table.cell("合计", "增加的排放") == f"{-more.sum():.0f}"
    assert table.cell("合计", "村数") == str(len(more))
    assert f"增加{-more.sum():.0f}吨/年" in text


def test_a_picture_names_every_made_layer_that_it_shows(world):
    for theme in THEMES:
        shown = staticmap._DRAWN[theme](View(world, "zh", False, 1.0)).stems
        assert set(chapters.picture(theme).made) == set(shown), theme


def test_hostile_names_are_text(world):
    payload = "<w:p/>&\x00\x0b{households}%s\ue000money\ue003"
    villages = world.villages.assign(name=payload, town=payload, lead_agency=payload)
    sources = world.sources.assign(name=payload)
    policy = world.policy.model_copy(update={"title": payload, "county": payload, "document": payload})
    found = read(written(replace(world, villages=villages, sources=sources, policy=policy)))
    cells = [c for rows in found.tables.values() for r in rows for c in r]
    assert any("<w:p/>&{households}%s" in cell for cell in cells)


# --- the command ------------------------------------------------------------------------------------------


def test_the_command_writes_a_report(world, tmp_path, monkeypatch):
    monkeypatch.setattr(geoplan.report, "still_png", lambda plan, theme, **more: picture(theme))
    world.write(tmp_path / "plan")
    out = tmp_path / "报告 目录" / "报告.docx"
    out.parent.mkdir()
    template = tmp_path / "模板.docx"
    template.write_bytes(own_template())
    for more in ([], ["--template", str(template)], ["--public"]):
        done = CliRunner().invoke(cli, ["report", str(tmp_path / "plan"), "-o", str(out), *more])
        assert done.exit_code == 0, done.output
        assert "保障措施" in "".join(read(out.read_bytes()).of("Heading 1"))


def test_the_command_refuses_and_writes_nothing(world, tmp_path, monkeypatch):
    monkeypatch.setattr(geoplan.report, "still_png", lambda plan, theme, **more: picture(theme))
    world.write(tmp_path / "plan")
    bad = tmp_path / "bad.docx"
    bad.write_text("text")
    for name, more in (
        ("r.doc", []),
        ("r.docx", ["--template", str(bad)]),
        ("r.docx", ["--template", "gone.docx"]),
    ):
        done = CliRunner().invoke(cli, ["report", str(tmp_path / "plan"), "-o", str(tmp_path / name), *more])
        assert done.exit_code == 1
        assert "docx" in done.output
        assert not (tmp_path / name).exists()


def test_the_template_itself_is_never_written_over(world, tmp_path):
    template = tmp_path / "t.docx"
    content = own_template()
    template.write_bytes(content)
    with pytest.raises(InputError, match="is the template"):
        write_report(world, template, template=template)
    assert template.read_bytes() == content


def test_the_maps_stand_in_the_report(world, tmp_path):
    file = write_report(world, tmp_path / "r.docx")
    with zipfile.ZipFile(file) as archive:
        sizes = [Image.open(io.BytesIO(archive.read(n))).size for n in archive.namelist() if "media/" in n]
    assert len(sizes) >= 5
    # As wide as the fold-out, at 200 dpi.
    assert {width for width, _ in sizes} == {round(390 / 25.4 * 200)}
    assert all(1.5 < width / height < 1.7 for width, height in sizes)
    assert file.stat().st_size < 5_000_000
