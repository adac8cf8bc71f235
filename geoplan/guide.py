"""Where pipes pay at the prices of scarce capacity: designs to start from, and a bound that they prove.

The programme is relaxed in one place only: a village may be on the pipe in its
network and on another route in its choice, at a price. Each network alone is then
a prize-collecting design, which :func:`geoplan.netdesign.design_network` bounds far
better than the programme's own relaxation does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from geoplan.layer import Layer
from geoplan.netdesign import NetworkDesign, design_network
from geoplan.network import Bools, Floats
from geoplan.programme import Programme
from geoplan.rows import Terms

#: Prizes below this share of the largest are none.
NOTHING = 1e-9


@dataclass(frozen=True)
class Guide:
    """What the networks say at given prices.

    Attributes
    ----------
    bound : float
        No choice costs less, in the programme's money.
    links : list of set of int
        By layer, the links of the corridor that the designs build.
    """

    bound: float
    links: list[set[int]]


def guide(
    programme: Programme,
    duals: Floats,
    cuts: Sequence[Terms],
    *,
    time_limit_s: float,
    gap: float,
    eager: float = 1.0,
) -> Guide:
    """Design each network at the prices that a relaxation puts on all else.

    Parameters
    ----------
    programme : Programme
    duals : ndarray
        Of the programme's own rows and then of the cuts.
    cuts : sequence of Terms
    time_limit_s : float
        Wall time for all networks. [s]
    gap : float
    eager : float
        What a unit is worth to a network, as a multiple of what the prices say. Above 1 the designs
        reach further than pays, whatever their sources have: ways to choose from, without a bound.
    """
    coupled, price = _prices(programme, duals, cuts)
    cheapest = _cheapest(programme, price)
    bound = sum(cheapest.values()) + _held(programme, duals) + _other_columns(programme, coupled)
    links: list[set[int]] = []
    for layer in programme.layers:
        benefit = {u: eager * b for u, b in _benefits(programme, layer, cheapest, coupled).items()}
        # Time goes where the columns are.
        limit = time_limit_s * len(layer.columns) / sum(len(other.columns) for other in programme.layers)
        made = _design(programme, layer, benefit, time_limit_s=limit, gap=gap, ample=eager > 1.0)
        links.append(set())
        if made is not None:
            design, numbers, gain = made
            bound += gain
            links[-1] = {numbers[i] for i in design.edges.index}
    return Guide(bound if eager == 1.0 else -np.inf, links)


def _coupling(programme: Programme) -> Bools:
    """Rows that are neither of a network nor a unit's choice of one route."""
    own = np.zeros(len(programme.rows.rows), dtype=bool)
    own[programme.choosing] = True
    for piping in programme.piping:
        own[piping.start : piping.stop] = True
    return ~own


def _prices(programme: Programme, duals: Floats, cuts: Sequence[Terms]) -> tuple[Floats, Floats]:
    """Cost of every column less what the coupling rows pay, and less what all rows pay but the choice."""
    own = [terms for terms, _, _ in programme.rows.rows]
    coupling = np.append(_coupling(programme), np.zeros(len(cuts), dtype=bool))
    coupled, price = np.array(programme.rows.cost), np.array(programme.rows.cost)
    choosing = set(programme.choosing)
    for number, terms in enumerate([*own, *cuts]):
        dual = float(duals[number])
        if dual == 0 or number in choosing:
            continue
        for column, factor in terms.items():
            price[column] -= dual * factor
            if coupling[number]:
                coupled[column] -= dual * factor
    return coupled, price


def _cheapest(programme: Programme, price: Floats) -> dict[str, float]:
    """What each unit's best route costs at the prices."""
    best: dict[str, float] = {}
    for (unit, _), column in programme.choice.items():
        if programme.rows.upper[column] > 0:
            best[unit] = min(best.get(unit, np.inf), float(price[column]))
    return best


def _held(programme: Programme, duals: Floats) -> float:
    """What the coupling rows hold back, at their prices."""
    total = 0.0
    for number in np.flatnonzero(_coupling(programme)).tolist():
        _, lower, upper = programme.rows.rows[number]
        dual = float(duals[number])
        total += dual * (lower if dual > 0 else upper) if dual != 0 else 0.0
    return total


def _other_columns(programme: Programme, price: Floats) -> float:
    """What columns that are neither a choice nor of a network can gain at the prices."""
    named = set(programme.choice.values())
    for layer in programme.layers:
        named |= {*range(layer.columns.start, layer.columns.stop), *layer.joins.values()}
    rest = [c for c in range(len(price)) if c not in named]
    return float(sum(min(price[c], 0.0) * programme.rows.upper[c] for c in rest))


def _benefits(
    programme: Programme, layer: Layer, cheapest: dict[str, float], coupled: Floats
) -> dict[str, float]:
    """What each unit would save on the network before its pipe, at the prices of the coupling rows."""
    found: dict[str, float] = {}
    for unit, route in layer.joins:
        if programme.rows.upper[programme.choice[unit, route]] > 0:
            own = float(coupled[programme.choice[unit, route]])
            found[unit] = max(found.get(unit, 0.0), cheapest[unit] - own)
    return found


def _design(
    programme: Programme,
    layer: Layer,
    benefit: dict[str, float],
    *,
    time_limit_s: float,
    gap: float,
    ample: bool,
) -> tuple[NetworkDesign, list[int], float] | None:
    """The network worth building, the link of each of its rows, and a bound on what it gains."""
    scale = max(max(benefit.values(), default=0.0), NOTHING)
    edges, numbers = _edges(programme, layer, scale)
    demands = _demands(layer, benefit, scale)
    at = layer.growth.graph.source_node.to_numpy()[list(layer.sources)]
    capacity = np.nan if ample else layer.growth.capacity[list(layer.sources)] / layer.unit
    given = pd.DataFrame({"node": layer.corridor.node_of[at], "capacity": capacity})
    # Sources at one node are one, which only loosens the bound.
    sources = given.groupby("node", as_index=False).sum(min_count=1)
    known = set(edges["u"]) | set(edges["v"])
    demands = demands[demands["node"].isin(known | set(sources["node"]))]
    sources = sources[sources["node"].isin(known | set(demands["node"]))]
    if demands.empty or sources.empty or edges.empty:
        return None
    found = design_network(edges, demands, sources, gap=gap, time_limit_s=max(time_limit_s, 1.0))
    return found, numbers, (found.bound - float(demands["prize"].sum())) * scale


def _edges(programme: Programme, layer: Layer, scale: float) -> tuple[pd.DataFrame, list[int]]:
    """New and existing links with their sizes, and the number of the link of each row."""
    rows: dict[tuple[int, int, float, float], int] = {}
    for arc in layer.arcs:
        ends = min(arc.start, arc.end), max(arc.start, arc.end)
        for column, room in programme.rooms(arc):
            rows.setdefault((*ends, programme.rows.cost[column] / scale, room), arc.link)
    for number in layer.mains:
        link = layer.corridor.links[number]
        rows.setdefault((link.u, link.v, 0.0, link.capacity / layer.unit), number)
    return pd.DataFrame(list(rows), columns=["u", "v", "fixed_cost", "capacity"]), list(rows.values())


def _demands(layer: Layer, benefit: dict[str, float], scale: float) -> pd.DataFrame:
    """Load and prize at every node; a unit's prize is shared out by the load of its villages."""
    rows: list[tuple[int, float, float]] = []
    for unit, route in layer.joins:
        loads = [layer.need[v, route] for v in layer.members[unit]]
        for village, load in zip(layer.members[unit], loads, strict=True):
            prize = benefit.get(unit, 0.0) * load / sum(loads) / scale
            rows.append((layer.node(village), load / layer.unit, max(prize, 0.0)))
    frame = pd.DataFrame(rows, columns=["node", "load", "prize"])
    return frame.groupby("node", as_index=False).sum()
