#!/usr/bin/env bash
# torch's seeds of 64 bits are seeds of 32 bits on a CPU: 7 and 7 + 2**32 draw the same numbers.
#
# Seen with torch 2.13.0 (CPU), NumPy 2.4.6 on Linux x86-64. `manual_seed` takes any seed from -2**63 to
# 2**64 - 1 and says nothing. `initial_seed()` gives all of it back, get_state() differs. But the generator
# is begun with its low 32 bits. Whoever packs two numbers into a seed, such as (layer << 32) + epoch, has
# the noise of layer 0 in all layers. Ten layers, five epochs each, so 50 seeds; of the 50 draws differ
#
#                                     (layer << 32) + epoch     (epoch << 32) + layer
#     rand, randn, bernoulli_                  5                         10
#     randperm, order of a DataLoader          5                         10
#     dropout, weights of a Linear             5                         10
#     numpy.random.default_rng                50                         50
#
# So corruptions that should be independent are the same: their correlation is 1. Hashes of 64 bits are not
# safe either: of 100,000 of them ("run 0", "run 1", ... by BLAKE2b) two that differ are one seed below. -1
# and 2**32 - 1 are one seed too. The documentation of Generator.manual_seed has the range of 64 bits, and
# "Any 32-bit integer is a valid seed"; that more bits are dropped it does not say.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import hashlib
import platform
import warnings

import numpy as np
import torch
from torch.utils.data import DataLoader

print(f"Python {platform.python_version()}, torch {torch.__version__}, NumPy {np.__version__}")
warnings.simplefilter("error")  # a warning of any seed would end this
N_LAYERS, N_EPOCHS, SIZE = 10, 5, 1000


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def order(seed):
    return torch.cat(list(DataLoader(torch.arange(SIZE), 100, shuffle=True, generator=seeded(seed))))


def dropped(seed):
    torch.manual_seed(seed)
    return torch.nn.functional.dropout(torch.ones(SIZE))


def weights(seed):
    torch.manual_seed(seed)
    return torch.nn.Linear(40, 40).weight.detach()


DRAWS = {
    "rand": lambda seed: torch.rand(SIZE, generator=seeded(seed)),
    "randn": lambda seed: torch.randn(SIZE, generator=seeded(seed)),
    "bernoulli_": lambda seed: torch.empty(SIZE).bernoulli_(0.5, generator=seeded(seed)),
    "randperm": lambda seed: torch.randperm(SIZE, generator=seeded(seed)),
    "order of a DataLoader": order,
    "dropout": dropped,
    "weights of a Linear": weights,
    "numpy.random.default_rng": lambda seed: torch.from_numpy(np.random.default_rng(seed).random(SIZE)),
}


def n_different(draw, seeds):
    return len({draw(seed).numpy().tobytes() for seed in seeds})


changed = []
places = [(layer, epoch) for layer in range(N_LAYERS) for epoch in range(N_EPOCHS)]
by_layer = [(layer << 32) + epoch for layer, epoch in places]
by_epoch = [(epoch << 32) + layer for layer, epoch in places]
small = [layer * N_EPOCHS + epoch for layer, epoch in places]
for name, draw in DRAWS.items():
    found = [n_different(draw, seeds) for seeds in (by_layer, by_epoch, small)]
    print(f"{name}: of {len(places)} draws differ {found[0]} and {found[1]}, with small seeds {found[2]}")
    expected = [50, 50, 50] if name.startswith("numpy") else [N_EPOCHS, N_LAYERS, 50]
    if found != expected:
        changed.append(name)

first, second = (torch.randn(SIZE, generator=seeded((layer << 32) + 3)).numpy() for layer in (1, 2))
correlation = np.corrcoef(first, second)[0, 1]
print(f"noise of layers 1 and 2 in epoch 3: correlation {correlation:.6f}")
told = [seeded((layer << 32) + 3).initial_seed() for layer in (1, 2)]
states_differ = not torch.equal(*(seeded(seed).get_state() for seed in told))
print(f"initial_seed() tells {told[0]} and {told[1]}; their states differ: {states_differ}")
if correlation < 0.999999 or told != [2**32 + 3, 2**33 + 3] or not states_differ:
    changed.append("two layers")
if not torch.equal(DRAWS["rand"](-1), DRAWS["rand"](2**32 - 1)):
    changed.append("-1")

texts = (f"run {number}".encode() for number in range(100_000))
hashes = [int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") for text in texts]
by_low, collisions = {}, []
for each in hashes:
    other = by_low.setdefault(each % 2**32, each)
    if other != each:
        collisions.append((other, each))
print(f"of {len(set(hashes))} different hashes of 64 bits {len(collisions)} meet another", collisions)
for pair in collisions:
    if n_different(DRAWS["randn"], pair) != 1:
        changed.append("the hashes")
if changed:
    raise SystemExit("This has changed: " + "; ".join(changed))
PYTHON
