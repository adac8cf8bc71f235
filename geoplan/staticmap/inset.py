"""The crowded part of a theme drawn larger, where the column or a corner of the map has room for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import KDTree

from geoplan.staticmap.content import Content, Dots, Floats, Poles
from geoplan.staticmap.view import Box, Frame, View, round_scale

#: Smallest side of an inset, the line above it, and the space around one on the map. [mm]
LEAST, TITLE, SPACE = 45.0, 7.0, 3.0
#: How much larger than the map it may be drawn.
LARGER = (8.0, 6.0, 5.0, 4.0, 3.0, 2.5, 2.0)
#: A village has room for its name at this distance from its neighbours; a pipe is seen when so long. [mm]
ROOM, SEEN = 14.0, 6.0
#: Neighbours that crowd a village.
NEIGHBOURS = 3
#: An inset gains at least so much distance and length in all. [mm]
LEAST_GAIN = 30.0
#: What an inset in a corner of the map counts against one in the column.
IN_CORNER = 0.8
#: Places that are tried as its middle.
TRIED = 200
#: Widths that are tried in a corner of the map, and how much longer than wide one may be. [mm]
WIDTHS, LONGEST = np.arange(140.0, LEAST - 1.0, -5.0), 2.2


@dataclass(frozen=True)
class _Crowd:
    """What an inset should show: places [m] and how much room each has or how long it is. [mm]"""

    xy: Floats
    apart: Floats
    wanted: Floats

    def gain(self, larger: float) -> Floats:
        """What each place gains when it is drawn so much larger. [mm]"""
        return np.minimum(larger * self.apart, self.wanted) - np.minimum(self.apart, self.wanted)


def inset(view: View, content: Content, free: Sequence[Box], *, taken: Sequence[Box] = ()) -> Frame | None:
    """The part of the map whose villages and new pipes gain most, in the box where they do; None if little.

    Parameters
    ----------
    view : View
    content : Content
        Its named villages and its new pipes are what the inset is for.
    free : sequence of tuple
        Boxes of the column. [mm]
    taken : sequence of tuple
        Boxes on the map that stay free. [mm]
    """
    crowd = _crowd(view, content)
    best, most = None, LEAST_GAIN
    beside = [(left, top + TITLE, right, bottom) for left, top, right, bottom in free]
    for boxes, share in ((beside, 1.0), (list(_corners(view, content, taken)), IN_CORNER)):
        for box in boxes:
            if min(box[2] - box[0], box[3] - box[1]) < LEAST:
                continue
            for larger in LARGER:
                scale = round_scale(view.frame.metres_per_mm / larger)
                found = _densest(view, crowd, box, metres_per_mm=scale)
                if found and share * found[1] > most:
                    best, most = found[0], share * found[1]
    return best


def headed(frame: Frame) -> Box:
    """An inset with the line above it. [mm]"""
    left, top, right, bottom = frame.box
    return left - 1.0, top - TITLE, right + 1.0, bottom + 1.0


def _crowd(view: View, content: Content) -> _Crowd:
    """Named villages with the room they have, and new pipes with their length."""
    named = np.array([label.xy for label in content.labels if label.kind == "village"]).reshape(-1, 2)
    count = min(NEIGHBOURS, len(named) - 1)
    near = np.full(len(named), ROOM)
    if count > 0:
        near = KDTree(named).query(named, k=count + 1)[0][:, 1:].mean(axis=1) / view.frame.metres_per_mm
    pipes = np.array(content.fine, dtype=object)
    long = shapely.length(pipes) / view.frame.metres_per_mm
    middles = shapely.get_coordinates(shapely.line_interpolate_point(pipes, 0.5, normalized=True))
    return _Crowd(
        np.vstack([named, middles]),
        # Signs on one place cannot be told apart at any scale, those half a millimetre apart can.
        np.concatenate([np.maximum(near, 0.5), np.maximum(long, 0.1)]),
        np.concatenate([np.full(len(named), ROOM), np.full(len(long), SEEN)]),
    )


def _densest(view: View, crowd: _Crowd, box: Box, *, metres_per_mm: float) -> tuple[Frame, float] | None:
    """The frame of a scale in which most is gained, and how much."""
    half = np.array([box[2] - box[0], box[3] - box[1]]) * metres_per_mm / 2
    west, south, east, north = view.frame.extent
    low, high = np.array([west, south]) + half, np.array([east, north]) - half
    if (low > high).any() or not len(crowd.xy):
        return None
    gain = crowd.gain(view.frame.metres_per_mm / metres_per_mm)
    # Signs at the very edge are cut.
    inner = half - 2.0 * metres_per_mm
    places = crowd.xy[gain > 0]
    if not len(places):
        return None
    tried = np.clip([*places[:: len(places) // TRIED + 1], places.mean(axis=0)], low, high)
    seen = (np.abs(crowd.xy[None, :, :] - tried[:, None, :]) < inner).all(axis=2)
    best = int(np.argmax(seen @ gain))
    inside = crowd.xy[seen[best] & (gain > 0)]
    if not len(inside):
        return None
    x, y = np.clip((inside.min(axis=0) + inside.max(axis=0)) / 2, low, high).tolist()
    return Frame.around((x, y), box, metres_per_mm=metres_per_mm), float(gain[seen[best]].sum())


def _corners(view: View, content: Content, taken: Sequence[Box]) -> Iterator[Box]:
    """For each corner of the map the largest box in which nothing of the plan stands. [mm]"""
    left, top, right, bottom = view.frame.box
    busy = _busy(view, content, taken)
    for on_right in (False, True):
        for below in (False, True):
            across = right - busy[:, 0] if on_right else busy[:, 0] - left
            down = bottom - busy[:, 1] if below else busy[:, 1] - top
            there = (across > -SPACE) & (down > -SPACE)
            best, area = None, 0.0
            for wide in WIDTHS.tolist():
                near = down[there & (across < wide + 2 * SPACE)]
                high = min([bottom - top, *near.tolist()]) - 2 * SPACE - TITLE
                high = min(high, LONGEST * wide)
                if min(wide, high) >= LEAST and wide <= LONGEST * high and wide * high > area:
                    x = right - SPACE - wide if on_right else left + SPACE
                    y = bottom - SPACE - high if below else top + SPACE + TITLE
                    best, area = (x, y, x + wide, y + high), wide * high
            if best:
                yield best


def _busy(view: View, content: Content, taken: Sequence[Box]) -> Floats:
    """Places of the map where something of the plan stands, its boundary included. [mm]"""
    step = 2.0 * view.frame.metres_per_mm
    # On the coarse grid of the public version a short pipe may be a point.
    lines = [line for line in (*content.courses, *content.fine) if line.length > 0]
    if "boundary" in view.plan.layers:
        lines += [shapely.boundary(area) for area in view.plan.layers["boundary"].geometry if area]
    dense = shapely.get_coordinates(shapely.segmentize(np.array(lines, dtype=object), step))
    places = [layer.xy for layer in content.layers if isinstance(layer, Dots | Poles)]
    towns = np.array([label.xy for label in content.labels if label.kind == "town"]).reshape(-1, 2)
    corners = [(x, y) for box in taken for x in (box[0], box[2]) for y in (box[1], box[3])]
    ground = view.frame.on_sheet(np.vstack([dense, *places, towns]))
    return np.vstack([ground, np.array(corners, dtype=float).reshape(-1, 2)])
