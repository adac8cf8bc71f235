"""Styles and project of a plan for QGIS: where QGIS looks for them, in the colours of the coverage map."""

from __future__ import annotations

import io
import re
import sqlite3
import tomllib
import zipfile
from contextlib import closing
from dataclasses import replace
from importlib import resources
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import geopandas as gpd
import pyogrio
import pytest

from geoplan.columns import LAYER_GEOMETRY
from geoplan.folder import read_plan, write_plan
from geoplan.io.geopackage import layer_names
from geoplan.planner import assign
from geoplan.qgis import project, styles
from geoplan.qgis.project import LAYER_ID
from tests import worlds_map
from tests.worlds import corridor

DATA = resources.files("geoplan").joinpath("data")
LOOKS = tomllib.loads(DATA.joinpath("qgis.toml").read_text("utf-8"))
ROUTES = tomllib.loads(DATA.joinpath("style.toml").read_text("utf-8"))["routes"]


@pytest.fixture(scope="module")
def made():
    return worlds_map.plan(n_villages=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_plan(
        assign(corridor([300, 900, 0], capacity_mw=11.0)), tmp_path_factory.mktemp("q") / "plan"
    )


def rows(folder, query):
    with closing(sqlite3.connect(folder / "plan.gpkg")) as base:
        return base.execute(query).fetchall()


def frames(plan):
    return {n: getattr(plan, n) for n in ("villages", "options", "links", "sources")} | dict(plan.layers)


def parsed(text):
    return ET.fromstring(text.partition("\n")[2])


def rgb(colour):
    return ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5)) + ",255"


def test_every_table_that_holds_anything_has_a_default_style_where_qgis_looks(folder):
    plan = read_plan(folder)
    found = rows(
        folder,
        "SELECT f_table_name, f_geometry_column, f_table_catalog, f_table_schema, useAsDefault, styleQML "
        "FROM layer_styles",
    )
    assert {name for name, *_ in found} == {name for name, frame in frames(plan).items() if len(frame)}
    assert len({name for name, *_ in found}) == len(found)
    for name, geometry, catalog, schema, default, look in found:
        assert (catalog, schema, default) == ("", "", 1)
        assert geometry == ("geom" if isinstance(frames(plan)[name], gpd.GeoDataFrame) else "")
        assert parsed(look).tag == "qgis"


def test_the_tables_are_registered_as_qgis_does(folder):
    kinds = dict(rows(folder, "SELECT table_name, data_type FROM gpkg_contents"))
    assert kinds["layer_styles"] == "attributes"
    assert "qgis_projects" not in kinds
    extended = {name for (name,) in rows(folder, "SELECT DISTINCT table_name FROM gpkg_extensions")}
    assert not extended & {"layer_styles", "qgis_projects"}
    assert rows(folder, "PRAGMA foreign_key_check") == []


def test_other_readers_meet_the_plan_as_before(folder):
    listed = [name for name, _ in pyogrio.list_layers(folder / "plan.gpkg")]
    assert listed[0] == "villages"
    assert "layer_styles" not in layer_names(folder / "plan.gpkg")
    assert len(gpd.read_file(folder / "plan.gpkg")) == 3
    assert set(frames(read_plan(folder))) == set(listed) - {"layer_styles"}


def test_a_style_that_was_changed_in_qgis_leaves_the_plan_readable(tmp_path):
    folder = write_plan(assign(corridor([300])), tmp_path / "plan")
    with closing(sqlite3.connect(folder / "plan.gpkg")) as base:
        base.execute("UPDATE layer_styles SET styleQML = '', update_time = '2030-01-01T00:00:00Z'")
        base.execute("DELETE FROM qgis_projects")
        base.commit()
    assert len(read_plan(folder).villages) == 1


def legend(text):
    """Label and properties of the symbols of every class."""
    drawn = parsed(text).find("renderer-v2")
    symbols = {s.get("name"): s for s in drawn.iter("symbol")}
    return {
        c.get("value"): (c.get("label"), [p.get("v") for p in symbols[c.get("symbol")].iter("prop")])
        for c in drawn.iter("category")
    }


def test_villages_have_the_colours_and_names_of_their_routes(made):
    found = legend(styles(made)["villages"])
    assert list(found) == [route for route in ROUTES if (made.villages["route"] == route).any()]
    for route, (label, props) in found.items():
        assert label == ROUTES[route]["zh"]
        assert rgb(ROUTES[route]["colour"]) in props


def test_new_pipes_have_the_colours_of_their_routes_and_heat_pipes_that_of_their_loading(made):
    links = made.links
    assert links.loc[links["route"] == "district_heating", "loading"].notna().any()
    found = legend(styles(made)["links"])
    assert rgb(ROUTES["gas"]["colour"]) in found["gas"][1]
    classes = {one["id"]: one for one in LOOKS["loading"]}
    for key in ("low", "middle", "high"):
        label, props = found[f"district_heating {key}"]
        assert label.startswith("集中供暖 · 负载率")
        assert rgb(classes[key]["colour"]) in props
    bare = replace(made, links=links.assign(loading=float("nan")))
    assert found["gas"] == legend(styles(bare)["links"])["gas"]
    assert rgb(ROUTES["district_heating"]["colour"]) in legend(styles(bare)["links"])["district_heating"][1]


def test_the_signs_of_the_layers_are_those_of_the_map():
    """One colour of the file that the page does not know would be another map."""
    names = ("webmap/symbols.js", "webmap/pipes.js", "style.toml")
    page = "".join(DATA.joinpath(name).read_text("utf-8") for name in names)
    short = page.lower().replace('"#fff"', '"#ffffff"')
    colours = set(re.findall(r"#[0-9a-f]{6}", DATA.joinpath("qgis.toml").read_text("utf-8")))
    assert colours
    assert {c for c in colours if c not in short} == set()


def test_expressions_name_only_columns_that_are_there(made):
    for name, text in styles(made).items():
        expressions = [o.get("value") for o in parsed(text).iter("Option") if o.get("name") == "expression"]
        expressions += [t.get("fieldName") for t in parsed(text).iter("text-style")]
        columns = {c for e in expressions for c in re.findall(r'"(\w+)"', e)}
        assert columns <= set(frames(made)[name].columns), name
        for expression in expressions:
            assert expression.count("(") == expression.count(")")
            assert 'CASE "' not in expression  # QGIS knows no CASE with a subject


def test_villages_without_the_columns_that_may_be_absent_are_drawn(made):
    bare = replace(made, villages=made.villages.drop(columns=["provenance", "dwelling"]))
    assert "provenance" not in styles(bare)["villages"]


def test_made_data_is_said_in_the_name_of_its_layer_and_drawn_dashed(made):
    names = {
        n.get("id"): n.get("name") for n in parsed(project(made, file="p.gpkg")).iter("layer-tree-layer")
    }
    assert names[LAYER_ID.format("heat_mains")] == "供热管网（含示例数据）"
    assert names[LAYER_ID.format("rivers")] == "水系"
    villages = parsed(styles(made)["villages"])
    rules = {o.get("name"): o.find("Option[@name='expression']").get("value") for o in villages.iter("Option")
             if o.find("Option[@name='expression']") is not None}  # fmt: skip
    assert "illustrative" in rules["outlineStyle"]
    assert "dash" in rules["outlineStyle"]


def test_mains_are_drawn_apart_by_status(made):
    drawn = parsed(styles(made)["heat_mains"]).find("renderer-v2")
    assert {c.get("value"): c.get("label") for c in drawn.iter("category")} == {
        "existing": "现状",
        "planned": "规划",
    }
    dashes = [
        {p.get("k"): p.get("v") for p in symbol.iter("prop")}["use_custom_dash"]
        for symbol in drawn.iter("symbol")
    ]
    assert dashes == ["0", "1"]


def test_columns_have_their_chinese_names_and_coded_values_their_words(made):
    villages = parsed(styles(made)["villages"])
    names = {a.get("field"): a.get("name") for a in villages.iter("alias")}
    assert names["households"].startswith("改造户数")
    route = villages.find("fieldConfiguration/field[@name='route']/editWidget")
    assert route.get("type") == "ValueMap"
    assert {o.get("value"): o.get("name") for o in route.iter("Option")}["gas"] == "煤改气"


def test_the_project_groups_every_layer_once_and_refers_to_the_file_beside(folder):
    plan = read_plan(folder)
    ((name, metadata, content),) = rows(folder, "SELECT name, metadata, content FROM qgis_projects")
    assert name == plan.policy.title
    assert "last_modified_time" in metadata
    with zipfile.ZipFile(io.BytesIO(bytes.fromhex(content))) as archive:
        (inside,) = archive.namelist()
        assert inside.endswith(".qgs")
        root = parsed(archive.read(inside).decode())
    groups = {
        g.get("name"): [n.get("source") for n in g]
        for g in root.find("layer-tree-group").findall("layer-tree-group")
    }
    assert list(groups)[:3] == ["方案", "热网", "燃气"]
    sources = [source for group in groups.values() for source in group]
    held = {name for name, frame in frames(plan).items() if len(frame)}
    assert sorted(sources) == sorted(f"./plan.gpkg|layername={name}" for name in held)
    layers = {layer.find("id").text: layer.find("datasource").text for layer in root.iter("maplayer")}
    assert sorted(layers.values()) == sorted(sources)
    # QGIS gives a layer with a short id another one, and the tree loses it.
    assert min(map(len, layers)) > 10
    assert {n.get("id") for n in root.iter("layer-tree-layer")} == set(layers)
    assert root.find("projectCrs/spatialrefsys/authid").text == f"EPSG:{plan.villages.crs.to_epsg()}"
    assert root.find("properties/SpatialRefSys/ProjectionsEnabled").text == "1"


def test_every_layer_of_a_county_has_a_group():
    grouped = [name for group in LOOKS["groups"] for name in group["tables"]]
    assert sorted(grouped) == sorted([*LAYER_GEOMETRY, "options", "links", "sources"])


def test_the_same_plan_gives_the_same_text(made):
    assert styles(made) == styles(worlds_map.plan(n_villages=60))
    assert project(made, file="a.gpkg") == project(worlds_map.plan(n_villages=60), file="a.gpkg")


def test_english_reads_english(made):
    text = project(made, file="a.gpkg", lang="en")
    assert "Heat network" in text
    assert "made data" in text


@pytest.mark.parametrize("title", ["<b>\"&'县", "a\x00b\x1b县", "]]><x>", "县😀"])
def test_a_hostile_title_stays_text(made, title):
    hostile = replace(made, policy=SimpleNamespace(title=title, year=2022))
    said = parsed(project(hostile, file="plan.gpkg")).find("title").text
    assert said == "".join(c for c in title if c.isprintable())


def test_a_plan_without_pipes_has_no_layer_of_them(made):
    bare = replace(made, links=made.links.iloc[:0])
    assert "links" not in styles(bare)
    assert "layername=links" not in project(bare, file="plan.gpkg")
