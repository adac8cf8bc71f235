"""The plan as tables for people: totals, tasks, ledger, options, capacities, parameters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from geoplan.columns import ROUTES, Column, plan_columns, table
from geoplan.explain import route_label, style
from geoplan.model import Plan
from geoplan.policy import Policy
from geoplan.units import WAN

DWELLINGS = {"bungalow": "平房", "apartment": "楼房"}


@dataclass(frozen=True)
class Sheet:
    """One table of the workbook.

    Attributes
    ----------
    name : str
        Title of the sheet.
    frame : DataFrame
        Headings as the reader sees them.
    unit : str
        The 单位 line.
    total : bool
        Whether the last row is a total.
    merge : str
        Heading whose equal neighbours are drawn as one cell.
    """

    name: str
    frame: pd.DataFrame
    unit: str = ""
    total: bool = False
    merge: str = ""


def sheets(plan: Plan) -> list[Sheet]:
    """Every table of the workbook, in order.

    Examples
    --------
    >>> from geoplan.planner import assign
    >>> import geopandas as gpd, shapely
    >>> from geoplan.model import County
    >>> from geoplan.policy import default_policy
    >>> frame = gpd.GeoDataFrame(
    ...     {"village_id": ["V1"], "name": ["甲村"], "town": ["乙镇"], "households": [100]},
    ...     geometry=[shapely.Point(500000, 4200000)], crs="EPSG:4544")
    >>> [s.name for s in sheets(assign(County("demo", frame, default_policy())))][:3]
    ['汇总表', '任务分解表', '台账']
    """
    return [
        Sheet("汇总表", by_town_and_route(plan), unit="户", total=True),
        Sheet("任务分解表", tasks(plan), unit="户、万㎡", total=True, merge="乡镇"),
        Sheet("台账", ledger(plan), merge=""),
        Sheet("备选方案", options(plan)),
        Sheet("供应能力", capacities(plan)),
        Sheet("新建管线", links(plan)),
        Sheet("参数与来源", parameters(plan.policy)),
    ]


def by_town_and_route(plan: Plan) -> pd.DataFrame:
    """Households by town and route with totals; empty, not 0, where there are none. [household]"""
    villages = plan.villages
    households = villages["households"].astype(int)
    cross = households.groupby([villages["town"], villages["route"]]).sum().unstack()
    routes = [r for r in ROUTES if r in cross and cross[r].fillna(0).sum() > 0]
    cross = cross.reindex(columns=routes)
    cross = cross[cross.fillna(0).sum(axis=1) > 0]
    cross = cross.reindex([town for town in _towns(plan) if town in cross.index])
    cross.loc["合计"] = cross.sum()
    cross["合计"] = cross.sum(axis=1)
    cross.columns = [route_label(c) if c in ROUTES else c for c in cross.columns]
    frame = cross.mask(cross == 0).astype("Int64").rename_axis("乡镇").reset_index()
    frame.columns.name = None
    return frame


def tasks(plan: Plan) -> pd.DataFrame:
    """The task of every village: route, households, area and agencies. [household, 万㎡]"""
    villages = plan.villages[plan.villages["households"].astype(int) > 0]
    villages = villages.sort_values(
        ["town", "village_id"],
        key=lambda c: c.map({t: i for i, t in enumerate(_towns(plan))}) if c.name == "town" else c,
    )
    policy = plan.policy
    area = villages["floor_area_m2"].astype(float).fillna(policy.demand.floor_area_m2)
    frame = pd.DataFrame(
        {
            "乡镇": villages["town"].to_numpy(),
            "村（庄点）": villages["name"].to_numpy(),
            "改造方式": [route_label(r) for r in villages["route"]],
            "户数": villages["households"].astype("Int64").to_numpy(),
            "面积（万㎡）": (villages["households"].astype(float) * area / WAN).round(2).to_numpy(),
            "牵头单位": villages["lead_agency"].astype(object).fillna("").to_numpy(),
            "责任单位": villages["responsible_agency"].astype(object).fillna("").to_numpy(),
        }
    )
    frame.insert(0, "序号", pd.array(range(1, len(frame) + 1), dtype="Int64"))
    total = {
        "乡镇": "合计",
        "户数": frame["户数"].sum(),
        "面积（万㎡）": round(frame["面积（万㎡）"].sum(), 2),
    }
    return pd.concat([frame, pd.DataFrame([total])], ignore_index=True)


def _towns(plan: Plan) -> list[str]:
    """Towns in the order of their villages' codes, which is the official one."""
    return list(plan.villages.sort_values("village_id")["town"].drop_duplicates())


def ledger(plan: Plan) -> pd.DataFrame:
    """Every column that says something of any village, labelled."""
    frame = pd.DataFrame(plan.villages.drop(columns="geometry"))
    said = frame.columns[frame.notna().any() & (frame != "").any()]
    return _labelled(_said(frame[said]), plan_columns())


def options(plan: Plan) -> pd.DataFrame:
    """Every option of every village with a task, labelled, failed tests in words."""
    named = plan.villages.set_index("village_id")
    task = named.index[named["households"].astype(int) > 0]
    frame = plan.options[plan.options["village_id"].isin(task)].copy()
    frame["infeasible_because"] = [_in_words(text) for text in frame["infeasible_because"]]
    frame = _labelled(_said(frame), table("options"))
    frame.insert(1, "村名", named["name"].reindex(plan.options["village_id"][frame.index]).to_numpy())
    return frame


def capacities(plan: Plan) -> pd.DataFrame:
    """What each source has and gives. [unit of the row]"""
    frame = pd.DataFrame(plan.sources.drop(columns="geometry")).copy()
    frame["route"] = [_supply_label(r) for r in frame["route"]]
    frame = _labelled(
        _said(frame.assign(capacity=frame["capacity"].round(1), used=frame["used"].round(1))),
        table("sources"),
    )
    load = plan.sources["used"] / plan.sources["capacity"].where(plan.sources["capacity"] > 0)
    frame.insert(5, "负载率（%）", (load * 100.0).round(1).to_numpy())
    return frame


def links(plan: Plan) -> pd.DataFrame:
    """The pipes to be built."""
    return _labelled(_said(pd.DataFrame(plan.links.drop(columns="geometry"))), table("links"))


def parameters(policy: Policy) -> pd.DataFrame:
    """Every number of the policy with its source and confidence."""
    rows = []
    for path, value in flat(policy.model_dump(by_alias=True, exclude_none=True)):
        origin = policy.origins.get(path)
        if origin is None:
            continue
        shown = "、".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
        rows.append((path, shown, origin.file, origin.source, origin.confidence))
    return pd.DataFrame(rows, columns=["参数", "取值", "文件", "来源", "可信度"])


def flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Dotted paths and values of nested tables.

    Examples
    --------
    >>> flat({"a": {"b": 1}, "c": 2})
    [('a.b', 1), ('c', 2)]
    """
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        path = f"{prefix}{key}"
        found += flat(value, f"{path}.") if isinstance(value, dict) else [(path, value)]
    return found


def _said(frame: pd.DataFrame) -> pd.DataFrame:
    """Codes of routes and decisions as the reader's words; whole money, lengths and loads."""
    frame = frame.copy()
    for column in ("route", "runner_up", "locked_route"):
        if column in frame:
            frame[column] = [
                route_label(r) if isinstance(r, str) and r in ROUTES else "" for r in frame[column]
            ]
    if "dwelling" in frame:
        frame["dwelling"] = [DWELLINGS.get(d, "") for d in frame["dwelling"]]
    if "decision" in frame:
        frame["decision"] = [style()["decisions"][d]["zh"] for d in frame["decision"]]
    for column in frame.select_dtypes("number"):
        if frame[column].dtype.kind == "f":
            frame[column] = frame[column].round(0 if column.endswith(("_cny", "_m", "_per_season")) else 3)
    return frame


def _labelled(frame: pd.DataFrame, columns: dict[str, Column]) -> pd.DataFrame:
    return frame[[c for c in columns if c in frame]].rename(
        columns={n: c.label() for n, c in columns.items()}
    )


def _in_words(infeasible_because: str) -> str:
    return "；".join(found["text"] for found in json.loads(infeasible_because)) if infeasible_because else ""


def _supply_label(route: str) -> str:
    if route in ROUTES:
        return route_label(route)
    return "电力" if route == "electricity" else route
