"""`pretrain` and `finetune` once more, in NumPy and float64, from the equations, gradients by hand.

Nothing comes from the package but the random numbers. Weights are (H, V), as the package keeps
them; D = W' is the decoder's (V, H). Axes: B samples, V visible, H hidden, C classes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sdae.core.randomness import NoiseKey, Stream, random_bits, standard_normal, threshold

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Corruption:
    """A noise: its kind, its level, and the values of salt and pepper."""

    kind: str
    level: float
    low: float = 0.0
    high: float = 1.0

    def apply(
        self, x: Floats, key: NoiseKey, samples: Integers
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Return x_tilde and the components drawn, both (B, V)."""
        v = x.shape[1]
        nothing = np.zeros(x.shape, dtype=bool)
        if self.level == 0:
            return x, nothing
        if self.kind == "gaussian":
            return x + self.level * standard_normal(key, samples, v), nothing
        bits = random_bits(key, samples, v).astype(np.int64)  # (B, V)
        if self.kind == "masking":
            drawn = bits < np.uint64(threshold(self.level))
            return np.where(drawn, 0.0, x), drawn
        if self.kind == "exact":
            drawn = nothing
            for row, words in zip(drawn, bits, strict=True):
                ranked = sorted(zip(words.tolist(), range(v), strict=True))
                row[[j for _, j in ranked[: round(self.level * v)]]] = True
            return np.where(drawn, 0.0, x), drawn
        drawn = bits // 2 < np.uint64(threshold(self.level) // 2)
        return np.where(drawn, np.where(bits % 2 == 1, self.high, self.low), x), drawn


def sigmoid(a: Floats) -> Floats:
    """s(a) = 1 / (1 + exp(−a))."""
    return np.asarray(1.0 / (1.0 + np.exp(-a)))


ACTIVATIONS: dict[str, tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]] = {
    "sigmoid": (sigmoid, lambda a: sigmoid(a) * (1 - sigmoid(a))),
    "tanh": (np.tanh, lambda a: 1 - np.tanh(a) ** 2),
    "relu": (lambda a: np.maximum(a, 0.0), lambda a: (a > 0).astype(np.float64)),
    "identity": (lambda a: a, np.ones_like),
    "gelu": (
        lambda a: a * special.ndtr(a),
        lambda a: special.ndtr(a) + a * np.exp(-(a**2) / 2) / np.sqrt(2 * np.pi),
    ),
    "silu": (lambda a: a * sigmoid(a), lambda a: sigmoid(a) * (1 + a * (1 - sigmoid(a)))),
}


@dataclass
class Layer:
    """A layer and its denoising autoencoder; `decoder_weight` is None when tied."""

    weight: Floats  # (H, V)
    hidden_bias: Floats  # (H,)
    visible_bias: Floats  # (V,)
    decoder_weight: Floats | None  # (V, H)
    activation: str
    decoder: str
    corruption: Corruption
    emphasis: tuple[float, float] | None = None

    def linear(self, x: Floats) -> Floats:
        """W x + b, (B, V) -> (B, H)."""
        return np.asarray(x @ self.weight.T + self.hidden_bias)

    def encode(self, x: Floats) -> Floats:
        """s(W x + b), (B, V) -> (B, H)."""
        return ACTIVATIONS[self.activation][0](self.linear(x))

    def slope(self, x: Floats) -> Floats:
        """s'(W x + b), (B, V) -> (B, H)."""
        return ACTIVATIONS[self.activation][1](self.linear(x))

    def step(self, x: Floats, x_tilde: Floats, drawn: NDArray[np.bool_], rate: float) -> Floats:
        """Descend once on the mean loss of a minibatch; return each sample's loss before it."""
        h = self.encode(x_tilde)  # (B, H)
        d = self.weight.T if self.decoder_weight is None else self.decoder_weight
        z = h @ d.T + self.visible_bias  # (B, V)
        if self.decoder == "sigmoid":
            loss, delta = np.logaddexp(0.0, z) - x * z, sigmoid(z) - x
        else:
            loss, delta = (x - z) ** 2, 2 * (z - x)
        alpha, beta = self.emphasis or (1.0, 1.0)
        weights = np.where(drawn, alpha, beta)  # (B, V)
        delta_z = weights * delta / len(x)
        delta_a = (delta_z @ d) * self.slope(x_tilde)  # (B, V) (V, H) -> (B, H)
        gradient_d = delta_z.T @ h  # (V, H)
        gradient_w = delta_a.T @ x_tilde  # (H, V)
        if self.decoder_weight is None:
            gradient_w = gradient_w + gradient_d.T
        else:
            self.decoder_weight -= rate * gradient_d
        self.weight -= rate * gradient_w
        self.hidden_bias -= rate * delta_a.sum(axis=0)
        self.visible_bias -= rate * delta_z.sum(axis=0)
        return np.asarray((weights * loss).sum(axis=1))


@dataclass
class Network:
    """The layers and, for fine-tuning, the logistic layer on top."""

    layers: list[Layer]
    head_weight: Floats  # (C, H)
    head_bias: Floats  # (C,)

    def step(self, x: Floats, y: Integers, rate: float) -> Floats:
        """Descend once on −mean log p(y | x); return each sample's loss before it."""
        inputs = [x]
        for layer in self.layers:
            inputs.append(layer.encode(inputs[-1]))
        a = inputs[-1] @ self.head_weight.T + self.head_bias  # (B, C)
        log_p = a - np.logaddexp.reduce(a, axis=1, keepdims=True)
        delta = (np.exp(log_p) - np.eye(a.shape[1])[y]) / len(x)
        below = delta @ self.head_weight  # (B, H), before the weight moves
        self.head_weight -= rate * delta.T @ inputs[-1]
        self.head_bias -= rate * delta.sum(axis=0)
        for layer, layer_input in zip(reversed(self.layers), reversed(inputs[:-1]), strict=True):
            delta = below * layer.slope(layer_input)
            below = delta @ layer.weight
            layer.weight -= rate * delta.T @ layer_input
            layer.hidden_bias -= rate * delta.sum(axis=0)
        return np.asarray(-log_p[np.arange(len(x)), y])


Orders = Callable[[int, int], Integers]
"""From (layer, epoch) to the order in which an epoch visits the rows."""


def pretrain(
    layers: Sequence[Layer],
    x: Floats,
    *,
    epochs: int,
    learning_rate: float,
    batch_size: int,
    seed: int,
    orders: Orders | None = None,
) -> list[list[float]]:
    """Train the layers greedily; return the mean cost of each layer and epoch."""
    costs: list[list[float]] = []
    for k, layer in enumerate(layers):
        costs.append([])
        for epoch in range(1, epochs + 1):
            key = NoiseKey(seed, Stream.CORRUPTION, k, epoch)
            order = np.arange(len(x)) if orders is None else orders(k, epoch)
            losses = [
                layer.step(x[s], *layer.corruption.apply(x[s], key, s), learning_rate)
                for s in _cut(order, batch_size)
            ]
            costs[-1].append(float(np.concatenate(losses).mean()))
        x = layer.encode(x)
    return costs


def finetune(
    network: Network,
    x: Floats,
    y: Integers,
    *,
    epochs: int,
    learning_rate: float,
    batch_size: int,
) -> list[float]:
    """Train the whole network; return the mean cost of each epoch."""
    costs = []
    for _ in range(epochs):
        batches = _cut(np.arange(len(x)), batch_size)
        losses = [network.step(x[s], y[s], learning_rate) for s in batches]
        costs.append(float(np.concatenate(losses).mean()))
    return costs


def _cut(order: Integers, batch_size: int) -> Iterator[Integers]:
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]
