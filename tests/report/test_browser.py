"""The pages in a browser: opened from the disk, drawn on, made small, dark, and printed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from sdae.report.facts import Facts
from sdae.report.stages import as_input
from tests.report.browser import Browser, opened
from tests.report.runs import STRANGE, Page, digit_rows

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "mnist-report.html"

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


@pytest.fixture(scope="module")
def pages(
    digit_page: Page, strange_page: Page, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The pages on the disk, by name."""
    folder = tmp_path_factory.mktemp("pages")
    paths = {"digits": folder / "digits.html", "strange": folder / "ünïcode page.html"}
    for page, path in zip((digit_page, strange_page), paths.values(), strict=True):
        path.write_text(page.source, "utf-8")
    return {**paths, "example": EXAMPLE}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests."""
    with opened() as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """The browser, as wide as a desk's and light; nothing may be complained of or asked for."""
    chromium.resize(1440, 900)
    chromium.use_scheme("light")
    chromium.complaints(), chromium.requests()
    yield chromium
    assert chromium.complaints() == []
    assert all(address.startswith("file:") for address in chromium.requests())


def scroll_to(browser: Browser, identity: str) -> Any:
    element = browser.chrome.find_element(By.ID, identity)
    browser.ask('arguments[0].scrollIntoView({ block: "center", behavior: "instant" })', element)
    return element


def draw(browser: Browser, *strokes: list[tuple[float, float]]) -> None:
    """Draw lines on the pad with the pointer; places are shares of its width and height."""
    pad = scroll_to(browser, "pad")
    width, height = pad.size["width"], pad.size["height"]
    for stroke in strokes:
        pen = ActionChains(browser.chrome, duration=20)
        for number, (x, y) in enumerate(stroke):
            pen.move_to_element_with_offset(
                pad, round((x - 0.5) * width), round((y - 0.5) * height)
            )
            if number == 0:
                pen.click_and_hold()
        pen.release().perform()
    settle(browser)


def settle(browser: Browser) -> None:
    """Wait until what was changed is computed."""
    browser.chrome.execute_async_script(
        "const done = arguments[0];"
        "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));"
    )


def shown_probabilities(browser: Browser) -> dict[str, float]:
    lines = browser.ask(
        'return [...document.querySelectorAll("#probabilities tr")]'
        ".map((e) => [...e.cells].map((c) => c.textContent))"
    )
    return {name: float(share.removesuffix("\u00a0%")) / 100 for name, share in lines}


@pytest.mark.parametrize("name", ["digits", "strange", "example"])
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
    slider = scroll_to(browser, "level")
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


def test_a_drawn_digit_is_classified_as_the_model_does(
    pages: dict[str, Path], browser: Browser, digit_facts: Facts
) -> None:
    browser.open(pages["digits"])
    browser.chrome.find_element(By.ID, "clear").click()
    settle(browser)
    empty = browser.ask("return playground.values()")
    assert set(empty) == {0}
    forms = 'return [...document.querySelectorAll("#forms canvas")].map((e) => e.toDataURL())'
    before = browser.ask(forms)
    assert digit_facts.rows is not None
    draw(browser, [(0.3, 0.1), (0.7, 0.1), (0.7, 0.5), (0.45, 0.95)], [(0.3, 0.5), (0.8, 0.5)])
    values = np.array([browser.ask("return playground.values()")], np.float32)
    assert (values > 0).sum() > 8
    assert values.max() == pytest.approx(digit_facts.rows.shown.x.max())
    exact = digit_facts.networks.final.stack.predict_proba(values).numpy()[0]
    shown = shown_probabilities(browser)
    assert list(shown) == [str(label) for label in range(10)]
    assert np.abs(np.array(list(shown.values())) - exact).max() <= 0.02 + 0.0005
    text = browser.chrome.find_element(By.ID, "playground-text").text
    best = max(shown, key=lambda label: shown[label])
    assert text.startswith(f"Taken for {best} ({100 * shown[best]:.1f} %); corrupted, for ")
    after = browser.ask(forms)
    assert len(after) == 4
    assert all(a != b for a, b in zip(after, before, strict=True))


def test_the_page_agrees_with_the_model_on_a_thousand_rows(
    pages: dict[str, Path], browser: Browser, digit_facts: Facts
) -> None:
    browser.open(pages["digits"])
    x = (digit_rows()[0].reshape(-1, 64)[:1000] / 256).astype(np.float32)
    ask = "return arguments[0].map((row) => playground.{}(row))"
    page = np.array(browser.ask(ask.format("probabilities"), x.tolist()))
    exact = digit_facts.networks.final.stack.predict_proba(x).numpy()
    difference = np.abs(page - exact).max(axis=1)
    assert (difference <= 0.02).mean() >= 0.99
    rebuilt = np.array(browser.ask(ask.format("reconstructions"), x[:50].tolist()))
    for depth in (1, 2):
        wanted = digit_facts.networks.pretrained.stack.reconstruct(x[:50], depth).detach().numpy()
        assert np.abs(rebuilt[:, depth - 1] - wanted).max() < 0.03


def test_noise_and_examples_change_what_is_shown(pages: dict[str, Path], browser: Browser) -> None:
    browser.open(pages["digits"])
    canvas = 'return document.querySelectorAll("#forms canvas")[arguments[0]].toDataURL()'
    clean, noisy = browser.ask(canvas, 0), browser.ask(canvas, 1)
    assert clean != noisy
    scroll_to(browser, "draw-noise").click()
    settle(browser)
    assert browser.ask(canvas, 0) == clean
    assert browser.ask(canvas, 1) != noisy
    for kind in ("gaussian", "salt_and_pepper", "masking"):
        Select(browser.chrome.find_element(By.ID, "noise")).select_by_value(kind)
        settle(browser)
        assert browser.ask(canvas, 1) != clean
    amount = browser.chrome.find_element(By.ID, "amount")
    amount.send_keys(Keys.HOME)
    settle(browser)
    assert browser.ask(canvas, 1) == clean
    Select(browser.chrome.find_element(By.ID, "example")).select_by_value("7")
    settle(browser)
    assert browser.ask(canvas, 0) != clean
    assert max(shown_probabilities(browser).values()) > 0.5


def test_the_keyboard_paints_too(pages: dict[str, Path], browser: Browser) -> None:
    browser.open(pages["digits"])
    browser.chrome.find_element(By.ID, "clear").click()
    browser.chrome.find_element(By.ID, "pad").send_keys(Keys.SPACE, Keys.ARROW_UP, Keys.SPACE)
    settle(browser)
    values = np.array(browser.ask("return playground.values()")).reshape(8, 8)
    assert values[4, 4] > 0
    assert values[3, 4] > 0
    assert values[0].max() == 0


def test_a_row_of_a_table_can_be_changed(
    pages: dict[str, Path], browser: Browser, strange_facts: Facts
) -> None:
    browser.open(pages["strange"])
    inputs = browser.chrome.find_elements(By.CSS_SELECTOR, "#forms input")
    assert len(inputs) == 4
    before = shown_probabilities(browser)
    assert set(before) == set(STRANGE)
    inputs[1].clear()
    inputs[1].send_keys("9.5")
    settle(browser)
    values = np.array([browser.ask("return playground.values()")], np.float32)
    assert values[0, 1] == 9.5
    final = strange_facts.networks.final
    exact = final.stack.predict_proba(as_input(final, values)).numpy()[0]
    shown = shown_probabilities(browser)
    assert shown != before
    assert final.classes is not None
    for label, p in zip(final.classes, exact, strict=True):
        assert shown[str(label)] == pytest.approx(p, abs=0.0205)


def test_the_map_tells_of_its_points(
    pages: dict[str, Path], browser: Browser, digit_facts: Facts
) -> None:
    browser.open(pages["digits"])
    text = scroll_to(browser, "map-text")
    circle = browser.chrome.find_element(By.CSS_SELECTOR, "svg.map.shown g:last-of-type circle")
    ActionChains(browser.chrome).move_to_element(circle).perform()
    found = re.fullmatch(r"Row (\d+), label (\d), taken for (\d) \([\d.]+\s%\)", text.text)
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


@pytest.mark.parametrize("name", ["digits", "strange", "example"])
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


def test_the_example_in_the_documentation_reads_a_drawn_digit(browser: Browser) -> None:
    source = EXAMPLE.read_text("utf-8")
    assert len(source.encode()) < 4_000_000
    assert not re.search(r"/(work|tmp|home|root)/", source)
    browser.open(EXAMPLE)
    browser.chrome.find_element(By.ID, "clear").click()
    draw(browser, [(0.5, 0.2), (0.48, 0.8)])
    shown = shown_probabilities(browser)
    assert shown["1"] > 0.8
    browser.chrome.find_element(By.ID, "clear").click()
    ring = [(0.5 + 0.2 * np.cos(t), 0.5 + 0.3 * np.sin(t)) for t in np.linspace(0, 6.3, 16)]
    draw(browser, ring)
    assert shown_probabilities(browser)["0"] > 0.8
