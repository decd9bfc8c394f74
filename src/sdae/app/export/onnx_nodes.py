"""The parts of an ONNX graph while it is built.

Axes: n rows.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.kinds.activations import Node

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto, ValueInfoProto


class Graph:
    """Nodes, constants, inputs and outputs of a graph."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.inputs: list[ValueInfoProto] = []
        self.outputs: list[ValueInfoProto] = []
        self._known: set[str] = set()
        self._columns: dict[str, str] = {}

    def input(self, name: str, dtype: "np.dtype[Any]", width: int) -> str:
        """Declare the input, (n, width)."""
        self.inputs.append(_value(name, dtype, width))
        return name

    def output(self, name: str, dtype: "np.dtype[Any]", width: int | None) -> None:
        """Declare an output, (n, width), or (n,) without a width."""
        self.outputs.append(_value(name, dtype, width))

    def constant(self, name: str, value: Tensor | NDArray[Any]) -> str:
        """Store a constant once under its name."""
        from onnx import numpy_helper

        if name not in self._known:
            self._known.add(name)
            array = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, operation: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add an operation and return its output."""
        from onnx import helper

        self.nodes.append(helper.make_node(operation, inputs, [output], output, **attributes))
        return output

    def column(self, place: int, name: str, dtype: "np.dtype[Any]") -> str:
        """Declare the input of a column, (n, 1), which gets its name at the end."""
        value = self.input(f"column{place}_input", dtype, 1)
        self._columns[value] = name
        return value

    def name_columns(self) -> None:
        """Give the inputs of columns their names; ``x.`` goes before that of another value."""
        own = {output for node in self.nodes for output in node.output} | self._known
        names = {
            value: f"x.{name}" if name in own else name for value, name in self._columns.items()
        }
        for declared in self.inputs:
            declared.name = names.get(declared.name, declared.name)
        for node in self.nodes:
            node.input[:] = [names.get(each, each) for each in node.input]

    def expression(
        self,
        of: Callable[[Node, str], str],
        value: str,
        dtype: "np.dtype[Any]",
        output: str,
    ) -> str:
        """Add the expression of a kind, applied to a value of one type."""
        first = len(self.nodes)

        def add(operation: str, *inputs: str | float, **attributes: Any) -> str:
            names = [
                each
                if isinstance(each, str)
                else self.constant(f"{each:.17g}", np.array(each, dtype))
                for each in inputs
            ]
            name = f"{output}_{len(self.nodes) - first}"
            if operation == "Erf" and dtype == np.float64:  # onnxruntime has it only for float32
                single = self.cast(names[0], np.dtype(np.float32), f"{name}_single")
                return self.cast(self.node(operation, [single], f"{name}_erf"), dtype, name)
            return self.node(operation, names, name, **attributes)

        of(add, value)
        self.nodes[-1].output[0] = output
        return output

    def cast(self, value: str, dtype: "np.dtype[Any]", output: str) -> str:
        """Change the type of a value."""
        return self.node("Cast", [value], output, to=_type_of(dtype))


def _value(name: str, dtype: "np.dtype[Any]", width: int | None) -> "ValueInfoProto":
    from onnx import helper

    shape: list[str | int | None] = ["n"] if width is None else ["n", width]
    return helper.make_tensor_value_info(name, _type_of(dtype), shape)


def _type_of(dtype: "np.dtype[Any]") -> int:
    """Return ONNX's number for a type; objects are texts."""
    from onnx import TensorProto, helper

    return TensorProto.STRING if dtype.kind == "O" else helper.np_dtype_to_tensor_dtype(dtype)
