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
from .animation import RenderError
from .face_limits import NECK, PITCH_DEG, PLACE, PLACE_M, ROLL_DEG, YAW_DEG, require_in_limits
from .face_parser import did_you_mean, face_from_values, parse_face, read_toml_or_json
from .keyframes import DEFAULT_EASE, Ease, Track, Wide, find_ease

STUDIO = "studio"
EXPRESSION = ("at", "is", "amount", "ease")
GAZE = ("at", "pitch_deg", "yaw_deg", "ease")
HEAD = ("at", "pitch_deg", "yaw_deg", "roll_deg", "x", "y", "z", "ease")
LIGHT = ("at", "is", "ease")
BALL = ("direction", "strength", "warmth", "ambient")

# In whole degrees just inside what the eyes of the open head do.
LOOK_UP_DEG, LOOK_DOWN_DEG, LOOK_SIDE_DEG = (
    float(np.floor(np.rad2deg(most))) for most in (LOOK_UP_RAD, LOOK_DOWN_RAD, LOOK_SIDE_RAD)
)


def expression(document: Table) -> Track:
    """[67] in the order of `face_range.NAMES`; a face at rest where there are no keys."""
    rest = require_in_limits(FlameParams.neutral(), "neutral")
    return track(document.tables("expression", EXPRESSION), face_row) or Track(np.zeros(1), rest[None], (DEFAULT_EASE,))


def gaze(document: Table) -> Track | None:
    """[2] radians, pitch and yaw of both eyes; None where there are no keys."""
    return track(document.tables("gaze", GAZE), _gaze_row)


def head(document: Table) -> Track | None:
    """[6] a turn as a rotation vector, and x, y, z in metres; None where there are no keys."""
    return track(document.tables("head", HEAD), _head_row)


def light(document: Table) -> Track:
    """[27] harmonics; the studio's light where there are no keys."""
    said = document.said.get("light", STUDIO)
    if isinstance(said, str):
        return Track(np.zeros(1), _read_light(said, f"{document.place}: light", document)[None], (DEFAULT_EASE,))
    found = track(document.tables("light", LIGHT), _light_row)
    return found or Track(np.zeros(1), studio_light().astype(np.float64)[None], (DEFAULT_EASE,))


def track(keys: Sequence[Table], row_of: Callable[[Table], Wide]) -> Track | None:
    """Keys in any order, each with its own time; None where there are none."""
    if not keys:
        return None
    ordered = in_order(keys)
    return Track(
        np.array([at_of(key) for key in ordered]),
        np.stack([row_of(key) for key in ordered]),
        tuple(ease_of_key(key) for key in ordered),
    )


def in_order(keys: Sequence[Table]) -> list[Table]:
    """By time; RenderError where two stand at the same."""
    ordered = sorted(keys, key=at_of)
    for before, after in pairwise(ordered):
        if at_of(before) == at_of(after):
            raise RenderError(
                f"{after.place} stands at {at_of(after):g} seconds, where another key of its kind is: move one of them"
            )
    return ordered


def at_of(key: Table) -> float:
    return key.number("at", 0.0, MAX_SECONDS)


def ease_of_key(key: Table) -> Ease:
    try:
        return find_ease(key.said.get("ease", DEFAULT_EASE))
    except RenderError as error:
        raise RenderError(f"{key.place}: {error}") from error


def face_row(key: Table) -> Wide:
    """[67] the face that "is" asks for, as much of it as "amount" says."""
    asked, what = key.need("is"), f'{key.place}: "is"'
    if isinstance(asked, str):
        try:
            found = parse_face(asked, key.folder)
        except RenderError as error:
            raise RenderError(f"{key.place}: {error}") from error
    elif isinstance(asked, dict):
        found = face_from_values(asked, what)
    else:
        raise RenderError(f"{what} must be a text or a table of weights, got {short_repr(asked)}")
    return np.asarray(key.number("amount", 0.0, 1.0, 1.0) * require_in_limits(found, what))


def _gaze_row(key: Table) -> Wide:
    pitch = key.number("pitch_deg", -LOOK_UP_DEG, LOOK_DOWN_DEG, 0.0)
    return np.deg2rad([pitch, key.number("yaw_deg", -LOOK_SIDE_DEG, LOOK_SIDE_DEG, 0.0)])


def _head_row(key: Table) -> Wide:
    axes = (("yaw_deg", YAW_DEG), ("pitch_deg", PITCH_DEG), ("roll_deg", ROLL_DEG))
    angles = np.deg2rad([key.number(name, -most, most, 0.0) for name, most in axes])
    place = np.array([key.number(name, -PLACE_M, PLACE_M, 0.0) for name in ("x", "y", "z")], np.float32)
    held = replace(FlameParams.neutral(), neck_pose=rotation_from_angles(angles), translation=place)
    row = require_in_limits(held, f"{key.place}: pitch, yaw and roll together turn the head too far, make one smaller")
    return np.concatenate([row[NECK], row[PLACE]])


def _light_row(key: Table) -> Wide:
    return _read_light(key.need("is"), key.place, key)


def _read_light(asked: object, what: str, inside: Table) -> Wide:
    if isinstance(asked, str):
        if asked == STUDIO:
            return studio_light().astype(np.float64)
        if asked not in LIGHT_PRESETS:
            known = (STUDIO, *LIGHT_PRESETS)
            raise RenderError(
                f'{what}: no light is called "{asked}"{did_you_mean(asked, known)}: there are {", ".join(known)}'
            )
        return LIGHT_PRESETS[asked].setting.harmonics().astype(np.float64)
    if isinstance(asked, list):
        return np.array(require_numbers(asked, LIGHT_SIZE, f'{what}: "is"'))
    if not isinstance(asked, dict):
        raise RenderError(
            f'{what}: "is" must be a name, {LIGHT_SIZE} numbers, or a table of {", ".join(BALL)}; '
            f"got {short_repr(asked)}"
        )
    table = Table.of(asked, BALL, what, inside.folder)
    x, y, z = require_numbers(table.need("direction"), 3, f'{what}: "direction"')
    strength = table.number("strength", 0.0, MOST_STRENGTH, 1.0)
    warmth, ambient = table.number("warmth", -1.0, 1.0, 0.1), table.number("ambient", 0.0, 1.0, 0.5)
    try:
        return lamp_light((x, y, z), strength, warmth, ambient).astype(np.float64)
    except LightError as error:
        raise RenderError(f"{what}: {error}") from error


MAX_SECONDS = 36_000.0
_SHORT = 60  # letters of what was found


@dataclass(frozen=True)
class Table:
    """Names and values, of which each name is known."""

    said: Mapping[str, object]
    place: str  # for people: "scene.toml: expression 2"
    folder: Path  # against which the files that it names are looked for

    @classmethod
    def of(cls, said: object, known: Sequence[str], place: str, folder: Path) -> Table:
        """RenderError where this is no table, or a name in it is not known."""
        if not isinstance(said, Mapping):
            raise RenderError(f"{place} must be a table, got {short_repr(said)}")
        for name in said:
            if name not in known:
                hint = did_you_mean(str(name), known) or f": there are {', '.join(known)}"
                raise RenderError(f'{place}: nothing is called "{name}"{hint}')
        return cls(said, place, folder)

    def number(self, name: str, least: float, most: float, usual: float | None = None) -> float:
        """RenderError where it is no number from `least` to `most`, or is missing and there is no usual one."""
        if name not in self.said and usual is not None:
            return usual
        return require_number(self.need(name), least, most, f'{self.place}: "{name}"')

    def need(self, name: str) -> object:
        if name not in self.said:
            raise RenderError(f'{self.place}: "{name}" is missing')
        return self.said[name]

    def tables(self, name: str, known: Sequence[str]) -> tuple[Table, ...]:
        """Those of the list under this name, each with its number; none where the name is not there."""
        listed = self.said.get(name, [])
        if not isinstance(listed, list):
            raise RenderError(f'{self.place}: "{name}" must be a list of tables, got {short_repr(listed)}')
        return tuple(
            Table.of(one, known, f"{self.place}: {name} {count}", self.folder) for count, one in enumerate(listed, 1)
        )

    def table(self, name: str, known: Sequence[str]) -> Table | None:
        """The one under this name, where it is there."""
        if name not in self.said:
            return None
        return Table.of(self.said[name], known, f"{self.place}: {name}", self.folder)


def require_number(value: object, least: float, most: float, what: str) -> float:
    """RenderError unless this is a number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise RenderError(f"{what} must be a number from {least:g} to {most:g}, got {short_repr(value)}")
    return float(value)


def require_numbers(value: object, count: int, what: str) -> list[float]:
    """RenderError unless this is a list of so many numbers."""
    if not isinstance(value, list) or len(value) != count:
        raise RenderError(f"{what} must be a list of {count} numbers, got {short_repr(value)}")
    return [require_number(one, -1e6, 1e6, what) for one in value]


def short_repr(value: object) -> str:
    """What was found, short enough to be told."""
    text = repr(value)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."


def read_document(path: Path, known: Sequence[str]) -> Table:
    """What the TOML or JSON file says; RenderError where it cannot be read, or a name in it is not known."""
    kind = path.suffix.lower()
    if kind not in (".toml", ".json"):
        raise RenderError(f"{path} is neither .toml nor .json, in which timelines are written; see docs/timelines.md")
    try:
        said = read_toml_or_json(path)
    except OSError as error:
        raise RenderError(f"cannot read the timeline {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise RenderError(f"{path} is no {kind[1:].upper()}: {error}") from error
    return Table.of(said, known, path.name, path.parent)
