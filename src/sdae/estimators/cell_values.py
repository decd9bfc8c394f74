"""Values for the gaps of a column, as Python's own of the type that its other values have.

Numbers, booleans and dates come as floats: booleans are 0 and 1, dates seconds since 1970.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

import numpy as np

from sdae.core.schema.raw_table import ColumnType

_EPOCH = datetime(1970, 1, 1)
_UNITS = {"s": timedelta(seconds=1), "ms": timedelta(milliseconds=1)}  # others hold microseconds


def values_like(
    known: Sequence[Any], chosen: list[Any], type_: ColumnType, marker: Any = np.nan
) -> list[Any]:
    """Return values of a type in that of the known values of a column of objects."""
    example = known[0] if known else None
    if type_ is ColumnType.TEXT:
        return chosen
    if type_ is ColumnType.DATE:
        return _moments_like(example, chosen)
    if isinstance(example, timedelta):
        return [_of_pandas(example, length_of(value)) for value in chosen]
    if isinstance(example, Decimal):
        return decimals(chosen, _places(known))
    is_boolean = type_ is ColumnType.BOOLEAN if not known else _all_are(known, bool | np.bool_)
    if is_boolean:
        return [value >= 0.5 for value in chosen]
    if known and _all_are(known, int | np.integer):
        return whole_numbers(chosen, -np.inf, np.inf, marker)
    return chosen


def whole_numbers(chosen: list[Any], low: float, high: float, marker: Any) -> list[int]:
    """Return values as whole numbers in a range, none of which is equal to a marker.

    In place of the marker comes its neighbour on the side of the value.
    """
    return [_whole(value, low, high, marker) for value in chosen]


def _whole(value: float, low: float, high: float, marker: Any) -> int:
    near = round(value)
    if near < low or near > high:
        near = int(low if near < low else high)
    if near != marker:
        return near
    upwards = low == near or (value > near and near < high)
    return near + 1 if upwards else near - 1


def _all_are(known: Sequence[Any], kind: Any) -> bool:
    return all(isinstance(value, kind) for value in known)


def decimals(chosen: list[Any], places: int | None) -> list[Decimal]:
    """Return values as decimals, with so many places at most; None: as many as they have."""
    return [Decimal(repr(value if places is None else round(value, places))) for value in chosen]


def _places(known: Sequence[Any]) -> int:
    """Return the largest number of decimal places."""
    exponents = [value.as_tuple().exponent for value in known if isinstance(value, Decimal)]
    return max([0, *(-each for each in exponents if isinstance(each, int))])


def _moments_like(example: Any, chosen: list[Any]) -> list[Any]:
    moments = [moment_of(value, getattr(example, "tzinfo", None)) for value in chosen]
    if example is not None and not isinstance(example, datetime):
        return [moment.date() for moment in moments]
    return [_of_pandas(example, moment) for moment in moments]


def _of_pandas(example: Any, value: Any) -> Any:
    """Return a moment or a length in pandas' class for it, if the example is of that."""
    of_pandas = hasattr(example, "to_pydatetime") or hasattr(example, "to_pytimedelta")
    return type(example)(value) if of_pandas else value


def moment_of(seconds: float, zone: tzinfo | None, unit: str = "") -> datetime:
    """Return the moment so many seconds after 1970; those with a time zone count in UTC."""
    moment = _EPOCH + length_of(seconds, unit)
    return moment if zone is None else moment.replace(tzinfo=UTC).astimezone(zone)


def length_of(seconds: float, unit: str = "") -> timedelta:
    """Return a length of time, rounded to a unit."""
    step = _UNITS.get(unit, timedelta.resolution)
    return (timedelta(seconds=seconds) + step / 2) // step * step
