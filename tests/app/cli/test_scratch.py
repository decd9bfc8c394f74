"""``--scratch``: files whose groups are too large are copied to it, and it must be a folder."""

import gc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sdae.app.runs.run_folder import open_run
from tests.app.cli.commands import done, invoke, refused
from tests.app.cli.test_rows_on_disk import MEMORY, SHORT, WINDOWS, N, V, parameters_of
from tests.core.schema.tables import assert_same_schema
from tests.data.stored.files import write_columns, write_lists


@pytest.mark.parametrize("where", ["--scratch", "TMPDIR"])
@pytest.mark.parametrize("form", ["columns", "lists", "folder"])
def test_a_file_whose_groups_are_too_large_is_copied_first(
    form: str,
    where: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = np.random.default_rng(0).random((N, V), dtype=np.float32)
    y = ["yes" if value > 0.5 else "no" for value in x[:, 0]]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    data = tmp_path / "data" / "one.parquet"
    data.parent.mkdir()
    (write_lists if form == "lists" else write_columns)(data, x, N, y=y)
    source = data.parent if form == "folder" else data
    monkeypatch.setattr("sdae.data.stored.dataset.gettempdir", lambda: str(scratch))
    options = [f"--scratch={scratch}"] if where == "--scratch" else []
    train = ("train", source, "--target=y", *SHORT, f"--memory={MEMORY}")
    result = invoke(*train, *options, "--out", tmp_path / "disk")
    assert result.exit_code == 0, result.stderr
    assert f"one.parquet has a row group of {N} rows, which takes 21,600 b" in result.stderr
    assert f"Its rows are first rewritten to {scratch}, where" in result.stderr
    done(*train[:-1], *WINDOWS, "--out", tmp_path / "memory")
    assert parameters_of(tmp_path / "disk") == parameters_of(tmp_path / "memory")
    gc.collect()
    assert not list(scratch.iterdir())


def test_gaps_in_a_group_that_is_too_large_are_found_while_it_is_copied(tmp_path: Path) -> None:
    columns = {"a": [1.0, None, 3.0] * 100, "b": [k % 7 for k in range(300)]}
    labels = ["p", "q", "r"] * 100
    data, scratch = tmp_path / "gap.parquet", tmp_path / "scratch"
    scratch.mkdir()
    pq.write_table(pa.table({**columns, "y": labels}), data, row_group_size=300)
    train = ("train", data, "--target=y", "--recipe=table", *SHORT[1:], *WINDOWS)
    options = ("--memory=3KB", f"--scratch={scratch}", "--out", tmp_path / "disk")
    result = invoke(*train, *options)
    assert result.exit_code == 0, result.stderr
    assert "has a row group of 300 rows" in result.stderr
    assert "are encoded once" in result.stderr
    done(*train, "--out", tmp_path / "memory")
    schema, other = (open_run(tmp_path / name).model().schema for name in ("disk", "memory"))
    assert schema is not None
    assert other is not None
    assert_same_schema(schema, other)
    gc.collect()
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("command", ["train", "resume"])
def test_a_scratch_that_is_not_a_folder_is_refused_at_once(command: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.eye(9))
    for wrong in (tmp_path / "gone", tmp_path / "x.npy", tmp_path / ("a" * 300)):
        said = refused(tmp_path, command, tmp_path / "x.npy", "--scratch", wrong)
        start = f"The --scratch parameter of sdae {command} must be a folder that is there and can "
        assert said.startswith(start)
        assert said.endswith(
            f"Got {str(wrong)!r} instead. Make it first, or leave it out for the folder of TMPDIR."
        )


@pytest.mark.parametrize("memory", ["1KB", "1GB"])
def test_a_gap_in_a_column_of_lists_is_named_with_its_row(memory: str, tmp_path: Path) -> None:
    x = np.ones((200, 2), np.float32)
    x[150, 1] = np.nan
    write_lists(tmp_path / "a.parquet", x, 200)
    options = (f"--memory={memory}", "--out", tmp_path / "run")
    said = refused(tmp_path, "train", tmp_path / "a.parquet", *options)
    assert "a.parquet, row 150 (counted from 0), has a value that is missing" in said
    assert said.endswith("in column 'rows.1'. Fill it in, or drop the row.")
