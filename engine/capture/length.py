"""How long a recording plays, before it is played: as far as its file says so."""

from __future__ import annotations

from pathlib import Path

from .playback import WHOLE, Playback
from .source import SourceError


def length_of(spec: str, playback: Playback = WHOLE) -> tuple[float, float]:
    """Seconds that a take or a video plays, or this part of it, and pictures a second; `spec` as for `open_source`.

    A video's header may be wrong. SourceError where it cannot be read, or where nothing lies in this part.
    """
    from . import DEMO, TAKE_SUFFIX

    path = DEMO if spec == "demo" else Path(spec).expanduser()
    if path.suffix.lower() == TAKE_SUFFIX:
        from .performed import trimmed
        from .take import read_take

        take = trimmed(read_take(path), playback)
        seconds, fps = take.seconds, take.fps
    else:
        from .film import said_length

        whole_s, fps = said_length(path)
        seconds = min(playback.past_s, whole_s) - playback.start_s
        if seconds <= 0.0:
            raise SourceError(f"no picture of {path.name} lies {playback.span}: it lasts {whole_s:.2f} s")
    return seconds / playback.speed, fps * playback.speed
