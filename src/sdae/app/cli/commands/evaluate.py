"""``sdae evaluate``: measure the error of a run on labelled rows."""

import numpy as np

from sdae.app.cli.options import DataArgument, ModelArgument, PartOption, TargetOption, classifier
from sdae.app.cli.rows_in import load_rows
from sdae.app.cli.table_options import content_of
from sdae.app.cli.terminal import say
from sdae.app.runs.prepare import class_numbers, fitting
from sdae.app.runs.run_folder import open_model
from sdae.core.inference import (
    in_blocks,
    log_likelihood_of_labels,
    log_probabilities,
    outputs,
)


def evaluate(
    run: ModelArgument,
    data: DataArgument,
    target: TargetOption = None,
    part: PartOption = "auto",
) -> None:
    """Print the error and the negative log-likelihood on labelled rows.

    The error is the share of rows classified wrongly; with several labels the share of labels.

    Example: sdae evaluate runs/mnist-default mnist --part test
    """
    folder = open_model(run)
    model = classifier(folder)
    table = load_rows(data, model, part, target or folder.target(), content_of(data))
    y = class_numbers(model, table)
    x = fitting(model, table).x
    raw = in_blocks(
        lambda rows: outputs(model.stack, rows), x, model.scaling, model.stack
    )  # (n, O)
    head = model.stack.head_facts
    if head.picks_one:
        wrong = int((raw.argmax(axis=1) != y).sum())
        log_p = log_probabilities(raw)[np.arange(len(y)), y]  # (n,)
        likelihood, n_answers = -log_p.mean(), len(y)
        say(f"Rows {len(y):,}, wrong {wrong:,}")
    else:
        wrong = int(((raw > 0) != y).sum())
        likelihood, n_answers = -log_likelihood_of_labels(raw, y).mean(), y.size
        say(f"Rows {len(y):,} of {y.shape[1]:,} labels, labels wrong {wrong:,}")
    say(f"Negative log-likelihood {likelihood:.4f}")
    say(f"Error {100 * wrong / n_answers:.2f} %")
