"""Classes of amounts: their limits, their tints, and who is in them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from geoplan.staticmap.content import Block, Floats, Row
from geoplan.staticmap.view import GREY, View, blend

#: From a lower limit to below an upper one; the same twice means that one value.
Band = tuple[float, float]


def classes(values: Floats) -> list[Band]:
    """Up to seven classes of the same width with round limits, or one for each value where there are few.

    Parameters
    ----------
    values : array
        NaN is left out.

    Returns
    -------
    list of (float, float)
        From each lower limit to below the upper one; the first has no lower and
        the last no upper limit. Limits that are the same mean that one value.

    Examples
    --------
    >>> classes(np.arange(0.0, 101.0))
    [(-inf, 20.0), (20.0, 40.0), (40.0, 60.0), (60.0, 80.0), (80.0, inf)]
    >>> classes(np.array([998.4, 1501.0, 998.4])), classes(np.array([np.nan]))
    ([(998.4, 998.4), (1501.0, 1501.0)], [])
    """
    some = values[np.isfinite(values)]
    single = np.unique(_short(some))
    if len(single) <= 3:
        return [(float(v), float(v)) for v in single]
    low, high = np.quantile(some, [0.02, 0.98]).tolist()
    step = _round_up((high - low) / 5.0) if high > low else _round_up(abs(high) or 1.0)
    inner = [round(i * step, 9) for i in range(int(np.floor(low / step)) + 1, int(np.ceil(high / step)))]
    edges = [-np.inf, *inner, np.inf]
    return list(pairwise(edges))


def _short(values: Any) -> Floats:
    """Values with four digits, as they are written.

    Examples
    --------
    >>> _short([1.617834, 1500.99, 0.0]).tolist()
    [1.618, 1501.0, 0.0]
    """
    return np.array([float(f"{v:.4g}") for v in np.asarray(values, dtype=float)])


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
    return (
        pd.Series(_short(values), index=values.index) == low
        if low == high
        else (values >= low) & (values < high)
    )


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
    if high == 0.0:
        return view.say("rising")
    if low == high:
        return f"{low:,g}"
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
