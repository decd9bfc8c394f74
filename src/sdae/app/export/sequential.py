"""The network for plain PyTorch: a state dict for ``nn.Sequential.load_state_dict``.

The names are those of ``stack.mlp``: ``0.weight``, ``0.bias``, ``2.weight``, …, with activations in
between. What a state dict cannot hold is in the metadata entry ``sdae``, in JSON: the activation,
the head, classes, names of columns, and how rows are scaled before the network.

Axes: n rows, V columns.
"""

import json
from dataclasses import replace

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from sdae.app.export.exported_model import Answers, Rows, Subject, head_answers, scaled
from sdae.app.export.parity import Agreement, check
from sdae.app.export.probe_rows import Trial, retried
from sdae.core.errors import DataError
from sdae.core.kinds.heads import Head
from sdae.core.schema.number_columns import NumberColumn
from sdae.core.schema.scales import OF_VALUES
from sdae.core.schema.table_schema import Schema
from sdae.core.wording import listed, quoted


def checked_sequential(subject: Subject, trial: Trial) -> tuple[bytes, Agreement]:
    """Return the content of the file, and how well an ``nn.Sequential`` that loads it agrees.

    Raises
    ------
    ParityError
        If it does not agree.
    """
    if subject.schema is not None:
        raise DataError(_why_not(subject.schema))
    content = sequential_bytes(subject)
    deepest = replace(subject, depth=subject.stack.n_layers)
    if deepest.depth != subject.depth:
        trial = retried(deepest, trial)
    found = _ask(load(content), deepest, trial.x)
    return content, check(deepest, trial, found, "The nn.Sequential")


def _why_not(schema: Schema) -> str:
    """Return the message for a model that prepares its rows by a schema."""
    numbers = [column for column in schema.columns if isinstance(column, NumberColumn)]
    scales = sorted({column.scale.name for column in numbers} & {*OF_VALUES})
    plain = len(numbers) == len(schema.columns) and not schema.blocks.indicators
    why = "this model takes a table with columns of other kinds, or with gaps"
    if plain and scales:
        why = f"this model scales their columns by {listed(list(map(quoted, scales)))}"
    return (
        f"An nn.Sequential takes rows of numbers, as they are or scaled by 'standard' or 'minmax', "
        f"and {why}. Use --onnx or --numpy, which hold that too."
    )


def sequential_bytes(subject: Subject) -> bytes:
    """Return the state dict with its metadata: equal models give equal bytes."""
    model = subject.model
    scaling = model.scaling and {
        "offset": model.scaling.offset.tolist(),
        "scale": model.scaling.scale.tolist(),
    }
    target = subject.target_scaling and {
        "offset": subject.target_scaling.offset.tolist(),
        "scale": subject.target_scaling.scale.tolist(),
    }
    about: dict[str, object] = {
        "activation": str(subject.stack.activation),
        "classes": None if subject.labels is None else subject.labels.tolist(),
        "feature_names": model.feature_names,
        "scaling": scaling,
        "target_scaling": target,
    }
    head = subject.stack.head_kind
    if head is not None and head is not Head.CLASSES:  # which those have that do not say it
        about["head"] = str(head)
    state = {name: tensor.contiguous() for name, tensor in subject.stack.mlp.state_dict().items()}
    content: bytes = save(state, {"sdae": json.dumps(about, sort_keys=True)})
    return content


def _ask(state: dict[str, Tensor], subject: Subject, x: Rows) -> Answers:
    """Compute the results of a new network for rows, (n, V): each output by its name."""
    network = _network_of(state, subject)
    network.load_state_dict(state)
    with torch.inference_mode():
        output = network(torch.from_numpy(scaled(subject, x)))  # (n, K)
        if subject.stack.head_kind is None:
            return {"codes": output.numpy()}
        found = head_answers(subject, output.numpy())
        probabilities = subject.stack.head_kind.facts.probabilities
        if probabilities is not None:  # as one would compute them in PyTorch
            found["probabilities"] = probabilities(output).numpy()
    return found


def _network_of(state: dict[str, Tensor], subject: Subject) -> nn.Sequential:
    """Build the network from the shapes of its weights: an activation after each but the head."""
    network = nn.Sequential()
    weights = sorted((int(name.split(".")[0]), w) for name, w in state.items() if w.ndim == 2)
    for layer, (_, weight) in enumerate(weights):
        n_out, n_in = weight.shape
        network.append(nn.Linear(n_in, n_out, dtype=weight.dtype))
        if layer < subject.stack.n_layers:
            network.append(subject.stack.activation.facts.module())
    return network
