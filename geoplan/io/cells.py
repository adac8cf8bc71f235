"""One cell of a table: from what a file holds to text, a number, or yes and no."""

from __future__ import annotations

import datetime as dt
import math
import re
import tomllib
import unicodedata
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from geoplan.columns import Column

#: Longest text of a cell; a longer one is a slipped quote or a pasted document. [characters]
MAX_TEXT = 2_000
#: Longest text tried as a number; Python refuses to convert very long ones. [characters]
MAX_DIGITS = 40
#: Largest integer that a float holds exactly.
EXACT = 2**53
#: An id of this size and more that ends in six zeros went through "6.40302E+11" somewhere.
ROUNDED_FROM, ROUNDED_ZEROS = 10**11, 10**6

INTEGRAL = (int, np.integer)
NUMERIC = (int, float, np.integer, np.floating)

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_SCIENTIFIC = re.compile(r"[+-]?\d+(\.\d+)?e\+?\d+", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_CJK_SPACE = re.compile(r"(?<=[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]) (?=[\u2e80-\U0003ffff])")
#: What Excel leaves in a cell whose formula failed.
_EXCEL_ERRORS = frozenset({"#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"})
#: Unicode categories that cannot be seen: control, format, surrogate, line and paragraph separator.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class CellError(ValueError):
    """A cell that does not hold what its column asks for; the message says what it must be."""


@cache
def reading() -> dict[str, Any]:
    """The words of ``data/reading.toml``."""
    return tomllib.loads(resources.files("geoplan").joinpath("data/reading.toml").read_text("utf-8"))


@cache
def _value_words() -> dict[str, str]:
    style = tomllib.loads(resources.files("geoplan").joinpath("data/style.toml").read_text("utf-8"))
    routes = {key(entry["zh"]): route for route, entry in style["routes"].items()}
    return {key(word): value for word, value in reading()["values"].items()} | routes


@cache
def _boolean_words() -> dict[str, bool]:
    words = reading()["booleans"]
    return {word: truth == "true" for truth in ("true", "false") for word in words[truth]}


@cache
def _empty_words() -> frozenset[str]:
    return frozenset(reading()["empty"])


def key(text: object) -> str:
    """A heading or a word as it is compared: no spaces, no full-width forms, no case.

    Examples
    --------
    >>> key("村　名 （ＩＤ）")
    '村名(id)'
    """
    return _SPACES.sub("", unicodedata.normalize("NFKC", str(text))).strip("\ufeff").casefold()


def is_blank(value: object) -> bool:
    """Whether a cell holds nothing: null, spaces, or a dash.

    Examples
    --------
    >>> is_blank(" — "), is_blank(0), is_blank(float("nan"))
    (True, False, True)
    """
    if isinstance(value, str):
        text = _SPACES.sub("", value)
        return not text or text in _empty_words()
    return value is None or value != value or str(value) == "<NA>"  # noqa: PLR0124  NaN and NaT differ from themselves


def clean_text(text: str) -> str:
    """Text without spaces at its ends or in a row.

    Examples
    --------
    >>> clean_text(" New  Bridge　")
    'New Bridge'
    """
    return _SPACES.sub(" ", text).strip(" ")


def joined(text: str) -> str:
    """A name without the spaces that typists put between Chinese characters.

    Examples
    --------
    >>> joined("沟　南 乡"), joined("New Bridge")
    ('沟南乡', 'New Bridge')
    """
    return _CJK_SPACE.sub("", clean_text(text))


def visible(text: object, *, most: int = 60) -> str:
    r"""Text that is safe to print: what cannot be seen is spelt out, what is long is cut.

    Examples
    --------
    >>> visible("a\x1bb")
    'a\\x1bb'
    """
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text))
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def as_number(value: object) -> float | int:
    """A number from a number or from text, full-width digits and thousands separators allowed.

    Examples
    --------
    >>> as_number("１，２００"), as_number(" 3.5 ")
    (1200, 3.5)
    """
    if isinstance(value, str):
        return _number_of(value)
    if isinstance(value, bool) or not isinstance(value, NUMERIC):
        raise CellError("must be a number")
    if isinstance(value, INTEGRAL):
        return int(value)
    if not math.isfinite(value):
        raise CellError("must be a finite number")
    return float(value)


def _number_of(text: str) -> float | int:
    plain = unicodedata.normalize("NFKC", text).strip().replace("\u2212", "-")
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    if len(plain) > MAX_DIGITS or not _NUMBER.fullmatch(plain):
        raise CellError("must be a number")
    found = float(plain)
    if not math.isfinite(found):
        raise CellError("must be a finite number")
    return int(plain) if plain.lstrip("+-").isdigit() else found


def as_integer(value: object) -> int:
    """A whole number; 12.0 is one, 12.5 is not.

    Examples
    --------
    >>> as_integer("1,200")
    1200
    """
    number = as_number(value)
    if number != int(number) or abs(number) >= EXACT:
        raise CellError("must be a whole number")
    return int(number)


def as_boolean(value: object) -> bool:
    """Yes or no, from a truth value, 0 and 1, or a word.

    Examples
    --------
    >>> as_boolean("是"), as_boolean(0)
    (True, False)
    """
    word = key(int(value) if isinstance(value, (*NUMERIC, np.bool_)) and value in (0, 1) else value)
    if word not in _boolean_words():
        raise CellError("must be true or false (是 or 否)")
    return _boolean_words()[word]


def as_text(value: object, *, is_id: bool = False) -> str:
    """Text of a cell; a whole number becomes its digits, and an id must have all of them.

    Examples
    --------
    >>> as_text(640302100203, is_id=True), as_text("0042", is_id=True)
    ('640302100203', '0042')
    """
    if isinstance(value, NUMERIC) and not isinstance(value, bool):
        number = int(value) if isinstance(value, INTEGRAL) else float(value)
        return _id_of(number) if is_id else _digits(number)
    if isinstance(value, dt.date):
        return value.isoformat()
    if not isinstance(value, str):
        raise CellError("must be text")
    text = clean_text(value)
    if is_id and _SCIENTIFIC.fullmatch(text):
        raise CellError("has lost digits; format the column as text and write the code again")
    if text in _EXCEL_ERRORS:
        raise CellError("must be text, not the error of a formula")
    if len(text) > MAX_TEXT:
        raise CellError(f"must be at most {MAX_TEXT} characters long")
    hidden = next((c for c in text if unicodedata.category(c) in _INVISIBLE), None)
    if hidden is not None:
        raise CellError(f"must not hold invisible characters (U+{ord(hidden):04X})")
    return text


def _digits(value: float) -> str:
    whole = math.isfinite(value) and value == int(value)
    return str(int(value)) if whole else repr(float(value))


def _id_of(value: float) -> str:
    if not math.isfinite(value) or value != int(value):
        raise CellError("must be a whole code; format the column as text")
    number = int(value)
    inexact = not isinstance(value, INTEGRAL) and abs(number) >= EXACT
    if inexact or (number >= ROUNDED_FROM and number % ROUNDED_ZEROS == 0):
        raise CellError("has lost digits; format the column as text and write the code again")
    return str(number)


def as_value(text: str, allowed: tuple[str, ...]) -> str:
    """One of the allowed values, also by its Chinese word.

    Examples
    --------
    >>> as_value("现状", ("existing", "planned"))
    'existing'
    """
    word = key(text)
    found = word if word in allowed else _value_words().get(word)
    if found not in allowed:
        raise CellError(f"must be one of {', '.join(allowed)}")
    return found


def convert(value: object, column: Column) -> Any:
    """A cell as its column asks for it.

    Raises
    ------
    CellError
        If it cannot be.
    """
    if column.dtype == "integer":
        return as_integer(value)
    if column.dtype == "number":
        return float(as_number(value))
    if column.dtype == "boolean":
        return as_boolean(value)
    text = as_text(value, is_id=column.name.endswith("_id"))
    return as_value(text, column.values) if column.values else text
