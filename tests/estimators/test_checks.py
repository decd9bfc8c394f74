"""scikit-learn's own checks, over all seven estimators and several sets of parameters."""

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sdae import (
    LadderClassifier,
    LadderRegressor,
    SDAEClassifier,
    SDAEImputer,
    SDAEOutlierDetector,
    SDAERegressor,
    SDAETransformer,
)

pytestmark = pytest.mark.untraced

_WEIGHTS = "minibatches are drawn by row: a row of weight 2 is one draw, two rows are two"


def expected_failures(estimator: Any) -> dict[str, str]:
    """Name what minibatch training cannot promise, as for scikit-learn's own SGD estimators."""
    parameters = estimator.get_params()
    if "alpha" not in parameters and "n_updates" not in parameters:
        return {}
    expected = {
        "check_sample_weight_equivalence_on_dense_data": _WEIGHTS,
        "check_sample_weight_equivalence_on_sparse_data": _WEIGHTS,
    }
    if parameters.get(
        "early_stopping"
    ):  # these checks call partial_fit, which MLPRegressor refuses too
        for check in (
            "check_n_features_in_after_fitting",
            "check_fit_score_takes_y",
            "check_estimators_partial_fit_n_features",
        ):
            expected[check] = "partial_fit does not support early_stopping"
    return expected


ESTIMATORS = [
    SDAETransformer(),
    SDAETransformer((7, 5), "sigmoid", layer="all", solver="sgd", pretrain_epochs=3),
    SDAEClassifier(),
    SDAERegressor(),
    SDAERegressor(
        (20, 10),
        "tanh",
        early_stopping=True,
        validation_fraction=0.3,
        pretrain_epochs=5,
        max_iter=400,
    ),
    SDAEOutlierDetector(),
    SDAEImputer((20,), pretrain_epochs=10),
    LadderClassifier((10,), n_updates=150, batch_size=20, learning_rate_init=0.01),
    LadderRegressor((10,), n_updates=150, batch_size=20, learning_rate_init=0.01),
]
MORE = [
    SDAEClassifier((20,), solver="lbfgs", alpha=0.1, pretrain_epochs=5, max_iter=500),
    SDAERegressor((20,), solver="lbfgs", pretrain_epochs=5, max_iter=500),
    SDAETransformer((7, 5), "tanh", layer=0, batch_size=1, solver="sgd", momentum=0),
    SDAEClassifier(
        (20, 20),
        "tanh",
        learning_rate_init=0.01,
        early_stopping=True,
        validation_fraction=0.3,
        scale="minmax",
    ),
    SDAEClassifier((30,), "logistic", class_weight="balanced", dropout=0.1, alpha=0),
    SDAERegressor((20,), loss="poisson", learning_rate_init=0.02),
    SDAEOutlierDetector((20, 5), activation="tanh", corruption="gaussian:0.2", tied=False),
    SDAEImputer(add_indicator=True, keep_empty_features=True, sample_posterior=True),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(  # type: ignore[untyped-decorator]
    ESTIMATORS, expected_failed_checks=expected_failures
)
def test_scikit_learns_check_passes(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(  # type: ignore[untyped-decorator]
    MORE, expected_failed_checks=expected_failures
)
def test_scikit_learns_check_passes_with_other_parameters(estimator: Any, check: Any) -> None:
    check(estimator)
