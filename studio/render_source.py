"""What `omote render` shows: a transition, a timeline, or a performance, each of which becomes a script."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from omote.engine.face.lamps import PRESETS
from omote.engine.face.light import studio_light
from omote.engine.nouns import Array
from omote.engine.offline.asked_face import face_of
from omote.engine.offline.easing import Ease
from omote.engine.offline.script import RenderError, Script, Sound
from omote.engine.offline.timeline import read_timeline
from omote.engine.offline.transition import transition

# Begins a phase of so many pictures, if that is known, and returns what is told how many are done.
Phase = Callable[[str, int | None], Callable[[int], None]]
STUDIO = "studio"
LIGHTS = (STUDIO, *PRESETS)
FPS = Fraction(30)  # of what has no rate of its own
_READ = 64_000_000  # bytes of a file that are read to know it again; a larger one is known by its time


class Piece(Protocol):
    """One thing to be rendered."""

    is_costly: bool  # whether its script takes so long that it is kept

    @property
    def shown(self) -> Shown: ...

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
    consistency: bool = True  # whether faces and pictures are steadied by those before and after them

    @property
    def harmonics(self) -> Array | None:
        """[27] the light that was chosen."""
        if self.light is None:
            return None
        return studio_light() if self.light == STUDIO else PRESETS[self.light].setting.harmonics()

    def facts(self) -> dict[str, str]:
        alone = None if self.consistency else "frame by frame"
        said = {"character": self.character, "fps": self.fps, "light": self.light, "seed": self.seed}
        said |= {"consistency": alone}
        return {name: f"{value}" for name, value in said.items() if value is not None} | known("audio", self.audio)


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

    def facts(self) -> dict[str, str]:
        return {**known("timeline", self.file), **self.shown.facts()}

    def draft(self) -> Script:
        shown = self.shown
        script = read_timeline(self.file).script(
            fps=shown.fps, character=shown.character, light=shown.harmonics, seed=shown.seed
        )
        return _heard(script, shown.audio)

    def script(self, phase: Phase) -> Script:
        return self.draft()


def _heard(script: Script, audio: Path | None) -> Script:
    return script if audio is None else replace(script, sound=Sound(audio))


def known(name: str, file: Path | None) -> dict[str, str]:
    """As a fact of this name: a file by its place and by what is in it, or when that was written."""
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
