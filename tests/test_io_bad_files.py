"""Wrong files: refused by what they are, not by what they are called, and never a traceback."""

from __future__ import annotations

import json
import os
import sqlite3
import zipfile

import geopandas as gpd
import pandas as pd
import pytest

from geoplan.io import check_county, read_county, sniff
from tests.worlds_io import (
    HEADER,
    PLACES,
    collection,
    county,
    errors,
    frame,
    line,
    rows,
    shifted,
    the_error,
    village_features,
    write_csv,
    write_json,
    write_xlsx,
)

# --- files that are not what they seem -----------------------------------------------------------------

VRT = "<OGRVRTDataSource><OGRVRTLayer><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>"
FEATURES = json.dumps(collection(*village_features()))
CRS_LINK = json.dumps(collection(crs={"type": "link", "properties": {"href": "http://host/crs"}}))
UNKNOWN_CRS = json.dumps(collection(crs={"type": "name", "properties": {"name": "EPSG:999999"}}))
TEXTS = {
    "a VRT": (VRT, "is XML or HTML"),
    "a WFS address": (
        "\ufeff  <OGRWFSDataSource><URL>http://host</URL></OGRWFSDataSource>",
        "is XML or HTML",
    ),
    "a web page": ("<!doctype html><title>404</title>", "is XML or HTML"),
    "a CSV called GeoJSON": ("village_id,name\n1,a\n", "is not a GeoJSON, GeoPackage"),
    "nothing": ("", "is empty (0 bytes)"),
    "blanks": ("  \n\n", "holds only blanks"),
    "half a file": (FEATURES[: len(FEATURES) // 2], "is broken JSON (line 1"),
    "a single feature": (json.dumps(village_features()[0]), "is not a FeatureCollection (type is 'Feature')"),
    "a topology": ('{"type": "Topology", "objects": {}}', "is not a FeatureCollection"),
    "no features": (json.dumps(collection()), "holds no rows"),
    "features that are none": ('{"type": "FeatureCollection", "features": [1]}', "item 1 of features"),
    "no list of features": ('{"type": "FeatureCollection", "features": {}}', "has no list of features"),
    "NaN": (FEATURES.replace("1200", "NaN"), "holds NaN"),
    "two households": (FEATURES.replace('"dwelling"', '"households": 2, "dwelling"'), "'households' twice"),
    "a nest": ('{"type":' + "[" * 100_000, "nested too deeply"),
    "an endless integer": (FEATURES.replace("1200", "9" * 5000), "a number too long"),
    "an unknown CRS": (UNKNOWN_CRS, "names an unknown CRS: EPSG:999999"),
    "a linked CRS": (CRS_LINK, "has a crs member that is not understood"),
}


@pytest.mark.parametrize(("text", "message"), TEXTS.values(), ids=TEXTS.keys())
def test_texts_that_are_no_geojson_are_refused(text, message, tmp_path):
    (tmp_path / "villages.geojson").write_text(text, "utf-8")
    assert message in the_error(tmp_path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"SQLite format 3\x00" + bytes(2000), "is a damaged GeoPackage"),
        (b"PAR1 and then nothing", "is a truncated Parquet file"),
        (b"PAR1" + bytes(50) + b"PAR1", "is a damaged GeoParquet"),
        (b"PK\x03\x04 not a zip", "is a broken workbook"),
        (b"\xd0\xcf\x11\xe0" + bytes(50), "is an old .xls workbook"),
        (b"\x00\x00\x27\x0a" + bytes(96), "its .shx file is missing"),
        ("村名,户数".encode("utf-16"), "is UTF-16 text"),
        (b"\xff\xd8\xff\xe0 picture", "is not a GeoJSON"),
        (FEATURES.encode().replace(b"0042", b"\xb9\xd8"), "is not UTF-8"),
    ],
)
def test_bytes_that_are_no_layer_are_refused(data, message, tmp_path):
    (tmp_path / "villages.geojson").write_bytes(data)
    assert message in the_error(tmp_path)


@pytest.mark.parametrize(
    "path",
    ["http://host/villages.geojson", "/vsicurl/http://host/v.geojson", "/vsizip/a.zip/v.shp", "", "a\x00b"],
)
def test_addresses_are_refused(path):
    assert "is not a path" in the_error(path)


def test_inline_text_is_refused():
    assert "is not a path" in the_error(FEATURES)


def test_a_missing_path_is_said(tmp_path):
    assert "no such file or folder" in the_error(tmp_path / "nothing.geojson")
    assert "layers folder" in the_error(county(tmp_path), layers_dir=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "no villages layer in the folder" in the_error(tmp_path / "empty")


def test_what_is_no_regular_file_is_refused(tmp_path):
    folder = county(tmp_path)
    (folder / "roads.geojson").unlink()
    (folder / "roads.geojson").symlink_to(folder / "gone.geojson")
    assert "roads.geojson: link to a file that is not there" in the_error(folder)
    (folder / "roads.geojson").unlink()
    os.mkfifo(folder / "roads.geojson")
    assert "is not a regular file" in the_error(folder)
    (folder / "roads.geojson").unlink()
    (folder / "roads.geojson").mkdir()
    assert "is not a regular file" in the_error(folder)


def test_a_device_is_no_policy(tmp_path):
    assert "is not a regular file" in the_error(county(tmp_path), policy="/dev/zero")


def test_large_files_are_refused_before_they_are_read(tmp_path):
    folder = county(tmp_path)
    with (folder / "roads.geojson").open("r+b") as file:
        file.truncate(sniff.MAX_BYTES + 1)
    assert "is larger than 256 MB" in the_error(folder)


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    write_xlsx(tmp_path / "villages.xlsx", [HEADER, *rows()])
    with zipfile.ZipFile(tmp_path / "villages.xlsx", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", bytes(sniff.MAX_UNPACKED))
    assert (tmp_path / "villages.xlsx").stat().st_size < 2**20
    assert "is larger than 64 MB when unpacked" in the_error(tmp_path, datum="wgs84")


def test_another_zip_is_no_workbook(tmp_path):
    with zipfile.ZipFile(tmp_path / "villages.xlsx", "w") as archive:
        archive.writestr("doc.kml", "<kml/>")
    assert "is a zip archive, not a workbook" in the_error(tmp_path)


# --- names of files ------------------------------------------------------------------------------------


def test_misspelt_and_foreign_layers_do_not_vanish(tmp_path):
    folder = county(tmp_path)
    (folder / "heat_mains.geojson").rename(folder / "heat_main.geojson")
    assert "unknown layer 'heat_main'; did you mean 'heat_mains'?" in the_error(folder)
    (folder / "heat_main.geojson").unlink()
    (folder / "Gas_Mains.geojson").write_text("{}")
    assert "did you mean 'gas_mains'?" in the_error(folder)
    (folder / "Gas_Mains.geojson").unlink()
    (folder / "gas_mains.kml").write_text("<kml/>")
    assert ".kml files are not read" in the_error(folder)
    (folder / "gas_mains.kml").unlink()
    (folder / "gas_mains.dbf").write_text("x")
    assert "its gas_mains.shp is missing" in the_error(folder)
    (folder / "gas_mains.dbf").unlink()
    (folder / "polcy.toml").write_text("")
    assert "unknown policy file; did you mean 'policy.toml'?" in the_error(folder)


def test_a_stale_copy_beside_the_layer_is_only_said(tmp_path):
    folder = county(tmp_path)
    write_json(folder / "villages_2.geojson", collection())
    (folder / "notes.csv").write_text("anything")
    (folder / "README.md").write_text("anything")
    (note,) = read_county(folder).notes
    assert (note.severity, note.file) == ("warning", "villages_2.geojson")


def test_two_files_of_one_layer_are_refused(tmp_path):
    folder = county(tmp_path)
    write_csv(folder / "villages.csv", [HEADER, *rows()])
    assert "several files for one layer: villages.csv, villages.geojson" in the_error(folder)


def test_a_layer_inside_and_beside_a_geopackage_is_refused(tmp_path):
    folder = county(tmp_path)
    for stem in ("villages", "roads"):
        gpd.read_file(folder / f"{stem}.geojson").to_file(folder / "villages.gpkg", layer=stem)
    (folder / "villages.geojson").unlink()
    assert "several files for one layer" in the_error(folder)


def test_a_misspelt_layer_inside_a_geopackage_is_named(tmp_path):
    frame().to_file(tmp_path / "villages.gpkg", layer="villages")
    road = gpd.GeoDataFrame(geometry=[line((0, 0), (0.01, 0))], crs=4326)
    road.to_file(tmp_path / "villages.gpkg", layer="road")
    assert "unknown layer 'road'; did you mean 'roads'?" in the_error(tmp_path)


def test_a_geopackage_without_the_layer_says_what_it_holds(tmp_path):
    for layer in ("a", "b"):
        frame().to_file(tmp_path / "villages.gpkg", layer=layer)
    assert "holds no layer 'villages'; it holds a, b" in the_error(tmp_path)


# --- broken binary formats -----------------------------------------------------------------------------


@pytest.fixture
def shp(tmp_path):
    frame().rename(columns={"floor_area_m2": "floor_area"}).to_file(
        tmp_path / "villages.shp", encoding="UTF-8"
    )
    return tmp_path


@pytest.mark.parametrize("part", ["shp", "shx", "dbf"])
def test_a_truncated_shapefile_is_refused(part, shp):
    data = (shp / f"villages.{part}").read_bytes()
    (shp / f"villages.{part}").write_bytes(data[: len(data) // 2])
    assert "truncated" in the_error(shp) or "broken" in the_error(shp)


def test_a_shapefile_without_its_parts_is_refused(shp):
    (shp / "villages.dbf").unlink()
    assert "its .dbf file is missing" in the_error(shp)


def test_a_shapefile_whose_parts_disagree_is_refused(shp):
    other = shp / "other"
    other.mkdir()
    frame().drop(columns="floor_area_m2").iloc[:2].to_file(other / "villages.shp")
    (shp / "villages.dbf").write_bytes((other / "villages.dbf").read_bytes())
    assert "has 4 shapes in the .shx and 2 rows in the .dbf" in the_error(shp)


def test_a_shapefile_whose_text_is_not_what_its_cpg_says_is_refused(tmp_path):
    frame().drop(columns="floor_area_m2").to_file(tmp_path / "villages.shp", encoding="GB18030")
    (tmp_path / "villages.cpg").write_text("UTF-8")
    assert "its .dbf is not UTF-8, as its .cpg says" in the_error(tmp_path)
    (tmp_path / "villages.cpg").write_text("ISO-8859-1")
    assert "its .dbf is not ISO-8859-1, as its .cpg says" in the_error(tmp_path)
    (tmp_path / "villages.cpg").write_text("KLINGON")
    assert "unknown encoding 'KLINGON'" in the_error(tmp_path)


def test_a_shapefile_with_an_unknown_prj_is_refused(shp):
    (shp / "villages.prj").write_text("地方坐标系")
    assert "its .prj names an unknown CRS" in the_error(shp)


@pytest.fixture
def gpkg(tmp_path):
    frame().to_file(tmp_path / "villages.gpkg", layer="villages")
    return tmp_path / "villages.gpkg"


def edited(path, *statements):
    with sqlite3.connect(path) as database:
        for name, _ in database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            database.execute(statement)
    database.close()
    return path


def test_a_truncated_geopackage_is_refused(gpkg):
    data = gpkg.read_bytes()
    gpkg.write_bytes(data[: len(data) // 2])
    assert "damaged GeoPackage" in the_error(gpkg)


def test_another_database_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "villages.gpkg") as database:
        database.execute("CREATE TABLE villages (a)")
    database.close()
    assert "is an SQLite database but not a GeoPackage" in the_error(tmp_path)


def test_a_view_is_not_run(gpkg):
    edited(gpkg, "ALTER TABLE villages RENAME TO t", "CREATE VIEW villages AS SELECT * FROM t",
           "UPDATE gpkg_geometry_columns SET table_name = 'villages'")  # fmt: skip
    assert "is not a table" in the_error(gpkg)


def test_a_broken_geometry_in_a_geopackage_is_named(gpkg):
    edited(gpkg, "UPDATE villages SET geom = x'00' WHERE village_id = '0042'")
    assert "geometry cannot be read at row 4" in the_error(gpkg)


def test_an_unfinished_geopackage_is_refused(gpkg):
    (gpkg.parent / "villages.gpkg-wal").write_bytes(b"changes")
    assert "is open in another program" in the_error(gpkg)


def test_an_unknown_srs_in_a_geopackage_is_refused(gpkg):
    edited(gpkg, "UPDATE gpkg_geometry_columns SET srs_id = 12345")
    assert "names an unknown CRS (srs_id 12345)" in the_error(gpkg)


def test_parquet_without_geometry_is_refused(tmp_path):
    pd.DataFrame(frame().drop(columns="geometry")).to_parquet(tmp_path / "villages.parquet")
    assert "is a Parquet file without geometry" in the_error(tmp_path)


def test_large_integers_keep_every_digit(tmp_path):
    long = frame().assign(village_id=[64030210020300001 + i for i in range(4)])
    long.to_file(tmp_path / "villages.gpkg")
    found = read_county(tmp_path).villages["village_id"].tolist()
    assert found == ["64030210020300001", "64030210020300002", "64030210020300003", "64030210020300004"]
    (tmp_path / "villages.gpkg").unlink()
    long.astype({"village_id": float}).to_file(tmp_path / "villages.gpkg")
    assert "village_id has lost digits" in str(errors(tmp_path)[0])


def test_names_are_printed_so_that_a_terminal_is_safe(tmp_path):
    features = village_features()
    features[1]["properties"] |= {"name": "\x1b[2J[red]", "households": -1}
    write_json(tmp_path / "villages.geojson", collection(*features))
    text = "\n".join(map(str, check_county(tmp_path)))
    assert "\x1b" not in text
    assert "households must be" in text


def test_a_shifted_layer_is_not_passed_off_as_true(tmp_path):
    """GCJ-02 places read as they are lie some 400 m off: only the declaration brings them home."""
    write_csv(tmp_path / "villages.csv", [HEADER, *rows(shifted("gcj02"))])
    believed = read_county(tmp_path, datum="wgs84").villages.geometry
    told = read_county(tmp_path, datum="gcj02").villages.geometry
    assert believed.distance(told).between(350, 450).all()
    assert len(PLACES) == len(told)
