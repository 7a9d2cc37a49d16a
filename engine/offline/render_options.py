"""Makes render settings from options, and refuses what cannot be drawn before any work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast as typed

from ..data import AnyCharacter, PhotorealCharacter
from ..diffusion.schedule import FewStep, few_step_plan
from ..errors import AnimatorError
from ..model.character_file import load_any_character
from ..model.renderer import DEFAULT_SIZE, SIZES, STEPS
from ..photoreal.files import model_digest, published
from ..photoreal.flame_map import the_map
from ..photoreal.licences import require_commercial
from ..photoreal.opening import ALIKE, EXTRA, require_alike
from ..photoreal.recipe import Recipe
from ..photoreal.sheet import ALONE, Wish
from ..runtime.session import AUTO, Build
from .animation import RenderError
from .pictures import render_size_for
from .render import PhotorealSettings, RenderSettings

MIN_SIZE, MAX_SIZE = 16, 4096  # pixels on a side of the written pictures
MAX_FEW_STEPS = 8  # steps of a photoreal character's own sampler; more are of the published weights, guided
_MANY = 999
_DECODER = "vae/diffusion_pytorch_model.safetensors"


@dataclass(frozen=True)
class PhotorealPaths:
    """What photoreal characters want besides themselves, as the settings say it."""

    published: Path | None = None  # the folder; None: where `omote models` says
    flame_map: Path | None = None  # None: the user's own
    allow_noncommercial: bool = False


NO_PATHS = PhotorealPaths()


def resolve_settings(
    cast: Sequence[str],
    size: int | None,
    steps: int,
    runtime: str,
    threads: int | None = None,
    photoreal: PhotorealPaths = NO_PATHS,
    *,
    consistency: bool = True,
) -> RenderSettings:
    """The settings for these characters; `open_renderer` opens them where they are drawn.

    The runtime "auto" is OpenVINO and not the fastest of a trial, so the pictures are the same each time. `size` None
    is the usual one, or a photoreal character's own. With `consistency`, pictures of the open kind are stabilized by
    their neighbours. Errors that a user can mend are RenderError, AnimatorError, CharacterError and those of photoreal
    files.
    """
    if size is not None and not MIN_SIZE <= size <= MAX_SIZE:
        raise RenderError(f"--size must be from {MIN_SIZE} to {MAX_SIZE} pixels, got {size}")
    if threads is not None and threads < 1:
        raise RenderError(f"--threads must be 1 or more, got {threads}")
    people = tuple(load_any_character(name) for name in cast)
    runtime = "openvino" if runtime == AUTO else runtime
    alive = tuple(one for one in people if isinstance(one, PhotorealCharacter))
    if alive:
        return _photoreal_settings(people, alive, size, steps, runtime, threads, photoreal)
    return _reference_settings(people, size or DEFAULT_SIZE, steps, _build(runtime, threads), consistency)


def _reference_settings(
    people: tuple[AnyCharacter, ...], size: int, steps: int, build: Build, consistency: bool
) -> RenderSettings:
    if steps not in STEPS:
        raise RenderError(f"--steps must be one of {', '.join(map(str, STEPS))}, got {steps}")
    return RenderSettings(people, size, steps, build, render_size_for(size, SIZES), consistency=consistency)


def _photoreal_settings(
    people: tuple[AnyCharacter, ...],
    alive: tuple[PhotorealCharacter, ...],
    size: int | None,
    steps: int,
    runtime: str,
    threads: int | None,
    files: PhotorealPaths,
) -> RenderSettings:
    _require_same_weights(people, alive)
    first = alive[0]
    for one in alive:
        require_commercial(one.parts, files.allow_noncommercial)
    to_flame = the_map(files.flame_map)
    is_full = steps > MAX_FEW_STEPS
    if is_full:
        if steps > _MANY:
            raise RenderError(f"--steps must be from 1 to {_MANY} for {first.name}, got {steps}")
        runtime = _pytorch(runtime)
        found = published(files.published)
        for one in alive:
            require_alike(one, found)
        weights = model_digest(found.parts((*ALIKE, _DECODER)))
    else:
        try:
            few_step_plan(typed("FewStep", first.sampler), steps)
        except ValueError as error:
            raise RenderError(
                f"--steps {steps} for {first.name}: {error}; more than {MAX_FEW_STEPS} are guided"
            ) from error
        weights = first.model
    wish = Wish()
    how = PhotorealSettings(
        to_flame,
        files.published and files.published.expanduser().absolute(),  # workers may stand elsewhere
        files.allow_noncommercial,
        guidance=wish.guidance if is_full else None,
        share=wish.share if is_full else ALONE,
        weights=weights,
    )
    build = _build(runtime, threads)
    return RenderSettings(people, size or first.size, steps, build, first.size, how, consistency=False)


def _require_same_weights(people: tuple[AnyCharacter, ...], alive: tuple[PhotorealCharacter, ...]) -> None:
    """One cast is drawn by one network."""
    first = alive[0]
    for one in people:
        if not isinstance(one, PhotorealCharacter):
            raise RenderError(
                f"{one.name} is of the open kind and {first.name} is photoreal: nothing lies between them, and no "
                "rendering shows both; render one after the other"
            )
        if Recipe.of(one) != Recipe.of(first) or one.reference_scale != first.reference_scale:
            raise RenderError(f"{one.name} and {first.name} are drawn by different weights: render one after the other")


def _pytorch(runtime: str) -> str:
    """What draws many steps: where nothing else is asked for, a GPU in half precision, else the processor in full."""
    if runtime in ("pytorch-f32", "pytorch-f16"):
        return runtime
    if runtime not in ("openvino", "pytorch"):
        raise RenderError(
            f"more than {MAX_FEW_STEPS} steps are drawn by PyTorch: --runtime pytorch-f32, or pytorch-f16 on a GPU"
        )
    try:
        from ..diffusion.arc2face.pipeline import fastest_place
    except ImportError as error:
        raise RenderError(
            f"more than {MAX_FEW_STEPS} steps want PyTorch, which cannot be loaded ({error}): {EXTRA}"
        ) from error
    return "pytorch-f16" if fastest_place()[0].type == "cuda" else "pytorch-f32"


def _build(runtime: str, threads: int | None) -> Build:
    try:
        return Build.named(runtime, threads)
    except ValueError as error:
        raise AnimatorError(str(error)) from error
