"""Drawing on the sheet: signs, layers of the ground, and texts, all by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.markers import MarkerStyle
from matplotlib.patches import Rectangle
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke
from matplotlib.transforms import IdentityTransform

from geoplan.mapdata import toml
from geoplan.staticmap.content import Dots, Floats, Layer, Look, Mark, Pole, Poles, Sign, Stroke, Text, Ticks
from geoplan.staticmap.fonts import MM_PER_PT
from geoplan.staticmap.labels import KINDS, Placed, line_height
from geoplan.staticmap.view import INK, Frame, contrast

#: Corners of each shape of the area of a circle, by the factor on its radius.
CORNERS = {"triangle": (3, 1.45), "diamond": (4, 1.25), "hexagon": (6, 1.1)}
#: Marks that are circles: their share of the radius, and whether they are filled.
ROUND = {"dot": (0.3, True), "ring": (0.42, False)}
#: Bars of a substation. [mm]
POLE_WIDTH, POLE_FIRST = 1.7, 2.4
POLE_COLOURS = ("#b8c7e0", "#123a86")
#: From a sign to a label that stands far off.
LEAD = Stroke("#5b6670", 0.6)


def outline(shape: str) -> Outline:
    """Outline of a sign of radius 1."""
    if shape == "circle":
        return MarkerStyle("o").get_path()
    if shape == "square":
        return Outline(0.886 * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]), closed=True)
    corners, reach = CORNERS[shape]
    angle = 2 * np.pi * np.arange(corners + 1) / corners + np.pi / 2
    lift = -0.2 if corners == 3 else 0.0
    return Outline(np.column_stack([reach * np.cos(angle), lift + reach * np.sin(angle)]), closed=True)


def layer(ax: Axes, content: Layer, *, frame: Frame, order: float) -> None:
    """One layer of the ground, in the coordinates of the sheet."""
    if isinstance(content, Dots):
        dots(ax, content, at=frame.on_sheet(content.xy), order=order)
    elif isinstance(content, Ticks):
        ticks(ax, content, at=frame.on_sheet(content.xy), order=order)
    elif isinstance(content, Poles):
        for at, before, after in zip(frame.on_sheet(content.xy), content.before, content.after, strict=True):
            pole(ax, at[0] + POLE_FIRST, at[1] + 1.8, before, after, order=order)
    else:
        for stroke in content.look:
            strokes(ax, content.shapes, stroke, frame=frame, order=order)


def dots(ax: Axes, content: Dots, *, at: Floats, order: float) -> None:
    """Signs at places of the sheet, one collection for all."""
    # Sizes of a collection are squared points, whatever the outline.
    sizes = (content.radius / MM_PER_PT) ** 2
    found = PathCollection(
        [outline(content.shape)],
        sizes,
        offsets=at,
        offset_transform=ax.transData,
        facecolors=content.face,
        edgecolors=content.edge,
        linewidths=content.edge_width,
        linestyles=[(0, content.dash)] if content.dash else "solid",
        zorder=order,
    )
    found.set_transform(IdentityTransform())
    ax.add_collection(found, autolim=False)


def ticks(ax: Axes, content: Ticks, *, at: Floats, order: float) -> None:
    """Marks inside signs at places of the sheet."""
    if content.tick in ROUND:
        share, filled = ROUND[content.tick]
        face = content.colour if filled else "none"
        dots(ax, Dots(at, share * content.radius, face, content.colour, edge_width=0.9), at=at, order=order)
        return
    shape = np.array(toml("qgis.toml")["marks"][content.tick]).reshape(-1, 2, 2)
    segments = at[:, None, None, :] + content.radius[:, None, None, None] * shape
    widths = np.repeat(np.clip(0.2 * content.radius / MM_PER_PT, 0.8, 2.2), len(shape))
    lines = LineCollection(segments.reshape(-1, 2, 2), colors=content.colour, linewidths=widths, zorder=order)
    lines.set_capstyle("round")
    ax.add_collection(lines, autolim=False)


def strokes(ax: Axes, shapes: Any, stroke: Stroke, *, frame: Frame, order: float) -> None:
    """All shapes of a layer with one stroke, and their areas where it fills."""
    areas = shapes[shapely.get_dimensions(shapes) == 2]
    if stroke.fill and len(areas):
        rings = [frame.on_sheet(shapely.get_coordinates(shapely.get_exterior_ring(area))) for area in areas]
        ax.add_collection(
            PolyCollection(rings, facecolors=stroke.fill, edgecolors="none", zorder=order), autolim=False
        )
    lines = np.where(shapely.get_dimensions(shapes) == 2, shapely.boundary(shapes), shapes)
    paths = [frame.on_sheet(shapely.get_coordinates(line)) for line in shapely.get_parts(lines)]
    drawn(ax, paths, stroke, order=order)


def drawn(ax: Axes, paths: Sequence[Floats], stroke: Stroke, *, order: float) -> None:
    """Paths on the sheet with one stroke."""
    ax.add_collection(
        LineCollection(
            paths,
            colors=stroke.colour,
            linewidths=stroke.width,
            linestyles=[(0, stroke.dash)] if stroke.dash else "solid",
            capstyle="butt" if stroke.butt or stroke.dash else "round",
            joinstyle="round",
            alpha=stroke.alpha,
            zorder=order,
        ),
        autolim=False,
    )


def pole(ax: Axes, x: float, y: float, before: float, after: float, *, order: float) -> None:
    """Two bars that stand on a point of the sheet: before and after."""
    for i, (height, colour) in enumerate(zip((before, after), POLE_COLOURS, strict=True)):
        ax.add_patch(
            Rectangle(
                (x + i * POLE_WIDTH, y - height),
                POLE_WIDTH,
                height,
                facecolor=colour,
                edgecolor="#123a86",
                linewidth=0.5,
                zorder=order,
            )
        )


def sign(ax: Axes, what: Sign, *, x: float, y: float, wide: float) -> None:
    """A sign of the legend in a box that begins at x, on the line y."""
    if isinstance(what, Mark):
        one = Dots(
            np.zeros((1, 2)),
            np.array([what.radius]),
            [what.face],
            [what.edge],
            what.shape,
            what.edge_width,
            what.dash,
        )
        at = np.array([[x + wide / 2, y]])
        dots(ax, one, at=at, order=20)
        if what.tick:
            ticks(ax, Ticks(at, one.radius, what.tick, contrast(what.face)), at=at, order=21)
    elif isinstance(what, Pole):
        pole(ax, x + wide / 2 - POLE_WIDTH, y + 1.6, what.before, what.after, order=20)
    elif isinstance(what, Text):
        text(ax, x + wide / 2, y, what.said, size=KINDS["source"].size, ha="center")
    elif what:
        _line_sign(ax, what, x=x, y=y, wide=wide)


def _line_sign(ax: Axes, look: Look, *, x: float, y: float, wide: float) -> None:
    filled = any(stroke.fill for stroke in look)
    for stroke in look:
        if stroke.fill:
            ax.add_patch(
                Rectangle((x, y - 1.5), wide, 3.0, facecolor=stroke.fill, edgecolor="none", zorder=19)
            )
        corners = [(x, y - 1.5), (x + wide, y - 1.5), (x + wide, y + 1.5), (x, y + 1.5), (x, y - 1.5)]
        cap = 0.0 if stroke.butt or stroke.dash else stroke.width * MM_PER_PT / 2
        path = np.array(corners if filled else [(x + cap, y), (x + wide - cap, y)])
        drawn(ax, [path], stroke, order=20)


def text(ax: Axes, x: float, y: float, said: str, *, size: float, **more: Any) -> None:
    """A clean text on the sheet, its middle on the line y."""
    settings = {"color": INK, "va": "center_baseline", "ha": "left", "zorder": 25, **more}
    ax.text(x, y, said, fontsize=size, **settings)


def labels(ax: Axes, found: Sequence[Placed]) -> None:
    """Labels of the map with a halo, each in its box."""
    for place in found:
        kind = KINDS[place.label.kind]
        left, top, right, bottom = place.box
        x = {"left": left + 0.4, "right": right - 0.4, "center": (left + right) / 2}[place.align]
        high = line_height(kind.size)
        first = (top + bottom) / 2 - high * (len(place.lines) - 1) / 2
        if place.lead:
            drawn(ax, [np.array(place.lead)], LEAD, order=14)
        for i, line in enumerate(place.lines):
            text(
                ax,
                x,
                first + i * high,
                line,
                size=kind.size,
                ha=place.align,
                color=kind.colour,
                weight=kind.weight if i == 0 else "normal",
                style="italic" if kind.italic else "normal",
                path_effects=[withStroke(linewidth=1.8, foreground="#ffffff", alpha=0.9)],
                zorder=15,
            )
