"""What training tells its callbacks, how they stop it, and the history as JSON lines."""

import json

import pytest
import torch

from sdae import finetune, pretrain
from sdae.train.callbacks import (
    EpochEnded,
    Event,
    PartStarted,
    SliceEnded,
    StageEnded,
    StageStarted,
    ValidationImproved,
)
from sdae.train.engines.slice_sizes import samples_between_looks
from sdae.train.history import EpochRecord, History, history_of, to_jsonl
from tests.train.helpers import Recorder, labelled, moved, parameters, small_stack, unit_rows

RECORD = EpochRecord("finetuning", None, 2, 0.5, 0.25, None, 0.1, 2.0, 100.0, "fused")


def test_pretraining_tells_its_events_in_order() -> None:
    listener = Recorder()
    history = pretrain(small_stack(), unit_rows(10), epochs=(2, 1), callbacks=[listener])
    records = history.records
    assert listener.events == [
        StageStarted("pretraining", 2),
        PartStarted("pretraining", 0, 2, 10, "fused"),
        SliceEnded("pretraining", 0, 1, 10, records[0].cost),
        EpochEnded(records[0]),
        SliceEnded("pretraining", 0, 2, 10, records[1].cost),
        EpochEnded(records[1]),
        PartStarted("pretraining", 1, 1, 10, "fused"),
        SliceEnded("pretraining", 1, 1, 10, records[2].cost),
        EpochEnded(records[2]),
        StageEnded("pretraining", history),
    ]


def test_fine_tuning_tells_its_events_in_order() -> None:
    listener, pair = Recorder(), labelled(10)
    history = finetune(
        small_stack(), pair, pair, pair, epochs=2, learning_rate=0.0, callbacks=[listener]
    )
    first, second = history.records
    assert first.validation_error is not None
    assert listener.events == [
        StageStarted("finetuning", 1),
        PartStarted("finetuning", None, 2, 10, "fused"),
        SliceEnded("finetuning", None, 1, 10, first.cost),
        ValidationImproved(1, first.validation_error, first.test_error),
        EpochEnded(first),
        SliceEnded("finetuning", None, 2, 10, second.cost),
        EpochEnded(second),
        StageEnded("finetuning", history),
    ]


@pytest.mark.parametrize("engine", ["autograd", "closed_form"])
def test_slices_of_minibatches_are_of_so_many_samples_and_tell_the_mean_cost_so_far(
    engine: str,
) -> None:
    for batch_size, seen in {
        4: [512, 1024, 1536, 2048, 2500],
        8: [2048, 2500],
        100: [2000, 2500],
        2400: [2400, 2500],
    }.items():
        listener = Recorder()
        stack = small_stack(noise=0.0)
        history = pretrain(
            stack,
            unit_rows(2500),
            epochs=(1, 0),
            batch_size=batch_size,
            callbacks=[listener],
            engine=engine,
        )
        slices = [e for e in listener.events if isinstance(e, SliceEnded)]
        assert [e.n_samples for e in slices] == seen
        assert slices[-1].cost == history.records[0].cost
        first = pretrain(
            small_stack(noise=0.0),
            unit_rows(2500)[: seen[0]],
            epochs=(1, 0),
            batch_size=batch_size,
            engine=engine,
        )
        assert slices[0].cost == pytest.approx(first.records[0].cost, rel=1e-6)


@pytest.mark.parametrize(
    ("n_numbers", "batch_size", "n_samples"),
    [(100, 8, 2048), (2**22, 8, 2048), (2**23, 8, 1024), (2**30, 8, 512), (100, 7, 512)],
)
def test_large_networks_and_small_minibatches_are_looked_at_more_often(
    n_numbers: int, batch_size: int, n_samples: int
) -> None:
    parameters = [torch.empty(n_numbers - 50, device="meta"), torch.empty(50, device="meta")]
    assert samples_between_looks(parameters, batch_size) == n_samples


def test_every_callback_is_told_every_event() -> None:
    one, other = Recorder(), Recorder()
    pretrain(small_stack(), unit_rows(4), epochs=1, callbacks=iter([one, other]))
    assert one.events == other.events


class _Stop:
    """Asks to stop at the first event of a kind, and records whatever is told."""

    def __init__(self, kind: type, n: int = 1) -> None:
        self.told: list[Event] = []
        self._kind, self._n = kind, n

    def __call__(self, event: Event) -> bool:
        self.told.append(event)
        if isinstance(event, self._kind):
            self._n -= 1
        return isinstance(event, self._kind) and self._n == 0


def _count(stop: _Stop, kind: type) -> int:
    return sum(isinstance(event, kind) for event in stop.told)


def test_true_stops_pretraining_after_the_slice() -> None:
    stop, stack = _Stop(SliceEnded), small_stack()
    before = parameters(stack.autoencoder(1))
    history = pretrain(stack, unit_rows(2100), epochs=3, callbacks=[stop])
    assert _count(stop, SliceEnded) == 1
    assert history.stopped_early
    assert len(history.records) == 1
    assert history.records[0].samples_per_second == pytest.approx(2048 / history.seconds)
    assert moved(before, stack.autoencoder(1)) == set()
    assert stop.told[-2:] == [EpochEnded(history.records[0]), StageEnded("pretraining", history)]


def test_true_stops_fine_tuning_after_the_slice() -> None:
    stop, pair = _Stop(SliceEnded), labelled(1100)
    history = finetune(small_stack(), pair, pair, epochs=3, callbacks=[stop])
    assert _count(stop, SliceEnded) == 1
    assert history.stopped_early
    assert len(history.records) == 1
    assert stop.told[-2:] == [EpochEnded(history.records[0]), StageEnded("finetuning", history)]


def test_true_at_the_end_of_an_epoch_stops_pretraining_there() -> None:
    stop = _Stop(EpochEnded, 2)
    history = pretrain(small_stack(), unit_rows(10), epochs=3, callbacks=[stop])
    assert len(history.records) == _count(stop, SliceEnded) == 2
    assert history.stopped_early


def test_true_at_the_end_of_a_layer_s_last_epoch_leaves_the_next_layer_alone() -> None:
    stop, stack = _Stop(EpochEnded, 3), small_stack()
    before = parameters(stack.autoencoder(1))
    history = pretrain(stack, unit_rows(10), epochs=3, callbacks=[stop])
    assert len(history.records) == 3
    assert history.stopped_early
    assert moved(before, stack.autoencoder(1)) == set()


@pytest.mark.parametrize("kind", [EpochEnded, ValidationImproved])
def test_true_at_the_end_of_an_epoch_stops_fine_tuning_there(kind: type) -> None:
    stop, pair = _Stop(kind), labelled(10)
    history = finetune(small_stack(), pair, pair, epochs=3, callbacks=[stop])
    assert len(history.records) == _count(stop, SliceEnded) == 1
    assert history.stopped_early


def test_a_callback_that_asks_to_stop_silences_no_other() -> None:
    first, stop, last = Recorder(), _Stop(SliceEnded), Recorder()
    pretrain(small_stack(), unit_rows(4), epochs=3, callbacks=[first, stop, last])
    assert first.events == stop.told == last.events


@pytest.mark.parametrize("answer", [None, False])
def test_any_other_answer_goes_on(answer: bool | None) -> None:
    history = pretrain(small_stack(), unit_rows(4), epochs=2, callbacks=[lambda _: answer])
    assert len(history.records) == 4
    assert not history.stopped_early


def test_a_stopped_fine_tuning_ends_with_the_best_parameters() -> None:
    stack, train, validation = small_stack(), labelled(30), labelled(60, 5)
    history = finetune(
        stack, train, validation, epochs=40, learning_rate=0.7, callbacks=[_Stop(EpochEnded, 16)]
    )
    assert history.stopped_early
    assert history.best_validation_error == float(stack.errors(*validation))
    assert history.best_validation_error < (history.records[-1].validation_error or 1)


def test_a_record_is_one_line_of_json_with_every_field() -> None:
    line = RECORD.to_json()
    assert "\n" not in line
    assert json.loads(line) == {
        "stage": "finetuning",
        "layer": None,
        "epoch": 2,
        "cost": 0.5,
        "validation_error": 0.25,
        "test_error": None,
        "learning_rate": 0.1,
        "seconds": 2.0,
        "samples_per_second": 100.0,
        "engine": "fused",
        "findings": [],
    }


def test_a_history_is_a_line_per_record_that_can_be_read_back() -> None:
    pair = labelled(10)
    stack = small_stack()
    codes = pretrain(stack, pair[0], epochs=2)
    tuned = finetune(stack, pair, pair, pair, epochs=3)
    text = to_jsonl([*codes.records, *tuned.records])
    assert text == codes.to_jsonl() + tuned.to_jsonl()
    assert text.endswith("\n")
    read = tuple(EpochRecord.from_values(json.loads(line)) for line in text.splitlines())
    assert read == codes.records + tuned.records
    assert history_of(read) == tuned
    assert History().to_jsonl() == ""


def test_the_costs_of_a_history_are_those_of_a_layer_or_of_fine_tuning() -> None:
    history = History(
        tuple(
            EpochRecord("x", layer, 1, cost, None, None, 0.1, 0.5, 1.0, "fused")
            for layer, cost in ((0, 1.0), (0, 2.0), (1, 3.0), (None, 4.0))
        )
    )
    assert history.costs(0) == [1.0, 2.0]
    assert history.costs(1) == [3.0]
    assert history.costs() == [4.0]
    assert history.seconds == 2.0


def test_a_history_of_records_finds_the_first_best_epoch() -> None:
    def record(epoch: int, validation: float | None, test: float | None) -> EpochRecord:
        return EpochRecord("finetuning", None, epoch, 1, validation, test, 0.1, 1, 1, "fused")

    records = [
        record(1, 0.5, 0.4),
        record(2, 0.3, 0.35),
        record(3, 0.3, None),
        record(4, None, None),
    ]
    assert history_of(records) == History(tuple(records), 2, 0.3, 0.35)
    assert history_of(records[3:]) == History(tuple(records[3:]))
    assert history_of([]) is None
