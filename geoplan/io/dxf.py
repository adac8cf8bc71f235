"""AutoCAD DXF: the lines of a drawing, with what the names of its layers say of them.

A drawing has no columns. Whether a main exists stands in the name of its layer,
in the words of ``data/reading.toml``, and so does its diameter (``DN300``). What
a name does not say is asked for, all layers at once; what was switched off or
frozen in the drawing is left out, and said.
"""

from __future__ import annotations

import io
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from ezdxf import path as dxf_path
from ezdxf import units as dxf_units
from ezdxf.document import Drawing
from ezdxf.entities.dxfentity import DXFEntity
from ezdxf.entities.insert import Insert
from ezdxf.enums import InsertUnits
from ezdxf.filemanagement import read as read_drawing
from ezdxf.lldxf.const import DXFError
from ezdxf.lldxf.encoding import decode_dxf_unicode, decode_mif_to_unicode
from ezdxf.lldxf.validator import DXFInfo, dxf_info
from pyproj import CRS
from pyproj.exceptions import CRSError

from geoplan.columns import LAYER_GEOMETRY, table
from geoplan.crs import are_degrees
from geoplan.errors import Problem
from geoplan.io.cells import key, reading, visible
from geoplan.io.raw import Raw, Source, objects
from geoplan.io.sniff import Unreadable
from geoplan.units import DIAMETER_SIGN

#: How far a flattened curve may lie from the true one. [m]
FLATTEN_M = 0.05
#: Bézier curves that stand in for each arc: they lie within 4 mm of one of 10 km. [count]
ARCS = 16
#: Length of a degree along a meridian. [m]
M_PER_DEGREE = 111_000.0
#: Largest drawing read; it takes some twentyfold in memory. [byte]
MAX_DXF_BYTES = 64 * 2**20
#: Most objects after blocks are exploded, most points of their lines, and how deep blocks nest.
MAX_OBJECTS, MAX_POINTS, MAX_DEPTH = 300_000, 3_000_000, 16
#: Objects that are lines.
CURVES = frozenset({"LINE", "LWPOLYLINE", "POLYLINE", "ARC", "SPLINE", "ELLIPSE", "HELIX"})
#: Northings of China are between these; what falls outside has another unit than it says. [m]
NORTHINGS = (1_000_000.0, 10_000_000.0)
#: Layer of an object in a block that takes the layer of the block.
BY_BLOCK = "0"
#: What the library raises where a drawing is broken.
_FAULTS = (
    DXFError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
)

# What the library has to say of a drawing is said by the problems of the layer.
logging.getLogger("ezdxf").addHandler(logging.NullHandler())

_DIAMETER = re.compile(rf"DN{DIAMETER_SIGN}(\d{{2,4}})(?!\d)", re.IGNORECASE)


@dataclass(frozen=True)
class Curve:
    """One line of the drawing and the layer that it is on."""

    layer: str
    points: tuple[tuple[float, float], ...]
    closed: bool


def read_dxf(data: bytes, source: Source, *, prj: bytes | None = None) -> Raw:
    """Lines of a drawing; for a boundary, the areas that closed lines go around.

    Parameters
    ----------
    data : bytes
        Content of the file, an ASCII DXF of any release since R12.
    source : Source
        Where it comes from.
    prj : bytes, optional
        Content of the ``.prj`` beside it.

    Returns
    -------
    Raw
        Coordinates in metres, or in degrees where the drawing has such.

    Raises
    ------
    Unreadable
        If the layer holds no lines, or the drawing is damaged or too large.
    """
    if LAYER_GEOMETRY[source.stem] != "Line" and source.stem != "boundary":
        raise Unreadable(
            "is a drawing, of which only lines are read",
            "export the layer as GeoPackage or GeoJSON, or its points as a table",
        )
    if len(data) > MAX_DXF_BYTES:
        raise Unreadable(
            f"is larger than {MAX_DXF_BYTES / 2**20:g} MB", "keep only the layers of the network (WBLOCK)"
        )
    document, info = _opened(data)
    found = _Finding(document)
    try:
        curves = list(found.curves())
    except _FAULTS as error:
        raise _damaged(error) from None
    names = list(dict.fromkeys(c.layer for c in curves))
    said = {name: _said(name, source.stem) for name in names}
    read = [c for c in curves if said[c.layer] is not None]
    factor, problems = _factor(read, info)
    read = read if factor else []
    problems += found.problems() + _unsaid([n for n in names if said[n] is None], info)
    columns = {c: [(said[r.layer] or {}).get(c) for r in read] for c in _columns(source.stem)}
    shapes = [_shape(r, factor, area=source.stem == "boundary") for r in read]
    return Raw(
        source=source,
        columns={name: objects(values) for name, values in columns.items()},
        shapes=objects(shapes),
        rows=np.arange(1, len(shapes) + 1),
        crs=_crs(prj),
        problems=tuple(source.own(p) for p in problems),
    )


def _crs(prj: bytes | None) -> CRS | None:
    if prj is None:
        return None
    try:
        return CRS.from_wkt(prj.decode("utf-8-sig", "replace"))
    except CRSError:
        raise Unreadable("its .prj names an unknown CRS", "delete it and pass --crs") from None


def _opened(data: bytes) -> tuple[Drawing, DXFInfo]:
    """The drawing and what its header says."""
    try:
        info = dxf_info(io.StringIO(data.decode("latin-1")))
        text = _decoded(data, info)
        return read_drawing(io.StringIO(text, newline=None)), info
    except UnicodeDecodeError as error:
        remedy = "save it as DXF of 2007 or newer, which is UTF-8"
        raise Unreadable(f"is not in {error.encoding}, as it says (byte {error.start})", remedy) from None
    except _FAULTS as error:
        raise _damaged(error) from None


def _decoded(data: bytes, info: DXFInfo) -> str:
    """Text in the encoding that the header names; where it names none, UTF-8 if it is that, else GB18030."""
    if info.version >= "AC1021":
        return data.decode("utf-8-sig")
    if b"$DWGCODEPAGE" in data:
        return data.decode("gb18030" if info.encoding == "gbk" else info.encoding)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030")


def _damaged(error: Exception) -> Unreadable:
    why = visible(f"{type(error).__name__}: {error}", most=200)
    remedy = "open it in AutoCAD, run AUDIT or RECOVER, and save it as DXF again"
    return Unreadable(f"is a damaged DXF ({why})", remedy)


class _Finding:
    """The lines of the model space, blocks exploded, and what else was there."""

    def __init__(self, document: Drawing) -> None:
        self.document = document
        self.annotation = frozenset(reading()["drawing"]["annotation"])
        self.frozen = {_plain(layer.dxf.name) for layer in document.layers if layer.is_frozen()}
        self.hidden = {
            _plain(layer.dxf.name): "frozen" if layer.is_frozen() else "off"
            for layer in document.layers
            if layer.is_frozen() or layer.is_off()
        }
        self.left_out: Counter[tuple[str, str]] = Counter()
        self.foreign: Counter[tuple[str, str]] = Counter()
        self.unseen: Counter[str] = Counter()
        self.invisible = 0
        self.references: set[str] = set()
        self.objects = self.points = 0

    def curves(self) -> Iterator[Curve]:
        """Every line, in the order of the drawing."""
        units = self.document.header.get("$INSUNITS", 0)
        tolerance = FLATTEN_M / _metres(units) if _metres(units) else FLATTEN_M
        for entity, layer, within in self._exploded(self.document.modelspace(), None, "", depth=0):
            kind = entity.dxftype()
            unseen = next((name for name in (within, layer) if self._unseen(name)), "")
            if unseen:
                self.unseen[unseen] += kind in CURVES
            elif entity.dxf.get("invisible", 0):
                self.invisible += kind in CURVES
            elif kind in CURVES and not _is_mesh(entity):
                yield self._curve(entity, layer, tolerance)
            else:
                (self.left_out if kind in self.annotation else self.foreign)[layer, kind] += 1

    def _unseen(self, layer: str) -> bool:
        """Whether the drawing does not show what is on a layer."""
        return layer in self.hidden or layer.casefold() == "defpoints"

    def _exploded(
        self, entities: Iterable[DXFEntity], home: str | None, within: str, *, depth: int
    ) -> Iterator[tuple[DXFEntity, str, str]]:
        """Every object, its layer, and the frozen layer that a block around it stands on."""
        if depth > MAX_DEPTH:
            raise Unreadable(f"has blocks nested more than {MAX_DEPTH} deep", "explode them (EXPLODE)")
        for entity in entities:
            # A block in rows and columns is as many copies, also an empty one.
            self.objects += max(int(entity.mcount), 1) if isinstance(entity, Insert) else 1
            if self.objects > MAX_OBJECTS:
                raise Unreadable(
                    f"holds more than {MAX_OBJECTS:,} objects with its blocks",
                    "keep only the layers of the network (WBLOCK)",
                )
            own = _plain(entity.dxf.get("layer", BY_BLOCK))
            layer = home if home is not None and own == BY_BLOCK else own
            if not isinstance(entity, Insert):
                yield entity, layer, within
                continue
            block = entity.block()
            if block is None:
                self.foreign[layer, "INSERT"] += 1
            elif block.block is not None and (block.block.is_xref or block.block.is_xref_overlay):
                self.references.add(_plain(entity.dxf.name))
            else:
                gone = within or (layer if layer in self.frozen else "")
                seen = not entity.dxf.get("invisible", 0)
                for one in entity.multi_insert() if entity.mcount > 1 else (entity,):
                    for part in self._exploded(one.virtual_entities(), layer, gone, depth=depth + 1):
                        if not seen:
                            part[0].dxf.invisible = 1
                        yield part

    def _curve(self, entity: DXFEntity, layer: str, tolerance: float) -> Curve:
        path = dxf_path.make_path(entity, segments=ARCS)
        points = []
        degrees = max(abs(path.start.x), abs(path.start.y)) <= 360.0
        for vertex in path.flattening(tolerance / M_PER_DEGREE if degrees else tolerance):
            self.points += 1
            if self.points > MAX_POINTS:
                raise Unreadable(
                    f"has more than {MAX_POINTS:,} points", "keep only the layers of the network (WBLOCK)"
                )
            points.append((float(vertex.x), float(vertex.y)))
        return Curve(layer, tuple(points), closed=len(points) > 3 and points[0] == points[-1])

    def problems(self) -> list[Problem]:
        """What was not read: an error where it may be a pipe, a warning where it only explains."""
        found = []
        if self.references:
            message = f"refers to other drawings: {_listed(sorted(self.references))}"
            found.append(Problem(message, remedy="bind them (XREF, Bind) and save it again"))
        if self.foreign:
            message = f"holds objects that cannot be read as lines: {_counted(self.foreign)}"
            remedy = "explode them (EXPLODE; 天正, 鸿业: save as T3), or delete them"
            found.append(Problem(message, remedy=remedy))
        if self.left_out:
            message = f"left out, as they are no lines: {_counted(self.left_out)}"
            found.append(Problem(message, severity="warning"))
        unseen = [
            f"{visible(n)!r} ({self.hidden.get(n, 'never printed')}, {k} lines)"
            for n, k in self.unseen.items()
            if k
        ]
        if unseen:
            message = f"left out, as the drawing does not show them: layers {_listed(unseen)}"
            found.append(
                Problem(message, remedy="thaw or switch them on if they are meant", severity="warning")
            )
        if self.invisible:
            message = f"left out, as the drawing does not show them: {self.invisible} invisible lines"
            found.append(
                Problem(
                    message, remedy="show them (ISOLATEOBJECTS, End) if they are meant", severity="warning"
                )
            )
        return found


def _plain(name: str) -> str:
    r"""A name with its escaped characters (``\U+73B0``, ``\M+5CFD6``) spelt out."""
    return str(decode_mif_to_unicode(decode_dxf_unicode(str(name))))


def _is_mesh(entity: DXFEntity) -> bool:
    """Whether a POLYLINE is a surface."""
    return entity.dxftype() == "POLYLINE" and bool(
        getattr(entity, "is_polygon_mesh", False) or getattr(entity, "is_poly_face_mesh", False)
    )


def _counted(counts: Mapping[tuple[str, str], int]) -> str:
    return _listed([f"{n} {kind} on {visible(layer)!r}" for (layer, kind), n in sorted(counts.items())])


def _listed(names: Sequence[str]) -> str:
    most = 12
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(visible(n) for n in names[:most]) + more


# --- what the name of a layer says --------------------------------------------------------------------


def _columns(stem: str) -> list[str]:
    return [name for name in ("status", "dn_mm", "provenance") if name in table(stem)]


def _said(name: str, stem: str) -> dict[str, Any] | None:
    """The cells of every line on a layer; None where the status is missing or said twice.

    Examples
    --------
    >>> _said("现状供热管线-DN300", "heat_mains")
    {'status': 'existing', 'dn_mm': 300, 'provenance': 'DXF: 现状供热管线-DN300'}
    >>> _said("热力", "heat_mains") is None
    True
    """
    words, plain = reading()["drawing"], key(name)
    made = any(key(word) in plain for word in words["made"])
    cells: dict[str, Any] = {"provenance": f"{'illustrative, ' if made else ''}DXF: {visible(name)}"}
    if "dn_mm" in table(stem):
        diameters = {int(size) for size in _DIAMETER.findall(unicodedata.normalize("NFKC", name))}
        if len(diameters) == 1:
            cells = {"dn_mm": diameters.pop(), **cells}
    if "status" not in table(stem):
        return cells
    status = [value for value, said in words["status"].items() if any(key(word) in plain for word in said)]
    return {"status": status[0], **cells} if len(status) == 1 else None


def _unsaid(names: Sequence[str], info: DXFInfo) -> list[Problem]:
    """The layers whose names do not say one status."""
    if not names:
        return []
    words = reading()["drawing"]["status"]
    said = " or ".join(f"{value} ({', '.join(of)})" for value, of in words.items())
    remedy = (
        "write one such word into the name of each layer, or freeze the layer if it is not of the network"
    )
    if info.version < "AC1021" and info.encoding != "gbk" and not all(name.isascii() for name in names):
        remedy += f"; if the names look wrong ({info.encoding}), save as DXF of 2007 or newer"
    message = f"names of layers must say {said}; got {_listed([repr(visible(n)) for n in names])}"
    return [Problem(message, column="status", remedy=remedy)]


# --- units and shapes ---------------------------------------------------------------------------------


def _metres(units: int) -> float:
    """Metres in a unit of the drawing; 0 where it states none."""
    try:
        stated = InsertUnits(units)
    except ValueError:
        return 0.0
    if stated == InsertUnits.Unitless:
        return 0.0
    try:
        return float(dxf_units.conversion_factor(stated, InsertUnits.Meters))
    except TypeError:  # units of surveyors, which the library does not know
        return 0.0


def _unit_name(units: int) -> str:
    """Name of the unit that a drawing states; empty where it states none."""
    try:
        return InsertUnits(units).name.lower() if units else ""
    except ValueError:
        return ""


def _factor(curves: Sequence[Curve], info: DXFInfo) -> tuple[float, list[Problem]]:
    """What makes metres of the drawing's unit (0 where it is not known), and what is to be said of it."""
    points = np.array([point for curve in curves for point in curve.points]).reshape(-1, 2)
    if not len(points) or are_degrees(points):
        return 1.0, []
    stated = _metres(info.insert_units)
    name = _unit_name(info.insert_units)
    northing = float(np.median(points[:, 1]))
    as_metres = NORTHINGS[0] < northing < NORTHINGS[1]
    if not name and as_metres:
        message = "does not say its unit ($INSUNITS 0); its coordinates were taken as metres"
        return 1.0, [Problem(message, severity="repair")]
    if not stated or (as_metres and not NORTHINGS[0] < northing * stated < NORTHINGS[1]):
        said = f"says its unit is {name}" if name else "does not say its unit"
        message = f"{said} ($INSUNITS {info.insert_units}), and its northings are about {northing:,.0f}"
        remedy = "set the true unit in AutoCAD (UNITS; metres are INSUNITS 6) without scaling, and save again"
        return 0.0, [Problem(message, remedy=remedy)]
    return stated, []


def _shape(curve: Curve, factor: float, *, area: bool) -> Any:
    """A line, or the area inside a closed one."""
    points = np.array(curve.points) * factor
    if len(points) < 2:
        return None
    with np.errstate(invalid="ignore"):  # what is not finite is found with the other shapes
        return shapely.Polygon(points) if area and curve.closed else shapely.LineString(points)
