"""The ladder estimators: learning from few labels, tables, files, checkpoints, and errors."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sdae
from sdae import Checkpoint, LadderClassifier, LadderRegressor, StackedDenoisingAutoencoder
from sdae.core.errors import DataError, FileFormatError, InvalidParameterError
from sdae.core.model_file import load_model, save_model
from sdae.data.few_labels import balanced_labels
from sdae.estimators import ladder_fitting
from sdae.estimators.fit_callbacks import Recorder

KINDS = (LadderClassifier, LadderRegressor)


def rows(n: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    centres = np.random.default_rng(9).normal(0, 2, (3, 6))
    return (centres[y] + rng.normal(size=(n, 6))).astype(np.float32), y


def quick(kind: type = LadderClassifier, **parameters: Any) -> Any:
    given = {"hidden_layer_sizes": (12,), "n_updates": 60, "batch_size": 20, "random_state": 3}
    return kind(**{**given, **parameters})


def same(one: Any, other: Any) -> bool:
    x, _ = rows(50, seed=4)
    return bool(np.array_equal(one.predict(x), other.predict(x))) and bool(
        np.array_equal(one.transform(x), other.transform(x))
    )


@pytest.mark.untraced
def test_few_labels_of_digits_are_enough() -> None:
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[:1200], order[1200:]
    some = balanced_labels(y[train], 50, seed=1)
    known = np.full(1200, -1)
    known[some] = y[train][some]
    model = LadderClassifier(unlabeled_label=-1, n_updates=1500, random_state=0)
    model.fit(x[train], known)
    plain = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    plain.fit(x[train][some], y[train][some])

    assert model.score(x[test], y[test]) > 0.88
    assert model.score(x[test], y[test]) > plain.score(x[test], y[test]) + 0.04


@pytest.mark.untraced
def test_values_are_learned_from_few_targets() -> None:
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(600, 2))
    x = hidden @ rng.normal(size=(2, 10)) + 0.3 * rng.normal(size=(600, 10))
    y = 100 + 20 * hidden[:, 0]
    known = np.where(np.arange(400) < 30, y[:400], np.nan)
    model = LadderRegressor(n_updates=1000, random_state=0).fit(x[:400], known)

    assert model.score(x[400:], y[400:]) > 0.8


def test_auto_is_settled_by_the_rows() -> None:
    x, y = rows()
    model = LadderClassifier(n_updates=20, random_state=0).fit(x, y)
    assert model.hidden_layer_sizes_ == (100, 50)
    assert model.batch_size_ == 50
    assert model.input_noise_ == pytest.approx(1.0, abs=1e-3)
    assert model.denoising_cost_ == pytest.approx((30.0,), rel=1e-3)
    wide = np.random.default_rng(0).random((60, 300))
    model = LadderClassifier((20,), n_updates=5, random_state=0).fit(wide, np.arange(60) % 2)
    assert (model.input_noise_, model.batch_size_) == (0.3, 100)
    assert model.denoising_cost_[0] == pytest.approx(0.43 * 300 / wide.var(axis=0).mean(), rel=1e-3)


def test_rows_are_not_measured_where_nothing_depends_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = rows()

    def not_asked(*_: Any) -> float:
        raise AssertionError

    monkeypatch.setattr(ladder_fitting, "mean_variance", not_asked)
    given: dict[str, Any] = {"input_noise": 0.7, "denoising_cost": 5.0}
    assert quick(n_updates=2, **given).fit(x, y).input_noise_ == 0.7
    for name in given:
        with pytest.raises(AssertionError):
            quick(n_updates=2, **{name: given[name]}).fit(x, y)


@pytest.mark.parametrize(
    ("given", "updates"), [({}, "20"), ({"max_minutes": 0.0005}, "those of 0.0005 min")]
)
def test_the_log_says_in_words_what_was_settled(
    given: Any, updates: str, caplog: pytest.LogCaptureFixture
) -> None:
    x, y = rows()
    with caplog.at_level("INFO", logger="sdae"):
        LadderClassifier(n_updates=20, random_state=0, **given).fit(x, y)
    assert (
        "LadderClassifier: hidden layers 100-50, input noise 1, denoising cost 30, updates "
        f"{updates}, rows of a batch 50."
    ) in caplog.messages


def test_given_parameters_are_taken() -> None:
    x, y = rows()
    costs = (5.0, 1.0, 0.1)
    model = quick(input_noise=0.7, denoising_cost=costs, hidden_noise=0.1).fit(x, y)
    assert (model.input_noise_, model.denoising_cost_) == (0.7, costs)
    assert (model.ladder_.input_noise, model.ladder_.hidden_noise) == (0.7, 0.1)
    assert model.n_iter_ == 10  # 6 updates a pass


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_decide_and_copies_keep(kind: type) -> None:
    x, y = rows()
    model = quick(kind).fit(x, y)
    assert same(model, quick(kind).fit(x, y))
    assert not same(model, quick(kind, random_state=4).fit(x, y))
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert same(model, other)
        assert other.denoising_cost_ == model.denoising_cost_
    assert clone(model).get_params() == model.get_params()


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_gives_it_back_to_the_byte(kind: type, tmp_path: Path) -> None:
    x, y = rows()
    model = quick(kind).fit(x, y)
    model.save(tmp_path / "a.safetensors")
    loaded: Any = sdae.load(tmp_path / "a.safetensors")
    assert type(loaded).__name__ == kind.__name__
    assert same(model, loaded)
    assert loaded.loss_curve_ == model.loss_curve_
    assert loaded.input_noise_ == model.input_noise_
    loaded.save(tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_the_network_is_a_stack_of_its_own_file(tmp_path: Path) -> None:
    x, y = rows()
    model = quick().fit(x, y)
    model.network_.save(tmp_path / "n.safetensors")
    stack = StackedDenoisingAutoencoder.load(tmp_path / "n.safetensors")
    scaled = model.scaling_.apply(x)
    assert (stack.predict(scaled).numpy() == model.classes_.searchsorted(model.predict(x))).all()
    assert isinstance(sdae.load(tmp_path / "n.safetensors"), LadderClassifier)


def test_a_file_that_says_it_is_another_estimator_is_refused(tmp_path: Path) -> None:
    x, y = rows()
    quick().fit(x, y).save(tmp_path / "a.safetensors")
    model = load_model(tmp_path / "a.safetensors")
    assert model.estimator is not None
    forged = {**model.estimator, "kind": "SDAEClassifier"}
    save_model(type(model)(**{**vars(model), "estimator": forged}), tmp_path / "b.safetensors")
    with pytest.raises(FileFormatError, match="not that of a SDAEClassifier"):
        sdae.load(tmp_path / "b.safetensors")


def test_tables_with_gaps_and_categories() -> None:
    x, y = rows(200)
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(x, columns=list("abcdef"))
    frame["kind"] = np.array(["u", "v", "w"])[y]
    frame.loc[::7, "a"] = np.nan
    labels = pd.Series(np.array(["one", "two", "three"])[y])
    labels[40:] = None
    model = quick(n_updates=300).fit(frame, labels)
    assert set(model.classes_) == {"one", "two", "three"}
    assert model.score(frame, np.array(["one", "two", "three"])[y]) > 0.95
    assert model.schema_ is not None


def test_sparse_rows_and_rows_in_a_second_array() -> None:
    x, y = rows(200)
    x = np.maximum(x, 0)
    dense = quick(scale="none").fit(x[:40], y[:40], X_unlabeled=x[40:])
    thin = quick(scale="none").fit(
        sparse.csr_matrix(x[:40]), y[:40], X_unlabeled=sparse.csr_matrix(x[40:])
    )
    np.testing.assert_allclose(
        thin.predict_proba(sparse.csr_matrix(x)), dense.predict_proba(x), rtol=1e-5
    )


def test_several_labels_and_one_class() -> None:
    x, _ = rows(100)
    several = (x[:, :3] > 0).astype(int)
    model = quick(n_updates=600, denoising_cost=2).fit(x, several)
    assert model.predict(x).shape == (100, 3)
    assert model.score(x, several) > 0.6
    assert set(quick().fit(x, np.ones(100)).predict(x)) == {1.0}


def test_weights_and_class_weights_change_the_fit() -> None:
    x, y = rows()
    plain = quick().fit(x, y)
    assert not same(plain, quick(class_weight={0: 5, 1: 1, 2: 1}).fit(x, y))
    assert not same(plain, quick().fit(x, y, sample_weight=np.arange(120) + 1.0))
    assert same(plain, quick().fit(x, y, sample_weight=np.full(120, 2.0)))


def test_an_interrupted_fit_goes_on(tmp_path: Path) -> None:
    class Cut(BaseException):
        pass

    x, y = rows(400)
    whole = quick(n_updates=300).fit(x, y)
    calls = iter(range(100))
    checkpoint = Checkpoint(
        tmp_path, "1epoch", interruption=lambda: Cut() if next(calls) == 4 else None
    )
    with pytest.raises(Cut):
        quick(n_updates=300, checkpoint=checkpoint).fit(x, y)
    resumed = quick(n_updates=300, checkpoint=Checkpoint(tmp_path, "1epoch")).fit(x, y)
    assert same(resumed, whole)
    assert resumed.loss_curve_ == whole.loss_curve_


def test_ctrl_c_keeps_what_was_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupting(Recorder):
        def __call__(self, event: Any) -> None:
            super().__call__(event)
            if len(self.records) == 5:
                raise KeyboardInterrupt

    monkeypatch.setattr(ladder_fitting, "Recorder", Interrupting)
    x, y = rows()
    with pytest.warns(UserWarning, match="interrupted.*usable"):
        model = quick(n_updates=600).fit(x, y)
    assert model.score(x, y) > 0.5


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"hidden_layer_sizes": ()}, "hidden_layer_sizes"),
        ({"input_noise": "much"}, "input_noise"),
        ({"hidden_noise": -1}, "hidden_noise"),
        ({"denoising_cost": (1, 2)}, "denoising_cost"),
        ({"combinator": "x"}, "combinator"),
        ({"n_updates": 0}, "n_updates"),
        ({"max_minutes": "1"}, "max_minutes"),
        ({"learning_rate_init": None}, "learning_rate_init"),
        ({"batch_size": 1}, "batch_size"),
        ({"engine": "fused"}, "engine"),
        ({"scale": "log"}, "scale"),
        ({"random_state": "x"}, "random_state"),
    ],
)
def test_wrong_parameters_are_named(parameters: dict[str, Any], words: str) -> None:
    x, y = rows()
    with pytest.raises(InvalidParameterError, match=words):
        quick(**parameters).fit(x, y)


def test_an_engine_that_cannot_train_it_is_refused_in_the_name_of_the_estimator() -> None:
    model = quick(engine="compiled", combinator="augmented_mlp")
    with pytest.raises(InvalidParameterError, match="engine parameter of LadderClassifier must be"):
        model.fit(*rows())


def test_what_cannot_be_learned_from_is_refused() -> None:
    x, y = rows()
    with pytest.raises(NotFittedError):
        quick().predict(x)
    with pytest.raises(DataError, match="needs rows with labels"):
        quick(unlabeled_label=-1).fit(x, np.full(120, -1))
    with pytest.raises(ValueError, match="expecting 6 features"):
        quick(LadderRegressor).fit(x, np.c_[y, y], X_unlabeled=x[:, :3])


def test_a_failed_fit_leaves_the_estimator_as_it_was() -> None:
    x, y = rows()
    model = quick().fit(x, y)
    before = model.predict_proba(x)
    with pytest.raises(InvalidParameterError):
        model.set_params(batch_size=1).fit(x, y)
    model.set_params(batch_size=20)
    assert np.array_equal(model.predict_proba(x), before)


def test_it_can_be_cross_validated() -> None:
    x, y = rows()
    scores = cross_val_score(quick(n_updates=200), x, y, cv=3)
    assert scores.mean() > 0.8


def test_a_fit_that_was_interrupted_at_once_can_be_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupting(Recorder):
        def __call__(self, _: Any) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(ladder_fitting, "Recorder", Interrupting)
    x, y = rows()
    with pytest.warns(UserWarning, match="interrupted"):
        model = quick().fit(x, y)
    model.save(tmp_path / "a.safetensors")
    loaded: Any = sdae.load(tmp_path / "a.safetensors")
    assert loaded.n_updates_ == model.n_updates_ == 0
    assert np.array_equal(loaded.predict_proba(x), model.predict_proba(x))
