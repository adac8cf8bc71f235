"""The administrative sections of a policy: who pays what, by when, and in which table it is reported.

Engineering and prices are in :mod:`geoplan.schema`. An amount of money may be
``"unstated"``: the document leaves it open, so it is shown as 待定 and no total
that needs it is printed as a number.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from geoplan.schema import NotNegative, Positive, Scalar, Section, Share

Level = Literal["central", "province", "city", "district"]
LEVELS: tuple[Level, ...] = get_args(Level)
#: Who puts up money: the four levels, the households, the companies, and the body that builds for itself.
Payer = Literal["central", "province", "city", "district", "household", "enterprise", "self"]
PAYERS: tuple[Payer, ...] = get_args(Payer)

UNSTATED = "unstated"
Amount = NotNegative | Literal["unstated"]
Year = Annotated[int, Field(ge=1990, le=2100)]
#: Values a column may have for a village to be meant.
Where = dict[str, tuple[Scalar, ...]]

_CLOCK = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


def _date(value: Any) -> Any:
    """A calendar date from a TOML date or from text; a day that no month has is refused."""
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{error}; write a day that the calendar has, as YYYY-MM-DD") from None
    return value


Date = Annotated[dt.date, BeforeValidator(_date)]


def _sums(parts: dict[str, float], total: float | None, name: str) -> list[str]:
    """What is wrong with parts that should make a total."""
    if not parts or total is None or abs(sum(parts.values()) - total) < 0.5:
        return []
    return [f"{name} makes {sum(parts.values()):g}, but households is {total:g}; mend the one that is wrong"]


class Targets(Section):
    """Published targets, for comparison and for the years; they do not steer the choice of routes."""

    households: NotNegative | None = None
    by_year: dict[str, NotNegative] = Field(default_factory=dict)
    by_route: dict[str, Amount] = Field(default_factory=dict)
    by_town: dict[str, NotNegative] = Field(default_factory=dict)
    by_area_class: dict[str, NotNegative] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _add_up(self) -> Targets:
        wrong = [m for name in ("by_year", "by_town", "by_area_class") for m in _sums(
            getattr(self, name), self.households, name)]  # fmt: skip
        routes = sum(float(v) for v in self.by_route.values() if v != UNSTATED)
        if self.households is not None and routes > self.households + 0.5:
            wrong.append(f"by_route makes {routes:g}, more than households {self.households:g}")
        years = list(self.by_year)
        wrong += [f"by_year: {y!r} is not a year" for y in years if not re.fullmatch(r"(19|20)\d\d", y)]
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
    routes: tuple[str, ...]
    kind: Literal["capital", "operating"] = "capital"
    item: str = ""
    of: tuple[str, ...] = ()
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
            raise ValueError(f"{', '.join(sorted(alien))} cannot stand in a subsidy of kind {self.kind!r}")
        if self.taper and self.years is not None and len(self.taper) != self.years:
            raise ValueError(f"taper has {len(self.taper)} seasons, years says {self.years}")
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
    def minutes(self) -> frozenset[int]:
        """Minutes of the day it covers; ``20:00-08:00`` runs over midnight."""
        covered: set[int] = set()
        for span in self.hours:
            found = _CLOCK.fullmatch(span)
            if found is None:
                raise ValueError(f"hours: {span!r} is not HH:MM-HH:MM")
            h0, m0, h1, m1 = map(int, found.groups())
            start, end = h0 * 60 + m0, h1 * 60 + m1
            covered |= {m % 1440 for m in range(start, end if end > start else end + 1440)}
        return frozenset(covered)


class Tariff(Section):
    """A time-of-use price of a carrier for the households of some routes.

    `use` gives, by route, the share of a season's energy in each period; where
    it says nothing the share is that of the hours. A voluntary tariff is taken
    by those for whom it is cheaper than the flat price.
    """

    carrier: str
    routes: tuple[str, ...]
    periods: dict[str, Period]
    use: dict[str, dict[str, Share]] = Field(default_factory=dict)
    voluntary: bool = False
    season: str = ""

    @model_validator(mode="after")
    def _covers_the_day(self) -> Tariff:
        minutes = [m for period in self.periods.values() for m in period.minutes]
        if sorted(minutes) != list(range(1440)):
            raise ValueError("the hours of the periods must cover the day once, without gap or overlap")
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

    routes: tuple[str, ...]
    devices: dict[str, Annotated[int, Field(ge=1)]]
    where: Where = Field(default_factory=dict)
    movable: bool = False
    min_kw: Positive | None = None
    note: str = ""


class Funding(Section):
    """A row of the funding table: what it covers, and who pays how much of it.

    The villages are those on `routes` that `where` names (neither: none).
    Payers in `from_plan` pay what the plan computes for these villages; others
    pay `cny_per_household` for each household covered, or a lump sum. A row counts in
    every total that `scope` names, and in no other: rows that cover the same
    households stand in different scopes.
    """

    item: str
    scope: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    where: Where = Field(default_factory=dict)
    households: NotNegative | None = None
    from_plan: tuple[Payer, ...] = ()
    cny_per_household: dict[Payer, Amount] = Field(default_factory=dict)
    wan_cny: dict[Payer, Amount] = Field(default_factory=dict)
    years: tuple[Year, ...] = ()
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
        if list(self.years) != sorted(set(self.years)):
            raise ValueError(f"years run backwards: {', '.join(map(str, self.years))}; write them ascending")
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
            raise ValueError(f"wan_cny_by_year: {', '.join(years)} are not ascending years")
        return self


class Phasing(Section):
    """How the villages are spread over the years.

    `first` are columns of the villages whose named values come first, in order
    (建成区 before 农村); within a year villages go by cost per household or size.
    """

    years: tuple[Year, ...] = ()
    first: Where = Field(default_factory=dict)
    by: Literal["connection", "cost", "households"] = "connection"
    whole_towns: bool = False
    tolerance: Share = 0.05

    @model_validator(mode="after")
    def _ascending(self) -> Phasing:
        if list(self.years) != sorted(set(self.years)):
            raise ValueError(f"years run backwards: {', '.join(map(str, self.years))}; write them ascending")
        return self


class OldStove(Section):
    """When the old stove may go at the earliest: after so many seasons of stable running."""

    routes: tuple[str, ...]
    seasons: Annotated[int, Field(ge=0, le=10)]
    season_end: Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]


class EfficiencyTask(Section):
    """A task of building efficiency that stands beside the heating routes."""

    item: str
    area_m2: NotNegative | None = None
    households: NotNegative | None = None
    towns: tuple[str, ...] = ()
    years: tuple[Year, ...] = ()
    lead_agency: str = ""


class Milestone(Section):
    """A stage of the work with its days."""

    stage: str
    start: Date | None = None
    end: Date

    @model_validator(mode="after")
    def _forwards(self) -> Milestone:
        if self.start is not None and self.start > self.end:
            raise ValueError(f"starts on {self.start}, after its end on {self.end}")
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


class AnnexColumn(Section):
    """One column of an annex table.

    `head` is the heading, two entries for a two-level one. The cell is one of: a
    value of the row (`cell`: ``number``, ``row``, ``town``, ``blank``, or a column
    of the plan's villages), a sum (`sum`, over the villages of the row that
    `where` names), or a text (`text`, where `where` names the row's village).
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
        if sum(v is not None for v in (self.cell, self.sum, self.text)) != 1:
            raise ValueError("a column needs exactly one of cell, sum, text")
        if len(self.head) not in (1, 2):
            raise ValueError("head has one entry, or two for a two-level heading")
        return self


class Annex(Section):
    """A table of the annex in the county's own layout."""

    title: str
    unit: str = ""
    rows: Literal["town", "village"] = "town"
    where: Where = Field(default_factory=dict)
    order: tuple[str, ...] = ()
    subtotal: str = ""
    restart_numbers: bool = False
    total: str = "合计"
    number_total: bool = False
    zeros: bool = False
    columns: tuple[AnnexColumn, ...]
