"""Single files that a command leaves: their name checked first, then written beside and moved in whole."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from geoplan.errors import InputError, Problem


def named(file: str | Path, *, ending: str, what: str) -> Path:
    """The path of a file to be written, if it can be one.

    Parameters
    ----------
    file : path
    ending : str
        Of its name, with the dot.
    what : str
        What such a file is, for the error.

    Raises
    ------
    InputError
        The path is a folder or has another ending.

    Examples
    --------
    >>> named("tables.xlsx", ending=".xlsx", what="a workbook").name
    'tables.xlsx'
    """
    file = Path(file)
    remedy = f"name a file that ends in {ending} with -o"
    if file.is_dir():
        raise InputError(Problem("is a folder", file=str(file), remedy=remedy))
    if file.suffix.lower() != ending:
        raise InputError(Problem(f"is not the name of {what}", file=str(file), remedy=remedy))
    return file


#: Waits before a file that another program holds is given up; a virus scanner lets go by then. [s]
WAITS = (0.1, 0.4, 1.0)


def move(source: Path, target: Path) -> None:
    """Rename a file or a folder to a name that is free.

    Windows refuses while any program holds a file of it open.

    Parameters
    ----------
    source, target : Path
    """
    for wait in WAITS:
        try:
            source.rename(target)
        except PermissionError:
            time.sleep(wait)
        else:
            return
    source.rename(target)


def unwritten(error: Exception, file: Path) -> Problem:
    """That a file or a folder could not be written, and what to do.

    Examples
    --------
    >>> unwritten(PermissionError("denied"), Path("plan")).remedy
    'close it in Excel, Word or QGIS, or choose another place with -o'
    """
    held = isinstance(error, PermissionError)
    remedy = "close it in Excel, Word or QGIS, or choose another place with -o" if held else ""
    return Problem(f"cannot write: {error}", file=str(file), remedy=remedy)


def write_whole(file: Path, content: bytes) -> Path:
    """Write a file, or leave what was there: never a half of it.

    Parameters
    ----------
    file : Path
        Its folder is made where it is missing.
    content : bytes

    Returns
    -------
    Path
        `file`.

    Raises
    ------
    InputError
        The disk did not take the file.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{file.name}-", dir=file.parent) as beside:
            fresh = Path(beside) / file.name
            with fresh.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(file)
    except OSError as error:
        raise InputError(unwritten(error, file)) from error
    return file
