"""The map inside other pages, under a strict content-security policy, and packed: in a real browser."""

from __future__ import annotations

import re
from urllib.parse import urlparse

import pytest

from geoplan.webmap import coverage_html
from tests import worlds_map
from tests.browser import requests, save, visit, wait, window

#: A page with styles and names of its own, all of which must stay as they are.
AROUND = """<!DOCTYPE html><html><head><meta charset="utf-8">
<style>body {{ font: 30px serif; color: rgb(1, 2, 3); margin: 7px; }} p {{ margin: 11px; }}
table {{ color: red; }} .geoplan-map {{ height: 700px; }}</style></head>
<body><p id="gp-title">Around</p><p id="gp-map">text</p>{content}<p id="end">End</p></body></html>"""
STRICT = """<!DOCTYPE html><html><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; {allowed}"></head>
<body>{content}</body></html>"""
STYLES = """
const all = [document.body, document.documentElement, ...document.querySelectorAll('body > p')];
return all.map((n) => {
  const c = getComputedStyle(n);
  return [c.font, c.color, c.margin, c.display, c.overflow];
})"""
ROOTS = "[...document.querySelectorAll('.geoplan-map')].map((box) => box.shadowRoot)"


@pytest.fixture(scope="module")
def plan():
    return worlds_map.plan()


def around(browser, folder, content, *, page=AROUND, **rest):
    """Open a page with that content and wait for its maps."""
    file = folder / "around.html"
    file.write_text(page.format(content=content, **rest), "utf-8")
    window(browser, 1400, 900)
    browser.get_log("performance"), browser.get_log("browser")
    browser.get(file.as_uri())
    wait(browser, f"return {ROOTS}.every((root) => root && root.querySelector('.gp-count'))")


def test_maps_inside_a_page_touch_neither_it_nor_each_other(browser, plan, tmp_path):
    around(browser, tmp_path, "")
    before = browser.execute_script(STYLES)
    names = set(browser.execute_script("return Object.getOwnPropertyNames(window)"))
    other = coverage_html(worlds_map.plan(n_villages=20), embed=True)
    same = coverage_html(plan, embed=True)
    around(browser, tmp_path, same + other + same)
    assert browser.execute_script(STYLES) == before
    added = set(browser.execute_script("return Object.getOwnPropertyNames(window)")) - names
    assert added == set()
    ids = browser.execute_script("return [...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert sorted(ids) == ["end", "gp-map", "gp-title"]
    totals = browser.execute_script(
        f"return {ROOTS}.map((root) => root.getElementById('gp-totals').textContent)"
    )
    assert totals[0] == totals[2] != totals[1]
    assert browser.title == ""
    assert [urlparse(url).scheme for url in requests(browser)] == ["file"]
    assert browser.get_log("browser") == []


def test_one_map_answers_and_the_other_does_not(browser, plan, tmp_path):
    around(browser, tmp_path, coverage_html(plan, embed=True) * 2)
    browser.execute_script(
        f"const box = {ROOTS}[1].querySelector('[data-group^=\"route:\"] input'); box.click();"
    )
    ticks = f"return {ROOTS}.map((root) => root.querySelector('[data-group^=\"route:\"] input').checked)"
    assert browser.execute_script(ticks) == [True, False]


def test_a_map_takes_the_height_that_the_page_gives_it(browser, plan, tmp_path):
    around(browser, tmp_path, coverage_html(plan, embed=True))
    box = browser.execute_script(
        f"const r = {ROOTS}[0].querySelector('.gp').getBoundingClientRect(); return [r.width, r.height]"
    )
    assert box == [1400 - 2 * 7, 700]


def test_a_fragment_under_the_strict_policy_of_its_page(browser, plan, tmp_path):
    fragment = coverage_html(plan, embed=True, strict_csp=True)
    allowed = re.search(r"Content-Security-Policy: (script-src '[^']+')", fragment)[1]
    around(browser, tmp_path, fragment, page=STRICT, allowed=allowed)
    width = f"return {ROOTS}[0].getElementById('gp-map').getBoundingClientRect().width"
    assert browser.execute_script(width) > 300
    assert browser.get_log("browser") == []


def test_both_maps_hear_that_the_window_has_changed(browser, plan, tmp_path):
    around(browser, tmp_path, coverage_html(plan, embed=True) * 2)
    window(browser, 1000, 900)
    widths = f"{ROOTS}.map((root) => root.querySelector('canvas.gp-marks').getBoundingClientRect().width)"
    wait(browser, f"const [a, b] = {widths}; return Math.abs(a - b) < 2 && a < 1300")


def test_a_page_with_a_strict_policy_works(browser, plan, tmp_path):
    visit(browser, save(plan, tmp_path, strict_csp=True))
    browser.execute_script("coverage.choose(coverage.page.villageRows[0])")
    wait(browser, "return !document.getElementById('gp-panel').hidden")
    assert browser.get_log("browser") == []


def test_a_fragment_in_a_frame(browser, plan, tmp_path):
    (tmp_path / "fragment.html").write_text(
        f'<meta charset="utf-8">{coverage_html(plan, embed=True)}', "utf-8"
    )
    outer = tmp_path / "outer.html"
    outer.write_text('<iframe src="fragment.html" width="900" height="700"></iframe>', "utf-8")
    window(browser, 1000, 800)
    browser.get(outer.as_uri())
    browser.switch_to.frame(0)
    wait(browser, f"return {ROOTS}.every((root) => root && root.querySelector('.gp-count'))")
    browser.switch_to.default_content()


def test_a_packed_page_opens(browser, plan, tmp_path, monkeypatch):
    monkeypatch.setattr("geoplan.mapdata.packing.LARGE", 1)
    visit(browser, save(plan, tmp_path))
    assert browser.execute_script("return coverage.page.villages.village_id") == sorted(
        plan.villages["village_id"]
    )
    assert browser.execute_script("return coverage.page.villages.reason[40].length") > 0
    assert browser.get_log("browser") == []


def test_a_browser_that_cannot_unpack_says_so(browser, plan, tmp_path, monkeypatch):
    monkeypatch.setattr("geoplan.mapdata.packing.LARGE", 1)
    page = coverage_html(plan).replace("<body>", "<body><script>delete window.DecompressionStream</script>")
    file = tmp_path / "page.html"
    file.write_text(page, "utf-8")
    browser.get(file.as_uri())
    wait(browser, "return !!document.querySelector('[role=alert]')")
    assert "浏览器版本过低" in browser.execute_script("return document.body.textContent")


def test_the_public_version_opens_and_says_what_it_is(browser, plan, tmp_path):
    visit(browser, save(plan, tmp_path, public=True))
    assert "公开版" in browser.execute_script("return document.getElementById('gp-notes').textContent")
    browser.execute_script("coverage.choose(coverage.page.villageRows[3])")
    wait(browser, "return !document.getElementById('gp-panel').hidden")
    assert browser.get_log("browser") == []
