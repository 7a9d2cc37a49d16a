"""Which convolutions may run in 8 bits, and in which range each one's input moves: a table beside the weights.

The table takes the place of a second network file. `python -m omote.engine.training.quantise` writes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from omote.engine.weights import NetworkFile

from .network import Array, RuntimeUnavailable

FILE = Path(__file__).parents[1] / "weights" / "int8.json"
_MAKE = "choose --runtime openvino-f32, or make one: python -m omote.engine.training.quantise"

_INPUT_LEVELS, _WEIGHT_LEVELS = 256, 255
# Weights use half of their 8 bits. Without VNNI a processor adds two products of 8 bits by 8 in 16, which would
# overflow; with it the same table gives the same picture.
_WEIGHT_REACH = 2.0
_LEAST = 1e-8


@dataclass(frozen=True)
class Int8Table:
    """Ranges for one network, and whether its pictures were near enough."""

    network: str  # sha256
    ranges: Mapping[str, tuple[float, float]]  # of a convolution's input, by the convolution's name in the ONNX file
    is_accepted: bool
    figures: str  # by which, in words


def table(path: Path = FILE) -> Int8Table:
    """What is shipped; RuntimeUnavailable where that is missing or damaged."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        ranges = {str(name): (float(low), float(high)) for name, (low, high) in said["ranges"].items()}
        return Int8Table(str(said["network"]), ranges, said["is_accepted"] is True, str(said["figures"]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RuntimeUnavailable(f"the table of int8 ranges {path.name} cannot be read ({error}): {_MAKE}") from error


def accepted(file: NetworkFile, path: Path = FILE) -> Int8Table:
    """The table for this network; RuntimeUnavailable where it is another's, or was refused."""
    found = table(path)
    if found.network != file.sha256:
        raise RuntimeUnavailable(
            f"the int8 ranges are those of network {found.network[:16]}, this one is {file.sha256[:16]}: {_MAKE}"
        )
    if not found.is_accepted:
        raise RuntimeUnavailable(f"int8 was refused for this network ({found.figures}): choose --runtime openvino-f32")
    return found


def digest(path: Path = FILE) -> str:
    """Of the table, on which every picture in int8 depends; of nothing where there is none."""
    return hashlib.sha256(path.read_bytes() if path.is_file() else b"").hexdigest()


def quantise(model: Any, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Marks these convolutions of an OpenVINO model, whose own passes then run them in 8 bits.

    Inputs have one scale a tensor, weights one an output channel. RuntimeUnavailable where a convolution is not there.
    """
    left = set(ranges)
    for node in model.get_ops():
        name = node.get_friendly_name().removesuffix("/WithoutBiases")
        if node.get_type_name() == "Convolution" and name in left:
            left.remove(name)
            low, high = (np.full((1, 1, 1, 1), bound, np.float32) for bound in ranges[name])
            _mark(node, 0, low, high, _INPUT_LEVELS)
            reach = _reach(_numbers(node.input_value(1).get_node()))
            _mark(node, 1, -reach, reach, _WEIGHT_LEVELS)
    if left:
        raise RuntimeUnavailable(
            f"this network has no convolution {min(left)}, of which int8 ranges are known: {_MAKE}"
        )


def _mark(node: Any, entry: int, low: Array, high: Array, levels: int) -> None:
    from openvino import opset13 as opset

    bounds = [opset.constant(bound) for bound in (low, high, low, high)]
    marked = opset.fake_quantize(node.input_value(entry), *bounds, levels)
    node.input(entry).replace_source_output(marked.output(0))


def _reach(weights: Array) -> Array:
    """[O,1,1,1] what the highest level of each output channel stands for."""
    greatest = np.abs(weights).max((1, 2, 3), keepdims=True)
    return np.asarray(np.maximum(greatest, _LEAST) * _WEIGHT_REACH, np.float32)


def _numbers(node: Any) -> Array:
    """A constant's, which is stored in half precision behind a conversion."""
    while node.get_type_name() != "Constant":
        node = node.input_value(0).get_node()
    return np.asarray(node.data, np.float32)
