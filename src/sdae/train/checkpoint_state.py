"""The content of a checkpoint. Every name, shape, type and number is checked when it is read."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import torch
from torch import Tensor

from sdae.core.constraints import Reader, boolean, integer, number, optional
from sdae.core.errors import FileFormatError
from sdae.core.wording import reason
from sdae.train.epoch import Place
from sdae.train.history import EpochRecord, History

T = TypeVar("T")
Tensors = Mapping[str, Tensor]

MALFORMED = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
"""Exceptions that reading a forged checkpoint may raise."""


@dataclass(frozen=True)
class Extra:
    """What a stage saves in addition to its parameters, place and records.

    Attributes
    ----------
    values : mapping
        JSON values.
    tensors : mapping
        Tensors by kind and name: ``best.…``.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    tensors: Tensors = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """A checkpoint that was read.

    Attributes
    ----------
    place : Place
        The point that training had reached.
    history : History
        The history so far; of a complete stage the full history.
    complete : bool
        Whether the stage has ended.
    engine : str
        Name of the engine.
    extra : mapping
        What else the stage saves: JSON values.
    tensors : mapping
        All tensors, by kind and name: ``parameters.…``, ``optimizer.…``, ``best.…``.
    """

    place: Place
    history: History
    complete: bool
    engine: str
    extra: Mapping[str, Any]
    tensors: Tensors

    def part(self, kind: str) -> dict[str, Tensor]:
        """Return the tensors of a kind, by name."""
        start = f"{kind}."
        return {n.removeprefix(start): t for n, t in self.tensors.items() if n.startswith(start)}


class Extras:
    """Reads what else a stage saved, with errors for invalid values."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def number(self, name: str) -> float:
        """Return a number."""
        return self._read(name, number(0))

    def whole(self, name: str) -> int:
        """Return a whole number, at least 1."""
        return self._read(name, integer(1))

    def error(self, name: str) -> float | None:
        """Return an error measured, or None."""
        return self._read(name, optional(number(0)))

    def epoch(self, name: str) -> int | None:
        """Return the number of an epoch, or None."""
        return self._read(name, optional(integer(1)))

    def best_parameters(self, like: Sequence[Tensor]) -> list[Tensor]:
        """Return the best parameters, if saved, for parameters like those given."""
        best = self._kept.part("best")
        if not best:
            return []
        copies = {str(place): torch.empty_like(p).detach() for place, p in enumerate(like)}
        try:
            give_back(copies, best)
        except ValueError as error:
            raise malformed(error) from None
        return list(copies.values())

    def _read(self, name: str, reader: Reader[T]) -> T:
        try:
            return reader.read(self._kept.extra[name])
        except MALFORMED as error:
            raise malformed(error) from None


def malformed(error: Exception) -> FileFormatError:
    """Return the error for a checkpoint that sdae did not write."""
    return FileFormatError(
        f"The checkpoint is not valid: {reason(error)}. "
        "Delete its folder to train from the beginning."
    )


def give_back(parameters: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    """Copy values into parameters of the same names.

    Raises
    ------
    ValueError
        If a name, a shape or a type differs; no parameter is then changed.
    """
    for name in sorted(parameters.keys() | values.keys()):
        ours, theirs = parameters.get(name), values.get(name)
        if ours is None or theirs is None:
            raise ValueError(f"it does not have the same parameters: {name}")
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            raise ValueError(f"{name} has another shape or type")
        if not bool(theirs.isfinite().all()):
            raise ValueError(f"{name} is not finite")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(values[name])


def place_of(values: Mapping[str, Any]) -> Place:
    """Return the place that JSON values describe."""
    if values.keys() != {item.name for item in fields(Place)}:
        raise ValueError("its place is malformed")
    return Place(
        optional(integer(0)).read(values["layer"]),
        integer(1).read(values["epoch"]),
        integer(0).read(values["n_batches"]),
        integer(0).read(values["n_samples"]),
        number(-math.inf).read(values["total"]),
        number(0).read(values["seconds"]),
    )


def history_from(values: Mapping[str, Any]) -> History:
    """Return the history that JSON values describe."""
    anything = optional(number(-math.inf))
    return History(
        tuple(EpochRecord.from_values(record) for record in values["records"]),
        optional(integer(1)).read(values["best_epoch"]),
        anything.read(values["best_validation_error"]),
        anything.read(values["test_error"]),
        boolean().read(values["stopped_early"]),
        optional(integer(1)).read(values.get("n_updates")),  # earlier versions do not have it
    )
