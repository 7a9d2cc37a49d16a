"""iFacialMocap or Facemotion3d on a phone as a source: asks the phone that the person named, or only listens."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from omote.bridge import arkit, ifacialmocap
from omote.bridge.arkit import rotation_from_angles
from omote.bridge.ifacialmocap import IFacialMocapPacket

from ..data import Array
from ..face.retarget import gaze_from_weights
from .datagrams import ANY_ADDRESS, LOOPBACK, DatagramSource, FaceUpdate, PhoneRequest

ASK_S = 1.0  # between two requests while nothing comes
FROZEN_NS = 500_000_000  # the same numbers for so long: the app says its last face again when it has lost it
GAP_NS = 1_000_000_000  # silence, after which the same numbers are news


class IFacialMocapSource(DatagramSource[IFacialMocapPacket]):
    """Signals from the app on `phone`, which is asked to send while it does not; with "", from whoever sends first."""

    def __init__(
        self,
        phone: str = "",
        phone_port: int = ifacialmocap.PORT,
        ports: tuple[int, ...] = (ifacialmocap.PORT,),
        clock: Callable[[], int] = time.perf_counter_ns,
        wall_clock: Callable[[], int] = time.time_ns,
    ) -> None:
        asked = _request(phone, phone_port, ifacialmocap.REQUEST)
        name = f"ifacialmocap {phone or ports[0]}"
        super().__init__(name, _Text("ifacialmocap", "iFacialMocap"), ports, _host(phone), asked, clock, wall_clock)


class Facemotion3dSource(DatagramSource[IFacialMocapPacket]):
    """The same of Facemotion3d, which answers at one of two ports: its own pages do not agree which."""

    def __init__(
        self,
        phone: str = "",
        phone_port: int = ifacialmocap.FACEMOTION_PORT,
        ports: tuple[int, ...] = (ifacialmocap.PORT, ifacialmocap.FACEMOTION_PORT),
        clock: Callable[[], int] = time.perf_counter_ns,
        wall_clock: Callable[[], int] = time.time_ns,
    ) -> None:
        asked = _request(phone, phone_port, ifacialmocap.FACEMOTION_REQUEST, ifacialmocap.FACEMOTION_FAREWELL)
        name = f"facemotion3d {phone or ports[0]}"
        super().__init__(name, _Text("facemotion3d", "Facemotion3d"), ports, _host(phone), asked, clock, wall_clock)


def _request(phone: str, port: int, content: bytes, farewell: bytes = b"") -> PhoneRequest | None:
    return (
        PhoneRequest(phone, port, lambda _: content, ASK_S, is_for_silence=True, farewell=farewell) if phone else None
    )


def _host(phone: str) -> str:
    return LOOPBACK if phone == LOOPBACK else ANY_ADDRESS


class _Text:
    """Remembers what weights were, for not every datagram names all of them."""

    def __init__(self, kind: str, title: str) -> None:
        self.kind, self.title = kind, title
        self.advice = "is the app open, on the same network as this machine ({here})?"
        self._weights = np.zeros(arkit.COUNT, np.float32)
        self._last: IFacialMocapPacket | None = None
        self._changed_ns = self._heard_ns = 0

    def decode(self, data: bytes) -> IFacialMocapPacket:
        return ifacialmocap.decode(data)

    def device(self, packet: IFacialMocapPacket) -> str:
        return ""

    def has_face(self, packet: IFacialMocapPacket) -> bool:
        return packet.is_tracked

    def heard(self, packet: IFacialMocapPacket, now_ns: int) -> FaceUpdate:
        if packet != self._last or now_ns - self._heard_ns > GAP_NS:
            self._last, self._changed_ns = packet, now_ns
        self._heard_ns = now_ns
        if not packet.is_tracked or self._is_frozen(packet, now_ns):
            return FaceUpdate(np.zeros(arkit.COUNT, np.float32), confidence=0.0)
        weights = self._weights.copy()
        for name, value in packet.weights.items():
            weights[arkit.INDEX[name]] = min(max(value, 0.0), 1.0)
        self._weights = weights
        return FaceUpdate(weights, _turned(packet), _placed(packet), gaze_from_weights(weights))

    def _is_frozen(self, packet: IFacialMocapPacket, now_ns: int) -> bool:
        """A head that is measured never stays at the same sixth digit; weights in whole hundredths may."""
        return bool(packet.head_deg) and now_ns - self._changed_ns > FROZEN_NS


def _turned(packet: IFacialMocapPacket) -> Array:
    """The angles are taken for ARKit's own: see docs/sources.md."""
    if not packet.head_deg:
        return np.zeros(3, np.float32)
    pitch, yaw, roll = np.radians(packet.head_deg)
    return rotation_from_angles(np.array([yaw, pitch, roll]))


def _placed(packet: IFacialMocapPacket) -> Array:
    return np.array(packet.head_m or (0.0, 0.0, 0.0), np.float32)
