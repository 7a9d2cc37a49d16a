"""Multiply-adds, shares of the peak, and shares of the layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import network
import pytest
from network import Peak, share, shares

onnx = pytest.importorskip("onnx")


def saved(path: Path) -> Path:
    """A convolution of 3x3, one in two groups, and a matrix product, of any batch."""
    make, kind = onnx.helper, onnx.TensorProto.FLOAT

    def weights(name: str, *shape: int) -> object:
        size = 1
        for side in shape:
            size *= side
        return make.make_tensor(name, kind, shape, [0.5] * size)

    nodes = [
        make.make_node("Conv", ["x", "kernel"], ["a"], pads=[1, 1, 1, 1]),
        make.make_node("Conv", ["a", "grouped"], ["b"], group=2),
        make.make_node("MatMul", ["b", "matrix"], ["y"]),
    ]
    graph = make.make_graph(
        nodes,
        "counted",
        [make.make_tensor_value_info("x", kind, ["batch", 3, "size", 8])],
        [make.make_tensor_value_info("y", kind, None)],
        [weights("kernel", 6, 3, 3, 3), weights("grouped", 4, 3, 1, 1), weights("matrix", 8, 5)],
    )
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 17)]), path)
    return path


def test_multiply_adds_are_those_of_every_convolution_and_product(tmp_path: Path) -> None:
    counted = network.count_macs(saved(tmp_path / "counted.onnx"), {"x": (2, 3, 16, 8)})
    assert counted == {
        "Convolution": 2 * 6 * 16 * 8 * (3 * 3 * 3),
        "GroupConvolution": 2 * 4 * 16 * 8 * 3,
        "MatMul": 2 * 4 * 16 * 5 * 8,
    }


PEAKS = {"f32": Peak(100.0, "BLAS"), "bf16": Peak(160.0, "OpenVINO")}


def test_share_is_of_the_peak_in_the_same_precision() -> None:
    cell = {"part": "network", "runtime": "openvino cpu bf16", "references": 3, "ms": {"p50": 10.0}}
    shared = share(cell, macs=400_000_000, peaks=PEAKS)
    assert (shared["gops"], shared["share_of_peak"]) == (80.0, 0.5)
    assert "share_of_peak" not in share({**cell, "runtime": "tensorrt-rtx cuda f16"}, macs=1, peaks=PEAKS)


@pytest.mark.parametrize(
    "cell",
    [
        {"part": "picture", "runtime": "openvino cpu f32", "references": 3, "size": 512, "ms": {"p50": 1.0}},
        {"part": "network", "build": "tensorrt-f16", "references": 1, "refused": "no GPU"},
    ],
)
def test_only_the_network_has_a_share(cell: dict[str, Any]) -> None:
    assert share(cell, macs=1, peaks=PEAKS) == cell


def test_layers_are_shares_of_the_whole_largest_first_and_small_ones_together() -> None:
    spent = {"MVN": 2.0, "Convolution": 7.9, "Reshape": 0.05, "Constant": 0.05}
    assert list(shares(spent).items()) == [("Convolution", 0.79), ("MVN", 0.2), ("other", 0.01)]
    assert shares({"Convolution": 3.0, "FullyConnected": 1.0}) == {"Convolution": 0.75, "FullyConnected": 0.25}
