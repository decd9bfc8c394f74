"""Runs and their reports, made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sdae.app.report.facts import Facts, facts_of
from sdae.app.report.report_file import page_of
from sdae.app.runs.run_folder import open_run
from tests.app.report.browser import EXAMPLE, Browser, opened
from tests.app.report.runs import Page, digit_run, ladder_run_of_digits, people_run, strange_run


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on images of digits, to be read only; the data lie beside it."""
    return digit_run(tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="session")
def digit_facts(digits: Path) -> Facts:
    """What its report says."""
    return facts_of(open_run(digits))


@pytest.fixture(scope="session")
def digit_page(digit_facts: Facts) -> Page:
    """Its report."""
    return Page(page_of(digit_facts))


@pytest.fixture(scope="session")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a table with strange names, to be read only."""
    return strange_run(tmp_path_factory.mktemp("strange"))


@pytest.fixture(scope="session")
def strange_facts(strange: Path) -> Facts:
    """What its report says."""
    return facts_of(open_run(strange))


@pytest.fixture(scope="session")
def strange_page(strange_facts: Facts) -> Page:
    """Its report."""
    return Page(page_of(strange_facts))


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a table with columns of every kind, to be read only."""
    return people_run(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="session")
def crowd_facts(crowd: Path) -> Facts:
    """What its report says."""
    return facts_of(open_run(crowd))


@pytest.fixture(scope="session")
def crowd_page(crowd_facts: Facts) -> Page:
    """Its report."""
    return Page(page_of(crowd_facts))


@pytest.fixture(scope="session")
def ladder_facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """What the report of a ladder on images says."""
    return facts_of(open_run(ladder_run_of_digits(tmp_path_factory.mktemp("ladder"))))


@pytest.fixture(scope="session")
def ladder_page(ladder_facts: Facts) -> Page:
    """Its report."""
    return Page(page_of(ladder_facts))


@pytest.fixture(scope="session")
def pages(
    digit_page: Page,
    strange_page: Page,
    crowd_page: Page,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    """The pages on the disk, by name."""
    folder = tmp_path_factory.mktemp("pages")
    names = {"digits": "digits.html", "strange": "ünïcode page.html", "crowd": "crowd.html"}
    paths = {name: folder / file for name, file in names.items()}
    for page, path in zip((digit_page, strange_page, crowd_page), paths.values(), strict=True):
        path.write_text(page.source, "utf-8")
    return {**paths, "example": EXAMPLE}


@pytest.fixture(scope="session")
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
