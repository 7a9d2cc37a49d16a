"""Reads a whole take or video and resamples its faces to the frame rate of the animation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..capture.source import EndOfSource, Source
from ..data import OPEN_BASIS, Actor, Array, FlameParams, Signal
from ..face.presence import HOLD_S, Presence, PresentedFace
from ..face.retarget import retarget
from .animation import Animation, RenderError, Sound, single_character_animation
from .consistency import consistent
from .consistency_heads import NECK, faces_of, head_noise, heads_of, trembling
from .keyframes import cubic_between, monotone_velocities

_READ_S = 1.0
_WAITS = 2.5  # pictures that are missing before nobody is taken to be there
DEFAULT_FPS = 30.0  # of a source that does not say, and gives one picture only


@runtime_checkable
class HasFrameRate(Protocol):
    """A source that knows how many pictures a second it gives."""

    @property
    def fps(self) -> float: ...


@runtime_checkable
class HasStartTime(Protocol):
    """A source that knows when in its recording the first of its pictures was shown; once that is read."""

    @property
    def first_s(self) -> float: ...


def read_performance(
    source: Source,
    actor: Actor,
    light: Array,
    character: str,
    *,
    fps: Fraction | None = None,
    sound: Sound | None = None,
    tell: Callable[[int], None] = lambda read: None,
    consistency: bool = True,
) -> Animation:
    """All that a take or a video, opened offline, shows of this actor, borne by a character in one light [27].

    It comes at the performance's own rate, or at `fps`, and lasts as long either way. A part of a recording begins with
    its first picture, and so does the `sound`. `tell` is called with how many
    pictures were read. A lost face is held, eased to rest and idles, as live. With `consistency` the faces are steadied
    by those before and after them, and no smoothing delays them; without, each is as it was seen. RenderError where
    there is no picture, or no face in any of them; SourceError where one cannot be read.
    """
    with source:
        seen = _read_all(source, actor, tell)
        rate = exact_fps(_fps(source, seen.times_s))
        if sound and isinstance(source, HasStartTime):
            sound = replace(sound, start_s=source.first_s)
    if not seen.times_s:
        raise RenderError(f"there is no picture in {source.name}: wanted a performance of one picture at least")
    if not seen.rows:
        raise RenderError(
            f"no face was seen in the {len(seen.times_s)} pictures of {source.name}: wanted a face that looks into the "
            "camera, lit from the front and at least a fifth of the picture high"
        )
    faces = np.stack(seen.rows)
    if consistency:
        times_s = np.array(seen.times_s)[np.array(seen.is_face)]
        faces = consistent(faces, OPEN_BASIS, times_s=times_s, confidence=np.array(seen.confidence, np.float32))
    shown = list(_present(seen, faces, rate))
    moments_s = np.array([time_s for time_s, _ in shown])
    all_faces = np.stack([one.params.vector() for _, one in shown])
    presence = np.array([one.presence for _, one in shown], np.float32)
    seconds = float(moments_s[-1]) + float(1 / rate)
    all_faces, presence = resample(all_faces, presence, moments_s, seconds, fps or rate)
    return replace(single_character_animation(fps or rate, all_faces, light, character, presence), sound=sound)


@dataclass
class _Tracked:
    """What was read so far."""

    times_s: list[float] = field(default_factory=list)  # since the first picture
    is_face: list[bool] = field(default_factory=list)
    rows: list[Array] = field(default_factory=list)  # [67] of each picture with a face
    confidence: list[float] = field(default_factory=list)  # likewise

    def add(self, signal: Signal, time_s: float, actor: Actor) -> None:
        self.times_s.append(time_s)
        self.is_face.append(signal.is_tracked)
        if signal.is_tracked:
            self.rows.append(retarget(signal, actor).vector())
            self.confidence.append(signal.confidence)


def _read_all(source: Source, actor: Actor, tell: Callable[[int], None]) -> _Tracked:
    """All of an open source."""
    seen, start_ns = _Tracked(), 0
    while True:
        try:
            signal = source.read(_READ_S)
        except EndOfSource:
            return seen
        if signal is None:
            continue
        if not seen.times_s:
            start_ns = signal.stamp.captured_ns
        seen.add(signal, (signal.stamp.captured_ns - start_ns) / 1e9, actor)
        tell(len(seen.times_s))


def _fps(source: Source, times_s: list[float]) -> float:
    """What the source says, else what its pictures say."""
    if isinstance(source, HasFrameRate) and source.fps > 0.0:
        return source.fps
    steps_s = np.diff(times_s)
    return 1.0 / float(np.median(steps_s)) if len(steps_s) and np.median(steps_s) > 0.0 else DEFAULT_FPS


def _present(seen: _Tracked, faces: Array, rate: Fraction) -> Iterator[tuple[float, PresentedFace]]:
    """What is shown at each moment, steadied faces taking the place of those seen; where pictures are missing, too."""
    presence, rows = Presence(), iter(faces)
    step_s = float(1 / rate)
    before_s = 0.0
    for time_s, is_face in zip(seen.times_s, seen.is_face, strict=True):
        if time_s - before_s > max(HOLD_S, _WAITS * step_s):
            for missing_s in np.arange(before_s + step_s, time_s - step_s / 2.0, step_s):
                yield float(missing_s), presence.wait(round(float(missing_s) * 1e9))
        now_ns, before_s = round(time_s * 1e9), time_s
        yield (
            time_s,
            (presence.follow(FlameParams.from_vector(next(rows)), now_ns) if is_face else presence.wait(now_ns)),
        )


Numbers = NDArray[np.float64]

PEAK_S = 0.25  # how far on each side of a peak its foot may lie, for it to be one that comes and goes
PEAK = 5.0  # how high it must be on both sides, in standard deviations of a tracker's noise: tremor is no pulse
_ON_GRID = 0.25  # of a picture, by which a moment may be off an even grid and still stand for it
_TINY = 1e-12


def exact_fps(fps: float) -> Fraction:
    """The rate that a float stands for: 29.97 is 30000/1001, and 30 is 30."""
    for exact in (Fraction(round(fps)), Fraction(round(fps * 1.001) * 1000, 1001)):
        if exact > 0 and abs(float(exact) - fps) < 2e-4 * fps:
            return exact
    return Fraction(fps).limit_denominator(1001)


def resample(faces: Array, presence: Array, times_s: Numbers, seconds: float, fps: Fraction) -> tuple[Array, Array]:
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
    moved = interpolate(seen_s, others, at_s)
    if len(seen_s) > 1:
        least = np.delete(PEAK * head_noise(), NECK)
        for number in np.flatnonzero(np.isin(np.delete(np.arange(rows.shape[1]), NECK), trembling())):
            _keep_peaks(moved[:, number], seen_s, others[:, number], fps, float(least[number]))
    found = np.insert(moved[:, :-1], [NECK.start] * 3, rotation_vectors(interpolate(seen_s, turns, at_s)), axis=1)
    return faces_of(found), moved[:, -1].astype(np.float32)


def interpolate(times_s: Numbers, rows: Numbers, at_s: Numbers) -> Numbers:
    """[m,k] the monotone cubic through rows [n,k] at rising times, at these moments within them."""
    if len(times_s) == 1:
        return np.repeat(rows, len(at_s), axis=0)
    step_s = np.diff(times_s)[:, None]
    velocity = monotone_velocities(times_s, rows)
    left = np.clip(np.searchsorted(times_s, at_s, side="right") - 1, 0, len(step_s) - 1)
    wide = step_s[left]
    share = (at_s - times_s[left])[:, None] / wide
    return cubic_between(share, rows[left], rows[left + 1], wide * velocity[left], wide * velocity[left + 1])


def _keep_peaks(shown: Numbers, times_s: Numbers, seen: Numbers, fps: Fraction, least: float) -> None:
    """Puts the peak of each pulse of `seen` [n], so high at least, into the picture of `shown` [m] nearest to it."""
    height = _heights(seen, max(round(PEAK_S / float(np.median(np.diff(times_s)))), 1))
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
