"""The autoencoder of Stable Diffusion 1.5: pictures to latents an eighth of their side, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from .config import Config
from .resnet import Upsample

_SCALING = 0.18215  # gives latents a spread of about 1
_EPSILON = 1e-6
_BUILT: Mapping[str, object] = {
    "act_fn": "silu",
    "in_channels": 3,
    "out_channels": 3,
    "latents_mean": None,
    "latents_std": None,
    "shift_factor": None,
    "mid_block_add_attention": True,
    "use_quant_conv": True,
    "use_post_quant_conv": True,
}
# What the attention was called before 2023; files of that time are still the published ones.
_OLD_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


@dataclass(frozen=True)
class VaeShape:
    """The sizes of an autoencoder."""

    channels: tuple[int, ...] = (128, 256, 512, 512)
    layers: int = 2
    groups: int = 32
    latent: int = 4
    scaling: float = _SCALING

    @classmethod
    def of_config(cls, config: Config) -> VaeShape:
        """The sizes that a published config.json tells; ValueError names a key whose value is not built here."""
        channels = config.numbers("block_out_channels")
        sides = {"down_block_types": "DownEncoderBlock2D", "up_block_types": "UpDecoderBlock2D"}
        config.only({**_BUILT, **{side: [kind] * len(channels) for side, kind in sides.items()}})
        return cls(
            channels=channels,
            layers=config.number("layers_per_block"),
            groups=config.number("norm_num_groups"),
            latent=config.number("latent_channels"),
            scaling=config.positive("scaling_factor", _SCALING),
        )


class Vae(nn.Module):
    """Parameters are called as in diffusers' AutoencoderKL of today; `of_today` renames those of older files."""

    def __init__(self, shape: VaeShape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = _Encoder(shape)
        self.decoder = _Decoder(shape)
        self.quant_conv = nn.Conv2d(2 * shape.latent, 2 * shape.latent, 1)
        self.post_quant_conv = nn.Conv2d(shape.latent, shape.latent, 1)

    def encode(self, pixels: Tensor) -> Tensor:
        """[B,4,H/8,W/8] the most likely latents of pixels [B,3,H,W] from -1 to 1, scaled as the UNet wants them."""
        mean: Tensor = self.quant_conv(self.encoder(pixels))[:, : self.shape.latent]
        return mean * self.shape.scaling

    def decode(self, latents: Tensor) -> Tensor:
        """[B,3,H,W] pixels, about -1 to 1 and beyond, of latents [B,4,H/8,W/8] as the UNet has them."""
        out: Tensor = self.decoder(self.post_quant_conv(latents / self.shape.scaling))
        return out


def of_today(name: str) -> str:
    """A parameter's name as newer diffusers write it."""
    head, old, tail = name.rpartition(".")
    module, dot, last = head.rpartition(".")
    if not module.endswith("mid_block.attentions.0"):
        return name
    return f"{module}{dot}{_OLD_NAMES.get(last, last)}{old}{tail}"


class _Resnet(nn.Module):
    def __init__(self, width_in: int, width: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, width_in, eps=_EPSILON)
        self.conv1 = nn.Conv2d(width_in, width, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, width, eps=_EPSILON)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(width_in, width, 1) if width_in != width else None

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        out: Tensor = h + (x if self.conv_shortcut is None else self.conv_shortcut(x))
        return out


class _Attention(nn.Module):
    """Every pixel reads every other one, with a single head."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, width, eps=_EPSILON)
        self.to_q = nn.Linear(width, width)
        self.to_k = nn.Linear(width, width)
        self.to_v = nn.Linear(width, width)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x: Tensor) -> Tensor:
        rows = self.group_norm(x).flatten(2).transpose(1, 2)
        # One head in a dimension of its own: only so does torch take the attention that keeps no T by T matrix.
        q, k, v = (project(rows)[:, None] for project in (self.to_q, self.to_k, self.to_v))
        read = self.to_out[0](F.scaled_dot_product_attention(q, k, v)[:, 0])
        out: Tensor = x + read.transpose(1, 2).reshape(x.shape)
        return out


class _Middle(nn.Module):
    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([_Attention(width, groups)])
        self.resnets = nn.ModuleList([_Resnet(width, width, groups) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.resnets[1](self.attentions[0](self.resnets[0](x)))
        return out


class _Downsample(nn.Module):
    """Half the size; a pixel more is added on the right and below, none on the left and above."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(F.pad(x, (0, 1, 0, 1)))
        return out


class _Down(nn.Module):
    def __init__(self, width_in: int, width: int, shape: VaeShape, is_last: bool) -> None:
        super().__init__()
        widths = [width_in] + [width] * (shape.layers - 1)
        self.resnets = nn.ModuleList([_Resnet(inward, width, shape.groups) for inward in widths])
        self.downsamplers = nn.ModuleList([] if is_last else [_Downsample(width)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in (*self.resnets, *self.downsamplers):
            x = layer(x)
        return x


class _Up(nn.Module):
    def __init__(self, width_in: int, width: int, shape: VaeShape, is_last: bool) -> None:
        super().__init__()
        widths = [width_in] + [width] * shape.layers
        self.resnets = nn.ModuleList([_Resnet(inward, width, shape.groups) for inward in widths])
        self.upsamplers = nn.ModuleList([] if is_last else [Upsample(width)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in (*self.resnets, *self.upsamplers):
            x = layer(x)
        return x


class _Encoder(nn.Module):
    def __init__(self, shape: VaeShape) -> None:
        super().__init__()
        widths, last = shape.channels, shape.channels[-1]
        steps = zip((widths[0], *widths), widths, strict=False)
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList([_Down(a, b, shape, n == len(widths) - 1) for n, (a, b) in enumerate(steps)])
        self.mid_block = _Middle(last, shape.groups)
        self.conv_norm_out = nn.GroupNorm(shape.groups, last, eps=_EPSILON)
        self.conv_out = nn.Conv2d(last, 2 * shape.latent, 3, padding=1)

    def forward(self, pixels: Tensor) -> Tensor:
        h = self.conv_in(pixels)
        for block in self.down_blocks:
            h = block(h)
        out: Tensor = self.conv_out(F.silu(self.conv_norm_out(self.mid_block(h))))
        return out


class _Decoder(nn.Module):
    def __init__(self, shape: VaeShape) -> None:
        super().__init__()
        widths = shape.channels[::-1]
        steps = zip((widths[0], *widths), widths, strict=False)
        self.conv_in = nn.Conv2d(shape.latent, widths[0], 3, padding=1)
        self.mid_block = _Middle(widths[0], shape.groups)
        self.up_blocks = nn.ModuleList([_Up(a, b, shape, n == len(widths) - 1) for n, (a, b) in enumerate(steps)])
        self.conv_norm_out = nn.GroupNorm(shape.groups, widths[-1], eps=_EPSILON)
        self.conv_out = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def forward(self, latents: Tensor) -> Tensor:
        h = self.mid_block(self.conv_in(latents))
        for block in self.up_blocks:
            h = block(h)
        out: Tensor = self.conv_out(F.silu(self.conv_norm_out(h)))
        return out
