"""The version for the public: nothing of what it must not show is left anywhere in it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import shapely

from geoplan.mapdata import page_data
from geoplan.public import LINE_M, POINT_M, plain_text, public_plan
from geoplan.webmap import coverage_html
from tests import worlds_map

SECRET = (
    "110 kV 城北变", "35kV", "10 千伏", "10千伏马集线", "中压A", "次高压B管", "DN300", "dn 110", "De63",
    "Φ325×8", "0.4 MPa", "4.0兆帕", "主变 2×50 MVA", "余量 4,715 kVA", "一百一十千伏", "１１０ｋＶ",
    "110/35/10 kV", "±800kV", "管径 200 毫米", "medium-pressure A", "2500千伏安", "35KV",
)  # fmt: skip
LEFT = re.compile(
    r"\d\s*[kK][vV]|[1１]０ｋ|千伏|兆伏|MVA|[中低高]压|MPa|兆帕|(?:DN|De|Φ|dn)\s*\d|pressure A|200 毫米"
)


@pytest.fixture(scope="module")
def plan():
    return worlds_map.plan()


@pytest.fixture(scope="module")
def telling(plan):
    """A plan that tells its secrets in every text."""
    secret = "；".join(SECRET)
    because = [{"code": "source_full", "text": secret, "measured": 6562.5, "limit": 4714.5, "unit": "kVA"}]
    sources = plan.sources.assign(name=[f"{SECRET[i % len(SECRET)]} 站" for i in range(len(plan.sources))])
    grid = sources["route"] == "electricity"
    sources["source_id"] = sources["source_id"].mask(grid, "110kV-" + sources["source_id"])
    villages = plan.villages.assign(reason=secret, warnings=secret, provenance=secret, equipment=secret)
    villages["source_id"] = sources.loc[grid, "source_id"].iloc[0]
    layers = {
        stem: layer.assign(**{c: secret for c in ("name", "provenance") if c in layer})
        for stem, layer in plan.layers.items()
    }
    layers["substations"] = layers["substations"].assign(source_id=sources.loc[grid, "source_id"].to_numpy())
    return replace(
        plan,
        villages=villages,
        options=plan.options.assign(
            infeasible_because=json.dumps(because, ensure_ascii=False), capacity_use=12.0, capacity_unit="kVA"
        ),
        sources=sources,
        layers=layers,
    )


@pytest.mark.parametrize("text", SECRET)
def test_an_amount_is_taken_out_of_a_text(text):
    assert not LEFT.search(plain_text(text))
    assert not LEFT.search(plain_text(f"由“{text}”供应"))


@pytest.mark.parametrize(
    "text",
    [
        "距燃气干管 4,268 m，高于 2,000 m",
        "热源 88 MW",
        "次选空气源热泵，年社会费用高 75.8 %",
        "黄渠桥村",
        "D 区",
        "5.29 MW",
    ],
)
def test_other_texts_stay_as_they_are(text):
    assert plain_text(text) == text


def test_a_village_keeps_its_name():
    assert plain_text("高压瓷厂家属院", name=True) == "高压瓷厂家属院"
    assert plain_text("110kV 变电站宿舍", name=True) == "变电站宿舍"


def test_nothing_is_left_in_the_page(telling):
    data = page_data(telling, public=True)
    assert LEFT.search(json.dumps(page_data(telling), ensure_ascii=False))
    fixed = {key: data.pop(key) for key in ("words", "units", "facts", "values", "notes")}
    assert not LEFT.search(json.dumps(data, ensure_ascii=False))
    assert fixed["notes"][0].startswith("公开版")
    assert data["public"] is True
    assert page_data(telling)["public"] is False
    assert coverage_html(telling, public=True) == coverage_html(telling, public=True)


def test_columns_are_emptied(telling):
    data = page_data(telling, public=True)
    assert set(data["links"]["dn_mm"]) == set(data["links"]["loading"]) == {None}
    assert set(data["shapes"]["gas_mains"]["pressure_class"]) == {None}
    assert set(data["shapes"]["heat_mains"]["dn_mm"]) == {None}
    assert set(data["options"]["capacity_use"]) == {None}
    grid = [i for i, unit in enumerate(data["sources"]["unit"]) if unit == "kVA"]
    assert grid
    assert {data["sources"][c][i] for c in ("capacity", "used") for i in grid} == {None}
    heat = data["sources"]["route"].index("district_heating")
    assert data["sources"]["capacity"][heat] > 0


def test_a_source_keeps_its_villages_under_its_new_name(telling):
    public = public_plan(telling)
    assert set(public.villages["source_id"]) <= set(public.sources["source_id"])
    assert set(public.layers["substations"]["source_id"]) <= set(public.sources["source_id"])
    assert public.sources["source_id"].is_unique


def test_two_ids_that_look_alike_without_their_voltage_stay_two(telling):
    grid = telling.sources["route"] == "electricity"
    ids = [f"{kv}kV甲变" for kv in (110, 35, 10)][: grid.sum()]
    sources = telling.sources.copy()
    sources.loc[grid, "source_id"] = ids
    public = public_plan(replace(telling, sources=sources, layers={}))
    assert public.sources["source_id"].is_unique
    assert not public.sources["source_id"].str.contains("kV").any()


def test_gas_and_grid_are_coarse_and_the_rest_exact(plan):
    public = public_plan(plan)
    for name in ("substations", "gas_stations"):
        assert np.allclose(public.layers[name].get_coordinates() % POINT_M, 0)
    mains = public.layers["gas_mains"]
    assert np.allclose(mains.get_coordinates() % LINE_M, 0)
    true = plan.layers["gas_mains"].geometry.to_numpy()
    assert (shapely.hausdorff_distance(mains.geometry.to_numpy(), true) < 2 * LINE_M).all()
    gas = plan.links["route"] == "gas"
    assert np.allclose(public.links[gas].get_coordinates() % LINE_M, 0)
    assert public.links.geometry[~gas].equals(plan.links.geometry[~gas])
    assert public.layers["heat_mains"].geometry.equals(plan.layers["heat_mains"].geometry)
    assert public.villages.geometry.equals(plan.villages.geometry)


def test_the_plan_itself_is_left_alone(telling):
    before = telling.sources.copy(), telling.options.copy(), telling.layers["gas_mains"].copy()
    public_plan(telling)
    now = telling.sources, telling.options, telling.layers["gas_mains"]
    for was, is_ in zip(before, now, strict=True):
        pd.testing.assert_frame_equal(was, is_)
