"""Errors a planner can act on: what, where, got, and what to do.

A :class:`Problem` is one finding about the input. Findings are collected and
raised together as one :class:`InputError`, so that a spreadsheet is mended in
one sitting instead of one error at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "repair"]

#: Ids printed in one finding before "and N more".
SHOWN_IDS = 5


@dataclass(frozen=True)
class Problem:
    """One finding about one column of one layer.

    Parameters
    ----------
    message : str
        What is wrong, with the value and its unit.
    file, layer, column : str
        Where. Empty where it does not apply.
    ids : tuple of str
        The rows concerned: ``village_id`` and name, or ``row 14``.
    remedy : str
        What the user does about it.
    severity : {"error", "warning", "repair"}
        An error stops the run; a repair was made and is said; a warning is
        for the planner to judge.

    Examples
    --------
    >>> print(Problem("households must be >= 0 [household]; got -3", ids=("640302100203 关渠村",)))
    households must be >= 0 [household]; got -3 at 640302100203 关渠村
    """

    message: str
    file: str = ""
    layer: str = ""
    column: str = ""
    ids: tuple[str, ...] = ()
    remedy: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        text = self.message
        if self.ids:
            text += f" at {shown(self.ids)}"
        if self.remedy:
            text += f"; {self.remedy}"
        return text


def shown(ids: Sequence[str]) -> str:
    """The first few ids and how many more there are.

    Examples
    --------
    >>> shown(["a", "b"])
    'a, b'
    >>> shown([str(i) for i in range(8)])
    '0, 1, 2, 3, 4 and 3 more'
    """
    text = ", ".join(ids[:SHOWN_IDS])
    return text if len(ids) <= SHOWN_IDS else f"{text} and {len(ids) - SHOWN_IDS} more"


class GeoplanError(Exception):
    """Base of every error that geoplan raises on purpose."""

    exit_code = 1


class InputError(GeoplanError):
    """The input is wrong. Carries every problem found, not only the first."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__(report(self.problems))


class PolicyError(InputError):
    """A policy file says something that the schema does not allow."""


class InfeasibleError(GeoplanError):
    """The input is sound but no plan can satisfy it."""

    exit_code = 3


class CertificateError(GeoplanError):
    """A finished plan breaks one of its own promises: a fault of the program, never of the input."""


def report(problems: Sequence[Problem]) -> str:
    """All problems as text, grouped by file.

    Examples
    --------
    >>> print(report([Problem("no CRS", file="villages.shp", remedy="pass --crs EPSG:4490")]))
    villages.shp: 1 problem
      * no CRS; pass --crs EPSG:4490
    """
    by_file: dict[str, list[Problem]] = {}
    for problem in problems:
        by_file.setdefault(problem.file or problem.layer or "input", []).append(problem)
    lines = []
    for file, found in by_file.items():
        lines.append(f"{file}: {len(found)} problem{'s' if len(found) != 1 else ''}")
        lines += [f"  * {'' if p.severity == 'error' else f'[{p.severity}] '}{p}" for p in found]
    return "\n".join(lines)
