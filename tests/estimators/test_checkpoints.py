"""A fit that was cut short goes on where it was, and ends with the same bytes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

import sdae
from sdae import Checkpoint, SDAEClassifier, SDAEOutlierDetector, SDAERegressor, SDAETransformer
from sdae.errors import InvalidParameterError
from tests.estimators.helpers import labels, quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Cut(BaseException):
    """The end of a process, as far as a fit can tell."""


class AfterEverySlice:
    """Interrupts after each slice, with a checkpoint."""

    def __call__(self) -> BaseException | None:
        return Cut()


FITS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "classifier": (SDAEClassifier, {}),
    "early stopping": (SDAEClassifier, {"early_stopping": True, "n_iter_no_change": 2}),
    "adaptive": (
        SDAEClassifier,
        {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.1},
    ),
    "regressor": (SDAERegressor, {}),
    "transformer": (SDAETransformer, {}),
    "outliers": (SDAEOutlierDetector, {}),
}


@pytest.mark.parametrize("name", FITS)
def test_a_fit_cut_after_every_slice_ends_with_the_same_bytes(name: str, tmp_path: Path) -> None:
    kind, settings = FITS[name]
    x = rows(60)
    y = x[:, 0] if kind is SDAERegressor else labels(x)
    whole = quick(kind, **settings).fit(x, y)
    checkpoint = Checkpoint(tmp_path, interruption=AfterEverySlice())
    n_cuts = 0
    while True:
        cut = quick(kind, **settings, checkpoint=checkpoint)
        try:
            cut.fit(x, y)
        except Cut:
            n_cuts += 1
            assert not hasattr(cut, "network_")
            continue
        break
    assert n_cuts > 3
    for estimator, file in ((whole, "whole"), (cut, "cut")):
        estimator.save(tmp_path / file)
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "cut").read_bytes()
    again = clone(cut).fit(x, y)  # at once, from what is kept
    again.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "whole").read_bytes()


def test_another_fit_is_refused(tmp_path: Path) -> None:
    x = rows(60)
    y = labels(x)
    quick(SDAEClassifier, checkpoint=tmp_path).fit(x, y)
    with pytest.raises(InvalidParameterError, match="another training: tol was"):
        quick(SDAEClassifier, checkpoint=tmp_path, tol=0.5).fit(x, y)
    with pytest.raises(InvalidParameterError, match="another training: x was"):
        quick(SDAEClassifier, checkpoint=tmp_path).fit(x[::-1], y)


def test_a_seed_is_needed(tmp_path: Path) -> None:
    x = rows(60)
    for state in (None, np.random.RandomState(0)):
        with pytest.raises(
            InvalidParameterError, match=r"random_state .* must be an integer where"
        ):
            quick(SDAETransformer, checkpoint=tmp_path, random_state=state).fit(x)
    with pytest.raises(InvalidParameterError, match=r"a folder, a Checkpoint or None\. Got 3"):
        quick(SDAETransformer, checkpoint=3).fit(x)


def test_a_file_does_not_name_the_folder_of_checkpoints(tmp_path: Path) -> None:
    model = quick(SDAETransformer, checkpoint=str(tmp_path / "checkpoints")).fit(rows(60))
    model.save(tmp_path / "model.safetensors")
    assert b"checkpoint" not in (tmp_path / "model.safetensors").read_bytes()
    loaded: Any = sdae.load(tmp_path / "model.safetensors")
    assert loaded.checkpoint is None


def test_partial_fit_keeps_nothing(tmp_path: Path) -> None:
    quick(SDAETransformer, checkpoint=tmp_path).partial_fit(rows(60))
    assert not list(tmp_path.iterdir())
