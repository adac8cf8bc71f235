"""Violated directed cuts by maximum flow."""

from __future__ import annotations

import numpy as np

from geoplan.netdesign.graph import Bools, Floats, Ints, Network, kernel

#: A cut counts as violated from here on.
VIOLATION = 1e-4


@kernel
def _levels(net: Network, room: Floats, root: int, level: Ints, queue: Ints) -> int:
    """Breadth-first levels over arcs with room left; number of nodes reached."""
    for i in range(len(level)):
        level[i] = -1
    level[root] = 0
    queue[0] = root
    size = 1
    at = 0
    while at < size:
        i = queue[at]
        at += 1
        for k in range(net.start[i], net.start[i + 1]):
            a = net.leaving[k]
            j = net.head[a]
            if level[j] < 0 and room[a] > 1e-9:
                level[j] = level[i] + 1
                queue[size] = j
                size += 1
    return size


@kernel
def _augment(  # noqa: PLR0917 - the state of one flow
    net: Network, room: Floats, root: int, goal: int, level: Ints, at: Ints, path: Ints
) -> float:
    """Push flow along one path of the level graph; 0 if there is none."""
    i = root
    depth = 0
    while i != goal:
        moved = False
        while at[i] < net.start[i + 1]:
            a = net.leaving[at[i]]
            j = net.head[a]
            if room[a] > 1e-9 and level[j] == level[i] + 1:
                path[depth] = a
                depth += 1
                i = j
                moved = True
                break
            at[i] += 1
        if not moved:
            if depth == 0:
                return 0.0
            depth -= 1
            i = net.head[path[depth] ^ 1]
            at[i] += 1
    amount = np.inf
    for k in range(depth):
        amount = min(amount, room[path[k]])
    for k in range(depth):
        room[path[k]] -= amount
        room[path[k] ^ 1] += amount
    return amount


@kernel
def max_flow(net: Network, room: Floats, root: int, goal: int, enough: float) -> float:
    """Maximum flow from `root` to `goal`, stopped at `enough`. Changes `room` to what is left (Dinic).

    Examples
    --------
    >>> from geoplan.netdesign.graph import build_network
    >>> net = build_network(3, np.array([0, 1]), np.array([1, 2]))
    >>> max_flow(net, np.array([0.8, 0.0, 0.5, 0.0]), 0, 2, 1.0)
    0.5
    """
    n = len(net.start) - 1
    level = np.empty(n, np.int64)
    queue = np.empty(n, np.int64)
    path = np.empty(n + 1, np.int64)
    flow = 0.0
    while flow < enough:
        _levels(net, room, root, level, queue)
        if level[goal] < 0:
            break
        at = net.start[:-1].copy()
        amount = 1.0
        while amount > 0.0 and flow < enough:
            amount = _augment(net, room, root, goal, level, at, path)
            flow += amount
    return flow


@kernel
def _back_set(net: Network, room: Floats, goal: int) -> Bools:
    """Nodes that reach `goal` over arcs with room left."""
    n = len(net.start) - 1
    inside = np.zeros(n, np.bool_)
    queue = np.empty(n, np.int64)
    inside[goal] = True
    queue[0] = goal
    size = 1
    at = 0
    while at < size:
        i = queue[at]
        at += 1
        for k in range(net.start[i], net.start[i + 1]):
            a = net.leaving[k]
            j = net.head[a]
            if not inside[j] and room[a ^ 1] > 1e-9:
                inside[j] = True
                queue[size] = j
                size += 1
    return inside


@kernel
def violated_cuts(
    net: Network, x: Floats, inflow: Floats, order: Ints, root: int, most: int
) -> tuple[Bools, Ints]:
    """Node sets whose entering arcs carry less than the inflow of a node in them.

    Parameters
    ----------
    net : Network
    x : array, shape (n_arcs,)
        Values of the arcs.
    inflow : array, shape (n_nodes,)
        Value a node's cut must reach.
    order : array of int
        Nodes to try, in turn.
    root : int
    most : int
        Number of sets after which to stop.

    Returns
    -------
    tuple of arrays
        ``sets`` of shape (n_sets, n_nodes) and the node each was found for.
    """
    n = len(inflow)
    sets = np.zeros((most + 2, n), np.bool_)
    owner = np.empty(most + 2, np.int64)
    count = 0
    base = x + 1e-7
    for goal in order:
        if inflow[goal] <= VIOLATION or count >= most:
            continue
        for _nested in range(3):
            room = base.copy()
            flow = max_flow(net, room, root, goal, inflow[goal])
            if flow >= inflow[goal] - VIOLATION or count >= most:
                break
            back = _back_set(net, room, goal)
            level = np.empty(n, np.int64)
            queue = np.empty(n, np.int64)
            _levels(net, room, root, level, queue)
            same = True
            for i in range(n):
                sets[count, i] = level[i] < 0
                same = same and back[i] == (level[i] < 0)
            owner[count] = goal
            count += 1
            if not same:
                sets[count] = back
                owner[count] = goal
                count += 1
            for a in range(len(net.head)):
                if (level[net.head[a]] < 0 and level[net.head[a ^ 1]] >= 0) or (
                    back[net.head[a]] and not back[net.head[a ^ 1]]
                ):
                    base[a] = 1.0
    return sets[:count], owner[:count]
