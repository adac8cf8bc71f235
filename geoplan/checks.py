"""The policy's rules, tested on villages: each failed test with its measured value and limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from geoplan.columns import table
from geoplan.schema import Rule

#: Findings by village and route.
Findings = dict[tuple[str, str], list["Finding"]]


@dataclass(frozen=True)
class Finding:
    """One failed test of one option.

    Attributes
    ----------
    code : str
        What failed: a rule's id, or one of the built-in tests (``no_network``,
        ``unreachable``, ``unlocated``, ``beyond_break_even``, ``source_full``, ``main_full``,
        ``over_budget``, ``worth_more_elsewhere``, ``never_pays``, ``not_in_order``, ``no_task``, ``group``).
    measured, limit : float, str or None
        The value and what it should have been.
    unit : str
        Unit of both.
    subject : str
        The column, the village, the supply or the source (``supply/source_id``) concerned.
    test : str
        How `measured` should relate to `limit`: ``<=``, ``>=``, ``in``, ``not in``.
    note : str
        The rule's own sentence.
    warning : bool
        It is only to be argued; the option stays feasible.
    rule : bool
        `code` is the id of a rule of the policy.
    source : str
        The sentence of the document that the rule quotes.
    """

    code: str
    measured: float | str | None = None
    limit: float | str | None = None
    unit: str = ""
    subject: str = ""
    test: str = "<="
    note: str = ""
    warning: bool = False
    rule: bool = False
    source: str = ""


def apply_rules(
    villages: pd.DataFrame,
    *,
    rules: Mapping[str, Rule],
    into: Findings,
    quotes: Mapping[str, str] | None = None,
) -> None:
    """Add a finding for every village and route that fails a rule.

    Parameters
    ----------
    villages : DataFrame, index ``village_id``
        Village columns and measures.
    rules : mapping of str to Rule
        Those that are not enabled are passed over.
    quotes : mapping of str to str, optional
        Sources of the rules.
    into : dict
        Receives the findings.
    """
    for rule_id, rule in rules.items():
        if not rule.enabled:
            continue
        failed = np.flatnonzero(_fails(villages, rule))
        measures = villages[rule.column].iloc[failed]
        for village_id, measured in zip(measures.index.tolist(), measures.tolist(), strict=True):
            finding = next(_findings(rule_id, rule, measured))
            finding = replace(finding, source=(quotes or {}).get(rule_id, ""))
            for route in rule.routes:
                into.setdefault((village_id, route), []).append(finding)


def _fails(villages: pd.DataFrame, rule: Rule) -> np.ndarray:
    """Mask of the villages a rule applies to and that fail it."""
    applies = np.ones(len(villages), dtype=bool)
    for column, values in rule.where.items():
        applies &= villages[column].isin(values).to_numpy(dtype=bool)
    column = villages[rule.column]
    missing = column.isna().to_numpy(dtype=bool)
    ok = np.ones(len(villages), dtype=bool)
    if rule.in_ is not None:
        ok &= column.isin(rule.in_).to_numpy(dtype=bool)
    if rule.not_in is not None:
        ok &= ~column.isin(rule.not_in).to_numpy(dtype=bool)
    if rule.min is not None or rule.max is not None:
        number = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        ok &= ~(number < (-np.inf if rule.min is None else rule.min))
        ok &= ~(number > (np.inf if rule.max is None else rule.max))
    ok = np.where(missing, rule.missing == "pass", ok)
    return applies & ~ok


def _findings(rule_id: str, rule: Rule, measured: Any) -> Iterator[Finding]:
    """The bounds of a rule that a value breaks, as findings."""
    unit = (table("villages") | table("measures"))[rule.column].unit
    value = None if pd.isna(measured) else measured
    base: dict[str, Any] = {
        "unit": unit,
        "subject": rule.column,
        "note": rule.text,
        "rule": True,
        "warning": rule.level == "warn",
    }
    if value is not None and rule.min is not None and value < rule.min:
        yield Finding(rule_id, float(value), rule.min, test=">=", **base)
    if value is not None and rule.max is not None and value > rule.max:
        yield Finding(rule_id, float(value), rule.max, test="<=", **base)
    for test, values in (("in", rule.in_), ("not in", rule.not_in)):
        if values is not None and (value in values) == (test == "not in"):
            yield Finding(rule_id, _plain(value), "、".join(map(str, values)), test=test, **base)
    yield Finding(rule_id, _plain(value), None, **base)


def _plain(value: Any) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value) if isinstance(value, bool | np.bool_) else float(value)
