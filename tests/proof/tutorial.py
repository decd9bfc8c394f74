"""The tutorial's program in NumPy, float64, in its own orientation: W is (n_visible, n_hidden).

Written from its formulas alone, with nothing of the package. Gradients are by hand.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sigmoid(a: Array) -> Array:
    """s(a) = 1 / (1 + exp(−a))."""
    return 1.0 / (1.0 + np.exp(-a))


@dataclass
class Layer:
    """A sigmoid layer and the denoising autoencoder that shares its W and b."""

    W: Array  # (V, H)
    b: Array  # (H,)
    b_prime: Array  # (V,)

    def output(self, x: Array) -> Array:
        """y = s(x W + b), (B, V) -> (B, H)."""
        return sigmoid(x @ self.W + self.b)

    def pretrain(self, x: Array, x_tilde: Array, lr: float) -> float:
        """One step of gradient descent on the mean cross-entropy; return the cost before it."""
        y = self.output(x_tilde)  # (B, H)
        z = sigmoid(y @ self.W.T + self.b_prime)  # (B, V)
        cost = float(np.mean(-np.sum(x * np.log(z) + (1 - x) * np.log(1 - z), axis=1)))
        delta_z = (z - x) / len(x)  # (B, V)
        delta_y = delta_z @ self.W * y * (1 - y)  # (B, V) (V, H) -> (B, H)
        self.W -= lr * (x_tilde.T @ delta_y + delta_z.T @ y)  # both paths of the tied weight
        self.b -= lr * delta_y.sum(axis=0)
        self.b_prime -= lr * delta_z.sum(axis=0)
        return cost


@dataclass
class SdA:
    """The stack: sigmoid layers and a logistic layer (W, b), initially zero."""

    layers: list[Layer]
    W: Array  # (H, C)
    b: Array  # (C,)

    def inputs(self, x: Array) -> list[Array]:
        """The input of every layer, the logistic one last."""
        codes = [x]
        for layer in self.layers:
            codes.append(layer.output(codes[-1]))
        return codes

    def p_y_given_x(self, x: Array) -> Array:
        """Softmax of the top, (B, V) -> (B, C)."""
        a = self.inputs(x)[-1] @ self.W + self.b
        e = np.exp(a - a.max(axis=1, keepdims=True))
        return np.asarray(e / e.sum(axis=1, keepdims=True))

    def pretrain(self, k: int, x: Array, x_tilde_of: "Corruption", lr: float) -> float:
        """One step on layer k, fed with the codes of the layers below as they are now."""
        below = self.inputs(x)[k]
        return self.layers[k].pretrain(below, x_tilde_of(below), lr)

    def finetune(self, x: Array, y: NDArray[np.int64], lr: float) -> float:
        """One step on −mean log p(y | x) of all of W, b; return the cost before it."""
        codes = self.inputs(x)
        p = self.p_y_given_x(x)  # (B, C)
        rows = np.arange(len(x))
        cost = float(-np.mean(np.log(p[rows, y])))
        delta = p.copy()
        delta[rows, y] -= 1
        delta /= len(x)
        below = delta @ self.W.T  # (B, H), before W moves
        self.W -= lr * codes[-1].T @ delta
        self.b -= lr * delta.sum(axis=0)
        for layer, x_in, h in zip(
            reversed(self.layers), reversed(codes[:-1]), reversed(codes[1:]), strict=True
        ):
            delta = below * h * (1 - h)
            below = delta @ layer.W.T
            layer.W -= lr * x_in.T @ delta
            layer.b -= lr * delta.sum(axis=0)
        return cost

    def errors(self, x: Array, y: NDArray[np.int64]) -> float:
        """Mean of the 0-1 loss."""
        return float(np.mean(self.p_y_given_x(x).argmax(axis=1) != y))


class Corruption:
    """Corrupts by given masks, in turn: 1 keeps a component, 0 drops it."""

    def __init__(self, masks: list[Array] | None = None) -> None:
        self.masks = masks

    def __call__(self, x: Array) -> Array:
        """Return x_tilde."""
        return x if self.masks is None else x * self.masks.pop(0)
