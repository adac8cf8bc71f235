"""Every route for every village: what it needs, what it costs whom, and which test it fails.

The pipe that several villages would share is not priced here: who shares it is
the selection's business.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

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
from geoplan.finance import capital_subsidies, investment, operating_subsidy
from geoplan.growth import Growth, nearest_source
from geoplan.model import County
from geoplan.network import GRID_M, PipeTable, build_graph, pipe_capacity_mw
from geoplan.policy import Policy
from geoplan.schema import Basis, HeatNetwork, RoutePolicy, Supply
from geoplan.units import HOURS_PER_DAY

#: Layer of the sources, column of their capacity, unit, and layer of the mains of each supply.
SUPPLIES: dict[Supply, tuple[str, str, str, str | None]] = {
    "heat": ("heat_sources", "capacity_mw", "MW", "heat_mains"),
    "gas": ("gas_stations", "capacity_m3_per_day", "m3/d", "gas_mains"),
    "grid": ("substations", "spare_kva", "kVA", None),
    "biomass": ("biomass_supply", "capacity_t_per_a", "t/a", None),
}

#: Route an option of the plan's ``sources`` table is booked under.
SUPPLY_ROUTE: dict[Supply, str] = {
    "heat": "district_heating",
    "gas": "gas",
    "grid": "heat_pump",
    "biomass": "biomass",
}


@dataclass
class SupplyNetwork:
    """The sources of one supply and the way to them.

    Attributes
    ----------
    sources : GeoDataFrame, index ``source_id``
        With ``capacity`` in `unit`.
    growth : Growth or None
        The pipe network; None for supplies without pipes.
    nearest : Series of str
        Source id that serves each village by default; empty where none does.
    metres : Series
        New pipe (or straight distance) from there to the village. [m]
    limited : bool
        Whether capacity is known. Without a substations layer it is not.
    """

    sources: gpd.GeoDataFrame
    unit: str
    growth: Growth | None
    nearest: pd.Series
    metres: pd.Series
    limited: bool = True


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
    notes : list of str
        What the run must say about missing layers.
    """

    villages: pd.DataFrame
    table: pd.DataFrame
    findings: Findings
    supplies: dict[Supply, SupplyNetwork]
    notes: list[str] = field(default_factory=list)

    def eligible(self, village_id: str, route: str) -> bool:
        """Whether an option passes every test that excludes."""
        return all(f.warning for f in self.findings.get((village_id, route), ()))


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
    >>> options.table.loc[("V1", "heat_pump"), "capacity_use"].round(1)
    np.float64(541.8)
    """
    policy = county.policy
    notes: list[str] = []
    villages = _demand(_with_optional_columns(county.villages), policy)
    supplies = {supply: _supply(supply, county, notes) for supply in SUPPLIES}
    villages = _measures(villages, county, supplies)
    findings: Findings = {}
    apply_rules(villages, policy=policy, into=findings)
    _built_in_tests(villages, policy, supplies, findings)
    priced = pd.concat(
        [_price(villages, name, policy, supplies) for name in ROUTES if name in policy.routes],
        ignore_index=True,
    )
    priced = priced.set_index(["village_id", "route"]).rename_axis(["village", "option"])
    priced = priced.sort_index(level=0, sort_remaining=False, kind="stable")
    return Options(villages, priced, findings, supplies, notes)


def _with_optional_columns(villages: gpd.GeoDataFrame) -> pd.DataFrame:
    """The villages by id, with every optional input column there, empty where it was absent."""
    frame = villages.set_index(villages["village_id"].astype(str).rename("id"), drop=False).sort_index()
    absent = {
        name: pd.Series(None, index=frame.index, dtype=object)
        for name in table("villages")
        if name not in frame
    }
    return frame.assign(**absent)


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


# --- supplies ---------------------------------------------------------------------------------------


def _supply(supply: Supply, county: County, notes: list[str]) -> SupplyNetwork:
    """Sources of a supply that are there in the plan's year, and the way from them to every village."""
    stem, capacity, unit, mains_stem = SUPPLIES[supply]
    layer = county.layer(stem)
    ids = county.villages["village_id"].astype(str)
    places = gpd.GeoSeries(
        county.villages.geometry.to_numpy(), index=ids, crs=county.villages.crs
    ).sort_index()
    sources = None if layer is None else _in_time(layer, county.policy.year)
    if sources is None or sources.empty:
        notes.append(_missing(stem, supply))
        empty = gpd.GeoDataFrame({"capacity": []}, geometry=gpd.GeoSeries([], crs=places.crs))
        none = pd.Series("", index=places.index)
        return SupplyNetwork(
            empty, unit, None, none, pd.Series(np.inf, index=places.index), limited=supply != "grid"
        )
    sources = sources.set_index("source_id", drop=False).sort_index()
    total = sources[capacity].astype(float)
    if supply == "heat":
        total = _guaranteed(total, sources, county.policy.network.heat)
    if supply == "grid" and "upgrade_kva" in sources:
        total = total + sources["upgrade_kva"].astype(float).fillna(0.0)
    sources = sources.assign(capacity=total)
    if mains_stem is None:
        nearest, metres = _straight(places, sources)
        return SupplyNetwork(sources, unit, None, nearest, metres)
    growth = _growth(county, places, sources, mains_stem)
    found = nearest_source(growth)
    served = pd.Series(
        np.where(found.source >= 0, sources.index.to_numpy()[found.source], ""), index=places.index
    )
    return SupplyNetwork(sources, unit, growth, served, pd.Series(found.metres, index=places.index))


def _missing(stem: str, supply: Supply) -> str:
    if supply == "grid":
        return f"no {stem} layer: grid headroom was not tested"
    return f"no {stem} layer: nothing is supplied with {supply}"


def _in_time(layer: gpd.GeoDataFrame, year: int | None) -> gpd.GeoDataFrame:
    """Features that are there in the plan's year; an empty year counts as there."""
    if year is None or "year" not in layer:
        return layer
    return layer[layer["year"].astype("Float64").fillna(year).le(year).to_numpy(dtype=bool)]


def _guaranteed(total: pd.Series, sources: pd.DataFrame, heat: HeatNetwork) -> pd.Series:
    """Capacity that keeps the guaranteed share of the load when the largest unit fails. [MW]"""
    if "largest_unit_mw" not in sources:
        return total
    largest = sources["largest_unit_mw"].astype(float)
    rest = (total - largest).clip(lower=0.0) / heat.guarantee_share
    return total.where(largest.isna(), np.minimum(total, rest))


def _growth(county: County, places: gpd.GeoSeries, sources: gpd.GeoDataFrame, mains_stem: str) -> Growth:
    policy = county.policy
    layer = county.layer(mains_stem)
    mains = gpd.GeoDataFrame(geometry=[], crs=places.crs) if layer is None else _in_time(layer, policy.year)
    mains = mains.explode(ignore_index=True)
    roads = county.layer("roads")
    graph = build_graph(
        places,
        sources.geometry,
        mains=mains.geometry,
        roads=None if roads is None else roads.geometry.explode(ignore_index=True),
        barriers=_barriers(county),
        access=policy.access,
    )
    heat = mains_stem == "heat_mains"
    pipes = (
        PipeTable.of_heat(policy.network.heat)
        if heat
        else PipeTable.of_one_price(policy.network.gas.cny_per_m)
    )
    limit = _main_capacity(mains, policy.network.heat) if heat else np.full(len(mains) + 1, np.inf)
    return Growth(graph, pipes, sources["capacity"].to_numpy(dtype=float), limit)


def _barriers(county: County) -> list[tuple[gpd.GeoSeries, float]]:
    """What a new trench may cross at a price, and where it may not run at all."""
    access = county.policy.access
    found = []
    for stem, cost in (("rivers", access.river_crossing_cny), ("railways", access.railway_crossing_cny)):
        layer = county.layer(stem)
        if layer is not None:
            found.append((layer.geometry, cost))
    zones = county.layer("zones")
    if zones is not None:
        found.append((zones.loc[zones["kind"] == "no_dig"].geometry, np.inf))
    return found


def _main_capacity(mains: gpd.GeoDataFrame, heat: HeatNetwork) -> np.ndarray:
    """Heat each main can carry by its diameter, and infinity for what has none. [MW]"""
    known = dict(zip(heat.pipes.dn_mm, pipe_capacity_mw(heat).tolist(), strict=True))
    diameters = mains["dn_mm"] if "dn_mm" in mains else pd.Series(np.nan, index=mains.index)
    by_size = [np.inf if pd.isna(dn) else known.get(int(dn), _between(int(dn), known)) for dn in diameters]
    return np.array([*by_size, np.inf])


def _between(dn_mm: int, known: dict[int, float]) -> float:
    """Capacity of a diameter that the table lacks: that of the next smaller one. [MW]"""
    return max((mw for dn, mw in known.items() if dn <= dn_mm), default=min(known.values()))


def _straight(places: gpd.GeoSeries, sources: gpd.GeoDataFrame) -> tuple[pd.Series, pd.Series]:
    """Nearest source of each village as the crow flies; of several the first by id."""
    nearest = pd.Series("", index=places.index)
    metres = pd.Series(np.inf, index=places.index)
    there = np.flatnonzero(~(places.is_empty | places.isna()).to_numpy())
    if len(sources) and len(there):
        # On the grid, so that a tie is a tie whatever CRS the input came in.
        points = shapely.set_precision(places.array[there], GRID_M)
        tree = shapely.STRtree(shapely.set_precision(sources.geometry.array, GRID_M))
        (rows, found), far = tree.query_nearest(points, return_distance=True)
        order = np.lexsort((-found, rows))
        nearest.iloc[there[rows[order]]] = sources.index.to_numpy()[found[order]]
        metres.iloc[there[rows[order]]] = far[order]
    return nearest, metres


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
        years_to_demolition=demolition - year if year is not None else np.nan,
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
    for name, route in policy.routes.items():
        failed: dict[str, Finding] = {}
        if name not in ordered:
            failed = dict.fromkeys(villages.index, Finding("not_in_order"))
        elif route.supply is not None and supplies[route.supply].limited:
            network = supplies[route.supply]
            if not len(network.sources):
                failed = dict.fromkeys(villages.index, Finding("no_network", subject=route.supply))
            else:
                cut_off = network.metres.index[np.isinf(network.metres)]
                failed = dict.fromkeys(cut_off, Finding("unreachable", subject=route.supply))
                if route.supply == "biomass":
                    far = network.metres[(network.metres > reach) & np.isfinite(network.metres)]
                    failed |= {v: Finding("beyond_radius", m, reach, "m") for v, m in far.items()}
        for village_id, finding in failed.items():
            findings.setdefault((village_id, name), []).insert(0, finding)


# --- prices -----------------------------------------------------------------------------------------


def _price(
    villages: pd.DataFrame, name: str, policy: Policy, supplies: dict[Supply, SupplyNetwork]
) -> pd.DataFrame:
    """One route for all villages: capacity, the three purses on both bases, emissions."""
    route = policy.routes[name]
    carrier = policy.carriers[route.carrier]
    households = villages["households"].astype(float)
    use, unit = _capacity_use(villages, route, policy)
    bases = {
        basis: _basis(villages, route, use, policy=policy, basis=basis)
        for basis in ("equal_service", "behaviour")
    }
    paid = bases["behaviour"]
    subsidies = capital_subsidies(paid["household_cny"], households, route=name, policy=policy)
    bill = _season_bill(villages, route, paid["energy_units"], policy)
    per_household = (paid["energy_units"] / villages["heated_households"]).fillna(0.0)
    support = operating_subsidy(
        per_household, per_household * carrier.kwh_per_unit, route=name, policy=policy
    )
    support = np.minimum(support, bill)
    network = supplies.get(route.supply) if route.supply else None
    piped = route.supply in ("heat", "gas")
    metres = network.metres.replace(np.inf, np.nan) if network is not None and piped else np.nan
    basis = bases[policy.comparison_basis]
    return pd.DataFrame(
        {
            "village_id": villages.index,
            "route": name,
            "source_id": network.nearest.to_numpy() if network is not None else "",
            "network_m": villages["network_m"] if _inner_pipes(route) else 0.0,
            "connection_m": metres if piped else 0.0,
            "pipe_cny": 0.0,
            "break_even_m": np.nan,
            "linear_heat_density_mwh_per_m": villages["linear_heat_density_mwh_per_m"]
            if _inner_pipes(route)
            else np.nan,
            "capacity_use": use,
            "capacity_unit": unit,
            "capex_cny": paid["capex_cny"],
            "annual_cost_cny": basis["annual_cny"],
            "annual_cost_equal_service_cny": bases["equal_service"]["annual_cny"],
            "annual_cost_behaviour_cny": paid["annual_cny"],
            "household_capex_cny": paid["household_cny"] - subsidies.sum(axis=1),
            "household_cost_cny_per_season": bill - support,
            "household_cost_unsubsidised_cny_per_season": bill,
            **subsidies,
            "subsidy_operating_cny_per_a": support * villages["heated_households"],
            **emissions(paid["energy_units"], carrier=carrier),
        }
    ).reset_index(drop=True)


def _inner_pipes(route: RoutePolicy) -> bool:
    return any(item.cny_per_network_m > 0 for item in route.capex.values())


def _basis(
    villages: pd.DataFrame, route: RoutePolicy, use: pd.Series, *, policy: Policy, basis: Basis
) -> pd.DataFrame:
    """Investment, energy and annual social cost of a route on one comparison basis."""
    area, heat = villages["heated_area_m2"], villages["heat_demand_mwh_per_a"] * 1000.0
    load = villages["heat_load_kw"]
    if basis == "behaviour" and not route.full_space:
        part = area.clip(upper=policy.demand.behaviour_area_m2) / area
        area, heat, load = area * part, heat * part * policy.demand.behaviour_factor, load * part
    if route.supply == "heat":
        heat = heat / _delivered(villages, policy.network.heat)
    carrier = policy.carriers[route.carrier]
    units = heat * (1.0 - route.free_share) / (route.efficiency * carrier.kwh_per_unit)
    scale = pd.DataFrame(
        {
            "households": villages["households"].astype(float),
            "area_m2": area,
            "heat_load_kw": load,
            "network_m": villages["network_m"],
            "apartment": villages["apartment"],
            "grid_share": (1.0 - villages["spare_kva"].astype(float).fillna(0.0) / use.where(use > 0))
            .clip(0, 1)
            .fillna(1),
        }
    )
    frame = investment(route, scale, rate=policy.economics.discount_rate)
    energy_cny = units * carrier.price_cny * route.price_factor
    return frame.assign(energy_units=units, annual_cny=frame["capital_cost_cny"] + energy_cny)


def _delivered(villages: pd.DataFrame, heat: HeatNetwork) -> pd.Series:
    """Share of the source's heat that arrives in the rooms."""
    secondary = np.where(villages["apartment"], heat.secondary_loss_apartment, heat.secondary_loss_bungalow)
    return pd.Series((1.0 - heat.primary_loss) * (1.0 - secondary), index=villages.index)


def _capacity_use(villages: pd.DataFrame, route: RoutePolicy, policy: Policy) -> tuple[pd.Series, str]:
    """What a route takes from its source on the coldest day, when every room is heated."""
    load = villages["heat_load_kw"]
    if route.supply == "heat":
        share = policy.demand.coincidence / _delivered(villages, policy.network.heat)
        return load / 1000.0 * share, "MW"
    if route.supply == "gas":
        kwh = load * HOURS_PER_DAY * policy.network.gas.stress_share
        return kwh / (policy.carriers[route.carrier].kwh_per_unit * route.efficiency), "m3/d"
    if route.supply == "grid":
        grid = policy.network.grid
        power = load / (route.efficiency_design or route.efficiency) * route.diversity
        return power / (grid.power_factor * grid.loading_max), "kVA"
    if route.supply == "biomass":
        kwh = villages["heat_demand_mwh_per_a"] * 1000.0
        return kwh / (policy.carriers[route.carrier].kwh_per_unit * route.efficiency), "t/a"
    return pd.Series(0.0, index=villages.index), ""


def _season_bill(villages: pd.DataFrame, route: RoutePolicy, units: pd.Series, policy: Policy) -> pd.Series:
    """What one household pays for one season before operating subsidies. [CNY/household]"""
    if route.household_price_cny_per_m2 is not None:
        return villages["heated_area_m2"] * route.household_price_cny_per_m2
    carrier = policy.carriers[route.carrier]
    price = carrier.price_cny if carrier.household_price_cny is None else carrier.household_price_cny
    return (units / villages["heated_households"] * price * route.price_factor).fillna(0.0)


def baseline_emissions(villages: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Emissions of the bulk coal burnt today. [t/a, kg/a]"""
    tonnes = villages["heated_households"] * policy.baseline.coal_t_per_household
    return emissions(tonnes, carrier=policy.carriers["coal"])
