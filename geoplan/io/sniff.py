"""What a file is, judged by its first bytes, before any library sees it.

GDAL opens whatever it recognises: a "GeoJSON" can be a VRT that reads another
file, or a WFS address that calls a server. So nothing unknown is handed on.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import zipfile
from pathlib import Path
from typing import Literal

from geoplan.io.cells import visible

Kind = Literal["geojson", "gpkg", "shapefile", "parquet", "dxf", "csv", "xlsx"]

#: Largest file read. The roads of a large county at full detail take about 50 MB as GeoJSON. [byte]
MAX_BYTES = 256 * 2**20
#: Largest workbook after unpacking; 5,000 villages take about 5 MB, and a zip can hold a thousandfold. [byte]
MAX_UNPACKED = 64 * 2**20
#: Largest policy text; a policy is some 20 kB. [byte]
MAX_POLICY_BYTES = 2**20
#: Bytes looked at, and those of a drawing that may begin with comments.
HEAD, MAX_COMMENTS = 512, 16_384

SQLITE = b"SQLite format 3\x00"
SHAPE = b"\x00\x00\x27\x0a"
PARQUET = b"PAR1"
ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0"
BINARY_DXF = b"AutoCAD Binary DXF"
#: A drawing in AutoCAD's own format, by its release.
DWG = re.compile(rb"AC[12][0-9.]{3}[0-9]?\x00")
#: A text DXF: comments, then the first section.
DXF = re.compile(rb"\s*(?:999[ \t]*\r?\n[^\n]*\n\s*)*0[ \t]*\r?\n[ \t]*SECTION\b")
UTF8_BOM = b"\xef\xbb\xbf"
UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


class Unreadable(Exception):  # noqa: N818  it names the file's state, and never leaves the package
    """A file, or one layer of it, that cannot be read; becomes a Problem with the file's name."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def refuse_address(path: str | os.PathLike[str]) -> None:
    """Refuse what is not the path of a file: an address, a GDAL virtual path, inline text.

    Examples
    --------
    >>> refuse_address("/vsicurl/http://host/villages.geojson")
    Traceback (most recent call last):
        ...
    geoplan.io.sniff.Unreadable: '/vsicurl/http://host/villages.geojson' is not a path on this computer
    """
    text = os.fspath(path)
    if "://" in text or text.startswith("/vsi"):
        raise Unreadable(f"{visible(text)!r} is not a path on this computer", "download the file and name it")
    if text.lstrip()[:1] in ("{", "[", "<") or "\n" in text or "\x00" in text or not text:
        raise Unreadable(f"{visible(text)!r} is not a path", "name a file or a folder")


def read_bytes(path: Path, *, most: int = MAX_BYTES) -> bytes:
    """Content of a regular, non-empty file of bounded size.

    Parameters
    ----------
    path : Path
        A link is followed; a device, a pipe or a folder is refused.
    most : int
        Size beyond which the file is refused. [byte]

    Raises
    ------
    Unreadable
        Otherwise.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        link = path.is_symlink()
        raise Unreadable(
            "link to a file that is not there" if link else "no such file", "check the name"
        ) from None
    except (OSError, ValueError) as error:
        raise Unreadable(f"cannot be opened ({_reason(error)})") from None
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable("is not a regular file", "name a file, not a folder, a pipe or a device")
    if status.st_size == 0:
        raise Unreadable(
            "is empty (0 bytes)", "export the layer again, or delete the file if there is no such layer"
        )
    if status.st_size > most:
        raise Unreadable(f"is larger than {most / 2**20:g} MB", "leave out what lies outside the county")
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"cannot be read ({_reason(error)})") from None


def _reason(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)


def sha256(data: bytes) -> str:
    """Hash of a file's content, as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def kind_of(data: bytes, *, suffix: str) -> Kind:
    """Format of a file by its content; the name decides only that plain text is a CSV.

    Parameters
    ----------
    data : bytes
        Content of the file.
    suffix : str
        Ending of its name, with the dot.

    Raises
    ------
    Unreadable
        If the format is not one that geoplan reads.

    Examples
    --------
    >>> kind_of(b'{"type": "FeatureCollection"}', suffix=".geojson")
    'geojson'
    >>> kind_of(b"<OGRVRTDataSource>", suffix=".geojson")
    Traceback (most recent call last):
        ...
    geoplan.io.sniff.Unreadable: is XML or HTML, not a layer that geoplan reads
    """
    if data.startswith(SQLITE):
        return "gpkg"
    if data.startswith(SHAPE):
        return "shapefile"
    if data.startswith(PARQUET):
        if not data.endswith(PARQUET) or len(data) < 3 * len(PARQUET):
            raise Unreadable("is a truncated Parquet file", "export the layer again")
        return "parquet"
    if data.startswith(ZIP):
        _check_workbook(data)
        return "xlsx"
    if data.startswith(OLE):
        raise Unreadable(
            "is an old .xls workbook or is locked by a password", "save it as .xlsx without password"
        )
    if data.startswith(BINARY_DXF):
        raise Unreadable("is a binary DXF", "save it as a text DXF (SAVEAS, Options: ASCII)")
    if DWG.match(data):
        raise Unreadable("is a DWG drawing", "save it as DXF (SAVEAS, AutoCAD 2007 DXF)")
    return _kind_of_text(data, suffix=suffix)


def _kind_of_text(data: bytes, *, suffix: str) -> Kind:
    if data.startswith(UTF16_BOMS):
        raise Unreadable("is UTF-16 text", "save it as CSV UTF-8")
    first = data[:HEAD].removeprefix(UTF8_BOM).lstrip()[:1]
    if first == b"<":
        raise Unreadable(
            "is XML or HTML, not a layer that geoplan reads", "export it as GeoPackage or GeoJSON"
        )
    if first == b"{":
        return "geojson"
    if DXF.match(data.removeprefix(UTF8_BOM)[:MAX_COMMENTS]):
        return "dxf"
    if not first:
        raise Unreadable("holds only blanks", "export the layer again")
    if b"\x00" in data or suffix.lower() != ".csv":
        raise Unreadable(
            "is not a GeoJSON, GeoPackage, GeoParquet, Shapefile, DXF, CSV or XLSX file",
            "export it as one of these; a text table must be named .csv",
        )
    return "csv"


def _check_workbook(data: bytes) -> None:
    """Refuse a zip that is broken, not a workbook, or much larger inside than outside."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise Unreadable(f"is a broken workbook ({error})", "save it again") from None
    if not any(member.filename == "xl/workbook.xml" for member in members):
        raise Unreadable("is a zip archive, not a workbook", "unpack it and name the layer inside")
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        raise Unreadable(
            f"is larger than {MAX_UNPACKED / 2**20:g} MB when unpacked", "keep only the table of the layer"
        )
