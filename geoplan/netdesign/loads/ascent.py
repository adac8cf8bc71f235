"""Dual ascent for networks whose links cost an affine piece of the load.

Each demand has its own prices of being at a node. Raising them at all nodes
that can reach the demand over saturated arcs charges the arcs entering there;
what all demands together are charged on a piece of an arc is at most its fixed
part. The prices of the demands at their own nodes add up to a lower bound.

References
----------
.. [1] A. Balakrishnan, T. L. Magnanti, R. T. Wong (1989), A dual-ascent procedure for large-scale
   uncapacitated network design, Operations Research 37(5), 716-740.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoplan.netdesign.graph import FROM, Bools, Floats, Ints, Network, distances, heap_pop, heap_push, kernel

#: A set is raised at once unless its cut is this much wider than the next one's.
RATIO = 1.25


class Charges(NamedTuple):
    """Outcome of a multi-commodity dual ascent.

    Attributes
    ----------
    bound : float
        Sum of the prices the demands pay at their own nodes.
    rest : array, shape (n_arcs, n_pieces)
        What is left of the fixed part of each piece.
    price : array, shape (n_demands, n_nodes)
        Price of each demand at each node.
    """

    bound: float
    rest: Floats
    price: Floats


class Wanted(NamedTuple):
    """Demands of a dual ascent.

    Attributes
    ----------
    load, prize : array, shape (n_demands,)
    node : array of int, shape (n_demands,)
    tie : array, shape (n_demands,)
        Numbers in [0, 1) that settle ties.
    """

    load: Floats
    prize: Floats
    node: Ints
    tie: Floats


class Arcs(NamedTuple):
    """Arcs as the steps see them: slopes and what is left of the fixed parts; `tiny` counts as none."""

    net: Network
    slope: Floats
    rest: Floats
    tiny: float


@kernel
def _step(t: Arcs, price: Floats, load: float, inside: Bools, members: Ints) -> tuple[float, int, int]:
    """Largest rise of the members' prices before a piece binds; arcs entering; a saturated arc or -1."""
    rise = np.inf
    count = 0
    for i in members:
        for k in range(t.net.start[i], t.net.start[i + 1]):
            a = t.net.leaving[k] ^ 1
            j = t.net.head[a ^ 1]
            if inside[j] or t.rest[a, 0] == np.inf:
                continue
            count += 1
            ahead = price[i] - price[j]
            for p in range(t.slope.shape[1]):
                if t.rest[a, p] == np.inf:
                    break
                room = t.slope[a, p] * load - ahead
                if room <= t.tiny:
                    room = t.rest[a, p]
                    if room <= t.tiny:
                        return 0.0, count, a
                rise = min(rise, room)
    return rise, count, -1


@kernel
def _raise(t: Arcs, price: Floats, load: float, inside: Bools, members: Ints, by: float) -> None:
    """Raise the members' prices and charge the pieces of the arcs that enter (or credit those that leave)."""
    for i in members:
        for k in range(t.net.start[i], t.net.start[i + 1]):
            out = t.net.leaving[k]
            j = t.net.head[out]
            if inside[j]:
                continue
            a = out ^ 1
            ahead = price[i] - price[j]
            for p in range(t.slope.shape[1]):
                if t.rest[a, p] < np.inf:
                    free = t.slope[a, p] * load
                    t.rest[a, p] -= max(ahead + by - free, 0.0) - max(ahead - free, 0.0)
                if t.rest[out, p] < np.inf:
                    free = t.slope[out, p] * load
                    t.rest[out, p] += max(-ahead - free, 0.0) - max(-ahead - by - free, 0.0)
    for i in members:
        price[i] += by


@kernel
def _first_prices(t: Arcs, fixed: Floats, w: Wanted, root: int) -> Floats:
    """Prices that charge nothing: the least sum of slopes from the root, times the load."""
    n = len(t.net.start) - 1
    least = np.full(len(t.net.head), np.inf)
    for a in range(len(t.net.head)):
        for p in range(t.slope.shape[1]):
            if fixed[a, p] < np.inf:
                least[a] = min(least[a], t.slope[a, p])
    first = np.full(n, np.inf)
    first[root] = 0.0
    far, _ = distances(t.net, least, first, FROM)
    price = np.zeros((len(w.node), n))
    for d in range(len(w.node)):
        if w.load[d] > 0.0:
            for i in range(n):
                price[d, i] = min(w.load[d] * far[i], w.prize[d])
    return price


@kernel
def _absorb(  # noqa: PLR0917 - one demand's state
    t: Arcs, price: Floats, load: float, inside: Bools, members: Ints, size: int, root: int
) -> tuple[float, int, int]:
    """Take in nodes over saturated arcs; rise possible then, arcs entering (0: over), set size."""
    while True:
        rise, entering, shut = _step(t, price, load, inside, members[:size])
        if shut < 0:
            return rise, entering, size
        j = t.net.head[shut ^ 1]
        inside[j] = True
        members[size] = j
        size += 1
        if j == root:
            return 0.0, 0, size


@kernel
def ascend(net: Network, fixed: Floats, slope: Floats, w: Wanted, root: int, tiny: float) -> Charges:
    """Dual ascent; see the module.

    Parameters
    ----------
    net : Network
    fixed, slope : array, shape (n_arcs, n_pieces)
        Affine pieces of each arc; infinite: no such piece.
    w : Wanted
    root : int
    tiny : float
        Amounts that count as none.
    """
    count = len(w.node)
    t = Arcs(net, slope, fixed.copy(), tiny)
    price = _first_prices(t, fixed, w, root)
    inside = np.zeros(price.shape, np.bool_)
    members = np.empty(price.shape, np.int64)
    size = np.ones(count, np.int64)
    keys = np.empty(count + 1, np.float64)
    items = np.empty(count + 1, np.int64)
    heap = 0
    for d in range(count):
        inside[d, w.node[d]] = True
        members[d, 0] = w.node[d]
        if price[d, w.node[d]] < w.prize[d]:
            heap = heap_push(keys, items, heap, w.tie[d], d)
    while heap > 0:
        d = items[0]
        heap = heap_pop(keys, items, heap)
        rise, entering, size[d] = _absorb(t, price[d], w.load[d], inside[d], members[d], size[d], root)
        if entering == 0:
            if not inside[d, root]:
                price[d, w.node[d]] = w.prize[d]
            continue
        key = entering + w.tie[d]
        if heap > 0 and key > RATIO * keys[0] + 1.0:
            heap = heap_push(keys, items, heap, key, d)
            continue
        before = price[d, w.node[d]]
        by = min(rise, w.prize[d] - before)
        _raise(t, price[d], w.load[d], inside[d], members[d, : size[d]], by)
        if before < price[d, w.node[d]] < w.prize[d] - tiny:  # a rise may be lost in a large price
            heap = heap_push(keys, items, heap, key, d)
    bound = 0.0
    for d in range(count):
        bound += min(price[d, w.node[d]], w.prize[d])
    return Charges(bound, t.rest, price)
