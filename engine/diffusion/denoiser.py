"""The denoiser D(x, t): a U-Net over RGBA patches that sees the head's geometry and the character's texture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from omote.engine.face.maps import CHANNELS as GEOMETRY

from .norm import GroupNorm


@dataclass(frozen=True)
class Shape:
    """The sizes of one network."""

    size: int = 256  # pixels on a side of the picture
    grid: int = 128  # pixels on a side of the geometry maps
    texture: int = 16  # channels of a character's texture
    identity: int = 64  # numbers of its identity token
    face: int = 64  # expression, jaw, neck, eyes, eyelids
    light: int = 27
    cond: int = 256
    widths: tuple[int, ...] = (64, 96, 160, 256)  # at 64, 32, 16 and 8 squares on a side
    blocks: tuple[int, ...] = (1, 2, 2, 1)
    attends: tuple[int, ...] = (2, 3)  # levels with self-attention
    token: int = 128
    bank: int = 128  # numbers of a row of the attention bank
    remembers: int = 2  # the level whose drawing becomes the bank's rows

    @property
    def rows(self) -> int:
        """Rows that one picture gives to the bank: a square of the level that remembers each."""
        return (self.size // 4 >> self.remembers) ** 2


_TINT = 5.0

REFERENCE, ANCHOR, PREVIOUS = range(3)  # whose rows the bank holds
KINDS = 3


@dataclass(frozen=True)
class Condition:
    """Everything that the picture shall show, one row a picture."""

    geometry: Tensor  # [B,10,G,G]
    uv: Tensor  # [B,G,G,2] -1 to 1
    texture: Tensor  # [B,16,256,128]
    face: Tensor  # [B,64]
    light: Tensor  # [B,27]
    identity: Tensor  # [B,64]


@dataclass(frozen=True)
class Bank:
    """Further keys and values for self-attention: rows of other pictures of the same character."""

    rows: Tensor  # [B,R,128]
    kinds: tuple[tuple[int, int], ...]  # REFERENCE, ANCHOR or PREVIOUS, and how many rows in turn; together R
    present: Tensor  # [B,3] 1 where the rows of that kind are there, else 0


def _norm(channels: int) -> GroupNorm:
    return GroupNorm(channels // 16, channels)


class Block(nn.Module):
    """Two convolutions with a residual; the condition scales and shifts what the second one sees."""

    def __init__(self, width: int, cond: int) -> None:
        super().__init__()
        self.norm_in = _norm(width)
        self.conv_in = nn.Conv2d(width, width, 3, padding=1)
        self.modulate = nn.Linear(cond, 2 * width)
        self.norm = _norm(width)
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x: Tensor, cond: Tensor) -> Tensor:
        h: Tensor = self.conv_in(F.silu(self.norm_in(x)))
        scale, shift = self.modulate(cond)[:, :, None, None].chunk(2, 1)
        h = self.conv(F.silu(self.norm(h) * (1.0 + scale) + shift))
        return x + h


_ABSENT = 1e4  # taken from the logits of rows that are not there


class Attention(nn.Module):
    """Self-attention whose keys and values also hold the tokens of identity, face and light, and the bank's rows.

    The bank is one mechanism for the reference picture (as the reference adapter of arXiv 2510.04706), for anchor
    expressions (the consistent attention of GEN-AFFECT, arXiv 2508.09461) and for the picture drawn before.
    """

    def __init__(self, width: int, token: int, bank: int, head_width: int = 32) -> None:
        super().__init__()
        self.heads = width // head_width
        self.norm = _norm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.token_key_value = nn.Linear(token, 2 * width)
        self.bank_key_value = nn.Linear(bank, 2 * width)
        self.kind = nn.Parameter(torch.zeros(KINDS, 2 * width))
        # How readily each kind is read; low at first, so that a bank of many rows does not drown the picture's own.
        self.trust = nn.Parameter(torch.full((KINDS,), -3.0))
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, tokens: Tensor, bank: Bank) -> Tensor:
        b, c, h, w = x.shape
        rows = self.norm(x).permute(0, 2, 3, 1).reshape(b, h * w, c)  # [B,HW,C]
        own = torch.cat([self.key_value(rows), self.token_key_value(tokens)], 1)
        kind = torch.cat([self.kind[k : k + 1].expand(count, -1) for k, count in bank.kinds])
        key, value = torch.cat([own, self.bank_key_value(bank.rows) + kind], 1).chunk(2, -1)
        query, key, value = (self._split(part) for part in (self.query(rows), key, value))
        trust = self.trust + (bank.present - 1.0) * _ABSENT  # [B,3]
        readiness = torch.cat([trust[:, k : k + 1].expand(b, count) for k, count in bank.kinds], 1)  # [B,R]
        bias = torch.cat([readiness.new_zeros(b, own.shape[1]), readiness], 1)[:, None, None, :]
        attended = F.scaled_dot_product_attention(query, key, value, bias.to(query.dtype))
        mixed: Tensor = self.out(attended.transpose(1, 2).reshape(b, h * w, c))
        return x + mixed.reshape(b, h, w, c).permute(0, 3, 1, 2)

    def _split(self, rows: Tensor) -> Tensor:
        b, n, c = rows.shape
        return rows.reshape(b, n, self.heads, c // self.heads).transpose(1, 2)


class Denoiser(nn.Module):
    """D(x, t) → the clean picture [B,4,S,S], straight RGBA in -1 to 1, and the rows [B,R,128] that it gives to a bank.

    x = (1 - t) clean + t noise with *premultiplied* clean colour (Lipman et al. 2023, arXiv 2210.02747), t in 0..1.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = s = shape
        self.embed_time = nn.Sequential(nn.Linear(64, s.cond), nn.SiLU())
        self.embed = nn.Sequential(
            nn.Linear(s.face + s.light + s.identity, s.cond), nn.SiLU(), nn.Linear(s.cond, s.cond)
        )
        self.mix = nn.Sequential(nn.SiLU(), nn.Linear(s.cond, s.cond), nn.SiLU())
        self.token_identity = nn.Linear(s.identity, 2 * s.token)
        self.token_face = nn.Linear(s.face, 4 * s.token)
        self.token_light = nn.Linear(s.light, 2 * s.token)
        fine = GEOMETRY + s.texture
        self.stem_picture = nn.Conv2d(4 * 16, s.widths[0], 1)
        self.stem = nn.Conv2d(4 * fine, s.widths[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, (width, count) in enumerate(zip(s.widths, s.blocks, strict=True)):
            if level:
                self.down.append(nn.Conv2d(s.widths[level - 1], width, 3, stride=2, padding=1))
                self.up.insert(0, Upsample(width, s.widths[level - 1]))
            self.down.append(Level(width, count, level in s.attends, s))
            self.up.insert(0, Level(width, count, level in s.attends, s))
        remembered = s.widths[s.remembers]
        self.remember = nn.Sequential(nn.LayerNorm(remembered), nn.Linear(remembered, s.bank))
        self.last = nn.Sequential(_norm(s.widths[0]), nn.SiLU(), nn.Conv2d(s.widths[0], 32 * 4, 1))
        self.fine = nn.Sequential(nn.Conv2d(32 + fine, 32, 3, padding=1), nn.SiLU())
        self.paint = nn.Conv2d(32, 4 * 4, 3, padding=1)

    def forward(self, x: Tensor, t: Tensor, condition: Condition, bank: Bank) -> tuple[Tensor, Tensor]:
        c = condition
        sampled = F.grid_sample(c.texture, c.uv, mode="bilinear", padding_mode="border", align_corners=False)
        fine = torch.cat([c.geometry, sampled], 1)
        h = self.stem_picture(F.pixel_unshuffle(x, 4)) + self.stem(F.pixel_unshuffle(fine, 2))
        told = torch.cat([c.face, tinted(c.light), c.identity], 1)
        cond = self.mix(self.embed_time(_waves(t)) + self.embed(told))
        tokens = self._tokens(c)
        trail = []
        for layer in self.down:
            if isinstance(layer, Level):
                h = layer(h, cond, tokens, bank)
                trail.append(h)
            else:
                h = layer(h)
        for layer in self.up:
            if isinstance(layer, Level):
                h = layer(h + trail.pop(), cond, tokens, bank)
                if len(trail) == self.shape.remembers:
                    # What is remembered is looked at, not steered, by those who read it.
                    rows = self.remember(h.detach().flatten(2).transpose(1, 2))
            else:
                h = layer(h)
        h = self.fine(torch.cat([F.pixel_shuffle(self.last(h), 2), fine], 1))
        return F.pixel_shuffle(self.paint(h), 2), rows

    def _tokens(self, c: Condition) -> Tensor:
        rows = (self.token_identity(c.identity), self.token_face(c.face), self.token_light(tinted(c.light)))
        return torch.cat([row.reshape(row.shape[0], -1, self.shape.token) for row in rows], 1)


class Level(nn.Module):
    """The blocks of one resolution, then attention where it is affordable."""

    def __init__(self, width: int, blocks: int, attends: bool, shape: Shape) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(width, shape.cond) for _ in range(blocks)])
        self.attention = Attention(width, shape.token, shape.bank) if attends else None

    def forward(self, x: Tensor, cond: Tensor, tokens: Tensor, bank: Bank) -> Tensor:
        for block in self.blocks:
            x = block(x, cond)
        if self.attention is not None:
            x = self.attention(x, tokens, bank)
        return x


class Upsample(nn.Module):
    """Twice the size and another width: a convolution, then nearest."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width_in, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(self.conv(x), scale_factor=2.0, mode="nearest")


def tinted(light: Tensor) -> Tensor:
    """[B,27] harmonics of red, green and blue as their mean and their differences, brought to like size.

    Light is nearly white; left as they are, the channels would drown the little by which they differ.
    """
    red, green, blue = light.chunk(3, 1)
    mean = (red + green + blue) / 3.0
    return torch.cat([mean, _TINT * (red - green), _TINT * (blue - green)], 1)


def _waves(t: Tensor) -> Tensor:
    """[B,64] sines and cosines of t at rising frequencies."""
    frequency = torch.exp(torch.arange(32, device=t.device) * (math.log(1000.0) / 31))
    angle = t[:, None].float() * frequency
    return torch.cat([angle.sin(), angle.cos()], 1)


def premultiplied(straight: Tensor) -> Tensor:
    """RGBA in -1..1 with the colour faded to black where it is transparent: what noise is added to."""
    alpha = straight[:, 3:].clamp(-1, 1) * 0.5 + 0.5
    rgb = (straight[:, :3].clamp(-1, 1) * 0.5 + 0.5) * alpha * 2.0 - 1.0
    return torch.cat([rgb, straight[:, 3:].clamp(-1, 1)], 1)
