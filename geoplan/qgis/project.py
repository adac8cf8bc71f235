"""The project: layers in their groups, over the county."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from geoplan.model import Plan
from geoplan.qgis.content import DOCTYPE, QGIS, frames, looks, plan_title, present, title
from geoplan.qgis.look import styled
from geoplan.qgis.xml import Element, element, text_of

#: Id of a layer; QGIS takes none of ten letters and less.
LAYER_ID = "geoplan_{}"
#: Layers whose legend is open at first.
OPEN = ("villages", "sources")


def project(plan: Plan, *, file: str, lang: str = "zh") -> str:
    """The QGIS project of a plan, as the text of a ``.qgs``.

    Parameters
    ----------
    plan : Plan
    file : str
        Name of the GeoPackage, beside which or in which the project stands.
    lang : {"zh", "en"}
        Language of groups, layers and legends.

    Returns
    -------
    str
        The same for the same plan.
    """
    tree = element("layer-tree-group", element("customproperties"))
    layers = element("projectlayers")
    for group in looks()["groups"]:
        names = present(plan, group["tables"])
        if not names:
            continue
        branch = element("layer-tree-group", name=group[lang], checked="Qt::Checked", expanded="1")
        tree.append(branch)
        for name in names:
            source, said = f"./{file}|layername={name}", title(plan, name, lang)
            branch.append(_leaf(name, source=source, said=said))
            layers.append(_layer(plan, name, source=source, said=said, lang=lang))
    name = plan_title(plan)
    settings = element(
        "properties",
        element("Paths", element("Absolute", text="false", type="bool")),
        element("SpatialRefSys", element("ProjectionsEnabled", text="1", type="int")),
    )
    parts = (
        element("title", text=name),
        element("projectCrs", _srs(plan)),
        tree,
        _canvas(plan),
        layers,
        settings,
    )
    return DOCTYPE + text_of(element("qgis", *parts, projectname=name, version=QGIS))


def _leaf(name: str, *, source: str, said: str) -> Element:
    return element(
        "layer-tree-layer",
        id=LAYER_ID.format(name),
        name=said,
        source=source,
        providerKey="ogr",
        checked="Qt::Checked",
        expanded="1" if name in OPEN else "0",
    )


def _layer(plan: Plan, name: str, *, source: str, said: str, lang: str) -> Element:
    frame = frames(plan)[name]
    spatial = isinstance(frame, gpd.GeoDataFrame)
    kinds = frame.geom_type.dropna().str.removeprefix("Multi") if spatial else pd.Series(dtype=object)
    geometry = {"LineString": "Line"}.get(kinds.iloc[0], kinds.iloc[0]) if len(kinds) else "No geometry"
    layer = element(
        "maplayer",
        element("id", text=LAYER_ID.format(name)),
        element("datasource", text=source),
        element("layername", text=said),
        element("provider", text="ogr", encoding="UTF-8"),
        type="vector",
        geometry=geometry,
    )
    if spatial:
        layer.append(element("srs", _srs(plan)))
    return styled(layer, plan, name, lang)


def _srs(plan: Plan) -> Element:
    crs = plan.villages.crs
    code = crs.to_epsg()
    return element(
        "spatialrefsys",
        element("wkt", text=crs.to_wkt("WKT2_2019")),
        element("srid", text=str(code or 0)),
        element("authid", text=f"EPSG:{code}" if code else ""),
        element("description", text=crs.name),
        element("geographicflag", text="false"),
    )


def _canvas(plan: Plan) -> Element:
    """The map shows the villages and their sources, with some room around."""
    placed = pd.concat([plan.villages.geometry, plan.sources.geometry]).dropna()
    extent = element("extent")
    if len(placed):
        west, south, east, north = placed.total_bounds
        room = 0.05 * max(east - west, north - south, 1000.0)
        edges = {"xmin": west - room, "ymin": south - room, "xmax": east + room, "ymax": north + room}
        extent.extend(element(side, text=f"{value:.3f}") for side, value in edges.items())
    parts = (element("units", text="meters"), extent, element("rotation", text="0"))
    return element("mapcanvas", *parts, element("destinationsrs", _srs(plan)), name="theMapCanvas")
