"""Parquet and Feather as tables of typed columns; one table in each format."""

import decimal
import io
import struct
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given

from sdae.core.errors import DataError, FileFormatError, MissingExtraError
from sdae.data import load_dataset, open_rows
from sdae.data.tables import ReadOptions, read_table
from tests.data.damage import FUZZ, damaged
from tests.data.memory import arrow_memory_below
from tests.data.raw_columns import columns, outcome, read

DAY = 86_400.0
FORMATS = ("parquet", "lz4", "zstd", "uncompressed")


def packed(table: pa.Table, form: str) -> bytes:
    """Return a table as Parquet, or as Feather with a compression."""
    stream = io.BytesIO()
    if form == "parquet":
        pq.write_table(table, stream)
    else:
        pyarrow.feather.write_feather(table, stream, compression=form)
    return stream.getvalue()


def test_a_decimal_is_the_nearest_double(tmp_path: Path) -> None:
    decimals = [decimal.Decimal(number).scaleb(-2) for number in range(-999, 1000)]
    path, nearest = tmp_path / "a.parquet", [float(number) for number in decimals]
    pq.write_table(pa.table({"a": decimals}), path)
    (typed,) = read_table(path, ReadOptions()).table
    assert typed.values.tolist() == nearest
    assert load_dataset(path).train.x[:, 0].tolist() == nearest
    assert next(open_rows(path).blocks(5000))[:, 0].tolist() == nearest


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("column", "found"),
    [
        (pa.array([1, None, 3]), ("number", [1, None, 3])),
        (pa.array([1.5, float("nan"), None]), ("number", [1.5, None, None])),
        (pa.array([1, 2], pa.uint8()), ("number", [1, 2])),
        (pa.array([decimal.Decimal("1.25"), None]), ("number", [1.25, None])),
        (pa.array([True, None, False]), ("boolean", [1, None, 0])),
        (pa.array(["red", None, "", " ", "NA"]), ("text", ["red", None, None, None, "NA"])),
        (pa.array(["red", ""]).dictionary_encode(), ("text", ["red", None])),
        (pa.array(["red", None], pa.large_string()), ("text", ["red", None])),
        (pa.array(["red", None]).dictionary_encode(), ("text", ["red", None])),
        (pa.array([7, None, 7]).dictionary_encode(), ("number", [7, None, 7])),
        (pa.array([date(1970, 1, 2), None]), ("date", [DAY, None])),
        (pa.array([datetime(1970, 1, 2), None], pa.timestamp("ns")), ("date", [DAY, None])),
        (
            pa.array([datetime(1970, 1, 2, tzinfo=UTC)], pa.timestamp("ms", "Europe/Berlin")),
            ("date", [DAY]),
        ),
        (pa.array([timedelta(hours=1), None]), ("number", [3600, None])),
        (pa.nulls(2), ("number", [None, None])),
    ],
)
def test_a_column_has_the_type_of_its_values(
    form: str, column: Any, found: tuple[str, list[Any]], tmp_path: Path
) -> None:
    content = packed(pa.table({"a": column}), form)
    assert columns(read(content, tmp_path, "t.parquet").table) == {"a": found}


def test_a_dictionary_is_a_declared_category_and_integers_are_whole(tmp_path: Path) -> None:
    table = pa.table(
        {
            "a": pa.array(["x", "y"]).dictionary_encode(),
            "b": pa.array([1, 2]).dictionary_encode(),
            "c": ["x", "y"],
            "d": [1, 2],
            "e": [1.0, 2.0],
        }
    )
    for form in FORMATS:
        found = read(packed(table, form), tmp_path, "t.feather").table
        assert [column.declared for column in found] == [True, True, False, False, False]
        assert [column.whole for column in found] == [False, True, False, True, False]


def test_types_that_are_no_values_of_a_table_are_named_all_at_once(tmp_path: Path) -> None:
    table = pa.table({"a": [[1]], "b": [b"x"], "c": [1.5]})
    content = packed(table, "parquet")
    with pytest.raises(DataError, match=r"'a' is of type list.* 'b' is of type binary"):
        read(content, tmp_path, "t.parquet")
    kept = read(content, tmp_path, "t.parquet", drop=frozenset("ab"))
    assert columns(kept.table) == {"c": ("number", [1.5])}


def test_gaps_dates_and_row_names_may_be_named(tmp_path: Path) -> None:
    table = pa.table(
        {
            "a": [1.0, -999.0],
            "b": ["x", "?"],
            "day": ["1970-01-02", None],
            "n": [19700102, 19700101],
        }
    )
    options: dict[str, Any] = {
        "na_values": frozenset({"-999", "?"}),
        "parse_dates": frozenset({"day", "n"}),
    }
    for form in FORMATS:
        found = read(packed(table, form), tmp_path, "t.arrow", **options)
        assert columns(found.table) == {
            "a": ("number", [1, None]),
            "b": ("text", ["x", None]),
            "day": ("date", [DAY, None]),
            "n": ("date", [DAY, 0]),
        }
        ids = read(packed(table, form), tmp_path, "t.arrow", id=("n", "b")).ids
        assert columns(ids) == {"n": ("text", ["19700102", "19700101"]), "b": ("text", ["x", "?"])}


def test_a_word_for_missing_counts_in_columns_that_name_rows_too(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"who": ["a", "?"], "x": [1, 2]}), path)
    found = read_table(path, ReadOptions(id=("who",), na_values=frozenset({"?"})))
    assert found.ids.columns[0].values.tolist() == ["a", None]


def test_the_index_of_pandas_is_left_out_with_a_word(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.5, 2.5]}, index=[3, 4])
    frame.to_parquet(tmp_path / "t.parquet")
    found = read_table(tmp_path / "t.parquet")
    assert found.table.names == ("a",)
    assert [remark.column for remark in found.remarks] == ["__index_level_0__"]


def test_one_table_is_the_same_in_each_format(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n_rows = 200
    gaps = rng.random((n_rows, 5)) < 0.1
    frame = pd.DataFrame(
        {
            "x": np.where(gaps[:, 0], np.nan, rng.normal(size=n_rows)),
            "count": pd.array(rng.integers(0, 99, n_rows), "Int64"),
            "flag": pd.array(rng.random(n_rows) < 0.5, "boolean"),
            "colour": rng.choice(["red", "green", "blue, dark"], n_rows),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n_rows), "D"),
        }
    )
    for place, name in enumerate(("count", "flag", "colour", "day"), start=1):
        frame.loc[gaps[:, place], name] = None
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "d.csv", index=False, sep=";", decimal=",")
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_feather(tmp_path / "t.feather")
    options = ReadOptions(parse_dates=frozenset({"day"}))
    found = [
        read_table(tmp_path / name, options).table
        for name in ("t.csv", "d.csv", "t.parquet", "t.feather")
    ]
    assert all(columns(table) == columns(found[0]) for table in found)
    assert len({tuple(column.whole for column in table) for table in found}) == 1


def test_rows_of_many_batches_keep_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdae.data.tables.arrow_file._BATCH_ROWS", 7)
    table = pa.table({"a": range(50), "b": [f"t{k % 11}" for k in range(50)]})
    expected = {"a": ("number", list(range(50))), "b": ("text", [f"t{k % 11}" for k in range(50)])}
    assert columns(read(packed(table, "parquet"), tmp_path, "t.parquet").table) == expected
    stream = io.BytesIO()
    pyarrow.feather.write_feather(table, stream, chunksize=7)
    assert columns(read(stream.getvalue(), tmp_path, "t.feather").table) == expected


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = packed(pa.table({"a": [1]}), "lz4")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r'pip install "sdae\[tables\]"'):
        read(content, tmp_path, "t.feather")


# -- hostile files ---------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["zstd", "lz4"])
def test_a_feather_file_that_unpacks_beyond_measure_is_not_unpacked(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdae.data.bounds._ALWAYS", 4_000_000)
    monkeypatch.setattr("sdae.data.bounds._RATIO", 4)
    content = packed(pa.table({"a": np.zeros(2_000_000)}), form)
    assert len(content) < 1_000_000
    with (
        arrow_memory_below(1e6),
        pytest.raises(FileFormatError, match="far too many for a file of"),
    ):
        read(content, tmp_path, "t.feather")


def test_a_length_that_a_buffer_only_claims_is_not_allocated(tmp_path: Path) -> None:
    values = np.arange(1000.0)
    content = bytearray(packed(pa.table({"a": values}), "lz4"))
    claimed = struct.pack("<q", values.nbytes)
    assert content.count(claimed) == 1
    content[content.index(claimed) :][:8] = b""
    place = content.index(claimed)
    content[place : place + 8] = struct.pack("<q", 1 << 45)
    with (
        arrow_memory_below(1e6),
        pytest.raises(FileFormatError, match=r"35,184,372,[\d,]+ bytes .* far too many"),
    ):
        read(bytes(content), tmp_path, "t.feather")


def test_a_parquet_file_of_too_many_rows_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdae.data.bounds._ALWAYS", 4_000_000)
    content = packed(pa.table({"a": np.zeros(2_000_000)}), "parquet")
    with (
        arrow_memory_below(2e6),
        pytest.raises(FileFormatError, match="far too many for a file of"),
    ):
        read(content, tmp_path, "t.parquet")


def test_an_old_feather_file_is_converted_with_pandas(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"an old Feather file.*pandas.read_feather"):
        read(b"FEA1" + bytes(100), tmp_path, "t.feather")


SOUND = pa.table(
    {
        "x": [1.5, None, 3.5],
        "n": [1, 2, 3],
        "c": pa.array(["a", "b", "a"]).dictionary_encode(),
        "t": ["x", None, "y"],
        "d": pa.array([date(2020, 1, 1)] * 3),
    }
)


@FUZZ
@given(
    parquet=damaged(packed(SOUND, "parquet")),
    lz4=damaged(packed(SOUND, "lz4")),
    raw=damaged(packed(SOUND, "uncompressed")),
)
def test_a_damaged_file_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, parquet: bytes, lz4: bytes, raw: bytes
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    for name, content in (("t.parquet", parquet), ("t.feather", lz4), ("t.arrow", raw)):
        found = outcome(content, folder, name)
        if isinstance(found, str):
            assert name in found
            assert found.isprintable()
        else:
            assert len({len(column.values) for column in found.table}) == 1
