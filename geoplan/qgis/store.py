"""Styles and project inside the GeoPackage, in the tables of QGIS."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile

import geopandas as gpd

from geoplan.model import Plan
from geoplan.qgis.content import DOCTYPE, QGIS, frames, looks, plan_title, present, title
from geoplan.qgis.look import styled
from geoplan.qgis.project import project
from geoplan.qgis.xml import element, text_of

#: Stands in for the clock: same plan, same bytes.
DATE = "2000-01-01T00:00:00.000Z"
#: Title of the style of every table.
STYLE_NAME = "geoplan"

_LAYER_STYLES = """
CREATE TABLE "layer_styles" (
 "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "f_table_catalog" TEXT(256), "f_table_schema" TEXT(256),
 "f_table_name" TEXT(256), "f_geometry_column" TEXT(256), "styleName" TEXT(30), "styleQML" TEXT,
 "styleSLD" TEXT, "useAsDefault" BOOLEAN, "description" TEXT, "owner" TEXT(30), "ui" TEXT(30),
 "update_time" DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))
"""
_PROJECTS = "CREATE TABLE qgis_projects(name TEXT PRIMARY KEY, metadata BLOB, content BLOB)"


def add_styles(base: sqlite3.Connection, plan: Plan, *, file: str, lang: str = "zh") -> None:
    """Write the styles and the project of a plan into its GeoPackage.

    Parameters
    ----------
    base : sqlite3.Connection
        The GeoPackage, with every table of the plan.
    plan : Plan
        As written there.
    file : str
        Name of the GeoPackage, which the project's layers refer to.
    lang : {"zh", "en"}
        Language of groups, layers and legends.
    """
    base.execute(_LAYER_STYLES)
    base.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, srs_id) "
        "VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?, 0)",
        (DATE,),
    )
    every = frames(plan)
    for name, look in styles(plan, lang=lang).items():
        geometry = "geom" if isinstance(every[name], gpd.GeoDataFrame) else ""
        row = ("", "", name, geometry, STYLE_NAME, look, "", True, title(plan, name, lang), "", None, DATE)
        base.execute("INSERT INTO layer_styles VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    base.execute(_PROJECTS)
    metadata = {"last_modified_time": DATE[:19], "last_modified_user": "geoplan"}
    content = _zipped(project(plan, file=file, lang=lang)).hex()
    base.execute(
        "INSERT INTO qgis_projects VALUES (?, ?, ?)", (plan_title(plan), json.dumps(metadata), content)
    )
    base.commit()


def styles(plan: Plan, *, lang: str = "zh") -> dict[str, str]:
    """The QGIS style (QML) of every table of a plan.

    Parameters
    ----------
    plan : Plan
    lang : {"zh", "en"}

    Returns
    -------
    dict of str to str
        By table, in the order of the layer tree; empty layers have none.

    Examples
    --------
    >>> import shapely
    >>> from geoplan.model import County
    >>> from geoplan.planner import assign
    >>> from geoplan.policy import default_policy
    >>> frame = gpd.GeoDataFrame(
    ...     {"village_id": ["V1"], "name": ["甲村"], "town": ["乙镇"], "households": [3]},
    ...     geometry=[shapely.Point(500000, 4200000)], crs="EPSG:4544")
    >>> list(styles(assign(County("demo", frame, default_policy()))))
    ['villages', 'options']
    """
    return {
        name: DOCTYPE + text_of(styled(element("qgis", version=QGIS), plan, name, lang))
        for group in looks()["groups"]
        for name in present(plan, group["tables"])
    }


def _zipped(text: str) -> bytes:
    """A ``.qgz``; stored, as compressed bytes would hang on the version of zlib."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("plan.qgs"), text.encode())
    return buffer.getvalue()
