"""Build the layers of this zone from ``raw/``: same input, same bytes.

Run ``python -m layers.jining.build [FOLDER]`` from the root of the repository;
without a folder the layers beside this file are written anew. Real are the
villages with their households, most codes, the town seats, the outline of the
county and the canal; every village point, road and substation is made and says
so in ``provenance``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
from shapely import Point
from shapely.geometry.base import BaseGeometry

from layers import made, made_county, made_roads

# ---------------------------------------------------------------- calibration
# Every made number of the zone that a plan is sensitive to stands here.

DEMOLITION_YEARS = {"马集村": 2025, "任山村": 2024, "三皇庙村": 2024, "磨山村": 2025}
"""Made: the document calls these four 计划拆迁村 and gives no year. [year]"""

FEEDER, FED_VILLAGE = "F1", "马集村"
"""The one village whose external grid the document has upgraded, and its own feeder."""

SUBSTATIONS = {  # id: name, place, spare [kVA], year
    "S1": ("35 kV 疃里变（示例）", (116.4080, 35.4520), 12_000, 2015),
    "S2": ("110 kV 经开区变（示例）", (116.4260, 35.4180), 14_000, 2018),
    "S3": ("10 kV 疃里西线（示例）", (116.3760, 35.4370), 12_000, 2016),
    "S4": ("10 kV 马集北线（示例）", (116.3790, 35.3640), 6_000, 2016),
    "S5": ("10 kV 马集东线（示例）", (116.3930, 35.3520), 6_000, 2017),
    "S6": ("10 kV 马集南线（示例）", (116.3780, 35.3380), 6_000, 2017),
    "S7": ("10 kV 马集西线（示例）", (116.3610, 35.3500), 6_000, 2016),
}
FEEDER_NAME, FEEDER_SPARE_KVA, FEEDER_UPGRADE_KVA, FEEDER_YEAR = "10 kV 马集村外网（示例）", 600, 5_400, 2021
"""What the feeder has left and what its upgrade adds; the price of lines and transformers
stands in the policy's investment item `grid`, so the upgrade has none of its own."""

# -------------------------------------------------------------- the placement

METRIC_CRS = 4548
REACH_M = {"疃里镇": 4_200.0, "马集镇": 3_400.0}
"""How far from its seat the villages of a town lie. [m]"""
SEAT_M, NAMESAKE_M, SPACING_M, EDGE_M, CLIP_M = 350.0, 500.0, 620.0, 300.0, 3_000.0
MARGIN_M = 60.0
"""Other villages keep this far out of the area that is nearest to the feeder of the one. [m]"""
STRETCH, BEND = 1.7, 0.07

HERE = Path(__file__).parent
PLAN = "济开管字〔2021〕8号"
LEAD = "区城乡建设和交通局"
MADE_STATION = "illustrative point and capacity (示意场站、示意能力); no open data on the power network"
MADE_FEEDER = (
    f"illustrative point and capacity (示意位置、示意能力); {PLAN} names the upgrade of this village alone"
)
MADE_ROAD = "illustrative road (示意道路); no open data on roads"
LISTS = {
    "china-division 2.7.0": "the list of 2023 (china-division 2.7.0, MIT)",
    "china-division 2.0.0": "a unit of the 2016 list only, not in that of 2023 (china-division 2.0.0, MIT)",
}


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
    """Make the layers of the zone.

    Returns
    -------
    dict of str to GeoDataFrame
        Layers by stem, in the zone's metric CRS, sorted by id.
    """
    raw = HERE / "raw"
    places = made_county.read_positions(raw / "positions.csv", crs=METRIC_CRS)
    boundary = made_county.read_boundary(raw / "boundary.geojson", crs=METRIC_CRS)
    villages = place_villages(read_villages(), places=places, boundary=boundary)
    stations = substations(villages)
    return {
        "villages": villages_layer(villages),
        "substations": stations,
        "roads": roads(villages, places=places, stations=stations, boundary=boundary),
        "rivers": made_county.rivers_layer(
            raw / "rivers.geojson", within=boundary.buffer(CLIP_M), name="京杭运河", crs=METRIC_CRS
        ),
        "towns": made_county.towns_layer(places),
        "boundary": made_county.boundary_layer(boundary, name="嘉祥县", crs=METRIC_CRS),
    }


def read_villages() -> pd.DataFrame:
    """Villages of the document's table by id; the one without a code gets an id of ours."""
    table = pd.read_csv(HERE / "raw" / "villages.csv", dtype={"village_code": str}, keep_default_na=False)
    town_code = {"疃里镇": "370829104", "马集镇": "370829108"}
    own = table["town"].map(town_code) + "-X" + table["report_order"].astype(str).str.zfill(2)
    return table.set_index(table["village_code"].where(table["village_code"] != "", own)).sort_index()


def place_villages(
    table: pd.DataFrame, *, places: gpd.GeoDataFrame, boundary: BaseGeometry
) -> gpd.GeoDataFrame:
    """Give every village a point round the seat of its town: first the one that has a feeder to itself."""
    seats = places.set_index("name").geometry
    cells = made.voronoi_cells(seats, boundary=boundary.buffer(-EDGE_M))
    fed = str(table.index[table["village"] == FED_VILLAGE][0])
    home = cells[table.at[fed, "town"]] & seats[table.at[fed, "town"]].buffer(NAMESAKE_M)
    first = made.place_points({fed: home}, taken={}, spacing_m=SPACING_M)
    stations = _station_points() | {FEEDER: _feeder_point(first[fed])}
    alone = made.voronoi_cells(gpd.GeoSeries(stations), boundary=boundary)[FEEDER].buffer(MARGIN_M)
    areas = {
        str(code): (cells[town] & seats[town].buffer(REACH_M[town])) - alone - seats[town].buffer(SEAT_M)
        for code, town in table["town"].items()
    }
    points = made.place_points(areas, taken=first, spacing_m=SPACING_M)
    return gpd.GeoDataFrame(table, geometry=[points[code] for code in table.index], crs=METRIC_CRS)


def _station_points() -> dict[str, Point]:
    places = {key: place for key, (_, place, *_) in SUBSTATIONS.items()}
    return dict(made.metric_points(places, crs=METRIC_CRS).items())


def _feeder_point(village: Point) -> Point:
    return Point(village.x + 60.0, village.y - 60.0)


def substations(villages: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Substations and lines of the towns, and the feeder of the village whose external grid is upgraded."""
    frame = made.stations(
        SUBSTATIONS, columns=["spare_kva", "year"], provenance=MADE_STATION, crs=METRIC_CRS
    ).assign(upgrade_kva=0)
    at = _feeder_point(villages.geometry[villages["village"] == FED_VILLAGE].iloc[0])
    feeder = {
        "source_id": FEEDER,
        "name": FEEDER_NAME,
        "spare_kva": FEEDER_SPARE_KVA,
        "upgrade_kva": FEEDER_UPGRADE_KVA,
        "year": FEEDER_YEAR,
        "provenance": MADE_FEEDER,
    }
    rows = pd.concat([pd.DataFrame([feeder]), frame.drop(columns="geometry")], ignore_index=True)
    return made_county.layer(rows, [at, *frame.geometry], crs=METRIC_CRS)


def roads(
    villages: gpd.GeoDataFrame,
    *,
    places: gpd.GeoDataFrame,
    stations: gpd.GeoDataFrame,
    boundary: BaseGeometry,
) -> gpd.GeoDataFrame:
    """Rural roads through the seats, the substations and the villages."""
    seats = places[places["kind"] == "town seat"].set_index("name").geometry
    yards = stations[stations["source_id"] != FEEDER].set_index("source_id").geometry
    nodes = dict(villages.geometry.items()) | dict(seats.items()) | dict(yards.items())
    network = made_roads.road_network(nodes, fixed={}, within=boundary, stretch=STRETCH, bend=BEND)
    return made_roads.roads_layer(network, provenance=MADE_ROAD, crs=METRIC_CRS)


def villages_layer(villages: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Villages in the columns of the contract."""
    rows = {
        "village_id": villages.index,
        "name": villages["village"],
        "town": villages["town"],
        "households": villages["households"],
        "dwelling": "bungalow",
        "demolition_year": villages["village"].map(DEMOLITION_YEARS).astype("Int64"),
        "lead_agency": LEAD,
        "responsible_agency": villages["town"] + "人民政府",
        "report_order": villages["report_order"],
        "provenance": [village_provenance(row) for _, row in villages.iterrows()],
    }
    return made_county.layer(pd.DataFrame(rows), villages.geometry, crs=METRIC_CRS)


def village_provenance(row: pd.Series) -> str:
    """Say what is made in a row, and where the rest comes from."""
    made_of = "point and year (示意点位、示意拆迁年份)" if row["note"] else "point (示意点位)"
    return f"illustrative {made_of}; name and households: {PLAN}, 附件2; {_code(row)}"


def _code(row: pd.Series) -> str:
    """Where the code of a village comes from."""
    if not row["village_code"]:
        return "in neither list, id of this project"
    said = f"code: {LISTS[row['source']]}"
    if made.plain_name(row["official_name"]) != row["village"]:
        said += f", listed as {made.plain_name(row['official_name'])}, to be verified"
    if row["official_town"] != row["town"]:
        said += f", listed under {row['official_town']}"
    return said


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
