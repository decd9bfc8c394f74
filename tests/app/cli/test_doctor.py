"""What the doctor finds is warned of, kept in the history, and told again when asked."""

from pathlib import Path

from tests.app.cli.commands import done, invoke, refused
from tests.app.cli.samples import SMALL, history, write_rows

SICK = ("--set=pretraining.learning_rate=1e-12", "--set=pretraining.optimizer=sgd")


def test_a_finding_is_warned_of_once_and_told_again(tmp_path: Path) -> None:
    data, run = write_rows(tmp_path / "rows.csv"), tmp_path / "run"
    result = invoke("train", data, "--out", run, *SMALL, *SICK)
    assert result.exit_code == 0
    warnings = [line.removeprefix("Warning: ") for line in result.stderr.splitlines()]
    kept = [finding for record in history(run) for finding in record["findings"]]
    assert warnings == [finding["text"] for finding in kept]
    assert warnings
    assert len(set(warnings)) == len(warnings)
    told = done("doctor", run).splitlines()
    assert len(told) == len(kept)
    for line, finding in zip(told, kept, strict=True):
        assert line.startswith(finding["kind"].capitalize() + " (layer ")
        assert line.endswith(f"epoch 2): {finding['text']}")
    assert "doctor" not in done("info", run)


def test_a_healthy_run_is_told_so(tmp_path: Path) -> None:
    data, run = write_rows(tmp_path / "rows.csv"), tmp_path / "run"
    many = ("--set=pretraining.epochs=30", "--set=pretraining.learning_rate=0.01")
    result = invoke("train", data, "--out", run, *SMALL, *many)
    assert (result.exit_code, result.stderr) == (0, "")
    assert done("doctor", run) == "Nothing found in 60 epochs.\n"


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    assert "does not exist. Train one with: sdae train" in refused(
        tmp_path, "doctor", tmp_path / "run"
    )
