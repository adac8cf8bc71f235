"""Shapes of a layer: the right type, whole, and valid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely

from geoplan.errors import Problem
from geoplan.io.raw import Objects

Positions = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

#: Type names of shapely by ``type_id``.
_NAMES = (
    "Point",
    "LineString",
    "LinearRing",
    "Polygon",
    "MultiPoint",
    "MultiLineString",
    "MultiPolygon",
    "GeometryCollection",
)
#: Type names each kind of layer takes.
_TAKEN = {
    "Point": ("Point", "MultiPoint"),
    "Line": ("LineString", "MultiLineString"),
    "Polygon": ("Polygon", "MultiPolygon"),
    "Any": ("Point", "MultiPoint", "Polygon", "MultiPolygon"),
}


def shaped(
    shapes: Objects, *, kind: str, labels: Sequence[str], excused: Bools
) -> tuple[Objects, Positions, list[Problem]]:
    """Plain points, single lines or valid polygons of a layer.

    Parameters
    ----------
    shapes : ndarray of shapely geometry or None
        One for each row.
    kind : {"Point", "Line", "Polygon", "Any"}
        What the layer holds; "Any" is points or polygons.
    labels : sequence of str
        How each row is named in a finding.
    excused : ndarray of bool
        Rows that may be without a shape.

    Returns
    -------
    ndarray of shapely geometry or None
        Flat (no z); lines in single parts; None where something is wrong.
    ndarray of int
        Row of each shape.
    list of Problem

    Examples
    --------
    >>> lines = np.array([shapely.from_wkt("MULTILINESTRING ((0 0, 1 0), (1 0, 1 1))")])
    >>> parts, row, problems = shaped(lines, kind="Line", labels=["row 1"], excused=np.array([False]))
    >>> len(parts), row.tolist(), problems
    (2, [0, 0], [])
    """
    shapes = np.array(shapely.force_2d(shapes), dtype=object)
    missing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    wrong_type = ~missing & ~np.isin(_type_names(shapes), _TAKEN[kind])
    infinite = ~missing & ~np.isfinite(shapely.bounds(shapes)).all(axis=1)
    sound = ~(missing | wrong_type | infinite)
    several = sound & (shapely.get_type_id(shapes) == _NAMES.index("MultiPoint"))
    several &= shapely.get_num_geometries(shapes) > 1
    no_length = sound & (kind == "Line") & (shapely.length(shapes) == 0)
    area = sound & np.isin(_type_names(shapes), _TAKEN["Polygon"])
    invalid = area & ~shapely.is_valid(shapes)
    found = [
        (
            missing & ~excused,
            "geometry is empty",
            "draw it" + ("" if kind != "Point" else ", or mark a village unlocated"),
        ),
        (wrong_type, _wrong(shapes, wrong_type, kind), "convert the layer"),
        (infinite, "geometry has coordinates that are not finite", "draw it again"),
        (several, "several points in one row", "keep one point for each row"),
        (no_length, "line of length 0", "delete it"),
        (invalid, _invalid(shapes, invalid), "repair the polygon (QGIS: fix geometries)"),
    ]
    problems = [
        Problem(message, ids=tuple(labels[int(i)] for i in np.flatnonzero(mask)), remedy=remedy)
        for mask, message, remedy in found
        if mask.any()
    ]
    kept = sound & ~several & ~no_length & ~invalid
    return *_plain(shapes, kept), problems


def _plain(shapes: Objects, kept: Bools) -> tuple[Objects, Positions]:
    """Rows in order with their shapes in single parts; polygons keep their parts together."""
    single = np.isin(_type_names(shapes), ("MultiPoint", "MultiLineString")) & kept
    parts, row = shapely.get_parts(shapes[single], return_index=True)
    cleared = shapes.copy()
    cleared[~kept] = None
    rows = np.concatenate((np.flatnonzero(~single), np.flatnonzero(single)[row]))
    plain = np.concatenate((cleared[~single], parts))
    order = np.argsort(rows, kind="stable")
    return plain[order], rows[order].astype(np.intp)


def _type_names(shapes: Objects) -> npt.NDArray[np.str_]:
    """Type of each shape; of a missing one (-1) the last name, which no layer takes."""
    return np.array(_NAMES)[shapely.get_type_id(shapes)]


def _wrong(shapes: Objects, mask: Bools, kind: str) -> str:
    wanted = "points or polygons" if kind == "Any" else f"{kind.lower()}s"
    return f"the layer must hold {wanted}; got {', '.join(np.unique(_type_names(shapes)[mask]).tolist())}"


def _invalid(shapes: Objects, mask: Bools) -> str:
    reasons = shapely.is_valid_reason(shapes[mask])
    return f"invalid polygon ({str(reasons[0]).split('[')[0].lower()})" if len(reasons) else ""
