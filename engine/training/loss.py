"""How far a drawn picture is from the true one: colour, matte and edges, with more weight on eyes and mouth."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from omote.engine.face.head import EYE_LEFT, EYE_RIGHT, open_head

from .batches import Batch
from .landmark_net import LandmarkNet
from .perception import PerceptualLoss

_EYE_WEIGHT, _MOUTH_WEIGHT = 5.0, 4.0
_MOUTH_OVER_CHIN = 0.47  # the mouth's height between chin and eyes
_EYE_REACH, _MOUTH_REACH = 0.22, 0.28  # dm


def _spots() -> tuple[Tensor, Tensor]:
    """[3,2] canonical x and y of left eye, right eye and mouth; [3,2] their reach in the same units."""
    head = open_head()
    low, high = head.template.min(0), head.template.max(0)
    eyes = head.anchor[[EYE_LEFT, EYE_RIGHT]]
    chin = head.anchor[4]
    mouth = torch.tensor([0.0, float(chin[1] + _MOUTH_OVER_CHIN * (eyes[:, 1].mean() - chin[1]))])
    spot = torch.cat([torch.from_numpy(eyes[:, :2]), mouth[None]])
    scale = torch.from_numpy(2.0 / (high - low)[:2])
    reach = torch.tensor([_EYE_REACH, _EYE_REACH, _MOUTH_REACH])[:, None] * torch.tensor([[1.4, 1.0]])
    return (spot - torch.from_numpy(low[:2])) * scale - 1.0, reach * scale


def attention_weight(geometry: Tensor) -> Tensor:
    """[B,1,2G,2G] 1 on the body, rising to 6 on the eyes and 5 on the mouth, wherever the head has turned."""
    spot, reach = (part.to(geometry) for part in _spots())
    weight = torch.ones_like(geometry[:, :1])
    is_covered, is_front = geometry[:, 6:7], (geometry[:, 2:3] > 0.0).float()
    for k, extra in enumerate((_EYE_WEIGHT, _EYE_WEIGHT, _MOUTH_WEIGHT)):
        away = (geometry[:, :2] - spot[k][:, None, None]) / reach[k][:, None, None]
        weight = weight + extra * torch.exp(-away.square().sum(1, keepdim=True)) * is_covered * is_front
    # Teeth and eyeballs have canonical places of their own inside the head: they always count.
    weight = torch.maximum(weight, 1.0 + _MOUTH_WEIGHT * (geometry[:, 7:8] + geometry[:, 8:9]).clamp(0, 1))
    return F.interpolate(weight, scale_factor=2.0, mode="nearest")


def _edges(picture: Tensor) -> tuple[Tensor, Tensor]:
    return picture[..., :, 1:] - picture[..., :, :-1], picture[..., 1:, :] - picture[..., :-1, :]


def picture_loss(drawn: Tensor, truth: Tensor, geometry: Tensor) -> Tensor:
    """Scalar. `drawn` and `truth` [B,4,S,S] are straight RGBA in -1..1; colour counts as much as it is opaque."""
    weight = attention_weight(geometry)
    alpha = truth[:, 3:] * 0.5 + 0.5
    colour = ((drawn[:, :3] - truth[:, :3]).square() + 1e-5).sqrt() * alpha
    matte = (drawn[:, 3:] - truth[:, 3:]).abs()
    ours, theirs = (torch.cat([p[:, :3] * alpha, p[:, 3:]], 1) for p in (drawn, truth))
    edge = torch.zeros((), device=drawn.device)
    for a, b, w in zip(_edges(ours), _edges(theirs), (weight[..., :, 1:], weight[..., 1:, :]), strict=True):
        edge = edge + ((a - b).abs() * w).mean()
    return (colour * weight).mean() + 0.5 * matte.mean() + edge


_FEATURE, _LANDMARK, _MOTION = 0.08, 0.5, 2.0
_GRAIN = 0.02


class Losses:
    """What training makes small: the picture's loss and, with the tracker's network, how differently that sees it."""

    def __init__(self, landmarks: Path | None, device: str) -> None:
        self._seen = PerceptualLoss(LandmarkNet.load(landmarks).to(device)) if landmarks else None

    def picture(self, drawn: Tensor, batch: Batch) -> Tensor:
        """Scalar: the picture's loss alone."""
        return picture_loss(drawn, batch.picture, batch.geometry)

    def whole(self, drawn: Tensor, batch: Batch) -> Tensor:
        """Scalar: also what the tracker's network makes of it, which costs a quarter of a step."""
        loss = self.picture(drawn, batch)
        if self._seen is None:
            return loss
        drawn = drawn + _GRAIN * torch.randn_like(drawn)  # that network can be fooled by less than a level of 255
        feature, landmark = self._seen(drawn, batch.picture, batch.geometry)
        total: Tensor = loss + _FEATURE * feature + _LANDMARK * landmark
        return total


def motion_loss(drawn: Tensor, truth: Tensor) -> Tensor:
    """Scalar: how far a change of the picture [B,4,S,S] is from the true change, so that nothing else flickers."""
    return _MOTION * (drawn - truth).abs().mean()
