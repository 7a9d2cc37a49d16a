"""A timeline: a small film of one face, written down as keys, and what goes on top of them."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from omote.engine.nouns import Array

from . import timeline_keys as keys
from .asked_face import file_named
from .document import LATEST_S, Table, read_document, shown
from .easing import Wide
from .face_range import EYES, NECK, PLACE, faces
from .liveliness import MOST_BLINKS, MOST_MOTION, Motion, blinks
from .pulse import BLINK, SHORTEST_S, Pulse, shut_lids
from .script import RenderError, Script
from .timeline_cast import Cast, cast
from .track import Track
from .writing.rate import LEAST, MOST, rate_of
from .written import texts, written

USUAL_FPS = Fraction(30)
LONGEST_PULSE_S = 5.0
MOST_SEED = 2**63 - 1
KNOWN = (
    *("$schema", "fps", "seconds", "seed", "character"),
    *("expression", "gaze", "head", "light", "micro", "blink", "blinks", "motion"),
)
MICRO = ("at", "is", "seconds", "amount")
ONE_BLINK = ("at", "seconds", "amount")
BLINKS = ("per_minute",)
MOTION = ("head", "gaze", "breath")


@dataclass(frozen=True, eq=False)
class Micro:
    """An expression that flashes up."""

    face: Wide  # [67] in the order of `face_range.NAMES`
    pulse: Pulse


@dataclass(frozen=True, eq=False)
class Timeline:
    """What a file says. None is what it leaves open."""

    fps: Fraction | None
    seconds: float | None
    seed: int
    face: Track  # [67] in the order of `face_range.NAMES`
    gaze: Track | None
    head: Track | None
    light: Track  # [27]
    cast: Cast
    micros: tuple[Micro, ...]
    blinks: tuple[Pulse, ...]
    blinks_per_minute: float
    motion: Motion | None

    def script(
        self,
        *,
        fps: Fraction | None = None,
        character: str | None = None,
        light: Array | None = None,
        seed: int | None = None,
    ) -> Script:
        """Every picture of it; the same seed gives the same.

        What is said here takes the place of what the file says: a character of all its characters, a light [27] of all
        its lights.
        """
        rate = fps or self.fps or USUAL_FPS
        count = self._count(rate)
        time_s = np.arange(count) / float(rate)
        lights = self.light.at(time_s) if light is None else np.repeat(np.asarray(light, np.float64)[None], count, 0)
        shown = Cast.alone(character) if character else self.cast
        return Script(
            rate,
            faces(self._rows(rate, time_s, self.seed if seed is None else seed)),
            lights.astype(np.float32),
            np.ones(count, np.float32),
            shown.names,
            shown.shares(time_s),
        )

    @property
    def end_s(self) -> float:
        """When the last thing of all is over."""
        tracks = (self.face, self.gaze, self.head, self.light, self.cast.track)
        last = (float(track.at_s[-1]) for track in tracks if track)
        return max(*last, *(micro.pulse.end_s for micro in self.micros), *(blink.end_s for blink in self.blinks))

    def _count(self, rate: Fraction) -> int:
        """As many pictures as there is time for; where the file says no time, until the last key is shown."""
        if self.seconds is not None:
            return max(round(Fraction(self.seconds) * rate), 1)
        return math.ceil(self.end_s * float(rate) - 1e-6) + 1

    def _rows(self, rate: Fraction, time_s: Wide, seed: int) -> Wide:
        """[n,67] faces in the order of `face_range.NAMES`, layer upon layer."""
        rows, count = self.face.at(time_s), len(time_s)
        if self.gaze:
            rows[:, EYES] = 0.0
            rows[:, EYES.start : EYES.start + 2] = rows[:, EYES.start + 3 : EYES.stop - 1] = self.gaze.at(time_s)
        if self.head:
            turn_and_place = self.head.at(time_s)
            rows[:, NECK], rows[:, PLACE] = turn_and_place[:, :3], turn_and_place[:, 3:]
        for micro in self.micros:
            micro.pulse.over(rows, micro.face, rate)
        if self.motion:
            rows = self.motion.over(rows, time_s, seed)
        for blink in (*self.blinks, *blinks(self.blinks_per_minute, count / float(rate), seed)):
            blink.over(rows, shut_lids(), rate)
        return rows


def read_timeline(path: Path) -> Timeline:
    """The timeline in a TOML or JSON file; RenderError says where in it what is wrong, and what was wanted."""
    document = read_document(path, KNOWN)
    per_minute, motion = document.table("blinks", BLINKS), document.table("motion", MOTION)
    found = Timeline(
        fps=_rate(document.said["fps"], document) if "fps" in document.said else None,
        seconds=document.number("seconds", 1e-3, LATEST_S) if "seconds" in document.said else None,
        seed=_seed(document.said.get("seed", 0), document),
        face=keys.expression(document),
        gaze=keys.gaze(document),
        head=keys.head(document),
        light=keys.light(document),
        cast=cast(document),
        micros=tuple(Micro(keys.face_row(one), _pulse(one)) for one in document.tables("micro", MICRO)),
        blinks=tuple(_blink(one) for one in document.tables("blink", ONE_BLINK)),
        blinks_per_minute=per_minute.number("per_minute", 0.0, MOST_BLINKS) if per_minute else 0.0,
        motion=Motion(*(motion.number(name, 0.0, MOST_MOTION, 1.0) for name in MOTION)) if motion else None,
    )
    if found.seconds is not None and found.end_s > found.seconds + 1e-9:
        raise RenderError(
            f'{document.place}: something is still to come at {found.end_s:g} seconds, and "seconds" is '
            f"{found.seconds:g}: wanted all of it before the end"
        )
    return found


def files_of(path: Path) -> list[Path]:
    """The files of faces that a timeline names and that are there; none where it cannot be read."""
    try:
        said = written(path)
    except (OSError, ValueError):
        return []
    named = [file for text in texts(said) if (file := file_named(text, path.parent))]
    return [file for file in named if os.path.isfile(file)]  # noqa: PTH113  # no error where a name is too long


def _seed(said: object, document: Table) -> int:
    whole = int(said) if isinstance(said, float) and said.is_integer() else said
    if isinstance(whole, bool) or not isinstance(whole, int) or not 0 <= whole <= MOST_SEED:
        raise RenderError(f'{document.place}: "seed" must be a whole number from 0, got {shown(said)}')
    return whole


def _rate(said: object, document: Table) -> Fraction:
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        raise RenderError(f'{document.place}: "fps" must be from {LEAST} to {MOST}, as 30, 29.97 or "30000/1001"')
    try:
        return rate_of(str(said))
    except RenderError as error:
        raise RenderError(f'{document.place}: "fps": {error}') from error


def _pulse(micro: Table) -> Pulse:
    return Pulse(keys.at_of(micro), micro.number("seconds", SHORTEST_S, LONGEST_PULSE_S, 0.2))


def _blink(blink: Table) -> Pulse:
    seconds = blink.number("seconds", SHORTEST_S, LONGEST_PULSE_S, 0.25)
    return Pulse(keys.at_of(blink), seconds, blink.number("amount", 0.0, 1.0, 1.0), BLINK)
