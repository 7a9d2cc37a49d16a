"""What a Frame carries: a picture, a face in numbers, or what these numbers mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgpack
import numpy as np
from numpy.typing import NDArray

from . import arkit
from .fields import MAX_HEADER_BYTES, MAX_TEXT_BYTES, Part, WireError, text, texts, unpack, whole

Array = NDArray[np.float32]

MAX_PAYLOAD_BYTES = 64 << 20
MAX_SIDE = 8192
MAX_RECOGNISED = 16  # expressions that are made at once
MAX_NAME_BYTES = 64  # of one of them
ALPHAS = ("straight", "premultiplied", "opaque")

# The floats that every params payload has, in order.
FIELDS: tuple[tuple[str, int], ...] = (
    ("weights", arkit.COUNT),
    ("expression", 50),
    ("jaw_pose", 3),
    ("neck_pose", 3),
    ("eye_pose", 6),
    ("eyelids", 2),
    ("translation", 3),
    ("head_rotation", 3),
    ("head_translation", 3),
    ("gaze", 4),
    ("confidence", 1),
    ("presence", 1),
)
PARAMS_BYTES = 4 * sum(count for _, count in FIELDS)
# What later versions added at the end, each absent from the payloads of the versions before it.
APPENDED: tuple[tuple[str, int], ...] = (("shown_weights", arkit.COUNT),)


@dataclass(frozen=True)
class Video:
    """A picture: sRGB, first row on top, whatever its form on the wire is."""

    pixels: NDArray[np.uint8]  # [H,W,4] red, green, blue, alpha
    alpha: str = "straight"  # or "premultiplied": colours are multiplied by alpha; or "opaque": alpha is 255
    gear: str = ""  # how it was drawn, for people; nothing where the sender does not say

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if dtype != np.uint8 or len(shape) != 3 or shape[2] != 4 or not is_side(shape[0], shape[1]):
            raise WireError(f"a picture must be uint8 [H,W,4] of sides 1 to {MAX_SIDE}, got {dtype} {list(shape)}")
        if self.pixels.nbytes > MAX_PAYLOAD_BYTES:
            raise WireError(f"a picture has at most {MAX_PAYLOAD_BYTES} bytes, got {self.pixels.nbytes}")
        if self.alpha not in ALPHAS:
            raise WireError(f"alpha {self.alpha!r} is not known here, only {', '.join(ALPHAS)}")
        if len(self.gear.encode()) > MAX_TEXT_BYTES:
            raise WireError(f"a gear has at most {MAX_TEXT_BYTES} bytes, got {len(self.gear.encode())}")


@dataclass(frozen=True)
class Params:
    """A face in numbers: what the tracker saw (weights, head, gaze, confidence) and what the portrait shows."""

    weights: Array  # [52] ARKit order, as seen
    expression: Array  # [50] in `basis`, as shown; so are the next five
    jaw_pose: Array  # [3]
    neck_pose: Array  # [3]
    eye_pose: Array  # [2,3]
    eyelids: Array  # [2]
    translation: Array  # [3] metres
    head_rotation: Array  # [3] as seen
    head_translation: Array  # [3] metres, as seen
    gaze: Array  # [2,2] pitch, yaw of left and right eye, as seen
    confidence: float  # 0 where no face was seen
    presence: float  # 1 the performer's face, 0 idle
    basis: str
    shown_weights: Array | None = None  # [52] ARKit order, as shown; None where the sender does not say
    recognised: tuple[str, ...] = ()  # expressions that the performer makes now, by name

    def __post_init__(self) -> None:
        for name, count in self._fields():
            value = np.asarray(getattr(self, name))
            if value.size != count or not np.isfinite(value).all():
                raise WireError(f"{name} must be {count} finite numbers, got {value.size}: {value.ravel()[:3]}")
        for name in ("confidence", "presence"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise WireError(f"{name} must be between 0 and 1, got {getattr(self, name)}")
        if not 0 < len(self.basis) <= 64:
            raise WireError(f"basis must have 1 to 64 letters, got {len(self.basis)}")
        if len(self.recognised) > MAX_RECOGNISED:
            raise WireError(f"at most {MAX_RECOGNISED} expressions are recognised at once, got {len(self.recognised)}")
        for name in self.recognised:
            if not 0 < len(name.encode()) <= MAX_NAME_BYTES:
                raise WireError(f"what is recognised has a name of 1 to {MAX_NAME_BYTES} bytes, got {name!r}")

    def described(self) -> Mapping[str, object]:
        """What the header says of it."""
        return {"basis": self.basis, **({"recognised": self.recognised} if self.recognised else {})}

    def to_bytes(self) -> bytes:
        """The floats as they travel, in the order of `FIELDS`, then of `APPENDED` where they are there."""
        parts = [np.ravel(np.asarray(getattr(self, name), "<f4")) for name, _ in self._fields()]
        return np.concatenate(parts).tobytes()

    def _fields(self) -> tuple[tuple[str, int], ...]:
        return FIELDS if self.shown_weights is None else (*FIELDS, *APPENDED)

    @classmethod
    def from_bytes(cls, part: Part, said: Mapping[str, object]) -> Params:
        """The inverse of `to_bytes` and `described`; floats that a later version added at the end are passed over."""
        if len(part) < PARAMS_BYTES or len(part) % 4:
            raise WireError(f"params have at least {PARAMS_BYTES} bytes, in fours, got {len(part)}")
        row = _FloatReader(np.frombuffer(part, "<f4").astype(np.float32, copy=False))
        return cls(
            weights=row.take(arkit.COUNT),
            expression=row.take(50),
            jaw_pose=row.take(3),
            neck_pose=row.take(3),
            eye_pose=row.take(2, 3),
            eyelids=row.take(2),
            translation=row.take(3),
            head_rotation=row.take(3),
            head_translation=row.take(3),
            gaze=row.take(2, 2),
            confidence=float(row.take(1)[0]),
            presence=float(row.take(1)[0]),
            basis=text(said, "basis"),
            recognised=texts(said, "recognised") if "recognised" in said else (),
            shown_weights=row.take(arkit.COUNT) if row.left >= arkit.COUNT else None,
        )


@dataclass(frozen=True)
class Schema:
    """What the floats of a params payload mean; repeated once a second, for those who come late."""

    weights: tuple[str, ...] = arkit.NAMES
    fields: tuple[tuple[str, int], ...] = (*FIELDS, *APPENDED)

    def to_bytes(self) -> bytes:
        return _packed({"weights": self.weights, "fields": self.fields}, "schema")

    @classmethod
    def from_bytes(cls, part: Part) -> Schema:
        said = unpack(part, "schema")
        fields = said.get("fields")
        if not isinstance(fields, list) or not all(_is_field(field) for field in fields):
            raise WireError("a schema lists the fields of the params payload as [name, count]")
        return cls(texts(said, "weights"), tuple((name, count) for name, count in fields))


@dataclass(frozen=True)
class Hello:
    """Who sends, and what may be asked of it; repeated once a second, as the schema is."""

    omote: str  # the program's version
    wire: int  # the newest version of the wire that it speaks
    formats: tuple[str, ...]  # of the pictures that may be subscribed to
    video: int  # the ports, 0 where there is none
    params: int
    control: int
    methods: tuple[str, ...]  # what control answers

    def __post_init__(self) -> None:
        for name in _PORTS:
            if not 0 <= getattr(self, name) <= _MAX_PORT:
                raise WireError(f"the port of {name} is from 0 to {_MAX_PORT}, got {getattr(self, name)}")

    def to_bytes(self) -> bytes:
        return _packed(vars(self), "hello")

    @classmethod
    def from_bytes(cls, part: Part) -> Hello:
        said = unpack(part, "hello")
        ports = {name: whole(said, name, _MAX_PORT) for name in _PORTS}
        return cls(
            text(said, "omote"), whole(said, "wire"), texts(said, "formats"), methods=texts(said, "methods"), **ports
        )


_PORTS = ("video", "params", "control")
_MAX_PORT = 65535


def is_side(*sides: int) -> bool:
    """Whether a picture may be so many pixels high and wide."""
    return all(1 <= side <= MAX_SIDE for side in sides)


class _FloatReader:
    """Hands out a row of floats from left to right."""

    def __init__(self, values: Array) -> None:
        self._values = values

    @property
    def left(self) -> int:
        return len(self._values)

    def take(self, *shape: int) -> Array:
        count = int(np.prod(shape))
        taken, self._values = self._values[:count], self._values[count:]
        return taken.reshape(shape)


def _packed(said: Mapping[str, object], what: str) -> bytes:
    packed: bytes = msgpack.packb(said)
    if len(packed) > MAX_HEADER_BYTES:
        raise WireError(f"a {what} has at most {MAX_HEADER_BYTES} bytes, got {len(packed)}")
    return packed


def _is_field(field: object) -> bool:
    return isinstance(field, list) and len(field) == 2 and isinstance(field[0], str) and type(field[1]) is int
