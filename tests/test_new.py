"""``geoplan new``: a folder that works as it is, from the repository and from an installed wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner

from geoplan.cli import cli
from geoplan.columns import table
from geoplan.io import check_county, read_county
from geoplan.io.start import new_county, shipped_counties, shipped_files
from geoplan.planner import assign
from geoplan.policy import load_policy

ROOT = Path(__file__).parents[1]
LAYERS = ROOT / "layers"
COUNTIES = sorted(p.parent.name for p in LAYERS.glob("*/policy.toml"))
SKELETON = ["README.md", "policy.toml", "published.toml", "villages.csv"]
START = Path(str(resources.files("geoplan").joinpath("data/start")))


def run(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="geoplan")


def names(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_the_skeleton_passes_check_and_assign_with_the_commands_it_prints(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("new", "新县")
    assert done.exit_code == 0, done.output
    assert names(tmp_path / "新县") == SKELETON
    commands = [line.split()[1:] for line in done.stdout.splitlines()]
    assert [command[0] for command in commands] == ["check", "assign"]
    for command in commands:
        followed = run(*command)
        assert followed.exit_code == 0, followed.output
    assert "600" in followed.stdout
    assert (tmp_path / "maps" / "新县" / "coverage.html").is_file()


def test_the_headings_of_the_skeleton_are_the_chinese_ones_of_the_column_tables():
    headings = (START / "villages.csv").read_text("utf-8-sig").splitlines()[0].split(",")
    known = {c.zh: c for c in table("villages").values()}
    assert set(headings) - set(known) == {"经度", "纬度"}
    required = {zh for zh, column in known.items() if column.required}
    assert required <= set(headings)


def test_the_rows_of_the_skeleton_are_marked_as_made(tmp_path):
    county = read_county(new_county(tmp_path / "a"), datum="wgs84")
    assert county.villages["provenance"].str.startswith("illustrative").all()
    assert county.villages["name"].str.contains("请替换").all()


def test_every_example_in_the_skeleton_is_valid_when_its_mark_is_taken_away(tmp_path):
    text = (START / "policy.toml").read_text("utf-8")
    assert load_policy([("policy.toml", text)]).county == "（请填写）县（区）"
    active = re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE)
    policy = load_policy([("policy.toml", active)])
    assert policy.subsidies["power"].cap_units == 5_000
    assert policy.tariffs["peak_valley"].price("heat_pump") == pytest.approx(0.46)
    assert policy.milestones["acceptance"].end.isoformat() == "2025-10-15"
    villages = new_county(tmp_path / "a")
    (tmp_path / "a" / "policy.toml").write_text(active, "utf-8")
    printed = (START / "published.toml").read_text("utf-8")
    printed = re.sub(r"^#(?=\S|    \[)", "", printed, flags=re.MULTILINE)
    (tmp_path / "a" / "published.toml").write_text(printed, "utf-8")
    plan = assign(read_county(villages, datum="wgs84"))
    assert plan.summary["households"] == 600
    compared = {row["what"]: row["status"] for row in plan.summary["reconciliation"]}
    assert {compared[what] for what in ("改造户数", "2024年改造户数", "2024年占比")} == {"equal"}
    # 600 households at 3,500 CNY: every village is electric or on gas.
    assert plan.summary["money_cny"]["subsidy_central_cny"] == pytest.approx(600 * 3_500)


def test_every_county_of_the_repository_ships():
    assert list(shipped_counties()) == COUNTIES
    assert "litong" in COUNTIES


@pytest.mark.parametrize("county", COUNTIES)
def test_a_copy_is_the_county_without_what_it_was_made_from(tmp_path, county):
    villages = new_county(tmp_path / "a", like=county)
    assert villages == tmp_path / "a" / "villages.geojson"
    copied = names(tmp_path / "a")
    assert copied == sorted(map(str, shipped_files(LAYERS / county)))
    assert {"villages.geojson", "policy.toml", "README.md"} <= set(copied)
    assert not any(name.startswith("raw") or name.endswith(".py") for name in copied)
    for name in copied:
        assert (tmp_path / "a" / name).read_bytes() == (LAYERS / county / name).read_bytes()
    assert [p for p in check_county(villages) if p.severity == "error"] == []


def test_a_copy_gives_the_plan_of_the_original(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("new", "甲区", "--from", "jining")
    assert done.stdout.splitlines() == [
        f"geoplan check {Path('甲区/villages.geojson')}",
        f"geoplan assign {Path('甲区/villages.geojson')}",
    ]
    plan = assign(read_county("甲区"))
    assert plan.name == "甲区"
    assert plan.summary["households"] == 4_708
    changed = Path("甲区/villages.geojson").read_text("utf-8").replace('"households":648', '"households":600')
    Path("甲区/villages.geojson").write_text(changed, "utf-8")
    assert assign(read_county("甲区")).summary["households"] == 4_660


def test_an_empty_folder_is_taken_and_keeps_its_place(tmp_path, monkeypatch):
    folder = tmp_path / "a"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert run("new", ".").exit_code == 0
    assert names(Path.cwd()) == SKELETON


@pytest.mark.parametrize("like", [None, "litong"])
def test_a_folder_that_holds_anything_is_left_alone(tmp_path, like):
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "账.txt").write_text("x", "utf-8")
    done = run("new", folder, *(["--from", like] if like else []))
    assert done.exit_code == 1
    assert "is not empty: holds 账.txt" in done.stderr
    assert "choose a new or an empty folder" in done.stderr
    assert names(tmp_path) == [str(Path("a", "账.txt"))]


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "a").write_text("x", "utf-8")
    done = run("new", tmp_path / "a")
    assert done.exit_code == 1
    assert "is not a folder" in done.stderr


def test_an_unknown_county_is_told_what_ships(tmp_path):
    near = run("new", tmp_path / "a", "--from", "litogn")
    assert near.exit_code == 1
    assert "did you mean 'litong'?" in near.stderr
    far = run("new", tmp_path / "a", "--from", "xyz")
    assert ", ".join(COUNTIES) in far.stderr
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("there", [False, True], ids=["new folder", "empty folder"])
def test_a_disk_that_fails_half_way_leaves_nothing(tmp_path, monkeypatch, there):
    folder = tmp_path / "a"
    if there:
        folder.mkdir()
    copyfile, copied = shutil.copyfile, []

    def failing(source, target):
        copied.append(target)
        if len(copied) == 4:
            raise OSError(28, "No space left on device")
        return copyfile(source, target)

    monkeypatch.setattr("geoplan.io.start.shutil.copyfile", failing)
    done = run("new", folder, "--from", "litong")
    assert done.exit_code == 1
    assert "cannot be written: No space left on device" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == (["a"] if there else [])
    assert names(tmp_path) == []


def test_a_move_that_fails_half_way_leaves_nothing(tmp_path, monkeypatch):
    folder = tmp_path / "a"
    folder.mkdir()
    rename = Path.rename

    def failing(self, target):
        if self.name == "policy.toml" and Path(target).parent == folder:
            raise OSError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    done = run("new", folder)
    assert done.exit_code == 1
    assert "Permission denied" in done.stderr
    assert names(tmp_path) == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy so that no build folder stays in the repository."""
    pytest.importorskip("setuptools", minversion="77")
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE"):
        shutil.copyfile(ROOT / name, source / name)
    for name in ("geoplan", "layers"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(target)], cwd=source, check=True, capture_output=True)
    return next(target.glob("*.whl"))


def test_the_wheel_carries_the_counties_and_is_small(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = [name for name in archive.namelist() if name.startswith("geoplan/data/counties/")]
        listed = archive.read(next(n for n in archive.namelist() if n.endswith("RECORD"))).decode("utf-8")
    wanted = {
        f"geoplan/data/counties/{county}/{path.as_posix()}"
        for county in COUNTIES
        for path in shipped_files(LAYERS / county)
    }
    assert set(held) == wanted
    assert all(f"{name}," in listed for name in wanted)
    assert wheel.stat().st_size < 2_000_000


def test_an_installed_wheel_starts_checks_and_plans_a_county(wheel, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    environment = os.environ | {"PYTHONPATH": str(site), "PYTHONIOENCODING": "utf-8"}

    def installed(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    assert Path(installed("-c", "import geoplan; print(geoplan.__file__)").stdout).is_relative_to(site)
    for options in (("--from", "jining"), ()):
        shutil.rmtree(tmp_path / "区", ignore_errors=True)
        done = installed("-m", "geoplan", "new", "区", *options)
        assert done.returncode == 0, done.stderr
        for line in done.stdout.splitlines():
            followed = installed("-m", *line.split())
            assert followed.returncode == 0, followed.stderr
        shutil.rmtree(tmp_path / "maps")
