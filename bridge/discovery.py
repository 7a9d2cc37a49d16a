"""Discovery of senders by name: on this machine by a question over UDP, in the local network by mDNS."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from . import endpoint
from .errors import OmoteError
from .fields import Fields, WireError, pack, text, uint, unpack

if TYPE_CHECKING:
    import zeroconf

LOOPBACK = "127.0.0.1"
PORTS = range(5540, 5556)  # UDP; each sender of this machine has one of them
QUESTION = b"omote? 1"
MAX_ANSWER_BYTES = 1024
MAX_NAME_BYTES = 63  # as DNS has it
SERVICE = "_omote._tcp.local."
MOST_LAN_SENDERS = 64  # that are listed; whoever answers in a network could name millions
_TURN_S = 0.2
_ENDPOINTS = ("video", "params", "control")

_log = logging.getLogger(__name__)


class DiscoveryError(OmoteError):
    """Senders cannot be announced or looked for; the message says why, and the cure."""


@dataclass(frozen=True)
class Announcement:
    """What a sender says of itself: enough to connect to it."""

    name: str  # for people: the machine's name, or what the user chose
    subject: str
    session: int  # uint64; tells two senders of one name apart
    video: str  # endpoints: tcp://HOST:PORT; "" where there is none
    params: str
    control: str
    is_encrypted: bool  # a key file is needed
    omote: str = ""  # the program's version

    def to_bytes(self) -> bytes:
        """The answer to a question: a msgpack map."""
        fields = {name: getattr(self, name) for name in ("name", "subject", "session", *_ENDPOINTS, "omote")}
        return pack({"v": 1, **fields, "curve": self.is_encrypted}, "announcement", MAX_ANSWER_BYTES)

    @classmethod
    def from_bytes(cls, data: bytes) -> Announcement:
        """The inverse of `to_bytes`; raises only WireError."""
        return cls._from_fields(unpack(data, "announcement", MAX_ANSWER_BYTES))

    @classmethod
    def _from_fields(cls, fields: Fields) -> Announcement:
        if uint(fields, "v") != 1:
            raise WireError(f"the announcement has version {fields['v']}, expected 1")
        if not isinstance(fields.get("curve"), bool):
            raise WireError(f"'curve' must be true or false, got {fields.get('curve')!r}")
        texts = {name: text(fields, name) for name in ("name", "subject", *_ENDPOINTS, "omote")}
        if not all(value.isprintable() for value in texts.values()):
            raise WireError("an announcement's texts must be printable")
        for name in _ENDPOINTS:
            _check_endpoint(texts[name])
        return cls(**texts, session=uint(fields, "session"), is_encrypted=bool(fields["curve"]))


def _check_endpoint(address: str) -> None:
    try:
        if address:
            endpoint.check_connect(address)
    except endpoint.EndpointError as error:
        raise WireError(str(error)) from error


class Responder:
    """Answers questions on loopback while it is entered; `announced` is asked for each answer.

    Where all ports are taken, or none may be opened, nothing is announced and the log says so.
    """

    def __init__(self, announced: Callable[[], Announcement]) -> None:
        self.port = 0  # 0 while nothing is announced
        self._announced = announced
        self._is_stopping = threading.Event()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            listener = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            self.port = _bind_first(listener)
            if not self.port:
                _log.warning("UDP ports %d to %d are taken: receivers do not list this sender", PORTS[0], PORTS[-1])
                return self
            listener.settimeout(_TURN_S)
            thread = threading.Thread(target=self._answer, args=(listener,), name="discovery", daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(self._is_stopping.set)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _answer(self, listener: socket.socket) -> None:
        while not self._is_stopping.is_set():
            try:
                question, asker = listener.recvfrom(len(QUESTION) + 1)
                if question == QUESTION:
                    listener.sendto(self._announced().to_bytes(), asker)
            except OSError:  # no question came, or the receiver is gone
                continue


def _bind_first(listener: socket.socket) -> int:
    """The first port of PORTS that is free, bound on loopback; 0 if none is."""
    for port in PORTS:
        with suppress(OSError):
            listener.bind((LOOPBACK, port))
            return port
    return 0


def find_local(timeout_s: float = 0.3) -> tuple[Announcement, ...]:
    """The senders of this machine that answer in this time, by name."""
    answers: dict[int, Announcement] = {}  # by port: one each, whatever the program at it sends
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.bind((LOOPBACK, 0))
        for port in PORTS:
            with suppress(OSError):
                asker.sendto(QUESTION, (LOOPBACK, port))
        until_s = time.monotonic() + timeout_s
        while (left_s := until_s - time.monotonic()) > 0:
            asker.settimeout(left_s)
            try:
                answer, (host, port) = asker.recvfrom(MAX_ANSWER_BYTES + 1)
                if host == LOOPBACK and port in PORTS:
                    answers[port] = Announcement.from_bytes(answer)
            except (OSError, WireError):  # a port without a sender is an error on some systems
                continue
    return _sorted({sender.session: sender for sender in answers.values()}.values())


class LanAnnouncer:
    """Announces an encrypted sender in the local network by mDNS while it is entered. Everyone there sees its name.

    DiscoveryError for a sender without encryption, because nothing else of the network could connect to it, and where
    the package zeroconf is missing.
    """

    def __init__(self, announced: Announcement, interfaces: tuple[str, ...] = ()) -> None:
        """`interfaces` are addresses of this machine; by default all that are no loopback addresses."""
        if not announced.is_encrypted:
            raise DiscoveryError("only an encrypted sender is announced: add --curve, or leave out --announce")
        self._announced, self._interfaces = announced, interfaces
        self._stack = ExitStack()

    def renew(self, announced: Announcement) -> None:
        """Announces these addresses instead, inside `with`; the log says if that fails."""
        self._stack.close()
        self._announced = announced
        try:
            self.__enter__()
        except DiscoveryError as error:
            _log.warning("the sender is no longer announced in the network: %s", error)

    def __enter__(self) -> Self:
        library = _zeroconf()
        sender = self._announced
        ports = {name: endpoint.port_of(getattr(sender, name)) for name in _ENDPOINTS if getattr(sender, name)}
        texts = {"v": "1", "subject": sender.subject, "session": str(sender.session), "omote": sender.omote}
        info = library.ServiceInfo(
            SERVICE,
            f"{_label(sender.name)}.{SERVICE}",
            port=next(iter(ports.values()), 0),
            properties=texts | {name: str(port) for name, port in ports.items()},
            parsed_addresses=list(self._interfaces or _own_addresses()),
            server=f"omote-{sender.session:016x}.local.",  # not the machine's own name, which its system announces
        )
        with ExitStack() as stack:
            service = stack.enter_context(_open(library, self._interfaces))
            service.register_service(info, allow_name_change=True)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()


def find_lan(timeout_s: float = 2.0, interfaces: tuple[str, ...] = ()) -> tuple[Announcement, ...]:
    """The encrypted senders of the local network that answer in this time, 64 at most. DiscoveryError without zeroconf.

    Returns within twice the time.
    """
    library = _zeroconf()
    names: set[str] = set()

    def note(name: str, **_: object) -> None:
        if len(names) < MOST_LAN_SENDERS:
            names.add(name)

    with _open(library, interfaces) as service:
        library.ServiceBrowser(service, SERVICE, handlers=[note])
        time.sleep(timeout_s)
        until_s = time.monotonic() + timeout_s
        infos = [
            service.get_service_info(SERVICE, name, timeout=max(int((until_s - time.monotonic()) * 1000), 1))
            for name in sorted(names)
        ]
    found = {}
    for info in infos:
        with suppress(WireError, ValueError):
            if info and (sender := _of_service(info)):
                found[sender.session] = sender
    return _sorted(found.values())


def _of_service(info: zeroconf.ServiceInfo) -> Announcement | None:
    addresses = info.parsed_addresses()
    properties: Mapping[Any, Any] = info.properties
    said = {key.decode(): (value or b"").decode() for key, value in properties.items()}
    if not addresses or said.get("v") != "1":
        return None
    endpoints = {name: f"tcp://{addresses[0]}:{int(said[name])}" if name in said else "" for name in _ENDPOINTS}
    name = str(info.name).removesuffix(f".{SERVICE}")
    texts = {"name": name, "subject": said.get("subject", ""), "omote": said.get("omote", "")}
    fields = {"v": 1, "session": int(said.get("session", "-1")), "curve": True, **texts, **endpoints}
    return Announcement._from_fields(fields)


def _zeroconf() -> Any:
    try:
        import zeroconf
    except ImportError as error:
        raise DiscoveryError("the local network needs the package zeroconf: pip install 'omote[discovery]'") from error
    return zeroconf


def _open(library: Any, interfaces: tuple[str, ...]) -> zeroconf.Zeroconf:
    try:
        return library.Zeroconf(interfaces=list(interfaces) or library.InterfaceChoice.Default)  # type: ignore[no-any-return]
    except OSError as error:
        raise DiscoveryError(f"mDNS cannot be used here ({error}): name the sender's address instead") from error


def _own_addresses() -> list[str]:
    """The address by which this machine reaches others; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # of a network that is reserved for documentation
        except OSError as error:
            raise DiscoveryError(f"this machine is in no network ({error.strerror}): leave out --announce") from error
        return [str(probe.getsockname()[0])]


def _label(name: str) -> str:
    """The name as one label of DNS: printable, without dots, at most 63 bytes."""
    plain = "".join("-" if letter == "." or not letter.isprintable() else letter for letter in name) or "omote"
    return plain.encode()[:MAX_NAME_BYTES].decode(errors="ignore")


def _sorted(senders: Iterable[Announcement]) -> tuple[Announcement, ...]:
    return tuple(sorted(senders, key=lambda one: (one.name, one.video)))
