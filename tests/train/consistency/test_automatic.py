"""What fine-tuning learns from unlabelled rows where the rows decide it."""

import logging
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder, finetune
from sdae.core.errors import InvalidParameterError
from sdae.core.kinds.heads import Head
from sdae.core.user_warnings import DataWarning
from sdae.train.consistency import rule
from sdae.train.consistency.automatic import settled
from sdae.train.processes.together import OneProcess
from sdae.train.settings import FinetuningConfig
from tests.train.helpers import state_bytes

RNG = np.random.default_rng(0)
Y = np.arange(120) % 3
GROUPS = (5 * np.eye(3)[Y] + RNG.normal(size=(120, 3))).astype(np.float32)
CLOUD = RNG.normal(size=(120, 3)).astype(np.float32)
WIDE = (0.6 * Y[:, None] + RNG.normal(size=(120, 30))).astype(np.float32)
QUICK: dict[str, Any] = {"optimizer": "adam", "learning_rate": 0.01, "batch_size": 16, "epochs": 2}


def trained(
    x: np.ndarray[Any, Any], semi_supervised: Any, n_labelled: int = 12, **settings: Any
) -> StackedDenoisingAutoencoder:
    """Fine-tune a new network on some labels and, if it may learn from them, on the other rows."""
    head = settings.pop("head", {"n_classes": 3})
    targets = settings.pop("targets", Y)
    stack = StackedDenoisingAutoencoder(
        x.shape[1], (8,), activation="tanh", decoder="linear", seed=1, **head
    )
    more = None if semi_supervised is None else x[n_labelled:]
    labelled = (x[:n_labelled], targets[:n_labelled])
    given = {**QUICK, **settings}
    finetune(stack, labelled, None, semi_supervised=semi_supervised, unlabeled=more, **given)
    return stack


@pytest.mark.parametrize(
    ("x", "methods", "why"),
    [
        (GROUPS, ("label_spreading", "vat"), "label_spreading, vat: hidden labels come back"),
        (WIDE, "mean_teacher", "mean_teacher: hidden labels come back"),
        (CLOUD, None, "None: hidden labels come back"),
    ],
)
def test_the_rows_choose_the_methods(
    x: np.ndarray[Any, Any], methods: Any, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "sdae"):
        chosen = trained(x, "auto", 30)
    assert f"semi_supervised='auto' is {why}" in caplog.text
    assert state_bytes(chosen) == state_bytes(trained(x, methods, 30))


@pytest.mark.parametrize("methods", ["auto", "label_spreading", ("mean_teacher", "vat")])
def test_labels_of_weight_0_teach_nothing(methods: Any) -> None:
    wrong, weight = Y.copy(), np.ones(60)
    wrong[30:60] = (Y[30:60] + 1) % 3
    weight[30:] = 0
    right, other = (
        trained(GROUPS, methods, 60, targets=targets, sample_weight=weight)
        for targets in (Y, wrong)
    )
    assert state_bytes(right) == state_bytes(other)
    assert state_bytes(right) != state_bytes(trained(GROUPS, methods, 60, targets=wrong))


def test_rows_that_stay_elsewhere_have_no_graph() -> None:
    class Elsewhere:
        """Rows that come in minibatches alone."""

        shape, dtype = (108, 3), torch.float32

        def __len__(self) -> int:
            return 108

        def batch(self, minibatch: Any) -> torch.Tensor:
            return torch.from_numpy(GROUPS[12:][minibatch.samples])

    stacks = []
    for semi_supervised in ("auto", "vat"):
        stack = StackedDenoisingAutoencoder(3, (8,), 3, activation="tanh", decoder="linear")
        labelled = (GROUPS[:12], Y[:12])
        more = Elsewhere()
        finetune(stack, labelled, None, semi_supervised=semi_supervised, unlabeled=more, **QUICK)
        stacks.append(state_bytes(stack))
    assert stacks[0] == stacks[1]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"n_labelled": 70}, "there are fewer rows without labels, 50, than with, 70"),
        ({"deterministic": True}, "deterministic learns from labelled rows alone"),
        ({"engine": "compiled"}, "engine='compiled' learns from labelled rows alone"),
        (
            {"head": {"n_targets": 1}, "targets": GROUPS[:, :1].astype(np.float64)},
            "only classes can be spread",
        ),
    ],
)
def test_nothing_is_learned_from_them(
    settings: dict[str, Any], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "sdae"):
        alone = trained(GROUPS, "auto", **settings)
    assert f"semi_supervised='auto' is None: {why}." in caplog.text
    assert state_bytes(alone) == state_bytes(trained(GROUPS, None, **settings))


def test_many_labels_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "LABELS_ENOUGH", 4)
    assert state_bytes(trained(GROUPS, "auto")) == state_bytes(trained(GROUPS, None))


def test_without_unlabelled_rows_there_is_nothing_to_choose() -> None:
    stacks = []
    for semi_supervised in ("auto", None):
        stack = StackedDenoisingAutoencoder(3, (8,), 3, activation="tanh", decoder="linear")
        finetune(stack, (GROUPS, Y), None, semi_supervised=semi_supervised, **QUICK)
        stacks.append(state_bytes(stack))
    assert stacks[0] == stacks[1]


@pytest.mark.parametrize("value", ["auto", ["auto"], ("auto",)])
def test_how_it_is_asked_for(value: Any) -> None:
    assert FinetuningConfig.read({"semi_supervised": value}, "finetune").semi_supervised == (
        "auto",
    )


def test_it_goes_with_no_method() -> None:
    with pytest.raises(InvalidParameterError, match="'auto', one of 'label_spreading'"):
        FinetuningConfig.read({"semi_supervised": ["auto", "vat"]}, "finetune")


@pytest.mark.parametrize(
    ("is_first", "x", "warns"), [(True, GROUPS, True), (False, GROUPS, False), (True, CLOUD, False)]
)
def test_several_processes_learn_nothing_and_the_first_says_what_one_would(
    is_first: bool, x: np.ndarray[Any, Any], warns: bool
) -> None:
    config = FinetuningConfig.read({"semi_supervised": "auto"}, "finetune")
    processes = OneProcess()
    processes.size, processes.is_first = 2, is_first
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = settled(
            config,
            (x[:30], Y[:30]),
            x[30:],
            3,
            0,
            head=Head.CLASSES,
            blocks=None,
            processes=processes,
        )
    assert found == replace(config, semi_supervised=None)
    said = [str(one.message) for one in caught if one.category is DataWarning]
    assert len(said) == warns
    if warns:
        assert (
            "one process would learn from the rows without labels by label_spreading, vat"
            in (said[0])
        )
        assert said[0].endswith("Start one process for that, or set semi_supervised to none.")
