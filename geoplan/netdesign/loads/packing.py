"""Bound of networks with sizes in which no demand is split: prices, and knapsacks per column.

Every demand has a price at every node. What a demand's price rises along an arc is what it
pays for that arc; a size of it pays if the demands that fit into it, whole, pay more than it
costs. Per node the best such column is built. Any prices give a bound, which
is stronger than that of `volume`: there, a demand may use a size in part. The prices of a
`Lagrangian` that has come to rest are the start.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoplan.netdesign.graph import FROM, NEVER, Floats, Ints, heap_pop, heap_push, kernel
from geoplan.netdesign.loads.knapsack import Items, knapsack
from geoplan.netdesign.loads.lagrange import Lagrangian
from geoplan.netdesign.loads.slots import Slots
from geoplan.netdesign.loads.volume import Problem

#: A knapsack is solved to this share of the cost of its size, or of its value if that is more.
EXACT = 1e-4
#: Number of demands in a size above which one may be split.
WHOLE = 60
#: Step factor a call starts with, at least, and weight of the newest solution: at first, at least.
RESTART = 0.01
WEIGHTS = 0.03, 0.005


class Packed(NamedTuple):
    """Columns built for given prices.

    Attributes
    ----------
    built : array of int, shape (n_nodes,)
        Column into each node, or -1.
    held : array of int, shape (n_nodes,)
        Demands in it: the first entries of a row of the next two.
    item : array of int, shape (n_nodes, n_demands)
    share : array, shape (n_nodes, n_demands)
    reduced : array, shape (n_columns,)
        A lower bound of the cost of building a column, less what its demands pay.
    """

    built: Ints
    held: Ints
    item: Ints
    share: Floats
    reduced: Floats


class Run(NamedTuple):
    """Prices and averages that `raise_prices` changes.

    Attributes
    ----------
    price : array, shape (n_nodes, n_demands)
    average : array, shape (n_nodes, n_demands)
        Of what arrives at a node for a demand less what goes on.
    y, edge : array, shape (n_columns,)
        Average of the columns built; value of a unit of a column's capacity, for `pack`.
    """

    price: Floats
    average: Floats
    y: Floats
    edge: Floats


class Offers(NamedTuple):
    """What demands pay for the arcs into a node, a row each.

    Attributes
    ----------
    arc, size : array of int
        The arc, and how many demands pay for it.
    floor, total, most : array
        Least reduced cost its columns can have; what is paid in all, and most a unit of load.
    demand, load, value : array
        The demands, their loads, and what each pays.
    """

    arc: Ints
    size: Ints
    floor: Floats
    total: Floats
    most: Floats
    demand: Ints
    load: Floats
    value: Floats


@kernel
def _spread(p: Problem, cost: Floats, dist: Floats) -> None:
    """Lower `dist` to the least cost from the root to each node over arcs of given cost."""
    s = p.s
    room = len(s.net.head) + 2
    keys = np.empty(room)
    items = np.empty(room, np.int64)
    dist[s.root] = 0.0
    size = heap_push(keys, items, FROM, 0.0, s.root)
    while size > 0:
        key = keys[0]
        i = items[0]
        size = heap_pop(keys, items, size)
        if key > dist[i]:
            continue
        for k in range(s.net.start[i], s.net.start[i + 1]):
            a = s.net.leaving[k]
            j = s.net.head[a]
            if key + cost[a] < dist[j]:
                dist[j] = key + cost[a]
                size = heap_push(keys, items, size, dist[j], j)


@kernel
def prices(p: Problem, slots: Slots, slope: Floats, toll: float) -> Floats:
    """Price of each demand at each node, shape (n_nodes, n_demands): its cheapest path there."""
    s = p.s
    price = np.empty((len(s.load), len(p.demands)))
    charge = np.zeros(len(slope))
    cost = np.empty(len(s.net.head))
    dist = np.empty(len(s.load))
    for d in range(len(p.demands)):
        charge[:] = 0.0
        for k in range(slots.size[d]):
            charge[slots.column[d, k]] = slots.best[d, k]
        cost[:] = np.inf
        for q in range(len(slope)):
            if s.capacity[p.size[q]] * (1.0 + 1e-9) >= p.load[d]:
                way = slope[q] * p.load[d] + charge[q]
                if s.net.head[p.arc[q] ^ 1] == s.root:
                    way += toll * p.load[d]
                cost[p.arc[q]] = min(cost[p.arc[q]], way)
        dist[:] = p.prize[d]
        _spread(p, cost, dist)
        price[:, d] = dist
    return price


@kernel
def _offers(p: Problem, price: Floats, a: int, o: Offers, row: int) -> None:
    """Write what each demand pays for an arc."""
    j = p.s.net.head[a]
    i = p.s.net.head[a ^ 1]
    size = 0
    total = 0.0
    most = 0.0
    for d in range(len(p.load)):
        more = price[j, d] - price[i, d]
        if more > 0.0:
            o.demand[row, size] = d
            o.load[row, size] = p.load[d]
            o.value[row, size] = more
            total += more
            most = max(most, more / p.load[d])
            size += 1
    o.arc[row] = a
    o.size[row] = size
    o.total[row] = total
    o.most[row] = most


@kernel
def _floor(p: Problem, o: Offers, row: int, edge: Floats, r: Packed) -> float:
    """Lower bounds of the reduced costs of an arc's columns, nothing sorted; the least of them."""
    a = o.arc[row]
    least = np.inf
    for q in range(p.start[a], p.start[a + 1]):
        k = p.size[q]
        capacity = min(p.s.capacity[k], p.most[a]) * (1.0 + 1e-9)
        value = min(o.total[row], capacity * o.most[row])
        if value > p.s.fixed[k]:
            rate = p.s.slope[k] + edge[q]
            above = edge[q] * capacity
            for i in range(o.size[row]):
                more = o.value[row, i] - rate * o.load[row, i]
                if more > 0.0 and o.load[row, i] <= capacity:
                    above += more
            value = min(value, above)
        r.reduced[q] = p.s.fixed[k] - value
        least = min(least, r.reduced[q])
    return least


@kernel
def _collect(
    o: Offers, row: int, t: Items, order: Ints, capacity: float, slope: float
) -> tuple[int, int, float, float, float]:
    """Demands that pay for a size: how many, how many fit, value, share and value a unit of the one split."""
    count = 0
    whole = -1
    left = capacity
    value = 0.0
    share = 1.0
    edge = 0.0
    for i in order:
        load = o.load[row, i]
        more = o.value[row, i] - slope * load
        if more <= 0.0:
            break
        if load > capacity:
            continue
        t.demand[count] = o.demand[row, i]
        t.load[count] = load
        t.value[count] = more
        if whole < 0:
            if load > left:
                whole = count
                share = left / load
                edge = more / load
                value += share * more
            else:
                left -= load
                value += more
        count += 1
    return count, (whole if whole >= 0 else count), value, share, edge


@kernel
def _build(t: Items, r: Packed, j: int, count: int, whole: int, share: float) -> None:
    """Write the demands of a column built into `j`: those taken (`whole` < 0), or the first ones."""
    size = 0
    for k in range(count):
        if k <= whole or (whole < 0 and t.taken[k]):
            r.item[j, size] = t.demand[k]
            r.share[j, size] = share if k == whole else 1.0
            size += 1
    r.held[j] = size


@kernel
def _price_arc(  # noqa: PLR0917 - an arc and its demands
    p: Problem, o: Offers, row: int, t: Items, edge: Floats, r: Packed, best: float
) -> float:
    """Reduced costs of an arc's columns that may be below `best`; the least, which is kept."""
    size = o.size[row]
    order = np.argsort(-o.value[row, :size] / o.load[row, :size])
    a = o.arc[row]
    j = p.s.net.head[a]
    for q in range(p.start[a], p.start[a + 1]):
        k = p.size[q]
        if r.reduced[q] >= best:
            continue
        capacity = min(p.s.capacity[k], p.most[a]) * (1.0 + 1e-9)
        count, whole, value, share, edge[q] = _collect(o, row, t, order, capacity, p.s.slope[k])
        r.reduced[q] = p.s.fixed[k] - value
        if r.reduced[q] >= best:
            continue
        split = whole < count
        if split and whole < WHOLE:
            exact = knapsack(t, count, capacity, EXACT * max(p.s.fixed[k], value))
            if exact >= 0.0:
                r.reduced[q] = max(r.reduced[q], p.s.fixed[k] - exact)
                whole = -1
        if r.reduced[q] < best:
            best = r.reduced[q]
            r.built[j] = q
            _build(t, r, j, count, whole, share)
    return best


@kernel
def _room(p: Problem) -> tuple[Offers, Items]:
    """Working arrays of `pack`."""
    count = len(p.load)
    rows = 0
    for j in range(len(p.s.load)):
        rows = max(rows, p.s.net.start[j + 1] - p.s.net.start[j])
    shape = (rows, count)
    o = Offers(
        np.empty(rows, np.int64),
        np.empty(rows, np.int64),
        np.empty(rows),
        np.empty(rows),
        np.empty(rows),
        np.empty(shape, np.int64),
        np.empty(shape),
        np.empty(shape),
    )
    t = Items(
        np.empty(count),
        np.empty(count),
        np.empty(count, np.int64),
        np.empty(count, np.bool_),
        np.empty(count, np.bool_),
    )
    return o, t


@kernel
def pack(p: Problem, price: Floats, edge: Floats, r: Packed) -> float:
    """Bound of given prices; `r` is written.

    Parameters
    ----------
    p : Problem
    price : array, shape (n_nodes, n_demands)
        Zero at the root.
    edge : array, shape (n_columns,)
        What a unit of each column's capacity is thought to be worth: any numbers will do, good ones
        spare work; they are improved.
    r : Packed
    """
    s = p.s
    o, t = _room(p)
    bound = 0.0
    for d in range(len(p.load)):
        bound += min(p.prize[d], price[p.demands[d], d])
    for j in range(len(s.load)):
        r.built[j] = -1
        r.held[j] = 0
        rows = 0
        for k in range(s.net.start[j], s.net.start[j + 1]):
            a = s.net.leaving[k] ^ 1
            if j != s.root and p.start[a] < p.start[a + 1]:
                _offers(p, price, a, o, rows)
                o.floor[rows] = _floor(p, o, rows, edge, r)
                rows += 1
        best = 0.0
        while rows > 0:
            row = int(np.argmin(o.floor[:rows]))
            if o.floor[row] >= best:
                break
            best = _price_arc(p, o, row, t, edge, r, best)
            o.floor[row] = np.inf
        bound += best
    return bound


@kernel
def _blend(p: Problem, r: Packed, price: Floats, average: Floats, y: Floats, weight: float) -> None:
    """Move the average imbalance of every demand at every node, and `y`, towards a solution's."""
    average *= 1.0 - weight
    y *= 1.0 - weight
    for d in range(len(p.demands)):
        if price[p.demands[d], d] < p.prize[d]:
            average[p.demands[d], d] += weight
    for j in range(len(r.built)):
        if r.built[j] >= 0:
            y[r.built[j]] += weight
            i = p.s.net.head[p.arc[r.built[j]] ^ 1]
            for k in range(r.held[j]):
                d = r.item[j, k]
                average[j, d] -= weight * r.share[j, k]
                average[i, d] += weight * r.share[j, k]
    average[p.s.root] = 0.0


@kernel
def _move(p: Problem, price: Floats, average: Floats, step: float, trial: Floats) -> None:
    """Write the prices to try after a step along the average imbalance."""
    norm = 0.0
    for i in range(len(price)):
        for d in range(len(p.prize)):
            norm += average[i, d] * average[i, d]
    length = step / max(norm, 1e-12)
    for i in range(len(price)):
        for d in range(len(p.prize)):
            trial[i, d] = min(max(price[i, d] + length * average[i, d], 0.0), p.prize[d])


@kernel
def raise_prices(
    p: Problem, run: Run, target: float, turns: int, factor: float, weight: float
) -> tuple[float, float, Packed]:
    """Steps of the volume algorithm; the run is changed. Bound, step factor, solution."""
    price = run.price
    n, count = price.shape
    r = Packed(
        np.empty(n, np.int64),
        np.empty(n, np.int64),
        np.empty((n, count), np.int64),
        np.empty((n, count)),
        np.zeros(len(p.arc)),
    )
    bound = pack(p, price, run.edge, r)
    if not run.average.any():
        _blend(p, r, price, run.average, run.y, 1.0)
    trial = price.copy()
    failed = 0
    for _ in range(turns):
        _move(p, price, run.average, factor * max(target - bound, 1e-9 * abs(target)), trial)
        value = pack(p, trial, run.edge, r)
        _blend(p, r, trial, run.average, run.y, weight)
        if value > bound:
            bound = value
            price[:] = trial
            factor = min(factor * 1.1, 2.0)
            failed = 0
        else:
            failed += 1
            if failed >= 20:
                factor = max(factor * 0.66, 1e-5)
                failed = 0
    bound = pack(p, price, run.edge, r)
    return bound, factor, r


class Packing:
    """Prices and their bound, started from a `Lagrangian`.

    Parameters
    ----------
    lagrangian : Lagrangian
        Restricted to what is left; every demand has a load.

    Attributes
    ----------
    bound : float
        Best lower bound so far, prizes of demands already given up included.
    """

    def __init__(self, lagrangian: Lagrangian) -> None:
        self.lagrangian, self.problem = lagrangian, lagrangian.problem
        v = lagrangian.volume
        price = prices(self.problem, v.slots, v.slope, v.relaxed.toll)
        self.run = Run(price, np.zeros(price.shape), v.y.copy(), np.zeros(len(v.y)))
        self.factor, self.weight = 0.03, WEIGHTS[0]
        self.bound = lagrangian.bound
        self.last = -NEVER
        self.packed: Packed | None = None

    def climb(self, target: float, turns: int) -> float:
        """Improve the bound; returns it."""
        p, lost = self.problem, self.lagrangian.lost
        value, self.factor, self.packed = raise_prices(
            p, self.run, target - lost, turns, max(self.factor, RESTART), self.weight
        )
        before, self.last = self.last, float(value) + lost - 1e-9 * self.lagrangian.scale
        self.bound = max(self.bound, self.last)
        if self.last - before < 0.02 * (target - self.last):
            self.weight = max(0.5 * self.weight, WEIGHTS[1])
        return self.bound

    def fix(self, limit: float) -> int:
        """Tell the `Bounder` what no design cheaper than `limit` uses; number of things fixed."""
        room = limit - self.last
        if self.packed is None or room <= 0.0:
            return 0
        p = self.problem
        return self.lagrangian.exclude(
            self.packed.reduced, self.run.price[p.demands, np.arange(len(p.load))], room
        )

    def restrict(self) -> None:
        """Go on with only the arcs and demands that are left."""
        old, run = self.problem, self.run
        self.lagrangian.restrict()
        self.problem = self.lagrangian.problem
        rows = np.flatnonzero(np.isin(old.demands, self.problem.demands))
        count = len(self.lagrangian.known.instance.fixed)
        columns = np.isin(old.arc * count + old.size, self.problem.arc * count + self.problem.size)
        price = np.ascontiguousarray(np.minimum(run.price[:, rows], self.problem.prize))
        self.run = Run(price, np.ascontiguousarray(run.average[:, rows]), run.y[columns], run.edge[columns])
        self.packed = None

    def guide(self) -> tuple[Floats, Floats, Floats]:
        """That of the Lagrangian, cheap where whole demands are packed."""
        return self.lagrangian.guide(self.run.y)
