"""VMC as a "marionette" hears it: values and bones out of datagrams, back in our frame and ARKit's names.

The inverse of `vmc.py`. Addresses that are no face's are passed over, as the protocol wants it, and so are arguments
behind those that are known.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from . import osc
from .datagram import ProtocolError
from .osc import Argument, Message
from .vmc import Quaternion, in_unity

MAX_NAME = 128
BONES = ("Neck", "Head", "LeftEye", "RightEye")

_VALUE, _BONE, _APPLY = "/VMC/Ext/Blend/Val", "/VMC/Ext/Bone/Pos", "/VMC/Ext/Blend/Apply"
_TINY = 1e-6


class Value(NamedTuple):
    """A blend shape: the name as the sender writes it, 1 is full."""

    name: str
    weight: float


class Bone(NamedTuple):
    """A turn against the bone above, in our frame, of one of `BONES`."""

    name: str
    turn: Quaternion  # [4] x, y, z, w, of length 1


class Apply(NamedTuple):
    """All values of a picture have come."""


Said = Value | Bone | Apply


def decode(data: bytes) -> list[Said]:
    """What this datagram says of a face, in order; ProtocolError, and nothing else, where it is no VMC."""
    messages = osc.messages(data)
    if messages and not any(one.address.startswith("/VMC/") for one in messages):
        raise ProtocolError(f"this is OSC but no VMC: it is addressed to {messages[0].address[:40]!r}")
    return [said for one in messages if (said := _said(one)) is not None]


def shows_face(said: list[Said]) -> bool:
    """Whether there are values in it: bones alone may be those of a body that somebody else's face belongs to."""
    return any(isinstance(one, Value) for one in said)


def product(first: Quaternion, second: Quaternion) -> Quaternion:
    """The turn `second`, and after it `first`: of a bone whose parent has the turn `first`."""
    (ax, ay, az, aw), (bx, by, bz, bw) = first, second
    return np.array(
        [
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ]
    )


def rotation_of(turn: Quaternion) -> Quaternion:
    """[3] the rotation vector of a turn, the shorter way round; the inverse of `vmc.of_rotation`."""
    axis, w = (turn[:3], turn[3]) if turn[3] >= 0.0 else (-turn[:3], -turn[3])
    length = float(np.linalg.norm(axis))
    scale = 2.0 * math.atan2(length, float(w)) / length if length > 1e-12 else 2.0
    return np.asarray(axis * scale)


def pitch_and_yaw_of(turn: Quaternion) -> tuple[float, float]:
    """Down and to the left: where an eye with this turn looks; the inverse of `vmc.of_pitch_and_yaw`."""
    x, y, z, w = (float(one) for one in turn)
    left, up, out = 2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y)
    return math.asin(max(-1.0, min(1.0, -up))), math.atan2(left, out)


def _said(message: Message) -> Said | None:
    arguments = message.arguments
    if message.address == _VALUE:
        return Value(_name(arguments), _numbers(arguments, 1, 1)[0])
    if message.address == _BONE:
        name = _name(arguments)
        return Bone(name, _turn(arguments)) if name in BONES else None
    return Apply() if message.address == _APPLY else None


def _name(arguments: tuple[Argument, ...]) -> str:
    name = arguments[0] if arguments else None
    if not isinstance(name, str) or len(name) > MAX_NAME:
        raise ProtocolError(f"a value or a bone has a name of at most {MAX_NAME} letters")
    return name


def _turn(arguments: tuple[Argument, ...]) -> Quaternion:
    turn = np.array(_numbers(arguments, 4, 4))
    length = float(np.linalg.norm(turn))
    if not _TINY < length < 1.0 / _TINY:
        raise ProtocolError(f"a bone's turn is a quaternion of length 1, got {length:g}")
    return in_unity(turn / length)


def _numbers(arguments: tuple[Argument, ...], start: int, count: int) -> list[float]:
    found = arguments[start : start + count]
    numbers = [float(one) for one in found if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(numbers) != count:
        raise ProtocolError(f"wanted {count} numbers behind the name, got {[type(one).__name__ for one in found]}")
    return numbers
