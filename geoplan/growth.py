"""A pipe network that grows: villages join one after the other, branches are shared and sized."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import InitVar, dataclass, field

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from geoplan.checks import Finding
from geoplan.network import GRID_M, Bools, Floats, Graph, Ints, PipeTable

#: Weight of a metre of pipe that is there already; small, so paths prefer it, yet the nearest source wins.
FREE = 1e-6


@dataclass(frozen=True)
class Quote:
    """What it takes to bring a load to one or more villages from one source.

    Attributes
    ----------
    source : int
        Position of the source.
    edges, head, flow : ndarray
        Edges of the path, the upstream node of each and the load it carries. [MW or m³/d]
    new_m : float
        New trench. [m]
    pipe_cny : float
        New pipes, crossings and the upsizing of shared branches. [CNY]
    other_cny : float
        The part of `pipe_cny` that does not grow with `new_m`. [CNY]
    cny_per_m : float
        Price of the new trench. [CNY/m]
    overloaded : tuple of (float, float)
        Spare and needed capacity of the tightest existing main, or empty.
    """

    source: int
    edges: Ints
    head: Ints
    flow: Floats
    new_m: float
    pipe_cny: float
    other_cny: float
    cny_per_m: float
    overloaded: tuple[float, float] | tuple[()] = ()


@dataclass
class Growth:
    """A network that villages join one after the other, branches shared and sized.

    Parameters
    ----------
    graph : Graph
    pipes : PipeTable
        Sizes of new pipes.
    capacity : ndarray, shape (n_sources,)
        What each source can still give. [MW or m³/d]
    main_capacity : ndarray, shape (n_mains + 1,)
        What each existing main can carry; infinite where unknown.
    """

    graph: Graph
    pipes: PipeTable
    capacity: Floats
    main_capacity: Floats
    flow: Floats = field(init=False)
    owner: Ints = field(init=False)
    head: Ints = field(init=False)
    left: Floats = field(init=False)
    _matrix: csr_matrix = field(init=False)
    _edge_of: dict[tuple[int, int], int] = field(init=False)
    _trees: dict[int, tuple[Floats, Ints]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        graph = self.graph
        n = len(graph.u)
        self.flow = np.zeros(n)
        self.owner = np.full(n, -1)
        self.head = np.full(n, -1)
        self.left = self.capacity.astype(float).copy()
        ends = (np.concatenate([graph.u, graph.v]), np.concatenate([graph.v, graph.u]))
        # +1 because a stored zero would vanish; the data are edge numbers until a weight is needed.
        self._matrix = csr_matrix((np.tile(np.arange(n) + 1.0, 2), ends), shape=(graph.n_nodes,) * 2)
        self._edge_of = {}
        for edge, (a, b) in enumerate(zip(graph.u.tolist(), graph.v.tolist(), strict=True)):
            self._edge_of[a, b] = self._edge_of[b, a] = edge

    def distance(self, source: int) -> Floats:
        """New trench (with crossings as metres) from a source's network to every node. [m]"""
        return self._tree(source)[0]

    def quote(self, nodes: Iterable[int], loads: Iterable[float], *, source: int) -> Quote | None:
        """Price of bringing loads to nodes from one source, or None where no way leads there."""
        distance, previous = self._tree(source)
        carried: dict[int, float] = {}
        upstream: dict[int, int] = {}
        total = 0.0
        for node, load in zip(nodes, loads, strict=True):
            if node < 0 or not np.isfinite(distance[node]):
                return None
            here, total = node, total + load
            while previous[here] >= 0:
                edge = self._edge_of[int(previous[here]), here]
                carried[edge] = carried.get(edge, 0.0) + load
                here = upstream[edge] = int(previous[here])
        edges = np.fromiter(carried, dtype=int, count=len(carried))
        flow = np.fromiter(carried.values(), dtype=float, count=len(carried))
        head = np.fromiter(upstream.values(), dtype=int, count=len(carried))
        return self._priced(source, edges, head, flow, load=total)

    def _priced(self, source: int, edges: Ints, head: Ints, flow: Floats, *, load: float) -> Quote:
        graph = self.graph
        main = graph.main[edges]
        new = (main < 0) & (self.owner[edges] < 0)
        shared = (main < 0) & ~new
        length = graph.length_m[edges]
        new_cost = float(np.sum(length[new] * self.pipes.price(flow[new])))
        before, after = self.flow[edges[shared]], self.flow[edges[shared]] + flow[shared]
        upsizing = float(np.sum(length[shared] * (self.pipes.price(after) - self.pipes.price(before))))
        other = upsizing + float(graph.crossing_cny[edges[new]].sum())
        new_m = float(length[new].sum())
        return Quote(
            source=source,
            edges=edges,
            head=head,
            flow=flow,
            new_m=new_m,
            pipe_cny=new_cost + other,
            other_cny=other,
            cny_per_m=new_cost / new_m if new_m > 0 else float(self.pipes.price(np.array([load]))[0]),
            overloaded=self._overloaded(edges[main >= 0], flow[main >= 0]),
        )

    def _overloaded(self, edges: Ints, flow: Floats) -> tuple[float, float] | tuple[()]:
        spare = self.main_capacity[self.graph.main[edges]] - self.flow[edges]
        short = spare - flow
        if not len(short) or short.min() >= -1e-9:
            return ()
        worst = int(short.argmin())
        return float(max(spare[worst], 0.0)), float(flow[worst])

    def attach(self, quote: Quote, load: float) -> None:
        """Build what a quote names and take its load from the source."""
        self.flow[quote.edges] += quote.flow
        new = (self.graph.main[quote.edges] < 0) & (self.owner[quote.edges] < 0)
        self.owner[quote.edges[new]] = quote.source
        self.head[quote.edges[new]] = quote.head[new]
        self.left[quote.source] -= load
        if new.any():
            self._trees.clear()

    def _tree(self, source: int) -> tuple[Floats, Ints]:
        """Shortest ways from one source; pipes of its own and mains are free, those of others closed."""
        if source not in self._trees:
            graph = self.graph
            reference = float(np.median(self.pipes.cny_per_m))
            weight = graph.length_m + graph.crossing_cny / reference
            free = (graph.main >= 0) | (self.owner == source)
            weight = np.where(free, np.maximum(graph.length_m, GRID_M) * FREE, np.maximum(weight, GRID_M))
            weight = np.where((self.owner >= 0) & (self.owner != source), np.inf, weight)
            matrix = self._matrix.copy()
            matrix.data = weight[self._matrix.data.astype(int) - 1]
            start = int(self.graph.source_node.iloc[source])
            if start < 0:
                far = np.full(graph.n_nodes, np.inf)
                self._trees[source] = far, np.full(graph.n_nodes, -9999)
            else:
                self._trees[source] = dijkstra(matrix, directed=True, indices=start, return_predecessors=True)
        return self._trees[source]


@dataclass(frozen=True)
class Offer:
    """A quote as it stood, and whether it still stands after others have joined."""

    quote: Quote | None
    finding: Finding | None
    nodes: list[int]
    need: float
    made_on: InitVar[Growth]
    distance: tuple[float, ...] = field(init=False)
    carried: tuple[float, ...] = field(init=False)

    def __post_init__(self, made_on: Growth) -> None:
        object.__setattr__(self, "distance", self._distance(made_on))
        object.__setattr__(self, "carried", self._carried(made_on))

    def holds(self, growth: Growth) -> bool:
        """Whether way, shared pipes and room are as they were."""
        if self.quote is not None and self.finding is None and self.need > growth.left[self.quote.source]:
            return False
        return self.distance == self._distance(growth) and self.carried == self._carried(growth)

    def _distance(self, growth: Growth) -> tuple[float, ...]:
        sources = range(len(growth.capacity))
        return tuple(float(growth.distance(s)[n]) for s in sources for n in self.nodes if n >= 0)

    def _carried(self, growth: Growth) -> tuple[float, ...]:
        return () if self.quote is None else tuple(growth.flow[self.quote.edges].tolist())


@dataclass(frozen=True)
class Nearest:
    """The source from which the least new trench leads to each village.

    Attributes
    ----------
    source : ndarray of int
        Position of the source; -1 where no way leads there.
    metres : ndarray
        New trench with crossings as metres. [m]
    """

    source: Ints
    metres: Floats


def nearest_source(growth: Growth, *, open_to: Callable[[int], Bools] | None = None) -> Nearest:
    """For every village the source with the shortest new trench.

    Parameters
    ----------
    growth : Growth
    open_to : callable, optional
        Mask of the villages that a source may serve; all by default.
    """
    nodes = growth.graph.village_node.to_numpy()
    n_sources = len(growth.capacity)
    best, which = np.full(len(nodes), np.inf), np.full(len(nodes), -1)
    for source in range(n_sources):
        metres = np.where(nodes >= 0, growth.distance(source)[nodes], np.inf)
        if open_to is not None:
            metres = np.where(open_to(source), metres, np.inf)
        closer = metres < best
        best, which = np.where(closer, metres, best), np.where(closer, source, which)
    return Nearest(which, best)
