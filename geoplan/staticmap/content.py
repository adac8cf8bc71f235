"""What a still map shows, as plain values: signs, layers on the ground, blocks of the column, labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Stroke:
    """How a line is drawn; several on top of each other make a look.

    Attributes
    ----------
    width : float
        [pt]
    dash : tuple of float
        Lengths on and off. [pt]
    fill : str
        Colour of the area inside, empty for none.
    """

    colour: str
    width: float
    dash: tuple[float, ...] = ()
    fill: str = ""
    alpha: float = 1.0
    butt: bool = False


Look = tuple[Stroke, ...]


@dataclass(frozen=True)
class Mark:
    """How a point is drawn.

    Attributes
    ----------
    radius : float
        That of the circle of the same area. [mm]
    edge_width : float
        [pt]
    tick : str
        Mark of a route inside.
    """

    face: str
    shape: str = "circle"
    radius: float = 1.6
    edge: str = "#ffffff"
    edge_width: float = 0.8
    dash: tuple[float, ...] = ()
    tick: str = ""


@dataclass(frozen=True)
class Pole:
    """Two bars side by side: what was there before and what is left."""

    before: float
    after: float


@dataclass(frozen=True)
class Text:
    """A sample of a label."""

    said: str


Sign = Look | Mark | Pole | Text | None


@dataclass(frozen=True)
class Lines:
    """Lines or areas of one look."""

    shapes: Any
    look: Look


@dataclass(frozen=True)
class Dots:
    """Points of one shape and edge style, drawn in their order.

    Attributes
    ----------
    xy : array, shape (n, 2)
        [m]
    radius : array, shape (n,)
        [mm]
    face, edge : sequence of str
        One for each, or a single colour.
    """

    xy: Floats
    radius: Floats
    face: Any
    edge: Any
    shape: str = "circle"
    edge_width: float = 0.8
    dash: tuple[float, ...] = ()


@dataclass(frozen=True)
class Ticks:
    """Marks of a route inside the signs of its villages, for those who do not see its colour."""

    xy: Floats
    radius: Floats
    tick: str
    colour: str


@dataclass(frozen=True)
class Poles:
    """Pairs of bars standing at points; heights in mm."""

    xy: Floats
    before: Floats
    after: Floats


Layer = Lines | Dots | Ticks | Poles


@dataclass(frozen=True)
class Label:
    """A text that belongs to a place, and how important it is by its kind.

    Attributes
    ----------
    course : int
        Line of the content's `courses` that it says something about; -1 for none.
    """

    text: str
    xy: tuple[float, float]
    kind: str
    gap: float = 0.0
    sub: str = ""
    course: int = -1


@dataclass(frozen=True)
class Row:
    """A line of a block: a sign, then cells, the first to the left and the others to the right."""

    cells: tuple[str, ...]
    sign: Sign = None
    strong: bool = False


@dataclass(frozen=True)
class Block:
    """A part of the legend or a table."""

    title: str
    rows: tuple[Row, ...]
    head: tuple[str, ...] = ()
    unit: str = ""


@dataclass(frozen=True)
class Bar:
    """A stacked bar of a chart."""

    label: str
    parts: tuple[float, ...]


@dataclass(frozen=True)
class BarChart:
    """Stacked bars, one below the other."""

    title: str
    unit: str
    keys: tuple[tuple[str, str], ...]
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class ScatterChart:
    """Points over two logarithmic axes and the line where both are equal.

    Attributes
    ----------
    high : float
        Height with title and axes; smaller where the column has less room. [mm]
    keys : tuple of (str, str)
        What the colours mean, below the axes.
    """

    title: str
    x_label: str
    y_label: str
    x: Floats
    y: Floats
    colours: Any
    high: float = 74.0
    keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Content:
    """One theme: layers from the ground up, legend and tables from the top down.

    Attributes
    ----------
    legend, tables : tuple
        Parts of the column, the signs before the numbers.
    stems : tuple of str
        Layers of the plan that are shown; said where they hold made data.
    own : array of bool, optional
        Which villages of the view the theme is about; all where it is not given.
    sized : Series, optional
        What the area of the signs of the view's villages stands for; their households where it is not given.
    courses : tuple of geometry
        Lines that a label of one of them must not be read for. [m]
    fine : tuple of geometry
        New pipes of the theme, which an inset should show. [m]
    """

    layers: tuple[Layer, ...]
    legend: tuple[Block, ...]
    tables: tuple[Block | BarChart | ScatterChart, ...] = ()
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    stems: tuple[str, ...] = field(default=())
    own: Any = None
    sized: Any = None
    courses: tuple[Any, ...] = ()
    fine: tuple[Any, ...] = ()
