"""Sends pictures and face parameters to whoever listens, and never makes the sender wait."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Self

import zmq

from . import endpoint, frame
from .endpoint import PARAMS_ENDPOINT, VIDEO_ENDPOINT
from .frame import Header, Hello, Params, Schema, Video, WireError
from .gate import Gate
from .keys import ServerKeys
from .lane import Lane
from .latest import Latest
from .picture import FORMATS, Format

_ANNOUNCE_PERIOD_NS = 1_000_000_000
_TURN_S = 0.1


@dataclass(frozen=True)
class Shot:
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
        self._gate: Gate | None = None
        self._slot: Latest[Shot] = Latest()
        self._listening = frozenset[str]()
        self._stack = ExitStack()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
            stack.callback(context.destroy, linger=0)
            gate = stack.enter_context(Gate(context, self._keys, is_open=self._open_local))
            sockets = [stack.enter_context(_socket(context, gate)) for _ in range(2)]
            self.params_endpoint = endpoint.bind(sockets[0], "params", self.params_endpoint)
            self.video_endpoint = endpoint.bind(sockets[1], "video", self.video_endpoint)
            self._stack = stack.pop_all()
        port_of = endpoint.port_of
        self.hello = replace(self.hello, params=port_of(self.params_endpoint), video=port_of(self.video_endpoint))
        self._gate = gate
        lanes = Lane(sockets[0], self._topics.values()), Lane(sockets[1], self._formats)
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

    def publish(self, shot: Shot) -> None:
        """Makes `shot` the next to be sent. Returns at once."""
        self._slot.put(shot)

    def _serve(self, gate: Gate, params: Lane, video: Lane) -> None:
        announce_ns = self._clock()
        while True:
            shot = self._slot.take(0.0 if params.is_behind or video.is_behind else _TURN_S)
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

    def _send(self, shot: Shot, params: Lane, video: Lane) -> None:
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

    def _announce(self, lane: Lane) -> None:
        for kind, payload in ((frame.SCHEMA, Schema()), (frame.HELLO, self.hello)):
            topic = self._topics[kind]
            if topic in lane.listening:
                lane.send(topic, frame.body(payload), self._announcement)

    def _announcement(self, sequence: int) -> Header:
        now_ns = self._clock()
        return Header(self.session, sequence, 0, now_ns, now_ns, now_ns, self._wall_clock(), self.subject)


def _socket(context: zmq.Context[zmq.Socket[bytes]], gate: Gate) -> zmq.Socket[bytes]:
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
