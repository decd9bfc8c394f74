"""Studies on tables with texts, dates and gaps: every model gets the same rows, in its own form."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from sdae.app.compare.candidates import Models
from sdae.app.compare.encoders import DateParts, with_codes, with_numbers
from sdae.app.compare.label_splits import cut
from sdae.app.compare.quiet import quiet
from sdae.app.compare.result_cache import CellCache
from sdae.app.compare.study import MODELS, PRETRAINED, RANDOM
from sdae.app.compare.study_data import StudyData, load_study_data
from sdae.app.compare.study_run import run_study
from sdae.app.compare.typed_rows import Kind, cells_of, kinds_of
from sdae.core.errors import DataError
from sdae.core.schema.learning import learn_schema
from sdae.core.schema.number_columns import NumberColumn
from sdae.core.schema.raw_table import RawTable
from sdae.core.schema.schema_options import SchemaOptions
from sdae.data.tables import ReadOptions
from sdae.data.typed_dataset import load_typed
from sdae.estimators import SDAEClassifier
from tests.app.cli.commands import done, refused
from tests.app.cli.samples import write_table
from tests.app.compare.problems import outcomes, small_study
from tests.app.report.runs import PEOPLE, people

DATES = ReadOptions(parse_dates=frozenset({"since"}))
KINDS = (
    *(Kind.LEVELS, Kind.NUMBER, Kind.NUMBER, Kind.DATE),
    *(Kind.LEVELS, Kind.NUMBER, Kind.LEVELS),
)
NAN = float("nan")


@pytest.fixture
def crowd(tmp_path: Path) -> Path:
    """A table with columns of every kind; every tenth row has no label."""
    *columns, tall = people(150)
    tall = ["" if row % 10 == 0 else label for row, label in enumerate(tall)]
    return write_table(tmp_path / "people.csv", (*PEOPLE, "tall"), [*columns, tall])


@pytest.fixture
def data(crowd: Path) -> StudyData:
    return load_study_data(str(crowd), "tall", options=DATES)


def test_a_table_is_read_with_its_types(crowd: Path, data: StudyData, tmp_path: Path) -> None:
    assert data.kinds == KINDS
    assert data.x.shape == (135, 7)
    assert data.unlabelled.shape == (15, 7)
    columns = people(20, seed=9)[:-1]
    more = write_table(tmp_path / "more.csv", ("extra", *PEOPLE), [["1"] * 20, *columns])
    with_more = load_study_data(str(crowd), "tall", str(more), DATES)
    assert with_more.unlabelled.shape == (35, 7)
    assert [list(map(str, row)) for row in with_more.x] == [list(map(str, row)) for row in data.x]
    lacking = write_table(tmp_path / "lacking.csv", PEOPLE[1:], columns[1:])
    with pytest.raises(DataError, match=r"lacking.csv has no column 'town'"):
        load_study_data(str(crowd), "tall", str(lacking), DATES)
    assert isinstance(data.x[0, 3], datetime)
    assert {type(cell) for cell in data.x[:, 2]} == {bool, float}


@pytest.mark.parametrize("name", ["flowers.tsv", "gaps.csv"])
def test_rows_of_an_array_have_the_columns_of_a_table_by_position(
    tmp_path: Path, name: str
) -> None:
    separator, gap = ("\t", "0.5") if name.endswith("tsv") else (",", "")
    lines = [["a", "b", "kind"], *([str(k / 2), str(k % 5), "pq"[k % 2]] for k in range(12))]
    lines[3][0] = gap
    (tmp_path / name).write_text("".join(separator.join(line) + "\n" for line in lines))
    more = np.random.default_rng(0).normal(size=(5, 2))
    np.save(tmp_path / "more.npy", more)
    found = load_study_data(str(tmp_path / name), "kind", str(tmp_path / "more.npy"))
    assert found.unlabelled.tolist() == more.tolist()
    np.save(tmp_path / "more.npy", more[:, :1])
    with pytest.raises(DataError, match="must have 2 columns, as the training data"):
        load_study_data(str(tmp_path / name), "kind", str(tmp_path / "more.npy"))


def test_a_column_of_another_type_in_more_rows_is_named(crowd: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "more.npy", np.ones((5, 7)))
    with pytest.raises(DataError, match=r"'town' of .*more.npy holds numbers.*Bring both to one"):
        load_study_data(str(crowd), "tall", str(tmp_path / "more.npy"), DATES)


def test_networks_learn_the_schema_of_the_table(crowd: Path) -> None:
    """Cells of objects mean the same as the columns that they come from."""
    table: RawTable = load_typed(crowd, DATES, "tall").dataset.train.x
    kinds = kinds_of(table, "people")
    levels = [k for k, kind in enumerate(kinds) if kind is Kind.LEVELS]
    y = np.arange(len(table)) % 2
    network = SDAEClassifier(
        hidden_layer_sizes=[2], max_iter=1, pretrain_epochs=1, categorical_features=levels
    )
    with quiet():
        learned = network.fit(cells_of(table), y).schema_
    expected = learn_schema(table, SchemaOptions())
    assert learned is not None
    for one, other in zip(learned.columns, expected.columns, strict=True):
        whole = {"whole": other.whole} if isinstance(other, NumberColumn) else {}
        assert replace(one, name=other.name, **whole) == other  # type: ignore[arg-type]
    np.testing.assert_array_equal(
        learned.encode(RawTable(table.columns, named=False)), expected.encode(table)
    )


def test_the_hash_knows_cells_and_kinds(data: StudyData) -> None:
    x = data.x.copy()
    x[3, 0] = "Namur"
    y = 1 - data.y
    texts = data.x.copy()
    texts[:, 5] = [str(value) for value in texts[:, 5]]
    other = (*KINDS[:-1], Kind.NUMBER)
    changed = [
        replace(data, x=x),
        replace(data, y=y),
        replace(data, x=texts),
        replace(data, kinds=other),
        replace(data, unlabelled=data.x[:3]),
    ]
    assert len({each.sha256 for each in [data, *changed]}) == 6
    assert replace(data, x=data.x.copy()).sha256 == data.sha256


def cells(*rows: tuple[Any, ...]) -> NDArray[np.object_]:
    array = np.empty((len(rows), len(rows[0])), object)
    for place, row in enumerate(rows):
        array[place] = row
    return array


def encoded(pipeline: Pipeline, fitted: NDArray[Any], new: NDArray[Any]) -> NDArray[np.float64]:
    encoder = pipeline[0].fit(fitted)
    return np.asarray(encoder.transform(new), np.float64)


def test_linear_models_get_dummies_and_imputed_numbers() -> None:
    kinds = (Kind.NUMBER, Kind.LEVELS)
    x = cells((1.0, "b"), (3.0, "a"), (NAN, NAN), (NAN, "a"))
    new = cells((4.0, "c"), (NAN, "b"))
    found = encoded(with_numbers(LogisticRegression(), kinds), x, new)
    # Levels a, b, missing; the number, imputed by 2 and scaled by the deviation; its indicator.
    deviation = np.std([1, 3, 2, 2])
    expected = np.array([[0, 0, 0, 2 / deviation, -1], [0, 1, 0, 0, 1]], np.float64)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_boosting_gets_codes_and_gaps() -> None:
    kinds = (Kind.NUMBER, Kind.LEVELS, Kind.LEVELS)
    x = cells((1.0, "b", 4.0), (True, "a", 2.0), (NAN, NAN, 2.0))
    pipeline = with_codes(HistGradientBoostingClassifier(), kinds)
    found = encoded(pipeline, x, cells((NAN, "b", 2.0), (4.0, "c", 3.0), (0.5, NAN, 4.0)))
    np.testing.assert_array_equal(found, [[1, 0, NAN], [NAN, NAN, 4], [NAN, 1, 0.5]])
    assert pipeline[-1].categorical_features == [0, 1]


def test_dates_give_the_parts_of_the_schema(data: StudyData) -> None:
    dates = data.x[:, 3:4]
    dates[5, 0] = NAN
    parts = DateParts().fit(dates).transform(dates)
    assert parts.shape == (135, 1 + 2 + 2)  # the time, a year, a week
    assert np.isnan(parts[5]).all()
    assert np.nanmean(parts[:, 0]) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(np.hypot(parts[:5, 1], parts[:5, 2]), 1)
    same = cells((datetime(2020, 1, 1),), (datetime(2020, 1, 1),))
    np.testing.assert_array_equal(DateParts().fit(same).transform(dates), np.zeros((135, 1)))


def test_few_rows_may_lack_all_values_of_a_column(data: StudyData) -> None:
    x = data.x[:12].copy()
    x[:, 0] = x[:, 1] = x[:, 3] = NAN
    for model in (LogisticRegression(), HistGradientBoostingClassifier()):
        wrap = with_codes if isinstance(model, HistGradientBoostingClassifier) else with_numbers
        fitted = wrap(model, KINDS).fit(x, np.arange(12) % 2)
        assert fitted.predict(data.x).shape == (135,)


def test_networks_keep_the_schema_of_all_rows_without_labels(crowd: Path) -> None:
    data = load_study_data(
        str(crowd), "tall", options=replace(DATES, categorical=frozenset({"rooms"}))
    )
    pool, held_out = cut(data, 0.25, 0)
    models = Models(small_study(12), pool, 0)
    for name in (PRETRAINED, RANDOM):
        start = models.new(name, {})
        before = start.schema_.to_json()
        kinds = ["category", "number", "binary", "date", "binary", "category", "ignored"]
        assert [c["kind"] for c in before["columns"]] == kinds
        town = next(c for c in before["columns"] if c["name"] == "x0")
        assert town["levels"] == ["<b>Mons</b>", "Ghent", "Liège"]
        x, y = pool.labelled(12)
        x[:, 0] = "Ghent"
        with quiet():
            start.fit(x, y)
        assert start.schema_.to_json() == before
        assert start.predict(held_out.x).shape == held_out.y.shape


@pytest.mark.usefixtures("short_ladders")
def test_a_study_of_all_models_is_repeatable_and_known_the_second_time(
    data: StudyData, tmp_path: Path
) -> None:
    study = small_study(20, models=MODELS)
    first = run_study(study, data, CellCache(tmp_path / "one.jsonl"))
    assert [cell.model for cell in first] == 2 * [*MODELS]
    assert outcomes(run_study(study, data, CellCache(tmp_path / "two.jsonl"))) == outcomes(first)
    known: list[bool] = []
    again = run_study(
        study, data, CellCache(tmp_path / "one.jsonl"), lambda reached: known.append(reached.known)
    )
    assert (again, known) == (first, [True] * 22)
    # The label is the size, and the town: two thirds of the gaps aside it can be learned.
    error = {cell.model: cell.error for cell in first}
    assert error["logistic"] < 0.35


def test_new_gaps_do_not_fill_the_terminal(data: StudyData, tmp_path: Path) -> None:
    x = data.x.copy()
    _, held_out = cut(replace(data, x=np.arange(135, dtype=object)[:, None].repeat(7, 1)), 0.25, 0)
    x[held_out.x[:, 5].astype(int), 5] = NAN  # rooms have no gaps in training
    study = small_study(20, seeds=2)
    only_first = replace(study, models=(RANDOM,))
    assert len(run_study(only_first, replace(data, x=x), CellCache(tmp_path / "cells"))) == 2


def test_the_command_takes_tables(
    crowd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    quick = ("--labels=20", "--seeds=2", "--models=logistic", "--set=hidden_layer_sizes=[4]")
    short = ("--set=pretrain_epochs=1", "--set=max_iter=2")
    table = ("compare", crowd.name, "--target=tall")
    said = done(*table, "--parse-dates=since", *quick, *short)
    assert "101 training rows and 15 more without labels" in said
    message = refused(tmp_path, *table, *quick, *short)
    assert "text that differs from row to row in column since" in message
    assert "--parse-dates" in message
    assert done(*table, "--drop=since", *quick, *short).splitlines()[-1]
