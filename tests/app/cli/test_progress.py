"""What training shows: bars on a terminal, lines elsewhere, one line when quiet, and its length."""

import os
import pty
import re
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from sdae.app.cli.progress import Bars, Lines, Silence, display
from sdae.app.cli.summary import print_estimate
from sdae.app.recipes.recipe import parse_recipe
from sdae.app.runs.estimate import Estimate
from sdae.app.runs.prepare import prepare
from sdae.app.runs.run_recipe import build_stack
from sdae.train.callbacks import PartStarted, SliceEnded, ValidationImproved
from tests.app.cli.commands import SDAE, done, environment
from tests.app.cli.samples import SMALL, write_parts


def on_terminal(*arguments: str | Path, cwd: Path) -> tuple[int, str]:
    """Run ``sdae`` on a pseudo-terminal; return its exit code and all it wrote there."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [SDAE, *arguments], cwd=cwd, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        written = bytearray()
        while True:
            try:
                chunk = os.read(ours, 1 << 16)
            except OSError:  # how Linux tells that the last writer has gone
                break
            if not chunk:
                break
            written += chunk
        os.close(ours)
        return process.wait(timeout=60), written.decode()


def test_a_terminal_shows_a_bar_for_each_layer_and_for_fine_tuning(tmp_path: Path) -> None:
    write_parts(tmp_path / "images.npz")
    code, written = on_terminal("train", "images.npz", "--out", "run", *SMALL, cwd=tmp_path)
    assert code == 0
    assert "\x1b[" in written
    final = plain_lines(written)
    for name, epochs in (("Layer 0", "2/2"), ("Layer 1", "2/2"), ("Fine-tuning", "3/3")):
        bar = next(line for line in reversed(final) if line.startswith(name) and "cost" in line)
        assert re.search(rf"━+ +{epochs} cost [\d.]+ +[\d,]+/s", bar), bar
        assert len(bar) <= 80
        assert ("val" in bar) == (name == "Fine-tuning")
    assert ", epoch 1/2: cost" not in written
    assert final[-1].startswith("Test error ")
    assert "Traceback" not in written


def plain_lines(written: str) -> list[str]:
    """Return what a terminal got as lines that are not empty, without colours and movements."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)
    return [line for line in text.splitlines() if line.strip()]


def test_quiet_prints_the_last_line_only(flowers: Path, tmp_path: Path) -> None:
    command = ("train", flowers, "--target", "species", *SMALL)
    loud = done(*command, "--out", tmp_path / "loud")
    quiet = done(*command, "--out", tmp_path / "quiet", "--quiet")
    assert quiet.splitlines() == loud.splitlines()[-1:]


def test_what_is_shown_depends_on_the_terminal() -> None:
    terminal = Console(file=StringIO(), force_terminal=True)
    file = Console(file=StringIO(), force_terminal=False)
    assert isinstance(display(terminal, quiet=False), Bars)
    assert isinstance(display(file, quiet=False), Lines)
    assert isinstance(display(terminal, quiet=True), Silence)


def test_a_bar_tells_epoch_cost_speed_and_validation_error() -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=80, color_system=None)
    with Bars(console) as bars:
        bars(PartStarted("finetuning", None, 10, 200, "autograd"))
        bars(SliceEnded("finetuning", None, 5, 100, 0.123456))
        bars(ValidationImproved(5, 0.0314, None))
    line = plain_lines(out.getvalue())[-1]
    assert line.startswith("Fine-tuning ")
    assert "5/10 cost 0.1235 " in line
    assert "/s val 3.14 %" in line
    assert 4 <= line.count("━") + line.count("╸") + line.count("╺") <= 12


@pytest.mark.parametrize(
    ("pretraining", "least", "most", "words"),
    [
        (5, 5, 10, None),
        (15, 6, 6, "roughly 15 s of pre-training and 6 s of fine-tuning."),
        (89, 60, 600, "roughly 89 s of pre-training and 60 s to at most 10 min of fine-tuning."),
        (300, 7200, 7200, "roughly 5 min of pre-training and 2.0 h of fine-tuning."),
        (0, 0.2, 30, "roughly 1 s of pre-training and 1 s to at most 30 s of fine-tuning."),
    ],
)
def test_the_length_of_a_long_run_is_told_beforehand(
    pretraining: float, least: float, most: float, words: str | None, flowers: Path
) -> None:
    settings = (f'data.source="{flowers}"', "data.target=species", "model.hidden_layer_sizes=3")
    recipe = parse_recipe("", "test", settings)
    data = prepare(recipe.data, recipe.model.decoder[0], recipe.seed)
    out = StringIO()
    console = Console(file=out, width=40)
    expected = Estimate(pretraining, least, most)
    print_estimate(console, expected, data, build_stack(recipe, data), "cpu")
    lines = out.getvalue().splitlines()
    assert lines[1] == data.choice
    assert lines[2] == "Network 4-3-3 on cpu."
    assert lines[3:] == ([] if words is None else [f"This will take {words}"])


def test_a_long_pre_training_names_no_fine_tuning(
    flowers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdae.app.cli.commands.train.estimate", lambda *_: Estimate(7300, 0, 0))
    said = done("train", flowers, "--target", "species", "--out", tmp_path / "labelled", *SMALL)
    assert "This will take roughly 2.0 h of pre-training and 1 s of fine-tuning.\n" in said
    rows = tmp_path / "rows.csv"
    lines = [line.rpartition(",")[0] for line in flowers.read_text().splitlines()]
    rows.write_text("\n".join(lines))
    said = done("train", rows, "--out", tmp_path / "run", *SMALL)
    assert "This will take roughly 2.0 h of pre-training.\n" in said
