"""Build the layers of this county from ``raw/``: same input, same bytes.

Run ``python -m layers.zichuan.build [FOLDER]`` from the root of the repository;
without a folder the layers beside this file are written anew. Real are the
households of every town, the codes and names, the boundary, the town seats,
some village points and the plant's position; everything else is made and says
so in ``provenance``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely
from shapely import LineString
from shapely.geometry.base import BaseGeometry

from layers import made, made_county, made_roads
from layers.made_county import Task

# ---------------------------------------------------------------- calibration
# Every made number of the county that a plan is sensitive to stands here.

TASK = {  # the document's households by town; number and size of the villages that share them are made
    "洪山镇": Task(900, 12, 30, 140),
    "昆仑镇": Task(2_000, 26, 30, 150),
    "双杨镇": Task(260, 5, 25, 90),
    "罗村镇": Task(1_500, 19, 35, 150),
    "寨里镇": Task(500, 9, 25, 100),
    "龙泉镇": Task(1_000, 13, 30, 140),
    "岭子镇": Task(500, 9, 25, 110),
    "西河镇": Task(2_540, 34, 25, 150),
    "太河镇": Task(1_000, 25, 15, 80),
    "将军路街道": Task(50, 2, 20, 30),
    "松龄路街道": Task(200, 4, 30, 80),
}
FRINGE = "松龄路街道"
"""The town whose households the document books as urban fringe, all of them."""
ZONE = ("370302-KFQ", "开发区", "开发区片区（示意）", 150, (117.9880, 36.6860))
"""The development zone has no unit in the official list: id, town, name, the document's households, place."""
HILL_TOWNS = ("岭子镇", "西河镇", "太河镇")

HEAT_CAPACITY_MW, HEAT_YEAR = 14.0, 2013
"""Heat the plant can give to the villages of this plan (illustrative), and since when. [MW]"""

GAS_STATIONS = {  # id: name, place, day volume for the villages of this plan [m3/d], year
    "G1": ("罗村门站（示例）", (118.0480, 36.6960), 30_000, 2017),
    "G2": ("昆仑门站（示例）", (117.8900, 36.6040), 34_000, 2016),
}

SUBSTATIONS = {  # id: name, place, spare [kVA], upgrade [kVA], year
    "S1": ("110 kV 双杨变（示例）", (117.9950, 36.7080), 4_000, 2_000, 2012),
    "S2": ("110 kV 城区变（示例）", (117.9660, 36.6480), 5_000, 2_000, 2010),
    "S3": ("35 kV 罗村变（示例）", (118.0700, 36.6760), 4_000, 2_000, 2013),
    "S4": ("35 kV 寨里变（示例）", (118.0400, 36.6400), 3_500, 1_500, 2013),
    "S5": ("110 kV 昆仑变（示例）", (117.9060, 36.5950), 6_000, 2_500, 2015),
    "S6": ("35 kV 岭子变（示例）", (117.7830, 36.6360), 2_000, 1_000, 2014),
    "S7": ("35 kV 西河变（示例）", (117.9480, 36.5120), 6_000, 3_500, 2018),
    "S8": ("35 kV 太河变（示例）", (118.1500, 36.5600), 2_500, 1_000, 2016),
}
UPGRADE_COST_CNY_PER_KVA = 900.0

BIOMASS = {  # id: name, place, pellets [t/a], year
    "B1": ("岭子成型燃料点（示例）", (117.8000, 36.6260), 1_000, 2018),
    "B2": ("西河成型燃料点（示例）", (117.9560, 36.5240), 2_000, 2018),
    "B3": ("太河成型燃料点（示例）", (118.1420, 36.5660), 2_000, 2019),
}

# ------------------------------------------------------------------ the pipes

TRUNK: dict[str, tuple[str, str, int, int, list[str | tuple[float, float]]]] = {
    # id: name, status, DN [mm], year, way
    "T1": ("电厂—双杨", "existing", 800, 2013, ["H1", (118.0230, 36.7400), "双杨镇"]),
    "T2": ("双杨—松龄路", "existing", 700, 2013, ["双杨镇", (117.9800, 36.6900), "松龄路街道"]),
    "T3": ("松龄路—般阳路", "existing", 600, 2014, ["松龄路街道", "般阳路街道"]),
    "T4": ("般阳路—将军路", "existing", 400, 2016, ["般阳路街道", "将军路街道"]),
    "T5": ("般阳路—洪山", "existing", 400, 2017, ["般阳路街道", (117.9830, 36.6320), "洪山镇"]),
    "T6": ("电厂—罗村", "planned", 500, 2020, ["H1", (118.0600, 36.7200), "罗村镇"]),
}

GAS_MAINS = {  # station: id, status, year, the place each main reaches (seat or village) from what is there
    "G1": [
        ("M1", "existing", 2017, "罗村镇"),
        ("M2", "existing", 2018, "寨里镇"),
        ("M3", "planned", 2020, "洪山镇"),
        ("M4", "planned", 2020, "开发区"),
    ],
    "G2": [
        ("N1", "existing", 2016, "昆仑镇"),
        ("N2", "existing", 2018, "龙泉镇"),
        ("N3", "planned", 2020, "许家村"),
        ("N4", "planned", 2020, "奎三村"),
    ],
}

# -------------------------------------------------------------- the placement

METRIC_CRS = 4548
REACH_M = {
    "洪山镇": 5_000.0, "昆仑镇": 7_000.0, "双杨镇": 6_000.0, "罗村镇": 6_500.0, "寨里镇": 7_000.0,
    "龙泉镇": 5_000.0, "岭子镇": 6_500.0, "西河镇": 9_000.0, "太河镇": 12_000.0, "将军路街道": 1_800.0,
    "松龄路街道": 1_500.0,
}  # fmt: skip
"""How far from its seat the villages of a town lie. [m]"""
NAMESAKE_M, SPACING_M, EDGE_M, CORRIDOR_M = 1_000.0, 650.0, 300.0, 1_500.0
ZONE_M = 200.0
"""Detail of the zones. [m]"""
SNAP_M, BLOCK_M, STRETCH, BEND, BESIDE_M = 60.0, 800.0, 1.7, 0.07, 400.0

HERE = Path(__file__).parent
PLAN = "川政办字〔2020〕49号"
LEAD = "区清洁取暖建设推进办公室"
NO_POWER = "illustrative point and capacity (示意场站、示意能力); no open data on gas and power networks"
NO_PELLETS = "illustrative point and capacity (示意供应点、示意能力)"
NO_ROADS = "illustrative road (示意道路); no open data on roads"
MADE_ROUTE = "illustrative route (示意管线); no open data on the network"
MADE_ZONE = (
    "illustrative zone (示意分区): cells of the town seats; the document names the plain without its limits"
)
PLANT = "Global Energy Monitor, Global Coal Plant Tracker, July 2024, CC BY 4.0"


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
    places = made_county.read_positions(HERE / "raw" / "positions.csv", crs=METRIC_CRS)
    boundary = made_county.read_boundary(HERE / "raw" / "boundary.geojson", crs=METRIC_CRS)
    seats = places[places["kind"] == "town seat"].set_index("name").geometry
    cells = made.voronoi_cells(seats, boundary=boundary.buffer(-EDGE_M))
    villages = place_villages(places, seats=seats, cells=cells)
    pipes = {key: trunk_line(way, places=places, seats=seats) for key, (*_, way) in TRUNK.items()}
    roads, streets = make_roads(villages, places=places, seats=seats, boundary=boundary, pipes=pipes)
    return {
        "villages": villages_layer(villages),
        "heat_sources": heat_source(places),
        "heat_mains": heat_mains(roads, streets=streets),
        "gas_stations": made.stations(
            GAS_STATIONS, columns=["capacity_m3_per_day", "year"], provenance=NO_POWER, crs=METRIC_CRS
        ),
        "gas_mains": gas_mains(roads, villages=villages),
        "substations": substations(),
        "biomass_supply": made.stations(
            BIOMASS, columns=["capacity_t_per_a", "year"], provenance=NO_PELLETS, crs=METRIC_CRS
        ),
        "roads": made_roads.roads_layer(roads, provenance=NO_ROADS, crs=METRIC_CRS),
        "zones": zones(made.voronoi_cells(seats, boundary=boundary)),
        "towns": made_county.towns_layer(places),
        "boundary": made_county.boundary_layer(boundary, name="淄博市淄川区", crs=METRIC_CRS),
    }


def place_villages(
    places: gpd.GeoDataFrame, *, seats: gpd.GeoSeries, cells: gpd.GeoSeries
) -> gpd.GeoDataFrame:
    """Task villages with a point each: known ones first, then the made ones; the zone last."""
    table = made_county.read_villages(HERE / "raw" / "villages.csv")
    known = places[places["kind"] == "village"].geometry
    rows = made_county.spread_task(table, task=TASK, known=known.index, seed="zichuan")
    taken = {str(code): point for code, point in known.items() if code in rows.index}
    areas = made_county.areas_round_seats(
        rows, seats=seats, cells=cells, reach_m=REACH_M, namesake_m=NAMESAKE_M
    )
    points = made.place_points(areas, taken=taken, spacing_m=SPACING_M)
    rows["real"] = rows.index.isin(list(taken))
    code, town, name, households, place = ZONE
    zone = pd.DataFrame(
        {"name": name, "town": town, "class": "", "households": households, "real": False}, [code]
    )
    points[code] = made.metric_points({code: place}, crs=METRIC_CRS)[code]
    rows = pd.concat([zone, rows])
    return gpd.GeoDataFrame(rows, geometry=[points[code] for code in rows.index], crs=METRIC_CRS)


def trunk_line(
    way: list[str | tuple[float, float]], *, places: gpd.GeoDataFrame, seats: gpd.GeoSeries
) -> LineString:
    """Way of one trunk pipe through seats, the plant and free waypoints."""
    free = made.metric_points({str(p): p for p in way if not isinstance(p, str)}, crs=METRIC_CRS)
    known = {**dict(seats.items()), "H1": places.geometry["H1"]}
    return LineString([known[p] if isinstance(p, str) else free[str(p)] for p in way])


def make_roads(
    villages: gpd.GeoDataFrame,
    *,
    places: gpd.GeoDataFrame,
    seats: gpd.GeoSeries,
    boundary: BaseGeometry,
    pipes: Mapping[str, LineString],
) -> tuple[made_roads.Roads, made_roads.Streets]:
    """Roads through seats, stations and villages; every pipe has a street above it."""
    net = shapely.union_all(list(pipes.values()))
    beside = villages.geometry[villages.distance(net) <= BESIDE_M]
    named = {**dict(seats.items()), "H1": places.geometry["H1"]}
    streets = made_roads.streets_along(
        pipes, named=named, beside=dict(beside.items()), snap_m=SNAP_M, block_m=BLOCK_M
    )
    stations = made.metric_points(
        {key: place for key, (_, place, *_) in GAS_STATIONS.items()}, crs=METRIC_CRS
    )
    nodes = {**streets.nodes, **dict(villages.geometry.items()), **dict(stations.items())}
    area = boundary.union(net.buffer(CORRIDOR_M))
    roads = made_roads.road_network(nodes, fixed=streets.edges, within=area, stretch=STRETCH, bend=BEND)
    return roads, streets


def heat_source(places: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Place the plant: its position is real, the heat it can give to these villages is not known."""
    row = {
        "source_id": "H1",
        "name": places.at["H1", "name"],
        "kind": "热电联产",
        "capacity_mw": HEAT_CAPACITY_MW,
        "year": HEAT_YEAR,
        "provenance": f"illustrative capacity (示意能力); position: {PLANT}",
    }
    return made_county.layer(pd.DataFrame([row]), [places.geometry["H1"]], crs=METRIC_CRS)


def heat_mains(roads: made_roads.Roads, *, streets: made_roads.Streets) -> gpd.GeoDataFrame:
    """Trunk pipes, with the vertices of the streets above them."""
    rows = [(status, f"{key} {name}", dn, year) for key, (name, status, dn, year, _) in TRUNK.items()]
    frame = pd.DataFrame(rows, columns=["status", "name", "dn_mm", "year"]).assign(provenance=MADE_ROUTE)
    return made_county.layer(frame, [roads.line(streets.order[key]) for key in TRUNK], crs=METRIC_CRS)


def gas_mains(roads: made_roads.Roads, *, villages: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Gas mains along the roads: from each station to its places, one after the other."""
    codes = {name: code for code, name in villages["name"].items()} | {ZONE[1]: ZONE[0]}
    lines = [
        line
        for station, mains in GAS_MAINS.items()
        for line in roads.grow(station, targets=[codes.get(place, place) for *_, place in mains])
    ]
    rows = [(status, f"{key} 至{place}", year) for m in GAS_MAINS.values() for key, status, year, place in m]
    frame = pd.DataFrame(rows, columns=["status", "name", "year"])
    return made_county.layer(
        frame.assign(pressure_class="中压A", provenance=MADE_ROUTE), lines, crs=METRIC_CRS
    )


def substations() -> gpd.GeoDataFrame:
    """Substations near the towns, all at one price of reinforcement."""
    columns = ["spare_kva", "upgrade_kva", "year"]
    frame = made.stations(SUBSTATIONS, columns=columns, provenance=NO_POWER, crs=METRIC_CRS)
    frame.insert(4, "upgrade_cost_cny_per_kva", UPGRADE_COST_CNY_PER_KVA)
    return frame


def zones(cells: gpd.GeoSeries) -> gpd.GeoDataFrame:
    """Plain and mountain as unions of town cells, one row per part."""
    hills = cells.index.isin(HILL_TOWNS)
    kinds = {"mountain": ("山区（示意）", cells[hills]), "plain": ("平原（示意）", cells[~hills])}
    rows = [
        (kind, name, part)
        for kind, (name, parts) in kinds.items()
        for part in shapely.get_parts(parts.union_all().simplify(ZONE_M))
    ]
    frame = pd.DataFrame(rows, columns=["kind", "name", "shape"]).assign(provenance=MADE_ZONE)
    return made_county.layer(frame.drop(columns="shape"), frame["shape"], crs=METRIC_CRS)


def villages_layer(villages: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Villages in the columns of the contract."""
    town = villages["town"]
    office = town.where(town == ZONE[1], town + "人民政府").str.replace("街道人民政府", "街道办事处")
    rows = {
        "village_id": villages.index,
        "name": villages["name"],
        "town": town,
        "households": villages["households"],
        "dwelling": "bungalow",
        "urban_fringe": town == FRINGE,
        "area_class": (town == FRINGE).map({True: "urban_fringe", False: "rural"}),
        "lead_agency": LEAD,
        "responsible_agency": office.str.replace("开发区", "开发区管委会"),
        "provenance": [provenance(str(code), row) for code, row in villages.iterrows()],
    }
    return made_county.layer(pd.DataFrame(rows), villages.geometry, crs=METRIC_CRS)


def provenance(code: str, row: pd.Series) -> str:
    """Say what is made in a village row."""
    if code == ZONE[0]:
        return f"illustrative point (示意点位); {PLAN} gives the households; the zone has no official village"
    return made_county.village_provenance(row["class"], real=row["real"])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
