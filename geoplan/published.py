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
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from geoplan.columns import nearest, plan_columns
from geoplan.errors import PolicyError, Problem
from geoplan.policy import Policy
from geoplan.provisions import PAYERS, UNSTATED, Date
from geoplan.refusals import toml_problem, validation_problems
from geoplan.schema import NotNegative, Section, Where

#: Ways to compute a number, of which an entry names one.
WAYS = ("column", "funding", "scope", "policy", "exposure", "sum", "ratio", "product")
#: Of these, the ones that compare the document with itself.
OWN = ("sum", "product", "ratio")
#: What `column` counts instead of summing.
COUNTED = ("villages", "towns")

#: What a row or a scope of the funding table has an amount for.
PAID = (*PAYERS, "total", "stated_total")

Cell = str | int | float


def _day(value: Any) -> Any:
    """A day as printed, from text or from a TOML date."""
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, str) and value and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("write the day as printed as YYYY-MM-DD, also one that the calendar does not have")
    return value


PrintedDay = Annotated[str, BeforeValidator(_day)]


class Number(Section):
    """One published number and the way to compute it.

    Exactly one of these says how; none means that nothing computes it:

    - `column`: a numeric column of the plan's villages, summed over those that
      `where` names; or ``villages`` or ``towns`` with households, counted.
    - `funding`: ``row.payer`` or ``row.total`` of the funding table;
      ``row.stated_total`` leaves out what the policy leaves open. [万元]
    - `scope`: the same of a scope, ``scope.total`` [万元], or ``scope.payer.share`` [%].
    - `policy`: the value of a policy key.
    - `exposure`: an operating subsidy of the policy if every household of the
      villages in `where` used the energy of its cap; `threshold_mode` overrides. [万元]
    - `sum`, `product`, `ratio`: of other entries, by id: the document against
      itself. What an entry leaves ``"unstated"`` enters as it is computed.

    The computed number is multiplied by `scale` before it is compared.
    """

    id: str = ""
    place: str
    what: str
    value: float | Literal["unstated"]
    unit: str = ""
    column: str | None = None
    where: Where = Field(default_factory=dict)
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
    because: str = ""

    @model_validator(mode="after")
    def _one_way(self) -> Number:
        ways = [w for w in WAYS if getattr(self, w) is not None]
        wrong = []
        if len(ways) > 1:
            wrong.append(f"{' and '.join(ways)}: say one way to compute it")
        if not ways and self.value != UNSTATED and not self.because:
            wrong.append(f"say how it is computed ({', '.join(WAYS)}), or in `because` why nothing can")
        if self.where and not (self.column or self.exposure):
            wrong.append("where stands with column or exposure only; take it away or name a column")
        if self.threshold_mode and not self.exposure:
            wrong.append("threshold_mode stands with exposure only; take it away or name a subsidy")
        if self.unit == "%" and not isinstance(self.value, str) and 0 < abs(self.value) < 1:
            wrong.append(
                f"{self.value:g} % looks like a fraction; write {100 * self.value:g} "
                "(a share that is really below 1 % is written in ‰)"
            )
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

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

    annex: str
    place: str
    rows: tuple[tuple[Cell, ...], ...]
    because: str = ""


class PrintedDate(Section):
    """A day or a span as printed; it need not be a day that the calendar has."""

    place: str
    what: str
    start: PrintedDay = ""
    end: PrintedDay
    because: str = ""


class Published(Section):
    """The numbers, tables and dates that a document prints.

    `remarks` explain, by its id, what the tool's own checks find and what
    differs in one cell of a table (``annex|row|heading``).
    """

    document: str
    issued: Date | None = None
    numbers: tuple[Number, ...] = ()
    tables: tuple[PrintedTable, ...] = ()
    dates: tuple[PrintedDate, ...] = ()
    remarks: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ids_resolve(self) -> Published:
        ids = [n.id for n in self.numbers if n.id]
        wrong = [f"id {i!r} is given twice; rename one" for i in sorted(set(ids)) if ids.count(i) > 1]
        for number in self.numbers:
            wrong += [
                _unknown(f"{number.place} {number.what}: no number has the id", i, ids)
                for i in number.operands
                if i not in ids
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


def _unknown(what: str, name: str, known: Sequence[str]) -> str:
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
    place, what, unit : str
        Where it stands, and what it says.
    published, computed : text, number or None
        None where one side says nothing.
    difference : float, optional
        Computed less published, in the unit.
    status : {"equal", "differs", "not stated"}
    because : str
        Why it differs, or why one side says nothing.
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

    @property
    def explained(self) -> bool:
        """Whether nothing is left open: no difference, or a reason for it."""
        return self.status != "differs" or bool(self.because)

    def with_remark(self, remarks: Mapping[str, str]) -> Compared:
        """The row with what `remarks` say of its id, if they do."""
        return replace(self, because=remarks.get(self.id, self.because))


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


def check_published(published: Published, policy: Policy, *, file: str) -> list[Problem]:
    """What entries name that the policy or the plan's villages do not have.

    Parameters
    ----------
    published : Published
    policy : Policy
        The merged policy of the county.
    file : str
        Name of the file for the problems.

    Returns
    -------
    list of Problem

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> found = Published(document="示例", numbers=(
    ...     Number(place="二", what="户数", value=1.0, column="housholds"),))
    >>> print(*check_published(found, default_policy(), file="published.toml"))
    [[numbers]] 1 二 户数: no column 'housholds'; did you mean 'households'?
    """
    found = [
        (f"[[numbers]] {position} {number.place} {number.what}", wrong)
        for position, number in enumerate(published.numbers, 1)
        for wrong in _wrong_names(number, policy)
    ]
    found += [
        (f"[[tables]] {position} {table.place}", _unknown("no annex", table.annex, tuple(policy.annexes)))
        for position, table in enumerate(published.tables, 1)
        if table.annex not in policy.annexes
    ]
    return [Problem(f"{where}: {wrong}", file=file) for where, wrong in found]


def _wrong_names(number: Number, policy: Policy) -> Iterator[str]:
    """What one entry names in vain."""
    columns = plan_columns()
    numeric = (*COUNTED, *(name for name, c in columns.items() if c.dtype in ("number", "integer")))
    named: list[tuple[str, str, Sequence[str]]] = [("no column", c, tuple(columns)) for c in number.where]
    if number.column is not None:
        named.append(("no column", number.column, numeric))
    if number.exposure is not None:
        capped = [n for n, s in policy.subsidies.items() if s.kind == "operating" and s.cap_units is not None]
        named.append(("no operating subsidy with a cap", number.exposure, capped))
    if number.funding is not None:
        row, _, payer = number.funding.rpartition(".")
        named.append(("no row of the funding", row, tuple(policy.funding or policy.routes)))
        named.append(("no payer", payer, PAID))
    if number.scope is not None:
        scope, _, payer = number.scope.removesuffix(".share").rpartition(".")
        scopes = list(dict.fromkeys(s for row in policy.funding.values() for s in row.scope))
        named.append(("no scope of the funding", scope, scopes or [scope]))
        named.append(("no payer", payer, PAYERS if number.scope.endswith(".share") else PAID))
    yield from (_unknown(what, name, known) for what, name, known in named if name not in known)
    if number.policy is not None:
        value = value_at(policy, number.policy)
        if value != UNSTATED and (isinstance(value, bool) or not isinstance(value, float | int)):
            yield f"the policy has no number at {number.policy!r}; `geoplan describe policy` lists its keys"


def value_at(policy: Policy, path: str) -> Any:
    """What stands under a dotted key of the policy; None where nothing does.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> value_at(default_policy(), "climate.indoor_c"), value_at(default_policy(), "climate.indoor")
    (18.0, None)
    """
    value: Any = policy.model_dump(by_alias=True)
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
