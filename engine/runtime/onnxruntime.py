"""Runs the denoiser by ONNX Runtime on a CPU: the extra for machines that OpenVINO does not like."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .network import Array, Inputs, RuntimeUnavailable

_ERRORS = 3


class OnnxRuntimeNetwork:
    """An ONNX file in a session on the CPU."""

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise RuntimeUnavailable(
                f"ONNX Runtime cannot be loaded ({error}): pip install omote[onnxruntime]"
            ) from error
        onnxruntime.disable_telemetry_events()  # on Windows its wheels report to Microsoft unless told not to
        try:
            onnxruntime.set_default_logger_severity(_ERRORS)  # it warns of constants that nobody reads
            self._session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no other common class
            raise RuntimeUnavailable(f"ONNX Runtime cannot run {path.name} here ({error}): try openvino") from error
        self.name = "onnxruntime cpu f32"

    def run(self, inputs: Inputs) -> Array:
        return np.asarray(self._session.run(None, vars(inputs))[0], np.float32)
