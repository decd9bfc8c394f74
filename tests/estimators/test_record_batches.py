"""Arrow's record batches have names too: columns in another order are refused by every entry."""

from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from sdae import SDAEClassifier, SDAERegressor
from sdae.core.errors import DataError
from tests.estimators.helpers import ALL, STREAMING, SUPERVISED, answers, labels, quick, rows

pa, pl = (pytest.importorskip(name) for name in ("pyarrow", "polars"))
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
EACH = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
NAMES = ["a", "b", "c", "d", "e"]
X = rows()
TABLE = pa.table({name: X[:, k] for k, name in enumerate(NAMES)})
BATCH = TABLE.combine_chunks().to_batches()[0]
TURNED = BATCH.select(NAMES[::-1])
if not hasattr(StandardScaler().fit(TABLE), "feature_names_in_"):
    pytest.skip("this scikit-learn does not read the names of tables", allow_module_level=True)


class Offered:
    """Rows of a library that NumPy does not know: all they have is Arrow's interface."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return self._batch.__arrow_c_array__(requested_schema)


def calls(kind: type, model: Any) -> list[Any]:
    names = ("partial_fit", "predict", "transform", "predict_proba", "score_samples", "reconstruct")
    bound = [getattr(model, name) for name in names if hasattr(model, name)]
    y = labels(X)
    return [lambda x: bound[0](x, y), *bound[1:]] if kind in SUPERVISED else bound


@EACH
@pytest.mark.parametrize("rows_of", [lambda batch: batch, Offered], ids=["batch", "offered"])
def test_a_batch_is_as_good_as_an_array_and_its_names_are_kept(kind: type, rows_of: Any) -> None:
    y = labels(X)
    expected = quick(kind).fit(X, y)
    model = quick(kind).fit(rows_of(BATCH), y)
    assert model.feature_names_in_.tolist() == NAMES
    pairs = zip(answers(model, rows_of(BATCH)), answers(expected, X, gaps=False), strict=True)
    assert all(one.tobytes() == other.tobytes() for one, other in pairs)


@EACH
@pytest.mark.parametrize("turned", [TURNED, Offered(TURNED)], ids=["batch", "offered"])
def test_columns_in_another_order_are_refused_by_every_entry(kind: type, turned: Any) -> None:
    model = quick(kind).fit(BATCH, labels(X))
    for call in calls(kind, model):
        with pytest.raises(ValueError, match="feature names"):
            call(turned)


@pytest.mark.parametrize("kind", STREAMING, ids=lambda kind: kind.__name__)
def test_a_stream_of_batches_has_names_from_the_first(kind: type) -> None:
    model, y = quick(kind), labels(X)
    first, second = TABLE.to_batches(max_chunksize=30)
    more = {"classes": [0, 1, 2]} if kind is SDAEClassifier else {}
    model.partial_fit(first, y[:30], **more)
    assert model.feature_names_in_.tolist() == NAMES
    model.partial_fit(second, y[30:])
    with pytest.raises(ValueError, match="feature names"):
        model.partial_fit(second.select(NAMES[::-1]), y[30:])


@pytest.mark.parametrize("kind", [SDAEClassifier, SDAERegressor])
def test_rows_without_labels_are_matched_by_name_too(kind: type) -> None:
    quick(kind).fit(TABLE, labels(X), X_unlabeled=BATCH)
    with pytest.raises(ValueError, match="feature names"):
        quick(kind).fit(TABLE, labels(X), X_unlabeled=TURNED)


def test_a_reader_is_read_once() -> None:
    reader = pa.RecordBatchReader.from_batches(BATCH.schema, [BATCH])
    model = quick(ALL[3]).fit(reader)
    expected = quick(ALL[3]).fit(BATCH)
    assert model.offset_ == expected.offset_
    np.testing.assert_array_equal(model.feature_names_in_, NAMES)


@EACH
def test_a_table_that_is_not_there_yet_is_refused(kind: type) -> None:
    lazy = pl.LazyFrame({name: X[:, k] for k, name in enumerate(NAMES)})
    with pytest.raises(
        DataError, match=r"X is a LazyFrame, whose rows are not computed yet\. Give X.coll"
    ):
        quick(kind).fit(lazy, labels(X))
