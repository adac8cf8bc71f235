"""The version for the public: nothing of what it must not show is left anywhere in it."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from matplotlib.text import Text

from geoplan.explain import number
from geoplan.finance import annuity
from geoplan.folder import read_plan
from geoplan.mapdata import page_data
from geoplan.public import LINE_M, POINT_M, plain_text, public_plan
from geoplan.report import report_docx, report_tables
from geoplan.staticmap import still_map
from geoplan.staticmap.png import small_png
from geoplan.webmap import coverage_html
from tests import worlds_map

SECRET = (
    "110 kV 城北变", "35kV", "10 千伏", "10千伏马集线", "中压A", "次高压B管", "DN300", "dn 110", "De63",
    "Φ325×8", "0.4 MPa", "4.0兆帕", "主变 2×50 MVA", "余量 4,715 kVA", "一百一十千伏", "１１０ｋＶ",
    "110/35/10 kV", "±800kV", "管径 200 毫米", "medium-pressure A", "2500千伏安", "35KV",
    "DN-300 主管", "DN-160 PE", "110-kV 金积变", "DN=300", "DN：300", "dn_300", "φ-219", "管径为300mm",
    "110000 V", "PE100 SDR11", "中 压 A", "0.2 至 0.4 MPa", "D325x8",
)  # fmt: skip
LEFT = re.compile(
    r"\d\W*[kK][vV]|[1１]０ｋ|千伏|兆伏|MVA|[中低高]\s*压|MPa|兆帕|(?:DN|De|Φ|dn|φ)\W?_?\d|pressure A"
    r"|200 毫米|\d\s*V|SDR|PE\d"
)
#: What no output of a real plan may say: voltages, sizes, pressures, flows, prices of pipes.
TOLD = re.compile(
    r"[kK][vV](?![a-z])|kVA|千伏|(?:DN|dn)\s*\d|MPa|[高中低]压|流量|管径表|单价表|元/m(?![²³2-3])"
)
#: How far a village is from a gas main, to the metre.
FAR = re.compile(r"(?:燃气干管|gas main) ?[\d,]+ m|新建接入 ?[\d,.]+ m，气源")
MAPS = Path(__file__).parents[1] / "maps"
COUNTIES = ("litong", "zichuan", "jining", "shuocheng", "wutai")


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
    assert not re.search(r"300|325|219|160|110", plain_text(text))
    assert not LEFT.search(plain_text(f"由“{text}”供应"))


@pytest.mark.parametrize(
    "text",
    [
        "不满足：距燃气干管不超过2000m",
        "距热网 4,268 m，高于 2,000 m",
        "接入需新建 4,268 m，超过盈亏平衡长度 900 m",
        "新建接入 246 m，不超过盈亏平衡长度 2,733 m，热源“甲”",
        "热源 88 MW",
        "次选空气源热泵，年社会费用高 75.8 %",
        "黄渠桥村",
        "D 区",
        "D12小区",
        "D12",
        "4 号楼 V12",
        "PE 管",
        "5.29 MW",
    ],
)
def test_other_texts_stay_as_they_are(text):
    assert plain_text(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("距燃气干管 4,268 m，高于 2,000 m", "距燃气干管 4～5 km，高于 2,000 m"),
        ("距中压干管 812.5 m", "距干管不足 1 km"),
        ("新建接入 1,394 m，气源“昆仑门站”", "新建接入 1～2 km，气源“昆仑门站”"),
        ("煤改气不可行：接入需新建 3,001 m", "煤改气不可行：接入需新建 3～4 km"),
        ("Distance to gas main 2,377 m, above 2,000 m", "Distance to gas main 2–3 km, above 2,000 m"),
        ("new connection 510 m, source X", "new connection under 1 km, source X"),
        ("“甲站”的干管轮到本村时余量 5.2 MW，需 6.1 MW", "“甲站”的干管轮到本村时余量不足"),
        ("含10千伏及以下线路", "含线路"),
        ("距中压干管 1~5 km", "距干管 1~5 km"),
        ("距燃气干管约 300 m", "距燃气干管不足 1 km"),
        ("距燃气干管0.3 km", "距燃气干管不足 1 km"),
        ("距10 kV线路 1300 米", "距线路 1～2 km"),
        ("Distance to gas main: 300 m", "Distance to gas main under 1 km"),
    ],
)
def test_ways_to_gas_are_said_in_kilometres_and_mains_without_amounts(text, said):
    assert plain_text(text) == said


def test_a_village_keeps_its_name():
    assert plain_text("高压瓷厂家属院", name=True) == "高压瓷厂家属院"
    assert plain_text("D12小区", name=True) == "D12小区"
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
    grid = [i for i, route in enumerate(data["sources"]["route"]) if route == "electricity"]
    assert grid
    assert {data["sources"][c][i] for c in ("capacity", "used", "unit") for i in grid} == {None}
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


def test_what_a_pipe_could_be_worked_out_from_is_gone():
    plan = read_plan(MAPS / "litong")
    public = public_plan(plan)
    for name in ("dn_mm", "flow_mw", "flow_m3_per_day", "loading", "capex_cny"):
        assert plan.links[name].notna().any(), name
        assert public.links[name].isna().all(), name
    for table in (public.villages, public.options):
        for name in ("pipe_cny", "pipe_share_cny", "pipe_marginal_cny"):
            assert name not in table or table[name].isna().all(), name
    assert set(page_data(plan, public=True)["links"]["flow_mw"]) == {None}


def test_lengths_to_gas_are_rounded_up_and_others_exact():
    plan = read_plan(MAPS / "litong")
    public = public_plan(plan)
    for name in ("villages", "options"):
        was, now = getattr(plan, name), getattr(public, name)
        gas = was["route"] == "gas"
        assert (now["connection_m"][gas] % 1000 == 0).all()
        assert (now["connection_m"][gas] >= was["connection_m"][gas]).all()
        assert (now["connection_m"][gas] < was["connection_m"][gas] + 1000).all()
        assert now["connection_m"][~gas].equals(was["connection_m"][~gas])
    gas = plan.links["route"] == "gas"
    assert (public.links["length_m"][gas] % LINE_M == 0).all()
    assert public.links["length_m"][~gas].equals(plan.links["length_m"][~gas])


@pytest.mark.parametrize("county", ["litong", "zichuan", "shuocheng"])
def test_money_tells_no_length_better_than_the_lengths_do(county):
    plan = read_plan(MAPS / county)
    public = public_plan(plan)
    rate = annuity(plan.policy.economics.discount_rate, 25.0) + 0.01
    true = plan.options.set_index(["village_id", "route"])
    for name in ("options", "villages"):
        table = getattr(public, name).set_index(["village_id", "route"])
        was = true.loc[table.index.intersection(true.index)]
        now = table.loc[was.index]
        gas = was.index.get_level_values("route") == "gas"
        # The reviewer knows the money of a household exactly, and takes it away.
        left = {"capex_cny": 1.0, "enterprise_capex_cny": 1.0, "annual_cost_cny": rate}
        for column, part in left.items():
            pipe = (now[column] - (was[column] - part * was["pipe_cny"]))[gas] / part
            known = now["connection_m"][gas] / 1000
            chosen = pipe.index.isin(pd.MultiIndex.from_frame(plan.villages[["village_id", "route"]]))
            for group in (chosen, ~chosen):
                each = pipe[group & (known > 0)] / known[group & (known > 0)]
                assert each.empty or each.max() - each.min() < 1, (name, column)
                assert (pipe[group & (known == 0)].abs() < 1).all()
            guess = pipe / 525
            truth = was["connection_m"][gas]
            assert ((guess - truth).abs() < 1)[truth > 0].mean() < 0.05
    for column in ("capex_cny", "enterprise_capex_cny", "annual_cost_cny", "operator_gap_cny_per_a"):
        for _, part in plan.villages.groupby("route"):
            assert public.villages.loc[part.index, column].sum() == pytest.approx(part[column].sum())
    assert public.options["capacity_value_cny_per_unit"].isna().all()


def test_a_comparison_with_gas_is_that_of_the_public_money():
    plan = read_plan(MAPS / "shuocheng")
    public = public_plan(plan)
    costs = public.options.set_index(["village_id", "route"])["annual_cost_cny"]
    rows = public.villages[(public.villages["route"] == "gas") & (public.villages["runner_up"] != "")]
    assert len(rows)
    for row in rows.itertuples():
        ratio = costs[row.village_id, row.runner_up] / costs[row.village_id, "gas"]
        assert row.margin_pct == pytest.approx(100 * (ratio - 1))
        word = "低" if ratio < 1 else "高"
        assert f"年社会费用{word} {number(round(abs(row.margin_pct), 1))} %" in row.reason
        if "【需论证】比可行的" in row.reason:
            assert f"贵 {number(round(100 * (1 / ratio - 1), 1))} %" in row.reason
    other = (plan.villages["route"] != "gas") & (plan.villages["runner_up"] != "gas")
    other &= plan.villages["route"] != "district_heating"
    assert public.villages.loc[other, "margin_pct"].equals(plan.villages.loc[other, "margin_pct"])


def test_ids_are_no_sentences():
    plan = read_plan(MAPS / "litong")
    ids = dict(zip(plan.villages["village_id"], ["D12", "DN300"], strict=False))

    def renamed(frame):
        return frame.assign(
            **{c: frame[c].replace(ids) for c in ("village_id", "from_id", "to_id") if c in frame}
        )

    telling = replace(
        plan,
        villages=renamed(plan.villages).assign(group_id="DN300"),
        options=renamed(plan.options),
        links=renamed(plan.links).assign(to_id="DN300"),
    )
    public = public_plan(telling)
    assert set(public.links["to_id"]) == {"DN300"}
    assert {"D12", "DN300"} <= set(public.villages["village_id"])
    assert set(public.villages["group_id"]) == {"DN300"}
    assert report_tables(telling, public=True)["pipes"].rows("终点")


def test_the_report_sums_the_pipes_and_prices_none_of_them():
    plan = read_plan(MAPS / "litong")
    open_, public = report_tables(plan), report_tables(plan, public=True)
    assert public["works"].cell("合计", "投资（万元）") == open_["works"].cell("合计", "投资（万元）")
    assert {head[-1] for head in open_["pipes"].table.head} >= {"投资（万元）", "公称直径（mm）"}
    assert [head[-1] for head in public["pipes"].table.head] == [
        "改造方式", "起点", "终点", "长度（m）", "年份",
    ]  # fmt: skip
    labels = [name for (name,) in public["parameters"].rows("参数")]
    assert "供暖室外计算温度" in labels
    for gone in ("管径表", "内径表", "管道单价表", "燃气干管单价", "设计压力", "经济比摩阻"):
        assert gone in [name for (name,) in open_["parameters"].rows("参数")]
        assert gone not in labels
    (source,) = (s for p, s in public["parameters"].rows("参数", "来源") if "燃气干管" in p)
    assert source.startswith("距干管 1~5 km")


def test_the_grid_is_left_out_of_the_capacities_and_that_is_said_once():
    plan = read_plan(MAPS / "litong")
    table = report_tables(plan, public=True)["capacity"]
    assert {row[0] for row in table.rows("供应")} == {"热源", "气源"}
    assert sum("不公开" in note for note in table.notes) == 1
    open_ = report_tables(plan)["capacity"]
    assert "变电站" in {row[0] for row in open_.rows("供应")}
    assert not any("不公开" in note for note in open_.notes)


def test_an_optimum_does_not_price_the_grid():
    plan = read_plan(MAPS / "litong-optimum")
    units = {row["unit"] for row in public_plan(plan).summary["optimum"]["capacities"]}
    assert units == {row["unit"] for row in plan.summary["optimum"]["capacities"]} - {"kVA"}


@pytest.mark.parametrize("county", COUNTIES)
def test_nothing_is_told_of_a_real_county(county):
    plan = read_plan(MAPS / county)
    data = page_data(plan, public=True)
    for fixed in ("words", "units", "facts", "values", "layers"):
        del data[fixed]
    data["notes"] = data["notes"][1:]
    said = {"page": json.dumps(list(_texts(data)), ensure_ascii=False)}
    for theme in ("present", "heat", "gas", "grid"):
        texts = still_map(plan, theme, public=True).findobj(Text)
        said[theme] = "\n".join(text.get_text() for text in texts)
    document = zipfile.ZipFile(io.BytesIO(report_docx(plan, public=True, pictures=_picture)))
    said["report"] = re.sub(r"<[^>]+>", "\n", document.read("word/document.xml").decode())
    for where, text in said.items():
        assert len(text) > 100, where
        found = [text[max(0, m.start() - 20) : m.end() + 20] for m in TOLD.finditer(text)]
        assert not found, (where, found)
        assert not FAR.search(text), where


def _texts(value):
    """Every text in nested data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _picture(theme):
    return small_png(np.full((20, 28, 4), 255, dtype=np.uint8), dpi=10)


def test_the_plan_itself_is_left_alone(telling):
    before = telling.sources.copy(), telling.options.copy(), telling.layers["gas_mains"].copy()
    public_plan(telling)
    now = telling.sources, telling.options, telling.layers["gas_mains"]
    for was, is_ in zip(before, now, strict=True):
        pd.testing.assert_frame_equal(was, is_)
