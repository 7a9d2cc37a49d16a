"""The denoiser for PyTorch: with plain tensors, as it is exported, and with the shipped weights."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from omote.engine.runtime.session import RuntimeUnavailable

from .denoiser import Denoiser, References, Wanted

WEIGHTS = "denoiser"  # the folder with config.json and safetensors


class FlatDenoiser(nn.Module):
    """The denoiser with plain tensors in and out, in the order of `networks.DENOISER_INPUTS`."""

    def __init__(self, net: Denoiser) -> None:
        super().__init__()
        self.net = net

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        geometry: Tensor,
        face: Tensor,
        light: Tensor,
        style: Tensor,
        picture: Tensor,
        fine: Tensor,
        coarse: Tensor,
        identity: Tensor,
        place: Tensor,
        trust: Tensor,
        present: Tensor,
    ) -> tuple[Tensor, ...]:
        references = References(picture, (fine, coarse), identity, place, trust, present)
        return tuple(self.net(x, t, Wanted(geometry, face, light, style), references))


def denoiser_in(folder: Path) -> FlatDenoiser:
    """The denoiser with the weights in this folder; RuntimeUnavailable where there are none for PyTorch."""
    path = folder / WEIGHTS
    try:
        net = Denoiser.from_pretrained(path, torch_dtype=torch.float32, local_files_only=True)
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise RuntimeUnavailable(
            f"PyTorch cannot read the denoiser's weights in {path} ({said}): choose --runtime openvino"
        ) from error
    return FlatDenoiser(net).eval()
