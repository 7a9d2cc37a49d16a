"""Runs networks by OpenVINO on a CPU, in bf16 where the processor has it, in int8 where a table allows it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omote.engine.weights import NetworkFile, networks

from . import telemetry
from .build import Build
from .exported import ExportedGraph, Feeds, require_fed
from .int8 import accepted, quantise
from .model_cache import model_folder, seal
from .network import Array, Inputs, RuntimeUnavailable

Shapes = Mapping[str, tuple[int, ...]]
Ranges = Mapping[str, tuple[float, float]]
_INT8 = "int8"


class OpenVinoNetwork:
    """A shipped network compiled for this machine's CPU and one shape of its inputs."""

    def __init__(self, file: NetworkFile, build: Build) -> None:
        ranges = accepted(file).ranges if build.precision == _INT8 else {}
        kept = model_folder(file, build) if file in networks() else None
        compiled = compiled_model(file.path, build, file.shapes(build.size, build.batch), ranges, kept)
        self.name = f"openvino cpu {_INT8 if ranges else _precision(compiled)}"
        self._request = compiled.create_infer_request()

    def run(self, inputs: Inputs) -> Array:
        result = self._request.infer(vars(inputs), share_inputs=True, share_outputs=True)
        return np.asarray(result[0])


class OpenVinoSession:
    """An exported graph compiled for this machine's CPU; its weights stay mapped from the file where OpenVINO can."""

    def __init__(self, graph: ExportedGraph, build: Build) -> None:
        if build.precision == _INT8:
            raise RuntimeUnavailable(f"no int8 ranges are known of {graph.path.name}: choose --runtime openvino")
        compiled = compiled_model(graph.path, build, graph.shapes)
        self.name = f"openvino cpu {_precision(compiled)}"
        self._shapes = graph.shapes
        self._request = compiled.create_infer_request()

    def run(self, feeds: Feeds) -> NDArray[Any]:
        require_fed(feeds, self._shapes)
        result = self._request.infer(dict(feeds), share_inputs=True, share_outputs=True)
        return np.asarray(result[0])


def compiled_model(
    path: Path, build: Build, shapes: Shapes | None = None, ranges: Ranges | None = None, kept: Path | None = None
) -> Any:
    """OpenVINO's compiled model of an ONNX file.

    `shapes` fixes what the file leaves open; convolutions that have `ranges` run in 8 bits. What is compiled is `kept`
    in that folder, where OpenVINO finds it at the next start under everything that it depends on.
    """
    core, options = loaded().Core(), _options(build)
    if kept:
        options["CACHE_DIR"] = str(kept)
    try:
        model = core.read_model(str(path))
        if shapes:
            model.reshape({name: list(shape) for name, shape in shapes.items()})
        quantise(model, ranges or {})
        compiled = core.compile_model(model, "CPU", options)
    except RuntimeError as error:
        said = str(error).strip().splitlines()
        raise RuntimeUnavailable(
            f"OpenVINO cannot run {path.name} here ({said[-1] if said else 'no reason given'}): "
            "try --runtime onnxruntime"
        ) from error
    if build.precision == "bf16" and _precision(compiled) != "bf16":
        raise RuntimeUnavailable("this processor has no bf16: choose --runtime openvino-f32")
    if kept:
        seal(kept)
    return compiled


def loaded() -> Any:
    """The module, once it can report to nobody."""
    if "openvino" not in sys.modules:
        telemetry.forbid()
    try:
        import openvino
    except ImportError as error:
        raise RuntimeUnavailable(f"OpenVINO cannot be loaded ({error}): pip install openvino") from error
    return openvino


def _options(build: Build) -> dict[str, Any]:
    options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
    if build.threads:
        options["INFERENCE_NUM_THREADS"] = build.threads
    if build.precision in ("f32", "bf16"):
        options["INFERENCE_PRECISION_HINT"] = build.precision
    return options


def _precision(compiled: Any) -> str:
    return str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()).replace("float", "f")
