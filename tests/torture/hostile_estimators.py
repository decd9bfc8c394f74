"""Hostile estimators: their kind, their parameters, what they learned, under a right checksum."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from tests.torture.hostile_case import MODEL, Case, content, load, verify_file
from tests.torture.hostile_models import CODE
from tests.torture.hostile_samples import (
    Forgery,
    estimator_bytes,
    forged,
    nested,
    put,
    shown,
    without,
)

_CLASSIFIER, _REGRESSOR, _DETECTOR = "SDAEClassifier", "SDAERegressor", "SDAEOutlierDetector"
_IMPUTER = "SDAEImputer"
_E, _P, _S = "estimator", "parameters", "state"
Entry = dict[str, Any]
Tensors = dict[str, torch.Tensor]


def _case(name: str, *changes: Forgery, kind: str = _CLASSIFIER) -> Case:
    made = partial(forged, estimator_bytes(kind), *changes)
    return Case(f"an estimator with {name}", content(MODEL, made), (load, verify_file))


def _kinds() -> Iterator[Case]:
    for kind in (*CODE, "SDAEBase", "sdae.SDAEClassifier", "__main__", "MLPClassifier"):
        yield _case(f"kind {shown(kind)}", put(_E, "kind", to=kind))
    yield _case("the kind of another head", put(_E, "kind", to=_REGRESSOR))
    value: object
    for value in ([], "os.system", 5, {}, {"kind": _CLASSIFIER}):
        yield _case(f"the entry {shown(value)}", put(_E, to=value))
    for field in ("kind", _P, _S):
        yield _case(f"no {field}", without(_E, field))


def _parameters() -> Iterator[Case]:
    names = ("activation", "solver", "engine", "learning_rate", "scale", "corruption", "decoder")
    for name in (*names, "device"):
        for value in ("os.system", "__import__('os')", {"a": 1}, ["os", "system"], nested(30)):
            yield _case(f"{name} {shown(value)}", put(_E, _P, name, to=value))
    for name in ("random_state", "batch_size", "tied", "max_iter", "n_threads", "verbose"):
        yield _case(f"{name} os.system", put(_E, _P, name, to="os.system"))
        yield _case(f"{name} -1.5", put(_E, _P, name, to=-1.5))
    for name, value in (
        ("checkpoint", "/tmp/escaped"),
        ("checkpoint", ["os.system"]),
        ("callback", "os.system"),
        ("__class__", "os.system"),
        ("self", "x"),
        ("hidden_layer_sizes", [10**9]),
        ("hidden_layer_sizes", [6, 4, 10**30]),
        ("corruption", [0.1] * 500_000),
        ("pretrain_epochs", [1] * 500_000),
        ("alpha", float("nan")),
        ("tol", float("inf")),
        ("momentum", 10**400),
    ):
        yield _case(f"{name} {shown(value)}", put(_E, _P, name, to=value))
    for value in ([], "os.system", None, [["activation", "tanh"]]):
        yield _case(f"parameters {shown(value)}", put(_E, _P, to=value))


def _state() -> Iterator[Case]:
    value: object
    for name in ("seed", "n_calls", "n_stream_epochs"):
        for value in (10**30, -1, 0.5, "os.system", None, True, float("nan"), [1]):
            yield _case(f"{name} {shown(value)}", put(_E, _S, name, to=value))
        yield _case(f"no {name}", without(_E, _S, name))
    for value in (
        "O8",
        "V9",
        "<U9999999",
        "<U999999999",
        "i8,i8",
        "object",
        "datetime64",
        "",
        5,
        [],
    ):
        yield _case(f"class_type {shown(value)}", put(_E, _S, "class_type", to=value))
    for name in ("target_offset", "target_scale"):
        for numbers in ([float("nan")], [], [1, 2], "x", [[1]], [10**400], ["os.system"], [None]):
            change = put(_E, _S, name, to=numbers)
            yield _case(f"{name} {shown(numbers)}", change, kind=_REGRESSOR)
    for scale in (0.0, -1.0):
        change = put(_E, _S, "target_scale", to=[scale])
        yield _case(f"target_scale {scale}", change, kind=_REGRESSOR)
    for value in ("yes", 1, None):
        yield _case(f"one_column {value}", put(_E, _S, "one_column", to=value), kind=_REGRESSOR)
    for value in (float("nan"), "os.system", None, [0.5], 10**400):
        yield _case(f"offset {shown(value)}", put(_E, _S, "offset", to=value), kind=_DETECTOR)
    for value in ("os.system", None, 5):
        yield _case(f"state {value}", put(_E, _S, to=value))


def _imputation() -> Iterator[Case]:
    value: object
    nan = float("nan")
    for name in ("n_iter", "hidden_errors", "spread", "marked", "constants"):
        for value in (nan, "os.system", None, {}, 10**400, [nan], ["os.system"], [None] * 3):
            change = put(_E, _S, name, to=value)
            yield _case(f"{name} {shown(value)}", change, kind=_IMPUTER)
        yield _case(f"no {name}", without(_E, _S, name), kind=_IMPUTER)
    for value in (nan, "os.system", [0.5], 10**400, 1e300, True):
        change = put(_E, _S, "constants", 0, to=value)
        yield _case(f"the constant {shown(value)}", change, kind=_IMPUTER)
    for value in (10**30, 10**9, -1):
        yield _case(f"n_iter {value}", put(_E, _S, "n_iter", to=value), kind=_IMPUTER)
    yield _case("no schema", without("schema"), kind=_IMPUTER)


def _history() -> Iterator[Case]:
    history = (_E, _S, "history")
    for field, value in (
        ("stage", 5),
        ("engine", ["fused"]),
        ("epoch", 0),
        ("epoch", "1"),
        ("layer", -1),
        ("cost", float("nan")),
        ("cost", "os.system"),
        ("learning_rate", 10**400),
        ("findings", [{"kind": 1, "text": 2}]),
        ("findings", [{"kind": "a", "text": "b", "__class__": "os.system"}]),
        ("findings", "os.system"),
        ("findings", 5),
        ("findings", nested(900)),
    ):
        yield _case(f"{field} {shown(value)} in its history", put(*history, 0, field, to=value))
    for value in ("os.system", {}, 5, [5], [nested(900)], [{}] * 500_000):
        yield _case(f"history {shown(value)}", put(*history, to=value))
    yield Case("an estimator with a history of 60,000", content(MODEL, _long_history), (load,))


def _long_history() -> bytes:
    """Return an estimator of so many records that to read them takes long, the last of them bad."""
    record = {
        "stage": "",
        "layer": 0,
        "epoch": 1,
        "cost": 0,
        "validation_error": 0,
        "test_error": 0,
        "learning_rate": 0,
        "seconds": 0,
        "samples_per_second": 0,
        "engine": "",
        "findings": [],
    }
    history = [record] * 60_000 + [record | {"cost": "bad"}]
    return forged(estimator_bytes(_CLASSIFIER), put(_E, _S, "history", to=history))


def _wide_labels(class_type: str, longest: int) -> Forgery:
    """Return a classifier of 30,000 short labels, whose array would be of any size."""

    def change(entry: Entry, tensors: Tensors) -> None:
        n = 30_000
        entry["architecture"]["n_classes"] = n
        entry["classes"] = [f"{i:05d}" for i in range(n - 1)] + ["9" * longest]
        entry[_E][_S]["class_type"] = class_type
        tensors["head.weight"] = torch.zeros(n, tensors["head.weight"].shape[1])
        tensors["head.bias"] = torch.zeros(n)

    return change


def cases() -> Iterator[Case]:
    """Yield all of them."""
    yield from _kinds()
    yield from _parameters()
    yield from _state()
    yield from _imputation()
    yield from _history()
    yield _case("labels of 4 MB each", _wide_labels("<U999999", 5))
    yield _case("labels as wide as the longest", _wide_labels("<U0", 9999))
