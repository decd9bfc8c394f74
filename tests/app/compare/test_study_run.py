"""A study gives the right answer, twice the same, sees no test label, and goes on where it was."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from sdae.app.compare import feasible_models as feasible
from sdae.app.compare import study_run as running
from sdae.app.compare.label_splits import HeldOut, Pool, cut
from sdae.app.compare.result_cache import Cell, CellCache
from sdae.app.compare.result_table import HEADER, table_lines, to_csv
from sdae.app.compare.study import AGREEING, MODELS, NETWORKS, RANDOM, Study
from sdae.app.compare.study_data import StudyData
from sdae.app.compare.study_files import verdict_of, write_table_and_verdict
from sdae.app.compare.study_run import Progress, plan, run_study
from sdae.core.errors import DataError, InvalidParameterError
from sdae.estimators import fit_stages
from sdae.train.finetuning import run_finetuning
from tests.app.compare.problems import (
    answering_study,
    blobs,
    helped,
    hurt,
    made,
    noise,
    outcomes,
    small_study,
)


def cells_of(study: Study, data: StudyData, folder: Path) -> list[Cell]:
    return run_study(study, data, CellCache(folder / "cells.jsonl"))


def test_where_pre_training_helps_the_verdict_says_so(tmp_path: Path) -> None:
    cells = cells_of(answering_study(12, seeds=8), helped(), tmp_path)
    assert verdict_of(cells).startswith("Pre-training helped with 12 labels (")


def test_where_pre_training_is_in_the_way_the_verdict_says_so(tmp_path: Path) -> None:
    cells = cells_of(answering_study(60, seeds=4), hurt(), tmp_path)
    assert verdict_of(cells).startswith("Pre-training did not help with 60 labels (")


def test_of_noise_the_verdict_is_that_it_cannot_tell(tmp_path: Path) -> None:
    cells = cells_of(answering_study(12, 40, seeds=4), noise(), tmp_path)
    assert verdict_of(cells).startswith(
        "Whether pre-training helped, 4 seeds cannot tell with 12 labels ("
    )


def without_costs(table: bytes) -> list[list[str]]:
    """Return the fields of a table that must not depend on the machine's mood."""
    n_kept = HEADER.index("fit_seconds")
    return [line.split(",")[:n_kept] for line in table.decode().splitlines()]


@pytest.mark.usefixtures("short_ladders")
def test_the_same_seeds_give_the_same_table(tmp_path: Path) -> None:
    study = small_study(12, models=MODELS, budget=2)
    tables = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        tables.append(to_csv(table_lines(cells_of(study, blobs(48, 2), tmp_path / name))))
    assert without_costs(tables[0]) == without_costs(tables[1])
    assert len(without_costs(tables[0])) == 1 + len(MODELS)


class Poison:
    """Labels that must not be looked at."""

    def __getattribute__(self, name: str) -> NoReturn:
        raise AssertionError(f"a test label was read: {name}")

    def _refuse(self, *_arguments: object) -> NoReturn:
        raise AssertionError("a test label was read")

    __array__ = __eq__ = __ne__ = __getitem__ = __iter__ = __len__ = __bool__ = _refuse
    __hash__ = None  # type: ignore[assignment]


def trained(study: Study, data: StudyData, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a study, and return everything its models say of the test rows."""
    said: list[Any] = []

    def note(model: Any, x: Any, _y: object, _variance: None) -> float:
        named = model[-1] if hasattr(model, "steps") else model
        said.append(
            [p.detach().numpy() for p in named.network_.parameters()]
            if hasattr(named, "network_")
            else model.predict(x)
        )
        return 0.5

    monkeypatch.setattr(running, "error_of", note)
    cells_of(study, data, folder)
    return said


@pytest.mark.usefixtures("short_ladders")
@pytest.mark.parametrize("instead", ["shuffled", "poison"])
def test_no_test_label_is_seen_in_training(
    instead: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With shuffled test labels the models are the same; with some that must not be read, too."""
    study, data = small_study(12, models=MODELS, budget=2), blobs(48, 2)
    for name in ("true", "other"):
        (tmp_path / name).mkdir()
    expected = trained(study, data, tmp_path / "true", monkeypatch)

    def with_other_test_labels(*arguments: Any) -> tuple[Pool, HeldOut]:
        pool, held_out = cut(*arguments)
        y: Any = Poison() if instead == "poison" else np.roll(held_out.y, 1)
        return pool, HeldOut(held_out.x, y)

    monkeypatch.setattr(running, "cut", with_other_test_labels)
    found = trained(study, data, tmp_path / "other", monkeypatch)
    assert len(found) == len(expected) == 2 * len(MODELS)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_equal(one, other)


def interrupted_after(n_cells: int) -> Any:
    def watch(progress: Progress) -> None:
        if progress.done == n_cells:
            raise KeyboardInterrupt

    return watch


def test_a_study_that_was_cut_short_goes_on_to_the_same_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, data = small_study(12, None, seeds=2), blobs(60)
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    whole = cells_of(study, data, tmp_path / "whole")
    path = tmp_path / "cut" / "cells.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run_study(study, data, CellCache(path), interrupted_after(3))
    assert len(path.read_text().splitlines()) == 3
    reached: list[Progress] = []
    went_on = run_study(study, data, CellCache(path), reached.append)
    assert outcomes(went_on) == outcomes(whole)
    assert [progress.known for progress in reached] == [True] * 3 + [False] * 5
    assert [progress.done for progress in reached] == list(range(1, 9))
    assert {progress.total for progress in reached} == {8}
    monkeypatch.setattr(running, "tune_and_fit", None)  # nothing is left to do
    assert run_study(study, data, CellCache(path)) == went_on


def test_more_seeds_and_other_counts_use_what_is_known(tmp_path: Path) -> None:
    data, path = blobs(60), tmp_path / "cells.jsonl"
    run_study(small_study(12, 18), data, CellCache(path))
    reached: list[Progress] = []
    more = small_study(9, 12, seeds=3, models=(RANDOM, NETWORKS[0]))
    run_study(more, data, CellCache(path), reached.append)
    known = [progress.cell for progress in reached if progress.known]
    assert [(cell.labels, cell.seed) for cell in known] == [(12, 0), (12, 0), (12, 1), (12, 1)]


def test_of_changed_data_nothing_is_known(tmp_path: Path) -> None:
    study, data, path = small_study(12), blobs(60), tmp_path / "cells.jsonl"
    run_study(study, data, CellCache(path))
    changed = data.x.copy()
    changed[3, 1] += 0.5
    reached: list[Progress] = []
    run_study(study, replace(data, x=changed), CellCache(path), reached.append)
    assert not any(progress.known for progress in reached)
    run_study(study, data, CellCache(path), reached.append)
    assert all(progress.known for progress in reached[4:])


def test_ctrl_c_in_a_fit_ends_the_study_and_leaves_no_cell_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An estimator alone would keep what it has learned and go on with a warning."""
    real, calls = run_finetuning, iter(range(9))

    def interrupted(*arguments: Any, **options: Any) -> Any:
        if next(calls) == 3:  # the start and the fit of each network are two calls
            raise KeyboardInterrupt("it was me")
        return real(*arguments, **options)

    monkeypatch.setattr(fit_stages, "run_finetuning", interrupted)
    path = tmp_path / "cells.jsonl"
    with pytest.raises(KeyboardInterrupt, match="it was me"):
        run_study(small_study(12), blobs(60), CellCache(path))
    assert len(path.read_text().splitlines()) == 1


def test_what_cannot_be_had_is_left_out_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    data = made("rare", np.eye(60), np.repeat([0, 1], [52, 8]))
    monkeypatch.setattr(feasible, "SVM_LIMIT", 30)
    planned = plan(small_study(5, 20, 45, 46, None, models=(*NETWORKS, "svm")), data)
    assert planned.n_pool == 45
    assert planned.labels == (20, 45)
    assert planned.models == {20: (*NETWORKS, "svm"), 45: NETWORKS}
    assert planned.n_models == 5
    assert planned.notes == (
        "Left out: 5 labels, class 1 would have 1 of them, but needs 2.",
        "Left out: 46 labels, there are only 45 training rows.",
        "Left out: RBF SVM with more than 30 labels: too slow.",
    )


def notes_of(data: StudyData, **network: object) -> tuple[str, ...]:
    study = small_study(20, models=MODELS)
    return plan(replace(study, network={**study.network, **network}), data).notes


def test_models_that_learn_from_other_rows_are_left_out_where_they_cannot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = blobs(60, 2)
    assert notes_of(data) == ()
    several = replace(data, y=np.eye(2, dtype=np.int64)[data.y])
    values = replace(data, y=data.y[:, None].astype(np.float64))
    for other in (several, values):
        assert notes_of(other) == (
            "Left out: network, pre-trained, agreement; network, random start, agreement; "
            "self-training, logistic; label spreading: for one column of classes alone.",
        )
    planned = plan(small_study(20, models=MODELS), values)
    assert planned.models == {20: (*NETWORKS, "ridge", "boosting", "svm", "mlp", "ladder")}
    assert notes_of(data, engine="fused") == (
        "Left out: network, pre-trained, agreement; network, random start, agreement: "
        "engine='fused' learns from labelled rows alone.",
    )
    monkeypatch.setattr(feasible, "ROWS_LIMIT", 45)
    assert notes_of(data) == ()
    assert notes_of(replace(data, unlabelled=data.x[:1])) == (
        "Left out: self-training, logistic; label spreading: too slow with more than 45 rows.",
    )
    tiny = plan(small_study(4, models=MODELS), blobs(12, 2))
    assert tiny.notes == ("Left out: label spreading: its graph needs 10 rows.",)
    assert tiny.models == {4: tuple(model for model in MODELS if model != "label_spreading")}


def test_the_two_that_agree_have_a_verdict_of_their_own(tmp_path: Path) -> None:
    models = (*NETWORKS, *AGREEING)
    cells = [
        Cell(model, labels, seed, error + 0.001 * seed, "", 100, 40, 0, 0, 0, 0, 0, 0, None)
        for labels in (20, 100)
        for model, error in zip(models, (0.3, 0.3, 0.1, 0.2), strict=True)
        for seed in range(3)
    ]
    write_table_and_verdict(cells, tmp_path)
    said = (tmp_path / "verdict.txt").read_text().splitlines()
    assert said[0].startswith("Whether pre-training helped, 3 seeds cannot tell with 20 labels (")
    assert said[5].startswith(
        "With agreement on the rows without labels: pre-training helped with 20 labels (10.0 "
    )
    assert [line.split(".")[0] for line in said[7:]] == ["20 labels: helped", "100 labels: helped"]
    rows = (tmp_path / "table.csv").read_text().splitlines()
    gains = [row.split(",")[HEADER.index("gain")] for row in rows[1:5]]
    assert [gains[1], gains[2], gains[3]] == ["", "0.1", ""]
    without = [cell for cell in cells if cell.model != AGREEING[1]]
    write_table_and_verdict(without, tmp_path)
    assert "agreement on" not in (tmp_path / "verdict.txt").read_text()
    assert verdict_of(without) == verdict_of(cells) == said[0]


def test_a_class_with_too_few_rows_to_be_tested_on_is_named() -> None:
    data = made("rare", np.eye(62), np.repeat([0, 1], [60, 2]))
    planned = plan(replace(small_study(None), test=0.1), data)
    assert planned.notes == ("Too few rows to appear in the 6 test rows: class 1.",)


def test_where_nothing_can_be_had_it_is_an_error() -> None:
    data = made("rare", np.eye(40), np.repeat([0, 1], [39, 1]))
    with pytest.raises(DataError) as refusal:
        plan(small_study(4, None), data)
    assert str(refusal.value) == (
        "rare does not allow any of the label counts: 4 labels, class 1 would have 0 of them, but "
        "needs 2. all labels, class 1 would have 1 of them, but needs 2. Give other --labels, "
        "or drop rare classes."
    )


def test_parameters_are_refused_before_anything_is_trained() -> None:
    with pytest.raises(InvalidParameterError, match="no parameter 'layers'"):
        plan(replace(small_study(12), network={"layers": 3}), blobs(60))
