"""The sound that a video brings with it."""

from __future__ import annotations

from pathlib import Path

from .script import RenderError, Sound
from .writing.sound import audible
from .writing.video import installed


def own_sound(video: Path, start_s: float = 0.0) -> Sound | None:
    """Its sound from this second on; None where it has none, or where nobody here can read it."""
    sound = Sound(video, start_s)
    for encoder in installed():
        try:
            audible(encoder, sound)
        except RenderError:
            continue
        return sound
    return None
