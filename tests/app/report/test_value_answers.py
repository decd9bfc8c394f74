"""The report of a regression: its answers, and what each column does to them."""

from pathlib import Path

import numpy as np
import pytest

from sdae import load
from sdae.app.report.facts import facts_of
from sdae.app.report.report_file import page_of
from sdae.app.report.value_answers import value_answers_from
from sdae.app.runs.run_folder import open_run
from tests.app.report.runs import Page, train
from tests.app.report.test_page import check

pd = pytest.importorskip("pandas")


def test_the_answers_are_those_of_the_run_and_the_page_shows_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200)})
    table["town"] = rng.choice(["Ghent", "Mons"], 200)
    table["price"] = 100 + 20 * table["a"]
    table.to_csv(tmp_path / "t.csv", index=False)
    small = ("--set=model.hidden_layer_sizes=[16]", "--set=finetuning.dropout=0.0")
    run = tmp_path / "run"
    train(tmp_path / "t.csv", "--target=price", "--out", run, "--quiet", *small)
    facts = facts_of(open_run(run))
    answers = facts.value_answers
    assert answers is not None
    assert facts.rows is not None
    (target,) = answers.targets
    numbers = facts.rows.shown.numbers
    assert target.name == "price"
    known = facts.rows.shown.values
    assert known is not None
    rows = table[np.isclose(table["price"].to_numpy()[:, None], known[:, 0]).any(axis=1)]
    predicted = load(run).predict(rows.drop(columns="price"))
    order = np.argsort(-np.abs(predicted - rows["price"].to_numpy()), kind="stable")
    assert len(rows) == len(numbers) == answers.n_rows
    worst = rows["price"].to_numpy()[order[0]]
    assert target.farthest[0][1] == pytest.approx(worst)
    assert target.scores.r2 is not None
    assert target.scores.r2 > 0.9
    assert facts.hidden is not None
    schema = facts.networks.final.schema
    assert schema is not None
    names = [column.name for column in schema.used]
    effects = dict(zip(names, [f.effect or 0.0 for f in facts.hidden.columns], strict=True))
    assert effects["a"] > 3 * max(effects["b"], effects["town"])
    page = Page(page_of(facts))
    check(page)
    for words in (
        "of the target's variance",
        "R² of the final network is",
        "The rows with the largest errors",
        "the predictions change if the column is hidden",
        "They have values, not classes",
    ):
        assert words in page.words


def test_the_farthest_rows_come_first() -> None:
    known = np.arange(20.0)[:, None]
    predicted = known + np.where(known == 7, 5, np.where(known == 3, -9, 0.1))
    answers = value_answers_from(predicted, known, ("y",), np.arange(100, 120))
    assert [row[0] for row in answers.targets[0].farthest[:2]] == [103, 107]
    assert answers.targets[0].farthest[0][1:] == (3, -6)
