"""The plan's folder: what is written, that it is whole, and what is never overwritten."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest

from geoplan.errors import InputError
from geoplan.folder import FILES, as_written, read_plan, write_map, write_plan, write_tables
from geoplan.model import County
from geoplan.planner import assign
from geoplan.policy import load_policy
from geoplan.report.save import write_report
from geoplan.tables import sheets
from tests.worlds import at, corridor, layer, line
from tests.worlds_annex import TWO_LEVELS, VILLAGES


@pytest.fixture(scope="module")
def plan():
    return assign(corridor([300, 900, 0], capacity_mw=11.0))


def read(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


def test_the_same_plan_gives_the_same_bytes(plan, tmp_path):
    first = read(write_plan(plan, tmp_path / "a"))
    time.sleep(1.1)
    assert read(plan.write(tmp_path / "b")) == first


def test_the_geopackage_holds_the_tables_and_the_layers(plan, tmp_path):
    write_plan(plan, tmp_path / "a")
    file = tmp_path / "a" / "plan.gpkg"
    layers = {str(name) for name in pyogrio.list_layers(file)[:, 0]}
    assert {"villages", "options", "links", "sources", "heat_mains", "gas_mains"} <= layers
    villages = gpd.read_file(file, layer="villages")
    assert villages["village_id"].tolist() == plan.villages["village_id"].tolist()
    assert villages["reason"].tolist() == plan.villages["reason"].tolist()
    assert villages.crs == plan.villages.crs
    assert len(pyogrio.read_dataframe(file, layer="options")) == len(plan.options)


def test_the_manifest_says_what_the_plan_says(plan, tmp_path):
    found = json.loads((write_plan(plan, tmp_path / "a") / "manifest.json").read_text("utf-8"))
    assert found["summary"]["households"] == 1200
    assert found["summary"]["households_by_town_and_route"] == plan.summary["households_by_town_and_route"]
    assert found["comparison_basis"] == "equal_service"
    assert found["policy"]["climate.season_days"]["source"].startswith("GB 50736")
    assert found["warnings"]


def test_names_are_text_in_the_workbook_never_a_formula(tmp_path):
    world = corridor([300])
    rows = world.villages.assign(name='=HYPERLINK("x")', town="@SUM(1)")
    hostile = assign(type(world)("w", rows, world.policy, world.layers))
    with zipfile.ZipFile(write_plan(hostile, tmp_path / "a") / "tables.xlsx") as book:
        parts = {name: book.read(name).decode() for name in book.namelist() if name.endswith(".xml")}
    assert not any("<f>" in text or "<hyperlink" in text for text in parts.values())
    assert any("=HYPERLINK" in text for text in parts.values())


def test_an_earlier_plan_is_replaced_as_a_whole(plan, tmp_path):
    folder = write_plan(plan, tmp_path / "a")
    other = assign(corridor([10]))
    write_plan(other, folder)
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["summary"]["households"] == 10
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a"]


def test_a_folder_with_anything_else_is_refused_and_left_alone(plan, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match=r"mine\.txt"):
        write_plan(plan, tmp_path)
    folder = write_plan(plan, tmp_path / "a")
    (folder / "notes.docx").write_text("keep")
    before = sorted(p.name for p in folder.iterdir())
    with pytest.raises(InputError, match=r"notes\.docx"):
        write_plan(plan, folder)
    assert sorted(p.name for p in folder.iterdir()) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "mine.txt"]


def test_nothing_is_put_into_the_folder_of_a_plan(plan, tmp_path):
    folder = write_plan(plan, tmp_path / "a")
    for write, name in ((write_tables, "t.xlsx"), (write_map, "m.html"), (write_report, "r.docx")):
        for place in (folder / name, folder / "more" / name):
            with pytest.raises(InputError, match="lies in the folder of a plan; choose a place outside"):
                write(plan, place)
    assert sorted(p.name for p in folder.iterdir()) == sorted(FILES)
    write_plan(plan, folder)


@pytest.mark.parametrize("where", [".", "../here", ".."])
def test_the_folder_one_is_in_is_not_replaced(plan, tmp_path, monkeypatch, where):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(InputError, match=r"is the folder you are in.*name another folder with -o"):
        write_plan(plan, Path(where))
    assert [p.name for p in tmp_path.rglob("*")] == ["here"]
    assert write_plan(plan, Path("./plan")) == Path("plan")


def test_a_county_without_households_is_written(tmp_path):
    idle = assign(corridor([0, 0]))
    assert "备选方案" not in [sheet.name for sheet in sheets(idle)]
    assert len(read_plan(write_plan(idle, tmp_path / "a")).villages) == len(idle.villages)


def test_a_failure_leaves_nothing_behind(plan, tmp_path, monkeypatch):
    monkeypatch.setattr("geoplan.folder._read_back", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(InputError, match="disk full"):
        write_plan(plan, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are of POSIX")
def test_a_full_disk_is_noticed(tmp_path):
    """A limit on the file size stands in for a full disk; GDAL does not always raise."""
    code = textwrap.dedent(
        """
        import resource, signal, sys
        from pathlib import Path
        from geoplan.errors import InputError
        from geoplan.folder import write_plan
        from geoplan.planner import assign
        from tests.worlds import corridor
        plan = assign(corridor([300, 900]))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        target = Path(sys.argv[1])
        whole = write_plan(plan, target / "whole") / "plan.gpkg"
        for share in (0.3, 0.7, 0.95, 0.999):
            size = int(whole.stat().st_size * share)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            try:
                write_plan(plan, target / "cut")
            except InputError:
                continue
            except Exception as error:
                sys.exit(f"{share}: {type(error).__name__} {error}")
            sys.exit(f"{share}: written, though the disk was full")
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["whole"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX")
def test_a_killed_run_leaves_the_old_plan(plan, tmp_path):
    folder = write_plan(plan, tmp_path / "a")
    before = read(folder)
    code = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        import geoplan.folder as folder
        from geoplan.planner import assign
        from tests.worlds import corridor
        plan = assign(corridor([5]))
        folder._read_back = lambda *_: (print("ready", flush=True), time.sleep(60))
        folder.write_plan(plan, Path(sys.argv[1]))
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
    )
    assert process.stdout.readline().strip() == b"ready"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert read(folder) == before


def test_village_names_of_every_kind_survive(tmp_path):
    world = corridor([300, 200])
    names = ["<script>alert(1)</script>", "{{ 7*7 }}`${1}'\"\\"]
    rows = world.villages.assign(name=names)
    plan = assign(type(world)("w", rows, world.policy, world.layers))
    folder = write_plan(plan, tmp_path / "a")
    assert gpd.read_file(folder / "plan.gpkg", layer="villages")["name"].tolist() == names


# --- reading a plan again ---------------------------------------------------------------------------

POLICY = (
    "issued = 2022-03-31"
    + VILLAGES
    + TWO_LEVELS
    + """
[milestones.install]
stage = "安装"
start = 2022-05-01
end = 2022-09-30
[subsidies.gas_b]
source = "第三条"
confidence = "S-H"
level = "central"
routes = ["gas"]
cny_per_household = { value = 3500.123456789123, range = [3000, 4000] }
[subsidies.gas_a]
level = "city"
routes = ["gas"]
cny_per_household = "unstated"
[rules.far]
routes = ["district_heating"]
column = "town"
in = ["甲镇"]
"""
)


def lived_in():
    """A county with everything a folder must keep: dates, lists, empty cells, a village without a place."""
    world = corridor([300, 900, 0, 40], capacity_mw=11.0)
    rows = world.villages.copy()
    rows.loc[1, ["report_row", "user_kind"]] = ["交警队", "institution"]
    rows.loc[2, "urban_fringe"] = True
    rows.loc[3, "unlocated"] = True
    rows.loc[3, "report_order"] = 7
    rows.loc[[3], "geometry"] = None
    shapes = [at(1 / 3, 0).buffer(500), at(0, 9000).buffer(900).union(at(5000, 9000).buffer(9))]
    zones = layer({"kind": "no_coal", "geometry": shape} for shape in shapes)
    rivers = layer([{"geometry": line((0, 100), (9000, 100.00049))}])
    policy = load_policy([("policy.toml", POLICY)])
    return assign(County("县", rows, policy, {"zones": zones, "rivers": rivers, **world.layers}))


def test_a_plan_read_again_is_the_plan_that_was_written(tmp_path):
    plan = lived_in()
    folder = write_plan(plan, tmp_path / "a")
    found, written = read_plan(folder), as_written(plan)
    for name in ("villages", "options", "links", "sources"):
        pd.testing.assert_frame_equal(
            pd.DataFrame(getattr(found, name)), pd.DataFrame(getattr(written, name))
        )
        assert getattr(getattr(found, name), "crs", None) == getattr(getattr(plan, name), "crs", None)
    assert list(found.layers) == sorted(plan.layers)
    for stem, frame in written.layers.items():
        pd.testing.assert_frame_equal(pd.DataFrame(found.layers[stem]), pd.DataFrame(frame))
    assert (found.name, found.summary, found.provenance) == (plan.name, written.summary, plan.provenance)
    assert found.policy == plan.policy
    assert found.policy.origins == plan.policy.origins
    assert list(found.policy.subsidies) == ["gas_b", "gas_a"]
    assert list(found.policy.annexes) == list(plan.policy.annexes)
    assert read(write_plan(found, tmp_path / "b")) == read(folder)


def test_what_is_no_plan_is_said_so(plan, tmp_path):
    with pytest.raises(InputError, match=r"is not a plan.*name the folder that `geoplan assign` wrote"):
        read_plan(tmp_path / "nothing")
    (tmp_path / "villages.geojson").write_text("{}")
    with pytest.raises(InputError, match=r"is a file, not the folder of a plan; name the folder"):
        read_plan(tmp_path / "villages.geojson")
    (tmp_path / "manifest.json").write_text('{"kind": "a website"}')
    with pytest.raises(InputError, match="is not a plan"):
        read_plan(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99, "versions": {"geoplan": "9.1"}}, r"by a newer geoplan, 9\.1; install that one"),
        ({"format": 1}, r"by an older geoplan.*run `geoplan assign` again"),
        ({"policy": {}}, "is damaged: the policy in manifest.json: title: Field required"),
        ({"content": {"villages": ""}}, "is damaged: KeyError"),
    ],
)
def test_a_manifest_of_another_kind(plan, tmp_path, change, message):
    folder = write_plan(plan, tmp_path / "a")
    file = folder / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | change), "utf-8")
    with pytest.raises(InputError, match=message):
        read_plan(folder)


def test_a_file_cut_short_or_of_another_kind_is_damage(plan, tmp_path):
    folder = write_plan(plan, tmp_path / "a")
    whole = (folder / "plan.gpkg").read_bytes()
    vrt = b'<OGRVRTDataSource><OGRVRTLayer name="villages"/></OGRVRTDataSource>'
    for damaged in (whole[: len(whole) // 2], vrt, b""):
        (folder / "plan.gpkg").write_bytes(damaged)
        with pytest.raises(InputError, match=r"is damaged.*run `geoplan assign` again"):
            read_plan(folder)
    (folder / "plan.gpkg").unlink()
    with pytest.raises(InputError, match="is damaged: FileNotFoundError"):
        read_plan(folder)
    (folder / "manifest.json").write_bytes(b'{"kind": "geopl')
    with pytest.raises(InputError, match="is damaged: manifest"):
        read_plan(folder)


def test_a_table_changed_by_hand_is_refused_but_a_file_only_touched_is_read(plan, tmp_path):
    folder = write_plan(plan, tmp_path / "a")
    with sqlite3.connect(folder / "plan.gpkg") as base:
        base.execute("CREATE TABLE opened_by_a_viewer (x)")
    assert read_plan(folder).villages["route"].tolist() == plan.villages["route"].tolist()
    with sqlite3.connect(folder / "plan.gpkg") as base:
        base.execute("UPDATE options SET capex_cny = capex_cny + 1")
    with pytest.raises(InputError, match=r"options changed after the plan was written; change the county's"):
        read_plan(folder)
