"""What is shown without a face: it is held for a moment, eases to rest, idles, and blends back when it returns."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ..data import FlameParams
from ..rotation import blend_rotations
from .tuning import Ramp, Tuning

HOLD_S = 0.5
EASE_S = 1.0
RETURN_S = 0.3  # never longer than the face was away, so that one lost picture does not slow it down
BLINK_PERIOD_S = 4.0
BLINK_S = 0.25
BREATH_PERIOD_S = 4.5
BREATH_RAD = 0.008
BREATH_M = 0.001
_IDLE_RAMP_S = 0.5  # in which blinking and breathing start and stop when the tuning changes
_GOLDEN = 0.618034  # the multiples of it, modulo 1, have no rhythm


class Phase(Enum):
    """The state of the portrait."""

    FOLLOWING = "following"
    HOLDING = "holding"
    EASING = "easing to rest"
    IDLE = "idle"
    RETURNING = "returning"


@dataclass(frozen=True)
class PresentedFace:
    """The face to draw."""

    params: FlameParams
    presence: float  # 1 the performer's face, 0 idle
    phase: Phase


class Presence:
    """Decides what is drawn while there is no face. The caller gives the time, which never goes back.

    A face in the first picture is followed at once; until there is one, the portrait idles.
    """

    def __init__(self, tuning: Tuning | None = None) -> None:
        self._idle_scale = Ramp(_idle_scale(tuning or Tuning()), _IDLE_RAMP_S)
        self._start_ns: int | None = None
        self._now_ns = self._before_ns = 0  # of this call and of the one before
        self._is_lost = True
        self._changed_ns = 0  # when the face was last tracked before it was lost, or last missed before it returned
        self._return_s = 0.0
        self._shown: PresentedFace | None = None  # the last
        self._from = PresentedFace(FlameParams.neutral(), 0.0, Phase.IDLE)  # the last before the face was lost or found

    def tune(self, tuning: Tuning) -> None:
        """Lets the idle portrait blink and breathe, or not; from any thread."""
        self._idle_scale.set_target(_idle_scale(tuning))

    def follow(self, params: FlameParams, now_ns: int) -> PresentedFace:
        """The face to show while there is one with these parameters."""
        self._advance(now_ns)
        if self._is_lost:
            self._change(is_lost=False)
        share = self._since_change_s() / self._return_s if self._return_s > 0.0 else 1.0
        if share >= 1.0:
            return self._show(PresentedFace(params, 1.0, Phase.FOLLOWING))
        return self._show(_blend_faces(self._from, PresentedFace(params, 1.0, Phase.RETURNING), smoothstep(share)))

    def wait(self, now_ns: int) -> PresentedFace:
        """The face to show while there is none."""
        self._advance(now_ns)
        if not self._is_lost:
            self._change(is_lost=True)
        idle = idle_face((self._now_ns - (self._start_ns or 0)) / 1e9, *self._idle_scale.at(self._now_ns))
        if self._shown is None or self._from.phase is Phase.IDLE:
            return self._show(PresentedFace(idle, 0.0, Phase.IDLE))
        lost_s = self._since_change_s()
        if lost_s < HOLD_S:
            return self._show(replace(self._from, phase=Phase.HOLDING))
        share = (lost_s - HOLD_S) / EASE_S
        if share < 1.0:
            return self._show(_blend_faces(self._from, PresentedFace(idle, 0.0, Phase.EASING), smoothstep(share)))
        return self._show(PresentedFace(idle, 0.0, Phase.IDLE))

    def _advance(self, now_ns: int) -> None:
        if self._start_ns is None:
            self._start_ns = self._now_ns = self._changed_ns = now_ns
        self._before_ns, self._now_ns = self._now_ns, max(now_ns, self._now_ns)

    def _change(self, *, is_lost: bool) -> None:
        """The face was lost or found since the last call."""
        away_s = (self._before_ns - self._changed_ns) / 1e9
        self._return_s = 0.0 if is_lost or self._shown is None else min(away_s, RETURN_S)
        self._is_lost, self._changed_ns = is_lost, self._before_ns
        self._from = self._shown or self._from

    def _since_change_s(self) -> float:
        return (self._now_ns - self._changed_ns) / 1e9

    def _show(self, shown: PresentedFace) -> PresentedFace:
        self._shown = shown
        return shown


def _idle_scale(tuning: Tuning) -> NDArray[np.float64]:
    return np.array([tuning.blinks, tuning.breathes], np.float64)


def idle_face(time_s: float, blinks: float = 1.0, breathes: float = 1.0) -> FlameParams:
    """A face at rest that blinks and breathes, scaled by 0 to 1; a function of time that starts with open eyes."""
    breath = breathes * math.sin(2.0 * math.pi * time_s / BREATH_PERIOD_S)
    return replace(
        FlameParams.neutral(),
        neck_pose=np.array([BREATH_RAD * breath, 0.0, 0.0], np.float32),
        eyelids=np.full(2, blinks * _blink(time_s), np.float32),
        translation=np.array([0.0, BREATH_M * breath, 0.0], np.float32),
    )


def _blink(time_s: float) -> float:
    """0 open to 1 closed: one blink in each period, somewhere in its second half."""
    count, into_s = divmod(time_s, BLINK_PERIOD_S)
    at_s = BLINK_PERIOD_S * (0.5 + 0.4 * ((count * _GOLDEN) % 1.0))
    share = (into_s - at_s) / BLINK_S
    return math.sin(math.pi * share) ** 2 if 0.0 < share < 1.0 else 0.0


def smoothstep(share: float) -> float:
    """0 to 1 with a soft start and end."""
    return share * share * (3.0 - 2.0 * share)


def _blend_faces(first: PresentedFace, second: PresentedFace, share: float) -> PresentedFace:
    """The face `share` of the way from the first to the second, in the phase of the second."""
    row = (1.0 - share) * first.params.vector() + share * second.params.vector()
    blended = FlameParams.from_vector(row.astype(np.float32), second.params.basis)
    neck_pose = blend_rotations(first.params.neck_pose, second.params.neck_pose, share)
    presence = (1.0 - share) * first.presence + share * second.presence
    return PresentedFace(replace(blended, neck_pose=neck_pose), presence, second.phase)
