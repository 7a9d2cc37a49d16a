"""A take or a video as what `omote render` shows: tracked once, borne by a character."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from omote.calibration.actor_file import ActorError, remembered
from omote.engine.capture import VIDEO_SUFFIXES, Playback, Source, open_source
from omote.engine.capture.length import length_of
from omote.engine.face.light import studio_light
from omote.engine.nouns import Actor
from omote.engine.offline.own_sound import own_sound
from omote.engine.offline.performing import performed
from omote.engine.offline.resampling import exact_rate
from omote.engine.offline.script import FACE_SIZE, RenderError, Script, Sound, of_one

from .config import Config
from .render_source import Phase, Shown, known

NOBODY = ""  # as the actor in the settings: what was kept of whoever performs live changes no picture

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Performed:
    """A take or a video."""

    config: Config  # of which source, character and actor matter
    playback: Playback
    shown: Shown
    is_heard: bool  # whether a sound goes anywhere
    is_costly = True

    def facts(self) -> dict[str, str]:
        part = self.playback
        source = known("source", self._file) if self._file.is_file() else {"source": self.config.source}
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
        count = round(seconds * own_fps)  # 1 where the file does not say how long it is, as a browser's recordings
        return performed(
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
