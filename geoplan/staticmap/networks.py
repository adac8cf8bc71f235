"""Themes of the networks: as they are today, heat, gas and the grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
import shapely

from geoplan.columns import ELECTRIC_ROUTES
from geoplan.explain import route_label
from geoplan.mapdata import toml
from geoplan.staticmap import ground
from geoplan.staticmap.content import Block, Content, Label, Layer, Lines, Mark, Pole, Poles, Row, Stroke
from geoplan.staticmap.view import GREY, GREY_EDGE, View, blend, coordinates, route_colour
from geoplan.tables.plan import pipe_parts

CORRIDOR = (Stroke("#f8dcd6", 9.0, alpha=0.7),)
COAL, CLEAN = "#5f5650", "#7fb069"
FEEDER = (Stroke("#9db4dc", 0.5),)
#: More villages than this have no lines to their substations: they would be one blue area.
MOST_FEEDERS = 1_000
#: Pipes that are labelled at most.
MOST_TOLD = 120
#: Highest bar of a substation. [mm]
POLE = 13.0


def present(view: View) -> Content:
    """Villages by the heating they have today, and the networks that stand."""
    own, say = view.villages, view.say
    coal, done = _today(own)
    state = pd.Series(
        np.select([(coal == 0) & (done > 0), done > 0, coal > 0], ["converted", "partly", "coal"], "idle"),
        index=own.index,
    )
    colours = {"coal": COAL, "partly": blend(COAL, CLEAN, 0.6), "converted": CLEAN, "idle": "#ffffff"}
    lines, pipes = _existing(view)
    marks, signs, names = ground.sources(
        view, ("district_heating", "gas", "biomass", "electricity"), loads=False
    )
    rows = []
    for key in ("coal", "partly", "converted"):
        of = state == key
        if of.any():
            rows.append(
                Row(
                    (say(key), f"{of.sum():,}", f"{int((coal + done)[of].sum()):,}"),
                    sign=view.mark(colours[key]),
                )
            )
    legend = Block(say("villages"), tuple(rows), head=("", say("number"), say("households")) if rows else ())
    return Content(
        layers=(*ground.base(view), *lines, *view.dots(state.map(colours), amount=coal + done), *marks),
        legend=(
            legend,
            ground.sizes_block(view),
            Block(say("networks"), (*pipes, *signs)),
            ground.base_block(view),
        ),
        tables=(
            _facilities(view),
            _by_town(view),
        ),
        labels=(
            *ground.towns(view),
            *names,
            *ground.rivers(view),
            *ground.villages(view, radius=view.radius(coal + done)),
        ),
        notes=_lacking(view, ("heat_mains", "gas_mains")),
        sized=coal + done,
        stems=("villages", "heat_mains", "gas_mains", *ground.STEMS.values(), *ground.BASE),
    )


def _today(villages: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Households that burn coal and those that are converted, by village."""
    whole = villages["households"].fillna(0).astype(int)
    converted = villages["households_converted"].astype("Float64").fillna(0).astype(int)
    existing = villages["route"] == "existing"
    return whole.mask(existing, 0), converted.where(~existing, np.maximum(whole, converted))


def _existing(view: View) -> tuple[list[Lines], list[Row]]:
    found = [ground.mains(view, stem, statuses=("existing",)) for stem in ("heat_mains", "gas_mains")]
    return [line for lines, _ in found for line in lines], [row for _, rows in found for row in rows]


def _facilities(view: View) -> Block:
    """How much of every network and source there is today."""
    labels, say = view.layers, view.say
    rows = []
    for stem in ("heat_mains", "gas_mains"):
        if ground.has(view, stem):
            lines = view.plan.layers[stem]
            length = lines[lines["status"] != "planned"].length.sum() / 1000
            rows.append(Row((labels[stem], say("km", f"{length:,.1f}"))))
    for route, stem in ground.STEMS.items():
        own = ground.of_route(view, route)
        if len(own):
            whole = _with(own.iloc[0], capacity=own["capacity"].sum(min_count=1))
            _, capacity, unit = ground.amounts(view, whole)
            known = say("sites_amount", len(own), capacity, unit)
            rows.append(
                Row((labels[stem], known if own["capacity"].notna().any() else say("sites", len(own))))
            )
    return Block(say("facilities"), tuple(rows))


def _with(row: pd.Series, **values: float) -> pd.Series:
    return pd.concat([row.drop(list(values)), pd.Series(values, dtype=object)])


def _by_town(view: View) -> Block:
    """Villages and households of every town, in the order of their codes."""
    say, plan = view.say, view.plan.villages.sort_values("village_id")
    coal, done = _today(plan)
    rows = []
    for town in plan["town"].drop_duplicates():
        of = plan["town"] == town
        rows.append((str(town), int(of.sum()), int(coal[of].sum()), int(done[of].sum())))
    rows.append((say("total"), len(plan), int(coal.sum()), int(done.sum())))
    columns = 4 if done.any() else 3
    said = [Row((town, *(f"{n:,}" for n in numbers[: columns - 1]))) for town, *numbers in rows]
    said[-1] = replace(said[-1], strong=True)
    head = (say("town"), say("number"), say("coal_households"), say("converted_households"))
    return Block(say("by_town"), tuple(said), head=head[:columns])


def heat(view: View) -> Content:
    """Heat sources, the corridor, and the new pipes by diameter and loading."""
    say = view.say
    pipes = _links(view, "district_heating")
    lines, rows = ground.mains(view, "heat_mains")
    band = [line.shapes for line in lines] + ([pipes.geometry.to_numpy()] if len(pipes) else [])
    corridor = [Lines(np.concatenate(band), CORRIDOR)] if band else []
    marks, signs, names = ground.sources(view, ("district_heating",))
    if corridor:
        rows.append(Row((say("corridor"),), sign=CORRIDOR))
    legend = [*rows, *signs]
    new, new_rows = _pipes(view, pipes)
    sizes = _diameters(view, pipes)
    return Content(
        layers=(*ground.base(view), *corridor, *lines, *new, *_served(view, ("district_heating",)), *marks),
        legend=(
            _villages_block(view, ("district_heating",)),
            *([Block(say("networks"), tuple(legend))] if legend else []),
            *(
                [Block(say("new_pipes_public" if view.public else "new_pipes"), tuple(new_rows))]
                if new_rows
                else []
            ),
            ground.sizes_block(view),
            ground.base_block(view),
        ),
        tables=(
            *_source_table(view, "district_heating"),
            *_pipe_table(view, pipes),
        ),
        labels=(
            *names,
            *_names(view, ("district_heating",)),
            *ground.towns(view),
            *sizes.labels,
            *ground.rivers(view),
        ),
        notes=_lacking(view, ("heat_mains", "heat_sources"), ("district_heating",)),
        stems=("villages", "heat_mains", "heat_sources", *ground.BASE),
        own=_own(view, ("district_heating",)),
        courses=sizes.courses,
        fine=_drawable(pipes.geometry),
    )


def gas(view: View) -> Content:
    """Gas stations, mains and new pipes."""
    say = view.say
    pipes = _links(view, "gas")
    lines, rows = ground.mains(view, "gas_mains")
    colour = route_colour("gas")
    look = (Stroke("#ffffff", 3.2), Stroke(colour, 1.8))
    new = [Lines(ground.clipped(view, pipes), look)] if len(pipes) else []
    marks, signs, names = ground.sources(view, ("gas",))
    pressures = _pressures(view, pipes)
    legend = [*rows, *([Row((say("new_gas"),), sign=look)] if new else []), *signs]
    return Content(
        layers=(*ground.base(view), *lines, *new, *_served(view, ("gas",)), *marks),
        legend=(
            _villages_block(view, ("gas",)),
            *([Block(say("networks"), tuple(legend))] if legend else []),
            ground.sizes_block(view),
            ground.base_block(view),
        ),
        tables=(
            *_source_table(view, "gas"),
            *_pipe_table(view, pipes),
        ),
        labels=(
            *names,
            *_names(view, ("gas",)),
            *ground.towns(view),
            *pressures.labels,
            *ground.rivers(view),
        ),
        notes=_lacking(view, ("gas_mains", "gas_stations"), ("gas",)),
        stems=("villages", "gas_mains", "gas_stations", *ground.BASE),
        own=_own(view, ("gas",)),
        courses=pressures.courses,
        fine=_drawable(pipes.geometry),
    )


def grid(view: View) -> Content:
    """Substations with their headroom before and after, and the villages on electricity."""
    say = view.say
    stations = ground.of_route(view, "electricity")
    there = stations[~(stations.geometry.isna() | stations.geometry.is_empty)]
    marks, signs, names = ground.sources(view, ("electricity",))
    known = there[there["capacity"].notna() & (there["capacity"] > 0)]
    most = float(known["capacity"].max()) if len(known) else 1.0
    before = (known["capacity"] * POLE / most).to_numpy(dtype=float)
    after = ((known["capacity"] - known["used"]).clip(lower=0) * POLE / most).to_numpy(dtype=float)
    poles = [Poles(coordinates(known), before, after)] if len(known) else []
    feeders = _feeders(view, there)
    legend = [*signs, *([Row((say("feeders"),), sign=FEEDER)] if feeders else [])]
    if poles:
        legend.append(Row((say("poles", say(_before(view)), say("after")),), sign=Pole(5.0, 2.4)))
    return Content(
        layers=(*ground.base(view), *feeders, *_served(view, ELECTRIC_ROUTES), *marks, *poles),
        legend=(
            _villages_block(view, ELECTRIC_ROUTES),
            *([Block(say("networks"), tuple(legend))] if legend else []),
            ground.sizes_block(view),
            ground.base_block(view),
        ),
        tables=(*_source_table(view, "electricity"),),
        labels=(*names, *ground.towns(view), *_names(view, ELECTRIC_ROUTES), *ground.rivers(view)),
        notes=_lacking(view, ("substations",), ELECTRIC_ROUTES),
        stems=("villages", "substations", *ground.BASE),
        own=_own(view, ELECTRIC_ROUTES),
    )


def _before(view: View) -> str:
    """Word for what substations can give: with the upgrades that the plan counts on, where there are any."""
    layer = view.plan.layers.get("substations")
    upgraded = layer is not None and "upgrade_kva" in layer and layer["upgrade_kva"].astype(float).sum() > 0
    return "before_upgraded" if upgraded else "before"


def _own(view: View, routes: Sequence[str]) -> np.ndarray:
    """Which villages are on the routes of a theme."""
    return view.villages["route"].isin(routes).to_numpy(dtype=bool)


def _links(view: View, route: str) -> pd.DataFrame:
    links = view.plan.links
    own = links[links["route"] == route]
    return own[~(own.geometry.isna() | own.geometry.is_empty)]


def _pipes(view: View, pipes: pd.DataFrame) -> tuple[list[Lines], list[Row]]:
    """New heat pipes by diameter and loading; a public map shows neither."""
    if pipes.empty:
        return [], []
    if view.public:
        look = pipe_look(route_colour("district_heating"), 150)
        return [Lines(ground.clipped(view, pipes), look)], [Row((view.say("pipes_table"),), sign=look)]
    size = pipes["dn_mm"].astype("Float64").fillna(int(toml("qgis.toml")["bare_dn_mm"])).astype(int)
    loading, diameters = pipes["loading"].astype(float), sorted(size.unique(), reverse=True)
    layers = [
        Lines(ground.clipped(view, pipes[size == dn]), pipe_look("#ffffff", dn, casing=1.5))
        for dn in diameters
    ]
    rows = []
    for lowest, limit, colour in loadings():
        of = (loading >= lowest) & (loading < limit)
        layers += [
            Lines(ground.clipped(view, pipes[of & (size == dn)]), pipe_look(colour, dn)) for dn in diameters
        ]
        if of.any():
            span = (f"{lowest * 100:.0f}", f"{limit * 100:.0f}")
            label = view.say("over", f"{lowest:.0%}") if np.isinf(limit) else view.say("loading", *span)
            length = view.say("km", f"{pipes.loc[of, 'length_m'].sum() / 1000:,.1f}")
            rows.append(Row((label, length), sign=pipe_look(colour, 200)))
    rest = loading.isna()
    if rest.any():
        look = pipe_look(route_colour("district_heating"), 150)
        layers.append(Lines(ground.clipped(view, pipes[rest]), look))
        rows.append(Row((view.say("open"),), sign=look))
    return layers, rows


def loadings() -> list[tuple[float, float, str]]:
    """Classes of the loading of a new pipe, from a limit to below the next, and their colours.

    Examples
    --------
    >>> [(low, high) for low, high, _ in loadings()]
    [(0.0, 0.6), (0.6, 0.85), (0.85, inf)]
    """
    classes = toml("qgis.toml")["loading"]
    limits = [0.0, *(float(one["below"]) for one in classes[:-1]), np.inf]
    return [
        (low, high, str(one["colour"])) for (low, high), one in zip(pairwise(limits), classes, strict=True)
    ]


def pipe_look(colour: str, dn: float, *, casing: float = 0.0) -> tuple[Stroke, ...]:
    """A new pipe, thicker with the diameter. [mm]"""
    width = 1.05 + min(dn, 1000) / 145
    return (Stroke(colour, width + casing),)


@dataclass(frozen=True)
class _Said:
    """Labels of pipes, and the lines of the theme, each as long as one thing is said of it."""

    labels: tuple[Label, ...] = ()
    courses: tuple[shapely.Geometry, ...] = ()


def _diameters(view: View, pipes: pd.DataFrame) -> _Said:
    """Diameters beside the mains and the new pipes; none on a public map."""
    return _told(view, "heat_mains", pipes, column="dn_mm", say="DN{:.0f}", kind="pipe")


def _pressures(view: View, pipes: pd.DataFrame) -> _Said:
    """Pressure classes beside the gas mains; none on a public map."""
    return _told(view, "gas_mains", pipes, column="pressure_class", say="{}", kind="gas_pipe")


def _told(view: View, stem: str, pipes: pd.DataFrame, *, column: str, say: str, kind: str) -> _Said:
    """What a column says of the mains and the new pipes, the longest first."""
    layers = [view.plan.layers[stem]] if ground.has(view, stem) else []
    frames = [f.reindex(columns=[column, "geometry"]) for f in (*layers, pipes) if len(f)]
    if view.public or not frames:
        return _Said(courses=tuple(line for f in frames for line in _drawable(f["geometry"])))
    every = pd.concat(frames, ignore_index=True)
    courses: list[tuple[str, shapely.Geometry]] = []
    for value, own in every.groupby(column, dropna=False, sort=True):
        joined = shapely.line_merge(shapely.union_all(own["geometry"].to_numpy()))
        said = "" if pd.isna(value) else say.format(value)
        courses += [(said, line) for line in _drawable(shapely.get_parts(joined))]
    courses.sort(key=lambda one: -one[1].length)
    labels = [Label(said, (0.0, 0.0), kind, gap=1.2, course=i) for i, (said, _) in enumerate(courses) if said]
    return _Said(tuple(labels[:MOST_TOLD]), tuple(line for _, line in courses))


def _drawable(lines: Iterable[shapely.Geometry]) -> tuple[shapely.Geometry, ...]:
    """Those of the lines that have a length: the coarse grid of a public map makes points of some."""
    return tuple(line for line in lines if line is not None and line.length > 0)


def _served(view: View, routes: Sequence[str]) -> list[Layer]:
    """Villages of the routes in their colour above all others in grey."""
    route = view.villages["route"]
    on = route.isin(routes)
    face = route.map({r: route_colour(r) for r in routes}).where(on, GREY)
    return [*view.dots(face, shown=~on), *view.dots(face, shown=on), *view.ticks(routes)]


def _villages_block(view: View, routes: Sequence[str]) -> Block:
    """Villages and households on the routes, and all others, of the whole plan."""
    say, plan = view.say, view.plan.villages
    households = plan["households"].fillna(0).astype(int)
    rows = []
    for route in routes:
        of = (plan["route"] == route) & (households > 0)
        if of.any():
            cells = (route_label(route, view.lang), f"{of.sum():,}", f"{households[of].sum():,}")
            rows.append(Row(cells, sign=view.route_mark(route)))
    rest = ~plan["route"].isin(routes) & (households > 0)
    if rest.any():
        rows.append(
            Row(
                (say("other"), f"{rest.sum():,}", f"{households[rest].sum():,}"),
                sign=Mark(GREY, edge=GREY_EDGE),
            )
        )
    rows.append(Row((say("total"), f"{(households > 0).sum():,}", f"{households.sum():,}"), strong=True))
    return Block(say("villages"), tuple(rows), head=("", say("number"), say("households")))


def _source_table(view: View, route: str) -> list[Block]:
    """Capacity, use and rest of every source of a route."""
    own, say = ground.of_route(view, route).sort_values("used", ascending=False, kind="stable"), view.say
    if own["capacity"].isna().all():
        return []
    units = [ground.amounts(view, row)[2] for _, row in own.iterrows()]
    rows = [_source_row(view, row, ground.source_name(row)) for _, row in own.iterrows()]
    if len(own) > 1:
        whole = _with(own.iloc[0], capacity=own["capacity"].sum(), used=own["used"].sum())
        rows.append(_source_row(view, whole, say("total"), strong=True))
    spare = route == "electricity"
    before, after = (_before(view), "after") if spare else ("capacity", "used")
    head = (say("name"), say(before), say(after), say("rate"))
    title = say("spare_table") if spare else say("sources_table", view.layers[ground.STEMS[route]])
    return [Block(title, tuple(rows), head=head, unit=say("unit_of", units[0]))]


def _source_row(view: View, source: pd.Series, name: str, *, strong: bool = False) -> Row:
    """Capacity of a source, what of it is used or left, and the share that is used."""
    left = _with(source, used=source["capacity"] - source["used"])
    second, capacity, _ = ground.amounts(view, left if source["route"] == "electricity" else source)
    rate = f"{source['used'] / source['capacity']:.0%}" if source["capacity"] > 0 else "–"
    return Row((name, capacity, second, rate), strong=strong)


def _pipe_table(view: View, pipes: pd.DataFrame) -> list[Block]:
    """Length of the new pipes by diameter; a public map gives the sum alone."""
    if pipes.empty:
        return []
    say, rows = view.say, []
    # All pipes together, as the report counts them, so that both print the same.
    parts = pipe_parts(view.plan.links, sizes=not view.public)
    mine = parts[parts["route"] == pipes["route"].iloc[0]].sort_values("dn_mm", ascending=False)
    if (mine["dn_mm"] > 0).any():
        rows = [
            Row((f"DN{int(dn)}" if dn else say("open"), f"{length:,.2f}"))
            for dn, length in zip(mine["dn_mm"], mine["length_km"], strict=True)
        ]
    rows.append(Row((say("total"), f"{mine['length_km'].sum():,.2f}"), strong=True))
    return [Block(say("pipes_table"), tuple(rows), unit=say("unit_km"))]


def _names(view: View, routes: Sequence[str]) -> list[Label]:
    return ground.villages(view, shown=view.villages["route"].isin(routes))


def _feeders(view: View, stations: pd.DataFrame) -> list[Lines]:
    """Straight lines from the villages on electricity to their substations."""
    own = view.villages["route"].isin(ELECTRIC_ROUTES).to_numpy()
    known = pd.Index(stations["source_id"])
    at = known.get_indexer(view.villages["source_id"].astype(object)) if len(known) else np.full(len(own), -1)
    of = own & (at >= 0)
    if not 0 < of.sum() <= MOST_FEEDERS:
        return []
    ends = np.stack([view.xy[of], coordinates(stations)[at[of]]], axis=1)
    return [Lines(shapely.linestrings(ends), FEEDER)]


def _lacking(view: View, stems: Sequence[str], routes: Sequence[str] = ()) -> tuple[str, ...]:
    """What the county does not have, said rather than left to be seen."""
    labels = view.layers
    lost = [labels[stem] for stem in stems if not ground.has(view, stem)]
    notes = [view.say("missing", view.words["listing"].join(lost))] if lost else []
    if routes and not view.plan.villages["route"].isin(routes).any():
        said = view.words["listing"].join(route_label(r, view.lang) for r in routes[:1])
        notes.append(view.say("none_served", said))
    return tuple(notes)
