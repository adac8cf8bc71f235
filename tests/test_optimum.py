"""The optimum against trying everything, on 300 random counties of up to eight villages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from geoplan.cascade import cascade
from geoplan.errors import InfeasibleError
from geoplan.ledger import DEFERRED, Ledger
from geoplan.optimum import optimum
from geoplan.options import Options, price_options
from geoplan.planner import assign
from geoplan.policy import Policy
from geoplan.verdict import Selection
from tests import oracle
from tests.small_worlds import small_world
from tests.worlds import county, heat_source, line, main, village

CLOSE = 1e-6
SLACK = 1e-9


@pytest.mark.parametrize("seed", range(300))
def test_the_optimum_is_what_trying_everything_finds(seed):
    assert_best(seed)


@pytest.mark.parametrize("seed", range(0, 300, 20))
def test_it_still_is_where_networks_are_designed_apart_as_for_large_counties(seed, monkeypatch):
    for name in ("LARGE", "MIDDLING", "FAR"):
        monkeypatch.setattr(f"geoplan.search.{name}", -1)
    assert_best(seed)


def assert_best(seed: int) -> None:
    """The optimum of a random county is what enumeration finds, and keeps every rule."""
    world = small_world(seed)
    options, policy = price_options(world), world.policy
    expected = oracle.best(options, policy=policy)
    if expected is None:
        with pytest.raises(InfeasibleError):
            optimum(options, policy=policy)
        return
    by_rule = rule_of_order(options, policy)
    selection, proof = optimum(options, policy=policy)
    built = oracle.as_built(options, policy=policy, route=selection.route)
    assert built.key == (*expected.key[:2], pytest.approx(expected.cost, rel=CLOSE))
    worth = proof.worth
    assert (worth.deferred, worth.transition, worth.cost_cny_per_a) == (
        *built.key[:2],
        pytest.approx(built.cost, rel=SLACK),
    )
    assert proof.bound_cny_per_a <= expected.cost * (1 + SLACK)
    assert by_rule is None or built.key <= (*by_rule.key[:2], by_rule.cost * (1 + SLACK))
    assert_kept(options, policy, selection)


def rule_of_order(options: Options, policy: Policy) -> oracle.Best | None:
    """What the cascade makes of the same options."""
    grown = options.fresh()
    try:
        selection = cascade(grown, policy=policy)
    except InfeasibleError:
        return None
    return oracle.as_built(grown, policy=policy, route=selection.route)


def assert_kept(options: Options, policy: Policy, selection: Selection) -> None:
    """Locks are obeyed, routes are open, and no source, main, pipe or purse gives more than it has."""
    task = Ledger(options.fresh(), policy).unit_of.index
    route, villages = selection.route[task], options.villages.loc[task]
    lock = villages["locked_route"].fillna("")
    assert (route == lock)[lock != ""].all()
    for village_id, name in route[lock == ""].items():
        unit_locked = (lock[villages["group_id"].eq(villages.at[village_id, "group_id"])] != "").any()
        assert name == DEFERRED or unit_locked or options.eligible(village_id, name)
    use = options.table["capacity_use"]
    for supply, network in options.supplies.items():
        mine = [
            v for v, name in route.items() if name in policy.routes and policy.routes[name].supply == supply
        ]
        source = selection.source_id[mine]
        if network.limited:
            drawn = use[[(v, route[v]) for v in mine]].groupby(source.to_numpy()).sum()
            # Nobody can say from which substation a village draws whose place is not known.
            nobody = supply == "grid" and villages.loc[mine, "unlocated"].eq(True).any()
            assert set(drawn.index) - ({""} if nobody else set()) <= set(network.sources.index)
            capacity = network.sources["capacity"]
            given = drawn.reindex(capacity.index).fillna(0.0)
            assert (given <= capacity * (1 + SLACK) + SLACK).all()
            assert given.to_numpy() == pytest.approx(selection.used[supply].to_numpy(), abs=1e-6)
        if supply in ("grid", "biomass") and network.limited:
            assert source.equals(network.nearest[mine].astype(object))
        if network.growth is not None:
            assert_pipes_carry(network.growth, {v: float(use[v, route[v]]) for v in mine})
    assert_purses_last(options, policy, selection)


def assert_pipes_carry(growth, load: dict[str, float]) -> None:
    """Mains within their capacity; every new pipe feeds what hangs on it, and no place is fed twice."""
    graph, new = growth.graph, np.flatnonzero(growth.owner >= 0)
    on_main = graph.main >= 0
    assert (np.abs(growth.flow[on_main]) <= growth.main_capacity[graph.main[on_main]] + CLOSE).all()
    assert np.isfinite(graph.crossing_cny[new]).all()
    assert (graph.main[new] < 0).all()
    head = growth.head[new]
    tail = graph.u[new] + graph.v[new] - head
    entered = pd.Series(zip(tail, growth.owner[new], strict=True), dtype=object)
    mains = {*graph.u[on_main].tolist(), *graph.v[on_main].tolist(), *graph.source_node.tolist()}
    assert not entered[[t not in mains for t in tail]].duplicated().any()
    balance = np.zeros(graph.n_nodes)
    np.add.at(balance, tail, growth.flow[new])
    np.add.at(balance, head, -growth.flow[new])
    for village_id, need in load.items():
        balance[graph.village_node[village_id]] -= need
    off = np.setdiff1d(np.arange(graph.n_nodes), list(mains))
    assert balance[off] == pytest.approx(0.0, abs=CLOSE * max(load.values(), default=1.0))
    assert (growth.flow[new] > 0).all()


def assert_purses_last(options: Options, policy: Policy, selection: Selection) -> None:
    """No payer gives more than its budgets of all years."""
    ledger = Ledger(options.fresh(), policy)
    routes = {unit: selection.route[ids[0]] for unit, ids in ledger.members.items()}
    paid = sum((ledger.purses.asked(unit, name) for unit, name in routes.items()), ledger.purses.left * 0.0)
    assert (paid <= ledger.purses.left * (1 + SLACK) + SLACK).all()


# --- worked by hand ------------------------------------------------------------------------------------


def heated(rows, sources, mains, **layers) -> tuple[Selection, oracle.Best]:
    """The optimum of a county with heat and heat pumps only."""
    order = 'order = ["district_heating", "heat_pump"]'
    layers |= {"heat_mains": mains} if mains else {}
    world = county(rows, order, heat_sources=sources, **layers)
    options = price_options(world)
    selection, _ = optimum(options, policy=world.policy)
    return selection, oracle.as_built(options, policy=world.policy, route=selection.route)


def test_locks_are_placed_together_not_one_after_the_other():
    """8 MW and 4 MW on one main: 3.4 MW may not be put where 7.8 MW must go."""
    rows = [
        village(1, 2000, 300, 300, locked_route="district_heating"),
        village(2, 4000, 300, 700, locked_route="district_heating"),
    ]
    sources = [heat_source(8.0, 0, 0, "A"), heat_source(4.0, 6000, 0, "B")]
    selection, _ = heated(rows, sources, [main((0, 0), (6000, 0))])
    assert selection.source_id.to_dict() == {"V01": "B", "V02": "A"}


def test_pipes_of_two_networks_may_cross():
    """A road crosses another; each source has room for the village beyond the other's pipe only."""
    roads = [{"geometry": line((0, -2000), (0, 2000))}, {"geometry": line((-2000, 0), (2000, 0))}]
    rows = [village(1, 0, 1990, 400), village(2, 1990, 0, 500)]
    sources = [heat_source(4.6, 0, -2000, "A"), heat_source(5.7, -2000, 0, "B")]
    selection, built = heated(rows, sources, [], roads=roads)
    assert selection.source_id.to_dict() == {"V01": "A", "V02": "B"}
    assert set(built.routes.values()) == {"district_heating"}


def test_a_thin_main_carries_the_difference_of_what_flows_both_ways():
    """3.3 MW fit. A at the west end supplies 2.6 MW in the east, B at the east end 0.9 MW in the middle."""
    rows = [village(1, 5800, 300, 235), village(2, 3000, 300, 80)]
    sources = [heat_source(2.7, 0, 0, "A"), heat_source(1.0, 6000, 0, "B")]
    selection, built = heated(rows, sources, [main((0, 0), (6000, 0), dn_mm=150)])
    assert selection.source_id.to_dict() == {"V01": "A", "V02": "B"}
    assert set(built.routes.values()) == {"district_heating"}


def test_two_villages_pay_for_the_pipe_that_neither_can_pay_alone():
    """The cascade looks at one village after the other; 4 km to two of them pay together only."""
    roads = [{"geometry": line((3000, 0), (3000, 4200))}]
    rows = [village(1, 3000, 4000, 260), village(2, 3000, 4100, 260)]
    mains, sources = [main((0, 0), (6000, 0))], [heat_source(100)]
    alone, _ = heated(rows[:1], sources, mains, roads=roads)
    both, built = heated(rows, sources, mains, roads=roads)
    assert alone.route["V01"] == "heat_pump"
    assert set(both.route) == {"district_heating"}
    world = county(
        rows, 'order = ["district_heating", "heat_pump"]', heat_sources=sources, heat_mains=mains, roads=roads
    )
    by_rule = rule_of_order(price_options(world), world.policy)
    assert set(by_rule.routes.values()) == {"heat_pump"}
    assert built.cost < by_rule.cost


@pytest.mark.parametrize("seed", [3, 6, 24, 45])
def test_the_plan_is_that_of_the_optimum(seed):
    """Through the whole planner, whose certificates read the finished tables."""
    world = small_world(seed)
    options = price_options(world)
    expected = oracle.best(options, policy=world.policy)
    plan = assign(world, method="optimum")
    assert (plan.sources["used"] <= plan.sources["capacity"] * (1 + SLACK)).all()
    table = plan.options.set_index(["village_id", "route"])["annual_cost_equal_service_cny"]
    taken = [
        key for key in plan.villages[["village_id", "route"]].itertuples(index=False) if key in table.index
    ]
    assert table[[tuple(key) for key in taken]].sum() == pytest.approx(expected.cost, rel=CLOSE)
