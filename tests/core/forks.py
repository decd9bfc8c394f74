"""A program whose forked children train and answer, after it used two threads itself.

Each child is killed after a while, so that one that hangs is noticed. ``python -m
tests.core.forks`` does everything, ``python -m tests.core.forks child`` forks one child, which
trains with every engine and answers. It prints ``all done`` at the end.
"""

import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from torch.utils.data import DataLoader

import sdae
from sdae import SDAEClassifier, SDAETransformer, StackedDenoisingAutoencoder, finetune, pretrain

SECONDS = 60
rng = np.random.default_rng(0)
X = rng.random((24, 280))
Y = (X[:, 0] > 0.5).astype(np.int64)
WIDE = rng.random((40, 1030))


def train(n_threads: int | None = None) -> None:
    """Train with every engine, on networks large enough for two threads."""
    x = X.astype(np.float32)
    for engine, batch_size, optimizer in (
        ("fused", 1, "sgd"),
        ("closed_form", 12, "sgd"),
        ("autograd", 12, "adam"),
    ):
        stack = StackedDenoisingAutoencoder(280, (270,), 2)
        options: dict[str, Any] = {"batch_size": batch_size, "optimizer": optimizer, "epochs": 1}
        pretrain(stack, x, engine=engine, **options)
        finetune(stack, (x, Y), None, engine=engine, **options)
        stack.predict_proba(x)
    for batch_size in (1, 12):
        SDAEClassifier(
            (270,), solver="sgd", momentum=0, batch_size=batch_size, pretrain_epochs=1, max_iter=1,
            tol=0, n_threads=n_threads, random_state=0,
        ).fit(X, Y)  # fmt: skip


def answer(model: Any) -> None:
    """Let a network of a million weights answer, as it is and from its file."""
    model.transform(WIDE)
    model.reconstruct(WIDE)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.sdae")
        loaded = sdae.load(Path(folder) / "model.sdae")
    assert np.array_equal(loaded.transform(WIDE), model.transform(WIDE))
    model.partial_fit(WIDE)


def train_and_answer(model: Any) -> None:
    """Do everything with the one thread that there is."""
    assert torch.get_num_threads() == 1
    train()
    answer(model)


def insist(model: Any) -> None:
    """Ask for two threads, in every way, and let a child of the child answer too."""
    torch.set_num_threads(2)
    train(n_threads=2)
    torch.set_num_threads(2)
    answer(model.set_params(n_threads=2))
    assert torch.get_num_threads() == 1
    in_a_thread(lambda: answer(model))
    in_a_child("grandchild", lambda: train_and_answer(model))


def in_a_child(name: str, task: Callable[[], object]) -> None:
    """Do something in a forked child.

    Raises
    ------
    RuntimeError
        If it fails there, or takes too long.
    """
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        try:
            task()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != 0:
        raise RuntimeError(f"{name}: {'it hung' if code == -signal.SIGALRM else code}")


def in_a_thread(task: Callable[[], object]) -> None:
    """Do something in a thread of its own, and raise what it raises."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            task()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def answer_of(part: Any) -> Any:
    """Return the codes of some rows, in a worker."""
    signal.alarm(SECONDS)
    return MODEL.transform(part)


class Codes:
    """A data set whose items are codes."""

    def __len__(self) -> int:
        return len(WIDE)

    def __getitem__(self, row: int) -> torch.Tensor:
        return torch.from_numpy(MODEL.transform(WIDE[row : row + 1])[0])


def in_workers(expected: Any) -> None:
    """Let others fork: multiprocessing, joblib, PyTorch's loader."""
    parts = [WIDE[:20], WIDE[20:]]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert np.allclose(np.concatenate(pool.map(answer_of, parts)), expected, atol=1e-4)
    jobs = joblib.Parallel(n_jobs=2, backend="multiprocessing")
    found = jobs(joblib.delayed(answer_of)(part) for part in parts)
    assert np.allclose(np.concatenate(found), expected, atol=1e-4)
    loader: Any = DataLoader(Codes(), batch_size=10, num_workers=1, multiprocessing_context="fork")  # type: ignore[arg-type]
    assert np.allclose(torch.cat(list(loader)), expected, atol=1e-4)


if __name__ == "__main__":
    logging.getLogger("sdae").addFilter(lambda record: "forked" in record.getMessage())
    signal.alarm(4 * SECONDS)
    torch.set_num_threads(2)
    MODEL = SDAETransformer((1030,), pretrain_epochs=1, n_threads=2, random_state=0).fit(WIDE)
    train()
    codes = MODEL.set_params(n_threads=None).transform(WIDE)
    in_a_child("child", lambda: train_and_answer(MODEL))
    if sys.argv[1:] != ["child"]:
        in_a_child("child that insists", lambda: insist(MODEL))
        in_a_thread(lambda: in_a_child("child of a thread", lambda: answer(MODEL)))
        in_workers(codes)
    assert torch.get_num_threads() == 2
    assert np.array_equal(MODEL.transform(WIDE), codes)
    print("all done")
