"""`finetune` stops, validates and keeps the best as the tutorial's loop does."""

import copy
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder, finetune
from sdae.train.callbacks import Event, SliceEnded, ValidationImproved
from sdae.train.history import History
from sdae.train.labelled import LabelledRows
from tests.train.helpers import Recorder, labelled, small_stack, state_bytes, unit_rows
from tests.train.tutorial_loop import Walk, walk

N_SCORED = 1000


class _Scripted:
    """A stack and a validation set whose errors, one after another, are given in thousandths.

    The learning rate is 0. Before each validation a callback moves the head's bias, so that all
    rows get one class; how often that class occurs among the labels makes the error.
    """

    def __init__(self, thousandths: Sequence[int], n: int, frequency: int) -> None:
        distinct = sorted(set(thousandths))
        counts = [N_SCORED - e for e in distinct]
        filler = N_SCORED - sum(counts)
        assert filler >= 0
        y = np.repeat(np.arange(len(counts) + 1), [*counts, filler])
        self.stack = StackedDenoisingAutoencoder(2, (2,), len(counts) + 2)
        self.validation: LabelledRows = (unit_rows(N_SCORED, n_columns=2), y)
        self.train: LabelledRows = (unit_rows(n, n_columns=2), np.zeros(n, dtype=np.int64))
        self.n_updates = 0
        self.improved: list[ValidationImproved] = []
        self._classes = [distinct.index(e) for e in thousandths]
        self._n, self._frequency = n, frequency

    def __call__(self, event: Event) -> None:
        if isinstance(event, ValidationImproved):
            self.improved.append(event)
        if not isinstance(event, SliceEnded):
            return
        self.n_updates = (event.epoch - 1) * self._n + event.n_samples
        validation, rest = divmod(self.n_updates, self._frequency)
        if rest == 0:
            with torch.no_grad():
                self.stack.head.bias.zero_()
                self.stack.head.bias[self._classes[min(validation, len(self._classes)) - 1]] = 1


def _finetune(script: _Scripted, epochs: int = 1000, patience_epochs: int = 10) -> History:
    return finetune(
        script.stack,
        script.train,
        script.validation,
        epochs=epochs,
        learning_rate=0.0,
        patience_epochs=patience_epochs,
        callbacks=[script],
    )


def test_without_improvement_it_stops_after_update_501() -> None:
    script = _Scripted([900], 50, 50)
    history = _finetune(script)
    assert script.n_updates == 501
    assert history.stopped_early
    assert len(history.records) == 11
    assert [r.validation_error for r in history.records] == [0.9] * 10 + [None]
    assert (history.best_epoch, history.best_validation_error) == (1, 0.9)


def test_an_improvement_in_epoch_8_lets_it_run_into_the_middle_of_epoch_16() -> None:
    script = _Scripted([900] * 7 + [800], 50, 50)
    history = _finetune(script)
    assert script.n_updates == 799
    assert len(history.records) == 16
    assert history.best_epoch == 8
    assert [e.epoch for e in script.improved] == [1, 8]


@pytest.mark.parametrize(
    ("errors", "n_updates", "best"),
    [
        ([800] * 7 + [797], 501, 8),  # 0.99625 × the best: lower, but not by enough
        ([800] * 7 + [795], 799, 8),  # 0.99375 ×
        ([800] * 7 + [800], 501, 1),  # equal is not lower
        ([800] * 7 + [900], 501, 1),
        ([900] * 7 + [800, 900], 799, 8),  # the best stays in epoch 8
    ],
)
def test_what_a_second_error_does(errors: list[int], n_updates: int, best: int) -> None:
    script = _Scripted(errors, 50, 50)
    history = _finetune(script)
    assert script.n_updates == n_updates
    assert history.best_epoch == best
    assert history.best_validation_error == min(errors) / 1000


def test_the_frequency_is_fixed_at_the_start() -> None:
    script = _Scripted([950, 900, 850, 960], 10, 5)
    history = _finetune(script, patience_epochs=1)
    # Patience 10, then 18 (t = 9), then 28 (t = 14): still a validation every 5 updates.
    assert script.n_updates == 29
    assert [e.epoch for e in script.improved] == [1, 1, 2]
    # The lowest of each epoch; epoch 3 had one after update 25.
    assert [r.validation_error for r in history.records] == [0.9, 0.85, 0.96]
    assert (history.best_epoch, history.best_validation_error) == (2, 0.85)


@pytest.mark.parametrize("epochs", [0, 1, 3, 10])
def test_it_runs_at_most_the_epochs_asked_for(epochs: int) -> None:
    script = _Scripted([900], 50, 50)
    history = _finetune(script, epochs)
    assert script.n_updates == 50 * epochs
    assert not history.stopped_early
    assert len(history.records) == epochs


def test_a_thousand_epochs_are_the_default() -> None:
    script = _Scripted([1000 - k for k in range(0, 44)], 1, 1)
    patient = finetune(
        script.stack,
        script.train,
        script.validation,
        learning_rate=0.0,
        early_stopping=False,
        callbacks=[script],
    )
    assert len(patient.records) == 1000
    assert not patient.stopped_early


def test_without_early_stopping_all_epochs_run_and_the_best_is_still_known() -> None:
    script = _Scripted([900, 800, 900], 5, 5)
    history = finetune(
        script.stack,
        script.train,
        script.validation,
        epochs=25,
        learning_rate=0.0,
        early_stopping=False,
        callbacks=[script],
    )
    assert script.n_updates == 125
    assert not history.stopped_early
    assert (history.best_epoch, history.best_validation_error) == (2, 0.8)


@pytest.mark.parametrize(
    ("batch_size", "patience_epochs", "drop_last", "increase", "threshold"),
    [(4, 2, False, 2.0, 0.995), (4, 2, True, 2.0, 0.9), (7, 1, False, 1.5, 0.995)],
)
def test_it_does_what_the_tutorial_s_loop_does_with_the_step_functions(
    batch_size: int, patience_epochs: int, drop_last: bool, increase: float, threshold: float
) -> None:
    train, validation = labelled(30), labelled(40, seed=8)
    ours = small_stack(dtype=torch.float64)
    theirs = copy.deepcopy(ours)
    best = copy.deepcopy(theirs)
    step, _, _ = theirs.build_finetune_functions([train, validation, validation], batch_size, 0.5)

    n_batches = 30 // batch_size if drop_last else -(-30 // batch_size)
    expected: Walk = walk(
        n_batches,
        40,
        lambda _: float(theirs.errors(*validation)),
        train=step,
        on_best=lambda: best.load_state_dict(theirs.state_dict()),
        patience_epochs=patience_epochs,
        patience_increase=increase,
        improvement_threshold=threshold,
    )
    assert len(expected.best) > 1
    slices: list[SliceEnded] = []

    def listen(event: Event) -> None:
        if isinstance(event, SliceEnded):
            slices.append(event)

    history = finetune(
        ours,
        train,
        validation,
        epochs=40,
        learning_rate=0.5,
        batch_size=batch_size,
        drop_last=drop_last,
        patience_epochs=patience_epochs,
        patience_increase=increase,
        improvement_threshold=threshold,
        callbacks=[listen],
    )
    last = slices[-1]
    n_updates = (last.epoch - 1) * n_batches + -(-last.n_samples // batch_size)
    assert n_updates == expected.n_updates
    assert history.stopped_early == expected.ran_out
    assert history.best_epoch == -(-expected.best[-1] // n_batches)
    assert history.best_validation_error == min(expected.errors)
    for name, restored in ours.named_parameters():
        torch.testing.assert_close(restored, best.get_parameter(name), rtol=1e-10, atol=1e-12)


def test_the_test_set_is_scored_at_new_bests_only_and_decides_nothing() -> None:
    def run(test: LabelledRows | None) -> tuple[History, _Scripted]:
        script = _Scripted([900, 850, 900, 850, 840], 5, 5)
        return (
            finetune(
                script.stack,
                script.train,
                script.validation,
                test,
                epochs=7,
                learning_rate=0.0,
                callbacks=[script],
            ),
            script,
        )

    # All test rows have the class that is predicted at the validation of 0.85.
    x = unit_rows(10, n_columns=2)
    history, script = run((x, np.full(10, 1)))
    assert [r.test_error for r in history.records] == [1.0, 0.0, None, None, 1.0, None, None]
    assert [e.test_error for e in script.improved] == [1.0, 0.0, 1.0]
    assert (history.best_epoch, history.test_error) == (5, 1.0)

    without, other = run(None)
    assert without.test_error is None
    assert [e.test_error for e in other.improved] == [None] * 3
    assert other.n_updates == script.n_updates
    assert without.best_epoch == 5
    assert state_bytes(other.stack) == state_bytes(script.stack)


@pytest.mark.parametrize("validated", [True, False])
def test_where_nothing_can_end_early_slices_stay_long(validated: bool) -> None:
    """Patience, run out long ago, must not cut the updates one by one."""
    listener, pair = Recorder(), labelled(20)
    validation = pair if validated else None
    finetune(
        small_stack(),
        pair,
        validation,
        epochs=4,
        early_stopping=not validated,
        patience_epochs=1,
        callbacks=[listener],
    )
    slices = [event for event in listener.events if isinstance(event, SliceEnded)]
    assert len(slices) == 4 * 2  # with patience 20 a validation is due every 10 updates
