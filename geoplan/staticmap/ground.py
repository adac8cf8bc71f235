"""What lies under every theme: the base map, the networks as they stand, and the sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geoplan.explain import number
from geoplan.mapdata import SOURCE_LAYERS, is_made, toml
from geoplan.staticmap.content import Block, Dots, Floats, Label, Lines, Look, Mark, Row, Stroke, Text
from geoplan.staticmap.view import MADE_DASH, View, coordinates

#: Lines and areas in the colours and dashes of the coverage map; widths in points.
LOOKS: dict[str, Look] = {
    "boundary": (
        Stroke("#ffffff", 3.6, fill="#fcfbf7"),
        Stroke("#7c6f8c", 1.2, dash=(7.5, 3, 1.5, 3)),
    ),
    "no_coal": (Stroke("#9c86b8", 0.9, dash=(1.5, 2.2), fill="#f1edf3", alpha=1.0),),
    "no_dig": (Stroke("#a0806a", 0.9, dash=(1.5, 2.2), fill="#f2ebe5"),),
    "plain": (Stroke("#c6cdb4", 0.75, dash=(1.5, 2.2), fill="#f6f6ee"),),
    "mountain": (Stroke("#b9ab90", 0.75, dash=(1.5, 2.2), fill="#f3efe5"),),
    "rivers": (Stroke("#a9cce3", 2.0),),
    "roads": (Stroke("#cfc6b4", 0.8),),
    "railways": (Stroke("#9aa0a6", 2.2, butt=True), Stroke("#ffffff", 1.3, dash=(5, 5), butt=True)),
}
#: Widths and dashes of the mains; their colours are those of the coverage map. [pt]
MAIN_WIDTHS = {"heat_mains": (2.2, (6.0, 4.5)), "gas_mains": (1.8, (5.2, 4.5))}
ZONES = ("plain", "mountain", "no_coal", "no_dig")
BASE = ("boundary", "zones", "rivers", "railways", "roads")

#: Radius of the signs of sources. [mm]
SOURCE_RADII = {"district_heating": 2.3, "gas": 2.2, "biomass": 2.1, "electricity": 2.1}
STEMS = {route: stem for stem, (route, _, _) in SOURCE_LAYERS.items()}
#: What the amounts of sources are divided by where they are written large, and the unit then. [zh, en]
LARGE_UNITS = {"m3/d": (10_000.0, {"zh": "万m³/日", "en": "10⁴ m³/d"})}


def main_look(stem: str, status: str) -> Look:
    """How a network that stands or is planned is drawn."""
    width, dash = MAIN_WIDTHS[stem]
    planned = status == "planned"
    colour = str(toml("qgis.toml")["mains"][stem]["colour"])
    return (
        Stroke("#ffffff", width + 1.8),
        Stroke(colour, width, dash=dash if planned else (), butt=planned),
    )


def source_mark(route: str) -> Mark:
    """Sign of a source by what it supplies, the same on every map."""
    sign = toml("qgis.toml")["signs"][route]
    return Mark(str(sign["colour"]), str(sign["shape"]), radius=SOURCE_RADII[route], edge_width=1.4)


def has(view: View, stem: str) -> bool:
    """Whether the plan has a layer with something in it."""
    return stem in view.plan.layers and len(view.plan.layers[stem]) > 0


def base(view: View) -> list[Lines]:
    """Boundary, zones, waters and ways, faint."""
    layers = [Lines(_seen(view, "boundary"), (LOOKS["boundary"][0],))] if has(view, "boundary") else []
    if has(view, "zones"):
        zones = view.plan.layers["zones"]
        kinds = [k for k in ZONES if (zones["kind"] == k).any()]
        layers += [Lines(clipped(view, zones[zones["kind"] == kind]), LOOKS[kind]) for kind in kinds]
    layers += [
        Lines(_seen(view, stem), LOOKS[stem]) for stem in ("rivers", "roads", "railways") if has(view, stem)
    ]
    if has(view, "boundary"):
        layers.append(Lines(_seen(view, "boundary"), (LOOKS["boundary"][1],)))
    return [layer for layer in layers if len(layer.shapes)]


def base_block(view: View) -> Block:
    """Legend of the base map."""
    labels, said = view.layers, view.words
    zones = view.plan.layers["zones"] if has(view, "zones") else pd.DataFrame({"kind": []})
    rows = [
        Row((labels[s],), sign=LOOKS[s])
        for s in ("roads", "railways", "rivers", "boundary")
        if has(view, s) and len(_seen(view, s))
    ]
    rows += [
        Row((said[k],), sign=LOOKS[k])
        for k in ZONES
        if (zones["kind"] == k).any() and len(clipped(view, zones[zones["kind"] == k]))
    ]
    return Block(said["base"], tuple(rows))


def mains(
    view: View, stem: str, *, statuses: Sequence[str] = ("existing", "planned")
) -> tuple[list[Lines], list[Row]]:
    """Networks as they stand and as they are planned, with their rows of the legend."""
    layers, rows = [], []
    if has(view, stem):
        lines = view.plan.layers[stem]
        planned = (lines["status"] == "planned").to_numpy(dtype=bool)
        for status in statuses:
            shapes = clipped(view, lines[planned == (status == "planned")])
            if len(shapes):
                label = view.say("of", view.layers[stem], view.words[status])
                layers.append(Lines(shapes, main_look(stem, status)))
                rows.append(Row((label,), sign=main_look(stem, status)))
    return layers, rows


def sources(
    view: View, routes: Iterable[str], *, loads: bool = True
) -> tuple[list[Dots], list[Row], list[Label]]:
    """Sources that supply the routes, with their rows of the legend and their labels.

    Without `loads` the many substations go unnamed.
    """
    layers, rows, labels = [], [], []
    for route in routes:
        own = of_route(view, route)
        there = own[~(own.geometry.isna() | own.geometry.is_empty)]
        if there.empty:
            continue
        mark, xy = source_mark(route), coordinates(there)
        tail = _common_tail(view, there)
        layers.append(
            Dots(xy, np.full(len(xy), mark.radius), mark.face, mark.edge, mark.shape, mark.edge_width)
        )
        label = view.layers[STEMS[route]]
        rows.append(Row((view.say("made_kind", label) if tail else label,), sign=mark))
        if loads or route != "electricity":
            labels += [
                Label(
                    source_name(source).removesuffix(tail),
                    (x, y),
                    "source",
                    mark.radius + 0.8,
                    load(view, source) if loads else "",
                )
                for (x, y), (_, source) in zip(xy.tolist(), there.iterrows(), strict=True)
            ]
    if loads and any(label.sub for label in labels):
        rows.append(Row((view.say("load_label"),), sign=Text("a / b")))
    return layers, rows, labels


def _common_tail(view: View, sources: gpd.GeoDataFrame) -> str:
    """What all names of made sources end with to say so: the legend says it once."""
    tail = view.say("made_tail")
    return tail if all(source_name(source).endswith(tail) for _, source in sources.iterrows()) else ""


def of_route(view: View, route: str) -> gpd.GeoDataFrame:
    """Sources of the plan that supply a route, by capacity."""
    own = view.plan.sources[view.plan.sources["route"] == route]
    return own.sort_values(["capacity", "source_id"], ascending=[False, True])


def source_name(source: pd.Series) -> str:
    """Name of a source, or its id."""
    return str(source["source_id"] if pd.isna(source["name"]) or not source["name"] else source["name"])


def load(view: View, source: pd.Series) -> str:
    """Used and capacity of a source in words; nothing where it is not known."""
    if pd.isna(source["capacity"]):
        return ""
    used, capacity, unit = amounts(view, source)
    return f"{used} / {capacity} {unit}"


def amounts(view: View, source: pd.Series) -> tuple[str, str, str]:
    """Used, capacity and unit of a source as a reader writes them."""
    times, unit = LARGE_UNITS.get(source["unit"], (1.0, None))
    said = unit[view.lang] if unit else view.units.get(source["unit"], source["unit"])
    return amount(source["used"] / times), amount(source["capacity"] / times), str(said)


def amount(value: float) -> str:
    """A number of a table: whole from 100 on, else one decimal.

    Examples
    --------
    >>> amount(28500.4), amount(12.34), amount(0.0), amount(float("nan"))
    ('28,500', '12.3', '0', '–')
    """
    if pd.isna(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 or value == 0 else f"{value:,.1f}"


def towns(view: View) -> list[Label]:
    """Names of the towns on the map: those of the layer, or else in the middle of their villages."""
    if not has(view, "towns") or "name" not in view.plan.layers["towns"]:
        own = view.villages.assign(x=view.xy[:, 0], y=view.xy[:, 1]).dropna(subset=["town"])
        middles = own.groupby("town", sort=True)[["x", "y"]].mean()
        return [Label(str(town), (x, y), "town") for town, x, y in middles.itertuples() if town]
    layer = view.plan.layers["towns"].dropna(subset=["name"]).sort_values("name", kind="stable")
    xy = coordinates(layer)
    return [
        Label(str(n), (x, y), "town")
        for n, (x, y) in zip(layer["name"], xy.tolist(), strict=True)
        if n and np.isfinite(x)
    ]


def rivers(view: View) -> list[Label]:
    """Names of the rivers, each at the middle of its longest piece on the map."""
    if not has(view, "rivers") or "name" not in view.plan.layers["rivers"]:
        return []
    layer = view.plan.layers["rivers"].dropna(subset=["name"])
    found = []
    for name, own in layer.groupby("name", sort=True):
        pieces = clipped(view, own)
        if len(pieces) and name:
            longest = pieces[int(np.argmax(shapely.length(pieces)))]
            middle = shapely.line_interpolate_point(longest, 0.5, normalized=True)
            found.append(Label(str(name), (middle.x, middle.y), "river"))
    return found


def villages(
    view: View, *, most: int = 400, shown: pd.Series | None = None, radius: Floats | None = None
) -> list[Label]:
    """Names of the villages, the largest first, beside signs of a radius. [mm]"""
    own = view.villages if shown is None else view.villages[shown.to_numpy(dtype=bool)]
    own = own[(own["households"] > 0) & own["name"].notna()].head(most)
    beside = (view.radius(view.villages["households"]) if radius is None else radius)[own.index.to_numpy()]
    xy = view.xy[own.index.to_numpy()]
    return [
        Label(str(name), (x, y), "village", gap=r + 0.6)
        for name, (x, y), r in zip(own["name"], xy.tolist(), beside.tolist(), strict=True)
    ]


def sizes_block(view: View) -> Block:
    """What the sizes of the signs of villages mean."""
    said = view.words
    most = int(view.villages["households"].max()) if len(view.villages) else 0
    steps = [s for s in (10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if s <= most]
    picked = [steps[max(len(steps) - 4, 0)], steps[-1]] if len(steps) > 1 else steps
    rows = [
        Row(
            (f"{number(float(s))} {said['households']}",),
            sign=Mark(
                "#dfe3e6",
                radius=float(view.radius(np.array([s]), like=view.villages["households"])[0]),
                edge="#7d8790",
            ),
        )
        for s in dict.fromkeys(picked)
    ]
    own = view.villages
    if (own["dwelling"].astype("string") == "apartment").any():
        rows.append(Row((said["apartment"],), sign=Mark("#b9c0c6", "square", edge="#7d8790")))
    if (own["households"] == 0).any():
        rows.append(Row((said["idle"],), sign=Mark("#ffffff", radius=1.1, edge="#8b9299")))
    rows += made_rows(view)
    return Block(view.say("sizes"), tuple(rows))


def made_rows(view: View) -> list[Row]:
    """What a dashed outline means, where the map has one."""
    if not (is_made(view.villages) & (view.villages["households"] > 0)).any():
        return []
    sign = Mark("#dfe3e6", edge="#5b6670", edge_width=0.9, dash=MADE_DASH)
    return [Row((view.words["made_village"],), sign=sign)]


def clipped(view: View, frame: gpd.GeoDataFrame) -> np.ndarray:
    """Single lines cut at the edge of the map, and whole areas that reach into it."""
    shapes = shapely.get_parts(shapely.force_2d(frame.geometry.to_numpy()))
    areas = shapes[
        (shapely.get_dimensions(shapes) == 2) & shapely.intersects(shapes, shapely.box(*view.frame.extent))
    ]
    lines = shapely.get_parts(
        shapely.clip_by_rect(shapes[shapely.get_dimensions(shapes) == 1], *view.frame.extent)
    )
    return np.concatenate([areas, lines[~shapely.is_empty(lines)]])


def _seen(view: View, stem: str) -> np.ndarray:
    return clipped(view, view.plan.layers[stem])
