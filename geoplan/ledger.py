"""The books of a selection: who decides together, what is left of each source, and what stands against whom.

A selection method (the cascade, later the optimum) opens the books with
:class:`Ledger`, books units on routes, and closes them with
:func:`geoplan.verdict.close`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from geoplan.budgets import Purses, purses
from geoplan.checks import Finding, Findings
from geoplan.finance import annuity
from geoplan.growth import Growth, Offer, Quote
from geoplan.options import Options
from geoplan.policy import Policy
from geoplan.provisions import LEVELS
from geoplan.schema import Supply
from geoplan.supplies import SupplyNetwork

#: Slack on capacities, so that a sum of shares that equals the capacity fits. [share]
TOLERANCE = 1e-9
DEFERRED = "deferred"
#: Before the key of a group, so that a group named after a village's id is not that village.
GROUP = "\x1f"


@dataclass
class Ledger:
    """State of one selection. A unit is a group of villages, or a village of its own.

    Attributes
    ----------
    unit_of : Series, index ``village_id``
        Unit of every village that has heat to be supplied.
    members : dict
        Villages of each unit.
    cost, use : DataFrame, index unit, columns routes
        Annual social cost [CNY/a] and capacity taken.
    eligible : DataFrame of bool
        Whether all villages of a unit pass every test that excludes.
    route, source : dict
        What has been booked, by unit and by village.
    refused : set of (unit, route)
        What a unit wanted, could have had, and did not get for want of capacity.
    ready : dict
        Year from which the supply of a village is there, where it is still to be built.
    purses : Purses
        Money of the payers whose budgets limit the choice.
    pipes : dict of (village_id, route) to (metres, break-even metres, CNY, source id)
        The connection as quoted when the village was decided.
    """

    options: Options
    policy: Policy
    unit_of: pd.Series = field(init=False)
    members: dict[str, list[str]] = field(init=False)
    cost: pd.DataFrame = field(init=False)
    use: pd.DataFrame = field(init=False)
    need: dict[tuple[str, str], float] = field(init=False)
    eligible: pd.DataFrame = field(init=False)
    findings: Findings = field(init=False)
    route: dict[str, str] = field(init=False, default_factory=dict)
    source: dict[str, str] = field(init=False, default_factory=dict)
    locked: dict[str, str] = field(init=False, default_factory=dict)
    refused: set[tuple[str, str]] = field(init=False, default_factory=set)
    used: dict[Supply, pd.Series] = field(init=False)
    upgrade_cny: pd.Series = field(init=False)
    ready: dict[str, float] = field(init=False, default_factory=dict)
    purses: Purses = field(init=False)
    pipes: dict[tuple[str, str], tuple[float, float, float, str]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        villages, table = self.options.villages, self.options.table
        self.findings = {key: list(found) for key, found in self.options.findings.items()}
        task = villages.index[villages["heat_load_kw"] > 0]
        group = villages.loc[task, "group_id"].astype(object)
        alone = group.isna() | (group == "")
        self.unit_of = (GROUP + group.astype(str)).mask(alone, pd.Series(task, index=task)).astype(object)
        self.members = {
            str(unit): list(ids) for unit, ids in self.unit_of.groupby(self.unit_of).groups.items()
        }
        by_unit = table.loc[table.index.isin(task, level=0)]
        unit = by_unit.index.get_level_values(0).map(self.unit_of)
        route = by_unit.index.get_level_values(1)
        # An amount left open makes an infinite sum, so that no part of a group passes for the whole.
        paid = dict.fromkeys([f"subsidy_{level}_cny" for level in LEVELS], np.inf)
        totals = by_unit[["annual_cost_cny", "capacity_use", *paid]].fillna(paid).groupby([unit, route]).sum()
        self.cost, self.use = (totals[column].unstack() for column in ("annual_cost_cny", "capacity_use"))
        self.need = table["capacity_use"].to_dict()
        self.eligible = self._eligibility()
        self.purses = purses(totals[list(paid)], eligible=self.eligible, policy=self.policy)
        supplies = self.options.supplies
        self.used = {supply: pd.Series(0.0, index=supplies[supply].sources.index) for supply in supplies}
        self.upgrade_cny = pd.Series(0.0, index=villages.index)
        self._add_lone_connections()

    def _eligibility(self) -> pd.DataFrame:
        frame = pd.DataFrame(True, index=self.cost.index, columns=self.cost.columns)
        culprits: dict[tuple[str, str], str] = {}
        for (village_id, route), found in self.findings.items():
            unit = self.unit_of.get(village_id)
            if unit is not None and not all(f.warning for f in found):
                culprits.setdefault((unit, route), village_id)
        for (unit, route), culprit in culprits.items():
            frame.at[unit, route] = False
            for village_id in self.members[unit]:
                if self.options.eligible(village_id, route):
                    self.fail([village_id], route, Finding("group", subject=culprit))
        return frame

    def _add_lone_connections(self) -> None:
        """Add to each piped option but heat the yearly cost of a connection of its own."""
        for route in self.cost.columns:
            network = self.network(route)
            if network is None or network.growth is None or self.policy.routes[route].supply == "heat":
                continue
            price = float(network.growth.pipes.cny_per_m[0])
            lone = network.metres.replace(np.inf, np.nan) * price + network.crossing_cny
            yearly = (lone[self.unit_of.index] * self.pipe_rate(route)).groupby(self.unit_of).sum()
            self.cost[route] = self.cost[route] + yearly.reindex(self.cost.index).fillna(0.0)

    # --- reading ----------------------------------------------------------------------------------

    def fail(self, village_ids: Iterable[str], route: str, finding: Finding) -> None:
        """Note what stands against an option."""
        for village_id in village_ids:
            self.findings.setdefault((village_id, route), []).append(finding)

    def network(self, route: str) -> SupplyNetwork | None:
        """The network a route draws on, or None."""
        supply = self.policy.routes[route].supply
        return self.options.supplies[supply] if supply else None

    def network_of(self, route: str) -> SupplyNetwork | None:
        """The same for what has been booked, which may be no route of the policy."""
        return self.network(route) if route in self.policy.routes else None

    def pipes_of(self, route: str) -> tuple[Supply, SupplyNetwork, Growth]:
        """Supply, network and pipes of a piped route."""
        supply, network = self.policy.routes[route].supply, self.network(route)
        if supply is None or network is None or network.growth is None:
            raise LookupError(f"{route} has no pipes")
        return supply, network, network.growth

    def pipe_rate(self, route: str) -> float:
        """Yearly cost of one unit of money in pipes. [1/a]"""
        heat = self.policy.routes[route].supply == "heat"
        pipes = self.policy.network.heat if heat else self.policy.network.gas
        return annuity(self.policy.economics.discount_rate, pipes.lifetime_a) + pipes.maintenance_share

    def reach(self, route: str) -> float:
        """Longest connection that the policy's rules allow a piped route. [m]"""
        column = {"heat": "heat_main_distance_m", "gas": "gas_main_distance_m"}
        mine = column.get(str(self.policy.routes[route].supply))
        rules = [
            r for r in self.policy.rules.values() if r.enabled and r.level == "exclude" and route in r.routes
        ]
        return min((r.max for r in rules if r.column == mine and r.max is not None), default=np.inf)

    def loads(self, route: str, unit: str) -> list[float]:
        """What each village of a unit takes from the source."""
        return [self.need[v, route] for v in self.members[unit]]

    def alternative(self, unit: str, *, but: Iterable[str], strict: bool = False) -> float:
        """Annual cost of the cheapest other lasting route that is eligible. [CNY/a]

        When none is: that of the cheapest one at all, or infinity under `strict`.
        """
        ordered = [r for rank in self.policy.ranks for r in rank if r not in but]
        lasting = [r for r in ordered if not self.policy.routes[r].transition]
        cost, open_ = self.cost.loc[unit].to_dict(), self.eligible.loc[unit].to_dict()
        costs = [cost[r] for r in lasting if open_[r]]
        if not costs and not strict:
            others = [r for r in cost if r not in but and not self.policy.routes[r].transition]
            costs = [cost[r] for r in lasting or others]
        return float(min(costs, default=np.inf))

    def benefit(self, route: str, unit: str) -> float:
        """What a unit saves a year on the pipe before the pipe is paid. [CNY/a]"""
        return self.alternative(unit, but=[route]) - float(self.cost.at[unit, route])

    def break_even(self, route: str, unit: str, quote: Quote) -> float:
        """New trench at which heat costs as much as the cheapest other route. [m]"""
        if self.policy.routes[route].supply != "heat":
            return np.nan
        return (self.benefit(route, unit) / self.pipe_rate(route) - quote.other_cny) / quote.cny_per_m

    def too_far(self, route: str, unit: str, quote: Quote) -> Finding | None:
        """The finding that a connection does not pay, or None."""
        if self.policy.routes[route].supply != "heat":
            return None
        if self.benefit(route, unit) - self.pipe_rate(route) * quote.pipe_cny >= 0:
            return None
        limit = self.break_even(route, unit, quote)
        return Finding("beyond_break_even" if limit > 0 else "never_pays", quote.new_m, max(limit, 0.0), "m")

    def short(self, route: str, unit: str, *, returned: dict[str, float] | None = None) -> Finding | None:
        """The finding that a source without pipes has no room for a unit, or None."""
        supply, network = self.policy.routes[route].supply, self.network(route)
        if supply is None or network is None or not network.limited:
            return None
        wanted: dict[str, float] = {}
        for village_id in self.members[unit]:
            source = str(network.nearest[village_id])
            if source:
                wanted[source] = wanted.get(source, 0.0) + self.need[village_id, route]
        for source, need in wanted.items():
            left = float(network.sources.at[source, "capacity"] - self.used[supply][source])
            left += (returned or {}).get(source, 0.0)
            if need > left + TOLERANCE * max(need, 1.0):
                return Finding(
                    "source_full", need, max(left, 0.0), network.unit, subject=f"{supply}/{source}"
                )
        return None

    def quote(self, route: str, unit: str) -> tuple[Quote | None, Finding | None]:
        """The best offer for a unit, and what stands against it (nothing, a full source or a full main)."""
        offer = self.offers(route, [unit])[0]
        return offer.quote, offer.finding

    def offers(self, route: str, units: Sequence[str]) -> list[Offer]:
        """The best offer for each of several units."""
        growth, reach = self.pipes_of(route)[2], self.reach(route)
        nodes = [tuple(growth.node_of[v] for v in self.members[unit]) for unit in units]
        loads = [self.loads(route, unit) for unit in units]
        quotes = growth.quotes([list(zip(*pair, strict=True)) for pair in zip(nodes, loads, strict=True)])
        return [
            Offer(*self._best(route, sum(of_unit), offered, reach * len(of_unit)), at, sum(of_unit))
            for at, of_unit, offered in zip(nodes, loads, quotes, strict=True)
        ]

    def _best(
        self, route: str, need: float, quotes: Iterable[Quote], reach: float
    ) -> tuple[Quote | None, Finding | None]:
        """The cheapest quote that nothing stands against, within reach if the cheapest of all is not open."""
        first: tuple[Quote | None, Finding | None] = (None, None)
        for offer in sorted(quotes, key=lambda q: (q.pipe_cny, q.new_m, q.source)):
            if first[0] is not None and offer.new_m > reach:
                break
            finding = self._full(route, need, offer)
            if finding is None:
                return offer, None
            first = first if first[0] is not None else (offer, finding)
        return first

    def _full(self, route: str, need: float, quote: Quote) -> Finding | None:
        """The finding that the source of a quote, or a main on its way, has no room, or None."""
        supply, network, growth = self.pipes_of(route)
        left = max(float(growth.left[quote.source]), 0.0)
        room = need <= left + TOLERANCE * max(need, 1.0)
        if room and not quote.overloaded:
            return None
        subject = f"{supply}/{network.sources.index[quote.source]}"
        if room and quote.overloaded:
            spare, wanted = quote.overloaded
            return Finding("main_full", wanted, spare, network.unit, subject=subject)
        return Finding("source_full", need, left, network.unit, subject=subject)

    # --- locks ------------------------------------------------------------------------------------

    def read_locks(self) -> dict[str, dict[str, list[str]]]:
        """Note the locked villages; by unit, the routes its villages are locked to."""
        locks = self.options.villages["locked_route"]
        locks = locks[locks.notna() & (locks != "")].reindex(self.unit_of.index).dropna()
        self.locked = {str(village): str(route) for village, route in locks.items()}
        wanted: dict[str, dict[str, list[str]]] = {}
        for village, route in self.locked.items():
            wanted.setdefault(self.unit_of[village], {}).setdefault(route, []).append(village)
        return wanted

    def obey_locks(self) -> None:
        """Open to every locked unit its route, whatever the rules say."""
        for unit, routes in self.read_locks().items():
            for route in set(routes) & set(self.cost.columns):
                self.unlock(unit, route)

    def unlock(self, unit: str, route: str) -> list[Finding]:
        """Make a route eligible; returns what stood against it in spite of that."""
        ids = self.members[unit]
        against = [f for v in ids for f in self.findings.pop((v, route), ()) if f.code == "no_network"]
        self.eligible.at[unit, route] = True
        return against

    # --- booking ----------------------------------------------------------------------------------

    @property
    def households(self) -> pd.Series:
        """Households of each unit."""
        found: pd.Series = self.options.villages["households"].astype(int).groupby(self.unit_of).sum()
        return found

    @property
    def served(self) -> int:
        """Households that have a route."""
        return int(self.households[[u for u, route in self.route.items() if route != DEFERRED]].sum())

    @property
    def waits_for_money(self) -> bool:
        """Whether a unit has no route and was refused one for want of money."""
        lost = {(ids[0], r) for u, ids in self.members.items() if u not in self.route for r in self.cost}
        return any(f.code == "over_budget" for key in lost for f in self.findings.get(key, ()))

    def set_money_aside(self) -> None:
        """Settle which of the units without a route can be paid at all."""
        ranked = [r for rank in self.policy.ranks for r in rank]
        waiting = [unit for unit in self.cost.index if unit not in self.route]
        routes_of = {u: [r for r in ranked if self.eligible.at[u, r]] for u in waiting}
        self.purses.set_aside(routes_of, self.households)

    def book(self, route: str, units: Iterable[str]) -> None:
        """Book units on a route and pay for them."""
        for unit in units:
            self.route[unit] = route
            self.purses.pay(unit, route)

    def draw(self, route: str, unit: str) -> None:
        """Book a unit on a route without pipes and take its need from its sources."""
        supply, network = self.policy.routes[route].supply, self.network(route)
        if supply is not None and network is not None and network.limited:
            used = self.used[supply]
            for village_id in self.members[unit]:
                source, need = str(network.nearest[village_id]), self.need[village_id, route]
                if not source:
                    continue
                if supply == "grid":
                    self.upgrade_cny[village_id] = _upgrade_cost(network, source, used[source], need)
                used[source] += need
                self.source[village_id] = source
        self.book(route, [unit])

    def attach(self, route: str, unit: str, quote: Quote) -> None:
        """Build the pipe of a quote, book the unit and take its load from the source."""
        supply, network, growth = self.pipes_of(route)
        load = sum(self.loads(route, unit))
        source = str(network.sources.index[quote.source])
        self.note(route, unit, quote)
        mains = growth.graph.main[quote.edges]
        if network.planned[mains[mains >= 0]].any():
            self.fail(self.members[unit], route, Finding("planned_main", warning=True))
        growth.attach(quote, load)
        self.used[supply][source] += load
        self.source |= dict.fromkeys(self.members[unit], source)
        self.ready |= dict.fromkeys(self.members[unit], float(network.main_year[mains].max(initial=0.0)))
        self.book(route, [unit])

    def note(self, route: str, unit: str, quote: Quote) -> None:
        """Remember a quote: length, break-even length and pipe cost, shared by load."""
        loads = np.array(self.loads(route, unit))
        limit = self.break_even(route, unit, quote)
        source = str(self.pipes_of(route)[1].sources.index[quote.source])
        for village_id, part in zip(self.members[unit], loads / loads.sum(), strict=True):
            pipe = (quote.new_m * part, limit * part, quote.pipe_cny * part, source)
            self.pipes[village_id, route] = pipe


def _upgrade_cost(network: SupplyNetwork, source: str, used: float, need: float) -> float:
    """Cost of the added capacity that a need draws on once the spare one is used. [CNY]"""
    row = network.sources.loc[source]
    price = row.get("upgrade_cost_cny_per_kva")
    beyond = max(0.0, used + need - max(float(row["spare_kva"]), used))
    return 0.0 if price is None or pd.isna(price) else beyond * float(price)
