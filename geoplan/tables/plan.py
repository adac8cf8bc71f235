"""Tables of the plan itself: totals by town, ledger, options, capacities, pipes."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pandas as pd

from geoplan.annex import RowKind
from geoplan.columns import ELECTRIC_ROUTES, ROUTES, plan_columns, table
from geoplan.explain import route_label
from geoplan.model import Plan
from geoplan.tables.sheet import Sheet, alike, framed, labelled, saying, titled

#: Heading that groups the electric routes.
ELECTRIC = "煤改电"
TOTAL = "合计"
#: Rule of the options that the policy does not ask for.
NOT_ASKED = "not_in_order"
#: Ends of pipes that are neither a village nor a source, by the first letter of their code.
NODES = {"J": "节点", "T": "现有管网接点"}


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


def options_sheet(plan: Plan) -> Sheet:
    """The options of every village with a task that the policy allows, failed tests in words."""
    named = plan.villages.set_index("village_id")
    task = named.index[named["households"].astype(int) > 0]
    asked = ~plan.options["rule"].str.contains(NOT_ASKED, regex=False)
    frame = plan.options[plan.options["village_id"].isin(task) & asked].drop(columns="rule")
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


def capacities_sheet(plan: Plan) -> Sheet:
    """What each source has and gives. [unit of the row]"""
    frame = pd.DataFrame(plan.sources.drop(columns="geometry"))
    frame = frame.assign(capacity=frame["capacity"].round(1), used=frame["used"].round(1))
    said = labelled(frame, table("sources"))
    said[table("sources")["route"].label()] = [supply_label(route) for route in frame["route"]]
    load = plan.sources["used"] / plan.sources["capacity"].where(plan.sources["capacity"] > 0)
    said.insert(5, "负载率（%）", (load * 100.0).round(1).to_numpy())
    made = framed(said, title=titled(plan, "供应能力"), decimals={"负载率（%）": 1})
    return Sheet("供应能力", made)


def supply_label(route: str) -> str:
    """What a source supplies, in words."""
    return route_label(route) if route in ROUTES else "电力"


def links_sheet(plan: Plan) -> Sheet:
    """The pipes to be built."""
    frame = pd.DataFrame(plan.links.drop(columns="geometry"))
    names = dict(zip(plan.sources["source_id"], plan.sources["name"], strict=True))
    names |= dict(zip(plan.villages["village_id"], plan.villages["name"], strict=True))
    for end in ("from_id", "to_id"):
        frame[end] = [_place(code, names) for code in frame[end]]
    said = labelled(frame[frame.columns[frame.notna().any()]], table("links"))
    return Sheet("新建管线", framed(said, title=titled(plan, "新建管线")))


def _place(code: str, names: Mapping[str, str | None]) -> str:
    """A place where a pipe ends, as a reader knows it: by name and code, or the number of a node.

    Examples
    --------
    >>> _place("V1", {"V1": "甲村"}), _place("J12", {}), _place("T3", {})
    ('甲村 V1', '节点 12', '现有管网接点 3')
    """
    if code in names:
        return f"{names[code] or ''} {code}".strip()
    return f"{NODES[code[0]]} {code[1:]}"
