"""The Jining zone: its document's households, readings and table come out by rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import geoplan
from geoplan.annex import annex_table
from geoplan.policy import load_policy
from geoplan.published import value_at
from geoplan.reconcile import reconcile, unexplained
from geoplan.season import exposure

COUNTY = Path(__file__).parents[1] / "layers" / "jining"
DEMOLITION = {"马集村", "任山村", "三皇庙村", "磨山村"}
ELECTRIC = {"heat_pump", "electric_direct"}


@pytest.fixture(scope="module")
def county():
    return geoplan.read_county(COUNTY)


@pytest.fixture(scope="module")
def plan(county):
    return geoplan.assign(county)


def village(plan, name):
    return plan.villages.set_index("name").loc[name]


def with_policy(county, text):
    base = (COUNTY / "policy.toml").read_text("utf-8")
    return replace(county, policy=load_policy([("policy.toml", base), ("change.toml", text)]))


def test_all_46_villages_go_electric_without_a_lock(plan):
    assert len(plan.villages) == 46
    assert plan.summary["households"] == 1_892 + 2_816 == 4_708
    assert plan.summary["households_electric"] == 4_708
    assert set(plan.villages["route"]) <= ELECTRIC
    assert plan.villages["locked_route"].isna().all()
    assert plan.summary["villages_by_decision"] == {"first choice": 46}


def test_four_villages_get_movable_devices_and_none_waits(plan):
    movable = plan.villages[plan.villages["equipment"].str.contains("可移动")]
    assert set(movable["name"]) == DEMOLITION
    assert movable["households"].sum() == 648 + 208 + 127 + 575 == 1_558
    assert "deferred" not in set(plan.villages["route"])
    others = plan.villages[~plan.villages["name"].isin(DEMOLITION)]
    assert others["households"].sum() == 3_150
    assert set(others["equipment"]) == {"空气源热风机×1、直热式电暖气（碳晶、石墨烯等）×2"}


def test_a_village_that_goes_within_the_year_would_wait(county):
    """The default rules do it, no lock: in 2025 a village of 2025 is deferred, one of 2027 is not."""
    villages = county.villages.assign(
        demolition_year=county.villages["demolition_year"].mask(county.villages["name"] == "任山村", 2027)
    )
    later = geoplan.assign(with_policy(replace(county, villages=villages), "year = 2025"))
    routes = later.villages.set_index("name")["route"]
    assert (routes["马集村"], routes["磨山村"]) == ("deferred", "deferred")
    assert routes["任山村"] in ELECTRIC


def test_no_fixed_network_goes_where_demolition_is_planned(county):
    stations = 'order = ["electric_station", "heat_pump"]'
    routes = geoplan.assign(with_policy(county, stations)).villages.set_index("name")["route"]
    assert set(routes[list(DEMOLITION)]) == {"heat_pump"}
    assert set(routes.drop(list(DEMOLITION))) == {"electric_station"}


def test_both_packages_are_weighed_and_the_cheaper_taken(county):
    options = geoplan.assign(county).options.set_index(["village_id", "route"])
    assert options.xs("electric_direct", level=1)["feasible"].all()
    dear = geoplan.assign(with_policy(county, "[routes.heat_pump.capex.device]\ncny_per_unit = 60000"))
    assert set(dear.villages["route"]) == {"electric_direct"}
    assert village(dear, "崔庄村")["equipment"] == "直热式电暖气（碳晶、石墨烯等）×3"
    assert village(dear, "磨山村")["equipment"] == "直热式电暖气（碳晶、石墨烯等）×3（可移动）"


def test_only_one_village_needs_its_grid_upgraded(plan):
    """648 households at 6,500 CNY; the document names no other village."""
    paid = plan.villages.set_index("name")["enterprise_capex_cny"]
    assert paid["马集村"] == pytest.approx(648 * 6_500)
    assert paid.drop("马集村").eq(0).all()
    used = plan.sources.set_index("source_id")
    spare = plan.layers["substations"].set_index("source_id")["spare_kva"]
    assert used.index[used["used"] > spare[used.index]].tolist() == ["F1"]
    assert plan.villages.set_index("name")["source_id"].eq("F1").sum() == 1


def test_the_operating_subsidy_in_both_readings(county):
    """4,708 × (5,000 - 500) × 0.2 = 423.72 万元; 4,708 × 5,000 × 0.2 = 470.8 万元."""
    assert exposure(county.policy, "power", 4_708) == pytest.approx(4_237_200)
    other = geoplan.read_county(COUNTY, overlays=["trigger_reading"]).policy
    assert exposure(other, "power", 4_708) == pytest.approx(4_708_000)


def test_a_household_pays_the_tariff_less_the_subsidy(county, plan):
    """90 W/m² over 104 days: 166.3 kWh/m² a season; 60 m² × 0.55 / 1.6 = 3,431 kWh at 0.4619 CNY.

    60 × 0.090 × 24 × 104 × (18 - 0.6) / (18 + 5.5) × 0.55 / 1.6 = 3,430.5 kWh.
    """
    kwh = 60 * 0.090 * 24 * 104 * (18 - 0.6) / (18 + 5.5) * 0.55 / 1.6
    bill = kwh * (0.5769 + 0.3469) / 2
    row = village(plan, "崔庄村")
    assert row["household_cost_unsubsidised_cny_per_season"] == pytest.approx(bill)
    assert row["household_cost_cny_per_season"] == pytest.approx(bill - (kwh - 500) * 0.2)
    assert row["subsidy_operating_cny_per_a"] == pytest.approx(235 * (kwh - 500) * 0.2)
    trigger = geoplan.assign(geoplan.read_county(COUNTY, overlays=["trigger_reading"]))
    assert village(trigger, "崔庄村")["household_cost_cny_per_season"] == pytest.approx(bill - kwh * 0.2)


def test_what_the_district_pays_for_devices_is_left_open_and_not_zero(plan):
    assert plan.villages["subsidy_district_cny"].isna().all()
    assert plan.villages["household_capex_cny"].isna().all()
    assert plan.villages["subsidy_central_cny"].eq(0).all()
    assert village(plan, "崔庄村")["household_capex_unsubsidised_cny"] == pytest.approx(235 * 7_700)


def test_the_annex_cell_by_cell(plan):
    table = annex_table(plan.villages, plan.policy.annexes["plan"])
    assert (table.mark, table.title, table.unit) == ("附件2", "2021年度清洁取暖工作计划表", "")
    assert [head for (head,) in table.head] == ["序号", "镇", "村名", "计划户数", "电代煤", "备注"]
    assert len(table.rows) == 46 + 2 + 1
    assert table.rows[0] == (1, "马集镇", "云山村", 41, 41, None)
    assert table.rows[8] == (9, "马集镇", "马集村", 648, 648, "计划拆迁村")
    assert table.rows[12] == ("小  计", None, None, 1_892, 1_892, None)
    assert table.rows[13] == (1, "疃里镇", "陆庙村", 50, 50, None)
    assert table.rows[46] == (34, "疃里镇", "田庄村", 34, 34, None)
    assert table.rows[47:] == (
        ("小  计", None, None, 2_816, 2_816, None),
        ("合  计", None, None, 4_708, 4_708, None),
    )
    assert table.merged == (1,)


def test_nothing_that_the_document_prints_differs(county, plan):
    rows = reconcile(plan.villages, plan.policy, county.published)
    assert unexplained(rows) == 0
    assert [row for row in rows if row["status"] == "differs"] == []
    found = {row["what"]: row for row in rows}
    assert found["2021年度清洁取暖工作计划表：相同的单元格"]["computed"] == 49 * 6
    assert found["查缺补漏农户"]["computed"] == 3_150
    assert found["原计划拆迁村农户"]["computed"] == 1_558
    assert found["每季运行补贴上限（超过 500 度的部分补，900 元/户）"]["computed"] == pytest.approx(423.72)
    assert found["每季运行补贴上限（达到 500 度后全补，1000 元/户）"]["computed"] == pytest.approx(470.8)
    for reading, wan in (("超过 500 度的部分补", 423.72), ("达到 500 度后全补", 470.8)):
        own = found[f"每季运行补贴上限：{reading}"]
        assert (own["basis"], own["published"], own["computed"]) == ("computed", None, pytest.approx(wan))
    assert found["三年运行补贴上限（超过部分补）"]["basis"] == "derived"
    assert found["三年运行补贴上限（超过部分补）"]["computed"] == pytest.approx(1_271.1)
    assert found["三年运行补贴上限（达到后全补）"]["computed"] == pytest.approx(1_412.4)


def test_a_household_more_is_found_by_the_reconciliation(county, plan):
    households = plan.villages["households"].where(plan.villages["name"] != "云山村", 42)
    rows = reconcile(plan.villages.assign(households=households), plan.policy, county.published)
    wrong = {row["what"] for row in rows if row["status"] == "differs"}
    assert {"2021年改造户数", "马集镇改造户数", "查缺补漏农户", "马集镇 云山村：计划户数"} <= wrong
    assert "疃里镇改造户数" not in wrong


def test_every_number_of_the_policy_has_a_source_and_a_confidence(county):
    numbers = [
        origin
        for path, origin in county.policy.origins.items()
        if origin.file == "policy.toml" and isinstance(value_at(county.policy, path), float)
    ]
    assert len(numbers) > 20
    assert all(origin.source and origin.confidence for origin in numbers)


def test_made_data_is_marked(plan):
    assert plan.villages["provenance"].str.startswith("illustrative").all()
    for stem in ("substations", "roads"):
        assert plan.layers[stem]["provenance"].str.startswith("illustrative").all(), stem
