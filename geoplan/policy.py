"""The policy: everything a plan document decides, as frozen data with its sources.

A policy is ``data/default.toml`` overridden key by key by a county's
``policy.toml`` and then by overlays. Each number keeps its origin: file, quoted
source, confidence and range. The functions here take text, never a path.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Field, PrivateAttr, ValidationError, model_validator
from pydantic.fields import FieldInfo

from geoplan.columns import ROUTES, nearest, table
from geoplan.errors import PolicyError, Problem
from geoplan.schema import (
    Access,
    Baseline,
    Basis,
    Carrier,
    Climate,
    Demand,
    Economics,
    LowCost,
    Network,
    RoutePolicy,
    Rule,
    Section,
    Selection,
    Subsidy,
    Targets,
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
    year: Annotated[int, Field(ge=1990, le=2100)] | None = None
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
    subsidies: dict[str, Subsidy] = Field(default_factory=dict)
    low_cost: LowCost | None = None
    targets: Targets = Targets()

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
        for part, entries in (("rules", self.rules), ("subsidies", self.subsidies)):
            problems += [
                _unknown(f"{part}.{name}.routes", r, tuple(self.routes))
                for name, entry in entries.items()
                for r in entry.routes
                if r not in self.routes
            ]
        columns = tuple(table("villages") | table("measures"))
        problems += [
            _unknown(f"rules.{name}", column, columns)
            for name, rule in self.rules.items()
            for column in (rule.column, *rule.where)
            if column not in columns
        ]
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

#: Bounds of a field as a reader writes them.
BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


def _unknown(where: str, name: str, known: Sequence[str]) -> str:
    near = nearest(name, tuple(known))
    return f"{where}: unknown {name!r}" + (
        f"; did you mean {near!r}?" if near else f"; known are {', '.join(known)}"
    )


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
            problems.append(Problem(f"not a TOML document: {error}", file=file, remedy="mend the line"))
        except ValueError as error:
            problems.append(Problem(str(error), file=file))
        else:
            values = _merged(values, plain)
    if problems:
        raise PolicyError(problems)
    try:
        policy = Policy.model_validate(values)
    except ValidationError as error:
        raise PolicyError(list(_problems(error, origins=origins))) from None
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


def _problems(error: ValidationError, *, origins: Mapping[str, Origin]) -> Iterator[Problem]:
    """The findings of pydantic in our words, each with the file that said it."""
    for found in error.errors(include_url=False):
        location = tuple(
            str(part) for part in found["loc"] if not str(part).startswith(("function-", "tuple["))
        )
        path = ".".join(location)
        file = _file_of(path, origins)
        if found["type"] == "extra_forbidden":
            near = nearest(location[-1], _siblings(location))
            allowed = ", ".join(_siblings(location)) or "none"
            remedy = f"did you mean {near!r}?" if near else f"allowed here: {allowed}"
            yield Problem(f"{path}: unknown key", file=file, column=path, remedy=remedy)
            continue
        message = found["msg"].removeprefix("Value error, ")
        got = "" if isinstance(found["input"], Mapping | BaseModel) else f"; got {found['input']!r}"
        yield Problem(f"{path}: {message}{got}" if path else message, file=file, column=path)


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
            yield from keys(section[0], f"{path}.<name>.")
        elif section is not None:
            yield from keys(section, f"{path}.")
        else:
            yield path, _kind(field)


def _kind(field: FieldInfo) -> str:
    """Type and bounds of one key in words."""
    inner = [m for part in get_args(field.annotation) for m in getattr(part, "__metadata__", ())]
    metadata = [*field.metadata, *(m for info in inner for m in info.metadata)]
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
    if get_origin(annotation) in (Union, UnionType):
        words = [_word(part) for part in get_args(annotation) if part is not type(None)]
        return " or ".join(dict.fromkeys(words))
    if get_origin(annotation) is Annotated:
        return _word(get_args(annotation)[0])
    words_of = {float: "number", int: "whole number", str: "text", bool: "true or false"}
    return words_of.get(annotation, "table")


def _siblings(location: Sequence[str]) -> tuple[str, ...]:
    """Keys the schema allows beside an unknown one."""
    model: Any = Policy
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
            return (candidate,) if get_args(field.annotation)[:1] == (str,) else candidate
    return None
