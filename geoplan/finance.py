"""Money: annuities, and the cost of a route for society, government, companies and household.

What is *paid* (investment, subsidies, the household's bill) follows expected
behaviour: the equipment that is bought, the rooms that are heated. What is
*compared* (annual social cost) follows the policy's comparison basis. An amount
that the policy leaves open (``"unstated"``) is NaN, and so is what remains after it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from geoplan.errors import PolicyError, Problem
from geoplan.policy import Policy
from geoplan.provisions import LEVELS, UNSTATED, Level, Subsidy, matching
from geoplan.schema import Carrier, CostItem, Purse, RoutePolicy


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


# --- investment -------------------------------------------------------------------------------------


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


def item_costs(route: RoutePolicy, scale: pd.DataFrame, *, villages: pd.DataFrame) -> pd.DataFrame:
    """Cost of every item of investment of a route, one column per item. [CNY]"""
    costs = {
        name: item_cost(item, scale).where(matching(villages, item.where), 0.0)
        for name, item in route.capex.items()
    }
    return pd.DataFrame(costs, index=scale.index)


def items_of(route: RoutePolicy, payer: Purse) -> list[str]:
    """Names of the items that one purse pays before subsidies.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> items_of(default_policy().routes["gas"], "household")
    ['boiler']
    """
    return [name for name, item in route.capex.items() if item.payer == payer]


def capital_cost(
    costs: pd.DataFrame, route: RoutePolicy, *, rate: float, granted: pd.DataFrame | None = None
) -> pd.Series:
    """Yearly cost of items of investment: their annuities and the route's maintenance.

    Parameters
    ----------
    costs : DataFrame
        Cost of the items to be counted, one column per item. [CNY]
    rate : float
        Discount rate. [1/a]
    granted : DataFrame, optional
        Subsidy to each item; it need not be repaid, but what it bought is
        maintained all the same. [CNY]

    Returns
    -------
    Series
        [CNY/a]

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> boiler = pd.DataFrame({"boiler": [3900.0]})
    >>> capital_cost(boiler, default_policy().routes["gas"], rate=0.06).round(1).tolist()
    [572.5]
    """
    total = pd.Series(0.0, index=costs.index)
    for name in costs:
        repaid = costs[name] if granted is None else costs[name] - granted[name]
        total = total + repaid * annuity(rate, route.capex[name].lifetime_a)
        total = total + costs[name] * route.maintenance_share
    return total


# --- capital subsidies ------------------------------------------------------------------------------


def capital_subsidies(
    costs: pd.DataFrame, villages: pd.DataFrame, *, route: str, policy: Policy
) -> dict[Level, pd.DataFrame]:
    """Capital subsidy of each level to each item of investment of a route.

    A subsidy that names fewer items is paid before one that names more; those
    that name the same items share, in proportion, what is left of the cost. So
    no item gets more than it costs. The low-cost rule acts on what households pay.

    Parameters
    ----------
    costs : DataFrame
        Cost of each item of the route, see :func:`item_costs`. [CNY]
    villages : DataFrame
        ``households`` [household], ``heated_area_m2`` per household [m²], and
        the columns that the subsidies' `where` names.

    Returns
    -------
    dict of level to DataFrame
        One column per item; NaN where the policy leaves the amount open. [CNY]

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("p.toml", '''
    ... [subsidies.a]
    ... level = "central"
    ... routes = ["gas"]
    ... cny_per_household = 3500
    ... ''')])
    >>> costs = pd.DataFrame({"boiler": [3900.0, 3000.0], "village_network": [5500.0, 5500.0]})
    >>> villages = pd.DataFrame({"households": [1, 1], "heated_area_m2": [100.0, 100.0]})
    >>> granted = capital_subsidies(costs, villages, route="gas", policy=policy)
    >>> granted["central"]["boiler"].tolist()
    [3500.0, 3000.0]
    """
    own = items_of(policy.routes[route], "household")
    granted = {level: pd.DataFrame(0.0, index=costs.index, columns=costs.columns) for level in LEVELS}
    left, share_of_subsidy = _after_low_cost_rule(costs, villages, own=own, policy=policy)
    unstated = []
    for names, subsidies in _narrowest_first(route, policy):
        rule = share_of_subsidy if set(names) & set(own) else 1.0
        amounts = [_stated(s, costs[names].sum(axis=1), villages) * rule for s in subsidies]
        asked = sum(amounts, start=pd.Series(0.0, index=costs.index))
        room = left[names].sum(axis=1)
        paid = np.minimum(asked, room)
        spread = left[names].div(room.where(room > 0, np.inf), axis=0)
        for subsidy, amount in zip(subsidies, amounts, strict=True):
            part = amount * (paid / asked.where(asked > 0, np.inf))
            for name in names:
                granted[subsidy.level][name] += part * spread[name]
        left[names] = left[names].sub(spread.mul(paid, axis=0)).clip(lower=0.0)
        unstated += [(s, names) for s in subsidies if s.unstated]
    for subsidy, names in unstated:
        for name in names:
            open_ = matching(villages, subsidy.where) & (costs[name] > 0)
            granted[subsidy.level][name] = granted[subsidy.level][name].mask(open_)
    return granted


def by_level(granted: dict[Level, pd.DataFrame]) -> pd.DataFrame:
    """Capital subsidies summed over the items, one column per level. [CNY]"""
    return pd.DataFrame({level: items.sum(axis=1, skipna=False) for level, items in granted.items()})


def by_item(granted: dict[Level, pd.DataFrame]) -> pd.DataFrame:
    """Capital subsidies summed over the levels, one column per item. [CNY]"""
    first, *others = granted.values()
    return sum(others, start=first)


def _narrowest_first(route: str, policy: Policy) -> Iterator[tuple[list[str], list[Subsidy]]]:
    """Capital subsidies in force for a route with the items they pay for, those that name fewest first."""
    items = policy.routes[route].capex
    found: dict[frozenset[str], list[Subsidy]] = {}
    for subsidy in policy.subsidies.values():
        if subsidy.kind == "capital" and route in subsidy.routes and _in_force(subsidy, policy.year):
            paid_for = subsidy.of or items_of(policy.routes[route], "household")
            found.setdefault(frozenset(paid_for), []).append(subsidy)
    for names in sorted(found, key=len):
        yield [name for name in items if name in names], found[names]


def _in_force(subsidy: Subsidy, year: int | None) -> bool:
    """Whether a subsidy is there for who is converted in a year."""
    return subsidy.first_year is None or year is None or year >= subsidy.first_year


def _stated(subsidy: Subsidy, cost: pd.Series, villages: pd.DataFrame) -> pd.Series:
    """What a capital subsidy pays for items of a cost by its own words; 0 for what they leave open. [CNY]"""
    if subsidy.unstated:
        return pd.Series(0.0, index=cost.index)
    households = villages["households"].astype(float)
    area = villages["heated_area_m2"].clip(upper=subsidy.area_max_m2)
    amount = households * (float(subsidy.cny_per_household) + area * float(subsidy.cny_per_m2))
    amount = amount + cost * (subsidy.share or 0.0)
    if subsidy.cap_cny_per_household is not None:
        amount = np.minimum(amount, households * subsidy.cap_cny_per_household)
    return amount.where(matching(villages, subsidy.where), 0.0)


def _after_low_cost_rule(
    costs: pd.DataFrame, villages: pd.DataFrame, *, own: list[str], policy: Policy
) -> tuple[pd.DataFrame, pd.Series]:
    """What may be subsidised of each item, and the share of the households' subsidies that is paid."""
    whole = pd.Series(1.0, index=costs.index)
    if policy.low_cost is None:
        return costs.copy(), whole
    cheap = costs[own].sum(axis=1) < villages["households"].astype(float) * policy.low_cost.threshold_cny
    share = whole.mask(cheap, policy.low_cost.share)
    if policy.low_cost.mode == "pct_of_subsidy":
        return costs.copy(), share
    return costs.assign(**{name: costs[name] * share for name in own}), whole


# --- running costs ----------------------------------------------------------------------------------


def household_price(carrier: Carrier, *, route: str, policy: Policy) -> float:
    """What a household pays for one unit of the energy of a route.

    A time-of-use tariff replaces the flat price (and the route's
    `price_factor`, which stands in for one); a voluntary tariff is taken where
    it is the cheaper.

    Returns
    -------
    float
        [CNY per unit of the carrier]

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> policy = default_policy()
    >>> household_price(policy.carriers["electricity"], route="electric_direct", policy=policy)
    0.45
    """
    flat = carrier.price_cny if carrier.household_price_cny is None else carrier.household_price_cny
    tariffs = [t for t in policy.tariffs.values() if route in t.routes]
    if not tariffs:
        return flat * policy.routes[route].price_factor
    offers = [t.price(route) for t in tariffs]
    return min([*offers, flat]) if all(t.voluntary for t in tariffs) else min(offers)


def operating_subsidy(
    units_per_household: pd.Series,
    kwh_per_household: pd.Series,
    villages: pd.DataFrame,
    *,
    route: str,
    policy: Policy,
) -> pd.DataFrame:
    """Operating subsidy of one household for its first season, by level.

    Parameters
    ----------
    units_per_household : Series
        Energy bought for one season, in the carrier's unit.
    kwh_per_household : Series
        The same in kWh. [kWh]
    villages : DataFrame
        The columns that the subsidies' `where` names.

    Returns
    -------
    DataFrame, one column per level
        NaN where the policy leaves the amount open. [CNY/household]

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
    >>> operating_subsidy(use, use, use.to_frame(), route="heat_pump", policy=policy)["district"].tolist()
    [900.0]
    """
    total = pd.DataFrame(0.0, index=units_per_household.index, columns=list(LEVELS))
    for subsidy in policy.subsidies.values():
        if subsidy.kind != "operating" or route not in subsidy.routes or not _in_force(subsidy, policy.year):
            continue
        amount = _season(subsidy, units_per_household, kwh_per_household) * (subsidy.seasons or (1.0,))[0]
        mask = matching(villages, subsidy.where) & (units_per_household > 0)
        total[subsidy.level] += amount.where(mask, 0.0)
    return total


def _season(subsidy: Subsidy, units: pd.Series, kwh: pd.Series) -> pd.Series:
    """What an operating subsidy pays one household for a full season; NaN where left open. [CNY/household]"""
    amount = pd.Series(_amount(subsidy.cny_per_household), index=units.index)
    if subsidy.cny_per_unit:
        amount = amount + _supported(units, subsidy) * _amount(subsidy.cny_per_unit)
    if subsidy.cny_per_kwh:
        amount = amount + _supported(kwh, subsidy) * _amount(subsidy.cny_per_kwh)
    return amount


def _amount(value: float | str) -> float:
    return np.nan if value == UNSTATED else float(value)


def _supported(amount: pd.Series, subsidy: Subsidy) -> pd.Series:
    """The part of an amount of energy that a subsidy pays for."""
    capped = amount.clip(upper=subsidy.cap_units) if subsidy.cap_units is not None else amount
    if subsidy.threshold_mode == "deductible":
        return (capped - subsidy.threshold_units).clip(lower=0.0)
    return capped.where(amount >= subsidy.threshold_units, 0.0)


def operating_schedule(subsidy: Subsidy, *, converted: int, until: int) -> dict[int, float]:
    """Share of an operating subsidy that is paid in each season after a conversion.

    Parameters
    ----------
    subsidy : Subsidy
        Its `years` or `taper` say how long; with neither it is paid until `until`.
    converted : int
        Year of the conversion; its first season starts in the autumn of that year.
    until : int
        Last year in which a season that is asked for starts.

    Returns
    -------
    dict of int to float
        Share by the year in which the season starts; empty when the subsidy
        was not yet there in the year of the conversion.

    Examples
    --------
    >>> power = Subsidy(level="district", kind="operating", routes=("heat_pump",), taper=(1.0, 0.5))
    >>> operating_schedule(power, converted=2021, until=2030)
    {2021: 1.0, 2022: 0.5}
    >>> for_ever = Subsidy(level="district", kind="operating", routes=("heat_pump",))
    >>> operating_schedule(for_ever, converted=2021, until=2023)
    {2021: 1.0, 2022: 1.0, 2023: 1.0}
    """
    if not _in_force(subsidy, converted):
        return {}
    years = range(converted, until + 1)
    shares = subsidy.seasons or (1.0,) * len(years)
    return dict(zip(years, shares, strict=False))


def exposure(policy: Policy, name: str, households: float, *, threshold_mode: str | None = None) -> float:
    """What an operating subsidy costs in a season if every household uses the energy of its cap.

    Parameters
    ----------
    name : str
        Key of the subsidy in the policy.
    households : float
        [household]
    threshold_mode : {"deductible", "trigger"}, optional
        Another reading of the threshold than the policy's.

    Returns
    -------
    float
        NaN when the policy leaves an amount open. [CNY/a]

    Raises
    ------
    PolicyError
        There is no such operating subsidy, or it has no cap.

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("p.toml", '''
    ... [subsidies.power]
    ... level = "district"
    ... kind = "operating"
    ... routes = ["heat_pump"]
    ... cny_per_kwh = 0.2
    ... threshold_units = 500
    ... cap_units = 5000
    ... ''')])
    >>> exposure(policy, "power", 4708), exposure(policy, "power", 4708, threshold_mode="trigger")
    (4237200.0, 4708000.0)
    """
    subsidy = policy.subsidies.get(name)
    if subsidy is None or subsidy.kind != "operating":
        known = [k for k, s in policy.subsidies.items() if s.kind == "operating"]
        remedy = f"name one of {', '.join(known)}" if known else "the policy has none"
        raise PolicyError(Problem(f"subsidies: {name!r} is no operating subsidy", remedy=remedy))
    if subsidy.cap_units is None:
        raise PolicyError(
            Problem(
                f"subsidies.{name}: no cap, so its cost is open", remedy=f"set subsidies.{name}.cap_units"
            )
        )
    if threshold_mode is not None:
        subsidy = subsidy.model_copy(update={"threshold_mode": threshold_mode})
    use = pd.Series([subsidy.cap_units])
    return float(_season(subsidy, use, use).iloc[0] * households)
