"""The pictures of a run: what of its model, history and rows they show."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sdae.app.runs import pictures
from sdae.app.runs.run_folder import RunFolder
from sdae.core.errors import DataError, MissingExtraError
from sdae.core.model_file import Model
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.history import EpochRecord

RECORD = EpochRecord("pretraining", 0, 1, 0.5, None, None, 0.1, 1.5, 10.0, "autograd")
Shape = tuple[int, int] | None


def model(corruption: float | str = 0.5, image_shape: Shape = (2, 3)) -> Model:
    stack = StackedDenoisingAutoencoder(6, [5, 4], None, corruption, seed=3)
    return Model(stack, image_shape=image_shape)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Catch what is handed to the figures, and write no picture."""
    caught: dict[str, Any] = {}

    def filters(rows: NDArray[np.float32], shape: Shape, title: str) -> str:
        caught.update(rows=rows, shape=shape, title=title)
        return "filters"

    def reconstructions(rows: Mapping[str, NDArray[np.float32]], shape: Shape) -> str:
        caught.update(rows=rows, shape=shape)
        return "reconstructions"

    def write(figure: str, path: Path) -> None:
        caught.update(figure=figure, path=path)

    monkeypatch.setattr(pictures, "filters_figure", filters)
    monkeypatch.setattr(pictures, "reconstructions_figure", reconstructions)
    monkeypatch.setattr(pictures, "write_png", write)
    return caught


def test_filters_are_the_weights_of_the_first_layer(drawn: dict[str, Any]) -> None:
    shown = model()
    pictures.draw_filters(shown, Path("a.png"), n_filters=3)
    weight = shown.stack.autoencoder(0).weight.detach().numpy()
    np.testing.assert_array_equal(drawn["rows"], weight[:3])
    assert drawn["shape"] == (2, 3)
    assert drawn["title"] == "Filters of the first 3 of 5 units of layer 0"
    assert drawn["path"] == Path("a.png")
    pictures.draw_filters(shown, Path("a.png"), (6, 1))
    np.testing.assert_array_equal(drawn["rows"], weight)
    assert drawn["shape"] == (6, 1)


def test_filters_of_an_upper_layer_are_weighted_sums_of_those_below(drawn: dict[str, Any]) -> None:
    shown = model()
    pictures.draw_filters(shown, Path("a.png"), n_filters=2, layer=1)
    low, high = (shown.stack.autoencoder(k).weight.detach().numpy() for k in (0, 1))
    np.testing.assert_allclose(drawn["rows"], high[:2] @ low, rtol=1e-5)
    assert "layer 1" in drawn["title"]
    assert "2 of 4 units" in drawn["title"]


@pytest.mark.usefixtures("drawn")
def test_filters_need_a_shape_that_fits() -> None:
    with pytest.raises(DataError, match=r"are not known to be images.*28x28"):
        pictures.draw_filters(model(image_shape=None), Path("a.png"))
    with pytest.raises(DataError, match=r"image of 2x2 has 4 pixels, but the rows of .* have 6"):
        pictures.draw_filters(model(), Path("a.png"), (2, 2))


def test_reconstructions_start_from_corrupted_rows_one_for_each_depth(
    drawn: dict[str, Any],
) -> None:
    shown = model()
    x = np.random.default_rng(0).random((12, 6)).astype(np.float32) + 1
    before = x.copy()
    pictures.draw_reconstructions(shown, x, Path("a.png"))
    rows = drawn["rows"]
    assert list(rows) == ["input", "masking:0.5", "depth 1", "depth 2"]
    np.testing.assert_array_equal(rows["input"], x[: pictures.N_ROWS])
    x_tilde = rows["masking:0.5"]
    changed = x_tilde != x[: pictures.N_ROWS]
    assert 0.2 < changed.mean() < 0.8
    assert not x_tilde[changed].any()
    for depth in (1, 2):
        expected = shown.stack.reconstruct(torch.from_numpy(x_tilde), depth).detach().numpy()
        np.testing.assert_array_equal(rows[f"depth {depth}"], expected)
    assert drawn["shape"] == (2, 3)
    np.testing.assert_array_equal(x, before)
    first = {name: version.copy() for name, version in rows.items()}
    pictures.draw_reconstructions(shown, x, Path("a.png"), (3, 2))
    assert drawn["shape"] == (3, 2)
    for name, version in drawn["rows"].items():
        np.testing.assert_array_equal(version, first[name])


def test_few_rows_are_enough(drawn: dict[str, Any]) -> None:
    pictures.draw_reconstructions(model(image_shape=None), np.ones((2, 6), np.float32), Path("a"))
    assert drawn["rows"]["depth 2"].shape == (2, 6)
    assert drawn["shape"] is None


def test_curves_are_drawn_anew_from_the_history(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.save_history([RECORD])
    pictures.redraw_curves(run)
    first = (tmp_path / "plots/curves.png").read_bytes()
    run.save_history([RECORD, RECORD])
    pictures.redraw_curves(run)
    assert (tmp_path / "plots/curves.png").read_bytes() != first


def test_without_matplotlib_curves_are_not_redrawn_and_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    run = RunFolder(tmp_path)
    run.save_history([RECORD])
    pictures.redraw_curves(run)
    assert not list(tmp_path.rglob("*.png"))
    with pytest.raises(MissingExtraError, match=r"pip install"):
        pictures.draw_curves([RECORD], tmp_path / "curves.png")
