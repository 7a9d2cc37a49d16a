"""The fastest that this processor multiplies matrices, in each arithmetic: the floor under what a network can take."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from record import keep, origin, timed

from omote.engine.runtime import session

SIDES = (512, 1024, 2048)  # of the square matrices; the best counts
CHANNELS = (128, 256, 512)  # of the convolutions of one pixel, which are matrix products, too
PIXELS = 64  # on a side
TIMES = 15
MOST_S = 2.0  # for each of them
PRECISIONS = ("f32", "bf16", "int8")


@dataclass(frozen=True)
class Peak:
    """The best that was found in one arithmetic."""

    gops: float  # billions of operations a second, a multiply-add being two
    by: str


def peaks() -> dict[str, Peak]:
    """In each arithmetic that this processor does itself: emulated it would say nothing."""
    found = {precision: _by_openvino(precision) for precision in PRECISIONS}
    found["f32"] = [*found["f32"], *(_by_blas(side) for side in SIDES)]
    return {precision: max(several, key=lambda peak: peak.gops) for precision, several in found.items() if several}


def as_json(found: Mapping[str, Peak]) -> dict[str, dict[str, Any]]:
    return {precision: asdict(peak) for precision, peak in found.items()}


def macs(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Multiply-adds of one run of an ONNX file with inputs of these shapes, by the kind of operation."""
    core = openvino().Core()
    model = core.read_model(str(path))
    model.reshape({name: list(shape) for name, shape in shapes.items()})
    counted: dict[str, int] = {}
    for node in model.get_ops():
        kind = node.get_type_name()
        if kind in _PER_OUTPUT:
            left, right = (list(node.get_input_shape(k)) for k in range(2))
            each = _PER_OUTPUT[kind](left, right, node)
            counted[kind] = counted.get(kind, 0) + each * int(np.prod(list(node.get_output_shape(0))))
    return counted


def _of_matmul(left: list[int], _right: list[int], node: Any) -> int:
    return left[-2] if node.get_attributes().get("transpose_a") else left[-1]


# Multiply-adds for each number that comes out. A kernel is [out, in, ...], of groups [groups, out, in, ...].
_PER_OUTPUT: dict[str, Callable[[list[int], list[int], Any], int]] = {
    "Convolution": lambda _data, kernel, _node: int(np.prod(kernel[1:])),
    "GroupConvolution": lambda _data, kernel, _node: int(np.prod(kernel[2:])),
    "MatMul": _of_matmul,
}


def _peak(macs: int, took_ms: float, by: str) -> Peak:
    return Peak(round(2.0 * macs / took_ms / 1e6, 1), by)


def _by_blas(side: int) -> Peak:
    left, right, out = (np.random.default_rng(k).random((side, side), np.float32) for k in range(3))
    took_ms = timed(lambda: np.matmul(left, right, out=out), TIMES, most_s=MOST_S)["p50"]
    return _peak(side**3, took_ms, f"BLAS, matrices of {side}")


def _by_openvino(precision: str) -> list[Peak]:
    ov, found = openvino(), []
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32"}
    for macs, by, model in _products(ov, precision):
        compiled = ov.Core().compile_model(model, "CPU", options)
        if not _runs_in(precision, compiled):
            continue
        request = compiled.create_infer_request()
        data = [np.random.default_rng(0).random(list(compiled.input(0).shape), np.float32)]

        def run(request: Any = request, data: Any = data) -> object:
            return request.infer(data, share_inputs=True, share_outputs=True)

        found.append(_peak(macs, timed(run, TIMES, most_s=MOST_S)["p50"], f"OpenVINO, {by}"))
    return found


def _products(ov: Any, precision: str) -> Iterator[tuple[int, str, Any]]:
    """Multiply-adds, a name, and a model that multiplies its input with constant weights."""
    for side in SIDES:
        data, weights = ov.opset13.parameter([side, side], np.float32), _weights(ov, precision, side, side)
        product = ov.opset13.matmul(_levelled(ov, precision, data), weights, False, False)
        yield side**3, f"matrices of {side}", ov.Model([product], [data], "product")
    for channels in CHANNELS:
        data = ov.opset13.parameter([1, channels, PIXELS, PIXELS], np.float32)
        weights = _weights(ov, precision, channels, channels, 1, 1)
        product = ov.opset13.convolution(_levelled(ov, precision, data), weights, [1, 1], [0, 0], [0, 0], [1, 1])
        yield channels**2 * PIXELS**2, f"{channels} channels", ov.Model([product], [data], "product")


def _levelled(ov: Any, precision: str, data: Any) -> Any:
    """In int8 the data passes through 256 levels first; OpenVINO's own passes do the rest."""
    if precision != "int8":
        return data
    return ov.opset13.fake_quantize(data, *(np.float32(x) for x in (0.0, 1.0, 0.0, 1.0)), 256)


def _weights(ov: Any, precision: str, *shape: int) -> Any:
    constant = ov.opset13.constant(np.random.default_rng(1).random(shape, np.float32) - np.float32(0.5))
    if precision != "int8":
        return constant
    return ov.opset13.fake_quantize(constant, *(np.float32(x) for x in (-0.5, 0.5, -0.5, 0.5)), 255)


def _runs_in(precision: str, compiled: Any) -> bool:
    """Whether the product really runs in this arithmetic, by what the compiled model says of itself."""
    told = {node.get_friendly_name(): node.get_rt_info() for node in compiled.get_runtime_model().get_ops()}
    used = {str(info["runtimePrecision"].astype(str)) for info in told.values() if _is_product(info)}
    return bool(used & {"f32": {"f32"}, "bf16": {"bf16"}, "int8": {"u8", "i8"}}[precision])


def _is_product(info: Any) -> bool:
    return str(info["layerType"].astype(str)) in ("FullyConnected", "MatMul", "Convolution")


def openvino() -> Any:
    if "openvino" not in sys.modules:
        session.forbid_openvino_telemetry()
    import openvino

    return openvino


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/floor.json")
    chosen = parser.parse_args()
    told, began_s = origin(), time.monotonic()
    found = peaks()
    for precision, best in found.items():
        print(f"{precision:6}{best.gops:8.1f} billion operations a second: {best.by}")
    seconds = round(time.monotonic() - began_s, 1)
    keep({**told, "seconds": seconds, "peaks": as_json(found)}, chosen.save)


if __name__ == "__main__":
    main()
