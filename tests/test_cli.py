"""The command line: output, exit codes, and that a wrong input leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import geoplan
from geoplan.cli import cli
from geoplan.folder import FILES

ROOT = Path(__file__).parents[1]
LITONG = ROOT / "layers" / "litong" / "villages.geojson"

VILLAGES = """村代码,村名,乡镇,改造户数,经度,纬度
V1,甲村,子镇,300,106.20,37.95
V2,乙村,子镇,200,106.25,37.96
"""


def run(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="geoplan")


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "县" / "villages.csv"
    file.parent.mkdir()
    file.write_text(VILLAGES, "utf-8")
    return file


def test_assign_prints_totals_and_loads_and_writes_the_plan(tmp_path):
    done = run("assign", LITONG, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    for text in ("集中供暖", "11800", "28500", "申能吴忠热电", "coverage.html"):
        assert text in done.stdout.replace(",", "")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(FILES)


def test_a_table_with_chinese_headers_is_enough(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("assign", table, "--datum", "wgs84")
    assert done.exit_code == 0, done.output
    found = json.loads(Path("maps/县/manifest.json").read_text("utf-8"))
    assert found["summary"]["households_by_route"] == {"heat_pump": 500}
    assert any("未校核电网余量" in note for note in found["warnings"])


def test_a_place_that_is_not_free_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "out").write_text("keep")
    done = run("assign", tmp_path / "there is no such.csv", "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert "is not a folder; choose another with -o" in done.stderr


def test_the_public_names_are_listed_and_all_there():
    assert dir(geoplan) == sorted(geoplan.__all__)
    assert all(getattr(geoplan, name) for name in dir(geoplan))
    assert {"read_plan", "coverage_map", "still_map", "report_docx"} <= set(dir(geoplan))


def test_degrees_without_a_datum_are_refused_with_the_remedy(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("assign", table)
    assert done.exit_code == 1
    assert "--datum" in done.stderr
    assert "Nothing was written" in done.stderr
    assert not Path("maps").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("300", "-3"), "households"),
        (("V2", "V1"), "V1"),
        (("改造户数", "别的"), "households"),
        (("106.20,37.95", "37.95,106.20"), "swapped"),
    ],
)
def test_wrong_input_is_one_sentence_exit_1_and_no_folder(table, tmp_path, monkeypatch, change, said):
    monkeypatch.chdir(tmp_path)
    table.write_text(VILLAGES.replace(*change), "utf-8")
    done = run("assign", table, "--datum", "wgs84", "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_wrong_policy_is_refused_before_anything_is_written(table, tmp_path):
    (table.parent / "policy.toml").write_text("comparisn_basis = 'behaviour'", "utf-8")
    done = run("assign", table, "--datum", "wgs84", "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert "did you mean 'comparison_basis'" in done.stderr
    assert not (tmp_path / "out").exists()


def test_usage_errors_exit_2(table):
    assert run("assign").exit_code == 2
    assert run("assign", table, "--method", "magic").exit_code == 2
    assert run("assign", table, "--lock", "V1").exit_code == 2


def test_a_lock_without_supply_exits_3(table, tmp_path):
    (table.parent / "substations.csv").write_text(
        "变电站编号,可开放容量,经度,纬度\nS1,10,106.2,37.95\n", "utf-8"
    )
    done = run("assign", table, "--datum", "wgs84", "--lock", "V1=heat_pump", "-o", tmp_path / "out")
    assert done.exit_code == 3
    assert "V1 locked to heat_pump" in done.stderr
    assert not (tmp_path / "out").exists()


def test_strict_turns_a_deferred_village_into_exit_3(table, tmp_path):
    (table.parent / "substations.csv").write_text(
        "变电站编号,可开放容量,经度,纬度\nS1,25,106.2,37.95\n", "utf-8"
    )
    own = "\n".join(
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in geoplan.load_policy([]).climate.model_dump(exclude_none=True).items()
    )
    (table.parent / "policy.toml").write_text(f'order = ["heat_pump"]\n[climate]\n{own}', "utf-8")
    loose = run("assign", table, "--datum", "wgs84", "-o", tmp_path / "out")
    assert loose.exit_code == 0
    strict = run("assign", table, "--datum", "wgs84", "--strict", "-o", tmp_path / "out2")
    assert strict.exit_code == 3
    assert not (tmp_path / "out2").exists()


def test_overlays_by_name_and_by_file(tmp_path):
    by_name = run("assign", LITONG, "--overlay", "bungalows_off_the_pipe", "-o", tmp_path / "a")
    assert by_name.exit_code == 0, by_name.output
    file = LITONG.parent / "scenarios" / "bungalows_off_the_pipe.toml"
    by_file = run("assign", LITONG, "--overlay", file, "-o", tmp_path / "b")
    assert by_file.exit_code == 0
    found = [json.loads((tmp_path / f / "manifest.json").read_text("utf-8"))["summary"] for f in "ab"]
    assert found[0] == found[1]
    assert found[0]["households_by_route"]["district_heating"] == 7_500
    assert run("assign", LITONG, "--overlay", "nowhere", "-o", tmp_path / "c").exit_code == 1


def test_english(tmp_path):
    done = run("assign", LITONG, "--lang", "en", "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "coverage.html").read_text("utf-8")
    assert "District heating (First choice)" in page
    assert "Legend" in page


def test_check_lists_every_problem_and_changes_nothing(table):
    table.write_text(VILLAGES.replace("300", "-3").replace("乙村", ""), "utf-8")
    (table.parent / "heat_sources.csv").write_text("热源编号,经度,纬度\nH1,106.2,37.95\n", "utf-8")
    (table.parent / "policy.toml").write_text("yaer = 2023", "utf-8")
    before = sorted(p.name for p in table.parent.iterdir())
    done = run("check", table, "--datum", "wgs84")
    assert done.exit_code == 1
    for said in (
        "villages.csv",
        "households",
        "name",
        "heat_sources.csv",
        "capacity_mw",
        "policy.toml",
        "'year'",
    ):
        assert said in done.stdout
    assert sorted(p.name for p in table.parent.iterdir()) == before


def test_check_of_the_example_county_is_clean():
    done = run("check", LITONG)
    assert done.exit_code == 0, done.output


def test_describe_prints_every_number_with_its_origin():
    done = run("describe", "policy", "-p", LITONG.parent / "policy.toml")
    assert done.exit_code == 0
    lines = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    assert "policy.toml" in lines["subsidies.central.cny_per_household"]
    assert "default.toml" in lines["carriers.gas.co2_kg"]
    assert "households" in run("describe", "villages").stdout


def test_every_command_is_in_the_readme():
    readme = (ROOT / "README.md").read_text("utf-8")
    for name in cli.commands:
        assert f"geoplan {name}" in readme, name


@pytest.mark.parametrize("encoding", ["gbk", "ascii"])
def test_a_console_of_another_encoding_does_not_stop_the_run(tmp_path, encoding):
    done = subprocess.run(
        [sys.executable, "-m", "geoplan", "assign", str(LITONG), "-o", str(tmp_path / "out")],
        capture_output=True,
        env={"PYTHONIOENCODING": encoding, "PATH": ""},
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(encoding, "replace")
    assert (tmp_path / "out" / "coverage.html").is_file()
