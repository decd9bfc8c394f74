"""Reconstruction losses per sample; those of heads are in :mod:`sdae.core.kinds.heads`.

They are summed over components, never averaged over them: the tutorial sums over features and
averages over the minibatch. PyTorch's default reduction averages over everything, which divides the
gradient by V; it is not used here.

For a network in half precision, losses are computed in float32 from its outputs, since a sum in
half precision soon overflows (float16) or stops growing (bfloat16). The gradients of the network
have its own type.

Axes: B samples, V components.
"""

from torch import Tensor

from sdae.core.conversions import widened
from sdae.core.kinds.decoders import Decoder, Decoding, Emphasis


def reconstruction_loss(
    x: Tensor,
    decoded: Tensor,
    decoder: Decoder | Decoding,
    emphasis: Emphasis | None = None,
    drawn: Tensor | None = None,
) -> Tensor:
    """Return the reconstruction loss of each sample.

    Parameters
    ----------
    x : Tensor, shape (B, V)
        The clean input; in [0, 1] for the sigmoid decoder.
    decoded : Tensor, shape (B, V)
        What the decoder computes before its non-linearity: logits for the sigmoid decoder, the
        reconstruction itself for the linear one.
    decoder : Decoder or Decoding
        A decoder, or the blocks of a table. ``SIGMOID``: cross-entropy −Σ x log x̂ +
        (1 − x) log(1 − x̂), computed from the logits, so no finite input gives inf or NaN.
        ``LINEAR``: squared error Σ (x − x̂)².
    emphasis : Emphasis or None
        Weights of the drawn and of the other components (Vincent et al. 2010, section 3.4).
    drawn : Tensor of bool, shape (B, V), or None
        The components drawn for corruption; None means that none were.

    Returns
    -------
    Tensor, shape (B,)
        Losses in the type of `decoded`, or in float32 if that is narrower.
    """
    x, decoded = widened(x), widened(decoded)
    per_component = _decoding(decoder).loss(x, decoded)  # (B, V)
    if emphasis is not None:
        per_component = per_component * _weights(emphasis, per_component, drawn)
    return per_component.sum(dim=1)  # (B, V) -> (B,)


def reconstruction_slope(
    x: Tensor,
    decoded: Tensor,
    decoder: Decoder | Decoding,
    emphasis: Emphasis | None = None,
    drawn: Tensor | None = None,
) -> Tensor:
    """Return the derivative of :func:`reconstruction_loss` by `decoded`, (B, V) -> (B, V).

    x̂ − x for the cross-entropy, 2 (x̂ − x) for the squared error, times the weights of the emphasis.
    """
    slope = _decoding(decoder).slope(x, decoded)
    return slope if emphasis is None else slope * _weights(emphasis, slope, drawn)


def _decoding(decoder: Decoder | Decoding) -> Decoding:
    return decoder.facts if isinstance(decoder, Decoder) else decoder


def _weights(emphasis: Emphasis, like: Tensor, drawn: Tensor | None) -> Tensor:
    """Return α where a component was drawn and β elsewhere, (B, V)."""
    weights = like.new_full(like.shape, emphasis.beta)
    return weights if drawn is None else weights.masked_fill(drawn, emphasis.alpha)
