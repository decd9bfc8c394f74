"""The pages in a browser: opened from the disk, made small, dark, and printed."""

import re
from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from sdae.app.report.facts import Facts
from tests.app.report.browser import Browser

FIGURES = """
return [...document.querySelectorAll("main img, main svg[role=img], main canvas")]
  .filter((e) => !e.closest(".step:not(.shown)") && !e.matches("svg.map:not(.shown)"))
  .map((e) => {
    const box = e.getBoundingClientRect();
    const loaded = e.tagName !== "IMG" || (e.complete && e.naturalWidth > 0);
    const text = e.getAttribute("alt") ?? e.getAttribute("aria-label") ?? "";
    return [text, box.width, box.height, loaded, e.checkVisibility()];
  });
"""
STRIPS = 'return [...document.querySelectorAll(".step.shown img")].map((e) => e.src)'


@pytest.mark.parametrize("name", ["digits", "strange", "crowd", "example"])
def test_a_page_opens_and_every_figure_is_seen_and_told(
    name: str, pages: dict[str, Path], browser: Browser
) -> None:
    browser.open(pages[name])
    assert browser.requests() == [pages[name].as_uri()]
    figures = browser.ask(FIGURES)
    assert len(figures) >= 7
    for text, width, height, loaded, visible in figures:
        assert len(text) > 10
        assert min(width, height) > 20, text
        assert loaded, text
        assert visible, text


def test_the_slider_changes_the_pictures(pages: dict[str, Path], browser: Browser) -> None:
    browser.open(pages["digits"])
    slider = browser.scroll_to("level")
    before, output = browser.ask(STRIPS), browser.chrome.find_element(By.ID, "level-text")
    assert (len(before), output.text) == (4, "masking:0.3")
    slider.send_keys(Keys.ARROW_RIGHT)
    after = browser.ask(STRIPS)
    assert output.text == "masking:0.4"
    assert after[0] == before[0]
    assert all(a != b for a, b in zip(after[1:], before[1:], strict=True))
    for _ in range(4):
        slider.send_keys(Keys.ARROW_LEFT)
    assert output.text == "masking:0.0"
    clean, corrupted, *_ = browser.ask(STRIPS)
    assert clean == corrupted


def test_the_map_tells_of_its_points(
    pages: dict[str, Path], browser: Browser, digit_facts: Facts
) -> None:
    browser.open(pages["digits"])
    text = browser.scroll_to("map-text")
    circle = browser.chrome.find_element(By.CSS_SELECTOR, "svg.map.shown g:last-of-type circle")
    ActionChains(browser.chrome).move_to_element(circle).perform()
    found = re.fullmatch(r"Row (\d+), label (\d), predicted (\d) \([\d.]+\s%\)", text.text)
    assert found is not None, text.text
    assert digit_facts.rows is not None
    assert digit_facts.rows.shown.y is not None
    assert int(found[2]) == digit_facts.rows.shown.y[int(found[1])]
    pca = browser.chrome.find_element(By.CSS_SELECTOR, "#projections input[value='0']")
    pca.click()
    label = browser.ask('return document.querySelector("svg.map.shown").getAttribute("aria-label")')
    assert "by PCA" in label
    browser.chrome.find_element(By.CSS_SELECTOR, ".legend button[data-label='3']").click()
    bright = 'return [...document.querySelectorAll("svg.map.shown g:not(.dimmed)")].length'
    assert browser.ask(bright) == 1


@pytest.mark.parametrize("name", ["digits", "strange", "crowd", "example"])
@pytest.mark.parametrize("width", [320, 1440])
def test_nothing_is_wider_than_the_window(
    name: str, width: int, pages: dict[str, Path], browser: Browser
) -> None:
    browser.resize(width, 700)
    browser.open(pages[name])
    inner, content = browser.ask("return [innerWidth, document.documentElement.scrollWidth]")
    assert inner == width
    assert content <= width
    for text, seen, height, _, _ in browser.ask(FIGURES):
        assert 20 < seen <= width, text
        assert height > 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_are_seen_in_light_and_dark(
    scheme: str, pages: dict[str, Path], browser: Browser
) -> None:
    browser.use_scheme(scheme)
    browser.open(pages["digits"])
    ground = luminance(browser, "body", "backgroundColor")
    assert (ground > 0.9) if scheme == "light" else (ground < 0.02)
    for selector, least in (
        *((text, 7) for text in ("body", "h2", "td.bar", "button", "select")),
        *((text, 4.5) for text in ("a", "figcaption", "caption", ".detail", ".headline dt")),
    ):
        assert contrast(luminance(browser, selector, "color"), ground) >= least, selector
    assert contrast(luminance(browser, ".chart text", "fill"), ground) >= 7


def luminance(browser: Browser, selector: str, name: str) -> float:
    """Return the relative luminance of a colour of the first element of a selector."""
    script = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    channels = re.findall(r"[\d.]+", browser.ask(script, selector, name))[:3]
    shares = np.array([float(channel) / 255 for channel in channels])
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(a: float, b: float) -> float:
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


def test_it_prints(pages: dict[str, Path], browser: Browser) -> None:
    browser.use_scheme("dark")
    browser.open(pages["digits"])
    content = browser.pdf()
    assert content.startswith(b"%PDF-")
    assert 3 <= len(re.findall(rb"/Type /Page\b", content)) <= 12
    browser.print_as_media()
    assert luminance(browser, "body", "backgroundColor") > 0.9
    hidden = (
        'return ["nav", "#playground", "#level"].map((s) => document.querySelector(s).offsetParent)'
    )
    assert browser.ask(hidden) == [None] * 3
    assert browser.ask('return document.querySelector("details").open')
