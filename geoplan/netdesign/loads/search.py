"""Search for good forests: improvement of a given one, and annealing in cycles."""

from __future__ import annotations

import numpy as np

from geoplan.netdesign.graph import Bools, Ints
from geoplan.netdesign.instance import Instance
from geoplan.netdesign.loads.anneal import Supply, anneal, improve, set_seed
from geoplan.netdesign.loads.forest import Forest, Sized, empty_forest
from geoplan.netdesign.loads.moves import copy_into, drop, live, recount, serve, still

#: Turns of the first cycle per demand (each later cycle has twice as many), of the longest, and at one go.
TURNS, LONGEST, GO = 50, 6400, 2000
#: Share of a cycle in which sources may be overloaded at a toll.
TOLLED = 0.7
#: Temperatures in costs per demand: at the start, where the tolls end, at the end.
HOT, WARM, COLD = 0.2, 0.05, 0.01
#: Overload allowed at a toll, and largest change of a toll in typical prizes per load.
LOOSE, STEP = 0.1, 0.002


def improved(s: Sized, forest: Forest, rounds: int) -> Forest:
    """A forest after single moves on all nodes until nothing gains."""
    w = live(s, forest)
    nodes = np.arange(len(s.load))
    improve(s, w, nodes, len(nodes), rounds)
    recount(s, w)
    return still(w)


def grown(s: Sized, order: Ints, optimism: float) -> Forest:
    """The forest that serves demands in turn while that costs less than `optimism` times the prize."""
    w = live(s, empty_forest(s))
    for node in order:
        serve(s, w, int(node), optimism * float(s.prize[node]))
    return still(w)


def carrying(s: Sized, into: Ints, served: Bools) -> Forest:
    """The forest of given arcs and demands served, its loads counted."""
    none = empty_forest(s)
    return still(live(s, Forest(into, served, none.flow, none.children)))


def shed(s: Sized, forest: Forest) -> Forest:
    """A forest without the demands worth least per load that overload a link."""
    w = live(s, forest)
    value = np.where(s.load > 0.0, s.prize / np.maximum(s.load, 1e-300), np.inf)
    while True:
        over = np.flatnonzero(np.isinf(w.paid))
        if not len(over):
            return still(w)
        below = _below(s, w.into, int(over[0]))
        drop(s, w, int(below[np.argmin(np.where(w.served[below], value[below], np.inf))]))
        recount(s, w)


def _below(s: Sized, into: Ints, top: int) -> Ints:
    """Nodes at and below `top`."""
    inside = np.zeros(len(into), dtype=np.bool_)
    inside[top] = True
    nodes = np.flatnonzero(into >= 0)
    parent = s.net.head[into[nodes] ^ 1]
    while True:
        more = nodes[inside[parent] & ~inside[nodes]]
        if not len(more):
            return np.flatnonzero(inside)
        inside[more] = True


class Annealing:
    """Annealing in cycles of falling temperature, each twice as long as the one before.

    In the first parts of a cycle a source may give more than it has at a toll, which
    moves until its load is about its capacity; the last parts start from the best
    forest and keep to the capacities.

    Parameters
    ----------
    instance : Instance
        Rooted.
    s : Sized
        The same as the kernels read it.
    forest : Forest
        One that carries its loads.
    seed : int

    Attributes
    ----------
    supply : Supply
        Sources with a capacity and their tolls.
    """

    def __init__(self, instance: Instance, s: Sized, forest: Forest, seed: int) -> None:
        set_seed(seed)
        self.s = s
        self.soft = s._replace(slope=s.slope.copy(), capacity=s.capacity.copy())
        links = np.arange(instance.n_links - instance.n_sources, instance.n_links)
        capacity = np.maximum.reduceat(s.capacity, s.start[:-1])[links]
        capped = np.isfinite(capacity) & (capacity < s.load.sum())
        self.supply = Supply(links[capped], capacity[capped], np.zeros(int(capped.sum())))
        for link in self.supply.link:
            self.soft.capacity[s.start[link] : s.start[link + 1]] *= 1.0 + LOOSE
        self.demands = np.flatnonzero((s.prize > 0.0) & (np.arange(len(s.load)) != s.root))
        self.forests = live(s, forest), live(s, forest), live(s, forest)
        self.required = np.isinf(instance.prize)
        self.step = STEP * float(instance.prize[~self.required].sum()) / max(float(s.load.sum()), 1e-12)
        self.length = TURNS * len(self.demands)
        self.at = 0

    def value(self) -> float:
        """Cost of the best forest."""
        return float(self.forests[2].cost[0])

    def best(self) -> Forest:
        """The best forest."""
        return still(self.forests[2])

    def offer(self, forest: Forest) -> None:
        """Take over a forest if it is better than the best."""
        other = live(self.s, forest)
        if other.cost[0] < self.value():
            copy_into(other, self.forests[2])

    def _scale(self) -> float:
        """Cost per demand, required ones left out not counted."""
        best = self.forests[2]
        missing = float(self.s.prize[self.required & ~best.served].sum())
        return max((self.value() - missing) / max(len(self.demands), 1), 1e-9)

    def run(self) -> int:
        """Go on with the cycle; number of turns."""
        now, _, best = self.forests
        switch = int(TOLLED * self.length) if len(self.supply.link) else 0
        soft = self.at < switch
        begin, end = (0, switch) if soft else (switch, self.length)
        if self.at == begin:
            copy_into(best, now)
        problem = self.soft if soft else self.s
        recount(problem, now)
        turns = min(GO, end - self.at)
        hot = HOT if begin == 0 else WARM
        heat = [
            self._scale() * hot * (COLD / hot) ** ((at - begin) / (end - begin))
            for at in (self.at, self.at + turns)
        ]
        step = self.step if soft else 0.0
        anneal((problem, self.s), self.forests, self.demands, self.supply, step, (heat[0], heat[1]), turns)
        self.at += turns
        if self.at == self.length:
            self.at = 0
            self.length = min(2 * self.length, LONGEST * len(self.demands))
        return turns
