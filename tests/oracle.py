"""The best plan of a small county by trying everything: plain and slow, and none of the optimum's code.

Every assignment of units to routes is tried. For every set of units on one pipe network the
cheapest pipes are found by trying every way in which each node can be entered, on the graph
without its dead ends and with edges in series merged; nothing that could be built is lost by that.

What the pipes may be: a network enters every place off its mains by at most one new edge, a new edge
carries the flow of one network, and mains carry net flow.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd

from geoplan.finance import annuity
from geoplan.ledger import DEFERRED, Ledger
from geoplan.options import Options
from geoplan.policy import Policy
from tests.oracle_pipes import SLACK, Between, Trench

PIPED = ("heat", "gas")
#: What two networks may do to each other, see `oracle_pipes`.
BETWEEN: Between = "crossing"


@dataclass(frozen=True)
class Best:
    """Value of an assignment: households that wait, households on a transition, yearly cost [CNY/a]."""

    deferred: int
    transition: int
    cost: float
    routes: Mapping[str, str]

    @property
    def key(self) -> tuple[int, int, float]:
        return self.deferred, self.transition, self.cost


@dataclass(frozen=True)
class Choice:
    """One route of one unit: what it counts, costs [CNY/a], draws from each limit, and its pipes."""

    route: str
    deferred: int
    transition: int
    cost: float
    draws: np.ndarray
    piped: str

    @property
    def free(self) -> bool:
        return not self.piped and not self.draws.any()


def best(
    options: Options, *, policy: Policy, fixed: Mapping[str, str] | None = None, between: Between = BETWEEN
) -> Best | None:
    """The best assignment, or None where no assignment obeys the locks and the capacities.

    `fixed` gives units their routes whatever the rules say, and asks for the cheapest pipes only.
    """
    world = World(options, policy, fixed or {})
    trenches = {supply: world.trench(supply, between=between) for supply in PIPED}
    pairs = world.without_pipes()
    queue = []
    for row, (deferred, transition, cost) in enumerate(pairs.keys):
        bound = cost + sum(t.rate * t.least(int(pairs.masks[s][row])) for s, t in trenches.items())
        if np.isfinite(bound):
            queue.append((deferred, transition, bound, row, False))
    heapq.heapify(queue)
    while queue:
        deferred, transition, cost, row, exact = heapq.heappop(queue)
        if exact:
            return Best(deferred, transition, cost, world.routes(pairs.picks[row]))
        full = float(pairs.keys[row][2])
        for supply, trench in trenches.items():
            full += trench.rate * trench.cost(int(pairs.masks[supply][row]))
        if np.isfinite(full):
            heapq.heappush(queue, (deferred, transition, full, row, True))
    return None


@dataclass(frozen=True)
class Pairs:
    """For each pair of sets of units on heat and on gas the best that the others can do, pipes not paid."""

    keys: list[tuple[int, int, float]]
    masks: dict[str, np.ndarray]
    picks: np.ndarray


class World:
    """The units of a county, what each may choose, and what limits them together."""

    def __init__(self, options: Options, policy: Policy, fixed: Mapping[str, str]) -> None:
        self.options, self.policy = options, policy
        self.ledger = Ledger(options.fresh(), policy)
        self.units = sorted(self.ledger.members)
        self.locked = _locks(self.ledger)
        self.limits = list(self._limits())
        self.capacity = np.array([capacity for _, capacity in self.limits])
        self.choices = [self._of_unit(unit, fixed.get(unit), alone=unit in fixed) for unit in self.units]

    # --- choices ----------------------------------------------------------------------------------

    def _limits(self) -> Iterator[tuple[tuple[str, str], float]]:
        for supply in ("grid", "biomass"):
            network = self.options.supplies[supply]
            if network.limited:
                for source, capacity in network.sources["capacity"].items():
                    yield (supply, str(source)), float(capacity)
        for payer, left in zip(self.ledger.purses.payers, self.ledger.purses.left, strict=True):
            yield ("purse", payer), float(left)

    def _of_unit(self, unit: str, given: str | None, *, alone: bool) -> list[Choice]:
        lock = self.locked.get(unit)
        if alone or lock is not None:
            return [self._choice(unit, given if alone else lock)]
        ranked = [route for rank in self.policy.ranks for route in rank]
        open_ = [route for route in ranked if self.ledger.eligible.at[unit, route]]
        choices = [self._choice(unit, route) for route in (*open_, DEFERRED)]
        # Of what limits nobody else only the best can be part of the best plan.
        free = [c for c in choices if c.free]
        first = min(free, key=lambda c: (c.deferred, c.transition, c.cost))
        return [c for c in choices if not c.free] + [first]

    def _choice(self, unit: str, route: str | None) -> Choice:
        assert route is not None
        ids, households = self.ledger.members[unit], int(self.ledger.households[unit])
        draws = np.zeros(len(self.limits))
        if route in (DEFERRED, "existing"):
            waits = households if route == DEFERRED and self.locked.get(unit) != DEFERRED else 0
            return Choice(route, waits, 0, 0.0, draws, "")
        rows = self.options.table.loc[[(v, route) for v in ids]]
        supply = self.policy.routes[route].supply or ""
        network = self.options.supplies.get(supply)
        nobody = network is not None and network.limited and not len(network.sources)
        if network is not None and network.limited and supply not in PIPED:
            for (kind, name), position in self._positions():
                drawn = [network.nearest[v] == name for v in ids]
                if kind == supply:
                    draws[position] = float(rows["capacity_use"].to_numpy()[drawn].sum())
        paid = self.ledger.purses.asked(unit, route)
        for (kind, name), position in self._positions():
            if kind == "purse":
                draws[position] = float(paid[self.ledger.purses.payers.index(name)])
        return Choice(
            route,
            0,
            households if counts_as_transition(route, self.policy) else 0,
            np.inf if nobody else float(rows["annual_cost_equal_service_cny"].sum()),
            draws,
            supply if supply in PIPED else "",
        )

    def _positions(self) -> list[tuple[tuple[str, str], int]]:
        return [(name, position) for position, (name, _) in enumerate(self.limits)]

    def trench(self, supply: str, *, between: Between) -> Trench:
        """The pipes of a supply, with what each unit that may choose it takes from a source."""
        of_unit = [[c.route for c in found if c.piped == supply] for found in self.choices]
        routes = {route for found in of_unit for route in found}
        assert len(routes) <= 1, "two routes draw on the same pipes"
        network = self.options.supplies[supply]
        loads: list[list[tuple[int, float]]] = []
        for unit, found in zip(self.units, of_unit, strict=True):
            nodes = network.growth.graph.village_node if network.growth is not None else {}
            members = self.ledger.members[unit] if found and network.growth is not None else []
            loads.append([(int(nodes[v]), float(self.ledger.need[v, found[0]])) for v in members])
        rate = self.ledger.pipe_rate(next(iter(routes))) if routes else 0.0
        return Trench(network, loads, rate=rate, between=between)

    # --- every assignment ---------------------------------------------------------------------------

    def without_pipes(self) -> Pairs:
        """Try every assignment; keep the best for each pair of sets of units on heat and on gas."""
        rows = 1
        deferred, transition, code = (np.zeros(rows, dtype=np.int64) for _ in range(3))
        masks = {supply: np.zeros(rows, dtype=np.int64) for supply in PIPED}
        cost, drawn = np.zeros(rows), np.zeros((rows, len(self.limits)))
        for place, found in enumerate(self.choices):
            parts = []
            for number, c in enumerate(found):
                sums = drawn + c.draws
                ok = (sums <= self.capacity + SLACK * np.maximum(self.capacity, 1.0)).all(axis=1)
                mine = [masks[s][ok] | (np.int64(c.piped == s) << place) for s in PIPED]
                counts = [deferred[ok] + c.deferred, transition[ok] + c.transition]
                parts.append((*counts, code[ok] * 16 + number, *mine, cost[ok] + c.cost, sums[ok]))
            deferred, transition, code, heat, gas, cost, drawn = map(np.concatenate, zip(*parts, strict=True))
            masks = {"heat": heat, "gas": gas}
        cost = cost + self._upgrades(drawn)
        pair = masks["heat"] << len(self.units) | masks["gas"]
        order = np.lexsort((cost, transition, deferred, pair))
        first = order[np.append(True, np.diff(pair[order]) != 0)] if len(order) else order
        keys = [(int(deferred[i]), int(transition[i]), float(cost[i])) for i in first]
        return Pairs(keys, {s: m[first] for s, m in masks.items()}, code[first])

    def _upgrades(self, drawn: np.ndarray) -> np.ndarray:
        """Yearly cost of what is drawn from each substation beyond its spare capacity. [CNY/a]"""
        sources = self.options.supplies["grid"].sources
        grid, economics = self.policy.network.grid, self.policy.economics
        yearly = np.zeros(len(drawn))
        for (kind, name), position in self._positions():
            if kind == "grid" and "upgrade_cost_cny_per_kva" in sources:
                price = sources.at[name, "upgrade_cost_cny_per_kva"]
                beyond = np.maximum(0.0, drawn[:, position] - float(sources.at[name, "spare_kva"]))
                yearly += beyond * (0.0 if pd.isna(price) else float(price))
        return yearly * annuity(economics.discount_rate, grid.upgrade_lifetime_a)

    def routes(self, code: int) -> dict[str, str]:
        """Route of each unit of an assignment."""
        numbers = [(int(code) >> 4 * back) & 15 for back in reversed(range(len(self.units)))]
        return {u: found[n].route for u, found, n in zip(self.units, self.choices, numbers, strict=True)}


def counts_as_transition(route: str, policy: Policy) -> bool:
    """Whether a route is one that the plan should avoid: no lasting route stands after it in the order."""
    if not policy.routes[route].transition:
        return False
    ranks = [list(rank) for rank in policy.ranks]
    place = next((i for i, rank in enumerate(ranks) if route in rank), len(ranks))
    return not any(not policy.routes[r].transition for rank in ranks[place + 1 :] for r in rank)


def _locks(ledger: Ledger) -> dict[str, str]:
    """The route that each locked unit must take."""
    said = ledger.options.villages["locked_route"]
    locks: dict[str, str] = {}
    for unit, ids in ledger.members.items():
        routes = {str(said[v]) for v in ids if pd.notna(said[v]) and said[v] != ""}
        assert len(routes) <= 1, "locks of a group contradict each other"
        locks |= dict.fromkeys([unit], next(iter(routes))) if routes else {}
    return locks


# --- a plan that somebody else made --------------------------------------------------------------------


def by_unit(options: Options, *, policy: Policy, route: pd.Series) -> dict[str, str]:
    """The routes of a selection, by unit; the villages of a group must agree."""
    ledger = Ledger(options.fresh(), policy)
    found = {unit: {str(route[v]) for v in ids} for unit, ids in ledger.members.items()}
    assert all(len(routes) == 1 for routes in found.values()), "the villages of a group have several routes"
    return {unit: next(iter(routes)) for unit, routes in found.items()}


def as_built(options: Options, *, policy: Policy, route: pd.Series) -> Best:
    """A selection's plan at the price of the pipes in the networks of `options`, as they have grown."""
    routes = by_unit(options, policy=policy, route=route)
    world = World(options, policy, routes)
    chosen = [found[0] for found in world.choices]
    drawn = reduce(np.add, [c.draws for c in chosen], np.zeros(len(world.limits)))
    cost = sum(c.cost for c in chosen) + float(world._upgrades(drawn[None, :])[0])
    for supply in PIPED:
        growth = options.supplies[supply].growth
        if growth is not None:
            rate = next((world.ledger.pipe_rate(c.route) for c in chosen if c.piped == supply), 0.0)
            graph, new = growth.graph, growth.owner >= 0
            laid = graph.length_m * growth.pipes.price(growth.flow) + graph.crossing_cny
            cost += rate * float(laid[new].sum())
    deferred, transition = sum(c.deferred for c in chosen), sum(c.transition for c in chosen)
    return Best(deferred, transition, cost, routes)
