from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from omote.engine.arc2face.identity import for_recogniser
from omote.engine.arc2face.losses import Losses, Terms, Weights

SIZE = 128
ARCFACE_AT = {468: (38.3, 51.7), 473: (73.5, 51.5), 1: (56.0, 71.7), 61: (41.5, 92.4), 291: (70.7, 92.2)}


def _points() -> torch.Tensor:
    """A face that leans a little, somewhere in the picture."""
    points = torch.full((478, 2), 60.0)
    for at, place in ARCFACE_AT.items():
        points[at] = torch.tensor(place)
    lean = torch.tensor([[0.9, 0.15], [-0.15, 0.9]])
    return points @ lean + 12.0


def _smooth_picture() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    coarse = np.random.default_rng(2).integers(0, 256, (8, 8, 3))
    wide = F.interpolate(torch.from_numpy(coarse).permute(2, 0, 1)[None].float(), SIZE, mode="bicubic")
    return wide.clamp(0.0, 255.0)[0].permute(1, 2, 0).numpy().astype(np.uint8)


def test_the_recogniser_is_shown_the_face_as_it_is_when_somebody_is_embedded() -> None:
    points, picture = _points(), _smooth_picture()
    losses = Losses(points, SIZE, _Rgb(), None, None)
    given = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    ours = F.grid_sample(given, losses.aligned, align_corners=False)[0].permute(1, 2, 0).numpy()
    theirs = for_recogniser(picture, points.numpy()).astype(np.float32)
    # The other is rounded to levels, and filtered where it is made smaller.
    assert float(np.abs(ours - theirs)[8:-8, 8:-8].max()) < 6.0


def test_the_trackers_crop_holds_the_face_in_its_middle() -> None:
    points = _points()
    face = Losses(points, SIZE, _Rgb(), None, None).face[0]
    middle = (points.amin(0) + points.amax(0)) / 2.0 / SIZE * 2.0 - 1.0
    torch.testing.assert_close(face.mean((0, 1)), middle, rtol=0.0, atol=1e-5)
    width = (face[0, -1, 0] - face[0, 0, 0]) / 2.0 * SIZE * 256 / 255
    torch.testing.assert_close(width, 1.5 * (points.amax(0) - points.amin(0)).max(), rtol=1e-4, atol=0.0)


def test_a_loss_without_its_network_is_0_and_others_count() -> None:
    one, nothing = torch.ones(()), torch.zeros(())
    weights = Weights(perceptual=0.5, expression=2.0, identity=3.0)
    assert float(Terms(one, nothing, nothing, nothing).total(weights)) == 1.0
    assert float(Terms(one, one, one, one).total(weights)) == 6.5


class _First(nn.Module):
    """A recogniser whose embedding is the mean colour of the face."""

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        return F.normalize(faces.mean((2, 3)), dim=1)


class _Rgb(nn.Module):
    def decode(self, latents: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(sample=F.interpolate(latents[:, :3], SIZE))


class _Halved(_Rgb):
    """In the pipeline's arithmetic on a GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(4, 3, 1, dtype=torch.bfloat16)

    def decode(self, latents: torch.Tensor) -> SimpleNamespace:
        return super().decode(self.mix(latents))


def test_a_decoder_in_half_precision_judges_latents_in_float32() -> None:
    losses = Losses(_points(), SIZE, _Halved(), None, _First())
    drawn = torch.randn(1, 4, 16, 16, requires_grad=True)
    terms = losses(drawn, torch.randn(1, 4, 16, 16))
    assert terms.identity.dtype == terms.latent.dtype == torch.float32
    terms.identity.backward()
    assert drawn.grad is not None and float(drawn.grad.abs().sum()) > 0.0


def test_the_recogniser_notices_another_face_and_gradients_reach_the_drawn_one() -> None:
    losses = Losses(_points(), SIZE, _Rgb(), None, _First())
    red, green = torch.zeros(1, 4, 16, 16), torch.zeros(1, 4, 16, 16)
    red[:, 0], green[:, 1] = 1.0, 1.0
    red.requires_grad_(True)
    assert abs(float(losses(red, red.detach()).identity.detach())) < 1e-6
    terms = losses(red, green)
    torch.testing.assert_close(terms.identity, torch.tensor(1.0), rtol=0.0, atol=1e-5)  # at a right angle
    terms.identity.backward()
    assert red.grad is not None and float(red.grad.abs().sum()) > 0.0
