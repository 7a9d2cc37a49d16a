"""A scripted person who follows a guided calibration: takes with a known rest, reach and noise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from omote.bridge import arkit
from omote.calibration.measurement import CalibrationError
from omote.calibration.poses import BY_NAME
from omote.calibration.session import CalibrationSession
from omote.engine.capture.take import Take
from omote.engine.data import Array, Signal, Stamp
from omote.engine.face.retarget import gaze_from_weights

MAX_S = 180.0  # of a session
REACTION_S = 0.4  # from the end of the countdown until the face begins to move
TAU_S = 0.12  # in which a face makes 63 percent of a movement
BLINK_EVERY_S, BLINK_S = 3.1, 0.2
# Of a round: every pose comes again within the session's timeout, and the next pose about three seconds after the
# present one, when its countdown is over.
ROUND_REST_S, ROUND_POSE_S, ROUND_GAP_S, STRIDE = 2.6, 0.98, 0.18, 3


def _zeros() -> Array:
    return np.zeros(arkit.COUNT, np.float32)


@dataclass(frozen=True)
class Person:
    """A performer, as a tracker sees them."""

    neutral: Array = field(default_factory=_zeros)  # [52] at rest
    reach: Mapping[str, float] = field(default_factory=dict)  # weight at the extreme, by name; else the usual one
    noise: Array = field(default_factory=_zeros)  # [52] standard deviation of the tracker
    rotation: Array = field(default_factory=lambda: np.zeros(3, np.float32))  # [3] of the head at rest
    translation: Array = field(default_factory=lambda: np.zeros(3, np.float32))  # [3] metres
    cannot: tuple[str, ...] = ()  # poses that the person does not make


def session_take(person: Person, fps: float = 30.0, seed: int = 0) -> Take:
    """The take of a whole session with this person, deterministic; CalibrationError where it does not end."""
    random = np.random.default_rng(seed)
    session = CalibrationSession("scripted", "scripted")
    session.begin()
    face, pose, since_s = person.neutral, "", 0.0
    rows: list[Array] = []
    while session.view.state != "done":
        time_s = len(rows) / fps
        if time_s > MAX_S:
            raise CalibrationError(f"the session is not over after {MAX_S:.0f} s, at {session.view}")
        view = session.view
        current = view.steps[view.step].name if view.state == "holding" else ""
        if current != pose:
            pose, since_s = current, time_s
        target = _target(person, pose if time_s - since_s >= REACTION_S else "")
        face = _nearer(face, target, fps)
        rows.append(_seen(person, face, time_s, random))
        session.see(_signal(person, rows[-1], len(rows) - 1, fps))
    return _take(person, rows, fps)


def rounds_take(person: Person, seconds: float, fps: float = 30.0, seed: int = 0) -> Take:
    """The take of this person making every pose in turn, again and again: a session may begin at any moment."""
    random = np.random.default_rng(seed)
    face = person.neutral
    rows: list[Array] = []
    for index in range(round(seconds * fps)):
        face = _nearer(face, _target(person, _of_round(index / fps)), fps)
        rows.append(_seen(person, face, index / fps, random))
    return _take(person, rows, fps)


def _of_round(time_s: float) -> str:
    """The pose at this moment; empty at rest."""
    names = list(BY_NAME)[1:]
    slot_s = ROUND_POSE_S + ROUND_GAP_S
    since_s = time_s % (ROUND_REST_S + len(names) * slot_s) - ROUND_REST_S
    slot, into_s = divmod(since_s, slot_s)
    if since_s < 0.0 or into_s >= ROUND_POSE_S:
        return ""
    order = sorted(range(len(names)), key=lambda step: STRIDE * step % len(names))
    return names[order[int(slot)]]


def _target(person: Person, pose: str) -> Array:
    target = person.neutral.copy()
    if pose and pose not in person.cannot:
        for name in BY_NAME[pose].weights:
            index = arkit.INDEX[name]
            usual = min(float(person.neutral[index]) + BY_NAME[pose].usual, 1.0)
            target[index] = person.reach.get(name, usual)
    return target


def _nearer(face: Array, target: Array, fps: float) -> Array:
    """The face one picture later."""
    share = np.float32(1.0 - math.exp(-1.0 / (fps * TAU_S)))
    return np.asarray(face + share * (target - face), np.float32)


def _seen(person: Person, face: Array, time_s: float, random: np.random.Generator) -> Array:
    """The face with blinks and noise, as the tracker sees it."""
    seen = face.copy()
    into_s = time_s % BLINK_EVERY_S
    if into_s < BLINK_S:
        lids = [arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]]
        seen[lids] = np.maximum(seen[lids], 0.8 * math.sin(math.pi * into_s / BLINK_S))
    return np.asarray(np.clip(seen + person.noise * random.standard_normal(arkit.COUNT), 0.0, 1.0), np.float32)


def _signal(person: Person, row: Array, index: int, fps: float) -> Signal:
    time_ns = round(index * 1e9 / fps)
    stamp = Stamp(index, time_ns, time_ns)
    return Signal(stamp, row, person.rotation, person.translation, gaze_from_weights(row))


def _take(person: Person, rows: list[Array], fps: float) -> Take:
    count = len(rows)
    return Take(
        fps=fps,
        time_s=np.arange(count) / fps,
        weights=np.array(rows, np.float32),
        head_rotation=np.tile(person.rotation, (count, 1)),
        head_translation=np.tile(person.translation, (count, 1)),
        gaze=np.array([gaze_from_weights(row) for row in rows], np.float32),
        confidence=np.ones(count, np.float32),
        provenance="a scripted person who follows Omote's calibration; nobody's face",
    )
