"""First forests: classical trees on linearised costs, and plain insertion."""

from __future__ import annotations

import numpy as np

from geoplan.netdesign.clock import Clock
from geoplan.netdesign.graph import FROM, NEVER, Floats, distances
from geoplan.netdesign.instance import Instance
from geoplan.netdesign.loads.forest import Forest, Sized, fits
from geoplan.netdesign.loads.search import carrying, grown, improved, shed
from geoplan.netdesign.orient import orient
from geoplan.netdesign.steiner.reduction import SteinerProblem
from geoplan.netdesign.steiner.solve import solve_steiner

#: Rounds of single moves on a new forest.
ROUNDS = 10


def inserted(s: Sized, optimism: float) -> Forest:
    """Forest of demands served in turn, the largest prize first, while that pays `optimism` times."""
    demands = np.flatnonzero((s.prize > 0.0) & (np.arange(len(s.load)) != s.root))
    return improved(s, grown(s, demands[np.argsort(-s.prize[demands], kind="stable")], optimism), ROUNDS)


def linearised(
    instance: Instance, s: Sized, fixed: Floats, slope: Floats, clock: Clock
) -> tuple[Forest | None, float]:
    """Forest from the classical problem on costs ``fixed + slope * load`` of each arc.

    Every prize is lowered by what its load costs on the way with the least slopes; the
    fixed parts are the costs of the edges.

    Parameters
    ----------
    instance : Instance
    s : Sized
    fixed, slope : array, shape (n_arcs,)
    clock : Clock

    Returns
    -------
    tuple
        The forest (None: none that carries its loads), and the load the classical tree would
        have asked for before the demands worth least were given up.
    """
    first = np.full(instance.n_nodes, NEVER)
    first[instance.root] = 0.0
    usable = np.where(np.isfinite(fixed), slope, NEVER)
    far, _ = distances(s.net, usable, first, FROM)
    prize = np.maximum(instance.prize - instance.load * np.where(np.isfinite(far), far, 0.0), 0.0)
    prize[~np.isfinite(far)] = 0.0
    cost = np.minimum(fixed[0::2], fixed[1::2])
    links = np.flatnonzero(np.isfinite(cost))
    problem = SteinerProblem(
        instance.n_nodes, instance.u[links], instance.v[links], cost[links], prize, instance.root
    )
    found = solve_steiner(problem, gap=1e-3, clock=clock)
    if found.value == NEVER:
        return None, 0.0
    into = orient(instance.n_nodes, (instance.u, instance.v), links[found.edges], instance.root)
    served = (into >= 0) & (s.prize > 0.0)
    forest = improved(s, shed(s, carrying(s, into, served)), ROUNDS)
    return (forest if fits(s, forest) else None), float(instance.load[served].sum())


def within_supply(
    instance: Instance, s: Sized, costs: tuple[Floats, Floats], multiplier: Floats, clock: Clock
) -> list[Forest]:
    """Forests of linearised costs, the price of the sources' capacity moved until their load fits.

    Parameters
    ----------
    instance : Instance
    s : Sized
    costs : tuple of arrays, shape (n_arcs,)
        Fixed costs and slopes, the price of capacity not in them.
    multiplier : array, shape (n_sources,)
        Price of a unit of each source's capacity to start from.
    clock : Clock
        For all trees together.
    """
    fixed, slope = costs
    arcs = 2 * np.arange(instance.n_links - instance.n_sources, instance.n_links)
    supply = float(instance.capacity[instance.row_of_sources()].sum())
    found: list[Forest] = []
    low, high, factor = 0.0, NEVER, 1.0
    for _ in range(5):
        if clock.over():
            break
        priced = slope.copy()
        priced[arcs] += factor * multiplier
        forest, asked = linearised(instance, s, fixed, priced, Clock(0.5 * clock.left()))
        if forest is not None:
            found.append(forest)
        if not np.isfinite(supply) or not multiplier.any():
            break
        if asked > supply:
            low = factor
        else:
            high = factor
        factor = 0.5 * (low + high) if high < NEVER else 1.3 * factor
        if high - low < 0.01:
            break
    return found
