"""What arithmetic this processor does, as OpenVINO sees it; and OpenVINO itself, kept from reporting its use."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import torch
from torch import nn

from omote.engine.runtime import session

from .measured import Refused


def openvino() -> Any:
    """The module."""
    if "openvino" not in sys.modules:
        session.forbid_openvino_telemetry()
    return importlib.import_module("openvino")


def dtype(precision: str) -> torch.dtype:
    """Of "f32" or "bf16"; Refused where the processor would only imitate it."""
    if precision == "f32":
        return torch.float32
    if "BF16" not in openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise Refused("this processor has no bf16")
    return torch.bfloat16


def compiled(network: nn.Module, inputs: tuple[torch.Tensor, ...]) -> Any:
    """The network in OpenVINO for these shapes, by the same hint and in the same default precision as ours."""
    ov = openvino()
    with torch.inference_mode():
        # Left to OpenVINO, the trace is checked by two more runs of a network that takes seconds.
        traced = torch.jit.trace(network.eval(), inputs, check_trace=False)  # type: ignore[no-untyped-call]
        model = ov.convert_model(traced, example_input=inputs, input=[tuple(one.shape) for one in inputs])
    return ov.Core().compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY"})


def name_of(compiled_model: Any) -> str:
    """ "openvino cpu f32", with the precision that OpenVINO chose."""
    chosen = compiled_model.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    return f"openvino cpu {chosen}".replace("float", "f")
