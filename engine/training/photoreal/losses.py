"""How far a student's picture is from its teacher's: in latents, to a face tracker, and to a face recogniser."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...photoreal.alignment import RECOGNISER_SIDE, recogniser_crop
from ..landmark_loss import MARGIN, SIDE, PerceptualLoss


@dataclass(frozen=True)
class Weights:
    """How much each counts beside the latents' own distance."""

    perceptual: float = 0.2  # the tracker's features: edges, lids and lips
    expression: float = 1.0  # where the tracker sees its points, in eye distances
    identity: float = 0.3  # one minus the cosine between who is seen in both


@dataclass(frozen=True)
class Terms:
    """One value each; 0 where nobody judges it."""

    latent: Tensor
    perceptual: Tensor
    expression: Tensor
    identity: Tensor

    def total(self, weights: Weights) -> Tensor:
        return (
            self.latent
            + weights.perceptual * self.perceptual
            + weights.expression * self.expression
            + weights.identity * self.identity
        )


class Losses(nn.Module):
    """Of one character, whose face stands in the same place in all pictures."""

    face: Tensor  # [1,256,256,2] where the tracker's crop lies, in -1..1 of the picture
    aligned: Tensor  # [1,112,112,2] the recogniser's

    def __init__(
        self,
        points: Tensor,
        size: int,
        decoder: nn.Module,
        tracker: PerceptualLoss | None,
        recogniser: nn.Module | None,
    ) -> None:
        """`points` [478,2] are those of the face at rest in a picture of `size` pixels."""
        super().__init__()
        self.decoder, self.tracker, self.recogniser = decoder, tracker, recogniser
        self.requires_grad_(False)
        self.register_buffer("face", _boxed(points, size), persistent=False)
        self.register_buffer("aligned", _aligned(points, size), persistent=False)

    def forward(self, drawn: Tensor, truth: Tensor) -> Terms:
        """Of latents [B,4,h,w]; gradients reach `drawn` alone."""
        latent, nothing = F.huber_loss(drawn, truth), drawn.new_zeros(())
        if self.tracker is None and self.recogniser is None:
            return Terms(latent, nothing, nothing, nothing)
        seen = self._decoded(drawn)
        with torch.no_grad():
            wanted = self._decoded(truth)
        perceptual, expression = self._tracked(seen, wanted) if self.tracker else (nothing, nothing)
        return Terms(latent, perceptual, expression, self._strangeness(seen, wanted) if self.recogniser else nothing)

    def _decoded(self, latents: Tensor) -> Tensor:
        """[B,3,S,S] in float32, whatever the decoder is in: on a GPU it is the pipeline's own, in half precision."""
        own = next(self.decoder.parameters(), latents).dtype
        pictures: Tensor = self.decoder(latents.to(own)).float()
        return pictures

    def _tracked(self, seen: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        assert self.tracker is not None
        a, b = (F.grid_sample(one, self._of(self.face, one), align_corners=False) for one in (seen, wanted))
        found: tuple[Tensor, Tensor] = self.tracker.between(a * 0.5 + 0.5, b * 0.5 + 0.5)
        return found

    def _strangeness(self, seen: Tensor, wanted: Tensor) -> Tensor:
        assert self.recogniser is not None
        ours = self.recogniser(F.grid_sample(seen, self._of(self.aligned, seen), align_corners=False))
        with torch.no_grad():
            theirs = self.recogniser(F.grid_sample(wanted, self._of(self.aligned, wanted), align_corners=False))
        strangeness: Tensor = (1.0 - (ours * theirs).sum(1)).mean()
        return strangeness

    @staticmethod
    def _of(grid: Tensor, pictures: Tensor) -> Tensor:
        return grid.expand(len(pictures), -1, -1, -1)


def _boxed(points: Tensor, size: int) -> Tensor:
    """Where MediaPipe would cut the face out of the picture."""
    low, high = points.amin(0), points.amax(0)
    side = (high - low).max() * MARGIN
    return _grid(torch.cat([torch.eye(2) * side / SIDE, ((low + high - side) / 2)[:, None]], 1), SIDE, size)


def _aligned(points: Tensor, size: int) -> Tensor:
    """Where a recogniser's face lies in the picture."""
    back = recogniser_crop(points.numpy()).inverse()
    across, aside = back.turn.real, back.turn.imag
    to_picture = torch.tensor([[across, -aside, back.move.real], [aside, across, back.move.imag]])
    return _grid(to_picture, RECOGNISER_SIDE, size)


def _grid(to_picture: Tensor, side: int, size: int) -> Tensor:
    """[1,side,side,2] for `grid_sample`: the middle of each pixel of a crop, by [2,3] in pixels of the picture."""
    at = torch.arange(side) + 0.5
    rows, columns = torch.meshgrid(at, at, indexing="ij")
    crop = torch.stack([columns, rows, torch.ones_like(rows)], -1)
    return (crop @ to_picture.T.to(crop.dtype) / size * 2.0 - 1.0)[None]
