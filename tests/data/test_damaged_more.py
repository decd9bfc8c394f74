"""Files that claim or become too much, take too long, or hold what errors cannot show."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sdae.core.errors import DataError, FileAccessError
from sdae.core.wording import listed, nearest, plain, quoted, reason
from sdae.data import load_dataset
from sdae.data.bounds import MAX_COLUMNS
from sdae.data.csv_lines import CsvLines
from sdae.data.labels import encode_labels, find_classes, read_labels
from tests.data.memory import arrow_memory_below, memory_below
from tests.data.npy_files import ROWS, npy
from tests.data.refusals import MIB, no_longer_than, refused, soon, zipped

# -- CSV ------------------------------------------------------------------------------------------


def test_one_long_label_among_many_short_ones_gives_no_row_its_room(tmp_path: Path) -> None:
    content = b"a,y\n" + b"1,b\n" * 100_000 + b"1," + b"x" * 1000 + b"\n"
    with memory_below(60e6):
        refused(tmp_path / "rows.csv", content, "1,000 characters in row 100001", "y")


def test_long_labels_that_are_all_of_a_length_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,y\n" + b"".join(b"1,%0900d.\n" % (i % 7) for i in range(2000)))
    assert len(set(load_dataset(path, "y").train.y)) == 7  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "target", "match"),
    [
        (b"a\n" + b"1\n" * 1_000_000 + b"x\n", None, "text 'x' in row 1000001"),
        (b"a,y\n" + b"1,1\n" * 500_000 + b"1\n", "y", "line 500002, has 1 fields"),
        (b"a,b\n" + b"1,\n" * 700_000, None, "at least 500 values missing, .* row 1, column 'b'"),
        (b"a,y\n" + b"1,1\n" * 500_000 + b"1,inf\n", "y", r"'y' of .* Got inf"),
        (b"a\n" + b"\n" * 1_500_000, None, "is empty"),
    ],
)
def test_what_is_wrong_at_the_end_of_a_dense_table_is_found_soon(
    tmp_path: Path, content: bytes, target: str | None, match: str
) -> None:
    path = tmp_path / "rows.csv"
    sound = (b"a\n" + b"1\n" * 1_000_000) if target is None else (b"a,y\n" + b"1,1\n" * 500_000)
    with no_longer_than(path, sound, target, factor=2.5):
        refused(path, content, match, target)


def test_missing_values_up_to_the_end_are_counted(tmp_path: Path) -> None:
    refused(tmp_path / "rows.csv", b"a\n1\nnan\nnan\n3\n", r"rows.csv has 2 values missing")


def test_a_row_of_several_lines_is_told_by_its_last(tmp_path: Path) -> None:
    content = b'a,b\n1,"2\n"\n\n"3\r\n\r",4\n5,"6\n\n",7\n'
    refused(tmp_path / "rows.csv", content, "line 10, has 3 fields, but the header has 2")


def test_digits_alone_are_read_as_other_numbers_are(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b,c\n0,9,5\n1,2,3\n")
    assert load_dataset(path).train.x.tolist() == [[0, 9, 5], [1, 2, 3]]
    path.write_text("a,b,c\n,10,5\n")  # as many digits as fields
    with pytest.raises(DataError, match="missing"):
        load_dataset(path)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_line_without_an_end_is_refused_before_it_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr("sdae.data.csv_lines._MAX_LINE", 100)
    path = tmp_path / "rows.csv"
    path.write_bytes(f"a,b{end}{f'1,1{end}' * 100}".encode())
    assert load_dataset(path).train.n_rows == 100
    content = f"a,b{end}{'1,' * 50}1".encode()
    place = 3 + len(end)
    refused(path, content, f"has a line of more than 100 bytes, from byte {place} on")


def test_an_unusual_character_does_not_widen_the_whole_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    content = "a,y\n1,😀\n".encode() + b"1,b\n" * 2_000_000
    with memory_below(1.2 * len(content) + 6 * MIB):
        assert CsvLines(content, "rows.csv").header == ["a", "y"]
    wrong = "a,y\n1,😀\n".encode() + b"1,b\n" * 500_000 + b"1,\xff\n"
    refused(path, wrong, f"byte {len(wrong) - 2} is not valid", "y")
    split = b"a" * (MIB - 1) + "é".encode()[:1]  # a character that does not end, at a piece's end
    refused(path, split, f"byte {MIB - 1} is not valid")


@pytest.mark.parametrize("kind", ["csv", "npy"])
def test_more_columns_than_any_table_has_are_refused(tmp_path: Path, kind: str) -> None:
    n = MAX_COLUMNS + 1
    contents = {
        "csv": ",".join(map(str, range(n))).encode(),
        "npy": npy(np.zeros((1, n), np.uint8)),
    }
    with soon(2):
        refused(
            tmp_path / f"rows.{kind}",
            contents[kind],
            "has 1,048,577 columns; sdae reads at most .*Transpose",
        )


# -- labels and names -----------------------------------------------------------------------------


@pytest.mark.parametrize("order", "<>")
def test_half_a_character_in_a_label_is_refused(tmp_path: Path, order: str) -> None:
    for code in (0xD800, 0xDFFF):
        labels = np.array([97, code, 97], f"{order}u4").view(f"{order}U1")
        content = zipped(x=npy(ROWS), y=npy(labels))
        refused(
            tmp_path / "rows.npz", content, r"\(y\) is damaged: .* characters that do not exist"
        )
    for code in (0xD7FF, 0xE000, 0x10FFFF):
        labels = np.array([97, code, 97], f"{order}u4").view(f"{order}U1")
        path = tmp_path / "rows.npz"
        path.write_bytes(zipped(x=npy(ROWS), y=npy(labels)))
        assert load_dataset(path).train.y is not None


def test_labels_are_counted_before_they_are_read(tmp_path: Path) -> None:
    labels = npy(np.full(3_000_000, "a"))
    with memory_below(40e6):
        refused(tmp_path / "rows.npz", zipped(x=npy(ROWS), y=labels), "3 rows but 3,000,000 labels")


def test_labels_that_hardly_repeat_are_read_like_others() -> None:
    values = [f"c{i}" for i in range(2000)]
    assert read_labels(values, "a").tolist() == values
    assert read_labels([" 7", "7 "] * 5, "a").tolist() == [7] * 10
    assert read_labels([], "a").tolist() == []


NAMES = ("\x1b]0;x\x07", "two\nlines", "\u202e", "x" * 5000, "")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", [None, "no such", "z" * 5000, "\x1b[2J"])
def test_odd_names_of_columns_are_shown_in_one_short_line(
    tmp_path: Path, name: str, target: str | None
) -> None:
    path = tmp_path / "rows.parquet"
    for value in (None, "cat", [1.0]):
        pq.write_table(pa.table({"b": [1.0, 2.0], name: [value, value]}), path)
        refused(path, path.read_bytes(), "rows.parquet", target)
    quote = '"' + name + '"'
    csv = f"b,{quote}\n1,cat\n"
    refused(tmp_path / "rows.csv", csv.encode(), "rows.csv", target)
    refused(tmp_path / "rows.csv", f"{quote},{quote}\n".encode(), "two columns named", target)


def test_odd_classes_are_shown_in_one_short_line() -> None:
    long = "x" * 900
    with pytest.raises(DataError, match=r"only one class, '\\x1b\[2J'"):
        find_classes(np.array(["\x1b[2J"]), "a")
    with pytest.raises(DataError) as caught:
        encode_labels(np.array([long]), (long[1:], "\n"), "a")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_odd_names_of_members_are_shown_in_one_short_line(tmp_path: Path) -> None:
    odd = {"\x1b[2J": npy(ROWS), "y" * 3000: npy(ROWS)}
    refused(tmp_path / "rows.npz", zipped(**odd), "no array of rows")
    refused(tmp_path / "rows.npz", zipped(x=npy(ROWS), **odd), "no array 'z'", "z")
    refused(tmp_path / "rows.npz", zipped(x=npy(ROWS), **odd), "row 1 of the label 0", "y" * 3000)
    many = {f"a{i}": npy(ROWS) for i in range(500)}
    refused(tmp_path / "rows.npz", zipped(**many), r"It has: a0, a1, .*, …\.$")


def test_the_words_of_other_libraries_are_shown_in_one_line(tmp_path: Path) -> None:
    content = zipped(x=npy(ROWS))
    place = content.index(b"PK\3\4") + 26  # the length of the name in the member's header
    damaged = content[:place] + b"\xff\x00" + content[place + 2 :]
    refused(tmp_path / "rows.npz", damaged, "rows.npz is damaged")


def test_names_are_quoted_listed_and_compared() -> None:
    assert quoted("it's") == '"it\'s"'
    assert quoted("a\0") == r"'a\x00'"
    assert quoted("x" * 61) == repr("x" * 60 + "…")
    assert plain("é 1") == "é 1"
    assert plain("\udc80") == r"\udc80"
    assert plain("") == "''"
    assert listed(map(str, range(12))) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"
    assert listed(map(str, range(13)), most=2) == "0, 1, …"
    assert listed([]) == ""
    assert nearest("anima", ["animal", "b"]) == ["animal"]
    assert nearest("x" * 100, ["x" * 100]) == []
    assert reason(ValueError("a\x0fb.\nmore")) == r"a\x0fb"
    assert reason(ValueError()) == "ValueError"
    assert len(reason(ValueError("x" * 999))) == 200


def test_a_name_is_compared_with_the_first_of_very_many_only() -> None:
    with soon(2):
        assert nearest("column", (f"c{i}" for i in range(3_000_000))) == []


@pytest.mark.parametrize("name", ["a\0b.csv", "\0", "mnist\0"])
def test_a_path_with_a_zero_byte_is_refused(name: str) -> None:
    with pytest.raises(
        FileAccessError, match=r"Cannot read '.*\\x00.*': a path must not have zero bytes"
    ):
        load_dataset(name)


# -- Parquet --------------------------------------------------------------------------------------


def test_a_table_of_very_many_columns_is_read_soon(tmp_path: Path) -> None:
    path, narrow = tmp_path / "rows.parquet", tmp_path / "narrow.parquet"
    for each, n_columns in ((path, 4000), (narrow, 4)):
        pq.write_table(pa.table({str(i): [1.0] for i in range(n_columns)}), each)
    load_dataset(narrow)  # the first read loads modules
    with soon(1):
        assert load_dataset(path).train.n_features == 4000


def test_one_long_label_in_many_rows_is_there_once(tmp_path: Path) -> None:
    labels = pa.DictionaryArray.from_arrays(np.zeros(2000, np.int32), ["x" * MIB])
    path = tmp_path / "rows.parquet"
    table = pa.table({"a": np.zeros(2000), "y": labels})
    pq.write_table(table, path, dictionary_pagesize_limit=2 * MIB, store_schema=False)
    assert pq.read_schema(path).field("y").type == pa.string()
    with arrow_memory_below(500 * MIB):
        refused(path, path.read_bytes(), "a text of 1,048,576 characters in row 1", "y")


def test_pages_that_unpack_beyond_measure_are_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {"a": np.zeros(50), "y": ["x" * 9000] * 50}
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table(columns), path, use_dictionary=False, compression="zstd")
    refused(path, path.read_bytes(), "a text of 9,000 characters", "y")
    monkeypatch.setattr("sdae.data.bounds._ALWAYS", 400_000)
    refused(
        path, path.read_bytes(), r"says that it holds 4\d\d,\d\d\d bytes of rows and labels", "y"
    )


def test_missing_values_of_a_first_batch_are_told_before_the_next(tmp_path: Path) -> None:
    n = 2_000_000
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"a": pa.nulls(n, pa.int8())}), path)
    refused(path, path.read_bytes(), "has at least 1,048,576 values missing")


def test_rows_whose_labels_are_missing_in_a_dictionary_come_apart(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"a": [1.0, 2.0, 3.0], "y": ["b", None, "c"]}), path)
    dataset = load_dataset(path, "y")
    assert dataset.train.y is not None
    assert dataset.train.y.tolist() == ["b", "c"]
    assert dataset.unlabelled.tolist() == [[2]]


def test_a_pipe_without_an_ending_is_told_to_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "63"
    os.mkfifo(path)
    with pytest.raises(DataError, match=r"63 is a pipe or a device\. Save its content as a file"):
        load_dataset(str(path))
