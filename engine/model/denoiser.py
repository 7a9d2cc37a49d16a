"""The denoiser D(x, t) in PyTorch: copies references through the geometry, corrects the copy, paints the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from safetensors import SafetensorError
from torch import Tensor, nn

from ..face.correspondence import GEOMETRY, GRID, TRUST
from ..runtime.session import RuntimeUnavailable

STATE = 256  # pixels on a side of the picture that is denoised, twice the maps' cells
REFERENCE = 8  # channels of a reference on the grid: premultiplied RGB, alpha, log irradiance (3), 1
_FINE = GEOMETRY + 3 + 4 + 1 + 1 + 2  # geometry, log irradiance, first copy, light ratio, seen, displacement
_CANDIDATE = 4 + 1 + TRUST  # a reference's copy, light ratio, trust
_WAVES = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # of the position on the head: how often they repeat across it, halved
_SHIFT = 0.04  # the farthest that a displacement is corrected, in pictures of width 2
# How much the logarithm of a level on the screen grows with that of light, by the level (0 to 1): the slope of the tone
# curve as a polynomial, highest power first. White does not grow whiter.
_CONTRAST = (1.68081861, -3.62041923, 1.42730722, 0.54776956)
_DRAWN_CONTRAST = 0.4545  # of drawn characters, whose tones are paint
_MOST_GAIN = 1.5  # of the logarithm of a level
_GRAZING = 0.2  # trust below which a point begins to count as hidden
_UNSEEN = 1e-3  # trust in what the geometry says is hidden
_ABSENT = 1e-9  # trust in a reference that is not there
_LOOKED_AT = 0.2  # how much of a reference must be there for its features to count wholly
_FAINT = 0.05  # alpha below which colour is not worth dividing
_OUTSIDE = -1e4  # added to the logits of references that are not looked at: more than any is, yet within a half


class WantedView(NamedTuple):
    """What the picture shall show."""

    geometry: Tensor  # [B,12,G,G]
    face: Tensor  # [B,64]
    light: Tensor  # [B,27]
    style: Tensor  # [B,2]


class References(NamedTuple):
    """K reference pictures of each character on the grid, and where the wanted view finds its points in them."""

    picture: Tensor  # [B,K,8,G,G] premultiplied RGB 0 to 1, alpha, log irradiance (3), 1
    features: tuple[Tensor, Tensor]  # [B,K,C,64,64], [B,K,C,32,32]
    identity: Tensor  # [B,K,I]
    place: Tensor  # [B,K,G,G,2] -1 to 1
    trust: Tensor  # [B,K,4,G,G]
    present: Tensor  # [B,K] 0 absent to 1 present


class Layers(NamedTuple):
    """What the compositing interpolates to the picture's size. Colours are 0 to 1; no paint is brighter than opaque.

    A cut is an edge: -0.5 and less is none, 0.5 and more is all, straight between.
    """

    share: Tensor  # [B,K,128,128] of each reference in what is copied; together 1
    place: Tensor  # [B,K,2,128,128] corrected, -1 to 1
    gain: Tensor  # [B,3,128,128] what copied colour is multiplied with
    shade: Tensor  # [B,3,128,128] by how much a sharp shadow darkens
    under: Tensor  # [B,4,128,128] premultiplied RGBA, smooth: lines, outlines, one tone
    paint: Tensor  # [B,4,256,256] premultiplied RGBA in detail
    cut: Tensor  # [B,3,256,256] paint over copy, `under` over `paint`, shadow


class ReferenceSets(NamedTuple):
    """Which references a picture looks at together: mixed by their shares, those of all sets are 1 together.

    However much looking at one changes, it comes and goes evenly, and one that is absent changes nothing.
    """

    outside: Tensor  # [B,K,K] what is added to the logits of reference k in set n: 0 for those in it
    share: Tensor  # [B,K]


def sets_of(present: Tensor) -> ReferenceSets:
    """One set for each of the references [B,K]: those that are there as much as it is, or more (Lovász 1983)."""
    there = (present / _LOOKED_AT).clamp_max(1.0)
    mine, others = there[:, :, None], there[:, None, :]
    below = torch.where(others < mine, others, 0.0).amax(2)
    alike = (others == mine).to(there.dtype).sum(2)
    outside = torch.where((others < mine) | (others == 0.0), _OUTSIDE, 0.0)
    share = (there - below) / alike
    return ReferenceSets(outside, share / share.sum(1, keepdim=True))


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
        h: Tensor = self.norm(x)
        if self.modulate is not None:
            scale, shift = self.modulate(condition)[:, :, None, None].chunk(2, 1)
            h = h * (1.0 + scale) + shift
        added: Tensor = self.second(F.silu(self.first(F.silu(h))))
        return x + added


class Encoder(nn.Module):
    """Features of one reference [B,C,64,64], [B,C,32,32] and an identity token [B,I]; run once a character."""

    def __init__(self, features: Sequence[int], identity: int) -> None:
        super().__init__()
        fine, coarse = features
        self.stem = nn.Conv2d(REFERENCE + GEOMETRY, fine, 4, stride=2, padding=1)
        self.fine = nn.Sequential(Block(fine), Block(fine))
        self.down = nn.Conv2d(fine, coarse, 3, stride=2, padding=1)
        self.coarse = nn.Sequential(Block(coarse), Block(coarse))
        self.identity = nn.Sequential(nn.Linear(coarse, identity), nn.SiLU(), nn.Linear(identity, identity))

    def forward(self, picture: Tensor, geometry: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fine = self.fine(self.stem(_channels_last(torch.cat([picture, geometry], 1))))
        coarse = self.coarse(self.down(fine))
        return fine, coarse, self.identity(coarse.mean((2, 3)))


class GeometryAttention(nn.Module):
    """Each cell attends to the same surface point, and its neighbours, in every reference, and to one learned row.

    Inspired by the Reference Adapter (arXiv 2510.04706) and by GEN-AFFECT's consistent attention over a set of pictures
    (arXiv 2508.09461). Here the geometry has aligned the rows; the learned row stands for "none of them".
    """

    gather: Tensor  # [heads,C,1,1] sums the channels of each head
    spread: Tensor  # [C,heads,1,1] repeats each head over its channels

    def __init__(self, width: int, features: int, has_neighbours: bool, head_width: int = 16) -> None:
        super().__init__()
        heads = features // head_width
        self.norm = _norm(width)
        self.query = nn.Conv2d(width, features, 1)
        self.key, self.value = (nn.Conv2d(features, features, 1) for _ in range(2))
        self.believe = nn.Conv2d(TRUST, heads, 1)
        self.nothing = nn.Parameter(torch.zeros(2, features, 1, 1))
        # Right, left, below, above.
        self.steps = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)) if has_neighbours else ((0, 0),)
        self.near = nn.Parameter(torch.zeros(len(self.steps)))
        self.out = nn.Conv2d(features, width, 1)
        nn.init.zeros_(self.out.weight)
        gather = torch.eye(heads).repeat_interleave(head_width, 1)[:, :, None, None]
        self.register_buffer("gather", gather * head_width**-0.5, persistent=False)
        self.register_buffer("spread", gather.transpose(0, 1).contiguous(), persistent=False)

    def forward(self, x: Tensor, aligned: Tensor, trust: Tensor, bias: Tensor, sets: ReferenceSets) -> Tensor:
        """`aligned` [B*K,C,H,W] and `trust` [B*K,4,H,W] lie over x; `bias` [B*K,1,H,W] is added to the logits."""
        b, _, *side = x.shape
        key, value, bias = self.key(aligned), self.value(aligned), self.believe(trust) + bias
        query = self.query(self.norm(x))
        each = _repeated(query, aligned)
        gather, spread = self.gather.to(query.dtype), self.spread.to(query.dtype)
        none = F.conv2d(query * self.nothing[0], gather).flatten(2)[:, None, None]  # [B,1,1,heads,HW]
        moved = [(_moved(key, step), _moved(value, step)) for step in self.steps]
        logits = [_grouped(F.conv2d(each * near, gather) + bias, b) + self.near[n] for n, (near, _) in enumerate(moved)]
        # A softmax in each set, written out: how many references there are stays open in an exported graph.
        outside = sets.outside[..., None, None]
        logits = [one.flatten(3)[:, None] + outside for one in logits]  # [B,sets,K,heads,HW]
        highest = torch.stack([none.expand_as(logits[0][:, :, :1]), *(one.amax(2, keepdim=True) for one in logits)])
        highest = highest.amax(0)
        none = (none - highest).exp()
        shares = [(one - highest).exp() for one in logits]
        total = none + torch.stack([one.sum(2, keepdim=True) for one in shares]).sum(0)
        part = sets.share[:, :, None, None, None] / total
        mixed = F.conv2d((none * part).sum(1)[:, 0].reshape(b, -1, *side), spread) * self.nothing[1]
        for share, (_, near) in zip(shares, moved, strict=True):
            each = (share * part).sum(1).flatten(0, 1).reshape(-1, gather.shape[0], *side)
            mixed = mixed + _grouped(F.conv2d(each, spread) * near, b).sum(1)
        added: Tensor = self.out(mixed)
        return x + added


def _moved(x: Tensor, step: tuple[int, int]) -> Tensor:
    """The picture moved by one cell or none; what comes in at the edge repeats."""
    down, right = step
    if right:
        return torch.cat([x[..., 1:], x[..., -1:]] if right > 0 else [x[..., :1], x[..., :-1]], 3)
    if down:
        return torch.cat([x[..., 1:, :], x[..., -1:, :]] if down > 0 else [x[..., :1, :], x[..., :-1, :]], 2)
    return x


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
        added: Tensor = self.out(mixed.transpose(2, 3).reshape(b, c, h, w))
        return x + added


class Denoiser(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """D(x, t) → the layers of the clean picture; `from_pretrained` reads a folder with config.json and safetensors.

    x = (1 - t) clean + t noise with premultiplied clean colour in -1 to 1 (flow matching, arXiv 2210.02747), t in 0..1.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        widths: Sequence[int] = (32, 96, 160, 256),  # at 64, 32, 16 and 8 cells on a side
        blocks: Sequence[int] = (1, 1, 2, 1),
        condition_width: int = 128,
        face_size: int = 64,
        styles: int = 2,  # person, drawn
        features: Sequence[int] = (32, 64),  # of a reference, at 64 and at 32 cells
        identity_width: int = 96,
        fine_width: int = 32,  # channels at 128 cells
        candidate_width: int = 16,  # channels of one reference at 128 cells
    ) -> None:
        super().__init__()
        w, narrowing = widths, list(pairwise(widths))
        self.encoder = Encoder(features, identity_width)
        told = face_size + 27 + styles + identity_width
        self.embed_time = nn.Sequential(nn.Linear(64, condition_width), nn.SiLU())
        self.embed = nn.Sequential(
            nn.Linear(told, condition_width), nn.SiLU(), nn.Linear(condition_width, condition_width)
        )
        self.stem_state = nn.Conv2d(4, w[0], 4, stride=4)
        self.stem = nn.Conv2d(_FINE, w[0], 4, stride=2, padding=1)
        # The steps between levels and the skips are normalized. Otherwise features grow from level to level, and the
        # blocks and skips are lost beside them.
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), _norm(b)) for a, b in narrowing
        )
        self.up = nn.ModuleList(nn.Sequential(nn.Conv2d(b, a, 3, padding=1), _norm(a)) for a, b in reversed(narrowing))
        self.skip = nn.ModuleList(_norm(a) for a, _ in reversed(narrowing))
        levels = list(zip(w, blocks, strict=True))
        self.before = nn.ModuleList(nn.ModuleList(Block(c, condition_width) for _ in range(n)) for c, n in levels)
        self.after = nn.ModuleList(
            nn.ModuleList(Block(c, condition_width) for _ in range(n)) for c, n in reversed(levels)
        )
        self.look = nn.ModuleList(GeometryAttention(w[k], features[k], has_neighbours=k == 1) for k in (0, 1))
        self.attend = nn.ModuleList([SelfAttention(w[2]), SelfAttention(w[3])])
        self.last = nn.Sequential(_norm(w[0]), nn.SiLU(), nn.Conv2d(w[0], fine_width * 4, 1))
        self.detail = nn.Conv2d(_FINE, fine_width, 1)
        self.fine = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(fine_width, fine_width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(fine_width, fine_width, 3, padding=1),
            nn.SiLU(),
        )
        self.of_candidate = nn.Conv2d(_CANDIDATE, candidate_width, 1)
        self.of_picture = nn.Conv2d(fine_width, candidate_width, 1)
        # One convolution a kind of output: OpenVINO splits channels slowly.
        self.prefer, self.shift = nn.Conv2d(candidate_width, 1, 1), nn.Conv2d(candidate_width, 2, 1)
        self.paint, self.cut = nn.Conv2d(fine_width, 4 * 4, 1), nn.Conv2d(fine_width, 4 * 3, 1)
        self.gain, self.shade, self.under = (nn.Conv2d(fine_width, n, 1) for n in (3, 3, 4))
        for head in (self.prefer, self.shift, self.paint, self.cut, self.gain, self.shade, self.under):
            nn.init.zeros_(head.weight)
            head.bias = nn.Parameter(torch.zeros(head.out_channels))
        # At first what a reference shows is copied, what none shows is painted, and little is in shadow.
        self.cut.bias = nn.Parameter(torch.tensor([-0.4, 0.0, -0.5]).repeat_interleave(4))
        self.surface = nn.Conv2d(2 * 4 * len(_WAVES), fine_width, 1)
        self.hidden = nn.Conv2d(1, 4 * 3, 1, bias=False)
        self.hidden.weight = nn.Parameter(torch.tensor([1.2, 0.0, 0.0]).repeat_interleave(4)[:, None, None, None])

    def encode(self, picture: Tensor, geometry: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features and identity of references [B,K,8,G,G] with their own geometry [B,K,12,G,G]."""
        b = picture.shape[0]
        fine, coarse, identity = self.encoder(picture.flatten(0, 1), geometry.flatten(0, 1))
        return _grouped(fine, b), _grouped(coarse, b), _grouped(identity, b)

    def forward(self, x: Tensor, t: Tensor, wanted: WantedView, references: References) -> Layers:
        b = references.present.shape[0]
        # Cells lie flat at first: OpenVINO would turn maps of two sides to channels last, and back, and back.
        place = references.place.permute(0, 1, 4, 2, 3).flatten(3)  # [B,K,2,GG]
        trust = references.trust.flatten(3)  # [B,K,4,GG]
        prior = (trust[:, :, :1] * trust[:, :, 1:2] + _UNSEEN) * references.present[:, :, None, None] + _ABSENT
        share = prior.square()
        share = share / share.sum(1, keepdim=True)

        # What the geometry alone would copy, relit by the irradiance of both lights.
        irradiance = log_irradiance(wanted.light, lit_normals(wanted.geometry, wanted.style)).flatten(2)
        sampled = _fetch(references.picture[:, :, :7].flatten(0, 1), references.place.flatten(0, 1))
        sampled = _grouped(sampled, b).flatten(3)
        alpha = sampled[:, :, 3:4]
        ratio = log_gain(
            sampled[:, :, :3] / alpha.clamp_min(_FAINT), irradiance[:, None] - sampled[:, :, 4:7], wanted.style
        )
        colour = sampled[:, :, :3] * ratio.exp()
        base = (share * ratio).sum(1)
        shown = (share.transpose(2, 3) * references.place.flatten(2, 3)).sum(1).transpose(1, 2)
        displaced = 4.0 * (shown - own_place(references.place).flatten(1))
        seen = prior.amax(1)
        first = ((share * colour).sum(1), (share * alpha).sum(1), base.mean(1, keepdim=True), displaced)
        fine = _mapped(torch.cat([wanted.geometry.flatten(2), irradiance, *first, seen], 1))
        own = _mapped(torch.cat([colour, alpha, ratio.mean(2, keepdim=True), trust], 2).flatten(0, 1))
        base, hidden = _mapped(base), _mapped(F.relu(1.0 - seen / _GRAZING))
        prior = prior.log()
        at = _mapped(torch.cat([place, trust, prior], 2).flatten(0, 1))

        # The U-Net, whose upper two levels look at the references.
        fine = _channels_last(fine)
        h = self.stem_state(x) + self.stem(fine)
        present = references.present / references.present.sum(1, keepdim=True)
        identity = (present[:, :, None] * references.identity).sum(1)
        told = torch.cat([wanted.face, wanted.light, wanted.style, identity], 1)
        condition = F.silu(self.embed_time(waves(t)) + self.embed(told))
        trail: list[Tensor] = []
        sets = sets_of(references.present)
        for level, blocks in enumerate(self.before):
            if level:
                h = self.down[level - 1](h)
            for block in blocks.children():
                h = block(h, condition)
            if level < len(self.look):
                at = F.avg_pool2d(at, 2)
                aligned = _fetch(references.features[level].flatten(0, 1), at[:, :2].permute(0, 2, 3, 1))
                h = self.look[level](h, aligned, at[:, 2 : 2 + TRUST], at[:, 2 + TRUST :], sets)
            else:
                h = self.attend[level - len(self.look)](h)
            trail.append(h)
        for level, blocks in enumerate(self.after):
            if level:
                h = F.interpolate(self.up[level - 1](h), scale_factor=2.0, mode="nearest")
                h = h + self.skip[level - 1](trail[-1 - level])
            for block in blocks.children():
                h = block(h, condition)

        # The layers, from features on the maps' own grid.
        h = self.fine(F.pixel_shuffle(self.last(h), 2) + self.detail(fine) + self.surface(position_waves(fine)))
        candidate = F.silu(self.of_candidate(own) + _repeated(self.of_picture(h), own))
        shift = _SHIFT * torch.tanh(self.shift(candidate))
        return Layers(
            share=(_grouped(self.prefer(candidate), b) + 2.0 * _mapped(prior))[:, :, 0].softmax(1),
            place=_mapped(place) + _grouped(shift, b),
            gain=(base + 1.5 * torch.tanh(self.gain(h))).exp(),
            shade=torch.sigmoid(self.shade(h)),
            under=torch.sigmoid(self.under(h)),
            paint=F.pixel_shuffle(torch.sigmoid(self.paint(h)), 2),
            cut=F.pixel_shuffle(self.cut(h) + self.hidden(hidden), 2),
        )


def cropped(layers: Layers, top: int, left: int, cells: int) -> Layers:
    """The layers of a square part of the picture, in cells of the 128-grid."""

    def part(x: Tensor) -> Tensor:
        n = x.shape[-1] // GRID
        return x[..., n * top : n * (top + cells), n * left : n * (left + cells)]

    return Layers(*(part(layer) for layer in layers))


def compose(layers: Layers, pictures: Tensor, side: int | None = None) -> Tensor:
    """[B,4,S,S] premultiplied RGBA 0 to 1 out of premultiplied references [B,K,4,S,S] at their full resolution.

    `side` is the pixels on a side of what cropped layers show.
    """
    b, side = pictures.shape[0], side or pictures.shape[-1]

    def up(x: Tensor) -> Tensor:
        same = x.shape[-1] == side
        return x if same else F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)

    place = up(layers.place.flatten(0, 1)).permute(0, 2, 3, 1)
    fetched = F.grid_sample(pictures.flatten(0, 1), place, mode="bilinear", padding_mode="zeros", align_corners=False)
    copied = (up(layers.share)[:, :, None] * _grouped(fetched, b)).sum(1)
    paint, under, shadow = up(layers.cut).chunk(3, 1)
    lit = copied[:, :3] * up(without_specks(layers.gain)) * (1.0 - sharp(shadow) * up(layers.shade))
    copied = torch.cat([torch.minimum(lit, copied[:, 3:]), copied[:, 3:]], 1)
    over = up(layers.paint)
    over = over + sharp(under) * (up(layers.under) - over)
    out = copied + sharp(paint) * (over - copied)
    return torch.cat([torch.minimum(out[:, :3], out[:, 3:]), out[:, 3:]], 1)


def without_specks(gain: Tensor) -> Tensor:
    """[B,C,H,W] the median of three by three cells.

    At the edge of a surface a cell's normal may be that of what it hides, as that of the neck under a chin: so lit, it
    would be a dark speck.
    """
    height, width = gain.shape[-2:]
    around = F.pad(gain, (1, 1, 1, 1), mode="replicate")
    near = [around[..., y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return torch.stack(near).median(0).values


def painted(layers: Layers) -> Tensor:
    """[B,4,256,256] both painted layers, one over the other, premultiplied."""
    under = _twice(layers.under)
    return layers.paint + sharp(layers.cut[:, 1:2]) * (under - layers.paint)


class _SharpClamp(torch.autograd.Function):
    """A clamp whose gradient never ends: backward it is a logistic curve."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x + 0.5).clamp(0.0, 1.0)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(4.0 * x)
        return grad * 4.0 * s * (1.0 - s)


def sharp(x: Tensor) -> Tensor:
    """0 below -0.5, 1 above 0.5, straight between: an edge as sharp as the network makes it steep (Valve 2007)."""
    return _SharpClamp.apply(x) if torch.is_grad_enabled() else (x + 0.5).clamp(0.0, 1.0)  # type: ignore[no-untyped-call]


def log_irradiance(light: Tensor, normal: Tensor) -> Tensor:
    """[B,3,H,W] logarithm of what normals [B,3,H,W] receive from light [B,27]; the mean where a normal is 0.

    Ramamoorthi and Hanrahan 2001; a surface that faces one light of strength 1 receives about 1.
    """
    x, y, z = (normal.flatten(2)[:, k : k + 1] for k in range(3))
    is_surface = (x * x + y * y + z * z > 0.25).to(normal.dtype)
    c = light.reshape(-1, 3, 9)[:, :, :, None].unbind(2)  # nine of [B,3,1]
    first = 0.282095 * c[0] + 2 / 3 * 0.488603 * (c[1] * y + c[2] * z + c[3] * x)
    second = 1.092548 * (c[4] * x * y + c[5] * y * z + c[7] * x * z) + 0.546274 * c[8] * (x * x - y * y)
    received = first + 0.25 * (second + 0.315392 * c[6] * (3.0 * z * z - is_surface))
    found: Tensor = (received * math.pi).clamp_min(0.04).log()
    return found.reshape(-1, 3, *normal.shape[2:])


def log_gain(level: Tensor, change: Tensor, style: Tensor) -> Tensor:
    """[B,K,3,...] logarithm of what levels (0 to 1) are multiplied with where the logarithm of light changes so much.

    Along the tone curve of a camera, by its slope halfway (`face.tone`); of drawn characters [B,2] by one slope.
    """
    person = style[:, :1].reshape(-1, *[1] * (level.ndim - 1))
    halfway = level * (0.5 * _contrast(level) * change).exp()
    slope = _DRAWN_CONTRAST + person * (_contrast(halfway) - _DRAWN_CONTRAST)
    return (slope * change).clamp(-_MOST_GAIN, _MOST_GAIN)


def _contrast(level: Tensor) -> Tensor:
    level = level.clamp(0.0, 1.0)
    slope = torch.full_like(level, _CONTRAST[0])
    for factor in _CONTRAST[1:]:
        slope = slope * level + factor
    return slope


def lit_normals(geometry: Tensor, style: Tensor) -> Tensor:
    """[B,3,H,W] the normals by which light is graded: those of people; drawn characters have tones instead."""
    return geometry[:, 3:6] * style[:, :1, None, None]


def position_waves(geometry: Tensor) -> Tensor:
    """[B,48,G,G] triangle waves, -1 to 1, of where on the head a cell lies and how it follows the jaw; 0 beyond it.

    A tooth is a fiftieth of the head: from the bare position a small network learns it too slowly (arXiv 2006.10739).
    """
    # A convolution takes the four numbers out of the maps, often: where channels are last, nothing else is as fast.
    count = 2 * len(_WAVES)
    one = [[float(channel == k) for channel in range(geometry.shape[1])] for k in (0, 1, 2, 11)] * count
    pick = torch.tensor(one, device=geometry.device).reshape(len(one), -1, 1, 1)
    with torch.autocast(geometry.device.type, enabled=False):  # bfloat16 has no digits for the finest of them
        place = F.conv2d(geometry.float(), pick)
    often = 0.5 * torch.tensor(_WAVES, device=place.device, dtype=place.dtype).repeat_interleave(4).repeat(2)
    late = torch.tensor([0.0, 0.25], device=place.device, dtype=place.dtype).repeat_interleave(2 * count)
    phase = place * often[:, None, None] + late[:, None, None]
    return (4.0 * (phase - phase.floor() - 0.5).abs() - 1.0) * geometry[:, 6:7]


def own_place(place: Tensor) -> Tensor:
    """[2,G,G] where each cell of places [...,G,G,2] lies in its own picture."""
    side = place.shape[-2]
    centre = (torch.arange(side, device=place.device, dtype=place.dtype) + 0.5) * (2.0 / side) - 1.0
    return torch.stack(torch.meshgrid(centre, centre, indexing="xy"))


def waves(t: Tensor) -> Tensor:
    """[B,64] sines and cosines of t at rising frequencies."""
    frequency = torch.exp(torch.arange(32, device=t.device) * (math.log(1000.0) / 31))
    angle = t[:, None].float() * frequency
    return torch.cat([angle.sin(), angle.cos()], 1)


def _fetch(value: Tensor, place: Tensor) -> Tensor:
    """[N,C,H,W] what each picture holds at these places [N,H,W,2]."""
    return F.grid_sample(value, place.to(value.dtype), mode="bilinear", padding_mode="border", align_corners=False)


def _grouped(x: Tensor, characters: int) -> Tensor:
    """[B,K,...] out of [B*K,...]."""
    return x.reshape(characters, -1, *x.shape[1:])


def _mapped(cells: Tensor) -> Tensor:
    """[...,G,G] out of flat cells [...,GG]."""
    return cells.reshape(*cells.shape[:-1], GRID, GRID)


def _repeated(x: Tensor, rows: Tensor) -> Tensor:
    """[B*K,...] what each character's references have in common; of one character it stays [1,...]."""
    return x if x.shape[0] == 1 else x.repeat_interleave(rows.shape[0] // x.shape[0], 0)


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


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
        return tuple(self.net(x, t, WantedView(geometry, face, light, style), references))


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
