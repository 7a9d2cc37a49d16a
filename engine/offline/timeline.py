"""Timelines and transitions: turns keyed faces, lights and characters into an animation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..data import OPEN_BASIS, Array, FlameParams
from ..model.character_file import DEFAULT_CHARACTER
from . import timeline_keys as keys
from .animation import (
    MAX_FPS,
    MIN_FPS,
    Animation,
    Float64Array,
    RenderError,
    parse_fps,
    single_character_animation,
)
from .face_limits import EYES, NECK, PLACE, faces_from_rows, require_in_limits
from .face_parser import all_strings, face_file_path, is_file, read_toml_or_json
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
from .keyframes import DEFAULT_EASE, Track, find_ease
from .timeline_keys import MAX_SECONDS, Table, short_repr

DEFAULT_FPS = Fraction(30)
MAX_ENVELOPE_S = 5.0
MAX_SEED = 2**63 - 1
MAX_MIXED = 2  # characters in one picture

# The names at the top of a timeline, and in the tables that only this module reads.
KNOWN = (
    *("$schema", "fps", "seconds", "seed", "character"),
    *("expression", "gaze", "head", "light", "micro", "blink", "blinks", "motion"),
)
CHARACTER = ("at", "is", "ease")
MICRO = ("at", "is", "seconds", "amount")
ONE_BLINK = ("at", "seconds", "amount")
BLINKS = ("per_minute",)
MOTION = ("head", "gaze", "breath")


@dataclass(frozen=True, eq=False)
class MicroExpression:
    """An expression that flashes up."""

    face: Float64Array  # [67] in the order of `face_limits.NAMES`
    envelope: Envelope


@dataclass(frozen=True, eq=False)
class Timeline:
    """The content of a timeline file; None is what it leaves open."""

    fps: Fraction | None
    seconds: float | None
    seed: int
    face: Track  # [67] in the order of `face_limits.NAMES`
    gaze: Track | None
    head: Track | None
    light: Track  # [27]
    characters: CharacterTrack
    micros: tuple[MicroExpression, ...]
    blinks: tuple[Envelope, ...]
    blinks_per_minute: float
    motion: IdleMotion | None

    def animation(
        self,
        *,
        fps: Fraction | None = None,
        character: str | None = None,
        light: Array | None = None,
        seed: int | None = None,
    ) -> Animation:
        """Every picture of the timeline; the same seed gives the same animation.

        The arguments override the file: `character` all its characters, `light` [27] all its lights.
        """
        fps = fps or self.fps or DEFAULT_FPS
        count = self._count(fps)
        time_s = np.arange(count) / float(fps)
        lights = self.light.at(time_s) if light is None else np.repeat(np.asarray(light, np.float64)[None], count, 0)
        characters = CharacterTrack.single(character) if character else self.characters
        return Animation(
            fps,
            faces_from_rows(self._rows(fps, time_s, self.seed if seed is None else seed)),
            lights.astype(np.float32),
            np.ones(count, np.float32),
            characters.names,
            characters.shares(time_s),
        )

    @property
    def end_s(self) -> float:
        """The time at which the last key is reached and every envelope is over."""
        tracks = (self.face, self.gaze, self.head, self.light, self.characters.track)
        envelopes = (*(micro.envelope for micro in self.micros), *self.blinks)
        return max(*(float(track.at_s[-1]) for track in tracks if track), *(one.end_s for one in envelopes))

    def _count(self, fps: Fraction) -> int:
        """The number of pictures; without `seconds` the last one shows the last key."""
        if self.seconds is not None:
            return max(round(Fraction(self.seconds) * fps), 1)
        return math.ceil(self.end_s * float(fps) - 1e-6) + 1

    def _rows(self, fps: Fraction, time_s: Float64Array, seed: int) -> Float64Array:
        """[n,67] faces in the order of `face_limits.NAMES`, built layer by layer."""
        rows, count = self.face.at(time_s), len(time_s)
        if self.gaze:
            rows[:, EYES] = 0.0
            rows[:, EYES.start : EYES.start + 2] = rows[:, EYES.start + 3 : EYES.stop - 1] = self.gaze.at(time_s)
        if self.head:
            pose = self.head.at(time_s)
            rows[:, NECK], rows[:, PLACE] = pose[:, :3], pose[:, 3:]
        for micro in self.micros:
            micro.envelope.add_to(rows, micro.face, fps)
        if self.motion:
            rows = self.motion.add_to(rows, time_s, seed)
        for blink in (*self.blinks, *random_blinks(self.blinks_per_minute, count / float(fps), seed)):
            blink.add_to(rows, closed_eyes(), fps)
        return rows


def read_timeline(path: Path) -> Timeline:
    """The timeline in a TOML or JSON file; RenderError names the place of an error and what was wanted."""
    document = keys.read_document(path, KNOWN)
    blinks, motion = document.table("blinks", BLINKS), document.table("motion", MOTION)
    timeline = Timeline(
        fps=_read_fps(document.values["fps"], document) if "fps" in document.values else None,
        seconds=document.number("seconds", 1e-3, MAX_SECONDS) if "seconds" in document.values else None,
        seed=_read_seed(document.values.get("seed", 0), document),
        face=keys.read_expression(document),
        gaze=keys.read_gaze(document),
        head=keys.read_head(document),
        light=keys.read_light(document),
        characters=_read_characters(document),
        micros=tuple(
            MicroExpression(
                keys.read_face(one),
                Envelope(keys.time_of(one), one.number("seconds", MIN_ENVELOPE_S, MAX_ENVELOPE_S, 0.2)),
            )
            for one in document.tables("micro", MICRO)
        ),
        blinks=tuple(
            Envelope(
                keys.time_of(one),
                one.number("seconds", MIN_ENVELOPE_S, MAX_ENVELOPE_S, 0.25),
                one.number("amount", 0.0, 1.0, 1.0),
                BLINK,
            )
            for one in document.tables("blink", ONE_BLINK)
        ),
        blinks_per_minute=blinks.number("per_minute", 0.0, MAX_BLINKS_PER_MINUTE) if blinks else 0.0,
        motion=IdleMotion(*(motion.number(name, 0.0, MAX_MOTION, 1.0) for name in MOTION)) if motion else None,
    )
    if timeline.seconds is not None and timeline.end_s > timeline.seconds + 1e-9:
        raise RenderError(
            f'{document.where}: something is still to come at {timeline.end_s:g} seconds, and "seconds" is '
            f"{timeline.seconds:g}: wanted all of it before the end"
        )
    return timeline


def face_files_of(path: Path) -> list[Path]:
    """The existing files of faces that a timeline names; none if it cannot be read."""
    try:
        content = read_toml_or_json(path)
    except (OSError, ValueError):
        return []
    named = [file for text in all_strings(content) if (file := face_file_path(text, path.parent))]
    return [file for file in named if is_file(file)]


def _read_seed(value: object, document: Table) -> int:
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(whole, bool) or not isinstance(whole, int) or not 0 <= whole <= MAX_SEED:
        raise RenderError(f'{document.where}: "seed" must be a whole number from 0, got {short_repr(value)}')
    return whole


def _read_fps(value: object, document: Table) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise RenderError(f'{document.where}: "fps" must be from {MIN_FPS} to {MAX_FPS}, as 30, 29.97 or "30000/1001"')
    try:
        return parse_fps(str(value))
    except RenderError as error:
        raise RenderError(f'{document.where}: "fps": {error}') from error


# Characters.


@dataclass(frozen=True, eq=False)
class CharacterTrack:
    """The characters of a timeline and their shares over time."""

    names: tuple[str, ...]  # as `load_any_character` takes them
    track: Track  # [c] shares

    @classmethod
    def single(cls, name: str) -> CharacterTrack:
        """One character, all the time."""
        return cls((name,), Track(np.zeros(1), np.ones((1, 1)), (DEFAULT_EASE,)))

    def shares(self, time_s: Float64Array) -> Array:
        """[n,c] shares of each character, which sum to 1; at most two of them are above 0."""
        rows = self.track.at(time_s)
        return np.asarray(rows / rows.sum(1, keepdims=True), np.float32)


def _read_characters(document: Table) -> CharacterTrack:
    """RenderError if a picture would have to show three characters."""
    value = document.values.get("character", DEFAULT_CHARACTER)
    if isinstance(value, str):
        return CharacterTrack.single(_character_name(value, document))
    ordered = keys.in_order(document.tables("character", CHARACTER))
    if not ordered:
        return CharacterTrack.single(DEFAULT_CHARACTER)
    mixtures = [_read_mixture(key) for key in ordered]
    _require_pairs(ordered, mixtures)
    names = tuple(dict.fromkeys(name for mixture in mixtures for name in mixture))
    rows = np.array([[mixture.get(name, 0.0) for name in names] for mixture in mixtures])
    eases = tuple(keys.ease_of(key) for key in ordered)
    return CharacterTrack(names, Track(np.array([keys.time_of(key) for key in ordered]), rows, eases))


def _read_mixture(key: Table) -> dict[str, float]:
    """The shares of the characters at this key, by name."""
    value = key.require("is")
    if isinstance(value, str):
        return {_character_name(value, key): 1.0}
    if not isinstance(value, dict) or len(value) != MAX_MIXED:
        raise RenderError(
            f'{key.where}: "is" must be a character or a mixture of {MAX_MIXED}, as {{hana = 0.5, kenji = 0.5}}; '
            f"got {short_repr(value)}"
        )
    parts = {name: keys.require_number(part, 0.0, 1e6, f"{key.where}: {name}") for name, part in value.items()}
    total = sum(parts.values())
    if not total > 0.0:
        raise RenderError(f"{key.where}: of a mixture one part at least must be above 0, got {short_repr(value)}")
    return {_character_name(name, key): part / total for name, part in parts.items() if part > 0.0}


def _character_name(word: str, table: Table) -> str:
    """The path of a file beside the timeline, or the word itself."""
    beside = table.folder / word
    return str(beside) if is_file(beside) else word


def _require_pairs(ordered: Sequence[Table], mixtures: Sequence[dict[str, float]]) -> None:
    for key, before, after in zip(ordered[1:], mixtures[:-1], mixtures[1:], strict=True):
        together = dict.fromkeys((*before, *after))
        if len(together) > MAX_MIXED and keys.ease_of(key) != "cut":
            raise RenderError(
                f"{key.where}: on the way there {', '.join(together)} would be in one picture, which "
                f"shows {MAX_MIXED} at "
                'most: put a key of one character alone between, or reach it with ease = "cut"'
            )


# Transitions.


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
    """An animation from the first face (its first picture) to the last, which it reaches after `seconds`.

    It stays there for `hold_s`. `is_there_and_back` then goes back within `seconds` more, for a loop. With a seed the
    head and the eyes move a little and the character breathes, in the same way for the same seed; without it only the
    expression moves. RenderError if a face or a time is out of range.
    """
    if not 0.0 < seconds <= MAX_SECONDS:
        raise RenderError(f"a transition takes more than 0 seconds, and {MAX_SECONDS:g} at most, got {seconds:g}")
    if not 0.0 <= hold_s <= MAX_SECONDS:
        raise RenderError(f"a hold takes 0 to {MAX_SECONDS:g} seconds, got {hold_s:g}")
    change, hold = max(round(Fraction(seconds) * fps), 2), round(Fraction(hold_s) * fps)
    if first.basis != last.basis:
        raise RenderError(f'no transition leads from the basis "{first.basis}" to "{last.basis}": choose one basis')
    is_open = first.basis == OPEN_BASIS
    if not is_open and seed is not None:
        raise RenderError(f'--seed moves only faces in the basis "{OPEN_BASIS}": leave it out')
    rows = [_row(first, "the first face"), _row(last, "the last face")]
    key_frames = [0, change - 1]
    if is_there_and_back:
        # A hold needs a key at its end, unless it has no length.
        key_frames += [change - 1 + hold] * bool(hold) + [change - 1 + hold + change]
        rows += [rows[1]] * bool(hold) + [rows[0]]
    count = change + hold + change * is_there_and_back
    track = Track(np.array(key_frames) / float(fps), np.stack(rows), (find_ease(ease),) * len(rows))
    time_s = np.arange(count) / float(fps)
    found = track.at(time_s)
    if seed is not None:
        found = IdleMotion().add_to(found, time_s, seed)
    rows_of_faces = faces_from_rows(found) if is_open else found.astype(np.float32)
    return replace(single_character_animation(fps, rows_of_faces, light, character), basis=first.basis)


def _row(face: FlameParams, what: str) -> Float64Array:
    """[67] the numbers to interpolate: ARKit's shapes of an open face, FLAME's coefficients of another."""
    return require_in_limits(face, what) if face.basis == OPEN_BASIS else face.vector().astype(np.float64)
