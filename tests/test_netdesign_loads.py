"""Networks with loads: enumeration, what holds for every world, raw bounds, and the check of a design."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from geoplan.errors import CertificateError
from geoplan.netdesign import design_network
from geoplan.netdesign.check import check_design
from geoplan.netdesign.clock import Clock
from geoplan.netdesign.instance import read_instance
from geoplan.netdesign.loads import budget
from geoplan.netdesign.loads.bounds import Bounder
from geoplan.netdesign.loads.flow_model import FlowModel
from geoplan.netdesign.loads.forest import link_cost
from geoplan.netdesign.loads.lagrange import Lagrangian
from geoplan.netdesign.loads.minorant import excess
from geoplan.netdesign.loads.packing import Packing
from geoplan.netdesign.loads.solve import _Search
from geoplan.netdesign.tables import Tables
from tests.worlds_netdesign import PIPES, World, grid_world, least_cost, random_world

QUICK = settings(max_examples=20, deadline=None)
seeds, kinds = st.integers(0, 10**6), st.sampled_from(["priced", "pipes", "budgeted"])


def tables(world: World) -> Tables:
    return Tables(world.edges, world.demands, world.sources, world.pipes)


def same(world: World) -> None:
    best, design = least_cost(world), world.solve()
    if design is None:
        assert best == np.inf
        return
    assert design.cost == pytest.approx(best, abs=1e-6)
    assert design.bound == pytest.approx(best, abs=1e-4)
    assert design.status == "optimal"


@pytest.mark.parametrize("kind", ["priced", "pipes", "budgeted"])
@pytest.mark.parametrize("seed", range(50))
def test_equals_enumeration(seed, kind):
    same(random_world(seed, kind))


@pytest.mark.parametrize("seed", range(100, 140))
def test_branch_and_cut_with_a_limit_alone_equals_enumeration(seed, monkeypatch):
    monkeypatch.setattr(budget, "PRICES", 1)
    monkeypatch.setattr(budget, "TURNS", 0)
    monkeypatch.setattr(budget, "ASCENTS", 0)
    same(random_world(seed, "budgeted"))


def test_a_shared_trunk_is_cheaper_than_two_pipes():
    edges = pd.DataFrame(
        {
            "u": ["s", "s", "s", "x", "x"],
            "v": ["a", "b", "x", "a", "b"],
            "length_m": [7.0, 7.0, 6.0, 2.0, 2.0],
        }
    )
    demands = pd.DataFrame({"node": ["a", "b"], "load": [1.0, 1.0], "prize": [99.0, 99.0]})
    sources = pd.DataFrame({"node": ["s"], "capacity": [np.nan]})
    design = design_network(edges, demands, sources, pipes=PIPES, gap=0.0)
    assert design.cost == pytest.approx(6 * 1.6 + 2 + 2)
    assert design.edges["size"].to_dict() == {2: "M", 3: "S", 4: "S"}
    assert design.edges["load"].to_dict() == {2: 2.0, 3: 1.0, 4: 1.0}
    assert design.edges.loc[2, ["from_node", "to_node"]].tolist() == ["s", "x"]


def test_a_capacity_sends_the_second_village_to_the_dearer_source():
    edges = pd.DataFrame({"u": ["s", "s", "t"], "v": ["a", "b", "b"], "fixed_cost": [1.0, 1.0, 5.0]})
    demands = pd.DataFrame({"node": ["a", "b"], "load": [2.0, 2.0], "prize": [50.0, 50.0]})
    sources = pd.DataFrame({"node": ["s", "t"], "capacity": [3.0, 3.0], "fixed_cost": [0.0, 7.0]})
    design = design_network(edges, demands, sources, gap=0.0)
    assert design.cost == 1 + 5 + 7
    assert design.source_load.to_dict() == {"s": 2.0, "t": 2.0}


def test_an_existing_main_is_used_up_to_its_spare_capacity():
    edges = pd.DataFrame(
        {"u": ["s", "s", "m", "m"], "v": ["m", "b", "a", "b"], "length_m": [np.nan, 4.0, 1.0, 1.0]},
        index=["main", "new", "to a", "to b"],
    ).assign(fixed_cost=[0.0, np.nan, np.nan, np.nan], capacity=[3.0, np.nan, np.nan, np.nan])
    demands = pd.DataFrame({"node": ["a", "b"], "load": [3.0, 1.0], "prize": [50.0, 50.0]})
    sources = pd.DataFrame({"node": ["s"], "capacity": [9.0]})
    design = design_network(edges, demands, sources, pipes=PIPES, gap=0.0)
    assert design.cost == pytest.approx(1.6 + 4.0)
    assert design.edges["size"].to_dict() == {"main": "main", "new": "S", "to a": "M"}


def test_nothing_is_built_where_nothing_pays():
    world = random_world(3, "priced")
    design = world.with_(demands=world.demands.assign(prize=0.0, required=False)).solve()
    assert (design.cost, design.bound, design.gap, design.status) == (0.0, 0.0, 0.0, "optimal")
    assert design.edges.empty
    assert not design.connected.any()


@QUICK
@given(seeds, kinds)
def test_nothing_is_over_capacity_and_the_bound_is_below_the_cost(seed, kind):
    world = random_world(seed, kind, size=12)
    design = world.solve(gap=0.05)
    assume(design is not None)
    assert 0.0 <= design.bound <= design.cost
    assert design.gap == pytest.approx((design.cost - design.bound) / design.cost if design.cost else 0.0)
    room = world.sources["capacity"].fillna(np.inf).to_numpy()
    assert (design.source_load.to_numpy() <= room + 1e-9).all()
    for label, built in design.edges.iterrows():
        new = world.pipes is not None and built["size"] in world.pipes.index
        most = (
            world.pipes.at[built["size"], "capacity"] if new else world.edges.get("capacity", {}).get(label)
        )
        assert most is None or not built["load"] > most + 1e-9
    served = world.demands.loc[design.connected.to_numpy(), "load"].sum()
    assert design.source_load.sum() == pytest.approx(served)


@QUICK
@given(seeds, kinds, st.sampled_from(["source", "edge", "cheaper"]))
def test_more_capacity_or_a_cheaper_pipe_never_costs_more(seed, kind, what):
    world = random_world(seed, kind)
    before = world.solve()
    assume(before is not None)
    if what == "source":
        easier = world.with_(sources=world.sources.assign(capacity=world.sources["capacity"] + 1.0))
    elif kind != "pipes":
        changed = {"fixed_cost": world.edges["fixed_cost"] * 0.7}
        if what == "edge" and kind == "priced":
            changed = {"capacity": world.edges["capacity"] + 1.0}
        easier = world.with_(edges=world.edges.assign(**changed))
    else:
        column, factor = ("capacity", 1.5) if what == "edge" else ("cost_per_m", 0.7)
        easier = world.with_(pipes=world.pipes.assign(**{column: world.pipes[column] * factor}))
    assert easier.solve().cost <= before.cost * (1 + 1e-6) + 1e-6


@QUICK
@given(seeds, kinds, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_change_the_cost(seed, kind, random):
    world = random_world(seed, kind)
    mixed = {}
    for name in ("edges", "demands", "sources", "pipes"):
        table = getattr(world, name)
        mixed[name] = None if table is None else table.iloc[random.sample(range(len(table)), len(table))]
    before, after = world.solve(), World(**mixed).solve()
    assert (before is None) == (after is None)
    assert before is None or after.cost == pytest.approx(before.cost, abs=1e-5)


def test_the_same_seed_gives_the_same_design():
    first, second = (random_world(11, "pipes", size=12).solve(seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(first.edges, second.edges)
    assert (first.cost, first.bound) == (second.cost, second.bound)


def test_a_looser_gap_ends_earlier_and_says_so():
    design = grid_world(4, "pipes").solve(gap=0.2)
    assert design.status == "gap reached"
    assert 0.0 < design.gap <= 0.2


def test_the_tables_stay_as_they_are():
    world = random_world(4, "pipes")
    before = [t.copy() for t in (world.edges, world.demands, world.sources, world.pipes)]
    world.solve()
    for table, copy in zip((world.edges, world.demands, world.sources, world.pipes), before, strict=True):
        pd.testing.assert_frame_equal(table, copy)


@pytest.mark.parametrize("kind", ["priced", "pipes"])
@pytest.mark.parametrize("seed", range(500, 525))
def test_no_bound_is_above_the_optimum_before_it_is_capped(seed, kind):
    world = random_world(seed, kind)
    best = least_cost(world)
    instance = read_instance(tables(world))
    if not (np.isfinite(best) and best and (instance.prize[:-1] > 0).any()):
        return
    search = _Search(instance, 0.0, Clock(60.0), 0)
    assert search.bound <= best * (1 + 1e-9)
    search.offer(search.forest)
    scale = search.value if np.isfinite(search.value) else best
    known = Bounder(instance, search.s, 0)
    known.tune(search.forest, scale, 4)
    assert known.bound <= best * (1 + 1e-7)
    pieces = known.pieces(known.expected(search.forest), known.multiplier)
    least = instance.load[known.demands()].min()
    for arc in np.flatnonzero(known.most > 0):
        loads = np.array([x for x in range(1, 8) if least <= x <= known.most[arc]], dtype=float)
        loads = loads[[np.isfinite(link_cost(search.s, int(arc) >> 1, x)) for x in loads]]
        if arc not in known.source_arcs:
            assert excess(search.s, (pieces.fixed, pieces.slope), int(arc), loads) <= 1e-6
    lagrangian = Lagrangian(known, search.forest, scale)
    for _ in range(4):
        assert lagrangian.climb(1.2 * best, 30) <= best * (1 + 1e-7)
    lagrangian.fix(best * (1 + 1e-6) + 1e-6)
    lagrangian.restrict()
    assert lagrangian.climb(1.2 * best, 30) <= best * (1 + 1e-5)
    if lagrangian.problem.least > 0.0 and len(lagrangian.problem.demands):
        packing = Packing(lagrangian)
        for _ in range(3):
            assert packing.climb(1.2 * best, 30) <= best * (1 + 1e-5)
        packing.fix(best * (1 + 1e-6) + 1e-6)
        packing.restrict()
        assert packing.climb(1.2 * best, 30) <= best * (1 + 1e-5)
    model = FlowModel(instance, search.s, known)
    model.add_row(lagrangian.row())
    assert model.relax(1.2 * best, Clock(60.0)) <= best * (1 + 1e-5)


LINE = Tables(
    pd.DataFrame({"u": ["s", "a"], "v": ["a", "b"], "fixed_cost": [1.0, 1.0], "capacity": [3.0, 3.0]}),
    pd.DataFrame({"node": ["a", "b"], "load": [1.0, 2.0], "prize": [9.0, 9.0], "required": [True, False]}),
    pd.DataFrame({"node": ["s"], "capacity": [3.0]}),
    None,
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cost": lambda c: c - 1.0}, "costs 2.0 by the tables, not 1.0"),
        ({"bound": lambda b: b + 1.0}, "bound 3.0 is above the cost"),
        ({"edges": lambda e: e.assign(load=e["load"] + 1.0)}, "carries 4.0, more than its 3.0"),
        ({"edges": lambda e: e.assign(cost=0.5)}, "costs 1.0 by the tables, not 0.5"),
        ({"edges": lambda e: e.assign(from_node="b")}, "joins other nodes"),
        ({"edges": lambda e: e.iloc[1:]}, "has no source"),
        ({"edges": lambda e: e.iloc[[0, 1, 1]]}, "built twice"),
        ({"source_load": lambda load: load + 1.0}, "delivers 4.0, more than it has"),
        ({"connected": lambda c: ~c}, "required node a is not connected"),
    ],
)
def test_a_design_that_is_not_what_it_says_is_an_error(change, message):
    good = design_network(LINE.edges, LINE.demands, LINE.sources)
    check_design(good, LINE)
    bad = replace(good, **{name: f(getattr(good, name)) for name, f in change.items()})
    with pytest.raises(CertificateError, match=message):
        check_design(bad, LINE)
