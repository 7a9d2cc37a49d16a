"""Runs the denoiser by TensorRT on an NVIDIA GPU: for GPUs that TensorRT-RTX does not know, those of data centres."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from omote.engine.weights import NetworkFile

from .build import Build
from .cuda import CudaError, Gpu, first_gpu
from .engine_file import Make, engine_folder, found_engine, keep_engine
from .enqueue import Enqueue
from .half import half_network
from .network import Array, Inputs, RuntimeUnavailable
from .tensorrt_engine import Journal, built

log = logging.getLogger(__name__)

_PRECISION = "f16"


class TensorRtNetwork:
    """An engine for exactly this GPU, from the user's cache or built now, which takes a minute or more."""

    def __init__(self, file: NetworkFile, build: Build) -> None:
        gpu = first_gpu()
        trt = _library()
        engine = _engine(trt, file, build, gpu)
        self.name = f"tensorrt {gpu.name} {_PRECISION}"
        self._journal = Journal(trt, aloud=True)  # the library reads it as long as the engine lives
        self._engine = trt.Runtime(self._journal.logger).deserialize_cuda_engine(engine)
        if self._engine is None:
            raise RuntimeUnavailable(f"TensorRT cannot open its engine ({self._journal.reason}): omote compile --again")
        try:
            context = self._engine.create_execution_context()
            if context is None:
                raise CudaError(self._journal.reason)
            self._enqueue = Enqueue(context, file.shapes(build.size, build.batch), recorded=True)
        except CudaError as error:
            raise RuntimeUnavailable(f"TensorRT cannot run on {gpu.name} ({error}): try another --runtime") from error

    def run(self, inputs: Inputs) -> Array:
        return self._enqueue.run(inputs)


def _engine(trt: Any, file: NetworkFile, build: Build, gpu: Gpu) -> bytes:
    make = Make(file.sha256, _PRECISION, build.size, build.batch, f"tensorrt {trt.__version__}")
    if found := found_engine(engine_folder(), make, gpu.name):
        return found[1]
    log.info("compiling for %s, once", gpu.name)
    network = half_network(file.path, file.shapes(build.size, build.batch))
    engine = built(trt, network, lambda config: None, f"TensorRT {trt.__version__}")
    keep_engine(engine, make, gpu.name, datetime.now(UTC).isoformat(timespec="seconds"))
    return engine


def _library() -> Any:
    try:
        import tensorrt
    except (ImportError, OSError) as error:
        raise RuntimeUnavailable(f"TensorRT cannot be loaded ({error}): pip install omote[tensorrt]") from error
    return tensorrt
