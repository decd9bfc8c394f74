"""Predictions of a model made by sdae, with NumPy alone: this file and weights.safetensors.

    python predict.py rows.csv -o answers.csv

    from predict import predict, predict_proba
    predict_proba(rows)

A model of a table with columns of many kinds comes with columns.py too. Its rows are a dict of
values by column; missing are None, NaN and blank texts. A ladder comes with ladder.py.

Axes: n rows, V columns, H units of a layer, O outputs: C classes, L labels or T targets.
"""

import argparse
import csv
import json
import math
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

WEIGHTS = Path(__file__).with_name("weights.safetensors")
TYPES = {"F32": "<f4", "F64": "<f8"}
FARTHEST = 1e18  # rows far outside the training data are clipped here

Array = Any  # a numpy array


def predict_proba(x: Array) -> Array:
    """Return the probability of each class or label, (n, V) -> (n, O); `classes` names them."""
    probabilities, _ = HEADS[model()[0]["head"]]
    return probabilities(outputs(x).astype(np.float64))


def predict(x: Array) -> Array:
    """Return the answer to each row.

    The most probable class, (n,); or which labels it has, (n, L), 0 or 1; or its values, (n, T).
    """
    _, answer = HEADS[model()[0]["head"]]
    return answer(outputs(x))


def classes() -> Array:
    """Return what each output stands for: the classes, (C,), or the names of the labels, (L,)."""
    about, weights = model()
    return np.array([*(about["classes"] or range(len(weights["head.bias"])))], object)


def encode(x: Array, layer: int | None = None) -> Array:
    """Return the codes of a layer, from 0, or of the deepest: (n, V) -> (n, H)."""
    about, weights = model()
    h = scaled(x)
    for k in layers_to(layer):
        a = h @ weights[f"layers.{k}.weight"].T + weights[f"layers.{k}.hidden_bias"]
        h = FUNCTIONS[about["activation"]](a)
    return h


def reconstruct(x: Array, layer: int | None = None) -> Array:
    """Return rows reconstructed from the codes of a layer, in their units: (n, V) -> (n, V).

    Raises
    ------
    ValueError
        If the model is a ladder, and the layer is not the deepest: it uses all of them.
    """
    _, weights = model()
    if is_ladder():
        if layers_to(layer) != layers_to(None):
            raise ValueError("A ladder reconstructs from all its layers: leave the layer out.")
        h = of_ladder(x)
    else:
        h = decoded(encode(x, layer), layer)
    if "scaling.scale" in weights:
        return h * weights["scaling.scale"] + weights["scaling.offset"]  # in float64
    return h


def decoded(h: Array, layer: int | None) -> Array:
    """Return scaled rows from the codes of a layer, (n, H) -> (n, V)."""
    about, weights = model()
    for k in reversed(layers_to(layer)):
        tied = weights[f"layers.{k}.weight"].T  # (V, H)
        a = h @ weights.get(f"layers.{k}.decoder_weight", tied).T
        a = a + weights[f"layers.{k}.visible_bias"]
        decoder = about["decoder"][k]
        h = of_blocks(a) if decoder == "blocks" else FUNCTIONS[decoder](a)
    return h


def of_ladder(x: Array) -> Array:
    """Return scaled rows as a ladder estimates them from all its layers, (n, V) -> (n, V)."""
    about, weights = model()
    probabilities, _ = HEADS[about["head"]]
    predicted = FUNCTIONS["identity"] if probabilities is no_probabilities else probabilities
    n_hidden, own = len(about["hidden_layer_sizes"]), import_module("ladder")
    return own.reconstruct(weights, n_hidden, about["combinator"], scaled(x), predicted, sigmoid)


def scaled(x: Array) -> Array:
    """Scale rows to the units of the network, (n, V) -> (n, V)."""
    about, weights = model()
    if about["schema"] is not None:
        x = import_module("columns").encode(about["schema"], x)
    x = np.asarray(x)
    with np.errstate(over="ignore"):  # values too large for the type are clipped
        if "scaling.scale" in weights:
            x = (x - weights["scaling.offset"]) / weights["scaling.scale"]
        return np.clip(x.astype(weights["layers.0.weight"].dtype), -FARTHEST, FARTHEST)


def outputs(x: Array) -> Array:
    """Return what the layer on top gives, (n, V) -> (n, O)."""
    _, weights = model()
    return encode(x) @ weights["head.weight"].T + weights["head.bias"]


def softmax(logits: Array) -> Array:
    """Return probabilities that sum to 1, (n, C) -> (n, C)."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def no_probabilities(_: Array) -> Array:
    """Raise an error: values do not have probabilities."""
    raise ValueError("This model predicts values, without probabilities. Use predict.")


def in_units(values: Array) -> Array:
    """Return values in the units of the targets, (n, T) -> (n, T)."""
    about, _ = model()
    return values * np.array(about["target_scale"]) + np.array(about["target_offset"])


def of_blocks(a: Array) -> Array:
    """Return the components of a table: numbers, and probabilities of binaries and levels."""
    blocks = model()[0]["blocks"]
    h, place = np.zeros_like(a), sum(blocks["numbers"])
    h[:, :place] = a[:, :place]
    last = place + blocks["n_binaries"]
    h[:, place:last] = sigmoid(a[:, place:last])
    for size in blocks["levels"]:
        h[:, last : last + size] = softmax(a[:, last : last + size])
        last += size
    return h


def is_ladder() -> bool:
    """Return whether the model was trained as a ladder; it predicts as a plain network."""
    return model()[0].get("kind") == "ladder"


def layers_to(layer: int | None) -> range:
    """Return the numbers of the layers up to `layer`, or of all layers."""
    every = range(len(model()[0]["hidden_layer_sizes"]))
    return every if layer is None else range(every[layer] + 1)


def sigmoid(a: Array) -> Array:
    """Return 1 / (1 + exp(-a)), computed without overflow."""
    e = np.exp(np.minimum(a, 0))
    return e / (e + np.exp(np.minimum(-a, 0)))


def gelu(a: Array) -> Array:
    """Return a times the normal distribution function of a; NumPy does not have erf."""
    share = np.vectorize(math.erfc, otypes=[float])(-a * math.sqrt(0.5)) / 2
    return (a * share).astype(a.dtype)


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0),
    "gelu": gelu,
    "silu": lambda a: a * sigmoid(a),
    "identity": lambda a: a,
    "linear": lambda a: a,
}

HEADS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "classes": (softmax, lambda raw: classes()[raw.argmax(axis=1)]),
    "multilabel": (sigmoid, lambda raw: (raw > 0).astype(np.int64)),
    "regression": (no_probabilities, lambda raw: in_units(raw)),
    "poisson": (no_probabilities, lambda raw: in_units(np.exp(raw))),
}
"""For each head, the functions from outputs to probabilities and to predictions."""
OF_PARAMETER = {"n_classes": "classes", "n_labels": "multilabel", "n_targets": "regression"}


@cache
def model() -> tuple[dict[str, Any], dict[str, Array]]:
    """Read the description of the model and its weights: a length, a JSON header, the numbers."""
    content = memoryview(WEIGHTS.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(bytes(content[8:start]))
    entry = json.loads(header.pop("__metadata__")["sdae"])
    learned = (entry.get("estimator") or {"state": {}})["state"]
    targets = entry.get("targets") or {}  # the scaling of a regression that is not an estimator
    architecture = entry["architecture"]
    heads = [OF_PARAMETER[name] for name in OF_PARAMETER if architecture.get(name) is not None]
    about = {
        **architecture,
        "head": architecture.get("head") or "".join(heads),
        "activation": architecture.get("activation", "relu"),  # a ladder does not say it
        "classes": entry["classes"],
        "feature_names": entry["feature_names"],
        "schema": entry.get("schema"),
        "target_scale": learned.get("target_scale", targets.get("scale", 1.0)),
        "target_offset": learned.get("target_offset", targets.get("offset", 0.0)),
    }
    weights = {}
    for name, tensor in header.items():
        first, end = tensor["data_offsets"]
        numbers = np.frombuffer(content[start + first : start + end], TYPES[tensor["dtype"]])
        weights[name] = numbers.reshape(tensor["shape"])
    if about.get("kind") == "ladder":  # which predicts as a plain network
        weights = import_module("ladder").folded(weights, len(about["hidden_layer_sizes"]))
    return about, weights


def read_rows(path: Path) -> Array:
    """Read unscaled rows, (n, V), from a .npy, or a .csv with a header line.

    Raises
    ------
    ValueError
        If a column is missing, or a field is not a number.
    """
    about, _ = model()
    if about["schema"] is not None:
        marks = about["schema"].get("missing_marks", [])
        return import_module("columns").read_table(path, marks)
    if path.suffix == ".npy":
        x = np.load(path, allow_pickle=False)
    else:
        with path.open(encoding="utf-8-sig", newline="") as file:
            separator = max(",;\t", key=file.readline().count)
            file.seek(0)
            header, *lines = [line for line in csv.reader(file, delimiter=separator) if line]
        names = about["feature_names"] or header
        if missing := [name for name in names if name not in header]:
            raise ValueError(f"{path} has no column {missing[0]!r}.")
        places = [header.index(name) for name in names]
        x = np.array([[float(line[place]) for place in places] for line in lines])
    if x.ndim != 2 or x.shape[1] != about["n_visible"] or not np.isfinite(x).all():
        raise ValueError(f"{path} must hold finite numbers in {about['n_visible']} columns.")
    return x


def main() -> None:
    """Write the answer to each row with its probabilities; without a head the codes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("rows", type=Path, help="a .csv with a header line, or a .npy")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the .csv to write")
    arguments = parser.parse_args()
    try:
        x = read_rows(arguments.rows)
        scaled(x)  # says what does not fit
    except (OSError, ValueError, IndexError) as error:
        parser.error(str(error))
    about, weights = model()
    if "head.weight" not in weights:
        answers = encode(x).astype(object)
        header = [f"h{unit}" for unit in range(answers.shape[1])]
    elif HEADS[about["head"]][0] is no_probabilities:
        answers = predict(x).astype(object)
        n_targets = answers.shape[1]
        several = [f"prediction_{target}" for target in range(n_targets)]
        header = ["prediction"] if n_targets == 1 else several
    else:
        answers = np.column_stack([predict(x).astype(object), predict_proba(x).astype(object)])
        names = ["label"] if about["head"] == "classes" else [str(label) for label in classes()]
        prefix = "p_"
        while not {f"{prefix}{label}" for label in classes()}.isdisjoint(names):
            prefix = f"p{prefix}"  # as of the labels "a" and "p_a"
        header = [*names, *(f"{prefix}{label}" for label in classes())]
    with arguments.out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *answers.tolist()])


if __name__ == "__main__":
    main()
