"""Rows that a thread reads before they are asked for: the same rows, errors and memory."""

import gc
import os
import pickle
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.errors import DataError, FileFormatError
from sdae.core.rows import ScaledRows
from sdae.core.source_rows import SourceRows
from sdae.data import DiskRows, open_rows
from sdae.data.stored.npy_shard import NpyShard
from sdae.train.codes import RecomputedRows
from tests.data.stored.files import picked, span, write_lists

X = np.random.default_rng(0).random((90, 3)).astype("f4")


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "sdae-reading"]


def opened(folder: Path, suffix: str = ".npy", **options: Any) -> DiskRows:
    path = folder / f"a{suffix}"
    np.save(path, X) if suffix == ".npy" else write_lists(path, X, 10)
    return open_rows(path, **options)


class Reads:
    """Counts the reads of NPY files, and the rows that they gave."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self.by: list[str] = []
        read = NpyShard.read

        def counted(shard: NpyShard, places: Any) -> Any:
            self.sizes.append(len(places))
            self.by.append(threading.current_thread().name)
            return read(shard, places)

        monkeypatch.setattr(NpyShard, "read", counted)


def test_rows_that_were_expected_are_read_once_by_the_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, reads = opened(tmp_path), Reads(monkeypatch)
    rows.expect(picked(7, 3, 80, 4))
    assert np.array_equal(rows.batch(picked(7, 3, 80, 4)).numpy(), X[[7, 3, 80, 4]])
    rows.expect(picked(5, 6, 1))
    assert np.array_equal(rows.batch(picked(5, 6)).numpy(), X[[5, 6]])
    assert np.array_equal(rows.batch(picked(1)).numpy(), X[[1]])
    assert reads.sizes == [4, 3]
    assert set(reads.by) == {"sdae-reading"}
    assert np.array_equal(rows.batch(picked(1)).numpy(), X[[1]])  # a second time
    assert reads.sizes == [4, 3, 1]
    assert threads() == []


SOME_ROWS = st.lists(st.integers(0, 89), min_size=1, max_size=30)
USES = st.tuples(
    st.booleans(), st.sampled_from(["expect", "same", "first", "other", "nothing"]), SOME_ROWS
)


@pytest.mark.filterwarnings("ignore:Reading is slow")  # where expected rows are not asked for
@settings(deadline=None)  # the first call imports pyarrow, and the thread may have to wait
@given(st.lists(USES, min_size=1, max_size=12))
@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".feather"])
def test_any_use_gives_the_rows_of_numpy(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, uses: list[tuple[bool, str, list[int]]]
) -> None:
    rows = opened(tmp_path_factory.mktemp("rows"), suffix, memory=400)
    wide = rows.delivered_as(torch.zeros(1, dtype=torch.float64))
    last = [0]
    for is_wide, what, other in uses:
        source = wide if is_wide else rows
        if what == "expect":
            last = other
            source.expect(picked(*last))
        elif what == "nothing":
            source.expect(None)
        else:
            asked = {"same": last, "first": last[:2]}.get(what, other)
            assert np.array_equal(source.batch(picked(*asked)).numpy(), X[asked])
    for source in (rows, wide):
        source.expect(None)
    assert threads() == []


def test_rows_that_are_read_ahead_in_one_type_are_not_those_of_another(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((9, 2))
    np.save(tmp_path / "a.npy", x)
    rows = open_rows(tmp_path / "a.npy")
    rounded = rows.delivered_as(torch.zeros(1))
    rounded.expect(span(0, 9))
    assert np.array_equal(rows.batch(span(0, 9)).numpy(), x)
    assert np.array_equal(rounded.batch(span(0, 9)).numpy(), x.astype("f4"))


def test_an_error_of_the_thread_comes_where_the_rows_are_needed(tmp_path: Path) -> None:
    bad = X.copy()
    bad[50, 1] = np.nan
    np.save(tmp_path / "a.npy", bad)
    rows = open_rows(tmp_path / "a.npy")
    rows.expect(span(40, 60))
    assert np.array_equal(rows.batch(span(0, 9)).numpy(), X[:9])
    with pytest.raises(DataError, match=r"a\.npy, row 50 .* in column '1'"):
        rows.batch(span(40, 45))
    assert np.array_equal(rows.batch(span(40, 45)).numpy(), X[40:45])
    rows.expect(span(50, 52))
    rows.expect(None)  # never needed
    (tmp_path / "a.npy").write_bytes(b"")
    rows.expect(span(0, 3))
    for _ in range(2):
        with pytest.raises(FileFormatError, match=r"a\.npy changed after it was opened"):
            rows.batch(span(0, 3))


def test_no_more_than_two_blocks_are_kept(tmp_path: Path) -> None:
    rows = opened(tmp_path)
    for start in range(0, 80, 10):
        rows.expect(span(start, start + 10))
        gc.collect()
        held = [each for each in (rows._ahead._used, rows._ahead._next) if each is not None]
        assert 1 <= len(held) <= 2
    rows.batch(span(70, 80))
    assert (rows._ahead._used, rows._ahead._next) == (None, None)
    rows.expect(span(0, 5))
    rows.close()
    assert rows._ahead._next is None


def test_what_is_made_of_rows_passes_it_on(tmp_path: Path, monkeypatch: Any) -> None:
    rows = opened(tmp_path)
    autoencoder = StackedDenoisingAutoencoder(3, (2,)).autoencoder(0)
    reads = Reads(monkeypatch)
    sources: list[Any] = [
        ScaledRows(rows, np.zeros(3), np.full(3, 0.5)),
        SourceRows(rows)[10:70],
        SourceRows(rows)[::-1],
        ScaledRows(SourceRows(rows)[::1], np.zeros(3), np.full(3, 0.5)),
        RecomputedRows(rows, autoencoder),
    ]
    for source in sources:
        for minibatch in (picked(3, 1), span(4, 9)):
            wanted = source.batch(minibatch)
            reads.by.clear()
            source.expect(minibatch)
            assert torch.equal(source.batch(minibatch), wanted)
            assert reads.by == ["sdae-reading"]
        source.expect(minibatch)
        source.expect(None)
        assert rows._ahead._next is None


def test_rows_that_are_read_ahead_can_be_pickled(tmp_path: Path) -> None:
    rows = opened(tmp_path)
    rows.expect(span(0, 5))
    other = pickle.loads(pickle.dumps(rows))
    assert np.array_equal(other.batch(span(0, 5)).numpy(), X[:5])
    rows.expect(None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("suffix", [".npy", ".parquet"])
def test_a_forked_child_reads_for_itself(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = opened(tmp_path, suffix, memory=400)
    goes_on, begun = threading.Event(), threading.Event()
    read = type(rows._shards[0]).read

    def slow(shard: Any, places: Any) -> Any:
        if threading.current_thread().name == "sdae-reading":
            begun.set()
            goes_on.wait()
        return read(shard, places)

    monkeypatch.setattr(type(rows._shards[0]), "read", slow)
    rows.expect(span(0, 50))
    begun.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # not to hang for ever
        same = np.array_equal(rows.batch(span(0, 50)).numpy(), X[:50])
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
    goes_on.set()
    assert np.array_equal(rows.batch(span(0, 50)).numpy(), X[:50])


TRAINING: list[dict[str, Any]] = [
    {"batch_size": 10, "shuffle": True, "shuffle_window": 1280},
    {"batch_size": 10, "engine": "closed_form"},
    {"batch_size": 1, "shuffle": True},
    {"batch_size": 10, "engine": "autograd", "shuffle": True},
]


@pytest.mark.parametrize("how", TRAINING)
def test_training_reads_ahead_and_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any]
) -> None:
    x = np.random.default_rng(0).random((5000, 4)).astype("f4")
    np.save(tmp_path / "a.npy", x)
    monkeypatch.setattr(
        "sdae.train.reading_ahead.usable_cores", lambda: torch.get_num_threads() + 1
    )
    reads, weights = Reads(monkeypatch), []
    for rows in (x, open_rows(tmp_path / "a.npy")):
        stack = StackedDenoisingAutoencoder(4, (3,), n_classes=2, seed=0)
        pretrain(stack, rows, epochs=2, learning_rate=0.1, corruption="gaussian:0.1", **how)
        finetune(stack, (rows, np.arange(5000) % 2), None, epochs=2, learning_rate=0.1, **how)
        weights.append(stack.autoencoder(0).weight.detach().clone())
    assert torch.equal(*weights)
    ahead = sum(size for size, by in zip(reads.sizes, reads.by, strict=True) if "sdae" in by)
    assert 4 * 5000 > ahead > 4 * 2000
    assert threads() == []


class Stop(Exception):
    """What a callback raises."""


def test_training_that_is_interrupted_leaves_no_thread_and_no_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(0).random((9000, 4)).astype("f4")
    np.save(tmp_path / "a.npy", x)
    rows = open_rows(tmp_path / "a.npy")
    given_rows: list[DiskRows] = []
    real = DiskRows.expect

    def interrupt(event: object) -> bool:
        if type(event).__name__ == "SliceEnded":
            raise Stop
        return False

    def expect(source: DiskRows, some: Any) -> None:
        given_rows.append(source)
        real(source, some)

    monkeypatch.setattr(DiskRows, "expect", expect)
    monkeypatch.setattr(
        "sdae.train.reading_ahead.usable_cores", lambda: torch.get_num_threads() + 1
    )
    stack = StackedDenoisingAutoencoder(4, (3,))
    with pytest.raises(Stop):
        pretrain(stack, rows, epochs=1, batch_size=10, learning_rate=0.1, callbacks=[interrupt])
    assert threads() == []
    assert given_rows
    assert all(each._ahead._next is None and each._ahead._used is None for each in given_rows)


def test_nothing_is_read_ahead_where_training_uses_all_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, reads = opened(tmp_path), Reads(monkeypatch)
    monkeypatch.setattr("sdae.train.reading_ahead.usable_cores", torch.get_num_threads)
    stack = StackedDenoisingAutoencoder(3, (2,))
    pretrain(stack, rows, epochs=2, batch_size=1, learning_rate=0.1)
    assert "sdae-reading" not in reads.by
