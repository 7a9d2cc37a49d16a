"""VTube Studio on an iPhone as a source: asks the phone that the person named, again before each request lapses."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from omote.bridge import arkit, vtubestudio_phone
from omote.bridge.vmc import quaternion_of_rotation, quaternion_product, rotation_of_quaternion
from omote.bridge.vtubestudio_phone import VtsPhonePacket

from ..data import Array
from ..face.retarget import gaze_from_weights
from .datagrams import ANY_ADDRESS, LOOPBACK, DatagramSource, FaceUpdate, PhoneRequest

PORT = 11125  # of this machine, which the phone is told; the number of the app's own example
LASTS_S, ASK_S = 5.0, 1.0  # a lost request is made good long before the last one lapses


class VTubeStudioSource(DatagramSource[VtsPhonePacket]):
    """Signals from the app on `phone`."""

    def __init__(
        self,
        phone: str,
        phone_port: int = vtubestudio_phone.PORT,
        port: int = PORT,
        clock: Callable[[], int] = time.perf_counter_ns,
        wall_clock: Callable[[], int] = time.time_ns,
    ) -> None:
        asked = PhoneRequest(
            phone, phone_port, lambda port: vtubestudio_phone.request(port, LASTS_S), ASK_S, is_for_silence=False
        )
        host = LOOPBACK if phone == LOOPBACK else ANY_ADDRESS
        super().__init__(f"vtubestudio {phone}", _Phone(), (port,), host, asked, clock, wall_clock)


class _Phone:
    kind = "vtubestudio"
    title = "VTube Studio"
    advice = (
        'is "3rd Party PC Clients" on in the app, with the port that it shows there, and the phone on the same network '
        "as this machine ({here})?"
    )

    def decode(self, data: bytes) -> VtsPhonePacket:
        return vtubestudio_phone.decode(data)

    def device(self, packet: VtsPhonePacket) -> str:
        return ""

    def has_face(self, packet: VtsPhonePacket) -> bool:
        return True

    def heard(self, packet: VtsPhonePacket, now_ns: int) -> FaceUpdate:
        if not packet.is_tracked:
            return FaceUpdate(np.zeros(arkit.COUNT, np.float32), confidence=0.0)
        weights = np.clip(arkit.weights(packet.weights), 0.0, 1.0)
        # Where the head is comes in a unit that is written down nowhere, and is left aside.
        return FaceUpdate(weights, turned(packet.rotation_deg), gaze=gaze_from_weights(weights))


def turned(rotation_deg: tuple[float, float, float]) -> Array:
    """[3] the head's rotation vector of the app's x, y, z.

    x turns to the subject's right, y looks down, z tilts to the right; the pitch is applied last: see docs/sources.md.
    """
    right, down, tilt = np.radians(rotation_deg)
    turns = (
        quaternion_of_rotation(np.array(turn, np.float32)) for turn in ((down, 0, 0), (0, -right, 0), (0, 0, tilt))
    )
    pitch, yaw, roll = turns
    return rotation_of_quaternion(quaternion_product(quaternion_product(pitch, yaw), roll)).astype(np.float32)
