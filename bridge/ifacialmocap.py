"""Decodes the text that iFacialMocap and Facemotion3d send over UDP, and holds the requests that start them.

One datagram is one face: `jawOpen-25|eyeBlink_L-100|...|=head#rx,ry,rz,px,py,pz|rightEye#...|leftEye#...|`, weights
in hundredths, angles in degrees, positions in metres. Version 2 and Facemotion3d write `jawOpen&25`, so that a value
may be negative. Fields come in any order, and some datagrams lack some of them. Unknown fields are ignored, because
the apps' own examples have undocumented ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from . import arkit
from .arkit import weight_index
from .errors import ProtocolError

PORT = 49983  # of the phone, and of the machine that receives
FACEMOTION_PORT = 49993  # of the phone; its pages disagree whether it sends to this port or to `PORT`
REQUEST = b"iFacialMocap_sahuasouryya9218sauhuiayeta91555dy3719|sendDataVersion=v2"
FACEMOTION_REQUEST = b"FACEMOTION3D_OtherStreaming"
FACEMOTION_FAREWELL = b"StopStreaming_FACEMOTION3D"  # iFacialMocap has no such message

MAX_BYTES = 16 << 10
MAX_FIELDS = 512
MAX_VALUE = 1e6  # of angles, positions and hundredths

_BINARY = b"FMV3"
_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{0,20})?([eE][+-]?[0-9]{1,3})?\Z", re.ASCII)
_STATUS = "trackingStatus"

Vector = tuple[float, ...]


@dataclass(frozen=True)
class IFacialMocapPacket:
    """The face in one datagram."""

    weights: dict[str, float] = field(default_factory=dict)  # by ARKit's names, 1 is full; may be outside 0 to 1
    head_deg: Vector = ()  # [3] as Euler angles about x, y, z, or ()
    head_m: Vector = ()  # [3] or ()
    is_tracked: bool = True


def decode(data: bytes) -> IFacialMocapPacket:
    """The packet in these bytes; raises only ProtocolError."""
    if data.startswith(_BINARY):
        raise ProtocolError("this is the binary third version (FMV3), which is not understood; ask the app for text")
    if len(data) > MAX_BYTES:
        raise ProtocolError(f"a face has at most {MAX_BYTES} bytes, got {len(data)}")
    try:
        fields = data.decode().split("|", MAX_FIELDS)
    except UnicodeDecodeError as error:
        raise ProtocolError(f"a face is text in UTF-8: {error}") from error
    if len(fields) > MAX_FIELDS:
        raise ProtocolError(f"a face has fewer than {MAX_FIELDS} fields")
    return _packet([one.strip() for one in fields])


def _packet(fields: list[str]) -> IFacialMocapPacket:
    weights: dict[str, float] = {}
    head: Vector = ()
    is_tracked = True
    for one in fields:
        if "#" in one:
            name, _, numbers = one.partition("#")
            head = _head(numbers) if name.lstrip("=") == "head" else head
            continue
        name, value = _split_field(one)
        index = weight_index(name)
        if index is not None:
            weights[arkit.NAMES[index]] = _number(value, name) / 100.0
        elif name == _STATUS:
            is_tracked = _number(value, name) != 0.0
    if not weights:
        raise ProtocolError("none of ARKit's 52 weights is in it; expected fields as jawOpen-25 or jawOpen&25")
    return IFacialMocapPacket(weights, head[:3], head[3:], is_tracked)


def _split_field(text: str) -> tuple[str, str]:
    """A name and its value, separated by the first & or, where there is none, by the first -."""
    name, _, value = text.partition("&" if "&" in text else "-")
    return name.strip(), value.strip()


def _head(text: str) -> Vector:
    numbers = tuple(_number(one.strip(), "head") for one in text.split(",", 6))
    if len(numbers) not in (3, 6):
        raise ProtocolError(f"the head has 3 angles and 3 coordinates, got {len(numbers)} numbers")
    return numbers


def _number(text: str, what: str) -> float:
    if not _NUMBER.match(text):
        raise ProtocolError(f"{what} must be a number, got {text[:40]!r}")
    value = float(text)
    if abs(value) > MAX_VALUE:
        raise ProtocolError(f"{what} must be at most {MAX_VALUE:g}, got {text[:40]}")
    return value
