#!/usr/bin/env bash
# onnxruntime's Sigmoid has no correct digit left of -16, in float64 neither left of -36.
#
# Seen with onnxruntime 1.32.0 (and 1.25.0) on Linux x86-64, CPU. One model of one node, valid by
# onnx.checker. A sigmoid of -20 is 2.06e-9, which float32 holds with all its digits; the same runtime
# gives it by Softmax over (a, 0), and by Exp:
#
#     float32   a      exact       Sigmoid     Softmax     Exp
#              -10     4.54e-05    4.539e-05   4.54e-05    4.54e-05
#              -15     3.059e-07   3.576e-07   3.059e-07   3.059e-07
#              -17     4.14e-08    8.941e-08   4.14e-08    4.14e-08
#              -20     2.061e-09   0           2.061e-09   2.061e-09
#     float64  -20     2.061e-09   2.061e-09   2.061e-09   2.061e-09
#              -40     4.248e-18   0           4.248e-18   4.248e-18
#
# So the error is bounded absolutely, about 6e-8, and log(Sigmoid(a)) is wrong by 17 % of the
# probability at -15 and -inf from -18 on. In float64 it is no better than float32 could be.
# onnx.reference, NumPy and PyTorch have all digits there.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import math
import platform

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

print(f"Python {platform.python_version()}, onnxruntime {onnxruntime.__version__}", end=", ")
print(f"onnx {onnx.__version__}, NumPy {np.__version__}, {platform.machine()}")
TYPES = {np.float32: TensorProto.FLOAT, np.float64: TensorProto.DOUBLE}


def model_of(operation, width, kind):
    info = helper.make_tensor_value_info
    x, y = (info(name, TYPES[kind], ["n", width]) for name in "xy")
    graph = helper.make_graph([helper.make_node(operation, ["x"], ["y"])], "one", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


def run(operation, x):
    model = model_of(operation, x.shape[1], x.dtype.type)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})[0]


wrong = []


def expect(what, holds):
    if not holds:
        wrong.append(what)


print("type      a      exact       Sigmoid     Softmax     Exp         onnx.reference")
for kind, places in ((np.float32, (-10, -15, -17, -20)), (np.float64, (-20, -40))):
    a = np.array(places, kind)[:, None]
    by_sigmoid = run("Sigmoid", a)[:, 0]
    by_softmax = run("Softmax", np.hstack([a, np.zeros_like(a)]))[:, 0]
    e = run("Exp", a)[:, 0]
    by_exp = e / (1 + e)
    model = model_of("Sigmoid", 1, kind)
    by_reference = ReferenceEvaluator(model).run(None, {"x": a})[0][:, 0]
    for i, place in enumerate(places):
        exact = 1 / (1 + math.exp(-place))
        row = (exact, by_sigmoid[i], by_softmax[i], by_exp[i], by_reference[i])
        print(f"{kind.__name__}  {place:<6} " + " ".join(f"{value:<11.4g}" for value in row))
        for other in (by_softmax[i], by_exp[i], by_reference[i]):
            expect(f"others at {place}", abs(other / exact - 1) < 1e-6)
        off = abs(by_sigmoid[i] / exact - 1)
        if kind is np.float32:
            least = {-10: 1e-4, -15: 0.1, -17: 0.5, -20: 1.0}[place]
            expect(f"float32 Sigmoid at {place}: off by {off:.2g}", off >= least)
        if kind is np.float64 and place == -40:
            expect(f"float64 Sigmoid at {place}: {by_sigmoid[i]}", by_sigmoid[i] == 0)
if wrong:
    raise SystemExit("This has changed: " + "; ".join(wrong))
PYTHON
