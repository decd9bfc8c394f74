"""Exports of models of tables: columns, gaps and unseen levels as in the package."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdae import LadderClassifier, SDAEClassifier, SDAERegressor, SDAETransformer
from sdae.app.export.exported_model import subject_of
from sdae.app.export.numpy_columns import MISSING, encode, read_table
from sdae.app.export.onnx_file import onnx_inputs, run_onnx
from sdae.app.export.onnx_graph import onnx_bytes
from sdae.app.export.probe_rows import trial_of
from sdae.app.export.writing import export_model
from sdae.core.errors import DataError, ParityError
from sdae.core.model_file import Model, load_model
from sdae.core.schema.learning import learn_schema
from sdae.core.schema.raw_table import RawTable
from sdae.core.schema.schema_options import SchemaOptions
from sdae.data.tables.options import NA_WORDS
from sdae.estimators.raw_input import raw_table
from tests.core.schema.tables import mixed
from tests.estimators.helpers import quick

pd = pytest.importorskip("pandas")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def frame(n_rows: int = 90) -> Any:
    """Return a data frame with a column of each kind, of which some have names of outputs."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "label": rng.normal(1e6, 10, n_rows),
            "codes": rng.choice(
                ["A", "B", "C", "D", "rare"], n_rows, p=[0.3, 0.3, 0.2, 0.17, 0.03]
            ),
            "x": rng.random(n_rows) < 0.3,
            "day": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 700, n_rows), "D"),
            "whole": rng.integers(0, 4, n_rows),
        }
    )
    for name in ("label", "codes", "day"):
        table.loc[rng.random(n_rows) < 0.2, name] = None
    return table


TABLE = frame()
Y = np.where(TABLE["label"].fillna(1e6) > 1e6, "tall", "small")


def model_of(tmp_path: Path, kind: Any = SDAEClassifier, **parameters: Any) -> tuple[Any, Model]:
    y = TABLE["whole"].to_numpy(float) if kind is SDAERegressor else Y
    options = {"categorical_features": ["whole", "codes"], "max_categories": 4} | parameters
    estimator = quick(kind, **options).fit(TABLE, y)
    estimator.save(tmp_path / "model.safetensors")
    return estimator, load_model(tmp_path / "model.safetensors")


@pytest.mark.parametrize("scale", ["standard", "robust", "quantile", "minmax", "none"])
@pytest.mark.parametrize("kind", [SDAEClassifier, SDAERegressor, SDAETransformer])
def test_both_ways_out_hold_the_columns(tmp_path: Path, kind: Any, scale: str) -> None:
    estimator, model = model_of(tmp_path, kind, scale=scale)
    rows = raw_table(TABLE, "X")
    exports = export_model(model, onnx=tmp_path / "m.onnx", numpy=tmp_path / "m", rows=TABLE)
    for export in exports:
        assert export.agreement.kinds == {"own": 90, "random": 320}
        assert export.agreement.n_undecided == 0
        assert max(export.agreement.differences.values()) < 1e-4
    content = (tmp_path / "m.onnx").read_bytes()
    answers = run_onnx(content, rows)
    np.testing.assert_allclose(answers["codes"], estimator.transform(TABLE), atol=1e-5)
    inputs = ["x.label", "x.codes", "x", "day", "whole"]  # beside the outputs label and codes
    assert set(onnx_inputs(rows, inputs)) == set(inputs)
    if kind is SDAEClassifier:
        expected = estimator.predict_proba(TABLE)
        np.testing.assert_allclose(answers["probabilities"], expected, atol=1e-5)
        assert answers["label"].tolist() == estimator.predict(TABLE).tolist()


def test_a_schema_that_refuses_unseen_levels_is_exported(tmp_path: Path) -> None:
    _, model = model_of(tmp_path, handle_unknown="error")
    (export,) = export_model(model, numpy=tmp_path / "m")
    assert export.agreement.kinds == {"random": 320}
    other = TABLE.assign(codes="E")
    with pytest.raises(DataError, match=r"levels that fit did not have in column 'codes' \('E'\)"):
        export_model(model, numpy=tmp_path / "n", rows=other)
    with pytest.raises(DataError, match="The table to check on lacks column day"):
        export_model(model, numpy=tmp_path / "n", rows=raw_table(TABLE.drop(columns="day"), "X"))


def test_the_inputs_of_an_onnx_file_have_the_names_of_the_columns(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    _, model = model_of(tmp_path)
    export_model(model, onnx=tmp_path / "m.onnx")
    session = runtime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    found = {each.name: (each.type, each.shape) for each in session.get_inputs()}
    double, text = ("tensor(double)", ["n", 1]), ("tensor(string)", ["n", 1])
    assert found == {
        "x.label": double,
        "x.codes": text,
        "x": double,
        "day": double,
        "whole": double,
    }


def test_the_program_reads_the_table_itself(tmp_path: Path) -> None:
    estimator, model = model_of(tmp_path)
    export_model(model, numpy=tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "columns.py",
        "predict.py",
        "weights.safetensors",
    ]
    TABLE.to_csv(tmp_path / "table.csv", index=False)
    command = [sys.executable, "predict.py", str(tmp_path / "table.csv"), "-o", "answers.csv"]
    subprocess.run(command, cwd=tmp_path / "out", check=True, timeout=120)
    answers = pd.read_csv(tmp_path / "out" / "answers.csv")
    found = answers[["p_small", "p_tall"]].to_numpy()
    np.testing.assert_allclose(found, estimator.predict_proba(TABLE), atol=1e-5)
    (tmp_path / "short.csv").write_text("label,x\n1,True\n")
    command[2] = str(tmp_path / "short.csv")
    run = subprocess.run(
        command, cwd=tmp_path / "out", capture_output=True, text=True, timeout=120, check=False
    )
    assert "The table has no column 'codes'" in run.stderr
    assert "Traceback" not in run.stderr


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 1000),
    st.floats(0, 0.5),
    st.sampled_from(["standard", "quantile", "minmax"]),
    st.integers(2, 5),
)
def test_the_program_encodes_any_table_as_the_schema(
    seed: int, gaps: float, scale: str, most: int
) -> None:
    raw = mixed(60, seed, gaps)
    schema = learn_schema(raw, SchemaOptions(scale=scale, max_categories=most))
    other = mixed(40, seed + 1, gaps)
    table = {
        column.name: [
            None if gap else value
            for gap, value in zip(column.missing.tolist(), column.values.tolist(), strict=True)
        ]
        for column in other
    }
    found = encode(json.loads(json.dumps(schema.to_json())), table)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)  # of new gaps
        expected = schema.encode(other)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_the_program_knows_the_words_for_missing_values(tmp_path: Path) -> None:
    assert set(MISSING) == NA_WORDS  # the program stands alone, so it has a list of its own
    (tmp_path / "t.csv").write_text("a,b\nNa,#N/A N/A\n p ,?\n")
    assert read_table(tmp_path / "t.csv", ["?"]) == {"a": ["Na", "p"], "b": [None, None]}
    (tmp_path / "t.csv").write_text("a,b\n1\n")
    with pytest.raises(ValueError, match="has a line of 1 fields, not 2"):
        read_table(tmp_path / "t.csv", [])


def test_a_wrong_column_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, model = model_of(tmp_path)
    monkeypatch.setattr("sdae.app.export.onnx_columns.cycle_start", lambda _: 1e5)
    with pytest.raises(ParityError, match="The ONNX file differs from the model: for random row"):
        export_model(model, onnx=tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize("scale", ["robust", "quantile"])
def test_a_state_dict_names_the_scale_of_numbers_that_it_does_not_hold(
    tmp_path: Path, scale: str
) -> None:
    x = np.random.default_rng(0).normal(size=(60, 3))
    ladder = LadderClassifier((5,), n_updates=2, scale=scale, random_state=0)
    ladder.fit(x, x[:, 0] > 0).save(tmp_path / "model.safetensors")
    model = load_model(tmp_path / "model.safetensors")
    with pytest.raises(DataError, match=rf"this model scales their columns by '{scale}'\. Use --o"):
        export_model(model, sequential=tmp_path / "m.safetensors")
    gaps = np.where(np.random.default_rng(1).random(x.shape) < 0.1, np.nan, x)
    ladder.fit(gaps, x[:, 0] > 0).save(tmp_path / "model.safetensors")
    model = load_model(tmp_path / "model.safetensors")
    with pytest.raises(DataError, match="table with columns of other kinds, or with gaps"):
        export_model(model, sequential=tmp_path / "m.safetensors")


def test_what_cannot_hold_columns_is_refused(tmp_path: Path) -> None:
    _, model = model_of(tmp_path)
    with pytest.raises(DataError, match=r"An nn.Sequential takes rows of numbers"):
        export_model(model, sequential=tmp_path / "m.safetensors")
    with pytest.raises(DataError, match="'x1' held texts in fit, but holds numbers now"):
        export_model(model, onnx=tmp_path / "m.onnx", rows=np.zeros((3, 5)))
    with pytest.raises(DataError, match=r"must have the 5 columns of fit\. Got 4 instead"):
        export_model(model, onnx=tmp_path / "m.onnx", rows=np.zeros((3, 4)))
    short = raw_table(TABLE[["x", "day"]], "X")
    with pytest.raises(DataError, match="lacks columns label, codes, whole"):
        export_model(model, onnx=tmp_path / "m.onnx", rows=short)


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    _, model = model_of(tmp_path)
    subject = subject_of(model, 2)
    assert onnx_bytes(subject) == onnx_bytes(subject)
    trial = trial_of(subject, None)
    assert isinstance(trial.x, RawTable)
    assert trial.x.names == ("label", "codes", "x", "day", "whole")
