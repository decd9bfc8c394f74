"""That kernels are compiled, which takes a while, is said once by whatever trains."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from sdae import SDAEClassifier, finetune, pretrain
from sdae.core.kernels import cache_folder
from sdae.train.callbacks import PartStarted, log_compiling
from tests.train.helpers import labelled, small_stack, unit_rows


def _compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the fused engine report that it must compile its kernels."""
    for name in ("pretraining", "finetuning"):
        engine = f"sdae.train.engines.fused_{name}.Fused{name.capitalize()}"
        monkeypatch.setattr(f"{engine}.compiles", True)


def _classify() -> None:
    x, y = labelled(30)
    classifier = SDAEClassifier(
        (4,), pretrain_epochs=0, max_iter=1, solver="sgd", momentum=0, alpha=0, batch_size=1
    )
    with pytest.warns(match="Maximum iterations"):
        classifier.fit(x, y)


@pytest.mark.parametrize(
    "train",
    [
        lambda: pretrain(small_stack(sizes=(4,)), unit_rows(10), epochs=1),
        lambda: finetune(small_stack(), labelled(10), None, epochs=1),
        _classify,
    ],
    ids=["pretrain", "finetune", "fit"],
)
def test_compiling_is_said_once(
    train: Callable[[], object], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said = "Compiling kernels of the fused engine, once on this machine; it takes a while."
    with caplog.at_level(logging.WARNING, "sdae"):
        train()
        before = caplog.messages.count(said)
        _compiling(monkeypatch)
        caplog.clear()
        train()
    assert before <= 1
    assert caplog.messages.count(said) == 1


def test_where_no_machine_code_can_be_kept_compiling_is_not_said_to_happen_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def cannot(_folder: Path) -> bool:
        return False

    monkeypatch.setattr(cache_folder, "can_be_written", cannot)
    log_compiling(PartStarted("finetuning", None, 1, 10, "compiled", compiles=True))
    assert caplog.messages == [
        "Compiling kernels of the compiled engine, in every process, since no folder for machine "
        "code can be written (set NUMBA_CACHE_DIR to one that can); it takes a while."
    ]
