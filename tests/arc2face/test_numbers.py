"""Number by number against diffusers' and transformers' own modules, and the authors' arithmetic, on random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    ControlNetModel,
    DPMSolverMultistepScheduler,
    LCMScheduler,
    StableDiffusionControlNetImg2ImgPipeline,
    StableDiffusionControlNetPipeline,
    StableDiffusionImg2ImgPipeline,
    TCDScheduler,
)
from torch import Tensor

from omote.engine.arc2face.files import DISTILLED
from omote.engine.arc2face.pipeline import Arc2Face, open_arc2face
from omote.engine.arc2face.processors import Bank, Reading, bank_from, bank_of, denoise, joined, rows_of
from omote.engine.arc2face.sampling import FewStep, few_steps
from omote.engine.arc2face.schedulers import few_step_plan
from tests.arc2face import peers
from tests.arc2face.published import DIMENSIONS, Layout, write_published

SIDE, SIZE = 16, 128  # of the latent and of the picture
EMBEDDING = DIMENSIONS["small"].embedding
CLOSE = 1e-5  # of the largest number: sums of float32 in another order


@pytest.fixture(scope="module")
def arc(published: Path) -> Arc2Face:
    return open_arc2face(published)


@pytest.fixture(scope="module")
def tokens(arc: Arc2Face) -> Tensor:
    return arc.tokens(normal(1, EMBEDDING, seed=1))


@pytest.fixture(scope="module")
def bank(arc: Arc2Face, tokens: Tensor) -> Bank:
    return arc.bank(PHOTO, tokens)


def normal(*shape: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


PHOTO = np.random.default_rng(2).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
PIXELS = torch.from_numpy(PHOTO).permute(2, 0, 1)[None] / 127.5 - 1.0
NOISE = torch.from_numpy(normal(1, 4, SIDE, SIDE, seed=4))
VECTORS = torch.from_numpy(0.5 * normal(16, 55, seed=3))


def apart(ours: Tensor, other: Tensor) -> float:
    """The largest difference, relative to the largest number."""
    return float((ours - other).abs().max() / other.abs().max())


def test_identity_is_that_of_transformers(published: Path, arc: Arc2Face, tokens: Tensor) -> None:
    embedding = torch.from_numpy(normal(1, EMBEDDING, seed=1))[0]
    assert apart(tokens, peers.identity(published, embedding / embedding.norm())) <= CLOSE
    assert apart(arc.empty(), peers.empty(published)) <= CLOSE
    assert apart(arc.tokens(20.0 * embedding[None]), tokens) <= CLOSE


@pytest.mark.parametrize("wrong", [0.0, np.nan])
def test_an_embedding_without_a_direction_is_refused(arc: Arc2Face, wrong: float) -> None:
    with pytest.raises(ValueError, match=f"finite and not all zero, got \\[1, {EMBEDDING}\\]"):
        arc.tokens(np.full((1, EMBEDDING), wrong, np.float32))


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["linear", "faceid", "full"])
def test_unconditional_mode_in_25_guided_steps_equals_diffusers(tmp_path: Path, layout: Layout) -> None:
    folder = write_published(tmp_path, adapter_layout=layout)
    arc = open_arc2face(folder, reference_scale=0.0)
    tokens = arc.tokens(normal(1, EMBEDDING, seed=1))
    given = {"num_inference_steps": 25, "guidance_scale": 3.0, "negative_prompt_embeds": peers.empty(folder)}
    wanted = peers.latents(peers.pipeline(folder, DPMSolverMultistepScheduler), NOISE, VECTORS[:1], tokens, **given)
    assert apart(arc.generate(tokens, VECTORS[:1], NOISE), wanted) <= CLOSE
    assert apart(arc.generate(tokens, VECTORS[1:2], NOISE), wanted) > 100 * CLOSE


def test_reference_guided_mode_with_lora_and_guidance_equals_the_authors_arithmetic(
    published: Path, arc: Arc2Face, tokens: Tensor, bank: Bank
) -> None:
    rows = peers.recorded(published, PIXELS, tokens)
    wanted = peers.reference_guided(published, NOISE, VECTORS[:1], tokens, rows, 0.8, 25)
    assert apart(arc.generate(tokens, VECTORS[:1], NOISE, bank=bank), wanted) <= CLOSE
    assert apart(arc.generate(tokens, VECTORS[:1], NOISE), wanted) > 100 * CLOSE


@pytest.mark.parametrize("strength", [1.0, 0.5])
@pytest.mark.parametrize("has_control", [True, False])
def test_controlnet_and_drafts_equal_diffusers(published: Path, strength: float, has_control: bool) -> None:
    """Guided, in 4 steps; a strength below 1 begins from a draft's latent, as diffusers' image-to-image does."""
    arc = open_arc2face(published, reference_scale=0.0, has_pose=has_control)
    tokens, has_draft = arc.tokens(normal(1, EMBEDDING, seed=1)), strength < 1.0
    generator = torch.Generator().manual_seed(6)
    noise = torch.randn(NOISE.shape, generator=torch.Generator().manual_seed(6)) if has_draft else NOISE
    kinds = {
        (True, False): StableDiffusionControlNetPipeline,
        (False, True): StableDiffusionImg2ImgPipeline,
        (True, True): StableDiffusionControlNetImg2ImgPipeline,
    }
    if (kind := kinds.get((has_control, has_draft))) is None:
        pytest.skip("the plain pipeline is compared in another test")
    parts = {"controlnet": ControlNetModel.from_pretrained(published / "controlnet")} if has_control else {}
    vae = AutoencoderKL.from_pretrained(published / "vae")
    pipeline = peers.pipeline(published, kind=kind, vae=vae, **parts)
    control, draft = PIXELS.flip(3) / 2.0 + 0.5, arc.latents(PHOTO[None])
    images: dict[str, Any] = {"image": draft} if has_draft else {"image": control}
    if has_control and has_draft:
        images |= {"control_image": control, "controlnet_conditioning_scale": 1.0}
    if has_draft:
        images |= {"strength": strength, "generator": generator}
    given = {"num_inference_steps": 4, "guidance_scale": 3.0, "negative_prompt_embeds": peers.empty(published)}
    expected = peers.latents(pipeline, None if has_draft else NOISE, VECTORS[:1], tokens, **given, **images)
    found = arc.generate(
        tokens,
        VECTORS[:1],
        noise,
        steps=4,
        control=np.ascontiguousarray(PHOTO[:, ::-1]) if has_control else None,
        start=PHOTO if has_draft else None,
        strength=strength,
    )
    assert apart(found, expected) <= CLOSE
    assert apart(arc.generate(tokens, VECTORS[:1], noise, steps=4), expected) > 100 * CLOSE


@pytest.mark.slow
@pytest.mark.parametrize(("few_step", "scheduler"), [("lcm", LCMScheduler), ("tcd", TCDScheduler)])
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_few_steps_equal_diffusers(published: Path, few_step: FewStep, scheduler: Any, steps: int) -> None:
    arc = open_arc2face(published, few_step=few_step, reference_scale=0.0)
    tokens, vector = arc.tokens(normal(1, EMBEDDING, seed=1)), VECTORS[:1]
    pipeline = peers.pipeline(published, scheduler, DISTILLED[few_step])
    given = {"num_inference_steps": steps, "guidance_scale": 1.0, "eta": 0.3}
    wanted = peers.latents(pipeline, NOISE, vector, tokens, generator=torch.Generator().manual_seed(6), **given)
    generator = torch.Generator().manual_seed(6)
    between = [torch.randn(NOISE.shape, generator=generator) for _ in range(steps - 1)]

    def predict(x: Tensor, timestep: int) -> Tensor:
        with torch.no_grad():
            t = torch.full((1,), float(timestep))
            return denoise(arc.unet, x, t, tokens, Reading(arc.adapter(vector)))

    assert apart(few_steps(predict, NOISE, few_step_plan(few_step, steps), between), wanted) <= CLOSE


def test_the_student_s_step_gives_the_clean_part_of_the_noise() -> None:
    (step,) = few_step_plan("student", 1)
    alpha = float(LCMScheduler.from_config(peers.SCHEDULE).alphas_cumprod[999])
    clean, eps = normal(8, seed=0), normal(8, seed=1)
    noisy = alpha**0.5 * clean + (1.0 - alpha) ** 0.5 * eps
    np.testing.assert_allclose(step.after(noisy, eps), clean, atol=1e-5)


@pytest.mark.parametrize(("sampler", "steps"), [("lcm", 0), ("lcm", 9), ("student", 3), ("ddim", 1)])
def test_steps_that_a_sampler_does_not_take_are_refused(sampler: Any, steps: int) -> None:
    with pytest.raises(ValueError, match=sampler):
        few_step_plan(sampler, steps)


def test_strength_of_the_expression_is_that_of_each_block(arc: Arc2Face, tokens: Tensor) -> None:
    one, other = (arc.generate(tokens, vector[None], NOISE, steps=1, scale=0.0) for vector in VECTORS[:2])
    assert torch.equal(one, other)
    whole = arc.generate(tokens, VECTORS[:1], NOISE, steps=1, scale=1.0)
    assert apart(whole, arc.generate(tokens, VECTORS[:1], NOISE, steps=1)) <= CLOSE
    reading = Reading(arc.adapter(VECTORS[:1]), torch.zeros(arc.blocks).index_fill_(0, torch.tensor([3]), 1.0))
    with torch.no_grad():
        eps = denoise(arc.unet, NOISE, torch.tensor([999.0]), tokens, reading)
        nothing = denoise(arc.unet, NOISE, torch.tensor([999.0]), tokens, Reading())
    assert apart(eps, nothing) > 100 * CLOSE


def test_decoders_are_diffusers(published: Path, arc: Arc2Face) -> None:
    full, tiny = AutoencoderKL.from_pretrained(published / "vae"), AutoencoderTiny.from_pretrained(published / "taesd")
    with torch.no_grad():
        wanted = full.decode(NOISE / full.config.scaling_factor).sample, tiny.decode(NOISE).sample
    for is_tiny, pixels in zip((False, True), wanted, strict=True):
        picture = arc.picture(NOISE, tiny=is_tiny)
        levels = ((pixels + 1.0) * 127.5).round().clamp(0.0, 255.0).permute(0, 2, 3, 1).numpy()
        assert picture.shape == (1, SIZE, SIZE, 3) and picture.std() > 5.0
        assert np.abs(picture - levels).max() <= 1.0  # a half may round to either side


def only_block(bank: Bank, number: int) -> Bank:
    """The bank with its block of this number alone read."""
    bias = [torch.full(key.shape[:2], 0.0 if k == number else -1e4) for k, key in enumerate(bank.keys)]
    return Bank(bank.keys, bank.values, tuple(bias))


def test_bias_weighs_single_rows(arc: Arc2Face, tokens: Tensor, bank: Bank) -> None:
    with torch.no_grad():
        none, third = (
            denoise(arc.unet, NOISE, torch.tensor([500.0]), tokens, Reading(bank=only_block(bank, number)))
            for number in (99, 3)
        )
        plain = denoise(arc.unet, NOISE, torch.tensor([500.0]), tokens, Reading())
    assert apart(none, plain) <= CLOSE
    assert apart(third, plain) > 100 * CLOSE


def test_banks_are_joined_kept_in_halves_and_refused_of_another_network(
    arc: Arc2Face, tokens: Tensor, bank: Bank
) -> None:
    both = arc.bank(np.stack([PHOTO, PHOTO[::-1]]), tokens)
    pair = joined([bank, arc.bank(np.ascontiguousarray(PHOTO[::-1]), tokens)])
    for one, other in zip(both.keys, pair.keys, strict=True):
        assert apart(one, other) <= CLOSE
    back = bank_from(rows_of(bank), "cpu", torch.float32)
    assert all(apart(one, other) <= 2**-11 for one, other in zip(back.keys, bank.keys, strict=True))
    with pytest.raises(ValueError, match="blocks, got 3"):
        bank_of(arc.unet, bank.keys[:3])
    with pytest.raises(ValueError, match="float16"):
        rows_of(Bank((torch.full((1, 2, 4), 1e5),), (torch.zeros(1, 2, 4),)))
    with pytest.raises(ValueError, match=r"bank belongs to a UNet with 1 blocks"):
        arc.generate(tokens, VECTORS[:1], NOISE, steps=1, bank=Bank(bank.keys[:1], bank.values[:1]))


def test_anchors_are_every_second_row_and_column_of_what_each_expression_holds(
    arc: Arc2Face, tokens: Tensor, bank: Bank
) -> None:
    found = arc.anchor_bank(tokens, VECTORS[:2], NOISE[0], 999, bank)
    alone = arc.anchor_bank(tokens, VECTORS[1:2], NOISE[0], 999, bank)
    for keys, own, rows in zip(found.keys, alone.keys, bank.keys, strict=True):
        side = round(rows.shape[1] ** 0.5)
        assert own.shape[1] == (-(-side // 2)) ** 2
        assert apart(keys[:, own.shape[1] :], own) <= CLOSE
    assert apart(alone.keys[3], arc.anchor_bank(tokens, VECTORS[:1], NOISE[0], 999, bank).keys[3]) > 100 * CLOSE


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4, 8, 16])
def test_a_picture_does_not_depend_on_how_many_others_are_drawn(
    arc: Arc2Face, tokens: Tensor, bank: Bank, count: int
) -> None:
    how: dict[str, Any] = {"steps": 3, "bank": bank}
    alone = arc.generate(tokens, VECTORS[:1], NOISE, **how)
    assert apart(arc.generate(tokens, VECTORS[:count], NOISE, **how)[:1], alone) <= CLOSE
    pair, several = (arc.generate(tokens, VECTORS[:size], NOISE, share=0.6, **how) for size in (2, count))
    assert apart(several[:2], pair) <= CLOSE
    assert apart(pair[:1], alone) <= CLOSE  # the first reads only itself
    assert apart(pair[1:], arc.generate(tokens, VECTORS[1:2], NOISE, **how)) > 100 * CLOSE


def test_sharing_is_a_softmax_over_both_pictures_rows(arc: Arc2Face, tokens: Tensor) -> None:
    """In the first block alone, where nothing before it has been shared."""
    block = peers.blocks_of(arc.unet)[0].attn1
    rows = torch.from_numpy(normal(2, 9, block.to_q.in_features, seed=7))
    with torch.no_grad():
        found = block(rows, reading=Reading(share=0.3))
        wanted = peers.Concatenating(rows[:1], float(np.log(0.3)))(block, rows)
    assert apart(found[1], wanted[1]) <= CLOSE
    assert apart(found[0], peers.Concatenating(None)(block, rows)[0]) <= CLOSE


def test_half_precision_draws_nearly_the_same(published: Path, arc: Arc2Face, tokens: Tensor, bank: Bank) -> None:
    wanted = arc.generate(tokens, VECTORS[:1], NOISE, steps=4)
    half = open_arc2face(published, dtype=torch.bfloat16)
    found = half.generate(tokens, VECTORS[:1], NOISE, steps=4)
    assert found.dtype == torch.float32
    assert float((found - wanted).square().mean().sqrt() / wanted.std()) < 0.1
