"""The NumPy program with the weights of a model, in this process."""

from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from sdae.app.export import numpy_program as predict
from sdae.core.model_file import Model, save_model

Program = Callable[[Model], ModuleType]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Return a function that gives the program another model."""
    path = tmp_path_factory.mktemp("program") / "weights.safetensors"
    before = predict.WEIGHTS

    def with_model(model: Model) -> ModuleType:
        save_model(model, path)
        predict.WEIGHTS = path
        predict.model.cache_clear()
        return predict

    yield with_model
    predict.WEIGHTS = before
    predict.model.cache_clear()
