"""Model files of tables: format 2, and what is refused of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder
from sdae.core.blocks import BlockLayout, Blocks
from sdae.core.errors import FileFormatError
from sdae.core.model_file import Model, load_model, save_model
from sdae.core.schema.learning import learn_schema
from sdae.core.schema.schema_options import SchemaOptions
from sdae.core.tensor_file import read_tensors, write_tensors
from tests.core.schema.tables import mixed

SCHEMA = learn_schema(mixed(), SchemaOptions(missing_marks=("?",)))
Entry = dict[str, Any]


def stack() -> StackedDenoisingAutoencoder:
    blocks = SCHEMA.blocks
    return StackedDenoisingAutoencoder(blocks.n_components, (6, 4), 3, blocks=blocks, seed=1)


def written(path: Path, change: Callable[[Entry], None] = lambda _: None) -> Path:
    """Write a model of a table whose description was changed."""
    save_model(Model(stack(), schema=SCHEMA), path)
    description, tensors = read_tensors(path, "model file", 2)
    description.pop("sha256", None)
    change(description)
    write_tensors(path, tensors, description)
    return path


def test_a_model_comes_back_with_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(Model(stack(), schema=SCHEMA), path)
    model = load_model(path)
    assert model.schema is not None
    assert model.schema.to_json() == SCHEMA.to_json()
    assert model.stack.autoencoder(0).layout is not None
    rows = torch.from_numpy(SCHEMA.encode(mixed()))
    assert torch.equal(model.stack.reconstruct(rows), stack().reconstruct(rows))
    again = tmp_path / "again.safetensors"
    save_model(model, again)
    assert again.read_bytes() == path.read_bytes()
    description, _ = read_tensors(path, "model file", 2)
    assert description["format"] == 2


def test_a_stack_of_blocks_is_a_file_without_a_schema(tmp_path: Path) -> None:
    stack().save(tmp_path / "stack.safetensors")
    loaded = StackedDenoisingAutoencoder.load(tmp_path / "stack.safetensors")
    layout = loaded.autoencoder(0).layout
    assert layout is not None
    assert layout.blocks == SCHEMA.blocks


def test_other_models_are_written_as_before(tmp_path: Path) -> None:
    StackedDenoisingAutoencoder(5, (3,), 2).save(tmp_path / "plain.safetensors")
    description, _ = read_tensors(tmp_path / "plain.safetensors", "model file", 2)
    assert description["format"] == 1
    assert "blocks" not in description["architecture"]
    assert "schema" not in description


def of_blocks(name: str, value: object) -> Callable[[Entry], None]:
    def change(entry: Entry) -> None:
        entry["architecture"]["blocks"][name] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry.update(format=1),
        lambda entry: entry["architecture"].pop("blocks"),
        lambda entry: entry["schema"]["columns"].pop(),
        lambda entry: entry["schema"]["columns"].reverse(),
        lambda entry: entry["schema"].update(missing_marks="?"),
        lambda entry: entry["schema"].update(missing_marks=[1]),
        lambda entry: entry["architecture"].update(decoder=["linear", "linear"]),
        lambda entry: entry["architecture"].update(corruption="salt_and_pepper:0.1"),
        of_blocks("numbers", [10**9]),
        of_blocks("numbers", [-1, 1]),
        of_blocks("numbers", [True]),
        of_blocks("levels", [2] * 10**6),
        of_blocks("levels", "33"),
        of_blocks("n_binaries", 10**12),
        of_blocks("n_binaries", 1.0),
        of_blocks("indicators", [0, 0]),
        of_blocks("indicators", [99]),
        of_blocks("gap_values", [1e300] * 8),
        of_blocks("gap_values", ["0"] * 8),
        of_blocks("more", []),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, change: Callable[[Entry], None]) -> None:
    path = written(tmp_path / "model.safetensors", change)
    with pytest.raises(FileFormatError, match="is not a valid model file"):
        load_model(path)


def test_the_unchanged_file_is_read(tmp_path: Path) -> None:
    assert load_model(written(tmp_path / "model.safetensors")).schema is not None


def test_a_column_of_very_many_levels_takes_memory_by_its_inputs() -> None:
    levels = (20_000, *[1] * 20_000)

    layout = BlockLayout(Blocks(levels=levels), torch.zeros(1))
    a = torch.randn(2, 40_000, generator=torch.Generator().manual_seed(0))
    shares = layout.output(a)
    np.testing.assert_allclose(shares[:, :20_000].sum(dim=1), 1, rtol=1e-5)
    assert (shares[:, 20_000:] == 1).all()
    assert sum(buffer.numel() for buffer in layout.buffers()) < 10 * 40_000
