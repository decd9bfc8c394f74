"""Two processes that Spark starts share each minibatch, and learn what one process does.

pip install pyspark; it needs Java 17 or newer
python examples/on_spark.py
"""

from typing import Any

import numpy as np
import torch.distributed as dist
from pyspark.ml.torch.distributor import TorchDistributor
from pyspark.sql import SparkSession
from sklearn.datasets import load_digits

from sdae import StackedDenoisingAutoencoder, finetune, pretrain

N_PROCESSES = 2


def main() -> None:
    """Train with Spark and without, and print how far both agree."""
    spark = SparkSession.builder.master(f"local[{N_PROCESSES}]").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    try:
        distributor = TorchDistributor(N_PROCESSES, local_mode=True, use_gpu=False)
        error, shared = distributor.run(train_together)
    finally:
        spark.stop()
    error_alone, alone = train()
    print("Validation error on digits")
    print(f"one process: {error_alone:.3f}")
    print(f"{N_PROCESSES} processes of Spark: {error:.3f}")
    difference = max(np.abs(shared[name] - alone[name]).max() for name in alone)
    print(f"Largest difference of a parameter: {difference:.0e}")


def train_together() -> tuple[Any, dict[str, np.ndarray]]:
    """Train in the process group of the processes; Spark returns what the first one does."""
    dist.init_process_group("gloo")
    try:
        return train()
    finally:
        dist.destroy_process_group()


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
