"""Reads a TensorFlow Lite file: its operators in order, and its constants as float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_IDENTIFIER = b"TFL3"


class GraphError(Exception):
    """The file is no TensorFlow Lite graph that we can execute; the message says what was found."""


@dataclass(frozen=True)
class Operator:
    """One step of a graph; tensors are named by their number, -1 stands for none."""

    kind: str  # as in TensorFlow Lite's schema: "CONV_2D"
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    stride: int = 1
    is_padded_same: bool = False
    is_rectified: bool = False  # a ReLU is fused behind it


@dataclass(frozen=True)
class Graph:
    """The only subgraph of a file."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shape: dict[int, tuple[int, ...]]  # of every tensor, NHWC
    constant: dict[int, Array]  # weights in float32 (kept as float16 in the file), indices in int32
    operators: tuple[Operator, ...]  # without those that only widen constants


def read(content: bytes) -> Graph:
    """The graph of a file; GraphError where it is none, or has more than one subgraph."""
    import tflite

    if content[4:8] != _IDENTIFIER:
        raise GraphError(f"these {len(content)} bytes begin {content[:8]!r}: no TensorFlow Lite file")
    model = tflite.Model.GetRootAs(content, 0)
    if model.SubgraphsLength() != 1:
        raise GraphError(f"the file has {model.SubgraphsLength()} subgraphs, wanted 1")
    graph = model.Subgraphs(0)
    shape, constant = {}, {}
    for number in range(graph.TensorsLength()):
        tensor = graph.Tensors(number)
        shape[number] = tuple(int(n) for n in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()
        buffer = model.Buffers(tensor.Buffer())
        if buffer.DataLength():
            constant[number] = _array(buffer, tensor.Type(), shape[number])
    operators = []
    for operator in (_operator(model, graph.Operators(k)) for k in range(graph.OperatorsLength())):
        if operator.kind == "DEQUANTIZE" and operator.inputs[0] in constant:
            constant[operator.outputs[0]] = constant[operator.inputs[0]].astype(np.float32)
        else:
            operators.append(operator)
    inputs, outputs = (tuple(int(n) for n in numbers) for numbers in (graph.InputsAsNumpy(), graph.OutputsAsNumpy()))
    return Graph(inputs, outputs, shape, constant, tuple(operators))


def _array(buffer: Any, kind: int, shape: tuple[int, ...]) -> Array:
    from tflite import TensorType

    types = {TensorType.FLOAT32: np.float32, TensorType.FLOAT16: np.float16, TensorType.INT32: np.int32}
    if kind not in types:
        raise GraphError(f"a constant has the tensor type {kind}, wanted float32, float16 or int32")
    return np.frombuffer(buffer.DataAsNumpy().tobytes(), types[kind]).reshape(shape)


def _operator(model: Any, operator: Any) -> Operator:
    import tflite

    code = model.OperatorCodes(operator.OpcodeIndex())
    kind = _kinds()[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
    inputs = tuple(int(n) for n in operator.InputsAsNumpy())
    outputs = tuple(int(n) for n in operator.OutputsAsNumpy())
    table = {
        "CONV_2D": tflite.Conv2DOptions,
        "DEPTHWISE_CONV_2D": tflite.DepthwiseConv2DOptions,
        "MAX_POOL_2D": tflite.Pool2DOptions,
    }.get(kind)
    if table is None:
        return Operator(kind, inputs, outputs)
    options, raw = table(), operator.BuiltinOptions()
    options.Init(raw.Bytes, raw.Pos)
    activation = options.FusedActivationFunction()
    if activation not in (tflite.ActivationFunctionType.NONE, tflite.ActivationFunctionType.RELU):
        raise GraphError(f"{kind} has the fused activation {activation}, wanted none or ReLU")
    if options.StrideW() != options.StrideH():
        raise GraphError(f"{kind} strides {options.StrideW()} by {options.StrideH()}, wanted a square")
    is_padded_same = options.Padding() == tflite.Padding.SAME
    is_rectified = activation == tflite.ActivationFunctionType.RELU
    return Operator(kind, inputs, outputs, options.StrideW(), is_padded_same, is_rectified)


def _kinds() -> dict[int, str]:
    from tflite import BuiltinOperator

    return {number: name for name, number in vars(BuiltinOperator).items() if isinstance(number, int)}
