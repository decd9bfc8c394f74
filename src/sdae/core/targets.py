"""The targets of rows, and how much each row counts: checked once.

Axes: n rows, B rows of a call, L labels, T targets of regression.
"""

import math

import torch
from torch import Tensor

from sdae.core.conversions import Array, Targets, as_tensor, widened
from sdae.core.errors import DataError


def label_tensor(y: Targets, n_rows: int, n_classes: int, name: str, like: Tensor) -> Tensor:
    """Check the labels of `n_rows` rows and bring them to the device of `like`, (n,) int64.

    Raises
    ------
    DataError
        If there is not one label per row, or a label is not an integer in [0, `n_classes`).
    """
    labels = as_tensor(y)
    if labels.shape != (n_rows,):
        raise DataError(
            f"The labels of {name} must have shape ({n_rows},), one per row. "
            f"Got shape {tuple(labels.shape)} instead."
        )
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise DataError(f"The labels of {name} must be integers. Got {labels.dtype} instead.")
    labels = labels.long()  # some integer types cannot be compared
    if labels.min() < 0 or labels.max() >= n_classes:
        raise DataError(
            f"The labels of {name} must be in [0, {n_classes}), the classes of the stack. "
            f"Got {int(labels.min())} to {int(labels.max())} instead."
        )
    return labels.to(like.device)


def indicators(y: Targets, n_rows: int, n_labels: int, name: str, like: Tensor) -> Tensor:
    """Check which labels `n_rows` rows have; bring them to the type and device of `like`, (n, L).

    Raises
    ------
    DataError
        If there are not `n_labels` zeros and ones (or booleans) per row.
    """
    labels = as_tensor(y)
    if labels.shape != (n_rows, n_labels):
        raise DataError(
            f"The labels of {name} must have shape ({n_rows}, {n_labels}), a column for each label "
            f"of the stack. Got shape {tuple(labels.shape)} instead."
        )
    labels = labels.detach()
    if labels.is_complex() or not ((labels == 0) | (labels == 1)).all():
        other = labels[(labels != 0) & (labels != 1)]
        raise DataError(
            f"The labels of {name} must be zeros and ones: 1 where a row has the label. "
            f"Got {other[0].item()} instead."
        )
    return labels.to(like)


def described(y: Targets) -> str:
    """Describe targets for an error: their type, shape and range."""
    values = as_tensor(y)
    text = f"{values.dtype} of shape {tuple(values.shape)}"
    if not values.is_floating_point() and values.dtype != torch.bool and not values.is_complex():
        values = values.long()  # some integer types cannot be compared
    if values.numel() and not values.is_complex():
        text += f" from {values.min()} to {values.max()}"
    return text


def value_tensor(y: Targets, n_rows: int, n_targets: int, name: str, like: Tensor) -> Tensor:
    """Check the values of `n_rows` rows and bring them to the type and device of `like`, (n, T).

    Raises
    ------
    DataError
        If there are not `n_targets` finite numbers per row; one per row may have shape (n,).
    """
    values = as_tensor(y)
    wanted = {(n_rows, n_targets), (n_rows,) if n_targets == 1 else (n_rows, n_targets)}
    if tuple(values.shape) not in wanted:
        shapes = " or ".join(str(shape) for shape in sorted(wanted))
        number = "one value" if n_targets == 1 else f"{n_targets} values"
        raise DataError(
            f"The values of {name} must have shape {shapes}, {number} per row. "
            f"Got shape {tuple(values.shape)} instead."
        )
    if values.is_complex() or values.dtype == torch.bool:
        raise DataError(f"The values of {name} must be real numbers. Got {values.dtype} instead.")
    exact = values.detach().reshape(n_rows, n_targets)  # (n,) or (n, T) -> (n, T)
    values = exact.to(like)
    finite = torch.isfinite(values).all(dim=1)
    if not finite.all():
        row = int(finite.int().argmin())
        got, remedy = "NaN or infinity instead", "Drop these rows."
        if torch.isfinite(exact[row]).all():
            got = f"{float(exact[row].abs().max()):g}, too large for {_type_name(like)}"
            remedy = "Divide all of them by a constant."
        raise DataError(
            f"The values of {name} must be finite. Got {got}, first in row {row}. {remedy}"
        )
    return values


def check_squares(values: Tensor, name: str) -> None:
    """Raise an error for values, (n, T), whose square overflows their type.

    Raises
    ------
    DataError
        If there are such values.
    """
    # For types narrower than float32, the training steps check the costs.
    limit = math.sqrt(max(torch.finfo(kind).max for kind in (values.dtype, torch.float32)))
    small = (values.abs() <= limit).all(dim=1)
    if not small.all():
        row = int(small.int().argmin())
        raise DataError(
            f"The values of {name} must be at most {limit:.2g} in size, as their cost is a square "
            f"in {_type_name(values)}. Got {float(values[row].abs().max()):g} instead, first in "
            f"row {row}. Divide all of them by a constant."
        )


def check_counts(values: Tensor, name: str) -> None:
    """Raise an error for values, (n, T), below 0, which cannot have a Poisson distribution.

    Raises
    ------
    DataError
        If there are such values.
    """
    low = (values < 0).any(dim=1)
    if low.any():
        row = int(low.int().argmax())
        raise DataError(
            f"The values of {name} must be at least 0, as counts are. "
            f"Got {float(values[row].min()):g} instead, first in row {row}."
        )


def _type_name(values: Tensor) -> str:
    return str(values.dtype).removeprefix("torch.")


def weight_tensor(sample_weight: Array, n_rows: int, caller: str, like: Tensor) -> Tensor:
    """Check the weights of `n_rows` rows; scale them to mean 1, (n,).

    They are returned in the type of `like`, or in float32 if that is narrower.

    Raises
    ------
    DataError
        If there is not one finite number ≥ 0 per row, or all of them are 0.
    """
    weights = as_tensor(sample_weight)
    if weights.shape != (n_rows,) or weights.is_complex():
        got = f"{weights.dtype} of shape {tuple(weights.shape)}"
        raise _bad_weights(caller, f"{n_rows} numbers, one per training row", got)
    weights = weights.detach().to("cpu", torch.float64)
    if not torch.isfinite(weights).all() or weights.min() < 0:
        raise _bad_weights(caller, "finite numbers ≥ 0", f"{weights.min()} to {weights.max()}")
    # Scaled by the largest first, since their sum may overflow.
    weights = weights / weights.max().clamp(min=torch.finfo(torch.float64).tiny)
    if not weights.any():
        raise _bad_weights(caller, "above 0 for at least one row", "zeros")
    return (weights / weights.mean()).to(widened(like))


def _bad_weights(caller: str, constraint: str, got: str) -> DataError:
    return DataError(
        f"The sample_weight parameter of {caller} must be {constraint}. Got {got} instead. "
        "None weights all rows equally."
    )
