"""What of a supply's graph can matter to a choice of routes: the same trenches in far fewer pieces."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import networkx as nx
import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from geoplan.growth import Growth
from geoplan.network import Ints


@dataclass(frozen=True)
class Link:
    """A way between two nodes that branches nowhere.

    Attributes
    ----------
    u, v : int
        End nodes.
    edges : tuple of int
        Edges of the graph from `u` to `v`.
    length_m, crossing_cny : float
        Trench of a new link and what it crosses.
    capacity : float
        What an existing link carries; NaN where the link would be new. [MW or m³/d]
    """

    u: int
    v: int
    edges: tuple[int, ...]
    length_m: float
    crossing_cny: float
    capacity: float

    @property
    def new(self) -> bool:
        """Whether the link would have to be built."""
        return bool(np.isnan(self.capacity))

    def turned(self) -> Link:
        """The same link from its other end."""
        return Link(self.v, self.u, self.edges[::-1], self.length_m, self.crossing_cny, self.capacity)


@dataclass(frozen=True)
class Corridor:
    """A graph of links.

    Attributes
    ----------
    links : tuple of Link
    node_of : ndarray of int
        Node of the corridor at each node of the graph: mains that nothing can
        overload are one node; -1 where no source leads.
    fed : frozenset of int
        Nodes on mains or at a source, where a new pipe may begin.
    system : dict of int to int
        The joined mains that a node of `fed` belongs to.
    """

    links: tuple[Link, ...]
    node_of: Ints
    fed: frozenset[int]
    system: dict[int, int]


def corridor(growth: Growth, ends: Collection[int], *, sources: Collection[int], load: float) -> Corridor:
    """Reduce the graph of a supply without losing a design that could be best.

    Parameters
    ----------
    growth : Growth
        On which nothing has been built.
    ends : collection of int
        Nodes of the graph at which something may be taken.
    sources : collection of int
        Positions of the sources that pipes may begin from; the mains of others are not there.
    load : float
        All that could ever be taken; mains that carry it are as good as wide. [MW or m³/d]
    """
    graph = growth.graph
    mine = growth.network_of[list(sources)]
    foreign = (growth.main_of >= 0) & ~np.isin(growth.main_of, mine)
    main = (graph.main >= 0) & ~foreign
    room = np.where(main, growth.main_capacity[graph.main], np.nan)
    open_ = (main | np.isfinite(graph.crossing_cny)) & ~foreign
    wide = main & (room >= load)
    merged = _components(graph.u[wide], graph.v[wide], graph.n_nodes)
    reached = _components(graph.u[open_], graph.v[open_], graph.n_nodes)
    at_source = graph.source_node.to_numpy()[list(sources)]
    alive = np.isin(reached, reached[at_source])
    on_main = np.concatenate([graph.u[main], graph.v[main]])
    systems = _components(graph.u[main], graph.v[main], graph.n_nodes)
    # Mains that no source feeds are pipes that are there, but nothing begins on them.
    begins = [int(n) for n in [*on_main, *at_source] if np.isin(systems[n], systems[at_source])]
    fed = frozenset(merged[begins].tolist())
    kept = open_ & ~wide & alive[graph.u]
    links = [
        Link(
            int(merged[graph.u[e]]),
            int(merged[graph.v[e]]),
            (int(e),),
            float(graph.length_m[e]),
            0.0 if main[e] else float(graph.crossing_cny[e]),
            float(room[e]),
        )
        for e in np.flatnonzero(kept).tolist()
    ]
    stops = fed | set(merged[[n for n in ends if n >= 0]].tolist())
    return Corridor(
        links=tuple(_reduced(links, stops)),
        node_of=np.where(alive, merged, -1),
        fed=fed,
        system={int(merged[n]): int(systems[n]) for n in begins},
    )


def _components(u: Ints, v: Ints, n: int) -> Ints:
    joined = csr_matrix((np.ones(len(u)), (u, v)), shape=(n, n))
    return connected_components(joined, directed=False)[1]


def _reduced(links: list[Link], stops: Collection[int]) -> list[Link]:
    """Links without dead ends, without longer parallels, and joined where nothing branches."""
    graph = nx.MultiGraph()
    for link in links:
        if link.u != link.v:
            _add(graph, link)
    waiting = [n for n in graph if n not in stops]
    while waiting:
        node = waiting.pop()
        if node not in graph or graph.degree(node) > 2:
            continue
        around = [_from(data["link"], node) for *_, data in graph.edges(node, data=True)]
        neighbours = [link.v for link in around]
        if len(around) == 2 and around[0].new != around[1].new:
            continue
        graph.remove_node(node)
        if len(around) == 2 and neighbours[0] != neighbours[1]:
            _add(graph, _joined(*around))
        waiting += [n for n in neighbours if n not in stops]
    found = [data["link"] for *_, data in graph.edges(data=True)]
    return sorted(found, key=lambda link: (min(link.edges), link.u))


def _from(link: Link, node: int) -> Link:
    return link if link.u == node else link.turned()


def _joined(one: Link, two: Link) -> Link:
    """Two links that start at the same node, as one link between their far ends."""
    first = one.turned()
    capacity = np.nan if one.new else min(one.capacity, two.capacity)
    return Link(
        first.u,
        two.v,
        first.edges + two.edges,
        one.length_m + two.length_m,
        one.crossing_cny + two.crossing_cny,
        float(capacity),
    )


def _add(graph: nx.MultiGraph, link: Link) -> None:
    """Add a link unless one beside it is as good; take out those beside it that are worse."""
    beside = list(graph[link.u][link.v].items()) if graph.has_edge(link.u, link.v) else []
    same = [(key, data["link"]) for key, data in beside if data["link"].new and link.new]
    if any(_as_good(other, link) for _, other in same):
        return
    for key, other in same:
        if _as_good(link, other):
            graph.remove_edge(link.u, link.v, key)
    graph.add_edge(link.u, link.v, link=link)


def _as_good(one: Link, other: Link) -> bool:
    return one.length_m <= other.length_m and one.crossing_cny <= other.crossing_cny


def most_beyond(corridor: Corridor, load_at: dict[int, float]) -> dict[tuple[int, int], float]:
    """Upper limit of what can flow along each new link, by link and direction (0: u to v, 1: v to u).

    A link that alone joins two parts of the corridor carries at most what is taken
    on the side without a source, and nothing the other way.

    Parameters
    ----------
    corridor : Corridor
    load_at : dict
        All that can be taken at each node. [MW or m³/d]
    """
    total = sum(load_at.values())
    graph = nx.MultiGraph()
    graph.add_nodes_from([*corridor.fed, *load_at])
    graph.add_edges_from((link.u, link.v, i) for i, link in enumerate(corridor.links))
    limit = {(i, way): total for i, link in enumerate(corridor.links) if link.new for way in (0, 1)}
    # All fed nodes stand for one root, so that a ring over the mains is a ring.
    root = ("root",)
    simple = nx.Graph()
    counted: dict[tuple[object, object], list[int]] = {}
    for i, link in enumerate(corridor.links):
        u, v = (root if n in corridor.fed else n for n in (link.u, link.v))
        if u != v:
            simple.add_edge(u, v)
            counted.setdefault((u, v) if str(u) < str(v) else (v, u), []).append(i)
    if root not in simple:
        return limit
    for u, v in list(nx.bridges(simple)):
        pair = counted[(u, v) if str(u) < str(v) else (v, u)]
        if len(pair) > 1:
            continue
        link = corridor.links[pair[0]]
        if not link.new:
            continue
        simple.remove_edge(u, v)
        near = nx.node_connected_component(simple, root)
        simple.add_edge(u, v)
        beyond = sum(load for node, load in load_at.items() if node not in near and node not in corridor.fed)
        starts = root if link.u in corridor.fed else link.u
        way = 0 if starts in near else 1
        limit[pair[0], way], limit[pair[0], 1 - way] = beyond, 0.0
    return limit
