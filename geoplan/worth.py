"""What a selection is worth: who waits, who burns clean coal for a time, and what it costs a year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from geoplan.finance import annuity
from geoplan.ledger import DEFERRED, Ledger
from geoplan.options import Options
from geoplan.policy import Policy
from geoplan.verdict import Selection

Objective = Literal["society", "household", "emissions-priced"]
#: What is counted of the choice of each (unit, route).
Count = Mapping[tuple[str, str], float]

#: Weight of the cost to society where households' cost alone is to be least.
SLIGHT = 1e-3


@dataclass(frozen=True, order=True)
class Worth:
    """What a selection is judged by, the first first.

    Attributes
    ----------
    deferred, transition : int
        Households that wait, and that burn clean coal for a time.
    cost_cny_per_a : float
    """

    deferred: int
    transition: int
    cost_cny_per_a: float

    def better_than(self, other: Worth) -> bool:
        """Whether it is better by more than rounding.

        Examples
        --------
        >>> Worth(0, 10, 9e6).better_than(Worth(0, 12, 1e6)), Worth(0, 0, 5.0).better_than(Worth(0, 0, 5.0))
        (True, False)
        """
        mine, yours = (self.deferred, self.transition), (other.deferred, other.transition)
        if mine != yours:
            return mine < yours
        return self.cost_cny_per_a < other.cost_cny_per_a - 1e-9 * abs(other.cost_cny_per_a)


def unit_costs(options: Options, policy: Policy, objective: Objective) -> pd.Series:
    """What each option costs a year before shared pipes and substation upgrades. [CNY/a]"""
    table = options.table
    society: pd.Series = table["annual_cost_equal_service_cny"].astype(float)
    if objective == "society":
        return society
    if objective == "household":
        # Among choices that cost households the same, the cheaper for all.
        return table["household_annual_cost_cny"].astype(float) + SLIGHT * society
    priced: pd.Series = society + policy.economics.emission_prices.of(table)
    return priced


def option_costs(
    selection: Selection, options: Options, policy: Policy, *, objective: Objective
) -> dict[tuple[str, str], float]:
    """What each option costs a year by an objective, with its pipe and upgrade as decided. [CNY/a]"""
    shared = selection.table["annual_cost_cny"] - options.table["annual_cost_cny"]
    weight = SLIGHT if objective == "household" else 1.0
    costs = unit_costs(options, policy, objective) + weight * shared
    return {(str(village), str(route)): float(cost) for (village, route), cost in costs.items()}


class Judge:
    """Prices of an objective, and what selections are worth by them.

    Attributes
    ----------
    weight : float
        How much a unit of money in pipes and upgrades counts.
    cost : dict of (unit, route) to float
        Before shared pipes and upgrades. [CNY/a]
    waits, late : dict of (unit, route) to float
        Households that wait, and that burn clean coal for a time.
    """

    def __init__(self, options: Options, ledger: Ledger, *, objective: Objective) -> None:
        self.ledger, self.policy = ledger, ledger.policy
        self.weight = SLIGHT if objective == "household" else 1.0
        self.cost = _by_unit(unit_costs(options, self.policy, objective), ledger.unit_of)
        households = ledger.households
        late = last_resorts(self.policy)
        # A lock to wait is not for this to judge.
        free = [u for u, ids in ledger.members.items() if not any(v in ledger.locked for v in ids)]
        self.waits = {(u, DEFERRED): float(households[u]) for u in free}
        self.late = {(u, r): float(households[u]) for u in ledger.members for r in late}

    def worth(self, selection: Selection, options: Options) -> Worth:
        """What a selection is worth, priced from the pipes that it built on the options' networks."""
        taken = [(u, str(selection.route[ids[0]])) for u, ids in self.ledger.members.items()]
        deferred = round(sum(self.waits.get(key, 0.0) for key in taken))
        late = round(sum(self.late.get(key, 0.0) for key in taken))
        cost = sum(self.cost.get(key, 0.0) for key in taken)
        return Worth(deferred, late, cost + self.weight * self._shared(selection, options))

    def _shared(self, selection: Selection, options: Options) -> float:
        """Yearly cost of pipes and upgrades. [CNY/a]"""
        total = 0.0
        for supply, network in options.supplies.items():
            if network.growth is not None:
                routes = [r for r, p in self.policy.routes.items() if p.supply == supply]
                total += network.growth.built_cny * (self.ledger.pipe_rate(routes[0]) if routes else 0.0)
            elif supply == "grid" and "upgrade_cost_cny_per_kva" in network.sources:
                sources, economics = network.sources, self.policy.economics
                beyond = (selection.used[supply] - sources["spare_kva"].astype(float)).clip(lower=0.0)
                price = sources["upgrade_cost_cny_per_kva"].astype(float).fillna(0.0)
                rate = annuity(economics.discount_rate, self.policy.network.grid.upgrade_lifetime_a)
                total += float((beyond * price).sum()) * rate
        return total


def _by_unit(prices: pd.Series, unit_of: pd.Series) -> dict[tuple[str, str], float]:
    """Costs of the villages of a unit added up. [CNY/a]"""
    of_task = prices[prices.index.get_level_values(0).isin(unit_of.index)]
    unit = of_task.index.get_level_values(0).map(unit_of)
    summed = of_task.groupby([unit, of_task.index.get_level_values(1)]).sum()
    return {(str(u), str(r)): float(c) for (u, r), c in summed.items()}


def last_resorts(policy: Policy) -> list[str]:
    """Transition routes after which the order has no lasting one.

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> last_resorts(load_policy([("policy.toml", 'order = ["heat_pump", "clean_coal"]')]))
    ['clean_coal']
    >>> last_resorts(load_policy([("policy.toml", 'order = ["clean_coal", "heat_pump"]')]))
    []
    """
    ranked = [(r, i) for i, rank in enumerate(policy.ranks) for r in rank]
    last = max((i for r, i in ranked if not policy.routes[r].transition), default=-1)
    return [r for r, i in ranked if policy.routes[r].transition and i >= last]
