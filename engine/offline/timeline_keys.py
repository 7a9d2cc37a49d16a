"""The keys of a timeline, kind by kind, as tracks that can be asked for any time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from omote.bridge.angles import rotation_from_angles
from omote.engine.face.head import LOOK_DOWN_RAD, LOOK_SIDE_RAD, LOOK_UP_RAD
from omote.engine.face.lamps import MOST_STRENGTH, PRESETS, LightError, ball
from omote.engine.face.light import studio_light
from omote.engine.nouns import LIGHT_SIZE, FlameParams

from .asked_face import face_of, face_of_values, near
from .document import LATEST_S, Table, numbers, shown
from .easing import USUAL, Ease, Wide, ease_of
from .face_range import NECK, PITCH_DEG, PLACE, PLACE_M, ROLL_DEG, YAW_DEG, in_range
from .script import RenderError
from .track import Track

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
    rest = in_range(FlameParams.neutral(), "neutral")
    return track(document.tables("expression", EXPRESSION), face_row) or Track(np.zeros(1), rest[None], (USUAL,))


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
        return Track(np.zeros(1), _light(said, f"{document.place}: light", document)[None], (USUAL,))
    found = track(document.tables("light", LIGHT), _light_row)
    return found or Track(np.zeros(1), studio_light().astype(np.float64)[None], (USUAL,))


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
    return key.number("at", 0.0, LATEST_S)


def ease_of_key(key: Table) -> Ease:
    try:
        return ease_of(key.said.get("ease", USUAL))
    except RenderError as error:
        raise RenderError(f"{key.place}: {error}") from error


def face_row(key: Table) -> Wide:
    """[67] the face that "is" asks for, as much of it as "amount" says."""
    asked, what = key.need("is"), f'{key.place}: "is"'
    if isinstance(asked, str):
        try:
            found = face_of(asked, key.folder)
        except RenderError as error:
            raise RenderError(f"{key.place}: {error}") from error
    elif isinstance(asked, dict):
        found = face_of_values(asked, what)
    else:
        raise RenderError(f"{what} must be a text or a table of weights, got {shown(asked)}")
    return np.asarray(key.number("amount", 0.0, 1.0, 1.0) * in_range(found, what))


def _gaze_row(key: Table) -> Wide:
    pitch = key.number("pitch_deg", -LOOK_UP_DEG, LOOK_DOWN_DEG, 0.0)
    return np.deg2rad([pitch, key.number("yaw_deg", -LOOK_SIDE_DEG, LOOK_SIDE_DEG, 0.0)])


def _head_row(key: Table) -> Wide:
    axes = (("yaw_deg", YAW_DEG), ("pitch_deg", PITCH_DEG), ("roll_deg", ROLL_DEG))
    angles = np.deg2rad([key.number(name, -most, most, 0.0) for name, most in axes])
    place = np.array([key.number(name, -PLACE_M, PLACE_M, 0.0) for name in ("x", "y", "z")], np.float32)
    held = replace(FlameParams.neutral(), neck_pose=rotation_from_angles(angles), translation=place)
    row = in_range(held, f"{key.place}: pitch, yaw and roll together turn the head too far, make one smaller")
    return np.concatenate([row[NECK], row[PLACE]])


def _light_row(key: Table) -> Wide:
    return _light(key.need("is"), key.place, key)


def _light(asked: object, what: str, inside: Table) -> Wide:
    if isinstance(asked, str):
        if asked == STUDIO:
            return studio_light().astype(np.float64)
        if asked not in PRESETS:
            known = (STUDIO, *PRESETS)
            raise RenderError(f'{what}: no light is called "{asked}"{near(asked, known)}: there are {", ".join(known)}')
        return PRESETS[asked].setting.harmonics().astype(np.float64)
    if isinstance(asked, list):
        return np.array(numbers(asked, LIGHT_SIZE, f'{what}: "is"'))
    if not isinstance(asked, dict):
        raise RenderError(
            f'{what}: "is" must be a name, {LIGHT_SIZE} numbers, or a table of {", ".join(BALL)}; got {shown(asked)}'
        )
    table = Table.of(asked, BALL, what, inside.folder)
    x, y, z = numbers(table.need("direction"), 3, f'{what}: "direction"')
    strength = table.number("strength", 0.0, MOST_STRENGTH, 1.0)
    warmth, ambient = table.number("warmth", -1.0, 1.0, 0.1), table.number("ambient", 0.0, 1.0, 0.5)
    try:
        return ball((x, y, z), strength, warmth, ambient).astype(np.float64)
    except LightError as error:
        raise RenderError(f"{what}: {error}") from error
