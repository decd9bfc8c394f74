"""What a fit learns from unlabelled rows: as asked for, by the rule, or to be searched."""

from sdae.core.errors import invalid_parameter
from sdae.estimators.class_targets import has_targets
from sdae.estimators.inputs import Rows
from sdae.estimators.parameter_readers import AUTO, SEARCH
from sdae.estimators.parameters import Settings
from sdae.estimators.tasks import Consistency
from sdae.estimators.weights import Numbers
from sdae.train.consistency.rule import Situation, learns_from_others, obstacle_of_engine


def chosen_consistency(
    settings: Settings, targets: Numbers, others: Rows, n_classes: int, caller: str
) -> Consistency | None:
    """Return what is learned from unlabelled rows; without methods if the rows decide.

    Parameters
    ----------
    settings : Settings
    targets : ndarray, shape (n,) or (n, L)
        Classes or labels; −1 for rows without a label.
    others : rows, (m, V)
        All rows without a label.
    n_classes : int
    caller : str
        Name in error messages.

    Raises
    ------
    InvalidParameterError
        If a method is asked for where none can be used.
    """
    asked = settings.semi_supervised
    if asked is None:
        return None
    obstacle = _obstacle(settings, targets, n_classes)
    if asked == AUTO:
        n_labelled = int(has_targets(targets).sum())
        situation = Situation(n_labelled, others.shape[0], n_classes, obstacle)
        return Consistency((), others, AUTO) if learns_from_others(situation) else None
    if obstacle:
        raise invalid_parameter(
            "semi_supervised", caller, f"None or 'auto', since {obstacle}", settings.semi_supervised
        )
    if asked != SEARCH:
        return Consistency(tuple(asked), others)
    if settings.checkpoint is not None:
        wanted = "None with semi_supervised='search', whose trials are not saved"
        raise invalid_parameter("checkpoint", caller, wanted, str(settings.checkpoint.folder))
    return Consistency((), others, SEARCH)


def _obstacle(settings: Settings, targets: Numbers, n_classes: int) -> str:
    """Return why nothing can be learned from unlabelled rows; empty if it can."""
    if n_classes == 1:
        return "there is a single class"
    if targets.ndim == 2:
        return "y has several columns of labels"
    if settings.uses_lbfgs:
        return "solver='lbfgs' takes all labelled rows at once"
    return obstacle_of_engine(settings.engine)
