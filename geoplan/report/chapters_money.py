"""The chapters of the money and the work: investment, years, households, emissions, safeguards."""

from __future__ import annotations

import re
from collections.abc import Iterator

from geoplan.made import made_layers
from geoplan.report.blocks import Block, Heading, Text
from geoplan.report.chapters import Book, picture
from geoplan.report.findings import tasked
from geoplan.report.words import annex, heading, open_amount, say, words
from geoplan.report.works import subsidies_of
from geoplan.tables.money import NO_SCOPE, STATED, TOTAL, parity_of
from geoplan.tables.naming import enumerated, limit_word, routes_said
from geoplan.tables.plan import to_be_added, waits_for_mains

#: Heading of the agency that leads.
LEAD = "牵头单位"
#: A scope that is called by a clause of the document.
CLAUSE = re.compile(r"[一二三四五六七八九十]+(（.*|[A-Z0-9].*)?")
#: Headings of the funding table that are no payer.
NO_PAYER = ("口径", "项目", "方式", "村数", "户数", "总投资", "占比（%）", "实施年限", "牵头单位", "责任单位")


def money(book: Book) -> Iterator[Block]:
    """投资估算与资金来源."""
    yield Heading(1, heading("money"))
    if "capex" in book.tables:
        yield Heading(2, heading("capex"))
        yield Text(_invested(book))
        yield from book.grid("capex")
    if "funding" in book.tables:
        yield Heading(2, heading("funding"))
        yield Text(say("funding"))
        yield from _scopes(book)
        yield from book.grid("funding")
    if "cash" in book.tables:
        yield Heading(2, heading("cash"))
        yield Text(_paid(book))
        yield from book.grid("cash")


def _invested(book: Book) -> str:
    """The investment, who pays it, and what of it has no payer yet."""
    table = book.tables["capex"]
    total = table.cell(TOTAL, "总投资")
    heads = [h[-1] for h in table.table.head if h[-1] not in NO_PAYER]
    values = [(name, table.cell(TOTAL, name)) for name in heads]
    stated = [(n, v) for n, v in values if v not in ("0", open_amount()) and n != open_amount()]
    parts = enumerated(_amount(name, value, "万元") for name, value in stated)
    said = say("capex_part" if parts else "capex_sum", total=_with_unit(total, "万元"), parts=parts)
    if table.has(open_amount()):
        rest = table.cell(TOTAL, open_amount())
        said += say("capex_rest", rest=_with_unit(rest, "万元"), open=open_amount())
    said += say("capex", without=say("capex_mains") if waits_for_mains(book.plan) else "")
    said += say("capex_upgrade") if _unpriced(book) else ""
    return said + (say("capex_tasks") if "funding" in book.tables else "")


def _unpriced(book: Book) -> bool:
    """Whether a substation has to be upgraded of which nobody says what that costs."""
    plan, price = book.plan, "upgrade_cost_cny_per_kva"
    short = set(plan.sources.loc[to_be_added(plan) > 0, "source_id"])
    layer = plan.layers.get("substations")
    if layer is None or not short:
        return False
    known = layer.loc[layer[price].notna(), "source_id"] if price in layer else ()
    return not short <= set(known)


def _paid(book: Book) -> str:
    """What all levels of government pay, or what is known of it."""
    table, total = book.tables["cash"], book.number("cash", TOTAL, TOTAL)
    if total != open_amount():
        return say("cash", total=total)
    if any(isinstance(cell, int | float) and cell for row in table.table.rows for cell in row[1:]):
        return say("cash_open", open=total)
    return say("cash_stated" if any(STATED in note for note in table.notes) else "cash_none", open=total)


def _with_unit(value: str, unit: str) -> str:
    return value if value == open_amount() else f"{value}{unit}"


def _amount(name: str, value: str, unit: str) -> str:
    return f"{name}{_with_unit(value, unit)}"


def _scopes(book: Book) -> Iterator[Block]:
    """Every total of the funding table with who pays which part of it."""
    table = book.tables["funding"]
    payers = [h[-1] for h in table.table.head if h[-1] not in NO_PAYER]
    several = table.has("口径")
    scopes = dict.fromkeys(row[0] for row in table.rows("口径")) if several else {"": None}
    for scope in scopes:
        if scope == NO_SCOPE:
            continue
        row = (scope, TOTAL) if several else TOTAL
        total = table.cell(row, "总投资")
        if several:
            heading_ = "funding_clause" if CLAUSE.fullmatch(scope) else "funding_heading"
            yield Heading(3, say(heading_, scope=scope))
        if total == open_amount():
            open_payers = [p for p in payers if table.cell(row, p) == open_amount()]
            yield Text(say("funding_open", open=total, names=enumerated(open_payers)))
            continue
        shares = (scope, "占比（%）") if several else "占比（%）"
        parts = [
            say("funding_share", name=p, value=table.cell(row, p), share=table.cell(shares, p))
            for p in payers
            if table.cell(row, p) != "0"
        ]
        yield Text(say("funding_scope", total=total, parts="；".join(parts)))


def years(book: Book) -> Iterator[Block]:
    """分年度计划."""
    yield Heading(1, heading("years"))
    yield Heading(2, heading("yearly"))
    count = book.single("实施年度数")
    yield Text(
        say("years", count=count)
        if count not in ("0", "1")
        else say("year_one" if count == "1" else "years_none")
    )
    if count != "0":
        yield from _each_year(book)
        yield from book.grid("years")
        yield picture("years")
    if "milestones" in book.tables:
        yield Heading(2, heading("milestones"))
        yield Text(say("milestones"))
        yield from book.grid("milestones")


def _each_year(book: Book) -> Iterator[Block]:
    table = book.tables["years"]
    routes = [head for head in table.table.head if head[0] == "其中"]
    with_goal = table.has("目标/户数")
    for label, villages, households in table.rows("年度", "村数", "户数"):
        parts = [(head[-1], table.cell(label, "/".join(head))) for head in routes]
        said = enumerated(
            say("part", name=name, value=value, unit="户") for name, value in parts if value != "0"
        )
        numbers = {"villages": villages, "households": households, "parts": said}
        dated = label.replace(" ", "")
        text = say("year", year=dated, **numbers) if dated[0].isdecimal() else say("year_open", **numbers)
        goal = table.cell(label, "目标/户数") if with_goal else "0"
        if goal != "0":
            text += say("year_goal", target=goal, difference=table.cell(label, "目标/差额"))
        yield Text(text)


def burden(book: Book) -> Iterator[Block]:
    """补贴与农户负担: with and without subsidy, and when it ends."""
    yield Heading(1, heading("burden"))
    yield Heading(2, heading("subsidies"))
    if "subsidies" in book.tables:
        open_ = any(row[0] == open_amount() for row in book.tables["subsidies"].rows("标准"))
        yield Text(say("subsidies", open=open_amount()) if open_ else say("subsidies_all"))
        yield from book.grid("subsidies")
    else:
        yield Text(say("subsidies_none"))
    if "running" not in book.tables:
        return
    yield Heading(2, heading("running"))
    yield Text(say("running", coal=book.single("户均每采暖季散煤费用"), income=book.single("农户可支配收入")))
    for text in _routes_bear(book):
        yield Text(text)
    found = book.plan.summary["affordability"]
    if parity_of(found) is not None:
        verdict = say("parity_in" if found["parity_ok"] else "parity_over")
        path, parity = "affordability.parity_max", book.single("各方式净支出之比")
        limit, whose = book.parameter(path), limit_word(book.plan.policy, path)
        yield Text(say("parity", parity=parity, whose=whose, limit=limit, verdict=verdict))
    yield from book.grid("running")
    yield Text(say("money_map"))
    yield picture("money")
    yield Heading(2, heading("taper"))
    yield Text(_ends(book))
    rated = [
        row
        for row in book.tables["ratings"].rows("评价", "无补助")
        if row[0] not in ("返煤风险", open_amount())
    ]
    parts = enumerated(say("part", name=name, value=value, unit="户") for name, value in rated)
    yield Text(say("taper", parts=parts, risk=book.number("ratings", "返煤风险", "无补助")))
    yield from book.grid("ratings")


def _routes_bear(book: Book) -> Iterator[str]:
    """What a household of each route pays at once and for a season."""
    table = book.tables["running"]
    for route in dict.fromkeys(row[0] for row in table.rows("改造方式")):
        said: dict[str, str] = {}
        for key, case in (("paid", "有补助"), ("bare", "无补助")):
            cells = [
                table.cell((route, case), f"{h}")
                for h in ("采暖季费用/户均", "占收入（%）", "一次性自筹/户均")
            ]
            season, share, once = cells
            income = "" if share == open_amount() else say("income_share", share=share)
            said |= {key: _with_unit(season, "元") + income, f"{key}_once": _with_unit(once, "元")}
        yield say("running_route", route=route.partition("\n")[0], **said)


def _ends(book: Book) -> str:
    """Until when running subsidies are paid."""
    if "subsidies" not in book.tables:
        return say("taper_none")
    labels, taken = words()["labels"], set(tasked(book.plan)["route"])
    listed = book.tables["subsidies"].rows("方式", "期限")
    running = [
        (row, subsidy)
        for row, subsidy in zip(listed, subsidies_of(book.plan).values(), strict=True)
        if subsidy.kind == "operating"
    ]
    rows = [row for row, subsidy in running if taken & set(subsidy.routes)]
    if not rows:
        return say("taper_unused" if running else "taper_none")
    terms = dict.fromkeys((way, term) for way, term in rows if term != labels["no_end"])
    if not terms:
        return say("taper_open")
    if len(terms) > 1 and len({term for _, term in terms}) == 1:
        return say("taper_same", term=next(iter(terms))[1])
    return say("taper_end", parts=enumerated(say("taper_part", name=way, value=term) for way, term in terms))


def emissions(book: Book) -> Iterator[Block]:
    """减排效益."""
    yield Heading(1, heading("emissions"))
    rows = book.tables["avoided"].rows("污染物", "减排", "单位") if "avoided" in book.tables else []
    less = [row for row in rows if not row[1].startswith("-")]
    more = [row for row in rows if row[1].startswith("-")]
    said = say(
        "emissions", parts=enumerated(say("emission_part", name=n, value=v, unit=u) for n, v, u in less)
    )
    said += say("emission_more", parts=enumerated(row[0] for row in more)) if more else ""
    yield Text(said)
    if "rising" in book.tables:
        table = book.tables["rising"]
        rising = table.rows("方式", "村数", "户数", "增加的排放")
        parts = "；".join(
            say("rising_part", name=n, villages=v, households=h, tonnes=t) for n, v, h, t in rising
        )
        total = say("rising_total", tonnes=table.cell(TOTAL, "增加的排放")) if len(rising) > 1 else ""
        yield Text(say("rising", parts=parts, total=total))
    yield Text(say("emission_basis"))
    yield from book.grid("avoided")
    yield from book.grid("rising")
    yield picture("emissions")
    yield from book.grid("emissions")


def safeguards(book: Book) -> Iterator[Block]:
    """保障措施: only what the plan's data bear out."""
    plan = book.plan
    yield Heading(1, heading("safeguards"))
    yield Heading(2, heading("leads"))
    annexes = enumerated(annex(key) for key in book.tables if key.startswith("tasks"))
    said = say("leads" if "leads" in book.tables else "leads_none")
    if "leads" in book.tables and "funding_full" in book.tables and book.tables["funding_full"].has(LEAD):
        said += say("leads_funding")
    yield Text(said + say("tasks", annexes=annexes))
    yield from book.grid("leads")
    yield Heading(2, heading("before"))
    yield Text(say("before" if "before" in book.tables else "before_none") + _tight(book))
    yield from book.grid("before")
    old = plan.policy.old_stove
    if old is not None:
        yield Heading(2, heading("stoves"))
        kept = book.single("旧炉保留期限")
        yield Text(say("stoves", routes=routes_said(old.routes), seasons=kept))
    if "equipment" in book.tables:
        yield Heading(2, heading("equipment"))
        yield Text(say("equipment"))
        yield from book.grid("equipment")
    yield Heading(2, heading("data"))
    checked = say("reconciled") if "reconciliation" in book.tables else ""
    yield Text(say("data" if made_layers(plan) else "data_real") + checked)


def _tight(book: Book) -> str:
    """Sources with almost nothing left."""
    if "capacity" not in book.tables:
        return ""
    limit = book.number("parameters", words()["labels"]["tight"], "取值")
    rows = [
        row
        for row in book.tables["capacity"].rows("名称", "负载率（%）")
        if row[1].replace(".", "").isdecimal()
    ]
    names = [name for name, load in rows if float(load) >= float(limit.removesuffix("%"))]
    return say("tight", limit=limit, names=enumerated(names)) if names else ""
