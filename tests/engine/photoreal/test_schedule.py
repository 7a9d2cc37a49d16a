"""The samplers against diffusers' schedulers, made from Stable Diffusion 1.5's published configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

from omote.engine.diffusion import schedule  # noqa: E402

# scheduler/scheduler_config.json of Stable Diffusion 1.5, as published.
PUBLISHED = {
    "_class_name": "PNDMScheduler",
    "_diffusers_version": "0.6.0",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}
SHAPE = (2, 4, 5, 6)
STEPS = (1, 2, 4, 8, 25)
# Diffusers keeps its tables in float32, and the DPM solver its samples, too; the first step multiplies by 1 / 0.068.
RTOL, ATOL = 2e-6, 2e-5
GOLDEN = (-1.1866239, 1.1995374, 0.4623757)  # where the noise between the first two steps begins, for everybody


@pytest.fixture
def published(tmp_path: Path) -> Any:
    (tmp_path / "scheduler_config.json").write_text(json.dumps(PUBLISHED))
    return diffusers.PNDMScheduler.from_pretrained(tmp_path).config


@pytest.fixture
def start() -> np.ndarray:
    return np.random.default_rng(1).standard_normal(SHAPE)


def predict(x: Any, timestep: int) -> Any:
    """A network of a kind: of x, and different at each timestep."""
    mixing = np.random.default_rng(timestep).standard_normal((4, 4)) * 0.4
    if isinstance(x, torch.Tensor):
        return torch.einsum("ij,bjhw->bihw", torch.from_numpy(mixing).to(x), torch.tanh(x)) + 0.3 * x
    return np.einsum("ij,bjhw->bihw", mixing, np.tanh(x)) + 0.3 * x


def stepped(scheduler: Any, start: np.ndarray, steps: int, **extra: Any) -> Iterator[tuple[int, np.ndarray]]:
    """Diffusers' (timestep, x after it) of each step."""
    scheduler.set_timesteps(steps)
    x = torch.from_numpy(start)
    for timestep in scheduler.timesteps:
        x = scheduler.step(predict(x, int(timestep)), timestep, x, **extra, return_dict=False)[0].double()
        yield int(timestep), x.numpy()


def noises(steps: int, seed: int = 5) -> list[np.ndarray]:
    """What diffusers draws between the steps by a generator of this seed."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(SHAPE, generator=generator, dtype=torch.float64).numpy() for _ in range(steps - 1)]


def walked(plan: tuple[schedule.StepPlan, ...], start: np.ndarray, between: list[np.ndarray]) -> Iterator[Any]:
    x = start
    for step, noise in zip(plan, [*between, 0.0], strict=True):
        x = step.after(x, predict(x, step.timestep), noise)
        yield step.timestep, x


@pytest.mark.parametrize("steps", (*STEPS, 14, 15))
def test_dpm_solver_equals_diffusers_step_by_step(published: Any, start: np.ndarray, steps: int) -> None:
    theirs = diffusers.DPMSolverMultistepScheduler.from_config(published)
    wanted = list(stepped(theirs, start, steps))
    seen: list[tuple[int, np.ndarray]] = []

    def watched(x: np.ndarray, timestep: int) -> Any:
        seen.append((timestep, x))
        return predict(x, timestep)

    found = schedule.dpm_solver(watched, start, steps)
    assert [timestep for timestep, _ in seen] == [timestep for timestep, _ in wanted]
    for ours, (_, expected) in zip([*(x for _, x in seen[1:]), found], wanted, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=RTOL, atol=ATOL)


@pytest.mark.parametrize("steps", STEPS)
def test_lcm_equals_diffusers_step_by_step(published: Any, start: np.ndarray, steps: int) -> None:
    theirs = diffusers.LCMScheduler.from_config(published)
    wanted = list(stepped(theirs, start, steps, generator=torch.Generator().manual_seed(5)))
    for ours, expected in zip(walked(schedule.few_step_plan("lcm", steps), start, noises(steps)), wanted, strict=True):
        assert ours[0] == expected[0]
        np.testing.assert_allclose(ours[1], expected[1], rtol=RTOL, atol=ATOL)
    np.testing.assert_array_equal(
        schedule.few_steps(predict, start, schedule.few_step_plan("lcm", steps), noises(steps)), ours[1]
    )


@pytest.mark.parametrize("eta", (0.0, 0.3, 1.0))
@pytest.mark.parametrize("steps", STEPS)
def test_tcd_equals_diffusers_step_by_step(published: Any, start: np.ndarray, steps: int, eta: float) -> None:
    theirs = diffusers.TCDScheduler.from_config(published)
    wanted = list(stepped(theirs, start, steps, eta=eta, generator=torch.Generator().manual_seed(5)))
    plan = schedule.few_step_plan("tcd", steps, eta)
    for ours, expected in zip(walked(plan, start, noises(steps)), wanted, strict=True):
        assert ours[0] == expected[0]
        np.testing.assert_allclose(ours[1], expected[1], rtol=RTOL, atol=ATOL)
    np.testing.assert_array_equal(schedule.few_steps(predict, start, plan, noises(steps)), ours[1])


def test_student_takes_the_clean_latent_out_of_its_noise_in_one_step() -> None:
    (step,) = schedule.few_step_plan("student", 1)
    a, b = schedule.signal_and_noise(999)
    clean, noise = np.random.default_rng(2).standard_normal((2, *SHAPE))
    assert step.timestep == 999
    np.testing.assert_allclose(step.after(a * clean + b * noise, noise), clean, atol=1e-12)


def test_student_takes_no_second_step() -> None:
    with pytest.raises(ValueError, match="one step, got 2"):
        schedule.few_step_plan("student", 2)


@pytest.mark.parametrize("steps", (0, 51))
def test_number_of_steps_that_was_never_distilled_is_refused(steps: int) -> None:
    with pytest.raises(ValueError, match=f'"lcm" takes 1 to 50 steps, got {steps}'):
        schedule.few_step_plan("lcm", steps)


def test_unknown_sampler_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match='"ddim": there are lcm, tcd, student'):
        schedule.few_step_plan("ddim", 1)  # type: ignore[arg-type]


def test_noise_too_many_is_refused(start: np.ndarray) -> None:
    with pytest.raises(ValueError, match="2 steps have 1 noises between them, got 2"):
        schedule.few_steps(predict, start, schedule.few_step_plan("lcm", 2), [start, start])


@pytest.mark.parametrize("steps", (0, 1000))
def test_dpm_solver_refuses_more_steps_than_there_are_levels(steps: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 999 steps, got {steps}"):
        schedule.dpm_timesteps(steps)


def test_noises_between_are_the_same_always_and_differ_from_each_other() -> None:
    first, second = schedule.noises_between(SHAPE, 3)
    np.testing.assert_array_equal(schedule.noises_between(SHAPE, 2)[0], first)
    np.testing.assert_allclose(first.ravel()[:3], GOLDEN, rtol=1e-6)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.2


@pytest.mark.parametrize("steps", (1, 4))
def test_torch_and_numpy_float32_give_the_same_latent_in_their_own_precision(start: np.ndarray, steps: int) -> None:
    single, plan = start.astype(np.float32), schedule.few_step_plan("lcm", steps)
    between = [noise.astype(np.float32) for noise in noises(steps)]
    of_numpy = schedule.few_steps(lambda x, t: predict(x, t).astype(np.float32), single, plan, between)
    of_torch = schedule.few_steps(
        predict, torch.from_numpy(single), plan, [torch.from_numpy(noise) for noise in between]
    )
    assert of_numpy.dtype == np.float32 and of_torch.dtype == torch.float32
    np.testing.assert_allclose(of_numpy, of_torch.numpy(), rtol=1e-5, atol=1e-5)
