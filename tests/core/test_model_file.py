"""The file of a model: everything comes back, equal models have equal bytes."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder
from sdae.core.errors import FileAccessError
from sdae.core.model_file import Model, load_model, save_model
from sdae.core.preprocessing import Scaling
from tests.core.stacks import C, V, make, randomised, rows

KINDS: list[dict[str, Any]] = [
    {},
    {"n_classes": None},
    {"n_classes": None, "n_targets": 3},
    {"n_classes": None, "n_targets": 1, "dtype": torch.float64},
    {"tied": False},
    {"dtype": torch.float64},
    {"activation": "tanh", "decoder": ["linear", "auto", "sigmoid"]},
    {"activation": "relu", "corruption_levels": [0.1, "masking:0.5:exact", "gaussian:0.25"]},
    {"corruption_levels": "salt_and_pepper:0.2:low=-1:high=2", "emphasis": "2:0.25"},
    {"sizes": (6,), "n_classes": 2},
    {"sizes": (3, 4, 5, 6, 7, 8), "tied": False},
]


def _header(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    return header


def _full_model() -> Model:
    return Model(
        randomised(make(tied=False)),
        Scaling("standard", np.linspace(-1, 1, V), np.linspace(0.1, 2, V)),
        classes=("ant", "bée", "猫", "dog"),
        feature_names=tuple(f"column {i}" for i in range(V)),
        image_shape=(1, V),
        provenance={"recipe": "default", "seed": 3, "cost": 0.5},
    )


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_a_loaded_stack_answers_like_the_saved_one(tmp_path: Path, options: dict[str, Any]) -> None:
    stack = randomised(make(**options))
    stack.save(tmp_path / "model.safetensors")
    twin = StackedDenoisingAutoencoder.load(tmp_path / "model.safetensors")
    x = rows()
    assert torch.equal(twin(x), stack(x))
    assert torch.equal(twin.reconstruct(x), stack.reconstruct(x))
    for name, parameter in stack.named_parameters():
        assert torch.equal(twin.get_parameter(name), parameter)
        assert twin.get_parameter(name).dtype == parameter.dtype
    assert (twin.n_classes, twin.hidden_layer_sizes) == (stack.n_classes, stack.hidden_layer_sizes)
    assert twin.n_targets == stack.n_targets
    for k in range(stack.n_layers):
        ours, theirs = twin.autoencoder(k), stack.autoencoder(k)
        for name in ("corruption", "decoder", "activation", "tied", "emphasis"):
            assert getattr(ours, name) == getattr(theirs, name)
        assert ours.weight is twin.mlp[2 * k].weight


def test_all_that_surrounds_a_stack_is_kept(tmp_path: Path) -> None:
    model = _full_model()
    save_model(model, tmp_path / "m")
    twin = load_model(tmp_path / "m")
    assert model.scaling is not None
    assert twin.scaling is not None
    assert twin.scaling.kind == "standard"
    assert (twin.scaling.offset == model.scaling.offset).all()
    assert (twin.scaling.scale == model.scaling.scale).all()
    for name in ("classes", "feature_names", "image_shape", "provenance"):
        assert getattr(twin, name) == getattr(model, name)


def test_whole_numbers_stay_whole_numbers_as_classes(tmp_path: Path) -> None:
    save_model(Model(make(), classes=(7, 3, 5, 1)), tmp_path / "m")
    assert load_model(tmp_path / "m").classes == (7, 3, 5, 1)


def test_what_a_model_has_not_stays_absent(tmp_path: Path) -> None:
    save_model(Model(make()), tmp_path / "m")
    model = load_model(tmp_path / "m")
    names = ("scaling", "classes", "feature_names", "image_shape")
    assert [getattr(model, name) for name in names] == [None] * 4
    assert model.provenance == {}


def test_equal_models_have_equal_bytes(tmp_path: Path) -> None:
    model = _full_model()
    save_model(model, tmp_path / "a")
    save_model(_full_model(), tmp_path / "b")
    save_model(load_model(tmp_path / "a"), tmp_path / "c")
    reordered = dict(reversed(list(model.provenance.items())))
    save_model(
        Model(model.stack, model.scaling, model.classes, model.feature_names, (1, V), reordered),
        tmp_path / "d",
    )
    assert len({(tmp_path / name).read_bytes() for name in "abcd"}) == 1


def test_another_weight_gives_other_bytes(tmp_path: Path) -> None:
    stack = make()
    stack.save(tmp_path / "a")
    with torch.no_grad():
        stack.head.bias[0] = 1e-30
    stack.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


def test_every_tensor_is_stored_once_under_its_canonical_name(tmp_path: Path) -> None:
    stack = make((9, 7), tied=False)
    stack.save(tmp_path / "m")
    header = _header(tmp_path / "m")
    metadata = header.pop("__metadata__")
    assert list(metadata) == ["sdae"]
    layer = ("weight", "hidden_bias", "visible_bias", "decoder_weight")
    assert header.keys() == {
        *(f"layers.{k}.{name}" for k in (0, 1) for name in layer),
        "head.weight",
        "head.bias",
    }
    assert header["layers.0.weight"]["shape"] == [9, V]
    assert header["layers.1.decoder_weight"]["shape"] == [9, 7]
    assert header["head.weight"]["shape"] == [C, 7]
    n_bytes = sum(4 * p.numel() for p in stack.parameters())
    assert max(entry["data_offsets"][1] for entry in header.values()) == n_bytes


def test_the_metadata_are_json_with_a_version(tmp_path: Path) -> None:
    save_model(_full_model(), tmp_path / "m")
    entry = json.loads(_header(tmp_path / "m")["__metadata__"]["sdae"])
    assert entry["format"] == 1
    assert entry["classes"] == ["ant", "bée", "猫", "dog"]
    assert entry["architecture"]["hidden_layer_sizes"] == [9, 7, 5]
    assert entry["architecture"]["corruption"] == ["masking:0.1"] * 3


def test_a_regressor_predicts_the_same_bytes_after_loading(tmp_path: Path) -> None:
    stack = randomised(make(n_classes=None, n_targets=3))
    stack.save(tmp_path / "m")
    entry = json.loads(_header(tmp_path / "m")["__metadata__"]["sdae"])
    assert (entry["architecture"]["n_classes"], entry["architecture"]["n_targets"]) == (None, 3)
    assert _header(tmp_path / "m")["head.weight"]["shape"] == [3, 5]
    twin = StackedDenoisingAutoencoder.load(tmp_path / "m")
    x = rows(40)
    assert twin.predict_values(x).numpy().tobytes() == stack.predict_values(x).numpy().tobytes()
    twin.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "m").read_bytes()


@pytest.mark.parametrize("n_classes", [None, C])
def test_files_without_targets_do_not_name_them(tmp_path: Path, n_classes: int | None) -> None:
    """So they have the bytes that versions without regression wrote, and read."""
    make(n_classes=n_classes).save(tmp_path / "m")
    entry = json.loads(_header(tmp_path / "m")["__metadata__"]["sdae"])
    assert entry["architecture"].keys() == {
        *("n_visible", "hidden_layer_sizes", "n_classes", "activation", "corruption"),
        *("decoder", "tied", "emphasis", "dtype"),
    }


def test_a_numpy_level_can_be_saved_and_loaded(tmp_path: Path) -> None:
    stack = make()
    stack.autoencoder(0).corruption = stack.autoencoder(0).corruption.with_level(np.float64(0.25))
    stack.save(tmp_path / "m")
    assert StackedDenoisingAutoencoder.load(tmp_path / "m").autoencoder(0).corruption.level == 0.25


def test_saving_leaves_the_stack_as_it_is_and_loading_shares_nothing(tmp_path: Path) -> None:
    stack = randomised(make())
    before = [p.detach().clone() for p in stack.parameters()]
    stack.save(tmp_path / "m")
    twin = StackedDenoisingAutoencoder.load(tmp_path / "m")
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    assert all(torch.equal(*pair) for pair in zip(before, stack.parameters(), strict=True))
    assert all(p.requires_grad for p in (*stack.parameters(), *twin.parameters()))


def test_loading_leaves_the_global_generators_alone(tmp_path: Path) -> None:
    make().save(tmp_path / "m")
    state = torch.get_rng_state()
    StackedDenoisingAutoencoder.load(tmp_path / "m")
    assert torch.equal(torch.get_rng_state(), state)


def test_the_old_file_is_intact_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m"
    make().save(path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileAccessError, match=r"Cannot write .*: No space left on device\."):
        randomised(make()).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_or_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match=r"Cannot write .* does not exist"):
        make().save(tmp_path / "nowhere" / "m")
    with pytest.raises(FileAccessError, match=r"Cannot read .* does not exist"):
        StackedDenoisingAutoencoder.load(tmp_path / "m")
    with pytest.raises(FileAccessError, match=r"Cannot read .* it is a folder, not a file"):
        StackedDenoisingAutoencoder.load(tmp_path)
