"""Driving the interactive map in a real browser without a network: what the browser tests share."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from geoplan.model import Plan
from geoplan.webmap import coverage_html

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--window-size=1600,1000",
)


def start() -> Any:
    """A browser that reaches nothing and keeps a record of what it tried."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))


def save(plan: Plan, folder: Path, **options: Any) -> str:
    """The map of a plan as a file, and its address."""
    path = folder / "coverage.html"
    path.write_text(coverage_html(plan, **options), "utf-8")
    return path.as_uri()


def window(browser: Any, width: int, height: int, *, fine: float = 1) -> None:
    """Give the page a window of this size. [px]"""
    size = {"width": width, "height": height, "deviceScaleFactor": fine, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def visit(browser: Any, address: str, *, width: int = 1600, height: int = 1000, fine: float = 1) -> Any:
    """Open a map and wait until it is there."""
    window(browser, width, height, fine=fine)
    browser.get_log("performance"), browser.get_log("browser")
    browser.get(address)
    wait(browser, "return !!window.coverage")
    return browser


def wait(browser: Any, script: str, *arguments: Any) -> Any:
    """Wait until a script returns something true."""
    return WebDriverWait(browser, 10).until(lambda b: b.execute_script(script, *arguments))


def settle(browser: Any) -> None:
    """Wait until what was asked for is drawn."""
    browser.execute_async_script(
        "const done = arguments[0];"
        "const frame = (n) => requestAnimationFrame(() => n ? frame(n - 1) : done());"
        "frame(3)"
    )


def requests(browser: Any) -> list[str]:
    """Every address that the page has asked for."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]


def text(browser: Any, selector: str) -> str:
    """The text that a reader sees there."""
    return str(browser.find_element(By.CSS_SELECTOR, selector).text)


def search(browser: Any, query: str, *keys: str) -> None:
    """Type into the search box."""
    box_ = browser.find_element(By.ID, "gp-query")
    box_.clear()
    box_.send_keys(query, *keys)


def box(browser: Any, selector: str) -> dict[str, float]:
    """Where something stands in the window. [px]"""
    found: dict[str, float] = browser.execute_script(
        "const r = document.querySelector(arguments[0]).getBoundingClientRect();"
        "return {x0: r.left, y0: r.top, x1: r.right, y1: r.bottom, w: r.width, h: r.height}",
        selector,
    )
    return found


def boxes(browser: Any, selector: str) -> list[dict[str, float]]:
    """Where all of them stand in the window. [px]"""
    found: list[dict[str, float]] = browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(n => {const r = n.getBoundingClientRect();"
        "return {x0: r.left, y0: r.top, x1: r.right, y1: r.bottom}})",
        selector,
    )
    return found


def apart(a: dict[str, float], b: dict[str, float]) -> bool:
    """Whether two boxes share nothing."""
    return a["x1"] <= b["x0"] or b["x1"] <= a["x0"] or a["y1"] <= b["y0"] or b["y1"] <= a["y0"]


def village(plan: Plan, **where: Any) -> Any:
    """The first village with a place and these values."""
    rows = plan.villages[~plan.villages["unlocated"].astype(bool)]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows.sort_values("village_id").iloc[0]


def point(browser: Any, village_id: str) -> list[float]:
    """Where a village is drawn, in pixels of the window."""
    at: list[float] = browser.execute_script(
        "const v = coverage.page.villageRows.find(v => v.village_id === arguments[0]);"
        "const p = coverage.map.latLngToContainerPoint([v.lat, v.lon]);"
        "const r = coverage.map.getContainer().getBoundingClientRect();"
        "return [p.x + r.left, p.y + r.top]",
        village_id,
    )
    return at


def pointer(browser: Any, x: float, y: float, *, click: bool = False) -> None:
    """Move the mouse to a pixel of the window, and press there."""
    actions = ActionChains(browser)
    actions.w3c_actions.pointer_action.move_to_location(round(x), round(y))
    if click:
        actions.w3c_actions.pointer_action.click()
    actions.perform()


def hover(browser: Any, x: float, y: float) -> None:
    """Rest the mouse on a pixel of the window until the page says what lies there."""

    def told(_: Any) -> bool:
        pointer(browser, x + 1, y)
        pointer(browser, x, y)
        return bool(browser.find_elements(By.CLASS_NAME, "leaflet-tooltip"))

    WebDriverWait(browser, 10).until(told)


def click_village(browser: Any, village_id: str) -> None:
    """Click where a village is drawn."""
    pointer(browser, *point(browser, village_id), click=True)
