"""Faces at other moments than they were seen at: smooth in velocity, never beyond what was seen, no short one lost."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from omote.engine.nouns import Array

from .consistency_heads import NECK, faces_of, head_noise, heads_of, trembling
from .monotone import between, velocities

Numbers = NDArray[np.float64]

PULSE_S = 0.25  # how far on each side of a peak its foot may lie, for it to be one that comes and goes
PULSE = 5.0  # how high it must be on both sides, in standard deviations of a tracker's noise: tremor is no pulse
_ON_GRID = 0.25  # of a picture, by which a moment may be off an even grid and still stand for it
_TINY = 1e-12


def exact_rate(fps: float) -> Fraction:
    """The rate that a float stands for: 29.97 is 30000/1001, and 30 is 30."""
    for exact in (Fraction(round(fps)), Fraction(round(fps * 1.001) * 1000, 1001)):
        if exact > 0 and abs(float(exact) - fps) < 2e-4 * fps:
            return exact
    return Fraction(fps).limit_denominator(1001)


def resampled(faces: Array, presence: Array, times_s: Numbers, seconds: float, fps: Fraction) -> tuple[Array, Array]:
    """Faces [m,67] and presence [m], so many a second, of those [n,67] and [n] that were seen at `times_s` [n].

    Times begin at 0 and do not go back; so many `seconds` are kept, and what comes after the last face is that one.
    Each parameter goes along a monotone cubic (`monotone`): its velocity has no jumps, and it never goes
    beyond the two values between which it is. The head's turn goes the short way round. A pulse, which comes and goes
    within half a second, keeps its height: the picture that is nearest to its peak shows the peak. Two opposite peaks
    that fall into one picture cannot both be shown; the higher one is. What is on the grid already comes back as it is.
    """
    count = max(round(seconds * fps), 1)
    if count == len(times_s) and (np.abs(times_s * float(fps) - np.arange(count)) < _ON_GRID).all():
        return faces, presence
    is_new = np.r_[np.diff(times_s) > _TINY, True]  # of two at the same moment the later one is right
    seen_s, rows = times_s[is_new], heads_of(faces[is_new])
    at_s = np.clip(np.arange(count) / float(fps), seen_s[0], seen_s[-1])
    turns = quaternions(rows[:, NECK])
    others = np.column_stack([np.delete(rows, NECK, axis=1), presence[is_new].astype(np.float64)])
    moved = interpolated(seen_s, others, at_s)
    if len(seen_s) > 1:
        least = np.delete(PULSE * head_noise(), NECK)
        for number in np.flatnonzero(np.isin(np.delete(np.arange(rows.shape[1]), NECK), trembling())):
            _keep_pulses(moved[:, number], seen_s, others[:, number], fps, float(least[number]))
    found = np.insert(moved[:, :-1], [NECK.start] * 3, rotation_vectors(interpolated(seen_s, turns, at_s)), axis=1)
    return faces_of(found), moved[:, -1].astype(np.float32)


def interpolated(times_s: Numbers, rows: Numbers, at_s: Numbers) -> Numbers:
    """[m,k] the monotone cubic through rows [n,k] at rising times, at these moments within them."""
    if len(times_s) == 1:
        return np.repeat(rows, len(at_s), axis=0)
    step_s = np.diff(times_s)[:, None]
    velocity = velocities(times_s, rows)
    left = np.clip(np.searchsorted(times_s, at_s, side="right") - 1, 0, len(step_s) - 1)
    wide = step_s[left]
    share = (at_s - times_s[left])[:, None] / wide
    return between(share, rows[left], rows[left + 1], wide * velocity[left], wide * velocity[left + 1])


def _keep_pulses(shown: Numbers, times_s: Numbers, seen: Numbers, fps: Fraction, least: float) -> None:
    """Puts the peak of each pulse of `seen` [n], so high at least, into the picture of `shown` [m] nearest to it."""
    height = _heights(seen, max(round(PULSE_S / float(np.median(np.diff(times_s)))), 1))
    highest = np.zeros(len(shown))
    for peak in np.flatnonzero(height >= least):
        number = min(round(times_s[peak] * float(fps)), len(shown) - 1)
        if height[peak] > highest[number]:
            highest[number], shown[number] = height[peak], seen[peak]


def _heights(seen: Numbers, reach: int) -> Numbers:
    """[n] how far each peak, or hollow, stands out of the nearer level on its two sides; 0 for all others."""
    padded = np.pad(seen, reach, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, reach + 1)
    before, after = windows[: len(seen)], windows[reach:]
    top = seen - np.maximum(before.min(1), after.min(1))
    bottom = np.minimum(before.max(1), after.max(1)) - seen
    is_top = seen >= np.maximum(before.max(1), after.max(1))
    is_bottom = seen <= np.minimum(before.min(1), after.min(1))
    return np.where(is_top, top, np.where(is_bottom, bottom, 0.0))


def quaternions(vectors: Numbers) -> Numbers:
    """[n,4] w, x, y, z of rotation vectors [n,3], each on the side of the one before it."""
    angle = np.linalg.norm(vectors, axis=1, keepdims=True)
    found = np.column_stack([np.cos(angle / 2.0), vectors * 0.5 * np.sinc(angle / (2.0 * np.pi))])
    flips = np.r_[1.0, np.where((found[1:] * found[:-1]).sum(1) < 0.0, -1.0, 1.0)]
    return np.asarray(found * np.cumprod(flips)[:, None])


def rotation_vectors(turns: Numbers) -> Numbers:
    """[n,3] of quaternions [n,4] of any length above 0, none longer than half a turn."""
    upper = turns * np.where(turns[:, :1] < 0.0, -1.0, 1.0)
    length = np.linalg.norm(upper[:, 1:], axis=1, keepdims=True)
    angle = 2.0 * np.arctan2(length, upper[:, :1])
    whole = np.linalg.norm(upper, axis=1, keepdims=True)
    return np.asarray(upper[:, 1:] * np.where(length > _TINY, angle / np.maximum(length, _TINY), 2.0 / whole))
