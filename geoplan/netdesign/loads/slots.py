"""Charges of demands on columns, stored as lists: a demand is charged on few of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoplan.netdesign.graph import Ints, kernel

Singles = NDArray[np.float32]
Numbers = NDArray[np.int32]


class Slots(NamedTuple):
    """Columns that matter to each demand: charged, or on a recent path.

    Attributes
    ----------
    column : array, shape (n_demands, width)
        The first ``size[d]`` entries of a row.
    size : array of int, shape (n_demands,)
    best, trial : array, shape (n_demands, width)
        Charges of the best bound so far, and of the one being tried.
    x : array, shape (n_demands, width)
        Average use.
    """

    column: Numbers
    size: Ints
    best: Singles
    trial: Singles
    x: Singles


@kernel
def wider(slots: Slots, width: int) -> Slots:
    """The same slots with room for `width` columns per demand."""
    old = slots.column.shape[1]
    shape = (len(slots.size), width)
    wide = Slots(
        np.zeros(shape, np.int32),
        slots.size,
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
    )
    wide.column[:, :old] = slots.column
    wide.best[:, :old] = slots.best
    wide.trial[:, :old] = slots.trial
    wide.x[:, :old] = slots.x
    return wide


@kernel
def forget_idle(slots: Slots) -> None:
    """Forget columns neither charged nor used."""
    for d in range(len(slots.size)):
        kept = 0
        for k in range(slots.size[d]):
            if slots.best[d, k] > 0.0 or slots.x[d, k] > 1e-4:
                slots.column[d, kept] = slots.column[d, k]
                slots.best[d, kept] = slots.best[d, k]
                slots.x[d, kept] = slots.x[d, k]
                kept += 1
        slots.size[d] = kept


@kernel
def kept_slots(slots: Slots, rows: Ints, number: Ints) -> Slots:
    """Slots of some demands, columns renumbered (-1: gone)."""
    old = slots.column.shape[1]
    shape = (len(rows), old)
    new = Slots(
        np.zeros(shape, np.int32),
        np.zeros(len(rows), np.int64),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
    )
    for d in range(len(rows)):
        kept = 0
        for k in range(slots.size[rows[d]]):
            q = number[slots.column[rows[d], k]]
            if q >= 0:
                new.column[d, kept] = q
                new.best[d, kept] = slots.best[rows[d], k]
                new.x[d, kept] = slots.x[rows[d], k]
                kept += 1
        new.size[d] = kept
    return new
