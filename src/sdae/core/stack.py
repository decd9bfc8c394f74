"""The stacked denoising autoencoder: two facades over one set of parameters.

``stack.autoencoders`` is a list of denoising autoencoders, which pre-training trains in turn;
``stack.mlp`` is a network, which fine-tuning trains (:mod:`sdae.core.network`). The weight and the
hidden bias of autoencoder k *are* the weight and the bias of the network's layer k: the same
objects, and they stay shared through loads and conversions (:mod:`sdae.core.facades`).

Layers count from 0. Depth k means after k layers: depth 0 is x, depth ``n_layers`` the deepest
code. Axes: B samples, V = n_visible, H_k hidden units of layer k, C classes, L labels, T targets of
regression; O outputs are C, L or T.
"""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

from sdae.core.autoencoder import DenoisingAutoencoder, new_encoder
from sdae.core.blocks import Blocks
from sdae.core.constraints import integer, one_or_each, parsed, per_layer, read_fields
from sdae.core.conversions import Array, Labels, rows_like
from sdae.core.errors import invalid_parameter
from sdae.core.facades import Facades
from sdae.core.head_layer import wanted_head
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.decoders import Decoder, Emphasis, parse_emphasis
from sdae.core.kinds.heads import Head
from sdae.core.kinds.noises import Noise, parse_noise
from sdae.core.kinds.text import parse_choice
from sdae.core.network import Network, Rows
from sdae.core.randomness import check_seed
from sdae.core.rows import is_source
from sdae.core.surroundings import make_ordinary, undisturbed

if TYPE_CHECKING:
    from sdae.train.step_functions import FinetuneFunctions, PretrainFunction


class StackedDenoisingAutoencoder(Network):
    """A stack of denoising autoencoders that is also a multilayer perceptron.

    Parameters
    ----------
    n_visible : int
        V, the number of input components.
    hidden_layer_sizes : sequence of int, default (500, 500)
        H_0, H_1, …; at least one layer.
    n_classes : int or None
        C, at least 2, of a classifier. With neither this nor `n_labels` nor `n_targets` the stack
        has no head; it can be pre-trained and gets one later from :meth:`add_head`,
        :meth:`add_multilabel_head` or :meth:`add_regression_head`.
    corruption_levels : one value or one per layer, default 0.1
        The noise of each layer: a masking level, a noise object, or its text (``gaussian:0.1``).
    n_labels : int or None
        L, at least 1, of a classifier that gives each row any number of labels.
    n_targets : int or None
        T, at least 1, of a regressor. A stack has either classes, labels or targets.
    head : {"classes", "multilabel", "regression", "poisson"} or None
        Kind of the head, if the numbers above do not determine it: with ``poisson`` the `n_targets`
        are means of counts. None: classes, labels, or values with a squared error.
    activation : {"sigmoid", "tanh", "relu", "gelu", "silu", "identity"}
        Activation of all hidden layers.
    decoder : one value or one per layer, {"auto", "sigmoid", "linear"}
        ``auto`` is ``sigmoid`` for layer 0; an upper layer takes it from the range of the codes
        below: ``sigmoid`` (cross-entropy) for sigmoid codes, ``linear`` (squared error) for others.
    tied : bool, default True
        Decode with the transpose of each encoder's weight.
    emphasis : Emphasis, str or None
        Weights of the reconstruction loss in all layers.
    seed : int, default 0
        Seed of the initial weights.
    dtype : torch.dtype, default torch.float32
        Type of all parameters.
    blocks : Blocks or None
        The columns of a table that the components of x belong to: layer 0 corrupts and decodes
        column by column (:mod:`sdae.core.blocks`).

    Attributes
    ----------
    autoencoders : nn.ModuleList of DenoisingAutoencoder
        The first facade.
    mlp : nn.Sequential
        The second facade: linear layers and activations, and the head on top, initially zero. Its
        output is what the head's layer computes (the logits of a classifier, the values of a
        regressor), or without a head the deepest code.
    head_kind : Head or None
        What the head is for: all that is known of it is in :mod:`sdae.core.kinds.heads`.
    n_outputs : int or None
        O: C, L or T; None without a head.

    Raises
    ------
    InvalidParameterError
        If a parameter is not allowed; all problems are reported at once.

    Examples
    --------
    >>> from sdae import StackedDenoisingAutoencoder
    >>> stack = StackedDenoisingAutoencoder(784, (100, 50), n_classes=10, corruption_levels=0.3)
    >>> stack.mlp[2].weight is stack.autoencoders[1].weight
    True
    >>> stack.autoencoders[1].corruption
    MaskingNoise(level=0.3, exact=False)
    """

    @undisturbed()
    def __init__(
        self,
        n_visible: int,
        hidden_layer_sizes: Sequence[int] = (500, 500),
        n_classes: int | None = None,
        corruption_levels: Noise | str | float | Sequence[Noise | str | float] = 0.1,
        *,
        n_labels: int | None = None,
        n_targets: int | None = None,
        head: Head | str | None = None,
        activation: Activation | str = "sigmoid",
        decoder: Decoder | str | Sequence[Decoder | str] = "auto",
        tied: bool = True,
        emphasis: Emphasis | str | None = None,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
        blocks: Blocks | None = None,
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
        wanted = wanted_head(
            {"n_classes": n_classes, "n_labels": n_labels, "n_targets": n_targets}, head, caller
        )
        self.n_visible: int = read["n_visible"]
        self.hidden_layer_sizes: tuple[int, ...] = read["hidden_layer_sizes"]
        self.n_layers = len(self.hidden_layer_sizes)
        self.head_kind: Head | None = None
        self.n_outputs: int | None = None
        self.activation: Activation = read["activation"]
        noises = per_layer(read["corruption_levels"], self.n_layers, "corruption_levels", caller)
        decoders = per_layer(read["decoder"], self.n_layers, "decoder", caller)

        self.autoencoders = nn.ModuleList()
        self.mlp = nn.Sequential()
        n_input = self.n_visible
        for layer, n_hidden in enumerate(self.hidden_layer_sizes):
            encoder = new_encoder(n_input, n_hidden, self.activation, seed, layer, dtype)
            self.mlp.append(encoder)
            self.mlp.append(self.activation.facts.module())
            self.autoencoders.append(
                DenoisingAutoencoder(
                    n_input,
                    n_hidden,
                    corruption=noises[layer],
                    tied=tied,
                    activation=self.activation,
                    decoder=_settle_decoder(decoders[layer], layer, self.activation, blocks),
                    emphasis=parse_emphasis(emphasis),
                    encoder=encoder,
                    blocks=blocks if layer == 0 else None,
                    seed=seed,
                    layer=layer,
                    dtype=dtype,
                )
            )
            n_input = n_hidden
        if wanted is not None:
            self.add_head_of(*wanted)

    # -- construction ------------------------------------------------------------------------

    def autoencoder(self, layer: int) -> DenoisingAutoencoder:
        """Return the denoising autoencoder of a layer (from 0)."""
        module = self.autoencoders[layer]
        if not isinstance(module, DenoisingAutoencoder):
            raise TypeError(f"autoencoders[{layer}] was replaced by {type(module).__name__}.")
        return module

    def check_facades(self) -> None:
        """Raise an error if the facades of the stack no longer share their parameters.

        Training, saving and all methods that take rows call this first. Parameters that are no
        longer shared but still equal are shared again.

        Raises
        ------
        InvalidParameterError
            If a parameter was replaced in one facade only, or loaded into one only with
            ``assign=True``; or if it is computed from others, as pruning and parametrizations do.
        TypeError
            If an autoencoder was replaced by something else.
        """
        if not self._facades.are_one:
            for layer in range(self.n_layers):
                self.autoencoder(layer)
            self._facades.check()

    def check_trainable(self) -> None:
        """Do nothing: a stack of its own can be trained."""

    def deepest_weight(self) -> Tensor:
        """Return the weight of the deepest layer, (H, …)."""
        return self.autoencoder(self.n_layers - 1).weight

    # -- the first facade: codes and reconstructions -----------------------------------------

    def encode(self, x: Rows, depth: int | None = None) -> Tensor:
        """Return the code at `depth` (default: the deepest), (B, V) -> (B, H_{depth-1})."""
        if is_source(x):
            return self._in_chunks(lambda rows: self.encode(rows, depth), x)
        h = self._rows(x, self.n_visible)
        for layer in range(self._depth(depth)):
            h = self.autoencoder(layer).encode(h)
        return h

    def decode(self, h: Rows, depth: int | None = None) -> Tensor:
        """Carry a code of `depth` (default: the deepest) down to x, (B, H_{depth-1}) -> (B, V)."""
        depth = self._depth(depth)
        if is_source(h):
            return self._in_chunks(lambda rows: self.decode(rows, depth), h)
        x = self._rows(h, (self.n_visible, *self.hidden_layer_sizes)[depth])
        for layer in reversed(range(depth)):
            x = self.autoencoder(layer).decode(x)
        return x

    def reconstruct(self, x: Rows, depth: int | None = None) -> Tensor:
        """Encode to `depth` and decode again, without corruption: (B, V) -> (B, V)."""
        if is_source(x):
            return self._in_chunks(lambda rows: self.reconstruct(rows, depth), x)
        return self.decode(self.encode(x, depth), depth)

    # -- the tutorial's functions and the model's file; their code is in packages above -----

    def pretraining_functions(
        self,
        train_x: Rows,
        batch_size: int,
        *,
        optimizer: str = "sgd",
        momentum: float = 0.0,
        nesterov: bool = False,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        seed: int = 0,
    ) -> "list[PretrainFunction]":
        """Return one training function per layer; see :mod:`sdae.train.step_functions`."""
        from sdae.train.step_functions import pretraining_functions

        return pretraining_functions(
            self,
            train_x,
            batch_size,
            optimizer=optimizer,
            momentum=momentum,
            nesterov=nesterov,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            seed=seed,
        )

    def build_finetune_functions(
        self,
        datasets: Sequence[tuple[Rows, Labels]],
        batch_size: int,
        learning_rate: float,
        *,
        optimizer: str = "sgd",
        momentum: float = 0.0,
        nesterov: bool = False,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> "FinetuneFunctions":
        """Return (train, valid_score, test_score); see :mod:`sdae.train.step_functions`."""
        from sdae.train.step_functions import build_finetune_functions

        return build_finetune_functions(
            self,
            datasets,
            batch_size,
            learning_rate,
            optimizer=optimizer,
            momentum=momentum,
            nesterov=nesterov,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
        )

    def save(self, path: str | Path) -> None:
        """Write the model to a safetensors file; see :mod:`sdae.core.model_file`."""
        from sdae.core.files import end_of
        from sdae.core.model_file import Model, save_model

        save_model(Model(self), end_of(path))

    @classmethod
    def load(cls, path: str | Path) -> "StackedDenoisingAutoencoder":
        """Read a model file and return its stack; nothing in the file is executed."""
        from sdae.core.model_file import load_model

        return load_model(path).stack

    # -- helpers -----------------------------------------------------------------------------

    @property
    def _facades(self) -> Facades:
        return Facades(self.autoencoders, self.mlp)

    @undisturbed()
    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Convert or move all parameters (PyTorch's methods come here); the facades stay linked."""
        were_one = self._facades.are_one
        nn.Module._apply(self, fn, recurse)
        if were_one:
            self._facades.tie()
        return self

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        """Load the stack's own state, which is empty; PyTorch calls this before the layers."""
        make_ordinary(self)
        assign = bool(local_metadata.get("assign_to_params_buffers", False))
        self._facades.complete(state_dict, prefix, assign=assign)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    def _depth(self, depth: int | None) -> int:
        if depth is None:
            return self.n_layers
        if isinstance(depth, bool) or not isinstance(depth, int) or not 0 <= depth <= self.n_layers:
            wanted = f"an integer from 0 (the input) to {self.n_layers} (the deepest code)"
            raise invalid_parameter("depth", "StackedDenoisingAutoencoder", wanted, depth)
        return depth

    def _rows(self, x: Array, n_columns: int) -> Tensor:
        """Bring rows to the type and device of the parameters, and check their shape."""
        self.check_facades()
        like = self.autoencoder(0).weight
        return rows_like(x, like, n_columns, "StackedDenoisingAutoencoder")


@undisturbed()
def copy_on_cpu(stack: StackedDenoisingAutoencoder) -> StackedDenoisingAutoencoder:
    """Return a copy of a stack on the CPU, without gradients; nothing is copied on its device."""
    copies: dict[int, Tensor] = {id(buffer): buffer.detach().cpu() for buffer in stack.buffers()}
    for parameter in stack.parameters():
        copies[id(parameter)] = nn.Parameter(parameter.detach().cpu(), parameter.requires_grad)
    return copy.deepcopy(stack, copies)


def _settle_decoder(
    decoder: Decoder, layer: int, activation: Activation, blocks: Blocks | None
) -> Decoder:
    """Resolve ``auto`` from the range of the layer's input."""
    if decoder is not Decoder.AUTO:
        return decoder
    if layer == 0 and blocks is not None:
        return Decoder.BLOCKS
    in_unit_interval = layer == 0 or activation.facts.within_unit_interval
    return Decoder.SIGMOID if in_unit_interval else Decoder.LINEAR
