"""What stands in a stranger's files is printed as text: no command reaches the terminal."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdae.app.runs.run_folder import RunFolder
from sdae.core.errors import DataError, SdaeError
from sdae.core.model_file import load_model, save_model
from sdae.core.wording import listed, plain, printable, quoted
from tests.app.cli.commands import done, invoke, refused
from tests.app.cli.samples import HEADER, SMALL, measurements, species, write_table

EVIL = "\x1b]0;mine\x07\x1b[2J\x9b1m\u202e\u2066\u2028\r\nError: none \x00\ud800"
MARKUP = "[bold red]:smile:[/]"
CLASSES = {
    "setosa": "\x1b[31mred\u202e",
    "versicolor": MARKUP,
    "virginica": "β" * 300,
}
NAMES = ("a\x1b[2J", "b\u202e", MARKUP, "d" * 300)


def harmless(text: str) -> str:
    """Return what was printed, which holds nothing but printable characters in lines."""
    unprintable = {each for each in text if not each.isprintable()} - {"\n"}
    assert not unprintable
    text.encode()
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table of evil names, and a run that was trained on it."""
    folder = tmp_path_factory.mktemp("evil")
    columns: list[list[object]] = [list(column) for column in measurements().T]
    labels: list[object] = [CLASSES[name] for name in species()]
    write_table(folder / "t.csv", (*NAMES, "kind\x1b[1m"), [*columns, labels])
    out = ("--out", folder / "run", "--quiet")
    harmless(done("train", folder / "t.csv", "--target", "kind\x1b[1m", *out, *SMALL))
    return folder


def test_every_command_prints_it_as_text(folder: Path, tmp_path: Path) -> None:
    run, data = folder / "run", folder / "t.csv"
    model = RunFolder(run).model()
    said = harmless(done("info", run))
    assert "Classes (3): \\x1b[31mred\\u202e, [bold red]:smile:[/], βββ" in said
    assert max(map(len, said.splitlines())) < 300
    harmless(done("evaluate", run, data))
    harmless(done("predict", run, data, "-o", tmp_path / "p.csv"))
    with (tmp_path / "p.csv").open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    assert header == ["label", *(f"p_{label}" for label in model.classes or ())]
    assert set(model.classes or ()) == set(CLASSES.values())
    for command in (
        ("runs", folder),
        ("diff", run, run),
        ("watch", run, "--once"),
        ("verify", run),
    ):
        harmless(done(*command))


def test_files_of_a_run_made_by_hand_are_printed_as_text(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / f"run{EVIL[:-1].replace(chr(0), '')}"
    run.mkdir()
    for path in (folder / "run").iterdir():
        if path.is_file():
            (run / path.name).write_bytes(path.read_bytes())
    provenance = {f"{MARKUP}{EVIL}": EVIL * 100}
    save_model(
        replace(load_model(run / "model.safetensors"), provenance=provenance),
        run / "model.safetensors",
    )
    record = json.loads((run / "history.jsonl").read_text().splitlines()[-1])
    record |= {"findings": [{"kind": EVIL, "text": EVIL}], "engine": EVIL}
    (run / "history.jsonl").write_text(json.dumps(record) + "\n")
    (run / "manifest.json").write_text(
        json.dumps({"format": 1, "files": {f"{EVIL}": {"sha256": "0", "bytes": 0}}})
    )
    for command in ("info", "doctor", "watch", "verify"):
        result = invoke(command, run, *(["--once"] if command == "watch" else []))
        said = harmless(result.stdout) + harmless(result.stderr)
        assert "mine" in said
        assert not [line for line in said.splitlines() if line.startswith("Error: none")]
    said = harmless(done("runs", tmp_path)) + harmless(done("diff", folder / "run", run))
    assert ":smile:" in said


def refusals(folder: Path) -> list[tuple[object, ...]]:
    """Return commands that are refused for what stands in a file or is its name."""
    evil = "\x1b[2J\u202e\nError: none"
    rows: list[list[object]] = [list(column) for column in measurements().T]
    named = write_table(folder / "named.csv", (*HEADER[:-1], '"\x1b[2J\u202e"'), rows)
    cell = write_table(
        folder / "cell.csv", HEADER, [*rows[:-1], [f"\x1b[2J\u202e{k}" for k in range(90)]]
    )
    double = write_table(folder / "double.csv", ("\x1b[2J", "\x1b[2J", "c", "d"), rows)
    arrays: dict[str, Any] = {"x\x1b[2J": np.zeros((9, 4)), "z\u202e": np.zeros(3)}
    np.savez(folder / "m.npz", **arrays)
    (folder / "recipe.toml").write_text('"\\u001b[2J\\nError: none" = 1\nseed = "\\u001b[2J"\n')
    odd = folder / f"odd{evil}"
    odd.mkdir()
    (odd / f"f{evil}").write_text("x")
    (odd / f"t{evil}.csv").write_text("a\n\x1b[2J\n")
    (odd / f"t{evil}.toml").write_text("\x1b[2J")
    good = write_table(folder / "good.csv", HEADER, rows)
    return [
        ("train", named, "--target=zzz"),
        ("train", cell),
        ("train", double),
        ("train", folder / "m.npz"),
        ("train", good, "--recipe", folder / "recipe.toml"),
        ("train", good, "--set", f"model.{evil}=1"),
        ("train", good, "--recipe", odd / f"t{evil}.toml"),
        ("train", odd),
        ("train", odd / f"t{evil}.csv"),
        ("train", odd / f"missing{evil}"),
        ("info", odd),
        ("export", odd, "--onnx", odd / "x.onnx"),
        ("doctor", odd / f"f{evil}"),
    ]


@pytest.mark.parametrize("nth", range(13))
def test_an_error_quotes_it_in_one_line(nth: int, tmp_path: Path) -> None:
    command = refusals(tmp_path)[nth]
    message = harmless(refused(tmp_path, *command))  # type: ignore[arg-type]
    assert not [line for line in message.splitlines() if line.startswith("Error: none")]


def test_the_text_of_an_error_is_harmless_in_python_too() -> None:
    assert str(DataError("a\x1b[2J\u202e\nb")) == "a\\x1b[2J\\u202e\nb"
    assert DataError("\x1b").args == ("\x1b",)
    assert isinstance(DataError("a"), SdaeError)


def test_words_of_files_are_short_and_in_one_line() -> None:
    assert plain(EVIL).isprintable()
    assert quoted(EVIL).isprintable()
    assert plain("x" * 100) == "x" * 60 + "…"
    assert plain("x" * 100, 80) == "x" * 80 + "…"
    assert plain("") == "''"
    assert plain("C:\\new\x1b") == "C:\\new\\x1b"
    assert listed([EVIL] * 20).count("mine") == 12
    assert printable("a\tb\nc\x85", "\n") == "a\\tb\nc\\x85"
