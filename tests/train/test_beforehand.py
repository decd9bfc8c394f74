"""What can be known before the first step is refused before it, for every layer."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.errors import DataError, InvalidParameterError
from tests.train.helpers import state_bytes, unit_rows


def test_an_engine_that_cannot_train_an_upper_layer_is_refused_before_the_first() -> None:
    stack = StackedDenoisingAutoencoder(11, (5, 4), seed=3)
    stack.autoencoder(1).hidden_bias.requires_grad_(False)
    before = state_bytes(stack)
    with pytest.raises(InvalidParameterError, match="some are frozen"):
        pretrain(stack, unit_rows(20), epochs=1, batch_size=4, engine="closed_form")
    assert state_bytes(stack) == before


def test_codes_that_cross_entropy_does_not_take_are_refused_before_the_first_layer(
    tmp_path: Path,
) -> None:
    stack = StackedDenoisingAutoencoder(
        11, (5, 4), activation="tanh", decoder=["linear", "sigmoid"], seed=3
    )
    before = state_bytes(stack)
    with pytest.raises(DataError, match=r"Layer 1 .* the codes of layer 0 go from -1 to 1\. "):
        pretrain(stack, unit_rows(20), epochs=1, checkpoint=tmp_path / "checkpoints")
    assert state_bytes(stack) == before
    assert not list(tmp_path.iterdir())


def test_rows_that_cross_entropy_does_not_take_leave_no_folder_of_checkpoints(
    tmp_path: Path,
) -> None:
    x = unit_rows(20)
    x[3, 2] = np.float32(1.5)
    with pytest.raises(DataError, match="x goes from 0"):
        pretrain(StackedDenoisingAutoencoder(11, (5,)), x, checkpoint=tmp_path / "checkpoints")
    assert not list(tmp_path.iterdir())


def test_a_layer_or_a_network_that_is_frozen_is_refused() -> None:
    stack = StackedDenoisingAutoencoder(11, (5, 4), 2, seed=3)
    stack.autoencoder(1).requires_grad_(False)
    before = state_bytes(stack)
    with pytest.raises(
        InvalidParameterError, match=r"cannot train layer 1: all its parameters are frozen .*True"
    ):
        pretrain(stack, unit_rows(20), epochs=1, batch_size=4)
    stack.mlp.requires_grad_(False)
    y = torch.arange(20) % 2
    with pytest.raises(
        InvalidParameterError, match="cannot train the network: all its parameters are frozen"
    ):
        finetune(stack, (unit_rows(20), y), None, epochs=1, batch_size=4)
    assert state_bytes(stack) == before
    stack.head.requires_grad_(True)
    finetune(stack, (unit_rows(20), y), None, epochs=1, batch_size=4)
    assert state_bytes(stack) != before
