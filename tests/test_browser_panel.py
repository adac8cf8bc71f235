"""Reading the map in a real browser: the filter, the totals that follow it, and the fact sheet."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests import worlds_map
from tests.browser import By, box, click_village, save, search, text, village, visit, wait
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


# Filter


def test_filter_by_town_and_route_and_decision(page, plan):
    town = plan.villages["town"].iloc[0]
    pick(page, "towns", town)
    assert sorted(shown(page)) == sorted(plan.villages.query("town == @town")["village_id"])
    pick(page, "routes", "空气源热泵", "煤改气")
    pick(page, "decisions", "次序内首个可行")
    rows = plan.villages.query(
        "town == @town and route in ['heat_pump', 'gas'] and decision == 'first choice'"
    )
    assert len(rows)
    assert sorted(shown(page)) == sorted(rows["village_id"])
    chip = text(page, "#gp-filter-chip")
    assert chip.startswith("筛选中：")
    assert [said for said in (town, "煤改气、空气源热泵", f"{len(rows)} 村") if said not in chip] == []
    page.find_element(By.CSS_SELECTOR, "#gp-filter-chip button").click()
    assert len(shown(page)) == len(plan.villages)
    assert not page.find_element(By.ID, "gp-filter-chip").is_displayed()


def test_near_ties_only(page, plan):
    page.find_element(By.ID, "gp-ties").click()
    near = plan.villages[plan.villages["margin_pct"].abs() <= 5]
    assert sorted(shown(page)) == sorted(near["village_id"])


def test_a_town_is_found_in_a_long_list(page, plan):
    page.find_element(By.CSS_SELECTOR, "[data-filter=towns]").click()
    page.switch_to.active_element.send_keys("金积")
    rows = [
        r.text.split("\n")[0]
        for r in page.find_elements(By.CSS_SELECTOR, "#gp-pop-towns .gp-pop-row")
        if r.is_displayed()
    ]
    assert rows == ["金积镇"]


def test_the_slider_takes_years_up_to_and_including(page, plan):
    years = [t.text for t in page.find_elements(By.CSS_SELECTOR, ".gp-ticks span")]
    assert years == ["2022", "2023", "2024", "全部"]
    slider = page.find_element(By.ID, "gp-year")
    slider.send_keys(Keys.HOME, Keys.ARROW_RIGHT)
    done = plan.villages.query("year <= 2023 and households > 0")
    assert sorted(shown(page)) == sorted(done["village_id"])
    states = page.execute_script("return [...coverage.page.shown]")
    assert states.count(2) == len(plan.villages) - len(done)
    assert "无改造任务" in text(page, "[data-group='idle']")
    assert text(page, "[data-group='idle'] .gp-count") == "0"
    assert 0 not in states
    assert "截至 2023 年" in text(page, "#gp-filter-chip")
    assert slider.get_attribute("aria-valuetext") == "截至 2023 年"


def test_play_walks_through_the_years(page, plan):
    page.execute_script(
        "window.walked = []; coverage.page.onFilter.push(() => walked.push(coverage.page.filter.year))"
    )
    page.find_element(By.CLASS_NAME, "gp-play").click()
    wait(page, "return walked.length > 3")
    assert page.execute_script("return walked") == [2022, 2023, 2024, None]
    assert text(page, ".gp-play") == "▶"


@pytest.mark.parametrize("year", [2022, None])
def test_no_slider_for_one_year_or_none(browser, plan, tmp_path, year):
    dated = plan.villages.assign(year=pd.array([year] * len(plan.villages), dtype="Int64"))
    visit(browser, save(replace(plan, villages=dated), tmp_path))
    assert browser.find_elements(By.ID, "gp-year") == []
    assert browser.get_log("browser") == []


def test_the_legend_sets_the_same_filter(page, plan):
    page.find_element(By.CSS_SELECTOR, "[data-group='route:gas'] input").click()
    assert sorted(shown(page)) == sorted(plan.villages.query("route != 'gas'")["village_id"])
    assert "改造方式" in text(page, "#gp-filter-chip")


# Totals


def money_rows(browser, selector: str) -> dict[str, float]:
    rows = browser.find_elements(By.CSS_SELECTOR, f"{selector} dl:not(.gp-charts):not(.gp-tiles) > div")
    cells = [(r.find_element(By.TAG_NAME, "dt").text, r.find_element(By.TAG_NAME, "dd").text) for r in rows]
    return {label: numbers(value)[0] for label, value in cells if numbers(value)}


@pytest.mark.parametrize("town", [None, "金积镇"])
def test_totals_equal_the_plan(page, plan, town):
    rows = plan.villages
    if town:
        pick(page, "towns", town)
        rows = rows[rows["town"] == town]
    busy = rows[rows["households"] > 0]
    assert ("筛选范围合计" if town else "全域合计") in text(page, "#gp-county h2")
    head = text(page, "#gp-county .gp-panel-head p")
    assert numbers(head)[:3] == [len(busy), len(rows), rows["households"].sum()]
    assert ("未落图 3 村" in head) == (town is None)
    by_route = busy.groupby("route")["households"].agg(["sum", "size"])
    said = [numbers(r.text.split("\n")[-1]) for r in page.find_elements(By.CSS_SELECTOR, ".gp-bars tbody tr")]
    assert sorted(s[-2:] for s in said) == sorted(
        [float(a), float(b)] for a, b in by_route.to_numpy().tolist()
    )
    money = money_rows(page, "#gp-county")
    open_rows = busy["subsidy_city_cny"].isna()
    left = (busy["capex_cny"] - busy["households"] * (3000 + 500 + 2400 + 11_600))[open_rows].sum()
    city = busy["subsidy_city_cny"].fillna(busy["subsidy_city_stated_cny"]).sum()
    expected = {
        "中央补助": busy["subsidy_central_cny"].sum(), "市级补助": city, "待定": left,
        "农户自筹": busy["household_capex_cny"].sum(), "企业自筹": busy["enterprise_capex_cny"].sum(),
        "建设投资合计": busy["capex_cny"].sum(),
        "运行补助（首季，另计）": busy["subsidy_operating_cny_per_a"].sum(),
    }  # fmt: skip
    assert money == pytest.approx({k: v / 1e4 for k, v in expected.items()}, abs=0.51)
    county = text(page, "#gp-county")
    assert f"{open_rows.sum()} 个村的补助尚未明确" in county
    assert f"{busy['co2_avoided_t_per_a'].sum():,.0f}" in county
    assert "比散煤减 75%" in county
    mean = np.average(busy["household_cost_cny_per_season"], weights=busy["households"])
    assert f"{mean:,.0f}" in county
    assert "合计含示例数据" in county


def test_capacities_follow_the_filter(page, plan):
    assert "第一热源厂" in text(page, "#gp-county")
    assert "73.1 / 85.0 MW (86 %)" in text(page, "#gp-county")
    pick(page, "routes", "煤改气")
    county = text(page, "#gp-county")
    assert "利通门站" in county
    assert "第一热源厂" not in county
    served = (plan.villages["route"] == "gas").sum()
    bar = "document.querySelector('.gp-source .gp-chart span')"
    dark = page.execute_script(f"return parseFloat({bar}.style.width)")
    assert dark == pytest.approx(100 * served * 9.5 / 60_000, rel=1e-3)


def test_a_season_that_is_open_for_some_is_no_mean(browser, plan, tmp_path):
    some = plan.villages.assign(
        household_cost_cny_per_season=plan.villages["household_cost_cny_per_season"].where(
            plan.villages.index > 9
        )
    )
    visit(browser, save(replace(plan, villages=some), tmp_path))
    open_ = ((some.index <= 9) & (some["households"] > 0)).sum()
    assert f"{open_} 个村待定" in text(browser, "#gp-county .gp-charts-long")


def test_nothing_passes_the_filter(page):
    page.execute_script("coverage.page.setFilter({towns: new Set()})")
    assert "没有符合筛选条件的村" in text(page, "#gp-county")
    assert page.get_log("browser") == []


def test_the_totals_give_their_room_to_the_map(page):
    before = box(page, ".folium-map")["w"]
    page.find_element(By.CSS_SELECTOR, "#gp-county .gp-close").click()
    assert box(page, ".folium-map")["w"] > before + 300
    assert page.switch_to.active_element.get_attribute("id") == "gp-county-open"
    page.switch_to.active_element.click()
    assert page.find_element(By.ID, "gp-county").is_displayed()


# Fact sheet


def test_a_click_opens_the_sheet_in_place_of_the_totals(page, plan):
    row = village(plan, route="district_heating", dwelling="bungalow")
    search(page, row["village_id"], Keys.ENTER)
    wait(page, "return coverage.map.getZoom() >= 14")
    page.find_element(By.CSS_SELECTOR, "#gp-panel .gp-close").click()
    wait(page, "return document.getElementById('gp-panel').hidden && !coverage.map._animatingZoom")
    assert page.find_element(By.ID, "gp-county").is_displayed()
    click_village(page, row["village_id"])
    assert not page.find_element(By.ID, "gp-county").is_displayed()
    unfold(page)
    panel = text(page, "#gp-panel")
    expected = [
        row["name"], row["village_id"], row["town"], row["reason"], row["provenance"],
        f"{row['households']:,} 户", f"{row['year']} 年",
        f"{row['heat_load_kw']:,.1f}".removesuffix(".0") + " kW",
        f"{row['heat_connection_m']:,.0f} m", f"{row['break_even_m']:,.0f} m",
        f"{row['household_cost_cny_per_season']:,.0f} 元", "无补助 1,510 元", "2,400 元", "无补助 5,000 元",
        "第一热源厂（H1）", "集中供暖", "空气源热泵", "为什么接集中供暖",
        "贵" if row["margin_pct"] >= 0 else "便宜",
        "次序内首个可行" if row["decision"] == "first choice" else "首选能力不足",
    ]  # fmt: skip
    assert [fact for fact in expected if fact not in panel] == []
    page.find_element(By.CLASS_NAME, "gp-back").click()
    assert page.find_element(By.ID, "gp-county").is_displayed()


def test_every_route_stands_beside_the_others(page, plan):
    row = village(plan, route="heat_pump")
    choose(page, row["village_id"])
    options = plan.options[plan.options["village_id"] == row["village_id"]]
    table = text(page, ".gp-options")
    lines = page.find_elements(By.CSS_SELECTOR, ".gp-options tbody tr")
    assert len(lines) == len(options)
    assert lines[0].text.startswith("空气源热泵\n采用")
    own = options.set_index("route").loc["heat_pump"]
    assert f"{own['annual_cost_cny'] / 1e4:,.2f}".rstrip("0").rstrip(".") in lines[0].text
    assert f"{240_000 / row['households']:,.0f}" in lines[0].text
    assert {"40", "+3/年", "88"} <= set(lines[0].text.split())
    assert table.count("不可行") == (~options["feasible"]).sum()
    assert "待定" in next(line.text for line in lines if line.text.startswith("煤改气"))


def test_why_not_the_pipe_and_why_not_the_others(page, plan):
    row = village(plan, route="heat_pump")
    choose(page, row["village_id"])
    panel = text(page, "#gp-panel")
    assert "为什么不接集中供暖" in panel
    assert (
        f"接入长度超过盈亏平衡长度（实际 {row['heat_connection_m']:,.0f}，限值 {row['break_even_m']:,.0f} m）"
        in panel
    )
    assert "2 公里内无燃气管网" not in panel
    unfold(page)
    panel = text(page, "#gp-panel")
    assert "2 公里内无燃气管网（实际 2,380，限值 2,000 m）" in panel
    options = plan.options[plan.options["village_id"] == row["village_id"]].set_index("route")
    cost = options["annual_cost_cny"]
    more = 100 * (cost["biomass"] / cost["heat_pump"] - 1)
    assert f"可行，年社会费用比采用方式{'贵' if more >= 0 else '便宜'} {abs(more):,.1f}" in panel


def test_competition_for_capacity(page, plan):
    choose(page, village(plan, route="heat_pump")["village_id"])
    unfold(page)
    lines = [line.text for line in page.find_elements(By.CSS_SELECTOR, ".gp-capacity tbody tr")]
    assert len(lines) == 3
    left = plan.sources.set_index("source_id").eval("capacity - used")["S3"]
    assert "扁担沟 35 kV（S3）" in lines[0]
    assert f"9.5 kVA {left:,.0f} kVA 321" in lines[0].replace("\n", " ")


def test_a_near_tie_says_so(page, plan):
    near = plan.villages[(plan.villages["margin_pct"].abs() <= 5) & (plan.villages["households"] > 0)].iloc[0]
    choose(page, near["village_id"])
    assert "与次选接近" in text(page, ".gp-verdict")
    assert "相差不超过 5%" in text(page, ".gp-tie-note")
    far = plan.villages[(plan.villages["margin_pct"].abs() > 5) & (plan.villages["households"] > 0)].iloc[0]
    choose(page, far["village_id"])
    assert page.find_elements(By.CLASS_NAME, "gp-tie-note") == []


def test_the_order_of_the_document_is_why_a_cheaper_route_waits(browser, plan, tmp_path):
    policy = SimpleNamespace(title="图", year=2022, ranks=(("heat_pump", "solar_plus"), ("gas",)))
    first, second, third = plan.villages.query("route == 'heat_pump' and households > 0").index[:3]
    villages = plan.villages.assign(margin_pct=12.0)
    villages.loc[[first, second], "margin_pct"] = -8.04
    villages.loc[[first, third], "runner_up"] = "gas"
    villages.loc[second, "runner_up"] = "solar_plus"
    visit(browser, save(replace(plan, villages=villages, policy=policy), tmp_path))
    choose(browser, villages.loc[first, "village_id"])
    said = text(browser, ".gp-order")
    assert said.startswith("煤改气的年社会费用比采用的空气源热泵便宜 8%（以空气源热泵为 100%），")
    assert said.endswith("但按文件次序，空气源热泵在煤改气之前。")
    for other in (second, third):
        choose(browser, villages.loc[other, "village_id"])
        assert browser.find_elements(By.CLASS_NAME, "gp-order") == []


def test_a_village_with_nobody_to_convert_has_no_route(browser, plan, tmp_path):
    idle = plan.villages["households"] == 0
    route = plan.villages["route"].mask(idle, "deferred")
    decision = plan.villages["decision"].mask(idle, "deferred")
    visit(
        browser, save(replace(plan, villages=plan.villages.assign(route=route, decision=decision)), tmp_path)
    )
    choose(browser, plan.villages.loc[idle, "village_id"].iloc[0])
    assert text(browser, ".gp-verdict") == "无改造任务"
    assert "暂缓" not in text(browser, "#gp-panel")
    for key in ("routes", "decisions"):
        listed = browser.execute_script(f"return document.getElementById('gp-pop-{key}').textContent")
        assert "无改造任务" in listed
        assert "暂缓" not in listed


def test_villages_without_a_place_are_counted_and_said(page, plan):
    lost = int(plan.villages["unlocated"].sum())
    assert text(page, "#gp-unseen") == f"未落图 {lost} 村（无坐标），已计入合计"
    assert f"未落图 {lost} 村" in text(page, "#gp-county .gp-panel-head")


def test_made_data_is_said_in_the_sheet(page, plan):
    made = plan.villages["provenance"].str.startswith("illustrative")
    choose(page, plan.villages[made].iloc[0]["village_id"])
    assert f"本村含示例数据，并非实测：{worlds_map.MADE}" in text(page, "#gp-panel")
    choose(page, plan.villages[~made].iloc[0]["village_id"])
    assert "示例数据" not in text(page, "#gp-panel .gp-panel-body")


def test_open_amounts_are_never_zero(page, plan):
    row = plan.villages[plan.villages["subsidy_city_cny"].isna() & (plan.villages["households"] > 0)].iloc[0]
    choose(page, row["village_id"])
    unfold(page)
    left = row["capex_cny"] - row["households"] * (3000 + 500 + 2400 + 11_600)
    assert money_rows(page, "#gp-panel")["待定"] == pytest.approx(left / 1e4, abs=0.006)


@pytest.mark.parametrize(("width", "height"), [(1600, 900), (1366, 768), (1024, 768), (390, 844)])
def test_nothing_of_the_sheet_is_cut_off(browser, address, plan, width, height):
    visit(browser, address, width=width, height=height)
    choose(browser, village(plan, route="heat_pump")["village_id"])
    unfold(browser)
    wide = (
        "return [...document.querySelectorAll('#gp-panel :is(div, table), #gp-filter')]"
        ".filter(n => n.scrollWidth > n.clientWidth + 1 && n.clientWidth).map(n => n.className + n.id)"
    )
    assert browser.execute_script(wide) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
