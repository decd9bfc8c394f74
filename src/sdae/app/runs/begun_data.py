"""The data that a run was started with: to resume, they must be the same, but may have moved.

``data.json`` is kept with the checkpoints until the run is finished.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from sdae.app.recipes.recipe import Recipe
from sdae.app.runs.prepared_data import AnyRows, PreparedData
from sdae.app.runs.run_folder import DATA, RunFolder
from sdae.core.conversions import as_tensor
from sdae.core.errors import FileFormatError, InvalidParameterError
from sdae.core.files import read_bytes, regular_file, translate_os_errors, write_atomically
from sdae.core.source_rows import SourceRows
from sdae.train.identity import Entry, differences, hashes_of, names_of

_MOST_BYTES = 1 << 28


def known_by(recipe: Recipe, data: PreparedData) -> dict[str, Entry]:
    """Return what identifies the training of a run, besides settings and numbers."""
    return names_of(
        columns=data.feature_names,
        classes=data.classes,
        target=recipe.data.target,
        image_shape=data.image_shape,
        scaling=data.scaling,
        **({} if data.schema is None else {"schema": json.dumps(data.schema.to_json())}),
        **({} if data.target_scaling is None else {"target_scaling": data.target_scaling}),
    )


def begun_with(run: RunFolder, recipe: Recipe, data: PreparedData) -> PreparedData:
    """Return the data under the name that they had when the run was started.

    At the start of a run they are recorded. Later the recipe is changed to name their current path.
    If there is no record, as in runs of an older version, the checkpoints show whether the data are
    the same, and the recipe is written when the run is finished.

    Raises
    ------
    InvalidParameterError
        If the data are different.
    FileFormatError
        If the record is damaged.
    """
    path = run.checkpoints / DATA
    identity = {**known_by(recipe, data), **_hashes(data)}
    if path.exists() or path.is_symlink():
        name, before = _noted(path)
        differs = differences(before, {}, identity)
        if differs:
            read, option = recipe.data.source, "--data"
            if recipe.data.unlabeled is not None:
                read, option = f"{read} and {recipe.data.unlabeled}", "--data and --unlabeled"
            raise InvalidParameterError(
                f"{run.path} was started with other data: {'; '.join(differs)}. They are now read "
                f"from {read}. To resume, the data must be the same: name them with {option}, or "
                "train a new run."
            )
        if recipe != run.recipe():
            run.save_recipe(recipe)
        return replace(data, name=name)
    if not run.has_checkpoints():
        values = {name: entry.value for name, entry in identity.items()}
        note = {"name": data.name, "identity": values}
        with translate_os_errors(run.checkpoints, "write"):
            run.checkpoints.mkdir(exist_ok=True)  # a user may have deleted it to start again
        write_atomically(path, json.dumps(note, indent=1).encode())
    return data


def _hashes(data: PreparedData) -> dict[str, Entry]:
    parts = {"x": _hashed(data.rows)}
    labelled = {"training": data.train, "validation": data.validation, "test": data.test}
    for name, part in labelled.items():
        if part is not None:
            parts[f"x of the {name} set"] = _hashed(part[0])
            parts[f"y of the {name} set"] = as_tensor(part[1])
    return hashes_of(parts)


def _hashed(rows: AnyRows) -> Tensor | SourceRows:
    return rows if isinstance(rows, SourceRows) else as_tensor(rows)


def _noted(path: Path) -> tuple[str, Mapping[str, str]]:
    """Read the name of the data and their hashes."""
    try:
        if not regular_file(path):
            raise ValueError
        note = json.loads(read_bytes(path, limit=_MOST_BYTES))
        name, identity = note["name"], note["identity"]
        if not all(isinstance(text, str) for text in (name, *identity.values())):
            raise TypeError
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise FileFormatError(
            f"{path} is damaged: it does not say which data the run was started with. Delete it to "
            "resume without that check."
        ) from None
    return name, identity
