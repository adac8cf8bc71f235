"""The coverage map in a real browser, without a network: the page around the drawing."""

import base64
import re
from dataclasses import replace
from urllib.parse import urlparse

import pytest

from tests import worlds_map
from tests.browser import (
    ActionChains,
    By,
    apart,
    box,
    boxes,
    click_village,
    hover,
    point,
    pointer,
    requests,
    save,
    search,
    settle,
    text,
    village,
    visit,
    wait,
)

Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys


@pytest.fixture(scope="module")
def plan():
    return worlds_map.plan()


@pytest.fixture(scope="module")
def address(plan, tmp_path_factory):
    return save(plan, tmp_path_factory.mktemp("page"))


@pytest.fixture
def page(browser, address):
    return visit(browser, address)


def test_the_page_asks_for_nothing_and_complains_of_nothing(browser, address):
    visit(browser, address)
    browser.execute_script("coverage.choose(coverage.page.villageRows[0])")
    wait(browser, "return !document.getElementById('gp-panel').hidden")
    assert [urlparse(url).scheme for url in requests(browser)] == ["file"]
    assert browser.get_log("browser") == []
    assert browser.title == "清洁取暖规划覆盖图（测试县）"


def test_legend_numbers_equal_the_plan(page, plan):
    busy = plan.villages[plan.villages["households"] > 0]
    sums = busy.groupby("route")["households"].agg(["size", "sum"])
    rows = page.find_elements(By.CSS_SELECTOR, "[data-group^='route:']")
    shown = {}
    for row in rows:
        counts = [int(c.text.replace(",", "")) for c in row.find_elements(By.CLASS_NAME, "gp-count")]
        shown[row.get_attribute("data-group").removeprefix("route:")] = counts
    assert shown == {route: [row["size"], row["sum"]] for route, row in sums.iterrows()}
    total = [
        int(c.text.replace(",", "")) for c in page.find_elements(By.CSS_SELECTOR, ".gp-row-sum .gp-count")
    ]
    assert total == [len(busy), plan.villages["households"].sum()]
    assert text(page, "[data-group='idle'] .gp-count") == str(len(plan.villages) - len(busy))
    assert re.sub("[^0-9]+", " ", text(page, "#gp-totals")).split() == [
        str(total[1])[:-3],
        str(total[1])[-3:],
        str(len(busy)),
        "203",
    ]


def test_the_title_tells_how_many_villages_have_a_task(browser, page, plan, tmp_path):
    busy = plan.villages[plan.villages["households"] > 0]
    said = f"本规划{busy['households'].sum():,}户{len(busy)}村"
    title = text(page, "#gp-totals").replace(" ", "")
    assert title == f"{said}有任务（共{len(plan.villages)}村）"
    visit(browser, save(replace(plan, villages=busy), tmp_path))
    assert text(browser, "#gp-totals").replace(" ", "") == said


def test_legend_follows_the_order_of_the_style(page):
    order = page.execute_script("return coverage.page.routes.map(r => 'route:' + r.id)")
    rows = [
        r.get_attribute("data-group") for r in page.find_elements(By.CSS_SELECTOR, "[data-group^='route:']")
    ]
    assert rows == [key for key in order if key in rows]


def test_every_class_of_the_legend_is_painted_and_can_be_hidden(page):
    rows = page.find_elements(By.CSS_SELECTOR, "[data-group]:not([data-group^='route:'])")
    keys = [row.get_attribute("data-group") for row in rows]
    assert set(keys) == set(page.execute_script("return [...coverage.groups.keys()]"))
    painted = (
        "const {land, marks, page} = coverage, key = arguments[0];"
        "return land.classes.filter(one => one.key === key && one.features.length).length"
        "+ (key === 'idle' ? page.totals.idle : 0)"
        "+ [...marks.pipes.list, ...marks.sources].filter(one => one.group === key).length"
    )
    on = "return coverage.map.hasLayer(coverage.groups.get(arguments[0]))"
    for key, row in zip(keys, rows, strict=True):
        labels = page.find_elements(By.CLASS_NAME, "gp-label-town")
        assert page.execute_script(painted, key) or (key == "towns" and labels), key
        tick = row.find_element(By.TAG_NAME, "input")
        page.execute_script("arguments[0].click()", tick)
        assert not page.execute_script(on, key), key
        page.execute_script("arguments[0].click()", tick)
        assert page.execute_script(on, key), key


def test_the_legend_counts_what_the_filter_leaves(page, plan):
    town = next(iter(worlds_map.TOWNS))
    page.execute_script("coverage.filter({towns: new Set([arguments[0]]), year: 2022})", town)
    rows = plan.villages[(plan.villages["town"] == town) & (plan.villages["year"] <= 2022)]
    rows = rows[rows["households"] > 0]
    sums = rows[rows["households"] > 0].groupby("route")["households"].agg(["size", "sum"])
    shown = {}
    for row in page.find_elements(By.CSS_SELECTOR, "[data-group^='route:']"):
        counts = [int(c.text.replace(",", "")) for c in row.find_elements(By.CLASS_NAME, "gp-count")]
        shown[row.get_attribute("data-group").removeprefix("route:")] = counts
    assert {route: counts for route, counts in shown.items() if counts[0]} == {
        route: [row["size"], row["sum"]] for route, row in sums.iterrows()
    }
    total = [c.text for c in page.find_elements(By.CSS_SELECTOR, ".gp-row-sum .gp-count")]
    assert total == [f"{len(rows):,}", f"{rows['households'].sum():,}"]


def test_the_boxes_of_the_routes_are_the_filter(page):
    boxes_ = "[data-group='route:gas'] input"
    page.find_element(By.CSS_SELECTOR, boxes_).click()
    gas = page.execute_script("return coverage.page.routes.findIndex(r => r.id === 'gas')")
    shown = page.execute_script("return [...coverage.page.filter.routes]")
    assert gas not in shown
    assert len(shown) == page.execute_script("return coverage.page.present.routes.length") - 1
    page.execute_script("coverage.filter({routes: null})")
    assert page.execute_script("return document.querySelector(arguments[0]).checked", boxes_)


def test_a_hidden_route_cannot_be_clicked(page, plan):
    row = village(plan, route="solar_plus")
    page.find_element(By.CSS_SELECTOR, "[data-group='route:solar_plus'] input").click()
    click_village(page, row["village_id"])
    panel = page.find_element(By.ID, "gp-panel")
    assert not panel.is_displayed() or row["name"] not in panel.text


@pytest.mark.parametrize("by", ["name", "village_id"])
def test_search_opens_the_village(page, plan, by):
    row = village(plan, route="heat_pump")
    search(page, row[by], Keys.ENTER)
    wait(page, "return coverage.map.getZoom() >= 14")
    assert text(page, "#gp-panel h2") == row["name"]
    x, y = point(page, row["village_id"])
    area = box(page, ".folium-map")
    assert area["x0"] < x < area["x1"]
    assert area["y0"] < y < area["y1"]


def test_search_suggests_by_town_and_by_keyboard(page, plan):
    town = plan.villages["town"].iloc[0]
    search(page, town)
    found = page.find_elements(By.CSS_SELECTOR, "#gp-found li")
    assert 2 <= len(found) <= 10
    assert town in found[0].text
    assert all(town in item.text for item in found)
    wanted = found[1].find_element(By.TAG_NAME, "b").text
    page.find_element(By.ID, "gp-query").send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    assert text(page, "#gp-panel h2") == wanted


def test_search_without_a_hit_says_so(page):
    search(page, "zzz")
    assert text(page, "#gp-found") == "没有找到"


def test_a_source_tells_its_load(page):
    x, y = page.execute_script(
        "const {marks, map} = coverage; const s = marks.sources.find(s => s.row.source_id === 'H1');"
        "const p = marks.sourceAt(s), o = marks.inside([0, 0]);"
        "const r = map.getContainer().getBoundingClientRect();"
        "return [p.x - o.x + r.left, p.y - o.y + r.top]"
    )
    hover(page, x, y)
    assert "73.1 / 85.0 MW (86 %)" in text(page, ".leaflet-tooltip")
    pointer(page, x, y, click=True)
    assert "73.1 / 85.0 MW (86 %)" in text(page, "#gp-panel")
    assert "73.1 / 85.0 MW (86 %)" in [
        label.text for label in page.find_elements(By.CSS_SELECTOR, ".gp-label-source i")
    ]


def test_escape_closes_and_gives_the_focus_back(page, plan):
    search(page, plan.villages["name"].iloc[0], Keys.ENTER)
    assert page.find_element(By.ID, "gp-panel").is_displayed()
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    assert not page.find_element(By.ID, "gp-panel").is_displayed()
    assert page.switch_to.active_element.get_attribute("id") == "gp-query"


def test_villages_without_a_place_are_listed(page, plan):
    lost = plan.villages[plan.villages["unlocated"].astype(bool)].sort_values("village_id")
    assert "未落图 · 3" in text(page, "#gp-unlocated")
    buttons = page.find_elements(By.CSS_SELECTOR, "#gp-unlocated button")
    assert [b.text.split()[0] for b in buttons] == lost["name"].tolist()
    page.execute_script("arguments[0].click()", buttons[0])
    assert "未落图" in text(page, "#gp-panel .gp-panel-body")


def test_made_data_is_marked(browser, page, plan, tmp_path):
    assert text(page, "#gp-made").startswith("示例数据 illustrative：村庄、热源、供热管网、")
    surveyed = {stem: layer.assign(provenance="surveyed") for stem, layer in plan.layers.items()}
    honest = replace(
        plan,
        villages=plan.villages.assign(provenance="surveyed"),
        sources=plan.sources.assign(provenance="surveyed"),
        layers=surveyed,
    )
    visit(browser, save(honest, tmp_path))
    assert browser.find_elements(By.ID, "gp-made") == []
    assert not browser.find_element(By.ID, "gp-made-chip").is_displayed()


def test_town_labels_are_there_and_do_not_touch(page):
    rects = boxes(page, ".gp-label")
    towns = [n.text for n in page.find_elements(By.CLASS_NAME, "gp-label-town")]
    assert sorted(towns) == sorted(worlds_map.TOWNS)
    assert page.find_elements(By.CLASS_NAME, "gp-label-village") == []
    assert all(apart(a, b) for i, a in enumerate(rects) for b in rects[:i])


def test_towns_without_a_layer_are_named_where_their_villages_are(browser, plan, tmp_path):
    layers = {stem: layer for stem, layer in plan.layers.items() if stem != "towns"}
    visit(browser, save(replace(plan, layers=layers), tmp_path))
    labels = {n.text: n for n in browser.find_elements(By.CLASS_NAME, "gp-label-town")}
    assert set(labels) == set(worlds_map.TOWNS)
    town = next(iter(worlds_map.TOWNS))
    rows = plan.villages[(plan.villages["town"] == town) & ~plan.villages["unlocated"].astype(bool)]
    middle = rows.geometry.to_crs(4326)
    x, y = browser.execute_script(
        "const p = coverage.map.latLngToContainerPoint(arguments[0]);"
        "const r = coverage.map.getContainer().getBoundingClientRect(); return [p.x + r.left, p.y + r.top]",
        [middle.y.mean(), middle.x.mean()],
    )
    rect = labels[town].rect
    assert abs(rect["x"] + rect["width"] / 2 - x) < 70
    assert abs(rect["y"] + rect["height"] / 2 - y) < 50


def test_village_labels_close_up(page, plan):
    search(page, village(plan, route="gas")["village_id"], Keys.ENTER)
    wait(page, "return document.querySelectorAll('.gp-label-village').length > 0")


def spot(browser, kind: str) -> list[float]:
    """A pixel of the window where the pointer finds such a thing."""
    return browser.execute_script(
        "const {marks, map} = coverage, s = map.getSize(), r = map.getContainer().getBoundingClientRect();"
        "for (let y = 60; y < s.y - 60; y += 2) for (let x = 60; x < s.x - 60; x += 2)"
        "if (marks.hit([x, y], 3)[arguments[0]]) return [x + r.left, y + r.top];",
        kind,
    )


@pytest.mark.parametrize("payload", worlds_map.HOSTILE)
def test_hostile_names_are_shown_and_not_run(browser, plan, tmp_path, payload):
    visit(browser, save(worlds_map.hostile(plan, payload), tmp_path))
    assert text(browser, "#gp-title") == payload
    search(browser, plan.villages["village_id"].min(), Keys.ENTER)
    assert text(browser, "#gp-panel h2") == payload
    assert browser.execute_script("return document.querySelector('.gp-reason').textContent") == payload
    assert payload in browser.execute_script("return document.querySelector('.gp-why').textContent")
    named = "'.gp-label-town, .gp-lost button'"
    names = f"return [...document.querySelectorAll({named})].map(n => n.firstChild.textContent)"
    assert set(browser.execute_script(names)) == {payload}
    browser.find_element(By.CSS_SELECTOR, "#gp-panel .gp-close").click()
    browser.find_element(By.ID, "gp-whole").click()
    wait(browser, "return !coverage.map._animatingZoom")
    settle(browser)
    for kind in ("village", "source", "pipe"):
        hover(browser, *spot(browser, kind))
        if kind != "pipe":
            assert payload in browser.execute_script(
                "return document.querySelector('.leaflet-tooltip').textContent"
            )
        pointer(browser, 5, 5)
        wait(browser, "return !document.querySelector('.leaflet-tooltip')")
    assert browser.execute_script("return typeof window.pwned") == "undefined"
    assert browser.execute_script("return document.querySelectorAll('img, .gp-panel-body svg').length") == 0
    assert browser.get_log("browser") == []


def test_tiles_that_cannot_be_reached_do_no_harm(browser, plan, tmp_path):
    visit(browser, save(plan, tmp_path, tianditu_token="0" * 32))
    asked = {urlparse(u).hostname for u in requests(browser) if not u.startswith("file:")}
    assert asked
    assert all(host.endswith(".tianditu.gov.cn") for host in asked)
    search(browser, plan.villages["name"].iloc[0], Keys.ENTER)
    assert text(browser, "#gp-panel h2") == plan.villages["name"].iloc[0]
    assert [e for e in browser.get_log("browser") if e["source"] == "javascript"] == []
    browser.execute_script("document.querySelector('[data-group=tiles] input').click()")
    assert not browser.execute_script("return coverage.map.hasLayer(coverage.groups.get('tiles'))")


def test_in_a_frame_of_800_by_600(browser, address, tmp_path):
    outer = tmp_path / "outer.html"
    outer.write_text(f'<iframe src="{address}" width="800" height="600" style="border:0"></iframe>', "utf-8")
    size = {"width": 900, "height": 700, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(outer.as_uri())
    browser.switch_to.frame(0)
    wait(browser, "return !!window.coverage")
    assert not browser.find_element(By.ID, "gp-legend").is_displayed()
    area = box(browser, ".folium-map")
    assert area["w"] * area["h"] > 0.8 * 800 * 600
    signs = ["#gp-north", "#gp-chips", ".leaflet-control-zoom", ".leaflet-control-scale", "#gp-head"]
    rects = [box(browser, selector) for selector in signs]
    assert all(apart(a, b) for i, a in enumerate(rects) for b in rects[:i])
    browser.find_element(By.ID, "gp-legend-open").click()
    assert box(browser, "#gp-legend")["h"] < 0.75 * area["h"]
    browser.find_element(By.CSS_SELECTOR, "#gp-legend .gp-close").click()
    browser.execute_script("coverage.choose(coverage.page.villageRows[0])")
    assert apart(box(browser, ".folium-map"), box(browser, "#gp-panel"))
    assert box(browser, ".folium-map")["w"] > 400
    browser.switch_to.default_content()


def test_on_a_phone_the_panel_comes_from_below(browser, address):
    visit(browser, address, width=420, height=800)
    browser.execute_script("coverage.choose(coverage.page.villageRows[0])")
    panel, area = box(browser, "#gp-panel"), box(browser, ".folium-map")
    assert panel["w"] == pytest.approx(420)
    assert apart(panel, area)
    assert area["h"] > 200
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 420


def test_paper_is_one_sheet_of_a3(browser, address):
    visit(browser, address, width=1200, height=800)
    browser.execute_script("coverage.choose(coverage.page.villageRows[0])")
    wait(browser, "return coverage.map.getZoom() >= 14 && !coverage.map._animatingZoom")
    before = browser.execute_script("return [coverage.map.getZoom(), coverage.map.getCenter().lat]")
    browser.execute_script(
        "window.seen = null; addEventListener('beforeprint', () => {"
        "const shown = s => getComputedStyle(document.querySelector(s)).display !== 'none';"
        "window.seen = ['#gp-title', '#gp-legend', '#gp-north', '.leaflet-control-scale',"
        "'#gp-search', '#gp-panel', '.leaflet-control-zoom', '#gp-chips', '.gp-row input'].map(shown)})"
    )
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
    pdf = base64.b64decode(printed["data"])
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    width, height = (float(v) for v in re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", pdf).groups())
    assert (width, height) == pytest.approx((1191, 842), abs=2)
    assert browser.execute_script("return window.seen") == [True] * 4 + [False] * 5
    assert browser.execute_script(
        "return [coverage.map.getZoom(), coverage.map.getCenter().lat]"
    ) == pytest.approx(before, abs=1e-3)


def test_thousands_of_villages_are_neither_nodes_nor_layers(browser, page, tmp_path):
    size = "return [document.querySelectorAll('*').length, Object.keys(coverage.map._layers).length]"
    nodes, layers = page.execute_script(size)
    visit(browser, save(worlds_map.plan(n_villages=3000), tmp_path))
    assert browser.execute_script("return coverage.page.totals.villages") == 3000
    many_nodes, many_layers = browser.execute_script(size)
    assert many_nodes < nodes + 300
    assert many_layers == layers
    assert browser.get_log("browser") == []


def test_english(browser, plan, tmp_path):
    visit(browser, save(plan, tmp_path, lang="en"))
    assert "District heating" in text(browser, "#gp-legend")
    assert browser.execute_script("return document.documentElement.lang") == "en"


@pytest.mark.parametrize("bare", [True, False])
def test_villages_alone_make_a_page(browser, plan, tmp_path, bare):
    alone = replace(plan, links=plan.links.iloc[:0], sources=plan.sources.iloc[:0], layers={})
    if not bare:
        alone = replace(alone, villages=alone.villages.iloc[:1], options=alone.options.iloc[:0])
    visit(browser, save(alone, tmp_path))
    assert f"{len(alone.villages)}" in text(browser, "#gp-totals")
    assert browser.get_log("browser") == []
