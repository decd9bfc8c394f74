"""What holds of all five: the user's data stay, seeds decide, files and pickles keep."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import sdae
from tests.estimators.helpers import ALL, answers, fitted, labels, quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
EACH = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)


def same(one: Any, other: Any) -> bool:
    x = rows(70, seed=5)
    pairs = zip(answers(one, x), answers(other, x), strict=True)
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


@EACH
def test_rows_and_targets_are_left_as_they_are(kind: type) -> None:
    x = rows()
    y = labels(x)
    before, y_before = x.copy(), y.copy()
    estimator = quick(kind).fit(x, y)
    answers(estimator, x)
    assert x.tobytes() == before.tobytes()
    assert y.tobytes() == y_before.tobytes()


@EACH
def test_the_same_seed_gives_the_same_bytes_and_another_one_others(kind: type) -> None:
    assert same(fitted(kind), fitted(kind))
    assert not same(fitted(kind), fitted(kind, random_state=4))


@EACH
def test_a_pickle_and_joblibs_file_keep_it_before_and_after_fitting(
    kind: type, tmp_path: Path
) -> None:
    unfitted = pickle.loads(pickle.dumps(quick(kind)))
    x = rows()
    model = unfitted.fit(x, labels(x))
    assert same(model, fitted(kind))
    assert same(pickle.loads(pickle.dumps(model)), model)
    joblib.dump(model, tmp_path / "model.joblib")
    assert same(joblib.load(tmp_path / "model.joblib"), model)


@EACH
def test_its_text_makes_the_same_estimator_again(kind: type) -> None:
    estimator = quick(kind, corruption="gaussian:0.2", tied=False)
    again = eval(repr(estimator), {kind.__name__: kind})
    assert again.get_params() == estimator.get_params()
    assert clone(estimator).get_params() == estimator.get_params()


@EACH
def test_a_file_gives_it_back_to_the_byte(kind: type, tmp_path: Path) -> None:
    model = fitted(kind, corruption=("masking:0.2", "gaussian:0.1"))
    model.save(tmp_path / "model.safetensors")
    loaded = sdae.load(tmp_path / "model.safetensors")
    assert type(loaded) is kind
    assert same(loaded, model)
    timeless = [replace(each, seconds=0.0, samples_per_second=0.0) for each in model.history_]
    assert list(loaded.history_) == timeless
    assert loaded.pretraining_loss_curves_ == model.pretraining_loss_curves_
    loaded.save(tmp_path / "again.safetensors")
    fitted(kind, corruption=("masking:0.2", "gaussian:0.1")).save(tmp_path / "equal.safetensors")
    first, *others = (tmp_path / f"{name}.safetensors" for name in ("model", "again", "equal"))
    assert all(other.read_bytes() == first.read_bytes() for other in others)


@EACH
@pytest.mark.parametrize(
    ("parameter", "value", "text"),
    [
        ("hidden_layer_sizes", (0,), "an integer ≥ 1"),
        ("activation", "swish", "one of 'sigmoid', 'tanh', 'relu', .*'identity', 'logistic'"),
        ("corruption", "maskin:0.1", "Did you mean 'masking'"),
        ("pretrain_epochs", -1, "an integer ≥ 0"),
        ("pretrain_learning_rate", "fast", "a finite number ≥ 0"),
        ("decoder", "cubic", "one of 'auto', 'sigmoid', 'linear'"),
        ("scale", "log", "one of 'auto', 'none', 'minmax', 'standard'"),
        ("solver", "newton", "one of 'sgd', 'adam', 'adamw', 'nadam', 'rmsprop'"),
        ("batch_size", 0, "'auto' or an integer ≥ 1"),
        ("momentum", 2, r"a number in \[0, 1\]"),
        (
            "engine",
            "steam",
            "one of 'auto', 'fused', 'compiled', 'graph', 'closed_form', 'autograd'",
        ),
        ("n_threads", 0, "an integer ≥ 1, or none"),
        ("tied", "yes", "true or false"),
    ],
)
def test_a_bad_parameter_is_named_with_what_it_must_be(
    kind: type, parameter: str, value: object, text: str
) -> None:
    x = rows()
    with pytest.raises(ValueError, match=f"(?s){parameter} parameter of .*{text}"):
        quick(kind, **{parameter: value}).fit(x, labels(x))


@EACH
def test_as_many_values_as_layers_are_wanted(kind: type) -> None:
    x = rows()
    with pytest.raises(ValueError, match=r"for each of the 2 layers\. Got 3 values"):
        quick(kind, pretrain_epochs=(1, 2, 3)).fit(x, labels(x))


@EACH
def test_missing_values_are_taken_and_infinite_ones_are_not(kind: type) -> None:
    x = rows()
    y = labels(x)
    x[3, 1] = np.nan
    model = quick(kind).fit(x, y)
    marked = range(5) if kind is sdae.SDAEImputer else [1]
    marks = [f"x{k} is missing" for k in marked]
    assert model.schema_.parts == ("x0", "x1", "x2", "x3", "x4", *marks)
    x[5, 2] = np.inf
    with pytest.raises(ValueError, match=r"infinity.* the first in row 5 of column 'x2'"):
        quick(kind).fit(x, y)


@EACH
def test_the_number_of_threads_is_pytorchs_again_afterwards(kind: type) -> None:
    import torch

    before = torch.get_num_threads()
    fitted(kind, n_threads=1)
    assert torch.get_num_threads() == before


@EACH
def test_a_row_says_the_same_whatever_company_it_has(kind: type) -> None:
    model = fitted(kind)
    x = rows(200, seed=8)
    for row in (0, 31, 32, 130):
        for alone, among in zip(answers(model, x[[row]]), answers(model, x), strict=True):
            assert alone[0].tobytes() == among[row].tobytes()


@pytest.mark.parametrize("case", range(15))
def test_a_row_says_the_same_in_networks_of_any_width(case: int) -> None:
    rng = np.random.default_rng(case)
    sizes = tuple(int(size) for size in rng.integers(1, 140, 1 + case % 2))
    x = rng.normal(size=(70, int(rng.integers(1, 140))))
    activation = ("tanh", "relu", "sigmoid")[case % 3]
    model = quick(sdae.SDAEClassifier, hidden_layer_sizes=sizes, activation=activation)
    model.fit(x, np.arange(70) % int(rng.integers(2, 12)))
    order = rng.permutation(70)
    for one, other in zip(answers(model, x), answers(model, x[order]), strict=True):
        assert one[order].tobytes() == other.tobytes()


def test_a_plateau_that_never_came_is_told() -> None:
    x = rows()
    with pytest.warns(ConvergenceWarning, match="max_iter=4"):
        quick(sdae.SDAEClassifier).fit(x, labels(x))
