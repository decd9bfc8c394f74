"""Hostile recipes: code, paths and numbers in place of what a recipe may say."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.torture.hostile_case import Case, Way, command, content, recipe
from tests.torture.hostile_payloads import PAYLOADS

_RECIPE = "recipe.toml"
_train = command("train", "mnist", "--recipe={}/" + _RECIPE, "--out={}/run")


def _case(name: str, text: str | bytes, ways: Sequence[Way] = (recipe, _train)) -> Case:
    raw = text.encode() if isinstance(text, str) else text
    return Case(f"a recipe with {name}", content(_RECIPE, lambda: raw), ways)


def _choices() -> Iterator[Case]:
    for key in (
        "model.activation",
        "model.decoder",
        "model.corruption",
        "model.emphasis",
        "pretraining.optimizer",
        "pretraining.schedule",
        "pretraining.codes",
        "pretraining.engine",
        "finetuning.optimizer",
        "finetuning.schedule",
        "finetuning.engine",
        "data.scale",
    ):
        for value in (
            '"os.system"',
            '"sdae.estimators.saving.load"',
            "\"__import__('os').system('true')\"",
            '"../../x"',
            '["os.system"]',
            '{__reduce__ = ["os.system", "true"]}',
        ):
            yield _case(f"{key} = {value}", f"{key} = {value}\n")
    for key in ("finetuning.loss", "data.reader", "import", "__class__", "model.__init__", "exec"):
        yield _case(f"the key {key}", f'{key} = "os.system"\n')


def _numbers() -> Iterator[Case]:
    for key, value in (
        ("model.hidden_layer_sizes", "[0]"),
        ("model.hidden_layer_sizes", "[-5]"),
        ("model.hidden_layer_sizes", "[]"),
        ("model.hidden_layer_sizes", "[5.0]"),
        ("model.hidden_layer_sizes", '["5"]'),
        ("model.hidden_layer_sizes", "[[[5]]]"),
        ("model.corruption", "nan"),
        ("model.corruption", "7"),
        ("model.corruption", '"gaussian:inf"'),
        ("model.tied", '"yes"'),
        ("pretraining.epochs", "-1"),
        ("pretraining.epochs", "inf"),
        ("pretraining.learning_rate", "nan"),
        ("pretraining.learning_rate", "1e999"),
        ("pretraining.batch_size", "0"),
        ("pretraining.batch_size", "2024-01-01"),
        ("finetuning.dropout", "2"),
        ("finetuning.max_norm", "-inf"),
        ("data.validation", "1e300"),
        ("data.test", "nan"),
        ("seed", "-1"),
        ("seed", "1" + "0" * 30),
        ("seed", "1" + "0" * 5000),
        ("seed", "nan"),
    ):
        yield _case(f"{key} = {value[:40]}", f"{key} = {value}\n")
    for value in ("5", '""', "nan", '["/etc/passwd"]', '{file = "/etc/passwd"}'):  # train names one
        yield _case(f"data.source = {value}", f"data.source = {value}\n", (recipe,))


def _texts() -> Iterator[Case]:
    for name, text in (
        ("Python", "import os\nos.system('true')\n"),
        ("JSON", '{"model": {}}'),
        ("YAML", "!!python/object/apply:os.system ['true']\n"),
        ("a web page", "<html><script>alert(1)</script></html>"),
        ("a model that is a list", "model = [1]\n"),
        ("a key twice", "seed = 1\nseed = 2\n"),
        ("a table twice", "[model]\n[model]\n"),
        ("deep lists", "seed = " + "[" * 100_000),
        ("deep tables", "model" + ".a" * 5000 + " = 1\n"),
        ("whole deep lists", "seed = " + "[" * 300 + "]" * 300 + "\n"),
        ("20,000 keys", "".join(f"x{i} = 1\n" for i in range(20_000))),
        ("20,000 keys of a model", "[model]\n" + "".join(f"x{i} = 1\n" for i in range(20_000))),
        ("a list of 30,000", f"model.activation = [{'1,' * 30_000}]\n"),
        ("a text of 1 MB", f'model.activation = "{"x" * 1_000_000}"\n'),
        ("a key of 1 MB", f"{'x' * 1_000_000} = 1\n"),
        ("2 MB", "#" * 2_000_000),
        ("zeros", "\0" * 1000),
        ("a clear screen", 'model.activation = "\\u001b[2J"\n'),
        ("a key that clears the screen", '"\\u001b[2J" = 1\n'),
    ):
        yield _case(name, text)
    for name, raw in (
        ("no UTF-8", b"\xff\xfe"),
        ("UTF-16", "seed = 1\n".encode("utf-16")),
        ("a pickle", PAYLOADS["os.system"](Path("/tmp/escaped"))),
    ):
        yield _case(name, raw)


def _places() -> Iterator[Case]:
    for name, make in (
        ("a pipe", lambda path: os.mkfifo(path)),
        ("a folder", lambda path: path.mkdir()),
        ("a link to /dev/zero", lambda path: path.symlink_to("/dev/zero")),
        ("a link to itself", lambda path: path.symlink_to(_RECIPE)),
        ("nothing", lambda _: None),
    ):
        yield Case(
            f"a recipe that is {name}",
            lambda folder, make=make: make(folder / _RECIPE),  # type: ignore[misc]
            (recipe, _train),
        )


def cases() -> Iterator[Case]:
    """Yield all of them."""
    yield from _choices()
    yield from _numbers()
    yield from _texts()
    yield from _places()
