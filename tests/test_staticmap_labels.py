"""What still maps let nobody overlook: labels clear of what they are about, insets, and whole legends."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import shapely

import geoplan
from geoplan.explain import route_label
from geoplan.mapdata.values import shares
from geoplan.staticmap import effects, ground, networks, outcomes
from geoplan.staticmap.bands import band_block, banded, classes
from geoplan.staticmap.content import Label
from geoplan.staticmap.inset import inset
from geoplan.staticmap.labels import placed, touching
from geoplan.staticmap.view import View
from tests.worlds_map import plan as world

DATA = Path(geoplan.__file__).parent / "data"
ROOM = (0.0, 0.0, 120.0, 120.0)
NONE = np.empty((0, 4))


@pytest.fixture(scope="module")
def plan():
    return world()


def boxes(*places: tuple[float, float], r: float = 1.5) -> np.ndarray:
    return np.array([(x - r, y - r, x + r, y + r) for x, y in places]).reshape(-1, 4)


def titled(parts, title: str):
    return next(part for part in parts if part.title == title)


def rows(block) -> dict[str, tuple[str, ...]]:
    return {row.cells[0]: row.cells[1:] for row in block.rows}


def number(text: str) -> float:
    return float(text.replace(",", ""))


# --- labels -------------------------------------------------------------------------------------------


def test_the_name_of_a_town_moves_off_a_village_of_the_theme():
    town, village = (Label("北城街道", (0, 0), "town"), (60.0, 60.0)), boxes((60.0, 60.0))
    (over,) = placed([town], room=ROOM, taken=[], dots=NONE)
    assert touching(village, over.box).any()
    (aside,) = placed([town], room=ROOM, taken=[], dots=village, own=village)
    assert not touching(village, aside.box).any()


def test_the_name_of_a_town_is_left_out_rather_than_hide_a_village_of_the_theme():
    grid = [(x, y) for x in np.arange(30.0, 91.0, 4.0) for y in np.arange(30.0, 91.0, 4.0)]
    town = (Label("北城街道", (0, 0), "town"), (60.0, 60.0))
    assert placed([town], room=ROOM, taken=[], dots=boxes(*grid), own=boxes(*grid)) == []
    assert len(placed([town], room=ROOM, taken=[], dots=boxes(*grid))) == 1


def test_a_source_far_from_its_label_has_a_line_to_it():
    source = (Label("35 kV 变电站", (0, 0), "source", gap=2.9), (60.0, 60.0))
    (near,) = placed([source], room=ROOM, taken=[], dots=NONE)
    assert near.lead is None
    (far,) = placed([source], room=ROOM, taken=[(50.0, 50.0, 70.0, 70.0)], dots=NONE)
    (start, end) = far.lead
    assert np.hypot(start[0] - 60.0, start[1] - 60.0) == pytest.approx(2.9)
    assert far.box[0] <= end[0] <= far.box[2]
    assert far.box[1] <= end[1] <= far.box[3]


def test_the_size_of_a_stub_does_not_stand_at_the_trunk():
    trunk = shapely.LineString([(10, 60), (110, 60)])
    stubs = [shapely.LineString([(60, 60), (60, 60 - long)]) for long in (1.5, 30.0)]
    for stub, seen in zip(stubs, (False, True), strict=True):
        label = (Label("DN100", (0, 0), "pipe", gap=1.2, course=1), (60.0, 59.0))
        found = placed([label], room=ROOM, taken=[], dots=NONE, courses=[trunk, stub])
        assert bool(found) or not seen
        for place in found:
            box = shapely.box(*place.box)
            assert box.distance(stub) < box.distance(trunk)


def test_villages_of_the_theme_are_named_before_towns_and_pipes(plan):
    for theme in (networks.heat, networks.gas):
        kinds = list(dict.fromkeys(label.kind for label in theme(View(plan)).labels))
        assert kinds.index("source") < kinds.index("village") < kinds.index("town")
        assert kinds.index("village") < min(kinds.index(k) for k in kinds if k.endswith("pipe"))


def test_the_legend_says_once_that_all_sources_are_made(plan):
    named = plan.sources.assign(name=[f"源{i}（示例）" for i in range(len(plan.sources))])
    _, signs, labels = ground.sources(View(replace(plan, sources=named)), ("gas",))
    assert {label.text for label in labels} == set(
        named.loc[named["route"] == "gas", "name"].str.removesuffix("（示例）")
    )
    assert signs[0].cells[0] == "气源（示例）"
    own = named.index[named["route"] == "gas"]
    mixed = named.assign(name=named["name"].mask(named.index == own[0], "真气源"))
    _, signs, labels = ground.sources(View(replace(plan, sources=mixed)), ("gas",))
    assert not signs[0].cells[0].endswith("（示例）")
    assert {label.text for label in labels} == set(mixed.loc[own, "name"])


def test_labels_of_gas_pipes_have_not_the_colour_of_heat(plan):
    kinds = {label.text: label.kind for label in networks.gas(View(plan)).labels}
    assert kinds["中压A"] == "gas_pipe"


# --- insets -------------------------------------------------------------------------------------------


def test_the_inset_shows_where_the_theme_is_crowded_not_where_the_county_is(plan):
    view = View(plan)
    heat, free = networks.heat(view), [(310.0, 100.0, 410.0, 200.0)]
    at = np.array([label.xy for label in heat.labels if label.kind == "village"])
    corner = at.min(axis=0) + (view.frame.metres_per_mm * 12.0)
    close = corner + np.array([(i * 90.0, j * 90.0) for i in range(4) for j in range(3)])
    crowd = tuple(Label(str(i), tuple(xy), "village") for i, xy in enumerate(close.tolist()))
    few = replace(heat, labels=crowd, fine=())
    found = inset(view, few, free)
    west, south, east, north = found.extent
    assert ((close[:, 0] > west) & (close[:, 0] < east)).all()
    assert ((close[:, 1] > south) & (close[:, 1] < north)).all()


def test_new_pipes_too_short_to_see_ask_for_an_inset(plan):
    view = View(plan)
    bare = replace(networks.heat(view), labels=(), fine=())
    free = [(310.0, 100.0, 410.0, 200.0)]
    assert inset(view, bare, free) is None
    x, y = view.xy.mean(axis=0)
    short = tuple(shapely.LineString([(x + i * 200, y), (x + i * 200, y + 80)]) for i in range(20))
    found = inset(view, replace(bare, fine=short), free)
    assert found is not None
    assert 80 / found.metres_per_mm > 2 * 80 / view.frame.metres_per_mm


def test_an_inset_stands_in_an_empty_corner_where_the_column_is_full(plan):
    view = View(plan)
    content = outcomes.years(view)
    found = inset(view, content, [])
    left, top, right, bottom = view.frame.box
    assert left < found.box[0] < found.box[2] < right
    assert top < found.box[1] < found.box[3] < bottom
    x, y = view.frame.on_sheet(view.xy).T
    assert not ((x > found.box[0]) & (x < found.box[2]) & (y > found.box[1]) & (y < found.box[3])).any()
    north = (found.box[0], found.box[1], found.box[0] + 9.0, found.box[1] + 9.0)
    other = inset(view, content, [], taken=[north])
    assert other is None or not touching(np.array([north]), other.box).any()


# --- legends ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values", [[2.326, 2.448, 3.654], [1.618], [998.5, 998.5], [0.0], [1, 1, 40, 41, 99], np.arange(0, 50.0)]
)
def test_classes_are_contiguous_round_and_hold_everybody(values):
    values = np.array(values, dtype=float)
    bands = classes(values)
    for (_, high), (low, _) in pairwise(bands):
        assert high == low
    for low, high in bands:
        assert low < high
        assert ((values >= low) & (values < high)).any()
    assert sum(int(((values >= low) & (values < high)).sum()) for low, high in bands) == len(values)


def test_values_that_differ_by_rounding_are_one_class():
    assert len(classes(np.array([2.920019, 2.920021, 2.92002]))) == 1


def test_a_village_that_changes_nothing_has_its_row_and_rows_add_up(plan):
    villages = plan.villages.assign(co2_avoided_t_per_a=plan.villages["households"] * 2.0)
    busy = villages.index[villages["households"] > 0]
    villages.loc[busy[:4], "co2_avoided_t_per_a"] = 0.0
    villages.loc[busy[4:6], "co2_avoided_t_per_a"] = -9.0
    table = rows(effects.emissions(View(replace(plan, villages=villages))).legend[0])
    assert table["无变化"] == ("4", f"{villages.loc[busy[:4], 'households'].sum():,}")
    assert table["排放增加"][0] == "2"
    parts = [cells for key, cells in table.items() if key != "合计"]
    for i in (0, 1):
        assert sum(number(cells[i]) for cells in parts) == number(table["合计"][i])
    assert "待定" not in table


def test_every_colour_of_a_class_has_a_row(plan):
    view = View(plan)
    each = pd.Series(np.resize([0.0, 1.0, 3.0, -2.0], len(plan.villages)), index=plan.villages.index)
    bands, shades = [(0.0, 2.0), (2.0, np.inf), (0.0, 0.0), (-np.inf, 0.0)], list("abcd")
    assert banded(each, bands, shades).tolist()[:4] == ["c", "a", "b", "d"]
    shades = ["#111111", "#222222", "#333333", "#444444"]
    signs = {row.sign.face for row in band_block(view, "x", each, bands, shades).rows if row.sign}
    assert signs == set(shades)


def test_what_increases_is_said_in_a_word(plan):
    villages = plan.villages.assign(co2_avoided_t_per_a=10.0)
    heat = villages["route"] == "district_heating"
    villages.loc[heat, "co2_avoided_t_per_a"] = -3.0
    table = rows(titled(effects.emissions(View(replace(plan, villages=villages))).tables, "分方式减排"))
    count = (heat & (villages["households"] > 0)).sum()
    assert table[route_label("district_heating")][0] == f"增加 {3.0 * count:.0f}"


def test_rings_are_explained_by_the_runner_up_whose_colour_they_have(plan):
    villages = plan.villages.assign(margin_pct=1.0, runner_up="solar_plus")
    content = outcomes.routes(View(replace(plan, villages=villages)))
    labels = [row.cells[0] for block in content.legend for row in block.rows]
    assert f"费用接近，次选{route_label('solar_plus')}" in labels
    assert sum(label.startswith("费用接近") for label in labels) == 1


def test_years_have_their_total_and_their_new_pipes_in_the_legend(plan):
    content = outcomes.years(View(plan))
    (table,) = content.tables
    *parts, total = table.rows
    assert total.cells[0] == "合计"
    for i in range(1, len(total.cells)):
        assert sum(number(row.cells[i] or "0") for row in parts) == number(total.cells[i])
    labels = [row.cells[0] for block in content.legend for row in block.rows]
    assert any("颜色同年度" in label for label in labels)


def test_the_scatter_has_a_key_for_each_of_its_colours(plan):
    chart = next(t for t in outcomes.connection(View(plan)).tables if hasattr(t, "x_label"))
    assert {colour for _, colour in chart.keys} == set(chart.colours)


def test_density_is_classed_by_the_rules_of_the_policy(plan):
    options = plan.options.assign(**{outcomes.DENSITY_COLUMN: np.linspace(0.1, 3.0, len(plan.options))})

    def limits(*least):
        rules = {str(m): SimpleNamespace(column=outcomes.DENSITY_COLUMN, min=m) for m in least}
        policy = SimpleNamespace(title="规划", year=2022, rules=rules)
        (table, *_) = outcomes.connection(View(replace(plan, policy=policy, options=options))).tables
        *parts, total = table.rows
        assert sum(number(row.cells[1]) for row in parts) == number(total.cells[1])
        return [row.cells[0] for row in parts if row.cells[0] != "无热网接入数据"]

    assert limits(0.75) == ["0.75 以下", "0.75–1.5", "1.5 以上"]
    assert limits(0.75, 0.5) == ["0.5 以下", "0.5–0.75", "0.75–1.5", "1.5 以上"]
    assert limits() == ["0.5 以下", "0.5–1", "1–1.5", "1.5 以上"]


def test_the_open_part_of_the_investment_is_a_row_so_that_all_add_up(plan):
    known = {f"subsidy_{level}_cny": 0.0 for level in ("central", "province", "district")}
    known |= {"household_capex_cny": 30_000.0, "enterprise_capex_cny": 0.0, "capex_cny": 100_000.0}
    villages = plan.villages.assign(**known, subsidy_city_cny=np.nan, subsidy_city_stated_cny=20_123.0)
    table = rows(titled(effects.money(View(replace(plan, villages=villages))).tables, "建设投资来源"))
    parts = {key: cells[0].split(" + ")[0] for key, cells in table.items()}
    paid = [number(parts[key]) for key in ("市级补助", "农户自筹", "待定部分")]
    assert paid[2] == pytest.approx(4.9877 * len(villages), abs=1.0)
    assert sum(paid) == number(parts["合计"])


def test_dashed_outlines_are_explained_where_there_are_some(plan):
    labels = [row.cells[0] for row in ground.sizes_block(View(plan)).rows]
    assert "示例位置或数据" in labels
    honest = replace(plan, villages=plan.villages.assign(provenance="survey"))
    assert "示例位置或数据" not in [row.cells[0] for row in ground.sizes_block(View(honest)).rows]


@pytest.mark.parametrize("upgraded", [0.0, 500.0])
def test_headroom_says_that_an_upgrade_is_in_it(plan, upgraded):
    layers = plan.layers | {"substations": plan.layers["substations"].assign(upgrade_kva=upgraded)}
    content = networks.grid(View(replace(plan, layers=layers)))
    said = json.dumps([b.head for b in content.tables], ensure_ascii=False)
    said += " ".join(row.cells[0] for block in content.legend for row in block.rows)
    assert said.count("含增容") == (2 if upgraded else 0)
    assert "标注：占用 / 能力" in said


# --- one set of signs for all maps ----------------------------------------------------------------------


def test_loading_classes_and_mains_are_the_same_on_every_map():
    looks = tomllib.loads((DATA / "qgis.toml").read_text("utf-8"))
    page = (DATA / "webmap" / "pipes.js").read_text("utf-8")
    found = re.findall(r'below: ([\w.]+), colour: "(#\w+)"', page)
    limits = [np.inf if below == "Infinity" else float(below) for below, _ in found]
    assert [(high, colour) for _, high, colour in networks.loadings()] == list(
        zip(limits, [colour for _, colour in found], strict=True)
    )
    for stem, main in looks["mains"].items():
        assert f'{stem}: {{ colour: "{main["colour"]}"' in page
        assert ground.main_look(stem, "existing")[-1].colour == main["colour"]
    for route, sign in looks["signs"].items():
        assert ground.source_mark(route).face == sign["colour"]


def test_a_loading_is_classed_before_it_is_rounded():
    (loading,) = shares(pd.Series([0.8496]))
    assert next(i for i, (_, high, _) in enumerate(networks.loadings()) if loading < high) == 1
