"""Fine-tuning a regression head: the loss, its gradient, what is learnt and what is measured."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.errors import DataError, InvalidParameterError
from sdae.train.scoring import error_of
from tests.train.helpers import V, parameters, small_stack, state_bytes, unit_rows

N = 12


def _regressor(n_targets: int = 2, **options: Any) -> StackedDenoisingAutoencoder:
    stack = small_stack(n_classes=None, **options)
    stack.add_regression_head(n_targets)
    return stack


def _valued(n: int, n_targets: int = 2, seed: int = 0) -> tuple[Any, NDArray[np.float64]]:
    """Return rows and values that depend on them linearly."""
    x = unit_rows(n, seed)
    slopes = np.random.default_rng(9).normal(size=(V, n_targets))
    return x, x @ slopes + 0.5


def _randomised(stack: StackedDenoisingAutoencoder) -> StackedDenoisingAutoencoder:
    rng = np.random.default_rng(4)
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(0, 0.5, size=parameter.shape)))
    return stack


def _cost(stack: StackedDenoisingAutoencoder, x: Any, y: Any, weights: Any = 1.0) -> float:
    """Σ w · ½ mean over targets of (ŷ − y)², over n."""
    residual = stack.predict_values(x).numpy() - y  # (n, T)
    return float(np.mean(weights * np.square(residual).mean(axis=1)) / 2)


def test_a_cost_is_half_the_mean_squared_error() -> None:
    stack, (x, y) = _randomised(_regressor(dtype=torch.float64)), _valued(N)
    history = finetune(stack, (x, y), None, epochs=1, learning_rate=0.0, batch_size=5)
    assert history.costs() == pytest.approx([_cost(stack, x, y)], rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_targets", [1, 3])
def test_a_step_follows_the_gradient_by_finite_differences(n_targets: int, weighted: bool) -> None:
    x, y = _valued(N, n_targets)
    weights = np.arange(N, dtype=np.float64) if weighted else None
    scale = 1.0 if weights is None else weights / weights.mean()
    stack, moved = (_randomised(_regressor(n_targets, dtype=torch.float64)) for _ in range(2))
    finetune(moved, (x, y), None, epochs=1, learning_rate=1.0, batch_size=N, sample_weight=weights)
    step = 1e-6
    for ours, theirs in zip(stack.mlp.parameters(), moved.mlp.parameters(), strict=True):
        flat, after = ours.data.view(-1), theirs.detach().reshape(-1)
        for i in range(0, len(flat), max(1, len(flat) // 7)):
            here = float(flat[i])
            costs = []
            for shift in (step, -step):
                flat[i] = here + shift
                costs.append(_cost(stack, x, y, scale))
            flat[i] = here
            gradient = (costs[0] - costs[1]) / (2 * step)
            assert float(after[i]) - here == pytest.approx(-gradient, rel=1e-6, abs=1e-9)


def test_a_linear_function_is_learnt() -> None:
    train, validation, test = (_valued(n, seed=seed) for n, seed in ((400, 0), (100, 1), (100, 2)))
    stack = StackedDenoisingAutoencoder(V, (30,), n_targets=2, corruption_levels=0.1, seed=3)
    pretrain(stack, train[0], epochs=5, batch_size=20, learning_rate=0.1)
    history = finetune(
        stack,
        train,
        validation,
        test,
        epochs=150,
        batch_size=20,
        optimizer="adam",
        learning_rate=0.01,
        shuffle=True,
    )
    variance = test[1].var(axis=0).mean()
    assert history.test_error is not None
    assert history.test_error < 0.02 * variance
    residual = stack.predict_values(test[0]).numpy() - test[1]
    assert np.square(residual).mean() == pytest.approx(history.test_error, rel=1e-4)
    assert history.best_epoch is not None
    assert history.best_epoch > 10


def test_errors_are_mean_squared_errors_over_rows_and_targets() -> None:
    stack = _randomised(_regressor(3, dtype=torch.float64))
    (x, y), (other, values) = _valued(2500, 3), _valued(7, 3, seed=1)
    history = finetune(stack, (x, y), (x, y), (other, values), epochs=1, learning_rate=0.0)
    validation = np.square(stack.predict_values(x).numpy() - y).mean()
    test = np.square(stack.predict_values(other).numpy() - values).mean()
    record = history.records[0]
    assert record.validation_error == history.best_validation_error
    assert record.validation_error == pytest.approx(validation, rel=1e-12)
    assert record.test_error == history.test_error == pytest.approx(test, rel=1e-12)
    assert error_of(stack, (x, torch.from_numpy(y), None)) == pytest.approx(validation)


def test_the_parameters_of_the_lowest_error_are_kept() -> None:
    stack, pair = _regressor(), _valued(N)
    history = finetune(stack, pair, pair, epochs=3, learning_rate=0.1)
    assert history.best_validation_error is not None
    last = np.square(stack.predict_values(pair[0]).numpy() - pair[1]).mean()
    assert last == pytest.approx(history.best_validation_error, rel=1e-5)


def test_one_target_may_be_a_column_or_not() -> None:
    x, y = _valued(N, 1)
    states = set()
    for values in (y, y[:, 0], torch.from_numpy(y), y.astype(">f8"), np.asfortranarray(y)):
        stack = _regressor(1)
        finetune(stack, (x, values), (x, values), epochs=2)
        states.add(state_bytes(stack))
    assert len(states) == 1


def test_the_head_and_all_layers_move_and_values_are_left_alone() -> None:
    stack, (x, y) = _regressor(), _valued(N)
    before, values = parameters(stack), y.copy()
    y.flags.writeable = False
    finetune(stack, (x, y), (x, y), epochs=2)
    stays = {name for name, old in before.items() if np.array_equal(old, parameters(stack)[name])}
    assert stays == {f"autoencoders.{k}.visible_bias" for k in (0, 1)}
    assert (y == values).all()


@pytest.mark.parametrize("settings", [{"dropout": 0.2}, {"input_dropout": 0.2}, {"max_norm": 1.0}])
def test_a_regressor_may_be_regularised(settings: dict[str, Any]) -> None:
    plain, regular = _regressor(), _regressor()
    finetune(plain, _valued(N), None, epochs=2, batch_size=4)
    history = finetune(regular, _valued(N), None, epochs=2, batch_size=4, **settings)
    assert all(np.isfinite(history.costs()))
    assert state_bytes(plain) != state_bytes(regular)


def test_regression_is_not_for_the_fused_engine() -> None:
    assert finetune(_regressor(), _valued(N), None, epochs=1).records[0].engine == "compiled"
    words = r"used here: it trains classifiers, and the stack has a regression head\. Use 'auto'"
    with pytest.raises(InvalidParameterError, match=words):
        finetune(_regressor(), _valued(N), None, engine="fused")


@pytest.mark.parametrize("which", ["training", "validation", "test"])
def test_values_that_do_not_fit_are_refused_by_the_name_of_their_set(which: str) -> None:
    stack = _regressor()
    for y, problem in (
        (np.zeros(N), r"must have shape \(12, 2\), 2 values per row\. Got shape \(12,\) instead"),
        (np.full((N, 2), np.nan), r"must be finite\. Got NaN or infinity instead, first in row 0"),
    ):
        sets: dict[str, Any] = {name: _valued(N) for name in ("training", "validation", "test")}
        sets[which] = (sets[which][0], y)
        with pytest.raises(DataError, match=f"^The values of the {which} set {problem}"):
            finetune(stack, *sets.values())
    assert state_bytes(stack) == state_bytes(_regressor())


def test_a_classifier_takes_no_values() -> None:
    with pytest.raises(DataError, match=r"labels of the training set must have shape \(12,\)"):
        finetune(small_stack(), _valued(N), None)


def test_the_tutorial_s_functions_need_classes() -> None:
    with pytest.raises(
        InvalidParameterError, match=r"regression head for 2 targets, which does not"
    ):
        _regressor().build_finetune_functions([_valued(N)] * 3, 1, 0.1)  # type: ignore[list-item]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("part", ["training", "validation", "test"])
def test_values_whose_squares_are_too_large_are_refused(dtype: torch.dtype, part: str) -> None:
    stack = StackedDenoisingAutoencoder(3, (2,), n_targets=1).to(dtype)
    x, y = np.random.default_rng(0).random((8, 3)), np.arange(8.0)
    parts: dict[str, Any] = dict.fromkeys(("training", "validation", "test"), (x, y))
    parts[part] = x, np.where(y == 5, 1e20 if dtype is torch.float32 else 1e160, y)
    limit = r"1\.8e\+19 .* in float32" if dtype is torch.float32 else r"1\.3e\+154 .* in float64"
    with pytest.raises(DataError, match=f"of the {part} set must be at most {limit}.*in row 5"):
        finetune(stack, *parts.values(), epochs=1)
    parts[part] = x, np.where(y == 5, 1e17, y)
    assert np.isfinite(finetune(stack, *parts.values(), epochs=1, learning_rate=1e-9).costs()).all()


def test_a_sum_of_squares_that_is_too_large_is_not_a_silent_infinity() -> None:
    stack = StackedDenoisingAutoencoder(3, (2,), n_targets=1)
    x, y = np.random.default_rng(0).random((8, 3)), np.arange(8.0)
    with pytest.raises(DataError, match=r"their values go up to 1\.5e\+19\. Divide all values"):
        finetune(stack, (x, y), (x, np.full(8, 1.5e19)), epochs=1, learning_rate=1e-9)
