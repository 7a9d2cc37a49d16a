"""The denoiser with plain tensors for inputs, in the order of `runtime.network.Inputs`."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .denoiser import KINDS, REFERENCE, Bank, Condition, Denoiser


class Flat(nn.Module):
    """As ONNX and compilers want it: one picture out, a bank of references alone."""

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        self.denoiser = denoiser

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        geometry: Tensor,
        uv: Tensor,
        texture: Tensor,
        face: Tensor,
        light: Tensor,
        identity: Tensor,
        bank: Tensor,
        present: Tensor,
    ) -> Tensor:
        condition = Condition(geometry, uv, texture, face, light, identity)
        rows = Bank(bank, ((REFERENCE, bank.shape[1]),), F.pad(present, (0, KINDS - 1)))
        picture: Tensor = self.denoiser(x, t, condition, rows)[0]
        return picture
