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
from geoplan.cli import cli
from geoplan.emissions import POLLUTANTS, avoided_column
from geoplan.errors import InputError
from geoplan.excel import workbook
from geoplan.explain import route_label
from geoplan.folder import read_plan
from geoplan.planner import assign
from geoplan.report import chapters, report_blocks, report_docx, report_tables
from geoplan.report.blocks import Annex, Heading, Picture, Text
from geoplan.report.save import write_report
from geoplan.report.words import words
from geoplan.staticmap import THEMES, title_of
from geoplan.staticmap.view import View
from geoplan.tables import sheets
from tests.docx_reader import NUMBER, numbers, proofs, read, unproved
from tests.worlds import county, heat_source, line, village

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
    text = "".join(found.text)
    task = plan.villages[plan.villages["households"].astype(int) > 0]
    assert f"改造农户{int(task['households'].sum())}户" in text
    for route, households in task.groupby("route")["households"].sum().items():
        assert f"{route_label(route)}{int(households)}户" in text
    load = f"{task['heat_load_kw'].sum() / 1e3:.2f}".rstrip("0").rstrip(".")
    assert f"设计热负荷{load}MW" in text
    for year, rows in task.dropna(subset="year").groupby("year"):
        assert f"{year}年安排{len(rows)}个村{int(rows['households'].sum())}户" in text
    near = task[task["margin_pct"].abs() < plan.policy.selection.near_tie_pct]
    said = f"有{len(near)}个村{int(near['households'].sum())}户的采用方式与次选方式"
    assert (said in text) == bool(len(near))
    for column, unit in zip(POLLUTANTS, ("吨/年", *["千克/年"] * 3), strict=True):
        avoided = plan.villages[avoided_column(column)].sum()
        spoken = [float(n) for n, u in numbers(text) if u == unit]
        assert any(abs(n - avoided) <= 2 for n in spoken)
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


def test_the_maps_stand_in_the_report(world, tmp_path):
    file = write_report(world, tmp_path / "r.docx")
    with zipfile.ZipFile(file) as archive:
        sizes = [Image.open(io.BytesIO(archive.read(n))).size for n in archive.namelist() if "media/" in n]
    assert len(sizes) >= 5
    assert all(width > 156 / 25.4 * 300 and abs(width / height - 420 / 297) < 0.01 for width, height in sizes)
    assert file.stat().st_size < 5_000_000
