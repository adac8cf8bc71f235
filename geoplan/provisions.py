"""The administrative sections of a policy: who pays what, by when, and in which table it is reported.

Engineering and prices are in :mod:`geoplan.schema`. An amount of money may be
``"unstated"``: the document leaves it open, so it is shown as 待定 and no total
that needs it is printed as a number.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter
from typing import Annotated, Any, Literal, get_args

import pandas as pd
from pydantic import BeforeValidator, Field, model_validator

from geoplan.schema import Names, NotNegative, Positive, Routes, Section, Share, Where, Year, Years

Level = Literal["central", "province", "city", "district"]
LEVELS: tuple[Level, ...] = get_args(Level)
#: Who puts up money: the four levels, the households, the companies, and the body that builds for itself.
Payer = Literal["central", "province", "city", "district", "household", "enterprise", "self"]
PAYERS: tuple[Payer, ...] = get_args(Payer)

UNSTATED = "unstated"
Amount = NotNegative | Literal["unstated"]


def matching(villages: pd.DataFrame, where: Where) -> pd.Series:
    """Mask of the villages that have, in every column of `where`, one of its values.

    An empty text among the values means those of whom the column says nothing.

    Examples
    --------
    >>> frame = pd.DataFrame({"town": ["甲镇", "乙镇"], "demolition_year": [2025, None]})
    >>> matching(frame, {"town": ("甲镇",), "demolition_year": (2024, 2025)}).tolist()
    [True, False]
    >>> matching(frame, {"demolition_year": ("",)}).tolist()
    [False, True]
    """
    mask = pd.Series(True, index=villages.index)
    for column, values in where.items():
        found = villages[column].isin([v for v in values if v != ""])
        mask &= found | villages[column].isna() | villages[column].isin([""]) if "" in values else found
    return mask


_CLOCK = re.compile(r"([01]\d|2[0-3]|24(?=:00)):([0-5]\d)-([01]\d|2[0-3]|24(?=:00)):([0-5]\d)")


def _date(value: Any) -> Any:
    """A calendar date from a TOML date or from text; a day that no month has is refused."""
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{error}; write a day that the calendar has, as YYYY-MM-DD") from None
    return value


Date = Annotated[dt.date, BeforeValidator(_date)]


class Targets(Section):
    """Published targets, for comparison and for the years; they do not steer the choice of routes."""

    households: NotNegative | None = None
    by_year: dict[str, NotNegative] = Field(default_factory=dict)
    by_route: dict[str, Amount] = Field(default_factory=dict)
    by_town: dict[str, NotNegative] = Field(default_factory=dict)
    by_area_class: dict[str, NotNegative] = Field(default_factory=dict)

    @property
    def totals(self) -> dict[str, float]:
        """What each way of counting all households makes."""
        said = {} if self.households is None else {"households": self.households}
        parts = {name: getattr(self, name) for name in ("by_year", "by_town", "by_area_class")}
        return said | {name: sum(part.values()) for name, part in parts.items() if part}

    @property
    def on_routes(self) -> float:
        """Households of the routes whose target is stated."""
        return sum(float(v) for v in self.by_route.values() if v != UNSTATED)

    @model_validator(mode="after")
    def _add_up(self) -> Targets:
        (first, total), *others = list(self.totals.items()) or [("", math.inf)]
        wrong = [
            f"{name} makes {found:g}, but {first} is {total:g}; mend the one that is wrong"
            for name, found in others
            if abs(found - total) >= 0.5
        ]
        if self.on_routes > total + 0.5:
            wrong.append(
                f"by_route makes {self.on_routes:g}, more than {first} {total:g}; mend the one that is wrong"
            )
        years = list(self.by_year)
        wrong += [
            f"by_year: {y!r} is not a year; write four digits, such as 2024"
            for y in years
            if not re.fullmatch(r"(19|20)\d\d", y)
        ]
        if years != sorted(years):
            wrong.append(f"by_year runs backwards: {', '.join(years)}; write the years ascending")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


class Subsidy(Section):
    """One subsidy of one level of government.

    A capital subsidy pays for the items of investment named in `of` (empty: all
    that the household pays); an operating one for the energy of one season.
    """

    level: Level
    routes: Routes
    kind: Literal["capital", "operating"] = "capital"
    item: str = ""
    of: Names = ()
    where: Where = Field(default_factory=dict)
    cny_per_household: Amount = 0.0
    cny_per_m2: Amount = 0.0
    area_max_m2: Positive | None = None
    share: Share | None = None
    cap_cny_per_household: NotNegative | None = None
    cny_per_kwh: Amount = 0.0
    cny_per_unit: Amount = 0.0
    threshold_units: NotNegative = 0.0
    cap_units: NotNegative | None = None
    threshold_mode: Literal["deductible", "trigger"] = "deductible"
    first_year: Year | None = None
    years: Annotated[int, Field(ge=1, le=30)] | None = None
    taper: tuple[Share, ...] = ()

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Subsidy:
        capital = {"share", "cap_cny_per_household", "cny_per_m2", "area_max_m2", "of"}
        operating = {"cny_per_kwh", "cny_per_unit", "threshold_units", "cap_units", "years", "taper"}
        alien = (capital if self.kind == "operating" else operating) & self.model_fields_set
        if alien:
            other = "operating" if self.kind == "capital" else "capital"
            raise ValueError(
                f"{', '.join(sorted(alien))} cannot stand in a subsidy of kind {self.kind!r}; "
                f"take it away or write kind = {other!r}"
            )
        if self.taper and self.years is not None and len(self.taper) != self.years:
            raise ValueError(
                f"taper has {len(self.taper)} seasons, years says {self.years}; give as many of each"
            )
        if self.taper and self.taper[0] == 0:
            raise ValueError("taper starts with 0; begin with the first season that is paid")
        return self

    @model_validator(mode="after")
    def _says_how_much(self) -> Subsidy:
        given, energy, wrong = self.model_fields_set, {"cny_per_kwh", "cny_per_unit"}, []
        amounts = {"cny_per_m2", "share"} if self.kind == "capital" else energy
        if not given & {"cny_per_household", *amounts}:
            wrong.append(
                f"it has no amount; write cny_per_household, {' or '.join(sorted(amounts))}, "
                f"or cny_per_household = {UNSTATED!r} if the document leaves it open"
            )
        limits = sorted(given & {"threshold_units", "cap_units", "threshold_mode"})
        if limits and not given & energy:
            wrong.append(f"{', '.join(limits)} limits energy; write cny_per_kwh or cny_per_unit beside it")
        if "area_max_m2" in given and "cny_per_m2" not in given:
            wrong.append(f"area_max_m2 {self.area_max_m2:g} limits an area; write cny_per_m2 beside it")
        if self.cap_units is not None and self.cap_units < self.threshold_units:
            wrong.append(
                f"cap_units {self.cap_units:g} is below threshold_units {self.threshold_units:g}; "
                "exchange or mend them"
            )
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @property
    def unstated(self) -> bool:
        """Whether the document leaves an amount open."""
        return UNSTATED in (self.cny_per_household, self.cny_per_m2, self.cny_per_kwh, self.cny_per_unit)

    @property
    def seasons(self) -> tuple[float, ...] | None:
        """Share of the amount that is paid in each season; None without an end."""
        if self.taper:
            return self.taper
        return None if self.years is None else (1.0,) * self.years


class LowCost(Section):
    """What happens to the capital subsidies when the equipment is cheap."""

    threshold_cny: NotNegative
    share: Share
    mode: Literal["pct_of_cost", "pct_of_subsidy"] = "pct_of_cost"


class Period(Section):
    """Hours of the day that share a price."""

    hours: tuple[str, ...]
    price_cny: NotNegative

    @property
    def minutes(self) -> tuple[int, ...]:
        """Minutes of the day it covers, as often as it does; ``20:00-08:00`` runs over midnight."""
        covered: list[int] = []
        for span in self.hours:
            found = _CLOCK.fullmatch(span)
            if found is None:
                raise ValueError(f"hours: {span!r} is not HH:MM-HH:MM; write for example 20:00-08:00")
            h0, m0, h1, m1 = map(int, found.groups())
            start, end = h0 * 60 + m0, h1 * 60 + m1
            covered += [m % 1440 for m in range(start, end if end > start else end + 1440)]
        return tuple(covered)


def _spans(minutes: list[int]) -> str:
    """Minutes of the day as spans of the clock.

    Examples
    --------
    >>> _spans([480, 481, 482, 1439])
    '08:00-08:03, 23:59-24:00'
    """
    ends = [m + 1 for m in minutes if m + 1 not in minutes]
    starts = [m for m in minutes if m - 1 not in minutes]
    return ", ".join(f"{_clock(a)}-{_clock(b)}" for a, b in zip(starts, ends, strict=True))


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


class Tariff(Section):
    """A time-of-use price of a carrier for the households of some routes.

    `use` gives, by route, the share of a season's energy in each period; where
    it says nothing the share is that of the hours. A voluntary tariff is taken
    by those for whom it is cheaper than the flat price.
    """

    carrier: str
    routes: Routes
    periods: dict[str, Period]
    use: dict[str, dict[str, Share]] = Field(default_factory=dict)
    voluntary: bool = False
    season: str = ""

    @model_validator(mode="after")
    def _covers_the_day(self) -> Tariff:
        minutes = Counter(m for period in self.periods.values() for m in period.minutes)
        wrong = []
        if gap := _spans([m for m in range(1440) if not minutes[m]]):
            wrong.append(f"hours: no period covers {gap}; give them to one")
        if twice := _spans([m for m in range(1440) if minutes[m] > 1]):
            wrong.append(f"hours: {twice} is covered twice; take it from one")
        if wrong:
            raise ValueError("; ".join(wrong))
        for route, shares in self.use.items():
            if set(shares) != set(self.periods) or abs(sum(shares.values()) - 1.0) > 1e-9:
                raise ValueError(f"use.{route}: one share per period is needed, together 1")
        return self

    def price(self, route: str) -> float:
        """Mean price of a route over a season. [CNY per unit of the carrier]"""
        by_hours = {name: len(period.minutes) / 1440.0 for name, period in self.periods.items()}
        use = self.use.get(route, by_hours)
        return sum(use[name] * period.price_cny for name, period in self.periods.items())


class Equipment(Section):
    """A package of devices that a household of some routes gets."""

    routes: Routes
    devices: dict[str, Annotated[int, Field(ge=1)]]
    where: Where = Field(default_factory=dict)
    movable: bool = False
    min_kw: Positive | None = None


class Funding(Section):
    """A row of the funding table: what it covers, and who pays how much of it.

    The villages are those on `routes` that `where` names (neither: none).
    Payers in `from_plan` pay what the plan computes for these villages; others
    pay `cny_per_household` for each household covered, or a lump sum. A row counts in
    every total that `scope` names, and in no other: rows that cover the same
    households stand in different scopes.
    """

    item: str
    scope: Names = ()
    routes: Names = ()
    where: Where = Field(default_factory=dict)
    households: NotNegative | None = None
    from_plan: tuple[Payer, ...] = ()
    cny_per_household: dict[Payer, Amount] = Field(default_factory=dict)
    wan_cny: dict[Payer, Amount] = Field(default_factory=dict)
    years: Years = ()
    lead_agency: str = ""
    responsible_agency: str = ""

    @model_validator(mode="after")
    def _each_payer_once(self) -> Funding:
        named = [*self.from_plan, *self.cny_per_household, *self.wan_cny]
        twice = sorted({p for p in named if named.count(p) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is given twice; say it once")
        if self.cny_per_household and self.households is None and not (self.routes or self.where):
            raise ValueError("cny_per_household needs households, or routes and where to count them")
        if self.from_plan and not (self.routes or self.where):
            raise ValueError("from_plan needs routes or where, to say for which villages")
        if "self" in self.from_plan:
            raise ValueError("from_plan: the plan computes nothing for 'self'; give its wan_cny")
        if self.scope and not named:
            raise ValueError(
                f"it counts in {', '.join(self.scope)} and has no money; write from_plan, cny_per_household "
                f"or wan_cny ({UNSTATED!r} for an amount that the document leaves open)"
            )
        return self


class Budget(Section):
    """What one payer can spend in each year; capital subsidies, operating ones, or both."""

    payer: Level
    kind: Literal["capital", "operating", "both"] = "capital"
    wan_cny_by_year: dict[str, NotNegative]

    @model_validator(mode="after")
    def _years_ascend(self) -> Budget:
        years = list(self.wan_cny_by_year)
        if years != sorted(years) or not all(re.fullmatch(r"(19|20)\d\d", y) for y in years):
            raise ValueError(
                f"wan_cny_by_year: {', '.join(years)} are not ascending years; write four digits, in order"
            )
        return self


class Phasing(Section):
    """How the villages are spread over the years.

    `first` are columns of the villages whose named values come first, in order
    (建成区 before 农村); within a year villages go by cost per household or size.
    """

    years: Years = ()
    first: Where = Field(default_factory=dict)
    by: Literal["connection", "cost", "households"] = "connection"
    whole_towns: bool = False
    tolerance: Share = 0.05


class OldStove(Section):
    """When the old stove may go at the earliest: after so many seasons of stable running."""

    routes: Routes
    seasons: Annotated[int, Field(ge=0, le=10)]
    season_end: Annotated[str, Field(pattern=r"^\d\d-\d\d$")]

    @model_validator(mode="after")
    def _day_of_every_year(self) -> OldStove:
        try:
            dt.date.fromisoformat(f"2001-{self.season_end}")
        except ValueError:
            raise ValueError(f"season_end: no year has the day {self.season_end!r}; write MM-DD") from None
        return self


class EfficiencyTask(Section):
    """A task of building efficiency that stands beside the heating routes."""

    item: str
    area_m2: NotNegative | None = None
    households: NotNegative | None = None
    towns: Names = ()
    years: Years = ()
    lead_agency: str = ""


class Milestone(Section):
    """A stage of the work with its days."""

    stage: str
    start: Date | None = None
    end: Date

    @model_validator(mode="after")
    def _forwards(self) -> Milestone:
        if self.start is not None and self.start > self.end:
            raise ValueError(
                f"starts on {self.start}, after its end on {self.end}; mend the one that is wrong"
            )
        return self


class Affordability(Section):
    """What a household can bear; see the plan's 负担能力 columns."""

    income_cny_per_person: Positive
    persons_per_household: Positive
    willingness_cny_per_season: Positive
    running_over_coal_max: Positive
    income_share_green: Share
    income_share_red: Share
    self_pay_max_cny: Positive
    self_pay_share_max: Share
    parity_max: Positive

    @model_validator(mode="after")
    def _green_below_red(self) -> Affordability:
        green, red = self.income_share_green, self.income_share_red
        if green > red:
            raise ValueError(
                f"income_share_green {green:g} is above income_share_red {red:g}; exchange or mend them"
            )
        return self


class AnnexColumn(Section):
    """One column of an annex table.

    `head` is the heading, two entries for a two-level one. The cell is one of: a
    value of the row (`cell`: ``number``, ``row``, ``blank``, or a column of the
    plan's villages; where the villages of a row differ, each value once), a sum
    (`sum`, over the villages of the row that `where` and `filled` name), or a text
    (`text`, where they name every village of the row). `filled` is a column that
    must say something. A number is multiplied by `scale`.
    """

    head: tuple[str, ...]
    cell: str | None = None
    sum: str | None = None
    text: str | None = None
    where: Where = Field(default_factory=dict)
    filled: str | None = None
    scale: Positive = 1.0
    decimals: Annotated[int, Field(ge=0, le=6)] = 0

    @model_validator(mode="after")
    def _one_content(self) -> AnnexColumn:
        given = [name for name in ("cell", "sum", "text") if getattr(self, name) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "none"
            raise ValueError(f"a column needs exactly one of cell, sum, text; got {said}")
        if len(self.head) not in (1, 2):
            raise ValueError("head has one entry, or two for a two-level heading")
        if self.cell is not None and (self.where or self.filled):
            raise ValueError("where and filled stand with sum or text; a cell shows its row whatever it is")
        return self


class Annex(Section):
    """A table of the annex in the county's own layout.

    A row is a village, or (`rows` = ``town``) all villages of one town or of one
    ``report_row``; rows go in `order`, the others after that by village id.
    `mark` stands above the title (附件2). The label of a sub-total or total stands
    in the first column; with `number_total` the total is numbered like a row.
    """

    mark: str = ""
    title: str
    unit: str = ""
    rows: Literal["town", "village"] = "town"
    where: Where = Field(default_factory=dict)
    order: Names = ()
    subtotal: str = ""
    restart_numbers: bool = False
    total: str = "合计"
    number_total: bool = False
    zeros: bool = False
    columns: tuple[AnnexColumn, ...]

    @model_validator(mode="after")
    def _can_be_printed(self) -> Annex:
        cells = [column.cell for column in self.columns]
        wrong = []
        if self.rows == "town" and (self.subtotal or self.restart_numbers):
            wrong.append("subtotal and restart_numbers stand with rows = 'village'; a town is one row here")
        if self.number_total and "number" not in cells:
            wrong.append("number_total needs a column with cell = 'number'")
        at = cells.index("number") + 1 if self.number_total and "number" in cells else 0
        labels = [0] * bool(self.subtotal) + [at] * bool(self.total)
        if any(i >= len(self.columns) or self.columns[i].sum for i in labels):
            wrong.append("the label of a total would stand in a column of sums; put a column before it")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self
