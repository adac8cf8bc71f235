"""Tables of the work: pipes, capacity, investment, subsidies, dates, and what the air gains."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd

from geoplan.annex import RowKind
from geoplan.columns import ROUTES
from geoplan.emissions import POLLUTANTS
from geoplan.explain import route_label, style
from geoplan.model import Plan
from geoplan.policy import Policy
from geoplan.provisions import Subsidy
from geoplan.report.findings import HOUSEHOLDS, VILLAGES, listing, tasked, total_kinds, whole
from geoplan.report.listing import Listing, listed
from geoplan.report.words import open_amount, stated, title, words
from geoplan.tables.money import investment_sheet, payer_label
from geoplan.tables.naming import plain_number, routes_said, unit_word
from geoplan.tables.sheet import Sheet
from geoplan.units import FUZZ, WAN, apportion

#: What supplies what, in the order of the chapters, and the layers that made data would stand in.
SUPPLIES = {
    "district_heating": ("heat_sources",),
    "gas": ("gas_stations",),
    "electricity": ("substations",),
    "biomass": ("biomass_supply",),
}
#: Layers on which the investment rests: where the households are, and the pipes that lead to them.
COST = ("villages", "heat_sources", "heat_mains", "gas_stations", "gas_mains", "roads")
TOTAL = "合计"


def pipes(plan: Plan, *, public: bool) -> Listing | None:
    """New pipes by route and diameter; for the public by route. [km, 万元]"""
    if not len(plan.links):
        return None
    dn_mm = 0.0 if public else plan.links["dn_mm"].astype(float).fillna(0.0)
    links = pd.DataFrame(plan.links.drop(columns="geometry")).assign(
        dn_mm=dn_mm, order=plan.links["route"].map(ROUTES.index), pieces=1
    )
    parts = links.groupby(["order", "dn_mm"])[["pieces", "length_m", "capex_cny"]].sum().reset_index()
    lengths = apportion(parts["length_m"].to_numpy(dtype=float) / 1e3, unit=0.01)
    money = whole((parts["capex_cny"] / WAN).tolist())
    rows: list[dict[str, Any]] = []
    kinds: list[RowKind] = []
    for order, block in parts.groupby("order"):
        label = route_label(ROUTES[int(str(order))])
        own = [
            {
                "方式": label,
                **({} if public else {"公称直径（mm）": int(row.dn_mm) or "—"}),
                "管段数": int(row.pieces),
                "长度（km）": float(lengths[row.Index]),
                "投资（万元）": money[row.Index],
            }
            for row in block.itertuples()
        ]
        rows += own
        kinds += ["row"] * len(own)
        if not public:
            rows.append(_sum(own, label, "小计"))
            kinds.append("subtotal")
    rows.append(_sum([r for r, kind in zip(rows, kinds, strict=True) if kind == "row"], TOTAL, None))
    kinds.append("total")
    made = COST
    notes = (words()["text"]["note_public"],) if public else ()
    return listing(
        "works", rows, kinds=kinds, merged=["方式"], decimals={"长度（km）": 2}, made=made, notes=notes
    )


def _sum(rows: list[dict[str, Any]], label: str, diameter: str | None) -> dict[str, Any]:
    """Sum of the pipes of some rows."""
    amounts = [row["投资（万元）"] for row in rows]
    open_ = any(isinstance(a, str) for a in amounts)
    said = {"方式": label, "公称直径（mm）": diameter} if "公称直径（mm）" in rows[0] else {"方式": label}
    return said | {
        "管段数": sum(row["管段数"] for row in rows),
        "长度（km）": round(sum(row["长度（km）"] for row in rows), 2),
        "投资（万元）": open_amount() if open_ else sum(amounts),
    }


def capacity(plan: Plan) -> Listing | None:
    """What each source has, gives and keeps, with sums by what they supply. [unit of the row]

    Without the sources whose capacity is not public.
    """
    known = plan.sources["capacity"].notna()
    rows: list[dict[str, Any]] = []
    kinds: list[RowKind] = []
    for supply in SUPPLIES:
        own = plan.sources[known & (plan.sources["route"] == supply)]
        named = words()["supplies"][supply]
        block = [
            _source(named, str(s.name or s.source_id), s.capacity, s.used, s.unit)
            for s in own.itertuples(index=False)
        ]
        if len(block) > 1:
            units = {row["单位"] for row in block}
            total = [float(own[column].round(1).sum(skipna=False)) for column in ("capacity", "used")]
            unit = own["unit"].iloc[0] if len(units) == 1 else ""
            block.append(_source(named, "小计", total[0], total[1], unit))
            kinds += ["row"] * (len(block) - 1)
            kinds.append("subtotal")
        else:
            kinds += ["row"] * len(block)
        rows += block
    made = tuple(stem for stems in SUPPLIES.values() for stem in stems)
    text = words()["text"]
    note = (text["note_capacity"], *([] if known.all() else [text["note_hidden"]]))
    places = {"负载率（%）": 1}
    return listing("capacity", rows, kinds=kinds, merged=["供应"], decimals=places, made=made, notes=note)


def _source(supply: str, name: str, has: float, used: float, unit: str) -> dict[str, Any]:
    has, used = round(float(has), 1), round(float(used), 1)
    load = round(100.0 * used / has, 1) if has > 0 else open_amount()
    margin = round(has - used, 1)
    return {
        "供应": supply, "名称": name, "能力": has, "占用": used, "余量": margin,
        "负载率（%）": load, "单位": unit_word(unit),
    }  # fmt: skip


def capex(plan: Plan) -> Listing | None:
    """Investment of the routes taken and who pays it at once. [万元]"""
    return listed("capex", investment_sheet(plan), title=title("capex"), made=COST)


def milestones(plan: Plan) -> Listing | None:
    """Stages of the work with their days."""
    rows = [
        {
            "序号": position,
            "阶段": stage.stage,
            "开始": day(stage.start) if stage.start else None,
            "完成": day(stage.end),
        }
        for position, stage in enumerate(plan.policy.milestones.values(), 1)
    ]
    return listing("milestones", rows)


def day(date: dt.date) -> str:
    """A day as an official document writes it.

    Examples
    --------
    >>> day(dt.date(2022, 3, 1))
    '2022年3月1日'
    """
    return str(words()["labels"]["date"]).format(y=date.year, m=date.month, d=date.day)


def subsidies(plan: Plan) -> Listing | None:
    """Every subsidy: who pays whom how much for how long, and how sure that is."""
    labels = words()["labels"]
    used = {route for rank in plan.policy.ranks for route in rank}
    rows = []
    for name, subsidy in plan.policy.subsidies.items():
        if not used & set(subsidy.routes):
            continue
        origin = plan.policy.origins
        codes = [
            o.confidence
            for path, o in origin.items()
            if path.startswith(f"subsidies.{name}") and o.confidence
        ]
        rows.append(
            {
                "级次": payer_label(subsidy.level),
                "类别": labels[subsidy.kind],
                "方式": routes_said(used & set(subsidy.routes)),
                "项目": subsidy.item or None,
                "标准": standard(subsidy, unit=energy_unit(plan.policy, subsidy)),
                "期限": seasons(subsidy) if subsidy.kind == "operating" else "一次性",
                "可信度": "、".join(dict.fromkeys(codes)) or "—",
            }
        )
    return listing("subsidies", rows, notes=(words()["text"]["note_rules"],))


def energy_unit(policy: Policy, subsidy: Subsidy) -> str:
    """Unit of the energy that a running subsidy pays for."""
    carriers = dict.fromkeys(policy.routes[r].carrier for r in subsidy.routes if r in policy.routes)
    units = dict.fromkeys(unit_word(policy.carriers[c].unit) for c in carriers)
    return next(iter(units)) if len(units) == 1 else "单位能量"


def standard(subsidy: Subsidy, *, unit: str = "kWh") -> str:
    """Amount of a subsidy with its limits.

    Examples
    --------
    >>> standard(Subsidy(level="city", routes=("gas",), share=0.7, cap_cny_per_household=2700))
    '70%，每户不超过2700元'
    """
    if subsidy.unstated:
        return open_amount()
    parts = [
        stated(subsidy.cny_per_household, "元/户"),
        stated(subsidy.cny_per_m2, "元/㎡"),
        stated(round((subsidy.share or 0.0) * 100.0, 6), "%"),
        stated(subsidy.cny_per_kwh, "元/kWh"),
        stated(subsidy.cny_per_unit, f"元/{unit}"),
    ]
    limits = []
    if subsidy.area_max_m2 is not None:
        limits.append(f"每户不超过{plain_number(subsidy.area_max_m2)}㎡")
    if subsidy.cap_cny_per_household is not None:
        limits.append(f"每户不超过{plain_number(subsidy.cap_cny_per_household)}元")
    if subsidy.threshold_units:
        limits.append(f"超过{plain_number(subsidy.threshold_units)}{unit}起补")
    if subsidy.cap_units is not None:
        limits.append(f"每户每季不超过{plain_number(subsidy.cap_units)}{unit}")
    return "，".join([*filter(None, parts), *limits]) or "—"


def seasons(subsidy: Subsidy) -> str:
    """How long a running subsidy is paid, and how it tapers.

    Examples
    --------
    >>> seasons(Subsidy(level="city", kind="operating", routes=("gas",), cny_per_unit=1, taper=(1.0, 0.5)))
    '2个采暖季，逐季100%、50%'
    """
    paid, labels = subsidy.seasons, words()["labels"]
    if paid is None:
        return str(labels["no_end"])
    said = str(labels["seasons"]).format(n=len(paid))
    if len(set(paid)) == 1:
        return said
    return f"{said}，逐季{'、'.join(f'{plain_number(round(100.0 * p, 6))}%' for p in paid)}"


def ratings(plan: Plan) -> Listing | None:
    """Households by what the running cost is to them, with and without subsidy."""
    found = plan.summary["affordability"]
    cases = {"有补助": "with_subsidy", "无补助": "without_subsidy"}
    rows: list[dict[str, Any]] = [
        {
            "评价": style()["values"][name]["zh"],
            **{said: found["households_by_rating"][case].get(name, 0) for said, case in cases.items()},
        }
        for name in ("green", "amber", "red")
    ]
    open_ = {
        said: int(plan.summary["households"]) - sum(found["households_by_rating"][case].values())
        for said, case in cases.items()
    }
    if any(open_.values()):
        rows.append({"评价": open_amount(), **open_})
    rows.append({"评价": "返煤风险", "有补助": None, "无补助": found["households_at_risk"]})
    return listing("ratings", rows, unit="户", made=("villages",))


def avoided(emissions: Sheet) -> Listing | None:
    """What is avoided of each pollutant: the sums of the table by carrier."""
    table = emissions.table
    heads = [head[-1] for head in table.head]
    sums = [
        dict(zip(heads, row, strict=True))
        for row, k in zip(table.rows, table.kinds, strict=True)
        if k == "subtotal"
    ]
    rows = [
        {
            "污染物": words()["pollutants"].get(row["污染物"], row["污染物"]),
            "单位": unit_word(str(row["单位"])),
            **{name: row[name] for name in ("改造前", "改造后", "减排")},
            "减排率（%）": _rate(row["减排"], row["改造前"]),
        }
        for row in sums
    ]
    if len(rows) != len(POLLUTANTS):
        return None
    return listing("avoided", rows, decimals={"减排率（%）": 1}, made=("villages",))


def rising(plan: Plan) -> Listing | None:
    """The villages whose route emits more CO2 than the coal of today, by route. [t/a]"""
    villages = tasked(plan)
    more = -villages["co2_avoided_t_per_a"].astype(float)
    more = more[more > 0.5]
    if more.empty:
        return None
    routes = villages.loc[more.index, "route"]
    amounts = more.groupby(routes).sum().reindex([r for r in ROUTES if (routes == r).any()])
    tonnes = whole(amounts.tolist())
    rows: list[dict[str, Any]] = [
        {
            "方式": route_label(str(route)),
            VILLAGES: int((routes == route).sum()),
            HOUSEHOLDS: int(villages.loc[routes.index[routes == route], "households"].sum()),
            "增加的排放": amount,
        }
        for route, amount in zip(amounts.index, tonnes, strict=True)
    ]
    rows.append(
        {"方式": TOTAL} | {h: sum(row[h] for row in rows) for h in (VILLAGES, HOUSEHOLDS, "增加的排放")}
    )
    return listing("rising", rows, unit="吨/年", kinds=total_kinds(len(rows)), made=("villages",))


def _rate(part: Any, whole_: Any) -> float | None:
    """What is avoided of what there was. [%]"""
    return round(100.0 * float(part) / float(whole_), 1) if abs(float(whole_ or 0)) > FUZZ else None
