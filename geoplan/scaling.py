"""Choices to start from: pipes priced by the load at what they last cost, again and again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from geoplan.choice import Choice
from geoplan.layer import Arc, Layer
from geoplan.netdesign.lp import GrowingLp
from geoplan.network import Floats
from geoplan.programme import Programme

#: Prices are set anew so many times.
TURNS = 8
#: How well each turn is solved, and the wall time it may take. [s]
TURN_GAP = 1e-3
TURN_S = 4.0
#: Flow below which a pipe is not there, in shares of the largest load.
NO_FLOW = 1e-6


def scaled_choices(
    full: Programme, flowing: Programme, solver: GrowingLp, *, left_s: float
) -> Iterator[Choice]:
    """Choices with forests of pipes, one a turn.

    Parameters
    ----------
    full : Programme
        With sizes; gives what a load costs.
    flowing : Programme
        The same with pipes that only carry.
    solver : GrowingLp
        Of `flowing`.
    left_s : float
        Wall time for all turns. [s]

    References
    ----------
    .. [1] Slope scaling: Kim, Pardalos, Operations Research Letters 24 (1999) 195.
    """
    whole = np.array(flowing.rows.whole, dtype=int)
    sizes = [{(a.link, a.start): _steps(full, a) for a in layer.arcs} for layer in full.layers]
    slope = [{k: min(cost / room for room, cost in steps) for k, steps in of.items()} for of in sizes]
    limit = min(TURN_S, max(left_s / TURNS, 0.5))
    for _ in range(TURNS):
        cost = np.array(flowing.rows.cost)
        for of, layer in zip(slope, flowing.layers, strict=True):
            for arc in layer.arcs:
                cost[arc.flow] = of[arc.link, arc.start]
        solver.set_cost(cost)
        _, x = solver.solve_whole(whole, None, TURN_GAP, limit)
        if x is None:
            return
        # Where the pipes are a forest, every source's load follows from who is on its trees.
        forest = [_largest(layer, x) for layer in flowing.layers]
        solver.set_bounds(np.array(flowing.rows.lower), _within(flowing, forest))
        _, again = solver.solve_whole(whole, None, TURN_GAP, limit)
        solver.set_bounds(np.array(flowing.rows.lower), np.array(flowing.rows.upper))
        yield Choice.with_pipes(flowing, x if again is None else again, forest)
        for number, layer in enumerate(flowing.layers):
            for arc in layer.arcs:
                load, key = float(x[arc.flow]), (arc.link, arc.start)
                if load > NO_FLOW:
                    slope[number][key] = _price(sizes[number][key], load) / load


def _steps(full: Programme, arc: Arc) -> list[tuple[float, float]]:
    """Capacity and cost of every size of a pipe."""
    return [(room, full.rows.cost[column]) for column, room in full.rooms(arc)]


def _price(steps: list[tuple[float, float]], load: float) -> float:
    """What the smallest size for a load costs."""
    return next((cost for room, cost in steps if room >= load * (1 - 1e-9)), steps[-1][1])


def _within(flowing: Programme, forest: list[list[Arc]]) -> Floats:
    """Upper bounds of the columns that leave only a forest of pipes."""
    upper = np.array(flowing.rows.upper)
    for layer, arcs in zip(flowing.layers, forest, strict=True):
        kept = {arc.flow for arc in arcs}
        upper[[arc.flow for arc in layer.arcs if arc.flow not in kept]] = 0.0
    return upper


def _largest(layer: Layer, x: Floats) -> list[Arc]:
    """The pipe with most flow into each node off the mains."""
    best: dict[int, Arc] = {}
    for arc in layer.arcs:
        beaten = arc.end in best and x[best[arc.end].flow] >= x[arc.flow]
        if x[arc.flow] > NO_FLOW and arc.end not in layer.corridor.fed and not beaten:
            best[arc.end] = arc
    return list(best.values())
