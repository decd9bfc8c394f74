"""A run goes on with its own data, wherever they lie now, and with no others."""

import gzip
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

from sdae.app.runs.run_folder import RunFolder
from sdae.core.model_file import load_model
from sdae.train.callbacks import EpochEnded, Event
from tests.app.cli.commands import checked_message, done, invoke
from tests.app.cli.samples import (
    HEADER,
    SMALL,
    measurements,
    species,
    write_flowers,
    write_idx_folder,
    write_rows,
    write_table,
)

TABLE = ("--target=species", "--checkpoint-every=1epoch", *SMALL)


def cut_after(n_epochs: int, *arguments: str | Path) -> None:
    """Train, or resume, and interrupt at the end of an epoch, before its checkpoint."""
    left = [n_epochs]

    def interrupt(_: object) -> Callable[[Event], None]:
        def callback(event: Event) -> None:
            if isinstance(event, EpochEnded):
                left[0] -= 1
                if left[0] < 0:
                    raise KeyboardInterrupt

        return callback

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sdae.app.cli.train_and_write.LiveHistory", interrupt)
        result = invoke(*arguments)
    assert result.exit_code == 130, (result.stderr, result.exception)


def refusal(*arguments: str | Path) -> str:
    """Return what a command that is refused says."""
    result = invoke(*arguments)
    assert result.exit_code == 2, (result.stdout, result.stderr)
    return checked_message(result.stderr)


@pytest.fixture(params=[1, 4], ids=["pre-training", "fine-tuning"])
def cut(request: pytest.FixtureRequest, flowers: Path, tmp_path: Path) -> Path:
    """A run on the flowers that was cut short, in either stage."""
    cut_after(request.param, "train", flowers, "--out", tmp_path / "run", *TABLE)
    return tmp_path / "run"


def models(run: Path) -> list[bytes]:
    """Return the bytes of both models of a run."""
    return [(run / f"{name}.safetensors").read_bytes() for name in ("model", "pretrained")]


def columns() -> list[list[object]]:
    """Return the columns of the flowers."""
    return [*(list(column) for column in measurements().T), list(species())]


@pytest.mark.parametrize(
    ("header", "labels", "told"),
    [
        (("b", "a", "c", "d"), species(), "column names were a, b, c, d, and are b, a, c, d now"),
        (("A", "b", "c", "d"), species(), "column names were a, b, c, d, and are A, b, c, d now"),
        (
            HEADER,
            [name.upper() for name in species()],
            "class names were setosa, versicolor, virginica, and are SETOSA, VERSICOLOR, "
            "VIRGINICA now",
        ),
        (
            HEADER,
            [str(sorted(set(species())).index(name)) for name in species()],
            'class names were "setosa", "versicolor", "virginica", and are 0, 1, 2 now',
        ),
    ],
    ids=["swapped", "renamed", "classes", "numbered classes"],
)
def test_other_names_are_refused(
    header: tuple[str, ...], labels: list[str], told: str, cut: Path, flowers: Path
) -> None:
    write_table(flowers, (*header, "species"), [*columns()[:4], list(labels)])
    message = refusal("resume", cut)
    assert f"{cut} was started with other data: " in message
    assert told in message
    write_flowers(flowers)
    done("resume", cut)


def test_the_same_numbers_in_other_units_are_refused(cut: Path, flowers: Path) -> None:
    doubled = [[2 * value for value in column] for column in measurements().T.tolist()]
    write_table(flowers, (*HEADER, "species"), [*doubled, list(species())])
    assert "scaling was standard " in refusal("resume", cut)


def _copy(flowers: Path, to: Path) -> Path:
    return Path(shutil.move(flowers, to))


def _packed(flowers: Path, to: Path) -> Path:
    to.write_bytes(gzip.compress(flowers.read_bytes()))
    flowers.unlink()
    return to


def _parquet(flowers: Path, to: Path) -> Path:
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(flowers), to)
    flowers.unlink()
    return to


@pytest.mark.parametrize(
    ("move", "name"),
    [(_copy, "else.where.csv"), (_packed, "moved.csv.gz"), (_parquet, "moved.parquet")],
)
def test_moved_data_give_the_same_bytes_and_the_recipe_says_where_they_are(
    move: Callable[[Path, Path], Path],
    name: str,
    cut: Path,
    flowers: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done("train", flowers, "--out", tmp_path / "whole", *TABLE)
    moved = move(flowers, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    cut_after(0, "resume", cut, "--data", name)
    assert RunFolder(cut).recipe().data.source == name
    assert "does not exist" in refusal("resume", cut, "--data", flowers)
    done("resume", cut, "--data", moved)
    assert models(cut) == models(tmp_path / "whole")
    assert RunFolder(cut).recipe().data.source == str(moved)
    model = load_model(cut / "model.safetensors")
    assert model.provenance["data"] == "flowers"
    assert (model.feature_names, model.classes) == (HEADER, tuple(sorted(set(species()))))
    done("verify", cut)


def test_once_moved_data_are_found_again(cut: Path, flowers: Path, tmp_path: Path) -> None:
    moved = _copy(flowers, tmp_path / "moved.csv")
    remedy = "If the data were moved, name their new place with --data PATH."
    message = refusal("resume", cut)
    assert "flowers.csv: it does not exist" in message
    assert message.endswith(remedy)
    cut_after(0, "resume", cut, "--data", moved)
    done("resume", cut)
    assert RunFolder(cut).recipe().data.source == str(moved)


def test_refused_data_do_not_change_the_run(cut: Path, tmp_path: Path) -> None:
    before = (cut / "recipe.toml").read_bytes()
    other = write_flowers(tmp_path / "other.csv", n_rows=87)
    said = refusal("resume", cut, "--data", other)
    assert "was started with other data: x was " in said
    assert (
        f"They are now read from {other}. To resume, the data must be the same: name them " in said
    )
    assert (cut / "recipe.toml").read_bytes() == before
    done("resume", cut)


def test_before_the_first_checkpoint_data_are_compared_too(flowers: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    cut_after(1, "train", flowers, "--out", run, *TABLE)
    for checkpoint in run.glob("checkpoints/*-*"):  # as after a kill before the first
        checkpoint.unlink()
    write_table(flowers, ("b", "a", "c", "d", "species"), columns())
    assert "column names were a, b, c, d, and are b, a, c, d now" in refusal("resume", run)


def test_a_run_whose_checkpoints_were_deleted_is_trained_from_the_beginning(
    flowers: Path, tmp_path: Path
) -> None:
    run, alone = tmp_path / "run", tmp_path / "alone"
    done("train", flowers, "--out", alone, *TABLE)
    cut_after(3, "train", flowers, "--out", run, *TABLE)
    shutil.rmtree(run / "checkpoints")  # as is advised where all of them are damaged
    done("resume", run)
    assert (run / "model.safetensors").read_bytes() == (alone / "model.safetensors").read_bytes()


def test_a_run_that_an_older_version_began_has_its_tables_rounded(tmp_path: Path) -> None:
    """Such a version made float32 of a table before it scaled it, and noted nothing of the data."""
    run, exact, single = tmp_path / "run", tmp_path / "exact.csv", tmp_path / "single.csv"
    x = measurements(60) * 1.1
    for path, rows in ((exact, x), (single, x.astype(np.float32).astype(np.float64))):
        write_table(path, [*HEADER, "species"], [*rows.T.tolist(), species(60)])
    done("train", single, "--out", tmp_path / "alone", *TABLE)
    cut_after(3, "train", single, "--out", run, *TABLE)
    (run / "checkpoints/data.json").unlink()
    assert "x was " in refusal("resume", run, "--data", exact)
    begun = run / "checkpoints/begun.json"
    begun.write_text(json.dumps({"threads": json.loads(begun.read_text())["threads"]}))
    done("resume", run, "--data", exact)
    found, expected = (
        load_model(tmp_path / name / "model.safetensors") for name in ("run", "alone")
    )
    for one, other in zip(found.stack.parameters(), expected.stack.parameters(), strict=True):
        assert one.equal(other)


def test_a_run_without_a_note_of_its_data_goes_on(flowers: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    cut_after(1, "train", flowers, "--out", run, *TABLE)
    (run / "checkpoints/data.json").unlink()
    moved = _copy(flowers, tmp_path / "moved.csv")
    assert "belongs to another training: x was " in refusal(
        "resume", run, "--data", write_flowers(tmp_path / "other.csv", n_rows=87)
    )
    assert RunFolder(run).recipe().data.source == str(flowers)
    done("resume", run, "--data", moved)
    assert RunFolder(run).recipe().data.source == str(moved)


@pytest.mark.parametrize("content", ["", "[]", '{"name": 1, "identity": {}}', '{"name": "x"}'])
def test_a_damaged_note_of_the_data_is_said(content: str, cut: Path) -> None:
    (cut / "checkpoints/data.json").write_text(content)
    assert "data.json is damaged: it does not say which data" in refusal("resume", cut)
    (cut / "checkpoints/data.json").unlink()
    done("resume", cut)


def test_rows_without_labels_may_have_moved_too(flowers: Path, tmp_path: Path) -> None:
    more, run = write_rows(tmp_path / "more.csv", 30), tmp_path / "run"
    cut_after(1, "train", flowers, "--out", run, "--unlabeled", more, *TABLE)
    moved = _copy(more, tmp_path / "moved.csv")
    message = refusal("resume", run)
    assert "more.csv: it does not exist" in message
    assert message.endswith("name their new place with --unlabeled PATH.")
    done("resume", run, "--unlabeled", moved)
    assert RunFolder(run).recipe().data.unlabeled == str(moved)


def test_a_folder_of_images_may_have_moved(tmp_path: Path) -> None:
    images, run = write_idx_folder(tmp_path / "images"), tmp_path / "run"
    options = ("--checkpoint-every=1epoch", *SMALL)
    done("train", images, "--out", tmp_path / "whole", *options)
    cut_after(1, "train", images, "--out", run, *options)
    images.rename(tmp_path / "moved.idx")
    done("resume", run, "--data", tmp_path / "moved.idx")
    assert models(run) == models(tmp_path / "whole")


def test_images_of_another_shape_are_refused(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 255, (30, 4, 6), np.uint8)
    y = np.arange(30, dtype=np.uint8) % 3
    np.savez(tmp_path / "images.npz", x=x, y=y)
    options = ("--target=y", "--checkpoint-every=1epoch", *SMALL)
    cut_after(1, "train", tmp_path / "images.npz", "--out", tmp_path / "run", *options)
    np.savez(tmp_path / "images.npz", x=x.reshape(30, 6, 4), y=y)
    message = refusal("resume", tmp_path / "run")
    assert "image shape was (4, 6), and is (6, 4) now" in message


@pytest.mark.skipif(os.name != "posix", reason="names of files are bytes on POSIX only")
@pytest.mark.parametrize("command", ["resume", "finetune"])
def test_a_path_that_no_recipe_can_name_is_refused_at_once(
    command: str, flowers: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    if command == "resume":
        cut_after(1, "train", flowers, "--out", run, *TABLE)
    else:
        done("train", flowers, "--out", run, *TABLE)
    strange = shutil.copy(flowers, os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv"))
    before = (run / "recipe.toml").read_bytes()
    option = [f"--data={strange}"] if command == "resume" else [strange]
    result = invoke(command, run, *option)
    assert result.exit_code == 2
    assert "must be a text that UTF-8 can encode" in result.stderr
    assert (run / "recipe.toml").read_bytes() == before


def test_other_rows_without_labels_are_named_with_their_file(flowers: Path, tmp_path: Path) -> None:
    more, run = write_rows(tmp_path / "more.csv", 30), tmp_path / "run"
    cut_after(1, "train", flowers, "--out", run, "--unlabeled", more, *TABLE)
    write_rows(more, 31)
    said = refusal("resume", run)
    assert f"now read from {flowers} and {more}. To resume, the data must be the same" in said
    assert "name them with --data and --unlabeled" in said
