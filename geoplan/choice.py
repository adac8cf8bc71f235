"""A choice of routes and pipes: read from a programme's columns or from a selection, and booked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from geoplan.attribution import path_up, up_end, upstream
from geoplan.checks import Finding
from geoplan.growth import Quote
from geoplan.layer import Arc, Layer
from geoplan.ledger import DEFERRED, TOLERANCE, Ledger
from geoplan.network import Bools, Floats, Ints
from geoplan.options import Options
from geoplan.programme import Programme
from geoplan.schema import Supply
from geoplan.verdict import Selection


@dataclass(frozen=True)
class Choice:
    """Routes of all units and the pipes for them.

    Attributes
    ----------
    route : dict of unit to str
    head : list of ndarray of int
        By layer of the programme, the upstream node of each edge of the graph; -1 where nothing is built.
    source : dict of unit to int
        Position of the source that supplies a unit by pipe.
    """

    route: dict[str, str]
    head: list[Ints]
    source: dict[str, int]

    @classmethod
    def of(cls, programme: Programme, selection: Selection, options: Options) -> Choice:
        """What a selection chose, on the networks that it grew."""
        ledger = programme.ledger
        route = {u: str(selection.route[ids[0]]) for u, ids in ledger.members.items()}
        source = {}
        for unit, name in route.items():
            if name in ledger.cost.columns and (network := ledger.network(name)) is not None:
                given = str(selection.source_id[ledger.members[unit][0]])
                if network.growth is not None and given in network.sources.index:
                    source[unit] = int(network.sources.index.get_loc(given))
        head = []
        for layer in programme.layers:
            growth = options.supplies[layer.supply].growth
            if growth is None:
                raise LookupError(f"{layer.supply} has no pipes")
            mine = np.isin(growth.owner, growth.network_of[list(layer.sources)])
            head.append(np.where(mine, growth.head, -1))
        return cls(route, head, source)

    @classmethod
    def read(cls, programme: Programme, x: Floats) -> Choice:
        """What the columns of a solved programme say."""
        built = [[a for a in layer.arcs if x[list(a.sizes)].sum() > 0.5] for layer in programme.layers]
        return cls.with_pipes(programme, x, built)

    @classmethod
    def with_pipes(cls, programme: Programme, x: Floats, built: list[list[Arc]]) -> Choice:
        """The routes that the columns say, with given pipes by layer."""
        route = {unit: name for (unit, name), column in programme.choice.items() if x[column] > 0.5}
        head, source = [], {}
        for layer, arcs in zip(programme.layers, built, strict=True):
            up = np.full(len(layer.growth.graph.u), -1)
            for arc in arcs:
                for edge, node in directed(arc, layer):
                    up[edge] = node
            head.append(up)
            for (unit, name), column in layer.joins.items():
                if x[column] > 0.5 and route[unit] == name:
                    fed = {p: x[c] for (u, p), c in layer.fed_by.items() if u == unit}
                    position = max(fed, key=lambda p: fed[p]) if fed else _feeder(layer, up, unit)
                    if position is not None:
                        source[unit] = position
        return cls(route, head, source)

    def takes(self, unit: str, route: str) -> bool:
        """Whether a unit gets a route."""
        return self.route[unit] == route

    def on(self, layer: Layer, *, alone: bool) -> list[tuple[str, str]]:
        """Units and routes that are on a layer; `alone`: it is the only one of its supply."""
        return [
            (u, r)
            for u, r in layer.joins
            if self.takes(u, r) and (alone or self.source.get(u) in layer.sources)
        ]

    # --- values -----------------------------------------------------------------------------------

    def columns(self, programme: Programme) -> Floats:
        """Values of a programme's whole columns; NaN for the others."""
        x = np.full(len(programme.rows.cost), np.nan)
        for (unit, name), column in programme.choice.items():
            x[column] = float(self.takes(unit, name))
        for layer, head in zip(programme.layers, self.head, strict=True):
            on = self.on(layer, alone=_alone(programme, layer))
            for key, column in layer.joins.items():
                x[column] = float(key in on)
            carried = self._carried(layer, head, on)
            for arc in layer.arcs:
                x[list(arc.sizes)] = 0.0
                edge, node = next(directed(arc, layer))
                if head[edge] == node:
                    rooms = programme.rooms(arc)
                    fit = [c for c, room in rooms if room >= carried[edge] / layer.unit - 1e-9]
                    x[(fit or [rooms[-1][0]])[0]] = 1.0
            joined = {u for u, _ in on}
            for (unit, position), column in layer.fed_by.items():
                x[column] = float(unit in joined and self.source.get(unit) == position)
        return x

    def _carried(self, layer: Layer, head: Ints, on: list[tuple[str, str]]) -> Floats:
        """Load on every built edge. [MW or m³/d]"""
        carried = np.zeros(len(layer.growth.graph.u))
        up = upstream(head, head >= 0, layer.growth)
        for unit, route in on:
            for village in layer.members[unit]:
                edges = path_up(int(layer.growth.graph.village_node[village]), up)
                carried[edges] += layer.need[village, route]
        return carried

    def trimmed(self, programme: Programme) -> Choice:
        """The same without pipes that carry nothing."""
        kept = []
        for layer, head in zip(programme.layers, self.head, strict=True):
            on = self.on(layer, alone=_alone(programme, layer))
            used = (self._carried(layer, head, on) > 0) | _goes_round(layer, head)
            kept.append(np.where(used, head, -1))
        return replace(self, head=kept)

    def cost(self, programme: Programme) -> float:
        """Cost in the programme's money: routes, pipes and upgrades."""
        x = self.columns(programme)
        known = np.flatnonzero(~np.isnan(x))
        total = float(np.array(programme.rows.cost)[known] @ x[known])
        return total + programme.upgrades(x)

    def is_supplied(self, programme: Programme) -> bool:
        """Whether every unit on a pipe has a source, and no joined mains give more than they have."""
        return all(self._is_layer_supplied(programme, i) for i in range(len(programme.layers)))

    def _is_layer_supplied(self, programme: Programme, number: int) -> bool:
        layer = programme.layers[number]
        growth = layer.growth
        asked: dict[int, float] = {}
        for unit, route in self.on(layer, alone=_alone(programme, layer)):
            systems = _systems(layer, self.head[number], unit)
            if len(systems) != 1 or None in systems:
                return False
            load = sum(layer.need[v, route] for v in layer.members[unit])
            asked[systems[0]] = asked.get(systems[0], 0.0) + load  # type: ignore[index,arg-type]
        room: dict[int, float] = {}
        for position in layer.sources:
            at = int(layer.corridor.node_of[int(growth.graph.source_node.iloc[position])])
            system = layer.corridor.system[at]
            room[system] = room.get(system, 0.0) + float(growth.capacity[position])
        return all(load <= room.get(system, 0.0) * (1 + 1e-9) for system, load in asked.items())

    # --- booking ----------------------------------------------------------------------------------

    def book(self, programme: Programme) -> bool:
        """Book all units, upstream first; False where sources cannot be shared out so."""
        ledger = programme.ledger
        order = {r: i for i, r in enumerate(r for rank in ledger.policy.ranks for r in rank)}
        by_route: dict[str, list[str]] = {}
        for unit, name in self.route.items():
            by_route.setdefault(name, []).append(unit)
        for name in sorted(by_route, key=lambda r: (order.get(r, len(order)), r)):
            units = sorted(by_route[name])
            network = ledger.network_of(name)
            if name == DEFERRED:
                ledger.book(name, [u for u in units if any(v in ledger.locked for v in ledger.members[u])])
            elif network is None or not network.limited:
                ledger.book(name, units)
            elif network.growth is None:
                for unit in units:
                    ledger.draw(name, unit)
            elif not self._lay(programme, name, units):
                return False
        return True

    def _lay(self, programme: Programme, route: str, units: list[str]) -> bool:
        """Attach units along the chosen pipes, the nearest first; what meets on a main cancels out there."""
        alone = {u: self._offer(programme, route, u) for u in units}
        far = {u: quote.new_m for u, quote in alone.items() if quote is not None}
        if len(far) < len(units):
            return False
        growth = programme.ledger.pipes_of(route)[2]
        net = np.zeros(len(growth.graph.u))
        for unit in sorted(units, key=lambda u: (far[u], u)):
            quote = self._offer(programme, route, unit)
            if quote is None:
                return False
            net[quote.edges] += np.where(quote.head == growth.graph.u[quote.edges], quote.flow, -quote.flow)
            programme.ledger.attach(route, unit, quote)
        room = growth.main_capacity[growth.graph.main]
        return bool((np.abs(net) <= room * (1 + TOLERANCE) + TOLERANCE).all())

    def _offer(self, programme: Programme, route: str, unit: str) -> Quote | None:
        """The way along the chosen pipes from the chosen source, if it has room."""
        ledger, position = programme.ledger, self.source.get(unit)
        growth = ledger.pipes_of(route)[2]
        loads = ledger.loads(route, unit)
        if position is None or sum(loads) > growth.left[position] + 1e-7 * max(sum(loads), 1.0):
            return None
        built = np.zeros(len(growth.graph.u), dtype=bool)
        for layer, head in zip(programme.layers, self.head, strict=True):
            if layer.growth is growth and position in layer.sources:
                built |= head >= 0
        nodes = [int(growth.graph.village_node[v]) for v in ledger.members[unit]]
        closed = (growth.graph.main < 0) & ~built
        return growth.quote(nodes, loads, source=position, closed=closed)


def _alone(programme: Programme, layer: Layer) -> bool:
    """Whether a layer is the only one of its supply."""
    return sum(other.supply == layer.supply for other in programme.layers) == 1


def _systems(layer: Layer, head: Ints, unit: str) -> list[int | None]:
    """The systems of mains that a unit's villages hang on; None for nowhere."""
    up = upstream(head, head >= 0, layer.growth)
    node_of, found = layer.corridor.node_of, []
    for village in layer.members[unit]:
        end = up_end(int(layer.growth.graph.village_node[village]), up)
        found.append(layer.corridor.system.get(int(node_of[end])))
    return list(dict.fromkeys(found))


def _feeder(layer: Layer, head: Ints, unit: str) -> int | None:
    """The one source of the mains that a unit hangs on."""
    if len(layer.sources) == 1:
        return layer.sources[0]
    systems = _systems(layer, head, unit)
    at = layer.growth.graph.source_node
    mine = [
        p
        for p in layer.sources
        if layer.corridor.system[int(layer.corridor.node_of[int(at.iloc[p])])] == systems[0]
    ]
    return mine[0] if len(systems) == 1 and len(mine) == 1 else None


def _goes_round(layer: Layer, head: Ints) -> Bools:
    """All pipes where one of them leads back to a main: loads do not follow from the ways of the villages."""
    graph = layer.growth.graph
    edges = np.flatnonzero(head >= 0)
    end = graph.u[edges] + graph.v[edges] - head[edges]
    back = np.isin(layer.corridor.node_of[end], list(layer.free))
    return (head >= 0) & bool(back.any())


def directed(arc: Arc, layer: Layer) -> Iterator[tuple[int, int]]:
    """Edges of an arc in the direction of its flow, each with its upstream node."""
    graph, node_of = layer.growth.graph, layer.corridor.node_of
    link = layer.corridor.links[arc.link]
    edges = link.edges if arc.start == link.u else link.edges[::-1]
    ends = (int(graph.u[edges[0]]), int(graph.v[edges[0]]))
    here = ends[0] if node_of[ends[0]] == arc.start else ends[1]
    for edge in edges:
        yield edge, here
        here = int(graph.u[edge] + graph.v[edge]) - here


# --- what stands against the routes not taken ---------------------------------------------------------


def explain_rest(
    ledger: Ledger, cost: Mapping[tuple[str, str], float], price: Mapping[tuple[Supply, str], float]
) -> None:
    """Say of the routes not taken what the cascade would: too far to pay, or no room.

    Parameters
    ----------
    ledger : Ledger
        With everything booked.
    cost : mapping of (unit, route) to float
        Before shared pipes. [CNY/a]
    price : mapping of (supply, source id) to float
        Shadow prices. [CNY/a per unit]
    """
    ranked = [r for rank in ledger.policy.ranks for r in rank]
    for unit in ledger.members:
        taken = ledger.route.get(unit)
        before = ranked[: ranked.index(taken)] if taken in ranked else ()
        for route in ledger.cost.columns:
            if route == taken or not ledger.eligible.at[unit, route]:
                continue
            if ledger.policy.routes[route].supply == "heat" and _is_out_of_reach(ledger, unit, route):
                continue
            if route in before and cost[unit, route] < cost[unit, str(taken)]:
                saved = cost[unit, str(taken)] - cost[unit, route]
                _note_no_room(ledger, unit, route, saved=saved, price=price)


def _is_out_of_reach(ledger: Ledger, unit: str, route: str) -> bool:
    """Whether no pipe leads to a unit or none would pay; noted as the cascade does."""
    quote, _ = ledger.quote(route, unit)
    finding = Finding("unreachable", subject="heat") if quote is None else ledger.too_far(route, unit, quote)
    if quote is not None:
        ledger.note(route, unit, quote)
    if finding is not None:
        ledger.eligible.at[unit, route] = False
        ledger.fail(ledger.members[unit], route, finding)
    return finding is not None


def _note_no_room(
    ledger: Ledger, unit: str, route: str, *, saved: float, price: Mapping[tuple[Supply, str], float]
) -> None:
    """Note that a cheaper route has no room, and what a unit of its capacity is worth here and elsewhere."""
    network = ledger.network(route)
    piped = network is not None and network.growth is not None
    full = ledger.quote(route, unit)[1] if piped else ledger.short(route, unit)
    finding = full or ledger.purses.short(unit, route)
    if finding is None:
        return
    ledger.refused.add((unit, route))
    ledger.fail(ledger.members[unit], route, finding)
    supply, _, source = finding.subject.rpartition("/")
    asked = price.get((cast("Supply", supply), source), 0.0)
    own = saved / max(float(ledger.use.at[unit, route]), 1e-12)
    if asked > own:
        value = Finding("worth_more_elsewhere", own, asked, f"CNY/a/{finding.unit}", subject=finding.subject)
        ledger.fail(ledger.members[unit], route, value)
