"""Whole pictures, from noise to the latent, against diffusers' own pipeline on the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, LCMScheduler, TCDScheduler
from torch import Tensor

from omote.engine.diffusion.arc2face.bank import Bank, Share
from omote.engine.diffusion.arc2face.pipeline import Arc2Face, open_arc2face
from omote.engine.diffusion.schedule import FewStep, clean
from omote.engine.photoreal.published_file import DISTILLED
from tests.engine.arc2face import peers
from tests.engine.arc2face.published import DIMENSIONS, write_published

SIDE = 16  # of the latent
EMBEDDING = DIMENSIONS["small"].embedding
CLOSE = 1e-4  # of latents, whose spread here is about 20: random weights take little noise away
ROUNDING = 1e-5  # of float32 sums in another order, relative to the largest number


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_published(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def arc(folder: Path) -> Arc2Face:
    return open_arc2face(folder)


@pytest.fixture(scope="module")
def unreferenced(folder: Path) -> Arc2Face:
    return open_arc2face(folder, reference_scale=0.0)


@pytest.fixture(scope="module")
def tokens(arc: Arc2Face) -> Tensor:
    return arc.tokens(normal(1, EMBEDDING, seed=1))


@pytest.fixture(scope="module")
def bank(arc: Arc2Face, tokens: Tensor) -> Bank:
    return arc.bank(photo(2), tokens)


def normal(*shape: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def photo(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (8 * SIDE, 8 * SIDE, 3), np.uint8)


def vectors(count: int, seed: int = 3) -> np.ndarray:
    return normal(count, 55, seed=seed) * 0.5


def apart(ours: Tensor, other: Tensor) -> float:
    return float((ours - other).abs().max())


def relatively_apart(ours: Tensor, other: Tensor) -> float:
    return apart(ours, other) / float(other.abs().max())


def test_opening_leaves_the_published_files_as_they_are(folder: Path) -> None:
    """Their weights are mapped into memory, and LoRAs are added to them there."""
    path = folder / "arc2face" / "diffusion_pytorch_model.safetensors"
    before = path.read_bytes()
    open_arc2face(folder, few_step="lcm")
    assert path.read_bytes() == before


def test_identity_is_that_of_transformers(folder: Path, arc: Arc2Face, tokens: Tensor) -> None:
    embedding = torch.from_numpy(normal(1, EMBEDDING, seed=1))[0]
    assert apart(tokens, peers.identity(folder, embedding / embedding.norm())) <= CLOSE
    assert apart(arc.nobody(), peers.nobody(folder)) <= CLOSE


def test_25_guided_steps_with_an_expression_equal_diffusers(
    folder: Path, unreferenced: Arc2Face, tokens: Tensor
) -> None:
    noise, vector = torch.from_numpy(normal(1, 4, SIDE, SIDE, seed=4)), torch.from_numpy(vectors(1))
    pipeline = peers.pipeline(folder, DPMSolverMultistepScheduler)
    asked = {"num_inference_steps": 25, "guidance_scale": 3.0, "negative_prompt_embeds": peers.nobody(folder)}
    wanted = peers.latents(pipeline, noise, vector, tokens, **asked)
    found = unreferenced.generate(tokens, vector, noise, steps=25, guidance=3.0)
    assert float(wanted.std()) > 0.1
    assert apart(found, wanted) <= CLOSE
    other = unreferenced.generate(tokens, vectors(1, seed=5), noise, steps=25, guidance=3.0)
    assert apart(other, wanted) > 100 * CLOSE


@pytest.mark.parametrize(("few_step", "scheduler"), (("lcm", LCMScheduler), ("tcd", TCDScheduler)))
def test_few_steps_without_guidance_equal_diffusers(
    folder: Path, tokens: Tensor, few_step: FewStep, scheduler: Any
) -> None:
    arc = open_arc2face(folder, few_step=few_step, reference_scale=0.0)
    noise, vector = torch.from_numpy(normal(1, 4, SIDE, SIDE, seed=4)), torch.from_numpy(vectors(1))
    pipeline = peers.pipeline(folder, scheduler, DISTILLED[few_step])
    asked = {"num_inference_steps": 4, "guidance_scale": 1.0, "eta": 0.3}
    wanted = peers.latents(pipeline, noise, vector, tokens, generator=torch.Generator().manual_seed(6), **asked)
    generator = torch.Generator().manual_seed(6)
    between = [torch.randn(noise.shape, generator=generator) for _ in range(3)]
    found = arc.generate(tokens, vector, noise, steps=4, guidance=1.0, sampler=few_step, between=between)
    assert float(wanted.std()) > 0.1
    assert apart(found, wanted) <= CLOSE


def test_guidance_leads_away_from_nobody_who_has_no_reference(arc: Arc2Face, tokens: Tensor, bank: Bank) -> None:
    noise, vector = torch.from_numpy(normal(1, 4, SIDE, SIDE, seed=4)), torch.from_numpy(vectors(1))
    unseen = tuple(torch.tensor([[-torch.inf], [0.0]]).expand(2, key.shape[1]) for key in bank.keys)
    both = arc.unet(
        noise.expand(2, -1, -1, -1),
        torch.full((2,), 999.0),
        torch.cat([arc.nobody(), tokens]),
        arc.adapter(torch.cat([torch.zeros(1, 55), vector])),
        bank=Bank(bank.keys, bank.values, unseen),
    ).detach()
    wanted = clean(noise, both[:1] + 3.0 * (both[1:] - both[:1]), 999)
    found = arc.generate(tokens, vector, noise, steps=1, guidance=3.0, bank=bank)
    assert relatively_apart(found, wanted) <= ROUNDING
    without = arc.generate(tokens, vector, noise, steps=1, guidance=3.0)
    assert relatively_apart(without, wanted) > 100 * ROUNDING


def test_scale_of_zero_draws_without_the_expression(arc: Arc2Face, tokens: Tensor) -> None:
    noise = normal(1, 4, SIDE, SIDE, seed=4)
    one, other = (arc.generate(tokens, vectors(1, seed), noise, steps=1, guidance=1.0, scale=0.0) for seed in (3, 5))
    assert torch.equal(one, other)


@torch.no_grad()
def test_bank_is_concatenated_attention_to_what_diffusers_unet_reads_of_the_photo(
    folder: Path, arc: Arc2Face, tokens: Tensor, bank: Bank
) -> None:
    """The photo's mode by diffusers' VAE, seen by its UNet at timestep 0, read with the LoRA at 0.8."""
    noise, vector = torch.from_numpy(normal(1, 4, SIDE, SIDE, seed=4)), torch.from_numpy(vectors(1))
    pixels = torch.from_numpy(photo(2)).permute(2, 0, 1)[None] / 127.5 - 1.0
    rows = peers.written(folder, pixels, tokens)
    unet = peers.reading(peers.pipeline(folder, DPMSolverMultistepScheduler), folder, rows, 0.8)
    wanted = unet(noise, 421, tokens, added_cond_kwargs={"image_embeds": [vector[None]]}).sample
    found = arc.unet(noise, torch.tensor([421.0]), tokens, arc.adapter(vector), bank=bank)
    assert apart(found, wanted) <= CLOSE
    assert apart(arc.unet(noise, torch.tensor([421.0]), tokens, arc.adapter(vector)), wanted) > 100 * CLOSE


def test_same_photo_gives_the_same_bank(arc: Arc2Face, tokens: Tensor, bank: Bank) -> None:
    again = arc.bank(photo(2), tokens)
    assert all(torch.equal(ours, then) for ours, then in zip(again.keys, bank.keys, strict=True))


def test_bank_of_two_photos_holds_the_rows_of_both_one_after_the_other(arc: Arc2Face, tokens: Tensor) -> None:
    both, second = arc.bank(np.stack([photo(2), photo(7)]), tokens), arc.bank(photo(7), tokens)
    for ours, alone in zip(both.keys, second.keys, strict=True):
        assert ours.shape == (1, 2 * alone.shape[1], alone.shape[2])
        torch.testing.assert_close(ours[:, alone.shape[1] :], alone, atol=1e-5, rtol=1e-5)


def test_pictures_of_one_batch_are_those_drawn_alone(arc: Arc2Face, tokens: Tensor, bank: Bank) -> None:
    noise, faces = normal(1, 4, SIDE, SIDE, seed=4), vectors(3)
    together = arc.generate(tokens, faces, noise, steps=2, bank=bank)
    alone = torch.cat([arc.generate(tokens, face[None], noise, steps=2, bank=bank) for face in faces])
    assert relatively_apart(together, alone) <= ROUNDING


def test_shared_pictures_depend_on_each_other_and_come_nearer(arc: Arc2Face, tokens: Tensor, bank: Bank) -> None:
    noise, faces = normal(1, 4, SIDE, SIDE, seed=4), vectors(2)
    alone = arc.generate(tokens, faces, noise, steps=2, guidance=1.0, bank=bank)
    unshared = arc.generate(tokens, faces, noise, steps=2, guidance=1.0, bank=bank, share=Share(0.0, 0.0, 0.0))
    shared = arc.generate(tokens, faces, noise, steps=2, guidance=1.0, bank=bank, share=Share(1.0, 1.0, 1.0))
    assert torch.equal(unshared, alone)
    assert apart(shared, alone) > CLOSE
    assert (shared[0] - shared[1]).square().mean() < (alone[0] - alone[1]).square().mean()


def test_few_steps_are_the_same_at_every_call_and_in_every_place_of_a_batch(arc: Arc2Face, tokens: Tensor) -> None:
    noise, face = normal(1, 4, SIDE, SIDE, seed=4), np.repeat(vectors(1), 2, 0)
    found = arc.generate(tokens, face, noise, steps=3, guidance=1.0, sampler="lcm")
    assert apart(found[0], found[1]) <= CLOSE
    assert torch.equal(found, arc.generate(tokens, face, noise, steps=3, guidance=1.0, sampler="lcm"))


@pytest.mark.parametrize("is_tiny", (False, True))
def test_picture_has_eight_times_the_side_of_its_latent(arc: Arc2Face, *, is_tiny: bool) -> None:
    picture = arc.picture(torch.from_numpy(normal(2, 4, SIDE, SIDE, seed=8)), tiny=is_tiny)
    assert picture.shape == (2, 8 * SIDE, 8 * SIDE, 3) and picture.dtype == np.uint8
    assert picture.std() > 5.0


@pytest.mark.parametrize(
    "embedding", (np.zeros((1, EMBEDDING), np.float32), np.full((1, EMBEDDING), np.nan, np.float32))
)
def test_embedding_without_a_direction_is_refused(arc: Arc2Face, embedding: np.ndarray) -> None:
    with pytest.raises(ValueError, match=f"finite and not all zero, got \\[1, {EMBEDDING}\\]"):
        arc.tokens(embedding)


def test_length_of_an_embedding_says_nothing(arc: Arc2Face) -> None:
    embedding = normal(1, EMBEDDING, seed=9)
    torch.testing.assert_close(arc.tokens(embedding), arc.tokens(embedding * np.float32(20.0)))


def test_half_precision_draws_nearly_the_same(folder: Path, unreferenced: Arc2Face, tokens: Tensor) -> None:
    noise, face = normal(1, 4, SIDE, SIDE, seed=4), vectors(1)
    wanted = unreferenced.generate(tokens, face, noise, steps=4)
    half = open_arc2face(folder, reference_scale=0.0, dtype=torch.bfloat16)
    found = half.generate(tokens, face, noise, steps=4)
    assert found.dtype == torch.float32
    assert float((found - wanted).square().mean().sqrt() / wanted.std()) < 0.1
