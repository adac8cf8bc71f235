"""Money by year: rows of the funding table, and what each level of government pays."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from geoplan.budgets import planned_years
from geoplan.finance import in_force, stated_part
from geoplan.funding import funding_rows, row_money
from geoplan.policy import Policy
from geoplan.provisions import LEVELS, PAYERS, Level
from geoplan.season import season_subsidies
from geoplan.units import WAN


def funding_by_year(villages: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """The funding table spread over the years in which its villages are converted.

    A lump is booked in the year of its row when the row names a single one.

    Returns
    -------
    DataFrame
        ``row``, ``year`` (empty where it is not known), one column per payer
        and ``total`` (NaN where an amount is left open). [万元]

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("policy.toml", '''
    ... [funding.dual]
    ... item = "双替代"
    ... routes = ["heat_pump"]
    ... cny_per_household = { central = 3500 }
    ... ''')])
    >>> villages = pd.DataFrame({"route": "heat_pump", "households": [100, 200], "year": [2022, 2023]})
    >>> funding_by_year(villages, policy)[["year", "central"]].values.tolist()
    [[2022, 35.0], [2023, 70.0]]
    """
    parts = []
    for name, row in funding_rows(villages, policy).items():
        money = row_money(row, villages)
        years = villages["year"].reindex(money.by_village.index).astype("Int64")
        parts.append(money.by_village.assign(row=name, year=years))
        if (money.lump != 0.0).any():
            year = row.years[0] if len(row.years) == 1 else pd.NA
            parts.append(pd.DataFrame([{**money.lump, "row": name, "year": year}]).astype({"year": "Int64"}))
    if not parts:
        return pd.DataFrame(columns=["row", "year", *PAYERS, "total"])
    grouped = pd.concat(parts).groupby(["row", "year"], dropna=False, sort=False)[list(PAYERS)]
    frame = grouped.agg(_sum) / WAN
    frame["total"] = frame.sum(axis=1, skipna=False)
    order = {name: position for position, name in enumerate(funding_rows(villages, policy))}
    frame = frame.reset_index().sort_values("year", kind="stable")
    return frame.sort_values("row", key=lambda names: names.map(order), kind="stable", ignore_index=True)


def cash_flow(villages: pd.DataFrame, policy: Policy, *, options: pd.DataFrame) -> pd.DataFrame:
    """What each level of government pays in each year.

    Capital subsidies fall in the village's year. An operating subsidy falls in
    the year in which its season starts, for as long as its years and taper say; one
    without an end is shown until the last year that another needs. Each is
    priced by itself for every season, and all of a season pay no more than its
    bill. Villages without a year stand in an empty year with all their seasons together.

    Parameters
    ----------
    villages : DataFrame
        Villages of the plan.
    policy : Policy
        Its operating subsidies.
    options : DataFrame
        Options of the plan: the energy and the bill of a season.

    Returns
    -------
    DataFrame
        ``year``, ``level``, ``kind`` (``capital``, ``operating``), ``cny`` (NaN
        where an amount is left open) and ``stated_cny``, what is stated of it;
        without the rows that are 0. [CNY]

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("policy.toml", '''
    ... [subsidies.power]
    ... level = "district"
    ... kind = "operating"
    ... routes = ["heat_pump"]
    ... cny_per_kwh = 0.2
    ... years = 2
    ... ''')])
    >>> villages = pd.DataFrame({"village_id": ["V1"], "route": ["heat_pump"], "year": [2023],
    ...     "households": [100], "winter_occupancy": [None], **{f"subsidy_{l}_cny": 0.0 for l in LEVELS}})
    >>> options = pd.DataFrame({"village_id": ["V1"], "route": ["heat_pump"], "energy_use_per_a": [450_000.0],
    ...     "household_cost_unsubsidised_cny_per_season": [2025.0]})
    >>> cash_flow(villages, policy, options=options)[["year", "level", "kind", "cny"]].values.tolist()
    [[2023, 'district', 'operating', 90000.0], [2024, 'district', 'operating', 90000.0]]
    """
    frame = village_cash_flow(villages, policy, options=options)
    grouped = frame.groupby(["year", "level", "kind"], dropna=False, sort=False)
    frame = grouped.agg(cny=("cny", _sum), stated_cny=("stated_cny", "sum")).reset_index()
    frame = frame[frame["cny"] != 0.0].sort_values("kind", kind="stable")
    frame = frame.sort_values("level", key=lambda levels: levels.map(LEVELS.index), kind="stable")
    return frame.sort_values("year", kind="stable", ignore_index=True)


def village_cash_flow(villages: pd.DataFrame, policy: Policy, *, options: pd.DataFrame) -> pd.DataFrame:
    """What each level of government pays for each village in each year; see :func:`cash_flow`.

    Returns
    -------
    DataFrame
        ``village_id``, ``year``, ``level``, ``kind``, ``cny`` and ``stated_cny`` [CNY], the
        amounts of 0 included.
    """
    task = villages[villages["households"].astype(float) > 0]
    task = task.assign(year=task["year"].astype("Int64"))
    there = in_force(policy, years=planned_years(policy))
    frame = pd.concat([*_capital(task), *_operating(task, there, options)])
    return frame.assign(village_id=task["village_id"].reindex(frame.index)).reset_index(drop=True)


def _sum(amounts: pd.Series) -> float:
    """A sum that is not known when a part is not."""
    return float(amounts.sum(skipna=False))


def _flow(years: pd.Series, level: Level, kind: str, cny: pd.Series, stated: pd.Series) -> pd.DataFrame:
    """What a level pays for each village, and in which year."""
    frame = pd.DataFrame({"year": years, "level": level, "kind": kind, "cny": cny, "stated_cny": stated})
    return frame.astype({"year": "Int64", "cny": float, "stated_cny": float})


def _capital(task: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for level in LEVELS:
        column = f"subsidy_{level}_cny"
        yield _flow(task["year"], level, "capital", task[column], stated_part(task, column))


def _operating(task: pd.DataFrame, policy: Policy, options: pd.DataFrame) -> Iterator[pd.DataFrame]:
    subsidies = [s for s in policy.subsidies.values() if s.kind == "operating"]
    if not subsidies or task.empty:
        return
    limited = max(len(s.seasons or (1.0,)) for s in subsidies)
    dated = task["year"].dropna()
    first, last = (int(dated.min()), int(dated.max())) if len(dated) else (0, 0)
    levels = [level for level in LEVELS if level in {s.level for s in subsidies}]
    for season in range(last - first + limited):
        at = min(season, limited)  # after that only those without an end are left
        if season == at:
            cny = season_subsidies(task, options, policy, season=at)
            stated = season_subsidies(task, options, policy, season=at, stated=True)
        years = task["year"] + season
        paid = (years < last + limited).fillna(season < limited).astype(bool)
        for level in levels:
            yield _flow(years[paid], level, "operating", cny.loc[paid, level], stated.loc[paid, level])
