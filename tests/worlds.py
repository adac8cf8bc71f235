"""Small worlds built in code: a flat county whose numbers can be worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import geopandas as gpd
import pandas as pd
from shapely import LineString, Point

from geoplan.columns import table
from geoplan.model import County
from geoplan.policy import load_policy

CRS = "EPSG:4544"
X0, Y0 = 520_000.0, 4_190_000.0


def at(x: float, y: float) -> Point:
    return Point(X0 + x, Y0 + y)


def line(*xy: tuple[float, float]) -> LineString:
    return LineString([(X0 + x, Y0 + y) for x, y in xy])


def village(number: int, x: float, y: float, households: int = 300, **more: Any) -> dict[str, Any]:
    base = {"village_id": f"V{number:02d}", "name": f"村{number}", "town": "甲镇", "households": households}
    return base | {"floor_area_m2": 100.0, "geometry": at(x, y)} | more


def villages_frame(rows: Iterable[Mapping[str, Any]]) -> gpd.GeoDataFrame:
    frame = pd.DataFrame(list(rows))
    for name, column in table("villages").items():
        if name not in frame:
            frame[name] = pd.Series(
                [None] * len(frame), dtype="float64" if column.dtype == "number" else object
            )
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=CRS)


def layer(rows: Iterable[Mapping[str, Any]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(pd.DataFrame(list(rows)), geometry="geometry", crs=CRS)


def heat_source(capacity_mw: float, x: float = 0, y: float = 0, source_id: str = "H1") -> dict[str, Any]:
    return {
        "source_id": source_id,
        "name": f"热源{source_id}",
        "capacity_mw": capacity_mw,
        "geometry": at(x, y),
    }


def main(*xy: tuple[float, float], dn_mm: int | None = None) -> dict[str, Any]:
    return {"status": "existing", "dn_mm": dn_mm, "geometry": line(*xy)}


def gas_station(capacity: float, x: float = 0, y: float = 0, source_id: str = "G1") -> dict[str, Any]:
    return {"source_id": source_id, "name": "气源", "capacity_m3_per_day": capacity, "geometry": at(x, y)}


def substation(
    spare: float, x: float = 0, y: float = 0, source_id: str = "S1", **more: Any
) -> dict[str, Any]:
    return {"source_id": source_id, "name": "变电站", "spare_kva": spare, "geometry": at(x, y)} | more


def county(
    rows: Iterable[Mapping[str, Any]], policy: str = "", **layers: Iterable[Mapping[str, Any]]
) -> County:
    """A county of the given village rows, layers by stem and policy text."""
    found = {stem: layer(features) for stem, features in layers.items()}
    merged = load_policy([("policy.toml", policy)] if policy else [])
    return County("world", villages_frame(rows), merged, found)


def corridor(
    households: Iterable[int], *, capacity_mw: float = 500.0, gap_m: float = 400.0, **more: Any
) -> County:
    """Villages beside a 10 km main that runs east from a heat source, each `gap_m` north of it."""
    rows = [village(i, 600.0 * (i + 1), gap_m, n) for i, n in enumerate(households)]
    return county(
        rows,
        heat_sources=[heat_source(capacity_mw)],
        heat_mains=[main((0, 0), (10_000, 0))],
        gas_stations=[gas_station(1e6, 0, -3000)],
        gas_mains=[{"status": "existing", "geometry": line((0, -3000), (10_000, -3000))}],
        **more,
    )
