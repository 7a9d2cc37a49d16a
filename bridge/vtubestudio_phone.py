"""Decodes the JSON that VTube Studio on an iPhone sends over UDP, and encodes the request for it.

The protocol is that of its maker's example receiver (VTubeStudioBlendshapeUDPReceiverTest): the app listens once
"3rd Party PC Clients" is on, and sends for at most ten seconds after each request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from . import arkit
from .arkit import weight_index
from .errors import ProtocolError

PORT = 21412  # of the phone
MAX_SEND_S = 10.0  # after one request

MAX_BYTES = 16 << 10
MAX_DEPTH = 6
MAX_SHAPES = 256
MAX_VALUE = 1e6  # of angles and weights


@dataclass(frozen=True)
class VtsPhonePacket:
    """One face at one moment."""

    is_tracked: bool
    weights: dict[str, float]  # by ARKit's names, 1 is full
    rotation_deg: tuple[float, float, float]  # the app's x, y, z


def request(port: int, seconds: float) -> bytes:
    """Asks the app to send to this port of the requesting machine for 0.5 to 10 seconds."""
    fields = {"messageType": "iOSTrackingDataRequest", "time": seconds, "sentBy": "Omote", "ports": [port]}
    return json.dumps(fields).encode()


def decode(data: bytes) -> VtsPhonePacket:
    """The packet in these bytes; raises only ProtocolError."""
    if len(data) > MAX_BYTES:
        raise ProtocolError(f"a face has at most {MAX_BYTES} bytes, got {len(data)}")
    _check_depth(data)
    try:
        face = json.loads(data.decode(), parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"this is not JSON: {str(error)[:100]}") from error
    if not isinstance(face, dict) or not isinstance(face.get("FaceFound"), bool):
        raise ProtocolError("expected a map with FaceFound, true or false")
    if not face["FaceFound"]:
        return VtsPhonePacket(False, {}, (0.0, 0.0, 0.0))
    return VtsPhonePacket(True, _weights(face.get("BlendShapes")), _rotation(face.get("Rotation")))


def _weights(shapes: object) -> dict[str, float]:
    if not isinstance(shapes, list) or len(shapes) > MAX_SHAPES:
        raise ProtocolError(f"BlendShapes must be a list of at most {MAX_SHAPES}")
    weights = {}
    for one in shapes:
        if not isinstance(one, dict) or not isinstance(one.get("k"), str):
            raise ProtocolError("each of BlendShapes must be a map with a name, k, and a value, v")
        index = weight_index(one["k"])
        if index is not None:
            weights[arkit.NAMES[index]] = _number(one.get("v"), arkit.NAMES[index])
    if not weights:
        raise ProtocolError("none of ARKit's 52 weights is in BlendShapes")
    return weights


def _rotation(rotation: object) -> tuple[float, float, float]:
    if not isinstance(rotation, Mapping):
        raise ProtocolError("Rotation must be a map of x, y and z")
    x, y, z = (_number(rotation.get(axis), f"Rotation.{axis}") for axis in "xyz")
    return x, y, z


def _number(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -MAX_VALUE <= value <= MAX_VALUE:
        raise ProtocolError(f"{what} must be a number of at most {MAX_VALUE:g}")
    return float(value)


def _check_depth(data: bytes) -> None:
    """Bounds the nesting before parsing, because Python's parser recurses."""
    depth = 0
    for byte in data:
        depth += (byte in b"{[") - (byte in b"}]")
        if depth > MAX_DEPTH:
            raise ProtocolError(f"a face is at most {MAX_DEPTH} levels deep")


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
