"""The attribute table of a shapefile: what its text is encoded in."""

from __future__ import annotations

import codecs
import struct
from collections.abc import Iterator

from geoplan.io.cells import visible
from geoplan.io.sniff import Unreadable

#: Size of the header and of each description of a field. [byte]
HEADER = 32
#: Room for a field name, which ends at the first zero. [byte]
_NAME = 11
#: Encodings by the names that a .cpg may give them. GB18030 holds all of code page 936. Western ones are
#: written by default over any text, so they are believed only of plain ASCII.
_CODECS = (
    dict.fromkeys(("utf8", "65001", "cp65001"), "utf-8")
    | dict.fromkeys(("936", "cp936", "gbk", "gb2312", "gb18030", "54936", "ansi936", "oem936"), "gb18030")
    | dict.fromkeys(("big5", "950", "cp950", "ansi950"), "big5")
    | dict.fromkeys(("ascii", "iso88591", "88591", "latin1", "1252", "cp1252", "ansi1252"), "ascii")
)


def encoding_of(dbf: bytes, *, said: str) -> str:
    """Codec of a table: the one its .cpg names, else UTF-8 if it is that, else GB18030.

    Parameters
    ----------
    dbf : bytes
        Content of the ``.dbf``, known to be whole.
    said : str
        What the ``.cpg`` says; empty without one.

    Raises
    ------
    Unreadable
        If the text is not in that encoding, or in none of them.
    """
    names = [name for _, name in _names(dbf)]
    values = _values(dbf)
    for codec in [_codec(said)] if said else ["utf-8", "gb18030"]:
        if all(_decodes(name, codec, cut=True) for name in names):
            if all(_decodes(value, codec) for value in values):
                return codec
            if codec == "utf-8" and all(_decodes(value, codec, cut=True) for value in values):
                raise Unreadable(
                    "its .dbf has texts cut in the middle of a character", "shorten the long texts"
                )
    named = f"{visible(said)}, as its .cpg says" if said else "UTF-8 or GB18030"
    raise Unreadable(f"its .dbf is not {named}", "export the shapefile as UTF-8 with a .cpg")


def whole_names(dbf: bytes, codec: str) -> bytes:
    """The table with the half characters taken off the ends of field names that were cut to ten bytes."""
    mended = bytearray(dbf)
    for at, name in _names(dbf):
        whole = codecs.getincrementaldecoder(codec)().decode(name).encode(codec)
        mended[at : at + _NAME] = whole.ljust(_NAME, b"\x00")
    return bytes(mended)


def _fields(dbf: bytes) -> Iterator[tuple[int, bytes]]:
    """Position and description of each field."""
    header = struct.unpack_from("<H", dbf, 8)[0]
    for at in range(HEADER, header - 1, HEADER):
        if dbf[at : at + 1] == b"\r":  # the mark of the end
            return
        yield at, dbf[at : at + HEADER]


def _names(dbf: bytes) -> list[tuple[int, bytes]]:
    return [(at, field[:_NAME].split(b"\x00")[0]) for at, field in _fields(dbf)]


def _values(dbf: bytes) -> set[bytes]:
    """The different values of the text fields."""
    count, header, width = struct.unpack_from("<IHH", dbf, 4)
    values = set()
    start = header + 1  # behind the mark of deletion
    for _, field in _fields(dbf):
        if field[_NAME : _NAME + 1] == b"C":
            values |= {dbf[o : o + field[16]] for o in range(start, start + count * width, width or 1)}
        start += field[16]
    return {value.rstrip(b" \x00") for value in values}


def _decodes(text: bytes, codec: str, *, cut: bool = False) -> bool:
    try:
        codecs.getincrementaldecoder(codec)().decode(text, final=not cut)
    except UnicodeDecodeError:
        return False
    return True


def _codec(said: str) -> str:
    plain = said.lower().replace(" ", "").replace("-", "").replace("_", "")
    if plain not in _CODECS:
        remedy = "write the right encoding into the .cpg, UTF-8 or GB18030"
        raise Unreadable(f"its .cpg names an unknown encoding {visible(said)!r}", remedy)
    return _CODECS[plain]
