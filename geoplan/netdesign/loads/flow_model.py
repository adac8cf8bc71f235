"""The flow model with tight bounds per arc: exact where the graph is close to a tree.

One binary per arc and size, a load on it no larger than the arc can ever carry,
at most one arc into a node, no arc out of a node that none enters, and directed
cuts as they are violated.
"""

from __future__ import annotations

import numpy as np

from geoplan.netdesign.clock import Clock
from geoplan.netdesign.graph import Floats, Ints
from geoplan.netdesign.instance import Instance
from geoplan.netdesign.loads.bounds import Bounder
from geoplan.netdesign.loads.forest import Forest, Sized
from geoplan.netdesign.lp import GrowingLp
from geoplan.netdesign.steiner.separation import violated_cuts

Row = tuple[Ints, Floats, float, float]


class FlowModel:
    """Relaxation and mixed-integer program of a problem with loads.

    Parameters
    ----------
    instance : Instance
        Rooted.
    s : Sized
        The same as the kernels read it.
    known : Bounder
        What is known of arcs and demands.

    Attributes
    ----------
    n_columns : int
        Binaries of arcs and sizes, then loads of the same, then demands served.
    """

    def __init__(self, instance: Instance, s: Sized, known: Bounder) -> None:
        self.instance, self.s = instance, s
        self.tail = s.net.head[np.arange(len(s.net.head)) ^ 1]
        self.never = known.never
        self._columns(known.most)
        served = np.where(np.isinf(instance.prize), 0.0, -instance.prize)[self.demands]
        cost = np.concatenate([instance.fixed[self.size], instance.slope[self.size], served])
        self.constant = float(instance.prize[np.isfinite(instance.prize)].sum())
        k, m = len(self.arc), len(self.demands)
        self.n_columns = 2 * k + m
        self.lower = np.zeros(self.n_columns)
        self.lower[2 * k :] = known.must[self.demands]
        self.upper = np.concatenate([np.ones(k), self.most, np.ones(m)])
        self.lp = GrowingLp(cost, self.lower, self.upper)
        self._node_rows()
        self._size_rows()

    def _columns(self, most: Floats) -> None:
        """One pair of columns per arc and size that some tree can use."""
        arcs: list[int] = []
        sizes: list[int] = []
        loads: list[float] = []
        inst = self.instance
        for arc in np.flatnonzero(self.s.net.head != inst.root):
            if most[arc] <= 0.0:
                continue
            link = int(arc) >> 1
            for size in range(inst.start[link], inst.start[link + 1]):
                arcs.append(int(arc))
                sizes.append(size)
                loads.append(min(float(most[arc]), float(inst.capacity[size])))
        self.arc = np.array(arcs, dtype=np.int64)
        self.size = np.array(sizes, dtype=np.int64)
        self.most = np.array(loads)
        self.demands = np.flatnonzero(~self.never & (np.arange(inst.n_nodes) != inst.root))
        self.of_arc: list[list[int]] = [[] for _ in range(len(self.s.net.head))]
        for column, arc in enumerate(self.arc):
            self.of_arc[int(arc)].append(column)

    def _node_rows(self) -> None:
        inst, net = self.instance, self.s.net
        k = len(self.arc)
        served = {int(i): 2 * k + j for j, i in enumerate(self.demands)}
        rows: list[Row] = []
        for i in range(inst.n_nodes):
            if i == inst.root:
                continue
            out = net.leaving[net.start[i] : net.start[i + 1]]
            enter = np.array([c for a in out for c in self.of_arc[a ^ 1]], dtype=np.int64)
            leave = np.array([c for a in out for c in self.of_arc[a]], dtype=np.int64)
            columns, values = (
                np.append(enter + k, leave + k),
                np.append(np.ones(len(enter)), -np.ones(len(leave))),
            )
            if i in served:
                rows.append((np.append(enter, served[i]), np.append(np.ones(len(enter)), -1.0), 0.0, np.inf))
                columns, values = np.append(columns, served[i]), np.append(values, -inst.load[i])
            else:
                rows.append(
                    (
                        np.append(leave, enter),
                        np.append(np.ones(len(leave)), -np.ones(len(enter))),
                        0.0,
                        np.inf,
                    )
                )
            rows.append((enter, np.ones(len(enter)), -np.inf, 1.0))
            rows.append((columns, values, 0.0, 0.0))
            for a in out:
                if not self.of_arc[a]:
                    continue
                rest = np.setdiff1d(enter, self.of_arc[a ^ 1])
                mine = np.array(self.of_arc[a], dtype=np.int64)
                rows.append(
                    (np.append(rest, mine), np.append(np.ones(len(rest)), -np.ones(len(mine))), 0.0, np.inf)
                )
        self.lp.add_rows([row for row in rows if len(row[0])], permanent=True)

    def _size_rows(self) -> None:
        k = len(self.arc)
        rows: list[Row] = [
            (np.array([c, c + k]), np.array([self.most[c], -1.0]), 0.0, np.inf) for c in range(k)
        ]
        self.lp.add_rows(rows, permanent=True)

    def add_row(self, row: tuple[Ints, Ints, Floats, Floats, Ints, Floats]) -> None:
        """Add what Lagrange multipliers prove: the charges for what is built pay the prices of the served.

        Parameters
        ----------
        row : tuple
            Of `Lagrangian.row`.
        """
        arc, size, charged, slope, demands, price = row
        k = len(self.arc)
        column = {(int(a), int(p)): c for c, (a, p) in enumerate(zip(self.arc, self.size, strict=True))}
        number = {int(i): 2 * k + j for j, i in enumerate(self.demands)}
        of = np.array(
            [column.get((int(a), int(p)), -1) for a, p in zip(arc, size, strict=True)], dtype=np.int64
        )
        if set(range(k)) - set(of.tolist()):
            return
        here = of >= 0
        known = [j for j, i in enumerate(demands) if int(i) in number]
        served = np.array([number[int(demands[j])] for j in known], dtype=np.int64)
        index = np.concatenate([of[here], of[here] + k, served])
        value = np.concatenate([charged[here], slope[here], -price[known]])
        scale = max(float(np.abs(value).max(initial=0.0)), 1e-12)
        used = np.abs(value) > 1e-9 * scale
        self.lp.add_rows([(index[used], value[used] / scale, -1e-6, np.inf)])

    def relax(self, limit: float, clock: Clock, rounds: int = 60) -> float:
        """Solve the relaxation with cuts and fix columns by reduced cost; its bound."""
        bound = -np.inf
        stalled = 0
        for _ in range(rounds):
            result = self.lp.solve(max(clock.left(), 0.05))
            value = result.bound + self.constant
            stalled = stalled + 1 if value < bound + 1e-5 * abs(bound) else 0
            bound = max(bound, value)
            if bound >= limit or clock.over():
                break
            self._fix(result.reduced_cost, limit - value)
            rows = self._cuts(result.x)
            if not rows or stalled > 3:
                break
            self.lp.add_rows(rows)
        return bound

    def _fix(self, reduced: Floats, room: float) -> None:
        """Fix binaries whose reduced cost is more than is left."""
        k = len(self.arc)
        binary = np.ones(self.n_columns, dtype=np.bool_)
        binary[k : 2 * k] = False
        free = binary & (self.lower == 0.0) & (self.upper == 1.0)
        out, inn = free & (reduced > room), free & (-reduced > room)
        if out.any() or inn.any():
            self.upper[out] = 0.0
            self.upper[k : 2 * k][out[:k]] = 0.0
            self.lower[inn] = 1.0
            self.lp.set_bounds(self.lower, self.upper)

    def _cuts(self, x: Floats) -> list[Row]:
        """Directed cuts: whatever a served demand lies behind is entered."""
        k = len(self.arc)
        full = np.bincount(self.arc, weights=x[:k], minlength=len(self.s.net.head)).astype(np.float64)
        inflow = np.zeros(self.instance.n_nodes)
        inflow[self.demands] = x[2 * k :]
        order = self.demands[np.argsort(-inflow[self.demands], kind="stable")]
        sets, owner = violated_cuts(self.s.net, full, inflow, order, self.instance.root, 200)
        column = {int(i): 2 * k + j for j, i in enumerate(self.demands)}
        rows: list[Row] = []
        seen: set[bytes] = set()
        for inside, node in zip(sets, owner, strict=True):
            entering = np.flatnonzero(inside[self.s.net.head[self.arc]] & ~inside[self.tail[self.arc]])
            key = entering.tobytes() + bytes(str(node), "ascii")
            if key not in seen:
                seen.add(key)
                ones = np.append(np.ones(len(entering)), -1.0)
                rows.append((np.append(entering, column[int(node)]), ones, 0.0, np.inf))
        return rows

    def start_from(self, forest: Forest) -> Floats:
        """Columns of a forest."""
        k = len(self.arc)
        x = np.zeros(self.n_columns)
        for i in np.flatnonzero(forest.into >= 0):
            arc = int(forest.into[i])
            size = self.instance.size_for(arc >> 1, float(forest.flow[i]))
            for c in self.of_arc[arc]:
                if self.size[c] == size:
                    x[c], x[c + k] = 1.0, forest.flow[i]
        x[2 * k :] = forest.served[self.demands]
        return x

    def solve(self, forest: Forest, gap: float, time_limit_s: float) -> tuple[float, Ints | None, np.ndarray]:
        """Branch and bound from a forest; bound, arcs into the nodes (None if nothing was found), served."""
        k = len(self.arc)
        whole = np.concatenate([np.arange(k), np.arange(2 * k, self.n_columns)])
        bound, x = self.lp.solve_whole(whole, self.start_from(forest), gap, time_limit_s)
        served = np.zeros(self.instance.n_nodes, dtype=np.bool_)
        if x is None:
            return bound + self.constant, None, served
        into = np.full(self.instance.n_nodes, -1, dtype=np.int64)
        for c in np.flatnonzero(x[:k] > 0.5):
            into[self.s.net.head[self.arc[c]]] = self.arc[c]
        served[self.demands] = x[2 * k :] > 0.5
        return bound + self.constant, into, served
