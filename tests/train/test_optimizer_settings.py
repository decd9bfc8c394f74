"""Momentum and Adam have the same settings in every face, and mean the same there."""

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np
import pytest

from sdae import SDAEClassifier, StackedDenoisingAutoencoder, finetune, pretrain
from sdae.app.recipes.recipe import parse_recipe
from sdae.core.errors import InvalidParameterError
from sdae.core.options import options_of
from sdae.train.settings import FinetuningConfig, PretrainingConfig
from sdae.train.step_functions import build_finetune_functions, pretraining_functions
from tests.train.helpers import labelled, small_stack, state_bytes, unit_rows

NAMES = ("optimizer", "momentum", "nesterov", "beta_1", "beta_2", "epsilon")
FACES: dict[str, Callable[..., Any]] = {
    "pretrain": pretrain,
    "finetune": finetune,
    "pretraining_functions": pretraining_functions,
    "build_finetune_functions": build_finetune_functions,
    "stack.pretraining_functions": StackedDenoisingAutoencoder.pretraining_functions,
    "stack.build_finetune_functions": StackedDenoisingAutoencoder.build_finetune_functions,
}
OTHERS: list[dict[str, Any]] = [
    {"momentum": 0.9},
    {"momentum": 0.9, "nesterov": True},
    {"optimizer": "adam"},
    {"optimizer": "adam", "beta_1": 0.5},
    {"optimizer": "adam", "beta_2": 0.5},
    {"optimizer": "adam", "epsilon": 0.1},
    {"optimizer": "adamw", "beta_1": 0.5},
]
N, B = 12, 4


def call(face: str, stack: StackedDenoisingAutoencoder, **settings: Any) -> None:
    """Train two epochs by one of the faces, so far as they do the same: layer 0, no noise."""
    pair = labelled(N)
    usual: dict[str, Any] = {"batch_size": B, "learning_rate": 0.05}
    match face.removeprefix("stack."):
        case "pretrain":
            more: dict[str, Any] = {"epochs": (2, 0), "corruption": 0.0, "engine": "autograd"}
            pretrain(stack, unit_rows(N), **usual, **more, **settings)
        case "finetune":
            finetune(stack, pair, None, epochs=2, engine="autograd", **usual, **settings)
        case "pretraining_functions":
            function = stack.pretraining_functions(unit_rows(N), B, **settings)[0]
            for index in [*range(N // B)] * 2:
                function(index, corruption=0.0, lr=0.05)
        case _:
            functions = stack.build_finetune_functions([pair] * 3, B, 0.05, **settings)
            for index in [*range(N // B)] * 2:
                functions.train(index)


@pytest.mark.parametrize("face", FACES)
def test_every_face_has_the_same_settings_and_defaults(face: str) -> None:
    ours, usual = signature(FACES[face]).parameters, PretrainingConfig()
    assert [name for name in ours if name in NAMES] == list(NAMES)
    assert {name: ours[name].default for name in NAMES} == {
        name: getattr(usual, name) for name in NAMES
    }
    assert all(ours[name].kind is ours[name].KEYWORD_ONLY for name in NAMES)


def test_recipes_and_estimators_have_them_too() -> None:
    assert set(NAMES) <= set(options_of(PretrainingConfig))
    assert set(NAMES) <= set(options_of(FinetuningConfig))
    theirs = {"optimizer": "solver", "nesterov": "nesterovs_momentum"}  # scikit-learn's
    parameters = SDAEClassifier().get_params()
    assert all(theirs.get(name, name) in parameters for name in NAMES)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"beta_1": 1.0}, r"beta_1 parameter of {} must be a number in \[0, 1\)\. Got 1\.0"),
        ({"beta_2": -0.1}, r"beta_2 parameter of {} must be a number in \[0, 1\)\. Got -0\.1"),
        ({"epsilon": 0.0}, r"epsilon parameter of {} must be a finite number > 0\. Got 0\.0"),
        ({"momentum": 1.5}, r"momentum parameter of {} must be a number in \[0, 1\]\. Got 1\.5"),
        ({"optimizer": "sdg"}, "optimizer parameter of {} must be one of 'sgd', 'adam', 'adamw', "),
        ({"nesterov": True}, "nesterov parameter of {} must be false without momentum"),
    ],
)
def test_every_face_refuses_the_same(face: str, settings: dict[str, Any], problem: str) -> None:
    stack = small_stack()
    with pytest.raises(InvalidParameterError, match=problem.format(face.removeprefix("stack."))):
        call(face, stack, **settings)
    assert state_bytes(stack) == state_bytes(small_stack())


@pytest.mark.parametrize("stage", ["pretraining", "finetuning"])
@pytest.mark.parametrize("name", ["beta_1", "beta_2", "epsilon", "momentum"])
def test_a_recipe_refuses_the_same(stage: str, name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} parameter of \[{stage}\] must be a"):
        parse_recipe("", "test", [f"{stage}.{name}=-1"])


@pytest.mark.parametrize("settings", OTHERS, ids=str)
@pytest.mark.parametrize(
    ("face", "twin"),
    [("pretrain", "pretraining_functions"), ("finetune", "build_finetune_functions")],
)
def test_a_step_at_a_time_is_the_same_training(
    face: str, twin: str, settings: dict[str, Any]
) -> None:
    stack, step_by_step, plain = small_stack(), small_stack(), small_stack()
    call(face, stack, **settings)
    call(twin, step_by_step, **settings)
    assert state_bytes(stack) == state_bytes(step_by_step)
    call(twin, plain)
    assert state_bytes(plain) != state_bytes(stack)
    assert all(parameter.grad is None for parameter in step_by_step.parameters())


def test_the_settings_change_what_is_trained() -> None:
    for face in ("pretrain", "finetune"):
        trained = []
        for settings in OTHERS:
            stack = small_stack()
            call(face, stack, **settings)
            trained.append(state_bytes(stack))
        different = {*trained[:6]}  # AdamW without weight decay is Adam
        assert len(different) == 6
        assert trained[6] == trained[3]


def test_functions_of_two_layers_remember_apart() -> None:
    stack, twin = small_stack(), small_stack()
    first, second = stack.pretraining_functions(unit_rows(N), B, momentum=0.9)
    for index in range(3):
        first(index, corruption=0.0, lr=0.05)
    alone = twin.pretraining_functions(unit_rows(N), B, momentum=0.9)[0]
    for index in range(3):
        alone(index, corruption=0.0, lr=0.05)
    before = [p.detach().clone() for p in stack.autoencoder(0).parameters()]
    second(0)
    np.testing.assert_equal(
        [p.detach().numpy() for p in stack.autoencoder(0).parameters()],
        [p.numpy() for p in before],
    )
    assert state_bytes(stack.autoencoder(0)) == state_bytes(twin.autoencoder(0))
