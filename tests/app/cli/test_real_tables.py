"""Runs on real tables: a CSV and a Parquet file give the same model, to the byte."""

from pathlib import Path

import pytest

from tests.app.cli.commands import done

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

FOLDER = Path(__file__).parents[2] / "data" / "tables"
TARGETS = {
    "anes96": "vote",
    "modechoice": "chosen",
    "penguins": "species",
    "weather": "weather",
}
HOW = {"weather": ("--drop", "date")}  # dates that ISO 8601 does not write
SMALL = (
    "--set=model.hidden_layer_sizes=[6]",
    "--set=pretraining.epochs=1",
    "--set=finetuning.epochs=1",
)


@pytest.mark.parametrize("name", TARGETS)
def test_a_csv_and_a_parquet_file_give_the_same_model(name: str, tmp_path: Path) -> None:
    content = (FOLDER / f"{name}.csv").read_bytes()
    (tmp_path / "table.csv").write_bytes(content)
    pd.read_csv(tmp_path / "table.csv").to_parquet(tmp_path / "table.parquet")
    models = []
    for kind in ("csv", "parquet"):
        out = tmp_path / kind
        how = ("--target", TARGETS[name], *HOW.get(name, ()), *SMALL)
        done("train", tmp_path / f"table.{kind}", "--out", out, *how)
        models.append((out / "model.safetensors").read_bytes())
    assert models[0] == models[1]
