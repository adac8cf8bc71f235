"""Tables of the plan itself: totals by town, ledger, options, capacities, pipes."""

from __future__ import annotations

import json
from collections.abc import Mapping

import geopandas as gpd
import pandas as pd
import shapely

from geoplan.annex import RowKind
from geoplan.columns import ELECTRIC_ROUTES, ROUTES, plan_columns, table
from geoplan.explain import route_label
from geoplan.model import Plan
from geoplan.tables.sheet import Sheet, alike, framed, labelled, saying, titled
from geoplan.units import FUZZ, apportion

#: Heading that groups the electric routes.
ELECTRIC = "煤改电"
TOTAL = "合计"
#: Rule of the options that the policy does not ask for.
NOT_ASKED = "not_in_order"
#: Ends of pipes that are neither a village nor a source, by the first letter of their code.
NODES = {"J": "节点", "T": "干管接点"}
#: The same on mains of one kind, and as far as they may be from one. [m]
TAPS, ON_MAIN_M = {"existing": "现状干管接点", "planned": "规划干管接点"}, 0.5
#: Layers with the mains of each network.
MAINS = {"district_heating": "heat_mains", "gas": "gas_mains"}
#: What an option says that waits for a planned main, and what the tables of pipes say then.
PLANNED_MAIN, WITHOUT_MAINS = "planned_main", "规划干管本身的长度和投资不在本表内，须另行安排并先建成。"


def by_town_and_route(plan: Plan) -> pd.DataFrame:
    """Households by town and route with totals; empty, not 0, where there are none. [household]"""
    villages = plan.villages
    households = villages["households"].astype(int)
    cross = households.groupby([villages["town"], villages["route"]]).sum().unstack()
    routes = [r for r in ROUTES if r in cross and cross[r].fillna(0).sum() > 0]
    cross = cross.reindex(columns=routes)
    cross = cross[cross.fillna(0).sum(axis=1) > 0]
    cross = cross.reindex([town for town in _towns(plan) if town in cross.index])
    cross = pd.concat([cross, cross.sum().to_frame(TOTAL).T])
    cross[TOTAL] = cross.sum(axis=1)
    cross.columns = [route_label(c) if c in ROUTES else c for c in cross.columns]
    frame = cross.mask(cross == 0).astype("Int64").rename_axis("乡镇").reset_index()
    frame.columns.name = None
    return frame


def _towns(plan: Plan) -> list[str]:
    """Towns in the order of their villages' codes, which is the official one."""
    return list(plan.villages.sort_values("village_id")["town"].drop_duplicates())


def summary_sheet(plan: Plan) -> Sheet:
    """Households by town and route, the electric routes under one heading."""
    frame = by_town_and_route(plan)
    kinds: list[RowKind] = ["row"] * (len(frame) - 1)
    kinds.append("total")
    electric = [label for route in ELECTRIC_ROUTES if (label := route_label(route)) in frame]
    if len(electric) > 1:
        total = frame[electric].sum(axis=1)
        frame.insert(list(frame.columns).index(electric[0]), ELECTRIC, total.mask(total == 0))
        heads = {ELECTRIC: (ELECTRIC, "小计")} | {label: (ELECTRIC, label) for label in electric}
        frame.columns = pd.Index([heads.get(name, name) for name in frame.columns], tupleize_cols=False)
    title = titled(plan, "分乡镇分方式户数汇总表")
    return Sheet("汇总表", framed(frame, title=title, unit="户", kinds=kinds))


def ledger_sheet(plan: Plan) -> Sheet:
    """Every column that says something of any village."""
    frame = pd.DataFrame(plan.villages.drop(columns="geometry"))
    said, notes = alike(labelled(saying(frame, plan_columns()), plan_columns()))
    return Sheet("台账", framed(said, title=titled(plan, "台账")), notes=notes, register=True)


def options_sheet(plan: Plan) -> Sheet | None:
    """The options of every village with a task that the policy allows, failed tests in words."""
    named = plan.villages.set_index("village_id")
    task = named.index[named["households"].astype(int) > 0]
    asked = ~plan.options["rule"].str.contains(NOT_ASKED, regex=False)
    frame = plan.options[plan.options["village_id"].isin(task) & asked].drop(columns="rule")
    if frame.empty:
        return None
    frame["infeasible_because"] = [_in_words(text) for text in frame["infeasible_because"]]
    said, same = alike(labelled(saying(frame, table("options")), table("options")))
    said.insert(1, "村名", named["name"].reindex(frame["village_id"]).to_numpy())
    left = [r for r in ROUTES if r in set(plan.options.loc[~asked, "route"]) - set(frame["route"])]
    notes = (f"政策未列入、因而未列出的方式：{'、'.join(map(route_label, left))}。",) if left else ()
    return Sheet(
        "备选方案", framed(said, title=titled(plan, "备选方案")), notes=(*same, *notes), register=True
    )


def _in_words(infeasible_because: str) -> str:
    return "；".join(found["text"] for found in json.loads(infeasible_because)) if infeasible_because else ""


def addable(plan: Plan) -> pd.Series:
    """What of the capacity of each source is still to be added: the upgrade of substations. [kVA]

    Returns
    -------
    Series
        On the index of the plan's sources; 0 for all other supplies.
    """
    grid, layer = plan.sources["route"] == "electricity", plan.layers.get("substations")
    if layer is None or "upgrade_kva" not in layer:
        return pd.Series(0.0, index=plan.sources.index)
    known = pd.Series(layer["upgrade_kva"].astype(float).to_numpy(), index=layer["source_id"].to_numpy())
    return plan.sources["source_id"].map(known).where(grid).fillna(0.0).astype(float)


def to_be_added(plan: Plan) -> pd.Series:
    """What each source must be given before it carries what the plan books on it. [kVA]"""
    there = plan.sources["capacity"] - addable(plan)
    short = (plan.sources["used"] - there).where(addable(plan) > 0, 0.0).fillna(0.0)
    return short.where(short > FUZZ * there.clip(lower=1.0), 0.0)


def waits_for_mains(plan: Plan) -> bool:
    """Whether a village that was decided hangs on a planned main."""
    taken = plan.options["route"] == plan.options["village_id"].map(
        plan.villages.set_index("village_id")["route"]
    )
    rules = plan.options.loc[taken, "rule"].fillna("")
    return bool(rules.map(lambda codes: PLANNED_MAIN in str(codes).split(",")).any())


def capacities_sheet(plan: Plan) -> Sheet:
    """What each source has and gives. [unit of the row]"""
    frame = pd.DataFrame(plan.sources.drop(columns="geometry"))
    frame = frame.assign(capacity=frame["capacity"].round(1), used=frame["used"].round(1))
    said = labelled(frame, table("sources"))
    said[table("sources")["route"].label()] = [supply_label(route) for route in frame["route"]]
    load = plan.sources["used"] / plan.sources["capacity"].where(plan.sources["capacity"] > 0)
    said.insert(5, "负载率（%）", (load * 100.0).round(1).to_numpy())
    if addable(plan).gt(0).any():
        place = list(said.columns).index(table("sources")["capacity"].label()) + 1
        parts = {"其中可增容": addable(plan), "须先增容": to_be_added(plan)}
        for position, (name, part) in enumerate(parts.items(), place):
            said.insert(position, name, part.mask(part == 0).round(1).to_numpy())
    made = framed(said, title=titled(plan, "供应能力"), decimals={"负载率（%）": 1})
    return Sheet("供应能力", made)


def supply_label(route: str) -> str:
    """What a source supplies, in words."""
    return route_label(route) if route in ROUTES else "电力"


def pipe_parts(links: pd.DataFrame, *, sizes: bool = True) -> pd.DataFrame:
    """New pipes by route and diameter: pieces, capex_cny, and length_km whose parts add up as printed.

    Parameters
    ----------
    links : DataFrame
        All new pipes of a plan.
    sizes : bool
        Whether diameters are told apart; dn_mm is 0 where not, and where there is none. [mm]

    Examples
    --------
    >>> links = pd.DataFrame({"route": "gas", "dn_mm": None, "length_m": [14.0, 14.0], "capex_cny": 1.0})
    >>> pipe_parts(links)[["route", "dn_mm", "pieces", "length_km"]].values.tolist()
    [['gas', 0.0, 2, 0.03]]
    """
    dn_mm = links["dn_mm"].astype(float).fillna(0.0) if sizes else 0.0
    known = pd.DataFrame(links.drop(columns="geometry", errors="ignore")).assign(
        dn_mm=dn_mm, order=links["route"].map(ROUTES.index), pieces=1
    )
    parts = known.groupby(["order", "dn_mm"])[["pieces", "length_m", "capex_cny"]].sum().reset_index()
    parts["route"] = parts["order"].map(ROUTES.__getitem__)
    parts["length_km"] = apportion(parts["length_m"].to_numpy(dtype=float) / 1e3, unit=0.01)
    return parts


def links_sheet(plan: Plan) -> Sheet:
    """The pipes to be built."""
    frame = pd.DataFrame(plan.links.drop(columns="geometry"))
    names = dict(zip(plan.sources["source_id"], plan.sources["name"], strict=True))
    names |= dict(zip(plan.villages["village_id"], plan.villages["name"], strict=True))
    taps = _taps(plan)
    for end in ("from_id", "to_id"):
        frame[end] = [
            _place(code, names, tap=taps.get((route, code), ""))
            for code, route in zip(frame[end], plan.links["route"], strict=True)
        ]
    said = labelled(frame[frame.columns[frame.notna().any()]], table("links"))
    notes = (WITHOUT_MAINS,) if waits_for_mains(plan) else ()
    return Sheet("新建管线", framed(said, title=titled(plan, "新建管线")), notes=notes)


def _taps(plan: Plan) -> dict[tuple[str, str], str]:
    """What the mains are that new pipes begin on, by network and node, where all of them are alike."""
    found: dict[tuple[str, str], str] = {}
    for route, stem in MAINS.items():
        mains, links = plan.layers.get(stem), plan.links[plan.links["route"] == route]
        if mains is None or mains.empty or "status" not in mains:
            continue
        for code, line in zip(links["from_id"], links.geometry, strict=True):
            if str(code).startswith("T"):
                found[route, str(code)] = TAPS.get(_status(line, mains), "")
    return found


def _status(line: shapely.Geometry, mains: gpd.GeoDataFrame) -> str:
    """Status of the mains that the end of a pipe lies on; empty if it is not one."""
    away = mains.geometry.to_numpy()
    ends = [shapely.Point(c) for part in shapely.get_parts(line) for c in (part.coords[0], part.coords[-1])]
    metres = [shapely.distance(end, away) for end in ends]
    if not metres:
        return ""
    nearest = min(metres, key=lambda m: float(m.min()))
    statuses = set(mains["status"][nearest <= ON_MAIN_M])
    return str(statuses.pop()) if len(statuses) == 1 else ""


def _place(code: str, names: Mapping[str, str | None], *, tap: str = "") -> str:
    """A place where a pipe ends, as a reader knows it: by name and code, or the number of a node.

    Examples
    --------
    >>> _place("V1", {"V1": "甲村"}), _place("J12", {}), _place("T3", {}, tap="规划干管接点")
    ('甲村 V1', '节点 12', '规划干管接点 3')
    """
    if code in names:
        return f"{names[code] or ''} {code}".strip()
    return f"{tap or NODES[code[0]]} {code[1:]}"
