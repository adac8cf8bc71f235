"""The plan beside its document: every expectation here is worked out by hand."""

from __future__ import annotations

import json
import textwrap
from dataclasses import replace

import pandas as pd
import pytest

import geoplan
from geoplan.errors import PolicyError
from geoplan.io import check_county
from geoplan.misnamed import check_published
from geoplan.policy import load_policy
from geoplan.published import Number, Published, load_published
from geoplan.reconcile import counts, reconcile, unexplained
from geoplan.timeline import timeline
from tests.worlds import county, village
from tests.worlds_io import collection, village_features

KEYS = {
    "kind", "place", "what", "unit", "published", "computed", "difference", "status", "because", "id",
    "basis", "note",
}  # fmt: skip

FUNDING = """
document = "示例〔2024〕1号"
issued = 2024-03-01
[subsidies.power]
level = "district"
kind = "operating"
routes = ["heat_pump"]
cny_per_kwh = 0.2
threshold_units = 500
cap_units = 5000
[funding.dual]
item = "双替代"
scope = ["全部", "农村"]
routes = ["heat_pump", "gas"]
cny_per_household = { central = 3000, household = 1000 }
[funding.mains]
item = "管网"
scope = ["全部"]
wan_cny = { enterprise = 100, district = "unstated" }
"""

ANNEX = """
[annexes.tasks]
title = "任务表"
unit = "户"
columns = [
  { head = ["序号"], cell = "number" },
  { head = ["乡镇"], cell = "row" },
  { head = ["煤改气"], sum = "households", where = { route = ["gas"] } },
  { head = ["合计", "户数"], sum = "households" },
]
"""


def policy(text=FUNDING):
    return load_policy([("policy.toml", text)])


def villages():
    return pd.DataFrame(
        {
            "village_id": ["1", "2", "3", "4"],
            "name": ["甲一", "甲二", "乙一", "丙一"],
            "town": ["甲镇", "甲镇", "乙镇", "丙镇"],
            "households": [100, 50, 30, 0],
            "route": ["heat_pump", "gas", "gas", "deferred"],
            "lead_agency": [None, None, None, None],
            "report_row": [None] * 4,
            "report_order": [None] * 4,
            "subsidy_operating_cny_per_a": [10_000.0, float("nan"), 0.0, 0.0],
        }
    )


def published(text, document="示例〔2024〕1号"):
    return load_published("published.toml", f'document = "{document}"\n' + textwrap.dedent(text))


def compared(text, *, with_policy=FUNDING, of=None):
    found = published(text)
    merged = policy(with_policy)
    assert check_published(found, merged, file="published.toml") == []
    return reconcile(villages() if of is None else of, merged, found)


def one(line, **more):
    """The row of a single number."""
    return compared(f"numbers = [{{ {line} }}]", **more)[0]


# --- numbers ----------------------------------------------------------------------------------------


def test_equal_and_differs():
    row = one('place = "三", what = "改造户数", unit = "户", value = 180, column = "households"')
    assert set(row) == KEYS
    assert (row["kind"], row["published"], row["computed"], row["difference"]) == ("number", 180, 180, 0)
    assert row["status"] == "equal"
    row = one('place = "三", what = "改造户数", value = 200, column = "households"')
    assert (row["difference"], row["status"], row["because"]) == (-20, "differs", "")
    assert unexplained([row]) == 1


REASON = (
    'place = "三", what = "改造户数", value = 200, column = "households", because = "含乡外20户", expected = '
)


def test_a_reason_explains_the_difference_that_it_expects_and_no_other():
    row = one(REASON + "180")
    assert (row["status"], row["difference"], row["because"]) == ("differs", -20, "含乡外20户")
    assert unexplained([row]) == 0
    row = one(REASON + "170")
    assert (row["status"], row["because"]) == ("differs", "")
    assert unexplained([row]) == 1
    met = one(REASON + "170", of=villages().assign(households=[100, 50, 50, 0]))
    assert (met["status"], met["because"]) == ("equal", "")


def test_what_is_expected_is_compared_within_the_tolerance():
    line = 'place = "三", what = "万户", value = 0.02, column = "households", scale = 0.0001, because = "x"'
    assert one(line + ", tolerance = 0.0005, expected = 0.0184")["because"] == "x"
    assert one(line + ", tolerance = 0.0003, expected = 0.0184")["because"] == ""


def test_a_note_is_shown_and_explains_nothing():
    line = 'place = "三", what = "改造户数", column = "households", note = "含乡外20户", value = '
    for value, status, open_ in ((180, "equal", 0), (200, "differs", 1)):
        row = one(line + str(value))
        assert (row["status"], row["note"], row["because"]) == (status, "含乡外20户", "")
        assert unexplained([row]) == open_


def test_a_difference_within_the_tolerance_is_equal_and_still_shown():
    line = 'place = "三", what = "万户", value = 0.02, column = "households", scale = 0.0001, tolerance = '
    assert (one(line + "0.005")["status"], one(line + "0.005")["difference"]) == ("equal", -0.002)
    assert one(line + "0.001")["status"] == "differs"
    line = 'place = "三", what = "户数", value = 200, column = "households", note = "约", tolerance = 20'
    assert one(line)["status"] == "equal"


def test_what_the_document_leaves_open_is_shown_as_computed():
    row = one(
        'place = "三", what = "气", value = "unstated", column = "households", where = { route = ["gas"] }'
    )
    assert (row["published"], row["computed"], row["status"]) == (None, 80, "not stated")
    assert unexplained([row]) == 0


def test_what_nothing_computes_says_why():
    row = one('place = "四", what = "村委会", value = 58, because = "公共机构"')
    assert (row["published"], row["computed"], row["status"], row["because"]) == (
        58,
        None,
        "not stated",
        "公共机构",
    )


def test_a_printed_number_that_the_plan_owes_is_a_difference():
    line = (
        'place = "五", what = "运行补助", value = 1, column = "subsidy_operating_cny_per_a", scale = 0.0001'
    )
    row = one(line)
    assert (row["computed"], row["status"]) == (None, "differs")
    assert unexplained([row]) == 1
    there = one(line + ', where = { town = ["甲镇"], route = ["heat_pump"] }')
    assert (there["computed"], there["status"]) == (1, "equal")


@pytest.mark.parametrize(
    ("way", "value"),
    [
        ('column = "villages"', 3),  # the fourth has no households
        ('column = "towns"', 2),
        ('column = "towns", where = { route = ["gas"] }', 2),
        ('column = "households", where = { town = ["甲镇"], route = ["gas"] }', 50),
        ('column = "households", scale = 0.0001', 0.018),
        ('funding = "dual.central"', 54),  # 180 x 3,000
        ('funding = "dual.total"', 72),
        ('funding = "mains.stated_total"', 100),
        ('scope = "农村.total"', 72),
        ('scope = "农村.central.share"', 75),
        ('scope = "全部.stated_total"', 172),
        ('policy = "funding.dual.cny_per_household.central"', 3000),
        ('policy = "subsidies.power.cny_per_kwh"', 0.2),
        ('exposure = "power"', 16.2),  # 180 x (5,000 - 500) kWh x 0.2
        ('exposure = "power", threshold_mode = "trigger"', 18),  # 180 x 5,000 kWh x 0.2
        ('exposure = "power", where = { route = ["heat_pump"] }', 9),
    ],
)
def test_ways_to_compute(way, value):
    row = one(f'place = "三", what = "数", value = {value}, {way}')
    assert (row["computed"], row["status"]) == (pytest.approx(value, abs=1e-9), "equal")


@pytest.mark.parametrize(
    "way", ['scope = "全部.total"', 'funding = "mains.district"', 'funding = "mains.total"']
)
def test_a_total_that_needs_an_open_amount_is_not_known(way):
    row = one(f'place = "九", what = "总投资", value = 172, {way}')
    assert (row["computed"], row["status"]) == (None, "differs")


def test_the_document_against_itself():
    rows = compared(
        """
        numbers = [
          { id = "a", place = "三", what = "甲", value = 141, because = "现状" },
          { id = "b", place = "三", what = "乙", value = 587.77, because = "现状" },
          { id = "c", place = "三", what = "丙", value = "unstated", sum = ["a", "b"] },
          { place = "三", what = "占比", value = 24.0, ratio = ["a", "b"], scale = 100, tolerance = 0.05 },
          { place = "三", what = "占比", value = 23.97, ratio = ["a", "b"], scale = 100 },
          { place = "三", what = "两倍之和", value = 1457.54, product = ["c", "two"] },
          { id = "two", place = "三", what = "二", value = 2, because = "常数" },
        ]
        """
    )
    assert [row["kind"] for row in rows] == ["number", "number", "check", "check", "check", "check", "number"]
    assert rows[2]["computed"] == 728.77
    assert rows[3]["computed"] == pytest.approx(23.98897, abs=1e-5)
    assert [row["status"] for row in rows[3:6]] == ["equal", "differs", "equal"]


def test_a_ratio_to_nothing_is_not_known():
    rows = compared(
        """
        numbers = [
          { id = "a", place = "三", what = "甲", value = 1, because = "现状" },
          { id = "b", place = "三", what = "乙", value = 0, because = "现状" },
          { place = "三", what = "比", value = 1, ratio = ["a", "b"] },
        ]
        """
    )
    assert (rows[2]["computed"], rows[2]["status"]) == (None, "differs")


@pytest.mark.parametrize(
    ("line", "basis"),
    [
        ('column = "households"', "computed"),
        ('exposure = "power"', "computed"),
        ('funding = "dual.central"', "computed"),
        ('funding = "dual.enterprise"', "entered"),  # nothing of it comes from a village
        ('funding = "mains.enterprise"', "entered"),
        ('funding = "mains.stated_total"', "entered"),
        ('scope = "全部.enterprise"', "entered"),
        ('scope = "全部.stated_total"', "computed"),
        ('scope = "农村.central.share"', "computed"),
        ('policy = "funding.mains.wan_cny.enterprise"', "entered"),
        ('column = "households", derived = "60户×3"', "derived"),
        ('because = "现状"', "listed"),
    ],
)
def test_what_a_comparison_is_worth(line, basis):
    row = one(f'place = "三", what = "数", value = 180, {line}')
    assert row["basis"] == basis


def test_a_sum_is_worth_what_its_best_part_is():
    rows = compared(
        """
        numbers = [
          { id = "a", place = "三", what = "甲", value = 180, because = "现状" },
          { id = "b", place = "三", what = "乙", value = "unstated", column = "households" },
          { id = "c", place = "三", what = "丙", value = "unstated", policy = "subsidies.power.cap_units" },
          { place = "三", what = "甲自校", value = 180, sum = ["a"] },
          { place = "三", what = "甲丙", value = 5180, sum = ["a", "c"] },
          { place = "三", what = "甲乙丙", value = 5360, sum = ["a", "b", "c"] },
        ]
        """
    )
    assert [row["basis"] for row in rows[3:]] == ["document", "entered", "computed"]
    assert counts(rows)["computed"] == {"equal": 1, "differs": 0, "unexplained": 0, "not stated": 1}
    assert counts(rows)["listed"]["not stated"] == 1


def test_a_derived_value_says_how():
    row = one(
        'place = "推算", what = "数", value = 180, column = "households", derived = "60户×3", note = "约"'
    )
    assert (row["published"], row["status"], row["note"]) == (180, "equal", "60户×3；约")


def test_first_and_last_of_a_column():
    line = 'place = "三", what = "年", unit = "年", column = "year", where = { route = ["gas"] }, '
    frame = villages().assign(year=[2021, 2022, 2023, None])
    rows = [
        one(line + more, of=frame) for more in ('value = 2022, pick = "least"', 'value = 2023, pick = "most"')
    ]
    assert [(row["computed"], row["status"]) for row in rows] == [(2022, "equal"), (2023, "equal")]


def test_rows_have_the_digits_that_the_folder_keeps():
    frame = villages().assign(subsidy_operating_cny_per_a=[1 / 3, 0.0, 0.0, 0.0])
    row = one('place = "五", what = "补助", value = 0, column = "subsidy_operating_cny_per_a"', of=frame)
    assert (row["computed"], row["difference"]) == (0.333333333, 0.333333333)


# --- tables -----------------------------------------------------------------------------------------


def cells(rows):
    return [row for row in rows if row["kind"] == "table"]


def table(*rows, more=""):
    printed = ", ".join(rows)
    return cells(
        compared(
            f'{more}\n[[tables]]\nannex = "tasks"\nplace = "附件"\nrows = [{printed}]', with_policy=ANNEX
        )
    )


def test_a_table_that_is_equal_in_every_cell():
    rows = table('[1, "甲镇", 50, 150]', '[2, "乙镇", 30, 30]', '["合计", "", 80, 180]')
    assert len(rows) == 1
    assert (rows[0]["published"], rows[0]["computed"], rows[0]["status"]) == (12, 12, "equal")


def test_every_differing_cell_is_a_row():
    rows = table('[1, "甲镇", 50, 151]', '[2, "乙镇", 30, 30]', '["合计", "", "", 180]')
    whole, number, blank = rows
    assert (whole["published"], whole["computed"], whole["difference"]) == (12, 10, -2)
    assert {row["basis"] for row in rows} == {"computed"}
    assert (number["what"], number["published"], number["computed"]) == ("甲镇：合计 户数", 151, 150)
    assert (number["difference"], number["unit"]) == (-1, "户")
    assert (blank["what"], blank["published"], blank["computed"]) == ("合计：煤改气", None, 80)
    assert unexplained(rows) == 2


def test_a_remark_explains_one_cell_and_no_other():
    more = '[remarks]\n"tasks|甲镇|合计 户数" = { because = "文件误作151", expected = 150 }'
    rows = table('[1, "甲镇", 50, 151]', '[2, "乙镇", 31, 30]', '["合计", "", 80, 180]', more=more)
    assert [row["because"] for row in rows[1:]] == ["文件误作151", ""]
    assert unexplained(rows) == 1
    other = table('[1, "甲镇", 50, 151]', '[2, "乙镇", 30, 30]', more=more.replace("150", "149"))
    assert unexplained(other[1:2]) == 1


def test_a_row_that_is_missing_shifts_nothing():
    rows = table('[1, "乙镇", 30, 30]', '["合计", "", 80, 181]')
    assert [(row["what"], row["published"], row["computed"]) for row in rows[1:]] == [
        ("甲镇：规划有、文件没有的一行", None, "1、甲镇、50、150"),
        ("合计：合计 户数", 181, 180),
    ]
    assert (rows[0]["published"], rows[0]["computed"]) == (4 + 3 + 4, 3 + 3)  # no running number of 乙镇
    rows = table('[1, "丙镇", 9, 9]', '[2, "甲镇", 50, 150]', '[3, "乙镇", 30, 30]', '["合计", "", 80, 180]')
    assert [row["what"] for row in rows[1:]] == ["丙镇：文件有、规划没有的一行"]
    assert unexplained(rows) == 1


def test_a_name_written_otherwise_is_a_row_too_many_and_one_too_few():
    rows = table('[1, "甲镇", 50, 150]', '[2, "已镇", 30, 30]', '["合计", "", 80, 180]')
    assert [row["what"] for row in rows[1:]] == [
        "已镇：文件有、规划没有的一行",
        "乙镇：规划有、文件没有的一行",
    ]


def test_rows_in_another_order_are_said():
    rows = table('[2, "乙镇", 30, 30]', '[1, "甲镇", 50, 150]', '["合计", "", 80, 180]')
    assert [row["what"] for row in rows[1:]] == ["任务表：行的次序与文件不同"]
    assert unexplained(rows) == 1


def test_a_column_too_many():
    rows = table('[1, "甲镇", 50, 150, "x"]', '[2, "乙镇", 30, 30]', '["合计", "", 80, 180]')
    assert [(row["what"], row["published"]) for row in rows[1:]] == [("甲镇：第 5 列", "x")]


def test_subtotals_are_told_apart_by_their_town():
    layout = """
    [annexes.tasks]
    title = "任务表"
    rows = "village"
    subtotal = "小计"
    columns = [
      { head = ["序号"], cell = "number" },
      { head = ["镇"], cell = "town" },
      { head = ["村"], cell = "name" },
      { head = ["户数"], sum = "households" },
    ]
    """
    printed = (
        '[[1, "甲镇", "甲一", 100], [2, "", "甲二", 50], [3, "乙镇", "乙一", 30], ["小计", "", "", 31], '
    )
    text = f'[[tables]]\nannex = "tasks"\nplace = "附件"\nrows = {printed}["合计", "", "", 180]]'
    rows = cells(compared(text, with_policy=layout))
    assert [row["what"] for row in rows[1:]] == ["甲镇 小计：规划有、文件没有的一行", "乙镇 小计：户数"]


def test_a_merged_cell_stands_in_each_of_its_rows():
    layout = """
    [annexes.tasks]
    title = "任务表"
    rows = "village"
    columns = [
      { head = ["镇"], cell = "town" },
      { head = ["村"], cell = "name" },
      { head = ["户数"], sum = "households" },
    ]
    """
    printed = '[["甲镇", "甲一", 100], ["", "甲二", 50], ["乙镇", "乙一", 30], ["合计", "", 180]]'
    rows = compared(f'[[tables]]\nannex = "tasks"\nplace = "附件"\nrows = {printed}', with_policy=layout)
    assert [row["status"] for row in cells(rows)] == ["equal"]


# --- dates ------------------------------------------------------------------------------------------


def dates(*lines, issued='issued = "2024-03-01"', milestones="", remarks=""):
    found = published(f"{issued}\ndates = [{', '.join(lines)}]\n{remarks}")
    return timeline(load_policy([("policy.toml", f"{issued}\n{milestones}")]), found)


def checks(rows):
    return [row for row in rows if row.kind == "check"]


def test_a_day_that_no_calendar_has():
    rows = checks(dates('{ place = "七", what = "准备", start = "2024-04-01", end = "2024-04-31" }'))
    assert [(row.what, row.published, row.computed) for row in rows] == [
        ("准备：日历上没有这一天", "2024-04-31", "2024-04-30")
    ]
    assert not rows[0].explained
    remarks = '[remarks]\n"calendar|准备" = "按2月28日"'
    rows = checks(dates('{ place = "七", what = "准备", end = "2023-02-29" }', issued="", remarks=remarks))
    assert (rows[0].computed, rows[0].explained, rows[0].because) == ("2023-02-28", True, "按2月28日")
    assert not checks(dates('{ place = "七", what = "备", end = "2023-02-29" }', issued="", remarks=remarks))[
        0
    ].explained
    assert checks(dates('{ place = "七", what = "准备", end = "2024-02-29" }', issued="")) == []
    assert checks(dates('{ place = "七", what = "准备", end = "2024-13-01" }'))[0].computed is None


def test_a_span_that_runs_backwards():
    rows = checks(dates('{ place = "七", what = "施工", start = "2024-09-01", end = "2024-08-01" }'))
    assert [(row.what, row.difference) for row in rows] == [("施工：开始晚于结束", -31)]


def test_a_step_ordered_for_a_day_before_the_issue():
    rows = checks(
        dates(
            '{ place = "七", what = "摸底", start = "2024-02-01", end = "2024-03-15" }',
            '{ place = "七", what = "编制", end = "2024-02-28" }',
            '{ place = "七", what = "印发日", end = "2024-03-01" }',
        )
    )
    assert [(row.what, row.published, row.difference) for row in rows] == [
        ("摸底：开始日早于文件印发日（追溯）", "2024-02-01", 29),
        ("编制：截止日早于文件印发日（追溯）", "2024-02-28", 2),
    ]


def test_stages_that_cross_but_not_a_step_within_its_stage():
    def of(*spans):
        lines = [
            f'{{ place = "七", what = "{i}", start = "{a}", end = "{b}" }}' for i, (a, b) in enumerate(spans)
        ]
        return [(row.what, row.difference) for row in checks(dates(*lines))]

    assert of(("2024-04-01", "2024-05-31"), ("2024-05-01", "2024-06-30")) == [("0与1：时段交叉", 31)]
    assert of(("2024-05-01", "2024-06-30"), ("2024-04-01", "2024-05-31")) == [("0与1：时段交叉", 31)]
    assert of(("2024-04-01", "2024-06-30"), ("2024-05-01", "2024-05-31")) == []
    assert of(("2024-04-01", "2024-04-30"), ("2024-04-30", "2024-05-31")) == []


def test_a_printed_date_beside_the_milestone_of_its_stage():
    stage = '[milestones.ready]\nstage = "准备"\nstart = 2024-04-01\nend = 2024-04-30'
    line = '{ place = "七", what = "准备", start = "2024-04-01", end = "2024-04-30" }'
    rows = dates(line, milestones=stage)
    assert [(row.kind, row.status) for row in rows] == [("date", "equal"), ("date", "equal")]
    rows = dates(line.replace("04-30", "05-30"), milestones=stage)
    assert (rows[1].published, rows[1].computed) == ("2024-04-01 至 2024-05-30", "2024-04-01 至 2024-04-30")
    assert (rows[1].status, rows[1].basis, rows[1].explained) == ("differs", "entered", False)
    assert (dates(line)[1].status, dates(line)[1].basis) == ("not stated", "listed")


def test_a_printed_date_has_a_reason_for_one_other_span_only():
    stage = '[milestones.ready]\nstage = "准备"\nstart = 2024-04-01\nend = 2024-04-30'
    line = (
        '{ place = "七", what = "准备", start = "2024-04-01", end = "2024-04-31", because = "按30日", '
        'expected = ["2024-04-01", "2024-04-30"] }'
    )
    rows = dates(line, milestones=stage)
    assert (rows[1].status, rows[1].because) == ("differs", "按30日")
    rows = dates(line, milestones=stage.replace("04-30", "04-29"))
    assert (rows[1].status, rows[1].because) == ("differs", "")


def test_milestones_are_checked_without_a_printed_date_and_once_with_one():
    stage = '[milestones.early]\nstage = "编制"\nend = 2024-02-01'
    alone = load_policy([("policy.toml", f"issued = 2024-03-01\n{stage}")])
    assert [row.what for row in timeline(alone, None)] == ["编制：截止日早于文件印发日（追溯）"]
    told = '[remarks]\n"retroactive|编制" = "追认"'
    rows = dates('{ place = "七", what = "编制", end = "2024-02-01" }', milestones=stage, remarks=told)
    assert [row.because for row in checks(rows)] == ["追认"]


# --- the tool's own checks --------------------------------------------------------------------------


TWICE = """
[funding.all]
item = "余热取暖"
scope = ["四"]
routes = ["gas"]
cny_per_household = { central = 3500, household = 1700 }
[funding.part]
item = "常住户"
scope = ["九"]
where = { town = ["甲镇"], route = ["gas"] }
cny_per_household = { central = 3500, household = 2700 }
"""


def test_money_for_the_same_households_in_two_rows_and_two_prices_for_them():
    rows = [row for row in reconcile(villages(), policy(TWICE), None) if row["kind"] == "check"]
    twice, price = rows
    assert twice["what"] == "余热取暖与常住户：同为 50 户列资金"
    assert twice["computed"] == 26  # 50 households x (3,500 + 1,700)
    assert "不可相加" in twice["because"]
    assert (price["published"], price["difference"], price["unit"]) == ("1700；2700", 1000, "元/户")
    assert unexplained(rows) == 1
    told = published('[remarks]\n"price|all|part|household" = "两次概算"')
    assert unexplained(reconcile(villages(), policy(TWICE), told)) == 0


def test_an_area_that_no_household_has():
    task = '[efficiency.walls]\nitem = "保温"\nhouseholds = 600\narea_m2 = '
    rows = reconcile(villages(), policy(task + "880000"), None)
    assert (rows[0]["published"], rows[0]["computed"]) == (pytest.approx(1466.67, abs=0.01), "40~200")
    assert unexplained(rows) == 1
    assert reconcile(villages(), policy(task + "60000"), None) == []


def test_a_town_under_two_lead_agencies():
    led = villages().assign(lead_agency=["农业局", "住建局", "住建局", "住建局"])
    rows = reconcile(led, policy(""), None)
    assert [row["what"] for row in rows] == ["甲镇：牵头单位不止一个"]
    assert rows[0]["computed"] == "住建局 50 户、农业局 100 户"


def test_without_a_document_the_targets_are_compared():
    text = """
    document = "示例"
    [targets]
    households = 180
    by_route = { gas = 100, heat_pump = "unstated" }
    by_town = { "甲镇" = 150, "乙镇" = 30 }
    by_year = { 2024 = 180 }
    """
    rows = reconcile(villages().assign(year=[2024, 2024, 2025, None]), policy(text), None)
    found = {row["what"]: (row["published"], row["computed"], row["status"]) for row in rows}
    assert found == {
        "改造户数": (180, 180, "equal"),
        "2024改造户数": (180, 150, "differs"),
        "煤改气改造户数": (100, 80, "differs"),
        "空气源热泵改造户数": (None, 100, "not stated"),
        "甲镇改造户数": (150, 150, "equal"),
        "乙镇改造户数": (30, 30, "equal"),
    }


def test_households_that_wait_are_not_counted_as_converted():
    """Two villages of 100 and 80 households in all; the first one waits."""
    text = "document = '示例'\n[targets]\nhouseholds = 180"
    waiting = villages()
    waiting.loc[0, "route"] = "deferred"
    left = 180 - int(waiting["households"].iloc[0])
    [row] = reconcile(waiting, policy(text), None)
    assert (row["published"], row["computed"], row["status"]) == (180, left, "differs")
    asked = Number(
        place="三", what="暂缓", value="unstated", column="households", where={"route": ("deferred",)}
    )
    [named] = reconcile(waiting, policy(""), Published(document="示例", numbers=(asked,)))
    assert named["computed"] == 180 - left


# --- a published.toml that is wrong -----------------------------------------------------------------


N = '[[numbers]]\nplace = "三"\nwhat = "户数"\n'
REFUSED = {
    "a fraction under %": (
        N + 'value = 0.4089\nunit = "%"\nbecause = "x"',
        "[[numbers]] 1 三 户数: numbers.0: 0.4089 % looks like a fraction; write 40.89",
    ),
    "an unknown key": (
        N + 'value = 1\ncolum = "households"',
        "[[numbers]] 1 三 户数: numbers.0.colum: unknown key; did you mean 'column'?",
    ),
    "two ways": (
        N + 'value = 1\ncolumn = "households"\npolicy = "year"',
        "column and policy: say one way to compute it",
    ),
    "no way": (N + "value = 1", "or in `because` why nothing can"),
    "where without a column": (
        N + 'value = 1\npolicy = "year"\nwhere = { town = ["甲"] }',
        "where stands with column or exposure only",
    ),
    "a mode without a subsidy": (
        N + 'value = 1\ncolumn = "towns"\nthreshold_mode = "trigger"',
        "threshold_mode stands with exposure only",
    ),
    "an unknown id": (
        N + 'id = "a"\nvalue = 1\nbecause = "x"\n' + N + 'value = 1\nsum = ["b"]',
        "三 户数: no number has the id 'b'; known are a",
    ),
    "an id twice": (
        2 * (N + 'id = "a"\nvalue = 1\nbecause = "x"\n'),
        "id 'a' is given twice; rename one",
    ),
    "a circle": (
        N + 'id = "a"\nvalue = "unstated"\nsum = ["b"]\n' + N + 'id = "b"\nvalue = "unstated"\nsum = ["a"]',
        "id 'a' is computed from itself",
    ),
    "a reason for any difference": (
        N + 'value = 1\ncolumn = "households"\nbecause = "x"',
        "because excuses any difference; write the number that is `expected` beside it",
    ),
    "an expected number without a reason": (
        N + 'value = 1\ncolumn = "households"\nexpected = 2',
        "expected needs `because` and a way",
    ),
    "an expected number that is the printed one": (
        N + 'value = 1\ncolumn = "households"\nbecause = "x"\nexpected = 1',
        "expected 1 explains no difference",
    ),
    "a number of itself": (
        N + 'id = "a"\nvalue = 1\nsum = ["a"]',
        "sum names 'a', which is the number itself; name its parts",
    ),
    "a sum of nothing": (N + "value = 0\nsum = []", "sum names no number"),
    "a product of nothing": (N + "value = 1\nproduct = []", "product names no number"),
    "a scale of nothing": (
        N + 'value = 0\ncolumn = "households"\nscale = 0',
        "scale = 0 makes every number 0",
    ),
    "a wide tolerance": (
        N + 'value = 28500\ncolumn = "households"\ntolerance = 99999',
        "tolerance 99999 is more than half a unit of the last printed digit; write 0.5 or less",
    ),
    "a tolerance of a whole digit": (
        N + 'value = 23.97\ncolumn = "households"\ntolerance = 0.01',
        "write 0.005 or less, or say in `note` why",
    ),
    "a blank reason": (N + 'value = 1\nbecause = " "', "because: is blank"),
    "a blank place": (N.replace("三", "") + 'value = 1\nbecause = "x"', "place: is blank"),
    "a derived value without a value": (
        N + 'value = "unstated"\ncolumn = "households"\nderived = "x"',
        "derived says how a value is inferred",
    ),
    "a pick without a column": (
        N + 'value = 1\npolicy = "year"\npick = "least"',
        "pick stands with a column",
    ),
    "a reason for any other day": (
        '[[dates]]\nplace = "七"\nwhat = "准备"\nend = "2024-04-30"\nbecause = "x"',
        "because explains a difference only together with `expected`",
    ),
    "a stage twice": (
        2 * '[[dates]]\nplace = "七"\nwhat = "准备"\nend = "2024-04-30"\n',
        "two dates are of '准备'; name them apart",
    ),
    "not a number": (N + 'value = nan\ncolumn = "households"', "write a number"),
    "text for a number": (N + 'value = "180"\ncolumn = "households"', "write a number"),
    "a date in words": (
        '[[dates]]\nplace = "七"\nwhat = "准备"\nend = "2024年4月31日"',
        "[[dates]] 1 七 准备: dates.0.end: write the day as printed as YYYY-MM-DD",
    ),
    "not TOML": ("[[numbers]\n", "not a TOML document"),
}


@pytest.mark.parametrize(("text", "wanted"), REFUSED.values(), ids=list(REFUSED))
def test_a_bad_document_is_refused_with_the_place_and_the_remedy(text, wanted):
    with pytest.raises(PolicyError) as caught:
        published(text)
    assert wanted in str(caught.value)
    assert str(caught.value).startswith("published.toml: ")


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ('column = "housholds"', "no column 'housholds'; did you mean 'households'?"),
        ('column = "name"', "no column 'name'"),
        ('column = "households", where = { twon = ["甲"] }', "no column 'twon'; did you mean 'town'?"),
        ('funding = "duel.total"', "no row of the funding 'duel'; did you mean 'dual'?"),
        ('funding = "dual.centrl"', "no payer 'centrl'; did you mean 'central'?"),
        ('scope = "全体.total"', "no scope of the funding '全体'; known are 全部, 农村"),
        ('scope = "全部.total.share"', "no payer 'total'"),
        ('policy = "climate.indoor"', "the policy has no number at 'climate.indoor'"),
        ('policy = "document"', "the policy has no number at 'document'"),
        (
            'column = "households", where = { route = ["heat_pmp"] }',
            "where: route has no value 'heat_pmp'; did you mean 'heat_pump'?",
        ),
        (
            'column = "households", where = { year = ["2021"] }',
            "where: year holds integer values; got '2021'",
        ),
        ('column = "households", where = { urban_fringe = [1] }', "where: urban_fringe holds boolean values"),
        ('policy = "order.9"', "the policy has no number at 'order.9'"),
        ('exposure = "pawer"', "no operating subsidy with a cap 'pawer'; did you mean 'power'?"),
    ],
)
def test_names_that_neither_policy_nor_plan_has_are_refused(line, wanted):
    found = published(f'numbers = [{{ place = "三", what = "数", value = 1, {line} }}]')
    problems = check_published(found, policy(), file="published.toml")
    assert len(problems) == 1
    assert str(problems[0]).startswith(f"[[numbers]] 1 三 数: {wanted}")
    assert problems[0].file == "published.toml"


def test_a_table_without_its_annex_is_refused():
    found = published('[[tables]]\nannex = "taks"\nplace = "附件2"\nrows = []')
    problem = check_published(found, policy(ANNEX), file="published.toml")[0]
    assert str(problem) == "[[tables]] 1 附件2: no annex 'taks'; did you mean 'tasks'?"


@pytest.mark.parametrize(
    ("remark", "wanted"),
    [
        (
            '"nope|x" = "y"',
            "[remarks] 'nope|x': answers no finding; a remark begins with one of overlap, price",
        ),
        ('"calendar|准备" = "y"', "after 'calendar' comes a stage"),
        ('"overlap|dual|main" = "y"', "after 'overlap' comes two stages or two rows of the funding"),
        ('"price|dual|mains|city" = "y"', ""),
        ('"price|dual|mains|citty" = "y"', "after 'price' comes two rows of the funding and a payer"),
        ('"overlap|dual|mains" = "y"', ""),
        ('"lead_agency|甲镇" = "y"', ""),
        ('"efficiency.walls" = "y"', "after 'efficiency' comes a task of building efficiency"),
        ('"issued" = "y"', "excuses any value; write { because = ..., expected ="),
        ('"issued" = { because = "y", expected = "2024-03-01" }', ""),
    ],
)
def test_a_remark_that_can_answer_nothing_is_refused(remark, wanted):
    problems = check_published(published(f"[remarks]\n{remark}"), policy(), file="published.toml")
    assert [wanted in str(p) for p in problems] == [True] * bool(wanted)


def test_a_remark_that_nothing_needs_is_shown():
    rows = compared('[remarks]\n"lead_agency|甲镇" = "两家"')
    assert [(row["what"], row["status"], row["note"]) for row in rows] == [
        ("没有用上的说明：lead_agency|甲镇", "not stated", "两家")
    ]


# --- files and the plan -----------------------------------------------------------------------------


def folder_of(path, text, name="published.toml"):
    (path / "villages.geojson").write_text(json.dumps(collection(*village_features())), "utf-8")
    (path / name).write_text(text, "utf-8")
    return path


TASK = 'document = "示例"\n[[numbers]]\nplace = "三"\nwhat = "户数"\nvalue = 2000\ncolumn = "households"\n'


def test_published_toml_is_read_beside_the_villages_and_hashed(tmp_path):
    read = geoplan.read_county(folder_of(tmp_path, TASK))
    assert read.published is not None
    assert read.published.numbers[0].value == 2000
    assert len(read.files["published.toml"]) == 64
    plan = geoplan.assign(read)
    row = plan.summary["reconciliation"][0]
    assert (row["computed"], row["status"]) == (2085, "differs")  # 1,200 + 480 + 310 + 95
    assert plan.summary["unexplained"] == 1
    assert plan.summary["reconciliation_counts"]["computed"]["unexplained"] == 1


def test_check_reports_the_problems_of_published_toml(tmp_path):
    wrong = TASK.replace("households", "housholds")
    problems = [str(p) for p in check_county(folder_of(tmp_path, wrong)) if p.severity == "error"]
    assert problems == ["[[numbers]] 1 三 户数: no column 'housholds'; did you mean 'households'?"]
    problems = [str(p) for p in check_county(folder_of(tmp_path, "document = 1")) if p.severity == "error"]
    assert any("document" in p for p in problems)


def test_a_town_that_no_village_has_is_a_warning(tmp_path):
    wrong = TASK + 'where = { town = ["丙丁镇"], route = ["gas"] }\n'
    found = [p for p in check_county(folder_of(tmp_path, wrong)) if p.file == "published.toml"]
    assert [(p.severity, str(p)) for p in found] == [
        ("warning", "[[numbers]] 1 三 户数: no village has town '丙丁镇'; check the spelling")
    ]


def test_a_misspelt_file_is_said_and_a_missing_one_is_fine(tmp_path):
    folder_of(tmp_path, TASK, name="publisehd.toml")
    assert "unknown published file; did you mean 'published.toml'?" in map(str, check_county(tmp_path))
    (tmp_path / "publisehd.toml").unlink()
    assert geoplan.read_county(tmp_path).published is None


def test_a_plan_without_a_document_has_an_empty_reconciliation():
    plan = geoplan.assign(county([village(1, 0, 0)]))
    assert plan.summary["reconciliation"] == []
    assert plan.summary["unexplained"] == 0


def test_the_plan_carries_its_reconciliation():
    world = replace(county([village(1, 0, 0, 120)]), published=load_published("p.toml", TASK))
    plan = geoplan.assign(world)
    assert plan.summary["reconciliation"][0]["computed"] == 120
    json.dumps(plan.summary["reconciliation"], allow_nan=False)
