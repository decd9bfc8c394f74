"""How often a checkpoint is written: ``1epoch``, ``500steps`` or ``60s``."""

import re
import time
from dataclasses import dataclass

from sdae.core.errors import invalid_parameter

_FORM = re.compile(r"(\d{1,12})\s*(epochs?|steps?|s)")


@dataclass(frozen=True)
class Frequency:
    """A number of epochs, steps or seconds."""

    n: int
    unit: str

    @classmethod
    def read(cls, text: object, caller: str, parameter: str = "every") -> "Frequency":
        """Read a frequency from its text.

        Raises
        ------
        InvalidParameterError
            If the text is not a frequency.
        """
        match = _FORM.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None or int(match[1]) == 0:
            wanted = "a number of epochs, steps or seconds, as in '1epoch', '500steps' or '60s'"
            raise invalid_parameter(parameter, caller, wanted, text)
        unit = match[2] if match[2] == "s" else match[2].removesuffix("s")
        return cls(int(match[1]), unit)


class Due:
    """Decides when the next checkpoint is due; training does not depend on it."""

    def __init__(self, frequency: Frequency) -> None:
        self._frequency = frequency
        self._passed = 0
        self._last = time.monotonic()

    def after(self, n_steps: int, *, epoch_ended: bool) -> bool:
        """Count steps; return whether a checkpoint is due."""
        if self._frequency.unit == "s":
            return time.monotonic() - self._last >= self._frequency.n
        self._passed += int(epoch_ended) if self._frequency.unit == "epoch" else n_steps
        return self._passed >= self._frequency.n

    def restart(self) -> None:
        """Start counting again, after a checkpoint."""
        self._passed = 0
        self._last = time.monotonic()
