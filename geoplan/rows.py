"""Columns and rows of an integer programme as they are made; no solver yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

#: Columns and their coefficients.
Terms = dict[int, float]


@dataclass
class Rows:
    """Columns and rows.

    Attributes
    ----------
    cost, lower, upper : list of float
    whole : list of int
        Columns that must be whole.
    rows : list of (Terms, lower, upper)

    Examples
    --------
    >>> rows = Rows()
    >>> x, y = rows.column(1.0, whole=True), rows.column(2.0, upper=5.0)
    >>> rows.row({x: 1.0, y: 1.0}, lower=2.0)
    0
    """

    cost: list[float] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    rows: list[tuple[Terms, float, float]] = field(default_factory=list)

    def column(self, cost: float = 0.0, *, upper: float = 1.0, whole: bool = False) -> int:
        """A column from 0 to `upper`."""
        self.cost.append(cost)
        self.lower.append(0.0)
        self.upper.append(upper)
        if whole:
            self.whole.append(len(self.cost) - 1)
        return len(self.cost) - 1

    def row(self, terms: Terms, *, lower: float = -np.inf, upper: float = np.inf) -> int:
        """A row ``lower <= terms <= upper``."""
        self.rows.append((terms, lower, upper))
        return len(self.rows) - 1


def added(parts: Iterable[Terms]) -> Terms:
    """Terms added up.

    Examples
    --------
    >>> added([{0: 1.0}, {0: 2.0, 1: -1.0}])
    {0: 3.0, 1: -1.0}
    """
    total: Terms = {}
    for part in parts:
        for column, factor in part.items():
            total[column] = total.get(column, 0.0) + factor
    return total
