"""The options of the training of a ladder, declared once."""

from collections.abc import Mapping
from dataclasses import dataclass

from sdae.core.constraints import (
    Reader,
    choice,
    integer,
    number,
    one_or_each,
    optional,
    read_fields,
)
from sdae.core.options import option, readers_of
from sdae.train.settings import LADDER_ENGINES


@dataclass(frozen=True)
class LadderConfig:
    """Settings of the training of a ladder; see :func:`sdae.train_ladder` for their meaning."""

    n_updates: int = option(
        integer(1), 12_400, "Number of updates; the rate falls to 0 in the last third of them."
    )
    max_minutes: float | None = option(
        optional(number(0, open_minimum=True)),
        None,
        "Take as many updates as fit in, by a measurement at the start, in place of `n_updates`.",
    )
    learning_rate: float = option(number(0), 0.002, "Initial rate of Adam.")
    batch_size: int = option(
        integer(2), 100, "Labelled rows, and as many unlabelled ones, of an update."
    )
    denoising_costs: tuple[float, ...] = option(
        Reader("a finite number ≥ 0, or one for each depth", one_or_each(number(0)).read),
        (5000.0,),
        "Weight of the reconstruction: of the input alone, or one for each depth, the input first.",
    )
    engine: str = option(
        choice(*LADDER_ENGINES),
        "auto",
        "Engine of the updates; `auto` takes the fastest that supports the ladder.",
    )

    @classmethod
    def read(cls, values: Mapping[str, object], caller: str) -> "LadderConfig":
        """Validate `values`; one error that names `caller` reports all problems."""
        return cls(**read_fields(readers_of(cls), values, caller))

    def costs(self, n_depths: int) -> tuple[float, ...]:
        """Return the weight of the reconstruction at each depth; one number is the input's."""
        if len(self.denoising_costs) == 1:
            return (*self.denoising_costs, *[0.0] * (n_depths - 1))
        return self.denoising_costs
