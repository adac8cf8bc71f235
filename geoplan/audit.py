"""What contradicts itself in a document: money listed twice, one thing at two prices, odd areas."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from geoplan.columns import plan_columns, table
from geoplan.funding import PLAN_COLUMN, Overlap, efficiency_table, overlaps, row_money
from geoplan.policy import Policy
from geoplan.published import Compared

#: Prices that differ by less are the same. [CNY/household]
SAME_CNY = 0.01


def audit(villages: pd.DataFrame, policy: Policy) -> list[Compared]:
    """Check the policy and the plan's villages for what contradicts itself.

    Parameters
    ----------
    villages : DataFrame
        The plan's villages.
    policy : Policy
        The policy the plan was made with.

    Returns
    -------
    list of Compared
        One row of kind ``check`` for each finding.

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("policy.toml", '''
    ... [efficiency.walls]
    ... item = "外墙保温"
    ... area_m2 = 880000
    ... households = 600
    ... ''')])
    >>> found = audit(pd.DataFrame({"households": []}), policy)
    >>> found[0].what, round(found[0].published), found[0].computed
    ('外墙保温：户均面积不合常理', 1467, '40~200')
    """
    return [*_overlaps(villages, policy), *_odd_areas(policy), *_two_leaders(villages, policy)]


def _overlaps(villages: pd.DataFrame, policy: Policy) -> Iterator[Compared]:
    """Rows of the policy's funding that take money for the same households."""
    for found in overlaps(villages, policy) if policy.funding else ():
        items = "与".join(policy.funding[row].item for row in found.rows)
        money = math.fsum(found.wan_cny.values())
        apart = "、".join(dict.fromkeys(scope for scopes in found.scopes for scope in scopes))
        yield Compared(
            "check",
            policy.document,
            f"{items}：同为 {found.households:,.0f} 户列资金",
            "万元",
            computed=money if math.isfinite(money) else None,
            because=""
            if found.shared_scopes
            else f"分属不同口径（{apart}），各自合计不重复，合计之间不可相加",
            id=f"overlap|{'|'.join(found.rows)}",
        )
        yield from _two_prices(found, items, villages, policy)


def _two_prices(overlap: Overlap, items: str, villages: pd.DataFrame, policy: Policy) -> Iterator[Compared]:
    """What a payer pays per household, where two rows that cover the same households differ in it."""
    first, second = (row_money(policy.funding[row], villages).by_village for row in overlap.rows)
    both = first.index.intersection(second.index)
    households = villages.loc[both, "households"].astype(float).sum()
    for payer in (p for p in overlap.wan_cny if p in PLAN_COLUMN and households):
        prices = [float(money.loc[both, payer].sum(skipna=False) / households) for money in (first, second)]
        difference = prices[1] - prices[0]
        if all(prices) and abs(difference) > SAME_CNY:
            yield Compared(
                "check",
                policy.document,
                f"{items}：同一批户的{plan_columns()[PLAN_COLUMN[payer]].zh}两处不同",
                "元/户",
                published="；".join(f"{price:g}" for price in prices),
                difference=difference,
                id=f"price|{'|'.join(overlap.rows)}|{payer}",
            )


def _odd_areas(policy: Policy) -> Iterator[Compared]:
    """Tasks of building efficiency with an area per household that no house has."""
    if not policy.efficiency:
        return
    column = table("villages")["floor_area_m2"]
    tasks = efficiency_table(policy)
    each = tasks["m2_per_household"].dropna()
    for name, area in each[~each.between(column.plausible_min, column.plausible_max)].items():
        yield Compared(
            "check",
            policy.document,
            f"{tasks.loc[name, 'item']}：户均面积不合常理",
            "㎡/户",
            published=float(area),
            computed=f"{column.plausible_min:g}~{column.plausible_max:g}",
            id=f"efficiency.{name}",
        )


def _two_leaders(villages: pd.DataFrame, policy: Policy) -> Iterator[Compared]:
    """Towns whose villages are led by more than one agency."""
    if "lead_agency" not in villages:
        return
    led = villages[(villages["households"].astype(float) > 0) & villages["lead_agency"].notna()]
    households = led["households"].astype(float).groupby([led["town"], led["lead_agency"]]).sum()
    for town, of_town in households.groupby(level=0):
        if len(of_town) > 1:
            listed = "、".join(f"{agency} {n:,.0f} 户" for (_, agency), n in of_town.items())
            yield Compared(
                "check",
                policy.document,
                f"{town}：牵头单位不止一个",
                "个",
                published=float(len(of_town)),
                computed=listed,
                id=f"lead_agency|{town}",
            )
