"""What engines share: how large a slice is, its rows, threads, numbers that must be finite."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdae.errors import InvalidParameterError
from sdae.minibatches import Minibatch
from sdae.rows import RowSource

_SMALL_WEIGHTS = 1 << 16
_PARTS = 4
_MOST_THREADS = 8
_MOST_NUMBERS = 1 << 26
_CHEAP_BATCH = 8
_FEWEST_SAMPLES, _MOST_SAMPLES = 512, 2048
_MOST_PRODUCTS = 1 << 33


class NotFiniteError(ArithmeticError):
    """The cost of a sample, or a parameter after the last sample of a slice, is not finite.

    Parameters
    ----------
    what : str
        ``The cost`` or ``A parameter``.
    sample : int
        Its number in the data set.
    """

    def __init__(self, what: str, sample: int) -> None:
        super().__init__(f"{what} is not finite at sample {sample}")
        self.what = what
        self.sample = sample


class Safeguard:
    """Gives parameters back as they were before a slice that ended in numbers not finite.

    Parameters
    ----------
    module : nn.Module
        Whose parameters the slice trains.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._trained = list(module.parameters())
        self._parameters = [parameter.detach() for parameter in self._trained]
        self._before = [torch.empty_like(parameter) for parameter in self._parameters]

    @contextmanager
    def slice(self, last_sample: int) -> Iterator[None]:
        """Guard what happens inside.

        Raises
        ------
        NotFiniteError
            If a parameter is not finite at the end.
        InvalidParameterError
            If the module has other parameters now, which nobody would train.
        """
        self._check_same()
        for before, parameter in zip(self._before, self._parameters, strict=True):
            before.copy_(parameter)
        try:
            yield
            # A sum shows NaN and infinity, and needs no array of answers.
            sums = torch.stack([parameter.sum() for parameter in self._parameters])
            if not bool(sums.isfinite().all()) and not self._finite():
                raise NotFiniteError("A parameter", last_sample)
        except NotFiniteError:
            for before, parameter in zip(self._before, self._parameters, strict=True):
                parameter.copy_(before)
            raise

    def _check_same(self) -> None:
        now = list(self._module.parameters())
        if len(now) != len(self._trained) or any(
            one is not other for one, other in zip(now, self._trained, strict=True)
        ):
            raise InvalidParameterError(
                "A parameter of the network was replaced while it trains, so training would not "
                "reach it. Copy values into the parameters, as load_state_dict does without assign."
            )

    def _finite(self) -> bool:
        return all(bool(parameter.isfinite().all()) for parameter in self._parameters)


def rows_of(rows: RowSource, minibatch: Minibatch) -> NDArray[np.floating]:
    """Return rows as a C-contiguous array, (m, V)."""
    return np.ascontiguousarray(rows.batch(minibatch).detach().numpy())


def index_of(minibatch: Minibatch) -> slice | Tensor:
    """Return what picks the samples of a minibatch out of a tensor of all."""
    return torch.from_numpy(minibatch.samples) if minibatch.span is None else minibatch.span


def parts_and_threads(n_weights: int) -> tuple[int, int]:
    """Return into how many parts to cut a step, and how many of torch's threads to use.

    A small network is one part, since waiting would cost more than it saves. Others are four, so
    that one to four threads give the same bytes; more threads, up to eight, need more parts.
    """
    if n_weights < _SMALL_WEIGHTS:
        return 1, 1
    n_threads = min(torch.get_num_threads(), _MOST_THREADS)
    return max(_PARTS, n_threads), n_threads


def samples_for(n_columns: int) -> int:
    """Return how many samples to take at once: 2,048, or fewer where rows are very wide."""
    return max(64, min(_MOST_SAMPLES, _MOST_NUMBERS // n_columns))


def samples_between_looks(parameters: Sequence[Tensor], batch_size: int) -> int:
    """Return how many samples PyTorch trains on before the parameters are looked at.

    To look at them and to keep them costs the time of a pass or two over them, so a slice has many
    steps. But a stop waits for its end: there are 2,048 samples where minibatches make them cheap,
    and fewer, down to 512, where the network is large.
    """
    if batch_size < _CHEAP_BATCH:
        return _FEWEST_SAMPLES
    n_numbers = sum(parameter.numel() for parameter in parameters)
    return max(_FEWEST_SAMPLES, min(_MOST_SAMPLES, _MOST_PRODUCTS // n_numbers))


def check_finite(
    costs: NDArray[np.float64], samples: NDArray[np.int64], *parameters: NDArray[np.floating]
) -> None:
    """Refuse costs (m,) or parameters that are not finite.

    Raises
    ------
    NotFiniteError
        Naming the first sample whose cost is not finite; the last one if only parameters are not.
    """
    finite = np.isfinite(costs)
    if not finite.all():
        raise NotFiniteError("The cost", int(samples[np.argmin(finite)]))
    # A sum shows NaN and infinity, and needs no array of answers as large as the parameters.
    with np.errstate(invalid="ignore", over="ignore"):
        sums = [parameter.sum(dtype=np.float64) for parameter in parameters]
    if not np.isfinite(sums).all():
        raise NotFiniteError("A parameter", int(samples[-1]))
