"""Who pays what for a village and a route: the documents' own rates, and purses worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point

from geoplan.emissions import POLLUTANTS, avoided_column, emissions_by_carrier
from geoplan.errors import PolicyError
from geoplan.finance import annuity, by_item, by_level, capital_subsidies
from geoplan.household import equipment, old_stove_until
from geoplan.options import price_options
from geoplan.planner import assign
from geoplan.policy import load_policy
from geoplan.provisions import LEVELS
from geoplan.season import exposure, operating_subsidy
from tests.worlds import corridor, county, substation, village

#: Rates of a plan document that pays by item, and leaves gas and household devices open.
BY_ITEM = (
    """
order = ["district_heating", "electric_station", "solar_plus", "biomass", "gas", "heat_pump"]
[routes.electric_station.capex.cooker]
cny_per_household = 250
lifetime_a = 8
payer = "household"
[routes.solar_plus.capex.cooker]
cny_per_household = 250
lifetime_a = 8
payer = "household"
"""
    + "".join(
        f"[routes.{route}.capex.curtain]\ncny_per_household = 200\nlifetime_a = 8\npayer = 'household'\n"
        for route in ("district_heating", "electric_station", "solar_plus", "biomass")
    )
    + """
[subsidies.heating]
level = "central"
routes = ["district_heating"]
of = ["indoor"]
cny_per_household = 700
[subsidies.station]
level = "central"
routes = ["electric_station"]
of = ["indoor"]
cny_per_household = 4300
[subsidies.solar]
level = "central"
routes = ["solar_plus"]
of = ["device"]
cny_per_household = 7900
[subsidies.cooker]
level = "central"
routes = ["electric_station", "solar_plus"]
of = ["cooker"]
cny_per_household = 200
[subsidies.stove]
level = "central"
routes = ["biomass"]
of = ["stove"]
cny_per_household = 700
[subsidies.curtain]
level = "city"
routes = ["district_heating", "electric_station", "solar_plus", "biomass"]
of = ["curtain"]
cny_per_household = 200
[subsidies.open]
level = "central"
routes = ["gas", "heat_pump"]
cny_per_household = "unstated"
"""
)


def priced(rows, text=""):
    found = county(rows, text, substations=[substation(1e7)])
    return price_options(found).table


def option(text="", route="heat_pump", households=100, **more):
    return priced([village(1, 100, 0, households, **more)], text).loc[("V01", route)]


# --- capital --------------------------------------------------------------------------------------


def test_money_by_item_comes_out_to_the_wan():
    """8,051 x 700 + 5,489 x 4,500 + 8,436 x 8,100 + 5,869 x 700 = 10,277.61 万元, curtains apart."""
    households = {"district_heating": 8051, "electric_station": 5489, "solar_plus": 8436, "biomass": 5869}
    rows = [village(i, 100 * i, 0, n) for i, n in enumerate(households.values())]
    table = priced(rows, BY_ITEM)
    taken = table.loc[[(f"V{i:02d}", route) for i, route in enumerate(households)]]
    assert taken["subsidy_central_cny"].sum() == pytest.approx(102_776_100, abs=1e-3)
    assert taken["subsidy_city_cny"].sum() == pytest.approx(200 * sum(households.values()), abs=1e-3)
    assert taken["subsidy_central_cny"].tolist() == pytest.approx(
        [8051 * 700, 5489 * 4500, 8436 * 8100, 5869 * 700]
    )
    solar = taken.loc[("V02", "solar_plus")]
    assert solar["household_capex_cny"] == pytest.approx(8436 * (15_500 + 250 + 200 - 8100 - 200))


def test_an_amount_left_open_is_never_nothing():
    gas = option(BY_ITEM, "gas")
    assert math.isnan(gas["subsidy_central_cny"])
    assert math.isnan(gas["household_capex_cny"])
    assert gas["household_capex_unsubsidised_cny"] == pytest.approx(390_000)
    assert gas["subsidy_city_cny"] == 0
    assert gas["enterprise_capex_cny"] == pytest.approx(550_000)


def test_an_amount_left_open_for_some_villages_is_known_for_the_others():
    text = BY_ITEM + "[subsidies.open.where]\ntown = ['乙镇']\n"
    table = priced([village(1, 0, 0), village(2, 0, 0, town="乙镇"), village(3, 0, 0, 0, town="乙镇")], text)
    central = table.xs("gas", level=1)["subsidy_central_cny"]
    assert central.isna().tolist() == [False, True, False]


def test_a_plan_with_an_open_amount_says_so_in_its_totals():
    plan = assign(county([village(1, 0, 0, 100)], 'order = ["heat_pump"]\n' + BY_ITEM.split("\n", 2)[2]))
    money = plan.summary["money_cny"]
    assert (money["subsidy_central_cny"], money["household_capex_cny"]) == (None, None)
    assert plan.summary["money_stated_cny"]["subsidy_central_cny"] == 0
    assert money["household_capex_unsubsidised_cny"] == pytest.approx(950_000)
    assert plan.villages["household_capex_cny"].isna().all()
    season = plan.summary["affordability"]["by_route"]["heat_pump"]
    assert season["self_pay_cny"] is None
    assert season["with_subsidy"]["cost_cny_per_season"] > 0


SHARES = """
[subsidies.device]
level = "city"
routes = ["heat_pump"]
share = 0.85
cap_cny_per_household = 5700
[subsidies.boiler]
level = "city"
routes = ["gas"]
of = ["boiler"]
share = 0.7
cap_cny_per_household = 2700
[subsidies.network]
level = "district"
routes = ["gas"]
of = ["village_network"]
cny_per_household = 3000
[routes.heat_pump.capex.device]
cny_per_unit = {price}
unit_m2 = 60
"""


@pytest.mark.parametrize(("price", "paid"), [(6000, 5100), (6700, 5695), (8000, 5700)])
def test_a_share_of_the_cost_up_to_a_cap(price, paid):
    found = option(SHARES.format(price=price))
    assert found["subsidy_city_cny"] == pytest.approx(100 * paid)
    assert found["household_capex_cny"] == pytest.approx(100 * (price - paid))


def test_a_subsidy_for_what_a_company_builds_lowers_what_the_company_pays():
    gas, bare = option(SHARES.format(price=7000), "gas"), option("", "gas")
    assert gas["household_capex_cny"] == pytest.approx(100 * (3900 - 2700))
    assert gas["enterprise_capex_cny"] == pytest.approx(100 * (5500 - 3000))
    saved = bare["operator_gap_cny_per_a"] - gas["operator_gap_cny_per_a"]
    assert saved == pytest.approx(300_000 * annuity(0.06, 25))


def test_a_subsidy_by_area_stops_at_its_area():
    text = """
[subsidies.a]
level = "city"
routes = ["district_heating"]
of = ["indoor"]
cny_per_m2 = 40
area_max_m2 = 60
"""
    assert option(text, "district_heating")["subsidy_city_cny"] == pytest.approx(100 * 60 * 40)
    assert option(text, "district_heating", floor_area_m2=50.0)["subsidy_city_cny"] == pytest.approx(
        100 * 50 * 40
    )


def test_the_subsidy_that_names_fewer_items_is_paid_first():
    """A general subsidy that would pay for everything leaves the curtain to the one that names it."""
    text = (
        BY_ITEM
        + """
[subsidies.general]
level = "district"
routes = ["biomass"]
cny_per_household = 100000
"""
    )
    found = option(text, "biomass")
    assert found["subsidy_city_cny"] == pytest.approx(100 * 200)
    assert found["subsidy_central_cny"] == pytest.approx(100 * 700)
    assert found["subsidy_district_cny"] == pytest.approx(100 * (4200 - 700))
    assert found["household_capex_cny"] == pytest.approx(0, abs=1e-6)


LATER = """
[subsidies.a]
level = "central"
routes = ["heat_pump"]
cny_per_household = 3500
first_year = 2022
"""


@pytest.mark.parametrize(
    ("year", "paid"),
    [
        ("", 350_000),
        ("year = 2021\n", 0),
        ("year = 2022\n", 350_000),
        ("year = 2023\n[phasing]\nyears = [2021]\n", 0),
        ("year = 2021\n[targets.by_year]\n2022 = 60\n2023 = 40\n", 350_000),
    ],
)
def test_a_subsidy_begins_in_its_first_year(year, paid):
    assert option(year + LATER)["subsidy_central_cny"] == pytest.approx(paid)


@pytest.mark.parametrize(
    "years",
    [
        "[phasing]\nyears = [2021, 2022]\n",
        "[targets.by_year]\n2021 = 60\n2023 = 40\n",
        "[budgets.a]\npayer = 'city'\nwan_cny_by_year = { 2021 = 9, 2022 = 9 }\n",
    ],
)
def test_a_subsidy_cannot_begin_amid_the_planned_years(years):
    with pytest.raises(PolicyError, match=r"subsidies.a.first_year: 2022 parts .*; plan the years before"):
        option(years + LATER)


def test_only_the_villages_meant_are_paid():
    text = """
[subsidies.a]
level = "central"
routes = ["heat_pump"]
cny_per_household = 3500
[subsidies.a.where]
town = ["甲镇"]
urban_fringe = [true]
"""
    rows = [
        village(1, 0, 0, urban_fringe=True),
        village(2, 0, 0),
        village(3, 0, 0, town="乙镇", urban_fringe=True),
    ]
    found = priced(rows, text).xs("heat_pump", level=1)["subsidy_central_cny"]
    assert found.tolist() == [3500 * 300, 0, 0]


# --- the season -----------------------------------------------------------------------------------

POWER = """
[subsidies.power]
level = "district"
kind = "operating"
routes = ["heat_pump"]
cny_per_kwh = 0.2
threshold_units = 500
cap_units = 5000
"""


def test_the_season_with_and_without_subsidy():
    found = option(POWER)
    bare = found["household_cost_unsubsidised_cny_per_season"]
    kwh = bare / 0.45
    assert 500 < kwh < 5000
    assert found["household_cost_cny_per_season"] == pytest.approx(bare - 0.2 * (kwh - 500))
    assert found["subsidy_operating_cny_per_a"] == pytest.approx(100 * 0.2 * (kwh - 500))
    assert found["subsidy_operating_district_cny_per_a"] == found["subsidy_operating_cny_per_a"]
    assert found["subsidy_operating_city_cny_per_a"] == 0


def test_the_first_season_of_a_taper():
    whole, part = option(POWER), option(POWER + "taper = [0.5, 0.25]\n")
    assert part["subsidy_operating_cny_per_a"] == pytest.approx(0.5 * whole["subsidy_operating_cny_per_a"])


def test_an_operating_subsidy_never_exceeds_the_bill():
    found = option(POWER.replace("cny_per_kwh = 0.2", "cny_per_kwh = 9.0"))
    assert found["household_cost_cny_per_season"] == pytest.approx(0, abs=1e-9)
    assert found["subsidy_operating_cny_per_a"] == pytest.approx(
        100 * found["household_cost_unsubsidised_cny_per_season"]
    )


def test_an_open_operating_subsidy_leaves_the_season_open_and_the_bare_one_known():
    found = option(POWER.replace("cny_per_kwh = 0.2", "cny_per_kwh = 'unstated'"))
    assert math.isnan(found["household_cost_cny_per_season"])
    assert math.isnan(found["subsidy_operating_district_cny_per_a"])
    assert found["household_cost_unsubsidised_cny_per_season"] > 0
    assert (found["affordability"], found["affordability_unsubsidised"]) == ("", "green")


TARIFF = """
[tariffs.night]
carrier = "electricity"
routes = ["heat_pump", "electric_storage"]
voluntary = {voluntary}
[tariffs.night.periods.peak]
hours = ["08:00-20:00"]
price_cny = 0.5769
[tariffs.night.periods.valley]
hours = ["20:00-08:00"]
price_cny = 0.3469
[tariffs.night.use.electric_storage]
peak = 0.1
valley = 0.9
"""


@pytest.mark.parametrize(
    ("route", "voluntary", "price"),
    [
        ("heat_pump", "false", 0.4619),
        ("heat_pump", "true", 0.45),
        ("electric_storage", "false", 0.3699),
        ("electric_storage", "true", 0.3699),
        ("electric_direct", "false", 0.45),
    ],
)
def test_a_time_of_use_tariff_in_the_bill(route, voluntary, price):
    flat, found = option("", route), option(TARIFF.format(voluntary=voluntary), route)
    factor = 0.75 if route == "electric_storage" else 1.0
    bare = flat["household_cost_cny_per_season"]
    assert found["household_cost_cny_per_season"] == pytest.approx(bare / (0.45 * factor) * price)
    assert found["annual_cost_cny"] == pytest.approx(flat["annual_cost_cny"])


@pytest.mark.parametrize(
    ("lasts", "seasons"),
    [("years = 2\n", [200, 200, 0]), ("taper = [0.5, 1.0]\n", [100, 200, 0]), ("", [200, 200, 200])],
)
def test_seasons_that_are_paid(lasts, seasons):
    use = pd.Series([1500.0])
    policy = load_policy([("p.toml", POWER + lasts)])
    paid = [
        operating_subsidy(use, use.to_frame(), route="heat_pump", policy=policy, season=n) for n in range(3)
    ]
    assert [p["district"].item() for p in paid] == seasons


def test_exposure_in_both_readings():
    """(5,000 - 500) x 0.2 or 5,000 x 0.2, times 4,708 households."""
    policy = load_policy([("p.toml", POWER)])
    assert exposure(policy, "power", 4708) == pytest.approx(4_237_200)
    assert exposure(policy, "power", 4708, threshold_mode="trigger") == pytest.approx(4_708_000)


@pytest.mark.parametrize("name", ["powr", "device", "fuel"])
def test_no_exposure_without_a_cap(name):
    text = (
        POWER
        + SHARES.format(price=7000)
        + """
[subsidies.fuel]
level = "city"
kind = "operating"
routes = ["biomass"]
cny_per_unit = 600
"""
    )
    with pytest.raises(PolicyError, match=f"{name}.*(cap|name one of power, fuel)"):
        exposure(load_policy([("p.toml", text)]), name, 10)


# --- companies ------------------------------------------------------------------------------------


def test_the_gap_of_a_heat_company_by_hand():
    """100 houses of 100 m² at 105 W/m²: 1,050 kW, 3,500 m inside the village, heat bought at 30 CNY/GJ."""
    plan = assign(corridor([100, 1200]))
    found = plan.options.set_index(["village_id", "route"]).loc[("V00", "district_heating")]
    heat_kwh = 1050 * 24 * 145 * (18 + 3.2) / (18 + 13.1)
    bought = heat_kwh / (0.96 * 0.88) * 0.0036 * 30
    yearly = 3500 * 360 * (annuity(0.06, 25) + 0.02) + 1050 * 200 * (annuity(0.06, 20) + 0.02)
    pipe = found["pipe_cny"] * (annuity(0.06, 25) + 0.01)
    assert found["pipe_cny"] > 0
    assert found["operator_gap_cny_per_a"] == pytest.approx(yearly + pipe + bought - 100 * 100 * 20)
    assert found["enterprise_capex_cny"] == pytest.approx(3500 * 360 + 1050 * 200 + found["pipe_cny"])


def test_where_households_buy_the_energy_only_the_grid_is_a_gap():
    found = option()
    assert found["enterprise_capex_cny"] == pytest.approx(650_000)
    assert found["operator_gap_cny_per_a"] == pytest.approx(650_000 * (annuity(0.06, 25) + 0.02))


def test_where_nobody_but_the_households_invests_there_is_no_gap():
    assert str(option("", "biomass")["operator_gap_cny_per_a"]) == "0.0"


@pytest.mark.parametrize("voluntary", ["false", "true"])
def test_a_time_of_use_tariff_is_no_loss_of_a_company(voluntary):
    for route in ("heat_pump", "electric_storage"):
        gap = option(TARIFF.format(voluntary=voluntary), route)["operator_gap_cny_per_a"]
        assert gap == pytest.approx(option("", route)["operator_gap_cny_per_a"])


def test_a_company_that_sells_below_its_price_has_a_gap():
    cheap = option("[carriers.gas]\nhousehold_price_cny = 2.0\n", "gas")
    bare = option("", "gas")
    units = bare["household_cost_cny_per_season"] / 2.6 * 100
    assert cheap["operator_gap_cny_per_a"] - bare["operator_gap_cny_per_a"] == pytest.approx(0.6 * units)


def test_a_substation_upgrade_is_the_companys():
    upgrade = {"upgrade_kva": 10_000.0, "upgrade_cost_cny_per_kva": 500.0}
    base = county(
        [village(1, 0, 0, 100)], 'order = ["heat_pump"]', substations=[substation(100.0, **upgrade)]
    )
    plan = assign(base)
    found = plan.options.set_index("route").loc["heat_pump"]
    paid = (found["capacity_use"] - 100.0) * 500.0
    assert found["enterprise_capex_cny"] == pytest.approx(650_000 + paid)
    yearly = 650_000 * (annuity(0.06, 25) + 0.02) + paid * annuity(0.06, 25)
    assert found["operator_gap_cny_per_a"] == pytest.approx(yearly)


# --- what holds always ----------------------------------------------------------------------------

ITEMS = ("device", "grid")
AMOUNTS = st.one_of(st.floats(0, 20_000), st.just("unstated"))
SUBSIDIES = st.lists(
    st.fixed_dictionaries(
        {
            "level": st.sampled_from(LEVELS),
            "of": st.lists(st.sampled_from(ITEMS), unique=True),
            "cny_per_household": AMOUNTS,
            "share": st.floats(0, 1),
            "cap_cny_per_household": st.floats(0, 20_000),
        }
    ),
    max_size=5,
)


def as_toml(subsidies):
    parts = []
    for number, subsidy in enumerate(subsidies):
        values = "\n".join(
            f"{key} = {list(v) if isinstance(v, list) else repr(v)}" for key, v in subsidy.items()
        )
        parts.append(f"[subsidies.s{number}]\nroutes = ['heat_pump']\n{values}\n")
    return "".join(parts)


@settings(max_examples=80, deadline=None)
@given(
    SUBSIDIES,
    st.floats(0, 15_000),
    st.floats(0, 15_000),
    st.sampled_from(["", "pct_of_cost", "pct_of_subsidy"]),
)
def test_no_item_gets_more_than_it_costs_and_only_what_is_open_is_open(subsidies, device, grid, rule):
    text = as_toml(subsidies)
    if rule:
        text += f"[low_cost]\nthreshold_cny = 6000\nshare = 0.8\nmode = '{rule}'\n"
    policy = load_policy([("p.toml", text)])
    costs = pd.DataFrame({"device": [10 * device], "grid": [10 * grid]})
    villages = pd.DataFrame({"households": [10], "heated_area_m2": [80.0]})
    granted = capital_subsidies(costs, villages, route="heat_pump", policy=policy)
    items = by_item(granted)
    open_ = {
        (s["level"], item)
        for s in subsidies
        if s["cny_per_household"] == "unstated"
        for item in (s["of"] or ["device"])
        if costs[item][0] > 0
    }
    for item in ITEMS:
        known = [granted[level][item][0] for level in LEVELS if (level, item) not in open_]
        assert min(known, default=0.0) >= 0
        assert sum(known) <= costs[item][0] * (1 + 1e-9) + 1e-6
        assert np.isnan(items[item][0]) == any(i == item for _, i in open_)
    for level in LEVELS:
        assert np.isnan(by_level(granted)[level][0]) == any(lv == level for lv, _ in open_)


@settings(max_examples=15, deadline=None)
@given(SUBSIDIES, st.integers(0, 800), st.floats(40, 200), st.sampled_from([None, 0.0, 0.6]))
def test_the_purses_of_every_option_add_up_to_its_investment(subsidies, households, area, occupancy):
    row = village(1, 300, 200, households, floor_area_m2=area, winter_occupancy=occupancy)
    table = priced([row], as_toml(subsidies))
    purses = table[
        [c for c in table if c.endswith("_cny") and c.startswith(("household", "enterprise", "subsidy"))]
    ]
    seasons = table[[c for c in table if "season" in c or c.startswith("subsidy_operating")]]
    assert not (purses < -1e-6).any(axis=None)
    assert not (seasons < -1e-9).any(axis=None)
    parts = ["household_capex_cny", "enterprise_capex_cny", *(f"subsidy_{level}_cny" for level in LEVELS)]
    total = table[parts].sum(axis=1, skipna=False)
    known = total.notna()
    assert total[known].tolist() == pytest.approx(table.loc[known, "capex_cny"].tolist(), abs=1e-3)
    unstated = any(s["cny_per_household"] == "unstated" for s in subsidies)
    others = table.index.get_level_values(1) != "heat_pump"
    assert purses[others].notna().all(axis=None)
    assert unstated or purses.notna().all(axis=None)
    assert table["household_cost_cny_per_season"].notna().all()


# --- CO2 ------------------------------------------------------------------------------------------

DIRTY = """
order = ["electric_direct"]
[carriers.electricity]
co2_kg = 1.0
"""


def test_a_route_that_raises_co2_is_reported_as_such():
    plan = assign(county([village(1, 0, 0, 100), village(2, 0, 0, 50)], DIRTY))
    row = plan.villages.iloc[0]
    assert row["co2_avoided_t_per_a"] < 0
    assert "高于现用散煤的 532 t/年" in row["reason"]
    assert "散煤" in row["warnings"]
    assert [n for n in plan.provenance["notes"] if "2 个村 150 户" in n and "CO2" in n]
    assert plan.options.set_index("route").loc["electric_direct", "rule"].iloc[0] == "raises_co2"
    assert plan.options["co2_avoided_t_per_a"].notna().all()


def test_a_locked_route_is_told_its_co2_too_and_a_clean_one_has_none():
    locked = village(1, 0, 0, 100, locked_route="electric_direct")
    plan = assign(
        county(
            [locked, village(2, 0, 0, 50)],
            DIRTY.replace("electric_direct", "biomass"),
            biomass_supply=[
                {"source_id": "B", "capacity_t_per_a": 1e5, "geometry": Point(520_000, 4_190_000)}
            ],
        )
    )
    reasons = plan.villages.set_index("village_id")["reason"]
    assert "散煤" in reasons["V01"]
    assert "散煤" not in reasons["V02"]


def test_a_plan_that_lowers_co2_says_nothing():
    plan = assign(county([village(1, 0, 0, 100)], 'order = ["heat_pump"]'))
    assert plan.villages["co2_avoided_t_per_a"].item() > 0
    assert not [n for n in plan.provenance["notes"] if "CO2" in n]


def test_emissions_by_carrier_add_up_to_the_plans():
    rows = [
        village(1, 0, 0, 100),
        village(2, 0, 0, 50, locked_route="gas"),
        village(3, 0, 0, 70, locked_route="deferred"),
    ]
    plan = assign(corridor([100, 1200]))
    waits = assign(county([rows[0], rows[2]], 'order = ["heat_pump"]'))
    for each in (plan, waits):
        found = emissions_by_carrier(each.villages, each.policy)
        for column in POLLUTANTS:
            mine = found[found["pollutant"] == column.partition("_")[0]]
            assert mine["after"].sum() == pytest.approx(each.villages[column].sum())
            assert mine["avoided"].sum() == pytest.approx(each.villages[avoided_column(column)].sum())
            assert set(mine["unit"]) == {"t/a" if column.startswith("co2") else "kg/a"}
        assert (found["source"] != "").all()
    coal = emissions_by_carrier(waits.villages, waits.policy).query(
        "carrier == 'coal' and pollutant == 'co2'"
    )
    assert coal["before"].item() == pytest.approx(170 * 2.8 * 1.9)
    assert coal["after"].item() == pytest.approx(70 * 2.8 * 1.9)


# --- rows without a place, devices, old stoves ----------------------------------------------------

LOST = {"geometry": Point(), "unlocated": True}


def test_a_row_without_a_place_gets_the_route_that_the_document_gives_it():
    text = """
order = ["district_heating", "heat_pump", "biomass"]
unlocated_route = {value = "heat_pump", source = "附件：交通部门 16 户列煤改电", confidence = "S-H"}
"""
    rows = [
        village(1, 0, 0, 16, **LOST),
        village(2, 0, 0, 10, locked_route="biomass", lock_reason="已招标", **LOST),
    ]
    plan = assign(
        county(
            rows,
            text + "[subsidies.a]\nlevel='central'\nroutes=['heat_pump']\ncny_per_household=1000\n",
            biomass_supply=[
                {"source_id": "B", "capacity_t_per_a": 1e5, "geometry": Point(520_000, 4_190_000)}
            ],
        )
    )
    row = plan.villages.iloc[0]
    assert (row["route"], row["decision"]) == ("heat_pump", "locked")
    assert pd.isna(row["locked_route"])  # the input column is as the planner wrote it
    assert plan.villages["locked_route"].iloc[1] == "biomass"
    assert "交通部门" in row["reason"]
    assert plan.summary["households_by_route"]["heat_pump"] == 16
    assert row["subsidy_central_cny"] == 16_000


def test_without_a_route_for_them_the_run_says_how_to_give_one():
    plan = assign(county([village(1, 0, 0, 16, **LOST), village(2, 0, 0, 20)], 'order = ["heat_pump"]'))
    assert [n for n in plan.provenance["notes"] if "1 行" in n and "unlocated_route" in n]
    assert plan.villages["locked_route"].isna().all()
    there = assign(county([village(2, 0, 0, 20)], 'order = ["heat_pump"]'))
    assert not [n for n in there.provenance["notes"] if "unlocated_route" in n]


DEVICES = """
[equipment.movable]
routes = ["heat_pump", "electric_direct"]
movable = true
[equipment.movable.where]
town = ["甲镇"]
[equipment.movable.devices]
"空气源热风机" = 1
"直热式电暖气" = 2
[equipment.boiler]
routes = ["gas"]
min_kw = 15
[equipment.boiler.devices]
"燃气采暖热水炉" = 1
[equipment.cooker]
routes = ["heat_pump"]
[equipment.cooker.devices]
"电磁炉" = 1
"""


def test_devices_of_every_village():
    frame = pd.DataFrame(
        {"route": ["heat_pump", "heat_pump", "gas", "biomass"], "town": ["甲镇", "乙镇", "甲镇", "甲镇"]}
    )
    words = {"movable": "可移动", "min_kw": "不低于 {kw:g} kW", "joiner": "；"}
    assert equipment(frame, load_policy([("p.toml", DEVICES)]), words=words).tolist() == [
        "空气源热风机×1、直热式电暖气×2（可移动）；电磁炉×1",
        "电磁炉×1",
        "燃气采暖热水炉×1（不低于 15 kW）",
        "",
    ]
    plan = assign(county([village(1, 0, 0, 100)], 'order = ["heat_pump"]\n' + DEVICES))
    assert plan.villages["equipment"].item() == "空气源热风机×1、直热式电暖气×2（可移动）；电磁炉×1"


@pytest.mark.parametrize(
    ("seasons", "end", "day"),
    [(1, "04-15", "2024-04-15"), (2, "03-31", "2025-03-31"), (1, "12-31", "2023-12-31"), (0, "04-15", "")],
)
def test_the_old_stove_stays_for_whole_seasons(seasons, end, day):
    text = f"[old_stove]\nroutes = ['heat_pump']\nseasons = {seasons}\nseason_end = '{end}'\n"
    frame = pd.DataFrame(
        {"route": ["heat_pump", "heat_pump", "gas"], "year": pd.array([2023, None, 2023], dtype="Int64")}
    )
    assert old_stove_until(frame, load_policy([("p.toml", text)])).tolist() == [day, "", ""]
    assert old_stove_until(frame, load_policy([])).tolist() == ["", "", ""]


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[subsidies.a]\nlevel='city'\nroutes=['gas']\nshare=0.5\nof=['boilr']",
            "subsidies.a.of.*did you mean 'boiler'",
        ),
        (
            "[subsidies.a]\nlevel='city'\nroutes=['gas', 'biomass']\nshare=0.5\nof=['boiler']",
            "routes.biomass.capex: unknown 'boiler'",
        ),
        ("[subsidies.a]\nlevel='city'\nroutes=['ground_source']\nshare=0.5", "households pay no item"),
        ("[old_stove]\nroutes=['gas']\nseasons=1\nseason_end='04-31'", "no year has the day '04-31'"),
        (TARIFF.format(voluntary="true").replace("electricity", "power"), "tariffs.night.carrier: unknown"),
        (TARIFF.format(voluntary="true").replace('"heat_pump"', '"gas"'), "'gas' uses gas, not electricity"),
        (
            TARIFF.format(voluntary="true").replace('"electric_storage"', '"electric_direct"'),
            "tariffs.night.use: unknown 'electric_storage'",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(text, said):
    with pytest.raises(PolicyError, match=said):
        load_policy([("policy.toml", text)])
