"""One update of a ladder, by hand: the ways up and down, their gradients, and Adam.

A phase computes the units of one part from what earlier phases left; between two phases the threads
wait for each other. Matrices have a row for each unit and a column for each sample. Axes: B samples
of each kind, R of all groups, d_k units at depth k, O outputs, p units of a part.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from sdae.core.ladder.network import LadderNetwork
from sdae.core.ladder.passes import prediction_of
from sdae.train.kernels.ladder import down, up
from sdae.train.ladder.adam import LadderAdam
from sdae.train.ladder.memory import LadderMemory, Real, Slice

Phase = Callable[[Slice, int, int], None]
"""Does the work of a part: gets the slice, the number of the update in it, and of the part."""

_ROWS = 128
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
        self._d_top = np.zeros((network.n_outputs, memory.n_samples), np.float32)
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
        memory, units = self._memory, self._memory.units(0, part)
        x, here, n = rows.x[update, units], memory.depths[0], memory.batch_size
        sigma = np.float32(self._network.input_noise)
        up.add_noise(x, rows.starts[0, update], sigma, units.start, here.h)
        here.z_tilde[units] = here.h[units, n : 2 * n]
        here.h[units, 2 * n :] = x[:, 2 * n - (memory.n_samples - 2 * n) :]

    def _up(self, depth: int, rows: Slice, update: int, part: int) -> None:
        units, here = self._memory.units(depth, part), self._memory.depths[depth]
        if units.start == units.stop:
            return
        below = torch.from_numpy(self._memory.depths[depth - 1].h)
        a = (self._weights[depth - 1][units] @ below).numpy()  # (p, R)
        up.normalise(
            a,
            rows.starts[depth, update],
            np.float32(self._network.hidden_noise),
            self._biases[depth - 1],
            depth == self._top,
            self._memory.groups,
            units.start,
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
            top = torch.from_numpy(memory.depths[self._top].h[:, : 2 * n]).t()
            torch.mul(top, self._network.gain.detach(), out=memory.output)
            memory.prediction = prediction_of(self._network, memory.output[n:])

    # -- down ---------------------------------------------------------------------------------

    def _down(self, depth: int, rows: Slice, update: int, part: int) -> None:  # noqa: ARG002 - a phase
        units, here = self._memory.units(depth, part), self._memory.depths[depth]
        if units.start == units.stop:
            return
        if depth == self._top:
            u = self._memory.prediction[:, units].t().contiguous()
        else:
            above = torch.from_numpy(self._memory.depths[depth + 1].estimate)
            u = self._decoders[depth][units] @ above  # (p, B)
        a = self._coefficients[depth]
        down.combine(u.numpy(), here.z_tilde, a, units.start, here.u, here.u_scale, here.estimate)

    def _reconstruct(self, rows: Slice, update: int, part: int) -> None:
        """Estimate the input, measure the cost, and go back through the lowest combinator."""
        self._down(0, rows, update, part)
        units, here = self._memory.units(0, part), self._memory.depths[0]
        n = self._memory.batch_size
        gradient = np.empty((units.stop - units.start, n), np.float32)
        clean = rows.x[update, units, n:]
        rows.costs[update, 1 + part] = down.input_cost(
            here.estimate, clean, self._factors[0], units.start, gradient
        )
        self._through_combinator(0, gradient, units)

    def _down_slope(self, depth: int, rows: Slice, update: int, part: int) -> None:
        units, here = self._memory.units(depth, part), self._memory.depths[depth]
        if units.start == units.stop:
            return
        below = torch.from_numpy(self._memory.depths[depth - 1].d_u)
        gradient = (self._decoders[depth - 1][:, units].t() @ below).numpy()  # (p, B)
        if self._factors[depth]:
            rows.costs[update, 1 + part] += down.layer_cost(
                here.estimate,
                here.z[:, 2 * self._memory.batch_size :],
                here.mean[up.CLEAN],
                here.scale[up.CLEAN],
                self._factors[depth],
                units.start,
                gradient,
                here.d_clean,
            )
        self._through_combinator(depth, gradient, units)

    def _through_combinator(self, depth: int, gradient: Real, units: slice) -> None:
        here = self._memory.depths[depth]
        down.slope_of_combine(
            gradient,
            here.u,
            here.u_scale,
            here.z_tilde,
            self._coefficients[depth],
            units.start,
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
        top = memory.depths[self._top]
        with torch.enable_grad():
            output = memory.output.requires_grad_()
            losses = self._network.head_kind.facts.loss(output[:n], rows.y[update])  # (B,)
            if rows.weights is not None:
                losses = losses * rows.weights[update]
            cost = losses.mean()
            prediction = prediction_of(self._network, output[n:])
            onto_prediction = torch.from_numpy(top.d_u).t()
            total = cost + (prediction * onto_prediction).sum()
            (gradient,) = torch.autograd.grad(total, output)
        memory.output = output.detach()
        rows.costs[update, 0] = float(cost.detach())
        values = gradient.numpy().T  # (O, 2 B)
        np.sum(values * top.h[:, : 2 * n], axis=1, out=self._d_gain)
        gain = self._network.gain.detach().numpy()
        np.multiply(values, gain[:, None], out=self._d_top[:, : 2 * n])

    def _up_slope(self, depth: int, rows: Slice, update: int, part: int) -> None:  # noqa: ARG002 - a phase
        units, here = self._memory.units(depth, part), self._memory.depths[depth]
        if units.start == units.stop:
            return
        if depth == self._top:
            gradient = self._d_top[units].copy()
        else:
            above = torch.from_numpy(self._memory.depths[depth + 1].d_a)
            gradient = (self._weights[depth][:, units].t() @ above).numpy()  # (p, R)
        up.slope_of_normalise(
            gradient,
            here.h,
            depth == self._top,
            here.d_z_tilde,
            here.d_clean,
            here.z,
            here.scale,
            self._memory.groups,
            units.start,
            self._d_biases[depth - 1],
            here.d_a,
        )

    # -- the step -----------------------------------------------------------------------------

    def _descend(self, rows: Slice, update: int, part: int) -> None:
        """Update the rows of weights that belong to the units of the part."""
        depths, adam = self._memory.depths, self._adam
        factors = adam.factors(float(rows.rates[update]), adam.n_updates + update + 1)
        for layer in range(self._top):
            module, lower, upper = self._network.layer(layer), depths[layer], depths[layer + 1]
            units = self._memory.units(layer + 1, part)
            self._descend_rows(module.weight, upper.d_a, lower.h, units, factors)
            units = self._memory.units(layer, part)
            self._descend_rows(module.decoder_weight, lower.d_u, upper.estimate, units, factors)
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
        units: slice,
        factors: tuple[np.float32, np.float32],
    ) -> None:
        """Update rows of a weight whose gradient is left rightᵀ, some at a time."""
        here, other = torch.from_numpy(left), torch.from_numpy(right).t()
        for first in range(units.start, units.stop, _ROWS):
            some = slice(first, min(first + _ROWS, units.stop))
            self._adam.step(weight, (here[some] @ other).numpy(), factors, some)
