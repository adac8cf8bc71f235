"""Shuocheng: the document's households, villages and towns of every route come out by rule, not by lock."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import geoplan
from geoplan.cascade import cascade
from geoplan.funding import funding_table, scope_totals
from geoplan.model import County, Plan
from geoplan.options import price_options
from geoplan.policy import load_policy
from geoplan.published import load_published
from geoplan.reconcile import reconcile, unexplained

ROOT = Path(__file__).parents[1]
COUNTY = ROOT / "layers" / "shuocheng"
POLICY = (COUNTY / "policy.toml").read_text("utf-8")
RURAL = {  # route: households, villages, towns
    "district_heating": (8_051, 2, {"北旺庄街道"}),
    "electric_station": (5_489, 11, {"北旺庄街道", "小平易乡", "神头镇", "下团堡乡"}),
    "heat_pump": (1_863, 6, {"下团堡乡"}),
    "solar_plus": (8_436, 36, {"下团堡乡", "北旺庄街道", "小平易乡", "神头镇", "神头街道"}),
    "gas": (10_882, 18, {"下团堡乡", "北旺庄街道", "小平易乡", "神头镇", "南城街道"}),
    "biomass": (
        5_869,
        109,
        {
            "下团堡乡", "小平易乡", "神头街道", "神头镇", "窑子头乡", "南榆林乡", "利民镇", "滋润乡",
            "张蔡庄乡", "沙塄河乡",
        },
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def county() -> County:
    return geoplan.read_county(COUNTY)


@pytest.fixture(scope="module")
def plan(county: County) -> Plan:
    return geoplan.assign(county)


def with_policy(county: County, text: str) -> County:
    return replace(county, policy=load_policy([("policy.toml", POLICY), ("change.toml", text)]))


def with_layer(county: County, stem: str, **columns: Any) -> County:
    return replace(county, layers={**county.layers, stem: county.layers[stem].assign(**columns)})


def routes(county: County) -> pd.Series:
    return cascade(price_options(county), policy=county.policy).route


def rural(plan: Plan) -> pd.DataFrame:
    return plan.villages[plan.villages["area_class"] == "rural"]


# --- the document's figures -------------------------------------------------------------------------


def test_built_up_area_is_all_district_heating(plan: Plan) -> None:
    rows = plan.villages[plan.villages["area_class"] == "built_up"]
    assert set(rows["route"]) == {"district_heating"}
    assert rows.groupby("town")["households"].sum().to_dict() == {
        "北旺庄街道": 2_083, "南城街道": 1_462, "北城街道": 1_973,
    }  # fmt: skip
    assert rows["households"].sum() == 5_518


@pytest.mark.parametrize("route", RURAL)
def test_households_villages_and_towns_of_a_route(plan: Plan, route: str) -> None:
    households, villages, towns = RURAL[route]
    rows = rural(plan)[rural(plan)["route"] == route]
    assert (rows["households"].sum(), len(rows)) == (households, villages)
    assert set(rows["town"]) == towns


def test_six_routes_make_all_of_the_rural_households(plan: Plan) -> None:
    assert set(rural(plan)["route"]) == set(RURAL)
    assert rural(plan)["households"].sum() == sum(n for n, *_ in RURAL.values()) == 40_590
    assert plan.villages["households"].sum() == 46_108


def test_the_two_places_on_district_heating(plan: Plan) -> None:
    rows = rural(plan)[rural(plan)["route"] == "district_heating"].set_index("name")
    assert rows["households"].to_dict() == {"南邢家河片区": 6_651, "七里河村": 1_400}


def test_median_size_falls_in_the_order_of_the_document(plan: Plan) -> None:
    median = rural(plan).groupby("route")["households"].median()
    assert min(median["gas"], median["electric_station"]) > median["heat_pump"]
    assert median["heat_pump"] > median["solar_plus"] > median["biomass"]


# --- by rule, not by lock ---------------------------------------------------------------------------


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for key, part in value.items():
            if key not in ("source", "range"):
                yield from numbers(part)
    elif isinstance(value, list):
        for part in value:
            yield from numbers(part)
    elif isinstance(value, int | float):
        yield value


def test_policy_has_no_lock_no_village_and_no_total_of_households(plan: Plan) -> None:
    values = tomllib.loads(POLICY)
    printed = load_published("published.toml", (COUNTY / "published.toml").read_text("utf-8")).numbers
    totals = {float(n.value) for n in printed if n.unit == "户" and n.value != "unstated"}
    assert len(totals) >= 13
    assert totals.isdisjoint(numbers(values))
    assert not re.search("|".join(rf"\b{total:.0f}\b" for total in totals), POLICY)
    assert "lock" not in POLICY
    assert not re.search(r"\d{12}", POLICY)
    names = set(plan.villages["name"])
    for section in ("rules", "subsidies", "funding", "equipment"):
        for entry in values[section].values():
            where = {
                entry.get("column"): [*entry.get("in", ()), *entry.get("not_in", ())],
                **entry.get("where", {}),
            }
            assert {"name", "village_id"}.isdisjoint(where)
            assert names.isdisjoint(str(value) for listed in where.values() for value in listed)


def test_no_village_is_locked_and_every_one_has_its_reason(plan: Plan) -> None:
    assert plan.villages["locked_route"].isna().all()
    assert set(plan.villages["decision"]) == {"first choice", "no capacity left"}
    assert (plan.villages["reason"].str.len() > 5).all()


def thresholds() -> dict[str, float]:
    """Every numeric threshold of the district's own rules, and the reach of biomass, by key."""
    policy = load_policy([("policy.toml", POLICY)])
    found = {
        f"rules.{name}.{bound}": getattr(rule, bound)
        for name, rule in policy.rules.items()
        for bound in ("min", "max")
        if getattr(rule, bound) is not None and policy.origins[f"rules.{name}"].file == "policy.toml"
    }
    return found | {"network.biomass.radius_m": policy.network.biomass.radius_m}


THRESHOLDS = thresholds()
ONE_WAY = {("network.biomass.radius_m", 1.2)}
"""Nothing moves when biomass reaches farther: it reaches every village already."""


def test_thresholds_are_round_and_sourced() -> None:
    assert len(THRESHOLDS) == 6
    policy = load_policy([("policy.toml", POLICY)])
    for key, value in THRESHOLDS.items():
        assert value % 50 == 0
        assert len(policy.source_of(key)) > 10
        assert policy.origins[key].file == "policy.toml"


@pytest.mark.parametrize("factor", [0.8, 1.2])
@pytest.mark.parametrize("key", THRESHOLDS)
def test_a_threshold_moved_by_a_fifth_moves_villages(
    county: County, plan: Plan, key: str, factor: float
) -> None:
    section, _, name = key.rpartition(".")
    changed = routes(with_policy(county, f"[{section}]\n{name} = {THRESHOLDS[key] * factor}"))
    kept = plan.villages.set_index("village_id")["route"]
    moved = changed.index[changed != kept.reindex(changed.index)]
    assert (len(moved) == 0) == ((key, factor) in ONE_WAY)


@pytest.mark.parametrize(
    ("stem", "column"),
    [
        ("heat_sources", "capacity_mw"),
        ("gas_stations", "capacity_m3_per_day"),
        ("substations", "spare_kva"),
        ("biomass_supply", "capacity_t_per_a"),
    ],
)
def test_a_capacity_cut_in_half_moves_villages(county: County, plan: Plan, stem: str, column: str) -> None:
    cut = county.layers[stem][column] * 0.5
    none = {"upgrade_kva": 0} if stem == "substations" else {}
    kept = plan.villages.set_index("village_id")["route"]
    changed = routes(with_layer(county, stem, **{column: cut}, **none))
    assert (changed != kept.reindex(changed.index)).any()


def test_gas_works_where_the_grid_is_full(plan: Plan) -> None:
    gas = plan.villages[plan.villages["route"] == "gas"]
    assert set(gas["decision"]) == {"no capacity left"}
    assert (plan.sources["used"] <= plan.sources["capacity"]).all()


def test_clean_coal_takes_whom_the_others_do_not_reach(county: County) -> None:
    far = routes(with_policy(county, "[network.biomass]\nradius_m = 5000"))
    assert (far == "clean_coal").any()
    assert (
        not far[far == "clean_coal"]
        .index.isin(county.villages.loc[county.villages["households"] >= 400, "village_id"])
        .any()
    )


# --- money ------------------------------------------------------------------------------------------


def test_central_money_of_the_routes_whose_rate_is_stated(plan: Plan) -> None:
    table = funding_table(plan.villages, plan.policy)
    central = {
        "district_heating": 563.57,
        "electric_station": 2_470.05,
        "solar_plus": 6_833.16,
        "biomass": 410.83,
    }
    for route, wan in central.items():
        assert table.at[route, "central"] == pytest.approx(wan, abs=0.005)
    totals = scope_totals(table)
    assert totals.at["标准已定的四项", "central"] == pytest.approx(10_277.61, abs=0.005)
    assert totals.at["标准已定的四项", "city"] == pytest.approx(0.02 * (8_051 + 5_489 + 8_436 + 5_869))


def test_what_the_document_leaves_open_is_not_taken_as_nothing(plan: Plan) -> None:
    table = funding_table(plan.villages, plan.policy)
    assert table.loc[["heat_pump", "gas"], ["central", "city"]].isna().all(axis=None)
    totals = scope_totals(table).loc["农村地区合计"]
    assert pd.isna(totals["central"])
    assert totals["stated_total"] == pytest.approx(10_277.61 + 556.90, abs=0.005)
    open_ = plan.villages["route"].isin(["gas", "heat_pump"])
    assert plan.villages["subsidy_central_cny"].isna().tolist() == open_.tolist()


def test_rates_per_household_and_item(plan: Plan) -> None:
    rows = rural(plan).set_index("route")
    for route, central in {
        "district_heating": 700,
        "electric_station": 4_500,
        "solar_plus": 8_100,
        "biomass": 700,
    }.items():
        per_household = rows.loc[route, "subsidy_central_cny"] / rows.loc[route, "households"]
        assert per_household.tolist() == pytest.approx([central] * RURAL[route][1])
    built_up = plan.villages[plan.villages["area_class"] == "built_up"]
    assert (built_up[["subsidy_central_cny", "subsidy_city_cny"]] == 0).all(axis=None)


def test_the_other_reading_pays_for_the_built_up_area_too(county: County) -> None:
    text = (COUNTY / "scenarios" / "built_up_too.toml").read_text("utf-8")
    plan = geoplan.assign(with_policy(county, text))
    totals = scope_totals(funding_table(plan.villages, plan.policy))
    assert totals.at["标准已定的四项", "central"] == pytest.approx(10_663.87, abs=0.005)


# --- the rest ---------------------------------------------------------------------------------------


def test_every_published_number_is_met_or_explained(plan: Plan) -> None:
    published = load_published("published.toml", (COUNTY / "published.toml").read_text("utf-8"))
    rows = reconcile(plan.villages, plan.policy, published)
    assert unexplained(rows) == 0
    assert not [row["what"] for row in rows if row["status"] == "differs"]
    assert sum(row["status"] == "equal" for row in rows) >= 55
    central = next(row for row in rows if row["published"] is None and row["computed"] == 10_277.61)
    assert central["basis"] == "computed"
    assert {row["basis"] for row in rows if row["place"].startswith("推算") and row["published"]} == {
        "derived"
    }
    assert {row["what"] for row in rows if row["status"] == "not stated"} >= {
        "清洁煤过渡户数",
        "清洁煤补贴标准",
    }


def test_a_threshold_too_high_is_not_explained_in_advance(county: County) -> None:
    plan = geoplan.assign(with_policy(county, "[rules.solar_village_size]\nmin = 500.0\n"))
    wrong = {row["what"]: row for row in plan.summary["reconciliation"] if row["status"] == "differs"}
    assert wrong["“太阳能+”户数"]["published"] == 8_436
    assert not any(row["because"] for row in wrong.values())
    assert plan.summary["unexplained"] == len(wrong) >= 4


def test_the_station_in_the_standard_under_this_name_is_not_used(county: County) -> None:
    climate = county.policy.climate
    assert "大同" in climate.station
    assert (climate.outdoor_design_c, climate.season_days) == (-16.3, 163)
    assert "右玉" in county.policy.source_of("climate.outdoor_design_c")
    assert {county.policy.routes[r].efficiency for r in ("heat_pump", "electric_station", "solar_plus")} == {
        2.0
    }
