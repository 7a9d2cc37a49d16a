"""From noise to a latent: the samplers of Stable Diffusion 1.5's schedule, on NumPy arrays and torch tensors alike.

Equal to diffusers' schedulers made from that model's published configuration. Nothing here is random: what noise comes
between steps is given, so a picture is a function of what it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Predict = Callable[[Any, int], Any]  # (x, timestep) -> eps, the noise in x
FewStep = Literal["lcm", "tcd", "student"]
FEW_STEPS: tuple[FewStep, ...] = get_args(FewStep)

_LEVELS = 1000  # timesteps that the model was trained on, 0 nearly clean
_BETAS = 0.00085, 0.012
_DISTILLED = 50  # timesteps that consistency models were distilled on, of which few are taken
_LCM_TIME_SCALE, _LCM_SIGMA_DATA = 10.0, 0.5
TCD_ETA = 0.3  # the authors' own
_BETWEEN_SEED = 20261122


@cache
def _alphas() -> NDArray[np.float64]:
    """[1000] the share of the picture's variance in x at each timestep; betas in float32, as the model had them."""
    low, high = _BETAS
    betas = np.linspace(low**0.5, high**0.5, _LEVELS, dtype=np.float32) ** 2
    return np.cumprod(np.float32(1.0) - betas, dtype=np.float64)


def signal_and_noise(timestep: int) -> tuple[float, float]:
    """a and b of x = a * clean + b * noise; IndexError beyond 999."""
    alpha = float(_alphas()[timestep])
    return math.sqrt(alpha), math.sqrt(1.0 - alpha)


def clean(x: Any, eps: Any, timestep: int) -> Any:
    """The clean latent of which x is made if eps is the noise in it."""
    a, b = signal_and_noise(timestep)
    return (x - b * eps) / a


@dataclass(frozen=True)
class StepPlan:
    """One step of a few-step sampler in numbers: next = of_x * x + of_eps * eps + of_noise * noise.

    As nothing else of the steps before is needed, pictures at different steps can stand in one batch.
    """

    timestep: int
    of_x: float
    of_eps: float
    of_noise: float  # 0 in the last step

    def after(self, x: Any, eps: Any, noise: Any = 0.0) -> Any:
        """x of the next step; the clean latent where this was the last."""
        return self.of_x * x + self.of_eps * eps + self.of_noise * noise


def few_step_plan(sampler: FewStep, steps: int, eta: float = TCD_ETA) -> tuple[StepPlan, ...]:
    """The steps in order; ValueError where the sampler cannot take so many.

    "lcm" and "tcd" are the samplers of the LoRAs of those names (Hyper-SD's wants "tcd"); `eta` is how much of the
    noise TCD renews between steps, 0 none to 1 all. "student" is ours, and one step: the noise stands for x at
    timestep 999, and the picture is what is clean in it.
    """
    if sampler == "student":
        return _student(steps)
    taken = _few_timesteps(sampler, steps)
    following = (*taken[1:], None)
    if sampler == "lcm":
        return tuple(_lcm_step(now, then) for now, then in zip(taken, following, strict=True))
    return tuple(_tcd_step(now, then or 0, eta) for now, then in zip(taken, following, strict=True))


def _few_timesteps(sampler: str, steps: int) -> tuple[int, ...]:
    """Evenly among the timesteps 999, 979, ... 19 that the model was distilled on."""
    if sampler not in FEW_STEPS:
        raise ValueError(f'no few-step sampler is called "{sampler}": there are {", ".join(FEW_STEPS)}')
    if not 1 <= steps <= _DISTILLED:
        raise ValueError(f'"{sampler}" takes 1 to {_DISTILLED} steps, got {steps}')
    apart = _LEVELS // _DISTILLED
    return tuple(_LEVELS - 1 - apart * (step * _DISTILLED // steps) for step in range(steps))


def _lcm_step(now: int, then: int | None) -> StepPlan:
    """Latent consistency models (arXiv 2310.04378), algorithm 3: clean at once, then noise again."""
    a, b = signal_and_noise(now)
    time = _LCM_TIME_SCALE * now
    skip = _LCM_SIGMA_DATA**2 / (time**2 + _LCM_SIGMA_DATA**2)
    out = time / math.hypot(time, _LCM_SIGMA_DATA)
    next_a, next_b = (1.0, 0.0) if then is None else signal_and_noise(then)
    return StepPlan(now, next_a * (out / a + skip), -next_a * out * b / a, next_b)


def _tcd_step(now: int, then: int, eta: float) -> StepPlan:
    """Trajectory consistency distillation (arXiv 2402.19159), strategic stochastic sampling; the last ends at 0."""
    a, b = signal_and_noise(now)
    low_a, low_b = signal_and_noise(math.floor((1.0 - eta) * then))
    back = signal_and_noise(then)[0] / low_a
    renewed = math.sqrt(max(1.0 - back * back, 0.0))
    return StepPlan(now, back * low_a / a, back * (low_b - low_a * b / a), renewed)


def _student(steps: int) -> tuple[StepPlan, ...]:
    if steps != 1:
        raise ValueError(f'"student" draws in one step, got {steps}')
    a, b = signal_and_noise(_LEVELS - 1)
    return (StepPlan(_LEVELS - 1, 1.0 / a, -b / a, 0.0),)


def few_steps(predict: Predict, x: Any, plan: Sequence[StepPlan], noises: Sequence[Any]) -> Any:
    """The clean latent; `noises` are those between the steps, one fewer than these. ValueError where they are not."""
    if len(noises) != len(plan) - 1:
        raise ValueError(f"{len(plan)} steps have {len(plan) - 1} noises between them, got {len(noises)}")
    for step, noise in zip(plan, (*noises, 0.0), strict=True):
        x = step.after(x, predict(x, step.timestep), noise)
    return x


def noises_between(shape: Sequence[int], steps: int) -> tuple[NDArray[np.float32], ...]:
    """The same normal noises for everybody, always, one fewer than steps: a still face gives a still picture."""
    random = np.random.RandomState(_BETWEEN_SEED)  # whose stream, unlike a Generator's, NumPy promised never to change
    return tuple(random.standard_normal(tuple(shape)).astype(np.float32) for _ in range(steps - 1))


def dpm_timesteps(steps: int) -> tuple[int, ...]:
    """From 999 evenly to above 0; ValueError unless there are 1 to 999."""
    if not 1 <= steps < _LEVELS:
        raise ValueError(f"the DPM solver takes 1 to {_LEVELS - 1} steps, got {steps}")
    return tuple(int(level) for level in np.linspace(0, _LEVELS - 1, steps + 1).round()[:0:-1])


def dpm_solver(predict: Predict, x: Any, steps: int) -> Any:
    """The clean latent by DPM-Solver++ 2M (arXiv 2211.01095, algorithm 2, midpoint), the last step to sigma 0."""
    taken = dpm_timesteps(steps)
    before: tuple[Any, int] | None = None  # the clean latent as the last step saw it, and when
    for now, then in zip(taken, (*taken[1:], None), strict=True):
        seen = clean(x, predict(x, now), now)
        if then is None:
            return seen
        x = _dpm_step(x, seen, before, now, then)
        before = seen, now
    return x


def _dpm_step(x: Any, seen: Any, before: tuple[Any, int] | None, now: int, then: int) -> Any:
    a, b = signal_and_noise(then)
    advance = _half_log_snr(then) - _half_log_snr(now)
    if before is not None:
        ratio = (_half_log_snr(now) - _half_log_snr(before[1])) / advance
        seen = seen + (seen - before[0]) / (2.0 * ratio)
    return b / signal_and_noise(now)[1] * x - a * math.expm1(-advance) * seen


def _half_log_snr(timestep: int) -> float:
    a, b = signal_and_noise(timestep)
    return math.log(a / b)
