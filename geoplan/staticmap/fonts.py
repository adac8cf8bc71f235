"""Fonts of the still maps: one that has Chinese, how wide its texts are, and what it cannot write."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager

from geoplan.errors import InputError, Problem

#: Families with simplified Chinese, the best first: what Windows, macOS and Linux bring along.
FAMILIES = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "DengXian",
    "SimHei",
    "Heiti SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Noto Sans CJK JP",
    "Noto Serif CJK SC",
    "Source Han Serif SC",
    "SimSun",
    "Songti SC",
    "FangSong",
    "KaiTi",
    "Arial Unicode MS",
    "Droid Sans Fallback",
)
#: Comes with matplotlib; writes what the Chinese font lacks.
SECOND = "DejaVu Sans"
#: Stands for a character that no font has: an empty box says nothing, this says that one is missing.
GETA = "〓"
MM_PER_PT = 25.4 / 72
FINER = 16


@cache
def family() -> str:
    """The first installed family that has Chinese.

    Raises
    ------
    InputError
        None is installed.
    """
    installed = {font.name for font in font_manager.fontManager.ttflist}
    for name in FAMILIES:
        if name in installed:
            return name
    remedy = (
        "install one, e.g. Noto Sans CJK SC (Debian: apt install fonts-noto-cjk), and delete matplotlib's "
        f"font list in {mpl.get_cachedir()}"
    )
    raise InputError(Problem("no installed font has Chinese characters", remedy=remedy))


@cache
def _font(weight: str) -> Any:
    """Both fonts as one, of a weight."""
    found = [
        font_manager.findfont(font_manager.FontProperties(family=[name], weight=weight))
        for name in (family(), SECOND)
    ]
    return font_manager.get_font(found)


@cache
def _known() -> frozenset[int]:
    """Code points that the fonts can write."""
    names = (family(), SECOND)
    paths = [font_manager.findfont(font_manager.FontProperties(family=[name])) for name in names]
    return frozenset(code for path in paths for code in font_manager.get_font(path).get_charmap())


def lacking(text: str) -> str:
    r"""Characters of a text that no font has, each once, in order.

    Examples
    --------
    >>> lacking("关渠村 DN 200 ≥ 3 m³"), len(lacking("村\U000e0001\U0010fffe"))
    ('', 1)
    """
    return "".join(dict.fromkeys(c for c in _tidy(text) if ord(c) not in _known()))


@lru_cache(maxsize=100_000)
def clean(text: str) -> str:
    r"""A text on one line, with 〓 for every character that no font has.

    Examples
    --------
    >>> clean(" 关渠\n村\t$x_1$ ")
    '关渠 村 $x_1$'
    >>> clean("村\U0010fffe")
    '村〓'
    """
    mark = GETA if ord(GETA) in _known() else "?"
    return "".join(c if ord(c) in _known() else mark for c in _tidy(text))


def _tidy(text: str) -> str:
    """One line without marks that have no shape of their own."""
    return " ".join(
        "".join(c for c in text if c.isspace() or unicodedata.category(c)[:2] not in ("Cc", "Cf")).split()
    )


@lru_cache(maxsize=100_000)
def width(text: str, *, size: float, weight: str = "normal") -> float:
    """Width of a clean text set at a size. [mm]

    Parameters
    ----------
    text : str
    size : float
        [pt]
    weight : {"normal", "bold"}

    Examples
    --------
    >>> 10 < width("图例图例", size=10.0) < 20
    True
    """
    font = _font(weight)
    # In fine dots: at the size of a screen every letter would be as wide as whole dots.
    font.set_size(size, 72.0 * FINER)
    font.set_text(text, 0.0)
    return float(font.get_width_height()[0]) / 64.0 / FINER * MM_PER_PT


def fitted(text: str, room: float, *, size: float, weight: str = "normal") -> str:
    """As much of a text as fits into a width, with an ellipsis where something is left out.

    Parameters
    ----------
    text : str
        Any text; it is cleaned.
    room : float
        [mm]
    size : float
        [pt]
    weight : {"normal", "bold"}

    Examples
    --------
    >>> fitted("图例", 50.0, size=10.0), fitted("很长很长很长的村名", 16.0, size=10.0)
    ('图例', '很长很…')
    """
    text = clean(text)
    if width(text[:400], size=size, weight=weight) <= room and len(text) <= 400:
        return text
    kept = text[:400]
    while kept and width(kept + "…", size=size, weight=weight) > room:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def wrapped(text: str, room: float, *, size: float, most: int = 6) -> list[str]:
    """Lines of a text that is set into a width; Chinese breaks anywhere but before a closing mark.

    A text of more than `most` lines ends in an ellipsis.

    Examples
    --------
    >>> wrapped("工作底图，不作为划界依据", 25.0, size=10.0)
    ['工作底图，不作', '为划界依据']
    """
    lines = [""]
    for word in _words(clean(text)):
        if lines[-1] and width((lines[-1] + word).rstrip(), size=size) > room:
            lines.append("")
        lines[-1] += word.lstrip() if not lines[-1] else word
    if len(lines) > most:
        lines[most - 1 :] = ["".join(lines[most - 1 : most + 1])]
    return [fitted(line, room, size=size) for line in lines]


def _words(text: str) -> list[str]:
    """Pieces between which a line may break."""
    pieces: list[str] = []
    for c in text:
        latin = c.isascii() and not c.isspace()
        glued = pieces and (
            (latin and pieces[-1][-1].isascii() and not pieces[-1][-1].isspace())
            or c in "，。；：、）》”％…·"
        )
        if glued or (c.isspace() and pieces):
            pieces[-1] += c
        else:
            pieces.append(c)
    return pieces
