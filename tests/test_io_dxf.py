"""Pipe plans as AutoCAD DXF: the same plan as with GeoJSON, or an error that names every layer."""

from __future__ import annotations

import io
import time

import ezdxf
import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer

import geoplan
from geoplan.errors import InputError
from geoplan.io import check_county, read_county
from geoplan.io import dxf as module
from geoplan.io.dxf import FLATTEN_M
from tests.worlds_io import LAT, LON, county, errors, line, the_error, write_json

MAINS = (
    ("现状供热管线-DN500", line((0, 0.005), (0.02, 0.005), (0.03, 0.0))),
    ("规划热网 dn300", line((0.03, 0.0), (0.05, -0.015))),
)
FEATURES = ({"status": "existing", "dn_mm": 500}, {"status": "planned", "dn_mm": 300})
CODE = "EPSG:4544"
UTF8 = {"R2007", "R2010", "R2018"}


def metric(shape, code=4544):
    forward = Transformer.from_crs(4326, code, always_xy=True)
    return shapely.transform(shape, lambda p: np.column_stack(forward.transform(p[:, 0], p[:, 1])))


def drawing(release="R2010", *, units=6):
    made = ezdxf.new(release)
    made.encoding = "utf-8" if release in UTF8 else "gbk"
    made.header["$INSUNITS"] = units
    return made


def add(made, layer, shape, *, scale=1.0):
    points = shapely.get_coordinates(shape) * scale
    made.modelspace().add_polyline2d(points, dxfattribs={"layer": layer})


def mains(release="R2010", *, units=6, scale=1.0, code=4544):
    made = drawing(release, units=units)
    for layer, shape in MAINS:
        add(made, layer, metric(shape, code), scale=scale)
    return made


def encoded(made):
    text = io.StringIO()
    made.write(text)
    return text.getvalue().encode("utf-8" if made.dxfversion >= "AC1021" else "gbk")


def with_dxf(folder, made, *, stem="heat_mains"):
    county(folder)
    (folder / f"{stem}.geojson").unlink()
    (folder / f"{stem}.dxf").write_bytes(made if isinstance(made, bytes) else encoded(made))
    return folder


def with_geojson(folder):
    county(folder)
    document = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": p, "geometry": shapely.geometry.mapping(shape)}
            for p, (_, shape) in zip(FEATURES, MAINS, strict=True)
        ],
    }
    write_json(folder / "heat_mains.geojson", document)
    return folder


def layer_of(folder, stem="heat_mains", **how):
    return read_county(folder, **{"crs": CODE, **how}).layers[stem]


def said(folder, severity="error", **how):
    return [str(p) for p in check_county(folder, **{"crs": CODE, **how}) if p.severity == severity]


@pytest.mark.parametrize("release", ["R12", "R2000", "R2004", "R2007", "R2018"])
def test_the_plan_is_that_of_the_same_pipes_in_geojson(release, tmp_path):
    wanted = geoplan.assign(read_county(with_geojson(tmp_path / "json")))
    found = geoplan.assign(read_county(with_dxf(tmp_path / "dxf", mains(release)), crs=CODE))
    for column in ("village_id", "route", "decision", "source_id", "reason"):
        assert found.villages[column].tolist() == wanted.villages[column].tolist(), column
    for column in ("connection_m", "annual_cost_cny"):
        np.testing.assert_allclose(found.villages[column], wanted.villages[column], rtol=1e-6, atol=0.01)
    here, there = (plan.layers["heat_mains"].sort_values("dn_mm") for plan in (found, wanted))
    assert here[["status", "dn_mm"]].values.tolist() == there[["status", "dn_mm"]].values.tolist()
    np.testing.assert_allclose(here.length, there.length, rtol=1e-6)


def test_the_name_of_the_layer_is_its_provenance(tmp_path):
    made = mains()
    add(made, "现状（示意）", metric(line((0.0, 0.005), (0.0, 0.01))))
    found = layer_of(with_dxf(tmp_path, made)).set_index("dn_mm", drop=False)
    assert found.loc[500, "provenance"] == "DXF: 现状供热管线-DN500"
    assert found[found["dn_mm"].isna()]["provenance"].iloc[0] == "illustrative, DXF: 现状（示意）"


def test_old_chinese_text_is_read_by_the_code_page_of_its_header(tmp_path):
    data = encoded(mains("R2000"))
    assert b"ANSI_936" in data
    assert "现状".encode("gbk") in data
    assert sorted(layer_of(with_dxf(tmp_path, data))["status"]) == ["existing", "planned"]


def test_escaped_characters_are_chinese_too(tmp_path):
    data = encoded(mains("R2000")).replace("现状".encode("gbk"), b"\\U+73B0\\U+72B6")
    data = data.replace("规划".encode("gbk"), b"\\U+89C4\\U+5212").replace(b"ANSI_936", b"ANSI_1252")
    folder = with_dxf(tmp_path, data.decode("gbk").encode("ascii", "ignore"))
    assert sorted(layer_of(folder)["status"]) == ["existing", "planned"]


def test_the_older_escapes_are_chinese_too(tmp_path):
    data = encoded(mains("R2000")).replace("现状".encode("gbk"), b"\\M+5CFD6\\M+5D7B4")
    assert sorted(layer_of(with_dxf(tmp_path, data))["status"]) == ["existing", "planned"]


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_a_drawing_without_a_header_is_read_as_other_chinese_tables_are(encoding, tmp_path):
    """What other programs export is often no more than this."""
    pairs = ["0", "SECTION", "2", "ENTITIES"]
    for layer, shape in MAINS:
        (x0, y0), *_, (x1, y1) = metric(shape).coords
        pairs += ["0", "LINE", "8", layer, "10", f"{x0}", "20", f"{y0}", "11", f"{x1}", "21", f"{y1}"]
    text = "\r\n".join([*pairs, "0", "ENDSEC", "0", "EOF", ""])
    found = layer_of(with_dxf(tmp_path, text.encode(encoding)))
    assert sorted(found["provenance"]) == sorted(f"DXF: {layer}" for layer, _ in MAINS)


def test_text_in_another_encoding_than_the_header_says_is_not_guessed(tmp_path):
    folder = with_dxf(tmp_path, encoded(mains("R2000")).replace(b"ANSI_936", b"ANSI_1252"))
    assert "save" in the_error(folder, crs=CODE)
    assert "DXF of 2007" in the_error(folder, crs=CODE)


def test_curves_are_flattened_within_the_tolerance(tmp_path):
    made, centre, radius = drawing(), metric(shapely.Point(LON, LAT)), 400.0
    space = made.modelspace()
    space.add_arc((centre.x, centre.y), radius, 0, 90, dxfattribs={"layer": "现状"})
    bulge = np.tan(np.radians(90) / 4)
    points = [(centre.x + radius, centre.y, bulge), (centre.x, centre.y + radius, 0)]
    space.add_lwpolyline(points, format="xyb", dxfattribs={"layer": "规划"})
    found = layer_of(with_dxf(tmp_path, made))
    assert sorted(found["status"]) == ["existing", "planned"]
    for shape in found.geometry:
        corners = shapely.get_coordinates(shape)
        middles = (corners[1:] + corners[:-1]) / 2
        for points in (corners, middles):
            distance = np.hypot(*(points - (centre.x, centre.y)).T)
            assert np.abs(distance - radius).max() <= FLATTEN_M + 0.002
        assert shape.length == pytest.approx(np.pi / 2 * radius, rel=1e-4)


def test_a_spline_and_a_plain_line_are_pipes(tmp_path):
    made, at = drawing(), metric(shapely.Point(LON, LAT))
    places = [(at.x, at.y), (at.x + 200, at.y + 300), (at.x + 500, at.y)]
    made.modelspace().add_spline(places, dxfattribs={"layer": "现状"})
    made.modelspace().add_line(places[0], places[2], dxfattribs={"layer": "现状"})
    lengths = sorted(layer_of(with_dxf(tmp_path, made)).length)
    assert lengths[0] == pytest.approx(500, abs=0.01)
    assert 720 < lengths[1] < 1100


def test_blocks_are_exploded_in_their_place_and_layer(tmp_path):
    made, at = drawing(), metric(shapely.Point(LON, LAT))
    part = made.blocks.new("管段")
    part.add_line((0, 0), (100, 0))
    part.add_line((0, 0), (0, 50), dxfattribs={"layer": "规划"})
    outer = made.blocks.new("外")
    outer.add_blockref("管段", (0, 0), dxfattribs={"rotation": 90})
    made.modelspace().add_blockref("外", (at.x, at.y), dxfattribs={"layer": "现状DN200"})
    found = layer_of(with_dxf(tmp_path, made)).sort_values("status")
    assert found["status"].tolist() == ["existing", "planned"]
    assert found["dn_mm"].tolist()[0] == 200
    np.testing.assert_allclose(found.iloc[0].geometry.coords[-1], (at.x, at.y + 100), atol=0.01)


@pytest.mark.parametrize(("units", "scale"), [(6, 1.0), (4, 1000.0), (7, 0.001), (0, 1.0)])
def test_the_stated_unit_is_honoured(units, scale, tmp_path):
    found = layer_of(with_dxf(tmp_path, mains(units=units, scale=scale)))
    want = sorted(metric(shape).length for _, shape in MAINS)
    np.testing.assert_allclose(sorted(found.length), want, rtol=1e-6)


def test_a_drawing_without_a_unit_says_how_it_was_read(tmp_path):
    assert any("taken as metres" in text for text in said(with_dxf(tmp_path, mains(units=0)), "repair"))


@pytest.mark.parametrize(("units", "scale"), [(4, 1.0), (1, 1.0), (0, 1000.0)])
def test_a_unit_that_the_coordinates_deny_is_asked_for(units, scale, tmp_path):
    found = the_error(with_dxf(tmp_path, mains(units=units, scale=scale)), crs=CODE)
    assert f"$INSUNITS {units}" in found
    assert "set the true unit" in found


def test_a_drawing_has_a_crs_only_by_the_users_word_or_its_prj(tmp_path):
    folder = with_dxf(tmp_path, mains())
    assert "no CRS says which; pass --crs" in the_error(folder)
    (folder / "heat_mains.prj").write_text(CRS.from_epsg(4544).to_wkt("WKT1_ESRI"), "utf-8")
    found = read_county(folder)
    assert sorted(found.layers["heat_mains"]["status"]) == ["existing", "planned"]
    assert {"heat_mains.dxf", "heat_mains.prj"} <= set(found.files)
    (folder / "heat_mains.prj").write_text("PROJCS[nonsense", "utf-8")
    assert "its .prj names an unknown CRS" in the_error(folder)


def test_a_zone_prefixed_drawing_keeps_its_zone(tmp_path):
    found = layer_of(with_dxf(tmp_path, mains(code=4523)), crs="EPSG:4523")
    want = sorted(metric(shape).length for _, shape in MAINS)
    np.testing.assert_allclose(sorted(found.length), want, rtol=1e-6)


def test_degrees_take_their_datum(tmp_path):
    made = drawing(units=0)
    for layer, shape in MAINS:
        add(made, layer, shape)
    found = layer_of(with_dxf(tmp_path, made), crs=None, datum={"heat_mains": "wgs84"})
    np.testing.assert_allclose(sorted(found.length), sorted(metric(s).length for _, s in MAINS), rtol=1e-6)


def test_all_layers_that_say_no_status_are_named_at_once_and_none_is_dropped(tmp_path):
    made = mains()
    for layer in ("热力管", "0", "图框", "现状改规划"):
        add(made, layer, metric(line((0, 0), (0.001, 0))))
    (found,) = said(with_dxf(tmp_path, made))
    for layer in ("热力管", "'0'", "图框", "现状改规划", "现状, 已建", "规划, 新建"):
        assert layer in found
    with pytest.raises(InputError):
        read_county(tmp_path, crs=CODE)


def test_what_the_drawing_does_not_show_is_left_out_and_said(tmp_path):
    made = mains()
    for layer in ("旧管", "现状草稿"):
        add(made, layer, metric(line((0, 0), (0.001, 0))))
    made.layers.add("旧管").freeze()
    made.layers.add("现状草稿").off()
    add(made, "Defpoints", metric(line((0, 0), (0.002, 0))))
    folder = with_dxf(tmp_path, made)
    assert len(layer_of(folder)) == 2
    (found,) = [text for text in said(folder, "warning") if "does not show" in text]
    for part in ("旧管", "frozen", "现状草稿", "off", "Defpoints", "1 lines"):
        assert part in found


def test_a_block_on_a_frozen_layer_and_an_invisible_line_are_left_out(tmp_path):
    made = mains()
    block = made.blocks.new("旧")
    block.add_line((500_000, 4_200_000), (500_100, 4_200_000), dxfattribs={"layer": "现状供热管线"})
    for name, state in (("图框", "freeze"), ("暗", "off")):
        getattr(made.layers.add(name), state)()
        made.modelspace().add_blockref("旧", (0, 0), dxfattribs={"layer": name})
    made.modelspace().add_blockref("旧", (0, 50), dxfattribs={"layer": "0", "invisible": 1})
    line_ = made.modelspace().add_line(
        (500_000, 4_200_000), (500_100, 4_200_100), dxfattribs={"layer": "新建供热"}
    )
    line_.dxf.invisible = 1
    folder = with_dxf(tmp_path, made)
    # A block on a layer that is only off is shown as far as its own layers are.
    assert len(layer_of(folder)) == len(MAINS) + 1
    warnings = "\n".join(said(folder, "warning"))
    assert "'图框' (frozen, 1 lines)" in warnings
    assert "2 invisible lines" in warnings


def test_copies_of_an_empty_block_are_counted_before_they_are_made(tmp_path):
    made = mains()
    made.blocks.new("空")
    copies = made.modelspace().add_blockref("空", (0, 0))
    copies.dxf.row_count = copies.dxf.column_count = 1000
    copies.dxf.row_spacing = copies.dxf.column_spacing = 1.0
    started = time.monotonic()
    assert "holds more than 300,000 objects" in the_error(with_dxf(tmp_path, made), crs=CODE)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("units", [8, 21, 24])
def test_a_unit_that_nobody_uses_is_asked_for(units, tmp_path):
    found = the_error(with_dxf(tmp_path, mains(units=units)), crs=CODE)
    assert f"$INSUNITS {units}" in found
    assert "says its unit is" in found
    assert "metres are INSUNITS 6" in found


@pytest.mark.parametrize("name", ["DN500", "dn-500", "ＤＮ：500", "dn_500"])
def test_a_diameter_is_read_as_it_is_written(name, tmp_path):
    made = drawing()
    add(made, f"现状供热 {name}", metric(MAINS[0][1]))
    assert layer_of(with_dxf(tmp_path, made))["dn_mm"].tolist() == [500]


def test_texts_are_left_out_with_a_word_and_foreign_objects_are_refused(tmp_path):
    made, at = mains(), metric(shapely.Point(LON, LAT))
    made.modelspace().add_text("DN500", dxfattribs={"layer": "现状供热管线-DN500"})
    made.modelspace().add_circle((at.x, at.y), 1, dxfattribs={"layer": "阀门"})
    folder = with_dxf(tmp_path, made)
    assert len(layer_of(folder)) == 2
    (found,) = [text for text in said(folder, "warning") if "no lines" in text]
    assert "1 TEXT on '现状供热管线-DN500'" in found
    assert "1 CIRCLE on '阀门'" in found
    made.modelspace().add_mline([(at.x, at.y), (at.x + 9, at.y)], dxfattribs={"layer": "现状"})
    (tmp_path / "heat_mains.dxf").write_bytes(encoded(made))
    assert "1 MLINE on '现状'" in the_error(tmp_path, crs=CODE)


def test_blank_layers_and_a_blank_drawing(tmp_path):
    made = mains()
    made.layers.add("空层")
    assert len(layer_of(with_dxf(tmp_path / "a", made))) == 2
    assert "holds no rows" in the_error(with_dxf(tmp_path / "b", drawing()), crs=CODE)


def test_gas_mains_roads_and_a_boundary_are_read_too(tmp_path):
    box = metric(shapely.box(106.0, 37.8, 106.4, 38.1))
    ring = drawing()
    ring.modelspace().add_lwpolyline(
        shapely.get_coordinates(box)[:-1], close=True, dxfattribs={"layer": "县界"}
    )
    folder = with_dxf(tmp_path, ring, stem="boundary")
    gas, road = drawing(), drawing()
    add(gas, "规划中压燃气", metric(line((0, 0), (0.01, 0))))
    add(road, "道路中心线", metric(line((-0.04, 0), (0.06, 0))))
    (folder / "gas_mains.dxf").write_bytes(encoded(gas))
    (folder / "roads.geojson").unlink()
    (folder / "roads.dxf").write_bytes(encoded(road))
    found = read_county(folder, crs=CODE).layers
    assert found["gas_mains"]["status"].tolist() == ["planned"]
    assert len(found["roads"]) == 1
    assert found["boundary"].geometry.iloc[0].area == pytest.approx(box.area, rel=1e-6)


def test_points_are_not_read_from_a_drawing(tmp_path):
    folder = county(tmp_path)
    (folder / "heat_sources.geojson").unlink()
    (folder / "heat_sources.dxf").write_bytes(encoded(mains()))
    assert "of which only lines are read" in the_error(folder, crs=CODE)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"AutoCAD Binary DXF\r\n\x1a\x00" + bytes(99), "is a binary DXF"),
        (b"AC1027\x00\x00\x00\x00" + bytes(99), "is a DWG drawing"),
        (b"0\nSECTION\n2\nHEADER\n", "is a damaged DXF"),
        (b"0\r\nSECTION\r\n2\r\nENTITIES\r\nx\r\n", "is a damaged DXF"),
        (b"0\nSECTION\n  2\nENTITIES\n0\nLINE\n8\nA\n10\nabc\n", "is a damaged DXF"),
        (b"no drawing at all", "is not a GeoJSON, GeoPackage"),
        (b"999\nx\n" * 5000, "is not a GeoJSON, GeoPackage"),
    ],
)
def test_what_is_no_text_dxf_is_refused(data, message, tmp_path):
    assert message in the_error(with_dxf(tmp_path, data), crs=CODE)


def test_a_cut_drawing_is_refused(tmp_path):
    whole = encoded(mains())
    for share in (0.3, 0.6, 0.9):
        folder = with_dxf(tmp_path / str(share), whole[: int(len(whole) * share)])
        assert errors(folder, crs=CODE), share


def test_a_dwg_beside_the_villages_is_not_left_out_in_silence(tmp_path):
    folder = county(tmp_path)
    (folder / "heat_mains.geojson").unlink()
    (folder / "heat_mains.dwg").write_bytes(b"AC1027\x00")
    assert "save the drawing as DXF" in the_error(folder)


def test_a_block_that_holds_itself_many_times_over_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_OBJECTS", 5_000)
    made = drawing()
    inner = made.blocks.new("b0")
    inner.add_line((0, 0), (1, 1))
    for level in range(1, 12):
        block = made.blocks.new(f"b{level}")
        for _ in range(10):
            block.add_blockref(f"b{level - 1}", (0, 0))
    made.modelspace().add_blockref("b11", (0, 0), dxfattribs={"layer": "现状"})
    assert "holds more than 5,000 objects" in the_error(with_dxf(tmp_path, made), crs=CODE)


def test_blocks_in_blocks_without_end_are_refused(tmp_path):
    made = drawing()
    made.blocks.new("a").add_blockref("b", (0, 0))
    made.blocks.new("b").add_blockref("a", (0, 0))
    made.modelspace().add_blockref("a", (0, 0), dxfattribs={"layer": "现状"})
    assert "nested more than" in the_error(with_dxf(tmp_path, made), crs=CODE)


def test_too_many_points_and_too_large_a_file_are_refused(tmp_path, monkeypatch):
    folder = with_dxf(tmp_path, mains())
    monkeypatch.setattr(module, "MAX_POINTS", 3)
    assert "has more than 3 points" in the_error(folder, crs=CODE)
    monkeypatch.setattr(module, "MAX_DXF_BYTES", 1000)
    assert "is larger than" in the_error(folder, crs=CODE)


def test_a_drawing_that_refers_to_another_is_refused(tmp_path):
    made = mains()
    made.add_xref_def("../secret.dwg", "外部")
    made.modelspace().add_blockref("外部", (0, 0), dxfattribs={"layer": "现状"})
    found = the_error(with_dxf(tmp_path, made), crs=CODE)
    assert "refers to other drawings: 外部" in found
    assert "bind them" in found
