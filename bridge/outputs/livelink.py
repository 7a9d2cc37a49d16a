"""The face as Live Link Face packets, which an Unreal Engine takes without a plugin, as if from an iPhone."""

from __future__ import annotations

import socket
import time
import uuid
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .. import livelink
from ..livelink import Packet
from ..payload import Params
from .datagrams import Datagrams, SenderError

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
        self.datagrams = Datagrams(host, port)
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
        packet = Packet(self._device_id, self._subject, number, sub_frame, FRAME_RATE, 1, face_values(params))
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
