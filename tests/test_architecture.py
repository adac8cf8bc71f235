"""The house: imports point down only; the core opens no file and prints nothing."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "geoplan"

#: From the bottom up; a module may import only what stands on a lower floor, or its own package.
FLOORS = (
    {"errors", "units"},
    {"netdesign"},
    {"columns", "crs", "schema", "certificate"},
    {"provisions"},
    {"refusals"},
    {"policy"},
    {"published"},
    {"timeline", "misnamed", "glossary"},
    {"model"},
    {"demand", "finance", "affordability", "household", "emissions", "network", "schedule"},
    {"checks", "season"},
    {"budgets"},
    {"growth"},
    {"supplies", "attribution"},
    {"options"},
    {"ledger"},
    {"verdict"},
    {"cascade", "corridor", "rows"},
    {"layer"},
    {"programme"},
    {"choice", "separation", "guide", "worth"},
    {"scaling"},
    {"search"},
    {"optimum"},
    {"comparison"},
    {"funding"},
    {"cashflow", "investment"},
    {"explain"},
    {"annex", "made"},
    {"audit"},
    {"reconcile"},
    {"binding"},
    {"phasing"},
    {"pipework"},
    {"planner"},
    {"public", "files"},
    {"hydraulics", "io", "tables", "paper", "mapdata"},
    {"excel", "manifest", "webmap", "qgis", "staticmap"},
    {"folder", "report"},
    {"cli"},
    {"__init__", "__main__"},
)
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}
CORE = {name for name, level in FLOOR.items() if level <= FLOOR["planner"]}

#: The one call that points up: the plan is the public handle of its own writer.
EXCEPTIONS = {("model", "folder")}

OPENERS = {"open", "print", "input", "exec", "eval", "read_text", "write_text", "read_bytes", "write_bytes"}
OPENERS |= {"read_file", "to_file", "read_csv", "to_csv", "read_parquet", "read_excel", "unlink", "mkdir"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def unit(path: Path) -> str:
    """The module or package of the house that a file is part of."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "geoplan":
            parts = node.module.split(".")
            names |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {a.name.split(".")[1] for a in node.names if a.name.startswith("geoplan.")}
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    here = unit(path)
    for name in imported(path):
        if name == here or (here, name) in EXCEPTIONS or here in {"__init__", "__main__"}:
            continue
        assert FLOOR[name] < FLOOR[here], f"{here} imports {name}, which does not stand below it"


def test_every_module_has_a_floor():
    assert {unit(p) for p in modules()} == set(FLOOR)


@pytest.mark.parametrize("path", [p for p in modules() if unit(p) in CORE], ids=lambda p: p.name)
def test_the_core_opens_no_file_and_prints_nothing(path):
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        packaged = isinstance(node.func, ast.Attribute) and "resources.files" in ast.unparse(node.func)
        assert name not in OPENERS or packaged, f"{path.name}:{node.lineno} calls {name}"


def test_no_county_is_named_in_the_code():
    names = re.compile(r"litong|zichuan|jining|shuocheng|wutai|利通|淄川|济宁|朔城|五台", re.IGNORECASE)
    found = [p.name for p in modules() if names.search(p.read_text("utf-8"))]
    assert not found


def test_no_file_is_longer_than_a_sitting():
    assert {p.name: n for p in modules() if (n := len(p.read_text("utf-8").splitlines())) > 520} == {}


def test_importing_the_package_does_no_work():
    code = (
        "import sys, geoplan; heavy = {'folium', 'geopandas', 'highspy', 'numba', 'pandas'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
