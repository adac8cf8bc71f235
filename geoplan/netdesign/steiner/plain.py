"""A first tree without compiled code, for when there is no time to compile."""

from __future__ import annotations

import numpy as np

from geoplan.netdesign.graph import Bools, Ints
from geoplan.netdesign.orient import orient
from geoplan.netdesign.steiner.reduction import SteinerProblem


def _spanning_edges(problem: SteinerProblem) -> Ints:
    """Edges of a cheapest spanning forest."""
    parent = list(range(problem.n_nodes))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    kept: list[int] = []
    for e in np.argsort(problem.cost, kind="stable"):
        i, j = find(int(problem.u[e])), find(int(problem.v[e]))
        if i != j:
            parent[i] = j
            kept.append(int(e))
    return np.array(kept, dtype=np.int64)


def plain_tree(problem: SteinerProblem) -> tuple[Ints, Bools]:
    """Edges and nodes of a cheapest spanning tree less what does not pay.

    Examples
    --------
    >>> path = SteinerProblem(
    ...     3, np.array([0, 1]), np.array([1, 2]), np.array([1.0, 9.0]), np.array([5.0, 3.0, 4.0])
    ... )
    >>> plain_tree(path)[0].tolist()
    [0]
    """
    prize = problem.prize.copy()
    top = problem.root if problem.root >= 0 else int(prize.argmax())
    ends = (problem.u, problem.v)
    into = orient(problem.n_nodes, ends, _spanning_edges(problem), top)

    def above(i: int) -> int:
        arc = int(into[i])
        return int(problem.v[arc >> 1] if arc & 1 else problem.u[arc >> 1])

    children: dict[int, list[int]] = {}
    for k in np.flatnonzero(into >= 0):
        children.setdefault(above(int(k)), []).append(int(k))
    order: list[int] = [top]
    for node in order:
        order.extend(children.get(node, []))
    gain = prize.tolist()
    pays = {top}
    for i in reversed(order[1:]):
        worth = gain[i] - float(problem.cost[int(into[i]) >> 1])
        if worth > 0.0:
            gain[above(i)] += worth
            pays.add(i)
    nodes = np.zeros(problem.n_nodes, dtype=np.bool_)
    nodes[top] = True
    for i in order[1:]:
        nodes[i] = i in pays and nodes[above(i)]
    inside = np.flatnonzero(nodes & (into >= 0))
    return np.unique(into[inside] >> 1), nodes
