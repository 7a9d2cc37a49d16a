"""Publishes pictures and face parameters over ZeroMQ from its own thread; the caller never waits."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Literal, Self

import zmq

from . import frame
from .authentication import ServerAuthenticator
from .endpoint import (
    PARAMS_ENDPOINT,
    SERVER_OPTIONS,
    VIDEO_ENDPOINT,
    BindError,
    EndpointError,
    bind,
    check_bind,
    open_context,
    open_socket,
    port_of,
)
from .fields import WireError
from .frame import EncodedPayload, Header
from .keys import ServerKeys
from .latest import Latest
from .payload import Hello, Params, Schema, Video
from .picture import FORMATS, Format

_ANNOUNCE_PERIOD_NS = 1_000_000_000
_POLL_S = 0.1
_REBIND_TIMEOUT_S = 5.0  # for the thread to change an endpoint, which takes milliseconds
_OPTIONS = {
    **SERVER_OPTIONS,
    zmq.XPUB_VERBOSE: 1,  # reports every subscriber, not only the first of each topic
    zmq.SNDHWM: 4,
    zmq.MAXMSGSIZE: 1024,  # only subscriptions come in
}
_MOST_SUBSCRIPTION_BYTES = 65536  # of one client
_SUBSCRIBED, _UNSUBSCRIBED = b"\x01", b"\x00"  # the first byte of a subscription message
_SUBSCRIPTIONS_PER_POLL = 1000  # so that a flood of them does not delay a picture


@dataclass(frozen=True)
class Sample:
    """A picture and its face parameters; the picture must not be written to afterwards."""

    index: int
    captured_ns: int
    generated_ns: int
    wall_ns: int
    video: Video
    params: Params

    def __post_init__(self) -> None:
        if self.video.alpha == "premultiplied":
            raise WireError("a sample's picture must have straight alpha, got premultiplied")


class Publisher:
    """Publishes on two endpoints from its own thread; `with` binds and unbinds them, `rebind` one of them meanwhile.

    `publish` only puts the sample into a mailbox of one, so a slow network never
    slows the renderer. A picture is encoded once for each format that has a
    subscriber, and for no other. `on_sent(index, sent_ns)` is called from the
    publisher's thread when ZeroMQ has the sample, or at once where there is no
    subscriber. With `keys`, only the clients that they allow may connect;
    without, only programs of this user on this machine, or with `open_local` of
    all its users.

    >>> with Publisher() as publisher:
    ...     publisher.publish(sample)
    """

    def __init__(
        self,
        params: str = PARAMS_ENDPOINT,
        video: str = VIDEO_ENDPOINT,
        subject: str = frame.DEFAULT_SUBJECT,
        on_sent: Callable[[int, int], None] | None = None,
        clock: Callable[[], int] = time.perf_counter_ns,
        wall_clock: Callable[[], int] = time.time_ns,
        *,
        keys: ServerKeys | None = None,
        open_local: bool = False,
        hello: Hello | None = None,
    ) -> None:
        for address in filter(None, (params, video)):
            check_bind(address, keys)
        self.params_endpoint = params  # inside `with`, the address with the port that was bound
        self.video_endpoint = video
        self.subject = subject
        self.session = secrets.randbits(53)  # a float64 holds it: JavaScript and Blueprint have no larger integers
        self.hello = hello or Hello("", frame.VERSION, FORMATS, video=0, params=0, control=0, methods=())
        self.sent_pictures = 0  # of all formats together
        self.sent_params = 0
        self._topics = {kind: frame.topic(kind, subject) for kind in (frame.PARAMS, frame.SCHEMA, frame.HELLO)}
        self._formats = {frame.topic(frame.VIDEO, subject, format): format for format in map(Format.parse, FORMATS)}
        self._on_sent = on_sent
        self._clock = clock
        self._wall_clock = wall_clock
        self._keys, self._open_local = keys, open_local
        self._authenticator: ServerAuthenticator | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._sockets = {"params": TopicSocket(self._topics.values()), "video": TopicSocket(self._formats)}
        self._rebinding: _Rebinding | None = None  # for the thread
        self._may_rebind = threading.Lock()
        self._mailbox: Latest[Sample] = Latest()
        self._listening = frozenset[str]()
        self._stack = ExitStack()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._context = open_context(stack)
            guard = ServerAuthenticator(self._context, self._keys, is_open=self._open_local)
            self._authenticator = stack.enter_context(guard)
            for kind, address in (("params", self.params_endpoint), ("video", self.video_endpoint)):
                stack.callback(self._sockets[kind].close)
                if address:
                    self._bind(kind, address)
            self._stack = stack.pop_all()
        self._thread = threading.Thread(target=self._serve, args=(guard,), name="publisher", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._mailbox.close()
        if self._thread:
            self._thread.join()
        self._stack.close()

    def rebind(self, kind: Literal["params", "video"], address: str) -> None:
        """Binds another address instead, or none if it is "", inside `with` and from any thread.

        Receivers of the old one are disconnected. EndpointError or PortInUseError if it cannot be bound: then the old
        one stays.
        """
        if address:
            check_bind(address, self._keys)
        wanted = _Rebinding(kind, address)
        with self._may_rebind:
            self._rebinding = wanted
            if not wanted.is_done.wait(_REBIND_TIMEOUT_S):
                self._rebinding = None
                raise EndpointError(f"{address or kind} cannot be changed: the publisher does not run")
        if wanted.error:
            raise wanted.error

    @property
    def dropped(self) -> int:
        """Samples that a newer one replaced before they were sent."""
        return self._mailbox.replaced

    @property
    def listening(self) -> frozenset[str]:
        """The topics that have subscribers: `p/omote`, `v.jpeg/omote`."""
        return self._listening

    @property
    def rejected_handshakes(self) -> int:
        """Clients that were refused so far."""
        return self._authenticator.rejected if self._authenticator else 0

    def publish(self, sample: Sample) -> None:
        """Makes `sample` the next to be sent. Returns at once."""
        self._mailbox.put(sample)

    def _bind(self, kind: str, address: str) -> None:
        """Opens a socket for this address, closes the one before, and says so in the hello; "" opens none."""
        assert self._context and self._authenticator
        socket: zmq.Socket[bytes] | None = None
        if address:
            with ExitStack() as opening:
                socket = open_socket(opening, self._context, zmq.XPUB, _OPTIONS)
                limit = self._authenticator.guard(socket, _MOST_SUBSCRIPTION_BYTES)
                opening.callback(self._authenticator.release, limit)  # after the socket: the stack goes backwards
                opening.callback(socket.close)
                address = bind(socket, kind, address)
                closing = opening.pop_all()
        else:
            closing = ExitStack()
        self._sockets[kind].use(socket, closing)
        port = port_of(address) if address else 0
        if kind == "params":
            self.params_endpoint, self.hello = address, replace(self.hello, params=port)
        else:
            self.video_endpoint, self.hello = address, replace(self.hello, video=port)

    def _serve(self, authenticator: ServerAuthenticator) -> None:
        announce_ns, params, video = self._clock(), self._sockets["params"], self._sockets["video"]
        while True:
            if (rebinding := self._rebinding) is not None:
                self._rebinding = None
                rebinding.run(self._bind)
            sample = self._mailbox.take(0.0 if params.is_behind or video.is_behind else _POLL_S)
            authenticator.poll()
            video.read_subscriptions()
            if params.read_subscriptions() or self._clock() >= announce_ns:
                self._announce(params)
                announce_ns = self._clock() + _ANNOUNCE_PERIOD_NS
            self._listening = frozenset(topic.decode() for topic in params.listening | video.listening)
            if sample:
                self._send(sample, params, video)
            elif self._mailbox.is_closed:
                return

    def _send(self, sample: Sample, params: TopicSocket, video: TopicSocket) -> None:
        # Small messages first: params do not wait for a picture, and raw pictures do not wait for an encoder.
        topic = self._topics[frame.PARAMS]
        if topic in params.listening:
            params.send(topic, frame.encode_payload(sample.params), lambda sequence: self._header(sample, sequence))
            self.sent_params += 1
        for topic, format in self._formats.items():
            if topic in video.listening:
                payload = frame.encode_payload(sample.video, format)
                video.send(topic, payload, lambda sequence: self._header(sample, sequence))
                self.sent_pictures += 1
        if self._on_sent:
            self._on_sent(sample.index, self._clock())

    def _header(self, sample: Sample, sequence: int) -> Header:
        return Header(
            session=self.session,
            sequence=sequence,
            index=sample.index,
            captured_ns=sample.captured_ns,
            generated_ns=sample.generated_ns,
            sent_ns=self._clock(),
            wall_ns=sample.wall_ns,
            subject=self.subject,
        )

    def _announce(self, params: TopicSocket) -> None:
        for kind, payload in ((frame.SCHEMA, Schema()), (frame.HELLO, self.hello)):
            topic = self._topics[kind]
            if topic in params.listening:
                params.send(topic, frame.encode_payload(payload), self._announcement_header)

    def _announcement_header(self, sequence: int) -> Header:
        now_ns = self._clock()
        return Header(self.session, sequence, 0, now_ns, now_ns, now_ns, self._wall_clock(), self.subject)


class _Rebinding:
    """A change of an endpoint, for the publisher's thread."""

    def __init__(self, kind: str, address: str) -> None:
        self._kind, self._address = kind, address
        self.is_done = threading.Event()
        self.error: BindError | None = None

    def run(self, bind: Callable[[str, str], None]) -> None:
        """Does it; its error is for the thread that waits."""
        try:
            bind(self._kind, self._address)
        except BindError as error:
            self.error = error
        self.is_done.set()


class TopicSocket:
    """Sends messages under a few topics, and tracks which of them have subscribers. For one thread."""

    def __init__(self, topics: Iterable[bytes]) -> None:
        self.listening = frozenset[bytes]()  # the topics that have subscribers; none without a socket
        self.is_behind = False  # more subscriptions wait than one call reads
        self._socket: zmq.Socket[bytes] | None = None  # XPUB
        self._closing = ExitStack()
        self._topics = tuple(topics)
        self._prefixes: set[bytes] = set()
        self._sequence = dict.fromkeys(self._topics, 0)

    def use(self, socket: zmq.Socket[bytes] | None, closing: ExitStack) -> None:
        """Sends by this socket from now on, or to nobody; `closing` closes it. The one before is closed."""
        self.close()
        self._socket, self._closing = socket, closing

    def close(self) -> None:
        """Closes the socket, if there is one."""
        self._closing.close()
        self._socket, self._prefixes, self.listening, self.is_behind = None, set(), frozenset(), False

    def read_subscriptions(self) -> bool:
        """Updates `listening`; True where there is a new subscriber."""
        if self._socket is None:
            return False
        changes: list[bytes] = []
        while len(changes) < _SUBSCRIPTIONS_PER_POLL and self._socket.poll(0):
            changes.append(self._socket.recv())
        self.is_behind = len(changes) == _SUBSCRIPTIONS_PER_POLL
        for change in changes:
            kind, prefix = change[:1], change[1:]
            if kind == _SUBSCRIBED and any(_matches(topic, prefix) for topic in self._topics):
                self._prefixes.add(prefix)
            elif kind == _UNSUBSCRIBED:
                self._prefixes.discard(prefix)
        if changes:
            self.listening = frozenset(
                topic for topic in self._topics if any(_matches(topic, prefix) for prefix in self._prefixes)
            )
        return any(change[:1] == _SUBSCRIBED for change in changes)

    def send(self, topic: bytes, payload: EncodedPayload, header: Callable[[int], Header]) -> None:
        """Sends this payload; `header` makes its header from the sequence number, and is called last."""
        assert self._socket
        made = header(self._sequence[topic])
        self._sequence[topic] += 1
        # libzmq's one copy of a 1 MiB picture takes 0.05 ms; its zero-copy way has rare pauses of 20 ms.
        self._socket.send_multipart(frame.message(made, payload))


def _matches(topic: bytes, prefix: bytes) -> bool:
    """Whether this subscription includes the topic; `v` or an empty prefix does not ask for all fourteen formats."""
    return topic.startswith(prefix) and (b"/" in prefix or b"." not in topic.partition(b"/")[0])
