"""Checks of a stack before training."""

from sdae.core.errors import InvalidParameterError
from sdae.core.facades import check_values
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.surroundings import make_ordinary


def make_ready(stack: StackedDenoisingAutoencoder) -> None:
    """Prepare a stack for training.

    Parameters that were made in inference mode are replaced by ordinary ones.

    Raises
    ------
    InvalidParameterError
        If its facades do not share their parameters, parameters have no values, or it is the stack
        of a ladder.
    """
    if isinstance(stack, FoldedLadder):
        raise InvalidParameterError(
            "The stack is that of a ladder, which would not follow if it were trained. Train the "
            "ladder with train_ladder, or a copy without it: "
            "sdae.core.ladder.folded.plain_stack(stack.ladder)."
        )
    stack.check_facades()
    check_values(stack)
    make_ordinary(stack)
