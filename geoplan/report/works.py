"""Tables of the work: pipes, capacity, investment, subsidies, dates, and what the air gains."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
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
from geoplan.tables.plan import WITHOUT_MAINS, addable, pipe_parts, to_be_added, waits_for_mains
from geoplan.tables.sheet import ROUNDED, Sheet, rounding_note
from geoplan.tables.work import by_date
from geoplan.units import FUZZ, WAN

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
#: Load of a source that has nothing to give.
NO_LOAD = "—"


def pipes(plan: Plan, *, public: bool) -> Listing | None:
    """New pipes by route and diameter; for the public by route. [km, 万元]"""
    if not len(plan.links):
        return None
    parts = pipe_parts(plan.links, sizes=not public)
    money = whole((parts["capex_cny"] / WAN).tolist())
    rows: list[dict[str, Any]] = []
    kinds: list[RowKind] = []
    for _, block in parts.groupby("order"):
        label = route_label(str(block["route"].iloc[0]))
        own = [
            {
                "方式": label,
                **({} if public else {"公称直径（mm）": int(row.dn_mm) or "—"}),
                "管段数": int(row.pieces),
                "长度（km）": float(row.length_km),
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
    notes: tuple[str, ...] = (words()["text"]["note_public"],) if public else ()
    notes += _moved(parts, parts["length_km"].to_numpy(), money)
    notes += (WITHOUT_MAINS,) if waits_for_mains(plan) else ()
    return listing(
        "works", rows, kinds=kinds, merged=["方式"], decimals={"长度（km）": 2}, made=made, notes=notes
    )


def _moved(parts: pd.DataFrame, lengths: np.ndarray, money: list[Any]) -> tuple[str, ...]:
    """A note where the length or the cost of some pipes, or of a route, is not the nearest number."""
    said = parts.assign(length=lengths, money=pd.to_numeric(pd.Series(money), errors="coerce").to_numpy())
    found: dict[str, None] = {}
    for exact, printed, unit, decimals in (("length_m", "length", 1e3, 2), ("capex_cny", "money", WAN, 0)):
        sums = said.groupby("order")[[exact, printed]].sum(min_count=1)
        every = pd.concat([said[[exact, printed]], sums, sums.sum().to_frame().T])
        found |= dict.fromkeys(rounding_note(every[exact] / unit, every[printed], decimals=decimals))
    return tuple(found)


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


def capacity(plan: Plan, *, supplies: Mapping[str, str]) -> Listing | None:
    """What each source has, gives and keeps, with sums by what they supply. [unit of the row]

    Without the sources whose capacity is not public. What is still to be added to
    substations stands apart from what they have today.

    Parameters
    ----------
    plan : Plan
    supplies : mapping of str to str
        What supplies each carrier, in words.
    """
    known = plan.sources["capacity"].notna()
    more, grows = addable(plan), bool(addable(plan).gt(0).any())
    sources = plan.sources.assign(
        has=(plan.sources["capacity"] - more).round(1), more=more.round(1),
        taken=plan.sources["used"].round(1), short=to_be_added(plan).round(1),
    )  # fmt: skip
    rows: list[dict[str, Any]] = []
    kinds: list[RowKind] = []
    for supply in SUPPLIES:
        own = sources[known & (sources["route"] == supply)]
        named = supplies[supply]
        block = [
            _source({"供应": named, "名称": str(s["name"] or s["source_id"])}, s, s["unit"], grows=grows)
            for _, s in own.iterrows()
        ]
        if len(block) > 1:
            units = {row["单位"] for row in block}
            unit = own["unit"].iloc[0] if len(units) == 1 else ""
            total = own[["has", "more", "taken", "short"]].sum(skipna=False)
            block.append(_source({"供应": named, "名称": "小计"}, total, unit, grows=grows))
            kinds += ["row"] * (len(block) - 1)
            kinds.append("subtotal")
        else:
            kinds += ["row"] * len(block)
        rows += block
    made = tuple(stem for stems in SUPPLIES.values() for stem in stems)
    text = words()["text"]
    hidden = text["note_hidden"].format(supply=supplies["electricity"])
    note = (text["note_growth" if grows else "note_capacity"], *([] if known.all() else [hidden]))
    places = {"负载率（%）": 1}
    return listing("capacity", rows, kinds=kinds, merged=["供应"], decimals=places, made=made, notes=note)


def _source(who: Mapping[str, Any], amounts: pd.Series, unit: str, *, grows: bool) -> dict[str, Any]:
    """A source, or several: what is there, what can be added, what is taken of both."""
    has, more, used, short = (round(float(amounts[c]), 1) for c in ("has", "more", "taken", "short"))
    whole = has + more
    growth = {"可增容": more or None} if grows else {}
    first = {"须先增容": short or None} if grows else {}
    return {
        **who, ("现有能力" if grows else "能力"): has, **growth, "占用": used, **first,
        "余量": round(whole - used, 1),
        "负载率（%）": round(100.0 * used / whole, 1) if whole > 0 else NO_LOAD,
        "单位": unit_word(unit),
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
        for position, stage in enumerate(by_date(plan.policy), 1)
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


def subsidies_of(plan: Plan) -> Mapping[str, Subsidy]:
    """The subsidies for routes that the policy has, in the order of their table."""
    used = {route for rank in plan.policy.ranks for route in rank}
    return {name: s for name, s in plan.policy.subsidies.items() if used & set(s.routes)}


def subsidies(plan: Plan) -> Listing | None:
    """Every subsidy: who pays whom how much for how long, and how sure that is."""
    labels = words()["labels"]
    used = {route for rank in plan.policy.ranks for route in rank}
    rows = []
    for name, subsidy in subsidies_of(plan).items():
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
    notes = tuple(note for note in emissions.notes if note == ROUNDED)
    return listing("avoided", rows, notes=notes, decimals={"减排率（%）": 1}, made=("villages",))


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
