"""The columns of a table as ONNX nodes: one input each, a text or a double.

A missing text is empty, a missing number NaN; booleans are 0 and 1, dates are seconds since 1970.
The nodes compute in float64, as the package does.

Axes: n rows, V components, S components of a column, L levels, Q quantiles.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.app.export.onnx_nodes import Graph
from sdae.core.schema.columns import UsedColumn
from sdae.core.schema.level_columns import BinaryColumn, CategoryColumn, Level
from sdae.core.schema.number_columns import PERIODS, DateColumn, NumberColumn, cycle_start
from sdae.core.schema.raw_table import ColumnType
from sdae.core.schema.scales import QuantileScale, Scale
from sdae.core.schema.table_schema import Schema

_DOUBLE = np.dtype(np.float64)
_ENDS = ("zero", "one")


def add_columns(graph: Graph, schema: Schema) -> str:
    """Add the inputs of a table, and the rows of the network made of them: (n, V) of float64."""
    parts, indicators = [], []
    for k, column in enumerate(schema.used):
        name = f"column{k}"
        is_text = column_type(column) is ColumnType.TEXT
        value = graph.column(k, column.name, np.dtype(object) if is_text else _DOUBLE)
        if is_text:
            blank = graph.constant("blank", np.array([""], object))
            missing = graph.node("Equal", [value, blank], f"{name}_missing")  # (n, 1)
        else:
            missing = graph.node("IsNaN", [value], f"{name}_missing")
        parts.append(_components(graph, column, value, missing, name))
        if column.has_gaps:
            indicators.append(graph.cast(missing, _DOUBLE, f"{name}_indicator"))
    return graph.node("Concat", [*parts, *indicators], "x_table", axis=1)


def column_type(column: UsedColumn) -> ColumnType:
    """Return the type of the values of a column."""
    if isinstance(column, NumberColumn):
        return ColumnType.NUMBER
    return ColumnType.DATE if isinstance(column, DateColumn) else column.type


def _components(graph: Graph, column: UsedColumn, value: str, missing: str, name: str) -> str:
    """Return the components of a column, (n, 1) -> (n, S)."""
    match column:
        case NumberColumn():
            scaled = _scaled(graph, column.scale, value, name)
            return _with_gap(graph, scaled, missing, column.gaps, name)
        case DateColumn():
            parts = [_scaled(graph, column.scale, value, name)]
            for cycle in column.cycles:
                parts += _waves(graph, cycle, value, f"{name}_{cycle}")
            joined = graph.node("Concat", parts, f"{name}_parts", axis=1)
            return _with_gap(graph, joined, missing, column.gaps, name)
        case BinaryColumn():
            return _binary(graph, column, value, name)
        case CategoryColumn():
            return _category(graph, column, value, missing, name)


def _with_gap(graph: Graph, value: str, missing: str, gaps: list[float], name: str) -> str:
    gap = graph.constant(f"{name}_gap", np.array([gaps]))
    return graph.node("Where", [missing, gap, value], f"{name}_value")


def _scaled(graph: Graph, scale: Scale, value: str, name: str) -> str:
    """Scale values, (n, 1)."""
    if isinstance(scale, QuantileScale):
        return _by_quantiles(graph, scale, value, name)
    offset = graph.constant(f"{name}_offset", np.array([scale.offset]))
    size = graph.constant(f"{name}_scale", np.array([scale.scale]))
    moved = graph.node("Sub", [value, offset], f"{name}_moved")
    return graph.node("Div", [moved, size], f"{name}_scaled")


def _by_quantiles(graph: Graph, scale: QuantileScale, value: str, name: str) -> str:
    """Interpolate between quantiles, as :meth:`QuantileScale.apply` does, (n, 1)."""
    values, last = np.array(scale.quantiles), len(scale.quantiles) - 1
    all_values = graph.constant(f"{name}_quantiles", values)  # (Q,)
    knots = graph.constant(f"{name}_knots", scale.knots)
    zero = graph.constant("zero_int64", np.array(0, np.int64))
    one = graph.constant("one_int64", np.array(1, np.int64))
    top = graph.constant(f"{name}_last", np.array(last, np.int64))

    def node(operation: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        return graph.node(operation, inputs, f"{name}_{output}", **attributes)

    def count(comparison: str, output: str) -> str:
        """Count the quantiles below a value, or not above it, (n, 1)."""
        smaller = node(comparison, [all_values, value], f"{output}_each")  # (n, Q)
        whole = graph.cast(smaller, np.dtype(np.int64), f"{name}_{output}_whole")
        axes = graph.constant("axis_1", np.array([1], np.int64))
        return node("ReduceSum", [whole, axes], output, keepdims=1)

    left, right = count("Less", "left"), count("LessOrEqual", "right")
    below = node("Max", [node("Sub", [left, one], "left_1"), zero], "below")
    above = node("Min", [left, top], "above")
    until = node("Max", [node("Sub", [right, one], "right_1"), zero], "until")
    low, high = (node("Gather", [all_values, at], f"{at}_value") for at in (below, above))
    first, second, third = (
        node("Gather", [knots, at], f"{at}_knot") for at in (below, above, until)
    )
    lowest, highest = (
        graph.constant(f"{name}_{end}", np.array(bound))
        for end, bound in (("lowest", values[0]), ("highest", values[-1]))
    )
    inside = node("Clip", [value, lowest, highest], "inside")
    width = node("Sub", [high, low], "width")
    unit = graph.constant("one_double", np.array(1.0))
    is_wide = node("Greater", [width, graph.constant("zero_double", np.array(0.0))], "is_wide")
    divisor = node("Where", [is_wide, width, unit], "divisor")
    share = node("Div", [node("Sub", [inside, low], "past"), divisor], "share")
    rise = node("Sub", [second, first], "rise")
    between = node("Add", [first, node("Mul", [share, rise], "risen")], "between")
    half = graph.constant("half_double", np.array(0.5))
    middle = node("Mul", [node("Add", [second, third], "both"), half], "middle")
    return node("Where", [node("Greater", [right, left], "same"), middle, between], "scaled")


def _waves(graph: Graph, cycle: str, value: str, name: str) -> list[str]:
    """Return sine and cosine of the place in a cycle, two (n, 1)."""
    start = graph.constant(f"start_{cycle}", np.array([cycle_start(cycle)]))
    period = graph.constant(f"period_{cycle}", np.array([PERIODS[cycle]]))
    turns = graph.node("Div", [graph.node("Sub", [value, start], f"{name}_since"), period], name)
    part = graph.node("Sub", [turns, graph.node("Floor", [turns], f"{name}_whole")], f"{name}_part")
    full = graph.constant("two_pi", np.array([2 * np.pi]))
    angle = graph.node("Mul", [part, full], f"{name}_angle")
    quarter = graph.constant("half_pi", np.array([np.pi / 2]))
    shifted = graph.node("Add", [angle, quarter], f"{name}_shifted")
    return [
        graph.node("Sin", [angle], f"{name}_sine"),
        graph.node("Sin", [shifted], f"{name}_cosine"),
    ]


def _binary(graph: Graph, column: BinaryColumn, value: str, name: str) -> str:
    """Return 0 and 1, and the gap for other values, (n, 1)."""
    if column.is_zero_one:
        ends = [graph.constant(f"{end}_double", np.array(float(end == "one"))) for end in _ENDS]
        inside = graph.node("Clip", [value, *ends], f"{name}_inside")
        missing = graph.node("IsNaN", [value], f"{name}_is_missing")
        return _with_gap(graph, inside, missing, column.gaps, name)
    result = graph.constant(f"{name}_gap", np.array([[column.gap]]))
    for number, level in enumerate(column.levels):
        this = graph.constant(f"{name}_level{number}", _levels([level]))
        equal = graph.node("Equal", [value, this], f"{name}_is{number}")
        amount = graph.constant(f"amount{number}", np.array([[float(number)]]))
        result = graph.node("Where", [equal, amount, result], f"{name}_after{number}")
    return result


def _category(graph: Graph, column: CategoryColumn, value: str, missing: str, name: str) -> str:
    """Return a component per level, (n, S)."""
    levels = graph.constant(f"{name}_levels", _levels(column.levels)[None])  # (1, L)
    equal = graph.node("Equal", [value, levels], f"{name}_equal")  # (n, L)
    values = graph.cast(equal, _DOUBLE, f"{name}_values")
    if column.infrequent is None:
        return values
    axes = graph.constant("axis_1", np.array([1], np.int64))
    found = graph.node("ReduceMax", [values, axes], f"{name}_found", keepdims=1)  # (n, 1)
    known = graph.node(
        "Or", [graph.cast(found, np.dtype(bool), f"{name}_is"), missing], f"{name}_k"
    )
    other = graph.cast(graph.node("Not", [known], f"{name}_not"), _DOUBLE, f"{name}_other")
    return graph.node("Concat", [values, other], f"{name}_all", axis=1)


def _levels(levels: Sequence[Level]) -> NDArray[Any]:
    array = np.empty(len(levels), object)
    array[:] = levels
    return array if isinstance(levels[0], str) else array.astype(np.float64)


def add_blocks_output(graph: Graph, schema: Schema, a: str, sigmoid: Any, output: str) -> str:
    """Add the reconstruction of rows from pre-activations of layer 0, (n, V) -> (n, V).

    `sigmoid` adds the nodes of that function: it takes a value and the name of the result.
    """
    blocks = schema.blocks
    axes = graph.constant("axis_1", np.array([1], np.int64))

    def cut(first: int, size: int, name: str) -> str:
        start = graph.constant(f"{name}_first", np.array([first], np.int64))
        stop = graph.constant(f"{name}_stop", np.array([first + size], np.int64))
        return graph.node("Slice", [a, start, stop, axes], name)

    place, parts = sum(blocks.numbers), []
    if place:
        parts.append(cut(0, place, "b_numbers"))
    if blocks.n_binaries:
        parts.append(sigmoid(cut(place, blocks.n_binaries, "b_binaries"), "b_shares"))
    place += blocks.n_binaries
    for k, size in enumerate(blocks.levels):
        parts.append(graph.node("Softmax", [cut(place, size, f"b_{k}")], f"b_{k}_shares", axis=1))
        place += size
    if blocks.indicators:
        rest = cut(place, len(blocks.indicators), "b_indicators")
        parts.append(graph.node("Sub", [rest, rest], "b_zeros"))
    return graph.node("Concat", parts, output, axis=1)
