"""The workbook: annexes as the documents print them, the plan's own sheets, pages that hold them."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils import range_boundaries

from geoplan.annex import AnnexTable
from geoplan.cli import cli
from geoplan.columns import plan_columns, table
from geoplan.errors import InputError
from geoplan.excel import workbook
from geoplan.folder import read_plan, write_tables
from geoplan.io.raw import Source
from geoplan.io.spreadsheet import read_xlsx
from geoplan.paper import OFFICIAL, laid_out
from geoplan.planner import assign
from geoplan.tables import sheet_name, sheets
from tests.worlds import corridor, county, village
from tests.worlds_annex import TOWNS, TWO_LEVELS, VILLAGES, WIDE

#: Money that three payers share, one of them by a lump, in two totals that overlap.
FUNDING = """
[funding.dual]
item = "双替代"
scope = ["任务", "农村"]
routes = ["heat_pump"]
cny_per_household = { central = 3500, district = 1800, household = 1700 }
years = [2021, 2022, 2023]
lead_agency = "农业农村局"
[funding.trunk]
item = "一级管网"
scope = ["任务"]
wan_cny = { enterprise = 4950 }
"""

OPEN = """
[subsidies.national]
level = "central"
routes = ["heat_pump"]
cny_per_household = "unstated"
[subsidies.own]
level = "district"
routes = ["heat_pump"]
cny_per_household = 1000
"""


def book_of(plan):
    return openpyxl.load_workbook(io.BytesIO(workbook(plan)))


def electric(policy: str, rows):
    """A county without networks, so that every village gets a heat pump."""
    return assign(county(rows, 'order = ["heat_pump"]\n' + policy))


def many(towns, each=20):
    """Villages of several towns."""
    return [
        village(100 * t + i, 500.0 * i, 900.0 * t, households=10 + i, town=town)
        for t, town in enumerate(towns)
        for i in range(each)
    ]


def values(sheet):
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def row_of(sheet, text):
    """The first row that has a cell of a text."""
    return next(row for row in values(sheet) if text in row)


@pytest.fixture(scope="module")
def paged():
    return book_of(electric(VILLAGES, many(["甲镇", "乙镇", "丙镇"], each=31)))


def test_the_sheets_are_in_order_and_an_empty_one_is_left_out():
    plan = electric(VILLAGES + TOWNS + FUNDING, many(["甲镇"], each=2))
    assert [s.name for s in sheets(plan)] == [
        "某年度清洁取暖工作计划表",
        "某某区清洁取暖建设任务表",
        "汇总表",
        "资金表",
        "建设投资",
        "分年度计划",
        "负担能力",
        "减排",
        "台账",
        "备选方案",
        "参数与来源",
    ]


def test_a_county_without_an_annex_gets_the_task_of_every_village():
    found = sheets(electric("", many(["甲镇"], each=2)))[0]
    assert found.name == "任务分解表"
    assert found.table.rows[-1][:6] == ("合计", None, None, None, 21, 0.21)


def test_title_mark_and_unit_stand_above_the_heading(paged):
    book = book_of(electric(TOWNS, many(["甲镇", "乙镇"], each=2)))
    sheet = book["某某区清洁取暖建设任务表"]
    assert [values(sheet)[i][0] for i in range(3)] == ["附件", "某某区清洁取暖建设任务表", "单位：户"]
    assert sheet["A3"].alignment.horizontal == "right"
    assert values(sheet)[3] == ["序号", "镇（街道、开发区）", "城乡结合部", "农村地区", "总计", "备注"]
    assert [sheet[at].font.bold for at in ("A5", "E5", "A7", "E7")] == [False, False, True, True]
    assert sheet.print_title_rows == "$4:$4"
    no_unit = values(paged.worksheets[0])
    assert no_unit[2][0] == "序号"


def test_every_printed_page_says_the_town(paged):
    sheet = paged.worksheets[0]
    breaks = [b.id for b in sheet.row_breaks.brk]
    assert len(breaks) >= 3
    towns = [range_boundaries(str(r)) for r in sheet.merged_cells.ranges if r.min_col == r.max_col == 2]
    assert towns
    for _, top, _, bottom in towns:
        assert not any(top <= b < bottom for b in breaks), "a merged cell runs over the end of a page"
    for b in breaks:
        assert sheet.cell(b + 1, 2).value in {"甲镇", "乙镇", "丙镇"}
        assert sheet.cell(b + 1, 1).value not in {"小  计", "合  计"}
    assert any(sheet.cell(b + 1, 1).value != 1 for b in breaks), "no page ends inside a town"


def test_an_annex_is_printed_on_upright_a4_and_a_wide_one_across():
    narrow = book_of(electric(VILLAGES, many(["甲镇"], each=3))).worksheets[0]
    wide = book_of(electric(WIDE, many(["甲镇"], each=3))).worksheets[0]
    assert (narrow.page_setup.paperSize, narrow.page_setup.orientation) == (9, "portrait")
    assert (wide.page_setup.paperSize, wide.page_setup.orientation) == (9, "landscape")
    assert (
        not narrow.sheet_properties.pageSetUpPr.fitToPage
    )  # scaled to fit, a spreadsheet drops the page breaks
    assert "&P" in narrow.oddFooter.center.text


def test_a_two_level_heading_is_merged_over_and_down():
    sheet = book_of(electric(TWO_LEVELS, many(["甲镇"], each=2))).worksheets[0]
    spans = {str(r) for r in sheet.merged_cells.ranges}
    assert {"A4:A5", "B4:B5", "C4:E4", "F4:H4", "I4:I5"} <= spans
    assert values(sheet)[4][2:8] == ["小计", "居民户", "集体户", "小计", "县城", "农村"]
    assert sheet.print_title_rows == "$4:$5"
    assert values(sheet)[-1][:3] == [2, "合计", 21]


def test_labels_of_sums_spread_to_the_first_number(paged):
    sheet = paged.worksheets[0]
    labels = [
        r for r in sheet.merged_cells.ranges if r.min_col == 1 and r.max_col == 3 and r.min_row == r.max_row
    ]
    assert [sheet.cell(r.min_row, 1).value for r in sorted(labels, key=lambda r: r.min_row)] == [
        "小  计",
        "小  计",
        "小  计",
        "合  计",
    ]


def test_a_cell_is_blank_instead_of_nought_and_no_number_has_separators(paged):
    plan = electric(TOWNS, [village(1, 0, 0, households=12_345, urban_fringe=True)])
    sheet = book_of(plan).worksheets[0]
    assert values(sheet)[4] == [1, "甲镇", 12345, None, 12345, None]
    assert {cell.number_format for row in sheet.iter_rows() for cell in row} == {"General", "0"}


def test_the_reader_finds_the_villages_of_a_printed_annex(paged):
    book = paged
    for sheet in book.worksheets[1:]:
        sheet.sheet_state = "hidden"
    buffer = io.BytesIO()
    book.save(buffer)
    raw = read_xlsx(buffer.getvalue(), Source("villages", Path("x.xlsx"), "x.xlsx"))
    rows = many(["甲镇", "乙镇", "丙镇"], each=31)
    assert list(zip(raw.columns["镇"], raw.columns["村名"], raw.columns["计划户数"], strict=True)) == [
        (r["town"], r["name"], r["households"]) for r in rows
    ]
    errors = [p for p in raw.problems if p.severity == "error"]
    assert [p.message for p in errors] == ["has no columns of coordinates"]


# --- money ------------------------------------------------------------------------------------------


def test_the_funding_table_has_a_total_for_every_scope():
    sheet = book_of(electric(FUNDING, [village(1, 0, 0, households=16_700)]))["资金表"]
    rows = values(sheet)
    assert rows[2] == [
        "口径", "项目", "户数", "总投资", "中央补助", "区县配套", "农户自筹", "企业自筹", "占比\n（%）",
        "实施年限", "牵头单位",
    ]  # fmt: skip
    assert rows[3] == [
        "任务",
        "双替代",
        16700,
        11690,
        5845,
        3006,
        2839,
        None,
        70.25,
        "2021—2023",
        "农业农村局",
    ]
    assert rows[4][1:9] == ["一级管网", None, 4950, None, None, None, 4950, 29.75]
    assert rows[5][1:9] == ["合计", None, 16640, 5845, 3006, 2839, 4950, 100]
    assert rows[6][1:9] == ["占比（%）", None, 100, 35.13, 18.06, 17.06, 29.75, None]
    assert rows[7][:4] == ["农村", "双替代", 16700, 11690]
    assert rows[9][3:7] == [100, 50.0, 25.71, 24.29]
    assert rows[-1][0] == "注：各口径分别合计，同一笔资金可列入几个口径，不得相加。"


def test_what_the_document_leaves_open_is_never_blank_and_never_nought(tmp_path):
    plan = electric(OPEN, [village(1, 0, 0, households=100)])
    book = book_of(plan)
    funding = row_of(book["资金表"], "空气源热泵")
    heads = row_of(book["资金表"], "总投资")
    names = ("户数", "总投资", "中央补助", "区县配套", "农户自筹", "企业自筹", "待定")
    at = {name: funding[heads.index(name)] for name in names}
    capex = round(plan.villages["capex_cny"].sum() / 1e4)
    rest = capex - 10 - at["企业自筹"]
    assert rest > 0
    assert at == at | {"户数": 100, "总投资": capex, "中央补助": "待定", "区县配套": 10, "待定": rest}
    assert at["农户自筹"] == "待定"
    assert row_of(book["资金表"], "合计")[3:] == [capex, "待定", 10, "待定", at["企业自筹"], rest, 100]
    said = f"“待定”列 {rest} 万元已计入总投资，文件未载明其中中央补助、农户自筹各出多少。"
    assert any(said in str(row[0]) for row in values(book["资金表"]))
    for name, columns in (("台账", plan_columns()), ("备选方案", table("options"))):
        heads, row = values(book[name])[1], row_of(book[name], "空气源热泵")
        for column in ("subsidy_central_cny", "household_capex_cny"):
            label = columns[column].label()
            assert row[[h.replace("\n", "") for h in heads].index(label)] == "待定", (name, column)
    burden = row_of(book["负担能力"], "空气源热泵\n100 户")
    assert burden[7:] == ["待定", "待定", "待定"]
    assert None not in burden
    assert "待定" not in row_of(book["负担能力"], "无补助")
    years = values(book["分年度资金"])
    assert years[4][:2] == ["未定年度", "待定"]
    assert any("中央补助的建设补助文件没有载明金额" in str(row[0]) for row in years)
    assert not any(
        "已载明部分 0 万元" in str(cell) for sheet in book for row in values(sheet) for cell in row
    )


def test_years_beside_their_targets():
    text = "[targets]\nhouseholds = 300\n[targets.by_year]\n2021 = 100\n2022 = 200\n"
    rows = [village(i, 500.0 * i, 0, households=100) for i in range(3)]
    found = values(book_of(electric(text, rows))["分年度计划"])
    assert found[2][:3] == ["年度", "村数", "户数"]
    assert [row[:4] for row in found[4:7]] == [
        ["2021 年", 1, 100, 100],
        ["2022 年", 2, 200, 200],
        ["合计", 3, 300, 300],
    ]


def test_what_keeps_a_year_from_its_target_stands_under_the_table():
    text = """
    [targets.by_year]
    2021 = 100
    2022 = 300
    """
    rows = [village(i, 500.0 * i, 0, households=100) for i in range(3)]
    plan = electric(text, rows)
    why = [row["binding"] for row in plan.summary["phasing"] if row["binding"]]
    assert why
    said = [str(row[0]) for row in values(book_of(plan)["分年度计划"])]
    assert [line for line in said if line.startswith("注：2022 年：")] == [f"注：2022 年：{why[-1]}。"]


def test_the_total_of_an_annex_says_whom_no_route_has():
    layout = """
    order = ["gas"]
    [annexes.towns]
    title = "任务表"
    columns = [
      { head = ["镇"], cell = "row" },
      { head = ["煤改气"], sum = "households", where = { route = ["gas"] } },
      { head = ["合计"], sum = "households" },
    ]
    """
    found = sheets(assign(county([village(1, 0, 0, households=70)], layout)))[0]
    assert found.table.rows[-1] == ("合计", None, 70)
    assert found.notes == ("合计中暂缓 70 户，未列入各方式。",)


def test_pipes_end_at_places_that_have_names():
    plan = assign(corridor([300, 900, 0], capacity_mw=11.0))
    rows = values(book_of(plan)["新建管线"])[2:]
    names = {f"{name} {code}" for code, name in plan.villages[["village_id", "name"]].to_numpy()}
    assert {row[2] for row in rows} & names
    assert all(
        end in names or end.startswith(("节点 ", "现有管网接点 ")) or " " in end
        for r in rows
        for end in r[1:3]
    )


def test_a_list_leaves_out_what_is_the_same_for_all_and_the_routes_nobody_asked_for():
    book = book_of(assign(county(many(["甲镇"], each=3), 'order = ["heat_pump", "biomass"]')))
    options, ledger = (values(book[name]) for name in ("备选方案", "台账"))
    assert {row[2] for row in options[2:8]} == {"空气源热泵", "生物质"}
    assert options[-1][0].startswith("注：政策未列入、因而未列出的方式：集中供暖、煤改气")
    assert "乡镇" not in ledger[1]
    assert any("乡镇 甲镇" in str(row[0]) for row in ledger)


@pytest.mark.parametrize("kind", ["row", "total"])
def test_columns_hold_their_widest_number_in_a_wide_font(kind):
    """Digits of the font that stands in for 仿宋 where it is missing; bold ones in a total."""
    digit_pt = 12 * (0.64 if kind == "row" else 0.70)
    for value, decimals, shown in ((457600, 0, "457600"), (1234.5, 2, "1234.50"), (100.0, 2, "100.00")):
        head = tuple((name,) for name in "甲乙丙丁")
        filled = AnnexTable(
            "表", "", head, ((value,) * 4,), (kind,), sums=(0, 1, 2, 3), decimals=(decimals,) * 4
        )
        widths = laid_out(filled, OFFICIAL).widths
        assert min(widths) * 6.12 >= len(shown) * digit_pt


def test_dates_tasks_and_emissions_have_their_sheets():
    text = """
    [milestones.install]
    stage = "安装"
    start = 2022-05-01
    end = 2022-09-30
    [efficiency.walls]
    item = "外墙保温"
    area_m2 = 36000
    households = 500
    towns = ["甲镇"]
    [efficiency.pipes]
    item = "管网改造"
    area_m2 = 53400
    """
    book = book_of(electric(text, [village(1, 0, 0, households=100)]))
    assert row_of(book["实施步骤"], "安装") == [1, "安装", "2022-05-01", "2022-09-30"]
    assert row_of(book["能效提升任务"], "外墙保温")[:6] == [1, "外墙保温", 3.6, 500, 72, "甲镇"]
    assert row_of(book["能效提升任务"], "合计")[2] == 8.94
    emissions = values(book["减排"])
    assert [row[1] for row in emissions[2:5]] == ["电", "散煤", "合计"]
    before, after, avoided = emissions[4][2:5]
    assert before - after == avoided
    assert emissions[2][2] is None


def test_the_comparison_says_whether_a_difference_is_explained():
    text = "[targets]\nhouseholds = 150\n"
    plan = electric(text, [village(1, 0, 0, households=100)])
    sheet = book_of(plan)["校核表"]
    said = {row["what"]: row for row in plan.summary["reconciliation"]}
    assert said
    assert values(sheet)[1][0].startswith(
        "算出 1 项，其中有差异未说明 1；照录 0 项；文件自校 0 项；推算 0 项；仅列出 0 项"
    )
    for row in values(sheet)[3 : 3 + len(said)]:
        found = said[row[2]]
        assert row[7] == "算出"
        if found["status"] == "differs":
            assert row[8] == ("有差异已说明" if found["because"] else "有差异未说明")
    assert values(sheet)[-1][0].startswith(f"注：共 {len(said)} 项")


# --- names, pages, files ----------------------------------------------------------------------------


def test_names_of_sheets_are_short_and_differ():
    title = "某某市某某区二〇二一年度冬季清洁取暖改造任务分解表（分村分方式）"
    assert len(title) > 31
    taken: list[str] = []
    for _ in range(12):
        taken.append(sheet_name(title, taken))
    assert len(set(taken)) == 12
    assert max(map(len, taken)) <= 31
    text = "".join(
        f'[annexes.a{i}]\ntitle = "{title}"\n{VILLAGES.split("title")[1].partition(chr(10))[2]}'
        for i in (1, 2)
    )
    assert [s.title for s in book_of(electric(text, many(["甲镇"], each=1))).worksheets[:2]] == taken[:2]


def test_every_label_of_a_table_differs():
    """A sheet has one column per label."""
    for name, columns in {
        "villages": plan_columns(),
        **{n: table(n) for n in ("options", "links", "sources")},
    }.items():
        labels = [column.label() for column in columns.values()]
        assert len(labels) == len(set(labels)), name


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 40)), min_size=1, max_size=8),
    st.integers(0, 200),
)
def test_every_row_is_on_one_page_that_holds_it(towns, above_pt):
    """Towns of some villages, each with a name that wraps or not and a sub-total."""
    rows, kinds = [], []
    for t, (n, length) in enumerate(towns):
        rows += [(i, f"镇{t}", "村" * (1 + length), 5) for i in range(n)] + [("小计", None, None, 5 * n)]
        kinds += ["row"] * n + ["subtotal"]
    head = (("序号",), ("镇",), ("村名",), ("户数",))
    filled = AnnexTable("表", "户", head, tuple(rows), tuple(kinds), merged=(1,), sums=(3,))
    pages = laid_out(filled, OFFICIAL, above_pt=above_pt)
    down_mm = OFFICIAL.across_mm if pages.landscape else OFFICIAL.down_mm
    room = down_mm / 25.4 * 72 * 100 / pages.scale
    assert pages.starts[0] == 0
    assert list(pages.starts) == sorted(set(pages.starts))
    for number, start in enumerate(pages.starts):
        stop = pages.starts[number + 1] if number + 1 < len(pages.starts) else len(rows)
        used = sum(pages.heights_pt[start:stop]) + sum(pages.head_pt) + (above_pt if number == 0 else 0)
        assert used <= room or stop == start + 1
        assert number == 0 or kinds[start] == "row" or kinds[start - 1] != "row"
    across_mm = OFFICIAL.down_mm if pages.landscape else OFFICIAL.across_mm
    assert sum(pages.widths) * 6.12 * pages.scale / 100 <= across_mm / 25.4 * 72 + 1
    assert all(math.isfinite(w) and w > 0 for w in pages.widths)


def test_the_command_writes_the_workbook_of_the_plan_anew(tmp_path):
    plan = assign(corridor([300, 900, 0], capacity_mw=11.0))
    folder = plan.write(tmp_path / "plan")
    file = tmp_path / "out" / "表.xlsx"
    file.parent.mkdir()
    done = CliRunner().invoke(cli, ["tables", str(folder), "-o", str(file)])
    assert (done.exit_code, done.stdout.strip()) == (0, str(file)), done.output
    assert _parts(file) == _parts(folder / "tables.xlsx")
    assert [p.name for p in file.parent.iterdir()] == ["表.xlsx"]
    again = CliRunner().invoke(cli, ["tables", str(folder), "-o", str(file)])
    assert again.exit_code == 0


def _parts(file):
    with zipfile.ZipFile(file) as book:
        return {name: book.read(name) for name in book.namelist()}


def test_a_folder_or_another_ending_is_refused(tmp_path):
    plan = assign(corridor([300]))
    with pytest.raises(InputError, match=r"is a folder; name a file that ends in \.xlsx"):
        write_tables(plan, tmp_path)
    with pytest.raises(InputError, match="is not the name of a workbook"):
        write_tables(plan, tmp_path / "tables.xls")
    (tmp_path / "file").write_text("keep")
    with pytest.raises(InputError, match="cannot write"):
        write_tables(plan, tmp_path / "file" / "tables.xlsx")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    done = CliRunner().invoke(cli, ["tables", str(tmp_path), "-o", str(tmp_path / "t.xlsx")])
    assert done.exit_code == 1
    assert "is not a plan" in done.stderr


def test_a_plan_read_back_gives_the_same_sheets(tmp_path):
    plan = electric(VILLAGES + FUNDING + OPEN, many(["甲镇", "乙镇"], each=4))
    assert sheets(read_plan(plan.write(tmp_path / "a")))[0] == sheets(plan)[0]


def test_each_village_says_what_every_level_pays_in_every_year():
    """100 households: 2,000 CNY of the province at once, and 90 CNY of the district for two seasons."""
    plan = electric(
        """
        year = 2024
        [subsidies.device]
        level = "province"
        routes = ["heat_pump"]
        cny_per_household = 2000
        [subsidies.power]
        level = "district"
        kind = "operating"
        routes = ["heat_pump"]
        cny_per_household = 90
        years = 2
        """,
        [village(1, 0, 0, 100), village(2, 0, 0, 0)],
    )
    [sheet] = [s for s in sheets(plan) if s.name == "分村分年度补助"]
    assert sheet.table.head[5:] == (
        ("2024 年", "省级建设补助"),
        ("2024 年", "区县配套运行补助"),
        ("2025 年", "区县配套运行补助"),
    )
    assert [row[4:] for row in sheet.table.rows] == [(100, 200_000, 9_000, 9_000)]


def test_parameters_stand_in_words_with_their_unit_and_their_key():
    plan = electric(FUNDING, many(["甲镇"], each=2))
    (table,) = (s.table for s in sheets(plan) if s.name == "参数与来源")
    assert [head[-1] for head in table.head] == ["参数", "取值", "单位", "来源", "可信度", "文件", "键"]
    rows = {row[-1]: row[:3] for row in table.rows}
    assert rows["climate.season_days"][::2] == ("采暖期天数", "天")
    assert rows["carriers.gas.co2_kg"] == ("天然气·CO2 排放因子", "2", "kg/m³")
    assert rows["rules.gas_main_distance.max"] == ("规则·煤改气距燃气干管·上限", "2000", "m")
    assert rows["rules.gas_main_distance.routes"][1] == "煤改气"
    assert rows["comparison_basis"][1] == "同等服务"
    assert rows["routes.district_heating.full_space"][1] == "是"
