"""The sheet: title, map, column with legend and tables, scale, north and what the map is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from geoplan.staticmap import column, draw
from geoplan.staticmap.content import Content, Dots, Floats, Poles
from geoplan.staticmap.fonts import fitted, width
from geoplan.staticmap.inset import headed, inset
from geoplan.staticmap.labels import placed
from geoplan.staticmap.view import GAP, INK, MARGIN, TOP, Box, Frame, Paper, View

MM_PER_INCH = 25.4
#: Lengths of a scale bar times a power of ten. [m]
BARS = (1.0, 2.0, 5.0)
#: Longest scale bar. [mm]
BAR_ROOM = 50.0
#: Share of a sign that is its middle.
MIDDLE = 0.5
EDGE, OUTSIDE = "#5b6670", "#eceff1"


def composed(view: View, content: Content, *, title: str, said: Sequence[str]) -> Figure:
    """One theme on its sheet.

    Parameters
    ----------
    view : View
    content : Content
    title : str
        Title of the theme.
    said : sequence of str
        Coordinate system, and the last lines of the column.
    """
    paper = view.paper
    figure = Figure(figsize=(paper.width / MM_PER_INCH, paper.height / MM_PER_INCH), facecolor="#ffffff")
    FigureCanvasAgg(figure)
    sheet = _axes(figure, (0.0, 0.0, paper.width, paper.height), paper=paper, order=3)
    right = view.frame.box[2]
    _heading(sheet, view, title)
    _foot(sheet, view, said[0])
    room = (right + GAP, TOP, paper.width - MARGIN, paper.height - MARGIN)
    words = {"heading": view.words["legend"], "more": view.say("more", "{}")}
    free = column.filled(sheet, content, room=room, last=said[1:], **words)
    north = _north(sheet, view)
    closer = inset(view, content, free, taken=[north])
    taken = [north] if closer is None else [north, headed(closer)]
    _map(figure, sheet, view.frame, view=view, content=content, taken=taken)
    if closer:
        _map(figure, sheet, closer, view=view, content=content, taken=[])
        _inset_signs(sheet, view, closer)
    return figure


def _axes(figure: Figure, box: Box, *, paper: Paper, order: int) -> Axes:
    """Axes over a box of the sheet, in millimetres from the upper left corner."""
    left, top, right, bottom = box
    wide, high = paper.width, paper.height
    where = (left / wide, 1 - bottom / high, (right - left) / wide, (bottom - top) / high)
    axes = figure.add_axes(where, xlim=(left, right), ylim=(bottom, top), zorder=order)
    axes.set_axis_off()
    return axes


def _map(
    figure: Figure, sheet: Axes, frame: Frame, *, view: View, content: Content, taken: Sequence[Box]
) -> None:
    """The layers on one part of the ground, with those of the labels that find room there."""
    left, top, right, bottom = frame.box
    ground = _axes(figure, frame.box, paper=view.paper, order=1)
    ground.add_patch(Rectangle((left, top), right - left, bottom - top, color=OUTSIDE, linewidth=0, zorder=0))
    for i, layer in enumerate(content.layers):
        draw.layer(ground, layer, frame=frame, order=1 + i / 100)
    at = frame.on_sheet(np.array([label.xy for label in content.labels]).reshape(-1, 2)).tolist()
    inside = [
        (label, (x, y))
        for label, (x, y) in zip(content.labels, at, strict=True)
        if label.course >= 0 or (left <= x <= right and top <= y <= bottom)
    ]
    room = (left + 0.6, top + 0.6, right - 0.6, bottom - 0.6)
    signs, dots = [*taken, *_signs(frame, content)], _villages(frame, view, content)
    own = dots[:0] if content.own is None else dots[content.own]
    if content.own is None:
        # Where all villages are the theme no name could be free of them; their middles count twice.
        dots = np.vstack([dots, _villages(frame, view, content, share=MIDDLE)])
    courses = [shapely.transform(line, frame.on_sheet) for line in content.courses]
    found = placed(inside, room=room, taken=signs, dots=dots, own=own, courses=courses)
    draw.labels(sheet, found)
    edge = Rectangle(
        (left, top), right - left, bottom - top, fill=False, edgecolor=EDGE, linewidth=1.1, zorder=30
    )
    sheet.add_patch(edge)


def _inset_signs(ax: Axes, view: View, closer: Frame) -> None:
    """Where the inset lies on the map, and its scale."""
    west, south, east, north = closer.extent
    (left, bottom), (right, top) = view.frame.on_sheet(np.array([(west, south), (east, north)])).tolist()
    box = Rectangle(
        (left, top), right - left, bottom - top, fill=False, edgecolor=INK, linewidth=1.0, zorder=16
    )
    box.set_linestyle((0, (4, 2.5)))
    ax.add_patch(box)
    said = view.scale(closer, "closer")
    x, y = closer.box[0], closer.box[1]
    draw.text(ax, x, y - 3.0, said, size=11.0, weight="bold")


def _heading(ax: Axes, view: View, title: str) -> None:
    """Title of the plan and of the theme, as much as the sheet has room for."""
    width_mm = view.paper.width
    room = width_mm - 2 * MARGIN
    plan = str(getattr(view.plan.policy, "title", "") or view.plan.name)
    draw.text(ax, width_mm / 2, 9.0, fitted(plan, room, size=13.0), size=13.0, ha="center", color=EDGE)
    said = fitted(title, room, size=24.0, weight="bold")
    draw.text(ax, width_mm / 2, 19.0, said, size=24.0, ha="center", weight="bold")


def _north(ax: Axes, view: View) -> Box:
    """North arrow in the upper corner with fewer villages; the box it takes."""
    left, top, right, _ = view.frame.box
    at = view.frame.on_sheet(view.xy)
    high = at[:, 1] < top + 26
    on_left, on_right = (high & (at[:, 0] < left + 20)).sum(), (high & (at[:, 0] > right - 20)).sum()
    x, y = left + 10 if on_left < on_right else right - 10, top + 6
    for side, colour in ((-1, INK), (1, "#ffffff")):
        corners = [(x, y), (x + side * 3.4, y + 12), (x, y + 9.2)]
        ax.add_patch(Polygon(corners, closed=True, facecolor=colour, edgecolor=INK, linewidth=0.8, zorder=26))
    draw.text(ax, x, y + 15.5, view.words["north"], size=11.0, ha="center", weight="bold")
    return x - 6, y - 2, x + 6, y + 19


def _foot(ax: Axes, view: View, crs: str) -> None:
    """Scale bar, scale on the paper it is for, and the coordinate system, below the map."""
    frame = view.frame
    left, _, right, bottom = frame.box
    y = bottom + 5.0
    room = BAR_ROOM * frame.metres_per_mm
    bar = max(b * 10.0**p for p in range(7) for b in BARS if b * 10.0**p <= room)
    step = bar / frame.metres_per_mm / 4
    for i in range(4):
        colour = INK if i % 2 == 0 else "#ffffff"
        ax.add_patch(
            Rectangle((left + i * step, y - 0.2), step, 1.6, facecolor=colour, edgecolor=INK, linewidth=0.6)
        )
    unit, over = ("km", 1000.0) if bar >= 1000 else ("m", 1.0)
    for part in (0, 2, 4):
        value = f"{bar * part / 4 / over:g}" + (f" {unit}" if part == 4 else "")
        draw.text(ax, left + part * step, y - 2.2, value, size=8.0, ha="center" if part else "left")
    scale = view.scale(frame, "scale")
    x = left + 4 * step + 10.0
    draw.text(ax, x, y + 0.4, scale, size=10.0, weight="bold")
    rest = right - x - width(scale, size=10.0, weight="bold") - 6.0
    draw.text(ax, right, y + 0.4, fitted(crs, rest, size=9.0), size=9.0, ha="right")


def _villages(frame: Frame, view: View, content: Content, *, share: float = 1.0) -> Floats:
    """Boxes of the signs of the villages, or of a share of them around their middles. [mm]"""
    sized = view.villages["households"] if content.sized is None else content.sized
    at, r = frame.on_sheet(view.xy), share * (view.radius(sized) + 0.2)
    return np.column_stack([at[:, 0] - r, at[:, 1] - r, at[:, 0] + r, at[:, 1] + r])


def _signs(frame: Frame, content: Content) -> Iterator[Box]:
    """Boxes that no label may cover: sources and their bars. [mm]"""
    for layer in content.layers:
        if isinstance(layer, Poles):
            for (x, y), high in zip(frame.on_sheet(layer.xy).tolist(), layer.before.tolist(), strict=True):
                yield x + 2.0, y + 1.5 - high, x + 6.2, y + 2.2
        elif isinstance(layer, Dots) and isinstance(layer.face, str):
            for (x, y), r in zip(frame.on_sheet(layer.xy).tolist(), layer.radius.tolist(), strict=True):
                yield x - r, y - r, x + r, y + r
