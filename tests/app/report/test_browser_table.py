"""The playground of a table in a browser: it encodes and decodes rows as the schema does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from sdae.app.report.facts import Facts
from sdae.app.report.playground_columns import page_table, page_values
from sdae.core.schema.column_json import Block
from sdae.core.schema.learning import learn_schema
from sdae.core.schema.number_columns import NumberColumn
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.schema.schema_options import SchemaOptions
from sdae.core.schema.table_schema import Schema
from tests.app.report.browser import Browser
from tests.app.report.test_browser_playground import shown_probabilities

IN_TABLE = """
const [table, rows, done] = [arguments[0], arguments[1], arguments[arguments.length - 1]];
TableColumns(table, Network.doubles).then((t) => done(%s));
"""


def column(name: str, type_: ColumnType, values: list[Any], **more: bool) -> RawColumn:
    dtype = object if type_ is ColumnType.TEXT else np.float64
    array = np.empty(len(values), dtype)
    array[:] = values
    return RawColumn(name, type_, array, **more)


def every_kind(n_rows: int, seed: int, *, gaps: bool) -> RawTable:
    """Return columns of every kind; with `gaps`, with values that others do not have, too."""
    rng = np.random.default_rng(seed)

    def with_gaps(values: list[Any], missing: Any, strange: list[Any], gap: bool) -> list[Any]:
        values = list(values)
        for row in range(n_rows):
            if (gaps or gap) and rng.random() < 0.2:
                values[row] = missing
            elif gaps and rng.random() < 0.2:
                values[row] = strange[row % len(strange)]
        return values

    number, boolean, text, date = ColumnType.NUMBER, ColumnType.BOOLEAN, ColumnType.TEXT, "date"
    far = [-1e30, 1e60, 0.0, 5e-324]
    skewed = np.round(rng.exponential(1e6, n_rows)).tolist()
    ties = rng.integers(0, 4, n_rows).astype(float).tolist()
    days = (86_400.0 * rng.integers(-4000, 9000, n_rows)).tolist()
    times = (1e9 + rng.random(n_rows) * 1e8).tolist()
    towns = rng.choice(["a", "b", "c", "d", "e"], n_rows, p=[0.4, 0.3, 0.2, 0.05, 0.05]).tolist()
    nan = np.nan
    return RawTable(
        [
            column("skewed", number, with_gaps(skewed, nan, far, True)),
            column("ties", number, with_gaps(ties, nan, far, False), whole=True),
            column("days", ColumnType(date), with_gaps(days, nan, [-1e9, 4e9], True)),
            column("times", ColumnType(date), with_gaps(times, nan, [-1.5, 0.25], False)),
            column(
                "zero_one",
                number,
                with_gaps((skewed > np.median(skewed)).tolist(), nan, [0.25, 7.0], False),
            ),
            column(
                "boolean", boolean, with_gaps(rng.integers(0, 2, n_rows).tolist(), nan, [1.0], True)
            ),
            column(
                "two",
                text,
                with_gaps(rng.choice(["x", "y"], n_rows).tolist(), None, ["z", ""], False),
            ),
            column("town", text, with_gaps(towns, None, ["Namur", "d"], True)),
            column("code", number, with_gaps(ties, nan, [17.0, 0.5], False), declared=True),
        ]
    )


@pytest.fixture(params=["standard", "robust", "quantile", "minmax", "none"])
def schema(request: pytest.FixtureRequest) -> Schema:
    """A schema of every kind of columns, by the scale of its numbers."""
    options = SchemaOptions(scale=request.param, min_frequency=0.1)
    return learn_schema(every_kind(400, 0, gaps=False), options)


def matched_rows(schema: Schema, table: RawTable) -> list[list[Any]]:
    raw = RawTable(schema.matched(table))
    return [page_values(raw, row) for row in range(len(raw))]


@pytest.mark.filterwarnings("ignore:.*which had none in fit:UserWarning")
def test_the_page_encodes_as_the_schema(
    schema: Schema, pages: dict[str, Path], browser: Browser
) -> None:
    browser.open(pages["crowd"])
    kinds = {c.kind for c in schema.used}
    assert kinds == {"number", "date", "binary", "category"}
    assert any(getattr(c, "infrequent", None) is not None for c in schema.used)
    assert len(schema.blocks.indicators) == 4
    table = json.loads(json.dumps(page_table(schema)))
    for gaps in (False, True):
        new = every_kind(300, 1, gaps=gaps)
        rows = json.loads(json.dumps(matched_rows(schema, new)))
        script = IN_TABLE % "rows.map((row) => Array.from(t.encoded(row)))"
        found = np.array(browser.chrome.execute_async_script(script, table, rows), np.float32)
        wanted = np.clip(schema.encode(new), -1e18, 1e18)
        waves = np.array(["sine" in part or "cosine" in part for part in schema.parts])
        first = schema.used[0]
        assert isinstance(first, NumberColumn)
        if first.scale.name != "quantile":
            np.testing.assert_array_equal(found[:, ~waves], wanted[:, ~waves])
        np.testing.assert_allclose(found, wanted, rtol=2e-7, atol=2e-7)


def test_the_page_decodes_as_the_schema(
    schema: Schema, pages: dict[str, Path], browser: Browser
) -> None:
    browser.open(pages["crowd"])
    x = np.random.default_rng(3).normal(size=(50, schema.blocks.n_components)) * 2
    table = json.loads(json.dumps(page_table(schema)))
    expression = "rows.map((row) => t.columns.map((c) => t.decoded(c, Float64Array.from(row))))"
    found = browser.chrome.execute_async_script(IN_TABLE % expression, table, x.tolist())
    for place, (each, at) in enumerate(schema.places()):
        answers = [row[place] for row in found]
        wanted = each.decode(x[:, at])
        if each.block is Block.NUMBER:
            values = np.array([answer["value"] for answer in answers])
            values = np.rint(values) if getattr(each, "whole", False) else values
            np.testing.assert_allclose(values, wanted, rtol=1e-9, atol=1e-9)
        elif each.block is Block.BINARY:
            names = table["columns"][place]["names"]
            levels = dict(zip(names, each.levels, strict=True))  # type: ignore[union-attr]
            assert [levels[answer["name"]] for answer in answers] == wanted.tolist()
        else:
            best = x[:, at].argmax(axis=1)
            names = [*table["columns"][place]["names"], "other"]
            assert [answer["name"] for answer in answers] == [names[k] for k in best]


def test_probabilities_and_reconstructions_are_the_models(
    pages: dict[str, Path], browser: Browser, crowd_facts: Facts
) -> None:
    browser.open(pages["crowd"])
    rows, networks = crowd_facts.rows, crowd_facts.networks
    assert rows is not None
    assert rows.shown.raw is not None
    values = [page_values(rows.shown.raw, row) for row in range(len(rows.shown))]
    ask = "return arguments[0].map((row) => playground.{}(row))"
    x = np.array(browser.ask(ask.format("encoded"), values), np.float32)
    np.testing.assert_allclose(x, rows.shown.x, rtol=2e-7, atol=2e-7)
    page = np.array(browser.ask(ask.format("probabilities"), values))
    exact = networks.final.stack.predict_proba(torch.from_numpy(rows.shown.x)).numpy()
    assert np.abs(page - exact).max() < 0.02
    rebuilt = np.array(browser.ask(ask.format("reconstructions"), values))
    stack = networks.pretrained.stack
    for depth in (1, 2):
        wanted = stack.reconstruct(torch.from_numpy(rows.shown.x), depth).detach().numpy()
        assert np.abs(rebuilt[:, depth - 1] - wanted).max() < 0.05
        assert np.abs(rebuilt[:, depth - 1] - wanted).mean() < 0.01


def field(browser: Browser, name: str) -> WebElement:
    return browser.chrome.find_element(By.CSS_SELECTOR, f'#forms [aria-label="{name}"]')


def line(browser: Browser, name: str) -> list[str]:
    cells: list[str] = browser.ask(
        "return [...document.querySelectorAll('#forms tbody tr')]"
        ".find((e) => e.cells[0].textContent === arguments[0])"
        " && [...[...document.querySelectorAll('#forms tbody tr')]"
        ".find((e) => e.cells[0].textContent === arguments[0]).cells].map((e) => e.textContent)",
        name,
    )
    return cells[2:]


def encoded(browser: Browser, facts: Facts) -> dict[str, NDArray[np.float64]]:
    schema = facts.networks.final.schema
    assert schema is not None
    x = np.array(browser.ask("return playground.encoded(playground.values())"))
    found = {part: x[k] for k, part in enumerate(schema.parts)}
    shown = shown_probabilities(browser)
    exact = facts.networks.final.stack.predict_proba(torch.from_numpy(x[None]).float())[0]
    assert facts.networks.final.classes is not None
    for label, p in zip(facts.networks.final.classes, exact.tolist(), strict=True):
        assert shown[str(label)] == pytest.approx(p, abs=0.0205)
    return found


def test_each_field_is_changed_and_emptied(
    pages: dict[str, Path], browser: Browser, crowd_facts: Facts
) -> None:
    browser.open(pages["crowd"])
    browser.scroll_to("forms")
    size = field(browser, "size")
    size.clear()
    browser.settle()
    assert encoded(browser, crowd_facts)["size is missing"] == 1
    size.send_keys("170")
    browser.settle()
    assert encoded(browser, crowd_facts)["size is missing"] == 0
    town = Select(field(browser, "town"))
    assert [o.text for o in town.options] == ["<b>Mons</b>", "Ghent", "Liège", "other", "missing"]
    for name in ("Ghent", "other", "missing"):
        town.select_by_visible_text(name)
        browser.settle()
        x = encoded(browser, crowd_facts)
        assert x["town = Ghent"] == (name == "Ghent")
        assert x["town = Liège"] == 0
        assert x["town is missing"] == (name == "missing")
    smoker = Select(field(browser, "smoker"))
    assert [o.text for o in smoker.options] == ["false", "true", "missing"]
    smoker.select_by_visible_text("true")
    Select(field(browser, "grade")).select_by_visible_text("other")
    browser.ask(
        "arguments[0].value = '2024-02-29'; arguments[0].dispatchEvent(new Event('input'))",
        field(browser, "since"),
    )
    browser.settle()
    schema = crowd_facts.networks.final.schema
    assert schema is not None
    x = encoded(browser, crowd_facts)
    assert x["smoker"] == 1
    used = {c.name: c for c in schema.used}
    assert x["grade = low"] == pytest.approx(used["grade"].gaps[0], rel=1e-6)
    moment = np.datetime64("2024-02-29", "s").astype(np.int64)
    seconds = column("since", ColumnType.DATE, [float(moment)])
    assert x["since"] == pytest.approx(used["since"].encode(seconds)[0, 0], rel=1e-6)


def test_noise_hides_whole_columns_and_rows_can_be_chosen(
    pages: dict[str, Path], browser: Browser, crowd_facts: Facts
) -> None:
    browser.open(pages["crowd"])
    schema = crowd_facts.networks.final.schema
    assert schema is not None
    names = [each.name for each in schema.used]
    noises = Select(browser.chrome.find_element(By.ID, "noise"))
    assert [o.get_attribute("value") for o in noises.options] == ["masking", "gaussian", "swap"]
    amount = browser.chrome.find_element(By.ID, "amount")
    browser.ask(
        "arguments[0].value = 1; arguments[0].dispatchEvent(new Event('input'))",
        amount,
    )
    example = Select(browser.chrome.find_element(By.ID, "example"))
    example.select_by_value("")
    browser.settle()
    assert "of the columns" in browser.chrome.find_element(By.ID, "amount-text").text
    assert browser.ask("return playground.values()") == [None] * len(names)
    assert {line(browser, name)[0] for name in names} == {"unchanged"}
    example.select_by_value("1")
    browser.settle()
    values = browser.ask("return playground.values()")
    for name, value in zip(names, values, strict=True):
        assert line(browser, name)[0] == ("unchanged" if value is None else "hidden")
    assert any(value is not None for value in values)
    noises.select_by_value("swap")
    browser.settle()
    assert "hidden" not in {line(browser, name)[0] for name in names}
    noises.select_by_value("gaussian")
    browser.settle()
    assert {line(browser, name)[0] for name in ("town", "smoker", "grade")} == {"unchanged"}
    assert line(browser, "rooms")[0] != "unchanged"
    assert line(browser, "town")[-1].endswith("\u00a0%)")
