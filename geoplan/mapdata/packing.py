"""The same data in fewer characters: repeated cells once, and very large data compressed."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from geoplan.mapdata.values import LARGE

#: Tables whose columns may repeat themselves.
TABLES = ("villages", "options", "links", "sources")


def packed(data: Mapping[str, Any]) -> str:
    r"""The data of a page as JSON that stays data inside a script element.

    Parameters
    ----------
    data : mapping
        As of :func:`geoplan.mapdata.page_data`.

    Returns
    -------
    str
        A column that repeats itself is ``{"of": distinct, "at": places}``; very
        large data are ``{"gzip": base64}``, with the title that stands while
        that is opened and what to say where a browser cannot.

    Examples
    --------
    >>> names = {"town": ["东河镇"] * 9, "name": ["</script>", "乙"]}
    >>> print(packed({"villages": names, "words": {}}))
    {"villages":{"town":{"of":["东河镇"],"at":9},"name":["\u003c/script\u003e","乙"]},"words":{}}
    """
    tables = {key: _table(data[key]) for key in TABLES if key in data}
    text = _json({**data, **tables})
    if len(data["villages"].get("village_id", ())) < LARGE:
        return text
    squeezed = base64.b64encode(gzip.compress(text.encode(), compresslevel=8, mtime=0)).decode()
    first = {"title": data["title"], "old_browser": data["words"]["old_browser"]}
    return _json({**first, "gzip": squeezed})


def _table(table: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a table, each in the shorter of its two forms."""
    return {name: _column(column) for name, column in table.items()}


def _column(column: Sequence[Any]) -> Any:
    """A column of single cells by its distinct cells, where that is shorter.

    Examples
    --------
    >>> _column(["heat_pump", "gas", "heat_pump", "heat_pump", "gas"]), _column([1, 2, 3])
    ({'of': ['heat_pump', 'gas'], 'at': [0, 1, 0, 0, 1]}, [1, 2, 3])
    >>> _column([[]] + 4 * [[[7, 9.5, 8.0, "m"]]])
    {'of': [[], [[7, 9.5, 8.0, 'm']]], 'at': [0, 1, 1, 1, 1]}
    """
    # 1 and True are one key: what a cell is belongs to it. Lists are known by their text.
    place: dict[tuple[type, Any], int] = {}
    keys = ((type(cell), str(cell) if isinstance(cell, list) else cell) for cell in column)
    at = [place.setdefault(key, len(place)) for key in keys]
    if len(place) > 0.9 * len(at):
        return column
    first = np.unique(at, return_index=True)[1]
    of = [column[i] for i in first.tolist()]
    short: dict[str, Any] = {"of": of, "at": len(at) if len(of) == 1 else at}
    return short if len(json.dumps(short)) < len(json.dumps(column)) else column


def _json(data: Any) -> str:
    """JSON without anything that could end the element it stands in."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029\ud800-\udfff]", lambda m: f"\\u{ord(m[0]):04x}", text)
