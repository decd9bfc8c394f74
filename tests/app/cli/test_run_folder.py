"""What a run folder holds, and that it is enough to make the same model again."""

import tomllib
from pathlib import Path

import pytest
import torch

from sdae.app.cli.commands.train import resolve_recipe
from sdae.app.recipes import load_recipe
from sdae.core.model_file import load_model
from tests.app.cli.commands import done
from tests.app.cli.samples import SMALL, history


def test_the_recipe_spells_out_every_value(flower_run: Path) -> None:
    recipe = tomllib.loads((flower_run / "recipe.toml").read_text())
    assert recipe["seed"] == 1
    assert recipe["model"]["hidden_layer_sizes"] == [6, 5]
    assert recipe["model"]["activation"] == "tanh"
    assert recipe["data"]["source"] == str(flower_run.parent / "flowers.csv")
    assert recipe["data"]["target"] == "species"
    assert recipe["pretraining"]["epochs"] == 2
    assert recipe["pretraining"]["momentum"] == 0
    assert recipe["finetuning"]["improvement_threshold"] == 0.995


def test_the_history_has_a_record_per_epoch_and_stage(flower_run: Path) -> None:
    records = history(flower_run)
    walked = [(r["stage"], r["layer"], r["epoch"]) for r in records]
    layers = [("pretraining", layer, epoch) for layer in (0, 1) for epoch in (1, 2)]
    assert walked == [*layers, *(("finetuning", None, epoch) for epoch in (1, 2, 3))]
    for record in records:
        assert record["engine"]
        assert record["cost"] > 0
        assert record["seconds"] >= 0
        assert record["samples_per_second"] > 0
        assert (record["validation_error"] is None) == (record["stage"] == "pretraining")


def test_both_models_are_kept_and_fine_tuning_makes_the_difference(flower_run: Path) -> None:
    model = load_model(flower_run / "model.safetensors")
    before = load_model(flower_run / "pretrained.safetensors")
    assert model.classes == before.classes == ("setosa", "versicolor", "virginica")
    assert model.feature_names == ("a", "b", "c", "d")
    assert model.scaling is not None
    assert not torch.count_nonzero(before.stack.head.weight)
    assert torch.count_nonzero(model.stack.head.weight)
    weights = [m.stack.autoencoder(0).weight for m in (model, before)]
    assert not torch.equal(*weights)


def test_the_same_command_gives_the_same_bytes(flower_run: Path, tmp_path: Path) -> None:
    data = flower_run.parent / "flowers.csv"
    done("train", data, "--target", "species", "--out", tmp_path / "again", *SMALL)
    for name in ("model.safetensors", "pretrained.safetensors", "recipe.toml"):
        assert (tmp_path / "again" / name).read_bytes() == (flower_run / name).read_bytes()


def test_another_seed_gives_another_model(flower_run: Path, tmp_path: Path) -> None:
    data = flower_run.parent / "flowers.csv"
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        done("train", data, "--target", "species", "--seed", seed, "--out", tmp_path / name, *SMALL)
    a, b, c = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert a == b
    assert a != c
    assert tomllib.loads((tmp_path / "a/recipe.toml").read_text())["seed"] == 7
    weights = [load_model(tmp_path / name / "model.safetensors") for name in "ac"]
    assert not torch.equal(*(m.stack.autoencoder(0).weight for m in weights))


def test_the_recipe_of_a_run_makes_the_same_model(flower_run: Path, tmp_path: Path) -> None:
    done("train", "--recipe", flower_run / "recipe.toml", "--out", tmp_path / "again")
    for name in ("model.safetensors", "pretrained.safetensors", "recipe.toml"):
        assert (tmp_path / "again" / name).read_bytes() == (flower_run / name).read_bytes()


def test_a_recipe_file_is_followed_and_overridden(flowers: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        'seed = 5\n[model]\nhidden_layer_sizes = [4]\nactivation = "relu"\n'
        f'[data]\nsource = "{flowers}"\ntarget = "species"\nvalidation = 0.2\n'
        "[pretraining]\nepochs = 1\n[finetuning]\nepochs = 9\nlearning_rate = 0.01\n"
    )
    run = tmp_path / "run"
    options = ("--set", "finetuning.epochs=2", "--set", "model.corruption=gaussian:0.2")
    done("train", "--recipe", recipe, *options, "--test", "0.3", "--seed", "6", "--out", run)
    written = tomllib.loads((run / "recipe.toml").read_text())
    assert written["seed"] == 6
    assert written["model"]["hidden_layer_sizes"] == 4
    assert written["model"]["corruption"] == "gaussian:0.2"
    assert written["data"]["validation"] == 0.2
    assert written["data"]["test"] == 0.3
    assert written["finetuning"]["epochs"] == 2
    records = history(run)
    assert [r["epoch"] for r in records] == [1, 1, 2]
    stack = load_model(run / "model.safetensors").stack
    assert stack.hidden_layer_sizes == (4,)
    assert str(stack.activation) == "relu"
    assert str(stack.autoencoder(0).corruption) == "gaussian:0.2"


def test_a_later_setting_wins_and_options_win_over_settings(flowers: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    settings = ("--set=seed=3", "--set=pretraining.epochs=4", "--set=pretraining.epochs=1")
    done("train", flowers, "--target=species", *SMALL, *settings, "--seed=9", "--out", run)
    written = tomllib.loads((run / "recipe.toml").read_text())
    assert written["seed"] == 9
    assert written["pretraining"]["epochs"] == 1


def test_the_tutorials_recipe_can_be_named(flowers: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    scaled = ("--recipe", "tutorial", "--set", "data.scale=minmax", *SMALL)
    corruption = ("--set", 'model.corruption=["masking:0.1","masking:0.2"]')
    done("train", flowers, "--target", "species", *scaled, *corruption, "--out", run)
    written = tomllib.loads((run / "recipe.toml").read_text())
    assert written["seed"] == 89677
    assert written["pretraining"]["batch_size"] == 1
    assert written["model"]["decoder"] == "sigmoid"
    assert load_model(run / "model.safetensors").scaling is not None


def test_without_out_a_new_folder_is_made_in_runs(
    flowers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(flowers.parent)
    command = ("train", "flowers.csv", "--target", "species", *SMALL)
    for name in ("runs/flowers-table", "runs/flowers-table-2"):
        assert f"Run written to {name}\n" in done(*command)
    assert sorted(path.name for path in Path("runs").iterdir()) == [
        "flowers-table",
        "flowers-table-2",
    ]


def test_a_file_whose_name_is_beyond_ascii_is_found(flowers: Path, tmp_path: Path) -> None:
    data = flowers.rename(tmp_path / "Blüten 🌼.csv")
    done("train", data, "--target", "species", "--out", tmp_path / "run", *SMALL)
    recipe = tomllib.loads((tmp_path / "run/recipe.toml").read_text(encoding="utf-8"))
    assert recipe["data"]["source"] == str(data)


@pytest.mark.usefixtures("one_thread_again")
def test_threads_are_limited(flowers: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done("train", flowers, "--target", "species", "--threads", "2", "--out", run, *SMALL)
    assert torch.get_num_threads() == 2


def test_without_matplotlib_the_run_is_kept_and_the_remedy_told(
    flowers: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    said = done("train", flowers, "--target", "species", "--out", run, *SMALL)
    remedy = 'No pictures: Plots need matplotlib. Install it with: pip install "sdae[report]"'
    assert remedy in said.splitlines()
    assert (run / "model.safetensors").is_file()
    assert not list(run.rglob("*.png"))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("mnist", "default"),
        (None, "default"),
        ("rows.npz", "arrays"),
        ("digits", "arrays"),
        ("flowers.csv", "table"),
        ("Flowers.CSV.gz", "table"),
        ("flowers.parquet", "table"),
    ],
)
def test_the_recipe_follows_from_the_data(source: str | None, name: str) -> None:
    settings = [] if source is None else [f'data.source="{source}"']
    assert resolve_recipe(source, None, []) == load_recipe(name, settings)
    assert resolve_recipe(None, None, settings) == load_recipe(name, settings)
