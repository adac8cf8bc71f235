"""Headings of a file matched to the columns of a table."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from geoplan.columns import Column, nearest, table
from geoplan.errors import Problem
from geoplan.io.cells import key, reading, visible

#: Bytes to which a shapefile cuts a field name; a Chinese character takes two or three of them.
DBF_NAME_BYTES = 10
#: Headings printed in the note of what was left out.
SHOWN_COLUMNS = 12

_BRACKET = re.compile(r"(.+?)[(\[]([^()\[\]]+)[)\]]")


@dataclass(frozen=True)
class Headings:
    """Which heading of the file is which column, and what was wrong on the way.

    Attributes
    ----------
    columns : mapping of str to str
        Heading by column name.
    problems : tuple of Problem
        Without file and layer; the caller knows them.
    """

    columns: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


@cache
def known_words(stem: str) -> dict[str, str]:
    """Column name by every word that may head it, as compared by :func:`geoplan.io.cells.key`.

    Examples
    --------
    >>> known_words("villages")["村名"]
    'name'
    """
    columns = table(stem)
    words: dict[str, str] = {}
    for column in columns.values():
        for word in (column.zh, column.label("zh"), column.en, column.label("en")):
            words.setdefault(key(word), column.name)
    for column in columns.values():
        words.update({key(alias): column.name for alias in column.aliases})
    return words | {key(name): name for name in columns}


@cache
def _ignored() -> frozenset[str]:
    return frozenset(key(word) for word in reading()["ignored"])


def column_of(heading: str, stem: str) -> tuple[str | None, str]:
    """The column a heading names, and the unit in its brackets if that is not the column's own.

    Examples
    --------
    >>> column_of("户均面积（㎡）", "villages"), column_of("供热能力（kW）", "heat_sources")
    (('floor_area_m2', ''), ('capacity_mw', 'kw'))
    """
    word = key(heading)
    words = known_words(stem)
    if word in words:
        return words[word], ""
    bracket = _BRACKET.fullmatch(word)
    if bracket is None or bracket[1] not in words:
        return None, ""
    name = words[bracket[1]]
    unit = table(stem)[name].unit
    own = not unit or bracket[2] in {key(text) for text in (unit, *reading()["units"].get(unit, ()))}
    return name, "" if own else bracket[2]


def match(headings: Sequence[str], *, stem: str, cut: bool = False) -> Headings:
    """Match the headings of a file to the columns of a table.

    Parameters
    ----------
    headings : sequence of str
        As the file has them, without coordinates.
    stem : str
        Name of the layer.
    cut : bool
        Whether the file cuts names to ten bytes, as a shapefile does.

    Returns
    -------
    Headings
        With an error for a heading that is close to an absent column, for
        two headings of one column, and for a foreign unit; with one warning
        that lists what was left out.

    Examples
    --------
    >>> found = match(["村名", "housholds", "面积2"], stem="villages")
    >>> dict(found.columns)
    {'name': '村名'}
    >>> print(found.problems[0])
    unknown column 'housholds'; did you mean 'households'?
    """
    claims: dict[str, list[str]] = {}
    foreign: dict[str, str] = {}
    problems: list[Problem] = []
    for heading in headings:
        name, unit = column_of(heading, stem)
        if name is not None and unit:
            foreign[heading] = name
            problems.append(_foreign_unit(heading, table(stem)[name], unit))
        elif name is not None:
            claims.setdefault(name, []).append(heading)
    chosen, twice = _chosen(claims)
    problems += twice
    settled = {*chosen.values(), *foreign}
    rest = [h for h in headings if h not in settled and key(h) and key(h) not in _ignored()]
    if cut:
        restored = _restored(rest, stem=stem, absent=_absent(stem, {*chosen, *foreign.values()}))
        chosen |= restored
        rest = [h for h in rest if h not in restored.values()]
        problems += [_cut_note(restored)] if restored else []
    near = _near(rest, _absent(stem, {*chosen, *foreign.values()}), stem=stem)
    problems += [
        Problem(f"unknown column {visible(heading)!r}", column=name, remedy=f"did you mean {name!r}?")
        for heading, name in near.items()
    ]
    unknown = [h for h in rest if h not in near]
    problems += [_left_out(unknown)] if unknown else []
    return Headings(chosen, tuple(problems))


def _chosen(claims: Mapping[str, Sequence[str]]) -> tuple[dict[str, str], list[Problem]]:
    """One heading for each column: its own name before an alias; two of a kind are a problem."""
    chosen, problems = {}, []
    for name, claimants in claims.items():
        exact = [h for h in claimants if key(h) == name]
        rivals = exact or claimants
        if len(rivals) > 1:
            problems.append(_twice(name, rivals))
        chosen[name] = rivals[0]
    return chosen, problems


def _absent(stem: str, present: Collection[str]) -> list[str]:
    return [name for name in table(stem) if name not in present]


def _near(rest: Sequence[str], absent: Sequence[str], *, stem: str) -> dict[str, str]:
    """Headings close to a name or a Chinese alias of a column that the file does not have."""
    targets = {}
    for name in absent:
        column = table(stem)[name]
        chinese = [key(word) for word in (*column.aliases, column.zh) if not word.isascii()]
        targets.update({word: name for word in (name, *chinese) if len(word) > 1})
    found = {heading: nearest(key(heading), tuple(targets)) for heading in rest}
    return {heading: targets[word] for heading, word in found.items() if word}


def _restored(rest: Sequence[str], *, stem: str, absent: Sequence[str]) -> dict[str, str]:
    """Headings of names that were cut to ten bytes, by the one absent column each begins."""
    restored: dict[str, str] = {}
    for heading in filter(_may_be_cut, rest):
        names = {n for word, n in known_words(stem).items() if word.startswith(key(heading)) and n in absent}
        if len(names) == 1:
            restored.setdefault(names.pop(), heading)
    return restored


def _may_be_cut(heading: str) -> bool:
    sizes = [len(key(heading).encode(code, "replace")) for code in ("gb18030", "utf-8")]
    return any(DBF_NAME_BYTES - 2 < size <= DBF_NAME_BYTES for size in sizes)


def _foreign_unit(heading: str, column: Column, unit: str) -> Problem:
    return Problem(
        f"column {visible(heading)!r} is in {visible(unit)}, but {column.name} is in {column.unit}",
        column=column.name,
        remedy=f"convert the numbers to {column.unit} and head the column {column.name!r}",
    )


def _twice(name: str, claimants: Sequence[str]) -> Problem:
    return Problem(
        f"{len(claimants)} columns for {name}: {', '.join(visible(c) for c in claimants)}",
        column=name,
        remedy=f"keep one and head it {name!r}",
    )


def _cut_note(restored: Mapping[str, str]) -> Problem:
    pairs = ", ".join(f"{visible(h)} = {n}" for n, h in restored.items())
    return Problem(f"column names cut by the shapefile were restored: {pairs}", severity="repair")


def _left_out(unknown: Sequence[str]) -> Problem:
    names = ", ".join(visible(h) for h in unknown[:SHOWN_COLUMNS])
    more = len(unknown) - SHOWN_COLUMNS
    return Problem(f"columns not used: {names}{f' and {more} more' if more > 0 else ''}", severity="warning")
