"""The playground in a browser: drawn on, changed, and checked against the model."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

import sdae
from sdae.app.report.facts import Facts
from sdae.app.report.stages import as_input
from sdae.core.kinds.activations import Activation
from tests.app.report.browser import EXAMPLE, Browser
from tests.app.report.runs import STRANGE, digit_rows, without_bytes

NETWORK_JS = Path(sdae.__file__).parent / "app" / "report" / "static" / "network.js"


def draw(browser: Browser, *strokes: list[tuple[float, float]]) -> None:
    """Draw lines on the pad with the pointer; places are shares of its width and height."""
    pad = browser.scroll_to("pad")
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
    browser.settle()


def shown_probabilities(browser: Browser) -> dict[str, float]:
    lines = browser.ask(
        'return [...document.querySelectorAll("#probabilities tr")]'
        ".map((e) => [...e.cells].map((c) => c.textContent))"
    )
    return {name: float(share.removesuffix("\u00a0%")) / 100 for name, share in lines}


def test_a_drawn_digit_is_classified_as_the_model_does(
    pages: dict[str, Path], browser: Browser, digit_facts: Facts
) -> None:
    browser.open(pages["digits"])
    browser.chrome.find_element(By.ID, "clear").click()
    browser.settle()
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
    assert text.startswith(f"Predicted: {best} ({100 * shown[best]:.1f} %); corrupted: ")
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
    browser.scroll_to("draw-noise").click()
    browser.settle()
    assert browser.ask(canvas, 0) == clean
    assert browser.ask(canvas, 1) != noisy
    for kind in ("gaussian", "salt_and_pepper", "masking"):
        Select(browser.chrome.find_element(By.ID, "noise")).select_by_value(kind)
        browser.settle()
        assert browser.ask(canvas, 1) != clean
    amount = browser.chrome.find_element(By.ID, "amount")
    amount.send_keys(Keys.HOME)
    browser.settle()
    assert browser.ask(canvas, 1) == clean
    Select(browser.chrome.find_element(By.ID, "example")).select_by_value("7")
    browser.settle()
    assert browser.ask(canvas, 0) != clean
    assert max(shown_probabilities(browser).values()) > 0.5


def test_the_keyboard_paints_too(pages: dict[str, Path], browser: Browser) -> None:
    browser.open(pages["digits"])
    browser.chrome.find_element(By.ID, "clear").click()
    browser.chrome.find_element(By.ID, "pad").send_keys(Keys.SPACE, Keys.ARROW_UP, Keys.SPACE)
    browser.settle()
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
    browser.settle()
    values = np.array([browser.ask("return playground.values()")], np.float32)
    assert values[0, 1] == 9.5
    final = strange_facts.networks.final
    exact = final.stack.predict_proba(as_input(final, values)).numpy()[0]
    shown = shown_probabilities(browser)
    assert shown != before
    assert final.classes is not None
    for label, p in zip(final.classes, exact, strict=True):
        assert shown[str(label)] == pytest.approx(p, abs=0.0205)


def test_the_example_in_the_documentation_reads_a_drawn_digit(browser: Browser) -> None:
    source = EXAMPLE.read_text("utf-8")
    assert len(source.encode()) < 4_000_000
    assert not re.search(r"/(work|tmp|home|root)/", without_bytes(source))
    browser.open(EXAMPLE)
    browser.chrome.find_element(By.ID, "clear").click()
    draw(browser, [(0.5, 0.2), (0.48, 0.8)])
    shown = shown_probabilities(browser)
    assert shown["1"] > 0.8
    browser.chrome.find_element(By.ID, "clear").click()
    ring = [(0.5 + 0.2 * np.cos(t), 0.5 + 0.3 * np.sin(t)) for t in np.linspace(0, 6.3, 16)]
    draw(browser, ring)
    assert shown_probabilities(browser)["0"] > 0.8


@pytest.mark.parametrize("activation", Activation)
def test_the_script_computes_every_activation(activation: Activation, browser: Browser) -> None:
    a = torch.linspace(-12, 12, 481, dtype=torch.float64)
    script = NETWORK_JS.read_text(encoding="utf-8")
    start, end = script.index("  const sigmoid"), script.index("  function softmax")
    asked = f"return arguments[0].map((a) => activations[{str(activation)!r}](a))"
    found = np.array(browser.ask(script[start:end] + asked, a.tolist()))
    expected = activation.facts.function(a).numpy()
    np.testing.assert_allclose(found, expected, rtol=2e-7, atol=1e-15)
