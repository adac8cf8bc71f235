"""The oracle itself: worked by hand, and against every set of edges of a graph too small to need a search."""

from __future__ import annotations

from itertools import combinations, pairwise, product

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest

from geoplan.cascade import cascade
from geoplan.growth import Growth
from geoplan.network import Graph, PipeTable
from geoplan.options import price_options
from geoplan.supplies import SupplyNetwork
from tests import oracle
from tests.oracle_pipes import Trench
from tests.small_worlds import small_world
from tests.worlds import corridor, county, heat_source, main, substation, village

PIPES = PipeTable(np.array([0.5, 1.0, 2.0, 9.0]), np.array([10.0, 15.0, 25.0, 33.0]), np.array([1, 2, 3, 4]))


def network(edges, sources, *, crossing=None, mains=None) -> SupplyNetwork:
    """Edges (u, v, metres, row of the main or -1), sources (node, capacity), capacities of the mains."""
    u, v, metres, main_ = (np.array(column) for column in zip(*edges, strict=True))
    nodes = int(max(u.max(), v.max())) + 1
    cny = np.zeros(len(u)) if crossing is None else np.array(crossing, dtype=float)
    graph = Graph(
        u,
        v,
        metres.astype(float),
        cny,
        main_,
        np.full(len(u), None),
        nodes,
        pd.Series(range(nodes)),
        pd.Series([node for node, _ in sources]),
    )
    capacity = np.array([mw for _, mw in sources], dtype=float)
    limit = np.append(np.full(int(main_.max(initial=-1)) + 1, np.inf) if mains is None else mains, np.inf)
    frame = gpd.GeoDataFrame({"capacity": capacity}, geometry=gpd.GeoSeries([None] * len(capacity)))
    nothing = pd.Series(dtype=float)
    return SupplyNetwork(frame, "MW", Growth(graph, PIPES, capacity, limit), nothing, nothing, nothing)


def trench(net: SupplyNetwork, loads, between="crossing") -> Trench:
    return Trench(net, [[pair] for pair in loads], rate=1.0, between=between)


def by_every_set(net: SupplyNetwork, loads, mask: int, between: str) -> float:
    """The cheapest of all ways to give each network a set of edges of its own."""
    graph, growth = net.growth.graph, net.growth
    roots = graph.source_node.tolist()
    units = [u for u in range(len(loads)) if mask >> u & 1]
    best = np.inf
    for owner in product(range(len(roots)), repeat=len(units)):
        ends = [[loads[u] for u, k in zip(units, owner, strict=True) if k == n] for n in range(len(roots))]
        if any(sum(load for _, load in e) > c for e, c in zip(ends, growth.capacity, strict=True)):
            continue
        designs = [_designs(graph, root, ends[n]) for n, root in enumerate(roots)]
        for together in product(*designs):
            one_each = all(a[0].isdisjoint(b[0]) for a, b in combinations(together, 2))
            apart = all(a[1].isdisjoint(b[1]) for a, b in combinations(together, 2))
            if one_each and (between == "crossing" or apart):
                best = min(best, sum(cost for *_, cost in together))
    return best


def _designs(graph: Graph, root: int, ends) -> list[tuple[set[int], set[int], float]]:
    """Every tree from a root that reaches all ends: its edges, its nodes and what it costs."""
    found = []
    for n in range(len(graph.u) + 1):
        for edges in combinations(range(len(graph.u)), n):
            tree = nx.Graph()
            tree.add_node(root)
            tree.add_edges_from((int(graph.u[e]), int(graph.v[e]), {"e": e}) for e in edges)
            cost = _tree_cost(tree, root, ends, graph)
            if np.isfinite(cost):
                found.append((set(edges), set(tree), cost))
    return found


def _tree_cost(tree: nx.Graph, root: int, ends, graph: Graph) -> float:
    if tree.number_of_edges() and not nx.is_tree(tree):
        return np.inf
    if any(node not in tree for node, _ in ends):
        return np.inf
    flow: dict[int, float] = {}
    for node, load in ends:
        way = nx.shortest_path(tree, root, node)
        for edge in pairwise(way):
            flow[tree.edges[edge]["e"]] = flow.get(tree.edges[edge]["e"], 0.0) + load
    unused = {data["e"] for *_, data in tree.edges(data=True)} - set(flow)
    if unused:
        return np.inf
    price = PIPES.price(np.array(list(flow.values())))
    return sum(float(graph.length_m[e] * p + graph.crossing_cny[e]) for e, p in zip(flow, price, strict=True))


@pytest.mark.parametrize("seed", range(12))
def test_one_network_against_every_set_of_edges(seed):
    rng = np.random.default_rng(seed)
    pairs = [(i, j) for i in range(6) for j in range(i)]
    chosen = rng.choice(len(pairs), 9, replace=False)
    edges = [(*pairs[i], float(rng.integers(1, 60)), -1) for i in chosen]
    crossing = rng.choice([0.0, 0.0, 300.0, np.inf], len(edges), p=[0.4, 0.3, 0.2, 0.1])
    net = network(edges, [(0, 2.5)], crossing=crossing)
    loads = [
        (int(node), float(rng.uniform(0.1, 1.2))) for node in rng.choice(np.arange(1, 6), 3, replace=False)
    ]
    found = trench(net, loads)
    for mask in range(8):
        expected = by_every_set(net, loads, mask, "crossing")
        assert found.cost(mask) == pytest.approx(expected, rel=1e-12)
        assert found.least(mask) <= found.cost(mask)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("between", ["strict", "crossing"])
def test_two_networks_against_every_set_of_edges(seed, between):
    rng = np.random.default_rng(100 + seed)
    pairs = [(i, j) for i in range(6) for j in range(i) if (i, j) != (1, 0)]
    chosen = rng.choice(len(pairs), 7, replace=False)
    net = network([(*pairs[i], float(rng.integers(5, 60)), -1) for i in chosen], [(0, 1.0), (1, 1.2)])
    loads = [
        (int(node), float(rng.uniform(0.2, 0.8))) for node in rng.choice(np.arange(2, 6), 3, replace=False)
    ]
    found = trench(net, loads, between)
    for mask in range(8):
        assert found.cost(mask) == pytest.approx(by_every_set(net, loads, mask, between), rel=1e-12)


def test_two_networks_whose_pipes_must_cross():
    """Two lines that meet at node 2: each network's village lies beyond the other's line."""
    edges = [(0, 2, 10, -1), (2, 3, 10, -1), (1, 2, 10, -1), (2, 4, 10, -1)]
    net = network(edges, [(0, 0.6), (1, 0.6)])
    loads = [(3, 0.4), (4, 0.5)]
    assert trench(net, loads, "strict").cost(3) == np.inf
    assert trench(net, loads, "crossing").cost(3) == pytest.approx(4 * 10 * 10.0)
    # With room for both, one network takes both: 0.9 over one edge needs the next size.
    roomy = network(edges, [(0, 1.0), (1, 0.6)])
    assert trench(roomy, loads, "strict").cost(3) == pytest.approx(10 * 15.0 + 2 * 10 * 10.0)


def test_a_full_main_is_relieved_by_a_pipe_beside_it():
    """1.0 fits through the main, 1.6 is wanted: a pipe for 0.6 beside it, 15 CNY/m over 100 m."""
    edges = [(0, 1, 100, 0), (1, 2, 100, -1), (1, 3, 100, -1), (0, 4, 50, -1), (4, 1, 50, -1)]
    net = network(edges, [(0, 5.0)], mains=np.array([1.0]))
    found = trench(net, [(2, 0.8), (3, 0.8)])
    assert found.cost(1) == pytest.approx(100 * 15.0)
    assert found.cost(3) == pytest.approx(3 * 100 * 15.0)
    assert trench(net, [(2, 0.8), (3, 0.8)], "apart").cost(3) == pytest.approx(2 * 100 * 15.0)


def test_two_pipes_back_may_each_relieve_another_main():
    """A chain of two full mains, a short way round each: 0.4 is to pass each of them."""
    edges = [(0, 1, 9, 0), (1, 2, 9, 1), (0, 3, 20, -1), (3, 1, 20, -1), (1, 4, 30, -1), (4, 2, 30, -1)]
    net = network([*edges, (2, 5, 10, -1)], [(0, 5.0)], mains=np.array([0.5, 0.5]))
    found = trench(net, [(5, 0.9)])
    assert found.cost(1) == pytest.approx(10 * 15.0 + 40 * 10.0 + 60 * 10.0)


def test_mains_carry_the_difference_of_what_flows_both_ways():
    """Sources at both ends of a thin main: each serves its side, nothing need pass the middle."""
    edges = [(0, 1, 9, 0), (1, 2, 9, 0), (0, 3, 10, -1), (2, 4, 10, -1)]
    loads = [(3, 0.8), (4, 0.8)]
    assert trench(network(edges, [(0, 1.0), (2, 1.0)], mains=np.array([0.1])), loads).cost(3) == 2 * 10 * 15.0
    # One source alone cannot: 0.8 does not fit through 0.1.
    assert trench(network(edges, [(0, 2.0), (2, 0.1)], mains=np.array([0.1])), loads).cost(3) == np.inf


def test_each_unit_is_supplied_by_one_source():
    """Two sources of 1.0 on one main have 2.0, but not three times 0.6."""
    edges = [(0, 1, 9, 0), (0, 2, 10, -1), (1, 3, 10, -1), (1, 4, 10, -1)]
    found = trench(network(edges, [(0, 1.0), (1, 1.0)]), [(2, 0.6), (3, 0.6), (4, 0.6)])
    assert found.cost(3) == pytest.approx(2 * 10 * 15.0)
    assert found.cost(7) == np.inf


def test_a_village_by_hand():
    """The whole cost of a lone village: the option and 520 m of DN200, at 3,100 CNY/m."""
    world = corridor([300])
    options = price_options(world)
    best = oracle.best(options, policy=world.policy)
    base = options.table.loc[("V00", "district_heating"), "annual_cost_equal_service_cny"]
    assert best.routes == {"V00": "district_heating"}
    assert best.cost == pytest.approx(base + 520 * 3100 * (0.0782267 + 0.01), rel=1e-6)


def test_an_upgrade_by_hand():
    """1,625.9 kVA are drawn, 1,000 are spare: the rest costs 900 CNY/kVA at 6 % over 25 years."""
    sub = substation(1000, upgrade_kva=1000, upgrade_cost_cny_per_kva=900)
    world = county([village(1, 0, 0)], 'order = ["heat_pump"]', substations=[sub])
    options = price_options(world)
    best = oracle.best(options, policy=world.policy)
    base = options.table.loc[("V01", "heat_pump"), "annual_cost_equal_service_cny"]
    assert best.cost == pytest.approx(base + 625.865 * 900 * 0.0782267, rel=1e-6)


def test_households_come_before_money():
    """Room for one of two heat pumps: the larger village gets it, and the smaller waits."""
    rows = [village(1, 0, 0, 300), village(2, 500, 0, 200)]
    world = county(rows, 'order = ["heat_pump"]', substations=[substation(1700)])
    best = oracle.best(price_options(world), policy=world.policy)
    assert best.deferred == 200
    assert best.routes == {"V01": "heat_pump", "V02": "deferred"}


def test_a_transition_counts_unless_a_lasting_route_stands_after_it():
    rows = [village(1, 0, 0, 300, insulated=True)]
    late = county(rows, 'order = ["heat_pump", "clean_coal"]')
    early = county(rows, 'order = ["clean_coal", "heat_pump"]')
    assert oracle.best(price_options(late), policy=late.policy).routes == {"V01": "heat_pump"}
    assert oracle.best(price_options(early), policy=early.policy).routes == {"V01": "clean_coal"}


def test_a_lock_that_nobody_can_supply_leaves_nothing():
    rows = [village(1, 600, 400, locked_route="district_heating")]
    world = county(rows, heat_sources=[heat_source(1.0)], heat_mains=[main((0, 0), (5000, 0))])
    assert oracle.best(price_options(world), policy=world.policy) is None


@pytest.mark.parametrize("seed", [0, 3, 6, 9, 24, 29, 45, 245])
def test_what_the_cascade_decides_costs_what_the_cascade_says_and_is_never_better(seed):
    world = small_world(seed)
    options = price_options(world)
    grown = options.fresh()
    selection = cascade(grown, policy=world.policy)
    built = oracle.as_built(grown, policy=world.policy, route=selection.route)
    taken = [key for key in selection.route.items() if key in selection.table.index]
    assert built.cost == pytest.approx(selection.table.loc[taken, "annual_cost_equal_service_cny"].sum())
    repiped = oracle.best(options, policy=world.policy, fixed=built.routes)
    assert repiped.cost <= built.cost * (1 + 1e-9)
    best = oracle.best(options, policy=world.policy)
    assert best.key <= (*built.key[:2], built.cost * (1 + 1e-9))
