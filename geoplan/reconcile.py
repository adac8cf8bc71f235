"""The plan beside its document: every published number, table and date, and what the tool's own checks find.

A difference is explained when the document's entry or a remark in
``published.toml`` says why; the others are counted as unexplained.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import zip_longest
from typing import Any

import pandas as pd

from geoplan.annex import AnnexTable, annex_table
from geoplan.audit import audit
from geoplan.explain import value_label
from geoplan.finance import exposure
from geoplan.funding import funding_table, scope_totals
from geoplan.model import Plan
from geoplan.policy import Policy
from geoplan.provisions import UNSTATED, matching
from geoplan.published import OWN, Cell, Compared, Number, PrintedTable, Published, value_at
from geoplan.timeline import timeline
from geoplan.units import WAN

#: Two numbers that differ by less, in parts of the larger, are the same. [share]
NOISE = 1e-9
#: Significant digits of what is computed.
DIGITS = 12

#: Column of the plan's villages by which each part of the targets counts households.
TARGETS = {"by_year": "year", "by_route": "route", "by_town": "town", "by_area_class": "area_class"}


def reconcile(villages: pd.DataFrame, policy: Policy, published: Published | None) -> list[dict[str, Any]]:
    """Compare what a document prints with what the plan computes.

    Parameters
    ----------
    villages : DataFrame
        The plan's villages.
    policy : Policy
        The policy the plan was made with.
    published : Published or None
        What the document prints; without it, the targets of the policy.

    Returns
    -------
    list of dict
        One row per published number, table and date, one for each differing
        cell, and one for each finding of the checks, with the keys of
        :class:`~geoplan.published.Compared`.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> printed = Number(place="三", what="改造户数", unit="户", value=100.0, column="households")
    >>> frame = pd.DataFrame({"households": [60, 41]})
    >>> row = reconcile(frame, default_policy(), Published(document="示例", numbers=(printed,)))[0]
    >>> row["computed"], row["difference"], row["status"]
    (101.0, 1.0, 'differs')
    """
    printed = published or _targets(policy)
    ledger = _Ledger(villages, policy, printed)
    rows = [_number(number, ledger.compute(number)) for number in printed.numbers]
    rows += [row for given in printed.tables for row in _table(given, villages, policy, printed.remarks)]
    rows += timeline(policy, printed)
    rows += [row.with_remark(printed.remarks) for row in audit(villages, policy)]
    return [asdict(row) for row in rows]


def reconciled(plan: Plan, published: Published | None) -> Plan:
    """The same plan with its reconciliation in the summary.

    Returns
    -------
    Plan
        ``summary["reconciliation"]`` as :func:`reconcile` gives it, and
        ``summary["unexplained"]``, the number of differences without a reason.
    """
    rows = reconcile(plan.villages, plan.policy, published)
    return replace(plan, summary={**plan.summary, "reconciliation": rows, "unexplained": unexplained(rows)})


def unexplained(rows: Sequence[Mapping[str, Any]]) -> int:
    """How many differences have no reason.

    Examples
    --------
    >>> unexplained([{"status": "differs", "because": ""}, {"status": "differs", "because": "四舍五入"}])
    1
    """
    return sum(row["status"] == "differs" and not row["because"] for row in rows)


# --- numbers ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Ledger:
    """Where computed numbers come from; None is one that the plan or the policy leaves open."""

    villages: pd.DataFrame
    policy: Policy
    published: Published

    @cached_property
    def entries(self) -> dict[str, Number]:
        """The entries that have an id."""
        return {n.id: n for n in self.published.numbers if n.id}

    @cached_property
    def funding(self) -> pd.DataFrame:
        """The funding table. [万元]"""
        return funding_table(self.villages, self.policy)

    @cached_property
    def scopes(self) -> pd.DataFrame:
        """Its totals by scope. [万元, %]"""
        return scope_totals(self.funding)

    def compute(self, number: Number) -> float | None:
        """The number by the way that its entry names, in the entry's unit."""
        if not number.way:
            return None
        found = getattr(self, f"_{number.way}")(number)
        return None if found is None or not math.isfinite(found) else _tidy(float(found) * number.scale)

    def _column(self, number: Number) -> float:
        asked = self.villages[matching(self.villages, number.where)]
        if number.column == "villages":
            return float((asked["households"].astype(float) > 0).sum())
        if number.column == "towns":
            return float(asked.loc[asked["households"].astype(float) > 0, "town"].nunique())
        return float(asked[number.column].astype(float).sum(skipna=False))

    def _exposure(self, number: Number) -> float:
        households = self._column(number.model_copy(update={"column": "households"}))
        mode = number.threshold_mode
        return exposure(self.policy, str(number.exposure), households, threshold_mode=mode) / WAN

    def _funding(self, number: Number) -> float:
        row, _, payer = str(number.funding).rpartition(".")
        return float(self.funding[payer].get(row, 0.0))

    def _scope(self, number: Number) -> float | None:
        scope, _, payer = str(number.scope).removesuffix(".share").rpartition(".")
        amounts = self.scopes[f"{payer}_pct" if str(number.scope).endswith(".share") else payer]
        return float(amounts[scope]) if scope in amounts else None

    def _policy(self, number: Number) -> float | None:
        value = value_at(self.policy, str(number.policy))
        return None if value == UNSTATED else float(value)

    def _sum(self, number: Number) -> float | None:
        parts = self._operands(number)
        return None if parts is None else math.fsum(parts)

    def _product(self, number: Number) -> float | None:
        parts = self._operands(number)
        return None if parts is None else math.prod(parts)

    def _ratio(self, number: Number) -> float | None:
        parts = self._operands(number)
        return None if parts is None or parts[1] == 0 else parts[0] / parts[1]

    def _operands(self, number: Number) -> list[float] | None:
        """The printed values of other entries, computed where the document does not state them."""
        found = []
        for entry in (self.entries[i] for i in number.operands):
            value = self.compute(entry) if isinstance(entry.value, str) else entry.value
            if value is None:
                return None
            found.append(value)
        return found


def _number(number: Number, computed: float | None) -> Compared:
    """One published number beside the computed one."""
    stated = None if isinstance(number.value, str) else float(number.value)
    row = Compared(
        "check" if number.way in OWN else "number",
        number.place,
        number.what,
        number.unit,
        published=stated,
        computed=computed,
        because=number.because,
        id=number.id,
    )
    if stated is None or not number.way:
        return replace(row, status="not stated")
    if computed is None:
        return replace(row, status="differs")
    difference = _tidy(computed - stated)
    noise = NOISE * max(abs(computed), abs(stated))
    same = abs(difference) <= number.tolerance + noise
    return replace(
        row, difference=difference if abs(difference) > noise else 0.0, status="equal" if same else "differs"
    )


def _tidy(value: float) -> float:
    """A number without the digits that its arithmetic made up.

    Examples
    --------
    >>> _tidy(0.1 + 0.2)
    0.3
    """
    return float(f"{value:.{DIGITS}g}")


def _targets(policy: Policy) -> Published:
    """The targets of a policy as published numbers."""
    document, targets = policy.document, policy.targets
    numbers = []
    if targets.households is not None:
        number = Number(
            place=document, what="改造户数", unit="户", value=targets.households, column="households"
        )
        numbers.append(number)
    for part, column in TARGETS.items():
        for key, value in getattr(targets, part).items():
            number = Number(
                id=f"targets.{part}.{key}",
                place=document,
                what=f"{value_label(column, key)}改造户数",
                unit="户",
                value=value,
                column="households",
                where={column: (int(key) if column == "year" else key,)},
            )
            numbers.append(number)
    return Published(document=document, numbers=tuple(numbers))


# --- tables -----------------------------------------------------------------------------------------


def _table(
    printed: PrintedTable, villages: pd.DataFrame, policy: Policy, remarks: Mapping[str, str]
) -> list[Compared]:
    """A printed table beside the annex of the plan: one row for the whole, one for each cell that differs."""
    ours = annex_table(villages, policy.annexes[printed.annex])
    cells = list(_cells(printed, ours))
    different = [cell.with_remark(remarks) for cell in cells if cell.status == "differs"]
    equal = len(cells) - len(different)
    whole = Compared(
        "table",
        printed.place,
        f"{ours.title}：相同的单元格",
        "格",
        published=len(cells),
        computed=equal,
        difference=float(equal - len(cells)),
        status="differs" if different else "equal",
        because="不同的单元格逐格列在下面" if different else printed.because,
        id=printed.annex,
    )
    return [whole, *different]


def _cells(printed: PrintedTable, ours: AnnexTable) -> Iterator[Compared]:
    """Every cell of either table, by its place in the grid."""
    headings = [" ".join(head) for head in ours.head]
    rows = zip_longest(_spread(printed.rows, ours), ours.rows, fillvalue=())
    for position, (theirs, own) in enumerate(rows, 1):
        label = " ".join(cell for cell in (theirs or own) if isinstance(cell, str)) or f"第 {position} 行"
        columns = zip_longest(theirs, own, headings, fillvalue=None)
        for column, (published, computed, heading) in enumerate(columns, 1):
            same, difference = _beside(published, computed)
            name = heading or f"第 {column} 列"
            yield Compared(
                "table",
                printed.place,
                f"{label}：{name}",
                ours.unit,
                published=published,
                computed=computed,
                difference=difference,
                status="equal" if same else "differs",
                because=printed.because,
                id=f"{printed.annex}|{label}|{name}",
            )


def _spread(rows: Sequence[Sequence[Cell]], ours: AnnexTable) -> list[list[Cell | None]]:
    """Printed cells, blank ones as None; a merged cell stands in each of its rows."""
    found: list[list[Cell | None]] = []
    for position, row in enumerate(rows):
        cells: list[Cell | None] = [None if cell == "" else cell for cell in row]
        if found and ours.kinds[position : position + 1] == ("row",):
            for column in ours.merged:
                if column < len(cells) and cells[column] is None and column < len(found[-1]):
                    cells[column] = found[-1][column]
        found.append(cells)
    return found


def _beside(published: Cell | None, computed: Cell | None) -> tuple[bool, float | None]:
    """Whether two cells say the same, and the difference of two numbers."""
    if isinstance(published, str) or isinstance(computed, str) or published is None or computed is None:
        return published == computed, None
    difference = computed - published
    same = abs(difference) <= NOISE * max(abs(computed), abs(published))
    return same, 0.0 if same else float(difference)
