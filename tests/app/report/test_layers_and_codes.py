"""What layers learned, checked against other libraries: probes, spectra, rows rebuilt, the map."""

import sys
from dataclasses import replace
from importlib.machinery import ModuleSpec
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sdae.app.report.codes_map import map_of, principal_components, purity
from sdae.app.report.facts import Facts
from sdae.app.report.gallery import levels_around, one_of_each
from sdae.app.report.layers import code_facts
from sdae.app.report.preferred import preferred_inputs, weights_of
from sdae.app.report.shown_rows import Part
from sdae.app.report.stages import codes_of
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.noises import GaussianNoise, MaskingNoise


def part(y: list[int]) -> Part:
    numbers = np.arange(len(y))
    return Part("test", np.zeros((len(y), 2), np.float32), np.array(y), numbers)


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
