"""The critic looks at what has to be painted, and learns to tell the real from the drawn."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from omote.engine.face.correspondence import GEOMETRY, GRID
from omote.engine.training.losses import SIDE, Discriminator, gradient_penalty, relativistic_loss, sample_patches

WITHIN = (20, 30, 64)


def test_it_looks_at_the_mouth_that_is_open_within_what_is_drawn() -> None:
    geometry = torch.zeros(40, GEOMETRY, GRID, GRID)
    geometry[:, 6] = 1.0
    geometry[:, 8, 60:64, 70:80] = 1.0
    seen = torch.ones(40, GRID, GRID)
    patches = sample_patches(geometry, seen, np.random.default_rng(0), WITHIN)
    assert all(20 <= top <= 84 - 32 and 30 <= left <= 94 - 32 for top, left in zip(*patches, strict=True))
    with_mouth = (patches.of(geometry)[:, 8].amax((1, 2)) > 0).float().mean()
    assert with_mouth > 0.5  # about a third, were it not looked for


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


def test_it_learns_to_prefer_texture_to_a_flat_tone() -> None:
    torch.manual_seed(0)
    critic = Discriminator((8, 8, 8, 8))
    optimiser = torch.optim.Adam(critic.parameters(), lr=2e-3)
    geometry = torch.zeros(4, GEOMETRY, 32, 32)
    flat = torch.full((4, 4, SIDE, SIDE), 0.5)
    for _ in range(40):
        texture = torch.rand(4, 4, SIDE, SIDE)
        loss = relativistic_loss(critic(texture, geometry), critic(flat, geometry))
        loss = loss + 0.01 * gradient_penalty(critic, texture, geometry)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert relativistic_loss(critic(torch.rand(4, 4, SIDE, SIDE), geometry), critic(flat, geometry)) < 0.3
