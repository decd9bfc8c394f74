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

N = 400
LABELS: dict[str, tuple[list[Any], Any]] = {
    "decimals": ([Decimal("1.00"), Decimal("2.00")], pa.decimal128(5, 2)),
    "whole decimals": ([Decimal("1"), Decimal("2")], pa.decimal128(5, 0)),
    "large decimals": ([Decimal("1.25"), Decimal("2.50"), None], pa.decimal256(40, 2)),
    "floats": ([1.0, 2.0, None], pa.float64()),
    "single floats": ([1.1, 2.5], pa.float32()),
    "integers": ([1, 2, None], pa.int8()),
    "truth values": ([True, False, None], pa.bool_()),
    "codes": (["007", "7", None], pa.string()),
    "texts of numbers": (["1.00", "2.50"], pa.large_string()),
    "texts": ([" b", "a ", None], pa.string_view()),
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
    assert in_memory.train is not None
    assert on_disk.train is not None
    np.testing.assert_array_equal(on_disk.train[1], in_memory.train[1])
    assert len(on_disk.rows) == len(in_memory.rows)
    if suffix == ".feather":
        assert in_memory.schema is not None
        assert on_disk.schema is not None
        assert on_disk.schema.parts == in_memory.schema.parts


@pytest.mark.parametrize("target", ["2", "-1"])
@pytest.mark.parametrize("kind", ["f4", "f8", ">f4", "i1", "u8", "?"])
@pytest.mark.parametrize("fraction", [0.0, 0.5])
def test_labels_of_an_array_on_the_disk_are_those_in_memory(
    tmp_path: Path, kind: str, fraction: float, target: str
) -> None:
    x = np.random.default_rng(0).integers(0, 2, (N, 3)) * (1 + fraction)
    np.save(tmp_path / "rows.npy", x.astype(kind))
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
