"""Money: annuities, what a route costs to build, and the subsidies to it; a season is :mod:`geoplan.season`.

What is *paid* (investment, subsidies, the household's bill) follows expected
behaviour: the equipment that is bought, the rooms that are heated. What is
*compared* (annual social cost) follows the policy's comparison basis. An amount
that the policy leaves open (``"unstated"``) is NaN, and so is what remains after it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from geoplan.errors import PolicyError, Problem
from geoplan.policy import Policy
from geoplan.provisions import LEVELS, Level, Subsidy, matching
from geoplan.schema import CostItem, Purse, RoutePolicy

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


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


def item_cost(item: CostItem, scale: Mapping[str, Floats]) -> Floats:
    """Cost of one item of investment for each village.

    Parameters
    ----------
    item : CostItem
        Unit prices; those that are set add up.
    scale : mapping of str to ndarray
        ``households`` [household], ``area_m2`` heated per household [m²],
        ``heat_load_kw`` [kW], ``network_m`` inside the village [m],
        ``apartment`` [bool], ``grid_share`` of the load that the village's own
        transformers cannot take [share].

    Returns
    -------
    ndarray
        Cost. [CNY]

    Examples
    --------
    >>> item = CostItem(cny_per_unit=7000.0, unit_m2=60.0, lifetime_a=12.0, payer="household")
    >>> one = {"households": 100, "area_m2": 60.0, "heat_load_kw": 630.0, "network_m": 0.0,
    ...        "apartment": False, "grid_share": 1.0}
    >>> item_cost(item, {name: np.array([value]) for name, value in one.items()}).tolist()
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
        cost = np.where(scale["apartment"] == (item.dwelling == "apartment"), cost, 0.0)
    return cost


def item_costs(route: RoutePolicy, scale: Mapping[str, Floats], *, villages: pd.DataFrame) -> pd.DataFrame:
    """Cost of every item of investment of a route, one column per item in the policy's order. [CNY]"""
    costs = np.zeros((len(villages), len(route.capex)))
    for place, item in enumerate(route.capex.values()):
        cost = item_cost(item, scale)
        costs[:, place] = np.where(matching(villages, item.where), cost, 0.0) if item.where else cost
    return pd.DataFrame(costs, index=villages.index, columns=list(route.capex))


def items_of(route: RoutePolicy, payer: Purse) -> list[str]:
    """Names of the items that one purse pays before subsidies.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> items_of(default_policy().routes["gas"], "household")
    ['boiler']
    """
    return [name for name, item in route.capex.items() if item.payer == payer]


def paid_by(payer: Purse, costs: pd.DataFrame, route: RoutePolicy) -> Floats:
    """What one purse pays of the costs of all items of a route. [CNY]

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> costs = pd.DataFrame({"boiler": [3900.0], "village_network": [5500.0]})
    >>> paid_by("household", costs, default_policy().routes["gas"]).tolist()
    [3900.0]
    """
    mine = [route.capex[name].payer == payer for name in costs]
    total: Floats = costs.to_numpy()[:, mine].sum(axis=1)
    return total


def capital_cost(
    costs: pd.DataFrame,
    route: RoutePolicy,
    *,
    rate: float,
    granted: pd.DataFrame | None = None,
    payer: Purse | None = None,
) -> Floats:
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
    payer : Purse, optional
        Count the items of this purse alone.

    Returns
    -------
    ndarray
        [CNY/a]

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> boiler = pd.DataFrame({"boiler": [3900.0]})
    >>> capital_cost(boiler, default_policy().routes["gas"], rate=0.06).round(1).tolist()
    [572.5]
    """
    total = np.zeros(len(costs))
    for name in costs:
        item = route.capex[name]
        if payer in (None, item.payer):
            cost = costs[name].to_numpy()
            repaid = cost if granted is None else cost - granted[name].to_numpy()
            total = total + repaid * annuity(rate, item.lifetime_a)
            total = total + cost * route.maintenance_share
    return total


# --- which subsidies there are ----------------------------------------------------------------------


def in_force(policy: Policy, *, years: Sequence[int]) -> Policy:
    """The policy with those subsidies alone that are there for the villages converted in some years.

    `first_year` is the first year of conversion that a subsidy is for. Prices
    come before the years, so it is there for all villages or for none.

    Parameters
    ----------
    policy : Policy
    years : sequence of int
        Planned years of conversion, see :func:`geoplan.budgets.planned_years`;
        without any no subsidy is taken out. [year]

    Raises
    ------
    PolicyError
        A `first_year` parts the planned years.

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("p.toml", '''
    ... [subsidies.a]
    ... level = "central"
    ... routes = ["heat_pump"]
    ... cny_per_household = 3500
    ... first_year = 2023
    ... ''')])
    >>> list(in_force(policy, years=[2023, 2024]).subsidies), list(in_force(policy, years=[2022]).subsidies)
    (['a'], [])
    """
    if not years:
        return policy
    first = {name: s.first_year or min(years) for name, s in policy.subsidies.items()}
    listed = ", ".join(map(str, years))
    problems = [
        Problem(
            f"subsidies.{name}.first_year: {year} parts the planned years ({listed}), but a village is "
            "priced before its year is known",
            file=policy.file_of(f"subsidies.{name}.first_year"),
            column=f"subsidies.{name}.first_year",
            remedy=f"plan the years before {year} with a policy of their own, or write {min(years)} for all",
        )
        for name, year in first.items()
        if min(years) < year <= max(years)
    ]
    if problems:
        raise PolicyError(problems)
    there = {name: s for name, s in policy.subsidies.items() if first[name] <= min(years)}
    return policy.amended({"subsidies": there}, origins={})


# --- capital subsidies ------------------------------------------------------------------------------


def capital_subsidies(
    costs: pd.DataFrame, villages: pd.DataFrame, *, route: str, policy: Policy, stated: bool = False
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
    stated : bool
        What the policy states beside an amount that it leaves open, instead of NaN.

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
    cost = costs.to_numpy()
    own = set(items_of(policy.routes[route], "household"))
    granted = {level: np.zeros(cost.shape) for level in LEVELS}
    left, share_of_subsidy = _after_low_cost_rule(costs, villages, own=own, policy=policy)
    unstated: list[tuple[Subsidy, Ints]] = []
    for names, subsidies in _narrowest_first(route, policy):
        at = costs.columns.get_indexer(names)
        rule = share_of_subsidy if own & set(names) else 1.0
        amounts = [_stated(s, cost[:, at].sum(axis=1), villages) * rule for s in subsidies]
        asked = sum(amounts, start=np.zeros(len(costs)))
        room = left[:, at].sum(axis=1)
        paid = np.minimum(asked, room)
        spread = left[:, at] / np.where(room > 0, room, np.inf)[:, None]
        for subsidy, amount in zip(subsidies, amounts, strict=True):
            part = amount * (paid / np.where(asked > 0, asked, np.inf))
            granted[subsidy.level][:, at] += part[:, None] * spread
        left[:, at] = np.maximum(left[:, at] - spread * paid[:, None], 0.0)
        unstated += [(s, at) for s in subsidies if s.unstated and not stated]
    for subsidy, at in unstated:
        open_ = matching(villages, subsidy.where).to_numpy()[:, None] & (cost[:, at] > 0)
        granted[subsidy.level][:, at] = np.where(open_, np.nan, granted[subsidy.level][:, at])
    return {
        level: pd.DataFrame(items, index=costs.index, columns=costs.columns)
        for level, items in granted.items()
    }


def by_level(granted: dict[Level, pd.DataFrame]) -> pd.DataFrame:
    """Capital subsidies summed over the items, one column per level. [CNY]"""
    index = next(iter(granted.values())).index
    total = np.column_stack([items.to_numpy().sum(axis=1) for items in granted.values()])
    return pd.DataFrame(total, index=index, columns=list(granted))


def stated_part(villages: pd.DataFrame, column: str) -> pd.Series:
    """What is stated of an amount of the plan, where it is left open in part; 0 where nothing is. [CNY]

    Examples
    --------
    >>> villages = pd.DataFrame({"subsidy_city_cny": [None, 9.0], "subsidy_city_stated_cny": [5.0, 9.0]})
    >>> stated_part(villages, "subsidy_city_cny").tolist()
    [5.0, 9.0]
    """
    known = villages[column].astype(float)
    beside = villages.get(column.replace("_cny", "_stated_cny"))
    return known.fillna(0.0 if beside is None else beside.astype(float)).fillna(0.0)


def by_item(granted: dict[Level, pd.DataFrame]) -> pd.DataFrame:
    """Capital subsidies summed over the levels, one column per item. [CNY]"""
    first, *others = granted.values()
    total = sum((items.to_numpy() for items in others), start=first.to_numpy())
    return pd.DataFrame(total, index=first.index, columns=first.columns)


def _narrowest_first(route: str, policy: Policy) -> Iterator[tuple[list[str], list[Subsidy]]]:
    """Capital subsidies for a route with the items they pay for, those that name fewest first."""
    items = policy.routes[route].capex
    found: dict[frozenset[str], list[Subsidy]] = {}
    for subsidy in policy.subsidies.values():
        if subsidy.kind == "capital" and route in subsidy.routes:
            paid_for = subsidy.of or items_of(policy.routes[route], "household")
            found.setdefault(frozenset(paid_for), []).append(subsidy)
    for names in sorted(found, key=len):
        yield [name for name in items if name in names], found[names]


def _stated(subsidy: Subsidy, cost: Floats, villages: pd.DataFrame) -> Floats:
    """What a capital subsidy pays for items of a cost by its own words; 0 for what they leave open. [CNY]"""
    if subsidy.unstated:
        return np.zeros(len(cost))
    households = villages["households"].to_numpy(dtype=float)
    area = np.minimum(villages["heated_area_m2"].to_numpy(dtype=float), subsidy.area_max_m2 or np.inf)
    amount = households * (float(subsidy.cny_per_household) + area * float(subsidy.cny_per_m2))
    amount = amount + cost * (subsidy.share or 0.0)
    if subsidy.cap_cny_per_household is not None:
        amount = np.minimum(amount, households * subsidy.cap_cny_per_household)
    return np.where(matching(villages, subsidy.where), amount, 0.0)


def _after_low_cost_rule(
    costs: pd.DataFrame, villages: pd.DataFrame, *, own: Collection[str], policy: Policy
) -> tuple[Floats, Floats]:
    """What may be subsidised of each item, and the share of the households' subsidies that is paid."""
    left, whole = costs.to_numpy(copy=True), np.ones(len(costs))
    if policy.low_cost is None:
        return left, whole
    mine = costs.columns.isin(own)
    limit = villages["households"].to_numpy(dtype=float) * policy.low_cost.threshold_cny
    cheap = left[:, mine].sum(axis=1) < limit
    share = np.where(cheap, policy.low_cost.share, 1.0)
    if policy.low_cost.mode == "pct_of_subsidy":
        return left, share
    left[:, mine] *= share[:, None]
    return left, whole
