"""Budgets as a capacity of the selection: worked by hand, and as properties."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoplan.errors import InfeasibleError, PolicyError
from geoplan.planner import assign
from tests.worlds import county, heat_source, main, village

#: Central money: 5,000 CNY for a heat pump, 1,000 for a pellet stove, nothing for clean coal.
POLICY = """
year = 2023
order = {order}
[subsidies.pump]
level = "central"
routes = ["heat_pump"]
cny_per_household = 5000
[subsidies.stove]
level = "central"
routes = ["electric_storage"]
cny_per_household = 1000
[budgets.central]
payer = "central"
[budgets.central.wan_cny_by_year]
2023 = {wan}
"""


def planned(households, wan: float, order: str = '["heat_pump", "electric_storage"]', **more):
    rows = [village(i, 700.0 * i, 0, n, **more) for i, n in enumerate(households)]
    return assign(county(rows, POLICY.format(order=order, wan=wan)))


def routes(plan) -> list[str]:
    return plan.villages["route"].tolist()


def spent(plan) -> float:
    """Central money in the plan. [万元]"""
    return float(plan.villages["subsidy_central_cny"].sum() / 1e4)


def test_enough_money_changes_nothing():
    plan = planned([100, 100], 100.0)
    assert routes(plan) == ["heat_pump", "heat_pump"]
    assert plan.villages["decision"].tolist() == ["first choice"] * 2


def test_when_the_money_is_short_the_next_route_is_taken_and_said():
    plan = planned([100, 100], 60.0)  # two heat pumps need 100, a pump and a stove 60 (10,000 CNY)
    assert sorted(routes(plan)) == ["electric_storage", "heat_pump"]
    assert spent(plan) == pytest.approx(60.0)
    loser = plan.villages.set_index("route").loc["electric_storage"]
    assert loser["decision"] == "over budget"
    option = plan.options.set_index(["village_id", "route"]).loc[(loser["village_id"], "heat_pump")]
    found = json.loads(option["infeasible_because"])
    assert [(f["code"], f["measured"], f["limit"], f["subject"]) for f in found] == [
        ("over_budget", 50.0, 10.0, "central")
    ]
    assert "中央建设补助尚可安排 10 万元，需 50 万元" in loser["reason"]


def test_the_policys_order_is_kept_where_setting_aside_serves_no_more():
    plan = planned([100, 90], 59.0, order='["heat_pump", "electric_storage"]')
    assert routes(plan) == ["heat_pump", "electric_storage"]  # 50 and 9


def test_nobody_takes_the_dearer_route_with_money_another_cannot_do_without():
    plan = planned([100, 100], 59.0)  # one pump and one stove would need 60
    assert routes(plan) == ["electric_storage"] * 2
    assert spent(plan) == pytest.approx(20.0)


def test_where_no_route_can_be_paid_a_village_waits_and_the_reason_says_so():
    plan = planned([100, 100], 15.0)
    assert sorted(routes(plan)) == ["deferred", "electric_storage"]
    waits = plan.villages.set_index("route").loc["deferred"]
    assert waits["decision"] == "deferred"
    assert "电蓄热不可行：中央建设补助尚可安排 5 万元，需 10 万元" in waits["reason"]


def test_a_route_that_asks_for_no_money_is_always_open():
    plan = planned([100, 100], 0.0, order='["heat_pump", "electric_direct"]')
    assert routes(plan) == ["electric_direct"] * 2
    assert set(plan.villages["decision"]) == {"over budget"}


def test_heat_is_paid_like_any_other_route():
    policy = POLICY.format(order='["district_heating", "heat_pump"]', wan=150).replace(
        '["electric_storage"]', '["district_heating"]'
    )
    rows = [village(i, 600.0 * (i + 1), 200, 300) for i in range(3)]
    layers = {"heat_sources": [heat_source(500)], "heat_mains": [main((0, 0), (4000, 0))]}
    policy = policy.replace("cny_per_household = 1000", "cny_per_household = 2000")
    plan = assign(county(rows, policy, **layers))
    assert sorted(routes(plan)) == ["deferred", "district_heating", "district_heating"]
    waits = plan.villages.set_index("route").loc["deferred"]
    codes = plan.options.set_index(["village_id", "route"])["rule"]
    assert codes[waits["village_id"], "district_heating"] == "over_budget"


def test_a_budget_that_leaves_a_year_open_does_not_limit_the_choice():
    rows = [village(1, 0, 0, 100)]
    text = POLICY.format(order='["heat_pump"]', wan=0) + "[phasing]\nyears = [2022, 2023]\n"
    plan = assign(county(rows, text))
    assert routes(plan) == ["heat_pump"]
    assert plan.villages["year"].tolist() == [2022]


def test_a_lock_that_no_money_can_pay_is_refused():
    with pytest.raises(InfeasibleError, match=r"V00 locked to heat_pump: over_budget, needs 50.0 10,000 CNY"):
        planned([100], 40.0, locked_route="heat_pump")


def test_a_group_is_paid_as_a_whole():
    plan = planned([100, 100], 60.0, group_id="g")
    assert routes(plan) == ["electric_storage"] * 2


def test_an_open_amount_under_a_budget_is_refused_with_its_key():
    text = POLICY.format(order='["heat_pump"]', wan=10).replace("5000", '"unstated"')
    with pytest.raises(PolicyError, match=r"budgets.central limits .* subsidies.pump is unstated"):
        assign(county([village(1, 0, 0)], text))


def test_a_runner_up_can_be_paid():
    plan = planned([100, 100], 20.0, order='["electric_storage", "heat_pump"]')
    assert routes(plan) == ["electric_storage"] * 2
    assert set(plan.villages["runner_up"]) == {""}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(10, 300), min_size=1, max_size=5),
    st.integers(0, 250),
    st.integers(0, 100),
    st.permutations(["heat_pump", "electric_storage"]),
    st.booleans(),
)
def test_money_is_kept_and_more_of_it_serves_no_fewer(households, wan, more, ranked, single):
    order = json.dumps(ranked[:1] if single else ranked)
    plans = [planned(households, amount, order) for amount in (wan, wan + more)]
    served = []
    for plan, amount in zip(plans, (wan, wan + more), strict=True):
        assert spent(plan) <= amount + 1e-6
        served.append(plan.villages.loc[plan.villages["route"] != "deferred", "households"].sum())
    assert served[1] >= served[0]
