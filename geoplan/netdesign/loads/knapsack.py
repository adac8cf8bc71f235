"""The demands of most value that fit into a size, whole."""

from __future__ import annotations

from typing import NamedTuple

from geoplan.netdesign.graph import Bools, Floats, Ints, kernel

#: Steps of a search.
STEPS = 3000


class Items(NamedTuple):
    """What demands pay for a column, most a unit first: value, load, demand, whether taken; working."""

    value: Floats
    load: Floats
    demand: Ints
    taken: Bools
    now: Bools


@kernel
def knapsack(t: Items, count: int, capacity: float, exact: float) -> float:
    """An upper bound, to `exact`, of the value of whole demands that fit; -1 if that takes too long.

    Parameters
    ----------
    t : Items
        Most value a unit first; `taken` is written.
    count : int
    capacity, exact : float
    """
    best = 0.0
    value = 0.0
    left = capacity
    at = 0
    t.now[:count] = False
    t.taken[:count] = False
    for _ in range(STEPS):
        room = value
        rest = left
        k = at
        while k < count and t.load[k] <= rest:
            room += t.value[k]
            rest -= t.load[k]
            k += 1
        if k < count:
            room += t.value[k] * rest / t.load[k]
        if room > best + exact:
            while at < count and t.load[at] <= left:
                t.now[at] = True
                value += t.value[at]
                left -= t.load[at]
                at += 1
            if at < count:
                at += 1
                continue
            if value > best:
                best = value
                t.taken[:count] = t.now[:count]
        k = at - 1
        while k >= 0 and not t.now[k]:
            k -= 1
        if k < 0:
            return best + exact
        t.now[k] = False
        value -= t.value[k]
        left += t.load[k]
        at = k + 1
    return -1.0
