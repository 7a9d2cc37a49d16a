"""The payloads of a `Frame`: a picture, a face in numbers, or the schema and the hello that describe the sender."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import arkit
from .fields import MAX_TEXT_BYTES, Fields, Part, WireError, pack, text, texts, uint, unpack

Array = NDArray[np.float32]

MAX_PAYLOAD_BYTES = 64 << 20
MAX_SIDE = 8192
MAX_RECOGNISED = 16  # expressions at the same time
MAX_NAME_BYTES = 64  # of one expression
ALPHAS = ("straight", "premultiplied", "opaque")
_PORTS = ("video", "params", "control")
_MAX_PORT = 65535

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
# Later versions append fields; payloads of earlier versions end before them.
APPENDED: tuple[tuple[str, int], ...] = (("shown_weights", arkit.COUNT),)


@dataclass(frozen=True)
class Video:
    """A picture in sRGB, first row on top, whatever its format on the wire.

    Parameters
    ----------
    pixels
        [H,W,4] uint8: red, green, blue, alpha.
    alpha
        "straight"; "premultiplied": colours are multiplied by alpha; or "opaque": alpha is 255.
    gear
        How it was drawn, as text for people; empty where the sender does not say.
    placed
        Where the drawn square lies in the picture: six numbers with x = a u + b v + c and y = d u + e v + f in shares
        from the upper left corner; None where it is the whole picture.

    Raises
    ------
    WireError
        For an array of another form, or words that the wire does not have.
    """

    pixels: NDArray[np.uint8]
    alpha: str = "straight"
    gear: str = ""
    placed: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        is_rgba = dtype == np.uint8 and len(shape) == 3 and shape[2] == 4
        if not is_rgba or not 1 <= min(shape[:2]) <= max(shape[:2]) <= MAX_SIDE:
            raise WireError(f"a picture must be uint8 [H,W,4] of sides 1 to {MAX_SIDE}, got {dtype} {list(shape)}")
        if self.pixels.nbytes > MAX_PAYLOAD_BYTES:
            raise WireError(f"a picture has at most {MAX_PAYLOAD_BYTES} bytes, got {self.pixels.nbytes}")
        if self.alpha not in ALPHAS:
            raise WireError(f"alpha {self.alpha!r} is not known here, only {', '.join(ALPHAS)}")
        if len(self.gear.encode()) > MAX_TEXT_BYTES:
            raise WireError(f"a gear has at most {MAX_TEXT_BYTES} bytes, got {len(self.gear.encode())}")
        if self.placed is not None:
            check_placed(self.placed)


def check_placed(placed: object) -> tuple[float, ...]:
    """The six finite numbers of a placement; WireError for anything else."""
    if not isinstance(placed, list | tuple) or len(placed) != 6:
        raise WireError(f"'placed' must be a list of 6 numbers, got {placed!r:.80}")
    if not all(type(one) in (int, float) and math.isfinite(one) for one in placed):
        raise WireError(f"'placed' must be 6 finite numbers, got {placed!r:.80}")
    return tuple(float(one) for one in placed)


@dataclass(frozen=True)
class Params:
    """A face in numbers: what the tracker saw (weights, head, gaze, confidence) and what the portrait shows."""

    weights: Array  # [52] ARKit order, as seen
    expression: Array  # [50] in `basis`; this and the next five are as shown
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
    recognised: tuple[str, ...] = ()  # names of the expressions that the performer makes now

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
                raise WireError(f"the name of a recognised expression has 1 to {MAX_NAME_BYTES} bytes, got {name!r}")

    @property
    def portrait_weights(self) -> Array:
        """[52] the weights as the portrait shows them; as seen where the sender does not say."""
        return self.weights if self.shown_weights is None else self.shown_weights

    def header_fields(self) -> Fields:
        """What the header carries besides the payload."""
        return {"basis": self.basis, **({"recognised": self.recognised} if self.recognised else {})}

    def to_bytes(self) -> bytes:
        """The floats in the order of `FIELDS`, then of `APPENDED` where they are there."""
        parts = [np.ravel(np.asarray(getattr(self, name), "<f4")) for name, _ in self._fields()]
        return np.concatenate(parts).tobytes()

    def _fields(self) -> tuple[tuple[str, int], ...]:
        return FIELDS if self.shown_weights is None else (*FIELDS, *APPENDED)

    @classmethod
    def from_bytes(cls, part: Part, header: Fields) -> Params:
        """The inverse of `to_bytes` and `header_fields`; ignores floats that a later version appended."""
        if len(part) < PARAMS_BYTES or len(part) % 4:
            raise WireError(f"params have at least {PARAMS_BYTES} bytes, in fours, got {len(part)}")
        floats = np.frombuffer(part, "<f4").astype(np.float32, copy=False)
        ends = np.cumsum([count for _, count in (*FIELDS, *APPENDED)])
        row = dict(zip((name for name, _ in (*FIELDS, *APPENDED)), np.split(floats, ends), strict=False))
        return cls(
            weights=row["weights"],
            expression=row["expression"],
            jaw_pose=row["jaw_pose"],
            neck_pose=row["neck_pose"],
            eye_pose=row["eye_pose"].reshape(2, 3),
            eyelids=row["eyelids"],
            translation=row["translation"],
            head_rotation=row["head_rotation"],
            head_translation=row["head_translation"],
            gaze=row["gaze"].reshape(2, 2),
            confidence=float(row["confidence"][0]),
            presence=float(row["presence"][0]),
            basis=text(header, "basis"),
            recognised=texts(header, "recognised") if "recognised" in header else (),
            shown_weights=row["shown_weights"] if len(floats) >= ends[-1] else None,
        )


@dataclass(frozen=True)
class Schema:
    """The meaning of the floats in a params payload; repeated once a second for late subscribers."""

    weights: tuple[str, ...] = arkit.NAMES
    fields: tuple[tuple[str, int], ...] = (*FIELDS, *APPENDED)

    def to_bytes(self) -> bytes:
        return pack({"weights": self.weights, "fields": self.fields}, "schema")

    @classmethod
    def from_bytes(cls, part: Part) -> Schema:
        schema = unpack(part, "schema")
        fields = schema.get("fields")
        if not isinstance(fields, list) or not all(_is_field(field) for field in fields):
            raise WireError("a schema lists the fields of the params payload as [name, count]")
        return cls(texts(schema, "weights"), tuple((name, count) for name, count in fields))


def _is_field(field: object) -> bool:
    return isinstance(field, list) and len(field) == 2 and isinstance(field[0], str) and type(field[1]) is int


@dataclass(frozen=True)
class Hello:
    """Describes the sender and the methods of its control endpoint; repeated once a second."""

    omote: str  # the program's version
    wire: int  # the newest version of the wire that it speaks
    formats: tuple[str, ...]  # picture formats that can be subscribed to
    video: int  # the ports, 0 where there is none
    params: int
    control: int
    methods: tuple[str, ...]  # of the control endpoint

    def __post_init__(self) -> None:
        for name in _PORTS:
            if not 0 <= getattr(self, name) <= _MAX_PORT:
                raise WireError(f"the port of {name} is from 0 to {_MAX_PORT}, got {getattr(self, name)}")

    def to_bytes(self) -> bytes:
        return pack(vars(self), "hello")

    @classmethod
    def from_bytes(cls, part: Part) -> Hello:
        hello = unpack(part, "hello")
        ports = {name: uint(hello, name, _MAX_PORT) for name in _PORTS}
        formats, methods = texts(hello, "formats"), texts(hello, "methods")
        return cls(text(hello, "omote"), uint(hello, "wire"), formats, methods=methods, **ports)
