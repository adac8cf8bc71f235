"""The version of a plan that may be shown to everybody: gas and grid only as far as anybody may know them.

A map for the public must not show the voltage of a line, the pressure or the size
of a main, or where exactly a substation stands (《公开地图内容表示规范》). Here that is
taken out of the tables themselves, wherever it stands, so that nothing made from
them can still tell it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geoplan.model import Plan

#: Gas mains keep this distance from their true line at most, and their corners lie on a grid of it. [m]
LINE_M = 100.0
#: Substations and gas stations are moved to a grid of this size. [m]
POINT_M = 1_000.0

#: Layers and sources whose place is made coarse.
LINES, POINTS = ("gas_mains",), ("substations", "gas_stations")
COARSE_ROUTES = ("electricity", "gas")

#: Columns that are emptied wherever they stand: sizes, pressures, and what the grid has to give.
EMPTIED = (
    "pressure_class", "dn_mm", "loading", "spare_kva", "upgrade_kva", "upgrade_cost_cny_per_kva",
)  # fmt: skip
#: What is emptied in the rows that draw on the grid.
GRID_AMOUNTS = (
    "capacity", "used", "shadow_price_cny_per_unit", "capacity_use", "capacity_value_cny_per_unit",
)  # fmt: skip
GRID_UNIT = "kVA"

#: Columns whose words are names of places and of people, not of gas and grid: only amounts go.
NAMES = ("town", "lead_agency", "responsible_agency", "report_row")
#: Columns whose words are codes.
CODES = ("village_id", "route", "runner_up", "decision", "status", "unit", "capacity_unit", "affordability")

_NUMBER = r"[0-9０-９][0-9０-９,，.．]*"
_SEVERAL = rf"[±~～]?{_NUMBER}(?:\s*[、/~～×xX*+＋-]\s*{_NUMBER})*"
_CHINESE = r"[〇零一二两三四五六七八九十百千]+(?:点[〇零一二三四五六七八九]+)?"
_AMOUNT = rf"(?:{_SEVERAL}|{_CHINESE})\s*"
#: Capacity of the grid, said as an amount.
_POWER = rf"{_AMOUNT}(?:[kKMｋＫＭ]?[VＶ][AＡ]|[kKM]?va|[千万兆]?伏安)"
_VOLTAGE = rf"{_AMOUNT}(?:[kKｋＫ][vVｖＶ]|㎸|[千万]伏)(?!\s*[aAａＡ安])"
_PRESSURE = rf"{_AMOUNT}(?:[MmkKＭｋ]?[PpＰ][aAａ]|[兆千]?帕|bar\b|公斤压力)"
_SIZE = (
    rf"(?:(?<![A-Za-z])(?:DN|Dn|dn|De|de|DE|OD|ＤＮ|[ΦφØ⌀]|D(?=\d{{2}}))\s*{_SEVERAL}"
    rf"|(?:管径|直径|口径)\s*{_SEVERAL})\s*(?:mm|毫米)?"
)
_CLASS = (
    r"(?:次?高压|中压|低压)\s*[-－—]?\s*[ABＡＢ]?级?"
    r"|(?:sub-)?(?:high|medium|low)[- ]pressure(?:\s+[AB]\b)?"
)

_SHORT = re.compile(rf"(余量|尚余)\s*{_POWER}，需\s*{_POWER}")
_AMOUNTS = re.compile("|".join((_POWER, _VOLTAGE, _PRESSURE, _SIZE)))
_WORDS = re.compile(_CLASS, re.IGNORECASE)


def public_plan(plan: Plan) -> Plan:
    """The plan without pressures, voltages, diameters and the grid's capacities; gas and grid made coarse.

    Parameters
    ----------
    plan : Plan
        Is left as it is.

    Returns
    -------
    Plan
        Gas mains and new gas pipes on a grid of 100 m and simplified by 100 m,
        substations and gas stations on a grid of 1 km. Texts, also those of
        reasons and findings, without the amounts; sources renamed alike in all
        tables where their id told any.
    """
    ids = _renamed(plan)

    def open_(frame: Any) -> Any:
        return _cleaned(frame, ids=ids)

    links = open_(plan.links)
    sources = open_(plan.sources)
    return replace(
        plan,
        villages=open_(plan.villages),
        options=open_(plan.options),
        links=_moved(links, links["route"] == "gas", _coarse_line),
        sources=_moved(sources, sources["route"].isin(COARSE_ROUTES), _coarse_point),
        layers={stem: _coarse(stem, open_(layer)) for stem, layer in plan.layers.items()},
        summary=_said({key: value for key, value in plan.summary.items() if key != "sources"}, ids),
    )


def plain_text(text: str, *, name: bool = False) -> str:
    """A text without voltages, pressures, diameters and amounts of the grid.

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
    >>> plain_text("高压瓷厂家属院", name=True)
    '高压瓷厂家属院'
    """
    found = _SHORT.sub(r"\1不足", text)
    found = _AMOUNTS.sub(lambda m: "…" if re.fullmatch(_POWER, m[0]) else "", found)
    found = found if name else _WORDS.sub("", found)
    if found == text:
        return text
    found = re.sub(r"[（(]\s*[，,；;、/·-]*\s*[）)]", "", found)
    return re.sub(r"(?<=[“‘（(])\s+|^[\s，,、/·-]+|(?<=\s)\s+|\s+$", "", found)


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
    for name in frame.columns.difference([*CODES, *gone, "geometry"]):
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
        return {_said(k, ids): _said(v, ids, name=name) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_said(v, ids, name=name) for v in value]
    return value


def _findings(text: Any, ids: Mapping[str, str]) -> Any:
    """Failed tests in JSON: of those about the grid neither what was measured nor the limit."""
    if not isinstance(text, str):
        return text
    try:
        findings = json.loads(text or "[]")
    except ValueError:
        return plain_text(text)
    kept = [
        finding | {"measured": None, "limit": None} if finding.get("unit") == GRID_UNIT else finding
        for finding in findings
    ]
    return json.dumps(_said(kept, ids), ensure_ascii=False) if kept else text


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
