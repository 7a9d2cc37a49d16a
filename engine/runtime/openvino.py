"""Runs the denoiser by OpenVINO on a CPU, in bf16 where the processor has it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from . import telemetry
from .network import Array, Inputs, RuntimeUnavailable


class OpenVinoNetwork:
    """An ONNX file compiled for this machine's CPU."""

    def __init__(self, path: Path) -> None:
        if "openvino" not in sys.modules:
            telemetry.forbid()
        try:
            import openvino as ov
        except ImportError as error:
            raise RuntimeUnavailable(f"OpenVINO cannot be loaded ({error}): pip install openvino") from error
        try:
            compiled = ov.Core().compile_model(str(path), "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        except RuntimeError as error:
            said = str(error).strip().splitlines()
            raise RuntimeUnavailable(
                f"OpenVINO cannot run {path.name} here ({said[-1] if said else 'no reason given'}): "
                "try --runtime onnxruntime"
            ) from error
        precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self.name = f"openvino cpu {precision.replace('float', 'f')}"
        self._request = compiled.create_infer_request()

    def run(self, inputs: Inputs) -> Array:
        result = self._request.infer(vars(inputs), share_inputs=True, share_outputs=True)
        return np.asarray(result[0])
