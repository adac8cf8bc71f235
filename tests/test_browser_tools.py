"""Reading the map in a real browser: link, measure, table, paper, and what every reader needs."""

import base64
import csv
import io
import re
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import urlparse

import numpy as np
import pytest
from pyproj import Geod

from geoplan.webmap import coverage_html
from tests import worlds_map
from tests.browser import (
    ActionChains,
    By,
    click_village,
    pointer,
    requests,
    save,
    search,
    settle,
    text,
    village,
    visit,
    wait,
    window,
)
from tests.reading import Keys, choose, numbers, pick, rich, shown, unfold


@pytest.fixture(scope="module")
def plan():
    return rich(worlds_map.plan())


@pytest.fixture(scope="module")
def address(plan, tmp_path_factory):
    return save(plan, tmp_path_factory.mktemp("page"))


@pytest.fixture
def page(browser, address):
    return visit(browser, address)


# Link


def test_the_address_names_the_village(browser, address, plan):
    row = village(plan, route="gas")
    visit(browser, f"{address}#village={row['village_id']}")
    assert text(browser, "#gp-panel h2") == row["name"]
    browser.find_element(By.CSS_SELECTOR, "#gp-panel .gp-close").click()
    assert "#" not in browser.current_url
    other = village(plan, route="biomass")
    choose(browser, other["village_id"])
    assert browser.current_url.endswith(f"#village={other['village_id']}")
    browser.execute_script("location.hash = arguments[0]", f"village={row['village_id']}")
    wait(browser, "return document.querySelector('#gp-panel h2').textContent === arguments[0]", row["name"])


def test_the_address_names_a_town(browser, address, plan):
    browser.get("about:blank")
    visit(browser, f"{address}#town=%E9%87%91%E7%A7%AF%E9%95%87")
    assert sorted(shown(browser)) == sorted(plan.villages.query("town == '金积镇'")["village_id"])


@pytest.mark.parametrize(
    "named", ["village=%zz", "village=__proto__", "town=constructor", "village=%3Cscript%3E", "=&&"]
)
def test_an_address_that_names_nothing_does_no_harm(browser, address, plan, named):
    browser.get("about:blank")
    visit(browser, f"{address}#{named}")
    assert len(shown(browser)) == len(plan.villages)
    assert not browser.find_element(By.ID, "gp-panel").is_displayed()
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("odd", ['"><img src=x onerror=window.pwned=1>', "a b&village=c#d%20+/", "100%"])
def test_odd_ids_come_back_through_the_address(browser, plan, tmp_path, odd):
    first = plan.villages["village_id"].min()
    renamed = replace(
        plan,
        villages=plan.villages.assign(village_id=plan.villages["village_id"].replace(first, odd)),
        options=plan.options.assign(village_id=plan.options["village_id"].replace(first, odd)),
    )
    visit(browser, save(renamed, tmp_path))
    choose(browser, odd)
    name, link = text(browser, "#gp-panel h2"), browser.current_url
    assert "#village=" in link
    browser.get("about:blank")
    visit(browser, link)
    assert text(browser, "#gp-panel h2") == name
    assert odd in text(browser, "#gp-panel .gp-panel-head")
    assert browser.execute_script("return typeof window.pwned") == "undefined"
    assert browser.get_log("browser") == []


# Measure


def click_at(browser, places: list[tuple[float, float]]) -> None:
    for lon, lat in places:
        x, y = browser.execute_script(
            "const p = coverage.map.latLngToContainerPoint([arguments[1], arguments[0]]);"
            "const r = coverage.map.getContainer().getBoundingClientRect();"
            "return [p.x + r.left, p.y + r.top]",
            lon, lat,
        )  # fmt: skip
        pointer(browser, x, y, click=True)


def test_measured_lengths_and_areas_are_those_of_the_ellipsoid(page):
    page.find_element(By.ID, "gp-measure-open").click()
    places = [(106.15, 37.85), (106.25, 37.85), (106.25, 37.95)]
    click_at(page, places)
    said = numbers(text(page, "#gp-measure span"))
    geod = Geod(ellps="GRS80")
    lon, lat = zip(*places, strict=True)
    area, _ = geod.polygon_area_perimeter(lon, lat)
    assert said[0] == pytest.approx(geod.line_length(lon, lat) / 1000, abs=0.12)
    assert said[1] == pytest.approx(abs(area) / 1e6, rel=0.02)
    texts = "return [...document.querySelectorAll('.gp-measured')].map(n => n.textContent)"
    labels = sorted({numbers(label)[0] for label in page.execute_script(texts)})
    assert labels[1] == said[0]
    assert labels[0] < said[0]
    assert not page.find_element(By.ID, "gp-panel").is_displayed()


def test_measuring_ends_with_escape_and_hides_no_village_while_off(page, plan):
    row = village(plan, route="heat_pump")
    page.find_element(By.ID, "gp-measure-open").click()
    click_village(page, row["village_id"])
    assert not page.find_element(By.ID, "gp-panel").is_displayed()
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    assert not page.find_element(By.ID, "gp-measure").is_displayed()
    assert page.find_elements(By.CLASS_NAME, "gp-measured") == []
    click_village(page, row["village_id"])
    assert page.find_element(By.ID, "gp-panel").is_displayed()


# Table


def exported(browser) -> tuple[str, bytes]:
    """Name and bytes of the file that the button would save."""
    browser.execute_script(
        "window.raw = null; URL.createObjectURL = (blob) => {"
        "blob.arrayBuffer().then(b => {window.raw = Array.from(new Uint8Array(b))}); return 'blob:none'};"
        "HTMLAnchorElement.prototype.click = function () {window.saved_as = this.download}"
    )
    browser.find_element(By.ID, "gp-export").click()
    wait(browser, "return !!window.raw")
    return browser.execute_script("return window.saved_as"), bytes(
        browser.execute_script("return window.raw")
    )


def rows_of(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_the_table_holds_the_filtered_villages(page, plan):
    pick(page, "towns", "金积镇")
    name, content = exported(page)
    assert name == f"{plan.policy.title}（筛选）.csv"
    table = rows_of(content)
    expected = plan.villages.query("town == '金积镇'").sort_values("village_id")
    # The tab keeps a spreadsheet from showing 6.4E+12.
    assert [r["村代码"] for r in table] == [f"\t{i}" for i in expected["village_id"]]
    assert [int(r["户"]) for r in table] == expected["households"].tolist()
    assert [r["判定理由"] for r in table] == expected["reason"].tolist()
    assert [float(r["年社会费用（元/年）"]) for r in table] == pytest.approx(
        expected["annual_cost_cny"].tolist(), rel=1e-4
    )
    city = [r["市级补助（元）"] for r in table]
    assert [cell == "" for cell in city] == expected["subsidy_city_cny"].isna().tolist()


@pytest.mark.parametrize(
    "payload", ["=HYPERLINK(1)", "+1", "-2+3", "@SUM(A1)", "\t=1", " =1", '"quoted", and\nmore', "＝1"]
)
def test_no_cell_of_text_is_a_formula(browser, plan, tmp_path, payload):
    hostile = worlds_map.hostile(plan, payload)
    visit(browser, save(hostile, tmp_path))
    name, content = exported(browser)
    assert not re.search(r'[\\/:*?"<>|\t\n]', name)
    for row in rows_of(content):
        assert row["判定理由"] == (payload if payload.startswith('"') else f"'{payload}")
        assert not any(re.match(r"[\s]*[=+@]|-[^\d]", cell) for cell in row.values())


# Paper


def test_the_sheet_says_what_a_sheet_must(browser, address, plan):
    visit(browser, address, width=1366, height=768)
    browser.execute_script("coverage.page.setFilter({towns: new Set(['金积镇'])})")
    browser.execute_script(
        "window.seen = null; addEventListener('beforeprint', () => {"
        "const inside = n => {const r = n.getBoundingClientRect(), b = document.body.getBoundingClientRect();"
        "const within = r.right <= b.right + 1 && r.bottom <= b.bottom + 1;"
        "return r.width === 0 || (within && n.scrollWidth <= n.clientWidth + 1)};"
        "const legend = document.querySelector('.gp-legend-body');"
        "window.seen = {foot: document.getElementById('gp-foot').innerText,"
        " cut: [...document.querySelectorAll(':is(#gp-head, #gp-foot) *, #gp-legend section')]"
        "   .filter(n => !inside(n)).length,"
        " legend: legend.scrollHeight - legend.clientHeight,"
        " wide: document.querySelector('.folium-map').clientWidth}})"
    )
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
    pdf = base64.b64decode(printed["data"])
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    seen = browser.execute_script("return window.seen")
    for said in (
        "制图单位：测试县",
        "制图日期：",
        "打印日期：20",
        "筛选中：",
        "金积镇",
        "内部用图",
        "不作为划界依据",
        "示例数据",
        "测试文件",
    ):
        assert said in seen["foot"]
    assert seen["cut"] == 0
    assert seen["legend"] <= 1
    assert seen["wide"] > 1000
    # Canvases of the map are printed as pixels with their transparency, so that none hides what lies below.
    sizes = [int(w) for w in re.findall(rb"/Width (\d+)", pdf)]
    assert sum(width > 2000 for width in sizes) >= 2
    assert browser.get_log("browser") == []


def test_a_sheet_without_a_maker_leaves_a_line(browser, plan, tmp_path):
    nobody = replace(plan, policy=SimpleNamespace(title="图", year=2022))
    visit(browser, save(nobody, tmp_path))
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert "制图单位：____" in text(browser, "#gp-foot")


def test_the_sheet_has_the_sums_that_find_room_and_the_screen_comes_back(browser, plan, tmp_path):
    few = replace(plan, layers={}, links=plan.links.iloc[:0], sources=plan.sources.iloc[:0])
    visit(browser, save(few, tmp_path))
    before = text(browser, "#gp-legend")
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    total = plan.villages["capex_cny"].sum() / 1e4
    assert f"{total:,.0f}" in text(browser, "#gp-paper-sums")
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert text(browser, "#gp-legend") == before
    assert browser.find_element(By.ID, "gp-filter").is_displayed()


def test_the_larger_villages_are_named_on_the_sheet(browser, address):
    visit(browser, address)
    assert browser.find_elements(By.CLASS_NAME, "gp-label-village") == []
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    names = [n.text for n in browser.find_elements(By.CLASS_NAME, "gp-label-village")]
    size = browser.execute_script(
        "const {name, households} = coverage.page.villages; return name.map((n, i) => [n, households[i]])"
    )
    assert 20 < len(names) <= 120
    ranks = sorted(size, key=lambda row: -row[1])[:130]
    assert set(names) <= {name for name, _ in ranks}
    assert browser.execute_script(
        "const {marks, map} = coverage, o = marks.inside([0, 0]);"
        "const b = map.getContainer().getBoundingClientRect();"
        "return [...document.querySelectorAll('.gp-label-village')].every((n) => {"
        "const r = n.getBoundingClientRect();"
        "return !marks.count({x0: r.left - b.left + o.x + 1, y0: r.top - b.top + o.y + 1,"
        "x1: r.right - b.left + o.x - 1, y1: r.bottom - b.top + o.y - 1}, 9)})"
    )
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    settle(browser)
    assert browser.find_elements(By.CLASS_NAME, "gp-label-village") == []


# In another page


def test_a_fragment_reads_like_the_page_and_leaves_the_address_alone(browser, plan, tmp_path):
    outer = tmp_path / "outer.html"
    fragment = coverage_html(plan, embed=True)
    outer.write_text(f'<!doctype html><meta charset="utf-8"><h1>外页</h1>{fragment}<input id="own">', "utf-8")
    window(browser, 1300, 900)
    browser.get_log("browser")
    browser.get(outer.as_uri())
    root = "const root = document.querySelector('.geoplan-map').shadowRoot;"
    wait(browser, f"{root} return root && root.querySelector('.leaflet-control-zoom')")
    browser.execute_script(f"{root} root.querySelector('[data-filter=towns]').click()")
    browser.execute_script(f"{root} root.querySelector('#gp-pop-towns .gp-pop-row input').click()")
    said = browser.execute_script(f"{root} return root.getElementById('gp-filter-chip').textContent")
    assert said.startswith("筛选中：")
    lost = (
        f"{root} root.querySelector('.gp-lost button').click();"
        "return root.querySelector('#gp-panel h2').textContent"
    )
    unlocated = plan.villages[plan.villages["unlocated"].astype(bool)].sort_values("village_id")
    assert browser.execute_script(lost) == unlocated["name"].iloc[0]
    assert browser.execute_script("return location.hash") == ""
    assert browser.execute_script(f"{root} return root.getElementById('gp-print')") is None
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert browser.execute_script(f"{root} return root.querySelector('.gp-paper')") is None
    assert browser.get_log("browser") == []


# For every reader


def test_escape_closes_the_list_before_the_sheet(page, plan):
    choose(page, plan.villages["village_id"].min())
    page.find_element(By.CSS_SELECTOR, "[data-filter=routes]").click()
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    assert not page.find_element(By.ID, "gp-pop-routes").is_displayed()
    assert page.find_element(By.ID, "gp-panel").is_displayed()
    assert page.switch_to.active_element.get_attribute("data-filter") == "routes"
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    assert not page.find_element(By.ID, "gp-panel").is_displayed()


def test_every_control_has_a_name(page, plan):
    choose(page, plan.villages["village_id"].min())
    nameless = (
        "return [...document.querySelectorAll('button, input, summary, [role=img], aside')]"
        ".filter(n => n.offsetParent &&"
        "!n.getAttribute('aria-label') && !n.textContent.trim() &&"
        "!(n.labels && n.labels.length && n.labels[0].textContent.trim()))"
        ".map(n => n.outerHTML.slice(0, 80))"
    )
    assert page.execute_script(nameless) == []


CONTRAST = """
const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const lum = c => {const [r, g, b] = c.map(v => linear(v / 255));
  return .2126 * r + .7152 * g + .0722 * b};
const rgba = s => {const n = s.match(/[\\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]};
const behind = n => {for (let p = n; p; p = p.parentElement) {
  const c = rgba(getComputedStyle(p).backgroundColor);
  if (c[3] > .95) return c.slice(0, 3)} return [255, 255, 255]};
const out = [];
const parts = ':is(#gp-head, #gp-filter, #gp-legend, #gp-county, #gp-panel, #gp-chips) *';
for (const n of document.querySelectorAll(parts)) {
  if (!n.offsetParent || ![...n.childNodes].some(c => c.nodeType === 3 && c.textContent.trim())) continue;
  const [a, b] = [lum(rgba(getComputedStyle(n).color).slice(0, 3)), lum(behind(n))];
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  if (ratio < 4.5) out.push([n.className || n.tagName, n.textContent.slice(0, 20), ratio]);
}
return out;
"""


def test_text_stands_out_from_its_ground(page, plan):
    assert page.execute_script(CONTRAST) == []
    choose(page, village(plan, route="heat_pump")["village_id"])
    unfold(page)
    page.execute_script("coverage.page.setFilter({year: 2022})")
    assert page.execute_script(CONTRAST) == []


def test_in_english(browser, plan, tmp_path):
    visit(browser, save(plan, tmp_path, lang="en"))
    choose(browser, village(plan, route="heat_pump")["village_id"])
    panel = text(browser, "#gp-panel")
    assert "Why not the heat network" in panel
    assert "All routes side by side" in panel
    browser.execute_script("document.getElementById('gp-panel').querySelector('.gp-back').click()")
    assert "Money by source" in text(browser, "#gp-county")
    assert rows_of(exported(browser)[1])[0]["Village id"]


@pytest.mark.parametrize("payload", worlds_map.HOSTILE)
def test_hostile_texts_are_shown_everywhere_and_never_run(browser, plan, tmp_path, payload):
    hostile = worlds_map.hostile(plan, payload)
    hostile = replace(
        hostile,
        villages=hostile.villages.assign(
            equipment=payload,
            year_because=payload,
            affordability=payload,
            decision=np.where(np.arange(len(plan.villages)) % 2, payload, "locked"),
            town=np.where(np.arange(len(plan.villages)) % 2, payload, "甲镇"),
        ),
        options=hostile.options.assign(source_id=payload, capacity_unit=payload),
        policy=SimpleNamespace(
            title=payload, year=2022, county=payload, document=payload, disclaimer=payload
        ),
    )
    visit(browser, save(hostile, tmp_path))
    browser.execute_script("coverage.page.setFilter({towns: new Set([arguments[0]]), ties: true})", payload)
    search(browser, plan.villages["village_id"].min(), Keys.ENTER)
    unfold(browser)
    panel = browser.execute_script("return document.getElementById('gp-panel').textContent")
    assert panel.count(payload) >= 8
    for place in ("#gp-pop-decisions", "#gp-pop-towns", "#gp-filter-chip", "#gp-title", "#gp-notes"):
        assert payload in browser.execute_script(
            "return document.querySelector(arguments[0]).textContent", place
        )
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    foot = browser.execute_script("return document.getElementById('gp-foot').textContent")
    assert foot.count(payload) >= 2
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    exported(browser)
    assert browser.execute_script("return typeof window.pwned") == "undefined"
    assert (
        browser.execute_script(
            "return document.querySelectorAll('img, .gp-panel-body svg, #gp-foot svg').length"
        )
        == 0
    )
    assert browser.get_log("browser") == []


def test_reading_asks_for_nothing(browser, address, plan):
    visit(browser, address)
    page = browser
    pick(page, "towns", "金积镇")
    page.find_element(By.ID, "gp-measure-open").click()
    click_at(page, [(106.15, 37.85), (106.25, 37.85)])
    page.find_element(By.ID, "gp-measure-open").click()
    choose(page, plan.villages["village_id"].min())
    exported(page)
    assert [urlparse(url).scheme for url in requests(page)] == ["file"]
    assert page.get_log("browser") == []
