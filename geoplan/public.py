"""The version of a plan that may be shown to everybody: gas and grid only as far as anybody may know them.

A map for the public must not show the voltage of a line, the pressure or the size
of a main, or where exactly a substation stands (《公开地图内容表示规范》). Here that is
taken out of the tables themselves, wherever it stands, so that nothing made from
them can still tell it; and what it could be worked out from goes with it: the flow
and the money of a single pipe, the lengths that lead to a gas main. The money of the
pipes is shared out anew by length, so that it tells no more than the lengths do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geoplan.explain import dearer_pct, messages, number, route_label
from geoplan.finance import annuity
from geoplan.model import Plan
from geoplan.policy import Policy
from geoplan.reconcile import counts
from geoplan.units import DIAMETER_SIGN

#: Gas mains keep this distance from their true line at most, and their corners lie on a grid of it. [m]
LINE_M = 100.0
#: Substations and gas stations are moved to a grid of this size. [m]
POINT_M = 1_000.0

#: Layers and sources whose place is made coarse.
LINES, POINTS = ("gas_mains",), ("substations", "gas_stations")
COARSE_ROUTES = ("electricity", "gas")

#: Columns that are emptied wherever they stand: sizes and pressures, what tells them (flow and money of
#: single pipes), and what the grid has to give.
EMPTIED = (
    "pressure_class", "dn_mm", "loading", "flow_mw", "flow_m3_per_day", "pipe_cny", "pipe_share_cny",
    "pipe_marginal_cny", "spare_kva", "upgrade_kva", "upgrade_cost_cny_per_kva",
    "capacity_value_cny_per_unit",
)  # fmt: skip
#: What is emptied in the rows that draw on the grid.
GRID_AMOUNTS = (
    "capacity", "used", "shadow_price_cny_per_unit", "capacity_use", "unit", "capacity_unit",
)  # fmt: skip
GRID_UNIT = "kVA"
#: Units of published prices of pipes.
PIPE_PRICES = ("元/m", "元/米", "万元/km", "万元/公里")
#: Findings whose amounts are those of a single main.
MAIN_FULL = "main_full"

#: Lengths to a gas main are rounded up to whole steps of this. [m]
NEAR_M = 1_000.0
NEAR_COLUMNS = ("connection_m", "network_m")

#: Money that a connecting pipe is part of: once, and with its yearly cost.
ONCE = ("capex_cny", "enterprise_capex_cny")
YEARLY = (
    "annual_cost_cny", "annual_cost_equal_service_cny", "annual_cost_behaviour_cny", "operator_gap_cny_per_a",
)  # fmt: skip
#: The price of a metre of heat pipe grows about with this power of the load; of gas pipe not at all. [-]
LOAD_POWER = 0.4
#: Supplies that lay pipes.
PIPED = ("heat", "gas")
#: Sentences on how much dearer another route is, and what is said instead where it is cheaper.
COMPARED = (("runner_higher", "runner_lower"), ("passed_dearer", "passed_cheaper"), ("argue_dearer",))

#: Numbers of the policy that give the size of a pipe away, by their path.
TELLING = re.compile(
    r"^network\.heat\.(pipes|hydraulics|friction|velocity|delta_t|roughness|density)"
    r"|^network\.gas\.cny_per_m$|\.cny_per_network_m$"
)

#: Columns whose words are names of places and of people, not of gas and grid: only amounts go.
NAMES = ("town", "lead_agency", "responsible_agency", "report_row")
#: Columns whose words are codes.
CODES = (
    "village_id", "group_id", "route", "runner_up", "decision", "status", "unit", "capacity_unit",
    "affordability",
)  # fmt: skip
#: Columns that hold ids of sources, some among those of villages; no id is a sentence.
IDS = ("source_id", "from_id", "to_id")

_NUMBER = r"[0-9０-９](?:[0-9０-９]|[,，.．](?=[0-9０-９]))*"
_SEVERAL = rf"[±~～]?{_NUMBER}(?:\s*[、/~～×xX*+＋至到-]\s*{_NUMBER})*"
_CHINESE = r"[〇零一二两三四五六七八九十百千]+(?:点[〇零一二三四五六七八九]+)?"
_AMOUNT = rf"(?:{_SEVERAL}|{_CHINESE})\s*[-－—]?\s*"
#: Capacity of the grid, said as an amount.
_POWER = rf"{_AMOUNT}(?:[kKMｋＫＭ]?[VＶ][AＡ]|[kKM]?va|[千万兆]?伏安)"
_VOLTAGE = (
    rf"(?:{_AMOUNT}(?:[kKｋＫ][vVｖＶ]|㎸|[千万]伏)|{_SEVERAL}\s*-?\s*(?:[VＶ](?![A-Za-z0-9])|伏特?))"
    r"(?!\s*[aAａＡ安])(?:及以[上下])?"
)
_PRESSURE = rf"{_AMOUNT}(?:[MmkKＭｋ]?[PpＰ][aAａ]|[兆千]?帕|bar\b|公斤压力)(?:及以[上下])?"
_SIZE = (
    rf"(?:(?<![A-Za-z])(?:DN|Dn|dn|De|de|DE|OD|ＤＮ|[ΦφØ⌀])(?:{DIAMETER_SIGN}){_SEVERAL}"
    # A bare D may be part of a name: only with a wall or a unit.
    rf"|(?<![A-Za-z])D\s*{_NUMBER}(?=\s*(?:mm|毫米)|\s*[×xX*]\s*\d)(?:\s*[×xX*]\s*{_NUMBER})?"
    rf"|(?:管径|直径|口径)(?:{DIAMETER_SIGN}){_SEVERAL})\s*(?:mm|毫米)?"
    # Grades of plastic pipe, which go with a pressure.
    rf"|(?<![A-Za-z])(?:SDR\s*-?\s*{_NUMBER}|PE\s*-?\s*(?:63|80|100)(?!\d))"
)
_CLASS = (
    r"(?:次?\s*高\s*压|中\s*压|低\s*压)\s*[-－—]?\s*(?:[ABＡＢ](?![A-Za-z]))?级?"
    r"|(?:sub-)?(?:high|medium|low)[- ]pressure(?:\s+[AB]\b)?"
)

_SHORT = re.compile(
    rf"(余量|尚余)\s*{_POWER}，需\s*{_POWER}"
    rf"|(的干管[^，；]*?(?:余量|尚余))\s*{_NUMBER}\s*[^，；\s]+，需\s*{_NUMBER}\s*[^，；。\s]+"
)
_METRES = r"([0-9][0-9,]*(?:\.[0-9]+)?\s*(?:km|公里|千米|m|米))(?![²³/0-9A-Za-z])"
#: How far a village is from gas or grid: what stands before the metres, in Chinese and in English.
_NEAR_ZH = re.compile(
    r"(距(?![热供])[^，；。：（）0-9]{0,6}?"
    r"(?:(?:燃气|天然气|煤气|变电|电网|开关|[中高低]压)(?:管网|干管|管线|管道|线路|站|所)?"
    r"|[气门]站|干管|线路)"
    rf"|煤改气不可行：[^；。]*?接入需新建)(?:\s*(?:[约仅为：:]|大约))?\s*{_METRES}|(新建接入)\s*{_METRES}(?=，气源)"
)
_NEAR_EN = re.compile(
    rf"([Dd]istance to (?:gas|grid|substation)[^,;:0-9]*?)(?::|\s+about|\s+of)?\s+{_METRES}"
    rf"|(new connection)\s+{_METRES}(?=, source)"
)
_AMOUNTS = re.compile("|".join((_POWER, _VOLTAGE, _PRESSURE, _SIZE)))
_WORDS = re.compile(_CLASS, re.IGNORECASE)


def public_plan(plan: Plan) -> Plan:
    """The plan without pressures, voltages, diameters, flows and the grid's capacities; gas and grid coarse.

    Parameters
    ----------
    plan : Plan
        Is left as it is.

    Returns
    -------
    Plan
        Gas mains and new gas pipes on a grid of 100 m and simplified by 100 m,
        substations and gas stations on a grid of 1 km. Lengths of gas pipes in
        whole 100 m, of connections to gas in whole kilometres, both rounded up.
        Pipes without their cost; in the money of villages and options the pipes of
        a route are shared out by these lengths and the load, so that its total stays
        (which is that of the pipe, where a single village of a route has one). Texts,
        also those of reasons and findings, without the amounts; sources renamed alike
        in all tables where their id told any.
    """
    ids = _renamed(plan)

    def open_(frame: Any) -> Any:
        return _cleaned(frame, ids=ids)

    gas_pipes = plan.links["route"] == "gas"
    options = _far(open_(plan.options))
    moved = _pipes_moved(plan, options)
    options = _repriced(options, moved, plan.policy)
    villages = _far(open_(plan.villages))
    key = pd.MultiIndex.from_frame(villages[["village_id", "route"]])
    villages = _repriced(villages, moved.reindex(key).fillna(0.0), plan.policy)
    links = _rounded_up(open_(plan.links).assign(capex_cny=np.nan), ("length_m",), gas_pipes, step=LINE_M)
    sources = open_(plan.sources)
    return replace(
        plan,
        villages=_compared(villages, options, plan.policy),
        options=options,
        links=_moved(links, gas_pipes, _coarse_line),
        sources=_moved(sources, sources["route"].isin(COARSE_ROUTES), _coarse_point),
        layers={stem: _coarse(stem, open_(layer)) for stem, layer in plan.layers.items()},
        summary=_said(_without_grid(plan.summary), ids),
    )


def plain_text(text: str, *, name: bool = False) -> str:
    """A text without voltages, pressures, diameters and amounts of the grid, ways to gas and grid in km.

    Parameters
    ----------
    text : str
    name : bool
        Of a place or a person: only amounts go, 高压 may be part of it.

    Examples
    --------
    >>> plain_text("110 kV 金积变（示例）"), plain_text("中压A 环线 DN300"), plain_text("10千伏开关站")
    ('金积变（示例）', '环线', '开关站')
    >>> plain_text("“35 kV 城北变”轮到本村时余量 4,715 kVA，需 6,562 kVA")
    '“城北变”轮到本村时余量不足'
    >>> plain_text("距燃气干管 4,268 m，高于 2,000 m"), plain_text("新建接入 510 m，气源“门站”")
    ('距燃气干管 4～5 km，高于 2,000 m', '新建接入不足 1 km，气源“门站”')
    >>> plain_text("高压瓷厂家属院", name=True)
    '高压瓷厂家属院'
    """
    found = _SHORT.sub(lambda m: f"{m[1] or m[2]}不足", text)
    found = _AMOUNTS.sub(lambda m: "…" if re.fullmatch(_POWER, m[0]) else "", found)
    found = _NEAR_EN.sub(_span_en, _NEAR_ZH.sub(_span_zh, found))
    found = found if name else _WORDS.sub("", found)
    if found == text:
        return text
    found = re.sub(r"[（(]\s*[，,；;、/·-]*\s*[）)]", "", found)
    return re.sub(r"(?<=[“‘（(])\s+|^[\s，,、/·-]+|(?<=\s)\s+|[\s-]+$", "", found)


def _span_zh(match: re.Match[str]) -> str:
    lead, km = _kilometres(match)
    return f"{lead}不足 1 km" if km == 0 else f"{lead} {km}～{km + 1} km"


def _span_en(match: re.Match[str]) -> str:
    lead, km = _kilometres(match)
    return f"{lead} under 1 km" if km == 0 else f"{lead} {km}–{km + 1} km"


def _kilometres(match: re.Match[str]) -> tuple[str, int]:
    """What stands before a length, and its whole kilometres."""
    lead, length = (part for part in match.groups() if part is not None)
    metres = float(re.match(r"[0-9,.]+", length)[0].replace(",", ""))  # type: ignore[index]
    return lead.strip(), int(metres * (1.0 if re.search(r"\d\s*[m米]$", length) else 1e3) // NEAR_M)


def _far(frame: Any) -> Any:
    """Villages or options with the ways to gas in whole kilometres."""
    return _rounded_up(frame, NEAR_COLUMNS, frame["route"] == "gas", step=NEAR_M)


def _piped(policy: Policy) -> dict[str, float]:
    """Yearly cost of one unit of money in the pipes of every route that has some. [1/a]"""
    found = {}
    for route, said in getattr(policy, "routes", {}).items():
        if said.supply in PIPED:
            pipes = policy.network.heat if said.supply == "heat" else policy.network.gas
            found[route] = annuity(policy.economics.discount_rate, pipes.lifetime_a) + pipes.maintenance_share
    return found


def _pipes_moved(plan: Plan, public: Any) -> pd.Series:
    """What every option has to bear more of the pipes when these are shared out by public lengths. [CNY]

    The options taken and the others of a route each keep their sum.

    Returns
    -------
    Series
        On village and route.
    """
    key = pd.MultiIndex.from_frame(plan.options[["village_id", "route"]])
    taken = key.isin(pd.MultiIndex.from_frame(plan.villages[["village_id", "route"]]))
    own = pd.Series(plan.options["pipe_cny"].to_numpy(dtype=float), index=key).fillna(0.0)
    load_kw = public["village_id"].map(plan.villages.set_index("village_id")["heat_load_kw"])
    power = np.where(public["route"] == "gas", 0.0, LOAD_POWER)
    weight = public["connection_m"].astype(float) * load_kw.astype(float) ** power
    length = pd.Series(weight.to_numpy(), index=key).fillna(0.0)
    groups = [key.get_level_values("route"), taken]
    sums, lengths = (part.groupby(groups).transform("sum") for part in (own, length))
    alike = own.groupby(groups).transform("mean")
    shared = (sums * length / lengths.where(lengths > 0)).fillna(alike)
    return (shared - own).where(key.get_level_values("route").isin(_piped(plan.policy)), 0.0)


def _repriced(frame: Any, moved: pd.Series, policy: Policy) -> Any:
    """Villages or options with other money of pipes, and what follows from it."""
    once = moved.to_numpy(dtype=float)
    yearly = once * frame["route"].map(_piped(policy)).astype(float).fillna(0.0).to_numpy()
    money = {name: frame[name] + once for name in ONCE if name in frame}
    return frame.assign(**money, **{name: frame[name] + yearly for name in YEARLY if name in frame})


def _compared(villages: Any, options: Any, policy: Policy) -> Any:
    """Villages whose route is compared with pipes by their public money, also in words."""
    costs = options.pivot(index="village_id", columns="route", values="annual_cost_cny")
    margins, reasons = villages["margin_pct"].astype(float).copy(), villages["reason"].copy()
    piped = _piped(policy)
    for at, row in zip(villages.index, villages.to_dict("records"), strict=True):
        if row["village_id"] not in costs.index or row["route"] not in costs.columns:
            continue
        own = costs.loc[row["village_id"]]
        reasons[at] = _with_margins(str(row["reason"]), own, taken=row["route"], piped=piped)
        if {row["route"], row["runner_up"]} & piped.keys() and pd.notna(row["margin_pct"]):
            margins[at] = 100.0 * (own[row["runner_up"]] / own[row["route"]] - 1.0)
    return villages.assign(margin_pct=margins, reason=reasons)


def _with_margins(text: str, costs: pd.Series, *, taken: str, piped: Mapping[str, float]) -> str:
    """A reason whose comparisons with pipes are those of `costs`. [CNY/a]"""
    for lang in ("zh", "en"):
        words = messages(lang)
        margins = {
            route_label(route, lang): 100.0 * (cost / costs[taken] - 1.0)
            for route, cost in costs.dropna().items()
            if {taken, route} & piped.keys()
        }
        for keys in COMPARED:
            for found in _sentences(text, [words[key] for key in keys], margins):
                pct = margins[found[1]]
                key = keys[-1] if len(keys) == 1 or pct < 0 else keys[0]
                # What is to be argued is how much dearer the route taken is, not its runner-up.
                said = max(dearer_pct(pct), 0.0) if len(keys) == 1 else abs(pct)
                text = text.replace(found[0], words[key].format(route=found[1], pct=number(round(said, 1))))
    return text


def _sentences(text: str, sentences: Sequence[str], routes: Collection[str]) -> list[re.Match[str]]:
    """Where a text says one of some sentences of one of the routes."""
    found = [match for sentence in sentences for match in re.finditer(_template(sentence), text)]
    return [match for match in found if match[1] in routes]


def _template(sentence: str) -> str:
    """The pattern of a sentence that names a route and a percentage."""
    pattern = re.escape(sentence).replace(r"\{route\}", r"([^，；。,;]+?)")
    return pattern.replace(r"\{pct\}", r"[0-9,.]+")


def _rounded_up(frame: Any, names: tuple[str, ...], where: pd.Series, *, step: float) -> Any:
    coarse = {
        name: frame[name].mask(where, np.ceil(frame[name].astype(float) / step) * step)
        for name in names
        if name in frame
    }
    return frame.assign(**coarse)


def _without_grid(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The totals without the amounts of single sources, prices of pipes and what the grid is worth."""
    kept = {key: value for key, value in summary.items() if key != "sources"}
    if "reconciliation" in kept:
        rows = [row for row in kept["reconciliation"] if row["unit"] not in PIPE_PRICES]
        kept |= {"reconciliation": rows, "reconciliation_counts": counts(rows)}
    if "optimum" in kept:
        capacities = [c for c in kept["optimum"].get("capacities", ()) if c["unit"] != GRID_UNIT]
        kept["optimum"] = {**kept["optimum"], "capacities": capacities}
    return kept


def _renamed(plan: Plan) -> dict[str, str]:
    """New ids of the sources whose own tells what must not be told."""
    known = [*plan.sources["source_id"].dropna()]
    known += [i for stem in POINTS if stem in plan.layers for i in plan.layers[stem]["source_id"].dropna()]
    ids: dict[str, str] = {}
    taken = {i for i in known if plain_text(str(i)) == i}
    for old in sorted(set(known) - taken):
        short = plain_text(str(old)) or "S"
        free = (f"{short}-{n}" if n else short for n in range(len(known) + 1))
        ids[old] = next(new for new in free if new not in taken)
        taken.add(ids[old])
    return ids


def _cleaned(frame: Any, *, ids: Mapping[str, str]) -> Any:
    """A table whose texts say no more than they may, and without the columns that do."""
    gone = [name for name in EMPTIED if name in frame]
    changed: dict[str, Any] = {
        name: np.nan if pd.api.types.is_numeric_dtype(frame[name]) else None for name in gone
    }
    for name in frame.columns.intersection(IDS):
        changed[name] = frame[name].map(lambda cell: ids.get(cell, cell), na_action="ignore")
    for name in frame.columns.difference([*CODES, *IDS, *gone, "geometry"]):
        if not (pd.api.types.is_object_dtype(frame[name]) or pd.api.types.is_string_dtype(frame[name])):
            continue
        whose = name in NAMES or (name == "name" and "village_id" in frame)
        cells = [
            _findings(cell, ids) if name == "infeasible_because" else _said(cell, ids, name=whose)
            for cell in frame[name]
        ]
        changed[name] = pd.Series(cells, index=frame.index, dtype=frame[name].dtype)
    out = frame.assign(**changed)
    unit = next((frame[name] for name in ("unit", "capacity_unit") if name in frame), None)
    if unit is None:
        return out
    return out.assign(**{name: out[name].mask(unit == GRID_UNIT) for name in GRID_AMOUNTS if name in out})


def _said(value: Any, ids: Mapping[str, str], *, name: bool = False) -> Any:
    """A value, or what a list or table holds, in words that may be said."""
    if isinstance(value, str):
        return ids.get(value) or plain_text(value, name=name)
    if isinstance(value, Mapping):
        return {_said(k, ids, name=True): _said(v, ids, name=name) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_said(v, ids, name=name) for v in value]
    return value


def _findings(text: Any, ids: Mapping[str, str]) -> Any:
    """Failed tests in JSON: of those about gas and grid neither what was measured nor the limit."""
    if not isinstance(text, str):
        return text
    try:
        findings = json.loads(text or "[]")
    except ValueError:
        return plain_text(text)
    hidden = {"measured": None, "limit": None, "unit": ""}
    kept = [finding | hidden if _tells(finding) else finding for finding in findings]
    return json.dumps(_said(kept, ids), ensure_ascii=False) if kept else text


def _tells(finding: Mapping[str, Any]) -> bool:
    """Whether the amounts of a failed test are the grid's, a main's, or the way to gas."""
    said = str(finding.get("text", ""))
    near = _NEAR_ZH.search(said) or _NEAR_EN.search(said)
    return finding.get("unit") == GRID_UNIT or finding.get("code") == MAIN_FULL or near is not None


def _coarse(stem: str, layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    every = pd.Series(True, index=layer.index)
    if stem in LINES:
        return _moved(layer, every, _coarse_line)
    return _moved(layer, every, _coarse_point) if stem in POINTS else layer


def _moved(frame: Any, where: pd.Series, coarse: Callable[[Any], Any]) -> Any:
    """A table with the geometry of some rows made coarse."""
    if not isinstance(frame, gpd.GeoDataFrame) or not where.any():
        return frame
    shapes = frame.geometry.to_numpy().copy()
    shapes[where.to_numpy(dtype=bool)] = coarse(shapes[where.to_numpy(dtype=bool)])
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))


def _coarse_line(lines: Any) -> Any:
    # On the grid first: the corners that simplifying keeps are then not the true ones.
    return shapely.simplify(shapely.set_precision(lines, LINE_M, mode="pointwise"), LINE_M)


def _coarse_point(points: Any) -> Any:
    return shapely.set_precision(points, POINT_M, mode="pointwise")
