"""A plan on its sheet: which ground is shown at which scale, and how large a village is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import KDTree

from geoplan.explain import style
from geoplan.made import layer_labels
from geoplan.mapdata import LEAST_SHARE, Lang, is_made, said, toml
from geoplan.model import Plan
from geoplan.staticmap.content import Dots, Floats, Mark, Ticks

#: Space around everything, and between map and column. [mm]
MARGIN, GAP = 10.0, 4.0
#: Space above the map and below it; least width of the column, and least share of the width for the map. [mm]
TOP, BOTTOM = 28.0, 21.0
COLUMN, NARROWEST = 96.0, 0.49
#: Between the outermost village and the frame. [mm]
PAD = 9.0
#: Scales are rounded up to one of these times a power of ten.
SCALES = (1, 1.2, 1.4, 1.5, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.2, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 9, 10)
#: A county of one village still shows this much ground. [m]
LEAST_GROUND = 2_000.0

GREY, GREY_EDGE, INK = "#d5d9dc", "#a5acb2", "#2f3b45"
MADE_DASH = (2.2, 1.8)
#: Smaller signs have no room for a mark. [mm]
TICK_FROM = 1.1


@cache
def words() -> dict[str, Any]:
    """Every fixed word of the still maps by language."""
    return toml("staticmap.toml")


#: Villages nearer to each other than this on the map are crowded [mm]; this share of all calls for an inset.
CROWDED, CROWDED_SHARE = 7.0, 0.25
#: Left, top, right and bottom on the sheet. [mm]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Paper:
    """What a map is drawn on, landscape, and is to be printed on in this size. [mm]"""

    width: float
    height: float


A3 = Paper(420.0, 297.0)


@dataclass(frozen=True)
class Frame:
    """A part of the ground on a part of the sheet.

    Attributes
    ----------
    box : tuple
        [mm]
    extent : tuple of float
        West, south, east and north. [m]
    """

    box: Box
    extent: tuple[float, float, float, float]

    @classmethod
    def around(cls, centre: tuple[float, float], box: Box, *, metres_per_mm: float) -> Frame:
        """The ground around a point that fills a box at a scale.

        Examples
        --------
        >>> Frame.around((500.0, 800.0), (0.0, 0.0, 10.0, 20.0), metres_per_mm=50.0).extent
        (250.0, 300.0, 750.0, 1300.0)
        """
        (x, y), (left, top, right, bottom) = centre, box
        half_w, half_h = (right - left) * metres_per_mm / 2, (bottom - top) * metres_per_mm / 2
        return cls(box, (x - half_w, y - half_h, x + half_w, y + half_h))

    @property
    def metres_per_mm(self) -> float:
        """Scale. [m/mm]"""
        return (self.extent[2] - self.extent[0]) / (self.box[2] - self.box[0])

    def on_sheet(self, xy: Floats) -> Floats:
        """Places on the sheet, from its upper left corner. [mm]"""
        x = self.box[0] + (xy[:, 0] - self.extent[0]) / self.metres_per_mm
        return np.column_stack([x, self.box[1] + (self.extent[3] - xy[:, 1]) / self.metres_per_mm])


def round_scale(least: float) -> float:
    """The next round scale from one on. [m/mm]

    Examples
    --------
    >>> round_scale(161.0), round_scale(50.0)
    (180.0, 50.0)
    """
    power = 10.0 ** np.floor(np.log10(least))
    return float(next(s * power for s in SCALES if s * power >= least * (1 - 1e-9)))


@dataclass(frozen=True)
class View:
    """A plan on its sheet.

    Attributes
    ----------
    plan : Plan
    lang : {"zh", "en"}
    public : bool
        Whether what must not be published is left out.
    size : float
        Of the signs of villages; smaller where pipes are the theme.
    paper : Paper
    """

    plan: Plan
    lang: Lang = "zh"
    public: bool = False
    size: float = 1.0
    paper: Paper = A3

    def say(self, key: str, *values: Any) -> str:
        """A fixed word with its values."""
        return str(words()["words"][key][self.lang]).format(*values)

    @cached_property
    def words(self) -> dict[str, str]:
        """Words that the coverage map has as well."""
        return said("words", self.lang)

    @cached_property
    def layers(self) -> Mapping[str, str]:
        """Names of the layers."""
        return layer_labels(self.lang)

    @cached_property
    def units(self) -> dict[str, str]:
        """Units as a reader writes them."""
        return said("units", self.lang)

    @cached_property
    def villages(self) -> gpd.GeoDataFrame:
        """Villages with a place, the largest first."""
        villages = self.plan.villages
        there = villages[~(villages.geometry.isna() | villages.geometry.is_empty)]
        order = there.assign(households=there["households"].fillna(0).astype(int))
        return order.sort_values(["households", "village_id"], ascending=[False, True], ignore_index=True)

    @cached_property
    def xy(self) -> Floats:
        """Places of the villages. [m]"""
        return coordinates(self.villages)

    @cached_property
    def frame(self) -> Frame:
        """The map, at a round scale: as wide as the sheet lets it be, or narrow beside an inset."""
        west, south, east, north = self._ground.tolist()
        high = self.paper.height - TOP - BOTTOM
        widest = self.paper.width - 2 * MARGIN - GAP - COLUMN
        fitting = (east - west) / (north - south) * (high - 2 * PAD) + 2 * PAD
        wide = float(np.clip(fitting, NARROWEST * self.paper.width, widest))
        least = max((east - west) / (wide - 2 * PAD), (north - south) / (high - 2 * PAD))
        scale, centre = round_scale(least), ((west + east) / 2, (south + north) / 2)
        if len(crowded(self.xy, within=CROWDED * scale)) < CROWDED_SHARE * len(self.xy):
            wide = widest
        return Frame.around(centre, (MARGIN, TOP, MARGIN + wide, TOP + high), metres_per_mm=scale)

    def scale(self, frame: Frame, word: str) -> str:
        """The scale of a frame in words: on a sheet that others place, with the paper it is true for."""
        said = self.say(word, f"{frame.metres_per_mm * 1000:,.0f}")
        return self.say("on_a3", said) if self.paper == A3 else said

    @cached_property
    def _ground(self) -> Floats:
        """What must be on the map: the core and, where that does not get lost in it, the county. [m]"""
        core = self._core
        county = _bounds(self.plan.layers["boundary"]) if "boundary" in self.plan.layers else core
        whole = np.concatenate([np.fmin(core, county)[:2], np.fmax(core, county)[2:]])
        fits = (core[2:] - core[:2] >= LEAST_SHARE * (whole[2:] - whole[:2])).all()
        return whole if fits else core

    @cached_property
    def _core(self) -> Floats:
        """Villages and sources of the plan, or else what there is: west, south, east and north. [m]"""
        layers = [self.plan.layers[s] for s in sorted(self.plan.layers)]
        places = [f for f in (self.plan.villages, self.plan.sources) if np.isfinite(_bounds(f)).all()]
        frames = places or [f for f in layers if np.isfinite(_bounds(f)).all()]
        if not frames:
            return np.array([0.0, 0.0, LEAST_GROUND, LEAST_GROUND])
        every = np.array([_bounds(f) for f in frames])
        (west, south), (east, north) = every[:, :2].min(axis=0), every[:, 2:].max(axis=0)
        x = max((LEAST_GROUND - (east - west)) / 2, 0.0)
        y = max((LEAST_GROUND - (north - south)) / 2, 0.0)
        return np.array([west - x, south - y, east + x, north + y])

    def radius(self, amount: pd.Series | Floats, *, like: pd.Series | Floats | None = None) -> Floats:
        """Radius of signs whose area is in proportion to an amount, as for all of `like`. [mm]"""
        values, every = (
            np.clip(np.nan_to_num(np.asarray(v, dtype=float)), 0.0, None)
            for v in (amount, amount if like is None else like)
        )
        left, top, right, bottom = self.frame.box
        # Where the county is much larger than its villages, their signs are smaller, but never lost.
        own = float(np.prod(self._core[2:] - self._core[:2]) / np.prod(self._ground[2:] - self._ground[:2]))
        each = float(
            np.sqrt(0.5 * np.sqrt(own) * (right - left) * (bottom - top) / max(len(self.villages), 1))
        )
        large = float(np.quantile(every[every > 0], 0.95)) if (every > 0).any() else 1.0
        least, most = np.clip(0.09 * each, 0.3, 0.9), np.clip(0.26 * each, 0.45, 3.6)
        return self.size * np.clip(most * np.sqrt(values / large), least, 2.2 * most)

    def dots(
        self, face: pd.Series, *, amount: pd.Series | None = None, shown: pd.Series | None = None
    ) -> list[Dots]:
        """Signs of the villages: apartments square, made data dashed, those without a task hollow.

        Parameters
        ----------
        face : Series of str
            Colour by village.
        amount : Series, optional
            What the area stands for; the households where it is not given.
        shown : Series of bool, optional
            Villages drawn; all where it is not given.
        """
        villages = self.villages
        radius = self.radius(villages["households"] if amount is None else amount)
        idle = villages["households"].to_numpy() == 0
        made = is_made(villages).to_numpy() & ~idle
        square = (villages["dwelling"].astype("string") == "apartment").fillna(False).to_numpy(dtype=bool)
        keep = np.ones(len(villages), dtype=bool) if shown is None else shown.to_numpy(dtype=bool)
        faces, edges = face.astype(str).to_numpy(copy=True), np.full(len(villages), "#ffffff", dtype=object)
        faces[idle] = "#ffffff"
        edges[idle] = "#8b9299"
        table = {colour: darker(colour) for colour in set(faces[made])}
        edges[made] = [table[colour] for colour in faces[made]]
        edges[made & (faces == GREY)] = GREY_EDGE
        out = []
        for shape, in_shape in (("circle", ~square), ("square", square)):
            for dash, dashed in (((), ~made), (MADE_DASH, made)):
                of = keep & in_shape & dashed
                if of.any():
                    out.append(Dots(self.xy[of], radius[of], faces[of], edges[of], shape, 0.7, dash))
        return out

    def ticks(self, routes: Sequence[str]) -> list[Ticks]:
        """Marks of the routes inside the signs of their villages that have room and are not covered."""
        own, radius = self.villages, self.radius(self.villages["households"])
        room = (radius >= TICK_FROM) & (own["households"] > 0).to_numpy()
        room &= ~_covered(self.xy / self.frame.metres_per_mm, radius)
        out = []
        for route in routes:
            of = room & (own["route"] == route).to_numpy()
            tick = style()["routes"][route].get("mark")
            if tick and of.any():
                out.append(Ticks(self.xy[of], radius[of], tick, contrast(route_colour(route))))
        return out

    def mark(self, colour: str, *, tick: str = "") -> Mark:
        """The sign of a village in the legend."""
        return Mark(colour, radius=1.7, edge=darker(colour), edge_width=0.6, tick=tick)

    def route_mark(self, route: str) -> Mark:
        """The sign of a village on a route in the legend."""
        return self.mark(route_colour(route), tick=style()["routes"][route].get("mark") or "")


def crowded(places: Floats, *, within: float) -> Floats:
    """Those of the places that have a neighbour nearer than a distance. [m]

    Examples
    --------
    >>> crowded(np.array([(0.0, 0.0), (3.0, 0.0), (90.0, 0.0)]), within=5.0).tolist()
    [[0.0, 0.0], [3.0, 0.0]]
    """
    if len(places) < 2:
        return places[:0]
    near, _ = KDTree(places).query(places, k=2)
    return places[near[:, 1] < within]


def coordinates(frame: gpd.GeoDataFrame) -> Floats:
    """One place of each row that has one. [m]"""
    shapes = frame.geometry.to_numpy()
    points = np.where(shapely.get_type_id(shapes) == 0, shapes, shapely.point_on_surface(shapes))
    return np.column_stack([shapely.get_x(points), shapely.get_y(points)]).reshape(-1, 2)


def _bounds(frame: gpd.GeoDataFrame) -> Floats:
    return np.asarray(frame.total_bounds, dtype=float) if len(frame) else np.full(4, np.nan)


def _covered(at: Floats, radius: Floats) -> np.ndarray:
    """Signs whose middle lies under one that is drawn later. [mm]"""
    covered = np.zeros(len(at), dtype=bool)
    if len(at) > 1:
        pairs = np.sort(KDTree(at).query_pairs(float(radius.max()), output_type="ndarray"), axis=1)
        apart = np.hypot(*(at[pairs[:, 0]] - at[pairs[:, 1]]).T)
        covered[pairs[apart < radius[pairs[:, 1]], 0]] = True
    return covered


def contrast(colour: str) -> str:
    """The colour of a mark on a sign: dark where that is pale.

    Examples
    --------
    >>> contrast("#0a2f66"), contrast("#9cc6f0")
    ('#ffffff', '#3c3c3c')
    """
    return "#3c3c3c" if sum(int(colour[i : i + 2], 16) for i in (1, 3, 5)) > 480 else "#ffffff"


def darker(colour: str) -> str:
    """A colour half way to black.

    Examples
    --------
    >>> darker("#c1272d")
    '#601416'
    """
    return blend(colour, "#000000", 0.5)


def blend(colour: str, to: str, share: float) -> str:
    """A colour on its way to another, from 0 to 1.

    Examples
    --------
    >>> blend("#000000", "#ffffff", 0.5)
    '#808080'
    """
    parts = [(int(a[i : i + 2], 16), int(b[i : i + 2], 16)) for a, b in ((colour, to),) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a * (1 - share) + b * share):02x}" for a, b in parts)


def route_colour(route: str) -> str:
    """Colour of a route, the same on every map."""
    return str(style()["routes"].get(route, {"colour": "#888888"})["colour"])
