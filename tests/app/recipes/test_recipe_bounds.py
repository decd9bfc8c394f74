"""Recipes beyond measure: numbers, texts, lists and keys that no one means, told by their key."""

import re
from typing import Any

import pytest

from sdae.app.recipes import load_recipe
from sdae.app.recipes.recipe import parse_recipe
from sdae.app.recipes.toml_text import read_toml
from sdae.core.constraints import (
    MAX_PROBLEMS,
    Reader,
    boolean,
    find_oversize,
    integer,
    layer_size,
    read_fields,
    shown,
    text,
)
from sdae.core.errors import InvalidParameterError, RecipeError

HUGE = "0x" + "f" * 5000


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            "[model]\nhidden_layer_sizes = 1000000000000",
            "The hidden_layer_sizes parameter of [model] must be an integer from 1 to 1,000,000; "
            "one value, or a list with one per layer, or 'auto'. Got 1000000000000 instead.",
        ),
        (
            "[model]\nhidden_layer_sizes = [9, 100000, 100000]",
            "The hidden_layer_sizes parameter of [model] must give at most 2,147,483,648 weights "
            "between two layers. Got 10,000,000,000 between layers of 100,000 and 100,000 units "
            "instead. Give smaller",
        ),
        (
            f"[model]\nhidden_layer_sizes = [{'1, ' * 1500}]",
            "The hidden_layer_sizes parameter of [model] must not be a list or table of more than "
            "1,000 values.",
        ),
        (
            "[pretraining]\nbatch_size = 9223372036854775808",
            "The batch_size parameter of [pretraining] must be below 2**63. Got "
            "9223372036854775808 instead.",
        ),
        (
            f"[finetuning]\nlearning_rate = {HUGE}",
            "The learning_rate parameter of [finetuning] must not be a number of 20,000 bits.",
        ),
        (f"seed = {HUGE}", "The seed parameter of the recipe must not be a number of 20,000 bits."),
        (f"model = {HUGE}", "[model] must be a table. Got a number of 20,000 bits instead."),
        (f"[data]\ntarget = [{HUGE}]", "The target parameter of [data] must not be a number of"),
        (
            "[data]\nsource = 'x" + "é" * 5000 + "'",
            "The source parameter of [data] must not be a text of 5,001 characters.",
        ),
        (
            '[data]\nsource = "a\\u0000b"',
            "The source parameter of [data] must be a text that UTF-8 can encode, "
            "without zero bytes. Got 'a\\x00b' instead.",
        ),
        ("[data]\ntarget = 'a\udcffb'", "of [data] must be a text that UTF-8 can"),
        (
            "[model]\nactivation = '" + "x" * 300 + "'",
            "The activation parameter of [model] must be shorter. Got 'xxx",
        ),
        ("[model]\ntied" + ".a" * 100 + " = 1", "of [model] must not be values nested more than 4"),
        ("[model]\ndecoder = [[[[[]]]]]", "decoder parameter of [model] must not be values nested"),
        ("[pretraining]\nepochs = inf", "epochs parameter of [pretraining] must be an integer ≥ 0"),
        (
            "[finetuning]\nmax_norm = inf",
            "max_norm parameter of [finetuning] must be a finite number > 0, or none. Got inf",
        ),
        ("a = " + "1" * 5000, "not valid TOML: a number has more than 4,300 digits (at line 1)."),
        ("\n\na = [1" + "1_1" * 5000 + "]", "more than 4,300 digits (at line 3)."),
        ("a = " + "[" * 5000, "not valid TOML: lists or tables are nested too deeply."),
        ("#" * 131_073, "not valid TOML: it has more than 131,072 characters."),
        ("\na" + ".a" * 300 + " = 1", "a line has more than 200 dots (at line 2)."),
        ('a = "\0"', "not valid TOML: Illegal character '\\x00' (at line 1, column 6)."),
        ("[" + "a" * 900 + "]\n[" + "a" * 900 + "]", "twice (at line 2, column 902)."),
    ],
)
def test_what_no_one_means_is_refused_by_its_key(content: str, problem: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(content, "mine")
    message = str(caught.value)
    assert problem in message
    assert message.startswith("Recipe mine")
    assert all(line.isprintable() and len(line) < 800 for line in message.split("\n"))


def test_the_largest_sizes_are_read() -> None:
    sizes = parse_recipe("[model]\nhidden_layer_sizes = [1000000, 2147]", "it").model
    assert sizes.hidden_layer_sizes == (1_000_000, 2147)


@pytest.mark.parametrize(
    "override",
    [
        "model.tied={" + "a." * 9000 + "a=1}",
        "model.tied" + ".a" * 9000 + "=1",
        f"model.tied={HUGE}",
    ],
)
def test_a_setting_beyond_measure_is_refused_by_its_key(override: str) -> None:
    with pytest.raises(RecipeError, match=r"The tied parameter of \[model\] must") as caught:
        parse_recipe("", "it", [override])
    assert len(str(caught.value)) < 800


def test_a_setting_sets_one_key_only() -> None:
    recipe = parse_recipe("", "it", ["data.target=1\n[model]\ntied = false"])
    assert recipe.data.target == "1\n[model]\ntied = false"
    assert recipe.model.tied is True


def test_of_very_many_problems_the_first_are_told() -> None:
    many = "".join(f"k{i:04} = 1\n" for i in range(3000))
    with pytest.raises(RecipeError) as caught:
        parse_recipe(f"{many}[model]\n{many}", "mine")
    lines = str(caught.value).splitlines()
    assert len(lines) == 1 + 2 * (MAX_PROBLEMS + 1)
    assert "And 2,980 more unknown keys." in lines
    assert "[model] may have more problems than these." in lines


def test_as_many_problems_as_are_told_are_all() -> None:
    many = "".join(f"k{i:04} = 1\n" for i in range(MAX_PROBLEMS))
    with pytest.raises(RecipeError) as caught:
        parse_recipe(f"{many}[model]\n{many}", "mine")
    assert "more" not in str(caught.value)


def test_toml_is_read_as_python_reads_it() -> None:
    assert read_toml("a = [1, 0.5]\n[b.c]\nd = 'x'") == {"a": [1, 0.5], "b": {"c": {"d": "x"}}}
    with pytest.raises(ValueError, match=r"line 1, column 5\)$"):
        read_toml("a = x")


def test_a_path_with_a_zero_byte_is_no_recipe() -> None:
    for name in ("a\0.toml", "tutorial\0"):
        with pytest.raises(
            RecipeError, match=r"Unknown recipe '.*\\x00.*a path must not have zero"
        ):
            load_recipe(name)


@pytest.mark.parametrize(
    ("value", "oversize"),
    [
        (1, ""),
        (2**4095, ""),
        (2**4096, "a number of 4,097 bits"),
        ("x" * 4096, ""),
        ("x" * 4097, "a text of 4,097 characters"),
        ([["x" * 5000]], "a text of 5,000 characters"),
        ({"a": {"b": (2**5000,)}}, "a number of 5,001 bits"),
        ([0] * 999, ""),
        ([0] * 1000, "a list or table of more than 1,000 values"),
        ([[0] * 600, [0] * 600], "a list or table of more than 1,000 values"),
        ([[[1]]], ""),
        ([[[[1]]]], "values nested more than 4 deep"),
    ],
)
def test_what_is_oversized_is_told(value: object, oversize: str) -> None:
    assert find_oversize(value) == oversize


def test_a_list_that_holds_itself_is_oversized() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert find_oversize(endless) == "values nested more than 4 deep"
    with pytest.raises(InvalidParameterError, match="tied parameter of it must not be values"):
        read_fields({"tied": boolean()}, {"tied": endless}, "it")


def test_long_values_are_shortened() -> None:
    assert shown("a'b") == '"a\'b"'
    assert shown(list(range(100))) == repr(list(range(100)))
    assert shown("x" * 4000) == repr("x" * 500)[:500] + "…"


@pytest.mark.parametrize(
    ("reader", "bad", "constraint"),
    [
        (layer_size(), 1_000_001, "must be an integer from 1 to 1,000,000. Got 1000001"),
        (layer_size(), 0, "must be an integer from 1 to 1,000,000. Got 0"),
        (integer(1), 2**63, "must be below 2**63. Got 9223372036854775808"),
        (text(), "\ud800", "must be a text that UTF-8 can encode"),
    ],
)
def test_bounds_are_told(reader: Reader[Any], bad: object, constraint: str) -> None:
    with pytest.raises(InvalidParameterError, match=re.escape(constraint)):
        read_fields({"it": reader}, {"it": bad}, "training")


def test_bounds_themselves_are_read() -> None:
    assert layer_size().read(1_000_000) == 1_000_000
    assert integer(1).read(2**63 - 1) == 2**63 - 1
    assert text().read("\ud7ff\ue000\U0010ffff") == "\ud7ff\ue000\U0010ffff"
