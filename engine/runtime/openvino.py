"""Runs networks by OpenVINO on a CPU, in bf16 where the processor has it."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from . import telemetry
from .build import Build
from .model_cache import model_folder, seal
from .session import ExportedGraph, Feeds, Outputs, RuntimeUnavailable, require_fed


class OpenVinoSession:
    """An exported graph compiled for this machine's CPU; its weights stay mapped from the file where OpenVINO can."""

    def __init__(self, graph: ExportedGraph, build: Build) -> None:
        compiled = _compiled(graph, build)
        self.name = f"openvino cpu {_precision(compiled)}"
        self._shapes, self._names = graph.shapes, tuple(graph.outputs)
        self._request = compiled.create_infer_request()

    def run(self, feeds: Feeds) -> Outputs:
        require_fed(feeds, self._shapes)
        found = self._request.infer(dict(feeds), share_inputs=True, share_outputs=True)
        return {name: np.asarray(found[k]) for k, name in enumerate(self._names)}


def loaded() -> Any:
    """The module, once it can report to nobody."""
    if "openvino" not in sys.modules:
        telemetry.forbid()
    try:
        import openvino
    except ImportError as error:
        raise RuntimeUnavailable(f"OpenVINO cannot be loaded ({error}): pip install openvino") from error
    return openvino


def _compiled(graph: ExportedGraph, build: Build) -> Any:
    core, options = loaded().Core(), _options(build)
    kept = model_folder(graph, build) if graph.is_cached else None
    if kept:
        options["CACHE_DIR"] = str(kept)
    try:
        model = core.read_model(str(graph.path))
        model.reshape({name: list(shape) for name, shape in graph.shapes.items()})
        compiled = core.compile_model(model, "CPU", options)
    except RuntimeError as error:
        said = str(error).strip().splitlines()
        raise RuntimeUnavailable(
            f"OpenVINO cannot run {graph.path.name} here ({said[-1] if said else 'no reason given'}): "
            "try --runtime onnxruntime"
        ) from error
    if build.precision == "bf16" and _precision(compiled) != "bf16":
        raise RuntimeUnavailable("this processor has no bf16: choose --runtime openvino-f32")
    if kept:
        seal(kept)
    return compiled


def _options(build: Build) -> dict[str, Any]:
    # Threads that are bound to a core wait while another network, or the tracker, runs on it.
    options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
    if build.threads:
        options["INFERENCE_NUM_THREADS"] = build.threads
    if build.precision:
        options["INFERENCE_PRECISION_HINT"] = build.precision
    return options


def _precision(compiled: Any) -> str:
    return str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()).replace("float", "f")
