"""The history of a run: one record per epoch and stage, and its JSONL form."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sdae.core.constraints import integer, number, optional

PRETRAINING = "pretraining"
FINETUNING = "finetuning"
LADDER = "ladder"

_WORDS = {FINETUNING: "Fine-tuning", LADDER: "Ladder"}

_LAYER, _EPOCH = optional(integer(0)), integer(1)
_NUMBER = number(-math.inf)
_MEASURED = optional(_NUMBER)


@dataclass(frozen=True)
class Finding:
    """What the doctor found: see :mod:`sdae.train.doctor`.

    Attributes
    ----------
    kind : str
        Kind, from a closed list, such as ``dead units``.
    text : str
        The problem, with figures, and what to try.
    """

    kind: str
    text: str


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of one layer's pre-training, of fine-tuning, or of a ladder.

    Attributes
    ----------
    stage : str
        ``pretraining``, ``finetuning`` or ``ladder``.
    layer : int or None
        The layer that was pre-trained, from 0; None otherwise.
    epoch : int
        Number of the epoch, from 1.
    cost : float
        Mean over the epoch's samples, each measured before the update it led to and multiplied by
        its weight, where rows are weighted.
    validation_error, test_error : float or None
        Shares of rows classified wrongly, in [0, 1], or in regression mean squared errors over all
        rows and targets: the lowest validation error of the epoch. The test set is scored only when
        that is the lowest so far.
    learning_rate : float
        Learning rate of this epoch.
    seconds : float
        Seconds of training, without validation.
    samples_per_second : float
        Training samples per second.
    engine : str
        Name of the engine.
    findings : tuple of Finding
        Findings of the doctor at the end of the epoch; each is reported once.
    """

    stage: str
    layer: int | None
    epoch: int
    cost: float
    validation_error: float | None
    test_error: float | None
    learning_rate: float
    seconds: float
    samples_per_second: float
    engine: str
    findings: tuple[Finding, ...] = ()

    @property
    def part(self) -> str:
        """What was trained, in words: a layer, or the whole network."""
        return part_of(self.stage, self.layer)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "EpochRecord":
        """Return the record of JSON values.

        Raises
        ------
        LookupError, TypeError, ValueError
            If the values are not a valid record.
        """
        findings = tuple(Finding(**finding) for finding in values["findings"])
        texts = (
            values["stage"],
            values["engine"],
            *(t for f in findings for t in (f.kind, f.text)),
        )
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("it is not a record of an epoch")
        return cls(
            stage=values["stage"],
            layer=_LAYER.read(values["layer"]),
            epoch=_EPOCH.read(values["epoch"]),
            cost=_NUMBER.read(values["cost"]),
            validation_error=_MEASURED.read(values["validation_error"]),
            test_error=_MEASURED.read(values["test_error"]),
            learning_rate=_NUMBER.read(values["learning_rate"]),
            seconds=_NUMBER.read(values["seconds"]),
            samples_per_second=_NUMBER.read(values["samples_per_second"]),
            engine=values["engine"],
            findings=findings,
        )

    def with_findings(self, findings: tuple[Finding, ...]) -> "EpochRecord":
        """Return the record with findings of the doctor."""
        return replace(self, findings=findings) if findings else self

    def to_json(self) -> str:
        """Return the record as one line of JSON."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class History:
    """The result of a call of ``pretrain``, ``finetune`` or ``train_ladder``.

    Attributes
    ----------
    records : tuple of EpochRecord
        Records in the order of training.
    best_epoch : int or None
        The epoch (from 1) of the lowest validation error.
    best_validation_error, test_error : float or None
        The lowest validation error and the test error measured with it, of the records' kind.
    stopped_early : bool
        Whether patience ended, or a callback asked to stop, before the last epoch.
    n_updates : int or None
        Of a ladder the number of updates that its rate was fitted to: as given, or as many as
        `max_minutes` allowed. A call with this number repeats it to the byte.
    """

    records: tuple[EpochRecord, ...] = ()
    best_epoch: int | None = None
    best_validation_error: float | None = None
    test_error: float | None = None
    stopped_early: bool = False
    n_updates: int | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings of the doctor, in the order of training."""
        return tuple(finding for record in self.records for finding in record.findings)

    @property
    def seconds(self) -> float:
        """Seconds of training, without validation."""
        return sum(record.seconds for record in self.records)

    def costs(self, layer: int | None = None) -> list[float]:
        """Return the cost of each epoch of a layer, or of fine-tuning (None)."""
        return [record.cost for record in self.records if record.layer == layer]

    def to_jsonl(self) -> str:
        """Return all records, one line of JSON each."""
        return to_jsonl(self.records)


def part_of(stage: str, layer: int | None) -> str:
    """Return what a stage trains, in words: a layer, or the whole network."""
    return _WORDS.get(stage, "Fine-tuning") if layer is None else f"Layer {layer}"


def findings_in(records: Iterable[EpochRecord]) -> set[tuple[str, int | None]]:
    """Return kind and layer of each finding in records."""
    return {(finding.kind, record.layer) for record in records for finding in record.findings}


def to_jsonl(records: Iterable[EpochRecord]) -> str:
    """Return records as JSON lines."""
    return "".join(record.to_json() + "\n" for record in records)


def history_of(records: Iterable[EpochRecord]) -> History | None:
    """Return the history of the last fine-tuning, or of a ladder; None without either."""
    tuned = tuple(record for record in records if record.stage in (FINETUNING, LADDER))
    if not tuned:
        return None
    begins = max(place for place, record in enumerate(tuned) if record.epoch == tuned[0].epoch)
    tuned = tuned[begins:]
    best = _last_measured(tuned) if tuned[0].stage == LADDER else _best(tuned)
    if best is None:
        return History(tuned)
    found = None if best.validation_error is None else best.epoch
    return History(tuned, found, best.validation_error, best.test_error)


def _best(records: Iterable[EpochRecord]) -> EpochRecord | None:
    """Return the record of the lowest validation error."""
    best: EpochRecord | None = None
    for record in records:
        if record.validation_error is not None and (
            best is None
            or best.validation_error is None
            or record.validation_error < best.validation_error
        ):
            best = record
    return best


def _last_measured(records: Iterable[EpochRecord]) -> EpochRecord | None:
    """Return the last record with errors: a ladder is kept as it is at its end."""
    measured = [r for r in records if (r.validation_error, r.test_error) != (None, None)]
    return measured[-1] if measured else None
