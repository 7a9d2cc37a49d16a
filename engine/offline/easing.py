"""Eases: how a change gets from its beginning to its end, without a pop where it sets out or arrives."""

from __future__ import annotations

import difflib
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from .script import RenderError

Wide = NDArray[np.float64]
Ease = Literal["in-out", "in", "out", "linear", "smooth", "cut"]
EASES: tuple[Ease, ...] = get_args(Ease)
USUAL: Ease = "in-out"

# Where the speed is greatest, as a share of the time: an "in" gathers speed for long and brakes at the end.
_PEAK = {"in-out": 0.5, "in": 0.8, "out": 0.2}
_ROUND_S, _ROUND_MOST = 0.1, 0.25  # at either end of a "linear" change: seconds, and no more than this share of it


def ease_of(word: object) -> Ease:
    """The ease of this name; RenderError says which there are."""
    for ease in EASES:
        if word == ease:
            return ease
    near = difflib.get_close_matches(str(word), EASES, 1)
    hint = f' (did you mean "{near[0]}"?)' if near else ""
    raise RenderError(f'no ease is called "{word}"{hint}: there are {", ".join(EASES)}')


def eased(ease: Ease, part: Wide, seconds: float) -> Wide:
    """How far a change has come, 0 to 1 and never back, at each `part` 0 to 1 of its `seconds`.

    All but "cut" set out and arrive with no speed, and all but "smooth" with no acceleration either: that is a cubic,
    which in a chain of keys flows through them (`Track`).
    """
    if ease == "cut":
        return np.asarray(part >= 1.0, np.float64)
    inside = np.clip(part, 0.0, 1.0)
    if ease == "linear":
        ramp = min(_ROUND_MOST, _ROUND_S / seconds) if seconds > 0.0 else _ROUND_MOST
        found = _even(inside, ramp)
    elif ease == "smooth":
        found = inside**2 * (3.0 - 2.0 * inside)
    else:
        found = _peaked(inside, _PEAK[ease])
    return np.asarray(np.clip(found, 0.0, 1.0))


def _started(part: Wide) -> Wide:
    """The way made while the speed rises from 0 to 1 as 3x²-2x³; one half at the end."""
    return np.asarray(part**3 * (1.0 - 0.5 * part))


def _peaked(part: Wide, peak: float) -> Wide:
    """Faster until `peak`, slower from there; the speed there is 2 whatever `peak` is, so nothing jumps."""
    rising = 2.0 * peak * _started(np.minimum(part / peak, 1.0))
    falling = 1.0 - 2.0 * (1.0 - peak) * _started(np.minimum((1.0 - part) / (1.0 - peak), 1.0))
    return np.where(part < peak, rising, falling)


def _even(part: Wide, ramp: float) -> Wide:
    """One speed but for a ramp at either end."""
    speed = 1.0 / (1.0 - ramp)
    rising = speed * ramp * _started(np.minimum(part / ramp, 1.0))
    falling = 1.0 - speed * ramp * _started(np.minimum((1.0 - part) / ramp, 1.0))
    between = speed * (part - 0.5 * ramp)
    return np.where(part < ramp, rising, np.where(part > 1.0 - ramp, falling, between))
