"""What a plan document prints, for comparison with what the plan computes.

It stands beside the policy in ``published.toml`` and steers nothing: the policy
holds rules, this file holds results, and :mod:`geoplan.reconcile` compares them.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from geoplan.columns import nearest
from geoplan.errors import PolicyError, Problem
from geoplan.policy import Policy
from geoplan.provisions import UNSTATED, Date
from geoplan.refusals import toml_problem, validation_problems
from geoplan.schema import NotNegative, Section, Where

#: Ways to compute a number, of which an entry names one.
WAYS = ("column", "funding", "scope", "policy", "exposure", "sum", "ratio", "product")
#: Of these, the ones that compare the document with itself.
OWN = ("sum", "product", "ratio")
#: What `column` counts instead of summing.
COUNTED = ("villages", "towns")

#: What the two sides of a comparison are worth, best first.
BASES = ("computed", "entered", "document", "derived", "listed")
Cell = str | int | float
Basis = Literal["computed", "entered", "document", "derived", "listed"]


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("is blank; write what it is, or take the key away")
    return text


Text = Annotated[str, AfterValidator(_said)]


def _day(value: Any) -> Any:
    """A day as printed, from text or from a TOML date."""
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, str) and value and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("write the day as printed as YYYY-MM-DD, also one that the calendar does not have")
    return value


PrintedDay = Annotated[str, BeforeValidator(_day)]


def half_digit(value: float) -> float:
    """Half a unit of the last digit that a number is printed with.

    Examples
    --------
    >>> half_digit(23.97), half_digit(28_500.0)
    (0.005, 0.5)
    """
    if value.is_integer():
        return 0.5
    return 0.5 * 10.0 ** int(Decimal(repr(value)).as_tuple().exponent)


class Number(Section):
    """One published number and the way to compute it.

    Exactly one of these says how; none means that nothing computes it:

    - `column`: a numeric column of the plan's villages, summed over those that
      `where` names; or ``villages`` or ``towns`` with households, counted. The
      deferred and those converted before count only when it names their route.
    - `funding`: ``row.payer`` or ``row.total`` of the funding table;
      ``row.stated_total`` leaves out what the policy leaves open. [万元]
    - `scope`: the same of a scope, ``scope.total`` [万元], or ``scope.payer.share`` [%].
    - `policy`: the value of a policy key.
    - `exposure`: an operating subsidy of the policy if every household of the
      villages in `where` used the energy of its cap; `threshold_mode` overrides. [万元]
    - `sum`, `product`, `ratio`: of other entries, by id: the document against
      itself. What an entry leaves ``"unstated"`` enters as it is computed.

    `pick` takes the ``least`` or ``most`` of a column instead of its sum. What is
    computed is multiplied by `scale` before it is compared.

    `note` is a remark that is always shown. `because` explains a difference only
    together with `expected`, the number that the plan is expected to find
    instead: any other is not explained. `derived` says how we infer a value that
    the document itself does not print.
    """

    id: Text = ""
    place: Text
    what: Text
    value: float | Literal["unstated"]
    unit: str = ""
    column: str | None = None
    where: Where = Field(default_factory=dict)
    pick: Literal["sum", "least", "most"] = "sum"
    funding: str | None = None
    scope: str | None = None
    policy: str | None = None
    exposure: str | None = None
    threshold_mode: Literal["deductible", "trigger"] | None = None
    sum: tuple[str, ...] | None = None
    product: tuple[str, ...] | None = None
    ratio: tuple[str, str] | None = None
    scale: float = 1.0
    tolerance: NotNegative = 0.0
    note: Text = ""
    expected: float | None = None
    because: Text = ""
    derived: Text = ""

    @model_validator(mode="after")
    def _sound(self) -> Number:
        wrong = [*self._wrong_way(), *self._wrong_value(), *self._wrong_reason()]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def _wrong_way(self) -> Iterator[str]:
        """What is wrong with how it is computed."""
        ways = [w for w in WAYS if getattr(self, w) is not None]
        if len(ways) > 1:
            yield f"{' and '.join(ways)}: say one way to compute it"
        if not ways and self.value != UNSTATED and not self.because:
            yield f"say how it is computed ({', '.join(WAYS)}), or in `because` why nothing can"
        if self.way in OWN and not self.operands:
            yield f"{self.way} names no number; name the ids that it is made of"
        if self.id and self.id in self.operands:
            yield f"{self.way} names {self.id!r}, which is the number itself; name its parts"
        if self.scale == 0:
            yield "scale = 0 makes every number 0; write the factor from one unit to the other"
        if self.where and not (self.column or self.exposure):
            yield "where stands with column or exposure only; take it away or name a column"
        if self.pick != "sum" and (self.column is None or self.column in COUNTED):
            yield "pick stands with a column of the villages only; take it away or name a column"
        if self.threshold_mode and not self.exposure:
            yield "threshold_mode stands with exposure only; take it away or name a subsidy"

    def _wrong_value(self) -> Iterator[str]:
        """What is wrong with the value and how exactly it is compared."""
        if isinstance(self.value, str):
            if self.derived:
                yield "derived says how a value is inferred; write the value, or take `derived` away"
            return
        if self.unit == "%" and 0 < abs(self.value) < 1:
            yield (
                f"{self.value:g} % looks like a fraction; write {100 * self.value:g} "
                "(a share that is really below 1 % is written in ‰)"
            )
        half = half_digit(self.value)
        if self.tolerance > half * (1 + 1e-9) and not self.note:
            yield (
                f"tolerance {self.tolerance:g} is more than half a unit of the last printed digit; "
                f"write {half:g} or less, or say in `note` why it is so wide"
            )

    def _wrong_reason(self) -> Iterator[str]:
        """What is wrong with the reason of a difference."""
        if self.way and self.because and self.expected is None:
            yield (
                "because excuses any difference; write the number that is `expected` beside it, "
                "or write the remark as `note`"
            )
        if self.expected is None:
            return
        if not self.because or not self.way:
            yield "expected needs `because` and a way to compute the number; write both or take it away"
        if isinstance(self.value, str) or abs(self.expected - self.value) <= self.tolerance:
            yield f"expected {self.expected:g} explains no difference; take `expected` and `because` away"

    @property
    def way(self) -> str:
        """The one way that computes it, or an empty text."""
        return next((w for w in WAYS if getattr(self, w) is not None), "")

    @property
    def operands(self) -> tuple[str, ...]:
        """Ids of the entries it is computed from."""
        return self.sum or self.product or self.ratio or ()


class PrintedTable(Section):
    """A table as printed, cell by cell; an empty text is an empty cell."""

    annex: Text
    place: Text
    rows: tuple[tuple[Cell, ...], ...]
    note: Text = ""


class PrintedDate(Section):
    """A day or a span as printed; it need not be a day that the calendar has.

    `because` explains that the milestone of the same stage has other days, only
    if they are the `expected` ones, written ``[end]`` or ``[start, end]``.
    """

    place: Text
    what: Text
    start: PrintedDay = ""
    end: PrintedDay
    note: Text = ""
    expected: tuple[PrintedDay, ...] = ()
    because: Text = ""

    @model_validator(mode="after")
    def _reason_of_one_difference(self) -> PrintedDate:
        if bool(self.because) != bool(self.expected):
            raise ValueError(
                "because explains a difference only together with `expected`, the days of the milestone; "
                "write both, or write the remark as `note`"
            )
        return self


class Remark(Section):
    """Why a check finds what it finds; of a cell, why it holds what is `expected`."""

    because: Text
    expected: Cell | None = None


def _remark(value: Any) -> Any:
    return {"because": value} if isinstance(value, str) else value


class Published(Section):
    """The numbers, tables and dates that a document prints.

    `remarks` explain findings of the tool's own checks, by id. The remark of a
    cell of a table (``annex|row|heading``), of a row (``annex|row``) or of the day
    of issue (``issued``) also says what is `expected` there.
    """

    document: Text
    issued: Date | None = None
    numbers: tuple[Number, ...] = ()
    tables: tuple[PrintedTable, ...] = ()
    dates: tuple[PrintedDate, ...] = ()
    remarks: dict[str, Annotated[Remark, BeforeValidator(_remark)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ids_resolve(self) -> Published:
        ids = [n.id for n in self.numbers if n.id]
        wrong = [f"id {i!r} is given twice; rename one" for i in sorted(set(ids)) if ids.count(i) > 1]
        for number in self.numbers:
            wrong += [
                unknown(f"{number.place} {number.what}: no number has the id", i, ids)
                for i in number.operands
                if i not in ids
            ]
        stages = [d.what for d in self.dates]
        wrong += [
            f"two dates are of {stage!r}; name them apart"
            for stage in sorted(set(stages))
            if stages.count(stage) > 1
        ]
        if not wrong:
            wrong = [f"id {i!r} is computed from itself; state one of its parts" for i in _circular(self)]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


def _circular(published: Published) -> list[str]:
    """Ids of entries without a value of their own that lead back to themselves."""
    parts = {n.id: n.operands for n in published.numbers if n.id and n.value == UNSTATED}
    found = []
    for start, operands in parts.items():
        reached: set[str] = set()
        ahead = list(operands)
        while ahead:
            here = ahead.pop()
            if here not in reached:
                reached.add(here)
                ahead += parts.get(here, ())
        found += [start] if start in reached else []
    return found


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    """A name that is not known, with the nearest one, or all.

    Examples
    --------
    >>> unknown("no column", "housholds", ["households", "town"])
    "no column 'housholds'; did you mean 'households'?"
    """
    near = nearest(name, list(known))
    listed = f"known are {', '.join(known) or 'none'}"
    return f"{what} {name!r}; " + (f"did you mean {near!r}?" if near else listed)


@dataclass(frozen=True)
class Compared:
    """One row of the reconciliation: what the document says beside what the tool finds.

    Attributes
    ----------
    kind : {"number", "table", "date", "check"}
        A check is a finding about the document or the policy alone.
    basis : {"computed", "entered", "document", "derived", "listed"}
        What stands beside the published value: wholly or in part a result from the
        plan's villages; a value that the policy merely repeats; the document
        itself. Of ``derived`` the published value is inferred, not printed;
        ``listed`` is what nothing computes.
    place, what, unit : str
        Where it stands, and what it says.
    published, computed : text, number or None
        None where one side says nothing.
    difference : float, optional
        Computed less published, in the unit.
    status : {"equal", "differs", "not stated"}
    because : str
        Why it differs, or why nothing computes it.
    note : str
        A remark that explains no difference.
    id : str
        Key under which `remarks` of ``published.toml`` can explain a finding.
    """

    kind: Literal["number", "table", "date", "check"]
    place: str
    what: str
    unit: str = ""
    published: Cell | None = None
    computed: Cell | None = None
    difference: float | None = None
    status: Literal["equal", "differs", "not stated"] = "differs"
    because: str = ""
    id: str = ""
    basis: Basis = "document"
    note: str = ""

    @property
    def explained(self) -> bool:
        """Whether nothing is left open: no difference, or a reason for it."""
        return self.status != "differs" or bool(self.because)

    def with_remark(self, remarks: Mapping[str, Remark]) -> Compared:
        """The row with what `remarks` say of its id, if they mean what is found."""
        remark = remarks.get(self.id)
        if remark is None or self.status != "differs":
            return self
        if remark.expected is not None and remark.expected != (
            "" if self.computed is None else self.computed
        ):
            return self
        return replace(self, because=remark.because)


def load_published(file: str, text: str) -> Published:
    """Check the text of a ``published.toml``.

    Raises
    ------
    PolicyError
        With every problem.

    Examples
    --------
    >>> found = load_published("published.toml", '''
    ... document = "示例〔2024〕1号"
    ... [[numbers]]
    ... place = "二"
    ... what = "改造户数"
    ... value = 100
    ... column = "households"
    ... ''')
    >>> found.numbers[0].column
    'households'
    """
    try:
        values = tomllib.loads(text.removeprefix("\ufeff"))
        return Published.model_validate(values)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError([toml_problem(error, text=text, file=file)]) from None
    except ValidationError as error:
        found = validation_problems(error, model=Published, file_of=lambda _: file)
        raise PolicyError([_placed(problem, values) for problem in found]) from None


def _placed(problem: Problem, values: Mapping[str, Any]) -> Problem:
    """A problem with the entry as a reader finds it: its number in the list, and its place and what."""
    part, _, rest = problem.column.partition(".")
    position, _, _ = rest.partition(".")
    entries = values.get(part)
    if not (position.isdigit() and isinstance(entries, list) and isinstance(entries[int(position)], Mapping)):
        return problem
    entry = entries[int(position)]
    name = " ".join(str(entry[key]) for key in ("place", "what", "annex") if key in entry)
    return replace(problem, message=f"[[{part}]] {int(position) + 1} {name}: {problem.message}")


def value_at(policy: Policy, path: str) -> Any:
    """What stands under a dotted key of the policy, of a list under its position; None where nothing does.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> value_at(default_policy(), "climate.indoor_c"), value_at(default_policy(), "climate.indoor")
    (18.0, None)
    >>> value_at(default_policy(), "order.0") == default_policy().order[0]
    True
    """
    value: Any = policy.model_dump(by_alias=True)
    for key in path.split("."):
        if isinstance(value, tuple | list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            value = value.get(key) if isinstance(value, Mapping) else None
    return value
