"""The policy: everything a plan document decides, as frozen data with its sources.

A policy is ``data/default.toml`` overridden key by key by a county's
``policy.toml`` and then by overlays. Each number keeps its origin: file, quoted
source, confidence and range. The functions here take text, never a path.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from geoplan.columns import ROUTES, Column, listed, nearest, plan_columns, table
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
)
from geoplan.refusals import META, origin_problems, toml_problem, validation_problems
from geoplan.schema import (
    Access,
    Baseline,
    Basis,
    Carrier,
    Climate,
    Demand,
    Economics,
    Network,
    PrintedDate,
    RoutePolicy,
    Rule,
    Section,
    Selection,
    Where,
    Year,
)

DEFAULT_FILE = "default.toml"


class Policy(Section):
    """The merged policy of one county."""

    title: str
    county: str = ""
    document: str = ""
    disclaimer: str = ""
    maker: str = ""
    map_date: PrintedDate = ""
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

    def file_of(self, path: str) -> str:
        """The file that said a value or the table it stands in.

        Examples
        --------
        >>> default_policy().file_of("climate.season_days")
        'default.toml'
        """
        return _file_of(path, self._origins)

    @property
    def default_climate(self) -> bool:
        """Whether the weather is that of the defaults, which is another place's.

        Examples
        --------
        >>> default_policy().default_climate
        True
        """
        keys = ("outdoor_design_c", "season_mean_c", "season_days")
        return all(self.file_of(f"climate.{key}") == DEFAULT_FILE for key in keys)

    def amended(self, sections: Mapping[str, Any], *, origins: Mapping[str, Origin]) -> Policy:
        """The policy with whole sections replaced.

        Parameters
        ----------
        sections : mapping of str to section
            New sections by name, already checked.
        origins : mapping of str to Origin
            Where the values come from that are new, by dotted path.

        Examples
        --------
        >>> targets = Targets(by_year={"2023": 500})
        >>> new = default_policy().amended(
        ...     {"targets": targets}, origins={"targets.by_year.2023": Origin("--target")})
        >>> new.targets.by_year, new.file_of("targets.by_year.2023")
        ({'2023': 500.0}, '--target')
        """
        policy = self.model_copy(update=dict(sections))
        policy._origins = dict(sorted({**self._origins, **origins}.items()))
        return policy

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
        problems += _unknown_routes(self) + _unknown_columns(self) + _unknown_values(self)
        problems += _unpayable(self) + _unsold(self) + _unmet(self) + _same_stage(self)
        if problems:
            raise ValueError("\n".join(problems))
        return self


@dataclass(frozen=True)
class Origin:
    """Where one number of the merged policy comes from."""

    file: str
    source: str = ""
    confidence: str = ""
    range: tuple[float, ...] = ()


Policy.model_rebuild()


def _unknown(where: str, name: str, known: Sequence[str]) -> str:
    near = nearest(name, tuple(known))
    return f"{where}: unknown {name!r}" + (
        f"; did you mean {near!r}?" if near else f"; known are {listed(known)}"
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
    inputs, outputs = tuple(table("villages") | table("measures")), tuple(plan_columns())
    named = [(f"rules.{name}", rule.column, inputs) for name, rule in policy.rules.items()]
    named += [(key, column, tuple(known)) for key, where, known in conditions(policy) for column in where]
    cells = ("number", "row", "blank", *outputs)
    for name, annex in policy.annexes.items():
        for position, column in enumerate(annex.columns):
            key = f"annexes.{name}.columns.{position}"
            named += [(key, asked, outputs) for asked in (column.sum, column.filled) if asked]
            named += [(key, column.cell, cells)] if column.cell else []
    unknown = [_unknown(key, column, known) for key, column, known in named if column not in known]
    return unknown + _not_numbers(policy)


def conditions(policy: Policy) -> list[tuple[str, Where, Mapping[str, Column]]]:
    """Everything that names villages by the values of their columns: key, condition, columns it may name."""
    inputs, outputs = table("villages") | table("measures"), plan_columns()
    of = {"rules": inputs, "subsidies": inputs, "equipment": inputs, "funding": outputs, "annexes": outputs}
    found: list[tuple[str, Where, Mapping[str, Column]]] = [
        (f"{part}.{name}.where", entry.where, known)
        for part, known in of.items()
        for name, entry in getattr(policy, part).items()
    ]
    found += [
        (f"routes.{name}.capex.{item}.where", cost.where, inputs)
        for name, route in policy.routes.items()
        for item, cost in route.capex.items()
    ]
    found += [
        (f"annexes.{name}.columns.{position}.where", column.where, outputs)
        for name, annex in policy.annexes.items()
        for position, column in enumerate(annex.columns)
    ]
    return [*found, ("phasing.first", policy.phasing.first, inputs)]


def _unknown_values(policy: Policy) -> list[str]:
    """Values that a section names and that the column does not have."""
    inputs = table("villages") | table("measures")
    named = [
        (f"{key}.{column}", values, known[column])
        for key, where, known in conditions(policy)
        for column, values in where.items()
        if column in known
    ]
    named += [
        (f"rules.{name}.{test}", values, inputs[rule.column])
        for name, rule in policy.rules.items()
        for test, values in (("in", rule.in_), ("not_in", rule.not_in))
        if values is not None and rule.column in inputs
    ]
    classes = tuple(policy.targets.by_area_class)
    named += [("targets.by_area_class", classes, inputs["area_class"])] if classes else []
    empty = [f"{key}: names no value; write those that are meant" for key, values, _ in named if not values]
    return empty + [
        problem
        for key, values, column in named
        for problem in (_misfit(key, value, column) for value in values if value != "")
        if problem
    ]


def _misfit(key: str, value: Any, column: Column) -> str:
    """What is wrong with a value of a column; an empty text if nothing is."""
    if column.values and value not in column.values:
        return _unknown(key, str(value), column.values)
    kind = {"boolean": bool, "text": str}.get(column.dtype, float | int)
    if isinstance(value, kind) and (column.dtype == "boolean" or not isinstance(value, bool)):
        return ""
    write = {"boolean": "true or false", "text": "a text in quotes"}.get(
        column.dtype, "a number without quotes"
    )
    return f"{key}: {column.name!r} holds {column.dtype}, got {value!r}; write {write}"


def _not_numbers(policy: Policy) -> list[str]:
    """Columns that an annex would sum and that hold no numbers."""
    columns = plan_columns()
    asked = [
        (f"annexes.{name}.columns.{position}.sum", column.sum)
        for name, annex in policy.annexes.items()
        for position, column in enumerate(annex.columns)
    ]
    return [
        f"{where}: {column!r} holds {columns[column].dtype}, which has no sum; name a column of numbers"
        for where, column in asked
        if column in columns and columns[column].dtype not in ("integer", "number")
    ]


def _unpayable(policy: Policy) -> list[str]:
    """Capital subsidies for items that a route does not have, or for nothing that its households pay."""
    problems = []
    for name, subsidy in policy.subsidies.items():
        for route in policy.routes.keys() & set(subsidy.routes):
            items = policy.routes[route].capex
            where = f"subsidies.{name}.of: routes.{route}.capex"
            problems += [_unknown(where, item, tuple(items)) for item in subsidy.of if item not in items]
            paid = any(item.payer == "household" for item in items.values())
            if subsidy.kind == "capital" and not (subsidy.of or paid):
                known = ", ".join(items) or "none"
                problems.append(f"{where}: households pay no item; name those that are meant ({known})")
    return sorted(problems)


def _unsold(policy: Policy) -> list[str]:
    """Tariffs of a carrier that is not there, or for routes that burn another."""
    problems = []
    for name, tariff in policy.tariffs.items():
        if tariff.carrier not in policy.carriers:
            problems.append(_unknown(f"tariffs.{name}.carrier", tariff.carrier, tuple(policy.carriers)))
        problems += [
            _unknown(f"tariffs.{name}.use", r, tariff.routes) for r in tariff.use if r not in tariff.routes
        ]
        problems += [
            f"tariffs.{name}.routes: {route!r} uses {policy.routes[route].carrier}, not {tariff.carrier}"
            for route in tariff.routes
            if route in policy.routes and policy.routes[route].carrier != tariff.carrier
        ]
    return problems


def _unmet(policy: Policy) -> list[str]:
    """Targets that the order of routes or the years of the plan contradict."""
    targets, years = policy.targets, policy.phasing.years
    problems = [
        f"targets.by_year.{year}: {year!r} is no year of phasing.years ({', '.join(map(str, years))}); "
        "mend the one that is wrong"
        for year in targets.by_year
        if years and year not in map(str, years)
    ]
    ranked = {route for rank in policy.ranks for route in rank}
    complete = ranked <= targets.by_route.keys() and UNSTATED not in targets.by_route.values()
    name, total = next(iter(targets.totals.items()), ("", targets.on_routes))
    if complete and targets.on_routes < total - 0.5:
        problems.append(
            f"targets.by_route: all routes of the order together make {targets.on_routes:g}, "
            f"but {name} is {total:g}; mend the one that is wrong"
        )
    return problems


def _same_stage(policy: Policy) -> list[str]:
    """Milestones that bear the name of an earlier one."""
    first: dict[str, str] = {}
    stages = [(name, milestone.stage) for name, milestone in policy.milestones.items()]
    return [
        f"milestones.{name}.stage: {stage!r} is that of milestones.{first[stage]} too; give each its own"
        for name, stage in stages
        if first.setdefault(stage, name) != name
    ]


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
    worded: list[Problem] = []
    for file, text in [(DEFAULT_FILE, default_text()), *documents]:
        try:
            said = tomllib.loads(text.removeprefix("\ufeff"))
            worded += origin_problems(said, file=file)
            plain = _unwrap(said, file=file, path="", inherited=Origin(file), origins=origins)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            problems.append(toml_problem(error, text=text, file=file))
        except ValueError as error:
            problems.append(Problem(str(error), file=file))
        else:
            values = _merged(values, plain)
    if problems:
        raise PolicyError([*problems, *worded])
    try:
        policy = Policy.model_validate(values)
    except ValidationError as error:
        found = validation_problems(error, model=Policy, file_of=lambda key: _file_of(key, origins))
        raise PolicyError([*worded, *found]) from None
    if worded:
        raise PolicyError(worded)
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
        if "." in key:  # a path of dots must lead to one value only
            raise ValueError(f"{path or 'top level'}: the name {key!r} holds a dot; write it without")
        if isinstance(value, Mapping) and "value" in value:
            for unknown in sorted(set(value) - {"value", *META}):
                raise ValueError(_unknown(where, unknown, ("value", *META)))
            plain[key] = value["value"]
            bounds = value.get("range")
            origins[where] = Origin(
                file,
                source=str(value.get("source", here.source)),
                confidence=str(value.get("confidence", here.confidence)),
                range=tuple(bounds) if isinstance(bounds, list) else (),
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


def _file_of(path: str, origins: Mapping[str, Origin]) -> str:
    """The file that last set a path or the nearest table above it."""
    while path:
        if path in origins:
            return origins[path].file
        path = path.rpartition(".")[0]
    files = [o.file for o in origins.values() if o.file != DEFAULT_FILE]
    return files[-1] if files else DEFAULT_FILE
