"""A layer as its file holds it, before anything is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pyproj import CRS

from geoplan.errors import Problem, Severity

Objects = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Source:
    """Where a layer is: its stem, the file, the name shown for it, and the layer inside the file."""

    stem: str
    path: Path
    file: str
    inside: str | None = None

    def problem(
        self, message: str, *, remedy: str = "", column: str = "", severity: Severity = "error"
    ) -> Problem:
        """A finding about this layer."""
        return Problem(message, self.file, self.stem, column, (), remedy, severity)

    def own(self, problem: Problem) -> Problem:
        """A finding that was made without knowing the file, with the file."""
        return replace(problem, file=self.file, layer=self.stem)


@dataclass(frozen=True)
class Raw:
    """Cells and shapes of one layer.

    Attributes
    ----------
    source : Source
    columns : mapping of str to ndarray of object
        Cells by heading, as the file has them.
    shapes : ndarray of shapely geometry or None
        One for each row; z and m as in the file.
    rows : ndarray of int
        Number by which a reader finds the row: the line of a spreadsheet, the
        count of a feature.
    crs : CRS or None
        What the file says of itself; None when it says nothing.
    implied : bool
        Whether `crs` is only the format's default (GeoJSON without a ``crs``
        member), which files in metres are known to break.
    broken : frozenset of int
        Positions of rows whose shape is already reported.
    cut_names : bool
        Whether the format cuts names to ten bytes.
    problems : tuple of Problem
    """

    source: Source
    columns: Mapping[str, Objects]
    shapes: Objects
    rows: npt.NDArray[np.intp]
    crs: CRS | None = None
    implied: bool = False
    broken: frozenset[int] = frozenset()
    cut_names: bool = False
    problems: tuple[Problem, ...] = ()


def objects(values: object) -> Objects:
    """An array of Python objects that numpy does not unpack."""
    items = list(values)  # type: ignore[call-overload]
    array = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        array[i] = item
    return array


def broken_shapes(broken: frozenset[int], source: Source) -> tuple[Problem, ...]:
    """One finding for the shapes that a binary format holds and nothing can read."""
    if not broken:
        return ()
    found = source.problem(
        "geometry cannot be read", remedy="repair it, or turn curves into lines, and export again"
    )
    return (replace(found, ids=tuple(f"row {i + 1}" for i in sorted(broken))),)
