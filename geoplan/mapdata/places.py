"""Places of the map: lines and areas, towns, sources, and the extent of them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geoplan.columns import table
from geoplan.mapdata.values import as_lists, is_made, lonlat
from geoplan.model import Plan

#: Columns shown of each line and area layer.
SHAPES = {
    "boundary": (),
    "zones": ("kind", "name"),
    "towns": (),
    "rivers": ("name",),
    "railways": ("name",),
    "roads": (),
    "gas_mains": ("status", "name", "pressure_class", "year"),
    "heat_mains": ("status", "name", "dn_mm", "year"),
}

#: Context layers are drawn within this of their true line. [m]
SIMPLIFY_M = {"boundary": 5.0, "zones": 5.0, "towns": 10.0, "rivers": 5.0, "railways": 5.0, "roads": 5.0}

#: Layers of sources: what each supplies, its capacity column and unit.
SOURCE_LAYERS = {
    "heat_sources": ("district_heating", "capacity_mw", "MW"),
    "gas_stations": ("gas", "capacity_m3_per_day", "m3/d"),
    "substations": ("electricity", "spare_kva", "kVA"),
    "biomass_supply": ("biomass", "capacity_t_per_a", "t/a"),
}

#: Steps of a degree in which coordinates travel; about 1 m. [1/°]
GRID = 100_000

#: A county of one village still shows this much ground; about 2 km. [° of latitude]
LEAST_DEG = 0.018
#: Villages and sources fill at least this share of each side of a map, or else the county is cut off.
LEAST_SHARE = 0.5
#: Where there is nothing at all. [°]
CHINA = [(73.0, 18.0), (135.0, 54.0)]


def has_rows(layers: Mapping[str, gpd.GeoDataFrame], stem: str) -> bool:
    """Whether the plan has anything of a layer."""
    return stem in layers and len(layers[stem]) > 0


def paths_of(geometry: gpd.GeoSeries, *, within_m: float = 0.0) -> list[list[list[int]]]:
    """Lines and rings of each feature as whole steps of 1e-5 degree, the first from zero.

    Examples
    --------
    >>> paths_of(gpd.GeoSeries.from_wkt(["LINESTRING (1 2, 1.00002 2.00001)"], crs=4326))
    [[[100000, 200000, 2, 1]]]
    """
    simple = geometry.simplify(within_m) if within_m else geometry
    shapes = simple.to_crs(4326).to_numpy()
    lines = np.where(shapely.get_dimensions(shapes) == 2, shapely.boundary(shapes), shapes)
    parts, owner = shapely.get_parts(lines, return_index=True)
    paths: list[list[list[int]]] = [[] for _ in shapes]
    for feature, steps in zip(owner.tolist(), _steps(parts), strict=True):
        paths[feature].append(steps)
    return paths


def _steps(parts: np.ndarray) -> list[list[int]]:
    """Each line as the steps from corner to corner, without those that stand still."""
    lonlat, part = shapely.get_coordinates(parts, return_index=True)
    whole = np.round(lonlat * GRID).astype(np.int64)
    first = np.diff(part, prepend=-1) != 0
    before = np.roll(whole, 1, axis=0)
    before[first] = 0
    steps = whole - before
    moved = np.any(steps != 0, axis=1)
    ends = np.cumsum(np.bincount(part[moved], minlength=len(parts)))
    return [piece.ravel().tolist() for piece in np.split(steps[moved], ends[:-1])] if len(parts) else []


def shapes_of(frame: gpd.GeoDataFrame, *, stem: str) -> dict[str, list[Any]]:
    """Lines and areas of one layer, in an order that does not hang on the order of the rows."""
    wide = frame[shapely.get_dimensions(frame.geometry.to_numpy()) > 0]
    out = {
        "path": paths_of(wide.geometry, within_m=SIMPLIFY_M.get(stem, 0.0)),
        **as_lists(wide, SHAPES[stem]),
    }
    out["made"] = is_made(wide).astype(int).tolist()
    order = sorted(range(len(wide)), key=lambda i: (out["path"][i], [str(out[c][i]) for c in out]))
    return {name: [values[i] for i in order] for name, values in out.items()}


def towns_of(layers: Mapping[str, gpd.GeoDataFrame]) -> dict[str, list[Any]]:
    """Name and place of the towns."""
    if not has_rows(layers, "towns") or "name" not in layers["towns"]:
        return {"name": [], "lon": [], "lat": []}
    towns = layers["towns"].sort_values("name", kind="stable", ignore_index=True)
    return {**as_lists(towns, ("name",)), **lonlat(towns)}


def sources_of(plan: Plan) -> dict[str, list[Any]]:
    """Sources of the plan, and those of the layers that the plan leaves out."""
    parts = [plan.sources]
    for stem, (route, capacity, unit) in SOURCE_LAYERS.items():
        if has_rows(plan.layers, stem):
            layer = plan.layers[stem]
            left_out = layer[~layer["source_id"].isin(plan.sources["source_id"])]
            parts.append(left_out.assign(route=route, capacity=left_out[capacity], unit=unit))
    columns = [*table("sources"), "geometry"]
    frames = [part.reindex(columns=columns) for part in parts if len(part)]
    if not frames:
        return {name: [] for name in ("source_id", "name", "route", "lon", "lat")}
    every = gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), geometry="geometry", crs=plan.villages.crs)
    every = every.sort_values(["route", "source_id"], kind="stable", ignore_index=True)
    every["unit"] = every["unit"].where(every["capacity"].notna())
    made = is_made(every).astype(int).tolist()
    return {**as_lists(every, table("sources")), **lonlat(every), "made": made}


def bounds_of(
    points: Mapping[str, Any], sources: Mapping[str, Any], shapes: Mapping[str, Any]
) -> list[float]:
    """South, west, north and east of the villages and their sources, or else of what there is. [°]

    Examples
    --------
    >>> bounds_of({"lon": [106.0], "lat": [38.0]}, {"lon": [], "lat": []}, {})
    [37.991, 105.98858, 38.009, 106.01142]
    """
    lonlat = [
        (x, y)
        for part in (points, sources)
        for x, y in zip(part["lon"], part["lat"], strict=True)
        if x is not None and y is not None
    ]
    if not lonlat:
        lonlat = [corner for shape in shapes.values() for corner in _corners(shape)]
    west, south = np.min(lonlat or CHINA, axis=0).tolist()
    east, north = np.max(lonlat or CHINA, axis=0).tolist()
    high = LEAST_DEG
    wide = high / float(np.cos(np.radians((south + north) / 2)))
    x, y = max((wide - (east - west)) / 2, 0.0), max((high - (north - south)) / 2, 0.0)
    return [round(south - y, 5), round(west - x, 5), round(north + y, 5), round(east + x, 5)]


def extent_of(bounds: Sequence[float], shapes: Mapping[str, Any]) -> list[float]:
    """Those bounds with the boundary of the county, unless they would be a small part of it. [°]

    Examples
    --------
    >>> ring = {"boundary": {"path": [[[10_500_000, 3_700_000, 200_000, 0, 0, 200_000, -200_000, 0]]]}}
    >>> extent_of([37.5, 105.5, 38.6, 106.6], ring), extent_of([37.5, 105.5, 37.7, 105.7], ring)
    ([37.0, 105.0, 39.0, 107.0], [37.5, 105.5, 37.7, 105.7])
    """
    corners = _corners(shapes["boundary"]) if "boundary" in shapes else []
    south, west, north, east = bounds
    every = np.array([*corners, (west, south), (east, north)])
    least, most = every.min(axis=0), every.max(axis=0)
    if (np.array([east - west, north - south]) < LEAST_SHARE * (most - least)).any():
        return [*bounds]
    return [float(v) for v in (least[1], least[0], most[1], most[0])]


def _corners(shape: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Every corner of the lines and rings of a layer. [°]"""
    rings = [np.reshape(path, (-1, 2)).cumsum(axis=0) / GRID for each in shape["path"] for path in each]
    return [(x, y) for ring in rings for x, y in ring.tolist()]
