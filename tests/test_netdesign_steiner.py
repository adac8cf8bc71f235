"""The classical problem, rooted and unrooted: enumeration, with every reduction and with none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoplan.netdesign import design_network
from geoplan.netdesign.steiner import solve
from tests.worlds_netdesign import least_cost, random_world


def same(world):
    best, design = least_cost(world), world.solve()
    if design is None:
        assert best == np.inf
        return
    assert design.cost == pytest.approx(best, abs=1e-8)
    assert design.bound == pytest.approx(best, abs=1e-5)
    assert design.status == "optimal"


@pytest.mark.parametrize("kind", ["classical", "unrooted"])
@pytest.mark.parametrize("seed", range(50))
def test_equals_enumeration(seed, kind):
    same(random_world(seed, kind))


@pytest.mark.parametrize("seed", range(40))
def test_branch_and_cut_alone_equals_enumeration(seed, monkeypatch):
    """Without reductions and certificates every problem ends in the linear program."""
    monkeypatch.setattr(solve, "simplify", lambda left: None)
    monkeypatch.setattr(solve, "drop_detours", lambda left: 0)
    monkeypatch.setattr(solve, "ROUNDS", 0)
    monkeypatch.setattr(solve, "ROOT_TRIALS", 0 if seed % 2 else 3)
    same(random_world(700 + seed, "classical" if seed % 4 < 2 else "unrooted"))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["classical", "unrooted"]), st.sampled_from([0.7, 1.0]))
def test_a_cheaper_edge_never_costs_more_and_the_order_does_not_matter(seed, kind, factor):
    world = random_world(seed, kind, size=14)
    before = world.solve()
    edges = world.edges.assign(fixed_cost=world.edges["fixed_cost"] * factor)
    after = world.with_(edges=edges.iloc[::-1], demands=world.demands.iloc[::-1]).solve()
    assert (before is None) == (after is None)
    if before is not None:
        assert after.cost <= before.cost + 1e-6
        assert after.bound <= after.cost
        assert factor < 1.0 or after.cost == pytest.approx(before.cost, abs=1e-6)


def test_unrooted_is_one_component():
    edges = pd.DataFrame({"u": [1, 2, 3], "v": [2, 3, 4], "fixed_cost": [1.0, 1.0, 9.0]})
    demands = pd.DataFrame({"node": [1, 3, 4], "load": 0.0, "prize": 4.0})
    design = design_network(edges, demands, None)
    assert (design.cost, design.bound, design.gap, design.status) == (6.0, 6.0, 0.0, "optimal")
    assert design.connected.to_dict() == {1: True, 3: True, 4: False}
    assert design.edges.index.tolist() == [0, 1]
    assert design.source_load.empty


def test_unrooted_a_single_node_counts():
    edges = pd.DataFrame({"u": [1], "v": [2], "fixed_cost": [50.0]})
    demands = pd.DataFrame({"node": [1, 2, 3], "load": 0.0, "prize": [4.0, 7.0, 1.0]})
    design = design_network(edges, demands, None)
    assert (design.cost, design.bound) == (5.0, 5.0)
    assert design.connected.to_dict() == {1: False, 2: True, 3: False}
    assert design.edges.empty
    assert design_network(edges.iloc[:0], demands, None).cost == 5.0


def test_a_loop_and_an_edge_without_price_do_no_harm():
    edges = pd.DataFrame({"u": ["a", "a", "b"], "v": ["a", "b", "c"], "fixed_cost": [0.0, 0.0, 2.0]})
    demands = pd.DataFrame({"node": ["a", "b", "c"], "load": 0.0, "prize": [1.0, 1.0, 1.0]})
    sources = pd.DataFrame({"node": ["a"], "capacity": [np.nan]})
    for rooted in (None, sources):
        design = design_network(edges, demands, rooted)
        assert (design.cost, design.connected.tolist()) == (1.0, [True, True, False])


def test_labels_may_be_coordinates_and_an_index_of_several_levels():
    a, b, c = (0.5, 1.0), (2.0, 3.0), "c"
    edges = pd.DataFrame({"u": pd.Series([a, b], dtype=object), "v": [b, c], "fixed_cost": [1.0, 2.0]})
    edges.index = pd.MultiIndex.from_tuples([("x", 1), ("x", 0)], names=["street", "number"])
    demands = pd.DataFrame({"node": pd.Series([b, c], dtype=object), "load": 1.0, "prize": 9.0})
    sources = pd.DataFrame({"node": pd.Series([a], dtype=object), "capacity": [5.0]})
    design = design_network(edges, demands, sources)
    assert design.cost == 3.0
    assert design.edges.index.equals(edges.index)
    assert design.edges["from_node"].tolist() == [a, b]
    assert design.connected[b]
    assert design.source_load.to_dict() == {a: 2.0}


def test_tables_without_rows_give_a_design_without_cost():
    edges = pd.DataFrame({"u": ["a"], "v": ["b"], "fixed_cost": [1.0]})
    demands = pd.DataFrame({"node": ["a"], "load": [1.0], "prize": [2.0]})
    sources = pd.DataFrame({"node": ["a"], "capacity": [np.nan]})
    for tables in ((edges, demands[:0], None), (edges, demands[:0], sources), (edges[:0], demands, sources)):
        design = design_network(*tables)
        assert (design.cost, design.bound, design.status, len(design.edges)) == (0.0, 0.0, "optimal", 0)
