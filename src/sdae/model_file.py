"""Files of models: public names of :mod:`sdae.core.model_file`."""

from sdae.core.model_file import Model, load_model, save_model

__all__ = ["Model", "load_model", "save_model"]
