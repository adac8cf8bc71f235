"""Lagrangian bound of networks with sizes, improved by the volume algorithm.

Each demand has its own path; a path over an arc needs the arc to be built in
one of its sizes. An arc in one size is a *column*. Relaxed are that need
(multipliers `charge`, per demand and column) and the capacity of the size
(`slope`, per column: a load pays it, the size gets it back for its capacity,
so that a column costs an affine piece of its load). What is left
falls apart: a cheapest path per demand, and per node the best arc into it, if
any is worth building. Any multipliers give a bound; those of a dual ascent are
the start.

What the sources can supply together stays in: of the demands whose paths cost
less than their prizes, those that gain most a unit are served; what the last of
them gains is the `toll`, the price of a unit of supply. What one source supplies
is the capacity of its arc, and its multiplier comes on top of the toll.

References
----------
.. [1] F. Barahona, R. Anbil (2000), The volume algorithm: producing primal solutions with a
   subgradient method, Mathematical Programming 87, 385-399.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoplan.netdesign.graph import FROM, Floats, Ints, distances, heap_pop, heap_push, kernel
from geoplan.netdesign.loads.forest import Sized
from geoplan.netdesign.loads.slots import Numbers, Singles, Slots, forget_idle, wider

#: Step factor a call starts with, at least.
RESTART = 0.03


class Problem(NamedTuple):
    """What the Lagrangian is made of.

    Attributes
    ----------
    s : Sized
    demands : array of int
    load, prize : array, shape (n_demands,)
    most : array, shape (n_arcs,)
        Largest load of each arc; 0: out.
    start : array of int, shape (n_arcs + 1,)
        Where an arc's columns begin.
    arc, size : array of int, shape (n_columns,)
        Arc and size of each column.
    least : float
        Smallest load an arc in use carries.
    supply : float
        What all sources can supply together; infinite if one is unlimited.
    """

    s: Sized
    demands: Ints
    load: Floats
    prize: Floats
    most: Floats
    start: Ints
    arc: Ints
    size: Ints
    least: float
    supply: float


class Relaxed(NamedTuple):
    """Solution of the relaxed problem for given multipliers.

    Attributes
    ----------
    bound : float
    path : array, shape (n_demands, n_nodes)
        Columns on each demand's path, -1 after the last.
    price : array, shape (n_demands,)
        Length of each demand's cheapest path, toll included.
    share : array, shape (n_demands,)
        Share of each demand that is served.
    built : array, shape (n_nodes,)
        Column built into each node, or -1.
    reduced : array, shape (n_columns,)
        Cost of building a column, charges taken off.
    corner : array, shape (n_columns,)
        Load at which the column's piece touches its cost.
    toll : float
        Price of a unit of supply.
    """

    bound: float
    path: Numbers
    price: Floats
    share: Floats
    built: Ints
    reduced: Floats
    corner: Floats
    toll: float


class Paths(NamedTuple):
    """What the path searches share: columns of each arc, least slope first, and working arrays."""

    order: Ints
    ahead: Floats
    dist: Floats
    came: Ints
    keys: Floats
    items: Ints


@kernel
def fixed_parts(p: Problem, slope: Floats) -> tuple[Floats, Floats]:
    """Fixed part of each column for its slope, and the load where it touches the cost."""
    s = p.s
    fixed = np.empty(len(slope))
    corner = np.empty(len(slope))
    for q in range(len(slope)):
        k = p.size[q]
        tilt = s.slope[k] - slope[q]
        at = min(s.capacity[k], p.most[p.arc[q]]) if tilt < 0.0 else p.least
        fixed[q] = s.fixed[k] + tilt * at
        corner[q] = at
    return fixed, corner


@kernel
def _paths(p: Problem, slope: Floats) -> Paths:
    """Working arrays of the path searches; `ahead`: least sum of slopes from the root to each node."""
    s = p.s
    order = np.empty(len(slope), np.int64)
    cost = np.full(len(s.net.head), np.inf)
    for a in range(len(p.start) - 1):
        first = p.start[a]
        for q in range(first, p.start[a + 1]):
            k = q
            while k > first and slope[order[k - 1]] > slope[q]:
                order[k] = order[k - 1]
                k -= 1
            order[k] = q
        if first < p.start[a + 1]:
            cost[a] = slope[order[first]]
    at_root = np.full(len(s.load), np.inf)
    at_root[s.root] = 0.0
    far, came = distances(s.net, cost, at_root, FROM)
    room = len(s.net.head) + 2
    ahead = np.minimum(far, 1e300)
    return Paths(order, ahead, np.empty(len(s.load)), came, np.empty(room), np.empty(room, np.int64))


@kernel
def _cheapest_path(  # noqa: C901, PLR0912, PLR0915, PLR0917 - a call per arc costs more than its work
    p: Problem, t: Paths, d: int, charge: Singles, pos: Numbers, slope: Floats, path: Numbers
) -> float:
    """Length of a demand's cheapest path if below its prize; its columns are written to `path`.

    The search runs from the demand to the root: what hangs elsewhere is never entered, and
    `ahead` tells it where to look first.
    """
    s = p.s
    goal = p.demands[d]
    load = p.load[d]
    t.dist[:] = np.inf
    size = heap_push(t.keys, t.items, 0, load * t.ahead[goal], goal)
    t.dist[goal] = 0.0
    length = np.inf
    while size > 0:
        key = t.keys[0]
        i = t.items[0]
        size = heap_pop(t.keys, t.items, size)
        here = t.dist[i]
        if key > here + load * t.ahead[i] + 1e-9 * key:
            continue
        if i == s.root or key >= p.prize[d]:
            length = key
            break
        for k in range(s.net.start[i], s.net.start[i + 1]):
            a = s.net.leaving[k] ^ 1
            j = s.net.head[a ^ 1]
            room = t.dist[j] - here
            if p.start[a] == p.start[a + 1] or room <= 0.0:
                continue
            best = -1
            for o in range(p.start[a], p.start[a + 1]):
                q = t.order[o]
                cost = slope[q] * load
                if cost >= room:
                    break
                if s.capacity[p.size[q]] * (1.0 + 1e-9) < load:
                    continue
                free = pos[q] < 0 or charge[pos[q]] <= 0.0
                if not free:
                    cost += charge[pos[q]]
                if cost < room:
                    room = cost
                    best = q
                if free:
                    break
            if best >= 0:
                t.dist[j] = here + room
                t.came[j] = best
                size = heap_push(t.keys, t.items, size, t.dist[j] + load * t.ahead[j], j)
    path[0] = -1
    if t.dist[s.root] < p.prize[d] and length < np.inf and length >= t.dist[s.root]:
        length = t.dist[s.root]
        depth = 0
        i = s.root
        while i != goal:
            path[depth] = t.came[i]
            depth += 1
            i = s.net.head[p.arc[t.came[i]]]
        path[depth] = -1
    return length


@kernel
def _serve(p: Problem, price: Floats) -> tuple[Floats, float]:
    """Share of each demand served within the supply, those that gain most a unit first, and the toll."""
    count = len(p.load)
    share = np.zeros(count)
    worth = np.zeros(count)
    total = 0.0
    for d in range(count):
        gain = p.prize[d] - price[d]
        if gain > 0.0:
            worth[d] = -gain / p.load[d] if p.load[d] > 0.0 else -np.inf
            share[d] = 1.0
            total += p.load[d]
    toll = 0.0
    left = p.supply
    if total > left:
        for d in np.argsort(worth):
            if toll > 0.0 or worth[d] >= 0.0:
                share[d] = 0.0
            elif p.load[d] > left:
                toll = -worth[d]
                share[d] = left / p.load[d]
            else:
                left -= p.load[d]
    return share, toll


@kernel
def relax(p: Problem, slots: Slots, charge: Singles, slope: Floats) -> Relaxed:
    """Solve the relaxed problem for charges in slots."""
    s = p.s
    n = len(s.load)
    count = len(p.demands)
    fixed, corner = fixed_parts(p, slope)
    reduced = fixed.copy()
    t = _paths(p, slope)
    path = np.empty((count, n + 1), np.int32)
    price = np.empty(count)
    pos = np.full(len(slope), -1, np.int32)
    for d in range(count):
        for k in range(slots.size[d]):
            pos[slots.column[d, k]] = k
            reduced[slots.column[d, k]] -= charge[d, k]
        price[d] = _cheapest_path(p, t, d, charge[d], pos, slope, path[d])
        for k in range(slots.size[d]):
            pos[slots.column[d, k]] = -1
    share, toll = _serve(p, price)
    bound = -toll * p.supply if toll > 0.0 else 0.0
    for d in range(count):
        price[d] += toll * p.load[d]
        bound += min(price[d], p.prize[d])
    built = np.full(n, -1, np.int64)
    gain = np.zeros(n)
    for q in range(len(fixed)):
        j = s.net.head[p.arc[q]]
        if reduced[q] < gain[j]:
            gain[j] = reduced[q]
            built[j] = q
    for j in range(n):
        bound += gain[j]
    return Relaxed(bound, path, price, share, built, reduced, corner, toll)


@kernel
def _with_room(slots: Slots, path: Numbers) -> Slots:
    """Slots with room for all columns of the paths."""
    need = 0
    for d in range(len(slots.size)):
        k = 0
        while path[d, k] >= 0:
            k += 1
        need = max(need, slots.size[d] + k)
    return wider(slots, need + need // 4) if need > slots.column.shape[1] else slots


@kernel
def _blend(p: Problem, r: Relaxed, slots: Slots, y: Floats, f: Floats, weight: float) -> Slots:
    """Move the averages of paths, columns built and loads (less capacities) towards a solution."""
    slots = _with_room(slots, r.path)
    keep = np.float32(1.0 - weight)
    y *= 1.0 - weight
    f *= 1.0 - weight
    pos = np.full(len(y), -1, np.int32)
    for d in range(len(p.demands)):
        had = slots.size[d]
        for k in range(had):
            slots.x[d, k] *= keep
            pos[slots.column[d, k]] = k
        k = 0
        while r.share[d] > 0.0 and r.path[d, k] >= 0:
            q = r.path[d, k]
            slot = pos[q]
            if slot < 0:
                slot = slots.size[d]
                slots.size[d] += 1
                slots.column[d, slot] = q
                slots.best[d, slot] = 0.0
                slots.trial[d, slot] = 0.0
                slots.x[d, slot] = 0.0
            slots.x[d, slot] += np.float32(weight * r.share[d])
            f[q] += weight * r.share[d] * p.load[d]
            k += 1
        for k in range(had):
            pos[slots.column[d, k]] = -1
    for j in range(len(r.built)):
        if r.built[j] >= 0:
            y[r.built[j]] += weight
            f[r.built[j]] -= weight * r.corner[r.built[j]]
    return slots


@kernel
def _move(slots: Slots, slope: Floats, y: Floats, f: Floats, unit: Floats, step: float) -> Floats:
    """Write the charges to try after a step along the averages' violation; the slopes to try."""
    norm = 0.0
    for d in range(len(slots.size)):
        for k in range(slots.size[d]):
            g = slots.x[d, k] - y[slots.column[d, k]]
            if g > 0.0 or slots.best[d, k] > 0.0:
                norm += g * g
    for q in range(len(y)):
        g = f[q] / unit[q]
        if g > 0.0 or slope[q] > 0.0:
            norm += g * g
    length = step / max(norm, 1e-12)
    for d in range(len(slots.size)):
        for k in range(slots.size[d]):
            g = slots.x[d, k] - y[slots.column[d, k]]
            slots.trial[d, k] = max(slots.best[d, k] + np.float32(length * g), np.float32(0.0))
    new = slope.copy()
    for q in range(len(y)):
        new[q] = max(slope[q] + length * f[q] / unit[q] / unit[q], 0.0)
    return new


class Volume(NamedTuple):
    """State of a run: multipliers (in slots, and slopes), the best solution, averages, step factor."""

    slots: Slots
    slope: Floats
    relaxed: Relaxed
    factor: float
    y: Floats
    f: Floats


@kernel
def begin(p: Problem, slots: Slots, slope: Floats) -> Volume:
    """State before the first step."""
    r = relax(p, slots, slots.best, slope)
    y = np.zeros(len(slope))
    f = np.zeros(len(slope))
    slots = _blend(p, r, slots, y, f, 1.0)
    return Volume(slots, slope, r, 0.1, y, f)


@kernel
def climb(p: Problem, v: Volume, unit: Floats, target: float, turns: int, weight: float) -> Volume:
    """Steps of the volume algorithm towards a bound of `target`.

    Parameters
    ----------
    p : Problem
    v : Volume
        Where the last call, or `begin`, ended; its slots and averages are changed.
    unit : array, shape (n_columns,)
        Typical load of each column, the scale of its slope; infinite: the slope stays.
    target : float
        A value no bound exceeds.
    turns : int
    weight : float
        Weight of the newest solution in the averages.
    """
    slots = v.slots
    slope = v.slope
    relaxed = v.relaxed
    factor = max(v.factor, RESTART)
    failed = 0
    forget_idle(slots)
    for _ in range(turns):
        room = max(target - relaxed.bound, 1e-9 * abs(target))
        new = _move(slots, slope, v.y, v.f, unit, factor * room)
        r = relax(p, slots, slots.trial, new)
        slots = _blend(p, r, slots, v.y, v.f, weight)
        if r.bound > relaxed.bound:
            slots = Slots(slots.column, slots.size, slots.trial, slots.best, slots.x)
            slope = new
            relaxed = r
            factor = min(factor * 1.1, 2.0)
            failed = 0
        else:
            failed += 1
            if failed >= 20:
                factor = max(factor * 0.66, 1e-4)
                failed = 0
    return Volume(slots, slope, relaxed, factor, v.y, v.f)


@kernel
def slots_of(p: Problem, price: Floats, slope: Floats) -> Slots:
    """Charges a dual ascent's prices amount to: what a price rises along an arc beyond its slope."""
    s = p.s
    count = np.zeros(len(p.demands), np.int64)
    row = np.zeros(len(slope), np.float32)
    width = 8
    while True:
        shape = (len(p.demands), width)
        column = np.zeros(shape, np.int32)
        charge = np.zeros(shape, np.float32)
        widest = 0
        for d in range(len(p.demands)):
            k = 0
            for q in range(len(slope)):
                a = p.arc[q]
                ahead = price[d, s.net.head[a]] - price[d, s.net.head[a ^ 1]]
                row[q] = max(ahead - slope[q] * p.load[d], 0.0)
                if row[q] > 0.0:
                    if k < width:
                        column[d, k] = q
                        charge[d, k] = row[q]
                    k += 1
            count[d] = k
            widest = max(widest, k)
        if widest <= width:
            return Slots(column, count, charge, charge.copy(), np.zeros(shape, np.float32))
        width = widest
