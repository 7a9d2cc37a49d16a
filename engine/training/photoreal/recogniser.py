"""A face recogniser's ONNX file in torch, so that a loss can ask who is in a picture; gradients pass through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from omote.bridge.errors import OmoteError

Constant = NDArray[Any]


class RecogniserError(OmoteError, ValueError):
    """The file is no recogniser that we can execute; the message says what was found."""


class Recogniser(nn.Module):
    """The networks that ArcFace is published as: convolutions, norms, PReLU, sums and one matrix at the end."""

    def __init__(self, graph: Any) -> None:
        super().__init__()
        from onnx import numpy_helper

        constant = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
        self._nodes = list(graph.node)
        self._input = next(one.name for one in graph.input if one.name not in constant)
        self._output = graph.output[0].name
        for node in self._nodes:
            if node.op_type == "Constant":
                constant[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        self._nodes = [node for node in self._nodes if node.op_type != "Constant"]
        if unknown := sorted({node.op_type for node in self._nodes} - set(_OPERATORS)):
            raise RecogniserError(f"the recogniser has the operator {unknown[0]}, which we do not execute")
        self._slot = {name: f"constant_{number}" for number, name in enumerate(constant)}
        for name, value in constant.items():
            self.register_buffer(self._slot[name], torch.from_numpy(np.array(value)), persistent=False)

    @classmethod
    def load(cls, path: Path) -> Recogniser:
        """RecogniserError where the file is none, or has operators that ArcFace has not."""
        import onnx

        try:
            return cls(_checked(onnx.load(path)))
        except RecogniserError:
            raise
        except Exception as error:  # what onnx raises has no other common class
            raise RecogniserError(
                f"{path} is no ONNX file of a recogniser ({error or type(error).__name__})"
            ) from error

    def forward(self, faces: Tensor) -> Tensor:
        """[B,E] unit vectors of faces [B,3,112,112], RGB in -1..1, aligned as ArcFace wants them."""
        value = {self._input: faces}
        for node in self._nodes:
            given = [self._read(value, name) for name in node.input]
            value[node.output[0]] = _OPERATORS[node.op_type](given, _attributes(node))
        return F.normalize(value[self._output].flatten(1), dim=1)

    def _read(self, value: dict[str, Tensor], name: str) -> Tensor | None:
        if not name:
            return None
        found: Tensor = value[name] if name in value else getattr(self, self._slot[name])
        return found


def _checked(model: Any) -> Any:
    import onnx

    onnx.checker.check_model(model)
    return model.graph


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


def _conv(given: list[Any], said: dict[str, Any]) -> Tensor:
    x, weight, bias = (*given, None)[:3]
    top, left, bottom, right = said.get("pads", (0, 0, 0, 0))
    x = F.pad(x, (left, right, top, bottom))
    return F.conv2d(
        x, weight, bias, said.get("strides", (1, 1)), 0, said.get("dilations", (1, 1)), said.get("group", 1)
    )


def _norm(given: list[Any], said: dict[str, Any]) -> Tensor:
    x, weight, bias, mean, variance = given
    return F.batch_norm(x, mean, variance, weight, bias, eps=said.get("epsilon", 1e-5))


def _prelu(given: list[Any], said: dict[str, Any]) -> Tensor:
    x, slope = given
    return torch.where(x > 0, x, x * slope)


def _gemm(given: list[Any], said: dict[str, Any]) -> Tensor:
    a, b, c = (*given, None)[:3]
    a = a.T if said.get("transA") else a
    b = b.T if said.get("transB") else b
    product: Tensor = said.get("alpha", 1.0) * (a @ b)
    return product if c is None else product + said.get("beta", 1.0) * c


def _sides(x: Tensor, wanted: Tensor) -> list[int]:
    """ONNX says 0 for a side that stays as it is."""
    return [int(n) or x.shape[k] for k, n in enumerate(wanted)]


_OPERATORS: dict[str, Any] = {
    "Conv": _conv,
    "BatchNormalization": _norm,
    "PRelu": _prelu,
    "Gemm": _gemm,
    "MatMul": lambda given, said: given[0] @ given[1],
    "Relu": lambda given, said: F.relu(given[0]),
    "Add": lambda given, said: given[0] + given[1],
    "Sub": lambda given, said: given[0] - given[1],
    "Mul": lambda given, said: given[0] * given[1],
    "Div": lambda given, said: given[0] / given[1],
    "Flatten": lambda given, said: given[0].flatten(said.get("axis", 1)),
    "Reshape": lambda given, said: given[0].reshape(_sides(given[0], given[1])),
    "Dropout": lambda given, said: given[0],
    "Identity": lambda given, said: given[0],
    "GlobalAveragePool": lambda given, said: given[0].mean((2, 3), keepdim=True),
}
