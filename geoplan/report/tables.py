"""All tables of the report, by their keys: the one place its text takes numbers from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from geoplan.model import Plan
from geoplan.public import plain_text, public_plan
from geoplan.report import annexes, findings, works
from geoplan.report.listing import Listing, by_key, listed, without_empty
from geoplan.report.words import title
from geoplan.tables.money import affordability_sheet, cash_flow_sheet, funding_sheet
from geoplan.tables.optimum import comparison_sheet, moved_sheet, prices_sheet
from geoplan.tables.plan import summary_sheet
from geoplan.tables.work import efficiency_sheet, emissions_sheet, years_sheet

#: Columns of names of places and of people, of which 高压 may be part.
OF_NAMES = ("村代码", "乡镇", "村（庄点）", "村名", "起点", "终点", "牵头单位", "责任单位", "名称")
#: Tables that leave out a column in which no row says anything.
LOOSE = ("efficiency", "milestones", "subsidies", "equipment", "pipes", "reconciliation")


def report_tables(plan: Plan, *, public: bool = False) -> Mapping[str, Listing]:
    """Every table of the report that says something.

    Parameters
    ----------
    plan : Plan
    public : bool
        Leave out diameters, flows and voltages, and the cost of single pipes.

    Returns
    -------
    mapping of str to Listing

    Examples
    --------
    >>> from geoplan.planner import assign
    >>> import geopandas as gpd, shapely
    >>> from geoplan.model import County
    >>> from geoplan.policy import default_policy
    >>> frame = gpd.GeoDataFrame(
    ...     {"village_id": ["V1"], "name": ["甲村"], "town": ["乙镇"], "households": [100]},
    ...     geometry=[shapely.Point(500000, 4200000)], crs="EPSG:4544")
    >>> tables = report_tables(assign(County("demo", frame, default_policy())))
    >>> tables["indicators"].cell("改造户数", "数值")
    '100'
    """
    whole, plan = plan, public_plan(plan) if public else plan
    # The cost of single pipes is not public, that of all of them is.
    costed = replace(plan, links=plan.links.assign(capex_cny=whole.links["capex_cny"]))
    emissions, supplies = emissions_sheet(plan), findings.supply_names(whole)
    own = [
        findings.indicators(plan, supplies=supplies),
        findings.targets(plan),
        findings.rules(plan),
        findings.decisions(plan),
        findings.ties(plan),
        findings.whynot(plan),
        findings.before(plan, first=findings.upgrades(whole, public=public)),
        findings.leads(plan),
        findings.equipment(plan),
        works.pipes(costed, public=public),
        works.capacity(plan, supplies=supplies),
        works.capex(plan),
        works.milestones(plan),
        works.subsidies(plan),
        works.ratings(plan),
        works.avoided(emissions),
        works.rising(plan),
        annexes.funding_full(plan),
        annexes.pipe_list(plan),
        annexes.parameter_list(plan, public=public),
        annexes.reconciliation(plan),
        annexes.made_list(plan),
        *annexes.tasks(plan),
    ]
    villages = ("villages",)
    agencies = ("实施年限", "牵头单位", "责任单位")
    shared = [
        listed("summary", summary_sheet(plan), title=title("summary"), made=villages),
        listed("funding", funding_sheet(plan), title=title("funding"), made=villages, without=agencies),
        listed("cash", cash_flow_sheet(plan), title=title("cash"), made=villages),
        listed("years", years_sheet(plan), title=title("years"), made=villages),
        listed("running", affordability_sheet(plan), title=title("running"), made=villages),
        listed("emissions", emissions, title=title("emissions"), made=villages, without=("因子来源",)),
        listed(
            "efficiency", efficiency_sheet(plan), title=title("efficiency"), without=("户均面积（㎡/户）",)
        ),
        listed("comparison", comparison_sheet(plan), title=title("comparison"), made=villages),
        listed("moved", moved_sheet(plan), title=title("moved"), made=villages, without=("村代码",)),
        listed(
            "prices", prices_sheet(plan), title=title("prices"), made=tuple(sum(works.SUPPLIES.values(), ()))
        ),
    ]
    every = by_key([*own, *shared])
    found = {key: without_empty(listing) if key in LOOSE else listing for key, listing in every.items()}
    return {key: _open(listing) for key, listing in found.items()} if public else found


def _open(listing: Listing) -> Listing:
    """A table without the amounts and classes that a public document must not show."""
    table = listing.table
    names = [head[-1] in OF_NAMES for head in table.head]
    rows = tuple(
        tuple(
            plain_text(c, name=name) if isinstance(c, str) else c for c, name in zip(row, names, strict=True)
        )
        for row in table.rows
    )
    return replace(listing, table=replace(table, rows=rows))
