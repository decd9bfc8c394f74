"""Commands on rows that stay on the disk: the same answers, the same bytes, the same refusals."""

import csv
import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from sdae.app.cli.typer_app import printed_warnings
from sdae.app.runs.run_folder import open_run
from sdae.core.source_rows import SourceRows
from sdae.core.user_warnings import SlowReadingWarning
from sdae.data.stored.paths import kind_of
from sdae.data.stored.row_groups import RowGroups
from tests.app.cli.commands import done, invoke, refused, succeed
from tests.app.cli.test_resume import stopped, training

N, V = 900, 6
MEMORY = f"{128 * 4 * V / 1000}KB"  # 128 of the rows
SHORT = (
    "--recipe=arrays",
    "--set=model.hidden_layer_sizes=[5,4]",
    "--set=pretraining.epochs=2",
    "--set=finetuning.epochs=2",
    "--quiet",
)
WINDOWS = ("--set=pretraining.shuffle_window=128", "--set=finetuning.shuffle_window=128")


@pytest.fixture
def x() -> NDArray[np.float32]:
    return np.random.default_rng(0).random((N, V), dtype=np.float32)


@pytest.fixture
def y(x: NDArray[np.float32]) -> list[str]:
    return ["yes" if value > 0.5 else "no" for value in x[:, 0]]


def write_parquet(path: Path, x: NDArray[np.float32], group: int = 100, **labels: Any) -> Path:
    columns: dict[str, Any] = {f"c{place}": x[:, place] for place in range(x.shape[1])}
    pq.write_table(pa.table({**columns, **labels}), path, row_group_size=group)
    return path


def write_folder(path: Path, x: NDArray[np.float32], **labels: Any) -> Path:
    path.mkdir()
    for number, part in enumerate(np.array_split(np.arange(len(x)), 3)):
        some: Any = {name: [column[row] for row in part] for name, column in labels.items()}
        write_parquet(path / f"{number}.parquet", x[part], **some)
    return path


def model_of(run: Path) -> bytes:
    return (run / "model.safetensors").read_bytes()


def parameters_of(run: Path) -> list[bytes]:
    return [p.detach().numpy().tobytes() for p in open_run(run).model().stack.parameters()]


def test_a_training_from_the_disk_ends_as_one_in_memory(
    x: NDArray[np.float32], y: list[str], tmp_path: Path
) -> None:
    data = write_parquet(tmp_path / "rows.parquet", x, group=2, y=y)
    target = ("--target=y", *SHORT)
    done("train", data, *target, f"--memory={MEMORY}", "--out", tmp_path / "disk")
    done("train", data, *target, *WINDOWS, "--out", tmp_path / "memory")
    recipe = open_run(tmp_path / "disk").recipe()
    assert recipe.data.memory == MEMORY
    assert (recipe.pretraining.shuffle_window, recipe.finetuning.shuffle_window) == (128, 128)
    assert parameters_of(tmp_path / "disk") == parameters_of(tmp_path / "memory")
    errors = [open_run(tmp_path / name).records()[-1] for name in ("disk", "memory")]
    assert errors[0].test_error == errors[1].test_error


def test_rows_whose_label_is_missing_are_for_pretraining(
    x: NDArray[np.float32], y: list[str], tmp_path: Path
) -> None:
    some = [label if row % 6 == 0 else None for row, label in enumerate(y)]
    data = write_parquet(tmp_path / "rows.parquet", x, group=2, y=some)
    said = done(
        "train", data, "--target=y", *SHORT[:-1], f"--memory={MEMORY}", "--out", tmp_path / "run"
    )
    assert "rows: 856 training rows, 106 of them with labels" in said


def test_a_small_labelled_file_with_many_rows_on_the_disk(
    x: NDArray[np.float32], y: list[str], tmp_path: Path
) -> None:
    small = write_parquet(tmp_path / "small.parquet", x[:100], y=y[:100])
    many = write_folder(tmp_path / "many", x)
    options = ("--target=y", *SHORT, "--set=finetuning.shuffle=false")
    done(
        "train",
        small,
        "--unlabeled",
        many,
        *options,
        f"--memory={MEMORY}",
        "--set=pretraining.shuffle=false",
        "--out",
        tmp_path / "disk",
    )
    together = write_parquet(tmp_path / "many.parquet", x)
    done(
        "train",
        small,
        "--unlabeled",
        together,
        *options,
        "--set=pretraining.shuffle=false",
        "--out",
        tmp_path / "memory",
    )
    assert parameters_of(tmp_path / "disk") == parameters_of(tmp_path / "memory")


@pytest.fixture
def run(x: NDArray[np.float32], y: list[str], tmp_path: Path) -> Path:
    data = write_parquet(tmp_path / "rows.parquet", 30 * x, y=y)
    done("train", data, "--target=y", *SHORT, "--out", tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("kind", ["folder", "many"])
def test_commands_give_the_bytes_that_they_give_for_rows_in_memory(
    kind: str,
    run: Path,
    x: NDArray[np.float32],
    y: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = tmp_path / "rows.parquet"
    outputs = ("predict.csv", "encode.npy", "encode.csv", "denoise.npy", "denoise.csv")
    for name in outputs:
        done(name.partition(".")[0], run, one, "-o", tmp_path / f"memory-{name}")
    scores = done("evaluate", run, one)
    monkeypatch.delattr(SourceRows, "in_memory")
    monkeypatch.setattr("sdae.app.cli.rows_out._BLOCK_CELLS", 1000)
    if kind == "folder":
        one = write_folder(tmp_path / "folder", 30 * x, y=y)
    else:
        monkeypatch.setattr("sdae.data.stored.dataset.FEW_BYTES", 1000)
    for name in outputs:
        done(name.partition(".")[0], run, one, "-o", tmp_path / f"disk-{name}")
        memory, disk = (tmp_path / f"{where}-{name}" for where in ("memory", "disk"))
        assert memory.read_bytes() == disk.read_bytes(), name
    assert done("evaluate", run, one) == scores


@pytest.mark.usefixtures("pictures")
def test_pictures_reports_and_exports_take_some_of_the_rows(
    run: Path, x: NDArray[np.float32], y: list[str], tmp_path: Path
) -> None:
    folder = write_folder(tmp_path / "folder", 30 * x, y=y)
    done("plot", run, "reconstructions", "--data", folder, "-o", tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000
    done("report", run, folder, "-o", tmp_path / "a.html")
    assert f"{N:,}" in (tmp_path / "a.html").read_text()
    assert "900 rows of the data" in done(
        "export", run, "--numpy", tmp_path / "numpy", "--data", folder
    )


@pytest.mark.usefixtures("pictures")
def test_a_run_is_fine_tuned_with_rows_on_the_disk(
    x: NDArray[np.float32], y: list[str], tmp_path: Path
) -> None:
    folder = write_folder(tmp_path / "folder", x, y=y)
    done("train", folder, *SHORT, "--drop=y", "--out", tmp_path / "run")
    assert (tmp_path / "run/plots/reconstructions.png").is_file()
    said = done("finetune", tmp_path / "run", folder, "--target=y", "--quiet")
    assert said.startswith("Test error ")


def test_groups_of_any_size_are_read_in_their_order(
    run: Path, x: NDArray[np.float32], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdae.data.stored.dataset.FEW_BYTES", 100)
    monkeypatch.setattr("sdae.data.stored.dataset.MEMORY", 100)
    data = write_parquet(tmp_path / "one-group.parquet", 30 * x, group=N)
    with monkeypatch.context() as patched:
        patched.delattr(RowGroups, "read")  # it decodes a whole group
        said = done("encode", run, data, "-o", tmp_path / "a.npy")
    assert said.startswith("900 codes")


def test_an_interrupted_training_from_the_disk_goes_on_to_the_same_bytes(
    x: NDArray[np.float32], y: list[str], tmp_path: Path
) -> None:
    write_folder(tmp_path / "folder", 30 * np.repeat(x, 3, axis=0), y=[*y, *y, *y])
    options = (
        "train",
        "folder",
        "--target=y",
        f"--memory={MEMORY}",
        *SHORT[:-1],
        "--set=pretraining.epochs=40",
        "--checkpoint-every=10steps",
        "--scratch=.",
    )
    with training(tmp_path, "Layer 1, epoch 3/", *options, "--out", "cut") as process:
        complaint = stopped(process, signal.SIGTERM)
    assert "sdae resume cut --scratch ." in complaint
    succeed("resume", "cut", "--scratch=.", cwd=tmp_path)
    succeed(*options, "--out", "whole", cwd=tmp_path)
    assert parameters_of(tmp_path / "cut") == parameters_of(tmp_path / "whole")
    assert not list(tmp_path.glob("sdae-*"))


def test_columns_are_left_out(
    x: NDArray[np.float32], y: list[str], run: Path, tmp_path: Path
) -> None:
    names = [f"row {number}" for number in range(N)]
    odd = write_folder(tmp_path / "odd", 30 * x, y=y, name=names)
    options = ("--target=y", *SHORT)
    for left, what in (("a", "--drop=name"), ("b", "--id=name")):
        done("train", odd, *options, what, "--out", tmp_path / left)
        assert parameters_of(tmp_path / left) == parameters_of(run)
    kept = ("--keep=c3", "--keep=c0", "--keep=y")
    done("train", odd, *options, *kept, "--out", tmp_path / "c")
    assert open_run(tmp_path / "c").model().feature_names == ("c0", "c3")
    message = refused(tmp_path, "train", odd, *options, "--drop=nam", "--out", tmp_path / "d")
    assert "nam" in message
    assert done("encode", run, odd, "-o", tmp_path / "a.npy").startswith("900 codes")


def test_predictions_name_the_file_that_is_damaged(
    run: Path, x: NDArray[np.float32], tmp_path: Path
) -> None:
    folder = write_folder(tmp_path / "folder", 30 * x)
    with (folder / "1.parquet").open("r+b") as file:
        file.seek(300)
        file.write(bytes(200))
    message = refused(tmp_path, "predict", run, folder, "-o", tmp_path / "a.csv")
    assert "1.parquet" in message


@pytest.mark.parametrize("size", ["0MB", "12", "1XB", "-1GB", "a", "1e3MB", "0.0000001KB"])
def test_sizes_that_are_none_are_refused(size: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.eye(9))
    result = invoke("train", tmp_path / "x.npy", f"--memory={size}", "--out", tmp_path / "run")
    assert "memory parameter of [data] must be 'auto', or a number with a unit" in result.stderr
    assert not (tmp_path / "run").exists()


def test_two_targets_are_for_rows_in_memory(x: NDArray[np.float32], tmp_path: Path) -> None:
    a = (x[:, 0] > 0.5).astype(int)
    folder = write_folder(tmp_path / "folder", x, a=a, b=1 - a)
    message = refused(
        tmp_path, "train", folder, "--target=a", "--target=b", "--out", tmp_path / "run"
    )
    assert "where rows have one target. Got 2" in message


def test_predictions_of_a_pipe_of_rows(run: Path, x: NDArray[np.float32], tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "folder", 30 * x)
    lines = done("predict", run, folder, "-o", "-").splitlines()
    assert len(list(csv.reader(lines))) == N + 1


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_a_converted_file_is_as_good_as_the_original(
    suffix: str, run: Path, tmp_path: Path
) -> None:
    original, new = tmp_path / "rows.parquet", tmp_path / f"new{suffix}"
    done("convert", original, new, "--target=y", "--rows-per-group=100")
    done("train", new, "--target=y", *SHORT, "--out", tmp_path / "again")
    assert parameters_of(tmp_path / "again") == parameters_of(run)
    assert open_run(tmp_path / "again").model().feature_names == tuple(f"c{k}" for k in range(V))
    again = tmp_path / "again"
    for number, (model, data) in enumerate(((run, new), (again, original), (again, new))):
        done("encode", model, data, "-o", tmp_path / f"{number}.npy")
    done("encode", run, original, "-o", tmp_path / "wanted.npy")
    wanted = (tmp_path / "wanted.npy").read_bytes()
    assert all((tmp_path / f"{number}.npy").read_bytes() == wanted for number in range(3))


@pytest.mark.parametrize("kind", ["npy", "parquet"])
def test_columns_that_a_folder_lacks_are_named_as_for_a_file(
    kind: str, run: Path, x: NDArray[np.float32], tmp_path: Path
) -> None:
    if kind == "npy":
        (tmp_path / "folder").mkdir()
        np.save(tmp_path / "folder" / "a.npy", x[:, 1:])
    else:
        write_folder(tmp_path / "folder", x[:, 1:])
    message = refused(tmp_path, "predict", run, tmp_path / "folder", "-o", tmp_path / "a.csv")
    complaints = {
        "npy": f"must have {V} columns, as the training data. Got {V - 1} columns without names",
        "parquet": f"lacks 1 of the {V} columns of the training data, the first 'c{V - 1}'",
    }
    assert complaints[kind] in message


def test_arrays_of_a_folder_are_matched_by_place(
    run: Path, x: NDArray[np.float32], tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    np.save(tmp_path / "folder" / "a.npy", x)
    np.save(tmp_path / "a.npy", x)
    done("predict", run, tmp_path / "folder", "-o", tmp_path / "folder.csv")
    done("predict", run, tmp_path / "a.npy", "-o", tmp_path / "file.csv")
    assert (tmp_path / "folder.csv").read_bytes() == (tmp_path / "file.csv").read_bytes()


def test_hidden_files_do_not_make_a_folder_one_of_rows(
    run: Path, x: NDArray[np.float32], tmp_path: Path
) -> None:
    folder = write_folder(tmp_path / "folder", 30 * x)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    for name in (".cache.npy", "_tmp.npy", ".a.feather"):
        (folder / name).write_bytes(b"")
        (hidden / name).write_bytes(b"")
    assert kind_of(hidden) is None
    assert done("encode", run, folder, "-o", tmp_path / "a.npy").startswith("900 codes")


def test_inspect_says_that_lists_are_no_table(x: NDArray[np.float32], tmp_path: Path) -> None:
    data = write_parquet(tmp_path / "rows.parquet", x)
    done("convert", data, tmp_path / "lists.parquet")
    message = refused(tmp_path, "inspect", tmp_path / "lists.parquet")
    assert "Training reads it, but sdae inspect looks at tables" in message


def test_slow_reading_is_a_line_with_advice_for_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with printed_warnings():
        slow = SlowReadingWarning("Reading is slow.", "In Python.", "Give more --memory.")
        warnings.warn(slow, stacklevel=1)
    assert capsys.readouterr().err == "Warning: Reading is slow. Give more --memory.\n"
