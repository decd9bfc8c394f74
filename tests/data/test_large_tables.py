"""Tables that take room: read into where they stay, in the type that keeps their numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from sdae.data import exact, load_dataset
from sdae.data.exact import ExactRows, exact_rows
from tests.data.memory import arrow_memory_below, memory_below

MIB = 1 << 20
EXACT = [0.0, 0.5, 255.0, -(2.0**24), 2.0**-149]
INEXACT = [0.1, 2.0**24 + 1, 1.7e9 + 1, 1e-50, 1234567890123.0]


@pytest.mark.parametrize(("n_columns", "groups"), [(20, 10_000), (20, 1 << 20), (300, 1 << 20)])
@pytest.mark.parametrize("kind", [np.float64, np.int64])
def test_parquet_takes_little_more_than_its_table(
    kind: Any, n_columns: int, groups: int, tmp_path: Path
) -> None:
    x = 1e12 * np.random.default_rng(0).normal(size=(6_000_000 // n_columns, n_columns))
    x = x.astype(kind)
    path = tmp_path / "rows.parquet"
    names = [f"c{i}" for i in range(n_columns)]
    pq.write_table(pa.table(dict(zip(names, x.T, strict=True))), path, row_group_size=groups)
    # In all at most 2 times the table, the second of them for what pyarrow decodes.
    with memory_below(1.3 * x.nbytes), arrow_memory_below(0.7 * x.nbytes):
        found = load_dataset(path).train.x
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, x)


def test_a_csv_takes_little_more_than_its_text_and_its_table(tmp_path: Path) -> None:
    line = ",".join(["0.1"] * 100) + "\n"
    path = tmp_path / "rows.csv"
    path.write_text(",".join(f"c{i}" for i in range(100)) + "\n" + line * 10_000)
    with memory_below(path.stat().st_size + 8 * 1_000_000 + 10 * MIB):
        assert load_dataset(path).train.x.dtype == np.float64


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_room_is_made_for_every_row_of_a_csv(end: str, tmp_path: Path) -> None:
    for rows in (["1,2"], ["1,2", "3,4"], ["1,2", "", "", "3,4", '5,"6"']):
        for last in ("", end, end + end):
            path = tmp_path / "rows.csv"
            path.write_bytes((end.join(["a,b", *rows]) + last).encode())
            found = load_dataset(path).train.x.tolist()
            assert found == [[1, 2], [3, 4], [5, 6]][: len([row for row in rows if row])]


def files(folder: Path, column: list[float]) -> list[Path]:
    """Write the same numbers as files of every kind that keeps float64."""
    x = np.array(column)
    (folder / "x.csv").write_text("a,b\n" + "".join(f"{v!r},1\n" for v in column))
    both = np.stack([x, np.ones(len(x))], axis=1)
    np.save(folder / "x.npy", both)
    np.savez(folder / "x.npz", x=both)
    pq.write_table(pa.table({"a": x, "b": np.ones(len(x))}), folder / "x.parquet")
    return [folder / f"x.{kind}" for kind in ("csv", "npy", "npz", "parquet")]


@pytest.mark.parametrize("number", [*EXACT, *INEXACT])
def test_every_reader_keeps_every_number(number: float, tmp_path: Path) -> None:
    for path in files(tmp_path, [1.0, 2.0, number]):
        x = load_dataset(path).train.x
        assert x[:, 0].tolist() == [1.0, 2.0, number], path
        assert x.dtype == (np.float32 if number in EXACT else np.float64), path


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[True, False]]), np.float32),
        (np.array([[255, 0]], np.uint8), np.float32),
        (np.array([[2**24 + 1]], np.int32), np.float64),
        (np.array([[2**24]], np.int64), np.float32),
        (np.array([[2**63 + 2**11]], np.uint64), np.float64),
        (np.array([[0.1]], ">f4"), np.float32),
        (np.array([[0.1]], ">f8"), np.float64),
        (np.array([[0.1]], np.float16), np.float32),
        (np.asfortranarray(np.arange(6.0).reshape(2, 3) / 10), np.float64),
    ],
)
def test_the_type_is_the_narrower_that_keeps_the_numbers(
    values: NDArray[Any], expected: Any
) -> None:
    found = exact_rows(values)
    assert found.dtype == expected
    assert found.flags.c_contiguous
    assert (found == values.astype(np.float64)).all()


def test_the_type_is_that_of_all_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "_BLOCK_CELLS", 4)
    x = np.zeros((20, 2))
    assert exact_rows(x).dtype == np.float32
    x[-1, -1] = 0.1
    assert exact_rows(x).dtype == np.float64
    rows = ExactRows(100, 2)
    for start in range(0, 20, 3):
        rows.add(x[start : start + 3])
    assert len(rows) == 20
    np.testing.assert_array_equal(rows.rows(), x)
