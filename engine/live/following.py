"""Lets a second loop show the face of another one: the same performance on another character."""

from __future__ import annotations

from typing import Self

from omote.bridge.latest import Latest

from ..data import Actor, Signal
from ..face.performance import Performance, PerformedFace
from .session import LiveSession


class FollowedSource:
    """The signals of another session, as they come; a `Source`."""

    name = "the same performer"

    def __init__(self, session: LiveSession) -> None:
        self._session = session
        self._mailbox: Latest[Signal] = Latest()

    @property
    def dropped(self) -> int:
        """Signals that a newer one replaced before they were read."""
        return self._mailbox.replaced

    def __enter__(self) -> Self:
        self._session.add_listener(self._mailbox.put)
        return self

    def __exit__(self, *error: object) -> None:
        self._session.remove_listener(self._mailbox.put)
        self._mailbox.close()

    def read(self, timeout_s: float) -> Signal | None:
        """The newest signal; None if none came in time."""
        return self._mailbox.take(timeout_s)


class FollowedPerformance(Performance):
    """The face that another session showed last, with its calibration, tuning, expressions and voice."""

    def __init__(self, session: LiveSession) -> None:
        super().__init__(Actor())
        self._session = session

    def follow(self, signal: Signal) -> PerformedFace:
        """The other session's face; until it has one, the face of this signal."""
        return self._session.face or super().follow(signal)

    def wait(self, now_ns: int) -> PerformedFace:
        """The other session's face; until it has one, the face at rest."""
        return self._session.face or super().wait(now_ns)
