"""One update of a ladder, by hand: the ways up and down, their gradients, and Adam.

A phase computes the columns of one part from what earlier phases left; between two phases the
threads wait for each other. Axes: B rows of each kind, R rows of all groups, d_k units at depth k,
O outputs, c columns of a part.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from sdae.core.ladder.network import LadderNetwork
from sdae.core.ladder.passes import prediction_of
from sdae.train.engines.products import product
from sdae.train.kernels.ladder import down, up
from sdae.train.ladder.adam import LadderAdam
from sdae.train.ladder.memory import LadderMemory, Real, Slice

Phase = Callable[[Slice, int, int], None]
"""Does the work of a part: gets the slice, the number of the update in it, and of the part."""

_ROWS = 64
"""Rows of a weight whose gradient is computed at a time: it stays in a near cache."""


class LadderUpdate:
    """The phases of an update.

    Parameters
    ----------
    network, memory, adam
        The network, and the memory and the moments of its training.
    costs : sequence of float
        λ of each depth.

    Attributes
    ----------
    phases : list of callable
        To be done one after the other, each for all parts.
    """

    def __init__(
        self,
        network: LadderNetwork,
        memory: LadderMemory,
        adam: LadderAdam,
        costs: Sequence[float],
    ) -> None:
        self._network = network
        self._memory = memory
        self._adam = adam
        top = network.n_layers
        self._top = top
        self._factors = [
            np.float32(cost / (memory.batch_size * n_units))
            for cost, n_units in zip(costs, network.sizes, strict=True)
        ]
        self._weights = [network.layer(k).weight.detach() for k in range(top)]
        self._decoders = [network.layer(k).decoder_weight.detach() for k in range(top)]
        self._biases = [network.layer(k).bias.detach().numpy() for k in range(top)]
        self._coefficients = [
            network.lateral(k).coefficients.detach().numpy() for k in range(top + 1)
        ]
        self._d_biases = [np.zeros_like(bias) for bias in self._biases]
        self._d_coefficients = [np.zeros_like(a) for a in self._coefficients]
        self._d_gain = np.zeros(network.n_outputs, np.float32)
        self._d_top = np.zeros((memory.n_rows, network.n_outputs), np.float32)
        layers = range(1, top + 1)
        self.phases: list[Phase] = [
            self._add_noise,
            *(partial(self._up, depth) for depth in layers),
            self._predict,
            *(partial(self._down, depth) for depth in reversed(layers)),
            self._reconstruct,
            *(partial(self._down_slope, depth) for depth in layers),
            self._predict_slope,
            *(partial(self._up_slope, depth) for depth in reversed(layers)),
            self._descend,
        ]

    # -- up -----------------------------------------------------------------------------------

    def _add_noise(self, rows: Slice, update: int, part: int) -> None:
        memory, columns = self._memory, self._memory.columns(0, part)
        x, here, n = rows.x[update], memory.depths[0], 2 * memory.batch_size
        sigma = np.float32(self._network.input_noise)
        some = np.ascontiguousarray(x[:, columns])
        up.add_noise(some, rows.starts[0, update], sigma, columns.start, here.h)
        if memory.n_rows > n:
            here.h[n:, columns] = x[memory.batch_size :, columns]

    def _up(self, depth: int, rows: Slice, update: int, part: int) -> None:
        columns, here = self._memory.columns(depth, part), self._memory.depths[depth]
        if columns.start == columns.stop:
            return
        below = torch.from_numpy(self._memory.depths[depth - 1].h)
        a = product(below, self._weights[depth - 1][columns]).numpy()  # (R, c)
        up.normalise(
            a,
            rows.starts[depth, update],
            np.float32(self._network.hidden_noise),
            self._biases[depth - 1],
            depth == self._top,
            self._memory.groups,
            columns.start,
            here.z,
            here.z_tilde,
            here.h,
            here.mean,
            here.scale,
        )

    def _predict(self, rows: Slice, update: int, part: int) -> None:  # noqa: ARG002 - a phase
        """Compute output and prediction, by one thread."""
        if part == 0:
            memory, n = self._memory, self._memory.batch_size
            top = torch.from_numpy(memory.depths[self._top].h[: 2 * n])
            torch.mul(top, self._network.gain.detach(), out=memory.output)
            memory.prediction = prediction_of(self._network, memory.output[n:]).contiguous()

    # -- down ---------------------------------------------------------------------------------

    def _down(self, depth: int, rows: Slice, update: int, part: int) -> None:  # noqa: ARG002 - a phase
        columns, here = self._memory.columns(depth, part), self._memory.depths[depth]
        if columns.start == columns.stop:
            return
        if depth == self._top:
            u = self._memory.prediction[:, columns].contiguous()
        else:
            above = torch.from_numpy(self._memory.depths[depth + 1].estimate)
            u = product(above, self._decoders[depth][columns])  # (B, c)
        a = self._coefficients[depth]
        down.combine(
            u.numpy(), here.z_tilde, a, columns.start, here.u, here.u_scale, here.estimate
        )

    def _reconstruct(self, rows: Slice, update: int, part: int) -> None:
        """Estimate the input, measure the cost, and go back through the lowest combinator."""
        self._down(0, rows, update, part)
        columns, here = self._memory.columns(0, part), self._memory.depths[0]
        n = self._memory.batch_size
        gradient = np.empty((n, columns.stop - columns.start), np.float32)
        x = rows.x[update, n:]
        rows.costs[update, 1 + part] = down.input_cost(
            here.estimate, x, self._factors[0], columns.start, gradient
        )
        self._through_combinator(0, gradient, columns)

    def _down_slope(self, depth: int, rows: Slice, update: int, part: int) -> None:
        columns, here = self._memory.columns(depth, part), self._memory.depths[depth]
        if columns.start == columns.stop:
            return
        below = torch.from_numpy(self._memory.depths[depth - 1].d_u)
        decoder = self._decoders[depth - 1][:, columns]
        gradient = product(below, decoder.t()).numpy()  # (B, c)
        if self._factors[depth]:
            rows.costs[update, 1 + part] += down.layer_cost(
                here.estimate,
                here.z[2 * self._memory.batch_size :],
                here.mean[up.CLEAN],
                here.scale[up.CLEAN],
                self._factors[depth],
                columns.start,
                gradient,
                here.d_clean,
            )
        self._through_combinator(depth, gradient, columns)

    def _through_combinator(self, depth: int, gradient: Real, columns: slice) -> None:
        here = self._memory.depths[depth]
        down.slope_of_combine(
            gradient,
            here.u,
            here.u_scale,
            here.z_tilde,
            self._coefficients[depth],
            columns.start,
            self._d_coefficients[depth],
            here.d_z_tilde,
            here.d_u,
        )

    # -- up again: gradients ------------------------------------------------------------------

    def _predict_slope(self, rows: Slice, update: int, part: int) -> None:
        """Measure the cost of the labels, and begin their gradients, by one thread."""
        if part:
            return
        memory, n = self._memory, self._memory.batch_size
        with torch.enable_grad():
            output = memory.output.requires_grad_()
            losses = self._network.head_kind.facts.loss(output[:n], rows.y[update])  # (B,)
            if rows.weights is not None:
                losses = losses * rows.weights[update]
            cost = losses.mean()
            prediction = prediction_of(self._network, output[n:])
            down_there = torch.from_numpy(memory.depths[self._top].d_u)
            (gradient,) = torch.autograd.grad(cost + (prediction * down_there).sum(), output)
        memory.output = output.detach()
        rows.costs[update, 0] = float(cost)
        values = gradient.numpy()
        np.sum(values * memory.depths[self._top].h[: 2 * n], axis=0, out=self._d_gain)
        np.multiply(values, self._network.gain.detach().numpy(), out=self._d_top[: 2 * n])

    def _up_slope(self, depth: int, rows: Slice, update: int, part: int) -> None:  # noqa: ARG002 - a phase
        columns, here = self._memory.columns(depth, part), self._memory.depths[depth]
        if columns.start == columns.stop:
            return
        if depth == self._top:
            gradient = self._d_top[:, columns].copy()
        else:
            above = torch.from_numpy(self._memory.depths[depth + 1].d_a)
            gradient = product(above, self._weights[depth][:, columns].t()).numpy()  # (R, c)
        up.slope_of_normalise(
            gradient,
            here.h,
            depth == self._top,
            here.d_z_tilde,
            here.d_clean,
            here.z,
            here.scale,
            self._memory.groups,
            columns.start,
            self._d_biases[depth - 1],
            here.d_a,
        )

    # -- the step -----------------------------------------------------------------------------

    def _descend(self, rows: Slice, update: int, part: int) -> None:
        """Update the rows of weights that belong to the columns of the part."""
        depths, adam = self._memory.depths, self._adam
        factors = adam.factors(float(rows.rates[update]), adam.n_updates + update + 1)
        for layer in range(self._top):
            module, lower, upper = self._network.layer(layer), depths[layer], depths[layer + 1]
            columns = self._memory.columns(layer + 1, part)
            self._descend_rows(module.weight, upper.d_a, lower.h, columns, factors)
            columns = self._memory.columns(layer, part)
            self._descend_rows(module.decoder_weight, lower.d_u, upper.estimate, columns, factors)
        if part == 0:
            for layer in range(self._top):
                adam.step(self._network.layer(layer).bias, self._d_biases[layer], factors)
            for depth in range(self._top + 1):
                coefficients = self._network.lateral(depth).coefficients
                adam.step(coefficients, self._d_coefficients[depth], factors)
            adam.step(self._network.gain, self._d_gain, factors)

    def _descend_rows(
        self,
        weight: Tensor,
        left: Real,
        right: Real,
        columns: slice,
        factors: tuple[np.float32, np.float32],
    ) -> None:
        """Update rows of a weight whose gradient is leftᵀ right, some at a time."""
        transposed, other = torch.from_numpy(left).t(), torch.from_numpy(right).t()
        for first in range(columns.start, columns.stop, _ROWS):
            some = slice(first, min(first + _ROWS, columns.stop))
            gradient = product(transposed[some], other).numpy()
            self._adam.step(weight, gradient, factors, some)
