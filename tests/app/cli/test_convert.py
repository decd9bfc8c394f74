"""``sdae convert``: rows rewritten for training from the disk, and what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdae.data import convert, open_rows
from tests.app.cli.commands import done, fail_after, refused
from tests.app.cli.test_progress import on_terminal, plain_lines
from tests.data.stored.files import span, write_lists

X = np.random.default_rng(0).integers(0, 9, (40, 3)).astype("f4")


@pytest.fixture
def big(tmp_path: Path) -> Path:
    lines = (f"{a:g},{b:g},kind {c:g},{c:g}" for a, b, c in X)
    path = tmp_path / "big.csv"
    path.write_text("\n".join(["a,b,kind,c", *lines, ""]))
    return path


@pytest.mark.parametrize("end", ["parquet", "feather", "arrow"])
def test_a_csv_is_written_as_rows_and_labels(tmp_path: Path, big: Path, end: str) -> None:
    new = tmp_path / f"big.{end}"
    said = done("convert", big, new, "--target", "kind", "--rows-per-group", "7")
    size = new.stat().st_size
    assert said == f"40 rows of 3 columns, {size:,} bytes, written to {new}\n"
    rows = open_rows(new, target="kind", memory=7 * 12)
    assert np.array_equal(rows.batch(span(0, 40)).numpy(), X)
    assert rows.targets is not None
    assert rows.targets.tolist() == [f"kind {c:g}" for c in X[:, 2]]


def test_columns_are_picked_by_name_or_by_position(tmp_path: Path, big: Path) -> None:
    done("convert", big, tmp_path / "a.npy", "--columns", "c", "--columns", "a")
    assert np.array_equal(np.load(tmp_path / "a.npy"), X[:, [2, 0]])
    options = ("--target", "1", "--columns", "0")
    done("convert", tmp_path / "a.npy", tmp_path / "b.parquet", *options)
    rows = open_rows(tmp_path / "b.parquet", target="y.1")
    assert np.array_equal(rows.batch(span(0, 40)).numpy(), X[:, [2]])
    assert rows.targets is not None
    assert rows.targets.tolist() == X[:, 0].tolist()


def test_the_command_of_the_message_about_a_csv_works(tmp_path: Path, big: Path) -> None:
    big.rename(tmp_path / "my data.csv")
    with pytest.raises(Exception, match="Convert it once") as error:
        open_rows(tmp_path / "my data.csv")
    import shlex

    command = str(error.value).partition("sdae convert ")[2].partition(" (with")[0]
    done("convert", *shlex.split(command), "--target", "kind")
    assert open_rows(tmp_path / "my data.parquet", ["x"]).shape == (40, 3)


def test_an_existing_file_is_replaced_only_if_asked(tmp_path: Path, big: Path) -> None:
    new = tmp_path / "big.parquet"
    write_lists(new, X[:2])
    said = refused(tmp_path, "convert", big, new, "--target", "kind")
    assert said == f"{new} already exists. Choose another name, or use --force to replace it."
    done("convert", big, new, "--target", "kind", "--force")
    assert open_rows(new, ["x"]).shape == (40, 3)
    assert "this command reads" in refused(tmp_path, "convert", new, new, "--force")
    folder = tmp_path / "parts"
    folder.mkdir()
    write_lists(folder / "a.parquet", X)
    assert "this command reads" in refused(
        tmp_path, "convert", folder, folder / "a.parquet", "--force"
    )
    assert "outside that folder" in refused(tmp_path, "convert", folder, folder / "b.parquet")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("big.csv", "new.parquet"), "line 2, column 'kind', has the text 'kind "),
        (("big.csv", "new.txt"), "new.txt must end in .npy, .parquet, .feather, .arrow"),
        (("big.csv", "new.npy", "--target", "kind"), "new.npy cannot hold labels beside rows"),
        (("big.csv", "new.parquet", "--target", "kidn"), "has no column 'kidn'. Did you mean 'kin"),
        (("gone.csv", "new.parquet"), "gone.csv"),
        (("big.csv", "gone/new.parquet"), "does not exist"),
        (
            ("rows.npy", "new.parquet", "--target", "a"),
            "--target parameter of sdae convert must be",
        ),
        (("rows.npy", "new.parquet", "--columns", "3"), "has columns 0 to 2"),
        ((".", "new.parquet", "--columns", "-1"), "--columns parameter of sdae convert must be"),
    ],
)
def test_mistakes(tmp_path: Path, big: Path, arguments: Any, problem: str) -> None:
    np.save(tmp_path / "rows.npy", X)
    source, new, *options = arguments
    assert problem in refused(tmp_path, "convert", big.parent / source, tmp_path / new, *options)


def test_a_full_disk_leaves_nothing(
    tmp_path: Path, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_after(0, monkeypatch)
    said = refused(tmp_path, "convert", big, tmp_path / "new.parquet", "--target", "kind")
    assert "Cannot write" in said
    assert "No space left" in said


def test_a_terminal_shows_progress(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.zeros((20_000, 50), np.float32))
    code, written = on_terminal("convert", "rows.npy", "rows.parquet", cwd=tmp_path)
    assert code == 0
    bar, said = plain_lines(written)[-2:]
    assert bar.startswith("rows.npy ")
    assert "100 %" in bar
    assert said.startswith("20,000 rows of 50 columns, ")


def test_the_command_writes_what_the_function_writes(tmp_path: Path, big: Path) -> None:
    done("convert", big, tmp_path / "a.parquet", "--target", "kind")
    convert(big, tmp_path / "b.parquet", target="kind")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
