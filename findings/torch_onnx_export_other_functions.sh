#!/usr/bin/env bash
# torch.onnx.export writes a mean of groups as the last row of each, and other functions as others.
#
# Seen with torch 2.13.0 (CPU), onnxscript 0.7.2, onnx 1.23.2, onnxruntime 1.32.0 on Linux x86-64, opset
# of the exporter's choice. Each export ends well, onnx.checker accepts the model, nothing is logged of it:
#
#     scatter_reduce("mean") of 1 10 2 20 6 by 0 1 0 1 0     torch 3 15           the file 6 20
#     cross_entropy(label_smoothing=0.2)                     torch 0.61 2.10      the file 0.41 2.17
#     binary_cross_entropy_with_logits, logit -40, -20       torch 20 10          the file inf inf
#     logaddexp(100, 99), (-100, -101)                       torch 100.3 -99.69   the file inf -99.67
#
# The mean is a ScatterElements without a reduction (ONNX has none for it): a row overwrites the one before.
# The smoothing is left out: SoftmaxCrossEntropyLoss has none. The loss of logits, which exists to spare
# the logarithm of a sigmoid, is one; and with it the reconstruction error of an autoencoder of 0s
# and 1s as a score of outliers. A sum and a maximum of groups are right. So is the plain cross entropy.
# With verify=True the exporter compares, logs a difference, and returns the model all the same.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 onnxscript==0.7.2 onnx==1.23.2 \
    onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" - 2> "$folder/log" <<'PYTHON' || { cat "$folder/log"; exit 1; }
import platform

import numpy as np
import onnx
import onnxruntime
import onnxscript
import torch
from torch.nn import functional

print(f"Python {platform.python_version()}, torch {torch.__version__}, onnx {onnx.__version__}", end=", ")
print(f"onnxscript {onnxscript.__version__}, onnxruntime {onnxruntime.__version__}")
GROUPS = torch.tensor([0, 1, 0, 1, 0])
CLASSES = torch.tensor([0, 1])


class Module(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def of_groups(how):
    def reduced(x):
        return torch.zeros(2).scatter_reduce(0, GROUPS, x, how, include_self=False)

    return reduced


def cross_entropy(smoothing):
    def loss(x):
        return functional.cross_entropy(x, CLASSES, reduction="none", label_smoothing=smoothing)

    return loss


def loss_of_logits(x):
    halves = torch.full_like(x, 0.5)
    return functional.binary_cross_entropy_with_logits(x, halves, reduction="none")


def logaddexp(x):
    return torch.logaddexp(x, x - 1)


ROWS = torch.tensor([1.0, 10.0, 2.0, 20.0, 6.0])
LOGITS = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 3.0]])
CASES = (
    ("mean of groups", of_groups("mean"), ROWS, False),
    ("sum of groups", of_groups("sum"), ROWS, True),
    ("maximum of groups", of_groups("amax"), ROWS, True),
    ("cross entropy", cross_entropy(0.0), LOGITS, True),
    ("cross entropy, smoothed", cross_entropy(0.2), LOGITS, False),
    ("loss of logits -1, 3", loss_of_logits, torch.tensor([-1.0, 3.0]), True),
    ("loss of logits -40, -20", loss_of_logits, torch.tensor([-40.0, -20.0]), False),
    ("logaddexp at 1, 2", logaddexp, torch.tensor([1.0, 2.0]), True),
    ("logaddexp at 100, -100", logaddexp, torch.tensor([100.0, -100.0]), False),
)


def exported(function, x, **options):
    model = torch.onnx.export(Module(function).eval(), (x,), verbose=False, **options).model_proto
    onnx.checker.check_model(model, full_check=True)
    return model


def run(model, x):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]


changed = []
for name, function, x, agrees in CASES:
    model, expected = exported(function, x), function(x).numpy()
    answer = run(model, x)
    nodes = ", ".join(node.op_type for node in model.graph.node)
    print(f"{name:24} torch {expected}, the file {answer}: {nodes}")
    if np.allclose(answer, expected, rtol=1e-5) != agrees:
        changed.append(name)
model = exported(of_groups("mean"), ROWS, verify=True)
if not np.array_equal(run(model, ROWS), [6, 20]):
    changed.append("verify")
if changed:
    raise SystemExit("This has changed: " + "; ".join(changed))
PYTHON
