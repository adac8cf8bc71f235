"""One county, whatever the format, the encoding, the headings and the datum."""

from __future__ import annotations

import json
import random
import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geoplan.errors import report
from geoplan.io import check_county, read_county
from tests.worlds_io import (
    HEADER,
    VILLAGES,
    assert_the_villages,
    collection,
    county,
    errors,
    frame,
    geojson,
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


def shapefile_with_names_cut_inside_a_character(folder):
    named = {"floor_area_m2": "户均采暖面积", "name": "村名", "households": "改造户数"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame().rename(columns=named).to_file(folder / "villages.shp", encoding="UTF-8")


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
    shapefile_with_names_cut_inside_a_character,
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


def test_no_town_is_filled_down_across_a_sum(tmp_path):
    """A department after the sum of a town is of no town; its name must be written."""
    a, b, *_ = chinese_rows()
    bureau = ["640302000001", "县直机关", None, *a[3:]]
    closed = [None, "小计", a[2], 1680, *[None] * 5]
    for sum_row in (closed, [None, None, "小计", *closed[3:]]):
        write_csv(tmp_path / "villages.csv", [CHINESE, a, b, sum_row, bureau])
        (problem,) = errors(tmp_path, datum="wgs84")
        assert problem.message == "town is empty"
        assert problem.ids == ("640302000001 县直机关",)
        assert "write the town, or 县直" in problem.remedy


def test_spaces_inside_chinese_names_are_taken_out_and_said(tmp_path):
    table_ = rows()
    table_[0][1] = " 关　渠 村 "
    write_csv(tmp_path / "villages.csv", [HEADER, *table_])
    found = read_county(tmp_path, datum="wgs84")
    assert_the_villages(found)
    assert any("written without spaces" in str(p) and "关渠村" not in str(p) for p in found.notes)


STRANGE = [None, True, 0, -1.5, 10**30, "x", "", [], [[]], {}, {"type": "Point"}, [None], "\ud800", "1e999"]
PATHS = [
    ("type",),
    ("features",),
    ("crs",),
    ("features", 0),
    ("features", 0, "type"),
    ("features", 0, "geometry"),
    ("features", 0, "geometry", "type"),
    ("features", 0, "geometry", "coordinates"),
    ("features", 0, "geometry", "coordinates", 0),
    ("features", 0, "properties"),
    *(
        ("features", 0, "properties", name)
        for name in ("village_id", "name", "households", "insulated", "dwelling")
    ),
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
def test_no_strange_value_in_a_geojson_is_a_traceback(path, tmp_path):
    for value in STRANGE:
        document = json.loads(json.dumps(collection(*village_features(), crs=None)))
        *where, last = path
        target = document
        for step in where:
            target = target[step]
        target[last] = value
        (tmp_path / "villages.geojson").write_text(json.dumps(document), "utf-8")
        assert_read_or_refused(tmp_path)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("write", [*SELF_TOLD, *TABLES], ids=lambda f: f.__name__)
def test_no_damage_is_a_traceback(write, tmp_path):
    chance = random.Random(write.__name__)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write(tmp_path)
    whole = {path: path.read_bytes() for path in sorted(tmp_path.iterdir())}
    for _ in range(25):
        for path, data in whole.items():
            path.write_bytes(data)
        path = chance.choice(list(whole))
        data = bytearray(whole[path])
        at = chance.randrange(len(data))
        if chance.random() < 0.3:
            del data[at:]
        else:
            data[at : at + chance.randrange(3)] = chance.randbytes(2)
        path.write_bytes(data)
        assert_read_or_refused(tmp_path, datum="wgs84" if write in TABLES else None)


def assert_read_or_refused(folder, **options):
    found = check_county(folder, **options)
    wrong = [p for p in found if p.severity == "error"]
    if not wrong:
        assert len(read_county(folder, **options).villages)
    report(found).encode("utf-8")
