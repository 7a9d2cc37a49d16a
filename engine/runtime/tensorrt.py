"""Runs networks by TensorRT on an NVIDIA GPU: for GPUs that TensorRT-RTX does not know, those of data centres."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from .build import Build
from .cuda import CudaError, Gpu, first_gpu
from .engine_file import Make, engine_folder, found_engine, keep_engine
from .enqueue import Enqueue
from .half import halved
from .session import ExportedGraph, Feeds, Outputs, RuntimeUnavailable, require_fed, shapes_digest
from .tensorrt_engine import Journal, built

log = logging.getLogger(__name__)

_PRECISION = "f16"


class TensorRtSession:
    """An engine for exactly this GPU, from the user's cache or built now, which takes a minute or more."""

    def __init__(self, graph: ExportedGraph, build: Build) -> None:
        gpu = first_gpu()
        trt = _library()
        engine = _engine(trt, graph, gpu)
        self.name = f"tensorrt {gpu.name} {_PRECISION}"
        self._shapes = graph.shapes
        self._journal = Journal(trt, aloud=True)  # the library reads it as long as the engine lives
        self._engine = trt.Runtime(self._journal.logger).deserialize_cuda_engine(engine)
        if self._engine is None:
            raise RuntimeUnavailable(f"TensorRT cannot open its engine ({self._journal.reason}): omote compile --again")
        try:
            context = self._engine.create_execution_context()
            if context is None:
                raise CudaError(self._journal.reason)
            self._enqueue = Enqueue(context, graph, recorded=True)
        except CudaError as error:
            raise RuntimeUnavailable(f"TensorRT cannot run on {gpu.name} ({error}): try another --runtime") from error

    def run(self, feeds: Feeds) -> Outputs:
        require_fed(feeds, self._shapes)
        return self._enqueue.run(feeds)


def _engine(trt: Any, graph: ExportedGraph, gpu: Gpu) -> bytes:
    make = Make(graph.sha256, _PRECISION, shapes_digest(graph.shapes), f"tensorrt {trt.__version__}")
    if found := found_engine(engine_folder(), make, gpu.name):
        return found[1]
    log.info("compiling for %s, once", gpu.name)
    with halved(graph) as network:
        engine = built(trt, network, lambda config: None, f"TensorRT {trt.__version__}")
    keep_engine(engine, make, gpu.name, datetime.now(UTC).isoformat(timespec="seconds"))
    return engine


def _library() -> Any:
    try:
        import tensorrt
    except (ImportError, OSError) as error:
        raise RuntimeUnavailable(f"TensorRT cannot be loaded ({error}): pip install omote[tensorrt]") from error
    return tensorrt
