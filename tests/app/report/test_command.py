"""``sdae report`` and ``sdae train --report``: where the page goes, and what is refused."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.app.cli.commands import done, invoke, refused
from tests.app.cli.samples import SMALL, write_flowers
from tests.app.report.runs import Page


@pytest.fixture
def copy(strange: Path, tmp_path: Path) -> Path:
    """A copy of a run."""
    return Path(shutil.copytree(strange, tmp_path / "copy"))


def test_the_report_goes_into_the_run_and_its_manifest(copy: Path) -> None:
    said = done("report", copy)
    page = copy / "report.html"
    size = page.stat().st_size / 1e6
    assert said.splitlines()[-1] == f"Report written to {page} ({size:.1f} MB)"
    assert "report.html: intact" in done("verify", copy)
    done("report", copy, "--no-playground")
    assert page.stat().st_size / 1e6 < size
    assert "report.html: intact" in done("verify", copy)
    assert "playground" not in Page(page.read_text("utf-8")).sections


def test_a_report_elsewhere_leaves_the_run_alone(copy: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    done("report", copy, "-o", tmp_path / "page.html", "--no-playground")
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before
    assert (tmp_path / "page.html").read_text("utf-8").startswith("<!DOCTYPE html>")


def test_a_damaged_run_keeps_its_manifest(copy: Path) -> None:
    (copy / "plots" / "curves.png").write_bytes(b"something else")
    message = refused(copy, "report", copy)
    assert "is damaged: plots/curves.png." in message
    assert message.endswith(f"Check it with: sdae verify {copy}")


def test_what_is_no_page_no_run_and_no_data_is_refused(copy: Path, tmp_path: Path) -> None:
    message = refused(tmp_path, "report", copy, "-o", tmp_path / "page.pdf")
    assert message == f"A report must be a .html file. Got {tmp_path}/page.pdf instead."
    assert "does not exist. Train one with" in refused(tmp_path, "report", tmp_path / "none")
    assert "does not exist" in refused(tmp_path, "report", copy, tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("hidden", "package"), [("jinja2", "jinja2"), ("matplotlib.figure", "matplotlib")]
)
def test_a_missing_extra_is_named_before_any_work(
    hidden: str, package: str, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, hidden, None)
    data = write_flowers(tmp_path / "flowers.csv")
    for command in (
        ("report", copy),
        ("train", data, "--target=species", "--report", "--out", tmp_path / "new"),
    ):
        message = refused(tmp_path, *command)
        assert package in message
        assert message.endswith('Install it with: pip install "sdae[report]"')


def test_training_needs_no_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for hidden in ("jinja2", "matplotlib.figure", "umap"):
        monkeypatch.setitem(sys.modules, hidden, None)
    data = write_flowers(tmp_path / "flowers.csv")
    said = done("train", data, "--target=species", "--out", tmp_path / "new", *SMALL)
    assert said.splitlines()[-1].startswith("Test error ")


def test_train_ends_by_writing_the_report(tmp_path: Path) -> None:
    data, run = write_flowers(tmp_path / "flowers.csv"), tmp_path / "run"
    said = done("train", data, "--target=species", "--out", run, "--report", "--quiet", *SMALL)
    (last,) = said.splitlines()
    error = last.removeprefix("Test error ").split(" %")[0]
    assert last == f"Test error {error} % (report: {run / 'report.html'})"
    assert f"Its test error is {error} %," in Page((run / "report.html").read_text("utf-8")).words
    assert "All files are as they were written." in done("verify", run)


def test_a_report_that_fails_says_that_the_run_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sdae.app.cli.commands import report
    from sdae.core.errors import FileAccessError

    def full(*_: object) -> None:
        raise FileAccessError("Cannot write it: the disk is full.")

    monkeypatch.setattr(report, "write_report", full)
    data, run = write_flowers(tmp_path / "flowers.csv"), tmp_path / "run"
    result = invoke("train", data, "--target=species", "--out", run, "--report", "--quiet", *SMALL)
    assert result.exit_code == 2
    assert f"the disk is full. The run itself is complete: {run}" in result.stderr
    assert "All files are as they were written." in done("verify", run)
