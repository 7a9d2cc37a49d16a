"""Reads and writes actors: one JSON file for each person and camera."""

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
from omote.engine.storage import data_folder, user_path, write_text

ACTOR_SUFFIX = ".json"
MAX_ACTOR_BYTES = 1 << 20  # a real one has about 10 kB
STEP_STATES = ("done", "skipped", "unseen")  # unseen: the tracker cannot see the pose, so nothing is lost
VERSION = 1

_KEY = "omote_actor"
_MEASURED_REST = "measured_rest"  # only where a resting face was set since the session
_MAX_TEXT = 300
_MAX_STEPS = 40
_DIGITS = 6
MAX_GAIN = 10.0
# The valid range of each number, for fields with a number for each weight and for the pose.
_ACTOR_RANGES = {"neutral": (0.0, 1.0), "gain": (0.0, MAX_GAIN), "noise_floor": (0.0, 1.0)}
_FINDINGS_RANGES = {"least": (0.0, 1.0), "most": (0.0, 1.0), "jitter": (0.0, 1.0), "calm": (0.0, MAX_GAIN)}
_POSE_RANGES = {"neutral_rotation": 2.0 * math.pi, "neutral_translation": 100.0}  # radians, metres
_MAX_SLUG = 40  # letters of each part of a file's name
_MAX_SLUG_BYTES = 120  # of each part; a file's name has at most 255, and a letter up to four
_FIRST_PORT = 1000  # a number from here on is a port, which does not identify a camera; smaller numbers count cameras


class ActorError(OmoteError, ValueError):
    """The actor or its file is invalid; the message says what was found, what was expected and the cure."""


def _zeros() -> Array:
    return np.zeros(arkit.COUNT, np.float32)


@dataclass(frozen=True)
class StepResult:
    """The result of one step of a session."""

    name: str
    title: str
    state: str  # one of STEP_STATES
    remark: str = ""  # one sentence; empty where all went well


@dataclass(frozen=True)
class CalibrationFindings:
    """Numbers of one session; weights as the tracker reports them, before any calibration."""

    least: Array = field(default_factory=_zeros)  # [52] of each weight in the session
    most: Array = field(default_factory=_zeros)  # [52]
    jitter: Array = field(default_factory=_zeros)  # [52] standard deviation of the still face
    calm: Array = field(default_factory=_zeros)  # [52] the same after the usual smoothing and calibration
    steps: tuple[StepResult, ...] = ()

    def __post_init__(self) -> None:
        for name in ("least", "most", "jitter", "calm"):
            value = getattr(self, name)
            if value.shape != (arkit.COUNT,) or not np.isfinite(value).all():
                raise ValueError(f"{name} must be finite [52], got {list(value.shape)}")
        for step in self.steps:
            if step.state not in STEP_STATES:
                raise ValueError(f"a step is {', '.join(STEP_STATES)}, got {step.state!r}")


@dataclass(frozen=True)
class Provenance:
    """When and from what an actor was measured."""

    date: str  # ISO 8601
    source: str  # "webcam 0"
    findings: CalibrationFindings | None = None  # None where only the rest was measured, with one key


@dataclass(frozen=True)
class ActorRecord:
    """The content of an actor's file."""

    actor: Actor
    made: Provenance
    measured: Actor | None = None  # as the session measured it, if a resting face was set since

    @property
    def has_own_rest(self) -> bool:
        """Whether the rest was set with one key, not measured by a session."""
        return self.measured is not None or self.made.findings is None


def actors_folder() -> Path:
    """The folder of actors, which may not exist yet: OMOTE_ACTORS, or in Omote's data folder."""
    named = os.environ.get("OMOTE_ACTORS")
    return user_path(named) if named else data_folder() / "actors"


def actor_path(name: str, source_name: str) -> Path:
    """The file of this person and camera; ActorError where the name is invalid."""
    return actors_folder() / f"{person_slug(name)}@{source_slug(source_name)}{ACTOR_SUFFIX}"


def actor_names() -> tuple[str, ...]:
    """The names of all stored actors, as in the names of their files, sorted."""
    try:
        files = sorted(actors_folder().glob(f"*@*{ACTOR_SUFFIX}"))
    except OSError:
        return ()
    names = [file.name for file in files if not file.name.startswith(".") and file.name.isprintable()]
    return tuple(dict.fromkeys(name.partition("@")[0] for name in names))


def find_actor(name: str, source_name: str) -> ActorRecord | None:
    """The stored actor of this person and camera; None where there is none, ActorError where the file is damaged."""
    path = actor_path(name, source_name)
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):  # the latter for a user without a home folder
        return None
    except OSError as error:
        raise ActorError(f"cannot read {path} ({error.strerror}): choose another folder with OMOTE_ACTORS") from error
    return load_actor(path)


def save_neutral(actor: Actor, source_name: str, date: str) -> Path:
    """Stores an actor's new rest beside the one of the last session, which `forget_neutral` restores.

    `date` is ISO 8601. ActorError where the file cannot be written.
    """
    path = actor_path(actor.name, source_name)
    try:
        before = find_actor(actor.name, source_name)
    except ActorError:  # replaces a damaged file
        before = None
    if before and before.made.findings:
        save_record(ActorRecord(actor, before.made, before.measured or before.actor), path)
    else:
        save_actor(actor, path, Provenance(date, source_name))
    return path


def forget_neutral(name: str, source_name: str) -> None:
    """Restores the rest of the last session; without a session, deletes the file. ActorError where that fails."""
    path, kept = actor_path(name, source_name), find_actor(name, source_name)
    if kept is None or not kept.has_own_rest:
        raise ActorError(f"no resting face was set for {name} and this camera since the last calibration")
    if kept.measured is not None:
        save_actor(kept.measured, path, kept.made)
        return
    try:
        path.unlink()
    except OSError as error:
        raise ActorError(f"cannot delete {path} ({error.strerror}): remove it yourself") from error


def save_actor(actor: Actor, path: Path, made: Provenance) -> None:
    """Writes the file atomically, and makes its folder; ActorError where a value is invalid or the write fails."""
    save_record(ActorRecord(actor, made), path)


def save_record(record: ActorRecord, path: Path) -> None:
    """As `save_actor`, with the measured rest if another one was set since."""
    fields = record_to_json(record)
    record_from_json(fields)  # checks the values
    text = json.dumps(fields, indent=1) + "\n"
    try:
        write_text(path, text)
    except OSError as error:
        why = error.strerror or error
        raise ActorError(f"cannot write {path} ({why}): choose another place with --out or OMOTE_ACTORS") from error


def load_actor(path: Path) -> ActorRecord:
    """The record in this file; raises only ActorError, which says what is wrong and the cure."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_ACTOR_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ActorError(f"cannot read {path} ({why}): run omote calibrate") from error
    if len(data) > MAX_ACTOR_BYTES:
        raise ActorError(f"{path} has more than {MAX_ACTOR_BYTES} bytes, so it is no actor file: run omote calibrate")
    try:
        return record_from_json(json.loads(data.decode("utf-8")))
    except ActorError as error:
        raise ActorError(f"{path} is damaged: {error}; run omote calibrate again, or remove it") from error
    except (ValueError, RecursionError) as error:
        raise ActorError(f"{path} is no actor file ({error}): run omote calibrate again, or remove it") from error


# The record as JSON.


def record_to_json(record: ActorRecord) -> dict[str, object]:
    """The record in JSON's types; numbers have six digits."""
    actor, made = record.actor, record.made
    return {
        _KEY: VERSION,
        "name": actor.name,
        "date": made.date,
        "source": made.source,
        **{name: _row(getattr(actor, name)) for name in _POSE_RANGES},
        "thresholds": {name: round(value, _DIGITS) for name, value in actor.thresholds},
        **{name: _by_weight(getattr(actor, name)) for name in _ACTOR_RANGES},
        "findings": _findings_to_json(made.findings) if made.findings else None,
        **({_MEASURED_REST: _rest_to_json(record.measured)} if record.measured else {}),
    }


def _rest_to_json(actor: Actor) -> dict[str, object]:
    return {"neutral": _by_weight(actor.neutral), **{name: _row(getattr(actor, name)) for name in _POSE_RANGES}}


def _with_rest(actor: Actor, value: object) -> Actor:
    """The actor with the rest of this JSON."""
    rest = _mapping(_MEASURED_REST, value)
    _check_keys(_MEASURED_REST, rest, ("neutral", *_POSE_RANGES))
    return replace(
        actor,
        neutral=_weights("neutral", rest["neutral"], *_ACTOR_RANGES["neutral"]),
        neutral_rotation=_pose("neutral_rotation", rest["neutral_rotation"], _POSE_RANGES["neutral_rotation"]),
        neutral_translation=_pose(
            "neutral_translation", rest["neutral_translation"], _POSE_RANGES["neutral_translation"]
        ),
    )


def record_from_json(value: object) -> ActorRecord:
    """The inverse of `record_to_json`; raises only ActorError."""
    file = _mapping("the file", value)
    if _KEY not in file:
        raise ActorError(f'it has no "{_KEY}"')
    if file[_KEY] != VERSION or isinstance(file[_KEY], bool):
        raise ActorError(
            f"it is of version {_shortened_repr(file[_KEY])}, and this Omote reads {VERSION}: update Omote"
        )
    known = (_KEY, "name", "date", "source", *_POSE_RANGES, "thresholds", *_ACTOR_RANGES, "findings")
    measured = file.get(_MEASURED_REST)
    _check_keys("the file", {name: one for name, one in file.items() if name != _MEASURED_REST}, known)
    findings = file["findings"]
    actor = Actor(
        name=_text("name", file["name"]),
        **{name: _weights(name, file[name], *bounds) for name, bounds in _ACTOR_RANGES.items()},
        **{name: _pose(name, file[name], most) for name, most in _POSE_RANGES.items()},
        thresholds=_thresholds(file["thresholds"]),
    )
    return ActorRecord(
        actor,
        Provenance(
            _text("date", file["date"]),
            _text("source", file["source"]),
            None if findings is None else _findings(findings),
        ),
        None if measured is None else _with_rest(actor, measured),
    )


def _findings_to_json(findings: CalibrationFindings) -> dict[str, object]:
    steps = [{one.name: getattr(step, one.name) for one in fields(StepResult)} for step in findings.steps]
    return {**{name: _by_weight(getattr(findings, name)) for name in _FINDINGS_RANGES}, "steps": steps}


def _findings(value: object) -> CalibrationFindings:
    findings = _mapping("findings", value)
    _check_keys("findings", findings, (*_FINDINGS_RANGES, "steps"))
    numbers = {name: _weights(name, findings[name], *bounds) for name, bounds in _FINDINGS_RANGES.items()}
    steps = findings["steps"]
    if not isinstance(steps, list) or len(steps) > _MAX_STEPS:
        raise ActorError(f"steps must be a list of at most {_MAX_STEPS}, got {_shortened_repr(steps)}")
    return CalibrationFindings(steps=tuple(_step(step) for step in steps), **numbers)


def _step(value: object) -> StepResult:
    step = _mapping("a step", value)
    names = tuple(one.name for one in fields(StepResult))
    _check_keys("a step", step, names)
    found = StepResult(*(_text(f"{name} of a step", step[name], least=0) for name in names))
    if found.state not in STEP_STATES:
        raise ActorError(f"the state of a step must be {', '.join(STEP_STATES)}, got {_shortened_repr(found.state)}")
    return found


def _mapping(what: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ActorError(f"{what} must be an object, got {_shortened_repr(value)}")
    return value


def _check_keys(what: str, value: Mapping[str, object], known: tuple[str, ...]) -> None:
    if missing := [name for name in known if name not in value]:
        raise ActorError(f'{what} has no "{missing[0]}"')
    if unknown := [name for name in value if name not in known]:
        raise ActorError(f"{what} has {_shortened_repr(unknown[0])}, which is unknown")


def _text(what: str, value: object, least: int = 1) -> str:
    if not isinstance(value, str) or not least <= len(value) <= _MAX_TEXT or not value.isprintable():
        raise ActorError(f"{what} must be a line of {least} to {_MAX_TEXT} letters, got {_shortened_repr(value)}")
    return value


def _weights(what: str, value: object, least: float, most: float) -> Array:
    numbers = _mapping(what, value)
    _check_keys(what, numbers, arkit.NAMES)
    return np.array([_number(f"{what} of {name}", numbers[name], least, most) for name in arkit.NAMES], np.float32)


def _pose(what: str, value: object, most: float) -> Array:
    if not isinstance(value, list) or len(value) != 3:
        raise ActorError(f"{what} must be three numbers, got {_shortened_repr(value)}")
    return np.array([_number(what, one, -most, most) for one in value], np.float32)


def _thresholds(value: object) -> tuple[tuple[str, float], ...]:
    thresholds = _mapping("thresholds", value)
    if unknown := [name for name in thresholds if name not in EXPRESSION_RULES]:
        raise ActorError(f"thresholds has {_shortened_repr(unknown[0])}; there are {', '.join(EXPRESSION_RULES)}")
    least = 10.0**-_DIGITS
    return tuple((name, _number(f"the threshold of {name}", one, least, 1.0)) for name, one in thresholds.items())


def _number(what: str, value: object, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ActorError(f"{what} must be a number from {least:g} to {most:g}, got {_shortened_repr(value)}")
    return float(value)


def _shortened_repr(value: object) -> str:
    """The value in at most 40 letters, without nested values."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**12 else "a huge number"
    return text if len(text) <= 40 else f"{text[:40]}..."


def _row(values: Array) -> list[float]:
    return [round(float(value), _DIGITS) for value in values]


def _by_weight(values: Array) -> dict[str, float]:
    return dict(zip(arkit.NAMES, _row(values), strict=True))


# The name of the file.


def person_slug(name: str) -> str:
    """`ana-maria` for "Ana Maria", in the name of a file; ActorError where the name is invalid."""
    is_line = len(name) <= _MAX_SLUG and name.isprintable() and not set(name) & set("/\\")
    found = _slug(name) if is_line else ""
    if not found or found != _shortened(found):  # one letter may become many: U+FDFA becomes eighteen
        raise ActorError(
            f"{name[: _MAX_SLUG + 1]!r} is no name for a person: expected 1 to {_MAX_SLUG} letters, as in --actor ana"
        )
    return found


def source_slug(source_name: str) -> str:
    """`webcam-0` for "webcam 0"; `livelink` for "livelink 11111", because a phone may use another port."""
    kind, _, number = source_name.rpartition(" ")
    if kind and number.isascii() and number.isdigit() and int(number[:6]) >= _FIRST_PORT:
        source_name = kind
    return _shortened(_slug(source_name)) or "source"


def _shortened(slug: str) -> str:
    """The whole letters that fit into a file's name."""
    return slug[:_MAX_SLUG].encode("utf-8")[:_MAX_SLUG_BYTES].decode("utf-8", "ignore")


def _slug(text: str) -> str:
    """Lower-case letters, digits and single hyphens; empty where the text has neither letters nor digits."""
    letters = unicodedata.normalize("NFKC", text).casefold()
    return "-".join("".join(one if one.isalnum() else " " for one in letters).split())
