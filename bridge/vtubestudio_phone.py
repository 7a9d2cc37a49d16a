"""What VTube Studio on an iPhone sends to other programs: a face as JSON over UDP, for as long as it is asked to.

Its maker's example of a receiver (VTubeStudioBlendshapeUDPReceiverTest) is the description: the app listens where it
says so ("3rd Party PC Clients"), and sends for at most ten seconds after each request.
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
MAX_SEND_S = 10.0  # that one request lasts

MAX_BYTES = 16 << 10
MAX_DEPTH = 6
MAX_SHAPES = 256
MAX_VALUE = 1e6  # no angle is larger


@dataclass(frozen=True)
class VtsPhonePacket:
    """One face at one moment."""

    is_tracked: bool
    weights: dict[str, float]  # of ARKit's names: 1 is full
    rotation_deg: tuple[float, float, float]  # the app's x, y, z


def request(port: int, seconds: float, sender: str = "Omote") -> bytes:
    """Asks the app to send to this port of who asks, for so long (0.5 to 10 s)."""
    said = {"messageType": "iOSTrackingDataRequest", "time": seconds, "sentBy": sender, "ports": [port]}
    return json.dumps(said).encode()


def decode(data: bytes) -> VtsPhonePacket:
    """The packet in these bytes; ProtocolError, and nothing else, where they are none."""
    if len(data) > MAX_BYTES:
        raise ProtocolError(f"a face has at most {MAX_BYTES} bytes, got {len(data)}")
    _check_depth(data)
    try:
        said = json.loads(data.decode(), parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:  # ValueError: no UTF-8, no JSON, or a number of thousands of digits
        raise ProtocolError(f"this is no JSON: {str(error)[:100]}") from error
    if not isinstance(said, dict) or not isinstance(said.get("FaceFound"), bool):
        raise ProtocolError("wanted a map with FaceFound, true or false")
    if not said["FaceFound"]:
        return VtsPhonePacket(False, {}, (0.0, 0.0, 0.0))
    return VtsPhonePacket(True, _weights(said.get("BlendShapes")), _rotation(said.get("Rotation")))


def _weights(said: object) -> dict[str, float]:
    if not isinstance(said, list) or len(said) > MAX_SHAPES:
        raise ProtocolError(f"BlendShapes must be a list of at most {MAX_SHAPES}")
    weights = {}
    for one in said:
        if not isinstance(one, dict) or not isinstance(one.get("k"), str):
            raise ProtocolError("each of BlendShapes must be a map with a name, k, and a value, v")
        index = weight_index(one["k"])
        if index is not None:
            weights[arkit.NAMES[index]] = _number(one.get("v"), arkit.NAMES[index])
    if not weights:
        raise ProtocolError("none of ARKit's 52 weights is in BlendShapes")
    return weights


def _rotation(said: object) -> tuple[float, float, float]:
    if not isinstance(said, Mapping):
        raise ProtocolError("Rotation must be a map of x, y and z")
    x, y, z = (_number(said.get(axis), f"Rotation.{axis}") for axis in "xyz")
    return x, y, z


def _number(said: object, what: str) -> float:
    if isinstance(said, bool) or not isinstance(said, int | float) or not -MAX_VALUE <= said <= MAX_VALUE:
        raise ProtocolError(f"{what} must be a number of at most {MAX_VALUE:g}")
    return float(said)


def _check_depth(data: bytes) -> None:
    """Before it is parsed: Python's parser calls itself for each level."""
    depth = 0
    for byte in data:
        depth += (byte in b"{[") - (byte in b"}]")
        if depth > MAX_DEPTH:
            raise ProtocolError(f"a face is at most {MAX_DEPTH} levels deep")


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
