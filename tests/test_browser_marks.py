"""What the coverage map draws and finds under the pointer, in a real browser."""

from dataclasses import replace
from pathlib import Path

import pytest

from geoplan.folder import read_plan
from geoplan.webmap import coverage_html
from tests import worlds_map
from tests.browser import (
    ActionChains,
    By,
    apart,
    box,
    boxes,
    hover,
    point,
    pointer,
    save,
    search,
    settle,
    text,
    village,
    visit,
    wait,
    window,
)

MAPS = Path(__file__).parents[1] / "maps"
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys

#: A pixel of the drawing around a village, [red, green, blue, alpha].
PIXEL = (
    "const {marks} = coverage, [i, dx, dy] = arguments, p = marks.at(i), k = marks._ratio;"
    "return [...marks._ctx.getImageData(Math.round((p.x + dx) * k), Math.round((p.y + dy) * k), 1, 1).data]"
)

#: The first village that lies free of all others and is large enough to look at, with its radius.
FREE = (
    "const {marks, page} = coverage, want = arguments[0];"
    "const free = (i) => !marks.order.some((j) => j !== i && marks.visible(j) && (p => (q => "
    "Math.hypot(p.x - q.x, p.y - q.y) < marks.radius(marks.root[i]) + marks.radius(marks.root[j]) + 8)"
    "(marks.at(j)))(marks.at(i)));"
    "const v = page.villages, i = [...marks.order].find((i) => marks.visible(i) && v.households[i] && free(i)"
    " && marks.inWindow(9999).includes(i) && Object.entries(want).every(([k, x]) => v[k][i] === x)"
    " && !marks.hit(marks.at(i), 0).source);"
    "return i === undefined ? null : [i, marks.radius(marks.root[i])]"
)


@pytest.fixture(scope="module")
def plan():
    return worlds_map.plan()


@pytest.fixture(scope="module")
def address(plan, tmp_path_factory):
    return save(plan, tmp_path_factory.mktemp("marks"))


@pytest.fixture
def page(browser, address):
    return visit(browser, address)


def rgb(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def near(pixel: list[int], colour: str, *, by: int = 60) -> bool:
    return pixel[3] > 200 and all(abs(a - b) <= by for a, b in zip(pixel, rgb(colour), strict=False))


def closer(page, zoom: float) -> None:
    page.execute_script("coverage.map.setZoom(coverage.map.getZoom() + arguments[0], {animate: false})", zoom)


def test_a_village_wears_the_colour_of_its_route(page):
    closer(page, 1.5)
    for route in ("district_heating", "heat_pump"):
        at = page.execute_script("return coverage.page.routes.findIndex(r => r.id === arguments[0])", route)
        colour = page.execute_script("return coverage.page.routes[arguments[0]].colour", at)
        i, r = page.execute_script(FREE, {"route": at, "dwelling": "bungalow"})
        assert near(page.execute_script(PIXEL, i, 0, 0.62 * r), colour), route


def test_what_the_filter_takes_away_is_neither_drawn_nor_found(page):
    i, r = page.execute_script(FREE, {})
    drawn = page.execute_script(PIXEL, i, 0, 0.62 * r)
    find = (
        "const {marks, page} = coverage, i = arguments[0], o = marks.inside([0, 0]), p = marks.at(i);"
        "const found = marks.hit([p.x - o.x, p.y - o.y], 0).village; return found ? found.index : -1"
    )
    assert page.execute_script(find, i) == i
    page.execute_script(
        "coverage.filter({towns: new Set(coverage.page.present.towns.filter("
        "t => t !== coverage.page.villages.town[arguments[0]]))})",
        i,
    )
    settle(page)
    assert page.execute_script(PIXEL, i, 0, 0.62 * r) != drawn
    assert page.execute_script(find, i) == -1
    page.execute_script("coverage.filter({towns: null})")
    settle(page)
    assert page.execute_script(PIXEL, i, 0, 0.62 * r) == drawn
    assert page.execute_script(find, i) == i


def test_a_village_later_than_the_slider_is_hollow(page):
    closer(page, 1.5)
    i, r = page.execute_script(FREE, {"year": 2024})
    page.execute_script("coverage.filter({year: 2023})")
    settle(page)
    assert page.execute_script("return coverage.page.shown[arguments[0]]", i) == 2
    assert near(page.execute_script(PIXEL, i, 0, 0.62 * r), "#ffffff", by=20)
    assert near(page.execute_script(PIXEL, i, 0, r), "#9aa2a9", by=60)
    assert page.find_elements(By.CSS_SELECTOR, "[data-sign='later']")


def test_a_near_tie_wears_half_a_ring_of_its_runner_up(page):
    closer(page, 1.5)
    i, r = page.execute_script(FREE, {"tie": 1, "dwelling": "bungalow"})
    other = page.execute_script(
        "const v = coverage.page.villages;"
        "return coverage.page.routes.find(r => r.id === v.runner_up[arguments[0]]).colour",
        i,
    )
    out = r + min(max(0.32 * r, 1.2), 3) / 2 + 0.8
    assert near(page.execute_script(PIXEL, i, out, 0), other, by=70)
    assert not near(page.execute_script(PIXEL, i, -out, 0), other, by=70)
    assert "5%" in text(page, "[data-sign='tie']")
    x, y = point(page, page.execute_script("return coverage.page.villages.village_id[arguments[0]]", i))
    hover(page, x, y)
    assert "与次选接近" in text(page, ".leaflet-tooltip")


def test_the_pointer_names_a_village_and_a_click_opens_it(page, plan):
    i, _ = page.execute_script(FREE, {})
    row = plan.villages.sort_values("village_id").iloc[i]
    x, y = point(page, row["village_id"])
    hover(page, x, y)
    told = text(page, ".leaflet-tooltip")
    assert row["name"] in told
    assert row["town"] in told
    assert f"{row['households']} 户" in told
    assert page.execute_script("return getComputedStyle(coverage.map.getContainer()).cursor") == "pointer"
    pointer(page, x, y, click=True)
    assert text(page, "#gp-panel h2") == row["name"]
    assert page.execute_script("return coverage.marks.selected") == i


def test_a_small_village_on_a_large_one_is_the_one_found(browser, tmp_path):
    visit(browser, save(worlds_map.plan(n_villages=3000), tmp_path))
    pairs, right = browser.execute_script(
        "const {marks} = coverage, all = [...marks.order].slice(0, 900); let pairs = 0, right = 0;"
        "const o = marks.inside([0, 0]), s = coverage.map.getSize();"
        "for (const [n, big] of all.entries()) for (const small of all.slice(n + 1)) {"
        "  const p = marks.at(small), q = marks.at(big), away = Math.hypot(p.x - q.x, p.y - q.y);"
        "  if (away > marks.radius(marks.root[big])) continue;"
        "  const x = p.x - o.x, y = p.y - o.y, found = marks.hit([x, y], 0);"
        "  if (found.source) continue;"
        "  pairs += 1; if (marks.rank[found.village.index] >= marks.rank[small]) right += 1;"
        "} return [pairs, right]"
    )
    assert pairs > 10
    assert right == pairs


def test_pipes_are_wider_by_diameter_and_darker_by_loading(browser, plan, tmp_path):
    heat = plan.links["route"] == "district_heating"
    loading = plan.links["loading"].where(
        ~heat, [0.3, 0.7, 0.95] * (len(heat) // 3) + [0.7] * (len(heat) % 3)
    )
    visit(browser, save(replace(plan, links=plan.links.assign(loading=loading)), tmp_path))
    pipes = browser.execute_script(
        "const pipes = coverage.marks.pipes.list.filter(p => p.route !== undefined);"
        "return pipes.map(p => [p.dn, p.weight, p.loading, p.colour])"
    )
    widths = {dn: weight for dn, weight, _, _ in pipes}
    assert list(widths.values()) == sorted(widths.values(), reverse=True)
    assert list(widths) == sorted(widths, reverse=True)
    shades = {loading: colour for _, _, loading, colour in pipes if loading is not None}
    assert len(set(shades.values())) == 3
    legend = text(browser, "[data-sign='loading']")
    assert all(words in legend for words in ("低于 60%", "60–85%", "85% 以上"))


def test_the_pointer_tells_a_pipe(page):
    page.execute_script("coverage.filter({ties: true})")
    closer(page, 2)
    settle(page)
    x, y, dn, metres = page.execute_script(
        "const {marks, map} = coverage, s = map.getSize(), r = map.getContainer().getBoundingClientRect();"
        "for (let y = 80; y < s.y - 80; y += 3) for (let x = 80; x < s.x - 80; x += 3) {"
        "  const {pipe} = marks.hit([x, y], 1);"
        "  if (pipe && pipe.group === 'links:district_heating')"
        "    return [x + r.left, y + r.top, pipe.dn, pipe.tip()[1]];"
        "}"
    )
    hover(page, x, y)
    told = text(page, ".leaflet-tooltip")
    assert f"DN {dn}" in told
    assert "MW" in metres
    assert metres in told
    assert "负载率 71 %" in told
    assert "2022" in told


def test_a_pipe_later_than_the_slider_is_thin_and_grey(page):
    place = (
        "const {marks} = coverage, {view} = marks;"
        "const pipe = marks.pipes.list.find(p => p.group === 'heat_mains_planned' && p.year === 2024);"
        "const [a, b] = [pipe.paths[0].slice(0, 2), pipe.paths[0].slice(2, 4)];"
        "let red = 0, grey = 0; for (let k = 0.1; k < 0.9; k += 0.02) {"
        "  const x = (a[0] + k * (b[0] - a[0])) * view.scale - view.ox;"
        "  const y = (a[1] + k * (b[1] - a[1])) * view.scale - view.oy;"
        "  const [r, g, , alpha] = marks._ctx.getImageData(Math.round(x), Math.round(y), 1, 1).data;"
        "  if (alpha > 100 && r > g + 60) red += 1;"
        "  else if (alpha > 60 && Math.abs(r - g) < 30 && r < 215) grey += 1;"
        "} return [red, grey]"
    )
    red, _ = page.execute_script(place)
    assert red > 10
    page.execute_script("coverage.filter({year: 2023, routes: new Set()})")
    settle(page)
    faded, grey = page.execute_script(place)
    assert faded < red / 4
    assert grey > 5


def test_a_source_is_filled_as_far_as_it_is_used(page):
    shares = page.execute_script(
        "const {marks, page} = coverage, r = page.signRadius;"
        "const pixel = (x, y) => [...marks._ctx.getImageData(Math.round(x), Math.round(y), 1, 1).data];"
        "return marks.sources.map((s) => { const p = marks.sourceAt(s);"
        "const at = (dy) => pixel(p.x, p.y + dy * r);"
        "return [s.row.source_id, s.share, s.look.fillColor, at(-0.45), at(0.45)]})"
    )
    told = {source: share for source, share, *_ in shares}
    assert told == pytest.approx(
        {"H1": 0.86, "H2": 0.86, "G1": 0.43, "S1": 0.97, "S2": 0.97, "S3": 0.97, "B1": 0.12}
    )
    for source, share, colour, above, below in shares:
        if source == "G1":
            assert near(above, "#ffffff")
            assert near(below, colour)
        if source == "H1":
            assert near(below, colour)
        if source == "B1":
            assert near(below, "#ffffff"), share


def test_sources_step_aside_from_villages_and_from_each_other(page):
    signs = page.execute_script(
        "const {marks, page} = coverage, r = page.signRadius;"
        "return marks.sources.map((s) => [marks.sourceAt(s), marks.order.filter((i) => {"
        "  const p = marks.at(i), q = marks.sourceAt(s);"
        "  return Math.hypot(p.x - q.x, p.y - q.y) < r + marks.radius(marks.root[i]);}).length])"
    )
    assert [covered for _, covered in signs] == [0] * len(signs)
    places = [(p["x"], p["y"]) for p, _ in signs]
    far = page.execute_script("return 2 * coverage.page.signRadius")
    assert all(
        ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 > far
        for i, a in enumerate(places)
        for b in places[:i]
    )


@pytest.mark.parametrize("zoom", [0, 1, 2, 3])
def test_labels_touch_neither_each_other_nor_a_control(page, zoom):
    closer(page, zoom)
    settle(page)
    labels = boxes(page, ".gp-label")
    others = boxes(page, ".leaflet-control, #gp-chips, #gp-north")
    assert len(labels) > 5
    assert all(apart(a, b) for i, a in enumerate(labels) for b in [*labels[:i], *others])
    if zoom == 2:
        assert page.find_elements(By.CLASS_NAME, "gp-label-village")


@pytest.mark.parametrize("county", ["litong", "shuocheng"])
def test_a_source_label_is_nearest_to_its_own_sign(browser, county, tmp_path):
    page = visit(browser, save(read_plan(MAPS / county), tmp_path))
    found = page.execute_script(
        "const {map, marks, page} = coverage, shift = marks.inside([0, 0]), out = [];"
        "const place = p => ({x: p.x - shift.x, y: p.y - shift.y});"
        "const name = ({row}) => row.name || row.source_id;"
        "const signs = marks.shownSources().map(s => [name(s), place(marks.sourceAt(s))]);"
        "const at = map.getContainer().getBoundingClientRect();"
        "for (const span of document.querySelectorAll('.gp-label-source')) {"
        "  const r = span.getBoundingClientRect(), name = span.querySelector('b').textContent;"
        "  const away = p => Math.hypot(Math.max(r.left - at.left - p.x, 0, p.x - r.right + at.left),"
        "    Math.max(r.top - at.top - p.y, 0, p.y - r.bottom + at.top));"
        "  const near = signs.map(([n, p]) => [away(p), n]).sort((a, b) => a[0] - b[0])[0];"
        "  out.push([name, near[1]]);"
        "} return out"
    )
    assert len(found) > 2
    assert [pair for pair in found if pair[0] != pair[1]] == []


def test_a_village_label_covers_no_village(page):
    closer(page, 2)
    settle(page)
    covered = page.execute_script(
        "const {marks, map} = coverage, r = map.getContainer().getBoundingClientRect();"
        "const o = marks.inside([-r.left, -r.top]);"
        "const labels = [...document.querySelectorAll('.gp-label-village')];"
        "return labels.map(n => n.getBoundingClientRect()).map(b => marks.count({x0: b.left + o.x + 1,"
        "y0: b.top + o.y + 1, x1: b.right + o.x - 1, y1: b.bottom + o.y - 1}, 9))"
    )
    assert len(covered) > 10
    assert set(covered) == {0}


def test_large_text_for_the_projector(browser, address):
    visit(browser, address, width=1920, height=1080)
    label = "return parseFloat(getComputedStyle(document.querySelector('.gp-label-town')).fontSize)"
    before = [browser.execute_script(label), box(browser, "#gp-title")["h"], box(browser, "#gp-legend")["w"]]
    browser.find_element(By.ID, "gp-large").click()
    settle(browser)
    after = [browser.execute_script(label), box(browser, "#gp-title")["h"], box(browser, "#gp-legend")["w"]]
    assert all(b > 1.2 * a for a, b in zip(before, after, strict=True))
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 1920
    browser.find_element(By.ID, "gp-large").click()
    settle(browser)
    assert browser.execute_script(label) == before[0]


def test_the_legend_on_a_phone_is_a_sheet_from_below(browser, address):
    visit(browser, address, width=390, height=844)
    assert not browser.find_element(By.ID, "gp-legend").is_displayed()
    browser.find_element(By.ID, "gp-legend-open").click()
    sheet, area = box(browser, "#gp-legend"), box(browser, ".leaflet-container")
    assert sheet["w"] == pytest.approx(390, abs=2)
    assert sheet["y1"] == pytest.approx(844, abs=2)
    assert apart(sheet, area)
    assert area["h"] > 844 * 0.25
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    ActionChains(browser).send_keys(Keys.ESCAPE).perform()
    assert not browser.find_element(By.ID, "gp-legend").is_displayed()


def test_the_keyboard_moves_the_map_and_opens_a_village(page, plan):
    row = village(plan, route="gas")
    search(page, row["village_id"], Keys.ENTER)
    wait(page, "return coverage.map.getZoom() >= 14 && !coverage.map._animatingZoom")
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    page.execute_script("coverage.map.getContainer().focus()")
    assert page.execute_script("return coverage.map.getContainer().getAttribute('aria-label')")
    ActionChains(page).send_keys(Keys.ENTER).perform()
    assert page.find_element(By.ID, "gp-panel").is_displayed()
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    page.execute_script("coverage.map.getContainer().focus()")
    before = page.execute_script("return coverage.map.getCenter().lng")
    ActionChains(page).send_keys(Keys.ARROW_RIGHT).perform()
    wait(page, "return coverage.map.getCenter().lng > arguments[0] + 1e-4", before)


def test_a_fine_screen_and_a_sheet_of_paper_get_more_pixels(browser, address):
    ratio = "return coverage.marks._container.width / parseFloat(coverage.marks._container.style.width)"
    visit(browser, address, width=1200, height=800)
    assert browser.execute_script(ratio) == pytest.approx(1, abs=0.01)
    browser.execute_script(
        "window.seen = []; addEventListener('beforeprint', () => window.seen.push(coverage.marks._ratio))"
    )
    browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
    assert browser.execute_script("return window.seen") == [3]
    assert browser.execute_script(ratio) == pytest.approx(1, abs=0.01)
    visit(browser, address, width=1200, height=800, fine=2)
    assert browser.execute_script(ratio) == pytest.approx(2, abs=0.01)


def test_five_hundred_villages_are_there_within_two_seconds(browser, tmp_path):
    address = save(worlds_map.plan(n_villages=500), tmp_path)
    times = []
    for _ in range(3):
        visit(browser, address)
        times.append(
            browser.execute_script("return performance.getEntriesByType('navigation')[0].domComplete")
        )
    assert min(times) < 2000


def test_two_fragments_share_a_page_without_a_clash(browser, plan, tmp_path):
    outer = tmp_path / "page.html"
    part = coverage_html(plan, embed=True)
    outer.write_text(
        "<!doctype html><meta charset=utf-8><style>p {color: rgb(1, 2, 3)}</style>"
        f"<p id=gp-title>Another page</p>{part}{part}",
        "utf-8",
    )
    window(browser, 1600, 1000)
    browser.get_log("browser")
    browser.get(outer.as_uri())
    roots = "[...document.querySelectorAll('*')].filter(n => n.shadowRoot).map(n => n.shadowRoot)"
    wait(
        browser,
        f"const r = {roots}; return r.length === 2 && r.every(s => s.querySelector('canvas.gp-marks'))",
    )
    settle(browser)
    names = f"return {roots}.map(s => s.querySelector('#gp-title').textContent)"
    assert browser.execute_script(names) == ["清洁取暖规划覆盖图（测试县）"] * 2
    labels = f"return {roots}.map(s => s.querySelectorAll('.gp-label').length)"
    assert min(browser.execute_script(labels)) > 5
    browser.execute_script(f"{roots}[0].querySelector('[data-group=\"route:gas\"] input').click()")
    ticks = f"return {roots}.map(s => s.querySelector('[data-group=\"route:gas\"] input').checked)"
    assert browser.execute_script(ticks) == [False, True]
    assert text(browser, "p#gp-title") == "Another page"
    assert (
        browser.execute_script("return getComputedStyle(document.querySelector('p')).color") == "rgb(1, 2, 3)"
    )
    assert browser.execute_script("return [typeof window.L, typeof window.coverage, document.title]") == [
        "undefined", "undefined", "",
    ]  # fmt: skip
    assert browser.get_log("browser") == []


def test_a_source_that_says_nothing_of_its_load_is_pale(browser, plan, tmp_path):
    silent = plan.sources.assign(used=plan.sources["used"].where(plan.sources["source_id"] != "S1"))
    visit(browser, save(replace(plan, sources=silent), tmp_path))
    pixel = browser.execute_script(
        "const {marks, page} = coverage, s = marks.sources.find(s => s.row.source_id === 'S1');"
        "const p = marks.sourceAt(s);"
        "return [...marks._ctx.getImageData(Math.round(p.x), Math.round(p.y), 1, 1).data]"
    )
    assert not near(pixel, "#123a86")
    assert not near(pixel, "#ffffff")
    assert "未说明" in text(browser, "[data-sign='used']")


def test_a_long_drag_never_runs_into_an_empty_map(page):
    closer(page, 1)
    area = box(page, ".leaflet-container")
    x, y = area["x1"] - 60, (area["y0"] + area["y1"]) / 2
    actions = ActionChains(page, duration=20)
    mouse = actions.w3c_actions.pointer_action
    mouse.move_to_location(round(x), round(y))
    mouse.pointer_down()
    for step in range(1, 13):
        mouse.move_to_location(round(x - step * area["w"] / 16), round(y))
    actions.perform()
    settle(page)
    moved = page.execute_script("return coverage.map._getMapPanePos().x")
    assert moved < -0.5 * area["w"]
    assert page.execute_script("return coverage.marks.covers()")
    actions = ActionChains(page)
    actions.w3c_actions.pointer_action.pointer_up()
    actions.perform()


def test_the_whole_map_comes_back_also_in_the_midst_of_a_zoom(page):
    page.find_element(By.ID, "gp-whole").click()
    whole = page.execute_script("return coverage.map.getZoom()")
    running = page.execute_async_script(
        "const done = arguments[1], frame = requestAnimationFrame; coverage.map.setZoom(arguments[0] + 2);"
        "frame(() => frame(() => { const running = coverage.map._animatingZoom;"
        "document.getElementById('gp-whole').click(); done(running); }))",
        whole,
    )
    assert running
    wait(page, "return coverage.map._animatingZoom === false")
    settle(page)
    assert page.execute_script("return coverage.map.getZoom()") == whole


def test_the_name_of_a_town_stays_with_its_own_town(page):
    """Never nearer to the place of another town, never far from its own."""
    found = page.execute_script(
        "const at = (t) => coverage.map.latLngToContainerPoint([t.lat, t.lon]);"
        "const towns = coverage.page.townRows.map((t) => ({name: t.name, at: at(t)}));"
        "const map = coverage.map.getContainer().getBoundingClientRect();"
        "return [...document.querySelectorAll('.gp-label-town')].map((n) => {"
        "const r = n.getBoundingClientRect(), x = (r.left + r.right) / 2 - map.left, "
        "y = (r.top + r.bottom) / 2 - map.top;"
        "const away = (t) => Math.hypot(t.at.x - x, t.at.y - y);"
        "return [n.textContent, away(towns.find((t) => t.name === n.textContent)),"
        "towns.sort((a, b) => away(a) - away(b))[0].name]; })"
    )
    assert found
    for name, away, nearest in found:
        assert away <= 40, name
        assert nearest == name


def test_a_county_of_one_village_is_no_empty_map(browser, plan, tmp_path):
    one = plan.villages[plan.villages["households"] > 0].head(1)
    own = plan.options[plan.options["village_id"].isin(one["village_id"])]
    none = {"links": plan.links.head(0), "sources": plan.sources.head(0), "layers": {}}
    visit(browser, save(replace(plan, villages=one, options=own, **none), tmp_path))
    r, x, y, across = browser.execute_script(
        "const {marks, map} = coverage, p = marks.at(0), o = marks.inside([0, 0]);"
        "const b = map.getContainer().getBoundingClientRect(), s = map.getSize();"
        "return [marks.radius(marks.root[0]), p.x - o.x + b.left, p.y - o.y + b.top,"
        "map.distance(map.containerPointToLatLng([0, 0]), map.containerPointToLatLng([0, s.y]))]"
    )
    assert r >= 8
    assert 2000 <= across <= 4000
    sign = {"x0": x - r, "y0": y - r, "x1": x + r, "y1": y + r}
    names = browser.find_elements(By.CLASS_NAME, "gp-label")
    assert [n.text for n in names] == [one["town"].item(), one["name"].item()]
    assert all(apart(sign, at) for at in boxes(browser, ".gp-label"))


def test_the_whole_county_is_shown_when_asked_for(browser, plan, tmp_path):
    """And on paper; the first view is closer, around the villages."""
    west, south, east, north = plan.layers["boundary"].to_crs(4326).total_bounds
    inside = (
        "const b = coverage.map.getBounds(), [w, s, e, n] = arguments;"
        "return b.getWest() <= w && b.getSouth() <= s && b.getEast() >= e && b.getNorth() >= n"
    )
    visit(browser, save(plan, tmp_path))
    first = browser.execute_script("return coverage.map.getZoom()")
    browser.find_element(By.ID, "gp-whole").click()
    wait(browser, "return !coverage.map._animatingZoom")
    assert browser.execute_script(inside, west, south, east, north)
    assert browser.execute_script("return coverage.map.getZoom()") <= first
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert browser.execute_script(inside, west, south, east, north)
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
