"""The few-step samplers as plain numbers, so that exported networks run without torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

FewStep = Literal["lcm", "tcd", "student"]
FEW_STEPS: tuple[FewStep, ...] = get_args(FewStep)
STEPS, GUIDANCE = 25, 3.0  # of the DPM solver, as in the demo of Arc2Face's authors
MOST_STEPS = 8  # of a few-step sampler
STUDENT_STEPS = (1, 2, 4)
MAKING_STEPS: dict[str, int] = {"lcm": 4, "tcd": 1, "student": 1}  # for a new character's picture at rest
Predict = Callable[[Any, int], Any]  # (x, timestep) -> eps, the noise in x
_BETWEEN_SEED = 20261122


@dataclass(frozen=True)
class Step:
    """One step: next = of_x * x + of_eps * eps + of_noise * noise.

    It needs no other state of earlier steps, so one batch can hold pictures at different steps.
    """

    timestep: int
    of_x: float
    of_eps: float
    of_noise: float  # 0 in the last step

    def after(self, x: Any, eps: Any, noise: Any = 0.0) -> Any:
        """x at the next step, or the clean latent after the last step."""
        return self.of_x * x + self.of_eps * eps + self.of_noise * noise


Plan = tuple[Step, ...]
Plans = dict[int, Plan]  # by the number of steps


def check_steps(sampler: str, steps: int) -> None:
    """ValueError if the sampler does not support this number of steps."""
    if sampler not in FEW_STEPS:
        raise ValueError(f'there is no few-step sampler "{sampler}": there are {", ".join(FEW_STEPS)}')
    if steps not in step_counts(sampler):
        counts = "1, 2 or 4" if sampler == "student" else f"1 to {MOST_STEPS}"
        raise ValueError(f'"{sampler}" takes {counts} steps, got {steps}')


def step_counts(sampler: str) -> tuple[int, ...]:
    """The numbers of steps that a few-step sampler supports."""
    return STUDENT_STEPS if sampler == "student" else tuple(range(1, MOST_STEPS + 1))


def few_steps(predict: Predict, x: Any, plan: Plan, noises: Sequence[Any]) -> Any:
    """The clean latent. There is one noise between each two steps."""
    for step, noise in zip(plan, (*noises, 0.0), strict=True):
        x = step.after(x, predict(x, step.timestep), noise)
    return x


def noises_between(shape: Sequence[int], steps: int) -> tuple[NDArray[np.float32], ...]:
    """The noises between this number of steps. They are fixed, so a still face gives a still picture."""
    random = np.random.RandomState(_BETWEEN_SEED)  # NumPy guarantees its stream
    return tuple(random.standard_normal(tuple(shape)).astype(np.float32) for _ in range(steps - 1))


def plans_as_json(plans: Plans) -> dict[str, list[list[float]]]:
    return {str(count): [list(astuple(step)) for step in plan] for count, plan in plans.items()}


def plans_of_json(described: object) -> Plans:
    """The inverse of `plans_as_json`; ValueError for anything else."""
    try:
        rows = {int(count): plan for count, plan in described.items()}  # type: ignore[attr-defined]
        return {
            count: tuple(Step(int(t), float(x), float(e), float(n)) for t, x, e, n in plan)
            for count, plan in rows.items()
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"steps must be rows of four numbers: {error}") from error
