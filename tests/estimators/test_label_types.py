"""Labels of NumPy's own types: byte orders, texts of any length, and gaps of every kind."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning

import sdae
from sdae import LadderClassifier, SDAEClassifier
from sdae.app.export.onnx_file import run_onnx
from sdae.app.export.writing import export_model
from sdae.core.errors import DataError, InvalidParameterError
from sdae.core.model_file import load_model
from tests.estimators.helpers import labels, quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X = rows()
Y = labels(X)
TEXTS = np.array([f"c{y}" for y in Y])
StringDType = np.dtypes.StringDType


@pytest.mark.parametrize(
    "kind", [">i2", ">i4", ">i8", ">u4", ">u8", ">f4", ">f8", ">U3", "<i4", "<i8", "<f8", "<U3"]
)
def test_labels_of_any_byte_order_are_saved_and_exported(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")  # not every Python has one
    y = (TEXTS if kind.endswith("U3") else Y).astype(kind)
    model = quick(SDAEClassifier).fit(X, y)
    assert model.classes_.dtype == y.dtype.newbyteorder("=")
    assert model.classes_.dtype.isnative
    assert model.classes_.tolist() == np.unique(y).tolist()
    model.save(tmp_path / "model.safetensors")
    loaded = sdae.load(tmp_path / "model.safetensors")
    assert isinstance(loaded, SDAEClassifier)
    assert loaded.classes_.dtype == model.classes_.dtype
    assert loaded.predict(X).tolist() == model.predict(X).tolist()
    export_model(load_model(tmp_path / "model.safetensors"), onnx=tmp_path / "m.onnx", rows=X)
    found = run_onnx((tmp_path / "m.onnx").read_bytes(), X)["label"].tolist()
    assert found == [str(y) if kind[1] == "f" else y for y in model.predict(X).tolist()]


def test_a_stream_announces_classes_of_another_byte_order() -> None:
    model = quick(SDAEClassifier)
    for _ in range(2):
        model.partial_fit(X, Y.astype(">i4"), classes=np.array([0, 1, 2], ">i4"))
    assert model.classes_.dtype == np.dtype(np.int32)
    assert model.classes_.dtype.isnative


@pytest.mark.parametrize("kind", [StringDType(), StringDType(na_object=np.nan)], ids=str)
def test_texts_of_any_length_are_texts(kind: Any, tmp_path: Path) -> None:
    y = TEXTS.astype(kind)
    model = quick(SDAEClassifier).fit(X, y)
    assert model.classes_.tolist() == ["c0", "c1", "c2"]
    expected = quick(SDAEClassifier).fit(X, TEXTS)
    assert model.predict(X).tolist() == expected.predict(X).tolist()
    assert model.score(X, y) == expected.score(X, TEXTS)
    model.save(tmp_path / "model.safetensors")
    loaded = sdae.load(tmp_path / "model.safetensors")
    assert isinstance(loaded, SDAEClassifier)
    assert loaded.classes_.tolist() == ["c0", "c1", "c2"]
    classes = np.array(["c0", "c1", "c2"], kind)
    stream = quick(SDAEClassifier).partial_fit(X, y, classes=classes)
    assert stream.partial_fit(X, y, classes=classes).classes_.tolist() == ["c0", "c1", "c2"]


def test_texts_of_any_length_can_be_marked() -> None:
    y = np.where(np.arange(len(Y)) % 2, TEXTS, "?").astype(StringDType())
    model = quick(SDAEClassifier, unlabeled_label="?").fit(X, y)
    assert model.classes_.tolist() == ["c0", "c1", "c2"]


def with_gap(y: Any, gap: object) -> Any:
    """Return labels of which the one in row 7 is missing."""
    y = y.copy()
    y[7] = gap
    return y


GAPS = {
    "StringDType, None": with_gap(TEXTS.astype(StringDType(na_object=None)), None),
    "StringDType, NaN": with_gap(TEXTS.astype(StringDType(na_object=np.nan)), np.nan),
    "floats": with_gap(Y.astype(float), np.nan),
    "large floats first": with_gap(Y.astype(">f8"), np.nan),
    "objects": with_gap(TEXTS.astype(object), np.nan),
    "list": with_gap(TEXTS.astype(object), np.nan).tolist(),
    "column": with_gap(TEXTS.astype(object), None)[:, None],
    "dates": with_gap(Y.astype("M8[D]"), np.datetime64("NaT")),
    "masked": np.ma.masked_array(Y, np.arange(len(Y)) == 7),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("y", GAPS.values(), ids=GAPS)
def test_a_row_with_a_missing_label_has_no_label(y: Any) -> None:
    model = quick(SDAEClassifier).fit(X, y)
    marked = quick(SDAEClassifier, unlabeled_label=-1).fit(X, with_gap(Y, -1))
    assert len(model.classes_) == 3
    assert np.array_equal(model.predict_proba(X), marked.predict_proba(X))
    share = marked.score(np.delete(X, 7, axis=0), np.delete(Y, 7))
    assert model.score(X, y) == marked.score(X, with_gap(Y, -1)) == share
    stream = quick(SDAEClassifier).partial_fit(X, y, classes=model.classes_)
    assert np.isfinite(stream.partial_fit(X, y).predict_proba(X)).all()


@pytest.mark.parametrize(("gap", "text"), [(np.nan, "nan"), ("", ""), (" ", " ")])
@pytest.mark.parametrize("kind", [SDAEClassifier, LadderClassifier])
def test_a_missing_label_that_became_a_text_is_warned_of(kind: type, gap: Any, text: str) -> None:
    """NumPy makes a text of NaN, and a blank cell of Parquet is a blank text."""
    known = np.arange(len(Y)) < 30
    y = np.array([label if here else gap for label, here in zip(TEXTS, known, strict=True)])
    assert set(y[~known]) == {text}
    few = {"n_updates": 2} if kind is LadderClassifier else {"pretrain_epochs": 1, "max_iter": 2}
    model = kind((3,), random_state=0, **few)
    with pytest.warns(
        UserWarning, match=f"the label '{text}', a .*text.* give unlabeled_label='{text}', or"
    ):
        model.fit(X, y)
    assert model.classes_.tolist() == sorted(["c0", "c1", "c2", text])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.set_params(unlabeled_label=text).fit(X, y)
    assert model.classes_.tolist() == ["c0", "c1", "c2"]


MARKED: list[Any] = [
    with_gap(Y, -1),
    with_gap(Y, -1).astype(np.float32),
    with_gap(Y, -1).astype(str),
    with_gap(TEXTS.astype("U4"), "-1"),
    np.where(np.arange(len(Y)) < 20, Y % 2, -1),
]


@pytest.mark.parametrize("y", MARKED, ids=["numbers", "decimals", "digits", "texts", "two"])
@pytest.mark.parametrize("kind", [SDAEClassifier, LadderClassifier])
def test_a_class_of_minus_one_that_looks_like_a_mark_is_warned_of(kind: type, y: Any) -> None:
    few = {"n_updates": 2} if kind is LadderClassifier else {"pretrain_epochs": 1, "max_iter": 2}
    model = kind((3,), random_state=0, **few)
    mark = "'-1'" if y.dtype.kind == "U" else "-1"
    said = rf"rows? ha(s|ve) the label {mark}(\.0)?, .* give unlabeled_label={mark}"
    with pytest.warns(UserWarning, match=said):
        model.fit(X, y)
    assert "-1" in {str(label).removesuffix(".0") for label in model.classes_.tolist()}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.set_params(unlabeled_label=y[y == -1][0] if mark == "-1" else "-1").fit(X, y)
    assert "-1" not in {str(label).removesuffix(".0") for label in model.classes_.tolist()}


@pytest.mark.parametrize(
    "y", [np.where(Y == 0, 1, -1), Y - 1, Y - 2, np.where(Y == 0, 2, -1 - Y)], ids=str
)
def test_classes_below_zero_that_are_no_marks_are_not_warned_of(y: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        quick(SDAEClassifier).fit(X, y)


@pytest.mark.parametrize("place", [0, 7])
@pytest.mark.parametrize("kind", [SDAEClassifier, LadderClassifier])
def test_labels_of_several_types_are_refused(kind: type, place: int) -> None:
    y = TEXTS.astype(object)
    y[place] = 3
    with pytest.raises(DataError, match=r"must be of one type, .* int, str. Give all as texts"):
        kind((3,)).fit(X, y)


def test_missing_and_marked_labels_go_together() -> None:
    y = with_gap(TEXTS.astype(object), None)
    y[:5] = "?"
    model = quick(SDAEClassifier, unlabeled_label="?").fit(X, y)
    both = Y.copy()
    both[[*range(5), 7]] = -1
    marked = quick(SDAEClassifier, unlabeled_label=-1).fit(X, both)
    assert np.array_equal(model.predict_proba(X), marked.predict_proba(X))


def test_without_any_label_there_is_nothing_to_learn() -> None:
    with pytest.raises(DataError, match="All rows have missing values in y, but SDAEClassifier"):
        quick(SDAEClassifier).fit(X, [None] * 60)
    model = quick(SDAEClassifier).fit(X, Y)
    with pytest.raises(DataError, match=r"y parameter of SDAEClassifier.score has no labels"):
        model.score(X, np.full(60, np.nan))
    before = model.predict_proba(X)
    model.partial_fit(X, np.full(60, np.nan))  # rows without labels pre-train, or do nothing
    assert np.array_equal(model.predict_proba(X), before)


def test_some_labels_of_a_row_are_not_enough() -> None:
    several = np.stack([Y > 0, Y > 1], axis=1).astype(float)
    several[7] = np.nan
    assert quick(SDAEClassifier).fit(X, several).predict(X).shape == (60, 2)
    several[9, 1] = np.nan
    with pytest.raises(DataError, match="row 9 has some of its targets"):
        quick(SDAEClassifier).fit(X, several)


def test_a_masked_array_without_gaps_is_an_array() -> None:
    model = quick(SDAEClassifier).fit(X, np.ma.masked_array(Y, np.zeros(len(Y), bool)))
    assert model.classes_.tolist() == [0, 1, 2]


def test_objects_are_scored() -> None:
    model = quick(SDAEClassifier).fit(X, Y)
    weights = np.arange(1.0, 61.0)
    assert model.score(X, Y.astype(object)) == np.mean(model.predict(X) == Y)
    share = np.average(model.predict(X) == Y, weights=weights)
    assert model.score(X, Y.astype(object), sample_weight=weights) == pytest.approx(share)


def test_a_sparse_column_is_a_column_of_classes() -> None:
    y = labels(rows(60)) % 2
    sparse = quick(SDAEClassifier).fit(rows(60), csr_matrix(y[:, None]))
    assert sparse.classes_.tolist() == [0, 1]
    dense = quick(SDAEClassifier).fit(rows(60), y)
    assert sparse.predict(rows(60)).tolist() == dense.predict(rows(60)).tolist()


def test_names_of_labels_cannot_be_announced_in_a_stream() -> None:
    y = np.stack([labels(rows(60)) % 2, labels(rows(60)) > 1], axis=1)
    model = quick(SDAEClassifier)
    with pytest.raises(InvalidParameterError, match="0 to 1, the columns of y, or None"):
        model.partial_fit(rows(60), y, classes=["red", "big"])
    assert model.partial_fit(rows(60), y, classes=[0, 1]).classes_.tolist() == [0, 1]
