"""An iPhone as a source: listens for the packets of Epic's Live Link Face app, and answers nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from omote.bridge import arkit, livelink
from omote.bridge.livelink import LiveLinkPacket

from ..face.retarget import gaze_from_weights
from .datagrams import ANY_ADDRESS, LOOPBACK, DatagramSource, FaceUpdate

__all__ = ["ANY_ADDRESS", "DEFAULT_PORT", "LOOPBACK", "LiveLinkSource"]

DEFAULT_PORT = livelink.PORT


class LiveLinkSource(DatagramSource[LiveLinkPacket]):
    """Signals from the first phone that sends a face; every other sender is ignored until `with` ends."""

    def __init__(
        self,
        port: int = DEFAULT_PORT,
        host: str = ANY_ADDRESS,
        clock: Callable[[], int] = time.perf_counter_ns,
        wall_clock: Callable[[], int] = time.time_ns,
        only: str | None = None,
    ) -> None:
        super().__init__(f"livelink {port}", _LiveLink(), (port,), host, None, clock, wall_clock, only)


class _LiveLink:
    kind = "livelink"
    title = "Live Link Face"
    advice = "is the app open, in the mode Live Link (ARKit), with {here} as a target?"

    def decode(self, data: bytes) -> LiveLinkPacket:
        return livelink.decode(data)

    def device(self, packet: LiveLinkPacket) -> str:
        return packet.device_id

    def has_face(self, packet: LiveLinkPacket) -> bool:
        return packet.values is not None

    def heard(self, packet: LiveLinkPacket, now_ns: int) -> FaceUpdate:
        timecode_ns = packet.time_of_day_ns
        if packet.values is None:
            return FaceUpdate(np.zeros(arkit.COUNT, np.float32), confidence=0.0, timecode_ns=timecode_ns)
        # The app overshoots by a hair on both sides. Its eye angles are left aside: the weights say in words which way
        # an eye looks, the angles need a sign that nobody has yet held against a real iPhone.
        weights = np.clip(packet.values[: arkit.COUNT], 0.0, 1.0)
        head = packet.values[arkit.COUNT : arkit.COUNT + 3]
        return FaceUpdate(
            weights, livelink.head_rotation(head), gaze=gaze_from_weights(weights), timecode_ns=timecode_ns
        )
