"""Tables of typed columns, read in blocks: what the readers of whole files give."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sdae.core.errors import DataError, FileFormatError
from sdae.core.schema.raw_table import RawColumn, RawTable, below_each_other
from sdae.data.stored import typed_file, typed_opening
from sdae.data.stored.typed_file import TypedFile
from sdae.data.stored.typed_opening import is_large, open_texts, open_typed
from sdae.data.tables import ReadOptions, read_table
from sdae.data.tables.whole_file import WholeFile
from tests.data.people import WRITERS, people


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed_file, "_CELLS", 12)
    monkeypatch.setattr("sdae.data.csv_lines._CHUNK_ROWS", 3)


def whole(file: TypedFile, names: tuple[str, ...] | None = None) -> RawTable:
    blocks = list(file.blocks(names or file.columns))
    assert len(blocks) > 1
    return RawTable([below_each_other(list(parts)) for parts in zip(*blocks, strict=True)])


def assert_same(found: RawColumn, expected: RawColumn) -> None:
    assert (found.name, found.type) == (expected.name, expected.type)
    assert (found.declared, found.whole) == (expected.declared, expected.whole)
    np.testing.assert_array_equal(found.values, expected.values)


def assert_reads_as_whole(path: Path, options: ReadOptions, targets: tuple[str, ...] = ()) -> None:
    expected = read_table(path, options, targets=targets)
    file = open_typed(path, options, targets)
    columns = {column.name: column for column in (*expected.table, *expected.ids)}
    assert set(file.columns) == set(columns)
    for column in whole(file):
        assert_same(column, columns[column.name])
    assert file.n_rows == len(expected.table)
    assert file.written == expected.written
    assert [each.text for each in file.remarks] == [each.text for each in expected.remarks]
    for name, labels in zip(targets, expected.labels, strict=True):
        typed, texts = file.labels(name)
        assert_same(typed, columns[name])
        assert texts.values.tolist() == labels.values.tolist()


@pytest.mark.parametrize("suffix", WRITERS)
def test_blocks_together_are_the_table(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"people{suffix}"
    WRITERS[suffix](people(), path)
    dates = frozenset({"since"})
    assert_reads_as_whole(path, ReadOptions(parse_dates=dates, id=("name",)), ("class",))
    assert_reads_as_whole(path, ReadOptions(drop=frozenset({"town", "name"})), ("count",))
    assert_reads_as_whole(path, ReadOptions(keep=frozenset({"size"})), ("smoker",))
    marks = ReadOptions(na_values=frozenset({"Ghent", "3"}), categorical=frozenset({"count"}))
    assert_reads_as_whole(path, marks)


@pytest.mark.parametrize("kind", [".parquet", ".feather"])
def test_files_of_a_folder_follow_each_other(kind: str, tmp_path: Path) -> None:
    table = people()
    table["town"] = table["town"].astype("category")
    folder = tmp_path / "parts"
    folder.mkdir()
    for number in range(3):
        WRITERS[kind](table[17 * number : 17 * number + 17], folder / f"{number}{kind}")
    WRITERS[kind](table, tmp_path / f"one{kind}")
    expected = read_table(tmp_path / f"one{kind}").table
    for found, column in zip(whole(open_typed(folder, ReadOptions())), expected, strict=True):
        assert_same(found, column)


def test_a_folder_whose_files_differ_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"a": ["1", "2"], "b": ["x", "y"]}), tmp_path / "1.parquet")
    with pytest.raises(DataError, match=r"1\.parquet has values of type string in column 'a'"):
        open_typed(tmp_path, ReadOptions())
    pq.write_table(pa.table({"b": ["x", "y"]}), tmp_path / "1.parquet")
    with pytest.raises(DataError, match=r"1\.parquet has no column 'a'"):
        open_typed(tmp_path, ReadOptions())


TEXTS = {
    "decimal commas": "a;b\n" + "\n".join(f"{k},5;x{k % 3}" for k in range(20)) + "\n",
    "decimal commas only at the end": "a;b\n" + "1.234;x\n" * 19 + "1,5;y\n",
    "floats only at the end": "a,b\n" + "1,x\n" * 19 + "2.5,y\n",
    "a text only at the end": "a,b\n" + "1,2\n" * 19 + "q,2\n",
    "gaps only at the beginning": "a,b\n" + ",2\n" * 19 + "1,2\n",
    "an index, and a column without a name and values": ",a,\n" + "0,1,\n" * 20,
    "quotes over lines": "a,b\n" + '"x\ny",2\n' * 20,
    "another separator": "a|b\n" + "1|2\n" * 20,
    "one value in a row": "a,b\n" + "yes,1\n\nno,2\n" * 10,
    "a mark of the byte order": "\ufeffa,b\n" + "1,2\n" * 20,
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_csv_is_understood_as_a_whole(case: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TEXTS[case], encoding="utf-8", newline="")
    assert_reads_as_whole(path, ReadOptions())
    assert_reads_as_whole(path, ReadOptions(usual_decimal=","))


@pytest.mark.parametrize("suffix", WRITERS)
def test_cells_are_read_as_they_stand_in_the_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"people{suffix}"
    WRITERS[suffix](people(), path)
    names = ["name", "size", "town"]
    expected = WholeFile(path.read_bytes(), str(path)).texts(names)
    file = open_texts(path, None)
    assert list(file.texts(names)) == expected
    assert file.names == list(people().columns)


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for text, message in (
        ("a,b\n1,2\n1\n", "line 3, has 1 fields"),
        ("a,b\n1,2\n\0,3\n", "line 3, is not text"),
        ("a,a\n1,2\n", "two columns named 'a'"),
        ("a,b\n", "is empty: it has 0 rows"),
        ("", "is empty: it has no header line"),
        ('a,b\n1,2\n"1,2\n', "is not valid CSV"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            open_typed(path, ReadOptions())
    path.write_text("a,b\n1,x\n2,y\n")
    with pytest.raises(DataError, match="'x', which is not a date"):
        open_typed(path, ReadOptions(parse_dates=frozenset({"b"})))
    with pytest.raises(DataError, match="has no column 'c'"):
        open_typed(path, ReadOptions(), ("c",))
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 1000)[:-20])
    with pytest.raises(FileFormatError, match="damaged"):
        open_typed(packed, ReadOptions())
    pq.write_table(pa.table({"a": [[1], [2]], "b": [1, 2]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="of type list"):
        open_typed(tmp_path / "a.parquet", ReadOptions())


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".feather"])
def test_a_file_that_changed_meanwhile_is_an_error(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"people{suffix}"
    WRITERS[suffix](people(), path)
    file = open_typed(path, ReadOptions())
    WRITERS[suffix](people(60), path)
    with pytest.raises(FileFormatError, match="changed after it was opened"):
        list(file.blocks(["size"]))


def test_what_stays_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame({"a": ["x"] * 1000})
    for suffix, n_bytes in ((".csv", 2002), (".csv.gz", 2002), (".parquet", 8000)):
        path = tmp_path / f"a{suffix}"
        table.to_parquet(path) if suffix == ".parquet" else WRITERS[suffix](table, path)
        assert is_large(str(path), n_bytes - 1)
        assert not is_large(str(path), n_bytes)
    monkeypatch.setattr(typed_opening, "_MOST_TIMES", 0)  # then nothing is looked at
    assert not is_large(str(tmp_path / "a.parquet"), 7000)
    assert not is_large("-", 0)
    assert not is_large("mnist", 0)
    assert not is_large(str(tmp_path / "missing.csv"), 0)
    np.save(tmp_path / "a.npy", np.eye(3))
    assert not is_large(str(tmp_path / "a.npy"), 0)
