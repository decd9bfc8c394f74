"""A checkpoint is of this training or of another; settings that came later are no difference."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdae import Checkpoint, StackedDenoisingAutoencoder
from sdae.core.errors import FileFormatError, InvalidParameterError
from sdae.core.preprocessing import Scaling
from sdae.train.checkpoints.checkpoint_folder import StageCheckpoints
from sdae.train.identity import Entry, differences, names_of
from sdae.train.pretraining import run_pretraining
from sdae.train.settings import PretrainingConfig
from tests.train.helpers import forge, unit_rows

NONE: Mapping[str, str] = {}


@dataclass(frozen=True)
class Later(PretrainingConfig):
    """The settings of a later version, with one more."""

    warm_up: int = 0


def train(folder: Path, config: PretrainingConfig, known_by: dict[str, Entry]) -> None:
    """Pre-train a small stack."""
    stack = StackedDenoisingAutoencoder(11, (5,), seed=3)
    run_pretraining(stack, unit_rows(20), config, checkpoint=folder, known_by=known_by)


def test_what_is_equal_does_not_differ() -> None:
    now = {"a": Entry("1"), "b": Entry("2", "0"), "c": Entry("3", asked=False)}
    assert differences({"a": "1", "b": "2", "c": "3"}, {"b": "0"}, now) == []


@pytest.mark.parametrize(
    ("before", "defaults", "now", "told"),
    [
        ({"a": "1"}, NONE, {"a": Entry("2")}, ["a was 1, and is 2 now"]),
        ({}, NONE, {"a": Entry("2")}, ["a was absent, and is 2 now"]),
        ({}, NONE, {"a": Entry("2", "1")}, ["a was 1, and is 2 now"]),
        ({}, NONE, {"a": Entry("1", "1")}, []),
        ({}, NONE, {"a": Entry("1", asked=False)}, []),
        ({"a": "2"}, NONE, {"a": Entry("1", asked=False)}, ["a was 2, and is 1 now"]),
        ({"a": "2"}, NONE, {}, ["a was 2, and is absent now"]),
        ({"a": "2"}, {"a": "1"}, {}, ["a was 2, and is 1 now"]),
        ({"a": "1"}, {"a": "1"}, {}, []),
        # A default that has changed is not the one that an older checkpoint was written with.
        ({"a": "1"}, {"a": "1"}, {"a": Entry("2", "2")}, ["a was 1, and is 2 now"]),
    ],
)
def test_differences(
    before: dict[str, str], defaults: dict[str, str], now: dict[str, Entry], told: list[str]
) -> None:
    assert differences(before, defaults, now) == told


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (["a", "b"], ["b", "a"], "column names were a, b, and are b, a now"),
        (["a", "b"], None, 'column names were ["a", "b"], and are none now'),
        (["1"], ["\x1b[31m"], r"column names were 1, and are \x1b[31m now"),
        (
            [str(k) for k in range(1000)],
            [str(k if k != 700 else "x") for k in range(1000)],
            "number 701 of 1000 column names was '700', and is 'x' now",
        ),
        (
            [str(k) for k in range(20)],
            [str(k) for k in range(30)],
            "there were 20 column names, now there are 30",
        ),
    ],
)
def test_names_that_differ_are_said(before: list[str], now: list[str] | None, told: str) -> None:
    was = {name: entry.value for name, entry in names_of(columns=before, classes=None).items()}
    assert differences(was, {}, names_of(columns=now, classes=None)) == [told]


def test_labels_that_look_alike_differ() -> None:
    was = {name: e.value for name, e in names_of(columns=None, classes=(0, 1)).items()}
    assert differences(was, {}, names_of(columns=None, classes=("0", "1"))) == [
        'class names were 0, 1, and are "0", "1" now'
    ]


def test_a_scaling_is_its_kind_and_its_numbers() -> None:
    one = Scaling("standard", np.zeros(2), np.ones(2))
    texts = {
        names_of(columns=None, classes=None, scaling=scaling)["scaling"].value
        for scaling in (
            None,
            one,
            Scaling("standard", np.zeros(2), np.ones(2)),
            Scaling("minmax", np.zeros(2), np.ones(2)),
            Scaling("standard", np.zeros(2), 2 * np.ones(2)),
        )
    }
    assert len(texts) == 4


def test_a_setting_that_came_later_counts_as_its_default(tmp_path: Path) -> None:
    train(tmp_path, PretrainingConfig(epochs=(2,)), {})
    before = sorted(tmp_path.iterdir())
    train(tmp_path, Later(epochs=(2,)), {})  # at once: it is the same training
    assert sorted(tmp_path.iterdir()) == before
    with pytest.raises(InvalidParameterError, match="training: warm_up was 0, and is 3 now"):
        train(tmp_path, Later(epochs=(2,), warm_up=3), {})


def test_a_setting_of_a_later_version_must_have_its_default(tmp_path: Path) -> None:
    for warm_up in (0, 3):
        train(tmp_path / str(warm_up), Later(epochs=(2,), warm_up=warm_up), {})
    train(tmp_path / "0", PretrainingConfig(epochs=(2,)), {})
    with pytest.raises(InvalidParameterError, match="training: warm_up was 3, and is 0 now"):
        train(tmp_path / "3", PretrainingConfig(epochs=(2,)), {})


def test_names_belong_to_a_training_but_older_checkpoints_lack_them(tmp_path: Path) -> None:
    config, names = PretrainingConfig(epochs=(2,)), names_of(columns=["a", "b"], classes=None)
    train(tmp_path / "old", config, {})
    train(tmp_path / "old", config, names)
    train(tmp_path / "new", config, names)
    swapped = names_of(columns=["b", "a"], classes=None)
    with pytest.raises(InvalidParameterError, match="column names were a, b, and are b, a now"):
        train(tmp_path / "new", config, swapped)


@pytest.mark.parametrize("defaults", [None, [], "later", {"later": ["1"]}])
def test_forged_defaults_excuse_nothing(defaults: object, tmp_path: Path) -> None:
    config = PretrainingConfig(epochs=(2,))
    train(tmp_path, config, {})

    def change(description: dict[str, Any], _: dict[str, torch.Tensor]) -> None:
        description["defaults"] = defaults
        description["identity"]["later"] = "1"

    forge(tmp_path / "pretraining-000001.safetensors", change)
    with pytest.raises((FileFormatError, InvalidParameterError), match=r"not valid|later was 1"):
        train(tmp_path, config, {})


def test_what_a_checkpoint_says_of_itself(tmp_path: Path) -> None:
    train(tmp_path, Later(epochs=(2,), warm_up=3), names_of(columns=["ä"], classes=["<b>"]))
    description, _ = StageCheckpoints(tmp_path, "pretraining", 1).read(1)
    assert description["identity"]["warm_up"] == "3"
    assert description["defaults"]["warm_up"] == "0"
    assert "seed" not in description["defaults"]
    assert description["identity"]["class names"] == '["<b>"]'
    assert Checkpoint(tmp_path).keep == 3
