"""The years: which village is converted when, under targets, money and what must be there first.

A village is converted as a whole in one year, a group with all its villages. None
comes before its supply: the source, the planned mains it hangs on, the upgrade
of its substation (``supply_year``); none in the year of its demolition or later. On a
branch no village comes before one that its pipe passes, unless that one waits for its
supply or for money, or what the policy puts first says otherwise. New pipes follow the villages: a link is
built in the first year in which a village behind it is converted, so that no
branch comes before its trunk. Each year is filled to its target, counted from
the first year on, as nearly as whole villages allow, and the last year takes
what is left; where money runs short, as many households as it can pay come first.
Money that is not spent ends with its year; a year that a budget does not name is not limited by it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import shapely

from geoplan.binding import Words
from geoplan.budgets import limits, planned_years
from geoplan.explain import messages
from geoplan.household import old_stove_until
from geoplan.ledger import DEFERRED, GROUP
from geoplan.model import Plan
from geoplan.policy import Policy
from geoplan.provisions import LEVELS
from geoplan.reconcile import reconciled
from geoplan.schedule import Ints, Task, branches, scheduled
from geoplan.supplies import SOURCE_ROUTE
from geoplan.units import WAN

#: Routes on which nothing is converted.
IDLE = (DEFERRED, "existing")
#: Digits of the values that villages are ordered by, so that a plan read back orders as it did. [CNY, m]
DIGITS = 1


@dataclass(frozen=True)
class Phased:
    """The years of a plan.

    Attributes
    ----------
    year : Series of Int64
        On the index of the villages; empty where there is none. [year]
    because : Series of str
        What fixed the year, or why there is none.
    link_year : Series of Int64
        On the index of the links. [year]
    table : list of dict
        Per year: ``year``, ``villages``, ``households``, ``target``,
        ``difference``, ``met`` (within the policy's tolerance), ``by_route``,
        ``budget_wan_cny`` and ``spent_wan_cny`` by purse, ``binding``.
        A last row without a year holds what has none, if anything.
    """

    year: pd.Series
    because: pd.Series
    link_year: pd.Series
    table: list[dict[str, Any]]


def phase(
    villages: pd.DataFrame,
    *,
    options: pd.DataFrame,
    links: pd.DataFrame,
    sources: pd.DataFrame,
    policy: Policy,
    lang: str = "zh",
) -> Phased:
    r"""Give every village of a plan its year.

    Without years, targets or budgets in the policy every village gets the
    policy's year, if there is one.

    Parameters
    ----------
    villages : DataFrame
        Villages of the plan; ``supply_year`` says from when each can be supplied.
    options : DataFrame
        Options of the plan; the operating subsidies by level, if a budget limits them.
    links, sources : DataFrame
        New pipes and sources of the plan.
    policy : Policy
        ``phasing``, ``targets.by_year``, ``budgets`` and ``year``.
    lang : {"zh", "en"}
        Language of the reasons.

    Returns
    -------
    Phased

    Raises
    ------
    PolicyError
        A target or a budget is for a year that is not planned, or a budget
        limits an amount that the policy leaves open.

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("policy.toml", "[targets.by_year]\n2021 = 90\n2022 = 60")])
    >>> villages = pd.DataFrame({"village_id": ["V1", "V2", "V3"], "town": "甲镇", "group_id": "",
    ...     "route": "heat_pump", "source_id": "", "households": [60, 50, 40], "capex_cny": 1.0,
    ...     "supply_year": [None, None, 2021], **{f"subsidy_{level}_cny": 0.0 for level in LEVELS}})
    >>> nothing = pd.DataFrame({"route": [], "from_id": [], "to_id": [], "length_m": []})
    >>> phased = phase(villages, options=nothing, links=nothing, sources=nothing, policy=policy)
    >>> phased.year.tolist(), [row["difference"] for row in phased.table]
    ([2022, 2021, 2021], [0, 0])
    """
    named = villages.set_index(villages["village_id"].astype(str).rename("id"), drop=False).sort_index()
    pipes = _pipes(links, named, policy)
    task = _task(named, options=options, pipes=pipes, policy=policy)
    years = scheduled(task)
    found = pd.Series(pd.NA, index=named.index, dtype="Int64")
    done = task.units.loc[years >= 0, "villages"]
    for ids, position in zip(done, years[years >= 0], strict=True):
        found[ids] = task.years[position]
    deferred = int(named.loc[named["route"].eq(DEFERRED), "households"].astype(int).sum())
    words = Words(task, years, sources, policy, lang, deferred)
    because = pd.Series("", index=named.index, dtype=object)
    for position, ids in enumerate(task.units["villages"]):
        because[ids] = words.because(position)
    ids = villages["village_id"].astype(str)
    return Phased(
        year=pd.Series(found[ids].array, index=villages.index, name="year"),
        because=pd.Series(because[ids].to_numpy(), index=villages.index, name="year_because"),
        link_year=pipes.years(links, found),
        table=_table(named.assign(year=found), task, years, words),
    )


def with_years(plan: Plan, *, policy: Policy | None = None) -> Plan:
    """The same plan with its years, or with the years that another policy gives.

    Parameters
    ----------
    plan : Plan
    policy : Policy, optional
        Targets, budgets and order of the years; the plan's own by default.

    Returns
    -------
    Plan
        With ``year``, ``year_because`` and ``old_stove_until`` of the villages,
        ``year`` of the links, and ``phasing`` in its summary; under another
        policy reconciled with its targets, no longer with what the document prints.
    """
    again = policy is not None
    policy = plan.policy if policy is None else policy
    phased = phase(
        plan.villages,
        options=plan.options,
        links=plan.links,
        sources=plan.sources,
        policy=policy,
        lang=plan.provenance.get("lang", "zh"),
    )
    villages = plan.villages.assign(year=phased.year, year_because=phased.because)
    dated = replace(
        plan,
        villages=villages.assign(old_stove_until=old_stove_until(villages, policy)),
        links=plan.links.assign(year=phased.link_year),
        policy=policy,
        summary={**plan.summary, "phasing": phased.table},
    )
    return reconciled(dated, None) if again else dated


# --- the task ---------------------------------------------------------------------------------------


def _task(villages: pd.DataFrame, *, options: pd.DataFrame, pipes: _Pipes, policy: Policy) -> Task:
    """Units, years, targets and money of a plan."""
    years = planned_years(policy)
    targets = tuple(policy.targets.by_year.get(str(year)) for year in years)
    moved = villages["households"].astype(float).gt(0) & ~villages["route"].isin(IDLE)
    task = villages[moved]
    units = _units(task.assign(new_pipe_m=pipes.new_m()[task.index]), policy)
    units["passes"] = pipes.passed(units["villages"])
    money = tuple(limits(task, units["villages"], options=options, years=years, policy=policy))
    phasing = policy.phasing
    free = np.full(len(units), -1)
    found = Task(units, years, targets, money, free, free, phasing.whole_towns, phasing.tolerance)
    passed = _no_later(found)
    return replace(found, order=_order(units, policy, passed), passed=passed)


def _no_later(task: Task) -> Ints:
    """The last unit that each unit's pipe passes and that nothing keeps from being done as early."""
    units, ready = task.units, task.ready
    possible = ready < np.minimum(task.until, len(task.years))
    rank = list(zip(*(units[c] for c in units if c.startswith("first.")), strict=True)) or [()] * len(units)
    town = units["town"].to_numpy() if task.whole_towns else np.zeros(len(units))
    found = np.full(len(units), -1)
    for unit, chain in enumerate(units["passes"]):
        for above in chain:
            as_early = possible[above] and ready[above] <= ready[unit]
            if as_early and rank[above] == rank[unit] and town[above] == town[unit]:
                found[unit] = above
                break
    return found


def _units(task: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """What is phased as one: a group, or a village of its own; in the order of the ids."""
    group = task["group_id"].astype(object)
    unit = (GROUP + group.astype(str)).mask(group.isna() | (group == ""), task["village_id"])
    frame = task[["village_id", "town", "route", "source_id", "new_pipe_m"]].assign(
        households=task["households"].astype(int),
        supply_year=task["supply_year"].astype("Float64").astype(float),
        demolition_year=_column(task, "demolition_year").astype("Float64").astype(float),
        name=_column(task, "name").fillna(task["village_id"]).astype(str),
        capex_cny=task["capex_cny"].astype(float),
    )
    places = {f"first.{column}": list(values) for column, values in policy.phasing.first.items()}
    for column, values in places.items():
        of = task[column.removeprefix("first.")]
        frame[column] = [values.index(v) if v in values else len(values) for v in of]
    # What the unit waits for is what its last village waits for.
    frame = frame.sort_values("supply_year", ascending=False, kind="stable")
    grouped = frame.groupby(unit[frame.index], sort=False)
    units = grouped[["town", "route", "source_id", "supply_year"]].first()
    units = units.join(grouped[["households", "capex_cny"]].sum())
    units = units.join(grouped[["village_id", "new_pipe_m", "demolition_year", *places]].min())
    units["villages"] = grouped["village_id"].agg(list)
    units["name"] = grouped["name"].agg("、".join)
    return units.sort_values("village_id", ignore_index=True)


def _column(task: pd.DataFrame, name: str) -> pd.Series:
    """A column that a plan may lack."""
    return task[name] if name in task else pd.Series(None, index=task.index, dtype=object)


def _order(units: pd.DataFrame, policy: Policy, passed: Ints) -> Ints:
    """Units from the first to the last, branch by branch; whole towns in the order of their first unit."""
    by = {
        "connection": [units["supply_year"].fillna(0.0), units["new_pipe_m"].round(DIGITS)],
        "cost": [],
        "households": [-units["households"]],
    }[policy.phasing.by]
    first = [units[c] for c in units if c.startswith("first.")]
    cost = (units["capex_cny"] / units["households"]).round(DIGITS)
    keys = pd.DataFrame(dict(enumerate([*first, *by, cost, units["village_id"]])), index=units.index)
    order = branches(keys.sort_values(list(keys)).index.to_numpy(dtype=int), passed)
    if policy.phasing.whole_towns:
        town = units["town"].loc[order]
        order = order[np.argsort(pd.factorize(town)[0], kind="stable")]
    return order


# --- pipes ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pipes:
    """The new pipes from upstream to downstream, and the node at which each village takes its supply."""

    tree: nx.MultiDiGraph
    nodes: pd.Series

    def new_m(self) -> pd.Series:
        """New pipe between the existing network and each village. [m]"""
        metres: dict[str, float] = {}
        for node in nx.topological_sort(self.tree):
            ways = [metres[start] + length for start, _, length in self.tree.in_edges(node, data="length_m")]
            metres[node] = min(ways, default=0.0)
        return self.nodes.map(lambda node: metres.get(node, 0.0)).astype(float)

    def passed(self, villages: pd.Series) -> list[list[int]]:
        """The units that the pipe of each unit passes, from the nearest to the network's end of the pipe."""
        at: dict[str, int] = {}
        of: dict[str, int] = {}
        for unit, ids in villages.items():
            for village in ids:
                at[self.nodes[village]] = of[village] = int(unit)
        chain: dict[str, list[int]] = {}
        depth: dict[int, int] = {}
        for place, node in enumerate(nx.topological_sort(self.tree)):
            above = [
                [at[start], *chain[start]] if start in at else chain[start]
                for start in self.tree.predecessors(node)
            ]
            chain[node] = max(above, key=len, default=[])
            if node in at:
                depth.setdefault(at[node], place)
        # A group counts where it begins: what stands between its villages comes behind it.
        found: list[list[int]] = [[] for _ in range(len(villages))]
        for village, unit in of.items():
            line = chain.get(self.nodes[village], [])
            before = [u for u in line if u != unit and depth[u] < depth.get(unit, 0)]
            found[unit] = max(found[unit], list(dict.fromkeys(before)), key=len)
        return found

    def years(self, links: pd.DataFrame, year: pd.Series) -> pd.Series:
        """First year of any village behind each new pipe."""
        first: dict[str, int] = year.dropna().groupby(self.nodes).min().to_dict()
        for node in reversed(list(nx.topological_sort(self.tree))):
            behind = [first[end] for end in (node, *self.tree.successors(node)) if end in first]
            if behind:
                first[node] = min(behind)
        ends = links["route"].astype(str) + "/" + links["to_id"].astype(str)
        return pd.Series(
            [first.get(end, pd.NA) for end in ends], index=links.index, dtype="Int64", name="year"
        )


def _pipes(links: pd.DataFrame, villages: pd.DataFrame, policy: Policy) -> _Pipes:
    """The new pipes of a plan; nodes are named after their network and their id."""
    tree = nx.MultiDiGraph()
    for row in links[["route", "from_id", "to_id", "length_m"]].itertuples(index=False):
        network, start, end, length = map(str, row)
        tree.add_edge(f"{network}/{start}", f"{network}/{end}", length_m=float(length))
    # Villages of one place share one node, which is named after the last of them.
    ids = villages["village_id"].astype(str)
    if "geometry" in villages:
        place = pd.Series(shapely.to_wkb(np.asarray(villages["geometry"])), index=ids.index, dtype=object)
        ids = ids.groupby(place.fillna(b"")).transform("last")
    network_of = {name: SOURCE_ROUTE[r.supply] for name, r in policy.routes.items() if r.supply}
    return _Pipes(tree, villages["route"].map(network_of).astype(object).fillna("").astype(str) + "/" + ids)


# --- what it says -----------------------------------------------------------------------------------


def _table(villages: pd.DataFrame, task: Task, years: Ints, words: Words) -> list[dict[str, Any]]:
    """One row per year, and one for what has no year."""
    moved = villages.loc[[v for ids in task.units["villages"] for v in ids]]
    rows = []
    for position, year in enumerate(task.years):
        mine = moved[moved["year"].eq(year).fillna(False).to_numpy(dtype=bool)]
        target = task.targets[position]
        row = _row(mine, year) | _spending(mine, position, task, years)
        if target is not None:
            difference = row["households"] - round(target)
            met = abs(difference) <= words.policy.phasing.tolerance * target
            row |= {"target": round(target), "difference": difference, "met": met}
        rows.append(row | {"binding": words.binding(position)})
    left = moved[moved["year"].isna().to_numpy()]
    return [*rows, _row(left, None) | {"binding": words.left()}] if len(left) else rows


def _row(villages: pd.DataFrame, year: int | None) -> dict[str, Any]:
    households = villages["households"].astype(int)
    by_route = households.groupby(villages["route"].to_numpy()).sum()
    return {
        "year": year,
        "villages": len(villages),
        "households": int(households.sum()),
        "target": None,
        "difference": None,
        "met": None,
        "by_route": {route: int(n) for route, n in by_route.sort_index().items()},
        "budget_wan_cny": {},
        "spent_wan_cny": {},
    }


def _spending(villages: pd.DataFrame, position: int, task: Task, years: Ints) -> dict[str, Any]:
    """Budgets of a year and what it takes of them, beside the capital subsidy of every level. [万元]"""
    limits = [limit for limit in task.limits if limit.year == position]
    at_once = {level: villages[f"subsidy_{level}_cny"].astype(float) for level in LEVELS}
    spent = {
        f"{level}/capital": None if amounts.isna().any() else float(amounts.sum() / WAN)
        for level, amounts in at_once.items()
        if amounts.isna().any() or amounts.sum() > 0
    }
    return {
        "budget_wan_cny": {limit.purse: limit.amount / WAN for limit in limits},
        "spent_wan_cny": spent | {limit.purse: limit.spent(years) / WAN for limit in limits},
    }


def purse_label(purse: str, lang: str = "zh") -> str:
    """A purse of the table of years, as a reader calls it.

    Examples
    --------
    >>> purse_label("central/capital")
    '中央建设补助'
    """
    words = messages(lang)["phasing"]
    payer, _, kind = purse.partition("/")
    return f"{words[payer]}{words[kind]}"
