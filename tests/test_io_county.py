"""A county read as a whole: its layers, its policy, and what is said of them."""

from __future__ import annotations

import hashlib
import shutil

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from pandas.testing import assert_frame_equal

from geoplan.columns import table
from geoplan.errors import InputError
from geoplan.io import check_county, read_county
from tests.worlds_io import (
    PLACES,
    assert_the_villages,
    collection,
    county,
    feature,
    geojson,
    line,
    of,
    village_features,
    write_json,
)


def test_a_whole_county_is_read_from_its_folder_or_its_file(tmp_path):
    folder = county(tmp_path / "somewhere")
    for path in (folder, folder / "villages.geojson", str(folder)):
        found = read_county(path)
        assert found.name == "somewhere"
        assert set(found.layers) == {"heat_sources", "heat_mains", "roads", "boundary"}
        assert {frame_.crs.to_epsg() for frame_ in found.layers.values()} == {4544}
        assert list(found.files) == sorted(p.name for p in folder.iterdir())
        assert not [p for p in found.notes if p.severity != "repair"]
    data = (folder / "roads.geojson").read_bytes()
    assert found.files["roads.geojson"] == hashlib.sha256(data).hexdigest()


def test_one_geopackage_holds_the_whole_county(tmp_path):
    folder = county(tmp_path / "a")
    package = tmp_path / "b" / "all.gpkg"
    package.parent.mkdir()
    for path in folder.glob("*.geojson"):
        gpd.read_file(path).to_file(package, layer=path.stem)
    for path in (package, package.parent):
        found = read_county(path)
        assert set(found.layers) == {"heat_sources", "heat_mains", "roads", "boundary"}
        assert list(found.files) == ["all.gpkg"]
        assert_the_villages(found)


def test_layers_may_lie_elsewhere(tmp_path):
    folder = county(tmp_path / "somewhere")
    (tmp_path / "desk").mkdir()
    shutil.move(folder / "villages.geojson", tmp_path / "desk" / "my villages.geojson")
    found = read_county(tmp_path / "desk" / "my villages.geojson", layers_dir=folder)
    assert found.name == "somewhere"
    assert_the_villages(found)
    assert "roads" in found.layers
    assert "my villages.geojson" in found.files


def test_the_order_of_rows_changes_nothing(tmp_path):
    folder = county(tmp_path / "a")
    mains = [feature({"status": "planned"}, line((0.001 * i, 0.005), (0.001 * i, 0.006))) for i in range(5)]
    write_json(folder / "heat_mains.geojson", collection(*mains))
    first = read_county(folder)
    write_json(folder / "heat_mains.geojson", collection(*mains[::-1]))
    write_json(folder / "villages.geojson", collection(*village_features()[::-1]))
    second = read_county(folder)
    assert_frame_equal(pd.DataFrame(first.villages), pd.DataFrame(second.villages))
    assert_frame_equal(pd.DataFrame(first.layers["heat_mains"]), pd.DataFrame(second.layers["heat_mains"]))


def test_every_declared_column_is_there_and_empty_ones_are_empty(tmp_path):
    geojson(tmp_path)
    villages = read_county(tmp_path).villages
    assert list(villages.columns) == [*table("villages"), "geometry"]
    for name, column in table("villages").items():
        want = {"text": "object", "integer": "Int64", "number": "float64", "boolean": "boolean"}[column.dtype]
        assert str(villages[name].dtype) == want
    assert villages["demolition_year"].isna().all()
    assert villages["locked_route"].isna().all()


def test_lines_of_several_parts_become_single_lines(tmp_path):
    geojson(tmp_path)
    parts = shapely.MultiLineString([line((0, 0), (0.01, 0)), line((0.01, 0), (0.01, 0.01))])
    write_json(tmp_path / "roads.geojson", collection(feature({"name": "村道"}, parts)))
    roads = read_county(tmp_path).layers["roads"]
    assert roads.geom_type.tolist() == ["LineString", "LineString"]
    assert roads["name"].tolist() == ["村道", "村道"]


def test_an_unlocated_village_may_be_without_a_place(tmp_path):
    features = village_features()
    features[0]["geometry"] = None
    write_json(tmp_path / "villages.geojson", collection(*features))
    assert of(check_county(tmp_path), "error") == [
        "geometry is empty at 640302100203 关渠村; draw it, or mark a village unlocated"
    ]
    features[0]["properties"]["未落图"] = "是"
    write_json(tmp_path / "villages.geojson", collection(*features))
    assert read_county(tmp_path).villages.geometry.isna().sum() == 1


def test_unknown_columns_are_named_once_and_left_out(tmp_path):
    features = village_features()
    for f in features:
        f["properties"] |= {"population": 3, "fid": 1, "片长": "张"}
    write_json(tmp_path / "villages.geojson", collection(*features))
    found = read_county(tmp_path)
    assert of(found.notes, "warning") == ["columns not used: population, 片长"]
    assert "population" not in found.villages


def test_the_policy_and_its_overlays_are_merged_in_order(tmp_path):
    folder = county(tmp_path)
    (folder / "policy.toml").write_text("[climate]\nseason_days = 150\nindoor_c = 16.0\n", "utf-8")
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / "long.toml").write_text("[climate]\nseason_days = 170\n", "utf-8")
    other = folder / "scenarios" / "other.toml"
    other.write_text("[climate]\nseason_days = 180\n", "utf-8")
    assert read_county(folder).policy.climate.season_days == 150
    found = read_county(folder, overlays=["long"])
    assert (found.policy.climate.season_days, found.policy.climate.indoor_c) == (170, 16.0)
    assert {"policy.toml", "scenarios/long.toml"} <= set(found.files)
    assert read_county(folder, overlays=["long", other]).policy.climate.season_days == 180
    assert read_county(folder, overlays=[other, "long"]).policy.climate.season_days == 170
    assert read_county(folder, policy=other).policy.climate.season_days == 180


def test_the_policy_may_name_the_crs(tmp_path):
    folder = county(tmp_path)
    (folder / "policy.toml").write_text('crs = "EPSG:4545"\n', "utf-8")
    assert read_county(folder).villages.crs.to_epsg() == 4545


def test_locks_set_the_route_and_its_reason(tmp_path):
    geojson(tmp_path)
    villages = read_county(tmp_path, locks={"0042": "biomass"}).villages.set_index("village_id")
    assert villages.at["0042", "locked_route"] == "biomass"
    assert villages.at["0042", "lock_reason"] == "--lock"
    assert villages["locked_route"].notna().sum() == 1


def test_check_changes_nothing_and_agrees_with_reading(tmp_path):
    folder = county(tmp_path)
    before = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir()}
    assert check_county(folder) == read_county(folder).notes
    assert {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir()} == before


def test_every_problem_of_every_layer_comes_at_once(tmp_path):
    folder = county(tmp_path)
    features = village_features()
    features[0]["properties"]["households"] = -3
    features[1]["properties"]["village_id"] = features[2]["properties"]["village_id"]
    write_json(folder / "villages.geojson", collection(*features))
    write_json(folder / "roads.geojson", collection())
    write_json(
        folder / "heat_sources.geojson", collection(feature({"source_id": "H"}, shapely.Point(*PLACES[0])))
    )
    (folder / "policy.toml").write_text("[climat]\nseason_days = 150\n", "utf-8")
    with pytest.raises(InputError) as caught:
        read_county(folder, locks={"nobody": "gas"})
    files = {p.file for p in caught.value.problems}
    assert files == {"villages.geojson", "roads.geojson", "heat_sources.geojson", "policy.toml", "--lock"}
    assert len(caught.value.problems) == 6
    assert "households must be 0 to 100,000 [household]; got -3 at 640302100203 关渠村" in str(caught.value)
    assert "village_id repeats at 640302102201 (rows 2, 3)" in str(caught.value)


def test_a_loose_part_of_a_network_is_said(tmp_path):
    folder = county(tmp_path)
    loose = feature({"status": "planned"}, line((0.1, 0.1), (0.11, 0.1)))
    near_road = feature({"status": "planned"}, line((0.05, 0.0001), (0.05, 0.01)))
    good = feature({"status": "existing"}, line((0, 0.005), (0.02, 0.005)))
    write_json(folder / "heat_mains.geojson", collection(good, loose, near_road))
    (problem,) = read_county(folder).notes
    assert problem.severity == "warning"
    assert problem.ids == ("row 2",)
    assert problem.message.startswith("1 part(s) of the network, 0.9 km, reach neither a source within 500 m")


def test_what_hardly_can_be_is_a_warning(tmp_path):
    folder = county(tmp_path)
    features = village_features()
    features[0]["properties"]["floor_area_m2"] = 9.5
    features[1]["properties"]["households"] = 0
    features[2]["geometry"] = features[3]["geometry"]
    write_json(folder / "villages.geojson", collection(*features))
    said = of(read_county(folder).notes, "warning")
    assert len(said) == 3
    assert any("households is usually more than 0" in s and "大庙桥村" in s for s in said)
    assert any("floor_area_m2 is usually 40 to 200" in s and "got 9.5 at 640302100203" in s for s in said)
    assert any("same spot at 640302102201 韩桥村, 0042 NA" in s for s in said)
