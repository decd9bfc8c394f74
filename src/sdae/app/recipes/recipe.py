"""A whole recipe: the model, the data, its training and the seed, read from and written to TOML.

A recipe is data. Every key is validated; an unknown key is an error that suggests the nearest one.
``parse_recipe(write_recipe(recipe)) == recipe``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any

import tomli_w

from sdae.app.recipes.class_weights import parse_class_weight
from sdae.app.recipes.ladder_table import LadderTable
from sdae.app.recipes.memory_sizes import AUTO, parse_memory
from sdae.app.recipes.model_table import AUTOMATIC, LADDER, OF_A_LADDER, STACK, ModelConfig
from sdae.app.recipes.toml_text import read_toml, value_of
from sdae.core.constraints import (
    MAX_PROBLEMS,
    choice,
    find_oversize,
    integer,
    number,
    one_or_several,
    optional,
    parsed,
    read_fields,
    shown,
    text,
)
from sdae.core.errors import InvalidParameterError, RecipeError
from sdae.core.options import option, options_of, readers_of
from sdae.core.randomness import check_seed
from sdae.core.wording import printable
from sdae.data.task import Task
from sdae.train.settings import (
    FinetuningConfig,
    PretrainingConfig,
)

SCALES = ("auto", "none", "minmax", "standard")
TASKS = (AUTO, *map(str, Task))


Names = str | tuple[str, ...] | None
_NAMES = optional(one_or_several(text()))


@dataclass(frozen=True)
class DataConfig:
    """Where the rows come from and how they are scaled and split."""

    source: str = option(text(), "mnist", "A file, a folder or the name of a data set.")
    target: str | tuple[str, ...] | None = option(
        optional(one_or_several(text())), None, "The column of the labels, or a list of columns."
    )
    task: str = option(choice(*TASKS), AUTO, "What the target is for; `auto`: what it looks like.")
    class_weight: str | tuple[str, ...] | None = option(
        optional(parsed("class weights", parse_class_weight)),
        None,
        "`balanced`, or the weight of classes as a list of `CLASS=WEIGHT`.",
    )
    unlabeled: str | None = option(optional(text()), None, "More rows, without targets.")
    labels: int | None = option(
        optional(integer(1)), None, "Labels to keep, as many of each class; others are hidden."
    )
    memory: str = option(
        parsed("a size of memory", parse_memory),
        AUTO,
        "More rows stay on the disk; `auto`: more than 2 GiB, which then take 512 MiB.",
    )
    scale: str = option(choice(*SCALES), "auto", "How the columns are scaled.")
    validation: float = option(number(0, 0.9), 0.15, "Share of the rows for validation.")
    test: float = option(number(0, 0.9), 0.15, "Share of the rows for testing.")
    drop: Names = option(_NAMES, None, "Columns of a table to leave out.")
    keep: Names = option(_NAMES, None, "The only columns of a table to read, beside the target.")
    id: Names = option(_NAMES, None, "Columns that name rows: they go into predictions.")
    categorical: Names = option(_NAMES, None, "Columns that are categories, whatever they hold.")
    parse_dates: Names = option(_NAMES, None, "Columns of dates (ISO 8601).")
    na_values: Names = option(_NAMES, None, "Texts that mean a missing value.")
    separator: str | None = option(optional(text()), None, "Between the fields of a file.")
    decimal: str | None = option(optional(text()), None, "The decimal character of a file.")

    @classmethod
    def read(cls, values: Mapping[str, object], caller: str) -> "DataConfig":
        """Validate `values`; all problems come in one error that names `caller`."""
        return cls(**read_fields(readers_of(cls), values, caller))


@dataclass(frozen=True)
class Recipe:
    """All settings of a run: with the same data they give the same model."""

    seed: int = 0
    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    pretraining: PretrainingConfig = field(default_factory=PretrainingConfig)
    finetuning: FinetuningConfig = field(default_factory=FinetuningConfig)
    ladder: LadderTable = field(default_factory=LadderTable)

    @property
    def is_ladder(self) -> bool:
        """Whether the network is a ladder."""
        return self.model.kind == LADDER

    def entries(self) -> dict[str, list[str]]:
        """Return the names of the entries of each table that matter for the kind of network."""
        others = UNUSED[self.model.kind]
        names = {
            table: [item.name for item in fields(kind)]
            for table, kind in TABLES.items()
            if table not in others
        }
        if self.is_ladder:
            names["model"] = [name for name in names["model"] if name in OF_A_LADDER]
        return names


def parse_recipe(content: str, name: str, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe from TOML.

    Parameters
    ----------
    content : str
        The TOML text.
    name : str
        Name in error messages: the file, or the name of the recipe.
    overrides : iterable of str
        ``KEY=VALUE`` settings that win over the text, as in ``pretraining.epochs=5``. The value is
        TOML; what is not TOML is taken as a text.

    Raises
    ------
    RecipeError
        If the text is not TOML, a key is unknown, or a value is not allowed. Every problem is
        listed with its key.
    """
    name = printable(name)
    try:
        tables = read_toml(content)
    except ValueError as error:
        raise RecipeError(f"Recipe {name} is not valid TOML: {error}.") from None
    for override in overrides:
        _override(tables, override)
    problems: list[str] = []
    unknown = sorted(tables.keys() - {"seed", *TABLES})
    problems += [_unknown_table(key) for key in unknown[:MAX_PROBLEMS]]
    if len(unknown) > MAX_PROBLEMS:
        problems.append(f"And {len(unknown) - MAX_PROBLEMS:,} more unknown keys.")
    parts: dict[str, Any] = {}
    for table, kind in TABLES.items():
        values = tables.get(table, {})
        try:
            if not isinstance(values, dict):
                raise InvalidParameterError(
                    f"[{table}] must be a table. Got {_shown(values)} instead."
                )
            parts[table] = kind.read(values, f"[{table}]")
        except InvalidParameterError as error:
            problems.append(str(error))
    try:
        seed = _read_seed(tables.get("seed", 0))
    except InvalidParameterError as error:
        problems.append(str(error))
    if not problems:
        problems += _unused(parts)
    if problems:
        raise RecipeError(f"Recipe {name}:\n" + "\n".join(sorted(problems)))
    return Recipe(seed=seed, **parts)


def write_recipe(recipe: Recipe) -> str:
    """Return the recipe as TOML, every value spelled out that matters for its kind of network."""
    tables: dict[str, object] = {"seed": recipe.seed}
    for table, names in recipe.entries().items():
        part = getattr(recipe, table)
        tables[table] = {name: _plain(getattr(part, name)) for name in names}
    return tomli_w.dumps(tables)


def with_data(recipe: Recipe, name: str, given: Mapping[str, object]) -> Recipe:
    """Return the recipe with other entries of its data, checked like those of a file.

    Parameters
    ----------
    recipe : Recipe
    name : str
        Name in error messages.
    given : mapping
        Values by the names of :class:`DataConfig`; None keeps the value of the recipe.

    Raises
    ------
    RecipeError
        If a value is not allowed, such as a path that cannot be written to a text file.
    """
    values = {key: value for key, value in given.items() if value is not None}
    try:
        read = read_fields(readers_of(DataConfig), values, "[data]")
    except InvalidParameterError as error:
        raise RecipeError(f"Recipe {name}:\n{error}") from None
    return replace(recipe, data=replace(recipe.data, **read))


def names_in(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """Return one name, or several, as a tuple."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def flat_settings(recipe: Recipe) -> dict[str, str]:
    """Return the settings of a recipe as texts, by their dotted names."""
    flat = {"seed": str(recipe.seed)}
    for table, names in recipe.entries().items():
        for name in names:
            value = getattr(getattr(recipe, table), name)
            text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            flat[f"{table}.{name}"] = text
    return flat


def _plain(value: object) -> object:
    """Convert a value for TOML: a list of one becomes its element; a choice becomes its text."""
    if value is None:
        return "none"
    if value == AUTOMATIC:
        return AUTO
    if isinstance(value, tuple):
        plain = [_plain(item) for item in value]
        return plain[0] if len(plain) == 1 else plain
    return value if isinstance(value, bool | int | float) else str(value)


def _shown(value: object) -> str:
    return find_oversize(value) or shown(value)


def _read_seed(value: object) -> int:
    oversize = find_oversize(value)
    if oversize:
        raise InvalidParameterError(f"The seed parameter of the recipe must not be {oversize}.")
    return check_seed(value, "the recipe")


def _unused(parts: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with tables that the kind of network does not have."""
    kind = parts["model"].kind
    return [
        f"A recipe of model.kind {kind!r} must not change [{table}], which is for "
        f"{' and '.join(other for other in UNUSED if table not in UNUSED[other])} alone. Leave it "
        "out, or set model.kind."
        for table in UNUSED[kind]
        if parts[table] != TABLES[table]()
    ]


Table = type[ModelConfig | DataConfig | PretrainingConfig | FinetuningConfig | LadderTable]
TABLES: Mapping[str, Table] = {
    "model": ModelConfig,
    "data": DataConfig,
    "pretraining": PretrainingConfig,
    "finetuning": FinetuningConfig,
    "ladder": LadderTable,
}
UNUSED: Mapping[str, tuple[str, ...]] = {STACK: ("ladder",), LADDER: ("pretraining", "finetuning")}
"""The tables that each kind of network does not have."""


def _override(tables: dict[str, Any], override: str) -> None:
    """Apply one ``KEY=VALUE`` to the tables of a recipe."""
    key, equals, raw = override.partition("=")
    key = key.strip()
    if not equals or not key or not raw.strip():
        raise RecipeError(
            "A setting must be KEY=VALUE, as in pretraining.epochs=5. Got "
            f"{shown(override)} instead."
        )
    *path, name = key.split(".")
    table = tables
    for step in path:
        table = table.setdefault(step, {})
        if not isinstance(table, dict):
            raise RecipeError(f"Setting {shown(override)}: {shown(step)} is a value, not a table.")
    table[name] = value_of(raw.strip())


def _unknown_table(key: str) -> str:
    known = ["seed", *TABLES]
    dotted = [f"{table}.{name}" for table, kind in TABLES.items() for name in options_of(kind)]
    same_name = [path for path in dotted if path.endswith(f".{key}")]
    near = same_name or get_close_matches(key[:80], known, n=1, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"It has: {', '.join(known)}."
    return f"A recipe has no {shown(key)}. {hint}"
