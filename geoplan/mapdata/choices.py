"""The options of every village: what each costs whom, and why it was not taken."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from geoplan.explain import number
from geoplan.mapdata.values import LARGE, as_lists, plain, positions

#: Columns of an option: what it costs each purse, what it emits, and what it takes.
OPTION = (
    "rank", "annual_cost_cny", "capex_cny", "household_capex_cny", "household_capex_unsubsidised_cny",
    "household_cost_cny_per_season", "household_cost_unsubsidised_cny_per_season",
    "subsidy_operating_cny_per_a", "co2_t_per_a", "pm25_kg_per_a", "network_m", "connection_m",
    "source_id", "capacity_use", "capacity_unit", "capacity_value_cny_per_unit",
)  # fmt: skip

#: Who pays capital subsidies.
CAPITAL = tuple(f"subsidy_{level}_cny" for level in ("central", "province", "city", "district"))

#: Digits that large amounts of options keep in a large page, most of which they are.
LARGE_DIGITS = 4


def options_of(options: pd.DataFrame, *, villages: pd.Series, routes: Sequence[str]) -> dict[str, list[Any]]:
    """Options by village and in the order of the style; texts that repeat are kept once."""
    frame = options.assign(
        village=positions(options["village_id"], villages.tolist()),
        place=positions(options["route"], routes),
    ).sort_values(["village", "place"], kind="stable")
    texts: dict[str, int] = {}
    because = frame["infeasible_because"].astype(object).where(frame["infeasible_because"].notna(), "")
    found = {text: _because(text, texts=texts) for text in dict.fromkeys(because)}
    digits = LARGE_DIGITS if len(villages) >= LARGE else None
    return {
        "village": frame["village"].tolist(),
        "route": frame["place"].tolist(),
        "feasible": frame["feasible"].astype(bool).astype(int).tolist(),
        **as_lists(_with_capital(frame), (*OPTION, "subsidy_capital_cny"), digits=digits),
        "because": [found[text] for text in because],
        "texts": list(texts),
    }


def _with_capital(options: pd.DataFrame) -> pd.DataFrame:
    """With the capital subsidies of all levels; unknown where one of them is left open. [CNY]"""
    levels = [name for name in CAPITAL if name in options]
    return options.assign(subsidy_capital_cny=options[levels].astype(float).sum(axis=1, skipna=False))


def _because(text: str, *, texts: dict[str, int]) -> list[list[Any]]:
    """Failed tests of one option as [place in `texts`, measured, limit, unit]; `texts` grows.

    Examples
    --------
    >>> texts: dict[str, int] = {}
    >>> _because('[{"text": "距干管 4,268 m，高于 2,000 m", "measured": 4268.4, "limit": 2000}]', texts=texts)
    [[0, None, None, None]]
    >>> _because('[{"text": "无干管", "measured": 4268.4, "limit": 2000, "unit": "m"}]', texts=texts)
    [[1, 4268.4, 2000.0, 'm']]
    """
    try:
        findings = json.loads(text or "[]")
    except ValueError:
        findings = [{"text": text}]
    return [
        [texts.setdefault(said, len(texts)), *([None] * 3 if _told(finding, said) else _amounts(finding))]
        for finding in findings
        for said in [str(finding.get("text") or finding.get("code") or "")]
    ]


def _told(finding: Mapping[str, Any], said: str) -> bool:
    """Whether the sentence itself says what was measured."""
    measured = finding.get("measured")
    return isinstance(measured, int | float) and number(measured) in said


def _amounts(finding: Mapping[str, Any]) -> list[Any]:
    return [plain(finding.get(key)) for key in ("measured", "limit", "unit")]
