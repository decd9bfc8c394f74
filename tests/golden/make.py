"""Write the golden files of the present format: ``python -m tests.golden.make FOLDER``.

Those in this folder are never written again. A new format gets new files beside them.
"""

import json
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import torch

from sdae import (
    Checkpoint,
    SDAEClassifier,
    SDAEImputer,
    SDAERegressor,
    StackedDenoisingAutoencoder,
    finetune,
)
from sdae.core.model_file import Model, save_model
from sdae.core.preprocessing import Scaling

X = np.round(np.random.default_rng(5).random((12, 5)), 3).astype(np.float32)
Y = np.arange(12) % 3
TABLE = np.array(
    [
        [
            float(X[k, 0]) if k % 5 else None,
            ("Ghent", "Liège", "Mons")[k % 3] if k != 4 else None,
            ("no", "yes")[k // 2 % 2],
            date(2020, 1, 1) + timedelta(days=40 * k),
            k * k,
            "always",
        ]
        for k in range(12)
    ],
    object,
)
"""Numbers and levels with gaps, two levels, dates, whole numbers, and a constant."""


class Cut(BaseException):
    """Ends a training after its first checkpoint."""


def stack(**settings: object) -> StackedDenoisingAutoencoder:
    """Return a small stack."""
    return StackedDenoisingAutoencoder(5, (4, 3), seed=2, **settings)  # type: ignore[arg-type]


def train(network: StackedDenoisingAutoencoder, checkpoint: Checkpoint) -> None:
    """Fine-tune, with a checkpoint."""
    finetune(
        network,
        (X, Y),
        (X, Y),
        epochs=3,
        batch_size=4,
        optimizer="adam",
        learning_rate=0.05,
        engine="autograd",
        checkpoint=checkpoint,
    )


def filled_gaps(imputer: SDAEImputer) -> list[list[float]]:
    """Return the filled numbers of the table, and the shares of its levels."""
    filled = imputer.transform(TABLE)
    return [[float(filled[k, 0]), *imputer.predict_proba(TABLE[[k]], 1)[0]] for k in range(12)]


def write(folder: Path) -> None:
    """Write all of them, and what they say, as ``expected.json``."""
    expected: dict[str, list[list[float]]] = {}
    model = Model(
        stack(n_classes=3, corruption_levels=["masking:0.3", "gaussian:0.1"], emphasis=None),
        Scaling("standard", np.full(5, 0.5), np.full(5, 0.25)),
        ("rot", "grün", "<b>"),
        ("a", "b", "c", "d", "ü"),
        provenance={"data": "golden", "seed": 2},
    )
    with torch.no_grad():
        model.stack.head.weight.copy_(torch.linspace(-1, 1, 9).reshape(3, 3))
    save_model(model, folder / "model-1.safetensors")
    scaled = torch.from_numpy(((X - 0.5) / 0.25).astype(np.float32))
    expected["model-1"] = model.stack.predict_proba(scaled).tolist()

    untied = Model(stack(tied=False, activation="relu", dtype=torch.float64), image_shape=(1, 5))
    save_model(untied, folder / "untied-1.safetensors")
    expected["untied-1"] = untied.stack.encode(torch.from_numpy(X).double()).tolist()

    classifier = SDAEClassifier((4,), max_iter=3, tol=10.0, random_state=0).fit(X, Y)
    classifier.save(folder / "classifier-1.safetensors")
    expected["classifier-1"] = classifier.predict_proba(X).tolist()
    regressor = SDAERegressor((4,), max_iter=3, tol=10.0, random_state=0).fit(X, X[:, :2])
    regressor.save(folder / "regressor-1.safetensors")
    expected["regressor-1"] = regressor.predict(X).tolist()

    of_table = SDAEClassifier((4,), max_iter=3, tol=10.0, random_state=0).fit(TABLE, Y)
    of_table.save(folder / "table-2.safetensors")
    expected["table-2"] = of_table.predict_proba(TABLE).tolist()
    imputer = SDAEImputer((8,), pretrain_epochs=40, random_state=0).fit(TABLE)
    imputer.save(folder / "imputer-2.safetensors")
    expected["imputer-2"] = filled_gaps(imputer)

    network = stack(n_classes=3)
    try:
        train(network, Checkpoint(folder / "checkpoints-1", interruption=Cut))
    except Cut:
        expected["checkpoints-1"] = network.encode(torch.from_numpy(X)).tolist()
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
