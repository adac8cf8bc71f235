"""Options that several commands share."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from geoplan.columns import LAYER_GEOMETRY, nearest
from geoplan.explain import style

#: Datums a file may be declared to be in.
DATUMS = ("wgs84", "cgcs2000", "gcj02", "bd09")

Command = TypeVar("Command", bound=Callable[..., Any])

_COUNTY = (
    click.argument("villages", type=click.Path(path_type=Path)),
    click.option(
        "-l", "--layers", "layers_dir", type=click.Path(path_type=Path), help="Folder of the other layers."
    ),
    click.option(
        "-p", "--policy", type=click.Path(path_type=Path), help="Policy file; default policy.toml beside."
    ),
    click.option(
        "--overlay", "overlays", multiple=True, help="Scenario by name (scenarios/NAME.toml) or file."
    ),
    click.option(
        "--datum",
        multiple=True,
        metavar="[LAYER=]DATUM",
        help="Datum of longitudes and latitudes (wgs84, cgcs2000, gcj02, bd09), of all layers or of one.",
    ),
    click.option("--crs", help="CRS of files that have none, for example EPSG:4544."),
    click.option("--lock", "locks", multiple=True, metavar="ID=ROUTE", help="Fix the route of a village."),
)


def county_options(command: Command) -> Command:
    """The arguments that say which county is meant and how to read it."""
    for option in reversed(_COUNTY):
        command = option(command)
    return command


def parsed_locks(locks: tuple[str, ...]) -> dict[str, str]:
    """``ID=ROUTE`` pairs as a mapping; a route may be given by its Chinese name."""
    pairs = [lock.partition("=") for lock in locks]
    wrong = [lock for lock, pair in zip(locks, pairs, strict=True) if not all(pair)]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not ID=ROUTE", param_hint="--lock")
    by_name = {labels["zh"]: route for route, labels in style()["routes"].items()}
    return {village: by_name.get(route, route) for village, _, route in pairs}


def parsed_datum(datum: tuple[str, ...]) -> str | dict[str, str] | None:
    """One datum for all layers, or one per layer."""
    pairs = [text.rpartition("=") for text in datum]
    for text, (layer, _, name) in zip(datum, pairs, strict=True):
        if layer and layer not in LAYER_GEOMETRY:
            near = nearest(layer, tuple(LAYER_GEOMETRY))
            choice = f"did you mean {near!r}?" if near else f"the layers are {', '.join(LAYER_GEOMETRY)}"
            raise click.BadParameter(f"unknown layer {layer!r} in {text!r}; {choice}", param_hint="--datum")
        if name not in DATUMS:
            raise click.BadParameter(
                f"{text!r} is not [LAYER=]DATUM with one of {', '.join(DATUMS)}", param_hint="--datum"
            )
    everywhere = [name for layer, _, name in pairs if not layer]
    single = {layer: name for layer, _, name in pairs if layer}
    if len(everywhere) > 1 or (everywhere and single):
        raise click.BadParameter("give one datum for all layers, or one for each layer", param_hint="--datum")
    return single or (everywhere[0] if everywhere else None)


def printable(text: str) -> str:
    r"""Text without control characters, so that a name cannot drive a terminal.

    Examples
    --------
    >>> printable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def _in_plain_characters(error: UnicodeError) -> tuple[str, int]:
    r"""What a console prints for characters that it does not have: m³ as m3, others by their number.

    Examples
    --------
    >>> "万m³ 😀".encode("gbk", PLAIN).decode("gbk")
    '万m3 \\U0001f600'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    said = [unicodedata.normalize("NFKC", c) for c in error.object[error.start : error.end]]
    return "".join(
        s if _printed(s, error.encoding) else s.encode("ascii", "backslashreplace").decode() for s in said
    ), error.end


def _printed(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


#: Name of the handler of characters that a console does not have.
PLAIN = "geoplan-plain"
codecs.register_error(PLAIN, _in_plain_characters)
