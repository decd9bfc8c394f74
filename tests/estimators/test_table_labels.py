"""Labels out of tables: integers stay integers whatever library holds them, floats stay floats."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdae
from sdae import SDAEClassifier, SDAERegressor
from sdae.app.export.onnx_file import run_onnx
from sdae.app.export.writing import export_model
from sdae.core.errors import DataError
from sdae.core.model_file import load_model
from tests.estimators.helpers import labels, quick, rows

pd, pl, pa = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X = rows()
Y = labels(X)
BIG = 2**53 + 1  # float64 knows its neighbours, but not it
INTEGERS = {
    **{f"pandas {kind}": pd.Series(Y, dtype=kind) for kind in ("Int8", "Int64", "UInt8", "UInt64")},
    "pandas int64[pyarrow]": pd.Series(Y, dtype="int64[pyarrow]"),
    "pandas uint16[pyarrow]": pd.Series(Y, dtype="uint16[pyarrow]"),
    "pandas array": pd.array(Y, dtype="Int32"),
    "pandas frame": pd.DataFrame({"y": pd.Series(Y, dtype="Int64")}),
    "pandas category": pd.Series(pd.Categorical(pd.array(Y, dtype="Int64"))),
    "polars": pl.Series(Y),
    "polars UInt8": pl.Series(Y, dtype=pl.UInt8),
    "pyarrow": pa.array(Y),
    "pyarrow chunks": pa.chunked_array([Y[:20], Y[20:]]),
    "pyarrow dictionary": pa.array(Y).dictionary_encode(),
    "Python": Y.tolist(),
    "objects": Y.astype(object),
    "objects of NumPy": np.array([(np.int32, np.int64)[k % 2](y) for k, y in enumerate(Y)], object),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("y", INTEGERS.values(), ids=INTEGERS)
def test_integers_stay_integers(y: Any) -> None:
    model = quick(SDAEClassifier).fit(X, y)
    assert model.classes_.dtype.kind in "iu"
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.predict(X).dtype == model.classes_.dtype
    expected = quick(SDAEClassifier).fit(X, Y)
    assert model.predict_proba(X).tobytes() == expected.predict_proba(X).tobytes()
    if isinstance(y, pd.Series | pl.Series | pa.Array | list):  # which metrics know
        assert model.score(X, y) == expected.score(X, Y)


@pytest.mark.parametrize("kind", ["Int64", "UInt64", "int64[pyarrow]", object])
def test_large_integers_are_exact(kind: Any, tmp_path: Path) -> None:
    y = pd.Series([BIG + 2 * int(number) for number in Y], dtype=kind)
    model = quick(SDAEClassifier).fit(X, y)
    assert model.classes_.tolist() == [BIG, BIG + 2, BIG + 4]
    model.save(tmp_path / "model.safetensors")
    assert sdae.load(tmp_path / "model.safetensors").classes_.tolist() == model.classes_.tolist()


@pytest.mark.parametrize(
    "y", [pd.Series(Y > 0, dtype="boolean"), pd.Series(Y > 0, dtype="bool[pyarrow]")]
)
def test_booleans_stay_booleans(y: Any) -> None:
    model = quick(SDAEClassifier).fit(X, y)
    assert model.classes_.dtype == bool
    assert model.predict(X).dtype == bool


TRUE = pd.Series(Y > 0)
CATEGORIES = {
    "Categorical": pd.Categorical(Y > 0),
    "Series": TRUE.astype("category"),
    "index": pd.CategoricalIndex(Y > 0),
    "frame": pd.DataFrame({"y": TRUE.astype("category")}),
    "of boolean": TRUE.astype("boolean").astype("category"),
    "of bool[pyarrow]": TRUE.astype("bool[pyarrow]").astype("category"),
    "of objects": TRUE.astype(object).astype("category"),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("y", CATEGORIES.values(), ids=CATEGORIES)
def test_categories_of_booleans_stay_booleans(y: Any, tmp_path: Path) -> None:
    model = quick(SDAEClassifier).fit(X, y)
    assert model.classes_.dtype == bool
    assert model.classes_.tolist() == [False, True]
    assert model.predict(X).tolist() == quick(SDAEClassifier).fit(X, Y > 0).predict(X).tolist()
    model.save(tmp_path / "model.safetensors")
    assert load_model(tmp_path / "model.safetensors").classes == (False, True)
    stream = quick(SDAEClassifier).partial_fit(X, y, classes=pd.Categorical([True, False]))
    assert stream.partial_fit(X, y, classes=[False, True]).classes_.dtype == bool


@pytest.mark.parametrize("kind", ["float64", "Float64", "double[pyarrow]"])
def test_floats_stay_floats(kind: str) -> None:
    model = quick(SDAEClassifier).fit(X, pd.Series(Y.astype(float), dtype=kind))
    assert model.classes_.dtype == np.float64


@pytest.mark.parametrize("kind", ["Int64", "boolean", "int64[pyarrow]", object])
def test_rows_with_missing_labels_are_pretrained_on_alone(kind: Any) -> None:
    gaps = pd.Series([None if k % 10 == 3 else y > 0 for k, y in enumerate(Y)], dtype=kind)
    model = quick(SDAEClassifier).fit(X, gaps)
    marked = np.where(np.arange(60) % 10 == 3, -1, Y > 0)
    expected = quick(SDAEClassifier, unlabeled_label=-1).fit(X, marked)
    assert np.array_equal(model.predict_proba(X), expected.predict_proba(X))
    assert type(model.classes_.tolist()[0]) is (bool if kind in ("boolean", object) else int)


NUMBERS = [None if k == 7 else int(y) for k, y in enumerate(Y)]
TEXTS = [None if k == 7 else f"c{y}" for k, y in enumerate(Y)]
GAPS = {
    **{f"pandas {kind}": pd.Series(TEXTS, dtype=kind) for kind in ("string", "str", "category")},
    "pandas string[pyarrow]": pd.Series(TEXTS, dtype=pd.ArrowDtype(pa.string())),
    "pandas array": pd.array(TEXTS, dtype="string"),
    "pandas frame": pd.DataFrame({"y": pd.Series(TEXTS, dtype="string")}),
    "pandas category of integers": pd.Series(NUMBERS, dtype="Int64").astype("category"),
    "pandas category of booleans": pd.Series([y and y > 1 for y in NUMBERS], dtype="category"),
    "pandas Float64": pd.Series(NUMBERS, dtype="Float64"),
    "polars": pl.Series(NUMBERS),
    "polars frame": pl.DataFrame({"y": NUMBERS}),
    "polars texts": pl.Series(TEXTS),
    "pyarrow": pa.array(NUMBERS),
    "pyarrow chunks": pa.chunked_array([NUMBERS[:5], NUMBERS[5:]]),
    "pyarrow dictionary": pa.array(NUMBERS).dictionary_encode(),
    "pyarrow table": pa.table({"y": NUMBERS}),
}


EXPECTED = {
    name: int
    if "integers" in name or name.startswith("pyarrow") or name in ("polars", "polars frame")
    else str
    for name in GAPS
}


@pytest.mark.parametrize("name", GAPS)
def test_a_missing_label_is_no_label_whatever_holds_it(name: str) -> None:
    y = GAPS[name]
    model = quick(SDAEClassifier).fit(X, y)
    assert not any(label is None or label != label for label in model.classes_.tolist())
    found = model.score(X, y)
    assert 0 <= found <= 1
    (kind,) = {type(label) for label in model.classes_.tolist()}
    assert kind is (float if "Float" in name else bool if "bool" in name else EXPECTED[name])


@pytest.mark.filterwarnings("ignore:Downcasting:FutureWarning")  # of pandas 2
@pytest.mark.parametrize("kind", ["Int64", "boolean", "string", "str", "category", object])
def test_the_remedy_works(kind: Any) -> None:
    whole = [str(y) if kind in ("string", "str") else int(y > 0) for y in Y]
    y = pd.Series([None if k % 2 else y for k, y in enumerate(whole)], dtype=kind)
    filled = y.astype(object).fillna(-1)
    model = quick(SDAEClassifier, unlabeled_label=-1).fit(X, filled)
    assert model.classes_.tolist() == sorted(set(whole[::2]))


def test_integers_of_more_than_64_bits_are_refused() -> None:
    y = np.array([10**30 if y else 1 for y in Y], object)
    with pytest.raises(
        DataError,
        match=r"label 10{30}, too large for a signed 64-bit integer\. Give such labels as",
    ):
        quick(SDAEClassifier).fit(X, y)
    y[y == 10**30] = 2**63 + 5
    assert quick(SDAEClassifier).fit(X, y).classes_.tolist() == [1, 2**63 + 5]


def test_a_stream_takes_its_classes_from_a_table() -> None:
    model = quick(SDAEClassifier)
    classes = pd.array([BIG, BIG + 1, BIG + 2], dtype="Int64")
    for _ in range(2):
        model.partial_fit(X, pd.Series(BIG + Y, dtype="Int64"), classes=classes)
    assert model.classes_.tolist() == [BIG, BIG + 1, BIG + 2]


@pytest.mark.parametrize("kind", ["Int64", "UInt8", "int64[pyarrow]", "boolean"])
def test_exports_answer_labels_of_their_type(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")  # not every Python has one
    truth = Y > 0 if kind == "boolean" else Y
    model = quick(SDAEClassifier).fit(X, pd.Series(truth, dtype=kind))
    model.save(tmp_path / "model.safetensors")
    kept = load_model(tmp_path / "model.safetensors")
    assert kept.classes == ((False, True) if kind == "boolean" else (0, 1, 2))
    export_model(kept, onnx=tmp_path / "model.onnx", numpy=tmp_path / "alone", rows=X)
    found = run_onnx((tmp_path / "model.onnx").read_bytes(), X)["label"]
    assert found.dtype == (bool if kind == "boolean" else np.int64)
    assert found.tolist() == model.predict(X).tolist()


@pytest.mark.parametrize("kind", ["UInt64", "uint64", "category"])
def test_onnx_answers_large_integers_as_integers(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")  # not every Python has one
    y = pd.Series(Y.astype(np.uint64) + np.uint64(2**63)).astype(kind)
    model = quick(SDAEClassifier).fit(X, y)
    model.save(tmp_path / "model.safetensors")
    kept = load_model(tmp_path / "model.safetensors")
    export_model(kept, onnx=tmp_path / "model.onnx", numpy=tmp_path / "alone", rows=X)
    found = run_onnx((tmp_path / "model.onnx").read_bytes(), X)["label"]
    assert found.dtype == np.uint64
    assert found.tolist() == model.predict(X).tolist()
    assert set(found.tolist()) <= {2**63, 2**63 + 1, 2**63 + 2}


def test_a_regressor_takes_the_numbers_of_tables() -> None:
    expected = quick(SDAERegressor).fit(X, Y).predict(X)
    for name in ("pandas Int64", "pandas int64[pyarrow]", "polars", "pyarrow"):
        assert (
            quick(SDAERegressor).fit(X, INTEGERS[name]).predict(X).tobytes() == expected.tobytes()
        )
