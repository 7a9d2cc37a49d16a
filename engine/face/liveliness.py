"""Small motion that keeps a tracked portrait alive: breath, sway, glances, and blinks that the tracker reads badly."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..data import Array, FlameParams
from .presence import BLINK_S, BREATH_M, BREATH_PERIOD_S, BREATH_RAD, smoothstep
from .tuning import Ramp, Tuning

SWAY_RAD = (0.006, 0.014, 0.009)  # of the head about x, y and z at strength 1
_SWAY_PERIODS_S = (7.3, 11.9)  # no common multiple that anybody would notice
GLANCE_RAD = (0.02, 0.045)  # farthest glance up or down and aside at strength 1
GLANCE_S = 0.06  # a glance takes so long
_GLANCE_PERIOD_S = 1.1  # on average
_GOLDEN = 0.618034  # its multiples, modulo 1, have no rhythm
NO_BLINK_S = 6.0  # after this time without a blink the portrait makes one
_CLOSED = 0.6  # from here on lids count as a blink
_LIDS_FROM, _LIDS_TO = 0.3, 0.65  # lids that are read between these are closed by the help


@dataclass(frozen=True, eq=False)
class Life:
    """Motion that is added to a face after it was stabilized, since it is smaller than a tracker's noise."""

    turn: Array  # [3] added to the head's rotation vector
    gaze: Array  # [2] pitch and yaw, added to both eyes
    shift: Array  # [3] metres

    def added_to(self, params: FlameParams) -> FlameParams:
        """The face with this motion."""
        eyes = params.eye_pose.copy()
        eyes[:, :2] += self.gaze
        return replace(
            params, neck_pose=params.neck_pose + self.turn, eye_pose=eyes, translation=params.translation + self.shift
        )


STILL_LIFE = Life(np.zeros(3, np.float32), np.zeros(2, np.float32), np.zeros(3, np.float32))


def life_at(time_s: float, breath: float, sway: float, glances: float) -> Life:
    """The motion at this time, scaled by these strengths: 1 is usual, 0 none. A function of its arguments."""
    breathing = breath * math.sin(2.0 * math.pi * time_s / BREATH_PERIOD_S)
    slow, slower = (2.0 * math.pi * time_s / period_s for period_s in _SWAY_PERIODS_S)
    waves = np.array([math.sin(slow + 1.0), math.sin(slower), math.sin(slow) * math.cos(0.5 * slower)])
    turn = sway * np.array(SWAY_RAD) * waves
    turn[0] += BREATH_RAD * breathing
    gaze = glances * np.array(GLANCE_RAD) * _glance(time_s)
    shift = np.array([0.0, BREATH_M * breathing, 0.0])
    return Life(turn.astype(np.float32), gaze.astype(np.float32), shift.astype(np.float32))


def _glance(time_s: float) -> NDArray[np.float64]:
    """[2] where the eyes rest, -1 to 1: they jump from one place to the next at uneven times."""
    count = math.floor(time_s / _GLANCE_PERIOD_S)
    starts_s = (count + 0.8 * ((count * _GOLDEN) % 1.0)) * _GLANCE_PERIOD_S
    if time_s < starts_s:
        count -= 1
        starts_s = (count + 0.8 * ((count * _GOLDEN) % 1.0)) * _GLANCE_PERIOD_S
    share = smoothstep(min((time_s - starts_s) / GLANCE_S, 1.0))
    return (1.0 - share) * _resting_place(count - 1) + share * _resting_place(count)


def _resting_place(count: int) -> NDArray[np.float64]:
    """[2] in -1 to 1; every third is straight ahead."""
    if count % 3 == 0:
        return np.zeros(2)
    return np.array([2.0 * ((count * _GOLDEN * 0.7) % 1.0) - 1.0, 2.0 * ((count * _GOLDEN * 1.3) % 1.0) - 1.0])


class BlinkHelp:
    """Closes lids fully that are read as half closed, and blinks where no blink was read for long."""

    def __init__(self) -> None:
        self._blinked_ns: int | None = None  # when the lids were last closed; None before the first face

    def helped(self, params: FlameParams, strength: float, now_ns: int) -> FlameParams:
        """The face with better blinks, as far as `strength` (0 to 1) says; the same object at 0."""
        if strength <= 0.0:
            self._blinked_ns = None
            return params
        lids = params.eyelids
        share = np.clip((lids - _LIDS_FROM) / (_LIDS_TO - _LIDS_FROM), 0.0, 1.0)
        lids = np.maximum(lids, share * share * (3.0 - 2.0 * share))
        if self._blinked_ns is None or now_ns < self._blinked_ns or lids.min() > _CLOSED:
            self._blinked_ns = now_ns
        over_s = (now_ns - self._blinked_ns) / 1e9 - NO_BLINK_S
        if over_s >= BLINK_S:
            self._blinked_ns = now_ns
        elif over_s > 0.0:
            lids = np.maximum(lids, math.sin(math.pi * over_s / BLINK_S) ** 2)
        mixed = params.eyelids + min(strength, 1.0) * (lids - params.eyelids)
        return replace(params, eyelids=np.asarray(mixed, np.float32))


class Liveliness:
    """The motion and the blinks of one performance. `tune` may be called from any thread."""

    def __init__(self, tuning: Tuning) -> None:
        self._strengths = Ramp(_strengths(tuning))
        self._blinks = BlinkHelp()

    def tune(self, tuning: Tuning) -> None:
        self._strengths.set_target(_strengths(tuning))

    def blinking(self, params: FlameParams, now_ns: int) -> FlameParams:
        """The tracked face with better blinks; the same object without that help."""
        return self._blinks.helped(params, float(self._strengths.at(now_ns)[3]), now_ns)

    def life(self, now_ns: int, presence: float) -> Life | None:
        """The motion now, less where the portrait idles, which moves by itself; None if there is none."""
        breath, sway, glances, _ = (float(one) for one in presence * self._strengths.at(now_ns))
        return life_at(now_ns / 1e9, breath, sway, glances) if breath or sway or glances else None


def _strengths(tuning: Tuning) -> NDArray[np.float64]:
    return np.array([tuning.breath, tuning.sway, tuning.glances, tuning.blink_help])
