"""What a picture costs, part by part and layer by layer, beside the peak of the processor.

The first word selects the part: `network` (the default) or `layers`.
"""

from __future__ import annotations

import os

# As in `omote live`, before NumPy is loaded: its threads would take the cores from the network that is measured.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import importlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain, cycle
from pathlib import Path
from typing import Any

import numpy as np
from record import QUANTILES, keep, origin, result_parser, run_part, timed

from omote.engine.data import Array, Character, FlameParams
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.model.anchors import Key
from omote.engine.model.character_file import load_character
from omote.engine.model.compositing import CopySource, DrawnLayers, compose
from omote.engine.model.networks import Networks, denoiser_shapes
from omote.engine.model.renderer import MOST_AT_ONCE, SIZES, STEPS, PreparedCharacter, Renderer, Rgba
from omote.engine.models import WEIGHTS_FOLDER, shipped_networks
from omote.engine.runtime import session
from omote.engine.runtime.session import PRECISIONS, Build, RuntimeUnavailable, runtime_names

CHARACTER = "hana"
REFERENCES = (1, MOST_AT_ONCE)  # that a picture copies from
FACES = 16
TIMES = 100
MOST_S = 3.0  # for each figure
SLOWEST_MS = 1500.0  # of the network; a slower build is emulated, and its pictures are not measured
INPUTS, NETWORK, COMPOSITING, PICTURE = "inputs", "network", "compositing", "picture"  # a cell's part
LAYER_WARM_UP, LAYER_TIMES = 10, 40
LEAST = 0.01  # of the time; smaller shares are summed up as "other"
OTHER = "other"
SIDES = (512, 1024, 2048)  # of square matrices; the fastest counts
CHANNELS = (128, 256, 512)  # of 1x1 convolutions, which are matrix products too
PIXELS = 64  # on a side
PEAK_TIMES = 15
PEAK_MOST_S = 2.0  # for each of them
PEAK_PRECISIONS = ("f32", "bf16", "int8")
Cell = dict[str, Any]  # a row of the result


@dataclass(frozen=True)
class Peak:
    """The highest speed that was measured in one precision."""

    gops: float  # billions of operations a second, a multiply-add being two
    by: str


def every_build() -> list[Build]:
    """Each runtime in each precision that it names."""
    return [
        Build(runtime, precision) for runtime, precisions in PRECISIONS.items() for precision in precisions if precision
    ]


def faces(count: int = 64) -> list[FlameParams]:
    """Random faces, the same in every run. All differ, so that nothing is drawn from a cache."""
    rng = np.random.default_rng(0)
    weights = [np.clip(rng.random(52) - 0.5, 0.0, 1.0).astype(np.float32) for _ in range(count)]
    turns = [(0.2 * rng.standard_normal(3)).astype(np.float32) for _ in range(count)]
    return [replace(from_weights(row), neck_pose=turn) for row, turn in zip(weights, turns, strict=True)]


def copying_from(character: Character, count: int) -> Character:
    """The character with only its first `count` references."""
    return character if count == MOST_AT_ONCE else replace(character, references=character.references[:count])


@dataclass(frozen=True)
class FrameRequest:
    """A face and the inputs of its picture."""

    params: FlameParams
    inputs: dict[str, Array]  # `denoiser_shapes`
    order: tuple[Key, ...]  # the references

    def references(self, prepared: PreparedCharacter, size: int) -> list[CopySource]:
        """The reference pictures to copy from."""
        return prepared.sources(self.order, size)


def frame_requests(renderer: Renderer, prepared: PreparedCharacter) -> list[FrameRequest]:
    """Sixteen faces in studio light."""
    light = studio_light()
    return [FrameRequest(params, *renderer.inputs(prepared, params, light)) for params in faces(FACES)]


def layers_of(renderer: Renderer, pictures: list[FrameRequest]) -> list[DrawnLayers]:
    """A copy of the layers of each picture: those of the network are valid until its next call."""
    return [DrawnLayers(*(np.array(one) for one in renderer.networks.layers(each.inputs))) for each in pictures]


def shared_cells(prepared: PreparedCharacter, chosen: argparse.Namespace) -> Iterator[Cell]:
    """The parts that run in NumPy and OpenCV, whatever runs the network."""
    at, light = {"references": prepared.at_once}, studio_light()
    renderer = Renderer(Networks(WEIGHTS_FOLDER, Build("openvino", "f32")))
    pictures = frame_requests(renderer, prepared)
    moving_faces = cycle(pictures)
    took = timed(
        lambda: renderer.inputs(prepared, next(moving_faces).params, light), chosen.times, most_s=chosen.most_s
    )  # view, choice of references and correspondence
    yield {"part": INPUTS, **at, "ms": took}
    drawn = layers_of(renderer, pictures)
    for size in chosen.size or SIZES:
        given = cycle([(layers, one.references(prepared, size)) for layers, one in zip(drawn, pictures, strict=True)])
        took = timed(lambda given=given: compose(*next(given)), chosen.times, most_s=chosen.most_s)  # type: ignore[misc]
        yield {"part": COMPOSITING, **at, "size": size, "ms": took}


def cells(build: Build, characters: list[PreparedCharacter], chosen: argparse.Namespace) -> Iterator[Cell]:
    """The network alone and whole pictures, or one row that says why there are none."""
    networks, light = Networks(WEIGHTS_FOLDER, build), studio_light()
    renderer = Renderer(networks)
    for prepared in characters:
        at: Cell = {"build": build.name, "references": prepared.at_once}
        began_s = time.monotonic()
        try:
            session = networks.denoiser(prepared.at_once)
        except RuntimeUnavailable as error:
            yield {"part": NETWORK, **at, "refused": str(error)}
            return
        at |= {"runtime": session.name}
        opening_s = round(time.monotonic() - began_s, 2)  # OpenVINO reads what an earlier start has compiled
        pictures = frame_requests(renderer, prepared)
        inputs, moving_faces = cycle([one.inputs for one in pictures]), cycle([one.params for one in pictures])
        took = timed(lambda inputs=inputs: networks.layers(next(inputs)), chosen.times, most_s=chosen.most_s)  # type: ignore[misc]
        yield {"part": NETWORK, **at, "opening_s": opening_s, "ms": took}
        if took["p50"] > SLOWEST_MS:
            return
        for size in chosen.size or SIZES:
            for steps in chosen.steps or (1,):

                def draw(moving_faces=moving_faces, prepared=prepared, size=size, steps=steps) -> Rgba:  # type: ignore[no-untyped-def]
                    return renderer.draw(prepared, next(moving_faces), light, size, steps)

                took = timed(draw, chosen.times, most_s=chosen.most_s)
                yield {"part": PICTURE, **at, "size": size, "steps": steps, "ms": took}


def share(cell: Cell, macs: int, peaks: dict[str, Peak]) -> Cell:
    """A network's cell with its billions of operations a second, and their share of the peak."""
    if cell["part"] != NETWORK or "refused" in cell:
        return cell
    gops = 2.0 * macs / cell["ms"]["p50"] / 1e6
    peak = peaks.get(cell["runtime"].split()[-1])
    share_of_peak = {"share_of_peak": round(gops / peak.gops, 3)} if peak else {}
    return {**cell, "gops": round(gops, 1), **share_of_peak}


def line(cell: Cell) -> str:
    runtime = cell.get("runtime", cell.get("build", "NumPy and OpenCV"))
    at = f"{cell['part']:12} {runtime:22}{cell['references']:>4}"
    if "refused" in cell:
        return f"{at}  left out: {cell['refused']}"
    where = f"{cell['size']}x{cell['size']}" if "size" in cell else ""
    took = "".join(f"{cell['ms'][key]:9.2f}" for key in QUANTILES)
    part = f"{100.0 * cell['share_of_peak']:6.0f} %" if "share_of_peak" in cell else ""
    return f"{at}{where:>11}{cell.get('steps', ''):>3}{took}{cell['ms']['times']:>6}{cell.get('gops', ''):>8}{part}"


def measure_cells(
    builds: list[Build], chosen: argparse.Namespace, macs: dict[int, int], peaks: dict[str, Peak]
) -> list[Cell]:
    """Every cell, printed as it comes."""
    character, encoding = load_character(chosen.character), Networks()
    characters = [
        PreparedCharacter.of(copying_from(character, count), encoding) for count in chosen.references or REFERENCES
    ]
    found: list[Cell] = []
    shared = (row for prepared in characters for row in shared_cells(prepared, chosen))
    for cell in chain(shared, (row for build in builds for row in cells(build, characters, chosen))):
        found.append(share(cell, macs[cell["references"]], peaks))
        print(line(found[-1]), flush=True)
    return found


def counted() -> dict[int, int]:
    """Multiply-adds of one call of the denoiser, by the number of references."""
    path = shipped_networks().denoiser.path
    return {count: sum(count_macs(path, denoiser_shapes(count)).values()) for count in range(1, MOST_AT_ONCE + 1)}


def spent_ms(references: int) -> tuple[dict[str, float], str]:
    """Mean milliseconds of one call by kind of operation, and the runtime in the precision that OpenVINO chose."""
    core = import_openvino().Core()
    model = core.read_model(str(shipped_networks().denoiser.path))
    model.reshape({name: list(shape) for name, shape in denoiser_shapes(references).items()})
    compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY", "PERF_COUNT": True})
    renderer = Renderer(Networks())
    prepared = renderer.prepare(copying_from(load_character(CHARACTER), references))
    request, inputs = compiled.create_infer_request(), frame_requests(renderer, prepared)[0].inputs
    total: dict[str, float] = {}
    for k in range(LAYER_WARM_UP + LAYER_TIMES):
        request.infer(inputs, share_inputs=True, share_outputs=True)
        if k >= LAYER_WARM_UP:
            for operation in request.profiling_info:
                took_ms = operation.real_time.total_seconds() * 1000.0 / LAYER_TIMES
                total[operation.node_type] = total.get(operation.node_type, 0.0) + took_ms
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    return total, f"openvino cpu {precision}".replace("float", "f")


def shares(spent: dict[str, float]) -> dict[str, float]:
    """Shares of the whole time, the largest first; the small ones are summed up."""
    whole = sum(spent.values())
    large = {kind: took / whole for kind, took in spent.items() if took >= LEAST * whole}
    rest = 1.0 - sum(large.values())
    ordered = sorted(large.items(), key=lambda pair: pair[1], reverse=True)
    return {kind: round(share, 3) for kind, share in [*ordered, *([(OTHER, rest)] if rest > 5e-4 else [])]}


def measure_layers(references: int) -> dict[str, Any]:
    spent, runtime = spent_ms(references)
    return {
        "runtime": runtime,
        "references": references,
        "times": LAYER_TIMES,
        "sum_ms": round(sum(spent.values()), 2),
        "shares": shares(spent),
    }


def measure_peaks() -> dict[str, Peak]:
    """The peak in each precision that this processor supports; emulated ones are left out."""
    found = {precision: _by_openvino(precision) for precision in PEAK_PRECISIONS}
    found["f32"] = [*found["f32"], *(_by_blas(side) for side in SIDES)]
    return {precision: max(several, key=lambda peak: peak.gops) for precision, several in found.items() if several}


def count_macs(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Multiply-adds of one run of an ONNX file with inputs of these shapes, by kind of operation."""
    core = import_openvino().Core()
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


# Multiply-adds for each number of the output. A kernel is [out, in, ...], of groups [groups, out, in, ...].
_PER_OUTPUT: dict[str, Callable[[list[int], list[int], Any], int]] = {
    "Convolution": lambda _data, kernel, _node: int(np.prod(kernel[1:])),
    "GroupConvolution": lambda _data, kernel, _node: int(np.prod(kernel[2:])),
    "MatMul": _of_matmul,
}


def _peak(macs: int, took_ms: float, by: str) -> Peak:
    return Peak(round(2.0 * macs / took_ms / 1e6, 1), by)


def _by_blas(side: int) -> Peak:
    left, right, out = (np.random.default_rng(k).random((side, side), np.float32) for k in range(3))
    took_ms = timed(lambda: np.matmul(left, right, out=out), PEAK_TIMES, most_s=PEAK_MOST_S)["p50"]
    return _peak(side**3, took_ms, f"BLAS, matrices of {side}")


def _by_openvino(precision: str) -> list[Peak]:
    ov, found = import_openvino(), []
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32"}
    for macs, by, model in _products(ov, precision):
        compiled = ov.Core().compile_model(model, "CPU", options)
        if not _has_precision(precision, compiled):
            continue
        request = compiled.create_infer_request()
        data = [np.random.default_rng(0).random(list(compiled.input(0).shape), np.float32)]

        def run(request: Any = request, data: Any = data) -> object:
            return request.infer(data, share_inputs=True, share_outputs=True)

        found.append(_peak(macs, timed(run, PEAK_TIMES, most_s=PEAK_MOST_S)["p50"], f"OpenVINO, {by}"))
    return found


def _products(ov: Any, precision: str) -> Iterator[tuple[int, str, Any]]:
    """Yields multiply-adds, a name, and a model that multiplies its input with constant weights."""
    for side in SIDES:
        data, weights = ov.opset13.parameter([side, side], np.float32), _weights(ov, precision, side, side)
        product = ov.opset13.matmul(_quantized(ov, precision, data), weights, False, False)
        yield side**3, f"matrices of {side}", ov.Model([product], [data], "product")
    for channels in CHANNELS:
        data = ov.opset13.parameter([1, channels, PIXELS, PIXELS], np.float32)
        weights = _weights(ov, precision, channels, channels, 1, 1)
        product = ov.opset13.convolution(_quantized(ov, precision, data), weights, [1, 1], [0, 0], [0, 0], [1, 1])
        yield channels**2 * PIXELS**2, f"{channels} channels", ov.Model([product], [data], "product")


def _quantized(ov: Any, precision: str, data: Any) -> Any:
    """For int8 the data is quantized to 256 levels; OpenVINO's own passes do the rest."""
    if precision != "int8":
        return data
    return ov.opset13.fake_quantize(data, *(np.float32(x) for x in (0.0, 1.0, 0.0, 1.0)), 256)


def _weights(ov: Any, precision: str, *shape: int) -> Any:
    constant = ov.opset13.constant(np.random.default_rng(1).random(shape, np.float32) - np.float32(0.5))
    if precision != "int8":
        return constant
    return ov.opset13.fake_quantize(constant, *(np.float32(x) for x in (-0.5, 0.5, -0.5, 0.5)), 255)


def _has_precision(precision: str, compiled: Any) -> bool:
    """Whether the product really runs in this precision, according to the compiled model."""
    info_of = {node.get_friendly_name(): node.get_rt_info() for node in compiled.get_runtime_model().get_ops()}
    used = {str(info["runtimePrecision"].astype(str)) for info in info_of.values() if _is_product(info)}
    return bool(used & {"f32": {"f32"}, "bf16": {"bf16"}, "int8": {"u8", "i8"}}[precision])


def _is_product(info: Any) -> bool:
    return str(info["layerType"].astype(str)) in ("FullyConnected", "MatMul", "Convolution")


def import_openvino() -> Any:
    if "openvino" not in sys.modules:
        session.forbid_openvino_telemetry()
    return importlib.import_module("openvino")


def main_network(words: Sequence[str]) -> None:
    """What each part of a picture costs in every runtime, and the share of the processor's peak that it reaches."""
    parser = result_parser(main_network.__doc__, "network")
    parser.add_argument("--runtime", action="append", choices=runtime_names(), help="only this one")
    parser.add_argument("--size", action="append", type=int, choices=SIZES, help="only this one")
    parser.add_argument(
        "--references", action="append", type=int, choices=range(1, MOST_AT_ONCE + 1), help="only so many"
    )
    parser.add_argument("--steps", action="append", type=int, choices=STEPS, help="of a picture (default: 1)")
    parser.add_argument("--character", default=CHARACTER, help="which one is drawn (default: %(default)s)")
    parser.add_argument("--times", type=int, default=TIMES, help="of each figure, at most (default: %(default)s)")
    parser.add_argument("--most-s", type=float, default=MOST_S, help="seconds for each (default: %(default)s)")
    parser.add_argument("--no-floor", action="store_true", help="do not measure the processor's own peak")
    chosen = parser.parse_args(words)
    made, files, macs = origin(), shipped_networks(), counted()
    peaks = {} if chosen.no_floor else measure_peaks()
    for precision, best in peaks.items():
        print(f"peak      {precision:5} {best.gops:8.1f} billion operations a second: {best.by}")
    print(f"{'':35}refs{'size':>11}{'':3}{'p50':>9}{'p95':>9}{'p99':>9}{'times':>6}{'Gop/s':>8}  of peak")
    builds = [Build.named(name) for name in chosen.runtime] if chosen.runtime else every_build()
    model = {"model": files.model, "sha256": files.denoiser.sha256, "character": chosen.character}
    result = {**model, "macs": macs, "peaks": {precision: asdict(peak) for precision, peak in peaks.items()}}
    keep({**made, **result, "cells": measure_cells(builds, chosen, macs, peaks)}, chosen.save)


def main_layers(words: Sequence[str]) -> None:
    """Where the time goes inside the network, by OpenVINO's own counters."""
    parser = result_parser(main_layers.__doc__, "layers")
    counts, help_text = range(1, MOST_AT_ONCE + 1), "that a picture copies from (default: %(default)s)"
    parser.add_argument("--references", type=int, choices=counts, default=MOST_AT_ONCE, help=help_text)
    chosen = parser.parse_args(words)
    made, result = origin(), measure_layers(chosen.references)
    for kind, share in result["shares"].items():
        print(f"{kind:24}{100.0 * share:6.1f} %{share * result['sum_ms']:9.2f} ms")
    keep({**made, **result}, chosen.save)


if __name__ == "__main__":
    raise SystemExit(run_part({"network": main_network, "layers": main_layers}))
