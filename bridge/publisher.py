"""Sends pictures and face parameters to whoever listens on this machine, and never makes the sender wait."""

from __future__ import annotations

import errno
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import zmq

from . import frame
from .frame import Frame, Header, Params, Schema, Video
from .latest import Latest

PARAMS_ENDPOINT = "tcp://127.0.0.1:5556"
VIDEO_ENDPOINT = "tcp://127.0.0.1:5557"

_LOOPBACK = re.compile(r"tcp://127(\.[0-9]{1,3}){3}:([0-9]{1,5}|\*)\Z")
_SCHEMA_PERIOD_NS = 1_000_000_000
_TURN_S = 0.1
_NEWS_A_TURN = 64


class PublisherError(Exception):
    """The publisher cannot start: `EndpointError`, `PortInUseError`. The message is one line, with the cure."""


class EndpointError(PublisherError):
    """The address is none that may be bound."""


class PortInUseError(PublisherError):
    """Another program has the port."""


@dataclass(frozen=True)
class Shot:
    """One moment of a performance, as the sender hands it over; the picture must not be written to afterwards."""

    index: int
    captured_ns: int
    generated_ns: int
    wall_ns: int
    video: Video
    params: Params


class _Lane:
    """One XPUB socket: who listens to it, and how far each of its topics has counted."""

    def __init__(self, socket: zmq.Socket[bytes], subject: str) -> None:
        self.socket = socket
        self._subject = subject
        self._wanted: set[bytes] = set()
        self._sequence: dict[str, int] = {}

    def hear(self) -> bool:
        """Notes who came and who went; True where somebody came."""
        has_new = False
        for _ in range(_NEWS_A_TURN):
            if not self.socket.poll(0):
                break
            news = self.socket.recv()
            if news[:1] == b"\x01":
                self._wanted.add(news[1:])
                has_new = True
            elif news[:1] == b"\x00":
                self._wanted.discard(news[1:])
        return has_new

    def is_wanted(self, kind: str) -> bool:
        name = frame.topic(kind, self._subject)
        return any(name.startswith(prefix) for prefix in self._wanted)

    def next_sequence(self, kind: str) -> int:
        sequence = self._sequence.get(kind, 0)
        self._sequence[kind] = sequence + 1
        return sequence

    def send(self, message: Frame) -> None:
        # libzmq's one copy of a 1 MiB picture costs 0.05 ms; its zero-copy way has rare pauses of 20 ms.
        self.socket.send_multipart(frame.encode(message))


class Publisher:
    """Publishes on two endpoints from a thread of its own; `with` binds and unbinds them.

    `publish` only puts the shot into a mailbox of one, so a slow network never
    slows the animator. Nothing is encoded for a topic that nobody subscribes to.
    `on_sent(index, sent_ns)` is called from the publisher's thread when a shot
    has been handed to the network, or at once where nobody listens.
    """

    def __init__(
        self,
        params: str = PARAMS_ENDPOINT,
        video: str = VIDEO_ENDPOINT,
        subject: str = frame.DEFAULT_SUBJECT,
        on_sent: Callable[[int, int], None] | None = None,
        clock: Callable[[], int] = time.perf_counter_ns,
        wall_clock: Callable[[], int] = time.time_ns,
    ) -> None:
        for endpoint in (params, video):
            _check_loopback(endpoint)
        frame.topic(frame.VIDEO, subject)
        self.params_endpoint = params  # after `with`, the ports that were bound
        self.video_endpoint = video
        self.subject = subject
        self.session = secrets.randbits(64)
        self.sent_pictures = 0
        self.sent_params = 0
        self._on_sent = on_sent
        self._clock = clock
        self._wall_clock = wall_clock
        self._slot: Latest[Shot] = Latest()
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._thread: threading.Thread | None = None
        self._listening = frozenset[str]()

    def __enter__(self) -> Self:
        self._context = zmq.Context()
        try:
            params, self.params_endpoint = self._bind("params", self.params_endpoint)
            video, self.video_endpoint = self._bind("video", self.video_endpoint)
        except PublisherError:
            self._context.destroy(linger=0)
            raise
        self._thread = threading.Thread(target=self._run, args=(params, video), name="publisher", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._slot.close()
        if self._thread:
            self._thread.join()
        if self._context:
            self._context.destroy(linger=0)

    @property
    def dropped(self) -> int:
        """Shots that a newer one replaced before they could be sent."""
        return self._slot.replaced

    @property
    def listening(self) -> frozenset[str]:
        """What somebody subscribes to: `frame.VIDEO`, `frame.PARAMS`, `frame.SCHEMA`."""
        return self._listening

    def publish(self, shot: Shot) -> None:
        """Makes `shot` the next to be sent. Returns at once."""
        self._slot.put(shot)

    def _bind(self, what: str, endpoint: str) -> tuple[_Lane, str]:
        assert self._context
        socket = self._context.socket(zmq.XPUB)
        for option, value in _OPTIONS.items():
            socket.setsockopt(option, value)
        try:
            socket.bind(endpoint)
        except zmq.ZMQError as error:
            socket.close()
            raise _bind_error(what, endpoint, error) from error
        return _Lane(socket, self.subject), socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def _run(self, params: _Lane, video: _Lane) -> None:
        with params.socket, video.socket:
            self._serve(params, video)

    def _serve(self, params: _Lane, video: _Lane) -> None:
        schema_due_ns = self._clock()
        while True:
            shot = self._slot.take(_TURN_S)
            video.hear()
            if params.hear() or self._clock() >= schema_due_ns:
                self._send_schema(params)
                schema_due_ns = self._clock() + _SCHEMA_PERIOD_NS
            self._listening = _listening(params, video)
            if shot:
                self._send(shot, params, video)
            elif self._slot.is_closed:
                return

    def _send(self, shot: Shot, params: _Lane, video: _Lane) -> None:
        # The small message first: it must not wait behind a picture.
        if params.is_wanted(frame.PARAMS):
            params.send(Frame(self._header(shot, params.next_sequence(frame.PARAMS)), shot.params))
            self.sent_params += 1
        if video.is_wanted(frame.VIDEO):
            video.send(Frame(self._header(shot, video.next_sequence(frame.VIDEO)), shot.video))
            self.sent_pictures += 1
        if self._on_sent:
            self._on_sent(shot.index, self._clock())

    def _header(self, shot: Shot, sequence: int) -> Header:
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

    def _send_schema(self, lane: _Lane) -> None:
        if not lane.is_wanted(frame.SCHEMA):
            return
        now_ns = self._clock()
        sequence = lane.next_sequence(frame.SCHEMA)
        header = Header(self.session, sequence, 0, now_ns, now_ns, now_ns, self._wall_clock(), self.subject)
        lane.send(Frame(header, Schema()))


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


def _listening(params: _Lane, video: _Lane) -> frozenset[str]:
    wanted = {kind for kind in (frame.PARAMS, frame.SCHEMA) if params.is_wanted(kind)}
    return frozenset(wanted | ({frame.VIDEO} if video.is_wanted(frame.VIDEO) else set()))


def _check_loopback(endpoint: str) -> None:
    found = _LOOPBACK.match(endpoint)
    if not found or (found[2] != "*" and not 0 < int(found[2]) < 65536):
        raise EndpointError(
            f"{endpoint} is refused: frames are not encrypted yet (CURVE), so only this machine may listen: "
            "tcp://127.0.0.1:PORT"
        )


def _bind_error(what: str, endpoint: str, error: zmq.ZMQError) -> PublisherError:
    if error.errno in (zmq.EADDRINUSE, errno.EADDRINUSE):
        return PortInUseError(f"{endpoint} ({what}) is taken by another program; stop that one or choose another port")
    return EndpointError(f"{endpoint} ({what}) cannot be bound: {error.strerror}; choose a port from 1024 to 65535")
