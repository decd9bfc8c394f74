"""Hostile checkpoints, under a checksum and a manifest that are right: training does not go on."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from sdae.core.files import sha256
from tests.torture.hostile_case import Case, resume
from tests.torture.hostile_samples import (
    Forgery,
    checkpoint_files,
    forged,
    nested,
    newest_checkpoint,
    put,
    shown,
    spoiled,
    stack,
    tensor,
    train,
    without,
    write_manifest,
    write_run,
)

_FOLDER, _NAME = "checkpoints", "pretraining-000001"
_RECORDS = ("history", "records")


def go_on(folder: Path) -> object:
    """Go on with pre-training."""
    return train(stack(), folder / _FOLDER)


def _write(folder: Path) -> Path:
    """Write a good checkpoint; return its file."""
    (folder / _FOLDER).mkdir()
    for name, made in checkpoint_files(1).items():
        (folder / _FOLDER / name).write_bytes(made)
    return folder / _FOLDER / f"{_NAME}.safetensors"


def _forge(path: Path, changes: tuple[Forgery, ...]) -> None:
    path.write_bytes(forged(path.read_bytes(), *changes))
    write_manifest(path)


def _case(name: str, *changes: Forgery) -> Case:
    """Return a forged checkpoint of pre-training."""
    return Case(
        f"a checkpoint with {name}", lambda folder: _forge(_write(folder), changes), (go_on,)
    )


def _run_case(name: str, *changes: Forgery) -> Case:
    """Return a run that was cut short in fine-tuning, whose only checkpoint of that is forged."""

    def make(folder: Path) -> None:
        write_run(folder, "cut")
        newest = newest_checkpoint(folder)
        for other in newest.parent.glob("finetuning-*"):
            if other.stem != newest.stem:
                other.unlink()
        _forge(newest, changes)

    return Case(f"a run with a checkpoint with {name}", make, (resume,))


def _both(name: str, *changes: Forgery) -> Iterator[Case]:
    yield _case(name, *changes)
    yield _run_case(name, *changes)


def _places() -> Iterator[Case]:
    for field, value in (
        ("epoch", 10**30),
        ("epoch", 10**9),
        ("epoch", 0),
        ("epoch", "1"),
        ("epoch", 1.5),
        ("layer", 10**30),
        ("layer", 7),
        ("layer", -1),
        ("layer", "os.system"),
        ("n_batches", 10**30),
        ("n_batches", 10**9),
        ("n_batches", -1),
        ("n_samples", 10**30),
        ("n_samples", -1),
        ("total", float("nan")),
        ("total", float("inf")),
        ("total", "1"),
        ("total", 10**400),
        ("seconds", -1.0),
        ("seconds", None),
    ):
        yield from _both(f"{field} {shown(value)}", put("place", field, to=value))
    more, none = put("place", "n_batches", to=3), put("place", "n_samples", to=0)
    yield from _both("batches without samples", more, none)
    place: object
    for place in ({}, [], None, "os.system", {"layer": None}):
        yield from _both(f"place {place}", put("place", to=place))


def _descriptions() -> Iterator[Case]:
    for field in ("identity", "circumstances", "complete", "place", "history", "extra"):
        yield from _both(f"no {field}", without(field))
    for field, value in (
        ("identity", None),
        ("identity", []),
        ("identity", {"seed": "1"}),
        ("identity", {f"x{i}": "y" for i in range(20_000)}),
        ("circumstances", None),
        ("circumstances", "os.system"),
        ("complete", 1),
        ("complete", "yes"),
        ("engine", nested(930)),
        ("engine", "os.system"),
        ("engine", {"name": "fused"}),
        ("history", []),
        ("history", {"records": None}),
        ("extra", 5),
        ("extra", "os.system"),
        ("format", 2),
    ):
        yield from _both(f"{field} {shown(value)}", put(field, to=value))
    for field, value in (
        ("patience", "long"),
        ("patience", float("nan")),
        ("best_error", -1.0),
        ("best_epoch", 0.5),
        ("validation_error", "os.system"),
    ):
        yield _run_case(f"{field} {value}", put("extra", field, to=value))


def _histories() -> Iterator[Case]:
    for name, records in (
        ("a record that is none", [{}]),
        ("a million records that are none", [{}] * 1_000_000),
        ("records that are a text", "os.system"),
        ("a nested record", [nested(900)]),
    ):
        yield _case(name, put(*_RECORDS, to=records))
    yield _case("best_epoch -1", put("history", "best_epoch", to=-1))
    yield _case("test_error NaN", put("history", "test_error", to=float("nan")))
    yield _case("stopped_early 1", put("history", "stopped_early", to=1))


def _tensors() -> Iterator[Case]:
    weight = "parameters.layers.0.weight"
    for value in (float("nan"), float("inf")):
        yield from _both(f"{value} in a weight", spoiled("parameters.", value))
        yield from _both(f"{value} in the optimiser", spoiled("optimizer.", value))
    for name, changed in (
        (weight, None),
        (weight, torch.zeros(1, 1)),
        (weight, torch.zeros(5, 6).double()),
        (weight, torch.zeros(5, 6).half()),
        ("parameters.layers.9.weight", torch.zeros(1)),
        ("optimizer.0.exp_avg", torch.zeros(10**6)),
        ("optimizer.0.exp_avg", None),
        ("optimizer.0.step", None),
        ("optimizer.0.step", torch.tensor(-1.0)),
        ("optimizer.0.step", torch.tensor(1)),
        ("optimizer.0.exp_avg", torch.zeros(5, 6, dtype=torch.int64)),
        ("optimizer.0.state_dict", torch.zeros(1)),
        ("optimizer.99.step", torch.tensor(1.0)),
        ("optimizer.os.system", torch.tensor(1.0)),
        ("optimizer.\x1b[2J", torch.tensor(1.0)),
    ):
        shape = "gone" if changed is None else f"{changed.dtype} {list(changed.shape)}"
        yield from _both(f"{name} {shape}", tensor(name, changed))
    yield _run_case("a best parameter too many", tensor("best.9", torch.zeros(1)))
    yield _run_case("a NaN in the best", tensor("best.0", torch.tensor([float("nan")])))


def _files() -> Iterator[Case]:
    """Yield folders whose manifests or files are not what they should be."""
    changes: dict[str, Callable[[Path], object]] = {
        "a manifest that names another": lambda p: _manifest(p, {"../../x.safetensors": {}}),
        "a manifest that names a path": lambda p: _manifest(p, {"/etc/passwd": {}}),
        "a manifest of no files": lambda p: _manifest(p, {}),
        "a manifest of wrong types": lambda p: _manifest(p, {p.name: [1]}),
        "a manifest of a wrong size": lambda p: _manifest(
            p, {p.name: {"sha256": sha256(p.read_bytes()), "bytes": 10**30}}
        ),
        "a manifest of a wrong hash": lambda p: _manifest(
            p, {p.name: {"sha256": 0, "bytes": p.stat().st_size}}
        ),
        "a deep manifest": lambda p: p.with_suffix(".json").write_text("[" * 10**6),
        "a manifest of 2 MB": lambda p: p.with_suffix(".json").write_text(" " * 2_000_000),
        "a manifest that is no UTF-8": lambda p: p.with_suffix(".json").write_bytes(b"\xff"),
        "a manifest that is a link": lambda p: _link(p.with_suffix(".json")),
        "a manifest that is a pipe": lambda p: _pipe(p.with_suffix(".json")),
        "a file that is a link": _link,
        "a file that is a pipe": _pipe,
        "a file that is a folder": _folder,
        "a file that is missing": Path.unlink,
        "a file of nothing": _empty,
        "a lock that is a link": lambda p: p.with_name("lock").symlink_to("/tmp/escaped"),
        "a lock that is a pipe": lambda p: os.mkfifo(p.with_name("lock")),
        "a lock that is a folder": lambda p: p.with_name("lock").mkdir(),
    }
    for name, change in changes.items():
        yield Case(
            f"a checkpoint with {name}",
            lambda folder, change=change: change(_write(folder)),  # type: ignore[misc]
            (go_on,),
        )


def _manifest(path: Path, files: object) -> None:
    path.with_suffix(".json").write_text(json.dumps({"format": 1, "files": files}))


def _link(path: Path) -> None:
    """Put a link to the same content, outside of the folder, in place of a file."""
    elsewhere = path.parents[1] / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _empty(path: Path) -> None:
    path.write_bytes(b"")
    write_manifest(path)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def cases() -> Iterator[Case]:
    """Yield all of them."""
    yield from _places()
    yield from _descriptions()
    yield from _histories()
    yield from _tensors()
    yield from _files()
