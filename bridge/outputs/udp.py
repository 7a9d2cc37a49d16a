"""Sends the face over UDP, as Live Link Face or VMC packets."""

from __future__ import annotations

import logging
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .. import livelink, vmc
from ..errors import SenderError
from ..livelink import LiveLinkPacket
from ..payload import Params

SUBJECT = "Omote"
FRAME_RATE = 60  # of the time code, whatever the rate of the pictures

_DAY_S = 86_400
_LOG_PERIOD_NS = 1_000_000_000

_log = logging.getLogger(__name__)

FaceEncoder = Callable[[int, Params], Sequence[bytes]]  # the datagrams of a face, captured at that wall time in ns


class UdpSender:
    """Sends each face to one host; `with` resolves its name and raises SenderError where that fails.

    A lost face is sent as the portrait shows it, easing to rest. UDP does not report a missing receiver. What the
    system does report (no route, a full buffer, a closed port) is logged at most once a second.
    """

    def __init__(
        self,
        protocol: str,
        host: str,
        port: int,
        encode: FaceEncoder,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.name = f"{protocol} {host}:{port}"
        self.sent = self.failed = 0  # datagrams
        self.trouble = ""  # why the newest datagram could not be sent; empty where it could
        self._host, self._port = host, port
        self._encode = encode
        self._clock = clock
        self._logged_ns: int | None = None
        self._socket: socket.socket | None = None
        self._address: tuple[object, ...] = ()

    def __enter__(self) -> Self:
        family, self._address = _resolve(self._host, self._port)
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        return self

    def __exit__(self, *error: object) -> None:
        if self._socket:
            self._socket.close()

    def offer(self, wall_ns: int, params: Params) -> None:
        """Sends the face that the portrait shows. Never blocks."""
        for datagram in self._encode(wall_ns, params):
            self._send(datagram)

    def _send(self, data: bytes) -> None:
        assert self._socket, "opened by `with`"
        try:
            self._socket.sendto(data, self._address)
        except OSError as error:  # Windows also reports here that an earlier datagram met a closed port
            self.failed += 1
            self.trouble = f"{error}"
            now_ns = self._clock()
            if self._logged_ns is None or now_ns - self._logged_ns >= _LOG_PERIOD_NS:
                self._logged_ns = now_ns
                _log.warning("%s: %s; %d datagrams could not be sent", self.name, error, self.failed)
        else:
            self.sent += 1
            self.trouble = ""


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[object, ...]]:
    """The address of this host, IPv4 where it has one, because these receivers listen there."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise SenderError(f"there is no host {host} ({error}): expected a name or an address, as 127.0.0.1") from error
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, address


def livelink_sender(host: str, port: int = livelink.PORT, subject: str = SUBJECT) -> UdpSender:
    """Sends a Live Link subject of this name."""
    if not 0 < len(subject.encode()) <= livelink.MAX_TEXT_BYTES or not subject.isprintable():
        raise SenderError(f"a subject's name has 1 to {livelink.MAX_TEXT_BYTES} bytes, got {subject!r}")
    # The same id after a restart, because some receivers stay with the first phone that they hear.
    device_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"omote.{socket.gethostname()}")).upper()
    utc_offset_s = time.localtime().tm_gmtoff

    def encode(wall_ns: int, params: Params) -> Sequence[bytes]:
        # Never the packet without a face: Unreal ignores it, and the avatar would freeze in its last expression.
        number, sub_frame = time_code(wall_ns, utc_offset_s)
        packet = LiveLinkPacket(device_id, subject, number, sub_frame, FRAME_RATE, 1, face_values(params))
        return [livelink.encode(packet)]

    return UdpSender("livelink", host, port, encode)


def face_values(params: Params) -> NDArray[np.float32]:
    """[61] what the portrait shows, in the order of `livelink.NAMES` and with the app's signs."""
    head, eyes = livelink.head_angles(params.neck_pose), livelink.eye_angles(params.eye_pose[:, :2])
    return np.concatenate([np.clip(params.portrait_weights, 0.0, 1.0), head, *eyes]).astype(np.float32)


def time_code(wall_ns: int, utc_offset_s: int) -> tuple[int, float]:
    """The frame number since local midnight, as the phone counts it, and the elapsed part of that frame."""
    whole_s, rest_ns = divmod(wall_ns, 1_000_000_000)
    frames, rest = divmod(rest_ns * FRAME_RATE, 1_000_000_000)
    return (whole_s + utc_offset_s) % _DAY_S * FRAME_RATE + frames, rest / 1_000_000_000


def vmc_sender(
    host: str, port: int = vmc.PORT, names: tuple[str, ...] = vmc.CAMEL, has_presets: bool = True
) -> UdpSender:
    """Sends VMC messages, with `names` as the avatar's own shapes are called.

    Without `has_presets` the avatar gets only these 52: one that has both would move twice as far.
    """
    began_ns: int | None = None

    def encode(wall_ns: int, params: Params) -> Sequence[bytes]:
        nonlocal began_ns
        if began_ns is None:
            began_ns = wall_ns
        return vmc.face_bundles(params, (wall_ns - began_ns) / 1e9, names, has_presets)

    return UdpSender("vmc", host, port, encode)
