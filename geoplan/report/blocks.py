"""What a report is made of, from the first heading to the last annex, and how it is numbered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from geoplan.report.listing import Listing
from geoplan.report.words import ANNEX_MARK, END_MARK, FIGURE_MARK, TABLE_MARK, words

#: Chinese figures of the chapters.
FIGURES = "一二三四五六七八九"


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 to 3 without its number."""

    level: int
    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Grid:
    """A table near its text."""

    listing: Listing


@dataclass(frozen=True)
class Picture:
    """A still map near its text."""

    theme: str
    made: tuple[str, ...]


@dataclass(frozen=True)
class Annex:
    """A table on pages of its own at the end."""

    listing: Listing


Block = Heading | Text | Grid | Picture | Annex


def chinese(number: int) -> str:
    """A number below a hundred in Chinese figures.

    Examples
    --------
    >>> chinese(3), chinese(10), chinese(12), chinese(21)
    ('三', '十', '十二', '二十一')
    """
    tens, ones = divmod(number, 10)
    said = "" if not tens else "十" if tens == 1 else f"{FIGURES[tens - 1]}十"
    return said + (FIGURES[ones - 1] if ones else "")


def numbered(blocks: Iterable[Block]) -> Iterator[Block]:
    """Blocks whose headings carry their numbers: 一、 (一) 1. as official documents have them.

    Examples
    --------
    >>> [b.text for b in numbered([Heading(1, "甲"), Heading(2, "乙"), Heading(2, "丙"), Heading(1, "丁")])]
    ['一、甲', '（一）乙', '（二）丙', '二、丁']
    """
    counts = [0, 0, 0]
    for block in blocks:
        if not isinstance(block, Heading):
            yield block
            continue
        level = block.level
        counts[level - 1 :] = [counts[level - 1] + 1, *[0] * (3 - level)]
        position = counts[level - 1]
        marks = (f"{chinese(position)}、", f"（{chinese(position)}）", f"{position}.")
        yield Heading(level, marks[level - 1] + block.text)


def places(blocks: Sequence[Block]) -> dict[str, str]:
    r"""Numbers of tables, pictures and annexes by their marks, in the order in which they stand.

    Examples
    --------
    >>> places([Picture("routes", ())])
    {'\ue001routes': '图1'}
    """
    labels = words()["labels"]
    kinds = {
        TABLE_MARK: (labels["table"], [b.listing.key for b in blocks if isinstance(b, Grid)]),
        FIGURE_MARK: (labels["figure"], [b.theme for b in blocks if isinstance(b, Picture)]),
        ANNEX_MARK: (labels["annex"], [b.listing.key for b in blocks if isinstance(b, Annex)]),
    }
    return {
        f"{mark}{key}": f"{label}{position}"
        for mark, (label, keys) in kinds.items()
        for position, key in enumerate(keys, 1)
    }


#: A place of a number in a sentence.
PLACE = re.compile(f"([{TABLE_MARK}{FIGURE_MARK}{ANNEX_MARK}])([a-z_0-9]+){END_MARK}")


def pieces(text: str, numbers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    r"""Parts of a sentence: its text, and the places it refers to with their marks.

    Raises
    ------
    KeyError
        The sentence refers to what the report does not have.

    Examples
    --------
    >>> list(pieces("见\ue000money\ue003。", {"\ue000money": "表3"}))
    [('见', ''), ('表3', '\ue000money'), ('。', '')]
    """
    end = 0
    for found in PLACE.finditer(text):
        if found.start() > end:
            yield text[end : found.start()], ""
        mark = found[1] + found[2]
        yield numbers[mark], mark
        end = found.end()
    if end < len(text):
        yield text[end:], ""
