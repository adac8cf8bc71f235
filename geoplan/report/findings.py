"""Tables of what is asked for, what was decided and why: indicators, targets, rules, near ties, causes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from geoplan.annex import RowKind, adding_up
from geoplan.columns import IDLE_ROUTES, ROUTES
from geoplan.explain import dearer_pct, near_ties, route_label, style
from geoplan.made import unsourced
from geoplan.model import Plan
from geoplan.provisions import UNSTATED
from geoplan.report.listing import Listing
from geoplan.report.words import cause, open_amount, test_of, title, words
from geoplan.tables.money import parity_of
from geoplan.tables.naming import enumerated, measured, plain_number, routes_said, value_said
from geoplan.tables.plan import to_be_added
from geoplan.tables.sheet import framed, tabled, years_said
from geoplan.units import WAN

#: Columns of the tables that count.
VILLAGES, HOUSEHOLDS = "村数", "户数"
#: Units of what is counted: an indicator that counts none of it is left out.
COUNTED = ("个", "行", "项", "处")
#: A voltage in the name of a point of the grid, that of a line, and what names a line without one.
VOLTAGE, LINE_KV = re.compile(r"(\d+(?:\.\d+)?)\s*(?:[kK][vV]|千伏)"), 10.0
LINE = re.compile(r"(?:线|外网)(?:[（(]|$)")


def tasked(plan: Plan) -> pd.DataFrame:
    """The villages with households to convert."""
    return plan.villages[plan.villages["households"].astype(int) > 0]


def listing(
    key: str,
    rows: Sequence[Mapping[Any, Any]],
    *,
    notes: tuple[str, ...] = (),
    made: tuple[str, ...] = (),
    **layout: Any,
) -> Listing | None:
    """Rows as a table of the report, laid out as `framed` is asked to; None without any."""
    if not rows:
        return None
    return Listing(key, framed(tabled(rows), title=title(key), **layout), notes=notes, made=made)


def institutions(plan: Plan) -> pd.Series:
    """Which rows of the villages are no village but an institution that heats its own houses."""
    return plan.villages["user_kind"].eq("institution").fillna(False).astype(bool)


def towns_called(towns: Iterable[str]) -> str:
    """What towns are called together, with those that are neither 乡 nor 镇.

    Examples
    --------
    >>> [towns_called(t) for t in (["甲镇", "乙乡"], ["甲镇", "乙街道", "丙农场"], ["甲镇", "丁"])]
    ['乡镇', '乡镇（街道、农场）', '乡镇等']
    """
    known, named = words()["towns"], list(towns)
    kinds = [kind for kind in known["kinds"] if any(name.endswith(kind) for name in named)]
    said = f"{known['together']}（{enumerated(kinds)}）" if kinds else str(known["together"])
    every = (*known["plain"], *known["kinds"])
    return said + ("" if all(name.endswith(every) for name in named) else str(known["more"]))


def supply_names(plan: Plan) -> Mapping[str, str]:
    """What supplies each carrier, in words: points of the grid where lines stand among the substations."""
    grid = plan.sources.loc[plan.sources["route"] == "electricity", "name"].fillna("").astype(str)
    lines = [
        name
        for name in grid
        if LINE.search(name) or any(float(kv) <= LINE_KV for kv in VOLTAGE.findall(name))
    ]
    more = {"electricity": words()["labels"]["grid_point"]} if lines else {}
    return {**words()["supplies"], **more}


def indicators(plan: Plan, *, supplies: Mapping[str, str]) -> Listing | None:
    """What describes the county and the plan in single numbers.

    Parameters
    ----------
    plan : Plan
    supplies : mapping of str to str
        What supplies each carrier, in words.
    """
    villages, policy, units = tasked(plan), plan.policy, institutions(plan)
    found = plan.summary["affordability"]
    places = plan.villages[~units]
    with_task = int((places["households"].astype(int) > 0).sum())
    rows = [
        ("乡镇（街道等）数", "个", places["town"].nunique()),
        ("村（庄点）数", "个", len(places)),
        ("有改造任务的村（庄点）数", "个", with_task),
        *_if_any("没有改造任务的村（庄点）数", "个", len(places) - with_task),
        *_if_any("集体户单位数", "个", units.sum()),
        ("未落图的单位数", "个", int(plan.summary.get("unlocated", 0))),
        *_if_any("已清洁取暖的村（庄点）数", "个", places["route"].eq("existing").sum()),
        *_if_any("已改造户数", "户", plan.villages["households_converted"].fillna(0).sum()),
        ("改造户数", "户", int(villages["households"].sum())),
        ("采暖总面积", "万㎡", round(float(villages["total_area_m2"].sum()) / WAN, 2)),
        ("设计热负荷", "MW", round(float(villages["heat_load_kw"].sum()) / 1e3, 2)),
        ("年需热量", "MWh", round(float(villages["heat_demand_mwh_per_a"].sum()))),
        ("供暖室外计算温度", "℃", policy.climate.outdoor_design_c),
        ("采暖期平均温度", "℃", policy.climate.season_mean_c),
        ("室内设计温度", "℃", policy.climate.indoor_c),
        ("采暖期天数", "天", policy.climate.season_days),
        ("户均每采暖季散煤用量", "吨", policy.baseline.coal_t_per_household),
        ("户均每采暖季散煤费用", "元", round(found["coal_cost_cny_per_season"])),
        ("农户可支配收入", "元/户·年", round(found["income_cny_per_household"])),
        ("未注明来源的资料行数", "行", unsourced(plan)),
        ("建筑能效提升任务数", "项", len(policy.efficiency)),
        ("实施年度数", "个", sum(row["year"] is not None for row in plan.summary["phasing"])),
    ]
    supplied = plan.sources.groupby("route").size()
    rows += [(f"{label}处数", "处", int(supplied.get(key, 0))) for key, label in supplies.items()]
    if "optimum" in plan.summary:
        rows.append(("换方式的村数", "个", len(plan.summary["optimum"]["moved"])))
    if policy.old_stove is not None:
        rows.append(("旧炉保留期限", "个采暖季", policy.old_stove.seasons))
    parity = parity_of(found)
    if parity is not None:
        rows.append(("各方式净支出之比", "倍", round(parity, 2)))
    rows = [row for row in rows if row[2] != 0 or row[1] not in COUNTED]
    made = [{"序号": i, "指标": what, "单位": unit, "数值": v} for i, (what, unit, v) in enumerate(rows, 1)]
    return listing("indicators", made, made=("villages",))


def _if_any(indicator: str, unit: str, count: Any) -> list[tuple[str, str, Any]]:
    """An indicator that says nothing where it is 0."""
    return [(indicator, unit, int(count))] if count else []


def targets(plan: Plan) -> Listing | None:
    """Published targets beside what is planned. [household]"""
    asked, villages, labels = plan.policy.targets, tasked(plan), words()["labels"]
    planned = villages["households"].astype(int)
    groups: list[tuple[str, str, Any, int]] = []
    if asked.totals:
        total = asked.households if asked.households is not None else next(iter(asked.totals.values()))
        groups.append((labels["total"], labels["all"], total, int(planned.sum())))
    columns: dict[str, tuple[str, Mapping[str, Any]]] = {
        "years": ("year", asked.by_year),
        "routes": ("route", asked.by_route),
        "towns": ("town", asked.by_town),
        "classes": ("area_class", asked.by_area_class),
    }
    for label, (column, parts) in columns.items():
        by_value = planned.groupby(villages[column].astype("string")).sum()
        for value, goal in parts.items():
            name = _target_name(column, value)
            groups.append((labels[label], name, goal, int(by_value.get(value, 0))))
    rows = [
        {"分项": group, "内容": name, **_compared(goal, reached)} for group, name, goal, reached in groups
    ]
    return listing("targets", rows, unit="户", merged=["分项"], made=("villages",))


def _target_name(column: str, value: str) -> str:
    """A part of the targets in words."""
    if column == "route":
        return route_label(value)
    if column == "year":
        return f"{value}年"
    return str(style()["values"].get(value, {"zh": value})["zh"])


def _compared(goal: Any, reached: int) -> dict[str, Any]:
    if goal == UNSTATED:
        return {"目标": open_amount(), "规划": reached, "差额": open_amount()}
    return {"目标": round(float(goal)), "规划": reached, "差额": reached - round(float(goal))}


def rules(plan: Plan) -> Listing | None:
    """The tests that the policy puts to the routes it has, with what failing them means."""
    ranked = {route for rank in plan.policy.ranks for route in rank}
    rows = [
        {
            "方式": routes_said(ranked & set(rule.routes)),
            "判据": test_of(rule),
            "作用": words()["labels"][rule.level],
            "可信度": _confidence(plan, f"rules.{name}"),
        }
        for name, rule in plan.policy.rules.items()
        if rule.enabled and ranked & set(rule.routes)
    ]
    return listing("rules", rows, notes=(words()["text"]["note_rules"],))


def _confidence(plan: Plan, path: str) -> str:
    """Codes of the sources of a table of the policy and of what stands in it."""
    origins = plan.policy.origins.items()
    found = [o.confidence for p, o in origins if (p == path or p.startswith(f"{path}.")) and o.confidence]
    return "、".join(dict.fromkeys(found)) or "—"


def decisions(plan: Plan) -> Listing | None:
    """Villages and households by how their route came about."""
    villages = tasked(plan)
    counted = villages.groupby("decision")["households"].agg(["size", "sum"])
    rows = [
        {
            "判定类别": about["zh"],
            VILLAGES: int(counted.at[name, "size"]),
            HOUSEHOLDS: int(counted.at[name, "sum"]),
        }
        for name, about in style()["decisions"].items()
        if name in counted.index
    ]
    rows = with_total(rows, label="判定类别")
    return listing("decisions", rows, kinds=total_kinds(len(rows)), made=("villages",))


def with_total(rows: Sequence[Mapping[str, Any]], *, label: str) -> list[dict[str, Any]]:
    """Rows with the sum of what they count."""
    total = {label: words()["labels"]["total"]} | {
        h: sum(row[h] for row in rows) for h in (VILLAGES, HOUSEHOLDS)
    }
    return [*map(dict, rows), total]


def total_kinds(count: int) -> list[RowKind]:
    """Kinds of rows of which the last is their total."""
    kinds: list[RowKind] = ["row"] * (count - 1)
    return [*kinds, "total"]


def ties(plan: Plan) -> Listing | None:
    """Villages whose runner-up costs society almost the same, by both routes."""
    villages = tasked(plan)
    near = villages[near_ties(villages, plan.policy)]
    if near.empty:
        return None
    rows = []
    for route in ROUTES:
        for other in ROUTES:
            part = near[(near["route"] == route) & (near["runner_up"] == other)]
            if len(part):
                rows.append(
                    {
                        "采用方式": route_label(route),
                        "次选方式": route_label(other),
                        VILLAGES: len(part),
                        HOUSEHOLDS: int(part["households"].sum()),
                        "差额最小（%）": round(float(part["margin_pct"].min()), 2),
                        "差额最大（%）": round(float(part["margin_pct"].max()), 2),
                    }
                )
    rows = with_total(rows, label="采用方式")
    places = {"差额最小（%）": 2, "差额最大（%）": 2}
    return listing("ties", rows, kinds=total_kinds(len(rows)), decimals=places, made=("villages",))


def whynot(plan: Plan) -> Listing | None:
    """What stood against the routes that were not taken, by villages and households."""
    ranked = {route for rank in plan.policy.ranks for route in rank}
    villages = tasked(plan).set_index("village_id")
    options = plan.options[
        plan.options["village_id"].isin(villages.index) & plan.options["route"].isin(ranked)
    ]
    found: dict[tuple[str, str], set[str]] = {}
    for row in options.itertuples():
        if row.route == villages.at[row.village_id, "route"]:
            continue
        codes = [test["code"] for test in json.loads(row.infeasible_because or "[]")]
        whys = [cause(code, plan.policy) for code in codes] or [words()["labels"]["feasible"]]
        for why in whys:
            found.setdefault((row.route, why), set()).add(row.village_id)
    households = villages["households"].astype(int)
    rows = [
        {
            "方式": route_label(route),
            "原因": why,
            VILLAGES: len(ids),
            HOUSEHOLDS: int(households[sorted(ids)].sum()),
        }
        for (route, why), ids in sorted(
            found.items(), key=lambda item: (ROUTES.index(item[0][0]), -len(item[1]))
        )
    ]
    note = (words()["text"]["note_whynot"],)
    return listing("whynot", rows, merged=["方式"], notes=note, made=("villages",))


def upgrades(plan: Plan, *, public: bool) -> list[dict[str, Any]]:
    """The substations to be upgraded first, with the villages and households that draw on each by route.

    Parameters
    ----------
    plan : Plan
        With the capacities of the grid.
    public : bool
        Name no substation.
    """
    villages, routes = tasked(plan), plan.policy.routes
    on_grid = villages[[r in routes and routes[r].supply == "grid" for r in villages["route"]]]
    causes, short = words()["causes"], plan.sources[to_be_added(plan) > 0]
    return [
        {
            "方式": route,
            "事项": causes["capacity_upgrade"].format(
                name=f"所属{supply_names(plan)['electricity']}" if public else source.name or source.source_id
            ),
            VILLAGES: len(part),
            HOUSEHOLDS: int(part["households"].sum()),
        }
        for source in short[["source_id", "name"]].itertuples(index=False)
        for route, part in on_grid[on_grid["source_id"] == source.source_id].groupby("route")
    ]


def _dearer(plan: Plan) -> list[dict[str, Any]]:
    """The villages whose route is so much dearer than another that it has to be argued, by route."""
    villages, limit = tasked(plan), plan.policy.selection.argue_pct
    dearer = villages[villages["margin_pct"].astype(float).map(dearer_pct) > limit]
    said = words()["causes"]["dearer"].format(pct=f"{plain_number(limit)}%")
    return [
        {"方式": route, "事项": said, VILLAGES: len(part), HOUSEHOLDS: int(part["households"].sum())}
        for route, part in dearer.groupby("route")
    ]


def before(plan: Plan, *, first: Sequence[Mapping[str, Any]] = ()) -> Listing | None:
    """What must come first or has to be argued for the routes taken, by villages and households.

    Parameters
    ----------
    plan : Plan
    first : sequence of mapping
        Rows of what must come first besides what the options say.
    """
    villages = tasked(plan).set_index("village_id")
    taken = plan.options[plan.options["village_id"].isin(villages.index)]
    taken = taken[taken["route"] == villages["route"].reindex(taken["village_id"]).to_numpy()]
    rows = [
        {
            "方式": row.route,
            "事项": cause(code, plan.policy),
            VILLAGES: 1,
            HOUSEHOLDS: int(villages.at[row.village_id, "households"]),
        }
        for row in taken.itertuples()
        for code in (row.rule or "").split(",")
        if code
    ]
    rows += [*map(dict, first), *_dearer(plan)]
    if not rows:
        return None
    counted = (
        pd.DataFrame(rows).groupby(["方式", "事项"], sort=False)[[VILLAGES, HOUSEHOLDS]].sum().reset_index()
    )
    counted["order"] = counted["方式"].map(ROUTES.index)
    counted = counted.sort_values(["order", VILLAGES], ascending=[True, False], kind="stable")
    counted["方式"] = counted["方式"].map(route_label)
    said = counted.drop(columns="order").to_dict("records")
    note = (words()["text"]["note_before"],)
    return listing("before", said, merged=["方式"], notes=note, made=("villages",))


def leads(plan: Plan) -> Listing | None:
    """Villages and households of every lead agency."""
    villages = tasked(plan)
    if "lead_agency" not in villages:
        return None
    named = villages[villages["lead_agency"].fillna("") != ""]
    counted = (
        named.groupby("lead_agency")["households"].agg(["size", "sum"]).sort_values("sum", ascending=False)
    )
    if counted.empty:
        return None
    rows = [
        {"牵头单位": name, VILLAGES: int(row["size"]), HOUSEHOLDS: int(row["sum"])}
        for name, row in counted.iterrows()
    ]
    if len(named) < len(villages):
        rest = villages.drop(named.index)
        rows.append({"牵头单位": "未载明", VILLAGES: len(rest), HOUSEHOLDS: int(rest["households"].sum())})
    rows = with_total(rows, label="牵头单位")
    return listing("leads", rows, kinds=total_kinds(len(rows)), made=("villages",))


def _where_said(where: Mapping[str, Sequence[Any]]) -> str:
    """The villages that a package is for; an empty value stands for those of which nothing is entered."""
    parts = []
    for column, values in where.items():
        named = [str(value_said(v)) for v in values if v != ""]
        years = [int(v) for v in named if v.isdecimal()]
        said = years_said(years) if len(years) == len(named) else enumerated(named)
        label = measured(column).zh
        parts.append(f"{label}：{said}" if named else f"没有{label}")
    return "；".join(parts)


def equipment(plan: Plan) -> Listing | None:
    """Devices that a household of each route gets."""
    used = set(tasked(plan)["route"]) - set(IDLE_ROUTES)
    rows = []
    for package in plan.policy.equipment.values():
        if not used & set(package.routes):
            continue
        devices = "、".join(f"{name}{count}台（套）" for name, count in package.devices.items())
        least = f"功率不低于{package.min_kw:g}kW" if package.min_kw else ""
        rows.append(
            {
                "方式": routes_said(used & set(package.routes)),
                "适用村庄": _where_said(package.where) or None,
                "每户配置": devices,
                "要求": "、".join(filter(None, [least, "可移动" if package.movable else ""])) or None,
            }
        )
    return listing("equipment", rows)


def whole(values: Sequence[float]) -> list[Any]:
    """Amounts as whole numbers that add up; 待定 for those that are left open.

    Examples
    --------
    >>> whole([1.5, 1.5]), whole([1.2, float("nan")])
    ([2, 1], [1, '待定'])
    """
    return [open_amount() if pd.isna(v) else int(v) for v in adding_up(list(values), decimals=0)]
