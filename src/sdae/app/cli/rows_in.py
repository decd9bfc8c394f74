"""Loading the data that a command uses with a run."""

from sdae.app.runs.model_rows import choose_rows, task_of
from sdae.core.model_file import Model
from sdae.data import Table, load_dataset
from sdae.data.label_columns import Target
from sdae.data.typed_dataset import load_for_schema


def load_rows(data: str, model: Model, part: str = "auto", target: Target = None) -> Table:
    """Load the model's columns of some data, and their labels if a `target` is named.

    Other columns are ignored, whatever they hold.

    Raises
    ------
    SdaeError
        Whatever is wrong with the data.
    """
    if model.schema is not None:
        return choose_rows(
            load_for_schema(data, model.schema, target, task_of(model)).dataset, part
        )
    return choose_rows(load_dataset(data, target, model.feature_names, task_of(model)), part)
