"""Annuities, items of cost, subsidies: numbers worked out by hand and from the documents."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoplan.finance import annuity, by_level, capital_subsidies
from geoplan.policy import load_policy
from geoplan.season import operating_subsidy

TWO_LEVELS = """
[subsidies.central]
level = "central"
routes = ["heat_pump"]
cny_per_household = 3500
[subsidies.local]
level = "district"
routes = ["heat_pump"]
cny_per_household = 1800
"""


def subsidies(cost, text=TWO_LEVELS, households=1.0):
    policy = load_policy([("p.toml", text)])
    costs = pd.DataFrame({"device": [cost], "grid": [6500.0]})
    villages = pd.DataFrame({"households": [households], "heated_area_m2": [100.0]})
    return by_level(capital_subsidies(costs, villages, route="heat_pump", policy=policy)).iloc[0]


@given(st.floats(0.001, 0.3), st.integers(1, 60))
def test_an_annuity_repays_its_principal(rate, years):
    paid = sum(annuity(rate, years) / (1 + rate) ** t for t in range(1, years + 1))
    assert paid == pytest.approx(1.0, rel=1e-9)


def test_subsidies_of_the_document():
    """7,000 CNY of equipment: 3,500 central, 1,800 local, 1,700 left to the household."""
    found = subsidies(7000.0)
    assert (found["central"], found["district"]) == (3500, 1800)
    assert 7000 - found.sum() == 1700


def test_a_subsidy_never_exceeds_the_cost():
    assert subsidies(4000.0).sum() == pytest.approx(4000.0)


@pytest.mark.parametrize(
    ("mode", "cost", "total"),
    [
        ("pct_of_cost", 5000.0, 4000.0),
        ("pct_of_cost", 6000.0, 5300.0),
        ("pct_of_cost", 7000.0, 5300.0),
        ("pct_of_subsidy", 5000.0, 4240.0),
        ("pct_of_subsidy", 4000.0, 4000.0),
        ("pct_of_subsidy", 7000.0, 5300.0),
    ],
)
def test_low_cost_rule_in_both_readings(mode, cost, total):
    rule = f'[low_cost]\nthreshold_cny = 6000\nshare = 0.8\nmode = "{mode}"\n'
    assert subsidies(cost, TWO_LEVELS + rule).sum() == pytest.approx(total)


@pytest.mark.parametrize(
    ("mode", "kwh", "cny"),
    [
        ("deductible", 6000, 900),
        ("trigger", 6000, 1000),
        ("deductible", 400, 0),
        ("trigger", 400, 0),
        ("deductible", 1500, 200),
        ("trigger", 1500, 300),
    ],
)
def test_operating_subsidy_in_both_readings(mode, kwh, cny):
    """0.2 CNY/kWh from 500 to 5,000 kWh: at most 900 or 1,000 CNY, as one reads it."""
    text = f"""
[subsidies.power]
level = "district"
kind = "operating"
routes = ["heat_pump"]
cny_per_kwh = 0.2
threshold_units = 500
cap_units = 5000
threshold_mode = "{mode}"
"""
    use = pd.Series([float(kwh)])
    policy = load_policy([("p.toml", text)])
    found = operating_subsidy(use, use.to_frame(), route="heat_pump", policy=policy)
    assert found.loc[0].to_dict() == pytest.approx({"central": 0, "province": 0, "city": 0, "district": cny})
