"""The sections of a policy: what can be said, in which unit, within which bounds.

One class is one table of the TOML file; every field is documented by its name and
unit and by the comment beside its default in ``data/default.toml``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Purse = Literal["household", "enterprise", "government"]
Supply = Literal["heat", "gas", "grid", "biomass"]
Dwelling = Literal["bungalow", "apartment"]
Basis = Literal["equal_service", "behaviour"]

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Percent = Annotated[float, Field(ge=0, le=100)]
Year = Annotated[int, Field(ge=1990, le=2100)]


def _once(values: tuple[str, ...]) -> tuple[str, ...]:
    """Names that stand once each, none of them blank."""
    twice = sorted({v for v in values if values.count(v) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} stands here twice; name it once")
    if any(not v.strip() for v in values):
        raise ValueError("a name here is blank; write it or take it away")
    return values


def _some(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("no route is named; name those that are meant")
    return values


def _ascending_years(years: tuple[int, ...]) -> tuple[int, ...]:
    if list(years) != sorted(set(years)):
        raise ValueError(
            f"years are not ascending: {', '.join(map(str, years))}; write them ascending, each once"
        )
    return years


Names = Annotated[tuple[str, ...], AfterValidator(_once)]
#: Routes that a section is for: at least one.
Routes = Annotated[tuple[str, ...], AfterValidator(_once), AfterValidator(_some)]
Years = Annotated[tuple[Year, ...], AfterValidator(_ascending_years)]


#: A year, a month or a day as it is printed on a map.
_PRINTED = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?|年(?:(\d{1,2})月(?:(\d{1,2})日)?)?)?", re.ASCII)


def printed_date(value: Any) -> Any:
    """A date as it is printed on a map, if the calendar has it.

    Parameters
    ----------
    value : str or datetime.date
        A year, a month or a day; an empty text is none.

    Raises
    ------
    ValueError
        It is no date.

    Examples
    --------
    >>> printed_date("2024年5月"), printed_date(dt.date(2024, 5, 1))
    ('2024年5月', '2024-05-01')
    """
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, str) and value:
        found = _PRINTED.fullmatch(value)
        parts = [int(part) for part in found.groups() if part] if found else [0]
        try:
            dt.date(*[*parts, 1, 1][:3])
        except ValueError:
            remedy = "write 2024, 2024-05, 2024-05-01, 2024年5月 or 2024年5月1日"
            raise ValueError(f"no date of the calendar; {remedy}") from None
    return value


PrintedDate = Annotated[str, BeforeValidator(printed_date)]


class Section(BaseModel):
    """A table of the policy: frozen, unknown keys refused, no text taken for a number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _lists_become_tuples(cls, data: Any) -> Any:
        return {k: _tuples(v) for k, v in data.items()} if isinstance(data, Mapping) else data


def _tuples(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _tuples(v) for k, v in value.items()}
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


class Climate(Section):
    """Outdoor climate of the county. [°C, d]"""

    station: str
    outdoor_design_c: Annotated[float, Field(ge=-60, le=15)]
    season_mean_c: Annotated[float, Field(ge=-40, le=17)]
    season_days: Annotated[float, Field(ge=30, le=365)]
    indoor_c: Annotated[float, Field(ge=5, le=30)]

    @property
    def full_load_hours(self) -> float:
        """Hours at the design load that give the season's heat. [h]"""
        fraction = (self.indoor_c - self.season_mean_c) / (self.indoor_c - self.outdoor_design_c)
        return 24.0 * self.season_days * fraction


class Demand(Section):
    """Design heat load and the area that is heated."""

    intensity_bungalow_w_per_m2: Annotated[float, Field(gt=5, le=400)]
    intensity_bungalow_insulated_w_per_m2: Annotated[float, Field(gt=5, le=400)]
    intensity_apartment_w_per_m2: Annotated[float, Field(gt=5, le=400)]
    intensity_apartment_insulated_w_per_m2: Annotated[float, Field(gt=5, le=400)]
    floor_area_m2: Positive
    coincidence: Share
    behaviour_area_m2: Positive
    behaviour_factor: Share


class EmissionPrices(Section):
    """What emissions cost where an optimum counts them."""

    co2_cny_per_t: NotNegative
    pm25_cny_per_kg: NotNegative
    so2_cny_per_kg: NotNegative
    nox_cny_per_kg: NotNegative

    def of(self, emitted: Mapping[str, Any]) -> Any:
        """Cost of emissions by the columns of the options. [CNY/a]"""
        return (
            emitted["co2_t_per_a"] * self.co2_cny_per_t
            + emitted["pm25_kg_per_a"] * self.pm25_cny_per_kg
            + emitted["so2_kg_per_a"] * self.so2_cny_per_kg
            + emitted["nox_kg_per_a"] * self.nox_cny_per_kg
        )


class Economics(Section):
    """How money of different years is compared, and what emissions cost."""

    discount_rate: Annotated[float, Field(ge=0, le=0.5)]
    emission_prices: EmissionPrices


class Selection(Section):
    """When the cascade flags or prefers. [%]"""

    argue_pct: Percent
    near_tie_pct: Percent


class Baseline(Section):
    """Bulk coal burnt today."""

    coal_t_per_household: NotNegative


class Access(Section):
    """How a pipe reaches a village."""

    detour_factor: Annotated[float, Field(ge=1, le=5)]
    last_mile_m: NotNegative
    snap_tolerance_m: NotNegative
    source_snap_m: NotNegative
    river_crossing_cny: NotNegative
    railway_crossing_cny: NotNegative


class Pipes(Section):
    """The pipe table: one entry per nominal diameter, ascending."""

    dn_mm: tuple[int, ...]
    inner_diameter_m: tuple[Positive, ...]
    cny_per_m: tuple[Positive, ...]

    @model_validator(mode="after")
    def _ascending(self) -> Pipes:
        columns = (self.dn_mm, self.inner_diameter_m, self.cny_per_m)
        if len({len(c) for c in columns}) != 1 or not self.dn_mm:
            raise ValueError("dn_mm, inner_diameter_m and cny_per_m must have the same length, at least 1")
        if any(list(c) != sorted(set(c)) for c in columns):
            raise ValueError("dn_mm, inner_diameter_m and cny_per_m must each be strictly ascending")
        return self


class VillageNetwork(Section):
    """Length of the pipes inside a village per household, by village size."""

    households: tuple[int, ...]
    bungalow_m_per_household: tuple[Positive, ...]
    apartment_m_per_household: Positive

    @model_validator(mode="after")
    def _steps(self) -> VillageNetwork:
        if len(self.households) != len(self.bungalow_m_per_household) or self.households[:1] != (0,):
            raise ValueError("households must start at 0 and be as long as bungalow_m_per_household")
        return self


class HydraulicLimits(Section):
    """What the hydraulic check adds to the friction of the pipes, and what it holds them against."""

    trunk_friction_max_pa_per_m: Annotated[float, Field(ge=5, le=1000)]
    branch_friction_max_pa_per_m: Annotated[float, Field(ge=5, le=1000)]
    local_loss_share: Annotated[float, Field(ge=0, le=3)]
    station_kpa: Annotated[float, Field(ge=0, le=1000)]
    source_loss_kpa: Annotated[float, Field(ge=0, le=1000)]
    pump_head_max_m: Annotated[float, Field(ge=5, le=500)]
    static_reserve_kpa: Annotated[float, Field(ge=0, le=1000)]
    pressure_max_kpa: Annotated[float, Field(ge=100, le=6400)]


class HeatNetwork(Section):
    """Hydraulics, losses and cost of the heat network."""

    friction_pa_per_m: Annotated[float, Field(ge=5, le=500)]
    velocity_max_m_per_s: Annotated[float, Field(ge=0.3, le=6)]
    delta_t_k: Annotated[float, Field(ge=5, le=120)]
    roughness_mm: Annotated[float, Field(gt=0, le=5)]
    density_kg_per_m3: Annotated[float, Field(ge=800, le=1010)]
    primary_loss: Annotated[float, Field(ge=0, lt=0.5)]
    secondary_loss_bungalow: Annotated[float, Field(ge=0, lt=0.5)]
    secondary_loss_apartment: Annotated[float, Field(ge=0, lt=0.5)]
    guarantee_share: Annotated[float, Field(gt=0, le=1)]
    lifetime_a: Positive
    maintenance_share: Share
    pipes: Pipes
    hydraulics: HydraulicLimits
    village_network: VillageNetwork


class GasNetwork(Section):
    """Cost of a gas branch and the stress day that sizes it."""

    cny_per_m: Positive
    stress_share: Share
    lifetime_a: Positive
    maintenance_share: Share


class Grid(Section):
    """How heating power becomes transformer capacity."""

    power_factor: Annotated[float, Field(gt=0, le=1)]
    loading_max: Annotated[float, Field(gt=0, le=1)]
    upgrade_lifetime_a: Positive


class Biomass(Section):
    """Reach of a biomass supply point."""

    radius_m: Positive


class Network(Section):
    """The four networks."""

    heat: HeatNetwork
    gas: GasNetwork
    grid: Grid
    biomass: Biomass


class Carrier(Section):
    """An energy carrier: price and emissions per its unit."""

    unit: str
    kwh_per_unit: Positive
    price_cny: NotNegative
    household_price_cny: NotNegative | None = None
    co2_kg: NotNegative
    pm25_g: NotNegative
    so2_g: NotNegative
    nox_g: NotNegative


Scalar = str | bool | int | float
#: Values that columns may have for a village to be meant.
Where = dict[str, tuple[Scalar, ...]]


class CostItem(Section):
    """One item of investment; its amounts add up. It is due in the villages that `where` names."""

    cny_per_household: NotNegative = 0.0
    cny_per_m2: NotNegative = 0.0
    cny_per_unit: NotNegative = 0.0
    unit_m2: Positive | None = None
    cny_per_kw: NotNegative = 0.0
    cny_per_network_m: NotNegative = 0.0
    lifetime_a: Positive
    payer: Purse
    dwelling: Dwelling | None = None
    where: Where = Field(default_factory=dict)
    grid: bool = False


class DesignCop(Section):
    """Coefficient of performance of a heat pump over the outdoor temperature: a line within bounds."""

    at_0_c: Positive
    per_k: NotNegative
    least: Positive
    most: Positive
    defrost: Annotated[float, Field(gt=0, le=1)]

    def at(self, outdoor_c: float) -> float:
        """Heat per electricity at an outdoor temperature.

        Examples
        --------
        >>> cop = DesignCop(at_0_c=3.3, per_k=0.075, least=1.5, most=4.2, defrost=0.88)
        >>> round(cop.at(-13.1), 2), round(cop.at(-40.0), 2)
        (2.04, 1.32)
        """
        return min(max(self.at_0_c + self.per_k * outdoor_c, self.least), self.most) * self.defrost


class RoutePolicy(Section):
    """How one route turns money and energy into heat."""

    supply: Supply | None = None
    carrier: str
    full_space: bool = False
    transition: bool = False
    efficiency: Positive
    efficiency_design: Positive | None = None
    cop: DesignCop | None = None
    diversity: Share = 1.0
    free_share: Share = 0.0
    price_factor: Positive = 1.0
    household_price_cny_per_m2: NotNegative | None = None
    maintenance_share: Share = 0.0
    capex: dict[str, CostItem] = Field(default_factory=dict)


class Rule(Section):
    """A test of one column of the villages for the routes it names."""

    routes: Routes
    column: str
    min: float | None = None
    max: float | None = None
    in_: tuple[Scalar, ...] | None = Field(None, alias="in")
    not_in: tuple[Scalar, ...] | None = None
    where: Where = Field(default_factory=dict)
    missing: Literal["pass", "fail"] = "pass"
    level: Literal["exclude", "warn"] = "exclude"
    enabled: bool = True
    text: str = ""

    @model_validator(mode="after")
    def _one_test(self) -> Rule:
        if all(v is None for v in (self.min, self.max, self.in_, self.not_in)):
            raise ValueError("a rule needs at least one of min, max, in, not_in")
        return self
