"""Recipes with random keys, types and ranges: each must be refused by its key, or be read back.

``python -m tests.torture.recipes [N] [SEED]`` reads N of them, then the heavy ones. A recipe
follows from the seed and its number alone: ``case(seed, number)``.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sdae.app.recipes.recipe import parse_recipe, write_recipe
from sdae.app.recipes.toml_text import MAX_CHARACTERS
from sdae.core.errors import RecipeError
from tests.torture.byte_damage import damage

NAME = "torture.toml"
_MAX_SECONDS = 2.0
_MAX_LINE = 1000
_PLACES = ("at line", "end of document", "nested", "characters.")

# Values that are right, by table and key; where several are given, one is drawn.
_GOOD: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "model": {
        "hidden_layer_sizes": ("30", "[30, 20]", "[1000, 1000, 1000]"),
        "corruption": ("0.3", "'masking:0.25:exact'", "['gaussian:0.1', 0.2]"),
        "activation": ("'sigmoid'", "'tanh'", "'relu'"),
        "decoder": ("'auto'", "'linear'", "['sigmoid', 'linear']"),
        "tied": ("true", "false"),
        "emphasis": ("'none'", "'double'", "'1:0.5'"),
    },
    "data": {
        "source": ("'mnist'", "'rows.csv'", "'no such folder/é.npz'"),
        "target": ("'none'", "'class'"),
        "unlabeled": ("'none'", "'more.csv'"),
        "scale": ("'auto'", "'minmax'"),
        "validation": ("0", "0.15", "0.9"),
        "test": ("0.0", "0.2"),
    },
    "pretraining": {
        "epochs": ("15", "[1, 2, 3]", "0"),
        "learning_rate": ("0.001", "[0.1, 1]"),
        "corruption": ("'none'", "'masking:0.3'"),
        "batch_size": ("1", "100"),
        "schedule": ("'linear'", "'step:10:0.5'"),
        "codes": ("'auto'", "'memmap'"),
        "engine": ("'fused'",),
    },
    "finetuning": {
        "epochs": ("1000",),
        "max_norm": ("'none'", "2.5"),
        "dropout": ("0.5",),
        "patience_increase": ("2", "1.0"),
        "optimizer": ("'adamw'",),
        "momentum": ("0.9",),
        "nesterov": ("true",),
    },
}  # fmt: skip
_VALUES = (
    "-1", "0", "1", "1.5", "-0.0", "true", "'text'", "''", "' '", "nan", "inf", "-inf", "1e400",
    "1e308", "5e-324", "1000000000000", "9223372036854775807", "9223372036854775808",
    "18446744073709551616", "99999999999999999999999999", "0x" + "f" * 5000, "1" * 5000, "-0x7",
    "0o17", "1_000", "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "[]", "[[]]", "[1, 'a']",
    "[1, 2, 3]", "[-1]", "[nan]", "[true]", "[[1], [2]]", "[{a = 1}]", "{}", "{a = 1}",
    "{a = {b = {c = [1]}}}", "[" * 60 + "]" * 60, "'masking:2'", "'masking:nan'", "'masking:inf'",
    "'gaussian:-1'", "'masking:0.3:exact:exact'", "'salt_and_pepper:0.1:low=5:high=1'",
    "'salt_and_pepper:0.1:low=-inf'", "'masking'", "'masking:'", "':'", "'step:0:1'",
    "'step:10:inf'", "'inverse_time:1_0'", "'inf:1'", "'1:2:3'", "'-1:1'", '"a\\u0000b"',
    '"\\u001b[31m"', '"\\ud800"', "'''two\nlines'''", "'" + "x" * 5000 + "'", "'none'", "'None'",
    "'auto'", "[0.1, 0.2]", "['masking:0.1', {}]", "'\u202e'", "'\U0001f600'",
    "[" + "1, " * 3000 + "]",
)  # fmt: skip
_KEYS = (
    "epoch", "learning_rte", "hidden_layer_size", "Tied", "seed", "model", "data", "x", "x-y",
    '"a b"', '"a.b"', '""', '"\\u0000"', '"\\n"', "a.b.c", "tied.x", "k" * 300, '"é"', "1", "true",
    "batchsize", "a." * 300 + "b",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """A recipe as a text, the settings given with it, and the keys that may be blamed."""

    text: str
    overrides: tuple[str, ...] = ()
    blamed: tuple[str, ...] | None = None  # none: anything, since the text itself is damaged


def case(seed: int, number: int) -> Recipe:
    """Return a recipe: a right one in which keys, values or characters were changed."""
    rng = random.Random(f"recipe/{seed}/{number}")
    tables = {
        table: {key: rng.choice(values) for key, values in keys.items() if rng.random() < 0.5}
        for table, keys in _GOOD.items()
        if rng.random() < 0.8
    }
    tables.setdefault("finetuning", {}).setdefault("momentum", "0.9")
    if rng.random() < 0.15:
        return Recipe(_damaged(rng, _toml(tables, "7")))
    blamed: list[str] = []
    overrides: list[str] = []
    seed_value = "7"
    tail = ""
    for _ in range(rng.choice((0, 1, 1, 1, 2, 4))):
        table = rng.choice(sorted(_GOOD))
        key, value = rng.choice(sorted(_GOOD[table])), rng.choice(_VALUES)
        match rng.randrange(8):
            case 0 | 1 | 2:
                tables.setdefault(table, {})[key] = value
            case 3:
                overrides.append(f"{table}.{key}={value}")
            case 4:
                key = rng.choice(_KEYS)
                tables.setdefault(table, {})[key] = value
            case 5:
                key, seed_value = "seed", value
            case 6:
                key = rng.choice((*_KEYS, "modle", "pretrainin"))
                tail += f"\n[{key}]\nnumber = {value}\n"
            case _:
                key = table
                tables.pop(table, None)
                tail += rng.choice(
                    (
                        f"\n[[{table}]]\n",
                        f"\n[{table}.deep]\nx = {value}\n",
                        f"\n[{table}]\n[{table}]\n",
                    )
                )
        blamed += [key, table]
    return Recipe(_toml(tables, seed_value) + tail, tuple(overrides), tuple(blamed))


def _toml(tables: Mapping[str, Mapping[str, str]], seed: str) -> str:
    lines = [f"seed = {seed}"]
    for table, keys in tables.items():
        lines += [f"[{table}]", *(f"{key} = {value}" for key, value in keys.items())]
    return "\n".join(lines) + "\n"


def _damaged(rng: random.Random, text: str) -> str:
    content = text.encode()
    return damage(rng, content, content).decode("utf-8", rng.choice(("replace", "surrogateescape")))


def judge(recipe: Recipe) -> tuple[str, str]:
    """Return ``read``, ``refused`` or ``failed``, and what was said or is wrong."""
    start = time.process_time()
    try:
        read = parse_recipe(recipe.text, NAME, recipe.overrides)
        written = write_recipe(read)
        result, detail, fault = "read", "", ""
        if parse_recipe(written, NAME) != read:
            fault = "it is not read back as it was"
        written.encode()
    except RecipeError as error:
        result, detail, fault = "refused", str(error), _fault_of_text(str(error), recipe.blamed)
    except Exception as error:
        result, detail, fault = "failed", f"{type(error).__name__}: {error}", "not our error"
    seconds = time.process_time() - start
    if seconds > _MAX_SECONDS:
        fault = f"it took {seconds:.1f} s"
    return ("failed", f"{fault}; {detail}"[:600]) if fault else (result, detail)


def _fault_of_text(text: str, blamed: tuple[str, ...] | None) -> str:
    """Say what is wrong with the text of an error; nothing if it names the recipe and each key."""
    if not all(line.isprintable() for line in text.split("\n")):
        return "its text has characters that cannot be shown"
    longest = max(map(len, text.split("\n")))
    if longest > _MAX_LINE:
        return f"its text has a line of {longest:,} characters"
    first, *problems = text.split("\n")
    if NAME not in first and not first.startswith(("Setting", "A setting")):
        return "its text does not name the recipe"
    if "not valid TOML" in first:
        is_placed = any(word in first for word in _PLACES)
        return "" if is_placed else "it does not say where"
    names = None if blamed is None else [name.strip('"').split(".")[0][:20] for name in blamed]
    for line in problems or [first]:
        if names is not None and not any(name in line for name in names):
            return f"nothing to blame is named: {line[:100]}"
    return ""


def heavy_cases() -> Mapping[str, Callable[[], Recipe]]:
    """Return makers of recipes, nearly as long as one may be, with one part beyond measure."""
    n = MAX_CHARACTERS - 1000
    return {
        "a dotted key": lambda: Recipe("a." * (n // 2 - 9) + "a = 1"),
        "a dotted key in a table": lambda: Recipe("[model]\n" + "tied." * (n // 5 - 9) + "a = 1"),
        "a dotted table": lambda: Recipe("[" + "a." * (n // 2 - 9) + "a]"),
        "a dotted setting": lambda: Recipe("", ("model." + "a." * (n // 20) + "a=1",)),
        "a deep setting": lambda: Recipe("", ("model.tied={" + "a." * (n // 20) + "a=1}",)),
        "unknown keys": lambda: Recipe("".join(f"k{i:x} = 1\n" for i in range(n // 11))),
        "unknown keys of a table": lambda: Recipe(
            "[model]\n" + "".join(f"k{i:x} = 1\n" for i in range(n // 11))
        ),
        "unknown tables": lambda: Recipe("".join(f"[k{i:x}]\n" for i in range(n // 9))),
        "sizes": lambda: Recipe("[model]\nhidden_layer_sizes = [" + "1, " * (n // 3 - 9) + "]"),
        "levels": lambda: Recipe("[model]\ncorruption = [" + "1, " * (n // 3 - 9) + "]"),
        "a long text": lambda: Recipe("[model]\nactivation = '" + "x" * n + "'"),
        "a long noise": lambda: Recipe("[model]\ncorruption = 'masking:" + "9" * n + "'"),
        "a long number": lambda: Recipe("seed = 0x" + "f" * n),
        "a long decimal number": lambda: Recipe("seed = " + "9" * n),
        "arrays in arrays": lambda: Recipe("[model]\ntied = " + "[" * 480 + "]" * 480),
        "too deep arrays": lambda: Recipe("[model]\ntied = " + "[" * (n // 2) + "]" * (n // 2)),
        "tables in tables": lambda: Recipe("[model]\ntied = " + "{a=" * 200 + "1" + "}" * 200),
        "an array of tables": lambda: Recipe("[[model]]\n" * (n // 10)),
        "a long recipe": lambda: Recipe("#\n" * n),
        "comments": lambda: Recipe("#\n" * (n // 2)),
        "quotes": lambda: Recipe('"' * n),
        "one layer of a million million units": lambda: Recipe(
            "[model]\nhidden_layer_sizes = 1000000000000"
        ),
    }


def main() -> None:
    """Run from the command line; the status is 1 if anything failed."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    outcomes = [(str(number), judge(case(seed, number))) for number in range(n)]
    outcomes += [(title, judge(make())) for title, make in heavy_cases().items()]
    print(dict(Counter(result for _, (result, _) in outcomes)))
    failures = [(title, detail) for title, (result, detail) in outcomes if result == "failed"]
    for title, detail in failures:
        print(f"  {title}: {detail}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
