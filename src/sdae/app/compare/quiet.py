"""Many fits in a row: no messages from each, and Ctrl-C ends the study."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from sklearn.exceptions import ConvergenceWarning

_INTERRUPTED = "Training was interrupted"
_ALL_LABELLED = "y contains no unlabeled samples"  # then self-training is the model that it trains
_NEW_GAPS = ".* which had none in fit"  # other rows than those of training may have gaps


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress the log and expected warnings, and let Ctrl-C raise instead of ending one fit.

    The warnings are of convergence, of gaps in columns that had none in training, and of
    self-training with all labels.

    ``SDAEClassifier`` ends a fit at Ctrl-C with a warning and remains usable; a study must not use
    a partly trained network.

    Raises
    ------
    KeyboardInterrupt
        If the fit was interrupted.
    """
    log = logging.getLogger("sdae")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("error", message=_INTERRUPTED)
        warnings.filterwarnings("ignore", message=_NEW_GAPS)
        warnings.filterwarnings("ignore", message=_ALL_LABELLED)
        log.addFilter(_nothing)
        try:
            yield
        except UserWarning as warning:
            if not str(warning).startswith(_INTERRUPTED):
                raise
            cause = warning.__context__
            raise cause if isinstance(cause, KeyboardInterrupt) else KeyboardInterrupt from None
        finally:
            log.removeFilter(_nothing)


def _nothing(_record: logging.LogRecord) -> bool:
    return False
