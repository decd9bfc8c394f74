"""The ladder network: a stack of denoising autoencoders with lateral connections.

Rasmus et al. 2015, "Semi-supervised learning with ladder networks", in the facts of the authors'
program. Upwards, with noise σ n for training and without it for prediction::

    z̃_0 = x + σ n            a_k = W_k h_{k−1}        z̃_k = (a_k − m_k) / √(s_k + ε) + σ n
    h_k = relu(z̃_k + β_k)    at the top: y = g ∘ (z̃_L + β_L)

m_k and s_k are the mean and the variance of a_k over the batch. Downwards, u_L being the noisy
prediction, and u normalised over the batch like a_k::

    u_k = V_k ẑ_{k+1}        ẑ_k = combinator(u_k, z̃_k)

Layers are numbered as in a stack: ``layers[0]`` leads from x to the first code. Depth k means after
k layers: depth 0 is x, depth L the output. Axes: B samples, V = n_visible, d_k units at depth k, O
outputs.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from sdae.core.constraints import integer, number, one_or_each, parsed, read_fields
from sdae.core.conversions import Array, rows_like
from sdae.core.errors import InvalidParameterError, invalid_parameter
from sdae.core.head_layer import wanted_head
from sdae.core.kinds.combinators import Combinator
from sdae.core.kinds.heads import Head
from sdae.core.kinds.text import parse_choice
from sdae.core.randomness import NoiseKey, Stream, check_seed, generator
from sdae.core.surroundings import undisturbed

if TYPE_CHECKING:
    from sdae.core.stack import StackedDenoisingAutoencoder

VARIANCE_FLOOR = 1e-6
"""ε, added to a variance before its root is taken."""

_NAME = "LadderNetwork"


class LadderLayer(nn.Module):
    """One layer of a ladder, with the way back down.

    Attributes
    ----------
    weight : Parameter, shape (d_k, d_{k-1})
        W_k; initially normal with variance 1 / d_{k-1}.
    bias : Parameter, shape (d_k,)
        β_k, initially zero.
    decoder_weight : Parameter, shape (d_{k-1}, d_k)
        V_{k-1}; initially normal with variance 1 / d_k.
    mean, variance : Tensor, shape (d_k,)
        m_k and s_k of clean rows, which predictions use; measured after training.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, n_in: int, n_out: int, seed: int, layer: int, dtype: torch.dtype) -> None:
        super().__init__()
        normal = generator(NoiseKey(seed, Stream.INITIALISATION, layer)).normal
        weight = normal(0, n_in**-0.5, (n_out, n_in))
        decoder_weight = normal(0, n_out**-0.5, (n_in, n_out))
        self.weight = nn.Parameter(torch.from_numpy(weight).to(dtype))
        self.bias = nn.Parameter(torch.zeros(n_out, dtype=dtype))
        self.decoder_weight = nn.Parameter(torch.from_numpy(decoder_weight).to(dtype))
        self.register_buffer("mean", torch.zeros(n_out, dtype=dtype))
        self.register_buffer("variance", torch.ones(n_out, dtype=dtype))


class Lateral(nn.Module):
    """The lateral connection at one depth.

    Attributes
    ----------
    coefficients : Parameter
        Those of the combinator: for ``gaussian`` a_1 to a_10 of each unit, (10, d_k).
    mean, variance : Tensor, shape (d_k,)
        Those of u_k of clean rows, which reconstructions use; measured after training.
    """

    mean: Tensor
    variance: Tensor

    def __init__(
        self, combinator: Combinator, n_units: int, seed: int, depth: int, dtype: torch.dtype
    ) -> None:
        super().__init__()
        random = generator(NoiseKey(seed, Stream.INITIALISATION, depth, 1))
        self.coefficients = nn.Parameter(combinator.facts.initial(n_units, random).to(dtype))
        self.register_buffer("mean", torch.zeros(n_units, dtype=dtype))
        self.register_buffer("variance", torch.ones(n_units, dtype=dtype))


class LadderNetwork(nn.Module):
    """A stack of denoising autoencoders with lateral connections and a head.

    Train it with :func:`sdae.train_ladder`, on labelled and unlabelled rows at once. Then it
    predicts by the statistics of all training rows; before, its predictions mean nothing.

    Parameters
    ----------
    n_visible : int
        V, the number of input components.
    hidden_layer_sizes : sequence of int, default (1000, 500, 250, 250, 250)
        Units of the hidden layers; at least one layer.
    n_classes, n_labels, n_targets : int or None
        The number of outputs O of the head, one of the three: classes of which a row has one,
        labels of which it has any number, or values.
    input_noise : float, default 0.3
        Standard deviation of the normal noise that training adds to the input, in the units of x.
    hidden_noise : float, default 0.3
        Standard deviation of the noise at all other depths, where units have variance 1.
    combinator : {"gaussian", "augmented_mlp"}
        How ẑ is made of u and z̃ (:mod:`sdae.core.kinds.combinators`).
    head : {"classes", "multilabel", "regression", "poisson"} or None
        Kind of the head, if the numbers above do not determine it.
    seed : int, default 0
        Seed of the initial weights.
    dtype : torch.dtype, default torch.float32
        Type of all parameters.

    Attributes
    ----------
    layers : nn.ModuleList of LadderLayer
        L layers, the head the last of them.
    laterals : nn.ModuleList of Lateral
        One for each depth from 0 to L.
    gain : Parameter, shape (O,)
        The g of the equations (gamma in the paper), initially one.
    sizes : tuple of int
        Units at each depth: V, the hidden layers', O.
    head_kind : Head

    Raises
    ------
    InvalidParameterError
        If a parameter is not allowed.

    References
    ----------
    Rasmus, Valpola, Honkala, Berglund and Raiko 2015, "Semi-supervised learning with ladder
    networks"; Pezeshki et al. 2016, "Deconstructing the ladder network architecture".

    Examples
    --------
    >>> from sdae import LadderNetwork
    >>> ladder = LadderNetwork(784, (100, 50), n_classes=10)
    >>> ladder.sizes, tuple(ladder.layers[0].weight.shape)
    ((784, 100, 50, 10), (100, 784))
    """

    @undisturbed()
    def __init__(
        self,
        n_visible: int,
        hidden_layer_sizes: Sequence[int] = (1000, 500, 250, 250, 250),
        n_classes: int | None = None,
        *,
        n_labels: int | None = None,
        n_targets: int | None = None,
        input_noise: float = 0.3,
        hidden_noise: float = 0.3,
        combinator: Combinator | str = "gaussian",
        head: Head | str | None = None,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        outputs = {"n_classes": n_classes, "n_labels": n_labels, "n_targets": n_targets}
        wanted = wanted_head(outputs, head, _NAME)
        if wanted is None:
            what = "a number, or n_labels or n_targets: a ladder is trained with its head"
            raise invalid_parameter("n_classes", _NAME, what, None)
        self.head_kind, n_outputs = wanted
        own = self.head_kind.facts
        read = read_fields(
            {
                "n_visible": integer(1),
                "hidden_layer_sizes": one_or_each(integer(1)),
                own.parameter: integer(own.least),
                "input_noise": number(0),
                "hidden_noise": number(0),
                "combinator": parsed("", lambda v: parse_choice(Combinator, v, "combinator")),
            },
            {
                "n_visible": n_visible,
                "hidden_layer_sizes": hidden_layer_sizes,
                own.parameter: n_outputs,
                "input_noise": input_noise,
                "hidden_noise": hidden_noise,
                "combinator": combinator,
            },
            _NAME,
        )
        seed = check_seed(seed, _NAME)
        self.sizes: tuple[int, ...] = (
            read["n_visible"],
            *read["hidden_layer_sizes"],
            read[own.parameter],
        )
        self.input_noise: float = read["input_noise"]
        self.hidden_noise: float = read["hidden_noise"]
        self.combinator: Combinator = read["combinator"]
        self.layers = nn.ModuleList(
            LadderLayer(n_in, n_out, seed, layer, dtype)
            for layer, (n_in, n_out) in enumerate(pairwise(self.sizes))
        )
        self.laterals = nn.ModuleList(
            Lateral(self.combinator, n_units, seed, depth, dtype)
            for depth, n_units in enumerate(self.sizes)
        )
        self.gain = nn.Parameter(torch.ones(self.sizes[-1], dtype=dtype))

    @property
    def n_layers(self) -> int:
        """L, the number of layers, the head among them."""
        return len(self.sizes) - 1

    @property
    def n_visible(self) -> int:
        """V, the number of input components."""
        return self.sizes[0]

    @property
    def hidden_layer_sizes(self) -> tuple[int, ...]:
        """Units of the hidden layers."""
        return self.sizes[1:-1]

    @property
    def n_outputs(self) -> int:
        """O, the number of outputs of the head."""
        return self.sizes[-1]

    def extra_repr(self) -> str:
        """Describe the ladder in one line."""
        return (
            f"{'-'.join(map(str, self.sizes))}, input_noise={self.input_noise:.6g}, "
            f"hidden_noise={self.hidden_noise:.6g}, combinator='{self.combinator}'"
        )

    def layer(self, layer: int) -> LadderLayer:
        """Return a layer (from 0); the last is the head."""
        module = self.layers[layer]
        assert isinstance(module, LadderLayer)
        return module

    def lateral(self, depth: int) -> Lateral:
        """Return the lateral connection at a depth, from 0, x, to L, the output."""
        module = self.laterals[depth]
        assert isinstance(module, Lateral)
        return module

    def noise_at(self, depth: int) -> float:
        """Return σ, the standard deviation of the noise at a depth."""
        return self.hidden_noise if depth else self.input_noise

    # -- after training: predictions, the plain stack, and the file ------------------------------

    def forward(self, x: Array) -> Tensor:
        """Return the output of the head for clean rows, (B, V) -> (B, O): logits, or values."""
        from sdae.core.ladder.statistics import clean_way_up

        return clean_way_up(self, self._rows(x))[1]

    @undisturbed()
    @torch.no_grad()
    def predict(self, x: Array) -> Tensor:
        """Return classes (B,), labels (B, L) as 0 and 1, or values (B, T)."""
        return self.head_kind.facts.answer(self.forward(x))

    @undisturbed()
    @torch.no_grad()
    def predict_proba(self, x: Array) -> Tensor:
        """Return the probability of each class or label, (B, V) -> (B, O).

        Raises
        ------
        InvalidParameterError
            If the ladder predicts values.
        """
        probabilities = self.head_kind.facts.probabilities
        if probabilities is None:
            raise InvalidParameterError(
                "The ladder predicts values, which do not have probabilities. Use predict."
            )
        return probabilities(self.forward(x))

    @undisturbed()
    @torch.no_grad()
    def reconstruct(self, x: Array) -> Tensor:
        """Return the estimate of clean rows from noisy ones, (B, V) -> (B, V)."""
        from sdae.core.ladder.statistics import reconstructed

        return reconstructed(self, self._rows(x))

    def _rows(self, x: Array) -> Tensor:
        return rows_like(x, self.gain, self.n_visible, _NAME)

    def to_stack(self) -> "StackedDenoisingAutoencoder":
        """Return a plain stack that predicts as the ladder does: a copy, which can be fine-tuned.

        It does not have lateral connections; its decoders are not trained.
        """
        from sdae.core.ladder.folded import plain_stack

        return plain_stack(self)

    def save(self, path: str | Path) -> None:
        """Write the ladder to a safetensors file, which :func:`sdae.load` reads."""
        from sdae.core.files import end_of
        from sdae.core.ladder.folded import FoldedLadder
        from sdae.core.model_file import Model, save_model

        save_model(Model(FoldedLadder(self)), end_of(path))

    def named_state(self) -> Iterator[tuple[str, Tensor]]:
        """Yield all parameters, and what was measured after training, under canonical names."""
        for layer in range(self.n_layers):
            part = self.layer(layer)
            for name in ("weight", "bias", "decoder_weight", "mean", "variance"):
                yield f"layers.{layer}.{name}", getattr(part, name)
        for depth in range(self.n_layers + 1):
            lateral = self.lateral(depth)
            for name in ("coefficients", "mean", "variance"):
                yield f"laterals.{depth}.{name}", getattr(lateral, name)
        yield "gain", self.gain
