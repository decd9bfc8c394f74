"""Sums over processes that are on their way while gradients of lower layers are computed.

Back-propagation has the gradients of the upper layers first. Parts of the buffer are summed in a
fixed order, the same on all processes, from its end, where the upper layers are; each part as soon
as it is there. Parts are large, since each sum has a wait of its own.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor

from sdae.train.processes.together import Processes

LEAST_NUMBERS = 2**18
"""Numbers of a part at least: a megabyte in float32."""


class SumsOnTheWay:
    """The sums of a buffer, in parts.

    Parameters
    ----------
    processes : Processes
        The processes whose buffers are summed.
    parts : sequence of slice
        The numbers of each parameter in the buffer, in order. What lies before the first belongs
        to the part that is summed last.
    buffer : Tensor of shape (N,)
        The numbers.
    """

    def __init__(self, processes: Processes, parts: Sequence[slice], buffer: Tensor) -> None:
        self._processes = processes
        firsts = _firsts(parts)  # of each sum, the place of its first parameter
        starts = [parts[first].start if first else 0 for first in firsts]
        self._sums = [buffer[a:b] for b, a in pairwise([len(buffer), *starts])]
        n_parameters = [b - a for b, a in pairwise([len(parts), *firsts])]
        self._of = [0] * len(parts)
        for number, first in enumerate(firsts):
            self._of[first : first + n_parameters[number]] = [number] * n_parameters[number]
        self._n_parameters = n_parameters
        self._missing = list(n_parameters)
        self._waits: list[Callable[[], None]] = []

    @property
    def several(self) -> bool:
        """Whether there are several parts."""
        return len(self._sums) > 1

    def given(self, place: int) -> None:
        """Begin what sums can begin, now that the gradient of a parameter is in the buffer."""
        self._missing[self._of[place]] -= 1
        last = len(self._sums) - 1  # it has what is known at the end
        while len(self._waits) < last and not self._missing[len(self._waits)]:
            self._begin()

    def finish(self) -> None:
        """Begin the other sums, and wait for all.

        Raises
        ------
        ProcessLostError
            If another process has ended or does not answer.
        """
        while len(self._waits) < len(self._sums):
            self._begin()
        for wait in self._waits:
            wait()
        self._waits.clear()
        self._missing[:] = self._n_parameters

    def _begin(self) -> None:
        self._waits.append(self._processes.begin_sum(self._sums[len(self._waits)]))


def _firsts(parts: Sequence[slice]) -> list[int]:
    """Return the first parameter of each sum, the last sum first: the sizes fill from the end."""
    firsts, size = [], 0
    for place in range(len(parts) - 1, -1, -1):
        size += parts[place].stop - parts[place].start
        if size >= LEAST_NUMBERS:
            firsts.append(place)
            size = 0
    if size or not firsts:
        if firsts and size < LEAST_NUMBERS:
            firsts.pop()  # a small rest joins the sum before
        firsts.append(0)
    return firsts
