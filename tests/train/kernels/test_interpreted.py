"""The kernels mean the same as plain Python: run without compiling them, they agree."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.inference import outputs, rebuilt
from tests.tracing import traced
from tests.train.engines.engines import rows

ROOT = Path(__file__).parents[3]
VARIANTS = (
    ("masking:0.3", "sigmoid", "sigmoid", True, None),
    ("masking:0.3:exact", "tanh", "sigmoid", False, "double"),
    ("salt_and_pepper:0.3", "relu", "linear", True, "double"),
    ("gaussian:0.2", "sigmoid", "linear", False, None),
)


def trained() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Return parameters and answers of small networks, one for each noise, after both stages."""
    x, y = rows(12, 9, torch.float32), np.arange(12) % 3
    found = []
    rest: dict[str, Any] = {"epochs": 1, "batch_size": 5, "engine": "compiled"}
    for noise, activation, decoder, tied, emphasis in VARIANTS:
        stack = StackedDenoisingAutoencoder(
            9,
            (7, 5),
            3,
            noise,
            activation=activation,
            decoder=(decoder, "auto"),
            tied=tied,
            emphasis=emphasis,
        )
        pretrain(stack, x, epochs=1, learning_rate=0.01, engine="fused")
        finetune(stack, (x, y), None, epochs=1, dropout=0.2, input_dropout=0.1, engine="fused")
        pretrain(stack, x, optimizer="adam", learning_rate=0.01, **rest)
        finetune(stack, (x, y), None, dropout=0.2, momentum=0.9, max_norm=1.0, **rest)
        found += [p.detach().numpy().ravel() for p in stack.parameters()]
        answers = outputs(stack, x), outputs(stack, x[:2]), rebuilt(stack, x, None, 1)
        found += [answer.ravel() for answer in answers]
    for activation in ("gelu", "silu", "identity"):  # the fused engine does not have them
        stack = StackedDenoisingAutoencoder(9, (7, 5), 3, activation=activation)
        pretrain(stack, x, **rest)
        finetune(stack, (x, y), None, dropout=0.2, **rest)
        found += [
            outputs(stack, x).ravel(),
            *(p.detach().numpy().ravel() for p in stack.parameters()),
        ]
    return np.concatenate(found)


def test_without_compilation_the_result_is_the_same_to_rounding(tmp_path: Path) -> None:
    out = tmp_path / "interpreted.npy"
    code = (
        "import numpy as np, torch; torch.set_num_threads(1)\n"
        "from tests.train.kernels.test_interpreted import trained\n"
        f"np.save({str(out)!r}, trained())"
    )
    environment = traced({**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)})
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=300)
    assert np.load(out) == pytest.approx(trained(), abs=1e-6)
