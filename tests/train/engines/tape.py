"""A player that does on the CPU what a CUDA graph does on a GPU.

It notes the operations of the work, below autograd, with the very tensors that they read and wrote.
To play is to do the same operations again, on the same memory. So a number of Python stays as it
was when it was noted, memory that is not written again keeps its old content, and an operation that
hands a number to Python, for which a GPU would have to be waited for, is an error.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sdae.train.engines.player import warm_up


class WaitedForError(RuntimeError):
    """An operation handed a number to Python."""


class TapePlayer:
    """Notes the work once, and plays it from there.

    Attributes
    ----------
    n_recorded, n_operations : int
        How many works were recorded, and the operations of the last one.
    """

    def __init__(self) -> None:
        self.n_recorded = 0
        self.n_operations = 0

    def record(self, work: Callable[[], None], changed: Sequence[Tensor]) -> Callable[[], None]:
        """Return a function that plays the operations of the work."""
        warm_up(work, changed)
        before = [tensor.clone() for tensor in changed]
        tape = Tape()
        with tape:
            work()
        for tensor, value in zip(changed, before, strict=True):  # a capture runs nothing
            tensor.copy_(value)
        self.n_recorded += 1
        self.n_operations = len(tape.noted)
        return tape.play


class Tape(TorchDispatchMode):
    """The operations that were done under it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.noted: list[tuple[Any, tuple[Any, ...], dict[str, Any], list[Tensor]]] = []

    def __torch_dispatch__(
        self,
        func: Any,
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            raise WaitedForError("a number was handed to Python")
        named = dict(kwargs or {})
        result = func(*args, **named)
        results = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        self.noted.append((func, args, named, results))
        return result

    @torch.no_grad()
    def play(self) -> None:
        """Do all operations again; what they make goes where it was."""
        for func, args, named, results in self.noted:
            given = [leaf for leaf in tree_leaves((args, named)) if isinstance(leaf, Tensor)]
            places = {each.untyped_storage().data_ptr() for each in given}
            again = [leaf for leaf in tree_leaves(func(*args, **named)) if isinstance(leaf, Tensor)]
            for old, new in zip(results, again, strict=True):
                if old.untyped_storage().data_ptr() not in places:  # neither a view nor in place
                    old.copy_(new)
