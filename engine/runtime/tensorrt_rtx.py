"""Runs networks by TensorRT-RTX on an NVIDIA GPU, and compiles them for other GPUs, also on machines without one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..storage import write_bytes
from .cuda import CudaError, CudaGpu, EngineContext, first_gpu
from .half_precision import half_precision_model
from .session import Build, ExportedGraph, Feeds, Outputs, RuntimeUnavailable, check_feeds, shapes_digest
from .tensorrt_engine import BuildLog, EngineSpec, built_engine, engine_folder, find_engine, keep_engine, save_engine

log = logging.getLogger(__name__)

TARGETS = ("sm75", "sm80", "sm86", "sm89", "sm120", "sm121")  # RTX 20, A100, RTX 30, 40, 50, and GB10
CURRENT = "current"
_PRECISION = "f16"


class TensorRtRtxSession:
    """An engine on this machine's GPU, from the user's cache, or built now in seconds."""

    def __init__(self, graph: ExportedGraph, build: Build) -> None:
        gpu = first_gpu()
        trt = _library()
        wanted = _engine_spec(trt, graph)
        path, engine = find_engine(engine_folder(), wanted, gpu.capability) or _built_here(graph, gpu)
        self.name = f"tensorrt-rtx {gpu.name} {_PRECISION}"
        self._shapes = graph.shapes
        self._build_log = BuildLog(trt, is_logged=True)  # used by the library as long as the engine lives
        self._engine = _opened_engine(trt, engine, path, self._build_log)
        try:
            self._context = self._started(trt, path, graph)
        except CudaError as error:
            raise RuntimeUnavailable(
                f"TensorRT-RTX cannot run on {gpu.name} ({error}): try another --runtime"
            ) from error

    def run(self, feeds: Feeds) -> Outputs:
        check_feeds(feeds, self._shapes)
        return self._context.run(feeds)

    def _started(self, trt: Any, path: Path, graph: ExportedGraph) -> EngineContext:
        """Starts the engine. Its kernels are compiled in seconds at the first run, and kept beside it."""
        config = self._engine.create_runtime_config()
        config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        kernels, kept = config.create_runtime_cache(), path.with_suffix(".kernels")
        known = kept.read_bytes() if kept.is_file() else b""
        if known and not kernels.deserialize(known):
            known = b""  # compiled by another driver or for another GPU
        config.set_runtime_cache(kernels)
        context = self._engine.create_execution_context(config)
        if context is None:
            raise CudaError(self._build_log.reason)
        started = EngineContext(context, graph, recorded=False)
        if (compiled := bytes(kernels.serialize())) != known:
            try:
                write_bytes(kept, compiled)
            except OSError as error:
                log.warning("the GPU's kernels are not kept (%s): each start compiles them again", error)
        return started


def engine_of(graph: ExportedGraph, targets: Sequence[str]) -> bytes:
    """Compiles for GPUs of these compute capabilities ("sm89"), or for ("current",), which needs a GPU here."""
    trt = _library()
    capabilities = [_capability(trt, target) for target in targets]
    if not capabilities or (CURRENT in targets and len(targets) > 1):
        raise RuntimeUnavailable(f'targets are "{CURRENT}" alone or some of {", ".join(TARGETS)}, got {list(targets)}')

    if CURRENT in targets:
        first_gpu()

    def configure(config: Any) -> None:
        config.num_compute_capabilities = len(capabilities)
        for index, capability in enumerate(capabilities):
            if not config.set_compute_capability(capability, index):
                raise RuntimeUnavailable(f"TensorRT-RTX {trt.__version__} does not compile for {targets[index]}")

    with half_precision_model(graph) as network:
        return built_engine(trt, network, configure, f"TensorRT-RTX {trt.__version__}")


def compile_ahead(graph: ExportedGraph, targets: Sequence[str], out: Path, now: datetime | None = None) -> Path:
    """Compiles a portable engine and returns its path; with its label it can go into another machine's `engines`."""
    engine = engine_of(graph, targets)
    labelled = (first_gpu().capability,) if CURRENT in targets else tuple(targets)
    made = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    return save_engine(out, engine, _engine_spec(_library(), graph), labelled, made)


def engine_objection(engine: bytes) -> str | None:
    """Why the library refuses to run this engine here, in its words; None if it does not. Reads only the header.

    It checks format and version first, and last whether there is a GPU.
    """
    trt = _library()
    build_log = BuildLog(trt)
    validity, found = trt.Runtime(build_log.logger).get_engine_validity(engine)
    if validity != trt.EngineValidity.INVALID:
        return None
    kinds = trt.EngineInvalidityDiagnostics.__members__.items()
    named = [name.lower().replace("_", " ") for name, kind in kinds if found & int(kind)]
    return "; ".join([*named, build_log.reason])


def _built_here(graph: ExportedGraph, gpu: CudaGpu) -> tuple[Path, bytes]:
    log.info("compiling for %s, once", gpu.name)
    engine = engine_of(graph, (CURRENT,))
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return keep_engine(engine, _engine_spec(_library(), graph), gpu.capability, made), engine


def _opened_engine(trt: Any, engine: bytes, path: Path, build_log: BuildLog) -> Any:
    if reason := engine_objection(engine):
        raise RuntimeUnavailable(f"TensorRT-RTX refuses {path.name} ({reason}): omote compile --again")
    opened = trt.Runtime(build_log.logger).deserialize_cuda_engine(engine)
    if opened is None:
        raise RuntimeUnavailable(f"TensorRT-RTX cannot open {path.name} ({build_log.reason}): omote compile --again")
    return opened


def _engine_spec(trt: Any, graph: ExportedGraph) -> EngineSpec:
    return EngineSpec(graph.sha256, _PRECISION, shapes_digest(graph.shapes), f"tensorrt-rtx {trt.__version__}")


def _capability(trt: Any, target: str) -> Any:
    if target not in (*TARGETS, CURRENT):
        raise RuntimeUnavailable(f'no target "{target}": there are {", ".join(TARGETS)} and {CURRENT}')
    return getattr(trt.ComputeCapability, target.upper())


def _library() -> Any:
    try:
        import tensorrt_rtx
    except (ImportError, OSError) as error:
        raise RuntimeUnavailable(f"TensorRT-RTX cannot be loaded ({error}): pip install omote[nvidia]") from error
    return tensorrt_rtx
