"""What of a plan QGIS shows, and in which words."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd

from geoplan.columns import ILLUSTRATIVE, Column, plan_columns, table
from geoplan.made import layer_labels
from geoplan.model import Plan

#: Version of QGIS whose format this is; newer ones read it as well.
QGIS = "3.22.16-Białowieża"
#: What stands before every document.
DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"


@cache
def data(name: str) -> dict[str, Any]:
    """A packaged table of words, colours or signs."""
    return tomllib.loads(resources.files("geoplan").joinpath(f"data/{name}").read_text("utf-8"))


def looks() -> dict[str, Any]:
    """Groups, strokes and signs of ``data/qgis.toml``."""
    return data("qgis.toml")


def words(lang: str) -> dict[str, str]:
    """The fixed words of the coverage map."""
    return {key: said[lang] for key, said in data("webmap/text.toml")["words"].items()}


def routes() -> dict[str, Any]:
    """Label, colour and mark of every route, in their order."""
    return dict(data("style.toml")["routes"])


def frames(plan: Plan) -> dict[str, pd.DataFrame]:
    """The tables of a plan by their name in the GeoPackage."""
    own = {name: getattr(plan, name) for name in ("villages", "options", "links", "sources")}
    return own | dict(plan.layers)


def present(plan: Plan, names: Sequence[str]) -> list[str]:
    """Those of the tables that hold anything."""
    every = frames(plan)
    return [name for name in names if name in every and len(every[name])]


def plan_title(plan: Plan) -> str:
    """Title of a plan, as XML takes it."""
    title = str(getattr(plan.policy, "title", "") or plan.name)
    return "".join(c for c in title if c.isprintable())


def title(plan: Plan, name: str, lang: str) -> str:
    """Name of a layer; one that holds made data says so."""
    said = looks()["names"].get(name, {}).get(lang) or layer_labels(lang)[name]
    frame = frames(plan)[name]
    made = "provenance" in frame and frame["provenance"].astype(str).str.startswith(ILLUSTRATIVE).any()
    return str(said) + (("（含示例数据）" if lang == "zh" else " (made data)") if made else "")


def columns(plan: Plan, name: str) -> list[Column]:
    """The declared columns that a table has."""
    declared = plan_columns() if name == "villages" else table(name)
    return [column for key, column in declared.items() if key in frames(plan)[name]]


def values(column: Column, lang: str) -> Mapping[str, str]:
    """Labels of the coded values of a column."""
    style, said = data("style.toml"), words(lang)
    known = style["routes"] | style["decisions"] | style["values"]
    return {v: str(known[v][lang] if v in known else said.get(v, v)) for v in column.values}
