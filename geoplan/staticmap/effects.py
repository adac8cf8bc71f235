"""Themes of what it does: money and emissions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geoplan.columns import ROUTES
from geoplan.emissions import avoided_column
from geoplan.explain import route_label, style
from geoplan.finance import stated_part
from geoplan.provisions import LEVELS
from geoplan.staticmap import ground
from geoplan.staticmap.bands import band_block, banded, classes, tints
from geoplan.staticmap.content import Bar, BarChart, Block, Content, Mark, Row
from geoplan.staticmap.view import View
from geoplan.units import WAN

#: Pollutants in the order of the tables; those in kilograms are shown in tonnes.
POLLUTANT_LABELS = {
    "co2_t_per_a": "CO₂",
    "pm25_kg_per_a": "PM₂.₅",
    "so2_kg_per_a": "SO₂",
    "nox_kg_per_a": "NOₓ",
}
#: Tints of amounts from small to large; what is avoided is green, what is added is not.
TINTS = ("#fbe3c0", "#f5b07a", "#dc6a52", "#a32f55", "#5a1450")
GREENS = ("#dcecc8", "#a6cf8c", "#5fa862", "#2b7a4b", "#0f4a33")
RISING, SAME = "#d95f02", "#f7f4e9"
#: Subsidy, household, enterprise, and what is open.
PURSE_TINTS = ("#2f6f9f", "#d98b3a", "#8a6bb1", "#c9ced3")


def money(view: View) -> Content:
    """What a season costs a household, who pays the investment, and who bears it hard."""
    own, say = view.villages, view.say
    plan, column = view.plan.villages, "household_cost_cny_per_season"
    cost = plan[column].astype(float).where(plan["households"].fillna(0) > 0)
    bands = classes(cost.to_numpy())
    shades = tints(TINTS, len(bands))
    face = banded(own[column].astype(float), bands, shades)
    return Content(
        layers=(*ground.base(view), *view.dots(face)),
        legend=(
            band_block(view, say("season"), cost, bands, shades),
            ground.sizes_block(view),
            ground.base_block(view),
        ),
        tables=(
            _purse_table(view),
            *_per_household(view),
            _bearing(view),
        ),
        labels=(*ground.towns(view), *ground.rivers(view), *ground.villages(view)),
        stems=("villages", *ground.BASE),
    )


def wan(villages: pd.DataFrame, column: str, view: View) -> str:
    """A sum as a reader writes it; where a part of it is open, what is stated and that word. [10⁴ CNY]"""
    stated = ground.amount(float(stated_part(villages, column).sum()) / WAN)
    if not villages[column].isna().any():
        return stated
    return view.say("open") if stated == "0" else f"{stated} + {view.say('open')}"


def _purse_table(view: View) -> Block:
    """The investment by who pays it. [万元]"""
    plan, payers = view.plan.villages, style()["payers"]
    columns = {p: f"subsidy_{p}_cny" for p in LEVELS} | {
        "household": "household_capex_cny",
        "enterprise": "enterprise_capex_cny",
    }
    rows = []
    for payer, column in columns.items():
        if column in plan and (plan[column].isna().any() or plan[column].sum() != 0):
            rows.append(Row((str(payers[payer][view.lang]), wan(plan, column, view))))
    rows += _undivided(view, [c for c in columns.values() if c in plan])
    rows.append(Row((view.say("total"), wan(plan, "capex_cny", view)), strong=True))
    operating = "subsidy_operating_cny_per_a"
    if operating in plan and (plan[operating].isna().any() or plan[operating].sum() != 0):
        rows.append(Row((view.say("operating"), wan(plan, operating, view))))
    return Block(view.say("purses"), tuple(rows), unit=view.say("wan"))


def _undivided(view: View, columns: list[str]) -> list[Row]:
    """What of a known investment no payer has been told, so that the rows add up. [万元]"""
    plan = view.plan.villages
    if plan["capex_cny"].isna().any() or not plan[columns].isna().any(axis=None):
        return []
    # From the rounded amounts, so that those that are printed add up.
    stated = sum(_printed(float(stated_part(plan, c).sum())) for c in columns)
    rest = _printed(float(plan["capex_cny"].sum())) - stated
    return [Row((view.say("undivided"), ground.amount(rest)))] if rest > 0.05 else []


def _printed(cny: float) -> float:
    """An amount as its cell shows it. [10⁴ CNY]"""
    return float(ground.amount(cny / WAN).replace(",", ""))


def _per_household(view: View) -> list[BarChart]:
    """Investment of a household by route and purse; what nobody is told is shown as open."""
    plan = view.plan.villages
    bars = []
    for route in ROUTES:
        of = plan[(plan["route"] == route) & (plan["households"].fillna(0) > 0)]
        if of.empty:
            continue
        count = float(of["households"].sum())
        parts = [float(sum(stated_part(of, f"subsidy_{level}_cny").sum() for level in LEVELS))]
        parts += [
            stated_part(of, c).sum() for c in ("household_capex_cny", "enterprise_capex_cny") if c in of
        ]
        rest = max(of["capex_cny"].astype(float).sum() - sum(parts), 0.0)
        whole = [float(p) / count for p in [*parts, *[0.0] * (3 - len(parts)), rest]]
        bars.append(Bar(route_label(route, view.lang), tuple(0.0 if p < 0.5 else p for p in whole)))
    if not bars:
        return []
    labels = [view.say(key) for key in ("subsidy", "household", "enterprise", "rest")]
    shown = [i for i in range(4) if any(bar.parts[i] for bar in bars)]
    keys = tuple((labels[i], PURSE_TINTS[i]) for i in shown)
    kept = tuple(Bar(bar.label, tuple(bar.parts[i] for i in shown)) for bar in bars)
    return [BarChart(view.say("per_household"), view.say("cny_per_household"), keys, kept)]


def _bearing(view: View) -> Block:
    """Villages by how hard their households bear the cost, with subsidy."""
    plan, say = view.plan.villages, view.say
    busy = plan[plan["households"].fillna(0) > 0]
    rating = (
        busy["affordability"].astype(object).where(busy["affordability"].isin(("green", "amber", "red")), "")
    )
    rows = []
    for key in ("green", "amber", "red", ""):
        of = busy[rating == key]
        if len(of):
            label = str(style()["values"][key][view.lang]) if key else say("unrated")
            rows.append(Row((label, f"{len(of):,}", f"{int(of['households'].sum()):,}")))
    return Block(say("bearing"), tuple(rows), head=("", say("number"), say("households")))


def emissions(view: View) -> Content:
    """CO₂ avoided: the area of a sign is the tonnes, its colour those of a household."""
    own, say = view.villages, view.say
    each = _each(view.plan.villages)
    better = classes(each[each > 0].to_numpy())
    bands = [*((max(low, 0.0), high) for low, high in better), (0.0, 0.0), (-np.inf, 0.0)]
    shades = [*tints(GREENS, len(better)), SAME, RISING]
    co2 = own["co2_avoided_t_per_a"].astype(float).abs()
    return Content(
        layers=(*ground.base(view), *view.dots(banded(_each(own), bands, shades), amount=co2)),
        legend=(
            band_block(view, say("co2_each"), each, bands, shades),
            _tonne_sizes(view, co2),
            ground.base_block(view),
        ),
        tables=(
            _pollutant_table(view),
            _avoided_table(view),
        ),
        labels=(*ground.towns(view), *ground.rivers(view), *ground.villages(view, radius=view.radius(co2))),
        notes=_rising(view),
        stems=("villages", *ground.BASE),
        sized=co2,
    )


def _each(villages: pd.DataFrame) -> pd.Series:
    """CO₂ avoided of a household. [t/a]"""
    households = villages["households"].astype("Float64").fillna(0).astype(float)
    return villages["co2_avoided_t_per_a"].astype(float) / households.where(households > 0)


def _tonne_sizes(view: View, co2: pd.Series) -> Block:
    """What the sizes of the signs mean. [t/a]"""
    most = float(co2.max()) if len(co2) else 0.0
    steps = [float(f"{s:.1g}") for s in (most / 10, most / 2) if s > 0]
    rows = [
        Row(
            (f"{s:,g} {view.units['t/a']}",),
            sign=Mark("#dfe3e6", radius=float(view.radius(np.array([s]), like=co2)[0]), edge="#7d8790"),
        )
        for s in steps
    ]
    return Block(view.say("sizes_co2"), (*rows, *ground.made_rows(view)))


def _pollutant_table(view: View) -> Block:
    """Emissions before and after, and what is avoided. [t/a]"""
    plan, rows = view.plan.villages, []
    for column, label in POLLUTANT_LABELS.items():
        after, avoided = _tonnes(plan[column], column), _tonnes(plan[avoided_column(column)], column)
        amounts = (ground.amount(after + avoided), ground.amount(after), _change(view, avoided))
        rows.append(Row((label, *amounts)))
    say = view.say
    return Block(
        say("pollutants"),
        tuple(rows),
        head=(say("pollutant"), say("now"), say("then"), say("avoided")),
        unit=say("tonnes"),
    )


def _tonnes(amounts: pd.Series, column: str) -> float:
    """Sum of a pollutant; NaN where a part of it is not known. [t/a]"""
    return float(amounts.astype(float).sum(skipna=False)) / (1000.0 if "_kg_" in column else 1.0)


def _avoided(view: View, villages: pd.DataFrame) -> list[str]:
    """What some villages avoid of the first two pollutants; more than before is said in a word. [t/a]"""
    amounts = [_tonnes(villages[avoided_column(c)], c) for c in list(POLLUTANT_LABELS)[:2]]
    return [_change(view, amount) for amount in amounts]


def _change(view: View, avoided: float) -> str:
    """An amount avoided, or by how much more is emitted. [t/a]"""
    said = ground.amount(abs(avoided))
    return view.say("more_by", said) if avoided < 0 and said != "0" else said


def _avoided_table(view: View) -> Block:
    """What each route avoids. [t/a]"""
    plan, rows = view.plan.villages, []
    for route in ROUTES:
        of = plan[(plan["route"] == route) & (plan["households"].fillna(0) > 0)]
        if len(of):
            rows.append(Row((route_label(route, view.lang), *_avoided(view, of))))
    rows.append(Row((view.say("total"), *_avoided(view, plan)), strong=True))
    head = (view.words["routes"], *list(POLLUTANT_LABELS.values())[:2])
    return Block(view.say("by_route"), tuple(rows), head=head, unit=view.say("tonnes"))


def _rising(view: View) -> tuple[str, ...]:
    """How many villages emit more than the coal they replace."""
    avoided = view.plan.villages["co2_avoided_t_per_a"].astype(float)
    more = -avoided[avoided < -0.5]
    return (view.say("rising_note", f"{len(more):,}", f"{more.sum():,.0f}"),) if len(more) else ()
