"""Rows on a disk are those that NumPy has, in any order, from any files."""

import pickle
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdae.core.errors import DataError
from sdae.core.minibatches import minibatches
from sdae.core.rows import row_source, value_range
from sdae.core.user_warnings import SlowReadingWarning
from sdae.data import convert, open_rows
from tests.data.stored.files import picked, span, write_columns, write_lists

KINDS = ["f4", "f8", "f2", "i1", "u1", "i4", "i8", "u2", ">f4", ">i8", "?"]
WRITE = {"columns": write_columns, "lists": write_lists}


def rows_of(n: int, n_columns: int, kind: str, seed: int = 0) -> Any:
    return (100 * np.random.default_rng(seed).random((n, n_columns))).astype(kind)


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=4),
    st.integers(1, 5),
    st.sampled_from(KINDS),
    st.integers(1, 9),
    st.randoms(use_true_random=False),
)
def test_shards_of_npy_give_the_rows_of_numpy(
    sizes: list[int], n_columns: int, kind: str, batch_size: int, random: Any
) -> None:
    x = rows_of(sum(sizes), n_columns, kind)
    with tempfile.TemporaryDirectory() as folder:
        for number, part in enumerate(np.split(x, np.cumsum(sizes)[:-1])):
            np.save(Path(folder) / f"part-{number}.npy", part)
        rows = open_rows(folder)
        assert rows.shape == x.shape
        order = np.array(random.choices(range(len(x)), k=2 * len(x)))
        for some in (*minibatches(len(order), batch_size, order=order), *minibatches(len(x), 7)):
            assert np.array_equal(rows.batch(some).numpy(), x[some.samples])


@pytest.mark.filterwarnings("ignore:Reading is slow")
@settings(deadline=None)  # the first call imports pyarrow
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=3),
    st.sampled_from(["columns", "lists"]),
    st.sampled_from([".parquet", ".feather"]),
    st.sampled_from([kind for kind in KINDS if kind[0] not in ">?"]),
    st.integers(1, 12),
    st.integers(200, 2000),
    st.randoms(use_true_random=False),
)
def test_files_of_groups_give_the_rows_of_numpy_with_any_cache(
    sizes: list[int],
    form: str,
    suffix: str,
    kind: str,
    group: int,
    memory: int,
    random: Any,
) -> None:
    x = rows_of(sum(sizes), 2, kind)
    with tempfile.TemporaryDirectory() as folder:
        for number, part in enumerate(np.split(x, np.cumsum(sizes)[:-1])):
            WRITE[form](Path(folder) / f"part-{number}{suffix}", part, group)
        rows = open_rows(folder, memory=memory)
        assert rows.shape == x.shape
        order = np.array(random.choices(range(len(x)), k=2 * len(x)))
        for some in (*minibatches(len(order), 5, order=order), *minibatches(len(x), 7)):
            assert np.array_equal(rows.batch(some).numpy(), x[some.samples])


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
@pytest.mark.parametrize("form", ["columns", "lists"])
def test_no_more_groups_are_kept_than_memory_allows(tmp_path: Path, form: str, suffix: str) -> None:
    x = rows_of(1000, 2, "f4")
    path = (tmp_path / "a").with_suffix(suffix)
    WRITE[form](path, x, 10)
    rows = open_rows(path, memory=350)  # a group takes 80 bytes
    cache = rows._cache
    assert cache is not None
    for some in minibatches(1000, 100, order=np.random.default_rng(0).permutation(1000)):
        rows.batch(some)
        held = sum(group.nbytes for group in cache._groups.values())
        assert held == 320


def test_groups_in_the_cache_are_used_before_others_push_them_out(tmp_path: Path) -> None:
    write_lists(tmp_path / "a.parquet", rows_of(80, 2, "f4"), 10)
    rows = open_rows(tmp_path / "a.parquet", memory=320)  # four groups
    rows.batch(picked(45, 55, 65, 75))
    rows.batch(picked(5, 15, 25, 35, 46, 56, 66, 76))
    rows.batch(picked(6, 16, 26, 36))
    cache = rows._cache
    assert cache is not None
    assert cache._decoded == 80


def test_columns_are_picked_in_the_order_asked_and_targets_come_along(tmp_path: Path) -> None:
    x, names = rows_of(9, 4, "f4"), np.array(["a", "b", "ä"] * 3)
    np.save(tmp_path / "a.npy", x)
    rows = open_rows(tmp_path / "a.npy", columns=[3, 0], target=1)
    assert rows.columns == ("3", "0")
    assert np.array_equal(rows.batch(span(2, 5)).numpy(), x[2:5][:, [3, 0]])
    assert rows.targets is not None
    assert rows.targets.tolist() == x[:, 1].tolist()
    assert open_rows(tmp_path / "a.npy", target=1).columns == ("0", "2", "3")
    assert open_rows(tmp_path / "a.npy").targets is None
    write_columns(tmp_path / "a.parquet", x, y=names, z=pa.array(names).dictionary_encode())
    rows = open_rows(tmp_path / "a.parquet", ["c2", "c1"], "y")
    assert rows.columns == ("c2", "c1")
    assert np.array_equal(rows.batch(picked(8, 2)).numpy(), x[[8, 2]][:, [2, 1]])
    assert rows.targets is not None
    assert rows.targets.tolist() == names.tolist()
    coded = open_rows(tmp_path / "a.parquet", ["c2"], "z").targets
    assert coded is not None
    assert coded.tolist() == names.tolist()
    write_lists(tmp_path / "b.parquet", x, y=np.arange(9))
    rows = open_rows(tmp_path / "b.parquet", target="y")
    assert rows.columns == ("rows.0", "rows.1", "rows.2", "rows.3")
    assert rows.targets is not None
    assert rows.targets.tolist() == list(range(9))


def test_targets_of_a_folder_follow_its_files(tmp_path: Path) -> None:
    x = rows_of(10, 2, "f4")
    for name, rows in {"b": slice(4, 10), "a": slice(0, 4)}.items():
        write_columns(tmp_path / f"{name}.parquet", x[rows], y=np.arange(10)[rows])
    (tmp_path / "_metadata.parquet").write_bytes(b"no rows")
    (tmp_path / "read me.txt").write_text("no rows")
    opened = open_rows(tmp_path, target="y")
    assert opened.targets is not None
    assert opened.targets.tolist() == list(range(10))


@pytest.mark.parametrize(
    ("kind", "own"), [("u1", torch.float32), ("f8", torch.float64), ("i8", torch.float64)]
)
@pytest.mark.parametrize("wanted", [torch.float32, torch.float64, torch.bfloat16])
def test_training_gets_its_own_type_with_the_values_of_an_array(
    tmp_path: Path, kind: str, own: torch.dtype, wanted: torch.dtype
) -> None:
    x = (1e6 * np.random.default_rng(0).random((20, 3))).astype(kind)
    np.save(tmp_path / "a.npy", x)
    rows, like = open_rows(tmp_path / "a.npy"), torch.zeros(1, dtype=wanted)
    assert rows.batch(span(0, 2)).dtype is own
    source, array = row_source(rows, 3, like, "x"), row_source(x, 3, like, "x")
    assert torch.equal(source.batch(picked(19, 3)), array.batch(picked(19, 3)))
    assert value_range(source) == value_range(array)
    assert rows.batch(span(0, 2)).dtype is own


def test_rows_of_many_shards_need_no_descriptor_each(tmp_path: Path) -> None:
    for part in range(300):
        np.save(tmp_path / f"{part:03}.npy", np.full((2, 1), part, np.float32))
    rows = open_rows(tmp_path)
    before = n_descriptors()
    assert rows.batch(span(0, 600)).sum() == 2 * sum(range(300))
    assert n_descriptors() == before


def n_descriptors() -> int:
    folder = Path("/proc/self/fd")
    return len([*folder.iterdir()]) if folder.exists() else 0


def test_rows_can_be_pickled(tmp_path: Path) -> None:
    x = rows_of(20, 2, "f4")
    np.save(tmp_path / "a.npy", x)
    write_lists(tmp_path / "a.parquet", x)
    write_lists(tmp_path / "a.feather", x)
    for name in ("a.npy", "a.parquet", "a.feather"):
        rows = pickle.loads(pickle.dumps(open_rows(tmp_path / name)))
        assert np.array_equal(rows.batch(picked(7, 3)).numpy(), x[[7, 3]])


def test_groups_that_do_not_fit_together_are_reported_once(tmp_path: Path) -> None:
    write_lists(tmp_path / "a.parquet", rows_of(2000, 2, "f4"), 100)
    rows = open_rows(tmp_path / "a.parquet", memory=2000)
    order = np.random.default_rng(0).permutation(2000)
    often = minibatches(10_000, 10, order=np.tile(order, 5))
    with pytest.warns(RuntimeWarning, match=r"Reading is slow: .* sdae\.data\.convert") as said:
        sizes = {len(rows.batch(some)) for some in often}
    assert sizes == {10}
    assert len(said) == 1
    warning = said[0].message
    assert isinstance(warning, SlowReadingWarning)
    advice = "Give more --memory, or rewrite the file with smaller groups by sdae convert."
    assert warning.in_commands.endswith(advice)
    assert "sdae.data" not in warning.in_commands


CHOICES = [
    slice(None, None, 2),
    slice(None, None, -1),
    slice(15, 3, -4),
    slice(-5, None),
    slice(7, 2),
    np.arange(20) % 3 == 0,
    np.array([5, 2, 2]),
    [4, 1],
]


@pytest.mark.parametrize("first", CHOICES, ids=str)
@pytest.mark.parametrize("then", [slice(None), slice(1, None, 3), slice(None, None, -1)], ids=str)
def test_rows_are_picked_as_from_an_array(tmp_path: Path, first: Any, then: slice) -> None:
    x = rows_of(20, 2, "f4")
    np.save(tmp_path / "a.npy", x)
    found = open_rows(tmp_path / "a.npy")[first][then]
    assert found.shape == x[first][then].shape
    assert np.array_equal(found.in_memory(), x[first][then])


@pytest.mark.parametrize("chosen", [3, np.int64(3), (slice(None), 0), None])
def test_single_rows_and_columns_are_not_picked(tmp_path: Path, chosen: Any) -> None:
    np.save(tmp_path / "a.npy", rows_of(20, 2, "f4"))
    with pytest.raises(DataError, match=r"one row is rows\[k : k \+ 1\].*columns="):
        open_rows(tmp_path / "a.npy")[chosen]


LABELS: list[list[Any]] = [
    [pa.array(["a", "b"]), pa.nulls(2)],
    [pa.nulls(2), pa.array(["a", "b"]).dictionary_encode()],
    [pa.array([True, False]), pa.nulls(2)],
    [pa.array([1, 2]), pa.nulls(2), pa.array([3, None])],
    [pa.array([1, 2]), pa.array([3.0, None])],
    [pa.array([1, None]), pa.array([3.0, 4.5])],
    [pa.array([1.5, 2.5]), pa.nulls(2)],
    [pa.nulls(2), pa.nulls(2)],
]
WANTED: list[list[Any]] = [
    ["a", "b", None, None],
    [None, None, "a", "b"],
    [True, False, None, None],
    [1, 2, None, None, 3, None],
    [1.0, 2.0, 3.0, np.nan],
    [1.0, np.nan, 3.0, 4.5],
    [1.5, 2.5, np.nan, np.nan],
    [np.nan] * 4,
]


@pytest.mark.parametrize(("parts", "wanted"), [*zip(LABELS, WANTED, strict=True)])
@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_labels_that_some_files_lack_are_missing(
    tmp_path: Path, suffix: str, parts: list[Any], wanted: list[Any]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, part in enumerate(parts):
        write_columns(folder / f"{number}{suffix}", rows_of(2, 2, "f4"), y=part)
    convert(folder, tmp_path / f"one{suffix}", target="y")
    for path in (folder, tmp_path / f"one{suffix}"):
        targets = open_rows(path, target="y").targets
        assert targets is not None
        assert list(map(repr, targets.tolist())) == list(map(repr, wanted))


@pytest.mark.filterwarnings("ignore:Reading is slow")
def test_threads_that_share_groups_leave_room_for_them(tmp_path: Path) -> None:
    """What two threads decode at the same time is counted once."""
    x = rows_of(2_000, 4, "f4")
    write_lists(tmp_path / "a.parquet", x, 100)
    rows = open_rows(tmp_path / "a.parquet", memory=3 * x[:100].nbytes)

    def look(seed: int) -> None:
        random = np.random.default_rng(seed)
        for _ in range(60):
            places = np.sort(random.integers(0, len(x), 8))
            assert np.array_equal(rows.batch(picked(*places)).numpy(), x[places])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(look, range(4)))
    finally:
        sys.setswitchinterval(interval)
    for places in (5, 105, 205):
        rows.batch(picked(places))
    cache = rows._cache
    assert cache is not None
    assert all((str(tmp_path / "a.parquet"), group) in cache for group in range(3))
    assert len(cache._groups) == 3


def test_rows_in_another_type_are_read_ahead_by_themselves(tmp_path: Path) -> None:
    x = rows_of(40, 3, "f4")
    np.save(tmp_path / "a.npy", x)
    rows = open_rows(tmp_path / "a.npy")
    one, two = (rows.delivered_as(torch.empty(0)) for _ in range(2))
    for each in (one, two):
        each.expect(picked(*range(20)))
    for first in (0, 10):
        for each in (one, two):
            assert np.array_equal(
                each.batch(span(first, first + 10)).numpy(), x[first : first + 10]
            )
