"""Check that an export gives the same results as the package.

An answer is the same where it differs by at most 1e-5 plus 1e-4 of its size. The size is that of a
probability itself; of codes, reconstructions and predictions it is the largest of the row, in the
units of the network. A label is compared where the two best classes differ by more than 1e-4, or
the probability of the label from one half.

A row may differ by more where rounding decides: where computing with the same weights in float64
changes the package's own result by a tenth of the allowed difference. One comparison could be close
by chance, so there are two more, with randomly rounded numbers. Such rows are counted.

Small values of a softmax or a sigmoid matter too, since users take logarithms of them: they may
differ by a relative 1e-4, plus ten times the relative effect of rounding on a value of the row.
Values too small for a normal number of their type may become 0.

Axes: n rows, K columns of an output.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.app.export.exported_model import Answers, Subject
from sdae.app.export.probe_rows import Trial
from sdae.core.errors import ParityError
from sdae.core.kinds.heads import Head
from sdae.core.preprocessing import Scaling

ABSOLUTE, RELATIVE, CLOSE = 1e-5, 1e-4, 1e-4
_LABELS = frozenset(h.facts.answer_name for h in Head if h.facts.probabilities is not None)


def bounds_of(subject: Subject) -> dict[str, dict[str, float | str]]:
    """Return how much each output except labels may differ from the package's, as JSON.

    The bound is ``absolute`` plus ``relative`` times the value, or times the largest of the row.
    """
    tiny = float(np.finfo(subject.dtype).tiny)
    of_itself: dict[str, float | str] = {"relative": RELATIVE, "of": "the value", "absolute": tiny}
    of_row = of_itself | {"of": "the largest of the row", "absolute": ABSOLUTE}
    stack, small_count = subject.stack, _small_count(subject)
    head = []
    if stack.head_kind is not None:
        facts = stack.head_kind.facts
        head = [facts.answer_name if facts.probabilities is None else "probabilities"]
    names = [*head, "codes", "reconstruction"]
    return {name: of_itself if name in small_count else of_row for name in names}


def _small_count(subject: Subject) -> set[str]:
    """Return the outputs that come directly from a softmax or a sigmoid."""
    stack = subject.stack
    names = set()
    if subject.labels is not None:
        names.add("probabilities")
    if stack.activation.facts.keeps_small_codes:
        names.add("codes")
    if subject.schema is not None:
        return names
    output = stack.autoencoder(0).decoder.facts.output
    if output.facts.keeps_small_codes and subject.model.scaling is None:
        names.add("reconstruction")  # after scaling back, small values vanish next to the offset
    return names


@dataclass(frozen=True)
class Agreement:
    """How well an export and the package agree.

    Attributes
    ----------
    kinds : mapping
        Number of rows of each kind.
    n_undecided : int
        Number of rows that differ where rounding decides.
    outputs : tuple of str
        Names of the compared outputs.
    differences : mapping
        The largest difference of each output except labels; for values above 1 it is relative.
    """

    kinds: Mapping[str, int]
    n_undecided: int
    outputs: tuple[str, ...]
    differences: Mapping[str, float]


def check(subject: Subject, trial: Trial, found: Answers, what: str) -> Agreement:
    """Compare the results of an export, by output, with those of the package.

    Raises
    ------
    ParityError
        If a result differs, or most rows differ where rounding decides.
    """
    units = {"reconstruction": subject.model.scaling, "prediction": subject.target_scaling}
    small_count = _small_count(subject)
    n_rows = len(trial.x)
    undecided = np.zeros(n_rows, np.bool_)
    differences = {}
    for name, answers in found.items():
        if name in _LABELS:
            continue
        package = trial.package[name]
        if answers.shape != package.shape:
            raise ParityError(
                f"{what} returns {name} of shape {answers.shape} instead of {package.shape}. "
                "Nothing was written."
            )
        with np.errstate(all="ignore"):
            compared = _compare(trial, name, answers, units.get(name))
        differs = ~(compared.difference <= compared.allowed).all(axis=1)  # True for NaN too
        wrong = differs & compared.decided
        if name in small_count and not wrong.any():
            compared = replace(compared, allowed=_allowed_of_small(subject, trial, name))
            wrong = np.any(compared.difference > compared.allowed, axis=1) & ~differs
        if wrong.any():
            raise _differs(what, name, trial, compared, int(np.argmax(wrong)))
        differences[name] = float(compared.relative[~differs].max(initial=0.0))
        undecided |= differs
    for name in _LABELS & found.keys():
        _check_labels(what, trial, name, found[name], ~undecided)
    n_undecided = int(np.count_nonzero(undecided))
    if 2 * n_undecided > n_rows:
        raise ParityError(
            f"{what} cannot be checked: it differs in {n_undecided} of {n_rows} rows, for which "
            "the model's own results change with rounding. Nothing was written. Train the model "
            "again with smaller weights."
        )
    outputs = tuple(name for name in trial.package if name in found)
    return Agreement(trial.kinds, n_undecided, outputs, differences)


@dataclass(frozen=True, eq=False)
class _Compared:
    """Absolute and relative differences, and the allowed ones, (n, K); the rows that count."""

    difference: NDArray[np.float64]
    relative: NDArray[np.float64]
    allowed: NDArray[np.float64]
    decided: NDArray[np.bool_]


def _compare(trial: Trial, name: str, found: NDArray[Any], scaling: Scaling | None) -> _Compared:
    package = trial.package[name]
    one = np.finfo(found.dtype).eps * np.abs(package.astype(np.float64))  # a unit in the last place
    if scaling is not None:
        one /= scaling.scale
    found, package = (_in_network_units(a, scaling) for a in (found, package))
    size = np.abs(package)  # (n, K)
    if name != "probabilities":
        size = np.broadcast_to(size.max(axis=1, keepdims=True), size.shape)
    allowed = ABSOLUTE + RELATIVE * size
    decided = np.ones(len(package), np.bool_)
    for answers in trial.rounded_answers(name):
        itself = np.abs(package - _in_network_units(answers, scaling))
        decided &= (itself <= allowed / 10 + one).all(axis=1)  # False for NaN
    # Means of counts may be infinite on both sides.
    difference = np.where(found == package, 0.0, np.abs(found - package))
    return _Compared(difference, difference / np.maximum(size, 1), allowed + 2 * one, decided)


def _allowed_of_small(subject: Subject, trial: Trial, name: str) -> NDArray[np.float64]:
    """Return the allowed differences of an output whose small values matter, (n, K)."""
    package = trial.package[name].astype(np.float64)
    tiny = float(np.finfo(subject.dtype).tiny)
    size = np.maximum(package, tiny)
    moved = np.zeros((len(size), 1))  # relative, the largest of its row
    for answers in trial.rounded_answers(name):
        share = np.abs(package - answers) / size
        share[np.maximum(package, answers) < tiny] = 0  # subnormal numbers have lost digits
        moved = np.maximum(moved, np.nan_to_num(share, nan=np.inf).max(axis=1, keepdims=True))
    return (RELATIVE + 10 * moved) * size + tiny


def _in_network_units(values: NDArray[Any], scaling: Scaling | None) -> NDArray[np.float64]:
    values = values.astype(np.float64)
    return values if scaling is None else (values - scaling.offset) / scaling.scale


def _check_labels(
    what: str, trial: Trial, name: str, labels: NDArray[Any], compared: NDArray[np.bool_]
) -> None:
    """Raise an error for labels, (n,) or (n, L), that differ where the probabilities are clear."""
    wanted, probabilities = trial.package[name], trial.package["probabilities"]
    if labels.shape != wanted.shape:
        raise ParityError(
            f"{what} gives {name} of shape {labels.shape} instead of {wanted.shape}. "
            "Nothing was written."
        )
    if wanted.ndim == 1:
        best = np.sort(probabilities, axis=1)[:, -2:]  # (n, 2)
        clear = best[:, 1] - best[:, 0] > CLOSE  # (n,)
    else:
        clear = np.abs(probabilities - 0.5) > CLOSE  # (n, L)
        compared = compared[:, None]
    for place in np.argwhere(compared & clear & (labels != wanted)).tolist():
        row, *label = place
        of_label = f" {label[0]} (from 0)" if label else ""
        raise ParityError(
            f"{what} differs from the model: for {trial.place(row)} the label{of_label} "
            f"is {labels[*place]!r} instead of {wanted[*place]!r}. Nothing was written."
        )


def _differs(what: str, name: str, trial: Trial, compared: _Compared, row: int) -> ParityError:
    excess = np.nan_to_num(compared.difference[row] - compared.allowed[row], nan=np.inf)
    column = int(np.argmax(excess))
    return ParityError(
        f"{what} differs from the model: for {trial.place(row)}, {name} {column} (from 0) differs "
        f"by {compared.difference[row, column]:.3g}, but at most "
        f"{compared.allowed[row, column]:.3g} is allowed. Nothing was written."
    )
