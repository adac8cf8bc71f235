"""The rendered plan in ``maps/`` is what the command makes of the layers today."""

from __future__ import annotations

import difflib
import io
import json
import zipfile
from pathlib import Path

import docx
import pandas as pd
import pyogrio
import pytest
from docx.oxml.ns import qn
from PIL import Image

import geoplan
from geoplan.folder import GEOPACKAGE, MANIFEST, MAP, WORKBOOK, read_plan
from geoplan.manifest import versions
from geoplan.report import report_docx
from geoplan.staticmap import THEMES

ROOT = Path(__file__).parents[1]
WRITTEN = sorted(p.parent.name for p in (ROOT / "maps").glob(f"*/{MANIFEST}"))
PLANS = [name for name in WRITTEN if not name.endswith("-optimum")]


@pytest.fixture(scope="module", params=PLANS)
def pair(request, tmp_path_factory):
    """The folder that ships and the one made anew; what differs is kept in pytest's folder."""
    fresh = tmp_path_factory.mktemp("maps") / request.param
    plan = geoplan.assign(geoplan.read_county(ROOT / "layers" / request.param / "villages.geojson"))
    return ROOT / "maps" / request.param, plan.write(fresh)


def pinned():
    """Whether the libraries are those of the constraints file, with which the plans were rendered."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").split()
    wanted = dict(line.split("==") for line in lines if "==" in line)
    return all(wanted.get(k, v) == v for k, v in versions().items())


def test_every_county_has_its_plan():
    assert sorted(p.parent.name for p in (ROOT / "layers").glob("*/villages.geojson")) == PLANS
    assert [name for name in WRITTEN if name not in PLANS] == [f"{name}-optimum" for name in PLANS]


def test_bytes_under_the_pinned_versions(pair):
    if not pinned():
        pytest.skip("other library versions than those of constraints.txt: tables are compared instead")
    shipped, fresh = pair
    for name in (MAP, GEOPACKAGE):
        # Named first: pytest would spend minutes on comparing megabytes for its message.
        same = (shipped / name).read_bytes() == (fresh / name).read_bytes()
        assert same, f"{name}: {_difference(shipped, fresh)}"
    # The parts of the workbook, not its zip container: that is compressed by Python's own zlib.
    same = _parts(shipped / WORKBOOK) == _parts(fresh / WORKBOOK)
    assert same, f"{WORKBOOK}: {_difference(shipped, fresh)}"
    old, new = (_without_python(json.loads((f / MANIFEST).read_text("utf-8"))) for f in pair)
    same = old == new
    assert same, [key for key in old if old[key] != new.get(key)]


def test_tables_under_any_versions(pair):
    shipped, fresh = pair
    for layer in ("villages", "options", "links", "sources"):
        old, new = (pyogrio.read_dataframe(f / GEOPACKAGE, layer=layer) for f in pair)
        exact = [c for c in old if old[c].dtype.kind not in "fi" and c != "geometry"]
        wrong = _difference(shipped, fresh)
        pd.testing.assert_frame_equal(old[exact].astype(str), new[exact].astype(str), obj=f"{layer}\n{wrong}")
        numbers = [c for c in old if old[c].dtype.kind in "fi"]
        pd.testing.assert_frame_equal(
            pd.DataFrame(old[numbers]).astype(float),
            pd.DataFrame(new[numbers]).astype(float),
            rtol=1e-6,
            atol=1e-6,
        )


def test_what_is_handed_in_is_that_of_the_plan(pair):
    """The report's text and tables as they come out today, and every still map in the size of its paper.

    Pictures are not compared: they differ with the fonts that a machine has.
    """
    shipped, _ = pair
    if not pinned():
        pytest.skip("other library versions than those of constraints.txt")
    maps = shipped.parent / f"{shipped.name}-maps"
    assert [p.name for p in sorted(maps.iterdir())] == [f"{i:02d}-{t}.png" for i, t in enumerate(THEMES, 1)]
    for file in maps.iterdir():
        with Image.open(file) as sheet:
            dots = [round(side / dpi * 25.4) for side, dpi in zip(sheet.size, sheet.info["dpi"], strict=True)]
        assert dots == [420, 297]
    white = io.BytesIO()
    Image.new("RGB", (420, 297), "white").save(white, "png")
    fresh = report_docx(read_plan(shipped), pictures=lambda _: white.getvalue())
    old, new = (_text(f) for f in (shipped.parent / f"{shipped.name}-report.docx", io.BytesIO(fresh)))
    same = old == new
    assert same, "\n".join(difflib.unified_diff(old, new, "shipped", "fresh", lineterm="", n=0))[:3000]


def _text(file):
    return [node.text for node in docx.Document(file).element.body.iter(qn("w:t")) if node.text]


def _parts(file):
    with zipfile.ZipFile(file) as book:
        return {name: book.read(name) for name in book.namelist()}


def _without_python(manifest):
    """The manifest without the version of Python and the hash of the zip that depends on it."""
    versions_ = {k: v for k, v in manifest["versions"].items() if k != "python"}
    outputs = {k: v for k, v in manifest["outputs"].items() if k != WORKBOOK}
    return manifest | {"versions": versions_, "outputs": outputs}


def _difference(shipped, fresh):
    """Write what changed, village by village, beside the fresh plan, and say where."""
    texts = []
    for folder in (shipped, fresh):
        frame = pyogrio.read_dataframe(folder / GEOPACKAGE, layer="villages", read_geometry=False)
        columns = ["village_id", "name", "route", "decision", "reason", "annual_cost_cny", "connection_m"]
        texts.append(frame[columns].to_csv(index=False).splitlines())
    lines = list(difflib.unified_diff(*texts, "maps", "fresh", lineterm="", n=0))
    file = fresh / "difference.txt"
    file.write_text("\n".join(lines), "utf-8")
    return f"{len(lines)} lines differ, see {file}\n" + "\n".join(lines[:20])
