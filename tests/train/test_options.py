"""Signatures, recipes, estimators and the guide have the options as they are declared."""

import ast
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import fields
from datetime import date
from inspect import Parameter, getdoc, signature
from typing import Any

import pytest

from sdae import (
    SDAEClassifier,
    SDAEOutlierDetector,
    SDAERegressor,
    SDAETransformer,
    StackedDenoisingAutoencoder,
    finetune,
    pretrain,
)
from sdae.app.recipes.recipe import TABLES, Recipe, parse_recipe, write_recipe
from sdae.core.errors import InvalidParameterError, RecipeError
from sdae.core.options import Option, options_of
from sdae.train.settings import FinetuningConfig, PretrainingConfig
from sdae.train.step_functions import build_finetune_functions, pretraining_functions
from tests.docs.examples import ROOT

STEP = ("batch_size", "optimizer", "momentum", "nesterov", "beta_1", "beta_2", "epsilon")
# Each with the options it takes, in this order, and what else it takes.
TAKES: dict[Callable[..., Any], tuple[type, tuple[str, ...], set[str]]] = {
    pretrain: (
        PretrainingConfig,
        tuple(options_of(PretrainingConfig)),
        {"stack", "x", "device", "seed", "checkpoint", "callbacks", "scratch"},
    ),
    finetune: (
        FinetuningConfig,
        tuple(options_of(FinetuningConfig)),
        {
            *("stack", "train", "validation", "test", "unlabeled", "sample_weight"),
            *("device", "seed", "checkpoint", "callbacks"),
        },
    ),
    pretraining_functions: (PretrainingConfig, STEP, {"stack", "train_x", "seed"}),
    StackedDenoisingAutoencoder.pretraining_functions: (
        PretrainingConfig,
        STEP,
        {"self", "train_x", "seed"},
    ),
    build_finetune_functions: (
        FinetuningConfig,
        ("batch_size", "learning_rate", *STEP[1:]),
        {"stack", "datasets"},
    ),
    StackedDenoisingAutoencoder.build_finetune_functions: (
        FinetuningConfig,
        ("batch_size", "learning_rate", *STEP[1:]),
        {"self", "datasets"},
    ),
}
FUNCTIONS = pytest.mark.parametrize("function", TAKES, ids=lambda each: each.__qualname__)
# scikit-learn's names, or those that tell the stages apart, and the options they stand for.
ESTIMATORS = (SDAEClassifier, SDAERegressor, SDAETransformer, SDAEOutlierDetector)
BY_OTHER_NAMES = {
    "solver": "finetuning.optimizer",
    "nesterovs_momentum": "finetuning.nesterov",
    "pretrain_epochs": "pretraining.epochs",
    "pretrain_learning_rate": "pretraining.learning_rate",
    "learning_rate": "finetuning.schedule",
    "learning_rate_init": "finetuning.learning_rate",
    "max_iter": "finetuning.epochs",
    "alpha": "finetuning.weight_decay",
}
# Those of an estimator suit tables, or are scikit-learn's; those of a recipe are the tutorial's.
OTHER_DEFAULTS = {
    *("hidden_layer_sizes", "activation", "corruption", "pretrain_epochs", "solver", "momentum"),
    *("nesterovs_momentum", "batch_size", "shuffle", "learning_rate_init", "max_iter", "alpha"),
    *("early_stopping", "semi_supervised", "dropout"),
}


def declared(name: str) -> Any:
    """Return the option that a parameter of an estimator stands for, or None."""
    table, _, key = BY_OTHER_NAMES.get(name, "").partition(".")
    if table:
        return options_of(TABLES[table])[key]
    found = [options_of(kind).get(name) for kind in TABLES.values()]
    return next((each for each in reversed(found) if each is not None), None)


@FUNCTIONS
def test_a_function_takes_the_options_that_are_declared(function: Callable[..., Any]) -> None:
    kind, options, others = TAKES[function]
    taken = signature(function).parameters
    assert tuple(name for name in taken if name in options_of(kind)) == options
    assert set(taken) - set(options) == others


@FUNCTIONS
def test_a_functions_defaults_are_the_declared_ones(function: Callable[..., Any]) -> None:
    kind, options, _ = TAKES[function]
    taken = signature(function).parameters
    for name in options:
        if taken[name].default is not Parameter.empty:
            each = options_of(kind)[name]
            assert each.reader.read(taken[name].default) == each.default, name


@pytest.mark.parametrize("function", [pretrain, finetune], ids=lambda each: each.__name__)
def test_a_docstring_describes_every_option_with_its_default(function: Callable[..., Any]) -> None:
    text = getdoc(function) or ""
    heads = re.search(r"Parameters\n-+\n(.*?)\n\nReturns\n", text, re.DOTALL)
    assert heads is not None
    described: dict[str, str] = {}
    for head in re.findall(r"^\S.*$", heads[1], re.MULTILINE):
        for part in head.split(":")[0].split(",") + re.findall(r"(\w+) :", head):
            described[part.strip()] = head
    for name, each in options_of(TAKES[function][0]).items():
        assert name in described
        stated = re.search(r"default (\S+)$", described[name])
        if stated is not None and described[name].count(" : ") == 1:
            assert each.reader.read(ast.literal_eval(stated[1])) == each.default, name


def test_a_stack_takes_the_options_of_a_recipes_model() -> None:
    taken = signature(StackedDenoisingAutoencoder).parameters
    of_a_stack = {n: o for n, o in options_of(TABLES["model"]).items() if n != "kind"}
    for name, each in of_a_stack.items():
        default = taken["corruption_levels" if name == "corruption" else name].default
        assert each.reader.read(default) == each.default, name


def test_a_recipe_has_a_table_for_each_declaration_and_a_key_for_each_option() -> None:
    assert [item.name for item in fields(Recipe)] == ["seed", *TABLES]
    every = {name: list(options_of(kind)) for name, kind in TABLES.items()}
    written = tomllib.loads(write_recipe(Recipe()))
    stack = {name: keys for name, keys in every.items() if name != "ladder"}
    assert {name: list(written[name]) for name in stack} == stack
    written = tomllib.loads(write_recipe(parse_recipe("", "it", ["model.kind=ladder"])))
    ladder = {"model": ["kind", "hidden_layer_sizes"], "data": every["data"]}
    ladder["ladder"] = every["ladder"]
    assert {name: list(keys) for name, keys in written.items() if name != "seed"} == ladder


@pytest.mark.parametrize("table", TABLES)
def test_a_recipe_refuses_by_the_declared_reader(table: str) -> None:
    for name, each in options_of(TABLES[table]).items():
        words = f"The {name} parameter of [{table}] {_refusal(each, [[date(1979, 5, 27)]])}"
        with pytest.raises(RecipeError, match=re.escape(words)):
            parse_recipe("", "it", [f"{table}.{name}=[[1979-05-27]]"])


def _refusal(each: Option[Any], value: object) -> str:
    try:
        each.reader.read(value)
    except InvalidParameterError:
        return ""  # it has words of its own
    except ValueError:
        return f"must be {each.reader.constraint}. Got "
    raise AssertionError(f"{value} was read")


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_an_estimator_has_the_declared_default_or_one_of_its_own(kind: Any) -> None:
    other: set[str] = set()
    same: set[str] = set()
    for name, default in kind().get_params().items():
        each = declared(name)
        if each is not None:
            (same if _is_default(each, default) else other).add(name)
    assert other == OTHER_DEFAULTS & set(signature(kind).parameters)
    assert same >= {"beta_1", "beta_2", "epsilon", "engine", "decoder", "tied"}


def _is_default(each: Option[Any], value: object) -> bool:
    try:
        return bool(each.reader.read(value) == each.default)
    except ValueError:  # a word that only an estimator has
        return False


def test_an_option_is_a_default_a_reader_and_a_line_of_documentation() -> None:
    for kind in TABLES.values():
        for name, each in options_of(kind).items():
            assert getattr(kind(), name) == each.default
            assert re.fullmatch(r"[^|\n]+\.", each.doc), name


def test_the_guide_has_the_table_of_the_options() -> None:
    script = ROOT / "tools" / "options.py"
    run = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_table_has_an_option_that_both_stages_share_once() -> None:
    rows = runpy.run_path(str(ROOT / "tools" / "options.py"))["table"]().splitlines()
    keys = [row.split(" | ")[0].removeprefix("| ") for row in rows]
    assert keys.count("both: `.momentum`") == 1
    assert {"`pretraining.epochs`", "`finetuning.epochs`", "`seed`"} <= set(keys)
    assert len(set(keys)) == len(keys)
