"""Reads a whole take or video and resamples its faces to the frame rate of the animation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Protocol, runtime_checkable

import numpy as np

from ..capture.source import EndOfSource, Source
from ..capture.take_files import rate_of
from ..data import Actor, Array, FlameParams, Signal
from ..face.lipsync import HearVoice, VoiceMixer
from ..face.presence import HOLD_S, Presence, PresentedFace
from ..face.retarget import retarget
from .animation import Animation, Float64Array, RenderError, Sound, single_character_animation
from .consistency import noise_levels, noisy_columns, stabilize
from .face_limits import NECK, faces_from_rows, rows_from_faces
from .keyframes import cubic_between, monotone_velocities

_READ_TIMEOUT_S = 1.0
_DEFAULT_FPS = 30.0  # of a source of one picture that does not know its rate
_GAP_FRAMES = 2.5  # missing pictures after which the performer counts as gone
_PEAK_S = 0.25  # longest time from a peak to its foot, on each side, for it to count as a pulse
_MIN_PEAK = 5.0  # height of a pulse on both sides, in standard deviations of a tracker's noise
_ON_GRID = 0.25  # largest distance of a time from an even grid, in frames
_EPSILON = 1e-12


@runtime_checkable
class HasFrameRate(Protocol):
    """A source that knows its frame rate."""

    @property
    def fps(self) -> float: ...


@runtime_checkable
class HasStartTime(Protocol):
    """A source that knows, once it is read, the time of its first picture in the recording."""

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
    on_progress: Callable[[int], None] = lambda read: None,
    consistency: bool = True,
    voice: HearVoice | None = None,
) -> Animation:
    """The performance of this actor in a take or a video (opened offline), shown by one character in one light [27].

    It has the performance's own frame rate, or `fps`, and the same duration either way. It begins with the first
    picture of the chosen part, and so does the `sound`. `on_progress` gets the number of pictures read. A lost face is
    held, eased to rest and moves idly, as live. With `consistency` the faces are stabilized by those before and after
    them, without delay; without it each face is as the tracker saw it. A `voice`, by the time since the first picture,
    moves the mouth, and needs no face. RenderError if there is no picture, or no face
    in any of them; SourceError if one cannot be read.
    """
    with source:
        tracked = _read_all(source, actor, on_progress)
        rate = exact_fps(_fps(source, tracked.times_s))
        if sound and isinstance(source, HasStartTime):
            sound = replace(sound, start_s=source.first_s)
    if not tracked.times_s:
        raise RenderError(f"there is no picture in {source.name}: wanted a performance of one picture at least")
    if not tracked.faces and voice is None:
        raise RenderError(
            f"no face was seen in the {len(tracked.times_s)} pictures of {source.name}: wanted a face that looks into "
            "the camera, lit from the front and at least a fifth of the picture high"
        )
    faces = np.array(tracked.faces)
    if consistency and tracked.faces:
        times_s = np.array(tracked.times_s)[np.array(tracked.is_face)]
        faces = stabilize(faces, times_s=times_s, confidence=np.array(tracked.confidence, np.float32))
    presented = list(_present(tracked, faces, rate, voice or (lambda time_ns: None)))
    presented_s = np.array([time_s for time_s, _ in presented])
    all_faces = np.stack([face.params.vector() for _, face in presented])
    presence = np.array([face.presence for _, face in presented], np.float32)
    seconds = float(presented_s[-1]) + float(1 / rate)
    all_faces, presence = resample(all_faces, presence, presented_s, seconds, fps or rate)
    return replace(single_character_animation(fps or rate, all_faces, light, character, presence), sound=sound)


@dataclass
class _Tracked:
    """All pictures that were read, and their faces."""

    times_s: list[float] = field(default_factory=list)  # since the first picture
    is_face: list[bool] = field(default_factory=list)
    faces: list[Array] = field(default_factory=list)  # [67] of each picture with a face
    confidence: list[float] = field(default_factory=list)  # of the same pictures

    def add(self, signal: Signal, time_s: float, actor: Actor) -> None:
        self.times_s.append(time_s)
        self.is_face.append(signal.is_tracked)
        if signal.is_tracked:
            self.faces.append(retarget(signal, actor).vector())
            self.confidence.append(signal.confidence)


def _read_all(source: Source, actor: Actor, on_progress: Callable[[int], None]) -> _Tracked:
    tracked, start_ns = _Tracked(), 0
    while True:
        try:
            signal = source.read(_READ_TIMEOUT_S)
        except EndOfSource:
            return tracked
        if signal is None:
            continue
        if not tracked.times_s:
            start_ns = signal.stamp.captured_ns
        tracked.add(signal, (signal.stamp.captured_ns - start_ns) / 1e9, actor)
        on_progress(len(tracked.times_s))


def _fps(source: Source, times_s: list[float]) -> float:
    """The frame rate that the source knows, else that of its pictures."""
    if isinstance(source, HasFrameRate) and source.fps > 0.0:
        return source.fps
    return rate_of(np.diff(times_s)) or _DEFAULT_FPS


def _present(
    tracked: _Tracked, faces: Array, rate: Fraction, voice: HearVoice
) -> Iterator[tuple[float, PresentedFace]]:
    """Times and presented faces: `faces` in place of the tracked ones, and idle ones where pictures are missing."""
    presence, mixer, rows = Presence(), VoiceMixer(), iter(faces)

    def spoken(face: PresentedFace, now_ns: int) -> PresentedFace:
        return mixer.mix(face, voice(now_ns))[0]

    step_s = float(1 / rate)
    before_s = 0.0
    for time_s, is_face in zip(tracked.times_s, tracked.is_face, strict=True):
        if time_s - before_s > max(HOLD_S, _GAP_FRAMES * step_s):
            for missing_s in np.arange(before_s + step_s, time_s - step_s / 2.0, step_s):
                missing_ns = round(float(missing_s) * 1e9)
                yield float(missing_s), spoken(presence.wait(missing_ns), missing_ns)
        now_ns, before_s = round(time_s * 1e9), time_s
        face = presence.follow(FlameParams.from_vector(next(rows)), now_ns) if is_face else presence.wait(now_ns)
        yield time_s, spoken(face, now_ns)


# Frame rates.


def exact_fps(fps: float) -> Fraction:
    """The frame rate that a float stands for: 29.97 is 30000/1001, and 30 is 30."""
    for exact in (Fraction(round(fps)), Fraction(round(fps * 1.001) * 1000, 1001)):
        if exact > 0 and abs(float(exact) - fps) < 2e-4 * fps:
            return exact
    return Fraction(fps).limit_denominator(1001)


def resample(
    faces: Array, presence: Array, times_s: Float64Array, seconds: float, fps: Fraction
) -> tuple[Array, Array]:
    """Faces [m,67] and presence [m] at `fps`, from those [n,67] and [n] at `times_s` [n], which begin at 0 and rise.

    The result lasts `seconds`; after the last face it stays at that face. Each parameter follows a monotone cubic: its
    velocity does not jump, and it never leaves the two values around it. The head turns the short way round. A pulse,
    which comes and goes within half a second, keeps its height: the picture nearest to its peak shows the peak. If two
    opposite peaks fall into one picture, it shows the higher one. Faces that are on the grid already stay as they are.
    """
    count = max(round(seconds * fps), 1)
    if count == len(times_s) and (np.abs(times_s * float(fps) - np.arange(count)) < _ON_GRID).all():
        return faces, presence
    is_last = np.r_[np.diff(times_s) > _EPSILON, True]  # of two faces at the same time the later one counts
    from_s, rows = times_s[is_last], rows_from_faces(faces[is_last])
    to_s = np.clip(np.arange(count) / float(fps), from_s[0], from_s[-1])
    turns = to_quaternions(rows[:, NECK])
    others = np.column_stack([np.delete(rows, NECK, axis=1), presence[is_last].astype(np.float64)])
    resampled = _interpolate(from_s, others, to_s)
    if len(from_s) > 1:
        min_height = np.delete(_MIN_PEAK * noise_levels(), NECK)
        for column in np.flatnonzero(np.isin(np.delete(np.arange(rows.shape[1]), NECK), noisy_columns())):
            _keep_peaks(resampled[:, column], from_s, others[:, column], fps, float(min_height[column]))
    neck = _to_rotation_vectors(_interpolate(from_s, turns, to_s))
    found = np.insert(resampled[:, :-1], [NECK.start] * 3, neck, axis=1)
    return faces_from_rows(found), resampled[:, -1].astype(np.float32)


def _interpolate(times_s: Float64Array, rows: Float64Array, at_s: Float64Array) -> Float64Array:
    """[m,k] the monotone cubic through rows [n,k] at rising times [n], evaluated at times [m] within them."""
    if len(times_s) == 1:
        return np.repeat(rows, len(at_s), axis=0)
    step_s = np.diff(times_s)[:, None]
    velocity = monotone_velocities(times_s, rows)
    left = np.clip(np.searchsorted(times_s, at_s, side="right") - 1, 0, len(step_s) - 1)
    wide = step_s[left]
    share = (at_s - times_s[left])[:, None] / wide
    return cubic_between(share, rows[left], rows[left + 1], wide * velocity[left], wide * velocity[left + 1])


def _keep_peaks(
    resampled: Float64Array, times_s: Float64Array, values: Float64Array, fps: Fraction, min_height: float
) -> None:
    """Puts the peak of each pulse of `values` [n] into the nearest picture of `resampled` [m]."""
    height = _pulse_heights(values, max(round(_PEAK_S / float(np.median(np.diff(times_s)))), 1))
    highest = np.zeros(len(resampled))
    for peak in np.flatnonzero(height >= min_height):
        index = min(round(times_s[peak] * float(fps)), len(resampled) - 1)
        if height[peak] > highest[index]:
            highest[index], resampled[index] = height[peak], values[peak]


def _pulse_heights(values: Float64Array, reach: int) -> Float64Array:
    """[n] how far each peak or trough stands out from the nearer level on its two sides; 0 for all other values."""
    padded = np.pad(values, reach, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, reach + 1)
    before, after = windows[: len(values)], windows[reach:]
    top = values - np.maximum(before.min(1), after.min(1))
    bottom = np.minimum(before.max(1), after.max(1)) - values
    is_top = values >= np.maximum(before.max(1), after.max(1))
    is_bottom = values <= np.minimum(before.min(1), after.min(1))
    return np.where(is_top, top, np.where(is_bottom, bottom, 0.0))


def to_quaternions(vectors: Float64Array) -> Float64Array:
    """[n,4] w, x, y, z of rotation vectors [n,3], each with the sign that is nearer to the one before."""
    angle = np.linalg.norm(vectors, axis=1, keepdims=True)
    found = np.column_stack([np.cos(angle / 2.0), vectors * 0.5 * np.sinc(angle / (2.0 * np.pi))])
    signs = np.r_[1.0, np.where((found[1:] * found[:-1]).sum(1) < 0.0, -1.0, 1.0)]
    return np.asarray(found * np.cumprod(signs)[:, None])


def _to_rotation_vectors(quaternions: Float64Array) -> Float64Array:
    """[n,3] of quaternions [n,4] of any length above 0; the angles are at most half a turn."""
    upper = quaternions * np.where(quaternions[:, :1] < 0.0, -1.0, 1.0)
    length = np.linalg.norm(upper[:, 1:], axis=1, keepdims=True)
    angle = 2.0 * np.arctan2(length, upper[:, :1])
    norm = np.linalg.norm(upper, axis=1, keepdims=True)
    return np.asarray(upper[:, 1:] * np.where(length > _EPSILON, angle / np.maximum(length, _EPSILON), 2.0 / norm))
