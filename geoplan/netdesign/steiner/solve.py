"""The prize-collecting Steiner tree: incumbent, reductions, dual ascent, branch and cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geoplan.netdesign.clock import Clock
from geoplan.netdesign.graph import NEVER, Bools, Floats, Ints, build_network, is_compiled
from geoplan.netdesign.steiner.branch import BranchAndCut
from geoplan.netdesign.steiner.dual_ascent import dual_ascent, fix_by_bound
from geoplan.netdesign.steiner.plain import plain_tree
from geoplan.netdesign.steiner.reduction import Reduced, SteinerProblem, drop_detours, simplify
from geoplan.netdesign.steiner.separation import violated_cuts
from geoplan.netdesign.steiner.trees import best_tree, finite_prizes, improve, span_and_prune

#: Wall time that compiling the kernels may take where no earlier run has. [s]
COMPILE_S = 10.0
#: Dual ascents, one after another, on the graph each leaves smaller.
ROUNDS = 8
#: Nodes a dual ascent may see a second that is left; far below what it sees.
WORK_PER_S = 2e6
#: Prized nodes tried as the one every better tree must hold.
ROOT_TRIALS = 12


@dataclass(frozen=True)
class SteinerSolution:
    """A tree and a proof of how far it is from the best.

    Attributes
    ----------
    value : float
        Cost of the edges plus prizes of the nodes left out; infinite if there is no tree.
    bound : float
        Lower bound on the value of every tree.
    edges : array of int
        Edges of the tree.
    nodes : array of bool, shape (n_nodes,)
    """

    value: float
    bound: float
    edges: Ints
    nodes: Bools


class Incumbent:
    """The best tree so far, always priced on the original graph."""

    def __init__(self, problem: SteinerProblem, seed: int) -> None:
        self.problem = problem
        self.net = build_network(problem.n_nodes, problem.u, problem.v)
        self.cost = np.repeat(problem.cost.astype(np.float64), 2)
        self.prize = problem.prize.astype(np.float64).copy()
        if problem.root >= 0:
            self.prize[problem.root] = NEVER
        self.finite = finite_prizes(self.prize, self.cost)
        self.rng = np.random.default_rng(seed)
        self.loose = not np.isinf(self.prize).any()
        self.value = NEVER
        self.edges: Ints = np.array([], dtype=np.int64)
        self.nodes: Bools = np.zeros(problem.n_nodes, dtype=np.bool_)
        finite = self.prize[np.isfinite(self.prize)]
        self.whole = bool(
            (finite == np.round(finite)).all() and (problem.cost == np.round(problem.cost)).all()
        )
        total = float(problem.cost.sum() + finite.sum())
        self.whole = self.whole and total < 1e9
        self.rounding = 5e-13 * total

    def limit(self) -> float:
        """Cost from which a tree is of no interest."""
        if self.value == NEVER:
            return NEVER
        return self.value - 1.0 + 1e-3 if self.whole else self.value * (1.0 - 1e-10)

    def closed(self, bound: float) -> bool:
        """Whether no tree can be better than the incumbent."""
        return bound >= self.limit() - self.rounding

    def offer_nodes(self, nodes: Bools, top: int) -> None:
        """Span the nodes, prune, and keep the tree if it is better."""
        tree = span_and_prune(self.net, self.cost, self.finite, top, int(self.loose), nodes)
        self._take(tree.nodes, tree.into)

    def polish(self, work: int) -> None:
        """Local search on the incumbent."""
        if not self.nodes.any():
            return
        top = self.top()
        tree = span_and_prune(self.net, self.cost, self.finite, top, int(self.loose), self.nodes)
        if tree.nodes[top]:
            better, _ = improve(self.net, self.cost, self.finite, top, int(self.loose), tree, work)
            self._take(better.nodes, better.into)

    def top(self) -> int:
        """A node of the incumbent to span from."""
        inside = np.flatnonzero(self.nodes)
        return int(inside[self.finite[inside].argmax()])

    def _take(self, nodes: Bools, into: Ints) -> None:
        edges = np.unique(into[into >= 0] >> 1)
        value = float(self.problem.cost[edges].sum() + self.prize[~nodes].sum())
        if value < self.value:
            self.value, self.edges, self.nodes = value, edges, nodes.copy()

    def offer_edges(self, edges: list[int], node: int) -> None:
        """Offer a tree as original edges (`node` alone if there are none)."""
        nodes = np.zeros(self.problem.n_nodes, dtype=np.bool_)
        nodes[node] = True
        for ends in (self.problem.u, self.problem.v):
            nodes[ends[edges]] = True
        required = np.flatnonzero(nodes & np.isinf(self.prize))
        self.offer_nodes(nodes, int(required[0]) if len(required) else node)


class _Solver:
    """One run; see `solve_steiner`."""

    def __init__(self, problem: SteinerProblem, gap: float, clock: Clock, seed: int) -> None:
        self.best = Incumbent(problem, seed)
        self.gap, self.clock = gap, clock
        self.rng = np.random.default_rng(seed)

    def enough(self, bound: float) -> bool:
        """Whether a bound on the original problem is within the gap asked for."""
        return self.best.closed(bound) or self.best.value - bound <= self.gap * abs(self.best.value)

    def run(self, left: Reduced) -> float:
        """Lower bound on the original problem; the incumbent is in ``self.best``."""
        self._first_trees(left)
        bound = NEVER
        while left.root < 0:
            simplify(left)
            drop_detours(left)
            simplify(left)
            if left.candidate is not None:
                self.best.offer_edges(left.candidate.edges, left.candidate.node)
            rest, root, certain = self._find_root(left)
            if self.best.closed(rest):
                return bound
            if self.clock.over():
                return min(bound, rest)
            inside = _copy(left)
            inside.root = root
            inside.prize[root] = NEVER
            bound = min(bound, self.rooted(inside))
            if certain:
                return bound
            alone = np.zeros(left.n_nodes, dtype=np.bool_)
            alone[root] = True
            left.leave_out(alone)
        return min(bound, self.rooted(left))

    def _work(self) -> float:
        """Work of a dual ascent that surely ends in time."""
        return WORK_PER_S * max(self.clock.left(), 0.1)

    def _first_trees(self, left: Reduced) -> None:
        prize = left.prize
        if left.root >= 0 or np.isinf(prize).any():
            tops = [left.root if left.root >= 0 else int(np.isinf(prize).argmax())]
        else:
            self.best.offer_edges([], int(prize.argmax()))
            tops = [int(i) for i in np.argsort(-prize, kind="stable")[:6]]
        for top in tops:
            best = self.best
            tree = best_tree(best.net, best.cost, best.cost, best.finite, top, best.loose)
            best.offer_nodes(tree.nodes, _top_of(tree.into, tree.nodes))
            if self.clock.over():
                return
        self.best.polish(400)

    def _find_root(self, left: Reduced) -> tuple[float, int, bool]:
        """Bound on the unrooted rest, the node to root at, and whether all better trees hold it.

        An artificial root reaches every prized node at the cost of the best profit known. If the
        dual ascent then pays every prize, no tree has more profit.
        """
        total = float(left.prize.sum())
        required = np.flatnonzero(np.isinf(left.prize))
        if len(required):
            return -NEVER, int(required[0]), True
        profit = total + left.offset - self.best.limit()
        prized = np.flatnonzero(left.prize > 0.0)
        if not len(prized):
            return left.offset, -1, True
        bound = self._profit_bound(left, prized, profit, -1)
        if self.best.closed(bound):
            return bound, -1, True
        inside = self.best.nodes[prized]
        order = prized[np.lexsort((-left.prize[prized], ~inside))]
        for root in order[:ROOT_TRIALS]:
            if self.clock.over():
                break
            others = self._profit_bound(left, prized, profit, int(root))
            if self.best.closed(others):
                return bound, int(root), True
        return bound, int(order[0]), False

    def _profit_bound(self, left: Reduced, prized: Ints, profit: float, without: int) -> float:
        n = left.n_nodes
        prized = prized[prized != without]
        u = np.concatenate([left.u, np.full(len(prized), n)])
        v = np.concatenate([left.v, prized])
        cost = np.concatenate([np.repeat(left.cost, 2), np.tile([max(profit, 0.0), NEVER], len(prized))])
        net = build_network(n + 1, u, v)
        prize = np.append(left.prize, 0.0)
        if without >= 0:
            prize[without] = 0.0
            banned = (net.head == without) | (net.head[np.arange(len(cost)) ^ 1] == without)
            cost[banned] = NEVER
        ascent = dual_ascent(net, cost, prize, n, tie=self.rng.random(n + 1), work=self._work())
        lost = float(left.prize[without]) if without >= 0 else 0.0
        return ascent.bound - max(profit, 0.0) + left.offset + lost

    def rooted(self, left: Reduced) -> float:
        """Lower bound on the trees of a rooted problem (at least the limit when proved)."""
        lower = -NEVER
        arcs_out: Bools = np.zeros(2 * len(left.u), dtype=np.bool_)
        for turn in range(ROUNDS):
            simplify(left)
            drop_detours(left)
            simplify(left)
            if left.offset == NEVER:
                return NEVER
            if not len(left.u):
                self.best.offer_edges(left.original(np.array([], dtype=np.int64), left.root), left.root)
                rest = left.prize[left.alive & np.isfinite(left.prize)]
                return max(lower, left.offset + float(rest.sum()))
            before = len(left.u)
            bound, arcs_out = self._ascents(left, turn)
            lower = max(lower, bound)
            if self.enough(lower) or self.clock.over():
                return lower
            if len(left.u) > 0.95 * before and turn >= 2:
                break
        search = BranchAndCut(left, arcs_out, self._offer(left), self.clock)
        bound = search.run(lambda value: self.enough(value + left.offset))
        return max(lower, bound + left.offset)

    def _ascents(self, left: Reduced, turn: int) -> tuple[float, Bools]:
        """A few dual ascents, trees on what they saturate, and what the bounds forbid."""
        net = left.network()
        cost = np.repeat(left.cost, 2)
        required = np.flatnonzero(np.isinf(left.prize) & (np.arange(left.n_nodes) != left.root))
        roots = [left.root, left.root]
        if len(required):
            roots.extend(int(i) for i in self.rng.permutation(required)[:3])
        lower = -NEVER
        edges_out = np.zeros(len(left.u), dtype=np.bool_)
        nodes_out = np.zeros(left.n_nodes, dtype=np.bool_)
        nodes_in = np.zeros(left.n_nodes, dtype=np.bool_)
        own_out = np.zeros(len(cost), dtype=np.bool_)
        offer = self._offer(left)
        for k, root in enumerate(roots):
            tie = self.rng.random(left.n_nodes) if turn + k else None
            ascent = dual_ascent(net, cost, left.prize, root, tie=tie, work=self._work())
            lower = max(lower, ascent.bound + left.offset)
            for guide in (ascent.slack + 1e-6 * cost, np.where(ascent.slack <= 0.0, cost, 1e3 * cost)):
                limit = offer(guide, None)
            if self.best.closed(lower):
                break
            fixing = fix_by_bound(net, ascent, left.prize, root, limit)
            edges_out |= fixing.arcs_out[0::2] & fixing.arcs_out[1::2]
            nodes_out |= fixing.nodes_out
            nodes_in |= fixing.nodes_in
            if root == left.root:
                own_out |= fixing.arcs_out
            if self.clock.over():
                break
        self.best.polish(100)
        keep = ~edges_out & ~(nodes_out[left.u] | nodes_out[left.v])
        left.prize[nodes_in] = NEVER
        left.keep_edges(keep)
        left.leave_out(nodes_out & ~np.isinf(left.prize))
        return lower, own_out[np.repeat(keep, 2)]

    def _offer(self, left: Reduced) -> Callable[[Floats, Ints | None], float]:
        net = left.network()
        cost = np.repeat(left.cost, 2)
        prize = finite_prizes(left.prize, cost)

        def offer(guide: Floats, edges: Ints | None) -> float:
            if edges is None:
                tree = best_tree(net, guide, cost, prize, left.root, loose=False)
                edges = np.unique(tree.into[tree.into >= 0] >> 1)
            before = self.best.value
            self.best.offer_edges(left.original(edges, left.root), left.root)
            if self.best.value < before:
                self.best.polish(100)
            return self.best.limit() - left.offset

        return offer


def _top_of(into: Ints, nodes: Bools) -> int:
    """The node of a tree that no arc enters."""
    return int(np.flatnonzero(nodes & (into < 0))[0])


def _copy(left: Reduced) -> Reduced:
    """An independent copy."""
    return Reduced(
        left.n_nodes,
        left.root,
        left.u,
        left.v,
        left.cost,
        left.prize.copy(),
        left.alive.copy(),
        left.offset,
        [list(edges) for edges in left.stands_for],
        {node: list(edges) for node, edges in left.attached.items()},
        left.candidate,
    )


def solve_steiner(
    problem: SteinerProblem, *, gap: float = 0.0, clock: Clock | None = None, seed: int = 0
) -> SteinerSolution:
    """Cheapest tree, prizes of the nodes it leaves out included, with a lower bound.

    Parameters
    ----------
    problem : SteinerProblem
        With a root, or without: then one connected tree, a single node at least.
    gap : float
        Relative distance between value and bound that is good enough.
    clock : Clock, optional
        Time limit; none by default.
    seed : int
        Of the tie-breaks and restarts.

    Returns
    -------
    SteinerSolution

    Examples
    --------
    >>> square = SteinerProblem(
    ...     4,
    ...     np.array([0, 1, 2, 3]),
    ...     np.array([1, 2, 3, 0]),
    ...     np.array([1.0, 1, 1, 4]),
    ...     np.array([5.0, 0, 5, 2]),
    ... )
    >>> found = solve_steiner(square)
    >>> found.value, found.bound, found.edges.tolist()
    (3.0, 3.0, [0, 1, 2])
    """
    clock = clock or Clock(NEVER)
    if clock.limit_s < COMPILE_S and not is_compiled(violated_cuts):
        edges, nodes = plain_tree(problem)
        value = float(problem.cost[edges].sum() + problem.prize[~nodes].sum())
        return SteinerSolution(value, 0.0, edges, nodes)
    solver = _Solver(problem, gap, clock, seed)
    bound = solver.run(Reduced.of(problem))
    best = solver.best
    if best.closed(bound):
        bound = best.value
    return SteinerSolution(best.value, min(bound, best.value), best.edges, best.nodes)
