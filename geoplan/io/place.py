"""Where a layer is: its CRS and datum, by the file's own word or the user's, never by a guess.

The rules, for each file:

1. A CRS that the file itself names holds. A datum of GCJ-02 or BD-09 that the
   user declares is believed over a file that says WGS 84 (such files nearly always
   do), and never over one that says CGCS2000.
2. A GeoJSON without a ``crs`` member is WGS 84, as RFC 7946 says, if its numbers
   are degrees.
3. A file that says nothing takes ``--crs`` if its numbers fit: metres for a
   projected one, degrees for a geographic one. Degrees take ``--datum`` otherwise.
4. A ``--crs`` or a ``--datum`` that no file took is an error when it contradicts
   them: the user believes something that the files deny.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from geoplan.columns import LAYER_GEOMETRY, nearest
from geoplan.crs import (
    CHINA,
    CONTROL_POINTS,
    DATUMS,
    Datum,
    are_degrees,
    coordinate_hint,
    in_china,
    refused,
    says_wgs84,
    to_wgs84,
    zone_prefix,
)
from geoplan.errors import Problem
from geoplan.io.cells import visible
from geoplan.io.raw import Objects, Raw, Source
from geoplan.io.sniff import Unreadable
from geoplan.io.validate import Layer

Floats = npt.NDArray[np.float64]

#: Datums whose coordinates are shifted on purpose.
SHIFTED = ("gcj02", "bd09")
#: Same geographic CRS as far as planning can tell: longitude and latitude.
LONLAT = CRS.from_user_input("OGC:CRS84")


@dataclass(frozen=True)
class Declared:
    """What the user says of files that do not say it themselves.

    Attributes
    ----------
    datum : str, mapping of str to str, or None
        For all layers, or by stem.
    crs : CRS or None
    """

    datum: Datum | Mapping[str, Datum] | None = None
    crs: CRS | None = None

    def datum_of(self, stem: str) -> Datum | None:
        """The datum declared for a layer."""
        return self.datum.get(stem) if isinstance(self.datum, Mapping) else self.datum


def declared(datum: str | Mapping[str, str] | None, crs: str | None) -> tuple[Declared, list[Problem]]:
    """The user's datum and CRS, checked.

    Examples
    --------
    >>> declared("wgs48", None)[1][0].remedy
    'choose one of wgs84, cgcs2000, gcj02, bd09'
    """
    problems = []
    by_stem = datum if isinstance(datum, Mapping) else {}
    for stem in sorted(set(by_stem) - set(LAYER_GEOMETRY)):
        near = nearest(stem, tuple(LAYER_GEOMETRY))
        remedy = f"did you mean {near!r}?" if near else f"name one of {', '.join(LAYER_GEOMETRY)}"
        problems.append(
            Problem(f"datum of an unknown layer {visible(stem)!r}", file="--datum", remedy=remedy)
        )
    for name in by_stem.values() or [datum]:
        if name is not None and name not in DATUMS:
            remedy = f"choose one of {', '.join(DATUMS)}"
            problems.append(Problem(f"unknown datum {visible(name)!r}", file="--datum", remedy=remedy))
    try:
        system = crs_of(crs) if crs is not None else None
    except Unreadable as error:
        problems.append(Problem(error.message, file="--crs", remedy=error.remedy))
        system = None
    known = None if problems else cast("Datum | Mapping[str, Datum] | None", datum)
    return Declared(known, system), problems


def crs_of(text: str) -> CRS:
    """A CRS from ``EPSG:4544`` or a PROJ text, on a datum that can be used.

    Raises
    ------
    Unreadable
        If it is unknown, local, or on another datum.
    """
    remedy = "give a code like EPSG:4544"
    if not text.upper().startswith(("EPSG:", "+PROJ=")):
        raise Unreadable(f"{visible(text)!r} is not a CRS", remedy)
    try:
        crs = CRS.from_user_input(text)
    except CRSError:
        raise Unreadable(f"{visible(text)!r} is not a known CRS", remedy) from None
    if refused(crs):
        raise Unreadable(refused(crs), CONTROL_POINTS)
    return crs


@dataclass(frozen=True)
class Placed:
    """A layer in longitude and latitude on WGS 84.

    Attributes
    ----------
    layer : Layer
        With shapes in degrees; a shape that is out of place is None.
    took, denied : frozenset of str
        Which of the user's words (``crs``, ``datum``) the file needed, and
        which its own CRS contradicts.
    own : str
        Name of the file's own CRS.
    implied : bool
        Whether that is only the default of GeoJSON.
    failed : bool
        Whether the layer could not be placed.
    """

    layer: Layer
    took: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    own: str = ""
    implied: bool = False
    failed: bool = False


def place(layer: Layer, raw: Raw, user: Declared) -> Placed:
    """Bring a layer to WGS 84 and check that it lies in China.

    Parameters
    ----------
    layer : Layer
        Shapes in the coordinates of the file.
    raw : Raw
        For what the file says of its CRS.
    user : Declared
        What the user says.

    Returns
    -------
    Placed
        The layer's problems now include those of its place.
    """
    source = layer.source
    xy = shapely.get_coordinates(layer.shapes)
    if not len(xy):
        return Placed(layer, failed=any(p.severity == "error" for p in layer.problems))
    try:
        crs, datum, took = _settle(raw, xy, user)
        shapes = shapely.transform(layer.shapes, lambda points: _lonlat(points, crs, datum))
    except Unreadable as error:
        problem = source.problem(error.message, remedy=error.remedy)
        nowhere = np.full(len(layer.shapes), None, dtype=object)
        return Placed(replace(layer, shapes=nowhere, problems=(*layer.problems, problem)), failed=True)
    problems = [*layer.problems]
    if datum in SHIFTED:
        problems.append(_shifted(source, datum, raw, user))
    outside = _outside(shapes)
    if outside.any():
        problems.append(_misplaced(layer, outside, crs))
        shapes[outside] = None
    return Placed(
        replace(layer, shapes=shapes, problems=tuple(problems)),
        took=took,
        denied=_denied(raw, user, took),
        own=raw.crs.name if raw.crs else "",
        implied=raw.implied,
    )


def _shifted(source: Source, datum: Datum, raw: Raw, user: Declared) -> Problem:
    """That a layer was moved; a warning where one word for all layers moved a file that says WGS 84."""
    message = f"coordinates brought from {datum} to WGS 84"
    if raw.crs is None or isinstance(user.datum, Mapping):
        return source.problem(message, severity="repair")
    remedy = (
        f"if the file is right, give the datum only of the others, such as --datum villages={datum}; "
        f"if it is not, say so: --datum {source.stem}={datum}"
    )
    return source.problem(
        f"{message}, though the file says {raw.crs.name}", remedy=remedy, severity="warning"
    )


def _settle(raw: Raw, xy: Floats, user: Declared) -> tuple[CRS, Datum, frozenset[str]]:
    """CRS and datum of a file, and what the user's word was needed for."""
    degrees = are_degrees(xy)
    own = None if raw.implied and (not degrees or _is(user.crs, geographic=True)) else raw.crs
    datum = user.datum_of(raw.source.stem)
    if own is not None:
        if refused(own):
            raise Unreadable(refused(own), CONTROL_POINTS)
        if datum in SHIFTED and says_wgs84(own):
            return own, datum, frozenset({"datum"})
        return own, "wgs84", frozenset()
    if user.crs is not None and _is(user.crs, geographic=degrees):
        shifts = datum in SHIFTED and says_wgs84(user.crs)
        took = {"crs", "datum"} if shifts else {"crs"}
        return user.crs, datum if shifts and datum else "wgs84", frozenset(took)
    if not degrees:
        raise Unreadable("coordinates are metres and no CRS says which", f"pass --crs {_likely_code(xy)}")
    if datum is None:
        raise Unreadable(
            "coordinates are degrees and no datum says which",
            "declare --datum wgs84, cgcs2000, gcj02 (Amap, Tencent) or bd09 (Baidu)",
        )
    return LONLAT, datum, frozenset({"datum"})


def _is(crs: CRS | None, *, geographic: bool) -> bool:
    return crs is not None and bool(crs.is_geographic) == geographic


def _likely_code(xy: Floats) -> str:
    """Which kind of code the eastings ask for."""
    prefix = zone_prefix(xy[:, 0])
    if (prefix > 0).any():
        return f"with the zone-prefixed system of zone {int(prefix.max())} (EPSG:4513 + zone - 25)"
    return "EPSG:xxxx, for example EPSG:4544 (CGCS2000, central meridian 105 E)"


def _lonlat(points: Floats, crs: CRS, datum: Datum) -> Floats:
    """Longitude and latitude of a file's coordinates: the projection undone, then the shift, nothing else."""
    if crs.is_projected:
        try:
            inverse = Transformer.from_crs(crs.to_2d(), crs.to_2d().geodetic_crs, always_xy=True)
        except ProjError:
            raise Unreadable(
                f"its CRS {visible(crs.name)} has no inverse", "set the CRS of the layer again"
            ) from None
        points = _moved(inverse, points)
    usable = np.isfinite(points).all(axis=1) & in_china(points)
    found = points.copy()
    found[usable] = to_wgs84(points[usable], datum)
    return found


def _outside(shapes: Objects) -> npt.NDArray[np.bool_]:
    """Shapes with a corner that is not in China."""
    bounds = shapely.bounds(shapes)
    west, south, east, north = CHINA
    given = ~shapely.is_missing(shapes)
    with np.errstate(invalid="ignore"):
        inside = (bounds[:, :2] >= (west, south)).all(axis=1) & (bounds[:, 2:] <= (east, north)).all(axis=1)
    return np.asarray(given & ~inside, dtype=bool)


def _misplaced(layer: Layer, outside: npt.NDArray[np.bool_], crs: CRS) -> Problem:
    xy = shapely.get_coordinates(layer.shapes[outside])
    west, south, east, north = CHINA
    area = f"{west:g}–{east:g}° E, {south:g}–{north:g}° N"
    message = f"lies outside {area} as {crs.name}; got {xy[0, 0]:.10g}, {xy[0, 1]:.10g}"
    found = layer.source.problem(message, remedy=coordinate_hint(xy) or "check the coordinates and the CRS")
    return replace(found, ids=tuple(layer.labels[i] for i in np.flatnonzero(outside)))


def _denied(raw: Raw, user: Declared, took: frozenset[str]) -> frozenset[str]:
    """Words of the user that the file's own CRS contradicts."""
    denied = set()
    if raw.crs is not None and user.crs is not None and "crs" not in took and not same(raw.crs, user.crs):
        denied.add("crs")
    if raw.crs is not None and user.datum_of(raw.source.stem) in SHIFTED and "datum" not in took:
        denied.add("datum")
    return frozenset(denied)


def same(a: CRS, b: CRS) -> bool:
    """Whether two CRS are the same system, however they are written.

    Examples
    --------
    >>> same(CRS.from_epsg(4544), CRS.from_wkt(CRS.from_epsg(4544).to_wkt("WKT1_ESRI")))
    True
    """
    codes = (a.to_epsg(), b.to_epsg())
    return codes[0] == codes[1] if None not in codes else bool(a.equals(b, ignore_axis_order=True))


def contradictions(placed: Sequence[Placed], user: Declared) -> list[Problem]:
    """Files that keep their own CRS against the user's word; an error where no file took the word.

    Parameters
    ----------
    placed : sequence of Placed
        Every layer that was read.
    user : Declared

    Returns
    -------
    list of Problem
    """
    if any(p.failed for p in placed):
        return []
    problems = []
    for word in ("crs", "datum"):
        taken = any(word in p.took for p in placed)
        strict = not taken or (word == "datum" and isinstance(user.datum, Mapping))
        for p in placed:
            if word not in p.denied or (p.implied and not strict):
                continue
            source = p.layer.source
            said = user.crs.to_string() if word == "crs" and user.crs else user.datum_of(source.stem)
            message = f"its own CRS is {p.own}; --{word} {said} contradicts it"
            remedy = (
                f"leave out --{word}, or correct the CRS of the file"
                if strict
                else "the file's own CRS was used"
            )
            problems.append(source.problem(message, remedy=remedy, severity="error" if strict else "warning"))
    return problems


def project(shapes: Objects, crs: CRS) -> Objects:
    """Shapes in longitude and latitude, in a metric CRS. [m]"""
    forward = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    return np.asarray(
        shapely.transform(shapes, lambda p: _moved(forward, p)),
        dtype=object,
    )


def _moved(transformer: Transformer, xy: np.ndarray) -> np.ndarray:
    """Coordinates in the other CRS; one point goes in as two numbers, as pyproj takes it for scalars."""
    if len(xy) == 1:
        return np.array([transformer.transform(float(xy[0, 0]), float(xy[0, 1]))])
    return np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))
