"""What somebody stumbled over who used the product on a county of his own."""

from __future__ import annotations

import pytest
import shapely

from geoplan.io import check_county
from geoplan.planner import assign
from geoplan.tables.work import emissions_sheet
from tests.test_cascade import codes, option, routes, row
from tests.test_cli import VILLAGES, run
from tests.worlds import county, gas_station, heat_source, line, main, substation, village
from tests.worlds_io import geojson


def test_gas_from_a_far_station_is_no_way_round_a_full_one_near_by():
    """The station beside the village is too small; the other one lies beyond the longest connection."""
    mains = [
        {"status": "existing", "geometry": line((0, 0), (3000, 0))},
        {"status": "existing", "geometry": line((20_000, 0), (23_000, 0))},
    ]
    stations = [gas_station(1000, 0, 0), gas_station(1e6, 23_000, 0, "G2")]
    plan = assign(county([village(1, 1000, 200)], gas_stations=stations, gas_mains=mains))
    assert routes(plan)["V01"] == "heat_pump"
    assert codes(plan, "V01", "gas") == ["source_full"]
    assert option(plan, "V01", "gas")["connection_m"] == pytest.approx(260, abs=1)


def test_a_planned_main_is_said_to_come_first():
    rows = [village(1, 600, 400)]
    for status, said in (("planned", True), ("existing", False)):
        pipe = main((0, 0), (5000, 0)) | {"status": status}
        plan = assign(county(rows, heat_sources=[heat_source(100)], heat_mains=[pipe]))
        assert ("【前置】所接的规划干管须先建成" in row(plan, "V01")["reason"]) is said


def test_the_n_minus_1_test_says_both_numbers():
    source = heat_source(70.0) | {"largest_unit_mw": 40.0}
    plan = assign(county([village(1, 600, 400)], heat_sources=[source], heat_mains=[main((0, 0), (5000, 0))]))
    assert any("填报 70.0 MW" in n and "54.5 MW" in n for n in plan.provenance["notes"])


def test_a_rule_for_a_town_that_is_not_there_is_said():
    text = '[rules.hills]\nroutes = ["gas"]\ncolumn = "town"\nnot_in = ["甲乡"]'
    assert any("甲乡" in n for n in assign(county([village(1, 0, 0)], text)).provenance["notes"])


def test_half_a_climate_is_said():
    plan = assign(county([village(1, 0, 0)], "[climate]\noutdoor_design_c = -7.4"))
    assert any("climate.season_mean_c" in n for n in plan.provenance["notes"])
    whole = "[climate]\nstation = 'x'\noutdoor_design_c = -7\nseason_mean_c = 0\nseason_days = 113"
    assert not any("climate" in n for n in assign(county([village(1, 0, 0)], whole)).provenance["notes"])


def test_a_rule_without_a_sentence_quotes_its_source():
    text = '[rules.water]\nsource = "水源保护区"\nroutes = ["gas"]\ncolumn = "town"\nnot_in = ["甲镇"]'
    layers = {
        "gas_stations": [gas_station(1e5)],
        "gas_mains": [{"status": "existing", "geometry": line((0, 0), (5000, 0))}],
    }
    assert (
        "“甲镇”不适用（水源保护区）"
        in row(assign(county([village(1, 600, 9)], text, **layers)), "V01")["reason"]
    )


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "县" / "villages.csv"
    file.parent.mkdir()
    file.write_text(VILLAGES, "utf-8")
    return file


def test_a_lock_may_name_the_route_in_chinese(table, tmp_path):
    done = run("assign", table, "--datum", "wgs84", "--lock", "V1=直热式电暖", "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "直热式电暖" in done.stdout


def test_each_layer_may_have_its_own_datum(table, tmp_path):
    (table.parent / "substations.csv").write_text(
        "变电站编号,可开放容量,经度,纬度\nS1,9999,106.2,37.95\n", "utf-8"
    )
    datum = ("--datum", "villages=gcj02", "--datum", "substations=wgs84")
    assert run("assign", table, *datum, "-o", tmp_path / "out").exit_code == 0
    assert run("assign", table, "--datum", "gcj20").exit_code == 2
    assert run("assign", table, "--datum", "wgs84", "--datum", "villages=gcj02").exit_code == 2


def test_waiting_households_are_not_passed_over_in_silence(table, tmp_path):
    (table.parent / "substations.csv").write_text(
        "变电站编号,可开放容量,经度,纬度\nS1,1200,106.2,37.95\n", "utf-8"
    )
    (table.parent / "policy.toml").write_text('order = ["heat_pump"]', "utf-8")
    done = run("assign", table, "--datum", "wgs84", "-o", tmp_path / "out")
    assert "暂缓 300 户（60 %）" in done.stdout


def test_a_folder_that_cannot_be_written_is_one_sentence(table):
    done = run("assign", table, "--datum", "wgs84", "-o", "/proc/nowhere/out")
    assert done.exit_code == 1
    assert "cannot be written" in done.stderr


def test_an_unknown_key_is_told_what_is_allowed(table):
    (table.parent / "policy.toml").write_text(
        '[subsidies.a]\nlevel = "central"\nroutes = ["gas"]\nceiling = 2700', "utf-8"
    )
    done = run("check", table, "--datum", "wgs84")
    assert "cap_cny_per_household" in done.stdout


def test_the_keys_of_a_policy_can_be_listed():
    done = run("describe", "keys")
    assert "subsidies.<name>.cap_cny_per_household\tnumber" in done.stdout
    assert "rules.<name>.text\ttext" in done.stdout


# --- what is said without being asked -------------------------------------------------------------


def notes(*arguments, **layers):
    return assign(county(*arguments, **layers)).provenance["notes"]


def test_a_climate_of_the_defaults_is_said():
    rows = [village(1, 0, 0)]
    assert any("气象参数为软件缺省（银川 53614）" in n for n in notes(rows))
    own = "[climate]\nseason_days = 120"
    assert not any("气象参数为软件缺省" in n for n in notes(rows, own))


def test_a_climate_without_its_heat_indices_is_said():
    rows = [village(1, 0, 0)]
    climate = "[climate]\nstation = 'x'\noutdoor_design_c = -6.2\nseason_mean_c = 0.1\nseason_days = 120"
    indices = "[demand]\nintensity_bungalow_w_per_m2 = 92\nintensity_bungalow_insulated_w_per_m2 = 50"
    said = [n for n in notes(rows, climate) if "热指标仍是缺省值" in n]
    assert len(said) == 1
    assert "-6.2 ℃" in said[0]
    assert "demand.intensity_bungalow_insulated_w_per_m2" in said[0]
    assert not any("热指标" in n for n in notes(rows, f"{climate}\n{indices}"))
    assert not any("热指标" in n for n in notes(rows, climate.replace("-6.2", "-13.1")))


def test_check_says_what_the_run_would_note(table):
    text = "[climate]\nstation='x'\noutdoor_design_c=-6.2\nseason_mean_c=0.1\nseason_days=120"
    (table.parent / "policy.toml").write_text(text, "utf-8")
    done = run("check", table, "--datum", "wgs84")
    assert done.exit_code == 0
    assert "热指标仍是缺省值" in done.stdout
    assert "没有 biomass_supply 图层" in done.stdout


def test_every_layer_that_is_not_there_is_said_once():
    rows = [village(1, 600, 9)]
    said = notes(rows)
    for stem in ("heat_sources", "gas_stations", "substations", "biomass_supply"):
        assert sum(stem in n for n in said) == 1, stem
    assert not any("roads" in n or "mains" in n for n in said)
    points = {"heat_sources": [heat_source(9)], "gas_stations": [gas_station(9e4)]}
    said = notes(rows, **points)
    for stem in ("heat_mains", "gas_mains", "roads"):
        assert sum(f"没有 {stem} 图层" in n for n in said) == 1, stem
    pipe = [{"status": "existing", "dn_mm": None, "geometry": line((0, 0), (5000, 0))}]
    said = notes(rows, **points, heat_mains=pipe, gas_mains=pipe, roads=pipe)
    assert not any("roads" in n or "mains" in n for n in said)


def test_a_row_without_a_place_says_so_and_takes_no_substation():
    lost = village(1, 0, 0, unlocated=True) | {"geometry": shapely.Point()}
    pipe = {"heat_sources": [heat_source(9)], "heat_mains": [main((0, 0), (5000, 0))]}
    plan = assign(county([lost, village(2, 600, 9)], substations=[substation(9e5)], **pipe))
    assert codes(plan, "V01", "district_heating") == ["unlocated"]
    reason = row(plan, "V01")["reason"]
    assert "集中供暖不可行：无坐标（未落图）" in reason
    assert "不占变电站余量" in reason
    assert "沿道路" not in reason
    assert "不占变电站余量" not in row(plan, "V02")["reason"]


def test_a_remainder_is_that_of_the_villages_turn():
    plan = assign(county([village(1, 600, 400)], 'order = ["heat_pump"]', substations=[substation(100)]))
    assert "“变电站”轮到本村时余量 100 kVA" in row(plan, "V01")["reason"]


def test_a_village_with_one_way_left_points_to_the_options():
    plan = assign(county([village(1, 0, 0)], 'order = ["heat_pump"]'))
    assert "其余方式均不可行（见备选方案）" in row(plan, "V01")["reason"]


def test_terminal_and_workbook_say_the_same_rise_of_co2():
    """One village emits more, one of the same route saves: neither place deducts the saving."""
    text = "[baseline]\ncoal_t_per_household = 1.5\n[routes.heat_pump]\nefficiency = 1.2"
    rows = [village(1, 0, 0, floor_area_m2=200.0), village(2, 900, 0, 90, floor_area_m2=20.0)]
    plan = assign(county(rows, f'order = ["heat_pump"]\n{text}'))
    avoided = plan.villages.set_index("village_id")["co2_avoided_t_per_a"]
    assert avoided["V01"] < 0 < avoided["V02"]
    said = f"每年多 {-avoided['V01']:.0f} 吨"
    assert [n for n in plan.provenance["notes"] if said in n and "未扣" in n]
    assert [n for n in emissions_sheet(plan).notes if said in n and "1 个村" in n and "未扣" in n]


# --- what is told to whoever mistypes ---------------------------------------------------------------


def test_a_lock_by_name_is_told_the_id(table):
    done = run("check", table, "--datum", "wgs84", "--lock", "甲村=直热式电暖")
    assert done.exit_code == 1
    assert "--lock V1=electric_direct" in done.stdout
    done = run("check", table, "--datum", "wgs84", "--lock", "V1=电暖")
    assert "district_heating 集中供暖" in done.stdout


def test_a_datum_of_an_unknown_layer_is_told_the_nearest(table):
    done = run("check", table, "--datum", "village=gcj02")
    assert done.exit_code == 2
    assert "unknown layer 'village'" in done.stderr
    assert "did you mean 'villages'?" in done.stderr


def test_an_unknown_route_of_the_order_is_told_the_labels(table):
    (table.parent / "policy.toml").write_text('order = ["集中供热"]', "utf-8")
    done = run("check", table, "--datum", "wgs84")
    assert "district_heating 集中供暖" in done.stdout


def test_check_refuses_the_years_that_assign_refuses(table):
    text = """
[phasing]
years = [2025]
[budgets.county]
payer = "district"
wan_cny_by_year = { "2024" = 200 }
"""
    (table.parent / "policy.toml").write_text(text, "utf-8")
    for command in ("check", "assign"):
        done = run(command, table, "--datum", "wgs84")
        assert done.exit_code == 1
        assert "2024" in done.output
        assert "phasing.years" in done.output


def test_one_datum_for_all_warns_of_every_layer_that_says_wgs84(tmp_path):
    geojson(tmp_path)
    (bare,) = [p for p in check_county(tmp_path, datum="gcj02") if "brought from" in p.message]
    assert bare.severity == "warning"
    assert "--datum villages=gcj02" in bare.remedy
    (named,) = [p for p in check_county(tmp_path, datum={"villages": "gcj02"}) if "brought from" in p.message]
    assert named.severity == "repair"
