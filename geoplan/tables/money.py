"""Tables of money: who funds what, what is paid when, and what the households can bear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from geoplan.annex import Cell, RowKind, adding_up
from geoplan.cashflow import cash_flow, funding_by_year, village_cash_flow
from geoplan.columns import ROUTES
from geoplan.explain import messages, route_label, style
from geoplan.funding import funding_table, scope_totals, whole_wan
from geoplan.investment import investment_amounts, investment_table
from geoplan.model import Plan
from geoplan.policy import Policy
from geoplan.provisions import LEVELS, PAYERS
from geoplan.tables.naming import limit_word
from geoplan.tables.sheet import Sheet, framed, rounding_note, tabled, titled, years_said
from geoplan.units import FUZZ, WAN, apportion, shares_pct

TOTAL, SHARE = "合计", "占比（%）"
#: Heading of the rows that no total counts.
NO_SCOPE = "未列入合计"
#: Cases of the affordability, in words, with the key of what is paid at once.
SUBSIDY_CASES = {
    "with_subsidy": ("有补助", "self_pay"),
    "without_subsidy": ("无补助", "self_pay_unsubsidised"),
}
KINDS = {"capital": "建设补助", "operating": "运行补助"}
#: What stands before the part of an amount that the document states.
STATED = "已载明部分"


def payer_label(payer: str) -> str:
    """Who pays, as a reader calls him.

    Examples
    --------
    >>> payer_label("household")
    '农户自筹'
    """
    return str(style()["payers"][payer]["zh"])


def investment_sheet(plan: Plan) -> Sheet | None:
    """The investment of the plan by route and payer, the part whose payer is open beside them. [万元]

    It is the funding table of a policy that has no rows of its own.
    """
    found = investment_table(plan.villages)
    if found.empty:
        return None
    payers = [p for p in PAYERS if found[p].ne(0).any() or any(p in named for named in found["unstated"])]
    left = [p for p in payers if any(p in named for named in found["unstated"])]
    columns = [*payers, *(["open"] if left else [])]
    sums = found[["villages", "households", "total", *columns]].sum(skipna=False)
    total = pd.Series({**sums, "unstated": tuple(left)}, name=TOTAL, dtype=object)
    known = pd.notna(total["total"]) and total["total"] > 0
    shares = shares_pct(found["total"].astype(float)) if known else [messages()["unstated"]] * len(found)
    rows = [
        {**_invested(row, columns, label=route_label(str(row.name))), SHARE: share}
        for (_, row), share in zip(found.iterrows(), shares, strict=True)
    ]
    rows.append({**_invested(total, columns, label=TOTAL), SHARE: 100.0 if known else None})
    kinds: list[RowKind] = ["row"] * len(found)
    kinds.append("total")
    if known:
        parts = shares_pct([float(total[c]) for c in columns])
        named = {_paid_by(c): float(part) or None for c, part in zip(columns, parts, strict=True)}
        rows.append({"方式": SHARE, "总投资": 100.0, **named})
        kinds.append("subtotal")
    money = ["总投资", *map(_paid_by, columns), SHARE]
    name = "建设投资" if plan.policy.funding else "资金表"
    places = dict.fromkeys(money, 2)
    made = framed(tabled(rows), title=titled(plan, name), unit="万元", kinds=kinds, decimals=places)
    return Sheet(name, made, notes=(*_investment_notes(plan, total), *_moved(plan, found)))


def _moved(plan: Plan, found: pd.DataFrame) -> tuple[str, ...]:
    """A note where a part of the investment, or what a payer gives in all, is not the nearest number."""
    _, exact, _ = investment_amounts(plan.villages)
    whole = np.nan_to_num(found[[*PAYERS, "open"]].to_numpy(dtype=float, na_value=np.nan))
    return rounding_note(_with_sums(exact), _with_sums(whole))


def _with_sums(amounts: np.ndarray) -> np.ndarray:
    """Cells with the sums of their rows and columns."""
    rows = np.vstack([amounts, amounts.sum(axis=0)])
    return np.hstack([rows, rows.sum(axis=1, keepdims=True)])


def _invested(row: pd.Series, columns: Sequence[str], *, label: str) -> dict[str, Cell]:
    """Investment of a route, or of all; a payer of whom nothing is stated is open."""
    open_ = messages()["unstated"]
    parts = {
        _paid_by(c): open_ if c in row["unstated"] and not row[c] else _whole(row[c], zero=None)
        for c in columns
    }
    counted = {"村数": int(row["villages"]), "户数": int(row["households"])}
    return {"方式": label, **counted, "总投资": _whole(row["total"]), **parts}


def _paid_by(payer: str) -> str:
    """Heading of a payer, or of what nobody is named for."""
    return str(messages()["unstated"]) if payer == "open" else payer_label(payer)


def _investment_notes(plan: Plan, total: pd.Series) -> tuple[str, ...]:
    """What the investment is not, and what of it has no payer yet."""
    notes = ["按所选方式测算，不是文件任务合计。"] if plan.policy.funding else []
    if total["unstated"]:
        open_, left = messages()["unstated"], "、".join(map(payer_label, total["unstated"]))
        rest = "" if pd.isna(total["open"]) else f" {total['open']} 万元已计入总投资，"
        notes.append(f"“{open_}”列{rest}文件未载明其中{left}各出多少。")
    return tuple(notes)


def funding_sheet(plan: Plan) -> Sheet | None:
    """The funding table: a block for every scope with its total and the share of each payer. [万元]"""
    if not plan.policy.funding:
        return None  # the investment by route is all there is
    exact = funding_table(plan.villages, plan.policy)
    whole = whole_wan(exact)
    if not len(whole):
        return None
    totals = scope_totals(whole)
    payers = [p for p in PAYERS if (whole[p].isna() | (whole[p] != 0)).any()]
    rows: list[dict[str, Any]] = []
    kinds: list[RowKind] = []
    for scope, total in totals.iterrows():
        block = whole[[scope in named for named in whole["scope"]]]
        rows += _items(block, payers, scope=str(scope))
        rows += [_sum_row(total, payers, scope=str(scope)), _share_row(total, payers, scope=str(scope))]
        kinds += ["row"] * len(block)
        kinds += ["total", "subtotal"]
    loose = whole[[not named for named in whole["scope"]]]
    rows += _items(loose, payers, scope=NO_SCOPE, shares=False)
    kinds += ["row"] * len(loose)
    frame = tabled(rows)
    empty = [name for name in frame if not (frame[name].notna() & (frame[name] != "")).any()]
    frame = frame.drop(columns=[name for name in empty if name not in ("项目", "总投资")])
    if len(totals) <= 1 and not len(loose):
        frame = frame.drop(columns="口径")
    money = ["总投资", *map(payer_label, payers), SHARE]
    made = framed(
        frame,
        title=titled(plan, "资金表"),
        unit="万元",
        kinds=kinds,
        merged=["口径"] if "口径" in frame else [],
        decimals={name: 2 for name in money if name in frame},
    )
    columns = [*PAYERS, "total"]
    said = whole[columns].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    moved = rounding_note(exact[columns].astype(float), said)
    return Sheet("资金表", made, notes=(*_funding_notes(totals, whole["item"], loose), *moved))


def _items(
    block: pd.DataFrame, payers: Sequence[str], *, scope: str, shares: bool = True
) -> list[dict[str, Any]]:
    """The rows of one scope."""
    known = shares and block["total"].notna().all() and (block["total"] > 0).any()
    parts = shares_pct(block["total"].astype(float)).tolist() if known else [None] * len(block)
    open_share = messages()["unstated"] if shares and block["total"].isna().any() else None
    return [
        {
            "口径": scope,
            "项目": _item(row.item),
            "户数": _whole(row.households, nothing=None),
            "总投资": _whole(row.total),
            **{payer_label(p): _whole(getattr(row, p), zero=None) for p in payers},
            SHARE: part if known else open_share,
            "实施年限": years_said(row.years),
            "牵头单位": row.lead_agency,
            "责任单位": row.responsible_agency,
        }
        for row, part in zip(block.itertuples(), parts, strict=True)
    ]


def _item(item: str) -> str:
    """What a row is for; without rows of the policy, its route."""
    return route_label(item) if item in ROUTES else item


def _sum_row(total: pd.Series, payers: Sequence[str], *, scope: str) -> dict[str, Any]:
    sums = {payer_label(p): _whole(total[p], zero=None) for p in payers}
    known = pd.notna(total["total"]) and total["total"] > 0
    return {
        "口径": scope,
        "项目": TOTAL,
        "总投资": _whole(total["total"]),
        **sums,
        SHARE: 100.0 if known else None,
    }


def _share_row(total: pd.Series, payers: Sequence[str], *, scope: str) -> dict[str, Any]:
    """Shares of the payers in the total of a scope. [%]"""
    shares: dict[str, Cell] = dict.fromkeys(["总投资", *map(payer_label, payers)], messages()["unstated"])
    if pd.notna(total["total"]):
        shares |= {payer_label(p): float(total[f"{p}_pct"]) or None for p in payers}
        shares["总投资"] = 100.0
    return {"口径": scope, "项目": SHARE, **shares}


def _whole(value: Any, *, zero: Cell = 0, nothing: Cell = "") -> Cell:
    """A whole amount; 待定 (or `nothing`) where there is none."""
    if pd.isna(value):
        return messages()["unstated"] if nothing == "" else nothing
    return int(value) or zero


def _funding_notes(totals: pd.DataFrame, items: pd.Series, loose: pd.DataFrame) -> tuple[str, ...]:
    """What stands under the funding table: amounts left open or held twice, scopes that cannot be added."""
    open_, notes = messages()["unstated"], []
    for scope, row in totals.iterrows():
        if row["twice"]:
            held = "、".join(f"“{_item(items[name])}”" for name in row["twice"])
            notes.append(f"{scope}：{held}列的是同一笔资金，合计会重复计算，故不合计。")
            continue
        if pd.notna(row["total"]):
            continue
        left = "、".join(payer_label(p) for p in row["unstated"])
        stated = int(row["stated_total"])
        known = f"{STATED} {stated} 万元" if stated else "文件没有载明金额"
        notes.append(f"{scope}：文件未载明{left}，合计{open_}；{known}。")
    if len(totals) > 1:
        notes.append("各口径分别合计，同一笔资金可列入几个口径，不得相加。")
    if len(loose):
        notes.append(f"“{NO_SCOPE}”各行与其他行的农户重叠或文件未列入任何合计，不得相加。")
    return tuple(notes)


def cash_flow_sheet(plan: Plan) -> Sheet | None:
    """What each level of government pays in each year, for building and for running. [万元]"""
    flow = cash_flow(plan.villages, plan.policy, options=plan.options)
    if not len(flow):
        return None
    cross = flow.assign(wan=flow["cny"] / WAN).pivot(index="year", columns=["level", "kind"], values="wan")
    asked = [(level, kind) for level in LEVELS for kind in KINDS if (level, kind) in cross.columns]
    frame = pd.DataFrame(index=cross.index)
    for level, kind in asked:
        amounts = cross[level, kind]
        paid = set(flow.loc[(flow["level"] == level) & (flow["kind"] == kind), "year"])
        frame[payer_label(level), KINDS[kind]] = [
            0.0 if year not in paid else amount for year, amount in amounts.items()
        ]
    frame[TOTAL] = frame.sum(axis=1, skipna=False)
    years = [_year(year) for year in frame.index]
    frame = pd.concat([frame, frame.sum(skipna=False).to_frame().T], ignore_index=True)
    frame = frame.map(lambda wan: adding_up([wan], decimals=0)[0])  # equal years stay equal
    rounded = (frame[:-1].sum(skipna=False) != frame.iloc[-1]) & frame.iloc[-1].notna()
    said = frame.apply(lambda amounts: amounts.map(lambda v: _whole(v, zero=None)).astype(object))
    said.insert(0, "年度", [*years, TOTAL])
    said.columns = pd.Index(["年度", *frame.columns], tupleize_cols=False)
    kinds: list[RowKind] = ["row"] * len(years)
    kinds.append("total")
    made = framed(said, title=titled(plan, "分年度财政资金"), unit="万元", kinds=kinds if years else ())
    notes = ("各格分别四舍五入，合计按未舍入的金额计算。",) if rounded.any() else ()
    return Sheet("分年度资金", made, notes=(*_stated_notes(flow, plan.villages), *notes))


def village_flow_sheet(plan: Plan) -> Sheet | None:
    """What each level of government pays for each village in each year. [CNY]"""
    flow = village_cash_flow(plan.villages, plan.policy, options=plan.options)
    kind_of = ["year", "level", "kind"]
    flow = flow[flow["cny"].ne(0.0).groupby([flow[c] for c in kind_of], dropna=False).transform("any")]
    if not len(flow):
        return None
    flow = flow.assign(year=flow["year"].astype(object).where(flow["year"].notna(), ""))
    by_cell = flow.groupby(["village_id", *kind_of], sort=False)["cny"]
    # An amount left open leaves its sum open; `skipna` of a group's sum is newer than our pandas.
    cross = by_cell.sum().where(by_cell.count() == by_cell.size()).unstack(kind_of)
    there = by_cell.size().unstack(kind_of).notna()
    named = plan.villages.set_index("village_id").reindex(cross.index)
    frame = pd.DataFrame(
        {
            "村代码": cross.index,
            "乡镇": named["town"].to_numpy(),
            "村名": named["name"].to_numpy(),
            "改造方式": [route_label(route) for route in named["route"]],
            "户数": named["households"].astype("Int64").to_numpy(),
        },
        dtype=object,
    )
    order = sorted(cross.columns, key=lambda c: (str(c[0]), LEVELS.index(c[1]), c[2]))
    for year, level, kind in order:
        amounts, known = cross[year, level, kind].to_numpy(), there[year, level, kind].to_numpy()
        whole = [a if pd.isna(a) else round(a) for a in amounts]
        cells = [_whole(a, zero=None) if k else None for a, k in zip(whole, known, strict=True)]
        head = (
            _year(year if year != "" else pd.NA),
            f"{payer_label(level).removesuffix('补助')}{KINDS[kind]}",
        )
        frame[head] = pd.Series(cells, dtype=object)
    title = titled(plan, "分村分年度补助")
    return Sheet("分村分年度补助", framed(frame, title=title, unit="元"), register=True)


def _year(year: Any) -> str:
    return "未定年度" if pd.isna(year) else f"{year} 年"


def _stated_notes(flow: pd.DataFrame, villages: pd.DataFrame) -> tuple[str, ...]:
    """What is known of the amounts of which the document leaves a part open. [万元]"""
    invested = _capital(villages)
    open_, notes = messages()["unstated"], []
    for (level, kind), paid in flow.groupby(["level", "kind"], sort=False):
        if paid["cny"].isna().any():
            wan = paid["stated_cny"].sum() / WAN
            exact, whole = invested.get(level, (np.nan, 0)) if kind == "capital" else (np.nan, 0)
            # The same money is the same number here and in the table of the investment.
            stated = str(whole) if abs(wan - exact) < FUZZ * WAN else f"{wan:.0f}"
            name = f"{payer_label(level)}的{KINDS[kind]}"
            known = f"文件未全部载明，合计{open_}；{STATED} {stated} 万元"
            notes.append(f"{name}{known if stated != '0' else f'文件没有载明金额，合计{open_}'}。")
    return tuple(notes)


def _capital(villages: pd.DataFrame) -> dict[str, tuple[float, int]]:
    """What each payer gives for the investment, and the number that its table prints. [万元]"""
    (_, exact, _), table = investment_amounts(villages), investment_table(villages)
    return {p: (float(exact[:, i].sum()), int(table[p].sum())) for i, p in enumerate(PAYERS)}


def items_by_year_sheet(plan: Plan) -> Sheet | None:
    """The funding table spread over the years: item by source by year, and each scope. [万元]"""
    whole = whole_wan(funding_table(plan.villages, plan.policy))
    dated = funding_by_year(plan.villages, plan.policy)
    if dated["year"].isna().all():
        return None
    years = sorted(dated["year"].dropna().unique()) + [pd.NA] * bool(dated["year"].isna().any())
    parts = {
        (name, payer): _over_years(dated[dated["row"] == name], payer, years, total=row[payer])
        for name, row in whole.iterrows()
        for payer in PAYERS
        if pd.isna(row[payer]) or row[payer] != 0
    }
    rows = [
        _dated(_item(whole.loc[name, "item"]), payer, years, part) for (name, payer), part in parts.items()
    ]
    kinds: list[RowKind] = ["row"] * len(rows)
    for scope, total in scope_totals(whole).iterrows():
        inside = [name for name in whole.index if scope in whole.loc[name, "scope"]]
        for payer in () if total["twice"] else PAYERS:
            own = [parts[name, payer] for name in inside if (name, payer) in parts]
            if own:
                label = str(scope) if str(scope).endswith(TOTAL) else f"{TOTAL}（{scope}）"
                rows.append(_dated(label, payer, years, np.sum(own, axis=0)))
                kinds.append("total")
    made = framed(
        tabled(rows), title=titled(plan, "分项目分年度资金"), unit="万元", kinds=kinds, merged=["项目"]
    )
    return Sheet("分项目年度资金", made)


def _over_years(dated: pd.DataFrame, payer: str, years: Sequence[Any], *, total: Any) -> np.ndarray:
    """What a payer gives for an item in each year, such that the years make the item's total. [万元]"""
    by_year = dict(zip(dated["year"], dated[payer], strict=True))
    paid = np.array([by_year.get(year, 0.0) for year in years])
    if pd.isna(total) or not total:
        return np.array([adding_up([wan], decimals=0)[0] for wan in paid])
    return apportion(paid, total=float(total))


def _dated(item: str, payer: str, years: Sequence[Any], part: np.ndarray) -> dict[str, Any]:
    """One line of the items by year."""
    cells = {_year(year): _whole(wan, zero=None) for year, wan in zip(years, part, strict=True)}
    return {"项目": item, "资金来源": payer_label(payer), **cells, TOTAL: _whole(part.sum())}


def affordability_sheet(plan: Plan) -> Sheet | None:
    """What a household pays at once and for a season, with and without subsidy, against coal and income."""
    found = plan.summary["affordability"]
    rows = [
        _affordable(route, about, case)
        for route, about in found["by_route"].items()
        for case in SUBSIDY_CASES
    ]
    if not rows:
        return None
    frame = tabled(rows)
    places = {h: 1 for h in frame.columns if h[-1].endswith("（%）")} | {
        h: 2 for h in frame.columns if "与用煤之比" in h
    }
    title = titled(plan, "农户负担能力")
    made = framed(frame, title=title, unit="元/户", merged=["改造方式"], decimals=places)
    return Sheet("负担能力", made, notes=_affordability_notes(found, plan.policy))


def _affordable(route: str, about: Mapping[str, Any], case: str) -> dict[Any, Cell]:
    """One route in one case: the season, and what is paid at once."""
    season, (said, once) = about[case], SUBSIDY_CASES[case]
    return {
        "改造方式": f"{route_label(route)}\n{about['households']} 户",
        "情形": said,
        ("采暖季费用", "户均"): _known(season["cost_cny_per_season"]),
        ("采暖季费用", "与用煤之比"): _known(season["over_coal"], 2),
        ("采暖季费用", "占支付意愿（%）"): _known(season["over_willingness"], 1, times=100),
        ("采暖季费用", "占收入（%）"): _known(season["income_share"], 1, times=100),
        ("采暖季费用", "评价"): _rating(season["rating"]),
        ("一次性自筹", "户均"): _known(about[f"{once}_cny"]),
        ("一次性自筹", "占建设投资（%）"): _known(about[f"{once}_share"], 1, times=100),
        ("一次性自筹", "限值内"): _yes(about[f"{once}_ok"]),
    }


def _known(value: float | None, decimals: int = 0, *, times: float = 1.0) -> Cell:
    """A rounded number, or 待定 for one that the policy leaves open."""
    if value is None:
        return str(messages()["unstated"])
    number = adding_up([value * times], decimals=decimals)[0]
    return number if decimals else int(number)


def _rating(rating: str | None) -> Cell:
    return str(style()["values"][rating]["zh"] if rating else messages()["unstated"])


def _yes(value: bool | None) -> Cell:
    return str(messages()["unstated"] if value is None else style()["values"]["yes" if value else "no"]["zh"])


def parity_of(found: Mapping[str, Any]) -> float | None:
    """Highest over lowest net cost of the routes; None where there is one route, or none is known."""
    return found["parity"] if len(found["by_route"]) > 1 else None


def _affordability_notes(found: Mapping[str, Any], policy: Policy) -> tuple[str, ...]:
    limits, parity, at_once = policy.affordability, "affordability.parity_max", "affordability.self_pay"
    coal, income = found["coal_cost_cny_per_season"], found["income_cny_per_household"]
    once = f"{limits.self_pay_max_cny:g} 元/户或建设投资的 {limits.self_pay_share_max * 100:g} %"
    whose = limit_word(policy, f"{at_once}_max_cny", f"{at_once}_share_max")
    notes = [
        f"现用散煤每采暖季 {coal:.0f} 元/户；农户可支配收入 {income:.0f} 元/户·年。",
        f"建设投资含企业投资和各级补助；一次性自筹的{whose}为 {once}。",
    ]
    if parity_of(found) is not None:
        limit = f"{limit_word(policy, parity)} {limits.parity_max:g}"
        limit = f"{'未超过' if found['parity_ok'] else '超过'}{limit}"
        notes.append(f"各方式户均净支出（有补助）最高与最低之比为 {found['parity']:.2f}，{limit}。")
    bare = found["households_by_rating"]["without_subsidy"]
    rated = "、".join(f"{style()['values'][name]['zh']} {n} 户" for name, n in bare.items())
    notes.append(f"补助终止后：{rated}；返煤风险 {found['households_at_risk']} 户。")
    return tuple(notes)
