"""Estimators on tables of texts, dates and gaps that stay on the disk."""

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
from sklearn.model_selection import cross_val_score

from sdae import SDAEClassifier, SDAEImputer, SDAERegressor, SDAETransformer
from sdae.core.errors import DataError, FileAccessError
from sdae.core.schema.table_rows import TableRows
from sdae.data import open_rows, open_table
from sdae.data.stored import typed_file
from tests.core.schema.tables import assert_same_schema
from tests.data.people import WRITERS, people

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
N = 600
COLUMNS = ["size", "count", "smoker", "weight", "height"]
MEMORY = 20_000  # for rows of the network, not for the table


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed_file, "_CELLS", 300)


def table(seed: int = 0) -> pd.DataFrame:
    found = people(N, seed)
    rng = np.random.default_rng(seed)
    found["weight"] = np.where(rng.random(N) < 0.1, np.nan, rng.normal(70, 9, N))
    found["height"] = rng.normal(size=N)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    WRITERS[".parquet"](table(), tmp_path / "people.parquet")
    return tmp_path / "people.parquet"


def opened(path: Path, **options: Any) -> TableRows:
    rows = open_table(path, COLUMNS, "class", memory=MEMORY, scratch=path.parent, **options)
    assert not rows.are_few
    return rows


def model(**options: Any) -> SDAEClassifier:
    settings = {"pretrain_epochs": 2, "max_iter": 3, "random_state": 0, "tol": 0.0, **options}
    return SDAEClassifier((6,), **settings)


def test_a_fit_is_that_of_the_table_in_memory(path: Path) -> None:
    rows, frame = opened(path), table()
    assert rows.shape == (N, len(COLUMNS))
    assert rows.targets is not None
    assert rows.targets.tolist() == frame["class"].tolist()
    found = model(early_stopping=True).fit(rows, rows.targets)
    expected = model(early_stopping=True).fit(frame[COLUMNS], frame["class"])
    assert found.schema_ is not None
    assert expected.schema_ is not None
    assert_same_schema(found.schema_, expected.schema_)
    for ours, theirs in zip(found.coefs_, expected.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert found.feature_names_in_.tolist() == COLUMNS
    assert (found.predict_proba(rows) == found.predict_proba(frame[COLUMNS])).all()
    assert found.score(rows, rows.targets) == found.score(frame[COLUMNS], frame["class"])
    few = rows[5:25]
    assert few.are_few
    assert (found.predict_proba(few) == found.predict_proba(frame[COLUMNS])[5:25]).all()


def test_rows_without_labels_may_be_on_the_disk(path: Path) -> None:
    rows, frame = opened(path), table()[COLUMNS]
    x, y = table(1)[COLUMNS][:80], table(1)["class"][:80]
    found = model().fit(x, y, X_unlabeled=rows)
    expected = model().fit(x, y, X_unlabeled=frame)
    for ours, theirs in zip(found.coefs_, expected.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    both = opened(path)
    some = both.targets
    assert some is not None
    hidden = some.astype(object)
    hidden[::2] = None
    found = model().fit(both, hidden, X_unlabeled=x)
    expected = model().fit(frame, hidden, X_unlabeled=x)
    for ours, theirs in zip(found.coefs_, expected.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_other_estimators_take_them(path: Path) -> None:
    rows, frame = opened(path), table()[COLUMNS]
    codes = SDAETransformer((6,), pretrain_epochs=2, random_state=0).fit(rows)
    assert (codes.transform(rows) == codes.transform(frame)).all()
    values = np.asarray(frame["height"])
    regressor = SDAERegressor((6,), pretrain_epochs=1, max_iter=2, random_state=0)
    regressor.fit(rows, values)
    assert (regressor.predict(rows) == regressor.predict(frame)).all()
    scores = cross_val_score(model(), rows, rows.targets, cv=2)
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()


def test_the_copy_is_removed_with_the_rows(path: Path) -> None:
    rows = opened(path)
    fitted = model().fit(rows, rows.targets)
    assert len(list(path.parent.glob("sdae-rows-*"))) == 1
    fitted.fit(rows, rows.targets)
    gc.collect()
    assert len(list(path.parent.glob("sdae-rows-*"))) == 1
    fitted.predict(rows)  # needs none
    del rows
    gc.collect()
    assert not list(path.parent.glob("sdae-rows-*"))


def test_few_rows_are_a_table_in_memory(path: Path) -> None:
    rows = open_table(path, COLUMNS, "class")
    assert rows.are_few
    found = model(max_iter=1).fit(rows, rows.targets)
    expected = model(max_iter=1).fit(table()[COLUMNS], table()["class"])
    assert (found.predict_proba(rows) == expected.predict_proba(table()[COLUMNS])).all()


def test_what_is_refused_says_what_to_do(path: Path, tmp_path: Path) -> None:
    rows = opened(path)
    with pytest.raises(DataError, match=r"scale='quantile' needs all values"):
        model(scale="quantile").fit(rows, rows.targets)
    with pytest.raises(DataError, match="in the order of the file"):
        model(max_iter=1).fit(rows, rows.targets).predict(rows[::-1])
    with pytest.raises(DataError, match="must be in memory"):
        SDAEImputer((4,)).fit(rows)
    with pytest.raises(DataError, match=r"open_table\(…, na_values"):
        model(missing_values=-1).fit(rows, rows.targets)
    with pytest.raises(DataError, match="rows\\[k : k \\+ 1\\]"):
        rows[3]
    with pytest.raises(DataError, match="must both be tables"):
        model().fit(np.eye(5), list("ababa"), X_unlabeled=rows)
    numbers = model(max_iter=1).fit(np.eye(5), list("ababa"))
    with pytest.raises(DataError, match="the rows of fit were numbers"):
        numbers.predict(rows)
    with pytest.raises(DataError, match="open_table"):
        open_rows(path, target="class")
    with pytest.raises(DataError, match=r"columns must be a list. Got 'size': use \['size'\]"):
        open_table(path, "size")
    np.save(tmp_path / "a.npy", np.eye(3))
    with pytest.raises(DataError, match="not a table that is read from the disk"):
        open_table(tmp_path / "a.npy")
    with pytest.raises(FileAccessError, match=r"none\.csv': it does not exist"):
        open_table(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"Got the column \['class'\]: use a text"):
        open_table(path, target=["class"])  # type: ignore[arg-type]
    with pytest.raises(DataError, match="has no column 'sizes'"):
        open_table(path, ["sizes"])
    with pytest.raises(DataError, match="no column besides the target"):
        open_table(path, ["class"], "class")


@pytest.mark.parametrize("kind", [".csv", ".parquet"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("count", np.dtype(np.int64)),
        ("smoker", np.dtype(np.bool_)),
        ("weight", np.dtype(np.float64)),
        ("town", np.dtype(object)),
    ],
)
def test_targets_are_those_of_the_file(
    kind: str, name: str, expected: "np.dtype[Any]", tmp_path: Path
) -> None:
    WRITERS[kind](table(), tmp_path / f"a{kind}")
    targets = open_table(tmp_path / f"a{kind}", ["size"], name).targets
    assert targets is not None
    assert targets.dtype == expected
    wanted = table()[name]
    assert (pd.Series(targets).isna() == wanted.isna()).all()
    there = wanted.notna()
    assert (targets[there] == wanted[there].to_numpy(expected)).all()
