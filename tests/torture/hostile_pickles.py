"""Files that carry pickles which would run something, under the name of every kind of file."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.torture.hostile_case import (
    FILE,
    MODEL,
    Case,
    Way,
    content,
    data,
    recipe,
    resume,
    run_part,
    verify_file,
)
from tests.torture.hostile_checkpoints import go_on
from tests.torture.hostile_payloads import CONTAINERS, PAYLOADS
from tests.torture.hostile_samples import newest_checkpoint, write_manifest, write_run

# What a file is called, what packs the pickle, and who reads it.
_NAMES: tuple[tuple[str, str, tuple[Way, ...]], ...] = (
    ("mnist.pkl", "plain", (data("mnist.pkl"),)),
    ("mnist.pkl.gz", "gzip", (data("mnist.pkl.gz"),)),
    ("rows.npy", "NPY", (data("rows.npy"),)),
    ("rows.npz", "NPZ", (data("rows.npz"),)),
    (MODEL, "plain", FILE),
)
# With one payload: the rest of what can be packed and named.
_MORE: tuple[tuple[str, str, tuple[Way, ...]], ...] = (
    (MODEL, "behind a length", (*FILE, verify_file)),
    (MODEL, "gzip", FILE),
    (MODEL, "NPZ", FILE),
    (MODEL, "NPY", FILE),
    (MODEL, "PyTorch's zip", (*FILE, verify_file)),
    (MODEL, "PyTorch's old file", FILE),
    (MODEL, "TAR", FILE),
    ("mnist.pkl", "PyTorch's old file", (data("mnist.pkl"),)),
    ("mnist.pkl", "PyTorch's zip", (data("mnist.pkl"),)),
    ("mnist.pkl", "NPY", (data("mnist.pkl"),)),
    ("mnist.pkl.gz", "plain", (data("mnist.pkl.gz"),)),
    ("mnist.pickle", "plain", (data("mnist.pickle"),)),
    ("rows.npz", "PyTorch's zip", (data("rows.npz"),)),
    ("rows.npz", "plain", (data("rows.npz"),)),
    ("rows.npz", "TAR", (data("rows.npz"),)),
    ("rows.npy", "plain", (data("rows.npy"),)),
    ("rows.csv", "plain", (data("rows.csv"),)),
    ("rows.csv.gz", "gzip", (data("rows.csv.gz"),)),
    ("rows.parquet", "plain", (data("rows.parquet"),)),
    ("train-images-idx3-ubyte", "plain", (data(""),)),
    ("train-images-idx3-ubyte.gz", "gzip", (data(""),)),
    ("rows.joblib", "plain", (data("rows.joblib"),)),
    ("rows.pt", "PyTorch's zip", (data("rows.pt"),)),
    ("recipe.toml", "plain", (recipe,)),
    ("checkpoints/pretraining-000001.safetensors", "plain", (go_on,)),
    ("checkpoints/pretraining-000001.safetensors", "PyTorch's zip", (go_on,)),
)


def _write(folder: Path, name: str, made: bytes) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(made)
    if path.parent != folder:
        write_manifest(path)


def _in_run(folder: Path, name: str, made: bytes) -> None:
    (write_run(folder).path / name).write_bytes(made)


def _in_cut_run(folder: Path, made: bytes) -> None:
    write_run(folder, "cut")
    newest = newest_checkpoint(folder)
    for other in newest.parent.glob("finetuning-*"):
        other.unlink()
    newest.write_bytes(made)
    write_manifest(newest)


def cases(mark: Path) -> Iterator[Case]:
    """Yield all of them; what is run writes `mark`."""
    for name, container, ways in _NAMES:
        for payload, make in PAYLOADS.items():
            made = CONTAINERS[container](make(mark))
            yield Case(f"{payload} in {name}", content(name, lambda made=made: made), ways)  # type: ignore[misc]
    pickled = PAYLOADS["os.system"](mark)
    for name, container, ways in _MORE:
        made = CONTAINERS[container](pickled)
        yield Case(f"{container} in {name}", partial(_write, name=name, made=made), ways)
    for name, part in (
        ("model.safetensors", "model"),
        ("pretrained.safetensors", "pretrained"),
        ("recipe.toml", "recipe"),
        ("history.jsonl", "records"),
        ("manifest.json", "manifest"),
    ):
        yield Case(
            f"a pickle as {name} of a run",
            partial(_in_run, name=name, made=pickled),
            (run_part(part),),
        )
    for container in ("plain", "PyTorch's zip"):
        made = CONTAINERS[container](pickled)
        yield Case(
            f"a checkpoint of a run that is a pickle, {container}",
            partial(_in_cut_run, made=made),
            (resume,),
        )
