"""Everything that the page shows."""

from __future__ import annotations

import re
from typing import Any, TypedDict
from urllib.parse import quote

import pandas as pd

from geoplan.columns import Column, plan_columns
from geoplan.errors import InputError, Problem
from geoplan.explain import near_tie_pct, near_ties
from geoplan.made import layer_labels, made_layers
from geoplan.mapdata.choices import CAPITAL, options_of
from geoplan.mapdata.places import (
    SHAPES,
    bounds_of,
    extent_of,
    has_rows,
    paths_of,
    shapes_of,
    sources_of,
    towns_of,
)
from geoplan.mapdata.values import as_lists, is_made, lonlat, positions, shares
from geoplan.mapdata.words import LANGS, Lang, said, style, toml
from geoplan.model import Plan
from geoplan.public import public_plan

#: Columns of a village that the page uses besides the facts.
VILLAGE = (
    "village_id", "name", "town", "route", "decision", "reason", "warnings", "provenance",
    "households", "runner_up", "margin_pct", "year", "capex_cny", "household_capex_cny",
    "enterprise_capex_cny", *CAPITAL, "subsidy_operating_cny_per_a", "heat_load_kw", "heat_demand_mwh_per_a",
    "total_area_m2", "co2_t_per_a", "co2_avoided_t_per_a", "pm25_avoided_kg_per_a", "so2_avoided_kg_per_a",
    "nox_avoided_kg_per_a",
)  # fmt: skip

#: What the page says of the policy, by the path of its value.
SAID = {
    "order": "ranks",
    "comparison_basis": "comparison_basis",
    "argue_pct": "selection.argue_pct",
    "discount_rate": "economics.discount_rate",
    "season_days": "climate.season_days",
    "indoor_c": "climate.indoor_c",
    "income_share_green": "affordability.income_share_green",
    "income_share_red": "affordability.income_share_red",
    "coal_t_per_household": "baseline.coal_t_per_household",
}

#: Address of one 天地图 tile; the token follows.
TILES = (
    "https://t{s}.tianditu.gov.cn/{layer}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0"
    "&LAYER={layer}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk="
)


class PageOptions(TypedDict, total=False):
    """What the reader of a page may choose; see `geoplan.webmap.coverage_html`."""

    lang: Lang
    tianditu_token: str | None
    public: bool


def page_data(
    plan: Plan,
    *,
    lang: Lang = "zh",
    tianditu_token: str | None = None,
    public: bool = False,
) -> dict[str, Any]:
    """Everything the page shows, as plain values; tables as one array per column.

    Parameters
    ----------
    plan, lang, tianditu_token, public
        As for `coverage_html`.

    Returns
    -------
    dict
        Coordinates in WGS 84: of points in degrees, of lines as steps of 1e-5
        degree, the first from zero. A cell that is not known is None: of money
        that is an amount left open, never 0. By key:

        ``villages``
            Sorted by village_id: the columns of the facts and of `VILLAGE`,
            ``route`` (place in ``routes``, -1 unknown), ``lon``, ``lat``,
            ``made`` 0/1 (made data), ``tie`` 0/1 (the runner-up costs at most
            ``policy.near_tie_pct`` more or less). ``runner_up`` is a route id,
            ``margin_pct`` how much dearer the runner-up is. [%]
            Money by source for the whole village: ``subsidy_central_cny``,
            ``subsidy_province_cny``, ``subsidy_city_cny``,
            ``subsidy_district_cny``, ``household_capex_cny``,
            ``enterprise_capex_cny``; together ``capex_cny``. [CNY]
        ``options``
            Sorted by village: ``village`` (place in ``villages``), ``route``,
            ``feasible`` 0/1, ``rank``; society ``annual_cost_cny`` [CNY/a];
            government ``subsidy_capital_cny`` (once, all levels) and
            ``subsidy_operating_cny_per_a``; households ``household_capex_cny``
            (whole village, once), ``household_cost_cny_per_season`` and
            ``household_cost_unsubsidised_cny_per_season`` (one household),
            ``household_capex_unsubsidised_cny``; ``capex_cny``, of which the companies pay what is left;
            ``co2_t_per_a``, ``pm25_kg_per_a``; ``network_m``,
            ``connection_m``; ``source_id``, ``capacity_use``,
            ``capacity_unit``, ``capacity_value_cny_per_unit`` (what a unit
            saves a year here: who is worth more gets it); ``because``: failed tests as [place in
            ``texts``, measured, limit, unit], the three None where the text
            says them itself. May have 500,000 rows: read
            cells, do not make an object of every row.
        ``links``
            New pipes: ``from_id``, ``to_id``, ``route``, ``length_m``,
            ``dn_mm``, ``flow_mw``, ``flow_m3_per_day``, ``loading`` (share of
            the pipe's capacity), ``year``, ``path``.
        ``sources``
            ``source_id``, ``name``, ``route``, ``capacity``, ``used``,
            ``shadow_price_cny_per_unit``, ``unit``, ``year``, ``provenance``,
            ``lon``, ``lat``, ``made`` 0/1.
        ``shapes``
            By layer: ``path`` and the columns of `SHAPES`, ``made`` 0/1.
        ``policy``
            ``near_tie_pct`` and the values of `SAID`, None where not said.
        ``sheet``
            What stands on paper: ``maker`` (制图单位), ``date``, ``document``.
        ``bounds``, ``extent``
            South, west, north and east: of the villages and their sources, and
            with the boundary of the county where that leaves them large enough. [°]
        ``made``
            Labels of the layers with made data.
        ``public``
            Whether this is the version for the public.
    """
    if lang not in LANGS:
        raise InputError(Problem(f"the map speaks zh and en; got {lang!r}", remedy="pass lang='zh'"))
    plan = public_plan(plan) if public else plan
    villages = plan.villages.sort_values("village_id", kind="stable", ignore_index=True)
    routes, facts = list(style()["routes"]), toml("webmap/facts.toml")
    points = lonlat(villages)
    sources = sources_of(plan)
    shapes = {stem: shapes_of(plan.layers[stem], stem=stem) for stem in SHAPES if has_rows(plan.layers, stem)}
    links = plan.links.sort_values(["route", "from_id", "to_id"], kind="stable")
    bounds = bounds_of(points, sources, shapes)
    return {
        "lang": lang,
        "title": str(getattr(plan.policy, "title", None) or "") or said("words", lang)["brand"],
        "notes": _notes(plan, lang=lang, public=public),
        "sheet": _sheet(plan),
        "policy": {"near_tie_pct": near_tie_pct(plan.policy)}
        | {name: said_by(plan.policy, path) for name, path in SAID.items()},
        "words": said("words", lang),
        "units": said("units", lang),
        "values": {value: text[lang] for value, text in style()["values"].items()},
        "layers": dict(layer_labels(lang)),
        "facts": {heading: facts_of(villages, heading, lang=lang) for heading in facts},
        "routes": [
            {"id": r, "label": s[lang], "colour": s["colour"], "mark": s.get("mark")}
            for r, s in style()["routes"].items()
        ],
        "decisions": {d: s[lang] for d, s in style()["decisions"].items()},
        "payers": {p: s[lang] for p, s in style()["payers"].items()},
        "villages": {
            **as_lists(villages, dict.fromkeys([*VILLAGE, *(c for names in facts.values() for c in names)])),
            **points,
            "route": positions(villages["route"], routes),
            "made": is_made(villages).astype(int).tolist(),
            "tie": near_ties(villages, plan.policy).astype(int).tolist(),
        },
        "options": options_of(plan.options, villages=villages["village_id"], routes=routes),
        "links": {
            **as_lists(
                links,
                ("from_id", "to_id", "length_m", "dn_mm", "flow_mw", "flow_m3_per_day", "year"),
            ),
            **({"loading": shares(links["loading"])} if "loading" in links else {}),
            "route": positions(links["route"], routes),
            "path": paths_of(links.geometry),
        },
        "shapes": shapes,
        "towns": towns_of(plan.layers),
        "sources": sources,
        "made": [layer_labels(lang)[stem] for stem in made_layers(plan)],
        "public": public,
        "bounds": bounds,
        "extent": extent_of(bounds, shapes),
        "tiles": tiles_of(tianditu_token),
    }


def _notes(plan: Plan, *, lang: Lang, public: bool) -> list[str]:
    """The line under the title: year, coordinate system, and what the map is not."""
    words = said("words", lang)
    year = getattr(plan.policy, "year", None)
    crs = plan.villages.crs
    name = re.sub(r"CGCS2000 / 3-degree Gauss-Kruger CM (\d+)E", words["cgcs2000"], crs.name)
    code = f" (EPSG:{crs.to_epsg()})" if crs.to_epsg() else ""
    dated = [words["year"].format(year)] if year else []
    more = getattr(plan.policy, "disclaimer", "")
    method = [words["optimum"]] if "optimum" in plan.summary else []
    version = [words["public"]] if public else []
    return [
        *version,
        *dated,
        *method,
        words["crs"].format(name + code),
        words["disclaimer"],
        *filter(None, [more]),
    ]


def said_by(policy: Any, path: str, otherwise: Any = None) -> Any:
    """A value of the policy by its dotted path; `otherwise` where it says nothing."""
    for name in path.split("."):
        policy = getattr(policy, name, None)
    return otherwise if policy is None else policy


def _sheet(plan: Plan) -> dict[str, str]:
    """What stands on paper: who made the map, of what day, after which document."""
    return {
        "maker": str(said_by(plan.policy, "maker", "")),
        "date": str(said_by(plan.policy, "map_date", "")),
        "document": str(said_by(plan.policy, "document", "")),
    }


def facts_of(villages: pd.DataFrame, heading: str, *, lang: Lang) -> list[dict[str, str]]:
    """The columns under one heading that say something here, with label and unit."""
    # Money that nobody is told is said to be open; any other empty column says nothing.
    open_ = heading == "facts_money"
    names = toml("webmap/facts.toml")[heading]
    filled = [name for name in names if name in villages and (open_ or villages[name].notna().any())]
    return [_fact(plan_columns()[name], lang=lang) for name in filled]


def _fact(column: Column, *, lang: Lang) -> dict[str, str]:
    return {"name": column.name, "label": column.zh if lang == "zh" else column.en, "unit": column.unit}


def tiles_of(token: str | None) -> list[str]:
    """Addresses of the two 天地图 layers, or none without a token."""
    if not token:
        return []
    return [TILES.replace("{layer}", layer) + quote(token, safe="") for layer in ("vec", "cva")]
