"""Tables of the annexes: tasks, money in full, pipes, parameters with sources, checks, made data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from geoplan.annex import annex_table
from geoplan.columns import ILLUSTRATIVE
from geoplan.model import Plan
from geoplan.report.findings import listing, tasked
from geoplan.report.listing import Listing, listed
from geoplan.report.words import open_amount, parameter_label, title, words
from geoplan.tables import TASKS, parameters
from geoplan.tables.money import funding_sheet
from geoplan.tables.plan import links_sheet
from geoplan.tables.work import reconciliation_sheet

#: What is made of a row, in the brackets of its provenance.
MADE = re.compile(r"[（(](示意[^（()）]*)[)）]")
#: What is a day or a year of the programme, not a parameter; and a number with more digits than it has sense.
DATES = re.compile(r"^milestones\.|^(funding|efficiency)\.[^.]+\.(years|where)|^phasing\.years$")
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


def pipe_list(plan: Plan, *, public: bool) -> Listing | None:
    """Every new pipe; for the public without diameters and flows."""
    if not len(plan.links):
        return None
    without = (
        ("公称直径（mm）", "设计流量（热）（MW）", "设计流量（气）（m³/d）", "负载率（比例）")
        if public
        else ()
    )
    found = listed("pipes", links_sheet(plan), title=title("pipes"), without=without)
    return None if found is None else replace(found, made=("heat_mains", "gas_mains", "roads", "villages"))


def parameter_list(plan: Plan) -> Listing | None:
    """Every number of the policy with its source and the code of how sure it is."""
    rows = [
        {
            "序号": 0,
            "参数": parameter_label(row.参数, plan.policy),
            "取值": _short(row.取值),
            "来源": row.来源 or None,
            "可信度": row.可信度 or "—",
        }
        for row in parameters(plan.policy).itertuples()
        if row.来源
        and not DATES.search(row.参数)
        and (any(c.isdecimal() for c in row.取值) or row.取值 == open_amount())
    ]
    rows = [{**row, "序号": position} for position, row in enumerate(rows, 1)]
    return listing("parameters", rows, notes=(words()["text"]["note_rules"],))


def _short(text: str) -> str:
    """A value without the digits that only a conversion of units has.

    Examples
    --------
    >>> _short("277.7777777777778"), _short("0.75"), _short("50、60")
    ('277.7778', '0.75', '50、60')
    """
    return f"{float(text):.7g}" if LONG.fullmatch(text) else text


def reconciliation(plan: Plan) -> Listing | None:
    """Every published number beside the computed one."""
    if not plan.summary["reconciliation"]:
        return None
    return listed("reconciliation", reconciliation_sheet(plan), title=title("reconciliation"))


def made_layers(plan: Plan) -> Mapping[str, pd.Series]:
    """Provenance of the made rows of every layer that has some, in the order of the report's words.

    Sources stand in their layers; the plan's own tables add nothing that is not there.
    """
    layers = {"villages": tasked(plan), **plan.layers}
    found = {}
    for stem in words()["layers"]:
        if stem in layers and "provenance" in layers[stem]:
            said = layers[stem]["provenance"].astype("string").fillna("")
            said = said[said.str.startswith(ILLUSTRATIVE).to_numpy(dtype=bool)]
            if len(said):
                found[stem] = said
    return found


def made_list(plan: Plan) -> Listing | None:
    """What is made of which layer, in how many rows, and what the layer says of its origin."""
    rows: list[dict[str, Any]] = []
    layers = {"villages": tasked(plan), **plan.layers}
    for stem, said in made_layers(plan).items():
        contents: dict[str, int] = {}
        for text in said:
            content = "、".join(MADE.findall(text)) or words()["labels"]["made_share"]
            contents[content] = contents.get(content, 0) + 1
        rows += [
            {
                "资料": words()["layers"][stem],
                "示意内容": content,
                "示意行数": count,
                "资料行数": len(layers[stem]),
            }
            for content, count in contents.items()
        ]
    return listing("made", rows, merged=["资料"])


def layers_said(plan: Plan, stems: tuple[str, ...]) -> str:
    """The made layers among some, in words.

    Parameters
    ----------
    plan : Plan
    stems : tuple of str
        Layers that a table or a picture uses.

    Returns
    -------
    str
        Empty where none of them is made.
    """
    made = made_layers(plan)
    return "、".join(
        f"{words()['layers'][stem]}（{_contents(made[stem])}）"
        for stem in words()["layers"]
        if stem in made and stem in stems
    )


def _contents(said: pd.Series) -> str:
    """What is made, each word once."""
    found = [word for text in said for part in MADE.findall(text) for word in re.split(r"[、，]", part)]
    return "、".join(dict.fromkeys(found)) or words()["labels"]["made_share"]
