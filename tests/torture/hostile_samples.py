"""Small good files of every kind, and forging them: what is signed is signed anew."""

import contextlib
import functools
import json
import shutil
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

import sdae
from sdae import Checkpoint, StackedDenoisingAutoencoder
from sdae.app.recipes.recipe import Recipe, parse_recipe
from sdae.app.runs.lifecycle import finish, new_run
from sdae.app.runs.prepare import prepare
from sdae.app.runs.run_folder import CHECKPOINTS, RunFolder
from sdae.app.runs.run_recipe import build_stack, run_recipe
from sdae.core.files import sha256
from sdae.core.model_file import Model, save_model
from sdae.core.preprocessing import Scaling
from sdae.core.tensor_file import checksum
from sdae.train.history import History
from tests.estimators.helpers import fitted

Entry = dict[str, Any]
Tensors = dict[str, Tensor]
Forgery = Callable[[Entry, Tensors], object]

V, SIZES, CLASSES = 6, (5, 3), ("a", "b", "c", "d")
_SETTINGS = (
    "model.hidden_layer_sizes=[4,3]",
    "pretraining.epochs=2",
    "pretraining.batch_size=10",
    "finetuning.epochs=3",
    "finetuning.batch_size=10",
    "finetuning.optimizer=adam",
)


class Cut(BaseException):
    """The end of a process, as far as training can tell."""


class After:
    """Interrupts after some slices, each of which comes with a checkpoint."""

    def __init__(self, n: int) -> None:
        self._n = n

    def __call__(self) -> BaseException | None:
        self._n -= 1
        return Cut() if self._n == 0 else None


def stack() -> StackedDenoisingAutoencoder:
    """Return the stack that is trained."""
    return StackedDenoisingAutoencoder(V, SIZES, len(CLASSES), 0.2, seed=3)


def train(trained: StackedDenoisingAutoencoder, checkpoint: Checkpoint | Path | None) -> History:
    """Pre-train it: four slices."""
    x = np.random.default_rng(0).random((120, V), dtype=np.float32)
    return sdae.pretrain(
        trained, x, epochs=2, batch_size=20, optimizer="adam", shuffle=True, checkpoint=checkpoint
    )


@functools.cache
def model_bytes() -> bytes:
    """Return the file of a trained model with all that a model can have."""
    trained = stack()
    train(trained, None)
    names = tuple(f"c{i}" for i in range(V))
    scaling = Scaling("minmax", np.zeros(V), np.ones(V))
    model = Model(trained, scaling, CLASSES, names, (2, 3), {"data": "x", "seed": 3})
    with tempfile.TemporaryDirectory() as folder:
        save_model(model, Path(folder) / "m")
        return (Path(folder) / "m").read_bytes()


@functools.cache
def estimator_bytes(kind: str) -> bytes:
    """Return the file of a fitted estimator."""
    with tempfile.TemporaryDirectory() as folder:
        fitted(getattr(sdae, kind)).save(Path(folder) / "m")
        return (Path(folder) / "m").read_bytes()


@functools.cache
def checkpoint_files(n_slices: int) -> dict[str, bytes]:
    """Return the files of a training that was cut short after some slices."""
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.suppress(Cut):
            train(stack(), Checkpoint(folder, "1steps", interruption=After(n_slices)))
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def run_recipe_of(folder: Path) -> Recipe:
    """Return the recipe of the runs; their data lie beside them."""
    return parse_recipe("", "test", (*_SETTINGS, f"data.source={folder / 'rows.npz'}"))


@functools.cache
def _runs() -> Path:
    """Make two runs, one of them cut short while it was fine-tuned; they last as long as we do."""
    folder = Path(tempfile.mkdtemp(prefix="runs-"))
    rng = np.random.default_rng(2)
    np.savez(folder / "rows.npz", x=rng.random((60, 5)), y=np.arange(60) % 2)
    recipe = run_recipe_of(folder)
    data = prepare(recipe.data, recipe.model.decoder[0], recipe.seed)
    for name, n_slices in (("finished", 99), ("cut", 6)):
        try:
            with new_run(folder / name, recipe) as run:
                checkpoint = Checkpoint(run.checkpoints, "1steps", interruption=After(n_slices))
                trained = run_recipe(recipe, data, build_stack(recipe, data), checkpoint=checkpoint)
                run.save_model(trained.model)
                assert trained.pretrained is not None
                assert trained.pretraining is not None
                run.save_pretrained(trained.pretrained)
                run.save_history(trained.pretraining.records)
                finish(run)
        except Cut:
            pass
    return folder


def write_run(folder: Path, name: str = "finished") -> RunFolder:
    """Copy a run, ``finished`` or ``cut``, and its data into a folder, as ``run``."""
    shutil.copytree(_runs() / name, folder / "run")
    shutil.copy(_runs() / "rows.npz", folder)
    run = RunFolder(folder / "run")
    run.save_recipe(run_recipe_of(folder))
    if run.finished:
        run.seal()
    return run


def newest_checkpoint(folder: Path) -> Path:
    """Return the file of the newest checkpoint of a run that was cut short."""
    return max((folder / "run" / CHECKPOINTS).glob("finetuning-*.safetensors"))


def parts(content: bytes) -> tuple[Entry, Tensors]:
    """Return the JSON entry of a file of tensors, without its checksum, and its tensors."""
    (length,) = struct.unpack("<Q", content[:8])
    entry: Entry = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["sdae"])
    del entry["sha256"]
    return entry, tensors_from_bytes(content)


def signed(entry: object, tensors: Tensors) -> str:
    """Return an entry as JSON with the checksum that a forger would put there."""
    if isinstance(entry, dict):
        entry = entry | {"sha256": checksum(tensors, entry)}
    return json.dumps(entry)


def forged(content: bytes, *changes: Forgery) -> bytes:
    """Return a file of tensors after changes to its entry and its tensors."""
    entry, tensors = parts(content)
    for change in changes:
        change(entry, tensors)
    return tensors_to_bytes(
        {name: tensor.contiguous() for name, tensor in tensors.items()},
        metadata={"sdae": signed(entry, tensors)},
    )


def put(*path: str | int, to: object) -> Forgery:
    """Return a change of a value in the entry."""

    def change(entry: Any, _: Tensors) -> None:
        for step in path[:-1]:
            entry = entry[step]
        entry[path[-1]] = to

    return change


def without(*path: str) -> Forgery:
    """Return the removal of a value from the entry."""

    def change(entry: Any, _: Tensors) -> None:
        for step in path[:-1]:
            entry = entry[step]
        del entry[path[-1]]

    return change


def tensor(name: str, value: Tensor | None) -> Forgery:
    """Return a change of a tensor, or its removal."""

    def change(_: Entry, tensors: Tensors) -> None:
        tensors.pop(name, None)
        if value is not None:
            tensors[name] = value

    return change


def spoiled(start: str, value: float) -> Forgery:
    """Return the change of the first number of the first tensor whose name begins so."""

    def change(_: Entry, tensors: Tensors) -> None:
        name = next(name for name in sorted(tensors) if name.startswith(start))
        tensors[name] = tensors[name].clone()
        tensors[name].view(-1)[0] = value

    return change


def write_manifest(path: Path) -> None:
    """Write the manifest that a checkpoint's file calls for."""
    content = path.read_bytes()
    entry = {path.name: {"sha256": sha256(content), "bytes": len(content)}}
    path.with_suffix(".json").write_text(json.dumps({"format": 1, "files": entry}))


def shown(value: object) -> str:
    """Return the beginning of a value's text, for the name of a case."""
    try:
        return f"{value!r}"[:40]
    except RecursionError:
        return "deep lists"


def nested(depth: int) -> Any:
    """Return lists in lists."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def header_file(text: str | bytes, data: bytes = b"") -> bytes:
    """Return a safetensors file of a header of one's own."""
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(raw)) + raw + data


torch.set_num_threads(1)
