"""Reads the weights back out of an exported network, under the names that PyTorch's modules give them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor

STRIDED = ".strided"  # marks a convolution that the export made longer, before how many times
_HALF = ".half"


def network(path: Path) -> dict[str, Tensor]:
    """Parameters of an exported network; those that the exporter renamed are told by the nodes that use them."""
    graph = onnx.load(path).graph
    value = {t.name.removesuffix(_HALF): numpy_helper.to_array(t).astype(np.float32) for t in graph.initializer}
    state = dict(restored(name, array) for name, array in value.items() if not name.startswith("onnx::"))
    kinds: dict[str, list[NDArray[np.float32]]] = {}
    for node in graph.node:
        for name in node.input:
            if not name.startswith("onnx::") or name not in value:
                continue
            scopes = node.name.strip("/").split("/")[:-1]
            # A member of a sequence is called by the sequence's name as well: "last/last.0".
            following = [*scopes[1:], ""]
            module = ".".join(a for a, b in zip(scopes, following, strict=True) if not b.startswith(f"{a}."))
            if node.op_type == "Expand":
                kinds.setdefault(module, []).append(value[name])
            else:
                state[f"{module}.{_parameter(node.op_type)}"] = _laid(node.op_type, value[name])
    for module, (reference,) in kinds.items():  # the export reads neither anchors nor the picture before
        state[f"{module}.kind"] = np.concatenate([reference, np.zeros_like(reference), np.zeros_like(reference)])
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in state.items()}


def _parameter(op: str) -> str:
    """A normalisation multiplies by its weight and adds its bias; a matrix is always a weight."""
    return "bias" if op == "Add" else "weight"


def _laid(op: str, array: NDArray[np.float32]) -> NDArray[np.float32]:
    return array.T if op == "MatMul" else array.reshape(-1)


def restored(name: str, weight: NDArray[np.float32]) -> tuple[str, NDArray[np.float32]]:
    """A weight's name and numbers as they were before the export made the steps longer; others as they are."""
    old, mark, factor = name.partition(STRIDED)
    if not mark:
        return name, weight
    r = int(factor)
    out, c, high, wide = weight.shape
    blocks = weight.reshape(out, c, high // r, r, wide // r, r).transpose(0, 1, 3, 5, 2, 4)
    return old, np.ascontiguousarray(blocks).reshape(out, c * r * r, high // r, wide // r)
