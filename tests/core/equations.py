"""The model once more, in plain NumPy float64 from the equations, with every gradient by hand.

Axes: B samples, V visible, H hidden, C classes. ω weighs the components of the loss, (B, V).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


def sigmoid(a: Array) -> Array:
    """s(a) = 1 / (1 + exp(−a))."""
    return np.asarray(1.0 / (1.0 + np.exp(-a)))


def activate(a: Array, activation: str) -> Array:
    """s(a), component by component."""
    return np.asarray(FUNCTIONS[activation][0](a))


def slope(a: Array, activation: str) -> Array:
    """s'(a), component by component."""
    return np.asarray(FUNCTIONS[activation][1](a))


Function = Callable[[Array], Array]
FUNCTIONS: dict[str, tuple[Function, Function]] = {
    "sigmoid": (sigmoid, lambda a: sigmoid(a) * (1 - sigmoid(a))),
    "tanh": (np.tanh, lambda a: 1 - np.tanh(a) ** 2),
    "relu": (lambda a: np.where(a > 0, a, 0.0), lambda a: np.where(a > 0, 1.0, 0.0)),
    "gelu": (
        lambda a: a * special.ndtr(a),
        lambda a: special.ndtr(a) + a * np.exp(-(a**2) / 2) / np.sqrt(2 * np.pi),
    ),
    "silu": (lambda a: a * sigmoid(a), lambda a: sigmoid(a) * (1 + a * (1 - sigmoid(a)))),
    "identity": (lambda a: a, np.ones_like),
}


def component_weights(drawn: NDArray[np.bool_], alpha: float, beta: float) -> Array:
    """ω: α where a component was drawn, β elsewhere, (B, V)."""
    return np.where(drawn, alpha, beta)


@dataclass
class Autoencoder:
    """h = s(W x̃ + b), a = W' h + b', x̂ = a or sigmoid(a); W' = Wᵀ when tied."""

    activation: str
    decoder: str
    weight: Array  # (H, V)
    hidden_bias: Array  # (H,)
    visible_bias: Array  # (V,)
    decoder_weight: Array | None = None  # (V, H), or None when tied

    def parameters(self) -> dict[str, Array]:
        """Every parameter by its name."""
        named = {
            "weight": self.weight,
            "hidden_bias": self.hidden_bias,
            "visible_bias": self.visible_bias,
        }
        return named if self.decoder_weight is None else named | {"decoder_weight": self._w_prime()}

    def linear(self, x: Array) -> Array:
        """W x + b, (B, V) -> (B, H)."""
        return x @ self.weight.T + self.hidden_bias

    def encode(self, x: Array) -> Array:
        """Code, (B, V) -> (B, H)."""
        return activate(self.linear(x), self.activation)

    def decode(self, h: Array) -> Array:
        """Reconstruction, (B, H) -> (B, V)."""
        a = h @ self._w_prime().T + self.visible_bias
        return sigmoid(a) if self.decoder == "sigmoid" else a

    def loss(self, x: Array, x_tilde: Array, omega: Array) -> Array:
        """Loss of each sample, (B, V) -> (B,)."""
        x_hat = self.decode(self.encode(x_tilde))
        if self.decoder == "sigmoid":
            per_component = -(x * np.log(x_hat) + (1 - x) * np.log(1 - x_hat))
        else:
            per_component = (x - x_hat) ** 2
        return np.asarray((omega * per_component).sum(axis=1))

    def cost(self, x: Array, x_tilde: Array, omega: Array) -> float:
        """Mean of the losses over the batch."""
        return float(self.loss(x, x_tilde, omega).mean())

    def gradients(self, x: Array, x_tilde: Array, omega: Array) -> dict[str, Array]:
        """Derivative of the cost by each parameter."""
        a, h = self.linear(x_tilde), self.encode(x_tilde)  # (B, H)
        x_hat = self.decode(h)  # (B, V)
        factor = 1.0 if self.decoder == "sigmoid" else 2.0
        delta = factor * omega * (x_hat - x) / len(x)  # ∂cost/∂a, (B, V)
        delta_hidden = delta @ self._w_prime() * slope(a, self.activation)  # (B, H)
        by_encoder = delta_hidden.T @ x_tilde  # (H, V)
        by_decoder = delta.T @ h  # (V, H)
        gradients = {"hidden_bias": delta_hidden.sum(axis=0), "visible_bias": delta.sum(axis=0)}
        if self.decoder_weight is None:
            return gradients | {"weight": by_encoder + by_decoder.T}
        return gradients | {"weight": by_encoder, "decoder_weight": by_decoder}

    def _w_prime(self) -> Array:
        return self.weight.T if self.decoder_weight is None else self.decoder_weight


@dataclass
class Network:
    """Hidden layers h = s(W h + b) and p = softmax(W h + b) on top."""

    activation: str
    weights: list[Array]  # (H_k, H_{k-1}), the head's (C, H) last
    biases: list[Array] = field(default_factory=list)

    def inputs(self, x: Array) -> list[Array]:
        """Input of every layer, that of the head last."""
        inputs = [x]
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            inputs.append(activate(inputs[-1] @ weight.T + bias, self.activation))
        return inputs

    def probabilities(self, x: Array) -> Array:
        """Softmax of the head's pre-activations, (B, V) -> (B, C)."""
        a = self.inputs(x)[-1] @ self.weights[-1].T + self.biases[-1]
        e = np.exp(a - a.max(axis=1, keepdims=True))
        return np.asarray(e / e.sum(axis=1, keepdims=True))

    def cost(self, x: Array, y: Labels) -> float:
        """−mean log p(y | x)."""
        return float(-np.log(self.probabilities(x)[np.arange(len(x)), y]).mean())

    def gradients(self, x: Array, y: Labels) -> tuple[list[Array], list[Array]]:
        """Derivatives of the cost by all weights and by all biases."""
        inputs = self.inputs(x)
        delta = self.probabilities(x)  # (B, C)
        delta[np.arange(len(x)), y] -= 1.0
        delta /= len(x)
        by_weights, by_biases = [delta.T @ inputs[-1]], [delta.sum(axis=0)]
        for layer in reversed(range(len(self.weights) - 1)):
            a = inputs[layer] @ self.weights[layer].T + self.biases[layer]  # (B, H_layer)
            delta = delta @ self.weights[layer + 1] * slope(a, self.activation)
            by_weights.insert(0, delta.T @ inputs[layer])
            by_biases.insert(0, delta.sum(axis=0))
        return by_weights, by_biases
