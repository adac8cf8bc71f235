"""Labels on the still maps: placed by importance, moved aside, left out where no place is free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from geoplan.staticmap.content import Floats, Label
from geoplan.staticmap.fonts import MM_PER_PT, fitted, width
from geoplan.staticmap.view import Box

#: Longest line of a label. [mm]
LONGEST = 46.0


@dataclass(frozen=True)
class Kind:
    """How labels of a kind look; one that would hide more than `hides` villages is left out. [pt]"""

    size: float
    colour: str
    hides: int
    weight: str = "normal"
    italic: bool = False


#: Hides any number of villages.
ALWAYS = 1_000_000
KINDS = {
    "town": Kind(12.0, "#2f3b45", ALWAYS, "bold"),
    "source": Kind(8.5, "#2f3b45", ALWAYS, "bold"),
    "pipe": Kind(7.5, "#7a1015", 0),
    "river": Kind(9.0, "#4f8db8", 0, italic=True),
    "village": Kind(7.5, "#2f3b45", 0),
}


@dataclass(frozen=True)
class Placed:
    """A label that found its place: lines of text, its box and the side it is aligned to."""

    label: Label
    lines: tuple[str, ...]
    box: Box
    align: str


def placed(
    labels: Sequence[tuple[Label, tuple[float, float]]], *, room: Box, taken: Sequence[Box], dots: Floats
) -> list[Placed]:
    """Those of the labels that find a free place.

    Parameters
    ----------
    labels : sequence of (Label, (x, y))
        The most important first, each with its place on the sheet. [mm]
    room : tuple
        Where labels may stand. [mm]
    taken : sequence of tuple
        Boxes that nothing may touch. [mm]
    dots : array, shape (n, 4)
        Boxes of the signs of villages; a label hides as few as it can. [mm]

    Returns
    -------
    list of Placed
        No two touch.

    Examples
    --------
    >>> two = [(Label(name, (0, 0), "town"), (50.0, 50.0)) for name in ("甲镇", "乙镇")]
    >>> found = placed(two, room=(0, 0, 100, 100), taken=[], dots=np.empty((0, 4)))
    >>> [p.label.text for p in found], found[0].box[3] <= found[1].box[1]
    (['甲镇', '乙镇'], True)
    """
    done: list[Placed] = []
    boxes = np.array([*taken], dtype=float).reshape(-1, 4)
    towns = np.array([at for label, at in labels if label.kind == "town"], dtype=float).reshape(-1, 2)
    for label, at in labels:
        others = towns[(towns != at).any(axis=1)] if label.kind == "town" else towns[:0]
        seat = _seat(label, at, room=room, taken=boxes, dots=dots, others=others)
        if seat is not None:
            done.append(seat)
            boxes = np.vstack([boxes, seat.box])
    return done


def _seat(
    label: Label, at: tuple[float, float], *, room: Box, taken: Floats, dots: Floats, others: Floats
) -> Placed | None:
    """Where a label stands best, never nearer to the place of another town than to its own."""
    kind = KINDS[label.kind]
    lines = tuple(
        fitted(text, LONGEST, size=kind.size, weight=kind.weight) for text in (label.text, label.sub) if text
    )
    if not lines:
        return None
    wide = max(width(line, size=kind.size, weight=kind.weight) for line in lines) + 0.8
    high = len(lines) * line_height(kind.size) + 0.4
    best, fewest = None, kind.hides + 1
    for x, y, align in _seats(at, label.gap, wide, high):
        if fewest == 0:
            break
        box = (x, y, x + wide, y + high)
        inside = room[0] <= x and room[1] <= y and box[2] <= room[2] and box[3] <= room[3]
        astray = len(others) and _apart(others, box).min() <= _apart(np.array([at]), box)[0]
        if inside and not astray and not touching(taken, box).any():
            hidden = int(touching(dots, box).sum())
            if hidden < fewest:
                best, fewest = Placed(label, lines, box, align), hidden
    return best


def line_height(size: float) -> float:
    """Height of a line of text. [mm]"""
    return size * 1.25 * MM_PER_PT


def _apart(places: Floats, box: Box) -> Floats:
    """How far places are from a box. [mm]"""
    x, y = places[:, 0], places[:, 1]
    return np.hypot(x - np.clip(x, box[0], box[2]), y - np.clip(y, box[1], box[3]))


def touching(boxes: Floats, box: Box) -> np.ndarray:
    """Which boxes share area with one."""
    left, top, right, bottom = box
    return (boxes[:, 0] < right) & (left < boxes[:, 2]) & (boxes[:, 1] < bottom) & (top < boxes[:, 3])


def _seats(
    at: tuple[float, float], gap: float, wide: float, high: float
) -> Iterator[tuple[float, float, str]]:
    """Corners that the box of a label may take, the best first: on a place, around a sign."""
    x, y = at
    if not gap:
        yield x - wide / 2, y - high / 2, "center"
    for reach in (gap, gap + 2.5) if gap else (1.2, 4.5):
        left, right = x - reach - wide, x + reach
        yield right, y - high / 2, "left"
        yield left, y - high / 2, "right"
        yield x - wide / 2, y + reach, "center"
        yield x - wide / 2, y - reach - high, "center"
        for corner in (y - 0.7 * reach - high, y + 0.7 * reach):
            yield right - 0.3 * reach, corner, "left"
            yield left + 0.3 * reach, corner, "right"
