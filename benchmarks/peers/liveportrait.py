"""LivePortrait's networks with random weights: motion, warping, generator (arXiv 2407.03168)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from peers import torch_networks
from peers.measured import Effort, Measured, Timing, shape_of, timed
from peers.torch_networks import count_network

KEYPOINTS = 21
_BINS = 66  # of pitch, yaw and roll each

# Keypoints and their displacement, scale, three angles in bins, translation.
_OUTPUTS = 2 * 3 * KEYPOINTS + 1 + 3 * _BINS + 3
_MOTION_WIDTHS, _MOTION_BLOCKS = (96, 192, 384, 768), (3, 3, 9, 3)
_EPS = 1e-6
VOLUME = (32, 16, 64, 64)  # channels, depth, rows, columns of the appearance
_CHANNELS, _DEPTH, _SIDE, _ = VOLUME
_THIN = 4  # channels of the volume that the motion is found from
_MOTIONS = KEYPOINTS + 1  # the last is the ground, which rests
_WARPING_WIDTHS = (32, 64, 128, 256, 512, 1024)
_SPREAD = 0.01  # variance of a keypoint's bump
FEATURES = 256
_HIDDEN = 128
_SLOPE = 0.2
SIZE = 512
_SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "motion": ((1, 3, 256, 256),),
    "warping": ((1, *VOLUME), (KEYPOINTS, 3), (KEYPOINTS, 3)),
    "generator": ((1, FEATURES, 64, 64),),
}

# https://github.com/KwaiVGI/LivePortrait/blob/main/assets/docs/speed.md
_PUBLISHED_M = {"motion": 28.12, "warping": 45.53, "generator": 55.37}


def in_torch(arithmetic: str, effort: Effort) -> Measured:
    """Eager, in "f32" or "bf16"."""
    dtype = torch_networks.torch_dtype(arithmetic)
    # Torch pools no bf16 in space on a CPU; autocast knows what it must do in f32.
    with torch.inference_mode(), torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        took = timed({name: _torch_networks(name, dtype) for name in _NETWORKS}, effort)
    return _measured(f"torch eager {arithmetic}", took, "random weights")


def in_openvino(effort: Effort) -> Measured:
    """In OpenVINO what OpenVINO can: it samples from no grid in space, so the warping stays in torch."""
    motion, generator = (
        torch_networks.compile_network(_NETWORKS[name](), _inputs(name)) for name in ("motion", "generator")
    )
    picture, features = (_inputs(name)[0].numpy() for name in ("motion", "generator"))
    with torch.inference_mode():
        calls = {
            "motion": lambda: motion([picture], share_inputs=True, share_outputs=True),
            "warping": _torch_networks("warping", torch.float32),
            "generator": lambda: generator([features], share_inputs=True, share_outputs=True),
        }
        took = timed(calls, effort)
    return _measured(torch_networks.name_of(generator), took, "random weights; warping in torch eager f32")


def _torch_networks(name: str, dtype: torch.dtype) -> Callable[[], object]:
    network = _NETWORKS[name]().to(dtype).eval()
    inputs = [one.to(dtype) for one in _inputs(name)]
    return lambda: network(*inputs)


def _inputs(name: str) -> tuple[Tensor, ...]:
    return tuple(0.5 * torch.randn(shape) for shape in _SHAPES[name])


def _measured(runtime: str, took: Mapping[str, Timing], note: str) -> Measured:
    networks = {name: count_network(build, _SHAPES[name], _PUBLISHED_M[name]) for name, build in _NETWORKS.items()}
    return Measured(runtime, SIZE, 1, took, networks, shape_of(networks), note)


class Norm(nn.LayerNorm):
    """Over the channels of each pixel of [B,C,H,W]."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=_EPS)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """A wide convolution in depth, then two layers a pixel with global response normalisation between."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depth = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=_EPS)
        self.rise, self.fall = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gain = nn.Parameter(torch.zeros(1, 1, 1, 4 * width))
        self.offset = nn.Parameter(torch.zeros(1, 1, 1, 4 * width))

    def forward(self, x: Tensor) -> Tensor:
        h = F.gelu(self.rise(self.norm(self.depth(x).permute(0, 2, 3, 1))))
        strength = torch.linalg.vector_norm(h, dim=(1, 2), keepdim=True)
        response = h * (strength / (strength.mean(-1, keepdim=True) + _EPS))
        out: Tensor = self.fall(self.gain * response + self.offset + h)
        return x + out.permute(0, 3, 1, 2)


class Motion(nn.Module):
    """[B,3,256,256] → [B,328]; the heads, of one layer each, are one matrix here."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, _MOTION_WIDTHS[0], 4, stride=4), Norm(_MOTION_WIDTHS[0])]
        for level, (width, blocks) in enumerate(zip(_MOTION_WIDTHS, _MOTION_BLOCKS, strict=True)):
            if level:
                layers += [Norm(_MOTION_WIDTHS[level - 1]), nn.Conv2d(_MOTION_WIDTHS[level - 1], width, 2, stride=2)]
            layers += [Block(width) for _ in range(blocks)]
        self.layers = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(_MOTION_WIDTHS[-1], eps=_EPS)
        self.heads = nn.Linear(_MOTION_WIDTHS[-1], _OUTPUTS)

    def forward(self, picture: Tensor) -> Tensor:
        out: Tensor = self.heads(self.norm(self.layers(picture).mean((2, 3))))
        return out


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
        before = (width_in, *_WARPING_WIDTHS[1:-1])
        self.down = nn.ModuleList([Conv(a, b) for a, b in zip(before, _WARPING_WIDTHS[1:], strict=True)])
        rising = (_WARPING_WIDTHS[-1], *(2 * width for width in _WARPING_WIDTHS[-2:0:-1]))
        self.up = nn.ModuleList([Conv(a, b) for a, b in zip(rising, _WARPING_WIDTHS[-2::-1], strict=True)])
        self.width = _WARPING_WIDTHS[0] + width_in
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


class Spade(nn.Module):
    """An instance norm scaled and shifted by what the features say at each pixel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.read = nn.Conv2d(FEATURES, _HIDDEN, 3, padding=1)
        self.scale = nn.Conv2d(_HIDDEN, width, 3, padding=1)
        self.shift = nn.Conv2d(_HIDDEN, width, 3, padding=1)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        hidden = F.relu(self.read(F.interpolate(features, size=x.shape[2:], mode="nearest")))
        scaled: Tensor = F.instance_norm(x) * (1.0 + self.scale(hidden)) + self.shift(hidden)
        return scaled


class Residual(nn.Module):
    """Two convolutions, each after a SPADE; where the width changes, the shortcut has both as well."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        least = min(width_in, width)
        self.norm_in, self.norm = Spade(width_in), Spade(least)
        self.conv_in = nn.Conv2d(width_in, least, 3, padding=1)
        self.conv = nn.Conv2d(least, width, 3, padding=1)
        self.changes = width_in != width
        if self.changes:
            self.norm_short, self.short = Spade(width_in), nn.Conv2d(width_in, width, 1, bias=False)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        h: Tensor = self.conv_in(F.leaky_relu(self.norm_in(x, features), _SLOPE))
        h = self.conv(F.leaky_relu(self.norm(h, features), _SLOPE))
        kept: Tensor = self.short(self.norm_short(x, features)) if self.changes else x
        return kept + h


class Generator(nn.Module):
    """[1,256,64,64] → [1,3,512,512] in 0 to 1."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(FEATURES, 2 * FEATURES, 3, padding=1)
        self.middle = nn.ModuleList([Residual(2 * FEATURES, 2 * FEATURES) for _ in range(6)])
        self.up = nn.ModuleList([Residual(2 * FEATURES, FEATURES), Residual(FEATURES, 64)])
        self.paint = nn.Conv2d(64, 3 * 4, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        x = self.stem(features)
        for block in self.middle:
            x = block(x, features)
        for block in self.up:
            x = block(F.interpolate(x, scale_factor=2.0, mode="nearest"), features)
        return torch.sigmoid(F.pixel_shuffle(self.paint(F.leaky_relu(x, _SLOPE)), 2))


_NETWORKS: dict[str, Callable[[], nn.Module]] = {"motion": Motion, "warping": Warping, "generator": Generator}
