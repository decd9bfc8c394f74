"""Codes of trained layers: kept in memory, in a file, or computed again, with the same result."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sdae import pretrain
from sdae.core.array_rows import ArrayRows
from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.errors import TrainingDivergedError
from sdae.core.minibatches import Minibatch, minibatches
from sdae.core.rows import RowSource, TensorRows, row_source
from sdae.train import codes as codes_module
from sdae.train.callbacks import Event, PartStarted, SliceEnded
from sdae.train.codes import RecomputedRows, Use, codes_of
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


@pytest.mark.parametrize("n_rows", [N, 2500])
def test_computing_codes_again_gives_the_same_bytes(n_rows: int, folder: Path) -> None:
    memory, _ = _pretrained("memory", folder, n_rows=n_rows)
    again, files = _pretrained("recompute", folder, n_rows=n_rows)
    assert again == memory
    assert files == IN_MEMORY


def test_codes_that_pytorch_computes_again_are_the_same_to_rounding(folder: Path) -> None:
    memory, _ = _pretrained("memory", folder, dtype=torch.float64)
    again, files = _pretrained("recompute", folder, dtype=torch.float64)
    np.testing.assert_allclose(np.frombuffer(again), np.frombuffer(memory), rtol=1e-12, atol=1e-12)
    assert files == IN_MEMORY


PASSES = Use(n_passes=10, n_products=10 * 5 * 8 * 6, takes_slices=True)  # of SIZES


@pytest.mark.parametrize(
    ("share", "change", "is_stored"),
    [
        (0.33, {}, False),  # 9 · 11 · 8 products, and 10 · 5 · 8 · 6 of learning: 0.33
        (0.329, {}, True),
        (0.329, {"n_passes": 1}, False),  # they are computed once in any case
        (0.329, {"n_passes": 0, "n_products": 0}, False),
        (0.33, {"takes_slices": False}, True),
        (0.33, {"n_passes": 11}, True),
    ],
)
@pytest.mark.parametrize("in_array", [True, False])
def test_codes_are_computed_again_where_that_is_a_small_part_of_learning_from_them(
    in_array: bool,
    share: float,
    change: dict[str, Any],
    is_stored: bool,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(codes_module, "FEW_BYTES", N * 8 * 4 - 1)
    monkeypatch.setattr(codes_module, "_SHARE", share)
    x = unit_rows(N)
    rows = ArrayRows(x) if in_array else TensorRows(torch.from_numpy(x))
    autoencoder = small_stack().autoencoder(0)
    use = PASSES._replace(**change)

    def found() -> RowSource:
        return codes_of(rows, autoencoder, "auto", lambda: folder, use)

    assert isinstance(found(), TensorRows if is_stored else RecomputedRows)
    monkeypatch.setattr(codes_module, "FEW_BYTES", N * 8 * 4)
    assert isinstance(found(), TensorRows)


def test_layers_below_count_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes_module, "FEW_BYTES", 0)
    stack = small_stack(sizes=(8, 6, 5))
    rows = TensorRows(torch.from_numpy(unit_rows(N)))
    use = Use(n_passes=2, n_products=1000, takes_slices=True)
    for share, kind in ((0.136, RecomputedRows), (0.135, TensorRows)):  # 11 · 8 + 8 · 6 = 136
        monkeypatch.setattr(codes_module, "_SHARE", share)
        below = codes_of(rows, stack.autoencoder(0), "auto", lambda: folder, use)
        assert isinstance(below, RecomputedRows)
        assert isinstance(codes_of(below, stack.autoencoder(1), "auto", lambda: folder, use), kind)


class _Anywhere:
    """A caller's source, which may be slow."""

    def __init__(self, rows: RowSource) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def batch(self, minibatch: Minibatch) -> Tensor:
        return self._rows.batch(minibatch)


@pytest.mark.parametrize("which", ["source", "on disk", "float64", "subclass"])
def test_other_codes_are_stored(which: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes_module, "FEW_BYTES", 0)
    dtype = torch.float64 if which == "float64" else torch.float32
    autoencoder = small_stack(dtype=dtype).autoencoder(0)
    if which == "subclass":
        autoencoder.__class__ = type("Other", (DenoisingAutoencoder,), {})
    plain = TensorRows(torch.from_numpy(unit_rows(N)).to(dtype))
    others: dict[str, RowSource] = {"source": _Anywhere(plain), "on disk": _OnDisk(plain.rows)}
    use = Use(n_passes=1, n_products=1000, takes_slices=True)
    found = codes_of(others.get(which, plain), autoencoder, "auto", lambda: folder, use)
    assert not isinstance(found, RecomputedRows)


@pytest.mark.parametrize(
    ("engine", "noise", "again"),
    [
        ("compiled", "masking:0.3", True),
        ("auto", "masking:0.3", True),
        ("compiled", "swap:0.3", False),
        ("closed_form", "masking:0.3", False),
        ("autograd", "masking:0.3", False),
    ],
)
def test_codes_are_computed_again_for_engines_that_take_slices(
    engine: str, noise: str, again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Swap noise would compute a row for each value, other engines a minibatch at a time."""
    monkeypatch.setattr(codes_module, "FEW_BYTES", 0)
    monkeypatch.setattr(codes_module, "_SHARE", 1e9)
    asked = list[int]()
    batch = RecomputedRows.batch

    def noted(self: RecomputedRows, minibatch: Minibatch) -> Tensor:
        asked.append(len(minibatch.samples))
        return batch(self, minibatch)

    monkeypatch.setattr(RecomputedRows, "batch", noted)
    stack = small_stack(noise=noise)
    pretrain(stack, unit_rows(N), epochs=2, learning_rate=0.1, batch_size=7, engine=engine)
    assert bool(asked) == again


def test_the_default_share_and_size() -> None:
    assert codes_module._SHARE == 0.02
    assert codes_module.FEW_BYTES == 4 * 2**20


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
