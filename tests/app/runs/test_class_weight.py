"""The weights of classes: read from a recipe, and given to the rows of each class."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdae.app.recipes.recipe import DataConfig, parse_recipe, write_recipe
from sdae.app.runs.prepare import prepare
from sdae.core.errors import DataError, InvalidParameterError, RecipeError
from sdae.core.kinds.decoders import Decoder


def table(path: Path) -> str:
    rng = np.random.default_rng(0)
    lines = ["a,b,y", *(f"{a:.3f},{b:.3f},{'yes' if a > 1 else 'no'}" for a, b in rng.normal(
        size=(200, 2)))]  # fmt: skip
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.mark.parametrize("value", ["balanced", "yes=3", ("yes=3", "no=0.5")])
def test_a_recipe_keeps_them(value: str | tuple[str, ...]) -> None:
    text = f"[data]\nclass_weight = {list(value) if isinstance(value, tuple) else repr(value)}"
    recipe = parse_recipe(text, "r")
    assert recipe.data.class_weight == value
    assert parse_recipe(write_recipe(recipe), "r") == recipe


def test_a_table_of_weights_is_read_too() -> None:
    recipe = parse_recipe("[data]\nclass_weight = {yes = 3, no = 0.5}", "r")
    assert recipe.data.class_weight == ("yes=3", "no=0.5")
    assert parse_recipe("[data]\nclass_weight = 'none'", "r").data.class_weight is None


@pytest.mark.parametrize(
    "value",
    ["'yes'", "'yes=-1'", "'yes=inf'", "'=2'", "3", "[]", "['a=1', 'a=2']", "['balanced', 'a=1']"],
)
def test_what_is_no_weight_is_refused(value: str) -> None:
    with pytest.raises(RecipeError, match="class_weight"):
        parse_recipe(f"[data]\nclass_weight = {value}", "r")


def test_balanced_rows_of_each_class_weigh_alike(tmp_path: Path) -> None:
    config = DataConfig(table(tmp_path / "t.csv"), "y", class_weight="balanced")
    data = prepare(config, Decoder.AUTO, 0)
    assert data.train is not None
    assert data.train_weight is not None
    assert data.validation_weight is not None
    y, weight = data.train[1], data.train_weight
    assert weight[y == 0].sum() == pytest.approx(weight[y == 1].sum())
    assert weight.sum() == pytest.approx(len(y))
    assert set(data.validation_weight) == set(weight)  # by the classes of the training rows


def test_where_few_labels_are_kept_validation_rows_of_each_class_weigh_alike_too(
    tmp_path: Path,
) -> None:
    config = DataConfig(table(tmp_path / "t.csv"), "y", class_weight="balanced", labels=10)
    data = prepare(config, Decoder.AUTO, 0)
    assert data.validation is not None
    assert data.validation_weight is not None
    assert data.train_weight is not None
    y, weight = data.validation[1], data.validation_weight
    assert 0 < (y == 1).sum() < (y == 0).sum()
    assert weight[y == 0].sum() == pytest.approx(weight[y == 1].sum())
    assert set(data.train_weight) == {1.0}  # 5 labels of each class are kept
    given = prepare(replace(config, class_weight="yes=3"), Decoder.AUTO, 0).validation_weight
    assert given is not None
    assert given.tolist() == np.where(y == 1, 3.0, 1.0).tolist()


def test_rows_weigh_as_their_class_says(tmp_path: Path) -> None:
    config = DataConfig(table(tmp_path / "t.csv"), "y", class_weight="yes=3")
    data = prepare(config, Decoder.AUTO, 0)
    assert data.classes == ("no", "yes")
    assert data.train is not None
    assert data.train_weight is not None
    assert data.train_weight.tolist() == np.where(data.train[1] == 1, 3.0, 1.0).tolist()


def test_without_them_all_rows_weigh_alike(tmp_path: Path) -> None:
    data = prepare(DataConfig(table(tmp_path / "t.csv"), "y"), Decoder.AUTO, 0)
    assert data.train_weight is None


def test_a_class_may_be_written_as_in_another_file(tmp_path: Path) -> None:
    lines = ["a,y", *(f"{k},{k % 2}.0" for k in range(40))]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    config = DataConfig(str(tmp_path / "t.csv"), "y", class_weight="1=5")
    data = prepare(config, Decoder.AUTO, 0)
    assert data.classes == ("0.0", "1.0")
    assert data.train is not None
    assert data.train_weight is not None
    assert data.train_weight.tolist() == np.where(data.train[1] == 1, 5.0, 1.0).tolist()


def test_other_classes_are_refused(tmp_path: Path) -> None:
    source = table(tmp_path / "t.csv")
    with pytest.raises(DataError, match=r"names 'maybe', but the classes of .* are: no, yes"):
        prepare(DataConfig(source, "y", class_weight=("yes=2", "maybe=3")), Decoder.AUTO, 0)
    with pytest.raises(DataError, match="weight 0 to every row"):
        prepare(DataConfig(source, "y", class_weight=("yes=0", "no=0")), Decoder.AUTO, 0)
    with pytest.raises(InvalidParameterError, match="unless the task is a classification"):
        prepare(DataConfig(source, "b", class_weight="balanced", drop="y"), Decoder.AUTO, 0)
