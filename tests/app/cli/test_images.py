"""Images: folders of IDX files, arrays with parts, and their pictures."""

from pathlib import Path

import numpy as np
import pytest

from sdae.core.model_file import load_model
from tests.app.cli.commands import done, refused
from tests.app.cli.samples import LAST, SMALL, contents, images, write_idx_folder, write_parts

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_folder_of_idx_files_makes_a_run_with_filters(image_run: Path) -> None:
    model = load_model(image_run / "model.safetensors")
    assert model.image_shape == (4, 5)
    assert model.classes == (0, 1, 2, 3)
    assert model.scaling is None
    assert str(model.stack.autoencoder(0).decoder) == "sigmoid"
    assert {path.name for path in (image_run / "plots").iterdir()} == {
        "curves.png",
        "filters.png",
        "reconstructions.png",
    }


def test_packed_and_plain_idx_files_make_the_same_model(image_run: Path, tmp_path: Path) -> None:
    data = write_idx_folder(tmp_path / "images")
    said = done("train", data, "--out", tmp_path / "run", "--validation=0.25", *SMALL, *LAST)
    assert said.splitlines()[0] == "images: 30 training rows, 30 of them with labels."
    done("train", data, "--out", tmp_path / "same", *SMALL, *LAST)
    name = "model.safetensors"
    assert (tmp_path / "same" / name).read_bytes() == (image_run / name).read_bytes()


def test_the_parts_of_an_npz_are_used(tmp_path: Path) -> None:
    data = write_parts(tmp_path / "images.npz")
    said = done("train", data, "--out", tmp_path / "run", *SMALL)
    assert said.splitlines()[0] == "images: 30 training rows, 30 of them with labels."
    assert "validation error" in said
    assert said.splitlines()[-1].startswith("Test error ")
    for part, n_rows in (("train", 30), ("validation", 15), ("test", 15)):
        lines = done("evaluate", tmp_path / "run", data, "--part", part).splitlines()
        assert lines[0].startswith(f"Rows {n_rows}, wrong ")
        assert lines[-1].startswith("Error ")
    tested = done("evaluate", tmp_path / "run", data).splitlines()[-1]
    assert said.splitlines()[-1] == f"Test {tested.lower()}"


def test_rows_of_a_part_without_a_label_are_left_out_in_words(tmp_path: Path) -> None:
    x, y = images()
    labels = y.astype(float)
    labels[[31, 46, 47]] = np.nan
    names = {"train": slice(30), "validation": slice(30, 45), "test": slice(45, None)}
    parts = {f"x_{part}": x[rows] for part, rows in names.items()}
    parts.update({f"y_{part}": labels[rows] for part, rows in names.items()})
    np.savez(tmp_path / "parts.npz", **parts, allow_pickle=False)
    done("train", tmp_path / "parts.npz", "--out", tmp_path / "run", *SMALL)
    for options, n_left_out in (((), 2), (("--part=validation",), 1), (("--part=train",), 0)):
        said = done("evaluate", tmp_path / "run", tmp_path / "parts.npz", *options)
        told = f"Rows without a label, left out: {n_left_out}\n"
        assert said.startswith(told) == (n_left_out > 0)


def test_without_test_rows_the_last_line_says_so(tmp_path: Path) -> None:
    x, y = images()
    data = tmp_path / "images.npz"
    np.savez(data, x=x, y=y)
    command = ("train", data, "--test", "0", *SMALL)
    last = done(*command, "--out", tmp_path / "a").splitlines()[-1]
    assert last.startswith("No test rows; validation error ")
    last = done(*command, "--validation", "0", "--out", tmp_path / "b").splitlines()[-1]
    assert last == "No test rows and no validation rows, so no error to report"


@pytest.mark.usefixtures("pictures")
def test_filters_of_the_first_layer_are_drawn_again(image_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "filters.png"
    said = done("plot", image_run, "filters", "-o", out)
    assert said == f"Filters drawn in {out}\n"
    assert out.read_bytes() == (image_run / "plots/filters.png").read_bytes()


@pytest.mark.usefixtures("pictures")
def test_layer_stage_and_count_choose_the_filters(image_run: Path, tmp_path: Path) -> None:
    choices: tuple[list[str], ...] = (
        [],
        ["--layer", "1"],
        ["--stage", "finetuning"],
        ["--count", "3"],
    )
    for number, options in enumerate(choices):
        done("plot", image_run, "filters", *options, "-o", tmp_path / f"{number}.png")
    pictures = [content or b"" for content in contents(tmp_path).values()]
    assert len(set(pictures)) == len(choices)
    assert all(picture.startswith(PNG) for picture in pictures)


@pytest.mark.usefixtures("pictures")
def test_filters_of_a_table_need_a_shape(flower_run: Path, tmp_path: Path) -> None:
    command = ("plot", flower_run, "filters", "-o", tmp_path / "filters.png")
    message = refused(tmp_path, *command)
    assert message.startswith(
        "The rows of this run are not known to be images, so its filters cannot be drawn."
    )
    assert message.endswith("as in --image-shape 28x28.")
    message = refused(tmp_path, *command, "--image-shape", "3x2")
    assert message == "An image of 3x2 has 6 pixels, but the rows of this run have 4."
    for shape in ("2x", "0x4", "2*2", "-2x-2", "2x2x1"):
        message = refused(tmp_path, *command, f"--image-shape={shape}")
        assert message == f"--image-shape must be HEIGHTxWIDTH, as in 28x28. Got {shape!r} instead."
    done(*command, "--image-shape", "2x2")
    assert (tmp_path / "filters.png").read_bytes().startswith(PNG)


@pytest.mark.usefixtures("pictures")
def test_reconstructions_are_of_the_runs_own_rows_or_of_others(
    image_run: Path, tmp_path: Path
) -> None:
    command = ("plot", image_run, "reconstructions", "-o")
    said = done(*command, tmp_path / "own.png")
    assert said == f"Reconstructions drawn in {tmp_path / 'own.png'}\n"
    x, _ = images()
    np.save(tmp_path / "last.npy", x[40:])
    done(*command, tmp_path / "same.png", "--data", tmp_path / "last.npy")
    done(*command, tmp_path / "train.png", "--part", "train")
    own = (tmp_path / "own.png").read_bytes()
    assert own == (image_run / "plots/reconstructions.png").read_bytes()
    assert own == (tmp_path / "same.png").read_bytes()
    assert own != (tmp_path / "train.png").read_bytes()


@pytest.mark.usefixtures("pictures")
def test_pictures_are_png_only(image_run: Path, tmp_path: Path) -> None:
    for kind in ("filters", "curves", "reconstructions"):
        message = refused(tmp_path, "plot", image_run, kind, "-o", tmp_path / "a.jpg")
        assert message == f"A picture must be a .png file. Got {tmp_path / 'a.jpg'} instead."


def test_pictures_without_matplotlib_are_refused_with_the_remedy(
    image_run: Path, tmp_path: Path
) -> None:
    message = refused(tmp_path, "plot", image_run, "curves", "-o", tmp_path / "a.png")
    assert message == 'Plots need matplotlib. Install it with: pip install "sdae[report]"'
