"""Cascade and optimum side by side: what each costs, who moved and why, and what capacity is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geoplan.annex import Cell
from geoplan.columns import ROUTES, unit_label
from geoplan.explain import number, route_label, style
from geoplan.model import Plan
from geoplan.tables.plan import supply_label
from geoplan.tables.sheet import Sheet, framed, tabled, titled
from geoplan.units import WAN

#: Share of the cost above which a result at the time limit is not to be relied on.
FAR = 0.02
#: How a run of the optimum ended, and what it made least.
STATUS = {"optimal": "已证明最优", "gap reached": "达到设定差距", "time limit": "到时停止"}
OBJECTIVES = {
    "society": "年社会费用最低（同等服务）",
    "household": "农户年支出最低",
    "emissions-priced": "年社会费用与排放计价之和最低",
}


def said_of_optimum(found: Mapping[str, Any]) -> list[str]:
    """The comparison in a few lines.

    Parameters
    ----------
    found : mapping
        ``summary["optimum"]`` of a plan.

    Examples
    --------
    >>> side = {"households_deferred": 0, "households_transition": 0, "cost_cny_per_a": 2e6}
    >>> found = {"objective": "society", "status": "optimal", "gap": 0.0, "bound_cny_per_a": 1.5e6,
    ...     "cascade": side, "optimum": side | {"cost_cny_per_a": 1.5e6}, "saving_cny_per_a": 5e5,
    ...     "moved": [], "first_goals_proved": True}
    >>> said_of_optimum(found)[0]
    '规则方案 200 万元/年，优化方案 150 万元/年，规则方案高 50 万元/年（33.3 %），0 个村换了方式'
    """
    cascade, best = found["cascade"], found["optimum"]
    cost = best["cost_cny_per_a"]
    if cascade is None:
        first = f"规则方案按次序放不下锁定的村，优化方案 {_wan(cost)} 万元/年"
    else:
        both = f"规则方案 {_wan(cascade['cost_cny_per_a'])} 万元/年，优化方案 {_wan(cost)} 万元/年"
        first = f"{both}，{_difference(found)}，{len(found['moved'])} 个村换了方式"
    proof = f"下界 {_wan(found['bound_cny_per_a'])} 万元/年，差距 {100.0 * found['gap']:.3g} %"
    lines = [
        first,
        f"{OBJECTIVES[found['objective']]}；{STATUS[found['status']]}，{proof}",
    ]
    for key, what in (("households_deferred", "暂缓"), ("households_transition", "以洁净煤过渡")):
        by_rule = "" if cascade is None else f"规则方案 {cascade[key]} 户，"
        if best[key] or (cascade and cascade[key]):
            lines.append(f"{what}：{by_rule}优化方案 {best[key]} 户")
    if found["status"] == "time limit" and found["gap"] > FAR:
        lines.append("离下界还远，换方式的村宜加长时限（--time-limit）重算后再定")
    if not found["first_goals_proved"]:
        lines.append("暂缓和过渡户数是否最少未能在时限内证明")
    return lines


def _difference(found: Mapping[str, Any]) -> str:
    """Which of the two costs more; an optimum only does where fewer wait or burn clean coal."""
    saved, cost = found["saving_cny_per_a"], found["optimum"]["cost_cny_per_a"]
    part = number(round(100.0 * abs(saved) / cost, 2)) if cost else "–"
    if round(saved / WAN, 1) >= 0:
        return f"规则方案高 {_wan(saved)} 万元/年（{part} %）"
    return f"优化方案高 {_wan(-saved)} 万元/年（{part} %），用于减少暂缓和过渡的户数"


def _wan(cny: float) -> str:
    return number(round(cny / WAN, 1))


def comparison_sheet(plan: Plan) -> Sheet | None:
    """Households by route, waiting households and cost of both methods."""
    if "optimum" not in plan.summary:
        return None
    found = plan.summary["optimum"]
    sides = {"规则方案": found["cascade"], "优化方案": found["optimum"]}
    sides = {name: side for name, side in sides.items() if side is not None}
    rows: list[dict[Any, Cell]] = []
    for route in ROUTES:
        count = {name: side["households_by_route"].get(route, 0) for name, side in sides.items()}
        if any(count.values()):
            rows.append(_row(route_label(route), "户", count))
    yearly = {name: round(side["cost_cny_per_a"] / WAN, 2) for name, side in sides.items()}
    rows.append(_row("目标值", "万元/年", yearly))
    rows.append(_row("下界", "万元/年", {"优化方案": round(found["bound_cny_per_a"] / WAN, 2)}))
    made = framed(
        tabled(rows), title=titled(plan, "方案比较"), decimals={"规则方案": 2, "优化方案": 2, "优化减规则": 2}
    )
    return Sheet("方案比较", made, notes=tuple(f"{line}。" for line in said_of_optimum(found)))


def _row(what: str, unit: str, values: Mapping[str, float]) -> dict[Any, Cell]:
    both = len(values) == 2
    rest = values["优化方案"] - values["规则方案"] if both else ""
    return {"项目": what, "单位": unit, "规则方案": values.get("规则方案", ""), **values, "优化减规则": rest}


def moved_sheet(plan: Plan) -> Sheet | None:
    """Villages that have another route in the optimum than in the cascade, and why."""
    if "optimum" not in plan.summary or not plan.summary["optimum"]["moved"]:
        return None
    names = dict(zip(plan.sources["source_id"], plan.sources["name"], strict=True))
    reasons = style()["moved"]
    rows: list[dict[Any, Cell]] = [
        {
            "村代码": row["village_id"],
            "乡镇": row["town"],
            "村名": row["name"],
            "户数": row["households"],
            "规则方案": route_label(row["from"]),
            "优化方案": route_label(row["to"]),
            "本村年节省（万元）": round(row["saving_cny_per_a"] / WAN, 2),
            "原因": str(reasons[row["because"]]["zh"]).format(source=names.get(row["source"], row["source"])),
        }
        for row in plan.summary["optimum"]["moved"]
    ]
    made = framed(tabled(rows), title=titled(plan, "换方式的村"), decimals={"本村年节省（万元）": 2})
    saved = plan.summary["optimum"]["saving_cny_per_a"]
    why = "全县合计仍省" if saved is None or saved >= 0 else "暂缓和以洁净煤过渡的户数因此减少"
    note = f"本村年节省为负的村让出能力或同乘一管，{why}；各村合计与总差额之差是未换方式的村少摊的管线。"
    return Sheet("换方式的村", made, notes=(note,), register=True)


def prices_sheet(plan: Plan) -> Sheet | None:
    """What one more unit of each capacity would save."""
    if "optimum" not in plan.summary or not plan.summary["optimum"]["capacities"]:
        return None
    rows: list[dict[Any, Cell]] = [
        {
            "来源": row["name"] or row["source_id"],
            "供应": supply_label(row["supply"]),
            "单位": unit_label(row["unit"]),
            "能力": round(row["capacity"], 1),
            "规则方案占用": "" if row["used_cascade"] is None else round(row["used_cascade"], 1),
            "优化方案占用": round(row["used_optimum"], 1),
            "影子价格（元/年·单位）": round(row["shadow_price_cny_per_unit"], 1),
        }
        for row in plan.summary["optimum"]["capacities"]
    ]
    one = dict.fromkeys(("能力", "规则方案占用", "优化方案占用", "影子价格（元/年·单位）"), 1)
    made = framed(tabled(rows), title=titled(plan, "能力的价值"), decimals=one)
    note = (
        "影子价格为每增加一单位能力全县每年可省的费用，取自松弛问题的对偶值；村与村争用同一能力时，"
        "备选方案表的“单位能力价值”高于影子价格者得之。"
    )
    return Sheet("能力的价值", made, notes=(note,))
