"""The numbers of a report are those of the history, of the estimator and of other libraries."""

import re
import sys
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sdae.errors import DataError
from sdae.report.answers import answers_from
from sdae.report.codes_map import map_of, principal_components, purity
from sdae.report.facts import Facts, facts_of
from sdae.report.gallery import levels_around, one_of_each
from sdae.report.layers import code_facts
from sdae.report.preferred import preferred_inputs, weights_of
from sdae.report.rows import Part, given_rows, shown_source
from sdae.report.stages import codes_of
from sdae.report.training import training_of
from sdae.runs.folder import open_run
from sdae.specs import Activation, GaussianNoise, MaskingNoise
from sdae.training.history import Finding
from tests.cli.commands import done
from tests.cli.samples import history
from tests.report.runs import digit_rows


def part(y: list[int]) -> Part:
    numbers = np.arange(len(y))
    return Part("test", np.zeros((len(y), 2), np.float32), np.array(y), numbers)


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
    assert said.splitlines() == [
        f"Rows {answers.n_rows}, wrong {answers.n_wrong}",
        f"Negative log-likelihood {answers.negative_log_likelihood:.4f}",
        f"Error {100 * answers.error:.2f} %",
    ]
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


def test_probes_are_scikit_learns(digit_facts: Facts) -> None:
    probes, rows = digit_facts.probes, digit_facts.rows
    assert probes is not None
    assert rows is not None
    assert (probes.n_fitted, probes.n_held_out) == (1797 - 540, 270)
    assert [(p.stage, p.layer) for p in probes.probes] == [
        (None, None),
        ("pretraining", 0),
        ("pretraining", 1),
        ("finetuning", 0),
        ("finetuning", 1),
    ]
    fitted, held_out, final = rows.fitted, rows.probed, digit_facts.networks.final.stack
    with torch.no_grad():
        inputs = [
            (fitted.x, held_out.x),
            *((final.encode(fitted.x, 2), final.encode(held_out.x, 2)),),
        ]
    for (x, x_held_out), probe in zip(inputs, (probes.probes[0], probes.probes[-1]), strict=True):
        linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.1)).fit(x, fitted.y)
        neighbours = KNeighborsClassifier().fit(x, fitted.y)
        assert probe.linear == pytest.approx(linear.score(x_held_out, held_out.y), abs=0.005)
        assert probe.neighbours == pytest.approx(
            neighbours.score(x_held_out, held_out.y), abs=0.005
        )


def test_singular_values_are_numpys(digit_facts: Facts) -> None:
    for layer in digit_facts.layers:
        for stage, model in digit_facts.networks.stages():
            weight = model.stack.autoencoder(layer.number).weight.detach().numpy()
            spectrum = np.linalg.svd(weight, compute_uv=False)
            np.testing.assert_allclose(layer.singular_values[stage], spectrum, rtol=1e-4, atol=1e-5)


def test_histograms_hold_all_values_and_dead_units_are_counted(digit_facts: Facts) -> None:
    assert digit_facts.rows is not None
    for stage, model in digit_facts.networks.stages():
        for layer, h in zip(
            digit_facts.layers, codes_of(model, digit_facts.rows.shown.x), strict=True
        ):
            facts = layer.codes[stage]
            assert facts.shares.sum() == pytest.approx(1)
            assert facts.dead == (h == 0).all(axis=0).mean()
            assert facts.saturated is None


def test_dead_and_saturated_units_by_hand() -> None:
    edges = np.linspace(0, 1, 5)
    h = np.array([[0.5, 0.0, 1.0, 0.2], [0.5, 1.0, 1.0, 0.9]], np.float32)
    facts = code_facts(h, Activation.SIGMOID, edges)
    assert (facts.dead, facts.saturated) == (0.5, 0.5)
    assert facts.shares.tolist() == [0.25, 0, 0.25, 0.5]


def test_the_gallery_is_what_the_package_makes(digit_facts: Facts) -> None:
    gallery, stack = digit_facts.gallery, digit_facts.networks.pretrained.stack
    assert gallery is not None
    assert gallery.part.y is not None
    assert gallery.part.y.tolist() == list(range(10))
    assert str(gallery.steps[gallery.trained].noise) == "masking:0.3"
    clean = gallery.part.x
    for step in gallery.steps:
        source, corrupted, *depths = step.versions
        np.testing.assert_array_equal(source.rows, clean)
        kept = corrupted.rows == clean
        assert (corrupted.rows[~kept] == 0).all()
        n_inked = np.count_nonzero(clean)
        assert (~kept).sum() / n_inked == pytest.approx(step.noise.level, abs=0.08)
        with torch.no_grad():
            for depth, version in enumerate(depths, start=1):
                expected = stack.reconstruct(corrupted.rows, depth).numpy()
                np.testing.assert_allclose(version.rows, expected, atol=1e-5)
                assert version.error == pytest.approx(np.square(expected - clean).mean(), rel=1e-3)
    assert [step.noise.level for step in gallery.steps] == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75]


def test_levels_have_the_trained_one_among_them() -> None:
    assert levels_around(MaskingNoise(0.25)) == [0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.75]
    assert levels_around(GaussianNoise(2.0)) == [0, 1, 2, 3, 4, 6]
    assert levels_around(GaussianNoise(0.0)) == [0, 0.05, 0.1, 0.15, 0.2, 0.3]


def test_rows_of_the_gallery_are_one_of_each_class_in_turn() -> None:
    assert one_of_each(part([2, 2, 0, 1, 0]), 3).tolist() == [2, 3, 0]
    assert one_of_each(part([2, 2, 0, 1, 0]), 5).tolist() == [2, 4, 3, 0, 1]
    assert one_of_each(replace(part([1, 1, 0]), y=None), 2).tolist() == [0, 1]


def test_preferred_inputs_excite_more_than_rows_and_stay_within_the_data(
    digit_facts: Facts,
) -> None:
    assert digit_facts.rows is not None
    x, stack = digit_facts.rows.shown.x, digit_facts.networks.pretrained.stack
    h = codes_of(digit_facts.networks.pretrained, x)[1]
    units = digit_facts.layers[1].units
    assert (np.diff(h.std(axis=0)[units]) <= 1e-6).all()
    found = preferred_inputs(stack, 1, units, x, h)
    np.testing.assert_array_equal(found, digit_facts.layers[1].favourites)
    size = np.linalg.norm(x, axis=1).mean()
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), size, rtol=1e-4)
    with torch.no_grad():
        excited = stack.encode(found, 2).numpy()[np.arange(len(units)), units]
    alive = h[:, units].max(axis=0) > 0
    same_size = x * (size / np.linalg.norm(x, axis=1, keepdims=True))
    with torch.no_grad():
        by_rows = stack.encode(same_size, 2).numpy()[:, units].max(axis=0)
    assert (excited[alive] > 0.95 * by_rows[alive]).all()
    assert excited[alive].mean() > by_rows[alive].mean()


def test_without_rows_preferred_inputs_start_from_weights(digit_facts: Facts) -> None:
    stack, units = digit_facts.networks.pretrained.stack, np.array([0, 3])
    found = preferred_inputs(stack, 1, units)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 10, rtol=1e-4)
    first = stack.autoencoder(0).weight.detach().numpy()
    second = stack.autoencoder(1).weight.detach().numpy()[units]
    np.testing.assert_allclose(weights_of(stack, 1, units), second @ first, atol=1e-5)


def test_the_map_is_made_of_principal_components(digit_facts: Facts) -> None:
    codes_map = digit_facts.codes_map
    assert codes_map is not None
    assert [projection.name for projection in codes_map.projections] == ["PCA", "t-SNE"]
    codes = codes_of(digit_facts.networks.final, codes_map.part.x)[-1].astype(np.float64)
    expected = PCA(2).fit_transform(codes)
    ours = principal_components(codes, 2)
    np.testing.assert_allclose(np.abs(ours), np.abs(expected), atol=1e-6 * np.abs(expected).max())
    for projection in codes_map.projections:
        assert projection.points.min() >= 0
        assert projection.points.max() <= 1
        assert projection.purity is not None
        assert projection.purity > 0.5


def test_purity_by_hand() -> None:
    points = np.array([[0.0, 0], [0, 1], [5, 0], [5, 1.5]])
    assert purity(points, np.array([0, 0, 1, 2])) == 0.5
    assert purity(points, None) is None


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


def test_umap_joins_where_it_is_installed(
    digit_facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Umap:
        def __init__(self, **settings: int) -> None:
            assert settings == {"n_neighbors": 11, "random_state": 5, "n_jobs": 1}

        def fit_transform(self, x: NDArray[np.float64]) -> NDArray[np.float32]:
            return x[:, :2].astype(np.float32)

    module = ModuleType("umap")
    module.__spec__ = ModuleSpec("umap", None)
    module.__dict__["UMAP"] = Umap
    monkeypatch.setitem(sys.modules, "umap", module)
    assert digit_facts.rows is not None
    few = digit_facts.rows.shown.take(np.arange(12))
    codes_map = map_of(digit_facts.networks, few, 5)
    assert codes_map is not None
    pca, tsne, umap = codes_map.projections
    assert [p.name for p in (pca, tsne, umap)] == ["PCA", "t-SNE", "UMAP"]
    np.testing.assert_allclose(umap.points, pca.points, atol=1e-6)
    assert map_of(digit_facts.networks, few.take(np.arange(1)), 5) is None


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
