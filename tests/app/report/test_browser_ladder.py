"""The playground of a ladder in a browser: it reconstructs by the ladder's equations."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from selenium.webdriver.common.by import By

from sdae.app.report.facts import Facts, facts_of
from sdae.app.report.playground import playground_of
from sdae.app.report.report_file import page_of
from sdae.app.report.stages import Networks, as_input, as_source
from sdae.app.runs.run_folder import open_run
from sdae.core.kinds.combinators import Combinator
from sdae.core.kinds.noises import GaussianNoise
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.ladder.network import LadderNetwork
from sdae.core.model_file import Model
from tests.app.report.browser import Browser
from tests.app.report.runs import QUICK_LADDER, Page, ladder_run_of_values, people_run
from tests.app.report.test_page import check

V = 6
HEADS: dict[str, dict[str, Any]] = {
    "classes": {"n_classes": 3},
    "multilabel": {"n_labels": 2},
    "values": {"n_targets": 2},
}
RECONSTRUCTIONS = """
const [data, rows, done] = [arguments[0], arguments[1], arguments[arguments.length - 1]];
Network.load(data).then((n) => done(rows.map((row) => Array.from(n.reconstructions(row)[0]))));
"""


@pytest.fixture(scope="session")
def ladder_file(ladder_page: Page, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a ladder on images."""
    path = tmp_path_factory.mktemp("ladder_page") / "page.html"
    path.write_text(ladder_page.source, "utf-8")
    return path


def a_ladder(sizes: tuple[int, ...], **options: Any) -> LadderNetwork:
    """Return a ladder of random numbers, whose weights are exact when rounded to bytes."""
    ladder = LadderNetwork(V, sizes, **options)
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for name, value in ladder.named_state():
            drawn = rng.normal(size=value.shape)
            if name.endswith("weight"):
                drawn = rng.integers(-126, 127, value.shape) / 256
                drawn[:, 0] = 127 / 256
            value.copy_(torch.from_numpy(np.abs(drawn) if name.endswith("variance") else drawn))
    return ladder


@pytest.mark.parametrize("sizes", [(5,), (8, 5, 4)])
@pytest.mark.parametrize("combinator", Combinator)
@pytest.mark.parametrize("head", HEADS)
def test_the_script_reconstructs_as_the_ladder(
    head: str, combinator: str, sizes: tuple[int, ...], browser: Browser, ladder_file: Path
) -> None:
    stack = FoldedLadder(a_ladder(sizes, combinator=combinator, **HEADS[head]))
    networks = Networks(Model(stack), Model(stack), finetuned=False)
    parts = (None, None, None, None, None)
    playground = playground_of(networks, GaussianNoise(0.3), *parts, centred=False)
    assert playground.autoencoder is not None
    assert (playground.classifier is None) == (head == "values")
    assert (playground.autoencoder["ladder"]["network"] is None) == (head != "values")
    x = np.random.default_rng(1).normal(size=(20, V))
    x[0, 0] = 1e15  # which the signals from above clip
    browser.open(ladder_file)
    data = playground.to_json()
    found = np.array(browser.chrome.execute_async_script(RECONSTRUCTIONS, data, x.tolist()))
    expected = stack.double().reconstruct(x).detach().numpy()
    assert np.isfinite(found).all()
    largest = np.abs(expected).max(axis=1, keepdims=True)
    assert (np.abs(found - expected) <= 1e-4 * np.maximum(largest, 1)).all()


def test_an_image_is_reconstructed_near_to_the_ladder(
    ladder_file: Path, browser: Browser, ladder_facts: Facts
) -> None:
    browser.open(ladder_file)
    titles = [e.text for e in browser.chrome.find_elements(By.CSS_SELECTOR, "#forms figcaption")]
    assert titles == ["input", "corrupted", "reconstructed"]
    amount = browser.chrome.find_element(By.ID, "amount-text").text
    assert re.fullmatch(r"standard deviation 0\.\d{1,3}", amount)
    assert ladder_facts.rows is not None
    final, rows = ladder_facts.networks.final, ladder_facts.rows.shown.x[:50]
    ask = "return arguments[0].map((row) => playground.reconstructions(row)[0])"
    page = np.array(browser.ask(ask, rows.tolist()))
    exact = as_source(final, final.stack.reconstruct(as_input(final, rows)).detach().numpy())
    span = np.ptp(rows)
    assert np.abs(exact - rows).mean() > 0.02 * span  # it is not the input
    assert np.abs(page - exact).max() < 0.06 * span
    assert np.abs(page - exact).mean() < 0.01 * span


def test_a_table_of_many_kinds_shows_estimates(tmp_path: Path, browser: Browser) -> None:
    facts = facts_of(open_run(people_run(tmp_path, *QUICK_LADDER, settings=())))
    (tmp_path / "page.html").write_text(page_of(facts), "utf-8")
    browser.open(tmp_path / "page.html")
    heads = browser.chrome.find_elements(By.CSS_SELECTOR, "#forms thead th")
    assert [head.text for head in heads] == ["column", "input", "corrupted", "reconstructed"]
    cells = browser.ask(
        'return [...document.querySelectorAll("#forms tbody tr")]'
        ".map((line) => [line.cells[0].textContent, line.cells[3].textContent])"
    )
    shown = dict(cells)
    assert {"town", "size", "smoker", "since"} <= set(shown)
    share = float(shown["town"].split("(")[1].split("\u00a0")[0])
    assert 0 <= share <= 100
    assert 100 < float(shown["size"]) < 250


def test_a_ladder_of_values_reconstructs_without_probabilities(
    tmp_path: Path, browser: Browser
) -> None:
    facts = facts_of(open_run(ladder_run_of_values(tmp_path)))
    page = Page(page_of(facts))
    check(page)
    assert "playground" in page.sections
    (tmp_path / "page.html").write_text(page.source, "utf-8")
    browser.open(tmp_path / "page.html")
    assert not browser.chrome.find_elements(By.ID, "probabilities")
    assert facts.rows is not None
    final, rows = facts.networks.final, facts.rows.shown.x
    ask = "return arguments[0].map((row) => playground.reconstructions(row)[0])"
    found = np.array(browser.ask(ask, rows.tolist()))
    exact = as_source(final, final.stack.reconstruct(as_input(final, rows)).detach().numpy())
    assert np.abs(found - exact).max() < 0.05 * np.ptp(rows)
