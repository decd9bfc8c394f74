"""Tables that take room, and numbers that need it: written in blocks, and exact to their unit."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sdae.app.cli import rows_out
from sdae.app.cli.rows_out import blocks_of, write_csv, write_rows
from sdae.core.errors import FileAccessError
from sdae.core.inference import codes as inferred_codes
from sdae.core.inference import log_probabilities, outputs, rebuilt
from sdae.core.model_file import Model, load_model
from tests.app.cli.commands import done
from tests.app.cli.samples import HEADER, SMALL, measurements, write_table
from tests.data.memory import memory_below

NOW = 1_700_000_000


def denoised(model: Model, x: NDArray[np.float64]) -> NDArray[np.floating]:
    assert model.scaling is not None
    rows = rebuilt(model.stack, x, model.scaling, 1)
    return model.scaling.undo(rows)


def codes(model: Model, x: NDArray[np.float64]) -> NDArray[np.floating]:
    return inferred_codes(model.stack, x, model.scaling)


def as_csv(header: list[str], rows: list[list[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


@pytest.mark.parametrize(
    ("command", "stem", "answer", "names"),
    [
        ("denoise", "pretrained", denoised, list(HEADER)),
        ("encode", "model", codes, [f"h{unit}" for unit in range(5)]),
    ],
)
def test_many_blocks_make_the_bytes_of_one(
    command: str,
    stem: str,
    answer: Callable[[Model, NDArray[np.float64]], NDArray[np.floating]],
    names: list[str],
    flower_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rows_out, "_BLOCK_CELLS", 32 * 5)
    x = measurements(300)
    data = write_table(tmp_path / "rows.csv", HEADER, list(x.T))
    expected = answer(load_model(flower_run / f"{stem}.safetensors"), x)
    for kind in ("npy", "csv"):
        done(command, flower_run, data, "-o", tmp_path / f"out.{kind}")
    whole = io.BytesIO()
    np.save(whole, expected)
    assert (tmp_path / "out.npy").read_bytes() == whole.getvalue()
    assert (tmp_path / "out.csv").read_bytes() == as_csv(names, expected.tolist())


def test_predictions_in_blocks_are_those_of_one(
    flower_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_out, "_BLOCK_CELLS", 32 * 5)
    x = measurements(300)
    data = write_table(tmp_path / "rows.csv", HEADER, list(x.T))
    done("predict", flower_run, data, "-o", tmp_path / "out.csv")
    model = load_model(flower_run / "model.safetensors")
    assert model.classes is not None
    p = np.exp(log_probabilities(outputs(model.stack, x, model.scaling)))
    rows = [[model.classes[row.argmax()], *row.tolist()] for row in p]
    header = ["label", *(f"p_{label}" for label in model.classes)]
    assert (tmp_path / "out.csv").read_bytes() == as_csv(header, rows)


@pytest.mark.parametrize("kind", ["csv", "npy"])
def test_a_large_output_is_never_whole_in_memory(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_out, "_BLOCK_CELLS", 1 << 12)
    x = np.random.default_rng(0).random((4000, 25))
    blocks = (block + 1 for block in blocks_of(x, 25))
    with memory_below(0.6 * x.nbytes):  # as Python's numbers they would take four times their size
        write_rows(tmp_path / f"x.{kind}", blocks, len(x), [f"x{i}" for i in range(25)])
    assert (tmp_path / f"x.{kind}").stat().st_size >= x.nbytes


def test_blocks_end_where_those_of_a_network_do() -> None:
    for shape, n_outputs in (((100, 3), 1), ((70, 200_000), 7), ((40, 2), 500_000)):
        blocks = [len(block) for block in blocks_of(np.broadcast_to(0.0, shape), n_outputs)]
        assert sum(blocks) == shape[0]
        assert all(n_rows % 32 == 0 for n_rows in blocks[:-1])


@pytest.mark.parametrize("kind", ["csv", "npy"])
def test_what_fails_midway_leaves_the_old_file_alone(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{kind}"
    path.write_bytes(b"old")

    def blocks() -> Iterator[NDArray[np.float64]]:
        yield np.zeros((32, 2))
        raise OSError(28, "No space left on device")

    with pytest.raises(FileAccessError, match="No space left"):
        write_rows(path, blocks(), 64, ["a", "b"])
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_a_line_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_csv(tmp_path / "x.csv", ["\ud800"], [])
    assert not list(tmp_path.iterdir())


def test_times_stay_times_from_a_table_to_what_is_denoised(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    times = NOW + np.sort(rng.integers(0, 400, size=120))
    data = write_table(tmp_path / "t.csv", ("t", "v"), [list(times), list(rng.normal(size=120))])
    run = tmp_path / "run"
    said = done("train", data, "--out", run, *SMALL, "--set=pretraining.epochs=[30,1]")
    assert "Columns are standardised: values go from -2" in said
    assert done("train", data, "--out", tmp_path / "quiet", "--quiet", *SMALL).count("\n") == 1
    model = load_model(run / "model.safetensors")
    assert model.scaling is not None
    assert model.scaling.scale[0] == pytest.approx(times.std(), rel=0.1)
    done("denoise", run, data, "-o", tmp_path / "clean.npy")
    clean = np.load(tmp_path / "clean.npy")
    assert clean.dtype == np.float64
    assert len(np.unique(clean[:, 0])) > 80
    assert np.abs(clean[:, 0] - times).max() < 400
