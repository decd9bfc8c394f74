"""Subclasses fit, clone and pickle as estimators do; files hold only what can be loaded again."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sdae import SDAEClassifier, SDAEOutlierDetector, SDAERegressor, SDAETransformer
from sdae.core.errors import DataError, InvalidParameterError
from tests.estimators.helpers import ALL, answers, labels, quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X = rows()
Y = labels(X)


class Plain(SDAEClassifier):
    """Nothing of its own."""


class Clipping(SDAEClassifier):
    """A parameter of its own, and some of ours."""

    def __init__(
        self, hidden_layer_sizes: Any = (6, 4), *, limit: float = 2.0, alpha: float = 1e-4
    ) -> None:
        super().__init__(
            hidden_layer_sizes, alpha=alpha, pretrain_epochs=2, max_iter=4, tol=0.0, random_state=3
        )
        self.limit = limit

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **others: Any) -> "Clipping":
        super().fit(np.clip(X, -self.limit, self.limit), y, sample_weight, **others)
        return self


class Settled(SDAERegressor):
    """All of ours settled."""

    def __init__(self) -> None:
        super().__init__((6, 4), pretrain_epochs=2, max_iter=4, tol=0.0, random_state=3)


class Deeper(Clipping):
    """A subclass of a subclass."""

    def __init__(self, limit: float = 1.0, *, word: str = "") -> None:
        super().__init__((6, 4), limit=limit)
        self.word = word


class Codes(SDAETransformer):
    """A transformer with one more parameter."""

    def __init__(self, hidden_layer_sizes: Any = (6, 4), *, name: str = "code") -> None:
        super().__init__(hidden_layer_sizes, pretrain_epochs=2, random_state=3)
        self.name = name


class Strange(SDAEOutlierDetector):
    """A detector with one more parameter."""

    def __init__(self, contamination: float = 0.1, *, name: str = "score") -> None:
        super().__init__((6, 4), contamination=contamination, pretrain_epochs=2, random_state=3)
        self.name = name


SUBCLASSES = (Plain, Clipping, Settled, Deeper, Codes, Strange)


def made(kind: type[Any]) -> Any:
    return quick(Plain) if kind is Plain else kind()


@pytest.mark.parametrize("kind", SUBCLASSES)
def test_a_subclass_fits_clones_and_pickles(kind: type[Any]) -> None:
    model = made(kind).fit(X, Y)
    said = [answer.tobytes() for answer in answers(model, X)]
    again = clone(model)
    assert again.get_params() == model.get_params()
    assert [answer.tobytes() for answer in answers(again.fit(X, Y), X)] == said
    unpickled = pickle.loads(pickle.dumps(model))
    assert [answer.tobytes() for answer in answers(unpickled, X)] == said


@pytest.mark.parametrize("kind", [Codes, Strange, Clipping])
def test_a_subclass_takes_a_stream(kind: type[Any]) -> None:
    more = {"classes": [0, 1, 2]} if kind is Clipping else {}
    model = kind().partial_fit(X, Y, **more)
    assert answers(model, X)


@pytest.mark.parametrize("kind", SUBCLASSES)
def test_a_file_of_a_subclass_is_refused_and_none_is_left(kind: type[Any], tmp_path: Path) -> None:
    model = made(kind).fit(X, Y)
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"older")
    base = next(base.__name__ for base in ALL if isinstance(model, base))
    with pytest.raises(DataError) as refused:
        model.save(path)
    assert str(refused.value) == (
        f"A file can hold only the estimators of sdae, but {kind.__name__} is a subclass of "
        f"{base}, which sdae.load cannot create. Pickle it, or save only its network with "
        "network_.save."
    )
    assert path.read_bytes() == b"older"
    model.network_.save(tmp_path / "network.safetensors")


def test_a_class_that_borrows_a_name_is_refused_too(tmp_path: Path) -> None:
    borrowed: Any = type("SDAEClassifier", (SDAEClassifier,), {})
    model = quick(borrowed).fit(X, Y)
    with pytest.raises(DataError, match="is a subclass of SDAEClassifier"):
        model.save(tmp_path / "model.safetensors")


def test_what_a_subclass_hands_on_is_checked_and_named_after_it() -> None:
    with pytest.raises(InvalidParameterError, match="alpha parameter of Clipping must be"):
        Clipping(alpha=-1.0).fit(X, Y)
    model = Clipping().set_params(alpha=0.5, limit=0.3)
    assert model.get_params() == {"alpha": 0.5, "hidden_layer_sizes": (6, 4), "limit": 0.3}
    plain = quick(SDAEClassifier, alpha=0.5).fit(np.clip(X, -0.3, 0.3), Y)
    assert answers(model.fit(X, Y), X)[0].tobytes() == answers(plain, X)[0].tobytes()


def test_a_search_over_a_parameter_of_its_own() -> None:
    search = GridSearchCV(Clipping(), {"limit": [0.1, 2.0]}, cv=2, error_score="raise").fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_subclass_has_checkpoints(tmp_path: Path) -> None:
    model = Codes()
    model.checkpoint = tmp_path
    one = model.fit(X).transform(X)
    other = clone(model)
    other.checkpoint = tmp_path
    assert other.fit(X).transform(X).tobytes() == one.tobytes()
    assert len(list(tmp_path.iterdir())) == 1
