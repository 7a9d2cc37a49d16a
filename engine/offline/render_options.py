"""Makes render settings from options, and refuses what cannot be drawn before any work."""

from __future__ import annotations

from collections.abc import Sequence

from ..data import AnyCharacter, PhotorealCharacter
from ..errors import AnimatorError
from ..model.character_file import load_any_character
from ..model.kinds import Settings, kind
from ..model.renderer import DEFAULT_SIZE, SIZES, STEPS
from ..runtime.session import AUTO, Build
from .animation import RenderError
from .pictures import render_size_for
from .render import RenderSettings

MIN_SIZE, MAX_SIZE = 16, 4096  # pixels on a side of the written pictures
USUAL = Settings()


def resolve_settings(
    cast: Sequence[str],
    settings: Settings = USUAL,
    threads: int | None = None,
    *,
    consistency: bool = True,
) -> RenderSettings:
    """The settings for these characters; `open_renderer` opens them where they are drawn.

    The runtime "auto" is OpenVINO and not the fastest of a trial, so the pictures are the same each time. `size` None
    is the usual one, or a photoreal character's own. With `consistency`, pictures of the open kind are stabilized by
    their neighbours. Errors that a user can mend are RenderError, AnimatorError, CharacterError and those of photoreal
    files.
    """
    size, steps = settings.size, settings.steps
    if size is not None and not MIN_SIZE <= size <= MAX_SIZE:
        raise RenderError(f"--size must be from {MIN_SIZE} to {MAX_SIZE} pixels, got {size}")
    if threads is not None and threads < 1:
        raise RenderError(f"--threads must be 1 or more, got {threads}")
    people = tuple(load_any_character(name) for name in cast)
    if any(isinstance(one, PhotorealCharacter) for one in people):
        found = kind().render_settings(people, settings, threads)
        assert isinstance(found, RenderSettings)
        return found
    runtime = "openvino" if settings.runtime == AUTO else settings.runtime
    return _reference_settings(people, size or DEFAULT_SIZE, steps, _build(runtime, threads), consistency)


def _reference_settings(
    people: tuple[AnyCharacter, ...], size: int, steps: int, build: Build, consistency: bool
) -> RenderSettings:
    if steps not in STEPS:
        raise RenderError(f"--steps must be one of {', '.join(map(str, STEPS))}, got {steps}")
    return RenderSettings(people, size, steps, build, render_size_for(size, SIZES), consistency=consistency)


def _build(runtime: str, threads: int | None) -> Build:
    try:
        return Build.named(runtime, threads)
    except ValueError as error:
        raise AnimatorError(str(error)) from error
