"""The reference receiver: a thread reads every message, the consumer takes the newest, and gaps are counted."""

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
from .endpoint import CLIENT_OPTIONS, check_connect, open_context, open_socket
from .fields import WireError
from .frame import Envelope, Frame, Header
from .inbound import InboundLimit
from .keys import ClientKeys
from .latest import Latest
from .payload import MAX_PAYLOAD_BYTES, Hello, Schema
from .picture import RGBA8, Format

STALE_NS = 500_000_000
_LOG_PERIOD_NS = 1_000_000_000
_MOST_UNREAD_BYTES = MAX_PAYLOAD_BYTES + 65536  # of one message that has not ended
_MOST_PARTS = 9  # that are kept: 3 to 8 are a message
_OPTIONS = {
    **CLIENT_OPTIONS,
    zmq.RCVHWM: 8,
    # Returns from a receive to see whether to stop; a poll before each receive would wake the thread twice.
    zmq.RCVTIMEO: 50,
    zmq.MAXMSGSIZE: MAX_PAYLOAD_BYTES,
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReceptionCounts:
    """What has arrived so far. Age and transit are as accurate as `Subscriber.offset_ns`."""

    received: int = 0  # pictures and params
    missed: int = 0  # pictures and params whose sequence numbers never came
    announced: int = 0  # schemas and hellos
    rejected: int = 0  # messages that are not frames of our wire
    sessions: int = 0  # runs of the publisher
    age_ns: int = 0  # from capture to arrival, of the last picture or params
    transit_ns: int = 0  # from sending to arrival


class Subscriber:
    """Listens to one subject at one endpoint; `with` connects, and a publisher may stop and start again.

    A small receive buffer is not enough, because the kernel's buffers hold several
    pictures. Only a thread that always reads has the newest at hand, so `take`
    decodes a JPEG in the consumer's thread.

    Parameters
    ----------
    endpoint
        Where Omote sends: `tcp://127.0.0.1:5557` has pictures, `tcp://127.0.0.1:5556` faces.
    subject
        Whose pictures and faces; a sender has one subject, `omote` by default.
    clock
        Nanoseconds of the monotonic clock that the sender's times are compared with.
    format
        Of pictures: `rgba8`, `bgra8`, `jpeg` or `jpeg+lz4a`, as WIRE.md names them. `Video` holds RGBA in any case.
    keys
        Of the key file for this machine, where the sender encrypts: `ClientKeys.load(path)`.
    on_arrival
        Called from the reading thread for each picture and face, with its transit in nanoseconds.

    Raises
    ------
    EndpointError
        For an address that does not name one port of one machine.
    WireError
        For a subject or a format that the wire does not have.

    Examples
    --------
    >>> with Subscriber("tcp://127.0.0.1:5557") as subscriber:
    ...     frame = subscriber.take(timeout_s=1.0)
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
        self.offset_ns = 0  # the sender's clock minus ours, which has to be measured between machines
        self.schema: Schema | None = None
        self.hello: Hello | None = None
        self.last_error = ""
        self._topics = _topics(subject, Format.parse(format))
        self._clock = clock
        self._keys = keys
        self._on_arrival = on_arrival
        self._lock = threading.Lock()  # the consumer's thread counts, too
        self._reception = ReceptionCounts()
        self._mailbox: Latest[Frame | Envelope] = Latest()
        self._session: int | None = None
        self._sequence: dict[str, int] = {}  # the next expected number of each topic
        self._arrived_ns: int | None = None  # of the last picture or params
        self._is_broken = False  # the last that was taken could not be decoded
        self._may_log_ns = 0
        self._is_stopping = threading.Event()
        self._connection: ClientConnection | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            socket = open_socket(stack, open_context(stack), zmq.SUB, _OPTIONS)
            for topic in self._topics:
                socket.subscribe(topic)
            limit = InboundLimit(_MOST_UNREAD_BYTES, self._clock)
            connection = ClientConnection(socket, self.endpoint, self._keys, self._clock, limit)
            self._connection = stack.enter_context(connection)
            arguments = socket, connection, limit
            thread = threading.Thread(target=self._run, args=arguments, name="subscriber", daemon=True)
            thread.start()
            stack.callback(thread.join)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_stopping.set()
        self._mailbox.close()
        self._stack.close()

    def take(self, timeout_s: float) -> Frame | None:
        """The newest picture or face, once.

        Parameters
        ----------
        timeout_s
            How long to wait for one.

        Returns
        -------
        Frame or None
            Its `payload` is a `Video` or `Params`, its `header` has its times; None where none arrived in time that
            can be decoded.
        """
        until_s = time.monotonic() + timeout_s
        while found := self._mailbox.take(max(until_s - time.monotonic(), 0.0)):
            try:
                message = found.open() if isinstance(found, Envelope) else found
            except WireError as error:
                self._is_broken = True
                self._reject(error)
                if time.monotonic() >= until_s:
                    return None
            else:
                self._is_broken = False
                return message
        return None

    @property
    def reception(self) -> ReceptionCounts:
        """What has arrived so far; the newest was taken, or can be taken now."""
        with self._lock:
            return self._reception

    @property
    def skipped(self) -> int:
        """Frames that a newer one replaced before they were taken."""
        return self._mailbox.replaced

    @property
    def is_stale(self) -> bool:
        """Whether half a second passed without picture or params: the picture on the screen is no longer live."""
        is_late = self._arrived_ns is None or self._clock() - self._arrived_ns > STALE_NS
        return is_late or self._is_broken

    @property
    def refusal(self) -> str:
        """Why the sender refuses the connection; empty where it does not, or where there is no sender."""
        return self._connection.refusal if self._connection else ""

    def _run(self, socket: zmq.Socket[bytes], connection: ClientConnection, limit: InboundLimit) -> None:
        while not self._is_stopping.is_set():
            try:
                parts = limit.receive(socket, _MOST_PARTS)
            except zmq.Again:  # the receive timed out
                connection.poll()
                continue
            arrived_ns = self._clock()
            connection.refusal = ""
            self._read([part.buffer for part in parts], arrived_ns)

    def _read(self, parts: list[memoryview], arrived_ns: int) -> None:
        try:
            envelope = frame.peek(parts)
            if envelope.topic.encode() in self._topics:  # a subscription is a prefix: "omote" also brings "omote-2"
                self._receive(envelope, envelope if envelope.is_compressed else envelope.open(), arrived_ns)
        except WireError as error:
            self._reject(error)

    def _receive(self, envelope: Envelope, message: Frame | Envelope, arrived_ns: int) -> None:
        header = envelope.header
        if header.session != self._session:  # sequences begin again
            self._session, self._sequence = header.session, {}
            self._count(sessions=1)
        if isinstance(message, Frame) and isinstance(message.payload, Schema | Hello):
            if isinstance(message.payload, Schema):
                self.schema = message.payload
            else:
                self.hello = message.payload
            self._count(announced=1)
            return
        missed = max(header.sequence - self._sequence.get(envelope.topic, header.sequence), 0)
        self._sequence[envelope.topic] = header.sequence + 1
        transit_ns = self._store(message, header, missed, arrived_ns)
        if self._on_arrival:
            self._on_arrival(transit_ns)

    def _count(self, *, sessions: int = 0, announced: int = 0) -> None:
        with self._lock:
            counts = self._reception
            self._reception = replace(
                counts, sessions=counts.sessions + sessions, announced=counts.announced + announced
            )

    def _store(self, message: Frame | Envelope, header: Header, missed: int, arrived_ns: int) -> int:
        """Makes it the newest; returns its transit, in nanoseconds from sent to arrived."""
        self._arrived_ns = arrived_ns
        there_ns = arrived_ns + self.offset_ns
        with self._lock:
            self._mailbox.put(message)
            self._reception = replace(
                self._reception,
                received=self._reception.received + 1,
                missed=self._reception.missed + missed,
                age_ns=there_ns - header.captured_ns,
                transit_ns=there_ns - header.sent_ns,
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
