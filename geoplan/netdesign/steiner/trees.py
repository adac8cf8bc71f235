"""Trees that are good enough to start from, and local search that makes them better."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoplan.netdesign.graph import NEVER, Bools, Floats, Ints, Network, heap_pop, heap_push, kernel


class Tree(NamedTuple):
    """A tree: cost of its edges plus the prizes of nodes not in it.

    Attributes
    ----------
    value : float
    nodes : array of bool, shape (n_nodes,)
    into : array of int, shape (n_nodes,)
        Arc that enters a node of the tree from its parent; -1 at the top and outside.
    """

    value: float
    nodes: Bools
    into: Ints


@kernel
def span_and_prune(net: Network, cost: Floats, prize: Floats, top: int, loose: int, allowed: Bools) -> Tree:
    """Cheapest spanning tree of the `allowed` nodes reached from `top`, pruned of what does not pay.

    With ``loose = 1`` the best subtree anywhere in it is kept, else one that holds `top`.
    """
    n = len(prize)
    into = np.full(n, -1, np.int64)
    best = np.full(n, np.inf)
    done = np.zeros(n, np.bool_)
    order = np.empty(n, np.int64)
    keys = np.empty(n + len(net.head) + 1, np.float64)
    items = np.empty(n + len(net.head) + 1, np.int64)
    size = heap_push(keys, items, 0, 0.0, top)
    best[top] = 0.0
    count = 0
    while size > 0:
        i = items[0]
        size = heap_pop(keys, items, size)
        if done[i]:
            continue
        done[i] = True
        order[count] = i
        count += 1
        for k in range(net.start[i], net.start[i + 1]):
            a = net.leaving[k]
            j = net.head[a]
            if allowed[j] and not done[j] and cost[a] < best[j]:
                best[j] = cost[a]
                into[j] = a
                size = heap_push(keys, items, size, cost[a], j)
    return _prune(net, cost, prize, order[:count], into, loose)


@kernel
def _prune(net: Network, cost: Floats, prize: Floats, order: Ints, into: Ints, loose: int) -> Tree:
    """Best subtree of a tree given in the order its nodes were reached (strong pruning)."""
    n = len(prize)
    gain = prize.copy()
    for at in range(len(order) - 1, 0, -1):
        i = order[at]
        worth = gain[i] - cost[into[i]]
        if worth > 0.0:
            gain[net.head[into[i] ^ 1]] += worth
        else:
            gain[i] = -1.0 - abs(gain[i])
    top = order[0]
    if loose == 1:
        for i in order:
            subtree = -1.0 - gain[i] if gain[i] < 0.0 else gain[i]
            if subtree > gain[top]:
                top = i
                gain[i] = subtree
    nodes = np.zeros(n, np.bool_)
    nodes[top] = True
    value = 0.0
    for i in order:
        if i != top and into[i] >= 0 and gain[i] >= 0.0 and nodes[net.head[into[i] ^ 1]]:
            nodes[i] = True
            value += cost[into[i]]
    for i in range(n):
        if not nodes[i]:
            value += prize[i]
            into[i] = -1
    into[top] = -1
    return Tree(value, nodes, into)


@kernel
def grow_tree(net: Network, cost: Floats, prize: Floats, root: int, factor: float) -> Bools:
    """Nodes of a tree grown to the nearest prize worth ``1 / factor`` of its path, again and again."""
    n = len(prize)
    nodes = np.zeros(n, np.bool_)
    dist = np.full(n, np.inf)
    came = np.full(n, -1, np.int64)
    room = 4 * (n + len(net.head)) + 1
    keys = np.empty(room, np.float64)
    items = np.empty(room, np.int64)
    size = heap_push(keys, items, 0, 0.0, root)
    dist[root] = 0.0
    nodes[root] = True
    while size > 0:
        key = keys[0]
        i = items[0]
        size = heap_pop(keys, items, size)
        if key > dist[i]:
            continue
        if not nodes[i] and prize[i] > 0.0 and key <= factor * prize[i]:
            j = i
            while not nodes[j]:
                nodes[j] = True
                dist[j] = 0.0
                if size + 1 < room:
                    size = heap_push(keys, items, size, 0.0, j)
                j = net.head[came[j] ^ 1]
            continue
        for k in range(net.start[i], net.start[i + 1]):
            a = net.leaving[k]
            j = net.head[a]
            reach = key + cost[a]
            if reach < dist[j] and size + 1 < room:
                dist[j] = reach
                came[j] = a
                size = heap_push(keys, items, size, reach, j)
    return nodes


@kernel
def improve(  # noqa: PLR0917 - called from compiled code by position
    net: Network, cost: Floats, prize: Floats, top: int, loose: int, start: Tree, work: int
) -> tuple[Tree, int]:
    """Add and drop single nodes while that makes the tree cheaper.

    `work` bounds the number of trees built; returns the tree and what is left of it.
    """
    n = len(prize)
    tree = start
    changed = True
    while changed and work > 0:
        changed = False
        for i in range(n):
            if i == top or work <= 0:
                continue
            near = 0
            for k in range(net.start[i], net.start[i + 1]):
                near += tree.nodes[net.head[net.leaving[k]]]
            if near == 0 or (near < 2 and (not tree.nodes[i]) and prize[i] <= 0.0):
                continue
            if tree.nodes[i] and prize[i] > 1e15:
                continue
            allowed = tree.nodes.copy()
            allowed[i] = not allowed[i]
            work -= 1
            other = span_and_prune(net, cost, prize, top, loose, allowed)
            if other.value < tree.value * (1.0 - 1e-12) - 1e-12:
                tree = other
                changed = True
    return tree, work


def best_tree(  # noqa: PLR0917 - as `span_and_prune`
    net: Network, guide: Floats, cost: Floats, prize: Floats, top: int, loose: bool, work: int = 0
) -> Tree:
    """Best of a few trees grown on the costs `guide`, each priced at `cost` and improved.

    Examples
    --------
    >>> from geoplan.netdesign.graph import build_network
    >>> net = build_network(3, np.array([0, 1, 0]), np.array([1, 2, 2]))
    >>> cost = np.repeat([1.0, 1.0, 3.0], 2)
    >>> tree = best_tree(net, cost, cost, np.array([5.0, 0.0, 5.0]), 0, loose=False)
    >>> tree.value, tree.nodes.tolist()
    (2.0, [True, True, True])
    """
    best: Tree | None = None
    for factor in (1.0, 2.0, 1e9):
        nodes = grow_tree(net, guide, prize, top, factor)
        tree = span_and_prune(net, cost, prize, top, int(loose), nodes)
        again = span_and_prune(net, cost, prize, top, int(loose), tree.nodes) if tree.nodes[top] else tree
        tree = again if again.value < tree.value else tree
        if best is None or tree.value < best.value:
            best = tree
    assert best is not None  # noqa: S101 - three factors were tried
    if work > 0 and best.nodes[top]:
        best, _ = improve(net, cost, prize, top, int(loose), best, work)
    return best


def finite_prizes(prize: Floats, cost: Floats) -> Floats:
    """Prizes with `NEVER` (required) replaced by more than any tree can cost."""
    usable = cost[np.isfinite(cost)]
    large = 1e16 + 1e3 * float(usable.sum())
    return np.where(prize == NEVER, large, prize)
