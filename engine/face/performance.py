"""From what the tracker saw to the face that is drawn: smoothed, retargeted, and there even when nobody is."""

from __future__ import annotations

from dataclasses import replace

from omote.engine.nouns import Actor, Signal

from .expressions import Expression, Overlay
from .presence import Presence, Shown
from .rest import RecentFaces
from .retarget import retarget
from .smoothing import Smoothing


class Performance:
    """One performance by one actor; a pure function of its signals, their times and what somebody asks for.

    `follow` and `wait` are called by the thread that draws, the others by any; these take effect with the next face.
    """

    def __init__(self, actor: Actor) -> None:
        self._told = self._actor = actor
        self._smoothing = Smoothing()
        self._presence = Presence()
        self._overlay = Overlay()
        self._recent = RecentFaces()

    def follow(self, signal: Signal) -> Shown:
        """The face for this signal, seen or not."""
        now_ns = signal.stamp.captured_ns
        self._recent.pass_to(now_ns, signal)
        smooth = self._smoothing.smooth(signal)
        if not smooth.is_tracked:
            return self._with_expression(self._presence.wait(now_ns), now_ns)
        shown = self._presence.follow(retarget(smooth, self._actor), now_ns)
        return self._with_expression(shown, now_ns)

    def wait(self, now_ns: int) -> Shown:
        """The face while nothing comes from the source at all."""
        self._recent.pass_to(now_ns)
        return self._with_expression(self._presence.wait(now_ns), now_ns)

    def express(self, expression: Expression) -> None:
        """Puts an expression on top of what is performed."""
        self._overlay.show(expression)

    def recalibrate(self) -> None:
        """Makes the face of the last half second the one at rest; NoFaceError where none was seen."""
        self._actor = self._recent.at_rest(self._actor)

    def forget_rest(self) -> None:
        """Goes back to the actor as first told: somebody else performs."""
        self._recent.forget()
        self._actor = self._told

    def _with_expression(self, shown: Shown, now_ns: int) -> Shown:
        params = self._overlay.over(shown.params, now_ns)
        return shown if params is shown.params else replace(shown, params=params)
