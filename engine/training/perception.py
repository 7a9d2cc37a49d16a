"""How far a drawn face is from the true one in the eyes of a face tracker: its features, and where it sees the points.

A pixel loss forgives a soft lid or a lip two pixels too low. The tracker that will read the performer does not.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .landmark_net import POINTS, SIDE, LandmarkNet

# Where in canonical position (channels 0 to 2 of the geometry) the face lies: fitted to the box of the points that the
# network finds on rendered pictures. On 40 of them box sides then agree within 3 percent, middles within 2 pixels.
_ASIDE, _CHIN, _BROW, _FRONT = 0.24, 0.08, 0.72, 0.20
_COVERED = 6
MARGIN = 1.5  # MediaPipe's: the crop's side for a face box of side 1

RIGHT_IRIS, LEFT_IRIS = range(468, 473), range(473, 478)  # the subject's; the middle comes first
# fmt: off
LIPS = (0, 13, 14, 17, 37, 39, 40, 61, 78, 80, 81, 82, 84, 87, 88, 91, 95, 146, 178, 181, 185, 191, 267, 269, 270, 291,
        308, 310, 311, 312, 314, 317, 318, 321, 324, 375, 402, 405, 409, 415)
LIDS = (7, 33, 133, 144, 145, 153, 154, 155, 157, 158, 159, 160, 161, 163, 173, 246, 249, 263, 362, 373, 374, 380, 381,
        382, 384, 385, 386, 387, 388, 390, 398, 466)
BROWS = (46, 52, 53, 55, 63, 65, 66, 70, 105, 107, 276, 282, 283, 285, 293, 295, 296, 300, 334, 336)
# fmt: on
_SPEAKING_WEIGHT = 4.0  # of a point that shows expression; of the others 1
_DEPTH_WEIGHT = 0.5  # of z, which the network guesses, against x and y, which it sees
_SMALLEST_EYE_DISTANCE_PX = 20.0  # of the crop; a face from the front has about 60
_QUIETEST = 0.1  # a channel that is nearly silent counts as if it had this much of its layer's mean magnitude


class PerceptualLoss(nn.Module):
    """Feature and landmark loss of drawn pictures; differentiable in `drawn` alone."""

    point_weight: Tensor  # [478,3], mean 1

    def __init__(self, net: LandmarkNet) -> None:
        super().__init__()
        self.net = net
        weight = torch.ones(POINTS, 3)
        weight[[*LIPS, *LIDS, *BROWS, *RIGHT_IRIS, *LEFT_IRIS]] = _SPEAKING_WEIGHT
        weight[:, 2] *= _DEPTH_WEIGHT
        self.register_buffer("point_weight", weight / weight.mean(), persistent=False)

    def forward(self, drawn: Tensor, truth: Tensor, geometry: Tensor) -> tuple[Tensor, Tensor]:
        """Two scalars, both 0 where `drawn` is `truth` and about 0.4 and 0.1 for another expression.

        `drawn` and `truth` [B,4,S,S] are straight RGBA in -1..1, `geometry` [B,10,G,G] the maps of both.
        """
        grid = crop_grid(geometry)
        return self.between(cropped(drawn, grid), cropped(truth, grid))

    def between(self, drawn: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """The same of crops [B,3,256,256], RGB in 0..1, the face in the middle as MediaPipe would cut it out."""
        with torch.no_grad():
            wanted = self.net(truth)
        seen = self.net(drawn)
        layers = [_relative(a, b) for a, b in zip(seen.features, wanted.features, strict=True)]
        return torch.stack(layers).mean(), self._landmark_loss(seen.landmarks, wanted.landmarks, wanted.presence)

    def _landmark_loss(self, seen: Tensor, wanted: Tensor, presence: Tensor) -> Tensor:
        """Mean distance in eye distances, over pictures on whose truth there is a face."""
        eye_distance = (wanted[:, LEFT_IRIS[0]] - wanted[:, RIGHT_IRIS[0]]).norm(dim=1)
        away = ((seen - wanted).abs() * self.point_weight).mean((1, 2))
        in_eyes: Tensor = presence * away / eye_distance.clamp_min(_SMALLEST_EYE_DISTANCE_PX)
        return in_eyes.mean()


def crop_grid(geometry: Tensor) -> Tensor:
    """[B,256,256,2] where MediaPipe would cut the face out, in -1..1 of the picture; all of it where no face shows."""
    x, y, z = geometry[:, :3].float().unbind(1)
    is_face = (geometry[:, _COVERED] > 0.5) & (x.abs() < _ASIDE) & (y > _CHIN) & (y < _BROW) & (z > _FRONT)
    side = geometry.shape[-1]
    low, high = torch.stack([_extent(is_face.any(axis), side) for axis in (1, 2)], 2)  # [B,2] x, y
    half = (high - low).amax(1) / 2 * MARGIN
    step = (torch.arange(SIDE, device=geometry.device) + 0.5) / SIDE * 2.0 - 1.0
    middle = (low + high) / 2
    across = middle[:, :1] + half[:, None] * step
    down = middle[:, 1:] + half[:, None] * step
    shape = (len(geometry), SIDE, SIDE)
    return torch.stack([across[:, None, :].expand(shape), down[:, :, None].expand(shape)], -1)


def _extent(is_face: Tensor, side: int) -> Tensor:
    """[2,B] first and last edge, -1..1, of what is true in [B,side]; where nothing is, the crop becomes the picture."""
    number = torch.arange(side, device=is_face.device).expand_as(is_face)
    first = torch.where(is_face, number, side).amin(1)
    last = torch.where(is_face, number + 1, 0).amax(1)
    is_empty = first >= last
    low, high = first / side * 2.0 - 1.0, last / side * 2.0 - 1.0
    return torch.stack([low.masked_fill(is_empty, -1.0 / MARGIN), high.masked_fill(is_empty, 1.0 / MARGIN)])


def cropped(picture: Tensor, grid: Tensor) -> Tensor:
    """[B,3,256,256] RGB 0..1 of straight RGBA [B,4,S,S] -1..1, laid on mid-grey, which also lies outside."""
    with torch.autocast(picture.device.type, enabled=False):
        picture = picture.float()
        on_grey = picture[:, :3] * (picture[:, 3:] * 0.5 + 0.5)
        return F.grid_sample(on_grey, grid, align_corners=False) * 0.5 + 0.5


def _relative(seen: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of [B,C,S,S] in units of each channel's mean magnitude."""
    seen, wanted = seen.float(), wanted.float()
    magnitude = wanted.abs().mean((0, 2, 3), keepdim=True)
    magnitude = torch.maximum(magnitude, _QUIETEST * magnitude.mean() + 1e-6)
    return ((seen - wanted).abs() / magnitude).mean()
