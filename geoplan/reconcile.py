"""The plan beside its document: every published number, table and date, and what the tool's own checks find.

A difference is explained when the document's entry or a remark in
``published.toml`` says why, and expects what was found; the others are counted
as unexplained. Every row says what its comparison is worth: a result from the
plan's villages, a value that the policy repeats, or the document itself.
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
from geoplan.columns import IDLE_ROUTES
from geoplan.explain import value_label
from geoplan.funding import funding_rows, funding_table, scope_totals
from geoplan.model import Plan
from geoplan.policy import Policy
from geoplan.provisions import UNSTATED, Annex, Funding, matching
from geoplan.published import (
    BASES,
    OWN,
    Basis,
    Cell,
    Compared,
    Number,
    PrintedTable,
    Published,
    Remark,
    value_at,
)
from geoplan.season import exposure
from geoplan.timeline import timeline
from geoplan.units import WAN

#: Two numbers that differ by less, in parts of the larger, are the same. [share]
NOISE = 1e-9
#: Significant digits compared, and those shown: what lies below differs between processors.
EXACT, SHOWN = 12, 9
#: Cells that say whose row of a table it is.
LABELS = ("row", "town", "name")

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
    >>> frame = pd.DataFrame({"households": [60, 41], "route": ["gas", "heat_pump"]})
    >>> row = reconcile(frame, default_policy(), Published(document="示例", numbers=(printed,)))[0]
    >>> row["computed"], row["difference"], row["status"]
    (101.0, 1.0, 'differs')
    """
    printed = published or _targets(policy)
    ledger = _Ledger(villages, policy, printed)
    rows = [_number(number, ledger.compute(number), ledger.basis(number)) for number in printed.numbers]
    rows += [row for given in printed.tables for row in _table(given, villages, policy, printed.remarks)]
    rows += timeline(policy, printed)
    rows += [row.with_remark(printed.remarks) for row in audit(villages, policy)]
    rows += _idle(printed, rows)
    return [{key: _shown(value) for key, value in asdict(row).items()} for row in rows]


def reconciled(plan: Plan, published: Published | None) -> Plan:
    """The same plan with its reconciliation in the summary.

    Returns
    -------
    Plan
        ``summary["reconciliation"]`` as :func:`reconcile` gives it,
        ``summary["reconciliation_counts"]`` as :func:`counts` does, and
        ``summary["unexplained"]``, the number of differences without a reason.
    """
    rows = reconcile(plan.villages, plan.policy, published)
    found = {"reconciliation": rows, "reconciliation_counts": counts(rows), "unexplained": unexplained(rows)}
    return replace(plan, summary={**plan.summary, **found})


def counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """How many rows there are by basis and status; ``differs`` are those with a reason.

    Examples
    --------
    >>> row = {"basis": "computed", "status": "differs", "because": ""}
    >>> counts([row, {**row, "because": "四舍五入"}])["computed"]
    {'equal': 0, 'differs': 1, 'unexplained': 1, 'not stated': 0}
    """
    found = {basis: dict.fromkeys(("equal", "differs", "unexplained", "not stated"), 0) for basis in BASES}
    for row in rows:
        found[row["basis"]]["unexplained" if unexplained([row]) else row["status"]] += 1
    return found


def unexplained(rows: Sequence[Mapping[str, Any]]) -> int:
    """How many differences have no reason.

    Examples
    --------
    >>> unexplained([{"status": "differs", "because": ""}, {"status": "differs", "because": "四舍五入"}])
    1
    """
    return sum(row["status"] == "differs" and not row["because"] for row in rows)


def _idle(published: Published, rows: Sequence[Compared]) -> list[Compared]:
    """Remarks that explain nothing which was found."""
    found = {row.id for row in rows if row.status == "differs"}
    return [
        Compared(
            "check",
            published.document,
            f"没有用上的说明：{name}",
            status="not stated",
            id=f"remark|{name}",
            basis="listed",
            note=remark.because,
        )
        for name, remark in published.remarks.items()
        if name not in found
    ]


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
        known = found is not None and math.isfinite(found)
        return _tidy(float(found) * number.scale, EXACT) if known else None

    def basis(self, number: Number) -> Basis:
        """What the comparison of an entry is worth."""
        return "derived" if number.derived else self._origin(number)

    def _origin(self, number: Number) -> Basis:
        """Where the computed number comes from; of several parts, the best."""
        if not number.way:
            return "listed"
        if number.way in OWN:
            parts = [self.entries[i] for i in number.operands if i in self.entries]
            origins = {self._origin(part) for part in parts if isinstance(part.value, str)}
            return next((b for b in BASES if b in origins - {"listed"}), "document")
        if number.way in ("column", "exposure"):
            return "computed"
        if number.way == "policy":
            return "entered"
        name, _, payer = str(number.funding or number.scope).removesuffix(".share").rpartition(".")
        rows = funding_rows(self.villages, self.policy)
        paid = [row for key, row in rows.items() if (name == key if number.funding else name in row.scope)]
        whole = "total" if str(number.scope).endswith(".share") else payer
        return "computed" if any(_from_villages(row, whole) for row in paid) else "entered"

    def _column(self, number: Number) -> float:
        mask = matching(self.villages, number.where)
        if "route" not in number.where:  # what waits is not converted, and no document counts it as done
            mask &= ~self.villages["route"].isin(IDLE_ROUTES)
        asked = self.villages[mask]
        if number.column == "villages":
            return float((asked["households"].astype(float) > 0).sum())
        if number.column == "towns":
            return float(asked.loc[asked["households"].astype(float) > 0, "town"].nunique())
        values = asked[number.column].astype(float)
        if number.pick == "sum":
            return float(values.sum(skipna=False))
        return float(values.min() if number.pick == "least" else values.max())

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


def _from_villages(row: Funding, payer: str) -> bool:
    """Whether a payer of a row (or any, for a total) pays by the plan's villages, not a lump sum."""
    counted = () if row.households is not None else tuple(row.cny_per_household)
    payers = (*row.from_plan, *counted)
    return bool(payers) if payer in ("total", "stated_total") else payer in payers


def _number(number: Number, computed: float | None, basis: Basis) -> Compared:
    """One published number beside the computed one."""
    stated = None if isinstance(number.value, str) else float(number.value)
    row = Compared(
        "check" if number.way in OWN else "number",
        number.place,
        number.what,
        number.unit,
        published=stated,
        computed=computed,
        because="" if number.way else number.because,
        id=number.id,
        basis=basis,
        note="；".join(filter(None, (number.derived, number.note))),
    )
    if stated is None or not number.way:
        return replace(row, status="not stated")
    if computed is None:
        return replace(row, status="differs")
    difference = _tidy(computed - stated, EXACT)
    noise = NOISE * max(abs(computed), abs(stated))
    row = replace(row, difference=difference if abs(difference) > noise else 0.0)
    if abs(difference) <= number.tolerance + noise:
        return replace(row, status="equal")
    if number.expected is not None and abs(computed - number.expected) <= number.tolerance + noise:
        return replace(row, because=number.because)
    return row


def _tidy(value: float, digits: int) -> float:
    """A number without the digits that its arithmetic made up.

    Examples
    --------
    >>> _tidy(0.1 + 0.2, EXACT)
    0.3
    """
    return float(f"{value:.{digits}g}")


def _shown(value: Any) -> Any:
    """A value in the digits that the plan's folder keeps."""
    return _tidy(value, SHOWN) if isinstance(value, float) else value


def _targets(policy: Policy) -> Published:
    """The targets of a policy as published numbers."""
    document, targets = policy.document or policy.title, policy.targets
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
    printed: PrintedTable, villages: pd.DataFrame, policy: Policy, remarks: Mapping[str, Remark]
) -> list[Compared]:
    """A printed table beside the annex of the plan: one row for the whole, one for what differs in it."""
    annex = policy.annexes[printed.annex]
    ours = annex_table(villages, annex)
    found = list(_Grids(printed, ours, annex).compared())
    cells = sum(count for _, count in found)
    different = [row.with_remark(remarks) for row, _ in found if row.status == "differs"]
    equal = sum(count for row, count in found if row.status == "equal")
    whole = Compared(
        "table",
        printed.place,
        f"{ours.title}：相同的单元格",
        "格",
        published=cells,
        computed=equal,
        difference=float(equal - cells),
        status="differs" if different else "equal",
        because="不同的行和单元格逐项列在下面" if different else "",
        id=printed.annex,
        basis="computed",
        note=printed.note,
    )
    return [whole, *different]


@dataclass(frozen=True)
class _Grids:
    """A printed table and the annex of the plan, row beside row of the same label."""

    printed: PrintedTable
    ours: AnnexTable
    annex: Annex

    def compared(self) -> Iterator[tuple[Compared, int]]:
        """Rows that only one of them has, the order, and each cell; with the number of cells of each."""
        theirs, own = self._labelled(self._spread()), self._labelled(self.ours.rows)
        both = [label for label in theirs if label in own]
        for label in (*theirs, *own):
            if label not in both:
                yield self._alone(label, theirs.get(label), own.get(label))
        if both != [label for label in own if label in theirs]:
            yield self._row(f"{self.ours.title}：行的次序与文件不同", "order"), 0
        for label in both:
            for cell in self._cells(
                label, theirs[label], own[label], numbered=len(theirs) == len(own) == len(both)
            ):
                yield cell, 1

    def _row(self, what: str, *key: str, **more: Any) -> Compared:
        name = "|".join((self.printed.annex, *key))
        return Compared("table", self.printed.place, what, self.ours.unit, id=name, basis="computed", **more)

    def _alone(
        self, label: str, theirs: Sequence[Cell | None] | None, own: Sequence[Cell | None] | None
    ) -> tuple[Compared, int]:
        """A row that the other table does not have."""
        said = ["、".join(str(c) for c in row if c is not None) if row else None for row in (theirs, own)]
        what = f"{label}：{'文件有、规划没有' if theirs else '规划有、文件没有'}的一行"
        return self._row(what, label, published=said[0], computed=said[1]), len(theirs or own or ())

    def _cells(
        self, label: str, theirs: Sequence[Cell | None], own: Sequence[Cell | None], *, numbered: bool
    ) -> Iterator[Compared]:
        """Every cell of a row; its running number only where no row is missing above."""
        headings = [" ".join(head) for head in self.ours.head]
        kinds = [column.cell for column in self.annex.columns]
        columns = zip_longest(theirs, own, headings, kinds, fillvalue=None)
        for column, (published, computed, heading, kind) in enumerate(columns, 1):
            if kind == "number" and isinstance(published, int) and not numbered:
                continue
            same, difference = _beside(published, computed)
            name = heading or f"第 {column} 列"
            sides = {"published": published, "computed": computed, "difference": difference}
            yield self._row(f"{label}：{name}", label, name, status="equal" if same else "differs", **sides)

    def _labelled(self, rows: Sequence[Sequence[Cell | None]]) -> dict[str, Sequence[Cell | None]]:
        """Rows by the words of their label; of equal ones, the second and further are numbered."""
        found: dict[str, Sequence[Cell | None]] = {}
        group = ""
        for position, row in enumerate(rows, 1):
            words = [cell for cell in row[: self._label_end] if isinstance(cell, str)]
            if self._is_sum(row) and words and words[0] == self.annex.subtotal:
                words = [group, *words]
            else:
                group = next((str(row[c]) for c in self.ours.merged if c < len(row) and row[c]), "")
            label = " ".join(filter(None, words)) or f"第 {position} 行"
            again = sum(name == label or name.startswith(f"{label}（") for name in found)
            found[f"{label}（{again + 1}）" if again else label] = row
        return found

    @cached_property
    def _label_end(self) -> int:
        """The columns before it say whose row it is."""
        last = [i for i, column in enumerate(self.annex.columns) if column.cell in LABELS]
        return last[-1] + 1 if last else min(self.ours.sums, default=len(self.ours.head))

    def _is_sum(self, row: Sequence[Cell | None]) -> bool:
        """Whether it is a sub-total or the total."""
        labels = {self.annex.subtotal, self.annex.total} - {""}
        return any(cell in labels for cell in row[: self._label_end])

    def _spread(self) -> list[list[Cell | None]]:
        """Printed cells, blank ones as None; a merged cell stands in each of its rows."""
        found: list[list[Cell | None]] = []
        above: dict[int, Cell | None] = {}
        for row in self.printed.rows:
            cells: list[Cell | None] = [None if cell == "" else cell for cell in row]
            if not self._is_sum(cells):
                for column in (c for c in self.ours.merged if c < len(cells)):
                    above[column] = cells[column] = (
                        above.get(column) if cells[column] is None else cells[column]
                    )
            found.append(cells)
        return found


def _beside(published: Cell | None, computed: Cell | None) -> tuple[bool, float | None]:
    """Whether two cells say the same, and the difference of two numbers."""
    if isinstance(published, str) or isinstance(computed, str) or published is None or computed is None:
        said = published is not None and computed is not None
        return published == computed or (said and str(published).strip() == str(computed)), None
    difference = computed - published
    same = abs(difference) <= NOISE * max(abs(computed), abs(published))
    return same, 0.0 if same else float(difference)
