"""Zichuan: the document's totals and annex, the towns' choice by rule, the city's carried-over subsidies."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import geoplan
from geoplan.annex import annex_table
from geoplan.misnamed import check_published
from geoplan.policy import load_policy
from geoplan.reconcile import reconcile, unexplained
from tests import worlds_layers as worlds

COUNTY = "zichuan"
HILLS = ["岭子镇", "西河镇", "太河镇"]
ELECTRIC = ["heat_pump", "electric_direct", "electric_storage"]


@pytest.fixture(scope="module")
def plan() -> geoplan.Plan:
    return worlds.plan(COUNTY)


def per_household(plan: geoplan.Plan, column: str, route: str) -> pd.Series:
    rows = plan.villages[plan.villages["route"] == route].set_index("village_id")
    options = plan.options[plan.options["route"] == route].set_index("village_id")
    return options.loc[rows.index, column] / rows["households"]


def test_totals_of_the_document(plan: geoplan.Plan) -> None:
    rows = plan.villages
    assert rows["households"].sum() == 10_600
    assert rows.groupby("urban_fringe")["households"].sum().to_dict() == {True: 200, False: 10_400}
    assert rows["town"].nunique() == 12
    assert set(rows["year"]) == {2020}
    assert set(rows["route"]) == {"district_heating", "gas", "heat_pump", "biomass"}
    assert rows["locked_route"].isna().all()
    assert "locked" not in set(rows["decision"])


def test_annex_as_printed(plan: geoplan.Plan) -> None:
    table = annex_table(plan.villages, plan.policy.annexes["tasks"])
    assert table.title == "淄川区2020年清洁取暖建设任务表"
    assert [" ".join(head) for head in table.head] == [
        "序号", "镇（街道、开发区）", "城乡结合部", "农村地区", "总计", "备注",
    ]  # fmt: skip
    assert table.rows[0] == (1, "开发区", None, 150, 150, None)
    assert table.rows[8] == (9, "西河镇", None, 2_540, 2_540, None)
    assert table.rows[11] == (12, "松龄路街道", 200, None, 200, None)
    assert table.rows[12] == ("合计", None, 200, 10_400, 10_600, None)
    printed = worlds.published(COUNTY).tables[0].rows
    assert [tuple("" if cell is None else cell for cell in row) for row in table.rows] == list(printed)


def test_every_published_number_is_equal_or_explained(plan: geoplan.Plan) -> None:
    document = worlds.published(COUNTY)
    assert check_published(document, plan.policy, file="published.toml") == []
    rows = reconcile(plan.villages, plan.policy, document)
    assert unexplained(rows) == 0
    assert all(row["status"] != "differs" for row in rows if row["kind"] != "check")
    hills = next(row for row in rows if "太河" in row["what"])
    assert (hills["basis"], hills["published"], hills["computed"]) == ("derived", 4_040, 4_040)
    remark = next(row for row in rows if "城乡分类" in row["what"])
    assert remark["status"] == "not stated"


def test_hill_towns_choose_electricity_or_biomass_by_rule(plan: geoplan.Plan) -> None:
    hills = plan.villages[plan.villages["town"].isin(HILLS)]
    assert set(hills["route"]) == {"heat_pump", "biomass"}
    small = hills["households"] < 50
    assert (hills.loc[small, "route"] == "biomass").all()
    assert (hills.loc[~small, "route"] == "heat_pump").mean() > 0.8
    assert "biomass" not in set(plan.villages.loc[~plan.villages["town"].isin(HILLS), "route"])


def test_the_threshold_of_the_hills_moves_villages(plan: geoplan.Plan) -> None:
    text = (worlds.folder(COUNTY) / "policy.toml").read_text("utf-8")
    lower = "[rules.small_hill_villages]\nmin = 40"
    policy = load_policy([("policy.toml", text), ("change.toml", lower)])
    found = geoplan.assign(replace(worlds.county(COUNTY), policy=policy)).villages
    between = found["town"].isin(HILLS) & found["households"].between(40, 49)
    before = plan.villages["route"][between.to_numpy()]
    assert set(before) == {"biomass"}
    assert (found.loc[between, "route"] == "heat_pump").sum() >= 5


def test_no_source_gives_more_than_it_has(plan: geoplan.Plan) -> None:
    assert (plan.sources["used"] <= plan.sources["capacity"] * (1 + 1e-9)).all()
    assert (plan.sources.groupby("route")["used"].sum() > 0).all()


@pytest.mark.parametrize(
    ("route", "city", "district"),
    [
        # 85 % of two units at 9,500 is 8,075, more than the cap of 5,700: 1,710 and 3,990
        ("heat_pump", 1_710.0, 3_990.0),
        # 3,000 for the network and 70 % of 3,900 = 2,730, capped at 2,700: 30 % and 70 % of 5,700
        ("gas", 1_710.0, 3_990.0),
        # 85 % of 4,200 = 3,570, capped at 3,500: 1,050 and 2,450
        ("biomass", 1_050.0, 2_450.0),
    ],
)
def test_capital_subsidy_per_household(plan: geoplan.Plan, route: str, city: float, district: float) -> None:
    assert per_household(plan, "subsidy_city_cny", route).tolist() == pytest.approx(
        [city] * (plan.villages["route"] == route).sum()
    )
    assert per_household(plan, "subsidy_district_cny", route).unique() == pytest.approx([district])


def test_connection_fee_is_unstated_and_never_zero(plan: geoplan.Plan) -> None:
    for column in ("subsidy_city_cny", "subsidy_district_cny", "household_capex_cny"):
        assert per_household(plan, column, "district_heating").isna().all(), column


@pytest.mark.parametrize("route", ["heat_pump", "gas", "biomass"])
def test_operating_subsidy_is_split_three_to_seven_under_its_cap(plan: geoplan.Plan, route: str) -> None:
    city = per_household(plan, "subsidy_operating_city_cny_per_a", route)
    district = per_household(plan, "subsidy_operating_district_cny_per_a", route)
    assert (district / city).tolist() == pytest.approx([7 / 3] * len(city))
    assert (city + district).max() <= 1_200 + 1e-6


def test_operating_subsidy_of_a_heat_pump_by_hand(plan: geoplan.Plan) -> None:
    # 60 m2 at 95 W/m2 is 5.7 kW; 24 h x 113 d x 18/25.4 is 1,921.9 h; 55 % of the heat at a factor of 2.6
    kwh = 5.7 * 24 * 113 * 18 / 25.4 * 0.55 / 2.6
    city = per_household(plan, "subsidy_operating_city_cny_per_a", "heat_pump")
    assert city.tolist() == pytest.approx([0.06 * kwh] * len(city))


def test_tasks_beside_the_routes(plan: geoplan.Plan) -> None:
    tasks = plan.policy.efficiency
    assert tasks["farmhouses"].households == 4_141
    assert tasks["urban_buildings"].area_m2 == 516_000
    ends = {m.end.isoformat() for m in plan.policy.milestones.values()}
    assert ends == {"2020-08-06", "2020-10-15", "2020-10-31", "2020-12-31"}


def test_operating_subsidies_last_six_seasons(plan: geoplan.Plan) -> None:
    running = [s for s in plan.policy.subsidies.values() if s.kind == "operating"]
    assert len(running) == 6
    assert {s.years for s in running} == {6}
    assert {r for s in running for r in s.routes} == {"gas", "biomass", *ELECTRIC}
