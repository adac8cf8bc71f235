"""Networks with loads: forests by local search, bounds by dual ascent, proof by the flow model."""

from __future__ import annotations

import numpy as np

from geoplan.netdesign.clock import Clock
from geoplan.netdesign.graph import NEVER, Bools, Floats, Ints, is_compiled
from geoplan.netdesign.instance import Instance
from geoplan.netdesign.loads.bounds import Bounder
from geoplan.netdesign.loads.flow_model import FlowModel
from geoplan.netdesign.loads.forest import Forest, fits, sized, total_cost
from geoplan.netdesign.loads.lagrange import Lagrangian, too_large
from geoplan.netdesign.loads.packing import Packing
from geoplan.netdesign.loads.plain import plain_bound, plain_forest
from geoplan.netdesign.loads.search import Annealing, carrying, improved
from geoplan.netdesign.loads.starts import ROUNDS, inserted, within_supply
from geoplan.netdesign.loads.volume import climb

#: Wall time that compiling the kernels may take where no earlier run has. [s]
COMPILE_S = 40.0
#: Turns of annealing per demand: before the climb, and between two calls of the volume algorithm: first
#: and least. The side that gains more gets more of the time: they halve or double, up to the most.
FIRST, LEAST, MOST = 50, 10, 160
#: Rounds of steps on the prices of the capacities, from the annealing's tolls; dual ascents then.
TUNING, ROUNDS_OF_ASCENT = 1, 12
#: Calls of the volume algorithm between two guided forests, and its turns in a call: the first, and later.
CLIMBS = 4
CLIMB_TURNS = 20, 100
#: Share of the gap a call closes, below which whole demands are packed instead, after so many calls.
RESTING, RESTING_CALLS = 0.12, 6
#: Share of the gap below which a gain counts as none.
QUIET = 0.02
#: Largest flow model handed to branch and bound, in columns: of one size per link, and of several.
MODEL_COLUMNS = 40_000, 12_000


class _Search:
    """One run; see `solve_loads`."""

    def __init__(self, instance: Instance, gap: float, clock: Clock, seed: int) -> None:
        self.instance, self.gap, self.clock = instance, gap, clock
        self.s = sized(instance)
        self.seed = seed
        self.nodes = np.arange(instance.n_nodes)
        self.demands = np.flatnonzero((instance.prize > 0.0) & (self.nodes != instance.root))
        self.compiled = is_compiled(climb) or clock.limit_s > COMPILE_S
        plain_s = min(0.6, 0.5 * clock.left()) if self.compiled else 0.9 * clock.left()
        self.forest = plain_forest(self.s, Clock(plain_s))
        self.value = NEVER
        self.bound = plain_bound(self.s)
        self.turn_s = 0.0

    def offer(self, forest: Forest | None) -> bool:
        """Keep a forest if it is the best; whether it is."""
        if forest is None or not fits(self.s, forest):
            return False
        value = float(total_cost(self.s, forest))
        if value >= self.value * (1.0 - 1e-12):
            return False
        self.forest, self.value = forest, value
        return True

    def done(self) -> bool:
        """Whether time is up or the gap is small enough."""
        return self.clock.over() or self.value - self.bound <= max(self.gap, 9e-7) * self.value

    def run(self) -> None:
        """Search and bound until done."""
        if not len(self.demands):
            self.value, self.bound = 0.0, 0.0
            return
        if not self.compiled or self.clock.left() < 0.2:
            return
        self.offer(self.forest)
        for optimism in (1.0, 2.0, 4.0):
            if not self.clock.over():
                self.offer(inserted(self.s, optimism))
        bounder = Bounder(self.instance, self.s, self.seed)
        self._bound(bounder, 1)
        self.annealing = Annealing(self.instance, self.s, self.forest, self.seed)
        self._anneal(FIRST)
        if not self.done():
            supply = self.annealing.supply
            bounder.multiplier[np.searchsorted(bounder.source_arcs, 2 * supply.link)] = supply.toll
            bounder.tune(self.forest, self.value, TUNING)
            self._trees(bounder)
            self._bound(bounder, ROUNDS_OF_ASCENT)
        if not self.done():
            self._climb(bounder)
        while not self.done():
            self._anneal(MOST)

    def _climb(self, bounder: Bounder) -> None:
        """Alternate between the Lagrangian bound, forests it guides to, and annealing."""
        if too_large(bounder):
            self._prove(bounder, None)
            return
        lagrangian = Lagrangian(bounder, self.forest, self.value)
        climber: Lagrangian | Packing = lagrangian
        packs = bounder.bounded and lagrangian.problem.least > 0.0
        quiet = proofs = calls = 0
        turns = LEAST
        while not self.done():
            before = (self.bound, self.value)
            fixed = 0
            for _ in range(CLIMBS):
                if self.done():
                    return
                calls += 1
                at = (self.bound, self.value)
                closed = self._raise(climber)
                self._anneal(turns)
                ahead = at[1] - self.value + QUIET * (self.value - self.bound) >= self.bound - at[0]
                turns = min(2 * turns, MOST) if ahead else max(turns // 2, LEAST)
                fixed += climber.fix(self._limit())
                if packs and climber is lagrangian and calls >= RESTING_CALLS and closed < RESTING:
                    lagrangian.restrict()
                    climber, fixed = Packing(lagrangian), 0
            self._follow(climber)
            if fixed:
                climber.restrict()
            gained = self.bound - before[0] + before[1] - self.value
            quiet = 0 if gained > QUIET * (self.value - self.bound) else quiet + 1
            if quiet >= 2 and proofs < 2 and not self.done():
                proofs += 1
                quiet = 0
                self._prove(bounder, lagrangian)

    def _raise(self, climber: Lagrangian | Packing) -> float:
        """One call of the volume algorithm, shorter where time is short; the share of the gap it closes."""
        turns = CLIMB_TURNS[0]
        if self.turn_s > 0.0:
            turns = int(np.clip(0.5 * self.clock.left() / self.turn_s, 1, CLIMB_TURNS[1]))
        started, before = self.clock.spent(), climber.bound
        climber.climb(self._limit(), turns)
        self.turn_s = (self.clock.spent() - started) / turns
        self.bound = max(self.bound, min(climber.bound, self.value))
        short = turns < CLIMB_TURNS[1]
        return 1.0 if short else (climber.bound - before) / max(self.value - before, 1e-12)

    def _follow(self, climber: Lagrangian | Packing) -> None:
        """A forest on the costs the relaxation suggests."""
        if self.done():
            return
        cost, slope, multiplier = climber.guide()
        self._plant((cost, slope), multiplier)

    def _trees(self, bounder: Bounder) -> None:
        """Classical trees on linearised costs, for several guesses of the loads."""
        pieces = bounder.pieces(bounder.expected(self.forest), 0.0 * bounder.multiplier)
        rows = np.arange(len(pieces.fixed))
        for guess in (1.0, 4.0, 16.0):
            at = bounder.loads_to_price(self.forest, guess)
            piece = np.argmin(pieces.fixed + pieces.slope * at[:, None], axis=1)
            self._plant((pieces.fixed[rows, piece], pieces.slope[rows, piece]), bounder.multiplier)
            if not bounder.curved:
                return

    def _plant(self, costs: tuple[Floats, Floats], multiplier: Floats) -> None:
        """Offer the classical trees on given costs."""
        limit = Clock(min(8.0, 0.2 * max(self.clock.left(), 0.0)))
        for forest in within_supply(self.instance, self.s, costs, multiplier, limit):
            self.offer(forest)

    def _anneal(self, turns: int) -> None:
        """So many turns of annealing per demand."""
        self.annealing.offer(self.forest)
        left = turns * len(self.demands)
        while left > 0 and not self.done():
            left -= self.annealing.run()
        self.offer(improved(self.s, self.annealing.best(), ROUNDS))

    def _limit(self) -> float:
        """Cost from which designs are of no interest."""
        return self.value * (1.0 - 1e-9)

    def _bound(self, bounder: Bounder, turns: int) -> None:
        """Dual ascents."""
        if not self.clock.over():
            bounder.rounds(self.forest, self._limit(), turns, self.value)
            self.bound = max(self.bound, min(bounder.bound, self.value))

    def _prove(self, bounder: Bounder, lagrangian: Lagrangian | None) -> None:
        """Branch and bound on the flow model of what is left, if it is small enough."""
        columns = 2 * int((np.repeat(np.diff(self.instance.start), 2) * (bounder.most > 0.0)).sum())
        if columns > MODEL_COLUMNS[int(bounder.curved)]:
            return
        model = FlowModel(self.instance, self.s, bounder)
        if lagrangian is not None:
            model.add_row(lagrangian.row())
        bound = model.relax(self._limit(), self.clock)
        self.bound = max(self.bound, min(bound, self.value))
        if self.done():
            return
        limit = max(0.5 * self.clock.left(), 0.1)
        bound, into, served = model.solve(self.forest, 0.5 * self.gap, limit)
        self.bound = max(self.bound, min(bound, self.value))
        if into is not None:
            self.offer(improved(self.s, carrying(self.s, into, served), ROUNDS))


def solve_loads(instance: Instance, *, gap: float, clock: Clock, seed: int) -> tuple[Ints, Bools, float]:
    """Arc into each node, demands served, and a lower bound, for a rooted problem with loads.

    Parameters
    ----------
    instance : Instance
    gap : float
        Relative distance between cost and bound that is good enough.
    clock : Clock
    seed : int

    Returns
    -------
    tuple
        ``into`` (-1: not built), ``served`` and the bound; the bound is infinite if no forest
        that serves the required demands was found.
    """
    search = _Search(instance, gap, clock, seed)
    search.run()
    forest = search.forest
    if (np.isinf(instance.prize) & ~forest.served & (np.arange(instance.n_nodes) != instance.root)).any():
        return forest.into, forest.served, NEVER
    return forest.into, forest.served, search.bound
