"""What the doctor knows of the epochs so far, against all of them looked at anew."""

import numpy as np
import pytest

from sdae.train.course import WINDOW, Course
from sdae.train.history import EpochRecord


def _record(epoch: int, cost: float, error: float | None) -> EpochRecord:
    return EpochRecord("finetuning", None, epoch, cost, error, None, 0.1, 1.0, 1.0, "autograd")


@pytest.mark.parametrize("looks", [0.2, 1.0])
@pytest.mark.parametrize("n_values", [1, 6, 1000])
def test_extremes_are_those_of_all_epochs(n_values: int, looks: float) -> None:
    rng, course = np.random.default_rng(n_values), Course()
    costs: list[float] = []
    errors: list[float] = []
    for epoch in range(1, 200):
        costs.append(float(rng.normal()))
        error = float(rng.integers(n_values)) / 37 if rng.random() < 0.8 else None
        errors += [] if error is None else [error]
        course.add(_record(epoch, costs[-1], error))
        assert [record.epoch for record in course.records] == list(range(1, epoch + 1))
        assert course.highest_cost == max(costs)
        assert course.errors == [record.validation_error for record in course.validated] == errors
        if errors:
            assert course.lowest_error == min(errors)
            step = np.diff(np.unique(errors)).min(initial=np.inf)
            assert course.smallest_step == step
        if len(errors) >= 2 * WINDOW and rng.random() < looks:
            means = np.convolve(errors, np.full(WINDOW, 1 / WINDOW), "valid")[:-WINDOW]
            best = int(means.argmin())
            assert course.best_window() == (best, means[best])
            assert course.best_window() == (best, means[best])  # asked twice


def test_a_course_may_begin_with_records() -> None:
    records = [_record(1, 2.0, 0.5), _record(2, 3.0, None), _record(3, 1.0, 0.25)]
    course = Course(records)
    assert course.records == records
    assert (course.highest_cost, course.lowest_error, course.smallest_step) == (3.0, 0.25, 0.25)
