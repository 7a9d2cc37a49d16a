"""An iPhone as a source: listens for the packets of Epic's Live Link Face app, and answers nothing."""

from __future__ import annotations

import errno
import logging
import socket
import time
from collections.abc import Callable
from typing import Self

import numpy as np

from omote.bridge import arkit, livelink
from omote.bridge.angles import rotation_from_angles
from omote.bridge.livelink import Packet, ProtocolError
from omote.engine.face.gaze import gaze_from_weights
from omote.engine.nouns import Signal, Stamp

from .source import SourceError

DEFAULT_PORT = livelink.PORT
LOOPBACK = "127.0.0.1"
ANY_ADDRESS = "0.0.0.0"  # what a phone can reach; whoever names this source asks for it, and is told
SILENCE_S = 2.0  # the longest that one read waits
_MAX_DATAGRAM = 65535
_DATAGRAMS_A_READ = 64  # a flood must not hold up a read

_log = logging.getLogger(__name__)


class LiveLinkSource:
    """Signals from the first phone that sends a valid packet; every other sender is ignored until `with` ends.

    The phone's clock is not ours: a signal counts as captured when its packet
    arrived, so what camera, tracking and Wi-Fi took before is not in our latency.
    """

    def __init__(
        self,
        port: int = DEFAULT_PORT,
        host: str = ANY_ADDRESS,
        clock: Callable[[], int] = time.perf_counter_ns,
        wall_clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.name = f"livelink {port}"
        self.port = port  # after `with`, the port that was bound
        self.host = host
        self.dropped = 0  # packets that a newer one overtook
        self.ignored = 0  # packets of other senders, and bytes that were no packet
        self._clock = clock
        self._wall_clock = wall_clock
        self._phone: tuple[str, str] | None = None  # address, device id
        self._index = 0
        self._socket: socket.socket | None = None

    @property
    def notice(self) -> str:
        """Who can reach this source, in a sentence for the person who started it."""
        if self.host == LOOPBACK:
            return f"listening for Live Link Face on UDP port {self.port}, from this machine only"
        return (
            f"listening for Live Link Face on UDP port {self.port} of every network this machine is on; "
            "the first phone that sends a face is taken, nothing is ever answered"
        )

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((self.host, self.port))
        except (OSError, OverflowError) as error:
            self._socket.close()
            raise _bind_error(self.host, self.port, error) from error
        self.port = self._socket.getsockname()[1]
        _log.log(logging.INFO if self.host == LOOPBACK else logging.WARNING, self.notice)
        return self

    def __exit__(self, *error: object) -> None:
        if self._socket:
            self._socket.close()

    def read(self, timeout_s: float) -> Signal | None:
        """The newest face; None where no phone sent one in time."""
        deadline_ns = self._clock() + int(min(timeout_s, SILENCE_S) * 1e9)
        newest: Packet | None = None
        for _ in range(_DATAGRAMS_A_READ):
            left_s = 0.0 if newest else max(deadline_ns - self._clock(), 0) / 1e9
            received = self._receive(left_s)
            if received is None:
                break
            packet = self._accept(*received)
            if packet and newest:
                self.dropped += 1
            newest = packet or newest
        return self._signal(newest) if newest else None

    def _receive(self, timeout_s: float) -> tuple[bytes, str] | None:
        assert self._socket, "a source is opened by `with`"
        self._socket.settimeout(timeout_s)
        try:
            data, address = self._socket.recvfrom(_MAX_DATAGRAM)
        except (TimeoutError, BlockingIOError):
            return None
        return data, address[0]

    def _accept(self, data: bytes, address: str) -> Packet | None:
        """The packet, if it is one and of our phone."""
        try:
            packet = livelink.decode(data)
        except ProtocolError as error:
            if not self.ignored:
                _log.warning("%s sends what is no Live Link Face packet: %s", address, error)
            self.ignored += 1
            return None
        phone = address, packet.device_id
        if self._phone is None:
            self._phone = phone
            _log.info("taking the face of %r at %s", packet.subject, address)
        if phone != self._phone:
            self.ignored += 1
            return None
        return packet

    def _signal(self, packet: Packet) -> Signal:
        stamp = Stamp(self._index, self._clock(), self._wall_clock())
        self._index += 1
        if packet.values is None:
            return Signal(stamp, np.zeros(arkit.COUNT, np.float32), confidence=0.0)
        # The app overshoots by a hair on both sides. Its eye angles are left aside: the weights say in words which way
        # an eye looks, the angles need a sign that nobody has yet held against a real iPhone.
        weights = np.clip(packet.values[: arkit.COUNT], 0.0, 1.0)
        head = packet.values[arkit.COUNT : arkit.COUNT + 3]
        return Signal(stamp, weights, rotation_from_angles(head), gaze=gaze_from_weights(weights))


def _bind_error(host: str, port: int, error: Exception) -> SourceError:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return SourceError(
            f"UDP port {port} is taken by another program; stop that one, or choose another port, "
            f"here (livelink:{port + 1}) and in the app"
        )
    return SourceError(f"cannot listen on {host} UDP port {port}: {error}; wanted a free port from 1024 to 65535")
