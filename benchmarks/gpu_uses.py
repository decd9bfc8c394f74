"""The parts of ``gpu.py`` that use a GPU as a user does: calls, an estimator, the command line.

Each returns its figures, and raises an error for what is wrong.
"""

import pickle
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from gpu_bench import Bench, FailedError, LeftOutError, same_bytes

import sdae
from sdae import StackedDenoisingAutoencoder, pretrain
from sdae.core.model_file import Model

SHUFFLED = {"shuffle": True}


def resumed(bench: Bench) -> dict[str, Any]:
    """Stop a call after an epoch, and resume it from its checkpoint."""
    x = bench.rows(bench.size(2000, 60), 61)
    figures: dict[str, Any] = {}
    for engine, batch_size in (("fused", 1), ("graph", 20)):
        named = "auto" if bench.rehearse else engine
        whole, cut = (sdae.StackedDenoisingAutoencoder(61, (37, 20), 10, 0.3) for _ in range(2))
        options: dict[str, Any] = {
            "epochs": 3,
            "batch_size": batch_size,
            "engine": named,
            "device": bench.device.type,
            "learning_rate": 0.01,
            **SHUFFLED,
        }
        try:
            history = pretrain(whole, x, **options)
            with tempfile.TemporaryDirectory() as folder:
                kept = sdae.Checkpoint(folder, "1epoch", interruption=_After(2))
                try:
                    pretrain(cut, x, checkpoint=kept, **options)
                    raise FailedError("it was not interrupted")
                except InterruptedError:
                    cut = sdae.StackedDenoisingAutoencoder(61, (37, 20), 10, 0.3)
                pretrain(cut, x, checkpoint=sdae.Checkpoint(folder, "1epoch"), **options)
            figures[engine] = same_bytes(whole, cut)
            figures[f"{engine}, by the history"] = history.records[-1].engine
        except Exception as problem:  # as above
            figures[engine] = f"{type(problem).__name__}: {problem}"[:300]
    if any(figures[engine] is not True for engine in ("fused", "graph")):
        raise FailedError(f"other bytes: {figures}", figures)
    return figures


class _After:
    """Interrupts after some slices."""

    def __init__(self, n: int) -> None:
        self._left = n

    def __call__(self) -> BaseException | None:
        self._left -= 1
        return InterruptedError() if self._left == 0 else None


def command_line(bench: Bench) -> dict[str, Any]:
    """Run the recipe `tutorial` by the command line, an epoch a stage, with its report."""
    missing = [name for name in ("typer", "rich", "tomli_w", "jinja2") if find_spec(name) is None]
    if missing:
        raise LeftOutError(f"not installed: {missing}")
    few = ["--set", "model.hidden_layer_sizes=[20, 20, 20]"] if bench.rehearse else []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "sdae", "train", "mnist", "--recipe", "tutorial"]
        command += ["--device", bench.device.type, "--out", str(out), "--report", *few]
        command += ["--set", "pretraining.epochs=1", "--set", "finetuning.epochs=1"]
        start = time.perf_counter()
        run = subprocess.run(command, capture_output=True, text=True, timeout=120)
        seconds = time.perf_counter() - start
        figures: dict[str, Any] = {"seconds": seconds, "said": run.stdout[-800:]}
        if run.returncode != 0:
            raise FailedError(f"it ended with {run.returncode}: {run.stderr[-800:]}", figures)
        figures["files"] = sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())
    if not any(name.endswith(".html") for name in figures["files"]):
        raise FailedError("there is no report", figures)
    return figures


def estimator(bench: Bench) -> dict[str, Any]:
    """Fit an estimator on the device; predict, pickle, save and load it; export a network."""
    from sdae.app.export.writing import export_model

    rng = np.random.default_rng(0)
    x = rng.random((bench.size(2000, 200), 30)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 1).astype(int)
    model = sdae.SDAEClassifier((40, 20), device=bench.device.type, max_iter=20, random_state=0)
    model.fit(x, y)
    proba = model.predict_proba(x)
    figures: dict[str, Any] = {
        "score": float(model.score(x, y)),
        "device": str(model.network_.head.weight.device),
    }
    twin = pickle.loads(pickle.dumps(model))
    figures["pickled"] = float(np.abs(twin.predict_proba(x) - proba).max())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model.save(path)
        figures["saved"] = float(np.abs(sdae.load(path).predict_proba(x) - proba).max())
        on_device = StackedDenoisingAutoencoder(30, (20,), 2, seed=1).to(bench.device)
        pretrain(on_device, x, epochs=1, batch_size=20)
        exported = export_model(Model(on_device), numpy=Path(folder) / "numpy")
        figures["exported"] = [each.path.name for each in exported]
    figures["partial_fit"] = float(model.partial_fit(x, y).score(x, y))
    if figures["score"] < (0.5 if bench.rehearse else 0.85):
        raise FailedError(f"it learned nothing: {figures}")
    if max(figures["pickled"], figures["saved"]) > 1e-4:
        raise FailedError(f"other answers: {figures}")
    return figures
