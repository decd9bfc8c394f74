"""Rules that find problems in training; each returns a finding or None.

A rule is a function of codes, rows, weights, or the course of a layer or of fine-tuning.

Axes: n rows used, V visible, H hidden.
"""

import math

from torch import Tensor

from sdae.core.conversions import widened
from sdae.core.kinds.activations import Activation
from sdae.train.course import WINDOW, Course, means
from sdae.train.history import Finding

# Reported share of dead units. The codes of a ReLU layer are never negative, so the signs of the
# weights alone may make a unit of the layer above dead: in a healthy network up to half of them.
DEAD_SHARE = 0.75
# A sigmoid or tanh unit whose values differ by no more is dead. Long pre-training makes units that
# are nearly always off, but their few other values differ by more.
CONSTANT = 1e-3
# A unit is saturated if it is near its limits for this share of the rows. 95 % is quite common
# after long pre-training of a sigmoid layer, whose units respond to rare patterns.
SATURATED_ROWS = 0.99
# Reported share of saturated units.
SATURATED_SHARE = 0.5
# Codes with a smaller spread relative to their size are nearly the same. Healthy layers are above
# 0.15, sigmoid layers over sigmoid layers too.
SAME_CODE = 0.01
# A smaller relative change of the weights counts as no change: one epoch of 50 rows makes more than
# 0.003.
UNMOVED = 1e-3
# Reported are this many rises of the cost in a row, if the cost is then its highest so far and has
# risen by this share of the first cost. With a hundred rows chance causes such rises too, but only
# well below the first cost.
RISING_EPOCHS, RISING_SHARE = 3, 0.1
# The mean validation error must have grown by the first share, and by this many times the smallest
# difference between two errors, which is often a single row; the mean cost must have fallen by the
# second share.
WORSE, WORSE_STEPS, CHEAPER = 0.2, 3, 0.1
# If one class is predicted for all rows, it is reported only if at least this many rows have other
# classes.
COLLAPSE_ROWS = 5


def useless_codes(h: Tensor, activation: Activation, layer: int) -> Finding | None:
    """Return the first finding of three rules on codes (n, H): it explains the others."""
    dead_or_same = same_code(h, layer) or dead_units(h, activation, layer)
    return dead_or_same or saturated_units(h, activation, layer)


def same_code(h: Tensor, layer: int) -> Finding | None:
    """Report codes (n, H) that are nearly the same for all rows, though not zero."""
    h = widened(h)
    variance, of_means = float(_mean_variance(h)), float(h.mean(dim=0).square().mean())
    spread, size = math.sqrt(variance), math.sqrt(variance + of_means)
    if not spread < SAME_CODE * size:
        return None
    return Finding(
        "same code",
        f"Layer {layer}: all of {len(h)} rows get nearly the same code; its spread is "
        f"{spread / size:.1g} of its size. Check whether the rows differ, scale them, or lower the "
        "learning rate.",
    )


def _mean_variance(x: Tensor) -> Tensor:
    """Return the mean over columns of their variances: (n, V) -> ().

    PyTorch's own ``var`` takes several times as long on rows as few as these.
    """
    return (x - x.mean(dim=0)).square_().mean()


def dead_units(h: Tensor, activation: Activation, layer: int) -> Finding | None:
    """Report units that are zero (ReLU) or constant for all rows, from codes (n, H)."""
    if activation.facts.off_at_zero:
        dead, state = (h == 0).all(dim=0), "they are 0"  # (n, H) -> (H,)
        remedy = "use activation='sigmoid'"
    else:
        dead, state = h.amax(dim=0) - h.amin(dim=0) <= CONSTANT, "each has the same value"
        remedy = "scale the data"
    n_dead, n_units = int(dead.sum()), h.shape[1]
    if n_dead < DEAD_SHARE * n_units:
        return None
    return Finding(
        "dead units",
        f"Layer {layer}: {n_dead} of {n_units} units are dead: {state} for all {len(h)} rows. "
        f"Lower the learning rate, or {remedy}.",
    )


def saturated_units(h: Tensor, activation: Activation, layer: int) -> Finding | None:
    """Report sigmoid or tanh units at their limits for nearly all rows, from codes (n, H)."""
    margin, low, high = activation.facts.saturated_within, *activation.facts.limits
    if margin is None:
        return None
    far, middle = (high - low) / 2 - margin, (high + low) / 2
    share = (widened(h) - middle).abs_().ge_(far).mean(dim=0)  # (n, H) -> (H,)
    n_saturated, n_units = int((share >= SATURATED_ROWS).sum()), h.shape[1]
    if n_saturated < SATURATED_SHARE * n_units:
        return None
    return Finding(
        "saturated units",
        f"Layer {layer}: {n_saturated} of {n_units} units are saturated and hardly learn: they are "
        f"within {margin} of {low:g} or {high:g} for nearly all {len(h)} rows. Lower the learning "
        "rate, or scale the data.",
    )


def outside_unit_interval(x: Tensor, layer: int) -> Finding | None:
    """Report rows (n, V) outside [0, 1] whose reconstruction is measured by cross-entropy."""
    low, high = float(x.min()), float(x.max())
    if low >= 0 and high <= 1:
        return None
    return Finding(
        "outside [0, 1]",
        f"Layer {layer}: cross-entropy needs data in [0, 1], but they go from {low:.3g} to "
        f"{high:.3g}. Scale them with scale='minmax', or use decoder='linear'.",
    )


def poor_reconstruction(x: Tensor, x_hat: Tensor, layer: int) -> Finding | None:
    """Report reconstructions of clean rows that are no better than their mean; both (n, V)."""
    x, x_hat = widened(x), widened(x_hat)
    error = float((x - x_hat).square().mean())
    error_of_mean = float(_mean_variance(x))
    if not 0 < error_of_mean <= error:
        return None
    return Finding(
        "poor reconstruction",
        f"Layer {layer}: {len(x)} rows are reconstructed no better than by their mean: the mean "
        f"squared error is {error:.3g}, that of the mean {error_of_mean:.3g}. Train for more "
        "epochs, try another learning rate, or less corruption.",
    )


def unmoved_weight(before: Tensor, after: Tensor, layer: int) -> Finding | None:
    """Report a weight (H, V) that pre-training did not change."""
    before, after = widened(before), widened(after)
    change, size = float((after - before).norm()), float(before.norm())
    if not change <= UNMOVED * size:
        return None
    return Finding(
        "nothing moved",
        f"Layer {layer}: pre-training changed the weights by {change:.1g}, and their norm is "
        f"{size:.3g}. Raise the learning rate, or train for more epochs.",
    )


def collapsed_predictions(predicted: Tensor, y: Tensor) -> Finding | None:
    """Report one class predicted for all rows, though their labels are several; both (n,)."""
    one = int(predicted[0])
    n_others, several = int((y != one).sum()), bool((y != y[0]).any())
    if bool((predicted != one).any()) or n_others < COLLAPSE_ROWS or not several:
        return None
    return Finding(
        "one class",
        f"Fine-tuning: class number {one} is predicted for all {len(y)} rows, but {n_others} have "
        "other classes. Train for more epochs, try another learning rate, or give the rows of rare "
        "classes more weight.",
    )


def rising_cost(course: Course) -> Finding | None:
    """Report a cost that rises epoch by epoch."""
    if course.n_rises < RISING_EPOCHS:
        return None
    first, now = course.records[0], course.records[-1]
    before = course.records[-RISING_EPOCHS - 1].cost
    if now.cost < course.highest_cost or now.cost - before < RISING_SHARE * abs(first.cost):
        return None
    where = "Fine-tuning" if now.layer is None else f"Layer {now.layer}"
    return Finding(
        "rising cost",
        f"{where}: the cost rose for {RISING_EPOCHS} epochs in a row, from {before:.4g} to "
        f"{now.cost:.4g} in epoch {now.epoch}. Lower the learning rate, now {now.learning_rate:g}.",
    )


def overfitting(course: Course) -> Finding | None:
    """Report a validation error that rises while the cost falls, in fine-tuning."""
    if course.records[-1].validation_error is None:  # nothing new
        return None
    if len(course.errors) < 2 * WINDOW:
        return None
    # No mean of a window is lower than the lowest error: most epochs end here.
    last = course.errors[-WINDOW:]
    if sum(last) / WINDOW < (1 + WORSE) * course.lowest_error:
        return None
    best, lowest = course.best_window()
    (error,) = means(last)
    if error - lowest < max(WORSE * lowest, WORSE_STEPS * course.smallest_step):
        return None
    known = course.validated
    (cost,) = means([record.cost for record in known[-WINDOW:]])
    (cost_then,) = means([record.cost for record in known[best : best + WINDOW]])
    if cost > (1 - CHEAPER) * cost_then:
        return None
    since = known[best + WINDOW // 2].epoch
    return Finding(
        "overfitting",
        f"Fine-tuning: since epoch {since} the validation error rose from "
        f"{lowest:.3g} to {error:.3g} while the cost fell from {cost_then:.3g} to "
        f"{cost:.3g}. Stop earlier, try dropout or weight decay, or train on more rows.",
    )
