"""Recipes in TOML: round trips, overrides, and every problem in one error."""

import re
import tomllib
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdae.app.recipes.model_table import ModelConfig
from sdae.app.recipes.recipe import (
    SCALES,
    DataConfig,
    Recipe,
    parse_recipe,
    write_recipe,
)
from sdae.core.corruption import MaskingNoise, SaltAndPepperNoise
from sdae.core.errors import RecipeError
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.decoders import Decoder, Emphasis
from sdae.core.kinds.optimizers import Optimizer
from sdae.train.settings import (
    CODES,
    ENGINES,
    FinetuningConfig,
    PretrainingConfig,
)
from tests.core.values import REPEATABLE, emphases, levels, noises, numbers, schedules

_characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.text(_characters, min_size=1, max_size=8).filter(lambda text: text != "none")
counts = st.integers(0, 2**40)
T = TypeVar("T")


def _each(values: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(values, min_size=1, max_size=3).map(tuple)


_common = {
    "batch_size": st.integers(1, 10**6),
    "shuffle": st.booleans(),
    "drop_last": st.booleans(),
    "optimizer": st.sampled_from(Optimizer),
    "momentum": levels,
    "nesterov": st.booleans(),
    "schedule": schedules,
    "weight_decay": numbers,
    "engine": st.sampled_from(ENGINES),
}
recipes = st.builds(
    Recipe,
    st.integers(0, 2**64 - 1),
    st.builds(
        ModelConfig,
        hidden_layer_sizes=_each(st.integers(1, 40_000)),
        corruption=_each(noises),
        activation=st.sampled_from(Activation),
        decoder=_each(st.sampled_from(Decoder)),
        tied=st.booleans(),
        emphasis=st.none() | emphases,
    ),
    st.builds(
        DataConfig,
        source=texts,
        target=st.none() | texts,
        unlabeled=st.none() | texts,
        scale=st.sampled_from(SCALES),
        validation=st.floats(0, 0.9),
        test=st.floats(0, 0.9),
    ),
    st.builds(
        PretrainingConfig,
        epochs=_each(counts),
        learning_rate=_each(numbers),
        corruption=st.none() | _each(noises),
        codes=st.sampled_from(CODES),
        **_common,
    ).filter(lambda config: config.momentum > 0 or not config.nesterov),
    st.builds(
        FinetuningConfig,
        epochs=counts,
        learning_rate=numbers,
        max_norm=st.none() | st.floats(0, 9, exclude_min=True),
        dropout=st.floats(0, 0.99),
        input_dropout=st.floats(0, 0.99),
        early_stopping=st.booleans(),
        patience_epochs=st.integers(1, 10**6),
        patience_increase=st.floats(1, 9),
        improvement_threshold=st.floats(0, 1, exclude_min=True),
        restore_best=st.booleans(),
        **_common,
    ).filter(lambda config: config.momentum > 0 or not config.nesterov),
)


@REPEATABLE
@given(recipes)
def test_a_recipe_is_read_back_from_its_toml(recipe: Recipe) -> None:
    assert parse_recipe(write_recipe(recipe), "it") == recipe


def test_a_written_recipe_spells_out_every_value() -> None:
    tables = tomllib.loads(write_recipe(Recipe()))
    assert tables["seed"] == 0
    assert tables["model"] == {
        "kind": "stack",
        "hidden_layer_sizes": [500, 500],
        "corruption": "masking:0.1",
        "activation": "sigmoid",
        "decoder": "auto",
        "tied": True,
        "emphasis": "none",
    }
    assert tables["data"]["target"] == "none"
    assert tables["pretraining"]["epochs"] == 15
    assert tables["finetuning"]["improvement_threshold"] == 0.995


def test_an_empty_recipe_is_all_defaults() -> None:
    assert parse_recipe("", "empty") == Recipe()


def test_a_recipe_is_read() -> None:
    recipe = parse_recipe(
        """
        seed = 5
        [model]
        hidden_layer_sizes = [30, 20]
        corruption = ["masking:0.1", "salt_and_pepper:0.2"]
        emphasis = "full"
        decoder = "linear"
        [data]
        target = "label"
        """,
        "it",
    )
    assert recipe.seed == 5
    assert recipe.model.hidden_layer_sizes == (30, 20)
    assert recipe.model.corruption == (MaskingNoise(0.1), SaltAndPepperNoise(0.2))
    assert recipe.model.emphasis == Emphasis(1.0, 0.0)
    assert recipe.model.decoder == (Decoder.LINEAR,)
    assert recipe.data.target == "label"
    assert recipe.finetuning == FinetuningConfig()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[modle]", "A recipe has no 'modle'. Did you mean model?"),
        ("sed = 1", "A recipe has no 'sed'. Did you mean seed?"),
        (
            "epochs = 3",
            "A recipe has no 'epochs'. Did you mean pretraining.epochs or finetuning.epochs?",
        ),
        ("tied = true", "A recipe has no 'tied'. Did you mean model.tied?"),
        ("scale = 'auto'", "A recipe has no 'scale'. Did you mean data.scale?"),
        ("zzz = 1", "It has: seed, model, data, pretraining, finetuning, ladder."),
        ("[model]\nactivaton = 'tanh'", "[model] has no parameter 'activaton'. Did you mean 'acti"),
        ("[finetuning]\nlearning_rat = 1", "[finetuning] has no parameter 'learning_rat'. Did yo"),
        ("[model]\nactivation = 'tahn'", "Got 'tahn' instead. Did you mean 'tanh'?"),
        ("[data]\nscale = 'max'", "'auto', 'none', 'minmax', 'standard'. Got 'max' instead."),
        ("[data]\nsource = ''", "The source parameter of [data] must be a text. Got '' instead."),
        ("[data]\ntest = 0.95", "The test parameter of [data] must be a number in [0, 0.9]."),
        ("model = 3", "[model] must be a table. Got 3 instead."),
        ("seed = -1", "The seed parameter of the recipe must be an integer in [0, 2**64)."),
        ("seed = 1.5", "Got 1.5 instead."),
        ("[model", "Recipe mine is not valid TOML"),
        ("a = " + "[" * 9000, "Recipe mine is not valid TOML"),
        ("seed = " + "1" * 5000, "Recipe mine"),
        (
            "[pretraining]\nlearning_rate = 1" + "0" * 400,
            "learning_rate parameter of [pretraining]",
        ),
    ],
)
def test_a_faulty_recipe_is_refused_with_the_key_and_the_remedy(text: str, problem: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(problem)) as caught:
        parse_recipe(text, "mine")
    assert str(caught.value).startswith("Recipe mine")


def test_all_problems_of_a_recipe_come_in_one_error() -> None:
    content = "seed = -1\nnodel = 1\n[model]\ntied = 1\n[data]\ntest = 2\n[finetuning]\nepochs = -1"
    with pytest.raises(RecipeError) as caught:
        parse_recipe(content, "mine", ["pretraining.batchsize=3"])
    lines = str(caught.value).splitlines()
    assert lines[0] == "Recipe mine:"
    assert len(lines) == 7
    for word in ("seed", "'nodel'", "tied", "test", "epochs", "'batchsize'"):
        assert any(word in line for line in lines[1:])


@pytest.mark.parametrize(
    ("override", "table", "name", "value"),
    [
        ("pretraining.epochs=5", "pretraining", "epochs", (5,)),
        ("pretraining.epochs = [5, 6]", "pretraining", "epochs", (5, 6)),
        ("finetuning.learning_rate=1e-3", "finetuning", "learning_rate", 0.001),
        ("finetuning.max_norm=none", "finetuning", "max_norm", None),
        ("model.corruption=masking:0.3", "model", "corruption", (MaskingNoise(0.3),)),
        ("model.corruption=0.3", "model", "corruption", (MaskingNoise(0.3),)),
        (
            "model.corruption=[masking:0.3, 0.1]",
            "model",
            "corruption",
            (MaskingNoise(0.3), MaskingNoise(0.1)),
        ),
        ("finetuning.semi_supervised=[vat]", "finetuning", "semi_supervised", ("vat",)),
        (
            "finetuning.semi_supervised=[ vat,mean_teacher ]",
            "finetuning",
            "semi_supervised",
            ("mean_teacher", "vat"),
        ),
        ("data.source=[a, b c]", "data", "source", "[a, b c]"),
        ("data.source=[a]b]", "data", "source", "[a]b]"),
        ("model.tied=false", "model", "tied", False),
        ("data.target=a=b", "data", "target", "a=b"),
        ("data.source='my file.csv'", "data", "source", "my file.csv"),
        ("data.source=C:\\rows.csv", "data", "source", "C:\\rows.csv"),
    ],
)
def test_a_setting_wins_over_the_text(override: str, table: str, name: str, value: object) -> None:
    content = "[pretraining]\nepochs = 99\n[finetuning]\nlearning_rate = 9\n[model]\ntied = true"
    recipe = parse_recipe(content, "it", [override])
    assert getattr(getattr(recipe, table), name) == value
    if name != "tied":
        assert recipe.model.tied is True


def test_the_seed_can_be_set_and_the_last_setting_counts() -> None:
    assert parse_recipe("seed = 1", "it", ["seed=2", "seed=3"]).seed == 3


@pytest.mark.parametrize("override", ["pretraining.epochs", "=5", "pretraining.epochs=", " = "])
def test_what_is_no_setting_is_refused(override: str) -> None:
    text = f"A setting must be KEY=VALUE, as in pretraining.epochs=5. Got {override!r} instead."
    with pytest.raises(RecipeError, match=re.escape(text)):
        parse_recipe("", "it", [override])


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("pretraining.epoch=5", "[pretraining] has no parameter 'epoch'. Did you mean 'epochs'?"),
        ("pretrain.epochs=5", "A recipe has no 'pretrain'. Did you mean pretraining?"),
        ("epochs=5", "Did you mean pretraining.epochs or finetuning.epochs?"),
        ("seed.x=5", "Setting 'seed.x=5': 'seed' is a value, not a table."),
        ("pretraining.epochs=five", "Got 'five' instead."),
        ("seed=" + "1" * 5000, "seed"),
    ],
)
def test_a_faulty_setting_is_refused_like_a_faulty_recipe(override: str, problem: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(problem)):
        parse_recipe("seed = 1", "it", [override])


@pytest.mark.parametrize(
    ("given", "target"),
    [('["red", "big"]', ("red", "big")), ('["red"]', "red"), ('["none"]', None), ("none", None)],
)
def test_targets_are_one_or_several_and_stay_so(given: str, target: object) -> None:
    recipe = parse_recipe("", "it", [f"data.target={given}"])
    assert recipe.data.target == target
    assert parse_recipe(write_recipe(recipe), "it") == recipe
