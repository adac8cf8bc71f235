"""Classes of amounts: their limits, their tints, and who is in them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from geoplan.staticmap.content import Block, Floats, Row
from geoplan.staticmap.view import GREY, View, blend

#: From a lower limit to below an upper one; 0 is below none, and alone where both limits are 0.
Band = tuple[float, float]


#: Less than this is a rounding of nothing.
NOTHING = 1e-6


def classes(values: Floats) -> list[Band]:
    """Up to seven classes with round limits, without holes between them and none of them empty.

    Parameters
    ----------
    values : array
        NaN is left out.

    Returns
    -------
    list of (float, float)
        From each lower limit to below the upper one; the first has no lower and the last no upper
        limit, unless all values are in one.

    Examples
    --------
    >>> classes(np.arange(0.0, 101.0))
    [(-inf, 20.0), (20.0, 40.0), (40.0, 60.0), (60.0, 80.0), (80.0, inf)]
    >>> classes(np.array([2.3, 2.4, 3.2, 4.6])), classes(np.array([998.4])), classes(np.array([np.nan]))
    ([(-inf, 3.0), (3.0, 4.5), (4.5, inf)], [(800.0, 1000.0)], [])
    """
    some = _short(values[np.isfinite(values)])
    if not len(some):
        return []
    low, high = np.quantile(some, [0.02, 0.98]).tolist()
    if low == high:
        low, high = float(some.min()), float(some.max())
    step = _round_up((high - low) / 5.0 or abs(high) / 5.0 or 1.0)
    inner = [round(i * step, 9) for i in range(int(np.floor(low / step)) + 1, int(np.ceil(high / step)))]
    edges = [-np.inf]
    for edge, above in pairwise([*inner, np.inf]):
        # An edge with nobody between it and the one before, or above the last, would make a hole.
        if ((some >= edges[-1]) & (some < edge)).any() and ((some >= edge) & (some < above)).any():
            edges.append(edge)
    if len(edges) > 1:
        return list(pairwise([*edges, np.inf]))
    first = float(np.floor(low / step) * step)
    return [(round(first, 9), round(max(first + step, float(np.ceil(high / step) * step)), 9))]


def _short(values: Floats) -> Floats:
    """Values with four digits: what differs further back is rounding.

    Examples
    --------
    >>> _short(np.array([1.617834, 1500.99, 0.0])).tolist()
    [1.618, 1501.0, 0.0]
    """
    return np.array([float(f"{v:.4g}") for v in values], dtype=float)


def _round_up(value: float) -> float:
    """The next of 1, 2, 2.5 and 5 times a power of ten.

    Examples
    --------
    >>> _round_up(19.2), _round_up(0.3), _round_up(600.0)
    (20.0, 0.5, 1000.0)
    """
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(s * power for s in (1.0, 2.0, 2.5, 5.0, 10.0) if s * power >= value * (1 - 1e-9)))


def _within(values: pd.Series, band: Band) -> pd.Series:
    """Which values are in a class."""
    low, high = band
    near = values.mask(values.abs() <= NOTHING, 0.0)
    if low == high:
        return near == low
    return ((near > low) if low == 0.0 else (near >= low)) & (near < high)


def banded(values: pd.Series, bands: Sequence[Band], shades: Sequence[str]) -> pd.Series:
    """Colour of the class of every value; grey without one."""
    face = pd.Series(GREY, index=values.index, dtype=object)
    for band, tint in zip(bands, shades, strict=True):
        face[_within(values, band)] = tint
    return face


def band_block(
    view: View, title: str, values: pd.Series, bands: Sequence[Band], shades: Sequence[str]
) -> Block:
    """Villages and households of every class of amounts, with a task, of the whole plan."""
    say, households = view.say, view.plan.villages["households"].fillna(0).astype(int)
    amounts = values.where(households > 0)
    rows = []
    for band, colour in zip(bands, shades, strict=True):
        of = _within(amounts, band)
        if of.any():
            rows.append(
                Row((span(view, *band), f"{of.sum():,}", f"{households[of].sum():,}"), sign=view.mark(colour))
            )
    open_ = amounts.isna() & (households > 0)
    if open_.any():
        rows.append(
            Row((say("open"), f"{open_.sum():,}", f"{households[open_].sum():,}"), sign=view.mark(GREY))
        )
    rows.append(Row((say("total"), f"{(households > 0).sum():,}", f"{households.sum():,}"), strong=True))
    return Block(title, tuple(rows), head=("", say("number"), say("households")))


def span(view: View, low: float, high: float) -> str:
    """A class of amounts in words."""
    if low == high == 0.0:
        return view.say("unchanged")
    if high == 0.0:
        return view.say("rising")
    if np.isinf(high):
        return view.say("over", f"{low:,g}")
    if np.isinf(low) or low == 0.0:
        return view.say("under", f"{high:,g}")
    return view.say("to", f"{low:,g}", f"{high:,g}")


def tints(of: Sequence[str], count: int) -> list[str]:
    """Colours from the first to the last of a row of tints.

    Examples
    --------
    >>> tints(("#000000", "#ffffff"), 3), tints(("#000000", "#ffffff"), 1)
    (['#000000', '#808080', '#ffffff'], ['#ffffff'])
    """
    out = []
    for place in np.linspace(0, len(of) - 1, count) if count != 1 else [float(len(of) // 2)]:
        low = min(int(place), len(of) - 2)
        out.append(blend(of[low], of[low + 1], place - low))
    return out
