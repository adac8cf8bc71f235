"""One layer from one file, in whatever format it is."""

from __future__ import annotations

import io
import json
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyproj import CRS
from pyproj.exceptions import CRSError
from shapely.errors import ShapelyError

from geoplan.io.cells import visible
from geoplan.io.geojson import read_geojson
from geoplan.io.geopackage import layer_names, read_geopackage
from geoplan.io.raw import Raw, Source, objects
from geoplan.io.shapefile import prj_of, read_parts, read_shapefile
from geoplan.io.sniff import MAX_BYTES, Unreadable, kind_of, read_bytes, sha256
from geoplan.io.spreadsheet import read_csv, read_xlsx

_PARQUET_ERRORS = (pa.ArrowException, CRSError, ShapelyError)


def read_raw(source: Source) -> tuple[Raw, dict[str, str]]:
    """A layer as its file holds it, and the hashes of what was read.

    Parameters
    ----------
    source : Source
        Where the layer is.

    Returns
    -------
    Raw
    dict of str to str
        SHA-256 by shown file name; a shapefile has several.

    Raises
    ------
    Unreadable
        If the file is not in a format that geoplan reads, or is broken.
    """
    data = read_bytes(source.path)
    kind = kind_of(data, suffix=source.path.suffix)
    hashes = {source.file: sha256(data)}
    if kind == "gpkg":
        return read_geopackage(source), hashes
    if kind == "shapefile":
        parts = read_parts(source.path)
        stem = source.file[: -len(source.path.suffix)]
        hashes |= {stem + ending: sha256(part) for ending, part in parts.items()}
        return read_shapefile(data, parts, source), hashes
    if kind == "dxf":
        return _read_drawing(data, source, hashes), hashes
    readers = {"geojson": read_geojson, "parquet": read_geoparquet, "csv": read_csv, "xlsx": read_xlsx}
    return readers[kind](data, source), hashes


def _read_drawing(data: bytes, source: Source, hashes: dict[str, str]) -> Raw:
    """A drawing with the CRS of the ``.prj`` beside it; `hashes` takes that file as well."""
    from geoplan.io.dxf import read_dxf  # noqa: PLC0415  # slow to load, and few counties have drawings

    beside = prj_of(source.path)
    prj = read_bytes(beside) if beside is not None else None
    if prj is not None:
        hashes[source.file[: -len(source.path.suffix)] + ".prj"] = sha256(prj)
    return read_dxf(data, source, prj=prj)


def inside(source: Source) -> tuple[str, ...]:
    """Names of the layers inside a GeoPackage; none for any other format."""
    data = read_bytes(source.path)
    return layer_names(source.path) if kind_of(data, suffix=source.path.suffix) == "gpkg" else ()


def read_geoparquet(data: bytes, source: Source) -> Raw:
    """Cells and shapes of a GeoParquet file.

    Parameters
    ----------
    data : bytes
        Content of the file.
    source : Source
        Where it comes from.

    Raises
    ------
    Unreadable
        If it is no sound GeoParquet, or much larger when unpacked.
    """
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        if sum(group.total_byte_size for group in groups) > MAX_BYTES:
            raise Unreadable(f"is larger than {MAX_BYTES / 2**20:g} MB when unpacked")
        described = _geo_metadata(file)
        frame = gpd.read_parquet(io.BytesIO(data), columns=[described["primary_column"]])
        shapes = set(described["columns"])
        table = file.read()
        names = [n for n in table.column_names if n not in shapes and not n.startswith("__index_level")]
        columns = {name: objects(table.column(name).to_pylist()) for name in names}
        crs = CRS.from_user_input(frame.crs) if frame.crs else None
    except (*_PARQUET_ERRORS, ValueError, TypeError, AttributeError, LookupError, OSError) as error:
        raise Unreadable(f"is a damaged GeoParquet ({visible(error)})", "export the layer again") from None
    return Raw(
        source=source,
        columns=columns,
        shapes=objects(frame.geometry),
        rows=np.arange(1, len(frame) + 1),
        crs=crs,
    )


def _geo_metadata(file: pq.ParquetFile) -> dict[str, Any]:
    text = (file.schema_arrow.metadata or {}).get(b"geo")
    if text is None:
        raise Unreadable("is a Parquet file without geometry", "export it as GeoParquet")
    return dict(json.loads(text))
