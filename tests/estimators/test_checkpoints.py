"""A fit that was cut short goes on where it was, and ends with the same bytes."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

import sdae
from sdae import Checkpoint, SDAEClassifier, SDAEOutlierDetector, SDAERegressor, SDAETransformer
from sdae.core.errors import InvalidParameterError
from sdae.estimators.fit_checkpoints import own_checkpoint
from sdae.train.beforehand import FinetuningTask
from sdae.train.finetuning import run_finetuning, train_network
from sdae.train.history import History
from sdae.train.identity import Entry
from tests.estimators.helpers import answers, labels, quick, rows
from tests.train.helpers import forge

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


def folders(folder: Path) -> set[str]:
    """Return the names of the trainings that a folder holds."""
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    "change",
    [
        {"tol": 0.5},
        {"pretrain_epochs": 3},
        {"hidden_layer_sizes": (6, 5)},
        {"corruption": "masking:0.1"},
        {"random_state": 4},
        {"scale": "minmax"},
        {"early_stopping": True},
    ],
    ids=str,
)
def test_another_fit_has_a_folder_of_its_own(change: dict[str, Any], tmp_path: Path) -> None:
    x = rows(60)
    y = labels(x)
    quick(SDAEClassifier, checkpoint=tmp_path).fit(x, y)
    before = folders(tmp_path)
    assert len(before) == 1
    quick(SDAEClassifier, checkpoint=tmp_path, **change).fit(x, y)
    assert len(folders(tmp_path)) == 2
    assert before < folders(tmp_path)


def test_other_data_names_and_classes_have_folders_of_their_own(tmp_path: Path) -> None:
    x = rows(60)
    y = labels(x)
    table = pytest.importorskip("pandas").DataFrame(x, columns=list("abcde"))
    fits: list[tuple[Any, Any, dict[str, Any]]] = [
        (x, y, {}),
        (x[::-1], y, {}),
        (x, np.roll(y, 1), {}),
        (2 * x, y, {}),  # which is the same when it is scaled
        (x, y + 1, {}),
        (x, y.astype(str), {}),
        (x, y.astype(np.int32), {}),
        (x, y, {"sample_weight": np.linspace(1, 2, 60)}),
        (x, y, {"X_unlabeled": x[:7]}),
        (table, y, {}),
        (table.rename(columns={"a": "b", "b": "a"}), y, {}),
    ]
    for number, (rows_, labels_, others) in enumerate(fits, start=1):
        for _ in range(2):
            model = quick(SDAEClassifier, checkpoint=tmp_path).fit(rows_, labels_, **others)
            assert len(folders(tmp_path)) == number
        assert model.classes_.dtype == np.asarray(labels_).dtype
        assert getattr(model, "feature_names_in_", None) is None or rows_ is not x


def test_targets_in_other_units_have_a_folder_of_their_own(tmp_path: Path) -> None:
    x = rows(60)
    one, other = (quick(SDAERegressor, checkpoint=tmp_path) for _ in range(2))
    assert len(folders(tmp_path)) == 0
    one.fit(x, x[:, 0])
    other.fit(x, 1024 * x[:, 0])  # which is the same when it is standardised
    np.testing.assert_allclose(other.predict(x), 1024 * one.predict(x), rtol=1e-6)
    assert len(folders(tmp_path)) == 2


def without_names(description: dict[str, Any], _: object) -> None:
    """Take away what checkpoints did not have in older versions."""
    del description["defaults"]
    for name in ("column names", "class names", "class type", "scaling", "target scaling"):
        del description["identity"][name]


@pytest.mark.parametrize("name", FITS)
def test_files_in_the_folder_itself_are_gone_on_with(name: str, tmp_path: Path) -> None:
    kind, settings = FITS[name]
    x = rows(60)
    y = x[:, 0] if kind is SDAERegressor else labels(x)
    whole = quick(kind, **settings).fit(x, y)
    interrupted = Checkpoint(tmp_path / "cut", interruption=AfterEverySlice())
    n_cuts = 0
    while True:
        try:
            cut = quick(kind, **settings, checkpoint=interrupted).fit(x, y)
        except Cut:
            if n_cuts == 0:  # as an older version had them
                (sub,) = (tmp_path / "cut").iterdir()
                for path in sub.iterdir():
                    path.rename(tmp_path / "cut" / path.name)
                sub.rmdir()
                forge(next((tmp_path / "cut").glob("*.safetensors")), without_names)
            n_cuts += 1
            continue
        break
    assert n_cuts > 3
    assert all(path.is_file() for path in (tmp_path / "cut").iterdir())
    assert answers(cut, x)[0].tobytes() == answers(whole, x)[0].tobytes()
    quick(kind, **settings, checkpoint=tmp_path / "cut", random_state=9).fit(x, y)
    assert len([p for p in (tmp_path / "cut").iterdir() if p.is_dir()]) == 1


def test_damaged_checkpoints_in_the_folder_itself_are_no_hindrance(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    x = rows(60)
    for name in ("pretraining-000001.safetensors", "pretraining-000001.json"):
        (tmp_path / name).write_text("{}")
    quick(SDAEClassifier, checkpoint=tmp_path).fit(x, labels(x))
    assert len([p for p in tmp_path.iterdir() if p.is_dir()]) == 1
    assert "are damaged" in caplog.text
    assert "This fit uses a subfolder." in caplog.text


def test_a_setting_that_comes_later_changes_no_folder() -> None:
    now = {"pretraining": {"seed": Entry("1"), "momentum": Entry("0.0", "0.0")}}
    later = {"pretraining": {**now["pretraining"], "warm_up": Entry("0", "0")}}
    used = {"pretraining": {**now["pretraining"], "warm_up": Entry("3", "0")}}
    one, same, other = (
        own_checkpoint(Checkpoint("folder"), stages).folder for stages in (now, later, used)
    )
    assert one == same != other


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_a_cross_validation_shares_a_folder(backend: str, tmp_path: Path) -> None:
    x = rows(60)
    y = labels(x)
    plain = cross_val_score(quick(SDAEClassifier), x, y, cv=3)
    model = quick(SDAEClassifier, checkpoint=str(tmp_path))
    with parallel_config(backend=backend, n_jobs=2):
        for _ in range(2):  # the second time at once
            scores = cross_val_score(model, x, y, cv=3, error_score="raise")
            assert scores.tolist() == plain.tolist()
    assert len(folders(tmp_path)) == 3


def test_a_search_goes_on_where_it_was_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = rows(60)
    y = labels(x)
    search = GridSearchCV(
        quick(SDAEClassifier, checkpoint=tmp_path), {"alpha": [1e-4, 1.0]}, cv=2, refit=True
    )
    run, n_runs = run_finetuning, [0]

    def killed_in_the_third(*arguments: Any, **named: Any) -> History:
        n_runs[0] += 1
        if n_runs[0] == 3:
            raise Cut
        return run(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr("sdae.estimators.fit_stages.run_finetuning", killed_in_the_third)
        with pytest.raises(Cut):
            search.fit(x, y)
    trained: list[object] = []

    def counted(task: FinetuningTask, *others: Any) -> None:
        trained.append(task)
        train_network(task, *others)

    monkeypatch.setattr("sdae.train.finetuning.train_network", counted)
    search.fit(x, y)
    assert len(trained) == 3  # two of the four had ended, and the best is fitted to all rows
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(folders(tmp_path)) == 5


def test_the_same_fit_at_once_waits_and_takes_over_what_was_learned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    x = rows(60)
    begun, go_on = threading.Event(), threading.Event()

    class Holds:
        """Lets the first fit, in its folder, wait until the second has come."""

        def __call__(self) -> BaseException | None:
            begun.set()
            assert go_on.wait(60)
            return None

    first = quick(SDAETransformer, checkpoint=Checkpoint(tmp_path, interruption=Holds()))
    with ThreadPoolExecutor(1) as pool, caplog.at_level(logging.WARNING, "sdae"):
        fitted = pool.submit(first.fit, x)
        assert begun.wait(60)
        monkeypatch = pytest.MonkeyPatch()

        def looked(_: float) -> None:
            go_on.set()  # and then wait for the first in earnest
            fitted.result(60)

        monkeypatch.setattr("sdae.estimators.fit_checkpoints.sleep", looked)
        try:
            second = quick(SDAETransformer, checkpoint=tmp_path).fit(x)
        finally:
            monkeypatch.undo()
            go_on.set()
    assert "is in use by process" in caplog.text
    assert "This fit is the same, so it waits" in caplog.text
    assert second.transform(x).tobytes() == first.transform(x).tobytes()
    assert second.history_ == first.history_


def test_a_seed_is_needed(tmp_path: Path) -> None:
    x = rows(60)
    for state in (None, np.random.RandomState(0)):
        with pytest.raises(
            InvalidParameterError, match=r"random_state .* must be an integer with a checkpoint"
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
