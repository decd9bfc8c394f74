"""``sdae info``: describe a run."""

from sdae.app.cli.options import RunArgument
from sdae.app.cli.summary import last_line
from sdae.app.cli.terminal import say
from sdae.app.runs.run_folder import open_run
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.ladder.network import LadderNetwork
from sdae.core.model_file import Model
from sdae.core.schema.columns import IgnoredColumn
from sdae.core.wording import listed, plain, quoted
from sdae.train.history import FINETUNING, LADDER, PRETRAINING, history_of

_MOST_CHARACTERS = 500


def info(run: RunArgument) -> None:
    """Print the network, its data, its training and its results.

    Example: sdae info runs/mnist-default
    """
    folder = open_run(run)
    model = folder.model()
    stack = model.stack
    trained = stack.ladder if isinstance(stack, FoldedLadder) else stack
    n_parameters = sum(parameter.numel() for parameter in trained.parameters())
    if isinstance(trained, LadderNetwork):
        say(f"Ladder: {trained.extra_repr()}")
    else:
        for layer in range(stack.n_layers):
            say(f"Layer {layer}: {stack.autoencoder(layer).extra_repr()}")
    if model.classes is not None:
        kind = model.stack.head_facts.outputs.capitalize()
        say(f"{kind} ({len(model.classes)}): {listed(map(str, model.classes))}")
    if model.target_scaling is not None:
        scaling, names = model.target_scaling, model.target_names or ("target",)
        for name, mean, deviation in zip(names, scaling.offset, scaling.scale, strict=False):
            say(f"Target {quoted(name)}: mean {mean:.6g}, standard deviation {deviation:.6g}")
    say(f"Parameters: {n_parameters:,}")
    say(f"Scaling: {_scaling_of(model)}")
    if model.schema is not None:
        ignored = [each for each in model.schema.columns if isinstance(each, IgnoredColumn)]
        left_out = [f"{each.name} ({each.why})" for each in (*ignored, *model.schema.left_out)]
        if left_out:
            say(f"Left out: {listed(left_out)}")
    for key, value in sorted(model.provenance.items()):
        say(f"Provenance: {plain(key)} = {plain(str(value), _MOST_CHARACTERS)}")
    records = folder.records()
    for stage in (PRETRAINING, FINETUNING, LADDER):
        part = [record for record in records if record.stage == stage]
        if part:
            minutes = sum(record.seconds for record in part) / 60
            engines = ", ".join(sorted({record.engine for record in part}))
            say(f"{stage.capitalize()}: {len(part)} epochs, {minutes:.2f} min, engine {engines}")
    say(last_line(history_of(records), stack.head_kind))


def _scaling_of(model: Model) -> str:
    """Return in a few words how the rows of a model are scaled."""
    if model.schema is not None:
        return "by the columns: numbers and dates are scaled, levels and truth values are not"
    return "none" if model.scaling is None else model.scaling.kind
