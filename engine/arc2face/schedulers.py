"""diffusers' schedulers with Stable Diffusion 1.5's noise schedule, and their few-step plans as numbers."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from diffusers import DPMSolverMultistepScheduler, LCMScheduler, TCDScheduler
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from .sampling import FewStep, Plan, Plans, Predict, Step, check_steps, step_counts

# From scheduler_config.json of the published Stable Diffusion 1.5.
_SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
_PROBE = 64  # numbers in a probe of a scheduler's coefficients


def dpm_solver(
    predict: Predict, noise: Tensor, steps: int, start: Tensor | None = None, strength: float = 1.0
) -> Tensor:
    """The clean latent by DPM-Solver++ 2M (arXiv 2211.01095), the sampler of Arc2Face's authors.

    With `start`, sampling begins at this latent with noise on it (SDEdit, arXiv 2108.01073): a strength of 1 keeps
    hardly anything of it, and one near 0 changes hardly anything. Only that share of the steps is computed.
    """
    if not 1 <= steps < 1000:
        raise ValueError(f"the DPM solver takes 1 to 999 steps, got {steps}")
    scheduler = DPMSolverMultistepScheduler.from_config(_SCHEDULE)
    scheduler.set_timesteps(steps)
    timesteps, x = scheduler.timesteps, noise
    if start is not None:
        first = steps - min(int(steps * strength), steps)
        scheduler.set_begin_index(first)
        timesteps = timesteps[first:]
        x = scheduler.add_noise(start, noise, timesteps[:1]) if len(timesteps) else start
    for timestep in timesteps:
        x = scheduler.step(predict(x, int(timestep)), timestep, x).prev_sample
    return x


@cache
def few_step_plan(sampler: FewStep, steps: int) -> Plan:
    """The steps of this sampler as numbers, measured on diffusers' scheduler; ValueError for an unsupported count.

    "student" is ours: each step predicts the clean latent, and all but the last add noise to it for the next step.
    """
    check_steps(sampler, steps)
    if sampler == "student":
        return _student_plan(steps)
    return tuple(_probed(sampler, steps, number) for number in range(steps))


def few_step_plans(sampler: FewStep) -> Plans:
    """All plans of a sampler, which are stored with an exported model."""
    return {steps: few_step_plan(sampler, steps) for steps in step_counts(sampler)}


def _student_plan(steps: int) -> Plan:
    timesteps = [999 - 1000 * number // steps for number in range(steps)]
    alphas = [signal_share(timestep) for timestep in timesteps]
    return tuple(
        Step(timestep, (then / now) ** 0.5, -((then * (1.0 / now - 1.0)) ** 0.5), (1.0 - then) ** 0.5)
        for timestep, now, then in zip(timesteps, alphas, [*alphas[1:], 1.0], strict=True)
    )


def signal_share(timestep: int) -> float:
    """The square of the clean latent's weight in a noisy latent at this timestep."""
    return float(LCMScheduler.from_config(_SCHEDULE).alphas_cumprod[timestep])


def _probed(sampler: FewStep, steps: int, number: int) -> Step:
    """Measures the coefficients of a step, which is linear in x, eps and noise, by setting one at a time to 1."""
    one, zero = (torch.full((1, 1, 1, _PROBE), value, dtype=torch.float64) for value in (1.0, 0.0))
    noise = randn_tensor(one.shape, generator=_seeded(), dtype=one.dtype)
    by_noise = _stepped(sampler, steps, number, zero, zero)
    of_noise = float((by_noise * noise).sum() / noise.square().sum())
    of_x, of_eps = (
        float((_stepped(sampler, steps, number, x, eps) - by_noise).mean()) for x, eps in ((one, zero), (zero, one))
    )
    return Step(int(_scheduler(sampler, steps).timesteps[number]), of_x, of_eps, of_noise)


def _stepped(sampler: FewStep, steps: int, number: int, x: Tensor, eps: Tensor) -> Tensor:
    scheduler = _scheduler(sampler, steps)
    stepped: Tensor = scheduler.step(eps, scheduler.timesteps[number], x, generator=_seeded()).prev_sample
    return stepped


def _scheduler(sampler: FewStep, steps: int) -> Any:
    scheduler = (LCMScheduler if sampler == "lcm" else TCDScheduler).from_config(_SCHEDULE)
    scheduler.set_timesteps(steps)
    return scheduler


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)
