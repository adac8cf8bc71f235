"""The crowded part of a county drawn larger, where the column has room for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import KDTree

from geoplan.staticmap.content import Content, Floats
from geoplan.staticmap.view import CROWDED, Box, Frame, View, crowded, round_scale

#: Smallest side of an inset, and the line above it. [mm]
LEAST, TITLE = 45.0, 7.0
#: How much larger than the map it is drawn: as much as shows all that is crowded, or else as usual.
LARGER, USUAL = (8.0, 6.0, 4.0, 3.0, 2.5, 2.0), 2.5
#: An inset shows at least so many of them, as a number and as a share of all.
LEAST_VILLAGES, LEAST_SHARE = 5, 0.05
#: Places that are tried as its middle.
TRIED = 400


def inset(view: View, content: Content, free: Sequence[Box]) -> Frame | None:
    """The part of the map where most named villages crowd, in the largest free box; None if it is no use."""
    boxes = [(left, top + TITLE, right, bottom) for left, top, right, bottom in free]
    large = [box for box in boxes if min(box[2] - box[0], box[3] - box[1]) >= LEAST]
    named = np.array([label.xy for label in content.labels if label.kind == "village"]).reshape(-1, 2)
    close = crowded(named, within=CROWDED * view.frame.metres_per_mm)
    if not large or len(close) < LEAST_VILLAGES:
        return None
    box = max(large, key=lambda b: (b[2] - b[0]) * (b[3] - b[1]))
    found = None
    for larger in (*LARGER, USUAL):
        found = _densest(view, close, box, metres_per_mm=round_scale(view.frame.metres_per_mm / larger))
        if found and found[1] == len(close):
            break
    return found[0] if found and found[1] >= max(LEAST_VILLAGES, LEAST_SHARE * len(close)) else None


def _densest(view: View, places: Floats, box: Box, *, metres_per_mm: float) -> tuple[Frame, int] | None:
    """The frame of a scale that shows most places, the nearest to each other above all, and how many."""
    half = np.array([box[2] - box[0], box[3] - box[1]]) * metres_per_mm / 2
    west, south, east, north = view.frame.extent
    low, high = np.array([west, south]) + half, np.array([east, north]) - half
    if (low > high).any():
        return None
    tried = np.clip([*places[:: len(places) // TRIED + 1], places.mean(axis=0)], low, high)
    near = KDTree(places).query(places, k=2)[0][:, 1]
    weight = np.clip(CROWDED * view.frame.metres_per_mm / np.maximum(near, 1.0), 1.0, 5.0)
    seen = [float(weight[(np.abs(places - centre) < half).all(axis=1)].sum()) for centre in tried]
    best = tried[int(np.argmax(seen))]
    inside = places[(np.abs(places - best) < half).all(axis=1)]
    x, y = np.clip((inside.min(axis=0) + inside.max(axis=0)) / 2, low, high).tolist()
    return Frame.around((x, y), box, metres_per_mm=metres_per_mm), len(inside)
