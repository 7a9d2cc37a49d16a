"""The face at rest, taken from the last half second of a performance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from omote.engine.nouns import Actor, Array, Signal

from .retarget import seen_weights

SPAN_S = 0.5


class NoFaceError(ValueError):
    """Nobody was seen, so there is no face to be the one at rest."""


class RecentFaces:
    """The faces that were seen within the last half second. Written from one thread, read from any."""

    def __init__(self) -> None:
        self._signals: tuple[Signal, ...] = ()  # replaced as a whole, so that no reader sees half a change

    def pass_to(self, now_ns: int, signal: Signal | None = None) -> None:
        """It is now so late, and this was seen, if anything."""
        new = (signal,) if signal is not None and signal.is_tracked else ()
        oldest_ns = now_ns - int(SPAN_S * 1e9)
        self._signals = tuple(one for one in (*self._signals, *new) if oldest_ns <= one.stamp.captured_ns <= now_ns)

    def forget(self) -> None:
        self._signals = ()

    def at_rest(self, actor: Actor) -> Actor:
        """The same actor, who rests as they did just now; NoFaceError where nobody was seen."""
        signals = self._signals
        if not signals:
            raise NoFaceError("no face was seen in the last half second: look into the camera and ask again")
        return replace(
            actor,
            neutral=np.clip(_middle([seen_weights(signal) for signal in signals]), 0.0, 1.0),
            neutral_rotation=_middle([signal.head_rotation for signal in signals]),
            neutral_translation=_middle([signal.head_translation for signal in signals]),
        )


def _middle(rows: Sequence[Array]) -> Array:
    """The median: a blink in that half second is no part of the rest."""
    return np.asarray(np.median(rows, axis=0), np.float32)
