"""The funding table: who pays how much for what, in 万元, and which rows may be added up.

A row is a section ``funding.<id>`` of the policy; without any, a row is a route
that the plan takes. Rows that name the same scope add up to its total. Rows that
cover the same households stand in different scopes, or they would be counted twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from geoplan.columns import IDLE_ROUTES, ROUTES
from geoplan.errors import Problem
from geoplan.finance import stated_part
from geoplan.policy import Policy
from geoplan.provisions import LEVELS, PAYERS, UNSTATED, Funding, Payer, matching
from geoplan.units import FUZZ, WAN, apportion_table, shares_pct

#: Column of the plan's villages that holds what a payer pays at once. [CNY]
PLAN_COLUMN: dict[Payer, str] = {
    **{level: f"subsidy_{level}_cny" for level in LEVELS},
    "household": "household_capex_cny",
    "enterprise": "enterprise_capex_cny",
}

#: Scope of the rows that a policy without funding rows gets: the sum of all tasks.
ALL_TASKS = "任务合计"

MONEY = (*PAYERS, "total", "stated_total")
AGENCIES = ("lead_agency", "responsible_agency")
COLUMNS = ["item", "scope", "households", *MONEY, "years", *AGENCIES, "unstated", "twice"]


def funding_rows(villages: pd.DataFrame, policy: Policy) -> dict[str, Funding]:
    """Rows of the funding table: those of the policy, or one per route taken.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> villages = pd.DataFrame({"route": ["gas", "deferred"], "households": [100, 50]})
    >>> list(funding_rows(villages, default_policy()))
    ['gas']
    """
    return dict(policy.funding) if policy.funding else route_rows(villages)


def route_rows(villages: pd.DataFrame) -> dict[str, Funding]:
    """A row for every route taken, paid as the plan says.

    Examples
    --------
    >>> list(route_rows(pd.DataFrame({"route": ["deferred", "gas"], "households": [50, 100]})))
    ['gas']
    """
    taken = set(villages.loc[villages["households"].astype(float) > 0, "route"]) - set(IDLE_ROUTES)
    return {
        route: Funding(item=route, scope=(ALL_TASKS,), routes=(route,), from_plan=tuple(PLAN_COLUMN))
        for route in ROUTES
        if route in taken
    }


def funding_table(villages: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """What each payer gives for each row.

    Parameters
    ----------
    villages : DataFrame
        Villages of the plan.
    policy : Policy
        Its funding rows; without them, every route taken is a row named by its
        id, in the scope 任务合计, and everybody pays what the plan says.

    Returns
    -------
    DataFrame, index id of the row
        ``item``, ``scope`` (the totals it counts in), ``households`` covered
        (given, or counted; empty for a row that covers none), one column per
        payer, ``total`` (both NaN where an amount is left open) and
        ``stated_total`` (without what is left open), all in 万元; ``years``,
        ``lead_agency``, ``responsible_agency``; ``unstated``, the payers left open;
        and ``twice``, the scopes in which another row holds the same money.

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("policy.toml", '''
    ... [funding.dual]
    ... item = "双替代"
    ... routes = ["heat_pump"]
    ... from_plan = ["central"]
    ... cny_per_household = { household = 1700 }
    ... ''')])
    >>> villages = pd.DataFrame(
    ...     {"route": ["heat_pump"], "households": [100], "subsidy_central_cny": [350_000.0]})
    >>> table = funding_table(villages, policy)
    >>> table.loc["dual", ["households", "central", "household", "total"]].astype(float).tolist()
    [100.0, 35.0, 17.0, 52.0]
    """
    rows = funding_rows(villages, policy)
    sure = [o for o in overlaps(villages, policy) if o.sure]
    twice = {name: tuple(s for o in sure if name in o.rows for s in o.shared_scopes) for name in rows}
    entries = [
        _entry(row, row_money(row, villages)) | {"twice": tuple(dict.fromkeys(twice[name]))}
        for name, row in rows.items()
    ]
    frame = pd.DataFrame(entries, index=pd.Index(list(rows), name="row"), columns=COLUMNS)
    return frame.astype({"households": "Int64", **dict.fromkeys(MONEY, float)})


class RowMoney(NamedTuple):
    """What a row costs.

    Attributes
    ----------
    by_village : DataFrame, index of the villages covered
        One column per payer. [CNY]
    stated : DataFrame, like `by_village`
        What is stated of it, 0 where nothing is. [CNY]
    lump : Series, index payer
        What belongs to no single village. [CNY]
    households : float
        Given by the row, else counted; NaN for a row that covers none. [household]
    """

    by_village: pd.DataFrame
    stated: pd.DataFrame
    lump: pd.Series
    households: float


def row_money(row: Funding, villages: pd.DataFrame) -> RowMoney:
    """What each payer pays for a row. [CNY]

    Examples
    --------
    >>> row = Funding(item="地源热泵", wan_cny={"central": 100.0, "self": 400.0})
    >>> row_money(row, pd.DataFrame({"households": [80]})).lump[["central", "self"]].tolist()
    [1000000.0, 4000000.0]
    """
    there = villages[_covered(row, villages)]
    households = there["households"].astype(float)
    by_village = pd.DataFrame(0.0, index=there.index, columns=list(PAYERS))
    lump = pd.Series(0.0, index=list(PAYERS))
    stated = by_village.copy()
    for payer in row.from_plan:
        by_village[payer] = there[PLAN_COLUMN[payer]].astype(float)
        stated[payer] = stated_part(there, PLAN_COLUMN[payer])
    for payer, amount in row.cny_per_household.items():
        if row.households is None:
            by_village[payer] = households * _number(amount)
            stated[payer] = by_village[payer].fillna(0.0)
        else:
            lump[payer] = row.households * _number(amount)
    for payer, amount in row.wan_cny.items():
        lump[payer] = _number(amount) * WAN
    counted = np.nan if _nowhere(row) else households.sum()
    return RowMoney(by_village, stated, lump, counted if row.households is None else row.households)


def _covered(row: Funding, villages: pd.DataFrame) -> pd.Series:
    """Mask of the villages with a task that a row covers; one where nothing is built only if it is named."""
    if _nowhere(row):
        return pd.Series(False, index=villages.index)
    mask = (villages["households"].astype(float) > 0) & matching(villages, row.where)
    if row.routes:
        return mask & villages["route"].isin(row.routes)
    idle = [route for route in IDLE_ROUTES if route not in row.where.get("route", ())]
    return mask & ~villages["route"].isin(idle)


def _number(amount: float | str) -> float:
    return np.nan if amount == UNSTATED else float(amount)


def _entry(row: Funding, money: RowMoney) -> dict[str, object]:
    """One row of the funding table. [万元]"""
    paid = (money.by_village.sum(skipna=False) + money.lump) / WAN
    stated = (money.stated.sum() + money.lump.fillna(0.0)) / WAN
    return {
        "item": row.item,
        "scope": row.scope,
        "households": pd.NA if np.isnan(money.households) else round(money.households),
        **paid,
        "total": paid.sum(skipna=False),
        "stated_total": stated.sum(),
        "years": row.years,
        "lead_agency": row.lead_agency,
        "responsible_agency": row.responsible_agency,
        "unstated": tuple(paid.index[paid.isna()]),
    }


# --- totals -----------------------------------------------------------------------------------------


def scope_totals(funding: pd.DataFrame) -> pd.DataFrame:
    """Total of every scope, by payer, with the share of each payer.

    Parameters
    ----------
    funding : DataFrame
        As :func:`funding_table` or :func:`whole_wan` return it.

    Returns
    -------
    DataFrame, index scope in the order of the rows
        One column per payer, ``total``, ``stated_total`` [万元], and
        ``<payer>_pct`` with two decimals that make 100.00 [%]. A payer who is left
        open in one row, the total and the shares are then NaN; ``unstated`` names him.
        All of a scope is NaN when rows of it hold the same money; ``twice`` names them.

    Examples
    --------
    >>> funding = pd.DataFrame({payer: [0.0] for payer in PAYERS})
    >>> funding = funding.assign(central=[30.0], household=[60.0], total=90.0, stated_total=90.0)
    >>> totals = scope_totals(funding.assign(scope=[("任务合计",)]))
    >>> totals.loc["任务合计", ["total", "central_pct", "household_pct"]].astype(float).tolist()
    [90.0, 33.33, 66.67]
    """
    entries = {}
    for scope in _scopes(funding):
        rows = funding[_in_scope(funding, scope)]
        paid = rows[list(PAYERS)].astype(float).sum(skipna=False)
        stated = float(rows["stated_total"].sum())
        unstated = tuple(paid.index[paid.isna()])
        twice = tuple(name for name, scopes in rows.get("twice", pd.Series()).items() if scope in scopes)
        if twice:
            paid, stated = paid * np.nan, np.nan  # a sum that counts money twice is no sum
        total = float(paid.sum(skipna=False))
        shares = shares_pct(paid) if total > 0 else np.full(len(PAYERS), np.nan)
        entries[scope] = {
            **paid,
            "total": total,
            "stated_total": stated,
            **{f"{payer}_pct": share for payer, share in zip(PAYERS, shares, strict=True)},
            "unstated": unstated,
            "twice": twice,
        }
    columns = [*MONEY, *(f"{payer}_pct" for payer in PAYERS), "unstated", "twice"]
    frame = pd.DataFrame(list(entries.values()), index=pd.Index(list(entries), name="scope"), columns=columns)
    return frame.astype({name: funding[name].dtype for name in MONEY})


def _scopes(funding: pd.DataFrame) -> list[str]:
    """The scopes that rows name, in the order of the rows."""
    return list(dict.fromkeys(scope for named in funding["scope"] for scope in named))


def _in_scope(funding: pd.DataFrame, scope: str) -> np.ndarray:
    return np.array([scope in named for named in funding["scope"]], dtype=bool)


def whole_wan(funding: pd.DataFrame) -> pd.DataFrame:
    """The funding table in whole 万元 that add up along its rows and in every scope.

    See :func:`geoplan.units.apportion_table`; the blocks are the scopes. Amounts
    that are whole already do not change.

    Parameters
    ----------
    funding : DataFrame
        As :func:`funding_table` returns it.

    Returns
    -------
    DataFrame
        The same with integers, empty where an amount is left open. [万元]

    Examples
    --------
    >>> funding = pd.DataFrame(dict.fromkeys(PAYERS, 0.0), index=["a", "b"])
    >>> funding = funding.assign(central=[1.4, 1.4], household=[1.4, 1.4], total=2.8, stated_total=2.8)
    >>> whole_wan(funding.assign(scope=[("九",), ("九",)]))[["central", "household", "total"]].values.tolist()
    [[2, 1, 3], [1, 2, 3]]
    """
    amounts = funding[list(PAYERS)].to_numpy(dtype=float)
    known = np.nan_to_num(amounts)
    cells = apportion_table(known, blocks=[_in_scope(funding, scope) for scope in _scopes(funding)])
    hidden = np.floor(funding["stated_total"].to_numpy(dtype=float) - known.sum(axis=1) + 0.5 + FUZZ)
    whole = pd.DataFrame(np.where(np.isnan(amounts), np.nan, cells), index=funding.index, columns=PAYERS)
    whole["total"] = whole.sum(axis=1, skipna=False)
    whole["stated_total"] = cells.sum(axis=1) + hidden
    result = funding.copy()
    result[list(MONEY)] = whole.astype("Int64")
    return result


# --- what would be counted twice --------------------------------------------------------------------


@dataclass(frozen=True)
class Overlap:
    """Two rows that take money from the same payer for the same households.

    Attributes
    ----------
    rows : tuple of str
        Ids of both.
    scopes : tuple of tuple of str
        The scopes of each.
    households : float
        Covered by both. [household]
    wan_cny : mapping of payer to float
        What both rows hold of it, the lesser of their amounts; NaN where one
        leaves it open. A lump is spread evenly over the households of its row. [万元]
    sure : bool
        It is the same money, and not only the same payer's for another item.
    placed : bool
        It is known which households; not so where a row only gives their number.
    file : str
        The policy's file.
    """

    rows: tuple[str, str]
    scopes: tuple[tuple[str, ...], tuple[str, ...]]
    households: float
    wan_cny: Mapping[Payer, float]
    sure: bool
    placed: bool = True
    file: str = ""

    @property
    def shared_scopes(self) -> tuple[str, ...]:
        """Scopes whose total holds both rows."""
        return tuple(s for s in self.scopes[0] if s in self.scopes[1])

    @property
    def problem(self) -> Problem:
        """An error when a scope surely counts money twice, else for the reader to judge."""
        first, second = (f"funding.{row}" for row in self.rows)
        money = ", ".join(
            f"{payer} {'unstated' if np.isnan(wan) else f'{wan:,.6g} 万元'}"
            for payer, wan in self.wan_cny.items()
        )
        if self.shared_scopes:
            counted = f"scope {'、'.join(self.shared_scopes)} {'counts' if self.sure else 'may count'} twice"
            remedy = "give them different scopes, or let `where` keep them apart"
        else:
            of_both = " and ".join("、".join(scopes) for scopes in self.scopes)
            counted, remedy = f"adding {of_both} would count twice", "do not add these totals"
        cover = "cover" if self.placed else "may cover"
        return Problem(
            f"{first} and {second} {cover} the same {self.households:,.0f} households; {counted}: {money}",
            file=self.file,
            column=f"{first}.scope",
            remedy=remedy,
            severity="error" if self.shared_scopes and self.sure else "warning",
        )


def overlaps(villages: pd.DataFrame, policy: Policy) -> list[Overlap]:
    """Pairs of rows that cover the same households and have a payer in common.

    The households are those of the villages that both cover; of two rows that
    give their `households` and name the same villages, the lesser number; of a
    row that gives only their number, as many as may be meant by a row of its
    scope that names villages. Rows without a scope count in no total and are
    passed over.

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("policy.toml", '''
    ... [funding.all]
    ... item = "余热取暖"
    ... scope = ["四（三）"]
    ... routes = ["district_heating"]
    ... cny_per_household = { central = 3500 }
    ... [funding.residents]
    ... item = "常住户"
    ... scope = ["九"]
    ... where = { dwelling = ["bungalow"] }
    ... cny_per_household = { central = 3500 }
    ... ''')])
    >>> villages = pd.DataFrame({
    ...     "route": "district_heating", "households": [7500, 4300], "dwelling": ["apartment", "bungalow"]})
    >>> [found] = overlaps(villages, policy)
    >>> found.households, found.wan_cny, found.problem.severity
    (4300.0, {'central': 1505.0}, 'warning')
    """
    rows = {name: row for name, row in funding_rows(villages, policy).items() if row.scope}
    money = {name: row_money(row, villages) for name, row in rows.items()}
    found = []
    for first, second in combinations(rows, 2):
        pair = (rows[first], money[first]), (rows[second], money[second])
        households = _shared_households(*pair, villages=villages)
        amounts = _shared_wan(money[first], money[second], households) if households else {}
        if amounts:
            sure = any(_same_money(payer, *pair, villages=villages, policy=policy) for payer in amounts)
            scopes = (rows[first].scope, rows[second].scope)
            placed = not (_nowhere(rows[first]) or _nowhere(rows[second]))
            file = policy.file_of(f"funding.{second}")
            found.append(Overlap((first, second), scopes, households, amounts, sure, placed, file))
    return found


def _same_money(
    payer: Payer,
    first: tuple[Funding, RowMoney],
    second: tuple[Funding, RowMoney],
    *,
    villages: pd.DataFrame,
    policy: Policy,
) -> bool:
    """Whether both rows surely hold the same money of a payer.

    They do when both take it from the plan; or when one does, and the other gives
    a household what the plan gives it, or names an item that the plan's subsidies
    pay for. Two amounts of a document may be two items, whatever their size.
    """
    planned = [payer in row.from_plan for row, _ in (first, second)]
    if all(planned):
        return True
    if not any(planned):
        return False
    (_, plan), (given, money) = (first, second) if planned[0] else (second, first)
    if payer not in given.cny_per_household:
        return False
    there = villages.loc[plan.by_village.index.intersection(money.by_village.index)]
    routes = set(there["route"])
    items = {s.item for s in policy.subsidies.values() if s.level == payer and routes & set(s.routes)}
    from_plan = plan.by_village.loc[there.index, payer].sum(skipna=False)
    asked = there["households"].astype(float).sum() * _number(given.cny_per_household[payer])
    return given.item in items or bool(asked > 0 and np.isclose(from_plan, asked))


def _shared_households(
    first: tuple[Funding, RowMoney], second: tuple[Funding, RowMoney], *, villages: pd.DataFrame
) -> float:
    """Households that two rows cover; of a row that only gives their number, as many as may be meant."""
    rows, money = (first[0], second[0]), (first[1], second[1])
    most = min(m.households for m in money)
    given = [row.households is not None for row in rows]
    nowhere = [_nowhere(row) for row in rows]
    if any(nowhere):
        counted = set(rows[0].scope) & set(rows[1].scope) and not any(np.isnan(m.households) for m in money)
        return most if counted and not all(nowhere) else 0.0
    if all(given) and (rows[0].routes, rows[0].where) == (rows[1].routes, rows[1].where):
        return most
    both = money[0].by_village.index.intersection(money[1].by_village.index)
    return min(float(villages.loc[both, "households"].sum()), most)


def _nowhere(row: Funding) -> bool:
    """Whether a row does not say which villages it is for."""
    return not (row.routes or row.where)


def _shared_wan(first: RowMoney, second: RowMoney, households: float) -> dict[Payer, float]:
    """The lesser of what two rows take from each payer for the households they share."""
    both = first.by_village.index.intersection(second.by_village.index)
    paid = [_wan(m, both, households) for m in (first, second)]
    lesser = np.minimum(*paid).mask((paid[0] == 0.0) | (paid[1] == 0.0), 0.0)
    return {payer: float(lesser[payer]) for payer in PAYERS if lesser[payer] != 0.0}


def _wan(money: RowMoney, both: pd.Index, households: float) -> pd.Series:
    """What a row takes for the villages that it shares, or evenly for as many households. [万元]"""
    share = households / money.households
    by_village = money.by_village.loc[both].sum(skipna=False)
    if both.empty:
        by_village = money.by_village.sum(skipna=False) * share
    return (by_village + money.lump * share) / WAN


# --- building efficiency ----------------------------------------------------------------------------


def efficiency_table(policy: Policy) -> pd.DataFrame:
    """The tasks of building efficiency that stand beside the heating routes.

    Returns
    -------
    DataFrame, index id of the task
        ``item``, ``area_m2`` [m²], ``households`` [household],
        ``m2_per_household`` [m²/household] (all empty where not given), ``towns``,
        ``years``, ``lead_agency``.

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("policy.toml", '''
    ... [efficiency.walls]
    ... item = "外墙保温"
    ... area_m2 = 36000
    ... households = 500
    ... ''')])
    >>> float(efficiency_table(policy).loc["walls", "m2_per_household"])
    72.0
    """
    tasks = policy.efficiency
    columns = ["item", "area_m2", "households", "towns", "years", "lead_agency"]
    rows = [[getattr(task, column) for column in columns] for task in tasks.values()]
    frame = pd.DataFrame(rows, index=pd.Index(list(tasks), name="task"), columns=columns)
    frame = frame.astype({"area_m2": float, "households": float})
    each = frame["area_m2"] / frame["households"].where(frame["households"] > 0)
    frame.insert(3, "m2_per_household", each)
    return frame.astype({"households": "Float64"})
