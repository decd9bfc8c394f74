"""Fine-tuning by SciPy's L-BFGS on the mean cost of all rows.

The cost and its gradient are computed in float64 if the device has it, since a line search compares
costs that differ by less than the precision of float32. The network keeps its type. Axes: n rows, B
rows of a part, P parameters.
"""

import copy
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdae.core.errors import TrainingDivergedError
from sdae.core.minibatches import minibatches
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.surroundings import undisturbed
from sdae.train.beforehand import FinetuningTask
from sdae.train.callbacks import Callback, Callbacks, EpochEnded, PartStarted, StageStarted
from sdae.train.history import FINETUNING, EpochRecord
from sdae.train.ready import make_ready

_ROWS_AT_A_TIME = 1024
_ENGINE = "lbfgs"

Point = NDArray[np.float64]
"""Values of all parameters, (P,)."""


@dataclass(frozen=True)
class LbfgsEnd:
    """The result of a minimisation.

    Attributes
    ----------
    n_iterations : int
    converged : bool
        Whether the gradient, or the gain of an iteration, has become small.
    reason : str
        SciPy's message.
    """

    n_iterations: int
    converged: bool
    reason: str


@undisturbed()
def minimise(
    stack: StackedDenoisingAutoencoder,
    task: FinetuningTask,
    *,
    penalty: float,
    max_iterations: int,
    max_evaluations: int,
    tolerance: float,
    callbacks: Iterable[Callback] = (),
) -> LbfgsEnd:
    """Minimise the mean cost of all rows; Ctrl-C leaves the network at the last iteration.

    Parameters
    ----------
    stack : StackedDenoisingAutoencoder
        A stack with a head; trained in place.
    task : FinetuningTask
        Rows and targets.
    penalty : float
        λ of λ/2 · ‖W‖², which is added to the mean cost, without biases.
    max_iterations, max_evaluations : int
        Maximum numbers of iterations, and of evaluations of the cost with its gradient.
    tolerance : float
        It ends when no component of the gradient is larger.
    callbacks
        An iteration counts as an epoch. Requests to stop are ignored.

    Raises
    ------
    TrainingDivergedError
        If the cost, or a parameter at the end, is not finite; the network is then unchanged.
    """
    from scipy.optimize import minimize

    make_ready(stack)
    listeners = Callbacks(callbacks)
    n_rows = len(task.rows)
    listeners.tell(StageStarted(FINETUNING, 1))
    listeners.tell(PartStarted(FINETUNING, None, max_iterations, n_rows, _ENGINE))
    objective = _Objective(stack, task, penalty)
    begin = best = objective.start()
    records: list[EpochRecord] = []
    since = time.perf_counter()

    def iterated(point: Point) -> None:
        nonlocal best, since
        best, now = point.copy(), time.perf_counter()
        records.append(_record(len(records) + 1, objective.cost_at(point), n_rows, now - since))
        since = now
        listeners.tell(EpochEnded(records[-1]))

    try:
        result = minimize(
            objective,
            begin,
            method="L-BFGS-B",
            jac=True,
            callback=iterated,
            options={"maxiter": max_iterations, "maxfun": max_evaluations, "gtol": tolerance},
        )
        if not math.isfinite(result.fun) or not np.isfinite(result.x).all():
            best = begin
            raise TrainingDivergedError(
                "The cost is not finite (finetuning by lbfgs). The parameters are those from "
                "before. Scale the data, or choose another solver."
            )
        best = result.x
    finally:
        objective.give(best)
    if not records:  # the start was already the best point
        iterated(best)
    reason = result.message
    return LbfgsEnd(
        int(result.nit),
        bool(result.success),
        f"{reason.decode() if isinstance(reason, bytes) else reason}".rstrip(".") + ".",
    )


class _Objective:
    """The mean cost of all rows with the penalty, and its gradient, as functions of a point."""

    def __init__(
        self, stack: StackedDenoisingAutoencoder, task: FinetuningTask, penalty: float
    ) -> None:
        self._trained = [p for p in stack.mlp.parameters() if p.requires_grad]
        exact = self._trained[0].device.type != "mps"  # MPS does not have float64
        self._network: nn.Module = copy.deepcopy(stack.mlp)
        self._network.to(torch.float64 if exact else torch.float32)
        self._parameters = [p for p in self._network.parameters() if p.requires_grad]
        self._type = self._parameters[0].dtype
        self._loss = stack.head_facts.loss
        y = task.y.to(self._type) if task.y.is_floating_point() else task.y
        self._rows, self._y, self._weights = task.rows, y, task.weights
        self._penalty = penalty
        self._last: tuple[Point, float] = np.empty(0), math.nan

    def start(self) -> Point:
        """Return the values of the parameters."""
        return torch.cat([p.detach().reshape(-1).double().cpu() for p in self._trained]).numpy()

    def __call__(self, point: Point) -> tuple[float, Point]:
        """Return the value at a point, and the gradient, (P,)."""
        self._network.zero_grad()
        self._put(self._parameters, point)
        cost = 0.0
        for part in minibatches(len(self._rows), _ROWS_AT_A_TIME):
            outputs = self._network(self._rows.batch(part).to(self._type))  # (B, V) -> (B, O)
            losses = self._loss(outputs, self._y[part.span])  # (B,)
            if self._weights is not None:
                losses = losses * self._weights[part.span]
            share = losses.sum() / len(self._rows)
            share.backward()
            cost += float(share.detach())
        self._last = point.copy(), cost
        squares = 0.0
        for parameter in self._parameters:
            if parameter.ndim > 1:
                squares += float(parameter.detach().square().sum())
                assert parameter.grad is not None
                parameter.grad.add_(parameter.detach(), alpha=self._penalty)
        return cost + self._penalty / 2 * squares, self._gradient()

    def cost_at(self, point: Point) -> float:
        """Return the mean cost of all rows at a point, without the penalty."""
        if not np.array_equal(self._last[0], point):
            self(point)
        return self._last[1]

    def give(self, point: Point) -> None:
        """Write the values of a point into the trained network, in its own type."""
        self._put(self._trained, point)

    def _put(self, parameters: list[nn.Parameter], point: Point) -> None:
        values, start = torch.from_numpy(point.copy()), 0
        with torch.no_grad():
            for parameter in parameters:
                end = start + parameter.numel()
                parameter.copy_(values[start:end].reshape(parameter.shape).to(parameter.dtype))
                start = end

    def _gradient(self) -> Point:
        parts: list[Tensor] = []
        for parameter in self._parameters:
            assert parameter.grad is not None
            parts.append(parameter.grad.reshape(-1).double().cpu())
        return torch.cat(parts).numpy()


def _record(epoch: int, cost: float, n_rows: int, seconds: float) -> EpochRecord:
    return EpochRecord(
        stage=FINETUNING,
        layer=None,
        epoch=epoch,
        cost=cost,
        validation_error=None,
        test_error=None,
        learning_rate=0.0,
        seconds=seconds,
        samples_per_second=n_rows / max(seconds, 1e-9),
        engine=_ENGINE,
    )
