"""The four supplies of a county: their sources in the plan's year, and the way from them to every village."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geoplan.growth import Growth, nearest_source
from geoplan.model import County
from geoplan.network import GRID_M, PipeTable, build_graph, pipe_capacity_mw
from geoplan.policy import DEFAULT_FILE, Policy, default_policy
from geoplan.schema import HeatNetwork, Supply

#: Layer of the sources, column of their capacity, unit, and layer of the mains of each supply.
SUPPLIES: dict[Supply, tuple[str, str, str, str | None]] = {
    "heat": ("heat_sources", "capacity_mw", "MW", "heat_mains"),
    "gas": ("gas_stations", "capacity_m3_per_day", "m3/d", "gas_mains"),
    "grid": ("substations", "spare_kva", "kVA", None),
    "biomass": ("biomass_supply", "capacity_t_per_a", "t/a", None),
}


#: What a plan's sources supply, as booked in its tables ``sources`` and ``links``.
SOURCE_ROUTE: dict[Supply, str] = {
    "heat": "district_heating",
    "gas": "gas",
    "grid": "electricity",
    "biomass": "biomass",
}


#: Something the run must say: a key of the messages and its values.
Note = tuple[str, dict[str, Any]]


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
    crossing_cny : Series
        Extra cost of what that pipe crosses. [CNY]
    planned : ndarray of bool, shape (n_mains + 1,)
        Which mains are still to be built.
    main_year : ndarray, shape (n_mains + 1,)
        Year from which a planned main is there; 0 where it is there or nobody says. [year]
    limited : bool
        Whether capacity is known. Without a substations layer it is not.
    """

    sources: gpd.GeoDataFrame
    unit: str
    growth: Growth | None
    nearest: pd.Series
    metres: pd.Series
    crossing_cny: pd.Series
    limited: bool = True
    planned: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=bool))
    main_year: np.ndarray = field(default_factory=lambda: np.zeros(1))


def supply_network(supply: Supply, county: County, notes: list[Note]) -> SupplyNetwork:
    """Sources of a supply that are there in the plan's year, and the way from them to every village."""
    stem, capacity, unit, mains_stem = SUPPLIES[supply]
    layer = county.layer(stem)
    ids = county.villages["village_id"].astype(str)
    places = gpd.GeoSeries(
        county.villages.geometry.to_numpy(), index=ids, crs=county.villages.crs
    ).sort_index()
    sources = None if layer is None else _in_time(layer, county.policy.year)
    nothing = pd.Series(0.0, index=places.index)
    if sources is None or sources.empty:
        empty = gpd.GeoDataFrame({"capacity": []}, geometry=gpd.GeoSeries([], crs=places.crs))
        none = pd.Series("", index=places.index)
        return SupplyNetwork(empty, unit, None, none, nothing + np.inf, nothing, limited=supply != "grid")
    sources = sources.set_index("source_id", drop=False).sort_index()
    total = sources[capacity].astype(float)
    if supply == "heat":
        entered, total = total, _guaranteed(total, sources, county.policy.network.heat)
        lowered = total[total < entered]
        notes += [
            ("n_minus_1", {"source": s, "entered": entered[s], "usable": lowered[s]}) for s in lowered.index
        ]
    if supply == "grid" and "upgrade_kva" in sources:
        total = total + sources["upgrade_kva"].astype(float).fillna(0.0)
    sources = sources.assign(capacity=total)
    if mains_stem is None:
        nearest, metres = _straight(places, sources)
        return SupplyNetwork(sources, unit, None, nearest, metres, nothing)
    mains = _mains(county, mains_stem)
    growth = _growth(county, places, sources, mains, heat=mains_stem == "heat_mains")
    found = nearest_source(growth)
    served = pd.Series(
        np.where(found.source >= 0, sources.index.to_numpy()[found.source], ""), index=places.index
    )
    metres, crossing = (pd.Series(v, index=places.index) for v in (found.metres, found.crossing_cny))
    planned = np.append(mains["status"].eq("planned").to_numpy(dtype=bool), False)
    main_year = np.where(planned, np.append(years_of(mains).fillna(0.0).to_numpy(), 0.0), 0.0)
    return SupplyNetwork(
        sources, unit, growth, served, metres, crossing, planned=planned, main_year=main_year
    )


def layer_notes(county: County) -> list[Note]:
    """What the county's layers leave out: sources, their mains, and the roads that new pipes follow.

    Parameters
    ----------
    county : County
        A supply that no route of its policy's order draws on is passed over.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("policy.toml", 'order = ["district_heating", "heat_pump"]')])
    >>> layer_notes(County("demo", gpd.GeoDataFrame(), policy))
    [('no_layer', {'stem': 'heat_sources'}), ('no_substations', {'stem': 'substations'})]
    """
    policy = county.policy
    drawn_on = {policy.routes[route].supply for rank in policy.ranks for route in rank}
    notes: list[Note] = []
    piped = False
    for supply, (stem, _, _, mains) in SUPPLIES.items():
        if supply not in drawn_on:
            continue
        layer = county.layer(stem)
        if layer is None or _in_time(layer, policy.year).empty:
            notes.append(("no_substations" if supply == "grid" else "no_layer", {"stem": stem}))
        elif mains is not None:
            piped = True
            pipes = county.layer(mains)
            if pipes is None or _in_time(pipes, policy.year).empty:
                notes.append(("no_mains", {"stem": mains, "sources": stem}))
    if piped and county.layer("roads") is None:
        notes.append(("no_roads", {"factor": policy.access.detour_factor}))
    return notes


#: Heat indices that hold for one climate; those of apartments are of a table for the whole north.
CLIMATE_INDICES = ("demand.intensity_bungalow_w_per_m2", "demand.intensity_bungalow_insulated_w_per_m2")


def demand_notes(policy: Policy) -> list[Note]:
    r"""The county's own design temperature beside heat indices that are still those of another climate.

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("policy.toml", "[climate]\noutdoor_design_c = -6.2")])
    >>> demand_notes(policy)[0][1]["own"]
    -6.2
    """
    own, other = policy.climate.outdoor_design_c, default_policy().climate.outdoor_design_c
    kept = [key for key in CLIMATE_INDICES if policy.file_of(key) == DEFAULT_FILE]
    if own == other or not kept:
        return []
    return [("demand", {"own": own, "other": other, "keys": "、".join(kept)})]


def years_of(layer: pd.DataFrame) -> pd.Series:
    """Year from which each feature is there; NaN where nobody says. [year]"""
    if "year" not in layer:
        return pd.Series(np.nan, index=layer.index)
    return layer["year"].astype("Float64").astype(float)


def _in_time(layer: gpd.GeoDataFrame, year: int | None) -> gpd.GeoDataFrame:
    """Features that are there in the plan's year; an empty year counts as there."""
    return layer if year is None else layer[~years_of(layer).gt(year).to_numpy()]


def _guaranteed(total: pd.Series, sources: pd.DataFrame, heat: HeatNetwork) -> pd.Series:
    """Capacity that keeps the guaranteed share of the load when the largest unit fails. [MW]"""
    if "largest_unit_mw" not in sources:
        return total
    largest = sources["largest_unit_mw"].astype(float)
    rest = (total - largest).clip(lower=0.0) / heat.guarantee_share
    return total.where(largest.isna(), np.minimum(total, rest))


def _mains(county: County, stem: str) -> gpd.GeoDataFrame:
    """The mains that are there in the plan's year, one row per line."""
    layer = county.layer(stem)
    if layer is None:
        nothing = gpd.GeoSeries([], crs=county.villages.crs)
        return gpd.GeoDataFrame({"status": pd.Series(dtype=object)}, geometry=nothing)
    there = _in_time(layer, county.policy.year)
    simple = (shapely.get_type_id(there.geometry.to_numpy()) == shapely.GeometryType.LINESTRING).all()
    return there.reset_index(drop=True) if simple else there.explode(ignore_index=True)


def _growth(
    county: County, places: gpd.GeoSeries, sources: gpd.GeoDataFrame, mains: gpd.GeoDataFrame, *, heat: bool
) -> Growth:
    policy, roads = county.policy, county.layer("roads")
    graph = build_graph(
        places,
        sources.geometry,
        mains=mains.geometry,
        roads=None if roads is None else roads.geometry.explode(ignore_index=True),
        barriers=_barriers(county),
        access=policy.access,
    )
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
