"""Runs networks by TensorRT on an NVIDIA GPU: for those of data centres, which TensorRT-RTX does not support."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from .cuda import CudaError, CudaGpu, EngineContext, first_gpu
from .half_precision import half_precision_model
from .session import Build, ExportedGraph, Feeds, Outputs, RuntimeUnavailable, check_feeds, shapes_digest
from .tensorrt_engine import BuildLog, EngineSpec, built_engine, engine_folder, find_engine, keep_engine

log = logging.getLogger(__name__)

_PRECISION = "f16"


class TensorRtSession:
    """An engine for exactly this GPU, from the user's cache, or built now in a minute or more."""

    def __init__(self, graph: ExportedGraph, build: Build) -> None:
        gpu = first_gpu()
        trt = _library()
        engine = _engine(trt, graph, gpu)
        self.name = f"tensorrt {gpu.name} {_PRECISION}"
        self._shapes = graph.shapes
        self._build_log = BuildLog(trt, is_logged=True)  # used by the library as long as the engine lives
        self._engine = trt.Runtime(self._build_log.logger).deserialize_cuda_engine(engine)
        if self._engine is None:
            raise RuntimeUnavailable(
                f"TensorRT cannot open its engine ({self._build_log.reason}): omote compile --again"
            )
        try:
            context = self._engine.create_execution_context()
            if context is None:
                raise CudaError(self._build_log.reason)
            self._context = EngineContext(context, graph, recorded=True)
        except CudaError as error:
            raise RuntimeUnavailable(f"TensorRT cannot run on {gpu.name} ({error}): try another --runtime") from error

    def run(self, feeds: Feeds) -> Outputs:
        check_feeds(feeds, self._shapes)
        return self._context.run(feeds)


def _engine(trt: Any, graph: ExportedGraph, gpu: CudaGpu) -> bytes:
    spec = EngineSpec(graph.sha256, _PRECISION, shapes_digest(graph.shapes), f"tensorrt {trt.__version__}")
    if found := find_engine(engine_folder(), spec, gpu.name):
        return found[1]
    log.info("compiling for %s, once", gpu.name)
    with half_precision_model(graph) as network:
        engine = built_engine(trt, network, lambda config: None, f"TensorRT {trt.__version__}")
    keep_engine(engine, spec, gpu.name, datetime.now(UTC).isoformat(timespec="seconds"))
    return engine


def _library() -> Any:
    try:
        import tensorrt
    except (ImportError, OSError) as error:
        raise RuntimeUnavailable(f"TensorRT cannot be loaded ({error}): pip install omote[tensorrt]") from error
    return tensorrt
