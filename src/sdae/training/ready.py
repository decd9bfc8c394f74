"""What is checked of a stack before anything trains it."""

from sdae.facades import check_values
from sdae.stack import StackedDenoisingAutoencoder


def make_ready(stack: StackedDenoisingAutoencoder) -> None:
    """Make a stack one that can be trained.

    Raises
    ------
    InvalidParameterError
        If its facades do not share their parameters, or these have no values.
    """
    stack.check_facades()
    check_values(stack)
