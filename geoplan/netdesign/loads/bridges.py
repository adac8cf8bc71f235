"""The largest load each arc can carry, from the bridges and blocks of the graph.

Seen from the root, whatever enters a block (a part no single node cuts) enters
at one node; an arc of the block carries at most the demand behind that node.
A bridge is a block of one link: its direction is fixed too.
"""

from __future__ import annotations

import numpy as np

from geoplan.netdesign.graph import Floats, Ints
from geoplan.netdesign.instance import Instance


def blocks(n_nodes: int, u: Ints, v: Ints, root: int) -> list[tuple[int, list[int], set[int]]]:
    """Blocks reached from `root`: entry node, links, and nodes other than the entry.

    A block is listed before those behind it.

    Examples
    --------
    A triangle with a tail, entered at node 0:

    >>> found = blocks(4, np.array([0, 1, 2, 2]), np.array([1, 2, 0, 3]), 0)
    >>> [(entry, sorted(links)) for entry, links, nodes in found]
    [(0, [0, 1, 2]), (2, [3])]
    """
    at: list[list[tuple[int, int]]] = [[] for _ in range(n_nodes)]
    for e, (i, j) in enumerate(zip(u.tolist(), v.tolist(), strict=True)):
        at[i].append((j, e))
        at[j].append((i, e))
    depth = [-1] * n_nodes
    low = [0] * n_nodes
    depth[root] = 0
    found: list[tuple[int, list[int], set[int]]] = []
    links: list[int] = []
    path: list[tuple[int, int, int]] = [(root, -1, 0)]
    while path:
        i, came, k = path[-1]
        if k < len(at[i]):
            path[-1] = (i, came, k + 1)
            j, e = at[i][k]
            if e == came:
                continue
            if depth[j] < 0:
                depth[j] = low[j] = depth[i] + 1
                links.append(e)
                path.append((j, e, 0))
            elif depth[j] < depth[i]:
                links.append(e)
                low[i] = min(low[i], depth[j])
            continue
        path.pop()
        if not path:
            break
        above = path[-1][0]
        low[above] = min(low[above], low[i])
        if low[i] >= depth[above]:
            first = len(links) - 1 - links[::-1].index(came)
            block = links[first:]
            del links[first:]
            ends = {int(x) for e in block for x in (u[e], v[e])} - {above}
            found.append((above, block, ends))
    return found[::-1]


def largest_loads(instance: Instance, most: Floats | None = None, load: Floats | None = None) -> Floats:
    """Upper bound on the load of every arc; 0 where no tree from the root uses it.

    Parameters
    ----------
    instance : Instance
        Rooted.
    most : array, shape (2 * n_links,), optional
        Bounds known before; arcs with 0 are out.
    load : array, shape (n_nodes,), optional
        Demand that may be served at each node; all of it by default.

    Returns
    -------
    array, shape (2 * n_links,)
    """
    asked = instance.load if load is None else load
    links = np.arange(instance.n_links)
    if most is not None:
        links = np.flatnonzero((most[0::2] > 0.0) | (most[1::2] > 0.0))
    found = blocks(instance.n_nodes, instance.u[links], instance.v[links], instance.root)
    behind = asked.copy()
    for entry, _, nodes in found[::-1]:
        behind[entry] += float(behind[list(nodes)].sum())
    bound = np.zeros(2 * instance.n_links)
    for entry, block, nodes in found:
        inside = float(behind[list(nodes)].sum())
        for e in links[block]:
            for arc, tail, head in (
                (2 * e, int(instance.u[e]), int(instance.v[e])),
                (2 * e + 1, int(instance.v[e]), int(instance.u[e])),
            ):
                if head != entry:
                    bound[arc] = inside - (0.0 if tail == entry else behind[tail])
    widest = np.repeat(np.maximum.reduceat(instance.capacity, instance.start[:-1]), 2)
    bound = np.minimum(bound, widest)
    return bound if most is None else np.minimum(bound, most)
