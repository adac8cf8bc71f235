"""Made places: deterministic, plausible positions where no open data exist.

Everything here works in one metric CRS and draws its "chance" from a hash of
the feature's own key, so that a builder gives the same layers on every
machine, in every order and with every version of the libraries.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely import MultiPoint, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

DRAWS, CANDIDATES = 20_000, 4
"""Draws before an area is declared full, and acceptable ones to choose from."""


def share(*key: object) -> float:
    """Hash a key to a number in [0, 1), the same everywhere and always.

    Parameters
    ----------
    *key : object
        Anything whose text names the draw.

    Returns
    -------
    float
        Evenly distributed over the keys. [share]

    Examples
    --------
    >>> share("a", 1) == share("a", 1) != share("a", 2)
    True
    """
    digest = hashlib.blake2b("|".join(map(str, key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def spread(total: int, *, keys: Sequence[str], low: int, high: int) -> dict[str, int]:
    """Spread a total over keys, unevenly, every part between two bounds.

    Parameters
    ----------
    total : int
        What the parts sum to.
    keys : sequence of str
        One part each.
    low, high : int
        Bounds of a part, both reached at most.

    Returns
    -------
    dict of str to int
        The parts, in the order of `keys`.

    Raises
    ------
    ValueError
        If the bounds do not allow the total.

    Examples
    --------
    >>> parts = spread(1000, keys=["a", "b", "c"], low=200, high=500)
    >>> sum(parts.values()), min(parts.values()) >= 200, max(parts.values()) <= 500
    (1000, True, True)
    """
    if not low * len(keys) <= total <= high * len(keys):
        msg = f"{total} cannot be spread over {len(keys)} parts of {low} to {high}"
        raise ValueError(msg)
    drawn = np.array([low + share("spread", total, key) * (high - low) for key in keys])
    gap = total - drawn.sum()
    room = high - drawn if gap > 0 else drawn - low
    parts = np.floor(drawn + gap * room / room.sum()).astype(int)
    for place in np.argsort(parts, kind="stable")[: total - parts.sum()]:
        parts[place] += 1
    return dict(zip(keys, parts.tolist(), strict=True))


def metric_points(places: Mapping[str, tuple[float, float]], *, crs: int) -> gpd.GeoSeries:
    """Turn longitudes and latitudes into points of a metric CRS.

    Parameters
    ----------
    places : mapping of str to (float, float)
        Longitude and latitude by name. [degree, WGS 84]
    crs : int
        EPSG code of the metric CRS.

    Returns
    -------
    GeoSeries
        Points by name.

    Examples
    --------
    >>> metric_points({"a": (105.0, 38.0)}, crs=4544)["a"].x
    500000.0
    """
    shapes = [Point(*place) for place in places.values()]
    return gpd.GeoSeries(shapes, index=list(places), crs=4326).to_crs(crs)


def stations(
    table: Mapping[str, tuple[str, tuple[float, float], *tuple[object, ...]]],
    *,
    columns: Sequence[str],
    provenance: str,
    crs: int,
) -> gpd.GeoDataFrame:
    """Make a layer of stations from a table.

    Parameters
    ----------
    table : mapping of str to tuple
        Name, (longitude, latitude) and further values, by ``source_id``.
    columns : sequence of str
        What the further values are.
    provenance : str
        Where the rows come from.
    crs : int
        EPSG code of the metric CRS.

    Returns
    -------
    GeoDataFrame
        One row per station, sorted by id.

    Examples
    --------
    >>> table = {"S1": ("示例变", (105.0, 38.0), 4000)}
    >>> stations(table, columns=["spare_kva"], provenance="illustrative", crs=4544)["spare_kva"].item()
    4000
    """
    rows = [(key, name, *rest) for key, (name, _, *rest) in sorted(table.items())]
    frame = pd.DataFrame(rows, columns=["source_id", "name", *columns]).assign(provenance=provenance)
    places = {key: place for key, (_, place, *_) in sorted(table.items())}
    return gpd.GeoDataFrame(frame, geometry=list(metric_points(places, crs=crs)), crs=crs)


def plain_name(official: str) -> str:
    """Shorten an official name to the name of the village: without its committee.

    Parameters
    ----------
    official : str
        Name in the statistical list.

    Returns
    -------
    str
        Name as a planner writes it.

    Examples
    --------
    >>> [plain_name(name) for name in ("西门村委会", "解放村村民委员会", "渔光湖村村委会", "一队村委会")]
    ['西门村', '解放村', '渔光湖村', '一队']
    """
    team = re.fullmatch(r"(.+队)村委会", official)
    return team[1] if team else re.sub(r"村?村(民委员|委)会$", "村", official)


def voronoi_cells(seats: gpd.GeoSeries, *, boundary: BaseGeometry) -> gpd.GeoSeries:
    """Cells nearest to each seat, clipped to the boundary: a stand-in for unpublished town limits.

    Parameters
    ----------
    seats : GeoSeries of Point
        Town seats in a metric CRS; the index names the cells.
    boundary : Polygon
        County boundary in the same CRS.

    Returns
    -------
    GeoSeries
        One polygon per seat, on the index of `seats`.

    Examples
    --------
    >>> seats = gpd.GeoSeries([Point(1, 1), Point(3, 1)], index=["west", "east"], crs=4544)
    >>> voronoi_cells(seats, boundary=shapely.box(0, 0, 4, 2)).area.to_dict()
    {'west': 4.0, 'east': 4.0}
    """
    drawn = shapely.voronoi_polygons(MultiPoint(list(seats)), extend_to=boundary)
    parts = shapely.get_parts(drawn)
    own = [parts[int(np.flatnonzero(shapely.intersects(parts, seat))[0])] for seat in seats]
    clipped = shapely.intersection(np.array(own, dtype=object), boundary)
    return gpd.GeoSeries(clipped, index=seats.index, crs=seats.crs)


def strip_beside(line: BaseGeometry, *, cell: BaseGeometry, offset_m: tuple[float, float]) -> BaseGeometry:
    """Part of a cell that lies beside a line, between two distances from it.

    Parameters
    ----------
    line : LineString or MultiLineString
        What to stay beside.
    cell : Polygon
        Where to stay.
    offset_m : tuple of float
        Least and greatest distance to the line. [m]

    Returns
    -------
    Polygon or MultiPolygon
        The strip on both sides.

    Examples
    --------
    >>> street = shapely.LineString([(0, 0), (1000, 0)])
    >>> strip_beside(street, cell=shapely.box(0, -50, 1000, 500), offset_m=(100, 300)).area
    200000.0
    """
    return line.buffer(offset_m[1]).difference(line.buffer(offset_m[0])).intersection(cell)


def place_points(
    areas: Mapping[str, BaseGeometry],
    *,
    taken: Mapping[str, Point],
    spacing_m: float,
    targets: Mapping[str, Point] | None = None,
) -> dict[str, Point]:
    """Draw a point in the area of each key, apart from every other point.

    Of the first few candidates the one nearest to the key's target is taken;
    without a target the one that is farthest from its neighbours.

    Parameters
    ----------
    areas : mapping of str to Polygon
        Where each point may lie, in the order of drawing.
    taken : mapping of str to Point
        Points that stand already; a key among them is not drawn again.
    spacing_m : float
        Least distance between any two points. [m]
    targets : mapping of str to Point, optional
        Where a key's point would best be.

    Returns
    -------
    dict of str to Point
        The points taken and the points drawn.

    Raises
    ------
    ValueError
        If an area has no room.

    Examples
    --------
    >>> field = shapely.box(0, 0, 1000, 1000)
    >>> points = place_points({"b": field, "c": field}, taken={"a": Point(500, 500)}, spacing_m=300)
    >>> list(points), points["b"].distance(points["c"]) >= 300
    (['a', 'b', 'c'], True)
    """
    points = dict(taken)
    for key, area in areas.items():
        if key not in points:
            cloud = MultiPoint(list(points.values()))
            target = targets[key] if targets else None
            points[key] = _draw(area, key=key, cloud=cloud, spacing_m=spacing_m, target=target)
    return points


def _draw(
    area: BaseGeometry, *, key: str, cloud: MultiPoint, spacing_m: float, target: Point | None
) -> Point:
    """Best of the first acceptable candidates in an area."""
    west, south, east, north = area.bounds
    draws = (
        Point(west + share(key, "x", i) * (east - west), south + share(key, "y", i) * (north - south))
        for i in range(DRAWS)
    )
    free = (p for p in draws if area.contains(p) and (cloud.is_empty or p.distance(cloud) >= spacing_m))
    kept = list(islice(free, CANDIDATES))
    if not kept:
        msg = f"no room for {key}"
        raise ValueError(msg)
    return min(kept, key=target.distance) if target else max(kept, key=cloud.distance)


def neighbour_groups(points: gpd.GeoSeries, *, alike: pd.Series, sizes: Sequence[int]) -> list[list[str]]:
    """Form groups of close neighbours that are alike, the tightest first.

    Parameters
    ----------
    points : GeoSeries of Point
        Villages of one town, by id.
    alike : Series
        What the members of a group have in common, on at least that index.
    sizes : sequence of int
        Members of each group to form.

    Returns
    -------
    list of list of str
        Ids of each group, sorted; no id is in two groups.

    Examples
    --------
    >>> points = gpd.GeoSeries.from_xy([0, 9, 10, 11], [0, 0, 0, 0], index=list("abcd"))
    >>> neighbour_groups(points, alike=pd.Series("gas", index=points.index), sizes=[2])
    [['b', 'c']]
    """
    free, groups = points.sort_index(), []
    for size in sizes:
        clusters = [
            away.nsmallest(size)
            for code, point in free.items()
            for away in [free[alike[free.index] == alike[code]].distance(point)]
        ]
        best = min((c for c in clusters if len(c) == size), key=lambda cluster: cluster.max())
        groups.append(sorted(best.index))
        free = free.drop(best.index)
    return groups


def write_layer(frame: gpd.GeoDataFrame, *, path: Path) -> None:
    """Write a layer as GeoJSON that is easy to compare: one feature per line, 6 decimals.

    Parameters
    ----------
    frame : GeoDataFrame
        Features in the order they are to stand, in any CRS; columns become
        properties. Missing values and missing shapes become null.
    path : Path
        File to write.
    """
    placed = frame.to_crs(4326)
    columns = [name for name in placed.columns if name != placed.geometry.name]
    rows = placed[columns].astype(object).where(placed[columns].notna(), None).to_dict("records")
    shapes = [_rounded(shape) for shape in placed.geometry]
    lines = [
        json.dumps(
            {"type": "Feature", "properties": row, "geometry": shape},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        for row, shape in zip(rows, shapes, strict=True)
    ]
    text = '{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def _rounded(shape: BaseGeometry | None) -> dict[str, object] | None:
    """GeoJSON geometry with coordinates of six decimals (about 0.1 m)."""
    if shape is None or shape.is_empty:
        return None
    outline = orient(shape) if isinstance(shape, Polygon) else shape
    rounded = shapely.transform(outline, lambda xy: np.round(xy, 6))
    mapping: dict[str, object] = json.loads(shapely.to_geojson(rounded))
    return {"type": mapping["type"], "coordinates": mapping["coordinates"]}
