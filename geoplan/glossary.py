"""What every column and every key of a policy and of printed numbers means: behind ``geoplan describe``."""

from __future__ import annotations

import csv
import datetime as dt
import math
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pandas as pd
from pydantic.fields import FieldInfo

from geoplan.columns import LAYER_GEOMETRY, Column, table
from geoplan.policy import Policy, default_policy
from geoplan.published import Published
from geoplan.refusals import BOUNDS, section_at
from geoplan.schema import Section

#: Every table with declared columns: the layers read, what is measured on the way, and what a plan adds.
TABLES = (*LAYER_GEOMETRY, "measures", "plan_villages", "options", "links", "sources")


def described_columns(name: str) -> pd.DataFrame:
    """The columns of one table with type, unit, bounds and meaning.

    Parameters
    ----------
    name : str
        One of `TABLES`.

    Returns
    -------
    DataFrame
        ``column``, ``type``, ``unit``, ``required``, ``bounds``, ``zh``,
        ``description``, ``aliases``; one row per column.

    Examples
    --------
    >>> described_columns("villages").set_index("column").loc["winter_occupancy", "bounds"]
    '0 to 1'
    """
    rows = [
        (
            column.name,
            column.dtype,
            column.unit or "-",
            "required" if column.required else "optional",
            _bounds(column),
            column.zh,
            column.description,
            "、".join(column.aliases),
        )
        for column in table(name).values()
    ]
    heads = ["column", "type", "unit", "required", "bounds", "zh", "description", "aliases"]
    return pd.DataFrame(rows, columns=heads)


def _bounds(column: Column) -> str:
    """What may stand in a column."""
    if column.values:
        return " or ".join(column.values)
    least, most = math.isfinite(column.min), math.isfinite(column.max)
    if least and most:
        return f"{column.min:g} to {column.max:g}"
    return f">= {column.min:g}" if least else f"<= {column.max:g}" if most else "-"


def described_keys(policy: Policy | None = None) -> pd.DataFrame:
    """Every key a policy may have: what may stand there, what stands there, and what it means.

    Parameters
    ----------
    policy : Policy, optional
        Whose values to show; without it the default policy.

    Returns
    -------
    DataFrame
        ``key``, ``type`` with its bounds, ``value``, ``zh``, ``description``, and
        the origin of the value: ``file``, ``source``, ``confidence``. A key
        under ``<name>`` has one value per name, which ``describe policy``
        lists; here stands what an entry without it takes.

    Examples
    --------
    >>> found = described_keys().set_index("key")
    >>> found.loc["climate.season_days", ["type", "value", "file"]].tolist()
    ['number >= 30 <= 365', '145', 'default.toml']
    """
    policy = default_policy() if policy is None else policy
    values, said = policy.model_dump(by_alias=True), meanings()
    rows = []
    for path, field in _fields(Policy):
        origin = policy.origins.get(path)
        value = _at(values, path) if origin else _otherwise(field)
        about = (origin.file, origin.source, origin.confidence) if origin else ("", "", "")
        rows.append((path, kind(field), _shown(value), *said[path], *about))
    heads = ["key", "type", "value", "zh", "description", "file", "source", "confidence"]
    return pd.DataFrame(rows, columns=heads)


def described_published() -> pd.DataFrame:
    """Every key a ``published.toml`` may have: what may stand there, what it is without, and what it means.

    Returns
    -------
    DataFrame
        ``key``, ``type``, ``value``, ``zh``, ``description``. Under ``<number>``
        stand the entries of a list.

    Examples
    --------
    >>> described_published().set_index("key").loc["numbers.<number>.scale", ["type", "value"]].tolist()
    ['number (optional)', '1']
    """
    said = meanings("published")
    rows = [(path, kind(f), _shown(_otherwise(f)), *said[path]) for path, f in _fields(Published)]
    return pd.DataFrame(rows, columns=["key", "type", "value", "zh", "description"])


@cache
def meanings(what: Literal["keys", "published"] = "keys") -> Mapping[str, tuple[str, str]]:
    """Chinese name and description of every key, from ``data/keys.csv`` or ``data/published.csv``.

    Examples
    --------
    >>> meanings()["climate.season_days"]
    ('采暖期天数', 'Days of the season [d]')
    """
    text = resources.files("geoplan").joinpath(f"data/{what}.csv").read_text("utf-8")
    return {row["key"]: (row["zh"], row["description"]) for row in csv.DictReader(text.splitlines())}


def keys(model: type[Section] = Policy) -> Iterator[tuple[str, str]]:
    """Every key a policy or another document may have, with what may stand there.

    Examples
    --------
    >>> dict(keys())["subsidies.<name>.cap_cny_per_household"]
    'number >= 0 (optional)'
    """
    return ((path, kind(field)) for path, field in _fields(model))


def _fields(model: type[Section], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every value of a model by its dotted path."""
    for name, field in model.model_fields.items():
        path = prefix + (field.alias or name)
        section = section_at(model, name)
        if isinstance(section, tuple):
            many = "<name>" if get_origin(field.annotation) is dict else "<number>"
            yield from _fields(section[0], f"{path}.{many}.")
        elif section is not None:
            yield from _fields(section, f"{path}.")
        else:
            yield path, field


def kind(field: FieldInfo) -> str:
    """Type and bounds of one key in words.

    Examples
    --------
    >>> kind(Policy.model_fields["year"])
    'whole number >= 1990 <= 2100 (optional)'
    """
    limits = [(sign, getattr(m, key, None)) for m in _metadata(field) for key, sign in BOUNDS.items()]
    bounds = [f"{sign} {limit:g}" for sign, limit in limits if limit is not None]
    optional = [] if field.is_required() else ["(optional)"]
    return " ".join([_word(field.annotation), *dict.fromkeys(bounds), *optional])


def _metadata(field: FieldInfo) -> Iterator[Any]:
    """Bounds of a key, also those of what a list or a table holds."""
    yield from field.metadata
    for part in _parts(field.annotation):
        for info in getattr(part, "__metadata__", ()):
            yield from getattr(info, "metadata", ())


def _parts(annotation: Any) -> Iterator[Any]:
    for part in get_args(annotation):
        yield part
        yield from _parts(part)


def _word(annotation: Any) -> str:
    """A type as a reader of TOML calls it.

    Examples
    --------
    >>> _word(float), _word(tuple[str, ...]), _word(bool | None)
    ('number', 'list of text', 'true or false')
    """
    if get_origin(annotation) is Literal:
        return " or ".join(map(repr, get_args(annotation)))
    if get_origin(annotation) is tuple:
        return f"list of {_word(get_args(annotation)[0])}"
    if get_origin(annotation) is dict:
        return f"table of {_word(get_args(annotation)[1])}"
    if get_origin(annotation) in (Union, UnionType):
        words = [_word(part) for part in get_args(annotation) if part is not type(None)]
        return " or ".join(dict.fromkeys(words))
    if get_origin(annotation) is Annotated:
        return _word(get_args(annotation)[0])
    words_of = {
        float: "number", int: "whole number", str: "text", bool: "true or false", dt.date: "date"
    }  # fmt: skip
    return words_of.get(annotation, "table")


def _at(values: Mapping[str, Any], path: str) -> Any:
    found: Any = values
    for part in path.split("."):
        found = found[part]
    return found


def _otherwise(field: FieldInfo) -> Any:
    """What a key takes that nobody sets; None for one that must be set."""
    return None if field.is_required() else field.get_default(call_default_factory=True)


def _shown(value: Any) -> str:
    """A value as TOML has it; a dash for none.

    Examples
    --------
    >>> _shown(True), _shown(145.0), _shown(("gas", ("biomass", "clean_coal"))), _shown(())
    ('true', '145', 'gas, [biomass, clean_coal]', '-')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, tuple):
        return ", ".join(f"[{_shown(v)}]" if isinstance(v, tuple) else _shown(v) for v in value) or "-"
    return str(value) if value or value == 0 else "-"
