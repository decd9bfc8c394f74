"""Run a study: plan its cells, reuse known ones, compute the others."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from sdae.app.compare.candidates import Models, check_network, describe_model, settings_of
from sdae.app.compare.families import family_for
from sdae.app.compare.feasible_models import feasible_models
from sdae.app.compare.label_splits import HeldOut, Pool, cut
from sdae.app.compare.quiet import quiet
from sdae.app.compare.result_cache import Cell, CellCache
from sdae.app.compare.study import FROM_ALL_ROWS, Study, cell_key
from sdae.app.compare.study_data import StudyData
from sdae.app.compare.tuning import error_of, tune_and_fit
from sdae.core.errors import DataError
from sdae.core.wording import listed


@dataclass(frozen=True)
class Plan:
    """The cells of a study on some data.

    Attributes
    ----------
    labels : tuple of int
        Possible numbers of labelled rows, ascending.
    models : mapping of int to tuple of str
        The models at each number.
    n_pool : int
        Number of training rows.
    notes : tuple of str
        What is skipped, and why.
    """

    labels: tuple[int, ...]
    models: dict[int, tuple[str, ...]]
    n_pool: int
    notes: tuple[str, ...]

    @property
    def n_models(self) -> int:
        """Number of cells of one seed."""
        return sum(len(models) for models in self.models.values())


@dataclass(frozen=True)
class Progress:
    """A finished cell, and the progress of the study."""

    cell: Cell
    done: int
    total: int
    known: bool


def plan(study: Study, data: StudyData) -> Plan:
    """Decide which label counts and models are feasible.

    Raises
    ------
    DataError
        If no label count is feasible.
    InvalidParameterError
        If a parameter of the networks is not allowed.
    """
    check_network(study, family_for(of_values=data.variance is not None))
    # Every seed has the same number of rows per class.
    pool, _ = cut(data, study.test, 0)
    n_pool = len(pool.y)
    notes: list[str] = []
    feasible: list[int] = []
    for wanted in study.labels:
        reason = _infeasible(n_pool if wanted is None else wanted, pool, data)
        if reason is None:
            feasible.append(n_pool if wanted is None else wanted)
        else:
            what = "all labels" if wanted is None else f"{wanted:,} labels"
            notes.append(f"Left out: {what}, {reason}.")
    if not feasible:
        raise DataError(
            f"{data.name} does not allow any of the label counts: "
            + " ".join(note.removeprefix("Left out: ") for note in notes)
            + " Give other --labels, or drop rare classes."
        )
    labels = tuple(sorted(set(feasible)))
    models, left_out = feasible_models(study, data, labels, n_pool)
    notes += left_out
    if data.y.ndim == 2:
        return Plan(labels, models, n_pool, tuple(notes))
    of_all, of_pool = (np.bincount(y, minlength=len(data.classes)) for y in (data.y, pool.y))
    untested = np.flatnonzero(of_all == of_pool)
    if len(untested):
        names = listed(str(data.classes[number]) for number in untested)
        n_test = len(data.y) - n_pool
        notes.append(f"Too few rows to appear in the {n_test:,} test rows: class {names}.")
    return Plan(labels, models, n_pool, tuple(notes))


def run_study(
    study: Study,
    data: StudyData,
    cache: CellCache,
    watch: Callable[[Progress], None] | None = None,
) -> list[Cell]:
    """Return the cells of a study; cells in the cache are not computed again.

    Parameters
    ----------
    study : Study
    data : StudyData
    cache : CellCache
        Each cell is stored in it as soon as it is computed.
    watch : callable or None
        Called with every cell.
    """
    planned = plan(study, data)
    family = family_for(of_values=data.variance is not None)
    cells: list[Cell] = []
    with threadpool_limits(torch.get_num_threads()):
        for seed in range(study.seeds):
            pool, held_out = cut(data, study.test, seed)
            models = Models(study, pool, seed)
            for n_labels in planned.labels:
                for model in planned.models[n_labels]:
                    key = cell_key(
                        data.sha256,
                        study,
                        model=model,
                        described=describe_model(model, study, family),
                        seed=seed,
                        n_labels=n_labels,
                    )
                    cell = cache.get(key)
                    known = cell is not None
                    if cell is None:
                        cell = _computed(study, models, model, pool, held_out, seed, n_labels)
                        cache.put(key, cell)
                    cells.append(cell)
                    if watch is not None:
                        total = study.seeds * planned.n_models
                        watch(Progress(cell, len(cells), total, known))
    return cells


def _computed(
    study: Study,
    models: Models,
    model: str,
    pool: Pool,
    held_out: HeldOut,
    seed: int,
    n_labels: int,
) -> Cell:
    x, y = pool.labelled(n_labels)
    settings = settings_of(model, study, family_for(of_values=pool.of_values))
    others = pool.without_labels(n_labels) if model in FROM_ALL_ROWS else None
    fitted = tune_and_fit(models, model, settings, x, y, others, n_folds=study.folds, seed=seed)
    pretraining = models.cost_of_start(model)
    with quiet():
        error = error_of(fitted.model, held_out.x, held_out.y, held_out.variance)
    return Cell(
        model=model,
        labels=n_labels,
        seed=seed,
        error=error,
        setting=", ".join(f"{name}={_shown(value)}" for name, value in fitted.setting.items()),
        n_pool=len(pool.y),
        n_test=len(held_out.x),
        pretraining_seconds=pretraining.seconds,
        tuning_seconds=fitted.tuning.seconds,
        fit_seconds=fitted.fit.seconds,
        pretraining_cpu=pretraining.cpu_seconds,
        tuning_cpu=fitted.tuning.cpu_seconds,
        fit_cpu=fitted.fit.cpu_seconds,
        memory=pretraining.plus(fitted.fit).memory,
        of_values=pool.of_values,
    )


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _infeasible(n_labels: int, pool: Pool, data: StudyData) -> str | None:
    """Return why a number of labels is not feasible, or None."""
    n_pool = len(pool.y)
    if n_labels > n_pool:
        return f"there are only {n_pool:,} training rows"
    if data.y.ndim == 2:
        return None if n_labels >= 2 else "at least 2 rows need labels"
    counts = np.bincount(pool.labelled(n_labels)[1], minlength=len(data.classes))
    if counts.min() >= 2:
        return None
    rare = data.classes[int(counts.argmin())]
    return f"class {rare!r} would have {counts.min()} of them, but needs 2"
