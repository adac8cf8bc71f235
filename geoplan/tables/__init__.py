"""The plan as tables for people: annexes, money, years, ledger, options, parameters."""

from __future__ import annotations

import re
from dataclasses import replace

from geoplan.annex import annex_table, left_out
from geoplan.explain import messages, route_label
from geoplan.made import made_said
from geoplan.model import Plan
from geoplan.provisions import Annex, AnnexColumn
from geoplan.tables.money import (
    affordability_sheet,
    cash_flow_sheet,
    funding_sheet,
    investment_sheet,
    items_by_year_sheet,
    village_flow_sheet,
)
from geoplan.tables.optimum import comparison_sheet, moved_sheet, prices_sheet, said_of_optimum
from geoplan.tables.parameters import flat, parameters, parameters_sheet
from geoplan.tables.plan import (
    by_town_and_route,
    capacities_sheet,
    ledger_sheet,
    links_sheet,
    options_sheet,
    summary_sheet,
)
from geoplan.tables.sheet import Sheet
from geoplan.tables.work import (
    efficiency_sheet,
    emissions_sheet,
    milestones_sheet,
    reconciliation_sheet,
    years_sheet,
)

__all__ = ["Sheet", "by_town_and_route", "flat", "parameters", "said_of_optimum", "sheets"]

#: The sheets after those of the annexes, in order.
MAKERS = (
    summary_sheet,
    comparison_sheet,
    moved_sheet,
    funding_sheet,
    investment_sheet,
    cash_flow_sheet,
    items_by_year_sheet,
    efficiency_sheet,
    years_sheet,
    milestones_sheet,
    affordability_sheet,
    emissions_sheet,
    reconciliation_sheet,
    ledger_sheet,
    village_flow_sheet,
    options_sheet,
    capacities_sheet,
    prices_sheet,
    links_sheet,
    parameters_sheet,
)

#: Columns of the plan that the totals of an annex are split by, and what its columns are then.
SPLITS = {"route": "各方式", "year": "各年度"}

#: Characters that a spreadsheet refuses in the name of a sheet, and the length it allows.
REFUSED = re.compile(r"[\[\]:*?/\\'\x00-\x1f\s]")
NAME_LENGTH = 31

#: The task of every village, for a county whose policy has no annex.
TASKS = Annex(
    title="任务分解表",
    unit="户、万㎡",
    rows="village",
    subtotal="小计",
    columns=(
        AnnexColumn(head=("序号",), cell="number"),
        AnnexColumn(head=("乡镇",), cell="town"),
        AnnexColumn(head=("村（庄点）",), cell="name"),
        AnnexColumn(head=("改造方式",), cell="route"),
        AnnexColumn(head=("户数",), sum="households"),
        AnnexColumn(head=("面积（万㎡）",), sum="total_area_m2", scale=1e-4, decimals=2),
        AnnexColumn(head=("年度",), cell="year"),
        AnnexColumn(head=("牵头单位",), cell="lead_agency"),
        AnnexColumn(head=("责任单位",), cell="responsible_agency"),
    ),
)


def sheets(plan: Plan) -> list[Sheet]:
    """Every sheet of the workbook that has something to say, in order.

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
    ['任务分解表', '汇总表', '资金表']
    """
    others = [made for maker in MAKERS if (made := maker(plan)) is not None and made.table.rows]
    taken = [made.name for made in others]
    annexes = []
    for annex in plan.policy.annexes.values() or (TASKS,):
        filled = annex_table(plan.villages, annex)
        if filled.rows:
            annexes.append(Sheet(sheet_name(annex.title, taken), filled, notes=_left_out(plan, annex)))
            taken.append(annexes[-1].name)
    return [_with_made(made, plan) for made in (*annexes, *others)]


def _with_made(sheet: Sheet, plan: Plan) -> Sheet:
    """A sheet that says which data of the plan are made."""
    layers = made_said(plan)
    said = (messages()["made_note"].format(layers=layers),) if layers else ()
    return replace(sheet, notes=(*sheet.notes, *said))


def _left_out(plan: Plan, annex: Annex) -> tuple[str, ...]:
    """What the total of an annex counts beside the columns that it is split into."""
    notes = []
    for key, parts in SPLITS.items():
        left = left_out(plan.villages, annex, key=key)
        if left:
            households = "、".join(f"{route_label(route)} {count} 户" for route, count in left.items())
            notes.append(f"合计中{households}，未列入{parts}。")
    return tuple(notes)


def sheet_name(title: str, taken: list[str]) -> str:
    """A name for the tab of a table that a spreadsheet takes and no other sheet has.

    Examples
    --------
    >>> sheet_name("淄博 2020/2021 年任务表", []), sheet_name("任务表", ["任务表"])
    ('淄博20202021年任务表', '任务表2')
    """
    base = REFUSED.sub("", title) or "附件"
    names = [
        base[:NAME_LENGTH],
        *(f"{base[: NAME_LENGTH - len(str(n))]}{n}" for n in range(2, len(taken) + 3)),
    ]
    used = {name.casefold() for name in taken}
    return next(name for name in names if name.casefold() not in used)
