"""Tables of the annexes: tasks, money in full, pipes, parameters with sources, checks, made data."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Any

from geoplan.annex import AnnexTable, Cell, annex_table
from geoplan.made import contents, layer_labels, made_layers
from geoplan.model import Plan
from geoplan.public import TELLING
from geoplan.report.findings import listing
from geoplan.report.listing import Listing, listed
from geoplan.report.words import open_amount, title, words
from geoplan.tables import TASKS, parameters
from geoplan.tables.money import funding_sheet
from geoplan.tables.naming import parameter_label, parameter_unit
from geoplan.tables.plan import links_sheet
from geoplan.tables.work import reconciliation_sheet
from geoplan.units import WAN

#: What is a day, a year or a name of the programme, not a parameter.
NAMES = re.compile(
    r"^milestones\.|^(funding|efficiency|equipment)\.[^.]+\.(years|where|item)|^phasing\.years$"
)
#: What the text quotes, whether or not it has a source.
QUOTED = ("selection.near_tie_pct", "selection.argue_pct", "affordability.parity_max")
#: Load from which on a source is to be looked at again before the work begins. [%]
TIGHT_PCT = 90
#: Numbers of a list on a line.
ON_A_LINE = 3
#: A text of more letters that stands in more rows than this is said once, in a note.
OFTEN, SHORT = 3, 12
#: Headings of the list of pipes -> how the report says them, times what, and with how many decimals.
USUAL = {
    "负载率（比例）": ("负载率（%）", 100.0, 1),
    "投资（元）": ("投资（万元）", 1.0 / WAN, 2),
    "设计流量（气）（m³/d）": ("设计流量（气）（m³/日）", 1.0, 0),
    "年份（年）": ("年份", 1.0, 0),
}
#: A number with more digits than it has sense.
LONG = re.compile(r"-?\d+\.\d{9,}")


def tasks(plan: Plan) -> list[Listing]:
    """The tables of the annex in the county's own layout, and the task of every village."""
    layouts = list(plan.policy.annexes.values())
    if all(annex.rows == "town" for annex in layouts):
        layouts.append(TASKS)
    tables = [replace(annex_table(plan.villages, annex), mark="") for annex in layouts]
    filled = enumerate(table for table in tables if table.rows)
    return [Listing(f"tasks_{i}", table, made=("villages",)) for i, table in filled]


def funding_full(plan: Plan) -> Listing | None:
    """The funding table with years and agencies."""
    return listed("funding_full", funding_sheet(plan), title=title("funding_full"), made=("villages",))


def pipe_list(plan: Plan) -> Listing | None:
    """Every new pipe, with what the plan says of it."""
    if not len(plan.links):
        return None
    found = listed("pipes", links_sheet(plan), title=title("pipes"))
    if found is None:
        return None
    made = ("heat_mains", "gas_mains", "roads", "villages")
    return replace(found, table=_in_usual_units(found.table), made=made)


def _in_usual_units(table: AnnexTable) -> AnnexTable:
    """The list of pipes in the units of the other tables: loads in %, money in 万元."""
    own = [USUAL.get(head[-1], (head[-1], 1.0, places)) for head, places in _places(table)]
    changed = {name for name, _, _ in USUAL.values()}
    rows = tuple(
        tuple(
            round(cell * times, places) if name in changed and isinstance(cell, int | float) else cell
            for cell, (name, times, places) in zip(row, own, strict=True)
        )
        for row in table.rows
    )
    head = tuple((name,) for name, _, _ in own)
    return replace(table, head=head, rows=rows, decimals=tuple(places for _, _, places in own))


def _places(table: AnnexTable) -> list[tuple[tuple[str, ...], int]]:
    """Headings with the decimals of their columns."""
    return list(zip(table.head, table.decimals or [0] * len(table.head), strict=True))


def parameter_list(plan: Plan, *, public: bool) -> Listing | None:
    """Every number of the policy with its source and how sure it is; none that sizes a pipe if public."""
    rows = [
        {
            "序号": 0,
            "参数": parameter_label(row.参数, plan.policy),
            "取值": _short(row.取值) + ("%" if row.参数.endswith("_pct") else ""),
            "单位": parameter_unit(row.参数, plan.policy) or None,
            "来源": row.来源 or None,
            "可信度": row.可信度 or "—",
        }
        for row in parameters(plan.policy).itertuples()
        if (row.来源 or row.参数 in QUOTED)
        and not NAMES.search(row.参数)
        and not (public and TELLING.search(row.参数))
        and (any(c.isdecimal() for c in row.取值) or row.取值 == open_amount())
    ]
    own = {"参数": words()["labels"]["tight"], "取值": f"{TIGHT_PCT}%", "单位": None}
    rows.append(own | {"来源": words()["labels"]["own"], "可信度": "E"})
    rows = [{**row, "序号": position} for position, row in enumerate(rows, 1)]
    return listing("parameters", rows, notes=(words()["text"]["note_rules"],))


def _short(text: str) -> str:
    r"""A value without the digits that only a conversion of units has; a long list on several lines.

    Examples
    --------
    >>> _short("277.7777777777778"), _short("0.75"), _short("50、60、70、80")
    ('277.7778', '0.75', '50、60、70、\n80')
    """
    if LONG.fullmatch(text):
        return f"{float(text):.7g}"
    parts = text.split("、")
    return "、\n".join("、".join(parts[i : i + ON_A_LINE]) for i in range(0, len(parts), ON_A_LINE))


def reconciliation(plan: Plan) -> Listing | None:
    """Every published number beside the computed one."""
    if not plan.summary["reconciliation"]:
        return None
    found = listed("reconciliation", reconciliation_sheet(plan), title=title("reconciliation"))
    return None if found is None else _said_once(found, "说明")


def _said_once(found: Listing, heading_: str) -> Listing:
    """A table whose rows refer to a note for what more than a few of them say."""
    table, notes = found.table, list(found.notes)
    column = [head[-1] for head in table.head].index(heading_)
    counted = Counter(row[column] for row in table.rows)
    marks: dict[Cell, str] = {}
    for text, count in counted.items():
        if isinstance(text, str) and count > OFTEN and len(text) > SHORT:
            notes.append(text if text.endswith("。") else f"{text}。")
            marks[text] = words()["labels"]["see_note"].format(n=len(notes))
    rows = tuple(
        tuple(marks.get(cell, cell) if i == column else cell for i, cell in enumerate(row))
        for row in table.rows
    )
    return replace(found, table=replace(table, rows=rows), notes=tuple(notes))


def made_list(plan: Plan) -> Listing | None:
    """What is made of which layer, in how many rows, and what the layer says of its origin."""
    rows: list[dict[str, Any]] = []
    layers = {"villages": plan.villages, **plan.layers}
    for stem, said in made_layers(plan).items():
        counts: dict[str, int] = {}
        for text in said:
            counts[contents(text)] = counts.get(contents(text), 0) + 1
        rows += [
            {
                "资料": layer_labels()[stem],
                "示意内容": content,
                "示意行数": count,
                "资料行数": len(layers[stem]),
            }
            for content, count in counts.items()
        ]
    return listing("made", rows, merged=["资料"])
