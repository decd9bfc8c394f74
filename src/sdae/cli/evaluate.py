"""``sdae evaluate``: the error of a run on labelled rows."""

import torch

from sdae.cli.options import DataArgument, PartOption, RunArgument, TargetOption, classifier
from sdae.cli.rows_in import load_rows
from sdae.runs.folder import open_run
from sdae.runs.prepare import class_numbers, network_input


def evaluate(
    run: RunArgument,
    data: DataArgument,
    target: TargetOption = None,
    part: PartOption = "auto",
) -> None:
    """Print the error and the negative log-likelihood on labelled rows.

    Example: sdae evaluate runs/mnist-default mnist --part test
    """
    folder = open_run(run)
    model = classifier(folder)
    table = load_rows(data, model, part, target or folder.recipe().data.target)
    y = class_numbers(model, table)
    x = network_input(model, table)
    probabilities = model.stack.predict_proba(x)  # (n, C)
    labels = torch.from_numpy(y)  # (n,)
    wrong = int((probabilities.argmax(dim=1) != labels).sum())
    chosen = probabilities.double().gather(1, labels[:, None]).clamp_min(1e-38)  # (n, 1)
    print(f"Rows {len(y):,}, wrong {wrong:,}")
    print(f"Negative log-likelihood {float(-chosen.log().mean()):.4f}")
    print(f"Error {100 * wrong / len(y):.2f} %")
