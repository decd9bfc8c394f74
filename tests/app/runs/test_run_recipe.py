"""Running a recipe: the stack it builds, the stages it walks, the models it keeps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import sdae
from sdae import Checkpoint
from sdae.app.runs.estimate import estimate
from sdae.app.runs.ladder_runs import settled_recipe
from sdae.app.runs.run_recipe import build_stack, describe, finetune_on, run_recipe
from sdae.core.errors import DataError, InvalidParameterError
from sdae.core.kinds.decoders import Decoder
from sdae.train.callbacks import Event, PartStarted, StageEnded
from sdae.train.consistency import rule
from tests.app.runs.recipes import prepared, recipe_for, write_npz


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_npz(tmp_path / "rows.npz", offset=3.0)


def test_the_stack_is_the_one_the_recipe_asks_for(source: Path) -> None:
    recipe = recipe_for(
        source,
        "model.activation=tanh",
        "model.tied=false",
        'model.corruption=["masking:0.2","gaussian:0.1"]',
    )
    stack = build_stack(recipe, prepared(recipe))
    assert (stack.n_visible, stack.hidden_layer_sizes, stack.n_classes) == (5, (4, 3), 2)
    assert str(stack.activation) == "tanh"
    layers = [stack.autoencoder(layer) for layer in (0, 1)]
    assert [str(layer.corruption) for layer in layers] == ["masking:0.2", "gaussian:0.1"]
    assert not any(layer.tied for layer in layers)
    emphatic = recipe_for(source, 'model.emphasis="1:0.5"')
    assert str(build_stack(emphatic, prepared(emphatic)).autoencoder(1).emphasis) == "1.0:0.5"


@pytest.mark.parametrize(
    ("activation", "decoder", "expected"),
    [
        ("sigmoid", "auto", ("linear", "sigmoid")),
        ("tanh", "auto", ("linear", "linear")),
        ("sigmoid", "sigmoid", ("sigmoid", "sigmoid")),
        ("sigmoid", "linear", ("linear", "linear")),
        ("relu", '["sigmoid","linear"]', ("sigmoid", "linear")),
    ],
)
def test_the_data_settle_the_first_decoder_and_codes_the_others(
    activation: str, decoder: str, expected: tuple[str, ...], source: Path
) -> None:
    recipe = recipe_for(source, f"model.activation={activation}", f"model.decoder={decoder}")
    stack = build_stack(recipe, prepared(recipe))
    assert tuple(str(stack.autoencoder(layer).decoder) for layer in (0, 1)) == expected


def test_the_seed_of_the_recipe_seeds_the_weights(source: Path) -> None:
    weights = []
    for seed in (1, 1, 2):
        recipe = recipe_for(source, f"seed={seed}")
        weights.append(build_stack(recipe, prepared(recipe_for(source))).autoencoder(0).weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_both_stages_run_and_are_told(source: Path) -> None:
    recipe = recipe_for(source)
    data = prepared(recipe)
    stack = build_stack(recipe, data)
    events: list[Event] = []
    trained = run_recipe(recipe, data, stack, callbacks=iter([events.append]))
    parts = [(e.layer, e.n_epochs, e.n_samples) for e in events if isinstance(e, PartStarted)]
    assert parts == [(0, 2, 28), (1, 2, 28), (None, 3, 28)]
    ended = [event.history for event in events if isinstance(event, StageEnded)]
    assert ended == [trained.pretraining, trained.finetuning]
    assert trained.model.stack is stack
    assert trained.finetuning is not None
    assert data.test is not None
    assert trained.finetuning.test_error == pytest.approx(float(stack.errors(*data.test)))


def test_the_network_before_fine_tuning_is_kept_apart(source: Path) -> None:
    recipe = recipe_for(source)
    data = prepared(recipe)
    trained = run_recipe(recipe, data, build_stack(recipe, data))
    still = replace(recipe, finetuning=replace(recipe.finetuning, learning_rate=0.0))
    untuned = run_recipe(still, data, build_stack(still, data))
    assert trained.pretrained is not None
    for layer in (0, 1):
        before = trained.pretrained.stack.autoencoder(layer)
        assert torch.equal(before.weight, untuned.model.stack.autoencoder(layer).weight)
        assert not torch.equal(before.weight, trained.model.stack.autoencoder(layer).weight)
        assert before.weight is trained.pretrained.stack.mlp[2 * layer].weight
    assert not torch.count_nonzero(trained.pretrained.stack.head.weight)


def test_without_labels_there_is_one_stage_and_one_model(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).random((30, 5)))
    recipe = recipe_for(tmp_path / "rows.npy")
    data = prepared(recipe)
    trained = run_recipe(recipe, data, build_stack(recipe, data))
    assert trained.pretrained is None
    assert trained.finetuning is None
    assert trained.model.classes is None
    assert trained.pretraining is not None
    assert len(trained.pretraining.records) == 4
    with pytest.raises(
        DataError, match=r"rows has no labels to fine-tune on. Name their column with --ta"
    ):
        finetune_on(recipe, data, trained.model.stack)


def test_fine_tuning_gives_a_stack_its_head(source: Path) -> None:
    recipe = recipe_for(source)
    data = prepared(recipe)
    stack = build_stack(recipe, replace(data, classes=None))
    assert not hasattr(stack.mlp[-1], "bias")
    history = finetune_on(recipe, data, stack)
    assert stack.n_classes == 2
    assert len(history.records) == 3
    assert torch.count_nonzero(stack.head.weight)


def test_the_model_is_described_without_clock_times(source: Path) -> None:
    recipe = recipe_for(source, "seed=12")
    data = prepared(recipe)
    model = describe(recipe, data, build_stack(recipe, data))
    assert dict(model.provenance) == {
        "data": "rows",
        "seed": 12,
        "sdae": sdae.__version__,
        "torch": torch.__version__,
    }
    assert model.classes == (3, 8)
    assert model.scaling is data.scaling
    assert data.decoder is Decoder.LINEAR


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            ("finetuning.batch_size=29", "finetuning.drop_last=true"),
            "batch_size parameter of finetune must be at most the 28 training rows",
        ),
        (
            ("finetuning.engine=closed_form", "finetuning.max_norm=3"),
            "engine parameter of finetune must be an engine that supports this training",
        ),
        (
            ("finetuning.engine=fused",),
            "it supports only batch_size 1, and batch_size is 8",
        ),
        (
            ("finetuning.engine=closed_form", "finetuning.momentum=0.9"),
            "it supports only plain gradient descent",
        ),
    ],
)
def test_what_would_stop_fine_tuning_is_refused_before_pre_training(
    settings: tuple[str, ...], problem: str, source: Path, tmp_path: Path
) -> None:
    recipe = recipe_for(source, *settings)
    data = prepared(recipe)
    stack = build_stack(recipe, data)
    events: list[Event] = []
    folder = Checkpoint(tmp_path / "checkpoints")
    with pytest.raises(InvalidParameterError, match=problem):
        run_recipe(recipe, data, stack, checkpoint=folder, callbacks=[events.append])
    assert not events
    assert not (tmp_path / "checkpoints").exists()


def test_rows_that_fine_tuning_cannot_take_are_refused_before_pre_training(source: Path) -> None:
    recipe = recipe_for(source)
    data = prepared(recipe)
    assert data.validation is not None
    far = np.full_like(data.validation[0], np.inf)  # as where scaling went beyond float32
    data = replace(data, validation=(far, data.validation[1]))
    events: list[Event] = []
    with pytest.raises(DataError, match="x of the validation set"):
        run_recipe(recipe, data, build_stack(recipe, data), callbacks=[events.append])
    assert not events


@pytest.mark.parametrize(
    ("related", "certain", "methods"),
    [(-1, 0, '["label_spreading", "vat"]'), (-1, 1.1, "mean_teacher"), (1.1, 0, "none")],
)
def test_the_rows_choose_what_a_recipe_learns_from_them(
    related: float, certain: float, methods: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule, "RELATED", related)
    monkeypatch.setattr(rule, "ALIKE", related)
    monkeypatch.setattr(rule, "CERTAIN", certain)
    source, more = write_npz(tmp_path / "rows.npz"), tmp_path / "more.npz"
    np.savez(more, x=np.random.default_rng(5).random((300, 5), dtype=np.float32))
    given = (f"data.unlabeled={more}", "data.validation=0", "data.test=0")
    bytes_of = []
    for asked in ("auto", methods):
        recipe = recipe_for(source, *given, f"finetuning.semi_supervised={asked}")
        data = prepared(recipe)
        stack = build_stack(recipe, data)
        run_recipe(recipe, data, stack)
        bytes_of.append([p.detach().numpy().tobytes() for p in stack.mlp.parameters()])
        settled = settled_recipe(recipe, data, "cpu")
        assert settled == recipe_for(source, *given, f"finetuning.semi_supervised={methods}")
    assert bytes_of[0] == bytes_of[1]


def test_a_recipe_learns_from_the_rows_without_labels(tmp_path: Path) -> None:
    source, more = write_npz(tmp_path / "rows.npz"), tmp_path / "more.npz"
    np.savez(more, x=np.random.default_rng(5).random((30, 5), dtype=np.float32))
    given = (f"data.unlabeled={more}", "data.validation=0", "data.test=0")
    taught = (*given, 'finetuning.semi_supervised=["vat","label_spreading"]')
    bytes_of = {}
    for name, settings in (("alone", given), ("taught", taught), ("again", taught)):
        recipe = recipe_for(source, *settings)
        data = prepared(recipe)
        assert data.unlabelled is not None
        assert data.unlabelled.shape == (30, 5)
        stack = build_stack(recipe, data)
        history = run_recipe(recipe, data, stack).finetuning
        assert history is not None
        assert len(history.records) == 3
        bytes_of[name] = [p.detach().numpy().tobytes() for p in stack.mlp.parameters()]
    assert recipe.finetuning.semi_supervised == ("label_spreading", "vat")
    assert bytes_of["taught"] == bytes_of["again"] != bytes_of["alone"]
    estimated = estimate(recipe, data, build_stack(recipe, data), "cpu")
    assert estimated.finetuning_most > 0
