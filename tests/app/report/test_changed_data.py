"""Data that changed since training: their rows are shown as given, not as test rows."""

import json
import shutil
from pathlib import Path

import pytest

from sdae.app.report.facts import Facts, facts_of
from sdae.app.runs.data_hash import hash_of_data
from sdae.app.runs.run_folder import open_run
from tests.app.cli.commands import done
from tests.app.cli.samples import SMALL, write_flowers
from tests.app.report.runs import Page, train


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run on a table beside it."""
    data = write_flowers(tmp_path / "flowers.csv")
    train(data, "--target=species", "--out", tmp_path / "run", *SMALL, "--quiet")
    return tmp_path / "run"


def shown(run: Path) -> tuple[str, bool]:
    """Return the name of the rows that a report shows, and whether their file changed."""
    facts: Facts = facts_of(open_run(run), playground=False)
    assert facts.rows is not None
    return facts.rows.shown.name, facts.rows.changed


def turn_around(data: Path) -> None:
    """Put the rows of a table in the opposite order."""
    head, *rows = data.read_text().splitlines()
    data.write_text("\n".join([head, *rows[::-1]]) + "\n")


def test_rows_of_a_sorted_file_are_given_rows_and_the_page_says_why(run: Path) -> None:
    data = run.parent / "flowers.csv"
    assert shown(run) == ("test", False)
    turn_around(data)
    assert shown(run) == ("given", True)
    told = "The data, flowers, have changed since training: their rows are shown as rows that were"
    for _ in range(2):  # a report in the run keeps what the run knows of its data
        assert told in " ".join(done("report", run, "--no-playground").split())
    page = " ".join(Page((run / "report.html").read_text("utf-8")).source.split())
    assert "The data have changed since training, so rows that the network was trained on" in page
    turn_around(data)
    assert shown(run) == ("test", False)
    assert "changed since training" not in done("report", run, "--no-playground")


def test_a_run_without_a_hash_shows_its_test_rows(run: Path) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    del manifest["data"]
    (run / "manifest.json").write_text(json.dumps(manifest))
    turn_around(run.parent / "flowers.csv")
    assert shown(run) == ("test", False)
    for damaged in ("{", '{"data": 1}', '{"data": {"sha256": 1}}'):
        (run / "manifest.json").write_text(damaged)
        assert open_run(run).data_hash() is None


def test_fine_tuning_on_other_data_keeps_their_hash(run: Path) -> None:
    data = run.parent / "flowers.csv"
    other = Path(shutil.copy(data, run.parent / "other.csv"))
    turn_around(other)
    done("finetune", run, other, "--target=species", "--quiet")
    assert open_run(run).data_hash() == hash_of_data(str(other)) != hash_of_data(str(data))
    assert shown(run) == ("test", False)
    turn_around(other)
    assert shown(run) == ("given", True)


def test_the_hash_is_of_a_file_or_of_the_files_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    for name in ("a.npy", "b.npy"):
        (folder / name).write_bytes(name.encode())
    before = hash_of_data(str(folder))
    (folder / "README").write_text("not rows")
    assert hash_of_data(str(folder)) == before is not None
    (folder / "b.npy").write_bytes(b"other")
    assert hash_of_data(str(folder)) not in (before, None)
    assert hash_of_data(str(folder / "a.npy")) is not None
    for source in ("mnist", "-", str(tmp_path / "none.csv"), "a\0b"):
        assert hash_of_data(source) is None
