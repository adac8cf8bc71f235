"""Size and speed of map pages in a headless browser, beside a plain page of folium with the same villages.

    python benchmarks/map_pages.py [PLAN ...] [--made 500 5000 50000] [--peer-up-to 5000]

PLAN are folders of plans; without any, those in ``maps/``. The made plans are the
largest of them laid side by side with changed numbers and texts, not planned.
Needs selenium, chromium and chromedriver.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from branca.element import Element
from selenium import webdriver

from geoplan.folder import read_plan
from geoplan.mapdata import asset
from geoplan.model import Plan
from geoplan.webmap import coverage_html

MAPS = Path(__file__).parents[1] / "maps"
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1600,1000",
)  # fmt: skip
#: Longest wait for a page. [s]
PATIENCE_S = 100
#: How often a pan and a filter change are measured; the median is told.
REPEATS = 9
#: Ids that a tile makes its own.
IDS = {"village_id", "source_id", "from_id", "to_id", "group_id"}
#: Amounts that are the same for every household and stay so.
PER_HOUSEHOLD = re.compile(
    "per_season|_pct$|^year|floor_area|occupancy|^rank$|capacity_value|density|loading|dn_mm"
)

#: Says when the page has come alive: the map is there and two frames were drawn since.
WATCH = """
(() => {
  const look = () => {
    const there = window.coverage || (document.readyState === "complete" && window.peer);
    if (!there) return requestAnimationFrame(look);
    requestAnimationFrame(() => requestAnimationFrame(() => { window.ready_ms = performance.now(); }));
  };
  requestAnimationFrame(look);
})();
"""
#: Time of an action until the frame that shows it has been handed over.
TIMED = """
const [code, done] = arguments;
const act = new Function(code);
requestAnimationFrame(() => {
  const before = performance.now();
  try { act(); } catch (error) { done(NaN); throw error; }
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => done(performance.now() - before);
    channel.port2.postMessage(0);
  });
});
"""


@dataclass(frozen=True)
class Measured:
    """What one page took."""

    page: str
    villages: int
    made_s: float
    size_mb: float
    ready_s: float
    pan_ms: float
    filter_ms: float

    def row(self) -> str:
        """One line of the table."""
        return (
            f"{self.page:<28} {self.villages:>8,} {self.made_s:>9.1f} {self.size_mb:>9.2f} "
            f"{self.ready_s:>9.2f} {self.pan_ms:>8.0f} {self.filter_ms:>10.0f}"
        )


def made_plan(base: Plan, n_villages: int, *, seed: int = 0) -> Plan:
    """A plan of so many villages: `base` side by side, every tile with its own numbers and texts."""
    rng = np.random.default_rng(seed)
    west, south, east, north = base.villages.total_bounds
    tiles = int(np.ceil(n_villages / len(base.villages)))
    side = int(np.ceil(np.sqrt(tiles)))
    parts = []
    for tile in range(tiles):
        shift = ((tile % side) * (east - west), (tile // side) * (north - south))
        keep = min(len(base.villages), n_villages - tile * len(base.villages))
        parts.append(_tile(base, tile, shift, keep=keep, rng=rng))
    joined = {
        name: _joined([getattr(p, name) for p in parts])
        for name in ("villages", "options", "links", "sources")
    }
    layers = {stem: _joined([p.layers[stem] for p in parts]) for stem in base.layers}
    return replace(base, **joined, layers=layers)


def _tile(base: Plan, tile: int, shift: tuple[float, float], *, keep: int, rng: np.random.Generator) -> Plan:
    villages = base.villages.iloc[:keep]
    ids = set(villages["village_id"])
    factor = pd.Series(rng.uniform(0.7, 1.4, keep), index=villages["village_id"])
    options = base.options[base.options["village_id"].isin(ids)]

    def changed(frame: Any, by: pd.Series) -> Any:
        return _renamed(_varied(_moved(frame, shift), by), tile)

    def same(frame: Any) -> Any:
        return _renamed(_moved(frame, shift), tile)

    return replace(
        base,
        villages=changed(villages, villages["village_id"].map(factor)),
        options=changed(options, options["village_id"].map(factor)),
        links=same(base.links),
        sources=same(base.sources),
        layers={stem: same(layer) for stem, layer in base.layers.items()},
    )


def _moved(frame: Any, shift: tuple[float, float]) -> Any:
    if not isinstance(frame, gpd.GeoDataFrame):
        return frame
    shapes = shapely.transform(frame.geometry.to_numpy(), lambda xy: xy + np.array(shift))
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))


def _renamed(frame: Any, tile: int) -> Any:
    """With ids of its own; towns and names too, so that nothing of two tiles is one."""
    changed = {
        name: frame[name].map(lambda v: f"{tile:03d}{v}" if isinstance(v, str) and v else v)
        for name in frame.columns
        if name in IDS
    }
    if "town" in frame:
        changed["town"] = frame["town"] + str(tile)
    return frame.assign(**changed)


def _varied(frame: Any, by: pd.Series) -> Any:
    """Amounts of a village times its factor, also those in its texts."""
    changed: dict[str, Any] = {}
    for name in frame.columns:
        if pd.api.types.is_float_dtype(frame[name]) and not PER_HOUSEHOLD.search(name):
            changed[name] = frame[name] * by
        elif name == "households":
            changed[name] = (frame[name] * by).round().astype(frame[name].dtype)
        elif name in {"reason", "warnings", "infeasible_because"}:
            changed[name] = [_retold(t, f) for t, f in zip(frame[name], by, strict=True)]
    return frame.assign(**changed)


def _retold(text: Any, factor: float) -> Any:
    """A text with its lengths and capacities times a factor."""
    if not isinstance(text, str):
        return text
    scaled = re.sub(
        r"[\d,]+(?= (?:m|kVA|m³))", lambda m: f"{int(m[0].replace(',', '') or 0) * factor:,.0f}", text
    )
    return re.sub(r'(?<="measured": )[\d.]+', lambda m: str(float(m[0]) * factor), scaled)


def _joined(frames: list[Any]) -> Any:
    joined = pd.concat([f for f in frames if len(f)] or frames[:1], ignore_index=True)
    return gpd.GeoDataFrame(joined, crs=frames[0].crs) if isinstance(frames[0], gpd.GeoDataFrame) else joined


def peer_html(plan: Plan) -> str:
    """What a few lines of folium make of the same villages: a circle marker each, a group for each route."""
    page = folium.Map(tiles=None, prefer_canvas=True)
    page.default_js, page.default_css = [], []
    figure = page.get_root()
    library = asset("leaflet/leaflet.js").replace("//# sourceMappingURL=leaflet.js.map", "")
    style = f"<style>{asset('leaflet/leaflet.css')}</style>"
    figure.header.add_child(Element(f"{style}<script>{{% raw %}}{library}{{% endraw %}}</script>"))
    places = plan.villages.to_crs(4326)
    places = places[~places.geometry.is_empty & places.geometry.notna()]
    for route, rows in places.groupby("route"):
        group = folium.FeatureGroup(name=route).add_to(page)
        for row in rows.itertuples():
            folium.CircleMarker(
                [row.geometry.y, row.geometry.x],
                radius=max(2.0, np.sqrt(row.households) / 3),
                tooltip=f"{row.name} {row.households} {row.reason}",
            ).add_to(group)
    page.fit_bounds([places.total_bounds[[1, 0]].tolist(), places.total_bounds[[3, 2]].tolist()])
    names = f"window.peer = {page.get_name()}; window.peer_group = {group.get_name()};"
    figure.script.add_child(Element(f"addEventListener('load', () => {{ {names} }});"), name="peer")
    return str(figure.render())


@contextmanager
def browser() -> Iterator[webdriver.Chrome]:
    """A fresh headless browser that reaches nothing."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for flag in FLAGS:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_page_load_timeout(PATIENCE_S)
    driver.set_script_timeout(PATIENCE_S)
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    try:
        yield driver
    finally:
        driver.quit()


def measured(
    name: str, n_villages: int, html: str, *, made_s: float, pan: str, change: tuple[str, str]
) -> Measured:
    """Open a page and let it pan and filter."""
    with tempfile.TemporaryDirectory() as folder, browser() as driver:
        file = Path(folder) / "page.html"
        file.write_text(html, "utf-8")
        driver.get(file.as_uri())
        ready = _waited(driver)

        def median(*codes: str) -> float:
            took = [driver.execute_async_script(TIMED, codes[i % len(codes)]) for i in range(REPEATS)]
            return statistics.median(took)

        return Measured(
            name, n_villages, made_s, len(html.encode()) / 1e6, ready / 1e3, median(pan), median(*change)
        )


def _waited(driver: webdriver.Chrome) -> float:
    """Time from the start of the navigation until the page is alive. [ms]"""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = driver.execute_script("return window.ready_ms || 0")
        if found:
            return float(found)
        time.sleep(0.05)
    return float("nan")


def measure(name: str, plan: Plan, *, peer: bool) -> Iterator[Measured]:
    """Our page of a plan, and the peer's."""
    started = time.perf_counter()
    html = coverage_html(plan)
    yield measured(
        f"{name} geoplan",
        len(plan.villages),
        html,
        made_s=time.perf_counter() - started,
        pan="coverage.map.panBy([160, 0], {animate: false})",
        change=("coverage.filter({routes: new Set([0, 2])})", "coverage.filter({routes: null})"),
    )
    if peer:
        started = time.perf_counter()
        html = peer_html(plan)
        yield measured(
            f"{name} folium",
            len(plan.villages),
            html,
            made_s=time.perf_counter() - started,
            pan="peer.panBy([160, 0], {animate: false})",
            change=("peer_group.remove()", "peer_group.addTo(peer)"),
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("plans", nargs="*", type=Path)
    parser.add_argument("--made", nargs="*", type=int, default=[500, 5_000, 50_000])
    parser.add_argument("--peer-up-to", type=int, default=5_000, help="villages of the largest folium page")
    chosen = parser.parse_args()
    found = sorted(manifest.parent for manifest in MAPS.glob("*/manifest.json"))
    folders = chosen.plans or [folder for folder in found if not folder.name.endswith("-optimum")]
    plans = {folder.name: read_plan(folder) for folder in folders}
    print(
        f"{'page':<28} {'villages':>8} {'made s':>9} {'size MB':>9} "
        f"{'ready s':>9} {'pan ms':>8} {'filter ms':>10}"
    )
    base = max(plans.values(), key=lambda plan: len(plan.villages))
    made = ((f"made {n:,}", made_plan(base, n)) for n in chosen.made)
    for name, plan in (*plans.items(), *made):
        for found in measure(name, plan, peer=len(plan.villages) <= chosen.peer_up_to):
            print(found.row(), flush=True)


if __name__ == "__main__":
    main()
