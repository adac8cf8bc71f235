"""Checks across layers: do they lie in one county, and does a main hang on anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from geoplan.errors import Problem
from geoplan.io.raw import Objects
from geoplan.io.validate import Layer
from geoplan.schema import Access

#: How far a village may lie outside the boundary, which is often coarse. [m]
BEYOND_BOUNDARY_M = 5_000.0
#: How far a village may lie from the median village; the longest counties of China measure less. [m]
FROM_MEDIAN_M = 150_000.0
#: How far a layer may lie from every village before it is the layer of another county or zone. [m]
FROM_VILLAGES_M = 50_000.0
#: Villages closer than this stand on the same spot. [m]
SAME_SPOT_M = 1.0
#: Layers whose every feature has to do with this county.
SUPPLYING = ("heat_mains", "gas_mains", "heat_sources", "gas_stations", "substations", "biomass_supply")
#: The layer of the sources that feed each layer of mains.
FED_BY = {"heat_mains": "heat_sources", "gas_mains": "gas_stations"}


def surroundings(layers: Mapping[str, Layer], *, access: Access | None) -> list[Problem]:
    """Findings about how the layers lie to one another.

    Parameters
    ----------
    layers : mapping of str to Layer
        By stem, shapes in one metric CRS. [m]
    access : Access or None
        Tolerances of the policy; without them mains are not followed.

    Returns
    -------
    list of Problem
    """
    villages = layers.get("villages")
    if villages is None or not _given(villages).size:
        return []
    problems = [*_strays(villages, layers.get("boundary")), *_same_spot(villages)]
    for stem, layer in layers.items():
        if stem not in ("villages", "boundary"):
            problems += _far_away(layer, villages, each=stem in SUPPLYING)
        if stem in FED_BY and access is not None:
            problems += _loose_parts(layer, layers, access)
    return problems


def _given(layer: Layer) -> Objects:
    return np.asarray(layer.shapes[~shapely.is_missing(layer.shapes)], dtype=object)


def _labelled(layer: Layer, message: str, mask: np.ndarray, *, remedy: str) -> Problem:
    found = layer.source.problem(message, remedy=remedy)
    return replace(found, ids=tuple(layer.labels[i] for i in np.flatnonzero(mask)))


def _strays(villages: Layer, boundary: Layer | None) -> Iterator[Problem]:
    """Villages that lie outside the county, or far from all others where there is no boundary."""
    remedy = "check their coordinates and datum"
    if boundary is not None and _given(boundary).size:
        county = shapely.union_all(_given(boundary))
        shapely.prepare(county)
        far = shapely.distance(villages.shapes, county) > BEYOND_BOUNDARY_M
        if far.any():
            message = f"lies more than {BEYOND_BOUNDARY_M / 1000:g} km outside the boundary"
            yield _labelled(villages, message, far, remedy=remedy)
        return
    middle = np.median(shapely.get_coordinates(villages.shapes), axis=0)
    far = shapely.distance(villages.shapes, shapely.Point(middle)) > FROM_MEDIAN_M
    if far.any():
        message = f"lies more than {FROM_MEDIAN_M / 1000:g} km from the median village"
        yield _labelled(villages, message, far, remedy=remedy)


def _same_spot(villages: Layer) -> Iterator[Problem]:
    placed = np.flatnonzero(~shapely.is_missing(villages.shapes))
    if len(placed) < 2:
        return
    xy = shapely.get_coordinates(villages.shapes)
    gap = cKDTree(xy).query(xy, k=2)[0][:, 1]
    close = np.zeros(len(villages.shapes), dtype=bool)
    close[placed[gap < SAME_SPOT_M]] = True
    if close.any():
        message = "villages stand on the same spot"
        yield replace(
            _labelled(villages, message, close, remedy="check their coordinates"), severity="warning"
        )


def _far_away(layer: Layer, villages: Layer, *, each: bool) -> Iterator[Problem]:
    """A layer far from the villages as a whole: another county, another zone; or `each` feature."""
    shapes = _given(layer)
    if not shapes.size:
        return
    _, gap = shapely.STRtree(shapes).query_nearest(_given(villages), return_distance=True, all_matches=False)
    if gap.min() > FROM_VILLAGES_M:
        message = f"the whole layer lies more than {FROM_VILLAGES_M / 1000:g} km from every village"
        yield layer.source.problem(
            message, remedy="check its CRS (zone, datum) and that it is of this county"
        )
    elif each:
        yield from _far_features(layer, villages)


def _far_features(layer: Layer, villages: Layer) -> Iterator[Problem]:
    """Pipes and sources that reach far from every village: a line of another county among ours."""
    places, row = shapely.get_coordinates(layer.shapes, return_index=True)
    gap, _ = cKDTree(shapely.get_coordinates(villages.shapes)).query(places)
    far = np.zeros(len(layer.shapes), dtype=bool)
    far[row[gap > FROM_VILLAGES_M]] = True
    if far.any():
        message = f"reaches more than {FROM_VILLAGES_M / 1000:g} km from every village"
        found = _labelled(layer, message, far, remedy="leave out what is of another county, or check its CRS")
        yield replace(found, severity="warning")


def _loose_parts(mains: Layer, layers: Mapping[str, Layer], access: Access) -> Iterator[Problem]:
    """Connected parts of a network that reach neither a source nor a road."""
    placed = np.flatnonzero(~shapely.is_missing(mains.shapes))
    if not placed.size:
        return
    lines = mains.shapes[placed]
    one, other = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=access.snap_tolerance_m)
    count = len(lines)
    _, part = connected_components(
        coo_matrix((np.ones(len(one)), (one, other)), shape=(count, count)), directed=False
    )
    held = _near(lines, layers.get(FED_BY[mains.source.stem]), access.source_snap_m)
    held |= _near(lines, layers.get("roads"), access.snap_tolerance_m)
    loose = ~np.isin(part, part[held])
    if not loose.any():
        return
    first = np.unique(part[loose], return_index=True)[1]
    length = shapely.length(lines[loose]).sum() / 1000.0
    message = (
        f"{len(first)} part(s) of the network, {length:,.1f} km, reach neither a source within "
        f"{access.source_snap_m:g} m nor a road within {access.snap_tolerance_m:g} m"
    )
    found = mains.source.problem(
        message, remedy="join them to the network or to a source", severity="warning"
    )
    yield replace(found, ids=tuple(mains.labels[placed[loose][i]] for i in first))


def _near(lines: Objects, other: Layer | None, distance_m: float) -> np.ndarray:
    """Mask of the lines within a distance of any shape of another layer."""
    near = np.zeros(len(lines), dtype=bool)
    if other is not None:
        near[shapely.STRtree(_given(other)).query(lines, predicate="dwithin", distance=distance_m)[0]] = True
    return near
