"""Affine pieces below the cost of a link: what the dual ascent may charge for it.

The cost of a link jumps where the next size is needed. Any concave function
below it gives a bound; the one that touches it at the load the link is expected
to carry gives a good one.
"""

from __future__ import annotations

import numpy as np

from geoplan.netdesign.graph import Floats, kernel
from geoplan.netdesign.loads.forest import Sized, link_cost

#: Least share of the touching value that stays a fixed cost.
FIXED_SHARE = 0.15


#: Pieces per arc.
PIECES = 8


@kernel
def _corners(s: Sized, link: int, least: float, top: float) -> tuple[Floats, Floats]:
    """Loads at which a size is full, ascending, and the cost there."""
    loads = np.empty(s.start[link + 1] - s.start[link] + 1)
    loads[0] = least
    size = 1
    for k in range(s.start[link + 1] - 1, s.start[link] - 1, -1):
        corner = min(s.capacity[k], top)
        if corner > loads[size - 1]:
            loads[size] = corner
            size += 1
    loads = loads[:size]
    cost = np.empty(size)
    for k in range(size):
        cost[k] = link_cost(s, link, loads[k])
    if size > 1 and cost[1] <= cost[0] * (1.0 + 1e-9):
        return loads[1:], cost[1:]
    return loads, cost


@kernel
def _chain(loads: Floats, cost: Floats, fixed: Floats, slope: Floats) -> None:
    """Chords from corner to corner, made concave."""
    count = len(loads)
    if count == 1:
        fixed[0] = cost[0]
        slope[0] = 0.0
        return
    stride = max(1, -(-(count - 1) // len(fixed)))
    at = 0
    value = cost[0]
    steep = np.inf
    piece = 0
    while at < count - 1:
        ahead = min(at + stride, count - 1)
        steep = min(steep, (cost[ahead] - value) / (loads[ahead] - loads[at]))
        if piece == 0:
            steep = min(steep, cost[0] / loads[0] if loads[0] > 0.0 else steep)
        steep = max(steep, 0.0)
        fixed[piece] = max(value - steep * loads[at], 0.0)
        slope[piece] = steep
        value = min(value + steep * (loads[ahead] - loads[at]), cost[ahead])
        at = ahead
        piece += 1


@kernel
def _touch(
    s: Sized, link: int, at: float, corners: tuple[Floats, Floats], fixed: Floats, slope: Floats
) -> None:
    """Two pieces that meet at the load `at`, as high there as they can be."""
    loads, cost = corners
    value = link_cost(s, link, at)
    for k in range(len(loads)):
        if 0.0 < loads[k] < at:
            value = min(value, cost[k] * (FIXED_SHARE + (1.0 - FIXED_SHARE) * at / loads[k]))
        elif loads[k] > at:
            value = min(value, cost[k])
    steep = 0.0
    flat = np.inf
    for k in range(len(loads)):
        if loads[k] < at * (1.0 - 1e-12):
            steep = max(steep, (value - cost[k]) / (at - loads[k]))
        elif loads[k] > at * (1.0 + 1e-12):
            flat = min(flat, (cost[k] - value) / (loads[k] - at))
    flat = min(max(flat, 0.0), steep) if flat < np.inf else steep
    fixed[0] = max(value - steep * at, 0.0)
    slope[0] = steep
    fixed[1] = max(value - flat * at, 0.0)
    slope[1] = flat


@kernel
def pieces_below(s: Sized, expected: Floats, most: Floats, least: float) -> tuple[Floats, Floats]:
    """Affine pieces per arc, ``fixed + slope * load``, whose minimum is never above the cost.

    Parameters
    ----------
    s : Sized
    expected : array, shape (n_arcs,)
        Load at which the pieces should touch the cost; negative: nothing is expected,
        the pieces then join the loads at which sizes are full.
    most : array, shape (n_arcs,)
        Largest load of each arc; arcs that carry nothing get infinite pieces.
    least : float
        Smallest load an arc in use carries.

    Returns
    -------
    tuple of arrays, shape (n_arcs, PIECES)
        Fixed parts (infinite: no such piece) and slopes.
    """
    n = len(expected)
    fixed = np.full((n, PIECES), np.inf)
    slope = np.zeros((n, PIECES))
    for a in range(n):
        if most[a] <= 0.0 or most[a] < least:
            continue
        corners = _corners(s, a >> 1, least, most[a])
        at = min(max(expected[a], least), most[a])
        if expected[a] < 0.0 or at <= 0.0:
            _chain(corners[0], corners[1], fixed[a], slope[a])
        else:
            _touch(s, a >> 1, at, corners, fixed[a], slope[a])
    return fixed, slope


def excess(s: Sized, pieces: tuple[Floats, Floats], arc: int, loads: Floats) -> float:
    """How far the pieces of an arc rise above its cost at any of `loads` (0 if they never do)."""
    charged = np.min(pieces[0][arc][None, :] + pieces[1][arc][None, :] * loads[:, None], axis=1)
    cost = np.array([link_cost(s, arc >> 1, float(load)) for load in loads])
    return float(np.maximum(charged - cost, 0.0).max(initial=0.0))
