"""Tables of the work: years, dates, building efficiency, emissions, and the plan against its document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from geoplan.annex import Cell, RowKind, adding_up
from geoplan.columns import ROUTES
from geoplan.emissions import POLLUTANTS, avoided_column, emissions_by_carrier
from geoplan.explain import messages, route_label, style
from geoplan.funding import efficiency_table
from geoplan.model import Plan
from geoplan.phasing import purse_label
from geoplan.policy import Policy
from geoplan.provisions import Milestone
from geoplan.tables.sheet import Sheet, framed, rounding_note, tabled, titled, years_said
from geoplan.units import WAN

TOTAL = "合计"
#: Pollutants as a reader writes them.
POLLUTANT_LABELS = {"co2": "CO₂", "pm25": "PM2.5", "so2": "SO₂", "nox": "NOx"}
AMOUNTS = {"改造前": "before", "改造后": "after", "减排": "avoided"}
#: Emissions of the county above which they are said in tonnes, with so many decimals. [kg/a]
IN_TONNES_KG, TONNE_DECIMALS = 10_000.0, 2
#: What a comparison with the document is worth: from the plan's villages, repeated in the policy, the
#: document against itself, a value inferred from the document, or nothing to compare with.
BASIS_LABELS = {
    "computed": "算出",
    "entered": "照录",
    "document": "文件自校",
    "derived": "推算",
    "listed": "仅列出",
}
#: How a comparison came out.
STATUSES = ("一致", "有差异已说明", "有差异未说明", "文件未载明", "本规划不涉及")


def years_sheet(plan: Plan) -> Sheet | None:
    """Villages and households of every year by route, beside the targets and what binds."""
    found = plan.summary["phasing"]
    if not found:
        return None
    routes = [r for r in ROUTES if any(row["by_route"].get(r) for row in found)]
    purses = list(dict.fromkeys(p for row in found for p in row["spent_wan_cny"]))
    rows = [_year(row, routes, purses) for row in found]
    kinds: list[RowKind] = ["row"] * len(rows)
    if len(rows) > 1:
        rows.append(_all_years(rows))
        kinds.append("total")
    frame = tabled(rows)
    said = [h for h in frame.columns if frame[h].map(lambda v: v is not None and v != "").any()]
    made = framed(frame[said], title=titled(plan, "分年度计划"), unit="户", kinds=kinds)
    notes = tuple(f"{_dated(row)}：{row['binding']}。" for row in found if row["binding"])
    return Sheet("分年度计划", made, notes=notes)


def _dated(row: Mapping[str, Any]) -> str:
    return "未安排" if row["year"] is None else f"{row['year']} 年"


def _year(row: Mapping[str, Any], routes: list[str], purses: list[str]) -> dict[Any, Cell]:
    """One year: what is done, what was asked for, and what it costs. [household, 万元]"""
    return {
        "年度": _dated(row),
        "村数": row["villages"],
        "户数": row["households"],
        **{("其中", route_label(r)): row["by_route"].get(r) for r in routes},
        ("目标", "户数"): row["target"],
        ("目标", "差额"): row["difference"],
        ("目标", "达到"): ""
        if row["met"] is None
        else style()["values"]["yes" if row["met"] else "no"]["zh"],
        **{("财政支出/预算（万元）", purse_label(p)): _spent(row, p) for p in purses},
    }


def _spent(row: Mapping[str, Any], purse: str) -> Cell:
    """Money spent of a budget. [万元]"""
    spent, budget = row["spent_wan_cny"].get(purse, 0.0), row["budget_wan_cny"].get(purse)
    said = str(messages()["unstated"]) if spent is None else f"{spent:.0f}"
    return said if budget is None else f"{said} / {budget:.0f}"


def _all_years(rows: list[dict[Any, Cell]]) -> dict[Any, Cell]:
    """Sum of the counted columns."""
    counted = [h for h in rows[0] if h in ("村数", "户数", ("目标", "户数")) or h[0] == "其中"]
    sums = {h: sum(v for row in rows if isinstance(v := row.get(h), int)) or None for h in counted}
    return {h: TOTAL if h == "年度" else sums.get(h) for h in rows[0]}


def by_date(policy: Policy) -> list[Milestone]:
    """The stages of the work in the order of their last days, then of their first."""
    return sorted(policy.milestones.values(), key=lambda stage: (stage.end, stage.start or stage.end))


def milestones_sheet(plan: Plan) -> Sheet:
    """Stages of the work with their days."""
    frame = pd.DataFrame(
        {
            "序号": position,
            "阶段": stage.stage,
            "开始": stage.start.isoformat() if stage.start else None,
            "完成": stage.end.isoformat(),
        }
        for position, stage in enumerate(by_date(plan.policy), 1)
    )
    return Sheet("实施步骤", framed(frame, title=titled(plan, "实施步骤")))


def efficiency_sheet(plan: Plan) -> Sheet:
    """Tasks of building efficiency beside the heating routes. [万㎡, household]"""
    tasks = efficiency_table(plan.policy)
    exact = (tasks["area_m2"].astype(float) / WAN).tolist()
    areas = adding_up(exact, decimals=2)
    frame = pd.DataFrame(
        {
            "序号": range(1, len(tasks) + 1),
            "任务": tasks["item"].to_numpy(),
            "面积（万㎡）": areas,
            "户数": tasks["households"].astype(object).to_numpy(),
            "户均面积（㎡/户）": tasks["m2_per_household"].round(0).astype(object).to_numpy(),
            "乡镇": ["、".join(towns) for towns in tasks["towns"]],
            "实施年限": [years_said(years) for years in tasks["years"]],
            "牵头单位": tasks["lead_agency"].to_numpy(),
        }
    )
    kinds: list[RowKind] = ["row"] * len(frame)
    if len(frame) > 1 and tasks["area_m2"].notna().all():
        frame = pd.concat([frame, pd.DataFrame([{"任务": TOTAL, "面积（万㎡）": round(sum(areas), 2)}])])
        kinds.append("total")
    made = framed(frame, title=titled(plan, "建筑能效提升任务"), kinds=kinds, decimals={"面积（万㎡）": 2})
    return Sheet("能效提升任务", made, notes=rounding_note(exact, areas, decimals=2))


def emissions_sheet(plan: Plan) -> Sheet:
    """Emissions before and after by energy carrier, with the factors and their sources."""
    found = emissions_by_carrier(plan.villages, plan.policy)
    notes = dict.fromkeys(_rising(plan.villages))
    rows: list[dict[str, Any]] = []
    kinds: list[RowKind] = []
    for pollutant, part in found.groupby("pollutant", sort=False):
        label = POLLUTANT_LABELS[str(pollutant)]
        amounts, unit, changed = _amounts(part)
        notes |= dict.fromkeys(changed)
        for position, row in enumerate(part.itertuples()):
            about = {
                "排放因子": f"{row.factor:g} {row.factor_unit.replace('m3', 'm³')}",
                "因子来源": row.source,
                "可信度": row.confidence,
            }
            own = {name: values[position] or None for name, values in amounts.items()}
            rows.append({"污染物": label, "能源": _carrier(row.carrier), **own, "单位": unit, **about})
        sums = {name: round(sum(values), TONNE_DECIMALS) for name, values in amounts.items()}
        rows.append({"污染物": label, "能源": TOTAL, **sums, "单位": unit})
        kinds += ["row"] * len(part)
        kinds.append("subtotal")
    made = framed(tabled(rows), title=titled(plan, "减排效益"), kinds=kinds, merged=["污染物"])
    return Sheet("减排", made, notes=tuple(notes))


def _amounts(part: pd.DataFrame) -> tuple[dict[str, list[float]], str, tuple[str, ...]]:
    """One pollutant by carrier, rounded such that what is avoided is what was less what is.

    Returns
    -------
    tuple
        Amounts by heading, their unit, and a note where the rounding moved one.
    """
    in_kg = str(part["unit"].iloc[0]).startswith("kg")
    large = in_kg and part["before"].sum() > IN_TONNES_KG
    scale, decimals = (1e-3, TONNE_DECIMALS) if large else (1.0, 0)
    exact = part[list(AMOUNTS.values())].astype(float) * scale
    before, after = (adding_up(exact[c].tolist(), decimals=decimals) for c in ("before", "after"))
    avoided = [round(b - a, decimals) for b, a in zip(before, after, strict=True)]
    amounts = dict(zip(AMOUNTS, (before, after, avoided), strict=True))
    printed = np.array(list(amounts.values())).T
    whole, said = (np.vstack([cells, cells.sum(axis=0)]) for cells in (exact.to_numpy(), printed))
    unit = "千克/年" if in_kg and not large else "吨/年"
    return amounts, unit, rounding_note(whole, said, decimals=decimals)


def _carrier(name: str) -> str:
    """An energy carrier in words; one that a county adds has its own name."""
    return str(style()["carriers"].get(name, {"zh": name})["zh"])


def _rising(villages: pd.DataFrame) -> tuple[str, ...]:
    """How many villages of which route emit more CO2 than their coal, and how much; savings not deducted."""
    (co2,) = (c for c in POLLUTANTS if c.startswith("co2"))
    avoided = villages[avoided_column(co2)].astype(float)
    more = -avoided[avoided < -0.5]
    if more.empty:
        return ()
    by_route = more.groupby(villages["route"]).agg(["size", "sum"])
    by_route = by_route.reindex([r for r in ROUTES if r in by_route.index])
    tonnes = adding_up(by_route["sum"].tolist(), decimals=0)
    rising = [
        f"{route_label(str(r))} {size} 个村每年多 {t:.0f} 吨"
        for r, size, t in zip(by_route.index, by_route["size"], tonnes, strict=True)
    ]
    total = f"合计每年多 {sum(tonnes):.0f} 吨（未扣其他村的减排）"
    return (f"以下各村的 CO₂ 排放高于所替代的散煤：{'、'.join(rising)}；{total}。",)


def reconciliation_sheet(plan: Plan) -> Sheet:
    """Every published number beside the computed one."""
    found = plan.summary["reconciliation"]
    frame = pd.DataFrame(
        {
            "序号": position,
            "文件位置": row["place"],
            "内容": row["what"],
            "单位": row["unit"],
            "文件": _inferred(row) if row["basis"] == "derived" else _shown(row["published"]),
            "本规划": _shown(row["computed"]),
            "差异": _shown(row["difference"]),
            "依据": BASIS_LABELS[row["basis"]],
            "结论": _status(row),
            "说明": "；".join(filter(None, (row["because"], row["note"]))),
        }
        for position, row in enumerate(found, 1)
    )
    open_ = sum(_status(row) == "有差异未说明" for row in found)
    notes = (f"共 {len(found)} 项，其中未说明的差异 {open_} 项。",) if found else ()
    lead = _counted(found) if found else ""
    return Sheet("校核表", framed(frame, title=titled(plan, "校核表")), notes=notes, lead=lead, register=True)


def _counted(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many comparisons there are of each basis, and how they came out, as the rows say it."""
    said = []
    for basis, label in BASIS_LABELS.items():
        found = Counter(_status(row) for row in rows if row["basis"] == basis)
        whole = f"{label} {found.total()} 项"
        parts = "、".join(f"{status} {found[status]}" for status in STATUSES if found[status])
        said.append(f"{whole}，其中{parts}" if basis != "listed" and parts else whole)
    return (
        "；".join(said)
        + "。算出：规划结果与文件相比；照录：规划参数取自文件的数；推算：文件未印、由文件的数推得。"
    )


def _inferred(row: Mapping[str, Any]) -> Cell:
    """A value that the document does not print."""
    return f"（推算）{_shown(row['published'])}"


def _status(row: Mapping[str, Any]) -> str:
    same, told, untold, unstated, outside = STATUSES
    if row["status"] == "differs":
        return told if row["because"] else untold
    if row["status"] == "equal":
        return same
    return unstated if row["published"] is None else outside


def _shown(value: Any) -> Cell:
    """A number in the digits a reader compares; a span of days on two lines."""
    if isinstance(value, str):
        return value.replace(" 至 ", " 至\n")
    if not isinstance(value, float):
        return value
    short = float(f"{value:.7g}")
    if short.is_integer():
        return int(short)
    return round(short, 4 if abs(short) < 1 else 2)
