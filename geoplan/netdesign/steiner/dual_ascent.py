"""Dual ascent on the directed-cut relaxation, and what its reduced costs forbid.

Every node with a prize raises a dual on the set of nodes that can already reach
it over saturated arcs, until that set holds the root or the prize is paid. The
sum of the duals is a lower bound on every tree rooted there, prizes of nodes
left out included.

References
----------
.. [1] R. T. Wong (1984), A dual ascent approach for Steiner tree problems on a
   directed graph, Mathematical Programming 28, 271-287.
.. [2] M. Leitner, I. Ljubić, M. Luipersbeck, M. Sinnl (2018), A dual
   ascent-based branch-and-bound framework for the prize-collecting Steiner tree
   and related problems, INFORMS Journal on Computing 30(2), 402-420.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoplan.netdesign.graph import (
    FROM,
    NEVER,
    TO,
    Bools,
    Floats,
    Ints,
    Network,
    distances,
    heap_pop,
    heap_push,
    kernel,
)

#: A set is raised at once unless its cut is this much wider than the next one's.
RATIO = 1.25


class Ascent(NamedTuple):
    """Outcome of one dual ascent.

    Attributes
    ----------
    bound : float
        Sum of the duals.
    slack : array, shape (n_arcs,)
        Reduced cost of each arc.
    unpaid : array, shape (n_nodes,)
        What is left of each prize (0: the node may as well stay out).
    sets : array of bool, shape (n_sets, n_nodes)
        Node sets raised, the first of each size only as far as they are kept.
    owner : array of int, shape (n_sets,)
        Node whose dual a set is.
    """

    bound: float
    slack: Floats
    unpaid: Floats
    sets: Bools
    owner: Ints


@kernel
def _grow(net: Network, slack: Floats, node: int, seen: Ints, stamp: int, queue: Ints) -> int:
    """Nodes that reach `node` over saturated arcs, written to `queue`; their number."""
    queue[0] = node
    seen[node] = stamp
    size = 1
    at = 0
    while at < size:
        i = queue[at]
        at += 1
        for k in range(net.start[i], net.start[i + 1]):
            a = net.leaving[k]
            j = net.head[a]
            if seen[j] != stamp and slack[a ^ 1] <= 0.0:
                seen[j] = stamp
                queue[size] = j
                size += 1
    return size


@kernel
def _cut(net: Network, slack: Floats, seen: Ints, stamp: int, members: Ints) -> tuple[int, float]:
    """Number of usable arcs entering the set and the least slack among them."""
    count = 0
    least = np.inf
    for i in members:
        for k in range(net.start[i], net.start[i + 1]):
            a = net.leaving[k]
            if seen[net.head[a]] != stamp and slack[a ^ 1] < np.inf:
                count += 1
                least = min(least, slack[a ^ 1])
    return count, least


@kernel
def _lower(net: Network, slack: Floats, seen: Ints, stamp: int, members: Ints, by: float) -> None:
    """Take `by` from the slack of every arc entering the set."""
    tiny = 1e-11 * by
    for i in members:
        for k in range(net.start[i], net.start[i + 1]):
            a = net.leaving[k]
            if seen[net.head[a]] != stamp and slack[a ^ 1] < np.inf:
                slack[a ^ 1] -= by
                if slack[a ^ 1] <= tiny:
                    slack[a ^ 1] = 0.0


@kernel
def _ascend(  # noqa: PLR0913, PLR0917 - the state of one ascent
    net: Network,
    slack: Floats,
    unpaid: Floats,
    root: int,
    first_key: Floats,
    sets: Bools,
    owner: Ints,
    work: float,
) -> tuple[float, int]:
    """Raise duals until every prize is paid or connected, or `work` nodes were seen.

    Changes `slack` and `unpaid`.
    """
    n = len(unpaid)
    seen = np.zeros(n, np.int64)
    queue = np.empty(n, np.int64)
    keys = np.empty(n + 1, np.float64)
    items = np.empty(n + 1, np.int64)
    size = 0
    for i in range(n):
        if i != root and unpaid[i] > 0.0:
            size = heap_push(keys, items, size, first_key[i], i)
    bound = 0.0
    stamp = 0
    kept = 0
    while size > 0 and work > 0.0:
        node = items[0]
        size = heap_pop(keys, items, size)
        stamp += 1
        members = queue[: _grow(net, slack, node, seen, stamp, queue)]
        work -= len(members)
        if seen[root] == stamp:
            continue
        count, least = _cut(net, slack, seen, stamp, members)
        key = count + (first_key[node] % 1.0)
        if size > 0 and key > RATIO * keys[0] + 1.0:
            size = heap_push(keys, items, size, key, node)
            continue
        by = min(least, unpaid[node])
        if by == np.inf:
            return np.inf, kept
        _lower(net, slack, seen, stamp, members, by)
        unpaid[node] -= by
        bound += by
        if kept < len(owner):
            owner[kept] = node
            for i in members:
                sets[kept, i] = True
            kept += 1
        if unpaid[node] > 0.0:
            size = heap_push(keys, items, size, key, node)
    return bound, kept


def dual_ascent(
    net: Network,
    cost: Floats,
    prize: Floats,
    root: int,
    *,
    tie: Floats | None = None,
    keep: int = 0,
    work: float = NEVER,
) -> Ascent:
    """Lower bound on the cost of a tree from `root` plus the prizes it leaves out.

    Parameters
    ----------
    net : Network
    cost : array, shape (n_arcs,)
        Cost of each arc, not negative; infinite: forbidden.
    prize : array, shape (n_nodes,)
        Prize of each node; infinite: required.
    root : int
        Node the tree starts from.
    tie : array, shape (n_nodes,), optional
        Numbers in [0, 1) that decide which of two equal cuts goes first; a
        number above that delays a node's first turn.
    keep : int
        How many of the raised sets to keep (each is a valid cut).
    work : float
        Nodes seen after which to stop; the bound and the reduced costs hold wherever that is.

    Returns
    -------
    Ascent

    Examples
    --------
    A required node at the end of a path of cost 2 + 3:

    >>> from geoplan.netdesign.graph import build_network
    >>> net = build_network(3, np.array([0, 1]), np.array([1, 2]))
    >>> cost = np.repeat([2.0, 3.0], 2)
    >>> dual_ascent(net, cost, np.array([0.0, 0.0, np.inf]), 0).bound
    5.0
    >>> dual_ascent(net, cost, np.array([0.0, 0.0, 4.0]), 0).bound
    4.0
    """
    slack = cost.astype(np.float64).copy()
    unpaid = prize.astype(np.float64).copy()
    first_key = np.zeros(len(prize)) if tie is None else tie
    sets = np.zeros((keep, len(prize)), dtype=np.bool_)
    owner = np.zeros(keep, dtype=np.int64)
    bound, kept = _ascend(net, slack, unpaid, root, first_key, sets, owner, float(work))
    return Ascent(bound, slack, np.where(np.isinf(prize), NEVER, unpaid), sets[:kept], owner[:kept])


class Fixing(NamedTuple):
    """What cannot be in, or out of, a tree cheaper than the incumbent."""

    arcs_out: Bools
    nodes_out: Bools
    nodes_in: Bools


def fix_by_bound(net: Network, ascent: Ascent, prize: Floats, root: int, limit: float) -> Fixing:
    """Arcs and nodes no tree that costs less than `limit` can use, and nodes all of them use.

    Parameters
    ----------
    net : Network
    ascent : Ascent
        Bound and reduced costs of a dual ascent from `root`.
    prize : array, shape (n_nodes,)
    root : int
    limit : float
        Cost from which a tree is of no interest, in the units of ``ascent.bound``.
    """
    n = len(prize)
    room = limit - ascent.bound
    first = np.full(n, NEVER)
    first[root] = 0.0
    from_root, _ = distances(net, ascent.slack, first, FROM)
    to_prize, _ = distances(net, ascent.slack, np.where(prize > 0.0, 0.0, NEVER), TO)
    tail = net.head[np.arange(len(net.head)) ^ 1]
    through = from_root[tail] + ascent.slack + to_prize[net.head]
    nodes_out = (from_root + to_prize > room) & (np.arange(n) != root)
    return Fixing(
        arcs_out=(through > room) | nodes_out[tail] | nodes_out[net.head],
        nodes_out=nodes_out,
        nodes_in=(prize > 0.0) & (ascent.unpaid > room),
    )
