"""What stands in a document that the schema does not allow, in words: key, value and remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from geoplan.columns import nearest
from geoplan.errors import Problem
from geoplan.provisions import UNSTATED
from geoplan.schema import Section

#: Bounds of a field as a reader writes them.
BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}

#: Keys that describe a number or a table and are not part of the schema.
META = ("source", "confidence", "range", "note")

#: Where a number is from, and how sure it is.
_CONFIDENCE = re.compile(r"[SVME]-[HML]")

#: What to write where pydantic found another type.
_TYPES = {
    "float_type": "write a number without quotes",
    "int_type": "write a whole number",
    "finite_number": "write a number; take the key away if there is none",
    "bool_type": "write true or false",
    "string_type": "write a text in quotes",
    "date_type": "write a day as YYYY-MM-DD",
    "tuple_type": "write a list in brackets",
    "dict_type": "write a table of keys and values",
    "model_type": "write a table of keys and values",
    "missing": "add the key",
    "literal_error": "write one of these",
}

#: Parts of pydantic's locations that are its own and no key of the document's.
_NOT_A_KEY = re.compile(r"function-|tuple\[|literal\[|constrained-|float$|nullable")


def toml_problem(error: Exception, *, text: str, file: str) -> Problem:
    """A text that is not TOML, with the line that is wrong."""
    at = re.search(r"at line (\d+)", str(error))
    line = text.splitlines()[int(at[1]) - 1].strip() if at else ""
    remedy = f"mend the line {line!r}" if line else "mend the document"
    return Problem(f"not a TOML document: {error}", file=file, remedy=remedy)


def origin_problems(said: Mapping[str, Any], *, file: str, path: str = "") -> Iterator[Problem]:
    """What is wrong with the words about where the numbers of a document come from.

    Parameters
    ----------
    said : mapping of str to any
        A document, or a table in it.
    file : str
        Name of the document.
    path : str
        Dotted key of the table.

    Examples
    --------
    >>> for found in origin_problems({"climate": {"confidence": "sure"}}, file="policy.toml"):
    ...     print(found)
    climate.confidence: 'sure' is no code; write S, V, M or E, a hyphen, and H, M or L, such as S-H
    """
    for key, value in said.items():
        where = f"{path}.{key}" if path else key
        wrong = ""
        if key == "confidence" and not (isinstance(value, str) and _CONFIDENCE.fullmatch(value)):
            wrong = f"{value!r} is no code; write S, V, M or E, a hyphen, and H, M or L, such as S-H"
        elif key == "range" and not _is_range(value):
            wrong = f"{value!r} is no range; write the least and the greatest value, such as [1, 2]"
        elif isinstance(value, Mapping):
            yield from origin_problems(value, file=file, path=where)
        if wrong:
            message, _, remedy = wrong.partition("; ")
            yield Problem(f"{where}: {message}", file=file, column=where, remedy=remedy)


def _is_range(value: Any) -> bool:
    """Whether a value is two numbers, ascending."""
    numbers = isinstance(value, list) and all(type(v) in (int, float) for v in value)
    return bool(numbers and len(value) == 2 and value[0] <= value[1])


def validation_problems(
    error: ValidationError,
    *,
    model: type[Section],
    file_of: Callable[[str], str],
) -> Iterator[Problem]:
    """The findings of pydantic in our words, each with the file that said it.

    Parameters
    ----------
    error : ValidationError
    model : type of Section
        What was to be made of the document.
    file_of : callable
        Name of the file that set a dotted key.

    Examples
    --------
    >>> from geoplan.schema import Selection
    >>> try:
    ...     Selection.model_validate({"argue_pct": 150.0, "near_tie": 5.0})
    ... except ValidationError as error:
    ...     for found in validation_problems(error, model=Selection, file_of=lambda _: "policy.toml"):
    ...         print(found)
    argue_pct: Input should be less than or equal to 100; got 150.0; write a number <= 100
    near_tie_pct: Field required; add the key
    near_tie: unknown key; did you mean 'near_tie_pct'?
    """
    every = [(_location(found["loc"]), found) for found in error.errors(include_url=False)]
    amounts = {location for location, found in every if _is_open(found)}
    for location, found in every:
        if _is_open(found):
            continue  # the other half of an amount says what is wrong
        path = ".".join(location)
        file = file_of(path)
        if found["type"] == "extra_forbidden":
            siblings = _siblings(location, model)
            near = nearest(location[-1], siblings)
            allowed = ", ".join(siblings) or "none"
            remedy = f"did you mean {near!r}?" if near else f"allowed here: {allowed}"
            yield Problem(f"{path}: unknown key", file=file, column=path, remedy=remedy)
            continue
        message = found["msg"].removeprefix("Value error, ")
        got = "" if isinstance(found["input"], Mapping | BaseModel) else f"; got {found['input']!r}"
        remedy = _remedy(found["type"], found["input"], found.get("ctx", {}), may_be_open=location in amounts)
        if path:
            yield Problem(f"{path}: {message}{got}", file=file, column=path, remedy=remedy)
            continue
        for line in message.split("\n"):  # findings about the whole document, each led by its key
            key = line.partition(":")[0]
            yield Problem(line, file=file_of(key), column=key)


def _location(parts: Sequence[int | str]) -> tuple[str, ...]:
    """Keys of the document that lead to a finding."""
    return tuple(str(part) for part in parts if not _NOT_A_KEY.match(str(part)))


def _is_open(found: Mapping[str, Any]) -> bool:
    """Whether a finding is that a text is not the word for an amount left open."""
    return bool(found["type"] == "literal_error" and found["ctx"]["expected"] == f"'{UNSTATED}'")


def _remedy(kind: str, value: Any, bounds: Mapping[str, Any], *, may_be_open: bool) -> str:
    """What to write instead of a value that pydantic refused."""
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdigit():
        return f"a share is a fraction of 1: write {int(value[:-1]) / 100:g}"
    if kind in _TYPES:
        return _TYPES[kind] + (f", or {UNSTATED!r} if the document leaves it open" if may_be_open else "")
    sign, limit = next(((BOUNDS[k], v) for k, v in bounds.items() if k in BOUNDS), ("", 0))
    if "<" in sign and limit <= 1 < value <= 100:
        return f"a share is a fraction of 1: write {value / 100:g} for {value:g} %"
    return f"write a number {sign} {limit:g}" if sign else ""


def _siblings(location: Sequence[str], model: Any) -> tuple[str, ...]:
    """Keys the schema allows beside an unknown one."""
    for part in location[:-1]:
        annotation = section_at(model, part)
        if annotation is None:
            return ()
        model = annotation
    return (
        tuple(f.alias or n for n, f in model.model_fields.items()) if hasattr(model, "model_fields") else ()
    )


def section_at(model: Any, part: str) -> Any:
    """The section under a key: in a tuple where there may be many by name or number; None for a value."""
    if isinstance(model, tuple):  # inside a dict of sections: any key leads to the same model
        return model[0]
    field = getattr(model, "model_fields", {}).get(part)
    if field is None:
        return None
    for part_of in (field.annotation, *get_args(field.annotation)):
        candidate = get_args(part_of)[0] if get_origin(part_of) is Annotated else part_of
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return (candidate,) if get_origin(field.annotation) in (dict, tuple) else candidate
    return None
