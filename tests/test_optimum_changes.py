"""What may not happen to the optimum when a county changes a little: seeded counties, drawn changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from geoplan.errors import InfeasibleError
from geoplan.ledger import DEFERRED
from geoplan.model import County
from geoplan.optimum import Worth, optimum
from geoplan.options import Options, price_options
from geoplan.policy import Policy
from geoplan.schema import Supply
from tests.small_worlds import small_world

FEW = settings(max_examples=12, deadline=None)
#: Counties of their own, besides those that are compared with trying everything.
seeds_ = st.integers(300, 4000)
CLOSE = 1e-6


def worth(options: Options, policy: Policy) -> Worth:
    """What the optimum of the options is worth; the options are left as they are."""
    try:
        return optimum(options.fresh(), policy=policy)[1].worth
    except InfeasibleError:
        assume(False)
        raise


def no_worse(one: Worth, other: Worth) -> bool:
    """Whether a worth is as good as another, but for rounding."""
    limit = other.cost_cny_per_a * (1 + CLOSE)
    return (one.deferred, one.transition, one.cost_cny_per_a) <= (other.deferred, other.transition, limit)


def changed(options: Options, supply: Supply, **parts) -> Options:
    """The options with parts of one network replaced."""
    new = options.fresh()
    new.supplies[supply] = replace(new.supplies[supply], **parts)
    return new


@FEW
@given(seeds_, st.sampled_from(["heat", "gas", "grid", "biomass"]), st.integers(0, 1), st.floats(1, 2))
def test_more_capacity_never_costs_more(seed, supply, position, factor):
    world = small_world(seed)
    options = price_options(world)
    network = options.supplies[supply]
    assume(position < len(network.sources))
    capacity = network.sources["capacity"].to_numpy(dtype=float).copy()
    capacity[position] = capacity[position] * factor + 1.0
    sources = network.sources.assign(capacity=capacity)
    growth = None if network.growth is None else replace(network.growth, capacity=capacity)
    more = changed(options, supply, sources=sources, growth=growth)
    assert no_worse(worth(more, world.policy), worth(options, world.policy))


@FEW
@given(seeds_, st.floats(1, 4))
def test_a_wider_main_never_costs_more(seed, factor):
    world = small_world(seed)
    options = price_options(world)
    growth = options.supplies["heat"].growth
    assume(growth is not None)
    # Narrow enough to matter, then wider.
    need = options.table["capacity_use"].xs("district_heating", level=1).sum()
    narrow = replace(growth, main_capacity=np.minimum(growth.main_capacity, 0.4 * need))
    wide = replace(growth, main_capacity=narrow.main_capacity * factor)
    less, more = (changed(options, "heat", growth=g) for g in (narrow, wide))
    assert no_worse(worth(more, world.policy), worth(less, world.policy))


@FEW
@given(seeds_, st.sampled_from(["heat", "gas"]), st.integers(0, 14), st.floats(0, 1))
def test_a_cheaper_pipe_never_costs_more(seed, supply, size, share):
    """One size at a price between its own and that of the next smaller one."""
    world = small_world(seed)
    options = price_options(world)
    growth = options.supplies[supply].growth
    assume(growth is not None and size < len(growth.pipes.cny_per_m))
    price = growth.pipes.cny_per_m.astype(float).copy()
    price[size] -= share * (price[size] - (price[size - 1] if size else 0.5 * price[size]))
    cheaper = replace(growth, pipes=replace(growth.pipes, cny_per_m=price))
    assert no_worse(
        worth(changed(options, supply, growth=cheaper), world.policy), worth(options, world.policy)
    )


@FEW
@given(seeds_, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(seed, random):
    world = small_world(seed)
    order = list(range(len(world.villages)))
    random.shuffle(order)
    layers = {stem: layer.iloc[::-1].reset_index(drop=True) for stem, layer in world.layers.items()}
    other = County("world", world.villages.iloc[order].reset_index(drop=True), world.policy, layers)
    worth(price_options(world), world.policy)
    one, two = (optimum(price_options(w), policy=world.policy) for w in (world, other))
    assert one[0].route.equals(two[0].route)
    assert one[0].source_id.equals(two[0].source_id)
    assert one[1].worth.cost_cny_per_a == pytest.approx(two[1].worth.cost_cny_per_a, rel=CLOSE)


@FEW
@given(seeds_, st.data())
def test_a_lock_is_obeyed_and_never_pays(seed, data):
    """Locked to what it gets anyway, nothing changes; locked to anything else, nothing gets better."""
    world = small_world(seed)
    options = price_options(world)
    free = worth(options, world.policy)
    selection, _ = optimum(options.fresh(), policy=world.policy)
    villages = options.villages
    village = data.draw(st.sampled_from(list(villages.index[villages["heat_load_kw"] > 0])))
    assume(selection.route[village] != DEFERRED and villages["group_id"].isna()[village])
    assume(villages["locked_route"].isna()[village])  # another lock in place of one may well pay
    ranked = [r for rank in world.policy.ranks for r in rank if options.eligible(village, r)]
    for route in (selection.route[village], data.draw(st.sampled_from(ranked or [selection.route[village]]))):
        locked = villages["locked_route"].astype(object).copy()
        locked[village] = route
        held = replace(options.fresh(), villages=villages.assign(locked_route=locked))
        try:
            found, proof = optimum(held, policy=world.policy)
        except InfeasibleError:
            assert route != selection.route[village]
            continue
        assert found.route[village] == route
        assert no_worse(free, proof.worth)
        if route == selection.route[village]:
            assert no_worse(proof.worth, free)


@FEW
@given(seeds_)
def test_the_bound_is_no_more_than_the_cost_and_the_cascade_no_better(seed):
    world = small_world(seed)
    options = price_options(world)
    worth(options, world.policy)
    _, proof = optimum(options, policy=world.policy)
    assert proof.bound_cny_per_a <= proof.worth.cost_cny_per_a
    assert 0.0 <= proof.gap <= CLOSE
    assert no_worse(proof.worth, proof.cascade)
