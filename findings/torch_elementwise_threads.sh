#!/usr/bin/env bash
# An elementwise function of torch depends on the number of threads, and on where a number stands.
#
# Seen with torch 2.13.0 (CPU) on Linux x86-64, Python 3.11, with AVX-512. torch cuts a long tensor
# into a piece for each thread, and computes a piece in vectors of the processor; what is left at the
# end of a piece is computed by other code, whose last digits may differ. With two threads such a rest
# is in the middle of the tensor too. How many of 200 random tensors of 100,003 float32 numbers have a
# number that is another with two threads than with one, and by how many units in the last place:
#
#     sigmoid    150   2          relu   0
#     silu       152   2          tanh   0
#     softplus   193   2          exp    0
#     elu        150   1
#     mish       200   3
#
# So is one number alone against the same number in a long tensor: the sigmoid of 4,093 of 100,000
# differs. No order of additions is involved: torch.use_deterministic_algorithms(True), set here,
# changes nothing. The same call with the same number of threads repeats. So the bytes of a network
# with these functions hold for a number of threads only, and a row's answer may differ from the same
# row's in a batch even where the products agree.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import platform

import torch
from torch.nn import functional

print(f"Python {platform.python_version()}, torch {torch.__version__},", end=" ")
print(torch.backends.cpu.get_cpu_capability())
FUNCTIONS = {
    "sigmoid": torch.sigmoid,
    "silu": functional.silu,
    "softplus": functional.softplus,
    "elu": functional.elu,
    "mish": functional.mish,
    "relu": torch.relu,
    "tanh": torch.tanh,
    "exp": torch.exp,
}
SAME = ("relu", "tanh", "exp")
N_TENSORS, SIZE = 200, 100_003


def with_threads(function, x, n_threads):
    torch.set_num_threads(n_threads)
    return function(x)


def units_apart(a, b):
    """Return how many float32 numbers lie between the furthest two; they have the same signs."""
    return int((a.view(torch.int32) - b.view(torch.int32)).abs().max())


torch.use_deterministic_algorithms(True)
random = torch.Generator().manual_seed(0)
found, changed = {name: [0, 0] for name in FUNCTIONS}, []
for _ in range(N_TENSORS):
    x = 3 * torch.randn(SIZE, generator=random)
    for name, function in FUNCTIONS.items():
        one, two = with_threads(function, x, 1), with_threads(function, x, 2)
        found[name][0] += not torch.equal(one, two)
        found[name][1] = max(found[name][1], units_apart(one, two))
for name, (n_tensors, apart) in found.items():
    print(f"{name:9} {n_tensors:4} of {N_TENSORS} tensors, {apart} units in the last place")
    if (n_tensors == 0) != (name in SAME):
        changed.append(name)
x = 3 * torch.randn(100_000, generator=random)
together = with_threads(torch.sigmoid, x, 1)
alone = torch.cat([torch.sigmoid(each) for each in x.split(1)])
print(f"sigmoid of a number alone: {int((together != alone).sum())} of {len(x)} differ")
if torch.equal(together, alone):
    changed.append("a number alone")
if changed:
    raise SystemExit("This has changed: " + ", ".join(changed))
PYTHON
