#!/usr/bin/env bash
# torch.multinomial: of millions of float32 weights, small ones are drawn too seldom or never, by their place.
#
# Seen with torch 2.13.0 (CPU) on Linux x86-64, without a warning. With replacement, rows are looked up in the sum
# of the weights so far, which has the type of the weights. A float32 sum near 1 moves in steps of 6e-8, so a
# row whose share is smaller than that is mostly lost between two steps, and all the more the later it stands.
# Ten million weights exp(2 z), z normal, as weights of importance are; how often a draw is of the lower
# half of the weights, whose share of the sum is 2.3 %:
#
#     order of the rows    float32    float64
#     at random              0.5 %      2.3 %
#     largest first          0.0 %      2.3 %
#     smallest first         2.3 %      2.3 %
#
# Weights as doubles are right, as WeightedRandomSampler has them. So the same call with a float32 tensor in place
# of that sampler trains on other rows.
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

print(f"torch {torch.__version__}, Python {platform.python_version()}")
N = 10_000_000
random = torch.Generator().manual_seed(0)
weights = torch.exp(2 * torch.randn(N, generator=random, dtype=torch.float64))
orders = {
    "at random": weights,
    "largest first": weights.sort(descending=True).values,
    "smallest first": weights.sort().values,
}
share = (weights[weights < weights.median()].sum() / weights.sum()).item()
print(f"the lower half of the weights has {share:.4f} of their sum")
found = {}
for order, ordered in orders.items():
    low = ordered < ordered.median()
    for kind in (torch.float32, torch.float64):
        drawn = torch.multinomial(ordered.to(kind), N, replacement=True, generator=random)
        found[order, kind] = low[drawn].double().mean().item()
        print(f"{order}, {kind}: drawn of the lower half {found[order, kind]:.4f}")

assert found["at random", torch.float32] < 0.3 * share
assert found["largest first", torch.float32] < 0.01 * share
assert abs(found["smallest first", torch.float32] - share) < 0.03 * share
assert all(abs(found[order, torch.float64] - share) < 0.03 * share for order in orders)
PYTHON
