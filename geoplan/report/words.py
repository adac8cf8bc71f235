"""The fixed words of the report: sentences with places for facts, titles of tables, short labels."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from geoplan.explain import messages
from geoplan.model import Plan
from geoplan.policy import Policy
from geoplan.provisions import UNSTATED
from geoplan.schema import Rule
from geoplan.tables.naming import enumerated, measured, plain_number, unit_word, value_said

#: Marks the place of a number of a table or a picture until all are counted.
TABLE_MARK, FIGURE_MARK, ANNEX_MARK, END_MARK = "\ue000", "\ue001", "\ue002", "\ue003"

#: What stands in the other kind of quotation marks, and the marks inside it.
QUOTED, INSIDE = re.compile("「([^「」]*)」"), str.maketrans("“”", "‘’")

#: A name that ends with a sign, before a number that does not belong to it.
SUM_SIGN = re.compile(r"(?<=[^\d])\+(?=\d)")


@cache
def words() -> Mapping[str, Any]:
    """Everything of ``data/report/text.toml``.

    Examples
    --------
    >>> words()["tables"]["summary"]
    '分乡镇分方式户数汇总表'
    """
    text = resources.files("geoplan").joinpath("data/report/text.toml").read_text("utf-8")
    return tomllib.loads(text)


class _Marks:
    """Places of the numbers of tables, pictures or annexes in a sentence."""

    def __init__(self, mark: str) -> None:
        self._mark = mark

    def __getitem__(self, key: str) -> str:
        return f"{self._mark}{key}{END_MARK}"


_MARKS = {"table": _Marks(TABLE_MARK), "figure": _Marks(FIGURE_MARK), "annex": _Marks(ANNEX_MARK)}


def say(sentence: str, **facts: str) -> str:
    """A sentence of the report with its facts; ``{table[key]}`` is the number of a table.

    Examples
    --------
    >>> say("part", name="煤改气", value="3907", unit="户")
    '煤改气3907户'
    """
    said = str(words()["text"][sentence]).format(**_MARKS, **facts)
    return SUM_SIGN.sub("+ ", said)


def annex(key: str) -> str:
    """The place of the number of an annex."""
    return str(_MARKS["annex"][key])


def plain(text: str) -> str:
    """A text of the input without what would stand for a number of ours, in one kind of quotation marks.

    Examples
    --------
    >>> plain("甲\ue000村"), plain("文件写「“双替代”500户」")
    ('甲村', '文件写“‘双替代’500户”')
    """
    bare = text.translate(dict.fromkeys(map(ord, (TABLE_MARK, FIGURE_MARK, ANNEX_MARK, END_MARK))))
    return QUOTED.sub(lambda found: f"“{found[1].translate(INSIDE)}”", bare)


def heading(key: str) -> str:
    """A heading without its number."""
    return str(words()["headings"][key])


def title(key: str) -> str:
    """Title of a table."""
    return str(words()["tables"][key])


def open_amount() -> str:
    """What stands for an amount that the document leaves open."""
    return str(messages()["unstated"])


def test_of(rule: Rule) -> str:
    """What a rule asks for.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> test_of(default_policy().rules["gas_main_distance"])
    '距燃气干管不超过2000m'
    """
    column = measured(rule.column)
    labels = words()["tests"]
    share = column.unit == "share"
    unit = "%" if share else unit_word(column.unit)
    parts = [
        labels[bound].format(limit=plain_number(limit * 100.0 if share else limit), unit=unit)
        for bound, limit in (("min", rule.min), ("max", rule.max))
        if limit is not None
    ]
    for test, values in (("in", rule.in_), ("not_in", rule.not_in)):
        if values is not None:
            parts.append(labels[test].format(values=enumerated(map(value_said, values))))
    if column.dtype == "boolean":
        inside = (rule.in_ or ()) == (True,) or (rule.not_in or ()) == (False,)
        return str(labels["inside" if inside else "outside"].format(label=column.zh))
    return f"{column.zh}{'、'.join(parts)}"


def cause(code: str, policy: Policy) -> str:
    """What stood against a route, by the code of a failed test.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> cause("source_full", default_policy())
    '供应能力不足'
    """
    if code in policy.rules:
        rule = policy.rules[code]
        return rule.text or str(words()["tests"]["failed"]).format(test=test_of(rule))
    return str(words()["causes"].get(code, code))


def stated(amount: object, unit: str) -> str:
    """An amount of a subsidy with its unit; one that is left open says so.

    Examples
    --------
    >>> stated(3500.0, "元/户"), stated("unstated", "元/户"), stated(0.0, "元/户")
    ('3500元/户', '待定', '')
    """
    if amount == UNSTATED:
        return open_amount()
    return f"{plain_number(float(str(amount)))}{unit}" if amount else ""


def whose(plan: Plan) -> str:
    """Name of the county, or of the plan where the policy gives none."""
    return plain(plan.policy.county or plan.policy.title)
