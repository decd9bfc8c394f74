"""Ctrl-C during training: a clean message, exit code 130, and the folder as it was."""

import signal
import subprocess
from pathlib import Path

from tests.cli.commands import SDAE, environment
from tests.cli.samples import SMALL, contents, write_parts


def test_ctrl_c_keeps_the_old_run_and_leaves_nothing_half_written(
    flower_run: Path, tmp_path: Path
) -> None:
    write_parts(tmp_path / "images.npz")
    (tmp_path / "run").mkdir()
    for name in ("recipe.toml", "model.safetensors", "history.jsonl"):
        (tmp_path / "run" / name).write_bytes((flower_run / name).read_bytes())
    before = contents(tmp_path)
    endless = (*SMALL, "--set=pretraining.epochs=100000000", "--out", "run", "--force")
    # A process started by one that ignores Ctrl-C, as jobs in the background do, ignores it too.
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [SDAE, "train", "images.npz", *endless],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
    finally:
        signal.signal(signal.SIGINT, ours)
    with process:
        assert process.stdout is not None
        try:
            while not (line := process.stdout.readline()).startswith("Layer 0, epoch 3/"):
                assert line, "training ended before it was interrupted"
            process.send_signal(signal.SIGINT)
            said, complaint = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert complaint == "Interrupted. Nothing was written.\n"
    assert "Run written" not in said
    assert contents(tmp_path) == before
