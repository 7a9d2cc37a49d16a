"""TAESD's decoder, which makes a picture of a latent in a hundredth of the VAE's time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_BLOCKS = (3, 3, 3, 1)  # at each size, from the latent's to the picture's


class TinyDecoder(nn.Module):
    """Each picture on its own. Parameters are called as in the original file, "1.weight" after "layers."."""

    def __init__(self, width: int = 64, latent: int = 4) -> None:
        super().__init__()
        self.layers = _layers(width, latent)

    def forward(self, latents: Tensor) -> Tensor:
        """[B,3,8h,8w] pixels, about -1 to 1 and beyond, of latents [B,4,h,w] as the UNet has them: not unscaled."""
        out: Tensor = self.layers(latents)
        return out * 2.0 - 1.0


class _Soft(nn.Module):
    """Keeps what lies far out within -3 to 3."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x / 3.0) * 3.0


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = _three(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x) + x)


def _three(width: int) -> nn.Sequential:
    first, *rest = (nn.Conv2d(width, width, 3, padding=1) for _ in range(3))
    return nn.Sequential(first, nn.ReLU(), rest[0], nn.ReLU(), rest[1])


def _layers(width: int, latent: int) -> nn.Sequential:
    """In the order in which the original numbers them, those without parameters counted."""
    layers: list[nn.Module] = [_Soft(), nn.Conv2d(latent, width, 3, padding=1), nn.ReLU()]
    for count in _BLOCKS[:-1]:
        layers += [_Block(width) for _ in range(count)]
        layers += [nn.Upsample(scale_factor=2.0), nn.Conv2d(width, width, 3, padding=1, bias=False)]
    layers += [_Block(width) for _ in range(_BLOCKS[-1])]
    return nn.Sequential(*layers, nn.Conv2d(width, 3, 3, padding=1))
