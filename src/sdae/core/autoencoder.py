"""One denoising autoencoder.

Equations (Vincent et al. 2010, section 3.1; W is (H, V), the transpose of the tutorial's):

    x̃ ~ q(x̃ | x)                       corrupt
    h = s(W x̃ + b)                     encode                                  (1)
    a = W' h + b',  x̂ = s'(a)          decode; W' = Wᵀ when tied               (2)
    L(x, x̂)                            cross-entropy if s' is the sigmoid,
                                       squared error if s' is the identity     (3)

Axes: B samples, V = n_visible, H = n_hidden.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdae.core.blocks import BlockLayout, Blocks
from sdae.core.constraints import integer, read_fields
from sdae.core.corruption import Corrupted, corrupt
from sdae.core.errors import InvalidParameterError, invalid_parameter
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.corrupted import EACH_COMPONENT, Columns
from sdae.core.kinds.decoders import Decoder, Decoding, Emphasis, parse_emphasis
from sdae.core.kinds.noises import Noise, parse_noise
from sdae.core.kinds.text import parse_choice
from sdae.core.losses import reconstruction_loss
from sdae.core.randomness import NoiseKey, Stream, check_seed, generator
from sdae.core.surroundings import undisturbed
from sdae.core.threads import usable_threads


class DenoisingAutoencoder(nn.Module):
    """A denoising autoencoder: reconstruct the clean input from a corrupted one.

    Parameters
    ----------
    n_visible, n_hidden : int
        V and H, the sizes of the input and of the code; at least 1.
    corruption : noise, str or float
        Noise that corrupts the input: an object of :mod:`sdae.corruption`, its text
        (``masking:0.3``), or a number, the level of masking noise.
    tied : bool, default True
        Decode with the transpose of the encoder's weight.
    activation : {"sigmoid", "tanh", "relu", "gelu", "silu", "identity"}
        The encoder's non-linearity s.
    decoder : {"auto", "sigmoid", "linear", "blocks"}
        ``sigmoid`` with cross-entropy, for data in [0, 1]; ``linear`` with the squared error, for
        real values; ``auto`` is ``blocks`` if these are given, otherwise ``sigmoid``.
    emphasis : Emphasis, str or None
        Weights of the loss on drawn and on other components; must be None with Gaussian noise.
    encoder : nn.Linear or None
        A layer (V -> H) of a network, whose ``weight`` and ``bias`` this autoencoder shares as its
        ``weight`` and ``hidden_bias``. None makes new ones.
    blocks : Blocks or None
        The columns of a table that the components of x belong to: the noise draws whole columns,
        and each kind of column is decoded in its own way (:mod:`sdae.core.blocks`).
    seed : int, default 0
        Seed of the initial weights and of the noise that :meth:`corrupt` draws.
    layer : int, default 0
        Number of the layer in its stack: layers of one seed draw different numbers.
    dtype : torch.dtype, default torch.float32
        Type of the parameters.

    Attributes
    ----------
    weight : Parameter, shape (H, V)
        Initially uniform in ±4 √(6 / (V + H)) for the sigmoid and ±√(6 / (V + H)) for tanh (Glorot
        and Bengio 2010), ±√(6 / V) for ReLU, GELU and SiLU (He et al. 2015).
    hidden_bias : Parameter, shape (H,)
    visible_bias : Parameter, shape (V,)
        Both initially zero.
    decoder_weight : Parameter, shape (V, H)
        Only when untied; initially uniform in the range for the decoder's output function.

    Raises
    ------
    InvalidParameterError
        If a parameter has a value that is not allowed.

    Examples
    --------
    >>> import torch
    >>> from sdae import DenoisingAutoencoder
    >>> autoencoder = DenoisingAutoencoder(6, 4, corruption="masking:0.5", seed=1)
    >>> x = torch.full((2, 6), 0.9)
    >>> tuple(autoencoder.encode(x).shape), tuple(autoencoder.reconstruct(x).shape)
    ((2, 4), (2, 6))
    >>> int((autoencoder.corrupt(x) == 0).sum())
    6
    >>> tuple(autoencoder.loss(x).shape)  # one loss per sample
    (2,)
    """

    weight: nn.Parameter
    hidden_bias: nn.Parameter
    visible_bias: nn.Parameter

    @undisturbed()
    def __init__(
        self,
        n_visible: int,
        n_hidden: int,
        *,
        corruption: Noise | str | float,
        tied: bool = True,
        activation: Activation | str = "sigmoid",
        decoder: Decoder | str = "auto",
        emphasis: Emphasis | str | None = None,
        encoder: nn.Linear | None = None,
        blocks: Blocks | None = None,
        seed: int = 0,
        layer: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        sizes = read_fields(
            {"n_visible": integer(1), "n_hidden": integer(1)},
            {"n_visible": n_visible, "n_hidden": n_hidden},
            "DenoisingAutoencoder",
        )
        self.n_visible: int = sizes["n_visible"]
        self.n_hidden: int = sizes["n_hidden"]
        self.corruption = parse_noise(corruption, caller="DenoisingAutoencoder")
        self.tied = tied
        self.activation = parse_choice(Activation, activation, "activation")
        decoder = parse_choice(Decoder, decoder, "decoder")
        if decoder is Decoder.AUTO:
            decoder = Decoder.SIGMOID if blocks is None else Decoder.BLOCKS
        self.decoder = decoder
        check_blocks(blocks, decoder, self.corruption, self.n_visible)
        self.emphasis = parse_emphasis(emphasis)
        check_emphasis(self.emphasis, self.corruption)
        self.seed = check_seed(seed, "DenoisingAutoencoder")
        self.layer = layer
        self._calls = 0

        if encoder is None:
            encoder = new_encoder(
                self.n_visible, self.n_hidden, self.activation, seed, layer, dtype
            )
        elif encoder.weight.shape != (self.n_hidden, self.n_visible) or encoder.bias is None:
            raise invalid_parameter(
                "encoder",
                "DenoisingAutoencoder",
                f"an nn.Linear({self.n_visible}, {self.n_hidden}) with a bias",
                encoder,
            )
        self.weight = encoder.get_parameter("weight")
        self.hidden_bias = encoder.get_parameter("bias")
        self.visible_bias = nn.Parameter(encoder.weight.new_zeros(self.n_visible))
        self.layout = None if blocks is None else BlockLayout(blocks, encoder.weight.detach())
        if not tied:
            self.decoder_weight = nn.Parameter(self._initial_decoder_weight())

    @property
    def columns(self) -> Columns:
        """What the noise draws at once: each component, or the columns of a table."""
        return EACH_COMPONENT if self.layout is None else self.layout

    @property
    def decoding(self) -> Decoding:
        """The loss of the decoder, and its slope."""
        return self.decoder.facts if self.layout is None else self.layout

    @property
    def needs_unit_interval(self) -> bool:
        """Whether x must lie in [0, 1]."""
        return self.layout is None and self.decoder.facts.within_unit_interval

    def corrupt(self, x: Tensor) -> Tensor:
        """Draw x_tilde for a batch, (B, V) -> (B, V). Each call draws new noise from the seed."""
        return self.corrupt_with_mask(x).x_tilde

    def corrupt_with_mask(self, x: Tensor) -> Corrupted:
        """Draw x_tilde and return it with the components drawn: two (B, V)."""
        key = NoiseKey(self.seed, Stream.MODULE_CORRUPTION, self.layer, self._calls)
        self._calls += 1
        return corrupt(x, self.corruption, key, np.arange(len(x)), columns=self.columns)

    def encode(self, x: Tensor) -> Tensor:
        """Return the code h = s(W x + b), equation (1): (B, V) -> (B, H)."""
        return activate(F.linear(x, self.weight, self.hidden_bias), self.activation)

    def decode(self, h: Tensor) -> Tensor:
        """Return the reconstruction x̂ of a code, equation (2): (B, H) -> (B, V)."""
        return self.output(self.decode_linear(h))

    def output(self, a: Tensor) -> Tensor:
        """Return s'(a), the reconstruction of the decoder's pre-activations: (B, V) -> (B, V)."""
        if self.layout is not None:
            return self.layout.output(a)
        return activate(a, self.decoder.facts.output)

    def decode_linear(self, h: Tensor) -> Tensor:
        """Return a = W' h + b', the decoder before its non-linearity: (B, H) -> (B, V)."""
        weight = self.weight.t() if self.tied else self.decoder_weight  # (V, H)
        return F.linear(h, weight, self.visible_bias)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Encode and decode without corruption, (B, V) -> (B, V)."""
        return self.decode(self.encode(x))

    def loss(self, x: Tensor, x_tilde: Tensor | None = None, drawn: Tensor | None = None) -> Tensor:
        """Return the loss of each sample, equation (3): (B, V) -> (B,).

        Parameters
        ----------
        x : Tensor, shape (B, V)
            The clean input, to be reconstructed.
        x_tilde : Tensor, shape (B, V), or None
            The corrupted input; None draws one.
        drawn : Tensor of bool, shape (B, V), or None
            With emphasis and a given `x_tilde`: the components drawn for corruption.

        Raises
        ------
        InvalidParameterError
            If the autoencoder has an emphasis and is given `x_tilde` without `drawn`.
        """
        if x_tilde is None:
            x_tilde, drawn = self.corrupt_with_mask(x)
        elif self.emphasis is not None and drawn is None and self.corruption.level > 0:
            raise InvalidParameterError(
                "The drawn parameter of DenoisingAutoencoder.loss must be given with x_tilde when "
                "the autoencoder has an emphasis. Got None instead. Take both from "
                "corrupt_with_mask."
            )
        return self.loss_of(x, Corrupted(x_tilde, drawn))

    def loss_of(self, x: Tensor, corrupted: Corrupted) -> Tensor:
        """Return the loss of each sample given its corruption, equation (3): (B, V) -> (B,)."""
        decoded = self.decode_linear(self.encode(corrupted.x_tilde))  # (B, V) -> (B, H) -> (B, V)
        return reconstruction_loss(x, decoded, self.decoding, self.emphasis, corrupted.drawn)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct, (B, V) -> (B, V)."""
        return self.reconstruct(x)

    def extra_repr(self) -> str:
        """Describe the layer in one line."""
        return (
            f"{self.n_visible}, {self.n_hidden}, corruption='{self.corruption}', tied={self.tied}, "
            f"activation='{self.activation}', decoder='{self.decoder}'"
        )

    def _initial_decoder_weight(self) -> Tensor:
        like = Activation.IDENTITY if self.layout is not None else self.decoder.facts.output
        key = NoiseKey(self.seed, Stream.INITIALISATION, self.layer, 1)
        return _uniform_weight(self.n_hidden, self.n_visible, like, key).to(self.weight)


def activate(a: Tensor, activation: Activation) -> Tensor:
    """Apply the non-linearity s to pre-activations of any shape."""
    return activation.facts.function(a)


def new_encoder(
    n_visible: int,
    n_hidden: int,
    activation: Activation,
    seed: int,
    layer: int,
    dtype: torch.dtype = torch.float32,
) -> nn.Linear:
    """Make a layer (V -> H) with the initial weights of its activation and zero biases."""
    encoder = empty_layer(n_visible, n_hidden, dtype)
    key = NoiseKey(seed, Stream.INITIALISATION, layer)
    with torch.no_grad():
        encoder.weight.copy_(_uniform_weight(n_visible, n_hidden, activation, key))
        encoder.bias.zero_()
    return encoder


def empty_layer(n_in: int, n_out: int, dtype: torch.dtype) -> nn.Linear:
    """Make a layer whose parameters are not set yet, without touching torch's generator."""
    usable_threads(1)  # filling a large layer would use several threads
    # nn.Linear's own initialisation would draw numbers; on the meta device it draws none, but takes
    # longer than all else here.
    layer = nn.Linear.__new__(nn.Linear)
    nn.Module.__init__(layer)
    layer.in_features, layer.out_features = n_in, n_out
    layer.weight = nn.Parameter(torch.empty(n_out, n_in, dtype=dtype, device="cpu"))
    layer.bias = nn.Parameter(torch.empty(n_out, dtype=dtype, device="cpu"))
    return layer


def check_blocks(blocks: Blocks | None, decoder: Decoder, noise: Noise, n_visible: int) -> None:
    """Raise an error for blocks that do not fit the other parameters.

    Raises
    ------
    InvalidParameterError
        If decoder or noise are not for blocks, or their components are not those of x.
    """
    caller = "DenoisingAutoencoder"
    if (blocks is None) == (decoder is Decoder.BLOCKS):
        wanted = "'sigmoid', 'linear' or 'auto'" if blocks is None else "'auto' or 'blocks'"
        raise invalid_parameter("decoder", caller, f"{wanted} with blocks={blocks}", str(decoder))
    if blocks is None:
        return
    if blocks.n_components != n_visible:
        raise invalid_parameter("blocks", caller, f"of {n_visible} components", blocks.n_components)
    if not noise.for_tables:
        wanted = "masking, swap or Gaussian noise for the columns of a table"
        raise invalid_parameter("corruption", caller, wanted, str(noise))


def check_emphasis(emphasis: Emphasis | None, noise: Noise) -> None:
    """Raise an error for an emphasised loss with Gaussian noise.

    Raises
    ------
    InvalidParameterError
        If both are given.
    """
    if emphasis is not None and not noise.draws_components:
        raise invalid_parameter(
            "emphasis",
            "DenoisingAutoencoder",
            "None with Gaussian noise, which touches every component and so draws none to "
            "emphasise",
            str(emphasis),
            "Use masking or salt-and-pepper noise, or drop the emphasis.",
        )


def _uniform_weight(fan_in: int, fan_out: int, activation: Activation, key: NoiseKey) -> Tensor:
    """Draw an initial weight, (fan_out, fan_in)."""
    bound = activation.facts.weight_bound(fan_in, fan_out)
    return torch.from_numpy(generator(key).uniform(-bound, bound, size=(fan_out, fan_in)))
