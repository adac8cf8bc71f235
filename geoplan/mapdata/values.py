"""Tables as one list per column, in values that JSON knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geoplan.columns import ILLUSTRATIVE

#: From so many villages on a page is made smaller: below, its bytes hang on no version of zlib.
LARGE = 3_000


def as_lists(frame: pd.DataFrame, names: Iterable[str], *, digits: int | None = None) -> dict[str, list[Any]]:
    """Those of the columns that the frame has, as lists; nothing, NaN and NA become None."""
    return {name: plain_values(frame[name], digits=digits) for name in names if name in frame}


def plain_values(column: pd.Series, *, digits: int | None = None) -> list[Any]:
    """Values that JSON knows, numbers to two decimals, from 10,000 on to whole ones.

    Parameters
    ----------
    column : Series
    digits : int, optional
        Significant digits to keep.

    Examples
    --------
    >>> plain_values(pd.Series([1.239, None, 12_345.6])), plain_values(pd.Series(["a", None]))
    ([1.24, None, 12346], ['a', None])
    >>> plain_values(pd.Series([1_234_567.8, 123.456, 12.0]), digits=4)
    [1235000, 123.5, 12]
    """
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        return _numbers(column.to_numpy(dtype=float, na_value=np.nan), digits=digits)
    return [None if gone else plain(v) for v, gone in zip(column, column.isna(), strict=True)]


def _numbers(exact: np.ndarray, *, digits: int | None) -> list[Any]:
    """Rounded numbers: whole ones as integers, those that are none as None."""
    rounded = np.where(np.abs(exact) >= 10_000, np.round(exact), np.round(exact, 2))
    if digits:
        size = np.floor(np.log10(np.abs(np.where(rounded == 0, 1.0, rounded))))
        step = 10.0 ** np.maximum(size + 1 - digits, -2)
        rounded = np.round(np.round(rounded / step) * step, 2)
    cells = rounded.astype(object)
    whole = np.isfinite(rounded) & (rounded == np.round(rounded))
    cells[whole] = rounded[whole].astype(np.int64)
    cells[~np.isfinite(rounded)] = None
    return cells.tolist()


def plain(value: Any) -> Any:
    """A value of a mixed column as JSON knows it."""
    if value is None:
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | float | np.number):
        return round(float(value), 2) if np.isfinite(value) else None
    return str(value)


def shares(column: pd.Series) -> list[float | None]:
    """Shares of one, fine enough to be put into the classes of the other maps; None where there is none.

    Examples
    --------
    >>> shares(pd.Series([0.84963, None]))
    [0.8496, None]
    """
    values = column.to_numpy(dtype=float, na_value=np.nan)
    return [None if np.isnan(v) else round(v, 4) for v in values.tolist()]


def positions(column: pd.Series, values: Sequence[str]) -> list[int]:
    """Place of each cell among the values; -1 for one that is not among them."""
    return [int(i) for i in pd.Index(values).get_indexer(column)]


def lonlat(frame: gpd.GeoDataFrame) -> dict[str, list[float | None]]:
    """Place of each row in WGS 84; None without one. [°]"""
    geometry = frame.geometry
    inside = geometry.where(geometry.geom_type == "Point", geometry.representative_point()).to_crs(4326)
    return {name: _degrees(values) for name, values in (("lon", inside.x), ("lat", inside.y))}


def _degrees(values: pd.Series) -> list[float | None]:
    return [None if np.isnan(v) else v for v in values.to_numpy(dtype=float).round(5).tolist()]


def is_made(frame: pd.DataFrame) -> pd.Series:
    """Whether each row is made data."""
    if "provenance" not in frame:
        return pd.Series(False, index=frame.index)
    return frame["provenance"].astype("string").fillna("").str.startswith(ILLUSTRATIVE).astype(bool)
