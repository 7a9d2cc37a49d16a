"""The shipped denoiser as a plain torch module with the shipped weights, as a user of diffusers would have it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from omote.engine.diffusion.denoiser import KINDS, REFERENCE, Bank, Condition, Denoiser, Shape
from omote.engine.training import shipped
from omote.engine.weights import NetworkFile


class Eager(nn.Module):
    """The denoiser with plain tensors for inputs, in the order of the exported network's."""

    def __init__(self) -> None:
        super().__init__()
        self.denoiser = Denoiser(Shape())

    def forward(self, x: Tensor, t: Tensor, *told: Tensor) -> Tensor:
        """`told` is geometry, uv, texture, face, light, identity, and the bank with its presence."""
        *condition, rows, present = told
        bank = Bank(rows, ((REFERENCE, rows.shape[1]),), F.pad(present, (0, KINDS - 1)))
        picture: Tensor = self.denoiser(x, t, Condition(*condition), bank)[0]
        return picture


def loaded(file: NetworkFile) -> Eager:
    """With the shipped weights; ValueError where the file lacks more than what the export never calls."""
    eager = Eager()
    told = eager.load_state_dict(shipped.network(file.path), strict=False)
    lacking = [name for name in told.missing_keys if not name.startswith("denoiser.remember.")]
    if lacking or told.unexpected_keys:
        raise ValueError(f"{file.file} lacks {len(lacking)} weights of the denoiser: {lacking[:3]}")
    return eager.eval()
