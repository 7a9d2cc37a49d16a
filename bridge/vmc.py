"""The VMC protocol: a face as OSC bundles, which VSeeFace, Warudo and other renderers of avatars take.

Version 3.1 of protocol.vmc.info, as a "performer" speaks it. Rotations are
quaternions x, y, z, w in Unity's frame: left-handed, x to the avatar's right, y up,
z out of the face. Ours is right-handed with x to the subject's left, so Unity's is
its mirror image in x: a turn (x, y, z, w) becomes (x, -y, -z, w). Nodding keeps its
sign, turning and tilting change theirs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from pythonosc.osc_message_builder import OscMessageBuilder

from . import arkit, vrm
from .payload import Params

PORT = 39539
MAX_BUNDLE_BYTES = 1400  # below every network's packet: a datagram in fragments is lost with the first of them

CAMEL = arkit.NAMES
PASCAL = tuple(name[0].upper() + name[1:] for name in arkit.NAMES)

_BUNDLE_HEAD = struct.pack(">8sq", b"#bundle", 1)  # the time tag 1 means: at once
_NOWHERE = (0.0, 0.0, 0.0)

Quaternion = NDArray[np.float64]  # [4] x, y, z, w


def face_bundles(
    params: Params, time_s: float, names: tuple[str, ...] = CAMEL, has_presets: bool = True
) -> list[bytes]:
    """The datagrams that show this face; its values hold when the last one has come.

    The bones' places are zero, as other face trackers send them: a renderer is to take the turns alone.
    """
    weights = params.weights if params.shown_weights is None else params.shown_weights
    values = dict(zip(names, np.clip(weights, 0.0, 1.0).tolist(), strict=True))
    if has_presets:
        values |= vrm.presets(weights)
    left, right = params.eye_pose
    turns = {
        "Head": in_unity(of_rotation(params.neck_pose)),
        "LeftEye": in_unity(of_pitch_and_yaw(left[0], left[1])),
        "RightEye": in_unity(of_pitch_and_yaw(right[0], right[1])),
    }
    return _bundled(
        [
            _message("/VMC/Ext/OK", "i", 1),
            _message("/VMC/Ext/T", "f", time_s),
            *(_message("/VMC/Ext/Bone/Pos", "sfffffff", bone, *_NOWHERE, *turn) for bone, turn in turns.items()),
            *(_blend(name, value) for name, value in values.items()),
            _message("/VMC/Ext/Blend/Apply", ""),
        ]
    )


def of_rotation(rotation: NDArray[np.float32]) -> Quaternion:
    """The turn of a rotation vector [3], in our frame."""
    turn = np.asarray(rotation, np.float64)
    angle = float(np.linalg.norm(turn))
    scale = np.sin(angle / 2.0) / angle if angle > 1e-12 else 0.5
    return np.append(turn * scale, np.cos(angle / 2.0))


def of_pitch_and_yaw(pitch: float, yaw: float) -> Quaternion:
    """The turn of an eye, in our frame: first down by `pitch`, then to the left by `yaw`, as `eye_pose` is meant."""
    (sin_x, sin_y), (cos_x, cos_y) = np.sin([pitch / 2.0, yaw / 2.0]), np.cos([pitch / 2.0, yaw / 2.0])
    return np.array([sin_x * cos_y, cos_x * sin_y, -sin_x * sin_y, cos_x * cos_y])


def in_unity(turn: Quaternion) -> Quaternion:
    """The same turn in Unity's frame."""
    return turn * (1.0, -1.0, -1.0, 1.0) + 0.0  # no zero with a minus


def _message(address: str, kinds: str, *values: str | float) -> bytes:
    builder = OscMessageBuilder(address)
    for kind, value in zip(kinds, values, strict=True):
        builder.add_arg(value if isinstance(value, str | int) else float(value), kind)
    return builder.build().dgram


def _blend(name: str, value: float) -> bytes:
    return _blend_head(name) + struct.pack(">f", value)


@cache
def _blend_head(name: str) -> bytes:
    """A value's message but for the value: there are 64 of them a picture, and building one takes 10 microseconds."""
    return _message("/VMC/Ext/Blend/Val", "sf", name, 0.0)[:-4]


def _bundled(messages: Iterable[bytes]) -> list[bytes]:
    """Bundles of as many messages as fit, in their order."""
    bundles = [_BUNDLE_HEAD]
    for message in messages:
        sized = struct.pack(">i", len(message)) + message
        if len(bundles[-1]) + len(sized) > MAX_BUNDLE_BYTES:
            bundles.append(_BUNDLE_HEAD)
        bundles[-1] += sized
    return bundles
