"""The reference receiver: a thread reads all that arrives, the consumer sees the newest, every gap is counted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import zmq

from . import frame
from .frame import Frame, Schema, WireError
from .latest import Latest

STALE_NS = 500_000_000
_LOG_PERIOD_NS = 1_000_000_000
_TURN_MS = 100

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reception:
    """What has arrived so far. Ages hold for a sender on the same machine, whose monotonic clock is ours."""

    received: int = 0
    missed: int = 0  # sequence numbers that never came
    rejected: int = 0  # messages that are no frames of our wire
    sessions: int = 0  # runs of the publisher that were seen
    age_ns: int = 0  # of the last frame when it came: since it was sent
    latency_ns: int = 0  # and since it was captured


class Subscriber:
    """Listens to one subject at one endpoint; `with` connects, and a publisher may come, go and come again.

    A small receive buffer would not do: the kernel's own buffers hold several
    pictures. Only a thread that never stops reading keeps the newest at hand.
    """

    def __init__(
        self,
        endpoint: str,
        subject: str = frame.DEFAULT_SUBJECT,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.endpoint = endpoint
        self.subject = subject
        self.reception = Reception()
        self.schema: Schema | None = None
        self.last_error = ""
        self._clock = clock
        self._slot: Latest[Frame] = Latest()
        self._session: int | None = None
        self._sequence: dict[str, int] = {}  # the next one that is wanted, for each kind
        self._arrived_ns: int | None = None
        self._may_log_ns = 0
        self._is_stopping = threading.Event()
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._context = zmq.Context()
        socket = self._context.socket(zmq.SUB)
        for option, value in _OPTIONS.items():
            socket.setsockopt(option, value)
        for kind in (frame.VIDEO, frame.PARAMS, frame.SCHEMA):
            socket.subscribe(frame.topic(kind, self.subject))
        socket.connect(self.endpoint)
        self._thread = threading.Thread(target=self._run, args=(socket,), name="subscriber", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_stopping.set()
        self._slot.close()
        if self._thread:
            self._thread.join()
        if self._context:
            self._context.destroy(linger=0)

    def take(self, timeout_s: float) -> Frame | None:
        """The newest picture or params, once; None where none came in time."""
        return self._slot.take(timeout_s)

    @property
    def skipped(self) -> int:
        """Frames that arrived and were replaced by newer ones before anybody took them."""
        return self._slot.replaced

    @property
    def is_stale(self) -> bool:
        """True where nothing has come for half a second: what is on the screen is no longer live."""
        return self._arrived_ns is None or self._clock() - self._arrived_ns > STALE_NS

    def _run(self, socket: zmq.Socket[bytes]) -> None:
        with socket:
            while not self._is_stopping.is_set():
                if socket.poll(_TURN_MS):
                    self._read([part.buffer for part in socket.recv_multipart(copy=False)])

    def _read(self, parts: list[memoryview]) -> None:
        try:
            self._receive(frame.decode(parts))
        except WireError as error:
            self._reject(error)

    def _receive(self, message: Frame) -> None:
        header, now_ns = message.header, self._clock()
        if header.subject != self.subject:
            return  # a subscription is a prefix: "omote" also brings "omote-2"
        if header.session != self._session:
            self._session, self._sequence = header.session, {}
            self.reception = replace(self.reception, sessions=self.reception.sessions + 1)
        wanted = self._sequence.get(message.kind, header.sequence)
        self._sequence[message.kind] = header.sequence + 1
        self._arrived_ns = now_ns
        self.reception = replace(
            self.reception,
            received=self.reception.received + 1,
            missed=self.reception.missed + max(header.sequence - wanted, 0),
            age_ns=now_ns - header.sent_ns,
            latency_ns=now_ns - header.captured_ns,
        )
        if isinstance(message.payload, Schema):
            self.schema = message.payload
        else:
            self._slot.put(message)

    def _reject(self, error: WireError) -> None:
        self.reception = replace(self.reception, rejected=self.reception.rejected + 1)
        self.last_error = str(error)
        if self._clock() >= self._may_log_ns:
            self._may_log_ns = self._clock() + _LOG_PERIOD_NS
            _log.warning("%s: %s (%d so far)", self.endpoint, error, self.reception.rejected)


_OPTIONS = {
    zmq.RCVHWM: 8,
    zmq.LINGER: 0,
    zmq.HANDSHAKE_IVL: 5000,
    zmq.HEARTBEAT_IVL: 1000,
    zmq.HEARTBEAT_TIMEOUT: 3000,
    zmq.RECONNECT_IVL: 100,
    zmq.RECONNECT_IVL_MAX: 2000,
    zmq.TCP_KEEPALIVE: 1,
    zmq.MAXMSGSIZE: frame.MAX_PAYLOAD_BYTES,
}
