"""What all UDP sources share: sockets, the one accepted sender, requests to a phone, and hints while no face comes."""

from __future__ import annotations

import errno
import ipaddress
import logging
import selectors
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, Protocol, Self, TypeVar, runtime_checkable

import numpy as np

from omote.bridge.errors import ProtocolError

from ..data import Array, Signal, Stamp
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
class FaceUpdate:
    """What a datagram, or the last of several, says of the face; as in `Signal`."""

    weights: Array
    head_rotation: Array = field(default_factory=lambda: np.zeros(3, np.float32))
    head_translation: Array = field(default_factory=lambda: np.zeros(3, np.float32))
    gaze: Array = field(default_factory=lambda: np.zeros((2, 2), np.float32))
    confidence: float = 1.0
    timecode_ns: int | None = None


class FaceProtocol(Protocol[P]):
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

    def heard(self, packet: P, now_ns: int) -> FaceUpdate | None:
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
        dialect: FaceProtocol[P],
        ports: tuple[int, ...],
        host: str,
        request: PhoneRequest | None,
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
        self._one = SenderFilter()
        self._hints = SilenceHints(dialect.title, self._advice)
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
            self._one = SenderFilter(self._request.resolve() if self._request else self._only)
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
        newest: FaceUpdate | None = None
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

    def _accept(self, data: bytes, address: str) -> FaceUpdate | None:
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

    def _signal(self, heard: FaceUpdate) -> Signal:
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
        found = lan_addresses() if self.host == ANY_ADDRESS else (self.host,)
        here = f"{' or '.join(found) or 'in no network'}, {self._where()}"
        asked = f"is {self._request.host} the phone's address? " if self._request else ""
        return f"{asked}{self._dialect.advice.format(here=here)} A firewall may hold back {self._where()}"


SENDER_MOVED_NS = 10_000_000_000  # silence after which a device that says who it is may come from another address


class Verdict(Enum):
    """What is done with a datagram."""

    TAKEN = "taken"
    FIRST = "taken, and from now on no other"
    NOT_YET = "shows no face, and nobody has been taken"
    STRANGER = "of somebody else"


@dataclass(frozen=True)
class Sender:
    address: str
    device: str  # what it calls itself; "" where the protocol has no names


class SenderFilter:
    """The first who sends a face is taken until the source is closed; ports do not matter, for a phone that wakes has
    another. Where the person has named a host, nobody else ever is.

    Only a device that says who it is may change its address, as by a new lease, after ten seconds of silence.
    """

    def __init__(self, only: str | None = None) -> None:
        self.only = only  # an address
        self.taken: Sender | None = None
        self.heard_ns: int | None = None  # when it last sent

    def is_stranger(self, address: str, now_ns: int) -> bool:
        """Whether that address is of no interest now, whatever it sends: its datagrams need not even be understood."""
        if self.only is not None and address != self.only:
            return True
        return self.taken is not None and address != self.taken.address and not self._may_have_moved(now_ns)

    def judge(self, address: str, device: str, has_face: bool, now_ns: int) -> Verdict:
        """What is done with a valid datagram that has come from there now."""
        if self.is_stranger(address, now_ns):
            return Verdict.STRANGER
        if self.taken is None:
            if not has_face and self.only is None:
                return Verdict.NOT_YET
            self.taken, self.heard_ns = Sender(address, device), now_ns
            return Verdict.FIRST
        if device != self.taken.device:
            return Verdict.STRANGER
        self.taken, self.heard_ns = Sender(address, device), now_ns
        return Verdict.TAKEN

    def _may_have_moved(self, now_ns: int) -> bool:
        if not self.taken or not self.taken.device or self.heard_ns is None:
            return False
        return now_ns - self.heard_ns > SENDER_MOVED_NS


class PhoneRequest:
    """Asks one host, which the person has named, and no other."""

    def __init__(
        self,
        host: str,
        port: int,
        content: Callable[[int], bytes],
        every_s: float,
        is_for_silence: bool,
        farewell: bytes = b"",
    ) -> None:
        """`content` is of the port that is to be answered to; `is_for_silence`: not repeated while datagrams come.

        `farewell` ends what was asked for; b"" where the app knows none, or stops by itself.
        """
        self.host, self.port = host, port
        self._farewell = farewell
        self._content, self._every_ns, self._is_for_silence = content, int(every_s * 1e9), is_for_silence
        self._sent_ns: int | None = None

    def resolve(self) -> str:
        """The host's IPv4 address; SourceError where nobody is called so."""
        try:
            found = socket.getaddrinfo(self.host, self.port, socket.AF_INET, socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise SourceError(
                f"nobody is called {self.host} ({error}): wanted the phone's address, as 192.168.1.7"
            ) from error
        return str(found[0][4][0])

    def is_due(self, now_ns: int, heard_ns: int | None) -> bool:
        """Whether it is time to ask, `heard_ns` being when the last datagram came."""
        if self._sent_ns is None:
            return True
        is_heard = heard_ns is not None and now_ns - heard_ns < self._every_ns
        return now_ns - self._sent_ns >= self._every_ns and not (self._is_for_silence and is_heard)

    def send(self, sockets: Sequence[socket.socket], address: str, now_ns: int) -> None:
        """Asks, from each port that is to be answered to; OSError where there is no way."""
        self._sent_ns = now_ns
        for one in sockets:
            one.sendto(self._content(int(one.getsockname()[1])), (address, self.port))

    def leave(self, sockets: Sequence[socket.socket], address: str) -> None:
        """Asks for nothing more: who has the address next is not to get a face. OSError where there is no way."""
        if self._farewell and self._sent_ns is not None:
            for one in sockets:
                one.sendto(self._farewell, (address, self.port))


HINT_AFTER_NS = 5_000_000_000  # without a face
HINT_AGAIN_NS = 60_000_000_000  # at the soonest, and while nothing comes twice as long each time
LONGEST_NS = 16 * HINT_AGAIN_NS


@runtime_checkable
class HintingSource(Protocol):
    """A source whose face comes from elsewhere, and may fail to come."""

    @property
    def hint(self) -> str:
        """What a person should check, from any thread; "" as long as faces come."""
        ...


class SilenceHints:
    """Told of every datagram; `look` logs when it is time. Times are those of the source's clock."""

    def __init__(self, title: str, advice: Callable[[], str]) -> None:
        """`advice` is asked for only when it is to be logged."""
        self.told = ""  # the last line, until a face comes
        self._title, self._advice = title, advice
        self._heard_ns = 0  # the last face, or the beginning
        self._may_ns = 0  # no line sooner
        self._pause_ns = HINT_AGAIN_NS
        self._notes: dict[str, str] = {}  # the newest of each kind since the last line

    def begin(self, now_ns: int) -> None:
        """The source is open."""
        self._heard_ns, self._may_ns = now_ns, now_ns + HINT_AFTER_NS

    def face(self, now_ns: int) -> None:
        """A face has come: the next silence is told of as the first one was."""
        self._heard_ns, self._pause_ns, self.told = now_ns, HINT_AGAIN_NS, ""
        self._may_ns = min(self._may_ns, now_ns + HINT_AGAIN_NS)
        self._notes.pop("request", None)

    def nonsense(self, address: str, data: bytes, error: ProtocolError) -> None:
        """Somebody sends what is not understood."""
        self._notes["nonsense"] = f"{address} sends {len(data)} bytes as {data[:16]!r}, not understood: {error}"

    def faceless(self, address: str) -> None:
        """Somebody speaks the protocol, but has shown no face yet."""
        self._notes["faceless"] = f"{address} sends {self._title}, but no face"

    def stranger(self, address: str, kept: str) -> None:
        """Somebody sends who is not listened to, for that of `kept` is."""
        who, whom = ("another device at " + address, "the first") if address == kept else (address, kept)
        self._notes["stranger"] = f"{who} sends as well, and is ignored: only {whom} is listened to"

    def request(self, text: str) -> None:
        """What was asked for could not be asked."""
        self._notes["request"] = text

    def look(self, now_ns: int) -> None:
        """Logs a line where no face has come for too long, or where somebody else sends."""
        silent_ns = now_ns - self._heard_ns
        is_silent = silent_ns >= HINT_AFTER_NS
        if now_ns < self._may_ns or not (is_silent or self._notes):
            return
        silence = [f"no face for {silent_ns / 1e9:.0f} s: {self._advice()}"] if is_silent else []
        self.told = f"{self._title}: {'; '.join([*silence, *self._notes.values()])}"
        _log.warning("%s", self.told)
        self._notes.clear()
        self._may_ns = now_ns + self._pause_ns
        self._pause_ns = min(2 * self._pause_ns, LONGEST_NS)


_ELSEWHERE = ("192.0.2.1", 9)  # kept for documentation (RFC 5737): a route there is looked up, nothing is sent


def lan_addresses() -> tuple[str, ...]:
    """IPv4 addresses under which others may reach this machine, the likeliest first; () where there is no network."""
    found = [
        address for address in (_default_route_address(), *_host_name_addresses()) if address and _is_reachable(address)
    ]
    return tuple(dict.fromkeys(found))


def _default_route_address() -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        try:
            nobody.connect(_ELSEWHERE)  # of UDP: chooses the way, and sends nothing
        except OSError:
            return None
        return str(nobody.getsockname()[0])


def _host_name_addresses() -> list[str]:
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    except (OSError, UnicodeError):
        return []
    return [str(address[0]) for *_, address in found]


def _is_reachable(address: str) -> bool:
    one = ipaddress.ip_address(address)
    return not (one.is_loopback or one.is_unspecified)
