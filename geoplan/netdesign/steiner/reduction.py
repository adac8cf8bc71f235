"""Reductions: a smaller graph with the same optimum, and the way back.

Every reduction leaves at least one optimal tree of two or more nodes. Trees of
a single (merged) node that a reduction would hide are remembered as candidates.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from geoplan.netdesign.graph import (
    NEVER,
    Bools,
    Floats,
    Ints,
    Network,
    build_network,
    heap_pop,
    heap_push,
    kernel,
)


@dataclass(frozen=True)
class SteinerProblem:
    """A prize-collecting Steiner tree problem on an undirected graph.

    Attributes
    ----------
    n_nodes : int
    u, v : array of int, shape (n_edges,)
    cost : array, shape (n_edges,)
        Not negative.
    prize : array, shape (n_nodes,)
        Cost of leaving a node out; `NEVER`: required.
    root : int
        Node every tree holds, or -1.
    """

    n_nodes: int
    u: Ints
    v: Ints
    cost: Floats
    prize: Floats
    root: int = -1


@dataclass
class Candidate:
    """A tree in terms of the original edges; a single node if there are none."""

    value: float
    edges: list[int]
    node: int


@dataclass
class Reduced:
    """The graph that is left, its constant, and what each edge and node stands for.

    Attributes
    ----------
    n_nodes, root : int
        As in the problem; nodes keep their numbers.
    u, v, cost : array, shape (n_left,)
    prize : array, shape (n_nodes,)
    alive : array of bool, shape (n_nodes,)
    offset : float
        Cost already certain, in every tree of the reduced graph.
    stands_for : list of list of int
        Original edges of each edge left.
    attached : dict
        Original edges that come with a node.
    candidate : Candidate or None
        Best single-node tree hidden so far (unrooted problems).
    """

    n_nodes: int
    root: int
    u: Ints
    v: Ints
    cost: Floats
    prize: Floats
    alive: Bools
    offset: float
    stands_for: list[list[int]]
    attached: dict[int, list[int]] = field(default_factory=dict)
    candidate: Candidate | None = None

    @classmethod
    def of(cls, problem: SteinerProblem) -> Reduced:
        """The problem itself, nothing reduced yet."""
        prize = problem.prize.astype(np.float64).copy()
        if problem.root >= 0:
            prize[problem.root] = NEVER
        return cls(
            problem.n_nodes,
            problem.root,
            problem.u.astype(np.int64),
            problem.v.astype(np.int64),
            problem.cost.astype(np.float64),
            prize,
            np.ones(problem.n_nodes, dtype=np.bool_),
            0.0,
            [[e] for e in range(len(problem.u))],
        )

    def network(self) -> Network:
        """Arcs of the edges left."""
        return build_network(self.n_nodes, self.u, self.v)

    def keep_edges(self, keep: Bools) -> None:
        """Drop the edges where `keep` is false."""
        self.u, self.v, self.cost = self.u[keep], self.v[keep], self.cost[keep]
        self.stands_for = [edges for edges, kept in zip(self.stands_for, keep, strict=True) if kept]

    def leave_out(self, nodes: Bools) -> None:
        """Drop nodes no better tree holds; their prizes are paid."""
        out = nodes & self.alive
        if self.root < 0:
            for i in np.flatnonzero(out & (self.prize > 0.0)):
                self.remember_single(int(i))
        self.offset += float(self.prize[out].sum())
        self.prize[out] = 0.0
        self.alive[out] = False
        self.keep_edges(self.alive[self.u] & self.alive[self.v])

    def remember_single(self, node: int) -> None:
        """Keep the tree that is `node` alone (with what is merged into it) if it is the best such."""
        if self.root >= 0 or not self.alive[node]:
            return
        others = self.prize.copy()
        others[node] = 0.0
        value = self.offset + float(others.sum())
        if self.candidate is None or value < self.candidate.value:
            self.candidate = Candidate(value, list(self.attached.get(node, [])), node)

    def original(self, edges: Ints, node: int) -> list[int]:
        """Original edges of a tree of the reduced graph (of `node` alone if it has no edges)."""
        nodes = {node} | {int(i) for e in edges for i in (self.u[e], self.v[e])}
        found = [original for e in edges for original in self.stands_for[e]]
        found.extend(original for i in nodes for original in self.attached.get(i, []))
        return found


@kernel
def _detours(net: Network, cost: Floats, prize: Floats, keep: Bools) -> int:
    """Mark in `keep` the edges some prize-constrained walk makes superfluous; their number.

    A walk makes the edge superfluous if no stretch of it, less the prizes inside
    the stretch, costs more than the edge.
    """
    n = len(prize)
    reach = np.empty(n, np.float64)
    seen = np.zeros(n, np.int64)
    closed = np.zeros(n, np.int64)
    keys = np.empty(2 * len(net.head) + 2, np.float64)
    items = np.empty(2 * len(net.head) + 2, np.int64)
    removed = 0
    for e in range(len(cost)):
        top = net.head[2 * e + 1]
        goal = net.head[2 * e]
        limit = cost[e]
        stamp = e + 1
        reach[top] = 0.0
        seen[top] = stamp
        size = heap_push(keys, items, 0, 0.0, top)
        steps = 0
        found = False
        while size > 0 and steps < 400 and not found:
            i = items[0]
            size = heap_pop(keys, items, size)
            if closed[i] == stamp:
                continue
            closed[i] = stamp
            before = 0.0 if i == top else max(0.0, reach[i] - prize[i])
            for k in range(net.start[i], net.start[i + 1]):
                a = net.leaving[k]
                j = net.head[a]
                steps += 1
                if a >> 1 == e or not keep[a >> 1] or closed[j] == stamp:
                    continue
                value = before + cost[a >> 1]
                if value <= limit and (seen[j] != stamp or value < reach[j]):
                    seen[j] = stamp
                    reach[j] = value
                    size = heap_push(keys, items, size, value, j)
                    found = found or j == goal
        if found:
            keep[e] = False
            removed += 1
    return removed


def drop_detours(reduced: Reduced) -> int:
    """Delete edges that a prize-constrained walk makes superfluous; returns how many.

    References
    ----------
    .. [1] D. Rehfeldt, T. Koch (2022), On the exact solution of prize-collecting Steiner tree
       problems, INFORMS Journal on Computing 34(2), 872-889.
    """
    keep = reduced.u != reduced.v
    removed = _detours(reduced.network(), reduced.cost, reduced.prize, keep)
    reduced.keep_edges(keep)
    return removed


class _Simplifier:
    """Degree tests on adjacency lists that follow the changes."""

    def __init__(self, reduced: Reduced) -> None:
        self.r = reduced
        self.u = reduced.u.tolist()
        self.v = reduced.v.tolist()
        self.cost = reduced.cost.tolist()
        self.stands_for = [list(edges) for edges in reduced.stands_for]
        self.gone = [False] * len(self.u)
        self.at: list[dict[int, int]] = [{} for _ in range(reduced.n_nodes)]
        for e in range(len(self.u)):
            self._join(e)

    def _join(self, e: int) -> None:
        """Put edge `e` in the lists, unless a parallel edge is no dearer."""
        i, j = self.u[e], self.v[e]
        other = self.at[i].get(j)
        if i == j or (other is not None and self.cost[other] <= self.cost[e]):
            self.gone[e] = True
            return
        if other is not None:
            self.gone[other] = True
        self.at[i][j] = e
        self.at[j][i] = e

    def _unlink(self, e: int) -> None:
        self.gone[e] = True
        self.at[self.u[e]].pop(self.v[e], None)
        self.at[self.v[e]].pop(self.u[e], None)

    def run(self) -> None:
        """Apply the tests until nothing changes, and write the result back."""
        queue = [i for i in range(self.r.n_nodes) if self.r.alive[i]]
        while queue:
            i = queue.pop()
            if not self.r.alive[i] or i == self.r.root:
                continue
            neighbours = list(self.at[i])
            if self._test(i, neighbours):
                queue.extend(j for j in neighbours if len(self.at[j]) <= 2)
        r = self.r
        r.u = np.array(self.u, dtype=np.int64)
        r.v = np.array(self.v, dtype=np.int64)
        r.cost = np.array(self.cost, dtype=np.float64)
        r.stands_for = self.stands_for
        r.keep_edges(~np.array(self.gone, dtype=np.bool_))

    def _test(self, i: int, neighbours: list[int]) -> bool:
        if not neighbours:
            return self._lonely(i)
        if len(neighbours) == 1:
            return self._leaf(i, self.at[i][neighbours[0]], neighbours[0])
        if len(neighbours) == 2:
            return self._between(i, *neighbours)
        return False

    def _lonely(self, i: int) -> bool:
        prize = self.r.prize[i]
        if self.r.root < 0 and prize == NEVER:
            return False
        if prize == NEVER:
            self.r.offset = NEVER
        self._pay(i)
        return False

    def _pay(self, i: int) -> None:
        """Leave node `i` out for its prize."""
        self.r.remember_single(i)
        self.r.offset += self.r.prize[i]
        self.r.prize[i] = 0.0
        self.r.alive[i] = False

    def _leaf(self, i: int, e: int, j: int) -> bool:
        prize, cost = self.r.prize[i], self.cost[e]
        if prize <= cost:
            self._pay(i)
        else:
            self.r.remember_single(i)
            self.r.offset += cost
            if prize == NEVER or self.r.prize[j] == NEVER:
                self.r.prize[j] = NEVER
            else:
                self.r.prize[j] += prize - cost
            extra = self.r.attached.setdefault(j, [])
            extra.extend(self.stands_for[e])
            extra.extend(self.r.attached.pop(i, []))
            self.r.prize[i] = 0.0
            self.r.alive[i] = False
        self._unlink(e)
        return True

    def _between(self, i: int, j: int, k: int) -> bool:
        e, f = self.at[i][j], self.at[i][k]
        prize = self.r.prize[i]
        if prize > min(self.cost[e], self.cost[f]):
            return False
        self.r.remember_single(i)
        self._unlink(e)
        self._unlink(f)
        self.r.offset += prize
        self.r.prize[i] = 0.0
        self.r.alive[i] = False
        self.u.append(j)
        self.v.append(k)
        self.cost.append(self.cost[e] + self.cost[f] - prize)
        self.stands_for.append(self.stands_for[e] + self.stands_for[f] + self.r.attached.pop(i, []))
        self.gone.append(False)
        self._join(len(self.u) - 1)
        return True


def simplify(reduced: Reduced) -> None:
    """Degree tests until nothing changes: lone nodes, leaves, nodes between two edges, parallel edges.

    Examples
    --------
    A path of cost 1 + 1 to a prize of 5 that hangs on the root:

    >>> path = SteinerProblem(
    ...     3, np.array([0, 1]), np.array([1, 2]), np.ones(2), np.array([0.0, 0.0, 5.0]), root=0
    ... )
    >>> left = Reduced.of(path)
    >>> simplify(left)
    >>> len(left.u), left.offset, left.original(np.array([], dtype=int), 0)
    (0, 2.0, [0, 1])
    """
    _Simplifier(reduced).run()
