"""From a county to its plan: price, select, certify, explain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import shapely

from geoplan.affordability import affordability_summary, coal_cost
from geoplan.attribution import shares
from geoplan.cascade import cascade
from geoplan.certificate import certify
from geoplan.columns import ELECTRIC_ROUTES, ROUTES, plan_columns, table
from geoplan.comparison import comparison
from geoplan.emissions import POLLUTANTS, avoided_column
from geoplan.explain import Explainer, messages
from geoplan.growth import Growth
from geoplan.household import equipment
from geoplan.ledger import TOLERANCE
from geoplan.model import County, Plan
from geoplan.optimum import PROVED, TIME_LIMIT_S, Objective, Proof, optimum
from geoplan.options import Options, baseline_emissions, price_options
from geoplan.phasing import with_years
from geoplan.policy import Policy
from geoplan.provisions import LEVELS
from geoplan.reconcile import reconciled
from geoplan.schema import Supply
from geoplan.supplies import SOURCE_ROUTE
from geoplan.verdict import Selection
from geoplan.worth import option_costs

Method = Literal["cascade", "optimum"]

#: Columns of the options that a village's row takes over from the route assigned.
TAKEN = (
    "source_id",
    "connection_m",
    "break_even_m",
    "capex_cny",
    "annual_cost_cny",
    "household_capex_cny",
    "household_capex_unsubsidised_cny",
    "household_cost_cny_per_season",
    "household_cost_unsubsidised_cny_per_season",
    "enterprise_capex_cny",
    "operator_gap_cny_per_a",
    "subsidy_central_cny",
    "subsidy_province_cny",
    "subsidy_city_cny",
    "subsidy_district_cny",
    "subsidy_central_stated_cny",
    "subsidy_province_stated_cny",
    "subsidy_city_stated_cny",
    "subsidy_district_stated_cny",
    "subsidy_operating_cny_per_a",
    "affordability",
    "affordability_unsubsidised",
    *POLLUTANTS,
)
#: Of these, what is stated of an amount that is left open in part, by the amount.
STATED = {f"subsidy_{level}_cny": f"subsidy_{level}_stated_cny" for level in LEVELS}
#: Of these, the ones that are no amount; a village that waits has an empty one.
TAKEN_TEXTS = ("source_id", "affordability", "affordability_unsubsidised")


#: Columns with which a planner fixes a route.
LOCKS = ("locked_route", "lock_reason")


def assign(
    county: County,
    *,
    method: Method = "cascade",
    objective: Objective = "society",
    gap: float = PROVED,
    time_limit_s: float = TIME_LIMIT_S,
    lang: str = "zh",
) -> Plan:
    """Give every village of a county one heating route, and the reason.

    Parameters
    ----------
    county : County
        As read by :func:`geoplan.read_county`; it is not changed.
    method : {"cascade", "optimum"}
        The policy's own order under capacity, or the cheapest way within the same
        rules, with a proven bound and the cascade beside it.
    objective : {"society", "household", "emissions-priced"}
        What the optimum makes least: the social cost a year at equal service, what
        households pay a year, or the social cost with emissions at the policy's prices.
    gap : float
        Relative distance between cost and bound at which the optimum stops.
    time_limit_s : float
        Wall time of the optimum. [s]
    lang : {"zh", "en"}
        Language of the reasons.

    Returns
    -------
    Plan

    Raises
    ------
    InfeasibleError
        A locked route cannot be supplied.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from geoplan.policy import default_policy
    >>> frame = gpd.GeoDataFrame(
    ...     {"village_id": ["V1"], "name": ["甲村"], "town": ["乙镇"], "households": [100]},
    ...     geometry=[shapely.Point(500000, 4200000)], crs="EPSG:4544")
    >>> plan = assign(County("demo", frame, default_policy()))
    >>> plan.villages.loc[0, ["route", "decision"]].tolist()
    ['heat_pump', 'first choice']
    """
    if method not in get_args(Method):
        raise ValueError(f"method must be one of {get_args(Method)}; got {method!r}")
    if objective not in get_args(Objective):
        raise ValueError(f"objective must be one of {get_args(Objective)}; got {objective!r}")
    policy = county.policy
    options = price_options(county)
    proof = None
    if method == "cascade":
        selection = cascade(options, policy=policy)
    else:
        selection, proof = optimum(
            options, policy=policy, objective=objective, gap=gap, time_limit_s=time_limit_s
        )
    explainer = Explainer(_names(options), lang=lang, in_turn=method == "cascade")
    priced = _options_table(options, selection, explainer)
    costs = None if proof is None else option_costs(selection, options, policy, objective=objective)
    villages = _villages_table(county, options, selection, priced, explainer=explainer, costs=costs)
    sources = _sources_table(county, options, selection, proof)
    links = _links_table(options, county)
    certify(villages, priced, sources, links)
    plan = Plan(
        name=county.name,
        villages=villages,
        options=priced.reset_index(drop=True),
        links=links,
        sources=sources,
        policy=policy,
        layers=county.layers,
        summary=_summary(villages, sources, policy)
        | ({} if proof is None else {"optimum": comparison(selection, proof, options, policy=policy)}),
        provenance={
            "method": method,
            "lang": lang,
            "comparison_basis": policy.comparison_basis,
            "files": dict(county.files),
            "notes": [
                *map(explainer.note, [*options.notes, *selection.notes]),
                *dict.fromkeys(str(n) for n in county.notes),
            ],
        },
    )
    return reconciled(with_years(plan), county.published)


def _names(options: Options) -> Mapping[str, str]:
    """Names of villages by id and of sources by ``supply/id``; the id where a source has no name."""
    names = options.villages["name"].astype(str).to_dict()
    for supply, network in options.supplies.items():
        given = network.sources.get("name", pd.Series(None, index=network.sources.index, dtype=object))
        names |= {f"{supply}/{k}": str(v) if pd.notna(v) and v else str(k) for k, v in given.items()}
    return names


def _options_table(options: Options, selection: Selection, explainer: Explainer) -> pd.DataFrame:
    """The options as decided, with feasibility, reason and rank."""
    frame = selection.table.copy()
    findings = selection.findings
    keys = list(frame.index)
    frame["infeasible_because"] = [explainer.as_json(findings.get(key, ())) for key in keys]
    frame["rule"] = [",".join(dict.fromkeys(f.code for f in findings.get(key, ()))) for key in keys]
    frame["feasible"] = frame["infeasible_because"] == ""
    chosen = selection.route.reindex(frame.index.get_level_values(0)).to_numpy()
    idle = frame["infeasible_because"].str.contains('"no_task"', regex=False)
    frame["feasible"] |= (frame.index.get_level_values(1) == chosen) & ~idle
    task = (
        options.villages["households"].astype(float).reindex(frame.index.get_level_values(0)).to_numpy() > 0
    )
    frame["feasible"] &= task
    cost = frame["annual_cost_cny"].where(frame["feasible"])
    frame["rank"] = cost.groupby(level=0).rank(method="first").astype("Int64")
    frame["village_id"] = frame.index.get_level_values(0)
    frame["route"] = frame.index.get_level_values(1)
    frame.loc[frame["source_id"].isna(), "source_id"] = ""
    return frame[list(table("options"))]


def _villages_table(
    county: County,
    options: Options,
    selection: Selection,
    priced: pd.DataFrame,
    *,
    explainer: Explainer,
    costs: Mapping[tuple[str, str], float] | None,
) -> gpd.GeoDataFrame:
    """Input columns and what the plan adds, one row per village."""
    policy = county.policy
    frame = options.villages.copy()
    route = selection.route.reindex(frame.index)
    rows = priced.index.get_indexer(pd.MultiIndex.from_arrays([frame.index, route]))
    empty = dict.fromkeys(TAKEN, 0.0) | dict.fromkeys(TAKEN_TEXTS, "") | {"break_even_m": np.nan}
    taken = {c: np.where(rows < 0, empty[c], priced[c].to_numpy()[rows]) for c in TAKEN}
    texts = dict.fromkeys(TAKEN_TEXTS, object)
    frame = frame.join(pd.DataFrame(taken, index=frame.index).astype(texts))
    frame["coal_cost_cny_per_season"] = coal_cost(policy)
    frame["total_area_m2"] = frame["households"].astype(float) * frame["heated_area_m2"]
    frame["route"], frame["decision"] = route, selection.decision.reindex(frame.index)
    frame["source_id"] = selection.source_id.reindex(frame.index)
    frame = _with_emissions(frame, policy)
    lasting = {r for r in ROUTES if r in policy.routes and not policy.routes[r].transition}
    frame[["runner_up", "margin_pct"]] = _runners_up(frame, priced[priced["route"].isin(lasting)])
    if "district_heating" in policy.routes:
        heat = priced[priced["route"] == "district_heating"].droplevel(1)
        frame["break_even_m"] = heat["break_even_m"]
        frame["heat_connection_m"] = heat["connection_m"]
    else:
        frame["heat_connection_m"] = np.nan
    frame[["pipe_share_cny", "pipe_marginal_cny"]] = _pipe_shares(options, selection, policy)
    frame["supply_year"] = selection.supply_year.reindex(frame.index)
    # Filled by the phasing.
    frame["year"] = pd.Series(pd.NA, index=frame.index, dtype="Int64")
    frame[["year_because", "old_stove_until"]] = ""
    frame["equipment"] = equipment(frame, policy, words=messages(explainer.lang)["equipment"])
    rows = frame.to_dict("records")
    frame["reason"] = [explainer.reason(row, selection.findings, policy, costs=costs) for row in rows]
    frame["warnings"] = [
        "；".join(explainer.warnings(row["village_id"], row["route"], selection.findings)) for row in rows
    ]
    # The route of an unlocated row is the policy's, not a lock that the planner wrote.
    given = pd.DataFrame(county.villages).reindex(columns=list(LOCKS))
    given = given.set_axis(county.villages["village_id"].astype(str))
    frame[list(LOCKS)] = given.reindex(frame.index)
    columns = [*plan_columns(), "geometry"]
    return gpd.GeoDataFrame(
        frame[columns].reset_index(drop=True), geometry="geometry", crs=county.villages.crs
    )


def _pipe_shares(options: Options, selection: Selection, policy: Policy) -> pd.DataFrame:
    """What each village bears of the new pipes, and what they would cost less without it. [CNY]"""
    found = pd.DataFrame(0.0, index=options.villages.index, columns=["share_cny", "marginal_cny"])
    for supply, network in options.supplies.items():
        routes = {r for r, p in policy.routes.items() if p.supply == supply}
        taken = selection.route[selection.route.isin(routes) & (selection.source_id != "")]
        if network.growth is None or taken.empty:
            continue
        key = pd.MultiIndex.from_arrays([taken.index, taken])
        loads = pd.Series(selection.table["capacity_use"].reindex(key).to_numpy(), index=taken.index)
        position = {str(s): i for i, s in enumerate(network.sources.index)}
        source = selection.source_id[taken.index].map(position)
        found.update(shares(network.growth, loads, source))
    return found


def _with_emissions(frame: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Emissions of the route and what it avoids; a deferred village goes on as today."""
    today = baseline_emissions(frame, policy)
    waits = frame["route"] == "deferred"
    frame = frame.copy()
    for column in POLLUTANTS:
        frame[column] = frame[column].where(~waits, today[column])
        frame[avoided_column(column)] = (today[column] - frame[column]).where(
            frame["route"] != "existing", 0.0
        )
    return frame


def _runners_up(frame: pd.DataFrame, priced: pd.DataFrame) -> pd.DataFrame:
    """Cheapest feasible lasting option beside the one taken, and how much dearer it is. [%]"""
    taken = frame["route"].reindex(priced.index.get_level_values(0)).to_numpy()
    others = priced[priced["feasible"] & (priced["route"].to_numpy() != taken)]
    best = others.sort_values(["annual_cost_cny", "route"], kind="stable").groupby(level=0).first()
    best = best.reindex(frame.index)
    base = priced.reindex(pd.MultiIndex.from_arrays([frame.index, frame["route"]]))[
        "annual_cost_cny"
    ].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        margin = (best["annual_cost_cny"].to_numpy(dtype=float) / base.astype(float) - 1.0) * 100.0
    return pd.DataFrame(
        {"runner_up": best["route"].astype(object).fillna(""), "margin_pct": margin}, index=frame.index
    )


def _sources_table(
    county: County, options: Options, selection: Selection, proof: Proof | None
) -> gpd.GeoDataFrame:
    price = {} if proof is None else proof.price
    parts = []
    for supply, network in options.supplies.items():
        if not len(network.sources):
            continue
        sources = network.sources
        part = pd.DataFrame(
            {
                "source_id": sources.index,
                "name": _text(sources, "name"),
                "route": SOURCE_ROUTE[supply],
                "capacity": sources["capacity"].to_numpy(dtype=float),
                "used": selection.used[supply].to_numpy(dtype=float),
                "shadow_price_cny_per_unit": [price.get((supply, str(s)), np.nan) for s in sources.index],
                "unit": network.unit,
                "year": pd.array(sources["year"] if "year" in sources else [pd.NA] * len(sources), "Int64"),
                "provenance": _text(sources, "provenance"),
                "geometry": sources.geometry.to_numpy(),
            }
        )
        parts.append(part)
    if not parts:
        empty = pd.DataFrame({name: pd.Series(dtype=object) for name in table("sources")})
        return gpd.GeoDataFrame(empty, geometry=gpd.GeoSeries([], crs=county.villages.crs))
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=county.villages.crs)


def _text(frame: pd.DataFrame, column: str) -> np.ndarray | str:
    return frame[column].astype(object).fillna("").astype(str).to_numpy() if column in frame else ""


# --- links ------------------------------------------------------------------------------------------


def _links_table(options: Options, county: County) -> gpd.GeoDataFrame:
    """The pipes to be built, one row per piece between two junctions."""
    rows: list[dict[str, Any]] = []
    for supply in ("heat", "gas"):
        network = options.supplies[supply]
        if network.growth is not None:
            rows += _pieces(network.growth, supply)
    columns = list(table("links"))
    if not rows:
        empty = pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
        return gpd.GeoDataFrame(empty, geometry=gpd.GeoSeries([], crs=county.villages.crs))
    frame = pd.DataFrame(rows).sort_values(["route", "to_id", "from_id"], kind="stable", ignore_index=True)
    frame = frame.astype({"dn_mm": "Int64", "year": "Int64"})[[*columns, "geometry"]]
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=county.villages.crs)


def _pieces(growth: Growth, supply: Supply) -> list[dict[str, Any]]:
    """Built edges joined, downstream, into pieces between sources, taps, junctions and villages."""
    graph = growth.graph
    tree = nx.MultiDiGraph()
    for edge in np.flatnonzero(growth.owner >= 0).tolist():
        head = int(growth.head[edge])
        tree.add_edge(head, int(graph.u[edge] + graph.v[edge]) - head, edge=edge)
    villages = {int(node): str(v) for v, node in graph.village_node.items() if int(node) in tree}
    sources = {int(node): str(s) for s, node in graph.source_node.items() if int(node) in tree}
    flow = growth.flow
    stops = {
        node
        for node in tree
        if tree.in_degree(node) != 1 or tree.out_degree(node) != 1 or _ends_here(tree, flow, node)
    }
    pieces = [
        _downstream(tree, start, first, stops) for start in sorted(stops) for first in _leaving(tree, start)
    ]
    taps = {node for node in tree if tree.in_degree(node) == 0}

    def name(node: int) -> str:
        known = sources if node in taps else villages
        return known.get(node, f"{'T' if node in taps else 'J'}{node}")

    return [
        _piece(edges, growth, supply, from_id=name(start), to_id=name(end)) for start, end, edges in pieces
    ]


def _ends_here(tree: nx.MultiDiGraph, flow: np.ndarray, node: int) -> bool:
    """Whether something is taken at a node: less leaves it than arrives."""
    arrives = sum(flow[edge] for *_, edge in tree.in_edges(node, data="edge"))
    leaves = sum(flow[edge] for *_, edge in tree.out_edges(node, data="edge"))
    return bool(arrives - leaves > TOLERANCE * max(arrives, 1.0))


def _leaving(tree: nx.MultiDiGraph, node: int) -> list[tuple[int, int]]:
    """Edges that leave a node: the next node and the edge."""
    return sorted((end, edge) for _, end, edge in tree.out_edges(node, data="edge"))


def _downstream(
    tree: nx.MultiDiGraph, start: int, first: tuple[int, int], stops: set[int]
) -> tuple[int, int, list[int]]:
    """Follow one edge to the next stop: start, end and the edges between."""
    node, edge = first
    edges = [edge]
    while node not in stops:
        node, edge = _leaving(tree, node)[0]
        edges.append(edge)
    return start, node, edges


def _piece(edges: list[int], growth: Growth, supply: Supply, *, from_id: str, to_id: str) -> dict[str, Any]:
    """One row of the links."""
    graph = growth.graph
    flow = float(growth.flow[edges[0]])
    size = growth.pipes.size(np.array([flow]))[0]
    length = float(graph.length_m[edges].sum())
    price = float(growth.pipes.price(np.array([flow]))[0])
    line = shapely.line_merge(shapely.multilinestrings(list(graph.geometry[edges])))
    heat = supply == "heat"
    capacity = float(growth.pipes.capacity[size] * growth.pipes.pipes(np.array([flow]))[0])
    return {
        "route": SOURCE_ROUTE[supply],
        "from_id": from_id,
        "to_id": to_id,
        "length_m": length,
        "dn_mm": int(growth.pipes.dn_mm[size]) if heat else pd.NA,
        "flow_mw": flow if heat else np.nan,
        "flow_m3_per_day": np.nan if heat else flow,
        "loading": flow / capacity if np.isfinite(capacity) else np.nan,
        "capex_cny": length * price + float(graph.crossing_cny[edges].sum()),
        "year": pd.NA,
        "geometry": line,
    }


# --- summary ----------------------------------------------------------------------------------------


def _summary(villages: pd.DataFrame, sources: pd.DataFrame, policy: Policy) -> dict[str, Any]:
    """Totals by route and town, money, emissions and the load of every source."""
    households = villages["households"].astype(int)
    total = households.groupby(villages["route"]).sum()
    by_route = {r: int(total[r]) for r in ROUTES if total.get(r, 0)}
    grouped = households.groupby([villages["town"], villages["route"]]).sum()
    by_town = {
        town: {r: int(grouped[town, r]) for r in ROUTES if grouped.get((town, r), 0)}
        for town in sorted(villages["town"].unique())
    }
    money = [c for c in TAKEN if c.endswith("_cny") and c != "annual_cost_cny" and c not in STATED.values()]
    return {
        "households": int(households.sum()),
        "villages": len(villages),
        "households_by_route": by_route,
        "households_electric": sum(by_route.get(r, 0) for r in ELECTRIC_ROUTES),
        "households_by_town_and_route": by_town,
        "villages_by_decision": {
            k: int(v) for k, v in villages["decision"].value_counts().sort_index().items()
        },
        "heat_load_mw": float(villages["heat_load_kw"].sum() / 1000.0),
        "money_cny": {c: None if villages[c].isna().any() else float(villages[c].sum()) for c in money},
        "money_stated_cny": {c: float(villages[STATED.get(c, c)].sum()) for c in money},
        "annual_cost_cny": float(villages["annual_cost_cny"].sum()),
        "emissions_avoided": {
            avoided_column(c): float(villages[avoided_column(c)].sum()) for c in POLLUTANTS
        },
        "affordability": affordability_summary(villages, policy),
        "sources": [
            {k: row[k] for k in ("source_id", "name", "route", "capacity", "used", "unit")}
            for row in sources.to_dict("records")
        ],
        "unlocated": int(villages.geometry.is_empty.sum() + villages.geometry.isna().sum()),
        "targets": {
            "households": policy.targets.households,
            "by_route": dict(policy.targets.by_route),
            "by_year": dict(policy.targets.by_year),
        },
    }
