#!/usr/bin/env bash
# onnxruntime takes an array of the other byte order for one of its own, and computes with the garbage.
#
# Seen with onnxruntime 1.32.0, onnx 1.23.2, NumPy 2.4.6 on Linux x86-64, CPU. np.load, np.fromfile and
# readers of NetCDF, FITS and MNIST's IDX files give big-endian arrays where the file is so; NumPy computes
# with them as with any other. InferenceSession.run looks at the kind of the type only and reads the
# bytes as they lie. A model that gives back its input answers, for 1, 2, 3, 4:
#
#     float32    4.6e-41  9e-44  2.3e-41  4.6e-41
#     float64    3e-319  3e-322  1e-320  2e-320
#     float16    0  0  0  0   (about 4e-06)
#     int32      16777216  33554432  50331648  67108864
#     int64      72057594037927936  ...
#
# So does IO binding, and an OrtValue made of the array. Round numbers become nearly 0, others anything.
# A sigmoid makes probabilities of that, without a warning. Here logistic regression, trained on
# load_breast_cancer, scaled, as one Gemm and one Sigmoid: its accuracy is 0.99, and 0.48 for the same
# rows out of a big-endian file, where 491 of 569 answers are from 0 to 1, the others NaN. onnx.reference
# answers right; torch, DLPack, pyarrow.array and Numba refuse such an array.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6 \
    scikit-learn==1.9.1 scipy==1.17.1
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import platform
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

print(f"Python {platform.python_version()}, onnxruntime {onnxruntime.__version__}", end=", ")
print(f"onnx {onnx.__version__}, NumPy {np.__version__}, {sys.byteorder}-endian")
KINDS = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "float16": TensorProto.FLOAT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
}


def model_of(nodes, constants, kind, width):
    x = helper.make_tensor_value_info("x", kind, ["n", width])
    y = helper.make_tensor_value_info("y", kind, ["n", None])
    kept = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "one", [x], [y], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


def session_of(model):
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def by_binding(session, x):
    binding = session.io_binding()
    binding.bind_cpu_input("x", x)
    binding.bind_output("y")
    session.run_with_iobinding(binding)
    return binding.copy_outputs_to_cpu()[0]


changed = []
plain = np.array([[1, 2, 3, 4]])
for name, kind in KINDS.items():
    native = plain.astype(name)
    swapped = native.astype(native.dtype.newbyteorder(">"))
    assert np.array_equal(native, swapped)
    model = model_of([helper.make_node("Identity", ["x"], ["y"])], {}, kind, 4)
    session, garbage = session_of(model), native.byteswap()
    answers = {
        "run": session.run(None, {"x": swapped})[0],
        "IO binding": by_binding(session, swapped),
        "OrtValue": onnxruntime.OrtValue.ortvalue_from_numpy(swapped).numpy(),
    }
    print(f"{name}: {answers['run'].ravel()}")
    for way, answer in answers.items():
        if not np.array_equal(answer, garbage):
            changed.append(f"{name} by {way}")
    if not np.array_equal(session.run(None, {"x": native})[0], native):
        changed.append(f"{name} in the order of the machine")
    if not np.array_equal(ReferenceEvaluator(model).run(None, {"x": swapped})[0], native):
        changed.append(f"{name} by onnx.reference")

x, y = load_breast_cancer(return_X_y=True)
x = scale(x).astype(np.float32)
fitted = LogisticRegression().fit(x, y)
constants = {
    "w": fitted.coef_.T.astype(np.float32),
    "b": fitted.intercept_.astype(np.float32),
}
nodes = [
    helper.make_node("Gemm", ["x", "w", "b"], ["a"]),
    helper.make_node("Sigmoid", ["a"], ["y"]),
]
session = session_of(model_of(nodes, constants, TensorProto.FLOAT, x.shape[1]))
path = Path(sys.argv[1], "rows.npy")
np.save(path, x.astype(">f4"))
stored = np.load(path)
assert np.array_equal(stored, x)
accuracy = []
for rows in (x, stored):
    answers = session.run(None, {"x": rows})[0].ravel()
    accuracy.append(float(np.mean((answers > 0.5) == y)))
    n_answers = int(((answers >= 0) & (answers <= 1)).sum())
print(f"accuracy {accuracy[0]:.2f}, of the same rows from a big-endian file {accuracy[1]:.2f},", end=" ")
print(f"where {n_answers} of {len(y)} answers are from 0 to 1")
if accuracy[0] < 0.95 or accuracy[1] > 0.7 or n_answers < len(y) / 2:
    changed.append("the classifier")
if changed:
    raise SystemExit("This has changed: " + "; ".join(changed))
PYTHON
