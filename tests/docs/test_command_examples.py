"""The commands of the README and of the guide exist as written, and those on a table run."""

import shlex
from pathlib import Path

import pytest
import typer
from sklearn.datasets import load_iris
from typer.core import TyperGroup
from typer.testing import CliRunner

from sdae.app.cli.typer_app import app
from tests.docs.examples import PAGES, ROOT, commands

pytestmark = pytest.mark.untraced

LINES = sorted({line for page in PAGES for line in commands(page, "sdae")})
README_ON_FLOWERS = [line for line in commands(ROOT / "README.md", "sdae") if "flowers" in line]
HEADER = "sepal_length,sepal_width,petal_length,petal_width"


@pytest.mark.parametrize("line", LINES)
def test_a_command_has_the_arguments_and_options_it_is_shown_with(line: str) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    _, name, *arguments = shlex.split(line)
    command = group.commands[name]
    context = command.make_context(name, arguments)
    assert context.params


def test_the_commands_on_flowers_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    x, y = load_iris(return_X_y=True)
    rows = [",".join(f"{value:g}" for value in row) for row in x]
    labelled = [f"{row},kind{label}" for row, label in zip(rows, y, strict=True)]
    Path("flowers.csv").write_text("\n".join([f"{HEADER},species", *labelled]) + "\n")
    for name in ("more.csv", "new.csv", "noisy.csv", "holes.csv"):
        Path(name).write_text("\n".join([HEADER, *rows[::10]]) + "\n")
    assert len(README_ON_FLOWERS) >= 5
    for line in README_ON_FLOWERS:
        quick = ["--set", "pretraining.epochs=2"] if " train " in line else []
        result = CliRunner().invoke(app, [*shlex.split(line)[1:], *quick])
        assert result.exit_code == 0, f"{line}: {result.output}"
    assert Path("predicted.csv").read_text().count("\n") == 16
    assert Path("clean.csv").read_text().startswith(HEADER)
