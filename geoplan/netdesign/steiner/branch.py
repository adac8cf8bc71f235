"""Branch and cut on the directed-cut relaxation of a rooted problem."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from geoplan.netdesign.clock import Clock
from geoplan.netdesign.graph import NEVER, Bools, Floats, Ints
from geoplan.netdesign.lp import GrowingLp
from geoplan.netdesign.steiner.dual_ascent import dual_ascent
from geoplan.netdesign.steiner.reduction import Reduced
from geoplan.netdesign.steiner.separation import violated_cuts

#: Values closer than this to a whole number count as whole.
WHOLE = 1e-5

Row = tuple[Ints, Floats, float, float]


class Budget(NamedTuple):
    """A limit on the weight of the nodes of a tree.

    Attributes
    ----------
    weight : array, shape (n_nodes,)
    limit : float
    prize : array, shape (n_nodes,)
        Prizes less what the weights cost at a price of the limit; they lead to the first cuts.
    extra : array, shape (n_edges,)
        What edges cost more at that price.
    """

    weight: Floats
    limit: float
    prize: Floats
    extra: Floats


class BranchAndCut:
    """Exact solution of what the reductions left of a rooted problem.

    Parameters
    ----------
    left : Reduced
        A rooted problem.
    arcs_out : array of bool, shape (n_arcs,)
        Arcs no better tree uses.
    offer : callable
        Called with arc costs to be guided by and, for a whole solution, its edges; returns the
        cost (of `left`, offset excluded) from which trees are of no interest.
    clock : Clock
    budget : Budget, optional
    """

    def __init__(
        self,
        left: Reduced,
        arcs_out: Bools,
        offer: Callable[[Floats, Ints | None], float],
        clock: Clock,
        budget: Budget | None = None,
    ) -> None:
        self.left, self.offer, self.clock, self.budget = left, offer, clock, budget
        self.net = left.network()
        self.cost = np.repeat(left.cost, 2)
        self.arcs = np.flatnonzero(~arcs_out & (self.net.head != left.root))
        self.column = np.full(len(self.cost), -1, dtype=np.int64)
        self.column[self.arcs] = np.arange(len(self.arcs))
        self.nodes = np.flatnonzero(left.alive & (np.arange(left.n_nodes) != left.root))
        self.node_column = np.full(left.n_nodes, -1, dtype=np.int64)
        self.node_column[self.nodes] = len(self.arcs) + np.arange(len(self.nodes))
        self.tail = self.net.head[np.arange(len(self.cost)) ^ 1]
        prize = left.prize[self.nodes]
        needed = prize == NEVER
        self.constant = float(prize[~needed].sum())
        objective = np.concatenate([self.cost[self.arcs], np.where(needed, 0.0, -prize)])
        lower = np.zeros(len(objective))
        lower[len(self.arcs) :][needed] = 1.0
        self.lp = GrowingLp(objective, lower, np.ones(len(objective)))
        self.limit = offer(self.cost, None)
        self.fixed = (lower, np.ones(len(objective)))
        self._first_rows()

    def _first_rows(self) -> None:
        rows: list[Row] = []
        for i in self.nodes:
            out = self.net.leaving[self.net.start[i] : self.net.start[i + 1]]
            entering = self.column[out ^ 1]
            entering = entering[entering >= 0]
            leaving = self.column[out]
            leaving = leaving[leaving >= 0]
            y = self.node_column[i]
            columns = np.append(entering, y)
            rows.append((columns, np.append(np.ones(len(entering)), -1.0), 0.0, 0.0))
            if self.left.prize[i] <= 0.0:
                rows.append((np.append(leaving, y), np.append(np.ones(len(leaving)), -1.0), 0.0, np.inf))
        cost, prize = self._usable(), self.left.prize
        if self.budget is not None:
            heavy = self.nodes[self.budget.weight[self.nodes] > 0.0]
            rows.append((self.node_column[heavy], self.budget.weight[heavy], -np.inf, self.budget.limit))
            cost = cost + np.repeat(self.budget.extra, 2)
            prize = np.where(self.left.alive, self.budget.prize, 0.0)
        self.lp.add_rows(rows, permanent=True)
        two: list[Row] = []
        for e in range(len(self.left.cost)):
            pair = self.column[[2 * e, 2 * e + 1]]
            pair = pair[pair >= 0]
            for i in (self.left.u[e], self.left.v[e]):
                if i != self.left.root and len(pair) and len(self.left.cost) <= 4000:
                    columns = np.append(pair, self.node_column[i])
                    two.append((columns, np.append(-np.ones(len(pair)), 1.0), 0.0, np.inf))
        self.lp.add_rows(two)
        first = dual_ascent(self.net, cost, prize, self.left.root, keep=min(4 * len(self.nodes), 1500))
        self.lp.add_rows(self._cut_rows(first.sets, first.owner))

    def _usable(self) -> Floats:
        return np.where(self.column >= 0, self.cost, NEVER)

    def _cut_rows(self, sets: Bools, owner: Ints) -> list[Row]:
        rows: list[Row] = []
        seen: set[tuple[int, bytes]] = set()
        for inside, node in zip(sets, owner, strict=True):
            columns = self.column[inside[self.net.head] & ~inside[self.tail]]
            columns = columns[columns >= 0]
            key = (int(node), columns.tobytes())
            if key not in seen:
                seen.add(key)
                y = self.node_column[node]
                rows.append((np.append(columns, y), np.append(np.ones(len(columns)), -1.0), 0.0, np.inf))
        return rows

    def run(self, enough: Callable[[float], bool]) -> float:
        """Search until proved, out of time, or `enough` of a bound; returns the lower bound.

        The bound is on trees of `left`, offset excluded, and never above the limit.
        """
        count = 0
        heap: list[tuple[float, int, dict[int, float]]] = [(-np.inf, 0, {})]
        while heap:
            if self.clock.over() or enough(heap[0][0]):
                return min(heap[0][0], self.limit)
            bound, _, fixed = heapq.heappop(heap)
            if bound >= self.limit:
                return self.limit
            bound, x = self._node(fixed, max(bound, -np.inf), enough)
            if bound >= self.limit:
                continue
            branch = self._branching_column(x)
            if branch < 0:
                if self.clock.over() or not self._whole(x):
                    return min([bound, self.limit, *(item[0] for item in heap)])
                continue
            for value in (0.0, 1.0):
                count += 1
                heapq.heappush(heap, (bound, count, {**fixed, branch: value}))
        return self.limit

    def _branching_column(self, x: Floats) -> int:
        """Node with a prize, else node, else arc whose choice matters most; -1 if all are whole."""
        away = np.minimum(x, 1.0 - x)
        nodes = away[len(self.arcs) :]
        prize = np.where(np.isfinite(self.left.prize[self.nodes]), self.left.prize[self.nodes], 0.0)
        if (nodes * (prize > 0.0)).max(initial=0.0) > WHOLE:
            return len(self.arcs) + int((nodes * prize).argmax())
        if len(nodes) and nodes.max() > WHOLE:
            return len(self.arcs) + int(nodes.argmax())
        if len(away) and away[: len(self.arcs)].max(initial=0.0) > WHOLE:
            return int(away[: len(self.arcs)].argmax())
        return -1

    def _whole(self, x: Floats) -> bool:
        return bool((np.minimum(x, 1.0 - x) <= WHOLE).all())

    def _node(
        self, fixed: dict[int, float], bound: float, enough: Callable[[float], bool]
    ) -> tuple[float, Floats]:
        """Solve one node with cuts; its bound and solution."""
        lower, upper = self.fixed[0].copy(), self.fixed[1].copy()
        for column, value in fixed.items():
            lower[column] = upper[column] = value
        self.lp.set_bounds(lower, upper)
        x = np.zeros(len(lower))
        stalled = 0
        for turn in range(100000):
            result = self.lp.solve(max(self.clock.left(), 0.05))
            value = result.bound + self.constant
            stalled = stalled + 1 if value <= bound + 1e-6 * abs(bound) else 0
            bound = max(bound, value)
            x = result.x
            if bound >= self.limit or self.clock.over():
                break
            self._guide(x, turn, root=not fixed)
            if not fixed:
                self._fix(result.reduced_cost, value)
            elif stalled > 5 and not self._whole(x):
                break
            rows = self._separate(x)
            if not rows:
                if self._whole(x):
                    self._offer_whole(x)
                    return np.inf, x
                break
            if enough(bound) or stalled > 60:
                break
            if self.lp.n_rows > 3 * len(self.cost) + 3000:
                self.lp.purge(x)
            self.lp.add_rows(rows)
        return bound, x

    def _guide(self, x: Floats, turn: int, *, root: bool) -> None:
        if turn % (3 if root else 10) == 0:
            used = np.zeros(len(self.cost))
            used[self.arcs] = x[: len(self.arcs)]
            share = np.minimum(used[0::2] + used[1::2], 1.0)
            self.limit = self.offer(self.cost * (1.0001 - np.repeat(share, 2)), None)

    def _offer_whole(self, x: Floats) -> None:
        edges = np.unique(self.arcs[x[: len(self.arcs)] > 0.5] >> 1)
        self.limit = self.offer(self.cost, edges)

    def _fix(self, reduced: Floats, bound: float) -> None:
        """Fix columns whose reduced cost exceeds what is left between bound and limit."""
        room = self.limit - bound
        lower, upper = self.fixed
        out = (reduced > room) & (lower == 0.0) & (upper == 1.0)
        inn = (-reduced > room) & (lower == 0.0) & (upper == 1.0)
        if out.any() or inn.any():
            upper[out] = 0.0
            lower[inn] = 1.0
            self.lp.set_bounds(lower, upper)

    def _separate(self, x: Floats) -> list[Row]:
        full = np.zeros(len(self.cost))
        full[self.arcs] = x[: len(self.arcs)]
        inflow = np.zeros(self.left.n_nodes)
        inflow[self.nodes] = x[len(self.arcs) :]
        order = self.nodes[np.argsort(-inflow[self.nodes], kind="stable")]
        prized = self.left.prize[order] > 0.0
        sets, owner = violated_cuts(self.net, full, inflow, order[prized], self.left.root, 150)
        if not len(sets):
            sets, owner = violated_cuts(self.net, full, inflow, order[~prized], self.left.root, 150)
        return self._cut_rows(sets, owner)
