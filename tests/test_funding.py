"""The funding table: the documents' totals, nothing counted twice, money by year."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from geoplan.cashflow import cash_flow, funding_by_year
from geoplan.demand import heated_households
from geoplan.errors import PolicyError
from geoplan.funding import (
    ALL_TASKS,
    efficiency_table,
    funding_table,
    overlaps,
    scope_totals,
    whole_wan,
)
from geoplan.planner import assign
from geoplan.policy import load_policy
from geoplan.provisions import LEVELS, PAYERS
from geoplan.tables.money import cash_flow_sheet, funding_sheet, items_by_year_sheet
from tests.worlds import county, village

TASKS = "四（三）"

COUNTY = """
[funding.surplus_heat]
item = "余热取暖"
scope = ["四（三）"]
routes = ["district_heating"]
from_plan = ["central", "district", "household"]
wan_cny = { enterprise = 10209 }
years = [2021, 2022, 2023]

[funding.dual]
item = "双替代"
scope = ["四（三）", "九"]
routes = ["heat_pump", "gas"]
from_plan = ["central", "district", "household"]
lead_agency = "农业农村局"

[funding.public_buildings]
item = "村镇公共建筑热源改造"
scope = ["四（三）"]
wan_cny = { central = 100, self = 400 }
years = [2023]

[funding.heat_network]
item = "热网"
scope = ["四（三）"]
wan_cny = { enterprise = 4950 }
years = [2021]

[funding.grid]
item = "电网"
scope = ["四（三）"]
wan_cny = { enterprise = 13530 }

[funding.efficiency]
item = "建筑能效提升"
scope = ["四（三）", "五C", "九"]
wan_cny = { central = 1933, district = 4038, household = 1604 }

[funding.residents]
item = "常住户0.43万户供暖改造"
scope = ["五C", "九"]
where = { route = ["district_heating"], dwelling = ["bungalow"] }
cny_per_household = { central = 3500, district = 1800, household = 2700 }
"""


def policy_of(text=COUNTY):
    return load_policy([("policy.toml", text)])


def villages_of(rows, **more):
    """Villages of (route, dwelling, households, year); 3,500 central, 1,800 district, 1,700 the household."""
    frame = pd.DataFrame(rows, columns=["route", "dwelling", "households", "year"])
    households = frame["households"].astype(float)
    paid = {f"subsidy_{level}_cny": 0.0 for level in LEVELS}
    paid |= {"subsidy_central_cny": households * 3500, "subsidy_district_cny": households * 1800}
    paid |= {"household_capex_cny": households * 1700, "enterprise_capex_cny": 0.0}
    ids = [f"V{i}" for i in range(len(frame))]
    return frame.assign(village_id=ids, town="甲镇", winter_occupancy=None, **paid, **more)


COUNTY_ROWS = [
    ("district_heating", "apartment", 7500, 2022),
    ("district_heating", "bungalow", 4300, 2023),
    ("heat_pump", "bungalow", 12000, 2021),
    ("gas", "bungalow", 4700, 2022),
    ("deferred", "bungalow", 0, pd.NA),
]


@pytest.fixture(scope="module")
def printed():
    return funding_table(villages_of(COUNTY_ROWS), policy_of())


def paid(frame, row):
    return {p: float(frame.loc[row, p]) for p in PAYERS if frame.loc[row, p] != 0}


# --- the documents' numbers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "households", "total", "payers"),
    [
        (
            "surplus_heat",
            11800,
            18469,
            {"central": 4130, "district": 2124, "household": 2006, "enterprise": 10209},
        ),
        ("dual", 16700, 11690, {"central": 5845, "district": 3006, "household": 2839}),
        ("residents", 4300, 3440, {"central": 1505, "district": 774, "household": 1161}),
    ],
)
def test_rows_counted_by_household(printed, row, households, total, payers):
    assert printed.loc[row, "households"] == households
    assert printed.loc[row, "total"] == pytest.approx(total)
    assert paid(printed, row) == pytest.approx(payers)


def test_a_lump_covers_no_household(printed):
    assert pd.isna(printed.loc["efficiency", "households"])
    assert printed.loc["efficiency", "total"] == 7575
    assert paid(printed, "public_buildings") == {"central": 100, "self": 400}
    assert printed.loc["dual", "lead_agency"] == "农业农村局"


def test_scopes_add_up_to_the_published_totals(printed):
    totals = scope_totals(printed)
    assert totals.index.tolist() == [TASKS, "九", "五C"]
    assert totals["total"].tolist() == pytest.approx([56714, 22705, 11015])
    assert paid(totals, "九") == pytest.approx({"central": 9283, "district": 7818, "household": 5604})
    everything = {"central": 12008, "district": 9168, "household": 6449, "enterprise": 28689, "self": 400}
    assert paid(totals, TASKS) == pytest.approx(everything)


def test_shares_of_a_scope_are_those_of_the_document(printed):
    shares = scope_totals(printed).loc["九", [f"{p}_pct" for p in ("central", "district", "household")]]
    assert shares.tolist() == [40.89, 34.43, 24.68]


def test_whole_amounts_come_out_unchanged(printed):
    whole = whole_wan(printed)
    assert whole.loc["dual", ["central", "district", "household", "total"]].tolist() == [
        5845,
        3006,
        2839,
        11690,
    ]
    assert whole["total"].dtype == "Int64"
    assert scope_totals(whole)["total"].tolist() == [56714, 22705, 11015]


# --- rows that cover the same households ------------------------------------------------------------


def test_the_same_households_in_two_scopes_are_found():
    """Both rows pay 1,505 and 774; the households pay at least 1,700 of 2,700 CNY twice: 731."""
    [found] = overlaps(villages_of(COUNTY_ROWS), policy_of())
    assert found.rows == ("surplus_heat", "residents")
    assert (found.households, found.shared_scopes) == (4300, ())
    assert found.wan_cny == pytest.approx({"central": 1505, "district": 774, "household": 731})
    assert found.problem.severity == "warning"
    assert "4,300 households" in str(found.problem)
    assert "central 1,505 万元, district 774 万元" in str(found.problem)


def test_a_scope_that_counts_money_twice_has_no_total():
    policy = policy_of(COUNTY.replace('scope = ["五C", "九"]', 'scope = ["四（三）"]'))
    villages = villages_of(COUNTY_ROWS)
    table = funding_table(villages, policy)
    assert table.index[[bool(twice) for twice in table["twice"]]].tolist() == ["surplus_heat", "residents"]
    totals = scope_totals(whole_wan(table))
    assert totals.loc["四（三）", ["central", "total", "stated_total", "central_pct"]].isna().all()
    assert totals.loc["四（三）", ["unstated", "twice"]].tolist() == [(), ("surplus_heat", "residents")]
    assert totals.loc["九", "total"] == 22705 - 3440
    [found] = [o.problem for o in overlaps(villages, policy) if o.sure]
    assert found.severity == "error"
    assert found.file == "policy.toml"
    assert "scope 四（三） counts twice" in str(found)


GIVEN = """
[funding.a]
item = "a"
scope = ["甲"]
households = 100
where = { dwelling = ["bungalow"] }
cny_per_household = { central = 1000 }
[funding.b]
item = "b"
scope = ["乙"]
households = 40
where = { dwelling = ["bungalow"] }
wan_cny = { central = 6, enterprise = 9 }
"""


def test_rows_that_give_their_households_overlap_without_a_village():
    """40 households: 4 万元 at 1,000 CNY each against the lump of 6."""
    [found] = overlaps(villages_of([]), policy_of(GIVEN))
    assert (found.households, found.wan_cny) == (40, {"central": 4.0})


def test_two_lumps_in_one_scope_are_only_for_the_reader_to_judge():
    text = GIVEN.replace("cny_per_household", "wan_cny").replace('"乙"', '"甲"')
    [found] = overlaps(villages_of([]), policy_of(text))
    assert (found.shared_scopes, found.sure) == (("甲",), False)
    assert found.problem.severity == "warning"
    assert "may count twice" in str(found.problem)


def test_rows_without_a_common_payer_do_not_overlap():
    assert overlaps(villages_of([]), policy_of(GIVEN.replace("central = 6, ", ""))) == []


def test_an_open_amount_may_be_counted_twice():
    text = GIVEN.replace("central = 6", 'central = "unstated"')
    [found] = overlaps(villages_of([]), policy_of(text))
    assert np.isnan(found.wan_cny["central"])
    assert "central unstated" in str(found.problem)


# --- what the policy leaves open, or does not say ---------------------------------------------------


def test_an_open_amount_is_no_zero():
    """Central is open in one row: its total is not known, 90 万元 of it are stated."""
    text = """
[funding.a]
item = "a"
scope = ["合计"]
households = 100
cny_per_household = { central = "unstated", household = 4000 }
[funding.b]
item = "b"
scope = ["合计"]
wan_cny = { central = 30, district = 20 }
"""
    table = funding_table(villages_of([]), policy_of(text))
    assert np.isnan(table.loc["a", ["central", "total"]].astype(float)).all()
    assert table.loc["a", ["household", "stated_total"]].tolist() == [40, 40]
    assert table["unstated"].tolist() == [("central",), ()]
    for totals in (scope_totals(table), scope_totals(whole_wan(table))):
        assert totals.loc["合计", ["central", "total", "central_pct", "district_pct"]].isna().all()
        assert totals.loc["合计", ["district", "household", "stated_total"]].tolist() == [20, 40, 90]
        assert totals.loc["合计", "unstated"] == ("central",)


def test_a_village_with_an_open_subsidy_opens_its_payer_only():
    villages = villages_of([("gas", "bungalow", 100, 2021), ("heat_pump", "bungalow", 100, 2021)])
    villages.loc[0, "subsidy_central_cny"] = np.nan
    table = funding_table(villages, policy_of())
    assert table.loc["dual", "unstated"] == ("central",)
    assert table.loc["dual", "district"] == 36
    assert table.loc["dual", "stated_total"] == 35 + 36 + 34
    assert whole_wan(table).loc["dual", "stated_total"] == 105


def test_without_funding_rows_every_route_taken_is_one():
    villages = villages_of([*COUNTY_ROWS, ("existing", "bungalow", 50, pd.NA)])
    table = funding_table(villages.assign(enterprise_capex_cny=20_000.0), load_policy([]))
    assert table.index.tolist() == ["district_heating", "gas", "heat_pump"]
    assert paid(table, "gas") == pytest.approx(
        {"central": 1645, "district": 846, "household": 799, "enterprise": 2}
    )
    assert scope_totals(table).index.tolist() == [ALL_TASKS]


def test_no_village_and_no_row_make_an_empty_table():
    table = funding_table(villages_of([]), load_policy([]))
    assert table.empty
    assert scope_totals(whole_wan(table)).empty


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('from_plan = ["central"]', "needs routes or where"),
        ('routes = ["gas"]\nfrom_plan = ["self"]', "give its wan_cny"),
        ('routes = ["gas"]\nfrom_plan = ["central"]\nwan_cny = { central = 3 }', "given twice"),
    ],
)
def test_a_row_that_says_too_little_or_too_much_is_refused(row, message):
    with pytest.raises(PolicyError, match=message):
        policy_of(f'[funding.a]\nitem = "a"\n{row}\n')


# --- building efficiency ----------------------------------------------------------------------------


def test_tasks_beside_the_routes():
    text = """
[efficiency.walls]
item = "外墙保温"
area_m2 = 880000
households = 600
towns = ["金积镇"]
[efficiency.good]
item = "外墙保温"
area_m2 = 36000
households = 500
[efficiency.pipes]
item = "管网"
area_m2 = 53400
"""
    policy = policy_of(text)
    table = efficiency_table(policy)
    assert table["area_m2"].sum() == 969_400
    assert table["m2_per_household"].tolist() == pytest.approx([1466.67, 72.0, np.nan], nan_ok=True, abs=0.01)
    assert table["households"].isna().tolist() == [False, False, True]


# --- money by year ----------------------------------------------------------------------------------


def test_rows_by_year_make_the_funding_table(printed):
    by_year = funding_by_year(villages_of(COUNTY_ROWS), policy_of())
    dual = by_year[by_year["row"] == "dual"].set_index("year")
    assert dual["total"].to_dict() == {2021: 8400, 2022: 3290}
    lumps = by_year[by_year["row"].isin(["public_buildings", "heat_network"])]
    assert lumps["year"].tolist() == [2023, 2021]
    assert by_year.loc[(by_year["row"] == "surplus_heat") & by_year["year"].isna(), "total"].tolist() == [
        10209
    ]
    assert by_year["row"].drop_duplicates().tolist() == printed.index.tolist()
    assert by_year.groupby("row")["total"].sum().to_dict() == pytest.approx(printed["total"].to_dict())


OPERATING = """
[subsidies.power]
level = "district"
kind = "operating"
routes = ["heat_pump"]
cny_per_kwh = 0.2
taper = [1.0, 0.5]
"""


def options_of(villages, kwh=4500.0, bill=9e9):
    """Options of households that use so much energy and pay so much for a season; 4,500 kWh earn 900 CNY."""
    return villages[["village_id", "route"]].assign(
        energy_use_per_a=heated_households(villages) * kwh, household_cost_unsubsidised_cny_per_season=bill
    )


def flow_of(villages, policy, options):
    """Operating money in CNY by year and level; the empty year is None."""
    flow = cash_flow(villages, policy, options=options)
    rows = flow[flow["kind"] == "operating"].itertuples()
    return {(None if pd.isna(r.year) else r.year, r.level): r.cny for r in rows}


def test_capital_falls_in_the_year_of_the_village():
    flow = cash_flow(villages_of(COUNTY_ROWS), load_policy([]), options=options_of(villages_of(COUNTY_ROWS)))
    assert set(flow["kind"]) == {"capital"}
    assert flow["level"].tolist() == ["central", "district"] * 3
    assert flow["year"].tolist() == [2021, 2021, 2022, 2022, 2023, 2023]
    assert flow.loc[0, "cny"] == 12000 * 3500


def test_operating_money_follows_years_and_taper():
    """900 CNY in the first season, half in the second; 100 households in 2022, 200 in 2023, 10 undated."""
    rows = [("heat_pump", "bungalow", n, y) for n, y in ((100, 2022), (200, 2023), (10, pd.NA))]
    villages = villages_of(rows)
    found = flow_of(villages, policy_of(OPERATING), options_of(villages))
    assert found == {
        (2022, "district"): 90_000,
        (2023, "district"): 45_000 + 180_000,
        (2024, "district"): 90_000,
        (None, "district"): 9_000 + 4_500,
    }


def test_a_taper_that_starts_low_keeps_the_first_season():
    """1,000 CNY for a full season; 500 are the first one's half share."""
    villages = villages_of([("heat_pump", "bungalow", 10, 2022)])
    policy = policy_of(OPERATING.replace("[1.0, 0.5]", "[0.5, 1.0]"))
    found = flow_of(villages, policy, options_of(villages, kwh=5000.0))
    assert found == {(2022, "district"): 5_000, (2023, "district"): 10_000}


def test_subsidies_of_one_level_with_different_years_are_told_apart():
    """200 CNY flat for three seasons leave 700 of the 900 CNY to the one by kWh, for one season."""
    text = """
[subsidies.power]
level = "city"
kind = "operating"
routes = ["heat_pump"]
cny_per_kwh = 0.2
years = 1
[subsidies.flat]
level = "city"
kind = "operating"
routes = ["heat_pump", "gas"]
cny_per_household = 200
years = 3
"""
    villages = villages_of([("heat_pump", "bungalow", 100, 2022), ("gas", "bungalow", 10, 2022)])
    found = flow_of(villages, policy_of(text), options_of(villages, kwh=3500.0))
    assert found == {(2022, "city"): 92_000, (2023, "city"): 22_000, (2024, "city"): 22_000}


def test_empty_houses_take_no_part_in_what_is_told_apart():
    """Half of the houses are empty: 100 × 200 CNY flat for two seasons, the other 70,000 by kWh for one."""
    text = (
        OPERATING.replace("taper = [1.0, 0.5]", "years = 1")
        + """
[subsidies.flat]
level = "district"
kind = "operating"
routes = ["heat_pump"]
cny_per_household = 200
years = 2
"""
    )
    villages = villages_of([("heat_pump", "bungalow", 200, 2022)]).assign(winter_occupancy=0.5)
    found = flow_of(villages, policy_of(text), options_of(villages, kwh=3500.0))
    assert found == {(2022, "district"): 90_000, (2023, "district"): 20_000}


def test_an_open_operating_subsidy_leaves_its_own_years_open_only():
    text = (
        OPERATING
        + """
[subsidies.gas]
level = "district"
kind = "operating"
routes = ["gas"]
cny_per_unit = "unstated"
years = 1
"""
    )
    villages = villages_of([("heat_pump", "bungalow", 100, 2022), ("gas", "bungalow", 10, 2022)])
    found = flow_of(villages, policy_of(text), options_of(villages))
    assert np.isnan(found[2022, "district"])
    assert found[2023, "district"] == 45_000


FLAT = """
[subsidies.{name}]
level = "district"
kind = "operating"
routes = ["heat_pump"]
cny_per_household = {cny}
{lasts}
"""


def test_a_season_is_capped_by_its_own_bill():
    """3,000 CNY for one season and 500 for three, against a bill of 1,600: the later ones are 500."""
    villages = villages_of([("heat_pump", "bungalow", 100, 2022)])
    text = FLAT.format(name="a", cny=3000, lasts="years = 1") + FLAT.format(
        name="b", cny=500, lasts="years = 3"
    )
    found = flow_of(villages, policy_of(text), options_of(villages, bill=1600.0))
    assert found == pytest.approx(
        {(2022, "district"): 160_000, (2023, "district"): 50_000, (2024, "district"): 50_000}
    )


@pytest.mark.parametrize(
    ("taper", "seasons"),
    [("[0.5, 1.0]", [1000, 1600]), ("[1.0, 0.9]", [1600, 1600]), ("[1.0, 0.6]", [1600, 1200])],
)
def test_no_season_of_a_taper_pays_more_than_its_bill(taper, seasons):
    villages = villages_of([("heat_pump", "bungalow", 1, 2022)])
    policy = policy_of(FLAT.format(name="a", cny=2000, lasts=f"taper = {taper}"))
    found = flow_of(villages, policy, options_of(villages, bill=1600.0))
    assert list(found.values()) == pytest.approx(seasons)


def test_subsidies_by_energy_with_their_own_thresholds_and_years():
    """4,500 kWh: 0.1 CNY from 2,000 kWh on for one season, 0.1 CNY for all of it for three."""
    villages = villages_of([("heat_pump", "bungalow", 100, 2022)])
    one = OPERATING.replace("0.2", "0.1").replace("taper = [1.0, 0.5]", "")
    two = one.replace("subsidies.power", "subsidies.more") + "years = 3\n"
    found = flow_of(
        villages, policy_of(one + "threshold_units = 2000\nyears = 1\n" + two), options_of(villages)
    )
    assert found == pytest.approx(
        {(2022, "district"): 70_000, (2023, "district"): 45_000, (2024, "district"): 45_000}
    )


def test_what_is_stated_of_a_season_is_kept_beside_what_is_open():
    villages = villages_of([("heat_pump", "bungalow", 100, 2022)])
    text = FLAT.format(name="a", cny="'unstated'", lasts="years = 1")
    text += FLAT.format(name="b", cny=500, lasts="years = 2")
    flow = cash_flow(villages, policy_of(text), options=options_of(villages))
    flow = flow[flow["kind"] == "operating"]
    assert flow["cny"].tolist() == pytest.approx([np.nan, 50_000], nan_ok=True)
    assert flow["stated_cny"].tolist() == [50_000, 50_000]


def test_a_subsidy_that_the_prices_do_not_know_yet_pays_nothing():
    """The plan is priced for 2022, before the second subsidy: the first season is the first one's alone."""
    later = OPERATING.replace("subsidies.power", "subsidies.later") + "first_year = 2023\n"
    villages = villages_of([("heat_pump", "bungalow", 100, 2023)])
    policy = policy_of("year = 2022\n" + OPERATING.replace("[1.0, 0.5]", "[1.0]") + later)
    found = flow_of(villages, policy, options_of(villages))
    assert found == {(2023, "district"): 90_000}


def test_two_items_of_one_payer_may_stand_in_one_scope():
    text = """
    [funding.device]
    item = "设备"
    scope = ["合计"]
    routes = ["gas"]
    cny_per_household = { central = 4300 }
    [funding.cooker]
    item = "电磁炉"
    scope = ["合计"]
    routes = ["gas"]
    cny_per_household = { central = %s }
    """
    villages = pd.DataFrame({"route": ["gas"], "households": [100]})
    two_items = load_policy([("p.toml", text % 200)])
    assert funding_table(villages, two_items)["central"].tolist() == [43.0, 2.0]
    one_price = load_policy([("p.toml", text % 4300)])
    assert scope_totals(funding_table(villages, one_price)).loc["合计", "total"] == 86
    [found] = overlaps(villages, one_price)
    assert (found.sure, found.problem.severity) == (False, "warning")


# --- what a reader found ----------------------------------------------------------------------------

PLAN = """
order = ["heat_pump"]
year = 2022
[subsidies.a]
level = "central"
item = "设备"
routes = ["heat_pump"]
cny_per_household = 1000
"""


def planned(text, *households, **more):
    rows = [village(i, 500.0 * i, 0, n, **more) for i, n in enumerate(households)]
    return assign(county(rows, text))


def test_what_is_stated_of_a_level_survives_what_is_open_beside_it():
    """1,000 CNY stated and another central subsidy left open: 10 万元 of an open sum."""
    text = PLAN + "[subsidies.b]\nlevel='central'\nroutes=['heat_pump']\ncny_per_household='unstated'\n"
    text += "[funding.f]\nitem='x'\nscope=['s']\nroutes=['heat_pump']\nfrom_plan=['central']\n"
    plan = planned(text, 100)
    table = funding_table(plan.villages, plan.policy)
    for totals in (scope_totals(table), scope_totals(whole_wan(table))):
        assert pd.isna(totals.loc["s", "total"])
        assert totals.loc["s", "stated_total"] == 10
    assert plan.summary["money_cny"]["subsidy_central_cny"] is None
    assert plan.summary["money_stated_cny"]["subsidy_central_cny"] == 100_000
    [flow] = cash_flow(plan.villages, plan.policy, options=plan.options).to_dict("records")
    assert np.isnan(flow["cny"])
    assert flow["stated_cny"] == 100_000


@pytest.mark.parametrize(
    ("where", "households"),
    [("{town=['甲镇']}", 80), ("{town=['甲镇'], route=['deferred']}", 100), ("{route=['existing']}", 50)],
)
def test_nobody_pays_where_nothing_is_built_unless_it_is_named(where, households):
    text = PLAN + f"[funding.f]\nitem='x'\nwhere={where}\ncny_per_household={{central=3500}}\n"
    rows = [
        village(1, 0, 0, 100, locked_route="deferred", lock_reason="拆"),
        village(2, 500, 0, 80),
        village(3, 900, 0, 50, locked_route="existing", lock_reason="已通热"),
    ]
    plan = assign(county(rows, text))
    table = funding_table(plan.villages, plan.policy)
    assert table.loc["f", "households"] == households
    assert table.loc["f", "central"] == pytest.approx(households * 0.35)


DEVICE = "[funding.device]\nitem='设备'\nscope=['s']\nroutes=['heat_pump']\nfrom_plan=['central']\n"
BESIDE = "[funding.other]\nitem='{item}'\nscope=['s']\n{more}\n"


@pytest.mark.parametrize(
    ("item", "more", "sure"),
    [
        ("别的", "routes=['heat_pump']\nfrom_plan=['central']", True),
        ("重列", "routes=['heat_pump']\ncny_per_household={central=1000}", True),
        ("设备", "routes=['heat_pump']\ncny_per_household={central=900}", True),
        ("路面恢复", "routes=['heat_pump']\ncny_per_household={central=150}", False),
        ("重列", "routes=['heat_pump']\nwan_cny={central=10}", False),
        ("常住户", "households=60\ncny_per_household={central=1000}", False),
    ],
)
def test_when_two_rows_surely_hold_the_same_money(item, more, sure):
    plan = planned(PLAN + DEVICE + BESIDE.format(item=item, more=more), 100)
    [found] = overlaps(plan.villages, plan.policy)
    assert (found.sure, found.problem.severity) == (sure, "error" if sure else "warning")
    total = scope_totals(funding_table(plan.villages, plan.policy)).loc["s", "total"]
    assert pd.isna(total) == sure


def test_money_that_the_plan_does_not_contain_is_no_overlap():
    text = PLAN + DEVICE.replace("'central'", "'central', 'city'")
    text += BESIDE.format(item="窗帘", more="routes=['heat_pump']\ncny_per_household={city=200}")
    plan = planned(text, 100)
    assert overlaps(plan.villages, plan.policy) == []
    assert scope_totals(funding_table(plan.villages, plan.policy)).loc["s", "total"] == 12


def test_a_mere_number_of_households_may_be_those_of_the_plan():
    text = (
        PLAN + DEVICE + BESIDE.format(item="常住户", more="households=60\ncny_per_household={central=2000}")
    )
    plan = planned(text, 60, 40)
    [found] = overlaps(plan.villages, plan.policy)
    assert (found.households, found.wan_cny) == (60, {"central": 6.0})
    assert "may cover the same 60 households; scope s may count twice" in str(found.problem)


@pytest.mark.parametrize(
    ("text", "key", "typo"),
    [
        ("[subsidies.b]\nlevel='city'\nroutes=['heat_pump']\ncny_per_household=1\nwhere={town=['甲乡']}",
         "subsidies.b.where", "甲乡"),
        ("[funding.b]\nitem='x'\nwhere={town=['甲镇', '乙乡']}\ncny_per_household={city=1}",
         "funding.b.where", "乙乡"),
        ("[equipment.b]\nroutes=['heat_pump']\nwhere={town=['甲乡']}\n[equipment.b.devices]\nx=1",
         "equipment.b.where", "甲乡"),
        ("[routes.heat_pump.capex.device]\nwhere={town=['甲乡']}",
         "routes.heat_pump.capex.device.where", "甲乡"),
        ("[phasing]\nfirst={lead_agency=['城建局']}", "phasing.first", "城建局"),
        ("[annexes.b]\ntitle='x'\norder=['甲镇', '丙乡']\n[[annexes.b.columns]]\nhead=['乡镇']\ncell='row'",
         "annexes.b.order", "丙乡"),
    ],
)  # fmt: skip
def test_a_name_that_no_village_bears_is_said(text, key, typo):
    notes = [n for n in planned(PLAN + text, 100).provenance["notes"] if f"政策 {key}：" in n]
    assert len(notes) == 1
    assert f"“{typo}”" in notes[0]


def test_the_sheet_says_which_rows_hold_the_same_money():
    plan = planned(PLAN + DEVICE + BESIDE.format(item="重列", more=DEVICE.split("\n", 3)[3]), 100)
    assert funding_sheet(plan).notes == ("s：“设备”、“重列”列的是同一笔资金，合计会重复计算，故不合计。",)


def test_equal_years_are_printed_alike():
    """Three seasons of 1.45 万元 make 4.35, printed as 1, 1, 1 and 4, and the sheet says so."""
    text = PLAN + FLAT.format(name="b", cny=145, lasts="years = 3")
    sheet = cash_flow_sheet(planned(text, 100))
    seasons = [row[2] for row in sheet.table.rows]
    assert seasons == [1, 1, 1, 4]
    assert sheet.notes == ("各格分别四舍五入，合计按未舍入的金额计算。",)


def test_items_by_source_and_year_make_the_funding_table():
    text = PLAN + "[targets.by_year]\n2022 = 60\n2023 = 40\n" + DEVICE
    text += "[funding.mains]\nitem='管网'\nscope=['s']\nwan_cny={enterprise=7}\nyears=[2023]\n"
    sheet = items_by_year_sheet(planned(text, 60, 40))
    assert [head[-1] for head in sheet.table.head] == ["项目", "资金来源", "2022 年", "2023 年", "合计"]
    assert sheet.table.rows == (
        ("设备", "中央补助", 6, 4, 10),
        ("管网", "企业自筹", None, 7, 7),
        ("合计（s）", "中央补助", 6, 4, 10),
        ("合计（s）", "企业自筹", None, 7, 7),
    )
