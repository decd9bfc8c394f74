"""What is checked of a stack before anything trains it."""

from sdae.facades import check_values
from sdae.stack import StackedDenoisingAutoencoder
from sdae.surroundings import make_ordinary


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
