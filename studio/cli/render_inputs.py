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
from omote.engine.capture.microphone import read_wav
from omote.engine.capture.source import NoCamera, Playback, Source
from omote.engine.capture.sources import VIDEO_SUFFIXES, open_source, recording_length
from omote.engine.capture.voice import VoiceTrack
from omote.engine.data import Actor, Array
from omote.engine.face.light import LIGHT_PRESETS, studio_light
from omote.engine.face.lipsync import Voice
from omote.engine.offline.animation import FACE_SIZE, Animation, RenderError, Sound, single_character_animation
from omote.engine.offline.face_parser import parse_face
from omote.engine.offline.keyframes import Ease
from omote.engine.offline.performance import exact_fps, read_performance
from omote.engine.offline.timeline import read_timeline, transition
from omote.engine.offline.writers.video import embedded_sound
from omote.engine.storage import user_path

from ..app.config import Config

# Starts a phase of so many pictures, if the number is known, and returns what reports the finished ones.
Phase = Callable[[str, int | None], Callable[[int], None]]
STUDIO = "studio"
LIGHTS = (STUDIO, *LIGHT_PRESETS)
DEFAULT_FPS = Fraction(30)  # of content without its own rate
_MAX_HASHED_BYTES = 64_000_000  # a larger file is identified by size and time
NO_SOURCE = "none"  # a voice alone performs
NO_ACTOR = ""  # as the actor in the settings: no calibration is used

log = logging.getLogger(__name__)


class Clip(Protocol):
    """What is rendered: a transition, a timeline or a performance."""

    is_costly: bool  # whether its script takes so long that the job saves it

    @property
    def appearance(self) -> Appearance: ...

    def facts(self) -> dict[str, str]:
        """Everything that decides its animation, as texts by name."""
        ...

    def draft(self) -> Animation:
        """The animation as far as it is known quickly: characters, sound and approximate length."""
        ...

    def animation(self, phase: Phase) -> Animation:
        """The animation."""
        ...


@dataclass(frozen=True)
class Appearance:
    """The options that every clip has; None leaves one to the clip."""

    character: str | None
    fps: Fraction | None
    light: str | None
    seed: int | None
    audio: Path | None
    consistency: bool = True  # stabilize faces and pictures over time

    @property
    def harmonics(self) -> Array | None:
        """[27] the chosen light."""
        if self.light is None:
            return None
        return studio_light() if self.light == STUDIO else LIGHT_PRESETS[self.light].setting.harmonics()

    def facts(self) -> dict[str, str]:
        alone = None if self.consistency else "frame by frame"
        options = {"character": self.character, "fps": self.fps, "light": self.light, "seed": self.seed}
        options |= {"consistency": alone}
        return {name: f"{value}" for name, value in options.items() if value is not None} | source_fact(
            "audio", self.audio
        )


@dataclass(frozen=True)
class TransitionClip:
    """A transition from one face to another."""

    first: str
    last: str
    seconds: float
    ease: Ease
    hold_s: float
    is_there_and_back: bool
    character: str
    appearance: Appearance
    is_costly = False

    def facts(self) -> dict[str, str]:
        options = {"from": self.first, "to": self.last, "seconds": f"{self.seconds:g}", "ease": self.ease}
        back = {"there and back": "yes" if self.is_there_and_back else "no"}
        return {**options, "hold": f"{self.hold_s:g}", **back, "character": self.character, **self.appearance.facts()}

    def draft(self) -> Animation:
        light = self.appearance.harmonics
        animation = transition(
            parse_face(self.first),
            parse_face(self.last),
            self.seconds,
            ease=self.ease,
            hold_s=self.hold_s,
            is_there_and_back=self.is_there_and_back,
            fps=self.appearance.fps or DEFAULT_FPS,
            light=studio_light() if light is None else light,
            character=self.character,
            seed=self.appearance.seed,
        )
        return _sound_of(animation, self.appearance.audio)

    def animation(self, phase: Phase) -> Animation:
        return self.draft()


@dataclass(frozen=True)
class TimelineClip:
    """A timeline file."""

    file: Path
    appearance: Appearance
    is_costly = False

    def facts(self) -> dict[str, str]:
        return {**source_fact("timeline", self.file), **self.appearance.facts()}

    def draft(self) -> Animation:
        appearance = self.appearance
        animation = read_timeline(self.file).animation(
            fps=appearance.fps, character=appearance.character, light=appearance.harmonics, seed=appearance.seed
        )
        return _sound_of(animation, appearance.audio)

    def animation(self, phase: Phase) -> Animation:
        return self.draft()


def _sound_of(animation: Animation, audio: Path | None) -> Animation:
    return animation if audio is None else replace(animation, sound=Sound(audio))


def source_fact(name: str, file: Path | None) -> dict[str, str]:
    """A fact that identifies a file: by its path and its digest, or its size and time."""
    if file is None:
        return {}
    try:
        stat = file.stat()
        if stat.st_size <= _MAX_HASHED_BYTES:
            identity = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        else:
            identity = f"{stat.st_size} bytes of {stat.st_mtime_ns}"
    except OSError as error:
        raise RenderError(f"{file} cannot be read ({error.strerror or error}): choose a file that exists") from error
    return {name: f"{file.resolve()} ({identity})"}


@dataclass(frozen=True)
class PerformanceClip:
    """A performance: a take or a video."""

    config: Config  # of which source, character and actor count
    playback: Playback
    appearance: Appearance
    is_heard: bool  # whether an output has sound
    voice: Path | None = None  # a WAV file that moves the mouth
    is_costly = True

    def facts(self) -> dict[str, str]:
        part = self.playback
        source = source_fact("source", self._file) if self._file.is_file() else {"source": self.config.source}
        source |= source_fact("voice", self.voice)
        end = "the end" if part.end_s is None else f"{part.end_s:g}"
        span = {"speed": f"{part.speed:g}", "start": f"{part.start_s:g}", "end": end}
        who = {"actor": self.config.actor or "nobody", "character": self.config.character}
        return {**source, **span, **who, **self.appearance.facts()}

    def draft(self) -> Animation:
        _ = self._actor  # a damaged calibration is an error now
        seconds, own_fps = self._length
        fps = self.appearance.fps or exact_fps(own_fps)
        count = max(round(seconds * fps), 1)
        animation = single_character_animation(
            fps, np.zeros((count, FACE_SIZE), np.float32), studio_light(), self.config.character
        )
        return replace(animation, sound=self._sound)

    def animation(self, phase: Phase) -> Animation:
        light, (seconds, own_fps) = self.appearance.harmonics, self._length
        count = round(seconds * own_fps)  # 1 if the file does not say, as recordings of browsers
        return read_performance(
            self._source(),
            self._actor,
            studio_light() if light is None else light,
            self.config.character,
            fps=self.appearance.fps,
            sound=self._sound,
            consistency=self.appearance.consistency,
            voice=self._hear if self.voice else None,
            on_progress=phase("tracking", count if count > 1 else None),
        )

    def _hear(self, time_ns: int) -> Voice | None:
        return self._track.at(time_ns + round(self.playback.start_s * 1e9))

    @cached_property
    def _track(self) -> VoiceTrack:
        return VoiceTrack.of(read_wav(self.voice) if self.voice else np.zeros(0, np.float32))

    def _source(self) -> Source:
        if self.config.source == NO_SOURCE:
            return NoCamera(self._length[0])
        return open_source(self.config.source, is_offline=True, playback=self.playback)

    @cached_property
    def _length(self) -> tuple[float, float]:
        """Seconds, and pictures a second, as the file says."""
        if self.config.source == NO_SOURCE:
            part, whole_s = self.playback, self._track.seconds
            seconds = min(part.stop_s, whole_s) - part.start_s
            if seconds <= 0.0:
                raise RenderError(f"no sound of {self.voice} lies {part.span}: it lasts {whole_s:.2f} s")
            return seconds, NoCamera.fps
        return recording_length(self.config.source, self.playback)

    @cached_property
    def _actor(self) -> Actor:
        return load_performer(self.config, self._source().name)

    @property
    def _file(self) -> Path:
        return user_path(self.config.source)

    @cached_property
    def _sound(self) -> Sound | None:
        """The sound of --audio, else that of --voice, else the video's own."""
        part, audio = self.playback, self.appearance.audio or (self.voice if self.is_heard else None)
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
    """The calibration of the performer for this source, or a neutral actor; RenderError if the file is damaged."""
    name = config.actor
    if name == NO_ACTOR:
        return Actor()
    try:
        kept = find_actor(name, source_name)
    except ActorError as error:
        raise RenderError(str(error)) from error
    if kept is None:
        log.warning("%s has no calibration here: run omote calibrate --source %s --actor %s", name, config.source, name)
        return Actor(name)
    return kept.actor
