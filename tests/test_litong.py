"""The example county: the document's totals come out by rule and capacity, and move as a planner expects."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import geoplan
from geoplan.policy import load_policy

ROOT = Path(__file__).parents[1]
COUNTY = ROOT / "layers" / "litong"
NEAR = {"金积镇", "古城镇", "上桥镇", "东塔寺乡", "板桥乡", "郭家桥乡"}


@pytest.fixture(scope="module")
def county():
    return geoplan.read_county(COUNTY)


@pytest.fixture(scope="module")
def plan(county):
    return geoplan.assign(county)


def with_policy(county, text):
    base = (COUNTY / "policy.toml").read_text("utf-8")
    return replace(county, policy=load_policy([("policy.toml", base), ("change.toml", text)]))


def with_layer(county, stem, **columns):
    return replace(county, layers={**county.layers, stem: county.layers[stem].assign(**columns)})


def households(plan):
    return plan.summary["households_by_route"]


def villages(plan):
    return plan.villages.set_index("village_id")


def test_totals_of_the_document(plan):
    found = households(plan)
    assert plan.summary["households"] == 28_500
    assert found["district_heating"] == 11_800
    assert found["gas"] + plan.summary["households_electric"] == 16_700
    assert set(found) <= {"district_heating", "gas", "heat_pump", "electric_storage", "electric_direct"}
    heat = plan.villages[plan.villages.route == "district_heating"]
    by_dwelling = heat.groupby("dwelling")["households"].sum()
    assert by_dwelling.to_dict() == {"apartment": 7_500, "bungalow": 4_300}


def test_by_rule_and_capacity_not_by_lock(plan):
    assert plan.villages["locked_route"].isna().all()
    assert "locked" not in plan.summary["villages_by_decision"]
    assert (plan.villages["reason"].str.len() > 5).all()


def test_no_source_gives_more_than_it_has_and_some_bind(plan):
    sources = plan.sources
    assert (sources["used"] <= sources["capacity"]).all()
    assert plan.summary["villages_by_decision"]["no capacity left"] > 0
    assert households(plan)["gas"] > 0


def test_gas_works_only_where_electricity_is_full(plan):
    gas = plan.villages[plan.villages.route == "gas"]
    assert set(gas["decision"]) == {"no capacity left"}
    assert gas["reason"].str.contains("余量").all()


def test_the_heat_demand_of_the_corridor_is_some_71_mw(plan):
    heat = plan.villages[plan.villages.route == "district_heating"]
    assert 0.9 * heat["heat_load_kw"].sum() / 1000 == pytest.approx(71.0, abs=1.0)


def test_break_even_separates_the_villages_of_the_town_that_is_in_both_corridors(plan):
    """Inside 金积镇 no rule names a village: the length of the connection decides alone."""
    town = plan.villages[(plan.villages.town == "金积镇") & (plan.villages.households > 0)]
    on = town["route"] == "district_heating"
    assert on.any()
    assert (~on).any()
    assert ((town["heat_connection_m"] <= town["break_even_m"]) == on).all()
    assert town.loc[~on, "reason"].str.contains("盈亏平衡|不论接入多短").all()


def test_the_network_serves_the_near_towns_only(plan):
    heat = plan.villages[plan.villages.route == "district_heating"]
    assert set(heat["town"]) == NEAR


def test_the_other_reading_of_the_document():
    other = geoplan.assign(geoplan.read_county(COUNTY, overlays=["bungalows_off_the_pipe"]))
    found = households(other)
    assert found["district_heating"] == 7_500
    assert found["gas"] + other.summary["households_electric"] == 21_000
    heat = other.villages[other.villages.route == "district_heating"]
    assert set(heat["dwelling"]) == {"apartment"}


def test_half_the_heat_serves_fewer_and_says_so(county, plan):
    source = county.layers["heat_sources"]
    half = geoplan.assign(with_layer(county, "heat_sources", capacity_mw=source["capacity_mw"] / 2))
    assert households(half)["district_heating"] < households(plan)["district_heating"]
    lost = villages(half)[
        (villages(plan)["route"] == "district_heating") & (villages(half)["route"] != "district_heating")
    ]
    assert len(lost)
    assert set(lost["decision"]) <= {"no capacity left", "deferred"}
    assert lost["reason"].str.contains("申能吴忠热电").all()
    kept = villages(half)[villages(half)["route"] == "district_heating"]
    assert kept.groupby("dwelling")["households"].sum()["apartment"] > kept.groupby("dwelling")[
        "households"
    ].sum().get("bungalow", 0)


def test_without_day_volume_nobody_gets_gas(county, plan):
    none = geoplan.assign(with_layer(county, "gas_stations", capacity_m3_per_day=0.0))
    assert "gas" not in households(none)
    moved = villages(plan)["route"] == "gas"
    assert villages(none).loc[moved, "reason"].str.contains("门站").all()


def test_gas_first_gives_more_gas(county, plan):
    first = geoplan.assign(with_policy(county, 'order = ["district_heating", "gas", "heat_pump"]'))
    assert households(first)["gas"] > households(plan)["gas"]
    assert "first choice" in set(villages(first)[villages(first)["route"] == "gas"]["decision"])


def test_dearer_pipes_connect_fewer(county, plan):
    prices = [3 * p for p in county.policy.network.heat.pipes.cny_per_m]
    dear = geoplan.assign(with_policy(county, f"[network.heat.pipes]\ncny_per_m = {prices}"))
    assert households(dear)["district_heating"] < households(plan)["district_heating"]
    worth = villages(plan)["break_even_m"] > 0
    assert (villages(dear).loc[worth, "break_even_m"] < villages(plan).loc[worth, "break_even_m"]).all()


def test_a_longer_gas_limit_reaches_more(county, plan):
    def reached(p):
        options = p.options[p.options.route == "gas"]
        return (~options["infeasible_because"].str.contains("gas_main_distance")).sum()

    near = geoplan.assign(with_policy(county, "[rules.gas_main_distance]\nmax = 500"))
    assert reached(near) < reached(plan)


def test_groups_share_one_route(plan):
    grouped = plan.villages.dropna(subset="group_id").groupby("group_id")["route"].nunique()
    assert (grouped == 1).all()


def test_subsidies_are_those_of_the_document(plan):
    """3,500 + 1,800 CNY a household, 1,700 left to the household: 28,500 households."""
    money = plan.summary["money_cny"]
    assert money["subsidy_central_cny"] == pytest.approx(28_500 * 3_500)
    assert money["subsidy_district_cny"] == pytest.approx(28_500 * 1_800)
    assert money["household_capex_cny"] == pytest.approx(28_500 * 1_700)


def test_every_number_of_the_county_policy_has_a_source(county):
    bare = [
        path
        for path, origin in county.policy.origins.items()
        if origin.file == "policy.toml" and not origin.source
        if path not in {"title", "county", "document", "crs", "year", "order"}
        if not isinstance(_at(county.policy, path), dict)
    ]
    assert [p for p in bare if isinstance(_at(county.policy, p), int | float)] == []


def _at(policy, path):
    value = policy.model_dump(by_alias=True)
    for key in path.split("."):
        value = value[key] if isinstance(value, dict) and key in value else {}
    return value


def test_made_data_is_marked(plan):
    made = plan.villages["provenance"].str.startswith("illustrative")
    assert made.any()
    for stem in ("heat_mains", "gas_mains", "gas_stations", "substations", "roads"):
        assert plan.layers[stem]["provenance"].str.startswith("illustrative").all(), stem


def test_reasons_are_structured_too(plan):
    for text in plan.options["infeasible_because"]:
        for found in json.loads(text) if text else ():
            assert {"code", "text", "measured", "limit", "unit"} <= set(found)
