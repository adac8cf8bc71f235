"""Pipes of one supply in the programme: arcs with sizes, flow, and what makes them a forest.

A layer holds the pipes that carry from some of the sources. Where a supply has several
systems of mains that are not joined, each has a layer of its own, so that their pipes may cross.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from geoplan.corridor import Corridor, Link, corridor, most_beyond
from geoplan.growth import Growth
from geoplan.ledger import Ledger
from geoplan.network import PipeTable
from geoplan.rows import Rows, Terms, added
from geoplan.schema import Supply


@dataclass
class Arc:
    """A new pipe in one direction.

    Attributes
    ----------
    link : int
        Number of the link in the corridor.
    start, end : int
        Nodes.
    flow : int
        Column of what it carries.
    sizes : tuple of int
        Column of each size it may have.
    row : int
        The row that holds the flow within the size.
    """

    link: int
    start: int
    end: int
    flow: int
    sizes: tuple[int, ...]
    row: int

    def built(self, factor: float = 1.0) -> Terms:
        """Whether it is built, as terms."""
        return dict.fromkeys(self.sizes, factor)


@dataclass
class Layer:
    """Pipes of a supply from some of its sources.

    Attributes
    ----------
    supply : Supply
    growth : Growth
    sources : tuple of int
        Positions of the sources.
    joins : dict of (unit, route) to int
        Column that says whether a unit is on these pipes by a route.
    corridor : Corridor
    unit : float
        The load that counts as 1. [MW or m³/d]
    need : dict of (village, route) to float
        Loads. [MW or m³/d]
    members : dict of unit to list
    arcs : list of Arc
    mains : dict of int to (int, int)
        Columns of the flow on an existing link, there and back.
    given : dict of int to int
        Column of what each source gives, by position.
    fed_by : dict of (unit, position) to int
        Column of each unit and source, where sources share mains.
    columns : range
        Those of this layer alone.
    """

    supply: Supply
    growth: Growth
    sources: tuple[int, ...]
    joins: dict[tuple[str, str], int]
    corridor: Corridor
    unit: float
    need: Mapping[tuple[str, str], float]
    members: Mapping[str, list[str]]
    arcs: list[Arc] = field(default_factory=list)
    mains: dict[int, tuple[int, int]] = field(default_factory=dict)
    given: dict[int, int] = field(default_factory=dict)
    fed_by: dict[tuple[str, int], int] = field(default_factory=dict)
    columns: range = range(0)

    def node(self, village: str) -> int:
        """Node of a village; -1 where no way leads there."""
        at = int(self.growth.graph.village_node[village])
        return int(self.corridor.node_of[at]) if at >= 0 else -1

    def nodes(self, unit: str) -> list[int]:
        """The different nodes of a unit's villages."""
        return sorted({self.node(v) for v in self.members[unit]})

    @property
    def free(self) -> set[int]:
        """Nodes on mains."""
        links = [self.corridor.links[i] for i in self.mains]
        return {*self.corridor.fed, *(n for link in links for n in (link.u, link.v))}

    def takers_at(self) -> dict[int, list[Terms]]:
        """For every node where units take something, the terms that say whether each does."""
        found: dict[int, dict[str, Terms]] = {}
        for (unit, _), column in self.joins.items():
            for node in self.nodes(unit):
                found.setdefault(node, {}).setdefault(unit, {})[column] = 1.0
        return {node: list(of_unit.values()) for node, of_unit in found.items() if node >= 0}


def add_layer(
    rows: Rows,
    ledger: Ledger,
    supply: Supply,
    joins: dict[tuple[str, str], int],
    sources: tuple[int, ...],
    *,
    price: float,
    whole_pipes: bool,
) -> Layer:
    """Add the pipes of a layer to the rows of a programme.

    Parameters
    ----------
    rows : Rows
    ledger : Ledger
    supply : Supply
    joins : dict of (unit, route) to int
    sources : tuple of int
    price : float
        What 1 CNY of pipes counts.
    whole_pipes : bool
        Whether pipes have sizes and make a forest; else they only carry.
    """
    growth = ledger.options.supplies[supply].growth
    if growth is None:
        raise LookupError(f"{supply} has no pipes")
    first = len(rows.cost)
    most = {v: 0.0 for unit, _ in joins for v in ledger.members[unit]}
    for unit, route in joins:
        for village in ledger.members[unit]:
            most[village] = max(most[village], ledger.need[village, route])
    load = min(sum(most.values()), float(growth.capacity[list(sources)].sum()))
    at = growth.graph.village_node
    found = corridor(growth, [int(at[v]) for v in most], sources=sources, load=load)
    unit_load = max(most.values(), default=1.0) or 1.0
    layer = Layer(supply, growth, sources, joins, found, unit_load, ledger.need, ledger.members)
    builder = _Builder(rows, layer, price=price, whole_pipes=whole_pipes)
    builder.add_arcs(most, load)
    builder.add_flow()
    if whole_pipes:
        builder.connect()
    layer.columns = range(first, len(rows.cost))
    return layer


class _Builder:
    """A layer in the making."""

    def __init__(self, rows: Rows, layer: Layer, *, price: float, whole_pipes: bool) -> None:
        self.rows, self.layer, self.price, self.whole_pipes = rows, layer, price, whole_pipes

    def add_arcs(self, most: Mapping[str, float], load: float) -> None:
        """New pipes in both directions with their sizes, and the flow on existing ones."""
        layer, rows = self.layer, self.rows
        at_node: dict[int, float] = {}
        for village, wanted in most.items():
            at_node[layer.node(village)] = at_node.get(layer.node(village), 0.0) + wanted
        limit = most_beyond(layer.corridor, at_node)
        least = min(most.values(), default=0.0)
        bypass = any(not link.new for link in layer.corridor.links)
        for number, link in enumerate(layer.corridor.links):
            if not link.new:
                room = float(min(link.capacity, load)) / layer.unit
                layer.mains[number] = rows.column(upper=room), rows.column(upper=room)
                continue
            both: Terms = {}
            for way, (start, end) in enumerate(((link.u, link.v), (link.v, link.u))):
                upmost = min(limit[number, way], load)
                if upmost <= 0 or (end in layer.corridor.fed and not bypass):
                    continue
                sizes = _sizes(link, layer.growth.pipes, upmost, least)
                layer.arcs.append(self._arc(number, (start, end), sizes))
                both |= layer.arcs[-1].built()
            if len(both) > 1:
                rows.row(both, upper=1.0)

    def _arc(self, number: int, ends: tuple[int, int], sizes: list[tuple[float, float]]) -> Arc:
        """One direction of a new pipe: its flow, and a column for each size."""
        rows, unit = self.rows, self.layer.unit
        most = max(capacity for capacity, _ in sizes) / unit
        if not self.whole_pipes:
            return Arc(number, *ends, rows.column(upper=most), (), -1)
        columns = tuple(rows.column(cost * self.price, whole=True) for _, cost in sizes)
        flow = rows.column(upper=most)
        limits = {c: -capacity / unit for c, (capacity, _) in zip(columns, sizes, strict=True)}
        return Arc(number, *ends, flow, columns, rows.row({flow: 1.0} | limits, upper=0.0))

    def add_flow(self) -> None:
        """What flows into a node flows out or is taken; sources give what flows out of them."""
        layer, rows = self.layer, self.rows
        balance: dict[int, Terms] = {}
        for (unit, route), column in layer.joins.items():
            for village in layer.members[unit]:
                node = layer.node(village)
                if node < 0:
                    rows.upper[column] = 0.0
                    continue
                terms = balance.setdefault(node, {})
                terms[column] = terms.get(column, 0.0) - layer.need[village, route] / layer.unit
        for arc in layer.arcs:
            balance.setdefault(arc.end, {})[arc.flow] = 1.0
            balance.setdefault(arc.start, {})[arc.flow] = -1.0
        for number, (there, back) in layer.mains.items():
            link = layer.corridor.links[number]
            balance.setdefault(link.u, {}).update({there: -1.0, back: 1.0})
            balance.setdefault(link.v, {}).update({there: 1.0, back: -1.0})
        for position in layer.sources:
            node = int(layer.growth.graph.source_node.iloc[position])
            layer.given[position] = rows.column()
            balance.setdefault(int(layer.corridor.node_of[node]), {})[layer.given[position]] = 1.0
        for _, terms in sorted(balance.items()):
            rows.row(terms, lower=0.0, upper=0.0)
        if len({layer.corridor.system[self._at(p)] for p in layer.sources}) < len(layer.sources):
            self._share_sources()

    def _at(self, position: int) -> int:
        return int(self.layer.corridor.node_of[int(self.layer.growth.graph.source_node.iloc[position])])

    def _share_sources(self) -> None:
        """Where sources share mains: each unit is supplied by one of them, none beyond what it has."""
        layer, rows = self.layer, self.rows
        given: dict[int, Terms] = {p: {column: -1.0} for p, column in layer.given.items()}
        for unit in dict.fromkeys(u for u, _ in layer.joins):
            routes = [r for u, r in layer.joins if u == unit]
            fed: Terms = {layer.joins[unit, r]: -1.0 for r in routes}
            load = max(sum(layer.need[v, r] for v in layer.members[unit]) for r in routes) / layer.unit
            for position in layer.sources:
                column = layer.fed_by[unit, position] = rows.column(whole=True)
                fed[column] = 1.0
                given[position][column] = load
            rows.row(fed, lower=0.0, upper=0.0)
        for terms in given.values():
            rows.row(terms, lower=0.0, upper=0.0)

    def connect(self) -> None:
        """New pipes are a forest: one way into a node, out of it only what came in, a village has a pipe."""
        layer, rows = self.layer, self.rows
        into: dict[int, list[Arc]] = {}
        out: dict[int, list[Arc]] = {}
        for arc in layer.arcs:
            into.setdefault(arc.end, []).append(arc)
            out.setdefault(arc.start, []).append(arc)
        free, ends = layer.free, layer.takers_at()
        for node in sorted(set(into) - free):
            rows.row(added(a.built() for a in into[node]), upper=1.0)
        for node in sorted(set(out) - free):
            for arc in out[node]:
                came = [a.built(-1.0) for a in into.get(node, ()) if a.link != arc.link]
                rows.row(added([arc.built(), *came]), upper=0.0)
        for node in sorted(set(ends) - free):
            for terms in ends[node]:
                rows.row(added([terms, *(a.built(-1.0) for a in into.get(node, ()))]), upper=0.0)
        for node in sorted(set(into) - free - set(ends)):
            # Where nothing is taken, a pipe that comes in goes on.
            goes_on = [a.built(-1.0) for a in out.get(node, ())]
            rows.row(added([*(a.built() for a in into[node]), *goes_on]), upper=0.0)
        self._keep_together(free)

    def _keep_together(self, free: Collection[int]) -> None:
        """A group of villages hangs on one system of mains: every node says on which it hangs."""
        layer, rows, system = self.layer, self.rows, self.layer.corridor.system
        groups = [key for key in layer.joins if len(layer.nodes(key[0])) > 1]
        systems = sorted(set(system.values()))
        if len(systems) < 2 or not groups:
            return
        label: dict[tuple[int, int], int] = {}
        for node in sorted({n for a in layer.arcs for n in (a.start, a.end)} - set(system)):
            label |= {(node, s): rows.column() for s in systems}
            rows.row({label[node, s]: 1.0 for s in systems}, upper=1.0)
        for arc in layer.arcs:
            for s in systems if arc.end not in free else ():
                # Built, both ends hang on the same system.
                terms = arc.built() | {label[arc.end, s]: -1.0}
                if arc.start in system:
                    rows.row(terms, upper=float(system[arc.start] != s))
                else:
                    rows.row(terms | {label[arc.start, s]: 1.0}, upper=1.0)
        for unit, route in groups:
            first, *others = layer.nodes(unit)
            for other in others:
                for s in systems:
                    self._alike(layer.joins[unit, route], (first, other), s, label)

    def _alike(
        self, taken: int, nodes: tuple[int, int], s: int, label: Mapping[tuple[int, int], int]
    ) -> None:
        """Two nodes hang on a system both or neither, where a column is taken."""
        system = self.layer.corridor.system
        for one, two in (nodes, nodes[::-1]):
            known = [float(system[n] == s) if n in system else 0.0 for n in (one, two)]
            terms = {label[n, s]: f for n, f in ((one, 1.0), (two, -1.0)) if (n, s) in label}
            self.rows.row(terms | {taken: 1.0}, upper=1.0 - known[0] + known[1])


def exclusive(rows: Rows, layers: Iterable[Layer]) -> None:
    """Let a trench hold the pipe of one layer only."""
    of_edge: dict[int, list[tuple[int, Arc]]] = {}
    for number, layer in enumerate(layers):
        for arc in layer.arcs:
            for edge in layer.corridor.links[arc.link].edges:
                of_edge.setdefault(edge, []).append((number, arc))
    seen: set[frozenset[int]] = set()
    for arcs in of_edge.values():
        terms = added(arc.built() for _, arc in arcs)
        if len({number for number, _ in arcs}) > 1 and frozenset(terms) not in seen:
            seen.add(frozenset(terms))
            rows.row(terms, upper=1.0)


def _sizes(link: Link, pipes: PipeTable, most: float, least: float) -> list[tuple[float, float]]:
    """Capacity and cost of the sizes a new link may have: the cheapest that carries each load. [CNY]"""
    largest = pipes.capacity[-1]
    lines = int(np.ceil(most / largest - 1e-12)) if np.isfinite(largest) else 1
    table = [*zip(pipes.capacity.tolist(), pipes.cny_per_m.tolist(), strict=True)]
    table += [(largest * n, float(pipes.cny_per_m[-1]) * n) for n in range(2, lines + 1)]
    enough = next((i for i, (room, _) in enumerate(table) if room >= most * (1 - 1e-12)), len(table) - 1)
    wanted = [(c, p) for c, p in table[: enough + 1] if c >= least * (1 - 1e-12)] or [table[enough]]
    cheapest = [(c, p) for i, (c, p) in enumerate(wanted) if all(p < q for _, q in wanted[i + 1 :])]
    return [(min(c, most), p * link.length_m + link.crossing_cny) for c, p in cheapest]
