"""GeoPackage, read with SQLite itself: exact integers, no driver that guesses, nothing but tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePath
from urllib.parse import quote

import numpy as np
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from geoplan.io.cells import visible
from geoplan.io.raw import Objects, Raw, Source, broken_shapes, objects
from geoplan.io.sniff import Unreadable

#: ``PRAGMA application_id`` of a GeoPackage: GPKG, GP10, GP11.
_APPLICATION_IDS = (0x47504B47, 0x47503130, 0x47503131)
#: Size of the envelope in a geometry blob, by its code. [byte]
_ENVELOPES = (0, 32, 48, 48, 64)
#: srs_id that means "none"; GDAL writes the last for a layer without CRS.
_NO_CRS = (-1, 0, 99999)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The database, read only and as it lies on the disk; every SQLite error becomes Unreadable."""
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size:
        raise Unreadable(
            f"is open in another program ({wal.name} holds changes)", "close it there, then run again"
        )
    try:
        with closing(sqlite3.connect(f"{_uri(path.resolve())}?mode=ro&immutable=1", uri=True)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            if database.execute("PRAGMA application_id").fetchone()[0] not in _APPLICATION_IDS:
                raise Unreadable(
                    "is an SQLite database but not a GeoPackage", "export the layers as GeoPackage"
                )
            if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise Unreadable("is a damaged GeoPackage", "export the layers again")
            yield database
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise Unreadable(f"is a damaged GeoPackage ({visible(error)})", "export the layers again") from None


def _uri(path: PurePath) -> str:
    r"""An absolute path as SQLite takes it; a share has no host there but two more slashes.

    Examples
    --------
    >>> from pathlib import PurePosixPath, PureWindowsPath
    >>> _uri(PureWindowsPath(r"C:\县 一\a.gpkg")), _uri(PureWindowsPath(r"\\server\share\a.gpkg"))
    ('file:///C:/%E5%8E%BF%20%E4%B8%80/a.gpkg', 'file:////server/share/a.gpkg')
    >>> _uri(PurePosixPath("/county/a?.gpkg"))
    'file:///county/a%3F.gpkg'
    """
    plain = path.as_posix()
    return ("file://" if plain.startswith("/") else "file:///") + quote(plain, safe="/:")


def layer_names(path: Path) -> tuple[str, ...]:
    """Names of the layers with geometry, sorted.

    Parameters
    ----------
    path : Path
        A file that begins like an SQLite database.

    Raises
    ------
    Unreadable
        If it is not a sound GeoPackage.
    """
    with _opened(path) as database:
        return tuple(
            sorted(name for (name,) in database.execute("SELECT table_name FROM gpkg_geometry_columns"))
        )


def read_geopackage(source: Source) -> Raw:
    """Cells and shapes of one layer of a GeoPackage.

    Parameters
    ----------
    source : Source
        ``inside`` names the layer.

    Raises
    ------
    Unreadable
        If the layer is not an ordinary table with standard geometry.
    """
    layer = str(source.inside)
    with _opened(source.path) as database:
        is_table = database.execute(
            "SELECT 1 FROM sqlite_master "
            "WHERE type = 'table' AND name = ? AND sql NOT LIKE 'CREATE VIRTUAL%'",
            (layer,),
        ).fetchone()
        if not is_table:
            raise Unreadable(
                f"layer {visible(layer)!r} is not a table", "export the layer as a table of its own"
            )
        geometry, srs_id = database.execute(
            "SELECT column_name, srs_id FROM gpkg_geometry_columns WHERE table_name = ?", (layer,)
        ).fetchone()
        crs = _crs(database, srs_id)
        info = database.execute(f"PRAGMA table_info({_quoted(layer)})").fetchall()
        names = [name for _, name, _, _, _, is_key in info if name != geometry and not is_key]
        wanted = ", ".join(_quoted(name) for name in [geometry, *names])
        records = database.execute(f"SELECT {wanted} FROM {_quoted(layer)} ORDER BY rowid").fetchall()  # noqa: S608  names come from the file's own schema, quoted
    blobs, *cells = zip(*records, strict=True) if records else ((), *((),) * len(names))
    shapes, broken = shapes_of_wkb([_wkb(blob) for blob in blobs])
    return Raw(
        source=source,
        columns={name: objects(values) for name, values in zip(names, cells, strict=True)},
        shapes=shapes,
        rows=np.arange(1, len(records) + 1),
        crs=crs,
        broken=broken,
        problems=broken_shapes(broken, source),
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _crs(database: sqlite3.Connection, srs_id: int) -> CRS | None:
    if srs_id in _NO_CRS:
        return None
    row = database.execute(
        "SELECT organization, organization_coordsys_id, definition "
        "FROM gpkg_spatial_ref_sys WHERE srs_id = ?",
        (srs_id,),
    ).fetchone()
    try:
        organization, code, definition = row
        return CRS.from_epsg(code) if str(organization).upper() == "EPSG" else CRS.from_wkt(definition)
    except (CRSError, TypeError):
        raise Unreadable(
            f"names an unknown CRS (srs_id {srs_id})", "set the CRS of the layer again"
        ) from None


def _wkb(blob: object) -> bytes | None:
    """The WKB inside a geometry blob; a blob that is none keeps its bytes and fails later."""
    if blob is None:
        return None
    if not isinstance(blob, bytes) or len(blob) < 8 or blob[:2] != b"GP":
        return b""
    envelope = (blob[3] >> 1) & 7
    return blob[8 + _ENVELOPES[envelope] :] if envelope < len(_ENVELOPES) else b""


def shapes_of_wkb(blobs: list[bytes | None]) -> tuple[Objects, frozenset[int]]:
    """Shapes, and the positions of those that could not be read.

    Examples
    --------
    >>> shapes, broken = shapes_of_wkb([shapely.Point(1, 2).wkb, None, b"x"])
    >>> shapes[0].wkt, sorted(broken)
    ('POINT (1 2)', [2])
    """
    shapes = shapely.from_wkb(objects(blobs), on_invalid="ignore")
    given = np.array([blob is not None for blob in blobs], dtype=bool)
    return shapes, frozenset(np.flatnonzero(given & shapely.is_missing(shapes)).tolist())
