"""diffusers' schedulers with the noise schedule of Stable Diffusion 1.5, and their few-step plans as numbers."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from diffusers import DPMSolverMultistepScheduler, LCMScheduler, TCDScheduler
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from .sampling import FewStep, Plan, Plans, Predict, Step, check_steps, most_steps

# As scheduler_config.json of the published Stable Diffusion 1.5 says.
_SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
_PROBE = 64  # numbers in a probe of a scheduler's noise


def dpm_solver(predict: Predict, x: Tensor, steps: int) -> Tensor:
    """The clean latent by DPM-Solver++ 2M (arXiv 2211.01095), as the authors of Arc2Face draw."""
    if not 1 <= steps < 1000:
        raise ValueError(f"the DPM solver takes 1 to 999 steps, got {steps}")
    scheduler = DPMSolverMultistepScheduler.from_config(_SCHEDULE)
    scheduler.set_timesteps(steps)
    for timestep in scheduler.timesteps:
        x = scheduler.step(predict(x, int(timestep)), timestep, x).prev_sample
    return x


@cache
def few_step_plan(sampler: FewStep, steps: int) -> Plan:
    """The steps of this sampler as numbers, read off diffusers' scheduler; ValueError where it takes other counts.

    "student" is ours and takes one step: the noise stands for x at timestep 999, and the clean part is the picture.
    """
    check_steps(sampler, steps)
    if sampler == "student":
        alpha = float(LCMScheduler.from_config(_SCHEDULE).alphas_cumprod[999])
        return (Step(999, alpha**-0.5, -((1.0 / alpha - 1.0) ** 0.5), 0.0),)
    return tuple(_probed(sampler, steps, number) for number in range(steps))


def few_step_plans(sampler: FewStep) -> Plans:
    """All plans of a sampler, which go into an exported model."""
    return {steps: few_step_plan(sampler, steps) for steps in range(1, most_steps(sampler) + 1)}


def _probed(sampler: FewStep, steps: int, number: int) -> Step:
    """A step is linear in x, eps and noise: one at a time is 1."""
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
