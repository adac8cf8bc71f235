"""A first forest without compiled code: feasible within the first second, whatever else happens.

Ways are shortest paths by the cost per unit of load, at a few guesses of the load on the links; from
the leaves up, what does not pay or does not fit is left out; what is left out is then tried one by one.
"""

from __future__ import annotations

import heapq

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from geoplan.netdesign.clock import Clock
from geoplan.netdesign.graph import Floats, Ints
from geoplan.netdesign.loads.forest import Forest, Sized

#: Shares of the whole load that links are guessed to carry.
GUESSES = (1.0, 0.1, 0.01)
#: Least cost of a link per unit of load: graphs have no arcs of no length.
TINY = 1e-12
#: Charges for capacity that are tried, by bisection.
CHARGES = 8


class _Builder:
    """A forest that grows by the cheapest way for one demand after another."""

    def __init__(self, s: Sized) -> None:
        self.s = s
        n = len(s.load)
        self.into = np.full(n, -1, dtype=np.int64)
        self.flow = np.zeros(n)
        self.served = np.zeros(n, dtype=np.bool_)
        self.children = np.zeros(n, dtype=np.int64)

    def cost(self, link: int, load: float) -> float:
        """Cost of a link at a load."""
        s = self.s
        at = slice(s.start[link], s.start[link + 1])
        cost = s.fixed[at] + s.slope[at] * load
        return float(np.where(s.capacity[at] * (1.0 + 1e-9) >= load, cost, np.inf).min())

    def value(self) -> float:
        """Cost of the forest, prizes left out included."""
        used = np.flatnonzero(self.into >= 0)
        links = sum(self.cost(int(self.into[i]) >> 1, float(self.flow[i])) for i in used)
        return float(links + self.s.prize[~self.served].sum())

    def plant(self, into: Ints, order: Ints, charge: float) -> bool:
        """Serve what pays and fits on the ways `into`; whether all that pays does fit.

        `order` has the nodes, parents first; `charge` is a price of capacity, asked of each unit of load.
        """
        s = self.s
        worth = s.prize - charge * s.load
        worth_a_unit = np.divide(worth, s.load, out=np.full(len(worth), np.inf), where=s.load > 0.0)
        parent = s.net.head[into ^ 1]
        gain = np.maximum(worth, 0.0)
        inside: list[list[int]] = [[i] if worth[i] > 0.0 else [] for i in range(len(worth))]
        all_fit = True
        for i in order[:0:-1]:
            link, found = int(into[i]) >> 1, inside[i]
            room = float(s.capacity[s.start[link] : s.start[link + 1]].max()) * (1.0 + 1e-9)
            flow = float(s.load[found].sum())
            if flow > room:
                all_fit = False
                found.sort(key=worth_a_unit.__getitem__, reverse=True)
                while found and flow > room:
                    flow -= float(s.load[found[-1]])
                    gain[i] -= worth[found.pop()]
            gain[i] -= self.cost(link, flow) if found else 0.0
            if found and gain[i] > 0.0:
                gain[parent[i]] += gain[i]
                inside[parent[i]] += found
        self._build(into, order, inside[s.root])
        return all_fit

    def _build(self, into: Ints, order: Ints, served: list[int]) -> None:
        """The forest of the ways to some demands."""
        s = self.s
        self.into[:], self.flow[:], self.served[:], self.children[:] = -1, 0.0, False, 0
        self.served[served] = True
        self.flow[served] = s.load[served]
        needed = self.served.copy()
        for i in order[:0:-1]:
            if needed[i]:
                parent = int(s.net.head[into[i] ^ 1])
                needed[parent] = True
                self.into[i] = into[i]
                self.flow[parent] += self.flow[i]
                self.children[parent] += 1
        self.flow[s.root] = 0.0

    def serve(self, node: int) -> bool:  # noqa: C901 - one shortest path and its flow
        """Bring the load of `node` from the root if the way costs less than its prize."""
        s, load = self.s, float(self.s.load[node])
        limit = float(s.prize[node])
        dist: dict[int, float] = {s.root: 0.0}
        came: dict[int, int] = {}
        heap = [(0.0, s.root)]
        while heap:
            key, i = heapq.heappop(heap)
            if i == node:
                break
            if key > dist[i]:
                continue
            for a in s.net.leaving[s.net.start[i] : s.net.start[i + 1]]:
                j = int(s.net.head[a])
                if j == s.root or (self.into[j] >= 0 and self.into[j] != a):
                    continue
                link = int(a) >> 1
                more = self.cost(link, load)
                if self.into[j] == a:
                    more = self.cost(link, float(self.flow[j]) + load) - self.cost(link, float(self.flow[j]))
                reach = key + more
                if reach < dist.get(j, limit):
                    dist[j], came[j] = reach, int(a)
                    heapq.heappush(heap, (reach, j))
        if node not in came:
            return False
        i = node
        while i != s.root:
            a = came[i]
            parent = int(s.net.head[a ^ 1])
            if self.into[i] < 0:
                self.into[i] = a
                self.children[parent] += 1
            self.flow[i] += load
            i = parent
        self.served[node] = True
        return True


def _distances(s: Sized, guess: float) -> tuple[Floats, Ints, Ints]:
    """Cost per unit of load from the root to each node, the node before it, and the arcs there are."""
    load = np.minimum(s.capacity, guess)
    unit = np.divide(s.fixed, load, out=np.full(len(load), np.inf), where=load > 0.0) + s.slope
    weight = np.minimum.reduceat(unit, s.start[:-1]) + TINY
    arcs = np.flatnonzero(np.repeat(np.isfinite(weight), 2))
    tail, head = s.net.head[arcs ^ 1].astype(np.int32), s.net.head[arcs].astype(np.int32)
    n = len(s.load)
    graph = csr_array((weight[arcs >> 1], (tail, head)), shape=(n, n))
    far, before = dijkstra(graph, indices=s.root, return_predecessors=True)
    return far, before, arcs


def shortest_ways(s: Sized, guess: float) -> tuple[Ints, Ints]:
    """Arc into each node on the cheapest way from the root per unit of load; nodes, parents first."""
    far, before, arcs = _distances(s, guess)
    head = s.net.head[arcs]
    into = np.full(len(s.load), -1, dtype=np.int64)
    on_way = before[head] == s.net.head[arcs ^ 1]
    into[head[on_way]] = arcs[on_way]
    order = np.argsort(far, kind="stable")
    return into, order[np.isfinite(far[order])].astype(np.int64)


def plain_bound(s: Sized) -> float:
    """A lower bound of the cost of every forest: each demand pays its share of links that are full.

    Examples
    --------
    >>> from geoplan.netdesign.graph import build_network
    >>> one = np.array([1.0])
    >>> s = Sized(build_network(2, np.array([1]), np.array([0])), np.array([0, 1]), 6.0 * one, one, 3.0 * one,
    ...           np.array([2.0, 0.0]), np.array([9.0, 0.0]), 1)
    >>> round(plain_bound(s), 6)
    8.0
    """
    whole = float(s.load.sum())
    if whole <= 0.0 or len(s.start) < 2:
        return 0.0
    far, _, _ = _distances(s, whole)
    way = np.where(np.isfinite(far), np.maximum(far - TINY * len(far), 0.0), np.inf)
    asked = s.load > 0.0
    paid = np.minimum(s.prize[asked], s.load[asked] * way[asked])
    return float(paid.sum()) * (1.0 - 1e-9)


def _planted(s: Sized, clock: Clock) -> _Builder:
    """The cheapest of the forests of shortest ways, at several charges for capacity."""
    best = _Builder(s)
    least, whole = best.value(), float(s.load.sum())
    for share in GUESSES if whole > 0.0 and len(s.start) > 1 else ():
        ways = shortest_ways(s, share * whole)
        low, high, charge = 0.0, float((s.prize.sum() + 1.0) / whole) * 4.0, 0.0
        for _ in range(CHARGES):
            if clock.over():
                return best
            builder = _Builder(s)
            if builder.plant(*ways, charge):
                high = charge
            else:
                low = charge
            if (value := builder.value()) < least:
                best, least = builder, value
            if high == 0.0:
                break
            charge = 0.5 * (low + high)
    return best


def plain_forest(s: Sized, clock: Clock) -> Forest:
    """The best of a few forests of shortest ways, then more demands by the cheapest way each.

    Demands go by prize, required ones first; the others end when the time is up.

    Examples
    --------
    >>> from geoplan.netdesign.graph import build_network
    >>> one = np.array([1.0])
    >>> s = Sized(build_network(2, np.array([1]), np.array([0])), np.array([0, 1]), one, one, 9.0 * one,
    ...           np.array([2.0, 0.0]), np.array([9.0, 0.0]), 1)
    >>> plain_forest(s, Clock(1.0)).served.tolist()
    [True, False]
    """
    builder = _planted(s, clock)
    nodes = np.flatnonzero(s.prize > 0.0)
    nodes = nodes[nodes != s.root]
    large = float(s.prize.max(initial=0.0))
    for node in nodes[np.lexsort((-s.load[nodes], -s.prize[nodes]))]:
        if clock.over() and s.prize[node] < large:
            break
        if not builder.served[node]:
            builder.serve(int(node))
    return Forest(builder.into, builder.served, builder.flow, builder.children)
