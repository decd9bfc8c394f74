"""What several tests of studies use."""

from typing import Any

import pytest

from sdae.app.compare.families import OF_CLASSES, OF_VALUES
from sdae.app.compare.study import LADDER


@pytest.fixture
def short_ladders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ladders of a few updates: what they learn is tested elsewhere."""
    for family in (OF_CLASSES, OF_VALUES):
        fixed: Any = family.fixed
        short = {"n_updates": 300, "hidden_layer_sizes": (8,)}
        monkeypatch.setitem(fixed, LADDER, {**fixed[LADDER], **short})
