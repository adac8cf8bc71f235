"""Lower bounds of networks with loads, and what they fix."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoplan.netdesign.graph import FROM, NEVER, TO, Bools, Floats, Ints, distances
from geoplan.netdesign.instance import Instance
from geoplan.netdesign.loads.ascent import Charges, Wanted, ascend
from geoplan.netdesign.loads.bridges import largest_loads
from geoplan.netdesign.loads.forest import Forest, Sized
from geoplan.netdesign.loads.minorant import pieces_below


class Pieces(NamedTuple):
    """Affine pieces of every arc, and the constant of the capacity multipliers."""

    fixed: Floats
    slope: Floats
    constant: float


class Bounder:
    """Dual ascents on what is left of a problem, and the fixings that follow.

    Parameters
    ----------
    instance : Instance
        Rooted.
    s : Sized
        The same as the kernels read it.
    seed : int
        Of the tie-breaks.

    Attributes
    ----------
    bound : float
        Best lower bound so far.
    most : array, shape (n_arcs,)
        Largest load of each arc; 0: out.
    must, never : array of bool, shape (n_nodes,)
        Demands every better design serves, and demands none does.
    multiplier : array, shape (n_sources,)
        Price of a unit of each source's capacity.
    """

    def __init__(self, instance: Instance, s: Sized, seed: int) -> None:
        self.instance, self.s = instance, s
        self.rng = np.random.default_rng(seed)
        self.bound = 0.0
        self.must: Bools = np.isinf(instance.prize)
        self.never: Bools = instance.prize <= 0.0
        self.most = largest_loads(instance)
        self.weightless = bool(((instance.load <= 0.0) & (instance.prize > 0.0)).any())
        if self.weightless:
            reach = np.where(s.net.head == instance.root, 0.0, 1e-9 * (1.0 + float(instance.load.sum())))
            self.most = np.maximum(self.most, reach)
        links = np.arange(instance.n_links - instance.n_sources, instance.n_links)
        self.source_arcs = 2 * links
        self.supply = np.maximum.reduceat(instance.capacity, instance.start[:-1])[links]
        self.multiplier = np.zeros(instance.n_sources)
        self.last: Charges | None = None
        sizes = np.diff(instance.start)
        self.curved = bool((sizes > 1).any())
        own = slice(int(instance.start[instance.n_links - instance.n_sources]))
        self.bounded = bool(np.isfinite(instance.capacity[own]).any())

    def demands(self) -> Ints:
        """Demands that may be served."""
        return np.flatnonzero(~self.never & (np.arange(self.instance.n_nodes) != self.instance.root))

    def expected(self, forest: Forest) -> Floats:
        """Load to expect on each arc: that of the forest, or -1."""
        loads = np.full(len(self.s.net.head), -1.0)
        inside = np.flatnonzero(forest.into >= 0)
        loads[forest.into[inside]] = forest.flow[inside]
        return loads

    def loads_to_price(self, forest: Forest, guess: float) -> Floats:
        """Load to price each arc at: that of the forest, or `guess` typical demands."""
        loads = self.expected(forest)
        typical = float(np.median(self.instance.load[self.demands()]))
        return np.where(loads < 0.0, guess * typical, loads)

    def pieces(self, expected: Floats, multiplier: Floats) -> Pieces:
        """Pieces that touch the cost at the expected loads, capacities priced."""
        load = self.instance.load[self.demands()]
        least = float(load.min()) if len(load) else 0.0
        fixed, slope = pieces_below(self.s, expected, self.most, least)
        slope[self.source_arcs] += multiplier[:, None]
        finite = np.isfinite(self.supply)
        return Pieces(fixed, slope, -float((multiplier[finite] * self.supply[finite]).sum()))

    def ascent(self, pieces: Pieces, scale: float, *, random: bool = True) -> tuple[float, Charges]:
        """One dual ascent; the bound it gives on the whole problem."""
        demands = self.demands()
        prize = np.where(self.must, self.s.prize.max() + 1.0, self.s.prize)[demands]
        tie = self.rng.random(len(demands)) if random else np.zeros(len(demands))
        charges = ascend(
            self.s.net,
            pieces.fixed,
            pieces.slope,
            Wanted(self.instance.load[demands], prize, demands, tie),
            self.instance.root,
            1e-11 * scale,
        )
        lost = float(self.instance.prize[self.never].sum())
        bound = charges.bound + pieces.constant + lost
        return bound - 1e-9 * scale, charges

    def fix(self, pieces: Pieces, bound: float, charges: Charges, limit: float) -> int:
        """Take out what no design cheaper than `limit` uses; number of arcs and demands fixed."""
        del pieces
        self.bound = max(self.bound, bound)
        room = limit - bound
        if room <= 0.0:
            return 0
        net, root = self.s.net, self.instance.root
        rest = charges.rest.min(axis=1)
        rest = np.where(self.most > 0.0, np.maximum(rest, 0.0), NEVER)
        first = np.full(self.instance.n_nodes, NEVER)
        first[root] = 0.0
        reach, _ = distances(net, rest, first, FROM)
        demands = self.demands()
        goal = np.full(self.instance.n_nodes, NEVER)
        goal[demands] = 0.0
        back, _ = distances(net, rest, goal, TO)
        tail = net.head[np.arange(len(net.head)) ^ 1]
        out = (reach[tail] + rest + back[net.head] > room) & (self.most > 0.0)
        self.most[out] = 0.0
        paid = charges.price[np.arange(len(demands)), demands]
        inn = (self.instance.prize[demands] - paid > room) & ~self.must[demands]
        away = (reach[demands] > room) & ~self.must[demands]
        self.must[demands[inn]] = True
        self.never[demands[away & ~inn]] = True
        count = int(out.sum() + inn.sum() + away.sum())
        if count:
            self.shrink()
        return count

    def shrink(self) -> None:
        """Largest loads again, of the arcs and demands left."""
        if not self.weightless:
            load = np.where(self.never, 0.0, self.instance.load)
            self.most = largest_loads(self.instance, self.most, load)

    def rounds(self, forest: Forest, limit: float, turns: int, scale: float) -> None:
        """Ascents with other tie-breaks and fixings until nothing more is fixed."""
        quiet = 0
        for turn in range(turns):
            pieces = self.pieces(self.expected(forest), self.multiplier)
            bound, charges = self.ascent(pieces, scale, random=turn > 0)
            if bound >= self.bound or self.last is None:
                self.last = charges
            fixed = self.fix(pieces, bound, charges, limit)
            quiet = 0 if fixed else quiet + 1
            if quiet >= 4 or self.bound >= limit:
                break

    def tune(self, forest: Forest, scale: float, turns: int) -> None:
        """Price the capacities: steps on the multipliers, all at once and one by one, while it pays."""
        finite = np.flatnonzero(np.isfinite(self.supply))
        if not len(finite):
            return
        expected = self.expected(forest)
        moved = [finite] + [finite[k : k + 1] for k in range(len(finite) if len(finite) > 1 else 0)]
        step = np.full(len(moved), 0.25 * self._typical_prize(scale))
        step /= max(float(np.median(self.instance.load[self.demands()])), 1e-12)
        best, _ = self.ascent(self.pieces(expected, self.multiplier), scale, random=False)
        for _ in range(turns):
            for k, sources in enumerate(moved):
                for sign in (1.0, -1.0):
                    trial = self.multiplier.copy()
                    trial[sources] = np.maximum(trial[sources] + sign * step[k], 0.0)
                    if (trial == self.multiplier).all():
                        continue
                    value, _ = self.ascent(self.pieces(expected, trial), scale, random=False)
                    if value > best:
                        best, self.multiplier = value, trial
                        step[k] *= 1.5
                        break
                else:
                    step[k] *= 0.5
        self.bound = max(self.bound, best)

    def _typical_prize(self, scale: float) -> float:
        """Median prize of the demands that have one; where all are required, what each costs at `scale`."""
        prize = self.instance.prize[self.demands()]
        finite = prize[np.isfinite(prize)]
        return float(np.median(finite)) if len(finite) else scale / max(len(prize), 1)
