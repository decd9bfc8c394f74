"""What can be known before the first step is refused before it, for every layer."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.errors import DataError, InvalidParameterError
from sdae.core.rows import TensorRows
from sdae.train.beforehand import check_pretraining
from sdae.train.settings import PretrainingConfig
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


def test_rows_without_labels_need_a_method_or_the_rule() -> None:
    stack = StackedDenoisingAutoencoder(11, (5,), 2, seed=3)
    y = torch.arange(20) % 2
    with pytest.raises(InvalidParameterError, match=r"Set it to 'auto', or one of label_spread"):
        finetune(stack, (unit_rows(20), y), None, unlabeled=unit_rows(20), epochs=1)


@pytest.mark.parametrize(("n_rows", "text"), [(1, "There is 1 row"), (2, "There are 2 rows")])
def test_fewer_rows_than_processes_are_refused(n_rows: int, text: str) -> None:
    stack = StackedDenoisingAutoencoder(11, (5,), seed=3)
    config = PretrainingConfig.read({"batch_size": 10}, "pretrain")
    rows = TensorRows(torch.from_numpy(unit_rows(n_rows)))
    noise = stack.autoencoder(0).corruption
    with pytest.raises(InvalidParameterError, match=rf" 10 instead\. {text}: start fewer proc"):
        check_pretraining(stack, rows, config, [noise], n_processes=3)
