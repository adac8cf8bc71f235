"""What Windows does otherwise, simulated: its console, its locks on open files, its file names.

Not simulated: drive letters and shares as such (their addresses are tested as text), the limit of
260 characters, and the console's own window, which takes any character.
"""

from __future__ import annotations

import ast
import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from geoplan import files
from geoplan.cli import cli
from geoplan.errors import InputError
from geoplan.folder import FILES, _digests, as_written, read_plan, write_plan, write_tables
from geoplan.io.start import new_county
from geoplan.planner import assign
from tests.worlds import corridor

#: Open files are counted in /proc; on Windows itself the other tests of folders say the same.
fcntl = pytest.importorskip("fcntl")
PACKAGE = Path(__file__).parents[1] / "geoplan"
#: A character beyond the 65,536 that old programs know, one that GBK lacks, a picture, and a square.
VILLAGES = """村代码,村名,乡镇,改造户数,经度,纬度
V1,𠮷家村,子镇 一,300,106.20,37.95
V2,é㎡村m²,子镇 一,200,106.25,37.96
V3,😀村,丑镇,10,106.22,37.93
"""
#: Runs a command as the console script does; text opened in the locale's encoding is an error.
RUN = """
import sys, warnings
warnings.simplefilter("ignore", EncodingWarning)
warnings.filterwarnings("error", category=EncodingWarning, module="geoplan")
from geoplan.cli import main
main(sys.argv[1:])
"""
RESERVED = {"con", "prn", "aux", "nul", *(f"{n}{i}" for n in ("com", "lpt") for i in range(10))}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A county in a path with spaces and Chinese characters, and its plan."""
    home = tmp_path_factory.mktemp("规划 二〇二五") / "我的 县（示例）"
    home.mkdir()
    (home / "villages.csv").write_text(VILLAGES, "utf-8")
    done = console("assign", home / "villages.csv", "--datum", "wgs84", "-o", home.parent / "方案 一")
    assert done.returncode == 0, done.stderr
    return home


def console(*arguments, encoding="gbk"):
    return subprocess.run(
        [sys.executable, "-X", "utf8=0", "-X", "warn_default_encoding", "-c", RUN, *map(str, arguments)],
        check=False,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
        encoding=encoding,
        timeout=300,
    )


# --- the console --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("输出 一")


@pytest.fixture(scope="module")
def ran(home, out):
    """Every command once, and what it said."""
    return {name: console(*arguments(name, home, out)) for name in cli.commands}


def arguments(name, home, out):
    county, plan = (home / "villages.csv", "--datum", "wgs84"), home.parent / "方案 一"
    return {
        "assign": [name, *county, "-o", out / "方案 二"],
        "check": [name, *county],
        "describe": [name, "villages"],
        "hydraulics": [name, plan],
        "map": [name, plan, "-o", out / "图 一.html"],
        "new": [name, out / "新 县"],
        "phase": [name, plan, "--target", "2025=300"],
        "report": [name, plan, "-o", out / "报告 一.docx"],
        "tables": [name, plan, "-o", out / "附表 一.xlsx"],
    }[name]


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_runs_at_a_gbk_console(name, ran):
    done = ran[name]
    assert "Traceback" not in done.stderr
    assert "UnicodeEncodeError" not in done.stderr
    missing = name == "hydraulics" and "pandapipes" in done.stderr
    assert done.returncode == 0 or missing, done.stderr


def test_what_gbk_does_not_have_is_printed_in_other_characters(home):
    done = console("check", home.parent / "𠮷 m³" / "villages.csv")
    assert done.returncode == 1
    assert "\\U00020bb7 m3" in done.stdout


def test_the_names_come_through_whole(home):
    plan = read_plan(home.parent / "方案 一")
    assert plan.villages["name"].tolist() == ["𠮷家村", "é㎡村m²", "😀村"]


def test_every_file_has_a_name_that_windows_takes(ran, out):
    written = list(out.rglob("*"))
    assert {path.suffix for path in written} >= {".html", ".gpkg", ".xlsx", ".json", ".csv", ".toml"}
    for path in written:
        assert not re.search(r'[<>:"|?*\\\x00-\x1f]', path.name), path
        assert path.name == path.name.rstrip(". ")
        assert path.stem.casefold() not in RESERVED


# --- open files ---------------------------------------------------------------------------------------


def held_below(path):
    """Whether this process holds a file open at or below a path."""
    for handle in Path("/proc/self/fd").iterdir():
        target = Path(os.path.realpath(handle))
        if target == path.absolute() or path.absolute() in target.parents:
            return True
    return False


def refuse_held(path):
    if held_below(Path(path)):
        raise PermissionError(errno.EACCES, "used by another process", str(path))


def windows_rename(rename):
    def to_a_free_name(source, target, **how):
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "already exists", str(source))
        refuse_held(source)
        rename(source, target, **how)

    return to_a_free_name


def windows_replace(replace):
    def in_place_of(source, target, **how):
        refuse_held(source)
        refuse_held(target)
        if Path(target).is_dir():
            raise PermissionError(errno.EACCES, "is a folder", str(target))
        replace(source, target, **how)

    return in_place_of


def windows_fsync(fsync):
    def sync(handle):
        if fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "cannot sync a file that is only read")
        fsync(handle)

    return sync


@pytest.fixture
def windows(monkeypatch):
    """Renames and syncs as Windows does them."""
    monkeypatch.setattr(os, "rename", windows_rename(os.rename))
    monkeypatch.setattr(os, "replace", windows_replace(os.replace))
    monkeypatch.setattr(os, "fsync", windows_fsync(os.fsync))
    monkeypatch.setattr(files, "WAITS", (0.0, 0.0))


def test_a_plan_is_written_and_replaced(windows, tmp_path):
    folder = write_plan(assign(corridor([300, 900])), tmp_path / "方案 一")
    write_plan(assign(corridor([10])), folder)
    assert len(read_plan(folder).villages) == 1
    write_plan(read_plan(folder), folder)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["方案 一"]


@pytest.mark.parametrize("name", FILES)
def test_a_plan_of_which_a_file_is_open_elsewhere_stays_as_it_was(name, windows, tmp_path):
    folder = write_plan(assign(corridor([300, 900])), tmp_path / "plan")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with (folder / name).open("rb"), pytest.raises(InputError, match="close it in Excel, Word or QGIS"):
        write_plan(assign(corridor([10])), folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plan"]


def test_a_scanner_that_lets_go_after_a_moment_is_waited_for(windows, tmp_path, monkeypatch):
    calls, rename = [], os.rename

    def busy(source, target, **how):
        calls.append(source)
        if len(calls) == 1:
            raise PermissionError(errno.EACCES, "used by another process", str(source))
        rename(source, target, **how)

    monkeypatch.setattr(os, "rename", busy)
    folder = write_plan(assign(corridor([300])), tmp_path / "plan")
    assert len(calls) == 2
    assert len(read_plan(folder).villages) == 1


def test_a_plan_that_cannot_go_back_is_kept_beside(windows, tmp_path, monkeypatch):
    """The new folder does not come in and the old one does not go back: nothing of it is deleted."""
    folder = write_plan(assign(corridor([300])), tmp_path / "plan")
    rename = os.rename

    def only_away(source, target, **how):
        if Path(source).name != "plan" or Path(source).parent != tmp_path:
            raise PermissionError(errno.EACCES, "used by another process", str(source))
        rename(source, target, **how)

    monkeypatch.setattr(os, "rename", only_away)
    with pytest.raises(InputError):
        write_plan(assign(corridor([10])), folder)
    (kept,) = tmp_path.glob(".plan-old-*/plan")
    assert len(read_plan(kept).villages) == 1


def test_a_workbook_is_replaced_and_an_open_one_is_left_alone(windows, tmp_path):
    plan = assign(corridor([300]))
    file = write_tables(plan, tmp_path / "附表 一.xlsx")
    write_tables(plan, file)
    before = file.read_bytes()
    with file.open("rb"), pytest.raises(InputError, match="close it in Excel"):
        write_tables(plan, file)
    assert file.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["附表 一.xlsx"]


def test_a_county_is_started_in_a_new_and_in_an_empty_folder(windows, tmp_path):
    (tmp_path / "空").mkdir()
    for name in ("空", "新 县"):
        assert new_county(tmp_path / name).parent.name == name


# --- line ends, encodings and what Windows does not have -----------------------------------------------


def test_what_a_table_holds_does_not_depend_on_the_line_ends_of_the_system(monkeypatch):
    tables = {"villages": as_written(assign(corridor([300]))).villages}
    found = _digests(tables)
    monkeypatch.setattr(os, "linesep", "\r\n")
    assert _digests(tables) == found


def calls():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                yield f"{path.name}:{node.lineno}", node


def test_text_is_opened_with_its_encoding():
    wrong = []
    for where, call in calls():
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        constants = [a.value for a in call.args if isinstance(a, ast.Constant)]
        given = any(k.arg == "encoding" for k in call.keywords) or "utf-8" in constants
        binary = any("b" in c for c in constants if isinstance(c, str) and re.fullmatch("[rwab+]{1,3}", c))
        if name in ("read_text", "write_text") and not given:
            wrong.append(where)
        if name == "open" and not (given or binary or "Image" in ast.unparse(call.func)):
            wrong.append(where)
    assert wrong == []


def test_nothing_is_called_that_windows_does_not_have():
    posix = {"fork", "getuid", "geteuid", "mkfifo", "chown", "link", "symlink", "symlink_to", "hardlink_to",
             "setsid", "killpg", "nice", "getpgid", "uname", "alarm", "setitimer", "strftime"}  # fmt: skip
    found = [
        where for where, call in calls() if isinstance(call.func, ast.Attribute) and call.func.attr in posix
    ]
    assert found == []
    modules = re.compile(r"^\s*(?:import|from) (fcntl|resource|pwd|grp|termios|readline)\b", re.MULTILINE)
    assert [p.name for p in PACKAGE.rglob("*.py") if modules.search(p.read_text("utf-8"))] == []
