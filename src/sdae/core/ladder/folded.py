"""The plain stack that gives the same predictions as a trained ladder.

Once trained, the normalisation of a ladder is a linear map, which its weights take in::

    W' = W / √(s + ε)      b' = β − m / √(s + ε)      at the top both times the gain

So everything that a stack can do for predictions (inference, exports, pages) a ladder can too.
"""

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn

from sdae.core.errors import InvalidParameterError
from sdae.core.kinds.activations import Activation
from sdae.core.ladder.network import VARIANCE_FLOOR, LadderNetwork
from sdae.core.ladder.statistics import reconstructed
from sdae.core.network import Rows
from sdae.core.rows import is_source
from sdae.core.stack import StackedDenoisingAutoencoder


class FoldedLadder(StackedDenoisingAutoencoder):
    """The stack of a trained ladder, for predictions; rows are reconstructed by the ladder.

    Attributes
    ----------
    ladder : LadderNetwork
    """

    def __init__(self, ladder: LadderNetwork) -> None:
        facts = ladder.head_kind.facts
        outputs = {facts.parameter: ladder.n_outputs}
        super().__init__(
            ladder.n_visible,
            ladder.hidden_layer_sizes,
            outputs.get("n_classes"),
            f"gaussian:{ladder.input_noise!r}",
            n_labels=outputs.get("n_labels"),
            n_targets=outputs.get("n_targets"),
            head=ladder.head_kind,
            activation=Activation.RELU,
            decoder="linear",
            dtype=ladder.gain.dtype,
        )
        self._ladder = [ladder]  # in a list, so that its parameters are not the stack's
        self.to(ladder.gain.device)
        self.refold()

    @property
    def ladder(self) -> LadderNetwork:
        """The ladder that this is the stack of."""
        return self._ladder[0]

    def refold(self) -> None:
        """Take the parameters of the ladder again, after it has changed."""
        _fold_into(self, self.ladder)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Convert or move all parameters, and the ladder's."""
        nn.Module._apply(self.ladder, fn, recurse)
        return super()._apply(fn, recurse)

    def load_state_dict(self, *_: Any, **__: Any) -> Any:
        """Raise an error: the ladder would not follow.

        Raises
        ------
        InvalidParameterError
            Always.
        """
        raise InvalidParameterError(
            "The stack of a ladder takes its parameters from the ladder. Load them into a plain "
            "copy instead: stack.ladder.to_stack()."
        )

    def check_trainable(self) -> None:
        """Raise an error: the ladder would not follow.

        Raises
        ------
        InvalidParameterError
            Always.
        """
        raise InvalidParameterError(
            "The stack is that of a ladder, which would not follow if it were trained. Train the "
            "ladder with train_ladder, or a copy without it: "
            "stack.ladder.to_stack()."
        )

    def decode(self, h: Rows, depth: int | None = None) -> Tensor:  # noqa: ARG002 - as a stack's
        """Raise an error: a ladder does not reconstruct codes alone."""
        raise codes_alone(depth)

    def reconstruct(self, x: Rows, depth: int | None = None) -> Tensor:
        """Estimate the clean rows, from all depths: (B, V) -> (B, V)."""
        self.check_depth(depth)
        if is_source(x):
            return self._in_chunks(lambda rows: self.reconstruct(rows, depth), x)
        return reconstructed(self.ladder, self._rows(x, self.n_visible))

    def check_depth(self, depth: int | None) -> None:
        """Raise an error unless rows are to be reconstructed from all depths."""
        if depth not in (None, self.n_layers):
            raise InvalidParameterError(
                "The depth parameter of a ladder's reconstruct must be None: it uses all depths. "
                f"Got {depth!r} instead."
            )


def codes_alone(depth: int | None) -> InvalidParameterError:
    """Return the error for codes that a ladder is to decode."""
    return InvalidParameterError(
        "A ladder cannot decode codes alone: its estimates also need the values of every "
        f"layer. Call reconstruct(x) with rows instead of decode(h, depth={depth})."
    )


def plain_stack(ladder: LadderNetwork) -> StackedDenoisingAutoencoder:
    """Return a stack of its own, without lateral connections, that predicts as the ladder does.

    It can be fine-tuned. Its decoders are not trained: a ladder does not have such.
    """
    facts = ladder.head_kind.facts
    outputs = {facts.parameter: ladder.n_outputs}
    stack = StackedDenoisingAutoencoder(
        ladder.n_visible,
        ladder.hidden_layer_sizes,
        outputs.get("n_classes"),
        n_labels=outputs.get("n_labels"),
        n_targets=outputs.get("n_targets"),
        head=ladder.head_kind,
        activation=Activation.RELU,
        decoder="linear",
        dtype=ladder.gain.dtype,
    ).to(ladder.gain.device)
    _fold_into(stack, ladder)
    return stack


@torch.no_grad()
def _fold_into(stack: StackedDenoisingAutoencoder, ladder: LadderNetwork) -> None:
    top = ladder.n_layers - 1
    for layer in range(top):
        weight, bias = _folded(ladder, layer)
        stack.autoencoder(layer).weight.copy_(weight)
        stack.autoencoder(layer).hidden_bias.copy_(bias)
    weight, bias = _folded(ladder, top)
    gain = ladder.gain.cpu().double()
    stack.head.weight.copy_(weight * gain[:, None])
    stack.head.bias.copy_(bias * gain)


def _folded(ladder: LadderNetwork, layer: int) -> tuple[Tensor, Tensor]:
    """Return weight and bias with the normalisation taken in, in float64."""
    part = ladder.layer(layer)
    weight, bias, mean, variance = (
        t.detach().cpu().double() for t in (part.weight, part.bias, part.mean, part.variance)
    )
    scale = torch.rsqrt(variance + VARIANCE_FLOOR)
    return weight * scale[:, None], bias - mean * scale
