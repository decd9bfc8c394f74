"""The answers of a trained ladder to many rows: its own reconstruction, row by row the same."""

import numpy as np
import pytest
import torch

from sdae.core.errors import InvalidParameterError
from sdae.core.inference import decoded, outputs, rebuilding_depths, rebuilt
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.ladder.statistics import settle
from sdae.core.rows import row_source
from tests.train.ladder.helpers import a_ladder, data


def a_folded(sizes: tuple[int, ...] = (12, 8), width: int = 9) -> FoldedLadder:
    """Return the stack of a ladder with the statistics of some rows."""
    ladder = a_ladder(sizes, n_visible=width)
    x, _, more = data(width=width)
    settle(ladder, row_source(np.concatenate([x, more]), width, ladder.gain, "x"))
    return FoldedLadder(ladder)


def test_rows_are_reconstructed_by_the_ladder() -> None:
    folded = a_folded()
    _, _, x = data()
    found = rebuilt(folded, x)
    np.testing.assert_allclose(found, folded.reconstruct(x).numpy(), rtol=1e-5, atol=1e-5)
    # the untrained decoders of the plain stack give something else
    plain = x
    for layer in range(folded.n_layers):
        plain = folded.autoencoder(layer).encode(torch.as_tensor(plain)).detach().numpy()
    for layer in reversed(range(folded.n_layers)):
        plain = folded.autoencoder(layer).decode(torch.as_tensor(plain)).detach().numpy()
    assert np.abs(found - plain).max() > 0.1


@pytest.mark.parametrize("width", [1, 9, 40])
def test_a_row_does_not_depend_on_the_others(width: int) -> None:
    folded = a_folded((20, 3), width)
    x = data(width=width, n=150)[2]
    for answer in (rebuilt, outputs):
        found = answer(folded, x)
        for some in (slice(3, 4), slice(17, 90)):
            alone = answer(folded, x[some])
            assert alone.tobytes() == found[some].tobytes()


def test_far_rows_have_finite_reconstructions() -> None:
    folded = a_folded()
    x = np.full((3, 9), 1e30, np.float32)
    x[1] = -1e30
    found = rebuilt(folded, x)
    assert np.isfinite(found).all()


def test_only_whole_rows_are_reconstructed_and_from_all_depths() -> None:
    folded = a_folded()
    assert list(rebuilding_depths(folded)) == [2]
    with pytest.raises(InvalidParameterError, match="must be None: it uses all depths"):
        rebuilt(folded, np.zeros((1, 9), np.float32), depth=1)
    with pytest.raises(InvalidParameterError, match="cannot decode codes alone"):
        decoded(folded, np.zeros((1, 8), np.float32), 2)
