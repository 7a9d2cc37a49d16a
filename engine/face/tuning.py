"""How the user shapes a performance: gain by region, smoothing, head movement and mirroring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.bridge.errors import OmoteError

from ..data import Array
from .retarget import OwnFace

MOST_GAIN = 3.0  # of a gain, a strength or a smoothing
MOST_TURN_RAD = 0.8  # up to which a head turn is enlarged: beyond it the portrait shows an ear
RAMP_S = 0.2
_TURN_MIRRORED = np.array([1.0, -1.0, -1.0], np.float32)  # a rotation is an axial vector
_SHIFT_MIRRORED = np.array([-1.0, 1.0, 1.0], np.float32)
_HEAD, _MIRROR = arkit.COUNT, arkit.COUNT + 1  # their places in a row, after the gains


class TuningError(OmoteError, ValueError):
    """An unknown region or an impossible value; the message says what was wanted."""


def _weights_named(*beginnings: str) -> tuple[str, ...]:
    return tuple(name for name in arkit.NAMES if name.startswith(beginnings))


# Each of the 52 weights is in one region. The eyeLook weights are the gaze, which has a strength of its own.
REGIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "brows": _weights_named("brow"),
        "eyes": _weights_named("eyeBlink", "eyeSquint", "eyeWide"),
        "gaze": _weights_named("eyeLook"),
        "cheeks": _weights_named("cheek", "nose"),
        "jaw": _weights_named("jaw"),
        "mouth": _weights_named("mouth"),
        "tongue": _weights_named("tongue"),
    }
)
LIVELY = ("breath", "sway", "glances", "blink_help")  # motion that no tracker saw
SMOOTHED = (*REGIONS, "head")  # regions with a smoothing of their own


def _ones(names: tuple[str, ...]) -> Mapping[str, float]:
    return MappingProxyType(dict.fromkeys(names, 1.0))


@dataclass(frozen=True)
class Tuning:
    """How the user wants a performance shaped, for any performer; 1 everywhere changes nothing."""

    gain: Mapping[str, float] = field(default_factory=lambda: _ones(tuple(REGIONS)))  # by region
    smoothing: Mapping[str, float] = field(default_factory=lambda: _ones(SMOOTHED))  # 0 none, 1 usual, to MOST_GAIN
    mirror: bool = False  # exchanges left and right of face, gaze and head
    head: float = 1.0  # how far the head follows; 0 is not at all
    blinks: bool = True  # while there is no face
    breathes: bool = True  # while there is no face
    hair: float = 1.0  # how far it swings; 0 is not at all
    breath: float = 0.0  # while there is a face; this and the next two are 1 for usual motion
    sway: float = 0.0  # of the head, likewise
    glances: float = 0.0  # of the eyes, likewise
    blink_help: float = 0.0  # for lids that are read badly; 1 is all there is

    def __post_init__(self) -> None:
        for name, known in (("gain", tuple(REGIONS)), ("smoothing", SMOOTHED)):
            values = getattr(self, name)
            if unknown := [region for region in values if region not in known]:
                raise TuningError(f'{name}: no region is called "{unknown[0]}"; there are {", ".join(known)}')
            if missing := [region for region in known if region not in values]:
                raise TuningError(f"{name}: wanted a number for {missing[0]} too")
        numbers = {name: getattr(self, name) for name in ("head", "hair", *LIVELY)} | {
            f"gain of {k}": v for k, v in self.gain.items()
        }
        numbers |= {f"smoothing of {k}": v for k, v in self.smoothing.items()}
        for name, value in numbers.items():
            if not 0.0 <= value <= MOST_GAIN:
                raise TuningError(f"{name} must be from 0 to {MOST_GAIN:g}, got {value}")

    def changed(self, changes: Mapping[str, object]) -> Tuning:
        """A copy with these changes, in JSON's types; a mapping by region need not name all regions.

        TuningError for an unknown name or an impossible value.
        """
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        for name, value in changes.items():
            if name not in values:
                raise TuningError(f'nothing is called "{name}"; there are {", ".join(values)}')
            values[name] = _checked_value(name, values[name], value)
        return Tuning(**values)

    def as_json(self) -> dict[str, object]:
        """All values in JSON's types, for `changed`."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**values, "gain": dict(self.gain), "smoothing": dict(self.smoothing)}


def _checked_value(name: str, old: object, value: object) -> object:
    """The value; TuningError unless it has the type of the old one."""
    if isinstance(old, bool):
        if isinstance(value, bool):
            return value
        raise TuningError(f"{name} must be true or false, got {value!r}")
    if isinstance(old, Mapping):
        if not isinstance(value, Mapping):
            raise TuningError(f"{name} must hold numbers by region, got {value!r}")
        numbers = {str(key): _checked_number(f"{name} of {key}", one) for key, one in value.items()}
        return MappingProxyType({**old, **numbers})
    return _checked_number(name, value)


def _checked_number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= MOST_GAIN:
        raise TuningError(f"{name} must be a number from 0 to {MOST_GAIN:g}, got {value!r}")
    return float(value)


class TuningFilter:
    """Applies a tuning to one performance. A change takes a fifth of a second."""

    def __init__(self, tuning: Tuning) -> None:
        self._row = Ramp(_gain_row(tuning))

    def tune(self, tuning: Tuning) -> None:
        """Uses this tuning from now on; from any thread."""
        self._row.set_target(_gain_row(tuning))

    def miss(self) -> None:
        """There is no face, so a change needs no time."""
        self._row.jump()

    def shaped(self, own: OwnFace, now_ns: int) -> OwnFace:
        """The tuned face; unchanged numbers if the tuning is the default."""
        row = self._row.at(now_ns)
        weights, turn, shift = own.weights, own.turn, own.shift
        if (row[:_HEAD] != 1.0).any():
            weights = _enlarged(weights, row[:_HEAD])
        if row[_HEAD] != 1.0:
            turn, shift = _scaled_turn(turn, float(row[_HEAD])), np.asarray(shift * row[_HEAD], np.float32)
        shaped = replace(own, weights=weights, turn=turn, shift=shift)
        return _blended_faces(shaped, mirrored_face(shaped), float(row[_MIRROR]))


def mirrored_face(own: OwnFace) -> OwnFace:
    """The face in a mirror: left and right of weights, gaze and head are exchanged."""
    return OwnFace(own.weights[arkit.MIRRORED], own.turn * _TURN_MIRRORED, own.shift * _SHIFT_MIRRORED)


def _gain_row(tuning: Tuning) -> NDArray[np.float64]:
    """[54] the gain of each weight, the head's strength, and 1 for a mirror."""
    row = np.ones(arkit.COUNT + 2)
    for region, names in REGIONS.items():
        row[[arkit.INDEX[name] for name in names]] = tuning.gain[region]
    row[_HEAD], row[_MIRROR] = tuning.head, float(tuning.mirror)
    return row


def _enlarged(weights: Array, gain: NDArray[np.float64]) -> Array:
    """Each weight times its gain, but enlarged to at most 1, since larger looks turn the eyes inward."""
    most = np.maximum(np.abs(weights), 1.0)
    return np.asarray(np.clip(weights * gain, -most, most), np.float32)


def _scaled_turn(turn: Array, strength: float) -> Array:
    angle = float(np.linalg.norm(turn))
    if angle * strength > (most := max(angle, MOST_TURN_RAD)):
        strength = most / angle
    return np.asarray(turn * strength, np.float32)


def _blended_faces(first: OwnFace, second: OwnFace, share: float) -> OwnFace:
    if share in (0.0, 1.0):
        return second if share else first
    parts = ((getattr(first, name), getattr(second, name)) for name in ("weights", "turn", "shift"))
    return OwnFace(*(np.asarray(one + share * (other - one), np.float32) for one, other in parts))


class Ramp:
    """Numbers that go to their targets evenly. Any thread may set the targets; the drawing thread calls the rest."""

    def __init__(self, values: NDArray[np.float64], duration_s: float = RAMP_S) -> None:
        self._target = self._from = self._to = self._now = values
        self._duration_ns = duration_s * 1e9
        self._since_ns = 0

    def set_target(self, values: NDArray[np.float64]) -> None:
        """The numbers to reach, counted from the next picture on."""
        self._target = values

    def at(self, now_ns: int) -> NDArray[np.float64]:
        """The numbers now; read only."""
        target = self._target
        if target is not self._to or now_ns < self._since_ns:
            self._from, self._to, self._since_ns = self._now, target, now_ns
        share = min((now_ns - self._since_ns) / self._duration_ns, 1.0)
        self._now = self._to if share >= 1.0 else self._from + share * (self._to - self._from)
        return self._now

    def jump(self) -> None:
        """Reaches the targets at once."""
        self._now = self._from = self._to = self._target
