"""Opens what draws photoreal characters: exported networks by the first runtime that can, in a number of steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from ..data import FlameParams, PhotorealCharacter
from ..diffusion.schedule import FewStep, few_step_plan
from ..errors import AnimatorError
from ..hardware import gpu_names
from ..runtime.session import AUTO, Build, RuntimeUnavailable
from .animator import PhotorealAnimator
from .exported_model import ExportedModel
from .exporting import candidates, first_networks


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
    streaming = steps if is_live and gpu_names() else 1
    try:
        builds = candidates() if runtime == AUTO else (Build.named(runtime),)
        networks, refusals = first_networks(model, builds, streaming)
    except (RuntimeUnavailable, ValueError) as error:
        raise AnimatorError(str(error)) from error
    sampler = cast("FewStep", character.sampler)
    animator = PhotorealAnimator(networks, sampler, steps, to_flame, streams=networks.batch > 1)
    return Drawing(animator, refusals)
