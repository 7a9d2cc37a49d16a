"""Reads and writes actors: one JSON file for each person and kind of camera."""

from __future__ import annotations

import json
import math
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from omote.bridge import arkit
from omote.bridge.errors import OmoteError
from omote.engine.data import Actor, Array
from omote.engine.face.expressions import EXPRESSION_RULES
from omote.engine.storage import data_folder, write_text

__all__ = [
    "ActorError",
    "ActorRecord",
    "Provenance",
    "actor_names",
    "actor_path",
    "actors_folder",
    "find_actor",
    "load_actor",
    "save_actor",
    "save_neutral",
]

MAX_ACTOR_BYTES = 1 << 20  # a real one has some 10 kB


def actors_folder() -> Path:
    """Where actors are kept: OMOTE_ACTORS, else in Omote's data folder; whether it is there or not."""
    named = os.environ.get("OMOTE_ACTORS")
    return Path(named).expanduser() if named else data_folder() / "actors"


def actor_path(name: str, source_name: str) -> Path:
    """The one file of this person before this kind of camera; ActorError where the name cannot be one."""
    return actors_folder() / f"{person_slug(name)}@{source_slug(source_name)}{ACTOR_SUFFIX}"


def actor_names() -> tuple[str, ...]:
    """Who is remembered, before whatever camera, as their files call them; in order."""
    try:
        files = sorted(actors_folder().glob(f"*@*{ACTOR_SUFFIX}"))
    except OSError:
        return ()
    return tuple(dict.fromkeys(file.name.partition("@")[0] for file in files if not file.name.startswith(".")))


def find_actor(name: str, source_name: str) -> ActorRecord | None:
    """Who was calibrated before this kind of camera; None where nobody was, ActorError where the file is damaged."""
    path = actor_path(name, source_name)
    try:
        path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ActorError(f"cannot read {path} ({error.strerror}): choose another folder by OMOTE_ACTORS") from error
    return load_actor(path)


def save_neutral(actor: Actor, source_name: str, date: str) -> Path:
    """Keeps the newly found rest of an actor in their file, and of what was found before all that still holds.

    `date` is ISO 8601. ActorError where it cannot be written.
    """
    path = actor_path(actor.name, source_name)
    try:
        before = find_actor(actor.name, source_name)
    except ActorError:  # a damaged file is worth less than a new one
        before = None
    made = replace(before.made, date=date, source=source_name) if before else Provenance(date, source_name)
    save_actor(actor, path, made)
    return path


def save_actor(actor: Actor, path: Path, made: Provenance) -> None:
    """Writes all of it or nothing, and makes the folder; ActorError where it makes no sense or cannot be written."""
    said = record_to_json(ActorRecord(actor, made))
    record_from_json(said)  # what could not be read again is not written
    text = json.dumps(said, indent=1) + "\n"
    try:
        write_text(path, text)
    except OSError as error:
        why = error.strerror or error
        raise ActorError(f"cannot write {path} ({why}): choose another place by --out or OMOTE_ACTORS") from error


def load_actor(path: Path) -> ActorRecord:
    """Who is in a file; ActorError, and nothing else, says what is wrong with it and the cure."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_ACTOR_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ActorError(f"cannot read {path} ({why}): run omote calibrate") from error
    if len(data) > MAX_ACTOR_BYTES:
        raise ActorError(f"{path} is above {MAX_ACTOR_BYTES} bytes, so no actor file: run omote calibrate")
    try:
        return record_from_json(json.loads(data.decode("utf-8")))
    except ActorError as error:
        raise ActorError(f"{path} is damaged: {error}; run omote calibrate again, or remove it") from error
    except (ValueError, RecursionError) as error:
        raise ActorError(f"{path} is no actor file ({error}): run omote calibrate again, or remove it") from error


VERSION = 1
_KEY = "omote_actor"
_MAX_TEXT = 300
_MAX_STEPS = 40
MAX_GAIN = 10.0
_MOST_ROTATION = 2.0 * math.pi
_MOST_TRANSLATION_M = 100.0
# Of each number by weight: the least and the most that make sense.
_ACTOR_RANGES = {"neutral": (0.0, 1.0), "gain": (0.0, MAX_GAIN), "noise_floor": (0.0, 1.0)}
_FINDINGS_RANGES = {"least": (0.0, 1.0), "most": (0.0, 1.0), "jitter": (0.0, 1.0), "calm": (0.0, MAX_GAIN)}
_POSE_RANGES = {"neutral_rotation": _MOST_ROTATION, "neutral_translation": _MOST_TRANSLATION_M}
_DIGITS = 6


class ActorError(OmoteError, ValueError):
    """No actor, or a file that holds none; the message says what was found, what was wanted and the cure."""


@dataclass(frozen=True)
class Provenance:
    """How an actor came about."""

    date: str  # ISO 8601
    source: str  # "webcam 0"
    findings: CalibrationFindings | None = None  # None where only the rest was taken, by one key


@dataclass(frozen=True)
class ActorRecord:
    """What a file holds."""

    actor: Actor
    made: Provenance


def record_to_json(kept: ActorRecord) -> dict[str, object]:
    """The same in JSON's types; `kept_from_json` takes it back to six digits."""
    actor, made = kept.actor, kept.made
    return {
        _KEY: VERSION,
        "name": actor.name,
        "date": made.date,
        "source": made.source,
        **{name: _row(getattr(actor, name)) for name in _POSE_RANGES},
        "thresholds": {name: round(value, _DIGITS) for name, value in actor.thresholds},
        **{name: _by_weight(getattr(actor, name)) for name in _ACTOR_RANGES},
        "findings": _findings_to_json(made.findings) if made.findings else None,
    }


def record_from_json(said: object) -> ActorRecord:
    """What a file says; ActorError where it makes no sense."""
    file = _mapping("the file", said)
    if _KEY not in file:
        raise ActorError(f'it has no "{_KEY}"')
    if file[_KEY] != VERSION or isinstance(file[_KEY], bool):
        raise ActorError(
            f"it is of version {_shortened_repr(file[_KEY])}, and this Omote reads {VERSION}: update Omote"
        )
    known = (_KEY, "name", "date", "source", *_POSE_RANGES, "thresholds", *_ACTOR_RANGES, "findings")
    _check_keys("the file", file, known)
    findings = file["findings"]
    return ActorRecord(
        Actor(
            name=_text("name", file["name"]),
            **{name: _weights(name, file[name], *bounds) for name, bounds in _ACTOR_RANGES.items()},
            **{name: _pose(name, file[name], most) for name, most in _POSE_RANGES.items()},
            thresholds=_thresholds(file["thresholds"]),
        ),
        Provenance(
            _text("date", file["date"]),
            _text("source", file["source"]),
            None if findings is None else _findings(findings),
        ),
    )


def _findings_to_json(findings: CalibrationFindings) -> dict[str, object]:
    steps = [{one.name: getattr(step, one.name) for one in fields(StepResult)} for step in findings.steps]
    return {**{name: _by_weight(getattr(findings, name)) for name in _FINDINGS_RANGES}, "steps": steps}


def _findings(said: object) -> CalibrationFindings:
    findings = _mapping("findings", said)
    _check_keys("findings", findings, (*_FINDINGS_RANGES, "steps"))
    numbers = {name: _weights(name, findings[name], *bounds) for name, bounds in _FINDINGS_RANGES.items()}
    steps = findings["steps"]
    if not isinstance(steps, list) or len(steps) > _MAX_STEPS:
        raise ActorError(f"steps must be a list of at most {_MAX_STEPS}, got {_shortened_repr(steps)}")
    return CalibrationFindings(steps=tuple(_step(step) for step in steps), **numbers)


def _step(said: object) -> StepResult:
    step = _mapping("a step", said)
    names = tuple(one.name for one in fields(StepResult))
    _check_keys("a step", step, names)
    found = StepResult(*(_text(f"{name} of a step", step[name], least=0) for name in names))
    if found.state not in STEP_STATES:
        raise ActorError(f"the state of a step must be {', '.join(STEP_STATES)}, got {_shortened_repr(found.state)}")
    return found


def _mapping(what: str, said: object) -> Mapping[str, object]:
    if not isinstance(said, dict):
        raise ActorError(f"{what} must be an object, got {_shortened_repr(said)}")
    return said


def _check_keys(what: str, said: Mapping[str, object], known: tuple[str, ...]) -> None:
    if missing := [name for name in known if name not in said]:
        raise ActorError(f'{what} has no "{missing[0]}"')
    if unknown := [name for name in said if name not in known]:
        raise ActorError(f"{what} has {_shortened_repr(unknown[0])}, which nobody knows")


def _text(what: str, said: object, least: int = 1) -> str:
    if not isinstance(said, str) or not least <= len(said) <= _MAX_TEXT or not said.isprintable():
        raise ActorError(f"{what} must be a line of {least} to {_MAX_TEXT} letters, got {_shortened_repr(said)}")
    return said


def _weights(what: str, said: object, least: float, most: float) -> Array:
    numbers = _mapping(what, said)
    _check_keys(what, numbers, arkit.NAMES)
    return np.array([_number(f"{what} of {name}", numbers[name], least, most) for name in arkit.NAMES], np.float32)


def _pose(what: str, said: object, most: float) -> Array:
    if not isinstance(said, list) or len(said) != 3:
        raise ActorError(f"{what} must be three numbers, got {_shortened_repr(said)}")
    return np.array([_number(what, one, -most, most) for one in said], np.float32)


def _thresholds(said: object) -> tuple[tuple[str, float], ...]:
    thresholds = _mapping("thresholds", said)
    if unknown := [name for name in thresholds if name not in EXPRESSION_RULES]:
        raise ActorError(f"thresholds has {_shortened_repr(unknown[0])}; there are {', '.join(EXPRESSION_RULES)}")
    least = 10.0**-_DIGITS
    return tuple((name, _number(f"the threshold of {name}", one, least, 1.0)) for name, one in thresholds.items())


def _number(what: str, said: object, least: float, most: float) -> float:
    if isinstance(said, bool) or not isinstance(said, int | float) or not least <= said <= most:
        raise ActorError(f"{what} must be a number from {least:g} to {most:g}, got {_shortened_repr(said)}")
    return float(said)


def _shortened_repr(value: object) -> str:
    """What was found, short enough to be told; nothing of what is nested in it."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**12 else "a huge number"
    return text if len(text) <= 40 else f"{text[:40]}..."


def _row(values: Array) -> list[float]:
    return [round(float(value), _DIGITS) for value in values]


def _by_weight(values: Array) -> dict[str, float]:
    return dict(zip(arkit.NAMES, _row(values), strict=True))


ACTOR_SUFFIX = ".json"
_MAX_SLUG = 40  # letters of each part
_MAX_SLUG_BYTES = 120  # of each part; a file's name has 255 at most, and one letter up to four
_FIRST_PORT = 1000  # a number from here on is a port, which says nothing about the camera; below it counts cameras


def person_slug(name: str) -> str:
    """ "Ana Maria" is ana-maria, whether that is typed or read from a file's name; ActorError for no name."""
    found = _slug(name) if len(name) <= _MAX_SLUG else ""
    if not found or found != _shortened(found):  # a letter may stand for many: U+FDFA is eighteen
        raise ActorError(
            f"{name[: _MAX_SLUG + 1]!r} is no name for a person: wanted 1 to {_MAX_SLUG} letters, as in --actor ana"
        )
    return found


def source_slug(source_name: str) -> str:
    """ "webcam 0" is webcam-0; "livelink 11111" is livelink, for a phone stays the same on another port."""
    kind, _, number = source_name.rpartition(" ")
    if kind and number.isascii() and number.isdigit() and int(number[:6]) >= _FIRST_PORT:
        source_name = kind
    return _shortened(_slug(source_name)) or "source"


def _shortened(slug: str) -> str:
    """What fits into a file's name, whole letters of it."""
    return slug[:_MAX_SLUG].encode("utf-8")[:_MAX_SLUG_BYTES].decode("utf-8", "ignore")


def _slug(text: str) -> str:
    """Small letters, digits and single hyphens; "" where the text has neither letters nor digits."""
    letters = unicodedata.normalize("NFKC", text).casefold()
    return "-".join("".join(one if one.isalnum() else " " for one in letters).split())


STEP_STATES = ("done", "skipped", "unseen")  # unseen: the tracker is blind to it, so nothing is lost


def _zeros() -> Array:
    return np.zeros(arkit.COUNT, np.float32)


@dataclass(frozen=True)
class StepResult:
    """How one step of a session went."""

    name: str
    title: str
    state: str  # one of STEP_STATES
    remark: str = ""  # one sentence; "" where all went well


@dataclass(frozen=True)
class CalibrationFindings:
    """Numbers of one session; weights as the tracker said them, before any calibration."""

    least: Array = field(default_factory=_zeros)  # [52] of each weight in the whole session
    most: Array = field(default_factory=_zeros)  # [52]
    jitter: Array = field(default_factory=_zeros)  # [52] standard deviation while the face was held still
    calm: Array = field(default_factory=_zeros)  # [52] the same, smoothed as usual and counted by the new actor
    steps: tuple[StepResult, ...] = ()

    def __post_init__(self) -> None:
        for name in ("least", "most", "jitter", "calm"):
            value = getattr(self, name)
            if value.shape != (arkit.COUNT,) or not np.isfinite(value).all():
                raise ValueError(f"{name} must be finite [52], got {list(value.shape)}")
        for step in self.steps:
            if step.state not in STEP_STATES:
                raise ValueError(f"a step is {', '.join(STEP_STATES)}, got {step.state!r}")
