"""Closing the books: the options nobody asked for are tested too, and every decision gets its name."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from geoplan.checks import Finding, Findings, apply_rules
from geoplan.finance import annuity
from geoplan.growth import Offer
from geoplan.ledger import DEFERRED, TOLERANCE, Ledger
from geoplan.schema import Supply
from geoplan.supplies import Note, years_of


@dataclass
class Selection:
    """What a selection method decided.

    Attributes
    ----------
    route, source_id, decision : Series of str, index ``village_id``
    table : DataFrame
        The options with connection, break-even length, pipe and upgrade cost as decided.
    findings : dict
        Every failed test, those of capacity and break-even included.
    used : dict of Series
        Capacity used per source of each supply.
    order : tuple of str
        Groups and villages in the order in which they got their route.
    supply_year : Series of Int64, index ``village_id``
        Year from which source, planned mains and substation upgrade are there; empty where they are.
    notes : list of Note
        What the run must say of the routes chosen.
    """

    route: pd.Series
    source_id: pd.Series
    decision: pd.Series
    table: pd.DataFrame
    findings: Findings
    used: dict[Supply, pd.Series]
    order: tuple[str, ...]
    supply_year: pd.Series
    notes: list[Note] = field(default_factory=list)


def close(ledger: Ledger) -> Selection:
    """Routes, decisions and options as they stood in the end."""
    villages = ledger.options.villages
    unit = ledger.unit_of.reindex(villages.index)
    route = pd.Series([ledger.route.get(u, DEFERRED) for u in unit], index=villages.index, dtype=object)
    idle = ~villages.index.isin(ledger.unit_of.index)
    done = villages["households_converted"].astype("Float64").fillna(0.0).to_numpy(dtype=float) > 0
    empty = villages["households"].to_numpy(dtype=float) == 0
    route = route.mask(idle & done & empty, "existing")
    _test_the_rest(ledger, route)
    _mark_idle(ledger, villages.index[idle])
    table = _final_table(ledger, route)
    _retest_density(ledger, table)
    _warn_of_co2(ledger, table, route)
    return Selection(
        route=route,
        source_id=pd.Series([ledger.source.get(v, "") for v in villages.index], villages.index, dtype=object),
        decision=pd.Series({v: _decision(ledger, v, route[v]) for v in villages.index}, dtype=object),
        table=table,
        findings=ledger.findings,
        used=ledger.used,
        order=tuple(ledger.route),
        supply_year=_supply_year(ledger, route),
        notes=_co2_notes(ledger, table, route),
    )


def _supply_year(ledger: Ledger, route: pd.Series) -> pd.Series:
    """Year from which each village can be supplied as it was decided."""
    supply_of = {name: r.supply for name, r in ledger.policy.routes.items()}
    drawn_on = pd.Series(ledger.source, dtype=object).reindex(route.index)
    years = pd.Series(ledger.ready, dtype=float).reindex(route.index).fillna(0.0)
    for supply, network in ledger.options.supplies.items():
        if "year" not in network.sources:
            continue
        of_source = years_of(network.sources)
        if supply == "grid" and "upgrade_kva" in network.sources:
            # The year is that of the upgrade; whoever draws on the spare capacity alone need not wait for it.
            spare = network.sources["spare_kva"].astype(float) * (1.0 + TOLERANCE)
            upgraded = network.sources["upgrade_kva"].astype(float) > 0
            of_source = of_source.mask(upgraded & (ledger.used[supply] <= spare))
        mine = route.map(supply_of).eq(supply)
        years = np.maximum(years, drawn_on.where(mine).map(of_source).astype(float).fillna(0.0))
    return years.where(years > 0).astype("Int64")


def _test_the_rest(ledger: Ledger, route: pd.Series) -> None:
    """Test the options whose turn never came, so that a runner-up is a real one, and note their pipes."""
    offers = _offers_not_taken(ledger, route)
    eligible = ledger.eligible.to_dict("index")
    for unit, ids in ledger.members.items():
        taken = route[ids[0]]
        for name in ledger.cost.columns:
            if name == taken:
                continue
            found: list[Finding | None] = []
            if (name, unit) in offers:
                found += _test_pipe(ledger, unit, name, offers[name, unit])
            else:
                found.append(ledger.short(name, unit, returned=_returned(ledger, unit, name, taken)))
            found.append(ledger.purses.short(unit, name, returned=ledger.purses.asked(unit, taken)))
            if eligible[unit][name] and (unit, name) not in ledger.refused:
                for finding in filter(None, found):
                    ledger.fail(ids, name, finding)


def _offers_not_taken(ledger: Ledger, route: pd.Series) -> dict[tuple[str, str], Offer]:
    """What the pipes offer, by route and unit, to those that have another route."""
    found: dict[tuple[str, str], Offer] = {}
    for name in ledger.cost.columns:
        network = ledger.network(name)
        if network is not None and network.growth is not None:
            units = [unit for unit, ids in ledger.members.items() if route[ids[0]] != name]
            found |= zip(((name, unit) for unit in units), ledger.offers(name, units), strict=True)
    return found


def _test_pipe(ledger: Ledger, unit: str, name: str, offer: Offer) -> list[Finding | None]:
    """Note the pipe of an option that nobody asked for; what stands against it."""
    if offer.quote is None:
        return []
    ledger.note(name, unit, offer.quote)
    return [ledger.too_far(name, unit, offer.quote), offer.finding]


def _returned(ledger: Ledger, unit: str, name: str, taken: str) -> dict[str, float]:
    """What a unit would give back to its sources if it changed to another route of the same supply."""
    if (
        taken not in ledger.policy.routes
        or ledger.policy.routes[taken].supply != ledger.policy.routes[name].supply
    ):
        return {}
    back: dict[str, float] = {}
    for village_id in ledger.members[unit]:
        source = ledger.source.get(village_id, "")
        back[source] = back.get(source, 0.0) + ledger.need[village_id, taken]
    return back


def _mark_idle(ledger: Ledger, idle: pd.Index) -> None:
    """Every option of a village without a task says that there is none."""
    for village_id in idle:
        for name in ledger.options.table.loc[village_id].index:
            ledger.findings[village_id, name] = [Finding("no_task")]


def _final_table(ledger: Ledger, route: pd.Series) -> pd.DataFrame:
    """The options with connection lengths, pipe costs and substation upgrades filled in."""
    table = ledger.options.table.copy()
    if ledger.pipes:
        rows = table.index.get_indexer(pd.MultiIndex.from_tuples(list(ledger.pipes)))
        columns = ("connection_m", "break_even_m", "pipe_cny", "source_id")
        for column, noted in zip(columns, zip(*ledger.pipes.values(), strict=True), strict=True):
            values = table[column].to_numpy(copy=True)
            values[rows] = noted
            table[column] = values
    rates = {
        r: ledger.pipe_rate(r)
        for r in ledger.policy.routes
        if ledger.policy.routes[r].supply in ("heat", "gas")
    }
    rate = pd.Series(table.index.get_level_values(1).map(rates), index=table.index).astype(float).fillna(0.0)
    upgrade = _upgrades(ledger, table, route)
    economics, grid = ledger.policy.economics, ledger.policy.network.grid
    yearly = table["pipe_cny"] * rate + upgrade * annuity(economics.discount_rate, grid.upgrade_lifetime_a)
    for column in ("capex_cny", "enterprise_capex_cny"):
        table[column] += table["pipe_cny"] + upgrade
    table["operator_gap_cny_per_a"] += yearly
    for column in ("annual_cost_cny", "annual_cost_equal_service_cny", "annual_cost_behaviour_cny"):
        table[column] += yearly
    table["capacity_value_cny_per_unit"] = _capacity_value(ledger, table.index)
    trench = table["network_m"] + table["connection_m"]
    heat = ledger.options.villages["heat_demand_mwh_per_a"].reindex(table.index.get_level_values(0))
    density = pd.Series(heat.to_numpy(), index=table.index) / trench.where(trench > 0)
    table["linear_heat_density_mwh_per_m"] = density.where(table["linear_heat_density_mwh_per_m"].notna())
    return table


def _capacity_value(ledger: Ledger, options: pd.Index) -> np.ndarray:
    """What a unit of capacity saves against the cheapest eligible route of another supply. [CNY/a]"""
    routes = ledger.policy.routes
    lasting = [r for r in ledger.cost.columns if not routes[r].transition]
    open_ = ledger.cost.where(ledger.eligible)[lasting]
    value = {}
    for route in ledger.cost.columns:
        supply = routes[route].supply
        others = [r for r in lasting if r != route and (supply is None or routes[r].supply != supply)]
        use = ledger.use[route].astype(float)
        value[route] = (open_[others].min(axis=1) - ledger.cost[route]) / use.where(use > 0)
    by_unit = pd.DataFrame(value).unstack().swaplevel()
    key = pd.MultiIndex.from_arrays(
        [options.get_level_values(0).map(ledger.unit_of), options.get_level_values(1)]
    )
    return by_unit.reindex(key).to_numpy(dtype=float)


def _upgrades(ledger: Ledger, table: pd.DataFrame, route: pd.Series) -> pd.Series:
    """Substation upgrade of each option of the villages on the grid, in proportion to what it draws. [CNY]"""
    chosen = pd.MultiIndex.from_arrays([route.index, route])
    drawn = pd.Series(table["capacity_use"].reindex(chosen).to_numpy(), index=route.index)
    per_kva = (ledger.upgrade_cny / drawn.where(drawn > 0)).fillna(0.0)
    of_village = per_kva.reindex(table.index.get_level_values(0)).to_numpy()
    on_grid = table["capacity_unit"].to_numpy() == "kVA"
    return pd.Series(np.where(on_grid, of_village * table["capacity_use"], 0.0), index=table.index)


def _retest_density(ledger: Ledger, table: pd.DataFrame) -> None:
    """Repeat the warnings about linear heat density with the pipe as built, branches shared."""
    column = "linear_heat_density_mwh_per_m"
    again = {
        name: rule
        for name, rule in ledger.policy.rules.items()
        if rule.column == column and rule.level == "warn"
    }
    if not again or "district_heating" not in table.index.get_level_values(1):
        return
    for key, found in ledger.findings.items():
        ledger.findings[key] = [f for f in found if not (f.rule and f.code in again)]
    built = table.xs("district_heating", level=1)[column]
    villages = ledger.options.villages.loc[ledger.unit_of.index]
    apply_rules(villages.assign(**{column: built}), rules=again, into=ledger.findings)


def _warn_of_co2(ledger: Ledger, table: pd.DataFrame, route: pd.Series) -> None:
    """Warn of every option that is feasible or chosen and emits more CO2 than the coal of today."""
    raised = table[table["co2_avoided_t_per_a"] < -TOLERANCE]
    today = raised["co2_t_per_a"] + raised["co2_avoided_t_per_a"]
    for key, measured, limit in zip(raised.index, raised["co2_t_per_a"], today, strict=True):
        village_id, name = key
        if name == route[village_id] or all(f.warning for f in ledger.findings.get(key, ())):
            finding = Finding("raises_co2", float(measured), float(limit), "t/a", warning=True)
            ledger.fail([village_id], name, finding)


def _co2_notes(ledger: Ledger, table: pd.DataFrame, route: pd.Series) -> list[Note]:
    """How many households get a route that emits more CO2 than the coal of today."""
    chosen = table["co2_avoided_t_per_a"].reindex(pd.MultiIndex.from_arrays([route.index, route]))
    more = chosen[chosen < -TOLERANCE].droplevel(1)
    if more.empty:
        return []
    households = int(ledger.options.villages.loc[more.index, "households"].sum())
    return [("raises_co2", {"villages": len(more), "households": households, "tonnes": -more.sum()})]


def _decision(ledger: Ledger, village_id: str, route: str) -> str:
    """How the route of a village came about."""
    if village_id in ledger.locked:
        return "locked"
    unit = ledger.unit_of.get(village_id)
    if unit is None or route in (DEFERRED, "existing"):
        return DEFERRED
    if any(v in ledger.locked for v in ledger.members[unit]):
        return "group"
    ranked = [r for rank in ledger.policy.ranks for r in rank]
    if lost := next((r for r in ranked if (unit, r) in ledger.refused), None):
        why = {f.code for f in ledger.findings.get((village_id, lost), ())}
        return "over budget" if "over_budget" in why else "no capacity left"
    rank = next(rank for rank in ledger.policy.ranks if route in rank)
    first = next(r for r in ranked if ledger.eligible.at[unit, r])
    own = next((r for r in ranked if _own_eligible(ledger, village_id, r)), route)
    if own not in rank and first in rank:
        return "group"
    return "first choice" if first == route else "cheaper option"


def _own_eligible(ledger: Ledger, village_id: str, route: str) -> bool:
    """Whether a village could take a route if it had no group."""
    return all(f.warning or f.code == "group" for f in ledger.findings.get((village_id, route), ()))
