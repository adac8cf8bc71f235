"""The money of the years: what each purse has, and what it pays for a village that is done in each year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from geoplan.errors import PolicyError, Problem
from geoplan.finance import operating_schedule
from geoplan.policy import Policy
from geoplan.provisions import Level
from geoplan.schedule import Limit
from geoplan.units import WAN


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
                file=policy.file_of(where),
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
        season = _first_season(task, options, payer).to_numpy()
        share = {r: _season_shares(r, payer, years=years, policy=policy) for r in task["route"].unique()}
        paid += season[:, None, None] * np.array([share[r] for r in task["route"]]).reshape(paid.shape)
    return paid


def _first_season(task: pd.DataFrame, options: pd.DataFrame, payer: Level) -> pd.Series:
    """Operating subsidy of a level for the first season of every village. [CNY/a]"""
    column = f"subsidy_operating_{payer}_cny_per_a"
    amounts = options.set_index(["village_id", "route"])[column].astype(float)
    taken = amounts.reindex(pd.MultiIndex.from_arrays([task["village_id"], task["route"]]))
    return pd.Series(taken.to_numpy(), index=task.index)


def _season_shares(route: str, payer: Level, *, years: Sequence[int], policy: Policy) -> np.ndarray:
    """Part of the first season that is paid in each later one, by year of conversion and of payment.

    Where subsidies of one level run differently, the largest part: a budget is never exceeded.
    """
    shares = np.zeros((len(years), len(years)))
    own = [s for s in policy.subsidies.values() if s.kind == "operating" and s.level == payer]
    for subsidy in (s for s in own if route in s.routes):
        for row, converted in enumerate(years):
            paid = operating_schedule(subsidy, converted=converted, until=years[-1])
            first = next(iter(paid.values()), 1.0)
            shares[row] = np.maximum(shares[row], [paid.get(year, 0.0) / first for year in years])
    return shares


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
            amounts = task[f"subsidy_{payer}_cny"] if at_once else _first_season(task, options, payer)
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
