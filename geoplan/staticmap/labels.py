"""Labels on the still maps: placed by importance, moved aside, left out where no place is free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from geoplan.staticmap.content import Floats, Label
from geoplan.staticmap.fonts import MM_PER_PT, fitted, width
from geoplan.staticmap.view import Box

#: Longest line of a label. [mm]
LONGEST = 46.0


@dataclass(frozen=True)
class Kind:
    """How labels of a kind look [pt], and what they may hide before they are left out.

    Attributes
    ----------
    hides, hides_own : int
        Most villages that such a label may hide, and most of those that the theme is about.
    further : tuple of float
        How much further from its place it may move, after the usual seats. [mm]
    lead : bool
        Whether a line leads to its place when it stands far off.
    """

    size: float
    colour: str
    hides: int = 0
    weight: str = "normal"
    italic: bool = False
    hides_own: int = 0
    further: tuple[float, ...] = ()
    lead: bool = False


#: Hides any number of villages.
ALWAYS = 1_000_000
KINDS = {
    "town": Kind(12.0, "#2f3b45", ALWAYS, "bold", further=(7.0,)),
    "source": Kind(
        8.5,
        "#2f3b45",
        ALWAYS,
        "bold",
        hides_own=ALWAYS,
        further=(5.0, 8.0, 11.0, 14.0, 18.0, 22.0),
        lead=True,
    ),
    "pipe": Kind(7.5, "#7a1015"),
    "gas_pipe": Kind(7.5, "#7a4b00"),
    "river": Kind(9.0, "#4f8db8", italic=True),
    "village": Kind(7.5, "#2f3b45"),
}
#: What a hidden village and one of the theme weigh against a millimetre away from the place.
HIDDEN, HIDDEN_OWN = 5.0, 15.0
#: A label further from its sign than this has a line to it. [mm]
LEAD_FROM = 2.0
#: A label of a pipe is this near to its own line, and by so much nearer than to any other. [mm]
BESIDE, NEARER = 1.6, 0.7
#: Where along its line the label of a pipe is tried.
ALONG = (0.5, 0.35, 0.65, 0.2, 0.8)


@dataclass(frozen=True)
class Placed:
    """A label that found its place: lines of text, its box and the side it is aligned to."""

    label: Label
    lines: tuple[str, ...]
    box: Box
    align: str
    lead: tuple[tuple[float, float], tuple[float, float]] | None = None


@dataclass(frozen=True)
class _Sheet:
    """What labels have to keep clear of; boxes in rows. [mm]"""

    room: Box
    taken: Floats
    dots: Floats
    own: Floats


def placed(
    labels: Sequence[tuple[Label, tuple[float, float]]],
    *,
    room: Box,
    taken: Sequence[Box],
    dots: Floats,
    own: Floats | None = None,
    courses: Sequence[Any] = (),
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
    own : array, shape (n, 4), optional
        Boxes of the villages that the theme is about; the name of a town hides none of them. [mm]
    courses : sequence of geometry
        Lines on the sheet that labels of pipes are about. [mm]

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
    theme = np.empty((0, 4)) if own is None else own
    towns = np.array([at for label, at in labels if label.kind == "town"], dtype=float).reshape(-1, 2)
    for label, at in labels:
        sheet = _Sheet(room, boxes, dots, theme)
        others = towns[(towns != at).any(axis=1)] if label.kind == "town" else towns[:0]
        seat = (
            _seat(label, at, sheet=sheet, others=others)
            if label.course < 0
            else _beside(label, courses, sheet=sheet)
        )
        if seat is not None:
            done.append(seat)
            boxes = np.vstack([boxes, seat.box])
    return done


def _seat(label: Label, at: tuple[float, float], *, sheet: _Sheet, others: Floats) -> Placed | None:
    """Where a label stands best, never nearer to the place of another town than to its own."""
    kind = KINDS[label.kind]
    lines, wide, high = _sized(label)
    if not lines:
        return None
    best, least = None, np.inf
    for x, y, align, reach in _seats(at, label.gap, wide, high, further=kind.further):
        # Seats come from the nearest to the furthest.
        if reach >= least:
            break
        box = (x, y, x + wide, y + high)
        astray = len(others) and _apart(others, box).min() <= _apart(np.array([at]), box)[0]
        if astray or not _free(box, sheet):
            continue
        hidden, own = int(touching(sheet.dots, box).sum()), int(touching(sheet.own, box).sum())
        cost = reach + HIDDEN * hidden + HIDDEN_OWN * own
        if hidden <= kind.hides and own <= kind.hides_own and cost < least:
            lead = _lead(at, box, gap=label.gap) if kind.lead else None
            best, least = Placed(label, lines, box, align, lead), cost
    return best


def _beside(label: Label, courses: Sequence[Any], *, sheet: _Sheet) -> Placed | None:
    """A seat beside the line that the label is about, clearly nearer to it than to any other."""
    own = shapely.get_parts(shapely.clip_by_rect(courses[label.course], *sheet.room))
    own = own[shapely.length(own) > 0]
    lines, wide, high = _sized(label)
    if not len(own) or not lines:
        return None
    longest = own[int(np.argmax(shapely.length(own)))]
    rest = np.array([line for i, line in enumerate(courses) if i != label.course], dtype=object)
    for share in ALONG:
        at = shapely.line_interpolate_point(longest, share, normalized=True)
        for x, y, align, _ in _seats((at.x, at.y), label.gap, wide, high):
            box = (x, y, x + wide, y + high)
            if not _free(box, sheet) or touching(sheet.dots, box).any():
                continue
            shape = shapely.box(*box)
            apart = float(shapely.distance(own, shape).min())
            clear = float(shapely.distance(rest, shape).min()) if len(rest) else np.inf
            if apart <= BESIDE and clear >= apart + NEARER:
                return Placed(label, lines, box, align)
    return None


def _sized(label: Label) -> tuple[tuple[str, ...], float, float]:
    """Lines of a label with the width and the height of its box. [mm]"""
    kind = KINDS[label.kind]
    lines = tuple(
        fitted(text, LONGEST, size=kind.size, weight=kind.weight) for text in (label.text, label.sub) if text
    )
    wide = max((width(line, size=kind.size, weight=kind.weight) for line in lines), default=0.0) + 0.8
    return lines, wide, len(lines) * line_height(kind.size) + 0.4


def _free(box: Box, sheet: _Sheet) -> bool:
    """Whether a box is in the room for labels and touches nothing that is taken."""
    left, top, right, bottom = sheet.room
    inside = left <= box[0] and top <= box[1] and box[2] <= right and box[3] <= bottom
    return inside and not touching(sheet.taken, box).any()


def _lead(
    at: tuple[float, float], box: Box, *, gap: float
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """A line from the edge of a sign to the box of its label, where that stands far off. [mm]"""
    end = np.array([np.clip(at[0], box[0], box[2]), np.clip(at[1], box[1], box[3])])
    way = end - np.array(at)
    long = float(np.hypot(*way))
    if long < gap + LEAD_FROM:
        return None
    start = np.array(at) + way * (gap / long)
    return (float(start[0]), float(start[1])), (float(end[0]), float(end[1]))


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
    at: tuple[float, float], gap: float, wide: float, high: float, *, further: tuple[float, ...] = ()
) -> Iterator[tuple[float, float, str, float]]:
    """Corners that the box of a label may take, the best first: on a place, around a sign.

    With each its side and how far it lies from the best. [mm]
    """
    x, y = at
    if not gap:
        yield x - wide / 2, y - high / 2, "center", 0.0
    near = (gap, gap + 2.5) if gap else (1.2, 4.5)
    for reach in (*near, *(gap + more for more in further)):
        left, right, far = x - reach - wide, x + reach, reach - gap
        yield right, y - high / 2, "left", far
        yield left, y - high / 2, "right", far
        yield x - wide / 2, y + reach, "center", far
        yield x - wide / 2, y - reach - high, "center", far
        for corner in (y - 0.7 * reach - high, y + 0.7 * reach):
            yield right - 0.3 * reach, corner, "left", far
            yield left + 0.3 * reach, corner, "right", far
