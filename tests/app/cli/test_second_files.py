"""A run meets files that are written differently from the one that it was trained on."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdae import load
from tests.app.cli.commands import done, invoke, refused

pd = pytest.importorskip("pandas")
SMALL = (
    "--set=model.hidden_layer_sizes=[8]",
    "--set=pretraining.epochs=2",
    "--set=finetuning.epochs=60",
    "--set=finetuning.dropout=0.0",
)
N_ROWS = 160


def sales(path: Path, seed: int = 0, separator: str = ";") -> Any:
    """Write whole numbers with points of thousands, and targets with decimal commas."""
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 90, N_ROWS), rng.integers(1000, 9000, N_ROWS)
    y = 200 + 0.4 * b + 5 * a
    lines = [
        separator.join([str(one), f"{two:,}".replace(",", "."), f"{out:.2f}".replace(".", ",")])
        for one, two, out in zip(a, b, y, strict=True)
    ]
    path.write_text("\n".join([separator.join("aby"), *lines]) + "\n")
    return pd.DataFrame({"a": a, "b": b, "y": y})


def predictions(run: Path, data: Path, out: Path) -> Any:
    done("predict", run, data, "-o", out)
    return pd.read_csv(out)


def test_numbers_are_read_in_the_dialect_of_training(tmp_path: Path) -> None:
    table = sales(tmp_path / "t.csv")
    run = tmp_path / "run"
    done("train", tmp_path / "t.csv", "--target=y", "--out", run, *SMALL)
    found = predictions(run, tmp_path / "t.csv", tmp_path / "p.csv")["prediction"]
    expected = load(run).predict(table[["a", "b"]].astype(float))
    np.testing.assert_array_equal(found, expected)
    assert np.corrcoef(found, table["y"])[0, 1] > 0.8
    plain = tmp_path / "plain.csv"  # its own points decide
    table.assign(b=table["b"] + 0.25).to_csv(plain, index=False)
    found = predictions(run, plain, tmp_path / "q.csv")["prediction"]
    assert np.abs(found - expected).max() < 5


def test_a_separator_that_cannot_be_found_is_remembered(tmp_path: Path) -> None:
    table = sales(tmp_path / "t.csv", separator=":")
    table["y"] = np.where(table["y"] > 2000, "hi", "lo")
    table["b"] = table["b"].astype(float)
    table.loc[:5, "b"] = None
    table.to_csv(tmp_path / "t.csv", sep=":", index=False)
    run = tmp_path / "run"
    done("train", tmp_path / "t.csv", "--target=y", "--sep=:", "--out", run, *SMALL)
    assert f"Rows {N_ROWS}" in done("evaluate", run, tmp_path / "t.csv")
    first = predictions(run, tmp_path / "t.csv", tmp_path / "p.csv")
    table.to_csv(tmp_path / "usual.csv", index=False)
    assert predictions(run, tmp_path / "usual.csv", tmp_path / "q.csv").equals(first)
    done("impute", run, tmp_path / "t.csv", "-o", tmp_path / "full.csv")
    full = pd.read_csv(tmp_path / "full.csv", sep=":")
    assert not full["b"].isna().any()


def test_gaps_in_a_model_of_numbers_are_masked_with_a_word(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(5, 2, (80, 3)), columns=["a", "b", "y"])
    table.to_csv(tmp_path / "t.csv", index=False)
    run = tmp_path / "run"
    done("train", tmp_path / "t.csv", "--target=y", "--out", run, *SMALL)
    table.loc[3, "a"] = None
    table.to_csv(tmp_path / "gaps.csv", index=False)
    result = invoke("predict", run, tmp_path / "gaps.csv", "-o", tmp_path / "p.csv")
    assert result.exit_code == 0
    assert "missing values in column a, and the rows of training had none" in result.stderr
    with pytest.warns(UserWarning, match="They count as masked: 0 in the network"):
        expected = load(run).predict(table[["a", "b"]])
    np.testing.assert_array_equal(pd.read_csv(tmp_path / "p.csv")["prediction"], expected)
    more = ("--unlabeled", tmp_path / "gaps.csv")
    said = done("train", tmp_path / "t.csv", "--target=y", *more, "--out", tmp_path / "two", *SMALL)
    assert "1 with missing values" in said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a table, a run on it, and a run without a target."""
    folder = tmp_path_factory.mktemp("second")
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, 90), "D")
    table = pd.DataFrame(
        {
            "size": rng.normal(size=90),
            "ok": rng.choice(["yes", "no"], 90),
            "day": days.strftime("%Y-%m-%d"),
            "price": rng.normal(100, 9, 90),
        }
    )
    table.to_csv(folder / "t.csv", index=False)
    how = ("--parse-dates=day", *SMALL)
    done("train", folder / "t.csv", "--target=price", "--out", folder / "run", *how)
    done("train", folder / "t.csv", "--out", folder / "all", *how)
    done("train", folder / "t.csv", "--drop=price", "--out", folder / "rows", *how)
    return folder


def test_words_for_true_and_false_are_booleans_from_everywhere(
    folder: Path, tmp_path: Path
) -> None:
    from_csv = predictions(folder / "run", folder / "t.csv", tmp_path / "p.csv")["prediction"]
    table = pd.read_csv(folder / "t.csv", parse_dates=["day"])
    np.testing.assert_array_equal(load(folder / "run").predict(table), from_csv)
    table.to_parquet(tmp_path / "t.parquet")
    found = predictions(folder / "run", tmp_path / "t.parquet", tmp_path / "q.csv")
    np.testing.assert_array_equal(found["prediction"], from_csv)
    table["ok"] = "maybe"
    table.to_csv(tmp_path / "bad.csv", index=False)
    text = refused(
        tmp_path, "predict", folder / "run", tmp_path / "bad.csv", "-o", tmp_path / "r.csv"
    )
    assert "'ok' held booleans in fit, but holds texts now, such as 'maybe'" in text


def test_a_text_among_numbers_is_the_one_that_is_named(folder: Path, tmp_path: Path) -> None:
    text = (folder / "t.csv").read_text().splitlines()
    cells = text[5].split(",")
    text[5] = ",".join(["n.a.", *cells[1:]])
    (tmp_path / "t.csv").write_text("\n".join(text))
    said = refused(tmp_path, "evaluate", folder / "run", tmp_path / "t.csv")
    assert "such as 'n.a.'" in said
    assert "leave a cell empty where its value is missing" in said


def test_columns_without_a_value_get_the_types_of_training(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("size,ok,day,price\n" + ",,,\n" * 3)
    for name in ("full.parquet", "full.csv"):
        done("impute", folder / "all", tmp_path / "empty.csv", "-o", tmp_path / name)
    full, text = pd.read_parquet(tmp_path / "full.parquet"), pd.read_csv(tmp_path / "full.csv")
    np.testing.assert_allclose(full["size"], text["size"], rtol=1e-5)
    assert (full["size"] != full["size"].round()).all()
    assert full["ok"].dtype == bool
    assert text["day"].str.fullmatch(r"\d{4}-\d\d-\d\d").all()


def test_a_feature_of_the_run_cannot_be_its_target(folder: Path, tmp_path: Path) -> None:
    text = refused(tmp_path, "finetune", folder / "all", folder / "t.csv", "--target=price")
    assert "'price' is one of the columns that the run was trained on" in text
    assert "--drop price" in text


def test_a_column_that_was_dropped_becomes_the_target(folder: Path, tmp_path: Path) -> None:
    done("finetune", folder / "rows", folder / "t.csv", "--target=price")
    recipe = folder / "rows" / "recipe.toml"
    again = tmp_path / "again"
    said = done("train", folder / "t.csv", "--recipe", recipe, "--out", again)
    assert said.splitlines()[-1].endswith("of the target's variance")


def test_a_regression_keeps_its_target(folder: Path, tmp_path: Path) -> None:
    table = pd.read_csv(folder / "t.csv").assign(rent=1.5)
    table["rent"] += table["size"]
    table.to_csv(tmp_path / "rent.csv", index=False)
    before = (folder / "run" / "model.safetensors").read_bytes()
    text = refused(tmp_path, "finetune", folder / "run", tmp_path / "rent.csv", "--target=rent")
    assert "The run predicts 'price', in the unit of that target" in text
    assert (folder / "run" / "model.safetensors").read_bytes() == before
    done("evaluate", folder / "run", tmp_path / "rent.csv", "--target=rent")  # as it is asked for


def test_several_targets_of_an_estimator_are_taken_in_their_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(70, 4)), columns=["a", "b", "y", "z"])
    table.to_csv(tmp_path / "t.csv", index=False)
    both = ("--target=y", "--target=z", "--task=regression")
    done("train", tmp_path / "t.csv", *both, "--out", tmp_path / "run", *SMALL)
    said = done("evaluate", tmp_path / "run", tmp_path / "t.csv")
    load(tmp_path / "run").save(tmp_path / "m.safetensors")
    again = done("evaluate", tmp_path / "m.safetensors", tmp_path / "t.csv", *both[:2])
    assert again == said.replace("y: ", "0: ").replace("z: ", "1: ")


def test_a_study_leaves_out_what_names_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"id": [f"row {k}" for k in range(60)], "a": rng.normal(size=60)})
    table["y"] = np.where(table["a"] > 0, "hi", "lo")
    table.to_csv(tmp_path / "t.csv", index=False)
    tiny = ("--set=hidden_layer_sizes=[2]", "--set=pretrain_epochs=1", "--set=max_iter=2")
    said = done(
        "compare", tmp_path / "t.csv", "--target=y", "--id=id", "--labels=20", "--seeds=2",
        "--models=random", "--out", tmp_path / "out", *tiny,
    )  # fmt: skip
    assert "20 labels" in said


def test_a_run_of_numbers_takes_every_kind_of_table(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("abc"))
    table["y"] = np.where(table["a"] > 0, "hi", "lo")
    table.to_csv(tmp_path / "t.csv", index=False)
    run = tmp_path / "run"
    done("train", tmp_path / "t.csv", "--target=y", "--out", run, *SMALL)
    expected = predictions(run, tmp_path / "t.csv", tmp_path / "p.csv")
    table.to_csv(tmp_path / "t.tsv", sep="\t", index=False)
    table[list("ycba")].to_feather(tmp_path / "t.feather")
    for name in ("t.tsv", "t.feather"):
        found = predictions(run, tmp_path / name, tmp_path / "q.csv")
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
    said = done("evaluate", run, tmp_path / "t.csv")
    assert done("evaluate", run, tmp_path / "t.feather") == said
    more = ("--unlabeled", tmp_path / "t.feather")
    done("train", tmp_path / "t.csv", "--target=y", *more, "--out", tmp_path / "more", *SMALL)


@pytest.mark.parametrize("name", ["t.tsv", "t.feather"])
def test_other_tables_must_have_the_numbers_of_training(name: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("abc"))
    table.to_csv(tmp_path / "t.csv", index=False)
    run, data = tmp_path / "run", tmp_path / name
    done("train", tmp_path / "t.csv", "--out", run, *SMALL)
    for wrong, words in (
        (table.drop(columns="b"), "no column 'b'"),
        (table.assign(b="old"), "column 'b', does not hold numbers"),
    ):
        if name == "t.tsv":
            wrong.to_csv(data, sep="\t", index=False)
        else:
            wrong.to_feather(data)
        assert words in refused(tmp_path, "encode", run, data, "-o", tmp_path / "codes.npy")
