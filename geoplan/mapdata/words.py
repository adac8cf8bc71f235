"""Fixed words, colours and other texts that ship with the package."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any, Literal

Lang = Literal["zh", "en"]

LANGS: tuple[Lang, ...] = ("zh", "en")


@cache
def asset(path: str) -> str:
    """A text that ships with the package."""
    return resources.files("geoplan").joinpath(f"data/{path}").read_text("utf-8")


@cache
def toml(path: str) -> dict[str, Any]:
    """One of those texts as a table."""
    return tomllib.loads(asset(path))


def style() -> dict[str, Any]:
    """Label, colour and order of the routes."""
    return toml("style.toml")


def said(section: str, lang: Lang) -> dict[str, str]:
    """The page's fixed words of one section in one language."""
    return {key: text[lang] for key, text in toml("webmap/text.toml")[section].items()}
