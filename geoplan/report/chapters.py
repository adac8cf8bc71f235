"""The chapters before the money: aims, county, targets, routes and capacity, as blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from geoplan.explain import route_label
from geoplan.made import made_said
from geoplan.model import Plan
from geoplan.policy import DEFAULT_FILE
from geoplan.report.blocks import Block, Grid, Heading, Picture, Text
from geoplan.report.findings import institutions, supply_names, towns_called
from geoplan.report.listing import Listing
from geoplan.report.words import heading, plain, say, whose, words
from geoplan.report.works import SUPPLIES
from geoplan.staticmap.ground import BASE, STEMS
from geoplan.tables.naming import enumerated, parameter_label
from geoplan.tables.optimum import STATUS
from geoplan.tables.plan import addable
from geoplan.tables.sheet import years_said

#: Layers that the pictures show besides the villages and the ground.
PICTURES = {
    "present": ("heat_mains", "gas_mains", *STEMS.values()),
    "heat": ("heat_sources", "heat_mains"),
    "gas": ("gas_stations", "gas_mains"),
    "grid": ("substations",),
    "routes": ("heat_mains", "gas_mains", *STEMS.values()),
    "years": ("heat_mains", "gas_mains", "heat_sources", "gas_stations"),
    "connection": ("heat_mains", "heat_sources"),
    "money": (),
    "emissions": (),
}


@dataclass(frozen=True)
class Book:
    """What a report is written from.

    Attributes
    ----------
    plan : Plan
        Names, words and whether there is a task; never a number for the text.
    tables : mapping of str to Listing
        Where every number of the text stands.
    """

    plan: Plan
    tables: Mapping[str, Listing]

    def number(self, table: str, row: str | tuple[str, ...], heading: str) -> str:
        """A number of the text: the cell of a table of the report, as it is printed there."""
        return self.tables[table].cell(row, heading)

    def single(self, indicator: str) -> str:
        """A number of the table of indicators; a count that it leaves out is 0."""
        known = {row[0]: row[1] for row in self.tables["indicators"].rows("指标", "数值")}
        return known.get(indicator, "0") if indicator.endswith("数") else known[indicator]

    def counted(self, indicator: str) -> str:
        """A number of the table of indicators that stands there only if it is not 0; empty without it."""
        rows = self.tables["indicators"].rows("指标", "数值")
        return next((number for name, number in rows if name == indicator), "")

    def parameter(self, path: str) -> str:
        """A value of the table of parameters, by its dotted path in the policy."""
        return self.number("parameters", parameter_label(path, self.plan.policy), "取值")

    def grid(self, key: str) -> Iterator[Block]:
        """A table, if the report has it."""
        if key in self.tables:
            yield Grid(self.tables[key])


def picture(theme: str) -> Picture:
    """A still map with the layers it uses."""
    return Picture(theme, ("villages", *PICTURES[theme], *BASE))


def overall(book: Book) -> Iterator[Block]:
    """总体要求."""
    policy = book.plan.policy
    yield Heading(1, heading("overall"))
    yield Heading(2, heading("basis"))
    yield Text(
        say("basis_document", document=plain(policy.document)) if policy.document else say("basis_plain")
    )
    yield Heading(2, heading("scope"))
    yield Text(_scope(book) + _period(book))
    yield Heading(2, heading("method"))
    yield Text(say("method_optimum") if "comparison" in book.tables else say("method_cascade"))
    growth = say("method_growth") if addable(book.plan).gt(0).any() else ""
    yield Text(say("method_capacity", growth=growth))


def _scope(book: Book) -> str:
    """Towns, villages and institutions of the plan, and how many of them have a task."""
    towns = book.plan.villages.loc[~institutions(book.plan), "town"].unique()
    villages, tasked = (book.single(i) for i in ("村（庄点）数", "有改造任务的村（庄点）数"))
    units = book.counted("集体户单位数")
    said = say(
        "scope",
        county=whose(book.plan),
        towns=book.single("乡镇（街道等）数"),
        kinds=towns_called(plain(str(town)) for town in towns),
        villages=villages,
        units=say("scope_units", units=units) if units else "",
        tasked=say("scope_all") if villages == tasked else say("scope_tasked", tasked=tasked),
        households=book.single("改造户数"),
    )
    return said + (say("scope_counted") if units else "")


def _period(book: Book) -> str:
    """The years of the plan."""
    found = (
        [row[0].removesuffix(" 年") for row in book.tables["years"].rows("年度")]
        if "years" in book.tables
        else []
    )
    years = [int(year) for year in found if year.isdecimal()]
    spanned = f"{years_said(years)}年" if "—" in years_said(years) else ""
    return say("scope_years", years=spanned or enumerated(f"{y}年" for y in years)) if years else ""


def present(book: Book) -> Iterator[Block]:
    """基本情况: what is made is said before anything else."""
    plan = book.plan
    yield Heading(1, heading("present"))
    yield Heading(2, heading("made"))
    made = made_said(plan)
    yield Text(
        (say("made", layers=made) if made else say("made_none")) + _sources_said(book, made=bool(made))
    )
    if plan.policy.default_climate:
        yield Text(say("climate_default", station=plain(plan.policy.climate.station)))
    if defaults := _default_prices(plan):
        yield Text(say("defaults", names=enumerated(defaults)))
    if plan.policy.disclaimer:
        yield Text(say("disclaimer", text=f"{plain(plan.policy.disclaimer).rstrip('。')}。"))
    yield Heading(2, heading("villages"))
    lost = book.single("未落图的单位数")
    yield Text(
        say(
            "villages",
            area=book.single("采暖总面积"),
            load=book.single("设计热负荷"),
            demand=book.single("年需热量"),
        )
        + (say("unlocated", unlocated=lost) if lost != "0" else "")
    )
    yield from book.grid("indicators")
    yield picture("present")
    yield Heading(2, heading("climate"))
    yield Text(
        say(
            "climate",
            outdoor=book.single("供暖室外计算温度"),
            mean=book.single("采暖期平均温度"),
            days=book.single("采暖期天数"),
            indoor=book.single("室内设计温度"),
        )
        + say("coal", coal=book.single("户均每采暖季散煤用量"), cost=book.single("户均每采暖季散煤费用"))
        + _already(book)
    )


def _already(book: Book) -> str:
    """Who has no task, and who is heated cleanly already."""
    idle, existing = (book.counted(f"{kind}的村（庄点）数") for kind in ("没有改造任务", "已清洁取暖"))
    converted = book.counted("已改造户数")
    return (
        (say("idle", idle=idle) if idle else "")
        + (say("existing", existing=existing) if existing else "")
        + (say("converted", converted=converted) if converted else say("converted_none"))
    )


def _sources_said(book: Book, *, made: bool) -> str:
    """Whether every row says where it comes from."""
    rows = book.single("未注明来源的资料行数")
    if rows != "0":
        return say("unsourced", rows=rows)
    return "" if made else say("sourced")


def _default_prices(plan: Plan) -> list[str]:
    """What of the household's costs is nobody's local value, in words."""
    labels, policy = words()["defaults"], plan.policy
    return [labels[path] for path in labels if policy.file_of(path) == DEFAULT_FILE]


def goals(book: Book) -> Iterator[Block]:
    """目标任务."""
    yield Heading(1, heading("targets"))
    planned = book.single("改造户数")
    if "targets" in book.tables:
        table = book.tables["targets"]
        yield Heading(2, heading("counted"))
        off = [
            (name, value)
            for name, value in table.rows("内容", "差额")
            if value.lstrip("-").isdecimal() and value != "0"
        ]
        whole = table.rows("目标")[0][0]
        yield Text(say("targets", households=whole, planned=planned) + _misfit(off))
        yield Grid(table)
    else:
        printed = say("targets_printed") if "reconciliation" in book.tables else ""
        yield Text(say("targets_none", planned=planned) + printed)
    if "efficiency" in book.tables:
        yield Heading(2, heading("efficiency"))
        yield Text(say("efficiency", count=book.single("建筑能效提升任务数")))
        yield from book.grid("efficiency")


def _misfit(off: list[tuple[str, str]]) -> str:
    if not off:
        return say("targets_met")
    return say(
        "targets_off", parts=enumerated(say("target_part", name=name, value=value) for name, value in off)
    )


def layout(book: Book) -> Iterator[Block]:
    """技术路径与建设布局."""
    yield Heading(1, heading("layout"))
    yield Heading(2, heading("principle"))
    ranks = book.plan.policy.ranks
    joint = say("order_joint") if any(len(rank) > 1 for rank in ranks) else ""
    yield Text(say("order", routes=enumerated(map(_rank, ranks))) + joint)
    yield Text(
        say(
            "tie_rule",
            tie=book.parameter("selection.near_tie_pct"),
            argue=book.parameter("selection.argue_pct"),
        )
    )
    if "rules" in book.tables:
        yield Heading(2, heading("rules"))
        yield Text(say("rules"))
        yield from book.grid("rules")
    yield Heading(2, heading("result"))
    yield Text(say("result", households=book.single("改造户数"), parts=enumerated(_by_route(book))))
    yield from book.grid("summary")
    yield picture("routes")
    decided = book.tables["decisions"].rows("判定类别", "村数", "户数")
    parts = [say("decision_part", name=n, villages=v, households=h) for n, v, h in decided]
    yield Text(say("decided", parts=enumerated(parts)))
    yield from book.grid("decisions")
    yield from _near(book)
    yield from _causes(book)
    yield from _pipes(book)
    yield from _compared(book)


def _rank(rank: tuple[str, ...]) -> str:
    names = enumerated(map(route_label, rank))
    return say("rank_joint", routes=names) if len(rank) > 1 else names


def _by_route(book: Book) -> list[str]:
    """Households of every route, from the totals of the table by town."""
    table = book.tables["summary"]
    total = words()["labels"]["total"]
    heads = [
        head for head in table.table.head if head[-1] not in ("乡镇", total, words()["labels"]["subtotal"])
    ]
    return [say("part", name=h[-1], value=table.cell(total, h[-1]), unit="户") for h in heads]


def _near(book: Book) -> Iterator[Block]:
    """Villages that could as well have another route."""
    yield Heading(2, heading("ties"))
    limit = book.parameter("selection.near_tie_pct")
    if "ties" not in book.tables:
        yield Text(say("ties_none", tie=limit))
        return
    total = words()["labels"]["total"]
    villages, households = (book.number("ties", total, h) for h in ("村数", "户数"))
    yield Text(say("ties", villages=villages, households=households, tie=limit))
    yield from book.grid("ties")


def _causes(book: Book) -> Iterator[Block]:
    """What stood against the other routes."""
    if "whynot" not in book.tables:
        return
    yield Heading(2, heading("whynot"))
    feasible = words()["labels"]["feasible"]
    rows = [row for row in book.tables["whynot"].rows("方式", "原因", "村数", "户数") if row[1] != feasible]
    most = max((int(row[2]) for row in rows), default=0)
    parts = [
        say("whynot_part", route=route, cause=why, villages=villages, households=households)
        for route, why, villages, households in rows
        if int(villages) == most
    ]
    yield Text(say("whynot", parts=enumerated(parts)) if parts else say("whynot_feasible"))
    yield from book.grid("whynot")


def _pipes(book: Book) -> Iterator[Block]:
    yield Heading(2, heading("works"))
    if "works" not in book.tables:
        yield Text(say("works_none"))
        return
    table, total = book.tables["works"], words()["labels"]["total"]
    kind = "subtotal" if table.rows("方式", kind="subtotal") else "row"
    parts = [say("part", name=n, value=v, unit="km") for n, v in table.rows("方式", "长度（km）", kind=kind)]
    money = table.cell(total, "投资（万元）")
    yield Text(say("works", length=table.cell(total, "长度（km）"), parts=enumerated(parts), money=money))
    yield from book.grid("works")
    yield Text(say("connection"))
    yield picture("connection")


def _compared(book: Book) -> Iterator[Block]:
    """An optimum beside the cascade."""
    if "comparison" not in book.tables:
        return
    yield Heading(2, heading("comparison"))
    table, found = book.tables["comparison"], book.plan.summary["optimum"]
    optimum = table.cell("目标值", "优化方案")
    if found["cascade"] is None:
        said = say("comparison_alone", optimum=optimum)
    else:
        said = say(
            "comparison_cost",
            cascade=table.cell("目标值", "规则方案"),
            optimum=optimum,
            difference=table.cell("目标值", "优化减规则"),
        )
    said += say("comparison_bound", bound=table.cell("下界", "优化方案"), status=STATUS[found["status"]])
    moved = "moved" in book.tables
    said += say("comparison_moved", moved=book.single("换方式的村数")) if moved else say("comparison_same")
    said += say("comparison_prices") if "prices" in book.tables else ""
    yield Text(said)
    for key in ("comparison", "moved", "prices"):
        yield from book.grid(key)


def capacity(book: Book) -> Iterator[Block]:
    """能力校核: what each supply has, gives and keeps."""
    yield Heading(1, heading("capacity"))
    supplied = set(book.plan.sources["route"])
    if not supplied:
        yield Text(say("capacity_none"))
        return
    table = book.tables.get("capacity")
    if table is not None:
        yield Text(say("capacity"))
        yield from book.grid("capacity")
    supplies = supply_names(book.plan)
    names, maps = (
        words()["headings"]["supply"],
        {"district_heating": "heat", "gas": "gas", "electricity": "grid"},
    )
    for supply in SUPPLIES:
        label = supplies[supply]
        if supply not in supplied:
            continue
        rows, sums = (_of_supply(table, label, kind=kind) for kind in ("row", "subtotal"))
        yield Heading(2, names[supply])
        theme = maps.get(supply, "")
        text = _balance(rows, sums or rows, supply=label, count=book.single(f"{label}处数"))
        yield Text(text + (say(f"capacity_{theme}") if theme else ""))
        if theme:
            yield picture(theme)


def _of_supply(table: Listing | None, supply: str, *, kind: str) -> list[dict[str, str]]:
    """The rows of one supply in the table of capacities, by heading."""
    if table is None:
        return []
    heads = [head[-1] for head in table.table.head]
    rows = [dict(zip(heads, row, strict=True)) for row in table.rows(*heads, kind=kind)]
    return [row for row in rows if row["供应"] == supply]


def _balance(rows: list[dict[str, str]], sums: list[dict[str, str]], *, supply: str, count: str) -> str:
    """One supply in a few sentences."""
    if not sums:
        return say("capacity_hidden", supply=supply, count=count)
    total, unit = sums[0], sums[0]["单位"]
    loads = [row for row in rows if _is_load(row)]
    said = say(
        "capacity_growth" if total.get("可增容") else "capacity_part",
        supply=supply,
        count=count,
        unit=unit,
        capacity=total["现有能力" if "现有能力" in total else "能力"],
        more=total.get("可增容", ""),
        used=total["占用"],
        margin=total["余量"],
        load=say("capacity_load", load=total["负载率（%）"]) if _is_load(total) else "",
    )
    if float(total["占用"]) == 0.0:
        return said + say("capacity_idle")
    if len(rows) > 1 and loads:
        most = max(loads, key=lambda row: float(row["负载率（%）"]))
        said += say("capacity_most", name=most["名称"], load=most["负载率（%）"])
    short = [
        say("capacity_short_part", name=row["名称"], short=row["须先增容"], unit=unit)
        for row in rows
        if row.get("须先增容")
    ]
    return said + (say("capacity_short", names=enumerated(short)) if short else "")


def _is_load(row: Mapping[str, str]) -> bool:
    """Whether a source has a load at all."""
    return row["负载率（%）"].replace(".", "").isdecimal()
