"""Money: annuities, and the cost of a route for society, government and household.

What is *paid* (investment, subsidies, the household's bill) follows expected
behaviour: the equipment that is bought, the rooms that are heated. What is
*compared* (annual social cost) follows the policy's comparison basis.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from geoplan.policy import Policy
from geoplan.provisions import LEVELS, LowCost, Subsidy
from geoplan.schema import CostItem, RoutePolicy


def annuity(rate: float, years: float) -> float:
    """Yearly payment that repays one unit of money.

    Parameters
    ----------
    rate : float
        Discount rate. [1/a]
    years : float
        Lifetime. [a]

    Returns
    -------
    float
        Annuity factor. [1/a]

    Examples
    --------
    >>> round(annuity(0.06, 25), 5)
    0.07823
    >>> annuity(0.0, 20)
    0.05
    """
    if rate == 0:
        return 1.0 / years
    return float(rate / (1.0 - (1.0 + rate) ** -years))


def item_cost(item: CostItem, scale: pd.DataFrame) -> pd.Series:
    """Cost of one item of investment for each village.

    Parameters
    ----------
    item : CostItem
        Unit prices; those that are set add up.
    scale : DataFrame
        ``households`` [household], ``area_m2`` heated per household [m²],
        ``heat_load_kw`` [kW], ``network_m`` inside the village [m],
        ``apartment`` [bool], ``grid_share`` of the load that the village's own
        transformers cannot take [share].

    Returns
    -------
    Series
        Cost. [CNY]

    Examples
    --------
    >>> item = CostItem(cny_per_unit=7000.0, unit_m2=60.0, lifetime_a=12.0, payer="household")
    >>> scale = pd.DataFrame({"households": [100], "area_m2": [60.0], "heat_load_kw": [630.0],
    ...                       "network_m": [0.0], "apartment": [False], "grid_share": [1.0]})
    >>> item_cost(item, scale).tolist()
    [700000.0]
    """
    households, area = scale["households"], scale["area_m2"]
    units = households * (area / item.unit_m2 if item.unit_m2 else 1.0)
    cost = (
        households * item.cny_per_household
        + households * area * item.cny_per_m2
        + units * item.cny_per_unit
        + scale["heat_load_kw"] * item.cny_per_kw
        + scale["network_m"] * item.cny_per_network_m
    )
    if item.grid:
        cost = cost * scale["grid_share"]
    if item.dwelling is not None:
        cost = cost.where(scale["apartment"] == (item.dwelling == "apartment"), 0.0)
    return cost


def investment(route: RoutePolicy, scale: pd.DataFrame, *, rate: float) -> pd.DataFrame:
    """Investment of a route: total, by payer, and as yearly cost with upkeep.

    Returns
    -------
    DataFrame
        ``capex_cny`` [CNY], ``household_cny`` [CNY] (before subsidies) and
        ``capital_cost_cny`` [CNY/a] (annuities and maintenance).
    """
    total = pd.Series(0.0, index=scale.index)
    household, yearly = total.copy(), total.copy()
    for item in route.capex.values():
        cost = item_cost(item, scale)
        total = total + cost
        yearly = yearly + cost * (annuity(rate, item.lifetime_a) + route.maintenance_share)
        if item.payer == "household":
            household = household + cost
    return pd.DataFrame({"capex_cny": total, "household_cny": household, "capital_cost_cny": yearly})


def capital_subsidies(
    household_cny: pd.Series, households: pd.Series, *, route: str, policy: Policy
) -> pd.DataFrame:
    """Capital subsidy of each level for a route, never more than the household part costs.

    Parameters
    ----------
    household_cny : Series
        What the households of a village would pay without subsidy. [CNY]
    households : Series
        Households of the village. [household]

    Returns
    -------
    DataFrame
        ``subsidy_<level>_cny`` for central, province, city, district. [CNY]

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("p.toml", '''
    ... [subsidies.a]
    ... level = "central"
    ... routes = ["gas"]
    ... cny_per_household = 3500
    ... ''')])
    >>> capital_subsidies(pd.Series([7000.0]), pd.Series([1.0]), route="gas", policy=policy)[
    ...     "subsidy_central_cny"].tolist()
    [3500.0]
    """
    amounts = {level: pd.Series(0.0, index=household_cny.index) for level in LEVELS}
    for subsidy in policy.subsidies.values():
        if subsidy.kind == "capital" and route in subsidy.routes:
            amounts[subsidy.level] = amounts[subsidy.level] + _capital(subsidy, household_cny, households)
    total = sum(amounts.values(), start=pd.Series(0.0, index=household_cny.index))
    factor = _low_cost_factor(total, household_cny, households, rule=policy.low_cost)
    return pd.DataFrame({f"subsidy_{level}_cny": amount * factor for level, amount in amounts.items()})


def _capital(subsidy: Subsidy, household_cny: pd.Series, households: pd.Series) -> pd.Series:
    amount = households * subsidy.cny_per_household
    if subsidy.share is not None:
        amount = amount + household_cny * subsidy.share
    if subsidy.cap_cny_per_household is not None:
        amount = amount.clip(upper=households * subsidy.cap_cny_per_household)
    return amount


def _low_cost_factor(
    subsidy: pd.Series, cost: pd.Series, households: pd.Series, *, rule: LowCost | None
) -> pd.Series:
    """Factor on every level's subsidy: the rule for cheap equipment, then the cap at the cost itself."""
    allowed = cost.copy()
    if rule is not None:
        cheap = cost < households * rule.threshold_cny
        share_of = cost if rule.mode == "pct_of_cost" else subsidy
        allowed = np.minimum(cost, (rule.share * share_of).where(cheap, np.inf))
    factor = (allowed / subsidy.where(subsidy > 0, np.nan)).clip(upper=1.0)
    return factor.fillna(1.0)


def operating_subsidy(
    units_per_household: pd.Series, kwh_per_household: pd.Series, *, route: str, policy: Policy
) -> pd.Series:
    """Operating subsidy of one household for one season, first year.

    Parameters
    ----------
    units_per_household : Series
        Energy bought for one season, in the carrier's unit.
    kwh_per_household : Series
        The same in kWh. [kWh]

    Returns
    -------
    Series
        [CNY/household]

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> text = '''
    ... [subsidies.power]
    ... level = "district"
    ... kind = "operating"
    ... routes = ["heat_pump"]
    ... cny_per_kwh = 0.2
    ... threshold_units = 500
    ... cap_units = 5000
    ... '''
    >>> policy = load_policy([("p.toml", text)])
    >>> use = pd.Series([6000.0])
    >>> operating_subsidy(use, use, route="heat_pump", policy=policy).tolist()
    [900.0]
    """
    total = pd.Series(0.0, index=units_per_household.index)
    for subsidy in policy.subsidies.values():
        if subsidy.kind != "operating" or route not in subsidy.routes:
            continue
        total = (
            total
            + subsidy.cny_per_household
            + _supported(units_per_household, subsidy) * subsidy.cny_per_unit
            + _supported(kwh_per_household, subsidy) * subsidy.cny_per_kwh
        )
    return total


def _supported(amount: pd.Series, subsidy: Subsidy) -> pd.Series:
    """The part of an amount of energy that a subsidy pays for."""
    capped = amount.clip(upper=subsidy.cap_units) if subsidy.cap_units is not None else amount
    if subsidy.threshold_mode == "deductible":
        return (capped - subsidy.threshold_units).clip(lower=0.0)
    return capped.where(amount >= subsidy.threshold_units, 0.0)
