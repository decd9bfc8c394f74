"""What estimators say while they train."""

import logging

import pytest

from sdae.estimators.fit_callbacks import Recorder
from sdae.train.callbacks import PartStarted
from sdae.train.history import FINETUNING


@pytest.mark.parametrize("compiles", [True, False])
def test_compiling_is_announced(compiles: bool, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "sdae"):
        Recorder(verbose=False)(PartStarted(FINETUNING, None, 2, 30, "compiled", compiles))
    said = ["Compiling kernels of the compiled engine, once on this machine; it takes a while."]
    assert caplog.messages == (said if compiles else [])
