"""The cascade: the policy's own order of routes, under capacity.

Villages of one group decide together. In each rank of the order a unit takes
its cheapest eligible route for which its source still has room; a unit that finds
none goes on to the next rank. A capacity is never exceeded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from geoplan.checks import Finding, Findings
from geoplan.errors import InfeasibleError
from geoplan.finance import annuity
from geoplan.growth import Growth, Offer, Quote
from geoplan.options import Options, SupplyNetwork
from geoplan.policy import Policy
from geoplan.schema import Supply

#: Slack on capacities, so that a sum of shares that equals the capacity fits. [share]
TOLERANCE = 1e-9
DEFERRED = "deferred"


@dataclass
class Selection:
    """What the cascade decided.

    Attributes
    ----------
    route, source_id, decision : Series of str, index ``village_id``
    table : DataFrame
        The options with connection, break-even length and pipe cost as decided.
    findings : dict
        Every failed test, those of capacity and break-even included.
    used : dict of Series
        Capacity used per source of each supply.
    upgrade_cny : Series
        Substation upgrade a village causes. [CNY]
    order : tuple of str
        Groups and villages in the order in which they got their route.
    """

    route: pd.Series
    source_id: pd.Series
    decision: pd.Series
    table: pd.DataFrame
    findings: Findings
    used: dict[Supply, pd.Series]
    upgrade_cny: pd.Series
    order: tuple[str, ...]


def cascade(options: Options, *, policy: Policy) -> Selection:
    """Assign one route to every village by the policy's order.

    Parameters
    ----------
    options : Options
        Priced options; their findings and networks are copied or consumed,
        so price anew for another run.
    policy : Policy

    Returns
    -------
    Selection

    Raises
    ------
    InfeasibleError
        A lock asks for a route that cannot be supplied.
    """
    run = _Cascade(options, policy)
    run.place_locks()
    for rank in policy.ranks:
        run.fill(rank)
    return run.result()


@dataclass
class _Cascade:
    """State of one run. A unit is a group of villages, or a village of its own."""

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
    locked: set[str] = field(init=False, default_factory=set)
    refused: set[tuple[str, str]] = field(init=False, default_factory=set)
    used: dict[Supply, pd.Series] = field(init=False)
    upgrade_cny: pd.Series = field(init=False)
    pipes: dict[tuple[str, str], tuple[float, float, float, str]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        villages = self.options.villages
        self.findings = {key: list(found) for key, found in self.options.findings.items()}
        task = villages.index[villages["households"].astype(float) > 0]
        group = villages.loc[task, "group_id"].astype(object)
        self.unit_of = group.where(group.notna() & (group != ""), pd.Series(task, index=task)).astype(str)
        self.members = {unit: list(ids) for unit, ids in self.unit_of.groupby(self.unit_of).groups.items()}
        by_unit = self.options.table.loc[self.options.table.index.isin(task, level=0)]
        unit = by_unit.index.get_level_values(0).map(self.unit_of)
        route = by_unit.index.get_level_values(1)
        totals = by_unit[["annual_cost_cny", "capacity_use"]].groupby([unit, route]).sum()
        self.cost, self.use = (totals[column].unstack() for column in totals)
        self.need = self.options.table["capacity_use"].to_dict()
        self.eligible = self._eligibility()
        self.used = {
            supply: pd.Series(0.0, index=network.sources.index)
            for supply, network in self.options.supplies.items()
        }
        self.upgrade_cny = pd.Series(0.0, index=villages.index)
        self._quote_gas_alone()

    # --- eligibility ------------------------------------------------------------------------------

    def _eligibility(self) -> pd.DataFrame:
        """Which unit may take which route: all its villages must be eligible."""
        frame = pd.DataFrame(True, index=self.cost.index, columns=self.cost.columns)
        culprits: dict[tuple[str, str], str] = {}
        for (village_id, route), found in self.findings.items():
            unit = self.unit_of.get(village_id)
            if unit is not None and not all(f.warning for f in found):
                frame.loc[unit, route] = False
                culprits.setdefault((unit, route), village_id)
        for (unit, route), culprit in culprits.items():
            for village_id in self.members[unit]:
                if self.options.eligible(village_id, route):
                    self._fail([village_id], route, Finding("group", subject=culprit))
        return frame

    def _fail(self, village_ids: Iterable[str], route: str, finding: Finding) -> None:
        for village_id in village_ids:
            self.findings.setdefault((village_id, route), []).append(finding)

    def _network(self, route: str) -> SupplyNetwork | None:
        supply = self.policy.routes[route].supply
        return self.options.supplies[supply] if supply else None

    def _pipes_of(self, route: str) -> tuple[Supply, SupplyNetwork, Growth]:
        """Supply, network and pipes of a piped route."""
        supply, network = self.policy.routes[route].supply, self._network(route)
        if supply is None or network is None or network.growth is None:
            raise LookupError(f"{route} has no pipes")
        return supply, network, network.growth

    def _quote_gas_alone(self) -> None:
        """Add to each piped option but heat what its own connection would cost."""
        for route in self.cost.columns:
            network = self._network(route)
            if network is None or network.growth is None or self.policy.routes[route].supply == "heat":
                continue
            price = float(network.growth.pipes.cny_per_m[0]) * self._pipe_rate(route)
            metres = network.metres.replace(np.inf, np.nan)[self.unit_of.index]
            alone = (metres * price).groupby(self.unit_of).sum()
            self.cost[route] = self.cost[route] + alone.reindex(self.cost.index).fillna(0.0)

    def _pipe_rate(self, route: str) -> float:
        """Yearly cost of one unit of money in pipes. [1/a]"""
        heat = self.policy.routes[route].supply == "heat"
        pipes = self.policy.network.heat if heat else self.policy.network.gas
        return annuity(self.policy.economics.discount_rate, pipes.lifetime_a) + pipes.maintenance_share

    def _alternative(self, unit: str, *, but: Iterable[str], strict: bool = False) -> float:
        """Annual cost of the cheapest other lasting route that is eligible. [CNY/a]

        When none is: that of the cheapest one at all, or infinity under `strict`.
        """
        ordered = [r for rank in self.policy.ranks for r in rank if r not in but]
        lasting = [r for r in ordered if not self.policy.routes[r].transition]
        costs = [self.cost.at[unit, r] for r in lasting if self.eligible.at[unit, r]]
        if not costs and not strict:
            others = [r for r in self.cost.columns if r not in but and not self.policy.routes[r].transition]
            costs = [self.cost.at[unit, r] for r in lasting or others]
        return float(min(costs, default=np.inf))

    # --- the ranks --------------------------------------------------------------------------------

    def place_locks(self) -> None:
        """Give every locked unit its route before anything else takes capacity."""
        locks = self.options.villages["locked_route"]
        locks = locks[locks.notna() & (locks != "")].reindex(self.unit_of.index).dropna()
        wanted = {self.unit_of[v]: str(route) for v, route in locks.items()}
        problems = []
        for unit, route in sorted(wanted.items()):
            self.locked.add(unit)
            if route in (DEFERRED, "existing"):
                self.route[unit] = route
                continue
            for village_id in self.members[unit]:
                self.findings.pop((village_id, route), None)
            self.eligible.loc[unit, route] = True
            if not self._allocate(route, [unit], forced=True):
                reason = self.findings[self.members[unit][0], route][-1]
                problems.append(
                    f"  * {', '.join(self.members[unit])} locked to {route}: {reason.code}, "
                    f"needs {_amount(reason.measured)} {reason.unit}, there is {_amount(reason.limit)}"
                )
        if problems:
            raise InfeasibleError("\n".join(["Locked routes that cannot be supplied:", *problems]))

    def fill(self, rank: Sequence[str]) -> None:
        """Serve one rank: each unit tries its eligible routes of the rank from the best on."""
        preference = {u: self._preferred(u, rank) for u in self.cost.index if u not in self.route}
        while waiting := {u: routes[0] for u, routes in preference.items() if routes}:
            for route in rank:
                wanting = [u for u, first in waiting.items() if first == route]
                taken = self._allocate(route, wanting)
                self.refused |= {(u, route) for u in set(wanting) - set(taken) if self.eligible.at[u, route]}
                for unit in taken:
                    del preference[unit]
            preference = {u: routes[1:] for u, routes in preference.items()}

    def _preferred(self, unit: str, rank: Sequence[str]) -> list[str]:
        """Eligible routes of a rank, best first: cheapest, and among near ties the cleanest."""
        costs = {r: self.cost.at[unit, r] for r in rank if self.eligible.at[unit, r]}
        ordered = sorted(costs, key=lambda r: (costs[r], rank.index(r)))
        if len(ordered) > 1:
            limit = costs[ordered[0]] * (1.0 + self.policy.selection.near_tie_pct / 100.0)
            ties = [r for r in ordered if costs[r] <= limit]
            ordered = sorted(ties, key=lambda r: self._dirt(unit, r)) + ordered[len(ties) :]
        return ordered

    def _dirt(self, unit: str, route: str) -> tuple[float, float]:
        rows = [(v, route) for v in self.members[unit]]
        emitted = self.options.table.loc[rows, ["pm25_kg_per_a", "co2_t_per_a"]].sum()
        return float(emitted.iloc[0]), float(emitted.iloc[1])

    def _allocate(self, route: str, units: list[str], *, forced: bool = False) -> list[str]:
        """Give a route to those of the units that its sources can supply; returns them."""
        supply = self.policy.routes[route].supply
        network = self._network(route)
        if not units or network is None or supply is None or not network.limited:
            self.route |= dict.fromkeys(units, route)
            return units
        if supply == "heat" and not forced:
            return self._attach_heat(route, units)
        return [u for u in self._by_regret(route, units) if self._supply(supply, route, u, network)]

    def _by_regret(self, route: str, units: list[str]) -> list[str]:
        """Units by what they would lose without the supply, per unit of its scarce capacity."""
        supply = self.policy.routes[route].supply
        alike = [r for r in self.cost.columns if self.policy.routes[r].supply == supply]

        def key(unit: str) -> tuple[float, str]:
            regret = self._alternative(unit, but=alike, strict=True) - self.cost.at[unit, route]
            return -regret / max(self.use.at[unit, route], 1e-12), unit

        return sorted(units, key=key)

    def _supply(self, supply: Supply, route: str, unit: str, network: SupplyNetwork) -> bool:
        """Take a unit's need from its source if there is room."""
        if network.growth is not None:
            return self._connect(route, unit)
        need = {v: self.need[v, route] for v in self.members[unit]}
        at = {v: str(network.nearest[v]) for v in need}
        used = self.used[supply]
        for source in dict.fromkeys(at.values()):
            wanted = sum(need[v] for v in need if at[v] == source)
            left = network.sources.at[source, "capacity"] - used[source] if source else 0.0
            if wanted > left + TOLERANCE * max(wanted, 1.0):
                full = Finding("source_full", wanted, max(left, 0.0), network.unit, subject=source)
                self._fail(need, route, full)
                return False
        for village_id, source in at.items():
            if supply == "grid":
                self.upgrade_cny[village_id] = _upgrade_cost(network, source, used[source], need[village_id])
            used[source] += need[village_id]
            self.source[village_id] = source
        self.route[unit] = route
        return True

    # --- pipes ------------------------------------------------------------------------------------

    def _connect(self, route: str, unit: str) -> bool:
        """Attach a unit to the nearest source of a pipe network that has room, whatever it costs."""
        quote, finding = self._quote(route, unit)
        if quote is None or finding is not None:
            self._fail(self.members[unit], route, finding or Finding("unreachable"))
            return False
        self._attach(route, unit, quote)
        return True

    def _loads(self, route: str, unit: str) -> list[float]:
        return [self.need[v, route] for v in self.members[unit]]

    def _quote(self, route: str, unit: str) -> tuple[Quote | None, Finding | None]:
        """The best offer for a unit, and what stands against it (nothing, a full source or a full main)."""
        _, network, growth = self._pipes_of(route)
        nodes = [int(growth.graph.village_node[v]) for v in self.members[unit]]
        loads = self._loads(route, unit)
        offers = [
            q for s in range(len(growth.capacity)) if (q := growth.quote(nodes, loads, source=s)) is not None
        ]
        ids, need = network.sources.index, sum(loads)
        first: tuple[Quote | None, Finding | None] = (None, None)
        for offer in sorted(offers, key=lambda q: (q.pipe_cny, q.new_m, q.source)):
            left = growth.left[offer.source]
            finding = None
            if need > left + TOLERANCE * max(need, 1.0):
                finding = Finding(
                    "source_full", need, max(float(left), 0.0), network.unit, subject=str(ids[offer.source])
                )
            elif offer.overloaded:
                spare, wanted = offer.overloaded
                finding = Finding("main_full", wanted, spare, network.unit, subject=str(ids[offer.source]))
            if finding is None:
                return offer, None
            if first[0] is None:
                first = offer, finding
        return first

    def _attach(self, route: str, unit: str, quote: Quote) -> None:
        supply, network, growth = self._pipes_of(route)
        loads = self._loads(route, unit)
        growth.attach(quote, sum(loads))
        source = str(network.sources.index[quote.source])
        self.used[supply][source] += sum(loads)
        self.source |= dict.fromkeys(self.members[unit], source)
        self.route[unit] = route
        self._note(route, unit, quote, source=source)

    def _note(self, route: str, unit: str, quote: Quote, *, source: str) -> None:
        """Remember a quote in the options: length, break-even length and pipe cost, shared by load."""
        loads = np.array(self._loads(route, unit))
        share = loads / loads.sum() if loads.sum() > 0 else np.full(len(loads), 1.0 / len(loads))
        limit = self._break_even(route, unit, quote)
        for village_id, part in zip(self.members[unit], share, strict=True):
            self.pipes[village_id, route] = (quote.new_m * part, limit * part, quote.pipe_cny * part, source)

    def _break_even(self, route: str, unit: str, quote: Quote) -> float:
        """New trench at which heat costs as much as the cheapest other route. [m]"""
        if self.policy.routes[route].supply != "heat":
            return np.nan
        benefit = self._alternative(unit, but=[route]) - self.cost.at[unit, route]
        return (benefit / self._pipe_rate(route) - quote.other_cny) / quote.cny_per_m

    def _attach_heat(self, route: str, units: list[str]) -> list[str]:
        """Attach units by decreasing net benefit per metre of new trench, while it pays and there is room."""
        growth = self._pipes_of(route)[2]
        rate = self._pipe_rate(route)
        benefit = {u: self._alternative(u, but=[route]) - self.cost.at[u, route] for u in units}
        waiting = dict.fromkeys(units)
        offers: dict[str, Offer] = {}
        attached: list[str] = []
        while True:
            for unit in waiting:
                if unit not in offers or not offers[unit].holds(growth):
                    nodes = [int(growth.graph.village_node[v]) for v in self.members[unit]]
                    offers[unit] = Offer(
                        *self._quote(route, unit), nodes, sum(self._loads(route, unit)), growth
                    )
            open_ = {
                u: q for u in waiting if (q := offers[u].quote) is not None and offers[u].finding is None
            }
            per_metre = {u: (benefit[u] - rate * q.pipe_cny) / max(q.new_m, 1.0) for u, q in open_.items()}
            best = min(per_metre, key=lambda u: (-per_metre[u], u), default=None)
            if best is None or per_metre[best] < 0:
                break
            self._attach(route, best, open_[best])
            attached.append(best)
            del waiting[best]
        self._explain_heat(route, {u: offers[u] for u in waiting}, benefit)
        return attached

    def _explain_heat(
        self,
        route: str,
        offers: dict[str, Offer],
        benefit: dict[str, float],
    ) -> None:
        """Say why a unit stayed off the pipe: too far to pay, or no room."""
        for unit, offer in offers.items():
            quote, finding = offer.quote, offer.finding
            if quote is None:
                self._fail(self.members[unit], route, Finding("unreachable", subject="heat"))
                self.eligible.loc[unit, route] = False
            elif benefit[unit] - self._pipe_rate(route) * quote.pipe_cny < 0:
                limit = self._break_even(route, unit, quote)
                self._fail(
                    self.members[unit], route, Finding("beyond_break_even", quote.new_m, max(limit, 0.0), "m")
                )
                self.eligible.loc[unit, route] = False
            elif finding is not None:
                self._fail(self.members[unit], route, finding)

    # --- the result -------------------------------------------------------------------------------

    def result(self) -> Selection:
        """Routes, decisions and the options as they stood in the end."""
        villages = self.options.villages
        unit = self.unit_of.reindex(villages.index)
        route = pd.Series([self.route.get(u, DEFERRED) for u in unit], index=villages.index, dtype=object)
        done = villages["households_converted"].astype("Float64").fillna(0.0) > 0
        idle = ~villages.index.isin(self.unit_of.index)
        route = route.mask(idle & done.to_numpy(dtype=bool), "existing")
        self._late_tests(route)
        self._final_lengths(route)
        decision = pd.Series({v: self._decision(v, route[v]) for v in villages.index}, dtype=object)
        return Selection(
            route=route,
            source_id=pd.Series(
                [self.source.get(v, "") for v in villages.index], villages.index, dtype=object
            ),
            decision=decision,
            table=self._with_pipes(),
            findings=self.findings,
            used=self.used,
            upgrade_cny=self.upgrade_cny,
            order=tuple(self.route),
        )

    def _late_tests(self, route: pd.Series) -> None:
        """Test for room the eligible options whose turn never came, so that a runner-up is a real one."""
        for unit, ids in self.members.items():
            for name in self.cost.columns:
                if name != route[ids[0]] and self.eligible.at[unit, name]:
                    for village_id in ids:
                        self._late_test(village_id, name, route[village_id])

    def _late_test(self, village_id: str, name: str, taken: str) -> None:
        supply, network = self.policy.routes[name].supply, self._network(name)
        tested = any(f.is_capacity for f in self.findings.get((village_id, name), ()))
        if tested or supply is None or network is None or not network.limited:
            return
        source = str(network.nearest[village_id])
        need = self.need[village_id, name]
        left = float(network.sources.at[source, "capacity"] - self.used[supply][source])
        # What the village uses now returns to its source when it changes within one supply.
        if self.source.get(village_id) == source and self.policy.routes[taken].supply == supply:
            left += self.need[village_id, taken]
        if need > left + TOLERANCE * max(need, 1.0):
            self._fail([village_id], name, Finding("source_full", need, max(left, 0.0), network.unit, source))

    def _final_lengths(self, route: pd.Series) -> None:
        """Length and price of the pipe for every piped option not taken, from the network as built."""
        for name in self.cost.columns:
            network = self._network(name)
            if network is None or network.growth is None:
                continue
            for unit, ids in self.members.items():
                if route[ids[0]] != name:
                    quote = self._quote(name, unit)[0]
                    if quote is not None:
                        self._note(name, unit, quote, source=str(network.sources.index[quote.source]))

    def _with_pipes(self) -> pd.DataFrame:
        """The options table with connection lengths and pipe costs filled in."""
        table = self.options.table.copy()
        if self.pipes:
            columns = ["connection_m", "break_even_m", "pipe_cny", "source_id"]
            noted = pd.DataFrame.from_dict(self.pipes, orient="index", columns=columns)
            noted.index = pd.MultiIndex.from_tuples(noted.index, names=table.index.names)
            table.update(noted)
        rate = {
            r: self._pipe_rate(r)
            for r in self.cost.columns
            if (n := self._network(r)) is not None and n.growth
        }
        yearly = table["pipe_cny"] * table.index.get_level_values(1).map(rate).astype(float)
        table["capex_cny"] += table["pipe_cny"]
        for column in ("annual_cost_cny", "annual_cost_equal_service_cny", "annual_cost_behaviour_cny"):
            table[column] += yearly.fillna(0.0)
        return table

    def _decision(self, village_id: str, route: str) -> str:
        unit = self.unit_of.get(village_id)
        if unit in self.locked:
            return "locked"
        if unit is None or route in (DEFERRED, "existing"):
            return DEFERRED
        if any((unit, r) in self.refused for r in self.cost.columns):
            return "no capacity left"
        rank = next(rank for rank in self.policy.ranks if route in rank)
        first = next(r for r in rank if self.eligible.at[unit, r])
        own = next((r for k in self.policy.ranks for r in k if self._own_eligible(village_id, r)), route)
        if own not in rank:
            return "group"
        return "first choice" if first == route else "cheaper option"

    def _own_eligible(self, village_id: str, route: str) -> bool:
        """Whether a village could take a route if it had no group."""
        return all(f.warning or f.code == "group" for f in self.findings.get((village_id, route), ()))


def _upgrade_cost(network: SupplyNetwork, source: str, used: float, need: float) -> float:
    """Cost of the added capacity that a need draws on once the spare one is used. [CNY]"""
    row = network.sources.loc[source]
    price = row.get("upgrade_cost_cny_per_kva")
    beyond = max(0.0, used + need - max(float(row["spare_kva"]), used))
    return 0.0 if price is None or pd.isna(price) else beyond * float(price)


def _amount(value: float | str | None) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else str(value)
