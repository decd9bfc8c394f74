"""Writing a model for other programs: public names of :mod:`sdae.app.export.writing`."""

from sdae.app.export.writing import export_model

__all__ = ["export_model"]
