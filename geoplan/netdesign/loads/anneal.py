"""Ruin and recreate with annealing: take demands out, bring them back in another order."""

# ruff: noqa: NPY002 - compiled code keeps its own legacy generator, seeded by `set_seed`

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoplan.netdesign.graph import Floats, Ints, constant, kernel
from geoplan.netdesign.loads.forest import Sized, link_cost
from geoplan.netdesign.loads.moves import (
    Live,
    copy_into,
    drop,
    key_below,
    recount,
    rehang,
    saving,
    serve,
    subtree,
)

#: Largest number of demands taken out at once.
MOST = 20
#: Chance that a way left bare by a ruin is laid anew, and how much the prices then vary.
ANEW, NOISE = 0.5, 0.3
#: Turns between two changes of the tolls, and overload at which they change at full speed.
PAUSE, OVERLOAD = 10, 0.02
#: Highest climb from a demand to the top of a subtree that is hung elsewhere.
CLIMB = 10
#: Rounds of improvement after a turn, and number of nodes found before the first.
ONCE, NONE = constant(1), constant(0)


class Supply(NamedTuple):
    """Links of the sources with a capacity, the capacity, and a price for a unit of it."""

    link: Ints
    capacity: Floats
    toll: Floats


@kernel
def set_seed(seed: int) -> None:
    """Seed the generator of the compiled code."""
    np.random.seed(seed)


@kernel
def improve(s: Sized, w: Live, nodes: Ints, count: int, rounds: int) -> None:
    """Serve, drop and hang elsewhere the first nodes of a list, one at a time, until nothing gains."""
    for _ in range(rounds):
        before = w.cost[0]
        for k in range(count):
            i = nodes[k]
            if i == s.root:
                continue
            if w.into[i] >= 0:
                if w.served[i] and w.children[i] > 0 and saving(s, w, i) > s.prize[i]:
                    drop(s, w, i)
                rehang(s, w, i)
            if not w.served[i] and s.prize[i] > 0.0:
                serve(s, w, i, s.prize[i])
        if w.cost[0] >= before - 1e-9 * abs(before):
            break


@kernel
def _around(  # noqa: PLR0917 - kernels take no keywords
    s: Sized, w: Live, centre: int, most: int, share: float, found: Ints, kept: int
) -> int:
    """Add up to `most` demands near a node to `found`, each with chance `share`; their number then."""
    w.mark[0] += 1
    queue = w.chain
    queue[0] = centre
    w.reached[centre] = w.mark[0]
    size = 1
    at = 0
    top = min(kept + most, len(found))
    while at < size and kept < top:
        i = queue[at]
        at += 1
        if s.prize[i] > 0.0 and np.random.random() < share:
            found[kept] = i
            kept += 1
        for k in range(s.net.start[i], s.net.start[i + 1]):
            j = s.net.head[s.net.leaving[k]]
            if w.reached[j] != w.mark[0] and j != s.root:
                w.reached[j] = w.mark[0]
                queue[size] = j
                size += 1
    return kept


@kernel
def _branch(s: Sized, w: Live, node: int, most: int, found: Ints) -> int:
    """Write the demands of the largest branch through `node` with up to `most` of them; their number."""
    kept = 0
    while node != s.root:
        w.mark[0] += 1
        size = subtree(s, w, node)
        inner = 0
        for k in range(size):
            inner += int(w.served[w.order[k]])
        if inner > most:
            break
        kept = 0
        for k in range(size):
            if w.served[w.order[k]]:
                found[kept] = w.order[k]
                kept += 1
        node = s.net.head[w.into[node] ^ 1]
    return kept


@kernel
def _choose(s: Sized, w: Live, demands: Ints, found: Ints) -> int:
    """Demands to bring out and back, written to `found`: a branch, two places or one; their number."""
    most = 1 + int(np.random.random() * MOST)
    some = 1 + most // 3
    centre = demands[int(np.random.random() * len(demands))]
    kind = np.random.random()
    if kind < 0.2 and w.into[centre] >= 0:
        kept = _branch(s, w, centre, most, found)
        return _around(s, w, centre, some, 0.5, found, kept)
    if kind < 0.4:
        kept = _around(s, w, centre, some, 0.8, found, NONE)
        other = demands[int(np.random.random() * len(demands))]
        return _around(s, w, other, some, 0.8, found, kept)
    return _around(s, w, centre, most, 0.3 + 0.7 * np.random.random(), found, NONE)


@kernel
def _arrange(s: Sized, nodes: Ints, count: int, keys: Floats) -> None:
    """Put the first nodes of a list in the order of load, prize, prize per load, or chance."""
    kind = np.random.random()
    for k in range(count):
        node = nodes[k]
        if kind < 0.2:
            key = s.load[node]
        elif kind < 0.4:
            key = s.prize[node]
        elif kind < 0.55:
            key = s.prize[node] / (s.load[node] + 1e-12)
        else:
            key = np.random.random()
        at = k
        while at > 0 and keys[at - 1] < key:
            nodes[at] = nodes[at - 1]
            keys[at] = keys[at - 1]
            at -= 1
        nodes[at] = node
        keys[at] = key


@kernel
def _ruin(s: Sized, w: Live, nodes: Ints, count: int, ends: Ints) -> None:
    """Stop serving nodes; ways that then only pass through are laid anew, here and there."""
    bare = 0
    for k in range(count):
        if w.served[nodes[k]]:
            end = drop(s, w, nodes[k])
            if end != s.root and np.random.random() < ANEW:
                ends[bare] = end
                bare += 1
    w.noise[0] = NOISE * max(0.0, np.random.random() - 0.3)
    for k in range(bare):
        if w.into[ends[k]] >= 0 and not w.served[ends[k]]:
            rehang(s, w, key_below(s, w, ends[k]))
    w.noise[0] = 0.0


@kernel
def _recreate(s: Sized, w: Live, nodes: Ints, count: int) -> None:
    """Serve nodes again where it pays, at first also where others must share the way; improve."""
    optimism = max(1.0, 3.0 - 4.0 * np.random.random())
    for k in range(count):
        if not w.served[nodes[k]]:
            serve(s, w, nodes[k], s.prize[nodes[k]] * optimism)
    improve(s, w, nodes, count, ONCE)
    top = nodes[int(np.random.random() * count)]
    climb = 1 + int(np.random.random() * CLIMB)
    while climb > 0 and w.into[top] >= 0 and s.net.head[w.into[top] ^ 1] != s.root:
        top = s.net.head[w.into[top] ^ 1]
        climb -= 1
    if w.into[top] >= 0:
        rehang(s, w, top)


@kernel
def _carried(s: Sized, w: Live, link: int) -> float:
    """Load of a source's link."""
    node = s.net.head[2 * link]
    return w.flow[node] if w.into[node] == 2 * link else 0.0


@kernel
def _set_tolls(soft: Sized, s: Sized, w: Live, supply: Supply, step: float) -> None:
    """Move the tolls of the sources towards those at which their capacity is just used."""
    for q in range(len(supply.link)):
        link = supply.link[q]
        load = _carried(s, w, link)
        over = (load - supply.capacity[q]) / (OVERLOAD * supply.capacity[q] + 1e-12)
        supply.toll[q] = max(0.0, supply.toll[q] + step * max(-1.0, min(1.0, over)))
        for k in range(s.start[link], s.start[link + 1]):
            soft.slope[k] = s.slope[k] + supply.toll[q]
        node = s.net.head[2 * link]
        if w.into[node] == 2 * link:
            price = link_cost(soft, link, load)
            w.cost[0] += price - w.paid[node]
            w.paid[node] = price


@kernel
def _true_cost(s: Sized, w: Live, supply: Supply) -> float:
    """Cost without tolls; infinite if a source is overloaded."""
    value = w.cost[0]
    for q in range(len(supply.link)):
        link = supply.link[q]
        node = s.net.head[2 * link]
        if w.into[node] == 2 * link:
            value += link_cost(s, link, w.flow[node]) - w.paid[node]
    return value


@kernel
def anneal(  # noqa: PLR0917 - kernels take no keywords
    problems: tuple[Sized, Sized],
    forests: tuple[Live, Live, Live],
    demands: Ints,
    supply: Supply,
    step: float,
    heat: tuple[float, float],
    turns: int,
) -> None:
    """Turns of ruin and recreate.

    Parameters
    ----------
    problems : tuple of Sized
        The problem to search, with tolls in its slopes, and the problem itself.
    forests : tuple of Live
        The forest to change, another of its size, and the best so far.
    demands : array of int
    supply : Supply
    step : float
        Largest change of a toll at a time; 0: tolls stay.
    heat : tuple of float
        Temperature at the first turn and at the last, in costs.
    turns : int
    """
    soft, s = problems
    now, trial, best = forests
    nodes = np.empty(3 * MOST, np.int64)
    ends = np.empty(3 * MOST, np.int64)
    keys = np.empty(3 * MOST)
    for turn in range(turns):
        if step > 0.0 and turn % PAUSE == 0:
            _set_tolls(soft, s, now, supply, step)
        count = _choose(soft, now, demands, nodes)
        if count == 0:
            continue
        copy_into(now, trial)
        _ruin(soft, trial, nodes, count, ends)
        _arrange(soft, nodes, count, keys)
        _recreate(soft, trial, nodes, count)
        temperature = heat[0] * (heat[1] / heat[0]) ** (turn / turns)
        if trial.cost[0] < now.cost[0] - temperature * np.log(np.random.random()):
            copy_into(trial, now)
            if _true_cost(s, now, supply) < best.cost[0] * (1.0 - 1e-12):
                copy_into(now, best)
                recount(s, best)
