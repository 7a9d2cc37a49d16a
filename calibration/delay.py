"""How much later than its sound a picture comes: the rises of the sound against the opening of the mouth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.bridge.errors import OmoteError

Numbers = NDArray[np.float64]

RATE = 1000  # numbers a second in which both are compared: the lag comes in milliseconds
SMOOTH_S = 0.03  # a picture at 30 a second says nothing finer
MIN_LAG_S, MAX_LAG_S = -0.3, 0.9  # picture after sound; who speaks evenly once a second finds one lag in it
SEARCH_S = 0.12  # one syllable's own lag is looked for so far around that of all
MIN_ONSET_GAP_S = 0.2  # between two syllables
ONSET_THRESHOLD = 0.3  # of the strongest rise: less is no syllable
MIN_SYLLABLES = 6
HOLD_S = 0.15  # a sound that fades must not draw its own beginning forward
MIN_AGREEMENT = 0.7  # correlation; eight syllables and another's mouth come to 0.6 by chance
MIN_DURATION_S = 3.0
AGREEING_S = 0.06  # a syllable whose lag is so near to that of all agrees with it
MIN_AGREEING_SHARE = 0.75  # of the syllables


class DelayError(OmoteError, ValueError):
    """No delay could be found; the message says why and the cure."""


@dataclass(frozen=True)
class TimeSeries:
    """Something that goes up and down in time."""

    time_s: Numbers  # [n] never back
    value: Numbers  # [n]


@dataclass(frozen=True)
class Delay:
    """What was found."""

    lag_ms: float  # by which the picture comes after the sound; below 0 before it
    spread_ms: float  # half of the syllables are within this of it
    syllables: int  # that agree
    agreement: float  # correlation at this lag, to 1


def delay(sound: TimeSeries, mouth: TimeSeries) -> Delay:
    """The lag of a mouth's opening behind the sound's rises; DelayError where they have nothing in common.

    Both begin at the same moment of their recording: its second 0. Say "pa" several times, not too evenly.
    """
    length_s = min(sound.time_s[-1], mouth.time_s[-1]) if len(sound.time_s) and len(mouth.time_s) else 0.0
    if length_s < MIN_DURATION_S:
        raise DelayError(
            f'the recording has {length_s:.1f} s of sound and face: say "pa" for {MIN_DURATION_S:.0f} s or more'
        )
    heard, seen = rises(sound, length_s), rises(mouth, length_s)
    lags = np.arange(round(MIN_LAG_S * RATE), round(MAX_LAG_S * RATE) + 1)
    together = np.array([_at(heard, seen, int(lag)) for lag in lags])
    best = int(np.argmax(together))
    syllables = onsets(heard)
    own = np.array([_own_lag(heard, seen, at, int(lags[best])) for at in syllables])
    alike = own[np.abs(own - lags[best]) < AGREEING_S * RATE]
    if len(syllables) < MIN_SYLLABLES:
        raise DelayError(
            f'{len(syllables)} syllables were heard: say "pa" {MIN_SYLLABLES} times or more, near the microphone'
        )
    is_edge = best in (0, len(lags) - 1)
    if together[best] < MIN_AGREEMENT or len(alike) < MIN_AGREEING_SHARE * len(own) or is_edge:
        raise DelayError(
            f"no agreement between sound and mouth ({together[best]:.2f}, wanted {MIN_AGREEMENT}; {len(alike)} of "
            f'{len(own)} syllables alike): record one face that says "pa" and nothing else, and your own microphone'
        )
    middle = float(np.median(alike))
    return Delay(middle, float(np.median(np.abs(alike - middle))), len(alike), float(together[best]))


def rises(track: TimeSeries, length_s: float) -> Numbers:
    """[n] how fast it goes up, at RATE, with a mean square of 1; nothing where it goes down."""
    times_s = np.arange(round(length_s * RATE)) / RATE
    value = np.interp(times_s, track.time_s, track.value)
    up = np.maximum(np.gradient(_smoothed(_rolling_max(value))), 0.0)
    size = float(np.sqrt(np.mean(up**2)))
    return up / size if size > 0.0 else up


def onsets(heard: Numbers) -> list[int]:
    """Where the strong rises of the sound are, at RATE."""
    found: list[int] = []
    for at in np.argsort(-heard):
        if heard[at] < ONSET_THRESHOLD * heard.max() or heard[at] <= 0.0:
            break
        if all(abs(int(at) - other) >= MIN_ONSET_GAP_S * RATE for other in found):
            found.append(int(at))
    return sorted(found)


def _rolling_max(value: Numbers) -> Numbers:
    """The most of the last HOLD_S."""
    length, held = round(HOLD_S * RATE), value
    covered = 1
    while covered < length:
        step = min(covered, length - covered)
        held = np.maximum(held, np.concatenate([np.full(step, held[0]), held[:-step]]))
        covered += step
    return held


def _smoothed(value: Numbers) -> Numbers:
    reach = round(3 * SMOOTH_S * RATE)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (SMOOTH_S * RATE)) ** 2)
    padded = np.pad(value, reach, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def _at(heard: Numbers, seen: Numbers, lag: int) -> float:
    """The correlation where what is seen is taken so much earlier."""
    first, second = (heard[: len(heard) - lag], seen[lag:]) if lag >= 0 else (heard[-lag:], seen[:lag])
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt(np.mean(first**2) * np.mean(second**2)))
    return float(np.mean(first * second)) / size if size > 0.0 else 0.0


def _own_lag(heard: Numbers, seen: Numbers, at: int, around: int) -> float:
    """The lag of one syllable alone, near that of all."""
    half, near = round(0.5 * MIN_ONSET_GAP_S * RATE), round(SEARCH_S * RATE)
    begin, end = max(at - half, 0), min(at + half, len(heard))
    scores = []
    lags = range(around - near, around + near + 1)
    for lag in lags:
        first, last = begin + lag, end + lag
        is_inside = first >= 0 and last <= len(seen)
        scores.append(float(heard[begin:end] @ seen[first:last]) if is_inside else 0.0)
    return float(lags[int(np.argmax(scores))]) if max(scores) > 0.0 else np.inf
