"""What a plan document prints, for comparison with what the plan computes.

It stands beside the policy in ``published.toml`` and steers nothing: the policy
holds rules, this file holds results, and :mod:`geoplan.reconcile` compares them.
"""

from __future__ import annotations

import tomllib
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from geoplan.errors import PolicyError
from geoplan.policy import toml_problem, validation_problems
from geoplan.provisions import UNSTATED, Date, Where
from geoplan.schema import NotNegative, Section

#: Ways to compute a number, of which an entry names one.
WAYS = ("column", "funding", "scope", "policy", "exposure", "sum", "ratio", "product")

Cell = str | int | float


class Number(Section):
    """One published number and the way to compute it.

    Exactly one of these says how; none means that nothing computes it:

    - `column`: a numeric column of the plan's villages, summed over those that
      `where` names; or ``villages`` or ``towns``, counted.
    - `funding`: ``row.payer`` or ``row.total`` of the funding table. [万元]
    - `scope`: ``scope.payer``, ``scope.total`` [万元] or ``scope.payer.share`` [%].
    - `policy`: the value of a policy key.
    - `exposure`: an operating subsidy of the policy if every household of the
      villages in `where` used the energy of its cap; `threshold_mode` overrides. [万元]
    - `sum`, `product`, `ratio`: of other entries, by id: the document against itself.
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
        if len(ways) > 1:
            raise ValueError(f"{' and '.join(ways)}: say one way to compute it")
        if not ways and self.value != UNSTATED and not self.because:
            raise ValueError(f"say how it is computed ({', '.join(WAYS)}), or in `because` why nothing can")
        return self


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
    start: str = ""
    end: str
    because: str = ""


class Published(Section):
    """The numbers, tables and dates that a document prints."""

    document: str
    issued: Date | None = None
    numbers: tuple[Number, ...] = ()
    tables: tuple[PrintedTable, ...] = ()
    dates: tuple[PrintedDate, ...] = ()

    @model_validator(mode="after")
    def _ids_resolve(self) -> Published:
        ids = [n.id for n in self.numbers if n.id]
        wrong = [f"id {i!r} is given twice" for i in sorted(set(ids)) if ids.count(i) > 1]
        for number in self.numbers:
            asked = (*(number.sum or ()), *(number.product or ()), *(number.ratio or ()))
            wrong += [
                f"{number.place} {number.what}: no number has the id {i!r}" for i in asked if i not in ids
            ]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


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
        return Published.model_validate(tomllib.loads(text.removeprefix("\ufeff")))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError([toml_problem(error, text=text, file=file)]) from None
    except ValidationError as error:
        raise PolicyError(list(validation_problems(error, model=Published, file=file))) from None
