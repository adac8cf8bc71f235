"""What tests of several files share."""

import pytest


@pytest.fixture(scope="session")
def browser():
    """One browser for all pages; skipped, with the reason, where there is none."""
    tools = pytest.importorskip("tests.browser", reason="selenium is not installed")
    if not (tools.CHROMIUM and tools.DRIVER):
        pytest.skip("needs chromium and chromedriver on the PATH; one of them is absent")
    driver = tools.start()
    yield driver
    driver.quit()
