"""What both stages of the graph engine share: steps that a GPU repeats without Python.

A slice is trained in blocks of minibatches. The rows of a block, its noise and its coefficients are
made by a few large kernels. Then the steps run, several at a time, as one CUDA graph: each launch
copies the next rows to where the graph reads them. Nothing is fetched before the slice ends.

A graph has as many steps as :data:`MOST_STEPS` and :data:`MOST_ROWS` allow. What remains of a block
runs by a graph of one step, and a last, smaller minibatch by one of its own. A step computes the
same in each of them: the rows of every step begin at the same alignment, since libraries choose
their kernels by it.

Axes: m rows of a block, K steps of a graph, B rows of a minibatch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sdae.core.conversions import widened
from sdae.core.minibatches import Minibatch, Minibatches
from sdae.train.engines.player import GraphPlayer, Player
from sdae.train.engines.precision import forward_in, is_half, products_in
from sdae.train.engines.safeguard import NotFiniteError, Safeguard
from sdae.train.engines.update_rules import N_COEFFICIENTS, UpdateRule
from sdae.train.settings import FinetuningConfig, PretrainingConfig

MOST_STEPS, MOST_ROWS = 32, 4096
"""Of a graph, except that it has at least one step."""

_SLICE_ROWS, _SLICE_STEPS = 1 << 15, 1 << 11
_BLOCK_NUMBERS = 1 << 23
_ALIGNMENT = 256  # bytes

Parts = Sequence[Tensor]
"""What a step needs of each row: tensors of as many rows."""


class _Recorded(NamedTuple):
    """Steps that were recorded, and the tensors that they read and write."""

    parts: Parts  # each (K, B, …)
    coefficients: Tensor  # (K, 4)
    losses: Tensor  # (K, B)
    play: Callable[[], None]


class GraphStage:
    """Steps of gradient descent on the minibatches of slices.

    Parameters
    ----------
    module : nn.Module
        What is trained.
    config : PretrainingConfig or FinetuningConfig
    width : int
        Numbers that a row needs, with its noise.
    player : Player or None
        Records the steps; None: in CUDA graphs.
    """

    name = "graph"
    compiles = False

    def __init__(
        self,
        module: nn.Module,
        config: PretrainingConfig | FinetuningConfig,
        width: int,
        player: Player | None,
    ) -> None:
        parameters = list(module.parameters())
        self._like = parameters[0].detach()
        self._rule = UpdateRule(parameters, config)
        self._safeguard = Safeguard(module)
        self._player = GraphPlayer(self._like.device) if player is None else player
        self._precision = config.precision
        self._block_rows = _BLOCK_NUMBERS // width
        self._recorded: dict[tuple[int, int], _Recorded] = {}
        self.slice_samples = min(_SLICE_ROWS, _SLICE_STEPS * config.batch_size)

    def train(self, minibatches: Minibatches, epoch: int, rate: float) -> Tensor:
        """Do a step on each minibatch; return the summed cost of their samples, a scalar.

        Raises
        ------
        NotFiniteError
            If a cost or a parameter is not finite; the parameters are then as before the slice.
        """
        slice_, losses = minibatches.joined, []
        with self._safeguard.slice(int(slice_.samples[-1])), products_in(self._precision):
            for block in self._blocks(minibatches):
                coefficients = torch.from_numpy(self._rule.coefficients(rate, len(block)))
                parts = self._parts(block.joined, epoch)
                losses.append(self._run(parts, coefficients.to(self._like), block.batch_size))
            return _total(torch.cat(losses), slice_)

    def state(self) -> dict[str, Tensor]:
        """Return the state of the optimiser."""
        return self._rule.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore the state of the optimiser."""
        self._rule.restore(state)

    def close(self) -> None:
        """Free the graphs."""
        self._recorded.clear()

    # -- of each stage -----------------------------------------------------------------------

    def _parts(self, block: Minibatch, epoch: int) -> Parts:
        """Return what the steps need of the rows of a block, each (m, …)."""
        raise NotImplementedError

    def _losses(self, parts: Parts) -> Tensor:
        """Return the loss of each row of a minibatch, (B,)."""
        raise NotImplementedError

    def _after_step(self) -> None:
        """Do what follows each update."""

    # -- the steps ---------------------------------------------------------------------------

    def _blocks(self, minibatches: Minibatches) -> Iterator[Minibatches]:
        """Cut a slice into blocks that fit in memory, of whole graphs where that is possible."""
        n_steps = max(1, self._block_rows // minibatches.batch_size)
        of_a_graph = steps_of_a_graph(minibatches.batch_size)
        n_steps -= n_steps % of_a_graph if n_steps > of_a_graph else 0
        for start in range(0, len(minibatches), n_steps):
            yield minibatches[start : start + n_steps]

    def _run(self, parts: Parts, coefficients: Tensor, batch_size: int) -> Tensor:
        """Do the steps of a block; return the loss of each row, (m,)."""
        n_rows, longest = len(parts[0]), steps_of_a_graph(batch_size)
        losses = widened(self._like.new_empty(n_rows))
        first = step = 0
        while first < n_rows:
            left = n_rows - first
            size = min(batch_size, left)
            n_steps = longest if left >= longest * size else 1
            last = first + n_steps * size
            rows = [part[first:last].unflatten(0, (n_steps, size)) for part in parts]
            played = self._play(rows, coefficients[step : step + n_steps])
            losses[first:last] = played.flatten()
            first, step = last, step + n_steps
        return losses

    def _play(self, rows: Parts, coefficients: Tensor) -> Tensor:
        """Do some steps, by rows (K, B, …); return the losses, (K, B), until the next call."""
        n_steps, size = rows[0].shape[:2]
        recorded = self._recorded.get((n_steps, size))
        if recorded is None:
            parts = [_aligned_like(part) for part in rows]
            own = coefficients.new_empty((n_steps, N_COEFFICIENTS))
            losses = widened(self._like.new_empty((n_steps, size)))
            fresh = _Recorded(parts, own, losses, lambda: None)
        else:
            fresh = recorded
        for own_part, part in zip(fresh.parts, rows, strict=True):
            own_part.copy_(part)
        fresh.coefficients.copy_(coefficients)
        if recorded is None:
            play = self._player.record(lambda: self._steps(fresh), self._rule.changed)
            recorded = self._recorded[n_steps, size] = fresh._replace(play=play)
        recorded.play()
        return recorded.losses

    def _steps(self, recorded: _Recorded) -> None:
        """Do the steps that are recorded, without a look at any number."""
        n_steps, size = recorded.losses.shape
        # In half precision the slopes of a mean could be too small: those of a sum are divided.
        halved = is_half(self._precision)
        share = recorded.losses.new_full((size,), 1.0 if halved else 1 / size)
        for step in range(n_steps):
            with forward_in(self._precision, self._like.device):
                losses = self._losses([part[step] for part in recorded.parts])  # (B,)
            recorded.losses[step] = losses.detach()
            gradients = list(torch.autograd.grad(losses, self._rule.parameters, share))
            if halved:
                torch._foreach_div_(gradients, size)
            self._rule.step(gradients, recorded.coefficients[step])
            self._after_step()


def steps_of_a_graph(batch_size: int) -> int:
    """Return K, how many steps are recorded together."""
    return max(1, min(MOST_STEPS, MOST_ROWS // batch_size))


def _aligned_like(rows: Tensor) -> Tensor:
    """Return memory for rows (K, B, …), in which each step begins at the same alignment."""
    n_numbers, at_once = rows[0].numel(), _ALIGNMENT // rows.element_size()
    pitch = -(-n_numbers // at_once) * at_once
    memory = rows.new_zeros(len(rows), pitch)
    aligned: Tensor = memory[:, :n_numbers].unflatten(1, rows.shape[1:])
    return aligned


def _total(losses: Tensor, slice_: Minibatch) -> Tensor:
    """Return the sum of the losses of a slice, (m,) -> ().

    Raises
    ------
    NotFiniteError
        With the first sample whose loss is not finite.
    """
    total = losses.sum()
    if not bool(total.isfinite()):
        finite = losses.isfinite().cpu()
        if not bool(finite.all()):
            raise NotFiniteError("The cost", int(slice_.samples[int(finite.int().argmin())]))
    return total
