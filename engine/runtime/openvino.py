"""Runs networks by OpenVINO on a CPU, in bf16 if the processor has it, and keeps the compiled networks on disk."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from ..storage import cache_folder
from .session import (
    Build,
    ExportedGraph,
    Feeds,
    Outputs,
    RuntimeUnavailable,
    check_feeds,
    forbid_openvino_telemetry,
    shapes_digest,
)


class OpenVinoSession:
    """An exported graph compiled for this machine's CPU; OpenVINO maps its weights from the file if it can."""

    def __init__(self, graph: ExportedGraph, build: Build) -> None:
        compiled = _compiled_model(graph, build)
        self.name = f"openvino cpu {_precision(compiled)}"
        self._shapes, self._names = graph.shapes, tuple(graph.outputs)
        self._request = compiled.create_infer_request()

    def run(self, feeds: Feeds) -> Outputs:
        check_feeds(feeds, self._shapes)
        found = self._request.infer(dict(feeds), share_inputs=True, share_outputs=True)
        return {name: np.asarray(found[k]) for k, name in enumerate(self._names)}


def openvino_module() -> Any:
    """The module `openvino`, imported with its usage reports off."""
    if "openvino" not in sys.modules:
        forbid_openvino_telemetry()
    try:
        import openvino
    except ImportError as error:
        raise RuntimeUnavailable(f"OpenVINO cannot be loaded ({error}): pip install openvino") from error
    return openvino


def _compiled_model(graph: ExportedGraph, build: Build) -> Any:
    core, options = openvino_module().Core(), _compile_options(build)
    kept = compiled_folder(graph, build) if graph.is_cached else None
    if kept:
        options["CACHE_DIR"] = str(kept)
    try:
        model = core.read_model(str(graph.path))
        model.reshape({name: list(shape) for name, shape in graph.shapes.items()})
        compiled = core.compile_model(model, "CPU", options)
    except RuntimeError as error:
        lines = str(error).strip().splitlines()
        raise RuntimeUnavailable(
            f"OpenVINO cannot run {graph.path.name} here ({lines[-1] if lines else 'no reason given'}): "
            "try --runtime onnxruntime"
        ) from error
    if build.precision == "bf16" and _precision(compiled) != "bf16":
        raise RuntimeUnavailable("this processor has no bf16: choose --runtime openvino-f32")
    if kept:
        write_checksums(kept)
    return compiled


def _compile_options(build: Build) -> dict[str, Any]:
    # A thread that is pinned to a core waits while another network, or the tracker, runs on it.
    options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
    if build.threads:
        options["INFERENCE_NUM_THREADS"] = build.threads
    if build.precision:
        options["INFERENCE_PRECISION_HINT"] = build.precision
    return options


def _precision(compiled: Any) -> str:
    return str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()).replace("float", "f")


_CHECKSUM_FILE = "sums.json"


def compiled_folder(graph: ExportedGraph, build: Build) -> Path | None:
    """The folder for one build of this graph by this OpenVINO, without damaged files; None if it cannot be written.

    A compiled denoiser takes tens of megabytes, so those of other versions are removed.
    """
    try:
        of_network = cache_folder() / "openvino" / f"{metadata.version('openvino')}-{graph.sha256[:16]}"
        for other in of_network.parent.glob("*"):
            if other != of_network:
                shutil.rmtree(other, ignore_errors=True)
        folder = of_network / f"{build.name}-{shapes_digest(graph.shapes)[:12]}-{build.threads or 'all'}"
        if folder.exists() and _checksums(folder) != _stored_checksums(folder):
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, metadata.PackageNotFoundError):
        return None
    return folder if os.access(folder, os.W_OK) else None


def write_checksums(folder: Path) -> None:
    """Stores the checksums of the compiled files; at the next start, other contents count as damaged."""
    with contextlib.suppress(OSError):
        if {path.name for path in folder.glob("*.blob")} != set(_stored_checksums(folder) or ()):
            (folder / _CHECKSUM_FILE).write_text(json.dumps(_checksums(folder)), encoding="utf-8")


def _checksums(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.blob")}


def _stored_checksums(folder: Path) -> dict[str, str] | None:
    try:
        stored = json.loads((folder / _CHECKSUM_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return stored if isinstance(stored, dict) else None
