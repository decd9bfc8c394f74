"""``sdae impute``: the gaps of new tables, filled by a run or by a saved imputer."""

import csv
import io
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdae import SDAEImputer
from tests.app.cli.commands import done, invoke, refused
from tests.app.cli.test_mixed_tables import HOW, SMALL, people

pd = pytest.importorskip("pandas")

N_ROWS = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a run on people, with a constant column, and new people with gaps."""
    folder = tmp_path_factory.mktemp("people")
    people().assign(planet="Earth").to_csv(folder / "people.csv", index=False)
    done("train", folder / "people.csv", "--out", folder / "run", *HOW, *SMALL, "--quiet")
    holes().to_csv(folder / "holes.csv", index=False)
    return folder


def holes(seed: int = 5) -> Any:
    """Return new people with gaps in all columns that the run uses."""
    table = people(N_ROWS, seed=seed).drop(columns="tall").assign(planet="Earth", zip="007")
    rng = np.random.default_rng(seed)
    for name in ("size", "code", "town", "smoker", "since", "planet", "note"):
        table.loc[rng.random(N_ROWS) < 0.3, name] = None
    table["size"] = table["size"].map(lambda size: "" if np.isnan(size) else f"{size:.2f}0")
    return table


def fields_of(text: str, separator: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text), delimiter=separator))


def test_gaps_are_filled_and_other_cells_keep_their_texts(folder: Path, tmp_path: Path) -> None:
    data, out = folder / "holes.csv", tmp_path / "full.csv"
    said = done("impute", folder / "run", data, "-o", out)
    before, after = (fields_of(path.read_text(encoding="utf-8")) for path in (data, out))
    header = before[0]
    assert after[0] == header
    assert len(after) == len(before) == N_ROWS + 1
    n_gaps, note = 0, header.index("note")
    for row, full in zip(before[1:], after[1:], strict=True):
        assert full[note] == row[note]  # not a column of the run
        for name, text, new in zip(header, row, full, strict=True):
            is_gap = name != "note" and text in ("", "?")
            n_gaps += is_gap
            assert (new not in ("", "?")) if is_gap else (new == text), name
    assert said == f"{n_gaps} gaps in 7 columns of {N_ROWS} rows filled, written to {out}\n"
    full = pd.read_csv(out, dtype={"code": str})
    assert set(full["code"]) <= {"001", "002", "003"}
    assert set(full["town"]) <= {"Ghent", "Liège", "Mons"}
    assert set(full["smoker"]) == {"yes", "no"}
    assert set(full["planet"]) == {"Earth"}
    assert full["visits"].dtype.kind == "i"
    assert full["size"].between(120, 220).all()
    assert full["since"].str.fullmatch(r"20\d\d-\d\d-\d\d").all()


def test_a_file_keeps_its_separator_its_decimal_comma_and_its_words(
    folder: Path, tmp_path: Path
) -> None:
    table = holes().drop(columns="note")
    table["size"] = table["size"].str[:-1].str.replace(".", ",")  # 162,000 might be thousands
    table["smoker"] = table["smoker"].str.upper()
    table["since"] = [
        None if pd.isna(day) else f"{day:%Y-%m-%d}T10:30:00+02:00" for day in table["since"]
    ]
    table.to_csv(tmp_path / "holes.csv", sep=";", index=False)
    done("impute", folder / "run", tmp_path / "holes.csv", "-o", tmp_path / "full.csv")
    header, *rows = fields_of((tmp_path / "full.csv").read_text(encoding="utf-8"), ";")
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    assert all("," in text and "." not in text for text in columns["size"])
    assert set(columns["smoker"]) == {"YES", "NO"}
    assert all(text.endswith("+02:00") for text in columns["since"])


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_the_types_of_a_typed_file_are_kept(kind: str, folder: Path, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    feather, parquet = (
        pytest.importorskip("pyarrow.feather"),
        pytest.importorskip("pyarrow.parquet"),
    )
    rows = holes()
    towns = ["Mons", "Liège", "Ghent", "Brugge"]
    table = pa.table(
        {
            "town": pa.array(pd.Categorical(rows["town"], towns, ordered=True)),
            "size": pa.array(
                pd.to_numeric(rows["size"]).to_numpy(), pa.float32(), from_pandas=True
            ),
            "code": pa.array([None] * N_ROWS),  # a type of its own
            "smoker": pa.array((rows["smoker"] == "yes").where(rows["smoker"].notna(), None)),
            "since": pa.array(rows["since"].dt.date, pa.date32()),
            "visits": pa.array(pd.to_numeric(rows["visits"], errors="coerce"), pa.uint8()),
            "more": pa.array([[1, 2]] * N_ROWS),
        },
        metadata={"who": "me"},
    )
    data, out = tmp_path / f"holes.{kind}", tmp_path / f"full.{kind}"
    if kind == "parquet":
        parquet.write_table(table, data)
    else:
        feather.write_feather(table, data)
    done("impute", folder / "run", data, "-o", out)
    read = parquet.read_table if kind == "parquet" else feather.read_table
    table, full = read(data), read(out)  # Parquet does not keep all of pyarrow's types
    assert full.schema.metadata[b"who"] == b"me"
    assert full.column("code").type == pa.string()
    for name in ("town", "size", "smoker", "since", "visits", "more"):
        assert full.column(name).type == table.column(name).type, name
        assert full.column(name).null_count == 0
        was = table.column(name).to_pylist()
        for old, new in zip(was, full.column(name).to_pylist(), strict=True):
            assert old is None or old == new
    assert full.column("town").chunk(0).dictionary.to_pylist() == towns


def test_formats_agree(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    run, data = folder / "run", folder / "holes.csv"
    for name in ("full.csv", "full.parquet", "full.feather", "full.arrow"):
        done("impute", run, data, "-o", tmp_path / name)
    text = pd.read_csv(tmp_path / "full.csv", dtype={"code": str, "zip": str})
    typed = pd.read_parquet(tmp_path / "full.parquet")
    assert list(typed) == list(text)
    assert str(typed["since"].dtype).startswith("datetime64")
    assert [str(day.date()) for day in typed["since"]] == text["since"].tolist()
    assert (typed["since"] == typed["since"].dt.normalize()).all()
    assert typed["smoker"].map({True: "yes", False: "no"}).tolist() == text["smoker"].tolist()
    for name in ("size", "code", "town", "visits", "planet", "zip"):
        assert typed[name].tolist() == text[name].tolist(), name
    assert typed["visits"].dtype.kind == "i"
    for name in ("full.feather", "full.arrow"):
        pd.testing.assert_frame_equal(pd.read_feather(tmp_path / name), typed)
    # What is full has nothing to fill, and a typed file becomes a CSV.
    said = done("impute", run, tmp_path / "full.parquet", "-o", tmp_path / "again.csv")
    assert said.startswith("0 gaps in 0 columns of 40 rows filled")
    again = pd.read_csv(tmp_path / "again.csv", dtype={"code": str, "zip": str})
    assert again["size"].tolist() == text["size"].tolist()
    assert again["note"].isna().tolist() == text["note"].isna().tolist()


def test_a_saved_imputer_fills_as_in_python(tmp_path: Path) -> None:
    table = holes().drop(columns=["note", "zip"]).replace("?", None)
    table["size"] = pd.to_numeric(table["size"])
    table["visits"] = pd.to_numeric(table["visits"])
    imputer = SDAEImputer(pretrain_epochs=8, hidden_layer_sizes=(12, 8), random_state=0).fit(table)
    imputer.save(tmp_path / "imputer.safetensors")
    expected = imputer.transform(table)
    table.to_csv(tmp_path / "holes.csv", index=False)
    done(
        "impute", tmp_path / "imputer.safetensors", tmp_path / "holes.csv", "-o", tmp_path / "f.csv"
    )
    full = pd.read_csv(tmp_path / "f.csv", dtype={"code": str}, parse_dates=["since"])
    for name in ("code", "town", "smoker", "planet"):
        assert full[name].tolist() == expected[name].tolist(), name
    assert np.allclose(full["size"], expected["size"])
    # whole numbers, since the column holds floats in fit, are not known as such
    assert np.allclose(full["visits"], expected["visits"])
    assert (full["since"] - expected["since"]).abs().max() <= pd.Timedelta(hours=12)


def test_a_saved_imputer_fills_by_its_constants_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=300), "b": rng.choice(["x", "y", "z"], 300)})
    table.loc[:39, "a"] = None
    table.loc[30:59, "b"] = None
    imputer = SDAEImputer(pretrain_epochs=5, random_state=0).fit(table)
    assert imputer.constant_features_ == ("a", "b")  # they are independent
    imputer.save(tmp_path / "imputer.safetensors")
    table.to_csv(tmp_path / "holes.csv", index=False)
    run, out = tmp_path / "imputer.safetensors", tmp_path / "full.csv"
    done("impute", run, tmp_path / "holes.csv", "-o", out)
    full, expected = pd.read_csv(out), imputer.transform(table)
    assert full["b"].tolist() == expected["b"].tolist()
    assert np.allclose(full["a"], expected["a"])


def test_a_run_of_numbers_without_gaps_fills_too(flower_run: Path, tmp_path: Path) -> None:
    header, *rows = fields_of((flower_run.parent / "flowers.csv").read_text())
    rows[0][0] = rows[4][1] = "NA"
    lines = [",".join(row) for row in (header, *rows)]
    (tmp_path / "holes.csv").write_text("\n".join(lines))
    data, out = tmp_path / "holes.csv", tmp_path / "full.csv"
    result = invoke("impute", flower_run, data, "-o", out, "--rounds=2")
    assert (result.exit_code, result.stderr) == (0, "")  # gaps are no surprise here
    full = fields_of((tmp_path / "full.csv").read_text())[1:]
    others = np.array([[float(text) for text in row[:2]] for row in rows[10:]])
    for row, column in ((0, 0), (4, 1)):
        value = float(full[row][column])
        assert others[:, column].min() < value < others[:, column].max()
        full[row][column] = "NA"
    assert full == rows


def test_rounds_and_layers_change_what_is_filled(folder: Path) -> None:
    command = ("impute", folder / "run", folder / "holes.csv", "-o", "-")
    usual, *others = (
        done(*command, *options)
        for options in ((), ("--rounds=0", "--layer=1"), ("--rounds=1",), ("--layer=0",))
    )
    assert others[0] == usual  # the defaults
    assert len({usual, *others}) == 3


def test_a_model_without_names_matches_columns_by_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1)) @ np.ones((1, 3))
    X[:5, 0] = np.nan
    imputer = SDAEImputer(pretrain_epochs=30, random_state=0).fit(X)
    imputer.save(tmp_path / "imputer.safetensors")
    pd.DataFrame(X, columns=["a", "b", "c"]).to_csv(tmp_path / "holes.csv", index=False)
    run = tmp_path / "imputer.safetensors"
    done("impute", run, tmp_path / "holes.csv", "-o", tmp_path / "full.csv")
    full = pd.read_csv(tmp_path / "full.csv").to_numpy()
    assert np.allclose(full, imputer.transform(X), atol=1e-5)
    (tmp_path / "two.csv").write_text("a,b\n1,\n")
    text = refused(tmp_path, "impute", run, tmp_path / "two.csv", "-o", tmp_path / "f.csv")
    assert "has 2 columns, but the model expects 3" in text
    assert "by their order" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("size,code\n1,2\n", "has no columns 'since', 'visits', 'smoker', 'town'"),
        ("", "is empty: it has no header line"),
        ("FULL", "Column 'size' held numbers in fit, but holds texts now, such as 'tall'"),
    ],
)
def test_what_cannot_be_filled_is_said_in_words(
    content: str, message: str, folder: Path, tmp_path: Path
) -> None:
    if content == "FULL":
        content = "size,code,town,smoker,since,visits\ntall,001,Mons,yes,2020-01-01,\n"
    (tmp_path / "holes.csv").write_text(content)
    command = ("impute", folder / "run", tmp_path / "holes.csv", "-o", tmp_path / "full.csv")
    assert message in refused(tmp_path, *command)


def test_another_word_for_missing(folder: Path, tmp_path: Path) -> None:
    data, out = tmp_path / "holes.csv", tmp_path / "full.csv"
    data.write_text("size,code,town,smoker,since,visits\n-,001,-,yes,2020-01-01,3\n")
    command = ("impute", folder / "run", data, "-o", out)
    assert "held numbers in fit" in refused(tmp_path, *command)
    assert done(*command, "--na-values=-").startswith("2 gaps in 2 columns of 1 row")
    assert 120 < float(fields_of(out.read_text())[1][0]) < 220


def test_other_outputs_and_rounds_are_refused(folder: Path, tmp_path: Path) -> None:
    command = ("impute", folder / "run", folder / "holes.csv", "-o")
    text = refused(tmp_path, *command, tmp_path / "full.npy")
    assert "must be a .csv or .parquet or .feather or .arrow file" in text
    text = refused(tmp_path, *command, folder / "holes.csv")
    assert "which would be lost" in text
    assert "from 0 to 1. Got 2" in refused(tmp_path, *command, tmp_path / "f.csv", "--layer=2")
    assert invoke(*command, tmp_path / "f.csv", "--rounds=-1").exit_code == 2


def test_without_pyarrow_the_extra_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    command = ("impute", folder / "run", folder / "holes.csv", "-o", tmp_path / "full.parquet")
    result = invoke(*command)
    assert result.exit_code == 2
    assert result.stderr.endswith('writing it needs pyarrow: pip install "sdae[tables]"\n')


def test_a_level_that_a_file_lacks_is_added_and_small_integers_stay_in_their_range(
    folder: Path, tmp_path: Path
) -> None:
    pa, feather = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.feather")
    rows = holes()
    table = pa.table(
        {
            "town": pa.array([None, *["Brugge"] * 39]).dictionary_encode(),
            "size": pa.array([None, *[100] * 39], pa.int8()),
            **{name: pa.array(rows[name]) for name in ("code", "smoker", "since")},
            "visits": pa.array(pd.to_numeric(rows["visits"], errors="coerce")),
        }
    )
    table = table.set_column(3, "smoker", pa.array((rows["smoker"] == "yes").tolist()))
    feather.write_feather(table, tmp_path / "holes.feather")
    done("impute", folder / "run", tmp_path / "holes.feather", "-o", tmp_path / "full.feather")
    full = feather.read_table(tmp_path / "full.feather")
    assert full.column("town").to_pylist()[0] in ("Ghent", "Liège", "Mons")
    assert full.column("town").to_pylist()[1:] == ["Brugge"] * 39
    assert full.column("size").to_pylist() == [127, *[100] * 39]


def test_a_damaged_network_is_said(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "run", tmp_path / "run")
    path = tmp_path / "run/pretrained.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    text = refused(
        tmp_path, "impute", tmp_path / "run", folder / "holes.csv", "-o", tmp_path / "full.csv"
    )
    assert text.startswith(f"{path} is ")
