"""Renderer and labels of every table: the signs of the coverage map."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import geopandas as gpd
import pandas as pd

from geoplan.columns import ILLUSTRATIVE, LAYER_GEOMETRY
from geoplan.explain import near_tie_pct
from geoplan.made import layer_labels
from geoplan.model import Plan
from geoplan.qgis.content import columns, data, frames, looks, routes, values, words
from geoplan.qgis.xml import (
    INK,
    Element,
    category,
    element,
    fill,
    labels,
    line,
    marker,
    mixed,
    pale,
    quoted,
    renderer,
    symbol,
)

#: Diameter of a village larger than 19 in 20 others, the least one, and one with room for a mark. [mm]
LARGE_MM, LEAST_MM, MARKED_MM = 4.6, 1.2, 2.4
#: Names of villages appear from this scale on; those of sources and towns from the others.
VILLAGE_SCALE, SOURCE_SCALE, TOWN_SCALE = 60_000, 250_000, 600_000
#: Villages without households.
IDLE = "#b4babf"


def styled(root: Element, plan: Plan, name: str, lang: str) -> Element:
    """The element with everything that makes the look of a table.

    Parameters
    ----------
    root : Element
        Of a style or of a layer in a project; it is changed.
    plan : Plan
    name : str
        Of the table.
    lang : {"zh", "en"}
    """
    frame, there = frames(plan)[name], columns(plan, name)
    root.set("labelsEnabled", "0")
    if isinstance(frame, gpd.GeoDataFrame):
        drawn, named = _look(plan, name, lang)
        root.append(drawn)
        if named is not None:
            root.append(named)
            root.set("labelsEnabled", "1")
    coded = (_coded(c.name, values(c, lang)) for c in there if c.values)
    root.append(element("fieldConfiguration", *coded))
    aliases = (element("alias", field=c.name, index="-1", name=c.label(lang)) for c in there)
    root.append(element("aliases", *aliases))
    if "name" in frame:
        root.append(element("previewExpression", text='"name"'))
    if name in looks()["notes"]:
        said = looks()["notes"][name][lang].format(near=near_tie_pct(plan.policy))
        root.append(element("userNotes", value=said))
    return root


def _coded(name: str, said: Mapping[str, str]) -> Element:
    """A field whose values are shown as words."""
    pairs = (
        element("Option", element("Option", name=text, type="QString", value=value), type="Map")
        for value, text in said.items()
    )
    options = element("Option", element("Option", *pairs, name="map", type="List"), type="Map")
    return element("field", element("editWidget", element("config", options), type="ValueMap"), name=name)


def _look(plan: Plan, name: str, lang: str) -> tuple[Element, Element | None]:
    if name == "villages":
        named = labels('"name"', size=8.0, min_scale=VILLAGE_SCALE, placement="around")
        return _villages(plan.villages, lang, near_tie_pct(plan.policy)), named
    if name == "links":
        return _links(plan.links, lang), None
    if name == "sources":
        text = _load_text(lang)
        named = labels(text, size=9.0, bold=True, min_scale=SOURCE_SCALE, placement="around", priority=10)
        return _sources(plan.sources, lang), named
    sign = next((s for s in looks()["signs"].values() if s["layer"] == name), None)
    if sign is not None:
        hollow = marker(shape=sign["shape"], colour="#ffffff", size=3.4, outline=sign["colour"], width=0.5)
        return renderer([symbol("marker", hollow)]), None
    if name in looks()["mains"]:
        return _mains(plan.layers[name], name, lang), None
    return _context(plan.layers[name], name, lang)


# --- villages -----------------------------------------------------------------------------------------


def _there(frame: pd.DataFrame) -> list[str]:
    return [route for route in routes() if (frame["route"] == route).any()]


def _villages(frame: gpd.GeoDataFrame, lang: str, near_pct: float) -> Element:
    """By route, area in proportion to households; made places dashed, near ties ringed by the runner-up."""
    there, styles = _there(frame), routes()
    busy = frame["households"].astype(float)
    large = float(busy[busy > 0].quantile(0.95)) if (busy > 0).any() else 1.0
    size = f'max({LEAST_MM}, {LARGE_MM / large**0.5:.4f} * sqrt(coalesce("households", 0)))'
    shape = "if(\"dwelling\" = 'apartment', 'square', 'circle')" if "dwelling" in frame else "'circle'"
    made = f"\"provenance\" LIKE '{ILLUSTRATIVE}%'" if "provenance" in frame else "false"
    symbols = [
        symbol(
            "marker",
            _ring(shape=shape, size=size, near_pct=near_pct),
            _spot(styles[route]["colour"], shape=shape, size=size, made=made),
            *_mark(styles[route], size=size),
        )
        for route in there
    ]
    entries = [category(route, styles[route][lang], i) for i, route in enumerate(there)]
    return renderer(symbols, entries, by="route", order='"households"')


def _ring(*, shape: str, size: str, near_pct: float) -> Element:
    """A ring in the colour of the runner-up, where that is nearly as cheap."""
    colours = ", ".join(f"{quoted(r)}, {quoted(s['colour'])}" for r, s in routes().items())
    near = f'coalesce(abs("margin_pct") <= {near_pct:g}, false)'
    dynamic = {
        "enabled": f'"runner_up" IS NOT NULL AND {near} AND "households" > 0',
        "name": shape,
        "size": f"{size} + 1.5",
        "outlineColor": f'map_get(map({colours}), "runner_up")',
    }
    return marker(shape="circle", colour=None, size=4.0, outline=INK, width=0.5, dynamic=dynamic)


def _spot(colour: str, *, shape: str, size: str, made: str) -> Element:
    """A village: grey without households, with a dark dashed outline where it is made."""
    light, dark = mixed(colour, "#ffffff", 0.14), mixed(colour, "#000000", 0.5)
    edge = dark if pale(colour) else "#ffffff"
    either = (
        f"CASE WHEN coalesce(\"households\", 0) = 0 THEN '{IDLE}' WHEN {made} THEN '{{}}' ELSE '{{}}' END"
    )
    dynamic = {
        "name": shape,
        "size": size,
        "fillColor": either.format(light, colour),
        "outlineColor": either.format(dark, edge),
        "outlineStyle": f"if({made}, 'dash', 'solid')",
    }
    return marker(shape="circle", colour=colour, size=3.2, outline=edge, width=0.3, dynamic=dynamic)


def _mark(style: Mapping[str, Any], *, size: str) -> Iterator[Element]:
    """The small sign inside that tells a route where its colour fails."""
    colour = "#3c3c3c" if pale(style["colour"]) else "#ffffff"
    room = {"enabled": f'{size} >= {MARKED_MM} AND "households" > 0'}
    thick = {"outlineWidth": f"min(max({size} * 0.1, 0.34), 0.8)"}
    name = style.get("mark")
    if name in ("dot", "ring"):
        reach = 0.3 if name == "dot" else 0.42
        inside = colour if name == "dot" else None
        yield marker(
            shape="circle",
            colour=inside,
            size=3.2 * reach,
            outline=colour,
            width=0.0 if inside else 0.34,
            dynamic=room | {"size": f"{size} * {reach}"} | ({} if inside else thick),
        )
        return
    for x0, y0, x1, y1 in looks()["marks"].get(name, ()):
        yield _stroke((x0, y0, x1, y1), colour=colour, size=size, dynamic=room | thick)


def _stroke(
    ends: tuple[float, float, float, float], *, colour: str, size: str, dynamic: Mapping[str, str]
) -> Element:
    """A stroke inside a sign; QGIS turns a standing line, and its offset with it."""
    x0, y0, x1, y1 = (end / 2.0 for end in ends)
    length, turn = math.hypot(x1 - x0, y1 - y0), math.atan2(x1 - x0, y0 - y1)
    x, y = (x0 + x1) / 2.0, (y0 + y1) / 2.0
    aside = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    offset = " || ',' || ".join(f"({size} * {part:.4f})" for part in aside)
    return marker(
        shape="line",
        colour=colour,
        size=3.2 * length,
        outline=colour,
        width=0.34,
        angle=math.degrees(turn),
        dynamic={**dynamic, "size": f"{size} * {length:.4f}", "offset": offset},
    )


# --- pipes, sources, ground ---------------------------------------------------------------------------


def _width(bare: int, *, there: bool = True) -> str:
    """Width of a pipe by its diameter. [px]"""
    return f'0.9 + sqrt(coalesce("dn_mm", {bare})) / 5.5' if there else f"{0.9 + bare**0.5 / 5.5:.3f}"


def _pipe(colour: str, *, width: str, dash: Sequence[float] | None = None) -> Element:
    casing = line(colour="#ffffff", width=5.0, level=0, widths=f"{width} + 2")
    return symbol("line", casing, line(colour=colour, width=3.0, level=1, widths=width, dash=dash))


def _links(frame: gpd.GeoDataFrame, lang: str) -> Element:
    """By route, heat pipes by their loading; thicker with the diameter."""
    by = '"route" || CASE WHEN "route" <> \'district_heating\' OR "loading" IS NULL THEN \'\''
    classes = looks()["loading"]
    for one in classes[:-1]:
        by += f" WHEN \"loading\" < {one['below']} THEN ' {one['id']}'"
    by += f" ELSE ' {classes[-1]['id']}' END"
    rows: list[tuple[str, str, str]] = []
    for route in _there(frame):
        style = routes()[route]
        loading = frame.loc[frame["route"] == route, "loading"].astype(float)
        if route == "district_heating" and loading.notna().any():
            rows += [
                (f"{route} {one['id']}", f"{style[lang]} · {one[lang]}", one["colour"]) for one in classes
            ]
        if route != "district_heating" or loading.isna().any():
            rows.append((route, style[lang], style["colour"]))
    symbols = [_pipe(colour, width=_width(looks()["bare_dn_mm"])) for _, _, colour in rows]
    return renderer(symbols, [category(v, label, i) for i, (v, label, _) in enumerate(rows)], by=by)


def _mains(frame: gpd.GeoDataFrame, name: str, lang: str) -> Element:
    """Existing mains as whole lines, planned ones dashed."""
    look, said = looks()["mains"][name], words(lang)
    there = [status for status in ("existing", "planned") if (frame["status"] == status).any()]
    width = _width(look["bare_dn_mm"], there="dn_mm" in frame)
    dashes = {"existing": None, "planned": look["dash"]}
    symbols = [_pipe(look["colour"], width=width, dash=dashes[status]) for status in there]
    entries = [category(status, said[status], i) for i, status in enumerate(there)]
    return renderer(symbols, entries, by="status")


def _sources(frame: gpd.GeoDataFrame, lang: str) -> Element:
    signs, said = looks()["signs"], layer_labels(lang)
    there = [route for route in signs if (frame["route"] == route).any()]
    symbols = [
        symbol(
            "marker", marker(shape=one["shape"], colour=one["colour"], size=4.2, outline="#ffffff", width=0.5)
        )
        for one in (signs[route] for route in there)
    ]
    entries = [category(r, said[signs[r]["layer"]], i) for i, r in enumerate(there)]
    return renderer(symbols, entries, by="route")


def _load_text(lang: str) -> str:
    """Name of a source, and what of it is used."""
    units = data("webmap/text.toml")["units"]
    said = ", ".join(f"{quoted(unit)}, {quoted(text[lang])}" for unit, text in units.items())
    used, capacity = (f'format_number("{c}", if("capacity" < 1000, 1, 0))' for c in ("used", "capacity"))
    unit = f'coalesce(map_get(map({said}), "unit"), "unit")'
    return f"coalesce(\"name\", \"source_id\") || '\\n' || {used} || ' / ' || {capacity} || ' ' || {unit}"


def _context(frame: gpd.GeoDataFrame, name: str, lang: str) -> tuple[Element, Element | None]:
    """Base map and zones."""
    strokes = looks()["strokes"][name]
    area = LAYER_GEOMETRY[name] in ("Polygon", "Any") and bool(
        frame.geom_type.astype(str).str.contains("Polygon").any()
    )
    kind = "fill" if area else "line"
    if isinstance(strokes, dict):
        there = [value for value in strokes if (frame["kind"] == value).any()]
        entries = [category(value, words(lang)[value], i) for i, value in enumerate(there)]
        found = renderer([symbol(kind, *_strokes(strokes[v], kind)) for v in there], entries, by="kind")
    elif name == "towns" and not area:
        dot = marker(shape="circle", colour="#ffffff", size=1.4, outline=INK, width=0.3)
        found = renderer([symbol("marker", dot)])
    else:
        found = renderer([symbol(kind, *_strokes(strokes, kind))])
    return found, _context_labels(name, area=area) if "name" in frame else None


def _context_labels(name: str, *, area: bool) -> Element | None:
    if name == "towns":
        where = "inside" if area else "around"
        return labels('"name"', size=11.0, min_scale=TOWN_SCALE, placement=where, bold=True, priority=9)
    if name == "rivers":
        return labels('"name"', size=8.0, min_scale=SOURCE_SCALE, placement="along", colour="#4f86ab")
    return None


def _strokes(looks_of: Sequence[Mapping[str, Any]], kind: str) -> Iterator[Element]:
    for i, look in enumerate(looks_of):
        pen = {"colour": look["colour"], "width": look["width"], "dash": look.get("dash")}
        if kind == "fill":
            yield fill(**pen, inside=look.get("fill"), opacity=look.get("opacity", 1.0))
        else:
            yield line(**pen, level=i)
