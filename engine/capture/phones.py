"""Phone apps as sources: Live Link Face, iFacialMocap, Facemotion3d and VTube Studio.

docs/sources.md says where the signs, units and orders of rotation come from.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from omote.bridge import arkit, ifacialmocap, livelink, vtubestudio_phone
from omote.bridge.arkit import rotation_from_angles
from omote.bridge.ifacialmocap import IFacialMocapPacket
from omote.bridge.livelink import LiveLinkPacket
from omote.bridge.vmc import quaternion_of_rotation, quaternion_product, rotation_of_quaternion
from omote.bridge.vtubestudio_phone import VtsPhonePacket

from ..data import Array
from ..face.retarget import gaze_from_weights
from .datagrams import FaceProtocol, FaceUpdate, PhoneRequest

REQUEST_INTERVAL_S = 1.0
# iFacialMocap repeats its last face when it has lost it. The same numbers for this long are a lost face, and after a
# gap they are a new one.
FROZEN_NS = 500_000_000
_GAP_NS = 1_000_000_000
_VTS_DURATION_S = 5.0  # of the data that one request asks for; a lost request is repeated long before that


class LiveLink(FaceProtocol[LiveLinkPacket]):
    """Epic's Live Link Face. The app gets no answer."""

    kind = "livelink"
    title = "Live Link Face"
    advice = "is the app open, in the mode Live Link (ARKit), with {here} as a target?"
    ports = (livelink.PORT,)

    def decode(self, data: bytes) -> LiveLinkPacket:
        return livelink.decode(data)

    def device(self, packet: LiveLinkPacket) -> str:
        return packet.device_id

    def has_face(self, packet: LiveLinkPacket) -> bool:
        return packet.values is not None

    def update(self, packet: LiveLinkPacket, now_ns: int) -> FaceUpdate:
        timecode_ns = packet.time_of_day_ns
        if packet.values is None:
            return FaceUpdate(timecode_ns=timecode_ns)
        # The app's weights lie a little below 0 and above 1. Its eye angles are not used: the weights name the
        # direction of a look, while the sign of the angles has never been checked on a real iPhone.
        weights = np.clip(packet.values[: arkit.COUNT], 0.0, 1.0)
        rotation = livelink.head_rotation(packet.values[arkit.COUNT : arkit.COUNT + 3])
        gaze = gaze_from_weights(weights)
        return FaceUpdate(weights, rotation, gaze=gaze, confidence=1.0, timecode_ns=timecode_ns)


class IFacialMocap(FaceProtocol[IFacialMocapPacket]):
    """iFacialMocap. A datagram need not name all weights, so this remembers the others."""

    kind = "ifacialmocap"
    title = "iFacialMocap"
    advice = "is the app open, on the same network as this machine ({here})?"
    ports: ClassVar[tuple[int, ...]] = (ifacialmocap.PORT,)

    def __init__(self) -> None:
        self._weights = np.zeros(arkit.COUNT, np.float32)
        self._last: IFacialMocapPacket | None = None
        self._changed_ns = self._heard_ns = 0

    def decode(self, data: bytes) -> IFacialMocapPacket:
        return ifacialmocap.decode(data)

    def has_face(self, packet: IFacialMocapPacket) -> bool:
        return packet.is_tracked

    def update(self, packet: IFacialMocapPacket, now_ns: int) -> FaceUpdate:
        if packet != self._last or now_ns - self._heard_ns > _GAP_NS:
            self._last, self._changed_ns = packet, now_ns
        self._heard_ns = now_ns
        # A head that is measured never stays the same to the sixth digit; weights in whole hundredths may.
        is_frozen = bool(packet.head_deg) and now_ns - self._changed_ns > FROZEN_NS
        if not packet.is_tracked or is_frozen:
            return FaceUpdate()
        weights = self._weights.copy()
        for name, value in packet.weights.items():
            weights[arkit.INDEX[name]] = min(max(value, 0.0), 1.0)
        self._weights = weights
        translation = np.array(packet.head_m or (0.0, 0.0, 0.0), np.float32)
        return FaceUpdate(weights, ifacialmocap_rotation(packet), translation, gaze_from_weights(weights), 1.0)


class Facemotion3d(IFacialMocap):
    """Facemotion3d, which sends the same text to one of two ports: its documents name both."""

    kind = "facemotion3d"
    title = "Facemotion3d"
    ports = (ifacialmocap.PORT, ifacialmocap.FACEMOTION_PORT)


def ifacialmocap_rotation(packet: IFacialMocapPacket) -> Array:
    """[3] rotation vector of the head; its angles are those of ARKit."""
    if not packet.head_deg:
        return np.zeros(3, np.float32)
    pitch, yaw, roll = np.radians(packet.head_deg)
    return rotation_from_angles(np.array([yaw, pitch, roll]))


class VTubeStudio(FaceProtocol[VtsPhonePacket]):
    """VTube Studio, which sends only while it is asked to."""

    kind = "vtubestudio"
    title = "VTube Studio"
    advice = (
        'is "3rd Party PC Clients" on in the app, with the port that it shows there, and the phone on the same network '
        "as this machine ({here})?"
    )
    ports = (11125,)  # that of the app's own example

    def decode(self, data: bytes) -> VtsPhonePacket:
        return vtubestudio_phone.decode(data)

    def update(self, packet: VtsPhonePacket, now_ns: int) -> FaceUpdate:
        if not packet.is_tracked:
            return FaceUpdate()
        weights = arkit.clipped_weights(packet.weights)
        # The unit of the head's position is not documented, so the position is not used.
        rotation = vtubestudio_rotation(packet.rotation_deg)
        return FaceUpdate(weights, rotation, gaze=gaze_from_weights(weights), confidence=1.0)


def vtubestudio_rotation(rotation_deg: tuple[float, float, float]) -> Array:
    """[3] rotation vector of the head from the app's x (to the subject's right), y (down) and z (tilt to the right).

    The pitch is applied last.
    """
    right, down, tilt = np.radians(rotation_deg)
    pitch, yaw, roll = (
        quaternion_of_rotation(np.array(turn, np.float32)) for turn in ((down, 0, 0), (0, -right, 0), (0, 0, tilt))
    )
    return rotation_of_quaternion(quaternion_product(quaternion_product(pitch, yaw), roll)).astype(np.float32)


def ifacialmocap_request(phone: str, port: int = ifacialmocap.PORT) -> PhoneRequest:
    """Asks iFacialMocap on this phone to send its face."""
    return PhoneRequest(phone, port, lambda _: ifacialmocap.REQUEST, REQUEST_INTERVAL_S)


def facemotion3d_request(phone: str, port: int = ifacialmocap.FACEMOTION_PORT) -> PhoneRequest:
    """Asks Facemotion3d on this phone to send its face, and in the end to stop."""
    start, stop = ifacialmocap.FACEMOTION_REQUEST, ifacialmocap.FACEMOTION_FAREWELL
    return PhoneRequest(phone, port, lambda _: start, REQUEST_INTERVAL_S, stop_content=stop)


def vtubestudio_request(phone: str, port: int = vtubestudio_phone.PORT) -> PhoneRequest:
    """Asks VTube Studio on this phone for five seconds of data, once a second."""

    def content(own_port: int) -> bytes:
        return vtubestudio_phone.request(own_port, _VTS_DURATION_S)

    return PhoneRequest(phone, port, content, REQUEST_INTERVAL_S, only_in_silence=False)
