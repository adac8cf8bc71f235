"""Tables of the annexes: tasks, money in full, pipes, parameters with sources, checks, made data."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from geoplan.annex import annex_table
from geoplan.made import contents, layer_labels, made_layers
from geoplan.model import Plan
from geoplan.public import TELLING
from geoplan.report.findings import listing, tasked
from geoplan.report.listing import Listing, listed
from geoplan.report.words import open_amount, title, words
from geoplan.tables import TASKS, parameters
from geoplan.tables.money import funding_sheet
from geoplan.tables.naming import parameter_label, parameter_unit
from geoplan.tables.plan import links_sheet
from geoplan.tables.work import reconciliation_sheet

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
    return None if found is None else replace(found, made=("heat_mains", "gas_mains", "roads", "villages"))


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
    return listed("reconciliation", reconciliation_sheet(plan), title=title("reconciliation"))


def made_list(plan: Plan) -> Listing | None:
    """What is made of which layer, in how many rows, and what the layer says of its origin."""
    rows: list[dict[str, Any]] = []
    layers = {"villages": tasked(plan), **plan.layers}
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
