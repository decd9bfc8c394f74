"""Hostile runs: links, pipes and folders in place of files, and what their files say."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import sdae
from sdae.train.history import EpochRecord
from tests.torture.hostile_case import (
    Case,
    Way,
    info,
    resume,
    run_part,
    verify,
)
from tests.torture.hostile_samples import forged, model_bytes, put, spoiled, write_run

_MODEL, _PRETRAINED, _RECIPE = "model.safetensors", "pretrained.safetensors", "recipe.toml"
_HISTORY, _MANIFEST = "history.jsonl", "manifest.json"
Change = Callable[[Path], object]


def load_run(folder: Path) -> object:
    """Load the estimator of a run."""
    return sdae.load(folder / "run")


_READERS: dict[str, Sequence[Way]] = {
    _MODEL: (run_part("model"), load_run, info),
    _PRETRAINED: (run_part("pretrained"),),
    _RECIPE: (run_part("recipe"), run_part("target")),
    _HISTORY: (run_part("records"), info),
    _MANIFEST: (run_part("manifest"),),
}


def _case(name: str, change: Change, ways: Sequence[Way], kind: str = "finished") -> Case:
    def make(folder: Path) -> None:
        change(write_run(folder, kind).path)

    return Case(f"a run with {name}", make, ways)


def _link(target: str) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        if target == "the same":  # content, but outside of the run
            path.rename(path.parents[1] / "elsewhere")
            path.symlink_to(path.parents[1] / "elsewhere")
        else:
            path.unlink()
            path.symlink_to(target)

    return change


def _replaced(kind: Callable[[Path], object]) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        path.unlink()
        kind(path)

    return change


def _places() -> Iterator[Case]:
    """Yield runs one of whose files is no file."""
    changes = {
        "a link to the same outside": _link("the same"),
        "a link to /etc/passwd": _link("/etc/passwd"),
        "a link to /dev/zero": _link("/dev/zero"),
        "a link to itself": _link(_MODEL),
        "a link to nothing": _link("/nonexistent/x"),
        "a pipe": _replaced(os.mkfifo),
        "a folder": _replaced(Path.mkdir),
    }
    for file, ways in _READERS.items():
        for name, change in changes.items():
            if name == "a link to nothing" and file in (_MANIFEST, _PRETRAINED):
                continue  # that is as good as none, which may be
            yield _case(
                f"{file} as {name}",
                lambda run, file=file, change=change: change(run / file),  # type: ignore[misc]
                (*ways, verify),
            )


def _cut_places() -> Iterator[Case]:
    """Yield runs to be resumed one of whose files or folders is none."""
    for name, change in (
        ("recipe.toml as a link", lambda run: _link("the same")(run / _RECIPE)),
        ("recipe.toml as a pipe", lambda run: _replaced(os.mkfifo)(run / _RECIPE)),
        ("recipe.toml as a link to /dev/zero", lambda run: _link("/dev/zero")(run / _RECIPE)),
        ("checkpoints as a link", lambda run: _link("the same")(run / "checkpoints")),
        ("a lock that is a link", lambda run: _lock(run).symlink_to(run.parent / "rows.npz")),
        ("a lock that is a pipe", lambda run: os.mkfifo(_lock(run))),
        ("a lock that is a folder", lambda run: _lock(run).mkdir()),
        ("a manifest that is a link", lambda run: (run / _MANIFEST).symlink_to("/etc/passwd")),
    ):
        yield _case(f"{name}, cut short", change, (resume,), "cut")


def _lock(run: Path) -> Path:
    return run.with_name(f".{run.name}.lock")


def _manifests() -> Iterator[Case]:
    good = {"sha256": "0" * 64, "bytes": 1}
    for name, files in (
        ("../../x", {"../../x": good}),
        ("/etc/passwd", {"/etc/passwd": good}),
        ("plots/../../x", {"plots/../../x": good}),
        ("a name with a zero", {"a\0b": good}),
        ("a name of 5,000 characters", {"x" * 5000: good}),
        ("a name that clears the screen", {"\x1b[2J": good}),
        ("itself", {_MANIFEST: good}),
        ("a size that is a text", {_MODEL: good | {"bytes": "os.system"}}),
        ("a size that is nothing", {_MODEL: {"sha256": "0"}}),
        ("a size that is enormous", {_MODEL: good | {"bytes": 10**30}}),
        ("a size that is not finite", {_MODEL: good | {"bytes": float("inf")}}),
        ("a hash that is a list", {_MODEL: good | {"sha256": []}}),
    ):
        text = json.dumps({"format": 1, "files": files})
        yield _manifest_case(f"a manifest that names {name}", text, (verify,))
    for name, text in (
        ("nothing", ""),
        ("a list", "[]"),
        ("a number", "5"),
        ("a text", '"os.system"'),
        ("no files", "{}"),
        ("files that are a list", '{"format": 1, "files": [1]}'),
        ("files that are numbers", '{"format": 1, "files": {"a": 1}}'),
        ("format 2", '{"format": 2, "files": {}}'),
        ("format 10**400", f'{{"format": 1{"0" * 400}, "files": {{}}}}'),
        ("a deep list", "[" * 500_000),
        ("2 MB", " " * 2_000_000),
        ("Python", "{'format': 1}"),
    ):
        yield _manifest_case(f"a manifest of {name}", text, (run_part("manifest"), verify))


def _manifest_case(name: str, text: str, ways: Sequence[Way]) -> Case:
    return _case(name, lambda run: (run / _MANIFEST).write_text(text), ways)


def _histories() -> Iterator[Case]:
    good = EpochRecord("pretraining", 0, 1, 0.5, None, None, 0.1, 1.0, 1.0, "autograd").to_json()
    values: dict[str, Any] = json.loads(good)
    lines = {
        "no JSON": "os.system('true')",
        "a list": "[]",
        "a number": "5",
        "a deep list": "[" * 200_000,
        "an empty record": "{}",
        "a pickle": "cos\tsystem",
        "zeros": "\0" * 100,
    }
    for field, value in (
        ("stage", 5),
        ("epoch", 0),
        ("epoch", "1"),
        ("epoch", 0.5),
        ("layer", "os.system"),
        ("cost", float("nan")),
        ("cost", 10**400),
        ("cost", True),
        ("seconds", "1"),
        ("validation_error", []),
        ("findings", 5),
        ("findings", [{"os": "system"}]),
        ("findings", [{"kind": 5, "text": "x"}]),
        ("engine", None),
    ):
        lines[f"{field} {str(value)[:20]}"] = json.dumps(values | {field: value})
    ways = _READERS[_HISTORY]
    for name, line in lines.items():
        text = f"{good}\n{line}\n"
        yield _case(f"a history of {name}", partial(_write_history, text=text), ways)
    endless = (good + "\n") * ((16 << 20) // (len(good) + 1)) + "{}\n"
    yield _case(
        "a history of 16 MiB, the last record bad",
        partial(_write_history, text=endless),
        (run_part("records"),),
    )


def _write_history(run: Path, text: str) -> None:
    (run / _HISTORY).write_text(text)


def _models() -> Iterator[Case]:
    """Yield runs whose models are forged; more of these are tried as files."""
    for name, change in (
        ("an activation to import", put("architecture", "activation", to="os.system")),
        ("a NaN", spoiled("layers.0.weight", float("nan"))),
    ):
        made = forged(model_bytes(), change)
        for file in (_MODEL, _PRETRAINED):
            yield _case(
                f"{name} in {file}",
                lambda run, file=file, made=made: (run / file).write_bytes(made),  # type: ignore[misc]
                (*_READERS[file], verify),
            )


def _no_runs() -> Iterator[Case]:
    for name, make in (
        ("nothing", lambda _: None),
        ("a file", lambda folder: (folder / "run").write_bytes(b"x")),
        ("a pipe", lambda folder: os.mkfifo(folder / "run")),
        ("an empty folder", lambda folder: (folder / "run").mkdir()),
        ("a link to itself", lambda folder: (folder / "run").symlink_to("run")),
    ):
        yield Case(f"a run that is {name}", make, (run_part("model"), info, verify, resume))


def cases() -> Iterator[Case]:
    """Yield all of them."""
    yield from _places()
    yield from _cut_places()
    yield from _manifests()
    yield from _histories()
    yield from _models()
    yield from _no_runs()
