"""A headless Chromium that notes every request and every complaint of a page."""

import base64
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

EXAMPLE = Path(__file__).parents[3] / "docs" / "mnist-report.html"
NAMES = ("chromium", "chromium-browser", "google-chrome")
REQUIRED = os.environ.get("SDAE_BROWSER") == "required"


def found() -> tuple[str, str]:
    """Return the paths of a browser and its driver; skip the test where there are none.

    With ``SDAE_BROWSER=required`` the test fails instead.
    """
    browser = next((path for name in NAMES if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        words = "No Chromium with its driver was found: the pages of reports are not opened."
        if REQUIRED:
            pytest.fail(words)
        pytest.skip(words)
    return browser, driver


@contextmanager
def opened(*, width: int = 1440, height: int = 900, dark: bool = False) -> Iterator["Browser"]:
    """Start a browser with a window of a size, in light or dark mode."""
    binary, driver = found()
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        "--headless=new",
        "--hide-scrollbars",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        browser = Browser(chrome)
        browser.resize(width, height)
        browser.use_scheme("dark" if dark else "light")
        yield browser
    finally:
        chrome.quit()


class Browser:
    """What the tests ask of the browser."""

    def __init__(self, chrome: webdriver.Chrome) -> None:
        self.chrome = chrome

    def open(self, page: Path) -> None:
        """Open a file, and wait until its playground, if it has one, is ready."""
        self.chrome.get(page.as_uri())
        self.chrome.set_script_timeout(60)
        self.chrome.execute_async_script(
            """
            const done = arguments[arguments.length - 1];
            const ready = () =>
              !document.getElementById("playground-data") || window.playground.values;
            const wait = () => ready()
              ? requestAnimationFrame(() => requestAnimationFrame(() => done()))
              : setTimeout(wait, 20);
            wait();
            """
        )

    def scroll_to(self, identity: str) -> WebElement:
        """Bring an element to the middle of the window, and return it."""
        element = self.chrome.find_element(By.ID, identity)
        self.ask('arguments[0].scrollIntoView({block: "center", behavior: "instant"})', element)
        return element

    def settle(self) -> None:
        """Wait until what was changed is computed."""
        self.chrome.execute_async_script(
            "const done = arguments[0];"
            "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));"
        )

    def resize(self, width: int, height: int) -> None:
        """Give the page a size in CSS pixels, however small."""
        self._command(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def use_scheme(self, scheme: str) -> None:
        """Prefer ``light`` or ``dark``."""
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},  # what scrolls is not clicked
        ]
        self._command("Emulation.setEmulatedMedia", {"media": "", "features": features})

    def ask(self, script: str, *arguments: object) -> Any:
        """Run a script in the page and return its answer."""
        return self.chrome.execute_script(script, *arguments)

    def complaints(self) -> list[str]:
        """Return what the console was told since it was last asked."""
        return [entry["message"] for entry in self.chrome.get_log("browser")]  # type: ignore[no-untyped-call]

    def requests(self) -> list[str]:
        """Return what was asked for since last time, but for what pages hold in themselves."""
        addresses = []
        for entry in self.chrome.get_log("performance"):  # type: ignore[no-untyped-call]
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                addresses.append(message["params"]["request"]["url"])
        return [address for address in addresses if not address.startswith(("data:", "blob:"))]

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Write what is seen, or the whole page, as a PNG."""
        shot = self._command("Page.captureScreenshot", {"captureBeyondViewport": whole})
        if whole:
            size = self._command("Page.getLayoutMetrics", {})["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
            shot = self._command(
                "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip}
            )
        path.write_bytes(base64.b64decode(shot["data"]))

    def print_as_media(self) -> None:
        """Show the page as on paper."""
        self._command("Emulation.setEmulatedMedia", {"media": "print"})

    def pdf(self) -> bytes:
        """Print the page."""
        return base64.b64decode(
            self._command("Page.printToPDF", {"preferCSSPageSize": True})["data"]
        )

    def _command(self, name: str, parameters: dict[str, object]) -> Any:
        return self.chrome.execute_cdp_cmd(name, parameters)
