"""Reconstruction losses against numbers worked out by hand."""

import math

import pytest
import torch

from sdae.core.kinds.decoders import Decoder, Emphasis
from sdae.core.losses import reconstruction_loss

X = torch.tensor([[0.0, 1.0, 0.5], [1.0, 1.0, 0.25]], dtype=torch.float64)
LN3 = math.log(3)
LOGITS = torch.tensor([[0.0, LN3, -LN3], [LN3, 0.0, 0.0]], dtype=torch.float64)  # x̂ 1/2, 3/4, 1/4
DRAWN = torch.tensor([[True, False, False], [False, True, True]])


def test_cross_entropy_is_summed_over_components_per_sample() -> None:
    expected = [
        math.log(2) - math.log(3 / 4) - 0.5 * (math.log(1 / 4) + math.log(3 / 4)),
        -math.log(3 / 4) + 2 * math.log(2),
    ]
    loss = reconstruction_loss(X, LOGITS, Decoder.SIGMOID)
    assert loss.tolist() == pytest.approx(expected, rel=1e-14)


def test_the_squared_error_is_summed_without_a_half() -> None:
    decoded = torch.tensor([[1.0, -1.0, 0.5], [0.0, 1.0, 3.25]], dtype=torch.float64)
    loss = reconstruction_loss(X, decoded, Decoder.LINEAR)
    assert loss.tolist() == [1 + 4 + 0, 1 + 0 + 9]


@pytest.mark.parametrize("decoder", [Decoder.SIGMOID, Decoder.LINEAR])
def test_emphasis_weighs_drawn_and_other_components(decoder: Decoder) -> None:
    def loss_of(chosen: torch.Tensor) -> torch.Tensor:
        """Sum over the chosen components alone: the full loss with the others made equal."""
        return reconstruction_loss(X, LOGITS, decoder, Emphasis(1.0, 0.0), chosen)

    torch.testing.assert_close(
        loss_of(DRAWN) + loss_of(~DRAWN), reconstruction_loss(X, LOGITS, decoder)
    )
    torch.testing.assert_close(
        reconstruction_loss(X, LOGITS, decoder, Emphasis(2.0, 0.25), DRAWN),
        2.0 * loss_of(DRAWN) + 0.25 * loss_of(~DRAWN),
    )


def test_full_emphasis_counts_the_drawn_components_alone() -> None:
    loss = reconstruction_loss(X, LOGITS, Decoder.LINEAR, Emphasis(1.0, 0.0), DRAWN)
    assert loss.tolist() == pytest.approx([0.0, 1 + 1 / 16])


def test_where_nothing_was_drawn_all_components_are_the_others() -> None:
    loss = reconstruction_loss(X, LOGITS, Decoder.SIGMOID, Emphasis(1.0, 0.5), None)
    torch.testing.assert_close(loss, 0.5 * reconstruction_loss(X, LOGITS, Decoder.SIGMOID))


def test_drawn_components_do_not_matter_without_emphasis() -> None:
    plain = reconstruction_loss(X, LOGITS, Decoder.SIGMOID)
    assert torch.equal(reconstruction_loss(X, LOGITS, Decoder.SIGMOID, None, DRAWN), plain)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("x", [0.0, 1.0, 0.5])
@pytest.mark.parametrize("logit", [1e4, -1e4, 1e30, -1e30])
def test_no_finite_logit_gives_an_infinite_or_undefined_cross_entropy(
    logit: float, x: float, dtype: torch.dtype
) -> None:
    decoded = torch.tensor([[logit]], dtype=dtype, requires_grad=True)
    loss = reconstruction_loss(torch.tensor([[x]], dtype=dtype), decoded, Decoder.SIGMOID)
    expected = max(logit, 0.0) - x * logit
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    (gradient,) = torch.autograd.grad(loss.sum(), decoded)
    assert gradient.item() == pytest.approx(float(logit > 0) - x)
