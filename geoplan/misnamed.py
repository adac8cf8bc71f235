"""Names in a ``published.toml`` that neither the policy nor the plan's villages have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from geoplan.columns import Column, plan_columns
from geoplan.errors import Problem
from geoplan.policy import Policy
from geoplan.provisions import PAYERS, UNSTATED
from geoplan.published import COUNTED, Number, Published, Remark, unknown, value_at
from geoplan.schema import Scalar, Where

#: What a row or a scope of the funding table has an amount for.
PAID = (*PAYERS, "total", "stated_total")
#: Findings of the checks that a remark can explain, by the first word of their id, and what follows it.
FINDINGS = {
    "overlap": "two stages or two rows of the funding",
    "price": "two rows of the funding and a payer",
    "calendar": "a stage",
    "backwards": "a stage",
    "retroactive": "a stage",
    "lead_agency": "a town",
    "efficiency": "a task of building efficiency, after a dot",
}

#: Types of the values that a column of the plan holds.
HELD: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


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
        (f"[[tables]] {position} {table.place}", unknown("no annex", table.annex, tuple(policy.annexes)))
        for position, table in enumerate(published.tables, 1)
        if table.annex not in policy.annexes
    ]
    found += [
        (f"[remarks] {name!r}", wrong)
        for name, remark in published.remarks.items()
        if (wrong := _wrong_remark(name, remark, published, policy))
    ]
    return [Problem(f"{where}: {wrong}", file=file) for where, wrong in found]


def unmatched(published: Published, villages: pd.DataFrame, *, file: str) -> list[Problem]:
    """Warnings of values in `where` that no village of the county has.

    Parameters
    ----------
    published : Published
    villages : DataFrame
        The county's villages as read; what only the plan decides is not looked for.
    file : str
        Name of the file for the problems.

    Examples
    --------
    >>> found = Published(document="示例", numbers=(
    ...     Number(place="二", what="户数", value=1.0, column="households", where={"town": ("丙镇",)}),))
    >>> frame = pd.DataFrame({"town": ["甲镇", "乙镇"]})
    >>> print(*unmatched(found, frame, file="published.toml"))
    [[numbers]] 1 二 户数: no village has town '丙镇'; check the spelling
    """
    return [
        Problem(
            f"[[numbers]] {position} {number.place} {number.what}: no village has {column} {value!r}",
            file=file,
            remedy="check the spelling",
            severity="warning",
        )
        for position, number in enumerate(published.numbers, 1)
        for column, values in number.where.items()
        if column in villages
        for value in _absent(values, villages[column])
    ]


def _absent(values: Sequence[Scalar], column: pd.Series) -> list[Scalar]:
    """Values that no village has: words that are misspelt, or numbers of which not one is there."""
    absent = [value for value in values if value != "" and not column.isin([value]).any()]
    return absent if len(absent) == len(values) else [value for value in absent if isinstance(value, str)]


def _wrong_remark(name: str, remark: Remark, published: Published, policy: Policy) -> str:
    """What is wrong with a remark: it answers no finding, or excuses any value of a cell."""
    kind, *rest = name.split("|")
    tables = [t.annex for t in published.tables]
    if kind in (*tables, "issued"):
        named = remark.expected is not None
        return "" if named else "excuses any value; write { because = ..., expected = what is found there }"
    if kind.startswith("efficiency."):
        kind, rest = "efficiency", [kind.removeprefix("efficiency.")]
    if kind not in FINDINGS:
        listed = ", ".join((*FINDINGS, "issued", *tables))
        return f"answers no finding; a remark begins with one of {listed}; mend the id or take it away"
    stages = [*(d.what for d in published.dates), *(m.stage for m in policy.milestones.values())]
    rows = list(policy.funding)
    answers: dict[str, Sequence[Sequence[Sequence[str]]]] = {
        "overlap": ((stages, stages), (rows, rows)),
        "price": ((rows, rows, PAYERS),),
        "efficiency": ((list(policy.efficiency),),),
        "lead_agency": ((rest[:1],),),
    }
    for parts in answers.get(kind, ((stages,),)):
        if len(rest) == len(parts) and all(name in known for name, known in zip(rest, parts, strict=True)):
            return ""
    return f"answers no finding; after {kind!r} comes {FINDINGS[kind]}; mend the id or take it away"


def _wrong_where(where: Where, columns: Mapping[str, Column]) -> Iterator[str]:
    """Values that a column of `where` cannot have."""
    for name, values in where.items():
        if name not in columns:
            yield unknown("no column", name, tuple(columns))
            continue
        column = columns[name]
        for value in (v for v in values if v != ""):
            if type(value) not in HELD[column.dtype]:
                yield f"where: {name} holds {column.dtype} values; got {value!r}, which no village can have"
            elif column.values and value not in column.values:
                yield unknown(f"where: {name} has no value", str(value), column.values)


def _wrong_names(number: Number, policy: Policy) -> Iterator[str]:
    """What one entry names in vain."""
    columns = plan_columns()
    numeric = (*COUNTED, *(name for name, c in columns.items() if c.dtype in ("number", "integer")))
    named: list[tuple[str, str, Sequence[str]]] = []
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
    yield from _wrong_where(number.where, columns)
    yield from (unknown(what, name, known) for what, name, known in named if name not in known)
    if number.policy is not None:
        value = value_at(policy, number.policy)
        if value != UNSTATED and (isinstance(value, bool) or not isinstance(value, float | int)):
            yield f"the policy has no number at {number.policy!r}; `geoplan describe policy` lists its keys"
