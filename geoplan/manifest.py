"""The manifest of a plan: what it was made of, what it says in sum, and its policy, as plain JSON."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from geoplan.errors import InputError, Problem
from geoplan.model import Plan
from geoplan.policy import Origin, Policy
from geoplan.tables import flat

#: Its name in the folder of a plan, and what marks that as ours.
MANIFEST, KIND = "manifest.json", "geoplan plan"
#: Counts the ways in which a plan was ever laid down; another one cannot be read.
FORMAT = 2
#: Stands as the file of a value that no file gives.
SCHEMA = "schema"
#: Significant digits written; what lies below differs between processors.
DIGITS = 9
#: Libraries whose version can change a file.
LIBRARIES = (
    "folium",
    "branca",
    "geopandas",
    "networkx",
    "numpy",
    "pandas",
    "pydantic",
    "pyogrio",
    "pyproj",
    "scipy",
    "highspy",
    "numba",
    "shapely",
    "xlsxwriter",
)


def is_plan(folder: Path) -> bool:
    """Whether a folder holds a manifest of ours.

    Parameters
    ----------
    folder : Path
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return bool(json.loads((folder / MANIFEST).read_text("utf-8")).get("kind") == KIND)
    return False


def refuse_inside(path: Path) -> None:
    """Stop where something would be put into the folder of a plan, whose files are counted.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        It lies in the folder of a plan.
    """
    if any(is_plan(parent) for parent in path.absolute().parents):
        remedy = "choose a place outside of it with -o"
        raise InputError(Problem("lies in the folder of a plan", file=str(path), remedy=remedy))


def manifest(plan: Plan, *, outputs: Mapping[str, str], content: Mapping[str, str]) -> dict[str, Any]:
    """What the plan was made of and what it says in sum; no clock, no path.

    Parameters
    ----------
    plan : Plan
    outputs : mapping of str to str
        SHA-256 of every file written.
    content : mapping of str to str
        Digest of every table.
    """
    provenance = plan.provenance
    return {
        "kind": KIND,
        "format": FORMAT,
        "name": plan.name,
        "title": plan.policy.title,
        "method": provenance["method"],
        "lang": provenance["lang"],
        "bound": plain(plan.summary.get("optimum", {}).get("bound_cny_per_a")),
        "comparison_basis": provenance["comparison_basis"],
        "inputs": dict(provenance["files"]),
        "outputs": dict(outputs),
        "content": dict(content),
        "versions": versions(),
        "warnings": list(provenance["notes"]),
        "summary": plain(plan.summary),
        "policy": policy_with_origins(plan.policy),
    }


def provenance_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """The provenance of a plan, from its manifest."""
    kept = {key: found[key] for key in ("method", "lang", "comparison_basis")}
    return kept | {"files": found["inputs"], "notes": found["warnings"]}


def versions() -> dict[str, str]:
    """Versions of the package, of Python and of every library that can change a file."""
    found = {name: metadata.version(name) for name in ("geoplan", *LIBRARIES)}
    return found | {"python": ".".join(platform.python_version_tuple()[:2])}


def policy_with_origins(policy: Policy) -> dict[str, dict[str, Any]]:
    """Every table and value of the merged policy, by dotted path, with file, source and confidence.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> found = policy_with_origins(default_policy())
    >>> found["climate.season_days"]["value"], found["climate"]["file"]
    (145.0, 'default.toml')
    """
    values = dict(flat(policy.model_dump(by_alias=True, exclude_none=True)))
    said = dict(flat(policy.model_dump(by_alias=True, exclude_none=True, exclude_unset=True)))
    found: dict[str, dict[str, Any]] = {}
    for path in dict.fromkeys((*values, *policy.origins)):
        origin = policy.origins.get(path, Origin("" if path in said else SCHEMA))
        about = {name: getattr(origin, name) for name in ("file", "source", "confidence", "range")}
        found[path] = {"value": plain(values[path], exact=True)} if path in values else {}
        found[path] |= {name: plain(said_of) for name, said_of in about.items() if said_of}
    return found


def policy_of(entries: Mapping[str, Mapping[str, Any]]) -> Policy:
    """The policy from what :func:`policy_with_origins` made of it.

    Raises
    ------
    pydantic.ValidationError
        The entries are not a policy.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> policy_of(policy_with_origins(default_policy())) == default_policy()
    True
    """
    values: dict[str, Any] = {}
    for path, entry in entries.items():
        if "value" in entry and entry.get("file") != SCHEMA:
            *parents, last = path.split(".")
            table = values
            for name in parents:
                table = table.setdefault(name, {})
            table[last] = entry["value"]
    policy = Policy.model_validate(values)
    policy._origins.update(
        {
            path: Origin(
                entry["file"],
                source=entry.get("source", ""),
                confidence=entry.get("confidence", ""),
                range=tuple(entry.get("range", ())),
            )
            for path, entry in entries.items()
            if entry.get("file", SCHEMA) != SCHEMA
        }
    )
    return policy


def plain(value: Any, *, exact: bool = False) -> Any:
    """Values as JSON has them: names as text, tuples as lists, days as text, numbers in the digits written.

    Examples
    --------
    >>> plain({2022: (1 / 3, dt.date(2022, 3, 31))})
    {'2022': [0.333333333, '2022-03-31']}
    """
    if isinstance(value, Mapping):
        return {str(k): plain(v, exact=exact) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v, exact=exact) for v in value]
    if isinstance(value, float | np.floating):
        return float(value) if exact else rounded(float(value))
    if isinstance(value, dt.date):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value


def rounded(value: float) -> float | None:
    """A number in the digits that are written; None for one that is not known.

    Examples
    --------
    >>> rounded(2 / 3), rounded(float("inf"))
    (0.666666667, None)
    """
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
