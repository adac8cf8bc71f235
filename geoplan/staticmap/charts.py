"""Small charts of the column, drawn on the sheet itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from geoplan.staticmap import draw
from geoplan.staticmap.content import BarChart, Dots, Floats, ScatterChart
from geoplan.staticmap.fonts import fitted, width

#: Sizes of letters. [pt]
TITLE, FINE = 11.0, 8.5
#: Heights of the title, of a bar with its space, of a line of keys. [mm]
HEAD, BAR, KEY = 6.2, 5.4, 4.6
GREY = "#5b6670"
Keys = Sequence[tuple[str, str]]


def bar_height(chart: BarChart, wide: float) -> float:
    """Height of a bar chart. [mm]"""
    return HEAD + BAR * len(chart.bars) + 1.0 + keys_height(chart.keys, wide)


def keys_height(keys: Keys, wide: float) -> float:
    """Height of the keys below a chart. [mm]"""
    return KEY * len(_key_lines(keys, wide)) if keys else 0.0


def bars(ax: Axes, chart: BarChart, *, x: float, y: float, wide: float) -> None:
    """Stacked bars with their sums, and what the colours mean."""
    heading(ax, chart.title, chart.unit, x=x, y=y, wide=wide)
    y += HEAD
    longest = max((sum(bar.parts) for bar in chart.bars), default=0.0)
    sums = [f"{sum(bar.parts):,.0f}" for bar in chart.bars]
    names = min(max((width(bar.label, size=FINE) for bar in chart.bars), default=0.0), 0.4 * wide) + 1.5
    room = wide - names - max((width(s, size=FINE) for s in sums), default=0.0) - 1.5
    for bar, said in zip(chart.bars, sums, strict=True):
        draw.text(ax, x, y + BAR / 2, fitted(bar.label, names, size=FINE), size=FINE)
        start = x + names
        for part, (_, colour) in zip(bar.parts, chart.keys, strict=True):
            long = room * part / longest if longest > 0 else 0.0
            ax.add_patch(
                Rectangle((start, y + 0.8), long, BAR - 1.6, facecolor=colour, edgecolor="none", zorder=19)
            )
            start += long
        draw.text(ax, start + 1.0, y + BAR / 2, said, size=FINE)
        y += BAR
    _keys(ax, chart.keys, x=x, y=y + 1.0, wide=wide)


def _keys(ax: Axes, keys: Keys, *, x: float, y: float, wide: float) -> None:
    """What the colours of a chart mean."""
    for line in _key_lines(keys, wide):
        start = x
        for label, colour in line:
            ax.add_patch(
                Rectangle((start, y + KEY / 2 - 1.2), 3.0, 2.4, facecolor=colour, edgecolor="none", zorder=19)
            )
            draw.text(ax, start + 4.0, y + KEY / 2, label, size=FINE)
            start += width(label, size=FINE) + 8.0
        y += KEY


def _key_lines(keys: Keys, wide: float) -> list[list[tuple[str, str]]]:
    """Keys of a chart in as many lines as they need."""
    lines: list[list[tuple[str, str]]] = [[]]
    at = 0.0
    for key in keys:
        need = width(key[0], size=FINE) + 8.0
        if lines[-1] and at + need - 4.0 > wide:
            lines.append([])
            at = 0.0
        lines[-1].append(key)
        at += need
    return lines


def scatter(ax: Axes, chart: ScatterChart, *, x: float, y: float, wide: float) -> None:
    """Points over two logarithmic axes of the same span, and the line where both are equal."""
    heading(ax, chart.title, "", x=x, y=y, wide=wide)
    left, right, top = x + 12.0, x + wide - 3.0, y + HEAD + 1.0
    bottom = y + chart.high - 9.0
    low, high = _decades(chart)
    span = high - low

    def at(px: Floats, py: Floats) -> Floats:
        across = left + (right - left) * (np.log10(px) - low) / span
        return np.column_stack([across, bottom - (bottom - top) * (np.log10(py) - low) / span])

    ax.add_patch(
        Rectangle(
            (left, top),
            right - left,
            bottom - top,
            facecolor="#ffffff",
            edgecolor=GREY,
            linewidth=0.7,
            zorder=18,
        )
    )
    for power in range(int(np.ceil(low)), int(np.floor(high)) + 1):
        (px, py) = at(np.array([10.0**power]), np.array([10.0**power]))[0]
        ax.plot([px, px], [top, bottom], color="#e4e7ea", linewidth=0.6, zorder=18)
        ax.plot([left, right], [py, py], color="#e4e7ea", linewidth=0.6, zorder=18)
        draw.text(ax, px, bottom + 2.6, f"{10**power:,}", size=7.5, ha="center")
        draw.text(ax, left - 1.0, py, f"{10**power:,}", size=7.5, ha="right")
    ax.plot([left, right], [bottom, top], color=GREY, linewidth=1.0, dashes=(5, 3), zorder=19)
    found = Dots(np.empty((0, 2)), np.full(len(chart.x), 0.9), chart.colours, "#ffffff", edge_width=0.3)
    draw.dots(ax, found, at=at(chart.x, chart.y), order=19.5)
    draw.text(ax, (left + right) / 2, bottom + 6.6, chart.x_label, size=FINE, ha="center")
    draw.text(ax, left + 1.2, top + 2.4, chart.y_label, size=FINE)
    if chart.keys:
        _keys(ax, chart.keys, x=x, y=y + chart.high, wide=wide)


def _decades(chart: ScatterChart) -> tuple[float, float]:
    """Span of both axes as powers of ten."""
    every = np.concatenate([chart.x, chart.y])
    return float(np.log10(every.min())) - 0.1, float(np.log10(every.max())) + 0.1


def heading(ax: Axes, said: str, unit: str, *, x: float, y: float, wide: float) -> None:
    """Heading of a part of the column with its unit to the right."""
    room = width(unit, size=FINE) + 3.0 if unit else 0.0
    kept = fitted(said, wide - room, size=TITLE, weight="bold")
    draw.text(ax, x, y + HEAD / 2 - 0.4, kept, size=TITLE, weight="bold")
    if unit:
        draw.text(ax, x + wide, y + HEAD / 2 - 0.4, unit, size=FINE, ha="right", color=GREY)
