"""Timelines and transitions: turns keyed faces, lights and characters into an animation."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..data import Array, FlameParams
from ..model.character_file import DEFAULT_CHARACTER
from . import timeline_keys as keys
from .animation import MAX_FPS, MIN_FPS, Animation, RenderError, parse_fps, single_character_animation
from .face_limits import EYES, NECK, PLACE, faces_from_rows, require_in_limits
from .face_parser import all_strings, face_file_path, read_toml_or_json
from .idle_motion import (
    BLINK,
    MAX_BLINKS_PER_MINUTE,
    MAX_MOTION,
    MIN_ENVELOPE_S,
    Envelope,
    IdleMotion,
    closed_eyes,
    random_blinks,
)
from .keyframes import DEFAULT_EASE, Track, Wide, find_ease
from .timeline_keys import MAX_SECONDS, Table, at_of, ease_of_key, in_order, read_document, require_number, short_repr

DEFAULT_FPS = Fraction(30)
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
class MicroExpression:
    """An expression that flashes up."""

    face: Wide  # [67] in the order of `face_range.NAMES`
    pulse: Envelope


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
    cast: CharacterTrack
    micros: tuple[MicroExpression, ...]
    blinks: tuple[Envelope, ...]
    blinks_per_minute: float
    motion: IdleMotion | None

    def script(
        self,
        *,
        fps: Fraction | None = None,
        character: str | None = None,
        light: Array | None = None,
        seed: int | None = None,
    ) -> Animation:
        """Every picture of it; the same seed gives the same.

        What is said here takes the place of what the file says: a character of all its characters, a light [27] of all
        its lights.
        """
        rate = fps or self.fps or DEFAULT_FPS
        count = self._count(rate)
        time_s = np.arange(count) / float(rate)
        lights = self.light.at(time_s) if light is None else np.repeat(np.asarray(light, np.float64)[None], count, 0)
        shown = CharacterTrack.alone(character) if character else self.cast
        return Animation(
            rate,
            faces_from_rows(self._rows(rate, time_s, self.seed if seed is None else seed)),
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
        for blink in (*self.blinks, *random_blinks(self.blinks_per_minute, count / float(rate), seed)):
            blink.over(rows, closed_eyes(), rate)
        return rows


def read_timeline(path: Path) -> Timeline:
    """The timeline in a TOML or JSON file; RenderError says where in it what is wrong, and what was wanted."""
    document = read_document(path, KNOWN)
    per_minute, motion = document.table("blinks", BLINKS), document.table("motion", MOTION)
    found = Timeline(
        fps=_read_fps(document.said["fps"], document) if "fps" in document.said else None,
        seconds=document.number("seconds", 1e-3, MAX_SECONDS) if "seconds" in document.said else None,
        seed=_read_seed(document.said.get("seed", 0), document),
        face=keys.expression(document),
        gaze=keys.gaze(document),
        head=keys.head(document),
        light=keys.light(document),
        cast=read_character_track(document),
        micros=tuple(
            MicroExpression(keys.face_row(one), _read_micro_envelope(one)) for one in document.tables("micro", MICRO)
        ),
        blinks=tuple(_read_blink(one) for one in document.tables("blink", ONE_BLINK)),
        blinks_per_minute=per_minute.number("per_minute", 0.0, MAX_BLINKS_PER_MINUTE) if per_minute else 0.0,
        motion=IdleMotion(*(motion.number(name, 0.0, MAX_MOTION, 1.0) for name in MOTION)) if motion else None,
    )
    if found.seconds is not None and found.end_s > found.seconds + 1e-9:
        raise RenderError(
            f'{document.place}: something is still to come at {found.end_s:g} seconds, and "seconds" is '
            f"{found.seconds:g}: wanted all of it before the end"
        )
    return found


def face_files_of(path: Path) -> list[Path]:
    """The files of faces that a timeline names and that are there; none where it cannot be read."""
    try:
        said = read_toml_or_json(path)
    except (OSError, ValueError):
        return []
    named = [file for text in all_strings(said) if (file := face_file_path(text, path.parent))]
    return [file for file in named if os.path.isfile(file)]  # noqa: PTH113  # no error where a name is too long


def _read_seed(said: object, document: Table) -> int:
    whole = int(said) if isinstance(said, float) and said.is_integer() else said
    if isinstance(whole, bool) or not isinstance(whole, int) or not 0 <= whole <= MOST_SEED:
        raise RenderError(f'{document.place}: "seed" must be a whole number from 0, got {short_repr(said)}')
    return whole


def _read_fps(said: object, document: Table) -> Fraction:
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        raise RenderError(f'{document.place}: "fps" must be from {MIN_FPS} to {MAX_FPS}, as 30, 29.97 or "30000/1001"')
    try:
        return parse_fps(str(said))
    except RenderError as error:
        raise RenderError(f'{document.place}: "fps": {error}') from error


def _read_micro_envelope(micro: Table) -> Envelope:
    return Envelope(keys.at_of(micro), micro.number("seconds", MIN_ENVELOPE_S, LONGEST_PULSE_S, 0.2))


def _read_blink(blink: Table) -> Envelope:
    seconds = blink.number("seconds", MIN_ENVELOPE_S, LONGEST_PULSE_S, 0.25)
    return Envelope(keys.at_of(blink), seconds, blink.number("amount", 0.0, 1.0, 1.0), BLINK)


CHARACTER = ("at", "is", "ease")
MAX_MIXED = 2  # in one picture


@dataclass(frozen=True, eq=False)
class CharacterTrack:
    """Everybody who is shown, and how much of each at what time."""

    names: tuple[str, ...]  # as `load_any` takes them
    track: Track  # [c] shares

    @classmethod
    def alone(cls, name: str) -> CharacterTrack:
        """One character, all the time."""
        return cls((name,), Track(np.zeros(1), np.ones((1, 1)), (DEFAULT_EASE,)))

    def shares(self, time_s: Wide) -> Array:
        """[n,c] of each in these pictures, which sum to 1; no more than two are above 0."""
        rows = self.track.at(time_s)
        return np.asarray(rows / rows.sum(1, keepdims=True), np.float32)


def read_character_track(document: Table) -> CharacterTrack:
    """RenderError where a picture would have to show three."""
    said = document.said.get("character", DEFAULT_CHARACTER)
    if isinstance(said, str):
        return CharacterTrack.alone(_name(said, document))
    keys = in_order(document.tables("character", CHARACTER))
    if not keys:
        return CharacterTrack.alone(DEFAULT_CHARACTER)
    shown_at = [_shares(key) for key in keys]
    _check_pairs(keys, shown_at)
    names = tuple(dict.fromkeys(name for one in shown_at for name in one))
    rows = np.array([[one.get(name, 0.0) for name in names] for one in shown_at])
    eases = tuple(ease_of_key(key) for key in keys)
    return CharacterTrack(names, Track(np.array([at_of(key) for key in keys]), rows, eases))


def _shares(key: Table) -> dict[str, float]:
    asked = key.need("is")
    if isinstance(asked, str):
        return {_name(asked, key): 1.0}
    if not isinstance(asked, dict) or len(asked) != MAX_MIXED:
        raise RenderError(
            f'{key.place}: "is" must be a character or a mixture of {MAX_MIXED}, as {{hana = 0.5, kenji = 0.5}}; '
            f"got {short_repr(asked)}"
        )
    parts = {name: require_number(part, 0.0, 1e6, f"{key.place}: {name}") for name, part in asked.items()}
    total = sum(parts.values())
    if not total > 0.0:
        raise RenderError(f"{key.place}: of a mixture one part at least must be above 0, got {short_repr(asked)}")
    return {_name(name, key): part / total for name, part in parts.items() if part > 0.0}


def _name(word: str, inside: Table) -> str:
    """A file that stands beside the timeline by its path, all else as it is said."""
    beside = inside.folder / word
    return str(beside) if os.path.isfile(beside) else word  # noqa: PTH113  # no error where a name is too long


def _check_pairs(keys: Sequence[Table], shown_at: Sequence[dict[str, float]]) -> None:
    for key, before, after in zip(keys[1:], shown_at[:-1], shown_at[1:], strict=True):
        together = dict.fromkeys((*before, *after))
        if len(together) > MAX_MIXED and ease_of_key(key) != "cut":
            raise RenderError(
                f"{key.place}: on the way there {', '.join(together)} would be in one picture, which "
                f"shows {MAX_MIXED} at "
                'most: put a key of one character alone between, or reach it with ease = "cut"'
            )


def transition(
    first: FlameParams,
    last: FlameParams,
    seconds: float,
    *,
    ease: str = DEFAULT_EASE,
    hold_s: float = 0.0,
    is_there_and_back: bool = False,
    fps: Fraction,
    light: Array,
    character: str,
    seed: int | None = None,
) -> Animation:
    """A script whose first picture is the first face, and which comes to the last within `seconds`, exactly.

    There it stays for `hold_s`; and goes back within `seconds` more, so that it can be shown round and round. With a
    seed the head and the eyes drift and the breath goes, a little, the same for the same seed; without, nothing moves
    but what was asked for. RenderError where a face or a time cannot be.
    """
    if not 0.0 < seconds <= MAX_SECONDS:
        raise RenderError(f"a transition takes more than 0 seconds, and {MAX_SECONDS:g} at most, got {seconds:g}")
    if not 0.0 <= hold_s <= MAX_SECONDS:
        raise RenderError(f"a hold takes 0 to {MAX_SECONDS:g} seconds, got {hold_s:g}")
    going, staying = max(round(Fraction(seconds) * fps), 2), round(Fraction(hold_s) * fps)
    rows = [require_in_limits(first, "the first face"), require_in_limits(last, "the last face")]
    keys = [0, going - 1]
    if is_there_and_back:
        # A key where it turns: what rests for no time needs none of its own.
        keys += [going - 1 + staying] * bool(staying) + [going - 1 + staying + going]
        rows += [rows[1]] * bool(staying) + [rows[0]]
    count = going + staying + going * is_there_and_back
    track = Track(np.array(keys) / float(fps), np.stack(rows), (find_ease(ease),) * len(rows))
    time_s = np.arange(count) / float(fps)
    found = track.at(time_s)
    if seed is not None:
        found = IdleMotion().over(found, time_s, seed)
    return single_character_animation(fps, faces_from_rows(found), light, character)
