"""What a household can bear: the running cost against coal, willingness to pay and income.

An amount that the policy leaves open stays open here: NaN in a table, None in a summary.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from geoplan.policy import Policy
from geoplan.provisions import Affordability

#: Column of the cost of a season by the case it stands for.
CASES = {
    "with_subsidy": "household_cost_cny_per_season",
    "without_subsidy": "household_cost_unsubsidised_cny_per_season",
}


def coal_cost(policy: Policy) -> float:
    """What a household pays for the bulk coal of one season today.

    Returns
    -------
    float
        [CNY/household]

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> coal_cost(default_policy())
    2520.0
    """
    coal = policy.carriers["coal"]
    price = coal.price_cny if coal.household_price_cny is None else coal.household_price_cny
    return policy.baseline.coal_t_per_household * price


def household_income(limits: Affordability) -> float:
    """Disposable income of one household in a year. [CNY/a]"""
    return limits.income_cny_per_person * limits.persons_per_household


def rating(cost_cny_per_season: pd.Series, limits: Affordability) -> pd.Series:
    """Whether the running cost is light (green), heavy (amber) or too much (red) for the income.

    Parameters
    ----------
    cost_cny_per_season : Series
        What one household pays for one season. [CNY/household]
    limits : Affordability
        Income, and the shares of it up to which a cost is green, and amber.

    Returns
    -------
    Series of str
        Empty where the cost is not known.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> rating(pd.Series([2700.0, 4000.0, 5000.0, float("nan")]), default_policy().affordability).tolist()
    ['green', 'amber', 'red', '']
    """
    share = cost_cny_per_season.to_numpy(dtype=float) / household_income(limits)
    levels = [np.isnan(share), share <= limits.income_share_green, share <= limits.income_share_red]
    found = np.select(levels, ["", "green", "amber"], "red").astype(object)
    return pd.Series(found, index=cost_cny_per_season.index, dtype=object)


def at_risk(villages: pd.DataFrame, policy: Policy) -> pd.Series:
    """Villages whose households may go back to coal when no subsidy is left.

    Parameters
    ----------
    villages : DataFrame
        With ``household_cost_unsubsidised_cny_per_season``. [CNY/household]

    Returns
    -------
    Series of bool
        The season without subsidy costs more than coal does, by more than the policy's factor.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> frame = pd.DataFrame({"household_cost_unsubsidised_cny_per_season": [3000.0, 3100.0]})
    >>> at_risk(frame, default_policy()).tolist()
    [False, True]
    """
    limit = coal_cost(policy) * policy.affordability.running_over_coal_max
    return villages[CASES["without_subsidy"]] > limit


def affordability_summary(villages: pd.DataFrame, policy: Policy) -> dict[str, Any]:
    """What the households of each route pay and whether they can.

    Parameters
    ----------
    villages : DataFrame
        Villages of a plan.

    Returns
    -------
    dict
        ``coal_cost_cny_per_season`` [CNY/household], ``income_cny_per_household``
        [CNY/a], ``by_route`` (households, the season with and without subsidy,
        what is paid at once and its share of the whole investment), ``parity``
        (dearest over cheapest route, both with subsidy), ``parity_ok``,
        ``households_by_rating``, ``households_at_risk``.
        Means are weighted by households; None is what the policy leaves open.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> frame = pd.DataFrame({
    ...     "route": ["gas", "biomass"], "households": [100, 50],
    ...     "household_cost_cny_per_season": [2600.0, 2000.0],
    ...     "household_cost_unsubsidised_cny_per_season": [3100.0, 2000.0],
    ...     "household_capex_cny": [240_000.0, 210_000.0],
    ...     "household_capex_unsubsidised_cny": [390_000.0, 210_000.0],
    ...     "capex_cny": [800_000.0, 210_000.0],
    ...     "affordability": ["green", "green"], "affordability_unsubsidised": ["amber", "green"]})
    >>> found = affordability_summary(frame, default_policy())
    >>> found["parity"], found["households_at_risk"]
    (1.3, 100)
    >>> found["by_route"]["gas"]["self_pay_cny"]
    2400.0
    """
    limits = policy.affordability
    served = villages[villages["route"].isin(list(policy.routes)) & (villages["households"] > 0)]
    present = set(served["route"])
    by_route = {
        route: _of_route(served[served["route"] == route], policy)
        for route in policy.routes
        if route in present
    }
    costs = [row["with_subsidy"]["cost_cny_per_season"] for row in by_route.values()]
    parity = _parity(costs)
    return {
        "coal_cost_cny_per_season": coal_cost(policy),
        "income_cny_per_household": household_income(limits),
        "by_route": by_route,
        "parity": parity,
        "parity_ok": None if parity is None else parity <= limits.parity_max,
        "households_by_rating": {
            case: _households_by_rating(served, column)
            for case, column in zip(CASES, ("affordability", "affordability_unsubsidised"), strict=True)
        },
        "households_at_risk": int(served.loc[at_risk(served, policy), "households"].sum()),
    }


def _of_route(villages: pd.DataFrame, policy: Policy) -> dict[str, Any]:
    """Season and investment of the households of one route."""
    limits = policy.affordability
    households = villages["households"].astype(float)
    paid, bare, whole = (
        _known(villages[column].sum(skipna=False) / households.sum())
        for column in ("household_capex_cny", "household_capex_unsubsidised_cny", "capex_cny")
    )
    return {
        "households": int(households.sum()),
        **{case: _season(villages[column], households, policy) for case, column in CASES.items()},
        **_at_once("self_pay", paid, whole, limits),
        **_at_once("self_pay_unsubsidised", bare, whole, limits),
    }


def _at_once(name: str, paid: float | None, whole: float | None, limits: Affordability) -> dict[str, Any]:
    """What a household pays at once, its share of the whole investment, and whether that is bearable."""
    share = None if paid is None or not whole else paid / whole
    light = paid is not None and paid <= limits.self_pay_max_cny
    small = share is not None and share <= limits.self_pay_share_max
    return {
        f"{name}_cny": paid,
        f"{name}_share": share,
        f"{name}_ok": None if paid is None else light or small,
    }


def _season(cost: pd.Series, households: pd.Series, policy: Policy) -> dict[str, Any]:
    """Mean cost of a season against coal, willingness to pay and income."""
    limits = policy.affordability
    mean = _known((cost * households).sum(skipna=False) / households.sum())
    if mean is None:
        keys = ("cost_cny_per_season", "over_coal", "over_willingness", "income_share")
        return dict.fromkeys((*keys, "rating", "coal_ok", "willingness_ok"))
    coal = coal_cost(policy)
    return {
        "cost_cny_per_season": mean,
        "over_coal": mean / coal if coal else None,
        "over_willingness": mean / limits.willingness_cny_per_season,
        "income_share": mean / household_income(limits),
        "rating": rating(pd.Series([mean]), limits).iloc[0],
        "coal_ok": mean <= coal * limits.running_over_coal_max,
        "willingness_ok": mean <= limits.willingness_cny_per_season,
    }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _parity(costs: list[float | None]) -> float | None:
    """Dearest over cheapest; None when one is open, or the cheapest costs nothing."""
    known = [c for c in costs if c is not None]
    if not known or len(known) < len(costs) or min(known) <= 0:
        return None
    return max(known) / min(known)


def _households_by_rating(villages: pd.DataFrame, column: str) -> dict[str, int]:
    """Households of each rating; those whose cost is open have none."""
    households = villages["households"].astype(int).groupby(villages[column]).sum()
    return {name: int(households.get(name, 0)) for name in ("green", "amber", "red")}
