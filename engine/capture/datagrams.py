"""Sources over UDP: sockets, the one accepted sender, requests to a phone, and hints while no face comes."""

from __future__ import annotations

import errno
import ipaddress
import logging
import selectors
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Generic, Self, TypeVar

import numpy as np

from omote.bridge import arkit
from omote.bridge.errors import ProtocolError

from ..data import Array, Signal, Stamp
from .source import SourceError

LOOPBACK = "127.0.0.1"
_LOOPBACKS = (LOOPBACK, "::1")
ANY_ADDRESS = "0.0.0.0"  # a phone cannot reach a port that is bound to this machine alone
_ANY_ADDRESSES = (ANY_ADDRESS, "::")
LONGEST_READ_S = 2.0
_MAX_DATAGRAM = 65535
# A flood of datagrams must not hold up a read, and neither may a few that take long to decode. A read may last this
# much longer than the caller allows.
_DATAGRAMS_PER_READ = 256
_OVERTIME_NS = 20_000_000

_log = logging.getLogger(__name__)

P = TypeVar("P")


@dataclass(frozen=True)
class FaceUpdate:
    """A face, with the fields of `Signal`. The default is a lost face."""

    weights: Array = field(default_factory=lambda: np.zeros(arkit.COUNT, np.float32))
    head_rotation: Array = field(default_factory=lambda: np.zeros(3, np.float32))
    head_translation: Array = field(default_factory=lambda: np.zeros(3, np.float32))
    gaze: Array = field(default_factory=lambda: np.zeros((2, 2), np.float32))
    confidence: float = 0.0
    timecode_ns: int | None = None


class FaceProtocol(ABC, Generic[P]):
    """One protocol: its names, its ports, and what its packets say about a face."""

    kind: str  # as the user types it, before the colon
    title: str
    advice: str  # a question about the settings of the app; {here} stands for the addresses of this machine
    ports: ClassVar[tuple[int, ...]]  # of this machine

    @abstractmethod
    def decode(self, data: bytes) -> P:
        """The packet in these bytes; ProtocolError, and nothing else, if they are no such packet."""

    @abstractmethod
    def update(self, packet: P, now_ns: int) -> FaceUpdate | None:
        """The face after this packet; None if the rest of it is still to come.

        Gets only packets of the accepted sender. A protocol may remember what earlier packets said.
        """

    def device(self, packet: P) -> str:
        """The name that the sender gives itself; "" if the protocol has none."""
        return ""

    def has_face(self, packet: P) -> bool:
        """Whether the first sender of such a packet is accepted. A sender that the user has named always is."""
        return True


class DatagramSource(Generic[P]):
    """Signals from one accepted sender. Silence gives None, and a sender that comes back is accepted again.

    The sender has its own clock, so a signal counts as captured when its datagram arrives. The latency does not include
    the camera, the tracking and the Wi-Fi before that.
    """

    def __init__(
        self,
        protocol: FaceProtocol[P],
        ports: tuple[int, ...] | None = None,
        host: str | None = None,
        *,
        request: PhoneRequest | None = None,
        sender: str | None = None,
        clock: Callable[[], int] = time.perf_counter_ns,
        wall_clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """`sender` is the address of the only sender to accept; None accepts the first that sends a face.

        Without `host` it listens on every network, or on this machine alone if the request goes to this machine: on
        IPv4, or on IPv6 if the sender or the phone has such an address.
        """
        self.ports = ports or protocol.ports  # inside `with`, those that were bound
        self.host = host or _listening_address(request, sender)  # where it listens
        self.name = f"{protocol.kind} {request.host if request else self.ports[0]}"
        self.dropped = 0  # faces that a newer one replaced
        self.ignored = 0  # datagrams of other senders, and bytes that could not be decoded
        self._protocol, self._request, self._named_sender = protocol, request, sender
        self._clock, self._wall_clock = clock, wall_clock
        self._filter = SenderFilter()
        self._hints = SilenceHints(protocol.title, self._advice)
        self._index = 0
        self._sockets: list[socket.socket] = []
        self._selector: selectors.BaseSelector | None = None
        self._stack = ExitStack()

    @property
    def port(self) -> int:
        """The first port that it listens on."""
        return self.ports[0]

    @property
    def notice(self) -> str:
        """Which machines can reach this source, as a sentence for the user."""
        listening = f"listening for {self._protocol.title} on {self._port_names()}"
        if self.host in _LOOPBACKS:
            return f"{listening}, from this machine only"
        accepted = "the first sender of a face is accepted, nothing is ever answered"
        if self._named_sender:
            accepted = f"only {self._named_sender} is accepted, nothing is ever answered"
        elif self._request:
            accepted = f"only {self._request.host} is accepted, and it alone gets requests"
        near = "every network this machine is on" if self.host in _ANY_ADDRESSES else self.host
        return f"{listening} of {near}; {accepted}"

    @property
    def hint(self) -> str:
        """What the user should check, from any thread; "" while faces come."""
        return self._hints.text or ("" if self._filter.address else self.notice)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            only = self._request.resolve() if self._request else self._named_sender
            self._filter = SenderFilter(only and _canonical(only))
            self._selector = stack.enter_context(selectors.DefaultSelector())
            self._sockets = [stack.enter_context(self._bound(port)) for port in self.ports]
            for one in self._sockets:
                self._selector.register(one, selectors.EVENT_READ)
            self.ports = tuple(int(one.getsockname()[1]) for one in self._sockets)
            self._stack = stack.pop_all()
        self._hints.begin(self._clock())
        _log.log(logging.INFO if self.host in _LOOPBACKS else logging.WARNING, self.notice)
        return self

    def __exit__(self, *error: object) -> None:
        with self._stack, suppress(OSError):
            if self._request and self._filter.only:
                self._request.stop(self._sockets, self._filter.only)

    def read(self, timeout_s: float) -> Signal | None:
        """The newest face; None if none came in time."""
        began_ns = self._clock()
        deadline_ns = began_ns + int(min(timeout_s, LONGEST_READ_S) * 1e9)
        self._send_request(began_ns)
        newest: FaceUpdate | None = None
        for _ in range(_DATAGRAMS_PER_READ):
            left_ns = deadline_ns - self._clock()
            if left_ns < -_OVERTIME_NS or not (received := self._receive(max(left_ns, 0) / 1e9)):
                break
            for datagram in received:
                update = self._update(*datagram)
                if update and newest:
                    self.dropped += 1
                newest = update or newest
            if newest:  # Take what has arrived already, but wait for nothing more.
                deadline_ns = min(deadline_ns, self._clock())
        self._hints.log_if_due(self._clock())
        return self._signal(newest) if newest else None

    def _receive(self, timeout_s: float) -> list[tuple[bytes, str]]:
        """One datagram from each port that has some, with the address of its sender."""
        assert self._selector, "a source is opened by `with`"
        received = []
        for key, _ in self._selector.select(timeout_s):
            ready = key.fileobj
            assert isinstance(ready, socket.socket)
            try:
                data, address = ready.recvfrom(_MAX_DATAGRAM)
            except OSError:  # Windows reports here that an earlier request reached no program.
                continue
            received.append((data, _canonical(str(address[0]))))
        return received

    def _update(self, data: bytes, address: str) -> FaceUpdate | None:
        """The face in this datagram, if it is of the protocol and of the accepted sender."""
        now_ns = self._clock()
        if self._filter.is_foreign(address, now_ns):
            self._ignore(address)
            return None
        try:
            packet = self._protocol.decode(data)
        except ProtocolError as error:
            self.ignored += 1
            text = f"{address} sends {len(data)} bytes that cannot be decoded, {data[:16]!r}: {error}"
            self._hints.note("undecodable", text)
            return None
        verdict = self._filter.judge(address, self._protocol.device(packet), self._protocol.has_face(packet), now_ns)
        if verdict is Verdict.FOREIGN:
            self._ignore(address)
            return None
        if verdict is Verdict.FACELESS:
            self._hints.note("faceless", f"{address} sends {self._protocol.title}, but no face")
            return None
        if verdict is Verdict.FIRST:
            _log.info("taking the face that comes from %s", address)
        update = self._protocol.update(packet, now_ns)
        if update:
            self._hints.face_came(now_ns)
        return update

    def _ignore(self, address: str) -> None:
        self.ignored += 1
        accepted = self._filter.only or self._filter.address
        other, only = (f"another device at {address}", "the first") if address == accepted else (address, accepted)
        self._hints.note("foreign", f"{other} sends as well, and is ignored: only {only} is accepted")

    def _send_request(self, now_ns: int) -> None:
        if self._request and self._filter.only and self._request.is_due(now_ns, self._filter.heard_ns):
            try:
                self._request.send(self._sockets, self._filter.only, now_ns)
            except OSError as error:
                self._hints.note("request", f"the request to {self._request.host} could not be sent: {error}")

    def _signal(self, face: FaceUpdate) -> Signal:
        stamp = Stamp(self._index, self._clock(), self._wall_clock(), timecode_ns=face.timecode_ns)
        self._index += 1
        return Signal(stamp, face.weights, face.head_rotation, face.head_translation, face.gaze, face.confidence)

    def _bound(self, port: int) -> socket.socket:
        is_ipv6 = ":" in self.host
        one = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            one.setblocking(False)
            if is_ipv6:  # else it would take the port of IPv4, too
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind((self.host, port))
        except (OSError, OverflowError) as error:
            one.close()
            raise self._bind_error(port, error) from error
        return one

    def _bind_error(self, port: int, error: Exception) -> SourceError:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            cure = f"stop it, or choose another port, here ({self._protocol.kind}:{port + 1}) and in the app"
            if self._request:
                cure = "stop it: the app answers to no other port"
            return SourceError(f"UDP port {port} is taken by another program; {cure}")
        if isinstance(error, PermissionError) and port >= 1024:
            which = "on Windows `netsh interface ipv4 show excludedportrange protocol=udp` lists the reserved ports"
            return SourceError(f"UDP port {port} may not be used ({error}): the system reserves it; {which}")
        return SourceError(
            f"cannot listen on {self.host} UDP port {port}: {error}; wanted a free port from 1024 to 65535 of "
            "an address of this machine"
        )

    def _port_names(self) -> str:
        return f"UDP port {' and '.join(map(str, self.ports))}"

    def _advice(self) -> str:
        found = lan_addresses() if self.host in _ANY_ADDRESSES else (self.host,)
        here = f"{' or '.join(found) or 'in no network'}, {self._port_names()}"
        phone = f"is {self._request.host} the phone's address? " if self._request else ""
        return f"{phone}{self._protocol.advice.format(here=here)} A firewall may block {self._port_names()}"


# Which sender is accepted.

SENDER_MOVED_NS = 10_000_000_000  # after this silence, a device that names itself may send from another address


class Verdict(Enum):
    """What happens with a datagram."""

    ACCEPTED = "accepted"
    FIRST = "accepted, and from now on no other sender is"
    FACELESS = "ignored: it shows no face, and no sender is accepted yet"
    FOREIGN = "ignored: another sender is accepted"


class SenderFilter:
    """Accepts the first sender of a face until the source is closed, or only the one that the user has named.

    Ports do not matter, because a phone that wakes has another one. The address may change only if the device names
    itself, as after a new lease, and after ten seconds of silence.
    """

    def __init__(self, only: str | None = None) -> None:
        self.only = only  # the address that the user has named
        self.address = ""  # of the accepted sender
        self.heard_ns: int | None = None  # when it last sent
        self._device = ""

    def is_foreign(self, address: str, now_ns: int) -> bool:
        """Whether whatever comes from this address is ignored, so that it need not be decoded."""
        if self.only is not None and address != self.only:
            return True
        return bool(self.address) and address != self.address and not self._may_have_moved(now_ns)

    def judge(self, address: str, device: str, has_face: bool, now_ns: int) -> Verdict:
        """What happens with a valid datagram that comes from there now."""
        if self.is_foreign(address, now_ns) or (self.address and device != self._device):
            return Verdict.FOREIGN
        if not self.address and not has_face and self.only is None:
            return Verdict.FACELESS
        verdict = Verdict.ACCEPTED if self.address else Verdict.FIRST
        self.address, self._device, self.heard_ns = address, device, now_ns
        return verdict

    def _may_have_moved(self, now_ns: int) -> bool:
        return bool(self._device) and self.heard_ns is not None and now_ns - self.heard_ns > SENDER_MOVED_NS


# Requests to a phone.


@dataclass
class PhoneRequest:
    """Asks one phone, which the user has named, to send its face to this machine."""

    host: str
    port: int
    content: Callable[[int], bytes]  # for the port that the phone answers to
    interval_s: float
    only_in_silence: bool = True  # not repeated while datagrams come
    stop_content: bytes = b""  # tells the app to stop; b"" if the app stops by itself
    _sent_ns: int | None = field(default=None, init=False)

    def resolve(self) -> str:
        """The address of the host, of IPv4 if it is a name; SourceError if it has none."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            found = socket.getaddrinfo(self.host, self.port, family, socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise SourceError(
                f"no device is called {self.host} ({error}): wanted the phone's address, as 192.168.1.7"
            ) from error
        return str(found[0][4][0])

    def is_due(self, now_ns: int, heard_ns: int | None) -> bool:
        """Whether it is time for the next request; `heard_ns` is when the last datagram came."""
        if self._sent_ns is None:
            return True
        interval_ns = int(self.interval_s * 1e9)
        is_heard = heard_ns is not None and now_ns - heard_ns < interval_ns
        return now_ns - self._sent_ns >= interval_ns and not (self.only_in_silence and is_heard)

    def send(self, sockets: Sequence[socket.socket], address: str, now_ns: int) -> None:
        """Sends the request from each port; OSError if there is no route."""
        self._sent_ns = now_ns
        for one in sockets:
            one.sendto(self.content(int(one.getsockname()[1])), (address, self.port))

    def stop(self, sockets: Sequence[socket.socket], address: str) -> None:
        """Ends what was requested, since another machine may get our address; OSError if there is no route."""
        if self.stop_content and self._sent_ns is not None:
            for one in sockets:
                one.sendto(self.stop_content, (address, self.port))


# Hints while no face comes.

HINT_AFTER_NS = 5_000_000_000  # without a face
HINT_PAUSE_NS = 60_000_000_000  # between two hints; the pause doubles while nothing comes
_LONGEST_PAUSE_NS = 16 * HINT_PAUSE_NS


class SilenceHints:
    """Logs what the user should check while no face comes. Times are those of the source's clock."""

    def __init__(self, title: str, advice: Callable[[], str]) -> None:
        """`advice` is called only when a hint is due."""
        self.text = ""  # the last hint, until a face comes
        self._title, self._advice = title, advice
        self._face_ns = 0  # when the last face came, or the source was opened
        self._due_ns = 0
        self._pause_ns = HINT_PAUSE_NS
        self._notes: dict[str, str] = {}  # the newest of each topic since the last hint

    def begin(self, now_ns: int) -> None:
        """The source is open."""
        self._face_ns, self._due_ns = now_ns, now_ns + HINT_AFTER_NS

    def face_came(self, now_ns: int) -> None:
        """Ends the silence: the next one is reported as the first one was."""
        self._face_ns, self._pause_ns, self.text = now_ns, HINT_PAUSE_NS, ""
        self._due_ns = min(self._due_ns, now_ns + HINT_PAUSE_NS)
        self._notes.pop("request", None)

    def note(self, topic: str, text: str) -> None:
        """Adds this to the next hint, in place of an earlier note on the topic."""
        self._notes[topic] = text

    def log_if_due(self, now_ns: int) -> None:
        """Logs a line if no face has come for too long, or if there are notes."""
        silent_ns = now_ns - self._face_ns
        is_silent = silent_ns >= HINT_AFTER_NS
        if now_ns < self._due_ns or not (is_silent or self._notes):
            return
        silence = [f"no face for {silent_ns / 1e9:.0f} s: {self._advice()}"] if is_silent else []
        self.text = f"{self._title}: {'; '.join([*silence, *self._notes.values()])}"
        _log.warning("%s", self.text)
        self._notes.clear()
        self._due_ns = now_ns + self._pause_ns
        self._pause_ns = min(2 * self._pause_ns, _LONGEST_PAUSE_NS)


# The addresses of this machine, and those of senders.

_DOCUMENTATION_HOST = ("192.0.2.1", 9)  # reserved by RFC 5737; only the route to it is looked up


def _listening_address(request: PhoneRequest | None, sender: str | None) -> str:
    """Where to listen: in every network of the kind of the phone or sender; on this machine alone for a phone here."""
    host = request.host if request else sender or ""
    return (_LOOPBACKS if request and host in _LOOPBACKS else _ANY_ADDRESSES)[":" in host]


def _canonical(address: str) -> str:
    """The address in its shortest form, without the name of the network card that the system adds."""
    return str(ipaddress.ip_address(address.partition("%")[0])) if ":" in address else address


def lan_addresses() -> tuple[str, ...]:
    """IPv4 addresses at which others may reach this machine, the likeliest first; () without a network."""
    found = [_default_route_address(), *_host_name_addresses()]
    return tuple(dict.fromkeys(address for address in found if address and _is_reachable(address)))


def _default_route_address() -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(_DOCUMENTATION_HOST)  # For UDP this chooses a route and sends nothing.
        except OSError:
            return None
        return str(one.getsockname()[0])


def _host_name_addresses() -> list[str]:
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    except (OSError, UnicodeError):
        return []
    return [str(address[0]) for *_, address in found]


def _is_reachable(address: str) -> bool:
    one = ipaddress.ip_address(address)
    return not (one.is_loopback or one.is_unspecified)
