"""Data made ready for a network: split, scaled, labels turned into class numbers."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from sdae.app.inspection import inspect_table
from sdae.app.inspection.inspection import AS_IT_IS
from sdae.app.recipes.recipe import DataConfig
from sdae.app.runs.model_rows import choose_rows, fitting, network_input, targets_of
from sdae.app.runs.prepare import prepare, prepare_labelled
from sdae.app.runs.run_recipe import build_stack, describe
from sdae.core.errors import DataError
from sdae.core.kinds.decoders import Decoder
from sdae.core.model_file import Model
from sdae.core.schema.level_columns import CategoryColumn
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.user_warnings import DataWarning
from sdae.data import load_dataset
from sdae.data.tables import read_table
from tests.app.runs.recipes import prepared, recipe_for, write_csv, write_npz


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_npz(tmp_path / "rows.npz", offset=3.0)


@pytest.fixture
def model(source: Path) -> Model:
    recipe = recipe_for(source)
    data = prepared(recipe)
    return describe(recipe, data, build_stack(recipe, data))


def test_rows_are_cut_into_parts_by_the_shares(source: Path) -> None:
    data = prepared(recipe_for(source, "data.validation=0.1", "data.test=0.2"))
    assert data.train is not None
    assert data.validation is not None
    assert data.test is not None
    assert [len(x) for x, _ in (data.train, data.validation, data.test)] == [28, 4, 8]
    assert [np.bincount(y).tolist() for _, y in (data.train, data.test)] == [[14, 14], [4, 4]]
    assert data.classes == (3, 8)
    assert (data.name, data.feature_names, data.image_shape) == ("rows", None, None)


def test_the_seed_chooses_the_rows_of_each_part(source: Path) -> None:
    x, _ = prepared(recipe_for(source, "seed=1")).test or ((), ())
    same, _ = prepared(recipe_for(source, "seed=1")).test or ((), ())
    other, _ = prepared(recipe_for(source, "seed=2")).test or ((), ())
    np.testing.assert_array_equal(x, same)
    assert not np.array_equal(x, other)


def test_scaling_is_fitted_on_the_rows_to_learn_from_and_applied_to_all(source: Path) -> None:
    data = prepared(recipe_for(source))
    assert data.scaling is not None
    assert data.scaling.kind == "standard"
    assert data.decoder is Decoder.LINEAR
    np.testing.assert_allclose(data.rows.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(data.rows.std(axis=0), 1, atol=1e-5)
    assert data.train is not None
    assert data.test is not None
    np.testing.assert_array_equal(data.rows, data.train[0])
    raw = load_dataset(source).train.x
    for x, _ in (data.train, data.test):
        back = data.scaling.undo(x)
        assert all(np.abs(raw - row).max(axis=1).min() < 1e-5 for row in back)
    assert np.abs(data.test[0].mean(axis=0)).max() > 1e-3


def test_rows_within_the_unit_interval_are_left_alone(tmp_path: Path) -> None:
    data = prepared(recipe_for(write_npz(tmp_path / "unit.npz")))
    assert data.scaling is None
    assert data.decoder is Decoder.SIGMOID
    assert 0 <= data.rows.min() <= data.rows.max() < 1


def test_unlabelled_rows_are_learned_from_and_counted_in_the_scaling(tmp_path: Path) -> None:
    rows = [[i, i % 3, "ab"[i % 2]] for i in range(20)]
    source = write_csv(tmp_path / "rows.csv", "u,v,y", rows)
    more = write_csv(tmp_path / "more.csv", "v,u", [[1, 100], [2, 200]])
    config = DataConfig(
        str(source), "y", unlabeled=str(more), scale="minmax", validation=0.1, test=0.2
    )
    data = prepare(config, Decoder.AUTO, 0)
    assert data.train is not None
    assert len(data.rows) == len(data.train[0]) + 2 == 16
    assert data.feature_names == ("u", "v")
    assert data.scaling is not None
    np.testing.assert_allclose(data.scaling.undo(data.rows[-2:]), [[100, 1], [200, 2]])
    assert data.rows.max(axis=0).tolist() == [1, 1]
    assert data.train[0][:, 0].max() < 0.11
    assert data.classes == ("a", "b")


def test_unlabelled_rows_of_another_width_are_refused(tmp_path: Path, source: Path) -> None:
    np.save(tmp_path / "more.npy", np.ones((2, 6)))
    recipe = recipe_for(source, f"data.unlabeled={tmp_path / 'more.npy'}")
    with pytest.raises(DataError, match=r"has 6 columns, but .* has 5 feature columns\. Unlab"):
        prepared(recipe)


def test_codes_with_leading_zeros_are_categories_also_beside_numbers(tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    rows = [f"{k % 3 + 6:03},{k / 7},{'ab'[k % 2]}" for k in range(30)]
    path.write_text("\n".join(["code,size,kind", *rows]) + "\n")
    schema = prepared(recipe_for(path, "data.target=kind")).schema
    assert schema is not None
    lines = inspect_table(
        read_table(path, AS_IT_IS, targets=("kind",), strict=False), ["kind"]
    ).lines
    found = [(column.name, column.kind) for column in schema.columns]
    assert found == [(line.name, line.kind) for line in lines][:2]
    assert found == [("code", "category"), ("size", "number")]
    codes = schema.columns[0]
    assert isinstance(codes, CategoryColumn)
    assert codes.levels == ("006", "007", "008")
    on_the_disk = prepared(recipe_for(path, "data.target=kind", "data.memory=0.1KB"))
    assert on_the_disk.schema is not None
    assert on_the_disk.schema.columns == schema.columns


def test_without_labels_there_are_rows_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).random((20, 3)))
    data = prepared(recipe_for(tmp_path / "rows.npy"))
    assert (data.train, data.validation, data.test, data.classes) == (None,) * 4
    assert data.rows.shape == (14, 3)


def test_labelled_data_for_a_model_take_its_scaling_and_classes(
    model: Model, tmp_path: Path
) -> None:
    assert model.scaling is not None
    x = np.random.default_rng(5).random((20, 5)).astype(np.float32) * 7
    np.savez(tmp_path / "other.npz", x=x, y=[8, 3] * 10)
    config = DataConfig(str(tmp_path / "other.npz"), validation=0, test=0)
    data = prepare_labelled(model, config, 0)
    assert data.train is not None
    np.testing.assert_array_equal(data.train[0], model.scaling.apply(x))
    assert data.train[1].tolist() == [1, 0] * 10
    assert data.classes == (3, 8)
    assert data.scaling is model.scaling
    assert (data.validation, data.test) == (None, None)


def test_labelled_data_must_have_the_models_classes(model: Model, tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", x=np.ones((20, 5)), y=[3, 9] * 10)
    with pytest.raises(
        DataError, match=r"label 9, which did not occur in training. Known labels: 3"
    ):
        prepare_labelled(model, DataConfig(str(tmp_path / "other.npz")), 0)


def test_a_model_without_classes_takes_those_of_the_data(model: Model, source: Path) -> None:
    bare = replace(model, classes=None)
    assert prepare_labelled(bare, DataConfig(str(source)), 0).classes == (3, 8)


def test_marks_of_rows_without_a_label_are_seen_among_all_labels(
    model: Model, tmp_path: Path
) -> None:
    """Of few labels that are kept there are as many of each class."""
    y = np.repeat([-1, 0, 1], [30, 5, 5])
    x = np.random.default_rng(3).random((40, 5)) * 7
    np.savez(tmp_path / "rows.npz", x=x, y=y)
    lines = [[*x[row], "ab"[row % 2], y[row]] for row in range(40)]
    table = write_csv(tmp_path / "table.csv", "a,b,c,d,e,f,y", lines)
    config = DataConfig(str(tmp_path / "rows.npz"), labels=6, validation=0, test=0)
    typed, bare = replace(config, source=str(table), target="y"), replace(model, classes=None)
    bare = replace(bare, stack=StackedDenoisingAutoencoder(5, (4, 3)))
    for prepared_so in (
        partial(prepare, config, Decoder.AUTO, 0),
        partial(prepare, typed, Decoder.AUTO, 0),
        partial(prepare_labelled, bare, config, 0),
    ):
        with pytest.warns(DataWarning, match="30 rows have the label -1, which sci") as caught:
            data = prepared_so()
        assert len(caught) == 1
        assert data.train is not None
        assert np.bincount(data.train[1]).tolist() == [2, 2, 2]
        assert (data.classes, data.n_hidden) == ((-1, 0, 1), 34)


def test_labelled_data_need_labels(model: Model, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.ones((20, 5)))
    with pytest.raises(
        DataError, match=r"rows has no labels to fine-tune on. Name their column with --t"
    ):
        prepare_labelled(model, DataConfig(str(tmp_path / "rows.npy")), 0)


@pytest.mark.parametrize(
    ("part", "n_rows"), [("auto", 2), ("train", 4), ("validation", 3), ("test", 2)]
)
def test_a_part_is_chosen_by_name_and_test_by_default(
    part: str, n_rows: int, tmp_path: Path
) -> None:
    sizes = {"x_train": np.ones((4, 1)), "x_val": np.ones((3, 1)), "x_test": np.ones((2, 1))}
    np.savez(tmp_path / "parts.npz", **sizes, allow_pickle=False)
    assert choose_rows(load_dataset(tmp_path / "parts.npz"), part).n_rows == n_rows


def test_a_part_that_is_not_there_is_told_with_those_that_are(source: Path) -> None:
    dataset = load_dataset(source)
    assert choose_rows(dataset, "auto") is dataset.train
    for part in ("test", "tests"):
        with pytest.raises(DataError, match=rf"rows has no part '{part}'. It has: train."):
            choose_rows(dataset, part)


def test_columns_are_brought_into_the_models_order(model: Model, tmp_path: Path) -> None:
    named = replace(model, feature_names=("a", "b", "c", "d", "e"), scaling=None)
    path = write_csv(tmp_path / "rows.csv", "e,x,d,c,b,a", [[5, 0, 4, 3, 2, 1]])
    table = load_dataset(path).train
    assert fitting(named, table).x.tolist() == [[1, 2, 3, 4, 5]]
    assert network_input(named, table).tolist() == [[1, 2, 3, 4, 5]]
    with pytest.raises(DataError, match=r"has 6 feature columns; the model expects 5, .*\. If one"):
        fitting(model, table)


def test_labels_become_the_models_targets_of(model: Model, source: Path) -> None:
    table = load_dataset(source).train
    assert targets_of(model, table).tolist() == [0, 1] * 20
    with pytest.raises(DataError, match=r"label 3, which did not occur in training"):
        targets_of(replace(model, classes=None), table)
    with pytest.raises(
        DataError, match=r"has no labels to compare with. Name their column with --target"
    ):
        targets_of(model, replace(table, y=None))
