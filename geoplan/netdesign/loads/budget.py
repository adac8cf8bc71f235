"""One source with a limit, and prices that no load changes: a prize-collecting tree with a budget.

The limit gets a price, found where the tree of the priced problem is about as heavy as the limit
allows. That gives a bound, forests, and the price at which dual ascents rule out arcs and nodes;
branch and cut with the limit as a row proves the rest. A demand is a leaf on a free edge of its
own there, so that a node may be passed through without being served.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoplan.netdesign.clock import Clock
from geoplan.netdesign.graph import NEVER, Bools, Floats, Ints, build_network, is_compiled
from geoplan.netdesign.instance import TOLERANCE, Instance
from geoplan.netdesign.loads.anneal import anneal
from geoplan.netdesign.loads.forest import Forest, fits, sized, total_cost
from geoplan.netdesign.loads.plain import plain_forest
from geoplan.netdesign.loads.search import Annealing, carrying, improved, shed
from geoplan.netdesign.orient import orient
from geoplan.netdesign.steiner.branch import BranchAndCut, Budget
from geoplan.netdesign.steiner.dual_ascent import dual_ascent, fix_by_bound
from geoplan.netdesign.steiner.reduction import Reduced, SteinerProblem
from geoplan.netdesign.steiner.separation import violated_cuts
from geoplan.netdesign.steiner.solve import solve_steiner
from geoplan.netdesign.steiner.trees import best_tree, finite_prizes

#: Wall time that compiling the kernels may take where no earlier run has. [s]
COMPILE_S = 25.0
#: Relative distance below which cost and bound are one.
SAME = 5e-7
#: Prices of the limit that are tried, and the gap at which each tree is good enough.
PRICES, PRICED_GAP = 14, 2e-4
#: Dual ascents that rule out arcs and nodes.
ASCENTS = 6
#: Turns of annealing per demand in one go.
TURNS = 100
#: Rounds of single moves on a new forest.
ROUNDS = 10


def is_budgeted(instance: Instance, clock: Clock) -> bool:
    """Whether nothing but the one source has a limit or a price per load, and there is time to compile."""
    if instance.root < 0 or instance.n_sources != 1:
        return False
    if clock.limit_s < COMPILE_S and not (is_compiled(anneal) and is_compiled(violated_cuts)):
        return False
    total = float(instance.load.sum())
    ample = (instance.capacity * (1.0 + TOLERANCE) >= total) & (instance.slope <= 0.0)
    least = np.repeat(np.minimum.reduceat(instance.fixed, instance.start[:-1]), np.diff(instance.start))
    free = np.logical_or.reduceat(ample & (instance.fixed <= least), instance.start[:-1])
    return bool(free[:-1].all())


class _Priced(NamedTuple):
    """The problem of leaves at one price of the limit: costs of edges, prizes, and a constant."""

    cost: Floats
    prize: Floats
    constant: float


class _Solver:
    """One run; see `solve_budgeted`."""

    def __init__(self, instance: Instance, gap: float, clock: Clock, seed: int) -> None:
        self.instance, self.gap, self.clock, self.seed = instance, gap, clock, seed
        self.rng = np.random.default_rng(seed)
        self.s = sized(instance)
        self.nodes = np.arange(instance.n_nodes)
        self.cost = np.minimum.reduceat(instance.fixed, instance.start[:-1])
        source = instance.row_of_sources()[0]
        self.capacity = min(float(instance.capacity[source]), instance.load.sum()) * (1.0 + TOLERANCE)
        load, required = instance.load, np.isinf(instance.prize)
        prize = instance.prize - instance.slope[source] * load
        self.leaf = np.flatnonzero((prize > 0.0) & (load > 0.0))
        self.prize = prize[self.leaf]
        self.load = load[self.leaf]
        paid = instance.slope[source] * self.load.sum()
        never = (prize <= 0.0) & (load > 0.0) & ~required
        self.constant = float(paid + instance.prize[never].sum())
        self.plain_prize = np.where(load > 0.0, 0.0, instance.prize)
        self.plain_prize[instance.root] = 0.0
        finite = instance.prize[~required]
        self.whole = bool(
            instance.slope[source] == 0.0
            and (finite == np.round(finite)).all()
            and (self.cost == np.round(self.cost)).all()
            and self.cost.sum() + finite.sum() < 1e8
        )
        self.forest = plain_forest(self.s, Clock(min(0.6, 0.5 * clock.left())))
        self.value, self.bound = NEVER, 0.0
        self.offer(self.forest)

    def limit(self) -> float:
        """Cost from which forests are of no interest."""
        close = self.value * (1.0 - max(self.gap, SAME))
        return min(close, self.value - 1.0 + 1e-3) if self.whole else close

    def done(self) -> bool:
        """Whether time is up or no forest of interest is left."""
        return self.clock.over() or self.bound >= self.limit()

    def offer(self, forest: Forest) -> None:
        """Keep a forest if it is the best."""
        if fits(self.s, forest) and (value := float(total_cost(self.s, forest))) < self.value:
            self.forest, self.value = forest, value

    def offer_tree(self, links: Ints, served: Bools) -> None:
        """Offer the forest of a tree, without what is too much, and with what else pays."""
        ends = (self.instance.u, self.instance.v)
        into = orient(self.instance.n_nodes, ends, links, self.instance.root)
        served = served & (into >= 0)
        self.offer(improved(self.s, shed(self.s, carrying(self.s, into, served)), ROUNDS))

    def priced(self, price: float) -> _Priced:
        """The problem with leaves where the limit costs `price` a unit."""
        charge = price * self.load
        cost = np.concatenate([self.cost, np.maximum(charge - self.prize, 0.0)])
        prize = np.concatenate([self.plain_prize, np.maximum(self.prize - charge, 0.0)])
        certain = np.minimum(self.prize, charge).sum() - price * self.capacity
        return _Priced(cost, prize, self.constant + float(certain))

    def graph(self) -> tuple[int, Ints, Ints]:
        """Number of nodes and ends of the edges, with a leaf for every demand."""
        n = self.instance.n_nodes
        leaves = n + np.arange(len(self.leaf))
        u, v = np.append(self.instance.u, self.leaf), np.append(self.instance.v, leaves)
        return n + len(leaves), u, v

    def run(self) -> None:
        """Price, anneal, prove."""
        price = self._find_price()
        if self.done():
            return
        annealing = Annealing(self.instance, self.s, self.forest, self.seed)
        self._anneal(annealing)
        if not self.done():
            self._prove(price)
        while not self.done():
            self._anneal(annealing)

    def _anneal(self, annealing: Annealing) -> None:
        """Some turns of annealing per demand, a tenth of the time at most."""
        clock = Clock(0.1 * self.clock.left())
        annealing.offer(self.forest)
        left = TURNS * len(self.leaf)
        while left > 0 and not self.done() and not clock.over():
            left -= annealing.run()
            self.offer(annealing.best())
        self.offer(improved(self.s, annealing.best(), ROUNDS))

    def _find_price(self) -> float:
        """Price of the limit with the best bound: where the tangents of a light and a heavy tree cross."""
        best, price = 0.0, 0.0
        light: tuple[float, float, float] | None = None
        heavy: tuple[float, float, float] | None = None
        clock = Clock(0.4 * self.clock.left())
        for _ in range(PRICES):
            value, over = self._tree_at(price, Clock(min(0.3 * clock.left(), 20.0)))
            if value >= self.bound:
                best, self.bound = price, value
            if self.done() or clock.over() or (price == 0.0 and over <= 0.0):
                break
            if over > 0.0:
                heavy = (price, value, over)
            else:
                light = (price, value, over)
            if light is None or heavy is None:
                price = 2.0 * price + 0.1 * float(self.prize[np.isfinite(self.prize)].sum() / self.load.sum())
                continue
            crossing = heavy[1] - heavy[2] * heavy[0] - light[1] + light[2] * light[0]
            price = float(np.clip(crossing / (light[2] - heavy[2]), heavy[0], light[0]))
            top = heavy[1] + heavy[2] * (price - heavy[0])
            if top <= self.bound * (1.0 + PRICED_GAP) or min(price - heavy[0], light[0] - price) <= 0.0:
                break
        return best

    def _tree_at(self, price: float, clock: Clock) -> tuple[float, float]:
        """Bound at a price, and by how much the tree found there is too heavy."""
        at = self.priced(price)
        n, m = self.instance.n_nodes, self.instance.n_links
        prize = at.prize[:n].copy()
        prize[self.leaf] += at.prize[n:]
        problem = SteinerProblem(n, self.instance.u, self.instance.v, at.cost[:m], prize, self.instance.root)
        gap = PRICED_GAP if price > 0.0 else min(PRICED_GAP, self.gap)
        found = solve_steiner(problem, gap=gap, clock=clock)
        if found.value == NEVER:
            return NEVER, 0.0
        served = found.nodes & (prize > 0.0)
        self.offer_tree(found.edges, served)
        return found.bound + at.constant, float(self.instance.load[served].sum()) - self.capacity

    def _prove(self, price: float) -> None:
        """Branch and cut on what dual ascents at a price leave."""
        n, u, v = self.graph()
        m = self.instance.n_links
        at = self.priced(price)
        net, cost = build_network(n, u, v), np.repeat(at.cost, 2)
        goal = np.append(self.plain_prize > 0.0, np.ones(len(self.leaf), dtype=np.bool_)).astype(np.float64)
        arcs_out, nodes_out = np.zeros(len(cost), dtype=np.bool_), np.zeros(n, dtype=np.bool_)
        nodes_in = np.zeros(n, dtype=np.bool_)
        for _ in range(ASCENTS):
            ascent = dual_ascent(net, cost, at.prize, self.instance.root, tie=self.rng.random(n))
            self.bound = max(self.bound, min(ascent.bound + at.constant, self.value))
            if self.done():
                return
            fixing = fix_by_bound(net, ascent, goal, self.instance.root, self.limit() - at.constant)
            arcs_out |= fixing.arcs_out
            nodes_out |= fixing.nodes_out
            nodes_in |= fixing.nodes_in
        true = np.concatenate([self.cost, np.zeros(len(self.leaf))])
        prize = np.concatenate([self.plain_prize, self.prize])
        left = Reduced.of(SteinerProblem(n, u, v, true, prize, self.instance.root))
        left.prize[nodes_in] = NEVER
        keep = ~(arcs_out[0::2] & arcs_out[1::2]) & ~(nodes_out[u] | nodes_out[v])
        left.keep_edges(keep)
        left.leave_out(nodes_out & ~np.isinf(left.prize))
        weight = np.concatenate([np.zeros(n - len(self.load)), self.load])
        budget = Budget(weight, self.capacity, at.prize, at.cost[keep] - true[keep])
        rest = left.offset + self.constant
        numbers = np.flatnonzero(keep)
        finite = finite_prizes(at.prize, cost)

        def offer(guide: Floats, edges: Ints | None) -> float:
            if edges is None:
                around = left.network()
                tree = best_tree(around, guide, np.repeat(at.cost[keep], 2), finite, left.root, loose=False)
                edges = np.unique(tree.into[tree.into >= 0] >> 1)
            chosen = numbers[edges]
            served = self.plain_prize > 0.0
            served[self.leaf[chosen[chosen >= m] - m]] = True
            self.offer_tree(chosen[chosen < m], served)
            return self.limit() - rest

        search = BranchAndCut(left, arcs_out[np.repeat(keep, 2)], offer, self.clock, budget)
        bound = search.run(lambda value: value + rest >= self.limit())
        self.bound = max(self.bound, min(bound + rest, self.value))


def solve_budgeted(instance: Instance, *, gap: float, clock: Clock, seed: int) -> tuple[Ints, Bools, float]:
    """Arc into each node, demands served, and a lower bound, for a problem that `is_budgeted`.

    Parameters
    ----------
    instance : Instance
    gap : float
        Relative distance between cost and bound that is good enough.
    clock : Clock
    seed : int

    Returns
    -------
    tuple
        As `geoplan.netdesign.loads.solve.solve_loads`.
    """
    solver = _Solver(instance, gap, clock, seed)
    solver.run()
    forest = solver.forest
    unserved = np.isinf(instance.prize) & ~forest.served & (solver.nodes != instance.root)
    if unserved.any():
        return forest.into, forest.served, NEVER
    closed = solver.whole and solver.bound > solver.value - 1.0 + 5e-4
    return forest.into, forest.served, solver.value if closed else min(solver.bound, solver.value)
