"""Labels of a file are the same whether its rows are read into memory or stay on the disk."""

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from sdae.app.recipes.recipe import DataConfig
from sdae.app.runs.prepare import prepare
from sdae.core.kinds.decoders import Decoder
from sdae.core.source_rows import SourceRows

N = 400
LABELS: dict[str, tuple[list[Any], Any]] = {
    "decimals": ([Decimal("1.00"), Decimal("2.00")], pa.decimal128(5, 2)),
    "whole decimals": ([Decimal("1"), Decimal("2")], pa.decimal128(5, 0)),
    "large decimals": ([Decimal("1.25"), Decimal("2.50"), None], pa.decimal256(40, 2)),
    "floats": ([1.0, 2.0, None], pa.float64()),
    "single floats": ([1.1, 2.5], pa.float32()),
    "floats beside NaN": ([1.5, 2.0, float("nan")], pa.float64()),
    "integers": ([1, 2, None], pa.int8()),
    "truth values": ([True, False, None], pa.bool_()),
    "codes": (["007", "7", None], pa.string()),
    "texts of numbers": (["1.00", "2.50"], pa.large_string()),
    "texts": ([" b", "a ", None], pa.string_view()),
    "words for missing": (["b", "NA", "a", "nan"], pa.string()),
    "long numbers": ([str(2**63), str(2**63 + 1), "12"], pa.string()),
    "a dictionary of texts": (["b", "a", None], pa.dictionary(pa.int8(), pa.string())),
    "a dictionary of integers": ([5, 6, None], pa.dictionary(pa.int8(), pa.int32())),
}


def written(path: Path, table: pa.Table) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=16)
    elif path.suffix == ".feather":
        feather.write_feather(table, str(path), chunksize=16)
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            lines = csv.writer(file)
            lines.writerow(table.column_names)
            for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
                lines.writerow(["" if value is None else value for value in row])
    return path


@pytest.mark.filterwarnings("ignore::sdae.core.user_warnings.DataWarning")
@pytest.mark.parametrize("others", ["numbers", "texts"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".feather"])
@pytest.mark.parametrize("labels", LABELS)
def test_labels_on_the_disk_are_those_in_memory(
    tmp_path: Path, labels: str, suffix: str, others: str
) -> None:
    values, kind = LABELS[labels]
    column = pa.array([values[row % len(values)] for row in range(N)], kind)
    rows: dict[str, Any] = {"a": np.random.default_rng(0).random(N), "b": np.arange(N)}
    if others == "texts":
        rows["c"] = [f"level {row % 3}" for row in range(N)]
    path = written(tmp_path / f"rows{suffix}", pa.table({**rows, "y": column}))
    in_memory, on_disk = (
        prepare(DataConfig(source=str(path), target="y", memory=memory), Decoder.AUTO, 0)
        for memory in ("none", "2KB")
    )
    assert on_disk.head == in_memory.head
    assert on_disk.classes == in_memory.classes
    if labels == "words for missing":  # which a CSV has for gaps, where the others have nulls
        words = () if suffix == ".csv" else ("NA", "nan")
        assert in_memory.classes == tuple(sorted((*words, "a", "b")))
    assert in_memory.train is not None
    assert on_disk.train is not None
    np.testing.assert_array_equal(on_disk.train[1], in_memory.train[1])
    if others == "texts":
        assert in_memory.schema is not None
        assert on_disk.schema is not None
        assert on_disk.schema.parts == in_memory.schema.parts
    else:
        assert (in_memory.schema, on_disk.schema) == (None, None)
        assert on_disk.decoder is in_memory.decoder
    for some, same in ((on_disk.rows, in_memory.rows), (on_disk.unlabelled, in_memory.unlabelled)):
        np.testing.assert_allclose(numbers_of(some), numbers_of(same), rtol=1e-5, atol=1e-6)


def numbers_of(rows: Any) -> Any:
    """Return rows as an array, wherever they are; one without rows if there are none."""
    if rows is None:
        return np.empty(0)
    return np.concatenate([*rows.blocks()]) if isinstance(rows, SourceRows) else np.asarray(rows)


@pytest.mark.parametrize("target", ["2", "-1"])
@pytest.mark.parametrize("kind", ["f4", "f8", ">f4", "i1", "u8", "?"])
@pytest.mark.parametrize("fraction", [0.0, 0.5])
@pytest.mark.parametrize("gaps", [False, True])
def test_labels_of_an_array_on_the_disk_are_those_in_memory(
    tmp_path: Path, kind: str, fraction: float, target: str, *, gaps: bool
) -> None:
    x = (np.random.default_rng(0).integers(0, 2, (N, 3)) * (1 + fraction)).astype(kind)
    if gaps and x.dtype.kind == "f":
        x[::3, 2] = np.nan
    np.save(tmp_path / "rows.npy", x)
    in_memory, on_disk = (
        prepare(
            DataConfig(source=str(tmp_path / "rows.npy"), target=target, memory=memory),
            Decoder.AUTO,
            0,
        )
        for memory in ("none", "2KB")
    )
    assert (on_disk.head, on_disk.classes) == (in_memory.head, in_memory.classes)
    assert in_memory.train is not None
    assert on_disk.train is not None
    np.testing.assert_array_equal(on_disk.train[1], in_memory.train[1])
    assert on_disk.feature_names == in_memory.feature_names
    for some, same in ((on_disk.rows, in_memory.rows), (on_disk.unlabelled, in_memory.unlabelled)):
        np.testing.assert_allclose(numbers_of(some), numbers_of(same), rtol=1e-5, atol=1e-6)
