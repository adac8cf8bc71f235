"""The still maps: every theme of every plan is drawn, says what it shows, and is the same twice."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import font_manager
from matplotlib.collections import PathCollection
from matplotlib.patches import Rectangle
from PIL import Image, ImageColor

from geoplan.errors import InputError
from geoplan.explain import route_label, style
from geoplan.staticmap import (
    THEMES,
    effects,
    fonts,
    ground,
    networks,
    outcomes,
    still_map,
    still_png,
    title_of,
    unwritable,
    write_still_maps,
)
from geoplan.staticmap.content import Label, Ticks
from geoplan.staticmap.labels import placed, touching
from geoplan.staticmap.view import A3, Paper, View
from tests.worlds_map import plan as world


@pytest.fixture(scope="module")
def plan():
    return world()


@pytest.fixture(scope="module")
def figures(plan):
    return {theme: still_map(plan, theme) for theme in THEMES}


def texts(figure) -> list[str]:
    return [t.get_text() for axes in figure.axes for t in axes.texts]


def said(figure) -> str:
    return "\n".join(texts(figure))


def rows(block) -> dict[str, tuple[str, ...]]:
    return {row.cells[0]: row.cells[1:] for row in block.rows}


def number(text: str) -> float:
    return float(text.replace(",", "").removesuffix("（A3）"))


def titled(parts, title: str):
    return next(part for part in parts if part.title == title)


# --- the sheet --------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", THEMES)
def test_a_sheet_has_everything_a_map_needs(figures, plan, theme):
    figure = figures[theme]
    assert figure.get_size_inches() * 25.4 == pytest.approx((420.0, 297.0))
    words = said(figure)
    for part in (
        title_of(plan, theme),
        plan.policy.title,
        "图例",
        "北",
        "1:180,000",
        " km",
        "底图",
    ):
        assert part in words
    assert "2000 国家大地坐标系 3° 带，中央经线 105°E (EPSG:4544)" in words
    assert "制图单位：" in words
    assert "待填" in words
    assert "工作底图，不作为划界依据" in words
    assert "另有 3 个村" in words


def test_another_paper_has_its_own_scale(plan):
    paper = Paper(300.0, 200.0)
    figure = still_map(plan, "routes", paper=paper)
    assert figure.get_size_inches() * 25.4 == pytest.approx((300.0, 200.0))
    metres = View(plan, paper=paper).frame.metres_per_mm
    assert metres > View(plan).frame.metres_per_mm
    assert f"1:{metres * 1000:,.0f}" in texts(figure)
    assert "A3" not in said(figure)


def test_all_themes_show_the_same_ground(plan, figures):
    frame = View(plan).frame
    located = plan.villages[~(plan.villages.geometry.isna() | plan.villages.is_empty)]
    west, south, east, north = frame.extent
    assert located.geometry.x.between(west, east).all()
    assert located.geometry.y.between(south, north).all()
    assert {tuple(f.axes[1].get_position().bounds) for f in figures.values()} == {
        tuple(figures["routes"].axes[1].get_position().bounds)
    }


def test_the_county_is_on_the_sheet_unless_villages_would_be_lost_in_it(plan):
    boundary = plan.layers["boundary"]
    west, south, east, north = View(plan).frame.extent
    least_x, least_y, most_x, most_y = boundary.total_bounds
    assert west <= least_x
    assert south <= least_y
    assert east >= most_x
    assert north >= most_y
    large = boundary.set_geometry(boundary.buffer(60_000))
    wide = View(replace(plan, layers=plan.layers | {"boundary": large})).frame
    assert wide == View(replace(plan, layers={})).frame


def test_towns_without_a_layer_stand_in_the_middle_of_their_villages(plan):
    view = View(replace(plan, layers={k: v for k, v in plan.layers.items() if k != "towns"}))
    own = view.villages[view.villages["town"] == "金积镇"]
    found = {label.text: label.xy for label in ground.towns(view)}
    assert set(found) == set(view.villages["town"])
    assert found["金积镇"] == pytest.approx((own.geometry.x.mean(), own.geometry.y.mean()))


def test_every_theme_counts_the_same_villages(plan):
    totals = set()
    for theme in (outcomes.routes, networks.gas, networks.heat, networks.grid):
        total = rows(titled(theme(View(plan)).legend, "村庄"))["合计"]
        totals.add((number(total[0]), number(total[1])))
    busy = plan.villages[plan.villages["households"] > 0]
    assert totals == {(len(busy), busy["households"].sum())}


def test_no_heading_stands_above_nothing(plan):
    bare = replace(plan, layers={}, links=plan.links.head(0), sources=plan.sources.head(0))
    for theme in THEMES:
        assert not {"管网与设施", "底图"} & set(texts(still_map(bare, theme)))


def test_the_scale_bar_is_as_long_as_it_says(plan, figures):
    frame = View(plan).frame
    assert frame.metres_per_mm == pytest.approx(180.0)
    sheet = figures["routes"].axes[0]
    boxes = [p for p in sheet.patches if isinstance(p, Rectangle)]
    below = [p for p in boxes if p.get_height() == pytest.approx(1.6) and p.get_y() > frame.box[3]]
    metres = sum(p.get_width() for p in below) * frame.metres_per_mm
    longest = next(t for t in texts(figures["routes"]) if t.endswith(" km"))
    assert metres == pytest.approx(float(longest.removesuffix(" km")) * 1000)


@pytest.mark.parametrize("theme", THEMES)
def test_no_text_leaves_the_sheet_or_lies_on_another(figures, theme):
    figure = figures[theme]
    figure.set_dpi(100)
    renderer = figure.canvas.get_renderer()
    boxes = []
    for text in figure.axes[0].texts:
        box = text.get_window_extent(renderer)
        boxes.append((box.x0, box.y0, box.x1, box.y1))
    found = np.array(boxes)
    wide, high = figure.get_size_inches() * 100
    assert found[:, 0].min() >= 0
    assert found[:, 2].max() <= wide
    assert found[:, 1].min() >= 0
    assert found[:, 3].max() <= high
    # A line of text has room above and below its letters; that may touch.
    slim = found + np.array([1.0, 3.0, -1.0, -3.0])
    on_each_other = [
        (i, j) for i in range(len(slim)) for j in np.flatnonzero(touching(slim, slim[i])) if j > i
    ]
    assert [
        (figure.axes[0].texts[i].get_text(), figure.axes[0].texts[j].get_text()) for i, j in on_each_other
    ] == []


def test_the_layers_are_drawn_with_one_collection_for_all_villages(figures, plan):
    for figure in figures.values():
        ground = figure.axes[1]
        assert len([c for c in ground.collections if isinstance(c, PathCollection)]) < 20
    drawn = sum(
        len(c.get_offsets()) for c in figures["years"].axes[1].collections if isinstance(c, PathCollection)
    )
    sources = plan.sources["route"].isin(("district_heating", "gas")).sum()
    assert drawn == len(plan.villages) - 3 + sources


def test_the_crowded_part_is_drawn_larger_beside_the_map(plan, figures):
    main, closer = View(plan).frame, figures["years"].axes[2]
    assert "局部放大 1:" in said(figures["years"])
    scale = next(t for t in texts(figures["years"]) if t.startswith("局部放大")).split(":")[1]
    assert number(scale) < main.metres_per_mm * 1000 / 1.9
    west, east = closer.get_xlim()
    assert west > main.box[2]
    assert east <= A3.width
    far = plan.villages[~(plan.villages.geometry.isna() | plan.villages.is_empty)].iloc[::40]
    assert len(still_map(replace(plan, villages=far), "years").axes) == 2


def test_marks_tell_the_routes_apart_without_colour(plan):
    view = View(plan)
    found = {layer.tick: layer for layer in outcomes.routes(view).layers if isinstance(layer, Ticks)}
    styles = {route: style()["routes"][route].get("mark") for route in plan.villages["route"].unique()}
    assert set(found) == {mark for mark in styles.values() if mark}
    assert len(set(styles.values())) == len(styles)
    gas = view.villages[(view.villages["route"] == "gas") & (view.villages["households"] > 0)]
    shown = {tuple(xy) for xy in found[styles["gas"]].xy}
    assert shown <= {(p.x, p.y) for p in gas.geometry}
    assert len(shown) > len(gas) / 2


# --- what is said is what the plan holds ----------------------------------------------------------------


def test_routes_are_counted_as_in_the_plan(plan):
    view = View(plan)
    table = rows(titled(outcomes.routes(view).legend, "村庄"))
    busy = plan.villages[plan.villages["households"] > 0]
    for route, own in busy.groupby("route"):
        villages, households, _ = table[route_label(route)]
        assert number(villages) == len(own)
        assert number(households) == own["households"].sum()
    assert number(table["合计"][0]) == len(busy)
    assert number(table["合计"][1]) == plan.villages["households"].sum()
    assert number(table["无改造任务"][0]) == (plan.villages["households"] == 0).sum()


def test_years_without_works_stand_in_the_table(plan):
    policy = SimpleNamespace(title="规划", year=2022, targets=SimpleNamespace(by_year={"2025": 300.0}))
    content = outcomes.years(View(replace(plan, policy=policy)))
    table = rows(content.legend[0])
    busy = plan.villages[plan.villages["households"] > 0]
    for year in (2022, 2023, 2024):
        own = busy[busy["year"] == year]
        assert [number(c) for c in table[f"{year} 年"]] == [
            len(own), own["households"].sum(), pytest.approx(own["capex_cny"].sum() / 1e4, abs=0.5)
        ]  # fmt: skip
    assert table["2025 年"] == ("0", "0", "0")
    assert title_of(replace(plan, policy=policy), "years") == "分年度实施图（2022—2025）"


def test_a_village_without_a_year_is_said(plan):
    villages = plan.villages.assign(year=plan.villages["year"].where(plan.villages.index > 20))
    table = rows(outcomes.years(View(replace(plan, villages=villages))).legend[0])
    undated = villages[villages["year"].isna() & (villages["households"] > 0)]
    assert number(table["未排年度"][0]) == len(undated) > 0


@pytest.mark.parametrize(
    ("theme", "route", "unit"), [("heat", "district_heating", "MW"), ("gas", "gas", "万m³/日")]
)
def test_sources_and_pipes_are_those_of_the_plan(plan, theme, route, unit):
    content = getattr(networks, theme)(View(plan))
    own = plan.sources[plan.sources["route"] == route]
    table = next(t for t in content.tables if t.unit.endswith(unit))
    over = 1e4 if route == "gas" else 1.0
    for _, source in own.iterrows():
        capacity, used, rate = rows(table)[source["name"]]
        assert number(capacity) == pytest.approx(source["capacity"] / over, abs=0.05)
        assert number(used) == pytest.approx(source["used"] / over, abs=0.05)
        assert rate == f"{source['used'] / source['capacity']:.0%}"
    pipes = rows(titled(content.tables, "新建管线"))
    length = plan.links[plan.links["route"] == route]["length_m"].sum() / 1000
    # Parts of both networks add up as printed, so one may be off by a last digit.
    assert number(pipes["合计"][0]) == pytest.approx(length, abs=0.015)
    parts = [number(cells[0]) for name, cells in pipes.items() if name != "合计"]
    assert not parts or sum(parts) == pytest.approx(number(pipes["合计"][0]))


def test_headroom_before_and_after_stands_as_bars(plan):
    content = networks.grid(View(plan))
    (poles,) = [layer for layer in content.layers if hasattr(layer, "before")]
    own = plan.sources[plan.sources["route"] == "electricity"].sort_values("capacity", ascending=False)
    left = 1 - (own["used"] / own["capacity"]).to_numpy()
    assert poles.after / poles.before == pytest.approx(left)
    assert poles.before.max() == pytest.approx(networks.POLE)
    table = rows(titled(content.tables, "变电站富余容量"))
    assert number(table["合计"][1]) == pytest.approx((own["capacity"] - own["used"]).sum(), abs=0.5)


def test_loading_and_diameter_are_told_apart(plan):
    links = plan.links.assign(loading=np.resize([0.3, 0.6, 0.75, 0.95], len(plan.links)))
    content = networks.heat(View(replace(plan, links=links)))
    legend = rows(titled(content.legend, "新建管线负载率（线宽示管径）"))
    assert list(legend) == ["0–60%", "60–85%", "85% 以上"]
    length = sum(number(cells[0].removesuffix(" km")) for cells in legend.values())
    own = links[links["route"] == "district_heating"]
    assert length == pytest.approx(own["length_m"].sum() / 1000, abs=0.2)
    assert {f"DN{dn}" for dn in own["dn_mm"].unique()} <= {label.text for label in content.labels}


def test_connection_classes_follow_the_two_lengths(plan):
    table = rows(outcomes.connection(View(plan)).legend[0])
    busy = plan.villages[plan.villages["households"] > 0]
    ratio = busy["heat_connection_m"] / busy["break_even_m"]
    assert number(table["≤ 0.5（经济）"][0]) == (ratio <= 0.5).sum()
    assert number(table["> 2.0（不经济）"][0]) == (ratio > 2).sum()
    never = plan.villages.assign(break_even_m=-1.0)
    table = rows(outcomes.connection(View(replace(plan, villages=never))).legend[0])
    assert number(table["任何长度都不经济"][0]) == len(busy)


def test_money_left_open_is_never_nothing(plan):
    known = plan.villages.assign(
        **{f"subsidy_{level}_cny": 1000.0 for level in ("central", "province", "city", "district")},
        enterprise_capex_cny=0.0,
        subsidy_operating_cny_per_a=0.0,
    )
    table = rows(titled(effects.money(View(replace(plan, villages=known))).tables, "建设投资来源"))
    assert number(table["中央补助"][0]) == pytest.approx(len(known) / 10, abs=0.05)
    assert number(table["农户自筹"][0]) == pytest.approx(known["household_capex_cny"].sum() / 1e4, abs=0.5)
    assert "企业自筹" not in table
    partly = known.assign(subsidy_city_cny=known["subsidy_city_cny"].where(known.index > 0))
    partly["subsidy_city_stated_cny"] = 400.0
    partly["subsidy_district_cny"] = np.nan
    table = rows(titled(effects.money(View(replace(plan, villages=partly))).tables, "建设投资来源"))
    assert table["市级补助"] == (f"{(len(known) - 1) / 10 + 0.04:.1f} + 待定",)
    assert table["区县配套"] == ("待定",)


def test_emissions_before_are_those_after_and_avoided(plan):
    amounts = {"co2": "t", "pm25": "kg", "so2": "kg", "nox": "kg"}
    columns = {f"{p}_{u}_per_a": 900.0 for p, u in amounts.items()}
    columns |= {f"{p}_avoided_{u}_per_a": 2100.0 for p, u in amounts.items()}
    villages = plan.villages.assign(**columns)
    villages.loc[villages.index[:2], "co2_avoided_t_per_a"] = -50.0
    villages.loc[villages.index[:2], "households"] = 60
    content = effects.emissions(View(replace(plan, villages=villages)))
    table = rows(titled(content.tables, "排放量"))
    before, after, avoided = (number(c) for c in table["CO₂"])
    assert after == 900 * len(villages)
    assert avoided == villages["co2_avoided_t_per_a"].sum()
    assert before == after + avoided
    tonnes = [3.0 * len(villages), 0.9 * len(villages), 2.1 * len(villages)]
    assert [number(c) for c in table["PM₂.₅"]] == pytest.approx(tonnes, abs=0.5)
    assert rows(content.legend[0])["排放增加"] == ("2", "120")
    assert content.notes == ("2 个村的 CO₂ 排放高于所替代的散煤，合计每年多 100 t。",)
    unknown = villages.assign(co2_avoided_t_per_a=np.nan)
    table = rows(titled(effects.emissions(View(replace(plan, villages=unknown))).tables, "排放量"))
    assert table["CO₂"] == ("–", f"{after:,.0f}", "–")


def test_near_ties_are_ringed_in_the_colour_of_the_runner_up(plan):
    content = outcomes.routes(View(plan))
    near = plan.villages[(plan.villages["margin_pct"].abs() <= 5) & (plan.villages["households"] > 0)]
    assert f"{len(near)} 个村" in content.notes[0]
    far = replace(plan, villages=plan.villages.assign(margin_pct=50.0))
    assert outcomes.routes(View(far)).notes == ()
    assert "费用接近" not in said(still_map(far, "routes"))


def test_present_state_tells_who_is_converted(plan):
    villages = plan.villages.assign(households_converted=0)
    villages.loc[villages.index[:7], "households_converted"] = 30
    content = networks.present(View(replace(plan, villages=villages)))
    total = rows(titled(content.tables, "分乡镇现状"))["合计"]
    existing = villages["route"] == "existing"
    assert number(total[1]) == villages.loc[~existing, "households"].sum()
    done = villages["households_converted"].where(
        ~existing, villages[["households", "households_converted"]].max(axis=1)
    )
    assert number(total[2]) == done.sum()
    assert rows(content.legend[0])["部分已改造"][0] == str(
        ((villages.index < 7) & ~existing & (villages["households"] > 0)).sum()
    )


# --- made data, and what a county does not have -----------------------------------------------------


def test_made_data_is_named_where_it_is_shown(plan, figures):
    for theme, figure in figures.items():
        note = next(t for t in texts(figure) if t.startswith("示例数据"))
        assert "村庄" in note, theme
    assert "热源" in said(figures["heat"])
    honest = plan.villages.assign(provenance="survey of 2022")
    without = replace(
        plan,
        villages=honest,
        sources=plan.sources.assign(provenance="survey"),
        layers={stem: layer.assign(provenance="survey") for stem, layer in plan.layers.items()},
    )
    for theme in THEMES:
        assert "示例数据" not in said(still_map(without, theme))


@pytest.mark.parametrize("theme", THEMES)
def test_a_county_without_layers_is_drawn_and_says_so(plan, theme):
    bare = replace(plan, layers={}, links=plan.links.head(0), sources=plan.sources.head(0))
    words = said(still_map(bare, theme))
    assert "图例" in words
    assert "热源能力" not in words
    missing = {"heat": "供热管网、热源", "gas": "燃气管网、气源", "grid": "变电站", "connection": "供热管网"}
    if theme in missing:
        assert f"没有{missing[theme]}，图中未表示" in words


@pytest.mark.parametrize("kept", [0, 1])
@pytest.mark.parametrize("placed", [True, False])
def test_hardly_any_village_is_no_trouble(plan, kept, placed):
    villages = plan.villages.head(kept)
    if not placed:
        villages = villages.assign(geometry=None).set_crs(plan.villages.crs)
    few = replace(plan, villages=villages, layers={}, links=plan.links.head(0), sources=plan.sources.head(0))
    for theme in THEMES:
        assert "合计" in said(still_map(few, theme)) or kept == 0


# --- texts of the input -----------------------------------------------------------------------------

HOSTILE = ("$x^2$", "很长" * 60, "换\n行\t村", "<b>a</b>", "%s {} {0}", "\\frac{1}{2", "村\U0010fffe", "")


@pytest.fixture(scope="module")
def hostile(plan):
    villages, sources, layers = plan.villages.copy(), plan.sources.copy(), dict(plan.layers)
    villages["name"] = np.resize(HOSTILE, len(villages))
    villages["town"] = np.resize(["$a$镇", "极" * 90], len(villages))
    sources["name"] = np.resize(["$$", "x" * 300, None], len(sources))
    layers["towns"] = layers["towns"].assign(
        name=np.resize(["$a_b$", "y" * 300, None, ""], len(layers["towns"]))
    )
    policy = SimpleNamespace(title="$T$ {} " + "长" * 300, year=None, disclaimer="说明" * 900)
    return replace(plan, villages=villages, sources=sources, layers=layers, policy=policy)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.filterwarnings("error")
def test_hostile_names_are_only_text(hostile, theme):
    picture = Image.open(io.BytesIO(still_png(hostile, theme, dpi=60)))
    assert picture.size == (992, 701)
    figure = still_map(hostile, theme)
    words = texts(figure)
    assert not any("\n" in t or "\t" in t or "nan" in t.split() for t in words)
    assert not any(t.get_parse_math() for axes in figure.axes for t in axes.texts)
    renderer = figure.canvas.get_renderer()
    right = figure.bbox.width
    assert max(t.get_window_extent(renderer).x1 for t in figure.axes[0].texts) <= right


def test_braces_and_dollars_stay_what_they_are(hostile):
    words = texts(still_map(hostile, "routes"))
    assert "$x^2$" in words
    assert "%s {} {0}" in words
    assert "换 行 村" in words
    assert any(t.startswith("$T$ {} 长") and t.endswith("…") for t in words)


def test_no_character_becomes_an_empty_box(figures, hostile):
    known = fonts._known()
    for figure in [*figures.values(), still_map(hostile, "routes"), still_map(hostile, "routes", lang="en")]:
        lost = {c for t in texts(figure) for c in t if ord(c) not in known}
        assert lost == set()
    assert any("村〓" in t for t in texts(still_map(hostile, "routes")))


def test_the_user_is_told_which_characters_no_font_has(plan, hostile):
    assert unwritable(plan) == []
    (problem,) = unwritable(hostile)
    assert (problem.layer, problem.column, problem.severity) == ("villages", "name", "warning")
    assert "U+10FFFE" in str(problem)


def test_without_a_chinese_font_the_remedy_is_said(monkeypatch, plan):
    latin = [f for f in font_manager.fontManager.ttflist if f.name == "DejaVu Sans"]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", latin)
    fonts.family.cache_clear()
    try:
        with pytest.raises(InputError, match="Noto Sans CJK SC"):
            still_map(plan, "routes")
    finally:
        monkeypatch.undo()
        fonts.family.cache_clear()
    assert fonts.family() in fonts.FAMILIES


# --- languages, the public version, files ---------------------------------------------------------------


@pytest.mark.parametrize("theme", THEMES)
def test_english_sheets_have_no_chinese_of_ours(plan, theme):
    names = {*plan.villages["name"], *plan.villages["town"], *plan.sources["name"], plan.policy.title}
    names |= {name for stem in ("towns", "rivers") for name in plan.layers[stem]["name"]}
    names |= set(plan.layers["gas_mains"]["pressure_class"])
    words = [t for t in texts(still_map(plan, theme, lang="en")) if t not in names]
    assert [t for t in words if any("一" <= c <= "鿿" for c in t)] == []
    assert "Legend" in words


def test_the_public_version_tells_no_size_pressure_or_voltage(plan):
    for theme in THEMES:
        words = said(still_map(plan, theme, public=True))
        for secret in ("DN", "中压", " kV", "kVA"):
            assert secret not in words, theme
        assert "公开版" in words
    shown = said(still_map(plan, "heat")) + said(still_map(plan, "gas")) + said(still_map(plan, "grid"))
    for secret in ("DN", "中压", "kVA"):
        assert secret in shown


def test_wrong_themes_formats_and_languages_are_named_at_once(plan, tmp_path):
    with pytest.raises(InputError) as caught:
        write_still_maps(
            plan, tmp_path / "new", themes=["routes", "route"], formats=("png", "gif"), lang="de"
        )
    assert len(caught.value.problems) == 3
    for word in ("'route'", "'gif'", "'de'", "present", "pdf", "zh"):
        assert word in str(caught.value)
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        write_still_maps(plan, tmp_path / "file", themes=["routes"], dpi=40)


def test_a_full_disk_leaves_the_old_picture(plan, tmp_path, monkeypatch):
    (file,) = write_still_maps(plan, tmp_path, themes=["routes"], dpi=40)
    old = file.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("geoplan.files.os.fsync", full)
    with pytest.raises(InputError, match="No space left"):
        write_still_maps(plan, tmp_path, themes=["routes"], dpi=50)
    assert file.read_bytes() == old
    assert list(tmp_path.iterdir()) == [file]


def test_files_are_named_in_the_order_of_the_themes(plan, tmp_path):
    files = write_still_maps(
        plan, tmp_path / "图 1", themes=["years", "heat"], formats=("pdf", "png"), dpi=40
    )
    assert [f.name for f in files] == ["02-heat.pdf", "02-heat.png", "06-years.pdf", "06-years.png"]
    assert sorted(p.name for p in (tmp_path / "图 1").iterdir()) == [f.name for f in files]


def test_a_picture_is_a3_at_its_resolution_and_small(plan):
    png = still_png(plan, "routes", dpi=300)
    picture = Image.open(io.BytesIO(png))
    assert picture.size == (4960, 3507)
    assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert len(png) < 1_000_000
    colours = {colour for _, colour in picture.convert("RGB").getcolors()}
    assert {(255, 255, 255), ImageColor.getrgb(style()["routes"]["gas"]["colour"])} <= colours


def test_vector_files_are_a3_and_keep_the_texts(plan, tmp_path):
    svg, pdf = write_still_maps(plan, tmp_path, themes=["routes"], formats=("svg", "pdf"))
    head = svg.read_text("utf-8")[:600]
    assert 'width="1190.55' in head
    assert 'height="841.88' in head
    assert "<text" not in svg.read_text("utf-8")
    content = pdf.read_bytes()
    assert b"/MediaBox [ 0 0 1190.55" in content
    assert b"/FontFile" in content or b"/Type3" in content
    assert b"CreationDate" not in content


SCRIPT = """
import hashlib, sys
sys.path.insert(0, {root!r})
from tests.worlds_map import plan
from geoplan.staticmap import write_still_maps
made = plan(n_villages=60)
formats = ("png", "svg", "pdf")
for file in write_still_maps(made, {folder!r}, themes=["heat", "routes"], formats=formats, dpi=60):
    print(file.name, hashlib.sha256(file.read_bytes()).hexdigest())
"""


def test_the_same_plan_gives_the_same_bytes(request, tmp_path):
    root = str(request.path.parents[1])
    runs = set()
    for seed in ("1", "2"):
        code = SCRIPT.format(root=root, folder=str(tmp_path / seed))
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
        )
        runs.add(done.stdout)
    assert len(runs) == 1
    assert runs.pop().count("\n") == 6


def test_settings_of_the_user_change_nothing_and_are_kept(plan):
    before = still_png(plan, "gas", dpi=40)
    with mpl.rc_context(
        {
            "text.parse_math": True,
            "lines.scale_dashes": True,
            "font.family": ["serif"],
            "savefig.bbox": "tight",
        }
    ):
        assert still_png(plan, "gas", dpi=40) == before
        assert mpl.rcParams["font.family"] == ["serif"]


def test_the_plan_is_left_as_it_was(plan):
    kept = {name: getattr(plan, name).copy() for name in ("villages", "options", "links", "sources")}
    for theme in THEMES:
        still_map(plan, theme)
    for name, frame in kept.items():
        pd.testing.assert_frame_equal(pd.DataFrame(getattr(plan, name)), pd.DataFrame(frame))


def test_the_name_of_a_town_is_nearest_to_its_own_place():
    own, other = (50.0, 50.0), (55.0, 50.0)
    names = [(Label("甲乙丙丁镇", (0, 0), "town"), own), (Label("乙镇", (0, 0), "town"), other)]
    for found in placed(names, room=(0, 0, 100, 100), taken=[], dots=np.empty((0, 4))):
        at, rest = (own, other) if found.label.text == "甲乙丙丁镇" else (other, own)
        left, top, right, bottom = found.box
        apart = [np.hypot(x - np.clip(x, left, right), y - np.clip(y, top, bottom)) for x, y in (at, rest)]
        assert apart[0] < apart[1]
