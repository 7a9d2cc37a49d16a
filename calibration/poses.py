"""The poses of a guided calibration, and one attempt at each: the face at rest and the extremes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.data import Actor, Array, Signal
from omote.engine.face.retarget import seen_weights


@dataclass(frozen=True)
class CalibrationPose:
    """One thing to do before the camera. What looks a person makes are no poses: a gain would bend where they look."""

    name: str
    title: str
    say: str  # one sentence: what to do
    more: str  # what is said while it is not enough
    made: tuple[str, ...]  # the weights that show it, whose gains it finds
    usual: float = 1.0  # how far above rest these go on average where most people do it
    drawn: tuple[tuple[str, float], ...] = ()  # the weights of its picture
    is_rare: bool = False  # most trackers do not see it: no effort is asked for where the tracker says nothing at all

    @property
    def picture(self) -> str:
        """Where the page finds what it looks like."""
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


ENOUGH_SHARE = 0.6  # of what is usual
MIN_SHARE = 0.25  # of what is usual: who cannot do more is measured with that, at the end
FALL_SHARE = 0.8  # a pose is held until its score is below this share of ENOUGH
HOLD_S = 0.8  # of which the better half counts: a face is still on its way when it first is enough
MIN_POSE_PICTURES = 4  # of which the better half counts
TIMEOUT_S = 12.0
ADVICE_S = 2.0
BEST_S = 0.5
HEADROOM = 0.7  # of the way from a high rest to 1: more is wanted of nobody
TOO_SHORT_HINT = "It was held for a moment only; do it again to be sure."
TRY_MORE_HINT = "do it again if you can do more."
UNSEEN_WEIGHT = 0.003  # a weight that a tracker does see trembles or rests above it


def is_unseen(pose: CalibrationPose, still: RestMeasurement) -> bool:
    """Whether the tracker is blind to a pose that few trackers see: not even at rest do its weights stir."""
    at = [arkit.INDEX[name] for name in pose.made]
    return pose.is_rare and max(float(still.weights[at].max()), float(still.jitter[at].max())) < UNSEEN_WEIGHT


class PoseAttempt:
    """Follows one attempt; `extreme` or `missed` is there at its end."""

    def __init__(self, pose: CalibrationPose, still: RestMeasurement) -> None:
        self.pose = pose
        self.extreme: Array | None = None  # [52] as the tracker says it
        self.missed = ""  # why it was given up
        self.caveat = ""  # what is to be said of an extreme that is there
        self.score = 0.0
        self.remark = ""
        self._at = [arkit.INDEX[name] for name in pose.made]
        self._rest = still.weights[self._at]
        self._usual = np.minimum(pose.usual, HEADROOM * (1.0 - self._rest)) + 1e-6
        self._held_s = self._tried_s = 0.0
        self._held: list[tuple[float, Array]] = []  # score and weights while it is enough
        self._best: list[tuple[float, float, Array]] = []  # likewise of the whole attempt, with the picture's seconds

    def see(self, signal: Signal, elapsed_s: float) -> None:
        """One picture more, so long after the one before."""
        row = seen_weights(signal)
        self.score = float(np.clip(np.mean((row[self._at] - self._rest) / self._usual), 0.0, 1.0))
        self._tried_s += elapsed_s
        self._best.append((self.score, elapsed_s, row))
        if self.score >= ENOUGH_SHARE * (FALL_SHARE if self._held else 1.0):
            self._held_s += elapsed_s if self._held else 0.0
            self._held.append((self.score, row))
        else:
            self._held, self._held_s = [], 0.0
        if self._held_s >= HOLD_S and len(self._held) >= MIN_POSE_PICTURES:
            self.extreme = _best_half_median(self._held)
        elif self._tried_s >= TIMEOUT_S:
            self._end()
        self.remark = self._advice()

    def _advice(self) -> str:
        if self._held:
            return "Good: hold it."
        return self.pose.more if self._tried_s >= ADVICE_S else ""

    def _end(self) -> None:
        """Takes the best half second, or gives up."""
        best, seconds = [], 0.0
        for score, elapsed_s, row in sorted(self._best, key=lambda one: -one[0]):
            if seconds >= BEST_S:
                break
            best.append((score, row))
            seconds += elapsed_s
        reached = float(np.median([score for score, _ in best]))
        if reached >= MIN_SHARE:
            self.extreme = _best_half_median(best)
            self.caveat = (
                TOO_SHORT_HINT
                if reached >= ENOUGH_SHARE
                else f"Only {reached:.0%} of what is usual was seen; {TRY_MORE_HINT}"
            )
        else:
            self.missed = "It was not seen: do it again, with more light on your face or nearer to the camera."


def _best_half_median(held: list[tuple[float, Array]]) -> Array:
    """[52] the median of those with the better scores."""
    rows = [row for _, row in sorted(held, key=lambda one: one[0])[len(held) // 2 :]]
    return np.asarray(np.median(rows, axis=0), np.float32)


REST_S = 1.5
NOTICE_S = 0.5  # for so long it stays said what was wrong
MIN_REST_PICTURES = 8  # of fewer, nobody knows how much they tremble
TURNED_RAD = np.radians(4.0)  # a head that is still turns by less
MOVED_M = 0.02
CHANGED = 0.2  # a weight of a still face changes by less; the noise of a tracker does not reach it
LOOKING_ASIDE_RAD = np.radians(35.0)  # from there on a tracker sees half a face
BLINK = 0.2  # above the usual opening of the eyes
SHUT = 0.8
BLINK_S = 0.4  # eyes that are shut for longer have not blinked

_WATCHED = [arkit.INDEX[name] for name in arkit.NAMES if name.startswith(("jaw", "mouthSmile", "mouthPucker", "brow"))]
_LIDS = [arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]]
_JAW = arkit.INDEX["jawOpen"]
OPEN_JAW = 0.4


@dataclass(frozen=True)
class RestMeasurement:
    """A face at rest, measured."""

    weights: Array  # [52] the median: a twitch does not count
    jitter: Array  # [52] standard deviation, without what drifts steadily
    rotation: Array  # [3]
    translation: Array  # [3]
    signals: tuple[Signal, ...] = field(repr=False)  # of which it was measured, blinks left out


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
        """How much of the wanted time it was held."""
        return min(self._held_s / REST_S, 1.0)

    def see(self, signal: Signal, elapsed_s: float) -> None:
        """One picture more, so long after the one before."""
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
        """Against the first pictures, of which some are averaged: one of them alone may be far off."""
        first = self._signals[:MIN_REST_PICTURES]
        turned = signal.head_rotation - np.mean([one.head_rotation for one in first], axis=0)
        moved = signal.head_translation - np.mean([one.head_translation for one in first], axis=0)
        changed = np.abs(row - np.mean(self._rows[:MIN_REST_PICTURES], axis=0))[_WATCHED]
        return bool(np.linalg.norm(turned) > TURNED_RAD or np.linalg.norm(moved) > MOVED_M or changed.max() > CHANGED)


def measure_rest(signals: list[Signal], rows: list[Array]) -> RestMeasurement:
    """What these pictures of a face at rest say; blinks do not count."""
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
    """[52] the standard deviation of each weight in rows [n,52], without its steady drift."""
    times = np.arange(len(rows)) - (len(rows) - 1) / 2.0
    slope = times @ (rows - rows.mean(axis=0)) / max(float(times @ times), 1.0)
    return np.asarray((rows - np.outer(times, slope)).std(axis=0), np.float32)


def _median(rows: list[Array]) -> Array:
    return np.asarray(np.median(rows, axis=0), np.float32)
