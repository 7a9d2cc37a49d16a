"""Opens what draws photoreal characters: exported networks by the first runtime that can, in a number of steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from omote.engine.animator import AUTO
from omote.engine.diffusion.schedule import FewStep, few_step_plan
from omote.engine.look import AnimatorError
from omote.engine.nouns import FlameParams, PhotorealCharacter
from omote.engine.runtime.build import Build
from omote.engine.runtime.gpu import gpu_names
from omote.engine.runtime.network import RuntimeUnavailable

from .animator import PhotorealAnimator
from .exported_model import ExportedModel

# In the order in which they are tried where it is left to the machine.
ON_GPU = ("tensorrt-rtx", "tensorrt", "pytorch-compile-f16", "pytorch-f16")
ON_CPU = ("openvino", "onnxruntime")


@dataclass(frozen=True)
class Drawing:
    """Who draws, and why others were not taken, in lines."""

    animator: PhotorealAnimator
    refusals: tuple[str, ...] = ()


def require_drawable(character: PhotorealCharacter, size: int | None, steps: int) -> None:
    """AnimatorError unless this character is of this size, and can be drawn in so many steps."""
    if size not in (None, character.size):
        raise AnimatorError(
            f'character "{character.name}" is drawn with {character.size} pixels on a side, and --size asks for '
            f"{size}: leave out --size"
        )
    try:
        few_step_plan(cast("FewStep", character.sampler), steps)
    except ValueError as error:
        raise AnimatorError(f'--steps {steps} for character "{character.name}": {error}') from error


def open_drawing(
    character: PhotorealCharacter,
    model: ExportedModel,
    steps: int,
    runtime: str,
    to_flame: Callable[[FlameParams], FlameParams],
    *,
    is_live: bool,
) -> Drawing:
    """By this runtime, or by the first that runs here; AnimatorError says why none does.

    A stream of several faces at once is for GPUs, which have room for them: on a processor a call of four takes four
    times as long as a call of one, and all that a stream would bring is delay.
    """
    refusals: list[str] = []
    for name in _candidates(runtime):
        try:
            build = Build.named(name, character.size)
            streams = is_live and steps > 1 and _is_on_gpu(build)
            networks = model.networks(Build.named(name, character.size, batch=steps if streams else 1))
        except (RuntimeUnavailable, ValueError) as error:
            refusals.append(f"{name}: {error}")
            continue
        sampler = cast("FewStep", character.sampler)
        animator = PhotorealAnimator(networks, sampler, steps, to_flame, streams=streams)
        return Drawing(animator, tuple(refusals))
    raise AnimatorError("; ".join(refusals))


def _candidates(runtime: str) -> tuple[str, ...]:
    if runtime != AUTO:
        return (runtime,)
    return (*(ON_GPU if gpu_names() else ()), *ON_CPU)


def _is_on_gpu(build: Build) -> bool:
    return bool(gpu_names()) and build.runtime not in ON_CPU
