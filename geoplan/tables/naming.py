"""The values of a policy in words: what each is called, and its unit."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from geoplan.columns import ELECTRIC_ROUTES, ROUTES, Column, plan_columns, table, unit_label
from geoplan.explain import route_label, style
from geoplan.glossary import meanings
from geoplan.policy import DEFAULT_FILE, Policy
from geoplan.provisions import Equipment
from geoplan.schema import Rule

#: What names an entry of a section of the policy.
OWN = {"funding": "item", "efficiency": "item", "milestones": "stage", "equipment": "routes"}
OWN |= {"rules": "column", "subsidies": "item"}
#: The unit at the end of what the glossary says of a key, and those that are none on paper.
UNIT = re.compile(r"\[([^\]]+)\]$")
UNITLESS = ("", "share", "1/a", "%")
#: Keys of a subsidy that count energy.
OF_ENERGY = ("threshold_units", "cap_units")
#: Numbers entries that nothing else tells apart.
_ORDINALS = "一二三四五六七八九十"


@cache
def _words() -> Mapping[str, Any]:
    """Everything of ``data/parameters.toml``."""
    return tomllib.loads(resources.files("geoplan").joinpath("data/parameters.toml").read_text("utf-8"))


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
    section = _words()["sections"].get(parts[0])
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
        unit = measured(policy.rules[parts[1]].column).unit
    if parts[0] in ("subsidies", "tariffs") and (unit == "CNY/unit" or parts[-1] in OF_ENERGY):
        unit = unit.removesuffix("unit") + _energy_unit(policy, parts)
    if unit and parts[0] == "carriers":
        unit = f"{unit}/{policy.carriers[parts[1]].unit}"
    return "" if unit in UNITLESS else unit_word(unit).replace("m²", "㎡")


def _energy_unit(policy: Policy, parts: list[str]) -> str:
    """Unit in which a subsidy or a tariff counts energy: its carrier's, where all its routes have one."""
    entry = getattr(policy, parts[0])[parts[1]]
    if getattr(entry, "cny_per_kwh", None):
        return "kWh"
    names = {policy.routes[r].carrier for r in entry.routes if r in policy.routes}
    units = {policy.carriers[name].unit for name in names}
    return units.pop() if len(units) == 1 else "unit"


def limit_word(policy: Policy, *paths: str) -> str:
    """Whose limit it is: the policy's only where the county's own document states all of them.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> limit_word(default_policy(), "affordability.parity_max")
    '本规划参考限值'
    """
    stated = all(
        policy.file_of(path) != DEFAULT_FILE and policy.origins[path].confidence.startswith("S")
        for path in paths
    )
    return str(_words()["limits"]["stated" if stated else "own"])


def unit_word(unit: str) -> str:
    """A unit of capacity in words.

    Examples
    --------
    >>> unit_word("m3/d"), unit_word("MW")
    ('m³/日', 'MW')
    """
    return str(_words()["units"].get(unit, unit_label(unit)))


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
            str(_words()["electric"]) if r == ELECTRIC_ROUTES[0] else route_label(r) for r in named
        )
    return enumerated(map(route_label, named))


def enumerated(parts: Iterable[str]) -> str:
    """Parts of an enumeration.

    Examples
    --------
    >>> enumerated(["甲", "乙"])
    '甲、乙'
    """
    return "、".join(parts)


def plain_number(value: float) -> str:
    """A value of the policy without needless decimals.

    Examples
    --------
    >>> plain_number(3500.0), plain_number(0.2), plain_number(-13.1)
    ('3500', '0.2', '-13.1')
    """
    return f"{value:.10g}"


def values_said(text: str) -> str:
    """Values of the policy, one or a list, as a reader calls them.

    Examples
    --------
    >>> values_said("gas、biomass"), values_said("rural"), values_said("True"), values_said("50、80")
    ('煤改气、生物质', '农村', '是', '50、80')
    """
    known = {"True": "是", "False": "否"}
    return enumerated(known.get(part) or _named(part, section="") for part in text.split("、"))


def value_said(value: object) -> str:
    """A value of a rule as a reader calls it."""
    if isinstance(value, float | int):
        return plain_number(value)
    return str(style()["values"].get(str(value), {"zh": value})["zh"])


def measured(name: str) -> Column:
    """A column of the villages, or a measure, that a rule tests."""
    return _columns()[name]


@cache
def _columns() -> Mapping[str, Column]:
    return plan_columns() | dict(table("villages")) | dict(table("measures"))


def _own_name(policy: Policy, section: str, name: str) -> str:
    """An entry of a section by what it is, not by its key; of several alike also by what differs."""
    said = _entry_name(policy, section, name)
    if section not in OWN:
        return said
    entries = getattr(policy, section)
    alike = [other for other in entries if _entry_name(policy, section, other) == said]
    if len(alike) == 1:
        return said
    marks = {other: _difference(entries[other]) for other in alike}
    mark = marks[name]
    if list(marks.values()).count(mark) > 1:
        mark = "，".join(filter(None, [mark, f"其{_ORDINALS[alike.index(name) % len(_ORDINALS)]}"]))
    return f"{said}（{mark}）" if mark else said


def _difference(entry: Any) -> str:
    """What tells an entry from one that is called the same; the plain one of devices has nothing to say."""
    if isinstance(entry, Rule):
        return _named(entry.level, section="")
    if isinstance(entry, Equipment):
        return "可移动" if entry.movable else ""
    return routes_said(entry.routes) if getattr(entry, "routes", ()) else ""


def _entry_name(policy: Policy, section: str, name: str) -> str:
    """An entry of a section by what it is."""
    entry = getattr(policy, section)[name] if section in OWN else None
    if isinstance(entry, Rule):
        return f"{routes_said(entry.routes)}{measured(entry.column).zh}"
    said = getattr(entry, OWN.get(section, ""), "") if entry is not None else ""
    if section == "subsidies" and entry is not None:
        said = f"{style()['payers'][entry.level]['zh']}{entry.item}"
    return (
        enumerated(map(route_label, said))
        if isinstance(said, tuple)
        else str(said) or _named(name, section=section)
    )


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
    known = _columns().get(name)
    return str(_words()["segments"].get(name) or (known.zh if known else value_said(name)))
