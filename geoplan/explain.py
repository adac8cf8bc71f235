"""The reason of every village in words: what was excluded and why, what was taken, what comes next."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd

from geoplan.checks import Finding, Findings
from geoplan.columns import ROUTES, Column, plan_columns, table, unit_label
from geoplan.policy import Policy
from geoplan.supplies import Note


@cache
def messages(lang: str = "zh") -> Mapping[str, Any]:
    """Sentences of one language.

    Examples
    --------
    >>> messages("en")["codes"]["not_in_order"]
    "not in the policy's order"
    """
    text = resources.files("geoplan").joinpath("data/messages.toml").read_text("utf-8")
    found: Mapping[str, Any] = tomllib.loads(text)[lang]
    return found


@cache
def style() -> Mapping[str, Any]:
    """Labels, colours and order of the routes, and labels of the decisions."""
    return tomllib.loads(resources.files("geoplan").joinpath("data/style.toml").read_text("utf-8"))


def dearer_pct(margin_pct: float) -> float:
    """How much dearer the route taken is than its runner-up; NaN where there is none. [%]

    Examples
    --------
    >>> dearer_pct(-20.0), dearer_pct(25.0)
    (25.0, -20.0)
    """
    return -margin_pct / (100.0 + margin_pct) * 100.0 if pd.notna(margin_pct) else math.nan


#: The margin of a near tie where a policy says nothing. [%]
NEAR_TIE_PCT = 5.0


def near_tie_pct(policy: Any) -> float:
    """The greatest margin of a near tie. [%]"""
    said = getattr(getattr(policy, "selection", None), "near_tie_pct", None)
    return NEAR_TIE_PCT if said is None else float(said)


def near_ties(villages: pd.DataFrame, policy: Any) -> pd.Series:
    """Whether the runner-up of each village costs society at most the near tie of the policy more or less.

    Parameters
    ----------
    villages : DataFrame
        With ``runner_up`` and ``margin_pct``. [%]
    policy : Policy

    Returns
    -------
    Series of bool
        On the index of `villages`.
    """
    near = villages["margin_pct"].astype(float).abs() <= near_tie_pct(policy)
    return near & villages["runner_up"].fillna("").ne("")


def route_label(route: str, lang: str = "zh") -> str:
    """Label of a route.

    Examples
    --------
    >>> route_label("gas")
    '煤改气'
    """
    return str(style()["routes"][route][lang])


def value_label(column: Column | str, value: Any, lang: str = "zh") -> str:
    """A value of a column as the reader's word: a code in words, any other text as it is.

    Parameters
    ----------
    column : Column or str
        A name is that of a column of the plan's villages.

    Examples
    --------
    >>> value_label("dwelling", "apartment"), value_label("insulated", True)
    ('楼房', '是')
    >>> value_label("name", "关渠村"), value_label("name", None)
    ('关渠村', '')
    """
    if isinstance(column, str):
        column = plan_columns()[column]
    if pd.isna(value) or value == "":
        return ""
    if column.dtype == "boolean":
        return str(style()["values"]["yes" if value else "no"][lang])
    if column.values == ROUTES:
        return route_label(str(value), lang)
    words = style()["decisions" if column.name == "decision" else "values"]
    return str(words[value][lang]) if column.values else str(value)


def number(value: float) -> str:
    """A measured value as a reader wants it: whole from 100 on, else three digits.

    Examples
    --------
    >>> number(1870.4), number(12.345), number(0.0)
    ('1,870', '12.3', '0')
    """
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def _shown(value: float | str | None) -> str:
    return number(value) if isinstance(value, float | int) else str(value)


@dataclass(frozen=True)
class Explainer:
    """Turns findings into sentences of one language.

    Attributes
    ----------
    names : mapping
        Names of sources and villages by id.
    in_turn : bool
        Whether villages were decided one after the other, as in the cascade.
    """

    names: Mapping[str, str]
    lang: str = "zh"
    in_turn: bool = True

    def finding(self, finding: Finding) -> str:
        """One failed test as a clause.

        Examples
        --------
        >>> Explainer({}).finding(Finding("beyond_break_even", 2310.0, 1120.0, "m"))
        '接入需新建 2,310 m，超过盈亏平衡长度 1,120 m'
        """
        return self._clause(finding, _shown(finding.measured))

    def _clause(self, finding: Finding, measured: str) -> str:
        words = messages(self.lang)
        if finding.rule and finding.note:
            return finding.note
        label = self._label(finding.subject) if finding.rule else ""
        test = "none" if finding.limit is None else finding.test
        codes = words["codes"] if self.in_turn else words["codes"] | words["codes_at_once"]
        pattern = str(words[f"rule{test}"] if finding.rule else codes[finding.code])
        text = pattern.format(
            measured=measured,
            limit=_shown(finding.limit),
            unit=unit_label(finding.unit, self.lang),
            subject=words["supplies"].get(finding.subject, self.names.get(finding.subject, finding.subject)),
            label=label,
        )
        return f"{text}（{finding.source}）" if finding.source and finding.test in ("in", "not in") else text

    def _label(self, column: str) -> str:
        known = table("villages") | table("measures")
        return known[column].zh if self.lang == "zh" else known[column].en

    def as_json(self, findings: Sequence[Finding]) -> str:
        """Findings as the JSON of ``infeasible_because``; an empty text for none."""
        rows = [
            {
                "code": f.code,
                "text": self.finding(f),
                "measured": f.measured,
                "limit": f.limit,
                "unit": f.unit,
                "subject": f.subject.rpartition("/")[2],
            }
            for f in findings
            if not f.warning
        ]
        return json.dumps(rows, ensure_ascii=False, sort_keys=True) if rows else ""

    def reason(
        self,
        village: Mapping[str, Any],
        findings: Findings,
        policy: Policy,
        *,
        costs: Mapping[tuple[str, str], float] | None = None,
    ) -> str:
        """The whole chain of one village.

        Parameters
        ----------
        village : mapping
            Row of the plan's villages.
        findings : dict
            Failed tests by village and route.
        policy : Policy
            Gives the order in which the routes were tried.
        costs : mapping of (village, route) to float, optional
            Annual social cost, where the cheapest way was sought and not the first. [CNY/a]
        """
        words = messages(self.lang)
        route, village_id = village["route"], village["village_id"]
        if route == "existing" or (route == "deferred" and not village["heat_load_kw"] > 0):
            idle = "vacant" if village["households"] else "no_task"
            return str(words["existing" if route == "existing" else idle] + words["stop"])
        parts = (
            [self._locked(village)]
            if village["decision"] == "locked"
            else self._tried(village, findings, policy)
            + self._passed_over(village, findings, policy, costs or {})
        )
        if village["decision"] == "locked":
            pass
        elif route == "deferred":
            parts.append(words["deferred"])
        else:
            parts.append(self._taken(village))
        if route != "deferred":
            parts.append(self._supplied(village, policy))
            parts.append(self._runner_up(village))
        parts += self.warnings(village_id, route, findings)
        dearer = dearer_pct(village["margin_pct"])
        if dearer > policy.selection.argue_pct:
            pct = number(round(dearer, 1))
            parts.append(
                words["argue_dearer"].format(route=route_label(village["runner_up"], self.lang), pct=pct)
            )
        return str(words["joiner"].join(p for p in parts if p) + words["stop"])

    def warnings(self, village_id: str, route: str, findings: Findings) -> list[str]:
        """What has to be argued for the route taken, or must come before it."""
        words = messages(self.lang)
        found = [f for f in findings.get((village_id, route), ()) if f.warning]
        return [
            str(words["precede" if f.code == "planned_main" else "argue"].format(why=self.finding(f)))
            for f in found
        ]

    def note(self, note: Note) -> str:
        """What the run must say, in words."""
        key, values = note
        return str(messages(self.lang)["notes"][key].format(**values))

    def _locked(self, village: Mapping[str, Any]) -> str:
        words = messages(self.lang)
        why = village.get("lock_reason")
        why = words["lock_silent"] if pd.isna(why) or not why else str(why)
        return str(words["locked"]).format(route=route_label(village["route"], self.lang), why=why)

    def _tried(self, village: Mapping[str, Any], findings: Findings, policy: Policy) -> list[str]:
        """The routes that came before the one taken; those that failed alike are named together."""
        alike: dict[tuple[Any, ...], list[tuple[str, list[Finding]]]] = {}
        for rank in policy.ranks:
            for route in rank:
                found = [f for f in findings.get((village["village_id"], route), ()) if not f.warning]
                beside = village["route"] in rank and village["decision"] == "first choice"
                if route != village["route"] and found and not beside:
                    cause = tuple((f.code, f.subject, f.limit) for f in found)
                    alike.setdefault(cause, []).append((route_label(route, self.lang), found))
            if village["route"] in rank:
                break
        return [self._excluded(group) for group in alike.values()]

    def _passed_over(
        self,
        village: Mapping[str, Any],
        findings: Findings,
        policy: Policy,
        costs: Mapping[tuple[str, str], float],
    ) -> list[str]:
        """Feasible routes that the order puts before the one taken, and how they compare."""
        ranked = [r for rank in policy.ranks for r in rank]
        here, taken = village["village_id"], village["route"]
        mine = costs.get((here, taken), 0.0)
        said = []
        for route in ranked[: ranked.index(taken)] if taken in ranked else ():
            if mine <= 0 or any(not f.warning for f in findings.get((here, route), ())):
                continue
            pct = 100.0 * (costs.get((here, route), 0.0) / mine - 1.0)
            words = messages(self.lang)["passed_dearer" if pct >= 0 else "passed_cheaper"]
            said.append(words.format(route=route_label(route, self.lang), pct=number(round(abs(pct), 1))))
        return said

    def _excluded(self, group: list[tuple[str, list[Finding]]]) -> str:
        """Routes that failed by the same limits, each with its own measured value."""
        first = group[0][1]
        clauses = []
        for position, finding in enumerate(first):
            measured = dict.fromkeys(_shown(found[position].measured) for _, found in group)
            clauses.append(self._clause(finding, "、".join(measured)))
        names = "、".join(name for name, _ in group)
        why = "、".join(dict.fromkeys(clauses))
        return str(messages(self.lang)["excluded"].format(route=names, why=why))

    def _taken(self, village: Mapping[str, Any]) -> str:
        words = messages(self.lang)
        decision = str(style()["decisions"][village["decision"]][self.lang])
        text = str(words["taken"]).format(route=route_label(village["route"], self.lang), decision=decision)
        if village["decision"] == "group":
            text += words["joiner"] + words["group_taken"].format(group=village["group_id"])
        return text

    def _supplied(self, village: Mapping[str, Any], policy: Policy) -> str:
        words = messages(self.lang)
        supply = policy.routes[village["route"]].supply if village["route"] in policy.routes else None
        if not village["source_id"] or supply is None:
            place = village.get("geometry")
            lost = supply == "grid" and (place is None or place.is_empty)
            return str(words["source_unknown"]) if lost else ""
        key = {"heat": "heat_taken", "gas": "gas_taken"}.get(supply, "source_taken")
        limit = village["break_even_m"]
        if supply == "heat" and village["connection_m"] > limit:
            key = "heat_taken_beyond"
        return str(words[key]).format(
            connection=number(round(village["connection_m"])),
            limit=number(round(limit)) if pd.notna(limit) else "–",
            source=self.names.get(f"{supply}/{village['source_id']}", village["source_id"]),
        )

    def _runner_up(self, village: Mapping[str, Any]) -> str:
        words = messages(self.lang)
        margin = village["margin_pct"]
        if pd.isna(margin):
            return str(words["runner_none"])
        key = "runner_higher" if margin >= 0 else "runner_lower"
        label = route_label(village["runner_up"], self.lang)
        return str(words[key]).format(route=label, pct=number(round(abs(margin), 1)))
