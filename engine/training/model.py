"""The whole model as it is trained: denoiser, encoder, completion, and the free textures of the people of the cast."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from omote.engine.diffusion.denoiser import PREVIOUS, REFERENCE, Bank, Condition, Denoiser, Shape
from omote.engine.diffusion.encoder import Completion, Encoder
from omote.engine.face import atlas

from .batches import Batch, References


@dataclass(frozen=True)
class Look:
    """What the denoiser is told of a person, one row each."""

    identity: Tensor  # [P,64]
    texture: Tensor  # [P,16,256,128]
    rows: Tensor  # [P,256,128] of the reference


class Cast(nn.Module):
    """Textures and identities that are learned for each person alone: the characters that are shipped."""

    def __init__(self, people: int, shape: Shape) -> None:
        super().__init__()
        self.texture = nn.Parameter(0.02 * torch.randn(people, shape.texture, atlas.HEIGHT, atlas.WIDTH))
        self.identity = nn.Parameter(0.5 * torch.randn(people, shape.identity))


class Model(nn.Module):
    """Draws people whom it knows by a reference picture, or by heart."""

    def __init__(self, shape: Shape, attributes: int, cast: int) -> None:
        super().__init__()
        self.shape = shape
        self.denoiser = Denoiser(shape)
        self.encoder = Encoder(shape, attributes)
        self.completion = Completion(shape)
        self.cast = Cast(cast, shape)

    def look(
        self, reference: References, seen: Tensor | None = None, known: Tensor | None = None, noise: float = 0.0
    ) -> tuple[Look, Tensor]:
        """What the references [P] show of their people, and the attributes [P,A] read off them.

        `seen` [P] 0 hides the lifted texels. `known` [P] are people of the cast, whose own texture and identity count.
        """
        identity, rows, attributes = self.encoder(reference.picture, reference.geometry)
        if noise:
            identity = identity + noise * torch.randn_like(identity)
        if known is not None:
            return Look(self.cast.identity[known], self.cast.texture[known], rows), attributes
        lifted = lift(reference)
        if seen is not None:
            lifted = lifted * seen[:, None, None, None]
        return Look(identity, self.completion(lifted, identity), rows), attributes

    def forward(self, x: Tensor, t: Tensor, batch: Batch, look: Look, bank: Bank) -> tuple[Tensor, Tensor]:
        """The denoiser's picture and rows; the k-th picture shows the k-th person."""
        condition = Condition(batch.geometry, batch.uv, look.texture, batch.face, batch.light, look.identity)
        drawn: tuple[Tensor, Tensor] = self.denoiser(x, t, condition, bank)
        return drawn


def lift(reference: References) -> Tensor:
    """[P,4,256,128] the references' colours at each texel times weight, then the weight."""
    colour = F.grid_sample(reference.picture, reference.xy, mode="bilinear", padding_mode="border", align_corners=False)
    return torch.cat([colour * reference.weight, reference.weight], 1)


def pooled(rows: Tensor) -> Tensor:
    """[B,R/4,C] a picture's rows, each the mean of four neighbours: what an anchor gives to the bank."""
    b, r, c = rows.shape
    side = int(r**0.5)
    square = rows.transpose(1, 2).reshape(b, c, side, side)
    return F.avg_pool2d(square, 2).flatten(2).transpose(1, 2)


def bank_of(
    look: Look,
    has_reference: Tensor,
    other: Tensor | None = None,
    kind: int = PREVIOUS,
    has_other: Tensor | None = None,
) -> Bank:
    """The reference's rows and those of another picture, with who has them [B] 0 or 1."""
    present = torch.zeros(len(look.rows), 3, device=look.rows.device)
    present[:, REFERENCE] = has_reference
    rows, kinds = look.rows, ((REFERENCE, look.rows.shape[1]),)
    if other is not None and has_other is not None:
        present[:, kind] = has_other
        rows = torch.cat([rows, other], 1)
        return Bank(rows, (*kinds, (kind, other.shape[1])), present)
    return Bank(rows, kinds, present)
