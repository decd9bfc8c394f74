"""Processes that torchrun has started, and that a program does not let work together."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sdae import (
    LadderClassifier,
    LadderNetwork,
    SDAEImputer,
    SDAETransformer,
    StackedDenoisingAutoencoder,
    finetune,
    pretrain,
    train_ladder,
)
from sdae.core.user_warnings import DataWarning

X = np.random.default_rng(0).random((60, 4), dtype=np.float32)
Y = np.arange(60) % 2
BY_ITSELF, NO_GROUP = "trains by itself in each of the 2 processes", "no process group is"


def stack() -> StackedDenoisingAutoencoder:
    return StackedDenoisingAutoencoder(4, (3,), n_classes=2)


def ladder() -> LadderNetwork:
    return LadderNetwork(4, (3,), n_classes=2)


TRAININGS: dict[str, tuple[Callable[[], Any], str]] = {
    "pretrain": (lambda: pretrain(stack(), X, epochs=1), NO_GROUP),
    "finetune": (lambda: finetune(stack(), (X, Y), None, epochs=1), NO_GROUP),
    "transformer": (lambda: SDAETransformer((3,), pretrain_epochs=1).fit(X), BY_ITSELF),
    "stream": (lambda: SDAETransformer((3,), pretrain_epochs=1).partial_fit(X), BY_ITSELF),
    "imputer": (lambda: SDAEImputer((3,), pretrain_epochs=1).fit(X), BY_ITSELF),
    "ladder": (lambda: LadderClassifier((3,), n_updates=2).fit(X, Y), BY_ITSELF),
    "a ladder alone": (lambda: train_ladder(ladder(), (X, Y), None, n_updates=2), BY_ITSELF),
    "steps": (lambda: stack().pretraining_functions(X, 10), BY_ITSELF),
    "supervised steps": (
        lambda: stack().build_finetune_functions([(X, Y)] * 3, 10, 0.1),
        BY_ITSELF,
    ),
}


@pytest.fixture(autouse=True)
def torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "2", "RANK": "0"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("training", TRAININGS)
def test_the_first_process_says_that_each_trains_alone(training: str) -> None:
    train, text = TRAININGS[training]
    with pytest.warns(DataWarning, match=text):
        train()


@pytest.mark.parametrize("variable", ["RANK", "WORLD_SIZE"])
@pytest.mark.parametrize("training", TRAININGS)
def test_other_processes_and_one_alone_say_nothing(
    training: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        TRAININGS[training][0]()
