"""Numbers too small for the full precision of their type, which a thread may round to zero.

A processor takes many times as long for such subnormal numbers. In training they are
common: the mean gradient of a weight fades away where its gradients stay zero, as those of units
that are off, or of pixels that are seldom lit.

The setting belongs to a thread, and threads that it starts take it over. So it is made for nothing
but compiled loops, which start none.
"""

import sys
from contextlib import AbstractContextManager
from typing import Any

import torch


class rounded_to_zero(AbstractContextManager[None]):
    """Run a block with subnormal numbers rounded to zero in this thread.

    Where a processor cannot do that, nothing changes. Afterwards the setting is as before.
    """

    def __enter__(self) -> None:
        self._was_so = are_rounded_to_zero()
        if not self._was_so:
            torch.set_flush_denormal(True)

    def __exit__(self, *exception: Any) -> None:
        if not self._was_so:
            torch.set_flush_denormal(False)


def are_rounded_to_zero() -> bool:
    """Return whether this thread rounds them to zero now."""
    return sys.float_info.min / 2 == 0
