"""Scaling of columns: public names of :mod:`sdae.core.preprocessing`."""

from sdae.core.preprocessing import Scaling

__all__ = ["Scaling"]
