"""What the coverage map shows, as plain data: no markup, no script, nothing that fetches."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Literal
from urllib.parse import quote

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geoplan.columns import ILLUSTRATIVE, Column, plan_columns, table
from geoplan.model import Plan

Lang = Literal["zh", "en"]

LANGS: tuple[Lang, ...] = ("zh", "en")

#: Columns of a village that the page uses besides the facts.
VILLAGE = ("village_id", "name", "town", "route", "decision", "reason", "warnings", "provenance")

#: Columns shown of each line and area layer.
SHAPES = {
    "boundary": (),
    "zones": ("kind", "name"),
    "towns": (),
    "rivers": ("name",),
    "railways": ("name",),
    "roads": (),
    "gas_mains": ("status", "name", "pressure_class", "year"),
    "heat_mains": ("status", "name", "dn_mm", "year"),
}

#: Context layers are drawn within this of their true line. [m]
SIMPLIFY_M = {"boundary": 5.0, "zones": 5.0, "towns": 10.0, "rivers": 5.0, "railways": 5.0, "roads": 5.0}

#: Layers of sources: what each supplies, its capacity column and unit.
SOURCE_LAYERS = {
    "heat_sources": ("district_heating", "capacity_mw", "MW"),
    "gas_stations": ("gas", "capacity_m3_per_day", "m3/d"),
    "substations": ("electricity", "spare_kva", "kVA"),
    "biomass_supply": ("biomass", "capacity_t_per_a", "t/a"),
}

#: Steps of a degree in which coordinates travel; about 1 m. [1/°]
GRID = 100_000

#: Address of one 天地图 tile; the token follows.
TILES = (
    "https://t{s}.tianditu.gov.cn/{layer}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0"
    "&LAYER={layer}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk="
)


def page_data(plan: Plan, *, lang: Lang = "zh", tianditu_token: str | None = None) -> dict[str, Any]:
    """Everything the page shows, as plain values; tables as one array per column.

    Parameters
    ----------
    plan, lang, tianditu_token
        As for `coverage_map`.

    Returns
    -------
    dict
        Coordinates in WGS 84: of points in degrees, of lines as steps of 1e-5
        degree, the first from zero.
    """
    villages = plan.villages.sort_values("village_id", kind="stable", ignore_index=True)
    routes, facts = list(_style()["routes"]), _toml("webmap/facts.toml")
    points = _lonlat(villages)
    sources = _sources(plan)
    shapes = {stem: _shapes(plan.layers[stem], stem=stem) for stem in SHAPES if _has(plan.layers, stem)}
    links = plan.links.sort_values(["route", "from_id", "to_id"], kind="stable")
    return {
        "lang": lang,
        "title": str(getattr(plan.policy, "title", None) or "") or _words(lang)["brand"],
        "notes": _notes(plan, lang=lang),
        "words": _words(lang),
        "units": _said("units", lang),
        "values": {value: text[lang] for value, text in _style()["values"].items()},
        "layers": _said("layers", lang),
        "facts": {heading: _facts(villages, heading, lang=lang) for heading in facts},
        "routes": [{"id": r, "label": s[lang], "colour": s["colour"]} for r, s in _style()["routes"].items()],
        "decisions": {d: s[lang] for d, s in _style()["decisions"].items()},
        "villages": {
            **_columns(villages, dict.fromkeys([*VILLAGE, *(c for names in facts.values() for c in names)])),
            **points,
            "route": _positions(villages["route"], routes),
            "made": _made(villages).astype(int).tolist(),
        },
        "options": _options(plan.options, villages=villages["village_id"], routes=routes),
        "links": {
            **_columns(
                links, ("to_id", "length_m", "dn_mm", "flow_mw", "flow_m3_per_day", "loading", "year")
            ),
            "route": _positions(links["route"], routes),
            "path": _paths(links.geometry),
        },
        "shapes": shapes,
        "towns": _towns(plan.layers),
        "sources": sources,
        "made": _made_layers(plan, lang=lang),
        "bounds": _bounds(points, sources, shapes),
        "tiles": _tiles(tianditu_token),
    }


@cache
def asset(path: str) -> str:
    """A text that ships with the package."""
    return resources.files("geoplan").joinpath(f"data/{path}").read_text("utf-8")


@cache
def _toml(path: str) -> dict[str, Any]:
    return tomllib.loads(asset(path))


def _style() -> dict[str, Any]:
    """Label, colour and order of the routes."""
    return _toml("style.toml")


def _said(section: str, lang: Lang) -> dict[str, str]:
    """The page's fixed words of one section in one language."""
    return {key: text[lang] for key, text in _toml("webmap/text.toml")[section].items()}


def _words(lang: Lang) -> dict[str, str]:
    return _said("words", lang)


def _has(layers: Mapping[str, gpd.GeoDataFrame], stem: str) -> bool:
    return stem in layers and len(layers[stem]) > 0


def _notes(plan: Plan, *, lang: Lang) -> list[str]:
    """The line under the title: year, coordinate system, and what the map is not."""
    words = _words(lang)
    year = getattr(plan.policy, "year", None)
    crs = plan.villages.crs
    name = re.sub(r"CGCS2000 / 3-degree Gauss-Kruger CM (\d+)E", words["cgcs2000"], crs.name)
    code = f" (EPSG:{crs.to_epsg()})" if crs.to_epsg() else ""
    dated = [words["year"].format(year)] if year else []
    said = getattr(plan.policy, "disclaimer", "")
    method = [words["optimum"]] if "optimum" in plan.summary else []
    return [*dated, *method, words["crs"].format(name + code), words["disclaimer"], *filter(None, [said])]


def _facts(villages: pd.DataFrame, heading: str, *, lang: Lang) -> list[dict[str, str]]:
    """The columns under one heading that say something here, with label and unit."""
    # Money that nobody is told is said to be open; any other empty column says nothing.
    open_ = heading == "facts_money"
    names = _toml("webmap/facts.toml")[heading]
    filled = [name for name in names if name in villages and (open_ or villages[name].notna().any())]
    return [_fact(plan_columns()[name], lang=lang) for name in filled]


def _fact(column: Column, *, lang: Lang) -> dict[str, str]:
    return {"name": column.name, "label": column.zh if lang == "zh" else column.en, "unit": column.unit}


def _columns(frame: pd.DataFrame, names: Iterable[str]) -> dict[str, list[Any]]:
    """Those of the columns that the frame has, as lists; nothing, NaN and NA become None."""
    return {name: _values(frame[name]) for name in names if name in frame}


def _values(column: pd.Series) -> list[Any]:
    """Values that JSON knows, numbers to two decimals.

    Examples
    --------
    >>> _values(pd.Series([1.239, None])), _values(pd.Series([3.0, 4.0])), _values(pd.Series(["a", None]))
    ([1.24, None], [3, 4], ['a', None])
    """
    missing = column.isna().to_numpy(dtype=bool)
    if pd.api.types.is_bool_dtype(column.dtype):
        return [None if gone else bool(v) for v, gone in zip(column, missing, strict=True)]
    if pd.api.types.is_numeric_dtype(column.dtype):
        numbers = column.to_numpy(dtype=float, na_value=np.nan).round(2)
        return [None if not np.isfinite(v) else int(v) if v.is_integer() else v for v in numbers.tolist()]
    return [None if gone else _plain(v) for v, gone in zip(column, missing, strict=True)]


def _plain(value: Any) -> Any:
    """A value of a mixed column as JSON knows it."""
    if value is None:
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | float | np.number):
        return round(float(value), 2) if np.isfinite(value) else None
    return str(value)


def _positions(column: pd.Series, values: Sequence[str]) -> list[int]:
    return [int(i) for i in pd.Index(values).get_indexer(column)]


def _lonlat(frame: gpd.GeoDataFrame) -> dict[str, list[float | None]]:
    """Place of each row in WGS 84; None without one. [°]"""
    geometry = frame.geometry
    inside = geometry.where(geometry.geom_type == "Point", geometry.representative_point()).to_crs(4326)
    return {name: _degrees(values) for name, values in (("lon", inside.x), ("lat", inside.y))}


def _degrees(values: pd.Series) -> list[float | None]:
    return [None if np.isnan(v) else v for v in values.to_numpy(dtype=float).round(5).tolist()]


def _made(frame: pd.DataFrame) -> pd.Series:
    """Whether each row is made data."""
    if "provenance" not in frame:
        return pd.Series(False, index=frame.index)
    return frame["provenance"].astype("string").fillna("").str.startswith(ILLUSTRATIVE).astype(bool)


def _made_layers(plan: Plan, *, lang: Lang) -> list[str]:
    """Labels of the layers that hold made data."""
    labels = _said("layers", lang)
    stems = [stem for stem in labels if stem in plan.layers and _made(plan.layers[stem]).any()]
    made_sources = plan.sources[_made(plan.sources)]
    supplied = {route: stem for stem, (route, _, _) in SOURCE_LAYERS.items()}
    from_sources = {supplied.get(route, "substations") for route in made_sources["route"]}
    villages = {"villages"} if _made(plan.villages).any() else set()
    return [label for stem, label in labels.items() if stem in {*villages, *stems, *from_sources}]


def _paths(geometry: gpd.GeoSeries, *, within_m: float = 0.0) -> list[list[list[int]]]:
    """Lines and rings of each feature as whole steps of 1e-5 degree, the first from zero.

    Examples
    --------
    >>> _paths(gpd.GeoSeries.from_wkt(["LINESTRING (1 2, 1.00002 2.00001)"], crs=4326))
    [[[100000, 200000, 2, 1]]]
    """
    simple = geometry.simplify(within_m) if within_m else geometry
    shapes = simple.to_crs(4326).to_numpy()
    lines = np.where(shapely.get_dimensions(shapes) == 2, shapely.boundary(shapes), shapes)
    parts, owner = shapely.get_parts(lines, return_index=True)
    paths: list[list[list[int]]] = [[] for _ in shapes]
    for part, feature in zip(parts, owner.tolist(), strict=True):
        paths[feature].append(_steps(shapely.get_coordinates(part)))
    return paths


def _steps(lonlat: np.ndarray) -> list[int]:
    whole = np.round(lonlat * GRID).astype(np.int64)
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
    steps = steps[np.any(steps != 0, axis=1)]
    return [int(v) for v in steps.ravel()]


def _shapes(frame: gpd.GeoDataFrame, *, stem: str) -> dict[str, list[Any]]:
    """Lines and areas of one layer, in an order that does not hang on the order of the rows."""
    wide = frame[shapely.get_dimensions(frame.geometry.to_numpy()) > 0]
    out = {"path": _paths(wide.geometry, within_m=SIMPLIFY_M.get(stem, 0.0)), **_columns(wide, SHAPES[stem])}
    order = sorted(range(len(wide)), key=lambda i: (out["path"][i], [str(out[c][i]) for c in out]))
    return {name: [values[i] for i in order] for name, values in out.items()}


def _towns(layers: Mapping[str, gpd.GeoDataFrame]) -> dict[str, list[Any]]:
    """Name and place of the towns."""
    if not _has(layers, "towns") or "name" not in layers["towns"]:
        return {"name": [], "lon": [], "lat": []}
    towns = layers["towns"].sort_values("name", kind="stable", ignore_index=True)
    return {**_columns(towns, ("name",)), **_lonlat(towns)}


def _sources(plan: Plan) -> dict[str, list[Any]]:
    """Sources of the plan, and those of the layers that the plan leaves out."""
    parts = [plan.sources]
    for stem, (route, capacity, unit) in SOURCE_LAYERS.items():
        if _has(plan.layers, stem):
            layer = plan.layers[stem]
            left_out = layer[~layer["source_id"].isin(plan.sources["source_id"])]
            parts.append(left_out.assign(route=route, capacity=left_out[capacity], unit=unit))
    columns = [*table("sources"), "geometry"]
    frames = [part.reindex(columns=columns) for part in parts if len(part)]
    if not frames:
        return {name: [] for name in ("source_id", "name", "route", "lon", "lat")}
    every = gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), geometry="geometry", crs=plan.villages.crs)
    every = every.sort_values(["route", "source_id"], kind="stable", ignore_index=True)
    return {**_columns(every, table("sources")), **_lonlat(every)}


def _options(options: pd.DataFrame, *, villages: pd.Series, routes: Sequence[str]) -> dict[str, list[Any]]:
    """Options by village and in the order of the style; texts that repeat are kept once."""
    frame = options.assign(
        village=_positions(options["village_id"], villages.tolist()),
        place=_positions(options["route"], routes),
    ).sort_values(["village", "place"], kind="stable")
    texts: dict[str, int] = {}
    because = frame["infeasible_because"].astype(object).where(frame["infeasible_because"].notna(), "")
    return {
        "village": frame["village"].tolist(),
        "route": frame["place"].tolist(),
        "feasible": frame["feasible"].astype(bool).astype(int).tolist(),
        **_columns(
            frame,
            (
                "annual_cost_cny",
                "household_cost_cny_per_season",
                "household_cost_unsubsidised_cny_per_season",
                "rank",
            ),
        ),
        "because": [_because(text, texts=texts) for text in because],
        "texts": list(texts),
    }


def _because(text: str, *, texts: dict[str, int]) -> list[list[Any]]:
    """Failed tests of one option as [place in `texts`, measured, limit, unit]; `texts` grows."""
    try:
        findings = json.loads(text or "[]")
    except ValueError:
        findings = [{"text": text}]
    return [
        [
            texts.setdefault(str(finding.get("text") or finding.get("code") or ""), len(texts)),
            *(_plain(finding.get(key)) for key in ("measured", "limit", "unit")),
        ]
        for finding in findings
    ]


def _bounds(points: Mapping[str, Any], sources: Mapping[str, Any], shapes: Mapping[str, Any]) -> list[float]:
    """South, west, north and east of the villages and their sources, or else of what there is. [°]"""
    lonlat = [
        (x, y)
        for part in (points, sources)
        for x, y in zip(part["lon"], part["lat"], strict=True)
        if x is not None and y is not None
    ]
    if not lonlat:
        rings = [
            np.reshape(p, (-1, 2)).cumsum(axis=0) / GRID
            for s in shapes.values()
            for f in s["path"]
            for p in f
        ]
        lonlat = [tuple(row) for ring in rings for row in ring.tolist()] or [(73.0, 18.0), (135.0, 54.0)]
    west, south = np.min(lonlat, axis=0).tolist()
    east, north = np.max(lonlat, axis=0).tolist()
    return [south, west, north, east]


def _tiles(token: str | None) -> list[str]:
    """Addresses of the two 天地图 layers, or none without a token."""
    if not token:
        return []
    return [TILES.replace("{layer}", layer) + quote(token, safe="") for layer in ("vec", "cva")]
