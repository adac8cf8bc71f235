"""Money by year: rows of the funding table, and what each level of government pays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from geoplan.demand import heated_households
from geoplan.finance import operating_schedule
from geoplan.funding import funding_rows, row_money
from geoplan.policy import Policy
from geoplan.provisions import LEVELS, PAYERS, UNSTATED, Level, Subsidy, matching
from geoplan.units import WAN

COLUMNS = ["year", "level", "kind", "cny"]

#: A row of these columns.
Flow = tuple[Any, Level, str, float]


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
    without an end is shown until the last year that another needs. Villages
    without a year stand in an empty year with all their seasons together.

    Where operating subsidies of one level with different years meet in one
    village, the level's first season is split between them as if all were paid
    for the same energy: exact as long as only one of them pays by energy.

    Parameters
    ----------
    villages : DataFrame
        Villages of the plan.
    policy : Policy
        Its operating subsidies.
    options : DataFrame
        Options of the plan: ``subsidy_operating_<level>_cny_per_a`` is the first season.

    Returns
    -------
    DataFrame
        ``year``, ``level``, ``kind`` (``capital``, ``operating``), ``cny`` (NaN
        where an amount is left open), without the rows that are 0. [CNY]

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
    >>> options = pd.DataFrame({"village_id": ["V1"], "route": ["heat_pump"],
    ...     **{f"subsidy_operating_{l}_cny_per_a": [90_000.0] for l in LEVELS}})
    >>> cash_flow(villages, policy, options=options).values.tolist()
    [[2023, 'district', 'operating', 90000.0], [2024, 'district', 'operating', 90000.0]]
    """
    task = villages[villages["households"].astype(float) > 0]
    task = task.assign(year=task["year"].astype("Int64"))
    flows = [*_capital(task), *_operating(task, policy, options)]
    frame = pd.DataFrame(flows, columns=COLUMNS).astype({"year": "Int64", "cny": float})
    grouped = frame.groupby(["year", "level", "kind"], dropna=False, sort=False)["cny"]
    frame = grouped.agg(_sum).reset_index()
    frame = frame[frame["cny"] != 0.0].sort_values("kind", kind="stable")
    frame = frame.sort_values("level", key=lambda levels: levels.map(LEVELS.index), kind="stable")
    return frame.sort_values("year", kind="stable", ignore_index=True)


def _sum(amounts: pd.Series) -> float:
    """A sum that is not known when a part is not."""
    return float(amounts.sum(skipna=False))


def _by_year(amount: pd.Series, years: pd.Series) -> Iterable[tuple[Any, float]]:
    return amount.astype(float).groupby(years, dropna=False).agg(_sum).items()


def _capital(task: pd.DataFrame) -> Iterator[Flow]:
    for level in LEVELS:
        for year, cny in _by_year(task[f"subsidy_{level}_cny"], task["year"]):
            yield year, level, "capital", cny


def _operating(task: pd.DataFrame, policy: Policy, options: pd.DataFrame) -> Iterator[Flow]:
    taken = pd.MultiIndex.from_frame(task[["village_id", "route"]])
    first = options.set_index(["village_id", "route"]).reindex(taken).set_index(task.index)
    subsidies = [s for s in policy.subsidies.values() if s.kind == "operating"]
    dated = task["year"].dropna()
    until = int(dated.max() if len(dated) else 0) + max((len(_seasons(s)) for s in subsidies), default=1) - 1
    for level in dict.fromkeys(s.level for s in subsidies):
        own = [s for s in subsidies if s.level == level]
        season = first[f"subsidy_operating_{level}_cny_per_a"].astype(float)
        for subsidy, amount in zip(own, _apart(season, own, task, policy), strict=True):
            for converted, cny in _by_year(amount / _seasons(subsidy)[0], task["year"]):
                if pd.isna(converted):
                    yield pd.NA, level, "operating", cny * sum(_seasons(subsidy))
                    continue
                schedule = operating_schedule(subsidy, converted=int(converted), until=until)
                for year, share in schedule.items():
                    yield year, level, "operating", cny * share


def _seasons(subsidy: Subsidy) -> tuple[float, ...]:
    """Shares of the seasons that are paid; of a subsidy without an end the first."""
    return subsidy.seasons or (1.0,)


def _apart(
    season: pd.Series, subsidies: Sequence[Subsidy], task: pd.DataFrame, policy: Policy
) -> list[pd.Series]:
    """The first season of one level, apart by subsidy. [CNY]"""
    households = heated_households(task)
    kwh = task["route"].map(
        {name: policy.carriers[r.carrier].kwh_per_unit for name, r in policy.routes.items()}
    )
    paid = pd.DataFrame({i: _pays(s, task, policy) * _seasons(s)[0] for i, s in enumerate(subsidies)})
    flat, rate = paid.copy(), paid.copy()
    for i, s in enumerate(subsidies):
        flat[i] *= households * _stated(s.cny_per_household)
        rate[i] *= _stated(s.cny_per_unit) + _stated(s.cny_per_kwh) * kwh
    by_energy = (season - flat.sum(axis=1)).clip(lower=0.0)
    energy = by_energy / rate.sum(axis=1).where(lambda total: total > 0, np.inf)
    weight = flat + rate.mul(energy, axis=0)
    known = season.notna() & (weight.sum(axis=1) > 0)
    weight = weight.where(known, paid, axis=0)
    shares = weight.div(weight.sum(axis=1), axis=0)
    return [(season * shares[i]).where(shares[i] > 0, 0.0) for i in shares]


def _pays(subsidy: Subsidy, task: pd.DataFrame, policy: Policy) -> pd.Series:
    """Whether a subsidy is in the plan's prices of a village's route."""
    mask = matching(task, subsidy.where) & task["route"].isin(subsidy.routes)
    year = policy.year
    in_force = year is None or bool(operating_schedule(subsidy, converted=year, until=year))
    return mask & in_force


def _stated(amount: float | str) -> float:
    return 0.0 if amount == UNSTATED else float(amount)
