"""The doctor: each rule is provoked by training that goes wrong, and silent where it goes well.

The callback `Ward` calls a doctor of its own by hand, as the loops of training do.
"""

import dataclasses
import pickle
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn import datasets
from torch import Tensor

from sdae import SDAEClassifier, StackedDenoisingAutoencoder, finetune, pretrain
from sdae.app.recipes import load_recipe, recipe_names
from sdae.core.kinds.activations import Activation
from sdae.core.minibatches import Minibatch
from sdae.core.rows import RowSource, TensorRows
from sdae.data import load_mnist
from sdae.estimators.label_rules import regularisation_for
from sdae.estimators.rate_rule import rate_for
from sdae.train.callbacks import EpochEnded, Event, PartStarted
from sdae.train.course import Course
from sdae.train.doctor import Doctor, spaced_sample
from sdae.train.finetuning import run_finetuning
from sdae.train.history import EpochRecord, Finding
from sdae.train.pretraining import run_pretraining
from sdae.train.symptoms import overfitting, rising_cost
from tests.train.helpers import (
    V,
    classes,
    labelled,
    parameters,
    small_stack,
    state_bytes,
    unit_rows,
)

Rows = NDArray[np.float32]
N = 80
Told = tuple[int | None, int, str]
"""Layer (None in fine-tuning), epoch and kind of a finding."""


class Ward:
    """A callback that calls the doctor at the end of every epoch and keeps what it says."""

    def __init__(
        self,
        stack: StackedDenoisingAutoencoder,
        x: Rows | RowSource,
        y: NDArray[Any] | None = None,
        doctor: Doctor | None = None,
    ) -> None:
        self.told: list[Told] = []
        self.texts: list[str] = []
        self.course = Course()
        self.doctor = Doctor() if doctor is None else doctor
        self._stack = stack
        self._x = TensorRows(torch.from_numpy(x)) if isinstance(x, np.ndarray) else x
        self._rows = self._x
        self._y = torch.empty(0) if y is None else torch.from_numpy(y)
        self._n_epochs = 0

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, PartStarted):
            self.course, self._n_epochs, self._rows = Course(), event.n_epochs, self._x
            if event.layer is not None:
                self.doctor.begin_layer(self._stack.autoencoder(event.layer))
            if event.layer:
                everything = Minibatch(np.arange(len(self._x)), slice(0, len(self._x)))
                with torch.no_grad():
                    codes = self._stack.encode(self._x.batch(everything), event.layer)
                self._rows = TensorRows(codes)
        if isinstance(event, EpochEnded):
            self.course.add(event.record)
            for finding in self._examine(event.record, last=event.record.epoch == self._n_epochs):
                self.told.append((event.record.layer, event.record.epoch, finding.kind))
                self.texts.append(finding.text)

    def _examine(self, record: EpochRecord, *, last: bool) -> Sequence[Finding]:
        if record.layer is not None:
            autoencoder = self._stack.autoencoder(record.layer)
            return self.doctor.after_pretraining_epoch(
                autoencoder, self._rows, self.course, last=last
            )
        return self.doctor.after_finetuning_epoch(
            self._stack, self._rows, self._y, self.course, last=last
        )


def _pretrained(
    stack: StackedDenoisingAutoencoder,
    x: Rows | RowSource,
    doctor: Doctor | None = None,
    **how: Any,
) -> Ward:
    ward = Ward(stack, x, doctor=doctor)
    pretrain(stack, x, callbacks=[ward], **{"learning_rate": 0.1, "batch_size": 10, **how})
    return ward


def _finetuned(
    stack: StackedDenoisingAutoencoder,
    x: Rows,
    y: NDArray[Any],
    doctor: Doctor | None = None,
    validation: tuple[Rows, NDArray[Any]] | None = None,
    **how: Any,
) -> Ward:
    ward = Ward(stack, x, y, doctor)
    options = {"learning_rate": 0.1, "batch_size": 10, "early_stopping": False, **how}
    finetune(stack, (x, y), validation, callbacks=[ward], **options)
    return ward


def _silenced(stack: StackedDenoisingAutoencoder, layer: int = 0) -> StackedDenoisingAutoencoder:
    """Give the ReLU units of a layer a bias that no row overcomes."""
    with torch.no_grad():
        stack.autoencoder(layer).hidden_bias.fill_(-20)
    return stack


# -- each rule, provoked --------------------------------------------------------------------------


def test_relu_units_below_zero_for_all_rows_are_dead() -> None:
    ward = _pretrained(
        _silenced(small_stack(sizes=(8,), activation="relu")), unit_rows(N), epochs=2
    )
    assert ward.told[0] == (0, 2, "dead units")
    assert ward.texts[0] == (
        "Layer 0: 8 of 8 units are dead: they are 0 for all 80 rows. Lower the learning rate, "
        "or use activation='sigmoid'."
    )


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_units_that_answer_the_same_to_all_rows_are_dead(activation: str) -> None:
    stack = small_stack(sizes=(8,), activation=activation)
    with torch.no_grad():
        stack.autoencoder(0).weight[1:7] = 0
    ward = _pretrained(stack, unit_rows(N), epochs=1, learning_rate=1e-6)
    assert (0, 1, "dead units") in ward.told
    assert ward.texts[0] == (
        "Layer 0: 6 of 8 units are dead: each has the same value for all 80 rows. Lower the "
        "learning rate, or scale the data."
    )


def test_a_few_dead_units_are_no_finding() -> None:
    stack = small_stack(sizes=(8,), activation="relu")
    with torch.no_grad():
        stack.autoencoder(0).hidden_bias[:5] = -20
        stack.autoencoder(0).hidden_bias[5:] = 1
    ward = _pretrained(stack, unit_rows(N), epochs=4)
    assert ward.told == []


@pytest.mark.parametrize(("activation", "low"), [("sigmoid", 0), ("tanh", -1)])
def test_data_of_a_large_scale_saturate_units(activation: str, low: int) -> None:
    x = np.random.default_rng(0).normal(0, 1e4, size=(N, V)).astype(np.float32)
    stack = small_stack(sizes=(8,), activation=activation, decoder="linear")
    ward = _pretrained(stack, x, epochs=1, learning_rate=1e-9)
    assert (0, 1, "saturated units") in ward.told
    assert ward.texts[0].startswith(
        "Layer 0: 8 of 8 units are saturated and hardly learn: they are within"
    )
    assert f" of {low} or 1 for nearly all 80 rows. Lower the learning rate" in ward.texts[0]


def test_relu_has_no_saturation() -> None:
    stack = small_stack(sizes=(8,), activation="relu", decoder="linear")
    with torch.no_grad():
        stack.autoencoder(0).weight.abs_()
    ward = _pretrained(stack, 1e4 * unit_rows(N), epochs=1, learning_rate=1e-12)
    assert "saturated units" not in {kind for _, _, kind in ward.told}


def test_rows_that_are_nearly_the_same_get_the_same_code() -> None:
    x = 0.5 + 1e-3 * unit_rows(N)
    ward = _pretrained(small_stack(sizes=(8, 6)), x, epochs=1)
    assert [t for t in ward.told if t[2] == "same code"] == [
        (0, 1, "same code"),
        (1, 1, "same code"),
    ]
    assert ward.texts[0].startswith("Layer 0: all of 80 rows get nearly the same code; its spread ")


def test_a_reconstruction_worse_than_the_mean_row_is_told_when_the_layer_ends() -> None:
    ward = _pretrained(small_stack(), unit_rows(N), epochs=(4, 0), learning_rate=1e-3)
    assert ward.told == [(0, 4, "poor reconstruction")]
    assert ward.texts[0].startswith(
        "Layer 0: 80 rows are reconstructed no better than by their mean: the mean squared error is"
    )


def test_a_learning_rate_of_next_to_nothing_moves_nothing() -> None:
    ward = _pretrained(small_stack(), unit_rows(N), epochs=2, learning_rate=1e-12)
    assert [t for t in ward.told if t[2] == "nothing moved"] == [
        (0, 2, "nothing moved"),
        (1, 2, "nothing moved"),
    ]
    (text,) = (text for text in ward.texts if text.startswith("Layer 1: pre-training changed"))
    assert text.endswith("Raise the learning rate, or train for more epochs.")


def test_without_epochs_nothing_is_said_of_a_layer() -> None:
    assert _pretrained(small_stack(), unit_rows(N), epochs=0).told == []


def test_rare_classes_that_are_never_predicted() -> None:
    x, y = unit_rows(N), (np.arange(N) % 10 == 0).astype(np.int64)
    ward = _finetuned(small_stack(n_classes=2), x, y, epochs=9, learning_rate=1e-3)
    assert ward.told == [(None, 9, "one class")]
    assert ward.texts[0].startswith(
        "Fine-tuning: class number 0 is predicted for all 80 rows, but 8 have other classes."
    )
    few = (np.arange(N) % 20 == 0).astype(np.int64)
    assert _finetuned(small_stack(n_classes=2), x, few, epochs=8, learning_rate=1e-3).told == []


def test_one_class_is_no_finding_where_the_labels_are_of_one() -> None:
    y = np.ones(N, np.int64)
    ward = _finetuned(small_stack(n_classes=2), unit_rows(N), y, epochs=1, learning_rate=0.0)
    assert ward.told == []


def test_a_learning_rate_far_too_high_makes_the_cost_rise() -> None:
    stack = small_stack(n_classes=None, sizes=(8,), activation="tanh", decoder="sigmoid")
    ward = _pretrained(stack, unit_rows(N), epochs=8, learning_rate=5.0, momentum=0.9)
    layer, epoch, kind = next(t for t in ward.told if t[2] == "rising cost")
    costs = [record.cost for record in ward.course.records[epoch - 4 : epoch]]
    assert costs == sorted(costs)
    assert ward.texts[ward.told.index((layer, epoch, kind))] == (
        f"Layer 0: the cost rose for 3 epochs in a row, from {costs[0]:.4g} to {costs[3]:.4g} in "
        f"epoch {epoch}. Lower the learning rate, now 5."
    )


def test_a_cost_that_rises_in_fine_tuning() -> None:
    x, y = unit_rows(N), classes(N)
    ward = _finetuned(small_stack(), x, y, epochs=12, learning_rate=3.0, momentum=0.99)
    assert any(text.startswith("Fine-tuning: the cost rose for 3") for text in ward.texts)


def test_a_network_that_learns_its_rows_by_heart_overfits() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((400, V), dtype=np.float32)
    y = np.where(rng.random(400) < 0.2, x[:, 0] <= 0.5, x[:, 0] > 0.5).astype(np.int64)
    stack = small_stack(n_classes=2, sizes=(100,), activation="relu")
    ward = _finetuned(
        stack,
        x[:60],
        y[:60],
        validation=(x[60:], y[60:]),
        epochs=60,
        optimizer="adam",
        learning_rate=0.03,
    )
    ((_, _, kind),) = ward.told
    assert kind == "overfitting"
    (text,) = ward.texts
    assert text.startswith("Fine-tuning: since epoch ")
    assert " the validation error rose from " in text


class _DriftingRows:
    """Rows that leave [0, 1] once training has begun, as an augmentation gone wrong makes them."""

    def __init__(self, rows: Rows) -> None:
        self._rows = torch.from_numpy(rows)
        self.factor = 1.0

    def __len__(self) -> int:
        return len(self._rows)

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Return the rows of a minibatch, (B, V)."""
        return self.factor * self._rows[torch.from_numpy(minibatch.samples)]


def test_cross_entropy_of_data_outside_the_unit_interval() -> None:
    x, stack = _DriftingRows(unit_rows(N)), small_stack(sizes=(8,))
    ward = Ward(stack, x)

    def drift(event: Event) -> None:
        if isinstance(event, PartStarted):
            x.factor = 3.0

    pretrain(stack, x, epochs=1, learning_rate=0.01, batch_size=10, callbacks=[drift, ward])
    assert (0, 1, "outside [0, 1]") in ward.told
    assert ward.texts[0].startswith(
        "Layer 0: cross-entropy needs data in [0, 1], but they go from 0.00"
    )
    x.factor = 1.0
    linear = small_stack(sizes=(8,), decoder="linear", noise=0.0)
    assert Ward(linear, x).told == []


def _course(costs: Sequence[float], errors: Sequence[float | None] | None = None) -> Course:
    """Return a course of fine-tuning with these costs and validation errors."""
    errors = [None] * len(costs) if errors is None else errors
    return Course(
        EpochRecord("finetuning", None, epoch, cost, error, None, 0.1, 1.0, 1.0, "autograd")
        for epoch, (cost, error) in enumerate(zip(costs, errors, strict=True), start=1)
    )


@pytest.mark.parametrize(
    ("costs", "told"),
    [
        ([1, 2, 3, 4], True),
        ([2, 1, 2, 3, 4], True),
        ([1, 2, 3], False),  # a rise too few
        ([1, 3, 2, 4], False),
        ([1, 2, 2, 3], False),
        ([9, 1, 2, 3, 4], False),  # it was higher
        ([1, 1.01, 1.02, 1.03], False),
    ],
)
def test_which_costs_rise(costs: list[float], told: bool) -> None:
    assert (rising_cost(_course(costs)) is not None) is told


FALLING = list(np.linspace(1, 0.1, 12))


@pytest.mark.parametrize(
    ("costs", "errors", "told"),
    [
        (FALLING, [0.2] * 6 + [0.21, 0.29] + [0.3] * 4, True),
        (FALLING, [0.2] * 6 + [None, 0.21] + [0.3] * 4, True),
        (FALLING, [0.3] * 6 + [0.2] * 6, False),
        (FALLING, [0.2] * 6 + [0.21] + [0.22] * 5, False),  # too little
        (FALLING, [0.0] * 6 + [0.1] * 6, False),  # by one step, perhaps by one row
        (FALLING, [0.2] * 6 + [0.21, 0.3] + [0.2] * 4, False),  # for one epoch
        ([1.0] * 12, [0.2] * 6 + [0.21, 0.29] + [0.3] * 4, False),  # the cost stays
        (FALLING[:9], [0.2, 0.2, 0.2, 0.21, 0.29, 0.3, 0.3, 0.3, 0.3], False),  # too early
    ],
)
def test_which_errors_are_of_overfitting(
    costs: list[float], errors: list[float | None], told: bool
) -> None:
    finding = overfitting(_course(costs, errors))
    assert (finding is not None) is told
    assert finding is None or "since epoch 3 the validation error rose from 0.2 " in finding.text


# -- once, and without a trace --------------------------------------------------------------------


def test_what_was_told_is_not_told_again() -> None:
    stack = _silenced(small_stack(activation="relu", sizes=(8,)))
    first = _pretrained(stack, unit_rows(N), epochs=8, learning_rate=1e-9)
    assert [t for t in first.told if t[2] == "dead units"] == [(0, 8, "dead units")]
    doctor = Doctor()
    doctor.remember({(kind, layer) for layer, _, kind in first.told})
    assert doctor.told == first.doctor.told
    assert _pretrained(stack, unit_rows(N), doctor, epochs=8, learning_rate=1e-9).told == []


def test_fine_tuning_tells_of_the_lowest_layer_that_pretraining_did_not_tell_of() -> None:
    x, y = labelled(N)
    stack = _silenced(_silenced(small_stack(activation="relu")), layer=1)
    ward = _finetuned(stack, x, y, epochs=1)
    assert (None, 1, "dead units") in ward.told
    assert "Layer 0: 8 of 8 units are dead" in ward.texts[0]
    doctor = Doctor()
    doctor.remember({("dead units", 0)})
    ward = _finetuned(stack, x, y, doctor, epochs=1)
    assert "Layer 1: 6 of 6 units are dead" in ward.texts[0]
    doctor.remember({("dead units", 0), ("dead units", 1)})
    assert "dead units" not in {
        kind for _, _, kind in _finetuned(stack, x, y, doctor, epochs=1).told
    }


class _WatchedRows(TensorRows):
    """Rows that know how many of them were asked for, time after time."""

    def __init__(self, rows: Rows) -> None:
        super().__init__(torch.from_numpy(rows))
        self.asked: list[int] = []

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Return the rows of a minibatch, (B, V)."""
        self.asked.append(len(minibatch.samples))
        return super().batch(minibatch)


@pytest.mark.parametrize(("n_rows", "first"), [(2048, 1), (2047, 2), (300, 8), (50, 64)])
def test_the_doctor_looks_at_epochs_1_2_4_8_from_2048_rows_on_and_at_the_last(
    n_rows: int, first: int
) -> None:
    x, y = labelled(n_rows)
    stack, rows = small_stack(sizes=(8,)), _WatchedRows(x)
    ward = Ward(stack, rows, y)
    looks: list[tuple[int, int]] = []

    def note(event: Event) -> None:
        if isinstance(event, EpochEnded):
            looks.extend((event.record.epoch, n) for n in rows.asked)
            rows.asked.clear()

    pretrain(stack, x, epochs=11, batch_size=50, callbacks=[ward, note])
    used = min(n_rows, 256)
    assert looks == [(epoch, used) for epoch in (1, 2, 4, 8, 11) if epoch >= min(first, 11)]
    looks.clear()
    finetune(stack, (x, y), None, epochs=6, batch_size=50, callbacks=[ward, note])
    assert looks == [(epoch, used) for epoch in (1, 2, 4, 6) if epoch >= min(first, 6)]


def test_with_few_rows_nothing_is_said() -> None:
    x, y = unit_rows(49), np.zeros(49, np.int64)
    stack = _silenced(small_stack(activation="relu"))
    assert _pretrained(stack, x, epochs=1, learning_rate=1e-12).told == []
    assert _finetuned(stack, x, y, epochs=1, learning_rate=0.0).told == []


def _numpy_state() -> bytes:
    return pickle.dumps(np.random.get_state())  # noqa: NPY002


def test_the_doctor_leaves_no_trace_and_says_the_same_again() -> None:
    x, y = labelled(N)
    stacks = [_silenced(small_stack(activation="relu"), layer=1) for _ in range(2)]
    state, drawn = torch.get_rng_state(), _numpy_state()
    wards = []
    for stack in stacks:
        first = _pretrained(stack, x, epochs=4)
        wards.append((first, _finetuned(stack, x, y, first.doctor, epochs=4)))
    unseen = _silenced(small_stack(activation="relu"), layer=1)
    pretrain(unseen, x, epochs=4, learning_rate=0.1, batch_size=10)
    finetune(unseen, (x, y), None, epochs=4, learning_rate=0.1, batch_size=10)
    assert state_bytes(stacks[0]) == state_bytes(stacks[1]) == state_bytes(unseen)
    assert [w.texts for w in wards[0]] == [w.texts for w in wards[1]] != [[], []]
    assert torch.equal(state, torch.get_rng_state())
    assert _numpy_state() == drawn
    assert torch.is_grad_enabled()
    assert all(p.requires_grad for p in stacks[0].parameters())


def test_a_finding_is_made_of_texts() -> None:
    assert dataclasses.asdict(Finding("dead units", "All.")) == {
        "kind": "dead units",
        "text": "All.",
    }


# -- silence on healthy runs ----------------------------------------------------------------------


@pytest.mark.parametrize("activation", Activation)
def test_healthy_training_is_not_commented_on(activation: str) -> None:
    x, y = labelled(300)
    stack = small_stack(sizes=(20, 15), activation=activation)
    before = parameters(stack)
    first = _pretrained(stack, x, epochs=10, optimizer="adam", learning_rate=0.01)
    second = _finetuned(
        stack, x[:200], y[:200], validation=(x[200:], y[200:]), epochs=16, learning_rate=0.1
    )
    assert first.texts + second.texts == []
    assert before.keys() == parameters(stack).keys()


def test_healthy_regression_is_not_commented_on() -> None:
    x = unit_rows(300)
    y = (x @ np.arange(V, dtype=np.float32)[:, None]) / V
    stack = small_stack(n_classes=None, sizes=(20,))
    stack.add_regression_head(1)
    ward = _finetuned(
        stack, x[:200], y[:200], validation=(x[200:], y[200:]), epochs=16, learning_rate=0.1
    )
    assert ward.texts == []


def _table(load: Callable[..., Any], divisor: float | None = None) -> tuple[Rows, NDArray[Any]]:
    """Return rows divided by a number, or with columns of mean 0 and variance 1, and classes."""
    x, y = load(return_X_y=True)
    x = x / divisor if divisor else (x - x.mean(axis=0)) / x.std(axis=0)
    order = np.random.default_rng(0).permutation(len(x))[:400]
    return x[order].astype(np.float32), y[order].astype(np.int64)


@pytest.mark.parametrize(
    ("load", "divisor"),
    [
        (datasets.load_digits, 16),
        (datasets.load_iris, None),
        (datasets.load_wine, None),
        (datasets.load_breast_cancer, None),
    ],
)
def test_the_defaults_of_the_classifier_are_not_commented_on(
    load: Callable[..., Any], divisor: float | None
) -> None:
    x, y = _table(load, divisor)
    own = SDAEClassifier().get_params()
    stack = StackedDenoisingAutoencoder(
        x.shape[1],
        own["hidden_layer_sizes"],
        int(y.max()) + 1,
        own["corruption"],
        activation=own["activation"],
        decoder="sigmoid" if divisor else "linear",
    )
    both = {"batch_size": own["batch_size"], "shuffle": own["shuffle"], "optimizer": own["solver"]}
    first = _pretrained(
        stack,
        x,
        epochs=own["pretrain_epochs"],
        learning_rate=own["pretrain_learning_rate"],
        **both,
    )
    n = len(x) * 4 // 5
    rule = regularisation_for(n, int(y.max()) + 1, x.shape[1])
    second = _finetuned(
        stack,
        x[:n],
        y[:n],
        first.doctor,
        (x[n:], y[n:]),
        epochs=min(60, rule.max_iter),
        learning_rate=rate_for(max(x.shape[1], *own["hidden_layer_sizes"])),
        weight_decay=rule.alpha / own["batch_size"],
        dropout=rule.dropout,
        **both,
    )
    assert first.texts + second.texts == []


@cache
def _digits_of_mnist() -> tuple[Rows, NDArray[np.int64]]:
    train = load_mnist().train
    return train.x[:900], train.y[:900]


@pytest.mark.parametrize("name", sorted(set(recipe_names()) - {"ladder"}))  # one stage alone
def test_the_recipes_are_not_commented_on(name: str) -> None:
    fewer = ["finetuning.epochs=6"]
    if name != "tutorial":  # so few rows need smaller minibatches for steps enough
        fewer.append("pretraining.batch_size=10")
    recipe = load_recipe(name, fewer)
    model = recipe.model
    x, y = _digits_of_mnist()
    stack = StackedDenoisingAutoencoder(
        x.shape[1],
        [size // 4 for size in model.hidden_layer_sizes],
        10,
        model.corruption,
        activation=model.activation,
        seed=recipe.seed,
    )
    n = 700
    ward = Ward(stack, x)
    run_pretraining(stack, x, recipe.pretraining, seed=recipe.seed, callbacks=[ward])
    tuning = Ward(stack, x[:n], y[:n], ward.doctor)
    run_finetuning(
        stack,
        (x[:n], y[:n]),
        (x[n:], y[n:]),
        None,
        recipe.finetuning,
        seed=recipe.seed,
        callbacks=[tuning],
    )
    assert ward.texts + tuning.texts == []


@pytest.mark.parametrize("n_rows", [50, 256, 257, 300, 2560, 10_007])
def test_the_rows_looked_at_are_of_all_parts_and_no_period(n_rows: int) -> None:
    looked = spaced_sample(TensorRows(torch.zeros(n_rows, 1))).samples
    assert len(set(looked.tolist())) == len(looked) == min(n_rows, 256)
    assert looked.min() >= 0
    assert looked.max() < n_rows
    tenths = np.bincount(10 * looked // n_rows, minlength=10)  # as of ten classes in order
    last_digits = np.bincount(looked % 10, minlength=10)  # as of ten classes in turn
    assert tenths.min() >= len(looked) // 10 - 2
    assert last_digits.min() >= len(looked) // 20


def test_rows_sorted_by_class_hide_no_collapse() -> None:
    x, y = labelled(2000)
    ward = _finetuned(small_stack(sizes=(8,)), x, np.sort(y), epochs=1, learning_rate=0.0)
    assert ward.told == [(None, 1, "one class")]


def test_what_was_told_of_pretraining_is_not_told_again() -> None:
    x, y = labelled(N)
    config = load_recipe("arrays", ["finetuning.epochs=1", "finetuning.learning_rate=1e-9"])
    for told, wanted in (
        (frozenset[tuple[str, int | None]](), 1),
        (frozenset({("dead units", 0), ("dead units", 1)}), 0),
    ):
        stack = _silenced(small_stack(activation="relu"))
        history = run_finetuning(stack, (x, y), None, None, config.finetuning, told=told)
        assert [f.kind for f in history.findings].count("dead units") == wanted
