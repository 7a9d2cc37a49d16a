"""A face at rest: waits until it is held still for long enough, and measures it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.face.retarget import seen_weights
from omote.engine.nouns import Actor, Array, Signal

REST_S = 1.5
TOLD_S = 0.5  # for so long it stays said what was wrong
LEAST_PICTURES = 8  # of fewer, nobody knows how much they tremble
TURNED_RAD = np.radians(4.0)  # a head that is still turns by less
MOVED_M = 0.02
CHANGED = 0.2  # a weight of a still face changes by less; the noise of a tracker does not reach it
ASIDE_RAD = np.radians(35.0)  # from there on a tracker sees half a face
BLINK = 0.2  # above the usual opening of the eyes
SHUT = 0.8
BLINK_S = 0.4  # eyes that are shut for longer have not blinked

_WATCHED = [arkit.INDEX[name] for name in arkit.NAMES if name.startswith(("jaw", "mouthSmile", "mouthPucker", "brow"))]
_LIDS = [arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]]
_JAW = arkit.INDEX["jawOpen"]
OPEN_JAW = 0.4


@dataclass(frozen=True)
class Still:
    """A face at rest, measured."""

    weights: Array  # [52] the median: a twitch does not count
    jitter: Array  # [52] standard deviation, without what drifts steadily
    rotation: Array  # [3]
    translation: Array  # [3]
    signals: tuple[Signal, ...] = field(repr=False)  # of which it was measured, blinks left out


class Resting:
    """One attempt to hold still."""

    def __init__(self) -> None:
        self.found: Still | None = None
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
        if self._held_s >= TOLD_S:
            self.remark = ""
        self._signals.append(signal)
        self._rows.append(row)
        if self._held_s >= REST_S and len(self._rows) >= LEAST_PICTURES:
            self.found = measured(self._signals, self._rows)

    def _wrong(self, signal: Signal, row: Array) -> str:
        pitch, yaw = Actor(neutral_rotation=signal.head_rotation).camera_angle
        if max(abs(pitch), abs(yaw)) > ASIDE_RAD:
            return "The camera sees you too much from one side: turn to it, or move it nearer to where you look."
        if self._shut_s > BLINK_S:
            return "Open your eyes."
        if row[_JAW] > OPEN_JAW:
            return "Close your mouth."
        return "Keep still." if self._rows and self._is_moved(signal, row) else ""

    def _is_moved(self, signal: Signal, row: Array) -> bool:
        """Against the first pictures, of which some are averaged: one of them alone may be far off."""
        first = self._signals[:LEAST_PICTURES]
        turned = signal.head_rotation - np.mean([one.head_rotation for one in first], axis=0)
        moved = signal.head_translation - np.mean([one.head_translation for one in first], axis=0)
        changed = np.abs(row - np.mean(self._rows[:LEAST_PICTURES], axis=0))[_WATCHED]
        return bool(np.linalg.norm(turned) > TURNED_RAD or np.linalg.norm(moved) > MOVED_M or changed.max() > CHANGED)


def measured(signals: list[Signal], rows: list[Array]) -> Still:
    """What these pictures of a face at rest say; blinks do not count."""
    table = np.array(rows, np.float64)
    lids = table[:, _LIDS].max(axis=1)
    is_open = lids <= np.median(lids) + BLINK  # true of half of them at least
    return Still(
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
