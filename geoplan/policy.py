"""The policy: everything a plan document decides, as frozen data with its sources.

A policy is ``data/default.toml`` overridden key by key by a county's
``policy.toml`` and then by overlays. Each number keeps its origin: file, quoted
source, confidence and range. The functions here take text, never a path.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Field, PrivateAttr, ValidationError, model_validator
from pydantic.fields import FieldInfo

from geoplan.columns import ROUTES, nearest, plan_columns, table
from geoplan.errors import PolicyError, Problem
from geoplan.provisions import (
    UNSTATED,
    Affordability,
    Annex,
    Budget,
    Date,
    EfficiencyTask,
    Equipment,
    Funding,
    LowCost,
    Milestone,
    OldStove,
    Phasing,
    Subsidy,
    Targets,
    Tariff,
    Year,
)
from geoplan.schema import (
    Access,
    Baseline,
    Basis,
    Carrier,
    Climate,
    Demand,
    Economics,
    Network,
    RoutePolicy,
    Rule,
    Section,
    Selection,
)

DEFAULT_FILE = "default.toml"

#: Keys that describe a number or a table and are not part of the schema.
META = ("source", "confidence", "range", "note")


class Policy(Section):
    """The merged policy of one county."""

    title: str
    county: str = ""
    document: str = ""
    crs: str | None = None
    issued: Date | None = None
    year: Year | None = None
    order: tuple[str | tuple[str, ...], ...]
    comparison_basis: Basis
    climate: Climate
    demand: Demand
    economics: Economics
    selection: Selection
    baseline: Baseline
    access: Access
    network: Network
    carriers: dict[str, Carrier]
    routes: dict[str, RoutePolicy]
    rules: dict[str, Rule] = Field(default_factory=dict)
    unlocated_route: str | None = None
    subsidies: dict[str, Subsidy] = Field(default_factory=dict)
    low_cost: LowCost | None = None
    tariffs: dict[str, Tariff] = Field(default_factory=dict)
    equipment: dict[str, Equipment] = Field(default_factory=dict)
    affordability: Affordability
    targets: Targets = Targets()
    funding: dict[str, Funding] = Field(default_factory=dict)
    budgets: dict[str, Budget] = Field(default_factory=dict)
    phasing: Phasing = Phasing()
    old_stove: OldStove | None = None
    efficiency: dict[str, EfficiencyTask] = Field(default_factory=dict)
    milestones: dict[str, Milestone] = Field(default_factory=dict)
    annexes: dict[str, Annex] = Field(default_factory=dict)

    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)

    @property
    def origins(self) -> Mapping[str, Origin]:
        """Where each number comes from, by dotted path."""
        return self._origins

    @property
    def ranks(self) -> tuple[tuple[str, ...], ...]:
        """The order with every rank as a tuple.

        Examples
        --------
        >>> default_policy().ranks[0]
        ('district_heating',)
        """
        return tuple((r,) if isinstance(r, str) else r for r in self.order)

    def source_of(self, path: str) -> str:
        """The quoted source of a table or a number, or an empty text.

        Examples
        --------
        >>> default_policy().source_of("climate.season_days")[:15]
        'GB 50736-2012 附'
        """
        origin = self._origins.get(path)
        return origin.source if origin else ""

    @model_validator(mode="after")
    def _names_resolve(self) -> Policy:
        ranked = [route for rank in self.ranks for route in rank]
        problems = [f"order names {r!r} twice" for r in sorted(set(ranked)) if ranked.count(r) > 1]
        problems += [_unknown("order", r, tuple(self.routes)) for r in ranked if r not in self.routes]
        problems += [_unknown("routes", r, ROUTES) for r in self.routes if r not in ROUTES]
        problems += [
            _unknown(f"routes.{name}.carrier", route.carrier, tuple(self.carriers))
            for name, route in self.routes.items()
            if route.carrier not in self.carriers
        ]
        problems += _unknown_routes(self) + _unknown_columns(self)
        if problems:
            raise ValueError("; ".join(problems))
        return self


@dataclass(frozen=True)
class Origin:
    """Where one number of the merged policy comes from."""

    file: str
    source: str = ""
    confidence: str = ""
    range: tuple[float, ...] = ()


Policy.model_rebuild()

#: Parts of pydantic's locations that are its own and no key of the document's.
_NOT_A_KEY = re.compile(r"function-|tuple\[|literal\[|constrained-|float$|nullable")

#: Bounds of a field as a reader writes them.
BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


def _unknown(where: str, name: str, known: Sequence[str]) -> str:
    near = nearest(name, tuple(known))
    return f"{where}: unknown {name!r}" + (
        f"; did you mean {near!r}?" if near else f"; known are {', '.join(known)}"
    )


def _unknown_routes(policy: Policy) -> list[str]:
    """Routes that a section names and the policy does not have."""
    sections = ("rules", "subsidies", "tariffs", "equipment", "funding")
    named = [
        (f"{part}.{name}.routes", route)
        for part in sections
        for name, entry in getattr(policy, part).items()
        for route in entry.routes
    ]
    named += [(f"targets.by_route.{r}", r) for r in policy.targets.by_route]
    named += [("unlocated_route", policy.unlocated_route)] if policy.unlocated_route else []
    named += [("old_stove.routes", r) for r in policy.old_stove.routes] if policy.old_stove else []
    return [_unknown(where, r, tuple(policy.routes)) for where, r in named if r not in policy.routes]


def _unknown_columns(policy: Policy) -> list[str]:
    """Columns that a section names and no table has."""
    inputs = tuple(table("villages") | table("measures"))
    outputs = tuple(plan_columns())
    named = [
        (f"rules.{name}", column, inputs)
        for name, rule in policy.rules.items()
        for column in (rule.column, *rule.where)
    ]
    named += [
        (f"{part}.{name}.where", column, known)
        for part, known in (("subsidies", inputs), ("equipment", inputs), ("funding", outputs))
        for name, entry in getattr(policy, part).items()
        for column in entry.where
    ]
    named += [("phasing.first", column, inputs) for column in policy.phasing.first]
    cells = ("number", "row", "blank", *outputs)
    for name, annex in policy.annexes.items():
        named += [(f"annexes.{name}.where", column, outputs) for column in annex.where]
        for position, column in enumerate(annex.columns):
            where = f"annexes.{name}.columns.{position}"
            asked = (*column.where, *filter(None, (column.sum, column.filled)))
            named += [(where, c, outputs) for c in asked]
            named += [(where, column.cell, cells)] if column.cell else []
    return [_unknown(where, column, known) for where, column, known in named if column not in known]


@cache
def default_text() -> str:
    """Text of the default policy that ships with the package."""
    return resources.files("geoplan").joinpath(f"data/{DEFAULT_FILE}").read_text("utf-8")


@cache
def default_policy() -> Policy:
    """The default policy alone."""
    return load_policy(())


def load_policy(documents: Sequence[tuple[str, str]]) -> Policy:
    r"""Merge policy texts over the default and check the result.

    Parameters
    ----------
    documents : sequence of (str, str)
        File name and TOML text, in the order of merging.

    Returns
    -------
    Policy

    Raises
    ------
    PolicyError
        With every problem: text that is not TOML, unknown keys with the
        nearest known one, values out of range, names that do not resolve.

    Examples
    --------
    >>> load_policy([("policy.toml", "[climate]\nseason_days = 151")]).climate.season_days
    151.0
    >>> load_policy([("policy.toml", "comparisn_basis = 'behaviour'")])
    Traceback (most recent call last):
        ...
    geoplan.errors.PolicyError: policy.toml: 1 problem
      * comparisn_basis: unknown key; did you mean 'comparison_basis'?
    """
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    problems: list[Problem] = []
    for file, text in [(DEFAULT_FILE, default_text()), *documents]:
        try:
            plain = _unwrap(
                tomllib.loads(text.removeprefix("\ufeff")),
                file=file,
                path="",
                inherited=Origin(file),
                origins=origins,
            )
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            problems.append(toml_problem(error, text=text, file=file))
        except ValueError as error:
            problems.append(Problem(str(error), file=file))
        else:
            values = _merged(values, plain)
    if problems:
        raise PolicyError(problems)
    try:
        policy = Policy.model_validate(values)
    except ValidationError as error:
        raise PolicyError(list(validation_problems(error, origins=origins))) from None
    policy._origins.update(sorted(origins.items()))
    return policy


def _unwrap(
    table: Mapping[str, Any], *, file: str, path: str, inherited: Origin, origins: dict[str, Origin]
) -> dict[str, Any]:
    """Plain values of a table; `origins` receives the origin of each."""
    here = Origin(
        file,
        source=str(table.get("source", inherited.source)),
        confidence=str(table.get("confidence", inherited.confidence)),
    )
    if path:
        origins[path] = here
    plain: dict[str, Any] = {}
    for key, value in table.items():
        if key in META:
            continue
        where = f"{path}.{key}" if path else key
        if isinstance(value, Mapping) and "value" in value:
            for unknown in sorted(set(value) - {"value", *META}):
                raise ValueError(_unknown(where, unknown, ("value", *META)))
            plain[key] = value["value"]
            origins[where] = Origin(
                file,
                source=str(value.get("source", here.source)),
                confidence=str(value.get("confidence", here.confidence)),
                range=tuple(value.get("range", ())),
            )
        elif isinstance(value, Mapping):
            plain[key] = _unwrap(value, file=file, path=where, inherited=here, origins=origins)
        else:
            plain[key] = value
            origins[where] = here
    return plain


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid over `base`, table by table; lists and numbers are replaced."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def toml_problem(error: Exception, *, text: str, file: str) -> Problem:
    """A text that is not TOML, with the line that is wrong."""
    at = re.search(r"at line (\d+)", str(error))
    line = text.splitlines()[int(at[1]) - 1].strip() if at else ""
    remedy = f"mend the line {line!r}" if line else "mend the document"
    return Problem(f"not a TOML document: {error}", file=file, remedy=remedy)


def validation_problems(
    error: ValidationError,
    *,
    origins: Mapping[str, Origin] | None = None,
    model: type[Section] = Policy,
    file: str = "",
) -> Iterator[Problem]:
    """The findings of pydantic in our words, each with the file that said it."""
    file_of = file
    for found in error.errors(include_url=False):
        if found["type"] == "literal_error" and found["ctx"]["expected"] == f"'{UNSTATED}'":
            continue  # the other half of an amount says what is wrong
        location = tuple(str(part) for part in found["loc"] if not _NOT_A_KEY.match(str(part)))
        path = ".".join(location)
        file = file_of or _file_of(path, origins or {})
        if found["type"] == "extra_forbidden":
            siblings = _siblings(location, model)
            near = nearest(location[-1], siblings)
            allowed = ", ".join(siblings) or "none"
            remedy = f"did you mean {near!r}?" if near else f"allowed here: {allowed}"
            yield Problem(f"{path}: unknown key", file=file, column=path, remedy=remedy)
            continue
        message = found["msg"].removeprefix("Value error, ")
        got = "" if isinstance(found["input"], Mapping | BaseModel) else f"; got {found['input']!r}"
        remedy = _remedy(found["type"], found["input"], found.get("ctx", {}))
        yield Problem(f"{path}: {message}{got}" if path else message, file=file, column=path, remedy=remedy)


def _remedy(kind: str, value: Any, bounds: Mapping[str, Any]) -> str:
    """What to write instead of a value that pydantic refused."""
    if (
        kind == "less_than_equal"
        and bounds.get("le") == 1
        and isinstance(value, int | float)
        and value <= 100
    ):
        return f"a share is a fraction of 1: write {value / 100:g} for {value:g} %"
    if isinstance(value, str) and kind in ("float_type", "int_type", "greater_than_equal"):
        return f"write a number, or {UNSTATED!r} for an amount that the document leaves open"
    return ""


def _file_of(path: str, origins: Mapping[str, Origin]) -> str:
    """The file that last set a path or the nearest table above it."""
    while path:
        if path in origins:
            return origins[path].file
        path = path.rpartition(".")[0]
    files = [o.file for o in origins.values() if o.file != DEFAULT_FILE]
    return files[-1] if files else DEFAULT_FILE


def keys(model: type[Section] = Policy, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every key a policy may have, with what may stand there.

    Examples
    --------
    >>> dict(keys())["subsidies.<name>.cap_cny_per_household"]
    'number >= 0 (optional)'
    """
    for name, field in model.model_fields.items():
        path = prefix + (field.alias or name)
        section = _annotation(model, name)
        if isinstance(section, tuple):
            many = "<name>" if get_origin(field.annotation) is dict else "<number>"
            yield from keys(section[0], f"{path}.{many}.")
        elif section is not None:
            yield from keys(section, f"{path}.")
        else:
            yield path, _kind(field)


def _kind(field: FieldInfo) -> str:
    """Type and bounds of one key in words."""
    inner = [m for part in get_args(field.annotation) for m in getattr(part, "__metadata__", ())]
    metadata = [*field.metadata, *(m for info in inner for m in getattr(info, "metadata", ()))]
    limits = [(sign, getattr(m, key, None)) for m in metadata for key, sign in BOUNDS.items()]
    bounds = [f"{sign} {limit:g}" for sign, limit in limits if limit is not None]
    optional = [] if field.is_required() else ["(optional)"]
    return " ".join([_word(field.annotation), *bounds, *optional])


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


def _siblings(location: Sequence[str], model: Any) -> tuple[str, ...]:
    """Keys the schema allows beside an unknown one."""
    for part in location[:-1]:
        annotation = _annotation(model, part)
        if annotation is None:
            return ()
        model = annotation
    return (
        tuple(f.alias or n for n, f in model.model_fields.items()) if hasattr(model, "model_fields") else ()
    )


def _annotation(model: Any, part: str) -> Any:
    """The section under a key, looking through ``dict[str, Section]``."""
    if isinstance(model, tuple):  # inside a dict of sections: any key leads to the same model
        return model[0]
    field = getattr(model, "model_fields", {}).get(part)
    if field is None:
        return None
    for candidate in (field.annotation, *get_args(field.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return (candidate,) if get_origin(field.annotation) in (dict, tuple) else candidate
    return None
