"""Codes of trained layers: kept in memory, in a file, or computed again, with the same result."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from sdae import pretrain
from sdae.core.errors import TrainingDivergedError
from sdae.core.minibatches import Minibatch, minibatches
from sdae.core.rows import TensorRows, row_source
from sdae.train import codes as codes_module
from sdae.train.callbacks import Event, PartStarted, SliceEnded
from sdae.train.codes import codes_of
from tests.train.helpers import SIZES, V, parameters, small_stack, state_bytes, unit_rows

N = 30


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where all temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


class _Spy:
    """A callback that notes which files of codes there are when each layer starts."""

    def __init__(self, folder: Path, sink: list[list[str]]) -> None:
        self._folder, self._sink = folder, sink

    def __call__(self, event: Event) -> None:
        if isinstance(event, PartStarted):
            self._sink.append(sorted(path.name for path in self._folder.rglob("*.npy")))


def _pretrained(
    codes: str, folder: Path, *, n_rows: int = N, dtype: torch.dtype = torch.float32
) -> tuple[bytes, list[list[str]]]:
    stack = small_stack(sizes=(8, 6, 5), dtype=dtype)
    files: list[list[str]] = []
    pretrain(
        stack,
        unit_rows(n_rows),
        epochs=2,
        learning_rate=0.1,
        batch_size=max(7, n_rows // 10),
        shuffle=True,
        codes=codes,
        callbacks=[_Spy(folder, files)],
    )
    assert list(folder.iterdir()) == []
    return state_bytes(stack), files


IN_MEMORY: list[list[str]] = [[], [], []]
IN_FILES = [[], ["codes-0.npy"], ["codes-0.npy", "codes-1.npy"]]


@pytest.mark.parametrize("n_rows", [N, 2500])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_memory_and_a_mapped_file_give_the_same_bytes(
    dtype: torch.dtype, n_rows: int, folder: Path
) -> None:
    memory, none = _pretrained("memory", folder, dtype=dtype, n_rows=n_rows)
    mapped, files = _pretrained("memmap", folder, dtype=dtype, n_rows=n_rows)
    assert memory == mapped
    assert (none, files) == (IN_MEMORY, IN_FILES)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_computing_codes_again_gives_the_same_to_rounding(
    dtype: torch.dtype, tolerance: float, folder: Path
) -> None:
    memory, _ = _pretrained("memory", folder, dtype=dtype)
    again, files = _pretrained("recompute", folder, dtype=dtype)
    numbers = np.float32 if dtype is torch.float32 else np.float64
    np.testing.assert_allclose(
        np.frombuffer(again, numbers),
        np.frombuffer(memory, numbers),
        rtol=tolerance,
        atol=tolerance,
    )
    assert files == IN_MEMORY


@pytest.mark.parametrize(
    ("limit", "files"),
    [
        (N * 8 * 4, IN_MEMORY),  # layer 0 has 30 × 8 codes of 4 bytes, layer 1 fewer
        (N * 8 * 4 - 1, [[], ["codes-0.npy"], ["codes-0.npy"]]),
        (N * 6 * 4 - 1, IN_FILES),
    ],
)
def test_auto_goes_to_a_file_above_the_limit(
    limit: int, files: list[list[str]], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes_module, "MEMORY_LIMIT", limit)
    result, seen = _pretrained("auto", folder)
    assert seen == files
    assert result == _pretrained("memory", folder)[0]


def test_two_gibibytes_are_kept_in_memory() -> None:
    assert codes_module.MEMORY_LIMIT == 2**31


@pytest.mark.parametrize("codes", ["auto", "memory", "memmap", "recompute"])
def test_nothing_is_left_behind_after_an_error(codes: str, folder: Path) -> None:
    stack = small_stack(activation="relu")
    with pytest.raises(TrainingDivergedError):
        pretrain(
            stack, unit_rows(N), epochs=3, learning_rate=(0.001, 1e30), codes=codes, batch_size=5
        )
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_nothing_is_left_behind_after_an_interruption(
    error: type[BaseException], folder: Path
) -> None:
    def interrupt(event: Event) -> None:
        if isinstance(event, SliceEnded) and event.layer == 1:
            assert list(folder.rglob("codes-0.npy"))
            raise error

    with pytest.raises(error):
        pretrain(small_stack(), unit_rows(N), epochs=1, codes="memmap", callbacks=[interrupt])
    assert list(folder.iterdir()) == []


def test_nothing_is_left_behind_after_a_stop(folder: Path) -> None:
    def stop(event: Event) -> bool:
        return isinstance(event, SliceEnded) and event.layer == 1

    pretrain(small_stack(), unit_rows(N), epochs=1, codes="memmap", callbacks=[stop])
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("how", ["memory", "memmap", "recompute"])
def test_the_codes_are_those_of_the_layer_row_by_row(how: str, tmp_path: Path) -> None:
    autoencoder = small_stack().autoencoder(0)
    x = torch.from_numpy(unit_rows(2500))
    source = codes_of(TensorRows(x), autoencoder, how, lambda: tmp_path)
    assert len(source) == 2500
    expected = autoencoder.encode(x).detach()
    for minibatch in minibatches(2500, 700):
        torch.testing.assert_close(source.batch(minibatch), expected[minibatch.span])
    scattered = Minibatch(np.array([2499, 3, 3, 1024]), None)
    got = source.batch(scattered)
    torch.testing.assert_close(got, expected[[2499, 3, 3, 1024]])
    assert got.shape == (4, SIZES[0])
    assert not got.requires_grad


def test_a_mapped_batch_is_a_copy(tmp_path: Path) -> None:
    autoencoder = small_stack().autoencoder(0)
    source = codes_of(
        TensorRows(torch.from_numpy(unit_rows(N))), autoencoder, "memmap", lambda: tmp_path
    )
    batch = minibatches(N, N)[0]
    before = source.batch(batch)
    source.batch(batch).zero_()
    assert source.batch(batch).equal(before)


def test_a_folder_without_room_is_an_error_that_names_the_remedy(tmp_path: Path) -> None:
    stack = small_stack()
    rows = row_source(unit_rows(N), V, stack.autoencoder(0).weight, "x")
    with pytest.raises(
        OSError,
        match=r"Cannot write 960 bytes of codes to .*codes-0\.npy: No such file.*TMPDIR.*"
        "codes='recompute'",
    ):
        codes_of(rows, stack.autoencoder(0), "memmap", lambda: tmp_path / "missing")


class _OnDisk(TensorRows):
    """Rows that say how many are worth shuffling together, as those in files do."""

    window = 8


@pytest.mark.parametrize(("room", "files"), [(10_000, IN_FILES), (10, IN_MEMORY)])
def test_codes_of_rows_on_the_disk_go_there_if_it_has_room(
    room: int,
    files: list[list[str]],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    memory, _ = _pretrained("memory", folder)
    usage = type(shutil.disk_usage(folder))(total=10**9, used=0, free=room)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    scratch = folder / "scratch"
    scratch.mkdir()
    stack, found = small_stack(sizes=(8, 6, 5)), list[list[str]]()
    with caplog.at_level("INFO", "sdae"):
        pretrain(
            stack,
            _OnDisk(torch.from_numpy(unit_rows(N))),
            epochs=2,
            learning_rate=0.1,
            batch_size=7,
            shuffle=True,
            scratch=scratch,
            callbacks=[_Spy(scratch, found)],
        )
    assert found == files
    assert list(scratch.iterdir()) == []
    assert ("computed again for every minibatch" in caplog.text) == (room == 10)
    if room > 10:
        assert state_bytes(stack) == memory


def test_codes_are_computed_once_the_layer_below_is_trained() -> None:
    x = unit_rows(N)
    whole, split = small_stack(), small_stack()
    pretrain(whole, x, epochs=2, learning_rate=0.1)
    pretrain(split, x, epochs=(2, 0), learning_rate=0.1)
    pretrain(split, x, epochs=(0, 2), learning_rate=0.1)
    assert state_bytes(whole) == state_bytes(split)
    untrained = small_stack()
    pretrain(untrained, x, epochs=(0, 2), learning_rate=0.1)
    assert (
        parameters(untrained.autoencoder(1))["weight"].tolist()
        != parameters(whole.autoencoder(1))["weight"].tolist()
    )
