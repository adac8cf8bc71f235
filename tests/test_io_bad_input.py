"""Wrong input: each kind is one sentence with the place and the remedy, and never a traceback."""

from __future__ import annotations

import csv
import io
import json

import openpyxl
import pytest
import shapely

from geoplan.io import check_county
from tests.worlds_io import (
    HEADER,
    LAT,
    LON,
    collection,
    county,
    errors,
    feature,
    frame,
    line,
    metres,
    rows,
    the_error,
    village_features,
    write_csv,
    write_json,
)

# --- single cells and rows, each put into the second village of a GeoJSON ------------------------------

CELLS = {
    "negative households": ({"households": -3}, "households must be 0 to 100,000 [household]; got -3"),
    "half a household": ({"households": 12.5}, "households must be a whole number [household]; got 12.5"),
    "words for a number": ({"households": "约200"}, "households must be a number [household]; got '约200'"),
    "万 in a number": ({"households": "1.2万"}, "households must be a number [household]; got '1.2万'"),
    "true for a number": ({"households": True}, "households must be a number [household]; got True"),
    "null is asked for": ({"households": None}, "households is empty [household] at 640302100210 大庙桥村"),
    "blank is asked for": ({"town": " 　"}, "town is empty at 640302100210 大庙桥村"),
    "null is never 0": ({"households": None}, "an empty cell is never taken as 0"),
    "per cent for a share": ({"winter_occupancy": 80}, "winter_occupancy must be 0 to 1 [share]; got 80"),
    "area of the village": (
        {"floor_area_m2": 12000},
        "floor_area_m2 must be 1 to 2,000 [m2/household]; got 12000",
    ),
    "infinite text": ({"floor_area_m2": "inf"}, "floor_area_m2 must be a number"),
    "infinite number": ({"floor_area_m2": 1e308 * 10}, "holds Infinity"),
    "a number of 5,000 digits": ({"households": "9" * 5000}, "households must be a number"),
    "unknown dwelling": ({"dwelling": "别墅"}, "dwelling must be one of bungalow, apartment; got '别墅'"),
    "unknown route": ({"locked_route": "nuclear"}, "locked_route must be one of district_heating"),
    "unknown truth": ({"insulated": "maybe"}, "insulated must be true or false (是 or 否); got 'maybe'"),
    "a list for text": ({"town": ["金积镇"]}, "town must be text"),
    "a control character": ({"name": "关\x1b[31m渠"}, "name must not hold invisible characters (U+001B)"),
    "a hidden override": ({"name": "关\u202e渠"}, "name must not hold invisible characters (U+202E)"),
    "half a character": (
        {"lock_reason": "\ud800"},
        "lock_reason must not hold invisible characters (U+D800)",
    ),
    "a novel": ({"provenance": "长" * 3000}, "provenance must be at most 2000 characters long"),
    "an id in e-notation": ({"village_id": "6.40302E+11"}, "village_id has lost digits"),
    "a rounded id": ({"village_id": 6.40302e11}, "village_id has lost digits"),
    "a broken id": ({"village_id": 12.5}, "village_id must be a whole code"),
    "a repeated id": ({"village_id": "0042"}, "village_id repeats at 0042 (rows 2, 4)"),
    "a repeated id in other type": ({"village_id": 640302100203}, "640302100203 (rows 1, 2)"),
}


@pytest.mark.parametrize(("cells", "message"), CELLS.values(), ids=CELLS.keys())
def test_wrong_cells_are_named(cells, message, tmp_path):
    features = village_features()
    features[1]["properties"] |= cells
    (tmp_path / "villages.geojson").write_text(json.dumps(collection(*features)), "utf-8")
    assert message in the_error(tmp_path)


POINT = shapely.Point(LON, LAT)
SHAPES = {
    "no geometry": (None, "geometry is empty at 640302100210 大庙桥村"),
    "an empty point": ({"type": "Point", "coordinates": []}, "geometry is empty at 640302100210"),
    "a line": (line((0, 0), (0.1, 0)), "the layer must hold points; got LineString at 640302100210"),
    "two points": (shapely.MultiPoint([[LON, LAT], [LON, 38]]), "several points in one row at 640302100210"),
    "text for coordinates": (
        {"type": "Point", "coordinates": ["106", "38"]},
        "coordinates must be numbers at row 2",
    ),
    "truth for coordinates": (
        {"type": "Point", "coordinates": [True, 38]},
        "coordinates must be numbers at row 2",
    ),
    "one coordinate": ({"type": "Point", "coordinates": [106]}, "coordinates must be numbers at row 2"),
    "an unknown shape": (
        {"type": "Circle", "coordinates": [106, 38]},
        "geometry of type 'Circle' is not read",
    ),
    "an endless number": ({"type": "Point", "coordinates": [10**400, 38]}, "coordinates do not make a shape"),
    "swapped axes": (shapely.Point(LAT, LON), "x and y look swapped"),
    "null island": (shapely.Point(0, 0), "lies outside 73–136° E, 3–54° N"),
    "another province": (
        shapely.Point(110, 38),
        "lies more than 150 km from the median village at 640302100210",
    ),
}


@pytest.mark.parametrize(("shape", "message"), SHAPES.values(), ids=SHAPES.keys())
def test_wrong_points_are_named(shape, message, tmp_path):
    features = village_features()
    features[1] = feature(features[1]["properties"], shape)
    write_json(tmp_path / "villages.geojson", collection(*features))
    assert message in the_error(tmp_path)


# --- other layers of a whole county --------------------------------------------------------------------

BOW_TIE = shapely.Polygon([(LON, LAT), (LON + 0.1, LAT + 0.1), (LON + 0.1, LAT), (LON, LAT + 0.1)])
FAR = shapely.LineString([(LON + 1, LAT), (LON + 1.1, LAT)])
LAYERS = {
    "a line of one point": (
        "roads",
        feature({}, {"type": "LineString", "coordinates": [[LON, LAT]]}),
        "coordinates do not make a shape at row 1",
    ),
    "a line of no length": ("roads", feature({}, line((0, 0), (0, 0))), "line of length 0 at row 1"),
    "polygons for lines": (
        "roads",
        feature({}, shapely.box(106, 37, 107, 38)),
        "must hold lines; got Polygon",
    ),
    "lines for polygons": (
        "boundary",
        feature({}, line((0, 0), (1, 0), (1, 1))),
        "must hold polygons; got LineString",
    ),
    "a bow tie": ("boundary", feature({}, BOW_TIE), "invalid polygon (self-intersection) at row 1"),
    "lines for towns": (
        "towns",
        feature({"name": "镇"}, line((0, 0), (1, 0))),
        "must hold points or polygons",
    ),
    "a main without status": (
        "heat_mains",
        feature({}, line((0, 0), (0.01, 0))),
        "column status (状态) is missing",
    ),
    "a main of unknown status": (
        "heat_mains",
        feature({"status": "拆除"}, line((0, 0), (0.01, 0))),
        "status must be one of existing, planned; got '拆除' at row 1",
    ),
    "kilowatts in a heading": (
        "heat_sources",
        feature({"source_id": "H", "供热能力（kW）": 60000}, POINT),
        "is in kw, but capacity_mw is in MW",
    ),
    "kilowatts in a cell": (
        "heat_sources",
        feature({"source_id": "H", "capacity_mw": 60000}, POINT),
        "capacity_mw must be 0 to 20,000 [MW]; got 60000 at H",
    ),
    "no capacity": (
        "heat_sources",
        feature({"source_id": "H", "capacity_mw": None}, POINT),
        "capacity_mw is empty [MW] at H",
    ),
    "no source id": ("heat_sources", feature({"capacity_mw": 6}, POINT), "required column source_id"),
    "an unknown zone": (
        "zones",
        feature({"kind": "forest"}, shapely.box(106, 37, 107, 38)),
        "kind must be one of no_coal, no_dig, plain, mountain",
    ),
    "a layer of another county": (
        "roads",
        feature({}, FAR),
        "whole layer lies more than 50 km from every village",
    ),
    "a boundary of another county": (
        "boundary",
        feature({}, shapely.box(108, 37, 109, 38)),
        "lies more than 5 km outside the boundary at 640302100203 关渠村, 640302100210 大庙桥村",
    ),
}


@pytest.mark.parametrize(("stem", "item", "message"), LAYERS.values(), ids=LAYERS.keys())
def test_wrong_layers_are_named(stem, item, message, tmp_path):
    folder = county(tmp_path)
    write_json(folder / f"{stem}.geojson", collection(item))
    assert message in the_error(folder)


def test_wrong_mains_of_two_layers_are_all_told(tmp_path):
    folder = county(tmp_path)
    for stem in ("heat_mains", "gas_mains"):
        write_json(folder / f"{stem}.geojson", collection(feature({}, line((0, 0), (0.01, 0)))))
    assert sorted(p.file for p in errors(folder)) == ["gas_mains.geojson", "heat_mains.geojson"]


def test_a_pipe_of_another_county_among_ours_is_named(tmp_path):
    folder = county(tmp_path)
    near, far = line((0, 0), (0.01, 0)), line((0, 0), (1.5, 0))
    items = [feature({"status": "existing", "name": n}, s) for n, s in (("近", near), ("远", far))]
    write_json(folder / "gas_mains.geojson", collection(*items))
    found = [p for p in check_county(folder) if "reaches more than 50 km" in p.message]
    assert [p.file for p in found] == ["gas_mains.geojson"]
    assert len(found[0].ids) == 1
    assert found[0].severity == "warning"


# --- columns -------------------------------------------------------------------------------------------


def test_a_misspelt_column_is_named_and_its_default_does_not_take_over(tmp_path):
    features = village_features()
    for f in features:
        f["properties"]["winter_ocupancy"] = 0.6
    write_json(tmp_path / "villages.geojson", collection(*features))
    assert "unknown column 'winter_ocupancy'; did you mean 'winter_occupancy'?" in the_error(tmp_path)


def test_a_misspelt_required_column_is_told_once(tmp_path):
    table = [["housholds" if h == "households" else h for h in HEADER], *rows()]
    write_csv(tmp_path / "villages.csv", table)
    assert "unknown column 'housholds'; did you mean 'households'?" in the_error(tmp_path, datum="wgs84")


def test_two_columns_of_one_meaning_are_refused(tmp_path):
    table = [[*HEADER, "households"], *([*row, 1] for row in rows())]
    write_csv(tmp_path / "villages.csv", table)
    assert "column 'households' stands twice" in the_error(tmp_path, datum="wgs84")
    table[0] = ["户数" if h == "households" else h for h in HEADER] + ["计划户数"]
    write_csv(tmp_path / "villages.csv", table)
    assert "2 columns for households: 户数, 计划户数" in the_error(tmp_path, datum="wgs84")


def test_a_unit_of_ten_thousand_above_the_table_is_refused(tmp_path):
    table = [["单位：万户"], HEADER, *rows()]
    write_csv(tmp_path / "villages.csv", table)
    assert "the line above the heading says the unit is 万户" in the_error(tmp_path, datum="wgs84")


# --- tables --------------------------------------------------------------------------------------------


def spoilt_csv(path, edit):
    table = [list(HEADER), *rows()]
    edit(table)
    write_csv(path / "villages.csv", table)


TABLES = {
    "a merged number": (lambda t: t[2].__setitem__(3, ""), "households is empty [household] at 640302100210"),
    "e-notation": (lambda t: t[1].__setitem__(0, "6.40302E+11"), "village_id has lost digits"),
    "an extra cell": (lambda t: t[1].append("村部"), "has more cells than headings at row 2"),
    "no latitude": (
        lambda t: t[1].__setitem__(8, ""),
        "coordinates must be two numbers; got 106.19,  at row 2",
    ),
    "degrees and minutes": (lambda t: t[1].__setitem__(7, "106°11′"), "got 106°11′, 37.95 at row 2"),
    "no heading": (lambda t: t.pop(0), "no heading in the first 10 rows"),
    "no coordinates": (lambda t: [r.__delitem__(slice(7, 9)) for r in t], "has no columns of coordinates"),
    "one coordinate column": (lambda t: [r.__delitem__(8) for r in t], "only one column of coordinates: lon"),
    "two pairs": (lambda t: [r.extend(["x", "y"] if r == t[0] else [1, 2]) for r in t], "more than one pair"),
    "swapped columns": (lambda t: t[0].__setitem__(slice(7, 9), ["lat", "lon"]), "x and y look swapped"),
    "a failed formula": (
        lambda t: t[1].__setitem__(2, "#REF!"),
        "town must be text, not the error of a formula",
    ),
    "a town that nothing says": (lambda t: t[1].__setitem__(2, ""), "town is empty at 640302100203"),
    "no rows": (lambda t: t.__delitem__(slice(1, None)), "holds no rows"),
}


@pytest.mark.parametrize(("edit", "message"), TABLES.values(), ids=TABLES.keys())
def test_wrong_tables_are_named(edit, message, tmp_path):
    spoilt_csv(tmp_path, edit)
    assert message in the_error(tmp_path, datum="wgs84")


def test_a_broken_csv_is_refused(tmp_path):
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows()])
    (tmp_path / "villages.csv").write_text(text.getvalue() + '"640302100299,late', "utf-8")
    assert "is a broken CSV" in the_error(tmp_path, datum="wgs84")
    (tmp_path / "villages.csv").write_bytes(b"village_id,name\n\xff\xff\xff,1\n")
    assert "is neither UTF-8 nor GB18030" in the_error(tmp_path, datum="wgs84")
    (tmp_path / "villages.csv").write_bytes(b"village_id,name\n1,a\x00b\n")
    assert "is not a GeoJSON" in the_error(tmp_path, datum="wgs84")


def test_a_table_cannot_hold_lines(tmp_path):
    folder = county(tmp_path)
    (folder / "roads.geojson").unlink()
    write_csv(folder / "roads.csv", [("name", "lon", "lat"), ("村道", LON, LAT)])
    assert "a table holds points, but roads needs lines" in the_error(folder, datum="wgs84")


def test_two_sheets_with_the_table_are_refused(tmp_path):
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet("2021")):
        for row in [HEADER, *rows()]:
            sheet.append(list(row))
    book.save(tmp_path / "villages.xlsx")
    assert "several sheets hold the table: Sheet, 2021" in the_error(tmp_path, datum="wgs84")


# --- CRS and datum -------------------------------------------------------------------------------------


def test_degrees_without_datum_are_not_guessed(tmp_path):
    write_csv(tmp_path / "villages.csv", [HEADER, *rows()])
    assert "coordinates are degrees and no datum says which; declare --datum" in the_error(tmp_path)


def test_metres_without_crs_are_not_guessed(tmp_path):
    write_csv(tmp_path / "villages.csv", [(*HEADER[:-2], "x", "y"), *rows(metres())])
    assert "coordinates are metres and no CRS says which; pass --crs" in the_error(tmp_path, datum="wgs84")


@pytest.mark.parametrize(
    ("said", "true", "hint"), [(4544, 4523, "EPSG:4523"), (4523, 4544, "no zone prefix")]
)
def test_a_zone_prefix_too_many_or_too_few_is_seen(said, true, hint, tmp_path):
    write_csv(tmp_path / "villages.csv", [(*HEADER[:-2], "x", "y"), *rows(metres(true))])
    assert hint in the_error(tmp_path, crs=f"EPSG:{said}")


def test_northings_called_x_are_seen(tmp_path):
    write_csv(tmp_path / "villages.csv", [(*HEADER[:-2], "x", "y"), *rows(metres()[:, ::-1])])
    assert "x and y look swapped" in the_error(tmp_path, crs="EPSG:4544")


@pytest.mark.parametrize("code", [4214, 2411, 4610, 2331])
def test_old_datums_need_control_points(code, tmp_path):
    frame().set_crs(code, allow_override=True).to_file(tmp_path / "villages.gpkg")
    assert "control points" in the_error(tmp_path)
    assert "control points" in str(errors(county(tmp_path / "other"), crs=f"EPSG:{code}")[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"datum": "wgs48"}, "--datum: unknown datum 'wgs48'; choose one of wgs84, cgcs2000, gcj02, bd09"),
        ({"datum": {"vilages": "gcj02"}}, "--datum: datum of an unknown layer 'vilages'"),
        ({"crs": "EPSG:1"}, "--crs: 'EPSG:1' is not a known CRS"),
        ({"crs": "/etc/passwd"}, "--crs: '/etc/passwd' is not a CRS"),
        ({"locks": {"640302100203": "nuclear"}}, "--lock: unknown route 'nuclear'"),
        ({"locks": {"nobody": "gas"}}, "--lock: unknown village 'nobody'"),
        ({"overlays": ["green"]}, "--overlay: unknown overlay 'green'; known are none"),
        ({"overlays": ["green.toml"]}, "green.toml: no such file"),
        ({"policy": "nowhere.toml"}, "nowhere.toml: no such file"),
    ],
)
def test_wrong_options_are_named(options, message, tmp_path):
    assert message in the_error(county(tmp_path), **options)


def test_a_crs_that_contradicts_the_file_is_refused(tmp_path):
    frame().to_crs(4544).to_file(tmp_path / "villages.gpkg")
    assert "--crs EPSG:4545 contradicts it" in the_error(tmp_path, crs="EPSG:4545")
    assert not errors(tmp_path, crs="EPSG:4544")


def test_a_datum_that_contradicts_the_file_is_refused(tmp_path):
    frame().to_crs(4544).to_file(tmp_path / "villages.gpkg")
    assert "--datum gcj02 contradicts it" in the_error(tmp_path, datum="gcj02")
    assert not errors(tmp_path, datum="wgs84")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (4554, "has its meridian at 135° E, the villages lie at 106.2° E"),
        (4490, "is not in metres"),
        (3857, "is not a Gauss-Kruger system"),
        (2411, "is not on CGCS2000"),
        (999999, "is not a known CRS"),
    ],
)
def test_a_crs_of_the_policy_must_fit_the_county(code, message, tmp_path):
    folder = county(tmp_path)
    (folder / "policy.toml").write_text(f'crs = "EPSG:{code}"\n', "utf-8")
    found = the_error(folder)
    assert found.startswith("policy.toml: crs: ")
    assert message in found
