"""What a county folder must keep: its builder's bytes, the contract of its layers, the sources."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd

import geoplan
from geoplan.policy import DEFAULT_FILE, load_policy
from geoplan.published import Published, load_published

ROOT = Path(__file__).parents[1]
CONFIDENCE = re.compile(r"[SVME]-[HML]")
OF_THE_PLAN = ("title", "county", "document", "disclaimer", "crs", "issued", "year", "order")
"""Keys that describe the plan itself and quote nobody."""


def folder(county: str) -> Path:
    return ROOT / "layers" / county


def stems(county: str) -> list[str]:
    return sorted(path.stem for path in folder(county).glob("*.geojson"))


@cache
def layer(county: str, stem: str, crs: int) -> gpd.GeoDataFrame:
    return gpd.read_file(folder(county) / f"{stem}.geojson").to_crs(crs)


def assert_rebuilt(county: str, into: Path) -> None:
    """The builder gives the committed bytes, and no layer without a builder."""
    subprocess.run([sys.executable, "-m", f"layers.{county}.build", str(into)], cwd=ROOT, check=True)
    assert sorted(path.stem for path in into.iterdir()) == stems(county)
    for stem in stems(county):
        made, kept = ((place / f"{stem}.geojson").read_bytes() for place in (into, folder(county)))
        assert made == kept, f"{stem}.geojson: run python -m layers.{county}.build"


def assert_contract(county: str, stem: str) -> None:
    """One feature per line, six decimals, known columns, a provenance, valid shapes."""
    text = (folder(county) / f"{stem}.geojson").read_bytes().decode("utf-8")
    frame = gpd.read_file(folder(county) / f"{stem}.geojson")
    assert "\r" not in text
    assert text.count("\n") == len(frame) + 2
    assert not re.search(r"\d\.\d{7}", text)
    known = pd.read_csv(ROOT / "geoplan" / "data" / "columns" / f"{stem}.csv", dtype=str)
    assert set(frame.columns) - {"geometry"} <= set(known["name"])
    assert frame["provenance"].str.len().gt(0).all()
    placed = frame[~frame["unlocated"]] if "unlocated" in frame else frame
    assert placed.geometry.is_valid.all()
    assert not (placed.geometry.is_empty | placed.geometry.isna()).any()


def assert_roads_join_everything(county: str, crs: int, *, reach_m: float) -> None:
    """One connected, planar network; every placed village is on it."""
    roads = layer(county, "roads", crs)
    ends = nx.Graph()
    for line in roads.geometry:
        ends.add_edge(*(tuple(np.round(spot, 1).tolist()) for spot in (line.coords[0], line.coords[-1])))
    assert nx.is_connected(ends)
    assert roads.sindex.query(roads.geometry, predicate="crosses").size == 0
    villages = layer(county, "villages", crs)
    placed = villages[~(villages.geometry.isna() | villages.geometry.is_empty)]
    assert placed.distance(roads.union_all()).max() <= reach_m


def assert_mains_follow_roads(county: str, stem: str) -> None:
    """A main has no vertex that a road has not."""
    mains, roads = (
        set(layer(county, s, 4326).get_coordinates().round(6).itertuples(index=False, name=None))
        for s in (stem, "roads")
    )
    assert mains <= roads


def assert_every_number_has_a_source(county: str) -> None:
    """Each number of the policy says where it comes from, and how sure that is."""
    policy = load_policy([("policy.toml", (folder(county) / "policy.toml").read_text("utf-8"))])
    own = {path: o for path, o in policy.origins.items() if o.file != DEFAULT_FILE}
    leaves = [p for p in own if not any(other.startswith(f"{p}.") for other in own)]
    said = [p for p in leaves if p not in OF_THE_PLAN]
    assert len(said) > 50
    assert [p for p in said if not own[p].source] == []
    assert [p for p in said if not CONFIDENCE.fullmatch(own[p].confidence)] == []


def published(county: str) -> Published:
    text = (folder(county) / "published.toml").read_text("utf-8")
    return load_published("published.toml", text)


def assert_notices(county: str, sources: tuple[str, ...]) -> None:
    """The readme names every source and layer; NOTICE names every source."""
    notice = (ROOT / "NOTICE").read_text("utf-8")
    readme = (folder(county) / "README.md").read_text("utf-8")
    for source in sources:
        assert source in notice
        assert source in readme
    for stem in stems(county):
        assert f"`{stem}.geojson`" in readme


@cache
def county(name: str) -> geoplan.County:
    return geoplan.read_county(folder(name))


@cache
def plan(name: str) -> geoplan.Plan:
    return geoplan.assign(county(name))
