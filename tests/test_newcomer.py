"""What somebody stumbled over who used the product on a county of his own."""

from __future__ import annotations

import pytest

from geoplan.planner import assign
from tests.test_cascade import codes, option, routes, row
from tests.test_cli import VILLAGES, run
from tests.worlds import county, gas_station, heat_source, line, main, village


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
