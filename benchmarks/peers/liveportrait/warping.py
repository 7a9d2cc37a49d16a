"""The warping module: a dense motion of the appearance volume 32x16x64x64 from keypoints, and the volume so moved."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .motion import KEYPOINTS

VOLUME = (32, 16, 64, 64)  # channels, depth, rows, columns of the appearance
_CHANNELS, _DEPTH, _SIDE, _ = VOLUME
_THIN = 4  # channels of the volume that the motion is found from
_MOTIONS = KEYPOINTS + 1  # the last is the ground, which rests
_WIDTHS = (32, 64, 128, 256, 512, 1024)
_SPREAD = 0.01  # variance of a keypoint's bump


class Conv(nn.Module):
    """A convolution in space of 3x3x3 with batch norm."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(width_in, width, 3, padding=1)
        self.norm = nn.BatchNorm3d(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class Hourglass(nn.Module):
    """Halved five times in rows and columns, never in depth, and back; its width is 32 and that of its input."""

    def __init__(self, width_in: int) -> None:
        super().__init__()
        before = (width_in, *_WIDTHS[1:-1])
        self.down = nn.ModuleList([Conv(a, b) for a, b in zip(before, _WIDTHS[1:], strict=True)])
        rising = (_WIDTHS[-1], *(2 * width for width in _WIDTHS[-2:0:-1]))
        self.up = nn.ModuleList([Conv(a, b) for a, b in zip(rising, _WIDTHS[-2::-1], strict=True)])
        self.width = _WIDTHS[0] + width_in
        self.last = Conv(self.width, self.width)

    def forward(self, x: Tensor) -> Tensor:
        trail = []
        for down in self.down:
            trail.append(x)
            x = F.avg_pool3d(down(x), (1, 2, 2))
        for up in self.up:
            x = torch.cat([up(F.interpolate(x, scale_factor=(1.0, 2.0, 2.0))), trail.pop()], 1)
        moved: Tensor = self.last(x)
        return moved


class Warping(nn.Module):
    """The appearance [1,32,16,64,64] and keypoints [21,3] of source and driver → features [1,256,64,64]."""

    def __init__(self) -> None:
        super().__init__()
        self.thin = nn.Conv3d(_CHANNELS, _THIN, 1)
        self.thin_norm = nn.BatchNorm3d(_THIN)
        self.hourglass = Hourglass(_MOTIONS * (_THIN + 1))
        self.mask = nn.Conv3d(self.hourglass.width, _MOTIONS, 7, padding=3)
        self.occlusion = nn.Conv2d(self.hourglass.width * _DEPTH, 1, 7, padding=3)
        self.third = nn.Conv2d(_CHANNELS * _DEPTH, 256, 3, padding=1)
        self.third_norm = nn.BatchNorm2d(256)
        self.fourth = nn.Conv2d(256, 256, 1)

    def forward(self, volume: Tensor, driving: Tensor, source: Tensor) -> Tensor:
        thin = F.relu(self.thin_norm(self.thin(volume)))
        place = _places(volume)
        resting = place.expand(1, *place.shape[1:])
        motions = torch.cat([resting, place - _spots(driving) + _spots(source)])  # [22,16,64,64,3]
        moved = F.grid_sample(thin.expand(_MOTIONS, -1, -1, -1, -1), motions, align_corners=False)
        bumps = F.pad(_bumps(place, driving) - _bumps(place, source), (0, 0, 0, 0, 0, 0, 1, 0))
        seen = torch.cat([bumps[:, None], moved], 1).flatten(0, 1)[None]  # [1,110,16,64,64]
        h = self.hourglass(seen)
        share = self.mask(h).softmax(1)[0, ..., None]  # [22,16,64,64,1]
        flow = (motions * share).sum(0, keepdim=True)
        warped = F.grid_sample(volume, flow, align_corners=False).flatten(1, 2)
        visible = torch.sigmoid(self.occlusion(h.flatten(1, 2)))
        features: Tensor = self.fourth(F.leaky_relu(self.third_norm(self.third(warped))))
        return features * visible


def _places(like: Tensor) -> Tensor:
    """[1,16,64,64,3] where each cell of the volume is, x, y, z in -1 to 1."""
    axes = [torch.linspace(-1.0, 1.0, count, device=like.device, dtype=like.dtype) for count in (_DEPTH, _SIDE, _SIDE)]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    return torch.stack([x, y, z], -1)[None]


def _spots(keypoints: Tensor) -> Tensor:
    return keypoints[:, None, None, None]


def _bumps(place: Tensor, keypoints: Tensor) -> Tensor:
    """[21,16,64,64] high near each keypoint."""
    return torch.exp(-0.5 * (place - _spots(keypoints)).square().sum(-1) / _SPREAD)
