"""The help of each command, whose example works as it stands."""

import re
import shlex
import sys
from pathlib import Path
from subprocess import run

import numpy as np
import pytest

import sdae
from sdae.app.cli.command_list import COMMANDS as LISTED
from tests.app.cli.commands import done, invoke, succeed
from tests.app.cli.samples import SMALL, idx_bytes, write_flowers, write_rows

COMMANDS = (
    "train",
    "inspect",
    "finetune",
    "evaluate",
    "predict",
    "encode",
    "denoise",
    "impute",
    "convert",
    "info",
    "plot",
    "report",
)
MORE = ("resume", "doctor", "export", "verify", "compare", "runs", "diff", "watch")
"""Whose examples need a run cut short, or a quarter of an hour; their own tests run them."""


def example(command: str) -> list[str]:
    """Return the words of the example in a command's help, after ``sdae``."""
    text = " ".join(done(command, "--help").split())
    found = re.search(r"Example: sdae (.*?) (?:Arguments|Options|╭)", text)
    assert found is not None, text
    return shlex.split(found[1])


def test_help_lists_every_command(tmp_path: Path) -> None:
    said = succeed("--help", cwd=tmp_path)
    assert set(LISTED) == {*COMMANDS, *MORE}
    for command in (*COMMANDS, *MORE):
        assert re.search(rf"^\W*{command}  +\w", said, re.MULTILINE)


def test_the_list_of_commands_says_what_each_does_without_pytorch() -> None:
    program = (
        "import sys; from sdae.app.cli.typer_app import app; app(['--help'], standalone_mode=False)"
        "; print({'torch', 'numpy', 'sklearn'} & set(sys.modules), file=sys.stderr)"
    )
    said = run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stderr == "set()\n"
    lines = said.stdout.partition("Commands:\n")[2].splitlines()
    assert {line.split()[0]: line.split(maxsplit=1)[1] for line in lines} == {
        name: listed.what for name, listed in LISTED.items()
    }


def test_no_arguments_show_the_help_too() -> None:
    result = invoke()
    assert result.exit_code == 2
    assert (result.stdout + result.stderr).rstrip() == done("--help").rstrip()


def test_the_file_of_a_command_is_imported_before_signals_are_the_commands_own() -> None:
    code = (
        "import sys; from sdae.app.cli.typer_app import import_named; "
        "import_named(sys.argv[1:]); print('sdae.app.cli.commands.info' in sys.modules)"
    )
    for words, imported in ((["info"], True), (["--", "info"], True), (["--help"], False)):
        found = run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
        )
        assert found.stdout.strip() == str(imported)


def test_the_version_is_printed() -> None:
    assert done("--version") == f"sdae {sdae.__version__}\n"


def test_an_unknown_command_or_option_is_refused_in_words() -> None:
    result = invoke("tarin")
    assert result.exit_code == 2
    assert "No such command 'tarin'" in result.stderr
    result = invoke("train", "--tagret", "y")
    assert result.exit_code == 2
    assert "--target" in result.stderr


@pytest.mark.parametrize("command", [*COMMANDS, *MORE])
def test_the_help_of_a_command_has_an_example_of_it(command: str) -> None:
    assert example(command)[0] == command


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the examples speak of."""
    folder = tmp_path_factory.mktemp("examples")
    write_flowers(folder / "flowers.csv")
    write_flowers(folder / "labelled.csv")
    write_rows(folder / "new.csv")
    write_rows(folder / "noisy.csv")
    write_rows(folder / "holes.csv")
    write_flowers(folder / "big.csv")
    digits = folder / "digits"
    digits.mkdir()
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, size=(60, 28, 28), dtype=np.uint8)
    y = (np.arange(60) % 10).astype(np.uint8)
    (digits / "train-images-idx3-ubyte").write_bytes(idx_bytes(x))
    (digits / "train-labels-idx1-ubyte").write_bytes(idx_bytes(y))
    (digits / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(x[:10]))
    (digits / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(y[:10]))
    done("train", digits, "--validation=0", "--out", folder / "runs/mnist-default", *SMALL)
    done("train", folder / "flowers.csv", "--target=species", "--out", folder / "flowers", *SMALL)
    return folder


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("pictures")
def test_the_example_works(command: str, examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(examples)
    if command != "train" and not Path("runs/flowers").exists():
        Path("flowers").rename("runs/flowers")
    said = done(*example(command))
    if command == "evaluate":
        assert said.startswith("Rows 10,000, wrong ")
