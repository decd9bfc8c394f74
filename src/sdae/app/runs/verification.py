"""Check that the files of a run, or a model file, have not changed since they were written."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sdae.app.runs.run_folder import (
    CHECKPOINTS,
    FILE_NAME,
    HISTORY,
    MANIFEST,
    MODEL,
    PRETRAINED,
    RECIPE,
    RunFolder,
    SavedModel,
    open_model,
)
from sdae.core.errors import FileAccessError, FileFormatError, SdaeError
from sdae.core.files import checked_size, hash_of, regular_file
from sdae.core.model_file import Model, load_model
from sdae.core.wording import plain
from sdae.train.checkpoints.checkpoint_folder import StageCheckpoints


@dataclass(frozen=True)
class Verdict:
    """The result of checking a file.

    Attributes
    ----------
    name : str
        Path within the run.
    problem : str or None
        What is wrong, in words; None if nothing is.
    """

    name: str
    problem: str | None = None


def verify(path: Path) -> Iterator[Verdict]:
    """Check the hash of every file and, in models, shape, type and finiteness of every tensor.

    In a run in progress the checkpoints are checked.

    Raises
    ------
    FileAccessError
        If `path` is neither a run nor a model.
    """
    run = RunFolder(path)
    if not run.finished and regular_file(path / RECIPE):
        yield _content(RECIPE, run.recipe)
        yield from _checkpoints(run)
        return
    opened = open_model(path)
    if isinstance(opened, SavedModel):
        yield _content(path.name, lambda: _check_model(load_model(path)))
        return
    yield from _finished(run)


def _finished(run: RunFolder) -> Iterator[Verdict]:
    try:
        manifest = run.manifest()
    except (FileAccessError, FileFormatError) as error:
        yield Verdict(MANIFEST, f"{error} The other files cannot be checked against it.")
        manifest = None
    contents: dict[str, Callable[[], object]] = {
        RECIPE: run.recipe,
        MODEL: lambda: _check_model(run.model()),
        PRETRAINED: lambda: _check_model(run.pretrained()),
        HISTORY: run.records,
    }
    names = {RECIPE, MODEL, HISTORY} | {name for name in contents if (run.path / name).exists()}
    for name in sorted(names | set(manifest or {})):
        problem = None if manifest is None else _difference(run.path, name, manifest.get(name))
        verdict = Verdict(plain(name), problem)
        if problem is None and name in contents:
            verdict = _content(name, contents[name])
        yield verdict


def _difference(folder: Path, name: str, entry: dict[str, object] | None) -> str | None:
    """Return how a file differs from its entry in the manifest, or None."""
    if entry is None:
        return "It is not in the manifest, so sdae did not write it."
    if not FILE_NAME.fullmatch(name):
        return "The manifest names it, but a run cannot have a file with this name."
    path = folder / name
    if not path.exists():
        return "It is missing."
    if not regular_file(path) or (path.parent != folder and path.parent.is_symlink()):
        return "It is a link, or not a regular file."
    n_bytes = checked_size(path)
    if entry.get("bytes") != n_bytes:
        return f"It has {n_bytes:,} bytes instead of {entry['bytes']:,}."
    if entry.get("sha256") != hash_of(path):
        return "Its content has changed since it was written."
    return None


def _checkpoints(run: RunFolder) -> Iterator[Verdict]:
    elsewhere = _content(CHECKPOINTS, run.check_checkpoints)
    if elsewhere.problem:
        yield elsewhere
        return
    for stage in run.stages():
        files = StageCheckpoints(run.checkpoints, stage, keep=1)
        for number in files.numbers():
            name = f"checkpoints/{stage}-{number:06d}"
            yield _content(name, partial(_check_tensors, files, number))


def _check_tensors(files: StageCheckpoints, number: int) -> None:
    for name, tensor in files.read(number)[1].items():
        if not bool(tensor.isfinite().all()):
            raise FileFormatError(f"Tensor {name} has values that are not finite.")


def _check_model(model: Model) -> None:
    """Check the data of the estimator, if the model has one; loading has checked the rest."""
    if model.estimator is not None:
        from sdae.estimators.saving import checked_estimator

        checked_estimator(model, Path(MODEL))


def _content(name: str, read: Callable[[], object]) -> Verdict:
    """Read a file and return what is wrong with it."""
    try:
        read()
    except SdaeError as error:
        return Verdict(name, str(error).replace("\n", " "))
    return Verdict(name)
