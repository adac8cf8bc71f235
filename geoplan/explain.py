"""The reason of every village in words: what was excluded and why, what was taken, what comes next."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd

from geoplan.checks import Finding, Findings
from geoplan.columns import table, unit_label
from geoplan.policy import Policy


@cache
def messages(lang: str = "zh") -> Mapping[str, str]:
    """Sentences of one language.

    Examples
    --------
    >>> messages("en")["not_in_order"]
    "not in the policy's order"
    """
    text = resources.files("geoplan").joinpath("data/messages.toml").read_text("utf-8")
    found: Mapping[str, str] = tomllib.loads(text)[lang]
    return found


@cache
def style() -> Mapping[str, Any]:
    """Labels, colours and order of the routes, and labels of the decisions."""
    return tomllib.loads(resources.files("geoplan").joinpath("data/style.toml").read_text("utf-8"))


def route_label(route: str, lang: str = "zh") -> str:
    """Label of a route.

    Examples
    --------
    >>> route_label("gas")
    '煤改气'
    """
    return str(style()["routes"][route][lang])


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
    """

    names: Mapping[str, str]
    lang: str = "zh"

    def finding(self, finding: Finding) -> str:
        """One failed test as a clause.

        Examples
        --------
        >>> Explainer({}).finding(Finding("beyond_break_even", 2310.0, 1120.0, "m"))
        '接入需新建 2,310 m，超过盈亏平衡长度 1,120 m'
        """
        words = messages(self.lang)
        subject = words.get(finding.subject, self.names.get(finding.subject, finding.subject))
        if finding.code in words:
            pattern, label = words[finding.code], ""
        else:
            test = "none" if finding.limit is None else finding.test
            pattern, label = words[f"rule{test}"], self._label(finding.subject)
            if finding.note:
                return finding.note
        return pattern.format(
            measured=_shown(finding.measured),
            limit=_shown(finding.limit),
            unit=unit_label(finding.unit, self.lang),
            subject=subject,
            label=label,
        )

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
                "subject": f.subject,
            }
            for f in findings
            if not f.warning
        ]
        return json.dumps(rows, ensure_ascii=False, sort_keys=True) if rows else ""

    def reason(self, village: Mapping[str, Any], findings: Findings, policy: Policy) -> str:
        """The whole chain of one village.

        Parameters
        ----------
        village : mapping
            Row of the plan's villages.
        findings : dict
            Failed tests by village and route.
        policy : Policy
            Gives the order in which the routes were tried.
        """
        words = messages(self.lang)
        route, village_id = village["route"], village["village_id"]
        if route == "existing" or (route == "deferred" and not village["households"]):
            return words["existing" if route == "existing" else "no_task"] + words["stop"]
        parts = (
            [self._locked(village)]
            if village["decision"] == "locked"
            else self._tried(village, findings, policy)
        )
        if route == "deferred":
            parts.append(words["deferred"])
        elif village["decision"] != "locked":
            parts.append(self._taken(village))
        if route != "deferred":
            parts.append(self._supplied(village, policy))
            parts.append(self._runner_up(village))
        parts += [words["argue"].format(why=w) for w in self.warnings(village_id, route, findings)]
        dearer = village["margin_pct"]
        if pd.notna(dearer) and -dearer / (100.0 + dearer) * 100.0 > policy.selection.argue_pct:
            pct = number(round(-dearer / (100.0 + dearer) * 100.0, 1))
            parts.append(
                words["argue_dearer"].format(route=route_label(village["runner_up"], self.lang), pct=pct)
            )
        return words["joiner"].join(p for p in parts if p) + words["stop"]

    def warnings(self, village_id: str, route: str, findings: Findings) -> list[str]:
        """What has to be argued for the route taken."""
        return [self.finding(f) for f in findings.get((village_id, route), ()) if f.warning]

    def _locked(self, village: Mapping[str, Any]) -> str:
        words = messages(self.lang)
        why = village.get("lock_reason")
        why = words["lock_silent"] if pd.isna(why) or not why else str(why)
        return words["locked"].format(route=route_label(village["route"], self.lang), why=why)

    def _tried(self, village: Mapping[str, Any], findings: Findings, policy: Policy) -> list[str]:
        """The routes that came before the one taken; those that failed alike are named together."""
        failed: dict[tuple[tuple[str, str], ...], list[str]] = {}
        why: dict[tuple[tuple[str, str], ...], str] = {}
        for rank in policy.ranks:
            for route in rank:
                found = [f for f in findings.get((village["village_id"], route), ()) if not f.warning]
                if route != village["route"] and found:
                    cause = tuple((f.code, f.subject) for f in found)
                    failed.setdefault(cause, []).append(route_label(route, self.lang))
                    why.setdefault(cause, "、".join(dict.fromkeys(self.finding(f) for f in found)))
            if village["route"] in rank:
                break
        pattern = messages(self.lang)["excluded"]
        return [pattern.format(route="、".join(names), why=why[cause]) for cause, names in failed.items()]

    def _taken(self, village: Mapping[str, Any]) -> str:
        words = messages(self.lang)
        decision = str(style()["decisions"][village["decision"]][self.lang])
        text = words["taken"].format(route=route_label(village["route"], self.lang), decision=decision)
        if village["decision"] == "group":
            text += words["joiner"] + words["group_taken"].format(group=village["group_id"])
        return text

    def _supplied(self, village: Mapping[str, Any], policy: Policy) -> str:
        words = messages(self.lang)
        supply = policy.routes[village["route"]].supply if village["route"] in policy.routes else None
        if not village["source_id"] or supply is None:
            return ""
        key = {"heat": "heat_taken", "gas": "gas_taken"}.get(supply, "source_taken")
        limit = village["break_even_m"]
        return words[key].format(
            connection=number(round(village["connection_m"])),
            limit=number(round(limit)) if pd.notna(limit) else "–",
            source=self.names.get(village["source_id"], village["source_id"]),
        )

    def _runner_up(self, village: Mapping[str, Any]) -> str:
        words = messages(self.lang)
        margin = village["margin_pct"]
        if pd.isna(margin):
            return words["runner_none"]
        key = "runner_higher" if margin >= 0 else "runner_lower"
        label = route_label(village["runner_up"], self.lang)
        return words[key].format(route=label, pct=number(round(abs(margin), 1)))
