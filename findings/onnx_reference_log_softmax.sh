#!/usr/bin/env bash
# onnx.reference computes LogSoftmax as log(Softmax(x)): -inf where the operator has a finite value.
#
# Seen with onnx 1.23.2, NumPy 2.4.6 on Linux x86-64. LogSoftmax exists because this logarithm cannot
# be taken afterwards. The evaluator that is meant to say what an operator does takes it afterwards,
# with a RuntimeWarning; onnxruntime 1.32.0 has every digit. Of rows (a, 0), the first column:
#
#     float32   a      exact    onnx.reference   onnxruntime
#              -50     -50      -50              -50
#              -100    -100     -99.9831         -100
#              -110    -110     -inf             -110
#     float64  -800    -800     -inf             -800
#
# Who compares a runtime with the reference far from the greatest logit finds the runtime wrong.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import platform

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

print(f"Python {platform.python_version()}, onnx {onnx.__version__}", end=", ")
print(f"onnxruntime {onnxruntime.__version__}, NumPy {np.__version__}, {platform.machine()}")
wrong = []
print("type     a      onnx.reference onnxruntime")
for kind, number, places in (
    (np.float32, TensorProto.FLOAT, (-50, -100, -110)),
    (np.float64, TensorProto.DOUBLE, (-50, -800)),
):
    x, y = (helper.make_tensor_value_info(name, number, ["n", 2]) for name in "xy")
    node = helper.make_node("LogSoftmax", ["x"], ["y"], axis=1)
    graph = helper.make_graph([node], "one", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    rows = np.array([[place, 0] for place in places], kind)
    with np.errstate(divide="ignore"):
        reference = ReferenceEvaluator(model).run(None, {"x": rows})[0][:, 0]
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    runtime = session.run(None, {"x": rows})[0][:, 0]
    for place, by_reference, by_runtime in zip(places, reference, runtime):
        print(f"{kind.__name__}  {place:<6} {by_reference:<14.6g} {by_runtime:.6g}")
        if by_runtime != place:
            wrong.append(f"onnxruntime at {place}: {by_runtime}")
        if place < -100 and by_reference != -np.inf:
            wrong.append(f"onnx.reference at {place}: {by_reference}")
        if place == -100 and not 0.01 < abs(by_reference - place) < 0.1:
            wrong.append(f"onnx.reference at {place}: {by_reference}")
if wrong:
    raise SystemExit("This has changed: " + "; ".join(wrong))
PYTHON
