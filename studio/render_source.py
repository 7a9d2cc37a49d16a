"""What `omote render` shows: a transition, a timeline, or a performance, each of which becomes a script."""

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

from omote.calibration.actor_file import ActorError, remembered
from omote.engine.capture import VIDEO_SUFFIXES, Playback, Source, open_source
from omote.engine.capture.length import length_of
from omote.engine.face.lamps import PRESETS
from omote.engine.face.light import studio_light
from omote.engine.nouns import Actor, Array
from omote.engine.offline.asked_face import face_of
from omote.engine.offline.easing import Ease
from omote.engine.offline.own_sound import own_sound
from omote.engine.offline.performing import performed
from omote.engine.offline.resampling import exact_rate
from omote.engine.offline.script import FACE_SIZE, RenderError, Script, Sound, of_one
from omote.engine.offline.transition import transition

from .config import Config

# Begins a phase of so many pictures, if that is known, and returns what is told how many are done.
Phase = Callable[[str, int | None], Callable[[int], None]]
NOBODY = ""  # as the actor in the settings: what was kept of whoever performs live changes no picture
STUDIO = "studio"
LIGHTS = (STUDIO, *PRESETS)
FPS = Fraction(30)  # of what has no rate of its own
_READ = 64_000_000  # bytes of a file that are read to know it again; a larger one is known by its time

log = logging.getLogger(__name__)


class Piece(Protocol):
    """One thing to be rendered."""

    is_costly: bool  # whether its script takes so long that it is kept

    @property
    def files(self) -> tuple[Path, ...]:
        """Which are read, and must not be written."""
        ...

    def facts(self) -> dict[str, str]:
        """All that decides its script, in words by their names for people."""
        ...

    def draft(self) -> Script:
        """As far as it is known without much work: the cast, the sound, and about how long it is."""
        ...

    def script(self, phase: Phase) -> Script:
        """What is shown."""
        ...


@dataclass(frozen=True)
class Shown:
    """What is true of every piece, as it was typed; None leaves it to the piece."""

    character: str | None
    fps: Fraction | None
    light: str | None
    seed: int | None
    audio: Path | None

    @property
    def harmonics(self) -> Array | None:
        """[27] the light that was chosen."""
        if self.light is None:
            return None
        return studio_light() if self.light == STUDIO else PRESETS[self.light].setting.harmonics()

    def facts(self) -> dict[str, str]:
        said = {"character": self.character, "fps": self.fps, "light": self.light, "seed": self.seed}
        return {name: f"{value}" for name, value in said.items() if value is not None} | _known("audio", self.audio)


@dataclass(frozen=True)
class Transition:
    """From one face to another."""

    first: str
    last: str
    seconds: float
    ease: Ease
    hold_s: float
    is_there_and_back: bool
    character: str
    shown: Shown
    is_costly = False

    @property
    def files(self) -> tuple[Path, ...]:
        return _named_files(self.shown.audio)

    def facts(self) -> dict[str, str]:
        said = {"from": self.first, "to": self.last, "seconds": f"{self.seconds:g}", "ease": self.ease}
        back = {"there and back": "yes" if self.is_there_and_back else "no"}
        return {**said, "hold": f"{self.hold_s:g}", **back, "character": self.character, **self.shown.facts()}

    def draft(self) -> Script:
        light = self.shown.harmonics
        script = transition(
            face_of(self.first),
            face_of(self.last),
            self.seconds,
            ease=self.ease,
            hold_s=self.hold_s,
            is_there_and_back=self.is_there_and_back,
            fps=self.shown.fps or FPS,
            light=studio_light() if light is None else light,
            character=self.character,
            seed=self.shown.seed,
        )
        return _heard(script, self.shown.audio)

    def script(self, phase: Phase) -> Script:
        return self.draft()


@dataclass(frozen=True)
class Timed:
    """A timeline."""

    file: Path
    shown: Shown
    is_costly = False

    @property
    def files(self) -> tuple[Path, ...]:
        return _named_files(self.file, self.shown.audio)

    def facts(self) -> dict[str, str]:
        return {**_known("timeline", self.file), **self.shown.facts()}

    def draft(self) -> Script:
        shown = self.shown
        from omote.engine.offline.timeline import read_timeline

        script = read_timeline(self.file).script(
            fps=shown.fps, character=shown.character, light=shown.harmonics, seed=shown.seed
        )
        return _heard(script, shown.audio)

    def script(self, phase: Phase) -> Script:
        return self.draft()


@dataclass(frozen=True)
class Performed:
    """A take or a video."""

    config: Config  # of which source, character and actor matter
    playback: Playback
    shown: Shown
    is_heard: bool  # whether a sound goes anywhere
    is_costly = True

    @property
    def files(self) -> tuple[Path, ...]:
        return _named_files(self._file, self.shown.audio)

    def facts(self) -> dict[str, str]:
        part = self.playback
        source = _known("source", self._file) if self._file.is_file() else {"source": self.config.source}
        end = "the end" if part.end_s is None else f"{part.end_s:g}"
        span = {"speed": f"{part.speed:g}", "start": f"{part.start_s:g}", "end": end}
        who = {"actor": self.config.actor or "nobody", "character": self.config.character}
        return {**source, **span, **who, **self.shown.facts()}

    def draft(self) -> Script:
        _ = self._actor  # what is damaged is told now
        seconds, own_fps = self._length
        fps = self.shown.fps or exact_rate(own_fps)
        count = max(round(seconds * fps), 1)
        script = of_one(fps, np.zeros((count, FACE_SIZE), np.float32), studio_light(), self.config.character)
        return replace(script, sound=self._sound)

    def script(self, phase: Phase) -> Script:
        light, (seconds, own_fps) = self.shown.harmonics, self._length
        return performed(
            self._source(),
            self._actor,
            studio_light() if light is None else light,
            self.config.character,
            fps=self.shown.fps,
            sound=self._sound,
            tell=phase("tracking", max(round(seconds * own_fps), 1)),
        )

    def _source(self) -> Source:
        return open_source(self.config.source, is_offline=True, playback=self.playback)

    @cached_property
    def _length(self) -> tuple[float, float]:
        """Seconds and pictures a second, as far as the file says so."""
        return length_of(self.config.source, self.playback)

    @cached_property
    def _actor(self) -> Actor:
        return performer(self.config, self._source().name)

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
        own = own_sound(self._file, part.start_s)
        if own and part.speed != 1.0:
            log.info("%s is played at %g times its speed: its sound is left out", self._file.name, part.speed)
            return None
        return own


def performer(config: Config, source_name: str) -> Actor:
    """Who was calibrated with this source, where somebody is named; as the tracker says where nobody is.

    RenderError where what is kept is damaged.
    """
    name = config.actor
    if name == NOBODY:
        return Actor()
    try:
        kept = remembered(name, source_name)
    except ActorError as error:
        raise RenderError(str(error)) from error
    if kept is None:
        log.warning(
            "%s is drawn as the tracker says: run omote calibrate --source %s --actor %s", name, config.source, name
        )
        return Actor(name)
    return kept.actor


def _heard(script: Script, audio: Path | None) -> Script:
    return script if audio is None else replace(script, sound=Sound(audio))


def _named_files(*files: Path | None) -> tuple[Path, ...]:
    return tuple(file for file in files if file is not None and file.is_file())


def _known(name: str, file: Path | None) -> dict[str, str]:
    """A file by its place and by what is in it, or when that was written."""
    if file is None:
        return {}
    try:
        stat = file.stat()
        if stat.st_size <= _READ:
            seal = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        else:
            seal = f"{stat.st_size} bytes of {stat.st_mtime_ns}"
    except OSError as error:
        raise RenderError(f"{file} cannot be read ({error.strerror or error}): name a file that is there") from error
    return {name: f"{file.resolve()} ({seal})"}
