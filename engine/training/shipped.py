"""Reads the shipped ONNX networks and characters back into weights that training can go on from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor

from omote.engine.character import SUFFIX, load_character

from .layout import restored

_HALF = ".half"
_CAST = json.loads(Path(__file__).with_name("cast.json").read_text(encoding="utf-8"))


def weights(folder: Path) -> dict[str, Tensor]:
    """The weights under the names that training knows: the networks, and the cast in the order of person numbers."""
    listed = json.loads((folder / "networks.json").read_text(encoding="utf-8"))
    state = network(folder / listed["denoisers"][-1]["file"])
    for part in ("encoder", "completion"):
        state |= {f"{part}.{name}": value for name, value in network(folder / listed[part]["file"]).items()}
    names = [name for name, _ in sorted(_CAST.items(), key=lambda item: item[1])]
    cast = [load_character(str(folder / "characters" / f"{name}{SUFFIX}")) for name in names]
    state["cast.texture"] = torch.from_numpy(np.stack([one.texture for one in cast]))
    state["cast.identity"] = torch.from_numpy(np.stack([one.identity for one in cast]))
    return state


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
