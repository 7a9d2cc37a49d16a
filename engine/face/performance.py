"""From what the tracker saw to the face that is drawn: smoothed, retargeted, and there even when nobody is."""

from __future__ import annotations

from omote.engine.nouns import Actor, Signal

from .presence import Presence, Shown
from .retarget import retarget
from .smoothing import Smoothing


class Performance:
    """One performance by one actor; a pure function of its signals and their times."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._smoothing = Smoothing()
        self._presence = Presence()

    def follow(self, signal: Signal) -> Shown:
        """The face for this signal, seen or not."""
        now_ns = signal.stamp.captured_ns
        smooth = self._smoothing.smooth(signal)
        if not smooth.is_tracked:
            return self._presence.wait(now_ns)
        return self._presence.follow(retarget(smooth, self._actor), now_ns)

    def wait(self, now_ns: int) -> Shown:
        """The face while nothing comes from the source at all."""
        return self._presence.wait(now_ns)
