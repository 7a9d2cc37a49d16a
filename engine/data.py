"""The values between packages: Signal, FlameParams, Portrait, Actor and Character, with the Stamp of what flows."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.bridge.errors import printable

from .errors import DataError
from .rotation import turned

Array = NDArray[np.float32]

EXPRESSION_SIZE = 50
LIGHT_SIZE = 27
AHEAD = np.array([0.0, 0.0, 1.0], np.float32)  # the direction of a face that looks into the camera
OPEN_BASIS = "open"
FLAME_BASIS = "flame2020"  # the published one


@dataclass(frozen=True)
class Stamp:
    """The number of a picture, when it was captured, and when each stage finished it.

    Parameters
    ----------
    index
        Of the picture in its source, from 0.
    captured_ns, captured_wall_ns
        `time.perf_counter_ns` and `time.time_ns` of this process at its capture. `Stamp.now` fills them in.
    finished
        Pairs of a stage's name and the `perf_counter_ns` of its end, in order.
    timecode_ns
        Nanoseconds since midnight by the source's own clock, if it has one.
    """

    index: int  # of the picture in its source, from 0
    captured_ns: int  # time.perf_counter_ns of this process
    captured_wall_ns: int  # time.time_ns at the same moment
    finished: tuple[tuple[str, int], ...] = ()  # (stage, perf_counter_ns), in order
    timecode_ns: int | None = None  # since midnight, by the source's own clock, as of a phone

    @classmethod
    def now(cls, index: int = 0) -> Stamp:
        """Of a picture that is captured at this moment, or that no source captured."""
        return cls(index, time.perf_counter_ns(), time.time_ns())

    def after(self, stage: str, now_ns: int) -> Stamp:
        """The same stamp with one more stage."""
        return replace(self, finished=(*self.finished, (stage, now_ns)))


def _require_float32(name: str, value: Array, shape: tuple[int, ...]) -> None:
    if value.shape != shape or value.dtype != np.float32:
        raise DataError(f"{name} must be float32 {list(shape)}, got {value.dtype} {list(value.shape)}")
    if not np.isfinite(value).all():
        raise DataError(f"{name} must be finite, got {value[~np.isfinite(value)][0]}")


def _zeros(*shape: int) -> Array:
    return np.zeros(shape, np.float32)


@dataclass(frozen=True)
class Signal:
    """A tracked face. Left is the subject's; rotations in radians, +x looks down, +y turns to the subject's left.

    Parameters
    ----------
    stamp
        When it was captured.
    weights
        float32 [52] in ARKit's order, 0 (rest) to 1 (full); `arkit.weights` makes them from names.
    head_rotation
        float32 [3]: rotation vector in the camera's frame.
    head_translation
        float32 [3]: metres, x to the subject's left, y up, z to the camera.
    gaze
        float32 [2, 2]: pitch and yaw of the left and the right eye in the head's frame. It counts, and the eyeLook
        weights do not.
    confidence
        0 without a face, else how well it fits, to 1.

    Raises
    ------
    DataError
        For another shape or dtype, and for numbers that are not finite.
    """

    stamp: Stamp
    weights: Array  # [52], ARKit order, 0 (rest) to 1 (full)
    head_rotation: Array = field(default_factory=lambda: _zeros(3))  # [3] rotation vector, camera's frame
    # [3] metres: x to the subject's left, y up, z to the camera
    head_translation: Array = field(default_factory=lambda: _zeros(3))
    # [2,2] pitch, yaw of left and right eye in the head's frame
    gaze: Array = field(default_factory=lambda: _zeros(2, 2))
    confidence: float = 1.0  # 0 without a face, else how well the points fit, to 1

    def __post_init__(self) -> None:
        _require_float32("weights", self.weights, (arkit.COUNT,))
        _require_float32("head_rotation", self.head_rotation, (3,))
        _require_float32("head_translation", self.head_translation, (3,))
        _require_float32("gaze", self.gaze, (2, 2))
        if not 0.0 <= self.confidence <= 1.0:
            raise DataError(f"confidence must be between 0 and 1, got {self.confidence}")

    @property
    def is_tracked(self) -> bool:
        return self.confidence > 0.0


@dataclass(frozen=True)
class FlameParams:
    """A posed face, in FLAME's names and order. Poses are rotation vectors in radians, signs as in `Signal`.

    `from_weights` and `retarget` make one; `FlameParams.neutral()` is a face at rest.

    Parameters
    ----------
    expression
        float32 [50] in `basis`.
    jaw_pose
        float32 [3]: +x opens, +y moves to the subject's left.
    neck_pose
        float32 [3]: the whole rotation of the head, which neck and skull share.
    eye_pose
        float32 [2, 3]: left, right.
    eyelids
        float32 [2]: left, right, from 0 (open) to 1 (closed).
    translation
        float32 [3]: metres, as in `Signal`.
    basis
        "open" or "flame2020".

    Raises
    ------
    DataError
        For another shape or dtype, and for numbers that are not finite.
    """

    expression: Array  # [50] in `basis`
    jaw_pose: Array  # [3] +x opens, +y to the subject's left
    neck_pose: Array  # [3] the whole rotation of the head; neck and skull share it
    eye_pose: Array  # [2,3] left, right
    eyelids: Array  # [2] left, right: 0 open, 1 closed
    translation: Array  # [3] metres, as in `Signal`
    basis: str = OPEN_BASIS

    def __post_init__(self) -> None:
        _require_float32("expression", self.expression, (EXPRESSION_SIZE,))
        for name in ("jaw_pose", "neck_pose", "translation"):
            _require_float32(name, getattr(self, name), (3,))
        _require_float32("eye_pose", self.eye_pose, (2, 3))
        _require_float32("eyelids", self.eyelids, (2,))

    @classmethod
    def neutral(cls) -> FlameParams:
        """A face at rest that looks into the camera, in the open basis."""
        return cls(_zeros(EXPRESSION_SIZE), _zeros(3), _zeros(3), _zeros(2, 3), _zeros(2), _zeros(3))

    def vector(self) -> Array:
        """[67] expression, jaw, neck, eyes, eyelids, translation."""
        parts = (self.expression, self.jaw_pose, self.neck_pose, self.eye_pose.ravel(), self.eyelids, self.translation)
        return np.concatenate(parts)

    @classmethod
    def from_vector(cls, vector: Array, basis: str = OPEN_BASIS) -> FlameParams:
        """The inverse of `vector`; ValueError unless it is [67]."""
        row = np.asarray(vector, np.float32)
        if row.shape != (67,):
            raise DataError(f"a row of FlameParams must be [67], got {list(row.shape)}")
        return cls(row[:50], row[50:53], row[53:56], row[56:62].reshape(2, 3), row[62:64], row[64:67], basis)


@dataclass(frozen=True)
class Portrait:
    """A picture, and what it shows.

    Parameters
    ----------
    stamp
        Of the capture behind it.
    rgba
        uint8 [H, W, 4]: sRGB with straight alpha, first row on top. It must not be written to.
    signal
        The tracked face; None if no source drove it.
    params
        The face that is shown.
    presence
        1 for the performer's face, 0 for an idle one.
    light
        float32 [27]: spherical harmonics of red, green and blue.
    drawn_by
        Runtime, size, steps and rate, as text; only with a latency budget, which may change them.
    recognised
        Expressions that the performer makes, by name: "smile", "blink".
    placed
        Where the drawn square lies in `rgba`, as shares; None if it is the whole picture.
    cutout
        uint8 [H, W, 4], premultiplied: the picture without its background, if it has one.
    """

    stamp: Stamp
    rgba: NDArray[np.uint8]  # [H,W,4] sRGB, straight alpha, first row on top
    signal: Signal | None  # None if no source drove it
    params: FlameParams
    presence: float  # 1 the performer's face, 0 idle
    light: Array  # [27] spherical harmonics, red, green, blue
    drawn_by: str = ""  # runtime, size, steps and rate, as text; only with a latency budget, which may change them
    recognised: tuple[str, ...] = ()  # expressions that the performer makes, by name: "smile", "blink"
    # Where the drawn square lies in `rgba`: x = a u + b v + c, y = d u + e v + f, all shares from 0 to 1 from the upper
    # left corner; None if it is the whole picture.
    placed: tuple[float, ...] | None = None
    cutout: NDArray[np.uint8] | None = None  # [H,W,4] premultiplied: without the background, if there is one


@dataclass(frozen=True)
class Actor:
    """The calibration of a performer. The default leaves the tracker's signals as they are.

    Parameters
    ----------
    name
        Of the performer.
    neutral, gain, noise_floor
        float32 [52] each, in ARKit's order: the weights of the face at rest, how much the others are multiplied by,
        and the weight below which a movement counts as rest.
    neutral_rotation, neutral_translation
        float32 [3] each: of the head that looks into the camera; radians and metres.
    thresholds
        Pairs of an expression's name and the score from which on it is recognised, above 0 to 1.

    Raises
    ------
    DataError
        For another shape or dtype, numbers that are not finite, and thresholds outside their range.
    """

    name: str = "default"
    neutral: Array = field(default_factory=lambda: _zeros(arkit.COUNT))  # [52] weights of the face at rest
    gain: Array = field(default_factory=lambda: np.ones(arkit.COUNT, np.float32))  # [52]
    noise_floor: Array = field(default_factory=lambda: _zeros(arkit.COUNT))  # [52] smaller weights count as rest
    neutral_rotation: Array = field(default_factory=lambda: _zeros(3))  # [3] of the head that looks into the camera
    neutral_translation: Array = field(default_factory=lambda: _zeros(3))  # [3] metres
    # The score from which on an expression is recognised, by name; others have their usual threshold.
    thresholds: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        for name in ("neutral", "gain", "noise_floor"):
            _require_float32(name, getattr(self, name), (arkit.COUNT,))
        for name, threshold in self.thresholds:
            if not 0.0 < threshold <= 1.0:
                raise DataError(f"the threshold of {name} must be above 0, to 1, got {threshold}")
        _require_float32("neutral_rotation", self.neutral_rotation, (3,))
        _require_float32("neutral_translation", self.neutral_translation, (3,))

    @property
    def camera_angle(self) -> tuple[float, float]:
        """Pitch and yaw in radians at which the camera sees this actor look ahead; signs as in `Signal`."""
        x, y, z = turned(AHEAD, self.neutral_rotation)
        return math.atan2(-y, math.hypot(x, z)), math.atan2(x, z)


HeadName = Literal["open", "anime"]
ReferenceKind = Literal["photo", "drawing", "rendered", "painted"]
SHAPE_SIZE = 100
MOST_REFERENCES = 16
REFERENCE_SIDES = (256, 1024)  # pixels on a side of a reference, at least and at most
_MOST, _MOST_SHAPE = 100.0, 20.0  # bounds of the numbers in a character's file
CHARACTER_WORDS = {"name": 64, "licence": 200, "made_from": 1000, "consent": 1000}  # the most characters in each


@dataclass(frozen=True, eq=False)
class Reference:
    """A picture of a character, cut out and framed as by our camera.

    Parameters
    ----------
    rgba
        uint8 [S, S, 4]: sRGB with straight alpha, S from 256 to 1024.
    params
        The face that it shows, in the open basis.
    light
        float32 [27]: harmonics of the light in it.
    kind
        "photo", "drawing", "rendered" or "painted" (by the model).

    Raises
    ------
    DataError
        For another form, or numbers that no face has.
    """

    rgba: NDArray[np.uint8]  # [S,S,4] sRGB with straight alpha, S from 256 to 1024
    params: FlameParams  # the face that it shows, in the basis "open"
    light: Array  # [27] harmonics of the light in it
    kind: ReferenceKind  # "painted" by the model

    def __post_init__(self) -> None:
        side, (least, most) = len(self.rgba), REFERENCE_SIDES
        if self.rgba.dtype != np.uint8 or self.rgba.shape != (side, side, 4) or not least <= side <= most:
            raise DataError(f"a reference must be [S,S,4] bytes, S from {least} to {most}, got {self.rgba.shape}")
        if self.light.shape != (LIGHT_SIZE,) or not np.isfinite(self.light).all():
            raise DataError(f"a reference's light must be [{LIGHT_SIZE}] finite numbers, got {self.light.shape}")
        for name, values in (("light", self.light), ("params", self.params.vector())):
            if np.abs(values).max() > _MOST:
                raise DataError(f"a reference's {name} must be from -{_MOST:g} to {_MOST:g}: no face has such numbers")
        if self.kind not in get_args(ReferenceKind):
            raise DataError(f"a reference is one of {', '.join(get_args(ReferenceKind))}, got {self.kind!r}")


@dataclass(frozen=True, eq=False)
class Character:
    """A character to draw; `load_character` reads one.

    Parameters
    ----------
    name
        At most 64 printable characters.
    head
        "open" for people, "anime" for drawn characters.
    shape
        float32 [100] in the head's shape basis, standard deviations.
    references
        1 to 16 pictures. The first should be at rest and from the front; the others add to it.
    licence, made_from, consent
        Where the character comes from; `consent` is what its maker declared about the person in a photo.

    Raises
    ------
    DataError
        For another form, or numbers that no head has.
    """

    name: str
    head: HeadName  # "open" for people, "anime" for drawn characters
    shape: Array  # [100] in the head's shape basis, standard deviations
    references: tuple[Reference, ...]  # 1 to 16
    licence: str
    made_from: str
    consent: str = ""  # declared by the maker about the person in a photo

    def __post_init__(self) -> None:
        if not 1 <= len(self.references) <= MOST_REFERENCES:
            raise DataError(f"a character has 1 to {MOST_REFERENCES} references, got {len(self.references)}")
        if self.head not in get_args(HeadName):
            raise DataError(f"a head is one of {', '.join(get_args(HeadName))}, got {self.head!r}")
        if self.shape.shape != (SHAPE_SIZE,) or not np.isfinite(self.shape).all():
            raise DataError(f"a shape must be [{SHAPE_SIZE}] finite numbers, got {self.shape.shape}")
        if np.abs(self.shape).max() > _MOST_SHAPE:
            raise DataError(f"a shape must be from -{_MOST_SHAPE:g} to {_MOST_SHAPE:g}: no head has such numbers")
        for word, most in CHARACTER_WORDS.items():
            text = getattr(self, word)
            if text != printable(text, most):
                raise DataError(f"{word} must be at most {most} printable characters, got {text[:80]!r}")


@dataclass(frozen=True)
class BankRows:
    """What the self-attention of each block of a published UNet reads besides its own picture; none is a bank of none.

    Blocks stand in the order down, up, middle, as the published adapters number them.
    """

    keys: tuple[NDArray[np.float16], ...] = ()  # [T,C] of each block, heads side by side
    values: tuple[NDArray[np.float16], ...] = ()  # [T,C]
    bias: tuple[Array, ...] = ()  # [T] added to the attention's logits; () is 0 everywhere

    def __bool__(self) -> bool:
        return bool(self.keys)


@dataclass(frozen=True)
class SourceFile:
    """One file that a character was made from, or is drawn by."""

    name: str  # as in the folder of its model: "arc2face/diffusion_pytorch_model.safetensors"
    sha256: str
    licence: str
    is_commercial: bool  # whether a streamer may earn money with it


@dataclass(frozen=True, eq=False)
class PhotorealCharacter:
    """A character whom the published Arc2Face weights draw; the picture's side is eight times the noise's."""

    name: str
    tokens: Array  # [77,768] the identity, as the text encoder says it
    empty: Array  # [77,768] the empty prompt, from which guidance leads away
    noise: Array  # [4,S/8,S/8] from which every picture begins
    neutral: Array  # [55] what the expression adapter is told for a face at rest; never all zero
    is_neutral_measured: bool
    reference: NDArray[np.uint8]  # [S,S,3] the photo, cut out as the model was trained
    points: Array  # [478,2] MediaPipe's points on the drawn face at rest, pixels: x right, y down
    bank: BankRows
    sampler: str  # "lcm", "tcd" or "student": whose few steps the weights are fused for
    model: str  # digest of all weights that draw it
    parts: tuple[SourceFile, ...]
    licence: str
    made_from: str
    reference_scale: float = 0.8  # of the reference adapter in the weights; 0 is without it and a bank

    @property
    def size(self) -> int:
        """Pixels on a side."""
        return 8 * int(self.noise.shape[-1])


AnyCharacter = Character | PhotorealCharacter
