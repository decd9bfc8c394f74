"""Parquet tables."""

import decimal
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given

from sdae.core.errors import DataError, FileFormatError, MissingExtraError
from sdae.data import Dataset, load_dataset, parquet_table
from tests.data.damage import FUZZ, damaged, load_or_refuse
from tests.data.memory import memory_below

PETS = {"width": [1, -3], "height": [2.5, 400.0], "animal": ["cat", "dog"]}


def parquet(columns: dict[str, Any], **options: bool) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, **options)
    return stream.getvalue()


def load(tmp_path: Path, columns: dict[str, Any], target: str | None = None) -> Dataset:
    path = tmp_path / "pets.parquet"
    path.write_bytes(parquet(columns))
    return load_dataset(path, target)


def labels(dataset: Dataset) -> list[object]:
    assert dataset.train.y is not None
    return list(dataset.train.y.tolist())


def test_features_and_labels_are_told_apart_by_name(tmp_path: Path) -> None:
    dataset = load(tmp_path, PETS, "animal")
    assert dataset.train.x.dtype == np.float32
    assert dataset.train.x.tolist() == [[1, 2.5], [-3, 400]]
    assert dataset.train.feature_names == ("width", "height")
    assert labels(dataset) == ["cat", "dog"]


def test_without_a_target_every_column_is_a_feature(tmp_path: Path) -> None:
    train = load(tmp_path, {"a": [1, 2]}).train
    assert train.x.tolist() == [[1], [2]]
    assert train.y is None


@pytest.mark.parametrize(
    ("column", "classes"),
    [
        (pa.array([True, False]), ["True", "False"]),
        (pa.array([1, 0], pa.uint8()), [1, 0]),
        (pa.array(np.array([1, 0], np.float16)), ["1.0", "0.0"]),
        (pa.array([1.0, 0.0]).dictionary_encode(), ["1.0", "0.0"]),
        (pa.array([decimal.Decimal("1.00"), decimal.Decimal("0.00")]), ["1.0", "0.0"]),
    ],
)
def test_every_kind_of_number_is_read_and_is_a_class(
    tmp_path: Path, column: Any, classes: list[Any]
) -> None:
    assert load(tmp_path, {"a": column}).train.x.tolist() == [[1], [0]]
    assert labels(load(tmp_path, {"a": column, "b": column}, "b")) == classes


def test_text_labels_may_be_a_dictionary(tmp_path: Path) -> None:
    column = pa.array(["cat", "dog"]).dictionary_encode()
    assert labels(load(tmp_path, {"a": [1, 2], "animal": column}, "animal")) == ["cat", "dog"]


def test_large_whole_labels_keep_every_digit(tmp_path: Path) -> None:
    big = 2**60 + 1
    assert labels(load(tmp_path, {"a": [1, 2], "y": [big, 1]}, "y")) == [big, 1]


def test_rows_of_many_batches_keep_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdae.data.parquet_table._BATCH_CELLS", 6)
    columns = {"a": range(11), "b": range(0, 22, 2), "y": range(11)}
    dataset = load(tmp_path, {name: list(column) for name, column in columns.items()}, "y")
    assert dataset.train.x.tolist() == [[i, i * 2] for i in range(11)]
    assert labels(dataset) == list(range(11))


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (["cat", "dog"], "string"),
        (pa.array(["cat", "dog"]).dictionary_encode(), "string"),
        ([[1], [2]], "list"),
        (np.array(["2020-01-01", "2021-01-01"], "M8[s]"), "timestamp"),
    ],
)
def test_a_feature_that_is_no_number_is_told(tmp_path: Path, column: Any, kind: str) -> None:
    with pytest.raises(DataError, match=rf"column 'b', has values of type .*{kind}.*get_dummies"):
        load(tmp_path, {"a": [1, 2], "b": column})


@pytest.mark.parametrize("column", [[[1], [2]], [b"a", b"b"]])
def test_a_label_that_is_no_text_or_number_is_told(tmp_path: Path, column: Any) -> None:
    with pytest.raises(DataError, match=r"column 'y', has values of type .*labels must be texts"):
        load(tmp_path, {"a": [1, 2], "y": column}, "y")


@pytest.mark.parametrize(
    "column", [[1, None], [1.0, None], [True, None], [1.0, float("nan")], pa.array([1.0, np.inf])]
)
def test_a_missing_value_is_told_with_its_place(tmp_path: Path, column: Any) -> None:
    with pytest.raises(DataError, match=r"1 value missing.*row 2, column 'b'. Impute"):
        load(tmp_path, {"a": [1, 2], "b": column})


def test_a_column_of_nothing_but_missing_values_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 values missing"):
        load(tmp_path, {"a": pa.nulls(2)})


def test_a_number_too_large_for_float32_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too large for float32, the first in row 1"):
        load(tmp_path, {"a": [1e300]})


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (["cat", None], ["cat"]),
        (["None", " "], ["None"]),  # a word is a class where a gap is a null
        ([1, None], [1]),
        ([1.0, float("nan")], ["1.0"]),
        ([1.5, float("nan")], [[1.5]]),
    ],
)
def test_rows_without_a_label_come_apart(tmp_path: Path, column: Any, wanted: list[Any]) -> None:
    dataset = load(tmp_path, {"a": [1, 2], "y": column}, "y")
    assert dataset.train.x.tolist() == [[1]]
    assert dataset.train.y is not None
    assert dataset.train.y.tolist() == wanted
    assert dataset.unlabelled.tolist() == [[2]]


def test_numbers_with_fractions_are_the_values_of_a_regression(tmp_path: Path) -> None:
    y = load(tmp_path, {"a": [1, 2], "y": [1.0, 2.5]}, "y").train.y
    assert y is not None
    assert y.tolist() == [[1], [2.5]]


def test_one_long_label_of_many_rows_is_refused_with_little_memory(tmp_path: Path) -> None:
    label = pa.array(["x" * 50_000] + ["ok"] * 4000).dictionary_encode()
    refused = pytest.raises(DataError, match="a text of 50,000 characters in row 1")
    with memory_below(20e6), refused:
        load(tmp_path, {"a": [0] * 4001, "y": label}, "y")


def test_a_target_that_is_no_column_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no column 'animl'. Did you mean 'animal'.*width, height"):
        load(tmp_path, PETS, "animl")


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pets.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1])] * 2, names=["a", "a"]), path)
    with pytest.raises(DataError, match="two columns named 'a'"):
        load_dataset(path)


def test_an_empty_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is empty: it has 0 rows and 1 features"):
        load(tmp_path, {"a": pa.array([], pa.float32())})
    with pytest.raises(DataError, match="is empty: it has 2 rows and 0 features"):
        load(tmp_path, {"a": [1, 2]}, "a")


def test_a_table_too_large_for_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdae.data.parquet_table._LIMIT", 3000)
    with pytest.raises(
        FileFormatError, match="1,000 rows of 1 features; sdae reads at most 3,000 bytes"
    ):
        load(tmp_path, {"a": [0] * 1000})


@pytest.mark.parametrize("content", [b"", b"PAR1", b"a,b\n1,2\n" * 9, parquet(PETS)[:-9]])
def test_a_damaged_file_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pets.parquet"
    path.write_bytes(content)
    with pytest.raises(
        FileFormatError, match=r"is not a Parquet file, or is damaged: .*Save it again"
    ):
        load_dataset(path)


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pets.parquet").write_bytes(parquet(PETS))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r'pip install "sdae\[tables\]"'):
        load_dataset(tmp_path / "pets.parquet")


@FUZZ
@given(
    plain=damaged(parquet(PETS, use_dictionary=False)),
    checked=damaged(parquet(PETS, write_page_checksum=True)),
)
def test_damaged_parquet_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, plain: bytes, checked: bytes
) -> None:
    path = tmp_path_factory.mktemp("parquet") / "pets.parquet"
    for content in (plain, checked):
        path.write_bytes(content)
        load_or_refuse(path, "animal")


def test_small_files_are_read_by_columns_and_large_ones_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A buffer takes the memory that a damaged page claims."""
    taken, opened = [], pq.ParquetFile

    def noting(source: Any, **options: Any) -> Any:
        taken.append(options["buffer_size"])
        return opened(source, **options)

    monkeypatch.setattr(pq, "ParquetFile", noting)
    small = load(tmp_path, PETS, "animal")
    monkeypatch.setattr(parquet_table, "_SMALL_FILE", 100)
    large = load(tmp_path, PETS, "animal")
    assert set(taken) == {0, 1 << 16}
    assert (small.train.x == large.train.x).all()


def test_only_the_columns_asked_for_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    columns = {"a.x": [1.0, 3.0], "remark": ["good", None], "b": [2, 4], "y": ["u", "v"]}
    pq.write_table(pa.table(columns), path)
    table = load_dataset(path, "y", ("b", "a.x")).train
    assert table.feature_names == ("a.x", "b")
    assert table.x.tolist() == [[1, 2], [3, 4]]
    assert table.y is not None
    assert table.y.tolist() == ["u", "v"]
