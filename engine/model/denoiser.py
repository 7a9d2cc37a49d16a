"""The denoiser D(x, t): copies from reference pictures through the geometry, corrects what it copies, and paints the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from omote.engine.face.correspondence import GEOMETRY, TRUST

GRID = 128  # cells on a side of maps; the network decides on twice as many pixels
STATE = 256  # pixels on a side of the picture that is denoised
PAINTS = 2  # layers of painted colour; between two of them an edge is as sharp as the picture
REFERENCE = 8  # channels of a reference on the grid: premultiplied RGB, alpha, log irradiance (3), 1
FINE = GEOMETRY + 3 + 4 + 1 + 1 + 2  # geometry, wanted log irradiance, copy, light ratio, seen, displacement
_SHIFT = 0.04  # the farthest that a displacement is corrected, -1 to 1 across the picture
_GAMMA = 0.4545  # display levels per linear light, in logarithms


@dataclass(frozen=True)
class Sizes:
    """The widths of one network."""

    widths: tuple[int, ...] = (48, 96, 160, 224)  # at 64, 32, 16 and 8 cells on a side
    blocks: tuple[int, ...] = (1, 1, 2, 1)
    condition: int = 128
    face: int = 64
    style: int = 2  # person, drawn
    features: tuple[int, int] = (48, 96)  # of a reference, at 64 and at 32 cells
    identity: int = 96
    fine: int = 40  # channels at 128 cells
    candidate: int = 24  # channels of one reference at 128 cells


class Wanted(NamedTuple):
    """What the picture shall show."""

    geometry: Tensor  # [B,10,G,G]
    face: Tensor  # [B,64]
    light: Tensor  # [B,27]
    style: Tensor  # [B,2]


class References(NamedTuple):
    """K reference pictures of each character, on the grid, and how the wanted view corresponds to them."""

    picture: Tensor  # [B,K,8,G,G] premultiplied RGB 0 to 1, alpha, log irradiance (3), 1
    features: tuple[Tensor, Tensor]  # [B,K,C,64,64], [B,K,C,32,32]
    identity: Tensor  # [B,K,I]
    place: Tensor  # [B,K,G,G,2] -1 to 1
    trust: Tensor  # [B,K,4,G,G]
    present: Tensor  # [B,K] 0 absent to 1 present


class Layers(NamedTuple):
    """What the compositing reads: coefficients on 256 cells, which it interpolates to the picture."""

    logits: Tensor  # [B,K+2,256,256] how much each reference is copied, and each paint shown, before a softmax
    place: Tensor  # [B,K,128,128,2] corrected
    paint: Tensor  # [B,2,4,256,256] straight RGBA, 0 to 1
    gain: Tensor  # [B,3,256,256] logarithm of what copied colour is multiplied with
    shade: Tensor  # [B,4,256,256] logit of a sharp shadow, and its colour 0 to 1


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(channels // 16, channels)


class Block(nn.Module):
    """Two convolutions with a residual; the condition scales and shifts what they see."""

    def __init__(self, width: int, condition: int | None = None) -> None:
        super().__init__()
        self.norm = _norm(width)
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        nn.init.zeros_(self.second.weight)
        self.modulate = None
        if condition is not None:
            self.modulate = nn.Linear(condition, 2 * width)
            nn.init.zeros_(self.modulate.weight)
            nn.init.zeros_(self.modulate.bias)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        h = self.norm(x)
        if self.modulate is not None:
            scale, shift = self.modulate(condition)[:, :, None, None].chunk(2, 1)
            h = h * (1.0 + scale) + shift
        return x + self.second(F.silu(self.first(F.silu(h))))


class Encoder(nn.Module):
    """Features of one reference picture: [B,C,64,64], [B,C,32,32] and an identity token [B,I]; computed once a character."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        fine, coarse = sizes.features
        self.stem = nn.Conv2d(4 * (REFERENCE + GEOMETRY), fine, 3, padding=1)
        self.fine = Block(fine)
        self.down = nn.Conv2d(fine, coarse, 3, stride=2, padding=1)
        self.coarse = nn.Sequential(Block(coarse), Block(coarse))
        self.identity = nn.Sequential(nn.Linear(coarse, sizes.identity), nn.SiLU(), nn.Linear(sizes.identity, sizes.identity))

    def forward(self, picture: Tensor, geometry: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = self.fine(self.stem(F.pixel_unshuffle(torch.cat([picture, geometry], 1), 2)))
        low = self.coarse(self.down(h))
        return h, low, self.identity(low.mean((2, 3)))


class GeometryAttention(nn.Module):
    """Each cell attends to the same surface point, and its neighbours, in every reference, and to one learned row.

    The Reference Adapter (arXiv 2510.04706) and the consistent attention over a set of pictures (GEN-AFFECT, arXiv
    2508.09461) with rows that the geometry has aligned; the learned row stands for "none of them".
    """

    def __init__(self, width: int, features: int, reach: int, head_width: int = 24) -> None:
        super().__init__()
        self.heads, self.reach = features // head_width, reach
        self.norm = _norm(width)
        self.query = nn.Conv2d(width, features, 1)
        self.key_value = nn.Conv2d(features + TRUST, 2 * features, 1)
        self.nothing = nn.Parameter(torch.zeros(2 * features))
        self.near = nn.Parameter(torch.zeros((2 * reach + 1) ** 2))
        self.out = nn.Conv2d(features, width, 1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor, aligned: Tensor, trust: Tensor, bias: Tensor) -> Tensor:
        """`aligned` [B,K,C,H,W] and `trust` [B,K,4,H,W] lie over x; `bias` [B,K,H,W] is added to the logits."""
        b, k, c, height, width = aligned.shape
        rows = torch.cat([aligned, trust], 2).flatten(0, 1)
        key_value = self.key_value(rows).reshape(b, k, 2, self.heads, -1, height, width)
        query = self.query(self.norm(x)).reshape(b, 1, self.heads, -1, height, width)
        query = query * (query.shape[3] ** -0.5)
        side = 2 * self.reach + 1
        padded = F.pad(key_value.flatten(0, 4).flatten(0, 0), (self.reach,) * 4) if self.reach else key_value
        if self.reach:
            padded = padded.reshape(b, k, 2, self.heads, c // self.heads, height + side - 1, width + side - 1)
        logits, values = [], []
        for n in range(side * side):
            dy, dx = divmod(n, side)
            part = padded[..., dy : dy + height, dx : dx + width]
            logits.append((query * part[:, :, 0]).sum(3) + self.near[n] + bias[:, :, None])
            values.append(part[:, :, 1])
        key, value = self.nothing.chunk(2)
        logits.append((query * key.reshape(1, 1, self.heads, -1, 1, 1)).sum(3))
        weight = torch.cat(logits, 1).softmax(1)  # [B,K*n+1,heads,H,W]
        mixed = weight[:, -1:] .transpose(1, 2) * value.reshape(1, self.heads, -1, 1, 1)
        for n, part in enumerate(values):
            mixed = mixed + (weight[:, n * k : (n + 1) * k, :, None] * part).sum(1)
        return x + self.out(mixed.flatten(1, 2))


class SelfAttention(nn.Module):
    """Attention among the cells of one picture, where there are few."""

    def __init__(self, width: int, head_width: int = 32) -> None:
        super().__init__()
        self.heads = width // head_width
        self.norm = _norm(width)
        self.query_key_value = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        rows = self.query_key_value(self.norm(x)).reshape(b, 3, self.heads, c // self.heads, h * w).transpose(3, 4)
        query, key, value = rows.unbind(1)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return x + self.out(mixed.transpose(2, 3).reshape(b, c, h, w))


class Denoiser(nn.Module):
    """D(x, t) → the layers of the clean picture.

    x = (1 - t) clean + t noise with premultiplied clean colour in -1 to 1 (flow matching, arXiv 2210.02747), t in 0..1.
    """

    def __init__(self, sizes: Sizes | None = None) -> None:
        super().__init__()
        self.sizes = s = sizes or Sizes()
        w = s.widths
        self.encoder = Encoder(s)
        self.embed_time = nn.Sequential(nn.Linear(64, s.condition), nn.SiLU())
        self.embed = nn.Sequential(nn.Linear(s.face + 27 + s.style + s.identity, s.condition), nn.SiLU(), nn.Linear(s.condition, s.condition))
        self.stem_state = nn.Conv2d(4 * 16, w[0], 1)
        self.stem = nn.Conv2d(4 * FINE, w[0], 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip(w, w[1:], strict=False))
        self.up = nn.ModuleList(nn.Conv2d(b, a, 3, padding=1) for a, b in reversed(list(zip(w, w[1:], strict=False))))
        self.before = nn.ModuleList(nn.ModuleList(Block(c, s.condition) for _ in range(n)) for c, n in zip(w, s.blocks, strict=True))
        self.after = nn.ModuleList(nn.ModuleList(Block(c, s.condition) for _ in range(n)) for c, n in reversed(list(zip(w, s.blocks, strict=True))))
        self.look = nn.ModuleList([GeometryAttention(w[0], s.features[0], 0), GeometryAttention(w[1], s.features[1], 1)])
        self.attend = nn.ModuleList([SelfAttention(w[2]), SelfAttention(w[3])])
        self.last = nn.Sequential(_norm(w[0]), nn.SiLU(), nn.Conv2d(w[0], 32 * 4, 1))
        self.fine = nn.Sequential(nn.Conv2d(32 + FINE, s.fine, 3, padding=1), nn.SiLU(), nn.Conv2d(s.fine, s.fine, 3, padding=1), nn.SiLU())
        self.of_candidate = nn.Conv2d(4 + 1 + TRUST, s.candidate, 3, padding=1)
        self.of_picture = nn.Conv2d(s.fine, s.candidate, 1)
        # One convolution a kind of output: OpenVINO splits channels slowly.
        self.logit, self.shift = nn.Conv2d(s.candidate, 4, 1), nn.Conv2d(s.candidate, 2, 1)
        self.paint_logit, self.paint = nn.Conv2d(s.fine, 4 * PAINTS, 1), nn.Conv2d(s.fine, 4 * 4 * PAINTS, 1)
        self.gain, self.shadow, self.shade = nn.Conv2d(s.fine, 4 * 3, 1), nn.Conv2d(s.fine, 4, 1), nn.Conv2d(s.fine, 3, 1)
        for head in (self.logit, self.shift, self.paint_logit, self.paint, self.gain, self.shadow, self.shade):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        nn.init.constant_(self.paint_logit.bias, -3.0)  # copying comes first
        nn.init.constant_(self.shadow.bias, -4.0)

    def encode(self, picture: Tensor, geometry: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features and identity of references [B,K,8,G,G] with their own geometry [B,K,10,G,G]."""
        b, k = picture.shape[:2]
        fine, coarse, identity = self.encoder(picture.flatten(0, 1), geometry.flatten(0, 1))
        return fine.unflatten(0, (b, k)), coarse.unflatten(0, (b, k)), identity.unflatten(0, (b, k))

    def forward(self, x: Tensor, t: Tensor, wanted: Wanted, references: References) -> Layers:
        r = references
        b, k = r.present.shape
        irradiance = log_irradiance(wanted.light, wanted.geometry[:, 3:6])
        sampled = _fetch(r.picture, r.place)  # [B,K,8,G,G]
        ratio = ((irradiance[:, None] - sampled[:, :, 4:7]) * _GAMMA).clamp(-1.5, 1.5)  # [B,K,3,G,G]
        prior = (r.trust[:, :, 0] * r.trust[:, :, 1] * r.present[:, :, None, None] + 1e-3).log()  # [B,K,G,G]
        share = prior.mul(2.0).softmax(1)[:, :, None]
        copy = sampled[:, :, :4] * torch.cat([ratio.exp(), torch.ones_like(ratio[:, :, :1])], 2)
        displaced = (share * (r.place - _own_place(r.place))[:, :, :, :, :].permute(0, 1, 4, 2, 3)).sum(1)
        blended = (share * copy).sum(1)
        fine = torch.cat(
            [wanted.geometry, irradiance, blended, (share * ratio).sum(1).mean(1, keepdim=True), prior.amax(1, keepdim=True).exp(), 4.0 * displaced], 1
        )
        h = self.stem_state(F.pixel_unshuffle(x, 4)) + self.stem(F.pixel_unshuffle(fine, 2))
        weight = r.present / r.present.sum(1, keepdim=True)
        told = torch.cat([wanted.face, wanted.light, wanted.style, (weight[:, :, None] * r.identity).sum(1)], 1)
        condition = F.silu(self.embed_time(waves(t)) + self.embed(told))
        trail: list[Tensor] = []
        for level, blocks in enumerate(self.before):
            if level:
                h = self.down[level - 1](h)
            for block in blocks:
                h = block(h, condition)
            if level < 2:
                factor = 2 << level
                place = r.place if factor == 1 else F.avg_pool2d(r.place.flatten(0, 1).permute(0, 3, 1, 2), factor).permute(0, 2, 3, 1).unflatten(0, (b, k))
                trust = F.avg_pool2d(r.trust.flatten(0, 1), factor).unflatten(0, (b, k))
                bias = F.avg_pool2d(prior, factor)
                h = self.look[level](h, _fetch(r.features[level], place), trust, bias)
            else:
                h = self.attend[level - 2](h)
            trail.append(h)
        for level, blocks in enumerate(self.after):
            if level:
                h = F.interpolate(self.up[level - 1](h), scale_factor=2.0, mode="nearest")
                h = h + trail[-1 - level]
            for block in blocks:
                h = block(h, condition)
        h = self.fine(torch.cat([F.pixel_shuffle(self.last(h), 2), fine], 1))
        own = torch.cat([copy, ratio.mean(2, keepdim=True), r.trust], 2)  # [B,K,9,G,G]
        seen = self.of_candidate(own.flatten(0, 1)).unflatten(0, (b, k)) + self.of_picture(h)[:, None]
        seen = F.silu(seen).flatten(0, 1)
        shift = (_SHIFT * torch.tanh(self.shift(seen))).unflatten(0, (b, k)).permute(0, 1, 3, 4, 2)
        logits = F.pixel_shuffle(self.logit(seen), 2).unflatten(0, (b, k))[:, :, 0]
        logits = logits + _twice(2.0 * prior)
        return Layers(
            logits=torch.cat([logits, F.pixel_shuffle(self.paint_logit(h), 2)], 1),
            place=r.place + shift,
            paint=torch.sigmoid(F.pixel_shuffle(self.paint(h), 2)).unflatten(1, (PAINTS, 4)),
            gain=_twice((share * ratio).sum(1)) + 1.5 * torch.tanh(F.pixel_shuffle(self.gain(h), 2)),
            shade=torch.cat([F.pixel_shuffle(self.shadow(h), 2), _twice(torch.sigmoid(self.shade(h)))], 1),
        )


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def compose(layers: Layers, pictures: Tensor, top: int = 0, left: int = 0, size: int | None = None) -> Tensor:
    """[B,4,h,w] premultiplied RGBA 0 to 1 out of references [B,K,4,S,S] (premultiplied) at their full resolution.

    `size` cuts a square of so many pixels at row `top` and column `left` out of the whole picture.
    """
    b, k, _, side, _ = pictures.shape

    def up(x: Tensor) -> Tensor:
        full = F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False) if x.shape[-1] != side else x
        return full if size is None else full[..., top : top + size, left : left + size]

    weight = up(layers.logits).softmax(1)
    place = up(layers.place.flatten(0, 1).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    fetched = F.grid_sample(pictures.flatten(0, 1), place, mode="bilinear", padding_mode="zeros", align_corners=False)
    copied = (weight[:, :k, None] * fetched.unflatten(0, (b, k))).sum(1)
    shade = up(layers.shade)
    dark = torch.sigmoid(shade[:, :1])
    lit = copied[:, :3] * up(layers.gain).exp() * (1.0 - dark * (1.0 - shade[:, 1:]))
    copied = torch.cat([torch.minimum(lit, copied[:, 3:]), copied[:, 3:]], 1)
    paint = up(layers.paint.flatten(1, 2)).unflatten(1, (-1, 4))
    paint = torch.cat([paint[:, :, :3] * paint[:, :, 3:], paint[:, :, 3:]], 2)
    return copied + (weight[:, k:, None] * paint).sum(1)


def log_irradiance(light: Tensor, normal: Tensor) -> Tensor:
    """[B,3,H,W] logarithm of the irradiance that normals [B,3,H,W] receive from light [B,27]; the mean light where a normal is 0.

    Ramamoorthi and Hanrahan 2001, in units in which a surface that faces a white light of strength 1 has 1.
    """
    x, y, z = normal.unbind(1)
    is_surface = (normal.square().sum(1) > 0.25).to(normal.dtype)
    basis = torch.stack(
        [0.282095 * torch.ones_like(x), 0.488603 * y * (2 / 3), 0.488603 * z * (2 / 3), 0.488603 * x * (2 / 3)]
        + [0.25 * f for f in (1.092548 * x * y, 1.092548 * y * z, 0.315392 * (3.0 * z * z - is_surface), 1.092548 * x * z, 0.546274 * (x * x - y * y))],
        1,
    )
    received = torch.einsum("bci,bihw->bchw", light.unflatten(1, (3, 9)), basis) * math.pi
    return received.clamp_min(0.04).log()


def _fetch(value: Tensor, place: Tensor) -> Tensor:
    """[B,K,C,H,W] what each reference holds at these places [B,K,H,W,2]."""
    k = value.shape[:2]
    found = F.grid_sample(value.flatten(0, 1), place.flatten(0, 1).to(value.dtype), mode="bilinear", padding_mode="border", align_corners=False)
    return found.unflatten(0, k)


def _own_place(place: Tensor) -> Tensor:
    """[G,G,2] the place of each cell in its own picture."""
    centre = (torch.arange(place.shape[2], device=place.device, dtype=place.dtype) + 0.5) * (2.0 / place.shape[2]) - 1.0
    return torch.stack(torch.meshgrid(centre, centre, indexing="xy"), -1)


def waves(t: Tensor) -> Tensor:
    """[B,64] sines and cosines of t at rising frequencies."""
    frequency = torch.exp(torch.arange(32, device=t.device) * (math.log(1000.0) / 31))
    angle = t[:, None].float() * frequency
    return torch.cat([angle.sin(), angle.cos()], 1)
