"""What a season costs: the price households pay, and the operating subsidies by level.

An amount that the policy leaves open (``"unstated"``) is NaN; what the policy
states beside it can be asked for by itself.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from geoplan.demand import heated_households
from geoplan.errors import PolicyError, Problem
from geoplan.finance import Floats
from geoplan.policy import Policy
from geoplan.provisions import LEVELS, UNSTATED, Subsidy, matching
from geoplan.schema import Carrier


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


def supplier_loss(carrier: Carrier) -> float:
    r"""What the supplier of a carrier loses on a unit that households buy for less than its price.

    A time-of-use tariff or a `price_factor` moves use into cheap hours; it is no loss.

    Returns
    -------
    float
        Negative for a surplus. [CNY per unit of the carrier]

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("p.toml", "[carriers.gas]\nprice_cny = 2.6\nhousehold_price_cny = 2.0")])
    >>> round(supplier_loss(policy.carriers["gas"]), 2), supplier_loss(policy.carriers["electricity"])
    (0.6, 0.0)
    """
    return 0.0 if carrier.household_price_cny is None else carrier.price_cny - carrier.household_price_cny


def operating_subsidy(
    units_per_household: Floats | pd.Series,
    villages: pd.DataFrame,
    *,
    route: str,
    policy: Policy,
    season: int = 0,
    bill: Floats | pd.Series | None = None,
    stated: bool = False,
) -> pd.DataFrame:
    """Operating subsidy of one household for one season, by level.

    Parameters
    ----------
    units_per_household : ndarray or Series
        Energy bought for one season, in the carrier's unit.
    villages : DataFrame
        The columns that the subsidies' `where` names.
    season : int
        Seasons since the conversion; 0 is the first.
    bill : ndarray or Series, optional
        What the season costs; all levels together pay no more. [CNY/household]
    stated : bool
        What the policy states beside an amount that it leaves open, instead of NaN.

    Returns
    -------
    DataFrame, index as `villages`, one column per level
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
    ... taper = [1.0, 0.5]
    ... '''
    >>> policy = load_policy([("p.toml", text)])
    >>> use = pd.Series([6000.0])
    >>> [operating_subsidy(use, use.to_frame(), route="heat_pump", policy=policy, season=n)["district"].item()
    ...  for n in range(3)]
    [900.0, 450.0, 0.0]
    """
    units = np.asarray(units_per_household, dtype=float)
    kwh = units * policy.carriers[policy.routes[route].carrier].kwh_per_unit
    paid = np.zeros((len(units), len(LEVELS)))
    open_ = np.zeros(paid.shape, dtype=bool)
    for subsidy in policy.subsidies.values():
        share = _share(subsidy, season)
        if subsidy.kind != "operating" or route not in subsidy.routes or not share:
            continue
        meant = matching(villages, subsidy.where).to_numpy() & (units > 0)
        level = LEVELS.index(subsidy.level)
        if subsidy.unstated:
            open_[:, level] |= meant
        else:
            paid[:, level] += np.where(meant, _season(subsidy, units, kwh) * share, 0.0)
    if bill is not None:
        asked = paid.sum(axis=1)
        part = np.asarray(bill, dtype=float) / np.where(asked > 0, asked, np.nan)
        paid *= np.where(part < 1.0, part, 1.0)[:, None]
    found = paid if stated else np.where(open_, np.nan, paid)
    return pd.DataFrame(found, index=villages.index, columns=list(LEVELS))


def season_subsidies(
    villages: pd.DataFrame,
    options: pd.DataFrame,
    policy: Policy,
    *,
    season: int = 0,
    stated: bool = False,
) -> pd.DataFrame:
    """Operating subsidies that the villages of a plan get in one season, by level.

    Parameters
    ----------
    villages : DataFrame
        ``village_id``, ``route``, ``households`` [household], ``winter_occupancy``
        [share], and the columns that the subsidies' `where` names.
    options : DataFrame
        ``energy_use_per_a`` and ``household_cost_unsubsidised_cny_per_season`` by
        ``village_id`` and ``route``.
    policy : Policy
        As :func:`geoplan.finance.in_force` returns it.
    season, stated
        As in :func:`operating_subsidy`.

    Returns
    -------
    DataFrame, index as `villages`, one column per level
        Of the whole village; NaN where the policy leaves the amount open. [CNY]

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("p.toml", '''
    ... [subsidies.power]
    ... level = "city"
    ... kind = "operating"
    ... routes = ["heat_pump"]
    ... cny_per_kwh = 0.2
    ... ''')])
    >>> options = pd.DataFrame({"village_id": ["V1"], "route": ["heat_pump"], "energy_use_per_a": [9e4],
    ...     "household_cost_unsubsidised_cny_per_season": [450.0]})
    >>> villages = options.assign(households=100, winter_occupancy=None)
    >>> season_subsidies(villages, options, policy)["city"].tolist()
    [18000.0]
    """
    households = heated_households(villages)
    taken = pd.MultiIndex.from_frame(villages[["village_id", "route"]])
    option = options.set_index(["village_id", "route"]).reindex(taken).set_index(villages.index)
    use = (option["energy_use_per_a"].astype(float) / households.where(households > 0)).fillna(0.0)
    bill = option["household_cost_unsubsidised_cny_per_season"].astype(float)
    paid = pd.DataFrame(0.0, index=villages.index, columns=list(LEVELS))
    for name in policy.routes.keys() & set(villages["route"]):
        here = villages.index[villages["route"] == name]
        paid.loc[here] = operating_subsidy(
            use[here],
            villages.loc[here],
            route=name,
            policy=policy,
            season=season,
            bill=bill[here],
            stated=stated,
        ).mul(households[here], axis=0)
    return paid


def _share(subsidy: Subsidy, season: int) -> float:
    """Share of an operating subsidy that is paid in a season since the conversion."""
    if subsidy.seasons is None:
        return 1.0
    return subsidy.seasons[season] if season < len(subsidy.seasons) else 0.0


def _season(subsidy: Subsidy, units: Floats, kwh: Floats) -> Floats:
    """What an operating subsidy pays one household for a full season; NaN where left open. [CNY/household]"""
    amount = np.full(len(units), _amount(subsidy.cny_per_household))
    if subsidy.cny_per_unit:
        amount = amount + _supported(units, subsidy) * _amount(subsidy.cny_per_unit)
    if subsidy.cny_per_kwh:
        amount = amount + _supported(kwh, subsidy) * _amount(subsidy.cny_per_kwh)
    return amount


def _amount(value: float | str) -> float:
    return np.nan if value == UNSTATED else float(value)


def _supported(amount: Floats, subsidy: Subsidy) -> Floats:
    """The part of an amount of energy that a subsidy pays for."""
    capped = amount if subsidy.cap_units is None else np.minimum(amount, subsidy.cap_units)
    if subsidy.threshold_mode == "deductible":
        return np.maximum(capped - subsidy.threshold_units, 0.0)
    return np.where(amount >= subsidy.threshold_units, capped, 0.0)


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
    use = np.array([subsidy.cap_units])
    return float(_season(subsidy, use, use)[0] * households)
