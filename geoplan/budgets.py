"""The money of the years, and of all of them together: what a purse has, and what it pays for a village."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from geoplan.checks import Finding
from geoplan.errors import PolicyError, Problem
from geoplan.finance import in_force
from geoplan.policy import Policy
from geoplan.provisions import Level
from geoplan.schedule import SLACK_CNY, Floats, Limit, within_money
from geoplan.season import season_subsidies
from geoplan.units import WAN

#: Unit of money in the findings.
WAN_CNY = "10,000 CNY"


def planned_years(policy: Policy) -> tuple[int, ...]:
    r"""The years that are planned: those of the phasing, else of the targets and budgets, else the policy's.

    Raises
    ------
    PolicyError
        A target or a budget is for a year that the phasing does not plan.

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> planned_years(load_policy([("policy.toml", "[targets.by_year]\n2021 = 90\n2022 = 60")]))
    (2021, 2022)
    """
    named = {f"budgets.{name}": budget.wan_cny_by_year for name, budget in policy.budgets.items()}
    named["targets.by_year"] = policy.targets.by_year
    asked = {(where, int(year)) for where, by_year in named.items() for year in by_year}
    planned = policy.phasing.years
    if not planned:
        return tuple(sorted({year for _, year in asked})) or ((policy.year,) if policy.year else ())
    if strange := sorted((where, year) for where, year in asked if year not in planned):
        listed = ", ".join(map(str, planned))
        raise PolicyError(
            Problem(
                f"{where}: {year} is not among phasing.years ({listed})",
                file=policy.file_of(f"{where}.{year}"),
                column=where,
                remedy="add it to phasing.years, or take it out here",
            )
            for where, year in strange
        )
    return planned


def limits(
    task: pd.DataFrame, units: pd.Series, *, options: pd.DataFrame, years: Sequence[int], policy: Policy
) -> Iterator[Limit]:
    """Money of every purse in every year that a budget names; budgets of one payer and kind are one purse.

    Parameters
    ----------
    task : DataFrame, index ``village_id``
        Villages of the plan that are to be done.
    units : Series of list of str
        Villages of each unit.
    options : DataFrame
        Options of the plan; read only where operating subsidies are limited.
    years : sequence of int
    policy : Policy

    Yields
    ------
    Limit

    Raises
    ------
    PolicyError
        A budget limits an amount that the policy leaves open.
    """
    policy = in_force(policy, years=years)
    pooled: dict[tuple[Level, str], list[str]] = {}
    for name, budget in policy.budgets.items():
        pooled.setdefault((budget.payer, budget.kind), []).append(name)
    _refuse_unstated(task, options, pooled, policy)
    unit_of = {village: unit for unit, ids in units.items() for village in ids}
    rows = np.array([unit_of[village] for village in task.index], dtype=int)
    for (payer, kind), names in pooled.items():
        cost = np.zeros((len(units), len(years), len(years)))
        np.add.at(cost, rows, _paid(task, options, payer, kind, years=years, policy=policy))
        for position, year in enumerate(years):
            wan = [policy.budgets[name].wan_cny_by_year.get(str(year)) for name in names]
            stated = [amount for amount in wan if amount is not None]
            if stated:
                yield Limit(f"{payer}/{kind}", position, sum(stated) * WAN, cost[:, :, position])


def _paid(
    task: pd.DataFrame,
    options: pd.DataFrame,
    payer: Level,
    kind: str,
    *,
    years: Sequence[int],
    policy: Policy,
) -> np.ndarray:
    """What a payer pays, by village, year of conversion and year of payment. [CNY]"""
    paid = np.zeros((len(task), len(years), len(years)))
    if kind in ("capital", "both"):
        at_once = task[f"subsidy_{payer}_cny"].to_numpy(dtype=float)
        paid += at_once[:, None, None] * np.eye(len(years))
    if kind in ("operating", "both"):
        for offset in range(years[-1] - years[0] + 1):
            season = season_subsidies(task, options, policy, season=offset)[payer].to_numpy()
            for converted, year in enumerate(years):
                if year + offset in years:
                    paid[:, converted, years.index(year + offset)] += season
    return paid


def _refuse_unstated(
    task: pd.DataFrame,
    options: pd.DataFrame,
    pooled: Mapping[tuple[Level, str], Sequence[str]],
    policy: Policy,
) -> None:
    """Stop where a budget limits an amount that the policy leaves open."""
    problems = []
    for (payer, kind), names in pooled.items():
        for part in ("capital", "operating") if kind == "both" else (kind,):
            at_once = part == "capital"
            amounts = (
                task[f"subsidy_{payer}_cny"] if at_once else season_subsidies(task, options, policy)[payer]
            )
            routes = set(task.loc[amounts.astype(float).isna(), "route"])
            problems += [unstated_under_budget(names[0], part, routes, policy)] if routes else []
    if problems:
        raise PolicyError(problems)


def unstated_under_budget(budget: str, kind: str, routes: set[str], policy: Policy) -> Problem:
    """A budget cannot be kept where it is not known what it pays."""
    payer = policy.budgets[budget].payer
    keys = [
        f"subsidies.{name}"
        for name, s in policy.subsidies.items()
        if s.level == payer and s.kind == kind and s.unstated and routes & set(s.routes)
    ]
    return Problem(
        f"budgets.{budget} limits what {payer} pays, but {', '.join(keys)} is unstated"
        f" for {', '.join(sorted(routes))}",
        file=policy.file_of(f"budgets.{budget}"),
        column=f"budgets.{budget}",
        remedy=f"state the amount, or take budgets.{budget} out",
    )


# --- the money of all years as one more capacity ------------------------------------------------------


@dataclass
class Purses:
    """Capital money of the payers whose budgets name every planned year.

    Money can be set aside: of as many households as it can pay, on the route of
    theirs that asks for least, each unit's part is kept until it has its route, so that
    nobody takes a dearer one with money that another cannot do without.

    Attributes
    ----------
    payers : tuple of str
    left : ndarray, shape (n_payers,)
        Money that nobody has drawn. [CNY]
    cost : dict of (unit, route) to ndarray
        What each payer pays; infinite where the policy leaves it open. [CNY]
    aside : dict of unit to ndarray
        Money set aside. [CNY]
    held : ndarray, shape (n_payers,)
        Its sum. [CNY]
    """

    payers: tuple[Level, ...] = ()
    left: Floats = field(default_factory=lambda: np.zeros(0))
    cost: dict[tuple[str, str], Floats] = field(default_factory=dict)
    aside: dict[str, Floats] = field(default_factory=dict)
    held: Floats | float = 0.0

    def asked(self, unit: str, route: str) -> Floats:
        """What each payer pays for a unit on a route. [CNY]"""
        return self.cost.get((unit, route), np.zeros(len(self.payers)))

    def set_aside(self, routes_of: Mapping[str, Collection[str]], households: pd.Series) -> None:
        """Settle who is paid at all, given the routes that each unit may take."""
        least = {
            unit: min((self.asked(unit, route) for route in routes), key=np.sum)
            for unit, routes in routes_of.items()
            if routes
        }
        if not self.payers or not least:
            return
        cost = np.array(list(least.values()))
        paid = np.ones(len(least), dtype=bool)
        if (cost.sum(axis=0) > self.left + SLACK_CNY).any():
            count = households[list(least)].to_numpy(dtype=int)
            limits = [Limit(p, 0, self.left[i], cost[:, [i]]) for i, p in enumerate(self.payers)]
            order = np.arange(len(least))
            paid = within_money(count, 0 * order, goals=[np.inf], order=order, limits=limits) == 0
        self.aside = {unit: least[unit] for unit, yes in zip(least, paid, strict=True) if yes}
        self.held = cost[paid].sum(axis=0)

    def short(self, unit: str, route: str, *, returned: Floats | float = 0.0) -> Finding | None:
        """The finding that a payer has no money left for a unit on a route, or None."""
        if not self.payers:
            return None
        free = self.left - self.held + self.aside.get(unit, 0.0) + returned
        cost = self.asked(unit, route)
        missing = np.where(cost > 0, cost - free, 0.0)
        worst = int(missing.argmax())
        if missing[worst] <= SLACK_CNY:
            return None
        limit = float(max(free[worst], 0.0) / WAN)
        return Finding("over_budget", float(cost[worst] / WAN), limit, WAN_CNY, subject=self.payers[worst])

    def pay(self, unit: str, route: str) -> None:
        """Take the money for a unit, and give up what was set aside for it."""
        self.left = self.left - self.asked(unit, route)
        self.held = self.held - self.aside.pop(unit, 0.0)


def purses(priced: pd.DataFrame, *, eligible: pd.DataFrame, policy: Policy) -> Purses:
    """The purses that limit the choice of routes; none where no budget names every planned year.

    Parameters
    ----------
    priced : DataFrame, index (unit, route)
        Capital subsidies by level; infinite where one is left open. [CNY]
    eligible : DataFrame of bool, index unit, columns routes

    Raises
    ------
    PolicyError
        A budget limits an amount that the policy leaves open on an eligible route.
    """
    years = set(map(str, planned_years(policy)))
    money: dict[Level, float] = {}
    problems = []
    for name, budget in policy.budgets.items():
        of_payer = [b for b in policy.budgets.values() if (b.payer, b.kind) == (budget.payer, "capital")]
        named = {year for b in of_payer for year in b.wan_cny_by_year}
        if budget.kind != "capital" or not years <= named or budget.payer in money:
            continue
        money[budget.payer] = WAN * sum(sum(b.wan_cny_by_year.values()) for b in of_payer)
        open_ = np.isinf(priced[f"subsidy_{budget.payer}_cny"]).unstack() & eligible
        if routes := set(open_.columns[open_.any()]):
            problems.append(unstated_under_budget(name, "capital", routes, policy))
    if problems:
        raise PolicyError(problems)
    if not money:
        return Purses()
    paid = priced[[f"subsidy_{payer}_cny" for payer in money]]
    cost = dict(zip(paid.index, paid.to_numpy(dtype=float), strict=True))
    return Purses(tuple(money), np.array(list(money.values())), cost)
