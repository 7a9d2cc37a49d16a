"""The poses of a guided calibration, and the attempts at them: the face at rest and the extremes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.data import Actor, Array, Signal
from omote.engine.face.retarget import seen_weights

# Poses at an extreme.
ENOUGH_SHARE = 0.6  # of what is usual
MIN_SHARE = 0.25  # of what is usual: an attempt that ends with less is not used
FALL_SHARE = 0.8  # of ENOUGH_SHARE: a pose is held until its score is below it
HOLD_S = 0.8
MIN_POSE_PICTURES = 4
TIMEOUT_S = 12.0
ADVICE_S = 2.0  # without success, until advice is shown
BEST_S = 0.5  # the part of a timed-out attempt that is used
HEADROOM = 0.7  # of the way from a high rest to 1: the most that is asked for
TOO_SHORT_HINT = "It was held for a moment only; do it again to be sure."
TRY_MORE_HINT = "do it again if you can do more."
UNSEEN_WEIGHT = 0.003  # a weight that the tracker sees has more jitter, or a higher rest

# The face at rest.
REST_S = 1.5
NOTICE_S = 0.5  # that a remark stays visible
MIN_REST_PICTURES = 8  # fewer do not tell the jitter
TURNED_RAD = np.radians(4.0)  # a still head turns less
MOVED_M = 0.02
CHANGED = 0.2  # a weight of a still face changes less, jitter included
LOOKING_ASIDE_RAD = np.radians(35.0)  # from this angle on a tracker sees half of the face
BLINK = 0.2  # above the usual opening of the eyes
SHUT = 0.8
BLINK_S = 0.4  # eyes that stay closed for longer do not blink
OPEN_JAW = 0.4

_WATCHED = [arkit.INDEX[name] for name in arkit.NAMES if name.startswith(("jaw", "mouthSmile", "mouthPucker", "brow"))]
_LIDS = [arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]]
_JAW = arkit.INDEX["jawOpen"]


@dataclass(frozen=True)
class CalibrationPose:
    """A pose for the user to make. There is none for gaze, because a gain would bend where the eyes look."""

    name: str
    title: str
    say: str  # one sentence: what to do
    more: str  # advice while it is not enough
    weights: tuple[str, ...]  # the weights that it measures, whose gains it gives
    usual: float = 1.0  # mean of these weights above rest that most people reach
    drawn: tuple[tuple[str, float], ...] = ()  # the weights of its picture
    is_rare: bool = False  # most trackers do not see it, so it is left out where its weights do not move at all

    @property
    def picture(self) -> str:
        """The path of its picture on the page's server."""
        return f"/static/poses/{self.name}.webp"


def _both(*names: str) -> tuple[str, ...]:
    return tuple(name + side for name in names for side in ("Left", "Right"))


def _all(weight: float, *names: str) -> tuple[tuple[str, float], ...]:
    return tuple((name, weight) for name in names)


NEUTRAL = CalibrationPose(
    "neutral",
    "Relax",
    "Sit as you will on air, look straight ahead at your audience, close your mouth and relax.",
    "Keep still and relax.",
    (),
)
_BROWS_UP = ("browInnerUp", *_both("browOuterUp"))

POSES: tuple[CalibrationPose, ...] = (
    NEUTRAL,
    CalibrationPose(
        "mouth_open",
        "Mouth open",
        "Open your mouth as wide as it goes.",
        "Open wider.",
        ("jawOpen",),
        0.7,
        _all(0.9, "jawOpen"),
    ),
    CalibrationPose(
        "smile",
        "Smile",
        "Give your biggest smile.",
        "Smile more, with both corners.",
        _both("mouthSmile"),
        0.7,
        (*_all(1.0, *_both("mouthSmile")), *_all(0.5, *_both("cheekSquint", "mouthUpperUp"))),
    ),
    CalibrationPose(
        "pucker",
        "Lips forward",
        "Push your lips forward as for a kiss.",
        "Push your lips further forward.",
        ("mouthPucker",),
        0.7,
        (("mouthPucker", 1.0), ("mouthFunnel", 0.5)),
    ),
    CalibrationPose(
        "brows_up",
        "Brows up",
        "Raise your brows as high as they go.",
        "Raise your brows higher, and keep your head still.",
        _BROWS_UP,
        0.5,
        (*_all(1.0, *_BROWS_UP), *_all(0.5, *_both("eyeWide"))),
    ),
    CalibrationPose(
        "brows_down",
        "Brows down",
        "Draw your brows down, as if you were angry.",
        "Draw your brows further down.",
        _both("browDown"),
        0.4,
        _all(1.0, *_both("browDown")),
    ),
    CalibrationPose(
        "eyes_shut",
        "Eyes shut",
        "Shut both eyes, count to two, and open them again.",
        "Shut both eyes.",
        _both("eyeBlink"),
        0.7,
        _all(1.0, *_both("eyeBlink")),
    ),
    CalibrationPose(
        "puff",
        "Cheeks out",
        "Fill your cheeks with air.",
        "Fill your cheeks more.",
        ("cheekPuff",),
        0.5,
        (("cheekPuff", 1.0), ("mouthPucker", 0.3)),
        is_rare=True,
    ),
)
BY_NAME = {pose.name: pose for pose in POSES}


@dataclass(frozen=True)
class RestMeasurement:
    """The measurement of a face at rest."""

    weights: Array  # [52] median
    jitter: Array  # [52] standard deviation without linear drift
    rotation: Array  # [3]
    translation: Array  # [3]
    signals: tuple[Signal, ...] = field(repr=False)  # without those of blinks


class RestAttempt:
    """One attempt to hold still."""

    def __init__(self) -> None:
        self.found: RestMeasurement | None = None
        self.remark = ""
        self._signals: list[Signal] = []
        self._rows: list[Array] = []  # the weights of each
        self._held_s = self._shut_s = 0.0

    @property
    def score(self) -> float:
        """The share of the needed time that has passed."""
        return min(self._held_s / REST_S, 1.0)

    def see(self, signal: Signal, elapsed_s: float) -> None:
        """The next picture, `elapsed_s` after the previous one."""
        row = seen_weights(signal)
        self._shut_s = self._shut_s + elapsed_s if row[_LIDS].min() > SHUT else 0.0
        if wrong := self._wrong(signal, row):
            self.remark = wrong
            self._signals, self._rows, self._held_s = [], [], 0.0
            return
        self._held_s += elapsed_s if self._rows else 0.0
        if self._held_s >= NOTICE_S:
            self.remark = ""
        self._signals.append(signal)
        self._rows.append(row)
        if self._held_s >= REST_S and len(self._rows) >= MIN_REST_PICTURES:
            self.found = measure_rest(self._signals, self._rows)

    def _wrong(self, signal: Signal, row: Array) -> str:
        pitch, yaw = Actor(neutral_rotation=signal.head_rotation).camera_angle
        if max(abs(pitch), abs(yaw)) > LOOKING_ASIDE_RAD:
            return "The camera sees you too much from one side: turn to it, or move it nearer to where you look."
        if self._shut_s > BLINK_S:
            return "Open your eyes."
        if row[_JAW] > OPEN_JAW:
            return "Close your mouth."
        return "Keep still." if self._rows and self._is_moved(signal, row) else ""

    def _is_moved(self, signal: Signal, row: Array) -> bool:
        """Whether the face moved since the first pictures, which are averaged against noise."""
        first = self._signals[:MIN_REST_PICTURES]
        turned = signal.head_rotation - np.mean([one.head_rotation for one in first], axis=0)
        moved = signal.head_translation - np.mean([one.head_translation for one in first], axis=0)
        changed = np.abs(row - np.mean(self._rows[:MIN_REST_PICTURES], axis=0))[_WATCHED]
        return bool(np.linalg.norm(turned) > TURNED_RAD or np.linalg.norm(moved) > MOVED_M or changed.max() > CHANGED)


def measure_rest(signals: list[Signal], rows: list[Array]) -> RestMeasurement:
    """Measures these pictures of a face at rest, without those of blinks."""
    table = np.array(rows, np.float64)
    lids = table[:, _LIDS].max(axis=1)
    is_open = lids <= np.median(lids) + BLINK  # true of half of them at least
    return RestMeasurement(
        weights=np.asarray(np.median(table[is_open], axis=0), np.float32),
        jitter=jitter(table[is_open]),
        rotation=_median([one.head_rotation for one in signals]),
        translation=_median([one.head_translation for one in signals]),
        signals=tuple(signal for signal, is_kept in zip(signals, is_open, strict=True) if is_kept),
    )


def jitter(rows: NDArray[np.float64]) -> Array:
    """[52] the standard deviation of each weight in rows [n,52], without linear drift."""
    times = np.arange(len(rows)) - (len(rows) - 1) / 2.0
    slope = times @ (rows - rows.mean(axis=0)) / max(float(times @ times), 1.0)
    return np.asarray((rows - np.outer(times, slope)).std(axis=0), np.float32)


def _median(rows: list[Array]) -> Array:
    return np.asarray(np.median(rows, axis=0), np.float32)


def is_unseen(pose: CalibrationPose, still: RestMeasurement) -> bool:
    """Whether the tracker does not see this rare pose: its weights do not even change at rest."""
    at = [arkit.INDEX[name] for name in pose.weights]
    return pose.is_rare and max(float(still.weights[at].max()), float(still.jitter[at].max())) < UNSEEN_WEIGHT


class PoseAttempt:
    """One attempt at a pose; at its end `extreme` or `missed` is set."""

    def __init__(self, pose: CalibrationPose, still: RestMeasurement) -> None:
        self.pose = pose
        self.extreme: Array | None = None  # [52] as the tracker reports it
        self.missed = ""  # why there is no extreme
        self.caveat = ""  # a remark on the extreme
        self.score = 0.0
        self.remark = ""
        self._at = [arkit.INDEX[name] for name in pose.weights]
        self._rest = still.weights[self._at]
        self._usual = np.minimum(pose.usual, HEADROOM * (1.0 - self._rest)) + 1e-6
        self._held_s = self._tried_s = 0.0
        self._held: list[tuple[float, Array]] = []  # score and weights while the pose is held
        self._all: list[tuple[float, float, Array]] = []  # score, duration and weights of each picture

    def see(self, signal: Signal, elapsed_s: float) -> None:
        """The next picture, `elapsed_s` after the previous one."""
        row = seen_weights(signal)
        self.score = float(np.clip(np.mean((row[self._at] - self._rest) / self._usual), 0.0, 1.0))
        self._tried_s += elapsed_s
        self._all.append((self.score, elapsed_s, row))
        if self.score >= ENOUGH_SHARE * (FALL_SHARE if self._held else 1.0):
            self._held_s += elapsed_s if self._held else 0.0
            self._held.append((self.score, row))
        else:
            self._held, self._held_s = [], 0.0
        if self._held_s >= HOLD_S and len(self._held) >= MIN_POSE_PICTURES:
            self.extreme = _best_half_median(self._held)
        elif self._tried_s >= TIMEOUT_S:
            self._end()
        if self._held:
            self.remark = "Good: hold it."
        else:
            self.remark = self.pose.more if self._tried_s >= ADVICE_S else ""

    def _end(self) -> None:
        """Uses the best half second, or gives up."""
        best, seconds = [], 0.0
        for score, elapsed_s, row in sorted(self._all, key=lambda one: -one[0]):
            if seconds >= BEST_S:
                break
            best.append((score, row))
            seconds += elapsed_s
        reached = float(np.median([score for score, _ in best]))
        if reached >= MIN_SHARE:
            self.extreme = _best_half_median(best)
            too_little = f"Only {reached:.0%} of what is usual was seen; {TRY_MORE_HINT}"
            self.caveat = TOO_SHORT_HINT if reached >= ENOUGH_SHARE else too_little
        else:
            self.missed = "It was not seen: do it again, with more light on your face or nearer to the camera."


def _best_half_median(held: list[tuple[float, Array]]) -> Array:
    """[52] the median of the half with the better scores, because a face still moves when the score is first enough."""
    rows = [row for _, row in sorted(held, key=lambda one: one[0])[len(held) // 2 :]]
    return np.asarray(np.median(rows, axis=0), np.float32)
