"""Build the layers of this county from ``raw/``: same input, same bytes.

Run ``python -m layers.wutai.build [FOLDER]`` from the root of the repository;
without a folder the layers beside this file are written anew. Real are the
households of every row of the document, the codes and names, the boundary, the
river, the town seats and a few village points; everything else is made and says
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

TASK = {  # the document's electric households by town; number and size of the villages are made
    "沟南乡": Task(305, 8, 20, 55),
    "台城镇": Task(122, 4, 18, 45),
    "豆村镇": Task(686, 14, 25, 80),
    "高洪口乡": Task(215, 5, 25, 65),
    "茹村乡": Task(206, 6, 18, 55),
    "阳白乡": Task(185, 6, 15, 50),
    "蒋坊乡": Task(79, 3, 15, 40),
    "耿镇镇": Task(77, 4, 10, 30),
    "白家庄镇": Task(40, 3, 8, 20),
    "门限石乡": Task(20, 2, 6, 14),
    "东冶镇": Task(4, 1, 1, 4),
    "陈家庄乡": Task(8, 2, 3, 5),
    "建安镇": Task(1, 1, 1, 2),
    "东雷乡": Task(1, 1, 1, 2),
}
SEAT_TOWN = "台城镇"
APARTMENTS = Task(1_831, 7, 180, 340)
"""The document's 县城 households of district heating; the split over the seven communities is made."""
PIPED_VILLAGE, PIPED_HOUSEHOLDS = "南关村", 170
"""The document's 农村 households of district heating; the village at the county seat is made to have them."""
TOWN_CENTRE = "121"
"""Official class of the villages inside the county seat, none of which is made electric."""
POLICE_HOUSEHOLDS = 16

HEAT_CAPACITY_MW, HEAT_YEAR = 16.0, 2023
"""Heat the boiler plant can give to the households of this plan (illustrative), and since when. [MW]"""
BOILERS = (113.2310, 38.7270)

SUBSTATIONS = {  # id: name, place, spare [kVA], upgrade [kVA], year
    "S1": ("110 kV 台城变（示例）", (113.2370, 38.7170), 3_500, 1_500, 2022),
    "S2": ("35 kV 茹村变（示例）", (113.3560, 38.7400), 1_500, 1_000, 2022),
    "S3": ("35 kV 豆村变（示例）", (113.3720, 38.8400), 3_500, 2_500, 2022),
    "S4": ("35 kV 高洪口变（示例）", (113.4880, 38.6850), 1_500, 1_000, 2022),
    "S5": ("35 kV 阳白变（示例）", (113.0900, 38.7180), 1_500, 500, 2022),
    "S6": ("110 kV 东冶变（示例）", (113.1400, 38.6360), 1_000, 0, 2018),
    "S7": ("35 kV 陈家庄变（示例）", (113.3900, 38.5700), 1_000, 0, 2018),
    "S8": ("35 kV 耿镇变（示例）", (113.5600, 38.7240), 1_000, 500, 2022),
    "S9": ("35 kV 门限石变（示例）", (113.6850, 38.7820), 600, 0, 2019),
}
UPGRADE_COST_CNY_PER_KVA = 900.0

BIOMASS = {  # id: name, place, pellets [t/a], year
    "B1": ("台城成型燃料点（示例）", (113.2700, 38.7000), 2_000, 2021),
    "B2": ("豆村成型燃料点（示例）", (113.3600, 38.8250), 2_000, 2021),
}

# ------------------------------------------------------------------ the pipes

MAINS: dict[str, tuple[str, str, int, int, list[str | tuple[float, float]]]] = {
    # id: name, status, DN [mm], year, way
    "T1": ("锅炉房—县城", "existing", 400, 2019, ["H1", (113.2370, 38.7240), SEAT_TOWN]),
    "T2": ("县城北线", "existing", 300, 2020, [SEAT_TOWN, (113.2460, 38.7280), (113.2440, 38.7360)]),
    "T3": ("县城东线", "planned", 300, 2023, [SEAT_TOWN, (113.2490, 38.7212), (113.2530, 38.7222)]),
}

# -------------------------------------------------------------- the placement

METRIC_CRS = 4547
REACH_M = {
    "沟南乡": 7_500.0, "台城镇": 7_500.0, "豆村镇": 7_000.0, "高洪口乡": 6_000.0, "茹村乡": 5_500.0,
    "阳白乡": 7_000.0, "蒋坊乡": 4_500.0, "耿镇镇": 8_000.0, "白家庄镇": 5_500.0, "门限石乡": 6_000.0,
    "东冶镇": 3_000.0, "陈家庄乡": 6_000.0, "建安镇": 3_000.0, "东雷乡": 4_000.0,
}  # fmt: skip
"""How far from its seat the villages of a town lie. [m]"""
NEAR_M, OFF_PIPE_M = (60.0, 350.0), 2_000.0
"""Distance from the pipe: of the communities, and of the villages without district heating. [m]"""
NEAR_SPACING_M, NAMESAKE_M, SPACING_M, EDGE_M, CLIP_M = 300.0, 1_000.0, 900.0, 400.0, 3_000.0
SNAP_M, BLOCK_M, STRETCH, BEND = 60.0, 700.0, 1.7, 0.07
NO_COAL_M = 2_500.0
"""Radius of the made no-coal zone round the county seat. [m]"""

HERE = Path(__file__).parent
PLAN = "五政办发〔2023〕16号"
HOUSING, POLICE = "住房和城乡建设管理局", "交警队"
NO_POWER = "illustrative point and capacity (示意场站、示意能力); no open data on the power network"
NO_PELLETS = "illustrative point and capacity (示意供应点、示意能力)"
NO_ROADS = "illustrative road (示意道路); no open data on roads"
NO_PIPES = "illustrative route (示意管线); no open data on the network"
NO_ZONE = (
    "illustrative zone (示意分区): a circle round the seat; the document names the zone without its limits"
)
MADE_BOILERS = (
    f"illustrative point and capacity (示意点位、示意能力); {PLAN} names boiler plants, not where they stand"
)
BOOKED = f"; {PLAN} books the households on {HOUSING}, without a place"


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
    plant = made.metric_points({"H1": BOILERS}, crs=METRIC_CRS)["H1"]
    named = {**dict(seats.items()), "H1": plant}
    pipes = {key: main_line(way, named=named) for key, (*_, way) in MAINS.items()}
    villages = place_villages(
        places, seats=seats, boundary=boundary, net=shapely.union_all(list(pipes.values()))
    )
    roads, streets = make_roads(villages, named=named, boundary=boundary, pipes=pipes)
    return {
        "villages": villages_layer(villages),
        "heat_sources": heat_source(named["H1"]),
        "heat_mains": heat_mains(roads, streets=streets),
        "substations": substations(),
        "biomass_supply": made.stations(
            BIOMASS, columns=["capacity_t_per_a", "year"], provenance=NO_PELLETS, crs=METRIC_CRS
        ),
        "roads": made_roads.roads_layer(roads, provenance=NO_ROADS, crs=METRIC_CRS),
        "rivers": made_county.rivers_layer(
            HERE / "raw" / "rivers.geojson", within=boundary.buffer(CLIP_M), name="滹沱河", crs=METRIC_CRS
        ),
        "zones": zones(seats[SEAT_TOWN].buffer(NO_COAL_M, quad_segs=8)),
        "towns": made_county.towns_layer(places),
        "boundary": made_county.boundary_layer(boundary, name="忻州市五台县", crs=METRIC_CRS),
    }


def main_line(way: list[str | tuple[float, float]], *, named: Mapping[str, BaseGeometry]) -> LineString:
    """Way of one pipe through named places and free waypoints."""
    free = made.metric_points({str(p): p for p in way if not isinstance(p, str)}, crs=METRIC_CRS)
    return LineString([named[p] if isinstance(p, str) else free[str(p)] for p in way])


def task_rows(known: pd.Index) -> pd.DataFrame:
    """Rows of the task by code: electric villages, communities and the piped village at the county seat."""
    table = made_county.read_villages(HERE / "raw" / "villages.csv")
    seat = table["town"] == SEAT_TOWN
    piped = seat & (table["name"] == PIPED_VILLAGE)
    communities = table[seat & table["name"].str.endswith("社区")]
    in_seat = seat & (table["class"] == TOWN_CENTRE)
    others = table[~in_seat & ~table.index.isin(communities.index)]
    electric = made_county.spread_task(others, task=TASK, known=known, seed="wutai")
    flats = made_county.spread_task(communities, task={SEAT_TOWN: APARTMENTS}, known=[], seed="wutai")
    rural = table[piped].assign(households=PIPED_HOUSEHOLDS)
    kinds = {"electric": electric, "flats": flats, "piped": rural}
    return pd.concat([rows.assign(kind=kind) for kind, rows in kinds.items()]).sort_index()


def place_villages(
    places: gpd.GeoDataFrame, *, seats: gpd.GeoSeries, boundary: BaseGeometry, net: BaseGeometry
) -> gpd.GeoDataFrame:
    """Give every row a point: real ones first, the communities beside the pipe, the villages away from it."""
    known = places[places["kind"] == "village"].geometry
    rows = task_rows(known.index)
    cells = made.voronoi_cells(seats, boundary=boundary.buffer(-EDGE_M))
    taken = {str(code): point for code, point in known.items() if code in rows.index}
    beside = made.strip_beside(net, cell=cells[SEAT_TOWN], offset_m=NEAR_M)
    near = {str(code): beside for code in rows.index[rows["kind"] == "flats"]}
    points = made.place_points(near, taken=taken, spacing_m=NEAR_SPACING_M)
    away = made_county.areas_round_seats(
        rows[rows["kind"] == "electric"],
        seats=seats,
        cells=cells,
        reach_m=REACH_M,
        namesake_m=NAMESAKE_M,
        keep_off=net.buffer(OFF_PIPE_M),
    )
    points = made.place_points(away, taken=points, spacing_m=SPACING_M)
    rows["real"] = rows.index.isin(list(taken))
    return gpd.GeoDataFrame(rows, geometry=[points[code] for code in rows.index], crs=METRIC_CRS)


def make_roads(
    villages: gpd.GeoDataFrame,
    *,
    named: Mapping[str, BaseGeometry],
    boundary: BaseGeometry,
    pipes: Mapping[str, LineString],
) -> tuple[made_roads.Roads, made_roads.Streets]:
    """Roads through seats, the plant and villages; every pipe has a street above it."""
    beside = villages.geometry[villages["kind"] != "electric"]
    streets = made_roads.streets_along(
        pipes, named=named, beside=dict(beside.items()), snap_m=SNAP_M, block_m=BLOCK_M
    )
    nodes = {**streets.nodes, **dict(villages.geometry.items())}
    roads = made_roads.road_network(nodes, fixed=streets.edges, within=boundary, stretch=STRETCH, bend=BEND)
    return roads, streets


def heat_source(place: BaseGeometry) -> gpd.GeoDataFrame:
    """Place the boiler plant of the county seat."""
    row = {
        "source_id": "H1",
        "name": "县城集中供热锅炉房（示例）",
        "kind": "超低排放燃煤锅炉",
        "capacity_mw": HEAT_CAPACITY_MW,
        "year": HEAT_YEAR,
        "provenance": MADE_BOILERS,
    }
    return made_county.layer(pd.DataFrame([row]), [place], crs=METRIC_CRS)


def heat_mains(roads: made_roads.Roads, *, streets: made_roads.Streets) -> gpd.GeoDataFrame:
    """Pipes of the county seat, with the vertices of the streets above them."""
    rows = [(status, f"{key} {name}", dn, year) for key, (name, status, dn, year, _) in MAINS.items()]
    frame = pd.DataFrame(rows, columns=["status", "name", "dn_mm", "year"]).assign(provenance=NO_PIPES)
    return made_county.layer(frame, [roads.line(streets.order[key]) for key in MAINS], crs=METRIC_CRS)


def substations() -> gpd.GeoDataFrame:
    """Substations near the towns, all at one price of reinforcement."""
    columns = ["spare_kva", "upgrade_kva", "year"]
    frame = made.stations(SUBSTATIONS, columns=columns, provenance=NO_POWER, crs=METRIC_CRS)
    frame.insert(4, "upgrade_cost_cny_per_kva", UPGRADE_COST_CNY_PER_KVA)
    return frame


def zones(area: BaseGeometry) -> gpd.GeoDataFrame:
    """Lay the no-coal zone round the county seat."""
    row = {"kind": "no_coal", "name": "县城禁煤区（示意）", "provenance": NO_ZONE}
    return made_county.layer(pd.DataFrame([row]), [area], crs=METRIC_CRS)


def villages_layer(villages: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Villages, communities and the unlocated row in the columns of the contract."""
    electric, flats = villages["kind"] == "electric", villages["kind"] == "flats"
    office = villages["town"] + "人民政府"
    rows = pd.DataFrame(
        {
            "village_id": villages.index,
            "name": villages["name"],
            "town": villages["town"],
            "households": villages["households"],
            "dwelling": flats.map({True: "apartment", False: "bungalow"}),
            "area_class": flats.map({True: "built_up", False: "rural"}),
            "user_kind": "household",
            "report_row": villages["town"].where(electric, HOUSING),
            "lead_agency": electric.map({True: "县能源局", False: "县住房和城乡建设管理局"}),
            "responsible_agency": office.where(electric, "县热力公司"),
            "unlocated": False,
            "provenance": [
                made_county.village_provenance(ur_class, real=real) + ("" if own else BOOKED)
                for ur_class, real, own in zip(villages["class"], villages["real"], electric, strict=True)
            ],
        }
    )
    rows = pd.concat([pd.DataFrame([police_row()]), rows], ignore_index=True)
    return made_county.layer(rows, [None, *villages.geometry], crs=METRIC_CRS)


def police_row() -> dict[str, object]:
    """Give the row of the annex that has no place: counted everywhere, drawn nowhere."""
    return {
        "village_id": "140922-JJD",
        "name": POLICE,
        "town": "县直单位",
        "households": POLICE_HOUSEHOLDS,
        "dwelling": "bungalow",
        "area_class": None,
        "user_kind": "institution",
        "report_row": POLICE,
        "lead_agency": "县能源局",
        "responsible_agency": "县公安局交警大队",
        "unlocated": True,
        "provenance": f"row 15 of the annex of {PLAN} (交警队、集体户); the document gives no place",
    }


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
