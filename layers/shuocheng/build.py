"""Build the layers of this district from ``raw/``: same input, same bytes.

Run ``python -m layers.shuocheng.build [FOLDER]`` from the root of the repository;
without a folder the layers beside this file are written anew. Real are the codes
and names, the boundary, the river, twelve town seats, eight village points and
the two plants; everything else is made and says so in ``provenance``. The sizes
of the villages are made so that the rules of the policy give the document's
households, villages and towns of every route: that shows that the rules can
express the document, not that they predict it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely
from shapely import LineString
from shapely.geometry.base import BaseGeometry

from layers import made, made_county, made_roads
from layers.shuocheng.calibration import (
    ALONE,
    BANDS,
    BIOMASS,
    FULL,
    GAS_MAINS,
    GAS_STATIONS,
    HEAT_CAPACITY_MW,
    HEAT_MAINS,
    HEAT_YEAR,
    MADE_SEATS,
    NAMED,
    SEATED,
    STREET,
    SUBSTATIONS,
    TOGETHER,
    UPGRADE_COST_CNY_PER_KVA,
    Waypoint,
)

# -------------------------------------------------------------- the placement

METRIC_CRS = 4546
"""One zone for the whole district, though 112.5 °E, the border of zone 38, runs through it."""
GAS_OFFSET_M = {"corridor": (120.0, 1_150.0), "end": (1_650.0, 1_950.0), "beyond": (2_060.0, 2_380.0)}
"""Straight distance from the gas mains, which the access roads follow. [m]"""
BESIDE_PIPE_M = (40.0, 140.0)
HEAT_GAP_M = {"corridor": 900.0, "end": 900.0, "beyond": 900.0, "off": 2_000.0, "cell": 1_200.0}
"""Straight distance that the villages of a band keep from the heat mains. [m]"""
REACH_M = {"利民镇": 9_500.0, "下团堡乡": 13_000.0}
"""How far from its seat the villages of a town lie; 8 km elsewhere. [m]"""
NAMED_REACH_M = {"北旺庄街道": 4_000.0, "北城街道": 1_500.0, "南城街道": 1_800.0}
"""How far from the seat of their street office the places that the document names lie. [m]"""
TOWN_REACH_M, NAMESAKE_M, EDGE_M, MARGIN_M = 8_000.0, 1_300.0, 300.0, 60.0
SPACING_M, NAMED_SPACING_M = 620.0, 200.0
SNAP_M, BLOCK_M, STRETCH, BEND, CLIP_M, NO_COAL_M = 60.0, 900.0, 1.7, 0.07, 3_000.0, 1_500.0

HERE = Path(__file__).parent
PLAN = "朔区政办发〔2021〕38号"
PLANT = "Global Energy Monitor, Global Coal Plant Tracker, July 2024, CC BY 4.0"
MADE_STATION = "illustrative point and capacity (示意场站、示意能力); no open data on gas and power networks"
MADE_BIOMASS = "illustrative point and capacity (示意配送点、示意能力); the document names no place"
MADE_MAIN = "illustrative route (示意管线); no open data on the networks"
MADE_ROAD = "illustrative road (示意道路); no open data on roads"
MADE_ZONE = "illustrative outline (示意范围); the document draws none"


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
    """Make the layers of the district.

    Returns
    -------
    dict of str to GeoDataFrame
        Layers by stem, in the district's metric CRS, sorted by id.
    """
    places = read_places()
    boundary = made_county.read_boundary(HERE / "raw" / "boundary.geojson", crs=METRIC_CRS)
    cells = town_cells(places, boundary=boundary.buffer(-EDGE_M))
    heat = ways({key: way for key, (*_, way) in HEAT_MAINS.items()}, places=places)
    gas = ways({key: way for key, (*_, way) in GAS_MAINS.items()}, places=places)
    villages = place_villages(choose_villages(), places=places, cells=cells, heat=heat, gas=gas)
    roads, streets = make_roads(villages, places=places, boundary=boundary, pipes=heat | gas)
    return {
        "villages": villages_layer(villages),
        "heat_sources": heat_sources(places),
        "heat_mains": heat_mains(roads, streets=streets),
        "gas_stations": made.stations(
            GAS_STATIONS, columns=["capacity_m3_per_day", "year"], provenance=MADE_STATION, crs=METRIC_CRS
        ),
        "gas_mains": gas_mains(roads, streets=streets),
        "substations": substations(),
        "biomass_supply": made.stations(
            BIOMASS, columns=["capacity_t_per_a", "year"], provenance=MADE_BIOMASS, crs=METRIC_CRS
        ),
        "roads": made_roads.roads_layer(roads, provenance=MADE_ROAD, crs=METRIC_CRS),
        "rivers": made_county.rivers_layer(
            HERE / "raw" / "rivers.geojson",
            within=boundary.buffer(CLIP_M),
            name="桑干河、恢河",
            crs=METRIC_CRS,
        ),
        "zones": zones(villages, cells=cells),
        "towns": towns(places),
        "boundary": made_county.boundary_layer(boundary, name="朔州市朔城区", crs=METRIC_CRS),
    }


def read_places() -> gpd.GeoDataFrame:
    """Known points by id, and the two made seats by their town's name."""
    known = made_county.read_positions(HERE / "raw" / "positions.csv", crs=METRIC_CRS)
    known["name"] = known["name"].map(made.plain_name)
    seats = made.metric_points(MADE_SEATS, crs=METRIC_CRS)
    rows = pd.DataFrame({"name": seats.index, "kind": "made seat"}, index=seats.index)
    return pd.concat([known, gpd.GeoDataFrame(rows, geometry=seats)])


def by_name(places: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Seats and villages by name, plants by id, stations by id."""
    keys = places["name"].where(places["kind"] != "plant", places.index.to_series())
    stations = made.metric_points(
        {key: place for key, (_, place, *_) in GAS_STATIONS.items()}, crs=METRIC_CRS
    )
    return pd.concat([places.geometry.set_axis(keys), stations])


def town_cells(places: gpd.GeoDataFrame, *, boundary: BaseGeometry) -> gpd.GeoSeries:
    """Cells of the towns: what is nearest to their seat or to a village of theirs whose place is known."""
    names = places.loc[places["kind"].isin(["town seat", "made seat"]), "name"]
    of_code = {code: name for code, name in names.items() if code not in MADE_SEATS}
    sites = places[places["kind"] != "plant"]
    town = [name if name in MADE_SEATS else of_code[code[:9]] for code, name in sites["name"].items()]
    cells = made.voronoi_cells(sites.geometry, boundary=boundary)
    return cells.groupby(pd.Series(town, index=cells.index)).agg(shapely.union_all)


def ways(lines: Mapping[str, list[Waypoint]], *, places: gpd.GeoDataFrame) -> dict[str, LineString]:
    """Lines through named places and free points."""
    known = by_name(places)
    free = {str(p): p for way in lines.values() for p in way if not isinstance(p, str)}
    points = {**known, **made.metric_points(free, crs=METRIC_CRS)}
    return {key: LineString([points[str(p)] for p in way]) for key, way in lines.items()}


def choose_villages() -> pd.DataFrame:
    """Named places, and for every band its villages: those of known place first, the rest by hash."""
    table = made_county.read_villages(HERE / "raw" / "villages.csv")
    split = {
        k: n
        for total, ids, low, high in TOGETHER
        for k, n in made.spread(total, keys=ids, low=low, high=high).items()
    }
    named = pd.DataFrame.from_dict({key: place._asdict() for key, place in NAMED.items()}, orient="index")
    named["households"] = pd.Series(split | ALONE)
    named["where"], named["class"] = "pipe", table["class"].reindex(named.index).fillna("")
    rural = pd.concat(list(_bands(table.drop(index=list(NAMED), errors="ignore"))))
    rural = rural.assign(area_class="rural", dwelling="bungalow", floor_area_m2=100.0, note="")
    return pd.concat([named, rural]).sort_index()


def _bands(table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The villages of each band with their households."""
    free = table.drop(index=list(SEATED))
    for name, band in BANDS.items():
        chosen: list[str] = []
        for town, wanted in band.villages.items():
            seated = [code for code, b in SEATED.items() if b == name and table.at[code, "town"] == town]
            others = sorted(free.index[free["town"] == town], key=lambda code: made.share("band", code))
            chosen += seated + others[: wanted - len(seated)]
        free = free.drop(index=free.index.intersection(chosen))
        sizes = made.spread(band.households, keys=sorted(chosen), low=band.least, high=band.most)
        yield table.loc[sorted(chosen)].assign(households=pd.Series(sizes), where=band.where)


def place_villages(
    table: pd.DataFrame,
    *,
    places: gpd.GeoDataFrame,
    cells: gpd.GeoSeries,
    heat: Mapping[str, LineString],
    gas: Mapping[str, LineString],
) -> gpd.GeoDataFrame:
    """Give every row a point: real ones first, then beside the pipes, then the rest."""
    known = places[places["kind"] == "village"]
    real = {code: point for code, point in known.geometry.items() if code in table.index}
    beside = table[table["where"] == "pipe"]
    seats = by_name(places)
    areas = {
        code: made.strip_beside(
            shapely.union_all(list(heat.values())),
            cell=seats[row["town"]].buffer(NAMED_REACH_M[row["town"]]) & cells[row["town"]],
            offset_m=BESIDE_PIPE_M,
        )
        for code, row in beside.iterrows()
    }
    points = made.place_points(areas, taken=real, spacing_m=NAMED_SPACING_M)
    pipes = shapely.union_all(list(heat.values())), shapely.union_all(list(gas.values()))
    for where in HEAT_GAP_M:
        rows = table[table["where"] == where]
        areas = {
            code: band_area(row, places=places, cells=cells, heat=pipes[0], gas=pipes[1])
            for code, row in rows.iterrows()
        }
        points = made.place_points(areas, taken=points, spacing_m=SPACING_M)
    rows = table.assign(real=table.index.isin(list(real)))
    return gpd.GeoDataFrame(rows, geometry=[points[code] for code in rows.index], crs=METRIC_CRS)


def band_area(
    row: pd.Series, *, places: gpd.GeoDataFrame, cells: gpd.GeoSeries, heat: BaseGeometry, gas: BaseGeometry
) -> BaseGeometry:
    """Where a village may lie: in its town, on its side of the gas corridor, off the heat mains."""
    where, town = row["where"], row["town"]
    seat = by_name(places)[town]
    alike = row["name"].removesuffix("村") == town[:-1]
    area: BaseGeometry = cells[town] & seat.buffer(NAMESAKE_M if alike else REACH_M.get(town, TOWN_REACH_M))
    area -= heat.buffer(HEAT_GAP_M[where])
    if where == "cell":
        return area - gas.buffer(GAS_OFFSET_M["corridor"][0])
    area &= feeders_area(full=where != "off")
    return area if where == "off" else made.strip_beside(gas, cell=area, offset_m=GAS_OFFSET_M[where])


def feeders_area(*, full: bool) -> BaseGeometry:
    """What is nearest to the substations of the corridor, or to the others."""
    points = made.metric_points({key: place for key, (_, place, *_) in SUBSTATIONS.items()}, crs=METRIC_CRS)
    cells = made.voronoi_cells(points, boundary=shapely.box(*points.total_bounds).buffer(40_000.0))
    return shapely.union_all(list(cells[cells.index.isin(FULL) == full])).buffer(-MARGIN_M)


def make_roads(
    villages: gpd.GeoDataFrame,
    *,
    places: gpd.GeoDataFrame,
    boundary: BaseGeometry,
    pipes: Mapping[str, LineString],
) -> tuple[made_roads.Roads, made_roads.Streets]:
    """Roads through seats, plants, stations and villages; every pipe has a street above it."""
    known = by_name(places)
    named = dict(known[[name for name in known.index if name in _waypoints()]])
    at_end = villages.index[villages.geometry.isin(list(named.values()))]
    on_street = villages[villages["where"].isin(["pipe", *GAS_OFFSET_M])].geometry.drop(at_end)
    streets = made_roads.streets_along(
        pipes, named=named, beside=dict(on_street.items()), snap_m=SNAP_M, block_m=BLOCK_M
    )
    seats = places.geometry[places["kind"].str.endswith("seat")].set_axis(
        places["name"][places["kind"].str.endswith("seat")]
    )
    nodes = {**streets.nodes, **dict(seats), **dict(villages.geometry.drop(at_end))}
    roads = made_roads.road_network(nodes, fixed=streets.edges, within=boundary, stretch=STRETCH, bend=BEND)
    return roads, streets


def _waypoints() -> set[str]:
    """Named places that a pipe runs through."""
    found = [p for *_, way in (*HEAT_MAINS.values(), *GAS_MAINS.values()) for p in way]
    return {p for p in found if isinstance(p, str)}


def heat_mains(roads: made_roads.Roads, *, streets: made_roads.Streets) -> gpd.GeoDataFrame:
    """Mains of the two plants, with the vertices of the streets above them."""
    rows = [
        ("existing", f"{key} {name}", dn, HEAT_YEAR, MADE_MAIN) for key, (name, dn, _) in HEAT_MAINS.items()
    ]
    frame = pd.DataFrame(rows, columns=["status", "name", "dn_mm", "year", "provenance"])
    lines = [roads.line(streets.order[key]) for key in HEAT_MAINS]
    return made_county.layer(frame, lines, crs=METRIC_CRS)


def gas_mains(roads: made_roads.Roads, *, streets: made_roads.Streets) -> gpd.GeoDataFrame:
    """Gas mains of the corridor, with the vertices of the streets above them."""
    rows = [
        (status, f"{key} {name}", "中压A", year, MADE_MAIN)
        for key, (name, status, year, _) in GAS_MAINS.items()
    ]
    frame = pd.DataFrame(rows, columns=["status", "name", "pressure_class", "year", "provenance"])
    lines = [roads.line(streets.order[key]) for key in GAS_MAINS]
    return made_county.layer(frame, lines, crs=METRIC_CRS)


def villages_layer(villages: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Villages in the columns of the contract; nothing in them names a route."""
    town = villages["town"]
    rows = {
        "village_id": villages.index,
        "name": villages["name"],
        "town": town,
        "households": villages["households"],
        "floor_area_m2": villages["floor_area_m2"],
        "dwelling": villages["dwelling"],
        "insulated": villages["dwelling"] == "apartment",
        "area_class": villages["area_class"],
        "lead_agency": "区能源局",
        "responsible_agency": town.where(town.str.endswith("街道"), town + "人民政府").str.replace(
            "街道$", "街道办事处", regex=True
        ),
        "provenance": [provenance(row) for _, row in villages.iterrows()],
    }
    return made_county.layer(pd.DataFrame(rows), villages.geometry, crs=METRIC_CRS)


def provenance(row: pd.Series) -> str:
    """Say what is made in a row, and where the rest comes from."""
    if row["where"] != "pipe":
        return made_county.village_provenance(row["class"], real=row["real"])
    stated = row.name in ALONE
    made_ = [] if stated else ["households (示意户数)"]
    made_ += [] if row["real"] else ["point (示意点位)"]
    said = f"households: {PLAN}" if stated else f"{PLAN} gives the sum of several places"
    where = f"; position: {made_county.ADCODE}" if row["real"] else ""
    note = f"; {row['note']}" if row["note"] else ""
    code = "" if row["note"] == STREET else f"; code: {made_county.CHINA_DIVISION}"
    what = " and ".join(made_) or "dwelling and floor area (示意住房类型)"
    return f"illustrative {what}; name: {PLAN}; {said}{where}{note}{code}"


def heat_sources(places: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Place the plants: their positions are real, the heat they can give is not known."""
    plants = places[places["kind"] == "plant"]
    rows = {
        "source_id": plants.index,
        "name": plants["name"],
        "kind": "热电联产",
        "capacity_mw": [HEAT_CAPACITY_MW[key] for key in plants.index],
        "year": HEAT_YEAR,
        "provenance": f"illustrative capacity (示意能力); position and name: {PLANT}",
    }
    return made_county.layer(pd.DataFrame(rows), plants.geometry, crs=METRIC_CRS)


def substations() -> gpd.GeoDataFrame:
    """Substations near the towns, all at one price of reinforcement."""
    frame = made.stations(
        SUBSTATIONS, columns=["spare_kva", "upgrade_kva"], provenance=MADE_STATION, crs=METRIC_CRS
    )
    frame.insert(4, "upgrade_cost_cny_per_kva", UPGRADE_COST_CNY_PER_KVA)
    return frame


def zones(villages: gpd.GeoDataFrame, *, cells: gpd.GeoSeries) -> gpd.GeoDataFrame:
    """The built-up area as no-coal zone, and the hills round 利民镇."""
    built_up = villages[villages["area_class"] == "built_up"].geometry
    town = shapely.convex_hull(shapely.union_all(list(built_up))).buffer(NO_COAL_M)
    rows = [("no_coal", "建成区（示意禁煤区）", MADE_ZONE), ("mountain", "西部山区（示意）", MADE_ZONE)]
    frame = pd.DataFrame(rows, columns=["kind", "name", "provenance"])
    return made_county.layer(frame, [town, cells["利民镇"]], crs=METRIC_CRS)


def towns(places: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Town seats, the two made ones last."""
    known = made_county.towns_layer(places)
    seats = places[places["kind"] == "made seat"]
    rows = pd.DataFrame(
        {"name": seats["name"], "provenance": "illustrative point (示意点位); no open position"}
    )
    return pd.concat([known, made_county.layer(rows, seats.geometry, crs=METRIC_CRS)], ignore_index=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
