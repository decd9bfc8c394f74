"""Checks of a stack before training."""

from sdae.core.errors import InvalidParameterError
from sdae.core.facades import check_values
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
    if not isinstance(stack, StackedDenoisingAutoencoder):
        raise InvalidParameterError(
            "pretrain and finetune need a StackedDenoisingAutoencoder. Got a "
            f"{type(stack).__name__} instead. A LadderNetwork is trained by train_ladder."
        )
    stack.check_trainable()
    stack.check_facades()
    check_values(stack)
    make_ordinary(stack)
