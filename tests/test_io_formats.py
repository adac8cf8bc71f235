"""One county, whatever the format, the encoding, the headings and the datum."""

from __future__ import annotations

import hashlib
import json
import shutil

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pandas.testing import assert_frame_equal

from geoplan.columns import table
from geoplan.errors import InputError
from geoplan.io import check_county, read_county
from tests.worlds_io import (
    HEADER,
    MORE,
    PLACES,
    VILLAGES,
    collection,
    county,
    errors,
    feature,
    frame,
    line,
    metres,
    of,
    rows,
    shifted,
    village_features,
    write_csv,
    write_json,
    write_xlsx,
)

ORDER = np.argsort([v["village_id"] for v in VILLAGES])
EXPECTED = metres()[ORDER]


def geojson(folder):
    write_json(folder / "villages.geojson", collection(*village_features()))


def geojson_with_bom_and_crs(folder):
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    text = json.dumps(collection(*village_features(), crs=named))
    (folder / "villages.json").write_text(text, "utf-8-sig")


def geojson_in_metres(folder):
    features = [f | {"geometry": None} for f in village_features()]
    for f, xy in zip(features, metres(4523), strict=True):
        f["geometry"] = {"type": "MultiPoint", "coordinates": [[*xy, 1130.0]]}
    named = {"type": "name", "properties": {"name": "EPSG:4523"}}
    write_json(folder / "villages.geojson", collection(*features, crs=named))


def geopackage(folder):
    frame().to_crs(4544).to_file(folder / "villages.gpkg", layer="villages")


def geopackage_of_another_layer_name(folder):
    frame().to_file(folder / "villages.gpkg", layer="庄点")


def shapefile(folder):
    frame().rename(columns={"floor_area_m2": "floor_area"}).to_file(folder / "villages.shp", encoding="UTF-8")


def shapefile_gbk_without_cpg(folder):
    named = {
        "village_id": "村代码",
        "name": "村名",
        "town": "乡镇",
        "households": "户数",
        "floor_area_m2": "户均采暖面",
    }
    frame().rename(columns=named).to_crs(4523).to_file(folder / "villages.shp", encoding="GB18030")
    (folder / "villages.cpg").unlink()


def shapefile_with_cpg_936(folder):
    shapefile_gbk_without_cpg(folder)
    (folder / "villages.cpg").write_text("936")


def geoparquet(folder):
    frame().assign(households=pd.array([v["households"] for v in VILLAGES], dtype="Int64")).to_parquet(
        folder / "villages.parquet"
    )


def csv_utf8(folder):
    write_csv(folder / "villages.csv", [HEADER, *rows()], encoding="utf-8-sig")


CHINESE = (
    "村代码",
    "村　名",
    "乡（镇）",
    "改造户数（户）",
    "住房类型",
    "户均面积（㎡）",
    "是否保温",
    "经度",
    "纬度",
)


def chinese_rows():
    words = {"bungalow": "平房", "apartment": "楼房", "true": "是", "false": "否"}
    table_ = [[words.get(cell, cell) if isinstance(cell, str) else cell for cell in row] for row in rows()]
    table_[0][3] = "１，２００"
    return table_


def csv_gbk_chinese(folder):
    write_csv(folder / "villages.csv", [CHINESE, *chinese_rows()], encoding="gb18030")


def csv_with_semicolons(folder):
    text = "\n".join(";".join(map(str, row)) for row in [HEADER, *rows()])
    (folder / "villages.csv").write_text(text, "utf-8")


def annex(sum_of_all=2085):
    """The villages as an annex prints them: title, unit, merged towns, sums, a note."""
    a, b, c, d = chinese_rows()
    b[2] = d[2] = None
    blank = [None] * 9
    return [
        ["附表1 改造计划表", *blank[1:]],
        ["单位：户", *blank[1:]],
        list(CHINESE),
        a,
        b,
        [None, "小　计", None, 1680, *blank[4:]],
        list(CHINESE),
        c,
        d,
        [None, None, "小计", "405", *blank[4:]],
        ["合 计", None, None, sum_of_all, *blank[4:]],
        blank,
        ["注：户数为2022年数据", *blank[1:]],
    ]


def xlsx_annex(folder):
    write_xlsx(folder / "villages.xlsx", annex(), merge=["A1:I1", "C4:C5", "C8:C9"])


def csv_annex(folder):
    write_csv(folder / "villages.csv", annex(), encoding="gb18030")


def xlsx_with_numbers_as_ids(folder):
    table_ = rows()
    for row in table_[:3]:
        row[0] = int(row[0])
    write_xlsx(folder / "villages.xlsx", [HEADER, *table_])


def xlsx_with_a_heading_of_two_rows(folder):
    top = ["村代码", "村名", "乡镇", "基本情况", None, None, None, "坐标", None]
    below = [None, None, None, "户数", "住房类型", "户均面积", "是否保温", "经度", "纬度"]
    write_xlsx(folder / "villages.xlsx", [top, below, *chinese_rows()], merge=["D1:G1", "H1:I1"])


SELF_TOLD = [
    geojson,
    geojson_with_bom_and_crs,
    geojson_in_metres,
    geopackage,
    geopackage_of_another_layer_name,
    shapefile,
    shapefile_gbk_without_cpg,
    shapefile_with_cpg_936,
    geoparquet,
]
TABLES = [
    csv_utf8,
    csv_gbk_chinese,
    csv_with_semicolons,
    csv_annex,
    xlsx_annex,
    xlsx_with_numbers_as_ids,
    xlsx_with_a_heading_of_two_rows,
]


def assert_the_villages(found, expected_xy=EXPECTED):
    assert found.villages.crs.to_epsg() == 4544
    xy = shapely.get_coordinates(found.villages.geometry)
    assert np.abs(xy - expected_xy).max() < 0.001
    plain = found.villages[["village_id", "name", "town", "households", "dwelling"]]
    want = pd.DataFrame(list(VILLAGES)).sort_values("village_id").reset_index(drop=True)
    assert_frame_equal(pd.DataFrame(plain), want, check_dtype=False)
    assert found.villages["floor_area_m2"].tolist() == [MORE["floor_area_m2"][i] for i in ORDER]
    assert found.villages["insulated"].tolist() == [MORE["insulated"][i] for i in ORDER]


@pytest.mark.parametrize("write", SELF_TOLD, ids=lambda f: f.__name__)
def test_files_that_say_where_they_are_give_the_same_county(write, tmp_path):
    write(tmp_path)
    assert_the_villages(read_county(tmp_path))


@pytest.mark.parametrize("write", TABLES, ids=lambda f: f.__name__)
def test_tables_give_the_same_county(write, tmp_path):
    write(tmp_path)
    assert_the_villages(read_county(tmp_path, datum="wgs84"))


@pytest.mark.parametrize("datum", ["wgs84", "cgcs2000", "gcj02", "bd09"])
def test_a_declared_datum_brings_the_villages_to_the_same_place(datum, tmp_path):
    write_csv(tmp_path / "villages.csv", [HEADER, *rows(shifted(datum))])
    found = read_county(tmp_path, datum=datum)
    assert_the_villages(found)
    brought = [p for p in found.notes if p.severity == "repair"]
    assert len(brought) == (datum in {"gcj02", "bd09"})


def test_a_file_labelled_4326_is_believed_to_be_what_the_user_says(tmp_path):
    frame().set_geometry(gpd.points_from_xy(*shifted("gcj02").T), crs=4326).to_file(
        tmp_path / "villages.gpkg"
    )
    assert_the_villages(read_county(tmp_path, datum="gcj02"))


def test_a_layer_on_cgcs2000_keeps_its_place_beside_a_shifted_one(tmp_path):
    write_csv(tmp_path / "villages.csv", [HEADER, *rows(shifted("gcj02"))])
    main = gpd.GeoDataFrame({"status": ["existing"]}, geometry=[line((0, 0), (0.01, 0))], crs=4490)
    main.to_crs(4544).to_file(tmp_path / "heat_mains.gpkg", layer="heat_mains")
    found = read_county(tmp_path, datum="gcj02")
    assert_the_villages(found)
    start = shapely.get_coordinates(found.layers["heat_mains"].geometry)[0]
    assert np.abs(start - metres()[0]).max() < 0.01
    assert any(
        "keeps" in p.message or "contradicts" in p.message for p in found.notes if p.severity == "warning"
    )


def test_a_datum_can_be_declared_for_one_layer(tmp_path):
    county(tmp_path)
    (tmp_path / "villages.geojson").unlink()
    write_csv(tmp_path / "villages.csv", [HEADER, *rows(shifted("gcj02"))])
    found = read_county(tmp_path, datum={"villages": "gcj02"})
    assert_the_villages(found)
    start = shapely.get_coordinates(found.layers["roads"].geometry)[0]
    assert start == pytest.approx(metres_of(106.15, 37.95), abs=0.01)


def metres_of(lon, lat):
    return shapely.get_coordinates(gpd.GeoSeries([shapely.Point(lon, lat)], crs=4490).to_crs(4544))[0]


@pytest.mark.parametrize("names", [("x", "y"), ("东坐标", "北坐标")])
@pytest.mark.parametrize("code", [4544, 4523])
def test_metres_in_a_table_take_the_declared_crs(names, code, tmp_path):
    write_csv(tmp_path / "villages.csv", [(*HEADER[:-2], *names), *rows(metres(code))])
    assert_the_villages(read_county(tmp_path, crs=f"EPSG:{code}"))


def test_x_and_y_may_be_degrees(tmp_path):
    write_csv(tmp_path / "villages.csv", [(*HEADER[:-2], "x", "y"), *rows()])
    assert_the_villages(read_county(tmp_path, datum="wgs84"))
    assert_the_villages(read_county(tmp_path, crs="EPSG:4490"))


def test_geojson_in_metres_without_crs_takes_the_declared_one(tmp_path):
    geojson_in_metres(tmp_path)
    document = json.loads((tmp_path / "villages.geojson").read_text("utf-8"))
    del document["crs"]
    write_json(tmp_path / "villages.geojson", document)
    assert "metres" in str(errors(tmp_path)[0])
    assert_the_villages(read_county(tmp_path, crs="EPSG:4523"))


def test_shapefile_without_prj_takes_the_declared_crs(tmp_path):
    shapefile(tmp_path)
    (tmp_path / "villages.prj").unlink()
    assert "declare --datum" in str(errors(tmp_path)[0])
    assert_the_villages(read_county(tmp_path, crs="EPSG:4490"))


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


def test_repairs_are_said(tmp_path):
    xlsx_annex(tmp_path)
    said = of(read_county(tmp_path, datum="wgs84").notes, "repair")
    assert len(said) == 5
    text = "\n".join(said)
    assert "town filled down from the row above at row 5, row 9" in text
    assert "sums are not places and were left out at row 6, row 10, row 11" in text
    assert "repeated headings left out at row 7" in text
    assert "notes under the table left out at row 13" in text
    assert "titles above the heading left out at row 1, row 2" in text


def test_a_printed_sum_that_is_wrong_is_an_error(tmp_path):
    write_xlsx(tmp_path / "villages.xlsx", annex(sum_of_all=2086))
    (problem,) = errors(tmp_path, datum="wgs84")
    assert problem.message == "the printed sum of households is 2,086, but the rows add up to 2,085"
    assert problem.ids == ("row 11",)


def test_sums_may_stand_above_their_rows(tmp_path):
    a, b, c, d = chinese_rows()
    empty = [None] * 5
    table_ = [
        CHINESE,
        ["合计", None, None, 2085, *empty],
        [None, None, "金积镇小计", 1680, *empty],
        a,
        b,
        [None, "小计", "高闸镇", 405, *empty],
        c,
        d,
    ]
    write_csv(tmp_path / "villages.csv", table_)
    assert_the_villages(read_county(tmp_path, datum="wgs84"))
    table_[5][3] = 406
    write_csv(tmp_path / "villages.csv", table_)
    assert "406, but the rows add up to 405" in str(errors(tmp_path, datum="wgs84")[0])


def test_spaces_inside_chinese_names_are_taken_out_and_said(tmp_path):
    table_ = rows()
    table_[0][1] = " 关　渠 村 "
    write_csv(tmp_path / "villages.csv", [HEADER, *table_])
    found = read_county(tmp_path, datum="wgs84")
    assert_the_villages(found)
    assert any("written without spaces" in str(p) and "关渠村" not in str(p) for p in found.notes)


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
