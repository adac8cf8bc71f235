"""The investment of the plan in 万元: by route, who pays it at once, and the part that has no payer yet."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geoplan.funding import route_rows, row_money
from geoplan.provisions import PAYERS
from geoplan.units import WAN, apportion_table


def investment_table(villages: pd.DataFrame) -> pd.DataFrame:
    """The investment of every route taken and who pays it at once, in whole 万元 that add up.

    The investment is known even where the document does not say who pays it: that
    part stands in a column of its own.

    Parameters
    ----------
    villages : DataFrame
        Villages of the plan.

    Returns
    -------
    DataFrame, index route
        ``villages``, ``households`` [household], ``total`` [万元; empty where an
        investment is not known], one column per payer with what is stated of his
        part, ``open``, the rest, and ``unstated``, the payers left open.

    Examples
    --------
    >>> from geoplan.funding import PLAN_COLUMN
    >>> villages = pd.DataFrame({
    ...     "route": ["gas"], "households": [100], "capex_cny": [500_000.0],
    ...     **dict.fromkeys(PLAN_COLUMN.values(), 0.0)})
    >>> found = investment_table(villages.assign(subsidy_city_cny=np.nan, household_capex_cny=90_000.0))
    >>> found.loc["gas", ["total", "household", "open"]].tolist() == [50, 9, 41], found.loc["gas", "unstated"]
    (True, ('city',))
    """
    frame, amounts, known = investment_amounts(villages)
    cells = apportion_table(amounts, blocks=[np.ones(len(frame), dtype=bool)])
    whole = pd.DataFrame(cells, index=frame.index, columns=[*PAYERS, "open"]).astype("Int64")
    whole["total"] = whole.sum(axis=1)
    whole.loc[~known, ["open", "total"]] = pd.NA
    return frame.join(whole)


def investment_amounts(villages: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """What `investment_table` rounds.

    Returns
    -------
    DataFrame, index route
        ``villages``, ``households`` and ``unstated``.
    ndarray, shape (n_routes, n_payers + 1)
        What is stated of each payer's part, and what nobody is named for. [万元]
    boolean ndarray, shape (n_routes,)
        Whether the investment is known.
    """
    rows, amounts, known = [], [], []
    for route, row in route_rows(villages).items():
        money = row_money(row, villages)
        there = money.by_village.index
        unstated = tuple(money.by_village.columns[money.by_village.isna().any()])
        stated, capex = money.stated.sum(), villages.loc[there, "capex_cny"].sum(skipna=False)
        amounts.append([*stated, max(float(capex - stated.sum()), 0.0) if unstated else 0.0])
        known.append(bool(pd.notna(capex)))
        rows.append([route, len(there), round(money.households), unstated])
    frame = pd.DataFrame(rows, columns=["route", "villages", "households", "unstated"]).set_index("route")
    parts = np.nan_to_num(np.array(amounts, dtype=float).reshape(len(rows), len(PAYERS) + 1) / WAN)
    return frame, parts, np.array(known, dtype=bool)
