"""Coordinate systems of Chinese planning data: zones, datums, and the slips that move a county.

All arrays are ``(n, 2)`` with x (east, longitude) first. Nothing here opens a file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
from pyproj import CRS

from geoplan.errors import InputError, Problem

Floats = npt.NDArray[np.float64]
Datum = Literal["wgs84", "cgcs2000", "gcj02", "bd09"]
DATUMS: tuple[Datum, ...] = ("wgs84", "cgcs2000", "gcj02", "bd09")

#: Longitudes and latitudes in which a Chinese county can lie: west, south, east, north. [degree]
CHINA = (73.0, 3.0, 136.0, 54.0)

#: 3-degree zones of CGCS2000, by number, and the EPSG code of the first in each series.
ZONES_3 = (25, 45)
EPSG_CENTRAL_MERIDIAN = 4534
EPSG_ZONE_PREFIXED = 4513
#: 6-degree zones and the EPSG code of the first, zone-prefixed.
ZONES_6 = (13, 23)
EPSG_ZONE_PREFIXED_6 = 4491

#: Size of the ellipsoid and its flattening in the GCJ-02 formula (Krassowsky 1940). [m]
_GCJ_A = 6_378_245.0
_GCJ_EE = 0.006_693_421_622_965_943
#: Where the GCJ-02 formula shifts at all; outside it is the identity. [degree]
_GCJ_BOX = (72.004, 0.8293, 137.8347, 55.8271)
#: Steps of the fixed points; each gains about two digits, so that 1e-10 degree is reached well before.
_STEPS = 8


def zone_number(lon: float) -> int:
    """Number of the 3-degree zone whose central meridian is nearest.

    Parameters
    ----------
    lon : float
        Longitude. [degree]

    Examples
    --------
    >>> zone_number(106.2), zone_number(112.5)
    (35, 38)
    """
    return min(max(math.floor(lon / 3.0 + 0.5), ZONES_3[0]), ZONES_3[1])


def metric_crs(lon: float, lat: float) -> CRS:
    """CGCS2000 3-degree Gauss-Kruger CRS (by central meridian) of a place.

    Parameters
    ----------
    lon, lat : float
        Position. [degree]

    Returns
    -------
    pyproj.CRS
        EPSG:4534 (75° E) to EPSG:4554 (135° E), six-digit eastings. [m]

    Raises
    ------
    InputError
        If the place is outside China.

    Examples
    --------
    >>> metric_crs(106.2, 37.98).to_epsg()
    4544
    """
    west, south, east, north = CHINA
    if not (west <= lon <= east and south <= lat <= north):
        raise InputError(
            Problem(
                f"no CGCS2000 zone for longitude {lon:.4f}, latitude {lat:.4f}",
                remedy=f"the place must lie within {west:g}–{east:g}° E, {south:g}–{north:g}° N",
            )
        )
    return CRS.from_epsg(EPSG_CENTRAL_MERIDIAN + zone_number(lon) - ZONES_3[0])


def to_wgs84(xy: Floats, datum: Datum) -> Floats:
    """Longitudes and latitudes on WGS 84 from those on another datum.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        Longitude, latitude. [degree]
    datum : {"wgs84", "cgcs2000", "gcj02", "bd09"}
        Datum of `xy`. CGCS2000 and WGS 84 differ by centimetres and are
        taken as one; GCJ-02 and BD-09 are shifted by 0.3 to 1.4 km.

    Returns
    -------
    ndarray, shape (n, 2)
        Longitude, latitude on WGS 84; the inverse is exact to less than 1 cm.

    Raises
    ------
    InputError
        If the datum is unknown.

    Examples
    --------
    >>> here = np.array([[106.1944, 37.9775]])
    >>> bool(np.abs(to_wgs84(wgs84_to_gcj02(here), "gcj02") - here).max() < 1e-9)
    True
    """
    xy = np.array(xy, dtype=float).reshape(-1, 2)
    if datum == "bd09":
        return _inverse(_inverse(xy, gcj02_to_bd09), wgs84_to_gcj02)
    if datum == "gcj02":
        return _inverse(xy, wgs84_to_gcj02)
    if datum in ("wgs84", "cgcs2000"):
        return xy
    raise InputError(Problem(f"unknown datum {datum!r}", remedy=f"choose one of {', '.join(DATUMS)}"))


def _inverse(xy: Floats, forward: Callable[[Floats], Floats]) -> Floats:
    """The point that `forward` maps to `xy`, by fixed point: the shift changes slowly from place to place."""
    found = xy.copy()
    for _ in range(_STEPS):
        found += xy - forward(found)
    return found


def wgs84_to_gcj02(xy: Floats) -> Floats:
    """GCJ-02 (Amap, Tencent) coordinates of WGS 84 ones, by the public formula.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        Longitude, latitude on WGS 84. [degree]

    Returns
    -------
    ndarray, shape (n, 2)
        Longitude, latitude on GCJ-02; the same outside China. [degree]

    Examples
    --------
    >>> wgs84_to_gcj02(np.array([[116.31619, 35.454239]])).round(6).tolist()
    [[116.321789, 35.454071]]
    """
    lon, lat = xy[:, 0], xy[:, 1]
    x, y = lon - 105.0, lat - 35.0
    pi = np.pi
    ripple = 20.0 * np.sin(6.0 * pi * x) + 20.0 * np.sin(2.0 * pi * x)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x))
    north += 2.0 / 3.0 * (ripple + 20.0 * np.sin(pi * y) + 40.0 * np.sin(pi / 3.0 * y))
    north += 2.0 / 3.0 * (160.0 * np.sin(pi / 12.0 * y) + 320.0 * np.sin(pi / 30.0 * y))
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x))
    east += 2.0 / 3.0 * (ripple + 20.0 * np.sin(pi * x) + 40.0 * np.sin(pi / 3.0 * x))
    east += 2.0 / 3.0 * (150.0 * np.sin(pi / 12.0 * x) + 300.0 * np.sin(pi / 30.0 * x))
    phi = np.radians(lat)
    w2 = 1.0 - _GCJ_EE * np.sin(phi) ** 2
    shift = np.column_stack(
        (
            np.degrees(east * np.sqrt(w2) / (_GCJ_A * np.cos(phi))),
            np.degrees(north * w2 * np.sqrt(w2) / (_GCJ_A * (1.0 - _GCJ_EE))),
        )
    )
    west, south, east_edge, north_edge = _GCJ_BOX
    inside = (lon >= west) & (lon <= east_edge) & (lat >= south) & (lat <= north_edge)
    return xy + np.where(inside[:, None], shift, 0.0)


def gcj02_to_bd09(xy: Floats) -> Floats:
    """BD-09 (Baidu) coordinates of GCJ-02 ones, by the public formula.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        Longitude, latitude on GCJ-02. [degree]

    Returns
    -------
    ndarray, shape (n, 2)
        Longitude, latitude on BD-09. [degree]

    Examples
    --------
    >>> gcj02_to_bd09(np.array([[116.404, 39.915]])).round(4).tolist()
    [[116.4104, 39.9213]]
    """
    x, y = xy[:, 0], xy[:, 1]
    k = np.pi * 3000.0 / 180.0
    radius = np.hypot(x, y) + 2e-5 * np.sin(y * k)
    angle = np.arctan2(y, x) + 3e-6 * np.cos(x * k)
    return np.column_stack((radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006))


def in_china(lonlat: Floats) -> npt.NDArray[np.bool_]:
    """Mask of the positions within the rectangle in which a Chinese county can lie.

    Examples
    --------
    >>> in_china(np.array([[106.2, 37.9], [37.9, 106.2]])).tolist()
    [True, False]
    """
    west, south, east, north = CHINA
    lon, lat = lonlat[:, 0], lonlat[:, 1]
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def are_degrees(xy: Floats) -> bool:
    """Whether most coordinates can be degrees rather than metres.

    Examples
    --------
    >>> are_degrees(np.array([[106.2, 37.9]])), are_degrees(np.array([[586748.0, 4205000.0]]))
    (True, False)
    """
    return bool(np.mean(np.abs(xy).max(axis=1) <= 360.0) > 0.5) if len(xy) else True


def zone_prefix(easting: Floats) -> npt.NDArray[np.int64]:
    """Zone number in front of eight-digit eastings, 0 where there is none.

    Examples
    --------
    >>> zone_prefix(np.array([35586748.0, 586748.0])).tolist()
    [35, 0]
    """
    zone = np.floor(np.clip(np.nan_to_num(easting), 0.0, 1e9) / 1e6).astype(np.int64)
    known = ((zone >= ZONES_6[0]) & (zone <= ZONES_6[1])) | ((zone >= ZONES_3[0]) & (zone <= ZONES_3[1]))
    return np.where(known, zone, 0)


def swapped_axes(xy: Floats) -> npt.NDArray[np.bool_]:
    """Mask of the coordinates that make sense in China only with x and y exchanged.

    Chinese survey tables call the northing X, and many lists give the latitude first.

    Examples
    --------
    >>> swapped_axes(np.array([[37.9, 106.2], [4205000.0, 586748.0], [586748.0, 4205000.0]])).tolist()
    [True, True, False]
    """
    x, y = xy[:, 0], xy[:, 1]
    degrees = ~in_china(xy) & in_china(xy[:, ::-1])
    northing = (x > 1.5e6) & (x < 6.5e6)
    metres = northing & (((y > 1e5) & (y < 1e6)) | (zone_prefix(y) > 0))
    return degrees | metres


def coordinate_hint(xy: Floats) -> str:
    """What is probably wrong with coordinates that end up outside China; empty if there is no idea.

    Examples
    --------
    >>> coordinate_hint(np.array([[37.9, 106.2]]))
    'x and y look swapped (x must be east or longitude)'
    >>> coordinate_hint(np.array([[35586748.0, 4205000.0]]))
    'the eastings carry the zone prefix 35, that is EPSG:4523'
    """
    if not len(xy):
        return ""
    if swapped_axes(xy).mean() > 0.5:
        return "x and y look swapped (x must be east or longitude)"
    prefix = zone_prefix(xy[:, 0])
    if (prefix > 0).mean() > 0.5:
        zone = int(np.median(prefix[prefix > 0]))
        return f"the eastings carry the zone prefix {zone}, that is EPSG:{_prefixed_code(zone)}"
    if not are_degrees(xy) and (np.abs(xy[:, 0]) < 1e6).mean() > 0.5:
        return "the eastings carry no zone prefix, that is a CRS by central meridian (EPSG:4534 to 4554)"
    return ""


def _prefixed_code(zone: int) -> int:
    """EPSG code of the zone-prefixed CRS of a 3-degree (25 to 45) or 6-degree (13 to 23) zone."""
    if zone >= ZONES_3[0]:
        return EPSG_ZONE_PREFIXED + zone - ZONES_3[0]
    return EPSG_ZONE_PREFIXED_6 + zone - ZONES_6[0]


#: Semi-major axis [m] and inverse flattening shared by WGS 84, CGCS2000 and GRS 80.
_EARTH_A = 6_378_137.0
_EARTH_RF = 298.257_22


#: What to do with a file that :func:`refused` turns away.
CONTROL_POINTS = "convert the file to CGCS2000 with control points (控制点) or the survey office's parameters"


def refused(crs: CRS) -> str:
    """Why a CRS cannot be read, or an empty text.

    Only systems on the ellipsoids of WGS 84 and CGCS2000 are read: between
    those the difference is centimetres. Beijing 54, Xi'an 80 and local systems
    differ by tens to hundreds of metres that no formula knows.

    Examples
    --------
    >>> refused(CRS.from_epsg(4544))
    ''
    >>> refused(CRS.from_epsg(4610))
    'CRS Xian 1980 is not on CGCS2000 or WGS 84'
    """
    geodetic = crs.geodetic_crs
    if geodetic is None or not (crs.is_geographic or crs.is_projected):
        return f"CRS {crs.name} is a local system"
    size, flattening = geodetic.ellipsoid.semi_major_metre, geodetic.ellipsoid.inverse_flattening
    if abs(size - _EARTH_A) < 1e-3 and abs(flattening - _EARTH_RF) < 1e-4:
        return ""
    return f"CRS {crs.name} is not on CGCS2000 or WGS 84"


def says_wgs84(crs: CRS) -> bool:
    """Whether a CRS names WGS 84 as its datum, as files on GCJ-02 nearly always do.

    Examples
    --------
    >>> says_wgs84(CRS.from_epsg(4326)), says_wgs84(CRS.from_epsg(4490))
    (True, False)
    """
    geodetic = crs.geodetic_crs
    return geodetic is not None and "World Geodetic System 1984" in geodetic.datum.name
