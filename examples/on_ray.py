"""Two processes that Ray starts share each minibatch, and learn what one process does.

pip install "ray[train]"
python examples/on_ray.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import ray
from ray.train import Checkpoint, RunConfig, ScalingConfig, get_context, report
from ray.train.torch import TorchConfig, TorchTrainer
from sklearn.datasets import load_digits

from sdae import StackedDenoisingAutoencoder, finetune, pretrain

N_PROCESSES = 2


def main() -> None:
    """Train with Ray and without, and print how far both agree."""
    ray.init(num_cpus=N_PROCESSES, include_dashboard=False)
    try:
        with TemporaryDirectory() as folder:
            result = TorchTrainer(
                train_together,
                torch_config=TorchConfig(backend="gloo"),
                scaling_config=ScalingConfig(num_workers=N_PROCESSES),
                run_config=RunConfig(storage_path=folder),
            ).fit()
            with result.checkpoint.as_directory() as kept:
                shared = dict(np.load(Path(kept, "parameters.npz")))
    finally:
        ray.shutdown()
    error_alone, alone = train()
    print("Validation error on digits")
    print(f"one process: {error_alone:.3f}")
    print(f"{N_PROCESSES} processes of Ray: {result.metrics['error']:.3f}")
    difference = max(np.abs(shared[name] - alone[name]).max() for name in alone)
    print(f"Largest difference of a parameter: {difference:.0e}")


def train_together() -> None:
    """Train in the process group that Ray has initialised; the first process keeps the result."""
    error, parameters = train()
    with TemporaryDirectory() as folder:
        kept = None
        if get_context().get_world_rank() == 0:
            np.savez(Path(folder, "parameters.npz"), allow_pickle=False, **parameters)
            kept = Checkpoint.from_directory(folder)
        report({"error": error}, checkpoint=kept)


def train() -> tuple[Any, dict[str, np.ndarray]]:
    """Return the validation error and the parameters after both stages."""
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    stack = StackedDenoisingAutoencoder(64, (100, 50), n_classes=10, corruption_levels=0.2, seed=0)
    options: dict[str, Any] = {"batch_size": 300, "momentum": 0.9, "engine": "autograd"}
    pretrain(stack, x[:1500], epochs=10, learning_rate=0.1, **options)
    known, held = (x[:1500], y[:1500]), (x[1500:], y[1500:])
    history = finetune(stack, known, held, epochs=20, learning_rate=0.5, **options)
    parameters = {name: each.detach().numpy() for name, each in stack.named_parameters()}
    return history.best_validation_error, parameters


if __name__ == "__main__":
    main()
