"""A made county for the tests of the maps: some 200 villages, every layer, every kind of row."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString, Point, Polygon

from geoplan.columns import plan_columns, table
from geoplan.model import Plan

CRS = "EPSG:4544"
MADE = "illustrative: built for the tests"
TOWNS = {
    "金积镇": (106.123, 37.933),
    "金银滩镇": (106.268, 37.912),
    "高闸镇": (106.187, 37.869),
    "扁担沟镇": (106.221, 37.797),
    "上桥镇": (106.170, 37.985),
    "古城镇": (106.245, 38.020),
    "东塔寺乡": (106.255, 37.965),
    "板桥乡": (106.130, 38.020),
    "郭家桥乡": (106.300, 37.985),
}
HEADS = "关马沙梧东西上下新早杨郭汉秦郝古石河丁罗"
TAILS = ("渠", "家湖", "坝", "滩", "桥", "台", "庄", "闸", "营", "洼", "井")
ROUTES = ("district_heating", "gas", "heat_pump", "electric_station", "solar_plus", "biomass", "clean_coal")
SEASON_CNY = {
    "district_heating": 1210, "gas": 2480, "heat_pump": 1630, "electric_station": 1890, "solar_plus": 1350,
    "biomass": 1720, "clean_coal": 1420,
}  # fmt: skip


def plan(*, n_villages: int = 203, title: str = "清洁取暖规划覆盖图（测试县）", seed: int = 7) -> Plan:
    """A plan with about `n_villages` villages, three of them without a place."""
    rng = np.random.default_rng(seed)
    towns = _points({"name": list(TOWNS)}, list(TOWNS.values()))
    place = _scatter(n_villages, towns=towns, rng=rng)
    heat_mains = _heat_mains(towns)
    gas_mains = _gas_mains(towns)
    villages = _villages(place, towns=towns, heat=heat_mains, gas=gas_mains, rng=rng)
    links = _links(villages, heat=heat_mains, gas=gas_mains)
    villages = _unlocate(villages)
    layers = {
        "boundary": _boundary(),
        "towns": towns.assign(provenance="open data"),
        "rivers": _lines({"name": ["黄河", "清水沟"]}, [_river(106.065, 0.012), _river(106.205, 0.006)]),
        "railways": _lines({"name": ["包兰铁路"]}, [[(106.03, 37.76), (106.16, 37.90), (106.21, 38.08)]]),
        "roads": _roads(villages, towns=towns),
        "heat_mains": heat_mains,
        "gas_mains": gas_mains,
        "zones": _zones(),
        "heat_sources": _heat_sources(),
        "gas_stations": _gas_stations(),
        "substations": _substations(),
        "biomass_supply": _biomass(),
    }
    return Plan(
        name="testing",
        villages=villages,
        options=_options(villages, rng=rng),
        links=links,
        sources=_sources(villages, layers),
        policy=SimpleNamespace(title=title, year=2022),  # type: ignore[arg-type]
        layers=layers,
        summary={"households": int(villages["households"].sum())},
        provenance={"files": {"villages.geojson": "00"}},
    )


def _metric(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.to_crs(CRS)


def _points(columns: dict[str, Any], lonlat: list[tuple[float, float]]) -> gpd.GeoDataFrame:
    return _metric(gpd.GeoDataFrame(columns, geometry=[Point(p) for p in lonlat], crs="EPSG:4326"))


def _lines(columns: dict[str, Any], paths: list[list[tuple[float, float]]]) -> gpd.GeoDataFrame:
    return _metric(gpd.GeoDataFrame(columns, geometry=[LineString(p) for p in paths], crs="EPSG:4326"))


def _river(lon: float, swing: float) -> list[tuple[float, float]]:
    lat = np.linspace(37.74, 38.09, 60)
    return list(zip(lon + swing * np.sin(lat * 40) + (lat - 37.74) * 0.12, lat, strict=True))


def _boundary() -> gpd.GeoDataFrame:
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    reach = 1 + 0.07 * np.sin(5 * angle) + 0.04 * np.cos(11 * angle)
    ring = list(
        zip(106.21 + 0.175 * reach * np.cos(angle), 37.915 + 0.165 * reach * np.sin(angle), strict=True)
    )
    frame = gpd.GeoDataFrame({"name": ["测试县"]}, geometry=[Polygon(ring)], crs="EPSG:4326")
    return _metric(frame.assign(provenance="open data"))


def _zones() -> gpd.GeoDataFrame:
    box = shapely.box(106.14, 37.965, 106.225, 38.005)
    return _metric(
        gpd.GeoDataFrame({"kind": ["no_coal"], "name": ["禁煤区"]}, geometry=[box], crs="EPSG:4326")
    )


def _heat_mains(towns: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    at = TOWNS
    paths = [
        [(106.205, 38.045), at["古城镇"], at["东塔寺乡"], (106.225, 37.945), at["高闸镇"]],
        [at["古城镇"], at["上桥镇"], at["金积镇"]],
        [at["东塔寺乡"], at["郭家桥乡"]],
        [at["高闸镇"], at["扁担沟镇"]],
    ]
    columns = {
        "status": ["existing", "existing", "planned", "planned"],
        "name": ["东线主干", "西线主干", "郭家桥支干", "扁担沟支干"],
        "dn_mm": [900, 700, 400, 400],
        "year": [2016, 2018, 2023, 2024],
    }
    return _lines(columns, paths).assign(provenance=MADE)


def _gas_mains(towns: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    at = TOWNS
    paths = [
        [(106.10, 37.80), (106.16, 37.845), at["高闸镇"], at["金银滩镇"], at["郭家桥乡"]],
        [at["高闸镇"], (106.15, 37.915), at["金积镇"], (106.105, 37.98), at["板桥乡"]],
    ]
    columns = {
        "status": ["existing", "planned"],
        "name": ["利宁中压", "金积中压"],
        "pressure_class": ["中压A"] * 2,
    }
    return _lines(columns, paths).assign(year=[2015, 2023], provenance=MADE)


def _scatter(n: int, *, towns: gpd.GeoDataFrame, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Places around the towns that keep some distance from each other."""
    spread = 3600.0 if n < 1000 else 9000.0
    clearance = 520.0 if n < 1000 else 60.0
    home = rng.integers(0, len(towns), n * 9)
    xy = towns.get_coordinates().to_numpy()[home] + rng.normal(0, spread, (n * 9, 2))
    grid = np.floor(xy / clearance).astype(int)
    _, first = np.unique(grid, axis=0, return_index=True)
    inside = shapely.contains_xy(_boundary().geometry.iloc[0].buffer(-800), xy)
    keep = np.sort(first[inside[first]])[:n]
    return gpd.GeoDataFrame({"home": home[keep]}, geometry=gpd.points_from_xy(*xy[keep].T), crs=CRS)


def _villages(
    place: gpd.GeoDataFrame,
    *,
    towns: gpd.GeoDataFrame,
    heat: gpd.GeoDataFrame,
    gas: gpd.GeoDataFrame,
    rng: np.random.Generator,
) -> gpd.GeoDataFrame:
    n = len(place)
    number = np.arange(n)
    frame = gpd.GeoDataFrame(geometry=place.geometry, crs=CRS)
    frame["village_id"] = [f"6403021{i // 25:02d}{200 + i % 25:03d}{i // 225 or ''}" for i in number]
    frame["name"] = [f"{HEADS[i // 11 % 20]}{TAILS[i % 11]}{'村' if i < 220 else i}" for i in number]
    frame["town"] = towns["name"].to_numpy()[place["home"]]
    households = np.round(rng.lognormal(5.2, 0.6, n)).astype(int)
    frame["households"] = np.where(number % 41 == 5, 0, households)
    frame["dwelling"] = np.where(number % 17 == 3, "apartment", "bungalow")
    frame["floor_area_m2"] = np.where(frame["dwelling"] == "apartment", 95.0, 88.5)
    to_heat = place.distance(heat.union_all()).to_numpy()
    to_gas = place.distance(gas.union_all()).to_numpy()
    frame["break_even_m"] = np.round(frame["households"] * 6.5)
    frame["heat_connection_m"] = np.round(to_heat * 1.25)
    chosen = np.select(
        [
            frame["heat_connection_m"] <= frame["break_even_m"],
            to_gas < 900,
            number % 13 == 1,
            number % 19 == 2,
            number % 23 == 4,
            number % 29 == 6,
        ],
        ["district_heating", "gas", "solar_plus", "biomass", "clean_coal", "existing"],
        "heat_pump",
    )
    frame["route"] = chosen
    frame["source_id"] = pd.Series(chosen).map(
        {"district_heating": "H1", "gas": "G1", "heat_pump": "S3", "biomass": "B1"}
    )
    frame["decision"] = np.where(number % 11 == 7, "no capacity left", "first choice")
    return _costs(frame, rng=rng)


def _costs(frame: gpd.GeoDataFrame, *, rng: np.random.Generator) -> gpd.GeoDataFrame:
    households = frame["households"]
    number = np.arange(len(frame))
    frame["heat_load_kw"] = households * frame["floor_area_m2"] * 0.048
    frame["heat_demand_mwh_per_a"] = frame["heat_load_kw"] * 2.1
    frame["connection_m"] = np.where(frame["route"] == "district_heating", frame["heat_connection_m"], 0.0)
    frame["runner_up"] = np.where(frame["route"] == "heat_pump", "gas", "heat_pump")
    frame["margin_pct"] = np.round(rng.normal(12, 9, len(frame)), 1)
    frame["household_cost_cny_per_season"] = frame["route"].map(SEASON_CNY).fillna(900.0)
    frame["annual_cost_cny"] = households * (frame["household_cost_cny_per_season"] + 2150.0)
    frame["capex_cny"] = households * 18_500.0
    frame["household_capex_cny"] = households * 2_400.0
    frame["year"] = pd.array(2022 + number % 3, dtype="Int64")
    reach = frame["heat_connection_m"].map("{:.0f}".format)
    limit = frame["break_even_m"].map("{:.0f}".format)
    near = frame["route"] == "district_heating"
    start = "至热网需新建 " + reach + " m，"
    frame["reason"] = np.where(
        near,
        start + "小于盈亏平衡长度 " + limit + " m，热源尚有余量，按顺序首选集中供暖。",
        start + "超过盈亏平衡长度 " + limit + " m；其余方式中按政策顺序取第一个可行方式。",
    )
    frame["warnings"] = np.where(number % 9 == 0, "线热密度低于 0.5 MWh/(m·a)，集中供暖需论证。", None)
    frame["provenance"] = np.where(number % 3 == 0, MADE, "2022 annex 1; open data position")
    frame["unlocated"] = False
    for column in plan_columns():
        if column not in frame:
            frame[column] = None
    return frame


def _unlocate(villages: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The last three rows lose their place, as in an annex without coordinates."""
    last = villages.index[-3:]
    villages.loc[last, "unlocated"] = True
    villages.loc[last[:2], "geometry"] = Point()
    villages.loc[last[2:], "geometry"] = None
    return villages


def _options(villages: gpd.GeoDataFrame, *, rng: np.random.Generator) -> pd.DataFrame:
    frame = villages[["village_id", "households", "route", "heat_connection_m", "break_even_m"]].merge(
        pd.DataFrame({"option": ROUTES}), how="cross"
    )
    far = (frame["option"] == "district_heating") & (frame["route"] != "district_heating")
    no_gas = (frame["option"] == "gas") & (frame["route"] != "gas")
    because = np.where(
        far,
        [_because("beyond_break_even", "接入长度超过盈亏平衡长度", a, b, "m")
         for a, b in zip(frame["heat_connection_m"], frame["break_even_m"], strict=True)],
        np.where(no_gas, _because("no_network", "2 公里内无燃气管网", 2380.0, 2000.0, "m"), None),
    )  # fmt: skip
    season = frame["option"].map(SEASON_CNY) * (1 + 0.1 * rng.random(len(frame)))
    out = pd.DataFrame(
        {
            "village_id": frame["village_id"],
            "route": frame["option"],
            "feasible": ~(far | no_gas),
            "infeasible_because": because,
            "household_cost_cny_per_season": np.where(no_gas, np.nan, season.round(2)),
            "annual_cost_cny": np.where(no_gas, np.nan, (frame["households"] * (season + 2150)).round(2)),
            "capex_cny": frame["households"] * 18_500.0,
        }
    )
    cost = out["annual_cost_cny"].where(out["feasible"])
    out["rank"] = cost.groupby(out["village_id"]).rank(method="first").astype("Int64")
    return out.reindex(columns=list(table("options")))


def _because(code: str, text: str, measured: float, limit: float, unit: str) -> str:
    entry = {"code": code, "text": text, "measured": measured, "limit": limit, "unit": unit}
    return json.dumps([entry], ensure_ascii=False)


def _links(villages: gpd.GeoDataFrame, *, heat: gpd.GeoDataFrame, gas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    parts = []
    for route, mains in (("district_heating", heat), ("gas", gas)):
        served = villages[villages["route"] == route]
        line = shapely.shortest_line(mains.union_all(), served.geometry.to_numpy())
        start, end = shapely.get_point(line, 0), shapely.get_point(line, -1)
        corner = shapely.points(shapely.get_x(start), shapely.get_y(end))
        bent = [LineString([a, c, b]) for a, c, b in zip(start, corner, end, strict=True)]
        kw = served["heat_load_kw"].to_numpy()
        size = np.searchsorted([300, 500, 900, 1500, 2500, 4000], kw)
        dn = np.array([65, 80, 100, 125, 150, 200, 250])[size]
        parts.append(
            gpd.GeoDataFrame(
                {
                    "route": route,
                    "from_id": [f"J{i}" for i in range(len(served))],
                    "to_id": served["village_id"].to_numpy(),
                    "length_m": shapely.length(bent),
                    "dn_mm": dn,
                    "flow_mw": kw / 1000,
                    "loading": 0.71,
                    "capex_cny": shapely.length(bent) * 2200,
                    "year": 2022,
                },
                geometry=bent,
                crs=CRS,
            )
        )
    links = pd.concat(parts, ignore_index=True)
    return links[links["length_m"] > 1].reset_index(drop=True)


def _roads(villages: gpd.GeoDataFrame, *, towns: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Each village joined to the nearest place that lies nearer to its town."""
    seats = towns.get_coordinates().to_numpy()
    located = villages[~villages.geometry.isna() & ~villages.is_empty]
    xy = np.vstack([seats, located.get_coordinates().to_numpy()])
    home = np.linalg.norm(xy[:, None] - seats, axis=2)
    order = np.argsort(home.min(axis=1), kind="stable")
    paths = []
    for rank in range(len(seats), len(order)):
        here = order[rank]
        near = order[:rank][np.argmin(np.linalg.norm(xy[order[:rank]] - xy[here], axis=1))]
        middle = (xy[here] + xy[near]) / 2 + np.array([60.0, -45.0]) * (1 if rank % 2 else -1)
        paths.append(LineString([xy[near], middle, xy[here]]))
    pairs = ((0, 4), (4, 5), (5, 6), (6, 8), (6, 1), (1, 2), (2, 0), (2, 3), (7, 4))
    ring = [LineString([seats[i], seats[j]]) for i, j in pairs]
    return gpd.GeoDataFrame(
        {"name": None}, index=range(len(ring) + len(paths)), geometry=ring + paths, crs=CRS
    )


def _heat_sources() -> gpd.GeoDataFrame:
    columns = {"source_id": ["H1", "H2"], "name": ["第一热源厂", "第二热源厂"], "capacity_mw": [85.0, 40.0]}
    return _points(columns, [(106.205, 38.045), (106.225, 37.945)]).assign(year=2020, provenance=MADE)


def _gas_stations() -> gpd.GeoDataFrame:
    columns = {"source_id": ["G1"], "name": ["利通门站"], "capacity_m3_per_day": [60_000.0]}
    return _points(columns, [(106.10, 37.80)]).assign(provenance=MADE)


def _substations() -> gpd.GeoDataFrame:
    names = ["金积 110 kV", "古城 110 kV", "扁担沟 35 kV"]
    columns = {"source_id": ["S1", "S2", "S3"], "name": names, "spare_kva": [18_000.0, 22_000.0, 9_500.0]}
    return _points(columns, [(106.105, 37.945), (106.27, 38.035), (106.235, 37.815)]).assign(
        provenance="grid company"
    )


def _biomass() -> gpd.GeoDataFrame:
    columns = {"source_id": ["B1"], "name": ["秸秆成型燃料站"], "capacity_t_per_a": [6_000.0]}
    return _points(columns, [(106.30, 37.88)]).assign(provenance=MADE)


def _sources(villages: gpd.GeoDataFrame, layers: dict[str, gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    spec = (
        ("heat_sources", "district_heating", "capacity_mw", "MW", 0.86),
        ("gas_stations", "gas", "capacity_m3_per_day", "m3/d", 0.43),
        ("substations", "electricity", "spare_kva", "kVA", 0.97),
        ("biomass_supply", "biomass", "capacity_t_per_a", "t/a", 0.12),
    )
    parts = [
        layers[stem].assign(
            route=route, capacity=layers[stem][column], used=layers[stem][column] * share, unit=unit
        )
        for stem, route, column, unit, share in spec
    ]
    out = pd.concat(parts, ignore_index=True)
    return gpd.GeoDataFrame(
        out.reindex(columns=[*table("sources"), "geometry"]), geometry="geometry", crs=CRS
    )


#: Names that somebody would like to see run: as markup, template, JavaScript or formula.
HOSTILE = (
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "{{ 7*7 }}{% raw %}",
    "${7*7}`;window.pwned=1;//",
    "\"'><svg/onload=window.pwned=1>&lt;b&gt;",
    "constructor",
    "__proto__",
)


def hostile(plan: Plan, payload: str) -> Plan:
    """The plan with `payload` as every free text."""
    because = json.dumps(
        [{"code": payload, "text": payload, "measured": payload, "limit": 1.5, "unit": payload}]
    )
    texts = (
        "name",
        "town",
        "reason",
        "warnings",
        "provenance",
        "lead_agency",
        "source_id",
        "decision",
        "report_row",
    )
    layers = {}
    for stem, layer in plan.layers.items():
        named = dict.fromkeys(
            {"name", "status", "kind", "pressure_class", "provenance"} & set(layer), payload
        )
        layers[stem] = layer.assign(**named)
    return replace(
        plan,
        villages=plan.villages.assign(**dict.fromkeys(texts, payload)),
        options=plan.options.assign(infeasible_because=because, feasible=False),
        sources=plan.sources.assign(**dict.fromkeys(("name", "route", "unit", "provenance"), payload)),
        links=plan.links.assign(from_id=payload, to_id=payload),
        layers=layers,
        policy=SimpleNamespace(title=payload, year=2022),  # type: ignore[arg-type]
    )
