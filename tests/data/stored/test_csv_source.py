"""A CSV that is converted: the rows that the reader of whole tables gives, in constant memory."""

import csv
import gzip
import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdae.core.errors import DataError, FileFormatError
from sdae.data import convert, open_rows
from sdae.data.csv_table import csv_of
from sdae.data.stored.converting import converted
from tests.data.memory import memory_below
from tests.data.stored.files import span

NUMBERS = st.one_of(
    st.integers(-9, 9).map(str),
    st.integers(-(2**60), 2**60).map(str),
    st.floats(-1e9, 1e9).map(repr),
    st.sampled_from(["1e3", " 2 ", "-0.0", ".5", "+7", "16777217", "٣"]),
)


def opened(folder: Path, content: str | bytes, **options: Any) -> Any:
    """Write a CSV, convert it to Parquet, and open that."""
    source, new = folder / "a.csv", folder / "a.parquet"
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    convert(source, new, **options)
    return open_rows(new, target=options.get("target"))


def all_of(rows: Any) -> Any:
    return rows.batch(span(0, len(rows))).numpy()


@settings(deadline=None)  # the first call imports pyarrow
@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(NUMBERS, min_size=n, max_size=n), min_size=1, max_size=30)
    ),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, None]),
    st.integers(1, 9),
    st.integers(1, 40),
)
def test_the_rows_are_those_of_the_reader_of_whole_tables(
    table: list[list[str]], separator: str, end: str, quoting: Any, n_rows: int, n_cells: int
) -> None:
    text = io.StringIO()
    names = [f"column {k}" for k in range(len(table[0]))]
    for number, row in enumerate([names, *table]):
        how: Any = (
            csv.QUOTE_ALL if quoting is None and number == 3 else quoting or csv.QUOTE_MINIMAL
        )
        csv.writer(text, delimiter=separator, lineterminator=end, quoting=how).writerow(row)
        if number % 5 == 4:
            text.write(end)
    content = text.getvalue().encode("utf-8-sig" if n_rows % 2 else "utf-8")
    wanted = csv_of(content, "a.csv").train.x
    with pytest.MonkeyPatch.context() as patched, tempfile.TemporaryDirectory() as folder:
        patched.setattr("sdae.data.stored.csv_stream._CELLS", n_cells)
        found = opened(Path(folder), content, rows_per_group=n_rows)
        kind = pq.read_schema(Path(folder) / "a.parquet").field("x").type.value_type
        assert kind == pa.from_numpy_dtype(wanted.dtype)
        assert np.array_equal(all_of(found), wanted)


def test_columns_and_names_are_kept_in_the_order_asked(tmp_path: Path) -> None:
    text = "a,b,kind,c\n1,2,x,3\n4,5,y z,6\n"
    rows = opened(tmp_path, text, target="kind", columns=["c", "a"])
    assert all_of(rows).tolist() == [[3, 1], [6, 4]]
    assert rows.targets.tolist() == ["x", "y z"]
    schema = pq.read_schema(tmp_path / "a.parquet")
    assert schema.metadata[b"sdae.columns"] == b'["c", "a"]'
    assert schema.field("kind").type == pa.string()
    assert all_of(opened(tmp_path, text, columns=["b"])).tolist() == [[2], [5]]


@pytest.mark.parametrize(
    ("labels", "kind", "wanted"),
    [
        (["3", "1", "2"], pa.int64(), [3, 1, 2]),
        (["3", "1.5", "2"], pa.float64(), [3, 1.5, 2]),
        (["3", " 1", "2.0"], pa.float64(), [3, 1, 2]),
        (["3", "007", "7"], pa.string(), ["3", "007", "7"]),
        (["3", str(2**53 + 1), "-2"], pa.int64(), [3, 2**53 + 1, -2]),
        (["3", str(2**63), str(2**63 + 1)], pa.string(), ["3", str(2**63), str(2**63 + 1)]),
        (["3", "1.5", "inf"], pa.string(), ["3", "1.5", "inf"]),
        (["3", "1", '"a,\nb"'], pa.string(), ["3", "1", "a,\nb"]),
        (["007", "1.0", "b"], pa.string(), ["007", "1.0", "b"]),
        (["3", " 1", "2 "], pa.int64(), [3, 1, 2]),
        ([" hi", "hi ", "lo"], pa.string(), ["hi", "hi", "lo"]),
    ],
)
def test_labels_get_the_narrowest_type_that_holds_all(
    tmp_path: Path, labels: list[str], kind: Any, wanted: list[Any], monkeypatch: Any
) -> None:
    monkeypatch.setattr("sdae.data.stored.csv_stream._CELLS", 2)
    text = "x,y\n" + "".join(f"0.{k},{label}\n" for k, label in enumerate(labels))
    rows = opened(tmp_path, text, target="y")
    assert rows.targets.tolist() == wanted
    assert pq.read_schema(tmp_path / "a.parquet").field("y").type == kind
    assert np.array_equal(all_of(rows)[:, 0], [0.0, 0.1, 0.2])


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (["", "2", "", "3"], [None, 2, None, 3]),
        (["1", "", "", "1.5"], [1.0, None, None, 1.5]),
        (["1", "nan", "NA", "1.5"], [1.0, None, None, 1.5]),
        (["a", "", "7", " "], ["a", None, "7", None]),
        (["", "", "", ""], [None] * 4),
    ],
)
@pytest.mark.parametrize("end", [".parquet", ".feather"])
def test_rows_without_a_label_stay_without(
    tmp_path: Path, labels: list[str], wanted: list[Any], end: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr("sdae.data.stored.csv_stream._CELLS", 4)
    text = "x,y\n" + "".join(f"{k},{label}\n" for k, label in enumerate(labels))
    (tmp_path / "a.csv").write_text(text)
    new = (tmp_path / "a").with_suffix(end)
    convert(tmp_path / "a.csv", new, target="y", rows_per_group=3)
    convert(new, tmp_path / "again.parquet", target="y")
    for path in (new, tmp_path / "again.parquet"):
        targets = open_rows(path, target="y").targets
        assert targets is not None
        assert [None if label != label else label for label in targets.tolist()] == wanted


@pytest.mark.parametrize("end", [".npy", ".feather"])
def test_packed_and_to_other_formats(tmp_path: Path, end: str) -> None:
    x = np.random.default_rng(0).integers(0, 256, (50, 3))
    text = "a;b;c\n" + "\n".join(";".join(map(str, row)) for row in x)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    new = (tmp_path / "a").with_suffix(end)
    shares: list[float] = []
    written = converted(tmp_path / "a.csv.gz", new, rows_per_group=7, done=shares.append)
    assert written == (50, 3, new.stat().st_size)
    assert np.array_equal(all_of(open_rows(new)), x)
    assert shares[-1] == 1
    if end == ".npy":
        assert np.load(new).dtype == np.float32


def test_a_number_far_down_that_needs_float64_is_not_rounded(tmp_path: Path) -> None:
    text = "a\n" + "1\n" * 200_000 + "16777217\n"
    rows = opened(tmp_path, text)
    assert all_of(rows)[-1] == 16777217
    assert len(rows) == 200_001


def test_the_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    line = ",".join(["0.25"] * 50) + "\n"
    text = ",".join(f"c{k}" for k in range(50)) + "\n" + line * 20_000  # 8 MB as float64
    (tmp_path / "a.csv").write_text(text)
    del text
    convert(tmp_path / "a.csv", tmp_path / "b.npy")  # imports
    with memory_below(6e6):
        convert(tmp_path / "a.csv", tmp_path / "b.npy")
    assert open_rows(tmp_path / "b.npy").shape == (20_000, 50)
    (tmp_path / "a.csv").write_text((tmp_path / "a.csv").read_text().replace("0.25\n", '"0.25"\n'))
    with memory_below(30e6):
        convert(tmp_path / "a.csv", tmp_path / "b.npy")


@pytest.mark.parametrize("before", [0, 3000])
@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("1,,a", r"line {line}, column 'u', has a value that is missing, infinite or too"),
        ("NA,2,a", r"line {line}, column 't', has a value that is missing, infinite or too"),
        ("1,inf,a", r"line {line}, column 'u', has a value that is missing, infinite or too"),
        ("1,1e39,a", r"line {line}, column 'u', has a value that is missing, infinite or too"),
        ("1,two,a", r"line {line}, column 'u', has the text 'two', but rows must be numbers"),
        ("1_0,2,a", r"line {line}, column 't', has the text '1_0', but rows must be numbers"),
        ("1,007,a", r"line {line}, column 'u', has the code '007', but rows must be numbers"),
        ("-01,2,a", r"line {line}, column 't', has the code '-01', but rows must be numbers"),
        ("1, 00.5,a", r"line {line}, column 'u', has the code ' 00.5', but rows must be numbers"),
        ('1,"02",a', r"line {line}, column 'u', has the code '02', but rows must be numbers"),
        ("1,2", r"line {line}, has 2 fields, but the header has 3"),
        ("1,2,a,4", r"line {line}, has 4 fields, but the header has 3"),
        ('1,2,"a', r"line {line}, is not valid CSV"),
        ('1,2,"a" b', r"line {line}, is not valid CSV"),
    ],
)
@pytest.mark.parametrize("label", ["a", "7"])
def test_what_is_wrong_is_named_by_its_line_and_column(
    tmp_path: Path, row: str, problem: str, before: int, label: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr("sdae.data.stored.csv_stream._CELLS", 300)
    text = "t,u,kind\n" + f"1,2,{label}\n" * before + f"\n{row}\n"
    with pytest.raises(DataError, match=r"a\.csv, " + problem.format(line=before + 3)):
        opened(tmp_path, text, target="kind")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_codes_are_labels_and_numbers_where_they_are_asked_for(tmp_path: Path) -> None:
    text = "t,kind\n" + "".join(f"{k / 7:e},{k:02}\n" for k in range(12))
    assert opened(tmp_path, text, target="kind").targets.tolist() == [f"{k:02}" for k in range(12)]
    named = opened(tmp_path, text, columns=["kind", "t"])
    assert all_of(named)[:, 0].tolist() == [*range(12)]


def test_numbers_with_zeros_elsewhere_are_no_codes(tmp_path: Path) -> None:
    text = "a,b,c\n0,0.05,1e-05\n-0,-0.5,100\n 0 ,2e+00,1001\n0,0e0,.05\n"
    rows = all_of(opened(tmp_path, text)).tolist()
    assert rows == [[0, 0.05, 1e-5], [0, -0.5, 100], [0, 2, 1001], [0, 0, 0.05]]


def test_lines_that_all_have_another_number_of_fields(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("sdae.data.stored.csv_stream._CELLS", 6)
    with pytest.raises(FileFormatError, match=r"line 4, has 4 fields, but the header has 3"):
        opened(tmp_path, "a,b,c\n1,2,3\n4,5,6\n" + "1,2,3,4\n" * 8)


def test_a_quoted_field_of_several_lines_counts_its_lines(tmp_path: Path) -> None:
    text = 't,kind\n1,"a\nb"\n2,"c\r\n\r\nd"\nx,e\n'
    with pytest.raises(DataError, match=r"line 7, column 't', has the text 'x'"):
        opened(tmp_path, text, target="kind")


@pytest.mark.parametrize(
    ("content", "options", "problem"),
    [
        (b"", {}, "is empty: it has no header line"),
        (b"a,b\n", {}, "is empty: it has no rows"),
        (b"a,b\n\n\n", {}, "is empty: it has no rows"),
        (b"a,a\n1,2\n", {}, "has two columns named 'a'"),
        (b"a,b\n1,2\n", {"target": "c"}, "has no column 'c'"),
        (b"a,b\n1,2\n", {"columns": ["a", "a"]}, "different columns"),
        (b"a,b\n1,2\n", {"columns": "ab"}, r"columns must be a list\. Got 'ab'"),
        (b"a,b\n1,2\n", {"columns": [0]}, "Columns of a CSV, Parquet or Feather file have names"),
        (b"a\n1\n", {"target": "a"}, "has no column of rows"),
        (b"a,b\n1,\xff\n", {}, "is not UTF-8 text near line"),
        (b"\x1f\x8b" + bytes(30), {}, "its gzip stream cannot be unpacked"),
        (gzip.compress(b"a\n" + b"1\n" * 99)[:-9], {}, "its gzip stream cannot be unpacked"),
    ],
)
def test_files_that_hold_no_rows(
    tmp_path: Path, content: bytes, options: Any, problem: str
) -> None:
    with pytest.raises(DataError, match=problem):
        opened(tmp_path, content, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_line_without_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdae.data.stored.text_lines._MOST_LINE", 1000)
    with pytest.raises(FileFormatError, match=r"line 2, has more than 1,000 characters"):
        opened(tmp_path, "a\n" + "1" * 2000)


@pytest.mark.parametrize("text", ["1,5", " -,5", "1.234,5", "2,5e-3"])
def test_a_decimal_comma_is_named(tmp_path: Path, text: str) -> None:
    for path in (tmp_path / "a.csv", tmp_path / "b.csv"):
        path.write_text(f"a;b\n{text};2\n" if path.name == "a.csv" else f'b,a\n2,"{text}"\n')
        problem = r"line 2, column 'a', has '.*', a number with a decimal comma.*sdae train and"
        with pytest.raises(DataError, match=problem):
            convert(path, tmp_path / "new.npy")


@pytest.mark.parametrize("text", ["1,2,3", ",", "a,5", "5,"])
def test_other_texts_with_commas_are_texts(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(f"a;b\n{text};2\n")
    with pytest.raises(DataError, match=f"has the text '{text}', but rows must be numbers"):
        convert(tmp_path / "a.csv", tmp_path / "new.npy")
