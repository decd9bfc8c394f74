"""Hostile models: what their JSON entry says, and their numbers, under a checksum that is right."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch

from tests.torture.hostile_case import FILE, MODEL, Case, Way, content, read_model, verify_file
from tests.torture.hostile_samples import (
    CLASSES,
    SIZES,
    Forgery,
    V,
    forged,
    model_bytes,
    nested,
    put,
    shown,
    spoiled,
    tensor,
    without,
)

CODE = (
    "os.system",
    "sdae.estimators.saving.load",
    "__import__('os').system('true')",
    "sigmoid; import os",
    "torch.nn.Sigmoid",
    "this.s",  # a module that nothing has imported, so that its import is heard
    "../../x",
    "",
    {"__reduce__": ["os.system", ["true"]]},
    ["os", "system"],
    nested(30),
    10**30,
    True,
)
"""What stands where a name from a closed list should stand."""

_A = "architecture"


def _case(name: str, *changes: Forgery, ways: Sequence[Way] = (*FILE, verify_file)) -> Case:
    made = partial(forged, model_bytes(), *changes)
    return Case(f"a model with {name}", content(MODEL, made), ways)


def _large(name: str, *changes: Forgery) -> Case:
    """Return a case that takes some time to make and to read."""
    return _case(name, *changes, ways=(read_model,))


def _choices() -> Iterator[Case]:
    """Yield names that would be imported, called or evaluated by who trusts them."""
    for field in ("activation", "decoder", "corruption", "emphasis", "dtype"):
        for value in CODE:
            if field in ("corruption", "emphasis") and value is True:
                continue
            yield _case(f"{field} {shown(value)}", put(_A, field, to=value))
    for value in CODE:
        yield _case(f"scaling {shown(value)}", put("scaling", to=value))


def _numbers() -> Iterator[Case]:
    value: object
    for field in ("n_visible", "n_classes", "n_targets"):
        for value in (10**30, 10**9, -1, 0, 2.5, float("nan"), float("inf"), "6", [6], True):
            yield _case(f"{field} {shown(value)}", put(_A, field, to=value))
    for sizes in (
        [10**30, 3],
        [10**9, 3],
        [-5, 3],
        [5, 3, 0],
        [],
        [5.0, 3],
        ["5", "3"],
        [[5], [3]],
        "53",
        5,
        None,
        {"5": 1, "3": 1},
        nested(200),
    ):
        yield _case(f"hidden_layer_sizes {shown(sizes)}", put(_A, "hidden_layer_sizes", to=sizes))
    sizes = put(_A, "hidden_layer_sizes", to=[1] * 500_000)
    yield _large("half a million hidden layers", sizes)
    for value in ("yes", 1, None, [], "os.system"):
        yield _case(f"tied {shown(value)}", put(_A, "tied", to=value))
    for field, one in (("corruption", 0.5), ("decoder", "linear")):
        yield _large(f"half a million values of {field}", put(_A, field, to=[one] * 500_000))
    for level in (
        7,
        -0.1,
        float("nan"),
        "masking:nan",
        "gaussian:1e999",
        "masking:0.5:exact:exact",
    ):
        yield _case(f"corruption {level}", put(_A, "corruption", to=[level] * len(SIZES)))


def _words() -> Iterator[Case]:
    n = len(CLASSES)
    for name, classes in (
        ("a class of 10 MB", ["x" * 10**7, *CLASSES[1:]]),
        ("a class that is half a character", ["\ud800", *CLASSES[1:]]),
        ("two equal classes", ["a"] * n),
        ("classes of fractions", [0.5, 1.5, 2.5, 3.5]),
        ("classes that are lists", [["a"]] * n),
        ("classes that are NaN", [float("nan")] * n),
        ("classes of many kinds", ["a", 1, None, True]),
        ("classes that are a text", "abcd"[:3]),
        ("classes that are a number", 10**30),
        ("a nested class", [nested(900), *CLASSES[1:]]),
    ):
        yield _case(name, put("classes", to=classes))
    for name, names in (
        ("names that are half a character", ["\udfff"] * V),
        ("names that are objects", [{"a": 1}] * V),
        ("names that are numbers", list(range(V))),
        ("a nested name", [nested(900)] * V),
        ("names that are a number", 10**30),
    ):
        yield _case(name, put("feature_names", to=names))
    yield _large("half a million classes", put("classes", to=list(range(500_000))))
    yield _large("half a million names", put("feature_names", to=["x"] * 500_000))
    for shape in ([28, 28], [-2, -3], [0, 0], [2.0, 3.0], ["2", "3"], [1, 2, 3], 6, [10**30, 1]):
        yield _case(f"image_shape {shown(shape)}", put("image_shape", to=shape))
    for values in (3, [1], ["ab"], {"a": [1]}, {"a": {"b": 1}}, {"a": nested(900)}, "ab"):
        yield _case(f"provenance {shown(values)}", put("provenance", to=values))
    version: object
    for version in (2, 10**30, "1", None, [1], "os.system", -1, {}, True, nested(900)):
        yield _case(f"format {shown(version)}", put("format", to=version))


def _missing() -> Iterator[Case]:
    for field in ("format", _A, "scaling", "classes", "feature_names", "image_shape", "provenance"):
        yield _case(f"no {field}", without(field))
    value: object
    for value in (None, [], "os.system", 5, {}):
        yield _case(f"architecture {shown(value)}", put(_A, to=value))


def _weights() -> Iterator[Case]:
    for value in (float("nan"), float("inf"), float("-inf")):
        for start in ("layers.0.weight", "layers.1.visible_bias", "head.bias", "scaling.offset"):
            yield _case(f"{value} in {start}", spoiled(start, value))
    for value in (0.0, -1.0, float("nan"), float("inf")):
        yield _case(f"{value} in scaling.scale", spoiled("scaling.scale", value))
    for name, changed in (
        ("layers.0.weight", torch.zeros(SIZES[0], V).half()),
        ("layers.0.weight", torch.zeros(V, SIZES[0])),
        ("layers.0.weight", torch.zeros(SIZES[0] * V)),
        ("layers.0.weight", None),
        ("layers.0.decoder_weight", torch.zeros(V, SIZES[0])),
        ("layers.2.weight", torch.zeros(3, 3)),
        ("head.weight", torch.zeros(0, SIZES[-1])),
        ("scaling.scale", torch.ones(V)),
        ("layers.-1.weight", torch.zeros(1)),
    ):
        shape = "no tensor" if changed is None else f"{changed.dtype} {list(changed.shape)}"
        yield _case(f"{name} as {shape}", tensor(name, changed))


def _deep_stack() -> bytes:
    """Return a model of 2,600 layers of one unit, two of whose classes are the same."""

    def change(entry: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        n = 2600
        tensors.clear()
        for layer in range(n):
            tensors[f"layers.{layer}.weight"] = torch.zeros(1, 1)
            tensors[f"layers.{layer}.hidden_bias"] = torch.zeros(1)
            tensors[f"layers.{layer}.visible_bias"] = torch.zeros(1)
        tensors["head.weight"], tensors["head.bias"] = torch.zeros(2, 1), torch.zeros(2)
        changed = {"n_visible": 1, "hidden_layer_sizes": [1] * n, "n_classes": 2}
        entry[_A] |= changed | {"corruption": 0.1, "decoder": "auto"}
        entry |= {"classes": ["a", "a"], "feature_names": None, "image_shape": None}
        entry["scaling"] = None

    return forged(model_bytes(), change)


def cases() -> Iterator[Case]:
    """Yield all of them."""
    yield from _choices()
    yield from _numbers()
    yield from _words()
    yield from _missing()
    yield from _weights()
    yield Case("a model with 2,600 layers", content(MODEL, _deep_stack), (read_model,))
