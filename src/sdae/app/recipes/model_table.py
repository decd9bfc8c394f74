"""The table ``[model]`` of a recipe: the network."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise

from sdae.core.constraints import (
    Reader,
    boolean,
    choice,
    layer_size,
    one_or_each,
    parsed,
    read_fields,
)
from sdae.core.errors import InvalidParameterError
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.decoders import Decoder, Emphasis, parse_emphasis
from sdae.core.kinds.noises import MaskingNoise, Noise, parse_noise
from sdae.core.kinds.text import parse_choice
from sdae.core.options import option, readers_of
from sdae.core.wording import listed

STACK, LADDER = "stack", "ladder"
KINDS = (STACK, LADDER)
OF_A_LADDER = ("kind", "hidden_layer_sizes")
"""The entries that matter for a ladder; the others are for a stack alone."""
AUTO = "auto"
AUTOMATIC: tuple[int, ...] = ()
"""Sizes of the hidden layers that are chosen by the data, for ``auto``."""
_MAX_WEIGHTS = 2**31  # between two layers: 8 GiB of float32


def _words(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _sizes() -> Reader[tuple[int, ...]]:
    each = one_or_each(layer_size())

    def read(value: object) -> tuple[int, ...]:
        return AUTOMATIC if isinstance(value, str) and value == AUTO else each.read(value)

    return Reader(f"{each.constraint}, or {AUTO!r}", read)


@dataclass(frozen=True)
class ModelConfig:
    """The network: its kind, sizes of its hidden layers, noise, activation and decoders."""

    kind: str = option(
        choice(*KINDS),
        STACK,
        "`stack`: pre-trained layer by layer, then fine-tuned; `ladder`: trained at once, see "
        "`[ladder]`.",
    )
    hidden_layer_sizes: tuple[int, ...] = option(
        _sizes(),
        (500, 500),
        "Units of each hidden layer, from the bottom up. `auto`, of a ladder: by the data.",
    )
    corruption: tuple[Noise, ...] = option(
        one_or_each(parsed("a noise", parse_noise)), (MaskingNoise(0.1),), "Noise of the layers."
    )
    activation: Activation = option(
        parsed("an activation", lambda value: parse_choice(Activation, value, "activation")),
        Activation.SIGMOID,
        f"Activation of all hidden layers: {_words(Activation)}.",
    )
    decoder: tuple[Decoder, ...] = option(
        one_or_each(parsed("a decoder", lambda value: parse_choice(Decoder, value, "decoder"))),
        (Decoder.AUTO,),
        f"{_words(Decoder)}: `sigmoid` for data in [0, 1], `linear` for others.",
    )
    tied: bool = option(boolean(), True, "Decode with the transpose of each encoder's weight.")
    emphasis: Emphasis | None = option(
        parsed("an emphasis", parse_emphasis),
        None,
        "Weights of corrupted and of other components in the loss: `double`, `full`, `ALPHA:BETA`.",
    )

    @classmethod
    def read(cls, values: Mapping[str, object], caller: str) -> "ModelConfig":
        """Validate `values`; all problems come in one error that names `caller`."""
        model = cls(**read_fields(readers_of(cls), values, caller))
        if model.kind == LADDER:
            model._check_ladder(caller)
        elif model.hidden_layer_sizes == AUTOMATIC:
            raise InvalidParameterError(
                f"The hidden_layer_sizes parameter of {caller} must be sizes unless kind is "
                "'ladder'. Got 'auto' instead."
            )
        for below, above in pairwise(model.hidden_layer_sizes):
            if below * above > _MAX_WEIGHTS:
                raise InvalidParameterError(
                    f"The hidden_layer_sizes parameter of {caller} must give at most "
                    f"{_MAX_WEIGHTS:,} weights between two layers. Got {below * above:,} between "
                    f"layers of {below:,} and {above:,} units instead. Give smaller sizes."
                )
        return model

    def _check_ladder(self, caller: str) -> None:
        """Refuse what a ladder does not have."""
        others = [item.name for item in fields(self) if item.name not in OF_A_LADDER]
        changed = [name for name in others if getattr(self, name) != getattr(ModelConfig(), name)]
        if changed:
            raise InvalidParameterError(
                f"{caller} of kind 'ladder' must not have {listed(changed)}: its units are ReLU, "
                "and its noises and its decoder are in [ladder]. Leave "
                f"{'it' if len(changed) == 1 else 'them'} out, or start from --recipe ladder."
            )
