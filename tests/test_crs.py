"""Zones, datums and the slips that move a county."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod

from geoplan.crs import (
    coordinate_hint,
    gcj02_to_bd09,
    metric_crs,
    refused,
    swapped_axes,
    to_wgs84,
    wgs84_to_gcj02,
    zone_prefix,
)
from geoplan.errors import InputError

WGS84 = Geod(ellps="WGS84")
LON = st.floats(73.2, 135.8)
LAT = st.floats(3.2, 53.8)


def metres_apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return WGS84.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])[2]


@pytest.mark.parametrize(
    ("lon", "lat", "code", "meridian"),
    [(117.9, 36.6, 4548, 117), (112.4, 39.3, 4546, 111), (113.4, 38.8, 4547, 114), (106.2, 37.9, 4544, 105)],
)
def test_the_zone_is_that_of_the_nearest_meridian(lon, lat, code, meridian):
    crs = metric_crs(lon, lat)
    assert crs.to_epsg() == code
    assert crs.name.endswith(f"CM {meridian}E")


def test_every_zone_exists_and_the_edges_of_china_have_one():
    assert [metric_crs(3.0 * n, 30.0).to_epsg() for n in range(25, 46)] == list(range(4534, 4555))
    assert metric_crs(73.2, 39.0).to_epsg() == 4534
    assert metric_crs(135.9, 48.0).to_epsg() == 4554


@pytest.mark.parametrize(
    ("lon", "lat"), [(72.9, 30), (136.1, 30), (37.9, 106.2), (106, 2), (float("nan"), 30)]
)
def test_outside_china_there_is_no_zone(lon, lat):
    with pytest.raises(InputError, match="no CGCS2000 zone"):
        metric_crs(lon, lat)


def test_gcj02_agrees_with_published_pairs():
    # Geocoder results (GCJ-02) and their published WGS 84 positions, six decimals.
    wgs84 = np.array([[116.31619, 35.454239], [106.133389, 37.932001], [106.122927, 37.933041]])
    gcj02 = np.array([[116.321789, 35.454071], [106.137911, 37.932671], [106.127462, 37.933722]])
    assert np.abs(wgs84_to_gcj02(wgs84) - gcj02).max() < 1.5e-6


@pytest.mark.parametrize(
    ("place", "offset_m"),
    [((106.19, 37.98), 391), ((116.39, 35.40), 520), ((117.97, 36.64), 521), ((112.43, 39.33), 605)],
)
def test_the_shift_is_as_large_as_measured(place, offset_m):
    here = np.array([place])
    assert metres_apart(here, wgs84_to_gcj02(here))[0] == pytest.approx(offset_m, abs=20)
    assert 1100 < metres_apart(here, gcj02_to_bd09(wgs84_to_gcj02(here)))[0] < 1500


@given(st.lists(st.tuples(LON, LAT), min_size=1, max_size=50))
@settings(max_examples=50, deadline=None)
def test_the_inverse_returns_to_less_than_a_centimetre(places):
    wgs84 = np.array(places)
    gcj02 = wgs84_to_gcj02(wgs84)
    assert metres_apart(to_wgs84(gcj02, "gcj02"), wgs84).max() < 0.01
    assert metres_apart(to_wgs84(gcj02_to_bd09(gcj02), "bd09"), wgs84).max() < 0.01


def test_wgs84_and_cgcs2000_stay_where_they_are_and_input_is_not_touched():
    here = np.array([[106.19, 37.98]])
    before = here.copy()
    for datum in ("wgs84", "cgcs2000"):
        assert (to_wgs84(here, datum) == before).all()
    to_wgs84(here, "bd09")
    assert (here == before).all()


def test_outside_the_box_of_the_formula_nothing_moves():
    paris = np.array([[2.35, 48.85]])
    assert (wgs84_to_gcj02(paris) == paris).all()


def test_an_unknown_datum_is_refused():
    with pytest.raises(InputError, match="unknown datum 'wgs48'"):
        to_wgs84(np.array([[106.0, 38.0]]), "wgs48")


def test_swapped_axes_and_zone_prefixes_are_seen():
    points = np.array([[37.9, 106.2], [106.2, 37.9], [4.2e6, 35.5e6], [35.5e6, 4.2e6], [4.2e6, 5.2e5]])
    assert swapped_axes(points).tolist() == [True, False, True, False, True]
    assert zone_prefix(np.array([39586748.0, 586748.0, 19500000.0, 24.5e6, 4.2e6])).tolist() == [
        39,
        0,
        19,
        0,
        0,
    ]
    assert "EPSG:4527" in coordinate_hint(np.array([[39586748.0, 4.05e6]]))
    assert "no zone prefix" in coordinate_hint(np.array([[586748.0, 4.05e6]]))
    assert coordinate_hint(np.array([[10.0, 10.0]])) == ""


@pytest.mark.parametrize("code", [4326, 4490, 4544, 4523, 3857, 32648])
def test_systems_on_the_same_ellipsoid_are_read(code):
    assert refused(CRS.from_epsg(code)) == ""


@pytest.mark.parametrize("code", [4214, 2411, 4610, 2331, 4555])
def test_old_chinese_datums_are_refused(code):
    assert "not on CGCS2000" in refused(CRS.from_epsg(code))


def test_local_systems_are_refused():
    assert "local system" in refused(CRS.from_wkt('LOCAL_CS["county grid",UNIT["metre",1]]'))
