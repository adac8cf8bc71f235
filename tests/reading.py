"""Reading the interactive map in a real browser: what the tests of its side panel and of its tools share."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.browser import ActionChains, By

Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys

PAYERS = ("central", "province", "city", "district")


def rich(plan):
    """The plan with the money, the capacities and the emissions that a planned county has."""
    villages, number = plan.villages.copy(), np.arange(len(plan.villages))
    busy = villages["households"] > 0
    villages["subsidy_central_cny"] = villages["households"] * 3000.0
    villages["subsidy_city_cny"] = np.where(number % 10 == 1, np.nan, villages["households"] * 1500.0)
    villages["subsidy_city_stated_cny"] = villages["households"] * 500.0
    villages["subsidy_province_cny"] = villages["subsidy_district_cny"] = 0.0
    villages["enterprise_capex_cny"] = villages["households"] * 11_600.0
    villages["household_capex_unsubsidised_cny"] = villages["households"] * 5_000.0
    villages["household_cost_unsubsidised_cny_per_season"] = villages["household_cost_cny_per_season"] + 300
    villages["subsidy_operating_cny_per_a"] = villages["households"] * 200.0
    for name, per in (("co2", 2.0), ("pm25", 9.0), ("so2", 8.0), ("nox", 3.0)):
        unit = "t_per_a" if name == "co2" else "kg_per_a"
        villages[f"{name}_{unit}"] = villages["households"] * per
        villages[f"{name}_avoided_{unit}"] = villages["households"] * per * 3
    villages.loc[~busy, "decision"] = "deferred"
    options = plan.options.copy()
    options["source_id"] = options["route"].map({"district_heating": "H1", "gas": "G1", "heat_pump": "S3"})
    options["capacity_use"] = np.where(options["source_id"].notna(), 9.5, np.nan)
    options["capacity_unit"] = options["route"].map(
        {"district_heating": "MW", "gas": "m3/d", "heat_pump": "kVA"}
    )
    options["capacity_value_cny_per_unit"] = 321.0
    options["household_capex_cny"] = 240_000.0
    options["household_capex_unsubsidised_cny"] = 500_000.0
    options["subsidy_operating_cny_per_a"] = 30_000.0
    options["co2_t_per_a"] = 88.0
    for payer in PAYERS:
        options[f"subsidy_{payer}_cny"] = 100_000.0
    policy = SimpleNamespace(title=plan.policy.title, year=2022, maker="测试县", document="测试文件")
    return replace(plan, villages=villages, options=options, policy=policy)


def shown(browser) -> list[str]:
    """Ids of the villages that the filter leaves."""
    return browser.execute_script(
        "return coverage.page.villages.village_id.filter((_, i) => coverage.page.shown[i] === 1)"
    )


def numbers(said: str) -> list[float]:
    return [float(n.replace(",", "")) for n in re.findall(r"-?[\d,]+\.?\d*", said)]


def pick(browser, key: str, *names: str) -> None:
    """Tick boxes of one filter, as a reader does."""
    browser.find_element(By.CSS_SELECTOR, f"[data-filter={key}]").click()
    rows = browser.find_elements(By.CSS_SELECTOR, f"#gp-pop-{key} .gp-pop-row")
    for name in names:
        next(row for row in rows if row.text.split("\n")[0].startswith(name)).click()
    ActionChains(browser).send_keys(Keys.ESCAPE).perform()


def choose(browser, village_id: str) -> None:
    browser.execute_script(
        "coverage.choose(coverage.page.villageRows.find(v => v.village_id === arguments[0]), true)",
        village_id,
    )


def unfold(browser) -> None:
    browser.execute_script("document.querySelectorAll('#gp-panel details').forEach(d => {d.open = true})")
