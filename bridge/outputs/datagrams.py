"""Sends the face over UDP, as Live Link Face or VMC packets."""

from __future__ import annotations

import logging
import socket
import time
import uuid
from collections.abc import Callable
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .. import livelink, vmc
from ..errors import OmoteError
from ..livelink import LiveLinkPacket
from ..payload import Params

_LOG_PERIOD_NS = 1_000_000_000

_log = logging.getLogger(__name__)


class UdpSender:
    """UDP to one host, whose name is resolved once, when `with` opens it; SenderError where that fails.

    `send` never blocks. UDP tells nothing of who is not there; what the system does tell (no route, a full buffer, a
    port where nobody listens) is logged at most once a second.
    """

    def __init__(self, host: str, port: int, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self.host, self.port = host, port
        self.sent = self.failed = 0  # datagrams
        self.trouble = ""  # why the newest could not be sent; empty where it could
        self._clock = clock
        self._logged_ns: int | None = None
        self._socket: socket.socket | None = None
        self._address: tuple[object, ...] = ()

    def __enter__(self) -> Self:
        family, self._address = _resolve(self.host, self.port)
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        return self

    def __exit__(self, *error: object) -> None:
        if self._socket:
            self._socket.close()

    def send(self, data: bytes) -> None:
        """Sends this, or counts that it could not be sent."""
        assert self._socket, "opened by `with`"
        try:
            self._socket.sendto(data, self._address)
        except OSError as error:  # Windows reports here, for an earlier datagram, that nobody listened (ICMP)
            self.failed += 1
            self.trouble = f"{error}"
            self._log_now_and_then(error)
        else:
            self.sent += 1
            self.trouble = ""

    def _log_now_and_then(self, error: OSError) -> None:
        now_ns = self._clock()
        if self._logged_ns is None or now_ns - self._logged_ns >= _LOG_PERIOD_NS:
            self._logged_ns = now_ns
            _log.warning("%s port %s: %s; %d datagrams could not be sent", self.host, self.port, error, self.failed)


class SenderError(OmoteError, ValueError):
    """There is nowhere to send to; the message says what was found, what was wanted and the nearest."""


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[object, ...]]:
    """The address of that name; IPv4 where there is one, for that is what these receivers listen on."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise SenderError(f"nobody is called {host} ({error}): wanted a host's name or number, as 127.0.0.1") from error
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, address


SUBJECT = "Omote"
FRAME_RATE = 60  # of the time code, whatever the rate of the pictures
_DAY_S = 86_400


class LiveLinkSender:
    """Sends each face to one host as a subject of Live Link.

    A lost face is sent as the portrait shows it, easing to rest: Unreal drops a packet that says "no face", so that an
    avatar would freeze with its last expression. The device's id comes from this machine's name and stays the same, so
    receivers that hold on to the first phone they hear know Omote again after a restart.
    """

    def __init__(self, host: str, port: int = livelink.PORT, subject: str = SUBJECT) -> None:
        if not 0 < len(subject.encode()) <= livelink.MAX_TEXT_BYTES or not subject.isprintable():
            raise SenderError(f"a subject's name has 1 to {livelink.MAX_TEXT_BYTES} bytes, got {subject!r}")
        self.name = f"livelink {host}:{port}"
        self.datagrams = UdpSender(host, port)
        self._subject = subject
        self._device_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"omote.{socket.gethostname()}")).upper()
        self._utc_offset_s = 0  # of the local clock to UTC

    def __enter__(self) -> Self:
        self.datagrams.__enter__()
        self._utc_offset_s = time.localtime().tm_gmtoff
        return self

    def __exit__(self, *error: object) -> None:
        self.datagrams.__exit__(*error)

    @property
    def trouble(self) -> str:
        """Why nothing can be sent now; empty where it can."""
        return self.datagrams.trouble

    def offer(self, wall_ns: int, params: Params) -> None:
        """Sends the face that the portrait shows."""
        number, sub_frame = time_code(wall_ns, self._utc_offset_s)
        packet = LiveLinkPacket(self._device_id, self._subject, number, sub_frame, FRAME_RATE, 1, face_values(params))
        self.datagrams.send(livelink.encode(packet))


def face_values(params: Params) -> NDArray[np.float32]:
    """[61] what the portrait shows, in the order of `livelink.NAMES` and with the app's signs."""
    weights = params.weights if params.shown_weights is None else params.shown_weights
    head, eyes = livelink.head_angles(params.neck_pose), livelink.eye_angles(params.eye_pose[:, :2])
    return np.concatenate([np.clip(weights, 0.0, 1.0), head, *eyes]).astype(np.float32)


def time_code(wall_ns: int, utc_offset_s: int) -> tuple[int, float]:
    """Frames since midnight of the local clock, as the phone counts them, and the part of a frame that is over."""
    whole_s, rest_ns = divmod(wall_ns, 1_000_000_000)
    frames, rest = divmod(rest_ns * FRAME_RATE, 1_000_000_000)
    return (whole_s + utc_offset_s) % _DAY_S * FRAME_RATE + frames, rest / 1_000_000_000


class VmcSender:
    """Sends each face to one host, as the portrait shows it: a lost face eases to rest."""

    def __init__(
        self, host: str, port: int = vmc.PORT, names: tuple[str, ...] = vmc.CAMEL, has_presets: bool = True
    ) -> None:
        """`names` as the avatar's own shapes are called; without `has_presets` it gets nothing but these 52.

        An avatar that has both would move twice as far with both.
        """
        self.name = f"vmc {host}:{port}"
        self.datagrams = UdpSender(host, port)
        self._names, self._has_presets = names, has_presets
        self._began_ns: int | None = None

    def __enter__(self) -> Self:
        self.datagrams.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.datagrams.__exit__(*error)

    @property
    def trouble(self) -> str:
        """Why nothing can be sent now; empty where it can."""
        return self.datagrams.trouble

    def offer(self, wall_ns: int, params: Params) -> None:
        """Sends the face that the portrait shows."""
        if self._began_ns is None:
            self._began_ns = wall_ns
        time_s = (wall_ns - self._began_ns) / 1e9
        for bundle in vmc.face_bundles(params, time_s, self._names, self._has_presets):
            self.datagrams.send(bundle)
