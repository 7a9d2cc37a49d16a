"""Steps of the few-step samplers as plain numbers, so that exported networks are drawn without torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

FewStep = Literal["lcm", "tcd", "student"]
FEW_STEPS: tuple[FewStep, ...] = get_args(FewStep)
MOST_STEPS = 8  # of a few-step sampler
MAKING_STEPS: dict[str, int] = {"lcm": 4, "tcd": 1, "student": 1}  # of the picture at rest, from which a face is read
Predict = Callable[[Any, int], Any]  # (x, timestep) -> eps, the noise in x
_BETWEEN_SEED = 20261122


@dataclass(frozen=True)
class Step:
    """One step: next = of_x * x + of_eps * eps + of_noise * noise.

    No other state of the steps before is needed, so pictures at different steps can stand in one batch.
    """

    timestep: int
    of_x: float
    of_eps: float
    of_noise: float  # 0 in the last step

    def after(self, x: Any, eps: Any, noise: Any = 0.0) -> Any:
        """x of the next step; the clean latent after the last one."""
        return self.of_x * x + self.of_eps * eps + self.of_noise * noise


Plan = tuple[Step, ...]
Plans = dict[int, Plan]  # by the number of steps


def check_steps(sampler: str, steps: int) -> None:
    """ValueError where the sampler cannot take so many steps."""
    if sampler not in FEW_STEPS:
        raise ValueError(f'there is no few-step sampler "{sampler}": there are {", ".join(FEW_STEPS)}')
    most = most_steps(sampler)
    if not 1 <= steps <= most:
        raise ValueError(f'"{sampler}" takes {"1 step" if most == 1 else f"1 to {most} steps"}, got {steps}')


def most_steps(sampler: str) -> int:
    return 1 if sampler == "student" else MOST_STEPS


def few_steps(predict: Predict, x: Any, plan: Plan, noises: Sequence[Any]) -> Any:
    """The clean latent; `noises` are those between the steps, one fewer than steps."""
    for step, noise in zip(plan, (*noises, 0.0), strict=True):
        x = step.after(x, predict(x, step.timestep), noise)
    return x


def noises_between(shape: Sequence[int], steps: int) -> tuple[NDArray[np.float32], ...]:
    """The noises between so many steps, always the same: a still face gives a still picture."""
    random = np.random.RandomState(_BETWEEN_SEED)  # NumPy promises to keep this generator's stream
    return tuple(random.standard_normal(tuple(shape)).astype(np.float32) for _ in range(steps - 1))


def plans_as_json(plans: Plans) -> dict[str, list[list[float]]]:
    return {str(count): [list(astuple(step)) for step in plan] for count, plan in plans.items()}


def plans_of_json(told: object) -> Plans:
    """ValueError where `told` is not what `plans_as_json` gave."""
    try:
        rows = {int(count): plan for count, plan in told.items()}  # type: ignore[attr-defined]
        return {
            count: tuple(Step(int(t), float(x), float(e), float(n)) for t, x, e, n in plan)
            for count, plan in rows.items()
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"its steps must be rows of four numbers: {error}") from error
