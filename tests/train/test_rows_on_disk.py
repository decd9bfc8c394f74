"""Training on rows that stay on the disk: the bytes of the same rows in memory."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdae import LadderNetwork, StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.errors import DataError, FileFormatError, InvalidParameterError
from sdae.data import DiskRows, convert, open_rows, open_table
from sdae.train.callbacks import SliceEnded
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from tests.train.helpers import state_bytes

N, V = 700, 6
X = np.random.default_rng(0).random((N, V), dtype=np.float32)
Y = (X[:, 0] > X[:, 1]).astype(np.int64)
SETTINGS: list[dict[str, Any]] = [
    {"engine": "autograd", "batch_size": 10},
    {"engine": "closed_form", "batch_size": 10},
    {"engine": "compiled", "batch_size": 10, "optimizer": "adam"},
    {"engine": "fused"},
]
WINDOWS = [None, 128, 5000]


@pytest.fixture(params=["npy", "shards", "parquet"])
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> DiskRows:
    if request.param == "shards":
        for number, part in enumerate(np.split(X, [100, 101, 450])):
            np.save(tmp_path / f"{number}.npy", part)
        return open_rows(tmp_path)
    np.save(tmp_path / "rows.npy", X)
    if request.param == "npy":
        return open_rows(tmp_path / "rows.npy")
    convert(tmp_path / "rows.npy", tmp_path / "rows.parquet", rows_per_group=50)
    return open_rows(tmp_path / "rows.parquet", memory=20 * 50 * V * 4)


def new_stack() -> StackedDenoisingAutoencoder:
    return StackedDenoisingAutoencoder(V, (5, 4), n_classes=2, seed=1)


def pretrained(x: Any, **options: Any) -> StackedDenoisingAutoencoder:
    stack = new_stack()
    pretrain(stack, x, **options)
    return stack


def finetuned(x: Any, **options: Any) -> StackedDenoisingAutoencoder:
    stack = new_stack()
    finetune(stack, (x, Y), (x, Y), **options)
    return stack


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: settings["engine"])
def test_pretraining_gives_the_bytes_of_rows_in_memory(
    rows: DiskRows, settings: Any, window: int | None
) -> None:
    options = {"epochs": 2, "shuffle": True, "shuffle_window": window, **settings}
    ours, theirs = (pretrained(x, **options) for x in (rows, X))
    assert state_bytes(ours) == state_bytes(theirs)


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: settings["engine"])
def test_finetuning_gives_the_bytes_of_rows_in_memory(rows: DiskRows, settings: Any) -> None:
    options = {"epochs": 2, "shuffle": True, "shuffle_window": 128, **settings}
    ours, theirs = (finetuned(x, **options) for x in (rows, X))
    assert state_bytes(ours) == state_bytes(theirs)


def test_a_stack_answers_for_rows_on_the_disk(
    rows: DiskRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdae.core.network._INFERENCE_ROWS", 256)
    stack = new_stack()
    finetune(stack, (X, Y), (X, Y), epochs=2, batch_size=10)
    every: dict[str, Callable[[Any], torch.Tensor]] = {
        "encode": stack.encode,
        "the first layer": lambda x: stack.encode(x, 1),
        "no layer": lambda x: stack.encode(x, 0),
        "reconstruct": stack.reconstruct,
        "output": stack.output,
        "logits": stack.logits,
        "forward": stack,
        "predict": stack.predict,
        "predict_proba": stack.predict_proba,
        "errors": lambda x: stack.errors(x, Y),
        "cost": lambda x: stack.negative_log_likelihood(x, Y),
    }
    for name, answers in every.items():
        for source, x in ((rows, X), (rows[100:500], X[100:500])):
            if name in ("errors", "cost") and len(x) < N:
                continue
            found = answers(source)
            torch.testing.assert_close(found, answers(x).detach(), msg=name)
            assert not found.requires_grad
    assert torch.equal(stack.predict_proba(rows), stack.predict_proba(X))


def test_codes_on_the_disk_are_decoded(tmp_path: Path) -> None:
    stack = new_stack()
    h = stack.encode(X).detach()
    np.save(tmp_path / "codes.npy", h.numpy())
    torch.testing.assert_close(
        stack.decode(open_rows(tmp_path / "codes.npy")), stack.decode(h).detach()
    )


def test_rows_of_another_width_are_refused_by_a_stack(rows: DiskRows) -> None:
    wide = StackedDenoisingAutoencoder(V + 1, (5,), n_classes=2)
    with pytest.raises(InvalidParameterError, match=f"a 2-D array with {V + 1} columns"):
        wide.encode(rows)


def test_a_ladder_answers_for_rows_in_memory_only(rows: DiskRows) -> None:
    ladder = LadderNetwork(V, (5,), n_classes=2)
    with pytest.raises(DataError, match=re.escape("Got DiskRows, whose rows are not in memory")):
        ladder.predict(rows)  # type: ignore[arg-type]
    assert torch.equal(ladder.predict(rows[:].in_memory()), ladder.predict(X))


def test_a_window_of_all_rows_is_the_full_shuffle_and_a_smaller_one_is_not() -> None:
    full, whole, part = (
        pretrained(X, epochs=1, batch_size=10, shuffle=True, shuffle_window=window)
        for window in (None, N, N - 1)
    )
    assert state_bytes(full) == state_bytes(whole)
    assert state_bytes(full) != state_bytes(part)


def test_training_that_was_stopped_within_an_epoch_goes_on_to_the_same_bytes(
    rows: DiskRows, tmp_path: Path
) -> None:
    options: dict[str, Any] = {
        "epochs": 2,
        "batch_size": 7,  # from 8 on, a slice would be the whole epoch
        "engine": "autograd",
        "shuffle": True,
        "shuffle_window": 128,
    }
    whole = pretrained(rows, **options)

    class Stopped(Exception):
        pass

    def stop(event: object) -> None:
        if isinstance(event, SliceEnded) and (event.epoch, event.n_samples) == (2, N):
            raise Stopped

    checkpoint = Checkpoint(tmp_path / "kept", every="1step")
    with pytest.raises(Stopped):
        pretrained(rows, **options, checkpoint=checkpoint, callbacks=[stop])
    resumed = pretrained(rows, **options, checkpoint=checkpoint)
    assert state_bytes(resumed) == state_bytes(whole)


def test_rows_of_another_width_and_files_that_change_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", X)
    rows = open_rows(tmp_path / "rows.npy")
    wide = StackedDenoisingAutoencoder(V + 1, (5,))
    with pytest.raises(DataError, match="x must have 7 columns"):
        pretrain(wide, rows, epochs=1)

    def cut(event: object) -> None:
        if isinstance(event, SliceEnded):
            np.save(tmp_path / "rows.npy", X[:300])

    with pytest.raises(FileFormatError, match=r"rows\.npy changed after it was opened"):
        pretrained(rows, epochs=3, batch_size=10, callbacks=[cut])


def test_rows_of_a_table_are_for_estimators(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,x\n2,y\n")
    table, stack = open_table(path), StackedDenoisingAutoencoder(2, (3,), n_classes=2)
    refused = r"table.csv are of a table on the disk, which estimators encode: .* sdae.data.open_r"
    with pytest.raises(DataError, match=refused):
        pretrain(stack, table, epochs=1)  # type: ignore[arg-type] # what users try
    with pytest.raises(DataError, match=refused):
        finetune(stack, (table, [0, 1]), None, epochs=1)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=refused):
        stack.encode(table)  # type: ignore[arg-type]
