"""Factors between units, each named from what to what; and rounding that still adds up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp

#: Hours of a day. [h]
HOURS_PER_DAY = 24.0
#: Seconds of an hour. [s]
SECONDS_PER_HOUR = 3600.0
#: 万元 in CNY. [CNY]
WAN = 10_000.0

#: What may stand between DN and the size of a pipe, as a pattern.
DIAMETER_SIGN = r"\s*(?:[-－‐–—_=＝:：]|为|是)?\s*"

#: Below this part of a unit a difference is one of the floating point, not of the amount.
FUZZ = 1e-9


def apportion(values: ArrayLike, *, total: float | None = None, unit: float = 1.0) -> np.ndarray:
    """Whole units that add up: the parts with the largest remainders are rounded up.

    Parameters
    ----------
    values : array-like, shape (n,)
        Amounts; of equal remainders the first is rounded up.
    total : float, optional
        What is shared out in proportion to `values`; without it each amount
        keeps its size and their sum is rounded, halves up.
    unit : float
        What no part is cut below.

    Returns
    -------
    ndarray, shape (n,)
        Multiples of `unit`, each less than one unit from its exact part.

    Raises
    ------
    ValueError
        If an amount is NaN or infinite, or nothing is there to share `total` by.

    Examples
    --------
    >>> apportion([33.4, 33.3, 33.3]).tolist()
    [34.0, 33.0, 33.0]
    >>> apportion([9283, 7818, 5604], total=100, unit=0.01).tolist()
    [40.89, 34.43, 24.68]
    """
    amounts = np.asarray(values, dtype=float)
    if not np.isfinite(amounts).all():
        raise ValueError(f"amounts must be numbers; got {amounts.tolist()}")
    quota = amounts / unit
    if total is not None:
        if not amounts.sum() > 0:
            raise ValueError(f"{amounts.tolist()} give nothing to share {total:g} by")
        quota = amounts / amounts.sum() * (total / unit)
    whole = np.floor(quota + FUZZ)
    missing = int(np.floor(quota.sum() + 0.5 + FUZZ) - whole.sum())
    remainders = np.round(quota - whole, 9)
    whole[np.argsort(-remainders, kind="stable")[:missing]] += 1.0
    return np.round(whole * unit, 10)


def shares_pct(values: ArrayLike) -> np.ndarray:
    """Share of each amount with two decimals that make 100.00. [%]

    Examples
    --------
    >>> shares_pct([1, 1, 1]).tolist()
    [33.34, 33.33, 33.33]
    """
    return apportion(values, total=100.0, unit=0.01)


def apportion_table(amounts: np.ndarray, *, blocks: Sequence[np.ndarray]) -> np.ndarray:
    """Whole units in a table whose rows, columns and totals stay true.

    Cells are rounded down, then those with the largest remainders up, such that
    the total of each row, and of each column within a block, is one of its two
    neighbouring integers, and the total of each block the nearest one. One block
    always has such a rounding; where blocks that overlap have none, as few totals
    as possible give way, each by as little as possible.

    Parameters
    ----------
    amounts : ndarray, shape (n_rows, n_columns)
    blocks : sequence of boolean ndarray, shape (n_rows,)
        Rows of each block that has totals; a row may stand in several.

    Returns
    -------
    ndarray, shape (n_rows, n_columns)

    Examples
    --------
    >>> every = np.array([True, True])
    >>> apportion_table(np.array([[1.4, 1.4], [1.4, 1.4]]), blocks=[every]).tolist()
    [[2.0, 1.0], [1.0, 2.0]]
    """
    whole = np.floor(amounts + FUZZ)
    rest = amounts - whole
    row, column = np.nonzero(rest > FUZZ)
    if not len(row):
        return whole
    margins = [row == r for r in range(len(amounts))]
    margins += [block[row] & (column == c) for block in blocks for c in range(amounts.shape[1])]
    sums = np.array([*margins, *(block[row] for block in blocks)], dtype=float)
    part = rest[row, column]
    exact = sums @ part
    least, most = np.floor(exact + FUZZ), np.ceil(exact - FUZZ)
    grand = slice(len(margins), None)
    least[grand] = most[grand] = np.floor(exact[grand] + 0.5 + FUZZ)
    # Rounding up costs less the larger the remainder; of equal ones the first is taken.
    cost = 1.0 - 2.0 * part + 1e-6 * np.arange(len(part)) / len(part)
    found = _least(cost, sums, least, most)
    if not found.success:
        # Each margin gives way, up or down, no further than it must for any rounding to exist.
        n = len(sums)
        way = np.hstack([sums, -np.eye(n), np.eye(n)])
        slack = _least(np.repeat([0.0, 1.0], [len(part), 2 * n]), way, least, most, cells=len(part)).x
        over, under = np.round(slack[len(part) :]).reshape(2, n)
        found = _least(cost, sums, least - under, most + over)
    whole[row, column] += np.round(found.x)
    return whole


def _least(
    cost: np.ndarray, sums: np.ndarray, least: np.ndarray, most: np.ndarray, *, cells: int | None = None
) -> OptimizeResult:
    """Cheapest rounding up whose sums lie within bounds; what comes after the cells may be any number."""
    binary = np.arange(len(cost)) < (len(cost) if cells is None else cells)
    return milp(
        cost,
        integrality=np.ones_like(cost),
        bounds=Bounds(0, np.where(binary, 1.0, np.inf)),
        constraints=LinearConstraint(sums, least, most),
        options={"mip_rel_gap": 0.0},
    )
