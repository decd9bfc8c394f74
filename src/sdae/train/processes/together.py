"""What processes that train together do together; a process alone does all of it by itself.

The first process writes, measures and decides; the others wait for what it says. Sums are done by
all at once. Processes have two groups of their own, one for each: a step is short, but the first
process may need long to write a checkpoint. A host that is lost is noticed as soon in both.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from sdae.core.errors import ProcessLostError
from sdae.train.processes.connections import asking

STEP_MINUTES = 10
"""Longest wait for the others in a step, and for a sign of life of their hosts."""

FIRST_MINUTES = 60
"""Longest wait between steps, where the first process validates, calls back and writes alone."""

_FIRST = 0
_LENGTH, _AT_ONCE = 8, 56  # bytes

T = TypeVar("T")


class Processes(Protocol):
    """The processes that train together.

    Attributes
    ----------
    rank : int
        Number of this process, from 0.
    size : int
        Number of processes.
    """

    @property
    def rank(self) -> int:
        """Number of this process, from 0."""
        ...

    @property
    def size(self) -> int:
        """Number of processes."""
        ...

    @property
    def is_first(self) -> bool:
        """Whether this process writes, measures and decides."""
        ...

    def begin_sum(self, numbers: Tensor) -> Callable[[], None]:
        """Begin to replace numbers by their sums over all processes; return what waits for the end.

        The sums have the same bytes on each process. All must begin theirs in the same order.
        """
        ...

    def collect(self, numbers: Tensor) -> Tensor:
        """Return the numbers of every process, (…) -> (size, …)."""
        ...

    def least(self, number: int) -> int:
        """Return the smallest of the processes' numbers."""
        ...

    def said_by_first(self, value: T) -> T:
        """Return the value of the first process, a JSON value; that of the others is ignored."""
        ...

    def tensors_of_first(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return the tensors of the first process, on the CPU; those of others are ignored."""
        ...

    def texts(self, text: str) -> list[str]:
        """Return the text of every process, by rank."""
        ...


class OneProcess:
    """A process that trains alone."""

    rank, size, is_first = 0, 1, True

    def begin_sum(self, _numbers: Tensor) -> Callable[[], None]:
        """Leave the numbers as they are."""
        return _nothing

    def collect(self, numbers: Tensor) -> Tensor:
        """Return the numbers, (…) -> (1, …)."""
        return numbers[None]

    def least(self, number: int) -> int:
        """Return the number."""
        return number

    def said_by_first(self, value: T) -> T:
        """Return the value."""
        return value

    def tensors_of_first(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return the tensors."""
        return tensors

    def texts(self, text: str) -> list[str]:
        """Return the text in a list."""
        return [text]


ALONE = OneProcess()


class SeveralProcesses:
    """The processes of the process group that PyTorch has initialised.

    It makes groups of its own. When a process fails it leaves them, so that the others feel it at
    once and end too, while the caller's group stays as it is.
    """

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self._waiting: dist.ProcessGroup | None = None
        self._steps: dict[str, dist.ProcessGroup] = {}
        with self._communicating():
            self._waiting = _new_group(FIRST_MINUTES, "gloo")

    @property
    def is_first(self) -> bool:
        """Whether this process writes, measures and decides."""
        return self.rank == _FIRST

    def begin_sum(self, numbers: Tensor) -> Callable[[], None]:
        """Begin to replace numbers by their sums; return what waits for the end of that."""
        with self._communicating():
            work = dist.all_reduce(numbers, group=self._group_for(numbers), async_op=True)

        def wait() -> None:
            with self._communicating():
                work.wait()

        return wait

    def collect(self, numbers: Tensor) -> Tensor:
        """Return the numbers of every process, (…) -> (size, …)."""
        with self._communicating():
            every = numbers.new_empty((self.size, *numbers.shape))
            dist.all_gather(list(every.unbind()), numbers, group=self._group_for(numbers))
            return every

    def least(self, number: int) -> int:
        """Return the smallest of the processes' numbers."""
        with self._communicating():
            lowest = torch.tensor(number, dtype=torch.int64, device="cpu")
            dist.all_reduce(lowest, dist.ReduceOp.MIN, group=self._waiting)
            return int(lowest)

    def said_by_first(self, value: T) -> T:
        """Return the value of the first process, a JSON value; that of the others is ignored."""
        with self._communicating():
            content = json.dumps(value).encode() if self.is_first else b""
            said: T = json.loads(self._bytes_of_first(content))
            return said

    def tensors_of_first(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return the tensors of the first process, on the CPU; those of others are ignored."""
        with self._communicating():
            forms = {name: (_word(each.dtype), list(each.shape)) for name, each in tensors.items()}
            forms = json.loads(self._bytes_of_first(json.dumps(forms).encode()))
            received: dict[str, Tensor] = {}
            for name, (word, shape) in forms.items():
                if self.is_first:
                    received[name] = tensors[name].detach().cpu().contiguous()
                else:
                    received[name] = torch.empty(shape, dtype=getattr(torch, word), device="cpu")
                if received[name].numel():
                    as_bytes = received[name].reshape(-1).view(torch.uint8)
                    dist.broadcast(as_bytes, _FIRST, group=self._waiting)
            return received

    def texts(self, text: str) -> list[str]:
        """Return the text of every process, by rank."""
        with self._communicating():
            content = text.encode()
            lengths = torch.zeros(self.size, dtype=torch.int64, device="cpu")
            lengths[self.rank] = len(content)
            dist.all_reduce(lengths, group=self._waiting)
            room = torch.zeros(int(lengths.max()), dtype=torch.uint8, device="cpu")
            room[: len(content)] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
            every = [torch.empty_like(room) for _ in range(self.size)]
            dist.all_gather(every, room, group=self._waiting)
            return [
                each[: int(length)].numpy().tobytes().decode()
                for each, length in zip(every, lengths, strict=True)
            ]

    def wait_for_all(self) -> None:
        """Wait until every process is here."""
        with self._communicating():
            dist.barrier(group=self._waiting)

    def leave(self) -> None:
        """Destroy the groups: processes that still wait in them end with an error."""
        groups = [*self._steps.values(), self._waiting]
        self._steps, self._waiting = {}, None
        while groups:
            group = groups.pop()
            with suppress(RuntimeError, ValueError, AssertionError):  # the caller destroyed all
                if group is not None:
                    dist.destroy_process_group(group)
            del group  # its connections are closed with the last reference

    @contextmanager
    def _communicating(self) -> Iterator[None]:
        """Raise our error where the other processes cannot be reached."""
        try:
            yield
        except (RuntimeError, ValueError) as error:  # ValueError: a group that was destroyed
            raise self._lost(error) from None

    def _lost(self, error: Exception) -> ProcessLostError:
        """Return our error for one of PyTorch's."""
        text = str(error).lower()
        late = "timed out" in text or "timeout" in text
        reason = (
            f"did not answer within {STEP_MINUTES} minutes in a step, or {FIRST_MINUTES} between "
            "steps"
            if late
            else "has ended"
        )
        return ProcessLostError(
            f"Process {self.rank} of {self.size} stopped training, because another process "
            f"{reason}. If that one reported an error, see there; otherwise it was killed."
        )

    def _group_for(self, numbers: Tensor) -> "dist.ProcessGroup":
        """Return the group for sums on a type of device; all processes make it at the same time."""
        kind = numbers.device.type
        if kind not in self._steps:
            backend = "nccl" if kind == "cuda" else "gloo"
            self._steps[kind] = _new_group(STEP_MINUTES, backend)
        return self._steps[kind]

    def _bytes_of_first(self, content: bytes) -> bytes:
        """Pass on bytes: their length and the first of them, then the others if there are more."""
        start = torch.frombuffer(
            bytearray(len(content).to_bytes(_LENGTH, "big") + content[:_AT_ONCE].ljust(_AT_ONCE)),
            dtype=torch.uint8,
        )
        dist.broadcast(start, _FIRST, group=self._waiting)
        received = start.numpy().tobytes()
        length = int.from_bytes(received[:_LENGTH], "big")
        if length <= _AT_ONCE:
            return received[_LENGTH : _LENGTH + length]
        rest = torch.empty(length - _AT_ONCE, dtype=torch.uint8, device="cpu")
        if self.is_first:
            rest = torch.frombuffer(bytearray(content[_AT_ONCE:]), dtype=torch.uint8)
        dist.broadcast(rest, _FIRST, group=self._waiting)
        return received[_LENGTH:] + rest.numpy().tobytes()


def _nothing() -> None:
    """Wait for nothing."""


def _new_group(minutes: float, backend: str) -> "dist.ProcessGroup":
    """Return a group of all processes; it fails after some minutes, or where a host is lost."""
    with asking(STEP_MINUTES):
        group: dist.ProcessGroup = dist.new_group(
            timeout=timedelta(minutes=minutes), backend=backend
        )
    return group


def _word(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")
