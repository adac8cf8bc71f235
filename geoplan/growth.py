"""A pipe network that grows: villages join one after the other, branches are shared and sized."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import InitVar, dataclass, field

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

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
    network_of: Ints = field(init=False)
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
        self.network_of = _networks(graph)
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
        """Price of bringing loads to nodes from one source, or None where no way leads there.

        Where a main on the shortest way is full, a way round it is tried.
        """
        wanted = list(zip(nodes, loads, strict=True))
        found = self._along(self._tree(source), wanted, source=source)
        if found is not None and found.overloaded:
            load = sum(load for _, load in wanted)
            full = (self.graph.main >= 0) & (self.main_capacity[self.graph.main] - self.flow < load - 1e-9)
            around = self._along(self._ways(source, closed=full), wanted, source=source)
            found = found if around is None else around
        return found

    def _along(
        self, ways: tuple[Floats, Ints], wanted: list[tuple[int, float]], *, source: int
    ) -> Quote | None:
        """Price of loads along the given ways from a source."""
        distance, previous = ways
        carried: dict[int, float] = {}
        upstream: dict[int, int] = {}
        for node, load in wanted:
            if node < 0 or not np.isfinite(distance[node]):
                return None
            here = node
            while previous[here] >= 0:
                edge = self._edge_of[int(previous[here]), here]
                carried[edge] = carried.get(edge, 0.0) + load
                here = upstream[edge] = int(previous[here])
        edges = np.fromiter(carried, dtype=int, count=len(carried))
        flow = np.fromiter(carried.values(), dtype=float, count=len(carried))
        head = np.fromiter(upstream.values(), dtype=int, count=len(carried))
        return self._priced(source, edges, head, flow, load=sum(load for _, load in wanted))

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
            cny_per_m=new_cost / new_m if new_cost > 0 else float(self.pipes.price(np.array([load]))[0]),
            overloaded=self.overloaded(edges, flow),
        )

    def overloaded(self, edges: Ints, flow: Floats) -> tuple[float, float] | tuple[()]:
        """Spare and needed capacity of the tightest existing main that cannot take a flow, or empty."""
        main = self.graph.main[edges] >= 0
        spare = self.main_capacity[self.graph.main[edges[main]]] - self.flow[edges[main]]
        short = spare - flow[main]
        if not len(short) or short.min() >= -1e-9:
            return ()
        worst = int(short.argmin())
        return float(max(spare[worst], 0.0)), float(flow[main][worst])

    def attach(self, quote: Quote, load: float) -> None:
        """Build what a quote names and take its load from the source."""
        self.flow[quote.edges] += quote.flow
        new = (self.graph.main[quote.edges] < 0) & (self.owner[quote.edges] < 0)
        self.owner[quote.edges[new]] = self.network_of[quote.source]
        self.head[quote.edges[new]] = quote.head[new]
        self.left[quote.source] -= load
        if new.any():
            self._trees.clear()

    def _tree(self, source: int) -> tuple[Floats, Ints]:
        """Shortest ways from one source, kept until something is built."""
        if source not in self._trees:
            self._trees[source] = self._ways(source)
        return self._trees[source]

    def _ways(self, source: int, *, closed: Bools | None = None) -> tuple[Floats, Ints]:
        """Shortest ways from one source; its own network is free, the branches of others closed."""
        graph, own = self.graph, self.network_of[source]
        start = int(graph.source_node.iloc[source])
        if start < 0:
            return np.full(graph.n_nodes, np.inf), np.full(graph.n_nodes, -9999)
        weight = graph.length_m + graph.crossing_cny / float(np.median(self.pipes.cny_per_m))
        free = (graph.main >= 0) | (self.owner == own)
        weight = np.maximum(np.where(free, graph.length_m * FREE, weight), GRID_M * FREE)
        shut = (self.owner >= 0) & (self.owner != own)
        weight[shut if closed is None else shut | closed] = np.inf
        matrix = self._matrix.copy()
        matrix.data = weight[self._matrix.data.astype(int) - 1]
        distance, previous = dijkstra(matrix, directed=True, indices=start, return_predecessors=True)
        return distance, previous


def _networks(graph: Graph) -> Ints:
    """Number of the network each source feeds: sources joined by mains feed one."""
    main = graph.main >= 0
    ones = np.ones(int(main.sum()))
    joined = csr_matrix((ones, (graph.u[main], graph.v[main])), shape=(graph.n_nodes,) * 2)
    label = connected_components(joined, directed=False)[1]
    node = graph.source_node.to_numpy()
    return np.where(node >= 0, label[node], -2)


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
        quote = None if self.finding is not None else self.quote
        if quote is not None and self.need > growth.left[quote.source]:
            return False
        if quote is not None and growth.overloaded(quote.edges, quote.flow):
            return False
        return self.distance == self._distance(growth) and self.carried == self._carried(growth)

    def _distance(self, growth: Growth) -> tuple[float, ...]:
        sources = range(len(growth.capacity))
        return tuple(float(growth.distance(s)[n]) for s in sources for n in self.nodes if n >= 0)

    def _carried(self, growth: Growth) -> tuple[float, ...]:
        """Flow on the branches of the quote; that on mains costs nothing as long as there is room."""
        if self.quote is None:
            return ()
        edges = self.quote.edges
        return tuple(growth.flow[edges[growth.graph.main[edges] < 0]].tolist())


@dataclass(frozen=True)
class Nearest:
    """The source that reaches each village with the least new pipe.

    Attributes
    ----------
    source : ndarray of int
        Position of the source; -1 where no way leads there.
    metres : ndarray
        New trench; infinite where no way leads there. [m]
    crossing_cny : ndarray
        Extra cost of what the trench crosses. [CNY]
    """

    source: Ints
    metres: Floats
    crossing_cny: Floats


def nearest_source(growth: Growth) -> Nearest:
    """For every village the source whose network is nearest, before anything is built."""
    nodes = growth.graph.village_node.to_numpy()
    far = [np.where(nodes >= 0, growth.distance(s)[nodes], np.inf) for s in range(len(growth.capacity))]
    best = np.min(far, axis=0) if far else np.full(len(nodes), np.inf)
    which = np.where(np.isfinite(best), np.argmin(far, axis=0) if far else -1, -1)
    metres, crossing = np.full(len(nodes), np.inf), np.zeros(len(nodes))
    for row in np.flatnonzero(which >= 0).tolist():
        quote = growth.quote([int(nodes[row])], [0.0], source=int(which[row]))
        if quote is not None:
            metres[row], crossing[row] = quote.new_m, quote.other_cny
    return Nearest(which, metres, crossing)
