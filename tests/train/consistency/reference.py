"""One network with a hidden layer, trained with labels and consistency: NumPy, gradients by hand.

Axes: B rows, V columns, H units, C classes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdae.core.randomness import NoiseKey, Stream, random_bits, standard_normal, threshold

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
MASKING, DROPOUT, TEACHER, DECAY, RAMP, PROBE = 0.07, 0.2, 1.0, 0.99, 0.3, 0.05


@dataclass
class Reference:
    """tanh(x W + b) W' + b', with plain gradient descent.

    `params` are W (V, H), b (H,), W' (H, C) and b' (C,).
    """

    params: list[Floats]
    seed: int
    n_labelled: int
    methods: frozenset[str]
    radius: float = 0.0
    classes: Rows | None = None
    certainty: Floats | None = None

    def __post_init__(self) -> None:
        self.teacher = [p.copy() for p in self.params]

    def step(
        self,
        labelled: tuple[Floats, Rows, Rows],
        others: tuple[Floats, Rows],
        epoch: int,
        update: int,
        n_updates: int,
        rate: float,
    ) -> float:
        """Do one update; return its cost.

        `labelled` are rows, classes and the numbers of their noise, `others` rows and numbers.
        """
        (x, y, numbers), (u, samples) = labelled, others
        gradient = [np.zeros_like(p) for p in self.params]
        ramp = np.exp(-5 * (1 - min(1.0, update / (RAMP * n_updates))) ** 2)
        n_classes = len(self.params[3])

        p = self._noisy(gradient, x, numbers, 0, 0, lambda p: (p - np.eye(n_classes)[y]) / len(x))
        cost = -np.log(p[np.arange(len(y)), y]).mean()
        taught = softmax(self._logits(u, self.teacher))

        def slope(p: Floats) -> Floats:
            slopes = np.zeros_like(p)
            if self.classes is not None and self.certainty is not None:
                known = np.eye(n_classes)[self.classes[samples]]
                slopes += self.certainty[samples][:, None] * (p - known)
            if "mean_teacher" in self.methods:
                apart = p - taught
                slopes += ramp * TEACHER * 2 * p * (apart - (p * apart).sum(1, keepdims=True))
            return slopes / len(u)

        if self.methods & {"label_spreading", "mean_teacher"}:
            p = self._noisy(gradient, u, samples, epoch, 1, slope)
            if self.classes is not None and self.certainty is not None:
                right = p[np.arange(len(u)), self.classes[samples]]
                cost += (-self.certainty[samples] * np.log(right)).mean()
            if "mean_teacher" in self.methods:
                cost += ramp * TEACHER * ((p - taught) ** 2).sum(1).mean()
        if "vat" in self.methods:
            cost += self._smooth(gradient, u, samples, epoch, ramp)
        for parameter, each in zip(self.params, gradient, strict=True):
            parameter -= rate * each
        decay = min(DECAY, 1 - 1 / (update + 1))
        for mean, parameter in zip(self.teacher, self.params, strict=True):
            mean *= decay
            mean += (1 - decay) * parameter
        return float(cost)

    def _smooth(
        self, gradient: list[Floats], u: Floats, samples: Rows, epoch: int, ramp: float
    ) -> float:
        key = NoiseKey(self.seed, Stream.CONSISTENCY, 2, epoch)
        probe = standard_normal(key, samples, u.shape[1])
        clean = softmax(self._logits(u, self.params))
        step = PROBE * self.radius * probe / np.linalg.norm(probe, axis=1, keepdims=True)
        near = softmax(self._logits(u + step, self.params))
        direction = self._to_input(u + step, near - clean)
        length = np.linalg.norm(direction, axis=1, keepdims=True)
        direction /= np.where(length > 0, length, 1)  # a new head is 0
        rows = u + self.radius * direction
        answers = softmax(self._logits(rows, self.params))
        self._add(gradient, rows, (answers - clean) / len(u))
        entropy = -(clean * np.log(clean)).sum(1, keepdims=True)
        self._add(gradient, u, ramp * -clean * (np.log(clean) + entropy) / len(u))
        apart = (clean * (np.log(clean) - np.log(answers))).sum(1).mean()
        return float(apart + ramp * entropy.mean())

    def _noisy(
        self,
        gradient: list[Floats],
        x: Floats,
        numbers: Rows,
        epoch: int,
        which: int,
        slope: Callable[[Floats], Floats],
    ) -> Floats:
        """Return the answers to masked rows with dropout; add their gradient."""

        def bits(depth: int, n: int) -> NDArray[np.uint32]:
            key = NoiseKey(self.seed, Stream.CONSISTENCY, 3 * depth + which, epoch)
            return random_bits(key, numbers, n)

        x = np.where(bits(0, x.shape[1]) < np.uint64(threshold(MASKING)), 0, x)
        n_hidden = self.params[0].shape[1]
        stays = (bits(1, n_hidden) >= np.uint64(threshold(DROPOUT))) / (1 - DROPOUT)
        answers = softmax(self._logits(x, self.params, stays))
        self._add(gradient, x, slope(answers), stays)
        return answers

    def _logits(self, x: Floats, params: list[Floats], stays: Floats | float = 1.0) -> Floats:
        w, b, w_2, b_2 = params
        logits: Floats = np.tanh(x @ w + b) * stays @ w_2 + b_2
        return logits

    def _to_input(self, x: Floats, slope: Floats) -> Floats:
        w, b, w_2, _ = self.params
        back: Floats = slope @ w_2.T * (1 - np.tanh(x @ w + b) ** 2) @ w.T
        return back

    def _add(
        self, gradient: list[Floats], x: Floats, slope: Floats, stays: Floats | float = 1.0
    ) -> None:
        w, b, w_2, _ = self.params
        h = np.tanh(x @ w + b)
        back = slope @ w_2.T * stays * (1 - h**2)
        for total, part in zip(
            gradient, (x.T @ back, back.sum(0), (h * stays).T @ slope, slope.sum(0)), strict=True
        ):
            total += part


def softmax(z: Floats) -> Floats:
    """Return the shares of logits (B, C)."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    shares: Floats = e / e.sum(axis=1, keepdims=True)
    return shares
