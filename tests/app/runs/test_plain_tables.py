"""A table of plain numbers is trained as an array is, whatever the kind of its file."""

import bz2
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pytest

from sdae.app.recipes.recipe import DataConfig
from sdae.app.runs.prepare import prepare
from sdae.app.runs.prepared_data import PreparedData
from sdae.core.kinds.decoders import Decoder
from sdae.core.source_rows import read

N = 60
X = np.random.default_rng(0).random((N, 2)).round(4)
MEMORY = pytest.mark.parametrize("memory", ["none", "0.5KB"])


def text(separator: str = ",", decimal: str = ".", more: str = "") -> str:
    """Return the table as a text; `more` is the text of one more column."""
    rows = [["a", "b", "y", *(["more"] if more else [])]]
    for row, (a, b) in enumerate(X):
        numbers = [f"{number:.4f}".replace(".", decimal) for number in (a, b)]
        rows.append([*numbers, str(row % 2), *([f"{more}{row}"] if more else [])])
    return "".join(separator.join(row) + "\n" for row in rows)


def written(folder: Path, kind: str) -> Path:
    path = folder / f"rows{kind}"
    if kind == ".feather":
        columns = {"a": X[:, 0], "b": X[:, 1], "y": np.arange(N) % 2}
        feather.write_feather(pa.table(columns), str(path))
    elif kind == ".csv.bz2":
        path.write_bytes(bz2.compress(text().encode()))
    elif kind == ".csv.zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("rows.csv", text())
    else:
        path.write_text(text("\t" if kind == ".tsv" else ","))
    return path


def prepared(source: Path, tmp_path: Path, **options: Any) -> PreparedData:
    config = DataConfig(source=str(source), target="y", **options)
    return prepare(config, Decoder.AUTO, 0, scratch=tmp_path)


def check_alike(found: PreparedData, plain: PreparedData) -> None:
    assert found.schema is None
    assert found.feature_names == ("a", "b")
    assert (found.decoder, found.scaling, found.choice) == (
        plain.decoder,
        plain.scaling,
        plain.choice,
    )
    assert "left as they are" in plain.choice
    assert np.array_equal(read(found.rows), read(plain.rows))
    for part in ("train", "validation", "test"):
        (x, y), (plain_x, plain_y) = getattr(found, part), getattr(plain, part)
        assert np.array_equal(read(x), read(plain_x))
        assert np.array_equal(y, plain_y)


@MEMORY
@pytest.mark.parametrize("kind", [".tsv", ".txt", ".csv.bz2", ".csv.zip", ".feather"])
def test_other_files_give_what_a_plain_csv_gives(tmp_path: Path, kind: str, memory: str) -> None:
    plain = prepared(written(tmp_path, ".csv"), tmp_path, memory=memory)
    check_alike(prepared(written(tmp_path, kind), tmp_path, memory=memory), plain)


@MEMORY
@pytest.mark.parametrize(
    "options", [{"separator": "|"}, {"drop": "more"}, {"keep": ("a", "b")}], ids=str
)
def test_options_of_reading_change_nothing(
    tmp_path: Path, options: dict[str, Any], memory: str
) -> None:
    plain = prepared(written(tmp_path, ".csv"), tmp_path, memory=memory)
    path = tmp_path / "other.csv"
    path.write_text(
        text(options.get("separator", ","), more="z" if "separator" not in options else "")
    )
    check_alike(prepared(path, tmp_path, memory=memory, **options), plain)


@MEMORY
@pytest.mark.parametrize(
    ("content", "options"),
    [
        (text(more="r"), {"id": "more"}),
        (text(), {"na_values": "-999"}),
        (text(";", ","), {}),
        (text("~"), {"separator": "~"}),
        (text(), {"categorical": "a"}),
    ],
    ids=["id", "na_values", "decimal", "separator", "categorical"],
)
def test_what_later_files_need_is_kept_in_a_schema(
    tmp_path: Path, content: str, options: dict[str, Any], memory: str
) -> None:
    (tmp_path / "rows.csv").write_text(content)
    assert prepared(tmp_path / "rows.csv", tmp_path, memory=memory, **options).schema is not None


@MEMORY
@pytest.mark.parametrize("gap_in", ["rows.tsv", "more.tsv"])
def test_one_gap_makes_a_schema(tmp_path: Path, gap_in: str, memory: str) -> None:
    for name in ("rows.tsv", "more.tsv"):
        rows = text("\t")
        if name == gap_in:
            rows = rows.replace(f"{X[7, 0]:.4f}", "", 1)
        (tmp_path / name).write_text(rows)
    more = str(tmp_path / "more.tsv")
    found = prepared(tmp_path / "rows.tsv", tmp_path, unlabeled=more, memory=memory)
    assert found.schema is not None


@MEMORY
@pytest.mark.parametrize("kind", [".csv", ".tsv"])
def test_rows_of_an_array_go_beside_a_table_by_place(
    tmp_path: Path, kind: str, memory: str
) -> None:
    np.save(tmp_path / "more.npy", X)
    more = str(tmp_path / "more.npy")
    found = prepared(written(tmp_path, kind), tmp_path, unlabeled=more, memory=memory)
    assert found.schema is None
    assert np.array_equal(read(found.rows)[-N:], X.astype(np.float32))
