"""``sdae evaluate``: measure the answers of a run on labelled rows."""

import numpy as np
from rich.table import Table as ShownTable
from rich.text import Text

from sdae.app.cli.options import DataArgument, ModelArgument, PartOption, TargetOption, with_answers
from sdae.app.cli.table_options import content_of
from sdae.app.cli.terminal import new_console, say
from sdae.app.export.exported_model import target_scaling_of, undone
from sdae.app.runs.model_rows import (
    choose_rows,
    fitting,
    in_parts,
    load_for,
    outputs_of,
    targets_of,
    task_of,
)
from sdae.app.runs.prepared_data import Classes
from sdae.app.runs.run_folder import open_model
from sdae.app.runs.scores import (
    MOST_CLASSES,
    ClassScores,
    LabelScores,
    ValueScores,
    score_classes,
    score_labels,
    score_values,
)
from sdae.core.inference import answers, outputs
from sdae.core.wording import plain, quoted
from sdae.data.labelled_rows import unlabelled_beside

_LONGEST = 24  # characters of a class in the matrix


def evaluate(
    run: ModelArgument,
    data: DataArgument,
    target: TargetOption = None,
    part: PartOption = "auto",
) -> None:
    """Print how good the answers on labelled rows are, beside the best constant answer.

    The error is the share of rows classified wrongly; with several labels the share of labels. Of
    a regression R² and the mean absolute error are printed. Rows without a label are left out.

    Example: sdae evaluate runs/mnist-default mnist --part test
    """
    folder = open_model(run)
    model = with_answers(folder)
    wanted = target or folder.target()
    dataset = load_for(model, data, wanted, task_of(model), content_of(data), in_order=True)
    table = choose_rows(dataset, part)
    unlabelled = unlabelled_beside(dataset, table)
    y = targets_of(model, table)
    x = fitting(model, table).x
    raw = in_parts(lambda rows: outputs(model.stack, rows, model.scaling), x)  # (n, O)
    found = outputs_of(model)
    assert found is not None  # it has a head
    head, classes = found
    if unlabelled is not None:
        say(f"Rows without a label, left out: {len(unlabelled):,}")
    if head.facts.probabilities is None:
        values = undone(answers(head, raw).astype(np.float64), target_scaling_of(model))
        _say_values(score_values(values, y.astype(np.float64)), classes, len(y))
    elif head.facts.picks_one:
        _say_classes(score_classes(raw, y.astype(np.int64)), classes)
    else:
        _say_labels(score_labels(raw, y.astype(np.int64)), *y.shape)


def _say_classes(scores: ClassScores, classes: Classes) -> None:
    say(f"Rows {scores.n_rows:,}, wrong {scores.n_wrong:,}")
    if len(classes) <= MOST_CLASSES:
        new_console().print(_matrix(scores, classes))
    say(f"Negative log-likelihood (log loss) {scores.log_loss:.4f}")
    say(f"Balanced accuracy {100 * scores.balanced_accuracy:.2f} %")
    if scores.auc is not None:
        of_several = ", the mean of each class against the rest" if len(classes) > 2 else ""
        say(f"Area under the ROC curve {scores.auc:.4f}{of_several}")
    error = scores.n_wrong / scores.n_rows
    always = quoted(str(classes[scores.majority]))
    better = ", no worse than the run" if scores.majority_error <= error else ""
    say(f"Always {always}: error {100 * scores.majority_error:.2f} %{better}")
    say(f"Error {100 * error:.2f} %")


def _matrix(scores: ClassScores, classes: Classes) -> ShownTable:
    """Return the confusion matrix: a line for each class, a column for each answer."""
    table = ShownTable(box=None, pad_edge=False)
    table.add_column("class \\ answer", overflow="fold")
    names = [plain(str(label), _LONGEST) for label in classes]
    for name in names:
        table.add_column(Text(name), justify="right", overflow="fold")
    for name, counts in zip(names, scores.confusion.tolist(), strict=True):
        table.add_row(Text(name), *(f"{count:,}" for count in counts))
    return table


def _say_labels(scores: LabelScores, n_rows: int, n_labels: int) -> None:
    say(f"Rows {n_rows:,} of {n_labels:,} labels, labels wrong {scores.n_wrong:,}")
    say(f"Negative log-likelihood (log loss) {scores.log_loss:.4f}")
    if scores.auc is not None:
        say(f"Area under the ROC curve {scores.auc:.4f}, the mean over the labels")
    say(f"Always the more frequent value of each: error {100 * scores.majority_error:.2f} %")
    say(f"Error {100 * scores.n_wrong / (n_rows * n_labels):.2f} %")


def _say_values(scores: list[ValueScores], targets: Classes, n_rows: int) -> None:
    say(f"Rows {n_rows:,}")
    for score, target in zip(scores, targets, strict=True):
        of = f"{target}: " if len(scores) > 1 else ""
        say(f"{of}Root mean squared error {score.rmse:.6g}")
        say(
            f"{of}Mean absolute error {score.mae:.6g} (always the median: "
            f"{score.mae_of_median:.6g})"
        )
        r2 = "undefined, all values are equal" if score.r2 is None else f"{score.r2:.4f}"
        say(f"{of}R² {r2}")
