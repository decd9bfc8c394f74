"""Small data, small stacks, and the parameters of a stack as bytes."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdae import StackedDenoisingAutoencoder
from sdae.core.files import sha256
from sdae.core.tensor_file import read_tensors, write_tensors
from sdae.train.callbacks import Event, SliceEnded
from tests.train.reference import Corruption, Floats, Layer, Network

V, SIZES, C = 11, (8, 6), 3


def unit_rows(n: int, seed: int = 0, n_columns: int = V) -> NDArray[np.float32]:
    """Return rows in [0, 1)."""
    return np.random.default_rng(seed).random((n, n_columns), dtype=np.float32)


def classes(n: int, seed: int = 1, n_classes: int = C) -> NDArray[np.int64]:
    """Return labels that have nothing to do with the rows."""
    return np.random.default_rng(seed).integers(n_classes, size=n)


def labelled(n: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return rows and labels that depend on them."""
    x = unit_rows(n, seed)
    return x, x[:, :C].argmax(axis=1)


def small_stack(
    *,
    n_classes: int | None = C,
    noise: str | float = 0.25,
    sizes: tuple[int, ...] = SIZES,
    seed: int = 3,
    tied: bool = True,
    activation: str = "sigmoid",
    decoder: str | list[str] = "auto",
    dtype: torch.dtype = torch.float32,
) -> StackedDenoisingAutoencoder:
    """Return a stack of `V` inputs."""
    return StackedDenoisingAutoencoder(
        V,
        sizes,
        n_classes,
        noise,
        seed=seed,
        tied=tied,
        activation=activation,
        decoder=decoder,
        dtype=dtype,
    )


def parameters(stack: torch.nn.Module) -> dict[str, Floats]:
    """Return a copy of every parameter."""
    return {
        name: parameter.detach().numpy().astype(np.float64)
        for name, parameter in stack.named_parameters()
    }


def moved(before: dict[str, Floats], stack: torch.nn.Module) -> set[str]:
    """Return the names of the parameters that are not what they were."""
    after = parameters(stack)
    return {name for name in after if not np.array_equal(before[name], after[name])}


def state_bytes(stack: torch.nn.Module) -> bytes:
    """Return all parameters as one string of bytes."""
    return b"".join(p.detach().numpy().tobytes() for p in stack.parameters())


def assert_close(a: torch.Tensor, b: Floats, tolerance: float) -> None:
    """Assert max |a − b| ≤ tolerance · max |b|."""
    difference = np.abs(a.detach().double().numpy() - b).max()
    assert difference <= tolerance * np.abs(b).max(), (difference, np.abs(b).max())


def twin_of(
    stack: StackedDenoisingAutoencoder,
    corruption: Corruption,
    emphasis: tuple[float, float] | None = None,
) -> list[Layer]:
    """Return the reference's layers with the weights of `stack`."""
    layers = []
    for k in range(stack.n_layers):
        own = {name: p.copy() for name, p in parameters(stack.autoencoder(k)).items()}
        layers.append(
            Layer(
                own["weight"],
                own["hidden_bias"],
                own["visible_bias"],
                own.get("decoder_weight"),
                str(stack.activation),
                str(stack.autoencoder(k).decoder),
                corruption,
                emphasis,
            )
        )
    return layers


def network_of(stack: StackedDenoisingAutoencoder) -> Network:
    """Return the reference's network with the weights of `stack`."""
    head = parameters(stack.head)
    return Network(twin_of(stack, Corruption("masking", 0.0)), head["weight"], head["bias"])


def assert_same_layers(
    stack: StackedDenoisingAutoencoder, layers: Iterable[Layer], tolerance: float
) -> None:
    """Assert that every tensor of every layer agrees."""
    for k, layer in enumerate(layers):
        own = stack.autoencoder(k)
        assert_close(own.weight, layer.weight, tolerance)
        assert_close(own.hidden_bias, layer.hidden_bias, tolerance)
        assert_close(own.visible_bias, layer.visible_bias, tolerance)
        assert own.tied == (layer.decoder_weight is None)
        if layer.decoder_weight is not None:
            assert_close(own.decoder_weight, layer.decoder_weight, tolerance)


class Recorder:
    """A callback that keeps every event, and how many samples were trained on."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.n_samples = 0
        self._of_this_epoch = (0, 0, 0)

    def __call__(self, event: Event) -> None:
        """Keep the event."""
        self.events.append(event)
        if isinstance(event, SliceEnded):
            layer = -1 if event.layer is None else event.layer
            known_layer, known_epoch, seen = self._of_this_epoch
            before = seen if (known_layer, known_epoch) == (layer, event.epoch) else 0
            self.n_samples += event.n_samples - before
            self._of_this_epoch = (layer, event.epoch, event.n_samples)


def forge(path: Path, change: Callable[[dict[str, Any], dict[str, torch.Tensor]], None]) -> None:
    """Change a checkpoint and make its manifest and its checksum right again."""
    description, tensors = read_tensors(path, "checkpoint", 1)
    change(description, tensors)
    write_tensors(path, tensors, description)
    content = path.read_bytes()
    manifest = json.loads(path.with_suffix(".json").read_text())
    manifest["files"][path.name] = {"sha256": sha256(content), "bytes": len(content)}
    path.with_suffix(".json").write_text(json.dumps(manifest))
