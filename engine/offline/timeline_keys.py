"""Reads the tables and keys of a timeline file; errors name the file and the key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from omote.bridge.arkit import rotation_from_angles

from ..data import LIGHT_SIZE, FlameParams
from ..face.head import LOOK_DOWN_RAD, LOOK_SIDE_RAD, LOOK_UP_RAD
from ..face.light import LIGHT_PRESETS, MOST_STRENGTH, LightError, lamp_light, studio_light
from .animation import Float64Array, RenderError, did_you_mean
from .face_limits import NECK, PITCH_DEG, PLACE, PLACE_M, ROLL_DEG, YAW_DEG, require_in_limits
from .face_parser import face_from_values, parse_face, read_toml_or_json
from .keyframes import DEFAULT_EASE, Ease, Track, find_ease

STUDIO = "studio"
MAX_SECONDS = 36_000.0

# The names in a key of each kind.
EXPRESSION = ("at", "is", "amount", "ease")
GAZE = ("at", "pitch_deg", "yaw_deg", "ease")
HEAD = ("at", "pitch_deg", "yaw_deg", "roll_deg", "x", "y", "z", "ease")
LIGHT = ("at", "is", "ease")
LAMP = ("direction", "strength", "warmth", "ambient")

# Whole degrees just inside the range of the open head's eyes.
_LOOK_UP_DEG, _LOOK_DOWN_DEG, _LOOK_SIDE_DEG = (
    float(np.floor(np.rad2deg(most))) for most in (LOOK_UP_RAD, LOOK_DOWN_RAD, LOOK_SIDE_RAD)
)
_MAX_REPR = 60  # characters of a value in a message


@dataclass(frozen=True)
class Table:
    """A table of the file, all of whose names are known."""

    values: Mapping[str, object]
    where: str  # its place, for messages: "scene.toml: expression 2"
    folder: Path  # in which the files that it names are searched

    @classmethod
    def of(cls, value: object, known: Sequence[str], where: str, folder: Path) -> Table:
        """RenderError if this is not a table, or a name in it is not known."""
        if not isinstance(value, Mapping):
            raise RenderError(f"{where} must be a table, got {short_repr(value)}")
        for name in value:
            if name not in known:
                hint = did_you_mean(str(name), known) or f": there are {', '.join(known)}"
                raise RenderError(f'{where}: nothing is called "{name}"{hint}')
        return cls(value, where, folder)

    def require(self, name: str) -> object:
        """The value of this name; RenderError if it is missing."""
        if name not in self.values:
            raise RenderError(f'{self.where}: "{name}" is missing')
        return self.values[name]

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float:
        """RenderError unless it is a number from `low` to `high`, or missing with a default."""
        if name not in self.values and default is not None:
            return default
        return require_number(self.require(name), low, high, f'{self.where}: "{name}"')

    def table(self, name: str, known: Sequence[str]) -> Table | None:
        """The table under this name; None if it is missing."""
        if name not in self.values:
            return None
        return Table.of(self.values[name], known, f"{self.where}: {name}", self.folder)

    def tables(self, name: str, known: Sequence[str]) -> tuple[Table, ...]:
        """The tables of the list under this name; none if it is missing."""
        listed = self.values.get(name, [])
        if not isinstance(listed, list):
            raise RenderError(f'{self.where}: "{name}" must be a list of tables, got {short_repr(listed)}')
        return tuple(
            Table.of(one, known, f"{self.where}: {name} {count}", self.folder) for count, one in enumerate(listed, 1)
        )


def read_document(path: Path, known: Sequence[str]) -> Table:
    """The top table of a TOML or JSON file; RenderError if it cannot be read, or a name in it is not known."""
    kind = path.suffix.lower()
    if kind not in (".toml", ".json"):
        raise RenderError(f"{path} is neither .toml nor .json, in which timelines are written; see docs/timelines.md")
    try:
        content = read_toml_or_json(path)
    except OSError as error:
        raise RenderError(f"cannot read the timeline {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise RenderError(f"{path} is no {kind[1:].upper()}: {error}") from error
    return Table.of(content, known, path.name, path.parent)


def require_number(value: object, low: float, high: float, what: str) -> float:
    """RenderError unless this is a number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise RenderError(f"{what} must be a number from {low:g} to {high:g}, got {short_repr(value)}")
    return float(value)


def _require_numbers(value: object, count: int, what: str) -> list[float]:
    if not isinstance(value, list) or len(value) != count:
        raise RenderError(f"{what} must be a list of {count} numbers, got {short_repr(value)}")
    return [require_number(one, -1e6, 1e6, what) for one in value]


def short_repr(value: object) -> str:
    """The value, short enough for a message."""
    text = repr(value)
    return text if len(text) <= _MAX_REPR else f"{text[:_MAX_REPR]}..."


# Keys of any kind.


def read_track(keys: Sequence[Table], row_of: Callable[[Table], Float64Array]) -> Track | None:
    """Keys in any order, each with a time of its own; None if there are none."""
    if not keys:
        return None
    ordered = in_order(keys)
    return Track(
        np.array([time_of(key) for key in ordered]),
        np.stack([row_of(key) for key in ordered]),
        tuple(ease_of(key) for key in ordered),
    )


def in_order(keys: Sequence[Table]) -> list[Table]:
    """The keys by time; RenderError if two have the same."""
    ordered = sorted(keys, key=time_of)
    for before, after in pairwise(ordered):
        if time_of(before) == time_of(after):
            raise RenderError(
                f"{after.where} stands at {time_of(after):g} seconds, where another key of its kind is: move one of "
                "them"
            )
    return ordered


def time_of(key: Table) -> float:
    return key.number("at", 0.0, MAX_SECONDS)


def ease_of(key: Table) -> Ease:
    try:
        return find_ease(key.values.get("ease", DEFAULT_EASE))
    except RenderError as error:
        raise RenderError(f"{key.where}: {error}") from error


# Keys of each kind.


def read_expression(document: Table) -> Track:
    """[67] in the order of `face_limits.NAMES`; a face at rest if there are no keys."""
    rest = require_in_limits(FlameParams.neutral(), "neutral")
    keys = document.tables("expression", EXPRESSION)
    return read_track(keys, read_face) or Track(np.zeros(1), rest[None], (DEFAULT_EASE,))


def read_face(key: Table) -> Float64Array:
    """[67] the face of "is", multiplied by "amount"."""
    value, what = key.require("is"), f'{key.where}: "is"'
    if isinstance(value, str):
        try:
            face = parse_face(value, key.folder)
        except RenderError as error:
            raise RenderError(f"{key.where}: {error}") from error
    elif isinstance(value, dict):
        face = face_from_values(value, what)
    else:
        raise RenderError(f"{what} must be a text or a table of weights, got {short_repr(value)}")
    return np.asarray(key.number("amount", 0.0, 1.0, 1.0) * require_in_limits(face, what))


def read_gaze(document: Table) -> Track | None:
    """[2] pitch and yaw of both eyes in radians; None if there are no keys."""

    def row_of(key: Table) -> Float64Array:
        pitch = key.number("pitch_deg", -_LOOK_UP_DEG, _LOOK_DOWN_DEG, 0.0)
        return np.deg2rad([pitch, key.number("yaw_deg", -_LOOK_SIDE_DEG, _LOOK_SIDE_DEG, 0.0)])

    return read_track(document.tables("gaze", GAZE), row_of)


def read_head(document: Table) -> Track | None:
    """[6] a rotation vector, and x, y, z in metres; None if there are no keys."""
    return read_track(document.tables("head", HEAD), _head_row)


def _head_row(key: Table) -> Float64Array:
    axes = (("yaw_deg", YAW_DEG), ("pitch_deg", PITCH_DEG), ("roll_deg", ROLL_DEG))
    angles = np.deg2rad([key.number(name, -most, most, 0.0) for name, most in axes])
    place = np.array([key.number(name, -PLACE_M, PLACE_M, 0.0) for name in ("x", "y", "z")], np.float32)
    posed = replace(FlameParams.neutral(), neck_pose=rotation_from_angles(angles), translation=place)
    row = require_in_limits(posed, f"{key.where}: pitch, yaw and roll together turn the head too far, make one smaller")
    return np.concatenate([row[NECK], row[PLACE]])


def read_light(document: Table) -> Track:
    """[27] harmonics; the studio's light if there are no keys."""
    value = document.values.get("light", STUDIO)
    if isinstance(value, str):
        harmonics = _harmonics(value, f"{document.where}: light", document)
        return Track(np.zeros(1), harmonics[None], (DEFAULT_EASE,))
    found = read_track(document.tables("light", LIGHT), lambda key: _harmonics(key.require("is"), key.where, key))
    return found or Track(np.zeros(1), studio_light().astype(np.float64)[None], (DEFAULT_EASE,))


def _harmonics(value: object, what: str, table: Table) -> Float64Array:
    """[27] of a preset, a list of numbers or a lamp."""
    if isinstance(value, str):
        if value == STUDIO:
            return studio_light().astype(np.float64)
        if value not in LIGHT_PRESETS:
            known = (STUDIO, *LIGHT_PRESETS)
            raise RenderError(
                f'{what}: no light is called "{value}"{did_you_mean(value, known)}: there are {", ".join(known)}'
            )
        return LIGHT_PRESETS[value].setting.harmonics().astype(np.float64)
    if isinstance(value, list):
        return np.array(_require_numbers(value, LIGHT_SIZE, f'{what}: "is"'))
    if not isinstance(value, dict):
        raise RenderError(
            f'{what}: "is" must be a name, {LIGHT_SIZE} numbers, or a table of {", ".join(LAMP)}; '
            f"got {short_repr(value)}"
        )
    lamp = Table.of(value, LAMP, what, table.folder)
    x, y, z = _require_numbers(lamp.require("direction"), 3, f'{what}: "direction"')
    strength = lamp.number("strength", 0.0, MOST_STRENGTH, 1.0)
    warmth, ambient = lamp.number("warmth", -1.0, 1.0, 0.1), lamp.number("ambient", 0.0, 1.0, 0.5)
    try:
        return lamp_light((x, y, z), strength, warmth, ambient).astype(np.float64)
    except LightError as error:
        raise RenderError(f"{what}: {error}") from error
