"""A performance, read to its end before the first picture is drawn: tracked once, steadied both ways, at one rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Protocol, runtime_checkable

import numpy as np

from omote.engine.capture.source import EndOfSource, Source
from omote.engine.face.presence import HOLD_S, Presence, Shown
from omote.engine.face.retarget import retarget
from omote.engine.nouns import OPEN_BASIS, Actor, Array, FlameParams, Signal

from .consistency import consistent
from .resampling import exact_rate, resampled
from .script import RenderError, Script, Sound, of_one

_READ_S = 1.0
_WAITS = 2.5  # pictures that are missing before nobody is taken to be there
DEFAULT_FPS = 30.0  # of a source that does not say, and gives one picture only


@runtime_checkable
class Paced(Protocol):
    """A source that knows how many pictures a second it gives."""

    @property
    def fps(self) -> float: ...


@runtime_checkable
class Recorded(Protocol):
    """A source that knows when in its recording the first of its pictures was shown; once that is read."""

    @property
    def first_s(self) -> float: ...


def performed(
    source: Source,
    actor: Actor,
    light: Array,
    character: str,
    *,
    fps: Fraction | None = None,
    sound: Sound | None = None,
    tell: Callable[[int], None] = lambda read: None,
    consistency: bool = True,
) -> Script:
    """All that a take or a video, opened offline, shows of this actor, borne by a character in one light [27].

    It comes at the performance's own rate, or at `fps`, and lasts as long either way. A part of a recording begins with
    its first picture, and so does the `sound`. `tell` is called with how many
    pictures were read. A lost face is held, eased to rest and idles, as live. With `consistency` the faces are steadied
    by those before and after them, and no smoothing delays them; without, each is as it was seen. RenderError where
    there is no picture, or no face in any of them; SourceError where one cannot be read.
    """
    with source:
        seen = _read(source, actor, tell)
        rate = exact_rate(_fps(source, seen.times_s))
        if sound and isinstance(source, Recorded):
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
    all_faces, presence = resampled(all_faces, presence, moments_s, seconds, fps or rate)
    return replace(of_one(fps or rate, all_faces, light, character, presence), sound=sound)


@dataclass
class _Seen:
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


def _read(source: Source, actor: Actor, tell: Callable[[int], None]) -> _Seen:
    """All of an open source."""
    seen, start_ns = _Seen(), 0
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
    if isinstance(source, Paced) and source.fps > 0.0:
        return source.fps
    steps_s = np.diff(times_s)
    return 1.0 / float(np.median(steps_s)) if len(steps_s) and np.median(steps_s) > 0.0 else DEFAULT_FPS


def _present(seen: _Seen, faces: Array, rate: Fraction) -> Iterator[tuple[float, Shown]]:
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
