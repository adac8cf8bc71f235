"""``geoplan map``: what it writes, where, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import geoplan
from geoplan.cli import cli
from geoplan.folder import FILES, read_plan
from geoplan.webmap import coverage_html

ROOT = Path(__file__).parents[1]
PLAN = ROOT / "maps" / "jining"


def run(*arguments):
    return CliRunner().invoke(cli, ["map", *(str(a) for a in arguments)], prog_name="geoplan")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_one_page_beside_where_one_stands(tmp_path):
    done = run(PLAN)
    assert done.exit_code == 0, done.output
    assert done.stdout == "jining-map.html\n"
    assert [p.name for p in tmp_path.iterdir()] == ["jining-map.html"]
    page = Path("jining-map.html").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert read_plan(PLAN).policy.title in page


def test_the_same_bytes_again_and_whole_in_the_place_of_the_old(tmp_path):
    file = tmp_path / "中文 夹" / "地图.html"
    file.parent.mkdir()
    assert run(PLAN, "-o", file).exit_code == 0
    before = file.read_bytes()
    file.write_text("old")
    assert run(PLAN, "-o", file).exit_code == 0
    assert file.read_bytes() == before
    assert [p.name for p in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("option", "sign"),
    [
        ("--embed", '<div class="geoplan-map"'),
        ("--strict-csp", "script-src 'sha256-"),
        ("--public", '"public":true'),
        ("--maker=某县热力中心", '"maker":"某县热力中心"'),
        ("--date=2024-05-01", '"date":"2024-05-01"'),
        ("--lang=en", '<html lang="en">'),
    ],
)
def test_options_reach_the_page(option, sign):
    assert run(PLAN, option, "-o", "with.html").exit_code == 0
    assert run(PLAN, "-o", "without.html").exit_code == 0
    assert sign in Path("with.html").read_text("utf-8")
    assert sign not in Path("without.html").read_text("utf-8")


def test_the_public_version_does_not_take_the_place_of_the_other():
    assert run(PLAN, "--public").stdout == "jining-public-map.html\n"


def test_a_key_is_written_into_the_page_and_one_is_told_so():
    done = run(PLAN, "--tiles", "tianditu", "--token", "0123abcd")
    assert done.exit_code == 0
    assert "can be read by everybody" in done.stderr
    assert "0123abcd" not in done.stderr
    assert "tk=0123abcd" in Path("jining-map.html").read_text("utf-8")


@pytest.mark.parametrize("alone", [["--tiles", "tianditu"], ["--token", "x"]])
def test_tiles_need_a_key_and_a_key_tiles(alone, tmp_path):
    done = run(PLAN, *alone)
    assert done.exit_code == 2
    assert "--tiles and --token go together" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "name"),
    [("map", "a.html"), ("tables", "a.xlsx"), ("map --static --theme gas --dpi 50", "maps"), ("phase", "p")],
)
def test_a_folder_that_is_not_there_is_made(command, name, tmp_path):
    name_, *more = command.split()
    place = tmp_path / "new" / "one" / name
    done = CliRunner().invoke(cli, [name_, str(PLAN), *more, "-o", str(place)])
    assert done.exit_code == 0, done.output
    assert place.exists()


def test_still_maps_go_neither_into_a_file_nor_into_a_plan(tmp_path):
    (tmp_path / "b.html").write_text("keep")
    done = run(PLAN, "--static", "-o", "b.html")
    assert done.exit_code == 1
    assert "is a file; still maps are several files: name a folder with -o" in done.stderr
    for inside, said in (
        (PLAN, "is the folder of a plan"),
        (PLAN / "stills", "lies in the folder of a plan"),
    ):
        done = run(PLAN, "--static", "-o", inside)
        assert done.exit_code == 1
        assert said in done.stderr
    assert sorted(p.name for p in PLAN.iterdir()) == sorted(FILES)


def test_reasons_in_another_language_are_noted():
    done = run(PLAN, "--lang", "en", "-o", "en.html")
    assert done.exit_code == 0
    assert "reasons of this plan are Chinese and stay so; `geoplan assign --lang en`" in done.stderr
    assert run(PLAN, "-o", "zh.html").stderr == ""
    assert "reasons keep the language of the plan" in " ".join(run("--help").stdout.split())


@pytest.mark.parametrize("date", ["gestern", "2024-13", "2024-02-30", "2024/05", "2024年0月", "0000"])
def test_a_date_that_is_none_is_refused(date, tmp_path):
    done = run(PLAN, "--date", date)
    assert done.exit_code == 2
    assert f"'{date}' is no date of the calendar; write 2024, 2024-05," in done.stderr
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(geoplan.PolicyError, match="map_date: no date of the calendar; write 2024"):
        geoplan.load_policy([("p.toml", f'map_date = "{date}"')])


@pytest.mark.parametrize("date", ["2024", "2024-05", "2024-05-31", "2024年", "2024年5月", "2024年5月31日"])
def test_a_date_is_printed_as_it_is_given(date):
    assert geoplan.load_policy([("p.toml", f'map_date = "{date}"')]).map_date == date
    assert run(PLAN, "--date", date).exit_code == 0
    assert f'"date":"{date}"' in Path("jining-map.html").read_text("utf-8")


def test_a_file_is_no_plan():
    done = run(ROOT / "layers" / "zichuan" / "villages.geojson")
    assert done.exit_code == 1
    assert "is a file, not the folder of a plan; name the folder that `geoplan assign` wrote" in done.stderr


def test_the_map_names_its_own_options_and_wants_a_plan():
    plan = read_plan(PLAN)
    with pytest.raises(TypeError, match=r"coverage_map\(\) has no option 'foo'; it knows lang, public"):
        geoplan.coverage_map(plan, foo=1)
    with pytest.raises(TypeError, match=r"coverage_html\(\) has no option 'foo'; it knows embed, lang"):
        coverage_html(plan, foo=1)
    for draw in (geoplan.coverage_map, coverage_html):
        with pytest.raises(
            TypeError, match=r"draws a Plan, got str 'base'; read one with geoplan\.read_plan"
        ):
            draw("base")


def test_the_folder_of_a_plan_is_not_written_into(tmp_path):
    done = run(PLAN, "-o", PLAN / "coverage.html")
    assert done.exit_code == 1
    assert "lies in the folder of a plan; choose a place outside" in done.stderr
    assert sorted(p.name for p in PLAN.iterdir()) == sorted(FILES)


@pytest.mark.parametrize(("output", "said"), [(".", "is a folder"), ("map.htm", "is not the name of a page")])
def test_a_wrong_name_is_refused(output, said):
    done = run(PLAN, "-o", output)
    assert done.exit_code == 1
    assert f"{said}; name a file that ends in .html with -o" in done.stderr


def test_a_folder_that_is_no_plan(tmp_path):
    done = run(tmp_path)
    assert done.exit_code == 1
    assert "is not a plan" in done.stderr


@pytest.mark.parametrize(
    "options", [["--format", "svg"], ["--dpi", "100"], ["--theme", "routes"], ["--static", "--embed"]]
)
def test_an_option_without_effect_is_refused(options, tmp_path):
    done = run(PLAN, *options)
    assert done.exit_code == 2
    assert re.search(r"--(format|dpi|theme|embed) has no effect with(out)? --static", done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_still_maps_of_one_theme(tmp_path):
    done = run(PLAN, "--static", "--theme", "routes", "--format", "png", "--dpi", "60", "-o", "stills")
    assert done.exit_code == 0, done.output
    written = [p for p in Path("stills").iterdir() if p.suffix == ".png"]
    assert len(written) == 1
    assert written[0].read_bytes().startswith(b"\x89PNG")
    assert str(written[0]) in done.stdout


def test_an_unknown_theme_is_named_with_those_there_are():
    done = run(PLAN, "--static", "--theme", "weather")
    assert done.exit_code == 2
    assert "'weather' is none of present, heat," in done.stderr
