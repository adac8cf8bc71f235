"""Wutai: the document's order gives its numbers without a lock, and its annex comes out as printed."""

from __future__ import annotations

from dataclasses import replace

import pytest

import geoplan
from geoplan.annex import annex_table
from geoplan.misnamed import check_published
from geoplan.policy import load_policy
from geoplan.reconcile import reconcile, unexplained
from tests import worlds_layers as worlds

COUNTY = "wutai"
HOUSING = "住房和城乡建设管理局"


@pytest.fixture(scope="module")
def plan() -> geoplan.Plan:
    return worlds.plan(COUNTY)


def with_policy(text: str) -> geoplan.Plan:
    base = (worlds.folder(COUNTY) / "policy.toml").read_text("utf-8")
    policy = load_policy([("policy.toml", base), ("change.toml", text)])
    return geoplan.assign(replace(worlds.county(COUNTY), policy=policy))


def with_layer(stem: str, **columns: float) -> geoplan.Plan:
    county = worlds.county(COUNTY)
    layers = {**county.layers, stem: county.layers[stem].assign(**columns)}
    return geoplan.assign(replace(county, layers=layers))


def households(plan: geoplan.Plan) -> dict[str, int]:
    return plan.villages.groupby("route")["households"].sum().to_dict()


def test_the_order_finds_the_routes_of_the_document_without_a_lock(plan: geoplan.Plan) -> None:
    assert households(plan) == {"district_heating": 2_001, "heat_pump": 1_965}
    rows = plan.villages
    piped = rows["report_row"] == HOUSING
    assert (rows.loc[piped, "route"] == "district_heating").all()
    assert (rows.loc[~piped, "route"] == "heat_pump").all()
    assert "locked_route" not in worlds.layer(COUNTY, "villages", 4547)
    assert set(rows.loc[~rows["unlocated"].astype(bool), "decision"]) == {"first choice"}
    kinds = rows[~piped].groupby("user_kind")["households"].sum()
    assert kinds.to_dict() == {"household": 1_949, "institution": 16}


def test_annex_as_printed(plan: geoplan.Plan) -> None:
    table = annex_table(plan.villages, plan.policy.annexes["tasks"])
    assert table.title == "五台县2023年冬季清洁取暖改造任务分解表"
    assert table.head[2:8] == (
        ("煤改电", "小计"), ("煤改电", "居民户"), ("煤改电", "集体户"),
        ("集中供暖", "小计"), ("集中供暖", "县城"), ("集中供暖", "农村"),
    )  # fmt: skip
    assert table.rows[0] == (1, "沟南乡", 305, 305, None, None, None, None, 305)
    assert table.rows[14] == (15, "交警队", 16, None, 16, None, None, None, 16)
    assert table.rows[15] == (16, HOUSING, None, None, None, 2_001, 1_831, 170, 2_001)
    assert table.rows[16] == (17, "合计", 1_965, 1_949, 16, 2_001, 1_831, 170, 3_966)
    printed = worlds.published(COUNTY).tables[0].rows
    assert [tuple("" if cell is None else cell for cell in row) for row in table.rows] == list(printed)


def test_every_published_number_is_equal_or_explained(plan: geoplan.Plan) -> None:
    document = worlds.published(COUNTY)
    assert check_published(document, plan.policy, file="published.toml") == []
    rows = reconcile(plan.villages, plan.policy, document)
    assert unexplained(rows) == 0
    assert all(row["status"] != "differs" for row in rows if row["kind"] != "check")


def test_a_deadline_before_the_day_of_issue_is_found(plan: geoplan.Plan) -> None:
    rows = reconcile(plan.villages, plan.policy, worlds.published(COUNTY))
    found = {row["id"]: row for row in rows if row["kind"] == "check" and row["status"] == "differs"}
    assert {"retroactive|制定方案", "retroactive|组织实施"} <= set(found)
    assert (found["retroactive|制定方案"]["published"], found["retroactive|制定方案"]["difference"]) == (
        "2023-04-30",
        19.0,
    )


def test_the_police_row_counts_and_is_not_drawn(plan: geoplan.Plan) -> None:
    row = plan.villages.set_index("village_id").loc["140922-JJD"]
    assert row["route"] == "heat_pump"
    assert row["geometry"] is None or row["geometry"].is_empty
    assert "附件第 15 行" in row["reason"]
    assert plan.summary["households"] == 3_966
    assert plan.summary["unlocated"] == 1


def test_density_keeps_scattered_villages_off_the_pipe(plan: geoplan.Plan) -> None:
    options = plan.options.merge(plan.villages[["village_id", "report_row"]], on="village_id")
    heat = options[options["route"] == "district_heating"].set_index("village_id").drop("140922-JJD")
    density = heat["linear_heat_density_mwh_per_m"]
    piped = heat["report_row"] == HOUSING
    assert density[piped].min() > 0.75
    assert density[~piped].max() < 0.5
    assert heat.loc[~piped, "rule"].str.contains("dense_places_first").all()


def test_without_the_density_rule_no_village_pays_for_the_way(plan: geoplan.Plan) -> None:
    found = with_policy("[rules.dense_places_first]\nenabled = false")
    assert households(found) == households(plan)


def test_supply_limits_the_heat_network() -> None:
    found = with_layer("heat_sources", capacity_mw=6.0)
    heat = found.sources[found.sources["route"] == "district_heating"]
    assert heat["used"].max() <= 6.0
    assert 0 < households(found)["district_heating"] < 2_001
    assert "no capacity left" in set(found.villages["decision"])


def test_remote_villages_fall_back_on_biomass_then_clean_coal_outside_the_no_coal_zone() -> None:
    found = with_layer("substations", spare_kva=0.0, upgrade_kva=0.0)
    rows = found.villages[~found.villages["unlocated"].astype(bool)]
    assert "heat_pump" not in set(rows["route"])
    assert {"biomass", "clean_coal"} <= set(rows["route"])
    coal = found.options[found.options["route"] == "clean_coal"].set_index("village_id")
    assert coal.loc["140922200201", "rule"].split(",")[0] == "no_coal_zone"  # 沟南村, by the county seat


def test_the_stove_stays_one_season_of_stable_running(plan: geoplan.Plan) -> None:
    rows = plan.villages
    assert set(rows["year"]) == {2023}
    electric = rows["route"] == "heat_pump"
    assert set(rows.loc[electric, "old_stove_until"]) == {"2024-03-31"}
    assert not rows.loc[~electric, "old_stove_until"].astype(bool).any()


def test_subsidies_are_unstated_and_never_zero(plan: geoplan.Plan) -> None:
    assert plan.villages["subsidy_district_cny"].isna().all()
    assert plan.villages["household_capex_cny"].isna().all()
    assert plan.villages["household_capex_unsubsidised_cny"].gt(0).all()


def test_tasks_beside_the_routes(plan: geoplan.Plan) -> None:
    tasks = plan.policy.efficiency
    assert tasks["urban_2023"].area_m2 == 63_400
    assert tasks["retrofit_2021_2022"].area_m2 == 147_800
    assert plan.policy.milestones["evaluation"].end.isoformat() == "2024-04-15"
