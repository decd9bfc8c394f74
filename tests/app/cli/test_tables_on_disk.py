"""Commands on tables of texts, dates and gaps that stay on the disk: the same runs and answers."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest

from sdae.app.runs.run_folder import open_run
from sdae.data.stored import typed_file
from tests.app.cli.commands import done, invoke, refused, succeed
from tests.app.cli.test_resume import stopped, training
from tests.core.schema.tables import assert_same_schema
from tests.data.people import WRITERS, people
from tests.train.helpers import state_bytes

N = 900
MEMORY = "--memory=4KB"
NETWORK = (
    "--recipe=table",
    "--set=model.hidden_layer_sizes=[5,4]",
    "--set=pretraining.epochs=2",
    "--set=finetuning.epochs=2",
)
SHORT = ("--target=class", "--id=name", "--parse-dates=since", *NETWORK)
WINDOWS = ("--set=pretraining.shuffle_window=1000", "--set=finetuning.shuffle_window=1000")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed_file, "_CELLS", 1000)


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Leave all tables on the disk."""
    with monkeypatch.context() as patched:
        patched.setattr("sdae.data.stored.dataset.FEW_BYTES", 1000)
        patched.setattr("sdae.data.stored.dataset.MEMORY", 4000)
        yield patched


def parameters_of(run: Path) -> np.ndarray:
    parameters = open_run(run).model().stack.parameters()
    return np.concatenate([each.detach().numpy().ravel() for each in parameters])


def assert_same_run(found: Path, expected: Path) -> None:
    ours, theirs = (open_run(run).model().schema for run in (found, expected))
    assert ours is not None
    assert theirs is not None
    assert_same_schema(ours, theirs)
    np.testing.assert_allclose(parameters_of(found), parameters_of(expected), rtol=0, atol=1e-5)
    errors = [open_run(run).records()[-1].test_error for run in (found, expected)]
    assert errors[0] == errors[1]


def write_folder(folder: Path, table: pd.DataFrame) -> Path:
    folder.mkdir()
    for number, places in enumerate(np.array_split(np.arange(len(table)), 3)):
        WRITERS[".parquet"](table.iloc[places], folder / f"{number}.parquet")
    return folder


@pytest.mark.parametrize("kind", [*WRITERS, "folder"])
def test_a_training_from_the_disk_ends_as_one_in_memory(kind: str, tmp_path: Path) -> None:
    table = people(N)
    table.loc[::7, "class"] = None
    if kind == "folder":
        data = write_folder(tmp_path / "folder", table)
        WRITERS[".parquet"](table, tmp_path / "one.parquet")
    else:
        data = tmp_path / f"people{kind}"
        WRITERS[kind](table, data)
    in_memory = tmp_path / "one.parquet" if kind == "folder" else data
    scratch = f"--scratch={tmp_path}"
    said = invoke("train", data, *SHORT, *WINDOWS, MEMORY, scratch, "--out", tmp_path / "disk")
    assert said.exit_code == 0, said.stderr
    n_inputs = open_run(tmp_path / "disk").model().stack.n_visible
    assert f"encoded once, to {tmp_path}, where they take {4 * N * n_inputs:,} bytes" in said.stderr
    assert not list(tmp_path.glob("sdae-rows-*"))
    done("train", in_memory, *SHORT, *WINDOWS, "--out", tmp_path / "memory")
    assert_same_run(tmp_path / "disk", tmp_path / "memory")
    schema = open_run(tmp_path / "disk").model().schema
    assert schema is not None
    assert schema.ids == ("name",)


def test_gaps_among_numbers_are_found_as_the_rows_are_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.random((N, 4)), columns=list("abcd"))
    table["class"] = np.where(table["a"] > 0.5, "high", "low")
    table.loc[N - 1, "c"] = np.nan
    options = ("--target=class", *NETWORK, *WINDOWS)
    for suffix in (".parquet", ".csv"):
        data = tmp_path / f"table{suffix}"
        WRITERS[suffix](table, data)
        for name, more in (("disk", (MEMORY,)), ("memory", ())):
            done("train", data, *options, *more, "--out", tmp_path / f"{name}{suffix}")
        assert_same_run(tmp_path / f"disk{suffix}", tmp_path / f"memory{suffix}")


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_csv_of_numbers_is_trained_as_numbers(suffix: str, tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((N, 4), dtype=np.float32)
    table = pd.DataFrame(x.astype(np.float64), columns=list("abcd"))
    table["class"] = np.where(table["a"] > 0.5, "high", "low")
    table.loc[::5, "class"] = None
    data = tmp_path / f"table{suffix}"
    WRITERS[suffix](table, data)
    without_labels = table["class"].isna()
    more = tmp_path / "more.parquet"
    WRITERS[".parquet"](table[~without_labels], tmp_path / "labelled.parquet")
    WRITERS[".parquet"](table[without_labels].drop(columns="class"), more)
    options = ("--target=class", *NETWORK, *WINDOWS)
    done("train", data, *options, MEMORY, "--out", tmp_path / "disk")
    memory = ("--unlabeled", more, "--out", tmp_path / "memory")
    done("train", tmp_path / "labelled.parquet", *options, *memory)
    assert open_run(tmp_path / "disk").model().schema is None
    assert (parameters_of(tmp_path / "disk") == parameters_of(tmp_path / "memory")).all()


def test_a_small_table_with_many_rows_on_the_disk(tmp_path: Path) -> None:
    table = people(N)
    data, extra = tmp_path / "people.csv", tmp_path / "more.csv"
    WRITERS[".csv"](table[:40], data)
    more = table[40:].drop(columns=["class"])[["town", "since", "count", "smoker", "size", "name"]]
    WRITERS[".csv"](more, extra)
    folder = write_folder(tmp_path / "folder", more)
    for name, unlabeled, memory in (
        ("disk", extra, (MEMORY,)),
        ("folder", folder, (MEMORY,)),
        ("memory", extra, ()),
    ):
        options = (*SHORT, *WINDOWS, f"--unlabeled={unlabeled}", *memory)
        done("train", data, *options, "--out", tmp_path / f"run-{name}")
    assert_same_run(tmp_path / "run-disk", tmp_path / "run-memory")
    assert_same_run(tmp_path / "run-folder", tmp_path / "run-memory")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    WRITERS[".parquet"](people(N), tmp_path / "people.parquet")
    done("train", tmp_path / "people.parquet", *SHORT, "--out", tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("kind", [*WRITERS, "folder"])
def test_commands_give_the_bytes_that_they_give_for_a_table_in_memory(
    kind: str, run: Path, tmp_path: Path, on_disk: pytest.MonkeyPatch
) -> None:
    table = people(N, seed=1)
    table.loc[::9, "class"] = None
    table.loc[::11, "town"] = "never seen"
    table.loc[3, "count"] = 999
    one = tmp_path / "new.parquet"
    if kind == "folder":
        data = write_folder(tmp_path / "folder", table)
        WRITERS[".parquet"](table, one)
    else:
        data = one = tmp_path / f"new{kind}"
        WRITERS[kind](table, data)
    outputs = ("predict.csv", "encode.npy", "encode.csv", "denoise.csv")
    on_disk.setattr("sdae.app.cli.rows_out._BLOCK_CELLS", 300)
    for name in outputs:
        done(name.partition(".")[0], run, data, "-o", tmp_path / f"disk-{name}")
    scores = done("evaluate", run, data)
    on_disk.undo()
    for name in outputs:
        done(name.partition(".")[0], run, one, "-o", tmp_path / f"memory-{name}")
        memory, disk = (tmp_path / f"{where}-{name}" for where in ("memory", "disk"))
        assert memory.read_bytes() == disk.read_bytes(), name
    assert (tmp_path / "disk-predict.csv").read_text().splitlines()[1].startswith("row 0,")
    assert done("evaluate", run, one) == scores


@pytest.mark.usefixtures("pictures")
def test_pictures_reports_and_exports_take_some_of_the_rows(
    run: Path, tmp_path: Path, on_disk: pytest.MonkeyPatch
) -> None:
    folder = write_folder(tmp_path / "folder", people(N, seed=1))
    on_disk.setattr("sdae.app.report.shown_rows.MOST_ROWS", 300)
    done("report", run, folder, "-o", tmp_path / "disk.html")
    assert "300" in (tmp_path / "disk.html").read_text()
    said = done("export", run, "--numpy", tmp_path / "numpy", "--data", folder)
    assert "rows of the data" in said
    done("plot", run, "reconstructions", "--data", folder, "-o", tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


@pytest.mark.usefixtures("on_disk", "pictures")
def test_a_run_is_fine_tuned_with_a_table_on_the_disk(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "folder", people(N))
    done("train", folder, *SHORT[1:], "--drop=class", "--out", tmp_path / "run")
    assert (tmp_path / "run/plots/reconstructions.png").is_file()
    said = done("finetune", tmp_path / "run", folder, "--target=class", "--quiet")
    assert said.startswith("Test error ")


def test_an_interrupted_training_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    WRITERS[".parquet"](people(3 * N), tmp_path / "people.parquet")
    options = (
        "train",
        "people.parquet",
        *SHORT,
        MEMORY,
        "--set=pretraining.epochs=12",
        "--checkpoint-every=10steps",
        "--scratch=.",
    )
    with training(tmp_path, "Layer 1, epoch 3/", *options, "--out", "cut") as process:
        complaint = stopped(process, signal.SIGTERM)
    assert "sdae resume cut --scratch ." in complaint
    succeed("resume", "cut", "--scratch=.", cwd=tmp_path)
    succeed(*options, "--out", "whole", cwd=tmp_path)
    assert (parameters_of(tmp_path / "cut") == parameters_of(tmp_path / "whole")).all()
    assert not list(tmp_path.glob("sdae-rows-*"))


def test_a_disk_that_is_too_small_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    WRITERS[".csv"](people(N), tmp_path / "people.csv")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    options = (*SHORT, MEMORY, f"--scratch={scratch}", "--out", tmp_path / "run")
    message = refused(tmp_path, "train", tmp_path / "people.csv", *options)
    assert "bytes free. Name a folder on a larger disk" in message
    assert not list(scratch.iterdir())
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_learned_in_blocks_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "people.csv"
    WRITERS[".csv"](people(N), data)
    out = ("--out", tmp_path / "run")
    message = refused(tmp_path, "train", data, SHORT[0], SHORT[2], MEMORY, *out)
    assert "text that differs from row to row in column name" in message
    assert "--drop" in message
    table = people(N)
    table.loc[N - 1, "size"] = np.inf
    WRITERS[".csv"](table, data)
    message = refused(tmp_path, "train", data, *SHORT, MEMORY, *out)
    assert "infinite or too large to scale in column size" in message


def test_a_folder_of_parquet_is_trained_by_the_recipe_of_one_file(tmp_path: Path) -> None:
    table = pd.DataFrame(np.random.default_rng(0).random((N, 4)), columns=list("abcd"))
    table["class"] = np.where(table["a"] > 0.5, "high", "low")
    WRITERS[".parquet"](table, tmp_path / "one.parquet")
    folder = write_folder(tmp_path / "folder", table)
    short = ("--target=class", "--set=pretraining.epochs=1", "--set=finetuning.epochs=1")
    done("train", tmp_path / "one.parquet", *short, "--out", tmp_path / "of-one")
    done("train", folder, *short, "--out", tmp_path / "of-folder")
    one, other = (open_run(tmp_path / name).model().stack for name in ("of-one", "of-folder"))
    assert state_bytes(one) == state_bytes(other)
