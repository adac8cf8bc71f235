"""The cascade beside the optimum: what each costs, who moved, and which capacity is worth what."""

from __future__ import annotations

from typing import Any

import pandas as pd

from geoplan.columns import ROUTES
from geoplan.ledger import DEFERRED
from geoplan.optimum import Proof
from geoplan.options import Options
from geoplan.policy import Policy
from geoplan.schema import Supply
from geoplan.supplies import SOURCE_ROUTE
from geoplan.verdict import Selection
from geoplan.worth import Worth

#: Why a village has another route in the optimum than in the cascade.
CHEAPER, GIVES_WAY, FOUND_ROOM, TOGETHER = "cheaper", "gives way", "found room", "together"
#: The same where fewer households wait or burn clean coal than in the cascade.
FEWER = "fewer wait"


def comparison(selection: Selection, proof: Proof, options: Options, *, policy: Policy) -> dict[str, Any]:
    """Cascade and optimum side by side, for the summary of a plan.

    Parameters
    ----------
    selection : Selection
        The optimum.
    proof : Proof
    options : Options
    policy : Policy

    Returns
    -------
    dict
        ``objective``, ``status``, ``gap``, ``bound_cny_per_a``, ``first_goals_proved``;
        ``cascade`` (None where it cannot obey the locks) and ``optimum``, each with households
        waiting and on clean coal, cost [CNY/a] and households by route; ``saving_cny_per_a``;
        ``moved``, one row per village with another route; ``capacities``, one row per source
        with its shadow price.
    """
    return {
        "objective": proof.objective,
        "status": proof.status,
        "gap": proof.gap,
        "bound_cny_per_a": proof.bound_cny_per_a,
        "first_goals_proved": proof.first_goals_proved,
        "cascade": _side(proof.cascade, proof.by_rule, options),
        "optimum": _side(proof.worth, selection, options),
        "saving_cny_per_a": (
            None if proof.cascade is None else proof.cascade.cost_cny_per_a - proof.worth.cost_cny_per_a
        ),
        "moved": _moved(selection, proof, options, policy),
        "capacities": _capacities(selection, proof, options),
    }


def _side(worth: Worth | None, selection: Selection | None, options: Options) -> dict[str, Any] | None:
    """What one method comes to; None where the cascade cannot obey the locks."""
    if worth is None or selection is None:
        return None
    households = options.villages["households"].astype(int).groupby(selection.route).sum()
    return {
        "households_deferred": worth.deferred,
        "households_transition": worth.transition,
        "cost_cny_per_a": worth.cost_cny_per_a,
        "households_by_route": {r: int(households[r]) for r in ROUTES if households.get(r, 0)},
    }


def _moved(selection: Selection, proof: Proof, options: Options, policy: Policy) -> list[dict[str, Any]]:
    """Villages whose route differs, and what that alone saves. [CNY/a]"""
    by_rule = proof.by_rule
    if by_rule is None:
        return []
    before, after = by_rule.route, selection.route
    moved = options.villages.loc[before.index[before != after]]
    rows = []
    for village, name, town, households in moved[["name", "town", "households"]].itertuples():
        old, new = str(before[village]), str(after[village])
        saved = _cost(by_rule, village, old) - _cost(selection, village, new)
        because, source = _because(by_rule, proof, policy, village, routes=(old, new), saved=saved)
        rows.append(
            {
                "village_id": village,
                "name": str(name),
                "town": str(town),
                "households": int(households),
                "from": old,
                "to": new,
                "saving_cny_per_a": saved,
                "because": because,
                "source": source,
            }
        )
    return rows


def _cost(selection: Selection, village: str, route: str) -> float:
    """Annual social cost of a village as decided; nothing is spent on one that waits. [CNY/a]"""
    key = (village, route)
    return float(selection.table.at[key, "annual_cost_cny"]) if key in selection.table.index else 0.0


def _because(
    by_rule: Selection, proof: Proof, policy: Policy, village: str, *, routes: tuple[str, str], saved: float
) -> tuple[str, str]:
    """Why a village moved, and the source that is concerned."""
    old, new = routes
    supply = policy.routes[old].supply if old in policy.routes else None
    source = str(by_rule.source_id.get(village, "")) if supply else ""
    if saved < 0 and supply is not None and proof.price.get((supply, source), 0.0) > 0:
        return GIVES_WAY, source
    found = by_rule.findings.get((village, new), ())
    full = [f for f in found if f.code in ("source_full", "main_full")]
    if full or old == DEFERRED:
        return FOUND_ROOM, full[0].subject.rpartition("/")[2] if full else ""
    if saved >= 0:
        return CHEAPER, ""
    goals = None if proof.cascade is None else (proof.cascade.deferred, proof.cascade.transition)
    return (TOGETHER if goals == (proof.worth.deferred, proof.worth.transition) else FEWER), ""


def _used(by_rule: Selection | None, supply: Supply, source: str) -> float | None:
    return None if by_rule is None else float(by_rule.used[supply].get(source, 0.0))


def _capacities(selection: Selection, proof: Proof, options: Options) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for supply, network in options.supplies.items():
        if not network.limited:
            continue
        names = network.sources.get("name", pd.Series("", index=network.sources.index)).fillna("")
        rows += [
            {
                "supply": SOURCE_ROUTE[supply],
                "source_id": str(source),
                "name": str(names[source]),
                "unit": network.unit,
                "capacity": float(network.sources.at[source, "capacity"]),
                "used_cascade": _used(proof.by_rule, supply, source),
                "used_optimum": float(selection.used[supply].get(source, 0.0)),
                "shadow_price_cny_per_unit": proof.price.get((supply, str(source)), 0.0),
            }
            for source in network.sources.index
        ]
    return rows
