"""Anchor expressions are rows of the bank that hold what pictures of them would share."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

pytest.importorskip("diffusers")

from omote.engine.diffusion.arc2face.anchors import anchor_bank
from omote.engine.diffusion.arc2face.bank import Bank, bank_of, joined
from omote.engine.diffusion.arc2face.pipeline import Arc2Face, open_arc2face

from .published import DIMENSIONS, write_published

SIDE = 16  # of the latent
FIRST = 999


@pytest.fixture(scope="module")
def arc(tmp_path_factory: pytest.TempPathFactory) -> Arc2Face:
    torch.set_num_threads(1)
    return open_arc2face(write_published(tmp_path_factory.mktemp("published")), few_step="lcm")


def normal(*shape: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


@pytest.fixture(scope="module")
def tokens(arc: Arc2Face) -> Tensor:
    return arc.tokens(normal(1, DIMENSIONS["small"].embedding, seed=1))


@pytest.fixture(scope="module")
def reference(arc: Arc2Face, tokens: Tensor) -> Bank:
    photo = np.random.default_rng(2).integers(0, 256, (8 * SIDE, 8 * SIDE, 3), np.uint8)
    return arc.bank(photo, tokens)


NOISE = normal(4, SIDE, SIDE, seed=3)
VECTORS = normal(3, 55, seed=4) * np.float32(0.5)


def test_each_expression_gives_every_second_row_and_column_of_what_it_writes(
    arc: Arc2Face, tokens: Tensor, reference: Bank
) -> None:
    found = anchor_bank(arc, tokens, VECTORS, NOISE, FIRST, reference)
    x, t = torch.from_numpy(NOISE)[None], torch.tensor([float(FIRST)])
    with torch.no_grad():
        one = arc.unet.written(x, t, tokens, arc.adapter(torch.from_numpy(VECTORS[1:2])), reference)
        of_one = bank_of(arc.unet, one)
    for block, keys, whole in zip(arc.unet.shape.blocks, found.keys, of_one.keys, strict=True):
        side = SIDE // block.scale
        thin = whole.reshape(side, side, -1)[::2, ::2].reshape(-1, whole.shape[-1])
        assert keys.shape == (1, 3 * len(thin), block.channels)
        torch.testing.assert_close(keys[0, len(thin) : 2 * len(thin)], thin, atol=1e-5, rtol=1e-5)


def test_expressions_and_the_reference_are_in_what_is_written(arc: Arc2Face, tokens: Tensor, reference: Bank) -> None:
    def keys(vectors: NDArray[np.float32], bank: Bank | None) -> Tensor:
        return anchor_bank(arc, tokens, vectors, NOISE, FIRST, bank).keys[3]

    base = keys(VECTORS[:1], reference)
    assert (base - keys(VECTORS[1:2], reference)).abs().max() > 1e-3
    assert (base - keys(VECTORS[:1], None)).abs().max() > 1e-3


def test_a_picture_reads_its_anchors_after_its_reference(arc: Arc2Face, tokens: Tensor, reference: Bank) -> None:
    both = joined([reference, anchor_bank(arc, tokens, VECTORS, NOISE, FIRST, reference)])

    def drawn(bank: Bank) -> Tensor:
        return arc.generate(tokens, VECTORS[:1], NOISE[None], steps=1, guidance=1.0, sampler="lcm", bank=bank)

    assert (drawn(both) - drawn(reference)).abs().max() > 1e-3
    rows = reference.keys[0].shape[1]
    torch.testing.assert_close(both.keys[0][:, :rows], reference.keys[0])
