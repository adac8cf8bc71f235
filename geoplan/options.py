"""Every route for every village: what it needs, what it costs whom, and which test it fails.

The pipe that several villages would share is not priced here: who shares it is
the selection's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geoplan.affordability import rating
from geoplan.budgets import planned_years
from geoplan.checks import Finding, Findings, apply_rules
from geoplan.columns import ROUTES, table
from geoplan.demand import (
    design_heat_load,
    floor_area,
    heat_intensity,
    heated_households,
    is_apartment,
    season_heat,
)
from geoplan.emissions import emissions
from geoplan.errors import InputError, Problem
from geoplan.finance import (
    Floats,
    by_item,
    by_level,
    capital_cost,
    capital_subsidies,
    in_force,
    item_costs,
    paid_by,
)
from geoplan.model import County
from geoplan.network import Bools
from geoplan.policy import DEFAULT_FILE, Policy, conditions
from geoplan.schema import Basis, Climate, HeatNetwork, RoutePolicy, Supply
from geoplan.season import household_price, operating_subsidy, supplier_loss
from geoplan.supplies import SUPPLIES, Note, SupplyNetwork, demand_notes, layer_notes, supply_network
from geoplan.units import HOURS_PER_DAY


@dataclass
class Options:
    """The priced options of a county before any selection.

    Attributes
    ----------
    villages : DataFrame, index ``village_id``
        Input columns, demand and measures.
    table : DataFrame, index (``village_id``, ``route``)
        Cost, capacity and emission columns of the options table.
    findings : dict
        Failed tests by village and route.
    supplies : dict
        The four networks.
    notes : list of Note
        What the run must say.
    """

    villages: pd.DataFrame
    table: pd.DataFrame
    findings: Findings
    supplies: dict[Supply, SupplyNetwork]
    notes: list[Note] = field(default_factory=list)

    def eligible(self, village_id: str, route: str) -> bool:
        """Whether an option passes every test that excludes."""
        return all(f.warning for f in self.findings.get((village_id, route), ()))

    def fresh(self) -> Options:
        """The same options with networks of their own, to be grown by another run."""
        grown = {s: replace(n, growth=n.growth and n.growth.copy()) for s, n in self.supplies.items()}
        return replace(self, supplies=grown)


def price_options(county: County) -> Options:
    """Measure, test and price every route for every village of a county.

    Parameters
    ----------
    county : County
        As read; it is not changed.

    Returns
    -------
    Options

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from geoplan.model import County
    >>> from geoplan.policy import default_policy
    >>> frame = gpd.GeoDataFrame(
    ...     {"village_id": ["V1"], "name": ["甲村"], "town": ["乙镇"], "households": [100]},
    ...     geometry=[shapely.Point(500000, 4200000)], crs="EPSG:4544")
    >>> options = price_options(County("demo", frame, default_policy()))
    >>> float(options.table.loc[("V1", "heat_pump"), "capacity_use"].round(1))
    542.0
    """
    policy = county.policy
    if county.villages.empty:
        raise InputError(Problem("there is no village", layer="villages", remedy="add the villages"))
    notes: list[Note] = policy_notes(county.villages, policy) + layer_notes(county)
    villages = _demand(_lock_unlocated(_with_optional_columns(county.villages), policy, notes), policy)
    supplies = {supply: supply_network(supply, county, notes) for supply in SUPPLIES}
    villages = _measures(villages, county, supplies)
    findings: Findings = {}
    quotes = {name: policy.source_of(f"rules.{name}") for name in policy.rules}
    apply_rules(villages, rules=policy.rules, into=findings, quotes=quotes)
    _built_in_tests(villages, policy, supplies, findings)
    priced = _price_all(villages, in_force(policy, years=planned_years(policy)), supplies)
    return Options(villages, priced, findings, supplies, notes)


def _with_optional_columns(villages: gpd.GeoDataFrame) -> pd.DataFrame:
    """The villages by id, with every optional input column there, empty where it was absent."""
    # A plain frame, because one with a geometry looks for it whenever a column is taken or set.
    frame = pd.DataFrame(villages).set_index(villages["village_id"].astype(str).rename("id"), drop=False)
    frame = frame.sort_index()
    absent = {
        name: pd.Series(None, index=frame.index, dtype=object)
        for name in table("villages")
        if name not in frame
    }
    return frame.assign(**absent)


def _lock_unlocated(villages: pd.DataFrame, policy: Policy, notes: list[Note]) -> pd.DataFrame:
    """The villages, those without a place on the map and without a lock of their own locked by the policy."""
    lost = _unplaced(villages) | villages["unlocated"].eq(True).fillna(False).astype(bool)
    lost &= villages["locked_route"].fillna("").eq("")
    if not lost.any():
        return villages
    if policy.unlocated_route is None:
        notes.append(("unlocated", {"villages": int(lost.sum())}))
        return villages
    return villages.assign(
        locked_route=villages["locked_route"].astype(object).mask(lost, policy.unlocated_route),
        lock_reason=villages["lock_reason"].astype(object).mask(lost, policy.source_of("unlocated_route")),
    )


def _unplaced(villages: pd.DataFrame) -> Bools:
    """Which villages have no place on the map."""
    place = villages["geometry"].to_numpy()
    return shapely.is_missing(place) | shapely.is_empty(place)


def _demand(villages: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    households = heated_households(villages)
    area = floor_area(villages, policy.demand)
    load = design_heat_load(households * area, intensity_w_per_m2=heat_intensity(villages, policy.demand))
    return villages.assign(
        heated_households=households,
        heated_area_m2=area,
        apartment=is_apartment(villages),
        heat_load_kw=load,
        heat_demand_mwh_per_a=season_heat(load, policy.climate),
        network_m=_village_network(villages, households, policy),
    )


def _village_network(villages: pd.DataFrame, households: pd.Series, policy: Policy) -> pd.Series:
    """Length of the pipes inside each village. [m]"""
    steps = policy.network.heat.village_network
    step = np.searchsorted(np.asarray(steps.households), households.to_numpy(), side="right") - 1
    per_household = np.where(
        is_apartment(villages),
        steps.apartment_m_per_household,
        np.asarray(steps.bungalow_m_per_household)[step],
    )
    return households * per_household


def policy_notes(villages: pd.DataFrame, policy: Policy) -> list[Note]:
    """What of the policy does not fit the county: names no village has, a climate half taken over."""
    notes: list[Note] = []
    for name, rule in policy.rules.items():
        for column, values in ((rule.column, (*(rule.in_ or ()), *(rule.not_in or ()))), *rule.where.items()):
            if column not in villages or not rule.enabled:
                continue
            known = set(villages[column].dropna())
            unmatched = [str(v) for v in values if isinstance(v, str) and v not in known]
            if unmatched and known:
                notes.append(("unmatched", {"rule": name, "column": column, "values": "、".join(unmatched)}))
    notes += _unmatched(villages, policy)
    files = {path: origin.file for path, origin in policy.origins.items() if path.startswith("climate.")}
    kept = sorted(path for path, file in files.items() if file == DEFAULT_FILE and path != "climate.indoor_c")
    if policy.default_climate:
        notes.append(("default_climate", {"station": policy.climate.station}))
    elif kept and len(kept) < len(files) - 1:
        notes.append(("climate", {"keys": "、".join(kept)}))
    return notes + demand_notes(policy)


def _unmatched(villages: pd.DataFrame, policy: Policy) -> Iterator[Note]:
    """Texts that a section asks of the villages and that none of them has, so that it holds for fewer."""
    inputs = table("villages")
    asked: list[tuple[str, str, tuple[object, ...], tuple[str, ...]]] = [
        (key, column, values, (column,))
        for key, where, _ in conditions(policy)
        for column, values in where.items()
        if column in inputs and not key.startswith("rules.")
    ]
    asked += [
        (f"annexes.{name}.order", "town", annex.order, ("town", "report_row"))
        for name, annex in policy.annexes.items()
    ]
    for key, column, values, places in asked:
        known = {value for place in places if place in villages for value in villages[place].dropna()}
        unmatched = [v for v in values if isinstance(v, str) and v and v not in known]
        if unmatched:
            yield "unmatched_where", {"key": key, "column": column, "values": "、".join(unmatched)}


# --- measures and tests -----------------------------------------------------------------------------


def _measures(villages: pd.DataFrame, county: County, supplies: dict[Supply, SupplyNetwork]) -> pd.DataFrame:
    heat = supplies["heat"]
    year = county.policy.year
    demolition = villages["demolition_year"].astype("Float64")
    height = villages["elevation_m"].astype("Float64")
    if "elevation_m" in heat.sources:
        of_source = heat.nearest.map(heat.sources["elevation_m"].astype("Float64").to_dict()).astype(
            "Float64"
        )
    else:
        of_source = pd.Series(pd.NA, index=villages.index, dtype="Float64")
    reach = heat.metres.replace(np.inf, np.nan)
    trench = villages["network_m"] + reach
    return villages.assign(
        heat_main_distance_m=reach,
        gas_main_distance_m=supplies["gas"].metres.replace(np.inf, np.nan),
        biomass_distance_m=supplies["biomass"].metres.replace(np.inf, np.nan),
        linear_heat_density_mwh_per_m=villages["heat_demand_mwh_per_a"] / trench.where(trench > 0),
        elevation_above_source_m=height - of_source,
        # A village that is gone by then has no year left, not less than none.
        years_to_demolition=(demolition - year).clip(lower=0) if year is not None else np.nan,
        **{
            f"in_{kind}_zone": _inside(villages, county, kind)
            for kind in ("no_coal", "no_dig", "plain", "mountain")
        },
    )


def _inside(villages: pd.DataFrame, county: County, kind: str) -> pd.Series:
    zones = county.layer("zones")
    if zones is None:
        return pd.Series(False, index=villages.index)
    area = shapely.union_all(zones.loc[zones["kind"] == kind].geometry.to_numpy())
    return pd.Series(shapely.intersects(area, villages["geometry"].to_numpy()), index=villages.index)


def _built_in_tests(
    villages: pd.DataFrame, policy: Policy, supplies: dict[Supply, SupplyNetwork], findings: Findings
) -> None:
    """What no rule needs to say: a route outside the order, a network that is not there or not reached."""
    ordered = {route for rank in policy.ranks for route in rank}
    reach = policy.network.biomass.radius_m
    lost = _unplaced(villages)
    for name, route in policy.routes.items():
        failed: dict[str, Finding] = {}
        if name not in ordered:
            failed = dict.fromkeys(villages.index, Finding("not_in_order"))
        elif route.supply is not None and supplies[route.supply].limited:
            network = supplies[route.supply]
            if not len(network.sources):
                failed = dict.fromkeys(villages.index, Finding("no_network", subject=route.supply))
            else:
                # The grid reaches a village whose place is not known, though nobody can say which substation.
                far_off = network.metres.index[np.isinf(network.metres) & ~lost]
                failed = dict.fromkeys(far_off, Finding("unreachable", subject=route.supply))
                if route.supply != "grid":
                    failed |= dict.fromkeys(villages.index[lost], Finding("unlocated"))
                if route.supply == "biomass":
                    far = network.metres[(network.metres > reach) & np.isfinite(network.metres)]
                    failed |= {v: Finding("beyond_radius", m, reach, "m") for v, m in far.items()}
        for village_id, finding in failed.items():
            findings.setdefault((village_id, name), []).insert(0, finding)


# --- prices -----------------------------------------------------------------------------------------


def _price_all(villages: pd.DataFrame, policy: Policy, supplies: dict[Supply, SupplyNetwork]) -> pd.DataFrame:
    """Every route for every village, village by village."""
    names = [name for name in ROUTES if name in policy.routes]
    parts = [_price(villages, name, policy, supplies) for name in names]
    n = len(villages)
    columns = {c: np.stack([np.broadcast_to(p[c], n) for p in parts], axis=1).ravel() for c in parts[0]}
    today = baseline_emissions(villages, policy)["co2_t_per_a"].to_numpy().repeat(len(names))
    columns["co2_avoided_t_per_a"] = today - columns["co2_t_per_a"]
    index = pd.MultiIndex.from_product([villages.index, names], names=["village", "option"])
    for name in ("affordability", "affordability_unsubsidised"):
        columns[name] = pd.Series(columns[name], index=index, dtype=object)
    return pd.DataFrame(columns, index=index)


def _price(
    villages: pd.DataFrame, name: str, policy: Policy, supplies: dict[Supply, SupplyNetwork]
) -> dict[str, Any]:
    """One route for all villages: capacity, the purses, the cost on both bases, emissions."""
    route = policy.routes[name]
    use, unit = _capacity_use(villages, route, policy)
    bases: dict[Basis, _Run] = {
        basis: _run(villages, route, use, policy=policy, basis=basis)
        for basis in ("equal_service", "behaviour")
    }
    paid = bases["behaviour"]
    network = supplies.get(route.supply) if route.supply else None
    metres = np.zeros(len(villages))
    if network is not None and route.supply in ("heat", "gas"):
        metres = network.metres.replace(np.inf, np.nan).to_numpy()
    inner = _inner_pipes(route)
    emitted = emissions(pd.Series(paid.units), carrier=policy.carriers[route.carrier])
    return {
        "route": name,
        "source_id": "" if network is None else network.nearest.to_numpy(),
        "network_m": villages["network_m"].to_numpy() if inner else 0.0,
        "connection_m": metres,
        "pipe_cny": 0.0,
        "break_even_m": np.nan,
        "linear_heat_density_mwh_per_m": (
            villages["linear_heat_density_mwh_per_m"].to_numpy() if inner else np.nan
        ),
        "capacity_use": use,
        "capacity_unit": unit,
        "capacity_value_cny_per_unit": np.nan,
        "energy_use_per_a": paid.units,
        "capex_cny": paid.items.to_numpy().sum(axis=1),
        "annual_cost_cny": bases[policy.comparison_basis].annual_cny,
        "annual_cost_equal_service_cny": bases["equal_service"].annual_cny,
        "annual_cost_behaviour_cny": paid.annual_cny,
        **_purses(villages, name, paid, policy),
        **{column: emitted[column].to_numpy() for column in emitted},
    }


def _purses(villages: pd.DataFrame, name: str, paid: _Run, policy: Policy) -> dict[str, Floats]:
    """What households, companies and the four levels pay for a route, at once and each year.

    The operator's gap is that of all companies together: they repay and maintain
    what they build. Who sells heat by area buys the energy at the carrier's price
    and is paid the households' bills. Where households buy their own energy, the
    gap is the investment, and what the supplier loses if the policy gives
    households a price below the carrier's.
    """
    route, rate = policy.routes[name], policy.economics.discount_rate
    granted = capital_subsidies(paid.items, villages, route=name, policy=policy)
    known = capital_subsidies(paid.items, villages, route=name, policy=policy, stated=True)
    levels, stated, items = by_level(granted), by_level(known), by_item(granted)
    bill, support = _season(villages, name, paid.units, policy)
    all_support = support.to_numpy().sum(axis=1)
    heated = villages["heated_households"].to_numpy()
    firms_cost = capital_cost(paid.items, route, rate=rate, granted=items, payer="enterprise")
    own_cost = capital_cost(paid.items, route, rate=rate, granted=by_item(known), payer="household")
    if route.household_price_cny_per_m2 is not None:
        deficit = paid.energy_cny - bill * heated
    else:
        deficit = paid.units * route.price_factor * supplier_loss(policy.carriers[route.carrier])
    limits, borne = policy.affordability, paid.items - items
    return {
        "household_capex_cny": paid_by("household", borne, route),
        "household_capex_unsubsidised_cny": paid_by("household", paid.items, route),
        "enterprise_capex_cny": paid_by("enterprise", borne, route),
        "operator_gap_cny_per_a": firms_cost + deficit,
        "household_annual_cost_cny": own_cost + (bill - np.nansum(support.to_numpy(), axis=1)) * heated,
        "household_cost_cny_per_season": bill - all_support,
        "household_cost_unsubsidised_cny_per_season": bill,
        **{f"subsidy_{level}_cny": levels[level].to_numpy() for level in levels},
        **{f"subsidy_{level}_stated_cny": stated[level].to_numpy() for level in stated},
        "subsidy_operating_cny_per_a": all_support * heated,
        **{f"subsidy_operating_{level}_cny_per_a": support[level].to_numpy() * heated for level in support},
        "affordability": np.where(heated > 0, rating(pd.Series(bill - all_support), limits), ""),
        "affordability_unsubsidised": np.where(heated > 0, rating(pd.Series(bill), limits), ""),
    }


def _inner_pipes(route: RoutePolicy) -> bool:
    return any(item.cny_per_network_m > 0 for item in route.capex.values())


@dataclass(frozen=True)
class _Run:
    """A route built and run for a season on one comparison basis.

    Attributes
    ----------
    items : DataFrame
        Cost of each item of investment. [CNY]
    units : ndarray
        Energy bought, in the carrier's unit.
    energy_cny : ndarray
        The same at the carrier's price. [CNY/a]
    annual_cny : ndarray
        Annual social cost. [CNY/a]
    """

    items: pd.DataFrame
    units: Floats
    energy_cny: Floats
    annual_cny: Floats


def _run(villages: pd.DataFrame, route: RoutePolicy, use: Floats, *, policy: Policy, basis: Basis) -> _Run:
    """Investment, energy and annual social cost of a route on one comparison basis."""
    area, heat, load = _service(villages, route, policy=policy, basis=basis)
    if route.supply == "heat":
        heat = heat / _delivered(villages, policy.network.heat)
    carrier = policy.carriers[route.carrier]
    units = heat * (1.0 - route.free_share) / (route.efficiency * carrier.kwh_per_unit)
    spare = np.nan_to_num(villages["spare_kva"].to_numpy(dtype=float, na_value=np.nan))
    scale = {
        "households": villages["households"].to_numpy(dtype=float),
        "area_m2": area,
        "heat_load_kw": load,
        "network_m": villages["network_m"].to_numpy(),
        "apartment": villages["apartment"].to_numpy(),
        "grid_share": np.nan_to_num(np.clip(1.0 - spare / np.where(use > 0, use, np.nan), 0, 1), nan=1.0),
    }
    items = item_costs(route, scale, villages=villages)
    energy = units * carrier.price_cny * route.price_factor
    capital = capital_cost(items, route, rate=policy.economics.discount_rate)
    return _Run(items, units, energy, capital + energy)


def _service(
    villages: pd.DataFrame, route: RoutePolicy, *, policy: Policy, basis: Basis
) -> tuple[Floats, Floats, Floats]:
    """Area heated per household [m²], heat of the season [kWh] and design load [kW] on one basis."""
    area, heat = villages["heated_area_m2"].to_numpy(), villages["heat_demand_mwh_per_a"].to_numpy() * 1000.0
    load = villages["heat_load_kw"].to_numpy()
    if basis == "equal_service" or route.full_space:
        return area, heat, load
    part = np.minimum(area, policy.demand.behaviour_area_m2) / area
    return area * part, heat * part * policy.demand.behaviour_factor, load * part


def _delivered(villages: pd.DataFrame, heat: HeatNetwork) -> Floats:
    """Share of the source's heat that arrives in the rooms."""
    secondary = np.where(villages["apartment"], heat.secondary_loss_apartment, heat.secondary_loss_bungalow)
    return (1.0 - heat.primary_loss) * (1.0 - secondary)


def _capacity_use(villages: pd.DataFrame, route: RoutePolicy, policy: Policy) -> tuple[Floats, str]:
    """What a route takes from its source: every room on the coldest day, or the fuel of a usual season."""
    load = villages["heat_load_kw"].to_numpy()
    if route.supply == "heat":
        share = policy.demand.coincidence / _delivered(villages, policy.network.heat)
        return load / 1000.0 * share, "MW"
    if route.supply == "gas":
        kwh = load * HOURS_PER_DAY * policy.network.gas.stress_share
        return kwh / (policy.carriers[route.carrier].kwh_per_unit * route.efficiency), "m3/d"
    if route.supply == "grid":
        grid = policy.network.grid
        power = load / _design_efficiency(route, policy.climate) * route.diversity
        return power / (grid.power_factor * grid.loading_max), "kVA"
    if route.supply == "biomass":
        _, kwh, _ = _service(villages, route, policy=policy, basis="behaviour")
        return kwh / (policy.carriers[route.carrier].kwh_per_unit * route.efficiency), "t/a"
    return np.zeros(len(villages)), ""


def _design_efficiency(route: RoutePolicy, climate: Climate) -> float:
    """Heat per electricity at the outdoor design temperature."""
    if route.efficiency_design is not None:
        return route.efficiency_design
    if route.cop is not None:
        return route.cop.at(climate.outdoor_design_c)
    return route.efficiency


def _season(villages: pd.DataFrame, name: str, units: Floats, policy: Policy) -> tuple[Floats, pd.DataFrame]:
    """What one household pays for one season, and the subsidy to it by level. [CNY/household]"""
    route = policy.routes[name]
    carrier = policy.carriers[route.carrier]
    heated = villages["heated_households"].to_numpy()
    use = np.divide(units, heated, out=np.zeros(len(units)), where=heated > 0)
    if route.household_price_cny_per_m2 is not None:
        bill = villages["heated_area_m2"].to_numpy() * route.household_price_cny_per_m2
    else:
        bill = use * household_price(carrier, route=name, policy=policy)
    return bill, operating_subsidy(use, villages, route=name, policy=policy, bill=bill)


def baseline_emissions(villages: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Emissions of the bulk coal burnt today. [t/a, kg/a]"""
    tonnes = villages["heated_households"] * policy.baseline.coal_t_per_household
    return emissions(tonnes, carrier=policy.carriers["coal"])
