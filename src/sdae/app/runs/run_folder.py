"""The folder of a run: recipe, two models, history, plots and manifest.

``model.safetensors`` is the final model. ``pretrained.safetensors`` is the model before
fine-tuning; rows are denoised with it, since fine-tuning changes the encoders and the decoders no
longer match them. The manifest holds the SHA-256 of every file. A run without one is in progress:
it has ``checkpoints/`` to resume from. :mod:`sdae.app.runs.lifecycle` creates and changes runs.
"""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdae.app.recipes.recipe import Recipe, parse_recipe, write_recipe
from sdae.core.errors import FileAccessError, FileFormatError, SdaeError
from sdae.core.files import (
    checked_size,
    hash_of,
    read_bytes,
    regular_file,
    translate_os_errors,
    write_atomically,
)
from sdae.core.model_file import Model, load_model, save_model
from sdae.train.checkpoints.checkpoint_folder import StageCheckpoints, stages_of
from sdae.train.checkpoints.lock import name_is_locked
from sdae.train.history import FINETUNING, LADDER, PRETRAINING, EpochRecord, History, to_jsonl

RECIPE = "recipe.toml"
MODEL = "model.safetensors"
PRETRAINED = "pretrained.safetensors"
HISTORY = "history.jsonl"
MANIFEST = "manifest.json"
REPORT = "report.html"
PLOTS = "plots"
CHECKPOINTS = "checkpoints"
OWN_NAMES = (
    *(RECIPE, MODEL, PRETRAINED, HISTORY, REPORT),
    *(f"{PLOTS}/{picture}.png" for picture in ("curves", "filters", "reconstructions")),
)
"""The files that the package writes into a run, except the manifest."""
FILE_NAME = re.compile(rf"(?:{PLOTS}/)?\w[\w.+ -]{{0,199}}")  # names that a manifest may have
STAGES = (PRETRAINING, FINETUNING, LADDER)
BEGUN, DATA = "begun.json", "data.json"  # with the checkpoints: settings and data at the start

_FORMAT = 1
_MOST_MANIFEST_BYTES = 1 << 20
_MOST_THREADS = 1024
_MOST_BEGUN_BYTES = 1024


@dataclass(frozen=True)
class SavedModel:
    """A model file, such as the ``save`` of an estimator writes: not a run, but it can predict."""

    path: Path

    def model(self) -> Model:
        """Load the model."""
        return load_model(self.path)

    def pretrained(self) -> Model:
        """Load the model: a single file does not keep the model before fine-tuning."""
        return self.model()

    def target(self) -> str | None:
        """Return None: a model file does not name the column of labels."""
        return None


@dataclass(frozen=True)
class RunFolder:
    """The files of one run."""

    path: Path

    @property
    def finished(self) -> bool:
        """Whether training has ended and all files are written."""
        if (self.path / MANIFEST).exists():
            return True
        return (self.path / MODEL).is_file() and not self.checkpoints.exists()

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints, which exists during training."""
        return self.path / CHECKPOINTS

    def in_use(self) -> bool:
        """Return whether a process is working on the run."""
        return name_is_locked(self.path)

    def threads(self) -> int | None:
        """Return how many threads a run in progress was trained with; None if unknown."""
        kept: object = None
        try:
            for stage in reversed(self.stages()):
                if (found := StageCheckpoints(self.checkpoints, stage, 1).newest()) is not None:
                    kept = found[0]["circumstances"]["threads"]
                    break
            else:  # it was interrupted before its first checkpoint
                kept = self._begun()["threads"]
            n_threads = int(str(kept))
        except (LookupError, TypeError, ValueError, RecursionError, FileAccessError):
            return None  # resuming will report what is wrong
        return n_threads if 1 <= n_threads <= _MOST_THREADS else None

    def rounds_tables(self) -> bool:
        """Return whether an older version, which rounded tables to float32, started the run."""
        try:
            return self.has_checkpoints() and "tables" not in self._begun()
        except (TypeError, ValueError, RecursionError, FileAccessError):
            return False

    def _begun(self) -> Any:
        path = self._file(f"{CHECKPOINTS}/{BEGUN}")
        return json.loads(read_bytes(path, limit=_MOST_BEGUN_BYTES))

    def begin(self, recipe: Recipe, n_threads: int) -> None:
        """Write the record that identifies a run in progress, before its first checkpoint."""
        self.save_recipe(recipe)
        with translate_os_errors(self.checkpoints, "write"):
            self.checkpoints.mkdir()
        content = json.dumps({"threads": n_threads, "tables": "exact"}).encode()
        write_atomically(self.checkpoints / BEGUN, content)

    def check_checkpoints(self) -> None:
        """Raise an error if the checkpoints are in another place.

        Raises
        ------
        FileFormatError
            If their folder is a link.
        """
        self._file(CHECKPOINTS)

    def has_checkpoints(self) -> bool:
        """Return whether there is a checkpoint to resume from."""
        return bool(self.stages())

    def stages(self) -> list[str]:
        """Return the stages of training that have checkpoints."""
        return [stage for stage in stages_of(self.checkpoints) if stage in STAGES]

    def model(self) -> Model:
        """Load the model at the end of the run."""
        return load_model(self._file(MODEL))

    def pretrained(self) -> Model:
        """Load the model before fine-tuning; without fine-tuning that is the final model."""
        path = self.path / PRETRAINED
        return load_model(self._file(PRETRAINED)) if path.exists() else self.model()

    def recipe(self) -> Recipe:
        """Load the resolved recipe."""
        path = self._file(RECIPE)
        try:
            content = read_bytes(path, limit=1 << 20).decode("utf-8")
        except UnicodeDecodeError:
            raise FileFormatError(f"{path} is damaged: it is not UTF-8 text.") from None
        return parse_recipe(content, str(path))

    def target(self) -> str | tuple[str, ...] | None:
        """Return the columns of labels that the run was trained on."""
        return self.recipe().data.target

    def records(self) -> list[EpochRecord]:
        """Load the history."""
        path = self._file(HISTORY)
        lines = read_bytes(path, limit=1 << 28).splitlines()
        return [_record(line, number, path) for number, line in enumerate(lines, start=1)]

    def save_model(self, model: Model) -> None:
        """Write the model."""
        save_model(model, self.path / MODEL)

    def save_pretrained(self, model: Model) -> None:
        """Write the model before fine-tuning."""
        save_model(model, self.path / PRETRAINED)

    def save_recipe(self, recipe: Recipe) -> None:
        """Write the resolved recipe."""
        write_atomically(self.path / RECIPE, write_recipe(recipe).encode())

    def save_history(self, records: Iterable[EpochRecord]) -> None:
        """Write the records of the run."""
        write_atomically(self.path / HISTORY, to_jsonl(records).encode())

    def add_history(self, history: History) -> None:
        """Append the records of one more training to those of the run."""
        path = self.path / HISTORY
        old = read_bytes(path) if path.exists() else b""
        write_atomically(path, old + history.to_jsonl().encode())

    def own_names(self) -> list[str]:
        """Return the names that the package gives to files of a run, and those in its manifest."""
        named: Iterable[str] = ()
        with suppress(FileAccessError, FileFormatError):  # it is missing or damaged
            named = self.manifest()
        return sorted({*OWN_NAMES, *filter(FILE_NAME.fullmatch, named)} - {MANIFEST})

    def seal(self, *also: str, data_hash: str | None = None) -> None:
        """Write the manifest, the SHA-256 of every file: with it the run counts as finished.

        `also` are names of new files. Files that a user put into the folder are left out: the
        package may replace and remove every file that the manifest names. `data_hash` is the hash
        of the data of the run, if it is known.
        """
        entries = {}
        for name in sorted({*self.own_names(), *filter(FILE_NAME.fullmatch, also)}):
            path = self.path / name
            elsewhere = path.parent != self.path and path.parent.is_symlink()
            if regular_file(path) and not elsewhere:
                entries[name] = {"sha256": hash_of(path), "bytes": checked_size(path)}
        data = {} if data_hash is None else {"data": {"sha256": data_hash}}
        manifest = {"format": _FORMAT, **data, "files": entries}
        write_atomically(self.path / MANIFEST, json.dumps(manifest, indent=1).encode())

    def manifest(self) -> dict[str, dict[str, Any]]:
        """Load the manifest: for each file name its ``sha256`` and ``bytes``.

        Raises
        ------
        FileAccessError
            If it is missing.
        FileFormatError
            If it is damaged.
        """
        path = self._file(MANIFEST)
        try:
            manifest = self._manifest()
            files, version = dict(manifest["files"]), manifest["format"]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise FileFormatError(f"{path} is damaged: it is not a manifest.") from None
        if version != _FORMAT:
            raise FileFormatError(
                f"{path} has format {version!r}; this version of sdae reads format {_FORMAT}. "
                "Install a newer sdae."
            )
        if not all(_is_entry(entry) for entry in files.values()):
            raise FileFormatError(f"{path} is damaged: it is not a manifest.")
        return files

    def data_hash(self) -> str | None:
        """Return the hash of the data that the run was trained on; None if it is not known."""
        try:
            kept = self._manifest()["data"]["sha256"]
        except (ValueError, LookupError, TypeError, RecursionError, SdaeError):
            return None  # an older version wrote the run, or its manifest is damaged
        return kept if isinstance(kept, str) else None

    def _manifest(self) -> Any:
        return json.loads(read_bytes(self._file(MANIFEST), limit=_MOST_MANIFEST_BYTES))

    def plots(self) -> Path:
        """Return the folder of the pictures, created if needed."""
        folder = self._file(PLOTS)
        with translate_os_errors(folder, "write"):
            folder.mkdir(exist_ok=True)
        return folder

    def _file(self, name: str) -> Path:
        """Return the path of a file of the run, which must not be a link.

        Raises
        ------
        FileFormatError
            If it is a link.
        """
        path = self.path / name
        if path.is_symlink():
            raise FileFormatError(f"{path} is a link. The files of a run must be regular files.")
        return path


def open_run(path: Path) -> RunFolder:
    """Return an existing run.

    Raises
    ------
    FileAccessError
        If `path` is not the folder of a run.
    """
    with translate_os_errors(path, "read"):
        if path.is_file():
            raise FileAccessError(f"{path} is a file. A run must be a folder.")
        if not path.is_dir():
            raise FileAccessError(
                f"The run {path} does not exist. Train one with: sdae train --out {path}"
            )
        run = RunFolder(path)
        if not run.finished and (path / RECIPE).is_file():
            raise FileAccessError(
                f"{path} is not finished. If no process is training it, continue with: sdae resume "
                f"{path}"
            )
        if not (path / MODEL).is_file():
            raise FileAccessError(f"{path} is not a run: it has no {MODEL}.")
    return run


def open_model(path: Path) -> RunFolder | SavedModel:
    """Return an existing run, or the model of a file whose name ends in .safetensors.

    Raises
    ------
    FileAccessError
        If `path` is neither.
    """
    with translate_os_errors(path, "read"):
        is_model = path.suffix == Path(MODEL).suffix and path.is_file()
    return SavedModel(path) if is_model else open_run(path)


def _is_entry(entry: object) -> bool:
    """Return whether a value of a manifest is a valid entry of a file."""
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("sha256"), str)
        and type(entry.get("bytes")) is int
    )


def _record(line: bytes, number: int, path: Path) -> EpochRecord:
    try:
        return EpochRecord.from_values(json.loads(line))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise FileFormatError(f"{path}, line {number}, is not a record of an epoch.") from None
