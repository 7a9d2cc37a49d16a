"""What `omote render` draws: transitions, timelines, and performances from takes or videos."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from omote.calibration.actor_file import ActorError, find_actor
from omote.engine.capture.source import Playback, Source
from omote.engine.capture.sources import VIDEO_SUFFIXES, open_source, recording_length
from omote.engine.data import Actor, Array
from omote.engine.face.light import LIGHT_PRESETS, studio_light
from omote.engine.offline.animation import FACE_SIZE, Animation, RenderError, Sound, single_character_animation
from omote.engine.offline.face_parser import parse_face
from omote.engine.offline.keyframes import Ease
from omote.engine.offline.performance import exact_fps, read_performance
from omote.engine.offline.timeline import read_timeline, transition
from omote.engine.offline.writers.video import embedded_sound

from ..app.config import Config

# Begins a phase of so many pictures, if that is known, and returns what is told how many are done.
Phase = Callable[[str, int | None], Callable[[int], None]]
STUDIO = "studio"
LIGHTS = (STUDIO, *LIGHT_PRESETS)
DEFAULT_FPS = Fraction(30)  # of what has no rate of its own
_MAX_HASHED_BYTES = 64_000_000  # bytes of a file that are read to know it again; a larger one is known by its time


class Piece(Protocol):
    """One thing to be rendered."""

    is_costly: bool  # whether its script takes so long that it is kept

    @property
    def shown(self) -> Appearance: ...

    def facts(self) -> dict[str, str]:
        """All that decides its script, in words by their names for people."""
        ...

    def draft(self) -> Animation:
        """As far as it is known without much work: the cast, the sound, and about how long it is."""
        ...

    def script(self, phase: Phase) -> Animation:
        """What is shown."""
        ...


@dataclass(frozen=True)
class Appearance:
    """What is true of every piece, as it was typed; None leaves it to the piece."""

    character: str | None
    fps: Fraction | None
    light: str | None
    seed: int | None
    audio: Path | None
    consistency: bool = True  # whether faces and pictures are steadied by those before and after them

    @property
    def harmonics(self) -> Array | None:
        """[27] the light that was chosen."""
        if self.light is None:
            return None
        return studio_light() if self.light == STUDIO else LIGHT_PRESETS[self.light].setting.harmonics()

    def facts(self) -> dict[str, str]:
        alone = None if self.consistency else "frame by frame"
        said = {"character": self.character, "fps": self.fps, "light": self.light, "seed": self.seed}
        said |= {"consistency": alone}
        return {name: f"{value}" for name, value in said.items() if value is not None} | source_fact(
            "audio", self.audio
        )


@dataclass(frozen=True)
class TransitionPiece:
    """From one face to another."""

    first: str
    last: str
    seconds: float
    ease: Ease
    hold_s: float
    is_there_and_back: bool
    character: str
    shown: Appearance
    is_costly = False

    def facts(self) -> dict[str, str]:
        said = {"from": self.first, "to": self.last, "seconds": f"{self.seconds:g}", "ease": self.ease}
        back = {"there and back": "yes" if self.is_there_and_back else "no"}
        return {**said, "hold": f"{self.hold_s:g}", **back, "character": self.character, **self.shown.facts()}

    def draft(self) -> Animation:
        light = self.shown.harmonics
        script = transition(
            parse_face(self.first),
            parse_face(self.last),
            self.seconds,
            ease=self.ease,
            hold_s=self.hold_s,
            is_there_and_back=self.is_there_and_back,
            fps=self.shown.fps or DEFAULT_FPS,
            light=studio_light() if light is None else light,
            character=self.character,
            seed=self.shown.seed,
        )
        return _sound_of(script, self.shown.audio)

    def script(self, phase: Phase) -> Animation:
        return self.draft()


@dataclass(frozen=True)
class TimelinePiece:
    """A timeline."""

    file: Path
    shown: Appearance
    is_costly = False

    def facts(self) -> dict[str, str]:
        return {**source_fact("timeline", self.file), **self.shown.facts()}

    def draft(self) -> Animation:
        shown = self.shown
        script = read_timeline(self.file).script(
            fps=shown.fps, character=shown.character, light=shown.harmonics, seed=shown.seed
        )
        return _sound_of(script, shown.audio)

    def script(self, phase: Phase) -> Animation:
        return self.draft()


def _sound_of(script: Animation, audio: Path | None) -> Animation:
    return script if audio is None else replace(script, sound=Sound(audio))


def source_fact(name: str, file: Path | None) -> dict[str, str]:
    """As a fact of this name: a file by its place and by what is in it, or when that was written."""
    if file is None:
        return {}
    try:
        stat = file.stat()
        if stat.st_size <= _MAX_HASHED_BYTES:
            seal = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        else:
            seal = f"{stat.st_size} bytes of {stat.st_mtime_ns}"
    except OSError as error:
        raise RenderError(f"{file} cannot be read ({error.strerror or error}): name a file that is there") from error
    return {name: f"{file.resolve()} ({seal})"}


NO_ACTOR = ""  # as the actor in the settings: what was kept of whoever performs live changes no picture

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PerformancePiece:
    """A take or a video."""

    config: Config  # of which source, character and actor matter
    playback: Playback
    shown: Appearance
    is_heard: bool  # whether a sound goes anywhere
    is_costly = True

    def facts(self) -> dict[str, str]:
        part = self.playback
        source = source_fact("source", self._file) if self._file.is_file() else {"source": self.config.source}
        end = "the end" if part.end_s is None else f"{part.end_s:g}"
        span = {"speed": f"{part.speed:g}", "start": f"{part.start_s:g}", "end": end}
        who = {"actor": self.config.actor or "nobody", "character": self.config.character}
        return {**source, **span, **who, **self.shown.facts()}

    def draft(self) -> Animation:
        _ = self._actor  # what is damaged is told now
        seconds, own_fps = self._length
        fps = self.shown.fps or exact_fps(own_fps)
        count = max(round(seconds * fps), 1)
        script = single_character_animation(
            fps, np.zeros((count, FACE_SIZE), np.float32), studio_light(), self.config.character
        )
        return replace(script, sound=self._sound)

    def script(self, phase: Phase) -> Animation:
        light, (seconds, own_fps) = self.shown.harmonics, self._length
        count = round(seconds * own_fps)  # 1 where the file does not say how long it is, as a browser's recordings
        return read_performance(
            self._source(),
            self._actor,
            studio_light() if light is None else light,
            self.config.character,
            fps=self.shown.fps,
            sound=self._sound,
            consistency=self.shown.consistency,
            tell=phase("tracking", count if count > 1 else None),
        )

    def _source(self) -> Source:
        return open_source(self.config.source, is_offline=True, playback=self.playback)

    @cached_property
    def _length(self) -> tuple[float, float]:
        """Seconds and pictures a second, as far as the file says so."""
        return recording_length(self.config.source, self.playback)

    @cached_property
    def _actor(self) -> Actor:
        return load_performer(self.config, self._source().name)

    @property
    def _file(self) -> Path:
        return Path(self.config.source).expanduser()

    @cached_property
    def _sound(self) -> Sound | None:
        """What was typed, else the video's own."""
        part, audio = self.playback, self.shown.audio
        if audio is not None:
            return Sound(audio, part.start_s)
        if not self.is_heard or self._file.suffix.lower() not in VIDEO_SUFFIXES:
            return None
        own = embedded_sound(self._file, part.start_s)
        if own and part.speed != 1.0:
            log.info("%s is played at %g times its speed: its sound is left out", self._file.name, part.speed)
            return None
        return own


def load_performer(config: Config, source_name: str) -> Actor:
    """Who was calibrated with this source, where somebody is named; as the tracker says where nobody is.

    RenderError where what is kept is damaged.
    """
    name = config.actor
    if name == NO_ACTOR:
        return Actor()
    try:
        kept = find_actor(name, source_name)
    except ActorError as error:
        raise RenderError(str(error)) from error
    if kept is None:
        log.warning(
            "%s is drawn as the tracker says: run omote calibrate --source %s --actor %s", name, config.source, name
        )
        return Actor(name)
    return kept.actor
