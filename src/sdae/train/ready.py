"""What is checked of a stack before anything trains it."""

from sdae.core.facades import check_values
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.surroundings import make_ordinary


def make_ready(stack: StackedDenoisingAutoencoder) -> None:
    """Make a stack one that can be trained.

    Parameters that were made in inference mode are replaced by ordinary ones.

    Raises
    ------
    InvalidParameterError
        If its facades do not share their parameters, or these have no values.
    """
    stack.check_facades()
    check_values(stack)
    make_ordinary(stack)
