"""Making a figure and writing it as a PNG, without matplotlib's global state."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from sdae.core.errors import InvalidParameterError, MissingExtraError
from sdae.core.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of `width` × `height` inches.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError(
            'Plots need matplotlib. Install it with: pip install "sdae[report]"'
        ) from None
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def write_png(figure: "Figure", path: str | Path) -> None:
    """Write the figure atomically; the same figure gives the same bytes.

    Raises
    ------
    InvalidParameterError
        If the name does not end in ``.png``.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InvalidParameterError(f"A picture must be a .png file. Got {path} instead.")
    buffer = io.BytesIO()
    figure.savefig(
        buffer, format="png", dpi=120, bbox_inches="tight", metadata={"Software": "sdae"}
    )
    write_atomically(path, buffer.getvalue())
