"""The tables of a network problem as arrays.

All sources hang on one super-source, so that every rooted problem is a tree
from one node. Edges between the same two nodes are sizes of one link, of which
a design builds one.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from geoplan.netdesign.graph import NEVER, Bools, Floats, Ints
from geoplan.netdesign.tables import Tables, flags, numbers, priced

#: Loads may exceed a capacity by this share of it before that counts.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Instance:
    """A network problem in arrays.

    Attributes
    ----------
    labels : list
        Node of each number; the super-source, if any, has the last number and no label.
    root : int
        Number of the super-source, or -1 (unrooted).
    u, v : array of int, shape (n_links,)
        Ends of each link; the last `n_sources` links join the super-source (`u`) to the sources.
    start : array of int, shape (n_links + 1,)
        Where a link's sizes begin in the four arrays below.
    fixed, slope, capacity : array, shape (n_sizes,)
        Cost of a size, cost per unit of load, and the load it can carry.
    row, pipe : array of int, shape (n_sizes,)
        Positions in the edge (or source) table and in the pipe table (-1: none).
    load, prize : array, shape (n_nodes,)
        Demand, and cost of not connecting it (`NEVER`: required).
    n_sources : int
    """

    labels: list[Hashable]
    root: int
    u: Ints
    v: Ints
    start: Ints
    fixed: Floats
    slope: Floats
    capacity: Floats
    row: Ints
    pipe: Ints
    load: Floats
    prize: Floats
    n_sources: int

    @property
    def n_nodes(self) -> int:
        """Number of nodes, the super-source included."""
        return len(self.load)

    @property
    def n_links(self) -> int:
        """Number of links, those of the sources included."""
        return len(self.u)

    def size_for(self, link: int, load: float) -> int:
        """Cheapest size of a link that carries a load, or -1."""
        at = slice(self.start[link], self.start[link + 1])
        cost = self.fixed[at] + self.slope[at] * load
        cost = np.where(self.capacity[at] * (1.0 + TOLERANCE) >= load, cost, NEVER)
        best = int(cost.argmin())
        return int(self.start[link]) + best if cost[best] < NEVER else -1

    def row_of_sources(self) -> Ints:
        """Positions of the sources' sizes."""
        return np.arange(self.start[self.n_links - self.n_sources], self.start[-1])

    def sources_cost(self, into: Ints, source_load: pd.Series) -> float:
        """Cost of the sources a design uses."""
        total = 0.0
        for link in range(self.n_links - self.n_sources, self.n_links):
            node = int(self.v[link])
            if into[node] == 2 * link:
                size = int(self.start[link])
                total += self.fixed[size] + self.slope[size] * float(source_load[self.labels[node]])
        return total

    def is_classical(self) -> bool:
        """Whether neither the load nor a capacity matters."""
        if self.root < 0:
            return True
        total = float(self.load.sum())
        for link in range(self.n_links):
            at = slice(self.start[link], self.start[link + 1])
            ample = self.capacity[at] * (1.0 + TOLERANCE) >= total
            least = self.fixed[at].min()
            if not (ample & (self.fixed[at] <= least) & (self.slope[at] <= 0.0)).any():
                return False
        return True


@dataclass
class _Sizes:
    """Sizes as they are collected, before they are grouped by link."""

    u: list[Ints]
    v: list[Ints]
    fixed: list[Floats]
    slope: list[Floats]
    capacity: list[Floats]
    row: list[Ints]
    pipe: list[Ints]

    def add(
        self, rows: Ints, ends: tuple[Ints, Ints], cost: tuple[Floats, Floats, Floats], pipe: int = -1
    ) -> None:
        """Add one size for each of the rows of a table whose ends are given."""
        self.u.append(ends[0][rows])
        self.v.append(ends[1][rows])
        self.fixed.append(cost[0])
        self.slope.append(cost[1])
        self.capacity.append(cost[2])
        self.row.append(rows.astype(np.int64))
        self.pipe.append(np.full(len(rows), pipe, dtype=np.int64))


def _edge_sizes(tables: Tables, ends: tuple[Ints, Ints], sizes: _Sizes) -> None:
    """Sizes of edges with a price of their own, and one per pipe of the others."""
    edges, own = tables.edges, priced(tables)
    rows = np.flatnonzero(own)
    fixed, slope = numbers(edges, "fixed_cost"), numbers(edges, "cost_per_load", 0.0)
    sizes.add(rows, ends, (fixed[own], slope[own], numbers(edges, "capacity", NEVER)[own]))
    if tables.pipes is None:
        return
    rows = np.flatnonzero(~own)
    length, none = numbers(edges, "length_m")[rows], np.zeros(len(rows))
    capacity, cost_per_m = numbers(tables.pipes, "capacity"), numbers(tables.pipes, "cost_per_m")
    for k in range(len(tables.pipes)):
        sizes.add(rows, ends, (length * cost_per_m[k], none, np.full(len(rows), capacity[k])), pipe=k)


def _node_numbers(labels: dict[Hashable, int], column: pd.Series) -> Ints:
    return np.array([labels.setdefault(label, len(labels)) for label in column], dtype=np.int64)


def read_instance(tables: Tables) -> Instance:
    """Arrays of tables that passed `check_tables`.

    Examples
    --------
    >>> edges = pd.DataFrame({"u": ["a", "a"], "v": ["b", "b"], "fixed_cost": [1.0, 3.0], "capacity": [2, 9]})
    >>> demands = pd.DataFrame({"node": ["b"], "load": [4.0], "prize": [10.0]})
    >>> sources = pd.DataFrame({"node": ["a"], "capacity": [float("nan")]})
    >>> instance = read_instance(Tables(edges, demands, sources, None))
    >>> instance.n_links, instance.row[instance.size_for(0, 4.0)]
    (2, np.int64(1))
    """
    labels: dict[Hashable, int] = {}
    ends = (_node_numbers(labels, tables.edges["u"]), _node_numbers(labels, tables.edges["v"]))
    sizes = _Sizes([], [], [], [], [], [], [])
    _edge_sizes(tables, ends, sizes)
    sources, demands = tables.sources, tables.demands
    at_source = None if sources is None else _node_numbers(labels, sources["node"])
    at = _node_numbers(labels, demands["node"])
    root = -1
    if sources is not None and at_source is not None:
        root = len(labels)
        cost = numbers(sources, "fixed_cost", 0.0), numbers(sources, "cost_per_load", 0.0)
        supply = numbers(sources, "capacity", NEVER)
        sizes.add(np.arange(len(sources)), (np.full(len(sources), root), at_source), (*cost, supply))
    n = len(labels) + int(root >= 0)
    load, prize = np.zeros(n), np.zeros(n)
    load[at] = numbers(demands, "load")
    prize[at] = np.where(flags(demands, "required"), NEVER, numbers(demands, "prize", 0.0))
    return _grouped(sizes, list(labels), root, load, prize)


def _grouped(sizes: _Sizes, labels: list[Hashable], root: int, load: Floats, prize: Floats) -> Instance:
    """Group the sizes by link and drop those no load wants."""
    u, v = np.concatenate(sizes.u), np.concatenate(sizes.v)
    fixed, slope = np.concatenate(sizes.fixed), np.concatenate(sizes.slope)
    capacity = np.concatenate(sizes.capacity)
    row, pipe = np.concatenate(sizes.row), np.concatenate(sizes.pipe)
    is_source: Bools = u == root if root >= 0 else np.zeros(len(u), dtype=np.bool_)
    if root < 0:
        capacity = np.full(len(u), NEVER)
    low, high = np.minimum(u, v), np.maximum(u, v)
    order = np.lexsort((row, fixed, -capacity, high, low, is_source))
    order = order[(low != high)[order]]
    keep: list[int] = []
    for i in order:
        if keep and (low[keep[-1]], high[keep[-1]]) == (low[i], high[i]):
            same = [k for k in keep[-40:] if (low[k], high[k]) == (low[i], high[i])]
            if any(fixed[k] <= fixed[i] and slope[k] <= slope[i] for k in same):
                continue
        keep.append(int(i))
    kept = np.array(keep, dtype=np.int64)
    first = np.ones(len(kept), dtype=np.bool_)
    first[1:] = (low[kept][1:] != low[kept][:-1]) | (high[kept][1:] != high[kept][:-1])
    start = np.append(np.flatnonzero(first), len(kept)).astype(np.int64)
    heads = kept[first]
    return Instance(
        labels=labels,
        root=root,
        u=u[heads].astype(np.int64),
        v=v[heads].astype(np.int64),
        start=start,
        fixed=fixed[kept],
        slope=slope[kept],
        capacity=capacity[kept],
        row=row[kept],
        pipe=pipe[kept],
        load=load,
        prize=prize,
        n_sources=int(is_source[heads].sum()),
    )
