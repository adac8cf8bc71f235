"""ESRI Shapefile: its parts must agree, and its text must be what it says it is."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pyogrio.raw
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError
from pyproj import CRS
from pyproj.exceptions import CRSError

from geoplan.io.cells import visible
from geoplan.io.dbf import HEADER, encoding_of, whole_names
from geoplan.io.geopackage import shapes_of_wkb
from geoplan.io.raw import Raw, Source, broken_shapes, objects
from geoplan.io.sniff import SHAPE, Unreadable, read_bytes

#: Parts read with a ``.shp``; the first two must be there.
SIDECARS = (".shx", ".dbf", ".prj", ".cpg")
#: What the driver raises of its own.
_DRIVER_ERRORS = (DataSourceError, DataLayerError, FeatureError, FieldError, GeometryError)


def sidecars(path: Path) -> dict[str, Path]:
    """The parts that lie beside a ``.shp``, by ending, whatever the case of their names."""
    found: dict[str, Path] = {}
    for ending in SIDECARS:
        for candidate in (path.with_suffix(ending), path.with_suffix(ending.upper())):
            if candidate.exists() or candidate.is_symlink():
                found.setdefault(ending, candidate)
    return found


def prj_of(path: Path) -> Path | None:
    """The ``.prj`` beside a file that says nothing of its CRS."""
    return sidecars(path).get(".prj")


def read_shapefile(data: bytes, parts: dict[str, bytes], source: Source) -> Raw:
    """Cells and shapes of a shapefile.

    Parameters
    ----------
    data : bytes
        Content of the ``.shp``.
    parts : dict of str to bytes
        Content of the parts beside it, by ending.
    source : Source
        Where it comes from.

    Raises
    ------
    Unreadable
        If a part is missing or cut, if the parts disagree, or if the text is
        in no encoding that is known.
    """
    _check_parts(data, parts)
    encoding = encoding_of(parts[".dbf"], said=parts.get(".cpg", b"").decode("ascii", "replace").strip())
    parts = parts | {".dbf": whole_names(parts[".dbf"], encoding)}
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            meta, _, blobs, cells = pyogrio.raw.read(_zipped(data, parts), encoding=encoding)
    except (*_DRIVER_ERRORS, ValueError, IndexError) as error:
        raise Unreadable(f"is a damaged shapefile ({visible(error)})", "export the layer again") from None
    half_read = [visible(w.message, most=200) for w in said if "parsed" in str(w.message)]
    if half_read:  # the driver goes on with the digits before the fault; nobody else should
        raise Unreadable(f"is a damaged shapefile ({half_read[0]})", "export the layer again")
    told = dict.fromkeys(visible(w.message, most=200) for w in said)
    shapes, broken = shapes_of_wkb(list(blobs))
    return Raw(
        source=source,
        columns={str(n): objects(values.tolist()) for n, values in zip(meta["fields"], cells, strict=True)},
        shapes=shapes,
        rows=np.arange(1, len(shapes) + 1),
        crs=_crs(parts),
        broken=broken,
        cut_names=True,
        problems=(*broken_shapes(broken, source), *(source.problem(t, severity="warning") for t in told)),
    )


def read_parts(path: Path) -> dict[str, bytes]:
    """Content of the parts beside a ``.shp``, by ending."""
    parts = {}
    for ending, part in sidecars(path).items():
        try:
            parts[ending] = read_bytes(part)
        except Unreadable as error:
            raise Unreadable(f"its part {part.name} {error.message}", error.remedy) from None
    return parts


def _check_parts(data: bytes, parts: dict[str, bytes]) -> None:
    for ending in (".shx", ".dbf"):
        if ending not in parts:
            raise Unreadable(f"its {ending} file is missing", "copy all files of the shapefile together")
    shx, dbf = parts[".shx"], parts[".dbf"]
    remedy = "copy all files of the shapefile again"
    if not shx.startswith(SHAPE) or len(shx) < 100 or len(dbf) < HEADER:
        raise Unreadable("its .shx or .dbf file is broken", remedy)
    if _declared_size(data) > len(data) or _declared_size(shx) > len(shx):
        raise Unreadable("is a truncated shapefile", remedy)
    count, header, width = struct.unpack_from("<IHH", dbf, 4)
    if header + count * width > len(dbf):
        raise Unreadable("its .dbf file is truncated", remedy)
    shapes = (_declared_size(shx) - 100) // 8
    if shapes != count:
        raise Unreadable(f"has {shapes} shapes in the .shx and {count} rows in the .dbf", remedy)


def _declared_size(part: bytes) -> int:
    """Size that the header of a .shp or .shx gives, in 16-bit words there. [byte]"""
    return 2 * int(struct.unpack_from(">I", part, 24)[0]) if len(part) >= 100 else 2**32


def _crs(parts: dict[str, bytes]) -> CRS | None:
    if ".prj" not in parts:
        return None
    try:
        return CRS.from_wkt(parts[".prj"].decode("utf-8-sig", "replace"))
    except CRSError:
        raise Unreadable("its .prj names an unknown CRS", "set the CRS of the layer again") from None


def _zipped(data: bytes, parts: dict[str, bytes]) -> bytes:
    """The parts as one archive in memory, so that the driver sees these bytes and no other file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("layer.shp", data)
        for ending in (".shx", ".dbf"):
            members.writestr(f"layer{ending}", parts[ending])
    return archive.getvalue()
