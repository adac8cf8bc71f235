"""The fixed words of the report: sentences with places for facts, titles of tables, short labels."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from geoplan.columns import ELECTRIC_ROUTES, ROUTES, Column, plan_columns, table, unit_label
from geoplan.explain import messages, route_label, style
from geoplan.glossary import meanings
from geoplan.model import Plan
from geoplan.policy import Policy
from geoplan.provisions import UNSTATED
from geoplan.schema import Rule

#: Marks the place of a number of a table or a picture until all are counted.
TABLE_MARK, FIGURE_MARK, ANNEX_MARK, END_MARK = "\ue000", "\ue001", "\ue002", "\ue003"
#: What names an entry of a section of the policy.
OWN = {"funding": "item", "efficiency": "item", "milestones": "stage", "equipment": "routes"}
OWN |= {"rules": "column", "subsidies": "item"}
#: The unit at the end of what the glossary says of a key, and those that are none on paper.
UNIT = re.compile(r"\[([^\]]+)\]$")
UNITLESS = ("", "share", "1/a", "%")


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
    return str(words()["text"][sentence]).format(**_MARKS, **facts)


def annex(key: str) -> str:
    """The place of the number of an annex."""
    return str(_MARKS["annex"][key])


def plain(text: str) -> str:
    """A text of the input without what would stand for a number of ours.

    Examples
    --------
    >>> plain("甲\ue000村")
    '甲村'
    """
    return text.translate(dict.fromkeys(map(ord, (TABLE_MARK, FIGURE_MARK, ANNEX_MARK, END_MARK))))


def heading(key: str) -> str:
    """A heading without its number."""
    return str(words()["headings"][key])


def title(key: str) -> str:
    """Title of a table."""
    return str(words()["tables"][key])


def open_amount() -> str:
    """What stands for an amount that the document leaves open."""
    return str(messages()["unstated"])


def enumerated(parts: Iterable[str]) -> str:
    """Parts of an enumeration.

    Examples
    --------
    >>> enumerated(["甲", "乙"])
    '甲、乙'
    """
    return "、".join(parts)


def unit_word(unit: str) -> str:
    """A unit of capacity in words.

    Examples
    --------
    >>> unit_word("m3/d"), unit_word("MW")
    ('m³/日', 'MW')
    """
    return str(words()["units"].get(unit, unit_label(unit)))


def plain_number(value: float) -> str:
    """A value of the policy without needless decimals.

    Examples
    --------
    >>> plain_number(3500.0), plain_number(0.2), plain_number(-13.1)
    ('3500', '0.2', '-13.1')
    """
    return f"{value:.10g}"


def test_of(rule: Rule) -> str:
    """What a rule asks for.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> test_of(default_policy().rules["gas_main_distance"])
    '距燃气干管不超过2000m'
    """
    known = plan_columns() | dict(table("villages")) | dict(table("measures"))
    column = known[rule.column]
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
            parts.append(labels[test].format(values=enumerated(map(_value, values))))
    if column.dtype == "boolean":
        inside = (rule.in_ or ()) == (True,) or (rule.not_in or ()) == (False,)
        return str(labels["inside" if inside else "outside"].format(label=column.zh))
    return f"{column.zh}{'、'.join(parts)}"


def _value(value: object) -> str:
    if isinstance(value, float | int):
        return plain_number(value)
    return str(style()["values"].get(str(value), {"zh": value})["zh"])


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


def routes_said(routes: Iterable[str]) -> str:
    """Routes in words, the electric ones together where all of them are meant.

    Examples
    --------
    >>> routes_said(["gas", "heat_pump"])
    '煤改气、空气源热泵'
    """
    named = [r for r in ROUTES if r in set(routes)]
    if set(ELECTRIC_ROUTES) <= set(named):
        named = [r for r in named if r not in ELECTRIC_ROUTES or r == ELECTRIC_ROUTES[0]]
        return enumerated(
            str(words()["labels"]["electric"]) if r == ELECTRIC_ROUTES[0] else route_label(r) for r in named
        )
    return enumerated(map(route_label, named))


def parameter_label(path: str, policy: Policy) -> str:
    """A dotted path of the policy in words.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> parameter_label("routes.gas.capex.boiler.cny_per_unit", default_policy())
    '煤改气·壁挂炉·单套价格'
    >>> parameter_label("climate.season_days", default_policy())
    '采暖期天数'
    """
    parts = path.split(".")
    matched, key = _key(path)
    if not matched:
        return path
    pattern = key.split(".")
    names = [i for i, part in enumerate(parts) if i >= matched or pattern[i].startswith("<")]
    said = [
        _own_name(policy, parts[0], parts[i]) if i == 1 else _named(parts[i], section=parts[0]) for i in names
    ]
    section = words()["sections"].get(parts[0])
    return "·".join(dict.fromkeys([*([str(section)] if section else []), *said, meanings()[key][0]]))


def parameter_unit(path: str, policy: Policy) -> str:
    """Unit of a value of the policy; blank for a share or a plain number.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> policy = default_policy()
    >>> [parameter_unit(p, policy) for p in ("climate.season_days", "economics.discount_rate")]
    ['天', '']
    >>> [parameter_unit(p, policy) for p in ("carriers.gas.co2_kg", "carriers.gas.price_cny")]
    ['kg/m³', '元/m³']
    """
    parts = path.split(".")
    found = UNIT.search(meanings()[_key(path)[1]][1]) if _key(path)[0] else None
    unit = found[1] if found else ""
    if parts[0] == "rules" and parts[-1] in ("min", "max"):
        unit = _measured(policy.rules[parts[1]].column).unit
    if unit and parts[0] == "carriers":
        unit = f"{unit}/{policy.carriers[parts[1]].unit}"
    return "" if unit in UNITLESS else unit_word(unit)


def _own_name(policy: Policy, section: str, name: str) -> str:
    """An entry of a section by what it is, not by its key."""
    entry = getattr(policy, section)[name] if section in OWN else None
    if isinstance(entry, Rule):
        return f"{routes_said(entry.routes)}{_measured(entry.column).zh}"
    said = getattr(entry, OWN.get(section, ""), "") if entry is not None else ""
    if section == "subsidies" and entry is not None:
        said = f"{style()['payers'][entry.level]['zh']}{entry.item}"
    return (
        enumerated(map(route_label, said))
        if isinstance(said, tuple)
        else str(said) or _named(name, section=section)
    )


def _measured(name: str) -> Column:
    """A column of the villages, or a measure, that a rule tests."""
    return (plan_columns() | dict(table("villages")) | dict(table("measures")))[name]


def _key(path: str) -> tuple[int, str]:
    """The pattern of the glossary that fits a dotted path best, and how many of its segments it names."""
    (matched, _), key = max((_matched(key.split("."), path.split(".")), key) for key in meanings())
    return matched, key


def _matched(pattern: list[str], parts: list[str]) -> tuple[int, int]:
    """How many segments of a path a pattern of the glossary names, and how many literally."""
    if len(pattern) > len(parts):
        return 0, 0
    pairs = list(zip(pattern, parts, strict=False))
    fits = all(p.startswith("<") or p == part for p, part in pairs)
    literal = sum(p == part for p, part in pairs)
    return (len(pattern), literal) if fits else (0, 0)


def _named(name: str, *, section: str) -> str:
    """A segment of a path in words."""
    kinds = ("carriers", "routes") if section == "carriers" else ("routes", "carriers")
    for kind in (*kinds, "payers"):
        if name in style()[kind]:
            return str(style()[kind][name]["zh"])
    return str(words()["segments"].get(name) or _value(name))


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
