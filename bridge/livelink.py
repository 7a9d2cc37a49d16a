"""Live Link Face, version 6: encodes and decodes the UDP packets of Epic's iPhone app."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import arkit
from .arkit import angles_from_rotation, rotation_from_angles
from .errors import ProtocolError

PORT = 11111
VERSION = 6
ANGLES = tuple(f"{part}{angle}" for part in ("Head", "LeftEye", "RightEye") for angle in ("Yaw", "Pitch", "Roll"))
# The order in the packet. The app's CSV has JawRight and MouthRight before the left ones; see engine/capture/take.py.
NAMES: tuple[str, ...] = (*(name[0].upper() + name[1:] for name in arkit.NAMES), *ANGLES)
COUNT = len(NAMES)

MAX_TEXT_BYTES = 256

_SECOND_NS = 1_000_000_000
_DAY_NS = 86_400 * _SECOND_NS
_AXIS_SIGNS = np.array((1.0, -1.0, 1.0))  # of yaw, pitch and roll: a positive HeadPitch looks up, EyePitch down


@dataclass(frozen=True)
class LiveLinkPacket:
    """One face at one moment, as the phone sends it."""

    device_id: str
    subject: str
    frame_number: int
    sub_frame: float
    fps_numerator: int
    fps_denominator: int
    values: NDArray[np.float32] | None  # [61] in the order of NAMES, angles in radians; None where no face is tracked

    @property
    def time_of_day_ns(self) -> int | None:
        """Since midnight, by the phone's clock; None where the packet has no valid time code."""
        if self.fps_numerator <= 0 or self.fps_denominator <= 0 or self.frame_number < 0:
            return None
        frames_ns = _SECOND_NS * self.fps_denominator
        part_ns = round(self.sub_frame * frames_ns / self.fps_numerator) if 0.0 <= self.sub_frame < 1.0 else 0
        return (self.frame_number * frames_ns // self.fps_numerator + part_ns) % _DAY_NS


def decode(data: bytes) -> LiveLinkPacket:
    """The packet in these bytes; raises only ProtocolError."""
    reader = _PacketReader(data)
    version = reader.byte("the version")
    if version != VERSION:
        raise ProtocolError(
            f"Live Link Face version {version} is not known, only {VERSION}; choose 'Live Link (ARKit)' in the app"
        )
    packet = LiveLinkPacket(
        device_id=reader.text("the device's id"),
        subject=reader.text("the subject's name"),
        frame_number=reader.integer("the frame number"),
        sub_frame=float(reader.floats("the sub-frame", 1)[0]),
        fps_numerator=reader.integer("the frame rate"),
        fps_denominator=reader.integer("the frame rate's denominator"),
        values=reader.values(),
    )
    reader.end()
    return packet


def encode(packet: LiveLinkPacket) -> bytes:
    """The bytes of a packet; ProtocolError where a receiver would reject it."""
    parts = [bytes([VERSION]), _text(packet.device_id), _text(packet.subject)]
    try:
        rate = packet.fps_numerator, packet.fps_denominator
        parts.append(struct.pack(">ifii", packet.frame_number, packet.sub_frame, *rate))
    except (struct.error, OverflowError) as error:
        raise ProtocolError(f"frame number and rate must fit 32 bits: {error}") from error
    if packet.values is not None:
        values = np.asarray(packet.values)
        if values.shape != (COUNT,) or not np.isfinite(values).all():
            raise ProtocolError(f"a face has {COUNT} finite numbers, got {list(values.shape)}")
        parts += [bytes([COUNT]), values.astype(">f4").tobytes()]
    return b"".join(parts)


def _text(text: str) -> bytes:
    data = text.encode()
    if len(data) > MAX_TEXT_BYTES:
        raise ProtocolError(f"a name has at most {MAX_TEXT_BYTES} bytes, got {len(data)}")
    return struct.pack(">i", len(data)) + data


def head_angles(rotation: NDArray[np.floating]) -> NDArray[np.float64]:
    """[...,3] HeadYaw (to the subject's left), HeadPitch (up), HeadRoll (to the right) of rotation vectors."""
    return np.asarray(angles_from_rotation(rotation) * _AXIS_SIGNS + 0.0)  # no -0.0


def head_rotation(angles: NDArray[np.floating]) -> NDArray[np.float32]:
    """[...,3] rotation vectors of HeadYaw, HeadPitch and HeadRoll [...,3]."""
    return rotation_from_angles(np.asarray(angles, np.float64) * _AXIS_SIGNS)


def eye_angles(pitch_and_yaw: NDArray[np.floating]) -> NDArray[np.float64]:
    """[...,3] yaw, pitch and roll of eyes with a pitch (down) and a yaw (to the subject's left), [...,2].

    In recordings of the app, yaw grows with EyeLookInLeft and EyeLookOutRight, so to the subject's right, and pitch
    with EyeLookDown.
    """
    gaze = np.asarray(pitch_and_yaw, np.float64)
    return np.stack([0.0 - gaze[..., 1], gaze[..., 0], np.zeros(gaze.shape[:-1])], -1)


class _PacketReader:
    """Reads big-endian values from left to right, and checks each length before it reads."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _take(self, count: int, what: str) -> bytes:
        left = len(self._data) - self._at
        if count > left:
            raise ProtocolError(f"{what} needs {count} bytes, {left} are left")
        self._at += count
        return self._data[self._at - count : self._at]

    def byte(self, what: str) -> int:
        return self._take(1, what)[0]

    def integer(self, what: str) -> int:
        return int.from_bytes(self._take(4, what), "big", signed=True)

    def text(self, what: str) -> str:
        length = self.integer(f"the length of {what}")
        if not 0 <= length <= MAX_TEXT_BYTES:
            raise ProtocolError(f"{what} has 0 to {MAX_TEXT_BYTES} bytes, got {length}")
        try:
            return self._take(length, what).decode()
        except UnicodeDecodeError as error:
            raise ProtocolError(f"{what} is not UTF-8: {error}") from error

    def floats(self, what: str, count: int) -> NDArray[np.float32]:
        values = np.frombuffer(self._take(4 * count, what), ">f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise ProtocolError(f"{what} must be finite, got {values[~np.isfinite(values)][0]}")
        return values

    def values(self) -> NDArray[np.float32] | None:
        """The face; the values are absent, or their count is 0, where the phone sees none."""
        if self._at == len(self._data):
            return None
        count = self.byte("the count of values")
        if count not in (0, COUNT):
            raise ProtocolError(f"a face has {COUNT} values, got {count}")
        return self.floats("the face", COUNT) if count else None

    def end(self) -> None:
        if self._at != len(self._data):
            raise ProtocolError(f"{len(self._data) - self._at} bytes follow the end of the packet")
