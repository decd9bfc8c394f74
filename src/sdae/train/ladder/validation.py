"""Errors of a ladder on held-out rows, while it is trained and at the end."""

from sdae.core.ladder.folded import FoldedLadder
from sdae.core.ladder.statistics import settle
from sdae.train.identity import Identity, hashes_of
from sdae.train.labelled import LabelledRows, scored_rows
from sdae.train.ladder.task import LadderTask
from sdae.train.scoring import error_of

MOST_LOOKS = 20
_FEW_ROWS = 5000


class LadderValidator:
    """Scores the ladder of one call; without such rows it does nothing.

    Attributes
    ----------
    error, test_error : float or None
        Those of the current epoch, if they were measured.
    last_epoch : int or None
        The epoch of the last measurement.
    """

    def __init__(
        self, task: LadderTask, validation: LabelledRows | None, test: LabelledRows | None
    ) -> None:
        self._task = task
        given = {"validation": validation, "test": test}
        if validation is not None or test is not None:
            self._folded = FoldedLadder(task.network)
        self._scored = {
            name: scored_rows(self._folded, pair, name, None)
            for name, pair in given.items()
            if pair is not None
        }
        self.error: float | None = None
        self.test_error: float | None = None
        self.last_epoch: int | None = None

    def identity(self) -> Identity:
        """Return what a checkpoint is known by, of the rows to score."""
        return hashes_of(
            {
                f"{what} of the {name} set": part
                for name, (x, y, _) in self._scored.items()
                for what, part in (("x", x), ("y", y))
            }
        )

    def after_epoch(self, epoch: int, *, last: bool, n_epochs: int) -> None:
        """Measure the errors, if it is time for it."""
        self.error = self.test_error = None
        due = last or epoch % max(1, -(-n_epochs // MOST_LOOKS)) == 0
        if not due or not self._scored:
            return
        settle(self._task.network, self._task.unlabelled, None if last else _FEW_ROWS)
        self._folded.refold()
        errors = {name: error_of(self._folded, rows) for name, rows in self._scored.items()}
        self.error, self.test_error = errors.get("validation"), errors.get("test")
        self.last_epoch = epoch if self.error is not None else None
