"""What households can bear, by the policy's own limits."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoplan.affordability import affordability_summary, at_risk, coal_cost, household_income, rating
from geoplan.planner import assign
from geoplan.policy import default_policy, load_policy
from tests.worlds import county, village

NAN = float("nan")
POWER = """
order = ["heat_pump"]
[subsidies.power]
level = "district"
kind = "operating"
routes = ["heat_pump"]
cny_per_kwh = {price}
[carriers.electricity]
price_cny = 1.0
"""


def rows(**columns):
    base = {
        "route": ["gas", "gas", "biomass", "deferred", "gas"],
        "households": [100, 300, 50, 70, 0],
        "household_cost_cny_per_season": [2000.0, 2800.0, 2000.0, 0.0, 9e9],
        "household_cost_unsubsidised_cny_per_season": [2600.0, 3400.0, 2000.0, 0.0, 9e9],
        "household_capex_cny": [100 * 1500.0, 300 * 1500.0, 50 * 4200.0, 0.0, 0.0],
        "household_capex_unsubsidised_cny": [100 * 4000.0, 300 * 4000.0, 50 * 4200.0, 0.0, 0.0],
        "capex_cny": [100 * 9000.0, 300 * 9000.0, 50 * 4200.0, 0.0, 0.0],
        "affordability": ["green", "amber", "green", "", ""],
        "affordability_unsubsidised": ["green", "amber", "green", "", ""],
    }
    return pd.DataFrame(base | columns)


def test_means_are_weighted_by_households():
    found = affordability_summary(rows(), default_policy())
    gas = found["by_route"]["gas"]
    assert gas["households"] == 400
    assert gas["with_subsidy"]["cost_cny_per_season"] == pytest.approx(2600)
    assert gas["without_subsidy"]["cost_cny_per_season"] == pytest.approx(3200)
    assert gas["with_subsidy"]["income_share"] == pytest.approx(2600 / 45_500)
    assert gas["with_subsidy"]["over_coal"] == pytest.approx(2600 / 2520)
    assert gas["with_subsidy"]["over_willingness"] == pytest.approx(2600 / 1600)
    assert list(found["by_route"]) == ["gas", "biomass"]
    assert found["households_by_rating"]["with_subsidy"] == {"green": 150, "amber": 300, "red": 0}


def test_verdicts_of_each_limit():
    found = affordability_summary(rows(), default_policy())["by_route"]["gas"]
    assert (found["with_subsidy"]["coal_ok"], found["without_subsidy"]["coal_ok"]) == (True, False)
    assert not found["with_subsidy"]["willingness_ok"]
    assert (found["with_subsidy"]["rating"], found["without_subsidy"]["rating"]) == ("green", "amber")


@pytest.mark.parametrize(
    ("paid", "whole", "ok"), [(3000, 4000, True), (3001, 4000, False), (3600, 12_000, True), (0, 0, True)]
)
def test_self_pay_is_bearable_under_either_limit(paid, whole, ok):
    frame = rows().iloc[[2]].assign(household_capex_cny=50.0 * paid, capex_cny=50.0 * whole)
    found = affordability_summary(frame, default_policy())["by_route"]["biomass"]
    assert (found["self_pay_cny"], found["self_pay_ok"]) == (paid, ok)


def test_parity_is_the_dearest_over_the_cheapest_with_subsidy():
    found = affordability_summary(rows(), default_policy())
    assert (found["parity"], found["parity_ok"]) == (pytest.approx(1.3), True)
    tighter = load_policy([("p.toml", "[affordability]\nparity_max = 1.29")])
    assert affordability_summary(rows(), tighter)["parity_ok"] is False


def test_households_at_risk_are_those_whose_bare_season_is_dearer_than_coal():
    """Coal 2,520 CNY x 1.2 = 3,024 CNY: the 300 households at 3,400 CNY, with a task."""
    assert affordability_summary(rows(), default_policy())["households_at_risk"] == 300


def test_what_is_open_stays_open_and_the_summary_is_still_json():
    season = [2000.0, NAN, 2000.0, 0.0, NAN]
    found = affordability_summary(
        rows(
            household_cost_cny_per_season=season,
            household_capex_cny=[NAN, 1.0, 1.0, 0.0, 0.0],
            affordability=["green", "", "green", "", ""],
        ),
        default_policy(),
    )
    gas = found["by_route"]["gas"]
    assert gas["with_subsidy"]["cost_cny_per_season"] is None
    assert gas["without_subsidy"]["cost_cny_per_season"] == pytest.approx(3200)
    assert (gas["self_pay_cny"], gas["self_pay_ok"]) == (None, None)
    assert (found["parity"], found["parity_ok"]) == (None, None)
    assert found["households_by_rating"]["with_subsidy"] == {"green": 150, "amber": 0, "red": 0}
    json.dumps(found, allow_nan=False)


def test_a_county_where_nothing_is_done_has_no_parity():
    found = affordability_summary(rows().iloc[[3]], default_policy())
    assert (found["by_route"], found["parity"], found["households_at_risk"]) == ({}, None, 0)


@given(st.floats(0, 20_000), st.floats(0, 20_000))
def test_dearer_is_never_rated_lighter(one, other):
    limits = default_policy().affordability
    order = ["green", "amber", "red"]
    low, high = rating(pd.Series(sorted([one, other])), limits)
    assert order.index(low) <= order.index(high)


@pytest.mark.parametrize(
    ("share", "colour"), [(0.06, "green"), (0.0601, "amber"), (0.1, "amber"), (0.1001, "red")]
)
def test_the_limits_of_the_rating(share, colour):
    limits = default_policy().affordability
    assert rating(pd.Series([share * household_income(limits)]), limits).item() == colour


def test_a_plan_shows_the_season_without_subsidy_beside_the_other():
    plan = assign(county([village(1, 0, 0, 100)], POWER.format(price=0.5)))
    row = plan.villages.iloc[0]
    assert row["household_cost_cny_per_season"] == pytest.approx(
        row["household_cost_unsubsidised_cny_per_season"] / 2
    )
    assert (row["affordability"], row["affordability_unsubsidised"]) == ("green", "amber")
    assert row["coal_cost_cny_per_season"] == coal_cost(plan.policy) == 2520.0
    assert at_risk(plan.villages, plan.policy).all()
    assert plan.summary["affordability"]["households_at_risk"] == 100


def test_a_village_that_waits_is_not_rated():
    plan = assign(
        county([village(1, 0, 0, 100, locked_route="deferred"), village(2, 0, 0, 0)], "order = ['heat_pump']")
    )
    assert plan.villages["affordability"].tolist() == ["", ""]
    assert plan.villages["household_cost_cny_per_season"].tolist() == [0.0, 0.0]
    assert plan.options["affordability"].iloc[0] in ("green", "amber", "red")
