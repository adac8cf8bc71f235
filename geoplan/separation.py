"""Cuts that a relaxed choice of routes violates: a village that takes heat has a way to a source."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from geoplan.layer import Layer
from geoplan.network import Floats
from geoplan.programme import Programme
from geoplan.rows import Terms, added

#: Flows are whole numbers to the solver of maximum flows.
SCALE = 1_000_000
#: By how much a cut must be violated to be worth a row.
VIOLATION = 1e-3
#: Room of what is there already.
WIDE = 100 * SCALE


def violated_cuts(programme: Programme, x: Floats) -> list[Terms]:
    """Sums of columns that should be at least 0 and are not.

    Parameters
    ----------
    programme : Programme
    x : ndarray
        Values of its columns.

    Returns
    -------
    list of Terms
        The pipes that lead into a set of nodes less a unit that takes something in it.
    """
    found: list[Terms] = []
    for layer in programme.layers:
        found += _of_layer(layer, x)
    return list({tuple(sorted(cut.items())): cut for cut in found}.values())


def _of_layer(layer: Layer, x: Floats) -> list[Terms]:
    number = _numbered(layer)
    start = np.array([number[a.start] for a in layer.arcs], dtype=int)
    end = np.array([number[a.end] for a in layer.arcs], dtype=int)
    built = np.array([x[list(a.sizes)].sum() for a in layer.arcs])
    graph = _capacities(layer, number, (start, end, built))
    cuts = []
    for node, takers in layer.takers_at().items():
        wanted = max(float(sum(x[c] for c in terms)) for terms in takers)
        if wanted <= VIOLATION or number.get(node, 0) == 0:
            continue
        flow = maximum_flow(graph, 0, number[node])
        if flow.flow_value >= (wanted - VIOLATION) * SCALE:
            continue
        for inside in _sides(graph - flow.flow, number[node]):
            into = (inside[end] & ~inside[start]).nonzero()[0]
            cross = added(layer.arcs[i].built() for i in into.tolist())
            cuts += [
                added([cross, dict.fromkeys(terms, -1.0)])
                for terms in takers
                if sum(x[c] for c in terms) - sum(x[c] for c in cross) > VIOLATION
            ]
    return cuts


def _numbered(layer: Layer) -> dict[int, int]:
    """Numbers of the nodes; 0 stands for all nodes where a pipe may begin."""
    number = dict.fromkeys(sorted(layer.corridor.fed), 0)
    ends = [n for link in layer.corridor.links for n in (link.u, link.v)]
    for node in ends:
        number.setdefault(node, 1 + max(number.values(), default=0))
    return number


def _capacities(
    layer: Layer, number: dict[int, int], arcs: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> csr_matrix:
    start, end, built = arcs
    mains = [layer.corridor.links[i] for i in layer.mains]
    there = np.array([number[link.u] for link in mains], dtype=int)
    back = np.array([number[link.v] for link in mains], dtype=int)
    rows = np.concatenate([start, there, back])
    columns = np.concatenate([end, back, there])
    room = np.concatenate([built * SCALE, np.full(2 * len(mains), float(WIDE))])
    n = max(number.values(), default=0) + 1
    solid = rows != columns
    matrix = csr_matrix((room[solid], (rows[solid], columns[solid])), shape=(n, n))
    matrix.data = np.minimum(matrix.data, WIDE).astype(np.int32)
    return csr_matrix(matrix, dtype=np.int32)


def _sides(left: csr_matrix, goal: int) -> list[np.ndarray]:
    """Nodes inside the cut nearest to the goal, and inside the one nearest to the sources."""
    room = csr_matrix(left > 0)
    to_goal = breadth_first_order(room.T.tocsr(), goal, return_predecessors=False)
    from_root = breadth_first_order(room, 0, return_predecessors=False)
    near, far = np.zeros(left.shape[0], dtype=bool), np.ones(left.shape[0], dtype=bool)
    near[to_goal] = True
    far[from_root] = False
    return [near] if (near == far).all() else [near, far]
