"""Visemes, the mouth shapes of speech, and how a voice is mixed with the mouth that a camera sees."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.bridge.errors import OmoteError

from ..data import Array, FlameParams
from .presence import PresentedFace
from .retarget import from_weights, to_weights

VISEMES = ("silence", "A", "E", "I", "O", "U", "M", "F", "S", "SH", "T")
VOICE_TRIGGERS = ("speaking", "loud")  # recognised in a voice, as expressions are in a face
MOST_STRENGTH = 2.0
LEVELS_DB = (-80.0, 0.0)  # the range of the levels in `VoiceTuning`

# The shapes of visemes. Smiles, frowns and movements to a side stay with the camera.
_SHAPES: Mapping[str, Mapping[str, float]] = {
    "silence": {},
    "A": {"jawOpen": 0.6, "mouthLowerDown": 0.3, "mouthUpperUp": 0.15},
    "E": {"jawOpen": 0.32, "mouthStretch": 0.3, "mouthLowerDown": 0.35, "mouthUpperUp": 0.2},
    "I": {"jawOpen": 0.14, "mouthStretch": 0.45, "mouthLowerDown": 0.3, "mouthUpperUp": 0.2},
    "O": {"jawOpen": 0.38, "mouthFunnel": 0.55, "mouthPucker": 0.3},
    "U": {"jawOpen": 0.14, "mouthPucker": 0.7, "mouthFunnel": 0.35},
    "M": {"mouthPress": 0.35, "mouthRollLower": 0.3, "mouthRollUpper": 0.25},
    "F": {"jawOpen": 0.06, "mouthRollLower": 0.5, "mouthUpperUp": 0.25},
    "S": {"jawOpen": 0.07, "mouthStretch": 0.25, "mouthLowerDown": 0.3, "mouthUpperUp": 0.15},
    "SH": {"jawOpen": 0.1, "mouthFunnel": 0.5, "mouthPucker": 0.25},
    "T": {"jawOpen": 0.16, "mouthLowerDown": 0.2},
}
_BOTH_SIDES = ("mouthStretch", "mouthLowerDown", "mouthUpperUp", "mouthPress")


def _shape(viseme: str) -> Array:
    named: dict[str, float] = {}
    for name, weight in _SHAPES[viseme].items():
        named |= dict.fromkeys((name + "Left", name + "Right") if name in _BOTH_SIDES else (name,), weight)
    return arkit.weights(named)


VISEME_SHAPES: Array = np.stack([_shape(viseme) for viseme in VISEMES])  # [11,52]
# The weights that a voice drives. A closing of the lips over an open jaw belongs to the camera's jaw, so it goes too.
SPOKEN: NDArray[np.intp] = np.union1d(np.flatnonzero(VISEME_SHAPES.any(axis=0)), arkit.INDEX["mouthClose"])

_JAW = arkit.INDEX["jawOpen"]
_QUIET_RANGE_DB = 6.0  # above the quiet level, over which a voice begins to count
_RISE_S, _FALL_S = 0.03, 0.15  # of the activity
_SPEAKS_FROM, _SPEAKS_UNTIL = 0.5, 0.2  # activity
_LOUD_AFTER_S, _LOUD_FALL_DB = 0.06, 6.0
# A mouth that moves less than this part of what the voice says is hidden from the camera, or was read wrongly.
_HIDDEN_BELOW, _LEAST_SWING, _SWING_S = 0.25, 0.05, 0.7
_DOUBT_S = 1.0  # of speech, until a mouth counts as hidden, or as seen again
_CHANGE_S = 0.3  # between the camera's mouth and the voice's, when one is hidden or seen again
_LONGEST_STEP_S = 0.2  # between two moments of a voice, however long it was away


class VoiceError(OmoteError, ValueError):
    """A microphone, a sound file or a setting of the voice cannot be used; the message says why, and the cure."""


@dataclass(frozen=True, eq=False)
class Voice:
    """What a voice does at one moment."""

    heard_ns: int  # when this sound was made, on the clock of `Stamp.captured_ns`
    visemes: Array  # [11] shares of `VISEMES`, which sum to 1
    level_db: float  # of full scale


HearVoice = Callable[[int], Voice | None]  # the voice at a time of that clock; None if there is none


@dataclass(frozen=True)
class VoiceTuning:
    """How a voice moves the mouth."""

    strength: float = 1.0  # how far the mouth opens, to MOST_STRENGTH
    share: float = 0.8  # of the voice in the mouth while the camera sees it too, 0 to 1
    quiet_db: float = -50.0  # lower levels do not move the mouth
    loud_db: float = -18.0  # from here on, the voice is loud

    def __post_init__(self) -> None:
        low_db, high_db = LEVELS_DB
        ranges = {"strength": (0.0, MOST_STRENGTH), "share": (0.0, 1.0)}
        for name, (low, high) in {**ranges, "quiet_db": (low_db, high_db), "loud_db": (low_db, high_db)}.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise VoiceError(f"{name} of the voice must be from {low:g} to {high:g}, got {value:g}")

    def changed(self, changes: Mapping[str, object]) -> VoiceTuning:
        """A copy with these changes, in JSON's types; VoiceError for an unknown name or an impossible value."""
        known = [one.name for one in fields(self)]
        for name, value in changes.items():
            if name not in known:
                raise VoiceError(f'the voice has no setting "{name}"; there are {", ".join(known)}')
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise VoiceError(f"{name} of the voice must be a number, got {value!r}")
        return replace(self, **{name: float(str(value)) for name, value in changes.items()})

    def as_json(self) -> dict[str, float]:
        return {one.name: getattr(self, one.name) for one in fields(self)}


def mouth_of(visemes: Array, strength: float = 1.0) -> Array:
    """[52] the ARKit weights of visemes [11]; only those in `SPOKEN` differ from 0."""
    return np.asarray(np.clip(visemes @ VISEME_SHAPES * strength, 0.0, 1.0), np.float32)


class VoiceMixer:
    """Mixes one voice with the faces of one performance; a pure function of both and their times.

    While the performer speaks, the voice shapes the mouth and the camera everything else. Without a face, or while the
    camera does not see the mouth, the mouth is the voice's alone. In silence it is the camera's.
    """

    def __init__(self, tuning: VoiceTuning | None = None) -> None:
        self._tuning = tuning or VoiceTuning()
        self._heard_ns: int | None = None  # of the last voice
        self._activity = 0.0
        self._loud_s = 0.0
        self._triggers: tuple[str, ...] = ()
        self._jaw_mean = self._jaw_power = np.zeros(2)  # of the camera's jaw and of the voice's
        self._doubt_s = 0.0
        self._is_hidden = False
        self._alone = 0.0  # 1: the mouth is the voice's alone

    @property
    def is_mouth_hidden(self) -> bool:
        """Whether the camera's mouth does not follow what the voice says."""
        return self._is_hidden

    def tune(self, tuning: VoiceTuning) -> None:
        """Uses this tuning from now on; from any thread."""
        self._tuning = tuning

    def mix(self, shown: PresentedFace, voice: Voice | None) -> tuple[PresentedFace, tuple[str, ...]]:
        """The face with the mouth that is spoken, the same object in silence; and the voice's triggers."""
        tuning = self._tuning
        if voice is None:
            self._heard_ns, self._activity, self._triggers, self._alone = None, 0.0, (), 0.0
            return shown, ()
        step_s = self._step_s(voice)
        self._follow_activity(voice, tuning, step_s)
        self._triggers = self._heard_triggers(voice, tuning, step_s)
        if self._activity < 1e-3:
            return shown, self._triggers
        own = np.clip(to_weights(shown.params), 0.0, 1.0)
        spoken = mouth_of(voice.visemes, tuning.strength)
        self._look_for_mouth(float(own[_JAW]), float(spoken[_JAW]), shown.presence, step_s)
        alone = max(self._alone, 1.0 - shown.presence)
        share = self._activity * (tuning.share + (1.0 - tuning.share) * alone)
        mixed = own.copy()
        mixed[SPOKEN] += share * (spoken - own)[SPOKEN]
        change = from_weights(mixed).vector() - from_weights(own).vector()
        params = FlameParams.from_vector(shown.params.vector() + change, shown.params.basis)
        return replace(shown, params=params), self._triggers

    def _step_s(self, voice: Voice) -> float:
        step_s = 0.0 if self._heard_ns is None else (voice.heard_ns - self._heard_ns) / 1e9
        self._heard_ns = voice.heard_ns
        return min(max(step_s, 0.0), _LONGEST_STEP_S)

    def _follow_activity(self, voice: Voice, tuning: VoiceTuning, step_s: float) -> None:
        gate = (voice.level_db - tuning.quiet_db) / _QUIET_RANGE_DB
        wanted = float(1.0 - voice.visemes[0]) * min(max(gate, 0.0), 1.0)
        seconds = _RISE_S if wanted > self._activity else _FALL_S
        self._activity += (wanted - self._activity) * (1.0 - math.exp(-step_s / seconds))

    def _heard_triggers(self, voice: Voice, tuning: VoiceTuning, step_s: float) -> tuple[str, ...]:
        speaks = self._activity >= (_SPEAKS_UNTIL if "speaking" in self._triggers else _SPEAKS_FROM)
        was_loud = "loud" in self._triggers
        is_loud = voice.level_db >= tuning.loud_db - (_LOUD_FALL_DB if was_loud else 0.0)
        self._loud_s = self._loud_s + step_s if is_loud else 0.0
        made = {"speaking": speaks, "loud": is_loud and (was_loud or self._loud_s >= _LOUD_AFTER_S)}
        return tuple(name for name in VOICE_TRIGGERS if made[name])

    def _look_for_mouth(self, seen: float, spoken: float, presence: float, step_s: float) -> None:
        """Compares how far both jaws move, while there is a face and a voice."""
        if presence >= 1.0:
            weight = self._activity * (1.0 - math.exp(-step_s / _SWING_S))
            jaws = np.array([seen, spoken])
            self._jaw_mean = self._jaw_mean + weight * (jaws - self._jaw_mean)
            self._jaw_power = self._jaw_power + weight * (jaws**2 - self._jaw_power)
            swing_seen, swing_spoken = np.sqrt(np.maximum(self._jaw_power - self._jaw_mean**2, 0.0))
            if swing_spoken > _LEAST_SWING:
                doubted_s = self._activity * step_s * (1.0 if swing_seen < _HIDDEN_BELOW * swing_spoken else -1.0)
                self._doubt_s = min(max(self._doubt_s + doubted_s, 0.0), _DOUBT_S)
            if self._doubt_s in (0.0, _DOUBT_S):
                self._is_hidden = self._doubt_s > 0.0
        most = step_s / _CHANGE_S
        self._alone += min(max(float(self._is_hidden) - self._alone, -most), most)
