"""CSV tables."""

import gzip
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from sdae.core.errors import DataError, FileFormatError
from sdae.core.user_warnings import DataWarning
from sdae.data import Dataset, Table, convert, load_dataset
from sdae.data.csv_lines import CsvLines
from sdae.data.table import NotNumbers
from tests.data.damage import FUZZ, damaged, load_or_refuse
from tests.data.memory import memory_below

TEXT = "width,height,animal\n1,2.5,cat\n-3,4e2,dog\n"


def load(tmp_path: Path, text: str | bytes, target: str | None = None) -> Dataset:
    path = tmp_path / "pets.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_dataset(path, target)


def labels(table: Table) -> list[object]:
    assert table.y is not None
    return list(table.y.tolist())


def test_features_and_labels_are_told_apart_by_name(tmp_path: Path) -> None:
    train = load(tmp_path, TEXT, "animal").train
    assert train.x.dtype == np.float32
    assert train.x.tolist() == [[1, 2.5], [-3, 400]]
    assert train.feature_names == ("width", "height")
    assert labels(train) == ["cat", "dog"]


def test_without_a_target_every_column_is_a_feature(tmp_path: Path) -> None:
    train = load(tmp_path, "a,b\n1,2\n").train
    assert train.x.tolist() == [[1, 2]]
    assert train.y is None


def test_whole_number_labels_are_integers(tmp_path: Path) -> None:
    train = load(tmp_path, "a,y\n1,7\n2,3\n", "y").train
    assert train.y is not None
    assert train.y.dtype == np.int64
    assert labels(train) == [7, 3]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_separator_is_found(tmp_path: Path, delimiter: str) -> None:
    train = load(tmp_path, TEXT.replace(",", delimiter), "animal").train
    assert train.feature_names == ("width", "height")


def test_quoted_separators_do_not_count(tmp_path: Path) -> None:
    train = load(tmp_path, '"a,b,c";d\n1;2\n').train
    assert train.feature_names == ("a,b,c", "d")


def test_gzip_marks_and_line_ends_of_other_systems_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "pets.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()))
    dataset = load_dataset(path, "animal")
    assert dataset.name == "pets"
    assert dataset.train.feature_names == ("width", "height")
    assert labels(dataset.train) == ["cat", "dog"]


def test_rows_of_many_chunks_keep_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdae.data.csv_lines._CHUNK_CELLS", 6)
    text = "a,b,y\n" + "".join(f"{i},{i * 2},{i * 3}\n" for i in range(11))
    train = load(tmp_path, text, "y").train
    assert train.x.tolist() == [[i, i * 2] for i in range(11)]
    assert labels(train) == [i * 3 for i in range(11)]


def test_memory_stays_near_that_of_the_file_and_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    line = ",".join(["0.25"] * 200) + "\n"
    path.write_text(",".join(f"c{i}" for i in range(200)) + "\n" + line * 10_000)
    size = path.stat().st_size + 200 * 10_000 * 4
    # As Python objects the two million fields would take ten times that.
    with memory_below(3 * size + 40e6):
        load_dataset(path)


@pytest.mark.parametrize("first", ["", "\n" * 3])
def test_a_text_among_features_is_told_with_its_place(tmp_path: Path, first: str) -> None:
    text = f"width,height\n{first}1,2\n3,tall\n"
    with pytest.raises(
        DataError,
        match=r"pets.csv has the text 'tall' in row 2, column 'height'.*get_dummies.*drop",
    ):
        load(tmp_path, text)


def test_a_long_text_is_shortened(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the text 'x{40}…' in row 1"):
        load(tmp_path, f"a\n{'x' * 500}\n")


def test_a_line_with_another_number_of_fields_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="line 5, has 3 fields, but the header has 2"):
        load(tmp_path, 'a,b\n\n1,"2\n"\n1,2,3\n')


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_empty_lines_at_the_end_are_not_read(tmp_path: Path, end: str) -> None:
    text = end.join(["a,b", "", "1,2", "3,4"])
    assert load(tmp_path, text + end * 1000).train.x.tolist() == [[1, 2], [3, 4]]
    assert CsvLines((text + end * 1000).encode(), "rows.csv").most_rows(2) <= 4


@pytest.mark.parametrize("cell", ["", " ", "NA", "nan", "NULL"])
def test_an_empty_cell_is_a_missing_value(tmp_path: Path, cell: str) -> None:
    with pytest.raises(DataError, match=r"1 value missing.*row 2, column 'b'. Impute"):
        load(tmp_path, f"a,b\n1,2\n3,{cell}\n")


@pytest.mark.parametrize("cells", ["1e300,2", "1e300,"])
def test_a_number_too_large_for_float32_is_an_error(tmp_path: Path, cells: str) -> None:
    with pytest.raises(DataError, match="too large for float32, the first in row 1, column 'a'"):
        load(tmp_path, f"a,b\n{cells}\n")


@pytest.mark.parametrize("gap", ["", " ", "NA", "nan"])
@pytest.mark.parametrize("label", ["cat", "1", "2.5"])
def test_rows_without_a_label_come_apart(tmp_path: Path, label: str, gap: str) -> None:
    dataset = load(tmp_path, f"a,y\n1,{label}\n2,{gap}\n3,{label}\n", "y")
    assert dataset.train.x.tolist() == [[1], [3]]
    assert dataset.train.y is not None
    assert dataset.train.y.ravel().astype(str).tolist() == [label, label]
    assert dataset.unlabelled.tolist() == [[2]]


def test_a_target_without_a_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no label in column 'y'\. Name another target"):
        load(tmp_path, "a,y\n1,\n2,NA\n", "y")


@pytest.mark.parametrize("label", ["2.5", "1e-3"])
def test_numbers_with_fractions_are_the_values_of_a_regression(tmp_path: Path, label: str) -> None:
    train = load(tmp_path, f"a,y\n1,3\n2,{label}\n", "y").train
    assert train.y is not None
    assert train.y.tolist() == [[3], [float(label)]]
    assert train.label_names == ("y",)


@pytest.mark.parametrize("label", ["inf", "-inf", "1e999"])
def test_an_infinite_target_is_refused(tmp_path: Path, label: str) -> None:
    with pytest.raises(DataError, match=r"'y' of .*pets.csv must hold finite.* in row 2"):
        load(tmp_path, f"a,y\n1,3\n2,{label}\n", "y")


def test_free_text_is_no_label_and_takes_no_memory(tmp_path: Path) -> None:
    text = "a,review\n1,ok\n" + f"2,{'x' * 5000}\n" + "3,ok\n" * 2000
    with (
        memory_below(10e6),
        pytest.raises(
            DataError,
            match=r"must be classes.*a text of 5,000 characters in row 2 instead. Name another",
        ),
    ):
        load(tmp_path, text, "review")


@pytest.mark.parametrize("name", ["a b", "naïve", "数", "=1+1", "%s", "a\nb"])
def test_any_text_may_name_a_column_or_a_class(tmp_path: Path, name: str) -> None:
    train = load(tmp_path, f'"{name}",y\n1,"{name}"\n2,other\n', "y").train
    assert train.feature_names == (name,)
    assert labels(train) == [name, "other"]


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"two columns named 'a'. Rename one, or add a header line"):
        load(tmp_path, "a,b, a\n1,2,3\n")


def test_a_target_that_is_no_column_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"no column 'animl'. Did you mean 'animal'.*are: width, height, animal\."
    ):
        load(tmp_path, TEXT, "animl")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "it has no header line"),
        ("\n\n", "it has no header line"),
        ("a,b\n", "it has 0 rows and 2 features"),
    ],
)
def test_an_empty_table_is_refused(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(DataError, match=f"pets.csv is empty: {error}"):
        load(tmp_path, text)


def test_a_table_of_labels_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 rows and 0 features"):
        load(tmp_path, "y\n1\n2\n", "y")


def test_bytes_that_are_no_text_are_refused_with_their_place(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"not UTF-8 text: byte 4 is not valid. Save it"):
        load(tmp_path, b"a,b\n\xff,1\n")
    with pytest.raises(FileFormatError, match="not text: byte 5 is zero"):
        load(tmp_path, b"a,b\n1\0,1\n")


def test_a_quote_that_is_never_closed_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"line 2, is not valid CSV: .*Check its quotes"):
        load(tmp_path, 'a,b\n1,"2\n')


def test_a_damaged_gzip_stream_is_told(tmp_path: Path) -> None:
    path = tmp_path / "pets.csv.gz"
    path.write_bytes(gzip.compress(TEXT.encode())[:-9])
    with pytest.raises(FileFormatError, match="gzip stream cannot be unpacked"):
        load_dataset(path)


@FUZZ
@given(content=damaged(TEXT.encode()))
def test_damaged_csv_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("csv") / "pets.csv"
    path.write_bytes(content)
    load_or_refuse(path)
    load_or_refuse(path, "animal")
    load_or_refuse(path, "height")


@FUZZ
@given(content=damaged(gzip.compress(TEXT.encode(), mtime=0)))
def test_damaged_gzip_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("csv") / "pets.csv.gz"
    path.write_bytes(content)
    load_or_refuse(path, "animal")


def test_a_number_with_an_underscore_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n3,1_0\n")
    with pytest.raises(DataError, match=r"has the text '1_0' in row 2, column 'b'"):
        load_dataset(path)


@pytest.mark.parametrize("code", ["007", "-01", " 00.5"])
def test_digits_after_a_leading_zero_are_a_code(tmp_path: Path, code: str) -> None:
    text = f"width,code,pet\n1,0,0\n0.5,0.1,0\n2,{code},007\n"
    with pytest.raises(NotNumbers) as refused:
        load(tmp_path, text, "pet")
    assert str(refused.value) == (
        f"{tmp_path / 'pets.csv'} has the code {code!r} in row 3, column 'code', but "
        "features must be numbers, which lose leading zeros. Encode the column "
        "(pandas.get_dummies makes 0/1 columns), drop it, or write it without them."
    )
    # A model of earlier versions, which learned them as numbers, reads them as such.
    known = load_dataset(tmp_path / "pets.csv", features=["width", "code"], labels=False)
    assert known.train.x[2].tolist() == [2, float(code)]


def test_only_the_columns_asked_for_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,remark,b\n1,good,2\n3,,4\n")
    table = load_dataset(path, None, ("b", "a")).train
    assert table.feature_names == ("a", "b")
    assert table.x.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(DataError, match=r"lacks 1 of the 2 columns .* the first 'c'"):
        load_dataset(path, None, ("a", "c"))


def test_a_line_of_numbers_in_place_of_names_is_warned_of(tmp_path: Path) -> None:
    path, new = tmp_path / "rows.csv", tmp_path / "rows.npy"
    path.write_text("0.5,1.5\n1,2\n3,4\n")
    for read in (load_dataset, lambda path: convert(path, new)):
        with pytest.warns(DataWarning, match="so the first line looks like a row: put a line with"):
            read(path)


@pytest.mark.parametrize("names", ["0,1", "1,2", "0,width"])
def test_the_names_that_pandas_gives_columns_are_names(tmp_path: Path, names: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"{names}\n1,2\n3,4\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_dataset(path).train.x) == 2
        convert(path, tmp_path / "rows.npy")
