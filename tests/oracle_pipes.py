"""The cheapest pipes for any set of units, by trying every way to enter every node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, product
from typing import Literal

import networkx as nx
import numpy as np
from scipy.optimize import linprog

from geoplan.growth import Growth
from geoplan.supplies import SupplyNetwork

#: Slack on capacities. [share]
SLACK = 1e-9


#: What two networks may do to each other. "strict": what is off the mains belongs to one network.
#: "crossing": their pipes may meet at a place, but no new pipe carries both. "apart": each builds as
#: if it were alone, and mains are never full: a bound on whatever any method can do.
Between = Literal["strict", "crossing", "apart"]


@dataclass(frozen=True)
class Edge:
    """A possible new pipe between two places.

    It costs so many metres at the price of its flow, and a sum whatever the flow. `parts` are the
    edges and `inside` the nodes of the full graph that it is made of.
    """

    a: int
    b: int
    metres: float
    cny: float
    parts: frozenset[int]
    inside: frozenset[int] = frozenset()

    def other(self, node: int) -> int:
        return self.a + self.b - node


#: A place, and the network that feeds it.
Key = tuple[int, int]
#: The new edge by which each place is entered.
Parents = dict[Key, Edge]
#: New edges that enter the mains of a network, with the place where they do.
Back = tuple[tuple[Edge, Key], ...]


class View:
    """The graph of a supply as one network sees it, in small: places, new edges, its mains that can be full.

    Places joined by its mains that are never full are one; the mains of others are no way.
    Edges that lead nowhere are left out, edges in series are one, and of two beside each other
    the one that is dearer in both parts is dropped, unless two networks may want one each.
    """

    def __init__(
        self, growth: Growth, stops: set[int], net: dict[int, int], own: int, between: Between
    ) -> None:
        graph = growth.graph
        ends = np.stack([graph.u, graph.v], axis=1)
        mine = (graph.main >= 0) & np.array([net[int(u)] == own for u in graph.u], dtype=bool)
        full = mine & np.isfinite(growth.main_capacity[graph.main]) & (between != "apart")
        self.place = _joined(graph.n_nodes, ends[mine & ~full])
        self.on = {self.place[node] for node in range(graph.n_nodes) if net[node] == own}
        self.stops = {self.place[node] for node in stops}
        self.several = len(set(net.values()) - {-1}) > 1
        self.mains = [
            (self.place[u], self.place[v], float(growth.main_capacity[m]))
            for u, v, m in zip(graph.u[full], graph.v[full], graph.main[full], strict=True)
            if self.place[u] != self.place[v]
        ]
        foreign = {node for node in range(graph.n_nodes) if net[node] not in (-1, own)}
        closed = foreign if between == "strict" else set()
        self.edges = self._simple(
            [
                Edge(self.place[u], self.place[v], float(metres), float(cny), frozenset([i]))
                for i, (u, v, metres, cny) in enumerate(
                    zip(graph.u, graph.v, graph.length_m, graph.crossing_cny, strict=True)
                )
                if graph.main[i] < 0 and np.isfinite(cny) and not closed & {int(u), int(v)}
            ]
        )
        self.around: dict[int, list[Edge]] = {}
        for edge in sorted(self.edges, key=lambda e: (e.metres, e.cny, e.a, e.b)):
            self.around.setdefault(edge.a, []).append(edge)
            self.around.setdefault(edge.b, []).append(edge)

    def _simple(self, edges: list[Edge]) -> list[Edge]:
        while True:
            fewer = self._in_series(self._undominated([e for e in edges if e.a != e.b]))
            if len(fewer) == len(edges):
                return fewer
            edges = fewer

    def _undominated(self, edges: list[Edge]) -> list[Edge]:
        kept: dict[tuple[int, int], list[Edge]] = {}
        for edge in sorted(edges, key=lambda e: (e.metres, e.cny)):
            beside = kept.setdefault((min(edge.a, edge.b), max(edge.a, edge.b)), [])
            if self.several or all(edge.cny < other.cny for other in beside):
                beside.append(edge)
        return [edge for beside in kept.values() for edge in beside]

    def _in_series(self, edges: list[Edge]) -> list[Edge]:
        """Drop one dead end, or join one pair of edges, if there is any."""
        at: dict[int, list[Edge]] = {}
        for edge in edges:
            at.setdefault(edge.a, []).append(edge)
            at.setdefault(edge.b, []).append(edge)
        for node, found in sorted(at.items()):
            if node in self.stops or node in self.on or len(found) > 2:
                continue
            rest = [e for e in edges if e not in found]
            if len(found) == 1:
                return rest
            one, two = found
            ends = one.other(node), two.other(node)
            joined = one.parts | two.parts, one.inside | two.inside | {node}
            return [*rest, Edge(*ends, one.metres + two.metres, one.cny + two.cny, *joined)]
        return edges


def networks(growth: Growth) -> tuple[dict[int, int], list[int]]:
    """Number of the network whose mains each node is on (-1: none), and of that of each source."""
    graph = growth.graph
    main = graph.main >= 0
    ends = np.stack([graph.u, graph.v], axis=1)[main]
    label = _joined(graph.n_nodes, ends)
    roots = sorted({label[int(node)] for node in graph.source_node if node >= 0})
    assert {label[int(u)] for u in graph.u[main]} <= set(roots), (
        "a main that no source feeds: beyond this oracle"
    )
    number = {root: i for i, root in enumerate(roots)}
    net = {node: number.get(label[node], -1) for node in range(graph.n_nodes)}
    return net, [net.get(int(node), -1) for node in graph.source_node]


def _joined(n: int, pairs: Iterable[Iterable[int]]) -> dict[int, int]:
    """A representative of each node of a graph: the first of those it is joined to."""
    graph = nx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from((int(u), int(v)) for u, v in pairs)
    return {node: min(part) for part in nx.connected_components(graph) for node in part}


class Trench:
    """The cheapest pipes of one supply for any set of units, a set being the bits of a number.

    `loads` are the node and the load of each village, by unit.
    """

    def __init__(
        self,
        network: SupplyNetwork,
        loads: list[list[tuple[int, float]]],
        *,
        rate: float,
        between: Between,
    ) -> None:
        self.rate, self.between = rate, between
        self.loads = loads
        self.need = np.array([sum(load for _, load in unit) for unit in loads])
        self.lost = [not unit or any(node < 0 for node, _ in unit) for unit in loads]
        self.growth = network.growth
        self._known: dict[int, float] = {0: 0.0}
        if self.growth is None:
            return
        self.capacity = network.sources["capacity"].to_numpy(dtype=float)
        stops = {node for unit in loads for node, _ in unit if node >= 0}
        _splitting_never_pays(self.growth, float(self.need.sum()))
        net, self.of_source = networks(self.growth)
        numbers = sorted({n for n in self.of_source if n >= 0})
        self.views = {k: View(self.growth, stops, net, k, between) for k in numbers}
        self.mains = [main for view in self.views.values() for main in view.mains]
        nodes = zip(self.growth.graph.source_node, self.of_source, strict=True)
        self.outlets = [self.views[k].place[int(node)] if k >= 0 else -1 for node, k in nodes]
        self.lone = [min((self._lone(u, k) for k in numbers), default=np.inf) for u in range(len(loads))]

    def _lone(self, unit: int, k: int) -> float:
        """The least that the pipes of a network to any one village of a unit cost. [CNY]"""
        view, bound = self.views[k], 0.0
        for node, load in self.loads[unit]:
            price = float(self.growth.pipes.price(np.array([load]))[0])
            ways = nx.MultiGraph()
            ways.add_node(view.place.get(node, node))
            ways.add_weighted_edges_from((e.a, e.b, e.metres * price + e.cny) for e in view.edges)
            ways.add_weighted_edges_from(("mains", place, 0.0) for place in view.on)
            far = nx.single_source_dijkstra_path_length(ways, "mains")
            bound = max(bound, far.get(view.place.get(node, node), np.inf))
        return bound

    # --- by set of units ----------------------------------------------------------------------------

    def least(self, mask: int) -> float:
        """A bound on the cost for a set of units. [CNY]"""
        if self.growth is None or not mask:
            return 0.0 if not mask else np.inf
        return max(m for u, m in enumerate(self.lone) if mask >> u & 1)

    def cost(self, mask: int) -> float:
        """Cost of the cheapest pipes for a set of units; infinite where there are none. [CNY]"""
        if mask not in self._known:
            units = [u for u in range(len(self.loads)) if mask >> u & 1]
            lost = self.growth is None or any(self.lost[u] for u in units)
            self._known[mask] = np.inf if lost else self._cheapest(units)
        return self._known[mask]

    def _cheapest(self, units: list[int]) -> float:
        """Try every way to share the units out to the networks."""
        best = np.inf
        for owners in product(self.views, repeat=len(units)):
            owner = dict(zip(units, owners, strict=True))
            if next(self._shares(owner), None) is None:
                continue
            parts = {n: sum(1 << u for u in units if owner[u] == n) for n in owners}
            apart = sum(self._alone(mask, n) for n, mask in parts.items())
            if apart < best:
                together = len(parts) > 1 and self.between != "apart"
                best = min(best, self._design(owner, best) if together else apart)
        return best

    def _alone(self, mask: int, network: int) -> float:
        """Cost of one network's units if there were no other network. [CNY]"""
        key = -1 - (mask * 64 + network)
        if key not in self._known:
            owner = {u: network for u in range(len(self.loads)) if mask >> u & 1}
            self._known[key] = self._design(owner, np.inf)
        return self._known[key]

    def _shares(self, owner: dict[int, int]) -> Iterator[np.ndarray]:
        """What each source gives, for every way to supply each unit by one source of its network."""
        seen = set()
        choices = [[s for s, n in enumerate(self.of_source) if n == owner[u]] for u in owner]
        for sources in product(*choices):
            given = np.zeros(len(self.capacity))
            np.add.at(given, list(sources), self.need[list(owner)])
            fits = (given <= self.capacity + SLACK * np.maximum(self.capacity, 1.0)).all()
            if fits and given.tobytes() not in seen:
                seen.add(given.tobytes())
                yield given

    def _design(self, owner: dict[int, int], bound: float) -> float:
        """Cost of the cheapest pipes that join each unit to its network, if below the bound. [CNY]"""
        shares = [given for given in self._shares(owner) if not self.mains or self._enough(owner, given)]
        if not shares:
            return bound
        search = Search(self, owner, bound, shares)
        search.run(())
        if search.free < search.best:
            # A main is full: new pipes that lead from the network back to its mains may relieve it.
            for cny, back in self._ways_back(set(owner.values())):
                # Without them the trees still reach every unit.
                if search.free + cny < search.best:
                    search.run(back)
        return search.best

    def _ways_back(self, numbers: set[int]) -> list[tuple[float, Back]]:
        """Every set of new pipes that lead to a main that can be full, and the least that they cost. [CNY]"""
        ways = [
            (edge, (end, k))
            for k in sorted(numbers)
            for edge in self.views[k].edges
            for end in (edge.a, edge.b)
            if end in {place for main in self.views[k].mains for place in main[:2]}
        ]
        cheapest = float(self.growth.pipes.cny_per_m[0])
        sets = (chosen for n in range(1, len(ways) + 1) for chosen in combinations(ways, n))
        priced = [(sum(e.metres * cheapest + e.cny for e, _ in chosen), chosen) for chosen in sets]
        return sorted(priced, key=lambda pair: pair[0])

    def _enough(self, owner: dict[int, int], given: np.ndarray) -> bool:
        """Whether the mains could carry it if every new pipe were as large as one likes, both ways."""
        return all(self._enough_of(k, owner, given) for k in set(owner.values()))

    def _enough_of(self, k: int, owner: dict[int, int], given: np.ndarray) -> bool:
        view, ways = self.views[k], nx.DiGraph()

        def add(tail: object, head: object, capacity: float) -> None:
            known = ways.get_edge_data(tail, head, {"capacity": 0.0})["capacity"]
            ways.add_edge(tail, head, capacity=known + capacity)

        for u, v, capacity in (*view.mains, *((e.a, e.b, np.inf) for e in view.edges)):
            add(u, v, capacity)
            add(v, u, capacity)
        for outlet, number, amount in zip(self.outlets, self.of_source, given, strict=True):
            if number == k:
                add("from", outlet, float(amount))
        taken = [(view.place[node], load) for u in owner if owner[u] == k for node, load in self.loads[u]]
        for place, load in taken:
            add(place, "to", load)
        return nx.maximum_flow_value(ways, "from", "to") > sum(load for _, load in taken) * (1.0 - 1e-6)


class Search:
    """Every way to enter the places that must be entered, cheapest so far remembered."""

    def __init__(self, trench: Trench, owner: dict[int, int], bound: float, shares: list[np.ndarray]) -> None:
        self.trench, self.owner, self.shares = trench, owner, shares
        self.views = trench.views
        self.pipes = trench.growth.pipes
        self.cheapest = float(self.pipes.cny_per_m[0])
        self.together = len(set(owner.values())) > 1
        self.best = bound
        #: The same if mains were never full.
        self.free = np.inf
        self.ends = [
            ((self.views[k].place[node], k), load) for u, k in owner.items() for node, load in trench.loads[u]
        ]
        self.least = float(self.pipes.price(np.array([min(load for _, load in self.ends)]))[0])

    def on_mains(self, key: Key) -> bool:
        """Whether a place is on the mains of the network."""
        return key[0] in self.views[key[1]].on

    def run(self, back: Back) -> None:
        """Try all trees; `back` are new edges that enter the mains of a network."""
        tails = [(edge.other(end[0]), end[1]) for edge, end in back]
        waiting = dict.fromkeys(k for k in (*(key for key, _ in self.ends), *tails) if not self.on_mains(k))
        least = self.cheapest if back else self.least
        spent = sum(e.metres * self.cheapest + e.cny for e, _ in back)
        laid = [(edge, end[1]) for edge, end in back]
        if all(self._may_lie(*laid[i], dict.fromkeys(waiting), laid[:i]) for i in range(len(laid))):
            self._grow(tuple(waiting), {}, spent, back, least)

    def _grow(
        self, waiting: tuple[Key, ...], parents: Parents, spent: float, back: Back, least: float
    ) -> None:
        """Enter the first waiting place in every way, then the others."""
        if spent >= self.best:
            return
        if not waiting:
            self._finish(parents, back)
            return
        key, rest = waiting[0], waiting[1:]
        laid = [(e, of[1]) for of, e in parents.items()] + [(e, end[1]) for e, end in back]
        entered = (*parents, *waiting)
        for edge in self.views[key[1]].around.get(key[0], ()):
            up = (edge.other(key[0]), key[1])
            new = () if self.on_mains(up) or up in entered else (up,)
            if self._loops(up, key, parents) or not self._may_lie(edge, key[1], (*entered, *new), laid):
                continue
            far = spent + edge.metres * least + edge.cny
            self._grow((*rest, *new), {**parents, key: edge}, far, back, least)

    def _may_lie(self, edge: Edge, k: int, entered: Iterable[Key], laid: list[tuple[Edge, int]]) -> bool:
        """Whether an edge is free, and in strict company also its places and those of the other networks."""
        if any(edge.parts & other.parts for other, _ in laid):
            return False
        if self.trench.between != "strict" or not self.together:
            return True
        nodes = {n: {place for place, number in entered if number == n} for n in self.views}
        for other, n in (*laid, (edge, k)):
            nodes[n] |= other.inside
        return all(one.isdisjoint(other) for one, other in combinations(nodes.values(), 2))

    def _loops(self, up: Key, key: Key, parents: Parents) -> bool:
        while up in parents and up != key:
            up = (parents[up].other(up[0]), up[1])
        return up == key

    def way(self, key: Key, parents: Parents) -> tuple[list[Edge], Key]:
        """Edges from a place up to its network, and where they leave it."""
        edges = []
        while key in parents:
            edges.append(parents[key])
            key = (parents[key].other(key[0]), key[1])
        return edges, key

    def _finish(self, parents: Parents, back: Back) -> None:
        """Price a set of trees, and see whether the mains can carry it."""
        flow = dict.fromkeys(parents, 0.0)
        for end, load in self.ends:
            key = end
            while key in parents:
                flow[key] += load
                key = (parents[key].other(key[0]), key[1])
        metre = self.pipes.price(np.array([flow[key] for key in parents])).tolist()
        cost = sum(e.metres * p + e.cny for e, p in zip(parents.values(), metre, strict=True))
        if cost >= self.best:
            return
        self.free = min(self.free, cost)
        of_edge = {edge: flow[key] for key, edge in parents.items()}
        self.best = Mains(self, parents, of_edge, back).cost() if self.trench.mains else cost


class Mains:
    """Whether mains that can be full carry what hangs on them, and what new pipes back to them cost at least.

    Unknowns are the flow of each main and of each pipe in `back`; the more a pipe back carries, the
    larger are the pipes before it, so that every choice of their sizes is tried, cheapest first.
    """

    def __init__(self, search: Search, parents: Parents, flow: dict[Edge, float], back: Back) -> None:
        self.search, self.flow, self.back = search, flow, back
        self.mains = search.trench.mains
        places = {p for main in self.mains for p in main[:2]} | set(search.trench.outlets) - {-1}
        self.row = {place: i for i, place in enumerate(sorted(places))}
        n = len(self.mains)
        self.balance, self.taken = np.zeros((len(places), n + len(back))), np.zeros(len(places))
        for column, (u, v, _) in enumerate(self.mains):
            self.balance[self.row[u], column] -= 1.0
            self.balance[self.row[v], column] += 1.0
        #: Flow that each new edge carries for the pipes back.
        self.extra: dict[Edge, np.ndarray] = {}
        for j, (edge, (end, k)) in enumerate(back):
            before, root = search.way((edge.other(end), k), parents)
            self.balance[self.row[end], n + j] += 1.0
            self.balance[self.row[root[0]], n + j] -= 1.0
            for passed in (edge, *before):
                self.extra.setdefault(passed, np.zeros(len(back)))[j] += 1.0
        for key, load in search.ends:
            self.taken[self.row[search.way(key, parents)[1][0]]] += load

    def cost(self) -> float:
        """Cost of the cheapest sizes with which all is carried, or what is the best so far. [CNY]"""
        search = self.search
        settled = {e: f for e, f in self.flow.items() if e not in self.extra}
        base = sum(e.metres * float(search.pipes.price(np.array([f]))[0]) + e.cny for e, f in settled.items())
        best = search.best
        for given in search.shares:
            best = min(best, self._with(given, base, best))
        return best

    def _with(self, given: np.ndarray, base: float, best: float) -> float:
        """The cost when the sources give what is given, if below the best. [CNY]"""
        supply = np.zeros(len(self.row))
        for place, amount in zip(self.search.trench.outlets, given, strict=True):
            if place >= 0:
                supply[self.row[place]] += amount
        wanted = self.taken - supply
        changing = list(self.extra)
        if self._least(wanted, np.zeros(len(self.back))) is None:
            return best
        # From the size that each edge needs at least to the first that carries everything.
        least = [self.flow.get(e, 0.0) + (self._least(wanted, self.extra[e]) or 0.0) for e in changing]
        sizes = self._sizes()
        prices, last = self.search.pipes.price(sizes), len(sizes) - 1
        levels = [range(min(int(np.searchsorted(sizes, f - 1e-9)), last), last + 1) for f in least]
        options = sorted(
            (base + sum(e.metres * prices[i] + e.cny for e, i in zip(changing, chosen, strict=True)), chosen)
            for chosen in product(*levels)
        )
        for cost, chosen in options:
            if cost >= best:
                break
            room = sizes[list(chosen)] - [self.flow.get(e, 0.0) for e in changing]
            if len(self.back) <= 1 or self._least(wanted, np.zeros(len(self.back)), room) is not None:
                return float(cost)
        return best

    def _sizes(self) -> np.ndarray:
        """Capacities of one pipe and of several, up to the first that carries everything."""
        sizes, most = self.search.pipes.capacity, float(self.search.trench.need.sum())
        if np.isfinite(sizes[-1]):
            sizes = np.append(sizes, sizes[-1] * np.arange(2, 2 + int(np.ceil(most / sizes[-1]))))
        return sizes[: int(np.searchsorted(sizes, most)) + 1]

    def _least(self, wanted: np.ndarray, of: np.ndarray, room: np.ndarray | None = None) -> float | None:
        """Least flow of a sum of pipes back; None where the mains cannot carry it at all."""
        n = len(self.mains)
        upper = {}
        if room is not None:
            over = np.array([np.append(np.zeros(n), self.extra[e]) for e in self.extra])
            upper = {"A_ub": over, "b_ub": room + 1e-9}
        bounds = [(-c, c) for *_, c in self.mains] + [(0.0, None)] * len(self.back)
        goal = np.append(np.zeros(n), of)
        found = linprog(goal, A_eq=self.balance, b_eq=wanted, bounds=bounds, **upper)
        return float(found.fun) if found.status == 0 else None


def _splitting_never_pays(growth: Growth, load: float) -> None:
    """Refuse a pipe table by which two pipes are cheaper than one: one of two ways side by side is kept."""
    sizes = growth.pipes.capacity
    flows = np.append(sizes[np.isfinite(sizes)], load)
    flows = flows[flows <= load]
    price = growth.pipes.price
    both = price(flows)[:, None] + price(flows)[None, :]
    one = price((flows[:, None] + flows[None, :]).clip(max=load))
    assert (one <= both + 1e-9).all(), "two pipes are cheaper than one: beyond this oracle"
