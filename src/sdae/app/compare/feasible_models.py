"""Which models of a study can be had for its data, and at which numbers of labels."""

from collections.abc import Iterable, Sequence

from sdae.app.compare.families import OF_CLASSES
from sdae.app.compare.study import (
    AGREEING,
    MAX_BUDGET,
    SELF_TRAINING,
    SPREADING,
    TITLES,
    Study,
    models_for,
)
from sdae.app.compare.study_data import StudyData

SVM_LIMIT = 20_000
"""An SVM's time grows with the square of the labelled rows; above this number it is skipped."""
ROWS_LIMIT = 20_000
"""So does that of a graph of neighbours with all rows, and self-training fits to all many times."""
_OF_ONE_COLUMN = (*AGREEING, SELF_TRAINING, SPREADING)
_LARGEST_GRAPH = max(setting["n_neighbors"] for setting in OF_CLASSES.grids[SPREADING][:MAX_BUDGET])
_AGREES_IN = ("auto", "autograd")


def feasible_models(
    study: Study, data: StudyData, labels: Sequence[int], n_pool: int
) -> tuple[dict[int, tuple[str, ...]], list[str]]:
    """Return the models at each number of labels, and notes on what is left out.

    Parameters
    ----------
    study : Study
    data : StudyData
    labels : sequence of int
        Numbers of labelled rows, ascending.
    n_pool : int
        Number of training rows that can have labels.
    """
    n_rows = n_pool + len(data.unlabelled)
    reasons = {model: _obstacle(model, study, data, n_rows) for model in study.models}
    wanted = [model for model, reason in reasons.items() if not reason]
    notes = [
        f"Left out: {_titles(model for model, why in reasons.items() if why == reason)}: {reason}."
        for reason in dict.fromkeys(filter(None, reasons.values()))
    ]
    if "svm" in wanted and labels[-1] > SVM_LIMIT:
        notes.append(f"Left out: {TITLES['svm']} with more than {SVM_LIMIT:,} labels: too slow.")
    named = models_for(wanted, of_values=data.variance is not None)
    return {n: tuple(m for m in named if m != "svm" or n <= SVM_LIMIT) for n in labels}, notes


def _obstacle(model: str, study: Study, data: StudyData, n_rows: int) -> str:
    """Return why a model cannot be had at all; empty if it can."""
    if model in _OF_ONE_COLUMN and (data.variance is not None or data.y.ndim == 2):
        return "for one column of classes alone"
    engine = study.network.get("engine", "auto")
    if model in AGREEING and engine not in _AGREES_IN:
        return f"engine={engine!r} learns from labelled rows alone"
    if model in (SELF_TRAINING, SPREADING) and n_rows > ROWS_LIMIT:
        return f"too slow with more than {ROWS_LIMIT:,} rows"
    if model == SPREADING and n_rows < _LARGEST_GRAPH:
        return f"its graph needs {_LARGEST_GRAPH} rows"
    return ""


def _titles(models: Iterable[str]) -> str:
    return "; ".join(TITLES[model] for model in models)
