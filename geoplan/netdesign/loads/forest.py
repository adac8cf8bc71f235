"""Forests that carry loads, and what their links cost.

A forest hangs on the super-source. A node is in it if an arc enters it; a
demand is served or not, and a node whose demand is not served may still be
passed through.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoplan.netdesign.graph import Bools, Floats, Ints, Network, build_network, kernel
from geoplan.netdesign.instance import Instance


class Sized(NamedTuple):
    """Links with their sizes, and demands: `Instance` as the kernels read it.

    Attributes
    ----------
    net : Network
    start : array of int, shape (n_links + 1,)
        Where a link's sizes begin.
    fixed, slope, capacity : array, shape (n_sizes,)
    load, prize : array, shape (n_nodes,)
        A required node has a prize larger than any design costs.
    root : int
    """

    net: Network
    start: Ints
    fixed: Floats
    slope: Floats
    capacity: Floats
    load: Floats
    prize: Floats
    root: int


class Forest(NamedTuple):
    """Arc into each node (-1: not in), demands served, load entering each node, children of each."""

    into: Ints
    served: Bools
    flow: Floats
    children: Ints


@kernel
def link_cost(s: Sized, link: int, load: float) -> float:
    """Cost of a link that carries `load`; infinite if it cannot."""
    best = np.inf
    for k in range(s.start[link], s.start[link + 1]):
        if s.capacity[k] * (1.0 + 1e-9) >= load:
            best = min(best, s.fixed[k] + s.slope[k] * load)
    return best


@kernel
def total_cost(s: Sized, forest: Forest) -> float:
    """Cost of the links used plus the prizes of demands not served."""
    value = 0.0
    for i in range(len(s.load)):
        if forest.into[i] >= 0:
            value += link_cost(s, forest.into[i] >> 1, forest.flow[i])
        if not forest.served[i]:
            value += s.prize[i]
    return value


def empty_forest(s: Sized) -> Forest:
    """Nothing built."""
    n = len(s.load)
    none = np.zeros(n, dtype=np.int64)
    return Forest(none - 1, np.zeros(n, dtype=np.bool_), np.zeros(n), none)


def fits(s: Sized, forest: Forest) -> bool:
    """Whether every link of a forest carries its load.

    Examples
    --------
    >>> from geoplan.netdesign.graph import build_network
    >>> one = np.array([1.0])
    >>> s = Sized(build_network(2, np.array([1]), np.array([0])), np.array([0, 1]), one, one, one,
    ...           np.array([2.0, 0.0]), np.array([9.0, 0.0]), 1)
    >>> fits(s, empty_forest(s))
    True
    >>> arc, yes, load = np.array([0, -1]), np.array([True, False]), np.array([2.0, 0.0])
    >>> fits(s, Forest(arc, yes, load, np.array([0, 1])))
    False
    """
    return bool(np.isfinite(total_cost(s, forest)))


def sized(instance: Instance) -> Sized:
    """A rooted problem as the kernels read it."""
    return Sized(
        build_network(instance.n_nodes, instance.u, instance.v),
        instance.start,
        instance.fixed,
        instance.slope,
        instance.capacity,
        instance.load,
        prizes_for_search(instance.prize, instance.fixed + instance.slope * instance.load.sum()),
        instance.root,
    )


def prizes_for_search(prize: Floats, costs: Floats) -> Floats:
    """Prizes with required nodes at more than all else costs together."""
    finite = prize[np.isfinite(prize)]
    large = 1e3 * (1.0 + float(finite.sum()) + float(costs.sum()))
    return np.where(np.isinf(prize), large, prize)
