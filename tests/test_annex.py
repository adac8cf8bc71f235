"""The annex tables: which rows, in which order, and what stands in each cell."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoplan.annex import adding_up, annex_table
from geoplan.errors import PolicyError
from geoplan.policy import load_policy
from tests.worlds_annex import TOWNS, TWO_LEVELS, VILLAGES, WIDE, layout, plan_villages


def test_towns_in_rows():
    frame = plan_villages(
        [
            {"town": "丙镇", "households": 900, "area_class": "rural"},
            {"town": "甲镇", "households": 50, "area_class": "rural"},
            {"town": "甲镇", "households": 0, "area_class": "rural"},
            {"town": "乙镇", "households": 200, "urban_fringe": True},
            {"town": "丁镇", "households": 0, "area_class": "rural"},
        ]
    )
    table = annex_table(frame, layout(TOWNS))
    assert table.rows == (
        (1, "乙镇", 200, None, 200, None),
        (2, "甲镇", None, 50, 50, None),
        (3, "丙镇", None, 900, 900, None),
        ("合计", None, 200, 950, 1150, None),
    )
    assert table.kinds == ("row", "row", "row", "total")
    assert (table.title, table.unit, table.mark) == ("某某区清洁取暖建设任务表", "户", "附件")
    assert (table.merged, table.sums) == ((), (2, 3, 4))


def test_villages_in_rows_with_subtotals_and_numbers_by_town():
    frame = plan_villages(
        [
            {"town": "乙镇", "name": "云山村", "households": 41, "route": "heat_pump"},
            {"town": "甲镇", "name": "陆庙村", "households": 50, "route": "heat_pump", "report_order": 2},
            {"town": "甲镇", "name": "周村", "households": 54, "route": "electric_direct", "report_order": 1},
            {"town": "乙镇", "name": "马集村", "households": 648, "route": "gas", "demolition_year": 2023},
            {"town": "甲镇", "name": "无任务村", "households": 0, "route": "existing"},
        ]
    )
    table = annex_table(frame, layout(VILLAGES))
    assert table.rows == (
        (1, "乙镇", "云山村", 41, 41, None),
        (2, "乙镇", "马集村", 648, None, "计划拆迁村"),
        ("小  计", None, None, 689, 41, None),
        (1, "甲镇", "周村", 54, 54, None),
        (2, "甲镇", "陆庙村", 50, 50, None),
        ("小  计", None, None, 104, 104, None),
        ("合  计", None, None, 793, 145, None),
    )
    assert table.kinds == ("row", "row", "subtotal", "row", "row", "subtotal", "total")
    assert table.merged == (1,)


def test_departments_book_their_households_and_the_total_is_numbered():
    frame = plan_villages(
        [
            {"town": "甲镇", "households": 122, "route": "heat_pump", "user_kind": "household"},
            {
                "town": "甲镇",
                "households": 1831,
                "route": "district_heating",
                "area_class": "built_up",
                "report_row": "住房和城乡建设管理局",
            },
            {
                "town": "甲镇",
                "households": 170,
                "route": "district_heating",
                "area_class": "rural",
                "report_row": "住房和城乡建设管理局",
            },
            {
                "town": "甲镇",
                "households": 16,
                "route": "heat_pump",
                "user_kind": "institution",
                "report_row": "交 警 队",
            },
            {"town": "沟 南 乡", "households": 305, "route": "heat_pump", "user_kind": "household"},
        ]
    )
    table = annex_table(frame, layout(TWO_LEVELS))
    assert table.head[2] == ("煤改电", "小计")
    assert table.rows == (
        (1, "沟 南 乡", 305, 305, None, None, None, None, 305),
        (2, "甲镇", 122, 122, None, None, None, None, 122),
        (3, "交 警 队", 16, None, 16, None, None, None, 16),
        (4, "住房和城乡建设管理局", None, None, None, 2001, 1831, 170, 2001),
        (5, "合计", 443, 427, 16, 2001, 1831, 170, 2444),
    )


def wide_frame():
    rows = [
        ("甲镇", "gas", 100, 6667.0, 2021, "农业农村局"),
        ("甲镇", "heat_pump", 50, 3333.0, 2022, "农业农村局"),
        ("乙乡", "heat_pump", 30, 3333.0, 2022, "住建局"),
    ]
    names = ("town", "route", "households", "total_area_m2", "year", "lead_agency")
    return plan_villages(dict(zip(names, row, strict=True)) for row in rows)


def test_village_by_route_area_and_year():
    table = annex_table(wide_frame(), layout(WIDE))
    assert table.rows == (
        (1, "甲镇", "村001", "煤改气", 100, 0.67, 100, None, None, "农业农村局", None, None),
        (2, "甲镇", "村002", "空气源热泵", 50, 0.33, None, 50, None, "农业农村局", None, None),
        ("小计", None, None, None, 150, 1.0, 100, 50, None, None, None, None),
        (3, "乙乡", "村003", "空气源热泵", 30, 0.33, None, 30, None, "住建局", None, None),
        ("小计", None, None, None, 30, 0.33, None, 30, None, None, None, None),
        ("合计", None, None, None, 180, 1.33, 100, 80, None, None, None, None),
    )


def test_printed_parts_add_up_to_the_printed_total():
    frame = plan_villages({"town": "甲镇", "households": 1, "total_area_m2": 3350.0} for _ in range(100))
    table = annex_table(frame, layout(WIDE))
    area = [row[5] for row in table.rows]
    assert area[-1] == area[-2] == 33.5
    assert sum(v for v in area[:-2]) == pytest.approx(33.5)
    assert set(area[:-2]) == {0.33, 0.34}


def test_what_the_document_leaves_open_is_neither_blank_nor_nought():
    text = """
    [annexes.money]
    title = "资金"
    columns = [
      { head = ["镇"], cell = "row" },
      { head = ["中央"], sum = "subsidy_central_cny", scale = 0.0001 },
      { head = ["户均"], cell = "household_cost_cny_per_season" },
    ]
    """
    frame = plan_villages(
        [
            {"town": "甲镇", "households": 1, "subsidy_central_cny": 35_000.0},
            {"town": "乙镇", "households": 1, "subsidy_central_cny": math.nan},
        ]
    )
    frame["household_cost_cny_per_season"] = [1234.5, math.nan]
    assert annex_table(frame, layout(text)).rows == (
        ("甲镇", 4, 1235),
        ("乙镇", "待定", "待定"),
        ("合计", "待定", None),
    )


def test_what_the_villages_of_a_row_say_is_said_once():
    text = """
    [annexes.a]
    title = "甲"
    total = ""
    columns = [
      { head = ["镇"], cell = "row" },
      { head = ["方式"], cell = "route" },
      { head = ["年度"], cell = "year" },
      { head = ["结合部"], cell = "urban_fringe" },
      { head = ["全镇拆迁"], text = "是", filled = "demolition_year" },
    ]
    """
    frame = plan_villages(
        [
            {"town": "甲镇", "households": 5, "route": "gas", "year": 2022, "urban_fringe": True},
            {"town": "甲镇", "households": 5, "route": "biomass", "year": 2022, "urban_fringe": True},
            {"town": "甲镇", "households": 5, "route": "gas", "year": 2022, "demolition_year": 2025},
            {"town": "乙镇", "households": 5, "route": "gas", "year": 2021, "demolition_year": 2025},
        ]
    )
    assert annex_table(frame, layout(text)).rows == (
        ("甲镇", "煤改气、生物质", 2022, "是", None),
        ("乙镇", "煤改气", 2021, None, "是"),
    )


def test_only_the_villages_that_the_annex_means():
    text = TOWNS + '\n[annexes.tasks.where]\nroute = ["gas"]\n'
    frame = plan_villages(
        [
            {"town": "甲镇", "households": 5, "route": "gas"},
            {"town": "乙镇", "households": 7, "route": "biomass"},
        ]
    )
    assert [row[1:5] for row in annex_table(frame, layout(text)).rows] == [
        ("甲镇", None, None, 5),
        (None, None, None, 5),
    ]
    nobody = frame.assign(households=0)
    assert annex_table(nobody, layout(text)).rows == ()


def test_zeros_where_the_county_prints_them():
    frame = plan_villages([{"town": "甲镇", "households": 5, "area_class": "rural"}])
    printed = annex_table(frame, layout(TOWNS.replace("unit =", "zeros = true\nunit =")))
    assert printed.rows[0] == (1, "甲镇", 0, 5, 5, None)


def test_the_order_of_the_rows_of_the_villages_does_not_matter():
    frame = wide_frame()
    assert annex_table(frame.iloc[::-1], layout(WIDE)) == annex_table(frame, layout(WIDE))
    before = frame.copy()
    annex_table(frame, layout(WIDE))
    assert frame.equals(before)


@given(st.lists(st.floats(0, 1e6), max_size=30), st.integers(0, 3))
def test_rounded_numbers_keep_their_sum_and_stay_near(values, decimals):
    found = adding_up(values, decimals=decimals)
    unit = 10.0**-decimals
    assert abs(sum(found) - sum(values)) <= unit / 2 + 1e-6
    assert all(abs(a - b) < unit + 1e-6 for a, b in zip(found, values, strict=True))
    assert not np.any(np.asarray(found)[np.asarray(values) == 0.0])


@pytest.mark.parametrize(
    ("said", "instead", "message"),
    [
        ('rows = "village"', 'rows = "town"', "rows = 'village'; a town is one row here"),
        ('sum = "households" }', 'sum = "lead_agency" }', "'lead_agency' holds text, which has no sum"),
        ('cell = "number" }', 'sum = "households" }', "the label of a total would stand in a column of sums"),
        (
            "restart_numbers",
            'number_total = true\ncolumns = [{ head = ["户"], cell = "row" }]\n#',
            "cell = 'number'",
        ),
        ('cell = "name" }', 'cell = "name", filled = "name" }', "where and filled stand with sum or text"),
        ('filled = "demolition_year"', 'filled = "demolition_yaer"', "did you mean 'demolition_year'?"),
    ],
)
def test_a_layout_that_cannot_be_printed_is_refused(said, instead, message):
    text = VILLAGES.replace(said, instead, 1)
    if instead.endswith("#"):
        text = text[: text.index("#")]
    with pytest.raises(PolicyError) as error:
        load_policy([("policy.toml", text)])
    assert message in str(error.value)
    assert "annexes.plan" in str(error.value)


def test_a_name_with_a_dot_is_refused():
    with pytest.raises(PolicyError, match=r"annexes: the name 'a\.b' holds a dot"):
        load_policy([("policy.toml", VILLAGES.replace("annexes.plan", 'annexes."a.b"'))])
