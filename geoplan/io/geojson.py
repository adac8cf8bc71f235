"""GeoJSON, read strictly: a FeatureCollection, no key twice, no NaN, no unknown CRS."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError
from shapely.errors import ShapelyError

from geoplan.errors import Problem
from geoplan.io.cells import visible
from geoplan.io.raw import Raw, Source, objects
from geoplan.io.sniff import Unreadable

#: What RFC 7946 says a GeoJSON without a ``crs`` member is in.
WGS84 = "OGC:CRS84"
#: How deep the lists of coordinates are nested around a position.
_DEPTH = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}
_CRS_NAME = re.compile(r"(?:urn:ogc:def:crs:)?(EPSG|OGC):(?:[\d.]*:)?(\w+)", re.IGNORECASE)


def read_geojson(data: bytes, source: Source) -> Raw:
    """Cells and shapes of a GeoJSON text.

    Parameters
    ----------
    data : bytes
        Content of the file.
    source : Source
        Where it comes from.

    Raises
    ------
    Unreadable
        If it is not a FeatureCollection in UTF-8.
    """
    document = _parsed(data)
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        kind = document.get("type") if isinstance(document, dict) else type(document).__name__
        raise Unreadable(
            f"is not a FeatureCollection (type is {visible(kind)!r})", "export the layer as GeoJSON"
        )
    features = document.get("features")
    if not isinstance(features, list):
        raise Unreadable("has no list of features", "export the layer again")
    if not all(_is_feature(f) for f in features):
        row = next(i for i, f in enumerate(features, start=1) if not _is_feature(f))
        raise Unreadable(f"item {row} of features is not a Feature", "export the layer again")
    crs = _crs_of(document)
    properties = [f.get("properties") or {} for f in features]
    headings = dict.fromkeys(name for p in properties for name in p)
    shapes, faults = _shapes([f.get("geometry") for f in features])
    return Raw(
        source=source,
        columns={name: objects(p.get(name) for p in properties) for name in headings},
        shapes=shapes,
        rows=np.arange(1, len(features) + 1),
        crs=crs or CRS.from_user_input(WGS84),
        implied=crs is None,
        broken=frozenset(faults),
        problems=tuple(_reported(faults, source)),
    )


def _parsed(data: bytes) -> Any:
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_no_key_twice, parse_constant=_no_nan)
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not UTF-8 (byte {error.start})", "save it as UTF-8") from None
    except json.JSONDecodeError as error:
        raise Unreadable(
            f"is broken JSON (line {error.lineno}: {error.msg})", "export the layer again"
        ) from None
    except (RecursionError, ValueError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else "a number too long to be one"
        raise Unreadable(f"is broken JSON ({why})", "export the layer again") from None


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"holds the key {visible(twice)!r} twice in one object", "keep one of the two")
    return found


def _no_nan(name: str) -> Any:
    raise Unreadable(f"holds {name}, which is not a number of JSON", "write null for what is not known")


def _is_feature(item: object) -> bool:
    return (
        isinstance(item, dict)
        and item.get("type") == "Feature"
        and isinstance(item.get("properties"), dict | None)
        and isinstance(item.get("geometry"), dict | None)
    )


def _crs_of(document: Mapping[str, Any]) -> CRS | None:
    """The legacy ``crs`` member, still written by most Chinese GIS; None when absent."""
    if document.get("crs") is None:
        return None
    member = document["crs"]
    properties = member.get("properties") if isinstance(member, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    remedy = "write the layer in WGS 84 without a crs member, or with a known EPSG code"
    match = _CRS_NAME.fullmatch(str(name).strip())
    if match is None:
        raise Unreadable(f"has a crs member that is not understood: {visible(name or member)}", remedy)
    try:
        return CRS.from_user_input(f"{match[1].upper()}:{match[2]}")
    except CRSError:
        raise Unreadable(f"names an unknown CRS: {visible(name)}", remedy) from None


def _shapes(geometries: list[Any]) -> tuple[np.ndarray, dict[int, str]]:
    shapes = np.full(len(geometries), None, dtype=object)
    faults: dict[int, str] = {}
    for i, geometry in enumerate(geometries):
        if geometry is None:
            continue
        fault = _fault(geometry)
        if not fault:
            try:
                shapes[i] = shapely.geometry.shape(geometry)
            except (ShapelyError, ValueError, TypeError, OverflowError):
                fault = "coordinates do not make a shape"
        if fault:
            faults[i] = fault
    return shapes, faults


def _fault(geometry: Mapping[str, Any]) -> str:
    kind = geometry.get("type")
    if not isinstance(kind, str) or kind not in _DEPTH:
        return f"geometry of type {visible(kind)!r} is not read"
    return "" if _sound(geometry.get("coordinates"), _DEPTH[kind]) else "coordinates must be numbers"


def _sound(coordinates: object, depth: int) -> bool:
    """Whether coordinates are nested as their type says, with numbers (not text, not true) inside."""
    if not isinstance(coordinates, list):
        return False
    if depth:
        return all(_sound(part, depth - 1) for part in coordinates)
    return not coordinates or (
        2 <= len(coordinates) <= 4 and all(type(v) in (int, float) for v in coordinates)
    )


def _reported(faults: Mapping[int, str], source: Source) -> list[Problem]:
    rows: dict[str, list[str]] = {}
    for i, fault in faults.items():
        rows.setdefault(fault, []).append(f"row {i + 1}")
    return [replace(source.problem(fault), ids=tuple(found)) for fault, found in rows.items()]
