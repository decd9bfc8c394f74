"""``sdae info``: what a run is."""

from sdae.cli.options import RunArgument
from sdae.cli.summary import last_line
from sdae.runs.folder import open_run
from sdae.training.history import FINETUNING, PRETRAINING, history_of


def info(run: RunArgument) -> None:
    """Print the network, its data, its training and its results.

    Example: sdae info runs/mnist-default
    """
    folder = open_run(run)
    model = folder.model()
    stack = model.stack
    n_parameters = sum(parameter.numel() for parameter in stack.parameters())
    for layer in range(stack.n_layers):
        autoencoder = stack.autoencoder(layer)
        print(f"Layer {layer}: {autoencoder.extra_repr()}")
    if model.classes is not None:
        shown = ", ".join(str(label) for label in model.classes[:12])
        more = ", …" if len(model.classes) > 12 else ""
        print(f"Classes ({len(model.classes)}): {shown}{more}")
    print(f"Parameters: {n_parameters:,}")
    print(f"Scaling: {'none' if model.scaling is None else model.scaling.kind}")
    for key, value in sorted(model.provenance.items()):
        print(f"Provenance: {key} = {value}")
    records = folder.records()
    for stage in (PRETRAINING, FINETUNING):
        part = [record for record in records if record.stage == stage]
        if part:
            minutes = sum(record.seconds for record in part) / 60
            engines = ", ".join(sorted({record.engine for record in part}))
            print(f"{stage.capitalize()}: {len(part)} epochs, {minutes:.2f} min, engine {engines}")
    print(last_line(history_of(records)))
