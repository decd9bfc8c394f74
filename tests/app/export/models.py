"""Small models of every kind, and what they should answer, from the stack's own methods.

Axes: n rows, V columns, H units, C classes, T targets.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdae import StackedDenoisingAutoencoder
from sdae.core.model_file import Model
from sdae.core.preprocessing import Scaling

V = 6
Rows = NDArray[Any]


def make(
    sizes: tuple[int, ...] = (5, 4),
    *,
    n_visible: int = V,
    scaled: str | None = None,
    classes: tuple[Any, ...] | None = None,
    size: float = 1.0,
    seed: int = 0,
    **options: Any,
) -> Model:
    """Return a model whose parameters, the head's too, are random numbers of a size."""
    if classes is not None:
        options["n_classes"] = len(classes)
    stack = StackedDenoisingAutoencoder(n_visible, sizes, **options)
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(scale=size, size=parameter.shape)))
    scaling = None
    if scaled is not None:
        offset = rng.normal(scale=100, size=n_visible)
        scaling = Scaling(scaled, offset, rng.uniform(0.01, 50, size=n_visible))
    return Model(stack, scaling, classes)


def rows_of(model: Model, n: int = 40, seed: int = 1) -> Rows:
    """Return rows as the model was made for, (n, V), in the type of its parameters."""
    x = np.random.default_rng(seed).normal(size=(n, model.stack.n_visible))
    scaling = model.scaling
    x = x if scaling is None else x * scaling.scale + scaling.offset
    return x.astype(str(model.stack.autoencoder(0).weight.dtype).removeprefix("torch."))


def wanted(model: Model, x: Rows, layer: int | None = None) -> dict[str, Rows]:
    """Return what the stack itself answers to rows, each output by its name."""
    stack, scaling = model.stack, model.scaling
    rows = x if scaling is None else ((x - scaling.offset) / scaling.scale).astype(x.dtype)
    depth = None if layer is None else layer + 1
    found: dict[str, Rows] = {}
    if stack.n_classes is not None:
        labels = model.classes or tuple(range(stack.n_classes))
        found["probabilities"] = stack.predict_proba(rows).numpy()  # (n, C)
        found["label"] = np.array([labels[i] for i in stack.predict(rows).tolist()], object)
    if stack.n_targets is not None:
        found["prediction"] = stack.predict_values(rows).numpy()  # (n, T)
    with torch.no_grad():
        found["codes"] = stack.encode(rows, depth).numpy()  # (n, H)
        rebuilt = stack.reconstruct(rows, depth).numpy()  # (n, V)
    found["reconstruction"] = (
        rebuilt if scaling is None else rebuilt * scaling.scale + scaling.offset
    )
    return found


def assert_same(found: dict[str, Any], expected: dict[str, Rows], unit: Any = 1.0) -> None:
    """Hold answers against what was wanted: of probabilities 1e-5, of others by their row."""
    assert set(found) == set(expected)
    for name, values in expected.items():
        got = np.asarray(found[name])
        assert got.shape == values.shape
        if name == "label":
            best = np.sort(expected["probabilities"], axis=1)
            clear = best[:, -1] - best[:, -2] > 1e-4
            assert got[clear].tolist() == values[clear].tolist()
            continue
        assert np.isfinite(got).all()
        units = unit if name == "reconstruction" else 1.0
        one = 4 * np.finfo(got.dtype).eps * np.abs(values)
        relative = 1e-4 * np.abs(values / units).max(axis=1, keepdims=True)
        assert (np.abs(got - values) <= units * (1e-5 + relative) + one).all(), name


def unit_of(model: Model) -> Any:
    """Return the size of a step of 1 in the network's units, in those of the data, (V,)."""
    return 1.0 if model.scaling is None else model.scaling.scale
