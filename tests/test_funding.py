"""The funding table: the documents' totals, nothing counted twice, money by year."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from geoplan.cashflow import cash_flow, funding_by_year
from geoplan.errors import PolicyError
from geoplan.funding import (
    ALL_TASKS,
    efficiency_table,
    funding_findings,
    funding_table,
    overlaps,
    scope_totals,
    whole_wan,
)
from geoplan.policy import load_policy
from geoplan.provisions import LEVELS, PAYERS

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
def county():
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
def test_rows_counted_by_household(county, row, households, total, payers):
    assert county.loc[row, "households"] == households
    assert county.loc[row, "total"] == pytest.approx(total)
    assert paid(county, row) == pytest.approx(payers)


def test_a_lump_covers_no_household(county):
    assert pd.isna(county.loc["efficiency", "households"])
    assert county.loc["efficiency", "total"] == 7575
    assert paid(county, "public_buildings") == {"central": 100, "self": 400}
    assert county.loc["dual", "lead_agency"] == "农业农村局"


def test_scopes_add_up_to_the_published_totals(county):
    totals = scope_totals(county)
    assert totals.index.tolist() == [TASKS, "九", "五C"]
    assert totals["total"].tolist() == pytest.approx([56714, 22705, 11015])
    assert paid(totals, "九") == pytest.approx({"central": 9283, "district": 7818, "household": 5604})
    everything = {"central": 12008, "district": 9168, "household": 6449, "enterprise": 28689, "self": 400}
    assert paid(totals, TASKS) == pytest.approx(everything)


def test_shares_of_a_scope_are_those_of_the_document(county):
    shares = scope_totals(county).loc["九", [f"{p}_pct" for p in ("central", "district", "household")]]
    assert shares.tolist() == [40.89, 34.43, 24.68]


def test_whole_amounts_come_out_unchanged(county):
    whole = whole_wan(county)
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
    assert totals.loc["四（三）"].drop(["unstated", "stated_total"]).isna().all()
    assert totals.loc["九", "total"] == 22705 - 3440
    [found] = [p for p in funding_findings(villages, policy) if p.severity == "error"]
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


def test_an_area_that_no_household_lives_on_is_found():
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
    [found] = funding_findings(villages_of([]), policy)
    assert str(found).startswith("efficiency.walls: 1,467 m² per household (880,000 m² for 600 households)")
    assert (found.severity, found.file) == ("warning", "policy.toml")
    table = efficiency_table(policy)
    assert table["area_m2"].sum() == 969_400
    assert table["households"].isna().tolist() == [False, False, True]


# --- money by year ----------------------------------------------------------------------------------


def test_rows_by_year_make_the_funding_table(county):
    by_year = funding_by_year(villages_of(COUNTY_ROWS), policy_of())
    dual = by_year[by_year["row"] == "dual"].set_index("year")
    assert dual["total"].to_dict() == {2021: 8400, 2022: 3290}
    lumps = by_year[by_year["row"].isin(["public_buildings", "heat_network"])]
    assert lumps["year"].tolist() == [2023, 2021]
    assert by_year.loc[(by_year["row"] == "surplus_heat") & by_year["year"].isna(), "total"].tolist() == [
        10209
    ]
    assert by_year["row"].drop_duplicates().tolist() == county.index.tolist()
    assert by_year.groupby("row")["total"].sum().to_dict() == pytest.approx(county["total"].to_dict())


OPERATING = """
[subsidies.power]
level = "district"
kind = "operating"
routes = ["heat_pump"]
cny_per_kwh = 0.2
taper = [1.0, 0.5]
"""


def options_of(villages, **season):
    """Options with the first season's operating subsidies by level, per household. [CNY]"""
    columns = {f"subsidy_operating_{level}_cny_per_a": villages["households"] * 0.0 for level in LEVELS}
    columns |= {f"subsidy_operating_{k}_cny_per_a": villages["households"] * v for k, v in season.items()}
    return villages[["village_id", "route"]].assign(**columns)


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
    found = flow_of(villages, policy_of(OPERATING), options_of(villages, district=900.0))
    assert found == {
        (2022, "district"): 90_000,
        (2023, "district"): 45_000 + 180_000,
        (2024, "district"): 90_000,
        (None, "district"): 9_000 + 4_500,
    }


def test_a_taper_that_starts_low_keeps_the_first_season():
    """The options hold the first season as it is paid: 500 CNY are its half share."""
    villages = villages_of([("heat_pump", "bungalow", 10, 2022)])
    policy = policy_of(OPERATING.replace("[1.0, 0.5]", "[0.5, 1.0]"))
    found = flow_of(villages, policy, options_of(villages, district=500.0))
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
    options = options_of(villages)
    options["subsidy_operating_city_cny_per_a"] = [90_000.0, 2_000.0]
    found = flow_of(villages, policy_of(text), options)
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
    found = flow_of(villages, policy_of(text), options_of(villages, district=450.0))
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
    options = options_of(villages)
    options["subsidy_operating_district_cny_per_a"] = [90_000.0, np.nan]
    found = flow_of(villages, policy_of(text), options)
    assert np.isnan(found[2022, "district"])
    assert found[2023, "district"] == 45_000


def test_a_subsidy_that_came_later_pays_only_who_came_after():
    rows = [("heat_pump", "bungalow", n, y) for n, y in ((100, 2021), (200, 2022))]
    villages = villages_of(rows)
    policy = policy_of(OPERATING + "first_year = 2022\n")
    found = flow_of(villages, policy, options_of(villages, district=900.0))
    assert found == {(2022, "district"): 180_000, (2023, "district"): 90_000}


def test_a_subsidy_that_the_prices_do_not_know_yet_pays_nothing():
    """The plan is priced for 2022, before the second subsidy: the first season is the first one's alone."""
    later = OPERATING.replace("subsidies.power", "subsidies.later") + "first_year = 2023\n"
    villages = villages_of([("heat_pump", "bungalow", 100, 2023)])
    policy = policy_of("year = 2022\n" + OPERATING.replace("[1.0, 0.5]", "[1.0]") + later)
    found = flow_of(villages, policy, options_of(villages, district=900.0))
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
    same = load_policy([("p.toml", text % 4300)])
    assert funding_table(villages, same)["twice"].tolist() == [("合计",)] * 2
