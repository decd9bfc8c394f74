"""The network as an ONNX graph, from rows in the units of the data to predictions.

The graph uses only standard operations of ONNX, and the weights are in the file. It computes in
float64 where the package does. ONNX's Sigmoid is not used: a runtime may use an approximation with
an absolute error of 1e-7 and no correct digit at -16, so its logarithms are wrong or infinite. The
one of onnxruntime is 17 % off at -15, and 0 below -18.

Axes: n rows (any number), V columns, H units of a layer, O outputs of the head.
"""

import json
from functools import partial
from typing import Any

import numpy as np

from sdae._version import __version__
from sdae.app.export.exported_model import Subject
from sdae.app.export.onnx_columns import add_blocks_output, add_columns
from sdae.app.export.onnx_ladder import add_way_down
from sdae.app.export.onnx_nodes import Graph
from sdae.app.export.parity import bounds_of
from sdae.core.errors import DataError, MissingExtraError
from sdae.core.kinds.activations import Activation
from sdae.core.preprocessing import FARTHEST, Scaling

OPSET = 26
_IR_VERSION = 13
_MOST_BYTES = (1 << 31) - (1 << 20)  # of one message; larger weights need extra files


def check_extra() -> None:
    """Raise an error if the packages for an ONNX file are missing.

    Raises
    ------
    MissingExtraError
        If one is missing.
    """
    try:
        import onnx  # noqa: F401 - is it installed?
        import onnxruntime  # noqa: F401 - is it installed?
    except ImportError:
        raise MissingExtraError(
            "Writing an ONNX file needs onnx, and checking it needs onnxruntime. Install them "
            'with: pip install "sdae[export]". If onnxruntime does not support this Python yet, '
            "export with an older Python, or with --numpy."
        ) from None


def onnx_bytes(subject: Subject) -> bytes:
    """Return the network as the content of an ONNX file: equal models give equal bytes.

    Raises
    ------
    DataError
        If it is too large for one ONNX file.
    MissingExtraError
        If onnx is not installed.
    """
    check_extra()
    from onnx import checker, helper

    graph = Graph()
    _build(graph, subject)
    graph.name_columns()
    n_bytes = sum(len(constant.raw_data) for constant in graph.constants)
    if n_bytes > _MOST_BYTES:
        raise DataError(
            f"The network has {n_bytes:,} bytes of weights; an ONNX file holds at most "
            f"{_MOST_BYTES:,}, and sdae does not write weights to extra files. Use --numpy."
        )
    model = helper.make_model(
        helper.make_graph(graph.nodes, "sdae", graph.inputs, graph.outputs, graph.constants),
        producer_name="sdae",
        producer_version=__version__,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
    )
    helper.set_model_props(model, _metadata(subject))
    checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _build(graph: Graph, subject: Subject) -> None:
    stack, depth = subject.stack, subject.depth
    x = h = _scaled(graph, subject)
    pre_activations, predicted = [], ""
    n_layers = depth if stack.n_outputs is None else stack.n_layers
    for layer in range(n_layers):
        weight, bias = _parameters(graph, subject, layer, "weight", "hidden_bias")
        a = graph.node("Gemm", [h, weight, bias], f"a{layer}", transB=1)  # (n, H)
        pre_activations.append(a)
        code = "codes" if layer + 1 == depth else f"h{layer}"
        h = graph.expression(stack.activation.facts.onnx, a, subject.dtype, code)
    if stack.n_outputs is not None:
        predicted = _add_head(graph, subject, h)
    graph.output("codes", subject.dtype, stack.hidden_layer_sizes[depth - 1])
    scaling = subject.model.scaling
    rebuilt = "reconstruction" if scaling is None else "x_hat"
    if subject.ladder is None:
        _add_decoders(graph, subject, rebuilt)
    else:
        ladder, dtype = subject.ladder, subject.dtype
        add_way_down(graph, ladder, x, pre_activations, predicted, dtype, rebuilt)
    if scaling is not None:
        _undone(graph, rebuilt, scaling, "scaling", "reconstruction", subject.row_dtype)
    graph.output("reconstruction", subject.row_dtype, stack.n_visible)


def _scaled(graph: Graph, subject: Subject) -> str:
    """Add the input, scale it to the units of the network, and clip extreme values: (n, V)."""
    scaling, dtype = subject.model.scaling, subject.dtype
    if subject.model.schema is not None:
        x = add_columns(graph, subject.model.schema)
        if dtype != np.float64:
            x = graph.cast(x, dtype, "x_single")
    else:
        x = graph.input("x", subject.row_dtype, subject.stack.n_visible)
    if scaling is not None:
        if subject.row_dtype != np.float64:
            x = graph.cast(x, np.dtype(np.float64), "x_double")
        x = graph.node("Sub", [x, graph.constant("scaling.offset", scaling.offset)], "x_moved")
        x = graph.node("Div", [x, graph.constant("scaling.scale", scaling.scale)], "x_scaled")
        if dtype != np.float64:
            x = graph.cast(x, dtype, "x_single")
    lowest = graph.constant("lowest", np.array(-FARTHEST, dtype))
    highest = graph.constant("highest", np.array(FARTHEST, dtype))
    return graph.node("Clip", [x, lowest, highest], "x_clipped")


def _add_head(graph: Graph, subject: Subject, h: str) -> str:
    """Add the answer of the head; return its probabilities, or its outputs without such, (n, O)."""
    head, facts = subject.stack.head, subject.stack.head_facts
    n_outputs, name = len(head.bias), facts.answer_name
    names = [graph.constant("head.weight", head.weight), graph.constant("head.bias", head.bias)]
    scaling, of_outputs = subject.target_scaling, facts.answer_onnx
    is_answer = of_outputs is None and scaling is None
    raw = graph.node("Gemm", [h, *names], name if is_answer else "outputs", transB=1)  # (n, O)
    predicted = raw
    if facts.probabilities_onnx is not None:
        predicted = "probabilities"
        graph.expression(facts.probabilities_onnx, raw, subject.dtype, predicted)
        graph.output("probabilities", subject.dtype, n_outputs)
    if facts.picks_one and of_outputs is not None and subject.labels is not None:
        number = graph.expression(of_outputs, raw, subject.dtype, "number")  # (n,)
        graph.node("Gather", [graph.constant("classes", subject.labels), number], name)
        graph.output(name, subject.labels.dtype, None)
        return predicted
    if of_outputs is not None:
        answer = name if scaling is None else "answer"
        raw = graph.expression(of_outputs, raw, subject.dtype, answer)
    if scaling is not None:
        _undone(graph, raw, scaling, "target_scaling", name, np.dtype(np.float64))
    if subject.labels is not None:
        dtype: np.dtype[Any] = np.dtype(np.int64)  # zeros and ones
    else:
        dtype = subject.dtype if scaling is None else np.dtype(np.float64)
    graph.output(name, dtype, n_outputs)
    return predicted


def _add_decoders(graph: Graph, subject: Subject, rebuilt: str) -> None:
    """Add the reconstruction of scaled rows from codes, (n, V), as `rebuilt`."""
    h = "codes"
    for layer in reversed(range(subject.depth)):
        autoencoder = subject.stack.autoencoder(layer)
        blocks = autoencoder.layout is not None
        output = Activation.SIGMOID if blocks else autoencoder.decoder.facts.output
        done = f"x_hat{layer}" if layer else rebuilt
        weight = "weight" if autoencoder.tied else "decoder_weight"
        names = _parameters(graph, subject, layer, weight, "visible_bias")
        transposed = int(not autoencoder.tied)
        raw = done if output is Activation.IDENTITY else f"b{layer}"
        h = graph.node("Gemm", [h, *names], raw, transB=transposed)  # (n, V)
        if blocks and subject.model.schema is not None:
            sigmoid = partial(_sigmoid, graph, subject)
            h = add_blocks_output(graph, subject.model.schema, h, sigmoid, done)
        elif output is not Activation.IDENTITY:
            h = graph.expression(output.facts.onnx, h, subject.dtype, done)


def _sigmoid(graph: Graph, subject: Subject, value: str, output: str) -> str:
    return graph.expression(Activation.SIGMOID.facts.onnx, value, subject.dtype, output)


def _undone(
    graph: Graph, value: str, scaling: Scaling, name: str, output: str, dtype: "np.dtype[Any]"
) -> None:
    """Convert values to their original units, in float64, as `output` of type `dtype`."""
    value = graph.cast(value, np.dtype(np.float64), f"{output}_double")
    scale = graph.constant(f"{name}.scale", scaling.scale)
    value = graph.node("Mul", [value, scale], f"{output}_scaled")
    offset = graph.constant(f"{name}.offset", scaling.offset)
    if dtype == np.float64:
        graph.node("Add", [value, offset], output)
    else:
        graph.cast(graph.node("Add", [value, offset], f"{output}_moved"), dtype, output)


def _parameters(graph: Graph, subject: Subject, layer: int, *names: str) -> list[str]:
    """Store parameters of a layer under their names in a model file."""
    autoencoder = subject.stack.autoencoder(layer)
    return [
        graph.constant(f"layers.{layer}.{name}", autoencoder.get_parameter(name)) for name in names
    ]


def _metadata(subject: Subject) -> dict[str, str]:
    """Return the metadata of the file; values that are not plain are JSON."""
    model = subject.model
    entries: dict[str, Any] = {
        "layer": subject.depth - 1,
        "classes": None if subject.labels is None else subject.labels.tolist(),
        "feature_names": model.feature_names,
        "components": None if model.schema is None else model.schema.parts,
        "image_shape": model.image_shape,
        "bounds": bounds_of(subject),
    }
    return {
        key: json.dumps(value, ensure_ascii=False)
        for key, value in entries.items()
        if value is not None
    }
