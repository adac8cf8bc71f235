"""The example county: the document's totals come out by rule and capacity, and move as a planner expects."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import geoplan
from geoplan.annex import annex_table
from geoplan.funding import funding_table, scope_totals
from geoplan.policy import load_policy

ROOT = Path(__file__).parents[1]
COUNTY = ROOT / "layers" / "litong"
NEAR = {"金积镇", "古城镇", "上桥镇", "东塔寺乡", "板桥乡", "郭家桥乡"}


@pytest.fixture(scope="module")
def county():
    return geoplan.read_county(COUNTY)


@pytest.fixture(scope="module")
def plan(county):
    return geoplan.assign(county)


def with_policy(county, text):
    base = (COUNTY / "policy.toml").read_text("utf-8")
    return replace(county, policy=load_policy([("policy.toml", base), ("change.toml", text)]))


def with_layer(county, stem, **columns):
    return replace(county, layers={**county.layers, stem: county.layers[stem].assign(**columns)})


def households(plan):
    return plan.summary["households_by_route"]


def villages(plan):
    return plan.villages.set_index("village_id")


def test_totals_of_the_document(plan):
    found = households(plan)
    assert plan.summary["households"] == 28_500
    assert found["district_heating"] == 11_800
    assert found["gas"] + plan.summary["households_electric"] == 16_700
    assert set(found) <= {"district_heating", "gas", "heat_pump", "electric_storage", "electric_direct"}
    heat = plan.villages[plan.villages.route == "district_heating"]
    by_dwelling = heat.groupby("dwelling")["households"].sum()
    assert by_dwelling.to_dict() == {"apartment": 7_500, "bungalow": 4_300}


def test_by_rule_and_capacity_not_by_lock(plan):
    assert plan.villages["locked_route"].isna().all()
    assert "locked" not in plan.summary["villages_by_decision"]
    assert (plan.villages["reason"].str.len() > 5).all()


def test_no_source_gives_more_than_it_has_and_some_bind(plan):
    sources = plan.sources
    assert (sources["used"] <= sources["capacity"]).all()
    assert plan.summary["villages_by_decision"]["no capacity left"] > 0
    assert households(plan)["gas"] > 0


def test_gas_works_only_where_electricity_is_full(plan):
    gas = plan.villages[plan.villages.route == "gas"]
    assert set(gas["decision"]) == {"no capacity left"}
    assert gas["reason"].str.contains("余量").all()


def test_the_heat_demand_of_the_corridor_is_some_71_mw(plan):
    heat = plan.villages[plan.villages.route == "district_heating"]
    assert 0.9 * heat["heat_load_kw"].sum() / 1000 == pytest.approx(71.0, abs=1.0)


def test_break_even_separates_the_villages_of_the_town_that_is_in_both_corridors(plan):
    """Inside 金积镇 no rule names a village: the length of the connection decides alone."""
    town = plan.villages[(plan.villages.town == "金积镇") & (plan.villages.households > 0)]
    on = town["route"] == "district_heating"
    assert on.any()
    assert (~on).any()
    assert ((town["heat_connection_m"] <= town["break_even_m"]) == on).all()
    assert town.loc[~on, "reason"].str.contains("盈亏平衡|不论接入多短").all()


def test_the_network_serves_the_near_towns_only(plan):
    heat = plan.villages[plan.villages.route == "district_heating"]
    assert set(heat["town"]) == NEAR


def test_the_other_reading_of_the_document():
    other = geoplan.assign(geoplan.read_county(COUNTY, overlays=["bungalows_off_the_pipe"]))
    found = households(other)
    assert found["district_heating"] == 7_500
    assert found["gas"] + other.summary["households_electric"] == 21_000
    heat = other.villages[other.villages.route == "district_heating"]
    assert set(heat["dwelling"]) == {"apartment"}
    money = scope_totals(funding_table(other.villages, other.policy))
    assert money.loc["九", "total"] == pytest.approx(22_705)
    wrong = {r["what"] for r in rows(other, status="differs", because="")}
    assert "余热取暖合计" in wrong
    bungalows = [r for r in rows(other) if r["what"].startswith("平房双替代：")]
    assert [r["computed"] for r in bungalows] == [600, 500, 700, 1000, 1000, 500]
    assert {r["status"] for r in bungalows} == {"equal"}
    assert "概算总投资" not in wrong


def test_half_the_heat_serves_fewer_and_says_so(county, plan):
    source = county.layers["heat_sources"]
    half = geoplan.assign(with_layer(county, "heat_sources", capacity_mw=source["capacity_mw"] / 2))
    assert households(half)["district_heating"] < households(plan)["district_heating"]
    lost = villages(half)[
        (villages(plan)["route"] == "district_heating") & (villages(half)["route"] != "district_heating")
    ]
    assert len(lost)
    assert set(lost["decision"]) <= {"no capacity left", "deferred"}
    assert lost["reason"].str.contains("申能吴忠热电").all()
    kept = villages(half)[villages(half)["route"] == "district_heating"]
    assert kept.groupby("dwelling")["households"].sum()["apartment"] > kept.groupby("dwelling")[
        "households"
    ].sum().get("bungalow", 0)


def test_without_day_volume_nobody_gets_gas(county, plan):
    none = geoplan.assign(with_layer(county, "gas_stations", capacity_m3_per_day=0.0))
    assert "gas" not in households(none)
    moved = villages(plan)["route"] == "gas"
    assert villages(none).loc[moved, "reason"].str.contains("门站").all()


def test_gas_first_gives_more_gas(county, plan):
    first = geoplan.assign(with_policy(county, 'order = ["district_heating", "gas", "heat_pump"]'))
    assert households(first)["gas"] > households(plan)["gas"]
    assert "first choice" in set(villages(first)[villages(first)["route"] == "gas"]["decision"])


def test_dearer_pipes_connect_fewer(county, plan):
    prices = [3 * p for p in county.policy.network.heat.pipes.cny_per_m]
    dear = geoplan.assign(with_policy(county, f"[network.heat.pipes]\ncny_per_m = {prices}"))
    assert households(dear)["district_heating"] < households(plan)["district_heating"]
    worth = villages(plan)["break_even_m"] > 0
    assert (villages(dear).loc[worth, "break_even_m"] < villages(plan).loc[worth, "break_even_m"]).all()


def test_a_longer_gas_limit_reaches_more(county, plan):
    def reached(p):
        options = p.options[p.options.route == "gas"]
        return (~options["infeasible_because"].str.contains("gas_main_distance")).sum()

    near = geoplan.assign(with_policy(county, "[rules.gas_main_distance]\nmax = 500"))
    assert reached(near) < reached(plan)


def test_groups_share_one_route(plan):
    grouped = plan.villages.dropna(subset="group_id").groupby("group_id")["route"].nunique()
    assert (grouped == 1).all()


def test_subsidies_are_those_of_the_document(plan):
    """3,500 + 1,800 CNY a household, 1,700 left to the household: 28,500 households."""
    money = plan.summary["money_cny"]
    assert money["subsidy_central_cny"] == pytest.approx(28_500 * 3_500)
    assert money["subsidy_district_cny"] == pytest.approx(28_500 * 1_800)
    assert money["household_capex_cny"] == pytest.approx(28_500 * 1_700)


def test_double_substitution_costs_what_the_document_says(plan):
    """11,690 = 5,845 + 3,006 + 2,839 万元 for the 16,700 households off the heat network."""
    off = plan.villages[(plan.villages["route"] != "district_heating") & (plan.villages["households"] > 0)]
    wan = off[["subsidy_central_cny", "subsidy_district_cny", "household_capex_cny"]].sum() / 10_000
    assert off["households"].sum() == 16_700
    assert wan.tolist() == pytest.approx([5_845, 3_006, 2_839])
    assert off["household_capex_unsubsidised_cny"].sum() / 10_000 == pytest.approx(11_690)


def test_every_number_of_the_county_policy_has_a_source(county):
    bare = [
        path
        for path, origin in county.policy.origins.items()
        if origin.file == "policy.toml" and not origin.source
        if path not in {"title", "county", "document", "crs", "year", "order"}
        if not isinstance(_at(county.policy, path), dict)
    ]
    assert [p for p in bare if isinstance(_at(county.policy, p), int | float)] == []


def _at(policy, path):
    value = policy.model_dump(by_alias=True)
    for key in path.split("."):
        value = value[key] if isinstance(value, dict) and key in value else {}
    return value


def test_made_data_is_marked(plan):
    made = plan.villages["provenance"].str.startswith("illustrative")
    assert made.any()
    for stem in ("heat_mains", "gas_mains", "gas_stations", "substations", "roads"):
        assert plan.layers[stem]["provenance"].str.startswith("illustrative").all(), stem


def test_reasons_are_structured_too(plan):
    for text in plan.options["infeasible_because"]:
        for found in json.loads(text) if text else ():
            assert {"code", "text", "measured", "limit", "unit"} <= set(found)


# --- the document's own numbers ---------------------------------------------------------------------


def rows(plan, **where):
    return [r for r in plan.summary["reconciliation"] if all(r[k] == v for k, v in where.items())]


def paid(entry, *payers):
    """Amounts of a row of the funding table or of a scope, whole 万元."""
    amounts = [float(entry[payer]) for payer in (*payers, "total")]
    assert [round(a, 6) for a in amounts] == [round(a) for a in amounts]
    return [round(a) for a in amounts]


def test_the_funding_table_of_the_document(plan):
    """From the plan: 11,800 and 16,700 households at 3,500, 1,800 and 1,700 CNY; 4,300 pay 2,700."""
    found = funding_table(plan.villages, plan.policy)
    payers = ("central", "district", "household")
    assert paid(found.loc["waste_heat"], *payers, "enterprise") == [4130, 2124, 2006, 10209, 18469]
    assert paid(found.loc["dual"], *payers) == [5845, 3006, 2839, 11690]
    assert paid(found.loc["residents"], *payers) == [1505, 774, 1161, 3440]
    assert paid(found.loc["efficiency"], *payers) == [1933, 4038, 1604, 7575]
    assert paid(found.loc["public_buildings"], "central", "self") == [100, 400, 500]
    assert paid(found.loc["heat_network"], "enterprise") == [4950, 4950]
    assert paid(found.loc["grid"], "enterprise") == [13530, 13530]
    assert found["households"].dropna().to_dict() == {
        "waste_heat": 11_800,
        "dual": 16_700,
        "residents": 4_300,
    }


def test_the_totals_by_scope(plan):
    found = scope_totals(funding_table(plan.villages, plan.policy))
    payers = ("central", "district", "household")
    assert paid(found.loc["四（三）"], *payers, "enterprise", "self") == [
        12008,
        9168,
        6449,
        28689,
        400,
        56714,
    ]
    assert paid(found.loc["五C"], *payers) == [3438, 4812, 2765, 11015]
    assert paid(found.loc["九"], *payers) == [9283, 7818, 5604, 22705]
    shares = found.loc["九", [f"{p}_pct" for p in payers]]
    assert shares.tolist() == [40.89, 34.43, 24.68]


def test_the_years_of_the_document(plan):
    by_year = plan.villages.groupby("year")["households"].sum()
    assert by_year.to_dict() == {2021: 3_000, 2022: 13_600, 2023: 11_900}


def test_every_published_number_comes_out(plan):
    """What can be computed is equal; every difference is a finding about the document itself."""
    assert plan.summary["unexplained"] == 0
    numbers = rows(plan, kind="number") + [r for r in rows(plan, kind="check") if r["published"] is not None]
    stated = [r for r in numbers if r["status"] != "not stated" and isinstance(r["difference"], float)]
    assert len([r for r in stated if r["status"] == "equal"]) >= 90
    differs = rows(plan, status="differs")
    assert [r["what"] for r in differs if not r["id"]] == [
        "已实现占比",
        "余热取暖实施年限：首年",
        "结合外墙保温做农村平房煤改电、煤改气",
    ]
    assert {r["id"] for r in differs if r["id"]} == {
        *(f"bungalows_{i}" for i in range(1, 7)),
        "heat_enterprise_own",
        "date|准备部署阶段",
        "calendar|准备部署阶段",
        "retroactive|准备部署阶段",
        "retroactive|组织实施阶段",
        "retroactive|摸底与入户宣传",
        "retroactive|示范点测试总结",
        "overlap|准备部署阶段|组织实施阶段",
        "overlap|waste_heat|residents",
        "price|waste_heat|residents|household",
        "efficiency.jinji",
        "efficiency.shangqiao",
        "lead_agency|金积镇",
    }


def test_what_the_checks_find_in_the_document(plan):
    found = {r["id"]: r for r in plan.summary["reconciliation"] if r["status"] == "differs"}
    assert "同为 4,300 户" in found["overlap|waste_heat|residents"]["what"]
    # 4,300 households x (3,500 + 1,800 + 1,700), the lesser of what the two rows take
    assert found["overlap|waste_heat|residents"]["computed"] == 3010
    assert found["price|waste_heat|residents|household"]["published"] == "1700；2700"
    assert round(found["efficiency.jinji"]["published"]) == 1467
    assert (found["calendar|准备部署阶段"]["published"], found["calendar|准备部署阶段"]["computed"]) == (
        "2022-04-31",
        "2022-04-30",
    )
    assert found["retroactive|摸底与入户宣传"]["difference"] == 16
    assert "区农业农村局 1,060 户" in found["lead_agency|金积镇"]["computed"]


def test_a_household_of_the_pipe_is_no_double_substitution(plan):
    """The 4,300 bungalows stand in two places of the document; the plan connects them."""
    bungalows = [r for r in rows(plan) if r["what"].startswith("平房双替代：")]
    assert [r["published"] for r in bungalows] == [600, 500, 700, 1000, 1000, 500]
    assert {(r["computed"], r["status"], r["basis"]) for r in bungalows} == {(0, "differs", "computed")}
    assert all("自相矛盾" in r["because"] for r in bungalows)


def test_the_share_of_2020_is_not_what_its_areas_make(plan):
    [row] = rows(plan, what="已实现占比")
    assert (row["published"], row["status"], row["basis"]) == (23.97, "differs", "document")
    assert row["computed"] == pytest.approx(23.98897, abs=1e-5)


def test_the_enterprises_own_investment_stands_beside_the_document(plan):
    """10,209 万元 is repeated in the funding table; what the plan itself builds is another number."""
    [own] = rows(plan, id="heat_enterprise_own")
    piped = plan.villages["route"] == "district_heating"
    assert own["computed"] == pytest.approx(plan.villages.loc[piped, "enterprise_capex_cny"].sum() / 10_000)
    assert (own["basis"], own["published"], own["status"]) == ("computed", 10_209, "differs")
    [repeated] = rows(plan, id="heat_enterprise")
    assert (repeated["basis"], repeated["status"]) == ("entered", "equal")


@pytest.mark.parametrize(
    ("what", "computed"),
    [
        ("概算总投资", 22_705),
        ("中央专项占比", 40.89),
        ("区财政配套占比", 34.43),
        ("农户自筹占比", 24.68),
        ("余热取暖总投资", 18_469),
        ("余热取暖中央专项", 4_130),
        ("余热取暖区财政配套", 2_124),
        ("余热取暖农户自筹", 2_006),
        ("供暖改造0.43万户概算", 3_440),
        ("全部建设任务投资", 56_714),
    ],
)
def test_the_totals_are_results_of_the_plan(plan, what, computed):
    found = rows(plan, what=what)
    assert [(r["basis"], r["computed"]) for r in found] == [("computed", computed)]


@pytest.mark.parametrize(
    ("what", "computed"),
    [
        ("农村清洁取暖率（按面积）", 80.27),  # (141 + 330.8) / 587.77
        ("农村清洁取暖率（按户数，户均100㎡）", 68.60),  # (11,819 + 28,500) / 58,777
        ("已实现占比", 23.99),  # 141 / 587.77, printed 23.97
        ("已改造户均面积", 119.30),  # 141 万㎡ / 11,819
        ("双替代每户造价", 7000),
        ("常住户每户造价", 8000),
        ("地源热泵单位造价", 131.58),  # 500 万元 / 3.8 万㎡
        ("管网每米沟槽造价", 4027.66),  # 4,950 万元 / 12.29 km
        ("由四（三）换算的总投资", 22705),  # 56,714 - 28,689 - 500 - 5,250 + 430
        ("公共机构合计", 167),
    ],
)
def test_the_document_against_itself(plan, what, computed):
    [row] = rows(plan, what=what)
    assert row["computed"] == pytest.approx(computed, abs=0.006)
    assert row["kind"] == "check"


def test_a_changed_number_of_the_document_is_noticed(county):
    changed = {"余热取暖总投资", "余热取暖四项来源之和"}
    numbers = [
        n.model_copy(update={"value": 18_470.0}) if n.what in changed else n for n in county.published.numbers
    ]
    other = county.published.model_copy(update={"numbers": tuple(numbers)})
    plan = geoplan.assign(replace(county, published=other))
    assert [r["what"] for r in rows(plan, status="differs", because="")] == [
        "余热取暖总投资",
        "余热取暖四项来源之和",
    ]


def test_the_task_table_that_the_document_lacks(plan):
    table = annex_table(plan.villages, plan.policy.annexes["task_allocation"])
    assert [" ".join(h) for h in table.head] == [
        "序号", "乡镇", "村（庄点）", "改造方式", "户数", "面积（万㎡）", "2021", "2022", "2023",
        "牵头单位", "责任单位", "备注",
    ]  # fmt: skip
    villages = [row for row, kind in zip(table.rows, table.kinds, strict=True) if kind == "row"]
    assert [row[0] for row in villages] == list(range(1, (plan.villages["households"] > 0).sum() + 1))
    assert table.rows[-1][4:9] == (28_500, 285.0, 3_000, 13_600, 11_900)
    assert table.kinds.count("subtotal") == 11
    assert {row[3] for row in villages} <= {"集中供暖", "煤改气", "空气源热泵", "电蓄热", "直热式电暖"}
    assert sum(row[4] for row in villages if row[11] == "安置楼") == 7_500
