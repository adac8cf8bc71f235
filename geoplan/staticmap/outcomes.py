"""Themes of what was decided: routes, years and the reach of the heat network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from geoplan.columns import ROUTES
from geoplan.explain import near_tie_pct, near_ties, route_label
from geoplan.mapdata.page import said_by
from geoplan.model import Plan
from geoplan.staticmap import ground
from geoplan.staticmap.bands import span, tints
from geoplan.staticmap.content import (
    Block,
    Content,
    Dots,
    Label,
    Layer,
    Lines,
    Mark,
    Row,
    ScatterChart,
    Stroke,
)
from geoplan.staticmap.effects import wan
from geoplan.staticmap.view import GREY, View, route_colour

#: Tints of the years from the first to the last.
YEAR_TINTS = ("#f3d35b", "#7cc29a", "#2f8fb5", "#2b4a8b", "#3c1d63")
#: Connection as a multiple of the break-even length, and its colour.
RATIOS = (
    (0.5, "#14606b", "ratio_0"),
    (1.0, "#63b7a8", "ratio_1"),
    (2.0, "#f2b880", "ratio_2"),
    (np.inf, "#c45a3b", "ratio_3"),
)
NEVER = "#7d4a3c"
#: Limits of the linear heat density where the policy has no rule for it. [MWh/(m·a)]
DENSITIES = (0.5, 1.0, 1.5)
DENSITY_COLUMN = "linear_heat_density_mwh_per_m"


def routes(view: View) -> Content:
    """Every village in the colour of its route; near ties ringed in that of the runner-up."""
    own, say = view.villages, view.say
    lines, signs, marks, names = _networks(view)
    policy = view.plan.policy
    tie = _ties(own, policy)
    rings = _rings(view, tie)
    notes: tuple[str, ...] = ()
    sign_rows = list(ground.sizes_block(view).rows)
    if tie.any():
        sign_rows += _ring_rows(view, own[tie])
        among = _ties(view.plan.villages, policy).sum()
        notes = (say("ties_note", f"{among:,}", f"{near_tie_pct(policy):g}"),)
    face = own["route"].map({r: route_colour(r) for r in ROUTES})
    return Content(
        layers=(*ground.base(view), *lines, *rings, *view.dots(face), *view.ticks(ROUTES), *marks),
        legend=(
            _route_table(view),
            Block(say("sizes"), tuple(sign_rows)),
            Block(say("networks"), tuple(signs)),
            ground.base_block(view),
        ),
        tables=(*_town_table(view),),
        labels=(*ground.towns(view), *names, *ground.rivers(view), *ground.villages(view)),
        notes=notes,
        stems=("villages", "heat_mains", "gas_mains", *ground.STEMS.values(), *ground.BASE),
    )


def _ties(villages: pd.DataFrame, policy: Any) -> pd.Series:
    """Villages with a task whose runner-up costs about the same."""
    return near_ties(villages, policy) & (villages["households"].fillna(0) > 0)


def _rings(view: View, tie: pd.Series) -> list[Dots]:
    """Discs in the colour of the runner-up that show as rings around the signs."""
    own = view.villages
    of = tie.to_numpy()
    if not of.any():
        return []
    radius = view.radius(own["households"])[of]
    colours = own["runner_up"][of].map({r: route_colour(r) for r in ROUTES}).to_numpy()
    return [Dots(view.xy[of], radius + 0.75, colours, "#ffffff", edge_width=0.5)]


def _ring_rows(view: View, ties: pd.DataFrame) -> list[Row]:
    """The runner-up of each colour that a ring has."""
    return [
        Row(
            (view.say("tie", route_label(route, view.lang)),),
            sign=Mark("#b9c0c6", edge=route_colour(route), edge_width=1.8),
        )
        for route in ROUTES
        if (ties["runner_up"] == route).any()
    ]


def _networks(view: View) -> tuple[list[Layer], list[Row], list[Dots], list[Label]]:
    """Mains, new pipes and sources with their rows of the legend."""
    found = [ground.mains(view, stem) for stem in ("heat_mains", "gas_mains")]
    lines: list[Layer] = [line for own, _ in found for line in own]
    rows = [row for _, own in found for row in own]
    for route in ROUTES:
        links = view.plan.links[view.plan.links["route"] == route]
        if len(links):
            look = (Stroke("#ffffff", 3.0), Stroke(route_colour(route), 1.6))
            lines.append(Lines(ground.clipped(view, links), look))
            label = view.say("of", view.say("pipes_table"), route_label(route, view.lang))
            rows.append(Row((label,), sign=look))
    marks, signs, names = ground.sources(
        view, ("district_heating", "gas", "biomass", "electricity"), loads=False
    )
    return lines, [*rows, *signs], marks, names


def _route_table(view: View) -> Block:
    """Villages and households by route, of the whole plan; those without a task stand below the total."""
    say, plan = view.say, view.plan.villages
    households = plan["households"].fillna(0).astype(int)
    whole = max(int(households.sum()), 1)
    rows = []
    for route in ROUTES:
        of = (plan["route"] == route) & (households > 0)
        if of.any():
            count = int(households[of].sum())
            cells = (route_label(route, view.lang), f"{of.sum():,}", f"{count:,}", f"{count / whole:.1%}")
            rows.append(Row(cells, sign=view.route_mark(route)))
    idle = int((households == 0).sum())
    rows.append(Row((say("total"), f"{len(plan) - idle:,}", f"{households.sum():,}", "100%"), strong=True))
    if idle:
        rows.append(
            Row((view.words["idle"], f"{idle:,}", "", ""), sign=Mark("#ffffff", radius=1.1, edge="#8b9299"))
        )
    return Block(say("villages"), tuple(rows), head=("", say("number"), say("households"), say("share")))


def _town_table(view: View) -> list[Block]:
    """Households by town and route, where few routes leave room for it."""
    plan = view.plan.villages.sort_values("village_id")
    plan = plan[plan["households"].fillna(0) > 0]
    found = [r for r in ROUTES if (plan["route"] == r).any()]
    if not found or len(found) > 4:
        return []
    cross = (
        plan.pivot_table(index="town", columns="route", values="households", aggfunc="sum")
        .fillna(0)
        .astype(int)
    )
    cross = cross.reindex(index=list(plan["town"].drop_duplicates()), columns=found)
    rows = [
        Row((str(town), *(f"{n:,}" if n else "" for n in row)))
        for town, row in zip(cross.index, cross.to_numpy().tolist(), strict=True)
    ]
    rows.append(Row((view.say("total"), *(f"{n:,}" for n in cross.sum().tolist())), strong=True))
    head = (view.say("town"), *(route_label(r, view.lang) for r in found))
    unit = view.words["households"]
    return [Block(view.say("by_town_route"), tuple(rows), head=head, unit=view.say("unit_of", unit))]


def years(view: View) -> Content:
    """Villages and pipes in the tint of the year of their works."""
    own, say = view.villages, view.say
    every = planned_years(view.plan)
    tint = dict(zip(every, tints(YEAR_TINTS, len(every)), strict=True))
    lines: list[Layer] = []
    for stem in ("heat_mains", "gas_mains"):
        lines += ground.mains(view, stem)[0]
    links = view.plan.links
    for year in every:
        of = links[(links["year"] == year).fillna(False).to_numpy(dtype=bool)]
        if len(of):
            lines.append(Lines(ground.clipped(view, of), (Stroke("#ffffff", 3.0), Stroke(tint[year], 1.7))))
    marks, signs, names = ground.sources(view, ("district_heating", "gas"), loads=False)
    face = own["year"].map(tint).astype(object).where(own["year"].notna(), GREY)
    mains_rows = [row for stem in ("heat_mains", "gas_mains") for row in ground.mains(view, stem)[1]]
    new = [y for y in every if (links["year"] == y).any()]
    if new:
        look = (Stroke("#ffffff", 3.0), Stroke(tint[new[len(new) // 2]], 1.7))
        mains_rows.append(Row((say("new_by_year"),), sign=look))
    networks = [*mains_rows, *signs]
    return Content(
        layers=(*ground.base(view), *lines, *view.dots(face), *marks),
        legend=(
            _year_table(view, tint),
            ground.sizes_block(view),
            *([Block(say("networks"), tuple(networks))] if networks else []),
            ground.base_block(view),
        ),
        tables=(_year_routes(view, tint),),
        labels=(*ground.towns(view), *names, *ground.rivers(view), *ground.villages(view)),
        stems=("villages", "heat_mains", "gas_mains", "heat_sources", "gas_stations", *ground.BASE),
    )


def planned_years(plan: Plan) -> list[int]:
    """Years of the works and of the policy's targets."""
    policy = getattr(plan, "policy", None)
    targets, phasing = said_by(policy, "targets.by_year", {}), said_by(policy, "phasing.years", ())
    worked = plan.villages["year"].dropna().astype(int)
    return sorted({*worked, *map(int, targets), *map(int, phasing)})


def _year_table(view: View, tint: Mapping[int, str]) -> Block:
    """Villages, households and investment of every year, years without works included."""
    say, plan = view.say, view.plan.villages
    busy = plan[plan["households"].fillna(0) > 0]
    rows = []
    for year, colour in tint.items():
        of = busy[(busy["year"] == year).fillna(False).to_numpy(dtype=bool)]
        rows.append(
            Row(
                (
                    say("year", year),
                    f"{len(of):,}",
                    f"{int(of['households'].sum()):,}",
                    wan(of, "capex_cny", view),
                ),
                sign=view.mark(colour),
            )
        )
    undated = busy[busy["year"].isna().to_numpy(dtype=bool)]
    if len(undated):
        rows.append(
            Row(
                (
                    say("undated"),
                    f"{len(undated):,}",
                    f"{int(undated['households'].sum()):,}",
                    wan(undated, "capex_cny", view),
                ),
                sign=view.mark(GREY),
            )
        )
    rows.append(
        Row(
            (
                say("total"),
                f"{len(busy):,}",
                f"{int(busy['households'].sum()):,}",
                wan(busy, "capex_cny", view),
            ),
            strong=True,
        )
    )
    return Block(say("by_year"), tuple(rows), head=("", say("number"), say("households"), say("capital")))


def _year_routes(view: View, tint: Mapping[int, str]) -> Block:
    """Households by route and year."""
    plan = view.plan.villages
    busy = plan[(plan["households"].fillna(0) > 0) & plan["year"].notna()]
    shown = [y for y in tint if (busy["year"] == y).any()][-4:]
    rows = []
    for route in ROUTES:
        of = busy[busy["route"] == route]
        if len(of):
            said = [f"{n:,}" if n else "" for n in _by_year(of, shown)]
            rows.append(Row((route_label(route, view.lang), *said)))
    rows.append(Row((view.say("total"), *(f"{n:,}" for n in _by_year(busy, shown))), strong=True))
    head = (view.words["routes"], *(str(y) for y in shown))
    return Block(
        view.say("by_route_year"), tuple(rows), head=head, unit=view.say("unit_of", view.words["households"])
    )


def _by_year(villages: pd.DataFrame, years: Sequence[int]) -> list[int]:
    """Households of each year. [household]"""
    return [int(villages.loc[(villages["year"] == y).to_numpy(bool), "households"].sum()) for y in years]


def connection(view: View) -> Content:
    """How far every village is from the heat network, as a multiple of the length that pays."""
    own, say = view.villages, view.say
    kind, colours = (
        _ratio(own),
        {key: colour for _, colour, key in RATIOS} | {"ratio_never": NEVER, "ratio_none": GREY},
    )
    lines, rows = ground.mains(view, "heat_mains")
    links = view.plan.links[view.plan.links["route"] == "district_heating"]
    new = (
        [
            Lines(
                ground.clipped(view, links),
                (Stroke("#ffffff", 3.0), Stroke(route_colour("district_heating"), 1.6)),
            )
        ]
        if len(links)
        else []
    )
    if new:
        rows.append(Row((say("pipes_table"),), sign=new[0].look))
    marks, signs, names = ground.sources(view, ("district_heating",), loads=False)
    networks = [*rows, *signs]
    lost = () if ground.has(view, "heat_mains") else (say("missing", view.layers["heat_mains"]),)
    return Content(
        layers=(*ground.base(view), *lines, *new, *view.dots(kind.map(colours)), *marks),
        legend=(
            _classes(view, say("ratio"), _ratio(view.plan.villages), colours),
            ground.sizes_block(view),
            *([Block(say("networks"), tuple(networks))] if networks else []),
            ground.base_block(view),
        ),
        tables=(
            *_density_table(view),
            *_lengths(view),
        ),
        labels=(*ground.towns(view), *names, *ground.rivers(view), *ground.villages(view)),
        notes=lost,
        stems=("villages", "heat_mains", "heat_sources", *ground.BASE),
    )


def _ratio(villages: pd.DataFrame) -> pd.Series:
    """Class of every village by connection over break-even length."""
    length, limit = villages["heat_connection_m"].astype(float), villages["break_even_m"].astype(float)
    ratio = length / limit.where(limit > 0)
    tests = [(limit <= 0) & length.notna(), *(ratio <= top for top, _, _ in RATIOS)]
    keys = ["ratio_never", *(key for _, _, key in RATIOS)]
    return pd.Series(np.select(tests, keys, "ratio_none"), index=villages.index)


def _classes(view: View, title: str, kind: pd.Series, colours: Mapping[str, str]) -> Block:
    """Villages and households of every class that has some, with a task, of the whole plan."""
    say, households = view.say, view.plan.villages["households"].fillna(0).astype(int)
    rows = []
    for key, colour in colours.items():
        of = (kind == key) & (households > 0)
        if of.any():
            rows.append(Row((say(key), f"{of.sum():,}", f"{households[of].sum():,}"), sign=view.mark(colour)))
    rows.append(Row((say("total"), f"{(households > 0).sum():,}", f"{households.sum():,}"), strong=True))
    return Block(title, tuple(rows), head=("", say("number"), say("households")))


def _lengths(view: View) -> list[ScatterChart]:
    """Both lengths of every village against each other."""
    plan = view.plan.villages
    x, y = plan["heat_connection_m"].astype(float), plan["break_even_m"].astype(float)
    of = (x > 0) & (y > 0) & (plan["households"].fillna(0) > 0)
    if of.sum() < 2:
        return []
    colours = plan.loc[of, "route"].map({r: route_colour(r) for r in ROUTES}).tolist()
    say = view.say
    return [
        ScatterChart(
            say("chart_connection"),
            say("axis_connection"),
            say("axis_break_even"),
            x[of].to_numpy(),
            y[of].to_numpy(),
            colours,
            keys=tuple(
                (route_label(r, view.lang), route_colour(r)) for r in ROUTES if (plan["route"][of] == r).any()
            ),
        )
    ]


def _density_table(view: View) -> list[Block]:
    """Villages by linear heat density of their connection."""
    options, plan = view.plan.options, view.plan.villages
    heat = options[options["route"] == "district_heating"].set_index("village_id")[DENSITY_COLUMN]
    density = plan["village_id"].map(heat).astype(float)
    households = plan["households"].fillna(0).astype(int)
    if density.notna().sum() == 0:
        return []
    say, rows = view.say, []
    edges = (0.0, *_density_limits(view), np.inf)
    known = households > 0
    for low, high in pairwise(edges):
        of = (density >= low) & (density < high) & known
        rows.append(Row((span(view, low, high), f"{of.sum():,}", f"{households[of].sum():,}")))
    rest = density.isna() & known
    if rest.any():
        rows.append(Row((say("ratio_none"), f"{rest.sum():,}", f"{households[rest].sum():,}")))
    rows.append(Row((say("total"), f"{known.sum():,}", f"{households.sum():,}"), strong=True))
    return [
        Block(
            say("density"),
            tuple(rows),
            head=("", say("number"), say("households")),
            unit=say("unit_of", say("density_unit")),
        )
    ]


def _density_limits(view: View) -> list[float]:
    """Limits of the classes: what the policy's own rules ask for, and twice as much. [MWh/(m·a)]"""
    rules = said_by(view.plan.policy, "rules") or {}
    least = {
        float(rule.min)
        for rule in rules.values()
        if rule.column == DENSITY_COLUMN and rule.min is not None and rule.min > 0
    }
    return sorted({*least, 2.0 * max(least)}) if least else list(DENSITIES)
