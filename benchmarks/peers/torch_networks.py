"""Compiles torch networks in OpenVINO and counts their parameters and multiplications."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from omote.engine.runtime import session
from peers.measured import Count, Refused


def import_openvino() -> Any:
    """The module."""
    if "openvino" not in sys.modules:
        session.forbid_openvino_telemetry()
    return importlib.import_module("openvino")


def torch_dtype(precision: str) -> torch.dtype:
    """Of "f32" or "bf16"; Refused where the processor would only imitate it."""
    if precision == "f32":
        return torch.float32
    if "BF16" not in import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise Refused("this processor has no bf16")
    return torch.bfloat16


def compile_network(network: nn.Module, inputs: tuple[torch.Tensor, ...]) -> Any:
    """The network in OpenVINO for these shapes, by the same hint and in the same default precision as ours."""
    ov = import_openvino()
    with torch.inference_mode():
        # Left to OpenVINO, the trace is checked by two more runs of a network that takes seconds.
        traced = torch.jit.trace(network.eval(), inputs, check_trace=False)  # type: ignore[no-untyped-call]
        model = ov.convert_model(traced, example_input=inputs, input=[tuple(one.shape) for one in inputs])
    return ov.Core().compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY"})


def name_of(compiled_model: Any) -> str:
    """ "openvino cpu f32", with the precision that OpenVINO chose."""
    chosen = compiled_model.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    return f"openvino cpu {chosen}".replace("float", "f")


def count_network(
    build: Callable[[], nn.Module],
    shapes: tuple[tuple[int, ...], ...],
    published_m: float | None = None,
    call: Callable[[nn.Module, tuple[Tensor, ...]], object] | None = None,
) -> Count:
    """Of the network that `build` makes, called with inputs of these shapes.

    Convolutions and matrix products count, attention's own among them: hence attention as plain products, because the
    fused kernels of some devices are unknown to the counter. Norms, activations and sampling from grids do not.
    """
    with torch.device("meta"):
        network = build().eval()
        inputs = tuple(torch.empty(shape) for shape in shapes)
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH), counter:
        call(network, inputs) if call else network(*inputs)
    parameters = sum(one.numel() for one in network.parameters())
    return Count(parameters, counter.get_total_flops() // 2, published_m)
