"""The search for good forests: its books are right, it keeps to the capacities, and it finds the best."""

from __future__ import annotations

import numpy as np
import pytest

from geoplan.netdesign.graph import build_network
from geoplan.netdesign.instance import Instance, read_instance
from geoplan.netdesign.loads.forest import Sized, empty_forest, fits, prizes_for_search, total_cost
from geoplan.netdesign.loads.moves import drop, live, recount, rehang, serve
from geoplan.netdesign.loads.search import Annealing, carrying, grown, improved, shed
from geoplan.netdesign.tables import Tables
from tests.worlds_netdesign import World, grid_world, least_cost, random_world


def arrays(world: World) -> tuple[Instance, Sized]:
    instance = read_instance(Tables(world.edges, world.demands, world.sources, world.pipes))
    costs = instance.fixed + instance.slope * instance.load.sum()
    prize = prizes_for_search(instance.prize, costs)
    sizes = instance.start, instance.fixed, instance.slope, instance.capacity
    network = build_network(instance.n_nodes, instance.u, instance.v)
    return instance, Sized(network, *sizes, instance.load, prize, instance.root)


def annealed(world: World, seed: int, times: int) -> Annealing:
    instance, s = arrays(world)
    search = Annealing(instance, s, empty_forest(s), seed)
    for _ in range(times):
        search.run()
    return search


@pytest.mark.parametrize("kind", ["priced", "pipes"])
def test_the_books_of_single_moves_equal_a_recount(kind):
    _, s = arrays(grid_world(6, kind))
    s = s._replace(prize=5.0 * s.prize)
    rng = np.random.default_rng(1)
    w = live(s, empty_forest(s))
    for node in rng.integers(0, 36, 400):
        if not w.served[node]:
            serve(s, w, int(node), 3.0 * float(s.prize[node]))
        elif rng.random() < 0.5:
            drop(s, w, int(node))
        if w.into[node] >= 0:
            rehang(s, w, int(node))
    kept = w.cost[0], w.flow.copy(), w.children.copy(), w.paid.copy()
    recount(s, w)
    assert kept[0] == pytest.approx(w.cost[0])
    for before, after in zip(kept[1:], (w.flow, w.children, w.paid), strict=True):
        assert np.allclose(before, after)
    assert w.served.any()


@pytest.mark.parametrize("kind", ["priced", "pipes"])
def test_annealing_keeps_to_the_capacities_and_gains(kind):
    search = annealed(grid_world(7, kind), 0, 6)
    s, best = search.s, search.best()
    first = grown(s, search.demands, 1.0)
    assert fits(s, best)
    assert fits(s, first)
    assert total_cost(s, best) == pytest.approx(search.value())
    assert search.value() < total_cost(s, improved(s, first, 10)) < total_cost(s, first)
    assert search.value() <= total_cost(s, improved(s, best, 10)) * (1 + 1e-9)


def test_the_same_seed_gives_the_same_forest():
    world = grid_world(7, "pipes")
    one, two = (annealed(world, 3, 4).best() for _ in range(2))
    assert (one.into == two.into).all()
    assert (one.served == two.served).all()


@pytest.mark.parametrize("kind", ["priced", "pipes"])
@pytest.mark.parametrize("seed", range(20))
def test_annealing_alone_finds_the_best_of_small_worlds(seed, kind):
    world = random_world(seed, kind)
    best = least_cost(world)
    instance, _ = arrays(world)
    if not np.isfinite(best) or not (instance.prize[:-1] > 0.0).any():
        return
    assert annealed(world, 0, 10).value() == pytest.approx(best, abs=1e-6)


def test_overloaded_links_shed_what_is_worth_least():
    _, s = arrays(grid_world(5, "pipes"))
    tight = s._replace(capacity=np.minimum(s.capacity, 0.35))
    whole = grown(s._replace(capacity=s.capacity + 99.0), np.flatnonzero(s.prize > 0.0), 9.0)
    assert not fits(tight, carrying(tight, whole.into, whole.served))
    left = shed(tight, whole)
    assert fits(tight, left)
    assert 0 < left.served.sum() < whole.served.sum()
