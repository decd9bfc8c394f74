"""Damaged and hostile model files: one clear sentence, nothing built, nothing executed."""

import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from safetensors.torch import load, save

import sdae.core.stack
from sdae.core.errors import FileFormatError
from sdae.core.model_file import Model, load_model, save_model
from sdae.core.preprocessing import Scaling
from sdae.core.tensor_file import checksum
from tests.core.stacks import V, make
from tests.data.damage import FUZZ, damaged
from tests.data.pickle_samples import Call

Entry = dict[str, Any]
Tensors = dict[str, torch.Tensor]


def _good_file() -> bytes:
    model = Model(
        make((5, 3)),
        Scaling("minmax", np.zeros(V), np.ones(V)),
        ("a", "b", "c", "d"),
        tuple(f"c{i}" for i in range(V)),
        (1, V),
    )
    with TemporaryDirectory() as folder:
        save_model(model, Path(folder) / "m")
        return (Path(folder) / "m").read_bytes()


GOOD = _good_file()


def _parts() -> tuple[Entry, Tensors]:
    """Return the JSON entry and the tensors of a good file."""
    (length,) = struct.unpack("<Q", GOOD[:8])
    entry: Entry = json.loads(json.loads(GOOD[8 : 8 + length])["__metadata__"]["sdae"])
    return entry, load(GOOD)


def _write(path: Path, entry: object, tensors: Tensors) -> Path:
    """Write a file whose checksum is right: whoever forges a file can forge that too."""
    if isinstance(entry, dict):
        unsigned = {name: value for name, value in entry.items() if name != "sha256"}
        entry = unsigned | {"sha256": checksum(tensors, unsigned)}
    text = entry if isinstance(entry, str) else json.dumps(entry)
    path.write_bytes(save(tensors, metadata={"sdae": text}))
    return path


def _refused(path: Path) -> str:
    """Return the text of the error, one sentence or a few on one line, that names the file."""
    with pytest.raises(FileFormatError) as caught:
        load_model(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert text.endswith(".")
    assert "\n" not in text
    assert len(text) < 500
    return text.removeprefix(str(path))


@pytest.fixture
def nothing_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where a layer is made."""

    def refuse(*_: object) -> None:
        pytest.fail("a layer was built")

    monkeypatch.setattr(sdae.core.stack, "new_encoder", refuse)


def test_the_parts_of_a_good_file_make_a_good_file(tmp_path: Path) -> None:
    path = _write(tmp_path / "m", *_parts())
    assert load_model(path).classes == ("a", "b", "c", "d")


def _set(*path: str, to: object) -> Callable[[Entry, Tensors], None]:
    def change(entry: Entry, _: Tensors) -> None:
        for step in path[:-1]:
            entry = entry[step]
        entry[path[-1]] = to

    return change


def _drop(*path: str) -> Callable[[Entry, Tensors], None]:
    def change(entry: Entry, _: Tensors) -> None:
        for step in path[:-1]:
            entry = entry[step]
        del entry[path[-1]]

    return change


def _tensor(name: str, tensor: torch.Tensor | None) -> Callable[[Entry, Tensors], None]:
    def change(_: Entry, tensors: Tensors) -> None:
        del tensors[name]
        if tensor is not None:
            tensors[name] = tensor

    return change


def _regressor() -> Entry:
    """Return the architecture of the good file with targets in place of classes."""
    own: Entry = _parts()[0]["architecture"]
    return own | {"n_classes": None, "n_targets": 4}


A = "architecture"
UNBUILT = [
    (_set("format", to=4), "has format 4; this version of sdae reads formats 1 to 3. Install"),
    (_set("format", to=3), "format 3 is for ladders"),
    (_set("format", to="1"), "has format '1'"),
    (_set("format", to=None), "has format None"),
    (_drop("format"), "is not a model file of sdae, or its header is damaged"),
    (_drop(A), "KeyError: 'architecture'"),
    (_drop(A, "activation"), "KeyError: 'activation'"),
    (_set(A, to=[]), "is not a valid model file"),
    (_set(A, to=None), "is not a valid model file"),
    (_set(A, "activation", to="softsign"), "Got 'softsign' instead"),
    (_set(A, "decoder", to="softmax"), "Got 'softmax' instead"),
    (_set(A, "decoder", to=["linear"] * 3), "Got 3 values instead"),
    (_set(A, "corruption", to=["masking:7"] * 2), "Got 7.0 instead"),
    (_set(A, "corruption", to=[{}]), "is not a valid model file"),
    (_set(A, "dtype", to="float16"), "float16"),
    (_set(A, "n_visible", to=10**15), "tensor layers.0.visible_bias should have shape"),
    (_set(A, "n_visible", to=True), "is not a valid model file"),
    (_set(A, "n_visible", to="11"), "tensor layers.0.visible_bias should have shape"),
    (_set(A, "hidden_layer_sizes", to=[10**9, 3]), "should have shape (1000000000,) by the arch"),
    (_set(A, "hidden_layer_sizes", to=[5.0, 3]), "is not a valid model file"),
    (_set(A, "hidden_layer_sizes", to=5), "is not a valid model file"),
    (_set(A, "hidden_layer_sizes", to=[5]), "is not a valid model file"),
    (_set(A, "n_classes", to=10**12), "tensor head.bias should have shape (1000000000000,)"),
    (_set(A, "n_classes", to=None), "tensor head.bias should have shape None by the architecture"),
    (_set(A, "n_targets", to=10**12), "tensor head.bias should have shape (1000000000000,)"),
    (_set(A, "n_targets", to="4"), "tensor head.bias should have shape ('4',) by the archit"),
    (_set(A, "n_targets", to=4), "must be None where n_classes is given: a network has one head"),
    (_set(A, "tied", to=False), "layers.0.decoder_weight should have shape (11, 5)"),
    (_set("scaling", to=None), "scaling.offset should have shape None by the architecture"),
    (_tensor("layers.1.weight", None), "layers.1.weight should have shape (3, 5) by the archit"),
    (_tensor("head.bias", torch.zeros(5)), "head.bias should have shape (4,) by the architecture"),
    (_tensor("layers.0.weight", torch.zeros(11, 5)), "but has (11, 5)"),
    (_tensor("scaling.scale", torch.ones(1)), "scaling.scale should have shape (11,)"),
    (_set(A, "hidden_layer_sizes", to=[1] * 100_000), "100,000 layers are named, but there are 10"),
    (_tensor("head.bias", torch.zeros(4).double()), "of type torch.float32, but is torch.float64"),
    (_tensor("head.bias", torch.full((4,), torch.nan)), "head.bias has values that are not finite"),
    (_tensor("layers.0.weight", torch.full((5, 11), torch.inf)), "that are not finite"),
]
OTHERS = [
    (_set(A, "emphasis", to="9"), "Got '9' instead"),
    (_set("scaling", to="log"), "'log'"),
    (
        _tensor("scaling.scale", torch.zeros(11).double()),
        "scaling.scale has values that are n",
    ),
    (_set("classes", to=["a", "b"]), "2 classes are named for 4 outputs"),
    (_set("classes", to=["a", "b", 1, 2]), "classes"),
    (_set(A, to=_regressor()), "4 classes are named for None outputs"),
    (_set("classes", to=[0.5, 1.5, 2.5, 3.5]), "classes must be whole numbers or texts"),
    (_set("classes", to=5), "is not a valid model file"),
    (_set("feature_names", to=["a"]), "1 columns are named for 11 inputs"),
    (_set("image_shape", to=[28]), "is not a valid model file"),
    (_set("image_shape", to=[28, 28]), "is not a valid model file"),
    (_set("image_shape", to="wide"), "is not a valid model file"),
    (_set("provenance", to=3), "is not a valid model file"),
    (_drop("provenance"), "KeyError: 'provenance'"),
]


@pytest.mark.usefixtures("nothing_is_built")
@pytest.mark.parametrize(("change", "problem"), UNBUILT)
def test_what_does_not_fit_is_refused_before_anything_is_built(
    tmp_path: Path, change: Callable[[Entry, Tensors], None], problem: str
) -> None:
    entry, tensors = _parts()
    change(entry, tensors)
    assert problem in _refused(_write(tmp_path / "m", entry, tensors))


@pytest.mark.parametrize(("change", "problem"), OTHERS)
def test_what_surrounds_the_stack_must_fit_it(
    tmp_path: Path, change: Callable[[Entry, Tensors], None], problem: str
) -> None:
    entry, tensors = _parts()
    change(entry, tensors)
    assert problem in _refused(_write(tmp_path / "m", entry, tensors))


def _with_header(text: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.usefixtures("nothing_is_built")
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it has only 0 bytes"),
        (b"\x01\x00", "it has only 2 bytes"),
        (struct.pack("<Q", 2**63) + b"{}", "its header would have 9,223,372,036,854,775,808 by"),
        (struct.pack("<Q", 3) + b"{}", "its header would have 3 bytes"),
        (_with_header(b""), "is not a model file of sdae"),
        (_with_header(b"not JSON"), "is not a model file of sdae"),
        (_with_header(b"\xff\xfe\x00\x80"), "is not a model file of sdae"),
        (_with_header(b"[" * 200_000), "is not a model file of sdae"),
        (_with_header(b"{}"), "is not a model file of sdae"),
        (_with_header(b'{"__metadata__": {}}'), "is not a model file of sdae"),
        (_with_header(b'{"__metadata__": {"sdae": 5}}'), "is not a model file of sdae"),
        (_with_header(b'{"__metadata__": {"sdae": "[]"}}'), "is not a model file of sdae"),
        (_with_header(b'{"__metadata__": {"sdae": "5"}}'), "is not a model file of sdae"),
        (_with_header(b'{"__metadata__": {"sdae": "' + b"[" * 200_000 + b'"}}'), "is not a model"),
        (_with_header(b'{"__metadata__": {"sdae": "{\\"format\\": 1}"}}'), "its checksum"),
        (_with_header(b'{"a": 1, "__metadata__": {"sdae": "{\\"format\\": 1}"}}'), "is damaged"),
        (b"PK\x03\x04" + b"\x00" * 100, "is not a model file"),
    ],
)
def test_what_is_no_model_file_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "m").write_bytes(content)
    assert problem in _refused(tmp_path / "m")


def test_a_file_of_other_tensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(save({"a": torch.zeros(3)}))
    assert "is not a model file of sdae" in _refused(tmp_path / "m")


def test_a_file_without_its_checksum_is_refused(tmp_path: Path) -> None:
    entry, tensors = _parts()
    del entry["sha256"]
    _write(tmp_path / "m", json.dumps(entry), tensors)
    assert "is damaged: its content does not match its checksum" in _refused(tmp_path / "m")


def test_no_flipped_bit_passes(tmp_path: Path) -> None:
    for place in np.random.default_rng(0).integers(8 * len(GOOD), size=300):
        content = bytearray(GOOD)
        content[place // 8] ^= 1 << (place % 8)
        (tmp_path / "m").write_bytes(content)
        _refused(tmp_path / "m")


def test_every_truncated_file_is_refused(tmp_path: Path) -> None:
    make((3,)).save(tmp_path / "m")
    content = (tmp_path / "m").read_bytes()
    for length in (*range(0, len(content), 97), len(content) - 1):
        (tmp_path / "m").write_bytes(content[:length])
        _refused(tmp_path / "m")
    (tmp_path / "m").write_bytes(content + b"\0")
    _refused(tmp_path / "m")


@pytest.mark.parametrize("write", [pickle.dumps, lambda payload: b"\0" * 8 + pickle.dumps(payload)])
def test_nothing_in_a_file_is_executed(tmp_path: Path, write: Callable[[object], bytes]) -> None:
    payload = Call(Path.mkdir, tmp_path / "executed")
    (tmp_path / "m").write_bytes(write(payload))
    _refused(tmp_path / "m")
    torch.save(payload, tmp_path / "m")
    _refused(tmp_path / "m")
    assert not (tmp_path / "executed").exists()


def _load(path: Path) -> Model | str:
    try:
        return load_model(path)
    except FileFormatError as error:
        return str(error)


@settings(FUZZ, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damaged(GOOD))
def test_a_damaged_file_is_refused_in_words_or_read_in_full(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m").write_bytes(content)
    outcome = _load(tmp_path / "m")
    if isinstance(outcome, str):
        assert outcome.startswith(str(tmp_path))
    else:
        assert outcome.stack.encode(np.zeros((2, V), dtype=np.float32)).shape[0] == 2
