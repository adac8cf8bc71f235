"""Row order, input CRS, datum and file format do not change the plan of the example county."""

from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

import geoplan
from geoplan.crs import wgs84_to_gcj02

COUNTY = Path(__file__).parents[1] / "layers" / "litong"
#: GDAL says that it cuts the names of shapefile columns; reading them back is the point.
pytestmark = pytest.mark.filterwarnings("ignore")
STEMS = sorted(p.stem for p in COUNTY.glob("*.geojson"))


def geopackage(folder):
    for stem in STEMS:
        gpd.read_file(COUNTY / f"{stem}.geojson").to_crs("EPSG:4490").to_file(
            folder / "county.gpkg", layer=stem
        )
    return folder / "county.gpkg"


def metres_and_other_order(folder):
    for stem in STEMS:
        layer = gpd.read_file(COUNTY / f"{stem}.geojson").to_crs("EPSG:4544")
        layer = layer.sample(frac=1, random_state=3)
        layer.to_file(folder / f"{stem}.gpkg", layer=stem)
    return folder


def gbk_shapefiles(folder):
    for stem in STEMS:
        layer = gpd.read_file(COUNTY / f"{stem}.geojson").to_crs("EPSG:4523")
        layer.to_file(folder / f"{stem}.shp", encoding="GB18030")
        (folder / f"{stem}.cpg").unlink(missing_ok=True)
    return folder


def parquet(folder):
    for stem in STEMS:
        gpd.read_file(COUNTY / f"{stem}.geojson").to_parquet(folder / f"{stem}.parquet")
    return folder


def amap_table(folder):
    """Villages as a spreadsheet would have them: longitude and latitude read off an Amap map."""
    for stem in STEMS:
        layer = gpd.read_file(COUNTY / f"{stem}.geojson")
        if stem != "villages":
            layer.to_file(folder / f"{stem}.geojson")
            continue
        moved = wgs84_to_gcj02(shapely.get_coordinates(layer.geometry.to_numpy()))
        table = layer.drop(columns="geometry").assign(经度=moved[:, 0], 纬度=moved[:, 1])
        table.rename(columns={"name": "村名", "town": "乡镇", "households": "改造户数"}).to_csv(
            folder / "villages.csv", index=False, encoding="utf-8-sig"
        )
    return folder


@pytest.fixture(scope="module")
def reference():
    return geoplan.assign(geoplan.read_county(COUNTY))


@pytest.mark.parametrize(
    ("written", "how"),
    [
        (geopackage, {}),
        (metres_and_other_order, {}),
        (gbk_shapefiles, {}),
        (parquet, {}),
        (amap_table, {"datum": {"villages": "gcj02"}}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_plan_is_the_same(tmp_path, reference, written, how):
    path = written(tmp_path)
    shutil.copy(COUNTY / "policy.toml", tmp_path)
    plan = geoplan.assign(geoplan.read_county(path, **how))
    for column in ("village_id", "route", "decision", "source_id"):
        assert plan.villages[column].tolist() == reference.villages[column].tolist(), column
    for column in ("annual_cost_cny", "connection_m"):
        np.testing.assert_allclose(plan.villages[column], reference.villages[column], rtol=1e-3, atol=0.5)
    assert plan.summary["households_by_route"] == reference.summary["households_by_route"]
