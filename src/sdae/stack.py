"""The stacked denoising autoencoder: two facades over one set of parameters.

``stack.autoencoders`` is a list of denoising autoencoders, which pre-training walks;
``stack.mlp`` is a network, which fine-tuning trains. The weight and the hidden bias of autoencoder
k *are* the weight and the bias of the network's layer k: the same objects.

Layers count from 0. Depth k means after k layers: depth 0 is x, depth ``n_layers`` the deepest
code. Axes: B samples, V = n_visible, H_k hidden units of layer k, C classes.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdae.arrays import Array, Labels, as_tensor, tensor_like
from sdae.autoencoder import DenoisingAutoencoder, empty_layer, new_encoder
from sdae.config.readers import integer, one_or_each, parsed, per_layer, read_fields
from sdae.errors import InvalidParameterError, invalid_parameter
from sdae.randomness import check_seed
from sdae.specs import (
    Activation,
    Decoder,
    Emphasis,
    Noise,
    parse_choice,
    parse_emphasis,
    parse_noise,
)

if TYPE_CHECKING:
    from sdae.training.step_functions import FinetuneFunctions, PretrainFunction


_INFERENCE_ROWS = 1024
_MODULES: dict[Activation, type[nn.Module]] = {
    Activation.SIGMOID: nn.Sigmoid,
    Activation.TANH: nn.Tanh,
    Activation.RELU: nn.ReLU,
}


class StackedDenoisingAutoencoder(nn.Module):
    """A stack of denoising autoencoders that is also a multilayer perceptron.

    Parameters
    ----------
    n_visible : int
        V, the number of input components.
    hidden_layer_sizes : sequence of int, default (500, 500)
        H_0, H_1, …; at least one layer.
    n_classes : int or None
        C, at least 2. None makes a stack without a head, which can be pre-trained and gets its
        head later from :meth:`add_head`.
    corruption_levels : one value or one per layer, default 0.1
        The noise of each layer: a masking level, a noise object, or its text (``gaussian:0.1``).
    activation : {"sigmoid", "tanh", "relu"}
        Of all hidden layers.
    decoder : one value or one per layer, {"auto", "sigmoid", "linear"}
        ``auto`` is ``sigmoid`` for layer 0; an upper layer takes it from the range of the codes
        below: ``sigmoid`` (cross-entropy) for sigmoid codes, ``linear`` (squared error) for others.
    tied : bool, default True
        Decode with the transpose of each encoder's weight.
    emphasis : Emphasis, str or None
        Weights of the reconstruction loss, of all layers.
    seed : int, default 0
        Seed of the initial weights.
    dtype : torch.dtype, default torch.float32
        Type of all parameters.

    Attributes
    ----------
    autoencoders : nn.ModuleList of DenoisingAutoencoder
        The first facade.
    mlp : nn.Sequential
        The second facade: linear layers and activations, and the logistic layer on top, initially
        zero. Its output is the logits, or without a head the deepest code.

    Raises
    ------
    InvalidParameterError
        If a parameter is not what it must be; all problems are reported at once.

    Examples
    --------
    >>> from sdae import StackedDenoisingAutoencoder
    >>> stack = StackedDenoisingAutoencoder(784, (100, 50), n_classes=10, corruption_levels=0.3)
    >>> stack.mlp[2].weight is stack.autoencoders[1].weight
    True
    >>> stack.autoencoders[1].corruption
    MaskingNoise(level=0.3, exact=False)
    """

    def __init__(
        self,
        n_visible: int,
        hidden_layer_sizes: Sequence[int] = (500, 500),
        n_classes: int | None = None,
        corruption_levels: Noise | str | float | Sequence[Noise | str | float] = 0.1,
        *,
        activation: Activation | str = "sigmoid",
        decoder: Decoder | str | Sequence[Decoder | str] = "auto",
        tied: bool = True,
        emphasis: Emphasis | str | None = None,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        caller = "StackedDenoisingAutoencoder"
        read = read_fields(
            {
                "n_visible": integer(1),
                "hidden_layer_sizes": one_or_each(integer(1)),
                "corruption_levels": one_or_each(parsed("a noise", parse_noise)),
                "activation": parsed("", lambda v: parse_choice(Activation, v, "activation")),
                "decoder": one_or_each(parsed("", lambda v: parse_choice(Decoder, v, "decoder"))),
            },
            {
                "n_visible": n_visible,
                "hidden_layer_sizes": hidden_layer_sizes,
                "corruption_levels": corruption_levels,
                "activation": activation,
                "decoder": decoder,
            },
            caller,
        )
        seed = check_seed(seed, caller)
        self.n_visible: int = read["n_visible"]
        self.hidden_layer_sizes: tuple[int, ...] = read["hidden_layer_sizes"]
        self.n_layers = len(self.hidden_layer_sizes)
        self.n_classes: int | None = None
        self.activation: Activation = read["activation"]
        noises = per_layer(read["corruption_levels"], self.n_layers, "corruption_levels", caller)
        decoders = per_layer(read["decoder"], self.n_layers, "decoder", caller)

        self.autoencoders = nn.ModuleList()
        self.mlp = nn.Sequential()
        n_input = self.n_visible
        for layer, n_hidden in enumerate(self.hidden_layer_sizes):
            encoder = new_encoder(n_input, n_hidden, self.activation, seed, layer, dtype)
            self.mlp.append(encoder)
            self.mlp.append(_MODULES[self.activation]())
            self.autoencoders.append(
                DenoisingAutoencoder(
                    n_input,
                    n_hidden,
                    corruption=noises[layer],
                    tied=tied,
                    activation=self.activation,
                    decoder=_settle_decoder(decoders[layer], layer, self.activation),
                    emphasis=parse_emphasis(emphasis),
                    encoder=encoder,
                    seed=seed,
                    layer=layer,
                    dtype=dtype,
                )
            )
            n_input = n_hidden
        if n_classes is not None:
            self.add_head(n_classes)

    # -- construction ------------------------------------------------------------------------

    def add_head(self, n_classes: int) -> None:
        """Put a zero-initialised logistic layer on top of the network.

        Raises
        ------
        InvalidParameterError
            If there is a head already, or `n_classes` is no integer of at least 2.
        """
        caller = "StackedDenoisingAutoencoder"
        if self.n_classes is not None:
            raise InvalidParameterError(
                f"The stack has a head for {self.n_classes} classes already. Build a new stack, or "
                "go on with this one."
            )
        n_classes = read_fields({"n_classes": integer(2)}, {"n_classes": n_classes}, caller)[
            "n_classes"
        ]
        deepest = self.autoencoder(self.n_layers - 1).weight
        head = empty_layer(deepest.shape[0], n_classes, deepest.dtype).to(deepest.device)
        with torch.no_grad():
            head.weight.zero_()
            head.bias.zero_()
        self.mlp.append(head)
        self.n_classes = n_classes

    def autoencoder(self, layer: int) -> DenoisingAutoencoder:
        """Return the denoising autoencoder of a layer (from 0)."""
        module = self.autoencoders[layer]
        if not isinstance(module, DenoisingAutoencoder):
            raise TypeError(f"autoencoders[{layer}] was replaced by {type(module).__name__}.")
        return module

    @property
    def head(self) -> nn.Linear:
        """The logistic layer.

        Raises
        ------
        InvalidParameterError
            If the stack has none yet.
        """
        top = self.mlp[-1]
        if self.n_classes is None or not isinstance(top, nn.Linear):
            raise InvalidParameterError(
                "The stack has no head, so it cannot classify. Give it n_classes, or call "
                "add_head(n_classes), and fine-tune it."
            )
        return top

    # -- the first facade: codes and reconstructions -----------------------------------------

    def encode(self, x: Array, depth: int | None = None) -> Tensor:
        """Return the code at `depth` (default: the deepest), (B, V) -> (B, H_{depth-1})."""
        h = self._rows(x, self.n_visible)
        for layer in range(self._depth(depth)):
            h = self.autoencoder(layer).encode(h)
        return h

    def decode(self, h: Array, depth: int | None = None) -> Tensor:
        """Carry a code of `depth` (default: the deepest) down to x, (B, H_{depth-1}) -> (B, V)."""
        depth = self._depth(depth)
        x = self._rows(h, (self.n_visible, *self.hidden_layer_sizes)[depth])
        for layer in reversed(range(depth)):
            x = self.autoencoder(layer).decode(x)
        return x

    def reconstruct(self, x: Array, depth: int | None = None) -> Tensor:
        """Encode to `depth` and decode again, without corruption: (B, V) -> (B, V)."""
        return self.decode(self.encode(x, depth), depth)

    # -- the second facade: the network ------------------------------------------------------

    def logits(self, x: Array) -> Tensor:
        """Return the head's pre-activations, (B, V) -> (B, C)."""
        logits: Tensor = self.head(self.encode(x))
        return logits

    def predict_proba(self, x: Array) -> Tensor:
        """Return class probabilities, (B, V) -> (B, C), without gradients."""
        return self.in_chunks(lambda rows: torch.softmax(self.logits(rows), dim=1), x)

    def predict(self, x: Array) -> Tensor:
        """Return the most probable class of each row, (B, V) -> (B,) int64."""
        return self.in_chunks(lambda rows: self.logits(rows).argmax(dim=1), x)

    def negative_log_likelihood(self, x: Array, y: Labels) -> Tensor:
        """Return −mean log p(y | x), the fine-tuning cost: (B, V), (B,) -> a scalar."""
        logits = self.logits(x)  # (B, C)
        return F.cross_entropy(logits, self._labels(y, logits))

    def errors(self, x: Array, y: Labels) -> Tensor:
        """Return the mean 0-1 loss, the share of rows classified wrongly: a scalar in [0, 1]."""
        predicted = self.predict(x)  # (B,)
        return (predicted != self._labels(y, predicted)).double().mean()

    def forward(self, x: Array) -> Tensor:
        """Return the network's output: the logits, or without a head the deepest code."""
        return self.encode(x) if self.n_classes is None else self.logits(x)

    # -- the tutorial's functions and the model's file; the logic lives in the rooms above ---

    def pretraining_functions(
        self, train_x: Array, batch_size: int, *, seed: int = 0
    ) -> "list[PretrainFunction]":
        """Return one training function per layer; see :mod:`sdae.training.step_functions`."""
        from sdae.training.step_functions import pretraining_functions

        return pretraining_functions(self, train_x, batch_size, seed=seed)

    def build_finetune_functions(
        self, datasets: Sequence[tuple[Array, Labels]], batch_size: int, learning_rate: float
    ) -> "FinetuneFunctions":
        """Return (train, valid_score, test_score); see :mod:`sdae.training.step_functions`."""
        from sdae.training.step_functions import build_finetune_functions

        return build_finetune_functions(self, datasets, batch_size, learning_rate)

    def save(self, path: str | Path) -> None:
        """Write the model to a safetensors file; see :mod:`sdae.model_file`."""
        from sdae.model_file import Model, save_model

        save_model(Model(self), path)

    @classmethod
    def load(cls, path: str | Path) -> "StackedDenoisingAutoencoder":
        """Read a model file and return its stack; nothing in the file is executed."""
        from sdae.model_file import load_model

        return load_model(path).stack

    # -- helpers -----------------------------------------------------------------------------

    def _depth(self, depth: int | None) -> int:
        if depth is None:
            return self.n_layers
        if isinstance(depth, bool) or not isinstance(depth, int) or not 0 <= depth <= self.n_layers:
            wanted = f"an integer from 0 (the input) to {self.n_layers} (the deepest code)"
            raise invalid_parameter("depth", "StackedDenoisingAutoencoder", wanted, depth)
        return depth

    def _rows(self, x: Array, n_columns: int) -> Tensor:
        """Bring rows to the type and device of the parameters, and check their shape."""
        like = self.autoencoder(0).weight
        rows = tensor_like(x, like)
        if rows.ndim != 2 or rows.shape[1] != n_columns:
            raise invalid_parameter(
                "x",
                "StackedDenoisingAutoencoder",
                f"a 2-D array with {n_columns} columns",
                tuple(rows.shape),
                "Reshape a single row with x.reshape(1, -1).",
            )
        return rows

    def _labels(self, y: Labels, per_row: Tensor) -> Tensor:
        """Check that there is one class per row, and bring them to the parameters' device, (B,)."""
        labels = as_tensor(y)
        integers = not labels.is_floating_point() and labels.dtype is not torch.bool
        labels = labels.long() if integers else labels  # some integer types cannot be compared
        in_range = integers and not ((labels < 0) | (labels >= self.head.out_features)).any()
        if labels.shape != per_row.shape[:1] or not in_range:
            raise invalid_parameter(
                "y",
                "StackedDenoisingAutoencoder",
                f"{len(per_row)} integers in [0, {self.head.out_features}), one per row",
                f"{labels.dtype} of shape {tuple(labels.shape)}"
                + (f" from {labels.min()} to {labels.max()}" if labels.numel() else ""),
            )
        return labels.to(per_row.device)

    def in_chunks(self, function: Callable[[Array], Tensor], x: Array) -> Tensor:
        """Apply `function` of rows to a bounded number of them at a time, without gradients."""
        with torch.no_grad():
            parts = [
                function(x[start : start + _INFERENCE_ROWS])
                for start in range(0, max(len(x), 1), _INFERENCE_ROWS)
            ]
        return torch.cat(parts)


def _settle_decoder(decoder: Decoder, layer: int, activation: Activation) -> Decoder:
    """Settle ``auto`` from the range of what the layer reconstructs."""
    if decoder is not Decoder.AUTO:
        return decoder
    in_unit_interval = layer == 0 or activation is Activation.SIGMOID
    return Decoder.SIGMOID if in_unit_interval else Decoder.LINEAR
