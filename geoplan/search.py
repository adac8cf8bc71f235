"""The search for the optimum: relax, cut, guess from the networks, narrow, branch; then book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

import numpy as np
import pandas as pd

from geoplan.attribution import shares
from geoplan.choice import Choice, explain_rest
from geoplan.guide import guide
from geoplan.ledger import DEFERRED, Ledger
from geoplan.netdesign.lp import GrowingLp, LpResult
from geoplan.network import Floats, Ints
from geoplan.options import Options
from geoplan.programme import Programme, open_routes
from geoplan.rows import Terms
from geoplan.scaling import scaled_choices
from geoplan.schema import Supply
from geoplan.separation import violated_cuts
from geoplan.units import WAN
from geoplan.verdict import Selection, close
from geoplan.worth import Count, Judge, Worth

#: Rounds of cutting before branching, and a share of the bound below which a round gained nothing.
CUT_ROUNDS = 40
STALLED = 1e-5
#: Shares of the bound by which a column may be dear and still be tried first, and how well those are solved.
NARROW = (1e-4, 1e-3)
NARROW_GAP = 1e-5
#: Columns from which each network is designed apart first, for a better bound.
LARGE = 12_000
#: How much more than it is worth a unit counts, where designs are to reach further.
EAGER = (1.2, 1.5, 3.0)
#: Columns and shares of the bound above which more choices are made by pricing pipes by the load.
MIDDLING = 3_000
FAR = 3e-3

#: A row as the solver takes it: columns, coefficients and the two sides.
Row = tuple[Ints, Floats, float, float]


@dataclass
class Clock:
    """Wall time of a run. [s]"""

    limit_s: float
    begun: float = field(default_factory=monotonic)

    def left(self) -> float:
        """What is left. [s]"""
        return self.limit_s - (monotonic() - self.begun)


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes
    ----------
    programme : Programme
    choice : Choice or None
    bound_cny_per_a : float
        No choice that keeps the first goals costs less.
    first_goals_proved : bool
        Whether no choice leaves fewer households waiting or on clean coal.
    price : dict of (supply, source id) to float
        What one more unit of each capacity would save. [CNY/a per unit]
    """

    programme: Programme
    choice: Choice | None
    bound_cny_per_a: float
    first_goals_proved: bool
    price: dict[tuple[Supply, str], float]


def search(
    judge: Judge,
    by_rule: Selection | None,
    first: Options,
    start: Worth | None,
    *,
    gap: float,
    clock: Clock,
) -> Found:
    """The best choice and a bound on its cost.

    Parameters
    ----------
    judge : Judge
    by_rule : Selection or None
        The cascade's, on the networks of `first`; the search starts from it.
    first : Options
    start : Worth or None
        Of `by_rule`.
    gap : float
    clock : Clock
    """
    ledger = judge.ledger
    most = (float(sum(judge.waits.values())), float(sum(judge.late.values())))
    if start is not None:
        most = (float(start.deferred), float(start.transition))
    goals = ((judge.waits, most[0]), (judge.late, most[1]))
    for whole_pipes in (False, True):
        held: list[tuple[Count, float]] = []
        proved = True
        for count, reached in goals:
            fewest, sure = _fewest(ledger, count, reached, held, whole_pipes=whole_pipes, clock=clock)
            proved &= sure
            held.append((count, fewest))
        programme = _programme(ledger, judge.cost, held, weight=judge.weight)
        flowing = _programme(ledger, judge.cost, held, weight=judge.weight, whole_pipes=False)
        begin = None
        if by_rule is not None and most[0] <= held[0][1] and most[1] <= held[1][1]:
            begin = Choice.of(programme, by_rule, first)
        run = _Run(programme, begin, flowing, gap=gap, clock=Clock(clock.left()))
        bound, choice = run.solve()
        met = all(fewest >= reached for (_, reached), (_, fewest) in zip(goals, held, strict=True))
        if choice is not None or met or clock.left() <= 1.0:
            break
    # Without a choice the cascade stands; then fewer may be possible, and nothing is known of its cost.
    proved &= choice is not None or met
    bound = bound * programme.money if np.isfinite(bound) else 0.0
    return Found(programme, choice, bound, proved, programme.prices(run.duals))


def _fewest(
    ledger: Ledger,
    count: Count,
    reached: float,
    held: list[tuple[Count, float]],
    *,
    whole_pipes: bool,
    clock: Clock,
) -> tuple[float, bool]:
    """Fewest households of what is counted, and whether that is proved."""
    if reached <= _forced(ledger, count):
        return reached, True
    programme = _programme(ledger, count, held, weight=0.0, money=1.0, whole_pipes=whole_pipes)
    lp = programme_lp(programme)
    whole = np.array(programme.rows.whole, dtype=int)
    bound, x = lp.solve_whole(whole, None, 0.0, max(0.3 * clock.left(), 1.0))
    if x is None:
        return reached, False
    fewest = min(reached, float(round(float(lp.cost @ x))))
    return fewest, bound > fewest - 1 + 1e-6


def _forced(ledger: Ledger, count: Count) -> float:
    """Households that no choice can keep from what is counted."""
    total = 0.0
    for unit in ledger.members:
        open_to = open_routes(ledger, unit)
        if not [r for r in open_to if (unit, r) not in count and r != DEFERRED]:
            total += max((count.get((unit, r), 0.0) for r in open_to), default=0.0)
    return total


def _programme(
    ledger: Ledger,
    cost: Count,
    held: list[tuple[Count, float]],
    *,
    weight: float,
    money: float = WAN,
    whole_pipes: bool = True,
) -> Programme:
    programme = Programme(ledger, cost, weight=weight, money=money, whole_pipes=whole_pipes)
    for count, most in held:
        programme.hold(count, most)
    return programme


def programme_lp(programme: Programme, more: Sequence[Row] = ()) -> GrowingLp:
    """A programme as the solver takes it."""
    rows = programme.rows
    lp = GrowingLp(np.array(rows.cost), np.array(rows.lower), np.array(rows.upper))
    lp.add_rows([_row(*row) for row in rows.rows] + list(more), permanent=True)
    return lp


def _row(terms: Terms, lower: float, upper: float) -> Row:
    columns = np.fromiter(terms, dtype=int, count=len(terms))
    return columns, np.fromiter(terms.values(), dtype=float, count=len(terms)), lower, upper


class _Run:
    """One programme, solved."""

    def __init__(
        self, programme: Programme, begin: Choice | None, flowing: Programme, *, gap: float, clock: Clock
    ) -> None:
        self.programme, self.flowing, self.gap, self.clock = programme, flowing, gap, clock
        self.lp = programme_lp(programme)
        self.whole = np.array(programme.rows.whole, dtype=int)
        self.choice: Choice | None = None
        self.best = np.inf
        self.start: Floats | None = None
        self.seen: list[Choice] = []
        self.duals: Floats = np.zeros(0)
        if begin is not None:
            self._offer(begin)

    def solve(self) -> tuple[float, Choice | None]:
        """A lower bound in the programme's money and the best choice."""
        relaxed, cuts = self._cut()
        bound = relaxed.bound
        if np.isinf(bound):
            return bound, None
        rows = [_row(cut, 0.0, np.inf) for cut in cuts]
        size = len(self.lp.cost) if self.programme.layers else 0
        links: list[set[int]] = [set() for _ in self.programme.layers]
        if size > LARGE:
            found = guide(
                self.programme, self.duals, cuts, time_limit_s=0.4 * self.clock.left(), gap=self.gap
            )
            bound, links = max(bound, found.bound), found.links
            self._reach(rows, cuts, links, bound)
        for slack in NARROW if size <= LARGE else ():
            # What the relaxation wants least is left out at first ...
            self._branch(rows, self._within(relaxed, slack * abs(relaxed.bound)), 0.2, NARROW_GAP)
        if size > MIDDLING and self.best - bound > FAR * abs(bound):
            if self.choice is None or size <= LARGE:
                self._scale()
            self._branch(rows, self._near(links), 0.5, NARROW_GAP)
        # ... then only what cannot be part of a better choice. A little less than the gap asked
        # for, so that the exact prices still are within it.
        dear = (self.best - relaxed.bound) * (1 + 1e-6) + 1e-9
        proved = self._branch(rows, self._within(relaxed, dear), 1.0, 0.5 * self.gap)
        return max(bound, min(proved, self.best)), self.choice

    def _cut(self) -> tuple[LpResult, list[Terms]]:
        """The relaxation with the cuts that it violated."""
        cuts: list[Terms] = []
        relaxed = self.lp.solve(max(self.clock.left(), 1.0))
        for _ in range(CUT_ROUNDS):
            found = violated_cuts(self.programme, relaxed.x)
            if np.isinf(relaxed.bound) or not found or self.clock.left() < 0.7 * self.clock.limit_s:
                break
            self.lp.add_rows([_row(cut, 0.0, np.inf) for cut in found])
            cuts += found
            before, relaxed = relaxed, self.lp.solve(max(self.clock.left(), 1.0))
            if relaxed.bound - before.bound < STALLED * abs(relaxed.bound):
                break
        self.duals = relaxed.duals
        return relaxed, cuts

    def _within(self, relaxed: LpResult, dear: float) -> tuple[Floats, Floats]:
        """Bounds of the columns, those of whole ones narrowed that would cost more than `dear` to change."""
        lower, upper = self.lp.lower.copy(), self.lp.upper.copy()
        cost = relaxed.reduced_cost[self.whole]
        upper[self.whole[(cost > dear) & (lower[self.whole] < 0.5)]] = 0.0
        lower[self.whole[(cost < -dear) & (upper[self.whole] > 0.5)]] = 1.0
        return lower, upper

    def _scale(self) -> None:
        """Choices from pipes priced by the load."""
        clock = Clock(0.3 * self.clock.left())
        solver = programme_lp(self.flowing)
        for choice in scaled_choices(self.programme, self.flowing, solver, left_s=clock.limit_s):
            self.seen.append(choice)
            if choice.is_supplied(self.programme):
                self._offer(choice)
            if clock.left() <= 0:
                break

    def _offer(self, choice: Choice) -> None:
        """Keep a choice if it is the best; what was laid for nothing or too wide is taken out."""
        trimmed = choice.trimmed(self.programme)
        value = trimmed.cost(self.programme)
        if value < self.best - 1e-9:
            self.best, self.choice, self.start = value, trimmed, trimmed.columns(self.programme)

    def _near(self, links: list[set[int]]) -> tuple[Floats, Floats]:
        """Bounds of the columns: only pipes of the designs and of the choices seen."""
        lower, upper = self.lp.lower.copy(), self.lp.upper.copy()
        kept = [c for c in (*self.seen, self.choice) if c is not None]
        for number, layer in enumerate(self.programme.layers):
            for arc in layer.arcs:
                edge = layer.corridor.links[arc.link].edges[0]
                if arc.link not in links[number] and all(c.head[number][edge] < 0 for c in kept):
                    upper[list(arc.sizes)] = 0.0
        return lower, upper

    def _reach(self, rows: Sequence[Row], cuts: Sequence[Terms], links: list[set[int]], bound: float) -> None:
        """Choices on the pipes alone of designs that reach further and further; their links are added."""
        for eager in EAGER:
            before = self.best
            limit = 0.06 * self.clock.left()
            found = guide(self.programme, self.duals, cuts, time_limit_s=limit, gap=0.01, eager=eager)
            self._branch(rows, self._only(found.links), 0.1, NARROW_GAP)
            for known, more in zip(links, found.links, strict=True):
                known.update(more)
            if (before < np.inf and self.best >= before) or self.best - bound <= FAR * abs(bound):
                return

    def _only(self, links: list[set[int]]) -> tuple[Floats, Floats]:
        """Bounds of the columns: only pipes of the designs."""
        lower, upper = self.lp.lower.copy(), self.lp.upper.copy()
        for number, layer in enumerate(self.programme.layers):
            for arc in layer.arcs:
                if arc.link not in links[number]:
                    upper[list(arc.sizes)] = 0.0
        return lower, upper

    def _branch(self, cuts: Sequence[Row], bounds: tuple[Floats, Floats], share: float, gap: float) -> float:
        """Solve within bounds; keep the choice if it is better. A bound on what is within them."""
        lp = programme_lp(self.programme, cuts)
        lp.set_bounds(*bounds)
        limit = max(share * self.clock.left(), 1.0)
        proved, x = lp.solve_whole(self.whole, self.start, gap, limit)
        if x is not None:
            self._offer(Choice.read(self.programme, x))
        return proved


def book(judge: Judge, found: Found) -> Selection | None:
    """What was found as a selection; None where nothing was or sources cannot be shared out so."""
    if found.choice is None or not found.choice.book(found.programme):
        return None
    _share_pipes(judge.ledger)
    explain_rest(judge.ledger, judge.cost, found.price)
    return close(judge.ledger)


def _share_pipes(ledger: Ledger) -> None:
    """Charge every village its share of the pipes instead of what it added in its turn."""
    for network in ledger.options.supplies.values():
        if network.growth is None:
            continue
        routes = {
            v: ledger.route[u]
            for u, ids in ledger.members.items()
            for v in ids
            if u in ledger.route and ledger.network_of(ledger.route[u]) is network
        }
        loads = pd.Series({v: ledger.need[v, r] for v, r in routes.items()}, dtype=float)
        position = {str(s): i for i, s in enumerate(network.sources.index)}
        borne = shares(
            network.growth, loads, pd.Series({v: position[ledger.source[v]] for v in routes}, dtype=int)
        )
        for village, route in routes.items():
            _, limit, _, source = ledger.pipes[village, route]
            metres, cny = borne.loc[village, ["share_m", "share_cny"]]
            ledger.pipes[village, route] = (float(metres), limit, float(cny), source)
