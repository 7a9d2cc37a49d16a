"""Parameters and multiplications of a torch network, counted on the meta device: nothing is computed or allocated."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from .measured import Count


def counted(
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
