"""The settings of the two stages: the tutorial's defaults, and what each setting must be."""

import re

import pytest

from sdae.core.corruption import GaussianNoise, MaskingNoise
from sdae.core.errors import InvalidParameterError
from sdae.core.kinds.schedules import Schedule
from sdae.train.settings import FinetuningConfig, PretrainingConfig


def test_the_defaults_of_pretraining_are_the_tutorials() -> None:
    config = PretrainingConfig.read({}, "pretrain")
    assert config == PretrainingConfig()
    assert (config.epochs, config.learning_rate, config.batch_size) == ((15,), (0.001,), 1)
    assert (config.corruption, config.shuffle, config.drop_last) == (None, False, False)
    assert (config.optimizer, config.momentum, config.weight_decay) == ("sgd", 0.0, 0.0)
    assert (config.schedule, config.engine, config.codes) == (Schedule(), "auto", "auto")


def test_the_defaults_of_finetuning_are_the_tutorials() -> None:
    config = FinetuningConfig.read({}, "finetune")
    assert config == FinetuningConfig()
    assert (config.epochs, config.learning_rate, config.batch_size) == (1000, 0.1, 1)
    assert (config.early_stopping, config.patience_epochs) == (True, 10)
    assert (config.patience_increase, config.improvement_threshold) == (2.0, 0.995)
    assert (config.restore_best, config.shuffle, config.drop_last) == (True, False, False)
    assert (config.dropout, config.input_dropout, config.max_norm) == (0.0, 0.0, None)


def test_settings_of_pretraining_are_one_value_or_one_per_layer() -> None:
    config = PretrainingConfig.read(
        {"epochs": [3, 4], "learning_rate": 1, "corruption": [0.2, "gaussian:0.5"]}, "pretrain"
    )
    assert config.epochs == (3, 4)
    assert config.learning_rate == (1.0,)
    assert config.corruption == (MaskingNoise(0.2), GaussianNoise(0.5))


def test_a_schedule_is_read_from_its_text() -> None:
    schedule = Schedule("step", (10.0, 0.5))
    assert PretrainingConfig.read({"schedule": "step:10:0.5"}, "x").schedule == schedule
    assert FinetuningConfig.read({"schedule": schedule}, "x").schedule == schedule


COMMON = [
    ("batch_size", 0, "an integer ≥ 1"),
    ("shuffle", 1, "true or false"),
    ("shuffle_window", 0, "an integer ≥ 1, or none"),
    ("drop_last", "no", "true or false"),
    ("optimizer", "lion", "one of 'sgd', 'adam', 'adamw', 'nadam', 'rmsprop'"),
    ("momentum", 1.5, "a number in [0, 1]"),
    ("nesterov", None, "true or false"),
    ("weight_decay", -0.1, "a finite number ≥ 0"),
    ("engine", "numpy", "one of 'auto', "),
]
PRETRAINING = [
    ("epochs", -1, "an integer ≥ 0; one value, or a list with one per layer"),
    ("epochs", [], "an integer ≥ 0; one value, or a list with one per layer"),
    ("learning_rate", -1.0, "a finite number ≥ 0; one value, or a list with one per layer"),
    ("codes", "disk", "one of 'auto', 'memory', 'memmap', 'recompute'"),
]
FINETUNING = [
    ("epochs", [5], "an integer ≥ 0"),
    ("learning_rate", float("inf"), "a finite number ≥ 0"),
    ("max_norm", 0, "a finite number > 0, or none"),
    ("dropout", 1.0, "a number in [0, 0.99]"),
    ("input_dropout", -0.1, "a number in [0, 0.99]"),
    ("early_stopping", 0, "true or false"),
    ("patience_epochs", 0, "an integer ≥ 1"),
    ("patience_increase", 0.5, "a finite number ≥ 1"),
    ("improvement_threshold", 0, "a number in (0, 1]"),
    ("restore_best", "yes", "true or false"),
]


@pytest.mark.parametrize(
    ("kind", "name", "value", "constraint"),
    [
        *((PretrainingConfig, *case) for case in COMMON + PRETRAINING),
        *((FinetuningConfig, *case) for case in COMMON + FINETUNING),
    ],
)
def test_every_setting_is_held_to_its_constraint(
    kind: type[PretrainingConfig | FinetuningConfig], name: str, value: object, constraint: str
) -> None:
    text = f"The {name} parameter of [stage] must be {constraint}"
    with pytest.raises(InvalidParameterError, match=re.escape(text)) as caught:
        kind.read({name: value}, "[stage]")
    assert f"Got {value!r} instead." in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("schedule", "linaer", "Did you mean 'linear'"),
        ("corruption", "maskin:0.3", "Did you mean 'masking'"),
        ("corruption", [0.1, 1.5], r"must be a number in \[0, 1\]. Got 1.5"),
        ("lerning_rate", 0.1, "has no parameter 'lerning_rate'. Did you mean 'learning_rate'"),
        ("batchsize", 10, "Did you mean 'batch_size'"),
    ],
)
def test_a_misspelt_setting_gets_the_nearest(name: str, value: object, problem: str) -> None:
    with pytest.raises(InvalidParameterError, match=problem):
        PretrainingConfig.read({name: value}, "pretrain")


def test_a_window_needs_shuffled_rows() -> None:
    text = "The shuffle_window parameter of pretrain must be none without shuffle. Got 5 instead."
    with pytest.raises(InvalidParameterError, match=re.escape(text)):
        PretrainingConfig.read({"shuffle_window": 5}, "pretrain")
    assert FinetuningConfig.read({"shuffle": True, "shuffle_window": 5}, "f").shuffle_window == 5


def test_settings_of_the_other_stage_are_unknown() -> None:
    with pytest.raises(InvalidParameterError, match=r"finetune has no parameter 'codes'"):
        FinetuningConfig.read({"codes": "memory"}, "finetune")
    with pytest.raises(InvalidParameterError, match=r"pretrain has no parameter 'max_norm'"):
        PretrainingConfig.read({"max_norm": 1.0}, "pretrain")
