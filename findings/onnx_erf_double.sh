#!/usr/bin/env bash
# ONNX's Erf on float64: onnx.reference answers with float32 digits, and onnxruntime not at all.
#
# Seen with onnx 1.23.2, onnxruntime 1.32.0, NumPy 2.4.6 on Linux x86-64. The operator is defined for
# all types of numbers, and onnx.checker accepts the model. Gelu (opset 20) is made of Erf, so it fares
# the same: exporting a network in float64 with GELU, as transformers have, gives a valid file that
# onnxruntime's CPU cannot load, and a reference whose answers are seven digits good. The largest
# difference from math.erf on 1,001 numbers within [-6, 6]:
#
#     Erf   float32   reference 2.97e-08 (float32)   onnxruntime 5.12e-08
#     Erf   float64   reference 2.98e-08 (float64)   onnxruntime NOT_IMPLEMENTED
#     Gelu  float64   reference 8.20e-08 (float64)   onnxruntime NOT_IMPLEMENTED
#
# Who takes the reference as exact to 1e-15 judges a right float64 implementation to be wrong.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import math
import platform

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

print(f"Python {platform.python_version()}, onnx {onnx.__version__}", end=", ")
print(f"onnxruntime {onnxruntime.__version__}, NumPy {np.__version__}, {platform.machine()}")
EXACT = {"Erf": math.erf, "Gelu": lambda a: a / 2 * math.erfc(-a * math.sqrt(0.5))}
changed = []
for operation, opset, kind, number in (
    ("Erf", 13, np.float32, TensorProto.FLOAT),
    ("Erf", 13, np.float64, TensorProto.DOUBLE),
    ("Gelu", 20, np.float64, TensorProto.DOUBLE),
):
    x, y = (helper.make_tensor_value_info(name, number, ["n"]) for name in "xy")
    graph = helper.make_graph([helper.make_node(operation, ["x"], ["y"])], "one", [x], [y])
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    numbers = np.linspace(-6, 6, 1001).astype(kind)
    exact = np.array([EXACT[operation](float(a)) for a in numbers])
    (found,) = ReferenceEvaluator(model).run(None, {"x": numbers})
    error = np.abs(found - exact).max()
    print(f"{operation:5} {kind.__name__}  reference {error:.2e} ({found.dtype})", end="  ")
    if found.dtype != kind or not 1e-8 < error < 1e-6:
        changed.append(f"the reference's {operation} in {kind.__name__}")
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        (found,) = session.run(None, {"x": numbers})
        runs = True
        print(f"onnxruntime {np.abs(found - exact).max():.2e}")
    except Exception as error:
        runs = False
        print(f"onnxruntime {'NOT_IMPLEMENTED' if 'NOT_IMPLEMENTED' in str(error) else error}")
    if runs != (kind is np.float32):
        changed.append(f"onnxruntime's {operation} in {kind.__name__}")
if changed:
    raise SystemExit("This has changed: " + "; ".join(changed))
PYTHON
