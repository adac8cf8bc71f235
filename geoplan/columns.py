"""The columns of every table, each declared once in ``data/columns/<table>.csv``.

One row names, types, bounds, labels and describes a column. It validates input,
labels the workbook, prints in ``geoplan describe`` and fills the docs; a new fact
is a new row.
"""

from __future__ import annotations

import csv
import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Literal

Dtype = Literal["text", "integer", "number", "boolean"]

#: Route ids in the order of the design; the label and colour of each stand in ``data/style.toml``.
ROUTES = (
    "district_heating",
    "gas",
    "heat_pump",
    "electric_station",
    "electric_storage",
    "electric_direct",
    "solar_plus",
    "ground_source",
    "biomass",
    "clean_coal",
    "existing",
    "deferred",
)

#: Routes on which nothing is built.
IDLE_ROUTES = ("existing", "deferred")

#: Routes that draw heating load from the grid; reports group them as 煤改电.
ELECTRIC_ROUTES = (
    "heat_pump",
    "electric_station",
    "electric_storage",
    "electric_direct",
    "solar_plus",
)

#: Layers a county folder may hold, with the geometry each must have.
LAYER_GEOMETRY = {
    "villages": "Point",
    "heat_sources": "Point",
    "heat_mains": "Line",
    "gas_stations": "Point",
    "gas_mains": "Line",
    "substations": "Point",
    "biomass_supply": "Point",
    "roads": "Line",
    "rivers": "Line",
    "railways": "Line",
    "zones": "Polygon",
    "towns": "Any",
    "boundary": "Polygon",
}

#: Provenance that marks made data.
ILLUSTRATIVE = "illustrative"


@dataclass(frozen=True)
class Column:
    """One column: its name, type, unit, bounds, aliases and labels."""

    name: str
    dtype: Dtype
    unit: str
    required: bool
    min: float
    max: float
    plausible_min: float
    plausible_max: float
    values: tuple[str, ...]
    aliases: tuple[str, ...]
    zh: str
    en: str
    description: str

    def label(self, lang: str = "zh") -> str:
        """Heading of the column with its unit.

        Examples
        --------
        >>> table("villages")["floor_area_m2"].label()
        '户均采暖面积（㎡/户）'
        """
        text = self.zh if lang == "zh" else self.en
        if not self.unit:
            return text
        return f"{text}（{unit_label(self.unit)}）" if lang == "zh" else f"{text} [{self.unit}]"


#: Units as a Chinese reader writes them.
UNITS_ZH = {
    "household": "户",
    "CNY": "元",
    "10,000 CNY": "万元",
    "m2": "㎡",
    "m3": "m³",
    "year": "年",
    "share": "比例",
}


def unit_label(unit: str, lang: str = "zh") -> str:
    """A unit in the reader's words.

    Examples
    --------
    >>> unit_label("CNY/household"), unit_label("t/a"), unit_label("m3/d", "en")
    ('元/户', 't/年', 'm3/d')
    """
    if lang != "zh":
        return unit
    parts = [UNITS_ZH.get(part, part) for part in unit.split("/")]
    return "/".join(["年" if i and part == "a" else part for i, part in enumerate(parts)])


@cache
def _route_words() -> dict[str, str]:
    text = resources.files("geoplan").joinpath("data/style.toml").read_text("utf-8")
    return {route: entry["zh"] for route, entry in tomllib.loads(text)["routes"].items()}


def listed(names: Iterable[str]) -> str:
    """Names as an error lists them: a route with its Chinese label, any other name as it is.

    Examples
    --------
    >>> listed(["gas", "coal"])
    'gas 煤改气, coal'
    """
    return ", ".join(f"{name} {_route_words()[name]}" if name in _route_words() else name for name in names)


def _number(text: str, otherwise: float) -> float:
    return float(text) if text else otherwise


@cache
def table(name: str) -> dict[str, Column]:
    """The declared columns of one table, by name and in order.

    Parameters
    ----------
    name : str
        Stem of a layer (``villages``, ``heat_sources``, ...) or of an output
        table (``plan_villages``, ``options``, ``links``, ``sources``).

    Examples
    --------
    >>> table("villages")["households"].unit
    'household'
    """
    text = resources.files("geoplan").joinpath(f"data/columns/{name}.csv").read_text("utf-8")
    columns = {}
    for row in csv.DictReader(text.splitlines()):
        values = ROUTES if row["values"] == "@routes" else tuple(filter(None, row["values"].split("|")))
        columns[row["name"]] = Column(
            name=row["name"],
            dtype=row["dtype"],  # type: ignore[arg-type]
            unit=row["unit"],
            required=row["required"] == "yes",
            min=_number(row["min"], -math.inf),
            max=_number(row["max"], math.inf),
            plausible_min=_number(row["plausible_min"], -math.inf),
            plausible_max=_number(row["plausible_max"], math.inf),
            values=values,
            aliases=tuple(filter(None, row["aliases"].split("|"))),
            zh=row["zh"],
            en=row["en"],
            description=row["description"],
        )
    return columns


def plan_columns() -> dict[str, Column]:
    """Columns of the plan's ``villages``: the input columns and what the plan adds."""
    return table("villages") | table("plan_villages")


def nearest(name: str, known: list[str] | tuple[str, ...]) -> str | None:
    """The known name that is closest to a misspelt one, or None.

    Examples
    --------
    >>> nearest("housholds", ["name", "households"])
    'households'
    """
    matches = get_close_matches(name, known, n=1, cutoff=0.75)
    return matches[0] if matches else None
