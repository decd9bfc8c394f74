"""What would stop fine-tuning is refused before pre-training."""

from typing import Any

import numpy as np
import pytest

from sdae import SDAEClassifier, SDAERegressor
from sdae.core.errors import InvalidParameterError
from tests.estimators.helpers import labels, quick, rows

PLAIN = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "engine": "closed_form"}


def refused(estimator: Any, problem: str, **fit: Any) -> None:
    """Assert that a fit is refused before it is pre-trained, and leaves nothing."""
    x = rows(60)

    def pretrained(*_: object, **__: object) -> None:
        raise AssertionError("it was pre-trained")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sdae.estimators.fit_stages.run_pretraining", pretrained)
        with pytest.raises((InvalidParameterError, ValueError), match=problem):
            estimator.fit(x, labels(x), **fit)
    assert not hasattr(estimator, "network_")


def test_an_engine_without_weights_of_rows() -> None:
    weights = np.linspace(1, 2, 60)
    problem = "engine parameter of finetune must be .* it does not support sample weights"
    refused(quick(SDAEClassifier, **PLAIN), problem, sample_weight=weights)
    weighted = quick(SDAEClassifier, **PLAIN, class_weight={0: 1, 1: 2, 2: 3})
    refused(weighted, problem)


def test_an_engine_without_a_penalty() -> None:
    problem = "engine parameter of finetune must be .* it does not support weight_decay"
    refused(quick(SDAEClassifier, **{**PLAIN, "alpha": 0.1}), problem)


@pytest.mark.parametrize("kind", [SDAEClassifier, SDAERegressor])
def test_too_few_rows_to_watch_some(kind: type[Any]) -> None:
    estimator = quick(kind, early_stopping=True, validation_fraction=0.999)
    refused(
        estimator,
        "validation_fraction parameter .* small enough to leave training rows .* Got 0.999",
    )
