"""The VMC protocol: a face as OSC messages and VRM expressions, encoded and decoded."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pythonosc.osc_message_builder import OscMessageBuilder

from . import arkit
from .errors import ProtocolError
from .payload import Params

PORT = 39539
MAX_BUNDLE_BYTES = 1400  # fits into one network packet: a fragmented datagram is lost with any of its fragments
MAX_NAME = 128  # letters
MAX_DEPTH = 4  # a bundle in a bundle is two deep
MAX_ARGUMENTS = 64
MAX_MESSAGES = 1024  # of a datagram; a whole body and face are 200
BONES = ("Neck", "Head", "LeftEye", "RightEye")

CAMEL = arkit.NAMES
PASCAL = tuple(name[0].upper() + name[1:] for name in arkit.NAMES)

_VALUE, _BONE, _APPLY = "/VMC/Ext/Blend/Val", "/VMC/Ext/Bone/Pos", "/VMC/Ext/Blend/Apply"
_BUNDLE = b"#bundle\0"
_BUNDLE_HEADER = _BUNDLE + struct.pack(">q", 1)  # the time tag 1 means: at once
_NUMBER_FORMATS = {"i": ">i", "f": ">f", "h": ">q", "d": ">d", "t": ">Q", "r": ">I", "m": ">I", "c": ">I"}
_CONSTANTS: dict[str, bool | None] = {"T": True, "F": False, "N": None, "I": None}
_ORIGIN = (0.0, 0.0, 0.0)
_TINY = 1e-6

OscArgument = int | float | str | bytes | bool | None
Quaternion = NDArray[np.float64]  # [4] x, y, z, w


# Encoding.


def face_bundles(
    params: Params, time_s: float, names: tuple[str, ...] = CAMEL, has_presets: bool = True
) -> list[bytes]:
    """The datagrams that show this face; receivers apply it at the last one.

    The positions of bones are zero, as other face trackers send them: a receiver uses the rotations alone.
    """
    weights = params.portrait_weights
    values = dict(zip(names, np.clip(weights, 0.0, 1.0).tolist(), strict=True))
    if has_presets:
        values |= vrm_presets(weights)
    left, right = params.eye_pose
    rotations = {
        "Head": to_unity(quaternion_of_rotation(params.neck_pose)),
        "LeftEye": to_unity(quaternion_of_gaze(left[0], left[1])),
        "RightEye": to_unity(quaternion_of_gaze(right[0], right[1])),
    }
    return _split_bundles(
        [
            _encode_message("/VMC/Ext/OK", "i", 1),
            _encode_message("/VMC/Ext/T", "f", time_s),
            *(_encode_message(_BONE, "sfffffff", bone, *_ORIGIN, *turn) for bone, turn in rotations.items()),
            *(_blend(name, value) for name, value in values.items()),
            _encode_message(_APPLY, ""),
        ]
    )


def _encode_message(address: str, kinds: str, *values: str | float) -> bytes:
    builder = OscMessageBuilder(address)
    for kind, value in zip(kinds, values, strict=True):
        builder.add_arg(value if isinstance(value, str | int) else float(value), kind)
    return builder.build().dgram


def _blend(name: str, value: float) -> bytes:
    return _blend_prefix(name) + struct.pack(">f", value)


@cache
def _blend_prefix(name: str) -> bytes:
    """A value's message without the value: a picture has 64 of them, and building one takes 10 microseconds."""
    return _encode_message(_VALUE, "sf", name, 0.0)[:-4]


def _split_bundles(messages: Iterable[bytes]) -> list[bytes]:
    """Bundles of as many messages as fit, in order."""
    bundles = [_BUNDLE_HEADER]
    for message in messages:
        sized = struct.pack(">i", len(message)) + message
        if len(bundles[-1]) + len(sized) > MAX_BUNDLE_BYTES:
            bundles.append(_BUNDLE_HEADER)
        bundles[-1] += sized
    return bundles


# Decoding.


class Value(NamedTuple):
    """A blend shape: the name as the sender spells it, and its weight, 1 for full."""

    name: str
    weight: float


class Bone(NamedTuple):
    """The rotation of one of `BONES` relative to its parent, in our coordinates."""

    name: str
    turn: Quaternion  # of length 1


class Apply(NamedTuple):
    """The end of a picture's values."""


VmcEvent = Value | Bone | Apply


def decode(data: bytes) -> list[VmcEvent]:
    """The face events in this datagram, in order; raises only ProtocolError."""
    messages = osc_messages(data)
    if messages and not any(one.address.startswith("/VMC/") for one in messages):
        raise ProtocolError(f"this is OSC but no VMC: it is addressed to {messages[0].address[:40]!r}")
    return [event for one in messages if (event := _event(one)) is not None]


def shows_face(events: list[VmcEvent]) -> bool:
    """Whether there are values among them: bones alone may come from a body tracker."""
    return any(isinstance(event, Value) for event in events)


def _event(message: OscMessage) -> VmcEvent | None:
    arguments = message.arguments
    if message.address == _VALUE:
        return Value(_read_name(arguments), _read_numbers(arguments, 1, 1)[0])
    if message.address == _BONE:
        name = _read_name(arguments)
        return Bone(name, _read_quaternion(arguments)) if name in BONES else None
    return Apply() if message.address == _APPLY else None


def _read_name(arguments: tuple[OscArgument, ...]) -> str:
    name = arguments[0] if arguments else None
    if not isinstance(name, str) or len(name) > MAX_NAME:
        raise ProtocolError(f"the name of a value or a bone has at most {MAX_NAME} letters")
    return name


def _read_quaternion(arguments: tuple[OscArgument, ...]) -> Quaternion:
    turn = np.array(_read_numbers(arguments, 4, 4))
    length = float(np.linalg.norm(turn))
    if not _TINY < length < 1.0 / _TINY:
        raise ProtocolError(f"a bone's rotation is a quaternion of length 1, got {length:g}")
    return to_unity(turn / length)


def _read_numbers(arguments: tuple[OscArgument, ...], start: int, count: int) -> list[float]:
    found = arguments[start : start + count]
    numbers = [float(one) for one in found if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(numbers) != count:
        raise ProtocolError(f"expected {count} numbers after the name, got {[type(one).__name__ for one in found]}")
    return numbers


# OSC.


class OscMessage(NamedTuple):
    address: str
    arguments: tuple[OscArgument, ...]


def osc_messages(data: bytes) -> list[OscMessage]:
    """All messages in order, also those in bundles; raises only ProtocolError."""
    found = list(islice(_read_messages(data, 1), MAX_MESSAGES + 1))
    if len(found) > MAX_MESSAGES:
        raise ProtocolError(f"an OSC datagram has at most {MAX_MESSAGES} messages")
    return found


def _read_messages(data: bytes, depth: int) -> Iterator[OscMessage]:
    if not data.startswith(_BUNDLE):
        yield _read_message(data)
        return
    if depth > MAX_DEPTH:
        raise ProtocolError(f"OSC bundles are at most {MAX_DEPTH} deep")
    if len(data) < 16:
        raise ProtocolError(f"an OSC bundle begins with 16 bytes, got {len(data)}")
    at = 16
    while at < len(data):
        if len(data) - at < 4:
            raise ProtocolError(f"the length of an OSC message needs 4 bytes, {len(data) - at} are left")
        (length,) = struct.unpack_from(">i", data, at)
        at += 4
        if not 0 < length <= len(data) - at or length % 4:
            raise ProtocolError(f"an OSC message has 4 to {len(data) - at} bytes, in fours, got {length}")
        yield from _read_messages(data[at : at + length], depth + 1)
        at += length


def _read_message(data: bytes) -> OscMessage:
    address, at = _read_text(data, 0, "an OSC address")
    if not address.startswith("/"):
        raise ProtocolError(f"an OSC address begins with /, got {address[:20]!r}")
    if at == len(data):  # old senders omit the types of a message without arguments
        return OscMessage(address, ())
    kinds, at = _read_text(data, at, "the types")
    if not kinds.startswith(",") or len(kinds) > MAX_ARGUMENTS:
        raise ProtocolError(f"OSC types begin with a comma and are at most {MAX_ARGUMENTS}, got {kinds[:20]!r}")
    arguments = []
    for kind in kinds[1:]:
        value, at = _read_argument(kind, data, at)
        arguments.append(value)
    return OscMessage(address, tuple(arguments))


def _read_argument(kind: str, data: bytes, at: int) -> tuple[OscArgument, int]:
    if kind in _CONSTANTS:
        return _CONSTANTS[kind], at
    if kind in "sS":
        return _read_text(data, at, "a text")
    if kind == "b":
        return _read_blob(data, at)
    form = _NUMBER_FORMATS.get(kind)
    if form is None:
        raise ProtocolError(f"there is no OSC type {kind!r}")
    size = struct.calcsize(form)
    if len(data) - at < size:
        raise ProtocolError(f"an argument of type {kind} needs {size} bytes, {len(data) - at} are left")
    value: int | float = struct.unpack_from(form, data, at)[0]
    if not math.isfinite(value):
        raise ProtocolError(f"numbers must be finite, got {value}")
    return value, at + size


def _read_blob(data: bytes, at: int) -> tuple[bytes, int]:
    if len(data) - at < 4:
        raise ProtocolError(f"the length of a blob needs 4 bytes, {len(data) - at} are left")
    (length,) = struct.unpack_from(">i", data, at)
    padded = length + -length % 4
    if length < 0 or padded > len(data) - at - 4:
        raise ProtocolError(f"a blob has 0 to {len(data) - at - 4} bytes, got {length}")
    return data[at + 4 : at + 4 + length], at + 4 + padded


def _read_text(data: bytes, at: int, what: str) -> tuple[str, int]:
    """The text at this offset and the offset after it; texts end with a zero and are padded to four bytes."""
    end = data.find(b"\0", at)
    after = end + 1 + -(end + 1) % 4
    if end < 0 or after > len(data):
        raise ProtocolError(f"{what} must end with a zero, padded to four bytes")
    try:
        return data[at:end].decode(), after
    except UnicodeDecodeError as error:
        raise ProtocolError(f"{what} is not UTF-8: {error}") from error


# Rotations of bones.


def quaternion_of_rotation(rotation: NDArray[np.float32]) -> Quaternion:
    """The quaternion of a rotation vector [3]."""
    vector = np.asarray(rotation, np.float64)
    angle = float(np.linalg.norm(vector))
    scale = np.sin(angle / 2.0) / angle if angle > 1e-12 else 0.5
    return np.append(vector * scale, np.cos(angle / 2.0))


def quaternion_of_gaze(pitch: float, yaw: float) -> Quaternion:
    """The rotation of an eye: first down by `pitch`, then to the left by `yaw`, as in `eye_pose`."""
    (sin_x, sin_y), (cos_x, cos_y) = np.sin([pitch / 2.0, yaw / 2.0]), np.cos([pitch / 2.0, yaw / 2.0])
    return np.array([sin_x * cos_y, cos_x * sin_y, -sin_x * sin_y, cos_x * cos_y])


def to_unity(turn: Quaternion) -> Quaternion:
    """The same rotation in Unity's coordinates, and back."""
    return turn * (1.0, -1.0, -1.0, 1.0) + 0.0  # no -0.0


def quaternion_product(first: Quaternion, second: Quaternion) -> Quaternion:
    """The rotation `second` and then `first`, as of a bone whose parent is rotated by `first`."""
    (ax, ay, az, aw), (bx, by, bz, bw) = first, second
    return np.array(
        [
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ]
    )


def rotation_of_quaternion(turn: Quaternion) -> Quaternion:
    """[3] the rotation vector, the shorter way round; the inverse of `quaternion_of_rotation`."""
    axis, w = (turn[:3], turn[3]) if turn[3] >= 0.0 else (-turn[:3], -turn[3])
    length = float(np.linalg.norm(axis))
    scale = 2.0 * math.atan2(length, float(w)) / length if length > 1e-12 else 2.0
    return np.asarray(axis * scale)


def gaze_of_quaternion(turn: Quaternion) -> tuple[float, float]:
    """Pitch (down) and yaw (left) of an eye with this rotation; the inverse of `quaternion_of_gaze`."""
    x, y, z, w = (float(one) for one in turn)
    left, up, out = 2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y)
    return math.asin(max(-1.0, min(1.0, -up))), math.atan2(left, out)


# VRM's expressions.


def vrm_presets(weights: NDArray[np.float32]) -> dict[str, float]:
    """VRM 0's presets for [52] ARKit weights, each 0 to 1.

    A model adds its presets up, so each movement appears once: the vowels share the mouth, Blink is what both eyes
    close and Blink_L what one closes further, and a smile is Fun or, with raised cheeks, Joy.
    """
    value: dict[str, float] = dict(zip(arkit.NAMES, np.clip(weights, 0.0, 1.0).tolist(), strict=True))

    def both(name: str) -> float:
        return (value[f"{name}Left"] + value[f"{name}Right"]) / 2.0

    left, right = value["eyeBlinkLeft"], value["eyeBlinkRight"]
    blink = min(left, right)
    smile = both("mouthSmile")
    joy = smile * both("cheekSquint")
    return {
        **_vowels(value["jawOpen"], max(value["mouthFunnel"], value["mouthPucker"]), both("mouthStretch")),
        "Blink": blink,
        "Blink_L": left - blink,
        "Blink_R": right - blink,
        "Joy": joy,
        "Fun": smile - joy,
        "Angry": both("browDown"),
        "Sorrow": both("mouthFrown"),
    }


def _vowels(opened: float, rounded: float, stretched: float) -> dict[str, float]:
    """The shares of A I U E O in the mouth; together at most 1."""
    narrow, wide = rounded, stretched * (1.0 - rounded)
    return {
        "A": opened * (1.0 - narrow - wide),
        "I": (1.0 - opened) * wide,
        "U": (1.0 - opened) * narrow,
        "E": opened * wide,
        "O": opened * narrow,
    }


# The names of VRM 0 and VRM 1 in lower case, because programs differ in their capitals.
VRM_PRESETS = frozenset(
    (
        *("a", "i", "u", "e", "o", "aa", "ih", "ou", "ee", "oh"),
        *("blink", "blink_l", "blink_r", "blinkleft", "blinkright"),
        *("joy", "happy", "fun", "relaxed", "angry", "sorrow", "sad", "surprised", "neutral"),
        *("lookup", "lookdown", "lookleft", "lookright"),
    )
)


def weights_of_presets(presets: Mapping[str, float]) -> NDArray[np.float32]:
    """[52] ARKit weights that look like these presets, named as in `VRM_PRESETS`.

    The inverse of `vrm_presets`, except for movements that presets lack, which stay 0.
    """

    def sum_of(*names: str) -> float:
        return min(max(sum(presets.get(name, 0.0) for name in names), 0.0), 1.0)

    narrow, wide = sum_of("u", "ou", "o", "oh"), sum_of("i", "ih", "e", "ee")
    stretched = min(wide / max(1.0 - narrow, 1e-6), 1.0)
    joy, smile = sum_of("joy", "happy"), sum_of("joy", "happy", "fun", "relaxed")
    both = {
        "mouthStretch": stretched,
        "mouthSmile": smile,
        "cheekSquint": joy / smile if smile else 0.0,
        "browDown": sum_of("angry"),
        "mouthFrown": sum_of("sorrow", "sad"),
        "browOuterUp": sum_of("surprised"),
        "eyeWide": sum_of("surprised"),
        "eyeLookUp": sum_of("lookup"),
        "eyeLookDown": sum_of("lookdown"),
    }
    left, right = sum_of("lookleft"), sum_of("lookright")
    return arkit.clipped_weights(
        {
            **{f"{name}{side}": value for name, value in both.items() for side in ("Left", "Right")},
            "eyeBlinkLeft": sum_of("blink", "blink_l", "blinkleft"),
            "eyeBlinkRight": sum_of("blink", "blink_r", "blinkright"),
            "eyeLookOutLeft": left,
            "eyeLookInRight": left,
            "eyeLookInLeft": right,
            "eyeLookOutRight": right,
            "browInnerUp": sum_of("surprised"),
            "jawOpen": sum_of("a", "aa", "e", "ee", "o", "oh"),
            "mouthPucker": narrow,
            "mouthFunnel": sum_of("o", "oh"),
        }
    )
