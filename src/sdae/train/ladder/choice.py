"""Choose the engine of a ladder: by name, or with ``auto`` the fastest that supports it."""

from sdae.core.errors import invalid_parameter
from sdae.train.engines.choice import Engine
from sdae.train.ladder.autograd import AutogradLadder
from sdae.train.ladder.plan import LadderPlan
from sdae.train.ladder.support import compiled_lacks
from sdae.train.ladder.task import LadderTask


def ladder_engine(task: LadderTask, plan: LadderPlan) -> Engine:
    """Return the engine that trains a ladder.

    Raises
    ------
    InvalidParameterError
        If the requested engine does not support the training.
    """
    asked = task.config.engine
    if asked == "autograd":
        return AutogradLadder(task, plan)
    reason = compiled_lacks(task)
    if reason is None:
        from sdae.train.ladder.compiled import CompiledLadder

        return CompiledLadder(task, plan)
    if asked == "compiled":
        remedy = f"This engine cannot be used here: {reason}. Use 'auto'."
        wanted = "an engine that supports this training"
        raise invalid_parameter("engine", task.caller, wanted, asked, remedy)
    return AutogradLadder(task, plan)
