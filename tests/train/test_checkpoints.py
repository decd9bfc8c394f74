"""A training cut anywhere and called again ends with the same bytes as one never cut."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdae import Checkpoint, StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.errors import FileAccessError, FileFormatError, InvalidParameterError
from sdae.train.callbacks import StageResumed
from sdae.train.checkpoints.checkpoint_folder import StageCheckpoints
from sdae.train.history import EpochRecord, History
from tests.train.helpers import forge, labelled, state_bytes, unit_rows


class Cut(BaseException):
    """The end of a process, as far as training can tell."""


class After:
    """Interrupts after some slices, each of which comes with a checkpoint."""

    def __init__(self, n: int) -> None:
        self._n = n

    def __call__(self) -> BaseException | None:
        self._n -= 1
        return Cut() if self._n == 0 else None


Training = Callable[[StackedDenoisingAutoencoder, Checkpoint | None], History]


def _pretraining(**settings: Any) -> Training:
    def run(stack: StackedDenoisingAutoencoder, checkpoint: Checkpoint | None) -> History:
        return pretrain(stack, unit_rows(1100), epochs=2, checkpoint=checkpoint, **settings)

    return run


def _finetuning(**settings: Any) -> Training:
    sets = [labelled(n) for n in (1100, 40, 30)]

    def run(stack: StackedDenoisingAutoencoder, checkpoint: Checkpoint | None) -> History:
        return finetune(stack, *sets, epochs=4, checkpoint=checkpoint, **settings)

    return run


def _consistency(*methods: str, **settings: Any) -> Training:
    sets = [labelled(n) for n in (25, 40, 30)]

    def run(stack: StackedDenoisingAutoencoder, checkpoint: Checkpoint | None) -> History:
        return finetune(
            stack,
            *sets,
            semi_supervised=methods,
            unlabeled=unit_rows(1100, 5),
            epochs=3,
            checkpoint=checkpoint,
            **settings,
        )

    return run


TRAININGS = {
    "autograd": _pretraining(engine="autograd", batch_size=20, learning_rate=0.05),
    "closed form": _pretraining(engine="closed_form", batch_size=20, learning_rate=0.05),
    "compiled": _pretraining(
        engine="compiled", batch_size=20, optimizer="adam", schedule="linear", shuffle=True
    ),
    "adam, shuffled": _pretraining(
        batch_size=7, shuffle=True, optimizer="adam", schedule="linear", drop_last=True
    ),
    "momentum": _pretraining(batch_size=20, momentum=0.9, nesterov=True, learning_rate=0.01),
    "nadam": _pretraining(batch_size=20, optimizer="nadam", learning_rate=0.01),
    "rmsprop": _pretraining(batch_size=20, optimizer="rmsprop", momentum=0.5),
    "recomputed codes": _pretraining(batch_size=20, codes="recompute"),
    "mapped codes": _pretraining(batch_size=20, codes="memmap", optimizer="adamw"),
    "swap": _pretraining(batch_size=20, corruption="swap:0.2", shuffle=True, learning_rate=0.02),
    "swap, mapped": _pretraining(batch_size=20, corruption="swap:0.2", codes="memmap"),
    "swap, recomputed": _pretraining(
        batch_size=20, corruption="swap:0.2", codes="recompute", engine="autograd"
    ),
    "fused": _pretraining(engine="fused", shuffle=True, learning_rate=0.01),
    "fine-tuning": _finetuning(engine="autograd", learning_rate=0.02, batch_size=20),
    "fine-tuning, closed form": _finetuning(
        engine="closed_form", batch_size=20, learning_rate=0.05, dropout=0.2, shuffle=True
    ),
    "fine-tuning, compiled": _finetuning(
        engine="compiled", batch_size=20, optimizer="adamw", learning_rate=0.01, dropout=0.2
    ),
    "fine-tuning, adam": _finetuning(
        batch_size=20,
        optimizer="adam",
        learning_rate=0.01,
        dropout=0.2,
        shuffle=True,
    ),
    "fine-tuning, nadam": _finetuning(batch_size=20, optimizer="nadam", learning_rate=0.01),
    "fine-tuning, rmsprop": _finetuning(batch_size=20, optimizer="rmsprop", learning_rate=0.001),
    "fine-tuning, patience": _finetuning(
        batch_size=20, learning_rate=0.05, patience_epochs=1, patience_increase=1.5
    ),
    "fine-tuning, last": _finetuning(batch_size=20, restore_best=False, early_stopping=False),
    "fine-tuning, fused": _finetuning(engine="fused", learning_rate=0.02, shuffle=True),
    "label spreading": _consistency("label_spreading", batch_size=20, optimizer="adam"),
    "mean teacher": _consistency("mean_teacher", batch_size=30, optimizer="adam", shuffle=True),
    "vat": _consistency("vat", batch_size=40, optimizer="nadam", learning_rate=0.002),
    "all methods": _consistency(
        "label_spreading", "mean_teacher", "vat", batch_size=40, shuffle=True, max_norm=2.0
    ),
}


@pytest.fixture(autouse=True)
def _many_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut a thousand rows into slices enough."""
    for engine in (
        "autograd",
        "closed_form",
        "compiled_stage",
        "consistency",
    ):
        target = f"sdae.train.engines.{engine}.samples_between_looks"
        monkeypatch.setattr(target, lambda *_sizes: 512)


def _stack() -> StackedDenoisingAutoencoder:
    return StackedDenoisingAutoencoder(11, (5, 4), 3, 0.3, seed=3)


def _timeless(history: History) -> History:
    def strip(record: EpochRecord) -> EpochRecord:
        return replace(record, seconds=0.0, samples_per_second=0.0)

    return replace(history, records=tuple(strip(record) for record in history.records))


@pytest.mark.parametrize("name", TRAININGS)
def test_training_cut_after_every_slice_ends_with_the_same_bytes(name: str, tmp_path: Path) -> None:
    run = TRAININGS[name]
    whole = _stack()
    expected = run(whole, None)
    n_cuts = 0
    while True:
        cut = _stack()
        try:
            history = run(cut, Checkpoint(tmp_path, "1000000s", interruption=After(1)))
        except Cut:
            n_cuts += 1
            continue
        break
    assert n_cuts >= 4
    assert state_bytes(cut) == state_bytes(whole)
    assert _timeless(history) == _timeless(expected)


@pytest.mark.parametrize("every", ["1epoch", "3steps", "1s"])
def test_checkpoints_change_nothing(every: str, tmp_path: Path) -> None:
    for run in (TRAININGS["adam, shuffled"], TRAININGS["fine-tuning"]):
        plain, kept = _stack(), _stack()
        expected = run(plain, None)
        assert _timeless(run(kept, Checkpoint(tmp_path, every))) == _timeless(expected)
        assert state_bytes(kept) == state_bytes(plain)


def test_a_training_cut_twice_goes_on_from_the_last_checkpoint(tmp_path: Path) -> None:
    run = TRAININGS["adam, shuffled"]
    for cut in (3, 2):
        with pytest.raises(Cut):
            run(_stack(), Checkpoint(tmp_path, "1000000s", interruption=After(cut)))
    told: list[object] = []
    pretrain(
        _stack(),
        unit_rows(1100),
        epochs=2,
        batch_size=7,
        shuffle=True,
        optimizer="adam",
        schedule="linear",
        drop_last=True,
        checkpoint=tmp_path,
        callbacks=[told.append],
    )
    resumed = next(event for event in told if isinstance(event, StageResumed))
    assert [(r.layer, r.epoch) for r in resumed.history.records] == [(0, 1)]


def test_a_training_with_a_frozen_layer_goes_on(tmp_path: Path) -> None:
    run = TRAININGS["fine-tuning, adam"]
    whole, cut, again = _stack(), _stack(), _stack()
    for stack in (whole, cut, again):
        stack.autoencoder(0).weight.requires_grad_(False)
    run(whole, None)
    with pytest.raises(Cut):
        run(cut, Checkpoint(tmp_path, "1000000s", interruption=After(2)))
    run(again, Checkpoint(tmp_path, "1000000s"))
    assert state_bytes(again) == state_bytes(whole)


def test_an_ended_training_returns_at_once(tmp_path: Path) -> None:
    for run in (TRAININGS["autograd"], TRAININGS["fine-tuning"]):
        first, second = _stack(), _stack()
        history = run(first, Checkpoint(tmp_path))
        before = sorted(path.name for path in tmp_path.iterdir())
        assert run(second, Checkpoint(tmp_path, interruption=After(1))) == history
        assert state_bytes(first) == state_bytes(second)
        assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_some_checkpoints_are_kept_and_of_an_ended_stage_the_last(tmp_path: Path) -> None:
    run = TRAININGS["autograd"]
    with pytest.raises(Cut):
        run(_stack(), Checkpoint(tmp_path, "1steps", keep=2, interruption=After(5)))
    assert StageCheckpoints(tmp_path, "pretraining", 2).numbers() == [4, 5]
    assert len(list(tmp_path.iterdir())) == 4
    run(_stack(), Checkpoint(tmp_path, "1steps", keep=2))
    assert len(StageCheckpoints(tmp_path, "pretraining", 2).numbers()) == 1


def test_another_training_is_refused_and_said_how_it_differs(tmp_path: Path) -> None:
    TRAININGS["autograd"](_stack(), Checkpoint(tmp_path))
    for settings, difference in (
        ({"batch_size": 21}, "batch_size was 20, and is 21 now"),
        ({"seed": 5}, "seed was 0, and is 5 now"),
        ({"shuffle": True}, "shuffle was False, and is True now"),
    ):
        usual = {"batch_size": 20, "learning_rate": 0.05, "engine": "autograd"}
        call: dict[str, Any] = usual | settings
        with pytest.raises(InvalidParameterError, match=difference):
            pretrain(_stack(), unit_rows(1100), epochs=2, checkpoint=tmp_path, **call)
    x = unit_rows(1100)
    x[7, 1] += 0.01
    with pytest.raises(InvalidParameterError, match=r"; x was \w{16}, and is \w{16} now"):
        pretrain(_stack(), x, epochs=3, batch_size=20, learning_rate=0.05, checkpoint=tmp_path)
    other = StackedDenoisingAutoencoder(11, (5, 4), 3, 0.3, seed=4)
    with pytest.raises(InvalidParameterError, match="initial parameters were"):
        TRAININGS["autograd"](other, Checkpoint(tmp_path))


def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = TRAININGS["adam, shuffled"]
    whole, stack = _stack(), _stack()
    run(whole, None)
    with pytest.raises(Cut):
        run(_stack(), Checkpoint(tmp_path, "1steps", interruption=After(4)))
    newest = tmp_path / "pretraining-000004.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1] + b"?")
    with caplog.at_level(logging.WARNING, "sdae"):
        run(stack, Checkpoint(tmp_path))
    assert "pretraining-000004.safetensors is damaged: it does not match" in caplog.text
    assert state_bytes(stack) == state_bytes(whole)


def test_a_checkpoint_without_its_manifest_does_not_count(tmp_path: Path) -> None:
    run = TRAININGS["adam, shuffled"]
    whole, stack = _stack(), _stack()
    run(whole, None)
    with pytest.raises(Cut):
        run(_stack(), Checkpoint(tmp_path, "1steps", interruption=After(4)))
    (tmp_path / "pretraining-000004.json").unlink()
    (tmp_path / ".pretraining-000005.safetensors.x1y2z3_4.partial").write_bytes(b"half")
    half = tmp_path / ".pretraining-000005.json.x1y2z3_4.partial"
    half.mkdir()
    (half / ".tmpAbCdEf").write_bytes(b"half of safetensors")
    assert StageCheckpoints(tmp_path, "pretraining", 3).numbers() == [2, 3]
    run(stack, Checkpoint(tmp_path))
    assert state_bytes(stack) == state_bytes(whole)
    assert not list(tmp_path.glob(".*"))


def test_where_all_are_damaged_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(Cut):
        TRAININGS["autograd"](_stack(), Checkpoint(tmp_path, "1steps", interruption=After(3)))
    for path in tmp_path.glob("*.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(FileFormatError, match=r"All checkpoints of .* Delete that folder"):
        TRAININGS["autograd"](_stack(), Checkpoint(tmp_path))


def test_a_link_is_no_checkpoint(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "checkpoints", tmp_path / "elsewhere"
    with pytest.raises(Cut):
        TRAININGS["autograd"](_stack(), Checkpoint(folder, interruption=After(1)))
    (folder / "pretraining-000001.safetensors").rename(elsewhere)
    (folder / "pretraining-000001.safetensors").symlink_to(elsewhere)
    with pytest.raises(FileFormatError, match="are damaged"):
        TRAININGS["autograd"](_stack(), Checkpoint(folder))


def _drop(kind: str) -> Callable[[dict[str, Any], dict[str, torch.Tensor]], None]:
    def change(_: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        del tensors[next(name for name in tensors if name.startswith(kind))]

    return change


def _spoil(kind: str, value: float) -> Callable[[dict[str, Any], dict[str, torch.Tensor]], None]:
    def change(_: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        name = next(n for n in tensors if n.startswith(kind))
        tensors[name] = torch.full_like(tensors[name], value)

    return change


def _say(key: str, value: object) -> Callable[[dict[str, Any], dict[str, torch.Tensor]], None]:
    def change(description: dict[str, Any], _: dict[str, torch.Tensor]) -> None:
        description[key] = value

    return change


def _reshape(_: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    tensors["optimizer.0.exp_avg"] = torch.zeros(1, 1)


@pytest.mark.parametrize(
    "change",
    [
        _drop("parameters.layers.0.weight"),
        _spoil("parameters.", np.nan),
        _drop("best.1"),
        _spoil("best.", np.inf),
        _reshape,
        _say("place", {}),
        _say("place", {"layer": None, "epoch": "1"}),
        _say("history", {"records": [{}]}),
        _say("extra", {"patience": "long"}),
        _say("circumstances", None),
        _say("complete", 7),
    ],
)
def test_a_forged_checkpoint_is_refused(
    change: Callable[[dict[str, Any], dict[str, torch.Tensor]], None], tmp_path: Path
) -> None:
    run = TRAININGS["fine-tuning, adam"]
    with pytest.raises(Cut):
        run(_stack(), Checkpoint(tmp_path, interruption=After(5)))
    forge(tmp_path / "finetuning-000001.safetensors", change)
    with pytest.raises(FileFormatError, match="not valid"):
        run(_stack(), Checkpoint(tmp_path))


def test_other_circumstances_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = TRAININGS["autograd"]
    with pytest.raises(Cut):
        run(_stack(), Checkpoint(tmp_path, interruption=After(1)))
    torch.set_num_threads(2)
    try:
        with caplog.at_level(logging.WARNING, "sdae"):
            run(_stack(), Checkpoint(tmp_path))
    finally:
        torch.set_num_threads(1)
    assert "under changed conditions" in caplog.text
    assert "threads was 1, and is 2" in caplog.text


def test_a_full_disk_stops_training_and_the_earlier_checkpoint_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = TRAININGS["autograd"]
    with pytest.raises(Cut):
        run(_stack(), Checkpoint(tmp_path, interruption=After(2)))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("sdae.core.files.os.fsync", full)
        with pytest.raises(FileAccessError, match="No space left on device"):
            run(_stack(), Checkpoint(tmp_path, "1steps"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    whole, stack = _stack(), _stack()
    run(whole, None)
    run(stack, Checkpoint(tmp_path))
    assert state_bytes(stack) == state_bytes(whole)


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"folder": ""}, "The folder parameter of Checkpoint must be a path"),
        ({"folder": 3}, "The folder parameter of Checkpoint must be a path. Got 3"),
        ({"every": "60"}, "as in '1epoch', '500steps' or '60s'. Got '60' instead"),
        ({"every": "0s"}, "Got '0s' instead"),
        ({"every": 60}, "Got 60 instead"),
        ({"keep": 0}, "The keep parameter of Checkpoint must be an integer ≥ 1. Got 0 instead"),
    ],
)
def test_bad_parameters_are_refused(parameters: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidParameterError, match=problem):
        Checkpoint(**{"folder": "x"} | parameters)


def test_a_checkpoint_is_a_folder_or_a_checkpoint() -> None:
    with pytest.raises(InvalidParameterError, match=r"a folder, a Checkpoint or None\. Got 3"):
        pretrain(_stack(), unit_rows(5), checkpoint=3)  # type: ignore[arg-type]
