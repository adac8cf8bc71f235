"""Single moves on a forest: serve, stop serving, hang a subtree elsewhere.

A move looks only at what is near: ways are searched outward from the node to be
fed, and the cost of more load is worked out only for the nodes of the forest that
are met.
"""

# ruff: noqa: NPY002 - compiled code keeps its own legacy generator, seeded by `set_seed`

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoplan.netdesign.graph import Bools, Floats, Ints, constant, heap_pop, heap_push, kernel
from geoplan.netdesign.loads.forest import Forest, Sized, link_cost

#: Size of a heap with nothing in it.
EMPTY = constant(0)


class Live(NamedTuple):
    """A forest under change, what each of its links costs, and room to work in.

    Attributes
    ----------
    into, served, flow, children
        As in `Forest`.
    paid : array, shape (n_nodes,)
        Cost of the link into each node.
    cost : array, shape (1,)
        Cost of all links and of the prizes not earned.
    ordered : array of bool, shape (n_links,)
        Whether the smallest size that fits is also the cheapest.
    dist, came, reached : array, shape (n_nodes,)
        Search: cost of the way to each node, arc walked last, mark of the search that reached it.
    label, labelled : array, shape (n_nodes,)
        Cost of more load at nodes of the forest, and mark of the search it is for.
    turn, inside : array, shape (n_nodes,)
        Cost of feeding a subtree at each of its nodes, and mark of the subtree.
    order, chain : array of int, shape (n_nodes,)
    keys, items : array
        Heap.
    mark : array of int, shape (1,)
        Number of the search.
    noise : array, shape (1,)
        Share by which a search may overrate the cost of a new link, at random.
    """

    into: Ints
    served: Bools
    flow: Floats
    children: Ints
    paid: Floats
    cost: Floats
    ordered: Bools
    dist: Floats
    came: Ints
    reached: Ints
    label: Floats
    labelled: Ints
    turn: Floats
    inside: Ints
    order: Ints
    chain: Ints
    keys: Floats
    items: Ints
    mark: Ints
    noise: Floats


def live(s: Sized, forest: Forest) -> Live:
    """A forest to change, its loads and costs counted afresh."""
    n = len(s.load)
    room = n + len(s.net.head) + 1
    inner = np.ones(len(s.fixed), dtype=np.bool_)
    inner[s.start[:-1]] = False
    falls = np.ones(len(s.fixed), dtype=np.bool_)
    for column in (s.capacity, s.fixed, s.slope):
        falls[1:] &= column[1:] <= column[:-1]
    ordered = np.logical_and.reduceat(falls | ~inner, s.start[:-1]) if len(falls) else falls
    w = Live(
        into=forest.into.copy(),
        served=forest.served.copy(),
        flow=np.zeros(n),
        children=np.zeros(n, dtype=np.int64),
        paid=np.zeros(n),
        cost=np.zeros(1),
        ordered=ordered,
        dist=np.zeros(n),
        came=np.zeros(n, dtype=np.int64),
        reached=np.zeros(n, dtype=np.int64),
        label=np.zeros(n),
        labelled=np.zeros(n, dtype=np.int64),
        turn=np.zeros(n),
        inside=np.zeros(n, dtype=np.int64),
        order=np.zeros(n, dtype=np.int64),
        chain=np.zeros(n, dtype=np.int64),
        keys=np.zeros(room),
        items=np.zeros(room, dtype=np.int64),
        mark=np.zeros(1, dtype=np.int64),
        noise=np.zeros(1),
    )
    recount(s, w)
    return w


def still(w: Live) -> Forest:
    """The forest as it is now."""
    return Forest(w.into.copy(), w.served.copy(), w.flow.copy(), w.children.copy())


@kernel
def recount(s: Sized, w: Live) -> None:
    """Loads, children and costs from the arcs and the demands served, free of rounding."""
    n = len(s.load)
    for i in range(n):
        w.flow[i] = 0.0
        w.children[i] = 0
    for i in range(n):
        if w.into[i] >= 0:
            w.children[s.net.head[w.into[i] ^ 1]] += 1
    for i in range(n):
        if w.served[i] and s.load[i] > 0.0:
            j = i
            while j != s.root:
                w.flow[j] += s.load[i]
                j = s.net.head[w.into[j] ^ 1]
    total = 0.0
    for i in range(n):
        w.paid[i] = 0.0
        if w.into[i] >= 0:
            w.paid[i] = link_cost(s, w.into[i] >> 1, w.flow[i])
            total += w.paid[i]
        if not w.served[i]:
            total += s.prize[i]
    w.cost[0] = total


@kernel
def copy_into(w: Live, other: Live) -> None:
    """Make `other` the same forest as `w`."""
    for i in range(len(w.into)):  # slices would compile three times as long
        other.into[i] = w.into[i]
        other.served[i] = w.served[i]
        other.flow[i] = w.flow[i]
        other.children[i] = w.children[i]
        other.paid[i] = w.paid[i]
    other.cost[0] = w.cost[0]


@kernel
def _price(s: Sized, w: Live, link: int, load: float) -> float:
    """Cost of a link at a load, as `link_cost`, sooner where sizes are in order of price."""
    if not w.ordered[link]:
        return link_cost(s, link, load)
    for k in range(s.start[link + 1] - 1, s.start[link] - 1, -1):
        if s.capacity[k] * (1.0 + 1e-9) >= load:
            return s.fixed[k] + s.slope[k] * load
    return np.inf


@kernel
def _add(s: Sized, w: Live, node: int, load: float) -> None:
    """Put `load` more on all arcs from the root to `node`."""
    while node != s.root:
        w.flow[node] += load
        price = _price(s, w, w.into[node] >> 1, w.flow[node])
        w.cost[0] += price - w.paid[node]
        w.paid[node] = price
        node = s.net.head[w.into[node] ^ 1]


@kernel
def _trim(s: Sized, w: Live, node: int) -> int:
    """Take out `node` and its forebears as long as they serve nothing; the first that stays."""
    while node != s.root and w.children[node] == 0 and not w.served[node]:
        parent = s.net.head[w.into[node] ^ 1]
        w.into[node] = -1
        w.flow[node] = 0.0
        w.cost[0] -= w.paid[node]
        w.paid[node] = 0.0
        w.children[parent] -= 1
        node = parent
    return node


@kernel
def _more(s: Sized, w: Live, node: int, load: float) -> float:
    """Cost of `load` more at a node of the forest; infinite over a capacity."""
    depth = 0
    i = node
    while i != s.root and w.labelled[i] != w.mark[0]:
        w.chain[depth] = i
        depth += 1
        i = s.net.head[w.into[i] ^ 1]
    value = 0.0 if i == s.root else w.label[i]
    for k in range(depth - 1, -1, -1):
        i = w.chain[k]
        if value < np.inf:
            value += max(_price(s, w, w.into[i] >> 1, w.flow[i] + load) - w.paid[i], 0.0)
        w.label[i] = value
        w.labelled[i] = w.mark[0]
    return value


@kernel
def _way(  # noqa: C901 - one shortest path
    s: Sized, w: Live, size: int, load: float, limit: float
) -> tuple[float, int]:
    """Cheapest way from the heap's nodes to the forest below `limit`, and its last arc (-1: none).

    Arcs are walked against the flow. Nodes marked inside are not entered.
    """
    best = limit
    last = -1
    mark = w.mark[0]
    noise = w.noise[0]
    while size > 0:
        key = w.keys[0]
        i = w.items[0]
        size = heap_pop(w.keys, w.items, size)
        if key >= best:
            break
        if key > w.dist[i]:
            continue
        for k in range(s.net.start[i], s.net.start[i + 1]):
            a = s.net.leaving[k]
            j = s.net.head[a]
            if w.inside[j] == mark:
                continue
            more = _price(s, w, a >> 1, load)
            if noise > 0.0:
                more *= 1.0 + noise * np.random.random()
            reach = key + more
            if reach >= best:
                continue
            if j == s.root or w.into[j] >= 0:
                reach += _more(s, w, j, load)
                if reach < best:
                    best = reach
                    last = a
            elif w.reached[j] != mark or reach < w.dist[j]:
                w.reached[j] = mark
                w.dist[j] = reach
                w.came[j] = a
                size = heap_push(w.keys, w.items, size, reach, j)
    return best, last


@kernel
def _lay(s: Sized, w: Live, last: int, load: float) -> None:
    """Build the way that ends with the arc `last` (walked against the flow) and put `load` on it."""
    a = last
    while a >= 0:
        i = s.net.head[a ^ 1]
        w.into[i] = a ^ 1
        w.children[s.net.head[a]] += 1
        w.flow[i] = load
        w.paid[i] = _price(s, w, a >> 1, load)
        w.cost[0] += w.paid[i]
        a = w.came[i]
    _add(s, w, s.net.head[last], load)


@kernel
def serve(s: Sized, w: Live, node: int, worth: float) -> bool:
    """Serve `node` if that costs less than `worth`."""
    w.mark[0] += 1
    load = s.load[node]
    if w.into[node] >= 0:
        if _more(s, w, node, load) >= worth:
            return False
        _add(s, w, node, load)
    else:
        w.reached[node] = w.mark[0]
        w.dist[node] = 0.0
        w.came[node] = -1
        size = heap_push(w.keys, w.items, EMPTY, 0.0, node)
        _, last = _way(s, w, size, load, worth)
        if last < 0:
            return False
        _lay(s, w, last, load)
    w.served[node] = True
    w.cost[0] -= s.prize[node]
    return True


@kernel
def drop(s: Sized, w: Live, node: int) -> int:
    """Stop serving `node`; the first node above it that stays."""
    w.served[node] = False
    w.cost[0] += s.prize[node]
    stays = _trim(s, w, node)
    _add(s, w, stays, -s.load[node])
    return stays


@kernel
def key_below(s: Sized, w: Live, node: int) -> int:
    """First node at or below `node` that serves or branches."""
    while w.children[node] == 1 and not w.served[node]:
        for k in range(s.net.start[node], s.net.start[node + 1]):
            a = s.net.leaving[k]
            if w.into[s.net.head[a]] == a:
                node = s.net.head[a]
                break
    return node


@kernel
def saving(s: Sized, w: Live, node: int) -> float:
    """Cost of links saved if `node`, which has children, were not served."""
    load = s.load[node]
    total = 0.0
    while node != s.root:
        total += w.paid[node] - _price(s, w, w.into[node] >> 1, max(w.flow[node] - load, 0.0))
        node = s.net.head[w.into[node] ^ 1]
    return total


@kernel
def subtree(s: Sized, w: Live, top: int) -> int:
    """Write the nodes below `top` to `order`, itself first, parents before children; their number."""
    w.order[0] = top
    w.inside[top] = w.mark[0]
    size = 1
    at = 0
    while at < size:
        i = w.order[at]
        at += 1
        if w.children[i] == 0:
            continue
        for k in range(s.net.start[i], s.net.start[i + 1]):
            a = s.net.leaving[k]
            j = s.net.head[a]
            if w.into[j] == a:
                w.inside[j] = w.mark[0]
                w.order[size] = j
                size += 1
    return size


@kernel
def _turn_round(s: Sized, w: Live, top: int, node: int) -> None:
    """Turn round the links from `top` to `node` of a subtree cut off above `top`."""
    whole = w.flow[top]
    arc = -1
    i = node
    below = 0.0
    while True:
        before = w.into[i]
        flow = w.flow[i]
        w.cost[0] -= w.paid[i]
        w.into[i] = arc
        w.flow[i] = whole - below
        w.paid[i] = 0.0 if arc < 0 else _price(s, w, arc >> 1, w.flow[i])
        w.cost[0] += w.paid[i]
        if i == top:
            break
        parent = s.net.head[before ^ 1]
        w.children[parent] -= 1
        w.children[i] += 1
        arc = before ^ 1
        below = flow
        i = parent


@kernel
def rehang(s: Sized, w: Live, top: int) -> None:
    """Cut off the subtree of `top`; feed it by the cheapest way, at any of its nodes, or give it up."""
    load = w.flow[top]
    w.mark[0] += 1
    count = subtree(s, w, top)
    parent = s.net.head[w.into[top] ^ 1]
    w.cost[0] -= w.paid[top]
    w.paid[top] = 0.0
    w.into[top] = -1
    w.children[parent] -= 1
    _add(s, w, _trim(s, w, parent), -load)
    worth = 0.0
    size = EMPTY
    for k in range(count):
        i = w.order[k]
        if w.served[i]:
            worth += s.prize[i]
        worth -= w.paid[i]
        turn = 0.0
        if k > 0:
            link = w.into[i] >> 1
            turned = _price(s, w, link, max(load - w.flow[i], 0.0)) - w.paid[i]
            turn = w.turn[s.net.head[w.into[i] ^ 1]] + turned
        w.turn[i] = turn
        w.reached[i] = w.mark[0]
        w.dist[i] = turn
        w.came[i] = -1
        if turn < np.inf:
            size = heap_push(w.keys, w.items, size, turn, i)
    _, last = _way(s, w, size, load, worth)
    if last < 0:
        for k in range(count):
            i = w.order[k]
            if w.served[i]:
                w.cost[0] += s.prize[i]
            w.cost[0] -= w.paid[i]
            w.into[i] = -1
            w.served[i] = False
            w.flow[i] = 0.0
            w.paid[i] = 0.0
            w.children[i] = 0
        return
    goal = s.net.head[last ^ 1]
    while w.came[goal] >= 0:
        goal = s.net.head[w.came[goal] ^ 1]
    _turn_round(s, w, top, goal)
    _lay(s, w, last, load)
