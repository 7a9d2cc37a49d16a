"""What a person should check while no face comes over the network: a line after some seconds, then ever more rarely."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from omote.bridge.datagram import ProtocolError

AFTER_NS = 5_000_000_000  # without a face
AGAIN_NS = 60_000_000_000  # at the soonest, and while nothing comes twice as long each time
LONGEST_NS = 16 * AGAIN_NS

_log = logging.getLogger(__name__)


@runtime_checkable
class Hinting(Protocol):
    """A source whose face comes from elsewhere, and may fail to come."""

    @property
    def hint(self) -> str:
        """What a person should check, from any thread; "" as long as faces come."""
        ...


class Hints:
    """Told of every datagram; `look` logs when it is time. Times are those of the source's clock."""

    def __init__(self, title: str, advice: Callable[[], str]) -> None:
        """`advice` is asked for only when it is to be logged."""
        self.told = ""  # the last line, until a face comes
        self._title, self._advice = title, advice
        self._heard_ns = 0  # the last face, or the beginning
        self._may_ns = 0  # no line sooner
        self._pause_ns = AGAIN_NS
        self._notes: dict[str, str] = {}  # the newest of each kind since the last line

    def begin(self, now_ns: int) -> None:
        """The source is open."""
        self._heard_ns, self._may_ns = now_ns, now_ns + AFTER_NS

    def face(self, now_ns: int) -> None:
        """A face has come: the next silence is told of as the first one was."""
        self._heard_ns, self._pause_ns, self.told = now_ns, AGAIN_NS, ""
        self._may_ns = min(self._may_ns, now_ns + AGAIN_NS)
        self._notes.pop("request", None)

    def nonsense(self, address: str, data: bytes, error: ProtocolError) -> None:
        """Somebody sends what is not understood."""
        self._notes["nonsense"] = f"{address} sends {len(data)} bytes as {data[:16]!r}, not understood: {error}"

    def faceless(self, address: str) -> None:
        """Somebody speaks the protocol, but has shown no face yet."""
        self._notes["faceless"] = f"{address} sends {self._title}, but no face"

    def stranger(self, address: str, kept: str) -> None:
        """Somebody sends who is not listened to, for that of `kept` is."""
        who, whom = ("another device at " + address, "the first") if address == kept else (address, kept)
        self._notes["stranger"] = f"{who} sends as well, and is ignored: only {whom} is listened to"

    def request(self, text: str) -> None:
        """What was asked for could not be asked."""
        self._notes["request"] = text

    def look(self, now_ns: int) -> None:
        """Logs a line where no face has come for too long, or where somebody else sends."""
        silent_ns = now_ns - self._heard_ns
        is_silent = silent_ns >= AFTER_NS
        if now_ns < self._may_ns or not (is_silent or self._notes):
            return
        silence = [f"no face for {silent_ns / 1e9:.0f} s: {self._advice()}"] if is_silent else []
        self.told = f"{self._title}: {'; '.join([*silence, *self._notes.values()])}"
        _log.warning("%s", self.told)
        self._notes.clear()
        self._may_ns = now_ns + self._pause_ns
        self._pause_ns = min(2 * self._pause_ns, LONGEST_NS)
