"""The Lagrangian bound on what is left of a problem: start, climb, fix, guide."""

from __future__ import annotations

import numpy as np

from geoplan.netdesign.graph import NEVER, Floats, Ints
from geoplan.netdesign.instance import TOLERANCE
from geoplan.netdesign.loads.bounds import Bounder
from geoplan.netdesign.loads.forest import Forest
from geoplan.netdesign.loads.slots import kept_slots
from geoplan.netdesign.loads.volume import Problem, Volume, begin, climb, fixed_parts, relax, slots_of

#: Largest number of demands times columns.
ROOM = 200_000_000
#: Weight of the newest solution in the averages: at first, and at least.
WEIGHTS = 0.05, 0.005


class Lagrangian:
    """Volume algorithm on the arcs and demands a `Bounder` has left.

    Parameters
    ----------
    known : Bounder
    forest : Forest
        The best so far; its loads set the slopes.
    scale : float
        Its cost.

    Attributes
    ----------
    bound : float
        Best lower bound so far, prizes of demands already given up included.
    """

    def __init__(self, known: Bounder, forest: Forest, scale: float) -> None:
        self.known, self.scale = known, scale
        self.demands = known.demands()
        s = known.s
        load = known.instance.load[self.demands]
        prize = np.where(known.must, s.prize.max() + 1.0, s.prize)[self.demands]
        least = float(load.min()) if len(load) else 0.0
        start, arc, size = self._columns(least)
        supply = float(known.supply.sum()) * (1.0 + TOLERANCE)
        self.problem = Problem(s, self.demands, load, prize, known.most, start, arc, size, least, supply)
        self.lost = float(known.instance.prize[known.never].sum())
        pieces = known.pieces(known.expected(forest), known.multiplier)
        slope = self._slopes(pieces.fixed, pieces.slope)
        _, charges = known.ascent(pieces, scale, random=False)
        slots = slots_of(self.problem, charges.price, slope)
        self.unit = self._units()
        self.weight = WEIGHTS[0]
        self.out = np.zeros(len(arc), dtype=np.bool_)
        self.volume: Volume = begin(self.problem, slots, self._less_toll(slope))
        self.bound = self._value()

    def _units(self) -> Floats:
        """Scale of the slopes: that of a size is its capacity, where an arc has several sizes."""
        known, p = self.known, self.problem
        unit = np.full(len(p.arc), np.inf)
        several = np.diff(p.start)[p.arc] > 1
        unit[several] = np.minimum(known.instance.capacity[p.size], known.most[p.arc])[several]
        capped = known.source_arcs[np.isfinite(known.supply)]
        if np.isfinite(p.supply) and len(capped) == 1:
            return unit
        unit[np.isin(p.arc, capped)] = 10.0 * max(float(np.median(p.load)), 1e-12) if len(p.load) else 1.0
        return unit

    def _less_toll(self, slope: Floats) -> Floats:
        """Slopes without what the multipliers of all sources have in common: that is the toll's."""
        p = self.problem
        at = np.flatnonzero(np.isin(p.arc, self.known.source_arcs))
        rest = slope.copy()
        if np.isfinite(p.supply) and len(at):
            rest[at] -= (slope[at] - self.known.instance.slope[p.size[at]]).min()
        return rest

    def restrict(self) -> None:
        """Go on with only the arcs and demands that are left."""
        old, v = self.problem, self.volume
        demands = self.known.demands()
        rows = np.flatnonzero(np.isin(old.demands, demands))
        kept = (self.known.most[old.arc] > 0.0) & ~self.out
        columns = np.flatnonzero(kept)
        self.demands = old.demands[rows]
        start = np.searchsorted(old.arc[columns], np.arange(len(self.known.most) + 1)).astype(np.int64)
        prize = np.where(self.known.must, self.known.s.prize.max() + 1.0, self.known.s.prize)
        self.problem = old._replace(
            demands=self.demands,
            load=old.load[rows],
            prize=prize[self.demands],
            most=self.known.most,
            start=start,
            arc=old.arc[columns],
            size=old.size[columns],
        )
        self.lost = float(self.known.instance.prize[self.known.never].sum())
        number = np.where(kept, np.cumsum(kept) - 1, -1)
        slots = kept_slots(v.slots, rows, number)
        self.unit, self.out = self.unit[columns], self.out[columns]
        relaxed = relax(self.problem, slots, slots.best, v.slope[columns])
        self.volume = Volume(slots, v.slope[columns], relaxed, v.factor, v.y[columns], v.f[columns])
        self.bound = max(self.bound, self._value())

    def _value(self) -> float:
        return float(self.volume.relaxed.bound) + self.lost - 1e-9 * self.scale

    def _columns(self, least: float) -> tuple[Ints, Ints, Ints]:
        """Arc and size of every column some design can use."""
        inst, most = self.known.instance, self.known.most
        arcs: list[int] = []
        sizes: list[int] = []
        start = np.zeros(len(most) + 1, dtype=np.int64)
        for a in range(len(most)):
            link = a >> 1
            if most[a] > 0.0 and most[a] >= least:
                ample: list[int] = []
                for size in range(int(inst.start[link + 1]) - 1, int(inst.start[link]) - 1, -1):
                    dominated = any(
                        inst.fixed[k] <= inst.fixed[size] and inst.slope[k] <= inst.slope[size] for k in ample
                    )
                    if inst.capacity[size] >= least and not dominated:
                        arcs.append(a)
                        sizes.append(size)
                    if inst.capacity[size] >= most[a]:
                        ample.append(size)
            start[a + 1] = len(arcs)
        return start, np.array(arcs, dtype=np.int64), np.array(sizes, dtype=np.int64)

    def _slopes(self, fixed: Floats, slope: Floats) -> Floats:
        """Slope of each column: of the piece that is lowest where its size is full."""
        inst, p = self.known.instance, self.problem
        at = np.minimum(inst.capacity[p.size], p.most[p.arc])
        lowest = np.argmin(fixed[p.arc] + slope[p.arc] * at[:, None], axis=1)
        return slope[p.arc, lowest]

    def climb(self, target: float, turns: int) -> float:
        """Improve the bound; returns it."""
        before = self.bound
        aim = target - self.lost
        self.volume = climb(self.problem, self.volume, self.unit, aim, turns, self.weight)
        self.bound = max(self.bound, self._value())
        self.known.bound = max(self.known.bound, self.bound)
        if self.bound - before < 0.03 * (target - self.bound):
            self.weight = max(0.5 * self.weight, WEIGHTS[1])
        return self.bound

    def fix(self, limit: float) -> int:
        """Tell the `Bounder` what no design cheaper than `limit` uses; number of things fixed."""
        relaxed = self.volume.relaxed
        room = limit - self._value()
        return self.exclude(relaxed.reduced, relaxed.price, room) if room > 0.0 else 0

    def exclude(self, reduced: Floats, price: Floats, room: float) -> int:
        """Fix what costs more than `room` beyond a relaxed solution; number of things fixed.

        Parameters
        ----------
        reduced : array, shape (n_columns,)
            Cost of building a column instead of none.
        price : array, shape (n_demands,)
            Cost of serving a demand.
        room : float
        """
        known, p = self.known, self.problem
        head = known.s.net.head[p.arc]
        gain = np.zeros(known.instance.n_nodes)
        np.minimum.at(gain, head, reduced)
        before = int(self.out.sum())
        self.out |= reduced - gain[head] > room
        out = np.bincount(p.arc, weights=~self.out, minlength=len(known.most)) == 0.0
        out &= known.most > 0.0
        known.most[out] = 0.0
        prize = np.minimum(known.s.prize[self.demands], p.prize)
        price = np.minimum(price, 1e300)
        inn = (prize - price > room) & ~known.must[self.demands]
        away = (price - prize > room) & ~known.must[self.demands]
        known.must[self.demands[inn]] = True
        known.never[self.demands[away]] = True
        if out.any() or away.any():
            known.shrink()
        return int(self.out.sum() - before + inn.sum() + away.sum())

    def guide(self, y: Floats | None = None) -> tuple[Floats, Floats, Floats]:
        """Fixed cost and slope of each arc, cheap where the relaxation builds; prices of the sources.

        `y`, shape (n_columns,), is how often each column is built; the Lagrangian's own average by default.
        """
        p = self.problem
        n = len(self.known.most)
        built = np.minimum(np.maximum(self.volume.y if y is None else y, 0.0), 1.0)
        share = np.zeros(n)
        np.add.at(share, p.arc, built)
        fixed, _ = fixed_parts(p, self.volume.slope)
        best = np.full(n, -1, dtype=np.int64)
        for q in np.lexsort((fixed, -built)):
            if best[p.arc[q]] < 0:
                best[p.arc[q]] = q
        cost = np.full(n, NEVER)
        slope = np.zeros(n)
        used = best >= 0
        cost[used] = np.maximum(fixed[best[used]], 0.0)
        slope[used] = self.volume.slope[best[used]]
        pair = np.maximum(share[0::2], share[1::2])
        arcs = self.known.source_arcs
        size = best[arcs]
        own = np.where(used[arcs], self.known.instance.slope[p.size[size]], 0.0)
        multiplier = np.where(used[arcs], np.maximum(slope[arcs] - own, 0.0), 0.0) + self.volume.relaxed.toll
        slope[arcs] = own
        return cost * (1.001 - np.repeat(np.minimum(pair, 1.0), 2)), slope, multiplier

    def row(self) -> tuple[Ints, Ints, Floats, Floats, Ints, Floats]:
        """Arcs, sizes, charges and slopes of the row the multipliers prove; demands and prices."""
        p, v = self.problem, self.volume
        slots = v.slots
        charged = np.zeros(len(p.arc))
        for d in range(len(self.demands)):
            np.add.at(charged, slots.column[d, : slots.size[d]], slots.best[d, : slots.size[d]])
        slope = v.slope + v.relaxed.toll * np.isin(p.arc, self.known.source_arcs)
        price = np.minimum(v.relaxed.price, p.prize)
        return p.arc, p.size, charged, slope, self.demands, price


def too_large(known: Bounder) -> bool:
    """Whether the multipliers of a problem would not fit."""
    inst = known.instance
    sizes = np.diff(inst.start)
    columns = int((np.repeat(sizes, 2) * (known.most > 0.0)).sum())
    return columns * len(known.demands()) > ROOM
