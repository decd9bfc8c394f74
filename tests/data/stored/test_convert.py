"""Rows that are rewritten in blocks: the same values, in groups of the size asked, or no file."""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdae.core.errors import DataError, FileAccessError, InvalidParameterError
from sdae.data import convert, open_rows
from tests.data.memory import memory_below
from tests.data.stored.files import span, write_columns, write_lists

X = np.random.default_rng(0).random((25, 3)).astype("f4")


def save_npy(path: Path, x: Any) -> None:
    np.save(path, x)


WRITE: dict[str, Any] = {"npy": save_npy, "columns": write_columns, "lists": write_lists}


@settings(deadline=None)  # the first call imports pyarrow
@given(
    st.sampled_from(sorted(WRITE)),
    st.lists(st.integers(1, 20), min_size=1, max_size=3),
    st.sampled_from([".npy", ".parquet", ".feather"]),
    st.integers(1, 30),
    st.sampled_from(["f4", "f8", "u1", "i8"]),
)
def test_converted_rows_are_the_same(
    form: str, sizes: list[int], end: str, n_rows: int, kind: str
) -> None:
    x = (100 * np.random.default_rng(1).random((sum(sizes), 2))).astype(kind)
    suffix = ".npy" if form == "npy" else ".parquet"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "rows"
        folder.mkdir()
        for number, part in enumerate(np.split(x, np.cumsum(sizes)[:-1])):
            WRITE[form](folder / f"{number}{suffix}", part)
        new = Path(temporary) / f"new{end}"
        convert(folder, new, rows_per_group=n_rows)
        assert np.array_equal(open_rows(new).batch(span(0, len(x))).numpy(), x)
        if end == ".npy":
            assert np.array_equal(np.load(new), x)
        else:
            assert groups_of(new) == [min(n_rows, len(x) - k) for k in range(0, len(x), n_rows)]


def groups_of(path: Path) -> list[int]:
    """Return the numbers of rows of the groups of a file."""
    if path.suffix == ".parquet":
        metadata = pq.ParquetFile(path).metadata
        return [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]
    with pa.ipc.open_file(path) as file:
        return [file.get_batch(k).num_rows for k in range(file.num_record_batches)]


def test_labels_and_names_go_along(tmp_path: Path) -> None:
    labels = np.array([f"class {place % 3}" for place in range(25)])
    write_columns(tmp_path / "a.parquet", X, y=labels)
    convert(tmp_path / "a.parquet", tmp_path / "b.parquet", ["c2", "c0"], "y", rows_per_group=7)
    rows = open_rows(tmp_path / "b.parquet", target="y")
    assert rows.targets is not None
    assert rows.targets.tolist() == labels.tolist()
    assert np.array_equal(rows.batch(span(0, 25)).numpy(), X[:, [2, 0]])
    names = pq.read_schema(tmp_path / "b.parquet").metadata[b"sdae.columns"]
    assert json.loads(names) == ["c2", "c0"]
    np.save(tmp_path / "a.npy", X)
    convert(tmp_path / "a.npy", tmp_path / "c.parquet", target=1)
    rows = open_rows(tmp_path / "c.parquet", target="y.1")
    assert rows.targets is not None
    assert rows.targets.tolist() == X[:, 1].tolist()


def test_groups_that_are_too_large_to_train_from_are_made_smaller(tmp_path: Path) -> None:
    write_lists(tmp_path / "a.parquet", X, group=25)
    with pytest.raises(DataError, match="has a row group of 25 rows"):
        open_rows(tmp_path / "a.parquet", memory=100)
    convert(tmp_path / "a.parquet", tmp_path / "a.parquet", rows_per_group=5)
    assert open_rows(tmp_path / "a.parquet", memory=100).shape == (25, 3)


def test_the_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((100_000, 100), np.float32))
    with memory_below(10e6):
        convert(tmp_path / "a.npy", tmp_path / "b.npy")
    assert open_rows(tmp_path / "b.npy").shape == (100_000, 100)


@pytest.mark.parametrize("end", [".npy", ".parquet", ".feather"])
def test_a_conversion_that_fails_leaves_the_older_file(tmp_path: Path, end: str) -> None:
    bad = X.copy()
    bad[20, 1] = np.inf
    np.save(tmp_path / "bad.npy", bad)
    np.save(tmp_path / "good.npy", X)
    new = tmp_path / f"new{end}"
    convert(tmp_path / "good.npy", new)
    before = new.read_bytes()
    with pytest.raises(DataError, match=r"bad\.npy, row 20 .* missing, infinite or too large"):
        convert(tmp_path / "bad.npy", new, rows_per_group=4)
    assert new.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.npy", "good.npy", new.name]


@pytest.mark.parametrize(
    ("new", "options", "kind", "problem"),
    [
        ("b.csv", {}, DataError, "b.csv must end in .npy, .parquet, .feather, .arrow, the"),
        ("b.npy", {"target": 0}, DataError, "b.npy cannot hold labels beside rows. Leave target"),
        ("b.npy", {"rows_per_group": 0}, InvalidParameterError, "rows_per_group parameter of conv"),
        ("no/b.npy", {}, FileAccessError, "does not exist"),
        ("b.npy", {"columns": [9]}, DataError, "has columns 0 to 2"),
    ],
)
def test_what_cannot_be_converted(
    tmp_path: Path, new: str, options: Any, kind: type[Exception], problem: str
) -> None:
    np.save(tmp_path / "a.npy", X)
    with pytest.raises(kind, match=re.escape(problem)):
        convert(tmp_path / "a.npy", tmp_path / new, **options)


@pytest.mark.parametrize("suffix", [".csv", ".npy"])
def test_numbers_are_rounded_to_32_bits_if_asked_for(suffix: str, tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((50, 3))
    y = np.arange(50) + 0.1
    source, target = tmp_path / f"rows{suffix}", None
    if suffix == ".csv":
        target = "y"
        lines = [
            ",".join(map(repr, map(float, (*row, label)))) for row, label in zip(x, y, strict=True)
        ]
        source.write_text("\n".join(["a,b,c,y", *lines]))
    else:
        np.save(source, x)
    for float32, kind in ((False, np.float64), (True, np.float32)):
        convert(source, tmp_path / "new.parquet", target=target, float32=float32)
        rows = open_rows(tmp_path / "new.parquet", target=target)
        assert rows.dtype == kind
        assert np.array_equal(rows.batch(span(0, 50)).numpy(), x.astype(kind))
        assert rows.targets is None or rows.targets.tolist() == y.tolist()


@pytest.mark.parametrize("form", sorted(WRITE))
def test_a_value_that_is_missing_is_named_with_its_column(tmp_path: Path, form: str) -> None:
    if form == "lists":  # NaN there is a number as any other
        name, suffix = "rows.1", ".parquet"
    else:
        name, suffix = ("1", ".npy") if form == "npy" else ("c1", ".parquet")
    bad = X.copy()
    bad[20, 1] = np.nan
    WRITE[form](tmp_path / f"bad{suffix}", bad)
    problem = (
        rf"bad\{suffix}, row 20 .* missing, .* in column '{name}'\. Fill it in, or drop the row"
    )
    with pytest.raises(DataError, match=problem):
        convert(tmp_path / f"bad{suffix}", tmp_path / "new.npy", rows_per_group=6)


@pytest.mark.parametrize("new", ["new.npy", "a.npy", "../rows/new.npy"])
def test_a_folder_is_not_converted_into_itself(tmp_path: Path, new: str) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    np.save(folder / "a.npy", X)
    with pytest.raises(DataError, match=r"would be one of the files of .*outside that folder"):
        convert(folder, folder / new)
    assert [path.name for path in folder.iterdir()] == ["a.npy"]
    convert(folder, folder / "_new.npy")  # left out when the folder is read
    convert(folder / "a.npy", folder / "b.npy")
    assert open_rows(folder).shape == (50, 3)
