"""A made county of any size for timing: villages on a road net, three heat sources, gas, substations, straw.

Everything in it is made up; nothing is measured on a real place.
"""

from __future__ import annotations

from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geoplan.model import County
from geoplan.policy import Policy, load_policy

CRS = "EPSG:4544"
#: Where the county lies in its CRS. [m]
ORIGIN = np.array([500_000.0, 4_200_000.0])
#: Distance between villages along the roads. [m]
SPACING_M = 900.0
ORDER = 'order = ["district_heating", "gas", "heat_pump", "electric_storage", "biomass", "clean_coal"]'
NAME = 'title = "示例县（合成数据）"\ncounty = "示例县"'


def made_county(n_villages: int, *, seed: int = 0, tightness: float = 0.6) -> County:
    """A county whose supplies together cover a share of what could be wanted of them.

    Parameters
    ----------
    n_villages : int
    seed : int
    tightness : float
        Capacity of the heat sources as a share of the heat load of all villages.
    """
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(1.4 * n_villages)))
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    nodes = ORIGIN + (grid + rng.uniform(-0.3, 0.3, grid.shape)) * SPACING_M
    roads = _roads(nodes, side, rng)
    chosen = rng.choice(len(nodes), n_villages, replace=False)
    households = rng.integers(60, 600, n_villages)
    villages = gpd.GeoDataFrame(
        {
            "village_id": [f"V{i:05d}" for i in range(n_villages)],
            "name": [f"村{i}" for i in range(n_villages)],
            "town": [f"镇{i}" for i in grid[chosen] @ np.array([3, 1]) // side],
            "households": households,
            "provenance": "illustrative",
        },
        geometry=gpd.points_from_xy(*(nodes[chosen] + rng.uniform(-80, 80, (n_villages, 2))).T),
        crs=CRS,
    )
    heat_mw = float(households.sum()) * 0.009 * tightness
    layers = {
        "roads": _layer({"provenance": "illustrative"}, roads),
        "heat_sources": _sources("H", _places(nodes, 3, rng), {"capacity_mw": heat_mw / 3}),
        "gas_stations": _sources(
            "G", _places(nodes, 2, rng), {"capacity_m3_per_day": 9.0 * households.sum()}
        ),
        "substations": _sources(
            "S",
            _places(nodes, max(3, n_villages // 20), rng),
            {"spare_kva": 5500.0, "upgrade_kva": 4000.0, "upgrade_cost_cny_per_kva": 900.0},
        ),
        "biomass_supply": _sources("B", _places(nodes, 3, rng), {"capacity_t_per_a": 0.3 * households.sum()}),
    }
    return County("made", villages, policy(), layers=layers)


def policy() -> Policy:
    """The default policy with the order of the made county."""
    return load_policy([("policy.toml", f"{NAME}\n{ORDER}")])


def _roads(nodes: np.ndarray, side: int, rng: np.random.Generator) -> list[shapely.LineString]:
    number = np.arange(side * side).reshape(side, side)
    pairs = np.concatenate(
        [
            np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], axis=1),
            np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1),
        ]
    )
    kept = pairs[rng.random(len(pairs)) < 0.8]
    return list(shapely.linestrings(nodes[kept]))


def _places(nodes: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    return nodes[rng.choice(len(nodes), n, replace=False)] + 15.0


def _sources(letter: str, places: np.ndarray, columns: dict[str, float]) -> gpd.GeoDataFrame:
    ids = [f"{letter}{i}" for i in range(len(places))]
    return _layer(
        {"source_id": ids, "name": ids, **columns, "provenance": "illustrative"}, shapely.points(places)
    )


def _layer(columns: dict[str, object], shapes: Iterable[BaseGeometry]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=list(shapes), crs=CRS).assign(**columns)
