"""Small county folders on disk, in every format, and ways to spoil them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely
from pandas.testing import assert_frame_equal
from pyproj import Transformer

from geoplan.crs import gcj02_to_bd09, wgs84_to_gcj02
from geoplan.errors import InputError, Problem
from geoplan.io import check_county, read_county

LON, LAT = 106.19, 37.95

VILLAGES = (
    {
        "village_id": "640302100203",
        "name": "关渠村",
        "town": "金积镇",
        "households": 1200,
        "dwelling": "bungalow",
    },
    {
        "village_id": "640302100210",
        "name": "大庙桥村",
        "town": "金积镇",
        "households": 480,
        "dwelling": "apartment",
    },
    {
        "village_id": "640302102201",
        "name": "韩桥村",
        "town": "高闸镇",
        "households": 310,
        "dwelling": "bungalow",
    },
    {"village_id": "0042", "name": "NA", "town": "高闸镇", "households": 95, "dwelling": "bungalow"},
)
#: Longitude and latitude on WGS 84 of each village. [degree]
PLACES = np.array([[LON, LAT], [LON + 0.02, LAT + 0.01], [LON + 0.05, LAT - 0.02], [LON - 0.03, LAT - 0.01]])
MORE = {"floor_area_m2": [98.5, 110.0, 102.0, 87.25], "insulated": [True, False, False, True]}

GOOD_SOURCE = {"source_id": "H1", "name": "热源厂", "capacity_mw": 60.0}
GOOD_MAIN = {"status": "existing", "dn_mm": 500}


def frame() -> gpd.GeoDataFrame:
    """The four villages as a table with points on WGS 84."""
    rows = gpd.GeoDataFrame(list(VILLAGES), geometry=shapely.points(PLACES), crs=4326)
    return rows.assign(**MORE)


def feature(properties: Mapping[str, Any], geometry: Any) -> dict[str, Any]:
    shape = geometry if isinstance(geometry, dict) or geometry is None else shapely.geometry.mapping(geometry)
    return {"type": "Feature", "properties": dict(properties), "geometry": shape}


def collection(*features: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", **more, "features": list(features)}


def village_features() -> list[dict[str, Any]]:
    points = [shapely.Point(xy) for xy in PLACES]
    return [
        feature(v | {"floor_area_m2": MORE["floor_area_m2"][i], "insulated": MORE["insulated"][i]}, points[i])
        for i, v in enumerate(VILLAGES)
    ]


def write_json(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    return path


def line(*offsets: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(LON + x, LAT + y) for x, y in offsets])


def county(folder: Path) -> Path:
    """A whole county in GeoJSON: villages, a source, a main, a road and a boundary."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "villages.geojson", collection(*village_features()))
    source = feature(GOOD_SOURCE, shapely.Point(LON, LAT + 0.005))
    write_json(folder / "heat_sources.geojson", collection(source))
    main = feature(GOOD_MAIN, line((0, 0.005), (0.02, 0.005)))
    write_json(folder / "heat_mains.geojson", collection(main))
    write_json(folder / "roads.geojson", collection(feature({}, line((-0.04, 0), (0.06, 0)))))
    write_json(folder / "boundary.geojson", collection(feature({}, shapely.box(106.0, 37.8, 106.4, 38.1))))
    return folder


Row = Sequence[Any]
HEADER = ("village_id", "name", "town", "households", "dwelling", "floor_area_m2", "insulated", "lon", "lat")


def rows(places: np.ndarray = PLACES) -> list[list[Any]]:
    """The villages as the rows of a spreadsheet under `HEADER`."""
    return [
        [
            *v.values(),
            MORE["floor_area_m2"][i],
            "true" if MORE["insulated"][i] else "false",
            *map(float, places[i]),
        ]
        for i, v in enumerate(VILLAGES)
    ]


def write_csv(path: Path, table: Sequence[Row], *, encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(table)
    return path


def write_xlsx(path: Path, table: Sequence[Row], *, merge: Sequence[str] = ()) -> Path:
    book = openpyxl.Workbook()
    for row in table:
        book.active.append(list(row))
    for area in merge:
        book.active.merge_cells(area)
    book.save(path)
    return path


def shifted(datum: str) -> np.ndarray:
    """The villages' places on another datum. [degree]"""
    gcj02 = wgs84_to_gcj02(PLACES)
    return {"wgs84": PLACES, "cgcs2000": PLACES, "gcj02": gcj02, "bd09": gcj02_to_bd09(gcj02)}[datum]


def metres(code: int = 4544) -> np.ndarray:
    """The villages' places in a projected CRS, east first. [m]"""
    forward = Transformer.from_crs(4490, code, always_xy=True)
    return np.column_stack(forward.transform(PLACES[:, 0], PLACES[:, 1]))


def errors(path: Path, **options: Any) -> list[Problem]:
    return [p for p in check_county(path, **options) if p.severity == "error"]


def of(problems: Sequence[Problem], severity: str) -> list[str]:
    return [str(p) for p in problems if p.severity == severity]


def geojson(folder):
    write_json(folder / "villages.geojson", collection(*village_features()))


ORDER = np.argsort([v["village_id"] for v in VILLAGES])
EXPECTED = metres()[ORDER]


def assert_the_villages(found, expected_xy=EXPECTED):
    assert found.villages.crs.to_epsg() == 4544
    xy = shapely.get_coordinates(found.villages.geometry)
    assert np.abs(xy - expected_xy).max() < 0.001
    plain = found.villages[["village_id", "name", "town", "households", "dwelling"]]
    want = pd.DataFrame(list(VILLAGES)).sort_values("village_id").reset_index(drop=True)
    assert_frame_equal(pd.DataFrame(plain), want, check_dtype=False)
    assert found.villages["floor_area_m2"].tolist() == [MORE["floor_area_m2"][i] for i in ORDER]
    assert found.villages["insulated"].tolist() == [MORE["insulated"][i] for i in ORDER]


def the_error(path, **options):
    """The one error, checked to be the same from both doors."""
    found = errors(path, **options)
    assert len(found) == 1, [str(p) for p in found]
    with pytest.raises(InputError) as caught:
        read_county(path, **options)
    assert caught.value.problems == tuple(found)
    return f"{found[0].file or found[0].layer}: {found[0]}"
