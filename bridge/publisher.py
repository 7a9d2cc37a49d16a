"""Publishes pictures and face parameters over ZeroMQ from a thread of its own; the sender never waits."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Self

import zmq

from . import endpoint, frame
from .authentication import ServerAuthenticator
from .endpoint import PARAMS_ENDPOINT, VIDEO_ENDPOINT
from .fields import WireError
from .frame import Body, Header
from .keys import ServerKeys
from .latest import Latest
from .payload import Hello, Params, Schema, Video
from .picture import FORMATS, Format

_ANNOUNCE_PERIOD_NS = 1_000_000_000
_POLL_S = 0.1


@dataclass(frozen=True)
class Sample:
    """One moment of a performance, as the sender hands it over; the picture must not be written to afterwards."""

    index: int
    captured_ns: int
    generated_ns: int
    wall_ns: int
    video: Video
    params: Params

    def __post_init__(self) -> None:
        if self.video.alpha == "premultiplied":
            raise WireError("a shot's picture has straight alpha, for the other is made of it; got premultiplied")


class Publisher:
    """Publishes on two endpoints from a thread of its own; `with` binds and unbinds them.

    `publish` only puts the shot into a mailbox of one, so a slow network never
    slows the animator. A picture is encoded once for each format that somebody
    subscribes to, and for no other. `on_sent(index, sent_ns)` is called from the
    publisher's thread when a shot has been handed to the network, or at once
    where nobody listens. With `keys` only clients that they allow are let in;
    without, only programs of this user on this machine, or with `open_local` of
    all its users.
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
        for address in (params, video):
            endpoint.check_bind(address, keys)
        self.params_endpoint = params  # after `with`, the ports that were bound
        self.video_endpoint = video
        self.subject = subject
        self.session = secrets.randbits(64)
        self.hello = hello or Hello("", frame.VERSION, FORMATS, video=0, params=0, control=0, methods=())
        self.sent_pictures = 0  # of all formats together
        self.sent_params = 0
        self._topics = {kind: frame.topic(kind, subject) for kind in (frame.PARAMS, frame.SCHEMA, frame.HELLO)}
        self._formats = {frame.topic(frame.VIDEO, subject, format): format for format in map(Format.parse, FORMATS)}
        self._on_sent = on_sent
        self._clock = clock
        self._wall_clock = wall_clock
        self._keys, self._open_local = keys, open_local
        self._gate: ServerAuthenticator | None = None
        self._slot: Latest[Sample] = Latest()
        self._listening = frozenset[str]()
        self._stack = ExitStack()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
            stack.callback(context.destroy, linger=0)
            gate = stack.enter_context(ServerAuthenticator(context, self._keys, is_open=self._open_local))
            sockets = [stack.enter_context(_socket(context, gate)) for _ in range(2)]
            self.params_endpoint = endpoint.bind(sockets[0], "params", self.params_endpoint)
            self.video_endpoint = endpoint.bind(sockets[1], "video", self.video_endpoint)
            self._stack = stack.pop_all()
        port_of = endpoint.port_of
        self.hello = replace(self.hello, params=port_of(self.params_endpoint), video=port_of(self.video_endpoint))
        self._gate = gate
        lanes = TopicSocket(sockets[0], self._topics.values()), TopicSocket(sockets[1], self._formats)
        self._thread = threading.Thread(target=self._serve, args=(gate, *lanes), name="publisher", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._slot.close()
        if self._thread:
            self._thread.join()
        self._stack.close()

    @property
    def dropped(self) -> int:
        """Shots that a newer one replaced before they could be sent."""
        return self._slot.replaced

    @property
    def listening(self) -> frozenset[str]:
        """The topics that somebody subscribes to: `p/omote`, `v.jpeg/omote`."""
        return self._listening

    @property
    def rejected_handshakes(self) -> int:
        """How often somebody knocked and was not let in."""
        return self._gate.rejected if self._gate else 0

    def publish(self, shot: Sample) -> None:
        """Makes `shot` the next to be sent. Returns at once."""
        self._slot.put(shot)

    def _serve(self, gate: ServerAuthenticator, params: TopicSocket, video: TopicSocket) -> None:
        announce_ns = self._clock()
        while True:
            shot = self._slot.take(0.0 if params.is_behind or video.is_behind else _POLL_S)
            gate.watch()
            video.hear()
            if params.hear() or self._clock() >= announce_ns:
                self._announce(params)
                announce_ns = self._clock() + _ANNOUNCE_PERIOD_NS
            self._listening = frozenset(topic.decode() for topic in params.listening | video.listening)
            if shot:
                self._send(shot, params, video)
            elif self._slot.is_closed:
                return

    def _send(self, shot: Sample, params: TopicSocket, video: TopicSocket) -> None:
        # The small message first: it must not wait behind a picture. For the same reason raw pictures come first.
        topic = self._topics[frame.PARAMS]
        if topic in params.listening:
            params.send(topic, frame.body(shot.params), lambda sequence: self._header(shot, sequence))
            self.sent_params += 1
        for topic, format in self._formats.items():
            if topic in video.listening:
                video.send(topic, frame.body(shot.video, format), lambda sequence: self._header(shot, sequence))
                self.sent_pictures += 1
        if self._on_sent:
            self._on_sent(shot.index, self._clock())

    def _header(self, shot: Sample, sequence: int) -> Header:
        return Header(
            session=self.session,
            sequence=sequence,
            index=shot.index,
            captured_ns=shot.captured_ns,
            generated_ns=shot.generated_ns,
            sent_ns=self._clock(),
            wall_ns=shot.wall_ns,
            subject=self.subject,
        )

    def _announce(self, lane: TopicSocket) -> None:
        for kind, payload in ((frame.SCHEMA, Schema()), (frame.HELLO, self.hello)):
            topic = self._topics[kind]
            if topic in lane.listening:
                lane.send(topic, frame.body(payload), self._announcement)

    def _announcement(self, sequence: int) -> Header:
        now_ns = self._clock()
        return Header(self.session, sequence, 0, now_ns, now_ns, now_ns, self._wall_clock(), self.subject)


def _socket(context: zmq.Context[zmq.Socket[bytes]], gate: ServerAuthenticator) -> zmq.Socket[bytes]:
    socket = context.socket(zmq.XPUB)
    for option, value in _OPTIONS.items():
        socket.setsockopt(option, value)
    gate.guard(socket)
    return socket


_OPTIONS = {
    zmq.XPUB_VERBOSE: 1,  # tells of every subscriber, not only of the first to each topic
    zmq.SNDHWM: 4,
    zmq.LINGER: 0,
    zmq.HEARTBEAT_IVL: 1000,
    zmq.HEARTBEAT_TIMEOUT: 3000,
    zmq.HEARTBEAT_TTL: 3000,
    zmq.HANDSHAKE_IVL: 5000,
    zmq.TCP_KEEPALIVE: 1,
    zmq.MAXMSGSIZE: 1024,  # nothing but subscriptions comes in
}


_SUBSCRIBED, _UNSUBSCRIBED = b"\x01", b"\x00"  # with what the news of a subscription begins
_SUBSCRIPTIONS_PER_POLL = 1000  # so that a flood of them holds up no picture


class TopicSocket:
    """Sends messages under a few topics, and knows which of them anybody wants. For one thread."""

    def __init__(self, socket: zmq.Socket[bytes], topics: Iterable[bytes]) -> None:
        self.socket = socket  # XPUB
        self.listening = frozenset[bytes]()  # the topics that somebody subscribes to
        self.is_behind = False  # there was more to hear than fits into one turn
        self._topics = tuple(topics)
        self._prefixes: set[bytes] = set()
        self._sequence = dict.fromkeys(self._topics, 0)

    def hear(self) -> bool:
        """Notes who came and who went; True where somebody came."""
        news = self._news()
        for one in news:
            self._note(one)
        if news:
            self.listening = frozenset(topic for topic in self._topics if self._is_wanted(topic))
        return any(one[:1] == _SUBSCRIBED for one in news)

    def _news(self) -> list[bytes]:
        news: list[bytes] = []
        while len(news) < _SUBSCRIPTIONS_PER_POLL and self.socket.poll(0):
            news.append(self.socket.recv())
        self.is_behind = len(news) == _SUBSCRIPTIONS_PER_POLL
        return news

    def _note(self, news: bytes) -> None:
        kind, prefix = news[:1], news[1:]
        if kind == _SUBSCRIBED and any(_is_subscription_to(topic, prefix) for topic in self._topics):
            self._prefixes.add(prefix)
        elif kind == _UNSUBSCRIBED:
            self._prefixes.discard(prefix)

    def _is_wanted(self, topic: bytes) -> bool:
        return any(_is_subscription_to(topic, prefix) for prefix in self._prefixes)

    def send(self, topic: bytes, body: Body, stamp: Callable[[int], Header]) -> None:
        """Sends this body; `stamp` makes the header of the sequence number that it is told, and is called last."""
        header = stamp(self._sequence[topic])
        self._sequence[topic] += 1
        # libzmq's one copy of a 1 MiB picture costs 0.05 ms; its zero-copy way has rare pauses of 20 ms.
        self.socket.send_multipart(frame.message(header, body))


def _is_subscription_to(topic: bytes, prefix: bytes) -> bool:
    """Whoever subscribes to `v`, or to everything, wants no fourteen encodings of each picture."""
    return topic.startswith(prefix) and (b"/" in prefix or b"." not in topic.partition(b"/")[0])
