"""What all sources that come as UDP datagrams share: the sockets, whose datagrams are taken, and what is told of it."""

from __future__ import annotations

import errno
import logging
import selectors
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from omote.bridge.datagram import ProtocolError
from omote.engine.nouns import Array, Signal, Stamp

from . import lan
from .hints import Hints
from .one_sender import OneSender, Verdict
from .request import Request
from .source import SourceError

LOOPBACK = "127.0.0.1"
ANY_ADDRESS = "0.0.0.0"  # what a phone can reach; whoever names such a source asks for it, and is told
SILENCE_S = 2.0  # the longest that one read waits
_MAX_DATAGRAM = 65535
_DATAGRAMS_A_READ = 256  # a flood must not hold up a read,
_MOST_NS = 20_000_000  # nor may few that take long to understand: so much beyond the time that the caller gives

_log = logging.getLogger(__name__)

P = TypeVar("P")


@dataclass(frozen=True)
class Heard:
    """What a datagram, or the last of several, says of the face; as in `Signal`."""

    weights: Array
    head_rotation: Array = field(default_factory=lambda: np.zeros(3, np.float32))
    head_translation: Array = field(default_factory=lambda: np.zeros(3, np.float32))
    gaze: Array = field(default_factory=lambda: np.zeros((2, 2), np.float32))
    confidence: float = 1.0
    timecode_ns: int | None = None


class Dialect(Protocol[P]):
    """What one protocol is, and what its datagrams mean. `heard` may remember what earlier ones said."""

    kind: str  # as a person types it, before the colon
    title: str
    advice: str  # a question of what is set in the app, {here} being this machine's addresses

    def decode(self, data: bytes) -> P:
        """What these bytes say; ProtocolError, and nothing else, where they are none of this protocol."""
        ...

    def device(self, packet: P) -> str:
        """How the sender names itself; "" where it does not."""
        ...

    def has_face(self, packet: P) -> bool:
        """Whether its sender can be taken for this; one that the person has named is taken in any case."""
        ...

    def heard(self, packet: P, now_ns: int) -> Heard | None:
        """What is now known of the face; None while the rest is still to come. Only our sender's packets come here."""
        ...


class DatagramSource(Generic[P]):
    """Signals from the one sender that is taken; silence gives None, and a sender that comes back is taken again.

    The sender's clock is not ours: a signal counts as captured when its datagram
    arrived, so what camera, tracking and Wi-Fi took before is not in our latency.
    """

    def __init__(
        self,
        name: str,
        dialect: Dialect[P],
        ports: tuple[int, ...],
        host: str,
        request: Request | None,
        clock: Callable[[], int],
        wall_clock: Callable[[], int],
        only: str | None = None,
    ) -> None:
        """`only` is the IPv4 address of the one sender that is ever taken; None: the first who sends a face."""
        self.name = name
        self.host = host  # where it listens
        self.ports = ports  # after `with`, those that were bound
        self.dropped = 0  # faces that a newer one overtook
        self.ignored = 0  # datagrams of other senders, and bytes that were none of the protocol
        self._dialect, self._request, self._only = dialect, request, only
        self._clock, self._wall_clock = clock, wall_clock
        self._one = OneSender()
        self._hints = Hints(dialect.title, self._advice)
        self._index = 0
        self._sockets: list[socket.socket] = []
        self._selector: selectors.BaseSelector | None = None
        self._stack = ExitStack()

    @property
    def port(self) -> int:
        """The first one that it listens on."""
        return self.ports[0]

    @property
    def notice(self) -> str:
        """Who can reach this source, in a sentence for the person who started it."""
        listening = f"listening for {self._dialect.title} on {self._where()}"
        if self.host == LOOPBACK:
            return f"{listening}, from this machine only"
        whom = "the first who sends a face is taken, nothing is ever answered"
        if self._only:
            whom = f"only {self._only} is taken, nothing is ever answered"
        elif self._request:
            whom = f"only {self._request.host} is taken, and asked; nobody else is ever answered"
        near = "every network this machine is on" if self.host == ANY_ADDRESS else self.host
        return f"{listening} of {near}; {whom}"

    @property
    def hint(self) -> str:
        """Who can reach it, then what to check, while no face comes."""
        return self._hints.told or ("" if self._one.taken else self.notice)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._one = OneSender(self._request.resolve() if self._request else self._only)
            self._selector = stack.enter_context(selectors.DefaultSelector())
            self._sockets = [stack.enter_context(self._bound(port)) for port in self.ports]
            for one in self._sockets:
                self._selector.register(one, selectors.EVENT_READ)
            self.ports = tuple(int(one.getsockname()[1]) for one in self._sockets)
            self._stack = stack.pop_all()
        self._hints.begin(self._clock())
        _log.log(logging.INFO if self.host == LOOPBACK else logging.WARNING, self.notice)
        return self

    def __exit__(self, *error: object) -> None:
        with self._stack, suppress(OSError):  # who cannot be told goes on in vain
            if self._request and self._one.only:
                self._request.leave(self._sockets, self._one.only)

    def read(self, timeout_s: float) -> Signal | None:
        """The newest face; None where none came in time."""
        began_ns = self._clock()
        deadline_ns = began_ns + int(min(timeout_s, SILENCE_S) * 1e9)
        self._ask(began_ns)
        newest: Heard | None = None
        for _ in range(_DATAGRAMS_A_READ):
            left_ns = deadline_ns - self._clock()
            if left_ns < -_MOST_NS or not (received := self._receive(max(left_ns, 0) / 1e9)):
                break
            for datagram in received:
                heard = self._accept(*datagram)
                if heard and newest:
                    self.dropped += 1
                newest = heard or newest
            if newest:  # what has come besides is taken, and nothing more is waited for
                deadline_ns = min(deadline_ns, self._clock())
        self._hints.look(self._clock())
        return self._signal(newest) if newest else None

    def _receive(self, timeout_s: float) -> list[tuple[bytes, str]]:
        """One datagram of each port at which some wait, and who sent it."""
        assert self._selector, "a source is opened by `with`"
        received = []
        for key, _ in self._selector.select(timeout_s):
            ready = key.fileobj
            assert isinstance(ready, socket.socket)
            try:
                data, address = ready.recvfrom(_MAX_DATAGRAM)
            except OSError:  # none after all; or, as Windows reports it here, nobody took an earlier request
                continue
            received.append((data, str(address[0])))
        return received

    def _accept(self, data: bytes, address: str) -> Heard | None:
        """What it says of the face, if it is of the protocol and of our sender."""
        now_ns = self._clock()
        if self._one.is_stranger(address, now_ns):
            self._ignore(address)
            return None
        try:
            packet = self._dialect.decode(data)
        except ProtocolError as error:
            self.ignored += 1
            self._hints.nonsense(address, data, error)
            return None
        device = self._dialect.device(packet)
        verdict = self._one.judge(address, device, self._dialect.has_face(packet), now_ns)
        if verdict is Verdict.STRANGER:
            self._ignore(address)
            return None
        if verdict is Verdict.FIRST:
            _log.info("taking the face that comes from %s", address)
        if verdict is Verdict.NOT_YET:
            self._hints.faceless(address)
            return None
        heard = self._dialect.heard(packet, now_ns)
        if heard:
            self._hints.face(now_ns)
        return heard

    def _ignore(self, address: str) -> None:
        self.ignored += 1
        kept = self._one.only or (self._one.taken.address if self._one.taken else "")
        self._hints.stranger(address, kept)

    def _ask(self, now_ns: int) -> None:
        if self._request and self._one.only and self._request.is_due(now_ns, self._one.heard_ns):
            try:
                self._request.send(self._sockets, self._one.only, now_ns)
            except OSError as error:
                self._hints.request(f"{self._request.host} could not be asked: {error}")

    def _signal(self, heard: Heard) -> Signal:
        stamp = Stamp(self._index, self._clock(), self._wall_clock(), timecode_ns=heard.timecode_ns)
        self._index += 1
        return Signal(stamp, heard.weights, heard.head_rotation, heard.head_translation, heard.gaze, heard.confidence)

    def _bound(self, port: int) -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            one.setblocking(False)
            one.bind((self.host, port))
        except (OSError, OverflowError) as error:
            one.close()
            raise self._bind_error(port, error) from error
        return one

    def _bind_error(self, port: int, error: Exception) -> SourceError:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            choose = f"choose another port, here ({self._dialect.kind}:{port + 1}) and in the app"
            cure = "stop that one: the app answers to no other port" if self._request else f"stop that one, or {choose}"
            return SourceError(f"UDP port {port} is taken by another program; {cure}")
        if isinstance(error, PermissionError) and port >= 1024:
            which = "on Windows `netsh interface ipv4 show excludedportrange protocol=udp` lists what it keeps"
            return SourceError(f"UDP port {port} may not be used ({error}): the system keeps it for others; {which}")
        return SourceError(
            f"cannot listen on {self.host} UDP port {port}: {error}; wanted a free port from 1024 to 65535 of "
            "an address of this machine"
        )

    def _where(self) -> str:
        return f"UDP port {' and '.join(map(str, self.ports))}"

    def _advice(self) -> str:
        found = lan.addresses() if self.host == ANY_ADDRESS else (self.host,)
        here = f"{' or '.join(found) or 'in no network'}, {self._where()}"
        asked = f"is {self._request.host} the phone's address? " if self._request else ""
        return f"{asked}{self._dialect.advice.format(here=here)} A firewall may hold back {self._where()}"
