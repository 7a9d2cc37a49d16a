"""The reference receiver: a thread reads all that arrives, the consumer sees the newest, every gap is counted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Self

import zmq

from . import frame
from .authentication import ClientConnection
from .endpoint import check_connect
from .fields import WireError
from .frame import Envelope, Frame, Header
from .keys import ClientKeys
from .latest import Latest
from .payload import Hello, Schema
from .picture import RGBA8, Format

STALE_NS = 500_000_000
_LOG_PERIOD_NS = 1_000_000_000
_POLL_MS = 100

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReceptionCounts:
    """What has arrived so far. Ages are as right as `Subscriber.offset_ns`."""

    received: int = 0  # pictures and params
    missed: int = 0  # of them: sequence numbers that never came
    announced: int = 0  # schemas and hellos
    rejected: int = 0  # messages that are no frames of our wire
    sessions: int = 0  # runs of the publisher that were seen
    age_ns: int = 0  # of the last picture or params when it came: since it was sent
    latency_ns: int = 0  # and since it was captured


class Subscriber:
    """Listens to one subject at one endpoint; `with` connects, and a publisher may come, go and come again.

    A small receive buffer would not do: the kernel's own buffers hold several
    pictures. Only a thread that never stops reading keeps the newest at hand;
    so that nothing holds it up, a JPEG is decoded by whoever takes it.
    `on_arrival(age_ns)` is called from that thread for each picture and params.
    """

    def __init__(
        self,
        endpoint: str,
        subject: str = frame.DEFAULT_SUBJECT,
        clock: Callable[[], int] = time.perf_counter_ns,
        *,
        format: str = RGBA8.name,
        keys: ClientKeys | None = None,
        on_arrival: Callable[[int], None] | None = None,
    ) -> None:
        check_connect(endpoint)
        self.endpoint = endpoint
        self.subject = subject
        self.format = format
        self.offset_ns = 0  # the sender's clock minus ours; another machine's has to be measured
        self.schema: Schema | None = None
        self.hello: Hello | None = None
        self.last_error = ""
        self._topics = _topics(subject, Format.parse(format))
        self._clock = clock
        self._keys = keys
        self._on_arrival = on_arrival
        self._lock = threading.Lock()  # the consumer counts, too
        self._reception = ReceptionCounts()
        self._slot: Latest[Frame | Envelope] = Latest()
        self._session: int | None = None
        self._sequence: dict[str, int] = {}  # the next one that is wanted, for each topic
        self._arrived_ns: int | None = None  # the last picture or params
        self._is_broken = False  # the last that was taken could not be decoded
        self._may_log_ns = 0
        self._is_stopping = threading.Event()
        self._knocker: ClientConnection | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
            stack.callback(context.destroy, linger=0)
            socket = stack.enter_context(context.socket(zmq.SUB))
            for option, value in _OPTIONS.items():
                socket.setsockopt(option, value)
            for topic in self._topics:
                socket.subscribe(topic)
            self._knocker = stack.enter_context(ClientConnection(socket, self.endpoint, self._keys, self._clock))
            thread = threading.Thread(target=self._run, args=(socket, self._knocker), name="subscriber", daemon=True)
            thread.start()
            stack.callback(thread.join)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_stopping.set()
        self._slot.close()
        self._stack.close()

    def take(self, timeout_s: float) -> Frame | None:
        """The newest picture or params, once; None where none came in time that can be decoded."""
        until_s = time.monotonic() + timeout_s
        while found := self._slot.take(max(until_s - time.monotonic(), 0.0)):
            opened = self._opened(found)
            if opened or time.monotonic() >= until_s:
                return opened
        return None

    def _opened(self, found: Frame | Envelope) -> Frame | None:
        try:
            opened = found.open() if isinstance(found, Envelope) else found
        except WireError as error:
            self._is_broken = True
            self._reject(error)
            return None
        self._is_broken = False
        return opened

    @property
    def reception(self) -> ReceptionCounts:
        """What has arrived so far; the newest of it has been taken, or can be."""
        with self._lock:
            return self._reception

    @property
    def skipped(self) -> int:
        """Frames that arrived and were replaced by newer ones before anybody took them."""
        return self._slot.replaced

    @property
    def is_stale(self) -> bool:
        """True where half a second went by without picture or params: what is on the screen is no longer live."""
        is_late = self._arrived_ns is None or self._clock() - self._arrived_ns > STALE_NS
        return is_late or self._is_broken

    @property
    def refusal(self) -> str:
        """Why the sender does not let us in; "" where it does, or where nobody is there."""
        return self._knocker.refusal if self._knocker else ""

    def _run(self, socket: zmq.Socket[bytes], knocker: ClientConnection) -> None:
        while not self._is_stopping.is_set():
            try:
                parts = socket.recv_multipart(copy=False)
            except zmq.Again:  # nothing came in this turn
                knocker.watch()
                continue
            arrived_ns = self._clock()
            knocker.refusal = ""
            self._read([part.buffer for part in parts], arrived_ns)

    def _read(self, parts: list[memoryview], arrived_ns: int) -> None:
        try:
            envelope = frame.peek(parts)
            if envelope.topic.encode() in self._topics:  # a subscription is a prefix: "omote" also brings "omote-2"
                self._receive(envelope, envelope if envelope.is_compressed else envelope.open(), arrived_ns)
        except WireError as error:
            self._reject(error)

    def _receive(self, envelope: Envelope, message: Frame | Envelope, arrived_ns: int) -> None:
        self._meet(envelope.header.session)
        if isinstance(message, Frame) and isinstance(message.payload, Schema | Hello):
            self._note(message.payload)
            return
        missed = self._count(envelope.topic, envelope.header.sequence)
        age_ns = self._keep(message, envelope.header, missed, arrived_ns)
        if self._on_arrival:
            self._on_arrival(age_ns)

    def _meet(self, session: int) -> None:
        """Another session counts from 0 again."""
        if session == self._session:
            return
        self._session, self._sequence = session, {}
        with self._lock:
            self._reception = replace(self._reception, sessions=self._reception.sessions + 1)

    def _note(self, said: Schema | Hello) -> None:
        if isinstance(said, Schema):
            self.schema = said
        else:
            self.hello = said
        with self._lock:
            self._reception = replace(self._reception, announced=self._reception.announced + 1)

    def _count(self, topic: str, sequence: int) -> int:
        """How many are missing before this one."""
        wanted = self._sequence.get(topic, sequence)
        self._sequence[topic] = sequence + 1
        return max(sequence - wanted, 0)

    def _keep(self, message: Frame | Envelope, header: Header, missed: int, arrived_ns: int) -> int:
        """Makes it the one to be taken; returns how old it was when the last of its bytes was here."""
        self._arrived_ns = arrived_ns
        there_ns = arrived_ns + self.offset_ns
        with self._lock:
            self._slot.put(message)
            self._reception = replace(
                self._reception,
                received=self._reception.received + 1,
                missed=self._reception.missed + missed,
                age_ns=there_ns - header.sent_ns,
                latency_ns=there_ns - header.captured_ns,
            )
        return there_ns - header.sent_ns

    def _reject(self, error: WireError) -> None:
        with self._lock:
            self._reception = replace(self._reception, rejected=self._reception.rejected + 1)
            self.last_error = str(error)
            may_log = self._clock() >= self._may_log_ns
            if may_log:
                self._may_log_ns = self._clock() + _LOG_PERIOD_NS
        if may_log:
            _log.warning("%s: %s (%d so far)", self.endpoint, error, self.reception.rejected)


def _topics(subject: str, format: Format) -> frozenset[bytes]:
    others = (frame.topic(kind, subject) for kind in (frame.PARAMS, frame.SCHEMA, frame.HELLO))
    return frozenset({frame.topic(frame.VIDEO, subject, format), *others})


_OPTIONS = {
    zmq.RCVHWM: 8,
    zmq.RCVTIMEO: _POLL_MS,  # to look whether it has to stop; a poll before each receive would wake it twice
    zmq.LINGER: 0,
    zmq.HANDSHAKE_IVL: 5000,
    zmq.HEARTBEAT_IVL: 1000,
    zmq.HEARTBEAT_TIMEOUT: 3000,
    zmq.RECONNECT_IVL: 100,
    zmq.RECONNECT_IVL_MAX: 2000,
    zmq.TCP_KEEPALIVE: 1,
    zmq.MAXMSGSIZE: frame.MAX_PAYLOAD_BYTES,
}
