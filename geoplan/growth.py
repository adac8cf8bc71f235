"""A pipe network that grows: villages join one after the other, branches are shared and sized."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

from geoplan.checks import Finding
from geoplan.network import GRID_M, Bools, Floats, Graph, Ints, PipeTable

#: Weight of a metre of pipe that is there already; small, so paths prefer it, yet the nearest source wins.
FREE = 1e-6
#: Flow by which a main may seem overloaded without being so. [MW or m³/d]
SPARE = 1e-9

#: Nodes and loads of one unit.
Wanted = Sequence[tuple[int, float]]


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
    node_of: dict[str, int] = field(init=False)
    _weight: Floats = field(init=False)
    main_of: Ints = field(init=False)
    _matrix: csr_matrix = field(init=False)
    _entry: Ints = field(init=False)
    _trees: dict[int, _Tree] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        graph = self.graph
        n = len(graph.u)
        self.flow = np.zeros(n)
        self.owner = np.full(n, -1)
        self.network_of, label = _networks(graph)
        # The mains of each source's network; those that nobody feeds are anybody's.
        fed = np.isin(label[graph.u], self.network_of) & (graph.main >= 0)
        self.main_of = np.where(fed, label[graph.u], -1)
        self.head = np.full(n, -1)
        self.left = self.capacity.astype(float).copy()
        ends = (np.concatenate([graph.u, graph.v]), np.concatenate([graph.v, graph.u]))
        self.node_of = {str(village): int(node) for village, node in graph.village_node.items()}
        self._weight = graph.length_m + graph.crossing_cny / float(np.median(self.pipes.cny_per_m))
        # +1 because a stored zero would vanish; the data are edge numbers until a weight is needed.
        self._matrix = csr_matrix((np.tile(np.arange(n) + 1.0, 2), ends), shape=(graph.n_nodes,) * 2)
        self._entry = self._matrix.data.astype(int) - 1

    def copy(self) -> Growth:
        """A network of its own, grown as far, on the same graph."""
        twin = replace(self)
        for name in ("flow", "owner", "head", "left"):
            setattr(twin, name, getattr(self, name).copy())
        return twin

    def distance(self, source: int) -> Floats:
        """New trench (with crossings as metres) from a source's network to every node. [m]"""
        return self._tree(source).distance

    @property
    def distances(self) -> Floats:
        """The same from every source, one row each. [m]"""
        return np.stack([self.distance(s) for s in range(len(self.capacity))])

    def quote(
        self, nodes: Iterable[int], loads: Iterable[float], *, source: int, closed: Bools | None = None
    ) -> Quote | None:
        """Price of bringing loads to nodes from one source, or None where no way leads there.

        Where a main on the shortest way is full, a way round it is tried. Edges
        that are `closed` are not used.
        """
        wanted = list(zip(nodes, loads, strict=True))
        found = self.quotes([wanted], sources=[source], closed=closed)[0]
        return found[0] if found else None

    def quotes(
        self, wanted: Sequence[Wanted], *, sources: Sequence[int] | None = None, closed: Bools | None = None
    ) -> list[list[Quote]]:
        """As :meth:`quote`, for several units at once: what each is offered by all or some of the sources.

        Parameters
        ----------
        wanted : sequence of sequence of (int, float)
            Nodes and loads of each unit.
        """
        asked = range(len(self.capacity)) if sources is None else sources
        if not wanted or not asked:
            return [[] for _ in wanted]
        trees = [self._tree(s) if closed is None else self._ways(s, closed=closed) for s in asked]
        return [
            [self._around(quote, of_unit, closed=closed) for quote in found]
            for found, of_unit in zip(self._along(trees, wanted), wanted, strict=True)
        ]

    def _around(self, quote: Quote, wanted: Wanted, *, closed: Bools | None = None) -> Quote:
        """The way round full mains where a quote leads over one, else the quote."""
        if not quote.overloaded:
            return quote
        load = sum(load for _, load in wanted)
        full = (self.graph.main >= 0) & (self.main_capacity[self.graph.main] - self.flow < load - SPARE)
        shut = full if closed is None else full | closed
        around = self._along([self._ways(quote.source, closed=shut)], [wanted])[0]
        return around[0] if around else quote

    @property
    def built_cny(self) -> float:
        """Cost of all that has been built. [CNY]"""
        new = self.owner >= 0
        pipes = self.graph.length_m[new] * self.pipes.price(self.flow[new])
        return float(pipes.sum() + self.graph.crossing_cny[new].sum())

    def _along(self, trees: Sequence[_Tree], wanted: Sequence[Wanted]) -> list[list[Quote]]:
        """Price of what each unit wants along the ways of each source that reaches it."""
        paths = _paths(trees, wanted, n_edges=len(self.graph.u))
        load = np.tile([sum(load for _, load in of_unit) for of_unit in wanted], len(trees))
        new_m, pipe_cny, other_cny, cny_per_m = self._priced(paths, load)
        main = self.graph.main[paths.edges]
        short = (main >= 0) & (self.main_capacity[main] - self.flow[paths.edges] - paths.flow < -SPARE)
        full = np.bincount(paths.offer[short], minlength=len(load)) > 0
        quotes: list[list[Quote]] = [[] for _ in wanted]
        for offer in np.flatnonzero(paths.reached).tolist():
            part = slice(paths.start[offer], paths.start[offer + 1])
            edges, flow = paths.edges[part], paths.flow[part]
            quote = Quote(
                source=trees[offer // len(wanted)].source,
                edges=edges,
                head=paths.head[part],
                flow=flow,
                new_m=new_m[offer],
                pipe_cny=pipe_cny[offer],
                other_cny=other_cny[offer],
                cny_per_m=cny_per_m[offer],
                overloaded=self.overloaded(edges, flow) if full[offer] else (),
            )
            quotes[offer % len(wanted)].append(quote)
        return quotes

    def _priced(self, paths: _Paths, load: Floats) -> tuple[list[float], ...]:
        """New trench [m], pipes, the part of them that does not grow with it, and price of a metre. [CNY]"""
        graph, edges, flow = self.graph, paths.edges, paths.flow
        pipe = graph.main[edges] < 0
        new = pipe & (self.owner[edges] < 0)
        shared = pipe & ~new

        def total(of: Bools, values: Floats) -> Floats:
            # Summed offer by offer, so that a sum does not depend on who else asks.
            ends = np.cumsum(np.bincount(paths.offer[of], minlength=len(load))).tolist()
            return np.array([np.add.reduce(values[a:b]) for a, b in pairwise([0, *ends])])

        length, before = graph.length_m[edges], self.flow[edges[shared]]
        new_m = total(new, length[new])
        new_cost = total(new, length[new] * self.pipes.price(flow[new]))
        dearer = self.pipes.price(before + flow[shared]) - self.pipes.price(before)
        other = total(shared, length[shared] * dearer) + total(new, graph.crossing_cny[edges[new]])
        per_m = np.where(new_cost > 0, new_cost / np.where(new_m > 0, new_m, 1.0), self.pipes.price(load))
        return new_m.tolist(), (new_cost + other).tolist(), other.tolist(), per_m.tolist()

    def overloaded(self, edges: Ints, flow: Floats) -> tuple[float, float] | tuple[()]:
        """Spare and needed capacity of the tightest existing main that cannot take a flow, or empty."""
        main = self.graph.main[edges] >= 0
        spare = self.main_capacity[self.graph.main[edges[main]]] - self.flow[edges[main]]
        short = spare - flow[main]
        if not len(short) or short.min() >= -SPARE:
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

    def _tree(self, source: int) -> _Tree:
        """Shortest ways from one source, kept until something is built."""
        if source not in self._trees:
            self._trees[source] = self._ways(source)
        return self._trees[source]

    def _ways(self, source: int, *, closed: Bools | None = None) -> _Tree:
        """Shortest ways from one source; its own network is free, mains and branches of others closed."""
        graph, own = self.graph, self.network_of[source]
        start = int(graph.source_node.iloc[source])
        if start < 0:
            nowhere = np.full(graph.n_nodes, -1)
            return _Tree(source, np.full(graph.n_nodes, np.inf), nowhere, nowhere)
        weight = np.where((graph.main >= 0) | (self.owner == own), graph.length_m * FREE, self._weight)
        weight = np.maximum(weight, GRID_M * FREE)
        shut = ((self.owner >= 0) & (self.owner != own)) | ((self.main_of >= 0) & (self.main_of != own))
        weight[shut if closed is None else shut | closed] = np.inf
        self._matrix.data[:] = weight[self._entry]
        distance, previous = dijkstra(self._matrix, directed=True, indices=start, return_predecessors=True)
        tail, tip = np.concatenate([graph.u, graph.v]), np.concatenate([graph.v, graph.u])
        used = np.flatnonzero(previous[tip] == tail)
        edge = np.full(graph.n_nodes, -1)
        edge[tip[used]] = used % len(graph.u)
        return _Tree(source, distance, previous, edge)


@dataclass(frozen=True)
class _Tree:
    """Shortest ways from one source: distance to each node [m], the node before it, and the edge between."""

    source: int
    distance: Floats
    previous: Ints
    edge: Ints


@dataclass(frozen=True)
class _Paths:
    """The edges of many offers, one after the other: a row is an edge of an offer.

    Offers are numbered source by source, and within a source unit by unit.

    Attributes
    ----------
    offer, edges, head : ndarray of int
        Offer, edge and upstream node of each row.
    flow : ndarray
        What the edge is to carry for the offer. [MW or m³/d]
    start : ndarray of int, shape (n_offers + 1,)
        First row of each offer.
    reached : ndarray of bool, shape (n_offers,)
        Whether a way leads to every node of the unit.
    """

    offer: Ints
    edges: Ints
    head: Ints
    flow: Floats
    start: Ints
    reached: Bools


def _paths(trees: Sequence[_Tree], wanted: Sequence[Wanted], *, n_edges: int) -> _Paths:
    """The ways to several units along several trees, walked all at once from the units upwards."""
    n_nodes, n_offers = len(trees[0].previous), len(trees) * len(wanted)
    sizes = [len(of_unit) for of_unit in wanted]
    node, load = np.array([pair for of_unit in wanted for pair in of_unit]).reshape(-1, 2).T
    unit, node = np.repeat(np.arange(len(wanted)), sizes), node.astype(int)
    there = np.concatenate([(node >= 0) & np.isfinite(tree.distance[node]) for tree in trees])
    offer = np.concatenate([unit + position * len(wanted) for position in range(len(trees))])
    reached = np.bincount(offer[~there], minlength=n_offers) == 0
    rows = np.flatnonzero(reached[offer])
    previous, edge = (np.concatenate([getattr(t, name) for t in trees]) for name in ("previous", "edge"))
    first = offer[rows] // len(wanted) * n_nodes
    here = np.tile(node, len(trees))[rows] + first
    nothing = np.empty(0, dtype=int)
    steps = [(nothing, nothing, nothing)]
    while len(rows):
        on = previous[here] >= 0
        rows, here, first = rows[on], here[on], first[on]
        above = previous[here]
        steps.append((rows, edge[here], above))
        here = above + first
    row, edges, head = (np.concatenate([step[i] for step in steps]) for i in range(3))
    steps_of = np.bincount(row, minlength=len(offer))
    nth = np.repeat(np.arange(len(steps)) - 1, [len(step[0]) for step in steps])
    order = np.empty(len(row), dtype=int)
    order[np.cumsum(steps_of)[row] - steps_of[row] + nth] = np.arange(len(row))
    row, edges, head = row[order], edges[order], head[order]
    offer, flow = offer[row], np.tile(load, len(trees))[row]
    if max(sizes) > 1:
        _, once, which = np.unique(offer * n_edges + edges, return_index=True, return_inverse=True)
        flow = np.bincount(which, weights=flow)[np.argsort(once)]
        once = np.sort(once)
        offer, edges, head = offer[once], edges[once], head[once]
    start = np.append(0, np.cumsum(np.bincount(offer, minlength=n_offers)))
    return _Paths(offer, edges, head, flow, start, reached)


def _networks(graph: Graph) -> tuple[Ints, Ints]:
    """Number of the network each source feeds, those joined by mains the same, and of that of each node."""
    main = graph.main >= 0
    ones = np.ones(int(main.sum()))
    joined = csr_matrix((ones, (graph.u[main], graph.v[main])), shape=(graph.n_nodes,) * 2)
    label = connected_components(joined, directed=False)[1]
    node = graph.source_node.to_numpy()
    return np.where(node >= 0, label[node], -2), label


@dataclass(frozen=True)
class Offer:
    """A quote as it stood, what stood against it, and the nodes and the need that it is for."""

    quote: Quote | None
    finding: Finding | None
    nodes: tuple[int, ...]
    need: float


@dataclass(frozen=True)
class Before:
    """Ways and flows of a network as they were before somebody joined."""

    distances: Floats
    flow: Floats

    @classmethod
    def of(cls, growth: Growth) -> Before:
        """The network as it is now."""
        return cls(growth.distances, growth.flow.copy())


def fallen(offers: Mapping[str, Offer], growth: Growth, *, before: Before) -> list[str]:
    """The offers whose way, shared pipes or room are no longer as they were.

    Flow on mains costs nothing as long as there is room.
    """
    moved = (growth.distances != before.distances).any(axis=0)
    changed = growth.flow != before.flow
    listed = list(offers.values())
    sizes = [len(offer.nodes) for offer in listed]
    nodes = np.array([node for offer in listed for node in offer.nodes], dtype=int)
    stale = np.bincount(np.repeat(np.arange(len(listed)), sizes)[moved[nodes]], minlength=len(listed)) > 0
    quoted = [(place, offer.quote) for place, offer in enumerate(listed) if offer.quote is not None]
    open_ = np.array([offer.quote is not None and offer.finding is None for offer in listed], dtype=bool)
    if quoted:
        edges = np.concatenate([quote.edges for _, quote in quoted])
        row = np.repeat([place for place, _ in quoted], [len(quote.edges) for _, quote in quoted])
        flow = np.concatenate([quote.flow for _, quote in quoted])
        hit = np.flatnonzero(changed[edges])
        edges, row, flow = edges[hit], row[hit], flow[hit]
        main = growth.graph.main[edges]
        spare = growth.main_capacity[main] - growth.flow[edges]
        stale[row[(main < 0) | (open_[row] & (spare - flow < -SPARE))]] = True
    for place, quote in quoted:
        stale[place] |= bool(open_[place] and listed[place].need > growth.left[quote.source])
    return [unit for unit, late in zip(offers, stale.tolist(), strict=True) if late]


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
    for source in range(len(growth.capacity)):
        rows = np.flatnonzero(which == source).tolist()
        quotes = growth.quotes([[(int(nodes[row]), 0.0)] for row in rows], sources=[source])
        for row, found in zip(rows, quotes, strict=True):
            if found:
                metres[row], crossing[row] = found[0].new_m, found[0].other_cny
    return Nearest(which, metres, crossing)
