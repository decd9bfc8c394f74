"""The numbers of a report are those of the history and of the estimator."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix

from sdae.app.report.answers import answers_from
from sdae.app.report.facts import Facts, facts_of
from sdae.app.report.shown_rows import Part, given_rows, shown_source
from sdae.app.report.training_curves import training_of
from sdae.app.runs.run_folder import open_run
from sdae.core.errors import DataError
from sdae.train.history import Finding
from tests.app.cli.commands import done
from tests.app.cli.samples import history
from tests.app.report.runs import digit_rows


def test_training_is_the_history(digits: Path, digit_facts: Facts) -> None:
    records = history(digits)
    curves = digit_facts.training.curves
    assert [curve.layer for curve in curves] == [0, 1, None]
    for curve in curves:
        of_curve = [r for r in records if r["layer"] == curve.layer]
        assert list(curve.costs) == [r["cost"] for r in of_curve]
        assert list(curve.seconds) == [r["seconds"] for r in of_curve]
        assert list(curve.validation_errors) == [r["validation_error"] for r in of_curve]
        assert list(curve.test_errors) == [r["test_error"] for r in of_curve]
        assert curve.n_samples == 1797 - 270 - 270
    tuned = digit_facts.training.finetuning
    assert tuned is not None
    best = min((r for r in records if r["layer"] is None), key=lambda r: r["validation_error"])
    assert tuned.test_error == best["test_error"]
    seconds = sum(r["seconds"] for r in records if r["stage"] == "pretraining")
    assert digit_facts.training.pretraining_seconds == pytest.approx(seconds)


def test_findings_are_told_with_their_place(digits: Path) -> None:
    records = [replace(record, findings=()) for record in open_run(digits).records()]
    found = Finding("dead units", "All are dead.")
    records[1] = replace(records[1], findings=(found,))
    records[-1] = replace(records[-1], findings=(found,))
    told = [(f.where, f.epoch, f.finding) for f in training_of(records).findings]
    assert told == [("Layer 0", 2, found), ("Fine-tuning", 12, found)]


def test_answers_are_those_of_the_command_line(digits: Path, digit_facts: Facts) -> None:
    x, y = digit_rows()
    assert digit_facts.rows is not None
    shown = digit_facts.rows.shown
    assert shown.y is not None
    np.savez(digits.parent / "shown.npz", x=shown.x.reshape(-1, 8, 8), y=shown.y)
    said = done("evaluate", digits, digits.parent / "shown.npz")
    answers = digit_facts.answers
    assert answers is not None
    assert answers.n_rows == 270
    assert {
        f"Rows {answers.n_rows}, wrong {answers.n_wrong}",
        f"Negative log-likelihood (log loss) {answers.negative_log_likelihood:.4f}",
        f"Error {100 * answers.error:.2f} %",
    } < set(said.splitlines())
    # The rows are rows of the data, with their labels.
    flat = x.reshape(len(x), -1)
    places = [np.flatnonzero((flat == np.round(row * 256)).all(axis=1))[0] for row in shown.x]
    assert y[places].tolist() == shown.y.tolist()


def test_answers_are_those_of_predict_proba(digit_facts: Facts) -> None:
    assert digit_facts.rows is not None
    shown, answers = digit_facts.rows.shown, digit_facts.answers
    assert answers is not None
    p = digit_facts.networks.final.stack.predict_proba(shown.x).double().numpy()
    assert (answers.confusion == confusion_matrix(shown.y, p.argmax(axis=1))).all()
    of_label = p[np.arange(len(p)), shown.y]
    assert answers.negative_log_likelihood == pytest.approx(-np.log(of_label).mean(), rel=1e-5)
    for wrong in answers.worst:
        assert shown.y is not None
        assert p[wrong.place].argmax() == wrong.predicted != shown.y[wrong.place] == wrong.label
        assert p[wrong.place, wrong.predicted] == pytest.approx(wrong.probability, rel=1e-5)
        assert p[wrong.place, wrong.label] == pytest.approx(wrong.probability_of_label, rel=1e-4)
    sure = [wrong.probability for wrong in answers.worst]
    assert sure == sorted(sure, reverse=True)


def test_calibration_and_confusions_by_hand() -> None:
    p = np.array([[0.95, 0.05], [0.95, 0.05], [0.45, 0.55], [1.0, 0.0]])
    with np.errstate(divide="ignore"):
        answers = answers_from(np.log(p), np.array([0, 1, 1, 0]))
    assert answers.confusion.tolist() == [[2, 0], [1, 1]]
    assert answers.confusions == ((1, 0, 1),)
    low, high = answers.bins
    assert (low.n_rows, low.accuracy) == (1, 1.0)
    assert low.confidence == pytest.approx(0.55)
    assert high.n_rows == 3
    assert high.accuracy == pytest.approx(2 / 3)
    assert high.confidence == pytest.approx(2.9 / 3)
    assert answers.calibration_error == pytest.approx((0.45 + 3 * (2.9 / 3 - 2 / 3)) / 4)
    (wrong,) = answers.worst
    assert (wrong.place, wrong.label, wrong.predicted) == (1, 1, 0)


def test_a_row_is_fitted_on_or_held_out_but_not_both(digits: Path) -> None:
    run = open_run(digits)
    rows = given_rows(str(digits.parent / "digits.npz"), None, run.recipe(), run.model())
    assert (rows.shown.name, len(rows.shown)) == ("given", 1797)
    fitted, probed = set(rows.fitted.numbers.tolist()), set(rows.probed.numbers.tolist())
    assert not fitted & probed
    assert len(fitted) + len(probed) == 1797


def test_other_data_have_the_runs_target_or_none(strange: Path, tmp_path: Path) -> None:
    table = (strange.parent / "strange.csv").read_text().splitlines()
    given = tmp_path / "given.csv"
    given.write_text("\n".join(table[:31]) + "\n")
    facts = facts_of(open_run(strange), str(given), playground=False)
    assert facts.answers is not None
    assert facts.answers.n_rows == 30
    without = [re.sub(r',"[^,]*"$|,kind$', "", line) for line in table[:31]]
    given.write_text("\n".join(without) + "\n")
    facts = facts_of(open_run(strange), str(given), playground=False)
    assert (facts.answers, facts.probes) == (None, None)
    assert facts.codes_map is not None
    assert facts.codes_map.predicted is not None


def test_a_source_is_shown_without_the_folders_of_one_machine(tmp_path: Path) -> None:
    assert shown_source("mnist") == "mnist"
    assert shown_source("data/flowers.csv") == "data/flowers.csv"
    assert shown_source(str(tmp_path / "flowers.csv")) == "flowers.csv"


def test_the_recipe_hides_folders_and_hashes_are_of_the_files(
    digits: Path, digit_facts: Facts
) -> None:
    again = digit_facts.reproduction
    assert 'source = "digits.npz"' in again.recipe
    assert str(digits.parent) not in again.recipe
    manifest = open_run(digits).manifest()
    assert again.hashes == {name: manifest[name]["sha256"] for name in again.hashes}
    assert list(again.hashes) == [
        "recipe.toml",
        "history.jsonl",
        "pretrained.safetensors",
        "model.safetensors",
    ]
    assert again.trained_with["torch"] == torch.__version__


def test_a_sample_keeps_rows_and_labels_together() -> None:
    rows = Part("test", np.arange(20, dtype=np.float32)[:, None], np.arange(20), np.arange(20))
    few = rows.sample(7, seed=1)
    assert len(few) == 7
    assert few.x[:, 0].tolist() == few.numbers.tolist() == sorted(few.numbers)
    assert few.y is not None
    assert few.y.tolist() == few.numbers.tolist()
    assert rows.sample(7, seed=2).numbers.tolist() != few.numbers.tolist()
    assert rows.sample(20, seed=1) is rows


def test_data_that_lack_a_named_target_are_refused(strange: Path) -> None:
    with pytest.raises(DataError, match="other"):
        facts_of(open_run(strange), str(strange.parent / "strange.csv"), "other")
